"""A number that knows on which side of the truth it lies.

Every constant that enters a guarantee is a :class:`Bound`: exact, a lower bound, an upper bound, or a mere estimate.
A guarantee asks for the side it needs (:meth:`Bound.as_lower`, :meth:`Bound.as_upper`) and an estimate answers
neither, so that no guarantee can rest on one by accident.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

Direction = Literal["exact", "lower", "upper", "estimate"]


@dataclass(frozen=True)
class Bound:
    """A float64 value, the side of the truth it lies on, and how it was obtained.

    >>> upper(2.0, "Frobenius norm").as_upper()
    2.0
    >>> estimate(2.0, "power iteration").as_upper()
    Traceback (most recent call last):
        ...
    TypeError: an upper bound is needed, but 2.0 is an estimate (power iteration)
    """

    value: float
    direction: Direction
    how: str

    def __post_init__(self) -> None:
        if math.isnan(self.value):
            raise ValueError(f"a bound cannot be NaN ({self.how})")

    def as_lower(self) -> float:
        """The value, if the truth is known to be at least that; TypeError otherwise."""
        if self.direction not in ("exact", "lower"):
            raise TypeError(f"a lower bound is needed, but {self.value} is an {self.direction} ({self.how})")
        return self.value

    def as_upper(self) -> float:
        """The value, if the truth is known to be at most that; TypeError otherwise."""
        if self.direction not in ("exact", "upper"):
            kind = "a lower bound" if self.direction == "lower" else f"an {self.direction}"
            raise TypeError(f"an upper bound is needed, but {self.value} is {kind} ({self.how})")
        return self.value

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary: value, direction, how."""
        return asdict(self)


def exact(value: float, how: str) -> Bound:
    """The truth itself, as a double."""
    return Bound(float(value), "exact", how)


def lower(value: float, how: str) -> Bound:
    """The truth is at least `value`."""
    return Bound(float(value), "lower", how)


def upper(value: float, how: str) -> Bound:
    """The truth is at most `value`."""
    return Bound(float(value), "upper", how)


def estimate(value: float, how: str) -> Bound:
    """Near the truth as far as one can tell; never enters a guarantee."""
    return Bound(float(value), "estimate", how)
