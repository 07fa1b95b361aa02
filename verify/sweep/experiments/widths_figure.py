"""The figure of certified widths: a panel for every axis, lines of medians in bands of quartiles, exponents in the legend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from verify.sweep.experiments.widths_summary import Panel, exponent_words
from verify.sweep.figure import THEOREMS, caption, label, legend_beside, sizes_axis
from verify.sweep.kind import Results

__all__ = ["draw"]

_LOOKS: dict[str, tuple[str, Any, str]] = {
    "baseline": (*THEOREMS["baseline"], "baseline"),
    "sharp": (*THEOREMS["sharp"], "sharp, any F"),
    "sharp_linear": ("#56B4E9", "-", "sharp, linear A"),
    "saturated": ("#000000", (0, (3, 1, 1, 1)), "sharp, saturated modulus"),
    "energy": (*THEOREMS["illposed"], "energy (dip2.energy)"),
    "amgm": (*THEOREMS["amgm"], "hidden activations, dual"),
    "balanced": (*THEOREMS["balanced"], "balance, linear A"),
    "wonly": (*THEOREMS["wonly"], "image of the box (linear program)"),
}
_MARKS = dict(zip(_LOOKS, "os^DvPXp", strict=True))
_SIZES = {"n": "entries of the signal n", "m": "entries of the data m", "kappa": "condition number κ(A)"}


def draw(members: Sequence[Panel], results: Results) -> Figure:
    """A row for each panel: the widths, and beside them the exponents with their intervals."""
    figure = Figure(figsize=(9.6, 3.0 * len(members) + 0.6), layout="constrained")
    shared = members[0].shared
    axes = figure.subplots(len(members), 1, squeeze=False, sharey=True)[:, 0]
    for ax, panel in zip(axes, members, strict=True):
        _panel(ax, panel)
    layers = "both layers trained" if shared["train"] == "both" else "W only trained"
    noise = f", noise {shared['noise']:g}" if shared["noise"] else ""
    words = (
        f"smallest width certified a priori, instance by instance ({layers}, {shared['activation']}, V {shared['V']}{noise}); "
        f"lines: medians, bands: quartiles, none beyond k = {shared['most']}"
    )
    caption(figure, results, words, 112)
    return figure


def _panel(ax: Axes, panel: Panel) -> None:
    most = panel.shared["most"]
    sizes = sorted({float(size) for size in panel.series[0].sizes})
    for series in sorted(panel.series, key=lambda item: list(_LOOKS).index(item.criterion)):
        color, dash, words = _LOOKS[series.criterion]
        exponent = exponent_words(series, most).replace(", cut", ",\n    cut")
        quartiles = np.array(list(series.quartiles().values()))
        low, middle, _ = np.where(np.isfinite(quartiles), quartiles, np.nan).T
        # a band that leaves the widths that were looked at is cut there
        top = np.where(np.isfinite(quartiles[:, 2]), quartiles[:, 2], most)
        ax.fill_between(sizes, np.where(np.isfinite(low), low, most), top, color=color, alpha=0.13, lw=0)
        ax.plot(sizes, middle, color=color, ls=dash, lw=1.7, marker=_MARKS[series.criterion], ms=5, mec="white",
                mew=0.5, label=f"{words}\n    {exponent}")  # fmt: skip
    ax.axhline(most, color="0.5", lw=0.9, ls=":")
    ax.set_xscale("log")
    ax.set_yscale("log")
    sizes_axis(ax.xaxis, sizes)
    ax.set_ylim(0.8, 2.0 * most)
    fixed = ", ".join(f"{name} = {panel.shared[name]:g}" for name in ("n", "m") if panel.axis != name)
    if panel.axis != "kappa":
        kappa = panel.shared["kappa"]
        fixed += ", Gaussian A" if kappa is None else f", κ(A) = {kappa:g}"
    label(ax, _SIZES[panel.axis], "width k (neurons)", fixed)
    legend_beside(
        ax,
        f"width ~ {panel.axis if panel.axis != 'kappa' else 'κ'}^x: x of the medians (95 %), [of the theory's order]\n"
        "?: no bound; cut off: a median may be beyond the dots",
    )
