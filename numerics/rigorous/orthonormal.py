"""How far columns are from orthonormal."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from numerics.rigorous.arrays import doubles, largest
from numerics.rigorous.gram import gram
from numerics.rigorous.largest import opnorm_upper
from numerics.rigorous.machine import UNIT
from numerics.rigorous.norms import norm_upper
from numerics.rigorous.outward import above

__all__ = ["orthonormality_defect"]


def orthonormality_defect(Y: ArrayLike) -> float:
    """Upper bound of ||Y'Y - I|| (spectral norm) for Y (n x p), p <= n.

    K is within `gap` of Y'Y; K - I carries one rounding on its diagonal, at most u/(1 - u) <= 2u of what comes out (a
    difference from 1 is never subnormal), the rest none: ||Y'Y - I|| <= (1 + 2u) ||fl(K - I)||_F + gap, or the spectral
    norm of it where the Frobenius norm is far from small.

    >>> orthonormality_defect(np.array([[0.6, -0.8], [0.8, 0.6]])) < 1e-15
    True
    """
    a = doubles("the matrix", Y)
    top = largest(a)
    if not 2.0**-100 <= top <= 2.0**100:
        return math.inf if top > 1 else 1.0  # ||Y'Y - I|| <= 1 whenever ||Y|| <= 1
    K, gap = gram(np.ascontiguousarray(a.T))
    K[np.diag_indices(len(K))] -= 1.0
    size = norm_upper(K)
    if 1e-3 < size < 1e3:
        size = min(size, opnorm_upper(K))
    return above(Fraction(size) * (1 + 2 * UNIT) + gap)
