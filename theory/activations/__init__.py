"""The activations, one file each: expression, constants and the arguments for them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from theory.activations.base import Activation, ZeroSet
from theory.activations.erf import erf
from theory.activations.gelu import gelu
from theory.activations.identity import identity
from theory.activations.relu import relu
from theory.activations.sigmoid import sigmoid
from theory.activations.silu import silu
from theory.activations.sin import sin
from theory.activations.softplus import softplus
from theory.activations.tanh import tanh

__all__ = ["ACTIVATIONS", "Activation", "ZeroSet"]

_ALL: tuple[Activation, ...] = (
    tanh,
    sigmoid,
    softplus,
    erf,
    sin,
    gelu,
    silu,
    identity,
    relu,
)

ACTIVATIONS: Mapping[str, Activation] = MappingProxyType({item.name: item for item in _ALL})
"""Name → :class:`Activation`."""
