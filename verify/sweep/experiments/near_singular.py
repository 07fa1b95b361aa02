"""What recovery bounds are worth as the operator approaches singularity.

The operator has the smallest singular value `sigma_min` and norm 1.  The flow runs to the discrepancy time (without noise:
until the loss is 1e-7 of its initial value) and further, until the loss is that small or the time is up.  At both times the
error of the signal stands beside every bound of it: `baseline.recovery`, `recover.linear`, `recover.kernel`, `recover.split`
(its unseen part is read off the run), and at the discrepancy time the stability bound of `illposed.discrepancy`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numerics.door import number
from numerics.rigorous import up
from verify import guarantees
from verify.guarantees import Curve, Guarantee
from verify.instance import Instance
from verify.observables import Observables, observe
from verify.sweep.experiments.linear_instance import check_network, flow, linear_instance, positive
from verify.sweep.kind import Kind
from verify.verdict import Verdict

__all__ = ["EXPERIMENT", "Config", "Record", "operator"]

Floats = NDArray[np.float64]
FITTED = 1e-7
"""The share of the initial loss that counts as zero loss."""
_SMALLEST = 1e-12


@dataclass(frozen=True)
class Config:
    """A cell: sizes and width, smallest singular value, spacing of the others, noise ‖ε‖/‖A x̄‖, network, τ, end of the run.

    spread: "one", all other singular values are 1, or "log", they are spaced geometrically.  V: law of the entries of V.
    """

    sigma_min: float
    n: int = 8
    m: int = 8
    k: int = 1024
    spread: str = "one"
    noise: float = 0.05
    train: str = "both"
    activation: str = "tanh"
    V: str = "rademacher"
    tau: float = 2.0
    output_scale: float = 100.0
    t_max: float = 1e3

    def __post_init__(self) -> None:
        check_network(self.n, self.m, self.k, self.train, self.activation, self.V, self.output_scale)
        if self.m > self.n:
            raise ValueError(
                f"m = {self.m}, n = {self.n}; at most as many data as unknowns (noise outside the range is no matter)"
            )
        number("sigma_min", self.sigma_min)
        if not _SMALLEST <= self.sigma_min <= 1:
            raise ValueError(f"sigma_min = {self.sigma_min!r}; it must be between {_SMALLEST:g} and 1 (the norm of A)")
        if self.spread not in ("one", "log"):
            raise ValueError(f'spread = {self.spread!r}; it must be "one" or "log"')
        number("noise", self.noise)
        if not 0 <= self.noise < math.inf:
            raise ValueError(f"noise = {self.noise!r}; it must be a finite number of at least 0")
        number("tau", self.tau)
        if not 1 < self.tau < math.inf:
            raise ValueError(f"tau = {self.tau!r}; it must be above 1")
        positive("t_max", self.t_max)


@dataclass(frozen=True)
class Record:
    """One instance; errors and bounds are relative to ‖x̄‖; NaN: there is no such bound.

    error_*: of the signal at the discrepancy time, at the end, of A⁺y.  seen_stop: of its part in Im Aᵀ, which the stability
    bound is about.  loss_end: over the initial loss.  *_stop, *_end: bounds.  status_*: of the guarantees.  compared: bounds
    held against the run, each at all stored times; violated, undecided: how many of them came out so.
    """

    time_stop: float
    end: str
    loss_end: float
    error_stop: float
    error_end: float
    error_pinv: float
    seen_stop: float
    baseline_stop: float
    baseline_end: float
    linear_stop: float
    linear_end: float
    kernel_stop: float
    kernel_end: float
    split_stop: float
    split_end: float
    stability_stop: float
    status_baseline: str
    status_kernel: str
    status_split: str
    status_illposed: str
    compared: int
    violated: int
    undecided: int


def operator(config: Config, rng: np.random.Generator) -> Floats:
    """A, shape (m, n): Haar singular vectors, singular values from 1 to sigma_min."""
    m, n = config.m, config.n
    P, U = (_rotation(size, rng) for size in (m, n))
    s = np.geomspace(1.0, config.sigma_min, m) if config.spread == "log" else np.ones(m)
    s[-1] = config.sigma_min
    return np.asarray((P * s) @ U[:, :m].T)


def _rotation(size: int, rng: np.random.Generator) -> Floats:
    Q, R = np.linalg.qr(rng.standard_normal((size, size)))
    return np.asarray(Q * np.sign(np.diagonal(R)))


def replica(config: Config, rng: np.random.Generator) -> Record:
    """Draw an instance, evaluate the bounds, run, compare."""
    A = operator(config, rng)
    truth = rng.standard_normal(config.n)
    truth /= np.linalg.norm(truth)
    noise = rng.standard_normal(config.m)
    noise *= config.noise * np.linalg.norm(A @ truth) / np.linalg.norm(noise)
    instance = linear_instance(config, A, truth, noise if config.noise else None, int(rng.integers(2**31)), config.tau)
    problem = instance.problem
    found = {g.statement: g for group in guarantees.evaluate(instance) for g in group}
    baseline, kernel, split = (found[name] for name in ("baseline.recovery", "recover.kernel", "recover.split"))
    illposed = found["illposed.discrepancy"]

    loss_0 = 0.5 * float(problem.y @ problem.y)
    level = FITTED * loss_0
    if config.noise:
        assert problem.noise is not None
        level = max(level, 0.5 * (config.tau * float(np.linalg.norm(problem.noise))) ** 2)
    first = flow(instance, level, config.t_max)
    last = first if level <= FITTED * loss_0 else flow(instance, FITTED * loss_0, config.t_max)
    at_stop = observe(instance, first)
    at_end = at_stop if last is first else observe(instance, last)
    stopped = first.status == "loss_stop"

    size = float(np.linalg.norm(truth))
    seen = float(np.linalg.norm(_seen(instance, instance.signal(first, -1) - truth)))
    budget = float(at_stop["signal_error"].budget[-1])
    stability = _stability(instance, illposed) if stopped else math.nan
    verdicts = [
        curve.check(observed).verdict
        for item in (baseline, kernel, split)
        for curve in item.curves
        for observed in ([at_stop] if last is first else [at_stop, at_end])
    ]
    if not math.isnan(stability):
        slack = stability - seen
        verdicts.append(Verdict.HOLDS if slack > budget else Verdict.VIOLATED if slack < -budget else Verdict.UNDECIDED)
    by = {curve.statement: curve for item in (baseline, kernel, split) for curve in item.curves}
    bounds = {
        f"{short}_{when}": _last(by.get(statement), observed) / size
        for short, statement in (
            ("baseline", "baseline.recovery"),
            ("linear", "recover.linear"),
            ("kernel", "recover.kernel"),
            ("split", "recover.split"),
        )
        for when, observed in (("stop", at_stop), ("end", at_end))
    }
    return Record(
        time_stop=float(first.t[-1]) if stopped else math.inf,
        end=last.status,
        loss_end=float(last.loss[-1]) / loss_0,
        error_stop=float(at_stop["signal_error"].value[-1]) / size,
        error_end=float(at_end["signal_error"].value[-1]) / size,
        error_pinv=float(np.linalg.norm(np.linalg.pinv(A, rcond=1e-15) @ problem.y - truth)) / size,
        seen_stop=seen / size,
        **bounds,
        stability_stop=stability / size,
        status_baseline=baseline.status,
        status_kernel=kernel.status,
        status_split=split.status,
        status_illposed=illposed.status,
        compared=len(verdicts),
        violated=verdicts.count(Verdict.VIOLATED),
        undecided=verdicts.count(Verdict.UNDECIDED),
    )


def _last(curve: Curve | None, observed: Observables) -> float:
    """The bound at the last time of the run, with what is uncertain about it on the safe side; NaN if there is none."""
    if curve is None:
        return math.nan
    _, value, extra = curve.evaluate(observed)
    return float(value[-1] + extra[-1])


def _seen(instance: Instance, x: Floats) -> Floats:
    """The part of a signal in Im Aᵀ: all of it where A is injective."""
    U = instance.U
    return x if U is None else np.asarray(U @ (U.T @ x))


def _stability(instance: Instance, illposed: Guarantee) -> float:
    """‖Q(x(T) − x̄)‖ at the discrepancy time, from above, Q the projector on Im Aᵀ; NaN where nothing is certified."""
    if not illposed.in_force:
        return math.nan
    bound = instance.upper(
        "illposed.discrepancy",
        "stability",
        J_norm=instance.full_norm,
        Lambda=instance.full_modulus,
        **{name: illposed.quantities[name] for name in ("L", "E_0", "G_L")},
    )
    return up(instance.signal_norm_bound * bound)


EXPERIMENT = Kind(
    name="near_singular",
    about="Error and bounds of the recovered signal as the operator approaches singularity",
    config=Config,
    record=Record,
    replica=replica,
    summarize="verify.sweep.experiments.near_singular_summary:summarize",
)
