"""Phase retrieval: how injective moduli of measurements are, up to sign, and who recovers the signal from them.

A replica draws A and a signal, encloses the constant of x -> |A x| over all pairs of signals
(:mod:`numerics.injectivity.phase`), and recovers by gradient descent and, where signs can be enumerated, by the global best
fit, whose error stands beside its bound (||A x| - y| + |eps|)/mu: that of `recover.linear` with the distance up to sign
(its proof for dist = 0 is one line, linear or not).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numerics.compile import enclose
from numerics.door import integer, number
from numerics.injectivity.phase import distance, phase_injectivity
from numerics.injectivity.phase_recovery import LOSSES, STARTS, Loss, best_fit, descend, spectral_start
from numerics.rigorous import matvec, norm_upper, up
from verify.sweep.kind import Kind

__all__ = ["EXPERIMENT", "Config", "Record", "draw"]

Array = NDArray[np.float64]

# What is below is rounding, which differs between machines, or a run that goes on to fall: recorded as 0.
_NOUGHT, _LEAST_LOWER = 1e-7, 1e-4


@dataclass(frozen=True)
class Config:
    """n entries of the signal, N(0, 1); m moduli of measurements with independent N(0, 1/m) entries.

    loss: "amplitude" or "intensity", of the descent.  start: "spectral" or "random".  attempts: starts, the best fit of
    which counts (a spectral one comes first, the others are random).  steps: of each.  noise: |eps|/||A xbar||, added to
    the moduli, negative ones set to 0.  tolerance: relative error that counts as recovery.  limit: number of measurements
    up to which all splits (for mu) and signs (for the best fit) are enumerated.
    """

    n: int
    m: int
    loss: Loss = "amplitude"
    start: str = "spectral"
    attempts: int = 1
    steps: int = 1000
    noise: float = 0.0
    tolerance: float = 1e-3
    limit: int = 14

    def __post_init__(self) -> None:
        for name in ("n", "m", "attempts", "steps"):
            integer(name, getattr(self, name), 1)
        if integer("limit", self.limit, 0) > 18:
            raise ValueError(f"limit = {self.limit}; beyond 18 measurements their 2^m subsets do not fit into memory")
        if self.loss not in LOSSES:
            raise ValueError(f"loss = {self.loss!r}; choose one of {', '.join(LOSSES)}")
        if self.start not in STARTS:
            raise ValueError(f"start = {self.start!r}; choose one of {', '.join(STARTS)}")
        for name in ("noise", "tolerance"):
            number(name, getattr(self, name))
        if not 0 <= self.noise < math.inf:
            raise ValueError(f"noise = {self.noise}; it is relative to the data, and nonnegative")
        if not 0 < self.tolerance < 1:
            raise ValueError(f"tolerance = {self.tolerance}; it is a relative error between 0 and 1")


@dataclass(frozen=True)
class Record:
    """One instance. Errors and the bound are up to sign, relative to |xbar|; errors and residuals below 1e-7 and lower ends
    below 1e-4 are recorded as 0.

    mu_low, mu_high    the constant over all pairs
    recovered          whether gradient descent did; descent_error, descent_residual (relative to |y|)
    fitted             whether the global best fit did; fit_error (NaN for m beyond the limit or at most n)
    fit_bound          with noise (residual + noise)/mu_low, inf for mu_low = 0
    """

    mu_low: float
    mu_high: float
    recovered: bool
    descent_error: float
    descent_residual: float
    fitted: bool
    fit_error: float
    fit_bound: float


def draw(config: Config, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """(A, xbar, eps)."""
    operator, truth, noise = rng.spawn(3)
    A = operator.standard_normal((config.m, config.n)) / math.sqrt(config.m)
    x, eps = truth.standard_normal(config.n), noise.standard_normal(config.m)
    return A, x, eps * (config.noise * np.linalg.norm(A @ x) / np.linalg.norm(eps))


def replica(config: Config, rng: np.random.Generator) -> Record:
    """Draw, enclose, recover."""
    data, search = rng.spawn(2)
    A, x, eps = draw(config, data)
    y = np.maximum(0.0, np.abs(A @ x) + eps)  # moduli: what noise made negative is nearer to the truth at 0
    size = float(np.linalg.norm(x))
    mu = phase_injectivity(A, config.limit)
    starts = search.standard_normal((config.attempts, config.n))
    starts *= (
        math.sqrt(config.n) * np.linalg.norm(y) / np.linalg.norm(A) / np.linalg.norm(starts, axis=1, keepdims=True)
    )
    if config.start == "spectral":
        starts[0] = spectral_start(A, y)
    found, residuals = descend(A, y, starts, config.loss, config.steps)
    best = int(np.argmin(residuals))
    error = distance(found[best], x) / size
    # with m <= n all signs fit, and rounding would choose
    fit = best_fit(A, y, config.limit) if config.m > config.n else None
    low = mu.lower.value if mu.lower.value >= _LEAST_LOWER else 0.0
    fit_error, bound = math.nan, math.nan
    if fit is not None:
        fit_error = distance(fit, x) / size
        if config.noise:
            bound = _recovery_bound(A, y, fit, x, eps, low) / size
    return Record(
        mu_low=low,
        mu_high=mu.upper.value,
        recovered=error <= config.tolerance,
        descent_error=_seen(error),
        descent_residual=_seen(float(residuals[best]) / float(np.linalg.norm(y))),
        fitted=fit_error <= config.tolerance,
        fit_error=_seen(fit_error),
        fit_bound=bound,
    )


def _recovery_bound(A: Array, y: Array, fit: Array, x: Array, eps: Array, mu: float) -> float:
    """(||A fit| - y| + |eps|)/mu, rounding included; inf for mu = 0."""
    if mu == 0:
        return math.inf
    image, error = matvec(A, fit)
    gap = np.nextafter(np.abs(np.abs(image) - y), np.inf)
    residual = norm_upper(np.nextafter(gap + error, np.inf))
    # y = |A xbar| + eps was rounded too, which joins the noise
    noise = norm_upper(eps) + norm_upper(2 * matvec(A, x)[1] + 4 * 2.0**-53 * (y + np.abs(eps)))
    given = {"residual": residual, "eps": up(noise), "A_norm": 0.0, "dist": 0.0, "mu": mu}
    return float(enclose("recover.linear", "bound_of_residual", given).upper)


def _seen(value: float) -> float:
    return 0.0 if value < _NOUGHT else value


EXPERIMENT = Kind(
    name="phase_retrieval",
    about="Injectivity of moduli up to sign, and recovery from them",
    config=Config,
    record=Record,
    replica=replica,
    summarize="verify.sweep.experiments.phase_retrieval_summary:summarize",
)
