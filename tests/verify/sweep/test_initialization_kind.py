"""The initialization experiment: its records against plain computations, what theory implies of them, summary and figures."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from numerics.activations import activation
from numerics.compile import evaluate
from verify.sweep.experiments.initialization import EXPERIMENT, Config, Record, draw, replica, resolve
from verify.sweep.experiments.initialization_start import promised
from verify.sweep.experiments.initialization_summary import Median, promises, seen, slices
from verify.sweep.identity import stream
from verify.sweep.kind import CellResult, Results


def start(**changes):
    """(config, its problem) of one draw, the same random numbers whatever the changes."""
    seed = changes.pop("seed", 0)
    config = Config(**{"n": 5, "m": 3, "k": 8, "kappa": 2.0, "kernel": "numpy", **changes})
    return config, draw(config, np.random.default_rng(seed))


def jacobian(problem, a, V):
    """The Jacobian of V φ(a)/√k with respect to (a, V), written out."""
    phi, slope = problem.activation.phi(a), problem.activation.dphi(a)
    parts = [V * slope] + ([np.kron(np.eye(problem.p), phi)] if problem.train == "both" else [])
    return np.hstack(parts) / math.sqrt(problem.k)


@pytest.mark.parametrize("train", ["both", "W"])
def test_a_record_against_descent_written_out(train):
    config, problem = start(train=train, cap=400, V_scale=1.3, W_std=0.7)
    record = replica(config, np.random.default_rng(0))
    s, y, a, V = problem.C, problem.y, problem.a0.copy(), problem.V0.copy()
    J0 = jacobian(problem, a, V)
    eigenvalues = np.linalg.eigvalsh(s[:, None] * (J0 @ J0.T) * s)
    gamma, steps, length, losses = 1 / eigenvalues[-1], 0, 0.0, []
    while True:
        r = s * (V @ np.tanh(a)) / math.sqrt(8) - y
        losses.append(0.5 * r @ r)
        if losses[-1] <= 1e-7 * losses[0] or steps == 400:
            break
        gradient = jacobian(problem, a, V).T @ (s * r)
        length += gamma * float(np.linalg.norm(gradient))
        a -= gamma * gradient[:8]
        if train == "both":
            V -= gamma * gradient[8:].reshape(V.shape)
        steps += 1
    J = jacobian(problem, a, V)
    assert (record.converged, record.status) == (steps < 400, "loss_stop" if steps < 400 else "max_steps")
    assert record.converged
    wanted = {
        "steps": steps,
        "step_size": gamma,
        "time_linear": math.log(1e7) / (2 * eigenvalues[0]),
        "sigma_F": s[-1],
        "rho_0": math.sqrt(2 * losses[0]),
        "sigma_0": np.linalg.svd(J0, compute_uv=False)[-1],
        "sigma_end": np.linalg.svd(J, compute_uv=False)[-1],
        "length": length,
        "distance": math.hypot(np.linalg.norm(a - problem.a0), np.linalg.norm(V - problem.V0)),
        "kernel_change": np.linalg.norm(J @ J.T - J0 @ J0.T, 2) / np.linalg.norm(J0 @ J0.T, 2),
    }
    assert {name: getattr(record, name) for name in wanted} == pytest.approx(wanted, rel=1e-9)
    # many small steps are the flow: γ/50 needs fifty times the steps, up to a percent
    assert record.flow_converged
    assert record.flow_time == pytest.approx(_euler(problem, gamma / 50), rel=0.02)


def test_near_the_saddle_the_step_that_is_stable_at_the_start_diverges():
    small = {"W_std": 0.01, "V_scale": 0.01, "k": 40, "m": 2, "cap": 2000}
    wild, tame = (replica(start(**small, gamma=g)[0], np.random.default_rng(0)) for g in ("stable", 0.5))
    assert (wild.status, wild.flow_converged, math.isnan(wild.kernel_change)) == ("diverged", True, True)
    assert wild.step_size > 1000
    assert (tame.step_size, tame.converged) == (0.5, True)
    assert tame.flow_time == pytest.approx(0.5 * tame.steps, rel=0.3)


def test_a_descent_that_runs_away_with_a_bounded_activation():
    config = Config(
        n=2, m=2, k=2, activation="sin", W_std=0.014348552747065856, V_scale=0.15011207166835502, V="gaussian", cap=300,
        kernel="numpy",
    )  # fmt: skip
    record = replica(config, np.random.default_rng(993814843))
    assert record.status == "max_steps"  # its loss is finite, but not the squares of its parameters
    assert math.isnan(record.length)
    assert math.isnan(record.kernel_change)


def _euler(problem, gamma):
    a, V, t, first = problem.a0.copy(), problem.V0.copy(), 0.0, None
    while True:
        r = problem.C * (V @ np.tanh(a)) / math.sqrt(problem.k) - problem.y
        first = first or r @ r
        if r @ r <= 1e-7 * first:
            return t
        step = gamma * jacobian(problem, a, V).T @ (problem.C * r)
        a, t = a - step[: a.size], t + gamma
        if problem.train == "both":
            V = V - step[a.size :].reshape(V.shape)


def test_scales_and_symmetry_of_the_start():
    _, one = start(V="uniform")
    _, other = start(V="uniform", W_std=3.0, V_scale=0.5)
    np.testing.assert_array_equal(3.0 * one.a0, other.a0)
    np.testing.assert_allclose(0.5 * one.V0, other.V0, rtol=1e-12)
    np.testing.assert_array_equal(one.y, other.y)
    np.testing.assert_allclose(one.C, [1, math.sqrt(0.5), 0.5])
    _, paired = start(antisymmetric=True)
    assert (paired.V0[:, :4] == -paired.V0[:, 4:]).all()
    assert (paired.a0[:4] == paired.a0[4:]).all()
    assert promised(paired, 0.1).rho_0 == pytest.approx(np.linalg.norm(paired.y), rel=1e-14)


def test_what_theory_implies_of_the_scale_of_V():
    """Same draw, V scaled: each of these is a theorem about the certificates."""
    scales = (0.02, 0.2, 1.0, 5.0)
    hidden, balance, feasible, cone = [], [], [], []
    for seed in range(6):
        flags = [promised(start(seed=seed, k=12, antisymmetric=True, V_scale=v)[1], 0.1).amgm for v in scales]
        assert len(set(flags)) == 1  # paired: ρ(0) = ‖y‖, and the capacity knows a alone
        hidden += flags
        flags = [promised(start(seed=seed, V_scale=v)[1], 0.1).balanced for v in scales]
        assert flags == sorted(flags, reverse=True)  # gap_i = sinh(a_i)² − ‖v_i‖²
        balance += flags
        found = [promised(start(seed=seed, train="W", V_scale=v)[1], 1e-9) for v in scales]
        assert {f.theory for f in found} <= {"certified", "impossible"}
        flags = [f.threshold for f in found]
        assert flags == sorted(flags, key=["infeasible", "feasible"].index)  # the zonotope grows with V
        feasible += flags
        flags = [
            promised(start(seed=seed, train="W", activation="softplus", k=5, V_scale=v)[1], 0.1).threshold
            for v in scales
        ]
        assert len(set(flags)) == 1  # the image of (0, ∞)^k is a cone
        cone += flags
    assert set(hidden) == set(balance) == {True, False}
    assert set(feasible) == set(cone) == {"feasible", "infeasible"}


def test_impossible_is_said_of_a_level_that_no_point_of_the_box_reaches():
    problem = start(train="W", k=1)[1]  # three data, one neuron: the image of the box is a segment from −b to b
    b, y = problem.C * problem.V0[:, 0], problem.y
    t = np.clip(b @ y / (b @ b), -1, 1)
    distance = float(np.linalg.norm(y - t * b))
    for level, word in ((0.9 * distance, "impossible"), (1.0001 * distance, "open")):
        found = promised(problem, level)
        assert (found.threshold, found.theory) == ("infeasible", word)


@pytest.mark.parametrize("name", ["sigmoid", "softplus"])
def test_every_start_is_balanced_where_phi_has_no_zero(name):
    for k in (1, 8):
        for W, V in ((0.1, 3.0), (1.0, 1.0)):
            found = promised(start(activation=name, k=k, W_std=W, V_scale=V)[1], 0.1)
            assert (found.balanced, found.theory) == (True, "certified")


def test_sharp_theorem_by_plain_arithmetic():
    decided = set()
    for seed in range(8):
        _, problem = start(seed=seed, k=200, W_std=2.0, V_scale=0.3)
        found = promised(problem, 0.01)
        phi = activation("tanh")
        values = {"B1": phi.B1.value, "B2": phi.B2.value, "k": 200.0, "c_V": np.linalg.norm(problem.V0, axis=0).max()}
        slope = float(evaluate("dip2.modulus", "Lambda_both", values))
        sigma = np.linalg.svd(jacobian(problem, problem.a0, problem.V0), compute_uv=False)[-1]
        x = problem.V0 @ np.tanh(problem.a0) / math.sqrt(200)
        rho = float(np.linalg.norm(problem.C * x - problem.y))
        h = slope * rho / (0.5 * sigma**2)
        assert found.sharp == (h < 0.5)
        decided.add(found.sharp)
        if found.sharp:
            a, b = 0.25 * sigma**2 * (1 - 2 * h), 2 * 0.5 * slope
            sharp = math.log(rho * (a + b * 0.01) / (0.01 * (a + b * rho))) / a
            assert found.time_bound <= sharp * (1 + 1e-9)
            if not (found.amgm or found.balanced):
                assert found.time_bound == pytest.approx(sharp)
    assert decided == {True, False}


def test_relu_is_outside_and_trained_by_descent_alone():
    record = replica(Config(n=5, m=2, k=30, kappa=2.0, activation="relu", kernel="numpy"), np.random.default_rng(1))
    assert (record.theory, record.flow_status, record.converged, record.flow_converged) == ("outside",) * 2 + (
        True,
        False,
    )
    assert not any((record.sharp, record.amgm, record.balanced, record.threshold))
    assert math.isnan(record.flow_time)
    assert math.isnan(record.time_bound)
    dead = next(s for s in range(20) if start(seed=s, activation="relu", k=1)[1].a0[0] < 0)
    record = replica(start(activation="relu", k=1)[0], np.random.default_rng(dead))
    assert (record.status, record.converged, record.length, record.sigma_0) == ("at rest", False, 0.0, 0.0)


def test_gelu_is_certified_by_one_neuron_below_the_zero_of_its_derivative():
    _, problem = start(activation="gelu", k=3, W_std=3.0, seed=1)
    assert (problem.a0 < -0.76).any()
    assert promised(problem, 0.1).balanced


RECORD = Record(
    "certified", False, True, False, "", 50.0, 1.0, 0.5, 20.0, True, 30.0, 0.5, "loss_stop", 0.7, 0.7, 2.0, 1.5, 0.1, True,
    20.0, "loss_stop",
)  # fmt: skip
FAILED = {"converged": False, "steps": math.nan, "flow_converged": False, "flow_time": math.nan}


def cell(records, **changes):
    return CellResult(Config(kernel="numpy", **changes), len(records), dict(enumerate(records)))


def test_promises_are_held_against_the_flow():
    def changed(**changes):
        return dataclasses.replace(RECORD, **changes)

    records = [
        RECORD,
        changed(flow_time=49.0, sharp=True),
        changed(flow_time=51.0),  # too late
        changed(**FAILED),  # not there at all
        changed(**FAILED, time_bound=2e4),  # not due within the horizon
        changed(amgm=False, theory="impossible", threshold="infeasible", **FAILED),
        changed(amgm=False, theory="impossible", threshold="infeasible", **{**FAILED, "flow_converged": True}),
        changed(amgm=False, threshold="feasible"),
    ]
    table = promises(Results("", (cell(records),)))
    assert table.rows == (
        ("sharp", 1, 1, 1, 0),
        ("amgm", 5, 4, 2, 2),
        ("balanced", 0, 0, 0, 0),
        ("feasible", 1, 0, 1, 0),
        ("impossible", 2, 2, 1, 1),
    )
    lines = EXPERIMENT.summary(Results("", (cell(records),))).lines
    assert "5 starts certified by amgm: 4 due within the horizon, 2 kept, 2 violated" in lines


def test_medians_count_what_did_not_converge_as_late():
    times = [3.0, 1.0, 2.0, math.nan, math.nan, 5.0, 4.0]
    found = seen(cell([dataclasses.replace(RECORD, flow_time=t) for t in times]))
    assert found.time == Median(
        4.0, 1.0, math.inf
    )  # between the first and the last of seven with probability 1 − 2^{-6}
    late = seen(cell([dataclasses.replace(RECORD, **FAILED)] * 4 + [RECORD] * 3))
    assert late.time.value == late.steps.value == math.inf
    assert late.descent[:2] == (3, 7)
    assert math.isnan(Median.of([1.0, 2.0]).low)


def test_pictures_and_what_is_in_them():
    records = [RECORD] * 5 + [dataclasses.replace(RECORD, **FAILED)]
    grid = [
        cell(records, W_std=w, V_scale=v, train=t) for w in (0.5, 2.0, 8.0) for v in (0.1, 1.2) for t in ("both", "W")
    ]
    relu = dataclasses.replace(RECORD, theory="outside", amgm=False, time_bound=math.nan, flow_time=math.nan)
    kinds = [
        cell([relu] * 6, activation="relu", k=9),
        cell([dataclasses.replace(RECORD, **FAILED)] * 6, activation="sin", k=9),
        cell(records, k=9),
    ]
    laws = [cell(records, V="uniform", k=10), cell(records, k=10), cell(records, k=10, antisymmetric=True)]
    results = Results("Tiny", tuple(grid + kinds + laws))
    summary = EXPERIMENT.summary(results)
    found = {picture.table.name: picture for picture in summary.pictures}
    assert set(found) == {f"initialization-{word}" for word in ("scale", "map", "activation", "law", "symmetry")}
    (along,) = slices(results)
    assert [(c.config.W_std, c.config.V_scale) for c in along["V_scale"] if c.config.train == "W"] == [
        (0.5, 0.1),
        (0.5, 1.2),
    ]
    assert {c.config.V_scale for c in along["W_std"]} == {1.2}
    cells = summary.tables[0]
    at = {name: i for i, name in enumerate(cells.header)}
    assert len(cells.rows) == 18
    outside = [row[at["outside"]] for row in cells.rows if row[at["activation"]] == "relu"]
    assert outside == [6]
    names = [text.get_text() for text in found["initialization-activation"].figure.axes[0].get_yticklabels()]
    assert names[-1] == "relu\n(outside the assumptions)"
    found["initialization-symmetry"].figure.draw_without_rendering()
    heading = found["initialization-scale"].figure.get_suptitle().replace("\n", " ")
    assert "the other scale is 0.5 along standard deviation of V's entries" in heading
    assert "the other scale is 1.2 along standard deviation of a = W u" in heading
    heading = found["initialization-map"].figure.get_suptitle().replace("\n", " ")
    # six cells for each way of training, in which one of six flows fails
    assert "about the flow, which converged from 30 of 36 starts (both layers), 30 of 36 starts (W only)" in heading
    assert all(ax.get_xlabel() for picture in found.values() for ax in picture.figure.axes[:2])


def test_a_map_outside_the_assumptions_says_nothing_of_a_flow():
    relu = dataclasses.replace(RECORD, theory="outside", amgm=False, flow_converged=False, flow_time=math.nan)
    grid = tuple(cell([relu] * 2, activation="relu", W_std=w, V_scale=v) for w in (0.5, 2.0) for v in (0.1, 1.2))
    (picture,) = (p for p in EXPERIMENT.summary(Results("", grid)).pictures if p.table.name.endswith("map"))
    assert "outside the assumptions: by gradient descent alone" in picture.figure.get_suptitle().replace("\n", " ")


def test_ticks_of_the_map_point_to_what_is_certified():
    yes, no = (dataclasses.replace(RECORD, amgm=amgm) for amgm in (True, False))
    grid = [
        cell([yes if w > 1 else no] * 6, W_std=w, V_scale=v, train="both", k=9)
        for w in (0.5, 2.0, 8.0)
        for v in (0.1, 1.2)
    ]
    (picture,) = (p for p in EXPERIMENT.summary(Results("", tuple(grid))).pictures if p.table.name.endswith("map"))
    line = next(c for c in picture.figure.axes[0].collections if c.get_path_effects())
    (path,) = line.get_paths()
    (x, y) = path.vertices[-1] - path.vertices[0]
    assert (x > 0, y) == (True, 0.0)  # what is certified is above: on the left
    (effect,) = line.get_path_effects()
    assert effect._angle == 90  # a tick to the left


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"W_std": 0.0}, "W_std = 0.0; it must be finite and greater than 0"),
        ({"V_scale": "1"}, "V_scale = '1'; it must be a number"),
        ({"V": "normal"}, "known: rademacher"),
        ({"activation": "tahn"}, "did you mean 'tanh'"),
        ({"m": 9, "n": 8}, "needs m ≤ n"),
        ({"antisymmetric": True, "k": 7}, "must be even, it is 7"),
        ({"antisymmetric": 1}, "it is true or false"),
        ({"kappa": 0.5}, "at least 1"),
        ({"tolerance": 1.0}, "between 0 and 1"),
        ({"train": "V"}, "train = 'V'"),
        ({"cap": 0}, "cap = 0"),
        ({"gamma": 0.0}, "gamma = 0.0; it is a positive number, or 'stable'"),
        ({"gamma": "1/L"}, "gamma = '1/L'"),
        ({"horizon": math.inf}, "horizon = inf"),
        ({"kernel": "cuda"}, "kernel = 'cuda'"),
    ],
)
def test_bad_configurations(change, message):
    with pytest.raises(ValueError, match=message):
        Config(**change)


def test_the_kernel_is_decided_and_the_record_fits_its_kind():
    assert resolve(Config(activation="relu", antisymmetric=True)).kernel in ("numpy", "fused")
    config = Config(n=4, m=2, k=6, cap=50, kernel="numpy")
    one, two = (EXPERIMENT.values(replica(config, stream("ab", 3))) for _ in range(2))
    assert repr(one) == repr(two)
