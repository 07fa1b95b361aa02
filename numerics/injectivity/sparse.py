"""Restricted injectivity of a matrix on sparse signals (`A.injective`, `recover.mu_linear`).

Sigma is the set of s-sparse vectors of R^n. Two constants:

    uniform   inf |A(x - x')|/|x - x'| over all pairs of Sigma: the smallest sigma_min(A_S) over supports S of 2s columns
              (n columns if n < 2s), since the differences are the 2s-sparse vectors; in compressed sensing the root of 1
              minus the lower restricted isometry constant [1]_, and, for 2s <= n, positive only if m >= 2s [2]_;
    at xbar   the same with x' = xbar fixed, as the theorems ask. The differences that end on the support T, |T| = s, are
              the vectors -b + w with b = xbar outside T and w on T; the quotient does not change with length, so the infimum is
              sigma_min of A on span(e_T, b): s + 1 columns. It is positive already for generic A with m >= s + 1, and
              never below the uniform constant.

Both are enumerated, and proved from below, where there are at most `limit` supports. Otherwise any support bounds them from
above (a local search picks one) and sigma_min(A) or Gershgorin's discs of all Gram matrices at once from below.

References
----------
.. [1] E. J. Candès, T. Tao, "Decoding by linear programming", IEEE Trans. Inform. Theory 51 (2005), 4203-4215.
.. [2] D. L. Donoho, M. Elad, "Optimally sparse representation in general (nonorthogonal) dictionaries via l1 minimization",
   Proc. Natl. Acad. Sci. USA 100 (2003), 2197-2202 (spark).
.. [3] A. M. Tillmann, M. E. Pfetsch, "The computational complexity of the restricted isometry property, the nullspace
   property, and related concepts in compressed sensing", IEEE Trans. Inform. Theory 60 (2014), 1248-1259 (NP-hard).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.bound import Bound, lower, upper
from numerics.door import integer
from numerics.injectivity.interval import Interval, checked, quotient_upper
from numerics.injectivity.stack import eigenvalues_lower
from numerics.rigorous import ETA, gamma, sigma_min_lower
from numerics.rigorous.arrays import doubles
from numerics.rigorous.gram import gram
from numerics.rigorous.outward import sqrt_below

__all__ = ["LIMIT", "best_sparse_fit", "sparse_injectivity", "sparse_injectivity_at", "supports"]

Array = NDArray[np.float64]
Supports = NDArray[np.intp]

LIMIT = 20_000
"""Supports that are looked at: all of them, or where there are more, those of a search."""
_RANGE = 1e100  # entries of a signal, relative to its largest: products with them do not vanish
_RANDOM = 8


def supports(n: int, size: int) -> Supports:
    """All sets of `size` of n indices, shape (C(n, size), size).

    >>> supports(3, 2).tolist()
    [[0, 1], [0, 2], [1, 2]]
    """
    return np.array(list(combinations(range(n), size)), dtype=np.intp).reshape(-1, size)


def sparse_injectivity(A: ArrayLike, s: int, limit: int = LIMIT) -> Interval:
    """The constant of all pairs of s-sparse vectors. A: (m, n), 1 <= s <= n.

    >>> A = np.array([[1.0, 0.0, 0.6], [0.0, 1.0, 0.8]])
    >>> sparse_injectivity(A, 1).contains(math.sqrt(1 - 0.8))  # the second and third column: 1 - <a_2, a_3>
    True
    """
    a = checked(A)
    m, n = a.shape
    size = min(2 * _sparsity(s, n), n)
    if m < size:
        return Interval.zero(f"{size} columns in dimension {m} are dependent")
    K, error = gram(np.ascontiguousarray(a.T))
    if math.comb(n, size) <= limit:
        every = supports(n, size)
        G = K[every[:, :, None], every[:, None, :]]
        proved, estimated = eigenvalues_lower(G, error)
        best = every[int(np.argmin(estimated))]
        return Interval(
            lower(_root(float(proved.min())), f"all {len(every)} supports"),
            _of_support(a, K, best, "all supports"),
            True,
        )
    best = _search(a, size, lambda T: np.asarray(np.linalg.eigvalsh(K[T[:, :, None], T[:, None, :]])[:, 0]), limit)
    return Interval(_from_all(a, K, error, size), _of_support(a, K, best, "search over supports"), False)


def sparse_injectivity_at(A: ArrayLike, x: ArrayLike, s: int, limit: int = LIMIT) -> Interval:
    """The constant at the s-sparse vector x. A: (m, n), x: (n,) with at most s nonzero entries.

    Raises ValueError for more of them, and for entries of x that differ by a factor beyond 1e100.

    >>> A = np.array([[1.0, 0.0, 0.6], [0.0, 1.0, 0.8]])
    >>> sparse_injectivity_at(A, [1.0, 0.0, 0.0], 1).contains(math.sqrt(1 - 0.6))  # the first column and the third
    True
    """
    a, xbar = checked(A), np.ascontiguousarray(doubles("the signal", x))
    m, n = a.shape
    _sparsity(s, n)
    if xbar.shape != (n,):
        raise ValueError(f"the signal has shape {xbar.shape}; A has {n} columns")
    sizes = np.abs(xbar[xbar != 0])
    if sizes.size > s:
        raise ValueError(f"the signal has {sizes.size} nonzero entries; s = {s}")
    if sizes.size and not (sizes.min() >= 1 / _RANGE and sizes.max() <= _RANGE):
        raise ValueError("nonzero entries of the signal beyond 1e100 or below 1e-100: scale the problem")
    columns = s if s == n or not sizes.size else s + 1
    if m < columns:
        return Interval.zero(f"{columns} directions in dimension {m} are dependent")
    K, error = gram(np.ascontiguousarray(a.T))
    pencil = _Pencil(K, xbar)
    if math.comb(n, s) <= limit:
        every = supports(n, s)
        proved, estimated = eigenvalues_lower(pencil.grams(every), pencil.error(error))
        best = every[int(np.argmin(estimated))]
        low = lower(_root(float(proved.min())), f"all {len(every)} supports")
        return Interval(low, pencil.upper(a, best, "all supports"), True)
    best = _search(a, s, lambda T: np.asarray(np.linalg.eigvalsh(pencil.grams(T))[:, 0]), limit)
    low = _from_all(a, K, error, min(n, s + sizes.size))
    return Interval(low, pencil.upper(a, best, "search over supports"), False)


def best_sparse_fit(A: ArrayLike, y: ArrayLike, s: int, limit: int = LIMIT) -> Array | None:
    """An s-sparse x that minimizes |A x - y|, by enumeration, shape (n,); None if there are more than `limit` supports.

    >>> best_sparse_fit([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]], [2.0, 2.0], 1).round(12).tolist()
    [0.0, 0.0, 2.0]
    """
    a, data = np.asarray(A, dtype=np.float64), np.asarray(y, dtype=np.float64)
    n = a.shape[1]
    if math.comb(n, _sparsity(s, n)) > limit:
        return None
    every = supports(n, s)
    K, back = a.T @ a, a.T @ data
    inverse = np.linalg.pinv(K[every[:, :, None], every[:, None, :]], hermitian=True)
    explained = np.einsum("ti,tij,tj->t", back[every], inverse, back[every])
    x, best = np.zeros(n), every[int(np.argmax(explained))]
    x[best] = np.linalg.lstsq(a[:, best], data, rcond=None)[0]
    return x


class _Pencil:
    """Gram matrices of A on span(e_T, xbar outside T), of order s + 1, for all T of a stack at once."""

    def __init__(self, K: Array, xbar: Array) -> None:
        self.K, self.xbar = K, xbar
        self.top = 2.0 * float(np.trace(K))

    def grams(self, T: Supports) -> Array:
        """Shape (N, s + 1, s + 1). Where xbar lies within T the last direction is none: its entry is 2 tr(K), no minimum."""
        count, s = T.shape
        b = np.repeat(self.xbar[None, :], count, axis=0)
        np.put_along_axis(b, T, 0.0, axis=1)
        length = np.linalg.norm(b, axis=1)
        b /= np.where(length > 0, length, 1.0)[:, None]
        images = b @ self.K
        G = np.empty((count, s + 1, s + 1))
        G[:, :s, :s] = self.K[T[:, :, None], T[:, None, :]]
        G[:, :s, s] = G[:, s, :s] = np.take_along_axis(images, T, axis=1)
        G[:, s, s] = np.where(length > 0, np.einsum("ti,ti->t", images, b), self.top)
        return G

    def error(self, error: Fraction) -> Fraction:
        """Of these matrices, in norm, K being within `error` of A'A.

        The direction b/|b| is off by gamma_(n+5) in length at most (norm, division), so that a Gram matrix moves by less than
        3 gamma_(n+5) |A|^2. Products with K, then with b, in doubles: gamma_n |b| | |K| | each, | |K| | <= tr(K) + error.
        Below 16 gamma_(2n+8) tr in all, and within `error` (1 + ...) of the exact K. No product vanishes but where it
        is below ETA times 2^700, the entries of b being above 1e-200.
        """
        n = len(self.K)
        trace = Fraction(self.top) + n * error
        return 2 * error + 16 * gamma(2 * n + 8) * trace + n * n * ETA * 2**700

    def upper(self, A: Array, T: Supports, how: str) -> Bound:
        """|A z|/|z| for a z of that span."""
        w = np.linalg.eigh(self.grams(T[None, :])[0])[1][:, 0]
        outside = self.xbar.copy()
        outside[T] = 0.0
        z = np.zeros(A.shape[1])
        if outside.any() and abs(w[-1]) > 1e-8:  # else the limit, which is a point of the closure
            z = outside
            w = w * (np.linalg.norm(outside) / w[-1])
        z[T] = w[:-1]
        return upper(quotient_upper(A, z), how)


def _sparsity(s: int, n: int) -> int:
    integer("s", s, 1)
    if s > n:
        raise ValueError(f"s = {s} nonzero entries of {n}")
    return s


def _root(square: float) -> float:
    return sqrt_below(Fraction(square))


def _of_support(A: Array, K: Array, support: Supports, how: str) -> Bound:
    """|A z|/|z| for the z on this support that minimizes it."""
    z = np.zeros(A.shape[1])
    z[support] = np.linalg.eigh(K[np.ix_(support, support)])[1][:, 0]
    return upper(quotient_upper(A, z), how)


def _from_all(A: Array, K: Array, error: Fraction, size: int) -> Bound:
    """A lower bound for every set of `size` columns: sigma_min(A), or Gershgorin's discs with the largest entries of each row."""
    m, n = A.shape
    found = lower(0.0, "nothing proved")
    if m >= n and (whole := sigma_min_lower(A)) > 0:
        found = lower(whole, "sigma_min(A)")
    off = np.abs(K)
    np.fill_diagonal(off, 0.0)
    largest = np.sort(off, axis=1)[:, n - size + 1 :] if size > 1 else np.zeros((n, 1))
    disc = min(
        Fraction(float(K[i, i])) - sum(map(Fraction, largest[i].tolist()), Fraction(0)) for i in range(n)
    ) - error  # fmt: skip
    value = sqrt_below(disc)
    return lower(value, "Gershgorin's discs of the Gram matrix") if value > found.value else found


def _search(A: Array, size: int, smallest: Callable[[Supports], Array], limit: int) -> Supports:
    """A support whose smallest eigenvalue no exchange of one index lowers, or the best so far after `limit` supports.

    Starts: the largest entries of the vectors on which A is smallest, and of the rows of the coherence; random ones.
    """
    n = A.shape[1]
    directions = np.linalg.svd(A)[2][::-1][:4]
    columns = A / np.linalg.norm(A, axis=0)
    coherence = np.abs(columns.T @ columns)
    rng = np.random.default_rng(0)  # every support is a proof
    starts = [
        *np.abs(directions),
        *rng.random((_RANDOM, n)),
        *coherence[np.argsort(-np.sort(coherence, axis=1)[:, -2])[:4]],
    ]
    best, value, looked = np.arange(size), math.inf, 0
    for weights in starts:
        T = np.sort(np.argsort(-weights, kind="stable")[:size])
        here = float(smallest(T[None, :])[0])
        looked += 1
        rest = np.setdiff1d(np.arange(n), T)
        while rest.size and looked < limit:
            trial = np.repeat(T[None, :], size * rest.size, axis=0)
            trial[np.arange(len(trial)), np.repeat(np.arange(size), rest.size)] = np.tile(rest, size)
            values = smallest(trial)
            looked += len(trial)
            at = int(np.argmin(values))
            if not values[at] < here * (1 - 1e-12) - 1e-300:
                break
            T, here = np.sort(trial[at]), float(values[at])
            rest = np.setdiff1d(np.arange(n), T)
        if here < value:
            best, value = T, here
    return best
