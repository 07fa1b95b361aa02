"""What can be integrated, with which settings, and the stepper that does it: DOP853, one accepted step at a time.

Any :class:`GradientSystem` will do (the two-layer network of :mod:`numerics.reduced`, the extremal scalar family of
:mod:`numerics.extremal`).  Two quantities are integrated along with it: the path length ℓ(t) = ∫‖θ̇‖ and the length ℓ_a
of the leading part of the parameters.  The state is the *displacement* θ(t) − θ(0), so that tolerances and rounding are
relative to how far the parameters have moved: on wide networks this is worth several digits of the residual.

Method: Hairer, Nørsett, Wanner, Solving Ordinary Differential Equations I, section II.5 (order 8, dense output of
order 7), as implemented by SciPy.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import DOP853

from numerics.compile import HypothesisNotMet

Array = NDArray[np.float64]
Progress = Callable[[float, float, float], None]

# SciPy raises rtol to 100·eps with a warning; the lengths are asked for more than the parameters are, up to here.
_RTOL_MIN = 1.01 * 100 * float(np.finfo(np.float64).eps)


def norm(x: Array) -> float:
    """The Euclidean norm of an array, without BLAS.

    On a busy machine the threads of BLAS make a dot product of ten thousand numbers a hundred times slower.
    """
    flat = x.reshape(-1)
    return math.sqrt(float(np.einsum("i,i->", flat, flat)))


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

    def __post_init__(self) -> None:
        for name in ("t_max", "rtol", "atol"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} = {getattr(self, name)}; it must be positive")
        for name in ("max_seconds", "max_steps"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise ValueError(f"{name} = {value}; it must be nonnegative or None")
        if not 1e-13 <= self.rtol < 0.1:
            raise ValueError(f"rtol = {self.rtol}; float64 allows 1e-13 ≤ rtol < 0.1")
        if not self.loss_stop >= 0 or self.points_per_decade < 1:
            raise ValueError("loss_stop must be nonnegative and points_per_decade at least 1")
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


class Stepper:
    """One DOP853 run with both lengths attached: state = [displacement, ℓ, ℓ_a]; its steps end wherever asked.

    Times of interest are made ends of steps.  The dense output of DOP853 is not under error control, and where the step
    is bounded by stability rather than by accuracy it is worse than the steps by several digits (seen in tests: 1e-5 at
    rtol 1e-7); ending a step costs at most one step more.
    """

    def __init__(
        self, system: GradientSystem, settings: Settings, looser: float = 1.0, first_step: float | None = None
    ) -> None:
        size = system.size
        self.system = system
        self.nfev = 0
        self.steps = 0
        self.failure: str | None = None
        rtol = min(settings.rtol * looser, 0.1)
        atol = settings.atol * looser
        # DOP853 controls the root mean square over all components, so among many parameters a length would count for
        # nothing: its tolerances are divided by √size, which gives it the weight of all parameters together.
        share = math.sqrt(size)
        self._rtol = np.full(size + 2, max(rtol, _RTOL_MIN))
        self._atol = np.full(size + 2, atol)
        self._rtol[size:] = max(rtol / share, _RTOL_MIN)
        self._atol[size:] = atol / share
        self._solver = self._new(0.0, np.zeros(size + 2), settings.t_max, first_step)
        self.before = (self.t, self.state)

    def _new(self, t: float, state: Array, end: float, first_step: float | None) -> DOP853:
        with np.errstate(over="ignore", invalid="ignore"):
            tolerances: dict[str, Any] = {"rtol": self._rtol, "atol": self._atol}  # arrays are allowed: SciPy's manual
            return DOP853(cast(Any, self._rhs), t, state, end, first_step=first_step, **tolerances)

    def _rhs(self, _t: float, state: Array) -> Array:
        self.nfev += 1
        try:
            velocity = self.system.velocity(state[:-2])
        except HypothesisNotMet:  # ∞ − ∞ at a trial step far out: NaN is what DOP853 rejects
            velocity = np.full(self.system.size, math.nan)
        out = np.empty_like(state)
        out[:-2] = velocity
        head, tail = norm(velocity[: self.system.leading]), norm(velocity[self.system.leading :])
        out[-2], out[-1] = math.hypot(head, tail), head
        return out

    @property
    def t(self) -> float:
        """End of the last accepted step."""
        return float(self._solver.t)

    @property
    def state(self) -> Array:
        """The state there (size + 2,)."""
        return self._solver.y

    @property
    def step_size(self) -> float:
        """The next step, as error control would have it."""
        return float(self._solver.h_abs)

    def step(self, target: float) -> None:
        """One accepted step, cut at `target` > t; `before` keeps time and state at its beginning.

        A trial step that overflows is rejected by its error norm, hence the silence.
        """
        solver = self._solver
        solver.t_bound, solver.status = target, "running"
        self.before = (self.t, self.state)
        wanted = solver.h_abs
        with np.errstate(over="ignore", invalid="ignore"):
            self.failure = solver.step()
        if self.failure is None:
            self.steps += 1
            if self.t == target:  # a step that was cut says nothing against the size wanted before
                solver.h_abs = max(wanted, solver.h_abs)

    def follow(self, t: float, end: float, deadline: float = math.inf) -> None:
        """Step until t is covered, without cutting steps at t (at `end` only), as long as there is time."""
        while self.t < t and self.failure is None and time.monotonic() <= deadline:
            self.step(end)

    def cover(self, t: float, end: float) -> Array | None:
        """The state at t after :meth:`follow`; None if the run failed.  Times are asked for in ascending order."""
        self.follow(t, end)
        return self.within(t) if self.before[0] <= t <= self.t else None

    def within(self, t: float) -> Array:
        """The state at a time inside the last step, integrated anew from its beginning with the same tolerances."""
        start, state = self.before
        if t in (start, self.t):
            return state if t == start else self.state
        solver = self._new(start, state, t, t - start)
        with np.errstate(over="ignore", invalid="ignore"):
            while solver.status == "running":
                solver.step()
        if solver.status == "failed":
            raise ArithmeticError("the step size underflowed while an event was being located")
        return solver.y
