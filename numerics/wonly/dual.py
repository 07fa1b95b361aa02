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
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray

from numerics.wonly.bregman import bregman_terms, rate_time
from numerics.wonly.path import Path, Regularized, orthonormal_rows

Array = NDArray[np.float64]
_U = 2.0**-53
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
class StoppingTime:
    """A guaranteed time from which |y(t) - y| <= level, with the point of the path that proves it.

    T = D_0/(level (level - residual)), rounded up; inf (and point None) if no point of the box was found below level.
    """

    T: float
    level: float
    point: Regularized | None
    how: str


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
    R, rows = orthonormal_rows(original)
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
