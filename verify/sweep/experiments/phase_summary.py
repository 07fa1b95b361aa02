"""What a phase sweep says: fractions with exact limits, thresholds of width, and the widths that theorems certify."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any

import numpy as np

from numerics.confidence import clopper_pearson
from numerics.logistic import Threshold, threshold
from numerics.phase import CLOCKS, Experiment
from numerics.width import Setting, smallest_width
from verify.sweep.experiments.phase_clocks import clock_lines, clock_table, panels
from verify.sweep.experiments.phase_prediction import prediction_lines, prediction_table
from verify.sweep.export import order
from verify.sweep.groups import families, parameters
from verify.sweep.kind import CellResult, Picture, Results, Summary, Table

__all__ = ["CRITERIA", "Map", "Row", "maps", "summarize"]

CRITERIA = ("baseline", "sharp", "amgm_dual", "balanced", "balanced_linear", "wonly")
"""Those of `numerics.width` that are shown: of each theorem the best variant that takes less than a second."""

# Parameters that the line about a map has anyway.
_SAID = ("n", "m", "k", "train", "clock")


@dataclass(frozen=True)
class Row:
    """One size (of n or m), all widths.

    ks, converged, trials: by width.  threshold: of width, from them.  sigma_F, A_norm, y_norm: medians over the instances.
    widths: what each criterion certifies for instances with these constants, with probability one half; NaN: nothing.
    exact: W only: the width at which half of these instances are feasible, fitted to their certified verdicts
    (`wonly.threshold`).
    """

    size: int
    ks: tuple[int, ...]
    converged: tuple[int, ...]
    trials: tuple[int, ...]
    threshold: Threshold
    sigma_F: float
    A_norm: float
    y_norm: float
    widths: tuple[float, ...]
    exact: Threshold

    def one_sided(self) -> tuple[str, float] | None:
        """("<", bound) or (">", bound) if the threshold lies, as far as is known, beyond one end of the widths."""
        t = self.threshold
        above, below = t.high > max(self.ks), t.low < min(self.ks)
        if math.isfinite(t.k) or above == below:
            return None
        return (">", t.low) if above else ("<", t.high)


@dataclass(frozen=True)
class Map:
    """The cells that differ in k and in one size alone: `axis`, "n" or "m"; `experiment` is one of them."""

    axis: str
    experiment: Experiment
    rows: tuple[Row, ...]


def summarize(results: Results) -> Summary:
    """Tables, a figure for every axis (and clock), one that compares the clocks, and a line for every threshold."""
    found = sorted(maps(results), key=lambda item: (item.axis != "n", item.experiment.train != "both"))
    found.sort(key=lambda item: CLOCKS.index(item.experiment.clock))
    drawn: defaultdict[tuple[Any, ...], list[Map]] = defaultdict(list)
    for item in found:
        drawn[item.axis, *_others(item, "train")].append(item)
    pictures = []
    names = _names([(axis, members[0].experiment.clock) for (axis, *_), members in drawn.items()])
    from verify.sweep.experiments.phase_clocks_figure import draw_clocks
    from verify.sweep.experiments.phase_figure import draw

    for (family, members), name in zip(drawn.items(), names, strict=True):
        del family
        members.sort(key=lambda item: item.experiment.train != "both")
        pictures.append(Picture(draw(members, results), _threshold_table(name, members)))
    compared = panels(results)
    if compared:
        pictures.append(Picture(draw_clocks(compared, results), clock_table(compared)))
    predicted = prediction_table(results)
    tables = (_cell_table(results), *([predicted] if predicted else []))
    return Summary(tables, tuple(pictures), (*_lines(found), *clock_lines(compared), *prediction_lines(results)))


def maps(results: Results) -> Iterator[Map]:
    """Every family of cells that varies in k and one of n and m."""
    for axis in ("n", "m"):
        for family in families(results, "k", axis):
            cells = list(family.cells.values())
            sizes = sorted({getattr(cell.config, axis) for cell in cells})
            if len(sizes) > 1 and len({cell.config.k for cell in cells}) > 1:
                rows = (_row([c for c in cells if getattr(c.config, axis) == size], size) for size in sizes)
                yield Map(axis, cells[0].config, tuple(rows))


def _others(item: Map, *without: str) -> tuple[Any, ...]:
    """What the cells of a map have in common, but for those parameters."""
    return tuple(value for name, value in vars(item.experiment).items() if name not in ("k", item.axis, *without))


def _row(cells: Sequence[CellResult], size: int) -> Row:
    cells = sorted(cells, key=lambda cell: cell.config.k)
    ks = tuple(cell.config.k for cell in cells)
    converged = tuple(sum(r.converged for r in cell.records.values()) for cell in cells)
    trials = tuple(len(cell.records) for cell in cells)
    sigma, norm, y = (
        float(np.median([getattr(r, name) for cell in cells for r in cell.records.values()]))
        for name in ("sigma_F", "A_norm", "y_norm")
    )
    e = cells[0].config
    widths = tuple(certified_width(e.n, e.m, e.train, e.activation, e.V, sigma, norm, y, name) for name in CRITERIA)
    verdicts = [[r.prediction for r in cell.records.values()] for cell in cells]
    feasible = [found.count("feasible") for found in verdicts]
    decided = [n + found.count("infeasible") for n, found in zip(feasible, verdicts, strict=True)]
    exact = threshold(ks, feasible, decided)
    return Row(size, ks, converged, trials, threshold(ks, converged, trials), sigma, norm, y, widths, exact)


@lru_cache(maxsize=4096)
def certified_width(
    n: int, m: int, train: Any, activation: str, V: str, sigma_F: float, A_norm: float, y_norm: float, criterion: str
) -> float:
    """The smallest width at which the criterion promises convergence with probability one half; NaN if it promises none."""
    try:
        setting = Setting(n, m, train, activation, V, sigma_F=sigma_F, L_F=A_norm, y_norm=y_norm)
    except ValueError:  # outside the assumptions of the theorems
        return math.nan
    value = smallest_width(setting, 0.5, criterion).value
    return math.nan if value is None else float(value)


def _cell_table(results: Results) -> Table:
    """One row a cell, with exact limits (Clopper and Pearson, 95 %) of the probability."""
    names = parameters(results)
    cells = sorted(results.cells, key=lambda c: [order(getattr(c.config, name)) for name in names])
    rows = []
    for cell in cells:
        records = list(cell.records.values())
        successes, trials = sum(r.converged for r in records), len(records)
        limits = clopper_pearson(successes, trials)
        steps = [r.steps for r in records if math.isfinite(r.steps)]
        rows.append(
            (
                *(getattr(cell.config, name) for name in names),
                trials,
                successes,
                successes / trials if trials else math.nan,
                float(limits.lower),
                float(limits.upper),
                float(np.median(steps)) if steps else math.nan,
            )
        )
    header = (*names, "replicas", "converged", "fraction", "lower_95", "upper_95", "median_steps_of_converged")
    return Table("cells", header, tuple(rows))


def _threshold_table(name: str, members: Sequence[Map]) -> Table:
    """The numbers of a figure's right side; those of its left side are in cells.csv."""
    axis = members[0].axis
    fitted = ("threshold_k", "low_95", "high_95", "slope", "exact_k", "exact_low_95", "exact_high_95")
    header = ("train", axis, *fitted, "sigma_F", "A_norm", "y_norm")
    rows = [
        (
            m.experiment.train,
            r.size,
            t.k,
            t.low,
            t.high,
            t.slope,
            x.k,
            x.low,
            x.high,
            r.sigma_F,
            r.A_norm,
            r.y_norm,
            *r.widths,
        )
        for m in members
        for r in m.rows
        for t, x in ((r.threshold, r.exact),)
    ]
    return Table(name, (*header, *(f"width_{criterion}" for criterion in CRITERIA)), tuple(rows))


def _names(figures: list[tuple[str, str]]) -> list[str]:
    """phase-n, phase-m from (axis, clock); with the clock, or numbered, where an axis has several figures."""
    names: list[str] = []
    for axis, clock in figures:
        clocks = [other for a, other in figures if a == axis]
        if len(clocks) == 1:
            names.append(f"phase-{axis}")
        elif len(set(clocks)) == len(clocks):
            names.append(f"phase-{axis}-{clock}")
        else:
            names.append(f"phase-{axis}-{1 + sum(name.startswith(f'phase-{axis}-') for name in names)}")
    return names


def _lines(found: Sequence[Map]) -> Iterator[str]:
    """A line for each map, which names every parameter that tells it from another one."""
    settings = [vars(item.experiment) for item in found]
    named = [name for name in vars(found[0].experiment) if name not in _SAID] if found else []
    varying = [name for name in named if len({repr(setting[name]) for setting in settings}) > 1]
    yield from (_line(item, varying) for item in found)


def _line(item: Map, varying: Sequence[str]) -> str:
    """Where half of the instances converge, by size; neighbours of which the same is to be said are said together."""
    e, axis = item.experiment, item.axis
    other = "m" if axis == "n" else "n"
    layers = "both layers" if e.train == "both" else "W only"
    if e.clock != "steps":
        layers += f", clock {e.clock}"
    layers += "".join(f", {name} = {getattr(e, name)}" for name in varying)
    parts = []
    for words, rows in groupby(item.rows, key=_words):
        parts.append(f"{axis} = {', '.join(str(row.size) for row in rows)}: {words}")
    return f"{layers}, {other} = {getattr(e, other)}: half of the instances converge (95 %) at {'; '.join(parts)}"


def _words(row: Row) -> str:
    t, bound = row.threshold, row.one_sided()
    if math.isfinite(t.k):
        low, high = (f"{x:.3g}" if 0 < x < math.inf else "?" for x in (t.low, t.high))
        return f"from k = {t.k:.3g} on ({low} to {high})"
    if bound is None:
        return "from a k that these widths do not show"
    above, k = bound[0] == ">", bound[1]
    if above:
        return "no width of the sweep" if k >= max(row.ks) else f"from some k above {k:.3g} on"
    return "every width of the sweep" if k <= min(row.ks) else f"from some k below {k:.3g} on"
