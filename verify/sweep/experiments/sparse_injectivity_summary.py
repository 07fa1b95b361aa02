"""What a sweep over sparse signals says: how often each recovers, the constants against m, errors against their bounds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from numerics.injectivity import gordon, statistical_dimension
from numerics.logistic import Threshold, threshold
from verify.sweep.groups import families, fraction
from verify.sweep.kind import CellResult, Picture, Results, Summary, Table

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
class Row:
    """The cells that differ in m alone: what they agree in, and per m.

    dimension: statistical dimension of the descent cone.  threshold: in m, of recovery by l1.
    """

    shared: dict[str, Any]
    ms: tuple[int, ...]
    cells: tuple[CellResult, ...]
    dimension: float
    threshold: Threshold

    def values(self, name: str) -> list[Any]:
        """Per m the entries of that name of all records, as an array."""
        return [np.array([getattr(r, name) for r in cell.records.values()]) for cell in self.cells]

    def quantiles(self, name: str, *q: float) -> np.ndarray[Any, Any]:
        """Shape (len(q), number of ms): quantiles that are entries themselves (0 and inf do not average); NaN without any."""
        found = [v[~np.isnan(v)] for v in self.values(name)]
        return np.array(
            [[float(np.quantile(v, x, method="inverted_cdf")) if v.size else math.nan for v in found] for x in q]
        )

    def has(self, name: str) -> bool:
        """Whether that recoverer was at work."""
        return bool(np.isfinite(np.concatenate(self.values(f"{name}_error"))).any())


def rows(results: Results) -> Iterator[Row]:
    """Every family of cells that differ in m alone."""
    for family in families(results, "m"):
        counts = [fraction(cell, "l1") for cell in family.cells.values()]
        yield Row(
            family.shared,
            tuple(family.cells),
            tuple(family.cells.values()),
            statistical_dimension(family.shared["n"], family.shared["s"]),
            threshold(list(family.cells), [c[0] for c in counts], [c[1] for c in counts]),
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
        for i, (m, cell) in enumerate(zip(row.ms, row.cells, strict=True)):
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
