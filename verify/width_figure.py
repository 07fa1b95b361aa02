"""The figure of ``dipcert width --vary``: the smallest width of every theorem along a variable."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from numerics.width.tables import Growth

__all__ = ["draw"]

# Colour-blind safe, one look a criterion, whatever else is shown.
_LOOKS: dict[str, tuple[str, Any]] = {
    "baseline_coarse": ("#D55E00", (0, (8, 2))),
    "baseline": ("#D55E00", "-"),
    "sharp": ("#0072B2", (0, (5, 2))),
    "sharp_linear": ("#0072B2", "-"),
    "amgm": ("#009E73", (0, (6, 2.5))),
    "amgm_dual": ("#009E73", "-"),
    "balanced": ("#8C8A00", (0, (4, 1.2, 1, 1.2))),
    "balanced_linear": ("#8C8A00", "-"),
    "wonly": ("#B0489A", "-"),
}
_LABELS = {
    "n": "entries of the signal n",
    "m": "entries of the data m",
    "kappa": "condition number κ(A)",
    "noise": "norm of the noise ‖ε‖",
    "y_norm": "norm of the clean data ‖ȳ‖",
    "delta": "probability of failure δ",
}


def draw(growths: Sequence[Growth], caption: str) -> Figure:
    """Theory as lines; the exponent of each beside its name."""
    figure = Figure(figsize=(8.4, 4.6), layout="constrained")
    ax = figure.add_subplot()
    for g in growths:
        color, dash = _LOOKS[g.criterion]
        points = [(x, a.value) for x, a in zip(g.values, g.answers, strict=True) if a.value is not None]
        label = g.criterion if g.exponent is None else f"{g.criterion}: k ~ {g.variable}^{g.exponent.value:.2f}"
        ax.plot(*zip(*points, strict=True), color=color, ls=dash, lw=1.8, marker=".", ms=5, label=label)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel(_LABELS.get(growths[0].variable, growths[0].variable))
    ax.set_ylabel("smallest certified width k")
    ax.grid(True, which="major", color="0.9", lw=0.6)
    ax.set_title("\n".join(textwrap.wrap(caption, 105)), fontsize=8, loc="left")
    last = {g.criterion: next((a.value for a in reversed(g.answers) if a.value is not None), math.nan) for g in growths}
    handles, labels = ax.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: -float(last[growths[i].criterion] or 0))
    ax.legend([handles[i] for i in order], [labels[i] for i in order], loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8,
              frameon=False)  # fmt: skip
    return figure
