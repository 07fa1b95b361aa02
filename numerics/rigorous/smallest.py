"""A smallest singular value from below: the cheapest proof that is sharp enough, or the one that is asked for."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from numerics.rigorous.arrays import matrix, perturbation, scaled, wide
from numerics.rigorous.balls import sigma_min_balls
from numerics.rigorous.cholesky import exceeds
from numerics.rigorous.eigen import largest_shift
from numerics.rigorous.gram import gram
from numerics.rigorous.machine import Array
from numerics.rigorous.norms import norm_lower
from numerics.rigorous.outward import below, root_below, sqrt_below
from numerics.rigorous.qr import sigma_min_qr
from numerics.rigorous.residual import exceeds_by_residual
from numerics.rigorous.structure import orthogonal_rows

__all__ = ["Method", "sigma_min_lower"]

Method = Literal["auto", "exact", "cholesky", "residual", "qr", "balls"]
_FEW = 64  # rows up to which a matrix that is too ill-conditioned for doubles is handed to ball arithmetic


def sigma_min_lower(S: ArrayLike, error: float = 0.0, method: Method = "auto") -> float:
    """Certified lower bound (>= 0) of the smallest of the min(p, k) singular values of S + E, for every ||E|| <= error.

    `error` bounds the spectral norm of E (a Frobenius bound will do, being larger). Methods, any of which may be asked
    for by name (what a single one cannot prove is 0):

    exact      rows (or columns) that are seen to be orthogonal (:mod:`.structure`): no error but the last rounding
    cholesky   one product S S', one eigenvalue computation of order min(p, k), one to four Cholesky factorizations
    residual   the same, and one more product: nothing is trusted but products of matrices (:mod:`.residual`)
    qr         for condition numbers up to 2^40 and beyond (:mod:`.qr`)
    balls      ball arithmetic: small matrices of any condition (:mod:`.balls`)
    auto       exact if possible, else Cholesky; where squaring loses more than 1e-4 of the value the QR proof, then for
               small matrices ball arithmetic; the best value proved

    Raises ValueError for NaN, infinite, complex or empty input and an unknown method.

    >>> 1.0 - 1e-12 <= sigma_min_lower([[2.0, 1.0], [1.0, 2.0]]) <= 1.0
    True
    >>> sigma_min_lower([[3.0, 0.0, 0.0], [0.0, -2.0, 0.0]])
    2.0
    """
    a, extra = matrix(S), perturbation(error)
    if method not in get_args(Method):
        raise ValueError(f"unknown method {method!r}; choose one of {', '.join(get_args(Method))}")
    if extra is None:
        return 0.0
    a = wide(a)
    b, e, r = scaled(np.ascontiguousarray(a))
    if not b.any():
        return 0.0
    with np.errstate(under="ignore"):
        if method in ("auto", "exact") and (known := orthogonal_rows(a)) is not None:
            return max(0.0, below(root_below(known[0]) - extra))
        if a.shape[0] == 1 and method == "auto":
            return norm_lower(a, error)
        best = _auto(b) if method == "auto" else _named(b, method)
    return max(0.0, below((best - r) * Fraction(2) ** e - extra))


def _auto(b: Array) -> Fraction:
    K, gap = gram(b)
    square, estimate = largest_shift(K, gap)
    best = Fraction(sqrt_below(Fraction(square)))
    if square < (1 - 2e-4) * (estimate + 2 * float(gap)) or square == 0.0:
        proved, guess = sigma_min_qr(b)
        best = max(best, proved)
        small = b.shape[0] <= _FEW and b.shape[0] * b.size <= 2_000_000
        if small and (guess == 0 or best < Fraction(99, 100) * guess):
            best = max(best, sigma_min_balls(b))
    return best


def _named(b: Array, method: Method) -> Fraction:
    if method == "exact":
        return Fraction(0)
    if method == "qr":
        return sigma_min_qr(b)[0]
    if method == "balls":
        return sigma_min_balls(b)
    K, gap = gram(b)
    square, _ = largest_shift(K, gap, exceeds if method == "cholesky" else exceeds_by_residual)
    return Fraction(sqrt_below(Fraction(square)))
