"""The instances on which an audit looks first: small, named, each chosen because some wrong theorem dies on it.

The extremal family attains the sharp theorem; linear generators separate singular values; the scalar network with a = v
attains `dip2.amgm`; networks of every activation and loss are what the theory is for.  Instances that violate a
hypothesis are here too: a claim is checked on an instance only where it is in force, so they serve the mutants that no
longer ask for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from numerics.losses import loss
from numerics.worlds import DeepGenerator, Linear, Quadratic, Sine, TwoLayerGenerator, World, least_squares
from numerics.worlds.outside import FlatLoss, LiftedLoss, PartialLoss
from verify.engine import Engine
from verify.making import extremal
from verify.pool_more import counterexamples

__all__ = [
    "ACTIVATIONS",
    "DEPTHS",
    "LOSSES",
    "Depth",
    "Instance",
    "diagonal",
    "extremal",
    "instances",
    "network",
    "scalar_network",
]

Depth = Literal["dev", "ci", "deep"]
DEPTHS: tuple[Depth, ...] = ("dev", "ci", "deep")
ACTIVATIONS = ("tanh", "sigmoid", "softplus", "erf", "sin", "gelu", "silu", "identity")
LOSSES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("weighted_least_squares", {"weights": [1.0, 3.0]}),
    ("p_power", {"p": 3}),
    ("lp", {"p": 4, "m": 2}),
    ("pseudo_huber", {"huber": 0.1}),
    ("log_cosh", {}),
    ("lojasiewicz", {"alpha": 0.4}),
)
_SLOW = frozenset({"p_power", "lp", "lojasiewicz"})  # algebraic decay: the run ends early


@dataclass(frozen=True)
class Instance:
    """A world and how it is run; `family` groups instances of one kind."""

    name: str
    family: str
    world: World
    engine: Engine


def instances(depth: Depth = "dev", seed: int = 0) -> Iterator[Instance]:
    """The pool at this depth: named instances always; drawn ones from `seed`, more of them at greater depth.

    Raises ValueError for an unknown depth.
    """
    if depth not in DEPTHS:
        raise ValueError(f"unknown depth {depth!r}; choose one of {', '.join(DEPTHS)}")
    for make in (_extremal, _linear, _outside, _quadratic, _scalar_networks, _descent):
        yield from make()
    for name, family, world, engine in counterexamples():
        yield Instance(name, family, world.with_(label=world.label or name), engine)
    for index in range({"dev": 1, "ci": 3, "deep": 12}[depth]):
        rng = np.random.default_rng([seed, index])
        for make_random in (_networks, _deep, _nonlinear):
            yield from make_random(rng, index)


def _extremal() -> Iterator[Instance]:
    late = Engine(loss_ratio=1e-20, points_per_decade=8)
    for h in (0.05, 0.2, 0.2499, 0.3, 0.45):
        for noise in (0.0, 0.01, -0.01):
            yield Instance(f"E({h:g}), noise {noise:g}", "extremal", extremal(h, noise=noise), late)
    for h, (sigma_F, sigma_0, Lambda) in ((0.2, (0.1, 1.0, 1.0)), (0.24, (3.0, 1.0, 2.0)), (0.4, (0.5, 3.0, 5.0))):
        world = extremal(h, sigma_F=sigma_F, sigma_0=sigma_0, Lambda=Lambda, noise=0.01)
        yield Instance(f"E({h:g}), sigma_F sigma_0 = {sigma_F * sigma_0:g}", "extremal", world, late)
    yield Instance("E(0.499)", "extremal", extremal(0.499), Engine(loss_ratio=1e-20, t_max=2e4))
    for h in (0.505, 0.7):
        yield Instance(f"E({h:g})", "extremal, beyond 1/2", extremal(h, noise=0.01), Engine(t_max=4e3))


def diagonal(values: Any, residual: Any, noise: Any = None, label: str = "", the_loss: Any = None) -> World:
    """g = θ, F = diag(values): y − F(0) = `residual`; `noise` = y − ȳ."""
    s, y = np.asarray(values, dtype=float), np.asarray(residual, dtype=float)
    clean = y - (np.zeros_like(y) if noise is None else np.asarray(noise, dtype=float))
    generator = Quadratic(np.eye(s.size))
    return World(generator, Linear(np.diag(s)), the_loss or least_squares(), y, clean, clean / s, label or "linear")


def _linear() -> Iterator[Instance]:
    run = Engine(loss_ratio=1e-16)
    yield Instance("diag(1, 0.1), residual e2", "linear", diagonal([1, 0.1], [0, 1], [0, 0.01]), run)
    yield Instance("diag(1, 0.1), residual e1", "linear", diagonal([1, 0.1], [1, 0], [0.01, 0]), run)
    yield Instance("diag(1, 0.3), both", "linear", diagonal([1, 0.3], [1, 1], [0.02, -0.01]), run)
    bracket = diagonal([math.sqrt(0.1)], [100.0], [-1.0])
    yield Instance("theta, sigma^2 = 0.1, rho_0 = 100, eps = 1", "linear", bracket, run)
    yield Instance("theta, sigma = 1", "linear", diagonal([1.0], [1.0], [0.05]), run)
    wide = World(
        Quadratic(np.eye(3)), Linear([[1.0, 0.5, 0.0], [0.0, 0.4, 0.2]]), least_squares(), [0.5, -0.3], [0.49, -0.31],
        np.linalg.lstsq(np.array([[1.0, 0.5, 0.0], [0.0, 0.4, 0.2]]), np.array([0.49, -0.31]), rcond=None)[0], "linear, m < n",
    )  # fmt: skip
    yield Instance("linear, m < n", "linear", wide, run)
    for name, parameters in LOSSES:
        goal = 1e-6 if name in _SLOW else 1e-14
        yield Instance(
            f"theta, {name}", "linear", diagonal([1.0, 0.5], [0.8, -0.6], [0.05, 0.02], the_loss=loss(name, **parameters)),
            Engine(loss_ratio=goal),
        )  # fmt: skip
    equal = diagonal([1.0, 1.0], [0.7, 0.7], the_loss=loss("lp", p=4, m=2))
    yield Instance("theta, lp, equal entries", "linear", equal, Engine(loss_ratio=1e-6))


def _outside() -> Iterator[Instance]:
    """Data outside the range, and losses outside the assumptions."""
    run = Engine(t_max=60.0)
    tall = World(Quadratic([[1.0]]), Linear([[1.0], [0.0]]), least_squares(), [1.0, 1.0], [1.0, 0.0], [1.0], "tall")
    yield Instance("A = (1, 0)^T, y = (1, 1)", "outside the range", tall, run)
    two = Quadratic(np.eye(2))
    for bad in (PartialLoss(), LiftedLoss(), FlatLoss()):
        world = World(two, Linear(np.eye(2)), bad, [1.0, 1.0], [1.0, 0.99], [1.0, 0.99], f"loss {bad.name}")
        yield Instance(f"loss {bad.name}", "outside the losses", world, run)


def _quadratic() -> Iterator[Instance]:
    run = Engine(loss_ratio=1e-16)
    # g = (θ1, θ2(1 − θ1/20)): the kernel energy grows along the way
    H = np.zeros((2, 2, 2))
    H[1, 0, 1] = H[1, 1, 0] = -0.05
    twisted = World(
        Quadratic(np.eye(2), H), Linear(np.diag([1.0, 1e-6])), least_squares(), [0.019, 1e-6], [0.02, 1e-6], [0.02, 1.0],
        "g = (t1, t2 (1 - t1/20)), A = diag(1, 1e-6)",
    )  # fmt: skip
    yield Instance("twisted, A = diag(1, 1e-6)", "quadratic", twisted, Engine(t_max=30.0))
    rng = np.random.default_rng(7)
    for index, (n, m, p) in enumerate(((2, 2, 3), (3, 2, 5), (2, 3, 2), (2, 1, 4))):
        H = rng.standard_normal((n, p, p))
        H = 0.1 * (H + np.swapaxes(H, 1, 2))
        J = np.linalg.qr(rng.standard_normal((p, n)))[0].T
        A = rng.standard_normal((m, n))
        A /= np.linalg.norm(A, 2)
        d = 0.06 * rng.standard_normal(p)
        generator = Quadratic(J, H, 0.3 * rng.standard_normal(n))
        truth = generator.output(d)
        noise = A @ (0.01 * rng.standard_normal(n))
        clean = A @ truth
        world = World(
            generator, Linear(A), least_squares(), clean + noise, clean, truth, f"quadratic, n={n}, m={m}, p={p}"
        )
        yield Instance(f"quadratic {index}: n={n}, m={m}", "quadratic", world, run)


def scalar_network(activation: str, train: Any, a0: Any, v0: Any, y: float, sigma_F: float = 1.0) -> World:
    """n = m = 1: g = Σ v_i φ(a_i)/√k, F = σ_F."""
    generator = TwoLayerGenerator(activation, train, np.atleast_1d(a0), np.atleast_2d(v0))
    return World(generator, Linear([[sigma_F]]), least_squares(), [y], [y], [y / sigma_F], f"{activation}, one output")


def _scalar_networks() -> Iterator[Instance]:
    run = Engine(loss_ratio=1e-18, t_max=4e3)
    for rho_0 in (0.5, 0.9, 0.99):
        world = scalar_network("identity", "both", 1.0, 1.0, 1 - rho_0)
        yield Instance(f"a = v, rho_0 = {rho_0:g} a0^2", "a = v", world, run)
    yield Instance("a = v, y = -0.01", "a = v", scalar_network("identity", "both", 1.0, 1.0, -0.01), run)
    yield Instance("a = v, sigma_F = 0.2", "a = v", scalar_network("identity", "both", 1.0, 1.0, 0.02, 0.2), run)
    for a in (0.4, 1.0):
        world = scalar_network("tanh", "both", a, math.sinh(a), -0.3)
        yield Instance(f"v = sinh a, a = {a:g}, y < 0", "balance", world, run)
    unbalanced = scalar_network("tanh", "both", 1.0, 1.0, -0.3)
    yield Instance("gap > 0, one neuron", "balance", unbalanced, run)
    yield Instance("W only, v = 0", "W only", scalar_network("tanh", "W", 0.5, 0.0, 0.3), Engine(t_max=10.0))
    yield Instance("W only, one neuron", "W only", scalar_network("tanh", "W", 0.3, 1.2, 0.9), run)
    yield Instance("W only, identity", "W only", scalar_network("identity", "W", 0.3, 1.0, 0.9), run)
    three = scalar_network("tanh", "W", [0.3, -0.8, 1.1], [[1.2, -0.7, 0.4]], 0.5)
    yield Instance("W only, three neurons", "W only", three, run)


def _descent() -> Iterator[Instance]:
    for c in (0.3, 0.9):
        run = Engine("descent", 1e-20, c=c, steps=300)
        yield Instance(f"descent on theta, gamma M = {2 * c:g}", "descent", diagonal([1.0], [1.0], [0.02]), run)
        for h_nu in (0.2, 0.49):
            world = extremal(h_nu * (1 - c), noise=0.01)
            yield Instance(f"descent on E, h/nu = {h_nu:g}, gamma M = {2 * c:g}", "descent", world, run)
    flat = diagonal([1.0, 0.5], [0.8, -0.6], [0.05, 0.02])
    yield Instance("descent, diag(1, 0.5)", "descent", flat, Engine("descent", 1e-16, c=0.45, steps=400))
    for name, parameters in LOSSES:
        world = diagonal([1.0, 0.5], [0.8, -0.6], [0.05, 0.02], the_loss=loss(name, **parameters))
        yield Instance(f"descent, {name}", "descent", world, Engine("descent", 1e-8, c=0.4, steps=300))
    rng = np.random.default_rng(3)
    for train in ("both", "W"):
        world = network(rng, "tanh", train, 2, 2, 240, 0.4, the_loss=least_squares())
        yield Instance(f"descent, network, {train}", "descent", world, Engine("descent", 1e-12, c=0.5, steps=300))


def network(
    rng: np.random.Generator, activation: str, train: Any, n: int, m: int, k: int, fraction: float, the_loss: Any,
    noise: float = 0.05, low: float = 0.6,
) -> World:  # fmt: skip
    """A two-layer network with h = fraction/2, by the distance of y from y(0); h is less where that would take ρ0 above 1.

    The operator has singular values between `low` and 1; y is attainable; the noise is this fraction of the distance.
    """
    a0 = rng.standard_normal(k)
    V0 = rng.choice([-1.0, 1.0], (n, k))
    generator = TwoLayerGenerator(activation, train, a0, V0)
    start = World(generator, Linear(_matrix(rng, m, n, low)), the_loss, np.zeros(m))
    direction = start.operator.A @ rng.standard_normal(n)
    direction /= np.linalg.norm(direction)
    v0 = start.observation(start.start)
    sigma_F, sigma_0, Lambda = start.operator.sigma_F, start.sigma_0, generator.modulus
    goal = math.inf if Lambda == 0 else 0.5 * fraction * sigma_F * sigma_0**2 / Lambda  # of rho_0
    distance = _distance(lambda r: float(the_loss.rho(v0 + r * direction, v0)), min(goal, 1.0))
    y = v0 + distance * direction
    bent = start.operator.A @ rng.standard_normal(n)
    clean = y - noise * distance * bent / np.linalg.norm(bent)
    A = start.operator.A
    truth = generator.output(start.start) + np.linalg.lstsq(A, clean - v0, rcond=None)[0]
    return start.with_(y=y, clean=clean, truth=truth, label=f"{activation}, {train}, n={n}, m={m}, k={k}")


def _distance(rho: Callable[[float], float], goal: float) -> float:
    """r with ρ(r) = goal, ρ increasing, by bisection."""
    low, high = 0.0, 1.0
    while rho(high) < goal and high < 1e6:
        high *= 2
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if rho(middle) < goal else (low, middle)
    return low


def _matrix(rng: np.random.Generator, m: int, n: int, low: float) -> Any:
    r = min(m, n)
    P = np.linalg.qr(rng.standard_normal((m, m)))[0][:, :r]
    Q = np.linalg.qr(rng.standard_normal((n, n)))[0][:, :r]
    return (P * np.linspace(1.0, low, r)) @ Q.T


def _networks(rng: np.random.Generator, index: int) -> Iterator[Instance]:
    for activation in ACTIVATIONS:
        for train in ("both", "W"):
            n, m = ((2, 2), (2, 1), (1, 2))[(index + len(activation)) % 3]
            fraction = float(rng.uniform(0.2, 0.98))
            world = network(rng, activation, train, n, m, 24 if train == "both" else 60, fraction, least_squares())
            name = f"network {index}: {activation}, {train}, n={n}, m={m}"
            yield Instance(name, f"network, {train}", world, Engine(loss_ratio=1e-14))
    for name, parameters in LOSSES:
        train = ("both", "W")[(index + len(name)) % 2]
        world = network(rng, "tanh", train, 2, 2, 30 if train == "both" else 80, 0.7, loss(name, **parameters))
        goal = 1e-6 if name in _SLOW else 1e-14
        yield Instance(f"network {index}: {name}, {train}", f"network, {train}", world, Engine(loss_ratio=goal))


def _deep(rng: np.random.Generator, index: int) -> Iterator[Instance]:
    for bias, inputs in ((False, 1), (True, 1), (True, 2)):
        d, hidden, n = 2, 12, 2
        weights = [rng.standard_normal((hidden, d)), rng.standard_normal((n, hidden)) / math.sqrt(hidden)]
        biases = [rng.standard_normal(hidden) * 0.1, np.zeros(n)] if bias else None
        inputs_ = [u / np.linalg.norm(u) for u in rng.standard_normal((inputs, d))]
        generator = DeepGenerator("tanh", weights, biases, inputs_, reach=0.05)
        A = np.eye(generator.n)
        start = World(generator, Linear(A), least_squares(), np.zeros(generator.n))
        v0 = start.observation(start.start)
        direction = rng.standard_normal(generator.n)
        step = 0.4 * min(0.05 * start.sigma_0, 0.5 * start.sigma_0**2 / generator.modulus)
        y = v0 + step * direction / np.linalg.norm(direction)
        clean = v0 + 0.95 * (y - v0)
        world = start.with_(y=y, clean=clean, truth=clean, label=f"deep, bias {bias}, {inputs} inputs")
        yield Instance(f"deep {index}: bias {bias}, {inputs} inputs", "deep", world, Engine(loss_ratio=1e-12))


def _nonlinear(rng: np.random.Generator, index: int) -> Iterator[Instance]:
    base = network(rng, "tanh", "both", 2, 2, 30, 0.3, least_squares())
    generator: Any = base.generator
    operator = Sine(base.operator.A, 0.4)
    x0 = generator.output(base.start)
    truth = x0 + 0.5 * (np.asarray(base.truth) - x0)
    clean = operator(truth)
    y = clean + 0.02 * np.linalg.norm(clean - operator(x0)) * np.array([0.6, 0.8])
    world = World(generator, operator, least_squares(), y, clean, truth, "sine operator")
    yield Instance(f"sine operator {index}", "nonlinear", world, Engine(loss_ratio=1e-14))
