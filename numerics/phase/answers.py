"""Whether a replica converges, by one of several ways, each of which signs its answers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numerics.descent import choose_kernel, gradient_descent, kernel_spectrum
from numerics.flow import gradient_flow
from numerics.phase.box import box_optimum
from numerics.phase.experiment import Experiment, draw
from numerics.reduced import ReducedProblem

__all__ = ["Answer", "answer", "settle", "sigma_F", "steps_ahead"]

Array = NDArray[np.float64]

# Tolerance of the flow: its own convergence is to be right to six digits; a prediction is off by a percent or so anyway, and
# with 1e-3 the crossing time is right to 1e-4 (measured).
_FLOW_RTOL, _PREDICT_RTOL = 1e-6, 1e-3
# With "fastest": descent where the steps ahead are less work than a flow, which takes some ten milliseconds at these
# sizes.  Work of a step: (p + 3) k entries, 0.22 nanoseconds each in the fused kernel, and what a step costs at least.
_FLOW_WORK = 4.5e7
_STEP_WORK = {"fused": 600.0, "numpy": 40_000.0}
# Steps of the integrator on the clocks "scaled" and "limit": some ten to a few hundred are usual.  GELU and SiLU, W only and
# infeasible, take thousands on their way to the zero of φ' and may end here.
_MOST_STEPS = 5_000


@dataclass(frozen=True)
class Answer:
    """One replica.

    converged: whether the loss went below the tolerance in time.  answer: "descent", "flow" or "predicted": who says so.
    steps: first step there, taken or predicted; NaN for "flow", and where it did not converge.
    time: flow time of the crossing, γ·steps for "descent"; NaN where it did not converge.
    gamma: the step size.  status: how the run ended; on the clock "limit", W only, "floor": the loss came within the tolerance
    of the smallest one that any h of the box has, which lies above the level.
    loss: at the end of the run.  floor: that smallest loss, where the run was compared with it (else NaN).  Both relative to
    the initial loss.
    """

    converged: bool
    answer: str
    steps: float
    time: float
    gamma: float
    status: str
    loss: float = math.nan
    floor: float = math.nan


def answer(experiment: Experiment, _replica: int, rng: np.random.Generator) -> Answer:
    """Draw one instance and find out."""
    return settle(experiment, draw(experiment, rng))


def settle(experiment: Experiment, problem: ReducedProblem) -> Answer:
    """Find out for this instance."""
    spectrum = kernel_spectrum(problem)
    top = float(spectrum[-1])
    if top == 0:  # every neuron of a ReLU network is off, say: nothing moves, and no step size is the stable one
        step = math.nan if experiment.gamma == "stable" else float(experiment.gamma)
        who = "descent" if experiment.clock == "steps" and experiment.method != "flow" else "flow"
        return Answer(False, who, math.nan, math.nan, step, "at rest", 1.0)
    gamma = float(1.0 / top if experiment.gamma == "stable" else experiment.gamma)
    x = problem.V0 @ problem.activation.phi(problem.a0) / math.sqrt(problem.k)
    initial = float(problem.loss.value(problem.forward(x), problem.y))
    stop = experiment.tolerance * initial
    if experiment.clock != "steps":
        return _along_the_flow(experiment, problem, gamma, initial)
    method: str = experiment.method
    if method == "fastest":
        floor = _STEP_WORK[choose_kernel(problem, experiment.kernel)[0]]
        ahead = min(steps_ahead(experiment, spectrum, gamma), experiment.cap)
        work = ahead * max((problem.p + 3) * problem.k, floor)
        method = "descent" if work <= _FLOW_WORK else "predict"
    if method == "predict" and not gamma * top < 2.0:
        method = "descent"
    if method == "descent":
        run = gradient_descent(
            problem, gamma, max_steps=experiment.cap, loss_stop=stop, store=(), kernel=experiment.kernel
        )
        steps = float(run.steps[-1]) if run.converged else math.nan
        end = float(run.loss[-1]) / initial
        return Answer(run.converged, "descent", steps, gamma * steps, gamma, run.status, end)
    rtol = _FLOW_RTOL if method == "flow" else _PREDICT_RTOL
    status, time, loss = _crossing(problem, gamma * experiment.cap, stop, rtol)
    time = time if status == "loss_stop" else math.nan
    if method == "flow":
        return Answer(status == "loss_stop", "flow", math.nan, time, gamma, status, loss / initial)
    steps = math.ceil(time / gamma) if status == "loss_stop" else math.nan
    return Answer(status == "loss_stop", "predicted", steps, time, gamma, status, loss / initial)


def sigma_F(problem: ReducedProblem) -> float:
    """The smallest of the min(m, n) singular values of the operator."""
    s = problem.C if problem.C.ndim == 1 else np.linalg.svd(problem.C, compute_uv=False)
    return float(np.min(s))


def steps_ahead(experiment: Experiment, spectrum: Array, gamma: float) -> float:
    """Steps until the slowest mode of the linearization has decayed as far as the loss is to."""
    slowest = gamma * float(spectrum[0])
    if not slowest > 0:
        return math.inf
    return 0.5 * math.log(1 / experiment.tolerance) / min(slowest, 1.0)


def _along_the_flow(experiment: Experiment, problem: ReducedProblem, gamma: float, initial: float) -> Answer:
    """The clocks "scaled" and "limit".

    With W only and y outside the image of the box the loss tends to the optimum over the box (`wonly.threshold`): there the
    limit is reached, up to the tolerance, without zero loss.
    """
    limit = experiment.clock == "limit"
    scale = sigma_F(problem) ** 2
    t_max = (experiment.limit_cap if limit else experiment.horizon) / scale if scale > 0 else math.inf
    level, floor = experiment.tolerance * initial, math.nan
    if limit and experiment.train == "W":
        floor = box_optimum(problem)
    blocked = floor > level
    stop = floor + level if blocked else level
    status, time, loss = _crossing(problem, t_max, stop, _FLOW_RTOL, _MOST_STEPS)
    converged = status == "loss_stop" and not blocked
    status = "floor" if status == "loss_stop" and blocked else status
    time = time if converged else math.nan
    return Answer(converged, "flow", math.nan, time, gamma, status, loss / initial, floor / initial)


def _crossing(
    problem: ReducedProblem, t_max: float, stop: float, rtol: float, max_steps: int | None = None
) -> tuple[str, float, float]:
    """How the flow to the loss `stop` ends, when, and at which loss."""
    run = gradient_flow(
        problem,
        t_max=t_max,
        loss_stop=stop,
        times=(),
        rtol=rtol,
        method="exponential",
        error_estimate=False,
        lengths=False,
        max_steps=max_steps,
    )
    return run.status, float(run.t[-1]), float(run.loss[-1])
