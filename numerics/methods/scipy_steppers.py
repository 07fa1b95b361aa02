"""SciPy's steppers with both lengths attached: DOP853, and Radau, BDF and LSODA for small stiff systems."""

from __future__ import annotations

import math
import time
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import BDF, DOP853, LSODA, OdeSolver, Radau

from numerics.compile import HypothesisNotMet
from numerics.gradient_system import GradientSystem, Observation, Settings, norm

Array = NDArray[np.float64]

SOLVERS: dict[str, Any] = {"DOP853": DOP853, "Radau": Radau, "BDF": BDF, "LSODA": LSODA}
# SciPy raises rtol to 100·eps with a warning; the lengths are asked for more than the parameters are, up to here.
_RTOL_MIN = 1.01 * 100 * float(np.finfo(np.float64).eps)
# Where the step is bounded by stability the error estimate of DOP853 falls short: errors of 4 times the tolerance were
# seen in tests.  The other methods have the same allowance.
_JITTER = 10.0


class ScipyStepper:
    """One run of a SciPy solver with both lengths attached: state = [displacement, ℓ, ℓ_a]; its steps end wherever asked.

    DOP853: Hairer, Nørsett, Wanner, Solving Ordinary Differential Equations I, section II.5 (order 8).

    Times of interest are made ends of steps.  The dense output of DOP853 is not under error control, and where the step
    is bounded by stability rather than by accuracy it is worse than the steps by several digits (seen in tests: 1e-5 at
    rtol 1e-7); ending a step costs at most one step more.
    """

    def __init__(
        self,
        system: GradientSystem,
        settings: Settings,
        looser: float = 1.0,
        first_step: float | None = None,
        solver: str = "DOP853",
    ) -> None:
        size = system.size
        self._kind = SOLVERS[solver]
        self.dense = solver != "DOP853"  # a multistep method would lose its history at every cut
        self.system = system
        self._given = settings
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

    def _new(self, t: float, state: Array, end: float, first_step: float | None) -> OdeSolver:
        with np.errstate(over="ignore", invalid="ignore"):
            # arrays are allowed by SciPy's manual; its implicit methods take one rtol
            rtol: Any = self._rtol if not self.dense else float(self._rtol[0])
            tolerances: dict[str, Any] = {"rtol": rtol, "atol": self._atol}
            return cast(OdeSolver, self._kind(self._rhs, t, state, end, first_step=first_step, **tolerances))

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
        return float(getattr(self._solver, "h_abs", 0.0) or abs(self.t - self.before[0]))

    def observe(self) -> Observation:
        """What is seen at the end of the last step."""
        return self.system.observe(self.state[:-2])

    def observe_within(self, t: float) -> Observation:
        """What is seen inside the last step."""
        return self.system.observe(self.within(t)[:-2])

    def speed(self) -> float:
        """‖θ̇‖ there."""
        return norm(self.system.velocity(self.state[:-2]))

    def step(self, target: float) -> None:
        """One accepted step, cut at `target` > t (DOP853; the others end at t_max only).

        `before` keeps time and state at its beginning.

        A trial step that overflows is rejected by its error norm, hence the silence.
        """
        self.before = (self.t, self.state)
        solver: Any = self._solver
        wanted = 0.0
        if not self.dense:
            solver.t_bound, solver.status = target, "running"
            wanted = solver.h_abs
        with np.errstate(over="ignore", invalid="ignore"):
            self.failure = solver.step()
        if self.failure is None:
            self.steps += 1
            if not self.dense and self.t == target:  # a step that was cut says nothing against the size wanted before
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
        found = solver.y
        # SciPy's solvers are reference cycles: without this every trial of a root finder would keep its stages
        solver.__dict__.clear()
        return cast(Array, found)

    def uncertainty(self, t: float, displacement: Array) -> tuple[float, float, float]:
        """The tolerances, with an allowance: an error of that size may have been made in any direction."""
        share = math.sqrt(displacement.size) * (t > 0)
        size = _JITTER * (self._given.rtol * norm(displacement) + self._given.atol * share)
        return size, size, 0.0

    def first_below(self, level: float) -> float | None:
        """None: nothing is looked at inside a step."""
        return None
