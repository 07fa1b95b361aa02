"""The cells of a result, sorted into families that differ in a few parameters alone."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numerics.confidence import clopper_pearson
from numerics.logistic import Threshold, threshold
from verify.sweep.export import order
from verify.sweep.kind import CellResult, Results

__all__ = ["Family", "families", "fraction", "parameters"]


@dataclass(frozen=True)
class Family:
    """Cells that agree in all parameters but a few.

    shared: the parameters that they agree in.  cells: by the values of the others, in the order in which they were named; a
    single one is no tuple.
    """

    shared: dict[str, Any]
    cells: dict[Any, CellResult]

    def values(self, name: str) -> list[NDArray[Any]]:
        """Per cell the entries of that name of all records."""
        return [np.array([getattr(r, name) for r in cell.records.values()]) for cell in self.cells.values()]

    def quantiles(self, name: str, *q: float) -> NDArray[np.float64]:
        """Shape (len(q), number of cells): quantiles that are entries themselves (0 and inf do not average); NaN without any."""
        found = [v[~np.isnan(v)] for v in self.values(name)]
        return np.array(
            [[float(np.quantile(v, x, method="inverted_cdf")) if v.size else math.nan for v in found] for x in q]
        )

    def half(self, name: str) -> Threshold:
        """Where in the one parameter that varies the entry `name` of the record is true in half of the replicas."""
        counts = [fraction(cell, name) for cell in self.cells.values()]
        return threshold(list(self.cells), [c[0] for c in counts], [c[1] for c in counts])


def families(results: Results, *varying: str) -> Iterator[Family]:
    """The cells with at least one replica, in families that differ in the parameters `varying` alone; all sorted.

    ValueError if two cells have all parameters in common: one would hide the other.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Config:
    ...     k: int
    ...     train: str
    >>> cells = tuple(CellResult(Config(k, t), 1, {0: None}) for t in ("both", "W") for k in (20, 10))
    >>> for family in families(Results("", cells), "k"):
    ...     print(family.shared, list(family.cells))
    {'train': 'W'} [10, 20]
    {'train': 'both'} [10, 20]
    """
    found: dict[tuple[Any, ...], Family] = {}
    for cell in results.cells:
        if not cell.records:
            continue
        shared = {name: value for name, value in vars(cell.config).items() if name not in varying}
        key = tuple(order(value) for value in shared.values())
        values = tuple(getattr(cell.config, name) for name in varying)
        members, at = found.setdefault(key, Family(shared, {})).cells, values if len(values) > 1 else values[0]
        if at in members:
            raise ValueError(f"two cells have the parameters {cell.config}; a sweep has each once")
        members[at] = cell
    for _, family in sorted(found.items(), key=lambda item: item[0]):
        cells = sorted(family.cells.items(), key=lambda item: _key(item[0]))
        yield Family(family.shared, dict(cells))


def parameters(results: Results) -> tuple[str, ...]:
    """Names of the parameters of the cells, in the order of their configuration's fields; ValueError if they differ.

    Those of the cells themselves: an experiment of one's own may have more of them than the one that it was made of.
    """
    found = {tuple(field.name for field in dataclasses.fields(cell.config)) for cell in results.cells}
    if len(found) > 1:
        raise ValueError("the cells have not the same parameters; they are of several experiments")
    return found.pop() if found else ()


def fraction(cell: CellResult, name: str) -> tuple[int, int, float, float]:
    """In how many replicas the entry `name` of the record is true, of how many, and exact limits (Clopper, Pearson, 95 %)."""
    successes, trials = sum(bool(getattr(r, name)) for r in cell.records.values()), len(cell.records)
    limits = clopper_pearson(successes, trials)
    return successes, trials, float(limits.lower), float(limits.upper)


def _key(values: Any) -> tuple[Any, ...]:
    return tuple(order(v) for v in values) if isinstance(values, tuple) else (order(values),)
