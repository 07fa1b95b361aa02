"""Both sides of the conclusions of the theory, measured along a run of a small world.

A symbol of :mod:`theory.symbols` is a name for something that a run has: :data:`MEASURED` says how it is measured at a
stored time, and how far that may be off.  :func:`sides` evaluates the two sides of a relation from these, with the loss
filled in, and :func:`budget` carries the errors over to their difference.

What lies beyond the end of the run (a limit, a remaining length) is replaced by what the run has seen of it, from below.
Derivatives in time are difference quotients along the velocity, independent of the chain rule that the steps are about.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy as sp

from numerics import compile as compiled
from numerics import measured_errors as errors
from numerics import measured_values as values
from numerics.measured_more import MORE, Error, Value, activation_of
from numerics.measured_values import evaluated, filled
from numerics.scene import Array, Point, Scene, norm
from numerics.wonly.bregman import bregman_terms

__all__ = ["MEASURED", "Measure", "Point", "Scene", "budget", "error_of", "measure", "sides"]


@dataclass(frozen=True)
class Measure:
    """How a symbol is measured at a stored time, and an estimate from above of how far the value may be off."""

    value: Value
    error: Error


def _rate(quantity: Callable[[Point], Callable[[float], float]]) -> Measure:
    """d/dt f(L), by differences."""
    return Measure(lambda p: p.rate(quantity(p)), errors.of_rate(quantity))


def _table() -> dict[str, Measure]:
    g: Callable[[Point], Any] = lambda p: p.world.generator  # noqa: E731
    F: Callable[[Point], Any] = lambda p: p.world.operator  # noqa: E731
    noise: Callable[[Point], Array] = lambda p: p.world.y - values.known(p.scene.clean, "ȳ")  # noqa: E731
    part: Callable[[Point, str], Array] = lambda p, w: getattr(p.net, w) - getattr(p.scene.neurons, w)  # noqa: E731
    J_norm: Value = lambda p: norm(p.J, 2)  # noqa: E731
    constants: dict[str, Value] = {
        "k": lambda p: float(p.scene.neurons.k),
        "n": lambda p: float(p.world.generator.n),
        "B1": lambda p: activation_of(p).B1.as_upper(),
        "B2": values.B2_of,
        "c_V": lambda p: float(np.max(np.linalg.norm(p.scene.neurons.V, axis=0))),
        "w_min": lambda p: p.scene.loss.w_min,
        "m": lambda p: float(p.world.y.size),
        **{name: values.loss_parameter(name) for name in ("p", "alpha", "c", "huber")},
        "sigma_F": lambda p: F(p).sigma_F,
        "L_F": lambda p: F(p).opnorm,
        "A_norm": lambda p: F(p).opnorm,
        "JF_norm": lambda p: norm(F(p).jacobian(p.scene.at(0).x), 2),
        "Lip_F": lambda p: F(p).curvature,
        "mu": values.injectivity,
        "dist": values.distance,
        "eps": lambda p: norm(noise(p)),
        "sigma_0": lambda p: p.world.sigma_0,
        "Jf_norm": lambda p: norm(F(p).jacobian(p.scene.at(0).x) @ p.world.J_0, 2),
        "Lambda_f": lambda p: F(p).opnorm * g(p).modulus,
        "J_norm": lambda p: norm(p.world.J_0, 2),
        "Lambda": lambda p: g(p).modulus,
        "R": lambda p: p.scene.radius,
        "R_prime": values.formula("baseline.condition", "R_prime"),
        "h": values.formula("sharp.condition", "h"),
        "ell_star": values.formula("sharp.length", "ell_star"),
        "f_0": lambda p: values.hidden_norm(p.scene.at(0)),
        "gap": values.balance_gap,
        "loss_0": values.at_start("loss"),
        "rho_0": values.at_start("rho"),
        "E_0": lambda p: values.energy_at(p, p.world.start),
        "D_0": lambda p: float(
            np.sum(bregman_terms(values.with_primitives(p.net).activation, p.scene.end.net.a, p.scene.neurons.a))
        ),
        "loss_star": lambda p: float(p.scene.record.loss[-1]),
        "residual_h": lambda p: float(p.scene.record.residual[-1]),
        "M4": values.formula("dip2.saturated_modulus", "M4_upper"),
        "gamma": values.of_step("gamma"),
        "M": values.of_step("M"),
        "nu": values.of_step("nu"),
        "PKQ": values.coupling,
        "ker_0": values.kernel_error_0,
        "drift": values.drift,
        "R_norm": lambda p: 1.0 / F(p).sigma_F,
    }
    measured = {name: Measure(value, errors.rounded) for name, value in constants.items()} | {
        "t": Measure(lambda p: p.series("t"), errors.exact),
        "steps": Measure(lambda p: p.series("t"), errors.exact),
        "Lip": Measure(lambda p: g(p).lipschitz(max(p.scene.radius, p.series("length"))), errors.rounded),
        "loss": Measure(lambda p: p.series("loss"), errors.of_residual(4)),
        "loss_next": Measure(lambda p: values.successor(p).series("loss"), errors.of_residual(4)),
        "loss_limit": Measure(values.loss_limit, errors.of_residual(4)),
        "rho": Measure(lambda p: p.series("rho"), errors.of_residual(1)),
        "residual": Measure(lambda p: norm(p.v - p.world.y), errors.of_observation),
        "y_err": Measure(lambda p: norm(p.v - values.known(p.scene.clean, "ȳ")), errors.of_observation),
        "x_err": Measure(lambda p: norm(p.x - values.known(p.scene.truth, "the truth")), errors.by_theta(J_norm)),
        "unseen": Measure(
            lambda p: norm(values.range_split(p)[0] @ (p.x - values.known(p.scene.truth, "the truth"))),
            errors.by_theta(J_norm),
        ),
        # lengths
        "ell": Measure(lambda p: p.series("length"), errors.of_length),
        "ell_a": Measure(lambda p: p.series("length_a"), errors.of_length),
        "ell_tail": Measure(lambda p: p.scene.end.series("length") - p.series("length"), errors.of_tail),
        "theta_tail": Measure(lambda p: values.apart(p, p.scene.end), errors.of_tail),
        "theta_dist": Measure(lambda p: norm(p.d), errors.twice_theta),
        "r": Measure(lambda p: norm(p.d), errors.twice_theta),
        "pair_dist": Measure(lambda p: values.apart(p, values.neighbour(p)), errors.twice_theta),
        "a_dist": Measure(lambda p: norm(part(p, "a")), errors.twice_theta),
        "V_dist": Measure(lambda p: norm(part(p, "V")), errors.twice_theta),
        # speeds and gradients
        "ell_dot": Measure(lambda p: p.speed, errors.of_speed),
        "ell_a_dot": Measure(lambda p: norm(p.velocity[: g(p).leading]), errors.of_speed),
        "grad_norm": Measure(lambda p: norm(p.gradient), errors.of_residual(4)),
        "q_norm": Measure(lambda p: norm(p.q), errors.of_residual(4)),
        "grad_theta": Measure(lambda p: p.speed, errors.of_speed),
        "chain_gap": Measure(values.chain_gap, errors.of_chain),
        "dloss": _rate(lambda p: lambda loss: loss),
        "drho": _rate(values.psi_of),
        "dPsi": _rate(values.Psi_of),
        # the Jacobian
        "f_a": Measure(values.hidden_norm, errors.by_theta(lambda p: activation_of(p).B1.as_upper())),
        "sigma_t": Measure(lambda p: float(np.linalg.svd(p.J, compute_uv=False)[-1]), errors.of_jacobian),
        "sigma_theta": Measure(lambda p: float(np.linalg.svd(p.J, compute_uv=False)[-1]), errors.of_jacobian),
        "sigma_g": Measure(lambda p: norm(p.J, 2), errors.of_jacobian),
        "sigma_factor": Measure(lambda p: norm(p.net.factor().matrix, 2), errors.of_jacobian),
        "J_change": Measure(lambda p: norm(p.J - p.world.J_0, 2), errors.of_jacobian),
        "Jf_change": Measure(
            lambda p: norm(F(p).jacobian(p.x) @ p.J - F(p).jacobian(p.scene.at(0).x) @ p.world.J_0, 2),
            lambda p, value: (
                (F(p).opnorm + F(p).curvature * J_norm(p)) * (errors.of_jacobian(p, value) + errors.theta_error(p))
            ),
        ),
        "J_pair": Measure(lambda p: norm(p.J - values.neighbour(p).J, 2), errors.of_jacobian),
        "Omega": Measure(lambda p: g(p).modulus_at(norm(p.d)), errors.of_jacobian),
        # the kernel energy
        "E": Measure(lambda p: values.energy_at(p, p.d), errors.of_energy),
        "dE": Measure(
            lambda p: float(p.rate_of(lambda d: values.energy_at(p, d), p.energy_reach)), errors.of_energy_rate
        ),
        "G_L": Measure(values.growth, errors.of_length),
        # one neuron: that whose conserved quantity has moved most
        "conserved": Measure(lambda p: float(values.conserved(p.net)[values.worst_neuron(p)]), errors.of_conserved),
        "conserved_0": Measure(
            lambda p: float(values.conserved(p.scene.neurons)[values.worst_neuron(p)]), errors.of_conserved
        ),
        # W only: the end of the run is the point of the box to compare with
        "mirror_gap": Measure(values.mirror_gap, errors.of_mirror),
    }
    return measured | {name: Measure(*both) for name, both in MORE.items()}


MEASURED: Mapping[str, Measure] = MappingProxyType(_table())
"""Name of a symbol → how it is measured at a stored time of a run."""


def measure(name: str, point: Point) -> float:
    """The value of a symbol at a point, kept there; LookupError, naming the symbol, where it is not known."""
    if name not in point.kept:
        if name not in MEASURED:
            raise LookupError(f"nothing measures {name}")
        point.kept[name] = float(MEASURED[name].value(point))
    return point.kept[name]


def error_of(name: str, point: Point) -> float:
    """An estimate from above of the error of :func:`measure`."""
    return float(MEASURED[name].error(point, measure(name, point)))


def sides(relation: Any, point: Any) -> tuple[float, float]:
    """Left and right side of a relation (a conclusion, a condition) at a point.

    Raises LookupError, naming the symbol, if something in it is not measured or not known for this run.
    """
    return evaluated(relation.lhs, point), evaluated(relation.rhs, point)


def budget(relation: Any, point: Any) -> float:
    """How far the difference of the two sides may be off: every symbol moved by its error, one at a time, summed.

    To first order this bounds the effect of all errors together.  Rounding of the sides themselves is added.
    """
    total = 0.0
    for side in relation.args:
        function, names = filled(sp.sympify(side), point.kl)
        at = [point.value(name) for name in names]
        here = float(function(*at))
        total += 4 * np.finfo(float).eps * abs(here)
        for i, name in enumerate(names):
            error = point.error(name)
            if error == 0:
                continue
            if not math.isfinite(error):
                return math.inf
            moves = []
            for sign in (-1.0, 1.0):
                moved = [*at[:i], at[i] + sign * error, *at[i + 1 :]]
                try:
                    there = float(function(*moved))
                except (ValueError, compiled.HypothesisNotMet):
                    there = math.nan  # out of the domain on that side: the other side speaks
                if math.isfinite(there):
                    moves.append(abs(there - here))
            total += max(moves, default=math.inf)
    return total
