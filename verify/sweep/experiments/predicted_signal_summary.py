"""What a sweep on predicted signals says: distance of the found signal from both predictions, by width, and the bound of one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.sweep.groups import families
from verify.sweep.kind import CellResult, Picture, Results, Summary, Table

__all__ = ["Widths", "beyond_accuracy", "summarize", "widths"]

QUANTITIES = ("from_bregman", "accuracy", "from_wide", "drift")


@dataclass(frozen=True)
class Widths:
    """One family, all widths: (least, median, largest) of each quantity over the replicas that have it, NaN without any.

    inside, outside, undecided: instances by where y is (W only).  in_force: instances with a bound of the drift.
    """

    shared: dict[str, Any]
    ks: tuple[int, ...]
    trials: tuple[int, ...]
    inside: tuple[int, ...]
    outside: tuple[int, ...]
    in_force: tuple[int, ...]
    values: dict[str, tuple[tuple[float, float, float], ...]]


def widths(results: Results) -> Iterator[Widths]:
    """The families of cells that differ in width alone."""
    for family in families(results, "k"):
        cells = [list(cell.records.values()) for cell in family.cells.values()]
        yield Widths(
            family.shared,
            tuple(family.cells),
            tuple(map(len, cells)),
            tuple(sum(r.where == "inside" for r in records) for records in cells),
            tuple(sum(r.where == "outside" for r in records) for records in cells),
            tuple(sum(math.isfinite(r.drift) for r in records) for records in cells),
            {name: tuple(_range(records, name) for records in cells) for name in QUANTITIES},
        )


def _range(records: Sequence[Any], name: str) -> tuple[float, float, float]:
    # where y is outside the image there is no limit to be compared with
    x = np.array([getattr(r, name) for r in records if r.where in ("", "inside")])
    x = x[np.isfinite(x)]
    return (float(x.min()), float(np.median(x)), float(x.max())) if x.size else (math.nan,) * 3


def beyond_accuracy(cells: Sequence[CellResult]) -> tuple[int, int, int, int]:
    """(instances inside, of them with a prediction off by more than the accuracy, bounds of the drift, of them exceeded)."""
    records = [r for cell in cells for r in cell.records.values()]
    inside = [r for r in records if r.where == "inside"]
    bounded = [r for r in records if math.isfinite(r.drift)]
    off = sum(not r.from_bregman <= r.accuracy for r in inside)
    above = sum(not r.from_wide <= r.drift + r.accuracy_wide for r in bounded)
    return len(inside), off, len(bounded), above


def summarize(results: Results) -> Summary:
    """A table, a figure, the counts."""
    from verify.sweep.experiments.predicted_signal_figure import draw

    found = list(widths(results))
    if not found:
        return Summary()
    shared = tuple(found[0].shared)
    parts = tuple(f"{name}_{part}" for name in QUANTITIES for part in ("least", "median", "largest"))
    header = (*shared, "k", "replicas", "inside", "outside", "in_force", *parts)
    rows = tuple(
        (
            *w.shared.values(), k, w.trials[i], w.inside[i], w.outside[i], w.in_force[i],
            *(x for name in QUANTITIES for x in w.values[name][i]),
        )
        for w in found
        for i, k in enumerate(w.ks)
    )  # fmt: skip
    inside, off, bounded, above = beyond_accuracy(results.cells)
    lines = (
        f"W only, y inside the image of the box: {inside} instances, prediction off by more than the run is accurate: {off}",
        f"drift bounded by recover.kernel: {bounded} instances, found signal further from x(0) + A⁺(y − A x(0)): {above}",
    )
    picture = Picture(draw(found, results), Table("predicted_signal", header, rows))
    return Summary((Table("cells", header, rows),), (picture,), lines)
