"""Property suites: the statements of the theory held against runs of small worlds, and what was found.

One file a suite; a new one needs its file and its line in the list below.  :func:`verify.properties.runner.run_suite` runs one.

>>> "sharp.logistic" in SUITES["sharp"].statements
True
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from theory.ledger import registry
from verify.properties import (
    baseline,
    deep,
    descent,
    extremal,
    illposed,
    losses,
    network,
    recovery,
    sharp,
    steps,
    wonly,
)
from verify.properties.suite import UNMEASURED, Sample, Suite, speaks_of_a_run

__all__ = ["SUITES", "UNMEASURED", "Sample", "Suite", "covered", "uncovered"]

SUITES: Mapping[str, Suite] = MappingProxyType(
    {
        module.SUITE.name: module.SUITE
        for module in (baseline, steps, sharp, extremal, network, illposed, wonly, recovery, descent, deep, losses)
    }
)
"""Name → suite.  ("random", for statements with a probability, is :mod:`verify.properties.random`.)"""


def covered() -> dict[str, tuple[str, ...]]:
    """Statement → the suites that it belongs to."""
    found: dict[str, list[str]] = {}
    for name, suite in SUITES.items():
        for key in suite.statements:
            found.setdefault(key, []).append(name)
    return {key: tuple(names) for key, names in sorted(found.items())}


def uncovered() -> tuple[str, ...]:
    """Statements that speak of a run and belong to no suite: none, or the suites have forgotten something."""
    known = covered()
    return tuple(key for key in registry if speaks_of_a_run(key) and key not in known and key not in UNMEASURED)
