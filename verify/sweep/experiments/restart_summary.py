"""What a restart sweep says: how early, how often in time, and from which width on nothing need be waited for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from numerics.confidence import clopper_pearson
from numerics.width import Setting, smallest_width
from verify.sweep.experiments.restart import Record
from verify.sweep.groups import families, fraction
from verify.sweep.kind import CellResult, Picture, Results, Summary, Table
from verify.sweep.medians import Median, median

__all__ = ["CRITERIA", "Line", "Point", "Share", "relative", "summarize"]

CRITERIA = {"sharp": "sharp_linear", "amgm": "amgm_dual"}
"""Theorem → criterion of `numerics.width` for the same condition at t = 0."""


@dataclass(frozen=True)
class Share:
    """successes of trials, with exact limits (Clopper and Pearson, 95 %)."""

    successes: int
    trials: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The fraction."""
        return self.successes / self.trials


@dataclass(frozen=True)
class Point:
    """One theorem at one width.

    time: median of (time of the certificate)/(time at which the loss was at the tolerance).  left: median of the part of the
    decay that was still to come, −∞ for runs without a certificate.  in_time, at_once: how often before that, how often at t = 0.
    """

    time: Median
    left: Median
    in_time: Share
    at_once: Share


@dataclass(frozen=True)
class Line:
    """All widths of one way of training; the rest of the configuration in `shared`.

    points: by theorem, one a width.  balanced: how often `dip2.balanced` promised zero loss a priori, one a width.  widths: by
    theorem, a width that is proved enough for it to hold at t = 0 with probability one half, for instances with the median
    constants (more than is needed: see `at_once`).
    """

    shared: Mapping[str, Any]
    ks: tuple[int, ...]
    points: Mapping[str, tuple[Point, ...]]
    balanced: tuple[Share, ...]
    widths: Mapping[str, float]

    @property
    def train(self) -> str:
        """Which layers are trained."""
        return str(self.shared["train"])


def summarize(results: Results) -> Summary:
    """One figure for every family that differs in width and in the layers trained; its table has all of its numbers."""
    from verify.sweep.experiments.restart_figure import draw

    groups: dict[tuple[Any, ...], list[Line]] = {}
    for family in families(results, "k"):
        line = _line(family.shared, family.cells)
        others = tuple(value for name, value in family.shared.items() if name != "train")
        groups.setdefault(others, []).append(line)
    pictures, said = [], []
    for number, lines in enumerate(groups.values(), start=1):
        lines.sort(key=lambda line: line.train != "both")
        name = "restart" if len(groups) == 1 else f"restart-{number}"
        pictures.append(Picture(draw(lines, results), _table(name, lines)))
        said += [text for line in lines for text in _words(line)]
    return Summary((), tuple(pictures), tuple(said))


def relative(record: Record, theorem: str) -> float:
    """Time of the certificate over the time at which the loss was at the tolerance.

    ∞ without a certificate; NaN where the theorem is about both layers.  A run that did not come to the tolerance counts with
    its length: the number is then above the true one.
    """
    t = float(getattr(record, theorem))
    return t if math.isinf(t) else t / min(record.reached, record.ended)


def _line(shared: Mapping[str, Any], cells: Mapping[int, CellResult]) -> Line:
    records = [r for cell in cells.values() for r in cell.records.values()]
    sigma, norm, y = (float(np.median([getattr(r, name) for r in records])) for name in ("sigma_F", "A_norm", "y_norm"))
    theorems = [name for name in CRITERIA if name != "amgm" or shared["train"] == "both"]
    points = {name: tuple(_point(cell, name) for cell in cells.values()) for name in theorems}
    balanced = tuple(Share(*fraction(cell, "balanced")) for cell in cells.values())
    widths = {name: _width(*(shared[key] for key in ("n", "m", "train", "activation", "V")), sigma, norm, y, CRITERIA[name])
              for name in theorems}  # fmt: skip
    return Line(shared, tuple(cells), points, balanced, widths)


def _point(cell: CellResult, theorem: str) -> Point:
    records = list(cell.records.values())
    left = [-math.inf if math.isinf(getattr(r, theorem)) else getattr(r, f"{theorem}_left") for r in records]
    at_once = sum(getattr(r, theorem) == 0 for r in records)
    low, high = (float(x) for x in clopper_pearson(at_once, len(records)))
    return Point(
        median(relative(r, theorem) for r in records),
        median(left),
        Share(*fraction(cell, f"{theorem}_in_time")),
        Share(at_once, len(records), low, high),
    )


@lru_cache(maxsize=4096)
def _width(
    n: int, m: int, train: Any, activation: str, V: str, sigma_F: float, A_norm: float, y_norm: float, criterion: str
) -> float:
    """NaN where the criterion says nothing (a law of V without the property that it needs)."""
    setting = Setting(n, m, train, activation, V, sigma_F=sigma_F, L_F=A_norm, y_norm=y_norm)
    value = smallest_width(setting, 0.5, criterion).value
    return math.nan if value is None else float(value)


def _table(name: str, lines: Sequence[Line]) -> Table:
    header = (
        "train", "k", "theorem", "replicas", "time", "time_low_95", "time_high_95", "left", "left_low_95", "left_high_95",
        "in_time", "in_time_low_95", "in_time_high_95", "at_once", "at_once_low_95", "at_once_high_95", "balanced",
        "balanced_low_95", "balanced_high_95", "width_a_priori",
    )  # fmt: skip
    rows = [
        (line.train, k, theorem, point.in_time.trials, *point.time[:3], *point.left[:3], *_limits(point.in_time),
         *_limits(point.at_once), *_limits(balanced), line.widths[theorem])
        for line in lines
        for theorem, points in line.points.items()
        for k, point, balanced in zip(line.ks, points, line.balanced, strict=True)
    ]  # fmt: skip
    return Table(name, header, tuple(rows))


def _limits(share: Share) -> tuple[float, float, float]:
    return share.value, share.low, share.high


def _words(line: Line) -> Iterator[str]:
    layers = "both layers" if line.train == "both" else "W only"
    operator = "Gaussian A" if line.shared["kappa"] is None else f"condition number {line.shared['kappa']:g}"
    if line.shared["noise"] > 0:
        operator += f", noise {line.shared['noise']:g}"
    for theorem, points in line.points.items():
        runs, good = sum(p.in_time.trials for p in points), sum(p.in_time.successes for p in points)
        seen = [(k, p.time.value) for k, p in zip(line.ks, points, strict=True) if math.isfinite(p.time.value)]
        times = f"; median time, of that of convergence: {_first_and_last(seen)}" if seen else ""
        yield f"{layers}, {operator}, {theorem}: {good} of {runs} runs certified before convergence{times}"


def _first_and_last(seen: Sequence[tuple[int, float]]) -> str:
    ends = [seen[0], seen[-1]] if len(seen) > 1 else seen
    return ", ".join(f"{time:.2g} at k = {k}" for k, time in ends)
