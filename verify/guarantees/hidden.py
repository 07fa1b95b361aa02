"""Guarantees that rest on the hidden activations alone, both layers trained: `dip2.amgm` (linear, dual), `dip2.balanced`.

All three end in one number s_* ≤ ‖φ(a(t))‖/√k for all t, from which the rate σ_F² s_*², the length ρ0/(σ_F s_*) and a
stopping time follow in the same way.
"""

from __future__ import annotations

from numerics.amgm import dual
from numerics.balanced import balanced

from ..instance import Instance
from .base import Curve, Guarantee, constant, not_met, of_time, ratio, stopping_curves

_TITLES = {
    "linear": "amgm, linear (hidden activations)",
    "dual": "amgm, dual (hidden activations)",
    "balanced": "balanced neurons (every y)",
}


def linear(instance: Instance) -> Guarantee:
    """`dip2.amgm` with F(r) = (f0 − B1 r/√k)_+."""
    title = _TITLES["linear"]
    refused = _refused(instance, "dip2.amgm", title)
    if refused is not None:
        return refused
    capacity = instance.lower("dip2.amgm", "capacity")
    rho_0 = instance.constants["rho_0"].as_upper()
    margin = ratio(capacity, rho_0)
    if not rho_0 < capacity:
        return not_met("dip2.amgm", title, f"ρ0 = {rho_0:.4g} is not below σF√k f0²/B1 = {capacity:.4g}", margin)
    s_star = instance.lower("dip2.amgm", "s_star")
    ell_a = instance.upper("dip2.amgm", "ell_a_star")
    return _promise(
        instance, "dip2.amgm", title, f"ρ0 = {rho_0:.4g} < σF√k f0²/B1 = {capacity:.4g}", margin, s_star, ell_a
    )


def by_duality(instance: Instance) -> Guarantee:
    """`dip2.amgm` with the best envelope of the hidden norm."""
    title = _TITLES["dual"]
    refused = _refused(instance, "dip2.amgm", title)
    if refused is not None:
        return refused
    constants, network = instance.constants, instance.problem.network
    rho_0 = constants["rho_0"].as_upper()
    result = dual(network.activation, network.a, rho_0, constants["sigma_F"].as_lower())
    margin = ratio(result.capacity, rho_0)
    if not result.certified:
        return not_met("dip2.amgm", title, f"ρ0 = {rho_0:.4g} is not below 2σF∫F = {result.capacity:.4g}", margin)
    reason = f"ρ0 = {rho_0:.4g} < 2σF∫F = {result.capacity:.4g}"
    return _promise(instance, "dip2.amgm", title, reason, margin, result.s_star, result.ell_a_star)


def by_balance(instance: Instance) -> Guarantee:
    """`dip2.balanced`: some neuron that no data can switch off."""
    title = _TITLES["balanced"]
    refused = _refused(instance, "dip2.balanced", title)
    if refused is not None:
        return refused
    problem = instance.problem
    network = problem.network
    result = balanced(network.activation, network.a, network.column_norms(instance.U, problem.svd.sin_angle))
    if not result.certified:
        return not_met("dip2.balanced", title, getattr(result, "reason", "") or "no neuron has a positive gap", 0.0)
    reason = f"{result.n_positive} of {network.k} neurons have a positive gap"
    guarantee = _promise(instance, "dip2.balanced", title, reason, None, result.s_star, None)
    quantities = {**guarantee.quantities, "n_positive": float(result.n_positive)}
    return Guarantee(**{**guarantee.__dict__, "quantities": quantities})


def _refused(instance: Instance, statement: str, title: str) -> Guarantee | None:
    """What all three need: both layers trained, σ_F > 0."""
    if instance.problem.network.train != "both":
        return not_met(statement, title, "only W is trained; the theorem is about both layers")
    activation = instance.problem.network.activation
    if not activation.theory.smooth:
        return not_met(
            statement, title, f"the activation {activation.name} has no continuous derivative (A.activation)"
        )
    if instance.constants["sigma_F"].as_lower() <= 0:
        return not_met(statement, title, "σF > 0 could not be proved: the operator is too ill-conditioned")
    return None


def _promise(
    instance: Instance,
    statement: str,
    title: str,
    reason: str,
    margin: float | None,
    s_star: float,
    ell_a: float | None,
) -> Guarantee:
    constants, loss = instance.constants, instance.problem.loss
    # linear and dual share an identifier: their claims say which they are
    kind = "" if statement == "dip2.balanced" else next(f"{name}: " for name, text in _TITLES.items() if text == title)
    rate = instance.lower("dip2.amgm", "rate_rho", s_star=s_star)
    length = instance.upper("dip2.amgm", "length", s_star=s_star)
    quantities = {"s_star": s_star, "rate": rate, "length": length}
    curves = [
        Curve(statement, "hidden", "lower", f"{kind}‖φ(a(t))‖/√k ≥ s*", constant(s_star)),
        Curve(statement, "rho", "upper", f"{kind}ρ(t) ≤ ψ(Ψ⁻¹(Ψ(L0) + σF²s*²t))",
              of_time(lambda t: loss.psi(instance.curve("dip2.amgm", "bound", {"t": t, "s_star": s_star}))), False),
        Curve(statement, "length", "upper", f"{kind}ℓ(t) ≤ ρ0/(σF s*)", constant(length)),
    ]  # fmt: skip
    if ell_a is not None:
        quantities["ell_a_star"] = ell_a
        curves.append(Curve(statement, "length_a", "upper", f"{kind}ℓ_a(t) ≤ ℓ_a*", constant(ell_a)))
    stop = level = None
    if "eps" in constants and constants["eps"].value > 0:
        level = constants["eps"].as_upper()
        stop = instance.upper("dip2.amgm", "t_stop", s_star=s_star, eps=level)
        quantities["t_stop"] = stop
        curves += stopping_curves(statement, stop, level, level)
    return Guarantee(statement, title, "in_force", reason, margin, quantities, True, rate, stop, level, tuple(curves))
