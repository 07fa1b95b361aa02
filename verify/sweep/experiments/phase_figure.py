"""The figure of a phase sweep: the map of fractions, and the threshold of width against the widths that theorems certify."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from verify.sweep.experiments.phase_clocks import within
from verify.sweep.experiments.phase_summary import CRITERIA, Map
from verify.sweep.figure import edges, sizes_axis
from verify.sweep.kind import Results

__all__ = ["draw"]

# Colour-blind safe, and the looks of `dipcert width`.
_LOOKS: dict[str, tuple[str, Any, str]] = {
    "baseline": ("#D55E00", "-", "baseline"),
    "sharp": ("#0072B2", (0, (5, 2)), "sharp theorem"),
    "amgm_dual": ("#009E73", "-", "hidden activations, dual (dip2.amgm)"),
    "balanced": ("#8C8A00", (0, (4, 1.2, 1, 1.2)), "balance, every y (dip2.balanced)"),
    "balanced_linear": ("#8C8A00", "-", "balance, every y, linear A"),
    "wonly": ("#B0489A", "-", "W only (wonly.width)"),
}
_EXACT: tuple[str, Any, str] = (
    "#B0489A",
    (0, (1, 1)),
    "W only, half feasible: wonly.threshold\n(verdicts exact; width fitted, band: 95 %)",
)
_SIZES = {"n": "entries of the signal n", "m": "entries of the data m"}
_LAYERS = {"both": "both layers trained", "W": "W only trained"}


def draw(members: Sequence[Map], results: Results) -> Figure:
    """A row for each way of training: map on the left, thresholds on the right."""
    figure = Figure(figsize=(10.2, 3.3 * len(members) + 0.9), layout="constrained")
    axes = figure.subplots(len(members), 2, squeeze=False, width_ratios=(1.15, 1))
    for (left, right), item in zip(axes, members, strict=True):
        image = _map(left, item)
        bar = figure.colorbar(image, ax=left, pad=0.02)
        bar.set_label("fraction that converged", fontsize=8)
        bar.ax.tick_params(labelsize=7)
        _thresholds(right, item)
    e = members[0].experiment
    other = "m" if members[0].axis == "n" else "n"
    replicas = max(trials for item in members for row in item.rows for trials in row.trials)
    missing = "" if results.done == results.requested else f", {results.done} of {results.requested} replicas so far"
    size = "1/λmax(JJᵀ) at the start" if e.gamma == "stable" else f"{e.gamma:g}"
    step = f" (step size {size})" if e.clock == "steps" else ""
    caption = (
        f"{results.title}: {other} = {getattr(e, other)}, {e.operator}, {e.activation}, V {e.V}, loss at {e.tolerance:g} of its "
        f"initial value {within(e)}{step}, {replicas} instances a cell{missing}"
    )
    figure.suptitle("\n".join(textwrap.wrap(caption, 120)), fontsize=9)
    return figure


def _map(ax: Axes, item: Map) -> Any:
    ks = sorted({k for row in item.rows for k in row.ks})
    sizes = [row.size for row in item.rows]
    fraction = np.full((len(sizes), len(ks)), np.nan)
    for i, row in enumerate(item.rows):
        for k, successes, trials in zip(row.ks, row.converged, row.trials, strict=True):
            fraction[i, ks.index(k)] = successes / trials
    x, y = edges(ks), edges(sizes)
    image = ax.pcolormesh(x, y, fraction, cmap="cividis", vmin=0.0, vmax=1.0, rasterized=True)
    ax.set_facecolor("0.85")
    ax.set_xscale("log")
    ax.set_yscale("log")
    # theory as lines, thresholds as markers
    for (color, dash, _), width in _theory(item):
        if any(x[0] < w < x[-1] for w in width):
            ax.plot(width, sizes, color="white", lw=3.4, zorder=3)
            ax.plot(width, sizes, color=color, ls=dash, lw=1.8, zorder=4)
    low, high = _exact_band(item)
    ax.fill_betweenx(sizes, low, high, color=_EXACT[0], alpha=0.35, lw=0, zorder=2)
    _markers(ax, item, swapped=True)
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(y[0], y[-1])
    sizes_axis(ax.yaxis, _apart(sizes))
    sizes_axis(ax.xaxis, _apart(ks))
    ax.set_xlabel("width k (neurons)", fontsize=8)
    ax.set_ylabel(_SIZES[item.axis], fontsize=8)
    ax.set_title(_LAYERS[item.experiment.train], fontsize=8.5, loc="left")
    ax.tick_params(labelsize=7)
    return image


def _thresholds(ax: Axes, item: Map) -> None:
    sizes = [row.size for row in item.rows]
    for (color, dash, words), width in _theory(item):
        if np.isfinite(width).any():
            ax.plot(sizes, width, color=color, ls=dash, lw=1.8, label=words)
    low, high = _exact_band(item)
    ax.fill_between(sizes, low, high, color=_EXACT[0], alpha=0.25, lw=0)
    ax.set_xscale("log")
    ax.set_yscale("log")
    _markers(ax, item, swapped=False)
    y = edges(sizes)
    ax.set_xlim(y[0], y[-1])
    sizes_axis(ax.xaxis, _apart(sizes))
    ax.set_xlabel(_SIZES[item.axis], fontsize=8)
    ax.set_ylabel("width k (neurons)", fontsize=8)
    ax.set_title("width from which half of the instances converge", fontsize=8.5, loc="left")
    ax.grid(True, which="major", color="0.9", lw=0.6)
    ax.tick_params(labelsize=7)
    lines = "lines: certified with probability ½,\nfor gradient flow, t → ∞\nmarkers: runs " + (
        "to the limit" if item.experiment.clock == "limit" else "of limited length"
    )
    ax.legend(fontsize=7, frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1.0), title=lines, title_fontsize=7,
              alignment="left")  # fmt: skip


def _theory(item: Map) -> Iterator[tuple[tuple[str, Any, str], list[float]]]:
    """Looks, and widths by row: of every criterion, then of the certified verdicts on the instances themselves."""
    for criterion, looks in _LOOKS.items():
        yield looks, [row.widths[CRITERIA.index(criterion)] for row in item.rows]
    yield _EXACT, [row.exact.k for row in item.rows]


def _exact_band(item: Map) -> tuple[list[float], list[float]]:
    """Ends of the interval of the exact threshold by row, within the widths that the map shows; NaN where none is fitted."""
    ends = [edges(row.ks)[[0, -1]] for row in item.rows]
    known = [(row.exact, end) for row, end in zip(item.rows, ends, strict=True)]
    low = [max(x.low, float(end[0])) if math.isfinite(x.k) else math.nan for x, end in known]
    high = [min(x.high, float(end[1])) if math.isfinite(x.k) else math.nan for x, end in known]
    return low, high


def _apart(sizes: Sequence[int]) -> list[int]:
    """Those sizes whose labels do not run into each other on a logarithmic axis."""
    least = 0.07 * math.log(max(sizes) / min(sizes))
    kept = [sizes[0]]
    for size in sizes[1:]:
        if math.log(size / kept[-1]) >= least:
            kept.append(size)
    return kept


def _markers(ax: Axes, item: Map, *, swapped: bool) -> None:
    """Thresholds with their intervals; an arrow where the sweep bounds them on one side only."""
    words = {"o": "seen (logistic fit, 95 %)", "<": "seen: below", ">": "seen: above"}
    style: dict[str, Any] = {"color": "black", "zorder": 6, "mec": "white", "mew": 0.7, "ms": 5.5, "ls": "none"}
    for row in item.rows:
        t = row.threshold
        if math.isfinite(t.k):
            error = [[t.k - t.low if t.low > 0 else 0.0], [t.high - t.k if math.isfinite(t.high) else 0.0]]
            at = {"x": t.k, "y": row.size, "xerr": error} if swapped else {"x": row.size, "y": t.k, "yerr": error}
            ax.errorbar(**at, fmt="o", capsize=2.5, elinewidth=1.2, label=words.pop("o", "_"), **style)  # type: ignore[arg-type]
        elif (bound := row.one_sided()) is not None:
            sign, k = bound
            k = min(max(k, min(row.ks)), max(row.ks))
            turned = sign if swapped else {">": "^", "<": "v"}[sign]
            place = (k, row.size) if swapped else (row.size, k)
            ax.plot(*place, marker=turned, label=words.pop(sign, "_"), **style)
