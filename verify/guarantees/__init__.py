"""Every theorem evaluated on an instance; adding one is one file and one line here."""

from __future__ import annotations

from theory.ledger import registry

from ..assumptions import Assumption, lacking
from ..instance import Instance
from . import baseline, hidden, illposed, recovery, sharp, wonly
from .base import Curve, Guarantee, not_met

__all__ = ["Curve", "Guarantee", "convergence", "evaluate", "strongest"]


def convergence(instance: Instance) -> list[Guarantee]:
    """What the theorems say of the loss, strongest first (:meth:`Guarantee.strength`)."""
    found = [
        baseline.evaluate(instance),
        sharp.evaluate(instance),
        hidden.linear(instance),
        hidden.by_duality(instance),
        hidden.by_balance(instance),
        illposed.by_discrepancy(instance),
        illposed.without_noise(instance),
        *wonly.evaluate(instance),
    ]
    found = _supported(instance, found)
    return sorted(found, key=lambda guarantee: guarantee.strength(), reverse=True)


def evaluate(instance: Instance) -> tuple[list[Guarantee], list[Guarantee]]:
    """(convergence, recovery): what is promised of the loss, and of the signal."""
    loss = convergence(instance)
    by_id = {guarantee.statement: guarantee for guarantee in loss}
    signal = [
        recovery.by_injectivity(instance, by_id["baseline.condition"]),
        recovery.by_kernel(instance),
        recovery.by_split(instance),
    ]
    return loss, _supported(instance, signal)


def hypotheses(guarantee: Guarantee) -> tuple[str, ...]:
    """What the statement of the guarantee and those of its curves declare in the registry, each once."""
    statements = (guarantee.statement, *(curve.statement for curve in guarantee.curves))
    return tuple(dict.fromkeys(name for key in statements for name in registry[key].hypotheses))


def _supported(instance: Instance, found: list[Guarantee]) -> list[Guarantee]:
    """The guarantees, those withdrawn that rest on a declared hypothesis which is not answered by "holds"."""
    known: dict[str, Assumption] = {}
    out = []
    for guarantee in found:
        gap = lacking(instance, hypotheses(guarantee), known) if guarantee.checked else None
        if gap is not None:
            reason = f"{gap.id} {'fails' if gap.answer == 'fails' else 'is not proved'}: {gap.evidence}"
            guarantee = not_met(guarantee.statement, guarantee.title, reason, guarantee.margin)
        out.append(guarantee)
    return out


def strongest(guarantees: list[Guarantee]) -> Guarantee | None:
    """The strongest guarantee in force, or None."""
    return next((guarantee for guarantee in guarantees if guarantee.in_force), None)
