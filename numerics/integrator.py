"""A gradient flow from its start to the first end condition: stored times, located events, an error estimate.

Error estimate.  A companion run with tolerances 100 times looser goes along; at every stored time the distance between
the two runs is recorded.  It is essentially the error of the companion, hence an over-estimate of the error of the run
itself, to which the run's own uncertainty is added (for the residual: that of the last step, carried there by the norm of
the Jacobian): for exponential collocation the sum of its local estimates, for the SciPy methods their tolerance.  Where the
step is bounded by stability both runs jitter, and may be close for an instant by chance.  So the distance of the
parameters counts with its largest value so far, and so does that of the residuals, which may decrease only as the
residual does: no relative accuracy is ever gained.  It is an estimate, not an enclosure: both runs use one method.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from numerics.exponential.piece import Piece
from numerics.exponential.stepper import ExponentialStepper
from numerics.interrupt import deferred
from numerics.methods import GradientSystem, Observation, Progress, Settings, Stepper, choose, norm

__all__ = ["GradientSystem", "Observation", "Progress", "Run", "Settings", "integrate"]

Array = NDArray[np.float64]
COMPANION = 100.0  # how much looser the tolerances of the companion run are
_EPS = float(np.finfo(np.float64).eps)
_TINY = 1e-150  # no length scale is smaller: squares of tolerances are to stay in range
# A run is stationary when its present speed would take away less than this fraction of the loss even over HORIZON times
# the time elapsed, after so many steps, and no faster than at half that time.
_NEGLIGIBLE, _HORIZON, _SETTLED, _SETTLED_IMPLICIT = 1e-12, 10.0, 256, 12
_EARLY = 1e-2  # nothing is stationary before this fraction of the initial time scale loss/‖θ̇‖²
_OFTEN = 16  # every so many steps it is looked at


@dataclass
class Run:
    """A finished run: scalars at N stored times, shape (N,), and the displacements there, shape (N, size)."""

    t: Array
    displacement: Array
    loss: Array
    rho: Array
    residual: Array
    length: Array
    length_a: Array
    error_theta: Array
    error_length: Array
    error_residual: Array
    events: Mapping[float, float]
    event_errors: Mapping[float, float]
    status: str
    message: str
    nfev: int
    steps: int
    method: str = ""


@dataclass
class _Record:
    """The stored points, thinned by dropping every other one when the states outgrow the memory allowed."""

    system: GradientSystem
    settings: Settings
    times: list[float] = field(default_factory=list)
    states: list[Array] = field(default_factory=list)
    scalars: list[tuple[float, ...]] = field(default_factory=list)
    thinned: int = 0
    apart: list[tuple[float, float]] = field(default_factory=list)  # of the residuals of both runs; the residual then
    apart_theta: float = 0.0
    apart_length: float = 0.0

    def add(
        self, t: float, state: Array, other: Array | None, seen: Observation, uncertainty: tuple[float, float, float]
    ) -> None:
        settings = self.settings
        tolerance, last, doubt = uncertainty
        displacement = np.array(state[:-2])
        error_theta = error_length = error_residual = math.nan
        if other is not None:
            # the run's own tolerances are added: where both runs happen to take the same steps they agree by chance
            self.apart_theta = max(self.apart_theta, norm(displacement - other[:-2]))
            error_theta = self.apart_theta + tolerance
            self.apart_length = max(self.apart_length, float(np.max(np.abs(state[-2:] - other[-2:]))))
            error_length = doubt + self.apart_length + settings.rtol * float(state[-2]) + settings.atol * (t > 0)
            residual = seen.residual
            self.apart.append((norm(seen.difference - self.system.observe(other[:-2]).difference), residual))
            # a step may put an error of the size of its tolerance in any direction, also the one that v is steepest in
            error_residual = self.still_apart(residual) + seen.rounding
            if t > 0:
                error_residual += self.system.sensitivity(displacement) * last
        if len(self.times) >= max(16, int(settings.max_state_bytes // displacement.nbytes)):
            self.thinned += 1
            self.times, self.states, self.scalars = self.times[::2], self.states[::2], self.scalars[::2]
        length, leading = float(state[-2]), float(state[-1])
        if self.scalars:  # interpolated inside steps: within their error, but a length never falls
            length, leading = max(length, self.scalars[-1][3]), max(leading, self.scalars[-1][4])
        self.times.append(t)
        self.states.append(displacement)
        self.scalars.append(
            (seen.loss, seen.rho, seen.residual, length, leading, error_theta, error_length, error_residual)
        )

    def still_apart(self, residual: float) -> float:
        """The largest distance of the residuals so far, each scaled by how much the residual has decreased since."""
        apart, then = np.array(self.apart).T
        return float(np.max(apart * (residual / np.maximum(then, max(residual, 1e-300)))))


Watch = Callable[[float, Piece], None]
"""Called after every step of the exponential method with its end and its interpolant."""


def integrate(system: GradientSystem, settings: Settings, watch: Watch | None = None) -> Run:
    """Integrate the gradient flow of `system` until the first end condition of `settings`.

    Nothing that has been computed is lost: an interrupt (KeyboardInterrupt) ends the run with status "interrupted".
    """
    return _Integration(system, settings, watch).run()


class _Integration:
    def __init__(self, system: GradientSystem, settings: Settings, watch: Watch | None = None) -> None:
        self.system, self.settings, self.watch = system, settings, watch
        self.deadline = math.inf if settings.max_seconds is None else time.monotonic() + settings.max_seconds
        self.events: dict[float, float] = {}
        self.event_errors: dict[float, float] = {}
        self.speed = 0.0  # ‖θ̇‖ at the start
        self.speeds: list[tuple[float, float]] = []  # (t, ‖θ̇‖) along the run
        self.pending = sorted({float(level) for level in settings.levels}, reverse=True)

    def run(self) -> Run:
        settings = self.settings
        start = np.zeros(self.system.size + 2)
        now = self.system.observe(start[:-2])
        if not math.isfinite(now.loss):
            raise ValueError("the loss is not finite at the start: check the scale of the data and of the network")
        with np.errstate(over="ignore", invalid="ignore"):
            self.speed = norm(self.system.velocity(start[:-2]))
        if not math.isfinite(self.speed):
            raise ValueError("the gradient is not finite at the start: check the scale of the data and of the network")
        settings = self.settings = replace(settings, atol=self._atol(now))
        self.record = _Record(self.system, settings)
        self.method = choose(self.system, settings)
        self.main = self.method.build(self.system, settings, 1.0, None)
        if self.watch is not None and isinstance(self.main, ExponentialStepper):
            self.main.keep(self.watch)
        self.companion: Stepper | None = None
        if settings.error_estimate:
            # SciPy's first step does not depend on the tolerance and grows tenfold whenever it may: from the same one
            # both runs would take the same steps for a while, and agree whatever their error.  For the same reason the
            # companion does not end its steps at the stored times.
            first = min(3.0 * self.main.step_size, settings.t_max)
            # a companion that could hardly be looser would err as the run does: then it is the more accurate of the two
            factor = COMPANION if settings.rtol * COMPANION <= 0.1 else 1.0 / COMPANION
            self.companion = self.method.build(self.system, settings, factor, first if first > 0 else None)
        self.record.add(0.0, start, start if settings.error_estimate else None, now, (0.0, 0.0, 0.0))
        while self.pending and now.residual <= self.pending[0]:
            level = self.pending.pop(0)
            self.events[level], self.event_errors[level] = 0.0, 0.0
        if now.loss <= settings.loss_stop:
            return self._finish("loss_stop", "the initial loss is already at the requested level")
        if self.speed == 0 and math.isinf(settings.t_max):
            return self._finish("stationary", "the gradient is zero at the start: a critical point, nothing moves")
        self.scale = now.loss / self.speed / self.speed if self.speed > 0 else 0.0
        self.grid = self._grid(now)
        self.target = next(self.grid)
        status = ""
        try:
            while not status:
                status = self._advance(settings.t_max if self.main.dense else self.target)
        except KeyboardInterrupt:
            status = "interrupted"
        if status != "loss_stop":
            self._store(self.main.t)
        return self._finish(status, self._message(status, now.loss))

    def _atol(self, initial: Observation) -> float:
        """atol relative to how far the parameters go in one time constant, 2 loss/‖θ̇‖, where that is less than 1.

        But no smaller than what the rounding error of the residual makes of it: noise cannot be integrated accurately.
        """
        atol = self.settings.atol
        if not (self.speed > 0 and initial.residual > 0):
            return atol
        noise = initial.rounding / initial.residual / math.sqrt(self.system.size)
        return min(atol, max(2.0 * initial.loss / self.speed, _TINY) * max(atol, noise))

    def _grid(self, initial: Observation) -> Iterator[float]:
        """Times to store: those given, or a log grid that starts at 1e-3 of the initial time scale loss/‖θ̇‖²; t_max."""
        settings = self.settings
        if settings.times is not None:
            yield from (float(t) for t in settings.times if 0 < t < settings.t_max)
        else:
            scale = initial.loss / self.speed / self.speed if self.speed > 0 else math.inf
            if math.isinf(scale):
                scale = settings.t_max if math.isfinite(settings.t_max) else 1.0
            index = math.floor(settings.points_per_decade * (math.log10(scale) - 3))
            while (t := 10.0 ** (index / settings.points_per_decade)) < settings.t_max:
                yield t
                index += 1
        yield settings.t_max

    def _advance(self, target: float) -> str:
        """One step of the run, not beyond `target`: locate what it crosses, test the end conditions."""
        settings, main = self.settings, self.main
        if settings.max_steps is not None and main.steps >= settings.max_steps:
            return "max_steps"
        if time.monotonic() >= self.deadline:
            return "max_seconds"
        with deferred():  # Ctrl-C between two steps: no state is half updated
            main.step(target)
        if main.failure is not None:
            return "failed"
        seen = main.observe()
        ends = seen.loss <= settings.loss_stop
        stop = self._root(lambda seen: seen.loss, settings.loss_stop) if ends else math.inf
        while self.pending:
            level = self.pending[0]
            # a step may span decades: where the residual is not monotone it may have been lower inside
            crossed = main.t if seen.residual <= level else main.first_below(level)
            if crossed is None:
                break
            at = self._root(lambda seen: seen.residual, level, crossed)
            if at > stop:
                break
            self.pending.pop(0)
            self._store_until(at)  # in ascending order, as the companion has to be asked
            self.events[level] = at
            self.event_errors[level] = self._event_error(level, at)
            if settings.times is None:  # whoever names a level wants to see the state there
                self._store(at)
        if settings.progress is not None:
            settings.progress(min(main.t, stop), seen.loss, settings.loss_stop)
        if ends:
            self._store_until(stop)
            self._store(stop)
            return "loss_stop"
        self._store_until(main.t)
        if math.isinf(settings.t_max) and main.steps >= _OFTEN and np.array_equal(main.before[1][:-2], main.state[:-2]):
            # at rest to the last digit: steps would grow without bound, and the companion, whose steps stability
            # bounds, could not follow
            self.speeds.append((main.t, 0.0))
            return "stationary"
        if self.companion is not None:  # step by step, so that it is never far behind when the run ends
            self.companion.follow(main.t, settings.t_max, self.deadline)
        if main.t >= settings.t_max:
            return "t_max"
        look = main.dense or main.steps % _OFTEN == 0
        return "stationary" if look and self._stationary(seen) else ""

    def _stationary(self, seen: Observation) -> bool:
        """Nothing more is going to happen in the time left: see _NEGLIGIBLE.  A saddle that is being left speeds up.

        Without a last time also where the residual is its own rounding error: no goal below it is ever reached.
        """
        t, loss = self.main.t, seen.loss
        speed = self.main.speed()
        self.speeds.append((t, speed))
        # the speed at half the time; times ascend
        half = bisect_right(self.speeds, 0.5 * t, key=lambda pair: pair[0])
        if (
            math.isinf(self.settings.t_max)
            and seen.residual <= 4 * seen.rounding
            and self.main.steps >= _SETTLED_IMPLICIT
        ):
            return True
        if t < _EARLY * self.scale:
            return False
        settled = _SETTLED_IMPLICIT if self.method.implicit else _SETTLED
        if self.main.steps < settled or half == 0 or speed > self.speeds[half - 1][1]:
            return False
        gone = speed * speed * min(_HORIZON * t, self.settings.t_max - t)
        return gone <= _NEGLIGIBLE * (loss - self.settings.loss_stop)

    def _root(self, function: Callable[[Observation], float], level: float, right: float | None = None) -> float:
        """The time in the last step at which `function` of the observation comes down to `level`.

        The logarithm is nearly linear in time, which saves evaluations.
        """
        main = self.main

        def excess(t: float) -> float:
            return math.log(max(function(main.observe_within(t)), 1e-300) / max(level, 1e-300))

        left, right = main.before[0], main.t if right is None else right
        if excess(right) >= 0:
            return right
        if excess(left) <= 0:
            return left
        # far finer than the run itself is accurate
        fine = max(4 * _EPS, 1e-4 * self.settings.rtol)
        return float(brentq(excess, left, right, xtol=fine * right, rtol=fine))

    def _event_error(self, level: float, at: float) -> float:
        """|Δt| of a level: how far apart the two runs are there, in time.

        ‖v − y‖ of the companion is read at the event of the run; the difference divided by the local speed of the
        residual (a centred difference over the step) is the shift in time.
        """
        if self.companion is None:
            return math.nan
        other = self.companion.cover(at, self.settings.t_max)
        if other is None:
            return math.nan
        shift = max(abs(self.system.observe(other[:-2]).residual - level), self.record.still_apart(level))
        state = self.main.within(at)[:-2]
        shift += self.system.sensitivity(state) * self.main.uncertainty(at, state)[1]
        seen = self.system.observe(state)
        # −d/dt ‖r‖ by a small displacement along the velocity, large enough to stand out from rounding
        velocity, step = self.system.velocity(state), self.main.t - self.main.before[0]
        slope = 0.0
        for width in (1e-4 * step, 1e-3 * step, 1e-2 * step):
            fall = seen.residual - self.system.observe(state + width * velocity).residual
            slope = max(slope, (fall - seen.rounding) / width)
        return (shift + seen.rounding) / slope + self.settings.rtol * at if slope > 0 else math.inf

    def _store_until(self, t: float) -> None:
        """Record the grid up to t, all of it where a step passes several of its times."""
        while self.target <= t:
            self._store(self.target)
            self.target = next(self.grid, math.inf)

    def _store(self, t: float) -> None:
        """Record the state at a time in the last step; the companion follows as far as there is time for it."""
        if t <= self.record.times[-1]:
            return
        state, other = self.main.within(t), None
        if self.companion is not None:
            try:
                other = self.companion.cover(t, self.settings.t_max)
            except KeyboardInterrupt:  # the point itself is not to be lost
                self.record.add(t, state, None, self.system.observe(state[:-2]), (0.0, 0.0, 0.0))
                raise
        seen = self.main.observe() if t == self.main.t else self.system.observe(state[:-2])
        self.record.add(t, state, other, seen, self.main.uncertainty(t, state[:-2]))

    def _message(self, status: str, initial_loss: float) -> str:
        settings, main = self.settings, self.main
        loss = self.record.scalars[-1][0]
        where = f"t = {self.record.times[-1]:.6g} after {main.steps} steps, loss {loss:.3g} (from {initial_loss:.3g})"
        goal = f"; loss_stop = {settings.loss_stop:.3g}" if settings.loss_stop else ""
        if status == "loss_stop":
            return f"the loss reached loss_stop = {settings.loss_stop:.3g} at {where}"
        if status == "t_max":
            return f"t_max reached: {where}{goal}"
        if status == "stationary":
            return (
                f"stationary at {where}{goal}: at its speed of {self.speeds[-1][1]:.2g} the loss would lose less than "
                f"{_NEGLIGIBLE:.0e} of its value even over {_HORIZON:g} times the time elapsed, and nothing speeds up"
            )
        if status == "interrupted":
            return f"interrupted at {where}; everything up to there is kept"
        if status == "failed":
            return (
                f"the step size underflowed at {where} ({main.failure}); loosen rtol and atol, or rescale the problem"
            )
        limit = (
            f"max_seconds = {settings.max_seconds}" if status == "max_seconds" else f"max_steps = {settings.max_steps}"
        )
        rate = self._decay()
        need = ""
        if settings.loss_stop and loss > settings.loss_stop:
            more = math.log(loss / settings.loss_stop) / rate if rate > 0 else math.inf
            need = f"; at its present rate the loss needs about {more:.2g} more time, {self._steps(more)} more steps"
        return f"{limit} reached at {where}{goal}{need}. {self._advice()}"

    def _advice(self) -> str:
        ways = "raise the limit, stop earlier (loss_stop, t_max, a discrepancy level)"
        if self.method.implicit:
            return f"{ways[0].upper()}{ways[1:]}, or loosen rtol"
        return (
            f"The step size ({self.main.step_size:.2g}) is bounded by the stability of an explicit method when the "
            f"problem is stiff (operator with a large condition number): {ways}, use a better conditioned operator, or "
            'method = "exponential"'
        )

    def _decay(self) -> float:
        """The present exponential rate of the loss, ‖θ̇‖²/loss."""
        loss = self.record.scalars[-1][0]
        speed = self.main.speed()
        return speed * speed / loss if loss > 0 else math.inf

    def _steps(self, more: float) -> str:
        return "infinitely many" if math.isinf(more) else f"about {more / self.main.step_size:.2g}"

    def _finish(self, status: str, message: str) -> Run:
        record = self.record
        if record.thinned:
            message += f"; stored times thinned {record.thinned} times by 2 to keep the states within max_state_bytes"
        columns = np.array(record.scalars, dtype=float).T
        loss, rho, residual, length, length_a, error_theta, error_length, error_residual = columns
        return Run(
            t=np.array(record.times),
            displacement=np.array(record.states),
            loss=loss,
            rho=rho,
            residual=residual,
            length=length,
            length_a=length_a,
            error_theta=error_theta,
            error_length=error_length,
            error_residual=error_residual,
            events=dict(self.events),
            event_errors=dict(self.event_errors),
            status=status,
            message=message,
            nfev=self.main.nfev + (0 if self.companion is None else self.companion.nfev),
            steps=self.main.steps,
            method=self.method.name,
        )
