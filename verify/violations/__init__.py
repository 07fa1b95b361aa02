"""Instances that violate one hypothesis: families of small worlds, and what is proved where there can be none."""

from verify.violations import flows, networks, steps
from verify.violations.base import Choice, Family, Number, Numbers

__all__ = ["FAMILIES", "Choice", "Family", "Number", "Numbers", "families_for"]

FAMILIES: tuple[Family, ...] = (*flows.FAMILIES, *networks.FAMILIES, *steps.FAMILIES)
"""All families, by the order in which they are tried."""


def families_for(hypothesis: str) -> tuple[Family, ...]:
    """Those that may violate a hypothesis, a condition, or "when".

    >>> [family.name for family in families_for("A.step")]
    ['long_step']
    """
    return tuple(family for family in FAMILIES if hypothesis in family.breaks)
