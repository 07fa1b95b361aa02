"""`recover.tension`: what restricted injectivity is for the signals that a network can produce.

An instance is a linear A (m × n), an initialization θ0 and a truth x̄ = g(θ̄) with θ̄ near θ0, no noise.  The set is
Σ' = g(B(θ0, R)), R the largest radius with R·Lip(J_g; B(θ0, R)) ≤ σ0/2: on it g is a submersion, so from x̄ the signal can be
moved a little in *every* direction.  Moved along ker A it shows μ_{A,Σ'} = 0; where A is injective, moved along its last
singular vector, it shows μ ≤ σ_min(A)(1 + small), and μ ≥ σ_min(A) is proved.

Upper bounds of μ are rigorous: the ratio ‖A(x − x̄)‖/‖x − x̄‖ of two points g(θ), g(θ̄) with both θ in the ball, every
rounding error added.  The same is done with what the flow finds, which fits the data and is not x̄.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numerics import rigorous
from numerics.activations import activation
from numerics.compile import enclose
from numerics.door import integer, number
from numerics.flow import gradient_flow
from numerics.initialization import Train, entry_distribution, initialize
from numerics.losses import loss
from numerics.networks.two_layer import TwoLayer
from numerics.reduced import ReducedProblem
from verify.sweep.kind import Kind

__all__ = ["EXPERIMENT", "Config", "Record"]

Array = NDArray[np.float64]

_CORRECTIONS = 30
_UP = 1.0 + 2.0**-40


@dataclass(frozen=True)
class Config:
    """n, m, k: signal, data, width.  reach: ‖θ̄ − θ0‖/R.  push: how far x̄ is moved, as a share of what certainly stays in Σ'.

    train, activation, V: as for `dipcert run`.  fit: the flow ends when ‖Ax − y‖ is this share of what it was.
    """

    n: int
    m: int
    k: int
    reach: float = 0.3
    push: float = 0.5
    train: Train = "both"
    activation: str = "tanh"
    V: str = "rademacher"
    fit: float = 1e-7

    def __post_init__(self) -> None:
        for name in ("n", "m", "k"):
            integer(name, getattr(self, name), 1)
        for name in ("reach", "push", "fit"):
            value = getattr(self, name)
            number(name, value)
            if not 0 < value < 1:
                raise ValueError(f"{name} = {value:g}; it is a share, between 0 and 1")
        if self.train not in ("both", "W"):
            raise ValueError(f"train = {self.train!r}; it must be 'both' (a and V move) or 'W' (only a moves)")
        if self.k < self.n and self.train == "W":
            raise ValueError(
                f"k = {self.k} and n = {self.n}: with W alone the Jacobian has rank n only if k >= n (A.init)"
            )
        if not math.isfinite(activation(self.activation).B2.value):
            raise ValueError(f"activation = {self.activation!r}: its derivative is not Lipschitz (A.activation)")
        entry_distribution(self.V)


@dataclass(frozen=True)
class Record:
    """One instance.

    sigma_A: σ_min(A) as inf ‖Az‖/‖z‖, from below (0 for m < n).  mu_lower, mu_upper: bounds of μ_{A,Σ'}, the upper one from
    the point that was looked for.  inside: whether both parameters are proved to lie in the ball.  radius: R from below.
    condition: whether R' < R is proved, the hypothesis of `recover.tension`.  run_ratio: ‖A(x∞ − x̄)‖/‖x∞ − x̄‖ for the end of
    the flow, from above.  run_error: ‖x∞ − x̄‖/‖x(0) − x̄‖.  unseen: ‖P(x(0) − x̄)‖/‖x(0) − x̄‖, P the projector on ker A: what a
    wide network would leave as it is.  fitted: whether the flow fitted the data.
    """

    sigma_A: float
    mu_lower: float
    mu_upper: float
    inside: bool
    radius: float
    condition: bool
    run_ratio: float
    run_error: float
    unseen: float
    fitted: bool


def replica(config: Config, rng: np.random.Generator) -> Record:
    """Draw an instance, look for the worst pair of signals, and run the flow."""
    data, start, truth = rng.spawn(3)
    n, m, k = config.n, config.m, config.k
    phi = activation(config.activation)
    A = data.standard_normal((m, n)) / math.sqrt(n)
    a0, V0 = initialize(n, k, start, train=config.train, V=config.V)
    network = TwoLayer(phi, config.train, a0, V0)
    radius = network.baseline_radius(network.sigma_min().as_lower()).as_lower()
    target = _moved(network, truth, config.reach * radius)
    x_bar = target.output()

    right = np.linalg.svd(A)[2]
    room = 0.5 * network.sigma_min().as_lower() * (1 - config.reach) * radius
    other = _reach(target, x_bar + config.push * room * right[-1])
    sigma_A = rigorous.sigma_min_lower(A.T) if m >= n else 0.0
    inside = all(_distance(network, point) < radius for point in (target, other))
    end, fitted = _run(config, A, x_bar, network)
    x_0, x_end = network.output(), end.output()
    away = float(np.linalg.norm(x_0 - x_bar))
    unseen = right[m:] @ (x_0 - x_bar) if m < n else np.zeros(1)
    return Record(
        sigma_A=float(sigma_A),
        mu_lower=float(sigma_A),
        mu_upper=ratio_upper(A, other, target),
        inside=inside,
        radius=radius,
        condition=_condition(A, network, target) < radius,
        run_ratio=ratio_upper(A, end, target),
        run_error=float(np.linalg.norm(x_end - x_bar)) / away,
        unseen=float(np.linalg.norm(unseen)) / away,
        fitted=fitted,
    )


def ratio_upper(A: Array, first: TwoLayer, second: TwoLayer) -> float:
    """‖A(x − x')‖/‖x − x'‖ from above for the outputs x, x' of two networks; inf if they are not known to differ."""
    (x, error_x), (z, error_z) = _output(first), _output(second)
    d = x - z
    error = (error_x + error_z + 2.0**-52 * rigorous.norm_upper(d)) * _UP
    length = rigorous.norm_lower(d, error=error)
    if not length > 0:
        return math.inf
    product_error = rigorous.matmul_error(A, d[:, None])
    seen = rigorous.norm_upper(A @ d, error=product_error) + rigorous.opnorm_upper(A) * error
    return seen / length * _UP


def _output(network: TwoLayer) -> tuple[Array, float]:
    """g(θ) in floating point, and a bound of the norm of its error."""
    value, error = network.activation.enclose_phi(network.a)
    product = network.V @ value
    spread = rigorous.matmul_error(network.V, value[:, None]) + rigorous.norm_upper(network.V) * rigorous.norm_upper(
        error
    )
    x = product / math.sqrt(network.k)
    return x, (spread / math.sqrt(network.k) + 2.0**-51 * rigorous.norm_upper(x)) * _UP + 2.0**-1000


def _moved(network: TwoLayer, rng: np.random.Generator, distance: float) -> TwoLayer:
    """A network at this distance, in a random direction of the parameters that train."""
    a, V = rng.standard_normal(network.k), rng.standard_normal(network.V.shape)
    if network.train == "W":
        V = np.zeros_like(V)
    scale = distance / math.hypot(float(np.linalg.norm(a)), float(np.linalg.norm(V)))
    return TwoLayer(network.activation, network.train, network.a + scale * a, network.V + scale * V)


def _reach(network: TwoLayer, x: Array) -> TwoLayer:
    """A network near this one that produces x: Gauss and Newton with the least step, to the last digits."""
    best, missing = network, math.inf
    for _ in range(_CORRECTIONS):
        r = x - network.output()
        size = float(np.linalg.norm(r))
        if not size < missing:
            break
        best, missing = network, size
        h, slope = network.activation.phi(network.a), network.activation.dphi(network.a)
        root = math.sqrt(network.k)
        S = network.V * (slope / root)
        gram = S @ S.T
        if network.train == "both":
            gram = gram + float(h @ h) / network.k * np.eye(network.n)
        w = np.linalg.solve(gram, r)
        V = network.V + np.outer(w, h / root) if network.train == "both" else network.V
        network = TwoLayer(network.activation, network.train, network.a + S.T @ w, V)
    return best


def _distance(first: TwoLayer, second: TwoLayer) -> float:
    """‖θ − θ'‖ from above; a difference of two doubles is rounded once."""
    both = (second.a - first.a, second.V - first.V)
    return math.hypot(*(rigorous.norm_upper(d) for d in both)) * _UP


def _condition(A: Array, network: TwoLayer, target: TwoLayer) -> float:
    """R' = 2ρ0/(σ_F σ0) from above for y = A x̄ (`baseline.condition`); inf where A has not full rank for sure."""
    sigma_F = float(rigorous.sigma_min_lower(A if A.shape[0] <= A.shape[1] else A.T))
    sigma_0 = network.sigma_min().as_lower()
    if not (sigma_F > 0 and sigma_0 > 0):
        return math.inf
    (x, error_x), (x_bar, error) = _output(network), _output(target)
    d = x - x_bar
    error = (error + error_x + 2.0**-52 * rigorous.norm_upper(d)) * _UP
    rho = rigorous.norm_upper(A @ d, error=rigorous.matmul_error(A, d[:, None])) + rigorous.opnorm_upper(A) * error
    values: dict[str, Any] = {"rho_0": rho * _UP, "sigma_F": sigma_F, "sigma_0": sigma_0}
    return float(enclose("baseline.condition", "R_prime", values).upper)


def _run(config: Config, A: Array, x_bar: Array, network: TwoLayer) -> tuple[TwoLayer, bool]:
    """Where the flow on y = A x̄ ends: the full network, and whether it has fitted the data."""
    left, s, right = np.linalg.svd(A, full_matrices=False)
    problem = ReducedProblem(
        s, left.T @ (A @ x_bar), loss("least_squares"), network.activation, network.train, network.a, right @ network.V
    )  # fmt: skip
    start = float(problem.loss.value(problem.forward(right @ network.output()), problem.y))
    run = gradient_flow(
        problem,
        t_max=math.inf,
        loss_stop=config.fit**2 * start,
        times=(),
        max_steps=5000,
        error_estimate=False,
        lengths=False,
    )
    state = run.state(-1)
    V = network.V + right.T @ (state.V - problem.V0)
    return TwoLayer(network.activation, network.train, state.a, V), run.status == "loss_stop"


EXPERIMENT = Kind(
    name="tension",
    about="Restricted injectivity over the signals of a network",
    config=Config,
    record=Record,
    replica=replica,
    summarize="verify.sweep.experiments.tension_summary:summarize",
)
