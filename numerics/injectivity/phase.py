"""Restricted injectivity of F(x) = |A x|, moduli of real measurements, up to the sign of the signal (`A.injective`).

F(x) = F(-x): with the distance |x - x'| the constant is 0 (take x' = -x), so signals are compared by d(x, x') = min(|x - x'|,
|x + x'|). With u = x - x', v = x + x' one has ||a x| - |a x'|| = min(|a u|, |a v|), and u, v are any two vectors; so the
constant over all pairs is [1]_, [2]_

    mu^2 = min over subsets I of the rows of lambda_min(A_I' A_I) + lambda_min(A_J' A_J),  J the other rows.

(The longer of u and v may be scaled down to the length of the other: numerators only fall.)  It is 0 exactly if for some I
neither the rows I nor the others span R^n (complement property [2]_, [3]_), as for every A with m <= 2n - 2.  At a fixed
signal the constant is no smaller; for nearly every signal m >= n + 1 generic measurements determine it [3]_, although mu =
0 for m < 2n - 1.

Intensities (A x)^2 differ by ||a x| - |a x'|| (|a x| + |a x'|): at a fixed x' their constant is at least min |a_i x'| mu.

References
----------
.. [1] R. Balan, Y. Wang, "Invertibility and robustness of phaseless reconstruction", Appl. Comput. Harmon. Anal. 38 (2015),
   469-488.
.. [2] A. S. Bandeira, J. Cahill, D. G. Mixon, A. A. Nelson, "Saving phase: injectivity and stability for phase retrieval",
   Appl. Comput. Harmon. Anal. 37 (2014), 106-125 (strong complement property).
.. [3] R. Balan, P. Casazza, D. Edidin, "On signal reconstruction without phase", Appl. Comput. Harmon. Anal. 20 (2006),
   345-356.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.bound import Bound, lower, upper
from numerics.injectivity.interval import Interval, checked, quotient_upper
from numerics.injectivity.stack import eigenvalues_lower
from numerics.rigorous import ETA, gamma
from numerics.rigorous.outward import above, sqrt_above, sqrt_below

__all__ = ["LIMIT", "distance", "modulus_quotient", "phase_injectivity"]

Array = NDArray[np.float64]

LIMIT = 14
"""Rows whose subsets are all looked at (2^14 eigenvalue problems, a tenth of a second); more are searched."""
_STARTS = 64


def distance(x: ArrayLike, other: ArrayLike) -> float:
    """min(|x - x'|, |x + x'|).

    >>> distance([1.0, 2.0], [-1.0, -2.0])
    0.0
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(other, dtype=np.float64)
    return float(min(np.linalg.norm(a - b), np.linalg.norm(a + b)))


def modulus_quotient(A: ArrayLike, x: ArrayLike, other: ArrayLike, *, up_to_sign: bool = True) -> float:
    """||A x| - |A x'||/d(x, x'), or over |x - x'|; in floating point.

    >>> modulus_quotient(np.eye(2), [1.0, 0.0], [-1.0, 0.0], up_to_sign=False)
    0.0
    """
    a, one, two = (np.asarray(values, dtype=np.float64) for values in (A, x, other))
    apart = distance(one, two) if up_to_sign else float(np.linalg.norm(one - two))
    return float(np.linalg.norm(np.abs(a @ one) - np.abs(a @ two))) / apart


def phase_injectivity(A: ArrayLike, limit: int = LIMIT) -> Interval:
    """The constant over all pairs. A: (m, n).

    Exact 0 for m <= 2n - 2; all subsets of rows, with proofs, for m <= limit; otherwise [0, what a search finds].

    >>> phase_injectivity([[1.0], [2.0]]).contains(5**0.5)  # n = 1: |A|
    True
    >>> phase_injectivity(np.eye(3)).upper.value
    0.0
    """
    a = checked(A)
    m, n = a.shape
    if m <= 2 * n - 2:
        return Interval.zero(f"{m} rows split into two sets of at most n - 1 = {n - 1}")
    if m > limit:
        return Interval(lower(0.0, "subsets not enumerated"), _of_split(a, _search(a), "search over subsets"), False)
    masks = ((np.arange(2**m)[:, None] >> np.arange(m)) & 1).astype(np.float64)
    proved, estimated = _subsets(a, masks)
    total = estimated + estimated[::-1]  # the complement has the complementary number
    best = masks[int(np.argmin(total))].astype(bool)
    square = min(Fraction(float(p)) + Fraction(float(q)) for p, q in zip(*_smallest_pairs(proved), strict=True))
    return Interval(
        lower(sqrt_below(square), f"all {2 ** (m - 1)} splits of the rows"),
        _of_split(a, best, "all splits of the rows"),
        True,
    )


def _subsets(A: Array, masks: Array) -> tuple[Array, Array]:
    """Smallest eigenvalues of A_I' A_I for all subsets, proved and estimated.

    A sum of at most m products, in any order: entries within gamma_(m+1) |A|'|A| of the exact ones, in norm below
    gamma_(m+1) |A|_F^2, and m roundings of underflow, below m n ETA 2^210 (entries are below 2^100) even with those that
    follow.
    """
    m, n = A.shape
    products = np.einsum("ri,rj->rij", A, A).reshape(m, n * n)
    K = (masks @ products).reshape(-1, n, n)
    K = 0.5 * (K + K.transpose(0, 2, 1))
    trace = sum((Fraction(float(value)) ** 2 for value in A.ravel()), Fraction(0))
    proved = np.zeros(len(masks))
    enough = masks.sum(axis=1) >= n  # fewer rows: 0
    estimated = np.zeros(len(masks))
    proved[enough], estimated[enough] = eigenvalues_lower(K[enough], gamma(m + 3) * trace + m * n * ETA * 2**210)
    return proved, np.maximum(estimated, 0.0)


def _smallest_pairs(proved: Array) -> tuple[Array, Array]:
    """The pairs of complements whose sums, as doubles, are within rounding of the smallest."""
    total = proved + proved[::-1]
    near = total <= total.min() * (1 + 1e-12)
    return proved[near], proved[::-1][near]


def _of_split(A: Array, rows: NDArray[np.bool_], how: str) -> Bound:
    """sqrt of the sum of two squared quotients, from above."""
    total = Fraction(0)
    for part in (rows, ~rows):
        z = _bottom(A[part])
        if part.any():
            total += Fraction(quotient_upper(np.ascontiguousarray(A[part]), z)) ** 2
    return upper(above(Fraction(sqrt_above(total))), how)


def _bottom(A: Array) -> Array:
    """A unit vector on which A is smallest."""
    return np.asarray(np.linalg.svd(A)[2][-1] if len(A) else np.eye(A.shape[1])[0])


def _search(A: Array) -> NDArray[np.bool_]:
    """A split that is best for its own vectors u and v: alternately the vectors for the rows and the rows for the vectors."""
    m = A.shape[0]
    rng = np.random.default_rng(0)  # a search: every split is a proof
    best, value = np.zeros(m, dtype=bool), float("inf")
    for start in rng.integers(0, 2, (_STARTS, m)).astype(bool):
        rows, last = start, float("inf")
        while True:
            u, v = np.abs(A @ _bottom(A[rows])), np.abs(A @ _bottom(A[~rows]))
            here = float(np.sum(np.minimum(u, v) ** 2))
            if not here < last * (1 - 1e-12):
                break
            rows, last = u < v, here
        if last < value:
            best, value = rows, last
    return best
