"""Eigenvalues that guide the proofs and enter none, and the search for the largest shift that can be proved."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from scipy.linalg import eigh, eigvalsh

from numerics.rigorous.cholesky import exceeds
from numerics.rigorous.machine import Array, gamma
from numerics.rigorous.outward import below

__all__ = ["eigenpair", "eigenvalue", "largest_shift"]


def eigenvalue(K: Array, index: int) -> float:
    """The eigenvalue of that index from below, not proved: half the price of all of them (LAPACK's dsyevr).

    >>> eigenvalue(np.diag([3.0, 1.0]), 0)
    1.0
    """
    found = _searched(eigvalsh, K, index)
    return float(np.linalg.eigvalsh(K)[index] if found is None else found[0])


def eigenpair(K: Array, index: int) -> tuple[float, Array]:
    """The same with its vector, shape (p,), not proved either."""
    found = _searched(eigh, K, index)
    values, vectors = np.linalg.eigh(K) if found is None else found
    at = index if found is None else 0
    return float(values[at]), np.ascontiguousarray(vectors[:, at])


def _searched(solver: Callable[..., Any], K: Array, index: int) -> Any:
    """LAPACK's search by index; None for a matrix for which it fails, or finds nothing (some that split exactly)."""
    try:
        found = solver(K, subset_by_index=[index, index], check_finite=False)
    except np.linalg.LinAlgError:
        return None
    return found if len(found[0] if isinstance(found, tuple) else found) else None


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
