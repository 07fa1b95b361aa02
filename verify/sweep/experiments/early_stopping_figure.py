"""The figure of an early-stopping sweep: stopping times and the two errors there against the noise level, by rule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from verify.sweep.experiments.early_stopping_summary import Point, Setup
from verify.sweep.figure import SEEN, THEOREMS, caption, label, legend_beside, sizes_axis
from verify.sweep.kind import Results

__all__ = ["draw"]

# (colour, marker, dashes of a guaranteed time, words)
_LOOKS: dict[str, tuple[str, str, Any, str]] = {
    "baseline": (THEOREMS["baseline"][0], "v", THEOREMS["baseline"][1], "baseline.early_stop"),
    "sharp": (THEOREMS["sharp"][0], "o", THEOREMS["sharp"][1], "sharp.stop"),
    "strongest": ("#8C8A00", "D", (0, (4, 1.2, 1, 1.2)), "strongest in force, if another one"),
    "kappa_free": (THEOREMS["illposed"][0], "s", THEOREMS["illposed"][1], "guarantee free of κ(A)"),
    "discrepancy": ("#000000", "P", None, "discrepancy principle"),
    "oracle_observation": ("#56B4E9", "<", None, "oracle, observation"),
    "oracle_signal": ("#B0489A", ">", None, "oracle, signal"),
    "limit": ("0.55", "X", None, "no stopping (limit)"),
}
_NOISE = "noise level ‖ε‖ / ‖Ax̄‖"


def draw(setups: Sequence[Setup], results: Results) -> Figure:
    """A row for each setup; times, errors of the observation, errors of the signal."""
    figure = Figure(figsize=(14.6, 3.2 * len(setups) + 0.9), layout="constrained")
    figure.get_layout_engine().set(wspace=0.05)  # type: ignore[call-arg, union-attr]
    axes = figure.subplots(len(setups), 3, squeeze=False, sharex=True)
    for (time, observation, signal), setup in zip(axes, setups, strict=True):
        _times(time, setup)
        _errors(observation, setup, "observation")
        _errors(signal, setup, "signal")
        for ax in (time, observation, signal):
            ax.set_xscale("log")
            sizes_axis(ax.xaxis, setup.noises)
    for ax in axes[:-1].flat:  # the axis is that of the last row
        ax.set_xlabel("")
    handles: dict[str, Any] = {}
    for ax in axes.flat:
        for handle, words in zip(*ax.get_legend_handles_labels(), strict=True):
            handles.setdefault(words, handle)
    legend_beside(
        axes[0, 2], "theory: lines\nsimulation: markers", handles=list(handles.values()), labels=list(handles)
    )
    shared = setups[0].shared
    start = "antisymmetric start" if shared["antisymmetric"] else "independent start"
    words = (
        f"n = {shared['n']}, m = {shared['m']}, k = {shared['k']}, {shared['activation']}, V {shared['V']}, {start}, "
        f"τ = {shared['tau']:g}; medians with exact 95 % limits, of rules that give a time in half of the runs"
    )
    caption(figure, results, words, 170)
    return figure


def _times(ax: Axes, setup: Setup) -> None:
    label(ax, _NOISE, "time t ‖sA‖²", setup.words())
    ax.set_yscale("log")
    for rule in _shown(setup):
        points = setup.points[rule]
        color, marker, dash, words = _LOOKS[rule]
        if dash is None:
            _markers(ax, setup, rule, "time", color, marker, words)
        elif any(p.often for p in points):
            values = [[p.time.value if p.often else math.nan, *_whole(p)] for p in points]
            middle, low, high = np.array(values).T
            ax.plot(setup.noises, middle, color=color, ls=dash, lw=1.8, label=f"guaranteed: {words}", zorder=4)
            ax.fill_between(setup.noises, low, high, color=color, alpha=0.13, lw=0)


def _shown(setup: Setup) -> list[str]:
    """The rules that are drawn: not the strongest guarantee where it is always the same one of the others."""
    points = setup.points
    others = [points[rule] for rule in ("baseline", "sharp", "kappa_free")]
    return [rule for rule in points if not (rule == "strongest" and points[rule] in others)]


def _whole(point: Point) -> tuple[float, float]:
    """The limits of a median time; NaN where too few draws give none."""
    low, high = point.time.low, point.time.high
    known = point.often and math.isfinite(low) and math.isfinite(high)
    return (low, high) if known else (math.nan, math.nan)


def _errors(ax: Axes, setup: Setup, what: str) -> None:
    if what == "observation":
        label(ax, _NOISE, "‖y(t) − ȳ‖ / ‖ε‖", "error in observation space")
        tau = setup.shared["tau"]
        ax.axhline(2.0, color="0.25", lw=1.3, ls=(0, (6, 2)), label="promised at level ‖ε‖: 2‖ε‖")
        ax.axhline(1.0 + tau, color="0.25", lw=1.1, ls=(0, (1, 1.5)), label="promised at level τ‖ε‖: (1 + τ)‖ε‖")
        ax.set_ylim(0, 1.0 + tau + 0.25)
    else:
        label(ax, _NOISE, "‖x(t) − x̄‖ / ‖x̄‖", "error in signal space")
        ax.set_yscale("log")
    for rule in _shown(setup):
        color, marker, dash, words = _LOOKS[rule]
        _markers(ax, setup, rule, what, color, marker, f"at that time: {words}" if dash else words)


def _markers(ax: Axes, setup: Setup, rule: str, what: str, color: str, marker: str, words: str) -> None:
    points = [(noise, p) for noise, p in zip(setup.noises, setup.points[rule], strict=True) if p.often]
    found = [(noise, getattr(p, what)) for noise, p in points]
    found = [(noise, m) for noise, m in found if math.isfinite(m.value)]
    if not found:
        return
    # side by side: a fraction of the distance between noise levels
    step = (setup.noises[-1] / setup.noises[0]) ** (1 / max(1, len(setup.noises) - 1))
    rank = list(_LOOKS).index(rule) - (len(_LOOKS) - 1) / 2
    x = np.array([noise for noise, _ in found]) * step ** (0.1 * rank)
    value = np.array([m.value for _, m in found])
    low = np.array([m.low if math.isfinite(m.low) else m.value for _, m in found])
    high = np.array([m.high if math.isfinite(m.high) else m.value for _, m in found])
    style = {**SEEN, "ms": 6, "elinewidth": 1.0, "capsize": 0}
    ax.errorbar(x, value, yerr=[value - low, high - value], color=color, fmt=marker, label=words, zorder=5, **style)
