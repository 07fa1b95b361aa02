"""A smallest singular value whose Gram matrix has lost it: condition up to 2^40 at 5%, by QR and matrix products."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from scipy.linalg import lapack, qr

from numerics.rigorous.largest import opnorm_upper
from numerics.rigorous.machine import Array, current
from numerics.rigorous.matmul import matmul_error, sharp_product
from numerics.rigorous.orthonormal import orthonormality_defect
from numerics.rigorous.outward import sqrt_below

__all__ = ["factor_bound", "sigma_min_qr"]

_ENOUGH = 1e-3  # error of a product that costs no more than this of the value


def factor_bound(S: Array, X: Array) -> tuple[Fraction, Fraction] | None:
    """(lower bound of sigma_min(S), upper bound of ||X||) for S (p x k), p <= k, and ANY X (p x p); None: overflow.

    For any Y: sigma_min(S) ||X|| >= sigma_min(S'X) >= sigma_min(Y) - ||Y - S'X||, and sigma_min(Y)^2 = lambda_min(Y'Y)
    >= 1 - ||Y'Y - I||. (First inequality: if X is singular, the middle is 0; else ||S'z|| = ||S'X w|| >= sigma_min(S'X)
    ||w|| with w = X^-1 z, ||w|| >= ||z||/||X||.) Y is S'X as it comes out, of twice the precision where a plain product
    is not enough. The bound is good where the columns of S'X are nearly orthonormal.

    >>> bound, norm = factor_bound(np.array([[2.0, 0.0, 0.0], [0.0, 4.0, 0.0]]), np.diag([0.5, 0.25]))
    >>> 2.0 - 1e-14 < bound <= 2.0, float(norm)
    (True, 0.5)
    """
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        Y = current().matmul(S.T, X)
    if not np.isfinite(Y).all():
        return None
    miss = matmul_error(S.T, X)
    if miss > _ENOUGH:
        Y, miss = sharp_product(S.T, X)
    defect, norm = orthonormality_defect(Y), opnorm_upper(X)
    if not (defect < 1 and 0 < norm < math.inf and math.isfinite(miss)):
        return None
    top = Fraction(sqrt_below(1 - Fraction(defect))) - Fraction(miss)
    return max(Fraction(0), top / Fraction(norm)), Fraction(norm)


def sigma_min_qr(S: Array) -> tuple[Fraction, Fraction]:
    """(lower bound, unproved estimate) of sigma_min(S), S (p x k), p <= k, whatever its condition.

    `factor_bound` with X the inverse of the factor R of S' = QR; the estimate is 1/||X||. Rows of S may be scaled at will
    (X absorbs it), so grading costs nothing; else the bound falls short by about cond(S) 1e-16 times a small multiple of
    sqrt(p), relatively, and vanishes beyond condition 1e14.

    >>> bound, estimate = sigma_min_qr(np.array([[1.0, 1.0], [1.0, 1.0 + 2.0**-30]]))
    >>> 0.95 < float(bound) * 2**31 < 1.0  # sigma_min is 2^-31 to first order
    True
    """
    nothing = Fraction(0), Fraction(0)
    R = qr(S.T, mode="r", check_finite=False)[0][: S.shape[0]]
    X, info = lapack.dtrtri(R, lower=0)
    if info != 0 or not np.isfinite(X).all():
        return nothing
    found = factor_bound(S, np.triu(X))
    return nothing if found is None else (found[0], 1 / found[1])
