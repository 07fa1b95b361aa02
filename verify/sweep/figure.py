"""What the figures of sweeps have in common: colours, axes of sizes, a caption that says what was run."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import NDArray

from verify.sweep.kind import Results

__all__ = ["COLORS", "SEEN", "THEOREMS", "caption", "edges", "label", "legend_below", "legend_beside", "sizes_axis"]

COLORS: Final = ("#0072B2", "#D55E00", "#009E73", "#B0489A", "#E69F00", "#56B4E9", "#8C8A00", "#000000")
"""Colour-blind safe (Okabe and Ito), for series that are no theorem."""

THEOREMS: Final[dict[str, tuple[str, Any]]] = {
    "baseline": ("#D55E00", "-"),
    "sharp": ("#0072B2", (0, (5, 2))),
    "amgm": ("#009E73", "-"),
    "balanced": ("#8C8A00", (0, (4, 1.2, 1, 1.2))),
    "wonly": ("#B0489A", "-"),
    "illposed": ("#E69F00", (0, (1, 1))),
    "recovery": ("#56B4E9", "-"),
}
"""Colour and dashes of a theorem, by the first part of its identifier or what it is called: the same in every figure."""

SEEN: Final[dict[str, Any]] = {"mec": "white", "mew": 0.6, "ms": 5.5, "ls": "none", "capsize": 2.5, "elinewidth": 1.1}
"""How simulation is drawn, as markers with intervals: keywords of `Axes.errorbar`."""

_SMALL = 7


def caption(figure: Figure, results: Results, words: str, width: int = 120) -> None:
    """Above a figure: title of the sweep, what was run, how many replicas (and how many of them are missing)."""
    replicas = max((cell.requested for cell in results.cells), default=0)
    missing = "" if results.done == results.requested else f", {results.done} of {results.requested} replicas so far"
    text = f"{results.title}: {words}, {replicas} replicas a cell{missing}"
    figure.suptitle("\n".join(textwrap.wrap(text, width)), fontsize=9)


def label(ax: Axes, x: str, y: str, title: str = "") -> None:
    """Names of the axes with their units, a title, a light grid, small ticks."""
    ax.set_xlabel(x, fontsize=_SMALL + 1)
    ax.set_ylabel(y, fontsize=_SMALL + 1)
    ax.set_title(title, fontsize=_SMALL + 1.5, loc="left")
    ax.tick_params(labelsize=_SMALL)
    ax.grid(True, which="major", color="0.9", lw=0.6)
    ax.set_axisbelow(True)


def legend_beside(ax: Axes, title: str = "theory: lines\nsimulation: markers", **options: Any) -> None:
    """The legend, to the right of the axes, where it hides nothing."""
    found: Mapping[str, Any] = {
        "fontsize": _SMALL,
        "frameon": False,
        "title_fontsize": _SMALL,
        "alignment": "left",
        **options,
    }
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), title=title, **found)


def legend_below(figure: Figure, axes: Sequence[Axes], columns: int) -> None:
    """One legend for all of these axes, below the figure: every label once."""
    found: dict[str, Any] = {}
    for ax in axes:
        for handle, text in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(text, handle)
    figure.legend(
        list(found.values()), list(found), loc="outside lower center", ncols=columns, fontsize=_SMALL, frameon=False
    )


def edges(values: Sequence[float]) -> NDArray[np.float64]:
    """Where cells around these values meet, on a logarithmic axis.

    >>> edges([10, 100]).round(1).tolist()
    [3.2, 31.6, 316.2]
    """
    x = np.log(np.asarray(values, dtype=np.float64))
    if x.size == 1:
        return np.asarray(np.exp(x[0] + np.array([-0.5, 0.5])))
    middle = 0.5 * (x[1:] + x[:-1])
    return np.asarray(np.exp(np.concatenate([[2 * x[0] - middle[0]], middle, [2 * x[-1] - middle[-1]]])))


def sizes_axis(axis: Axis, values: Sequence[float]) -> None:
    """Ticks at the values themselves, at most a dozen."""
    axis.set_major_locator(FixedLocator(list(values)[:: -(-len(values) // 12)]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
