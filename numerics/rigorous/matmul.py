"""The error of a matrix product, and products of nearly twice the precision."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from numerics.rigorous.arrays import doubles, largest
from numerics.rigorous.machine import Array, current, exact_bits, gamma, underflow
from numerics.rigorous.norms import norm_upper
from numerics.rigorous.outward import above, sqrt_above

__all__ = ["matmul_error", "sharp_product"]


def matmul_error(A: ArrayLike, B: ArrayLike) -> float:
    """Upper bound of ||fl(A B) - A B||_F for A (m x k), B (k x n), the product evaluated by any BLAS.

    Entrywise |fl(AB) - AB| <= gamma_k |A||B| + t (:mod:`.machine`), and || |A||B| ||_F <= sum_l ||A[:, l]|| ||B[l, :]||,
    the sum of k rank-one terms: O(mk + kn) work instead of a second product, at most pi/2 above the truth for Gaussian
    matrices. The sum is evaluated for x = A/max|A|, y = B/max|B|, so that squares stay in range.

    Roundings of the sum itself, each relative and at most: division 1, square and sum m (or n), root 1, product and
    sum k: covered by gamma_(2(m+n+k+8)). Underflow in it: an entry of x loses eta, hence a column norm sqrt(m) eta;
    its computed square loses 4 m eta, hence the norm 2 sqrt(m eta): together below 3 sqrt(m eta), for a row below
    3 sqrt(n eta); norms are at most sqrt(m), sqrt(n), so a product of two loses below 15 sqrt(m n eta) <= 8 (m + n)
    sqrt(eta), and the sum of k of them 4 k eta (1 + sqrt m + sqrt n) more: below 16 k (m + n) sqrt(eta) in all. Underflow
    of the product: t an entry, sqrt(m n) t <= m n t in the Frobenius norm.

    >>> A, B = np.array([[0.1, 0.2]]), np.array([[0.3], [0.4]])
    >>> 0 < matmul_error(A, B) < 1e-16
    True
    """
    a, b = doubles("A", A), doubles("B", B)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise ValueError(f"a product of shapes {a.shape} and {b.shape} does not exist")
    machine = current()
    (m, k), n, top_a, top_b = a.shape, b.shape[1], largest(a), largest(b)
    with np.errstate(under="ignore"):
        x, y = (a / top_a if top_a else a), (b / top_b if top_b else b)
        cols, rows = np.sqrt(machine.rows(x.T, x.T)), np.sqrt(machine.rows(y, y))
        total = Fraction(float(machine.dot(cols, rows)))
    vanished = 16 * k * (m + n) * Fraction(sqrt_above(machine.tiny))
    terms = total * (1 + gamma(2 * (m + n + k + 8))) + vanished
    return above(gamma(k) * terms * Fraction(top_a) * Fraction(top_b) + m * n * underflow(k, top_a, top_b))


def _leading(a: Array, bits: int, axis: int) -> Array | None:
    """`a` rounded to multiples of 2^(e - bits), 2^e just above the largest entry along `axis`: at most 2^bits of them.

    None where the exponents are so large that a product of two such numbers could leave the range of doubles.
    """
    e = np.frexp(np.abs(a).max(axis=axis, keepdims=True))[1]
    if np.abs(e).max() > 400:
        return None
    with np.errstate(under="ignore"):
        return np.asarray(np.ldexp(np.rint(np.ldexp(a, bits - e)), e - bits))


def sharp_product(A: Array, B: Array) -> tuple[Array, float]:
    """(Y, e) with ||Y - A B||_F <= e, for about four products: e.g. 1e-20 |A||B| where a plain product has 1e-16.

    A = A1 + A2, where the rows of A1 are integers of at most b bits times a power of two and A2 is exact; B = B1 + B2
    likewise by columns. With k 4^b <= 2^52 every partial sum of A1 B1, in any order, is an integer below 2^53 times one
    power of two: no rounding occurs (:func:`.machine.exact_bits`; S. M. Rump, T. Ogita, S. Oishi, SIAM J. Sci. Comput. 31,
    2008). A B = A1 B1 + A1 B2 + A2 B:
    the last two products are smaller by 2^-b, and so are their errors; the two sums carry one rounding each, at most
    u/(1 - u) <= 2u of what comes out, and eta an entry where differences are flushed to zero.

    >>> A = np.array([[1.0, 2.0**-60, -1.0]])
    >>> float(sharp_product(A, np.ones((3, 1)))[0][0, 0]) == 2.0**-60
    True
    """
    bits = exact_bits(A.shape[1])
    A1, B1 = _leading(A, bits, 1), _leading(B, bits, 0)
    if A1 is None or B1 is None:
        return A @ B, matmul_error(A, B)
    machine = current()
    with np.errstate(under="ignore", over="ignore", invalid="ignore"):
        A2, B2 = A - A1, B - B1
        small = machine.add(machine.matmul(A1, B2), machine.matmul(A2, B))
        rounded = norm_upper(small) if np.isfinite(small).all() else math.inf
        Y = machine.add(machine.matmul(A1, B1), small)
    if not (math.isfinite(rounded) and np.isfinite(Y).all()):
        return A @ B, matmul_error(A, B)
    size = Fraction(rounded) + Fraction(norm_upper(Y))
    error = Fraction(matmul_error(A1, B2)) + Fraction(matmul_error(A2, B))
    return Y, above(error + 2 * machine.unit * size + 2 * Y.size * machine.tiny)
