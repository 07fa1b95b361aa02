"""A sweep as a figure: every formula a line, grey where a hypothesis is not met."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from numerics.evaluation import Evaluation
from theory.symbols import SYMBOLS
from verify.bounds import Crossing, Query
from verify.bounds_report import sweep_columns

__all__ = ["draw"]

# Okabe and Ito's colours, told apart by colour-blind readers; the dashes tell them apart in grey.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_DASHES: tuple[Any, ...] = (
    "-", (0, (6, 2)), (0, (2, 1.5)), (0, (6, 2, 1.5, 2)), (0, (4, 4)), (0, (1, 2.5)), (0, (8, 2, 1, 2, 1, 2)),
)  # fmt: skip
_DECADES = 1e3  # a range of more than this factor is read best on a logarithmic axis


def _label(name: str, reads: str) -> str:
    shown = f"${SYMBOLS[name].latex}$" if name in SYMBOLS else name
    return fill(f"{shown}: {reads}".replace("\n", " "), 50, subsequent_indent="    ", break_long_words=False)


def draw(query: Query, answer: Evaluation, found: Sequence[Crossing]) -> Figure:
    """The figure of a sweep; formulas without any value are left out of it."""
    assert query.sweep is not None
    columns = sweep_columns(query, answer)
    x = query.sweep.values
    figure = Figure(figsize=(7.6, 4.4 + 0.17 * len(answer.formulas)), layout="constrained")
    ax = figure.subplots()
    drawn: list[Any] = []
    for name, entry in answer.formulas.items():
        if name not in columns or np.ma.getmaskarray(columns[name]).all():
            continue
        index = len(drawn)
        line: dict[str, Any] = {
            "color": _COLOURS[index % 7],
            "ls": _DASHES[index % 7],
            "lw": 2.4 - 0.25 * min(index, 5),
        }
        if len(x) <= 12:
            line["marker"] = "."
        ax.plot(x, columns[name].filled(np.nan), label=_label(name, entry.reads), **line)
        drawn.append(columns[name].compressed())
    if query.sweep.log and x[0] > 0:
        ax.set_xscale("log")
    together = np.concatenate(drawn) if drawn else np.ones(1)
    if together.min() > 0 and (query.sweep.log or together.max() / together.min() > _DECADES):
        ax.set_yscale("log")
    ax.set_xlim(x[0], x[-1])
    _shade(ax, x, answer, found)
    info = SYMBOLS[query.sweep.name]
    ax.set_xlabel(f"${info.latex}$: {info.meaning}")
    ax.set_title(f"{answer.id}: {answer.title}", fontsize=10)
    ax.grid(True, which="major", lw=0.4, color="0.85")
    ax.set_axisbelow(True)
    handles, labels = ax.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=1 if len(handles) < 4 else 2, fontsize=7.5,
                      frameon=False, handlelength=3.6)  # fmt: skip
    if not drawn:
        ax.text(0.5, 0.5, "no formula has a value here", transform=ax.transAxes, ha="center", va="center")
        ax.set_yticks([])
    return figure


def _shade(ax: Any, x: np.ndarray, answer: Evaluation, found: Sequence[Crossing]) -> None:
    """Grey over the stretches between crossings on which some condition fails."""
    in_force = np.ones(x.shape, dtype=bool)
    for condition in answer.conditions:
        if condition.holds is not None:
            in_force &= condition.holds
        elif condition.verdict == "hypothesis_not_met":
            in_force &= False
    if in_force.all():
        return
    edges = np.unique([x[0], *(0.5 * (c.inside + c.outside) for c in found), x[-1]])
    label = "a hypothesis is not met"
    for low, high in pairwise(edges):
        within = (x >= low) & (x <= high)
        bad = not in_force[within].any() if within.any() else not in_force[np.abs(x - low).argmin()]
        if bad:
            ax.axvspan(low, high, color="0.88", lw=0, zorder=0, label=label)
            label = "_again"
