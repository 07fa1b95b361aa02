"""Phase diagrams: what is drawn, who answers, and that the answers agree."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq, linprog

from numerics.activations import activation
from numerics.confidence import clopper_pearson
from numerics.descent import gradient_descent, stable_step
from numerics.ensemble import seeds
from numerics.losses import loss
from numerics.phase import METHODS, Experiment, box_optimum, convergence, diagram, draw, prediction, settle, sigma_F
from numerics.phase.answers import steps_ahead
from numerics.phase.experiment import frame
from numerics.reduced import ReducedProblem

NUMPY = {"kernel": "numpy", "where": "serial"}


def streams(n, m, k, seed, replicas):
    return seeds(np.random.SeedSequence(seed, spawn_key=(n, m, k)), replicas)


# --- what is drawn
def test_the_operator_has_the_condition_asked_for():
    problem = draw(Experiment(9, 4, 30, kappa=30.0), np.random.default_rng(0))
    np.testing.assert_allclose(problem.C, np.logspace(0, -math.log10(30), 4), rtol=1e-14)
    assert (problem.V0.shape, problem.a0.shape) == ((4, 30), (30,))
    tall = draw(Experiment(3, 5, 30, kappa=30.0), np.random.default_rng(0))
    np.testing.assert_allclose(np.linalg.svd(tall.C)[1], np.logspace(0, -math.log10(30), 3), rtol=1e-13)


@pytest.mark.parametrize(("n", "m"), [(6, 3), (3, 6)])
def test_the_draws_have_the_moments_of_the_full_model(n, m):
    """E C_ij-wise: E‖A‖_F² = m for the Gaussian operator, E‖y‖² = m (1 + noise²); V̂ and a have unit variance."""
    experiment = Experiment(n, m, 50, noise=0.5)
    drawn = [draw(experiment, np.random.default_rng(s)) for s in seeds(1, 600)]
    assert np.mean([np.sum(p.C**2) for p in drawn]) == pytest.approx(m, rel=0.05)
    assert np.mean([p.y @ p.y for p in drawn]) == pytest.approx(m * (1 + 0.25), rel=0.1)
    assert np.mean([np.mean(p.V0**2) for p in drawn]) == pytest.approx(1.0, rel=0.02)
    assert np.mean([np.mean(p.a0**2) for p in drawn]) == pytest.approx(1.0, rel=0.02)
    mean = np.mean([frame(np.random.default_rng(s), 3, 2) for s in range(2000)], axis=0)
    assert np.max(np.abs(mean)) < 0.06  # QR alone has a sign


def test_noise_on_more_observations_than_unknowns_prevents_convergence():
    clean = convergence(2, 5, 60, 4, cap=3000, **NUMPY)
    noisy = convergence(2, 5, 60, 4, cap=3000, noise=0.5, **NUMPY)
    assert (clean.fraction, noisy.fraction) == (1.0, 0.0)
    assert np.isnan(noisy.steps).all()
    assert np.isnan(noisy.time).all()


# --- who answers
@pytest.mark.parametrize("train", ["both", "W"])
def test_descent_is_the_default_and_is_the_descent(train):
    cell = convergence(6, 3, 40, 3, train=train, cap=900, seed=4, **NUMPY)
    assert cell.answers == {"descent": 3}
    for replica, stream in zip(cell.replicas, streams(6, 3, 40, 4, 3), strict=True):
        problem = draw(cell.experiment, np.random.default_rng(stream))
        assert replica.gamma == pytest.approx(stable_step(problem) / 2, rel=1e-12)
        first = gradient_descent(problem, replica.gamma, max_steps=0, kernel="numpy").loss[0]
        run = gradient_descent(problem, replica.gamma, max_steps=900, loss_stop=1e-7 * first, kernel="numpy")
        assert replica.converged == run.converged
        assert replica.steps == run.steps[-1]
        assert replica.time == pytest.approx(replica.gamma * replica.steps, rel=1e-15)


def test_predictions_are_close_and_labelled():
    arguments = {"kappa": 30.0, "cap": 20_000, "seed": 2}
    truth = convergence(6, 3, 40, 3, **arguments, **NUMPY)
    guess = convergence(6, 3, 40, 3, method="predict", where="serial", **arguments)
    flow = convergence(6, 3, 40, 3, method="flow", where="serial", **arguments)
    assert (guess.answers, flow.answers) == ({"predicted": 3}, {"flow": 3})
    assert truth.converged.all()
    np.testing.assert_allclose(guess.steps, truth.steps, rtol=0.03)  # a step of 1/λmax is not small
    assert np.all(guess.steps == np.ceil(guess.time / guess.gamma))
    np.testing.assert_allclose(guess.time, flow.time, rtol=1e-3)
    assert np.isnan(flow.steps).all()
    # a cap between: prediction and flow say no where descent does
    cap = int(np.sort(truth.steps)[1])
    answers = [convergence(6, 3, 40, 3, method=method, **{**arguments, "cap": cap + 20}, **NUMPY) for method in METHODS]
    for cell in answers:
        assert cell.converged.tolist() == (truth.steps <= cap + 20).tolist()
        assert np.array_equal(np.isnan(cell.time), ~cell.converged)


def test_an_unstable_step_is_not_predicted_by_the_flow():
    cell = convergence(6, 3, 40, 2, gamma=50.0, method="predict", cap=200, **NUMPY)
    assert cell.answers == {"descent": 2}
    assert cell.fraction == 0.0


def test_the_fastest_way_depends_on_the_steps_ahead():
    easy = convergence(3, 2, 60, 3, method="fastest", **NUMPY)
    hard = convergence(3, 2, 60, 3, method="fastest", kappa=1e4, **NUMPY)
    short = convergence(3, 2, 60, 3, method="fastest", kappa=1e4, cap=30, **NUMPY)
    assert (easy.answers, hard.answers, short.answers) == ({"descent": 3}, {"predicted": 3}, {"descent": 3})
    assert steps_ahead(Experiment(1, 1, 1), np.zeros(1), 1.0) == math.inf


def test_threads_and_the_fused_kernel_agree_with_numpy():
    pytest.importorskip("numba")
    fused = convergence(6, 3, 40, 4, cap=900)
    plain = convergence(6, 3, 40, 4, cap=900, **NUMPY)
    assert fused.converged.all()
    assert np.max(np.abs(fused.steps - plain.steps)) <= 1


# --- clocks
def test_the_scaled_clock_ends_at_the_horizon_over_sigma_F_squared():
    """Identity, W only: the residual is exp(−BBᵀt) r0, so the crossing is known, and a horizon on either side of it decides."""
    base = {"train": "W", "kappa": 3.0, "activation": "identity", "clock": "scaled", "tolerance": 1e-4}
    for seed in range(4):
        problem = draw(Experiment(5, 3, 12, **base), np.random.default_rng(seed))
        B = problem.C[:, None] * problem.V0 / math.sqrt(12)
        rates, Q = np.linalg.eigh(B @ B.T)
        r0 = Q.T @ (B @ problem.a0 - problem.y)

        def excess(t, rates=rates, r0=r0):
            return math.log(np.sum((np.exp(-rates * t) * r0) ** 2) / np.sum(r0**2) / 1e-4)

        crossing = brentq(excess, 0.0, 200.0)
        sigma = float(np.min(problem.C))
        assert (sigma, sigma_F(problem)) == (pytest.approx(1 / 3), sigma)
        late = settle(Experiment(5, 3, 12, **base, horizon=1.01 * crossing * sigma**2), problem)
        early = settle(Experiment(5, 3, 12, **base, horizon=0.99 * crossing * sigma**2), problem)
        assert (late.converged, late.answer, late.status) == (True, "flow", "loss_stop")
        assert late.time == pytest.approx(crossing, rel=1e-4)
        assert math.isnan(late.steps)
        assert late.loss == pytest.approx(1e-4)
        assert (early.converged, early.status) == (False, "t_max")
        assert early.loss == pytest.approx(1e-4 * math.exp(excess(0.99 * crossing)), rel=1e-3)


def test_both_layers_have_a_threshold_in_steps_and_none_in_the_limit():
    """dip2.no_threshold on the same instances: one neuron, as many data as unknowns."""
    sizes, options = (6, 6, 1, 8), {"kappa": 10.0, "seed": 3, "where": "serial"}
    steps = convergence(*sizes, cap=400, kernel="numpy", **options)
    limit = convergence(*sizes, clock="limit", **options)
    assert 0 < steps.fraction < 1
    assert limit.converged.all()
    assert limit.answers == {"flow": 8}
    assert limit.gamma.tolist() == steps.gamma.tolist()  # the same instances
    given_up = convergence(*sizes, clock="limit", limit_cap=1.0, **options)
    assert given_up.fraction == 0.0
    assert {replica.status for replica in given_up.replicas} == {"t_max"}


def in_the_box(problem):
    """min ‖h‖_∞ over Bh = y is at most 1: the linear program of the theory, for tanh."""
    B = problem.C[:, None] * problem.V0 / math.sqrt(problem.k)
    m, k = B.shape
    A_eq = np.hstack([B, np.zeros((m, 1))])
    ones = np.ones((k, 1))
    A_ub = np.vstack([np.hstack([np.eye(k), -ones]), np.hstack([-np.eye(k), -ones])])
    bounds = [(None, None)] * (k + 1)
    cost = np.eye(k + 1)[-1]
    found = linprog(cost, A_ub=A_ub, b_ub=np.zeros(2 * k), A_eq=A_eq, b_eq=problem.y, bounds=bounds)
    return found.status == 0 and found.fun <= 1


def test_w_only_the_limit_is_the_one_that_is_proved():
    """wonly.threshold: certificate, linear program and run agree on every instance that is not at the boundary."""
    seen = {"feasible": 0, "infeasible": 0}
    for seed in range(24):
        k = (6, 12, 24)[seed % 3]
        experiment = Experiment(6, 4, k, train="W", kappa=(None, 5.0)[seed % 2], clock="limit")
        problem = draw(experiment, np.random.default_rng(seed))
        proved, run = prediction(problem, 1e-7), settle(experiment, problem)
        if proved.verdict == "boundary":
            continue
        seen[proved.verdict] += 1
        assert (proved.verdict == "feasible") == in_the_box(problem)
        if proved.verdict == "feasible":
            assert (run.converged, run.status) == (True, "loss_stop")
            assert run.loss == pytest.approx(1e-7)
            assert run.floor < 1e-12
            assert (0 < proved.margin <= 1, proved.gap) == (True, 0.0)
        else:
            assert (run.converged, run.status) == (False, "floor")
            assert math.isnan(run.time)
            assert 0.8 * run.floor <= proved.gap**2 <= run.floor * (1 + 1e-9)
            assert run.loss == pytest.approx(run.floor + 1e-7, rel=1e-9)
    assert min(seen.values()) >= 8


def scalar(y):
    """One neuron, one observation: the image of the box is (−1, 1)."""
    one = np.ones((1, 1))
    return ReducedProblem(np.ones(1), np.array([y]), loss("least_squares"), activation("tanh"), "W", np.zeros(1), one)


@pytest.mark.parametrize(
    ("y", "verdict", "status"),
    [
        (0.99, "feasible", "loss_stop"),
        (1.0, "boundary", "loss_stop"),
        (1.0001, "boundary", "loss_stop"),  # infeasible, but its optimum is below the level
        (1.001, "infeasible", "floor"),
    ],
)
def test_the_boundary_is_what_neither_proof_nor_level_decides(y, verdict, status):
    problem = scalar(y)
    proved = prediction(problem, 1e-7)
    assert proved.verdict == verdict
    run = settle(Experiment(1, 1, 1, train="W", clock="limit"), problem)
    assert run.status == status
    assert run.floor == pytest.approx((max(0.0, y - 1) / y) ** 2, abs=1e-15)
    if y != 1.0:
        assert proved.gap == pytest.approx(max(0.0, y - 1) / y, rel=0.06)


def test_data_outside_the_range_are_infeasible_at_every_width():
    for noise, verdict in ((0.0, "feasible"), (1e-4, "boundary"), (0.5, "infeasible")):
        problem = draw(Experiment(2, 5, 60, train="W", noise=noise), np.random.default_rng(1))
        proved = prediction(problem, 1e-7)
        assert proved.verdict == verdict
        C = problem.C
        away = problem.y - C @ np.linalg.lstsq(C, problem.y)[0]
        start = C @ (problem.V0 @ np.tanh(problem.a0)) / math.sqrt(60) - problem.y
        assert proved.gap == pytest.approx(np.linalg.norm(away) / np.linalg.norm(start), abs=1e-9)
        assert box_optimum(problem) == pytest.approx(0.5 * away @ away, abs=1e-12)


def test_nothing_is_predicted_outside_the_theory():
    for experiment in (Experiment(3, 2, 9), Experiment(3, 2, 9, train="W", activation="relu")):
        problem = draw(experiment, np.random.default_rng(0))
        assert prediction(problem, 1e-7).verdict == "none"
        assert math.isnan(box_optimum(problem))


# --- cells and grids
def test_a_cell_is_the_same_alone_and_in_a_grid():
    grid = diagram("m", [2, 3], [10, 30], 2, n=6, cap=300, seed=9, **NUMPY)
    assert grid.fraction.shape == (2, 2)
    assert (grid.status, grid.answers) == ("complete", {"descent": 8})
    for i, m in enumerate(grid.rows):
        for j, k in enumerate(grid.ks):
            alone = convergence(6, m, k, 2, cap=300, seed=9, **NUMPY)
            assert repr(alone.replicas) == repr(grid.cells[i][j].replicas)
            assert (grid.cells[i][j].experiment.m, grid.cells[i][j].experiment.k) == (m, k)
            assert grid.fraction[i, j] == alone.fraction
            lower, upper = alone.limits()
            assert (grid.limits().lower[i, j], grid.limits().upper[i, j]) == (lower, upper)
    assert len({replica.gamma for row in grid.cells for cell in row for replica in cell.replicas}) == 8


def test_limits_are_exact():
    cell = convergence(2, 5, 10, 5, cap=5, **NUMPY)
    assert cell.fraction == 0.0
    assert tuple(cell.limits()) == tuple(clopper_pearson(0, 5))


def test_an_interrupted_grid_keeps_its_replicas():
    def stop(done, total):
        if done == 3:
            raise KeyboardInterrupt

    grid = diagram("n", [2], [10, 20], 2, m=1, cap=50, progress=stop, **NUMPY)
    assert grid.status == "interrupted"
    counts = [len(cell.replicas) for cell in grid.cells[0]]
    assert counts == [1, 2]  # the larger width runs first
    assert [cell.requested for cell in grid.cells[0]] == [2, 2]
    empty = diagram("n", [2], [10], 0, m=1, cap=50, **NUMPY)
    assert np.isnan(empty.fraction).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n = 0"),
        ({"k": 2.0}, "k = 2.0"),
        ({"train": "V"}, "train"),
        ({"method": "guess"}, "method = 'guess'"),
        ({"gamma": -1.0}, "gamma"),
        ({"gamma": "big"}, "gamma"),
        ({"tolerance": 2.0}, "tolerance"),
        ({"kappa": 0.5}, "kappa"),
        ({"noise": -1.0}, "noise"),
        ({"activation": "thanh"}, "tanh"),
        ({"V": "cauchy"}, "cauchy"),
        ({"kernel": "fast"}, "kernel"),
        ({"clock": "wall"}, "clock = 'wall'; choose one of steps, scaled, limit"),
        ({"horizon": 0.0}, "horizon = 0.0"),
        ({"limit_cap": math.inf}, "limit_cap = inf"),
        ({"clock": "limit", "method": "predict"}, "method = 'predict' counts steps"),
    ],
)
def test_arguments_are_met_at_the_door(arguments, message):
    sizes = {"n": 3, "m": 2, "k": 10, **arguments}
    with pytest.raises(ValueError, match=message):
        convergence(sizes.pop("n"), sizes.pop("m"), sizes.pop("k"), 1, **sizes)


def test_a_grid_varies_one_size_and_the_width():
    with pytest.raises(ValueError, match="axis = 'k'"):
        diagram("k", [1], [1], 1, m=1, n=1)
    with pytest.raises(ValueError, match="give m"):
        diagram("n", [1], [1], 1)
    with pytest.raises(ValueError, match="neither n"):
        diagram("n", [1], [1], 1, n=1, m=1)
    with pytest.raises(ValueError, match="at least one"):
        diagram("n", [], [1], 1, m=1)


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("tolerance", "a", "tolerance = 'a'; it must be a number"),
        ("noise", None, "noise = None; it must be a number"),
        ("kappa", "x", "kappa = 'x'; it must be a number"),
        ("seed", "a", "seed = 'a'; it must be an integer of at least 0"),
        ("seed", -1, "seed = -1; it must be an integer of at least 0"),
        ("workers", "2", "workers = '2'; it must be an integer of at least 1"),
        ("activation", 3, "unknown activation 3"),
    ],
)
def test_arguments_of_a_wrong_type_are_refused_in_words(name, value, word):
    with pytest.raises(ValueError, match=word):
        convergence(**{"n": 4, "m": 2, "k": 10, "replicas": 2, "where": "serial", name: value})


@pytest.mark.parametrize("options", [{}, {"method": "flow"}, {"method": "fastest"}, {"clock": "limit"}, {"gamma": 0.1}])
def test_a_network_that_cannot_move_is_at_rest(options):
    experiment = Experiment(4, 2, 1, activation="relu", cap=50, kernel="numpy", **options)
    seed = next(i for i in range(20) if draw(experiment, np.random.default_rng(i)).a0[0] < 0)
    found = settle(experiment, draw(experiment, np.random.default_rng(seed)))
    assert (found.converged, found.status, found.loss) == (False, "at rest", 1.0)
    assert found.answer == ("flow" if options.get("method") == "flow" or "clock" in options else "descent")
