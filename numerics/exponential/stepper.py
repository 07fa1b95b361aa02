"""Exponential collocation as a stepper: step size and order by the error estimate, path length, dense output."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from numerics.exponential.collocation import Attempt
from numerics.exponential.length import SpeedPieces, at_nodes, on_panels
from numerics.exponential.piece import Piece
from numerics.exponential.tables import ORDERS, Table, table
from numerics.gradient_system import GradientSystem, Observation, Settings, norm

Array = NDArray[np.float64]
_EPS = float(np.finfo(np.float64).eps)

_GROW, _SHRINK, _SAFETY = 8.0, 0.1, 0.9
_CONTRACTION = (
    0.3  # the contraction of the sweeps that steps aim at, the worst of late: fewest evaluations in stiff runs
)
_TRIES = 60
_NOISE = 1e-12  # relative, of a speed
# A costly decomposition serves on while the sweeps contract better than this and no rate times a step may exceed _REACH.
_KEPT, _REACH = 0.06, 3e3
# Local errors add up, and grow where the loss is not convex: a step is allowed this share of the tolerance on the path.
_SHARE = 0.1


class Kernel(Protocol):
    """What is advanced: :class:`numerics.exponential.layers.LayersKernel` or `vector.VectorKernel`."""

    rates: Array
    speed: float
    speed_leading: float
    displacement: Array
    piece: Piece | None
    """The interpolant of the last step."""
    keep: bool
    """Whether pieces are to outlive their step: then no buffer is used again."""

    def attempt(self, h: float, table: Table, path: float, rtol: float, atol: float) -> Attempt:
        """A trial step."""

    @property
    def stale(self) -> bool:
        """Whether the linear part is older than the present point."""

    def decomposition_is_costly(self) -> bool:
        """Whether it is to be used for more than one step."""

    def freeze(self, refresh: bool = True) -> None:
        """Take the linear part anew."""

    def accept(self, h: float, table: Table, refresh: bool = True) -> None:
        """Make it the last step; keep the linear part without `refresh`."""

    def node_speeds(self) -> tuple[Array, Array]:
        """‖θ̇‖ and ‖ȧ‖ at its nodes."""

    def observe(self) -> Observation:
        """What is seen at its end."""

    def observe_within(self, tau: float) -> Observation:
        """What is seen inside it."""

    def node_residuals(self) -> Array:
        """‖v − y‖ at its nodes, without the one at its start."""


def nodes_for(rtol: float) -> int:
    """The number of nodes to begin with.

    At loose tolerances two nodes more than the order asks for: a step costs the same plus a few rows, and there are fewer.

    >>> [nodes_for(r) for r in (3e-2, 3e-3, 1e-6, 1e-10)]
    [6, 8, 10, 12]
    """
    if rtol > 1e-2:
        return ORDERS[1]
    return next((q for q in ORDERS[2:] if rtol >= 10.0 ** (3 - q)), ORDERS[-1])


class ExponentialStepper:
    """See :class:`numerics.methods.base.Stepper`.

    rtol is relative to the length of the path so far: a tenth of it bounds the estimate of the local error in ‖·‖ of the
    parameters, at every node of every step.  The estimates are added up.
    """

    dense = True

    def __init__(
        self, system: GradientSystem, settings: Settings, looser: float = 1.0, first_step: float | None = None
    ) -> None:
        self.system = system
        self._rtol = _SHARE * min(settings.rtol * looser, 0.1)
        self._atol = _SHARE * settings.atol * looser
        self._lengths = settings.lengths
        self.kernel = cast(Kernel, system.kernel())  # type: ignore[attr-defined]
        self.nfev = 1
        self.steps = 0
        self.failure: str | None = None
        self.error = 0.0  # sum of the local estimates
        self.last = 0.0  # the last of them
        self.doubt = 0.0  # what quadrature left open of the lengths
        self._path = 0.0  # sum of ‖δ‖ of the steps
        self._t = 0.0
        self._length = self._leading = 0.0
        q = nodes_for(self._rtol / _SHARE)
        # a companion with other tolerances is to err otherwise, too
        self._table = table(q if looser == 1.0 or q == ORDERS[0] else ORDERS[ORDERS.index(q) - 1])
        stiffest = float(self.kernel.rates[-1]) if self.kernel.rates.size else 0.0
        self._h = first_step if first_step is not None else (1.0 / stiffest if stiffest > 0 else settings.t_max)
        self._state = np.zeros(system.size + 2)
        self.before = (0.0, self._state)
        self._nodes = self._table.tau
        self._slow = 0
        self._pieces: SpeedPieces | None = None
        self._watch: Callable[[float, Piece], None] | None = None

    @property
    def t(self) -> float:
        """End of the last accepted step."""
        return self._t

    @property
    def state(self) -> Array:
        """The state there (size + 2,)."""
        return self._state

    @property
    def step_size(self) -> float:
        """The next step."""
        return self._h

    def keep(self, watch: Callable[[float, Piece], None]) -> None:
        """Hand every step's end and interpolant to `watch`; none of their arrays is used again."""
        self.kernel.keep, self._watch = True, watch

    def observe(self) -> Observation:
        """What is seen at the end of the last step: the kernel has just been there."""
        return self.kernel.observe()

    def observe_within(self, t: float) -> Observation:
        """What is seen inside the last step."""
        start = self.before[0]
        return self.kernel.observe_within((t - start) / (self._t - start)) if t < self._t else self.kernel.observe()

    def speed(self) -> float:
        """‖θ̇‖ there."""
        return self.kernel.speed

    def step(self, target: float) -> None:
        """One accepted step, not beyond `target`."""
        for _ in range(_TRIES):
            h = min(self._h, target - self._t)
            if not self._t + h > self._t or not math.isfinite(h):
                break
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                found = self._attempt(h)
            tolerance = self._rtol * (self._path + found.length) + self._atol
            if found.converged and found.error <= tolerance:
                self._take(h, target, found, tolerance)
                return
            if not found.converged and self.kernel.stale:
                self.kernel.freeze()
                continue
            if found.converged:
                self._h = h * max(_SHRINK, _SAFETY * (tolerance / found.error) ** (1.0 / self._table.q))
            else:
                self._h = 0.4 * h
        self.failure = f"no step succeeds from t = {self._t:.6g} on, down to {self._h:.2g}"

    def _attempt(self, h: float) -> Attempt:
        try:
            found = self.kernel.attempt(h, self._table, self._path, self._rtol, self._atol)
        except (ValueError, np.linalg.LinAlgError):  # far out: not a number
            found = Attempt(False, math.inf, math.inf, 0.0, 1, 1.0)
        self.nfev += found.sweeps * (self._table.q - 1)
        return found

    def _take(self, h: float, target: float, found: Attempt, tolerance: float) -> None:
        kernel = self.kernel
        speeds = (kernel.speed, kernel.speed_leading)
        nodes = kernel.node_speeds() if self._lengths else None
        start = self._t
        self._nodes = self._table.tau
        kernel.accept(h, self._table, not self._keeps(h, found))
        self._t = target if h == target - start else start + h
        self.steps += 1
        self.last = found.error
        self.error += found.error
        self._path += found.length
        self.before = (start, self._state)
        if nodes is not None:
            self._measure(h, speeds, nodes)
        self._state = np.concatenate((kernel.displacement, (self._length, self._leading)))
        if self._watch is not None:
            self._watch(self._t, self._piece())
        self._plan(h, found, tolerance)

    def _keeps(self, h: float, found: Attempt) -> bool:
        """Whether the linear part is good for one more step: the sweeps converge well, and no rate is large over a step."""
        if not self.kernel.decomposition_is_costly():
            return False
        reach = _GROW * h * float(self.kernel.rates[-1])
        return found.contraction < _KEPT and reach < _REACH

    def _plan(self, h: float, found: Attempt, tolerance: float) -> None:
        """Next step and order: as long as error and contraction allow."""
        q = self._table.q
        by_error = _SAFETY * (tolerance / max(found.quadrature, 1e-300)) ** (1.0 / q)
        by_sweeps = _CONTRACTION / max(found.contraction, 1e-3)
        factor = max(0.2, min(_GROW, by_error, by_sweeps))
        wanted = h * factor
        if self._h <= h:  # the step was not cut short
            self._h = wanted
        else:
            self._h = max(self._h, wanted)
        # where the error bounds the steps although the sweeps converge at once, more nodes pay; where the sweeps do,
        # fewer
        index = ORDERS.index(q)
        limited = by_error < 1.5 and by_error < 0.5 * by_sweeps
        self._slow = self._slow + 1 if limited else min(self._slow, 0) - (by_sweeps < 0.25 * by_error)
        if self._slow >= 3 and index + 1 < len(ORDERS):
            self._table, self._slow = table(ORDERS[index + 1]), 0
        elif self._slow <= -4 and index > 0:
            self._table, self._slow = table(ORDERS[index - 1]), 0

    # -------------------------------------------------------------------------------------------------- path length
    def _measure(self, h: float, start: tuple[float, float], nodes: tuple[Array, Array]) -> None:
        """The lengths over the last step, from the speeds at its nodes where they determine it well enough."""
        rule = self._table
        values = np.column_stack([np.concatenate(([s], v)) for s, v in zip(start, nodes, strict=True)])
        doubt = h * float(np.max(np.abs(rule.ends_spread @ values)))
        # no finer than the speed itself is known: near rest it is rounding noise
        wanted = _NOISE * h * float(np.max(values)) + self._rtol * (self._path + self._length) + self._atol
        if doubt <= wanted:
            self._pieces = at_nodes(h, np.concatenate(([0.0], rule.tau)), values)
        else:
            self._pieces = on_panels(h, self._piece().fastest, self._speeds, wanted)
            self.doubt += self._pieces.doubt
        added = self._pieces.upto(1.0)
        self._length += float(added[0])
        self._leading += float(added[1])

    def _speeds(self, tau: float) -> tuple[float, float]:
        """‖θ̇‖ and ‖ȧ‖ inside the last step."""
        velocity = self.system.velocity(self._piece()(tau))
        self.nfev += 1
        head = norm(velocity[: self.system.leading])
        return math.hypot(head, norm(velocity[self.system.leading :])), head

    # ------------------------------------------------------------------------------------------------ dense output
    def _piece(self) -> Piece:
        assert self.kernel.piece is not None
        return self.kernel.piece

    def within(self, t: float) -> Array:
        """The state at a time inside the last step: the collocation's own interpolant, as accurate as its nodes."""
        start, state = self.before
        if t in (start, self._t):
            return state if t == start else self._state
        tau = (t - start) / (self._t - start)
        displacement = self._piece()(tau)
        lengths = state[-2:] + self._pieces.upto(tau) if self._pieces is not None else np.full(2, math.nan)
        return np.concatenate((displacement, lengths))

    def follow(self, t: float, end: float, deadline: float = math.inf) -> None:
        """Step until t is covered."""
        while self._t < t and self.failure is None and time.monotonic() <= deadline:
            self.step(end)

    def cover(self, t: float, end: float) -> Array | None:
        """The state at t after :meth:`follow`; None if the run failed.  Times are asked for in ascending order."""
        self.follow(t, end)
        return self.within(t) if self.before[0] <= t <= self._t else None

    def uncertainty(self, t: float, displacement: Array) -> tuple[float, float, float]:
        """The sum of the local estimates, and the last, with the rounding of the displacement."""
        if t <= 0:
            return 0.0, 0.0, 0.0
        rounding = 4 * _EPS * (norm(displacement) + self._path)
        return self.error + rounding, self.last + rounding, self.doubt

    def first_below(self, level: float) -> float | None:
        """The first node of the last step at which the residual norm is at or below `level`."""
        below = np.flatnonzero(self.kernel.node_residuals() <= level)
        start = self.before[0]
        return start + float(self._nodes[below[0]]) * (self._t - start) if below.size else None
