"""A sweep that was run elsewhere: its replicas from the CSV that it left, without a store and without computing anything.

This is how the notebooks read the small sweeps that are kept beside them, and how anybody reads a colleague's
``results.csv``.  A configuration is taken as the file has it: a cell that was computed with a compiled kernel says so, whatever
there is on this machine.
"""

from __future__ import annotations

import csv
import types
import typing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from verify.sweep.identity import cell_key
from verify.sweep.kind import CellResult, Kind, Results, Summary, Table
from verify.sweep.plan import Plan, load_plan
from verify.tables import ProblemError, one_line, suggest

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Sweep", "read_sweep"]


@dataclass(frozen=True)
class Sweep:
    """An experiment and its replicas.

    >>> from pathlib import Path
    >>> import tempfile
    >>> from verify.sweep import Store, code_version, load_plan, sweep
    >>> from verify.sweep.export import export, replica_table
    >>> with tempfile.TemporaryDirectory() as place:
    ...     file, table = Path(place) / "e.toml", Path(place) / "results.csv"
    ...     text = "kind = 'phase'\\nreplicas = 2\\n[fixed]\\nn = 3\\nm = 2\\nkernel = 'numpy'\\n[grid]\\nk = [4, 40]\\n"
    ...     _ = file.write_text(text)
    ...     plan = load_plan(file)
    ...     with Store.open(Path(place) / "store.sqlite") as store:
    ...         _ = sweep(plan, store)
    ...         export(replica_table(plan.kind, store.results(plan, code_version(plan.kind))), table, ".csv")
    ...     found = read_sweep(file, table)
    >>> found.columns["k"], [len(cell.records) for cell in found.results.cells]
    (array([ 4,  4, 40, 40]), [2, 2])
    """

    plan: Plan
    results: Results

    @property
    def kind(self) -> Kind:
        """The experiment."""
        return self.plan.kind

    @cached_property
    def summary(self) -> Summary:
        """What the results say: tables, pictures, lines."""
        return self.kind.summary(self.results)

    def figure(self, name: str) -> Figure:
        """The picture whose table is called that; ValueError with the nearest name otherwise."""
        pictures = {picture.table.name: picture.figure for picture in self.summary.pictures}
        return _named(pictures, name, "picture")

    def table(self, name: str) -> dict[str, NDArray[Any]]:
        """The columns of a table of the summary, or of a picture, by name."""
        tables = {t.name: t for t in (*self.summary.tables, *(p.table for p in self.summary.pictures))}
        return _columns(_named(tables, name, "table"))

    @cached_property
    def columns(self) -> dict[str, NDArray[Any]]:
        """A row a replica: parameters, number of the replica, entries of the record, by name."""
        from verify.sweep.export import replica_table

        return _columns(replica_table(self.kind, self.results))


def read_sweep(experiment: str | Path, replicas: str | Path) -> Sweep:
    """The experiment file and the CSV of its replicas (``results.csv`` of a sweep).

    ProblemError if the CSV has other columns than the experiment, a value that is none, or fewer or other cells than the
    experiment asks for: what a summary says is said about all of them.  The seed is not in the CSV: whether it is that of the
    experiment file only computing again can tell (``notebooks/sweeps.py --check``).
    """
    plan, path = load_plan(experiment), Path(replicas)
    kind = plan.kind
    names = (*kind.parameters, "replica", *(name for name, _ in kind.columns))
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            header, *rows = list(csv.reader(stream)) or [[]]
    except OSError as error:
        raise ProblemError(
            f"{path} cannot be read ({(error.strerror or str(error)).lower()}); check the path"
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ProblemError(f"{path} is no CSV of a sweep ({one_line(error)})") from None
    if tuple(header) != names:
        other = sorted(set(names) ^ set(header))
        raise ProblemError(
            f"{path} has not the columns of {kind.name} ({', '.join(other) or 'another order'}); it is from another "
            "experiment, or from before a change of this one: run the sweep again"
        )
    hints = typing.get_type_hints(kind.config)
    types_of = [*(hints[name] for name in kind.parameters), int, *(t for _, t in kind.columns)]
    cells: dict[str, CellResult] = {}
    for number, row in enumerate(rows, start=2):
        if len(row) != len(names):
            raise ProblemError(f"{path}, line {number}: {len(row)} entries, and there are {len(names)} columns")
        try:
            values = [_parsed(text, hint) for text, hint in zip(row, types_of, strict=True)]
            split = len(kind.parameters)
            config = kind.config(**dict(zip(kind.parameters, values[:split], strict=True)))
        except (TypeError, ValueError) as error:
            raise ProblemError(f"{path}, line {number}: {one_line(error)}") from None
        key = cell_key(kind.name, plan.seed, config)
        cell = cells.setdefault(key, CellResult(config, plan.replicas, {}))
        if values[split] in cell.records:
            raise ProblemError(
                f"{path}, line {number}: replica {values[split]} of this cell is there twice; remove one"
            )
        cell.records[values[split]] = kind.restored(values[split + 1 :])
    _complete(plan, cells, path)
    return Sweep(plan, Results(plan.title, tuple(cells.values())))


def _complete(plan: Plan, cells: dict[str, CellResult], path: Path) -> None:
    """ProblemError unless these are the cells of the plan, up to what a machine decides, with all of their replicas."""
    wanted, found = ({_asked(plan.kind, cell.config) for cell in group} for group in (plan.cells, cells.values()))
    if wanted != found:
        odd = min(wanted ^ found)
        raise ProblemError(
            f"{path} and the experiment file have not the same cells ({odd} is in one of them only): they do not belong "
            "together; run the sweep again"
        )
    if len(cells) != len(found):
        twice = ", ".join(f"{name} = {value!r}" for name in plan.kind.decided for value in _values(cells, name))
        raise ProblemError(
            f"{path} has the same cells computed on different machines ({twice}), which would count twice; keep one of them"
        )
    few = [cell for cell in cells.values() if set(cell.records) != set(range(plan.replicas))]
    if few:
        raise ProblemError(
            f"{path} has not replicas 0 to {plan.replicas - 1} of every cell, for example of {few[0].config}; run the sweep "
            "to its end with --resume"
        )


def _values(cells: dict[str, CellResult], name: str) -> list[Any]:
    """The values of a parameter, each once."""
    return sorted({getattr(cell.config, name) for cell in cells.values()}, key=repr)


def _asked(kind: Kind, config: Any) -> str:
    """What was asked for: the parameters without those that a machine decides."""
    return ", ".join(f"{name} = {getattr(config, name)}" for name in kind.parameters if name not in kind.decided)


def _parsed(text: str, hint: Any) -> Any:
    """The value that is written like this, of one of the types of the hint."""
    kinds = _kinds(hint)
    if text == "" and type(None) in kinds:
        return None
    if bool in kinds and text in ("True", "False"):
        return text == "True"
    for number in (int, float):
        if number in kinds:
            try:
                return number(text)
            except ValueError:
                continue
    if str in kinds:
        return text
    raise ValueError(f"{text!r} is no {' or '.join(sorted(kind.__name__ for kind in kinds))}")


def _kinds(hint: Any) -> set[type]:
    if typing.get_origin(hint) is typing.Literal:
        return {type(value) for value in typing.get_args(hint)}
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return set().union(*(_kinds(part) for part in typing.get_args(hint)))
    return {hint}


def _columns(table: Table) -> dict[str, NDArray[Any]]:
    columns = list(zip(*table.rows, strict=True)) or [()] * len(table.header)
    return {name: np.array(column) for name, column in zip(table.header, columns, strict=True)}


def _named(known: dict[str, Any], name: str, what: str) -> Any:
    if name not in known:
        raise ValueError(f"there is no {what} {name!r}; {suggest(name, tuple(known))}")
    return known[name]
