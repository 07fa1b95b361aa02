"""A largest singular value from above."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from numerics.rigorous.arrays import matrix, perturbation, scaled, wide
from numerics.rigorous.cholesky import exceeds
from numerics.rigorous.eigen import eigenvalue
from numerics.rigorous.gram import gram
from numerics.rigorous.machine import UNIT, gamma
from numerics.rigorous.norms import norm_upper
from numerics.rigorous.outward import above, root_above, sqrt_above
from numerics.rigorous.structure import orthogonal_rows

__all__ = ["opnorm_upper"]


def opnorm_upper(S: ArrayLike, error: float = 0.0) -> float:
    """Certified upper bound of the largest singular value of S + E, for every ||E|| <= error.

    If mu I - K is positive definite for the computed Gram matrix K (S S' or S'S, whichever is smaller), within `gap` of
    the true one, then ||S||^2 < mu + gap (Weyl). -K and mu - K_ii, rounded to nearest and one step down, are no larger
    than mu I - K, so it is enough to prove that matrix positive definite (:mod:`.cholesky`); mu is just above the
    largest eigenvalue. The Frobenius norm is the fallback. Orthogonal rows are told exactly (:mod:`.structure`).

    Raises ValueError for NaN, infinite, complex or empty input.

    >>> 2.0 <= opnorm_upper([[1.0, 0.0, 0.0], [0.5, 2.0, 0.0]]) <= 2.14
    True
    >>> opnorm_upper(np.eye(3))
    1.0
    """
    a, extra = matrix(S), perturbation(error)
    if extra is None:
        return math.inf
    a = wide(a)
    b, e, r = scaled(np.ascontiguousarray(a))
    if (known := orthogonal_rows(a)) is not None:
        return above(root_above(known[1]) + extra)
    best = Fraction(norm_upper(b))
    if b.shape[0] > 1 and b.any():
        with np.errstate(under="ignore"):
            K, gap = gram(b)
            p = len(K)
            top = eigenvalue(K, p - 1)
            doubt = float(gamma(p + 3)) * (p * top - float(np.trace(K))) + 4 * p * float(UNIT) * top
            for factor in (1.02, 1.5, 3.0, 10.0, 100.0):
                mu = top + factor * doubt
                A = -K
                A[np.diag_indices(p)] = np.nextafter(mu - np.diagonal(K), -np.inf)
                if exceeds(A, Fraction(0)):
                    best = min(best, Fraction(sqrt_above(Fraction(mu) + gap)))
                    break
    return above((best + r) * Fraction(2) ** e + extra)
