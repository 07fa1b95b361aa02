"""What an early-stopping sweep says: times and errors of every rule by noise level, and whether a promise was broken."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verify.sweep.experiments.early_stopping import RULES, Record
from verify.sweep.groups import families
from verify.sweep.kind import CellResult, Picture, Results, Summary, Table
from verify.sweep.medians import Median, median

__all__ = ["Checked", "Point", "Setup", "scaled_time", "summarize"]

_ROWS = ("train", "kappa", "output_scale")


@dataclass(frozen=True)
class Checked:
    """How many promises were held against the runs, how many of them were broken, how many could not be decided."""

    checks: int
    violated: int
    undecided: int

    def words(self) -> str:
        """In words; that nothing was checked is said aloud."""
        if self.checks == 0:
            return "no theorem gave a time: NOTHING WAS CHECKED"
        return f"{self.checks} promises held against the runs, {self.violated} broken, {self.undecided} undecided"


@dataclass(frozen=True)
class Point:
    """One rule at one noise level.

    in_force: how often it gave a time, of `runs`.  time: median of t‖sA‖², observation: of ‖y(t) − ȳ‖/‖ε‖, signal: of
    ‖x(t) − x̄‖/‖x̄‖, over the runs in which it did.
    """

    in_force: int
    runs: int
    time: Median
    observation: Median
    signal: Median

    @property
    def often(self) -> bool:
        """Whether it gave a time in half of the runs; a median over fewer is no median of the runs, and is not shown."""
        return 2 * self.in_force >= self.runs


@dataclass(frozen=True)
class Setup:
    """One row of a figure: the cells that differ in the noise level alone.

    points: by rule, one a noise level.  by: the statements that were the strongest guarantee, and how often.
    """

    shared: Mapping[str, Any]
    noises: tuple[float, ...]
    points: Mapping[str, tuple[Point, ...]]
    checked: Checked
    by: Mapping[str, int]

    def words(self) -> str:
        """What distinguishes it from the other rows."""
        layers = "both layers" if self.shared["train"] == "both" else "W only"
        kappa = self.shared["kappa"]
        operator = "Gaussian A" if kappa is None else f"κ(A) = {kappa:g}"
        return f"{layers}, {operator}, output scale {self.shared['output_scale']:g}"


def scaled_time(record: Record, rule: str) -> float:
    """t‖s A‖², the time in units of the fastest data."""
    return float(getattr(record, f"{rule}_time")) * record.T_norm**2


def summarize(results: Results) -> Summary:
    """A figure for all cells that agree but for noise, layers, conditioning and output scale; a row for each of the latter."""
    from verify.sweep.experiments.early_stopping_figure import draw

    groups: dict[tuple[Any, ...], list[Setup]] = {}
    for family in families(results, "noise"):
        others = tuple(value for name, value in family.shared.items() if name not in _ROWS)
        groups.setdefault(others, []).append(_setup(family.shared, family.cells))
    pictures, said = [], []
    for number, setups in enumerate(groups.values(), start=1):
        setups.sort(key=lambda s: (s.shared["train"] != "both", s.shared["kappa"] or 0.0, s.shared["output_scale"]))
        name = "early_stopping" if len(groups) == 1 else f"early_stopping-{number}"
        pictures.append(Picture(draw(setups, results), _table(name, setups)))
        said += [text for setup in setups for text in _lines(setup)]
    return Summary((), tuple(pictures), tuple(said))


def _setup(shared: Mapping[str, Any], cells: Mapping[float, CellResult]) -> Setup:
    records = [r for cell in cells.values() for r in cell.records.values()]
    checked = Checked(*(sum(getattr(r, name) for r in records) for name in ("checks", "violated", "undecided")))
    names = sorted({r.by for r in records} - {""})
    return Setup(
        shared,
        tuple(cells),
        {rule: tuple(_point(list(cell.records.values()), rule) for cell in cells.values()) for rule in RULES},
        checked,
        {name: sum(r.by == name for r in records) for name in names},
    )


def _point(records: Sequence[Record], rule: str) -> Point:
    return Point(
        sum(math.isfinite(getattr(r, f"{rule}_time")) for r in records),
        len(records),
        median(scaled_time(r, rule) for r in records),
        median(getattr(r, f"{rule}_observation") / r.noise_level for r in records),
        median(getattr(r, f"{rule}_signal") for r in records),
    )


def _table(name: str, setups: Sequence[Setup]) -> Table:
    what = ("time", "observation", "signal")
    limits = tuple(f"{entry}{end}" for entry in what for end in ("", "_low_95", "_high_95"))
    rows = [
        (*(setup.shared[key] for key in _ROWS), noise, rule, point.in_force, point.runs, *point.time[:3],
         *point.observation[:3], *point.signal[:3], setup.checked.checks, setup.checked.violated, setup.checked.undecided)
        for setup in setups
        for rule, points in setup.points.items()
        for noise, point in zip(setup.noises, points, strict=True)
    ]  # fmt: skip
    header = (*_ROWS, "noise", "rule", "in_force", "replicas", *limits, "checks", "violated", "undecided")
    return Table(name, header, tuple(rows))


def _lines(setup: Setup) -> Iterator[str]:
    by = ", ".join(f"{name} ({count})" for name, count in setup.by.items()) or "none"
    yield f"{setup.words()}: {setup.checked.words()}; strongest guarantee: {by}"
    last = {rule.replace("_", " "): points[-1] for rule, points in setup.points.items()}
    medians = [f"{rule} {p.signal.value:.2g}{_share(p.signal.draws, p.runs)}" for rule, p in last.items() if p.often]
    rare = [f"{rule}{_share(p.in_force, p.runs)}" for rule, p in last.items() if p.in_force > 0 and not p.often]
    few = f"; a time too seldom for a median: {', '.join(rare)}" if rare else ""
    yield f"{setup.words()}, noise {setup.noises[-1]:g}: median relative error of the signal: {', '.join(medians)}{few}"


def _share(count: int, runs: int) -> str:
    return "" if count == runs else f" ({count} of {runs})"
