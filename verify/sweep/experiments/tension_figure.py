"""The figure of a tension sweep: bounds of μ against m/n, and the error that the flow is left with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from verify.sweep.experiments.tension_summary import LAYERS, Row
from verify.sweep.figure import COLORS, SEEN, caption, label, legend_beside
from verify.sweep.kind import Results

__all__ = ["draw"]

_MARKERS = ("o", "s", "D", "^", "v", "P")


def draw(found: Sequence[Row], results: Results) -> Figure:
    """Bounds of μ on the left, the error of the flow's limit on the right."""
    figure = Figure(figsize=(10.6, 3.9), layout="constrained")
    left, right = figure.subplots(1, 2)
    series: dict[tuple[str, int], list[Row]] = {}
    for row in found:
        series.setdefault((row.config.train, row.config.k), []).append(row)
    for i, ((train, k), rows) in enumerate(sorted(series.items())):
        words = f"{LAYERS[train]}, k = {k}"
        # side by side: most of them agree
        shift = 0.012 * (i - 0.5 * (len(series) - 1))
        x = np.array([row.config.m / row.config.n for row in rows]) + shift
        _errors(left, x, [row.typical for row in rows], i, words)
        _errors(right, x, [row.run_error for row in rows], i, words)
    _lines(left, right, found)
    left.set_yscale("log")
    label(
        left,
        "m/n (data per unknown)",
        "‖A(x − x̄)‖/‖x − x̄‖ of a pair of signals, from above",
        "restricted injectivity μ over Σ'",
    )
    label(right, "m/n (data per unknown)", "‖x(∞) − x̄‖/‖x(0) − x̄‖", "error that is left when the data are fitted")
    legend_beside(right, title="theory: lines\nsimulation: markers,\nmedian with 95 % limits")
    c = found[0].config if found else None
    words = ""
    if c is not None:
        words = (
            f"n = {c.n}, Gaussian A, {c.activation}, V {c.V}; Σ': outputs of the ball of radius R around θ(0), in which every "
            f"Jacobian has full rank; x̄ = g(θ̄), θ̄ at {c.reach:g} R from θ(0)"
        )
    caption(figure, results, words)
    return figure


def _errors(
    ax: Axes, x: np.ndarray, medians: Sequence[tuple[float, float, float, int]], series: int, words: str
) -> None:
    value, low, high = np.array([m[:3] for m in medians]).T
    error = np.maximum(np.array([value - low, high - value]), 0.0)
    error[~np.isfinite(error)] = 0.0
    color, marker = COLORS[series % len(COLORS)], _MARKERS[series % len(_MARKERS)]
    ax.errorbar(x, value, yerr=error, fmt=marker, color=color, label=words, **SEEN)


def _lines(left: Axes, right: Axes, found: Sequence[Row]) -> None:
    """What is proved: μ ≥ σ_min(A) where A is injective; and what an infinitely wide network leaves."""
    by: dict[float, list[Row]] = {}
    for row in found:
        by.setdefault(row.config.m / row.config.n, []).append(row)
    injective = sorted((x, float(np.median([row.proved.value for row in rows]))) for x, rows in by.items() if x >= 1)
    if injective:
        line = left.plot(*zip(*injective, strict=True), color="black", ls=(0, (4, 2)), lw=1.6, marker="_", ms=9)
        left.legend(line, ["proved: μ ≥ σ_min(A)"], fontsize=7, frameon=False, loc="center right")
    unseen = sorted((x, float(np.median([row.unseen.value for row in rows]))) for x, rows in by.items())
    right.plot(
        *zip(*unseen, strict=True),
        color="black",
        lw=1.6,
        label="wide limit (recover.kernel):\n‖P(x(0) − x̄)‖/‖x(0) − x̄‖",
    )
    if any(x < 1 for x in by):
        left.axvspan(min(by) - 0.05, 1 - 0.5 * min(np.diff(sorted({*by, 1.0})), default=0.1), color="0.93", zorder=0)
        left.text(
            0.03,
            0.97,
            "A has a kernel: μ = 0\n(recover.tension); the markers\nare bounds of rounding errors:\nμ ≤ marker, proved",
            transform=left.transAxes,
            fontsize=7.5,
            va="top",
        )
