"""Where the observation of a small world is placed so that a condition holds with a prescribed margin.

y lies on a ray from F(x(0)), along which ρ0 = ψ(L_y(F(x(0)))) does not decrease, so that bisection finds any value that is
asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from numerics.chosen import TAU, stepped_lipschitz, zero_loss_budget
from numerics.illposed import discrepancy, zero_noise_rate
from numerics.worlds import Generator, Operator, TwoLayerGenerator, World

__all__ = ["BUDGETS", "Condition", "budget_residual", "placed", "start_residual"]

Condition = Literal["sharp", "baseline", "amgm", "descent", "balanced", "free", "discrepancy", "rate", "energy"]
"""What is prescribed: h = fraction/2; R' = fraction·R; ρ0 = fraction·(its bound in `dip2.amgm`); h/ν = fraction/2; a gap of
`dip2.balanced`, with ρ0 = fraction; ρ0 = fraction alone; ρ0 = fraction·(the largest at which a path budget is found for
`illposed.discrepancy`, `illposed.rate`, `dip2.energy`)."""

BUDGETS = ("discrepancy", "rate", "energy")


def placed(
    generator: Generator,
    operator: Operator,
    loss: Any,
    rho_0: float,
    *,
    seed: int = 0,
    noise: float = 0.1,
    label: str = "",
) -> World:
    """The world with this ρ0, a truth and a clean observation: x̄ = x(0) + s w, ȳ = F(x̄), y = ȳ + noise ‖ȳ − F(x(0))‖ e.

    w and e are random unit vectors, e in the range of A, so that y is attainable if the operator is linear; `noise` < 1 is the
    size of the noise relative to the distance to be covered.  s is found by bisection.
    """
    if not (0 < rho_0 < math.inf and 0 <= noise < 1):
        raise ValueError(f"rho_0 = {rho_0}, noise = {noise}; a positive rho_0 and a noise in [0, 1) are needed")
    rng = np.random.default_rng([seed, 2])
    x0 = generator.output(np.zeros(generator.size))
    v0, A = operator(x0), operator.A
    w = rng.standard_normal(generator.n)
    rows = np.linalg.svd(A)[2][0]  # never in the kernel of A
    w = w / np.linalg.norm(w) + np.copysign(1.0, rows @ w) * rows
    w /= np.linalg.norm(w)
    e = A @ (rows + 0.3 * rng.standard_normal(generator.n))
    e /= np.linalg.norm(e)

    def world(s: float) -> World:
        truth = x0 + s * w
        clean = operator(truth)
        y = clean + noise * float(np.linalg.norm(clean - v0)) * e
        return World(generator, operator, loss, y, clean, truth, label)

    return world(_solved(lambda s: world(s).rho_0, rho_0))


def _solved(increasing: Any, goal: float) -> float:
    """s > 0 with increasing(s) ≤ goal, as large as bisection finds it (bracketed by doubling; to 14 digits)."""
    lo, hi = 0.0, 1.0
    for _ in range(200):
        if increasing(hi) >= goal:
            break
        lo, hi = hi, 2 * hi
    else:
        raise ValueError(f"no distance gives rho_0 = {goal}: the loss does not grow that far")
    while hi - lo > 1e-14 * hi and hi > 1e-290:
        mid = 0.5 * (lo + hi)
        lo, hi = (mid, hi) if increasing(mid) < goal else (lo, mid)
    return lo if lo > 0 else hi


def start_residual(
    generator: Generator, operator: Operator, condition: Condition, fraction: float, *, c: float = 0.5
) -> float:
    """The ρ0 that gives the condition this margin.  `fraction` < 1 satisfies it, > 1 violates it; c = γM/2 for "descent".

    Raises ValueError where the condition does not depend on ρ0, or where σ0 = 0.
    """
    if condition in ("free", "balanced"):
        return fraction
    if condition == "amgm":
        if not isinstance(generator, TwoLayerGenerator):
            raise ValueError("the condition of dip2.amgm is about a two-layer network")
        net = generator.start
        hidden = float(np.linalg.norm(net.activation.phi(net.a)))
        return fraction * operator.sigma_F * hidden**2 / (math.sqrt(generator.k) * net.activation.B1.as_upper())
    J0 = generator.jacobian(np.zeros(generator.size))
    sigma_0 = float(np.linalg.svd(J0, compute_uv=False)[-1]) if J0.shape[1] >= J0.shape[0] else 0.0
    if not sigma_0 > 0:
        raise ValueError("sigma_0 = 0: the Jacobian at the start has no full row rank; more parameters are needed")
    sigma_F = operator.sigma_F
    if condition == "baseline":
        R = generator.radius(sigma_0)
        return fraction * (R if math.isfinite(R) else 1.0) * sigma_F * sigma_0 / 2
    if condition in ("sharp", "descent"):
        Lambda, nu = generator.modulus, 1.0 - c if condition == "descent" else 1.0
        # a linear generator has h = 0 whatever rho_0
        return fraction / 2 * nu * sigma_F * sigma_0**2 / Lambda if Lambda > 0 else fraction * sigma_F * sigma_0
    raise ValueError(f"unknown condition {condition!r}")


def budget_residual(
    generator: Generator,
    operator: Operator,
    loss: Any,
    condition: Condition,
    fraction: float,
    *,
    seed: int,
    noise: float,
) -> float:
    """fraction·(the largest ρ0, up to 2%, at which a path budget is found for one of :data:`BUDGETS`)."""
    top = start_residual(generator, operator, "sharp", 2.0)
    J_0 = generator.jacobian(np.zeros(generator.size))
    lipschitz = stepped_lipschitz(generator, float(np.linalg.svd(J_0, compute_uv=False)[-1]))

    def has_budget(rho_0: float) -> bool:
        return _has_budget(condition, placed(generator, operator, loss, rho_0, seed=seed, noise=noise), lipschitz)

    return fraction * _largest(has_budget, top)


def _has_budget(condition: str, world: World, lipschitz: Callable[[float], float]) -> bool:
    """Whether a path budget is found for the run from here (`illposed.rate`: up to the horizon 10 E_0/Φ_0)."""
    start = world.start
    error = world.generator.output(start) - world.truth
    E_0 = float(np.linalg.norm(np.linalg.lstsq(world.J_0, error, rcond=None)[0])) ** 2 / 2 * (1 + 1e-12)
    Phi_0 = float(np.linalg.norm(world.observation(start) - world.y)) ** 2 / 2 * (1 + 1e-12)
    given = (world.sigma_0, world.generator.modulus, lipschitz)
    if condition == "discrepancy":
        found = discrepancy(E_0, Phi_0, float(np.linalg.norm(world.y - world.clean)), TAU, *given)
        return found.certified and found.L > 0
    if condition == "rate":
        return zero_noise_rate(E_0, Phi_0, *given, T_1=10 * E_0 / Phi_0).certified
    try:
        return bool(zero_loss_budget(E_0, Phi_0, *given, world.operator.sigma_F))
    except LookupError:
        return False


def _largest(holds: Callable[[float], bool], top: float) -> float:
    """A number at most `top` for which it holds, within a factor 1.02 of one for which it does not, unless that is `top`."""
    good = top
    for _ in range(80):
        if holds(good):
            break
        good /= 2
    else:
        raise ValueError("no path budget is found however near the data are: sigma_0 is too small for this curvature")
    bad = min(2 * good, top)
    while bad > 1.02 * good:
        mid = math.sqrt(good * bad)
        good, bad = (mid, bad) if holds(mid) else (good, mid)
    return good
