"""The flow against closed forms, mpmath, explicit full states, conserved quantities, and its own error estimate."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import scipy.integrate
import scipy.linalg

from numerics.activations import activation
from numerics.flow import ReducedProblem, gradient_flow, signal
from numerics.integrator import Settings
from numerics.losses import loss
from numerics.networks import TwoLayer
from theory.activations import ACTIVATIONS

MODES = ("both", "W")


def instance(name="tanh", train="both", m=3, p=4, k=12, seed=0, losses="least_squares", reach=1.0):
    rng = np.random.default_rng(seed)
    C = rng.standard_normal((m, p)) / math.sqrt(p)
    weights = rng.uniform(0.5, 2.0, m) if losses == "weighted_least_squares" else None
    a, V = rng.standard_normal(k), rng.choice([-1.0, 1.0], (p, k))
    net = TwoLayer(activation(name), train, a, V)
    y = C @ net.output() + reach * rng.standard_normal(m)
    return ReducedProblem(C, y, loss(losses, weights), activation(name), train, a, V)


def theta(run, i):
    return run.a[i] if run.V is None else np.concatenate([run.a[i], run.V[i].ravel()])


# --- against closed forms
def test_a_linear_network_with_one_layer_follows_the_matrix_exponential():
    problem = instance("identity", "W", m=4, p=4, k=9)
    run = gradient_flow(problem, t_max=3.0, rtol=1e-11, atol=1e-14)
    B = problem.C @ problem.V0 / 3.0
    start = B @ problem.a0 - problem.y
    for i, t in enumerate(run.t):
        exact = scipy.linalg.expm(-B @ B.T * t) @ start
        assert run.residual[i] == pytest.approx(np.linalg.norm(exact), rel=1e-9)
        assert run.loss[i] == pytest.approx(0.5 * exact @ exact, rel=1e-9)
    assert len(run) > 20


def test_two_scalar_linear_layers_against_mpmath():
    """n = m = k = 1, φ = id: ȧ = −v r, v̇ = −a r, r = a v − y, with ℓ, integrated to 20 digits.

    v changes sign, so a turns around where a² = a0² − v0²: that gives ℓ_a, which has a kink there.
    """
    a0, v0, y = 0.7, -0.4, 1.3
    problem = ReducedProblem(
        np.ones((1, 1)),
        np.array([y]),
        loss("least_squares"),
        activation("identity"),
        "both",
        np.array([a0]),
        np.array([[v0]]),
    )
    times = [0.3, 1.0, 2.5]
    run = gradient_flow(problem, t_max=2.5, times=times, rtol=1e-12, atol=1e-15)

    def field(t, state):
        a, v, _ = state
        r = a * v - mpmath.mpf(y)
        return [-v * r, -a * r, mpmath.hypot(v, a) * abs(r)]

    with mpmath.workdps(20):
        solution = mpmath.odefun(field, 0, [mpmath.mpf(a0), mpmath.mpf(v0), mpmath.mpf(0)])
        for i, t in enumerate(times, start=1):
            assert run.t[i] == t
            exact = [float(x) for x in solution(t)]
            np.testing.assert_allclose([run.a[i, 0], run.V[i, 0, 0], run.length[i]], exact, rtol=1e-10)
            turning = math.sqrt(a0**2 - v0**2)
            turned = exact[1] > 0
            inner = a0 + exact[0] - 2 * turning if turned else a0 - exact[0]
            assert run.length_a[i] == pytest.approx(inner, rel=1e-8)
    assert turned


def test_a_small_tanh_network_against_mpmath():
    problem = instance("tanh", "both", m=1, p=1, k=2, seed=3)
    run = gradient_flow(problem, t_max=1.0, times=[1.0], rtol=1e-12, atol=1e-15)
    c, y, root = mpmath.mpf(problem.C[0, 0]), mpmath.mpf(problem.y[0]), mpmath.sqrt(2)

    def field(t, state):
        a, v = state[:2], state[2:]
        hidden = [mpmath.tanh(x) for x in a]
        q = c * (c * sum(w * h for w, h in zip(v, hidden, strict=True)) / root - y)
        inner = [-(1 - h * h) * w * q / root for w, h in zip(v, hidden, strict=True)]
        return inner + [-q * h / root for h in hidden]

    with mpmath.workdps(18):
        start = [mpmath.mpf(x) for x in [*problem.a0, *problem.V0[0]]]
        exact = [float(x) for x in mpmath.odefun(field, 0, start)(1)]
    np.testing.assert_allclose(theta(run, -1), exact, rtol=1e-11)


# --- against the full state
@pytest.mark.parametrize("train", MODES)
@pytest.mark.parametrize("d", [1, 3])
def test_the_reduced_flow_is_the_full_flow(train, d):
    """θ = (W, V) in R^{kd + nk} with an explicit operator A of rank 2 on R^5: `dip2.reduction`, `speed.reduction`."""
    n, m, k = 5, 2, 7
    rng = np.random.default_rng(11)
    A = rng.standard_normal((m, n))
    W, V = rng.standard_normal((k, d)), rng.standard_normal((n, k))
    u = rng.standard_normal(d)
    u /= np.linalg.norm(u)
    y = rng.standard_normal(m)

    def field(t, state):
        W, V = state[: k * d].reshape(k, d), state[k * d :].reshape(n, k)
        z = W @ u
        q = A.T @ (A @ V @ np.tanh(z) / math.sqrt(k) - y)
        W_dot = -np.outer((1 - np.tanh(z) ** 2) * (V.T @ q), u) / math.sqrt(k)
        V_dot = -np.outer(q, np.tanh(z)) / math.sqrt(k) if train == "both" else np.zeros_like(V)
        return np.concatenate([W_dot.ravel(), V_dot.ravel()])

    times = [0.05, 0.5, 4.0]
    full = scipy.integrate.solve_ivp(
        field, (0, 4.0), np.concatenate([W.ravel(), V.ravel()]), "DOP853", t_eval=times, rtol=1e-12, atol=1e-14
    )
    P, sigma, Ut = np.linalg.svd(A, full_matrices=False)
    network = TwoLayer(activation("tanh"), train, W @ u, V)
    problem = ReducedProblem.restrict(network, P * sigma, Ut.T, y, loss("least_squares"))
    run = gradient_flow(problem, t_max=4.0, times=times, rtol=1e-12, atol=1e-14)
    for i in range(3):
        W_t, V_t = full.y[: k * d, i].reshape(k, d), full.y[k * d :, i].reshape(n, k)
        np.testing.assert_allclose(run.a[i + 1], W_t @ u, atol=1e-10)
        np.testing.assert_allclose(W_t, W + np.outer(run.a[i + 1] - W @ u, u), atol=1e-10)
        np.testing.assert_allclose(run.state(i + 1).V, Ut @ V_t, atol=1e-10)
        g = V_t @ np.tanh(W_t @ u) / math.sqrt(k)
        np.testing.assert_allclose(signal(run, i + 1, network, Ut.T), g, atol=1e-10)
        distance = np.linalg.norm(full.y[:, i] - np.concatenate([W.ravel(), V.ravel()]))
        assert run.distance[i + 1] == pytest.approx(distance, rel=1e-9)
        assert run.residual[i + 1] == pytest.approx(np.linalg.norm(A @ g - y), rel=1e-8)


def test_the_signal_without_restriction_and_with_a_wrong_basis():
    problem = instance(m=3, p=4)
    network = TwoLayer(problem.activation, "both", problem.a0, problem.V0)
    run = gradient_flow(problem, t_max=1.0)
    np.testing.assert_allclose(signal(run, -1, network), run.state(len(run) - 1).output(), rtol=1e-12, atol=1e-13)
    with pytest.raises(ValueError, match="do not fit"):
        signal(run, -1, network, np.eye(4)[:, :3])


# --- invariants
@pytest.mark.parametrize("losses", ["least_squares", "weighted_least_squares"])
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_along_every_run(name, losses):
    for train in MODES:
        run = gradient_flow(instance(name, train, losses=losses, seed=1), t_max=4.0)
        problem = run.problem
        assert run.t[0] == 0.0
        assert run.t[-1] == 4.0
        assert np.all(np.diff(run.t) > 0)
        assert np.all(np.diff(run.loss) < 0)
        assert np.all(np.diff(run.length) > 0)
        assert np.all(run.length_a <= run.length + 1e-15)
        assert np.all(run.distance <= run.length + run.error_length + 1e-15)
        np.testing.assert_allclose(run.rho, problem.loss.psi(run.loss), rtol=1e-12)
        assert run.distance[-1] == pytest.approx(np.linalg.norm(theta(run, -1) - theta(run, 0)), rel=1e-9)
        v = problem.C @ run.state(len(run) - 1).output()
        assert run.loss[-1] == pytest.approx(problem.loss.value(v, problem.y), rel=1e-10)
        assert run.residual[-1] == pytest.approx(np.linalg.norm(v - problem.y), rel=1e-10)
        if train == "W":
            assert run.V is None
            np.testing.assert_array_equal(run.length, run.length_a)
            assert run.state(0).V is problem.V0
        if run.conserved_drift is not None:
            assert run.conserved_drift < 1e-7


def test_the_loss_is_the_integral_of_the_squared_speed():
    """L(0) − L(t) = ∫‖θ̇‖² (`step.energy`) and ℓ = ∫‖θ̇‖, by Gauss–Legendre on the stored states of a tight run."""
    for train in MODES:
        problem = instance("softplus", train, seed=2)
        nodes, weights = np.polynomial.legendre.leggauss(24)
        times = 0.75 * (nodes + 1)
        run = gradient_flow(problem, t_max=1.5, times=times, rtol=1e-12, atol=1e-15)
        system = problem.system()
        start = theta(run, 0)
        speed = np.array([np.linalg.norm(system.velocity(theta(run, i) - start)) for i in range(1, 25)])
        assert run.loss[0] - run.loss[-1] == pytest.approx(0.75 * weights @ speed**2, rel=1e-10)
        assert run.length[-1] == pytest.approx(0.75 * weights @ speed, rel=1e-10)
        inner = [np.linalg.norm(system.velocity(theta(run, i) - start)[: problem.k]) for i in range(1, 25)]
        assert run.length_a[-1] == pytest.approx(0.75 * weights @ np.array(inner), rel=1e-10)


def test_the_velocity_is_minus_the_gradient():
    rng = np.random.default_rng(0)
    for train in MODES:
        for losses in ("least_squares", "weighted_least_squares"):
            system = instance("gelu", train, losses=losses).system()
            at = 0.3 * rng.standard_normal(system.size)
            direction = rng.standard_normal(system.size)
            step = 1e-5
            change = system.observe(at + step * direction).loss - system.observe(at - step * direction).loss
            assert change / (2 * step) == pytest.approx(-system.velocity(at) @ direction, rel=1e-7)


def test_one_layer_stays_on_its_mirror_manifold():
    """H(a) − H(a0) ∈ Im Bᵀ, H' = 1/φ' (`wonly.mirror`)."""
    problem = instance("tanh", "W", m=3, p=4, k=12)
    run = gradient_flow(problem, t_max=20.0, rtol=1e-11, atol=1e-14)
    H = problem.activation.H
    moved = H(run.a[-1]) - H(problem.a0)
    B = problem.C @ problem.V0
    off = moved - B.T @ np.linalg.lstsq(B.T, moved, rcond=None)[0]
    assert np.linalg.norm(moved) > 0.1
    assert np.linalg.norm(off) < 1e-9 * np.linalg.norm(moved)


def test_the_conserved_drift_follows_the_tolerance():
    problem = instance("tanh", "both")
    drifts = [
        gradient_flow(problem, t_max=10.0, times=[10.0], rtol=r, atol=r * 1e-3).conserved_drift
        for r in (1e-3, 1e-6, 1e-9)
    ]
    assert drifts[0] > 10 * drifts[1] > 100 * drifts[2] > 0
    assert drifts[2] < 1e-8


# --- errors and events
@pytest.mark.parametrize("train", MODES)
@pytest.mark.parametrize("rtol", [1e-5, 1e-7, 1e-9])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_error_estimate_is_an_over_estimate(train, rtol, seed):
    """Against a run at 1e-13: at no stored time is the error above its estimate, and the estimate is of use."""
    problem = instance(["tanh", "gelu", "sin"][seed], train, seed=seed)
    times = np.geomspace(1e-2, 30.0, 12)
    run = gradient_flow(problem, t_max=30.0, times=times, rtol=rtol, atol=1e-3 * rtol)
    reference = gradient_flow(problem, t_max=30.0, times=times, rtol=1e-13, atol=1e-17, error_estimate=False)
    assert np.all(np.isnan(reference.error_theta))
    np.testing.assert_array_equal(run.t, reference.t)
    error = np.array([np.linalg.norm(theta(run, i) - theta(reference, i)) for i in range(len(run))])
    rounding = 1e-13
    assert np.all(error <= run.error_theta + rounding)
    assert np.all(np.abs(run.distance - reference.distance) <= run.error_theta + rounding)
    assert np.all(np.abs(run.length - reference.length) <= run.error_length + rounding)
    assert np.all(np.abs(run.length_a - reference.length_a) <= run.error_length + rounding)
    assert np.all(np.abs(run.residual - reference.residual) <= run.error_residual + rounding)
    assert error.max() > 0
    assert run.error_theta.max() < 1e4 * rtol


@pytest.mark.parametrize("train", MODES)
@pytest.mark.parametrize("out", [1e-6, 1.0, 1e4, 1e8])
def test_the_error_estimate_holds_at_every_scale(train, out):
    """Residual, parameters and length of antisymmetric networks, from 1e-12 to 1e6, far into the jitter of stability."""
    compared = 0
    for j, reach in enumerate((1e-12, 1e-6, 1.0, 1e6)):
        if reach > 30 * out:
            continue
        base = instance(["tanh", "silu", "identity", "softplus"][j], train, m=3, p=3, k=16, seed=j)
        a, V = base.a0, base.V0
        a[8:], V[:, 8:] = a[:8], -V[:, :8]
        y = reach * np.random.default_rng(j).standard_normal(3)
        problem = ReducedProblem(out * base.C, y, base.loss, base.activation, train, a, V)
        rtol, t_max = 10.0 ** -(5 + j), 50.0 * out**-2
        run = gradient_flow(problem, t_max=t_max, rtol=rtol, atol=1e-3 * rtol)
        times = list(run.t[1:])
        # by another method, whose own error counts as well: a linear problem is solved exactly by the exponential one
        reference = gradient_flow(problem, t_max=t_max, times=times, rtol=1e-13, atol=1e-16, method="DOP853")
        np.testing.assert_array_equal(run.t, reference.t)
        system, start = problem.system(), theta(run, 0)
        rounding = 1e-15 * np.linalg.norm(start)
        for i in range(len(run)):
            seen, true = (system.observe(theta(each, i) - start) for each in (run, reference))
            apart = np.linalg.norm(seen.difference - true.difference)
            assert apart <= run.error_residual[i] + reference.error_residual[i] + true.rounding
            moved = np.linalg.norm(theta(run, i) - theta(reference, i))
            assert moved <= run.error_theta[i] + reference.error_theta[i] + rounding
            assert (
                abs(run.length[i] - reference.length[i]) <= run.error_length[i] + reference.error_length[i] + rounding
            )
            compared += 1
        floor = seen.rounding + np.linalg.norm(out * base.C) * rounding
        assert run.error_residual[0] <= floor
        assert run.error_residual.max() <= 1e5 * rtol * run.residual[0] + 100 * floor
    assert compared > 30


def test_a_tiny_problem_is_followed_as_accurately_as_a_large_one():
    """All motion is 1e-13 here: an absolute tolerance of 1e-12 would see none of it."""
    base = instance("tanh", "W", m=3, p=3, k=16)
    a, V = base.a0, base.V0
    a[8:], V[:, 8:] = a[:8], -V[:, :8]
    runs = [
        gradient_flow(ReducedProblem(base.C, s * base.y, base.loss, base.activation, "W", a, V), t_max=5.0, times=[1.0])
        for s in (1e-12, 1e-8)
    ]
    small, large = (run.residual / run.residual[0] for run in runs)
    np.testing.assert_allclose(small, large, rtol=1e-3)  # the residual is rounded at 1e-4
    assert small[1] < 0.9
    assert runs[0].error_theta[-1] < 0.1 * runs[0].distance[-1]
    assert runs[0].steps < 500  # the rounding error is not resolved


@pytest.mark.parametrize("name", ["identity", "gelu"])
def test_a_trial_step_that_overflows_is_rejected(name):
    """ȧ ~ 1e9 and more: SciPy's first trial step goes out of the range of doubles, ∞ − ∞ included."""
    for train in MODES:
        base = instance(name, train, seed=1, m=3, p=3)
        problem = ReducedProblem(1e30 * base.C, 1e33 * base.y, base.loss, base.activation, train, base.a0, base.V0)
        run = gradient_flow(problem, t_max=1e-66, max_steps=200)
        assert run.status in ("t_max", "max_steps")
        assert np.all(np.diff(run.loss) < 0)
        assert run.loss[-1] < run.loss[0]


def test_the_sensitivity_is_the_norm_of_the_jacobian_from_above():
    rng = np.random.default_rng(0)
    for train in MODES:
        for m, p, k in ((1, 1, 2), (3, 4, 12), (20, 30, 50)):
            system = instance("tanh", train, m=m, p=p, k=k).system()
            at = 0.1 * rng.standard_normal(system.size)
            step = 1e-6 * np.eye(system.size)
            J = [(system.observe(at + e).difference - system.observe(at - e).difference) / 2e-6 for e in step]
            exact = np.linalg.norm(np.array(J), 2)
            assert exact * (1 - 1e-6) <= system.sensitivity(at) <= 2 * exact * (1 + 1e-6)


def test_levels_are_located_and_the_run_ends_at_loss_stop():
    for train in MODES:
        problem = instance("tanh", train, seed=4, reach=0.5)
        start = gradient_flow(problem, t_max=1e-6).residual[0]
        levels = [2 * start, 0.5 * start, 1e-2 * start, 1e-4 * start]
        stop = 0.5 * (1e-6 * start) ** 2
        run = gradient_flow(problem, t_max=1e6, loss_stop=stop, levels=levels)
        assert run.status == "loss_stop"
        assert run.loss[-1] == pytest.approx(stop, rel=1e-8)
        assert run.events[levels[0]] == 0.0
        times = [run.events[level] for level in levels]
        assert times == sorted(times)
        check = gradient_flow(problem, t_max=2 * times[-1], times=times[1:], rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(check.residual[1:4], levels[1:], rtol=1e-4)
        tight = gradient_flow(problem, t_max=2 * times[-1], levels=levels, rtol=1e-12, atol=1e-15)
        for level in levels[1:]:
            assert abs(run.events[level] - tight.events[level]) <= run.event_errors[level]
            assert run.event_errors[level] < 1e-2 * run.events[level]
        assert not np.any(np.isnan(run.error_theta))
        assert gradient_flow(problem, t_max=1.0, loss_stop=start**2).status == "loss_stop"


def test_a_level_that_is_not_reached_is_not_an_event():
    problem = instance("tanh", "both")
    run = gradient_flow(problem, t_max=1e-3, levels=[1e-9])
    assert run.events == {}
    assert run.status == "t_max"


# --- how runs end
def test_an_interrupt_keeps_what_was_computed():
    problem = instance("tanh", "both")
    seen = []

    def progress(t, value, stop):
        seen.append((t, value, stop))
        if len(seen) == 9:
            raise KeyboardInterrupt

    run = gradient_flow(problem, t_max=1e3, loss_stop=1e-30, progress=progress)
    assert run.status == "interrupted"
    assert run.steps == 9
    assert run.t[-1] == seen[-1][0]
    assert run.loss[-1] == pytest.approx(seen[-1][1], rel=1e-12)
    assert seen[0][2] == 1e-30
    assert "interrupted" in run.message
    assert not np.any(np.isnan(run.error_theta))


def test_limits_on_steps_and_seconds_say_what_happened_and_what_to_do():
    C = np.diag([1.0, 1e-4])
    problem = instance("tanh", "both", m=2, p=2)
    stiff = ReducedProblem(
        C, C @ np.array([0.2, 5.0]), problem.loss, problem.activation, "both", problem.a0, problem.V0
    )
    run = gradient_flow(stiff, t_max=math.inf, loss_stop=1e-20, max_steps=50, method="exponential")
    assert (run.status, run.steps, "stability" in run.message) == ("max_steps", 50, False)
    run = gradient_flow(stiff, t_max=math.inf, loss_stop=1e-20, max_steps=50, method="DOP853")
    assert run.status == "max_steps"
    assert run.steps == 50
    for words in ("max_steps = 50", "stability", "condition number", "raise the limit", "more steps"):
        assert words in run.message
    run = gradient_flow(stiff, t_max=math.inf, max_seconds=0.0)
    assert run.status == "max_seconds"
    assert len(run) == 1
    assert "max_seconds = 0.0" in run.message


def test_a_critical_point_stays_where_it_is():
    one = np.ones((1, 1))
    problem = ReducedProblem(
        one, np.ones(1), loss("least_squares"), activation("tanh"), "both", np.zeros(1), np.zeros((1, 1))
    )
    run = gradient_flow(problem, t_max=100.0)
    assert run.status == "t_max"
    assert run.length[-1] == 0.0
    assert np.all(run.residual == 1.0)


@pytest.mark.parametrize("name", ["silu", "tanh"])
def test_a_run_that_goes_nowhere_ends_as_stationary(name):
    """One neuron, eight data out of its reach: the run settles at a positive loss, and is not continued for ever."""
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        V, y = rng.choice([-1.0, 1.0], (8, 1)), 2 * rng.standard_normal(8)
        problem = ReducedProblem(np.eye(8), y, loss("least_squares"), activation(name), "W", rng.standard_normal(1), V)
        run = gradient_flow(problem, t_max=math.inf, loss_stop=1e-10, max_steps=5000)
        assert run.status == "stationary"
        assert run.steps <= 500
        assert "stationary at t" in run.message
        longer = gradient_flow(problem, t_max=10 * run.t[-1], times=(), rtol=1e-12, atol=1e-15, error_estimate=False)
        assert longer.loss[-1] == pytest.approx(run.loss[-1], rel=1e-9)


def test_a_saddle_that_is_being_left_is_not_stationary():
    """a = V = 1e-7 with y = 1: the loss hardly moves for a long time, then goes to zero."""
    small, one = np.full(1, 1e-7), np.ones((1, 1))
    problem = ReducedProblem(one, np.ones(1), loss("least_squares"), activation("tanh"), "both", small, 1e-7 * one)
    run = gradient_flow(problem, t_max=math.inf, loss_stop=1e-12, points_per_decade=200)
    assert run.status == "loss_stop"


def test_time_scales_far_from_one():
    """Rates of 1e12 and of 1e-12: nothing in the engine assumes that time is of order one."""
    for scale in (1e-6, 1e6):
        base = instance("tanh", "W", seed=5)
        problem = ReducedProblem(scale * base.C, scale * base.y, base.loss, base.activation, "W", base.a0, base.V0)
        times = np.array([0.1, 1.0])
        expected = gradient_flow(base, t_max=1.0, times=times)
        run = gradient_flow(problem, t_max=scale**-2, times=times * scale**-2)
        np.testing.assert_allclose(run.a, expected.a, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(run.residual, scale * expected.residual, rtol=1e-8)


def test_stored_states_respect_the_memory_allowed():
    problem = instance("tanh", "both")
    size = 8 * (problem.k * (problem.p + 1))
    full = gradient_flow(problem, t_max=1e3)
    run = gradient_flow(problem, t_max=1e3, max_state_bytes=20 * size)
    assert len(full) > 20 >= len(run) >= 8
    assert "thinned" in run.message
    assert run.t[0] == 0.0
    assert run.t[-1] == full.t[-1]
    assert set(run.t) <= set(full.t)


def test_the_log_grid_has_the_points_it_promises():
    run = gradient_flow(instance(), t_max=50.0, points_per_decade=5)
    inside = run.t[1:-1]
    np.testing.assert_allclose(np.diff(np.log10(inside)), 0.2, rtol=1e-9)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"t_max": -1.0}, "t_max"),
        ({"t_max": math.nan}, "t_max"),
        ({"t_max": math.inf}, "never end"),
        ({"t_max": 1.0, "rtol": 1e-15}, "rtol"),
        ({"t_max": 1.0, "levels": [0.0]}, "levels"),
        ({"t_max": 1.0, "times": [1.0, 0.5]}, "times"),
        ({"t_max": 1.0, "loss_stop": -1.0}, "loss_stop"),
        ({"t_max": 1.0, "max_steps": -1}, "max_steps"),
    ],
)
def test_settings_out_of_range_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        Settings(**settings)


def test_problems_that_do_not_fit_are_refused():
    good = instance()
    with pytest.raises(ValueError, match="C has shape"):
        ReducedProblem(good.C.T.copy(), good.y, good.loss, good.activation, "both", good.a0, good.V0)
    with pytest.raises(ValueError, match="NaN"):
        ReducedProblem(good.C, good.y * np.nan, good.loss, good.activation, "both", good.a0, good.V0)
