"""What rests on what, as a graph: from an item to those that use it, in its statement or only in its proof.

Edges that a longer way implies are left out unless asked for: with them the whole theory would be unreadable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from theory.statement import Hypothesis, Statement
    from theory.status import Status

    Item = Hypothesis | Statement

__all__ = ["COLOURS", "SHAPES", "Edge", "Graph", "dependencies", "to_dot"]

Role = Literal["statement", "proof"]

COLOURS: Final[Mapping[str, tuple[str, str]]] = {
    "open": ("#f3a27a", "#b34700"),
    "written": ("#f7ef99", "#8a7d00"),
    "checked": ("#a6d8f5", "#0072b2"),
    "trusted": ("#dddddd", "#666666"),
    "assumed": ("#ffffff", "#666666"),
    "defined": ("#ffffff", "#666666"),
}
"""Level → (fill, border), told apart with any colour vision: hues of Okabe and Ito of different lightness."""

SHAPES: Final[Mapping[str, str]] = {
    "assumption": "ellipse", "condition": "hexagon", "theorem": "box", "lemma": "parallelogram", "step": "cds",
    "definition": "note", "remark": "note", "trusted": "octagon",
}  # fmt: skip
"""Kind → shape, by Graphviz's names."""


@dataclass(frozen=True)
class Edge:
    """`source` is used by `target`: in its statement, or in its proof only."""

    source: str
    target: str
    role: Role


@dataclass(frozen=True)
class Graph:
    """Items in sorted order, what connects them, and the status that colours them."""

    items: tuple[Item, ...]
    edges: tuple[Edge, ...]
    statuses: Mapping[str, Status]
    reduced: bool


def dependencies(
    registry: Mapping[str, Item], *, root: str | None = None, prefix: str = "", statement_only: bool = False
) -> dict[str, dict[str, Role]]:
    """Item → what it uses, and how; all items, or only `root` and what it rests on, of those that begin with `prefix`.

    Hypotheses belong to the statement.
    """
    used: dict[str, dict[str, Role]] = {}
    queue = list(registry) if root is None else [root]
    while queue:
        key = queue.pop()
        if key in used:
            continue
        item = registry[key]
        roles: dict[str, Role] = {} if statement_only else dict.fromkeys(item.proof_uses, "proof")
        used[key] = roles | dict.fromkeys((*item.uses, *item.hypotheses), "statement")
        queue += used[key]
    kept = {key for key in used if key.startswith(prefix)}
    return {key: {other: used[key][other] for other in sorted(used[key]) if other in kept} for key in sorted(kept)}


def make(registry: Mapping[str, Item], used: Mapping[str, Mapping[str, Role]], statuses: Mapping[str, Status],
         *, reduce: bool = True) -> Graph:  # fmt: skip
    """The graph of `used`, as from :func:`dependencies`; `reduce` leaves out edges that a longer way implies."""
    below: dict[str, frozenset[str]] = {}

    def rests_on(key: str) -> frozenset[str]:
        if key not in below:
            below[key] = frozenset()  # ends a circle, should there be one
            below[key] = frozenset(used[key]).union(*(rests_on(other) for other in used[key]))
        return below[key]

    edges = [
        Edge(other, key, role)
        for key, roles in used.items()
        for other, role in roles.items()
        if not reduce or not any(other in rests_on(between) for between in roles if between != other)
    ]
    return Graph(tuple(registry[key] for key in used), tuple(edges), statuses, reduce)


def to_dot(graph: Graph) -> str:
    """The graph in Graphviz's language; `dot -Tsvg` draws it."""
    lines = [
        "// fill: status with everything below; border: the item's own status; dashed: used in the proof only",
        "digraph theory {",
        '  rankdir="LR"; node [style="filled", fontname="Helvetica", fontsize=10]; edge [color="#555555"];',
    ]
    for item in graph.items:
        status = graph.statuses[item.id]
        fill, border = COLOURS[status.level][0], COLOURS[status.own][1]
        tooltip = f"{item.kind}: {item.title} [{status.level}]"
        lines.append(
            f'  {_quoted(item.id)} [shape="{SHAPES[item.kind]}", fillcolor="{fill}", color="{border}", '
            f"tooltip={_quoted(tooltip)}];"
        )
    for edge in graph.edges:
        style = ' [style="dashed"]' if edge.role == "proof" else ""
        lines.append(f"  {_quoted(edge.source)} -> {_quoted(edge.target)}{style};")
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
