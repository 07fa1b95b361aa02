"""The losses, one file each; ψ and its consequences are derived in :mod:`theory.kl`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from theory.losses.base import Loss
from theory.losses.least_squares import least_squares
from theory.losses.weighted_least_squares import weighted_least_squares

__all__ = ["LOSSES", "Loss"]

_ALL: tuple[Loss, ...] = (
    least_squares,
    weighted_least_squares,
)

LOSSES: Mapping[str, Loss] = MappingProxyType({item.name: item for item in _ALL})
"""Name → :class:`Loss`."""
