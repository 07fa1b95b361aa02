"""Singular values, norms and products with every rounding error accounted for, at BLAS speed.

What is returned is true of the doubles that were passed in, taken as exact real numbers: a lower bound is never above
the truth, an upper bound never below, whatever the conditioning. A bound that cannot be proved comes back as the
trivial one (0 for a smallest singular value), never as an estimate.

Model of the machine. IEEE double precision, round to nearest, unit roundoff u = 2^-53: fl(x op y) = (x op y)(1 + d) +
z with |d| <= u and |z| <= eta. eta = 2^-1022, the smallest normal number, so that gradual underflow and flush-to-zero
(which other libraries may switch on) are both covered. Sums and products of matrices may be evaluated in any order,
blocked, threaded and with or without fused multiply-add; not by Strassen-like schemes nor in reduced precision. With
gamma_k = k u / (1 - k u), a product of k factors (1 + d_i)^(+-1) is 1 + t with |t| <= gamma_k (Higham, Accuracy and
Stability of Numerical Algorithms, 2nd ed., Lemma 3.1), and any dot product of length k obeys |fl(x'y) - x'y| <=
gamma_k |x|'|y| + 2 k eta (1 + max|x| + max|y|): the last factor is for subnormal inputs read as zero.

Scalar algebra on top of that is done in exact rational arithmetic and rounded outward once, at the end.

Sources: S. M. Rump, Verification of positive definiteness, BIT 46 (2006); N. J. Higham (above), chapters 3 and 10.
"""

from __future__ import annotations

import math
from fractions import Fraction

import flint
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigvalsh, lapack, qr

__all__ = [
    "above",
    "below",
    "down",
    "gamma",
    "matmul_error",
    "norm_lower",
    "norm_upper",
    "opnorm_upper",
    "orthonormality_defect",
    "sigma_min_lower",
    "up",
]

Array = NDArray[np.float64]

UNIT = Fraction(1, 2**53)
ETA = Fraction(1, 2**1022)
_CHUNK = 256  # length of the partial dot products: keeps gamma small, long enough for BLAS to run at full speed
_FEW = 64  # rows up to which a matrix that is too ill-conditioned for doubles is handed to ball arithmetic


def gamma(k: int) -> Fraction:
    """k u / (1 - k u): what k roundings may add up to, relatively (Higham, Lemma 3.1)."""
    return k * UNIT / (1 - k * UNIT)


def up(x: float) -> float:
    """The next double above `x`: makes a result rounded to nearest an upper bound."""
    return math.nextafter(x, math.inf)


def down(x: float) -> float:
    """The next double below `x`: makes a result rounded to nearest a lower bound."""
    return math.nextafter(x, -math.inf)


def above(x: Fraction) -> float:
    """The smallest double at or above a rational (inf beyond the largest one)."""
    try:
        f = float(x)
    except OverflowError:
        return math.inf if x > 0 else -float(np.finfo(float).max)
    return f if f == math.inf or Fraction(f) >= x else up(f)


def below(x: Fraction) -> float:
    """The largest double at or below a rational."""
    return -above(-x)


def _sqrt_above(x: Fraction) -> float:
    # math.sqrt is correctly rounded, so one step up is enough; above() keeps the argument on the right side.
    return up(math.sqrt(above(x))) if x > 0 else 0.0


def _sqrt_below(x: Fraction) -> float:
    return max(0.0, down(math.sqrt(below(x)))) if x > 0 else 0.0


def _array(name: str, x: ArrayLike) -> Array:
    a = np.asarray(x)
    if a.dtype.kind not in "fiub" or a.dtype.itemsize > 8:
        raise ValueError(f"{name} must hold real numbers in double precision, got dtype {a.dtype}")
    a = a.astype(np.float64, copy=False)
    if a.size == 0:
        raise ValueError(f"{name} is empty (shape {a.shape}): there is nothing to bound")
    if not np.isfinite(a).all():
        raise ValueError(f"{name} contains NaN or infinite entries: remove them first")
    return a


def _error(error: float) -> Fraction | None:
    """The size of a perturbation as a rational; None for an infinite one."""
    if math.isnan(error) or error < 0:
        raise ValueError(f"the error of a matrix must be a number >= 0, got {error}")
    return None if math.isinf(error) else Fraction(float(error))


def _scaled(a: Array) -> tuple[Array, int, Fraction]:
    """(b, e, r) with ||a - 2^e b||_F <= 2^e r and max|b| within 2^(+-100), where squares neither overflow nor vanish.

    A multiplication by a power of two is exact, except that entries may fall below the normal range: at most eta each.
    """
    top = max(float(a.max()), -float(a.min()))
    if top == 0.0 or 2.0**-100 <= top <= 2.0**100:
        return a, 0, Fraction(0)
    e = math.frexp(top)[1]
    with np.errstate(under="ignore"):
        return np.ldexp(a, -e), e, a.size * ETA


def _sum_of_squares(a: Array) -> tuple[Fraction, Fraction]:
    """Enclosure of sum a_i^2 for `a` within the range of `_scaled`.

    Partial sums of at most _CHUNK squares carry gamma_CHUNK each (relative, the terms being nonnegative), math.fsum
    adds one more rounding; underflow is below 4 eta an entry by the dot product bound (max|x| <= 2^100 enters only
    through subnormal inputs, whose squares vanish anyway: |x|^2 <= eta^2).
    """
    v = np.ascontiguousarray(a).reshape(-1)
    cut = v.size - v.size % _CHUNK
    blocks = v[:cut].reshape(-1, _CHUNK)
    with np.errstate(under="ignore"):
        parts = [*np.einsum("ij,ij->i", blocks, blocks).tolist(), float(v[cut:] @ v[cut:])]
    total, g, tiny = Fraction(math.fsum(parts)), gamma(_CHUNK + 2), 4 * v.size * ETA
    return max(Fraction(0), (total - tiny) / (1 + g)), (total + tiny) / (1 - g)


def norm_upper(v: ArrayLike, error: float = 0.0) -> float:
    """Upper bound of ||v + e|| for every ||e|| <= error: 2-norm of a vector, Frobenius norm of a matrix.

    >>> norm_upper([3.0, 4.0]) >= 5.0
    True
    """
    a, extra = _array("the array", v), _error(error)
    if extra is None:
        return math.inf
    b, e, r = _scaled(a)
    if not b.any():
        return above(extra)
    return above((Fraction(_sqrt_above(_sum_of_squares(b)[1])) + r) * Fraction(2) ** e + extra)


def norm_lower(v: ArrayLike, error: float = 0.0) -> float:
    """Lower bound (>= 0) of ||v + e|| for every ||e|| <= error: 2-norm of a vector, Frobenius norm of a matrix.

    >>> 5.0 * (1 - 1e-13) <= norm_lower([3.0, 4.0]) <= 5.0
    True
    """
    a, extra = _array("the array", v), _error(error)
    if extra is None:
        return 0.0
    b, e, r = _scaled(a)
    return max(0.0, below((Fraction(_sqrt_below(_sum_of_squares(b)[0])) - r) * Fraction(2) ** e - extra))


def matmul_error(A: ArrayLike, B: ArrayLike) -> float:
    """Upper bound of ||fl(A B) - A B||_F for A (m x k), B (k x n), the product evaluated by any BLAS.

    Entrywise |fl(AB) - AB| <= gamma_k |A||B| (+ underflow), and || |A||B| ||_F <= sum_l ||A[:, l]|| ||B[l, :]||, the
    sum of k rank-one terms: O(mk + kn) work instead of a second product, at most pi/2 above the truth for Gaussian
    matrices.
    """
    a, b = _array("A", A), _array("B", B)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise ValueError(f"a product of shapes {a.shape} and {b.shape} does not exist")
    k, top_a, top_b = a.shape[1], float(np.abs(a).max()), float(np.abs(b).max())
    # Columns and rows divided by the largest entries: squares stay in range (at most eta lost an entry, see `tiny`).
    with np.errstate(under="ignore"):
        x, y = (a / top_a if top_a else a), (b / top_b if top_b else b)
        cols = np.sqrt(np.einsum("il,il->l", x, x))
        rows = np.sqrt(np.einsum("lj,lj->l", y, y))
        total = Fraction(float(cols @ rows))
    # Roundings of the bound itself, each relative and at most: division 1, square and sum m (or n), root 1, product and
    # sum k; underflow: a column norm is wrong by at most sqrt(2 m eta (1 + ...)) <= m 2^-510, a row norm likewise.
    m, n = a.shape[0], b.shape[1]
    terms = total * (1 + gamma(2 * (m + n + k + 8))) + 4 * k * (m + n) ** 2 * Fraction(1, 2**500)
    tiny = 2 * k * m * n * ETA * (1 + Fraction(top_a) + Fraction(top_b))
    return above(gamma(k) * terms * Fraction(top_a) * Fraction(top_b) + tiny)


def _gram(S: Array) -> tuple[Array, Fraction]:
    """(K, e) with ||K - S S'||_F <= e, and the same for either triangle of K mirrored onto the other.

    The k columns are split into c chunks of at most q: an entry is a sum of c dot products of length <= q, hence |K_ij
    - (SS')_ij| <= gamma_(q+c) |s_i|'|s_j| + underflow <= gamma_(q+c) ||s_i|| ||s_j|| + underflow, and the Frobenius
    norm of (||s_i|| ||s_j||) is ||S||_F^2. Underflow of an entry: 2k eta (1 + 2 max|S|) for the dot products and c eta
    for the c sums, doubled for the roundings that follow: below 4k eta (1 + 2 max|S|) + 2c eta <= 6k eta (1 + 2
    max|S|).
    """
    p, k = S.shape
    q = min(max(_CHUNK, p), 1024, k)  # the Cholesky bound costs gamma_(p+3) anyway
    K = S[:, :q] @ S[:, :q].T
    for j in range(q, k, q):
        T = S[:, j : j + q]
        K += T @ T.T
    top = Fraction(float(np.abs(S).max()))
    return K, gamma(q + -(-k // q)) * _sum_of_squares(S)[1] + 6 * p * k * (1 + 2 * top) * ETA


def _exceeds(K: Array, shift: Fraction) -> bool:
    """True only if the smallest eigenvalue of K is proved to exceed `shift` >= 0. K: its lower triangle, mirrored.

    Theorem (after Rump 2006). Let A be symmetric of order n with positive diagonal and let floating-point Cholesky run
    to completion with finite positive pivots. Then x'Ax >= -c ||x||^2 with c = g/(1-g) tr(A) + underflow, g =
    gamma_(n+3). Proof. An entry i > j of L comes from a_ij - sum_(k<j) l_ik l_jk in some order, then a division:
    moving all roundings of the operand a_ij to the other terms (Higham, Lemma 8.4), a_ij = sum_(k<=j) l_ik l_jk (1 +
    t_k), at most j roundings in any t_k; one more where the division is a product with a rounded reciprocal
    (OpenBLAS); on the diagonal the root makes it n + 1. So |LL' - A| <= g |L||L'| with g = gamma_(n+2) <= gamma_(n+3)
    (one spare). The diagonal of this, ||l_i||^2 <= a_ii + g ||l_i||^2, gives ||l_i||^2 <= a_ii/(1-g), and then ||
    |L||L'| || <= || |L| ||_F^2 <= tr(A)/(1-g). LL' is positive semidefinite, which is the claim. Underflow: an entry
    sees at most n products and n sums (eta each) and a quotient (eta, times l_jj), and n products may read a subnormal
    factor as zero (eta, times the other factor), all doubled for later roundings: <= 2(2n + (n + 1) l) eta where every
    |l_ij| <= l, l^2 <= 2 max a_ii, so l <= 1 + max a_ii; times n for the Frobenius norm: below the 16 n (n + 1)(2 +
    max a_ii) eta used here. A reciprocal cannot underflow (l < 2^1000), a root neither. QED. So, with the diagonal of
    K lowered by more than shift + c (computed from tr(K) > tr of the lowered matrix), success proves K - shift I
    positive definite.
    """
    n, d = K.shape[0], np.diagonal(K)
    if shift < 0 or not np.isfinite(K).all() or not (d > 0).all():
        return False
    trace, top, g = Fraction(math.fsum(d.tolist())) * (1 + 2 * UNIT), Fraction(float(d.max())), gamma(n + 3)
    lowered = above(shift + g / (1 - g) * trace + 16 * n * (n + 1) * (2 + top) * ETA)
    A = np.array(K, order="F")
    # Rounded to nearest and one step down: never above the real difference.
    A[np.diag_indices(n)] = np.nextafter(d - lowered, -np.inf)
    if not (np.diagonal(A) > 0).all():
        return False
    L, info = lapack.dpotrf(A, lower=1, overwrite_a=1, clean=0)
    pivots = np.diagonal(L)  # info == 0 alone would accept NaN
    return info == 0 and bool((np.isfinite(pivots) & (pivots > 0)).all())


def _eigenvalue(K: Array, index: int) -> float:
    """The eigenvalue of that index from below, not proved: half the price of all of them (LAPACK's dsyevr).

    Its search by index fails for some matrices that split exactly, and says so: then all are computed.
    """
    try:
        return float(eigvalsh(K, subset_by_index=[index, index], check_finite=False)[0])
    except np.linalg.LinAlgError:
        return float(np.linalg.eigvalsh(K)[index])


def _lambda_min(K: Array, e: Fraction) -> tuple[float, float]:
    """(proved lower bound of lambda_min of any symmetric matrix within e of K, or 0; unproved estimate of it)."""
    estimate = _eigenvalue(K, 0)
    doubt = float(gamma(len(K) + 4)) * float(np.trace(K))
    for factor in (1.02, 1.5, 2.5, 5.0):  # guesses: only _exceeds decides
        guess = below(Fraction(estimate) - e - Fraction(factor * doubt))
        if guess > 0 and _exceeds(K, Fraction(guess) + e):
            return guess, estimate
    return 0.0, estimate


def _sigma_min_qr(S: Array) -> tuple[Fraction, Fraction]:
    """(lower bound, unproved estimate) of sigma_min(S), S (p x k), p <= k, whose Gram matrix has lost it (cond > 1e6).

    For ANY p x p matrix X and any Y: sigma_min(S) ||X|| >= sigma_min(S'X) >= sigma_min(Y) - ||Y - S'X||, and
    sigma_min(Y)^2 = lambda_min(Y'Y) >= 1 - ||Y'Y - I||. X is the inverse of the factor R of S' = QR, Y = fl(S'X), and
    the estimate is 1/||X||. Rows of S may be scaled at will (X absorbs it), so grading costs nothing; else the bound
    falls short by about p cond(S) 1e-16 relatively, and vanishes beyond condition 1e14.
    """
    nothing = Fraction(0), Fraction(0)
    R = qr(S.T, mode="r", check_finite=False)[0][: S.shape[0]]
    X, info = lapack.dtrtri(R, lower=0)
    if info != 0 or not np.isfinite(X).all():
        return nothing
    X = np.triu(X)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        Y = S.T @ X
    if not np.isfinite(Y).all():
        return nothing
    defect, norm, miss = orthonormality_defect(Y), opnorm_upper(X), matmul_error(S.T, X)
    if not (defect < 1 and math.isfinite(norm) and math.isfinite(miss)):
        return nothing
    top = Fraction(_sqrt_below(1 - Fraction(defect))) - Fraction(miss)
    return max(Fraction(0), top / Fraction(norm)), 1 / Fraction(norm)


def _sigma_min_balls(S: Array) -> Fraction:
    """Lower bound of sigma_min(S) = ||(SS')^-1||^(-1/2), the inverse enclosed in Arb balls: for small matrices only."""
    p, k = S.shape
    for bits in (256, 1024, 4096):
        with flint.ctx.workprec(bits):
            A = flint.arb_mat(p, k, [flint.arb(x) for x in S.ravel().tolist()])
            try:
                entries = (A * A.transpose()).inv().entries()
            except ZeroDivisionError:  # not enough digits to tell it from a singular matrix
                continue
            sizes = [float(abs(x).log().mid()) for x in entries if not x.contains(0)]
            if not sizes:
                continue
            e = math.ceil(max(sizes) / math.log(2))
            entries = [x * flint.arb(2) ** -e for x in entries]
            middle = [float(x.mid()) for x in entries]
            radius = sum((abs(x - flint.arb(c)) for x, c in zip(entries, middle, strict=True)), flint.arb(0))
            miss = up(float(radius.upper()))
        if not (math.isfinite(miss) and miss < 2.0**-30):
            continue
        norm = Fraction(opnorm_upper(np.array(middle).reshape(p, p), miss))
        # sqrt of 2^-e / norm with e made even first, so that the root never leaves the range of doubles
        half, odd = divmod(-e, 2)
        return Fraction(_sqrt_below(Fraction(2) ** odd / norm)) * Fraction(2) ** half
    return Fraction(0)


def sigma_min_lower(S: ArrayLike, error: float = 0.0) -> float:
    """Certified lower bound (>= 0) of the smallest of the min(p, k) singular values of S + E, for every ||E|| <= error.

    `error` bounds the spectral norm of E (a Frobenius bound will do, being larger). Cost: one product S S', one
    eigenvalue computation of order min(p, k) and one to four Cholesky factorizations. Where squaring would lose more
    than 1e-4 of the value, a QR-based proof is tried, then for small matrices ball arithmetic; the best proved value
    is returned, 0 if nothing could be proved. Raises ValueError for NaN, infinite, complex or empty input.

    >>> 1.0 - 1e-12 <= sigma_min_lower([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]]) <= 1.0
    True
    """
    a, extra = _array("the matrix", S), _error(error)
    if a.ndim != 2:
        raise ValueError(f"a matrix is needed, got an array of shape {a.shape}")
    if extra is None:
        return 0.0
    if a.shape[0] > a.shape[1]:
        a = a.T
    if a.shape[0] == 1:
        return norm_lower(a, error)
    b, e, r = _scaled(np.ascontiguousarray(a))
    if not b.any():
        return 0.0
    with np.errstate(under="ignore"):
        K, gap = _gram(b)
        square, estimate = _lambda_min(K, gap)
        best = Fraction(_sqrt_below(Fraction(square)))
        if square < (1 - 2e-4) * (estimate + 2 * float(gap)) or square == 0.0:
            proved, guess = _sigma_min_qr(b)
            best = max(best, proved)
            small = b.shape[0] <= _FEW and b.shape[0] * b.size <= 2_000_000
            if small and (guess == 0 or best < Fraction(99, 100) * guess):
                best = max(best, _sigma_min_balls(b))
    return max(0.0, below((best - r) * Fraction(2) ** e - extra))


def opnorm_upper(S: ArrayLike, error: float = 0.0) -> float:
    """Certified upper bound of the largest singular value of S + E, for every ||E|| <= error.

    Proves mu I - S S' positive definite (S or S', whichever Gram matrix is smaller) for a mu just above the largest
    eigenvalue; the Frobenius norm is the fallback. Raises ValueError for NaN, infinite, complex or empty input.

    >>> 2.0 <= opnorm_upper([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]]) <= 2.0 + 1e-12
    True
    """
    a, extra = _array("the matrix", S), _error(error)
    if a.ndim != 2:
        raise ValueError(f"a matrix is needed, got an array of shape {a.shape}")
    if extra is None:
        return math.inf
    if a.shape[0] > a.shape[1]:
        a = a.T
    b, e, r = _scaled(np.ascontiguousarray(a))
    best = Fraction(norm_upper(b))
    if b.shape[0] > 1 and b.any():
        with np.errstate(under="ignore"):
            K, gap = _gram(b)
            p = len(K)
            top = _eigenvalue(K, p - 1)
            doubt = float(gamma(p + 3)) * (p * top - float(np.trace(K))) + 4 * p * float(UNIT) * top
            for factor in (1.02, 1.5, 3.0, 10.0, 100.0):
                mu = top + factor * doubt
                A = -K
                A[np.diag_indices(p)] = np.nextafter(mu - np.diagonal(K), -np.inf)
                if _exceeds(A, Fraction(0)):
                    best = min(best, Fraction(_sqrt_above(Fraction(mu) + gap)))
                    break
    return above((best + r) * Fraction(2) ** e + extra)


def orthonormality_defect(Y: ArrayLike) -> float:
    """Upper bound of ||Y'Y - I|| (spectral norm) for Y (n x p), p <= n.

    Frobenius norm of the computed difference; its diagonal carries one rounding, the rest none.
    """
    a = _array("the matrix", Y)
    top = float(np.abs(a).max())
    if not 2.0**-100 <= top <= 2.0**100:
        return math.inf if top > 1 else 1.0  # ||Y'Y - I|| <= 1 whenever ||Y|| <= 1
    K, gap = _gram(np.ascontiguousarray(a.T))
    K[np.diag_indices(len(K))] -= 1.0
    size = norm_upper(K)
    if 1e-3 < size < 1e3:
        size = min(size, opnorm_upper(K))
    return above(Fraction(size) * (1 + 2 * UNIT) + gap)
