"""Smallest eigenvalues of many small symmetric matrices at once, proved from below.

The proof is that of :mod:`numerics.rigorous.cholesky` (S. M. Rump, Verification of positive definiteness, BIT Numerical
Mathematics 46 (2006), 433-452), LAPACK's Cholesky factorization being called by NumPy for all matrices of the stack.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from numerics.rigorous.cholesky import defect
from numerics.rigorous.machine import gamma
from numerics.rigorous.outward import above

__all__ = ["eigenvalues_lower"]

Array = NDArray[np.float64]
_MARGINS = (2.0, 20.0, 1e3, 1e6)  # in roundings; guesses: only the proof decides


def eigenvalues_lower(K: Array, error: Fraction) -> tuple[Array, Array]:
    """(proved, estimated): smallest eigenvalues of symmetric matrices M_i with ||M_i - K_i|| <= error, each shape (N,).

    K: shape (N, p, p). What cannot be proved to be positive is 0 in `proved`.

    >>> proved, estimated = eigenvalues_lower(np.array([[[2.0, 1.0], [1.0, 2.0]], [[1.0, 1.0], [1.0, 1.0]]]), Fraction(0))
    >>> proved.round(12).tolist(), bool((proved <= [1.0, 0.0]).all())
    ([1.0, 0.0], True)
    """
    count, p, _ = K.shape
    estimated: Array = np.asarray(np.linalg.eigvalsh(K)[:, 0], dtype=np.float64)
    diagonal = np.diagonal(K, axis1=1, axis2=2)
    if not (np.isfinite(K).all() and (diagonal >= 0).all()):
        return np.zeros(count), estimated
    # one defect for all: p times the largest entry of a diagonal is at least every trace
    top = Fraction(float(diagonal.max()))
    lost = error + defect(p, p * top, top)
    unit = float(gamma(p + 4)) * float(p * top)
    for margin in _MARGINS:
        proved = np.nextafter(estimated - above(lost) - margin * unit, -np.inf)
        proved[proved <= 0] = 0.0
        some = proved > 0
        if not some.any():
            break
        A = K[some].copy()
        # the diagonal lowered by at least proved + lost: the sum and the difference are rounded, one step outward each
        shift = np.nextafter(proved[some] + above(lost), np.inf)
        index = np.arange(p)
        A[:, index, index] = np.nextafter(diagonal[some] - shift[:, None], -np.inf)
        if _definite(A):
            return proved, estimated
    return np.zeros(count), estimated


def _definite(A: Array) -> bool:
    """Whether Cholesky ran to completion on all of them, with finite positive pivots."""
    if not (np.diagonal(A, axis1=1, axis2=2) > 0).all():
        return False
    try:
        pivots = np.diagonal(np.linalg.cholesky(A), axis1=1, axis2=2)
    except np.linalg.LinAlgError:
        return False
    return bool((np.isfinite(pivots) & (pivots > 0)).all())
