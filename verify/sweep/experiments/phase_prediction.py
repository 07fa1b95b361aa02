"""W only: what `wonly.threshold` proved of each instance before it was trained, against what its run did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from numerics.confidence import clopper_pearson
from verify.sweep.experiments.phase import Record
from verify.sweep.export import order
from verify.sweep.groups import parameters
from verify.sweep.kind import CellResult, Results, Table

__all__ = ["COMPARISONS", "compared", "prediction_lines", "prediction_table"]

COMPARISONS = ("agrees", "disagrees", "not finished", "boundary")


def compared(record: Record) -> str:
    """One of `COMPARISONS`; "" where nothing was predicted.

    A run says "zero loss" when it converged, "no zero loss" when it came down to the optimum over the box, and nothing when it
    ended for want of steps or time: "not finished" is no disagreement, and no agreement either.
    """
    if record.prediction not in ("feasible", "infeasible"):
        return "boundary" if record.prediction == "boundary" else ""
    if not record.converged and record.status != "floor":
        return "not finished"
    return "agrees" if record.converged == (record.prediction == "feasible") else "disagrees"


def prediction_table(results: Results) -> Table | None:
    """A row a cell of those with predictions: the share of feasible instances, with exact limits, and how runs compare."""
    rows, names = [], parameters(results)
    for cell in _predicted(results):
        records = list(cell.records.values())
        verdicts = Counter(record.prediction for record in records)
        found = Counter(compared(record) for record in records)
        limits = clopper_pearson(verdicts["feasible"], len(records))
        rows.append(
            (
                *(getattr(cell.config, name) for name in names),
                len(records),
                *(verdicts[verdict] for verdict in ("feasible", "infeasible", "boundary")),
                float(limits.lower),
                float(limits.upper),
                sum(record.converged for record in records),
                *(found[word] for word in COMPARISONS[:3]),
            )
        )
    verdict_columns = ("replicas", "feasible", "infeasible", "boundary", "feasible_lower_95", "feasible_upper_95")
    words = ("converged", "agrees", "disagrees", "not_finished")
    return Table("prediction", (*names, *verdict_columns, *words), tuple(rows)) if rows else None


def prediction_lines(results: Results) -> Iterator[str]:
    """A line for every clock."""
    clocks: dict[str, Counter[str]] = {}
    for cell in _predicted(results):
        clocks.setdefault(cell.config.clock, Counter()).update(compared(r) for r in cell.records.values())
    for clock, found in sorted(clocks.items()):
        counts = ", ".join(f"{found[word]} {word}" for word in ("disagrees", "not finished", "boundary"))
        yield f"W only, clock {clock}: prediction (wonly.threshold) and run: {found['agrees']} agrees, {counts}"


def _predicted(results: Results) -> list[CellResult]:
    """The cells with at least one prediction, in the order of their parameters."""
    cells = [c for c in results.cells if any(compared(record) for record in c.records.values())]
    return sorted(cells, key=lambda c: [order(value) for value in vars(c.config).values()])
