"""Bounds that do not die with the condition number (`illposed.*`): the discrepancy time, and the rate without noise."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from numerics.illposed import discrepancy, path_lipschitz, zero_noise_rate
from numerics.rigorous import matmul_error, norm_upper, up

from ..instance import Instance
from .base import Curve, Guarantee, not_evaluable, not_met, of_time, stopping_curves

Floats = NDArray[np.float64]
_TINY = 1e-250

_TITLES = {
    "illposed.discrepancy": "discrepancy time free of κ(A)",
    "illposed.rate": "noiseless rate free of κ(A)",
}


def truth_distance(instance: Instance) -> float | None:
    """Upper bound of ‖Uᵀ(g(0) − ḡ)‖ for ḡ = T⁺A x̄, whose noise y − T ḡ is that of x̄ projected on Im T; None if unknown."""
    problem = instance.problem
    if problem.truth is None:
        return None
    clean, error = problem.operator.left_multiply(problem.truth[:, None])
    return preimage_distance(instance, clean[:, 0], error)


def preimage_distance(instance: Instance, v: Floats, error: float = 0.0) -> float:
    """Upper bound of ‖Uᵀ(g(0) − T⁺w)‖ for every w within `error` of v.

    Any candidate ẑ serves: ‖Uᵀ(g(0) − T⁺w)‖ ≤ ‖g(0) − ẑ‖ + ‖T⁺(T ẑ − w)‖, and ‖T⁺(T ẑ − w)‖ ≤ ‖T ẑ − w‖/σ_F.
    """
    svd, T = instance.problem.svd, instance.problem.forward
    assert svd.P is not None  # the problem decomposes a stored matrix
    coordinates = (svd.P.T @ v) / svd.sigma
    candidate = coordinates if svd.U is None else svd.U @ coordinates
    gap = T @ candidate - v
    error += matmul_error(T, candidate[:, None]) + svd.operator.array_error() * norm_upper(candidate)
    residual = norm_upper(gap, up((error + 2.0**-52 * norm_upper(gap)) * (1 + 2.0**-50)))
    g0, start_error = instance.output_0
    difference = g0 - candidate
    start = norm_upper(difference, up(start_error + 2.0**-52 * norm_upper(difference)))
    return up(start + residual / instance.constants["sigma_F"].as_lower() * (1 + 2.0**-50))


def by_discrepancy(instance: Instance) -> Guarantee:
    """`illposed.discrepancy`: a time by which the residual is below τ‖ε‖, whatever κ(A)."""
    statement = "illposed.discrepancy"
    title = _TITLES[statement]
    refused = _refused(instance, statement)
    if refused is not None:
        return refused
    constants = instance.constants
    if "eps" not in constants:
        return not_evaluable(statement, title, "the noise level ‖ε‖ is not known")
    eps = constants["eps"].as_upper()
    if eps == 0:
        return not_met(statement, title, "the data have no noise: see illposed.rate")
    distance = truth_distance(instance)
    if distance is None:
        return not_evaluable(statement, title, "‖x(0) − x̄‖ is not known (no true signal given)")
    tau = constants["tau"].value
    energy = instance.upper(statement, "E_0", dist0=distance)
    result = discrepancy(energy, constants["Phi_0"].as_upper(), eps, tau, *_network(instance))
    if not result.certified:
        return not_met(statement, title, result.reason)
    quantities = {"T_hat": result.T_hat, "L": result.L, "t_1": result.t_1, "E_0": energy, "G_L": result.G_L}
    level = tau * eps
    curves = stopping_curves(statement, result.T_hat, level, eps)
    reason = f"residual below τ‖ε‖ = {level:.4g} by T̂ = {result.T_hat:.4g}; {result.reason}"
    return Guarantee(
        statement, title, "in_force", reason, None, quantities, False, 0.0, result.T_hat, level, tuple(curves)
    )


def without_noise(instance: Instance) -> Guarantee:
    """`illposed.rate`: ‖y(t) − y‖² ≤ E0 e^{G}/t up to a horizon, data without noise."""
    statement = "illposed.rate"
    title = _TITLES[statement]
    refused = _refused(instance, statement)
    if refused is not None:
        return refused
    constants = instance.constants
    if "eps" not in constants or constants["eps"].as_upper() > 0:
        known = "eps" in constants
        return not_met(statement, title, "the data are noisy") if known else not_evaluable(
            statement, title, "the noise level ‖ε‖ is not known"
        )  # fmt: skip
    # The comparison point is the g* with T g* = y: any exact solution serves, and the data are rounded.
    distance = preimage_distance(instance, instance.problem.y)
    energy = instance.upper("illposed.discrepancy", "E_0", dist0=distance)
    # Upper bounds may be larger: a start at zero loss must not divide by zero.
    result = zero_noise_rate(max(energy, _TINY), max(constants["Phi_0"].as_upper(), _TINY), *_network(instance))
    if not result.certified:
        return not_met(statement, title, result.reason)

    def bound(t: np.ndarray) -> np.ndarray:
        live = (t > 0) & (t <= result.T_1)
        out = np.full(t.shape, np.inf)
        out[live] = instance.curve(statement, "bound", {"t": t[live], "E_0": result.energy_bound, "G_L": 0.0})
        return out

    quantities = {"T_1": result.T_1, "L": result.L, "E_0": energy, "G_L": result.G_L}
    curve = Curve(statement, "residual", "upper", "‖y(t) − y‖ ≤ √(E0 e^G / t)", of_time(bound))
    reason = f"rate 1/√t up to T1 = {result.T_1:.4g}; {result.reason}"
    return Guarantee(statement, title, "in_force", reason, None, quantities, curves=(curve,))


def _refused(instance: Instance, statement: str) -> Guarantee | None:
    if instance.problem.loss.name != "least_squares":
        return not_met(statement, _TITLES[statement], "the statement is about least squares")
    if "Lambda" not in instance.constants:
        return not_met(statement, _TITLES[statement], "the activation has no Lipschitz derivative (A.activation)")
    if instance.constants["sigma_0"].as_lower() <= 0 or instance.constants["sigma_F"].as_lower() <= 0:
        return not_met(statement, _TITLES[statement], "σ0 > 0 and σF > 0 could not be proved")
    return None


def _network(instance: Instance) -> tuple[float, float, Callable[[float], float]]:
    """σ0, modulus, and a bound of ‖J'‖/‖θ'‖ along the flow, of the Jacobian restricted to Im Tᵀ.

    `illposed.energy` needs the Lipschitz constant along the path only. W only: V is fixed and Λ serves. Both layers: the
    columns of V share the growth, so that the constant hardly grows (:func:`numerics.illposed.path_lipschitz`).
    """
    constants, network = instance.constants, instance.problem.network
    sigma_0, modulus = constants["sigma_0"].as_lower(), constants["Lambda"].as_upper()
    if network.train == "W":
        return sigma_0, modulus, lambda r: modulus
    phi, error = network.activation.enclose_phi(network.a)
    along = path_lipschitz(
        lambda c: instance.upper("dip2.modulus", "Lambda_both", c_V=c),
        constants["c_V"].as_upper(),
        constants["f_0"].as_lower(),
        network.k,
        constants["B1"].as_upper(),
        float(np.max(np.abs(phi) + error)) * (1 + 2.0**-50),
        math.inf if network.activation.theory.phi_sup is None else float(network.activation.theory.phi_sup),
    )
    return sigma_0, modulus, along
