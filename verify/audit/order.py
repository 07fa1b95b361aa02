"""In which order an audit walks: what a statement rests on comes before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from theory.status import ancestors

if TYPE_CHECKING:
    from theory.statement import Hypothesis, Statement

    Item = Hypothesis | Statement

__all__ = ["BACKGROUND", "needed", "walk"]

BACKGROUND = frozenset({"assumption", "trusted", "definition"})
"""Kinds with nothing to be audited: assumptions on an instance, published facts, names."""


def needed(keys: Iterable[str], registry: Mapping[str, Item]) -> set[str]:
    """`keys` and all that they rest on through `uses` and `proof_uses`."""
    wanted = list(keys)
    return {*wanted, *(name for key in wanted for name in ancestors(key, registry))}


def walk(keys: Iterable[str], registry: Mapping[str, Item]) -> tuple[str, ...]:
    """Statements and proof steps that `keys` rest on, and `keys`, each after its ancestors; ties by identifier.

    Raises ValueError, naming the circle, if statements prove each other.

    >>> from theory.ledger import registry
    >>> walk(["step.time_change"], registry)[-3:]
    ('step.kl', 'step.dissipation', 'step.time_change')
    """
    chosen = needed(keys, registry)
    graph = {
        key: {name for name in (*registry[key].uses, *registry[key].proof_uses) if name in chosen} for key in chosen
    }
    sorter = TopologicalSorter(graph)
    try:
        sorter.prepare()
    except CycleError as error:
        raise ValueError(f"these statements rest on each other: {' -> '.join(error.args[1])}") from None
    order: list[str] = []
    while sorter.is_active():
        layer = sorted(sorter.get_ready())
        order.extend(layer)
        sorter.done(*layer)
    return tuple(key for key in order if registry[key].kind not in BACKGROUND)
