"""Errors at the door: arguments of a wrong type are refused in the caller's words, before anything is computed."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from numbers import Real

import numpy as np

__all__ = ["integer", "number", "numbers"]


def number(name: str, value: object) -> None:
    """ValueError unless `value` is a real number (a bool is none).

    >>> number("rtol", "1e-6")
    Traceback (most recent call last):
        ...
    ValueError: rtol = '1e-6'; it must be a number
    """
    if not isinstance(value, Real) or isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} = {value!r}; it must be a number")


def integer(name: str, value: object, least: int) -> int:
    """`value` as an int; ValueError unless it is an integer of at least `least`."""
    try:
        found = least - 1 if isinstance(value, bool) else operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        found = least - 1
    if found < least:
        raise ValueError(f"{name} = {value!r}; it must be an integer of at least {least}")
    return found


def numbers(name: str, value: object) -> None:
    """ValueError unless `value` is a sequence (list, tuple, array) of numbers."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence | np.ndarray):
        raise ValueError(f"{name} = {value!r}; it must be a sequence of numbers, as in {name}=[0.1, 1.0]")
    for entry in np.asarray(value, dtype=object).reshape(-1):
        number(f"an entry of {name}", entry)
