"""Bounds as they are printed: a few significant digits, rounded outward, so that what is read is true as well."""

from __future__ import annotations

import math
import sys
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

#: Significant digits that suffice to tell any two doubles apart.
_ENOUGH = 20


def up(x: float, digits: int = 4, under: float | None = None) -> str:
    """An upper bound, rounded up; with more digits if x < `under` and what is printed is not."""
    if not math.isfinite(x):
        return str(x)
    if under is not None and x < under:
        while digits < _ENOUGH and not _rounded(x, digits, ROUND_CEILING) < Decimal(under):
            digits += 1
    return _said(_rounded(x, digits, ROUND_CEILING), digits)


def down(x: float, digits: int = 4) -> str:
    """A lower bound, rounded down; one that has overflowed says as much as the largest double."""
    return _said(_rounded(min(x, sys.float_info.max), digits, ROUND_FLOOR), digits)


def apart(x: float, y: float, digits: int = 4) -> tuple[str, str]:
    """(x rounded up, y rounded down), with so many digits that the first is still less than the second where x < y."""
    if x < y and math.isfinite(x) and math.isfinite(y):
        while digits < _ENOUGH and not _rounded(x, digits, ROUND_CEILING) < _rounded(y, digits, ROUND_FLOOR):
            digits += 1
    return up(x, digits), down(y, digits)


def _rounded(x: float, digits: int, how: str) -> Decimal:
    return Context(prec=digits, rounding=how).create_decimal_from_float(float(x))


def _said(value: Decimal, digits: int) -> str:
    """Like the format g of floats: no trailing zeros, an exponent where there would be many digits."""
    if not value:
        return "0"
    power = value.adjusted()
    if -5 < power < max(digits, 6):
        return _plain(value)
    return f"{_plain(value.scaleb(-power))}e{power:+03d}"


def _plain(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
