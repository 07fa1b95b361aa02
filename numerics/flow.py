"""Gradient flow of a two-layer network: the public entry point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from numerics.integrator import Progress, Settings, integrate
from numerics.networks.two_layer import TwoLayer
from numerics.reduced import ReducedProblem
from numerics.trajectory import Trajectory, from_run, signal

__all__ = ["ReducedProblem", "Trajectory", "gradient_flow", "signal", "state_at"]


def gradient_flow(
    problem: ReducedProblem,
    *,
    t_max: float,
    loss_stop: float = 0.0,
    levels: Sequence[float] = (),
    times: Sequence[float] | None = None,
    points_per_decade: int = 8,
    rtol: float = 1e-9,
    atol: float = 1e-12,
    max_seconds: float | None = None,
    max_steps: int | None = None,
    progress: Progress | None = None,
    error_estimate: bool = True,
    max_state_bytes: float = 5e8,
    method: str = "auto",
    lengths: bool = True,
) -> Trajectory:
    """Integrate θ̇ = −∇L_y from (a0, V0) until the first of: loss_stop, t_max, max_seconds, max_steps, Ctrl-C.

    A run that has become stationary with positive loss ends as well: where its speed would take away less than 1e-12 of
    the loss even over ten times the time elapsed (or over the time left, if that is less), and does not grow.

    Parameters
    ----------
    problem: the reduced problem (`dip2.reduction`).
    t_max: end of the time interval; may be infinite if something else ends the run.
    loss_stop: the run ends at the time, located by root finding, at which the loss reaches this value.
    levels: residual norms ‖v − y‖ whose first crossing is located, by integrating anew inside the step
        (`Trajectory.events`).  A crossing is noticed at the ends of steps: where the residual norm is not monotone
        (weighted losses) it may dip in between unseen.
    times: times to store besides 0 and the end; by default a log grid of `points_per_decade` points from 1e-3 of the
        initial time scale L/‖θ̇‖² on.
    rtol, atol: tolerances on the displacement θ − θ(0).  Exponential: the error of θ in the Euclidean norm is to stay below
        rtol times the path length so far, plus atol.  The SciPy methods: local, and a component, lengths included.  atol is
        relative to the distance 2L/‖θ̇‖ that the parameters go in the first time constant, where that is below 1.
    max_seconds, max_steps: limits on wall time (companion included) and on accepted steps; nothing computed is lost.
    progress: called after every step with (t, loss, loss_stop).
    error_estimate: integrate a companion run with 100 times looser tolerances (somewhat more than half again the cost).
    method: a name of :data:`numerics.methods.METHODS`, or "auto": exponential collocation (stiffness costs little), unless
        rtol is below 1e-12 or, at large ranks, explicit steps are estimated to be cheaper: then DOP853.
    lengths: whether the path lengths are followed (NaN otherwise; some per cent of the cost of the exponential method).
    max_state_bytes: when the stored states outgrow this, every other stored time is dropped (at least 16 remain).

    Raises
    ------
    ValueError: settings out of range, or a loss that is not finite at the start.

    Memory, in vectors of the size of the state, pk + k (both layers) or k (W only): about 7 for exponential collocation (W
    only: 6, and the Jacobian unless the start is antisymmetric), 16 for DOP853 (as many again while an event is located),
    and as many for the companion.

    >>> import numpy as np
    >>> from numerics.activations import activation
    >>> from numerics.losses import loss
    >>> one = np.ones((1, 1))
    >>> problem = ReducedProblem(one, np.ones(1), loss("least_squares"), activation("identity"), "W", np.zeros(1), one)
    >>> run = gradient_flow(problem, t_max=1.0)  # a(t) = 1 − exp(−t)
    >>> run.status, bool(abs(run.residual[-1] - np.exp(-1)) < 1e-9)
    ('t_max', True)
    """
    settings = Settings(
        t_max=t_max,
        loss_stop=loss_stop,
        levels=levels,
        times=times,
        points_per_decade=points_per_decade,
        rtol=rtol,
        atol=atol,
        max_seconds=max_seconds,
        max_steps=max_steps,
        progress=progress,
        error_estimate=error_estimate,
        max_state_bytes=max_state_bytes,
        method=method,
        lengths=lengths,
    )
    return from_run(problem, integrate(problem.system(), settings))


def state_at(trajectory: Trajectory, t: float, rtol: float = 1e-10, atol: float = 1e-13) -> TwoLayer:
    """The reduced network at any time of the run: dense output, integrated anew from the last stored time before t.

    A trajectory keeps states, no interpolants (:func:`numerics.solve.solve_flow` can): the few steps from the nearest stored
    state are taken again, to the tolerances given here.

    Parameters
    ----------
    trajectory: a run of :func:`gradient_flow`.
    t: a time between 0 and the end of the run.
    rtol, atol: tolerances of the steps in between; the error of the stored state itself is `trajectory.error_theta`.

    Raises
    ------
    ValueError: t outside the run.

    >>> import numpy as np
    >>> from numerics.activations import activation
    >>> from numerics.losses import loss
    >>> one = np.ones((1, 1))
    >>> problem = ReducedProblem(one, np.ones(1), loss("least_squares"), activation("identity"), "W", np.zeros(1), one)
    >>> run = gradient_flow(problem, t_max=1.0)  # a(t) = 1 − exp(−t)
    >>> bool(abs(state_at(run, 0.123).a[0] - (1 - np.exp(-0.123))) < 1e-9)
    True
    """
    end = float(trajectory.t[-1])
    if not 0 <= t <= end:
        raise ValueError(f"t = {t}; the run covers 0 ≤ t ≤ {end:.6g}")
    i = int(np.searchsorted(trajectory.t, t, side="right")) - 1
    start, rest = trajectory.state(i), t - float(trajectory.t[i])
    if rest == 0:
        return start
    problem = replace(trajectory.problem, a0=start.a, V0=start.V)
    piece = gradient_flow(problem, t_max=rest, times=(), rtol=rtol, atol=atol, error_estimate=False)
    if piece.status != "t_max":
        raise ValueError(f"the flow could not be continued to t = {t}: {piece.message}")
    return piece.state(len(piece) - 1)
