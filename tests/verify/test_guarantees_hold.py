"""Guarantees in force hold along real runs, on instances whose output scale is chosen for a prescribed margin."""

from collections import Counter

import numpy as np
import pytest

from verify.problem import build, parse
from verify.verdict import Verdict

WEIGHTED = {"kind": "weighted_least_squares"}


def weighted(*weights):
    return {**WEIGHTED, "weights": list(weights)}


def network(activation, train="both", **more):
    return {"activation": activation, "train": train, **more}


# condition made to hold, need/capacity, (m, n), changes
CASES = {
    "both tanh": ("baseline", 0.8, (3, 3), {"seed": 1, "network": network("tanh")}),
    "both erf, m < n, weights": ("baseline", 0.5, (2, 4), {"seed": 2, "network": network("erf"), "loss": weighted(0.5, 2)}),
    "both sigmoid, m > n": ("baseline", 0.9, (5, 3), {"seed": 3, "network": network("sigmoid")}),
    "both softplus, weights": (
        "sharp", 0.95, (3, 3), {"seed": 4, "network": network("softplus"), "loss": weighted(1, 3, 2)},
    ),
    "both gelu, m < n": ("sharp", 0.6, (2, 5), {"seed": 5, "network": network("gelu")}),
    "both sin, m > n, weights": (
        "sharp", 0.7, (4, 2), {"seed": 6, "network": network("sin"), "loss": weighted(1, 3, 2, 0.25)},
    ),
    "both silu, only amgm and balanced": ("amgm", 0.9, (3, 3), {"seed": 7, "network": network("silu")}),
    "both tanh, no noise": ("amgm", 0.8, (2, 4), {"seed": 8, "network": network("tanh"), "noise": None}),
    "both tanh, lazy": ("sharp", 0.1, (3, 3), {"seed": 14, "network": network("tanh")}),
    "both sigmoid, lazy, m < n": ("sharp", 0.02, (2, 4), {"seed": 19, "network": network("sigmoid")}),
    "both tanh, no noise, lazy": ("sharp", 0.1, (4, 3), {"seed": 16, "network": network("tanh"), "noise": None}),
    "W tanh": ("baseline", 0.7, (3, 3), {"seed": 9, "network": network("tanh", "W")}),
    "W softplus, m < n, weights": (
        "baseline", 0.6, (2, 4), {"seed": 10, "network": network("softplus", "W"), "loss": weighted(0.3, 2)},
    ),
    "W erf, m > n, weights": (
        "sharp", 0.9, (4, 3), {"seed": 11, "network": network("erf", "W"), "loss": weighted(0.3, 2, 1, 0.7)},
    ),
    "W sigmoid, no noise": ("sharp", 0.8, (4, 3), {"seed": 12, "network": network("sigmoid", "W"), "noise": None}),
    "W sin, m < n": ("sharp", 0.5, (2, 5), {"seed": 13, "network": network("sin", "W")}),
    "W tanh, lazy, m < n": ("sharp", 0.05, (2, 4), {"seed": 17, "network": network("tanh", "W")}),
}  # fmt: skip

# (instances, stored times at which it held) that the suite has to contain at least, for every statement with curves
NEEDED = {
    "baseline.loss_rate": (5, 150), "baseline.param_rate": (5, 150), "baseline.early_stop": (5, 5),
    "step.confinement": (5, 150), "step.jacobian_ball": (5, 150), "baseline.recovery": (3, 90), "recover.linear": (3, 90),
    "sharp.rate": (12, 300), "sharp.logistic": (12, 300), "sharp.length": (12, 600), "sharp.sigma": (12, 600),
    "sharp.tail": (12, 300), "sharp.stop": (8, 8), "dip2.balanced": (8, 600), "illposed.discrepancy": (3, 6),
    "illposed.rate": (3, 60), "wonly.rate": (5, 150), "wonly.linear_rate": (4, 100), "recover.kernel": (5, 150),
    "recover.split": (15, 500), "linear: dip2.amgm": (6, 600), "dual: dip2.amgm": (8, 800),
}  # fmt: skip


def statement(check):
    """The identifier; the two variants of `dip2.amgm` apart."""
    variant = check.note.split(":")[0]
    return f"{variant}: {check.statement}" if check.statement == "dip2.amgm" and ":" in check.note else check.statement


@pytest.fixture(scope="module")
def results(lab):
    return {name: lab.run(lab.with_margin(c, f, *shape, **changes)) for name, (c, f, shape, changes) in CASES.items()}


@pytest.mark.parametrize("name", CASES)
def test_every_bound_in_force_holds_at_every_stored_time(results, name):
    result = results[name]
    bad = [(c.statement, c.note, c.counts) for c in result.checks if c.verdict is not Verdict.HOLDS]
    assert not bad
    assert (result.verdict, result.exit_code) == (Verdict.HOLDS, 0)
    assert all(check.slack > check.budget >= 0 for check in result.checks)


@pytest.mark.parametrize("name", CASES)
def test_the_margin_is_the_one_that_was_asked_for(results, find, name):
    condition, fraction, *_ = CASES[name]
    found = find(
        results[name].convergence,
        {"baseline": "baseline.condition", "sharp": "sharp.condition", "amgm": "dip2.amgm"}[condition],
        "dual" if condition == "amgm" else "",
    )
    assert found.in_force
    assert found.margin == pytest.approx(1 / fraction, rel=1e-6)


def test_no_statement_is_tested_vacuously(results):
    held, instances = Counter(), Counter()
    for result in results.values():
        for name in {statement(check) for check in result.checks}:
            instances[name] += 1
        for check in result.checks:
            held[statement(check)] += check.counts["holds"]
    assert set(NEEDED) <= set(held)
    short = {k: (instances[k], held[k]) for k, (i, n) in NEEDED.items() if instances[k] < i or held[k] < n}
    assert not short
    # where A has a kernel the bound on it is worth something at least once
    kernels = [r for r in results.values() if r.instance.U is not None and "recover.kernel" in map(statement, r.checks)]
    assert kernels
    settings = {
        (r.problem.network.train, r.problem.network.activation.name, r.problem.loss.name) for r in results.values()
    }
    assert len({activation for _, activation, _ in settings}) >= 7


def test_the_loss_goes_to_zero_where_that_is_promised(results):
    for result in results.values():
        assert result.strongest is not None
        assert any(g.zero_loss for g in result.convergence if g.in_force)
        assert result.status == "loss_stop"
        assert result.trajectory.loss[-1] <= 1e-7 * result.trajectory.loss[0] * (1 + 1e-9)


def test_the_limit_of_w_only_is_predicted(results):
    """`wonly.linear_rate`: the end of the run is where the dual problem says, in signal space."""
    seen = 0
    for name, result in results.items():
        if not name.startswith("W") or result.problem.truth is None:
            continue
        for g in result.convergence:
            if g.statement == "wonly.linear_rate" and g.in_force:
                error = result.observed["signal_error"].value[-1]
                assert error == pytest.approx(g.quantities["limit_error"], rel=2e-2, abs=2e-3)
                seen += 1
    assert seen >= 4


def test_near_the_start_without_paired_neurons(lab, find):
    """Without an antisymmetric start y is put at the distance from y(0) for which h has the drawn value."""
    data = lab.table(2, 3, seed=21, network={"antisymmetric": False, "width": 96}, noise={"values": [0.0, 1e-3]})
    start = build(parse(data))
    g0 = start.network.output()
    direction = np.linalg.svd(start.forward)[2][0]
    far = {**data, "signal": {"source": "values", "values": (g0 + direction).tolist()}}
    margin = find(lab.run({**far, "flow": {"t_max": 1e-3}}).convergence, "sharp.condition").margin
    step = 0.9 * margin  # ρ0 is proportional to the step, up to the noise
    near = {**data, "signal": {"source": "values", "values": (g0 + step * direction).tolist()}}
    result = lab.run(near)
    found = find(result.convergence, "sharp.condition")
    assert found.in_force
    assert found.margin == pytest.approx(1 / 0.9, rel=5e-2)
    assert result.verdict is Verdict.HOLDS
    assert {"sharp.length", "sharp.tail", "sharp.sigma"} <= {check.statement for check in result.checks}


def test_synthesis_truncation_and_weights_together(lab):
    """The signal is 12 samples of a smooth synthesis, half of them observed; truncation of a rank-deficient blur."""
    smooth = lab.table(
        8, 8, seed=22,
        signal={"source": "values", "values": np.sin(np.arange(12.0)).tolist()},
        operator={"kind": "subsample", "every": 2},
        synthesis={"kind": "fourier_synthesis", "omega0": 2.0},
        network={"width": 128, "output_scale": 60.0},
        loss=weighted(1, 2, 1, 2, 1, 3),
    )  # fmt: skip
    result = lab.run(smooth)
    assert result.verdict is Verdict.HOLDS
    assert {"recover.split", "sharp.rate", "dip2.amgm"} <= {check.statement for check in result.checks}
    matrix = np.array(lab.matrix(3, 4, 5))
    rank_two = matrix.copy()
    rank_two[2] = rank_two[0] + rank_two[1]
    truncated = lab.table(
        3, 4, seed=23, operator={"kind": "dense", "values": rank_two.tolist(), "rank": "truncate"},
        network={"output_scale": 40.0},
    )  # fmt: skip
    result = lab.run(truncated)
    assert result.problem.svd.truncated
    assert result.verdict is Verdict.HOLDS
    assert {"recover.split", "sharp.rate", "baseline.loss_rate"} <= {check.statement for check in result.checks}
