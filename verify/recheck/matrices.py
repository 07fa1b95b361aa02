"""Integer matrices with an exponent and a bound of their error; norms and singular values bounded by witnesses.

Balls (`arb`) contain the exact result. |X| is the spectral norm, |X|_F the Frobenius norm. A witness L, N or a parameter
mu, shift is trusted in nothing: each bound holds for all of them, and is good if they are well chosen.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from functools import cached_property
from operator import mul
from typing import Any

from flint import arb, fmpq, fmpz_mat

from .strict import need


# --- numbers ----------------------------------------------------------------------------------------------------------
def two(q: int) -> Any:
    """The exact ball 2^q."""
    return arb(2) ** q


def positive(x: Any) -> Any:
    """The lower end of a ball that contains a nonnegative number, at least 0."""
    low = x.lower()
    return low if low > 0 else arb(0)


def around(mid: Any, radius: Any) -> Any:
    """The ball of numbers within `radius` of a number in `mid`."""
    return mid + arb(0, 1) * radius.upper()


def norm_of(entries: list[Any]) -> Any:
    """Ball for the Euclidean norm of balls."""
    return sum((x * x for x in entries), arb(0)).sqrt()


def squares(row: list[int]) -> int:
    """The sum of the squares."""
    return sum(map(mul, row, row))


def length(row: list[int], q: int) -> Any:
    """Ball for the Euclidean norm of integers times 2^q."""
    return arb(squares(row)).sqrt() * two(q)


def exponent(top: float, bits: int) -> int:
    """q with top < 2^(q + bits)."""
    return math.frexp(top)[1] - bits


def integers(values: array[float], q: int) -> list[int]:
    """The integers x 2^(-q) cut towards zero: off by less than 1 each (scaling is exact as long as it does not underflow)."""
    if abs(q) <= 1000:
        scale = 2.0**-q
        return [int(x * scale) for x in values]
    return [int(math.ldexp(x, -q)) for x in values]


def to_integers(balls: list[Any], bits: int) -> tuple[list[int], int, Any]:
    """Integers X, q and an error: |X| < 2^bits, |x - X 2^q| <= error for every number of every ball x."""
    need(all(x.is_finite() for x in balls), "a value could not be enclosed")
    tops = [x.abs_upper() for x in balls]
    top = max((int(m.bit_length()) + int(e) for m, e in (t.man_exp() for t in tops) if m), default=0)
    q, result = max(top, -8000) - bits, []
    for x in balls:
        m, e = (int(part) for part in x.mid().man_exp())
        result.append(m << (e - q) if e >= q else m >> min(q - e, 10**5))  # off by less than 1
    return result, q, sum((x.rad() for x in balls), two(q)).upper()


# --- matrices ---------------------------------------------------------------------------------------------------------
def flat(M: Any) -> list[int]:
    """The entries of an integer matrix, row by row."""
    return [int(x) for x in M.entries()]


@dataclass
class Fix:
    """The matrix M 2^q, at most `err` (Frobenius) from the matrix that is meant."""

    M: Any
    q: int
    err: Any

    @classmethod
    def of(cls, values: array[float], rows: int, columns: int, bits: int) -> Fix:
        """Of doubles, cut `bits` below the largest: exact if the last bit of the smallest one is kept."""
        sizes = [abs(x) for x in values if x] or [1.0]
        last = max(math.frexp(min(sizes))[1] - 53, -1074)
        q = max(exponent(max(sizes), bits), last)
        err = arb(0) if q <= last else arb(len(values)).sqrt().upper() * two(q)
        return cls(fmpz_mat(rows, columns, integers(values, q)), q, err)

    @classmethod
    def column(cls, balls: list[Any], bits: int = 120) -> Fix:
        """The vector of these balls."""
        X, q, each = to_integers(balls, bits)
        return cls(fmpz_mat(len(X), 1, X), q, (each * arb(len(X)).sqrt()).upper())

    @cached_property
    def norm(self) -> Any:
        """|M 2^q|_F from above."""
        return length(flat(self.M), self.q).upper()

    @property
    def size(self) -> Any:
        """The Frobenius norm of the matrix that is meant, from above."""
        return (self.norm + self.err).upper()

    @property
    def T(self) -> Fix:
        """The transpose."""
        return Fix(self.M.transpose(), self.q, self.err)

    @property
    def exact(self) -> Fix:
        """The matrix that is kept, taken for the one that is meant."""
        return Fix(self.M, self.q, arb(0))

    def __matmul__(self, other: Fix) -> Fix:
        # AB - A~B~ = (A - A~) B + A~ (B - B~)
        err = self.err * other.size + self.norm * other.err
        return Fix(self.M * other.M, self.q + other.q, err.upper())

    def __sub__(self, other: Fix) -> Fix:
        q = min(self.q, other.q)
        M = self.M * (1 << (self.q - q)) - other.M * (1 << (other.q - q))
        return Fix(M, q, (self.err + other.err).upper())

    def cut(self, bits: int) -> Fix:
        """Rounded so that the largest entry has so many bits."""
        entries = flat(self.M)
        drop = max((abs(x).bit_length() for x in entries), default=0) - bits
        if drop <= 0:
            return self
        lost = sum(1 for x in entries if x & ((1 << drop) - 1))  # x >> drop is off by less than 1, or exact
        err = (self.err + arb(lost).sqrt() * two(self.q + drop)).upper()
        return Fix(fmpz_mat(self.M.nrows(), self.M.ncols(), [x >> drop for x in entries]), self.q + drop, err)


def multiple(value: fmpq, size: int) -> tuple[Fix, Any]:
    """c I and c for a dyadic c within 2^-200 (relative) above `value`, which is a parameter that nobody trusts."""
    p, d = int(value.p), int(value.q)
    q = p.bit_length() - d.bit_length() - 200
    c = -((-p << max(0, -q)) // (d << max(0, q)))
    diagonal = [0] * (size * size)
    diagonal[:: size + 1] = [c] * size
    return Fix(fmpz_mat(size, size, diagonal), q, arb(0)), arb(c) * two(q)


def off_identity(X: Fix) -> Fix:
    """X - I."""
    return X - multiple(fmpq(1), X.M.nrows())[0]


def lower_norm(x: Fix) -> Any:
    """|x|_F from below (positive)."""
    low = (length(flat(x.M), x.q) - x.err).lower()
    need(low > 0, "a witness vector is zero")
    return low


# --- bounds by witnesses ----------------------------------------------------------------------------------------------
def ceiling(K: Fix, mu: fmpq, L: Fix) -> Any:
    """sqrt(lambda_max(K)) from above: K = mu I - L L' - E has lambda_max <= mu + |E|_F, since L L' >= 0."""
    scaled, c = multiple(mu, K.M.nrows())
    return (c + (scaled - K - L @ L.T).size).sqrt().upper()


def spectral(X: Fix, mu: fmpq, L: Fix) -> Any:
    """|X| from above."""
    return ceiling(X @ X.T, mu, L)


def floor_by_shift(K: Fix, shift: fmpq, L: Fix) -> Any:
    """sqrt(lambda_min(K)) from below: K = shift I + L L' + E gives lambda_min(K) >= shift - |E|_F."""
    scaled, c = multiple(shift, K.M.nrows())
    square = c - (K - scaled - L @ L.T).size
    need(square > 0, "the shifted matrix does not prove a positive bound")
    return square.sqrt().lower()


def floor_by_whitening(gap: Fix, N: Fix, mu: fmpq, L: Fix) -> Any:
    """sigma_min(X) from below by sqrt(1 - delta)/|N|, delta = |N X X' N' - I|_F = |gap|_F < 1.

    N is invertible, and z = N'w has |X'z| = |X'N'w| >= sqrt(1 - delta)|w| >= sqrt(1 - delta)|z|/|N|.
    """
    delta = gap.size
    need(delta < 1, "the whitened matrix is not within 1 of the identity")
    return ((1 - delta).sqrt() / spectral(N, mu, L)).lower()
