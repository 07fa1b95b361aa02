"""Rounding outward: exact rational arithmetic becomes a double once, at the end, on the safe side."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

__all__ = ["above", "below", "down", "root_above", "root_below", "sqrt_above", "sqrt_below", "up"]


def up(x: float) -> float:
    """The next double above `x`: makes a result rounded to nearest an upper bound.

    >>> up(1.0) == 1.0 + 2.0**-52
    True
    """
    return math.nextafter(x, math.inf)


def down(x: float) -> float:
    """The next double below `x`: makes a result rounded to nearest a lower bound.

    >>> down(1.0) == 1.0 - 2.0**-53
    True
    """
    return math.nextafter(x, -math.inf)


def above(x: Fraction) -> float:
    """The smallest double at or above a rational (inf beyond the largest one).

    >>> above(Fraction(1, 3)) == up(1 / 3), above(Fraction(1, 4))
    (True, 0.25)
    """
    try:
        f = float(x)
    except OverflowError:
        return math.inf if x > 0 else -float(np.finfo(float).max)
    return f if f == math.inf or Fraction(f) >= x else up(f)


def below(x: Fraction) -> float:
    """The largest double at or below a rational.

    >>> below(Fraction(1, 3)) == 1 / 3
    True
    """
    return -above(-x)


def sqrt_above(x: Fraction) -> float:
    """A double at or above the root of a rational, 0 for x <= 0.

    math.sqrt is correctly rounded, so one step up is enough; above() keeps the argument on the right side.

    >>> Fraction(sqrt_above(Fraction(2))) ** 2 > 2
    True
    """
    return up(math.sqrt(above(x))) if x > 0 else 0.0


def sqrt_below(x: Fraction) -> float:
    """A double (>= 0) at or below the root of a rational, 0 for x <= 0.

    >>> Fraction(sqrt_below(Fraction(2))) ** 2 < 2
    True
    """
    return max(0.0, down(math.sqrt(below(x)))) if x > 0 else 0.0


def root_below(x: Fraction) -> Fraction:
    """The root of a rational >= 0 from below, in integers: exact where it is a dyadic number, else to 128 bits at least.

    No exponent is out of range, which sqrt_below cannot say.

    >>> root_below(Fraction(9, 4)), root_below(Fraction(2)) ** 2 < 2
    (Fraction(3, 2), True)
    """
    shift = x.denominator.bit_length() + 128
    return Fraction(math.isqrt((x.numerator << 2 * shift) // x.denominator), 1 << shift)


def root_above(x: Fraction) -> Fraction:
    """The same from above.

    >>> root_above(Fraction(9, 4)), root_above(Fraction(2)) ** 2 > 2
    (Fraction(3, 2), True)
    """
    low = root_below(x)
    return low if low * low == x else low + Fraction(1, 1 << (x.denominator.bit_length() + 128))
