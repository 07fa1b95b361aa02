"""The experiment file: what it has to say, and the cells that it asks for.

kind = "phase"           # of verify.sweep.kinds
replicas = 50            # of every cell
seed = 0

[fixed]                  # parameters that are the same everywhere
m = 10

[grid]                   # all combinations of these; [[grid]] several times for several grids
n = [20, 40, 60]
k = { from = 10, to = 1000, points = 10, spacing = "log" }
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from verify.sweep.grid import MOST, combinations
from verify.sweep.identity import canonical, cell_key
from verify.sweep.kind import Kind
from verify.sweep.kinds import get_kind
from verify.tables import ProblemError, Table, as_table, known_keys, make, one_line, suggest, validate
from verify.toml_file import read_toml

__all__ = ["Cell", "Plan", "load_plan", "parse_plan", "plan_of"]


@dataclass(frozen=True)
class Cell:
    """A resolved configuration and what identifies it."""

    config: Any
    key: str
    content: str


@dataclass(frozen=True)
class Plan:
    """An experiment: `replicas` of every cell."""

    title: str
    kind: Kind
    seed: int
    replicas: int
    cells: tuple[Cell, ...]

    @property
    def total(self) -> int:
        """Replicas altogether."""
        return self.replicas * len(self.cells)


class _Head(Table):
    """The keys outside any table."""

    title: str = ""
    """what the figures are headed with"""
    replicas: Annotated[int, Field(ge=1, le=1_000_000)]
    """how many replicas a cell gets, an integer of at least 1"""
    seed: Annotated[int, Field(ge=0)] = 0
    """seed of everything that is drawn, an integer of at least 0"""


def load_plan(path: str | Path) -> Plan:
    """The experiment in a TOML file; ProblemError says in one line what is wrong and what to do."""
    path = Path(path)
    try:
        return parse_plan(read_toml(path, "experiment"))
    except ProblemError as error:
        raise (error if str(path) in str(error) else ProblemError(f"{path}: {error}")) from None


def parse_plan(data: Mapping[str, Any]) -> Plan:
    """The experiment in a dictionary laid out like an experiment file."""
    known_keys(data, ("title", "kind", "replicas", "seed", "fixed", "grid"), "the experiment file")
    if "kind" not in data:
        raise ProblemError('the experiment file has no kind; add kind = "phase" or another experiment')
    kind = get_kind(data["kind"])
    plain = {key: value for key, value in data.items() if key not in ("kind", "fixed", "grid")}
    if "replicas" not in plain:
        raise ProblemError("the experiment file has no replicas; add replicas = 50, say: that many in every cell")
    head = validate(_Head, plain, "")
    hints = typing.get_type_hints(kind.config)
    fixed = as_table(data.get("fixed", {}), "fixed")
    _known_parameters(fixed, kind, "fixed")
    configs: list[Any] = []
    for where, grid in _grids(data.get("grid", {})):
        _known_parameters(grid, kind, where)
        both = next((name for name in grid if name in fixed), None)
        if both is not None:
            raise ProblemError(f"{both} is in [fixed] and in [{where}]; remove one of them")
        for values in combinations(grid, hints, where):
            configs.append(_config(kind, fixed, values, where))
            if len(configs) > MOST:
                raise ProblemError(f"the grids have more than {MOST} cells together; make the lists shorter")
    return plan_of(kind, configs, head.replicas, head.seed, head.title)


def plan_of(kind: Kind, configs: typing.Iterable[Any], replicas: int, seed: int = 0, title: str = "") -> Plan:
    """The experiment with these configurations; those that occur twice are taken once."""
    cells: dict[str, Cell] = {}
    for given in configs:
        try:
            config = kind.resolve(given)
        except (ValueError, ImportError) as error:
            raise ProblemError(one_line(error)) from None
        key = cell_key(kind.name, seed, config)
        cells.setdefault(key, Cell(config, key, canonical(kind.name, seed, config)))
    return Plan(title or kind.about, kind, seed, replicas, tuple(cells.values()))


def _grids(given: Any) -> list[tuple[str, dict[str, Any]]]:
    """The grids with their names in messages: [grid], or [[grid]] number 1, 2, ..."""
    if isinstance(given, list):
        if not given:
            raise ProblemError("grid = [] has no grid; write [grid] and the parameters that vary below it")
        return [(f"grid {i}", as_table(table, "grid")) for i, table in enumerate(given, start=1)]
    return [("grid", as_table(given, "grid"))]


def _known_parameters(table: Mapping[str, Any], kind: Kind, where: str) -> None:
    for name in table:
        if name not in kind.parameters:
            raise ProblemError(
                f"[{where}] has {name!r}, which is no parameter of {kind.name}; {suggest(name, kind.parameters)}"
            )


def _config(kind: Kind, fixed: Mapping[str, Any], values: Mapping[str, Any], where: str) -> Any:
    try:
        return make(kind.config, {**fixed, **values}, "cell")
    except ProblemError as error:
        at = ", ".join(f"{name} = {value!r}" for name, value in values.items())
        what = str(error).removeprefix("[cell] ").replace("; correct [cell] in the problem file", "")
        raise ProblemError(f"[{where}] at {at or 'its only cell'}: {what}") from None
