"""The figure of a sweep towards singularity: errors as markers, bounds as lines, at the discrepancy time and at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from verify.sweep.experiments.near_singular_summary import Curves
from verify.sweep.figure import COLORS, SEEN, THEOREMS, caption, label
from verify.sweep.kind import Results

__all__ = ["draw"]

_BOUNDS: dict[str, tuple[tuple[str, Any], str]] = {
    "baseline": (THEOREMS["baseline"], "baseline.recovery"),
    "linear": (("#8C8A00", (0, (4, 2))), "recover.linear"),
    "kernel": (THEOREMS["recovery"], "recover.kernel"),
    "split": (("#0072B2", (0, (1, 1.5))), "recover.split (unseen part read off the run: no guarantee)"),
    "stability": (THEOREMS["illposed"], "illposed.discrepancy, stability (part in Im Aᵀ)"),
}
_WHEN = {"stop": "at the discrepancy time", "end": "at the end of the run"}
_TOP, _BOTTOM = 1e6, 1e-2


def draw(found: Sequence[Curves], results: Results) -> Figure:
    """A row for each family, a column for each of the two times."""
    figure = Figure(figsize=(9.6, 2.6 * len(found) + 1.4), layout="constrained")
    axes = figure.subplots(len(found), 2, squeeze=False, sharex=True)
    for i, (row, item) in enumerate(zip(axes, found, strict=True)):
        for ax, when in zip(row, _WHEN, strict=True):
            _panel(ax, item, when, last=i == len(found) - 1)
    handles, words = axes[0][0].get_legend_handles_labels()
    handles.append(Line2D([], [], marker="o", color=COLORS[7], mfc="white", ls="none", ms=5.5))
    words.append("hollow: some or all runs ended (time was up), data not fitted")
    figure.legend(handles, words, loc="outside lower center", ncols=3, fontsize=7.5, frameon=False)
    first = found[0].shared
    caption(
        figure,
        results,
        f"n = {first['n']}, k = {first['k']}, noise {first['noise']:g} of the data, τ = {first['tau']:g}, output scale "
        f"{first['output_scale']:g}; lines end where a bound is no longer in force for every instance; above the grey line "
        "a bound says less than x = 0 does; markers: median, least and largest; the run ends at 1e-7 of the initial loss or at "
        f"t = {first['t_max']:g}",
    )
    return figure


def _panel(ax: Axes, item: Curves, when: str, last: bool) -> None:
    sigma = np.array(item.sigma)
    for short, ((color, dash), words) in _BOUNDS.items():
        name = f"{short}_{when}"
        if name in item.values:
            value = np.array([v[2] for v in item.values[name]])
            ax.plot(sigma, value, color=color, ls=dash, lw=1.8, marker="|", ms=5, label=words)
        else:
            ax.plot([], [], color=color, ls=dash, lw=1.8, label=words)
    shown = [(f"error_{when}", "o", COLORS[7], "error of the flow"), ("error_pinv", "s", COLORS[3], "error of A⁺y")]
    if when == "stop":
        shown.append(("seen_stop", "^", COLORS[2], "error of the flow, part in Im Aᵀ"))
    reached = np.array(getattr(item, f"reached_{when}")) == [len(cell.records) for cell in item.cells]
    for i, (name, marker, color, words) in enumerate(shown):
        low, middle, high = np.array(item.values[name]).T
        x = sigma * (1.0, 1.25, 0.8)[i]
        # what A⁺y does is no matter of time
        whole = np.ones(x.size, dtype=bool) if name == "error_pinv" else reached
        for part, fill in ((whole, {"label": words}), (~whole, {"mfc": "white", "mec": color, "mew": 1.2})):
            if part.any():
                error = [(middle - low)[part], (high - middle)[part]]
                ax.errorbar(x[part], middle[part], error, fmt=marker, color=color, **{**SEEN, **fill})
    ax.axhline(1.0, color="0.6", lw=1.0)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(_BOTTOM, _TOP)
    ax.set_xlim(3 * sigma.max(), sigma.min() / 3)  # singular to the right
    layers = "both layers" if item.shared["train"] == "both" else "W only"
    label(
        ax,
        "smallest singular value of A (‖A‖ = 1)" if last else "",
        "‖x − x̄‖ / ‖x̄‖",
        f"m = {item.shared['m']}, {layers}: {_WHEN[when]}",
    )
