"""2-norms of vectors and Frobenius norms of matrices, from both sides."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from numerics.rigorous.arrays import doubles, perturbation, scaled
from numerics.rigorous.machine import UNIT, Array, current, gamma
from numerics.rigorous.outward import above, below, sqrt_above, sqrt_below

__all__ = ["CHUNK", "norm_lower", "norm_upper", "sum_of_squares"]

CHUNK = 256  # length of the partial dot products: keeps gamma small, long enough for BLAS to run at full speed


def sum_of_squares(a: Array) -> tuple[Fraction, Fraction]:
    """Enclosure of sum a_i^2 for `a` within the range of `scaled` (max|a| <= 2^100).

    Partial sums of at most CHUNK squares carry gamma_CHUNK each (relative, the terms being nonnegative); math.fsum adds
    one rounding of relative size 2^-53. Underflow: a square and a sum lose eta each, a subnormal entry read as zero
    loses a square below eta^2; later roundings at most double that: below 6 eta an entry. So with the true sum s,
    |total - s| <= g s + tiny, where 1 + g = (1 + gamma_CHUNK)(1 + 2^-53).

    >>> low, high = sum_of_squares(np.array([3.0, 4.0]))
    >>> low <= 25 <= high
    True
    """
    m = current()
    v = np.ascontiguousarray(a).reshape(-1)
    cut = v.size - v.size % CHUNK
    blocks = v[:cut].reshape(-1, CHUNK)
    with np.errstate(under="ignore"):
        parts = [*m.rows(blocks, blocks).tolist(), float(m.dot(v[cut:], v[cut:]))]
    total, tiny = Fraction(math.fsum(parts)), 6 * v.size * m.tiny
    g = (1 + gamma(min(CHUNK, v.size))) * (1 + UNIT) - 1
    return max(Fraction(0), (total - tiny) / (1 + g)), (total + tiny) / (1 - g)


def norm_upper(v: ArrayLike, error: float = 0.0) -> float:
    """Upper bound of ||v + e|| for every ||e|| <= error: 2-norm of a vector, Frobenius norm of a matrix.

    >>> norm_upper([3.0, 4.0]) >= 5.0
    True
    """
    a, extra = doubles("the array", v), perturbation(error)
    if extra is None:
        return math.inf
    b, e, r = scaled(a)
    if not b.any():
        return above(r * Fraction(2) ** e + extra)
    return above((Fraction(sqrt_above(sum_of_squares(b)[1])) + r) * Fraction(2) ** e + extra)


def norm_lower(v: ArrayLike, error: float = 0.0) -> float:
    """Lower bound (>= 0) of ||v + e|| for every ||e|| <= error: 2-norm of a vector, Frobenius norm of a matrix.

    >>> 5.0 * (1 - 1e-13) <= norm_lower([3.0, 4.0]) <= 5.0
    True
    """
    a, extra = doubles("the array", v), perturbation(error)
    if extra is None:
        return 0.0
    b, e, r = scaled(a)
    return max(0.0, below((Fraction(sqrt_below(sum_of_squares(b)[0])) - r) * Fraction(2) ** e - extra))
