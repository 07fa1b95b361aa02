"""Symbols that a statement lets its reader choose (a path budget, a splitting time, a factor), chosen for a run.

Such a symbol means something in one statement only, so the choice belongs to the pair of statement and point:
:func:`points_of` gives the points of a scene as one statement sees them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import sympy as sp

from numerics import compile as compiled
from numerics.illposed import discrepancy, path_constant, zero_noise_rate
from numerics.measured_more import cancelling
from numerics.scene import Point, Scene, norm
from numerics.worlds import Linear
from theory.symbols import sym

__all__ = ["CHOSEN", "TAU", "ChosenPoint", "points_of", "stepped_lipschitz", "zero_loss_budget"]

TAU = 2.0
"""The factor τ of the discrepancy principle with which runs are held against `illposed.discrepancy`."""

_UP = 1 + 1e-12
_STORED = 8  # horizons at which the rate without noise is certified: each costs a search


@dataclass(frozen=True, eq=False)
class ChosenPoint:
    """A point of a run where some symbols have the values that one statement asks to be chosen.

    `given` is called when a symbol is first asked for, so that points that are never looked at cost nothing.
    """

    point: Point
    given: Callable[[], Mapping[str, tuple[float, float]]]
    i: int
    """Its place in the list of :func:`points_of`; the stored time is that modulo their number."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.point, name)

    def value(self, name: str) -> float:
        """The chosen value, or what is measured."""
        chosen = self.given()
        return chosen[name][0] if name in chosen else self.point.value(name)

    def error(self, name: str) -> float:
        """0 for what is chosen exactly."""
        chosen = self.given()
        return chosen[name][1] if name in chosen else self.point.error(name)


_STEPPED: WeakKeyDictionary[Any, Callable[[float], float]] = WeakKeyDictionary()

Choice = Callable[[Point], Mapping[str, tuple[float, float]]]


def _exactly(**values: float) -> dict[str, tuple[float, float]]:
    return {name: (float(value), 0.0) for name, value in values.items()}


def stepped_lipschitz(generator: Any, sigma_0: float) -> Callable[[float], float]:
    """A step function above r ↦ Lip(r) of the generator, asked 40 times only: searches ask hundreds of times."""
    if generator.modulus == 0:
        constant = float(generator.lipschitz(0.0))
        return lambda r: constant if constant == 0 else float(generator.lipschitz(r))
    radii = (sigma_0 / generator.modulus) * np.concatenate([np.geomspace(1e-6, 0.1, 24), np.linspace(0.12, 1.0, 16)])
    values = np.array([generator.lipschitz(float(r)) for r in radii])

    def lipschitz(r: float) -> float:
        at = int(np.searchsorted(radii, r))
        return float(values[at]) if at < radii.size else float(generator.lipschitz(r))

    return lipschitz


def _energy_inputs(point: Point) -> tuple[float, float, float, float, Callable[[float], float]]:
    """E_0, Φ_0 (upwards), σ0, Λ and Lip of a run with a linear operator."""
    world, start = point.world, point.scene.at(0)
    if not world.sigma_0 > 0:
        raise LookupError("sigma_0 is zero: no path budget is finite")
    phi = norm(start.v - world.y) ** 2 / 2
    if world not in _STEPPED:
        _STEPPED[world] = stepped_lipschitz(world.generator, world.sigma_0)
    return point.value("E_0") * _UP, phi * _UP, world.sigma_0, world.generator.modulus, _STEPPED[world]


def _noise(point: Point) -> float:
    if point.scene.clean is None:
        raise LookupError("ȳ is not known for this run")
    return norm(point.world.y - point.scene.clean)


def _discrepancy(tau: float, point: Point) -> Mapping[str, tuple[float, float]]:
    eps = _noise(point)
    if eps == 0:
        raise LookupError("the discrepancy principle needs noise")
    E_0, Phi_0, sigma_0, Lambda, Lip = _energy_inputs(point)
    found = discrepancy(E_0, Phi_0, eps, tau, sigma_0, Lambda, Lip)
    if not found.certified or found.L == 0:
        raise LookupError(found.reason)
    stop, error = _stopped(point.scene, tau * eps)
    return {
        **_exactly(tau=tau, L=found.L, t_1=found.t_1, T_hat=found.T_hat, E_bar=found.E_bar, G_L=found.G_L, Phi_0=Phi_0),
        "T_stop": (stop, error),
    }


def _stopped(scene: Scene, level: float) -> tuple[float, float]:
    """The first time with residual ≤ level, by interpolation; where the run ends earlier, its end, which is a lower bound."""
    t, residual = scene.record.t, scene.record.residual
    below = np.flatnonzero(residual <= level)
    if below.size == 0:
        return float(t[-1]), 0.0
    i = int(below[0])
    if i == 0:
        return 0.0, 0.0
    share = math.log(residual[i - 1] / level) / max(math.log(residual[i - 1] / residual[i]), 1e-300)
    return float(t[i - 1] + share * (t[i] - t[i - 1])), float(t[i] - t[i - 1])


def _rate(point: Point) -> Mapping[str, tuple[float, float]]:
    """The horizon is the time of the point: the rate is claimed there if a budget is certified for it."""
    t = point.value("t")
    scene = point.scene
    if point.i % max(1, len(scene.record) // _STORED):
        raise LookupError("no path budget is looked for at this point: one in a few is enough")
    E_0, Phi_0, sigma_0, Lambda, Lip = _energy_inputs(point)
    found = zero_noise_rate(E_0, Phi_0, sigma_0, Lambda, Lip, T_1=t)
    if not found.certified or found.L == 0:
        raise LookupError(found.reason or "the run starts at zero loss")
    return _exactly(L=found.L, t_1=found.t_1, T_1=t, G_L=found.G_L, Phi_0=Phi_0)


def _zero_loss(point: Point) -> Mapping[str, tuple[float, float]]:
    return _exactly(**zero_loss_budget(*_energy_inputs(point), point.world.operator.sigma_F))


def _reckless(tail: bool, point: Point) -> Mapping[str, tuple[float, float]]:
    """A budget that `dip2.energy` does not allow: without the length beyond T_1 = t_1, or with ‖A‖ for σ_F in it."""
    E_0, Phi_0, sigma_0, Lambda, Lip = _energy_inputs(point)
    beyond = math.sqrt(E_0) / (point.world.operator.opnorm * sigma_0) if tail else 0.0
    times = (E_0 / Phi_0) * np.geomspace(1e-2, 1e4, 61)
    budgets = 1.2 * (np.sqrt(Phi_0 * times) + beyond / np.sqrt(times))
    at = int(np.argmin(budgets))
    L = float(budgets[at])
    if Lambda * L >= 0.9 * sigma_0:
        raise LookupError("no reckless budget leaves the Jacobian of full rank")
    given = {"Lip": float(Lip(L)), "Lambda": Lambda, "L": L, "sigma_0": sigma_0}
    G = float(compiled.evaluate("illposed.discrepancy", "G_upper", given)) if Lambda > 0 else 0.0
    return _exactly(L=L, t_1=float(times[at]), T_1=float(times[at]), G_L=G, Phi_0=Phi_0)


def zero_loss_budget(
    E_0: float, Phi_0: float, sigma_0: float, Lambda: float, Lip: Callable[[float], float], sigma_F: float
) -> dict[str, float]:
    """The smallest budget L on a grid that satisfies `dip2.energy`, with t_1, T_1 and G_L; LookupError if none does."""
    scale = sigma_0 / Lambda if Lambda > 0 else 100 * math.sqrt(E_0)
    for fraction in np.geomspace(1e-6, 0.95, 150):
        L = float(fraction) * scale
        if 0.8 * math.sqrt(E_0) > L:
            continue
        given = {"Lip": float(Lip(L)), "Lambda": Lambda, "L": L, "sigma_0": sigma_0}
        G = float(compiled.evaluate("illposed.discrepancy", "G_upper", given)) if Lambda > 0 else 0.0
        energy = E_0 * math.exp(min(G, 600.0))
        for T_1 in (energy / Phi_0) * np.geomspace(1e-2, 1e14, 49):
            c, u = path_constant(T_1 * Phi_0 / (energy / 2))
            total = c * math.sqrt(energy / 2) + math.sqrt(energy / T_1) / (sigma_F * (sigma_0 - Lambda * L))
            if total < L * (1 - 1e-9):
                t_1 = min(u * energy / 2 / Phi_0, float(T_1))
                return {"L": L, "t_1": t_1, "T_1": float(T_1), "G_L": G, "Phi_0": Phi_0}
    raise LookupError("no path budget satisfies the condition of dip2.energy")


def _synthesis(point: Point) -> Mapping[str, tuple[float, float]]:
    """S = A: the signal is x = A g(θ), and ȳ = A x̄ its truth."""
    if not point.world.operator.linear or point.scene.truth is None or point.scene.clean is None:
        raise LookupError("a linear operator in the place of S, and the truth, are needed")
    error = point.value("x_err")
    return {
        "x_err": (point.value("y_err"), point.error("y_err")),
        "g_err": (error, point.error("x_err")),
        "S_norm": (point.world.operator.opnorm, 1e-12 * point.world.operator.opnorm),
    }


def _restricted(point: Point) -> Mapping[str, tuple[float, float]]:
    """Σ = the signals of the run up to here, x̄_Σ the one here: μ is the least ratio."""
    if not point.world.operator.linear:
        raise LookupError("the statement is about a linear operator")
    A = point.world.operator.A
    ratios = []
    for i in range(point.i):
        apart = point.scene.at(i).x - point.x
        if norm(apart) > 1e-6 * norm(point.scene.at(0).x - point.x):
            ratios.append(norm(A @ apart) / norm(apart))
    if not ratios:
        raise LookupError("the signal has not moved")
    return {"mu": (min(ratios), 1e-9 * point.world.operator.opnorm)}


def _scaled(power: int, factor: float, point: Point) -> Mapping[str, tuple[float, float]]:
    """The same network with output scale s = 2 factor Λρ0/(σ0^power σ_F): ρ0 and σ_F are those of the scaled problem."""
    world = point.world
    if not world.operator.linear or norm(point.scene.at(0).x) > 1e-13 * cancelling(point):
        raise LookupError("the scaled problem is that of a linear operator and a network with x(0) = 0")
    if not world.sigma_0 > 0:
        raise LookupError("sigma_0 = 0: no scale of the output makes h small")
    s = 2 * factor * world.generator.modulus * world.rho_0 / (world.sigma_0**power * world.operator.sigma_F)
    if not s > 0:
        raise LookupError("a linear generator has h = 0 at every scale")
    scaled = world.with_(operator=Linear(s * world.operator.A), clean=None, truth=None)
    return {
        "scale": (s, 0.0),
        "rho_0": (scaled.rho_0, 1e-12 * scaled.rho_0),
        "sigma_F": (scaled.operator.sigma_F / s, 1e-12 * world.operator.sigma_F),
    }


def _smooth_loss(point: Point) -> Mapping[str, tuple[float, float]]:
    """s = the loss here, M a Lipschitz constant of ∇L_y on the ball ‖v − y‖ ≤ ‖y(t) − y‖."""
    loss = point.scene.loss
    constant = getattr(getattr(loss, "theory", loss), "gradient_lipschitz", None)
    if constant is None:
        raise LookupError(f"no Lipschitz constant of the gradient of the loss {loss.name} is known")
    M = float(sp.N(sp.sympify(constant).subs(sym("r"), point.value("residual")))) * point.world.w_max
    if not M > 0:
        raise LookupError("the loss is flat here")
    relative = point.error("residual") / max(point.value("residual"), 1e-300)
    return {"M": (M, 10 * relative * M), "s": (point.value("loss"), point.error("loss"))}


CHOSEN: Mapping[str, tuple[Choice, ...]] = MappingProxyType(
    {
        "illposed.discrepancy": (partial(_discrepancy, TAU), partial(_discrepancy, 1.1)),
        "illposed.rate": (_rate,),
        "dip2.energy": (_zero_loss, partial(_reckless, False), partial(_reckless, True)),
        "recover.synthesis": (_synthesis,),
        "recover.mu_linear": (_restricted,),
        "dip2.output_scale": (partial(_scaled, 2, 1.1), partial(_scaled, 2, 0.75), partial(_scaled, 1, 1.1)),
        "kl.alpha_half": (_smooth_loss,),
    }
)
"""Identifier of a statement → ways to choose: symbol → (value, error) at a point; LookupError where nothing can be chosen.

Choices that the statement does not allow are among them: its conditions sort them out, and wrong conditions do not.
"""

_ONCE = ("illposed.discrepancy", "dip2.energy", "dip2.output_scale")  # one choice for the whole run


def points_of(identifier: str, scene: Scene) -> list[Any]:
    """All stored times, as the statement sees them: once for every way to choose, one after the other."""
    if identifier not in CHOSEN:
        return list(scene.points())
    found: list[Any] = []
    for choose in CHOSEN[identifier]:
        shared: dict[int, Any] = {}
        for point in scene.points():
            key = 0 if identifier in _ONCE else point.i
            found.append(ChosenPoint(point, partial(_made, shared, key, choose, point), len(found)))
    return found


def _made(shared: dict[int, Any], key: int, choose: Choice, point: Point) -> Mapping[str, tuple[float, float]]:
    if key not in shared:
        try:
            shared[key] = choose(point)
        except LookupError as error:
            shared[key] = error
    found = shared[key]
    if isinstance(found, LookupError):
        raise found
    chosen: Mapping[str, tuple[float, float]] = found
    return chosen
