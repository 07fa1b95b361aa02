"""Matrices whose singular values are known exactly: selections of entries, diagonals, scaled isometries.

If the rows of S are orthogonal, S S' = diag(||s_i||^2) and the singular values are the norms of the rows. Two cases
are recognized, at the price of looking at every entry once:

one entry a line    at most one nonzero in every row and column: the identity, subsampling, signed permutations,
                    diagonal matrices, and any of these scaled; ||s_i||^2 is the square of one double
integer rows        entries that are integers of at most b bits times one power of two, k 4^b <= 2^52: no product and no
                    partial sum of S S' is rounded, in any order, so that it can be seen to be diagonal: Hadamard and
                    Haar matrices, integer multiples of isometries, rows scaled by small integers
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from numerics.rigorous.arrays import largest
from numerics.rigorous.machine import Array, current, exact_bits

__all__ = ["orthogonal_rows"]


def orthogonal_rows(S: Array) -> tuple[Fraction, Fraction] | None:
    """(smallest, largest) ||s_i||^2 over the rows of S (p x k), p <= k, if these are seen to be orthogonal, else None.

    Exact numbers: the squares of the smallest of the p singular values and of the largest.

    >>> orthogonal_rows(np.eye(5)[[3, 1]])
    (Fraction(1, 1), Fraction(1, 1))
    >>> orthogonal_rows(np.array([[3.0, 3.0], [-2.0, 2.0]]))
    (Fraction(8, 1), Fraction(18, 1))
    >>> orthogonal_rows(np.array([[3.0, 3.0], [-2.0, 2.5]]))
    """
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        # a first look, in floating point, tells most matrices
        if len(S) > 1 and (S[0] @ S[1] != 0.0 or (S[1:] @ S[0]).any()):
            return None
    known = _one_entry_a_line(S) or _integer_rows(S)
    return None if known is None else (min(known), max(known))


def _one_entry_a_line(S: Array) -> list[Fraction] | None:
    if np.count_nonzero(S) > len(S):
        return None
    rows, columns = np.nonzero(S)
    if np.unique(rows).size < rows.size or np.unique(columns).size < columns.size:
        return None
    squares = [Fraction(x) ** 2 for x in S[rows, columns].tolist()]
    return squares + [Fraction(0)] * (len(S) - rows.size)


def _integer_rows(S: Array) -> list[Fraction] | None:
    top, bits = largest(S), exact_bits(S.shape[1])
    if top == 0.0 or bits < 1:
        return None
    e = math.frexp(top)[1] - bits
    with np.errstate(under="ignore"):
        for part in (S[:1], S):  # most matrices are told by their first row
            T = np.ldexp(part, -e)
            if not (np.array_equal(T, np.rint(T)) and np.array_equal(np.ldexp(T, e), part)):
                return None
    K = current().matmul(T, T.T)
    squares = np.diagonal(K).copy()
    K[np.diag_indices(len(K))] = 0.0
    return None if K.any() else [Fraction(x) * Fraction(4) ** e for x in squares.tolist()]
