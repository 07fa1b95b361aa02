"""What a sweep over phase retrieval says: how often each recovers, the constant against m/n, errors against their bound."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from numerics.logistic import Threshold
from verify.sweep.groups import Family, families, fraction
from verify.sweep.kind import Picture, Results, Summary, Table

__all__ = ["Row", "rows", "summarize", "words"]


@dataclass(frozen=True)
class Row(Family):
    """The cells that differ in m alone: what they agree in, and per m. threshold: in m, of recovery by descent."""

    threshold: Threshold

    @property
    def ms(self) -> tuple[int, ...]:
        """The values of m."""
        return tuple(self.cells)


def rows(results: Results) -> Iterator[Row]:
    """Every family of cells that differ in m alone."""
    for family in families(results, "m"):
        yield Row(family.shared, family.cells, family.half("recovered"))


def words(row: Row) -> str:
    """What kind of descent it is."""
    shared = row.shared
    starts = f"{shared['start']} start" if shared["attempts"] == 1 else f"best of {shared['attempts']} starts"
    return f"descent, {shared['loss']}, {starts}"


def summarize(results: Results) -> Summary:
    """A table of cells with the figure, and a line a family."""
    from verify.sweep.experiments.phase_retrieval_figure import draw

    sizes: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows(results):
        sizes[row.shared["n"]].append(row)
    if not sizes:
        return Summary()
    table = _table([row for members in sizes.values() for row in members])
    lines = tuple(line for members in sizes.values() for row in members for line in _lines(row))
    return Summary((), (Picture(draw(dict(sizes), results), table),), lines)


def _table(found: list[Row]) -> Table:
    shared = tuple(found[0].shared)
    medians = ("mu_low", "mu_high", "descent_error", "fit_error", "fit_bound")
    ends = ("_fraction", "_lower_95", "_upper_95")
    header = (
        *shared,
        "m",
        "replicas",
        *(f"{name}{end}" for name in ("recovered", "fitted") for end in ends),
        *(f"median_{name}" for name in medians),
    )
    table = []
    for row in found:
        middle = {name: row.quantiles(name, 0.5)[0] for name in medians}
        for i, (m, cell) in enumerate(row.cells.items()):
            entries: list[float] = []
            for name in ("recovered", "fitted"):
                successes, trials, low, high = fraction(cell, name)
                entries += [successes / trials, low, high]
            if not np.isfinite(middle["fit_error"][i]):
                entries[3:] = [math.nan] * 3
            table.append(
                (*row.shared.values(), m, len(cell.records), *entries, *(float(middle[name][i]) for name in medians))
            )
    return Table("phase_retrieval", header, tuple(table))


def _lines(row: Row) -> Iterator[str]:
    shared, t = row.shared, row.threshold
    where = f"n = {shared['n']}, {words(row)}, noise {shared['noise']:g}"
    if math.isfinite(t.k) and not shared["noise"]:
        low, high = (f"{x:.3g}" if 0 < x < math.inf else "?" for x in (t.low, t.high))
        yield f"{where}: half of the signals are recovered from m = {t.k:.3g} on (95 %: {low} to {high})"
    if shared["noise"]:
        error, bound = (np.concatenate(row.values(f"fit_{what}")) for what in ("error", "bound"))
        given = np.isfinite(bound)
        if given.any():
            yield (
                f"{where}: {int((error[given] > bound[given]).sum())} of {int(given.sum())} errors of the best fit above their "
                f"bound, median of bound/error {float(np.median(bound[given] / error[given])):.3g}"
            )
