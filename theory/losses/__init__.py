"""The losses, one file each; ψ and its consequences are derived in :mod:`theory.kl`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from theory.losses.base import Loss, Parameter
from theory.losses.least_squares import least_squares
from theory.losses.log_cosh import log_cosh
from theory.losses.lojasiewicz import lojasiewicz
from theory.losses.lp import lp
from theory.losses.p_power import p_power
from theory.losses.pseudo_huber import pseudo_huber
from theory.losses.weighted_least_squares import weighted_least_squares

__all__ = ["LOSSES", "Loss", "Parameter"]

_ALL: tuple[Loss, ...] = (
    least_squares,
    weighted_least_squares,
    p_power,
    lp,
    pseudo_huber,
    log_cosh,
    lojasiewicz,
)

LOSSES: Mapping[str, Loss] = MappingProxyType({item.name: item for item in _ALL})
"""Name → :class:`Loss`."""
