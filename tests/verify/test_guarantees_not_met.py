"""One hypothesis violated, one status not_met that says by which numbers; what is unknown is not evaluable."""

import math
import re

import numpy as np
import pytest

from verify import guarantees
from verify.guarantees.base import ratio
from verify.instance import Instance
from verify.problem import build, parse
from verify.run import run
from verify.verdict import Verdict

NUMBER = re.compile(r"\d")


def evaluated(data):
    loss, signal = guarantees.evaluate(Instance.of(build(parse(data))))
    return loss + signal


@pytest.mark.parametrize(
    ("condition", "statement", "title", "relation"),
    [
        ("baseline", "baseline.condition", "", "is not below R"),
        ("sharp", "sharp.condition", "", "is not below 1/2"),
        ("amgm", "dip2.amgm", "dual", "is not below 2σF∫F"),
    ],
)
@pytest.mark.parametrize("train", ["both", "W"])
def test_a_condition_just_missed_is_not_met_with_its_numbers(lab, find, condition, statement, title, relation, train):
    if condition == "amgm" and train == "W":
        pytest.skip("amgm is about both layers")
    network = {"train": train, "activation": "tanh"}
    missed = find(evaluated(lab.with_margin(condition, 1.001, seed=1, network=network)), statement, title)
    assert missed.status == "not_met"
    assert missed.margin == pytest.approx(1 / 1.001, rel=1e-6)
    assert relation in missed.reason
    assert NUMBER.search(missed.reason)
    assert not missed.curves
    met = find(evaluated(lab.with_margin(condition, 0.999, seed=1, network=network)), statement, title)
    assert met.in_force


def test_recovery_needs_the_baseline_and_the_sharp_condition(lab, find):
    items = evaluated(lab.with_margin("sharp", 1.01, seed=1))
    assert find(items, "baseline.recovery").status == "not_met"
    kernel = find(items, "recover.kernel")
    assert kernel.status == "not_met"
    assert "is not below 1/2" in kernel.reason
    split = find(items, "recover.split")
    assert split.status == "measured"
    assert split.checked
    assert not split.in_force
    constants = lab.instance(seed=1).constants
    seen = split.quantities["R_norm"] * (constants["tau"].value * constants["eps"].value)
    assert seen < split.quantities["seen_at_stop"]


def test_which_layers_are_trained_decides_which_theorems_apply(lab, find):
    both, inner = evaluated(lab.table(seed=1)), evaluated(lab.table(seed=1, network={"train": "W"}))
    assert find(both, "wonly.threshold").status == "not_met"
    assert "both layers" in find(both, "wonly.threshold").reason
    for statement in ("dip2.amgm", "dip2.balanced"):
        assert find(inner, statement).status == "not_met"
        assert "only W" in find(inner, statement).reason


def test_too_few_neurons_for_a_full_rank_are_said(lab, find):
    narrow = evaluated(lab.table(3, 3, seed=1, network={"train": "W", "width": 2, "antisymmetric": False}))
    for statement in ("baseline.condition", "sharp.condition"):
        found = find(narrow, statement)
        assert found.status == "not_met"
        assert "width" in found.reason


def test_balanced_needs_a_neuron_with_a_gap(lab, find):
    network = {"width": 4, "init": {"W_std": 0.1}}
    found = find(evaluated(lab.table(seed=1, network=network)), "dip2.balanced")
    assert found.status == "not_met"
    assert "gap" in found.reason


def test_noise_and_its_absence_choose_the_illposed_statement(lab, find):
    noisy = evaluated(lab.with_margin("sharp", 0.05, seed=14))
    clean = evaluated(lab.with_margin("sharp", 0.05, seed=14, noise=None))
    assert (find(noisy, "illposed.discrepancy").status, find(noisy, "illposed.rate").status) == ("in_force", "not_met")
    assert (find(clean, "illposed.discrepancy").status, find(clean, "illposed.rate").status) == ("not_met", "in_force")
    small = find(evaluated(lab.with_margin("sharp", 0.9, seed=14)), "illposed.discrepancy")
    assert small.status == "not_met"
    assert NUMBER.search(small.reason)
    weights = {"kind": "weighted_least_squares", "weights": [1.0, 2.0, 3.0]}
    weighted = find(evaluated(lab.with_margin("sharp", 0.05, seed=14, loss=weights)), "illposed.discrepancy")
    assert weighted.status == "not_met"
    assert "least squares" in weighted.reason


@pytest.mark.parametrize("train", ["both", "W"])
def test_an_unknown_noise_level_makes_what_needs_it_not_evaluable(lab, find, train):
    data = {
        "operator": {"kind": "dense", "values": lab.matrix(3, 3, 1)},
        "observation": {"values": [0.3, -0.2, 0.1]},
        "network": {"width": 64, "antisymmetric": True, "train": train, "output_scale": 8.0},
    }
    items = evaluated(data)
    for statement in ("illposed.discrepancy", "illposed.rate", "recover.kernel", "recover.split", "baseline.recovery"):
        found = find(items, statement)
        assert found.status == "not_evaluable", statement
        assert "not known" in found.reason or "needs" in found.reason
    sharp = find(items, "sharp.condition")
    assert sharp.in_force
    assert sharp.stop_time is None
    assert not [curve for curve in sharp.curves if "stop" in curve.statement]
    assert lab.run(data).verdict is Verdict.HOLDS


def test_a_known_level_without_the_truth_gives_stopping_times_but_no_distance(lab, find):
    data = {
        "operator": {"kind": "identity"}, "observation": {"values": [0.3, -0.2, 0.1]}, "noise": {"norm": 0.05},
        "network": {"width": 64, "antisymmetric": True, "output_scale": 20.0},
    }  # fmt: skip
    items = evaluated(data)
    assert find(items, "illposed.discrepancy").status == "not_evaluable"
    assert find(items, "sharp.condition").stop_time > 0
    result = lab.run(data)
    assert result.verdict is Verdict.HOLDS
    assert "obs_error" not in result.observed


@pytest.mark.parametrize("train", ["both", "W"])
@pytest.mark.parametrize("m", [2, 4])
def test_relu_is_outside_the_assumptions_everywhere(lab, train, m):
    result = lab.run(lab.table(m, 3, seed=1, network={"activation": "relu", "train": train, "output_scale": 30.0}))
    assert (result.verdict, result.exit_code, result.strongest) == (Verdict.HYPOTHESIS_NOT_MET, 3, None)
    for found in result.convergence:
        assert found.status == "not_met"
        assert "A.activation" in found.reason or "only W" in found.reason or "both layers" in found.reason
    assert [a.answer for a in result.assumptions if a.id == "A.activation"] == ["fails"]
    assert result.restart.first is None
    assert result.scale is None
    assert result.trajectory.loss[-1] < result.trajectory.loss[0]


def test_infeasible_data_keep_w_only_above_the_certified_gap(lab, find):
    """The zonotope of k = 6 neurons is left on purpose: the loss stays above half the squared gap for ever."""
    far = {"source": "values", "values": [40.0, -30.0, 20.0]}
    for weights in (None, {"kind": "weighted_least_squares", "weights": [0.2, 3.0, 1.0]}):
        network = {"train": "W", "width": 6, "antisymmetric": False}
        data = lab.table(3, 3, seed=2, signal=far, loss=weights, network=network, flow={"t_max": 1e3})
        result = lab.run(data)
        found = find(result.convergence, "wonly.threshold")
        assert found.status == "not_met"
        assert "cannot reach zero" in found.reason
        gap = found.quantities["inf_gap"]
        assert gap > 0
        assert (result.trajectory.residual > gap).all()
        assert result.trajectory.residual[-1] < 1.5 * gap
        assert (result.verdict, result.exit_code) == (Verdict.HYPOTHESIS_NOT_MET, 3)
        assert find(result.convergence, "wonly.linear_rate").status == "not_met"
        assert not find(result.convergence, "wonly.rate").zero_loss
        envelope = [c for c in result.checks if c.statement == "wonly.rate" and c.quantity == "rho"]
        assert [c.verdict for c in envelope] == [Verdict.HOLDS]


def test_a_kernel_makes_the_baseline_recovery_vacuous_and_says_so(lab, find):
    found = find(evaluated(lab.with_margin("baseline", 0.3, 2, 3, seed=9)), "baseline.recovery")
    assert found.status == "vacuous"
    assert "recover.tension" in found.reason
    assert not found.in_force


@pytest.mark.parametrize("train", ["both", "W"])
def test_a_jacobian_that_does_not_move(lab, find, train):
    """The identity with W only: Λ = 0 and R = ∞; σ_min equals its bound for ever, which is not compared."""
    result = lab.run(lab.table(seed=1, network={"activation": "identity", "train": train, "output_scale": 4.0}))
    assert Verdict.VIOLATED not in {check.verdict for check in result.checks}
    if train == "W":
        assert find(result.convergence, "sharp.condition").margin == math.inf
        assert "sharp.sigma" not in {check.statement for check in result.checks}
        assert find(result.recovery, "recover.kernel").checked
        assert (result.verdict, result.exit_code) == (Verdict.HOLDS, 0)


@pytest.mark.parametrize("noise", [None, {"norm": 0.01}])
@pytest.mark.parametrize("train", ["both", "W"])
def test_zero_data_crash_nothing(lab, train, noise):
    zero = {"source": "values", "values": [0.0, 0.0, 0.0]}
    instance = Instance.of(build(parse(lab.table(seed=1, signal=zero, noise=noise, network={"train": train}))))
    loss, signal = guarantees.evaluate(instance)
    assert all(np.isfinite(g.rate) for g in loss + signal)
    observation = {
        "operator": {"kind": "identity"}, "observation": {"values": [0.0, 0.0]}, "noise": {"norm": 0.1},
        "network": {"width": 8, "antisymmetric": True, "train": train},
    }  # fmt: skip
    result = run(build(parse(observation)))
    assert Verdict.VIOLATED not in {check.verdict for check in result.checks}
    assert ratio(1.0, 0.0) == math.inf


@pytest.mark.parametrize("output_scale", [0.05, 40.0])
def test_the_case_of_the_tension_is_stated_whether_the_baseline_holds_or_not(lab, find, output_scale):
    """Small scale: R' < R fails; large: it holds. The kernel of A is spoken of in both."""
    network = {"output_scale": output_scale, "width": 256}
    for shape, said in (((2, 3), "kernel of dimension 1"), ((3, 3), "A is injective"), ((4, 3), "A is injective")):
        items = evaluated(lab.table(*shape, seed=9, network=network))
        found = find(items, "baseline.recovery")
        held = find(items, "baseline.condition").in_force
        assert held == (output_scale > 1)
        assert found.status == (("vacuous" if shape[0] < shape[1] else "in_force") if held else "not_met")
        assert said in found.reason
        assert "recover.tension" in found.reason
        if not held:
            assert "does not hold" in found.reason


def test_a_kernel_that_the_synthesis_never_visits_is_no_tension(lab, find):
    smooth = lab.table(
        8, 8, seed=22, signal={"source": "values", "values": np.sin(np.arange(12.0)).tolist()},
        operator={"kind": "subsample", "every": 2}, synthesis={"kind": "fourier_synthesis", "omega0": 2.0},
        network={"width": 128, "output_scale": 60.0},
    )  # fmt: skip
    found = find(evaluated(smooth), "baseline.recovery")
    assert "kernel" in found.reason
    assert "synthesis" in found.reason


def test_a_linear_rate_that_moves_nothing_during_the_run_is_vacuous(lab, find):
    """The same instance with a run long enough for its rate, and with one that is not; the threshold promises either way."""
    table = lab.table(3, 3, seed=9, network={"train": "W"})
    full = find(evaluated(table), "wonly.linear_rate")
    assert full.in_force
    for seconds, status in ((0.02 / full.rate, "in_force"), (0.005 / full.rate, "vacuous")):
        items = evaluated({**table, "flow": {"t_max": seconds}})
        found = find(items, "wonly.linear_rate")
        assert found.status == status
        assert bool(found.curves) == found.zero_loss == (status == "in_force")
        assert find(items, "wonly.threshold").zero_loss
    assert "says nothing" in found.reason
    assert found.quantities["rate"] == full.quantities["rate"]
