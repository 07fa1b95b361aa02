"""What an experiment is: a configuration per cell, a function of it and of a stream of random numbers, and a summary.

A new experiment is one file of :mod:`verify.sweep.experiments` that ends in ``EXPERIMENT = Kind(...)``, and one line in
:mod:`verify.sweep.kinds`.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CellResult", "Kind", "Picture", "Results", "Summary", "Table"]


@dataclass(frozen=True)
class Table:
    """Rows of numbers and texts under their names: becomes ``<name>.csv``."""

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class Picture:
    """A figure and the numbers in it: become ``<table.name>.svg`` and ``<table.name>.csv``."""

    figure: Figure
    table: Table


@dataclass(frozen=True)
class Summary:
    """What a finished sweep says: tables, pictures, and a few lines to be printed."""

    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class CellResult:
    """A cell, how many replicas were asked for, and the records of those that are there, by replica."""

    config: Any
    requested: int
    records: dict[int, Any]


@dataclass(frozen=True)
class Results:
    """What a summary is made of."""

    title: str
    cells: tuple[CellResult, ...]

    @property
    def done(self) -> int:
        """Replicas that are there."""
        return sum(len(cell.records) for cell in self.cells)

    @property
    def requested(self) -> int:
        """Replicas that were asked for."""
        return sum(cell.requested for cell in self.cells)


def _same(config: Any) -> Any:
    return config


@dataclass(frozen=True)
class Kind:
    """An experiment.

    name       as in ``kind = "..."`` of an experiment file; `about` says in a line what it does
    config     frozen dataclass of the parameters of a cell: its fields are the keys of the file, its ValueErrors the messages
    record     frozen dataclass of what a replica returns: fields of type bool, int, float or str
    replica    (configuration, random generator) → record; nothing else may influence it
    summarize  Results → Summary, or "module:function", imported when it is needed: then the numbers of replicas that were
               computed stay valid when that module changes
    resolve    the configuration with what depends on this machine decided ("auto" → what it is here)
    decided    names of the parameters that `resolve` decides
    version    of the code; None: the hash of the sources that `replica` rests on (:mod:`verify.sweep.sources`)
    """

    name: str
    about: str
    config: type
    record: type
    replica: Callable[[Any, np.random.Generator], Any]
    summarize: Callable[[Results], Summary] | str
    resolve: Callable[[Any], Any] = _same
    decided: tuple[str, ...] = ()
    version: str | None = None
    columns: tuple[tuple[str, type], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        hints = typing.get_type_hints(self.record)
        columns = tuple((f.name, hints[f.name]) for f in dataclasses.fields(self.record))
        for name, kind in columns:
            if kind not in (bool, int, float, str):
                raise TypeError(f"{self.name}: {name} of the record is {kind}; use bool, int, float or str")
        twice = {"replica", *self.parameters} & {name for name, _ in columns}
        if twice:
            raise TypeError(
                f"{self.name}: {', '.join(sorted(twice))} of the record has a name that is taken; use another one"
            )
        object.__setattr__(self, "columns", columns)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters of a cell."""
        return tuple(f.name for f in dataclasses.fields(self.config))

    def values(self, record: Any) -> tuple[bool | int | float | str, ...]:
        """The entries of a record, each of the type of its column; TypeError for another one."""
        return tuple(_typed(self.name, name, kind, getattr(record, name)) for name, kind in self.columns)

    def restored(self, values: Sequence[Any]) -> Any:
        """The record with these entries."""
        return self.record(**{name: value for (name, _), value in zip(self.columns, values, strict=True)})

    def summary(self, results: Results) -> Summary:
        """What the results say."""
        if isinstance(self.summarize, str):
            module, _, function = self.summarize.partition(":")
            found: Summary = getattr(import_module(module), function)(results)
            return found
        return self.summarize(results)


def _typed(kind: str, name: str, wanted: type, value: Any) -> Any:
    """`value` as a Python `wanted`: NumPy's scalars are taken, an integer for a float, and nothing else."""
    if isinstance(value, np.generic):
        value = value.item()
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not wanted:
        raise TypeError(f"{kind}: {name} = {value!r} of a record is no {wanted.__name__}")
    return value
