"""The figures of an initialization sweep: along each scale, over both scales, and by category."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patheffects import withTickedStroke
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from verify.sweep.experiments.initialization import Config
from verify.sweep.experiments.initialization_summary import Median, Seen
from verify.sweep.figure import COLORS, SEEN, THEOREMS, caption, edges, label, legend_below
from verify.sweep.kind import Results

__all__ = ["categories", "maps", "scales"]

_TRAINS: Final = {"both": ("o", "black", "both layers"), "W": ("s", "#D55E00", "W only")}
# solid lines first: the dashed ones are seen on top of them
_THEORY: Final = {
    "feasible": ("wonly", "W only: y is feasible (wonly.threshold)"),
    "amgm": ("amgm", "hidden activations (dip2.amgm)"),
    "balanced": ("balanced", "balance, every y (dip2.balanced)"),
    "sharp": ("sharp", "sharp theorem"),
}
_HEIGHT: Final = {"feasible": 0.17, "balanced": 0.19, "amgm": 0.15, "sharp": 0.11}
"""Of the short lines of a category, so that none hides another."""
_APART: Final = {"both": 0.95, "W": 1.05}
"""Markers at the same scale stand side by side: factors of it."""
_AXES: Final = {"V_scale": "standard deviation of V's entries", "W_std": "standard deviation of a = W u"}
_LINEAR: Final[dict[str, Any]] = {"ls": (0, (1, 1.2)), "lw": 1.3}
_BOUND: Final[dict[str, Any]] = {"color": "#009E73", "ls": (0, (5, 1.5)), "lw": 1.5}
_SMALL = 7
_NO_MEDIAN: Final[dict[str, Any]] = {"marker": "^", "mfc": "white", "ms": 5.5, "ls": "none"}


def _of(items: Sequence[Seen], train: str) -> list[Seen]:
    return [item for item in items if item.config.train == train]


def _step(config: Config) -> str:
    return "1/λmax(JJᵀ)" if config.gamma == "stable" else f"{config.gamma:g}"


def _words(cell: Seen, *without: str) -> str:
    c = cell.config
    operator = "Gaussian A" if c.kappa is None else f"condition number {c.kappa:g}"
    words = {
        "activation": c.activation,
        "V": f"V {c.V}",
        "W_std": f"W of scale {c.W_std:g}",
        "V_scale": f"V of scale {c.V_scale:g}",
        "antisymmetric": "antisymmetric" if c.antisymmetric else "",
    }
    named = [text for name, text in words.items() if text and name not in without]
    return (
        f"n = {c.n}, m = {c.m}, k = {c.k}, {operator}, {', '.join(named)}; loss at {c.tolerance:g} of its initial value, at "
        f"most {c.cap} steps of size {_step(c)}, flow time at most {c.horizon:g}"
    )


def scales(rows: Mapping[str, list[Seen]], results: Results) -> Figure:
    """A row for each scale: fraction, median flow time, median number of steps, change of the kernel."""
    figure = Figure(figsize=(12.6, 2.75 * len(rows) + 1.1), layout="constrained")
    grid = figure.subplots(len(rows), 4, squeeze=False)
    for line, (scale, items) in zip(grid, rows.items(), strict=True):
        for ax in line:
            ax.set_xscale("log")
        for ax in line[1:]:
            ax.set_yscale("log")
        _fractions(line[0], scale, items)
        _times(line[1], scale, items)
        line[2].set_ylim(_limits(items, "steps", items[0].config.cap))
        _medians(line[2], scale, items, "steps", items[0].config.cap)
        label(
            line[2],
            _AXES[scale],
            "steps of gradient descent",
            f"median number of steps of size {_step(items[0].config)}",
        )
        line[3].set_ylim(_limits(items, "kernel_change", math.inf))
        _medians(line[3], scale, items, "kernel_change", math.inf)
        label(line[3], _AXES[scale], "‖K_end − K_0‖/‖K_0‖", "change of the kernel K = JJᵀ (lazy: small)")
    legend_below(figure, list(grid.flat), 4)
    first = next(iter(rows.values()))[0]
    caption(figure, results, f"{_words(first, 'W_std', 'V_scale')}; {_others(rows)}", 160)
    return figure


def _others(rows: Mapping[str, list[Seen]]) -> str:
    """What the scale that does not vary is, in each row."""
    fixed = {scale: getattr(rows[scale][0].config, next(name for name in _AXES if name != scale)) for scale in rows}
    if len(set(fixed.values())) == 1:
        return f"the other scale is {next(iter(fixed.values())):g}"
    return ", ".join(f"the other scale is {value:g} along {_AXES[scale]}" for scale, value in fixed.items())


def _x(items: Sequence[Seen], scale: str) -> list[float]:
    return [getattr(item.config, scale) for item in items]


def _fractions(ax: Axes, scale: str, items: list[Seen]) -> None:
    for promise, (theorem, words) in _THEORY.items():
        chosen = _of(items, "W" if promise == "feasible" else "both")
        if any(item.certified_fraction(promise) > 0 for item in chosen):
            color, dash = THEOREMS[theorem]
            values = [item.certified_fraction(promise) for item in chosen]
            ax.plot(_x(chosen, scale), values, color=color, ls=dash, lw=1.8, label=f"certified: {words}")
    for train, (marker, color, words) in _TRAINS.items():
        chosen = _of(items, train)
        if chosen:
            share = np.array([item.descent[0] / item.descent[1] for item in chosen])
            limits = np.array([item.descent[2:] for item in chosen]).T
            ax.errorbar(
                np.array(_x(chosen, scale)) * _APART[train], share, [share - limits[0], limits[1] - share],
                fmt=marker, color=color, label=f"seen: {words}", **SEEN,
            )  # fmt: skip
    ax.set_ylim(-0.04, 1.04)
    label(ax, _AXES[scale], "fraction", "fraction that converged; certified beforehand")


def _times(ax: Axes, scale: str, items: list[Seen]) -> None:
    horizon = items[0].config.horizon
    ax.set_ylim(_limits(items, "time", horizon)[0], horizon * 3)
    for train, (_, color, words) in _TRAINS.items():
        chosen = _of(items, train)
        linear = [item.time_linear.value for item in chosen]
        if chosen:
            ax.plot(
                _x(chosen, scale), linear, color=color, label=f"linearized at the start, estimate: {words}", **_LINEAR
            )
        bound = [item.time_bound.value if item.time_bound.value <= horizon else math.nan for item in chosen]
        if np.isfinite(bound).any():
            ax.plot(_x(chosen, scale), bound, label=f"certified time, median (sharp, amgm, balance): {words}", **_BOUND)
    _medians(ax, scale, items, "time", horizon)
    label(ax, _AXES[scale], "flow time", "median time of the gradient flow")


def _limits(items: Sequence[Seen], name: str, end: float) -> tuple[float, float]:
    """Of a logarithmic axis that shows these medians with their intervals; `end` where one did not converge."""
    values = [x for item in items for x in dataclasses.astuple(getattr(item, name))]
    shown = [min(x, end) for x in values if 0 < min(x, end) < math.inf]
    return min(shown, default=0.1) / 1.6, max(shown, default=10.0) * 1.6


def _medians(ax: Axes, scale: str, items: list[Seen], name: str, end: float) -> None:
    """Medians with their intervals; where fewer than half converged, an open triangle at the end of the clock."""
    for train, (marker, color, words) in _TRAINS.items():
        for item in _of(items, train):
            x, median = getattr(item.config, scale) * _APART[train], getattr(item, name)
            _median(ax, x, median, end, marker, color, words, vertical=True)


def _median(
    ax: Axes, place: float, median: Median, end: float, marker: str, color: str, words: str, *, vertical: bool
) -> None:
    if not math.isfinite(median.value):
        at = (place, end) if vertical else (end, place)
        turned = "^" if vertical else ">"
        ax.plot(*at, color=color, label="fewer than half converged", **{**_NO_MEDIAN, "marker": turned})
        return
    low = median.low if math.isfinite(median.low) else median.value
    high = min(median.high, end) if not math.isnan(median.high) else median.value
    error = [[median.value - low], [max(high, median.value) - median.value]]
    where = (
        {"x": place, "y": median.value, "yerr": error} if vertical else {"x": median.value, "y": place, "xerr": error}
    )
    ax.errorbar(**where, fmt=marker, color=color, label=f"seen: {words}", **SEEN)  # type: ignore[arg-type]


def maps(grid: Mapping[tuple[float, float, str], Seen], results: Results) -> Figure:
    """A row for each way of training: fraction, median time and change of the kernel over both scales."""
    trains = [train for train in _TRAINS if any(key[2] == train for key in grid)]
    figure = Figure(figsize=(11.4, 3.0 * len(trains) + 1.0), layout="constrained")
    axes = figure.subplots(len(trains), 3, squeeze=False)
    V, W = sorted({key[0] for key in grid}), sorted({key[1] for key in grid})
    horizon = next(iter(grid.values())).config.horizon

    def table(train: str, value: Any) -> np.ndarray:
        return np.array([[value(grid[v, w, train]) for v in V] for w in W], dtype=np.float64)

    times = [table(train, lambda item: item.time.value) for train in trains]
    finite = np.concatenate([t[np.isfinite(t)] for t in times]) if times else np.ones(1)
    clock = LogNorm(max(finite.min(initial=horizon), 1e-12) / 1.5, horizon)
    shade = LogNorm(*_limits(list(grid.values()), "kernel_change", math.inf))
    for line, train, time in zip(axes, trains, times, strict=True):
        share = table(train, lambda item: item.descent[0] / item.descent[1])
        change = table(train, lambda item: item.kernel_change.value)
        change[~np.isfinite(change)] = np.nan
        words = _TRAINS[train][2]
        _map(
            figure,
            line[0],
            V,
            W,
            share,
            {"vmin": 0.0, "vmax": 1.0},
            f"{words}: gradient descents that converged",
            "fraction",
        )
        _contours(line[0], V, W, {name: table(train, lambda i, n=name: i.certified_fraction(n)) for name in _THEORY})
        title = "median time of the flow (grey: beyond the horizon)"
        _map(figure, line[1], V, W, np.where(time <= horizon, time, np.nan), {"norm": clock}, title, "flow time")
        _map(
            figure,
            line[2],
            V,
            W,
            change,
            {"norm": shade},
            "change of the kernel K = JJᵀ (grey: most runs diverged)",
            "‖K_end − K_0‖/‖K_0‖",
        )
    legend_below(figure, list(axes[:, 0]), 2)
    words = _words(next(iter(grid.values())), "W_std", "V_scale")
    caption(figure, results, f"{words}; {_about_the_flow(grid)}", 150)
    return figure


def _about_the_flow(grid: Mapping[tuple[float, float, str], Seen]) -> str:
    """What the colours of descent cannot refute, and what the flow did."""
    ends = []
    for train, (_, _, words) in _TRAINS.items():
        flows = [item.flow for key, item in grid.items() if key[2] == train and not item.outside]
        if flows:
            ends.append(f"{sum(f[0] for f in flows)} of {sum(f[1] for f in flows)} starts ({words})")
    if not ends:
        return "outside the assumptions: by gradient descent alone"
    return (
        "lines (ticks on the certified side, interpolated between cells) are about the flow, which converged from "
        + ", ".join(ends)
    )


def _map(
    figure: Figure,
    ax: Axes,
    V: Sequence[float],
    W: Sequence[float],
    values: Any,
    colors: dict[str, Any],
    title: str,
    bar: str,
) -> None:
    image = ax.pcolormesh(edges(V), edges(W), values, cmap="cividis", rasterized=True, **colors)
    ax.set_facecolor("0.75")
    ax.set_xscale("log")
    ax.set_yscale("log")
    label(ax, _AXES["V_scale"], _AXES["W_std"], title)
    ax.grid(False)
    found = figure.colorbar(image, ax=ax, pad=0.02)
    found.set_label(bar, fontsize=_SMALL)
    found.ax.tick_params(labelsize=_SMALL)


def _contours(ax: Axes, V: Sequence[float], W: Sequence[float], certified: Mapping[str, Any]) -> None:
    """Where half of the starts are certified, by each theorem that certifies some but not all cells."""
    for name, values in certified.items():
        theorem, words = _THEORY[name]
        color, dash = THEOREMS[theorem]
        if values.min() < 0.5 <= values.max():
            ax.contour(V, W, values, levels=[0.5], colors="white", linewidths=3.4)
            line = ax.contour(V, W, values, levels=[0.5], colors=[color], linestyles=[dash], linewidths=1.8)
            # contours have the larger values on their left
            line.set_path_effects([withTickedStroke(spacing=9, angle=90, length=0.8)])
            ax.plot([], [], color=color, ls=dash, lw=1.8, label=f"half of the starts certified: {words}")


def categories(parameter: str, cells: Mapping[tuple[Any, str], Seen], results: Results) -> Figure:
    """A line for each category, the fastest flow on top, what is outside the assumptions set apart below."""
    names = _sorted(cells)
    outside = {name for (name, _), item in cells.items() if item.outside}
    gap = 0.6 if outside else 0.0
    place = {name: -float(i) - (gap if name in outside else 0.0) for i, name in enumerate(names)}
    figure = Figure(figsize=(11.6, 0.42 * len(names) + 2.1), layout="constrained")
    axes = figure.subplots(1, 4, sharey=True)
    for ax in axes[1:]:
        ax.set_xscale("log")
    first = next(iter(cells.values()))
    shown = list(cells.values())
    axes[1].set_xlim(_limits(shown, "steps", first.config.cap))
    axes[2].set_xlim(_limits([item for item in shown if not item.outside], "time", first.config.horizon))
    axes[3].set_xlim(_limits(shown, "kernel_change", math.inf))
    for train, shift in (("both", 0.13), ("W", -0.13)):
        for name in names:
            if (name, train) in cells:
                _category(axes, cells[name, train], place[name] + shift, train)
    low, high = min(place.values()) - 0.6, 0.6
    for ax in axes:
        ax.set_ylim(low, high)
        if outside:
            ax.axhspan(low, -len(names) + len(outside) + 0.5 - gap / 2, color="0.9", zorder=0)
    axes[0].set_yticks(list(place.values()), [_named(parameter, name, name in outside) for name in place])
    axes[0].set_xlim(-0.04, 1.04)
    label(axes[0], "fraction", "", f"converged within {first.config.cap} steps")
    for ax, text, title in (
        (axes[1], "steps", "median number of steps"),
        (axes[2], "flow time", "median time of the flow"),
        (axes[3], "‖K_end − K_0‖/‖K_0‖", "change of the kernel"),
    ):
        label(ax, text, "", title)
        low_x, high_x = ax.get_xlim()
        subs = (1.0,) if high_x > 100 * low_x else (1.0, 2.0, 5.0)  # more of them would run together
        ax.xaxis.set_major_locator(LogLocator(subs=subs))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.xaxis.set_minor_locator(NullLocator())
    legend_below(figure, list(axes), 4)
    caption(figure, results, _words(first, parameter), 150)
    return figure


def _sorted(cells: Mapping[tuple[Any, str], Seen]) -> list[Any]:
    """By the median time of the flow, both layers first; those outside the assumptions last."""

    def key(name: Any) -> tuple[Any, ...]:
        mine = [cells[name, train] for train in _TRAINS if (name, train) in cells]
        return (any(item.outside for item in mine), *(item.time.value for item in mine), str(name))

    return sorted({name for name, _ in cells}, key=key)


def _named(parameter: str, name: Any, outside: bool) -> str:
    if parameter == "antisymmetric":
        return "antisymmetric" if name else "independent neurons"
    return f"{name}\n(outside the assumptions)" if outside else str(name)


def _category(axes: Sequence[Axes], item: Seen, y: float, train: str) -> None:
    marker, color, words = _TRAINS[train]
    for promise, (theorem, text) in _THEORY.items():
        share = item.certified_fraction(promise)
        if share > 0:
            line, _ = THEOREMS[theorem]
            ends = [y - _HEIGHT[promise], y + _HEIGHT[promise]]
            axes[0].plot([share, share], ends, color=line, ls="-", lw=2.0, label=f"certified: {text}")
    share, (low, high) = item.descent[0] / item.descent[1], item.descent[2:]
    error = [[share - low], [high - share]]
    axes[0].errorbar([share], [y], xerr=error, fmt=marker, color=color, label=f"seen: {words}", **SEEN)
    _median(axes[1], y, item.steps, item.config.cap, marker, color, words, vertical=False)
    if not item.outside:
        _median(axes[2], y, item.time, item.config.horizon, marker, color, words, vertical=False)
        if item.time_bound.value <= item.config.horizon:
            x = item.time_bound.value
            axes[2].plot(
                [x, x],
                [y - 0.16, y + 0.16],
                label="certified time, median (sharp, amgm, balance)",
                **{**_BOUND, "ls": "-"},
            )
        if item.time_linear.value <= item.config.horizon:
            x = item.time_linear.value
            axes[2].plot([x, x], [y - 0.16, y + 0.16], color=COLORS[5], lw=2, label="linearized at the start, estimate")
    _median(axes[3], y, item.kernel_change, math.inf, marker, color, words, vertical=False)
