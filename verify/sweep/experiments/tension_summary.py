"""What a tension sweep says: intervals of the injectivity constant, and what the flow leaves in the kernel."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from verify.sweep.groups import families
from verify.sweep.kind import CellResult, Picture, Results, Summary, Table
from verify.sweep.medians import Median, median

__all__ = ["LAYERS", "Row", "rows", "summarize"]

LAYERS = {"both": "both layers", "W": "W only"}


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
    """A table, a figure, and for every family a line on the operators with a kernel and one on the injective ones."""
    from verify.sweep.experiments.tension_figure import draw

    found = list(rows(results))
    return Summary((), (Picture(draw(found, results), _table(results, found)),), tuple(_lines(found)))


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


def _lines(found: Sequence[Row]) -> Iterator[str]:
    families: dict[tuple[Any, ...], list[Row]] = {}
    for row in found:
        families.setdefault(tuple(v for name, v in vars(row.config).items() if name != "m"), []).append(row)
    for family in families.values():
        for kernel in (True, False):
            if part := [row for row in family if (row.config.m < row.config.n) == kernel]:
                yield _line(part, kernel)


def _line(part: Sequence[Row], kernel: bool) -> str:
    c = part[0].config
    ms = [row.config.m for row in part]
    instances, inside, tension, fitted = (
        sum(getattr(row, name) for row in part) for name in ("instances", "inside", "tension", "fitted")
    )
    if kernel:
        kind = "A with a kernel"
        mu = f"mu = 0; mu <= {max(row.highest for row in part):.0e} proved by a pair of signals"
    else:
        kind = "injective A"
        mu = f"mu = {_between([row.typical.value for row in part])} (medians; known to {max(row.gap for row in part):.0e})"
    return (
        f"{LAYERS[c.train]}, k = {c.k}, n = {c.n}, {kind} (m = {_between(ms)}): {mu} on {inside} of {instances} instances "
        f"(R' < R on {tension}); the flow fits {fitted} and is left with "
        f"{_between([row.run_error.value for row in part])} of the initial error (medians)"
    )


def _between(values: Sequence[float]) -> str:
    low, high = f"{min(values):.2g}", f"{max(values):.2g}"
    return low if low == high else f"{low} to {high}"
