"""What a sweep on the injectivity of reachable signals says: the interval of μ by number of data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from verify.sweep.groups import families
from verify.sweep.kind import Picture, Results, Summary, Table

__all__ = ["Intervals", "intervals", "summarize"]


@dataclass(frozen=True)
class Intervals:
    """One family: numbers of data, and for each the intervals [lower, upper] of the instances where R' < R and x̄ ∈ Σ'."""

    shared: dict[str, Any]
    ms: tuple[int, ...]
    trials: tuple[int, ...]
    found: tuple[tuple[tuple[float, float], ...], ...]
    statuses: tuple[tuple[str, ...], ...]


def intervals(results: Results) -> Iterator[Intervals]:
    """The families of cells that differ in the number of data alone."""
    for family in families(results, "m"):
        cells = [[r for r in cell.records.values() if r.in_force] for cell in family.cells.values()]
        yield Intervals(
            family.shared,
            tuple(family.cells),
            tuple(len(cell.records) for cell in family.cells.values()),
            tuple(tuple((r.mu_low, r.mu_high) for r in records) for records in cells),
            tuple(tuple(sorted({r.status for r in records})) for records in cells),
        )


def summarize(results: Results) -> Summary:
    """A table, a figure, a line for every family."""
    from verify.sweep.experiments.tension_figure import draw

    found = list(intervals(results))
    if not found:
        return Summary()
    header = (*found[0].shared, "m", "replicas", "in_force", "least_lower", "largest_upper", "status")
    rows = tuple(
        (
            *item.shared.values(),
            m,
            item.trials[i],
            len(item.found[i]),
            min((low for low, _ in item.found[i]), default=math.nan),
            max((high for _, high in item.found[i]), default=math.nan),
            " ".join(item.statuses[i]),
        )
        for item in found
        for i, m in enumerate(item.ms)
    )
    lines = []
    for item in found:
        n = item.shared["n"]
        few = [pair for m, pairs in zip(item.ms, item.found, strict=True) if m < n for pair in pairs]
        many = [pair for m, pairs in zip(item.ms, item.found, strict=True) if m >= n for pair in pairs]
        lines.append(
            f"{item.shared['train']}, n = {n}: m < n, {len(few)} instances, mu between 0 and "
            f"{max((high for _, high in few), default=math.nan):.2g}; m >= n, {len(many)} instances, mu at least "
            f"{min((low for low, _ in many), default=math.nan):.2g}"
        )
    return Summary(
        (Table("cells", header, rows),), (Picture(draw(found, results), Table("tension", header, rows)),), tuple(lines)
    )
