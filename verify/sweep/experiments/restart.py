"""How early is a run of ordinary width guaranteed?  The time of its first restart certificate (`sharp.restart`).

A gradient flow is followed, and `sharp.condition` and (both layers) `dip2.amgm` are evaluated at the parameters of the day,
with certified constants: from the first time at which one holds, the rest of the run provably reaches zero loss.

With a fixed modulus Λ a certificate of `sharp.condition` is never lost again: with u = Λρ/σ_F it says 2u < σ², and
`sharp.sigma` keeps σ(t)² ≥ σ² − 2(u − u(t)) > 2u(t).  So does `dip2.amgm` with its exact F, by the same argument: the ball of
radius r about a(t) lies in that of radius r + ℓ_a(t) about a(0).  So the certified times are sought by bisection.  (Λ moves with
the columns of V, and F is an envelope from below; were a certificate lost on the way, an earlier one might be overlooked.  The
time that is reported is certified in any case.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from numerics.door import number
from numerics.flow import Trajectory, gradient_flow, state_at
from numerics.networks.two_layer import TwoLayer
from verify.guarantees.hidden import by_balance
from verify.instance import Instance
from verify.restart import h_upper, hidden, rho_upper
from verify.sweep.experiments.drawn import check, drawn
from verify.sweep.kind import Kind

__all__ = ["EXPERIMENT", "Config", "Record", "first_certified", "replica"]

# Halvings, on the logarithmic axis, of the gap between two stored times: 8 times a decade, so 0.5 % at the end.
_REFINE = 6
# The run is an example, not evidence: what is certified is about the parameters that it has reached, whatever brought it there.
_RTOL, _ATOL = 1e-7, 1e-10


@dataclass(frozen=True)
class Config:
    """Instances as in :class:`verify.sweep.experiments.drawn.Sizes`.

    tolerance: the run has converged when its loss is this fraction of the initial one.  end: it is followed down to this
    fraction, for certificates that come later.  horizon: and up to time horizon/σ_F² at the most.
    """

    n: int
    m: int
    k: int
    train: Literal["both", "W"] = "both"
    kappa: float | None = None
    noise: float = 0.0
    activation: str = "tanh"
    V: str = "uniform"
    tolerance: float = 1e-7
    end: float = 1e-12
    horizon: float = 1e4

    def __post_init__(self) -> None:
        check(self)
        for name in ("tolerance", "end", "horizon"):
            number(name, getattr(self, name))
        if not 0 < self.end <= self.tolerance < 1:
            raise ValueError(
                f"end = {self.end}, tolerance = {self.tolerance}; fractions of the initial loss, 0 < end <= tolerance < 1"
            )
        if not 0 < self.horizon < math.inf:
            raise ValueError(
                f"horizon = {self.horizon}; the longest time, in units of 1/sigma_F^2, is positive and finite"
            )


@dataclass(frozen=True)
class Record:
    """One run.  Times are of the flow; ∞: not within the run; 0: a priori.

    reached, ended: when the loss was at the tolerance, when the run ended; status: how.
    sharp, amgm: time of the first certificate by `sharp.condition`, by `dip2.amgm` (NaN for W only).  ..._in_time: whether that
    was before the loss was at the tolerance.  ..._rho, ..._left: ρ there, from above, and the part of the decay of the logarithm
    of the loss down to the tolerance that was still to come (1 at the start, negative after the tolerance; NaN without a
    certificate).  sharp_h: h there, amgm_margin: capacity/ρ there.
    in_time: whether one of the two was in time.  balanced: whether `dip2.balanced` promises zero loss a priori (both layers).
    sigma_F, A_norm, y_norm: constants of the instance.
    """

    reached: float
    ended: float
    status: str
    sharp: float
    sharp_in_time: bool
    sharp_rho: float
    sharp_h: float
    sharp_left: float
    amgm: float
    amgm_in_time: bool
    amgm_rho: float
    amgm_margin: float
    amgm_left: float
    in_time: bool
    balanced: bool
    sigma_F: float
    A_norm: float
    y_norm: float


def replica(config: Config, rng: np.random.Generator) -> Record:
    """Draw an instance, follow the flow, look for certificates."""
    instance = drawn(config, rng)
    constants, sigma_F = instance.constants, instance.reduced_sigma_F
    level = math.sqrt(config.tolerance) * constants["residual_0"].value
    run = gradient_flow(
        instance.reduced,
        t_max=config.horizon / max(sigma_F, 1e-150) ** 2,
        loss_stop=config.end * constants["loss_0"].value,
        levels=[level],
        rtol=_RTOL,
        atol=_ATOL,
        error_estimate=False,
        lengths=False,
    )
    reached = float(run.events.get(level, math.inf))

    def sharp(network: TwoLayer) -> bool:
        return h_upper(instance, network, rho_upper(instance, network)) < 0.5

    def amgm(network: TwoLayer) -> bool:
        found = hidden(instance, network, rho_upper(instance, network))
        return found is not None and found.certified

    both = config.train == "both"
    t_sharp, at_sharp = first_certified(run, sharp)
    t_amgm, at_amgm = first_certified(run, amgm) if both else (math.nan, None)
    rho_sharp, h, left_sharp = _there(instance, at_sharp, config.tolerance, h_upper)
    rho_amgm, margin, left_amgm = _there(instance, at_amgm, config.tolerance, _margin)
    sharp_in_time, amgm_in_time = (math.isfinite(t) and t <= reached for t in (t_sharp, t_amgm))
    return Record(
        reached=reached,
        ended=float(run.t[-1]),
        status=run.status,
        sharp=t_sharp,
        sharp_in_time=sharp_in_time,
        sharp_rho=rho_sharp,
        sharp_h=h,
        sharp_left=left_sharp,
        amgm=t_amgm,
        amgm_in_time=amgm_in_time,
        amgm_rho=rho_amgm,
        amgm_margin=margin,
        amgm_left=left_amgm,
        in_time=sharp_in_time or amgm_in_time,
        balanced=both and by_balance(instance).in_force,
        sigma_F=sigma_F,
        A_norm=constants["A_norm"].value,
        y_norm=constants["y_norm"].value,
    )


def first_certified(run: Trajectory, certified: Callable[[TwoLayer], bool]) -> tuple[float, TwoLayer | None]:
    """A time from which the run is certified, and the parameters there; (∞, None) if they are not at its end.

    Bisection over the stored times, then between two of them on integrated states: the earliest such time, to half a percent,
    where certificates are not lost on the way.
    """
    start, end = run.state(0), run.state(len(run) - 1)
    if certified(start):
        return 0.0, start
    if not certified(end):
        return math.inf, None
    before, after, found = 0, len(run) - 1, end
    while after - before > 1:
        middle = (before + after) // 2
        network = run.state(middle)
        if certified(network):
            after, found = middle, network
        else:
            before = middle
    low, high = float(run.t[before]), float(run.t[after])
    for _ in range(_REFINE):
        t = math.sqrt(low * high) if low > 0 else 0.5 * high
        network = state_at(run, t, _RTOL, _ATOL)
        if certified(network):
            high, found = t, network
        else:
            low = t
    return high, found


def _there(
    instance: Instance,
    network: TwoLayer | None,
    tolerance: float,
    number_of: Callable[[Instance, TwoLayer, float], float],
) -> tuple[float, float, float]:
    """(ρ, the number that is certified, the part of the decay that is left), NaN without a certificate."""
    if network is None:
        return math.nan, math.nan, math.nan
    rho, rho_0 = rho_upper(instance, network), instance.constants["rho_0"].value
    if rho == 0:  # the loss is zero already
        return rho, number_of(instance, network, rho), -math.inf
    return rho, number_of(instance, network, rho), 1.0 - 2.0 * math.log(rho_0 / rho) / math.log(1.0 / tolerance)


def _margin(instance: Instance, network: TwoLayer, rho: float) -> float:
    found = hidden(instance, network, rho)
    assert found is not None  # there is a certificate
    return found.capacity / rho if rho > 0 else math.inf


EXPERIMENT = Kind(
    name="restart",
    about="Time to the first restart certificate, by width",
    config=Config,
    record=Record,
    replica=replica,
    summarize="verify.sweep.experiments.restart_summary:summarize",
)
