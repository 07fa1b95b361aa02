"""Phase transition of convergence: on which fraction of random instances does training reach zero loss, by width and sizes.

The instances and who decides are those of :mod:`numerics.phase`; a cell is an `Experiment` of it.  The operator's extreme
singular values and the norm of the data are recorded too: what a theorem needs in order to say how wide a network is wide
enough for such instances.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from numerics.descent import choose_kernel
from numerics.phase import Experiment, draw, settle
from verify.sweep.kind import Kind

__all__ = ["EXPERIMENT", "Record"]


@dataclass(frozen=True)
class Record:
    """One instance: what `numerics.phase.Answer` says, then smallest singular value and norm of A, norm of y."""

    converged: bool
    answer: str
    steps: float
    time: float
    step_size: float
    status: str
    sigma_F: float
    A_norm: float
    y_norm: float


def replica(experiment: Experiment, rng: np.random.Generator) -> Record:
    """Draw an instance, train."""
    problem = draw(experiment, rng)
    found = settle(experiment, problem)
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
    )


def resolve(experiment: Experiment) -> Experiment:
    """With the kernel of this machine: the two kernels differ in the last digits."""
    tiny = replace(experiment, n=1, m=1, k=1, kappa=None)
    kernel, _ = choose_kernel(draw(tiny, np.random.default_rng(0)), experiment.kernel)
    return replace(experiment, kernel="fused" if kernel == "fused" else "numpy")


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
