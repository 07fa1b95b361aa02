"""Discrete Fourier transforms with a proved error: direct sums as matrix products with certified twiddle factors.

An FFT is faster, but its error depends on the library's factorization and tables, which nobody has proved. The direct
row-column form costs N1 q1 q2 + N1 N2 q1 products for q1 x q2 samples: nothing beside a singular value decomposition.

A real periodic convolution is F' diag(t) F with F unitary and t the transform of its kernel: its singular values are
|t|, all of them, so that the smallest and largest of the enclosures bound sigma_min and the spectral norm
(:func:`convolution_moduli`); one enclosure a frequency, whatever the condition.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

import flint
import numpy as np
from numpy.typing import NDArray

from numerics.rigorous.arrays import largest
from numerics.rigorous.machine import Array, current, gamma
from numerics.rigorous.outward import above

__all__ = ["convolution_moduli", "direct_dft", "modulus", "twiddles"]


@lru_cache(maxsize=32)
def twiddles(n: int) -> tuple[Array, Array]:
    """cos(2 pi j / n) and sin(2 pi j / n), j < n, each within 2^-53 of the truth and at most 1 in modulus.

    Ball arithmetic at 80 bits, rounded to nearest: half a unit in the last place of a number <= 1 is at most 2^-54.

    >>> c, s = twiddles(4)
    >>> c.tolist(), s.tolist()
    ([1.0, 0.0, -1.0, 0.0], [0.0, 1.0, 0.0, -1.0])
    """
    with flint.ctx.workprec(80):
        pairs = [(flint.arb(2 * j) / n).sin_cos_pi() for j in range(n)]
        cos = np.array([float(c.mid()) for _, c in pairs])
        sin = np.array([float(s.mid()) for s, _ in pairs])
    cos.setflags(write=False)
    sin.setflags(write=False)
    return cos, sin


def _waves(n: int, frequencies: NDArray[np.integer], offsets: NDArray[np.integer]) -> tuple[Array, Array]:
    cos, sin = twiddles(n)
    index = np.outer(frequencies, offsets) % n
    return cos[index], sin[index]


def direct_dft(
    values: Array, offsets: tuple[NDArray[np.integer], ...], shape: tuple[int, ...]
) -> tuple[Array, Array, float]:
    """(re, im, e): sum_j values[j] exp(-2 pi i <w, offset_j / shape>) for every frequency w, e bounding either part's
    error.

    values: (q,) or (q1, q2), sampled at the integer positions `offsets` of each axis; result of shape `shape`.

    Proof of e. Twiddles c~ = c + d with |d| <= u, |c~| <= 1, |c| <= 1: |c~1 c~2 - c1 c2| <= 2u, so a real or imaginary
    part of the product of two waves (two such terms) is within 4u of its exact value and the moduli of its terms sum
    to at most |c1||c2| + |s1||s2| + 4u <= 1 + 4u. Inner sums take q2 roundings a term (one product, q2 - 1 sums),
    outer ones q1, their combination one: error <= ||values||_1 (4u + gamma_(q1+q2+1) (1 + 4u)) plus underflow. That is
    4 q2 eta (2 + max) an inner sum, times q1 terms of modulus <= 1 in each of two outer sums, which lose 4 q1 eta (2 +
    ||values||_1) each themselves, and eta: below 32 (q1 + 1)(q2 + 1) eta max(1, ||values||_1), doubled for later
    roundings. The computed ||values||_1 carries gamma_(q1 q2).

    >>> re, im, e = direct_dft(np.array([1.0, 1.0]), (np.arange(2),), (4,))
    >>> re.round(12).tolist(), (im + 0.0).round(12).tolist(), e < 1e-14
    ([2.0, 1.0, 0.0, 1.0], [0.0, -1.0, 0.0, 1.0], True)
    """
    if values.ndim == 1:
        re, im, e = direct_dft(values[None, :], (np.zeros(1, dtype=np.int64), offsets[0]), (1, shape[0]))
        return re[0], im[0], e
    (n1, n2), (q1, q2), machine = shape, values.shape, current()
    matmul, unit = machine.matmul, machine.unit
    c1, s1 = _waves(n1, np.arange(n1), offsets[0])
    re, im = np.empty((n1, n2)), np.empty((n1, n2))
    block = max(1, 4_000_000 // q2)
    for j in range(0, n2, block):
        c2, s2 = _waves(n2, np.arange(j, min(j + block, n2)), offsets[1])
        a, b = matmul(values, c2.T), matmul(values, s2.T)
        re[:, j : j + block] = matmul(c1, a) - matmul(s1, b)
        im[:, j : j + block] = -matmul(c1, b) - matmul(s1, a)
    total = Fraction(float(np.abs(values).sum())) / (1 - gamma(values.size))
    vanished = 64 * (q1 + 1) * (q2 + 1) * max(Fraction(1), total) * machine.tiny
    bound = total * (4 * unit + gamma(q1 + q2 + 1) * (1 + 4 * unit)) + vanished
    return re, im, above(bound)


def modulus(re: Array, im: Array, e: float) -> tuple[Array, Array]:
    """(lo, hi) with lo <= |z| <= hi for every z whose parts are within e of `re` and `im` (both below 2^500).

    sqrt(re^2 + im^2) carries 3 roundings at most (relative, below 4u) and underflow below 2^-500; |z - z^| <= sqrt(2)
    e.
    """
    with np.errstate(under="ignore"):
        size = np.sqrt(re * re + im * im)
    miss = above(Fraction(3, 2) * Fraction(e) + Fraction(1, 2**500))
    u = 2.0**-50  # more than the 4u above and the roundings of the products below together
    lo = np.nextafter(size * (1 - u) - miss, -math.inf)
    return np.maximum(0.0, lo), np.nextafter(size * (1 + u) + miss, math.inf)


def convolution_moduli(
    taps: Array, offsets: tuple[NDArray[np.integer], ...], shape: tuple[int, ...]
) -> tuple[Array, Array]:
    """(lo, hi): enclosures of all singular values of the periodic convolution with `taps`, one a frequency.

    taps (q,) or (q1, q2), not all zero, at the integer positions `offsets` of each axis of a grid of shape `shape`, (n,)
    or (n1, n2); the result has that shape. Taps are brought near 1 by a power of two: no underflow in squares, and exact
    (entries 2^-1000 below the largest may lose eta, which is within the error of the transform).

    >>> lo, hi = convolution_moduli(np.array([2.0, 1.0]), (np.array([0, 1]),), (4,))
    >>> bool(1.0 - 1e-14 < lo.min() <= 1.0 and 3.0 <= hi.max() < 3.0 + 1e-14)
    True
    """
    e = math.frexp(largest(taps))[1]
    with np.errstate(under="ignore"):
        re, im, miss = direct_dft(np.ldexp(taps, -e), offsets, shape)
        lo, hi = modulus(re, im, miss)
        # multiplying back may leave the normal range: one step outward, which is nothing where it does not
        return np.maximum(0.0, np.nextafter(np.ldexp(lo, e), -np.inf)), np.nextafter(np.ldexp(hi, e), np.inf)
