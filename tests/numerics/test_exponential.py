"""Exponential collocation against closed forms, other methods, its own declared order and its conserved quantity."""

import math
import signal
import tracemalloc

import numpy as np
import pytest
from scipy.linalg import expm

from numerics.activations import activation
from numerics.exponential.stepper import ExponentialStepper
from numerics.exponential.tables import ORDERS, table
from numerics.flow import ReducedProblem, gradient_flow
from numerics.gradient_system import Settings
from numerics.integrator import integrate
from numerics.losses import loss
from numerics.methods import METHODS, choose
from numerics.solve import solve_flow
from numerics.worlds import Linear, Quadratic, Sine, World
from numerics.worlds.outside import BowedLoss
from theory.activations import ACTIVATIONS
from theory.losses import LOSSES

MODES = ("both", "W")


def problem(name="tanh", train="both", losses=None, p=4, k=24, kappa=30.0, scale=1.0, seed=0, diagonal=True):
    rng = np.random.default_rng(seed)
    S = np.logspace(0, -math.log10(kappa), p)
    C = S if diagonal else np.linalg.qr(rng.standard_normal((p, p)))[0] * S
    y = S * scale * rng.standard_normal(p)
    if not diagonal:
        y = C @ (y / S)
    V = rng.uniform(-(3**0.5), 3**0.5, (p, k))
    return ReducedProblem(C, y, losses or loss("least_squares"), activation(name), train, rng.standard_normal(k), V)


def theta(run, i=-1):
    inner = run.a[i] - run.a[0]
    return inner if run.V is None else np.concatenate((inner, (run.V[i] - run.V[0]).ravel()))


def fixed_steps(system, q, count, end):
    """The displacement at `end` after `count` equal steps whose sweeps are converged to rounding."""
    kernel = system.kernel()
    for _ in range(count):
        found = kernel.attempt(end / count, table(q), 1.0, 1e-15, 0.0)
        assert found.converged
        kernel.accept(end / count, table(q))
    return kernel.displacement


@pytest.mark.parametrize("train", MODES)
@pytest.mark.parametrize("q", [4, 6])
def test_the_order_of_convergence_is_at_least_the_number_of_nodes(train, q):
    system = problem(train=train, kappa=3.0, scale=4.0).system()
    exact = fixed_steps(system, 12, 60, 6.0)
    counts = (
        (8, 16, 32) if q == 4 else (5, 10)
    )  # the Lobatto rule is of order 2q − 2 at the ends: rounding is soon near
    errors = [np.linalg.norm(fixed_steps(system, q, count, 6.0) - exact) for count in counts]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(orders > q - 0.5), (errors, orders)


@pytest.mark.parametrize("q", [4, 8, 12])
def test_a_linear_flow_is_exact_whatever_the_step(q):
    """φ = id, W only: ȧ = −Bᵀ(Ba − y), with rates over eight decades."""
    given = problem("identity", "W", p=3, k=6, kappa=1e4)
    system = given.system()
    B = system.B
    M = np.block([[-B.T @ B, (B.T @ given.y)[:, None]], [np.zeros((1, 7))]])
    for end in (1e-3, 1.0, 1e6):
        exact = (expm(M * end) @ np.append(given.a0, 1.0))[:6] - given.a0
        found = fixed_steps(system, q, 1, end)
        np.testing.assert_allclose(found, exact, atol=1e-12 * (1 + np.linalg.norm(exact)))


@pytest.mark.parametrize("train", MODES)
@pytest.mark.parametrize("name", sorted(name for name, item in ACTIVATIONS.items() if item.smooth))
def test_every_activation_against_an_explicit_method(name, train):
    """But ReLU: no method has an order at a kink."""
    given = problem(name, train, seed=3)
    settings = {"t_max": 20.0, "times": [0.1, 3.0], "rtol": 1e-9, "atol": 1e-12}
    run = gradient_flow(given, **settings, method="exponential")
    reference = gradient_flow(given, **{**settings, "rtol": 1e-12, "atol": 1e-15}, method="DOP853")
    for i in range(1, 4):
        assert np.linalg.norm(theta(run, i) - theta(reference, i)) <= 1e-9 * run.length[i]
        assert run.residual[i] == pytest.approx(reference.residual[i], rel=1e-7)
        assert run.length[i] == pytest.approx(reference.length[i], rel=1e-8)
        assert run.length_a[i] == pytest.approx(reference.length_a[i], rel=1e-8)


PARAMETERS = {"lp": {"p": 4, "m": 4}, "p_power": {"p": 3}, "lojasiewicz": {"alpha": 0.25, "c": 1.5}}


@pytest.mark.parametrize("train", MODES)
@pytest.mark.parametrize("diagonal", [True, False])
@pytest.mark.parametrize("name", sorted(LOSSES))
def test_every_loss_against_an_explicit_method(name, diagonal, train):
    weights = [0.5, 1.0, 4.0, 2.0] if LOSSES[name].weighted else None
    given = problem(losses=loss(name, weights, **PARAMETERS.get(name, {})), train=train, diagonal=diagonal, kappa=5.0)
    settings = {"t_max": 15.0, "times": [1.0], "rtol": 1e-9, "atol": 1e-12}
    run = gradient_flow(given, **settings, method="exponential")
    reference = gradient_flow(given, **{**settings, "rtol": 1e-12, "atol": 1e-15}, method="DOP853")
    for i in (1, 2):
        assert np.linalg.norm(theta(run, i) - theta(reference, i)) <= 1e-9 * run.length[i]


@pytest.mark.parametrize(
    "world",
    [
        World(
            Quadratic([[1.0, 0.2], [0.0, 0.5]], np.full((2, 2, 2), 0.1)),
            Sine([[1.0, 0.3], [0.0, 0.05]], 0.4),
            loss("least_squares"),
            [0.4, -0.02],
        ),
        World(Quadratic([[1.0]], [[[-1.0]]]), Linear([[2.0]]), loss("log_cosh"), [0.25]),
    ],
    ids=["nonlinear operator", "log-cosh"],
)
def test_worlds_with_nonlinear_operators_and_losses(world):
    settings = {"t_max": 20.0, "times": (1.0, 5.0), "rtol": 1e-10, "atol": 1e-13}
    run = integrate(world, Settings(**settings, method="exponential"))
    reference = integrate(world, Settings(**{**settings, "rtol": 1e-12, "atol": 1e-15}, method="DOP853"))
    np.testing.assert_allclose(run.displacement, reference.displacement, atol=1e-10)
    np.testing.assert_allclose(run.length, reference.length, atol=1e-9)


def test_all_methods_agree_behind_one_interface():
    system = problem(p=2, k=5, kappa=4.0).system()
    found = {}
    for name, method in METHODS.items():
        solution = solve_flow(system, (0.0, 8.0), method=name, t_eval=[1.0, 8.0], events=[0.3], rtol=1e-8, atol=1e-10)
        assert (solution.method, solution.success, solution.status) == (name, True, 0)
        assert solution.y.shape == (system.size, 2)
        assert method.source
        found[name] = solution
    reference = found["DOP853"]
    for solution in found.values():
        np.testing.assert_allclose(solution.y, reference.y, atol=1e-6)
        assert solution.t_events.keys() == reference.t_events.keys()
        for level, at in solution.t_events.items():
            assert at == pytest.approx(reference.t_events[level], rel=1e-5)


def test_which_method_is_chosen_and_what_is_refused():
    system = problem().system()
    assert choose(system, Settings(t_max=1.0)).name == "exponential"
    assert choose(system, Settings(t_max=1.0, rtol=1e-13)).name == "DOP853"
    bowed = World(Quadratic([[1.0]], [[[0.0]]]), Linear([[1.0]]), BowedLoss(), [1.0])
    assert choose(bowed, Settings(t_max=1.0)).name == "DOP853"
    with pytest.raises(ValueError, match="bowed has no model of its Hessian; choose auto or DOP853"):
        choose(bowed, Settings(t_max=1.0, method="exponential"))
    with pytest.raises(ValueError, match="unknown method 'RK45'; choose auto or one of exponential, DOP853"):
        solve_flow(system, (0.0, 1.0), method="RK45")
    large = problem(k=1000).system()
    with pytest.raises(ValueError, match="Radau does not suit this problem: it forms a 5000 x 5000 Jacobian"):
        solve_flow(large, (0.0, 1.0), method="Radau")
    with pytest.raises(ValueError, match="starts at 0"):
        solve_flow(system, (1.0, 2.0))
    with pytest.raises(ValueError, match="give t_eval"):
        solve_flow(system, (0.0, 1.0), method="DOP853", dense_output=True)


@pytest.mark.parametrize("train", MODES)
def test_dense_output_is_as_accurate_as_the_steps(train):
    given = problem(train=train, kappa=1e3)
    found = solve_flow(given.system(), (0.0, 1e4), rtol=1e-8, atol=1e-12, dense_output=True)
    times = np.concatenate(([0.0], np.logspace(-3, 4, 15)))
    reference = gradient_flow(given, t_max=1e4, times=times[1:-1], rtol=1e-12, atol=1e-15, method="exponential")
    dense = found.sol(times)
    assert dense.shape == (given.system().size, times.size)
    assert np.all(dense[:, 0] == 0)
    for i in range(1, times.size):
        assert np.linalg.norm(dense[:, i] - theta(reference, i)) <= 1e-8 * reference.length[i]
    with pytest.raises(ValueError, match="the run covers 0 <= t <= 10000"):
        found.sol(1.1e4)


def test_stiffness_costs_little():
    """An explicit method needs at least t·λ_max/10 steps: ten million here."""
    given = problem(kappa=1e4, p=4, k=200, seed=1)
    start = given.system().observe(np.zeros(given.system().size)).loss
    run = gradient_flow(given, t_max=math.inf, loss_stop=1e-9 * start, rtol=1e-6, atol=1e-9, error_estimate=False)
    assert (run.status, run.method) == ("loss_stop", "exponential")
    fastest = run.state(0).singular_values()[0] ** 2
    assert run.t[-1] * fastest / 10 > 1e7
    assert run.steps < 400


def test_the_conserved_quantity_tracks_the_tolerance():
    drifts = []
    for rtol in (1e-4, 1e-7, 1e-10):
        run = gradient_flow(problem(kappa=100.0), t_max=1e3, rtol=rtol, atol=1e-3 * rtol, method="exponential")
        drifts.append(run.conserved_drift)
        # ‖v‖²/2 − G(a) moves by at most ‖v‖ + |G'| times the error
        assert run.conserved_drift <= 30 * run.error_theta[-1]
    assert drifts[0] > 30 * drifts[1] > 900 * drifts[2]


def test_no_node_holds_a_matrix_of_the_size_of_V():
    p, k = 200, 1500
    given = problem(p=p, k=k, kappa=3.0)
    system = given.system()
    kernel = system.kernel()
    tracemalloc.start()
    assert kernel.attempt(0.05, table(8), 0.0, 1e-3, 0.0).converged
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.8 * p * k * 8  # seven nodes with a V each would take seven times p·k numbers


def test_stepper_reports_what_it_cannot_do():
    stepper = ExponentialStepper(problem().system(), Settings(t_max=1.0))
    stepper.kernel.attempt = lambda *_: (_ for _ in ()).throw(ValueError("far out"))
    stepper.step(1.0)
    assert stepper.failure is not None
    assert "no step succeeds from t = 0" in stepper.failure


def test_the_order_adapts():
    """Many nodes while the path bends, fewer where the sweeps rather than the error bound the step, or the other way."""
    stepper = ExponentialStepper(problem(kappa=1e4, k=200, seed=1).system(), Settings(t_max=1e8, rtol=1e-5))
    seen = []
    while stepper.t < 1e8:
        stepper.step(1e8)
        assert stepper.failure is None
        seen.append(stepper._table.q)
    assert len(set(seen)) > 1
    assert set(seen) <= set(ORDERS)


@pytest.mark.parametrize("name", ["tanh", "gelu", "sin"])
def test_a_linear_part_older_than_the_step_changes_nothing_but_the_sweeps(name, monkeypatch):
    monkeypatch.setattr("numerics.exponential.layers._COSTLY", 0)
    given = problem(name, "W", kappa=20.0, seed=3)
    stepper = ExponentialStepper(given.system(), Settings(t_max=20.0, rtol=1e-8, atol=1e-12))
    stale = 0
    while stepper.t < 20.0:
        stepper.step(20.0)
        stale += stepper.kernel.stale
    assert stale >= 3
    settings = {"t_max": 20.0, "times": [0.1, 3.0], "rtol": 1e-8, "atol": 1e-12}
    run = gradient_flow(given, **settings, method="exponential")
    reference = gradient_flow(given, **{**settings, "rtol": 1e-12, "atol": 1e-15}, method="DOP853")
    for i in range(1, 4):  # dense output at the first two
        assert np.linalg.norm(theta(run, i) - theta(reference, i)) <= 1e-8 * run.length[i]
        assert run.length[i] == pytest.approx(reference.length[i], rel=1e-7)
    dense = solve_flow(given.system(), (0.0, 20.0), rtol=1e-8, atol=1e-12, dense_output=True)
    assert np.linalg.norm(dense.sol(3.0) - theta(reference, 2)) <= 1e-8 * reference.length[2]


@pytest.mark.parametrize("train", MODES)
@pytest.mark.parametrize("losses", ["least_squares", "log_cosh", "pseudo_huber"])
def test_the_error_of_every_step_is_within_its_estimate(losses, train):
    """Each accepted step against DOP853 from the same state: few neurons and stiff directions, where sweeps end badly."""
    seen = 0
    for seed in range(6):
        given = problem(
            "gelu" if seed % 2 else "tanh", train, loss(losses), p=3, k=3, kappa=300.0, scale=5.0, seed=seed
        )
        stepper = ExponentialStepper(given.system(), Settings(t_max=1e3, rtol=1e-5, lengths=False))
        for _ in range(8):
            if stepper.t >= 1e3:
                break
            before, kernel = stepper.t, stepper.kernel
            a, V = kernel.a.copy(), kernel.V.copy() if train == "both" else given.V0
            stepper.step(1e3)
            step = ReducedProblem(given.C, given.y, given.loss, given.activation, train, a, V)
            settings = {"t_max": stepper.t - before, "times": [], "rtol": 1e-12, "atol": 1e-16, "method": "DOP853"}
            exact = gradient_flow(step, **settings, error_estimate=False, max_steps=3000)
            if exact.status != "t_max":
                break
            moved = kernel.displacement - (stepper.before[1][:-2])
            slack = 1e-11 * np.linalg.norm(moved)
            assert np.linalg.norm(moved - theta(exact)) <= stepper.last + slack
            seen += 1
    assert seen > 20


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_runs_with_its_error_estimate_from_loose_to_tight(method):
    given = problem(p=2, k=4, kappa=3.0)
    exact = gradient_flow(given, t_max=2.0, times=[], rtol=1e-12, atol=1e-15, method="DOP853")
    for rtol in (5e-2, 1e-4, 1e-7):
        run = gradient_flow(given, t_max=2.0, times=[], rtol=rtol, atol=1e-3 * rtol, method=method)
        assert np.linalg.norm(theta(run) - theta(exact)) <= run.error_theta[-1] + exact.error_theta[-1]


def test_levels_are_seen_inside_long_steps():
    """Weighted: the residual norm is not monotone, and comes down and up again inside one step."""
    rng = np.random.default_rng(122)
    C, y, a, V = (
        rng.standard_normal((4, 2)),
        rng.standard_normal(4),
        rng.standard_normal(6),
        rng.standard_normal((2, 6)),
    )
    losses = loss("weighted_least_squares", np.geomspace(1, 1e3, 4))
    given = ReducedProblem(C, y, losses, activation("softplus"), "both", a, V)
    start = gradient_flow(given, t_max=3.0, max_steps=0).residual[0]
    found = gradient_flow(given, t_max=3.0, levels=[0.9 * start]).events
    explicit = gradient_flow(given, t_max=3.0, levels=[0.9 * start], method="DOP853").events
    assert found == pytest.approx(explicit, rel=1e-6)


def test_a_run_at_rest_ends_and_says_so():
    given = problem(k=8, kappa=3.0)
    fitted = ReducedProblem(
        given.C, given.C * (given.V0 @ np.tanh(given.a0)) / np.sqrt(8), given.loss, given.activation, "both",
        given.a0, given.V0,
    )  # fmt: skip
    for one in (fitted, given):
        run = gradient_flow(one, t_max=np.inf, loss_stop=1e-60, max_seconds=20.0)
        assert run.status == "stationary"
    still = ReducedProblem(np.zeros(4), given.y, given.loss, given.activation, "both", given.a0, given.V0)
    assert gradient_flow(still, t_max=np.inf, loss_stop=1e-9).message.startswith("the gradient is zero at the start")
    assert gradient_flow(given, t_max=1e12, max_seconds=20.0).status == "t_max"


def test_ctrl_c_inside_a_step_leaves_a_state_that_belongs_to_its_time(monkeypatch):
    given, calls = problem(), []
    original = ExponentialStepper._measure

    def interrupted(self, *arguments):
        calls.append(1)
        if len(calls) == 3:
            signal.raise_signal(signal.SIGINT)
        return original(self, *arguments)

    monkeypatch.setattr(ExponentialStepper, "_measure", interrupted)
    run = gradient_flow(given, t_max=100.0, times=[], error_estimate=False)
    assert run.status == "interrupted"
    monkeypatch.undo()
    exact = gradient_flow(given, t_max=float(run.t[-1]), times=[], error_estimate=False)
    assert run.loss[-1] == pytest.approx(exact.loss[-1], rel=1e-6)


def test_dense_output_without_steps():
    found = solve_flow(problem().system(), (0.0, 1.0), dense_output=True, max_steps=0)
    assert np.all(found.sol(0.0) == 0)
