"""Where the flow ends and how soon it is close: Newton's method on the dual (`wonly.linear_rate`, `wonly.rate`).

For 0 < t <= infinity let h_t minimize |B h - y|^2/2 + D(h, h_0)/t over the box (t = infinity: D(., h_0) over
{B h = y}, the limit of the flow). Stationarity says H(a) = H(a_0) + B^T p with p = -t (B h - y), so p in R^m solves

    B phi(H^{-1}(H(a_0) + B^T p)) - y + p/t = 0,

the gradient of the convex function sum_i U*(H(a_0)_i + (B^T p)_i) - <p, y> + |p|^2/(2t), whose Hessian is
B diag(phi'(a)^2) B^T + I/t. Every iterate p gives a point of the box, and *every* point h of the box gives a bound
L(t) <= L(h) + D(h, h_0)/t: the accuracy of the solver only matters for the sharpness, never for the truth, of what is
reported. The path t -> h_t traces the Pareto front of (|B h - y|, D), on which the best bound of any kind lies.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray

from numerics.paired import half
from numerics.rigorous import norm_upper
from numerics.wonly.bregman import bregman, bregman_terms, rate_time
from numerics.wonly.domain import inverse_H, require_smooth

Array = NDArray[np.float64]
_U = 2.0**-53
#: Up to this m the Hessian is always formed; beyond, conjugate gradients come first, preconditioned by a stale factor.
_DIRECT = 250
#: A new factor costs as much as some 25 steps of conjugate gradients (m = 1152, k = 4608: 150 ms against 6 ms a step) and
#: serves several directions: it is due when a direction took more steps than this for each digit, and at once beyond
#: _GIVE_UP steps in all.
_STALE, _GIVE_UP = 8, 30
#: R^{-T} B has orthonormal rows up to kappa(B)^2 eps if R is the Cholesky factor of B B^T: below this kappa (estimated by
#: the diagonal of R) the Householder factorization, five times as expensive, gains nothing.
_WELL = 1e4
#: The path is given up after so many e-foldings of t in a row at which Newton's method fails: it has run into a wall
#: (phi' = 0) as closely as doubles allow.
_LOST = 4


@dataclass(frozen=True)
class Limit:
    """The predicted limit of the flow.

    Attributes
    ----------
    a, h : (k,) preactivations and h = phi(a) in float64; the signal is V h/sqrt(k).
    D_0 : upper bound of D(phi(a), phi(a_0)) for exactly these a.
    p : (m,) the dual variable, H(a) = H(a_0) + B^T p.
    residual : upper bound of |B phi(a) - y|.
    """

    a: Array
    h: Array
    D_0: float
    p: Array
    residual: float


@dataclass(frozen=True)
class Regularized:
    """A point of the regularization path: as :class:`Limit`, with its time t and loss = residual^2/2 (upper bound).

    Guaranteed for the flow: L(s) <= loss + D_0/s for every s > 0; best (on the path) at s = t. For least squares
    `residual_bound` is sharper.
    """

    t: float
    a: Array
    h: Array
    D_0: float
    p: Array
    residual: float
    loss: float

    def residual_bound(self, s: float) -> float:
        """Upper bound of |y(s) - y| for s > 0: from s rho (rho - R*) <= D_0 for rho = |y(s) - y|, which is monotone."""
        if not s > 0:
            raise ValueError(f"a positive time is needed, not {s}")
        return 0.5 * (self.residual + math.hypot(self.residual, 2 * math.sqrt(self.D_0 / s))) * (1 + 16 * _U)


@dataclass(frozen=True)
class StoppingTime:
    """A guaranteed time from which |y(t) - y| <= level, with the point of the path that proves it.

    T = D_0/(level (level - residual)), rounded up; inf (and point None) if no point of the box was found below level.
    """

    T: float
    level: float
    point: Regularized | None
    how: str


class Path:
    """The regularization path of one (B, y, a_0) by Newton's method: every call starts from the nearest point found before.

    Parameters
    ----------
    activation: a smooth compiled activation.
    B: shape (m, k).  y: shape (m,).  a0: shape (k,).
    residual_upper: a -> upper bound of |B phi(a) - y|, if the caller has one of its own; enclosed here otherwise.

    Where the columns of B come in pairs of opposite sign (:mod:`numerics.paired`), only half of them are used.

    Raises
    ------
    ValueError: shapes that do not fit, NaN or infinity, an activation without mirror map, H(a0) beyond doubles.
    """

    def __init__(
        self,
        activation: Any,
        B: ArrayLike,
        y: ArrayLike,
        a0: ArrayLike,
        residual_upper: Callable[[Array], float] | None = None,
    ) -> None:
        require_smooth(activation)
        self.activation = activation
        self.B = np.ascontiguousarray(B, dtype=np.float64)
        self.y, self.a0 = np.asarray(y, dtype=np.float64), np.asarray(a0, dtype=np.float64)
        if self.B.ndim != 2 or self.y.shape != (self.B.shape[0],) or self.a0.shape != (self.B.shape[1],):
            raise ValueError(
                "B must be m x k with y of length m and a0 of length k, "
                f"not {self.B.shape}, {self.y.shape}, {self.a0.shape}"
            )
        if not (np.isfinite(self.B).all() and np.isfinite(self.y).all()):
            raise ValueError("B and y must be finite")
        self.m, self.k = self.B.shape
        self._half = half(self.B)
        self.H0 = np.asarray(activation.H(self.a0), dtype=np.float64)
        if not np.isfinite(self.H0).all():
            raise ValueError("H(a0) overflows: some preactivation is saturated beyond the range of doubles")
        self.factor: Any = None
        self._stale = False
        self._residual_upper = residual_upper
        self._seen: dict[float, tuple[Array, Array, bool]] = {}  # log t -> (p, a, converged)

    def at(self, log_t: float, tol: float, iterations: int = 100) -> tuple[Array, Array, bool]:
        """(p, a, converged) at t = e^{log_t}, from the nearest point of the path seen so far (p is about linear in t)."""
        start = None
        if self._seen:
            near = min(self._seen, key=lambda s: abs(s - log_t))
            p, a, _ = self._seen[near]
            start = (p * math.exp(min(0.0, log_t - near)), a)
        self._seen[log_t] = self.solve(math.exp(-log_t), tol, start, iterations)
        return self._seen[log_t]

    def times(self, h: Array) -> Array:
        """B h."""
        if self._half is None:
            return self.B @ h
        middle = self.k // 2
        return self._half @ (h[:middle] - h[middle:])

    def back(self, p: Array) -> Array:
        """B^T p."""
        if self._half is None:
            return p @ self.B
        g = p @ self._half
        return np.concatenate([g, -g])

    def gram(self, weights: Array) -> Array:
        """B diag(weights) B^T, weights >= 0: half the work of a product, since BLAS sees a matrix times its transpose."""
        middle = self.k // 2
        columns, weights = (
            (self.B, weights) if self._half is None else (self._half, weights[:middle] + weights[middle:])
        )
        root = columns * np.sqrt(weights)
        return root @ root.T

    def point(self, p: Array, a: Array, inv_t: float) -> tuple[Array, Array, Array]:
        """(a, h, gradient) at p; `a` is a nearby guess."""
        a = inverse_H(self.activation, self.H0 + self.back(p), a)
        h = np.asarray(self.activation.phi(a))
        return a, h, self.times(h) - self.y + p * inv_t

    def direction(self, weights: Array, inv_t: float, gradient: Array, forcing: float) -> Array | None:
        """-(B diag(weights) B^T + I/t)^{-1} gradient, by preconditioned conjugate gradients if that is quick."""
        if self.factor is not None and self.m > _DIRECT and not self._stale:
            step = self._conjugate_gradients(weights, inv_t, gradient, forcing)
            if step is not None:
                return step
        hessian = self.gram(weights)
        scale = float(np.trace(hessian)) / self.m
        index = np.diag_indices(self.m)
        hessian[index] += inv_t
        for ridge in (0.0, 1e-14, 1e-11):
            try:
                if ridge:
                    hessian[index] += ridge * scale
                self.factor = scipy.linalg.cho_factor(hessian, lower=True, check_finite=False)
                self._stale = False
            except np.linalg.LinAlgError:
                continue
            step = -scipy.linalg.cho_solve(self.factor, gradient, check_finite=False)
            return step if np.isfinite(step).all() else None
        return None

    def _conjugate_gradients(self, weights: Array, inv_t: float, gradient: Array, forcing: float) -> Array | None:
        x, r = np.zeros(self.m), -gradient
        goal = forcing * float(np.linalg.norm(r))
        z = scipy.linalg.cho_solve(self.factor, r, check_finite=False)
        d, rz = z, float(r @ z)
        for step in range(_GIVE_UP):
            q = self.times(weights * self.back(d)) + d * inv_t
            curvature = float(d @ q)
            if not (curvature > 0 and rz > 0 and math.isfinite(curvature)):
                return None
            alpha = rz / curvature
            x, r = x + alpha * d, r - alpha * q
            if float(np.linalg.norm(r)) <= goal:
                self._stale = step >= _STALE * max(1.0, -math.log10(forcing))
                return x
            z = scipy.linalg.cho_solve(self.factor, r, check_finite=False)
            new = float(r @ z)
            d, rz = z + (new / rz) * d, new
        return None

    def solve(
        self, inv_t: float, tol: float, start: tuple[Array, Array] | None = None, iterations: int = 100
    ) -> tuple[Array, Array, bool]:
        """(p, a, converged): converged means |gradient| <= tol * max(|y|, |B h_0 - y|, tiny)."""
        p, a = start if start is not None else (np.zeros(self.m), self.a0)
        a, h, gradient = self.point(p, a, inv_t)
        scale = max(float(np.linalg.norm(self.y)), float(np.linalg.norm(gradient)), 1e-300)
        for _ in range(iterations):
            size = float(np.linalg.norm(gradient))
            if size <= tol * scale:
                return p, a, True
            weights = np.asarray(self.activation.dphi(a)) ** 2
            step = self.direction(weights, inv_t, gradient, min(0.1, math.sqrt(size / scale)))
            if step is None:
                break
            slope = float(gradient @ step)
            if not slope < 0:
                break
            alpha = 1.0
            for _ in range(50):
                trial_a, trial_h, trial = self.point(p + alpha * step, a, inv_t)
                if float(trial @ step) <= 0.3 * abs(slope) or float(np.linalg.norm(trial)) < 0.5 * size:
                    break
                alpha *= 0.5
            else:
                break
            p, a, h, gradient = p + alpha * step, trial_a, trial_h, trial
        del h
        return p, a, False

    def residual_upper(self, a: Array) -> float:
        """Upper bound of |B phi(a) - y|: enclosed phi, gamma_{k+1} |B||h| + u |y| for the rounding."""
        if self._residual_upper is not None:
            return self._residual_upper(a)
        h, error = self.activation.enclose_phi(a)
        absB = np.abs(self.B)
        gamma = (self.k + 4) * _U / (1 - (self.k + 4) * _U)
        r = self.B @ h - self.y
        slack = absB @ (gamma * np.abs(h) + error) * (1 + 2 * gamma) + 4 * _U * (np.abs(self.y) + np.abs(r)) + 1e-300
        return norm_upper((np.abs(r) + slack) * (1 + 4 * _U))

    def finish(self, p: Array, a: Array, t: float) -> Regularized:
        """The point with its certified numbers."""
        residual = self.residual_upper(a)
        D_0 = bregman(self.activation, a, self.a0)
        h = np.asarray(self.activation.phi(a))
        return Regularized(t, a, h, D_0, p, residual, 0.5 * residual * residual * (1 + 4 * _U))


def limit(activation: Any, B: ArrayLike, y: ArrayLike, a0: ArrayLike, tol: float = 1e-12) -> Limit:
    """The limit of the W-only flow, argmin D(., h_0) over {B h = y} (`wonly.linear_rate`), for an interior y.

    B (m, k) of full row rank, y (m,), a0 (k,). `tol`: relative accuracy of B h = y. Internally B is replaced by
    R^{-T} B, B^T = Q R, so that an ill-conditioned operator costs no accuracy.

    Raises ValueError if B is rank deficient or y is not in the image of the open box, or too close to its boundary
    (`threshold` tells which).

    >>> import numpy as np
    >>> from numerics.activations import activation
    >>> limit(activation("identity"), [[1.0, 1.0]], [2.0], [0.0, 0.0]).h.round(12).tolist()
    [1.0, 1.0]
    """
    return limit_of(Path(activation, B, y, a0), tol)


def limit_of(original: Path, tol: float = 1e-12) -> Limit:
    """:func:`limit` of the problem of a path."""
    failure = (
        "the limit was not found: y is outside the image of the box or close to its boundary, or B lacks full row "
        "rank; numerics.wonly.threshold decides which, regularized() still gives bounds"
    )
    if original.k < original.m:
        raise ValueError(failure)
    R, rows = _orthonormal_rows(original)
    diagonal = np.abs(np.diagonal(R))
    if diagonal.min() <= 1e-14 * diagonal.max():
        raise ValueError(failure)
    white = Path(
        original.activation,
        rows,
        scipy.linalg.solve_triangular(R, original.y, trans="T", check_finite=False),
        original.a0,
    )
    q, a, converged = white.solve(0.0, tol)
    if not converged:
        # The last digits may be out of reach of rounding in H^{-1}; be satisfied with what rounding allows.
        q, a, converged = white.solve(0.0, max(tol, 1e-11), (q, a), 20)
    if not converged:
        raise ValueError(failure)
    point = original.finish(scipy.linalg.solve_triangular(R, q, check_finite=False), a, math.inf)
    return Limit(point.a, point.h, point.D_0, point.p, point.residual)


def _orthonormal_rows(path: Path) -> tuple[Array, Array]:
    """(R, R^{-T} B) with R upper triangular, R^{-T} B orthonormal up to rounding where B is well conditioned.

    Whatever R is, R^{-T}(B h - y) = 0 has the solutions of B h = y: its accuracy matters for the speed of Newton's method.
    """
    factor, info = scipy.linalg.lapack.dpotrf(path.gram(np.ones(path.k)), lower=0, clean=1)
    diagonal = np.abs(np.diagonal(factor))
    if info == 0 and diagonal.min() * _WELL > diagonal.max():
        columns = path.B if path._half is None else path._half
        rows = np.asarray(scipy.linalg.solve_triangular(factor, columns, trans="T", check_finite=False))
        return factor, rows if path._half is None else np.hstack([rows, -rows])
    Q, R = scipy.linalg.qr(path.B.T, mode="economic", check_finite=False)
    return np.asarray(R, dtype=np.float64), np.ascontiguousarray(Q.T)


def regularized(activation: Any, B: ArrayLike, y: ArrayLike, a0: ArrayLike, t: float, tol: float = 1e-8) -> Regularized:
    """The minimizer of |B h - y|^2/2 + D(h, h_0)/t over the box, with certified loss and D (`wonly.rate`), 0 < t < inf.

    B (m, k) of any rank, y (m,) anywhere. Always exists. Raises ValueError for a nonpositive t or wrong shapes.

    >>> from numerics.activations import activation
    >>> point = regularized(activation("identity"), [[1.0]], [1.0], [0.0], 1.0)
    >>> round(float(point.h[0]), 12)
    0.5
    """
    return regularized_on(Path(activation, B, y, a0), t, tol)


def regularized_on(path: Path, t: float, tol: float = 1e-8) -> Regularized:
    """:func:`regularized` for the problem of a path."""
    if not (t > 0 and math.isfinite(t)):
        raise ValueError(f"a positive, finite time is needed, not {t}; for t = infinity use limit()")
    p, a, _ = path.at(math.log(t), tol)
    return path.finish(p, a, t)


def stopping_time(
    activation: Any, B: ArrayLike, y: ArrayLike, a0: ArrayLike, level: float, accuracy: float = 0.02
) -> StoppingTime:
    """The smallest guaranteed time with |y(T) - y| <= level that the regularization path yields (`wonly.stop`).

    For a point with residual R* < level: T = D_0/(level (level - R*)), by D' <= -|r|(|r| - R*) while |r| >= level. No
    knowledge of the noise or the truth is used. `accuracy`: relative width of the search in T (any point is a proof).

    Raises ValueError for a level that is not positive and finite.
    """
    return stopping_time_on(Path(activation, B, y, a0), level, accuracy)


def stopping_time_on(newton: Path, level: float, accuracy: float = 0.02) -> StoppingTime:
    """:func:`stopping_time` for the problem of a path."""
    if not (level > 0 and math.isfinite(level)):
        raise ValueError(f"the level must be positive and finite, not {level}")
    activation = newton.activation
    p, a = np.zeros(newton.m), newton.a0
    _, _, gradient = newton.point(p, a, 0.0)
    if newton.residual_upper(newton.a0) <= level:
        return StoppingTime(0.0, level, newton.finish(p, newton.a0, 0.0), "the run starts below the level")
    # The fastest time scale of the linearized flow along the residual: a safe place to start the path.
    weights = np.asarray(activation.dphi(a)) ** 2
    back = newton.back(gradient)
    speed = float(back @ (weights * back)) / float(gradient @ gradient)
    if not speed > 0:
        return StoppingTime(math.inf, level, None, "the flow does not move: the gradient vanishes at the start")
    seen: dict[float, float] = {}
    points: dict[float, tuple[Array, Array, bool]] = {}

    def time(log_t: float) -> float:
        """T(t) in float64."""
        if log_t not in seen:
            points[log_t] = newton.at(log_t, 1e-4, 40)
            a = points[log_t][1]
            R = float(np.linalg.norm(newton.times(np.asarray(activation.phi(a))) - newton.y))
            D = math.fsum(bregman_terms(activation, a, newton.a0).tolist())
            seen[log_t] = D / (level * (level - R)) if level > R else math.inf
        return seen[log_t]

    best, stale, lost = math.log(1 / speed), 0, 0
    log_t, top = best, best + 80.0
    while log_t < top and stale < 2 and lost < _LOST:
        value = time(log_t)
        lost = 0 if points[log_t][2] else lost + 1
        if value < time(best) or (math.isinf(value) and math.isinf(time(best))):
            best = log_t
            stale = 0
        elif math.isfinite(time(best)):
            stale += 1
        log_t += 1.0
    if math.isinf(time(best)):
        return StoppingTime(math.inf, level, None, "no point of the box was found with a residual below the level")
    width = 0.5
    while width > 0.05:
        for trial in (best - width, best + width):
            if time(trial) < time(best) * (1 - 0.1 * accuracy):
                best = trial
                break
        else:
            width /= 2
    p, a, _ = points[best]
    point = newton.finish(p, a, math.exp(best))
    T = rate_time(0.5 * level * level * (1 - 4 * _U), point.D_0, point.loss, least_squares=True)
    return StoppingTime(T, level, point, f"regularization path at t = {math.exp(best):.4g}")
