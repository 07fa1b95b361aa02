"""The same cells on several clocks: a threshold in width, or one in time?

Stopped after a fixed number of steps, both ways of training show a threshold in width.  To the limit that of W only is the
exact one of `wonly.threshold`, and that of both layers is gone (`dip2.no_threshold`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from numerics.confidence import clopper_pearson
from numerics.phase import CLOCKS, Experiment
from verify.sweep.groups import Family, families, fraction
from verify.sweep.kind import Results, Table

__all__ = ["Panel", "Series", "clock_lines", "clock_table", "panels", "within"]

# What dip2.no_threshold asks of the activation.
_NO_THRESHOLD = ("tanh", "erf", "identity", "sin", "gelu", "silu")


@dataclass(frozen=True)
class Series:
    """One clock, by width: ks, converged, trials, and exact limits of the probability."""

    clock: str
    ks: tuple[int, ...]
    converged: tuple[int, ...]
    trials: tuple[int, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]


@dataclass(frozen=True)
class Panel:
    """Cells that differ in width and clock alone.

    experiment: one of them.  series: in the order of `CLOCKS`.  ks, exact: by width, the share of instances whose flow reaches
    zero loss in the limit by theory: 1 for both layers (`dip2.no_threshold`), for W only the certified share
    (`wonly.threshold`) of the instances that ran to the limit; without such a clock, of all: each clock has its own draws.  NaN
    where no theory says it.
    """

    experiment: Experiment
    series: tuple[Series, ...]
    ks: tuple[int, ...]
    exact: tuple[float, ...]

    @property
    def to_the_limit(self) -> bool:
        """Whether a clock is "limit"."""
        return any(s.clock == "limit" for s in self.series)


def panels(results: Results) -> list[Panel]:
    """Every family of cells that was run on more than one clock; both layers first."""
    found = []
    for family in families(results, "k", "clock"):
        clocks = [clock for clock in CLOCKS if any(key[1] == clock for key in family.cells)]
        if len(clocks) > 1:
            ks = tuple(sorted({k for k, _ in family.cells}))
            exact = tuple(_exact(family, k) for k in ks)
            experiment = next(iter(family.cells.values())).config
            found.append(Panel(experiment, tuple(_series(family, clock) for clock in clocks), ks, exact))
    return sorted(found, key=lambda panel: panel.experiment.train != "both")


def _series(family: Family, clock: str) -> Series:
    cells = {k: cell for (k, c), cell in family.cells.items() if c == clock}
    counts = [fraction(cell, "converged") for cell in cells.values()]
    converged, trials, lower, upper = zip(*counts, strict=True)
    return Series(clock, tuple(cells), converged, trials, lower, upper)


def _exact(family: Family, k: int) -> float:
    cells = {clock: cell for (width, clock), cell in family.cells.items() if width == k}
    e = next(iter(cells.values())).config
    if e.train == "both":
        # data outside the range of A cannot be fitted: the theorem's range condition
        return 1.0 if e.activation in _NO_THRESHOLD and (e.noise == 0 or e.m <= e.n) else math.nan
    of = [cell for clock, cell in cells.items() if clock == "limit" or all(c != "limit" for _, c in family.cells)]
    verdicts = [record.prediction for cell in of for record in cell.records.values()]
    decided = [verdict for verdict in verdicts if verdict in ("feasible", "infeasible")]
    return decided.count("feasible") / len(decided) if decided else math.nan


def within(experiment: Experiment, clock: str | None = None) -> str:
    """How long a run may take, in words: "within ..." or "in the limit"."""
    clock = experiment.clock if clock is None else clock
    if clock == "scaled":
        return f"within flow time {experiment.horizon:g}/σ_F²"
    if clock == "limit":
        return f"in the limit (to flow time {experiment.limit_cap:g}/σ_F²)"
    return f"within {experiment.cap} {'steps of flow time' if experiment.method == 'flow' else 'steps'}"


def clock_table(found: Sequence[Panel]) -> Table:
    """The numbers of the figure `phase-clocks`."""
    shared = ("train", "n", "m", "kappa", "noise", "activation", "V", "cap", "horizon", "limit_cap")
    rows: list[tuple[Any, ...]] = []
    for panel in found:
        exact = dict(zip(panel.ks, panel.exact, strict=True))
        parameters = [getattr(panel.experiment, name) for name in shared]
        for s in panel.series:
            for k, c, t, low, high in zip(s.ks, s.converged, s.trials, s.lower, s.upper, strict=True):
                rows.append((*parameters, s.clock, k, t, c, c / t, low, high, exact[k]))
    columns = ("clock", "k", "replicas", "converged", "fraction", "lower_95", "upper_95", "exact_share")
    return Table("phase-clocks", (*shared, *columns), tuple(rows))


def clock_lines(found: Sequence[Panel]) -> Iterator[str]:
    """A line for each way of training: all widths and panels together, by clock."""
    for train, layers in (("both", "both layers"), ("W", "W only")):
        series = [s for panel in found if panel.experiment.train == train for s in panel.series]
        parts = []
        for clock in CLOCKS:
            counts = [(sum(s.converged), sum(s.trials)) for s in series if s.clock == clock]
            converged, trials = sum(c for c, _ in counts), sum(t for _, t in counts)
            if trials:
                low, high = clopper_pearson(converged, trials)
                parts.append(f"{converged} of {trials} on the clock {clock} ({low:.3g} to {high:.3g})")
        if parts:
            yield f"{layers}, runs that reach zero loss (95 %): {', '.join(parts)}"
