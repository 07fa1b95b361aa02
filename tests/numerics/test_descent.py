"""Gradient descent against the plain iteration on the full W and V, closed forms, and its own other kernel."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from numerics.activations import activation
from numerics.descent import choose_kernel, engine, gradient_descent, kernel_spectrum, stable_step
from numerics.flow import ReducedProblem
from numerics.interrupt import deferred
from numerics.losses import loss
from theory.activations import ACTIVATIONS
from theory.losses import LOSSES

MODES = ("both", "W")
PARAMETERS = {"lp": {"p": 3}, "p_power": {"p": 3}, "pseudo_huber": {"huber": 0.7}}


def make_loss(name, m, rng):
    weights = rng.uniform(0.5, 2.0, m) if LOSSES[name].weighted else None
    parameters = {"m": m} if name == "lp" else {}
    return loss(name, weights, **parameters, **PARAMETERS.get(name, {}))


def instance(name="tanh", train="both", m=3, p=4, k=12, seed=0, losses="least_squares"):
    rng = np.random.default_rng(seed)
    C = rng.standard_normal((m, p)) / math.sqrt(p)
    a, V = rng.standard_normal(k), rng.uniform(-1.7, 1.7, (p, k))
    return ReducedProblem(C, rng.standard_normal(m), make_loss(losses, m, rng), activation(name), train, a, V)


class Full:
    """Plain descent on θ = (W, V), W (k × d) and V (n × k), y = A g(θ), nothing reduced."""

    def __init__(self, name, train, losses, *, n=7, m=4, k=20, d=3, seed=1, restrict=True):
        rng = np.random.default_rng(seed)
        self.A = rng.standard_normal((m, n)) / math.sqrt(n)
        self.W, self.V = rng.standard_normal((k, d)), rng.uniform(-1.7, 1.7, (n, k))
        u = rng.standard_normal(d)
        self.u = u / np.linalg.norm(u)
        self.y, self.k, self.train = rng.standard_normal(m), k, train
        self.loss, self.activation = make_loss(losses, m, rng), activation(name)
        self.start, self.restrict = (self.W.copy(), self.V.copy()), restrict

    def reduced(self):
        """A = C Uᵀ by a QR factorization (m ≤ n), or U = I (m > n)."""
        m, n = self.A.shape
        Q, R = np.linalg.qr(self.A.T) if m < n and self.restrict else (np.eye(n), self.A.T)
        W, V = self.start
        problem = ReducedProblem(
            np.ascontiguousarray(R.T), self.y, self.loss, self.activation, self.train, W @ self.u, Q.T @ V
        )
        return problem, Q

    def step(self, gamma):
        z = self.W @ self.u
        phi, dphi = self.activation.phi(z), self.activation.dphi(z)
        q = self.A.T @ self.loss.grad(self.A @ (self.V @ phi) / math.sqrt(self.k), self.y)
        dW = np.outer(dphi * (self.V.T @ q), self.u) / math.sqrt(self.k)
        dV = np.outer(q, phi) / math.sqrt(self.k) if self.train == "both" else np.zeros_like(self.V)
        self.W, self.V = self.W - gamma * dW, self.V - gamma * dV
        return gamma * math.hypot(np.linalg.norm(dW), np.linalg.norm(dV)), gamma * np.linalg.norm(dW)

    def observe(self):
        v = self.A @ (self.V @ self.activation.phi(self.W @ self.u)) / math.sqrt(self.k)
        return self.loss.value(v, self.y), np.linalg.norm(v - self.y)


def against_the_full_iteration(name, train, losses, kernel, steps=500, **sizes):
    full = Full(name, train, losses, **sizes)
    problem, Q = full.reduced()
    gamma = 0.4 * stable_step(problem)
    residuals, moved = [full.observe()[1]], np.zeros(2)
    for _ in range(steps):
        moved += full.step(gamma)
        residuals.append(full.observe()[1])
    levels = [0.9 * residuals[0], 0.5 * (residuals[0] + residuals[-1])]
    run = gradient_descent(problem, gamma, max_steps=steps, levels=levels, kernel=kernel)
    assert (run.status, int(run.steps[-1]), run.kernel) == ("max_steps", steps, kernel)
    tolerance = {"rtol": 0, "atol": 2e-13}
    np.testing.assert_allclose(run.a[-1], full.W @ full.u, **tolerance)
    if train == "both":  # V changes within Im Q only, and there as V̂ does
        start = full.start[1]
        np.testing.assert_allclose(start + Q @ (run.V[-1] - Q.T @ start), full.V, **tolerance)
    else:
        assert run.V is None
    np.testing.assert_allclose((run.loss[-1], run.residual[-1]), full.observe(), **tolerance)
    np.testing.assert_allclose(run.residual, np.array(residuals)[run.steps], **tolerance)
    np.testing.assert_allclose((run.length[-1], run.length_a[-1]), moved, rtol=1e-12)
    for level in levels:
        assert run.crossings[level] == np.flatnonzero(np.array(residuals) <= level)[0]


# --- against the plain iteration
@pytest.mark.parametrize("train", MODES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_numpy_takes_the_steps_of_the_full_model(name, train):
    against_the_full_iteration(name, train, "least_squares", "numpy")


@pytest.mark.parametrize("train", MODES)
@pytest.mark.parametrize("losses", LOSSES)
def test_every_loss(losses, train):
    against_the_full_iteration("tanh", train, losses, "numpy", steps=200)


@pytest.mark.parametrize("losses", ["least_squares", "weighted_least_squares"])
def test_more_observations_than_unknowns(losses):
    """A part of y that no network reaches: it stays in loss and residual."""
    against_the_full_iteration("tanh", "both", losses, "numpy", n=3, m=8)
    against_the_full_iteration("tanh", "W", losses, "numpy", n=3, m=8)


@pytest.mark.parametrize("losses", ["least_squares", "pseudo_huber"])
def test_the_part_of_V_that_the_operator_does_not_see_stays(losses):
    against_the_full_iteration("tanh", "both", losses, "numpy", restrict=False)
    against_the_full_iteration("tanh", "W", losses, "numpy", restrict=False)


# 3, 4, 5 and 7 rows: the kernel takes four or two at a time.  sigmoid: φ(0) ≠ 0, so the padding of the last tile must be kept
# out; k = 150 is two tiles, the second one padded
@pytest.mark.parametrize(
    ("name", "train", "losses", "sizes"),
    [
        ("tanh", "both", "least_squares", {"restrict": False}),
        ("tanh", "both", "weighted_least_squares", {"n": 3, "m": 8, "k": 150}),
        ("sigmoid", "both", "weighted_least_squares", {"k": 150, "m": 7, "n": 9}),
        ("tanh", "W", "least_squares", {"n": 3, "m": 8}),
        ("tanh", "W", "weighted_least_squares", {"k": 128, "m": 5}),
    ],
)
def test_the_fused_kernel_takes_the_steps_of_the_full_model(name, train, losses, sizes):
    pytest.importorskip("numba")
    against_the_full_iteration(name, train, losses, "fused", **sizes)


def test_a_line_is_solved_in_closed_form():
    """n = m = k = 1, φ = id, W only: r_{j+1} = (1 − γ v²) r_j."""
    V = np.array([[1.5]])
    problem = ReducedProblem(
        np.ones((1, 1)), np.array([2.0]), loss("least_squares"), activation("identity"), "W", np.zeros(1), V
    )
    run = gradient_descent(problem, 0.3, max_steps=20, store=[7, 3], kernel="numpy")
    assert run.steps.tolist() == [0, 3, 7, 20]
    exact = 2.0 * (1 - 0.3 * 2.25) ** run.steps
    np.testing.assert_allclose(run.residual, exact, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(run.loss, exact**2 / 2, rtol=1e-12, atol=1e-15)


def test_stored_states_and_path_length():
    problem = instance()
    run = gradient_descent(problem, 0.2, max_steps=30, store=range(31), states=True, kernel="numpy")
    theta = np.concatenate([run.a, run.V.reshape(31, -1)], axis=1)
    legs = np.linalg.norm(np.diff(theta, axis=0), axis=1)
    np.testing.assert_allclose(run.length[1:], np.cumsum(legs), rtol=1e-12)
    np.testing.assert_allclose(run.length_a[1:], np.cumsum(np.linalg.norm(np.diff(run.a, axis=0), axis=1)), rtol=1e-12)
    for i in (0, 11, -1):
        assert np.linalg.norm(problem.C @ run.state(i).output() - problem.y) == pytest.approx(
            run.residual[i], rel=1e-12
        )
    last = gradient_descent(problem, 0.2, max_steps=30, kernel="numpy")
    assert np.array_equal(last.state().V, run.state().V)
    with pytest.raises(IndexError, match="states=True"):
        last.state(0)


def test_the_default_grid_is_logarithmic():
    steps = gradient_descent(instance(), 0.2, max_steps=1000, kernel="numpy").steps
    assert steps[0] == 0
    assert steps[-1] == 1000
    assert {1, 10, 100}.issubset(steps.tolist())
    assert len(steps) < 30


@pytest.mark.parametrize("train", MODES)
@pytest.mark.parametrize("losses", ["least_squares", "weighted_least_squares", "pseudo_huber"])
def test_a_diagonal_operator_may_be_a_vector(losses, train):
    problem = instance("tanh", train, m=4, losses=losses)
    singular = np.array([2.0, 1.0, 0.5, 0.1])
    flat, square = replace(problem, C=singular), replace(problem, C=np.diag(singular))
    assert stable_step(flat) == pytest.approx(stable_step(square), rel=1e-12)
    runs = [gradient_descent(p, 0.1, max_steps=50, kernel="numpy") for p in (flat, square)]
    for name in ("a", "loss", "residual", "length") + (("V",) if train == "both" else ()):
        np.testing.assert_allclose(getattr(runs[0], name), getattr(runs[1], name), rtol=1e-12, atol=1e-14)


# --- how runs end
def test_it_stops_at_the_first_step_below_the_loss():
    problem = instance()
    long = gradient_descent(problem, 0.3, max_steps=60, store=range(60), kernel="numpy")
    target = float(np.sqrt(long.loss[20] * long.loss[21]))
    run = gradient_descent(problem, 0.3, max_steps=60, loss_stop=target, kernel="numpy")
    assert (run.status, int(run.steps[-1])) == ("loss_stop", 21)
    assert run.converged
    assert run.loss[-1] == long.loss[21]
    at_once = gradient_descent(problem, 0.3, max_steps=60, loss_stop=2 * long.loss[0], levels=[1e9], kernel="numpy")
    assert at_once.steps.tolist() == [0]
    assert at_once.crossings == {1e9: 0}


@pytest.mark.parametrize("kernel", ["numpy", "fused"])
def test_hooks_see_every_few_steps_and_may_stop(kernel):
    if kernel == "fused":
        pytest.importorskip("numba")
    seen = []

    def hook(step, value, residual):
        seen.append((step, value, residual))
        return step == 40

    run = gradient_descent(instance(), 0.2, max_steps=100, hook=hook, every=8, store=[20], kernel=kernel)
    assert [step for step, *_ in seen] == [0, 8, 16, 24, 32, 40]
    assert run.status == "hook"
    assert run.steps.tolist() == [0, 20, 40]
    assert seen[-1][1:] == (run.loss[-1], run.residual[-1])
    bare = gradient_descent(instance(), 0.2, max_steps=40, kernel=kernel)
    assert run.loss[-1] == bare.loss[-1]


def test_the_stable_step_is_where_stability_ends():
    problem = instance("identity", "W", m=3, p=3, k=9)
    limit = stable_step(problem)
    assert limit == pytest.approx(2 / np.linalg.norm(problem.C @ problem.V0 / 3.0, 2) ** 2, rel=1e-12)
    below = gradient_descent(problem, 0.99 * limit, max_steps=20_000, kernel="numpy")
    assert below.loss[-1] < 1e-3 * below.loss[0]
    above = gradient_descent(problem, 1.01 * limit, max_steps=100_000, kernel="numpy")
    assert above.status == "diverged"
    assert "not finite" in above.message
    assert f"{limit:.3g}" in above.message
    assert above.steps[-1] < 100_000
    grown = gradient_descent(problem, 1.5 * limit, max_steps=10, kernel="numpy")
    assert grown.status == "max_steps"
    assert "has grown" in grown.message


@pytest.mark.parametrize("train", MODES)
def test_fused_descent_diverges_at_the_step_of_numpy(train):
    pytest.importorskip("numba")
    problem = instance("tanh", "both", k=30) if train == "both" else instance("tanh", "W", k=30)
    gamma = (1e3 if train == "both" else 0.1) * stable_step(problem)
    runs = [gradient_descent(problem, gamma, max_steps=400, kernel=kernel) for kernel in ("numpy", "fused")]
    assert [run.status for run in runs] == (["diverged"] * 2 if train == "both" else ["max_steps"] * 2)
    assert runs[0].steps[-1] == runs[1].steps[-1]


def test_the_spectrum_is_that_of_the_jacobian():
    for train in MODES:
        for losses in ("weighted_least_squares", "pseudo_huber"):
            problem = instance("gelu", train, losses=losses)
            net = ReducedProblem.system(problem)
            base, eps = np.zeros(net.size), 1e-6
            columns = []
            for j in range(net.size):
                e = base.copy()
                e[j] = eps
                columns.append((net.observe(e).difference - net.observe(-e).difference) / (2 * eps))
            J = np.array(columns).T
            if losses == "weighted_least_squares":
                J = np.sqrt(problem.loss.weights)[:, None] * J
            np.testing.assert_allclose(kernel_spectrum(problem), np.linalg.eigvalsh(J @ J.T), rtol=1e-7)


# --- Ctrl-C
def test_an_interrupt_in_a_hook_keeps_everything():
    def hook(step, *_):
        if step == 30:
            raise KeyboardInterrupt

    run = gradient_descent(instance(), 0.2, max_steps=100, hook=hook, store=[10, 20], kernel="numpy")
    assert run.status == "interrupted"
    assert run.steps.tolist() == [0, 10, 20, 30]


@pytest.mark.parametrize("kernel", ["numpy", "fused"])
def test_ctrl_c_leaves_a_whole_step(kernel):
    if kernel == "fused":
        pytest.importorskip("numba")
    problem = instance(k=40)
    gradient_descent(problem, 0.1, max_steps=1, kernel=kernel)  # compile before the clock runs
    main = threading.get_ident()
    timer = threading.Timer(0.1, lambda: signal.pthread_kill(main, signal.SIGINT))
    timer.start()
    run = gradient_descent(problem, 0.1, max_steps=10**9 if kernel == "fused" else 300_000, store=(), kernel=kernel)
    timer.join()
    assert run.status == "interrupted"
    assert run.steps[-1] < 300_000 or kernel == "fused"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    again = gradient_descent(problem, 0.1, max_steps=int(run.steps[-1]), kernel=kernel)
    assert np.array_equal(again.V[-1], run.V[-1])
    assert np.array_equal(again.a[-1], run.a[-1])
    assert again.loss[-1] == run.loss[-1]


def press_twice(breakable):
    with deferred(breakable) as request:
        for _ in range(2):
            signal.raise_signal(signal.SIGINT)
            assert request.made
        raise AssertionError("not broken off" if breakable else "waited")


def test_a_second_ctrl_c_breaks_off_where_that_is_allowed():
    with pytest.raises(KeyboardInterrupt):
        press_twice(breakable=True)
    with pytest.raises(AssertionError, match="waited"):
        press_twice(breakable=False)


# --- which kernel
def test_the_kernel_is_chosen_and_the_reason_told(monkeypatch):
    problem, other = instance(), instance(losses="pseudo_huber")
    assert choose_kernel(other)[0] == "numpy"
    assert "pseudo_huber" in choose_kernel(other)[1]
    with pytest.raises(ValueError, match=r"pseudo_huber; use kernel='numpy'"):
        gradient_descent(other, 0.1, max_steps=1, kernel="fused")
    with pytest.raises(ValueError, match="choose 'auto'"):
        gradient_descent(problem, 0.1, max_steps=1, kernel="fast")
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    assert choose_kernel(problem) == ("numpy", 'numba is not installed: pip install "dipcert[fast]"')
    run = gradient_descent(problem, 0.1, max_steps=1)
    assert (run.kernel, run.kernel_reason) == choose_kernel(problem)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "dipcert\[fast\]"'):
        gradient_descent(problem, 0.1, max_steps=1, kernel="fused")
    monkeypatch.setattr(engine, "find_spec", lambda name: name)
    monkeypatch.setattr(engine, "import_module", lambda name: name)
    assert choose_kernel(problem)[0] == "fused"

    def refuse(name):
        raise ImportError("Numba needs NumPy 2.0 or less")

    monkeypatch.setattr(engine, "import_module", refuse)
    assert choose_kernel(problem)[0] == "numpy"
    assert "Numba needs NumPy 2.0 or less" in choose_kernel(problem)[1]


def test_importing_the_package_does_not_import_numba():
    root = Path(engine.__file__).parents[2]
    code = "import sys, numerics.descent, numerics.phase; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gamma": 0.0}, "gamma"),
        ({"gamma": math.inf}, "gamma"),
        ({"max_steps": -1}, "max_steps"),
        ({"max_steps": 1.5}, "max_steps"),
        ({"every": 0}, "every"),
        ({"store": [-1]}, "store"),
        ({"loss_stop": math.nan}, "loss_stop"),
        ({"levels": [0.0]}, "levels"),
    ],
)
def test_arguments_are_met_at_the_door(arguments, message):
    with pytest.raises(ValueError, match=message):
        gradient_descent(instance(), **{"gamma": 0.1, "max_steps": 3, **arguments})


def test_a_loss_that_overflows_is_met_at_the_door():
    problem = instance()
    huge = ReducedProblem(
        problem.C, 1e200 * problem.y, problem.loss, problem.activation, "both", problem.a0, problem.V0
    )
    with pytest.raises(ValueError, match="not finite at the start"):
        gradient_descent(huge, 0.1, max_steps=3, kernel="numpy")
