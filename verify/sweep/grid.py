"""The grid of an experiment file: lists and ranges of parameters, and all their combinations."""

from __future__ import annotations

import itertools
import math
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from verify.tables import ProblemError, Table, known_keys, validate

__all__ = ["MOST", "combinations"]

MOST = 100_000
"""So many cells at most."""


class Range(Table):
    """{ from = 10, to = 1000, points = 8, spacing = "log" } or { from = 10, to = 50, step = 10 }."""

    start: float
    """the first value (its key is from, which is no name in Python)"""
    to: float
    """the last value"""
    points: Annotated[int, Field(ge=2, le=10_000)] | None = None
    """how many values, both ends included"""
    step: Annotated[float, Field(gt=0)] | None = None
    """distance of the values"""
    spacing: Literal["linear", "log"] = "linear"
    """"linear" or "log": how `points` are spaced"""


def combinations(table: Mapping[str, Any], hints: Mapping[str, Any], where: str) -> Iterator[dict[str, Any]]:
    """Every combination of the values of a grid; `hints` are the types of the parameters.

    >>> list(combinations({"n": [1, 2], "k": {"from": 10, "to": 1000, "points": 3, "spacing": "log"}},
    ...                   {"n": int, "k": int}, "grid"))[:4]
    [{'n': 1, 'k': 10}, {'n': 1, 'k': 100}, {'n': 1, 'k': 1000}, {'n': 2, 'k': 10}]
    """
    axes = {name: _values(name, value, hints[name], where) for name, value in table.items()}
    count = math.prod(map(len, axes.values()))
    if count > MOST:
        sizes = " x ".join(f"{len(values)} of {name}" for name, values in axes.items())
        raise ProblemError(f"[{where}] has {count} cells ({sizes}); at most {MOST} are taken: make the lists shorter")
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def _values(name: str, value: Any, hint: Any, where: str) -> list[Any]:
    """The values of one parameter: of a list, of a range, or the one that is given."""
    if isinstance(value, Mapping):
        return _range(name, value, hint, where)
    if not isinstance(value, list):
        return [value]
    if not value:
        raise ProblemError(f"[{where}] {name} = [] has no values; give at least one, or leave {name} out")
    twice = next((entry for i, entry in enumerate(value) if entry in value[:i]), None)
    if twice is not None:
        raise ProblemError(f"[{where}] {name} has {twice!r} twice; remove one")
    return value


def _range(name: str, table: Mapping[str, Any], hint: Any, where: str) -> list[Any]:
    whole, real = _takes(hint, int), _takes(hint, float)
    if not (whole or real):
        raise ProblemError(f"[{where}] {name} is no number, so it has no range; give a list")
    place = f"{where}.{name}"
    given = dict(table)
    if "from" not in given:
        raise ProblemError(f"[{place}] has no from; a range is {{ from = 10, to = 1000, points = 8 }}")
    known_keys(given, ("from", "to", "points", "step", "spacing"), f"[{place}]")
    given["start"] = given.pop("from")
    model = validate(Range, given, place)
    if not model.start < model.to:
        raise ProblemError(f"[{place}] goes from {model.start:g} to {model.to:g}; to has to be the larger one")
    if (model.points is None) == (model.step is None):
        raise ProblemError(f"[{place}] needs either points or step; give one of them")
    if model.step is not None:
        if "spacing" in given:
            raise ProblemError(f"[{place}] spacing belongs to points; leave it out with step")
        count = math.floor((model.to - model.start) / model.step * (1 + 1e-12)) + 1
        if count > MOST:
            raise ProblemError(f"[{place}] has {count} values; take a larger step")
        values = model.start + model.step * np.arange(count)
    elif model.spacing == "log":
        if model.start <= 0:
            raise ProblemError(f"[{place}] from = {model.start:g}; a logarithmic range begins above 0")
        values = np.geomspace(model.start, model.to, typing.cast(int, model.points))
    else:
        values = np.linspace(model.start, model.to, typing.cast(int, model.points))
    # twelve digits: the last bit of a power may differ between machines, and the key of a cell must not
    found = [float(f"{value:.12g}") for value in values]
    return list(dict.fromkeys(round(value) for value in found)) if whole and not real else found


def _takes(hint: Any, wanted: type) -> bool:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return any(_takes(part, wanted) for part in typing.get_args(hint))
    return hint is wanted
