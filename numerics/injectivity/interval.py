"""A constant of injectivity, from both sides."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.bound import Bound, exact
from numerics.rigorous import above, matvec, norm_lower, norm_upper
from numerics.rigorous.arrays import largest, matrix

__all__ = ["Interval", "checked", "quotient_upper"]

Array = NDArray[np.float64]
_LARGEST = 2.0**100  # as in numerics.rigorous: squares neither overflow nor matter where they vanish


@dataclass(frozen=True)
class Interval:
    """lower.value <= the constant <= upper.value, both proved; `complete`: every case was looked at, so that they are close.

    >>> Interval(exact(0.0, "fewer rows than columns"), exact(0.0, "fewer rows than columns"), True).contains(0.0)
    True
    """

    lower: Bound
    upper: Bound
    complete: bool

    def __post_init__(self) -> None:
        if self.lower.as_lower() > self.upper.as_upper():
            raise ArithmeticError(f"{self.lower} is above {self.upper}")

    def contains(self, value: float) -> bool:
        """Whether a number lies in it."""
        return self.lower.value <= value <= self.upper.value

    @classmethod
    def zero(cls, how: str) -> Interval:
        """The constant is 0."""
        return cls(exact(0.0, how), exact(0.0, how), True)


def checked(A: ArrayLike) -> Array:
    """A as a matrix of doubles of moderate size; ValueError otherwise."""
    a = np.ascontiguousarray(matrix(A))
    if largest(np.abs(a)) > _LARGEST:
        raise ValueError("entries of A beyond 2^100: scale the problem")
    return a


def quotient_upper(A: Array, z: Array) -> float:
    """||A z||/||z|| from above, z != 0: every direction bounds an infimum over directions.

    >>> 1.0 <= quotient_upper(np.array([[1.0, 0.0]]), np.array([2.0, 0.0])) < 1.0 + 1e-12
    True
    """
    value, error = matvec(A, z)
    return above(Fraction(norm_upper(value, norm_upper(error))) / Fraction(norm_lower(z)))
