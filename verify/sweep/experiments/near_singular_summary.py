"""What a sweep towards singularity says: errors and bounds by smallest singular value, and any that contradict."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from verify.sweep.groups import families
from verify.sweep.kind import CellResult, Picture, Results, Summary, Table

__all__ = ["BOUNDS", "ERRORS", "Curves", "curves", "summarize"]

ERRORS = ("error_stop", "error_end", "error_pinv", "seen_stop")
BOUNDS = (
    "baseline_stop", "baseline_end", "linear_stop", "linear_end", "kernel_stop", "kernel_end", "split_stop", "split_end",
    "stability_stop",
)  # fmt: skip
_STATUS = ("status_baseline", "status_kernel", "status_split", "status_illposed")
_DRAWN = {
    "baseline.recovery": ("status_baseline", ("baseline_stop", "baseline_end")),
    "recover.kernel": ("status_kernel", ("kernel_stop", "kernel_end")),
    "illposed.discrepancy": ("status_illposed", ("stability_stop",)),
}
"""What a line of the summary tells of a guarantee: where it is in force, and where the figure has a bound of it."""


@dataclass(frozen=True)
class Curves:
    """One family: smallest singular values, and for each quantity (least, median, largest) over the replicas where it exists.

    A bound counts where every replica has it; NaN elsewhere.  reached_*: in how many replicas the run got where it was to
    stop (the discrepancy, zero loss) before the time was up.
    """

    shared: dict[str, object]
    sigma: tuple[float, ...]
    values: dict[str, tuple[tuple[float, float, float], ...]]
    cells: tuple[CellResult, ...]
    reached_stop: tuple[int, ...]
    reached_end: tuple[int, ...]


def summarize(results: Results) -> Summary:
    """Tables, a figure, and a line for every family."""
    from verify.sweep.experiments.near_singular_figure import draw

    found = list(curves(results))
    if not found:
        return Summary()
    table = _table(found)
    return Summary((table,), (Picture(draw(found, results), _named(table, "near_singular")),), tuple(_lines(found)))


def curves(results: Results) -> Iterator[Curves]:
    """The families of cells that differ in the smallest singular value alone."""
    for family in families(results, "sigma_min"):
        cells = tuple(family.cells.values())
        values = {name: tuple(_range(cell, name) for cell in cells) for name in (*ERRORS, *BOUNDS)}
        records = [list(cell.records.values()) for cell in cells]
        yield Curves(
            family.shared,
            tuple(family.cells),
            values,
            cells,
            tuple(sum(math.isfinite(r.time_stop) for r in group) for group in records),
            tuple(sum(r.end == "loss_stop" for r in group) for group in records),
        )


def _range(cell: CellResult, name: str) -> tuple[float, float, float]:
    x = np.array([getattr(record, name) for record in cell.records.values()])
    if not np.isfinite(x).all():
        return math.nan, math.nan, math.nan
    return float(x.min()), float(np.median(x)), float(x.max())


def _table(found: Sequence[Curves]) -> Table:
    shared = tuple(found[0].shared)
    quantities = tuple(f"{name}_{part}" for name in (*ERRORS, *BOUNDS) for part in ("least", "median", "largest"))
    header = (*shared, "sigma_min", "replicas", "compared", "violated", "undecided", "reached_stop", "reached_end",
              *_STATUS, *quantities)  # fmt: skip
    rows = []
    for item in found:
        for i, (sigma, cell) in enumerate(zip(item.sigma, item.cells, strict=True)):
            records = list(cell.records.values())
            counts = tuple(sum(getattr(r, name) for r in records) for name in ("compared", "violated", "undecided"))
            words = tuple(_count(getattr(r, name) for r in records) for name in _STATUS)
            numbers = tuple(x for name in (*ERRORS, *BOUNDS) for x in item.values[name][i])
            rows.append(
                (
                    *item.shared.values(),
                    sigma,
                    len(records),
                    *counts,
                    item.reached_stop[i],
                    item.reached_end[i],
                    *words,
                    *numbers,
                )
            )
    return Table("cells", header, tuple(rows))


def _count(words: Iterator[str]) -> str:
    """`in_force 3, not_met 1`."""
    return ", ".join(f"{word} {number}" for word, number in sorted(Counter(words).items()))


def _named(table: Table, name: str) -> Table:
    return Table(name, table.header, table.rows)


def _lines(found: Sequence[Curves]) -> Iterator[str]:
    for item in found:
        records = [r for cell in item.cells for r in cell.records.values()]
        compared, violated, undecided = (
            sum(getattr(r, x) for r in records) for x in ("compared", "violated", "undecided")
        )
        who = f"m = {item.shared['m']}, n = {item.shared['n']}, {item.shared['train']}"
        yield f"{who}: {compared} bounds held against runs, {violated} below the error, {undecided} undecided"
        for words, (status, bounds) in _DRAWN.items():
            useful = [all(getattr(r, status) == "in_force" for r in cell.records.values()) for cell in item.cells]
            bound = [all(math.isfinite(item.values[name][i][1]) for name in bounds) for i in range(len(item.cells))]
            yield f"{who}: {words} in force and not vacuous {_down_to(item, useful)}, a bound {_down_to(item, bound)}"


def _down_to(item: Curves, holds: Sequence[bool]) -> str:
    """Where this holds for every instance, from the largest singular value on without a gap."""
    least = None
    for sigma, yes in sorted(zip(item.sigma, holds, strict=True), reverse=True):
        if not yes:
            break
        least = sigma
    return "nowhere for all" if least is None else f"down to sigma_min = {least:g}"
