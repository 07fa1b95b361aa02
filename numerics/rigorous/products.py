"""Dot products, matrix-vector products and sums of intervals, with a bound of their error."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from numerics.rigorous.arrays import doubles, largest, matrix
from numerics.rigorous.machine import Array, current, gamma, underflow
from numerics.rigorous.norms import norm_upper
from numerics.rigorous.outward import above, below

__all__ = ["dot", "interval_dot", "interval_sum", "matvec"]


def _vectors(x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    a, b = doubles("x", x), doubles("y", y)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"two vectors of one length are needed, got shapes {a.shape} and {b.shape}")
    return a, b


def dot(x: ArrayLike, y: ArrayLike) -> tuple[float, float]:
    """(value, error) with |value - x'y| <= error for vectors of doubles, summed in any order.

    |value - x'y| <= gamma_k |x|'|y| + t, t = 4 k eta (1 + max|x| + max|y|) (:mod:`.machine`); s = fl(|x|'|y|) obeys
    the same inequality, so |x|'|y| <= (s + t)/(1 - gamma_k). Where a product overflows, 0 with the error ||x|| ||y||.

    >>> value, error = dot([1.0, 2.0], [3.0, 0.5])
    >>> value, error < 1e-14
    (4.0, True)
    """
    a, b = _vectors(x, y)
    m, k = current(), a.size
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        value, size = float(m.dot(a, b)), float(m.dot(np.abs(a), np.abs(b)))
    if not np.isfinite([value, size]).all():
        norms = norm_upper(a), norm_upper(b)
        return 0.0, above(Fraction(norms[0]) * Fraction(norms[1])) if np.isfinite(norms).all() else np.inf
    g, tiny = gamma(k), underflow(k, largest(np.abs(a)), largest(np.abs(b)))
    return value, above(g * (Fraction(size) + tiny) / (1 - g) + tiny)


def matvec(A: ArrayLike, x: ArrayLike) -> tuple[Array, Array]:
    """(value, error), vectors with |value - A x| <= error entrywise, for A (m x k) and x (k,).

    Row by row the bound of :func:`dot`; the products and sums that make it up are rounded upward, and lose at most eta
    each where the processor flushes to zero. Overflow: inf in `error`.

    >>> value, error = matvec([[1.0, 2.0], [0.0, 1.0]], [1.0, 0.5])
    >>> value.tolist(), bool((error < 1e-14).all())
    ([2.0, 0.5], True)
    """
    a, v = matrix(A), doubles("x", x)
    if v.ndim != 1 or a.shape[1] != v.size:
        raise ValueError(f"a product of shapes {a.shape} and {v.shape} does not exist")
    m, k = current(), v.size
    g, tiny = gamma(k), underflow(k, largest(a), largest(v))
    factor, extra = above(g / (1 - g)), above(tiny / (1 - g) + 2 * m.tiny)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        value, size = m.matmul(a, v), m.matmul(np.abs(a), np.abs(v))
        error = np.nextafter(np.nextafter(size * factor, np.inf) + extra, np.inf)
    lost = ~(np.isfinite(value) & np.isfinite(error))
    return np.where(lost, 0.0, value), np.where(lost, np.inf, error)


def _ends(low: ArrayLike, high: ArrayLike) -> tuple[Array, Array]:
    a, b = doubles("low", low), doubles("high", high)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"the ends of intervals are two vectors of one length, got shapes {a.shape} and {b.shape}")
    if (a > b).any():
        raise ValueError(f"{int((a > b).sum())} intervals are empty: low is above high")
    return a, b


def interval_sum(low: ArrayLike, high: ArrayLike) -> tuple[float, float]:
    """(l, h) with l <= sum x_i <= h for all x_i in [low_i, high_i].

    >>> low, high = interval_sum([0.1, 1.0], [0.2, 1.0])
    >>> 1.1 - 1e-14 < low <= 1.1 and 1.2 <= high < 1.2 + 1e-14
    True
    """
    a, b = _ends(low, high)
    ones = np.ones(a.size)
    (lo, miss_lo), (hi, miss_hi) = dot(a, ones), dot(b, ones)
    return _lowered(lo, miss_lo), _raised(hi, miss_hi)


def interval_dot(low: ArrayLike, high: ArrayLike, y: ArrayLike) -> tuple[float, float]:
    """(l, h) with l <= x'y <= h for all x_i in [low_i, high_i].

    For any c and r with |x - c| <= r entrywise, x'y is within |y|'r of c'y. c is the midpoint as it comes out, r the
    larger distance to an end, rounded upward (one eta more where differences are flushed to zero).

    >>> low, high = interval_dot([0.0, 1.0], [1.0, 1.0], [2.0, -1.0])
    >>> -1.0 - 1e-14 < low <= -1.0 and 1.0 <= high < 1.0 + 1e-14
    True
    """
    a, b = _ends(low, high)
    center = 0.5 * a + 0.5 * b
    with np.errstate(over="ignore", under="ignore"):
        radius = np.nextafter(np.maximum(b - center, center - a), np.inf) + float(current().tiny)
    radius = np.nextafter(radius, np.inf)
    v = _vectors(center, y)[1]
    if not np.isfinite(radius).all():
        return -np.inf, np.inf
    (value, miss), (reach, more) = dot(center, v), dot(radius, np.abs(v))
    error = above(Fraction(miss) + Fraction(reach) + Fraction(more)) if np.isfinite([miss, more]).all() else np.inf
    return _lowered(value, error), _raised(value, error)


def _lowered(value: float, error: float) -> float:
    return below(Fraction(value) - Fraction(error)) if np.isfinite(error) else -np.inf


def _raised(value: float, error: float) -> float:
    return above(Fraction(value) + Fraction(error)) if np.isfinite(error) else np.inf
