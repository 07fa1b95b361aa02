"""How the width at which half of the instances converge grows with n, m and κ(A), for each way of training.

The replicas are those of :mod:`verify.sweep.experiments.phase`; this kind looks at them otherwise, and :func:`exponents` takes
the results of either.  Of a replica it reads whether it converged, of a cell n, m, k, kappa, train.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from numerics.activations import activation
from numerics.logistic import Threshold, threshold
from numerics.scaling import Scaling, threshold_scaling
from verify.sweep.experiments.phase import EXPERIMENT as PHASE
from verify.sweep.experiments.widths_summary import AXES, ORDERS, order_at
from verify.sweep.groups import families, fraction
from verify.sweep.kind import CellResult, Picture, Results, Summary, Table

__all__ = ["EXPERIMENT", "Growth", "exponents", "orders", "summarize"]


@dataclass(frozen=True)
class Growth:
    """The threshold of width along an axis.

    axis: "n", "m" or "kappa".  shared: the other parameters but k.  counts: (k, size, converged, trials) of every cell.
    thresholds: by size.  scaling: of the threshold, from all cells at once.  orders: exponents of the theory's orders, by
    criterion.
    """

    axis: str
    shared: Mapping[str, Any]
    counts: tuple[tuple[int, float, int, int], ...]
    thresholds: Mapping[float, Threshold]
    scaling: Scaling
    orders: Mapping[str, float]

    @property
    def until(self) -> str:
        """How long the runs are, in words."""
        shared = self.shared
        clock = shared.get("clock", "steps")
        if clock == "steps":
            return f"{shared['cap']} steps"
        return "the limit" if clock == "limit" else f"time {shared['horizon']:g}/σF²"

    @property
    def said(self) -> str:
        """How the threshold grows, in words."""
        if self.all_converged:
            return "all instances converge at all widths"
        if math.isfinite(self.scaling.exponent):
            return f"threshold ~ {self.axis}^{self.scaling}"
        return f"no size has its threshold within these widths; exponent in {self.axis} {self.scaling}"

    @property
    def all_converged(self) -> bool:
        """Whether every instance did: no threshold among these widths."""
        return all(converged == trials for _, _, converged, trials in self.counts)


def exponents(results: Results) -> list[Growth]:
    """Every family of cells that differ in k and in one of n, m, kappa, with several of both."""
    return [growth for axis in AXES for growth in _along(results, axis)]


def _along(results: Results, axis: str) -> Iterator[Growth]:
    for family in families(results, "k", axis):
        cells = {key: cell for key, cell in family.cells.items() if key[1] is not None}
        sizes = sorted({float(size) for _, size in cells})
        if len(sizes) < 2 or len({k for k, _ in cells}) < 2:
            continue
        counts = tuple((k, float(size), *fraction(cell, "converged")[:2]) for (k, size), cell in cells.items())
        k, s, good, trials = (np.array(column) for column in zip(*counts, strict=True))
        by_size = {size: threshold(k[s == size], good[s == size], trials[s == size]) for size in sizes}
        scaling = threshold_scaling(k, s, good, trials)
        if not any(math.isfinite(t.k) for t in by_size.values()):
            # no threshold is seen at any size: the grid bounds the exponent, and any value inside is as good as another
            scaling = dataclasses.replace(scaling, exponent=math.nan, factor=math.nan)
        yield Growth(axis, family.shared, counts, by_size, scaling, orders(axis, cells))


def orders(axis: str, cells: Mapping[Any, CellResult]) -> dict[str, float]:
    """Exponents of the theory's orders in that size, at the expected constants of the instances.

    E‖y‖² = ‖A‖_F², E‖A⁺y‖² = m.  A Gaussian operator: ‖A‖_F² = m, and σ_F = 1 − √(m/n), its limit for large sizes; without noise.
    """
    configs = {size: cell.config for (_, size), cell in cells.items()}
    found = {}
    for criterion in ORDERS:
        points = [(size, _order(criterion, config)) for size, config in configs.items()]
        x, y = (np.log(np.array(column, dtype=np.float64)) for column in zip(*points, strict=True))
        if np.isfinite(y).all():
            found[criterion] = float(np.polyfit(x, y, 1)[0])
    return found


def _order(criterion: str, config: Any) -> float:
    n, m, kappa = config.n, config.m, config.kappa
    if kappa is None:
        energy, sigma_F = float(m), abs(1 - math.sqrt(m / n))
    else:
        energy = float(np.sum(np.logspace(0.0, -math.log10(kappa), min(n, m)) ** 2))
        sigma_F = 1 / kappa
    if sigma_F == 0:
        return math.nan
    rho_0 = math.sqrt(energy * (1 + activation(config.activation).C_phi.upper ** 2))
    return order_at(criterion, config.train, n, m, rho_0=rho_0, sigma_F=sigma_F, x_plus=math.sqrt(min(n, m)))


def summarize(results: Results) -> Summary:
    """The figure of thresholds and exponents with its table, the table of thresholds, and a line for every exponent."""
    found = exponents(results)
    lines = tuple(_line(growth) for growth in found)
    if not found:
        return Summary(lines=("no cells that differ in k and one of n, m, kappa: there is no exponent to be fitted",))
    from verify.sweep.experiments.exponents_figure import draw

    picture = Picture(draw(found, results), _exponent_table(found))
    return Summary((_threshold_table(found),), (picture,), lines)


def _fixed(growth: Growth) -> tuple[Any, ...]:
    return (growth.shared["train"], growth.axis, *(growth.shared.get(name, "") for name in AXES), growth.until)


_HEADER = ("train", "axis", "n_fixed", "m_fixed", "kappa_fixed", "until")


def _exponent_table(found: list[Growth]) -> Table:
    header = (
        *_HEADER,
        "exponent",
        "low_95",
        "high_95",
        *(f"order_{criterion}" for criterion in ORDERS),
        "all_converged",
    )
    rows = [
        (
            *_fixed(g),
            g.scaling.exponent,
            g.scaling.low,
            g.scaling.high,
            *(g.orders.get(criterion, math.nan) for criterion in ORDERS),
            g.all_converged,
        )
        for g in found
    ]
    return Table("exponents", header, tuple(rows))


def _threshold_table(found: list[Growth]) -> Table:
    header = (*_HEADER, "size", "threshold_k", "low_95", "high_95")
    rows = [(*_fixed(g), size, t.k, t.low, t.high) for g in found for size, t in g.thresholds.items()]
    return Table("thresholds", header, tuple(rows))


def _line(growth: Growth) -> str:
    layers = "both layers" if growth.shared["train"] == "both" else "W only"
    known = ", ".join(f"{criterion} {value:.2f}" for criterion, value in growth.orders.items())
    return f"{layers}, {growth.until}: {growth.said}; the theory's orders over these sizes: {known}"


EXPERIMENT = dataclasses.replace(
    PHASE,
    name="exponents",
    about="How the width at which half of the instances converge grows with n, m and kappa",
    summarize="verify.sweep.experiments.exponents:summarize",
)
