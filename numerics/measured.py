"""Both sides of the conclusions of the theory, measured along a simulated flow of a two-layer network.

A symbol of :mod:`theory.symbols` is a name for something that a run has: :data:`MEASURED` says how it is measured at a
stored time.  :func:`sides` evaluates the two sides of a conclusion from these, with the loss filled in, and
:func:`in_force` says whether its hypotheses on the network, its own condition, and the conditions that it uses hold.

Everything is in the coordinates of the reduced flow (`dip2.reduction`, `dip2.range_restriction`): the generator is
Uᵀg, the operator C = TU.  Derivatives in time are difference quotients along the velocity, independent of the chain
rule that the steps are about.  What lies beyond the end of the run (a limit, a remaining length) is replaced by what
the run has seen of it, from below.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy as sp

from numerics import compile as compiled
from numerics.networks.two_layer import TwoLayer
from numerics.scene import Array, Point, Scene, jacobian, norm
from numerics.wonly.bregman import bregman_terms
from theory.ledger import registry
from theory.symbols import sym

__all__ = ["MEASURED", "Point", "Scene", "in_force", "jacobian", "sides"]


def _psi_derivative(point: Point) -> float:
    psi = point.scene.trajectory.problem.loss.psi
    return point.rate(lambda loss: float(psi(loss)))


def _Psi_derivative(point: Point) -> float:
    kl = point.scene.trajectory.problem.loss.kl
    Psi = compiled.function(kl.Psi(sym("s")), ["s"])
    return point.rate(lambda loss: float(Psi(loss)))


def _known(value: Array | None, what: str) -> Array:
    if value is None:
        raise LookupError(f"{what} is not known for this run")
    return value


def _dist(point: Point) -> float:
    """Distance of the truth from a signal of the run: any point of the reachable set serves in the place of x̄_Σ."""
    return norm(_known(point.scene.truth, "the truth") - point.scene.end.output())


def _mu(point: Point) -> float:
    """σ_min of the operator, a lower bound of the restricted injectivity constant; 0 if it has a kernel."""
    return float(point.scene.singular[-1]) if point.scene.injective else 0.0


def _theta(point: Point, other: TwoLayer) -> float:
    return math.hypot(norm(point.net.a - other.a), norm(point.net.V - other.V))


def _neighbour(point: Point) -> TwoLayer:
    return point.scene.trajectory.state(max(0, point.i - 1))


def _hidden(network: TwoLayer) -> float:
    return norm(network.activation.phi(network.a)) / math.sqrt(network.k)


def _initial(name: str) -> Callable[[Point], float]:
    return lambda point: replace(point, i=0).series(name)


def _formula(statement: str, name: str) -> Callable[[Point], float]:
    """A constant that the theory defines by a formula of others."""

    def value(point: Point) -> float:
        loss = point.scene.trajectory.problem.loss
        return _value(compiled.formula(statement, name), loss.kl, point)

    return value


def _energy(point: Point, network: TwoLayer) -> float:
    """(x − x̄)ᵀ K^{-1} (x − x̄)/2."""
    error = network.output() - _known(point.scene.truth, "the truth")
    white, *_ = np.linalg.lstsq(jacobian(network), error, rcond=None)  # J^+ e, of norm e^T (J J^T)^{-1} e
    return norm(white) ** 2 / 2


def _growth(point: Point) -> float:
    """An upper bound of G at the length travelled (`illposed.discrepancy`, G_upper)."""
    scene, ell = point.scene, point.series("length")
    if ell == 0 or scene.modulus * ell >= scene.sigma_0:
        return 0.0 if ell == 0 else math.inf
    given = {"Lip": MEASURED["Lip"](point), "Lambda": scene.modulus, "L": ell, "sigma_0": scene.sigma_0}
    return float(compiled.evaluate("illposed.discrepancy", "G_upper", given))


def _conserved(point: Point, network: TwoLayer) -> float:
    """‖v_i‖²/2 − G(a_i) of the neuron for which it has changed most since the start."""

    def all_of(net: TwoLayer) -> Array:
        return np.asarray(0.5 * np.sum(net.V**2, axis=0) - net.activation.G(net.a))

    worst = int(np.argmax(np.abs(all_of(point.net) - all_of(point.scene.start))))
    return float(all_of(network)[worst])


def _mirror_gap(point: Point) -> float:
    """‖d/dt H(a) + Bᵀ∇L_y(B h)‖, the derivative by differences."""
    B = point.scene.trajectory.problem.C @ point.net.V / math.sqrt(point.net.k)
    return norm(point.rate_of(lambda network: network.activation.H(network.a)) + B.T @ point.gradient)


def _table() -> dict[str, Callable[[Point], float]]:
    problem: Callable[[Point], Any] = lambda p: p.scene.trajectory.problem  # noqa: E731
    noise: Callable[[Point], Array] = lambda p: problem(p).y - _known(p.scene.clean, "ȳ")  # noqa: E731
    return {
        # constants
        "k": lambda p: float(p.net.k),
        "B1": lambda p: p.net.activation.B1.as_upper(),
        "B2": lambda p: p.net.activation.B2.as_upper(),
        "c_V": lambda p: norm(p.scene.start.V[:, np.argmax(np.linalg.norm(p.scene.start.V, axis=0))]),
        "w_min": lambda p: problem(p).loss.w_min,
        "sigma_F": lambda p: float(p.scene.singular[-1]),
        "L_F": lambda p: float(p.scene.singular[0]),
        "A_norm": lambda p: float(p.scene.singular[0]),
        "JF_norm": lambda p: float(p.scene.singular[0]),
        "Lip_F": lambda p: 0.0,
        "mu": _mu,
        "dist": _dist,
        "eps": lambda p: norm(noise(p)),
        "sigma_0": lambda p: p.scene.sigma_0,
        "Jf_norm": lambda p: norm(problem(p).C @ p.scene.J_0, 2),
        "Lambda_f": lambda p: float(p.scene.singular[0]) * p.scene.modulus,
        "J_norm": lambda p: norm(p.scene.J_0, 2),
        "Lambda": lambda p: p.scene.modulus,
        "R": lambda p: p.scene.radius,
        "Lip": lambda p: p.scene.start.lipschitz(max(p.scene.radius, p.series("length"))).as_upper(),
        "R_prime": _formula("baseline.condition", "R_prime"),
        "h": _formula("sharp.condition", "h"),
        "ell_star": _formula("sharp.length", "ell_star"),
        "f_0": lambda p: _hidden(p.scene.start),
        "loss_0": _initial("loss"),
        "rho_0": _initial("rho"),
        # the state
        "t": lambda p: p.series("t"),
        "loss": lambda p: p.series("loss"),
        "rho": lambda p: p.series("rho"),
        "residual": lambda p: norm(p.v - problem(p).y),
        "ell": lambda p: p.series("length"),
        "ell_a": lambda p: p.series("length_a"),
        "ell_dot": lambda p: p.speed,
        "ell_a_dot": lambda p: norm(p.velocity[0]),
        "ell_tail": lambda p: float(p.scene.trajectory.length[-1]) - p.series("length"),
        "theta_tail": lambda p: _theta(p, p.scene.end),
        "theta_dist": lambda p: _theta(p, p.scene.start),
        "r": lambda p: _theta(p, p.scene.start),
        "a_dist": lambda p: norm(p.displacement[0]),
        "V_dist": lambda p: norm(p.displacement[1]),
        "grad_norm": lambda p: norm(p.gradient),
        "q_norm": lambda p: norm(p.q),
        "grad_theta": lambda p: norm(p.gradient_by_differences),
        "chain_gap": lambda p: norm(p.gradient_by_differences - p.J.T @ p.q),
        "dloss": lambda p: p.rate(lambda loss: loss),
        "drho": _psi_derivative,
        "dPsi": _Psi_derivative,
        "f_a": lambda p: _hidden(p.net),
        "sigma_t": lambda p: float(p.net.singular_values()[-1]),
        "sigma_theta": lambda p: float(p.net.singular_values()[-1]),
        "sigma_g": lambda p: norm(p.J, 2),
        "sigma_factor": lambda p: norm(p.net.factor().matrix, 2),
        "J_change": lambda p: norm(p.J - p.scene.J_0, 2),
        "Jf_change": lambda p: norm(problem(p).C @ (p.J - p.scene.J_0), 2),
        "J_pair": lambda p: norm(p.J - jacobian(_neighbour(p)), 2),
        "pair_dist": lambda p: _theta(p, _neighbour(p)),
        "Omega": lambda p: p.scene.modulus * _theta(p, p.scene.start),
        # the kernel energy
        "E": lambda p: _energy(p, p.net),
        "E_0": lambda p: _energy(p, p.scene.start),
        "dE": lambda p: float(p.rate_of(lambda network: _energy(p, network))),
        "G_L": _growth,
        # one neuron: that whose conserved quantity has moved most
        "conserved": lambda p: _conserved(p, p.net),
        "conserved_0": lambda p: _conserved(p, p.scene.start),
        # W only: the end of the run is the point of the box to compare with
        "mirror_gap": _mirror_gap,
        "D_0": lambda p: float(np.sum(bregman_terms(p.net.activation, p.scene.end.a, p.scene.start.a))),
        "loss_star": lambda p: float(p.scene.trajectory.loss[-1]),
        "residual_h": lambda p: float(p.scene.trajectory.residual[-1]),
        "M4": _formula("dip2.saturated_modulus", "M4_upper"),
        "y_err": lambda p: norm(p.v - _known(p.scene.clean, "ȳ")),
        "x_err": lambda p: norm(p.x - _known(p.scene.truth, "the truth")),
    }


MEASURED: Mapping[str, Callable[[Point], float]] = MappingProxyType(_table())
"""Name of a symbol → how it is measured at a stored time of a run."""


@lru_cache(maxsize=512)
def _compiled(expression: Any, kl: Any) -> tuple[Any, tuple[str, ...]]:
    expression = kl.apply(expression)
    names = tuple(sorted(str(symbol) for symbol in expression.free_symbols))
    return compiled.function(expression, names), names


def _value(expression: Any, kl: Any, point: Point) -> float:
    function, names = _compiled(sp.sympify(expression), kl)
    missing = [name for name in names if name not in MEASURED]
    if missing:
        raise LookupError(f"nothing measures {', '.join(missing)}")
    return float(function(*(MEASURED[name](point) for name in names)))


def sides(relation: Any, point: Point) -> tuple[float, float]:
    """Left and right side of a relation (a conclusion, a condition) at a stored time.

    Raises LookupError, naming the symbol, if something in it is not measured or not known for this run.
    """
    kl = point.scene.trajectory.problem.loss.kl
    return _value(relation.lhs, kl, point), _value(relation.rhs, kl, point)


def _true(relation: Any, point: Point) -> bool:
    lhs, rhs = sides(relation, point)
    return {sp.Le: lhs <= rhs, sp.Lt: lhs < rhs, sp.Ge: lhs >= rhs, sp.Gt: lhs > rhs}[type(relation)]


@lru_cache(maxsize=256)
def _conditions(identifier: str) -> tuple[Any, ...]:
    """Relations of the statements of kind "condition" that this one uses, directly or through others."""
    found: list[Any] = []
    for name in registry[identifier].uses:
        found += [registry[name].condition] if registry[name].kind == "condition" else []
        found += [relation for relation in _conditions(name) if relation not in found]
    return tuple(found)


def in_force(identifier: str, point: Point) -> bool:
    """Whether the statement claims something here: loss, network and noise as assumed, every condition true.

    Assumptions that every run of a two-layer network with a smooth activation satisfies are not asked for.
    """
    item = registry[identifier]
    scene = point.scene
    loss = scene.trajectory.problem.loss
    answers = {
        "A.network.both": point.net.train == "both",
        "A.network.W": point.net.train == "W",
        "A.loss.plain_least_squares": loss.name == "least_squares",
        "A.loss.least_squares": loss.name in ("least_squares", "weighted_least_squares"),
        "A.init": scene.sigma_0 > 0,
        "A.injective": scene.injective,
    }
    if not all(answers.get(name, True) for name in item.hypotheses):
        return False
    # those of other statements first: where they fail, the statement's own may have no value
    conditions = [*_conditions(identifier), item.condition, item.when]
    return all(_true(relation, point) for relation in conditions if relation is not None)
