"""S S' with a bound of its rounding error."""

from __future__ import annotations

from fractions import Fraction

from numerics.rigorous.arrays import largest
from numerics.rigorous.machine import Array, current, gamma
from numerics.rigorous.norms import CHUNK, sum_of_squares

__all__ = ["gram"]


def gram(S: Array) -> tuple[Array, Fraction]:
    """(K, e) with ||K - S S'||_F <= e, and the same for either triangle of K mirrored onto the other; max|S| <= 2^100.

    The k columns are split into c chunks of at most q: an entry is a sum of c dot products of length <= q, hence
    |K_ij - (SS')_ij| <= gamma_(q+c) |s_i|'|s_j| + underflow <= gamma_(q+c) ||s_i|| ||s_j|| + underflow, and the
    Frobenius norm of (||s_i|| ||s_j||) is ||S||_F^2. Underflow of an entry: 4k eta (1 + 2 max|S|) for the dot products
    and c eta for the c sums, doubled for the roundings that follow: below 6k eta (1 + 2 max|S|).

    >>> import numpy as np
    >>> K, e = gram(np.array([[1.0, 2.0], [0.0, 1.0]]))
    >>> K.tolist(), float(e) < 1e-14
    ([[5.0, 2.0], [2.0, 1.0]], True)
    """
    m = current()
    p, k = S.shape
    q = min(max(CHUNK, p), 1024, k)  # the Cholesky bound costs gamma_(p+3) anyway
    K = m.matmul(S[:, :q], S[:, :q].T)
    for j in range(q, k, q):
        T = S[:, j : j + q]
        K = m.add(K, m.matmul(T, T.T))
    top = Fraction(largest(S))
    return K, gamma(q + -(-k // q)) * sum_of_squares(S)[1] + 6 * p * k * (1 + 2 * top) * m.tiny
