"""Worlds made so that the hypotheses of a statement hold, with a margin that is prescribed: nothing is filtered.

Every world is a function of a few plain numbers and a seed.  The margin is met by placing the observation: y lies on a ray
from F(x(0)), and ρ0 = ψ(L_y(F(x(0)))) does not decrease along it, so that bisection finds any value that is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from numerics.losses import CompiledLoss
from numerics.losses import loss as compiled_loss
from numerics.wonly.domain import interval
from numerics.worlds import DeepGenerator, Generator, Linear, Operator, Quadratic, Sine, TwoLayerGenerator, World
from numerics.worlds.generators import Array
from theory.losses import LOSSES
from verify.placing import BUDGETS, Condition, budget_residual, placed, start_residual

__all__ = [
    "Condition",
    "antisymmetric",
    "deep",
    "extremal",
    "loss_of",
    "operator_of",
    "placed",
    "quadratic",
    "start_residual",
    "two_layer",
    "wonly",
]


# ------------------------------------------------------------------------------------------------------------ parts
def loss_of(name: str, m: int, *, seed: int = 0, **parameters: float) -> CompiledLoss:
    """A loss on m entries: ``m`` of `lp` is filled in, weights between 1/2 and 2 are drawn for the weighted one.

    >>> loss_of("lp", 2, p=3)
    CompiledLoss('lp', w_min=1.0, p=3.0, m=2.0)
    """
    if name in LOSSES and any(item.name == "m" for item in LOSSES[name].parameters):
        parameters = {**parameters, "m": m}
    weights = None
    if name in LOSSES and LOSSES[name].weighted:
        weights = 2.0 ** np.random.default_rng([seed, 7]).integers(-1, 2, size=m)
    return compiled_loss(name, weights, **parameters)


def operator_of(
    kind: str, n: int, m: int, *, seed: int = 0, values: Sequence[float] = (), beta: float = 0.5
) -> Operator:
    """An operator R^n → R^m with prescribed nonzero singular values (none given: all 1).

    `kind`: "identity" (m = n), "values" (as many values as min(m, n), or fewer: then its rank is that), "sine" (A of full row
    rank under x + β sin x).  The singular vectors are random, but for one number, or n = m = 1.

    >>> operator_of("values", 2, 2, values=[3.0]).singular.round(12)
    array([3.])
    """
    full = min(m, n)
    used = list(values) or [1.0] * full
    if len(used) > full or min(used) <= 0:
        raise ValueError(f"{len(used)} singular values {used}; at most {full} positive ones are needed for {m} x {n}")
    if kind == "identity":
        if m != n:
            raise ValueError(f"the identity has m = n, not m = {m}, n = {n}")
        return Linear(np.eye(n))
    if n == m == 1:
        A = np.array([[used[0]]])
    else:
        rng = np.random.default_rng([seed, 3])
        left, right = (np.linalg.qr(rng.standard_normal((size, size)))[0] for size in (m, n))
        A = (left[:, : len(used)] * used) @ right[:, : len(used)].T
    if kind == "values":
        return Linear(A)
    if kind == "sine":
        return Sine(A, beta)
    raise ValueError(f"unknown kind of operator {kind!r}; choose identity, values or sine")


def _signs(n: int, k: int, rng: np.random.Generator) -> Array:
    """Rademacher columns, the first n of them independent: a triangle of signs, each column turned at random."""
    V = rng.choice([-1.0, 1.0], (n, k))
    first = min(n, k)
    V[:, :first] = np.where(np.tri(n, first) > 0, 1.0, -1.0) * rng.choice([-1.0, 1.0], first)
    return V


def _network(activation: str, train: Literal["both", "W"], n: int, k: int, seed: int) -> TwoLayerGenerator:
    """a0 standard normal, at least 1/4 away from 0; signs for V."""
    rng = np.random.default_rng([seed, 1])
    a0 = rng.standard_normal(k)
    return TwoLayerGenerator(activation, train, a0 + np.copysign(0.25, a0), _signs(n, k, rng))


# ------------------------------------------------------------------------------------------------------------ worlds
def two_layer(
    condition: Condition = "sharp",
    fraction: float = 0.5,
    *,
    activation: str = "tanh",
    train: Literal["both", "W"] = "both",
    loss: str | Any = "least_squares",
    parameters: Mapping[str, float] | None = None,
    n: int = 1,
    m: int | None = None,
    k: int = 4,
    operator: Operator | None = None,
    noise: float = 0.1,
    c: float = 0.5,
    seed: int = 0,
) -> World:
    """A two-layer network that meets the condition with this margin (W only: k ≥ n).

    >>> world = two_layer("sharp", 0.5, k=4)
    >>> round(world.generator.modulus * world.rho_0 / (world.operator.sigma_F * world.sigma_0**2), 9)
    0.25
    """
    if train == "W" and k < n:
        raise ValueError(f"W only: k = {k} neurons have a Jacobian of rank below n = {n}; take k >= n")
    made = _network(activation, train, n, k, seed)
    if condition == "balanced":
        made = _unbalanced(made, fraction)
    return _in_place(made, condition, fraction, loss, parameters, m, operator, noise, c, seed)


def _unbalanced(made: TwoLayerGenerator, gap: float) -> TwoLayerGenerator:
    """The first neuron with sinh² a = ‖v‖² + gap."""
    a0 = made.a0.copy()
    a0[0] = math.copysign(math.asinh(math.sqrt(float(made.V0[:, 0] @ made.V0[:, 0]) + gap)), a0[0])
    return TwoLayerGenerator(made.activation, made.train, a0, made.V0)


def antisymmetric(world: World) -> World:
    """The two-layer network of a world doubled, V0 = [V, −V] and a0 = [a, a], so that x(0) = 0; the truth moves along.

    >>> bool(abs(antisymmetric(two_layer(k=2)).generator.output(np.zeros(8))[0]) < 1e-15)
    True
    """
    made = world.generator
    if not isinstance(made, TwoLayerGenerator):
        raise ValueError("only a two-layer network can be made antisymmetric")
    x0 = made.output(np.zeros(made.size))
    doubled = TwoLayerGenerator(made.activation, made.train, np.tile(made.a0, 2), np.hstack([made.V0, -made.V0]))
    if world.truth is None or world.clean is None:
        raise ValueError("a truth is needed: it is moved by x(0), and the noise stays")
    truth = world.truth - x0
    clean = world.operator(truth)
    y = clean + (world.y - world.clean)
    return world.with_(generator=doubled, y=y, clean=clean, truth=truth, label=world.label + ", antisymmetric")


def quadratic(
    condition: Condition = "sharp",
    fraction: float = 0.5,
    *,
    loss: str | Any = "least_squares",
    parameters: Mapping[str, float] | None = None,
    n: int = 1,
    m: int | None = None,
    size: int | None = None,
    sigma_0: float = 1.0,
    curvature: float = 1.0,
    operator: Operator | None = None,
    noise: float = 0.1,
    c: float = 0.5,
    seed: int = 0,
) -> World:
    """g(d) = J d + ½H[d, d] with random J, singular values from σ0 to 2σ0, and random H of modulus `curvature` (0: none)."""
    size = n if size is None else size
    if size < n:
        raise ValueError(f"{size} parameters for {n} outputs: sigma_0 would be 0; take at least {n}")
    rng = np.random.default_rng([seed, 4])
    values = sigma_0 * np.linspace(1.0, 2.0, n)
    if size == 1:
        J = np.array([[sigma_0]])
    else:
        left, right = (np.linalg.qr(rng.standard_normal((count, count)))[0] for count in (n, size))
        J = (left * values) @ right[:, :n].T
    H = rng.standard_normal((n, size, size))
    H = H + np.swapaxes(H, 1, 2)
    if curvature > 0:
        H *= curvature / Quadratic(J, H).modulus
        H = (H + np.swapaxes(H, 1, 2)) / 2
    made = Quadratic(J, H if curvature > 0 else None)
    return _in_place(made, condition, fraction, loss, parameters, m, operator, noise, c, seed)


def extremal(
    h: float = 0.25, *, sigma_F: float = 1.0, sigma_0: float = 1.0, Lambda: float = 1.0, noise: float = 0.0
) -> World:
    """The family on which the sharp theorem holds with equality (`sharp.optimal`), with this h; h > ½ stops short.

    The truth is on the same side as y, at noise·ρ0 below it (above it for a negative noise).

    >>> world = extremal(0.25)
    >>> world.y, round(world.rho_0, 12)
    (array([0.25]), 0.25)
    """
    rho_0 = h * sigma_F * sigma_0**2 / Lambda
    clean = rho_0 * (1.0 - noise)
    operator = Linear([[sigma_F]])
    made = Quadratic([[sigma_0]], [[[-Lambda]]])
    return World(
        made, operator, compiled_loss("least_squares"), [rho_0], [clean], [clean / sigma_F], f"extremal, h = {h:g}"
    )


def deep(
    condition: Condition = "sharp",
    fraction: float = 0.5,
    *,
    activation: str = "tanh",
    widths: Sequence[int] = (2,),
    inputs: int = 1,
    biases: bool = False,
    loss: str | Any = "least_squares",
    parameters: Mapping[str, float] | None = None,
    n: int = 1,
    m: int | None = None,
    operator: Operator | None = None,
    noise: float = 0.1,
    seed: int = 0,
) -> World:
    """A feedforward network with hidden layers of these widths and n outputs for each of 1 or more inputs of two entries.

    The reach of its linear modulus is chosen such that ℓ* is just within it.
    """
    rng = np.random.default_rng([seed, 5])
    sizes = [2, *widths, n]
    weights = [rng.standard_normal((after, before)) / math.sqrt(before) for before, after in pairwise(sizes)]
    given = [0.5 * rng.standard_normal(size) for size in sizes[1:]] if biases else None
    angles = 2 * math.pi * np.arange(inputs) / max(inputs, 1) / 2 + 0.3
    points = [np.array([math.cos(angle), math.sin(angle)]) for angle in angles]
    made = DeepGenerator(activation, weights, given, points)
    J0 = made.jacobian(np.zeros(made.size))
    sigma_0 = float(np.linalg.svd(J0, compute_uv=False)[-1]) if J0.shape[1] >= J0.shape[0] else 0.0
    # ℓ* = (σ0/Λ)(1 − √(1 − 2h)) is within the reach r if Ω(r) = Λ r ≥ σ0 (1 − √(1 − 2h)) for a linear modulus of slope Ω(r)/r
    needed = sigma_0 * (1.0 - math.sqrt(max(0.0, 1.0 - min(fraction, 1.0)))) * (1 + 1e-9)
    if needed > 0:
        lo, hi = 0.0, 1.0
        while made.modulus_at(hi) < needed:
            hi *= 2
        for _ in range(60):
            mid = 0.5 * (lo + hi)
            lo, hi = (mid, hi) if made.modulus_at(mid) < needed else (lo, mid)
        made = DeepGenerator(activation, weights, given, points, hi)
    return _in_place(made, condition, fraction, loss, parameters, m, operator, noise, 0.5, seed)


def _in_place(
    made: Generator,
    condition: Condition,
    fraction: float,
    loss: str | Any,
    parameters: Mapping[str, float] | None,
    m: int | None,
    operator: Operator | None,
    noise: float,
    c: float,
    seed: int,
) -> World:
    if operator is None:
        operator = operator_of("identity" if m in (None, made.n) else "values", made.n, m or made.n, seed=seed)
    rows = operator.A.shape[0]
    chosen = loss_of(loss, rows, seed=seed, **(parameters or {})) if isinstance(loss, str) else loss
    label = f"{made.kind}, {condition} at {fraction:g}"
    if condition in BUDGETS:
        rho_0 = budget_residual(made, operator, chosen, condition, fraction, seed=seed, noise=noise)
    else:
        rho_0 = start_residual(made, operator, condition, fraction, c=c)
    return placed(made, operator, chosen, rho_0, seed=seed, noise=noise, label=label)


def wonly(
    *,
    activation: str = "tanh",
    loss: str | Any = "least_squares",
    parameters: Mapping[str, float] | None = None,
    n: int = 1,
    m: int | None = None,
    k: int = 4,
    operator: Operator | None = None,
    distance: float = 0.5,
    noise: float = 0.0,
    seed: int = 0,
) -> World:
    """First layer only, y in the interior of the image of the box: y = B φ(a*) + noise, |a* − a0| ≤ distance entrywise.

    Both a* and what makes the noise stay in the interval of a0 on which φ' has no zero.
    """
    made = _network(activation, "W", n, k, seed)
    if operator is None:
        operator = operator_of("identity" if m in (None, n) else "values", n, m or n, seed=seed)
    chosen = loss_of(loss, operator.A.shape[0], seed=seed, **(parameters or {})) if isinstance(loss, str) else loss
    rng = np.random.default_rng([seed, 6])
    phi = made.activation.phi

    def moved(a: Array, by: float) -> Array:
        lo, hi = interval(made.activation, made.a0)
        step = by * rng.uniform(0.2, 1.0, k) * rng.choice([-1.0, 1.0], k)
        return np.clip(a + step, np.where(np.isfinite(lo), 0.2 * made.a0 + 0.8 * lo, -np.inf),
                       np.where(np.isfinite(hi), 0.2 * made.a0 + 0.8 * hi, np.inf))  # fmt: skip

    near = moved(made.a0, distance)
    truth = made.V0 @ phi(near) / math.sqrt(k)
    clean = operator(truth)
    noisy = operator(made.V0 @ phi(moved(near, noise)) / math.sqrt(k)) if noise > 0 else clean
    return World(made, operator, chosen, noisy, clean, truth, f"interior y, distance {distance:g}")
