"""What enters: arrays of finite doubles, taken as exact, brought into the middle of the range by a power of two."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from numerics.rigorous.machine import Array, current

__all__ = ["doubles", "largest", "matrix", "perturbation", "scaled", "wide"]


def doubles(name: str, x: ArrayLike) -> Array:
    """`x` as an array of float64, entries unchanged; ValueError, naming the argument, where that is not possible.

    >>> doubles("the vector", [1, 2])
    array([1., 2.])
    """
    a = np.asarray(x)
    if a.dtype.kind not in "fiub" or a.dtype.itemsize > 8:
        raise ValueError(f"{name} must hold real numbers in double precision, got dtype {a.dtype}")
    exact = a.astype(np.float64, copy=False)
    if a.dtype.kind in "iu" and a.dtype.itemsize == 8 and a.size and (np.abs(exact) >= 2.0**53).any():
        raise ValueError(f"{name} contains integers from 2^53 on, which are not all doubles: convert them yourself")
    if a.size == 0:
        raise ValueError(f"{name} is empty (shape {a.shape}): there is nothing to bound")
    if not np.isfinite(exact).all():
        raise ValueError(f"{name} contains NaN or infinite entries: remove them first")
    return exact


def matrix(x: ArrayLike) -> Array:
    """The same, with two axes."""
    a = doubles("the matrix", x)
    if a.ndim != 2:
        raise ValueError(f"a matrix is needed, got an array of shape {a.shape}")
    return a


def wide(a: Array) -> Array:
    """A or A', whichever has no more rows than columns: the singular values are the same."""
    return a.T if a.shape[0] > a.shape[1] else a


def perturbation(error: float) -> Fraction | None:
    """The size of a perturbation as a rational; None for an infinite one."""
    if math.isnan(error) or error < 0:
        raise ValueError(f"the error of a matrix must be a number >= 0, got {error}")
    return None if math.isinf(error) else Fraction(float(error))


def largest(a: Array) -> float:
    """max |a_i|, exactly, without a temporary of the size of `a`."""
    return max(float(a.max()), -float(a.min()))


def scaled(a: Array) -> tuple[Array, int, Fraction]:
    """(b, e, r) with ||a - 2^e b||_F <= 2^e r and max|b| within 2^(+-100), where squares neither overflow nor vanish.

    A multiplication by a power of two is exact, except that entries may fall below the normal range: at most eta each.
    Where this thread reads subnormal numbers as zero, as much is lost of entries that are subnormal before.

    >>> b, e, r = scaled(np.array([3e300, 1.0]))
    >>> bool(b[0] * 2.0 ** (e - 60) == 3e300 * 2.0**-60), float(r) < 1e-300
    (True, True)
    """
    top = largest(a)
    if top == 0.0 or 2.0**-100 <= top <= 2.0**100:
        return a, 0, Fraction(0)
    e = math.frexp(top)[1]
    with np.errstate(under="ignore"):
        b = np.ldexp(a, -e)
    lost = current().tiny
    if e < 0 and _reads_subnormals_as_zero():
        lost *= 2 * Fraction(2) ** -e
    return b, e, a.size * lost


def _reads_subnormals_as_zero() -> bool:
    return bool(np.ldexp(np.array([2.0**-1074]), 1074)[0] != 1.0)
