"""Losses outside the assumptions, each violating one of them or two: they show that it is needed.

They offer what :class:`numerics.losses.CompiledLoss` offers to a world.  The desingularizing function that they carry is
that of least squares: it is the claim about them that is false.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike, NDArray

from numerics.losses import CompiledLoss, loss
from theory.kl import Desingularizer
from theory.symbols import sym

__all__ = ["OUTSIDE", "BowedLoss", "FlatLoss", "LiftedLoss", "PartialLoss"]

Array = NDArray[np.float64]


@cache
def _least_squares() -> CompiledLoss:
    return loss("least_squares")


@dataclass(frozen=True)
class _Outside:
    name: ClassVar[str] = ""
    w_min: ClassVar[float] = 1.0
    along_residual: ClassVar[bool] = True  # the gradient is a multiple of v − y
    weights: ClassVar[None] = None
    gradient_lipschitz: ClassVar[Any] = sp.S.One
    """A Lipschitz constant of ∇L for residuals up to r."""

    @cached_property
    def kl(self) -> Desingularizer:
        """ψ(s) = √(2s)."""
        return _least_squares().kl

    def psi(self, value: ArrayLike) -> Any:
        """√(2 value)."""
        return _least_squares().psi(value)

    def rho(self, v: ArrayLike, y: ArrayLike) -> Any:
        """ψ(L)."""
        return self.psi(self.value(v, y))

    def value(self, v: ArrayLike, y: ArrayLike) -> Any:
        raise NotImplementedError


@dataclass(frozen=True)
class PartialLoss(_Outside):
    """½ r_1²: y is not its only minimizer as soon as m > 1."""

    name: ClassVar[str] = "partial"
    violates: ClassVar[tuple[str, ...]] = ("A.loss.unique",)
    along_residual: ClassVar[bool] = False
    parameters: ClassVar[Mapping[str, float]] = MappingProxyType({})

    def value(self, v: ArrayLike, y: ArrayLike) -> Any:
        """L_y(v)."""
        r = np.asarray(v, dtype=np.float64) - np.asarray(y, dtype=np.float64)
        return float(0.5 * r[0] ** 2)

    def grad(self, v: ArrayLike, y: ArrayLike) -> Array:
        """∇L_y(v)."""
        r = np.asarray(v, dtype=np.float64) - np.asarray(y, dtype=np.float64)
        return np.concatenate([r[:1], np.zeros(r.size - 1)])


@dataclass(frozen=True)
class LiftedLoss(_Outside):
    """½‖r‖² + ½: its minimum is not zero, and its gradient vanishes there at positive loss."""

    name: ClassVar[str] = "lifted"
    violates: ClassVar[tuple[str, ...]] = ("A.loss.min", "A.loss.KL")
    parameters: ClassVar[Mapping[str, float]] = MappingProxyType({})

    def value(self, v: ArrayLike, y: ArrayLike) -> Any:
        """L_y(v)."""
        r = np.asarray(v, dtype=np.float64) - np.asarray(y, dtype=np.float64)
        return float(0.5 * (r @ r) + 0.5)

    def grad(self, v: ArrayLike, y: ArrayLike) -> Array:
        """∇L_y(v)."""
        return np.asarray(v, dtype=np.float64) - np.asarray(y, dtype=np.float64)


@dataclass(frozen=True)
class FlatLoss(_Outside):
    """¼‖r‖⁴ with the ψ of least squares, for which it is too flat near its minimum."""

    name: ClassVar[str] = "flat"
    violates: ClassVar[tuple[str, ...]] = ("A.loss.KL",)
    gradient_lipschitz: ClassVar[Any] = 3 * sym("r") ** 2
    parameters: ClassVar[Mapping[str, float]] = MappingProxyType({})

    def value(self, v: ArrayLike, y: ArrayLike) -> Any:
        """L_y(v)."""
        r = np.asarray(v, dtype=np.float64) - np.asarray(y, dtype=np.float64)
        return float(0.25 * (r @ r) ** 2)

    def grad(self, v: ArrayLike, y: ArrayLike) -> Array:
        """∇L_y(v)."""
        r = np.asarray(v, dtype=np.float64) - np.asarray(y, dtype=np.float64)
        return np.asarray((r @ r) * r)


@dataclass(frozen=True)
class BowedLoss(_Outside):
    """½ log(1 + ‖r‖²): smooth, with y its only minimizer, but not convex; far out too flat for its ψ."""

    name: ClassVar[str] = "bowed"
    violates: ClassVar[tuple[str, ...]] = ("A.loss.convex", "A.loss.KL")
    parameters: ClassVar[Mapping[str, float]] = MappingProxyType({})

    def value(self, v: ArrayLike, y: ArrayLike) -> Any:
        """L_y(v)."""
        r = np.asarray(v, dtype=np.float64) - np.asarray(y, dtype=np.float64)
        return float(0.5 * np.log1p(r @ r))

    def grad(self, v: ArrayLike, y: ArrayLike) -> Array:
        """∇L_y(v)."""
        r = np.asarray(v, dtype=np.float64) - np.asarray(y, dtype=np.float64)
        return np.asarray(r / (1 + r @ r))


OUTSIDE: Mapping[str, type[_Outside]] = MappingProxyType(
    {kind.name: kind for kind in (PartialLoss, LiftedLoss, FlatLoss, BowedLoss)}
)
"""Name → loss."""
