"""The figure `phase-clocks`: fraction that converged against width, a kind of marker for each clock."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from verify.sweep.experiments.phase_clocks import Panel, within
from verify.sweep.figure import COLORS, SEEN, THEOREMS, caption, edges, label, legend_beside, sizes_axis
from verify.sweep.kind import Results

__all__ = ["draw_clocks"]

_MARKS = {"steps": ("o", COLORS[0]), "scaled": ("s", COLORS[1]), "limit": ("^", COLORS[2])}
_LAYERS = {"both": "both layers", "W": "W only"}
_EXACT = {"both": "limit, every width: dip2.no_threshold", "W": "limit, certified share of"}
# side by side, so that none hides another; the limit in the middle, on the line about it
_PLACES = {"steps": -1, "limit": 0, "scaled": 1}
_MOST_COLUMNS = 4


def draw_clocks(found: Sequence[Panel], results: Results) -> Figure:
    """A panel for each family of cells, both layers above W only."""
    groups = [[panel for panel in found if panel.experiment.train == train] for train in ("both", "W")]
    groups = [group for group in groups if group]
    columns = min(_MOST_COLUMNS, max(len(group) for group in groups))
    rows = [group[i : i + columns] for group in groups for i in range(0, len(group), columns)]
    figure = Figure(figsize=(2.7 * columns + 2.4, 2.5 * len(rows) + 0.8), layout="constrained")
    axes = figure.subplots(len(rows), columns, squeeze=False, sharey=True)
    varying = _varying(found)
    for row, members in zip(axes, rows, strict=True):
        for ax, panel in zip(row, members, strict=False):
            _panel(ax, panel, varying, first=ax is row[0])
        for ax in row[len(members) :]:
            ax.set_visible(False)
        legend_beside(row[len(members) - 1])
    e = found[0].experiment
    fixed = [f"{name} = {getattr(e, name)}" for name in ("n", "m") if name not in varying]
    if len({panel.experiment.operator for panel in found}) == 1:
        fixed.append(e.operator)
    words = ", ".join([*fixed, e.activation, f"V {e.V}", f"loss at {e.tolerance:g} of its initial value"])
    caption(figure, results, words, width=32 * columns + 24)
    return figure


def _varying(found: Sequence[Panel]) -> list[str]:
    """Parameters that tell the panels apart, besides the layers."""
    names = [name for name in vars(found[0].experiment) if name not in ("k", "clock", "train")]
    return [name for name in names if len({repr(getattr(panel.experiment, name)) for panel in found}) > 1]


def _panel(ax: Axes, panel: Panel, varying: Sequence[str], *, first: bool) -> None:
    e = panel.experiment
    if not all(math.isnan(x) for x in panel.exact):
        color, dash = THEOREMS["balanced" if e.train == "both" else "wonly"]
        words = _EXACT[e.train]
        if e.train == "W":
            words += f"\n{'these draws (▲)' if panel.to_the_limit else 'the draws of all clocks'}: wonly.threshold"
        ax.plot(panel.ks, panel.exact, color=color, ls=dash, lw=1.8, label=words, zorder=2)
    for place, s in enumerate(panel.series):
        marker, color = _MARKS[s.clock]
        share = np.array(s.converged) / np.array(s.trials)
        error = [share - np.array(s.lower), np.array(s.upper) - share]
        at = np.array(s.ks) * 1.18 ** _PLACES[s.clock]
        ax.errorbar(at, share, yerr=error, fmt=marker, color=color, label=within(e, s.clock), zorder=3 + place, **SEEN)
    ax.set_xscale("log")
    x = edges(panel.ks)
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(-0.04, 1.04)
    sizes_axis(ax.xaxis, panel.ks)
    parts = [_LAYERS[e.train], *(f"{name} = {getattr(e, name)}" for name in varying)]
    label(ax, "width k (neurons)", "fraction that converged" if first else "", ", ".join(parts))
