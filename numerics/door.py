"""Errors at the door: arguments of a wrong type are refused in the caller's words, before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real

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


def integer(name: str, value: object, least: int) -> None:
    """ValueError unless `value` is an integer of at least `least`."""
    if not isinstance(value, Integral) or isinstance(value, bool | np.bool_) or value < least:
        raise ValueError(f"{name} = {value!r}; it must be an integer of at least {least}")


def numbers(name: str, value: object) -> None:
    """ValueError unless `value` is a sequence (list, tuple, array) of numbers."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence | np.ndarray):
        raise ValueError(f"{name} = {value!r}; it must be a sequence of numbers, as in {name}=[0.1, 1.0]")
    for entry in np.asarray(value, dtype=object).reshape(-1):
        number(f"an entry of {name}", entry)
