"""How far a statement is proved here: computed from its proof, its calculus and what it rests on, never written.

An item's *own* level is decided by what it carries: a proof in words, and obligations that SymPy proves or not
(:func:`check`).  Its *level* is that of its weakest ancestor, through `uses` and `proof_uses`: a theorem is no better
established than the steps of its proof.  Published facts, assumptions and definitions have nothing to be proved here;
they weaken nobody, and :attr:`Status.trusted` names the facts that a statement takes on trust.

>>> from theory.ledger import registry
>>> found = status_of("sharp.stop", registry)
>>> found.own, found.level, found.weakest
('checked', 'written', 'step.triangle_obs')
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from theory.statement import Hypothesis, Statement

    Item = Hypothesis | Statement

__all__ = ["LEVELS", "Check", "Level", "Status", "ancestors", "check", "status_of", "statuses", "used_by"]

Level = Literal["open", "written", "checked", "trusted", "assumed", "defined"]

LEVELS: Final[Mapping[Level, str]] = MappingProxyType(
    {
        "open": "without proof here, or with an obligation that SymPy does not prove",
        "written": "proved in words; no calculus of the proof was checked by machine",
        "checked": "proved in words, and SymPy proves the calculus that the proof declares (not the proof itself)",
        "trusted": "a published fact, not proved here",
        "assumed": "an assumption on an instance: nothing to prove",
        "defined": "a definition: nothing to prove",
    }
)
"""Level → its meaning: the ones that order proofs from weak to strong, then those with nothing to be proved here."""

_RANK: Final[Mapping[str, int]] = MappingProxyType({level: i for i, level in enumerate(("open", "written", "checked"))})
_NEUTRAL: Final = len(_RANK)


@dataclass(frozen=True)
class Check:
    """What SymPy said about one obligation; `why` is empty if it is proved."""

    text: str
    ok: bool
    why: str = ""


@dataclass(frozen=True)
class Status:
    """The level of an item, its own and with its ancestors, and what decided.

    `weakest` is the nearest item that has only `level` (the item itself if no ancestor is weaker), `chain` the way to it
    along `uses` and `proof_uses`, both ends included; `trusted` are the published facts among the ancestors.
    """

    id: str
    own: Level
    level: Level
    weakest: str
    chain: tuple[str, ...]
    checks: tuple[Check, ...] = ()
    trusted: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[Check, ...]:
        """The obligations of the item itself that are not proved."""
        return tuple(check for check in self.checks if not check.ok)


def check(item: Item) -> tuple[Check, ...]:
    """Every obligation of `item`, asked of SymPy; one that raises is not proved, and says why."""
    found = []
    for obligation in item.obligations:
        try:
            ok, why = obligation.check(), "not proved by SymPy"
        except Exception as error:
            ok, why = False, " ".join(f"{type(error).__name__}: {error}".split())
        found.append(Check(obligation.text, ok, "" if ok else why))
    return tuple(found)


def ancestors(key: str, registry: Mapping[str, Item]) -> dict[str, str]:
    """All that `key` rests on through `uses` and `proof_uses`, nearest first → the item through which it was reached."""
    found: dict[str, str] = {}
    layer = [key]
    while layer:
        following: dict[str, str] = {}
        for name in layer:
            for other in (*registry[name].uses, *registry[name].proof_uses):
                if other != key and other not in found and other in registry:
                    following.setdefault(other, name)
        layer = sorted(following)
        found.update((name, following[name]) for name in layer)
    return found


def used_by(key: str, registry: Mapping[str, Item]) -> dict[str, tuple[str, ...]]:
    """Who refers directly to `key`: field (uses, proof_uses, hypotheses) → identifiers, sorted; empty fields are left out."""
    fields = ("uses", "proof_uses", "hypotheses")
    users = {field: tuple(sorted(k for k, item in registry.items() if key in getattr(item, field))) for field in fields}
    return {field: keys for field, keys in users.items() if keys}


def status_of(key: str, registry: Mapping[str, Item]) -> Status:
    """The status of one item; its ancestors are checked too."""
    return statuses(registry, (key,))[key]


def statuses(
    registry: Mapping[str, Item],
    keys: Iterable[str] | None = None,
    check: Callable[[Item], tuple[Check, ...]] = check,
) -> dict[str, Status]:
    """The status of `keys` (all items by default); `check` may be one that remembers.

    Only `keys` and their ancestors are checked, each once.
    """
    wanted = list(registry if keys is None else keys)
    above = {key: ancestors(key, registry) for key in wanted}
    checks = {
        key: check(registry[key]) for key in sorted({*wanted, *(name for names in above.values() for name in names)})
    }
    own = {key: _own(registry[key], found) for key, found in checks.items()}
    return {key: _status(key, above[key], own, checks[key]) for key in wanted}


def _own(item: Item, checks: tuple[Check, ...]) -> Level:
    """The level of an item by itself."""
    if item.kind == "assumption":
        return "assumed"
    if item.kind == "trusted":
        return "trusted"
    if item.kind == "definition" and not item.obligations:
        return "defined"
    if len(checks) != len(item.obligations) or not all(one.ok for one in checks):
        return "open"
    if not item.proof and item.kind != "definition":
        return "open"
    return "checked" if checks else "written"


def _status(key: str, above: Mapping[str, str], own: Mapping[str, Level], checks: tuple[Check, ...]) -> Status:
    weakest = key
    if own[key] in _RANK:  # an assumption is not proved, so nothing weakens it
        for name in above:  # nearest first, so that the nearest of the weakest is named
            if _RANK.get(own[name], _NEUTRAL) < _RANK[own[weakest]]:
                weakest = name
    chain = [weakest]
    while chain[-1] != key:
        chain.append(above[chain[-1]])
    trusted = tuple(sorted(name for name in above if own[name] == "trusted"))
    return Status(key, own[key], own[weakest], weakest, tuple(reversed(chain)), checks, trusted)
