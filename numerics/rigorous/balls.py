"""A smallest singular value in ball arithmetic: for small matrices that are too ill-conditioned for doubles."""

from __future__ import annotations

import math
from fractions import Fraction

import flint
import numpy as np

from numerics.rigorous.largest import opnorm_upper
from numerics.rigorous.machine import Array
from numerics.rigorous.outward import sqrt_below, up

__all__ = ["sigma_min_balls"]


def sigma_min_balls(S: Array) -> Fraction:
    """Lower bound of sigma_min(S) = ||(SS')^-1||^(-1/2), S (p x k), p <= k, the inverse enclosed in Arb balls.

    The entries of the inverse are brought to size 1 by 2^-e and written as doubles plus a radius, the sum of which
    bounds the norm of what is left. 0 if 4096 bits do not tell SS' from a singular matrix.

    >>> float(sigma_min_balls(np.array([[1.0, 1.0], [1.0, 1.0 + 2.0**-40]]))) * 2**41 > 0.999
    True
    """
    p, k = S.shape
    for bits in (256, 1024, 4096):
        with flint.ctx.workprec(bits):
            A = flint.arb_mat(p, k, [flint.arb(x) for x in S.ravel().tolist()])
            try:
                entries = (A * A.transpose()).inv().entries()
            except ZeroDivisionError:  # not enough digits to tell it from a singular matrix
                continue
            sizes = [float(abs(x).log().mid()) for x in entries if not x.contains(0)]
            if not sizes:
                continue
            e = math.ceil(max(sizes) / math.log(2))
            entries = [x * flint.arb(2) ** -e for x in entries]
            middle = [float(x.mid()) for x in entries]
            radius = sum((abs(x - flint.arb(c)) for x, c in zip(entries, middle, strict=True)), flint.arb(0))
            miss = up(float(radius.upper()))
        if not (math.isfinite(miss) and miss < 2.0**-30):
            continue
        norm = Fraction(opnorm_upper(np.array(middle).reshape(p, p), miss))
        # sqrt of 2^-e / norm with e made even first, so that the root never leaves the range of doubles
        half, odd = divmod(-e, 2)
        return Fraction(sqrt_below(Fraction(2) ** odd / norm)) * Fraction(2) ** half
    return Fraction(0)
