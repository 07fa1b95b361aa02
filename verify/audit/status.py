"""How far a statement is established by this audit: computed from its evidence and from all that it rests on.

An item's *own* audit level is its evidence (:data:`verify.audit.evidence.EVIDENCE`), or "open" if its proof is open; its
level is that of its weakest ancestor.  Nothing here is ever written by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from theory.status import ancestors

if TYPE_CHECKING:
    from theory.statement import Hypothesis, Statement
    from theory.status import Status
    from verify.audit.evidence import Evidence

    Item = Hypothesis | Statement

__all__ = ["LEVELS", "Audited", "audited"]

LEVELS: Final = ("violated", "open", "vacuous", "not measured", "undecided", "not refuted", "holds")
"""From weak to strong; "asked" and "nothing" weaken nobody."""

_RANK: Final = {level: i for i, level in enumerate(LEVELS)}
_NEUTRAL: Final = len(LEVELS)


@dataclass(frozen=True)
class Audited:
    """The own level, the level with all ancestors, the nearest item that has only that, and the way to it."""

    id: str
    own: str
    level: str
    weakest: str
    chain: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {"own": self.own, "status": self.level, "weakest": self.weakest, "chain": list(self.chain)}


def audited(
    registry: Mapping[str, Item], evidence: Mapping[str, Evidence], statuses: Mapping[str, Status]
) -> dict[str, Audited]:
    """The audit status of every item of `evidence`, which has to contain what they rest on (background apart)."""
    own = {key: _own(found, statuses.get(key)) for key, found in evidence.items()}
    return {key: _one(key, registry, own) for key in evidence}


def _own(found: Evidence, status: Status | None) -> str:
    word = str(found.word)
    return "open" if word != "violated" and status is not None and status.own == "open" else word


def _one(key: str, registry: Mapping[str, Item], own: Mapping[str, str]) -> Audited:
    above = ancestors(key, registry)
    weakest = key
    for name in above:  # nearest first, so that the nearest of the weakest is named
        if _RANK.get(own.get(name, ""), _NEUTRAL) < _RANK.get(own[weakest], _NEUTRAL):
            weakest = name
    chain = [weakest]
    while chain[-1] != key:
        chain.append(above[chain[-1]])
    return Audited(key, own[key], own[weakest], weakest, tuple(reversed(chain)))
