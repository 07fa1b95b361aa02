"""Families of runs known in closed form (or step by step), at any number of digits: one file a family.

A member, given by exact rationals, offers points in time whose values are mpf numbers under the names of
:mod:`theory.symbols`; what is next to a threshold or happens at t = 1e8 is as exact as anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from numerics.exact.amgm import Balanced
from numerics.exact.base import ExactPoint, Member, exact_sides, rational
from numerics.exact.extremal import Extremal
from numerics.exact.extremal_descent import ExtremalDescent
from numerics.exact.linear import Diagonal, DiagonalDescent
from numerics.exact.scalar import Scalar

__all__ = [
    "FAMILIES",
    "Balanced",
    "Diagonal",
    "DiagonalDescent",
    "ExactPoint",
    "Extremal",
    "ExtremalDescent",
    "Member",
    "Scalar",
    "exact_sides",
    "from_json",
    "rational",
]

FAMILIES: Mapping[str, type[Member]] = MappingProxyType(
    {kind.family: kind for kind in (Extremal, Diagonal, Balanced, Scalar, DiagonalDescent, ExtremalDescent)}
)
"""Name of a family → its class."""


def from_json(case: Mapping[str, Any]) -> ExactPoint:
    """The point that `ExactPoint.to_json` describes.

    >>> point = Extremal(h="1/3", noise="-1/100").at("5/2", dps=30)
    >>> from_json(point.to_json()).value("y_err") == point.value("y_err")
    True
    """
    name = case["family"]
    if name not in FAMILIES:
        raise ValueError(f"unknown family {name!r}; the families are {', '.join(sorted(FAMILIES))}")
    parameters = {key: _tuples(value) for key, value in case["parameters"].items()}
    try:
        member = FAMILIES[name](**parameters)
    except TypeError as wrong:
        raise ValueError(f"family {name!r}: {wrong}") from None
    return member.at(case["t"], int(case["dps"]))


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
