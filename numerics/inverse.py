"""Numerical inverses of strictly monotone functions on (0, ∞), in float64 and in mpmath; enclosures: theory.implicit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray

__all__ = ["inverse_float", "inverse_mpmath"]

_LEAST, _MOST = 5e-324, 1.7e308


def inverse_float(f: Callable[..., Any], slope: Callable[..., Any], y: Any, *parameters: Any) -> NDArray[np.float64]:
    """The s > 0 with f(s, *parameters) = y, elementwise: Newton's method in log s, kept in a bracket that shrinks.

    A step that does not halve the one before is replaced by a bisection of log s, so that it converges for every
    monotone f (as ``rtsafe`` of Numerical Recipes).  Backward stable: the result is the exact inverse of a value within
    the rounding error of f from y.  Beyond the range of doubles it is 0 or ∞ (f is taken to go on there), and NaN for
    NaN.

    >>> float(inverse_float(lambda s: s + np.exp(s), lambda s: 1 + np.exp(s), 1 + np.e))
    1.0
    """
    arrays = np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in (y, *parameters)))
    flat = [array.ravel() for array in arrays]
    with np.errstate(all="ignore"):
        result = _search(f, slope, flat[0], flat[1:])
    return result.reshape(arrays[0].shape)


def _search(f: Any, slope: Any, y: NDArray[np.float64], parameters: list[Any]) -> NDArray[np.float64]:
    low, high = np.full_like(y, _LEAST), np.full_like(y, _MOST)
    sign = np.sign(f(high, *parameters) - f(low, *parameters)) * np.ones_like(y)
    below = sign * (f(low, *parameters) - y) >= 0
    above = sign * (f(high, *parameters) - y) <= 0
    s = np.exp(0.5 * (np.log(low) + np.log(high)))
    before = np.full_like(y, 1.0e3)
    todo = ~(below | above | np.isnan(y) | np.isnan(sign))
    s[~todo] = np.nan
    s[below & ~np.isnan(sign)] = 0.0
    s[above & ~np.isnan(sign)] = np.inf
    for _ in range(400):
        (index,) = np.nonzero(todo)
        if not index.size:
            return s
        now, chosen = s[index], [p[index] for p in parameters]
        gap = sign[index] * (f(now, *chosen) - y[index])
        derivative = sign[index] * now * slope(now, *chosen)
        high[index] = np.where(gap >= 0, now, high[index])
        low[index] = np.where(gap <= 0, now, low[index])
        step = -gap / derivative
        target = now * np.exp(step)
        slow = ~(np.abs(step) <= 0.5 * before[index]) | ~((target >= low[index]) & (target <= high[index]))
        middle = np.exp(0.5 * (np.log(low[index]) + np.log(high[index])))
        step = np.where(slow, np.log(middle / now), step)
        before[index] = np.abs(step)
        s[index] = np.where(slow, middle, target)
        # converged: a negligible step, or a gap that is one rounding of y
        todo[index] = (np.abs(step) > 4e-16) & (np.abs(gap) > 2.0**-53 * np.abs(y[index]))
        s[index] = np.where(gap == 0, now, s[index])
    s[todo] = np.nan
    return s


def inverse_mpmath(f: Callable[..., Any], y: Any, *parameters: Any) -> Any:
    """The s > 0 with f(s, *parameters) = y at the working precision; ValueError if y is outside the range of f.

    >>> with mpmath.workdps(30):
    ...     print(inverse_mpmath(lambda s: s + mpmath.exp(s), 1 + mpmath.e))
    1.0
    """
    prec = mpmath.mp.prec
    # log s of absolute error 2^-prec where |f| may be as large as |y| and varies as slowly as log s
    with mpmath.workprec(prec + 30 + max(0, mpmath.mag(y)) if y else prec + 30):

        def gap(x: Any) -> Any:
            return f(mpmath.exp(x), *parameters) - y

        reach = mpmath.mpf(1)
        while gap(-reach) * gap(reach) > 0:
            reach *= 2
            if reach > 2**60:
                raise ValueError("no root: the value is outside the range of the function to be inverted")
        low, high = -reach, reach
        rising = gap(high) > gap(low)
        while high - low > mpmath.mpf(2) ** -20:
            middle = (low + high) / 2
            low, high = (low, middle) if (gap(middle) > 0) == rising else (middle, high)
        x = _secant(gap, low, high, rising)
        value = mpmath.exp(x)
    return +value


def _secant(gap: Callable[[Any], Any], low: Any, high: Any, rising: bool) -> Any:
    """Secant steps kept in the bracket, a bisection where one leaves it, until the bracket or a step is negligible."""
    at_low, at_high = gap(low), gap(high)
    before, at_before, x = low, at_low, high
    at_x = at_high
    negligible = mpmath.mpf(2) ** (12 - mpmath.mp.prec)
    for _ in range(2 * mpmath.mp.prec):
        new = x - at_x * (x - before) / (at_x - at_before) if at_x != at_before else (low + high) / 2
        if not low <= new <= high:
            new = (low + high) / 2
        step = abs(new - x)
        before, at_before = x, at_x
        x, at_x = new, gap(new)
        if at_x == 0 or step <= negligible:
            return x
        low, high = (low, x) if (at_x > 0) == rising else (x, high)
    return x
