"""The distance of the mirror flow, enclosed, and what follows from it alone (`wonly.rate`, `wonly.linear_rate`).

D(h*, h) = sum_i int_{a_i}^{a_i*} (phi(a_i*) - phi(s))/phi'(s) ds
         = sum_i phi(a_i*)(H(a_i*) - H(a_i)) - (G(a_i*) - G(a_i))
is the Bregman distance of the potential U with U'(phi(a)) = H(a), U'' = 1/phi'^2 > 0. Along the flow
D' = <grad L, h* - h> <= L(h*) - L(h) for every h* of the box, and for least squares, with r = B h - y and
r* = B h* - y, exactly D' = -<r, r - r*> <= -|r|(|r| - |r*|).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp
from flint import acb, arb
from numpy.typing import ArrayLike, NDArray

from numerics.compile import formula, function
from numerics.wonly.domain import interval, require_smooth
from theory.balls import ball_function, precision, upper_float
from theory.symbols import sym

Array = NDArray[np.float64]
_BITS = 128
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_compiled: dict[Any, Any] = {}


def _ball(expr: Any) -> Any:
    if expr not in _compiled:
        _compiled[expr] = ball_function(expr, [sym("x")])
    return _compiled[expr]


def primitive_difference(activation: Any, which: str, a: float, b: float) -> Any:
    """A ball around P(b) - P(a), P = H (of 1/phi') or G (of phi/phi'); a, b doubles in one interval. At _BITS bits."""
    theory = activation.theory
    expr = getattr(theory, which)
    if expr is not None:
        primitive = _ball(expr)
        return primitive(arb(b)) - primitive(arb(a))

    def integrand(z: Any, analytic: bool) -> Any:
        top = theory.arb_phi(z, analytic=analytic) if which == "G" else acb(1)
        return top / theory.arb_dphi(z, analytic=analytic)

    return acb.integral(integrand, acb(a), acb(b)).real


@lru_cache(maxsize=16_384)
def _primitives(activation: Any, a: float) -> tuple[Any, Any, Any]:
    """Balls around (phi, H, G)(a), at _BITS bits: the start of a run is asked for again with every end."""
    theory, x = activation.theory, arb(a)
    return theory.arb_phi(x), _ball(theory.H)(x), _ball(theory.G)(x)


def _one(activation: Any, a_star: float, a: float) -> Any:
    """A ball around one summand of D."""
    theory = activation.theory
    if theory.H is not None and theory.G is not None:
        phi, H_s, G_s = _primitives(activation, a_star)
        _, H_t, G_t = _primitives(activation, a)
        return phi * (H_s - H_t) - (G_s - G_t)
    top = theory.arb_phi(arb(a_star))

    def integrand(z: Any, analytic: bool) -> Any:
        return (acb(top) - theory.arb_phi(z, analytic=analytic)) / theory.arb_dphi(z, analytic=analytic)

    return acb.integral(integrand, acb(a), acb(a_star)).real


def bregman_terms(activation: Any, a_star: ArrayLike, a: ArrayLike) -> Array:
    """The k summands of D(phi(a*), phi(a)) in float64, an estimate for searches: closed form, or 24-point quadrature
    where the two points are close (there the closed form cancels) or where there is no closed form.
    """
    a_star, a = np.asarray(a_star, dtype=np.float64), np.asarray(a, dtype=np.float64)
    half = 0.5 * (a_star - a)
    nodes = 0.5 * (a_star + a) + half * _NODES[:, None]
    value = (activation.phi(a_star) - activation.phi(nodes)) / activation.dphi(nodes)
    quadrature = np.einsum("i,ij->j", _WEIGHTS, value) * half
    if activation.theory.H is None or activation.theory.G is None:
        return np.maximum(quadrature, 0.0)
    closed = activation.phi(a_star) * (activation.H(a_star) - activation.H(a)) - (
        activation.G(a_star) - activation.G(a)
    )
    return np.maximum(np.where(np.abs(half) < 0.25, quadrature, closed), 0.0)


def bregman(activation: Any, a_star: ArrayLike, a0: ArrayLike) -> float:
    """Upper bound of D(phi(a*), phi(a0)), both (k,), enclosed in Arb.

    About 20 to 200 microseconds a neuron; GELU and SiLU, which have no closed form, about a millisecond.

    Raises ValueError if some a_i* is not in the interval of a0_i, or for mismatched shapes.

    >>> from numerics.activations import activation
    >>> 0.5 <= bregman(activation("identity"), [1.0], [0.0]) <= 0.5 + 1e-15
    True
    """
    require_smooth(activation)
    a_star, a0 = np.asarray(a_star, dtype=np.float64), np.asarray(a0, dtype=np.float64)
    if a_star.shape != a0.shape or a0.ndim != 1:
        raise ValueError(f"a* and a0 must be vectors of one length, not {a_star.shape} and {a0.shape}")
    lo, hi = interval(activation, a0)
    if not ((a_star > lo) & (a_star < hi)).all():
        raise ValueError("every a* must lie in the interval of its a0 (between the same zeros of the derivative)")
    with precision(_BITS):
        total = arb(0)
        for s, t in zip(a_star.tolist(), a0.tolist(), strict=True):
            if s != t:
                total += _one(activation, s, t)
        return max(0.0, upper_float(total))


def rate_time(level_loss: float, D_0: float, loss_star: float = 0.0, *, least_squares: bool = False) -> float:
    """A time from which L(t) <= level_loss is guaranteed: D_0/(level_loss - L(h*)) by `wonly.rate`, rounded up.

    With least_squares=True the sharper time of `wonly.stop` is used, at the levels R = sqrt(2 level_loss) and R* =
    sqrt(2 L(h*)) of the residual. It is never larger, and half as large at R* = 0. inf if the level is not above L(h*).
    Raises ValueError for negative or NaN arguments.

    >>> rate_time(0.5, 1.0), rate_time(0.5, 1.0, least_squares=True)
    (2.0, 1.0)
    """
    if not (level_loss >= 0 and D_0 >= 0 and loss_star >= 0):
        raise ValueError(f"the levels and D_0 must be nonnegative, not {level_loss}, {D_0}, {loss_star}")
    if not level_loss > loss_star:
        return math.inf
    with precision(_BITS):
        level, star = arb(level_loss), arb(loss_star)
        if least_squares:
            time = function(formula("wonly.stop", "T_level"), ["D_0", "eta", "residual_h"], "arb")
            return upper_float(time(arb(D_0), (2 * level).sqrt(), (2 * star).sqrt()))
        time = function(formula("wonly.rate", "T_level"), ["D_0", "loss", "loss_star"], "arb")
        return upper_float(time(arb(D_0), level, star))


def dphi_floor(activation: Any, a_star: ArrayLike, D_0: float) -> float:
    """Lower bound of min_i |phi'(a_i)| over {a : D(phi(a*), phi(a)) <= D_0} (`wonly.linear_rate`).

    Each summand alone is at most D_0, so a_i stays in an interval [l_i, u_i] around a_i*. D(., a) decreases as a* moves
    towards a (its derivative is phi'(a*)(H(a*) - H(a))), so within one interval between zeros of phi' the smallest l_i
    belongs to the smallest a*, the largest u_i to the largest. And |phi'| is unimodal on such an interval for every
    activation of the library, so its minimum over [l, u] is at an end. Two scalar equations an interval, in Arb.

    For a* with a residual R* > 0 the run stays in the sublevel set only while |r| >= R*. Returns 0 if an end runs out of
    the range of doubles (GELU, SiLU: D grows only logarithmically towards the zero of phi').

    >>> from numerics.activations import activation
    >>> dphi_floor(activation("identity"), [0.0], 5.0)
    1.0
    """
    a_star = np.atleast_1d(np.asarray(a_star, dtype=np.float64))
    if not (D_0 >= 0 and math.isfinite(D_0)):
        raise ValueError(f"D_0 must be finite and nonnegative, not {D_0}")
    lo, hi = interval(activation, a_star)
    if activation.theory.dphi == sp.S.One:
        return 1.0
    floor = math.inf
    with precision(_BITS):
        for left in np.unique(lo):
            here = a_star[lo == left]
            for start, wall in ((float(here.min()), float(left)), (float(here.max()), float(hi[lo == left][0]))):
                end = _reach(activation, start, wall, D_0)
                if end is None:
                    return 0.0
                value, error = activation.enclose_dphi(np.array([end]))
                slope = float(abs(value[0]) - error[0]) * (1 - 2.0**-50)
                if not slope > 0:  # NaN included
                    return 0.0
                floor = min(floor, slope)
    return max(0.0, floor)


def _reach(activation: Any, start: float, wall: float, D_0: float) -> float | None:
    """A double between start and the wall at which D(start, .) is proved to exceed D_0, close to the first such."""
    direction = math.copysign(1.0, wall - start)

    def beyond(a: float) -> bool:
        return bool(_one(activation, start, a) > arb(D_0))

    inside, step = start, 0.25
    while True:
        trial = inside + direction * step if math.isinf(wall) else inside + 0.75 * (wall - inside)
        if not math.isfinite(trial) or (math.isfinite(wall) and abs(wall - trial) <= 4e-16 * max(1.0, abs(wall))):
            return None
        if abs(trial) > 1e8:
            return None
        if beyond(trial):
            break
        inside, step = trial, 2 * step
    outside = trial
    while abs(outside - inside) > 1e-9 * max(1.0, abs(outside)):
        mid = 0.5 * (inside + outside)
        if beyond(mid):
            outside = mid
        else:
            inside = mid
    return outside
