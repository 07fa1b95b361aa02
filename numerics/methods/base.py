"""What an integration method has to offer: data about itself and a stepper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from numerics.gradient_system import GradientSystem, Observation, Settings

Array = NDArray[np.float64]


class Stepper(Protocol):
    """A run under way, one accepted step at a time; state = [displacement, ℓ, ℓ_a], shape (size + 2,)."""

    steps: int
    nfev: int
    failure: str | None
    before: tuple[float, Array]
    """Time and state at the beginning of the last step."""
    dense: bool
    """Whether `within` is as accurate as the steps: then no step is cut at the times to be stored."""

    @property
    def t(self) -> float:
        """End of the last accepted step."""

    @property
    def state(self) -> Array:
        """The state there (size + 2,)."""

    @property
    def step_size(self) -> float:
        """The next step, as error control would have it."""

    def observe(self) -> Observation:
        """What is seen at the end of the last step."""

    def observe_within(self, t: float) -> Observation:
        """What is seen at a time inside the last step."""

    def speed(self) -> float:
        """‖θ̇‖ there."""

    def step(self, target: float) -> None:
        """One accepted step, not beyond `target` > t; `failure` says why there was none."""

    def follow(self, t: float, end: float, deadline: float = ...) -> None:
        """Step until t is covered, without cutting steps at t (at `end` only), as long as there is time."""

    def cover(self, t: float, end: float) -> Array | None:
        """The state at t after :meth:`follow`; None if the run failed.  Times are asked for in ascending order."""

    def within(self, t: float) -> Array:
        """The state at a time inside the last step."""

    def uncertainty(self, t: float, displacement: Array) -> tuple[float, float, float]:
        """What the steps may be wrong by at t: ‖·‖ of the parameters, all of them together and the last one alone, and the
        lengths besides.
        """

    def first_below(self, level: float) -> float | None:
        """A time inside the last step at which the residual norm was seen at or below `level`, the earliest; or None."""


Build = Callable[[GradientSystem, Settings, float, float | None], Stepper]
"""(system, settings, how much looser the tolerances are, first step or None) → a stepper at t = 0."""


@dataclass(frozen=True)
class Method:
    """An integration method as data.

    order: of the local error per step, 0 if it adapts.  implicit: whether stiffness costs it nothing.  suits: why it does
    not suit a system, or an empty string.
    """

    name: str
    title: str
    order: int
    implicit: bool
    build: Build
    suits: Callable[[GradientSystem], str]
    source: str
