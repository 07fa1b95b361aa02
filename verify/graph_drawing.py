"""A dependency graph drawn from left to right: layers and crossings by igraph, distances here, ink by matplotlib.

Every edge over several layers passes each of them at a place of its own, so no line crosses a box.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.patches import PathPatch, Polygon
from matplotlib.path import Path as Curve
from matplotlib.textpath import text_to_path
from scipy.optimize import isotonic_regression

from .graphs import COLOURS, SHAPES, Edge, Graph
from .tables import ProblemError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw", "write"]

# All lengths in points.
_SIZE: Final = 9.0
_HEIGHT: Final = 17.0
_ROW: Final = 23.0  # from a box to the next one
_LINE: Final = 9.0  # from a passing line to the next one
_BETWEEN: Final = 74.0  # from layer to layer, between the boxes
_PAD: Final = 22.0
_MARGIN: Final = 18.0
_INK: Final = "#555555"
_SWEEPS: Final = 60
_FONT: Final = FontProperties(family="DejaVu Sans", size=_SIZE)  # comes with matplotlib: the same everywhere


def write(graph: Graph, path: Path) -> None:
    """Draw to a file whose suffix says how (svg, png, pdf); the same graph gives the same bytes."""
    from matplotlib import rc_context

    dates: dict[str, dict[str, Any]] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    figure = draw(graph)
    with rc_context({"svg.hashsalt": "dipcert", "svg.fonttype": "path"}):
        figure.savefig(path, dpi=120, metadata=dates.get(path.suffix.lower(), {}), format=path.suffix[1:].lower())


def draw(graph: Graph) -> Figure:
    """The figure, as large as the graph needs."""
    from matplotlib.figure import Figure

    places = _Layout(graph)
    keys = _legend(graph)
    width = max(places.width, 420.0)
    rows = _flow(keys, width)
    top = len(rows) * _ROW + _MARGIN
    size = (width + 2 * _MARGIN, places.height + top + 2 * _MARGIN)
    figure = Figure(figsize=(size[0] / 72, size[1] / 72))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_xlim(-_MARGIN, size[0] - _MARGIN)
    ax.set_ylim(places.height + _MARGIN, -top - _MARGIN)
    ax.axis("off")
    for edge in graph.edges:
        _draw_edge(ax, edge, places.route(edge))
    for item in graph.items:
        x, y = places.at[item.id]
        status = graph.statuses[item.id]
        colours = COLOURS[status.level][0], COLOURS[status.own][1]
        _box(ax, SHAPES[item.kind], x, y, _box_width(item.id), colours, item.id)
    for i, row in enumerate(rows):
        x = 0.0
        for key in row:
            _draw_key(ax, key, x, -top + (i + 0.5) * _ROW)
            x += _key_width(key)
    return figure


# --- where things are ------------------------------------------------------------------------------------------------


class _Layout:
    """Positions of the items, and of the places at which long edges pass the layers between."""

    def __init__(self, graph: Graph) -> None:
        layer = _layers(graph)
        chains: dict[Edge, list[str]] = {}
        for i, edge in enumerate(graph.edges):
            passing = [f"{i}/{at}" for at in range(layer[edge.source] + 1, layer[edge.target])]
            layer.update((name, layer[edge.source] + 1 + j) for j, name in enumerate(passing))
            chains[edge] = [edge.source, *passing, edge.target]
        y = _heights(layer, _order(layer, chains), chains)
        widths: dict[int, float] = defaultdict(float)
        for item in graph.items:
            widths[layer[item.id]] = max(widths[layer[item.id]], _box_width(item.id))
        left, edge_of = 0.0, {}
        for at in range(max(layer.values(), default=0) + 1):
            edge_of[at] = left
            left += widths[at] + _BETWEEN
        self.width = max(left - _BETWEEN, 0.0)
        self.height = max(y.values(), default=0.0) + _HEIGHT / 2
        self.at = {name: (edge_of[i] + widths[i] / 2, y[name]) for name, i in layer.items()}
        self._chains, self._layer, self._half = chains, layer, {i: w / 2 for i, w in widths.items()}

    def route(self, edge: Edge) -> list[tuple[float, float]]:
        """Points of an edge: out of a box, along each layer that it passes, into a box."""
        first, *passing, last = self._chains[edge]
        x, y = self.at[first]
        points = [(x + _box_width(first) / 2, y), (x + self._half[self._layer[first]], y)]
        for name in passing:
            x, y = self.at[name]
            points += [(x - self._half[self._layer[name]], y), (x + self._half[self._layer[name]], y)]
        x, y = self.at[last]
        return [*points, (x - self._half[self._layer[last]], y), (x - _box_width(last) / 2, y)]


def _layers(graph: Graph) -> dict[str, int]:
    """Longest way from the left; what rests on nothing moves next to the first that uses it."""
    parents: dict[str, list[str]] = {item.id: [] for item in graph.items}
    children: dict[str, list[str]] = {item.id: [] for item in graph.items}
    for edge in graph.edges:
        parents[edge.target].append(edge.source)
        children[edge.source].append(edge.target)
    found: dict[str, int] = {}

    def depth(key: str) -> int:
        if key not in found:
            found[key] = 1 + max((depth(other) for other in parents[key]), default=-1)
        return found[key]

    for key in parents:
        depth(key)
    for key in parents:
        if not parents[key] and children[key]:
            found[key] = min(found[child] for child in children[key]) - 1
    return found


def _order(layer: dict[str, int], chains: dict[Edge, list[str]]) -> list[list[str]]:
    """The items of each layer from top to bottom, with few crossings (Sugiyama's method)."""
    try:
        from igraph import Graph as IGraph
    except ImportError:
        raise ProblemError(
            "the picture of a graph needs the package igraph; install it with `pip install 'dipcert[graph]'`, or write "
            "the graph as a .dot file, which needs nothing"
        ) from None
    names = list(layer)
    index = {name: i for i, name in enumerate(names)}
    pairs = [(index[a], index[b]) for chain in chains.values() for a, b in pairwise(chain)]
    made = IGraph(n=len(names), edges=pairs, directed=True)
    positions = made.layout_sugiyama(layers=[layer[name] for name in names], maxiter=500).coords
    columns: list[list[str]] = [[] for _ in range(max(layer.values(), default=0) + 1)]
    for i in sorted(range(len(names)), key=lambda i: (positions[i][0], names[i])):
        columns[layer[names[i]]].append(names[i])
    return columns


def _heights(layer: dict[str, int], columns: list[list[str]], chains: dict[Edge, list[str]]) -> dict[str, float]:
    """Vertical positions: near the neighbours, long edges straight, and never closer than what is drawn allows."""
    pulls: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for chain in chains.values():
        for a, b in pairwise(chain):
            weight = (1.0, 3.0, 9.0)[("/" in a) + ("/" in b)]
            pulls[a].append((b, weight))
            pulls[b].append((a, weight))
    y: dict[str, float] = {}
    offsets = []
    for column in columns:
        gaps = [_gap(a, b) for a, b in pairwise(column)]
        offsets.append(np.concatenate([[0.0], np.cumsum(gaps)])[: len(column)])
        y.update(zip(column, offsets[-1] - (offsets[-1][-1] / 2 if column else 0.0), strict=True))
    for sweep in range(_SWEEPS):
        for column, offset in zip(*((columns, offsets) if sweep % 2 else (columns[::-1], offsets[::-1])), strict=True):
            if not column:
                continue
            weights = np.array([sum(w for _, w in pulls[name]) or 0.01 for name in column])
            wanted = [sum(w * y[other] for other, w in pulls[name]) / total if pulls[name] else y[name]
                      for name, total in zip(column, weights, strict=True)]  # fmt: skip
            # the nearest positions with these gaps: isotonic regression of what is left after taking the gaps off
            y.update(
                zip(column, isotonic_regression(np.array(wanted) - offset, weights=weights).x + offset, strict=True)
            )
    top = min(y.values(), default=0.0)
    return {name: float(value - top) + _HEIGHT / 2 for name, value in y.items()}


def _gap(above: str, below: str) -> float:
    """From the middle of one to that of the next: passing lines (their names have a slash) need less than boxes."""
    return (_ROW, (_ROW + _LINE) / 2, _LINE)[("/" in above) + ("/" in below)]


# --- ink --------------------------------------------------------------------------------------------------------------


def _text_width(text: str) -> float:
    return float(text_to_path.get_text_width_height_descent(text, _FONT, False)[0])


def _box_width(text: str) -> float:
    return _text_width(text) + _PAD


def _outline(shape: str, w: float, h: float) -> np.ndarray[Any, Any]:
    """Corners of a shape around the origin."""
    cut = h / 3
    if shape == "ellipse":  # two straight sides and two half circles: room for long names
        turn = np.linspace(-np.pi / 2, np.pi / 2, 13)
        right = np.c_[w / 2 - h / 2 + h / 2 * np.cos(turn), h / 2 * np.sin(turn)]
        return np.r_[right, -right]
    corners = {
        "box": [(-w / 2, -h / 2), (w / 2, -h / 2), (w / 2, h / 2), (-w / 2, h / 2)],
        "parallelogram": [(-w / 2 + cut, -h / 2), (w / 2, -h / 2), (w / 2 - cut, h / 2), (-w / 2, h / 2)],
        "hexagon": [(-w / 2 + h / 2, -h / 2), (w / 2 - h / 2, -h / 2), (w / 2, 0), (w / 2 - h / 2, h / 2),
                    (-w / 2 + h / 2, h / 2), (-w / 2, 0)],
        "octagon": [(-w / 2 + cut, -h / 2), (w / 2 - cut, -h / 2), (w / 2, -h / 2 + cut), (w / 2, h / 2 - cut),
                    (w / 2 - cut, h / 2), (-w / 2 + cut, h / 2), (-w / 2, h / 2 - cut), (-w / 2, -h / 2 + cut)],
        "cds": [(-w / 2, -h / 2), (w / 2 - h / 2, -h / 2), (w / 2, 0), (w / 2 - h / 2, h / 2), (-w / 2, h / 2)],
        "note": [(-w / 2, -h / 2), (w / 2 - cut, -h / 2), (w / 2, -h / 2 + cut), (w / 2, h / 2), (-w / 2, h / 2)],
    }  # fmt: skip
    return np.array(corners[shape])


def _box(ax: Axes, shape: str, x: float, y: float, width: float, colours: tuple[str, str], text: str) -> None:
    fill, border = colours
    outline = _outline(shape, width, _HEIGHT) + np.array([x, y])
    ax.add_patch(Polygon(outline, closed=True, facecolor=fill, edgecolor=border, linewidth=1.3, zorder=3))
    ax.text(x, y, text, ha="center", va="center_baseline", fontproperties=_FONT, zorder=4, color="black",
            size=_SIZE)  # fmt: skip


def _draw_edge(ax: Axes, edge: Edge, points: list[tuple[float, float]]) -> None:
    tip = points[-1]
    points = [*points[:-1], (tip[0] - 5, tip[1])]
    vertices, codes = [points[0]], [int(Curve.MOVETO)]
    for i, ((x0, y0), (x1, y1)) in enumerate(pairwise(points)):
        if i % 2:  # between layers: leaves and arrives horizontally
            middle = (x0 + x1) / 2
            vertices += [(middle, y0), (middle, y1), (x1, y1)]
            codes += [int(Curve.CURVE4)] * 3
        else:
            vertices.append((x1, y1))
            codes.append(int(Curve.LINETO))
    dashed = edge.role == "proof"
    ax.add_patch(
        PathPatch(Curve(vertices, codes), fill=False, edgecolor=_INK, linewidth=0.8, alpha=0.8, zorder=2,
                  linestyle=(0, (4, 2.5)) if dashed else "solid", capstyle="butt")
    )  # fmt: skip
    ax.add_patch(_arrow(*tip))


def _arrow(x: float, y: float) -> Polygon:
    return Polygon([(x, y), (x - 6, y - 2.6), (x - 6, y + 2.6)], closed=True, facecolor=_INK, linewidth=0, zorder=2)


# --- legend -----------------------------------------------------------------------------------------------------------

_LEVEL_WORDS: Final = {
    "open": "open",
    "written": "proved in words",
    "checked": "in words, its calculus checked by SymPy",
    "trusted": "published, on trust",
    "assumed": "assumed",
    "defined": "defined",
}
_Key = tuple[str, str, str]  # what (shape, colour, line), which, text


def _legend(graph: Graph) -> list[_Key]:
    """What occurs in the graph: shapes, colours, lines."""
    kinds = {item.kind for item in graph.items}
    levels = {graph.statuses[item.id].level for item in graph.items} | {graph.statuses[i.id].own for i in graph.items}
    roles = {edge.role for edge in graph.edges}
    keys: list[_Key] = [("shape", SHAPES[kind], kind) for kind in SHAPES if kind in kinds]
    keys += [("colour", level, _LEVEL_WORDS[level]) for level in COLOURS if level in levels]
    lines = {"statement": "used in the statement", "proof": "used in the proof only"}
    keys += [("line", role, text) for role, text in lines.items() if role in roles]
    return [*keys, ("note", "", "fill: the weakest of the item and all it rests on; border: the item by itself")]


def _key_width(key: _Key) -> float:
    return {"shape": _PAD, "note": 0.0}.get(key[0], 38.0) + _text_width(key[2]) + 16


def _flow(keys: list[_Key], width: float) -> list[list[_Key]]:
    """Rows of keys, each kind of key in rows of its own."""
    rows: list[list[_Key]] = []
    for what in ("shape", "colour", "line", "note"):
        used = width + 1
        for key in keys:
            if key[0] == what:
                if used + _key_width(key) > width:
                    rows.append([])
                    used = 0.0
                rows[-1].append(key)
                used += _key_width(key)
    return rows


def _draw_key(ax: Axes, key: _Key, x: float, y: float) -> None:
    what, which, text = key
    if what == "note":
        ax.text(x, y, text, ha="left", va="center_baseline", fontproperties=_FONT, size=_SIZE, color="black")
        return
    if what == "shape":
        _box(ax, which, x + _box_width(text) / 2, y, _box_width(text), ("#ffffff", "#444444"), text)
        return
    if what == "colour":
        _box(ax, "box", x + 15, y, 30, COLOURS[which], "")
    else:
        _draw_edge(
            ax,
            Edge("", "", "proof" if which == "proof" else "statement"),
            [(x, y), (x + 1, y), (x + 29, y), (x + 30, y)],
        )
    ax.text(x + 36, y, text, ha="left", va="center_baseline", fontproperties=_FONT, size=_SIZE, color="black")
