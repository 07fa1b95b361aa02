"""The figure of a sweep over sparse signals: recovery, constants and errors against the number of measurements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from numerics.injectivity import gordon
from verify.sweep.experiments.sparse_injectivity_summary import CONSTANTS, RECOVERERS, Row
from verify.sweep.figure import COLORS, SEEN, caption, label, legend_beside
from verify.sweep.groups import fraction
from verify.sweep.kind import Results

__all__ = ["draw"]

_LOOKS = {"l1": (COLORS[0], "o"), "sparse": (COLORS[2], "s"), "both": (COLORS[1], "^"), "W": (COLORS[3], "D")}
_CONSTANT_LOOKS = {"mu": (COLORS[2], "s"), "pairs": (COLORS[4], "v"), "cone": (COLORS[0], "o")}
_MEASUREMENTS = "measurements m"


def draw(found: Sequence[Row], results: Results) -> Figure:
    """A row for each family: who recovers, how injective A is, errors (and their bounds where there is noise)."""
    figure = Figure(figsize=(14.5, 3.3 * len(found) + 0.7), layout="constrained")
    axes = figure.subplots(len(found), 3, squeeze=False)
    for (left, middle, right), row in zip(axes, found, strict=True):
        _recovery(left, row)
        _constants(middle, row)
        _errors(right, row)
        for ax in (left, middle, right):
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    laws = " and ".join(sorted({str(row.shared["law"]) for row in found}))
    words = f"A with independent {laws} entries of variance 1/m, s-sparse signals, markers side by side at each m"
    caption(figure, results, words, 170)
    return figure


def _offset(row: Row, index: int) -> np.ndarray:
    """Markers of several series at one m, beside each other: less than a quarter of an m away from it."""
    return np.asarray(row.ms, dtype=np.float64) + 0.16 * (index - 1.5)


def _recovery(ax: Axes, row: Row) -> None:
    shared = row.shared
    ax.axvline(row.dimension, color="black", lw=1.6, label=f"statistical dimension {row.dimension:.3g} (ℓ1)")
    ax.axvline(shared["s"] + 1, color=COLORS[2], lw=1.4, ls=(0, (1, 1)), label="s + 1 (injective at generic x̄)")
    ax.axvline(2 * shared["s"], color=COLORS[4], lw=1.4, ls=(0, (5, 2)), label="2s (injective on all pairs)")
    ax.axvline(shared["n"], color=COLORS[1], lw=1.4, ls=(0, (4, 1.2, 1, 1.2)), label="n (injective on all of ℝⁿ)")
    for i, name in enumerate(name for name in RECOVERERS if row.has(name)):
        counts = [fraction(cell, name) for cell in row.cells.values()]
        y = np.array([c[0] / c[1] for c in counts])
        bars = np.array([y - [c[2] for c in counts], [c[3] for c in counts] - y])
        color, marker = _LOOKS[name]
        ax.errorbar(_offset(row, i), y, yerr=bars, color=color, fmt=marker, label=RECOVERERS[name], **SEEN)
    noise = f", noise {shared['noise']:g}" if shared["noise"] else ""
    label(
        ax,
        _MEASUREMENTS,
        f"fraction with relative error ≤ {shared['tolerance']:g}",
        f"n = {shared['n']}, s = {shared['s']}{noise}",
    )
    ax.set_ylim(-0.04, 1.04)
    legend_beside(ax, "theory: lines\nruns: markers, 95 %")


def _constants(ax: Axes, row: Row) -> None:
    """Medians over the instances of both ends of each interval, zeros on the floor."""
    positive = np.concatenate([row.quantiles(f"{name}_high", 0.5)[0] for name in CONSTANTS])
    floor = 0.4 * float(np.min(positive[positive > 1e-6], initial=0.1))
    for i, name in enumerate(CONSTANTS):
        color, marker = _CONSTANT_LOOKS[name]
        (low,), (high,) = row.quantiles(f"{name}_low", 0.5), row.quantiles(f"{name}_high", 0.5)
        x = _offset(row, i)
        ax.vlines(x, np.maximum(low, floor), np.maximum(high, floor), color=color, lw=2.2)
        ax.plot(
            x,
            np.maximum(high, floor),
            marker=marker,
            color=color,
            ls="none",
            ms=5,
            mec="white",
            mew=0.6,
            label=CONSTANTS[name],
        )
    m = np.arange(min(row.ms), max(row.ms) + 1)
    below = np.array([gordon(int(k), row.dimension) for k in m])
    if (below > floor).any():
        ax.plot(
            m[below > 0],
            below[below > 0],
            color=COLORS[0],
            lw=1.4,
            label="Gordon, below the cone's\nwith probability 0.95",
        )
    ax.set_yscale("log")
    ax.set_ylim(0.8 * floor, 1.6)
    ax.axhline(floor, color="0.6", lw=0.8, ls=":")
    ax.text(max(row.ms), floor, "0", fontsize=7, color="0.4", va="bottom", ha="right")
    label(ax, _MEASUREMENTS, "restricted injectivity μ", "proved intervals [lower, upper], medians")
    legend_beside(ax, "bar: interval\nmarker: its upper end")


def _errors(ax: Axes, row: Row) -> None:
    noisy = bool(row.shared["noise"])
    m = np.arange(min(row.ms), min(max(row.ms), row.shared["n"]) + 1)
    if not noisy:
        ax.plot(m, np.sqrt(1 - m / row.shared["n"]), color="black", lw=1.4, label="√(1 − m/n): shortest\nsolution")
    for i, name in enumerate(name for name in RECOVERERS if row.has(name)):
        color, marker = _LOOKS[name]
        q25, q50, q75 = row.quantiles(f"{name}_error", 0.25, 0.5, 0.75)
        ax.errorbar(
            _offset(row, i), q50, yerr=[q50 - q25, q75 - q50], color=color, fmt=marker, label=RECOVERERS[name], **SEEN
        )
        if noisy and name in ("l1", "sparse"):
            (bound,) = row.quantiles(f"{name}_bound", 0.5)
            shown = np.isfinite(bound)
            dash = "-" if name == "l1" else (0, (5, 2))
            ax.plot(
                np.array(row.ms)[shown],
                bound[shown],
                color=color,
                ls=dash,
                lw=1.5,
                label=f"recover.linear, {RECOVERERS[name]}",
            )
    if noisy:
        ax.set_yscale("log")
    label(
        ax,
        _MEASUREMENTS,
        "error ‖x − x̄‖ / ‖x̄‖",
        "errors: medians and quartiles" + ("; bounds: medians, ∞ if μ may be 0" if noisy else ""),
    )
    legend_beside(ax)
