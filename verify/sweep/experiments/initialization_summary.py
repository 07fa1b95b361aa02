"""What an initialization sweep says: fractions and medians of every cell, by scale and by category, and what was certified."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.stats import quantile_test

from verify.sweep.experiments.initialization import Config
from verify.sweep.experiments.initialization_start import OUTSIDE
from verify.sweep.groups import families, fraction
from verify.sweep.kind import CellResult, Picture, Results, Summary, Table

__all__ = ["CATEGORIES", "PROMISES", "SCALES", "Median", "Seen", "promises", "seen", "slices", "summarize"]

SCALES: Final = ("V_scale", "W_std")
CATEGORIES: Final = {"activation": "activation", "V": "law", "antisymmetric": "symmetry"}
"""Parameters that are no numbers, and what the picture about them is called."""
PROMISES: Final = ("sharp", "amgm", "balanced", "feasible")
"""What can certify a start; "feasible" is `wonly.threshold`."""

_PARAMETERS = tuple(field.name for field in dataclasses.fields(Config))
# The time at which the flow reached the tolerance is right to some six digits.
_CLOCK = 1e-4


@dataclass(frozen=True)
class Median:
    """Median of the replicas with its interval (order statistics, 95 %); what did not converge counts as infinite.

    NaN limits: too few replicas for an interval.
    """

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Median:
        """Of numbers, NaN for what is not known to be finite.

        >>> Median.of([3.0, 1.0, math.nan, 2.0, 5.0, 4.0, 6.0])
        Median(value=4.0, low=1.0, high=inf)
        """
        x = np.array(values, dtype=np.float64)
        x[np.isnan(x)] = math.inf
        limits: Any = quantile_test(x, p=0.5).confidence_interval(0.95)
        return cls(float(np.quantile(x, 0.5, method="inverted_cdf")), float(limits.low), float(limits.high))


@dataclass(frozen=True)
class Seen:
    """A cell: counts with exact limits (successes, trials, low, high), medians, and how many starts are certified by what."""

    config: Config
    descent: tuple[int, int, float, float]
    flow: tuple[int, int, float, float]
    steps: Median
    time: Median
    time_linear: Median
    time_bound: Median
    kernel_change: Median
    length: Median
    distance: Median
    certified: tuple[int, ...]
    impossible: int
    outside: int
    diverged: int

    def certified_fraction(self, name: str) -> float:
        """Of the starts, by one of :data:`PROMISES`."""
        return self.certified[PROMISES.index(name)] / self.descent[1]


def seen(cell: CellResult) -> Seen:
    """What is said of a cell with at least one replica."""
    records = list(cell.records.values())

    def median(name: str) -> Median:
        return Median.of([getattr(r, name) for r in records])

    return Seen(
        cell.config,
        fraction(cell, "converged"),
        fraction(cell, "flow_converged"),
        median("steps"),
        median("flow_time"),
        median("time_linear"),
        median("time_bound"),
        median("kernel_change"),
        median("length"),
        median("distance"),
        tuple(sum(_certified(r, name) for r in records) for name in PROMISES),
        sum(r.theory == "impossible" for r in records),
        sum(r.theory == OUTSIDE for r in records),
        sum(r.status == "diverged" for r in records),
    )


def _certified(record: Any, name: str) -> bool:
    return record.threshold == "feasible" if name == "feasible" else bool(getattr(record, name))


def summarize(results: Results) -> Summary:
    """Tables of cells and of promises; pictures by scale, by both scales at once, and by category."""
    from verify.sweep.experiments.initialization_figure import categories, maps, scales

    pictures = []
    for name, members in _numbered("initialization-scale", list(slices(results))):
        pictures.append(Picture(scales(members, results), _table(name, _every(members.values()))))
    for name, grid in _numbered("initialization-map", list(_grids(results))):
        pictures.append(Picture(maps(grid, results), _table(name, list(grid.values()))))
    for parameter, word in CATEGORIES.items():
        for name, kinds in _numbered(f"initialization-{word}", list(_by_category(results, parameter))):
            pictures.append(Picture(categories(parameter, kinds, results), _table(name, list(kinds.values()))))
    cells = [seen(cell) for family in families(results, *_PARAMETERS) for cell in family.cells.values()]
    kept = promises(results)
    return Summary((_table("cells", cells), kept), tuple(pictures), tuple(_lines(cells, kept)))


def slices(results: Results) -> Iterator[dict[str, list[Seen]]]:
    """Cells along each scale, the other scale being the one given that is nearest to 1; a family for what else is shared.

    Keys: those of the scales that take at least two values there.
    """
    for family in families(results, *SCALES, "train"):
        found = {}
        for i, scale in enumerate(SCALES):
            others = {key[1 - i] for key in family.cells}
            base = min(others, key=lambda value: (abs(math.log(value)), value))
            chosen = [seen(cell) for key, cell in family.cells.items() if key[1 - i] == base]
            if len({getattr(item.config, scale) for item in chosen}) > 1:
                found[scale] = chosen
        if found:
            yield found


def _grids(results: Results) -> Iterator[dict[tuple[float, float, str], Seen]]:
    """Families that are full grids of both scales: (V_scale, W_std, train) → cell."""
    for family in families(results, *SCALES, "train"):
        V, W, trains = (set(values) for values in zip(*family.cells, strict=True))
        if len(V) > 1 and len(W) > 1 and len(family.cells) == len(V) * len(W) * len(trains):
            yield {key: seen(cell) for key, cell in family.cells.items()}


def _by_category(results: Results, parameter: str) -> Iterator[dict[tuple[Any, str], Seen]]:
    """Families in which a category takes at least two values: (category, train) → cell."""
    for family in families(results, parameter, "train"):
        if len({key[0] for key in family.cells}) > 1:
            yield {key: seen(cell) for key, cell in family.cells.items()}


def _every(groups: Any) -> list[Seen]:
    """The cells of all groups, each once."""
    return list({item.config: item for group in groups for item in group}.values())


def _numbered(name: str, items: list[Any]) -> Iterator[tuple[str, Any]]:
    for i, item in enumerate(items, start=1):
        yield (name if len(items) == 1 else f"{name}-{i}"), item


def _table(name: str, cells: Sequence[Seen]) -> Table:
    medians = ("steps", "time", "time_linear", "time_bound", "kernel_change", "length", "distance")
    header = [*_PARAMETERS, "replicas"]
    header += [f"{run}_{entry}" for run in ("descent", "flow") for entry in ("converged", "lower_95", "upper_95")]
    header += [f"{median}_{entry}" for median in medians for entry in ("median", "lower_95", "upper_95")]
    header += [*(f"certified_{promise}" for promise in PROMISES), "impossible", "outside", "diverged"]
    rows = []
    for cell in cells:
        row: list[Any] = [*(getattr(cell.config, name) for name in _PARAMETERS), cell.descent[1]]
        for successes, _, low, high in (cell.descent, cell.flow):
            row += [successes, low, high]
        for name_ in medians:
            row += dataclasses.astuple(getattr(cell, name_))
        rows.append((*row, *cell.certified, cell.impossible, cell.outside, cell.diverged))
    return Table(name, tuple(header), tuple(rows))


def promises(results: Results) -> Table:
    """What was promised before the runs, held against the flow, by promise; "violated" is to be zero everywhere.

    due: starts whose certified time lies within the horizon of their cell, kept: those that were there in time.  For
    "feasible" and "impossible" there is no such time: kept is how many converged (did not), and only an "impossible" start
    whose flow converged is a violation.  All promises are about the flow: descent may step over a zero of φ' (SiLU, GELU),
    into another box.
    """
    pairs = [(cell.config, r) for cell in results.cells for r in cell.records.values()]
    rows = []
    for name in PROMISES[:-1]:
        starts = [(c, r) for c, r in pairs if getattr(r, name)]
        due = [r for c, r in starts if r.time_bound <= c.horizon]
        kept = sum(r.flow_time <= r.time_bound * (1 + _CLOCK) for r in due)
        rows.append((name, len(starts), len(due), kept, len(due) - kept))
    feasible = [r for _, r in pairs if r.threshold == "feasible"]
    rows.append(("feasible", len(feasible), 0, sum(r.flow_converged for r in feasible), 0))
    impossible = [r for _, r in pairs if r.theory == "impossible"]
    kept = sum(not r.flow_converged for r in impossible)
    rows.append(("impossible", len(impossible), len(impossible), kept, len(impossible) - kept))
    return Table("promises", ("promise", "starts", "due", "kept", "violated"), tuple(rows))


def _lines(cells: Sequence[Seen], kept: Table) -> Iterator[str]:
    for name, starts, due, there, violated in kept.rows:
        if not starts:
            continue
        if name == "feasible":
            yield f"zero loss is feasible for {starts} starts (W only): {there} of them converged within the horizon"
            continue
        what = "declared impossible" if name == "impossible" else f"certified by {name}"
        yield f"{starts} starts {what}: {due} due within the horizon, {there} kept, {violated} violated"
    diverged = sum(cell.diverged for cell in cells)
    if diverged:
        yield f"{diverged} runs of gradient descent diverged: half of the step that is stable at the start is not so later"
    outside = sum(cell.outside for cell in cells)
    if outside:
        names = sorted({cell.config.activation for cell in cells if cell.outside})
        yield f"{outside} starts with {', '.join(names)}: outside the assumptions, by gradient descent alone"
