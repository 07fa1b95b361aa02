"""The numbers that a user gives, met at the door: texts, whole numbers, doubles, exact fractions and arrays.

Inside, a number is a float (backend float64) or a Fraction, exact (mpmath and Arb), so that "1/3" and "1e-400" are what
they say.  What each symbol may be is decided by :meth:`theory.symbols.SymbolInfo.check`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
from flint import arb, fmpq

from numerics.compile import Backend
from theory.symbols import SYMBOLS

__all__ = ["as_arb", "as_fraction", "as_mpf", "is_number", "nearest", "number", "numbers", "pick"]

# Beyond this exponent the exact fraction of a number in scientific notation would fill the memory.
_MAX_EXPONENT = 100_000
_RATIO = re.compile(r"[+-]?\d+/\d+")


def nearest(name: str, known: Any, what: str = "choose one of") -> str:
    """The remedy for an unknown name: its nearest neighbours, or the whole list.

    >>> nearest("sigma0", ["sigma_0", "sigma_F", "t"])
    'did you mean sigma_0 or sigma_F?'
    """
    near = get_close_matches(name, list(known), n=3)
    return f"did you mean {' or '.join(near)}?" if near else f"{what} {', '.join(sorted(known)) or 'nothing'}"


def pick(name: str, known: Mapping[str, Any], what: str) -> Any:
    """The entry called `name`; ValueError with the nearest names otherwise."""
    if name not in known:
        raise ValueError(f"unknown {what} {name!r}; {nearest(str(name), known)}")
    return known[name]


def is_number(text: str) -> bool:
    """Whether a text reads as a number, NaN and infinities included."""
    try:
        _exact("", text)
    except ValueError:
        return False
    return True


def _exact(name: str, text: str) -> Fraction | float:
    """The fraction that a text means; NaN and infinities as floats."""
    plain = text.strip().replace("_", "")
    if _RATIO.fullmatch(plain):
        top, bottom = (int(part) for part in plain.split("/"))
        if bottom == 0:
            raise ValueError(f"{name} = {text} divides by zero; give a number, such as 0.25, 1e-3 or 1/3")
        return Fraction(top, bottom)
    try:
        value = Decimal(plain)
    except InvalidOperation:
        raise ValueError(f"{name} = {text!r} is not a number; give one such as 0.25, 1e-3 or 1/3") from None
    if not value.is_finite():
        return float(value)
    if value and abs(value.adjusted()) > _MAX_EXPONENT:
        raise ValueError(f"{name} = {text} is out of range; exponents go to {_MAX_EXPONENT}")
    return Fraction(value)


def as_fraction(value: Any) -> Fraction:
    """The exact rational value of a finite float, integer, fraction, or mpmath number."""
    if isinstance(value, mpmath.mpf):
        sign, mantissa, exponent, _ = value._mpf_
        return Fraction(-int(mantissa) if sign else int(mantissa)) * Fraction(2) ** int(exponent)
    return Fraction(value)


def as_arb(value: Any) -> Any:
    """A ball around an exact number, at the precision in force."""
    exact = as_fraction(value)
    return arb(fmpq(exact.numerator, exact.denominator))


def as_mpf(value: Any) -> Any:
    """The number rounded to the working precision of mpmath."""
    exact = as_fraction(value)
    return mpmath.mpf(exact.numerator) / exact.denominator


def _float(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def number(name: str, given: Any, backend: Backend) -> float | Fraction | np.ndarray:
    """The number given for the symbol `name`, checked; arrays and sequences for float64 only, float32 is widened."""
    info, text = SYMBOLS[name], None
    if isinstance(given, np.ma.MaskedArray):
        raise ValueError(f"{name} is a masked array: give the entries that count, as a plain array")
    if isinstance(given, np.generic) or (isinstance(given, np.ndarray) and given.ndim == 0):
        given = given.item()
    if isinstance(given, bool):
        raise ValueError(f"{name} = {given} is a truth value; give {info.ask}")
    if isinstance(given, np.ndarray | list | tuple):
        return _array(name, given, backend)
    if isinstance(given, str):
        text = given.strip()
        given = _exact(name, text)
    if not isinstance(given, int | float | Fraction | Decimal | mpmath.mpf):
        kind = type(given).__name__
        raise ValueError(f"{name} is a {kind}, no real number; give {info.ask}, as a number or a text such as '1/3'")
    if given != given or abs(given) == float("inf"):
        info.check(float(given), text)
    exact = as_fraction(given)
    if backend != "float64":
        info.check(exact, text)
        return exact
    value = _float(exact)
    if value == 0 != exact:
        raise ValueError(
            f"{name} = {text or given} underflows: the smallest double is 5e-324 ({info.meaning}); choose the backend "
            "mpmath or arb, which take it as it is written"
        )
    info.check(value, text if text is not None else str(given)[:60])
    return value


def _array(name: str, given: Any, backend: Backend) -> np.ndarray:
    info = SYMBOLS[name]
    if backend != "float64":
        raise ValueError(f"{name} is an array: only the backend float64 takes arrays; give single numbers to {backend}")
    raw = np.asarray(given)
    if raw.size == 0:
        raise ValueError(f"{name} is an empty array; give at least one value")
    if raw.dtype.kind not in "iuf":
        if raw.dtype.kind not in "OU":
            raise ValueError(f"{name} is an array of type {raw.dtype}; give real numbers")
        raw = np.array([number(name, entry, backend) for entry in raw.ravel().tolist()]).reshape(raw.shape)
    values = raw.astype(np.float64)
    worst = [values[np.isnan(values)], values[np.isinf(values)], values.ravel()[[values.argmin(), values.argmax()]]]
    if info.domain.startswith("integer"):
        worst.append(values[values != np.floor(values)])
    for group in worst:
        for value in group.tolist()[:2]:
            info.check(value)
    return values


def numbers(
    values: Mapping[str, Any], accepted: Mapping[str, str], item_id: str, backend: Backend
) -> dict[str, float | Fraction | np.ndarray]:
    """All given numbers, checked; ValueError naming the nearest accepted symbols for one that nothing depends on."""
    for name in values:
        if name not in accepted:
            means = f" ({SYMBOLS[name].meaning})" if name in SYMBOLS else ""
            raise ValueError(f"{item_id} does not depend on {name}{means}; {nearest(name, accepted, 'it takes')}")
    out = {name: number(name, value, backend) for name, value in values.items()}
    shapes = {name: value.shape for name, value in out.items() if isinstance(value, np.ndarray)}
    try:
        np.broadcast_shapes(*shapes.values())
    except ValueError:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"the arrays do not broadcast against each other: {listed}") from None
    return out
