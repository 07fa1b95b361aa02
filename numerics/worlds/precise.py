"""Runs of small worlds in mpmath, so that only the rounding of what is then measured is left of the error budget.

Gradient flow by extrapolation of the modified midpoint rule (Gragg, Bulirsch, Stoer): order 16, with steps whose error
estimate is below 1e-18 of the size of the state.  States are rounded to doubles at the end.

References
----------
Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I, Section II.9.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np

from numerics.compile import function
from numerics.worlds.record import Record, step_for
from numerics.worlds.world import World
from theory.symbols import sym

__all__ = ["precise_descent", "precise_flow"]

_DPS = 34
_TOLERANCE = 1e-18
_COLUMNS = (2, 4, 6, 8, 10, 12, 14, 16)
_MAX_STEPS = 2000
_EPS = float(np.finfo(np.float64).eps)

Vector = Any  # an object array of mpf


def _vector(values: Any) -> Vector:
    return np.array([mpmath.mpf(float(value)) for value in np.ravel(values)], dtype=object).reshape(np.shape(values))


def _mapped(scalar: Callable[..., Any]) -> Callable[[Vector], Vector]:
    return lambda x: np.array([scalar(entry) for entry in np.ravel(x)], dtype=object).reshape(np.shape(x))


def _norm(x: Vector) -> Any:
    return mpmath.sqrt(mpmath.fsum(entry * entry for entry in np.ravel(x)))


class _Exact:
    """A world at many digits: output, Jacobian, loss."""

    def __init__(self, world: World) -> None:
        theory = getattr(world.loss, "theory", None)
        if theory is None:
            raise LookupError(f"the loss {world.loss.name} has no expression to evaluate at many digits")
        self.world = world
        self.generator: Any = world.generator
        self.operator: Any = world.operator
        self.A, self.y = _vector(self.operator.A), _vector(world.y)
        self.weights = _vector(np.ones(world.y.size) if world.loss.weights is None else world.loss.weights)
        self._entry = function(theory.entry, ["r", "w"], "mpmath")
        self._slope = function(theory.entry.diff(sym("r")), ["r", "w"], "mpmath")
        self._outer = function(theory.outer, ["z"], "mpmath")
        self._outer_slope = function(theory.outer.diff(sym("z")), ["z"], "mpmath")
        self._psi = function(world.loss.kl.psi(sym("s")), ["s"], "mpmath")
        if hasattr(self.generator, "activation"):
            self._phi = _mapped(function(self.generator.activation.theory.phi, ["x"], "mpmath"))
            self._dphi = _mapped(function(self.generator.activation.theory.dphi, ["x"], "mpmath"))
        self._make = {"quadratic": self._quadratic, "two_layer": self._two_layer, "deep": self._deep}[
            self.generator.kind
        ]

    def _quadratic(self, d: Vector) -> tuple[Vector, Vector]:
        made = self.generator
        bent = _vector(made.H) @ d
        return _vector(made.x0) + _vector(made.J) @ d + bent @ d / 2, _vector(made.J) + bent

    def _two_layer(self, d: Vector) -> tuple[Vector, Vector]:
        made = self.generator
        k, n, root = made.k, made.n, mpmath.sqrt(made.k)
        a = _vector(made.a0) + d[:k]
        V = _vector(made.V0) + (d[k:].reshape(n, k) if made.train == "both" else 0)
        phi = self._phi(a)
        of_a = V * self._dphi(a) / root
        if made.train == "W":
            return V @ phi / root, of_a
        rows = np.full((n, n * k), mpmath.mpf(0), dtype=object)
        for i in range(n):
            rows[i, i * k : (i + 1) * k] = phi / root
        return V @ phi / root, np.hstack([of_a, rows])

    def _deep(self, d: Vector) -> tuple[Vector, Vector]:
        made, at = self.generator, 0
        weights, biases = [], []
        for i, W in enumerate(made.weights):
            weights.append(_vector(W) + d[at : at + W.size].reshape(W.shape))
            at += W.size
            if made.biases is not None:
                biases.append(_vector(made.biases[i]) + d[at : at + W.shape[0]])
                at += W.shape[0]
        outputs, jacobians = [], []
        for u in made.inputs:
            h, z = [_vector(u)], []
            for i, W in enumerate(weights):
                z.append(W @ h[-1] + (biases[i] if biases else 0))
                h.append(self._phi(z[-1]))
            M = _vector(np.eye(weights[-1].shape[0]))
            blocks: list[Any] = []
            for i in range(len(weights) - 1, -1, -1):
                block = [(M[:, :, None] * h[i][None, None, :]).reshape(M.shape[0], -1)]
                blocks.insert(0, np.hstack([*block, M]) if biases else block[0])
                if i > 0:
                    M = (M @ weights[i]) * self._dphi(z[i - 1])
            outputs.append(z[-1])
            jacobians.append(np.hstack(blocks))
        return np.concatenate(outputs), np.vstack(jacobians)

    def _observed(self, x: Vector) -> tuple[Vector, Vector]:
        """F(x) and J_F(x)."""
        if self.operator.linear:
            return self.A @ x, self.A
        beta = mpmath.mpf(float(self.operator.beta))
        return self.A @ (x + beta * _mapped(mpmath.sin)(x)), self.A * (1 + beta * _mapped(mpmath.cos)(x))

    def look(self, d: Vector) -> tuple[Any, Vector, Vector]:
        """Loss, residual v − y and velocity."""
        x, J = self._make(d)
        v, J_F = self._observed(x)
        r = v - self.y
        entries = [self._entry(abs(a), w) for a, w in zip(r, self.weights, strict=True)]
        total = mpmath.fsum(entries)
        if total == 0:
            return mpmath.mpf(0), r, 0 * d
        outer = self._outer_slope(total)
        gradient = np.array(
            [outer * mpmath.sign(a) * self._slope(abs(a), w) for a, w in zip(r, self.weights, strict=True)],
            dtype=object,
        )
        return self._outer(total), r, -(J.T @ (J_F.T @ gradient))

    def row(self, t: Any, state: Vector) -> tuple[Any, ...]:
        """t, state, loss, ρ, residual, ℓ, ℓ_a, rounding of the observation."""
        loss, r, _ = self.look(state[:-2])
        rho = self._psi(loss) if loss > 0 else mpmath.mpf(0)
        seen = self.world.observe(np.array(state[:-2], dtype=np.float64))
        return t, state, loss, rho, _norm(r), state[-2], state[-1], seen.rounding


def precise_flow(world: World, times: Sequence[float]) -> Record:
    """The gradient flow at 0 and the given times, with states that are right to the last digit of doubles.

    Raises LookupError for a loss without an expression, and if 2000 steps do not lead to the last time.
    """
    with mpmath.workdps(_DPS):
        exact = _Exact(world)
        leading = world.leading

        def derivative(state: Vector) -> Vector:
            _, _, velocity = exact.look(state[:-2])
            return np.concatenate([velocity, [_norm(velocity), _norm(velocity[:leading])]])

        state = _vector(np.zeros(world.size + 2))
        rows = [exact.row(mpmath.mpf(0), state)]
        t, left = mpmath.mpf(0), _MAX_STEPS
        step = mpmath.mpf(float(times[0])) / 4
        for goal in map(mpmath.mpf, map(float, times)):
            while t < goal:
                if left == 0:
                    raise LookupError(f"{_MAX_STEPS} steps do not lead beyond t = {float(t):.3g}")
                left -= 1
                width = min(step, goal - t)
                after, error = _extrapolated(derivative, state, width)
                scale = _TOLERANCE * (_norm(after[:-2]) + 1e-20)
                if error > scale and error > 0:
                    step = width * max(mpmath.mpf("0.1"), mpmath.mpf("0.8") * (scale / error) ** (mpmath.mpf(1) / 16))
                    continue
                t, state = (goal if width == goal - t else t + width), after
                grow = mpmath.mpf(4) if error == 0 else mpmath.mpf("0.8") * (scale / error) ** (mpmath.mpf(1) / 16)
                if width == step:
                    step = width * min(mpmath.mpf(4), max(mpmath.mpf(1), grow))
            rows.append(exact.row(t, state))
        return _record(world, "flow", rows, "t_max", 1e-15)


def _extrapolated(derivative: Callable[[Vector], Vector], state: Vector, width: Any) -> tuple[Vector, Any]:
    """The state after a step, and how far the last two of the diagonal are apart."""
    first = derivative(state)
    table: list[Vector] = []
    error: Any = mpmath.inf
    for j, n in enumerate(_COLUMNS):
        h = width / n
        before, now = state, state + h * first
        for _ in range(n - 1):
            before, now = now, before + 2 * h * derivative(now)
        row = [(before + now + h * derivative(now)) / 2]
        for i in range(j):
            ratio = mpmath.mpf(n * n) / (_COLUMNS[j - i - 1] ** 2) - 1
            row.append(row[i] + (row[i] - table[i]) / ratio)
        if j:
            error = _norm((row[-1] - table[-1])[:-2])
        table = row
    return table[-1], error


def precise_descent(world: World, c: float, steps: int) -> Record:
    """Gradient descent with γM = 2c: the step of `step_for`, in mpmath, all iterates stored."""
    with mpmath.workdps(_DPS):
        exact, chosen = _Exact(world), step_for(world, c)
        gamma = mpmath.mpf(chosen.gamma)
        state = _vector(np.zeros(world.size + 2))
        rows = [exact.row(mpmath.mpf(0), state)]
        for j in range(steps):
            _, _, velocity = exact.look(state[:-2])
            move = gamma * velocity
            state = state + np.concatenate([move, [_norm(move), _norm(move[: world.leading])]])
            rows.append(exact.row(mpmath.mpf(j + 1), state))
        return _record(world, "descent", rows, "max_steps", 0.0, chosen)


def _record(
    world: World, engine: Any, rows: list[tuple[Any, ...]], status: str, rtol: float, step: Any = None
) -> Record:
    d = np.array([[float(entry) for entry in row[1][:-2]] for row in rows])
    columns = [np.array([float(row[i]) for row in rows]) for i in (0, 2, 3, 4, 5, 6, 7)]
    t, loss, rho, residual, length, length_a, rounding = columns
    size = np.linalg.norm(d, axis=1)
    error = 2 * _EPS * size + rtol * size
    steep = max(world.sensitivity(d[i]) for i in range(len(rows)))
    if not all(math.isfinite(value) for value in loss):
        raise LookupError("the run leaves the range of doubles")
    return Record(
        world, engine, t, d, loss, rho, residual, length, length_a, error, (2 * _EPS + rtol) * length,
        rounding + steep * error, status, rtol, step,
    )  # fmt: skip
