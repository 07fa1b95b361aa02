"""The figure of a sweep on predicted signals: distance from each prediction against width, and the bound of the drift."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from verify.sweep.experiments.predicted_signal_summary import Widths
from verify.sweep.figure import COLORS, SEEN, THEOREMS, caption, label, legend_beside, sizes_axis
from verify.sweep.kind import Results

__all__ = ["draw"]


def draw(found: Sequence[Widths], results: Results) -> Figure:
    """A panel for each family."""
    figure = Figure(figsize=(3.4 * len(found) + 2.2, 3.9), layout="constrained")
    axes = figure.subplots(1, len(found), squeeze=False, sharey=True)[0]
    markers = (
        ("from_wide", "o", COLORS[7], "found − [x(0) + A⁺(y − A x(0))]"),
        ("from_bregman", "s", COLORS[0], "found − Bregman projection (W only)"),
    )
    color, dash = THEOREMS["recovery"]
    grey = {"color": "0.5", "ls": (0, (1, 1.5)), "lw": 1.4}
    for ax, item in zip(axes, found, strict=True):
        k = np.array(item.ks, dtype=float)
        drift = np.array([v[2] for v in item.values["drift"]])
        full = np.array(item.in_force) == np.array(item.trials)
        ax.plot(k, np.where(full, drift, np.nan), color=color, ls=dash, lw=1.8, marker="|",
                label="bound of the drift (recover.kernel)\nlargest, where in force for all")  # fmt: skip
        accuracy = np.array([v[2] for v in item.values["accuracy"]])
        ax.plot(k, accuracy, label="accuracy of run and prediction\n(estimate, largest)", **grey)
        for name, marker, shade, words in markers:
            low, middle, high = np.array(item.values[name]).T
            ax.errorbar(k, middle, [middle - low, high - middle], fmt=marker, color=shade, label=words, **SEEN)
        if item.shared["train"] == "W":
            for width, outside, trials in zip(item.ks, item.outside, item.trials, strict=True):
                if outside:
                    ax.annotate(f"{outside}/{trials}\noutside", (width, 1e-4), ha="center", va="center", fontsize=7)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_ylim(1e-10, 30.0)
        ax.set_xlim(item.ks[0] / 1.5, item.ks[-1] * 1.5)
        sizes_axis(ax.xaxis, item.ks)
        layers = "both layers" if item.shared["train"] == "both" else "W only"
        label(ax, "width k (neurons)", "difference / ‖x(0) + A⁺(y − A x(0))‖" if ax is axes[0] else "",
              f"{layers}, output scale {item.shared['output_scale']:g}")  # fmt: skip
    legend_beside(axes[-1])
    first = found[0].shared
    caption(figure, results, f"n = {first['n']}, m = {first['m']}, Gaussian A, no noise, {first['activation']}; markers: "
            "median, least and largest over the instances with y inside the image of the box")  # fmt: skip
    return figure
