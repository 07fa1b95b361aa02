"""Positive definiteness by floating-point Cholesky with a shift.

Source: S. M. Rump, Verification of positive definiteness, BIT Numerical Mathematics 46 (2006), 433-452.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from numerics.rigorous.machine import UNIT, Array, current, gamma
from numerics.rigorous.outward import above

__all__ = ["defect", "exceeds", "lowered"]


def lowered(K: Array, shift: float) -> Array:
    """A copy of K with a diagonal that is nowhere above K_ii - shift: A <= K - shift I as symmetric matrices.

    Differences are rounded to nearest and one step down. (Where they are flushed to zero, by eta at most too large.)
    """
    A = np.array(K, order="F")
    A[np.diag_indices(len(K))] = np.nextafter(np.diagonal(K) - shift, -np.inf)
    return A


def defect(n: int, trace: Fraction, top: Fraction) -> Fraction:
    """c of :func:`exceeds`, for matrices of order n whose trace is at most `trace` and whose diagonal is at most `top`."""
    machine, g = current(), gamma(n + 3)
    c = g / (1 - g) * trace + 16 * n * (n + 1) * (2 + top) * machine.tiny
    return c


def exceeds(K: Array, shift: Fraction) -> bool:
    """True only if the smallest eigenvalue of K is proved to exceed `shift` >= 0. K: its lower triangle, mirrored.

    Theorem (after Rump 2006). Let A be symmetric of order n with positive diagonal and let floating-point Cholesky run
    to completion with finite positive pivots. Then x'Ax >= -c ||x||^2 with c = g/(1-g) tr(A) + underflow, g =
    gamma_(n+3).

    Proof. An entry i > j of L comes from a_ij - sum_(k<j) l_ik l_jk in some order, then a division: moving all
    roundings of the operand a_ij to the other terms (Higham, Lemma 8.4), a_ij = sum_(k<=j) l_ik l_jk (1 + t_k), at most
    j roundings in any t_k; one more where the division is a product with a rounded reciprocal (OpenBLAS); on the
    diagonal the root makes it n + 1. So |LL' - A| <= g |L||L'| with g = gamma_(n+2) <= gamma_(n+3) (one spare). The
    diagonal of this, ||l_i||^2 <= a_ii + g ||l_i||^2, gives ||l_i||^2 <= a_ii/(1-g), and then || |L||L'| || <= || |L|
    ||_F^2 <= tr(A)/(1-g). LL' is positive semidefinite, which is the claim.

    Underflow: an entry sees at most n products and n sums (eta each) and a quotient (eta, times l_jj), and n products
    may read a subnormal factor as zero (eta, times the other factor), all doubled for later roundings: <= 2(2n + (n +
    1) l) eta where every |l_ij| <= l, l^2 <= 2 max a_ii, so l <= 1 + max a_ii; times n for the Frobenius norm: below
    the 16 n (n + 1)(2 + max a_ii) eta used here. A reciprocal cannot underflow (l < 2^1000), a root neither. QED.

    So, with the diagonal of K lowered by more than shift + c (computed from tr(K) > tr of the lowered matrix), success
    proves K - shift I positive definite.

    >>> exceeds(np.diag([1.0, 2.0]), Fraction(1, 2)), exceeds(np.diag([1.0, 2.0]), Fraction(1))
    (True, False)
    """
    n, d = K.shape[0], np.diagonal(K)
    if shift < 0 or not np.isfinite(K).all() or not (d > 0).all():
        return False
    # math.fsum rounds once, to nearest, whatever the machine
    c = defect(n, Fraction(math.fsum(d.tolist())) * (1 + 2 * UNIT), Fraction(float(d.max())))
    A = lowered(K, above(shift + c))
    if not (np.diagonal(A) > 0).all():
        return False
    L, info = current().cholesky(A)
    pivots = np.diagonal(L)  # info == 0 alone would accept NaN
    return info == 0 and bool((np.isfinite(pivots) & (pivots > 0)).all())
