"""A smallest eigenvalue from the residual of a factorization, whoever computed it: trusts matrix products only.

Nothing is claimed of the Cholesky routine. For any symmetric K, any number s and any matrix L, L L' is positive
semidefinite, hence

    lambda_min(K) >= s + lambda_min(K - s I - L L') >= s - ||K - s I - L L'||_F.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from numerics.rigorous.cholesky import lowered
from numerics.rigorous.machine import Array, current, gamma
from numerics.rigorous.matmul import matmul_error
from numerics.rigorous.norms import norm_upper
from numerics.rigorous.outward import above

__all__ = ["exceeds_by_residual", "residual_bound"]


def residual_bound(K: Array, shift: float, L: Array) -> Fraction | None:
    """A proved lower bound of lambda_min(K), K symmetric by its lower triangle, from any L (n x j); None: overflow.

    A, the lower triangle of K lowered by the shift and mirrored, is at most K - shift I as a symmetric matrix. P =
    fl(LL') is within `matmul_error` of LL'; D = fl(A - P) carries one rounding an entry, at most u/(1 - u) <= 2u of
    what comes out, and eta where differences are flushed to zero (n in the Frobenius norm, and n more for the diagonal
    of A). So ||A - LL'||_F <= (1 + 2u) ||D||_F + matmul_error + 2n eta.

    >>> K = np.array([[2.0, 1.0], [1.0, 2.0]])
    >>> bound = residual_bound(K, 0.5, np.linalg.cholesky(K - 0.5 * np.eye(2)))
    >>> 0.5 - 1e-14 < bound <= 0.5
    True
    >>> float(residual_bound(K, 0.5, np.zeros((2, 1)))) < -1.5
    True
    """
    m, n = current(), len(K)
    A = np.tril(lowered(K, shift))
    A += np.tril(A, -1).T
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        P = m.matmul(L, L.T)
        D = m.add(A, -P)
    if not np.isfinite(D).all():
        return None
    miss = matmul_error(L, L.T)
    if not math.isfinite(miss):
        return None
    return Fraction(shift) - (1 + 2 * m.unit) * Fraction(norm_upper(D)) - Fraction(miss) - 2 * n * m.tiny


def exceeds_by_residual(K: Array, shift: Fraction) -> bool:
    """True only if the smallest eigenvalue of K is proved to exceed `shift` >= 0, matrix products alone being trusted.

    The factor comes from Cholesky of K lowered by a little more than the shift; a residual of about its rounding is
    expected, n u tr(K), and the margin is twice as much.

    >>> exceeds_by_residual(np.diag([1.0, 2.0]), Fraction(1, 2)), exceeds_by_residual(np.diag([1.0, 2.0]), Fraction(1))
    (True, False)
    """
    if shift < 0 or not np.isfinite(K).all():
        return False
    margin = 2 * gamma(len(K) + 4) * Fraction(abs(float(np.trace(K))))
    for factor in (Fraction(1, 2), Fraction(1)):
        start = above(shift + factor * margin)
        L, info = current().cholesky(lowered(K, start))
        if info != 0:
            return False
        L = np.tril(L)
        bound = residual_bound(K, start, L) if np.isfinite(L).all() else None
        if bound is not None and bound > shift:
            return True
    return False
