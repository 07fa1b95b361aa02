"""The parts of a certificate: obligations (a number and what proves it) and claims (a theorem and what follows)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["PROVED", "REFUTED", "UNKNOWN"]


def text(x: float) -> str:
    """A double as the file writes it: exactly."""
    return float(x).hex()


@dataclass(frozen=True)
class Obligation:
    """A bound that the checker derives again from the raw data.

    id, kind: the name in the file and what is bounded, on which side. claim: the number. method: how it is derived.
    params: the method's numbers (floats) and indices (integers). witnesses: names of arrays.
    """

    id: str
    kind: str
    claim: float
    method: str
    params: Mapping[str, float | int] = field(default_factory=dict)
    witnesses: tuple[str, ...] = ()

    @property
    def relation(self) -> str:
        """The truth is >= the claim for a lower bound, <= for an upper one."""
        return ">=" if self.kind.endswith("_lower") else "<="

    def to_json(self) -> dict[str, Any]:
        """As in the file."""
        params = {name: value if isinstance(value, int) else text(value) for name, value in self.params.items()}
        return {
            "id": self.id, "kind": self.kind, "relation": self.relation, "claim": text(self.claim), "method": self.method,
            "params": params, "witnesses": list(self.witnesses),
        }  # fmt: skip


@dataclass(frozen=True)
class Claim:
    """One theorem at this point.

    statement: identifier in the registry. verdict: PROVED, REFUTED (the *condition* fails; that is no proof that the flow
    does not converge) or UNKNOWN. uses: ids of obligations. conclusions: numbers by name (nested for "stop").
    reason: one sentence, with the numbers. failed, help: for UNKNOWN, the obligation that failed and what would help.
    """

    statement: str
    verdict: Verdict
    uses: tuple[str, ...] = ()
    conclusions: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    failed: str = ""
    help: str = ""

    def numbers(self) -> dict[str, Any]:
        """The conclusions as the file writes them."""

        def plain(value: Any) -> Any:
            if isinstance(value, Mapping):
                return {name: plain(item) for name, item in value.items()}
            return value if isinstance(value, bool | str) else text(value)

        return {name: plain(value) for name, value in self.conclusions.items()}
