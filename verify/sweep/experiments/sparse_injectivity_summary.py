"""What a sweep over sparse signals says: how often each recovers, the constants against m, errors against their bounds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from numerics.injectivity import gordon, statistical_dimension
from numerics.logistic import Threshold
from verify.sweep.groups import Family, families, fraction
from verify.sweep.kind import Picture, Results, Summary, Table

__all__ = ["CONSTANTS", "RECOVERERS", "Row", "rows", "summarize"]

RECOVERERS = {
    "l1": "ℓ1 minimization",
    "sparse": "best s-sparse fit",
    "both": "network, both layers",
    "W": "network, W only",
}
"""Name in the record, words."""

CONSTANTS = {"mu": "s-sparse, at x̄", "pairs": "s-sparse, all pairs", "cone": "ℓ1 descent cone at x̄"}
"""Name in the record, words."""


@dataclass(frozen=True)
class Row(Family):
    """The cells that differ in m alone: what they agree in, and per m.

    dimension: statistical dimension of the descent cone.  threshold: in m, of recovery by l1.
    """

    dimension: float
    threshold: Threshold

    @property
    def ms(self) -> tuple[int, ...]:
        """The values of m."""
        return tuple(self.cells)

    def has(self, name: str) -> bool:
        """Whether that recoverer was at work."""
        return bool(np.isfinite(np.concatenate(self.values(f"{name}_error"))).any())


def rows(results: Results) -> Iterator[Row]:
    """Every family of cells that differ in m alone."""
    for family in families(results, "m"):
        yield Row(
            family.shared,
            family.cells,
            statistical_dimension(family.shared["n"], family.shared["s"]),
            family.half("l1"),
        )


def summarize(results: Results) -> Summary:
    """A table of cells with the figure, and a line a family."""
    from verify.sweep.experiments.sparse_injectivity_figure import draw

    found = list(rows(results))
    pictures = (Picture(draw(found, results), _table(found)),) if found else ()
    return Summary((), pictures, tuple(line for row in found for line in _lines(row)))


def _table(found: list[Row]) -> Table:
    shared = tuple(found[0].shared)
    medians = (
        *(f"{name}_{end}" for name in CONSTANTS for end in ("low", "high")),
        *(f"{name}_error" for name in RECOVERERS),
        "l1_bound",
        "sparse_bound",
        "unseen",
    )
    header = (
        *shared,
        "m",
        "replicas",
        *(f"{name}{end}" for name in RECOVERERS for end in ("_fraction", "_lower_95", "_upper_95")),
        "proved",
        *(f"median_{name}" for name in medians),
        "statistical_dimension",
        "gordon_95",
    )
    table = []
    for row in found:
        middle = {name: row.quantiles(name, 0.5)[0] for name in medians}
        for i, (m, cell) in enumerate(row.cells.items()):
            entries: list[float] = []
            for name in RECOVERERS:
                successes, trials, low, high = fraction(cell, name)
                entries += [successes / trials, low, high] if row.has(name) else [math.nan] * 3
            proved = sum(r.cone_low > 0 for r in cell.records.values())
            table.append(
                (
                    *row.shared.values(),
                    m,
                    len(cell.records),
                    *entries,
                    proved,
                    *(float(middle[name][i]) for name in medians),
                    row.dimension,
                    gordon(m, row.dimension),
                )
            )
    return Table("sparse_injectivity", header, tuple(table))


def _lines(row: Row) -> Iterator[str]:
    shared = row.shared
    t = row.threshold
    where = f"n = {shared['n']}, s = {shared['s']}, {shared['law']}, noise {shared['noise']:g}"
    if math.isfinite(t.k):
        low, high = (f"{x:.3g}" if 0 < x < math.inf else "?" for x in (t.low, t.high))
        yield (
            f"{where}: l1 recovers half of the signals from m = {t.k:.3g} on (95 %: {low} to {high}); statistical dimension "
            f"{row.dimension:.3g}"
        )
    if shared["noise"]:
        for name in ("l1", "sparse"):
            error, bound = (np.concatenate(row.values(f"{name}_{what}")) for what in ("error", "bound"))
            given = np.isfinite(bound)
            if given.any():
                yield (
                    f"{where}: {RECOVERERS[name]}: {int((error[given] > bound[given]).sum())} of {int(given.sum())} errors above "
                    f"their bound, median of bound/error {float(np.median(bound[given] / error[given])):.3g}"
                )
