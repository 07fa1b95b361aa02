"""Witnesses of linear algebra, and what they will prove: whitenings, and shifted Cholesky factors of Gram matrices.

A witness is any matrix of doubles: the checker trusts nothing about it. What is returned with one is the bound that the
checker's exact arithmetic is certain to confirm, proved here from the rounding errors of floating-point products and of
Cholesky's algorithm (model and constants: :mod:`numerics.rigorous`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack, svd

from numerics.rigorous import above, below, gamma, matmul_error, norm_upper
from numerics.rigorous.eigen import eigenpair, eigenvalue

Array = NDArray[np.float64]

UNIT = Fraction(1, 2**53)
_TINY = Fraction(1, 2**1022)
#: By how much every claimed number is moved outward, relatively: more than the checker's own rounding can take away.
SLACK = 2.0**-29


def higher(x: float) -> float:
    """A claim from an upper bound x >= 0: larger by the slack, which covers a dozen roundings of positive terms as well."""
    return x * (1 + SLACK) if x > 0 else x


def lower(x: float) -> float:
    """A claim from a lower bound x >= 0: smaller by the slack."""
    return x * (1 - SLACK) if x > 0 else 0.0


@dataclass(frozen=True)
class Whitening:
    """N (p × p) with B = N R nearly orthonormal. B (p × n): the product in floating point; error: |N R - B|_F at most;
    delta: |N R R'N' - I|_F at most."""

    N: Array
    B: Array
    error: float
    delta: float


def whiten(R: Array) -> Whitening | None:
    """Whitening of R (p × n, p <= n) from its singular values; None if it is not accurate enough to prove anything."""
    P, sigma, _ = svd(R, full_matrices=False, check_finite=False)
    if not sigma[-1] > 0:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        N = np.ascontiguousarray((P / sigma).T)
        if not np.isfinite(N).all():
            return None
        B = N @ R
    error = matmul_error(N, R)
    miss = B @ B.T - np.eye(len(B))
    plain = norm_upper(miss) + matmul_error(B, B.T) + len(B) * 2.0**-52
    delta = plain + (2 * math.sqrt(1 + plain) + error) * error if math.isfinite(error) else math.inf
    return Whitening(N, B, error, delta * (1 + 2.0**-40)) if delta < 0.49 else None


def factor(K: Array, shift: float, sign: float = 1.0) -> tuple[Array, Fraction] | None:
    """(L, e): L lower triangular, |sign K - sign shift I - L L'|_F <= e for the matrix K of doubles; None if not positive.

    The floating-point Cholesky factor L of the rounded A = sign (K - shift I) obeys |L L' - A|_F <= g/(1 - g) tr A +
    underflow with g = gamma_(p+3) (the theorem in :mod:`numerics.rigorous`, after Rump 2006); the diagonal of A carries
    one rounding.
    """
    p = len(K)
    A = np.array(sign * K, order="F")
    diagonal = np.diagonal(K) * sign - sign * shift
    if not (np.isfinite(K).all() and (diagonal > 0).all()):
        return None
    A[np.diag_indices(p)] = diagonal
    L, info = lapack.dpotrf(A, lower=1, clean=1)
    pivots = np.diagonal(L)
    if info != 0 or not (np.isfinite(pivots) & (pivots > 0)).all():
        return None
    g, top = gamma(p + 3), Fraction(float(diagonal.max()))
    trace = Fraction(math.fsum(diagonal.tolist())) * (1 + 2 * UNIT)
    error = g / (1 - g) * trace + 16 * p * (p + 1) * (2 + top) * _TINY + 2 * UNIT * Fraction(norm_upper(diagonal))
    return np.ascontiguousarray(L), error


@dataclass(frozen=True)
class Smallest:
    """lambda_min(K) >= floor, proved by |K - shift I - L L'|_F; vector: about the eigenvector, shape (p,); estimate of it."""

    shift: float
    L: Array | None
    floor: Fraction
    estimate: float
    vector: Array


def smallest_eigenvalue(K: Array, error: Fraction) -> Smallest:
    """Of any symmetric matrix within `error` (Frobenius) of K; floor 0 and no witness where nothing can be proved."""
    estimate, vector = eigenpair(K, 0)
    doubt = float(gamma(len(K) + 4)) * float(np.trace(K)) + float(error)
    for times in (1.0, 3.0, 10.0):
        shift = estimate - times * doubt
        if shift <= 0:
            break
        found = factor(K, shift)
        if found is not None:
            floor = Fraction(shift) - found[1] - error
            if floor > 0:
                return Smallest(shift, found[0], floor, estimate, vector)
    return Smallest(0.0, None, Fraction(0), estimate, vector)


@dataclass(frozen=True)
class Norm:
    """|M|^2 <= square, proved by mu + |mu I - K - L L'|_F where K = M M'."""

    mu: float
    L: Array
    square: Fraction

    @property
    def value(self) -> float:
        """The norm from above."""
        return math.sqrt(above(self.square)) * (1 + 2.0**-50)


def largest_eigenvalue(K: Array, error: Fraction) -> Norm | None:
    """Of any symmetric positive semidefinite matrix within `error` (Frobenius) of K; None where nothing can be proved."""
    p = len(K)
    top = eigenvalue(K, p - 1)
    for margin in (2.0**-32, 2.0**-24, 2.0**-12, 1.0):
        mu = top * (1 + margin) + float(error)
        found = factor(K, mu, -1.0) if mu > 0 else None
        if found is not None:
            return Norm(mu, found[0], Fraction(mu) + found[1] + error)
    return None


def norm(M: Array) -> Norm | None:
    """The norm of a matrix of doubles, from M M' (rows at most as many as columns is cheapest)."""
    with np.errstate(over="ignore", invalid="ignore"):
        K = M @ M.T
    error = matmul_error(M, M.T)
    if not (math.isfinite(error) and np.isfinite(K).all()):
        return None
    return largest_eigenvalue(K, Fraction(error))


def root_below(x: Fraction) -> float:
    """A double at or below the root of x >= 0."""
    return max(0.0, math.sqrt(below(x)) * (1 - 2.0**-50)) if x > 0 else 0.0
