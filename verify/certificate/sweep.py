"""One pass over the output weights in blocks of neurons: Gram matrices, norms of the columns, the output of the network.

V (k × n, neurons as rows) may be large; nothing of its size is made. Every result comes with a bound of its rounding error;
the model of the machine and the bounds of products are those of :mod:`numerics.rigorous`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from numerics.rigorous import gamma, matmul_error, norm_upper

from .linear import Whitening
from .subject import Subject

Array = NDArray[np.float64]

#: Neurons in a block: short enough for the rounding of partial sums to stay small, long enough for BLAS to run fast.
BLOCK = 512
_U = 2.0**-53
_TINY = 2.0**-1022
_UP, _DOWN = 1 + 2.0**-44, 1 - 2.0**-44


def loss_of(terms: int) -> float:
    """gamma_terms as a double, from above."""
    return float(gamma(terms)) * _UP


@dataclass(frozen=True)
class Sweep:
    """What one pass gives; B = N R exactly (the identity without R), D = diag φ'(a).

    K (p × p): |K - B V D² V'B'|_F <= K_error. columns, columns_below: |B v_i| from above and below, shape (k,).
    full: |v_i| from above, shape (k,). output, output_error: g(θ) and its error, entry by entry, shape (n,).
    """

    K: Array
    K_error: Fraction
    columns: Array
    columns_below: Array
    full: Array
    output: Array
    output_error: Array


def blocks(k: int) -> Iterator[slice]:
    """The neurons, block by block."""
    for start in range(0, k, BLOCK):
        yield slice(start, min(start + BLOCK, k))


def restricted(V: Array, white: Whitening | None) -> tuple[Array, float]:
    """(V B' in floating point, its Frobenius error against the exact B = N R), for a block of neurons V (q × n)."""
    if white is None:
        return V, 0.0
    return V @ white.B.T, (matmul_error(V, white.B.T) + white.error * norm_upper(V)) * _UP


def sweep(subject: Subject, white: Whitening | None) -> Sweep:
    """The pass; `white` is the whitening of R, None if R is absent (or has none: then everything is about V itself)."""
    k, n = subject.k, subject.n
    p = n if white is None else subject.p
    phi, phi_error, slope, slope_error = subject.enclosed
    gram = Gram(p)
    above, below, full = np.empty(k), np.empty(k), np.empty(k)
    output, absolute, inexact = np.zeros(n), np.zeros(n), np.zeros(n)
    # |fl(B v) - N R v| <= off |v| + underflow
    off = 0.0 if white is None else (loss_of(n) * norm_upper(white.B) + white.error) * _UP
    for at in blocks(k):
        V, d, e = subject.V[at], slope[at], slope_error[at]
        BV, error = restricted(V, white)
        full[at] = row_norms(V)
        size = row_norms(BV)
        miss = off * full[at] + (n * p * _TINY if white is not None else 0.0)
        above[at] = size + miss
        # row_norms adds what underflow may have hidden, at most √(5pη): 0 is the bound of a row that small
        below[at] = np.maximum(size * (1 - 2 * loss_of(p + 8)) - miss - 3 * math.sqrt(p * _TINY), 0.0) * _DOWN
        S = BV * d[:, None]
        # the product with d is rounded; φ' is within e of d; B V within `error`
        unsure = error * float((np.abs(d) + e).max()) + norm_upper(above[at] * e) + 2 * _U * norm_upper(S)
        gram.add(S, unsure * _UP + S.size * _TINY)
        output += V.T @ phi[at]
        magnitudes = np.abs(V)
        absolute += magnitudes.T @ (np.abs(phi[at]) + phi_error[at])
        inexact += magnitudes.T @ phi_error[at]
    terms = BLOCK + gram.count + 16
    root = math.sqrt(k)
    spread = (absolute * (2 * loss_of(terms)) + inexact * (1 + 2 * loss_of(terms))) / root * _UP + k * _TINY
    return Sweep(gram.K, gram.error(), above * _UP, below, full * _UP, output / root, spread)


class Gram:
    """K = Σ S'S over blocks S (q × p), with the Frobenius error of K against the sum for the exact blocks."""

    def __init__(self, p: int) -> None:
        self.K = np.zeros((p, p))
        self.count = 0
        self._rows = 0
        self._squares = Fraction(0)
        self._unsure = Fraction(0)
        self._top = Fraction(0)

    def add(self, S: Array, unsure: float) -> None:
        """One more block, itself within `unsure` (Frobenius) of the exact one."""
        self.K += S.T @ S
        self.count += 1
        self._rows = max(self._rows, len(S))
        self._squares += Fraction(norm_upper(S)) ** 2
        self._unsure += Fraction(unsure) ** 2
        self._top = max(self._top, Fraction(float(np.abs(S).max())))

    def error(self) -> Fraction:
        """Rounding: gamma of (rows of a block + blocks) times |S|_F², underflow as in :mod:`numerics.rigorous`; inexact
        blocks: |S S' - Ŝ Ŝ'| <= (2|Ŝ|_F + e) e, e² the sum of the squares of their errors."""
        p, q = len(self.K), self._rows * self.count
        tiny = Fraction(_TINY) * 6 * p * q * (1 + 2 * self._top)
        size = Fraction(math.sqrt(float(self._squares)) * _UP)
        unsure = Fraction(math.sqrt(float(self._unsure)) * _UP + _TINY)
        return gamma(self._rows + self.count + 1) * self._squares + tiny + (2 * size + unsure) * unsure


def row_norms(M: Array) -> Array:
    """Upper bounds of the norms of the rows, shape (rows,); entries within 2^±500."""
    n = M.shape[1]
    with np.errstate(under="ignore"):
        squares = np.einsum("ij,ij->i", M, M)
    return np.sqrt(squares * (1 + 2 * loss_of(n + 4)) + 4 * n * _TINY) * _UP
