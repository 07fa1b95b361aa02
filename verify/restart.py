"""`sharp.restart` along a run: the first stored time from which the rest of the flow is guaranteed, at the user's width.

The theorems hold from any starting point. At stored parameters θ1 (these doubles, whatever produced them) the conditions
are evaluated as at t = 0, with certified constants: once one holds, gradient flow from θ1 provably reaches zero loss. The
claim is about the flow that is simulated: the operator is C (m × p) and the network is (a, V̂), in coordinates of Im Tᵀ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from numerics.amgm import AmgmDual, dual
from numerics.flow import Trajectory
from numerics.networks.two_layer import TwoLayer

from .constants import misfit_upper
from .instance import Instance
from .observables import sigma_times

# How many neurons are enclosed in all, and the fewest checkpoints that are examined whatever they cost.
_ENCLOSURES, _FEWEST = 3e5, 8
# Multiply-adds of one Gram matrix p × p × k from which a checkpoint is called costly.
_COSTLY = 1e9


@dataclass(frozen=True)
class Checkpoint:
    """The conditions at one stored time.

    h: upper bound of Λρ/(σ_F σ²) there (∞ if σ_min > 0 could not be proved); amgm: capacity over ρ (> 1 certifies),
    None for W only; rate: guaranteed exponential rate of ρ from here on; ell: bound of the path that is left.
    """

    index: int
    t: float
    rho: float
    h: float
    amgm: float | None
    certified_by: str | None
    rate: float
    ell: float


@dataclass(frozen=True)
class Restart:
    """The checkpoints examined, and the first that is certified (None if none is)."""

    checkpoints: tuple[Checkpoint, ...]
    first: Checkpoint | None

    def to_json(self) -> dict[str, Any]:
        """Plain data; infinite numbers as None."""

        def plain(point: Checkpoint | None) -> dict[str, Any] | None:
            if point is None:
                return None
            return {
                k: (None if isinstance(v, float) and not math.isfinite(v) else v) for k, v in point.__dict__.items()
            }

        return {"first": plain(self.first), "checkpoints": [plain(p) for p in self.checkpoints]}


def along(instance: Instance, trajectory: Trajectory) -> Restart:
    """Evaluate the conditions at stored times, in order, up to the first that is certified.

    At most as many times as cost about a minute: a checkpoint encloses φ and φ' at k points in Arb and factors a p × p
    matrix.
    """
    p, k = instance.reduced.V0.shape
    indices = sigma_times(len(trajectory.t), p, k)
    affordable = max(_FEWEST, int(_ENCLOSURES / k))
    if len(indices) > affordable:
        indices = indices[np.unique(np.linspace(0, len(indices) - 1, affordable).round().astype(int))]
    points: list[Checkpoint] = []
    for i in indices:
        points.append(_checkpoint(instance, trajectory, int(i)))
        if points[-1].certified_by is not None:
            return Restart(tuple(points), points[-1])
    return Restart(tuple(points), None)


def is_costly(instance: Instance) -> bool:
    """Whether a checkpoint takes about a second or more: then none is examined if zero loss is promised from t = 0."""
    p, k = instance.reduced.V0.shape
    return float(p) * p * k > _COSTLY


def from_start(instance: Instance, statement: str, rate: float) -> Restart:
    """What an a-priori guarantee of zero loss means for restarts: the first certified checkpoint is t = 0 itself."""
    rho = instance.constants["rho_0"].as_upper()
    point = Checkpoint(0, 0.0, rho, math.inf, None, statement, rate, math.inf)
    return Restart((point,), point)


def rho_upper(instance: Instance, network: TwoLayer) -> float:
    """ψ(L) at a network in reduced coordinates, from above, rounding of v = C V̂ φ/√k accounted for."""
    return misfit_upper(instance.reduced.C, instance.problem, network)[1]


def h_upper(instance: Instance, network: TwoLayer, rho: float) -> float:
    """h = Λρ/(σ_F σ²) at a network in reduced coordinates, from above, ρ from above; ∞ if σ_min > 0 could not be proved."""
    if not network.activation.theory.smooth or instance.reduced_sigma_F <= 0:
        return math.inf
    here = _sharp_constants(instance, network, rho)
    return math.inf if here is None else instance.upper("sharp.condition", "h", **here)


def hidden(instance: Instance, network: TwoLayer, rho: float) -> AmgmDual | None:
    """`dip2.amgm` at a network in reduced coordinates, ρ from above; None where the theorem does not apply."""
    if not network.activation.theory.smooth or network.train != "both" or instance.reduced_sigma_F <= 0:
        return None
    return dual(network.activation, network.a, rho, instance.reduced_sigma_F)


def _sharp_constants(instance: Instance, network: TwoLayer, rho: float) -> dict[str, float] | None:
    """What `sharp.*` takes, each from its safe side; None if σ_min > 0 could not be proved."""
    sigma = network.sigma_min().as_lower()
    if sigma <= 0:
        return None
    Lambda = network.modulus().as_upper()
    return {"sigma_F": instance.reduced_sigma_F, "sigma_0": sigma, "Lambda": Lambda, "rho_0": rho}


def _checkpoint(instance: Instance, trajectory: Trajectory, i: int) -> Checkpoint:
    network, constants = trajectory.state(i), instance.constants
    rho = rho_upper(instance, network)
    sigma_F, w_min = instance.reduced_sigma_F, constants["w_min"].value
    by, rate, ell = None, 0.0, math.inf
    h = h_upper(instance, network, rho)
    if h < 0.5:
        here = _sharp_constants(instance, network, rho)
        assert here is not None  # h is finite
        by = "sharp.condition"
        rate = instance.lower("sharp.rate", "a", **here) * w_min
        ell = instance.upper("sharp.length", "ell_star", **here)
    amgm = None
    result = hidden(instance, network, rho)
    if result is not None:
        amgm = result.capacity / rho if rho > 0 else math.inf
        if result.certified:
            faster = instance.lower("dip2.amgm", "rate", sigma_F=sigma_F, s_star=result.s_star) * w_min
            if by is None or faster > rate:
                by, rate = "dip2.amgm", faster
            ell = min(ell, instance.upper("dip2.amgm", "length", sigma_F=sigma_F, s_star=result.s_star, rho_0=rho))
    return Checkpoint(i, float(trajectory.t[i]), rho, h, amgm, by, rate, ell)
