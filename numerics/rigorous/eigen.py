"""Eigenvalues that guide the proofs and enter none, and the search for the largest shift that can be proved."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
from scipy.linalg import eigvalsh

from numerics.rigorous.cholesky import exceeds
from numerics.rigorous.machine import Array, gamma
from numerics.rigorous.outward import below

__all__ = ["eigenvalue", "largest_shift"]


def eigenvalue(K: Array, index: int) -> float:
    """The eigenvalue of that index from below, not proved: half the price of all of them (LAPACK's dsyevr).

    Its search by index fails for some matrices that split exactly, and says so or finds nothing: then all are computed.

    >>> eigenvalue(np.diag([3.0, 1.0]), 0)
    1.0
    """
    try:
        found = eigvalsh(K, subset_by_index=[index, index], check_finite=False)
    except np.linalg.LinAlgError:
        found = np.empty(0)
    return float(found[0] if found.size else np.linalg.eigvalsh(K)[index])


def largest_shift(
    K: Array, e: Fraction, proof: Callable[[Array, Fraction], bool] = exceeds, estimate: float | None = None
) -> tuple[float, float]:
    """(proved lower bound of lambda_min of any symmetric matrix within e of K, or 0; unproved estimate of it).

    lambda_min(M) >= lambda_min(K) - ||M - K|| (Weyl), so what has to be proved is lambda_min(K) > guess + e.
    """
    estimate = eigenvalue(K, 0) if estimate is None else estimate
    doubt = float(gamma(len(K) + 4)) * float(np.trace(K))
    for factor in (1.02, 1.5, 2.5, 5.0):  # guesses: only the proof decides
        guess = below(Fraction(estimate) - e - Fraction(factor * doubt))
        if guess > 0 and proof(K, Fraction(guess) + e):
            return guess, estimate
    return 0.0, estimate
