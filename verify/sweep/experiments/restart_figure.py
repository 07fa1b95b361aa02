"""The figure of a restart sweep: when the certificate comes, what is left of the decay then, and how often it comes in time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from verify.sweep.experiments.restart_summary import Line, Share
from verify.sweep.figure import SEEN, THEOREMS, caption, label, legend_beside, sizes_axis
from verify.sweep.kind import Results
from verify.sweep.medians import Median

__all__ = ["draw"]

_LAYERS = {"both": "both layers trained", "W": "W only trained"}
_NAMES = {"sharp": "sharp theorem", "amgm": "hidden activations (dip2.amgm)"}
_MARKERS = {"sharp": "o", "amgm": "s"}
# Side by side instead of on top of each other: factors of k.
_BESIDE = {"sharp": 0.94, "amgm": 1.06}
_SHARES = {("sharp", "in_time"): 0.8, ("sharp", "at_once"): 0.9, "balanced": 1.0, ("amgm", "in_time"): 1.11,
           ("amgm", "at_once"): 1.25}  # fmt: skip
_NONE = "most runs end without a certificate"
# A width a priori is shown up to this many times the largest one of the sweep.
_FAR = 1000


def draw(lines: Sequence[Line], results: Results) -> Figure:
    """A row for each way of training."""
    figure = Figure(figsize=(13.2, 3.1 * len(lines) + 0.9), layout="constrained")
    figure.get_layout_engine().set(wspace=0.04)  # type: ignore[call-arg, union-attr]
    axes = figure.subplots(len(lines), 3, squeeze=False, sharex=True)
    for (time, left, share), line in zip(axes, lines, strict=True):
        _times(time, line)
        _left(left, line)
        _shares(share, line)
        for ax in (time, left, share):
            _a_priori(ax, line)
    ks = sorted({k for line in lines for k in line.ks})
    widths = [w for line in lines for w in line.widths.values() if math.isfinite(w)]
    axes[0, 0].set_xscale("log")
    axes[0, 0].set_xlim(ks[0] / 1.6, max([*ks, *(w for w in widths if w < _FAR * ks[-1])]) * 1.6)
    for ax in axes.flat:
        sizes_axis(ax.xaxis, ks[:: -(-len(ks) // 5)])
    for ax in axes[:-1].flat:  # the axis is that of the last row
        ax.set_xlabel("")
    handles: dict[str, Any] = {}
    for ax in axes[:, ::-1].flat:
        for handle, text in zip(*ax.get_legend_handles_labels(), strict=True):
            handles.setdefault(text, handle)
    legend_beside(axes[0, 2], handles=list(handles.values()), labels=list(handles))
    shared = lines[0].shared
    operator = "Gaussian A" if shared["kappa"] is None else f"A of condition number {shared['kappa']:g}"
    words = (
        f"n = {shared['n']}, m = {shared['m']}, {operator}, {shared['activation']}, V {shared['V']}, noise {shared['noise']:g}; "
        f"convergence: loss at {shared['tolerance']:g} of its initial value"
    )
    caption(figure, results, words, 170)
    return figure


def _times(ax: Axes, line: Line) -> None:
    label(ax, "width k (neurons)", "time of first certificate / time of convergence", _LAYERS[line.train])
    found = [m for points in line.points.values() for m in (p.time for p in points)]
    positive = [x for m in found for x in (m.value, m.low) if 0 < x < math.inf]
    low = 10.0 ** (math.floor(math.log10(min(positive, default=0.1))) - 0.5)
    high = max(3.0, 2 * max(positive, default=1.0))
    ax.set_yscale("log")
    ax.set_ylim(low, high)
    ax.axhline(1.0, color="0.55", lw=1.0, zorder=1)
    ax.text(
        0.985,
        1.08,
        "convergence",
        transform=ax.get_yaxis_transform(),
        fontsize=6.5,
        color="0.35",
        ha="right",
        va="bottom",
        bbox={"color": "white", "pad": 0.6},
        zorder=3,
    )
    ax.text(-0.012, low, "t = 0", transform=ax.get_yaxis_transform(), fontsize=7, ha="right", va="center")
    for theorem, points in line.points.items():
        times = [p.time for p in points]
        _median_markers(ax, line.ks, times, theorem, low, high)
        _without(ax, line.ks, times, theorem, high)


def _left(ax: Axes, line: Line) -> None:
    label(ax, "width k (neurons)", "part of the log-loss decay still to come", "left when the certificate comes")
    ax.set_ylim(-0.04, 1.04)
    for theorem, points in line.points.items():
        _median_markers(ax, line.ks, [p.left for p in points], theorem, -0.02, 1.0)
        _without(ax, line.ks, [p.time for p in points], theorem, -0.04)


def _median_markers(
    ax: Axes, ks: Sequence[int], medians: Sequence[Median], theorem: str, low: float, high: float
) -> None:
    """Medians with their limits; what is beyond the axis is drawn at its edge, a median beyond the upper one not at all."""
    at = [i for i, m in enumerate(medians) if math.isfinite(m.value)]
    x = np.array([ks[i] * _BESIDE[theorem] for i in at])
    value, below, above = (np.clip([medians[i][j] for i in at], low, high) for j in range(3))
    ax.errorbar(
        x, value, yerr=[value - below, above - value], color=THEOREMS[theorem][0], fmt=_MARKERS[theorem], clip_on=False,
        zorder=5, **SEEN,
    )  # fmt: skip


def _without(ax: Axes, ks: Sequence[int], times: Sequence[Median], theorem: str, edge: float) -> None:
    """A hollow marker at an edge of the axes, where most runs have no certificate: there is no median to draw."""
    x = [k * _BESIDE[theorem] for k, time in zip(ks, times, strict=True) if time.value == math.inf]
    if x:
        ax.plot(
            x, [edge] * len(x), ls="none", marker="^" if edge > 0 else "v", ms=6, mec=THEOREMS[theorem][0], mfc="white",
            clip_on=False, zorder=6, label=f"{_NAMES[theorem]}:\n{_NONE}",
        )  # fmt: skip


def _shares(ax: Axes, line: Line) -> None:
    label(ax, "width k (neurons)", "fraction of runs", "how often: before convergence, and at once")
    ax.set_ylim(-0.04, 1.04)
    for theorem, points in line.points.items():
        color, marker, words = THEOREMS[theorem][0], _MARKERS[theorem], _NAMES[theorem]
        in_time, at_once = [p.in_time for p in points], [p.at_once for p in points]
        _share_markers(
            ax, line.ks, in_time, color, marker, _SHARES[theorem, "in_time"], f"{words}:\nbefore convergence"
        )
        _share_markers(
            ax, line.ks, at_once, color, marker, _SHARES[theorem, "at_once"], f"{words}: at t = 0", hollow=True
        )
    if line.train == "both":
        color = THEOREMS["balanced"][0]
        _share_markers(
            ax, line.ks, line.balanced, color, "D", _SHARES["balanced"], "balance, every y: at t = 0", hollow=True
        )


def _share_markers(
    ax: Axes, ks: Sequence[int], shares: Sequence[Share], color: str, marker: str, beside: float, words: str, *,
    hollow: bool = False,
) -> None:  # fmt: skip
    value = np.array([s.value for s in shares])
    error = [value - [s.low for s in shares], [s.high for s in shares] - value]
    style = {**SEEN, "ms": 4.5, "elinewidth": 0.8, "capsize": 0}
    if hollow:
        style |= {"mec": color, "mfc": "white", "mew": 1.1}
    ax.errorbar(np.array(ks) * beside, value, yerr=error, color=color, fmt=marker, zorder=5, label=words, **style)


def _a_priori(ax: Axes, line: Line) -> None:
    for theorem, width in line.widths.items():
        if math.isfinite(width):
            color, dash = THEOREMS[theorem]
            ax.axvline(width, color=color, ls=dash, lw=1.6, zorder=2,
                       label=f"{_NAMES[theorem]}:\nwidth proved enough for half of the starts")  # fmt: skip
            if width >= _FAR * line.ks[-1]:
                ax.text(0.985, 0.5, f"{_NAMES[theorem]},\na priori: k = {width:.2g} →", transform=ax.transAxes, fontsize=6.5,
                        color=color, ha="right", va="center")  # fmt: skip
