"""How figures are drawn: one look per statement in all of them, words beside the axes and never on the data."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter, ScalarFormatter
from numpy.typing import NDArray

from .guarantees import Curve, Guarantee

Floats = NDArray[np.float64]

FONT = 7.5
RUN: dict[str, Any] = {"marker": "o", "ms": 3.2, "mew": 0.7, "lw": 0.0, "color": "black", "mec": "black", "zorder": 5}
# A second series: rings, so that where the two agree each dot is seen in its ring.
RUN_TOO: dict[str, Any] = {**RUN, "ms": 5.2, "mfc": "none"}
# A range of less than this factor is read best on a linear axis.
_NARROW = 3.0
# Levels further than this factor from everything else are not shown.
_FAR = 1e6
# Height of a line of small print beside the axes, width of a character, distance from a line, as fractions of the axes.
_LINE, _CHARACTER, _GAP = 0.062, 0.0088, 0.006


_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Look:
    """Colour, dashes and width of a line. Wide lines lie under narrow ones, so that curves that coincide both show."""

    color: str
    dash: Any
    width: float

    def line(self) -> dict[str, Any]:
        """Keywords for `Axes.plot`."""
        return {"color": self.color, "ls": self.dash, "lw": self.width, "zorder": 4 - self.width / 4}


#: One look per variant, the same in every figure and whatever else is in force.
LOOKS: dict[str, Look] = {
    "sharp": Look("#0072B2", "-", 2.4),
    "sharp.logistic": Look("#00304D", (0, (5, 2)), 1.2),
    "sharp, constant": Look("#3FA0DC", (0, (2, 1)), 1.7),
    "amgm dual": Look("#009E73", "-", 2.0),
    "amgm linear": Look("#005C43", (0, (6, 2.5)), 1.2),
    "balanced": Look("#A3A000", (0, (4, 1.2, 1, 1.2)), 1.7),
    "baseline": Look("#D55E00", (0, (8, 2)), 2.0),
    "illposed": Look("#E69F00", (0, (1, 1)), 2.0),
    "wonly.rate": Look("#B0489A", "-", 2.2),
    "wonly.linear_rate": Look("#5B1A66", (0, (5, 1.5, 1, 1.5)), 1.4),
    "recover.linear": Look("#332288", (0, (1.5, 2.5)), 1.2),
    "recover.kernel": Look("#8C564B", "-", 2.6),
    "recover.split": Look("#6FA3AE", (0, (4, 1.5)), 1.5),
}
_OTHER_COLORS = ("#777777", "#AA4499", "#44AA99", "#999933", "#DDAA33", "#661100")
_OTHER_DASHES = ((0, (3, 1, 1, 1, 1, 1)), (0, (7, 1, 1, 1)), (0, (2, 3)), (0, (9, 3)), (0, (1, 3)))


def variant(statement: str, words: str = "", *, steady: bool = False) -> str:
    """The name under which a statement has its look; `words` (title or label) tell the variants of one identifier apart."""
    family = statement.split(".")[0]
    if statement == "dip2.amgm":
        return "amgm linear" if "linear" in words else "amgm dual"
    if statement == "dip2.balanced":
        return "balanced"
    if family in ("baseline", "step"):
        return "baseline"
    if family == "sharp" and statement not in LOOKS:
        return "sharp, constant" if steady else "sharp"
    return "illposed" if family == "illposed" else statement


def look(guarantee: Guarantee, curve: Curve | None = None, bound: Floats | None = None) -> Look:
    """The look of a guarantee, or of one of its curves."""
    steady = bound is not None and bound.size > 1 and bool(np.ptp(bound) == 0)
    statement = guarantee.statement if curve is None else curve.statement
    name = variant(statement, guarantee.title, steady=steady)
    if name in LOOKS:
        return LOOKS[name]
    code = zlib.crc32(name.encode())
    return Look(_OTHER_COLORS[code % len(_OTHER_COLORS)], _OTHER_DASHES[code // 7 % len(_OTHER_DASHES)], 1.5)


def rank(guarantee: Guarantee, curve: Curve) -> int:
    """Place in a legend, the same in every figure."""
    names = list(LOOKS)
    name = variant(curve.statement, guarantee.title)
    return names.index(name) if name in names else len(names)


def multiple(ratio: float) -> str:
    """`‖ε‖`, `1.5‖ε‖`, …"""
    return "‖ε‖" if abs(ratio - 1) < 1e-6 else f"{ratio:.3g}‖ε‖"


# ------------------------------------------------------------------------------------------------------------------ axes
def time_axis(axes: Iterable[Axes], t: Floats, until: float) -> float:
    """Logarithmic time of a run, with `until` inside the frame; linear if there is no positive time. Its upper end."""
    positive = t[t > 0]
    if positive.size == 0:
        for ax in axes:
            ax.set_xlim(-0.1, 1.0)
        return 0.0
    hi = max(1.25 * float(positive.max()), 1.6 * until)
    for ax in axes:
        ax.set_xscale("log")
        ax.set_xlim(positive.min() / 1.4, hi)
        _decades(ax.xaxis, hi / float(positive.min()))
    return hi


def value_axis(ax: Axes, values: Floats, *, linear_at_zero: bool = False) -> None:
    """A scale on which `values` can be read: logarithmic, but linear for less than a factor of three, or nothing positive."""
    values = values[np.isfinite(values)]
    positive = values[values > 0]
    if positive.size == 0 or (linear_at_zero and positive.size < values.size):
        lo, hi = (min(0.0, values.min()), max(0.0, values.max())) if values.size else (0.0, 1.0)
        linear = True
    else:
        lo, hi = float(positive.min()), float(positive.max())
        linear = hi <= _NARROW * lo
    if linear:
        room = 0.08 * (hi - lo) or 0.1 * abs(hi) or 1.0
        ax.set_ylim(lo - room, hi + room)
        formatter = ScalarFormatter(useOffset=False)
        formatter.set_powerlimits((-3, 4))
        ax.yaxis.set_major_formatter(formatter)
        ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        return
    room = (hi / lo) ** 0.06
    ax.set_yscale("log")
    ax.set_ylim(lo / room, hi * room)
    _decades(ax.yaxis, hi / lo)


def _decades(axis: Axis, span: float) -> None:
    """Ticks of a logarithmic axis: powers of ten, and numbers between them if it spans few; no more marks than help."""
    subs: tuple[float, ...] = (1.0,)
    if span < 50:
        subs = (1.0, 2.0, 5.0) if span > 6 else (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter(FuncFormatter(lambda value, _: _power(value)))
    axis.set_minor_locator(LogLocator(subs=tuple(range(2, 10)) if span < 1e4 else (2.0, 5.0)))
    axis.set_minor_formatter(NullFormatter())


def _power(value: float) -> str:
    """`10⁻³`, but `0.1`, `2`, `50` as they are."""
    exponent = round(math.log10(value)) if value > 0 else 0
    if abs(exponent) < 2 or not math.isclose(value, 10.0**exponent, rel_tol=1e-9):
        return f"{value:g}"
    return "10" + str(exponent).translate(_SUPERSCRIPT)


def index_axis(ax: Axes, n: int) -> None:
    """An axis of samples: every one a tick if they are few, integers in any case."""
    step = max(1, math.ceil(n / 15))
    ax.xaxis.set_major_locator(FixedLocator(range(0, n, step)) if n <= 30 else MaxNLocator(integer=True))
    ax.set_xlim(-0.03 * n - 0.5, 1.03 * n - 0.5)


def after_the_run(axes: Iterable[Axes], t_end: float) -> None:
    """Shade the times that were not simulated, if any are shown."""
    for i, ax in enumerate(axes):
        hi = ax.get_xlim()[1]
        if t_end > 0 and t_end * 1.3 < hi:
            ax.axvspan(t_end, hi, color="0.94", lw=0, zorder=0, label="after the end of the run" if i == 0 else "_")


def levels(ax: Axes, marked: Sequence[tuple[float, str, str]]) -> None:
    """Horizontal lines (value, words, colour), the words to the right of the axes, apart from each other.

    The frame is extended to contain them, except those so far away that nothing else could be seen any more.
    """
    lo, hi = ax.get_ylim()
    log = ax.get_yscale() == "log"
    if log:
        kept = [mark for mark in marked if lo / _FAR < mark[0] < hi * _FAR]
        lo, hi = min([lo, *(0.6 * mark[0] for mark in kept)]), max([hi, *(1.6 * mark[0] for mark in kept)])
    else:
        near = _NARROW * max(abs(lo), abs(hi))
        kept = [mark for mark in marked if abs(mark[0]) < near]
        room = 0.05 * (hi - lo)
        lo, hi = min([lo, *(mark[0] - room for mark in kept)]), max([hi, *(mark[0] + room for mark in kept)])
    ax.set_ylim(lo, hi)
    free = -math.inf
    for value, words, color in sorted(kept):
        ax.axhline(value, color=color, lw=0.9, ls=(0, (1, 1.5)), zorder=1.5)
        at = _fraction(ax, value)
        half = 0.5 * _LINE * (1 + words.count("\n"))
        shown = max(at, free + half)
        free = shown + half
        ax.annotate(words, (1.0, value), xycoords=("axes fraction", "data"), xytext=(1.02, shown), color=color,
                    textcoords="axes fraction", fontsize=FONT, va="center", annotation_clip=False,
                    arrowprops={"arrowstyle": "-", "color": color, "lw": 0.6, "shrinkA": 0, "shrinkB": 0})  # fmt: skip


def _fraction(ax: Axes, value: float) -> float:
    lo, hi = ax.get_ylim()
    if ax.get_yscale() == "log":
        lo, hi, value = math.log(lo), math.log(hi), math.log(value)
    return (value - lo) / (hi - lo)


def times(ax: Axes, marked: Sequence[tuple[float, str, str]]) -> None:
    """Vertical lines (time, words, colour) inside the frame, the words above it, in rows that no other line crosses."""
    lo, hi = np.log(ax.get_xlim())
    placed: list[tuple[float, int]] = []
    for t, words, color in sorted(marked):
        at = (math.log(t) - lo) / (hi - lo)
        width = _CHARACTER * (len(words) + 1)
        right = max(at, width)
        row = max((level + 1 for end, level in placed if right - width < end), default=0)
        placed.append((right, row))
        top = 1.02 + _LINE * row
        ax.plot([t, t], [0.0, top + 0.5 * _LINE], transform=ax.get_xaxis_transform(), color=color, lw=1.0, clip_on=False,
                ls=(0, (3, 2)), zorder=1.8, label="_time")  # fmt: skip
        ax.annotate(words, (t, 1.0), xycoords=("data", "axes fraction"), xytext=(right - _GAP, top), color=color,
                    textcoords="axes fraction", fontsize=FONT, ha="right", va="bottom", annotation_clip=False)  # fmt: skip


def legend(figure: Figure, *axes: Axes) -> None:
    """Everything labelled on these axes, below them in two columns."""
    found: dict[str, Any] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    if found:
        figure.legend(list(found.values()), list(found), loc="outside lower center", ncols=2, fontsize=FONT,
                      frameon=False, handlelength=4.0, columnspacing=1.5, labelspacing=0.35)  # fmt: skip
