"""σ_min of a matrix in memory, by its Gram matrix or by its singular value decomposition, with error estimates.

Rounding of K = S Sᵀ and of its eigenvalues moves λ_min by at most about Δ = c·eps·tr K, hence σ by Δ/(2σ): half of the
digits are lost where κ(S)² eps is near 1. The eigenvector x is much better than that: the Rayleigh quotient ρ = ‖Sᵀx‖²,
taken with S itself, satisfies ρ − ‖r‖²/(λ_2 − ρ) ≤ λ_min ≤ ρ with r = S Sᵀx − ρx if ρ < λ_2 (Temple and Kato; Parlett,
The Symmetric Eigenvalue Problem, 10.5), and costs two products of S with a vector.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.linalg import lapack

from numerics.spectrum.lanczos import extreme

Array = NDArray[np.float64]

_EPS = float(np.finfo(np.float64).eps)
# From this order on, a Cholesky factorization and some thirty solves are cheaper than the reduction to tridiagonal form
# that every eigenvalue routine starts with (measured: 1.9 against 1.4 ms at 256, 32 against 67 ms at 1152); they are
# also spared its matrix-vector products, which a second BLAS thread slows down (183 ms at 1152).
_LARGE = 400
# The inverse iteration may stop here: relative error of the eigenvalue, far below what the Gram matrix has lost.
_RITZ = 1e-13


@dataclass(frozen=True)
class GramResult:
    """K = S Sᵀ + noise; square: its smallest eigenvalue, which may come out negative; doubt: estimate of its error."""

    K: Array
    square: float
    doubt: float


def gram(S: Array, shift: float = 0.0) -> GramResult:
    """The smallest eigenvalue of S Sᵀ. `shift`: what will be added in squares makes a large singular K definite here."""
    p, k = S.shape
    K = S @ S.T  # one triangle's worth of work: NumPy calls syrk
    # An entry is a dot product of length k: its error is a random walk, about √k eps|s_i||s_j|, less with the partial
    # sums of BLAS; the Frobenius norm of (|s_i||s_j|) is tr K. The eigenvalues lose about eps‖K‖ ≤ eps tr K more.
    doubt = _EPS * (8.0 + 0.25 * math.sqrt(k)) * float(np.trace(K))
    square = None
    if p >= _LARGE:
        square = _by_inverse(K, shift * shift)
        doubt += 4 * _EPS * shift * shift
    if square is None:
        square = float(_lowest(K, 1)[0][0])
    return GramResult(K, square, doubt)


def _by_inverse(K: Array, added: float) -> float | None:
    """λ_min of K by Lanczos on (K + added·I)⁻¹; None where Cholesky breaks down."""
    moved = K.copy()
    moved[np.diag_indices(len(K))] += added
    factor, info = lapack.dpotrf(moved.T, lower=1, clean=0, overwrite_a=1)
    if info != 0:
        return None
    ritz = extreme(lambda x: lapack.dpotrs(factor, x, lower=1)[0], len(K), rtol=_RITZ)
    return 1 / ritz.value - added if ritz.converged and ritz.value > 0 else None


def root(found: GramResult, shift: float = 0.0) -> tuple[float, float]:
    """(hypot(shift, σ_min), estimate of its error) from the eigenvalue alone."""
    added = shift * shift
    low, value, high = (math.sqrt(max(0.0, found.square + sign * found.doubt) + added) for sign in (-1.0, 0.0, 1.0))
    return value, max(value - low, high - value) + _EPS * value


def _lowest(K: Array, count: int) -> tuple[Array, Array]:
    """The `count` smallest eigenvalues, and their vectors where there are two.

    Half the price of all of them. LAPACK's search by index loses eigenvalues of some matrices that split exactly, and says
    so: then all are computed.
    """
    values, vectors, found, _, info = lapack.dsyevr(K, compute_v=int(count > 1), range="I", il=1, iu=count)
    if info != 0 or found != count:
        return np.linalg.eigh(K)
    return values[:count], vectors


def refined(S: Array, found: GramResult) -> tuple[float, float]:
    """(σ_min of S, estimate of its error) from the eigenvector of the Gram matrix; the error is ∞ without a gap to λ_2."""
    K, doubt = found.K, found.doubt
    if len(K) == 1:
        return float(np.linalg.norm(S)), _length_rounding(S)
    values, vectors = _lowest(K, 2)
    x = vectors[:, 0]
    z = x @ S
    size = float(x @ x)
    quotient = float(z @ z) / size
    sigma = math.sqrt(quotient)
    gap = float(values[1]) - doubt - quotient
    if not gap > 0:
        return sigma, math.inf
    r = S @ z - quotient * x
    # the computed residual cannot be smaller than its own rounding
    floor = _length_rounding(S) * math.sqrt(float(np.trace(K)))
    short = (float(r @ r) / size + floor * floor) / gap
    if not short < quotient:
        return sigma, math.inf
    return sigma, short / (sigma + math.sqrt(quotient - short)) + _length_rounding(S)


def _length_rounding(S: Array) -> float:
    """Estimate of the rounding of ‖Sᵀx‖, x a unit vector: dot products of length p."""
    return _EPS * (8.0 + 0.25 * math.sqrt(S.shape[0])) * float(np.linalg.norm(S))


def svd(S: Array) -> tuple[float, float]:
    """(σ_min of S, estimate of its error) from a singular value decomposition: backward error a few eps·σ_max.

    Golub, Van Loan, Matrix Computations, 8.6, with the order as constant.
    """
    values = scipy.linalg.svdvals(S, check_finite=False)
    return float(values[-1]), max(S.shape[0], 64) * _EPS * float(values[0])
