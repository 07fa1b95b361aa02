"""Where along the flow a certificate can be proved: the first stored time at which a condition holds.

The flow is followed in the reduced coordinates (a, V̂ = U'V) of :mod:`verify.instance`, in pieces that end where the residual
is expected to be small enough; it goes on beyond the file's limits until a certificate is proved or the budget of time is
used up. Estimates choose the candidates; what is certified are the doubles of the lifted state, V_1 = V_0 + U(V̂_1 - V̂_0).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numerics.flow import Trajectory, gradient_flow
from numerics.losses import loss
from numerics.networks.two_layer import TwoLayer
from numerics.reduced import ReducedProblem
from verify.tables import ProblemError

from .evidence import Evidence
from .subject import Subject

Array = NDArray[np.float64]

#: Pieces of the flow that are followed at most.
_PIECES = 60
# The residual is followed a little below what the condition needs, because sigma_min moves on the way.
_MARGIN = 0.97
# Multiply-adds of Gram matrices up to which every stored time is looked at; beyond that, bisection.
_CHEAP = 2e11


_ENDS = {
    "max_seconds": "the budget of time was used up (a larger --max-time gives it more)",
    "stationary": "the flow came to rest with a positive loss",
}


@dataclass(frozen=True)
class State:
    """Parameters at one time of the run: a (k,), V̂ (p × k) or the V that stays, and the run's own rate of ρ there."""

    t: float
    network: TwoLayer
    rho: float


@dataclass(frozen=True)
class Capacity:
    """Estimates at one state: `sharp` and `amgm`, the residual ρ below which either condition holds (0 if never)."""

    sharp: float
    amgm: float

    @property
    def best(self) -> float:
        """The larger of them."""
        return max(self.sharp, self.amgm)


def estimate(problem: ReducedProblem, network: TwoLayer, sigma_F: float) -> Capacity:
    """The capacities in floating point: nothing is proved with them."""
    activation = network.activation
    root = math.sqrt(network.k)
    both = network.train == "both"
    f = float(np.linalg.norm(activation.phi(network.a))) / root
    sharp = 0.0
    if activation.theory.smooth:
        S = network.V * (activation.dphi(network.a) / root)
        floor = max(0.0, float(np.linalg.eigvalsh(S @ S.T)[0])) if S.shape[0] <= S.shape[1] else 0.0
        square = floor + (f * f if both else 0.0)
        c = float(np.sqrt(np.einsum("ij,ij->j", network.V, network.V).max()))
        b1, b2 = activation.B1.as_upper(), activation.B2.as_upper()
        slope = (b2 * c + math.hypot(b2 * c, 2 * b1)) / (2 * root) if both else b2 * c / root
        sharp = 0.5 * sigma_F * square / slope if slope > 0 else (math.inf if square > 0 else 0.0)
    amgm = sigma_F * root * f * f / activation.B1.as_upper() if both else 0.0
    return Capacity(sharp, amgm)


class Run:
    """The flow of a reduced problem, continued as far as asked; stored states in order."""

    def __init__(
        self, problem: ReducedProblem, sigma_F: float, seconds: float, settings: dict[str, Any], progress: Any
    ):
        self.problem, self.sigma_F, self.settings, self.progress = problem, sigma_F, settings, progress
        self.deadline = time.monotonic() + seconds
        self.message = ""
        self.rate = 0.0
        """The rate at which ρ fell at the end of the last piece, 0 if it is not known."""
        self.end = self._start()

    def _start(self) -> State:
        p = self.problem
        network = TwoLayer(p.activation, p.train, p.a0, p.V0)
        rho = float(p.loss.rho(p.forward(p.V0 @ p.activation.phi(p.a0)) / math.sqrt(p.k), p.y))
        return State(0.0, network, rho)

    @property
    def left(self) -> float:
        """Seconds of the budget that are left."""
        return self.deadline - time.monotonic()

    def candidates(self) -> Iterator[State]:
        """States at which a condition should hold, by estimate, in order of time; ends when time or the flow is used up."""
        for _ in range(_PIECES):
            capacity = estimate(self.problem, self.end.network, self.sigma_F)
            if self.end.rho < capacity.best:
                yield self.end
            trajectory = self._continue(capacity.best)
            if trajectory is None:
                return
            before = self.end
            yield from self._promising(trajectory, before.t)
            last = len(trajectory) - 1
            self.end = State(before.t + float(trajectory.t[last]), trajectory.state(last), float(trajectory.rho[last]))
            if trajectory.status != "loss_stop":
                self.message = _ENDS.get(trajectory.status, trajectory.message)
                return
        self.message = f"the flow was followed in {_PIECES} pieces"

    def _continue(self, target: float) -> Trajectory | None:
        """The next piece: down to the residual that the condition needs, or half the present one if that is unknown."""
        rho, p = self.end.rho, self.problem
        goal = _MARGIN * target if 0 < target < rho else 0.5 * rho
        goal = max(goal, 1e-3 * rho)  # sigma_min is looked at again before the residual has fallen far
        if self.left <= 0:
            self.message = _ENDS["max_seconds"]
            return None
        here = replace(p, a0=self.end.network.a, V0=self.end.network.V)
        start = here.system().observe(np.zeros(here.system().size))
        w_min = p.loss.w_min
        w_max = 1.0 if p.loss.weights is None else float(p.loss.weights.max())
        floor = 0.5 * w_max * start.rounding**2
        loss_stop = 0.5 * w_min * goal * goal
        if loss_stop < floor:
            self.message = f"the residual {rho:.3g} would have to fall below its own rounding error"
            return None
        trajectory = gradient_flow(
            here, t_max=math.inf, loss_stop=loss_stop, max_seconds=self.left, progress=self.progress, error_estimate=False,
            lengths=False, **self.settings,
        )  # fmt: skip
        if trajectory.status == "interrupted":
            raise KeyboardInterrupt
        if trajectory.status == "failed":
            self.message = trajectory.message
            return None
        if len(trajectory) > 1 and trajectory.rho[-1] > 0:
            fall = math.log(float(trajectory.rho[0] / trajectory.rho[-1]))
            self.rate = fall / float(trajectory.t[-1])
        return trajectory

    def _promising(self, trajectory: Trajectory, t0: float) -> Iterator[State]:
        """The stored states of a piece from the first one on that should do."""
        count = len(trajectory)
        p, k = self.problem.V0.shape

        def holds(i: int) -> bool:
            capacity = estimate(self.problem, trajectory.state(i), self.sigma_F)
            return float(trajectory.rho[i]) < capacity.best * (1 - 1e-9)

        if float(p) * p * k * count <= _CHEAP:
            first = next((i for i in range(1, count) if holds(i)), count)
        else:
            # the residual falls and sigma_min changes slowly: bisection for the first time at which the estimate holds
            low, first = 0, count
            if holds(count - 1):
                first = count - 1
                while first - low > 1:
                    middle = (low + first) // 2
                    low, first = (low, middle) if holds(middle) else (middle, first)
        for i in range(first, count):
            yield State(t0 + float(trajectory.t[i]), trajectory.state(i), float(trajectory.rho[i]))


def state_after(problem: ReducedProblem, t: float, seconds: float, settings: dict[str, Any], progress: Any) -> State:
    """The state at one time; ProblemError if the run does not get there."""
    if t == 0:
        run = Run(problem, 0.0, seconds, settings, progress)
        return run.end
    trajectory = gradient_flow(
        problem,
        t_max=t,
        times=(),
        max_seconds=seconds,
        progress=progress,
        error_estimate=False,
        lengths=False,
        **settings,
    )
    if trajectory.status == "interrupted":
        raise KeyboardInterrupt
    reached = float(trajectory.t[-1])
    if trajectory.status == "stationary":  # it rests: the state there is the state at any later time, to rounding
        return State(reached, trajectory.state(len(trajectory) - 1), float(trajectory.rho[-1]))
    if trajectory.status != "t_max":
        raise ProblemError(
            f"--at {t:g}: the flow only came to t = {reached:.4g} ({trajectory.message}); give an earlier time or a larger "
            "--max-time"
        )
    return State(reached, trajectory.state(len(trajectory) - 1), float(trajectory.rho[-1]))


def reduced(evidence: Evidence) -> tuple[ReducedProblem, Array | None]:
    """The flow of a subject in the coordinates (a, U'V), and U' (p × n), None where nothing is restricted.

    U' is the floating-point B = N R; with a factor C the data are projected on its range, which changes the loss by a constant.
    """
    s = evidence.subject
    weights = None if s.weights is None else s.weights
    compiled = loss(s.loss) if weights is None else loss(s.loss, weights)
    white = evidence.whitening
    V, y, B = s.V.T, s.y, None
    if s.R is None:
        T = np.eye(s.n) if s.C is None else s.C
    elif white is None:
        raise ProblemError("the operator is not proved to have full rank, so the flow is not followed; see --at start")
    elif s.p == s.n:
        T = s.R if s.C is None else s.C @ s.R
    else:
        B = white.B
        V, T = B @ V, s.R @ B.T
        T = T if s.C is None else s.C @ T
    if s.C is not None and evidence.whitening_C is not None:
        W = evidence.whitening_C.B  # rows: an orthonormal basis of Im C
        y = W.T @ (W @ y)
    return ReducedProblem(np.ascontiguousarray(T), y, compiled, s.phi, s.train, s.a, np.ascontiguousarray(V)), B  # type: ignore[arg-type]


def lifted(subject: Subject, problem: ReducedProblem, B: Array | None, state: TwoLayer) -> Array | None:
    """V (k × n) of the full network: V_0 + U(V̂ - V̂_0) in doubles; None where V stays (W only)."""
    if state.train == "W":
        return None
    if B is None:
        return np.ascontiguousarray(state.V.T)
    return np.ascontiguousarray(subject.V + (state.V - problem.V0).T @ B)
