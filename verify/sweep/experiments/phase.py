"""Phase transition of convergence: on which fraction of random instances does training reach zero loss, by width and sizes.

The instances, who decides and on which clock are those of :mod:`numerics.phase`; a cell is an `Experiment` of it.  The
operator's extreme singular values and the norm of the data are recorded too: what a theorem needs in order to say how wide a
network is wide enough for such instances.  W only: what is proved of the instance before it is trained (`wonly.threshold`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Context
from typing import Any

import numpy as np

from numerics.descent import choose_kernel
from numerics.phase import Experiment, draw, prediction, settle
from numerics.reduced import ReducedProblem
from verify.sweep.kind import Kind

__all__ = ["EXPERIMENT", "Record", "rounded_down", "with_kernel"]


@dataclass(frozen=True)
class Record:
    """One instance.

    converged to status: as in `numerics.phase.Answer`.  sigma_F, A_norm, y_norm: smallest singular value and norm of A, norm
    of y.  loss, floor: as in `Answer`, relative to the initial loss, six digits.  prediction, margin, gap: verdict and bounds
    of `numerics.phase.Prediction`, the bounds cut off after six digits, so that they remain lower bounds.
    """

    converged: bool
    answer: str
    steps: float
    time: float
    step_size: float
    status: str
    sigma_F: float
    A_norm: float
    y_norm: float
    loss: float
    floor: float
    prediction: str
    margin: float
    gap: float


def replica(experiment: Experiment, rng: np.random.Generator) -> Record:
    """Draw an instance, train."""
    problem = draw(experiment, rng)
    found, proved = settle(experiment, problem), prediction(problem, experiment.tolerance)
    s = problem.C if problem.C.ndim == 1 else np.linalg.svd(problem.C, compute_uv=False)
    return Record(
        found.converged,
        found.answer,
        found.steps,
        found.time,
        found.gamma,
        found.status,
        float(np.min(s)),
        float(np.max(s)),
        float(np.linalg.norm(problem.y)),
        float(f"{found.loss:.6g}"),
        float(f"{found.floor:.6g}"),
        proved.verdict,
        rounded_down(proved.margin),
        rounded_down(proved.gap),
    )


def rounded_down(x: float) -> float:
    """x without what follows its sixth significant digit, so not larger: x >= 0, or NaN.

    >>> rounded_down(0.12345678), rounded_down(2e-7 / 3)
    (0.123456, 6.66666e-08)
    """
    return float(Context(prec=6, rounding=ROUND_DOWN).create_decimal_from_float(x))


def with_kernel(config: Any, draw: Callable[[Any, np.random.Generator], ReducedProblem], **tiny: Any) -> Any:
    """The configuration with the kernel of this machine: the two kernels differ in the last digits.

    tiny: what makes it, beside n = m = k = 1, one that is drawn in no time.
    """
    small = replace(config, n=1, m=1, k=1, kappa=None, **tiny)
    kernel, _ = choose_kernel(draw(small, np.random.default_rng(0)), config.kernel)
    return replace(config, kernel="fused" if kernel == "fused" else "numpy")


def resolve(experiment: Experiment) -> Experiment:
    """With the kernel of this machine."""
    found: Experiment = with_kernel(experiment, draw)
    return found


EXPERIMENT = Kind(
    name="phase",
    about="Probability that training reaches zero loss",
    config=Experiment,
    record=Record,
    replica=replica,
    resolve=resolve,
    decided=("kernel",),
    summarize="verify.sweep.experiments.phase_summary:summarize",
)
