"""Runs of small worlds: gradient flow by any method, gradient descent step by step, with what was seen on the way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import sympy as sp

from numerics import compile as compiled
from numerics.integrator import Settings, integrate
from numerics.worlds.generators import Array
from numerics.worlds.world import World
from theory.symbols import sym

__all__ = ["Record", "Step", "claimed_step", "descend", "flow", "gradient_constant", "step_for"]

_ROUNDING = 2.0**-50  # a few ulp a step, relative to what is added up


@dataclass(frozen=True)
class Step:
    """The step of gradient descent and what it rests on: ∇ℓ is M-Lipschitz on the ball of this radius, ν = 1 − γM/2."""

    gamma: float
    M: float
    radius: float
    claimed: bool = False
    """Whether M was only claimed: see :func:`claimed_step`."""

    @property
    def nu(self) -> float:
        """1 − γM/2."""
        return 1.0 - self.gamma * self.M / 2


@dataclass(frozen=True, eq=False)
class Record:
    """A run of a world at N stored times (flow) or iterates (descent); arrays of shape (N,) unless said otherwise.

    `d`: displacements, (N, size).  `length`, `length_a`: ℓ and ℓ_a.  `error_*`: estimates, from above, of the errors of
    the parameters, the lengths and the observation; 0 up to rounding for descent, which is its own object.
    `status`: "loss_stop", "t_max", "stationary", "max_steps", "interrupted", "failed".
    """

    world: World
    engine: Literal["flow", "descent"]
    t: Array
    d: Array
    loss: Array
    rho: Array
    residual: Array
    length: Array
    length_a: Array
    error_theta: Array
    error_length: Array
    error_residual: Array
    status: str
    rtol: float = 0.0
    step: Step | None = None

    def __len__(self) -> int:
        return int(self.t.size)


def flow(
    world: World,
    *,
    loss_ratio: float = 1e-12,
    t_max: float = math.inf,
    times: Any = None,
    points_per_decade: int = 6,
    rtol: float = 1e-10,
    max_steps: int = 20_000,
    method: str = "auto",
) -> Record:
    """Gradient flow until the loss has fallen to `loss_ratio` of its start, t_max, rest, or max_steps."""
    start = world.observe(world.start).loss
    settings = Settings(
        t_max=t_max,
        loss_stop=loss_ratio * start,
        times=times,
        points_per_decade=points_per_decade,
        rtol=rtol,
        atol=rtol * 1e-3,
        max_steps=max_steps,
        method=method,
    )
    run = integrate(world, settings)
    return Record(
        world, "flow", run.t, run.displacement, run.loss, run.rho, run.residual, run.length, run.length_a,
        run.error_theta, run.error_length, run.error_residual, run.status, rtol,
    )  # fmt: skip


def step_for(world: World, c: float) -> Step:
    """The step with γM = 2c, 0 < c < 1, and M on the ball of radius ℓ*_ν (`gd.condition`).

    M bounds ‖∇²ℓ‖ on the ball: with j = ‖J_g(0)‖ + Ω, G = ‖∇L(v)‖ and l the Lipschitz constant of ∇L there,
    ‖J_F‖² j² l + G (‖J_F‖ Lip_g + Lip_F j²).

    Raises
    ------
    ValueError: c outside (0, 1).  LookupError: no ball (h/ν ≥ ½), or no Lipschitz constant of ∇L or J_g is known.
    """
    if not 0 < c < 1:
        raise ValueError(f"c = γM/2 = {c}; it must lie strictly between 0 and 1")
    given = {
        "sigma_F": world.operator.sigma_F,
        "sigma_0": world.sigma_0,
        "Lambda": world.generator.modulus,
        "rho_0": world.rho_0,
        "nu": 1.0 - c,
    }
    h = compiled.evaluate(
        "sharp.condition", "h", {name: given[name] for name in ("sigma_F", "sigma_0", "Lambda", "rho_0")}
    )
    if not h / given["nu"] < 0.5:
        raise LookupError(f"h/ν = {h / given['nu']:.3g} is not below 1/2: there is no ball to bound M on")
    radius = compiled.evaluate("gd.length", "ell_star", given) * (1 + 1e-12)
    M = gradient_constant(world, radius)
    return Step(2 * c / M, M, radius)


def claimed_step(world: World, c: float, factor: float) -> Step:
    """The step with γM = 2c for an M that is claimed: `factor` times the constant that holds where σ_min(J_g) > 0.

    For showing that the hypotheses on the step are needed: c need not be below 1, nor the factor at least 1.
    """
    if not (c > 0 and factor > 0):
        raise ValueError(f"c = {c}, factor = {factor}; both must be positive")
    modulus = world.generator.modulus
    radius = world.sigma_0 / modulus if modulus > 0 else 1.0  # a quadratic objective has one constant everywhere
    M = factor * gradient_constant(world, radius)
    return Step(2 * c / M, M, radius, claimed=True)


def gradient_constant(world: World, radius: float) -> float:
    """A Lipschitz constant of ∇_θ L_y(F(g(θ))) on the ball of this radius; LookupError if none is known."""
    operator, generator = world.operator, world.generator
    j = float(np.linalg.norm(world.J_0, 2)) + generator.modulus_at(radius)
    reach = operator.opnorm * j * radius  # how far v can move
    seen = world.observe(world.start)
    constant = getattr(getattr(world.loss, "theory", world.loss), "gradient_lipschitz", None)
    if constant is None:
        raise LookupError(f"no Lipschitz constant of the gradient of the loss {world.loss.name} is known")
    curved = float(sp.N(sp.sympify(constant).subs(sym("r"), seen.residual + reach))) * world.w_max
    gradient = float(np.linalg.norm(world.loss.grad(seen.difference + world.y, world.y))) + curved * reach
    flat = generator.lipschitz(radius) * operator.opnorm + operator.curvature * j * j
    return (curved * (operator.opnorm * j) ** 2 + gradient * flat) * (1 + 1e-12)


def descend(world: World, step: Step, *, steps: int = 400, loss_ratio: float = 1e-12, stored: int = 60) -> Record:
    """Gradient descent for so many steps or until the loss has fallen to `loss_ratio`; the first iterates are stored
    all, later ones in pairs (an iterate and its successor), about `stored` in number.
    """
    every = max(1, steps // stored)
    d, length, length_a, spread = world.start, 0.0, 0.0, 0.0
    seen = world.observe(d)
    goal = loss_ratio * seen.loss
    rows: list[tuple[float, ...]] = []
    states: list[Array] = []
    status = "max_steps"
    for j in range(steps + 1):
        if j < 8 or j % every in (0, 1) or j >= steps - 1 or seen.loss <= goal:
            rows.append((j, seen.loss, seen.rho, seen.residual, length, length_a, spread, seen.rounding))
            states.append(d)
        if seen.loss <= goal or j == steps:
            status = "loss_stop" if seen.loss <= goal else "max_steps"
            break
        move = step.gamma * world.velocity(d)
        d = d + move
        length += float(np.linalg.norm(move))
        length_a += float(np.linalg.norm(move[: world.leading]))
        spread += _ROUNDING * float(np.linalg.norm(d) + np.linalg.norm(move))
        seen = world.observe(d)
        if not math.isfinite(seen.loss):
            status = "failed"
            break
    table = np.array(rows)
    tiny = table[:, 6]
    return Record(
        world, "descent", table[:, 0], np.array(states), table[:, 1], table[:, 2], table[:, 3], table[:, 4], table[:, 5],
        tiny, _ROUNDING * table[:, 4], table[:, 7] + world.sensitivity(world.start) * tiny, status, 0.0, step,
    )  # fmt: skip
