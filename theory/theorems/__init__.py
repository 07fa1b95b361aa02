"""The theorems, one topic a file; a new file needs its import and its line in :data:`ITEMS`.

Statements stand on top of each file's items, proof steps below; each can be reviewed alone.
"""

from __future__ import annotations

from typing import Final

from theory.statement import Hypothesis, Statement
from theory.theorems import (
    amgm,
    assumptions,
    balanced,
    baseline,
    baseline_steps,
    deep,
    descent,
    illposed,
    kl,
    losses,
    recovery,
    saturated,
    sharp,
    sharp_more,
    sharp_steps,
    two_layer,
    two_layer_random,
    width,
    wonly,
)

__all__ = ["ITEMS"]

ITEMS: Final[tuple[Hypothesis | Statement, ...]] = (
    *assumptions.ITEMS,
    *baseline.ITEMS,
    *baseline_steps.ITEMS,
    *sharp.ITEMS,
    *sharp_more.ITEMS,
    *illposed.ITEMS,
    *two_layer.ITEMS,
    *two_layer_random.ITEMS,
    *saturated.ITEMS,
    *amgm.ITEMS,
    *sharp_steps.ITEMS,
    *balanced.ITEMS,
    *wonly.ITEMS,
    *width.ITEMS,
    *recovery.ITEMS,
    *descent.ITEMS,
    *deep.ITEMS,
    *kl.ITEMS,
    *losses.ITEMS,
)
