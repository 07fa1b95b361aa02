"""The recovered signal, predicted before the run: exactly for W only, approximately for wide networks.

W only: the limit of the flow is the point of {B h = y} that is nearest to h_0 in the Bregman distance (`wonly.linear_rate`)
wherever y is inside the image of the box (`wonly.threshold`).  Both ways of training: in the wide limit of `recover.kernel`
it is x(0) + A⁺(y − A x(0)), from which it differs, within rounding and what is left of the residual, by the drift in ker A.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numerics import wonly
from numerics.flow import Trajectory
from verify.guarantees import recovery
from verify.instance import Instance
from verify.observables import observe
from verify.sweep.experiments.linear_instance import check_network, flow, linear_instance
from verify.sweep.kind import Kind

__all__ = ["EXPERIMENT", "Config", "Record", "predict"]

Floats = NDArray[np.float64]
_FITTED = 1e-18
_T_MAX = 1e8
_OUTSIDE = 60  # steps, where the data cannot be fitted: the run says nothing about a limit


@dataclass(frozen=True)
class Config:
    """A cell: Gaussian A (m × n) with entries of variance 1/m, no noise, ‖x̄‖ = √n, the network."""

    k: int
    n: int = 8
    m: int = 4
    train: str = "W"
    activation: str = "tanh"
    V: str = "rademacher"
    output_scale: float = 1.0

    def __post_init__(self) -> None:
        check_network(self.n, self.m, self.k, self.train, self.activation, self.V, self.output_scale)
        if self.m > self.n:
            raise ValueError(f"m = {self.m}, n = {self.n}; data that determine the signal leave nothing to predict")


@dataclass(frozen=True)
class Record:
    """One instance; differences and bounds are relative to ‖x(0) + A⁺(y − A x(0))‖; NaN: there is none.

    where: of y, "inside" or "outside" the image of the box or "undecided"; "" for both layers.  end: how the run ended.
    from_bregman, from_wide: distance of the end of the run from the two predictions.  accuracy: estimate, from above, of how
    far the end of the run is from the limit (what is left of the path, error of the integrator, error of the prediction).
    drift: the bound of `recover.kernel` of the distance from the wide limit.  accuracy_wide: what residual and integrator
    add to it.
    """

    where: str
    end: str
    loss_end: float
    from_bregman: float
    accuracy: float
    from_wide: float
    drift: float
    accuracy_wide: float
    status_kernel: str


def predict(instance: Instance) -> tuple[str, Floats | None, float]:
    """(where y is, the predicted signal or None, upper estimate of its error), W only with A of full row rank."""
    network, B, y = instance.problem.network, instance.inner_matrix, instance.problem.y
    decided = wonly.threshold(B, y, *wonly.box(network.activation, network.a))
    if not decided.feasible:
        return ("outside" if decided.feasible is False else "undecided"), None, math.nan
    try:
        found = wonly.limit(network.activation, B, y, network.a)
    except ValueError:  # inside, but nearer to a wall than doubles can say
        return "undecided", None, math.nan
    signal = instance.to_signal(network.V @ found.h / math.sqrt(network.k))
    return "inside", signal, _tail(instance, found.a, found.residual)


def _tail(instance: Instance, a: Floats, residual: float) -> float:
    """How far the signal moves from a on, W only: path ≤ residual/(σ_min(B) min φ'), signal ≤ s‖V φ'‖/√k times that.

    Half of the smallest slope stands for the slopes along that path: an estimate, good where the path is short.
    """
    network, root = instance.problem.network, math.sqrt(instance.problem.network.k)
    slope = np.abs(network.activation.dphi(a))
    sigma = float(np.linalg.svd(instance.inner_matrix, compute_uv=False)[-1])
    speed = float(np.linalg.norm(network.V, 2)) * float(slope.max()) / root
    return 2 * instance.signal_norm_bound * speed * residual / (sigma * float(slope.min()))


def replica(config: Config, rng: np.random.Generator) -> Record:
    """Draw an instance, predict, run, compare."""
    A = rng.standard_normal((config.m, config.n)) / math.sqrt(config.m)
    truth = rng.standard_normal(config.n)
    truth *= math.sqrt(config.n) / np.linalg.norm(truth)
    instance = linear_instance(config, A, truth, None, int(rng.integers(2**31)), 2.0)
    problem = instance.problem
    where, predicted, error = predict(instance) if config.train == "W" else ("", None, math.nan)
    kernel = recovery.by_kernel(instance)

    loss_0 = 0.5 * float(problem.y @ problem.y)
    steps = {} if where in ("", "inside") else {"max_steps": _OUTSIDE}
    run = flow(instance, _FITTED * loss_0, _T_MAX, 1e-10, **steps)
    x = instance.signal(run, -1)
    moved = float(observe(instance, run)["signal_error"].budget[-1])
    wide = np.linalg.pinv(A) @ problem.y  # x(0) = 0
    size = float(np.linalg.norm(wide))
    residual = float(run.residual[-1])
    return Record(
        where=where,
        end=run.status,
        loss_end=float(run.loss[-1]) / loss_0,
        from_bregman=math.nan if predicted is None else float(np.linalg.norm(x - predicted)) / size,
        accuracy=math.nan if predicted is None else (error + moved + _remaining(instance, run, residual)) / size,
        from_wide=float(np.linalg.norm(x - wide)) / size,
        drift=kernel.quantities.get("drift", math.nan) / size,
        accuracy_wide=(moved + residual / float(np.linalg.svd(A, compute_uv=False)[-1])) / size,
        status_kernel=kernel.status,
    )


def _remaining(instance: Instance, run: Trajectory, residual: float) -> float:
    return _tail(instance, np.asarray(run.a[-1]), residual)


EXPERIMENT = Kind(
    name="predicted_signal",
    about="The recovered signal beside the one predicted before the run",
    config=Config,
    record=Record,
    replica=replica,
    summarize="verify.sweep.experiments.predicted_signal_summary:summarize",
)
