"""The figure of a sweep on the injectivity of reachable signals: the interval of μ against m/n."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from verify.sweep.experiments.tension_summary import Intervals
from verify.sweep.figure import COLORS, THEOREMS, caption, label, legend_beside, sizes_axis
from verify.sweep.kind import Results

__all__ = ["draw"]

_FLOOR = 1e-12


def draw(found: Sequence[Intervals], results: Results) -> Figure:
    """A panel for each family, an interval for each instance."""
    figure = Figure(figsize=(4.0 * len(found) + 2.4, 3.8), layout="constrained")
    axes = figure.subplots(1, len(found), squeeze=False, sharey=True)[0]
    color = THEOREMS["recovery"][0]
    for ax, item in zip(axes, found, strict=True):
        n = item.shared["n"]
        words = {
            "line": "interval of μ on Σ'",
            "high": "upper: ratio at the signal found",
            "low": "lower: σ_min(A), proved",
        }
        for m, pairs in zip(item.ms, item.found, strict=True):
            places = m / n * np.exp(np.linspace(-0.05, 0.05, max(2, len(pairs))))
            for x, (low, high) in zip(places, pairs, strict=False):
                ax.plot([x, x], [max(low, _FLOOR), high], color="0.6", lw=1.2, label=words.pop("line", "_"))
                ax.plot([x], [high], marker="v", ms=5, ls="none", mec="white", mew=0.5, color=COLORS[7],
                        label=words.pop("high", "_"))  # fmt: skip
                if low > 0:
                    ax.plot([x], [low], marker="_", ms=9, mew=2.0, ls="none", color=color, label=words.pop("low", "_"))
            if not pairs:
                ax.annotate("R' ≥ R", (m / n, 3e-3), rotation=90, ha="center", va="center", fontsize=6.5, color="0.3")
        ax.axvline(1.0, color="0.7", lw=1.0, ls=(0, (2, 2)))
        ax.set_xscale("log")
        sizes_axis(ax.xaxis, [m / n for m in item.ms])
        ax.set_yscale("log")
        ax.set_ylim(_FLOOR, 5)
        layers = "both layers" if item.shared["train"] == "both" else "W only"
        label(ax, "m/n (data over unknowns)", "restricted injectivity constant μ" if ax is axes[0] else "", layers)
        ax.tick_params(axis="x", rotation=60)
    legend_beside(axes[-1], title="each instance with\nR' < R and x̄ ∈ Σ';\nto the lower edge: down to 0")
    first = found[0].shared
    caption(figure, results, f"n = {first['n']}, k = {first['k']}, Gaussian A, no noise, x̄ = g(θ̄) with ‖θ̄ − θ0‖ = "
            f"{first['distance']:g}")  # fmt: skip
    return figure
