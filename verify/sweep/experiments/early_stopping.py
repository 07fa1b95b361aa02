"""When to stop on noisy data: guaranteed times against the discrepancy principle, the oracles, and not stopping at all.

Every rule gives a time of one gradient flow; there the errors ‖y(t) − ȳ‖ and ‖x(t) − x̄‖ are read off.  Guaranteed times are
those that ``dipcert run`` reports: certified, from the constants at t = 0 alone.  Their promise, ‖y(t) − ȳ‖ ≤ level + ‖ε‖ from
then on, is held against the run at every stored time, theirs included.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from numerics.door import number
from numerics.flow import Trajectory, gradient_flow
from verify.guarantees import Guarantee, convergence
from verify.instance import Instance
from verify.observables import Observables, observe
from verify.sweep.experiments.drawn import check, drawn
from verify.sweep.kind import Kind
from verify.verdict import Verdict

__all__ = ["EXPERIMENT", "RULES", "Config", "Record", "replica"]

RULES = (
    "baseline", "sharp", "strongest", "kappa_free", "discrepancy", "oracle_observation", "oracle_signal", "limit",
)  # fmt: skip
"""`baseline.early_stop`; `sharp.stop`; the strongest guarantee in force, as `dipcert run` takes it; the earliest one that does
not rest on σ_F (`illposed.discrepancy`, which is told ‖x(0) − x̄‖, and `wonly.rate`); ‖y(t) − y‖ ≤ τ‖ε‖; smallest
‖y(t) − ȳ‖; smallest ‖x(t) − x̄‖; never."""

_KAPPA_FREE = ("illposed.discrepancy", "wonly.rate")
# The limit: a loss of which 1e-18 is left, a residual of 1e-9.
_LIMIT = 1e-18
_AT_REST = ("loss_stop", "stationary")
_PER_DECADE = 16
_RTOL = 1e-8


@dataclass(frozen=True)
class Config:
    """Instances as in :class:`verify.sweep.experiments.drawn.Sizes`, with noise > 0.

    tau: of the discrepancy principle, > 1.  output_scale, antisymmetric: as in [network] (`dip2.output_scale`).  horizon: the
    run ends at time horizon/(s σ_F)² at the latest, s the output scale.
    """

    n: int
    m: int
    k: int
    noise: float
    train: Literal["both", "W"] = "both"
    kappa: float | None = None
    activation: str = "tanh"
    V: str = "rademacher"
    tau: float = 1.5
    output_scale: float = 1.0
    antisymmetric: bool = True
    horizon: float = 1e3

    def __post_init__(self) -> None:
        check(self)
        for name in ("tau", "output_scale", "horizon"):
            number(name, getattr(self, name))
        if not self.noise > 0:
            raise ValueError(
                "noise = 0; there is nothing to stop early for: give the noise relative to the data, as 0.1"
            )
        if not 1 < self.tau < math.inf:
            raise ValueError(f"tau = {self.tau}; the discrepancy principle needs tau > 1")
        if not 0 < self.output_scale < math.inf:
            raise ValueError(f"output_scale = {self.output_scale}; it is positive")
        if not 0 < self.horizon < math.inf:
            raise ValueError(f"horizon = {self.horizon}; the longest time is positive and finite")
        if not isinstance(self.antisymmetric, bool):
            raise ValueError(f"antisymmetric = {self.antisymmetric!r}; it is true or false")
        if self.antisymmetric and self.k % 2:
            raise ValueError(f"antisymmetric pairs the neurons but k = {self.k} is odd; use k = {self.k + 1}")


@dataclass(frozen=True)
class Record:
    """One run.  For each of `RULES` its time, ‖y(t) − ȳ‖/‖ȳ‖ and ‖x(t) − x̄‖/‖x̄‖ there; NaN where the rule gives no time, errors
    NaN as well where the run ended before the time without having come to its limit.

    noise_level: ‖ε‖/‖ȳ‖.  by: statement of the strongest guarantee.  checks, violated, undecided: how many promises about
    ‖y(t) − ȳ‖ were held against the run, and what came of it.  status: how the run ended.  T_norm: ‖s A‖; sigma_F: of s A.
    """

    baseline_time: float
    baseline_observation: float
    baseline_signal: float
    sharp_time: float
    sharp_observation: float
    sharp_signal: float
    strongest_time: float
    strongest_observation: float
    strongest_signal: float
    kappa_free_time: float
    kappa_free_observation: float
    kappa_free_signal: float
    discrepancy_time: float
    discrepancy_observation: float
    discrepancy_signal: float
    oracle_observation_time: float
    oracle_observation_observation: float
    oracle_observation_signal: float
    oracle_signal_time: float
    oracle_signal_observation: float
    oracle_signal_signal: float
    limit_time: float
    limit_observation: float
    limit_signal: float
    noise_level: float
    by: str
    checks: int
    violated: int
    undecided: int
    status: str
    T_norm: float
    sigma_F: float


def replica(config: Config, rng: np.random.Generator) -> Record:
    """Draw an instance, evaluate the guarantees, follow the flow, stop by every rule."""
    instance = drawn(config, rng, antisymmetric=config.antisymmetric, output_scale=float(config.output_scale))
    given = convergence(instance)
    timed = [g for g in given if g.in_force and g.stop_time is not None and math.isfinite(g.stop_time)]
    times = _guaranteed(timed)
    times["discrepancy"] = _discrepancy(instance, config)
    run = _follow(instance, config, [t for t in times.values() if math.isfinite(t)])
    seen = observe(instance, run)
    times["oracle_observation"] = float(run.t[int(np.argmin(seen["obs_error"].value))])
    times["oracle_signal"] = float(run.t[int(np.argmin(seen["signal_error"].value))])
    times["limit"] = float(run.t[-1]) if run.status in _AT_REST else math.nan
    verdicts = [c.check(seen).verdict for g in timed for c in g.curves if c.quantity == "obs_error"]
    clean = instance.problem.y - _noise(instance)
    size, truth = float(np.linalg.norm(clean)), float(np.linalg.norm(instance.problem.truth))  # type: ignore[arg-type]
    entries: dict[str, float] = {}
    for rule in RULES:
        observation, signal = _errors(run, seen, times[rule])
        entries |= {
            f"{rule}_time": times[rule],
            f"{rule}_observation": observation / size,
            f"{rule}_signal": signal / truth,
        }
    return Record(
        **entries,
        noise_level=float(np.linalg.norm(_noise(instance))) / size,
        by=timed[0].statement if timed else "",
        checks=len(verdicts),
        violated=verdicts.count(Verdict.VIOLATED),
        undecided=verdicts.count(Verdict.UNDECIDED),
        status=run.status,
        T_norm=instance.constants["A_norm"].value,
        sigma_F=instance.constants["sigma_F"].value,
    )


def _noise(instance: Instance) -> np.ndarray:
    noise = instance.problem.noise
    assert noise is not None  # it was drawn
    return noise


def _guaranteed(timed: Sequence[Guarantee]) -> dict[str, float]:
    """The times of the first four rules from the guarantees with a time, strongest first; NaN where there is none."""
    by = {g.statement: float(g.stop_time) for g in reversed(timed) if g.stop_time is not None}
    free = [by[name] for name in _KAPPA_FREE if name in by]
    return {
        "baseline": by.get("baseline.condition", math.nan),
        "sharp": by.get("sharp.condition", math.nan),
        "strongest": by[timed[0].statement] if timed else math.nan,
        "kappa_free": min(free, default=math.nan),
    }


def _longest(instance: Instance, config: Config) -> float:
    return config.horizon / max(instance.constants["sigma_F"].as_lower(), 1e-150) ** 2


def _discrepancy(instance: Instance, config: Config) -> float:
    """The first time with ‖y(t) − y‖ ≤ τ‖ε‖; NaN if there is none before the horizon."""
    level = config.tau * float(np.linalg.norm(_noise(instance)))
    run = gradient_flow(
        instance.reduced,
        t_max=_longest(instance, config),
        loss_stop=0.5 * level**2,
        times=(),
        rtol=_RTOL,
        error_estimate=False,
        lengths=False,
    )
    return float(run.t[-1]) if run.status == "loss_stop" else math.nan


def _follow(instance: Instance, config: Config, times: Sequence[float]) -> Trajectory:
    """The flow to its limit, stored on a logarithmic grid and at `times`; past the horizon if one of them is."""
    last = max([_longest(instance, config), *times])
    first = 1e-2 / instance.constants["A_norm"].as_upper() ** 2
    grid = np.geomspace(first, last, max(2, math.ceil(_PER_DECADE * math.log10(last / first))))
    return gradient_flow(
        instance.reduced,
        t_max=last,
        loss_stop=_LIMIT * instance.constants["loss_0"].value,
        times=sorted({*grid.tolist(), *times}),
        rtol=_RTOL,
    )


def _errors(run: Trajectory, seen: Observables, t: float) -> tuple[float, float]:
    """‖y(t) − ȳ‖ and ‖x(t) − x̄‖ at a stored time, or in the limit for a later one."""
    if math.isnan(t):
        return math.nan, math.nan
    i = int(np.searchsorted(run.t, t))
    if i == len(run):
        if run.status not in _AT_REST:
            return math.nan, math.nan
        i -= 1
    return float(seen["obs_error"].value[i]), float(seen["signal_error"].value[i])


EXPERIMENT = Kind(
    name="early_stopping",
    about="Stopping times and the errors there, by noise level",
    config=Config,
    record=Record,
    replica=replica,
    summarize="verify.sweep.experiments.early_stopping_summary:summarize",
)
