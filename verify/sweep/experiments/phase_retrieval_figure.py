"""The figure of a sweep over phase retrieval: recovery, the constant and errors against m/n."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from verify.sweep.experiments.phase_retrieval_summary import Row, words
from verify.sweep.figure import COLORS, SEEN, THEOREMS, caption, label, legend_below
from verify.sweep.groups import fraction
from verify.sweep.kind import Results

__all__ = ["draw"]

_MARKERS = "o^Ds<>pv"
_FIT = (COLORS[2], "s")
_MEASUREMENTS = "measurements per unknown m/n"


def draw(sizes: Mapping[int, Sequence[Row]], results: Results) -> Figure:
    """A row for each n: who recovers without noise, the constant, errors where there is noise."""
    figure = Figure(figsize=(12.5, 3.4 * len(sizes) + 1.2), layout="constrained")
    axes = figure.subplots(len(sizes), 3, squeeze=False)
    for (left, middle, right), (n, members) in zip(axes, sizes.items(), strict=True):
        _recovery(left, n, [row for row in members if not row.shared["noise"]])
        _constant(middle, n, members)
        _errors(right, n, [row for row in members if row.shared["noise"]])
    legend_below(figure, list(axes.flat), 3)
    caption(
        figure,
        results,
        "moduli of Gaussian measurements, variance 1/m, signals up to sign; theory: lines, runs: markers",
        150,
    )
    return figure


def _ratios(row: Row, n: int, index: float) -> np.ndarray:
    """Markers of several series at one m, beside each other."""
    return (np.asarray(row.ms, dtype=np.float64) + 0.012 * max(row.ms) * (index - 1)) / n


def _injective(ax: Axes, n: int) -> None:
    ax.axvline((n + 1) / n, color=COLORS[2], lw=1.4, ls=(0, (1, 1)), label="n + 1 (almost every x̄)")
    ax.axvline((2 * n - 1) / n, color=COLORS[4], lw=1.4, ls=(0, (5, 2)), label="2n − 1 (every x̄)")


def _recovery(ax: Axes, n: int, members: Sequence[Row]) -> None:
    _injective(ax, n)
    shown = False
    colors = [color for color in COLORS if color != _FIT[0]]
    for i, row in enumerate(members):
        series = [("recovered", words(row), colors[i % len(colors)], _MARKERS[i % len(_MARKERS)], i)]
        if not shown and any(np.isfinite(v).any() for v in row.values("fit_error")):
            series.append(("fitted", "best fit, all signs", *_FIT, -1))
            shown = True
        for name, text, color, marker, at in series:
            there = np.array([name == "recovered" or bool(np.isfinite(v).any()) for v in row.values("fit_error")])
            counts = [
                fraction(cell, name) for cell, shown_here in zip(row.cells.values(), there, strict=True) if shown_here
            ]
            y = np.array([c[0] / c[1] for c in counts])
            bars = np.array([y - [c[2] for c in counts], [c[3] for c in counts] - y])
            ax.errorbar(_ratios(row, n, at)[there], y, yerr=bars, color=color, fmt=marker, label=text, **SEEN)
    tolerance = members[0].shared["tolerance"] if members else 0.0
    label(
        ax,
        _MEASUREMENTS,
        f"fraction with relative error ≤ {tolerance:g}",
        f"n = {n}, no noise: fractions with 95 % intervals",
    )
    ax.set_ylim(-0.04, 1.04)


def _constant(ax: Axes, n: int, members: Sequence[Row]) -> None:
    """Medians and quartiles over the instances of the upper end; the bar of the interval; zeros on the floor."""
    _injective(ax, n)
    row = max(members, key=lambda row: len(row.ms))
    (low,), (q25, high, q75) = row.quantiles("mu_low", 0.5), row.quantiles("mu_high", 0.25, 0.5, 0.75)
    positive = high[high > 1e-6]
    floor = 0.3 * float(np.min(positive, initial=0.1))
    x, color = _ratios(row, n, 1), COLORS[0]
    clip = [np.maximum(values, floor) for values in (low, q25, high, q75)]
    ax.errorbar(
        x,
        clip[2],
        yerr=[clip[2] - clip[1], clip[3] - clip[2]],
        color=color,
        fmt="o",
        label="μ, upper end: median, quartiles",
        **SEEN,
    )
    ax.plot(x, clip[0], ls="none", marker="_", ms=9, color="black", label="μ, lower end: median")
    ax.set_yscale("log")
    ax.set_ylim(0.7 * floor, 1.0)
    ax.axhline(floor, color="0.6", lw=0.8, ls=":")
    ax.text(x[-1], floor, "0", fontsize=7, color="0.4", va="bottom", ha="right")
    label(ax, _MEASUREMENTS, "restricted injectivity μ, all pairs up to sign", "proved interval of μ")


def _errors(ax: Axes, n: int, members: Sequence[Row]) -> None:
    if not members:
        ax.set_axis_off()
        return
    _injective(ax, n)
    for i, row in enumerate(members):
        noise = f", noise {row.shared['noise']:g}"
        series = (("fit_error", "best fit" + noise, *_FIT, 0), ("descent_error", words(row) + noise, COLORS[0], "o", 1))
        for name, text, color, marker, at in series:
            q25, q50, q75 = row.quantiles(name, 0.25, 0.5, 0.75)
            ax.errorbar(
                _ratios(row, n, at + 2 * i),
                q50,
                yerr=[q50 - q25, q75 - q50],
                color=color,
                fmt=marker,
                label=text,
                **SEEN,
            )
        (bound,) = row.quantiles("fit_bound", 0.5)
        shown = np.isfinite(bound)
        color, dash = THEOREMS["recovery"]
        ax.plot(
            np.array(row.ms)[shown] / n,
            bound[shown],
            color=color,
            ls=dash,
            lw=1.8,
            label="(residual + ‖ε‖)/μ, median" + noise,
        )
    ax.set_yscale("log")
    label(ax, _MEASUREMENTS, "error up to sign / ‖x̄‖", "errors: medians and quartiles")
