"""The figure of empirical exponents: thresholds with the fitted power law above, exponents beside the theory's orders below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from numerics.logistic import Threshold
from verify.sweep.experiments.exponents import Growth
from verify.sweep.experiments.widths_summary import AXES
from verify.sweep.figure import COLORS, SEEN, THEOREMS, caption, label, sizes_axis
from verify.sweep.kind import Results

__all__ = ["draw"]

_LOOKS: dict[str, tuple[str, Any, str]] = {
    "baseline": (*THEOREMS["baseline"], "order: baseline"),
    "sharp": (*THEOREMS["sharp"], "order: sharp, any F"),
    "sharp_linear": ("#56B4E9", "-", "order: sharp, linear A"),
    "amgm": (*THEOREMS["amgm"], "order: hidden activations"),
    "wonly": (*THEOREMS["wonly"], "order: image of the box"),
}
_SIZES = {"n": "entries of the signal n", "m": "entries of the data m", "kappa": "condition number κ(A)"}
_MARKS = "osDPXhp"


def draw(found: Sequence[Growth], results: Results) -> Figure:
    """A column for each size that varies and what the other sizes are."""
    groups: dict[Any, list[Growth]] = {}
    for growth in found:
        groups.setdefault((growth.axis, *(growth.shared.get(name) for name in AXES)), []).append(growth)
    columns = list(groups.values())
    figure = Figure(figsize=(3.4 * len(columns) + 2.2, 6.4), layout="constrained")
    axes = figure.subplots(2, len(columns), squeeze=False, height_ratios=(1.25, 1))
    runs = sorted({_run(g) for g in found})
    for (above, below), members in zip(axes.T, columns, strict=True):
        for place, growth in enumerate(members):
            _thresholds(above, growth, runs.index(_run(growth)), place)
        _finish(above, members)
        _exponents(below, members, runs)
    handles: dict[str, Any] = {}
    for ax in axes.ravel():
        handles.update({text: handle for handle, text in zip(*ax.get_legend_handles_labels(), strict=True)})
    figure.legend(list(handles.values()), list(handles), loc="outside right upper", fontsize=7, frameon=False)
    e = results.cells[0].config
    how = f"{e.activation}, V {e.V}, gradient descent, {e.tolerance:g} of the initial loss"
    words = f"width at which half of the instances converge ({how}); orders are slopes over the sizes of each grid"
    caption(figure, results, words)
    return figure


def _run(growth: Growth) -> tuple[str, str]:
    return growth.shared["train"], growth.until


def _words(run: tuple[str, str]) -> str:
    return f"{'both layers' if run[0] == 'both' else 'W only'}, {run[1]}"


def _thresholds(ax: Axes, growth: Growth, at: int, place: int) -> None:
    color, mark = COLORS[at % len(COLORS)], _MARKS[at % len(_MARKS)]
    known = {size: t for size, t in growth.thresholds.items() if math.isfinite(t.k)}
    sizes = np.array(sorted(growth.thresholds))
    ks = [k for k, *_ in growth.counts]
    if known:
        k = np.array([t.k for t in known.values()])
        low = np.array([max(t.low, 0.5 * min(ks)) for t in known.values()])
        high = np.array([min(t.high, 2.0 * max(ks)) for t in known.values()])
        ax.errorbar(
            list(known),
            k,
            yerr=np.maximum([k - low, high - k], 0.0),
            fmt=mark,
            color=color,
            label=f"seen: {_words(_run(growth))}",
            **SEEN,
        )
    for size, t in growth.thresholds.items():
        side = _one_sided(t, ks)
        if side is not None:
            words, mark_there, k_there = side
            # those of several runs at one place: the later ones are smaller, and above
            look: dict[str, Any] = {
                "color": color,
                "mec": "white",
                "mew": 0.6,
                "ms": max(10.0 - 2.0 * place, 4.0),
                "zorder": 3 + place,
            }
            ax.plot([size], [k_there], ls="none", marker=mark_there, **look)
            ax.plot(
                [],
                [],
                ls="none",
                marker=mark_there,
                color="0.4",
                ms=6,
                label=f"seen: {words} (95 %)",
            )
    if growth.all_converged:
        words = f"all converge\n({growth.until})"
        ax.annotate(words, (sizes[0], min(ks)), xytext=(0, 9), textcoords="offset points", fontsize=6.5, color=color)
    if known and math.isfinite(growth.scaling.exponent):
        between = np.array([min(known), max(known)])
        ax.plot(
            between,
            growth.scaling.at(between),
            color=color,
            lw=0.9,
            ls=(0, (1, 1.5)),
            label="fit: power law, all cells at once",
        )


def _one_sided(t: Threshold, ks: Sequence[int]) -> tuple[str, str, float] | None:
    """Words, marker and width of a threshold that is known on one side only; None for another one."""
    if math.isfinite(t.k):
        return None
    below, above = t.low < min(ks) and math.isfinite(t.high), t.high > max(ks) and t.low > 0
    if below == above:
        return None
    return (
        ("below", "v", max(min(t.high, max(ks)), min(ks)))
        if below
        else ("above", "^", max(min(t.low, max(ks)), min(ks)))
    )


def _finish(ax: Axes, members: Sequence[Growth]) -> None:
    growth = members[0]
    ks = [k for g in members for k, *_ in g.counts]
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(0.5 * min(ks), 2.0 * max(ks))
    sizes_axis(ax.xaxis, sorted({size for g in members for size in g.thresholds}))
    fixed = ", ".join(f"{name} = {growth.shared[name]:g}" for name in ("n", "m") if name != growth.axis)
    kappa = growth.shared.get("kappa")
    if growth.axis != "kappa":
        fixed += ", Gaussian A" if kappa is None else f", κ = {kappa:g}"
    label(ax, _SIZES[growth.axis], "width k (neurons)", fixed)


def _exponents(ax: Axes, members: Sequence[Growth], runs: Sequence[tuple[str, str]]) -> None:
    shown = [g for g in members if math.isfinite(g.scaling.exponent)]
    reach = [x for g in shown for x in (g.scaling.low, g.scaling.high) if math.isfinite(x)]
    reach += [x for g in members for x in g.orders.values()] + [0.0]
    low, high = min(reach) - 0.3, max(reach) + 0.3
    for place, growth in enumerate(members):
        at = runs.index(_run(growth))
        color, mark, s = COLORS[at % len(COLORS)], _MARKS[at % len(_MARKS)], growth.scaling
        for i, (criterion, value) in enumerate(growth.orders.items()):
            look, dash, words = _LOOKS[criterion]
            half = 0.44 - 0.07 * i  # equal exponents stay visible
            ax.hlines(value, place - half, place + half, color=look, ls=dash, lw=2.0, label=words)
        if math.isfinite(s.exponent):
            error = np.maximum([[s.exponent - max(s.low, low)], [min(s.high, high) - s.exponent]], 0.0)
            ax.errorbar(
                [place], [s.exponent], yerr=error, fmt=mark, color=color, label=f"seen: {_words(_run(growth))}", **SEEN
            )
        else:
            top = math.isfinite(s.low)  # what is bounded from below alone is said above
            ax.annotate(
                "no threshold" if growth.all_converged else str(s),
                (place, high if top else low),
                ha="center",
                va="top" if top else "bottom",
                fontsize=6.5,
                color=color,
            )
    label(ax, "", f"exponent in {'κ' if members[0].axis == 'kappa' else members[0].axis}")
    ax.set_xticks(range(len(members)), [_words(_run(g)).replace(", ", "\n") for g in members])
    ax.set_xlim(-0.6, len(members) - 0.4)
    ax.set_ylim(low, high)
