"""What can be integrated, and with which settings.

Any :class:`GradientSystem` will do (the two-layer network of :mod:`numerics.reduced`, the extremal scalar family of
:mod:`numerics.extremal`, the small worlds).  Two quantities are integrated along with it: the path length ℓ(t) = ∫‖θ̇‖
and the length ℓ_a of the leading part of the parameters.  The state is the *displacement* θ(t) − θ(0), so that tolerances
and rounding are relative to how far the parameters have moved: on wide networks this is worth several digits of the
residual.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from numerics.door import integer, number, numbers

Array = NDArray[np.float64]
Progress = Callable[[float, float, float], None]
_ALONE = 8192  # numbers that BLAS leaves to one thread in a dot product


def norm(x: Array) -> float:
    """The Euclidean norm of an array, without BLAS.

    On a busy machine the threads of BLAS make a dot product of ten thousand numbers a hundred times slower.
    """
    flat = x.reshape(-1)
    return math.sqrt(float(np.einsum("i,i->", flat, flat)))


def squares(rows: Array) -> Array:
    """‖·‖² of rows (*, k) → (*,).

    By the dot product of BLAS where it is the faster one: it uses one thread up to ten thousand numbers (see :func:`norm`).

    >>> squares(np.array([[3.0, 4.0], [1.0, 0.0]]))
    array([25.,  1.])
    """
    if rows.shape[-1] <= _ALONE:
        return np.asarray(np.vecdot(rows, rows))
    return np.asarray(np.einsum("...i,...i->...", rows, rows))


@dataclass(frozen=True)
class Observation:
    """What is seen of a state: loss, ρ = ψ(loss), v − y (m,), and an estimate of the rounding error of ‖v − y‖."""

    loss: float
    rho: float
    difference: Array
    rounding: float

    @property
    def residual(self) -> float:
        """‖v − y‖."""
        return norm(self.difference)


class GradientSystem(Protocol):
    """A gradient flow θ̇ = −∇L(θ) in terms of the displacement δ = θ − θ(0), a vector of shape (size,)."""

    @property
    def size(self) -> int:
        """Number of parameters."""

    @property
    def leading(self) -> int:
        """How many of them, at the front, count for ℓ_a."""

    def velocity(self, displacement: Array) -> Array:
        """−∇L at θ(0) + displacement: a new array of shape (size,)."""

    def observe(self, displacement: Array) -> Observation:
        """The loss and the residual there."""

    def sensitivity(self, displacement: Array) -> float:
        """An estimate, from above, of the spectral norm of the derivative of v there: how far v moves, per parameter."""


@dataclass(frozen=True)
class Settings:
    """How a flow is integrated and when it ends: see :func:`numerics.flow.gradient_flow` for each field."""

    t_max: float
    loss_stop: float = 0.0
    levels: Sequence[float] = ()
    times: Sequence[float] | None = None
    points_per_decade: int = 8
    rtol: float = 1e-9
    atol: float = 1e-12
    max_seconds: float | None = None
    max_steps: int | None = None
    progress: Progress | None = None
    error_estimate: bool = True
    max_state_bytes: float = 5e8
    method: str = "auto"
    lengths: bool = True

    def __post_init__(self) -> None:
        self._check_types()
        for name in ("t_max", "rtol", "atol"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} = {getattr(self, name)}; it must be positive")
        for name in ("max_seconds", "max_steps"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise ValueError(f"{name} = {value}; it must be nonnegative or None")
        if not 1e-13 <= self.rtol < 0.1:
            raise ValueError(f"rtol = {self.rtol}; float64 allows 1e-13 ≤ rtol < 0.1")
        if not self.loss_stop >= 0:
            raise ValueError(f"loss_stop = {self.loss_stop}; it must be nonnegative")
        if math.isinf(self.t_max) and not self.loss_stop and self.max_seconds is None and self.max_steps is None:
            raise ValueError(
                "the flow would never end: give a finite t_max, a positive loss_stop, max_seconds or max_steps"
            )
        if any(not level > 0 for level in self.levels):
            raise ValueError(f"levels = {tuple(self.levels)}; residual levels are positive")
        if self.times is not None:
            times = np.asarray(self.times, dtype=float)
            if times.ndim != 1 or not np.all(np.isfinite(times)) or np.any(times < 0) or np.any(np.diff(times) <= 0):
                raise ValueError("times must be a strictly increasing sequence of finite nonnegative numbers")

    def _check_types(self) -> None:
        for name in ("t_max", "loss_stop", "rtol", "atol", "max_state_bytes"):
            number(name, getattr(self, name))
        for name in ("max_seconds", "max_steps"):
            if getattr(self, name) is not None:
                number(name, getattr(self, name))
        integer("points_per_decade", self.points_per_decade, 1)
        numbers("levels", self.levels)
        if self.times is not None:
            numbers("times", self.times)
        if self.progress is not None and not callable(self.progress):
            raise ValueError(f"progress = {self.progress!r}; it must be a function of (t, loss, loss_stop), or None")
