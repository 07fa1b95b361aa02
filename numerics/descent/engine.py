"""Gradient descent of a two-layer network: the public entry point and the loop around the steps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from numerics.descent.formulas import NotExpressible, formula
from numerics.descent.objective import Quadratic, is_quadratic, objective, stable_step
from numerics.descent.plain import PlainStepper, Stepper
from numerics.descent.result import Descent
from numerics.door import integer
from numerics.interrupt import deferred
from numerics.reduced import ReducedProblem

__all__ = ["Hook", "Kernel", "choose_kernel", "gradient_descent"]

Array = NDArray[np.float64]
Kernel = Literal["auto", "numpy", "fused"]
Hook = Callable[[int, float, float], Any]

POINTS_PER_DECADE = 8


def choose_kernel(problem: ReducedProblem, kernel: Kernel = "auto") -> tuple[str, str]:
    """("fused" or "numpy", why).

    Raises
    ------
    ValueError: an unknown name, or "fused" for a problem that it cannot run.
    ModuleNotFoundError: "fused" without a numba that loads.
    """
    if kernel not in ("auto", "numpy", "fused"):
        raise ValueError(f"kernel = {kernel!r}; choose 'auto', 'numpy' or 'fused'")
    if kernel == "numpy":
        return "numpy", "asked for"
    obstacle = None
    if not is_quadratic(problem):
        obstacle = f"the fused kernel is for (weighted) least squares, the loss is {problem.loss.name}"
    else:
        try:
            formula(problem.activation)
        except NotExpressible as error:
            obstacle = str(error)
    if obstacle is None:
        obstacle = _numba_obstacle()
        if obstacle is not None and kernel == "fused":
            raise ModuleNotFoundError(f"kernel = 'fused': {obstacle}, or use kernel='numpy'", name="numba")
    if obstacle is None:
        return "fused", "asked for" if kernel == "fused" else "numba is there, and loss and activation have fused code"
    if kernel == "fused":
        raise ValueError(f"kernel = 'fused': {obstacle}; use kernel='numpy'")
    return "numpy", obstacle


def _numba_obstacle() -> str | None:
    """Why numba cannot be used, if it cannot: it refuses versions of NumPy that are too new for it."""
    if find_spec("numba") is None:
        return 'numba is not installed: pip install "dipcert[fast]"'
    try:
        import_module("numba")
    except ImportError as error:
        return f'numba does not load ({error}): pip install --upgrade "dipcert[fast]"'
    return None


def gradient_descent(
    problem: ReducedProblem,
    gamma: float,
    *,
    max_steps: int,
    loss_stop: float = 0.0,
    levels: Sequence[float] = (),
    store: Iterable[int] | None = None,
    states: bool = False,
    hook: Hook | None = None,
    every: int = 1,
    kernel: Kernel = "auto",
) -> Descent:
    """θ_{j+1} = θ_j − γ∇L_y(θ_j) from (a0, V0) until the first of: loss_stop, max_steps, the hook says so, Ctrl-C.

    The iterates are those of descent on the full W (k × d) and V (n × k), put in the reduced variables; only rounding
    differs, whichever kernel takes the steps.

    Parameters
    ----------
    problem: the reduced problem (`dip2.reduction`): any loss, activation and training mode.
    gamma: the step size γ > 0; see :func:`numerics.descent.stable_step`.
    max_steps: how many steps at most.
    loss_stop: the run ends at the first step whose loss is at most this.
    levels: residual norms ‖v − y‖ of which the first step at or below is recorded (`Descent.crossings`).
    store: steps to store besides 0 and the last; by default a log grid of 8 a decade.
    states: whether to keep (a, V) at the stored steps, not only at the last.
    hook: hook(step, loss, residual) is called at step 0 and every `every` steps; the run ends when it returns True.  The
        fused kernel runs in pieces of `every` steps then: some ten microseconds each.
    kernel: "fused" (numba, quadratic losses), "numpy", or "auto" for the first that can; the result says which and why.

    Returns
    -------
    Descent.  Ctrl-C ends a run with status "interrupted" and everything up to there; a loss that is not finite ends it with
    status "diverged", the step size that would have been stable at the start in the message.

    Raises
    ------
    ValueError: arguments out of range, a loss that is not finite at the start, kernel="fused" where it is not possible.
    ModuleNotFoundError: kernel="fused" without numba.

    Memory: the parameters, twice; with `states` as many times more as steps are stored.

    >>> from numerics.activations import activation
    >>> from numerics.losses import loss
    >>> one = np.ones((1, 1))
    >>> problem = ReducedProblem(one, np.ones(1), loss("least_squares"), activation("identity"), "W", np.zeros(1), one)
    >>> run = gradient_descent(problem, 0.5, max_steps=100, loss_stop=1e-6, levels=[0.1], kernel="numpy")  # r_j = 2^{-j}
    >>> run.status, int(run.steps[-1]), run.crossings[0.1], float(run.loss[-1]) == 0.5 * 4.0**-10
    ('loss_stop', 10, 4, True)
    """
    return _Run(problem, gamma, max_steps, loss_stop, levels, store, states, hook, every, kernel).run()


class _Run:
    def __init__(
        self,
        problem: ReducedProblem,
        gamma: float,
        max_steps: int,
        loss_stop: float,
        levels: Sequence[float],
        store: Iterable[int] | None,
        states: bool,
        hook: Hook | None,
        every: int,
        kernel: Kernel,
    ) -> None:
        if not 0 < gamma < math.inf:
            raise ValueError(f"gamma = {gamma}; the step size is positive and finite")
        if not loss_stop >= 0:
            raise ValueError(f"loss_stop = {loss_stop}; it must be nonnegative")
        if any(not level > 0 for level in levels):
            raise ValueError(f"levels = {tuple(levels)}; residual levels are positive")
        self.problem, self.gamma, self.loss_stop = problem, float(gamma), float(loss_stop)
        self.max_steps, self.every = integer("max_steps", max_steps, 0), integer("every", every, 1)
        self.levels = sorted({float(level) for level in levels}, reverse=True)
        self.states, self.hook = states, hook
        self.kernel, self.reason = choose_kernel(problem, kernel)
        self.store = self._store(store)
        self.rows: list[tuple[tuple[int, float, float, float, float], tuple[Array, Array] | None]] = []

    def _store(self, store: Iterable[int] | None) -> list[int]:
        """The steps to store after 0, ascending; max_steps at the end."""
        if store is None:
            decades = math.log10(max(self.max_steps, 1))
            grid = 10.0 ** (np.arange(math.ceil(POINTS_PER_DECADE * decades) + 1) / POINTS_PER_DECADE)
            chosen = {int(step) for step in np.rint(grid)}
        else:
            chosen = {integer("a step to store", step, 0) for step in store}
        return [*sorted(step for step in chosen if 0 < step < self.max_steps), self.max_steps]

    def run(self) -> Descent:
        began = time.perf_counter()
        self.target = objective(self.problem)
        self.stepper = self._stepper()
        first = self.stepper.loss
        if not math.isfinite(first):
            raise ValueError("the loss is not finite at the start: check the scale of the data and of the network")
        status = "loss_stop" if first <= self.loss_stop else ""
        try:
            self._keep()
            if not status and self._stopped_by_hook():
                status = "hook"
            for goal in self.store:
                if status:
                    break
                status = self._advance(goal)
                self._keep()
            status = status or "max_steps"
        except KeyboardInterrupt:
            status = "interrupted"
        self._keep()
        return self._result(status, self._message(status, first), time.perf_counter() - began)

    def _stepper(self) -> Stepper:
        if self.kernel == "fused" and isinstance(self.target, Quadratic):
            from numerics.descent.fused import FusedStepper

            stepper = FusedStepper(self.target, self.gamma, self.loss_stop, self.levels)
            if not stepper.unfit:
                return stepper
            self._leave_fused()
        return PlainStepper(self.target, self.gamma, self.loss_stop, self.levels)

    def _leave_fused(self) -> None:
        self.kernel = "numpy"
        self.reason = "pre-activations went beyond 1e5, where the sine of the fused kernel is not accurate"

    def _advance(self, goal: int) -> str:
        """On to step `goal`, in pieces for the hook; the status if the run ends before or there."""
        while self.stepper.step < goal:
            step = self.stepper.step
            piece = goal - step if self.hook is None else min(goal - step, self.every - step % self.every)
            with deferred() as request:
                ended = self.stepper.advance(piece, request)
                if self.stepper.unfit:
                    self._leave_fused()
                    self.stepper = PlainStepper(self.target, self.gamma, self.loss_stop, self.levels, self.stepper)
                    ended = not self.loss_stop < self.stepper.loss < math.inf
            if ended:
                return "loss_stop" if self.stepper.loss <= self.loss_stop else "diverged"
            if self.stepper.step % self.every == 0 and self._stopped_by_hook():
                return "hook"
        return ""

    def _stopped_by_hook(self) -> bool:
        stepper = self.stepper
        return self.hook is not None and bool(self.hook(stepper.step, stepper.loss, stepper.residual))

    def _keep(self) -> None:
        """Store the present step, once."""
        stepper = self.stepper
        if not self.rows or self.rows[-1][0][0] != stepper.step:
            row = (stepper.step, stepper.loss, stepper.residual, stepper.length, stepper.length_a)
            self.rows.append((row, self._state() if self.states else None))  # one operation: Ctrl-C cannot split it

    def _state(self) -> tuple[Array, Array]:
        a, V = self.stepper.state()
        with np.errstate(over="ignore", invalid="ignore"):
            return a, self.target.recover(V)

    def _message(self, status: str, first: float) -> str:
        stepper = self.stepper
        where = f"after {stepper.step} steps"
        if status == "diverged" or not stepper.loss <= first:
            stable = stable_step(self.problem)
            known = "" if math.isnan(stable) else f"; steps below 2/λmax(JJᵀ) ≈ {stable:.3g} are stable near the start"
            grown = "is not finite" if status == "diverged" else f"has grown from {first:.3g} to {stepper.loss:.3g}"
            return f"{status}: the loss {grown} {where} of size gamma = {self.gamma:.3g}{known}"
        return {
            "loss_stop": f"the loss reached {self.loss_stop:.3g} {where}",
            "max_steps": f"max_steps = {self.max_steps} were taken; the loss is {stepper.loss:.3g}",
            "hook": f"the hook ended the run {where}",
            "interrupted": f"interrupted {where}; everything up to there is kept",
        }[status]

    def _result(self, status: str, message: str, seconds: float) -> Descent:
        both = self.problem.train == "both"
        kept = [state for _, state in self.rows if state is not None] or [self._state()]
        steps, loss, residual, length, length_a = zip(*(row for row, _ in self.rows), strict=True)
        return Descent(
            problem=self.problem,
            gamma=self.gamma,
            steps=np.array(steps, dtype=np.int64),
            loss=np.array(loss),
            residual=np.array(residual),
            length=np.array(length),
            length_a=np.array(length_a),
            a=np.array([a for a, _ in kept]),
            V=np.array([V for _, V in kept]) if both else None,
            crossings=dict(zip(self.levels, self.stepper.crossed, strict=False)),
            status=status,
            message=message,
            kernel=self.kernel,
            kernel_reason=self.reason,
            seconds=seconds,
        )
