"""Every theorem evaluated on an instance; adding one is one file and one line here."""

from __future__ import annotations

from ..instance import Instance
from . import baseline, hidden, illposed, recovery, sharp, wonly
from .base import Curve, Guarantee

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
    return loss, signal


def strongest(guarantees: list[Guarantee]) -> Guarantee | None:
    """The strongest guarantee in force, or None."""
    return next((guarantee for guarantee in guarantees if guarantee.in_force), None)
