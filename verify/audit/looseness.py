"""Waterfalls measured along runs: which step of a proof gives how much away, on which kind of instance.

At every stored time at which the statement is in force, the total and its parts are evaluated with their error budgets.
Times at which one of them is not known to a thousandth are left out and counted.  Averages are over the time of the run
(trapezoidal weights), of logarithms for products and of shares of the bound for sums.  A part below its least value (1 or
0) by more than its error would be a step that fails: those are kept apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from numerics.compile import HypothesisNotMet
from numerics.measured import budget, sides
from theory.claim import Claim, claim_of
from theory.ledger import registry
from verify.audit.waterfall import Waterfall
from verify.claims import hypotheses_met, in_force

if TYPE_CHECKING:
    from numerics.scene import Point, Scene
    from verify.pool import Instance

__all__ = ["Failure", "Looseness", "View", "watch"]

_KNOWN = 1e-3  # relative error up to which a part is evaluated

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Failure:
    """A part below its least value by more than its error, at one stored time."""

    step: str
    label: str
    instance: str
    t: float
    value: float
    least: float
    error: float


@dataclass(frozen=True)
class View:
    """A waterfall on one instance: mean logarithms (sums: mean shares) of the parts, and those where the total is largest.

    `total` is the product (the sum, as a share of the scale) at those two; `gap` is the largest relative difference
    between the total and the product (sum) of its parts, which is rounding.
    """

    instance: Instance
    points: int
    left_out: int
    mean: Array
    worst: Array
    worst_t: float
    gap: float
    failures: tuple[Failure, ...] = ()


@lru_cache(maxsize=256)
def _claim(statement: str) -> Claim:
    return claim_of(statement, registry)


@lru_cache(maxsize=1024)
def _one(value: Any, scale: Any) -> Any:
    """value/scale as the left side of a relation, which is what numerics.measured evaluates."""
    return sp.Eq(value / scale, 0, evaluate=False)


def watch(fall: Waterfall, instance: Instance, scene: Scene, limit: int | None = None) -> View | None:
    """The waterfall on one run; None where the statement is never in force or nothing of it is known well enough.

    `limit` is how many stored times are looked at, spread evenly over the run (None: all).
    """
    claim = _claim(fall.statement)
    if hypotheses_met(claim, scene):
        return None
    rows: list[Array] = []
    times: list[float] = []
    left_out, gap, failures = 0, 0.0, []
    for point in _spread(scene.points()[1:], limit):
        if in_force(claim, point):
            continue
        try:
            values, errors = _measured(fall, point)
        except (LookupError, HypothesisNotMet):
            left_out += 1
            continue
        least = 1.0 if fall.kind == "product" else 0.0
        t = point.value("t")
        failures += [
            Failure(part.step, part.label, instance.name, t, float(value), least, float(error))
            for part, value, error in zip(fall.parts, values[1:], errors, strict=True)
            if not part.identity and value < least - error - 1e-12
        ]
        if not np.all(errors <= _KNOWN * np.maximum(np.abs(values[1:]), 1.0 - least)):
            left_out += 1
            continue
        made = float(np.prod(values[1:]) if fall.kind == "product" else np.sum(values[1:]))
        gap = max(gap, abs(made - values[0]) / max(abs(values[0]), 1.0 - least))
        rows.append(np.log(values[1:]) if fall.kind == "product" else values[1:])
        times.append(t)
    if not rows:
        return None
    table = np.array(rows)
    worst = int(np.argmax(table.sum(axis=1)))
    mean = _weights(np.array(times)) @ table
    return View(instance, len(rows), left_out, mean, table[worst], times[worst], gap, tuple(failures))


def _spread(points: list[Point], limit: int | None) -> list[Point]:
    """At most `limit` of them, the first and the last included."""
    if limit is None or len(points) <= limit:
        return points
    return [points[i] for i in np.unique(np.linspace(0, len(points) - 1, limit).round().astype(int))]


def _measured(fall: Waterfall, point: Point) -> tuple[Array, Array]:
    """Total and parts (of a sum: over its scale), and the errors of the parts."""
    relations = [_one(value, fall.scale) for value in (fall.total, *(part.value for part in fall.parts))]
    values = [sides(relation, point)[0] for relation in relations]
    if not all(math.isfinite(value) and (value > 0 or fall.kind == "sum") for value in values):
        raise LookupError(f"{fall.statement} has no value here")
    return np.array(values), np.array([budget(relation, point) for relation in relations[1:]])


def _weights(t: Array) -> Array:
    """Trapezoidal weights over the times, of sum 1."""
    if len(t) == 1 or not t[-1] > t[0]:
        return np.full(len(t), 1 / len(t))
    steps = np.diff(t)
    weights = np.concatenate([[0], steps]) + np.concatenate([steps, [0]])
    return np.asarray(weights / weights.sum())


@dataclass
class Looseness:
    """A waterfall over the instances of an audit."""

    waterfall: Waterfall
    views: list[View] = field(default_factory=list)

    def add(self, view: View) -> None:
        """Keep what one instance showed."""
        self.views.append(view)

    @property
    def failures(self) -> list[Failure]:
        """Parts that were below their least value."""
        return [failure for view in self.views for failure in view.failures]

    @property
    def loosest(self) -> View | None:
        """The view with the largest total at one time."""
        return max(self.views, key=lambda view: float(view.worst.sum()), default=None)

    @property
    def tightest(self) -> View | None:
        """The view with the smallest mean total."""
        return min(self.views, key=lambda view: float(view.mean.sum()), default=None)

    def families(self) -> dict[str, tuple[int, Array]]:
        """Family → number of its instances and the mean of their means."""
        names = sorted({view.instance.family for view in self.views})
        found = {name: [view.mean for view in self.views if view.instance.family == name] for name in names}
        return {name: (len(rows), np.mean(rows, axis=0)) for name, rows in found.items()}

    def to_json(self) -> dict[str, Any]:
        """Parts with their means, by family and over all; products as factors, sums as shares of the bound."""
        fall = self.waterfall
        # every family counts once: the pool has many instances of some kinds
        rows = self.families()
        mean = np.mean([row for _, row in rows.values()], axis=0) if rows else None
        loosest, tightest = self.loosest, self.tightest
        return {
            "statement": fall.statement,
            "reads": fall.reads,
            "kind": fall.kind,
            "parts": [
                {"label": part.label, "step": part.step, "identity": part.identity, "value": str(part.value)}
                for part in fall.parts
            ],
            "instances": len(self.views),
            "points": sum(view.points for view in self.views),
            "left_out": sum(view.left_out for view in self.views),
            "gap": max((view.gap for view in self.views), default=0.0),
            "mean": None if mean is None else self._told(mean),
            "loosest": None if loosest is None else {
                "instance": loosest.instance.name, "t": loosest.worst_t, **self._told(loosest.worst)},
            "tightest": None if tightest is None else {
                "instance": tightest.instance.name, **self._told(tightest.mean)},
            "families": [{"family": name, "instances": n, **self._told(row)} for name, (n, row) in rows.items()],
        }  # fmt: skip

    def _told(self, row: Array) -> dict[str, Any]:
        """Total, parts, and shares: of the logarithm for products, of the total for sums."""
        whole = float(row.sum())
        shares = [float(v / whole) if whole > 0 else 0.0 for v in np.maximum(row, 0)]
        if self.waterfall.kind == "product":
            return {"total": _exp(whole), "parts": [_exp(float(v)) for v in row], "shares": shares}
        return {"total": whole, "parts": row.tolist(), "shares": shares}


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf
