"""Waterfalls as figures: one bar for each kind of instance, a segment for each step, in SVG that takes the page's colours."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from io import StringIO
from typing import Any, Final

from verify.audit.tables import LETTERS

__all__ = ["INKS", "waterfall_svg"]

INKS: Final = (
    "#4c78c8", "#d07a2d", "#3f9b72", "#b65aa5", "#c0504d", "#7f8c2f", "#3aa0b5", "#8d6e57", "#7a6fc4", "#888888",
)  # fmt: skip
"""Colours of the parts, in order: none so light or so dark that it is lost on a white or a black page."""
_INK: Final = "#0a0b0c"  # stands for the colour of the text around the figure
_MIN_LABEL: Final = 0.045  # of the width of the axis: below it a segment has no letter
_TICK: Final = 0.09  # of the width: ticks are not closer
_WIDTH: Final = 8.6


def waterfall_svg(fall: Mapping[str, Any]) -> str:
    """The figure of one waterfall (an entry of audit.json with a mean), as an SVG element.

    Products are drawn by the logarithm of their factors, so that lengths add up; sums as shares of the bound.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    rows = list(fall["families"])
    product = fall["kind"] == "product"
    with rc_context(
        {"svg.fonttype": "none", "svg.hashsalt": fall["statement"], "font.family": "sans-serif", "font.size": 9}
    ):
        figure = Figure(figsize=(_WIDTH, 0.62 + 0.3 * len(rows)), layout="constrained")
        FigureCanvasSVG(figure)
        ax = figure.add_subplot()
        reach = max([_length(row, product) for row in rows] + [1e-3])
        for i, row in enumerate(rows):
            left = 0.0
            for j, length in enumerate(_lengths(row, product)):
                ax.barh(i, length, left=left, height=0.66, color=INKS[j % len(INKS)], edgecolor="none")
                if length > _MIN_LABEL * reach:
                    ax.text(left + length / 2, i, LETTERS[j], ha="center", va="center", color="white", fontsize=8)
                left += length
            ax.text(left + 0.01 * reach, i, _told(row, product), ha="left", va="center", color=_INK)
        ax.set_yticks(range(len(rows)), [f"{row['family']} ({row['instances']})" for row in rows])
        ax.invert_yaxis()
        _axis(ax, reach, product)
        text = StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _inline(text.getvalue(), fall["statement"])


def _lengths(row: Mapping[str, Any], product: bool) -> list[float]:
    """Of the segments; parts that measurement has put a hair below their least value have none."""
    parts = [float(value) for value in row["parts"]]
    found = [math.log10(part) if part > 0 else 0.0 for part in parts] if product else parts
    return [max(0.0, value) if math.isfinite(value) else 0.0 for value in found]


def _length(row: Mapping[str, Any], product: bool) -> float:
    return sum(_lengths(row, product))


def _told(row: Mapping[str, Any], product: bool) -> str:
    total = float(row["total"])
    return f"× {total:.3g}" if product else f"{100 * total:.0f} %"


def _axis(ax: Any, reach: float, product: bool) -> None:
    """Ticks at round factors (or shares); no frame but a line on the left; everything in the ink of the page."""
    if product:
        ticks = [1.0]
        for value in (1.01, 1.03, 1.1, 1.2, 1.5, *(m * 10.0**k for k in range(9) for m in (2, 3, 5, 10))):
            if math.log10(value / ticks[-1]) > _TICK * reach and math.log10(value) <= 1.02 * reach:
                ticks.append(value)
        ax.set_xticks([math.log10(value) for value in ticks], [f"× {value:g}" for value in ticks])
    else:
        ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
        reach = max(reach, 1.0)
    ax.set_xlim(0, reach * 1.1)
    ax.tick_params(colors=_INK, length=0)
    for side in ("top", "right", "bottom"):
        ax.spines[side].set_visible(False)
    ax.spines["left"].set_color(_INK)


def _inline(svg: str, key: str) -> str:
    """Without the XML head, in the colour of the text around it, with a name for readers who do not see it."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL).replace(_INK, "currentColor")
    body = re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" xmlns="http://www.w3.org/2000/svg" '
                  r'xmlns:xlink="http://www.w3.org/1999/xlink" role="img" aria-label="' + f"Waterfall of {key}" + r'">',
                  body, count=1)  # fmt: skip
    # several figures share a page: an identifier may occur only once in it
    stem = re.sub(r"\W", "-", key)
    body = re.sub(r'(\bid=")([^"]+)', rf"\1{stem}-\2", body)
    return re.sub(r'((?:xlink:href="|url\()#)', rf"\1{stem}-", body).strip()
