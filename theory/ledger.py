"""All items of the theory by identifier: assumptions, statements, proof steps and trusted facts.

>>> registry["sharp.length"].kind
'theorem'
>>> registry["sharp.lenght"]  # doctest: +ELLIPSIS
Traceback (most recent call last):
    ...
KeyError: "no item 'sharp.lenght' in the registry; nearest: sharp.length, ...
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from theory import theorems, trusted
from theory.statement import Hypothesis, Statement

__all__ = ["Item", "Registry", "registry"]

Item = Hypothesis | Statement


class Registry(Mapping[str, Item]):
    """Identifier → item; iteration is sorted, duplicates raise ValueError, unknown identifiers name their neighbours."""

    def __init__(self, items: Iterable[Item]) -> None:
        found: dict[str, Item] = {}
        for item in items:
            if item.id in found:
                raise ValueError(f"the identifier {item.id!r} is registered twice")
            found[item.id] = item
        self._items = dict(sorted(found.items()))

    def __getitem__(self, key: str) -> Item:
        try:
            return self._items[key]
        except KeyError:
            near = get_close_matches(key, self._items, n=3, cutoff=0.4) or sorted(self._items)[:5]
            raise KeyError(f"no item {key!r} in the registry; nearest: {', '.join(near)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"<registry of {len(self)} items>"

    def _repr_html_(self) -> str:
        from theory.notebook import registry_html

        return registry_html(self._items.values())


registry: Registry = Registry((*theorems.ITEMS, *trusted.ITEMS))
"""The registry, filled once from :mod:`theory.theorems` and :mod:`theory.trusted`."""
