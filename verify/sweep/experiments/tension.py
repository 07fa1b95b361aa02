"""The restricted injectivity constant μ of A on the signals that a certified run can reach: zero as soon as A has a kernel.

Σ' is the image of the ball of radius R' of `baseline.condition`, x̄ = s g(θ̄) a point of it, the data have no noise.  By
`recover.tension` μ = inf ‖A(x − x̄)‖/‖x − x̄‖ over Σ' is 0 for m < n.  Here x is sought along the last right singular vector of A,
in ker A if there is a kernel: g is a submersion, so that Gauss–Newton finds parameters of the ball with s g(θ) = x̄ + c z.
The ratio there is an upper bound of μ, σ_min(A) a lower one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numerics.door import number
from numerics.networks.two_layer import TwoLayer
from numerics.rigorous import norm_upper, up
from verify.guarantees import baseline, recovery
from verify.sweep.experiments.linear_instance import check_network, linear_instance
from verify.sweep.kind import Kind

__all__ = ["EXPERIMENT", "Config", "Record", "preimage"]

Floats = NDArray[np.float64]
_HALVINGS = 30


@dataclass(frozen=True)
class Config:
    """A cell: Gaussian A (m × n) with entries of variance 1/m, network.

    distance: ‖θ̄ − θ0‖; a replica says whether that is below R'.
    """

    m: int
    n: int = 8
    k: int = 512
    distance: float = 0.01
    train: str = "both"
    activation: str = "tanh"
    V: str = "rademacher"
    output_scale: float = 1.0

    def __post_init__(self) -> None:
        check_network(self.n, self.m, self.k, self.train, self.activation, self.V, self.output_scale)
        number("distance", self.distance)
        if not 0 < self.distance < math.inf:
            raise ValueError(f"distance = {self.distance!r}; it must be positive and finite")


@dataclass(frozen=True)
class Record:
    """One instance.  in_force: R' < R and θ̄ inside the ball of radius R' (otherwise nothing is claimed).

    mu_low: σ_min(A) from below, 0 where A has a kernel.  mu_high: ratio at the adversarial signal, rounding included; ∞ if
    none was found.  step: ‖x − x̄‖/‖x̄‖.  used: ‖θ − θ0‖/R' there.  missed: ‖s g(θ) − x̄ − c z‖ over ‖c z‖.
    status: of `baseline.recovery`.
    """

    in_force: bool
    mu_low: float
    mu_high: float
    step: float
    used: float
    missed: float
    status: str


def replica(config: Config, rng: np.random.Generator) -> Record:
    """Draw an instance whose truth the ball reaches, look for the signal that A tells least from it."""
    A = rng.standard_normal((config.m, config.n)) / math.sqrt(config.m)
    seed = int(rng.integers(2**31))
    # the network does not depend on the data: drawn once to make the truth from it, then with its data
    start = linear_instance(config, A, np.ones(config.n), None, seed, 2.0).problem.network
    here, radius = _moved(start, rng.standard_normal(config.n), config.distance)
    scale = config.output_scale
    truth = scale * output(here)
    instance = linear_instance(config, A, truth, None, seed, 2.0)
    condition = baseline.evaluate(instance)
    mu_low = instance.problem.operator.sigma_min().as_lower() if instance.is_injective else 0.0
    R_prime = condition.quantities.get("R_prime", math.nan)
    in_force = condition.in_force and radius < R_prime
    status = recovery.by_injectivity(instance, condition).status
    if not in_force:
        return Record(False, mu_low, math.inf, 0.0, math.nan, math.nan, status)
    z = np.linalg.svd(A)[2][-1]
    c = 0.5 * float(np.linalg.norm(truth))
    for _ in range(_HALVINGS):
        found = preimage(here, truth + c * z, scale)
        away = distance(found, start) if found is not None else math.inf
        if found is not None and away < R_prime:
            x = scale * output(found)
            high = _ratio(A, x, truth, found, here, scale)
            missed = float(np.linalg.norm(x - truth - c * z)) / c
            step = float(np.linalg.norm(x - truth) / np.linalg.norm(truth))
            return Record(True, mu_low, high, step, away / R_prime, missed, status)
        c /= 2
    return Record(True, mu_low, math.inf, 0.0, math.nan, math.nan, status)


def output(network: TwoLayer) -> Floats:
    """g(θ), shape (n,)."""
    return np.asarray(network.V @ network.activation.phi(network.a) / math.sqrt(network.k))


def distance(network: TwoLayer, other: TwoLayer) -> float:
    """‖θ − θ'‖ over what is trained."""
    return math.hypot(float(np.linalg.norm(network.a - other.a)), float(np.linalg.norm(network.V - other.V)))


def preimage(network: TwoLayer, target: Floats, scale: float, steps: int = 40) -> TwoLayer | None:
    """Parameters with s g(θ) = target, by Gauss–Newton (least-norm steps) from `network`; None if it does not converge."""
    best, kept = math.inf, network
    for _ in range(steps):
        miss = target / scale - output(network)
        size = float(np.linalg.norm(miss))
        if size <= 1e-15 * float(np.linalg.norm(target / scale)) or not size < best:
            break
        best, kept = size, network
        try:
            network = _newton(network, miss)
        except np.linalg.LinAlgError:  # the slopes have vanished: no way on
            return None
    else:
        return None
    network = network if size < best else kept
    return network if min(size, best) <= 1e-9 * float(np.linalg.norm(target / scale)) else None


def _newton(network: TwoLayer, miss: Floats) -> TwoLayer:
    """θ + J⁺ miss: J Jᵀ = V D² Vᵀ/k (+ ‖φ‖²/k I with both layers)."""
    k = network.k
    slopes = network.activation.dphi(network.a) / math.sqrt(k)
    hidden = network.activation.phi(network.a) / math.sqrt(k)
    J = network.V * slopes
    both = network.train == "both"
    K = J @ J.T + (float(hidden @ hidden) if both else 0.0) * np.eye(network.n)
    p = np.linalg.solve(K, miss)
    V = network.V + np.outer(p, hidden) if both else network.V
    return TwoLayer(network.activation, network.train, network.a + J.T @ p, np.ascontiguousarray(V))


def _moved(network: TwoLayer, direction: Floats, length: float) -> tuple[TwoLayer, float]:
    """The network that is `length` away from θ0 in direction Jᵀ`direction`, and how far it is."""
    step = _newton(network, direction)
    t = length / distance(step, network)
    moved = TwoLayer(
        network.activation,
        network.train,
        network.a + t * (step.a - network.a),
        np.ascontiguousarray(network.V + t * (step.V - network.V)),
    )
    return moved, distance(moved, network)


def _ratio(A: Floats, x: Floats, truth: Floats, found: TwoLayer, here: TwoLayer, scale: float) -> float:
    """‖A(x − x̄)‖/‖x − x̄‖ from above for the exact outputs of both networks, up to their rounding (some ulp of Σ|V||φ|/√k)."""
    e = x - truth
    terms = scale * max(
        float(np.linalg.norm(np.abs(net.V) @ np.abs(net.activation.phi(net.a)))) / math.sqrt(net.k)
        for net in (found, here)
    )
    rounding = 4 * (found.k + 32) * 2.0**-53 * terms
    size = float(np.linalg.norm(e)) * (1 - 1e-12) - rounding
    if size <= 0:
        return math.inf
    image = norm_upper(A @ e) + norm_upper(A) * (rounding + 64 * 2.0**-53 * norm_upper(e))
    return up(image / size)


EXPERIMENT = Kind(
    name="tension",
    about="Restricted injectivity on the signals that a certified run can reach",
    config=Config,
    record=Record,
    replica=replica,
    summarize="verify.sweep.experiments.tension_summary:summarize",
)
