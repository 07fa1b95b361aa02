"""What a tension sweep says: intervals of the injectivity constant, and what the flow leaves in the kernel."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from verify.sweep.groups import families
from verify.sweep.kind import CellResult, Picture, Results, Summary, Table
from verify.sweep.medians import Median, median

__all__ = ["Row", "rows", "summarize"]


@dataclass(frozen=True)
class Row:
    """A cell.

    Over the instances in which both points are proved to lie in the ball: proved, typical: medians of the lower and of the
    upper bounds of μ; highest: the largest upper one; gap: the largest distance of the two; tension: in how many of them the
    hypothesis R' < R is proved too.  run_ratio, run_error, unseen: medians over the instances that were fitted, NaN where
    there is none.
    """

    config: Any
    instances: int
    inside: int
    tension: int
    fitted: int
    highest: float
    gap: float
    proved: Median
    typical: Median
    run_ratio: Median
    run_error: Median
    unseen: Median


def rows(results: Results) -> Iterator[Row]:
    """A row a cell."""
    for family in families(results, "m"):
        for cell in family.cells.values():
            yield _row(cell)


def _row(cell: CellResult) -> Row:
    records = list(cell.records.values())
    inside = [r for r in records if r.inside]
    fitted = [r for r in records if r.fitted]
    return Row(
        cell.config,
        len(records),
        len(inside),
        sum(r.condition for r in inside),
        len(fitted),
        max((r.mu_upper for r in inside), default=math.nan),
        max((r.mu_upper - r.mu_lower for r in inside), default=math.nan),
        median(r.mu_lower for r in inside),
        median(r.mu_upper for r in inside),
        *(median(getattr(r, name) for r in fitted) for name in ("run_ratio", "run_error", "unseen")),
    )


def summarize(results: Results) -> Summary:
    """A table, a figure, and a line for every cell."""
    from verify.sweep.experiments.tension_figure import draw

    found = list(rows(results))
    return Summary((), (Picture(draw(found, results), _table(results, found)),), tuple(map(_line, found)))


def _table(results: Results, found: list[Row]) -> Table:
    names = tuple(vars(results.cells[0].config)) if results.cells else ()
    medians = ("mu_lower", "mu_upper", "run_ratio", "run_error", "unseen")
    header = (*names, "replicas", "inside", "tension", "fitted", "mu_upper_max", "gap_max")
    body = tuple(
        (
            *vars(r.config).values(), r.instances, r.inside, r.tension, r.fitted, r.highest, r.gap,
            *(x for m in (r.proved, r.typical, r.run_ratio, r.run_error, r.unseen) for x in (m.value, m.low, m.high)),
        )
        for r in found
    )  # fmt: skip
    columns = (f"{name}{part}" for name in medians for part in ("_median", "_low_95", "_high_95"))
    return Table("tension", (*header, *columns), body)


def _line(row: Row) -> str:
    c = row.config
    layers = "both layers" if c.train == "both" else "W only"
    kind = "injective A" if c.m >= c.n else "A with a kernel"
    return (
        f"{layers}, k = {c.k}, m/n = {c.m}/{c.n} ({kind}): mu = {row.typical.value:.2g} (median; known to {row.gap:.0e}) "
        f"on {row.inside} of {row.instances} instances (R' < R on {row.tension}); the flow fits {row.fitted} and is left with "
        f"{row.run_error.value:.2g} of its initial error"
    )
