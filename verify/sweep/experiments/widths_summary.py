"""What a sweep of certified widths says: medians and quartiles over instances, and how they grow beside the theory's orders."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numerics.activations import activation
from numerics.compile import evaluate, formula
from numerics.confidence import clopper_pearson
from numerics.scaling import Scaling, width_scaling
from verify.nested_widths import CRITERIA
from verify.sweep.experiments.widths import Config, Record
from verify.sweep.groups import families
from verify.sweep.kind import Picture, Results, Summary, Table

__all__ = ["AXES", "ORDERS", "Panel", "Series", "exponent_words", "order", "order_at", "panels", "summarize"]

Array = NDArray[np.float64]

AXES = ("n", "m", "kappa")

ORDERS: Mapping[str, tuple[str, str, str]] = {
    "baseline": ("dip2.width_baseline", "order_both", "order_W"),
    "sharp": ("dip2.width_sharp", "order", "order"),
    "sharp_linear": ("dip2.width_sharp", "order", "order"),
    "amgm": ("dip2.width_amgm", "order", ""),
    "wonly": ("wonly.width", "", "order"),
}
"""Criterion → statement, and the name of its formula in order form for both layers and for W only."""


@dataclass(frozen=True)
class Series:
    """The widths of one criterion along an axis.

    sizes, widths: one entry an instance.  scaling: of the widths.  order: of the theory's order at the same instances, at the
    sizes that are in the fit (None: there is none).  beyond: of width/order, at the sizes at which every instance is
    certified, so that no ratio is unknown: an order that holds has no positive exponent there, once the sizes are large.
    """

    criterion: str
    sizes: Array
    widths: Array
    scaling: Scaling
    order: Scaling | None
    beyond: Scaling | None

    @property
    def certified(self) -> int:
        """How many instances are, at a width that was looked at."""
        return int(np.isfinite(self.widths).sum())

    @property
    def cut_off(self) -> bool:
        """Whether the largest width that was looked at decides the exponent.

        That is: at some size instances are beyond it, and it is open (95 %) whether the median is.  A median that is sure to be
        below does not depend on how far the others are.
        """
        for size in np.unique(self.sizes):
            here = np.isfinite(self.widths[self.sizes == size])
            if not here.all() and clopper_pearson(here.sum(), here.size).lower <= 0.5:
                return True
        return False

    def quartiles(self) -> dict[float, tuple[float, float, float]]:
        """Size → quartiles of the width, as entries in order: inf where a quarter, half … of the instances is beyond."""
        found = {}
        for size in np.unique(self.sizes):
            here = self.widths[self.sizes == size]
            found[float(size)] = tuple(np.quantile(here, [0.25, 0.5, 0.75], method="higher").tolist())
        return found


@dataclass(frozen=True)
class Panel:
    """A way of training and an axis: the other parameters, and a series for every criterion."""

    axis: str
    shared: Mapping[str, Any]
    series: tuple[Series, ...]


def order(criterion: str, config: Config, record: Record) -> float:
    """The width of the theory in order form, C = 1, at the constants of an instance; NaN where there is none.

    ρ0 is its root mean square over the initializations, √(‖y‖² + C_φ²‖A‖_F²).
    """
    spread = activation(config.activation).C_phi.upper
    return order_at(
        criterion,
        config.train,
        config.n,
        config.m,
        rho_0=math.hypot(record.y_norm, spread * record.A_frobenius),
        sigma_F=record.sigma_F,
        x_plus=record.x_plus,
    )


def order_at(criterion: str, train: str, n: int, m: int, *, rho_0: float, sigma_F: float, x_plus: float) -> float:
    """The same at these constants.  `sharp_linear`: `dip2.range_restriction` puts m in the place of n."""
    statement, both, alone = ORDERS.get(criterion, ("", "", ""))
    name = both if train == "both" else alone
    if not name:
        return math.nan
    size = float(m if criterion == "sharp_linear" else n)
    known = {"C": 1.0, "n": size, "rank": float(m), "rho_0": rho_0, "sigma_F": sigma_F, "x_plus": x_plus}
    wanted = {symbol.name for symbol in formula(statement, name).free_symbols}
    return float(evaluate(statement, name, {key: known[key] for key in wanted}))


def panels(results: Results) -> Iterator[Panel]:
    """Every family of cells that differ in one size alone."""
    for axis in AXES:
        for family in families(results, axis):
            cells = {size: cell for size, cell in family.cells.items() if size is not None}
            if len(cells) > 1:
                yield Panel(axis, family.shared, tuple(_series(cells, family.shared["train"])))


def _series(cells: Mapping[Any, Any], train: str) -> Iterator[Series]:
    rows = [(float(size), cell.config, record) for size, cell in cells.items() for record in cell.records.values()]
    sizes = np.array([size for size, _, _ in rows])
    for criterion in CRITERIA[train]:
        widths = np.array([getattr(record, criterion) for _, _, record in rows])
        orders = np.array([order(criterion, config, record) for _, config, record in rows])
        of_order = beyond = None
        if not np.isnan(orders).any():
            by_size = {size: np.sort(widths[sizes == size]) for size in np.unique(sizes)}
            median = np.isin(sizes, [size for size, w in by_size.items() if math.isfinite(w[w.size // 2])])
            every = np.isin(sizes, [size for size, w in by_size.items() if math.isfinite(w[-1])])
            of_order = width_scaling(sizes[median], orders[median])
            beyond = width_scaling(sizes[every], widths[every] / orders[every])
        yield Series(criterion, sizes, widths, width_scaling(sizes, widths), of_order, beyond)


def summarize(results: Results) -> Summary:
    """A figure for each way of training (and the other parameters), its widths as a table, and the table of exponents."""
    found = list(panels(results))
    groups: defaultdict[tuple[Any, ...], list[Panel]] = defaultdict(list)
    for panel in found:
        groups[tuple(panel.shared[name] for name in ("train", "activation", "V", "noise", "most"))].append(panel)
    from verify.sweep.experiments.widths_figure import draw

    pictures = []
    ordered = sorted(groups.items(), key=lambda item: item[0][0] != "both")
    for (_, members), name in zip(ordered, _names([key[0] for key, _ in ordered]), strict=True):
        pictures.append(Picture(draw(members, results), _width_table(name, members)))
    return Summary((_exponent_table(found),), tuple(pictures), (*map(_line, found), *([_LEGEND] if found else [])))


def _names(trains: Sequence[str]) -> list[str]:
    """widths-both, widths-W; numbered where there are several."""
    names = []
    for i, train in enumerate(trains):
        number = "" if trains.count(train) == 1 else f"-{trains[: i + 1].count(train)}"
        names.append(f"widths-{train}{number}")
    return names


def _fixed(panel: Panel) -> tuple[Any, ...]:
    """train, axis, and the sizes that are the same in the panel (empty: the axis itself, or a Gaussian operator)."""
    return (panel.shared["train"], panel.axis, *(panel.shared.get(name, "") for name in AXES))


_HEADER = ("train", "axis", "n_fixed", "m_fixed", "kappa_fixed", "criterion")


def _width_table(name: str, members: Sequence[Panel]) -> Table:
    header = (*_HEADER, "size", "instances", "certified", "lower_quartile", "median", "upper_quartile")
    rows = []
    for panel in members:
        for series in panel.series:
            for size, quartiles in series.quartiles().items():
                here = series.widths[series.sizes == size]
                count = int(np.isfinite(here).sum())
                rows.append((*_fixed(panel), series.criterion, size, here.size, count, *quartiles))
    return Table(name, header, tuple(rows))


def _exponent_table(found: Sequence[Panel]) -> Table:
    ends = ("", "_low_95", "_high_95")
    header = (
        *_HEADER,
        *(f"{name}{end}" for name in ("exponent", "order", "beyond") for end in ends),
        "sizes",
        "beyond_sizes",
        "certified",
        "instances",
        "cut_off",
    )
    rows = []
    for panel in found:
        for series in panel.series:
            fits = (series.scaling, series.order, series.beyond)
            numbers = [x for f in fits for x in ((math.nan,) * 3 if f is None else (f.exponent, f.low, f.high))]
            sizes = (series.scaling.sizes, 0 if series.beyond is None else series.beyond.sizes)
            cut = (series.certified, series.widths.size, series.cut_off)
            rows.append((*_fixed(panel), series.criterion, *numbers, *sizes, *cut))
    return Table("exponents", header, tuple(rows))


_LEGEND = (
    "  exponents of the median width (95 %), in brackets those of the theory's order at the same instances; ? : the data set no "
    "bound; cut off: the median of some size may be beyond the widths that were looked at; more in exponents.csv"
)


def exponent_words(series: Series, most: int) -> str:
    """The exponent with its interval, that of the order in brackets, and what the largest width `most` hides.

    >>> grows, sizes = Scaling(1.5, 1.25, math.inf, 2.0, 2), np.array([2.0, 2.0, 4.0, 4.0])
    >>> print(exponent_words(Series("sharp", sizes, np.array([5.0, 6, 14, math.inf]), grows, None, None), 99))
    1.50 (1.25 to ?), cut off at 99: 3 of 4 certified
    """
    s, count = series.scaling, f"{series.certified} of {series.widths.size} certified"
    if math.isnan(s.exponent):
        return f"no exponent: {count}"
    words = str(s)
    if series.order is not None and math.isfinite(series.order.exponent):
        words += f" [{series.order.exponent:.2f}]"
    if s.sizes < np.unique(series.sizes).size:
        words += f" over {s.sizes} sizes"
    if series.cut_off:
        words += f", cut off at {most}: {count}"
    return words


def _line(panel: Panel) -> str:
    layers = "both layers" if panel.shared["train"] == "both" else "W only"
    said = (f"{series.criterion} {exponent_words(series, panel.shared['most'])}" for series in panel.series)
    return f"{layers}, width ~ {panel.axis}^x: {'; '.join(said)}"
