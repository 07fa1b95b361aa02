"""The instances and the references of the benchmarks: they must be right before anything is measured against them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from benchmarks import problems
from benchmarks.comparisons import descent, flow
from benchmarks.contenders.flow import full_displacement
from benchmarks.remote import Unavailable

CASE: dict[str, Any] = {"name": "tiny", "n": 5, "m": 3, "k": 12, "d": 4, "seed": 3}


def loss(full: problems.Full, W: np.ndarray, V: np.ndarray) -> float:
    r = full.A @ (V @ np.tanh(W @ full.u)) / np.sqrt(W.shape[0]) - full.y
    return float(0.5 * r @ r)


def test_condition_number() -> None:
    S = np.linalg.svd(problems.make({**CASE, "cond": 30.0}).A)[1]
    assert S[0] / S[-1] == pytest.approx(30.0)


def test_the_reduced_velocity_is_the_full_gradient() -> None:
    full = problems.make(CASE)
    reduced = problems.reduce(full)
    W, V = full.W, full.V
    gradient = approx_fprime(
        np.concatenate((W.ravel(), V.ravel())),
        lambda theta: loss(full, theta[: W.size].reshape(W.shape), theta[W.size :].reshape(V.shape)),
        1e-7,
    )
    step = -1e-3 * gradient
    moved = full_displacement(full, reduced, W + step[: W.size].reshape(W.shape), V + step[W.size :].reshape(V.shape))
    da, dV = problems.velocity(reduced, reduced.a, reduced.V)
    np.testing.assert_allclose(moved, 1e-3 * np.concatenate((da, dV.ravel())), atol=1e-9)
    packed = problems.packed_velocity(reduced, problems.pack(reduced))
    np.testing.assert_allclose(packed, np.concatenate((da, dV.ravel())), rtol=1e-14)
    assert problems.value(reduced, reduced.a, reduced.V) == pytest.approx(loss(full, W, V), rel=1e-13)


def test_sigma_min_is_that_of_the_dense_jacobian() -> None:
    full = problems.make(CASE)
    t = np.tanh(full.W @ full.u)
    root = np.sqrt(t.size)
    by_W = (full.V * (1 - t * t))[:, :, None] * full.u / root
    by_V = np.einsum("in,j->inj", np.eye(5), t) / root
    J = np.concatenate((by_W.reshape(5, -1), by_V.reshape(5, -1)), axis=1)
    assert problems.sigma_min(full) == pytest.approx(np.linalg.svd(J)[1][-1], rel=1e-13)


def test_descent_reference_takes_plain_steps_of_the_full_model() -> None:
    full = problems.make(CASE)
    gamma, W, V = problems.step_size(full), full.W.copy(), full.V.copy()
    for _ in range(20):
        t = np.tanh(W @ full.u)
        q = full.A.T @ (full.A @ (V @ t) / np.sqrt(t.size) - full.y) / np.sqrt(t.size)
        W, V = W - gamma * np.outer((1 - t * t) * (q @ V), full.u), V - gamma * np.outer(q, t)
    found = full_displacement(full, problems.reduce(full), W, V)
    np.testing.assert_allclose(found, descent.reference(CASE, 20), rtol=1e-11, atol=1e-14)


def test_flow_reference_reaches_the_loss_and_agrees_with_itself() -> None:
    fine, coarse = flow.Reference(CASE), flow.Reference(CASE, 1e-9)
    assert coarse.error(1.0, fine.at[1.0]) < 1e-6 * 1e-2
    assert fine.t_end == pytest.approx(coarse.t_end, rel=1e-6)
    reduced = problems.reduce(problems.make(CASE))
    end = problems.pack(reduced) + fine.at[1.0]
    final = problems.value(reduced, end[:12], end[12:].reshape(reduced.V.shape))
    assert final / problems.value(reduced, reduced.a, reduced.V) == pytest.approx(flow.DECREASE, rel=1e-2)


class Fake:
    """A competitor whose error is a known function of its tolerance."""

    def __init__(self, factor: float) -> None:
        self.factor, self.tolerance, self.seen = factor, 0.0, 0.0
        self.entry = flow.Entry("fake", "nowhere:Nothing", ladder=flow.DECADES)
        self.row = flow.Row("flow", "case", "fake")
        self.expected = 0.0

    def ask(self, command: str, *arguments: Any, timeout: float) -> Any:
        if command == "configure":
            self.tolerance = arguments[0]["tolerance"]
            self.t_end = arguments[0]["t_end"]
        self.seen = self.tolerance if command == "answer" else self.seen
        return {"answer": self.factor * self.tolerance, "about": f"ran with {self.seen:.0e}"}.get(command, 0.0)


class Exact:
    t_end = 2.0

    def error(self, fraction: float, answer: float) -> float:
        return answer * (3.0 if fraction == 0.1 else 1.0)  # the worst is in the middle


@pytest.mark.parametrize(("factor", "chosen"), [(0.3, 1e-6), (3e-3, 1e-4), (30.0, 1e-8), (0.34, 1e-7)])
def test_tuning_takes_the_loosest_tolerance_that_is_good_enough_everywhere(factor: float, chosen: float) -> None:
    fake = Fake(factor)
    error = flow.tune(fake, Exact(), 1.0)  # type: ignore[arg-type]
    assert fake.tolerance == chosen
    assert fake.t_end == 2.0
    assert error == pytest.approx(3 * factor * chosen)
    assert fake.row.setting == f"rtol {chosen:.0e}"
    assert fake.row.note == f"ran with {chosen:.0e}"


def test_tuning_that_fails_says_so() -> None:
    with pytest.raises(Unavailable, match="no tolerance down to 1e-12"):
        flow.tune(Fake(1e9), Exact(), 1.0)  # type: ignore[arg-type]
