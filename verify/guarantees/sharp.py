"""The sharp theorem (`sharp.*`): the Hadamard–Kantorovich condition h < ½, path length, logistic rate, stopping time."""

from __future__ import annotations

from ..instance import Instance
from .base import Curve, Guarantee, constant, not_met, of_rho, of_time, ratio, stopping_curves

TITLE = "sharp theorem (h < 1/2)"


def evaluate(instance: Instance) -> Guarantee:
    """`sharp.condition` with the linear centre modulus Λ restricted to Im Tᵀ."""
    constants, loss = instance.constants, instance.problem.loss
    if "Lambda" not in constants:
        return not_met("sharp.condition", TITLE, f"the activation {instance.problem.network.activation.name} has no "
                       "Lipschitz derivative (A.activation)")  # fmt: skip
    sigma_0 = constants["sigma_0"].as_lower()
    if sigma_0 <= 0:
        return not_met("sharp.condition", TITLE, "σ0 > 0 could not be proved: the width is too small (A.init)")
    h = instance.upper("sharp.condition", "h")
    margin = ratio(0.5, h)
    if not h < 0.5:
        return not_met("sharp.condition", TITLE, f"h = {h:.4g} is not below 1/2", margin, h=h)
    rho_0 = constants["rho_0"].as_upper()
    ell_star = instance.upper("sharp.length", "ell_star")
    floor = instance.lower("sharp.sigma", "floor")
    a = instance.lower("sharp.rate", "a")
    b = instance.upper("sharp.logistic", "b")
    rate = instance.lower("sharp.rate", "rate")
    quantities = {"h": h, "ell_star": ell_star, "sigma_floor": floor, "a": a, "b": b, "rate": rate}

    def curve(identifier: str, **extra: object):
        return of_time(lambda t: instance.curve(identifier, "bound", {"t": t, **extra}))

    def observed(identifier: str):
        return of_rho(lambda rho: instance.curve(identifier, "bound", {"rho": rho}), rho_0)

    curves = [
        Curve("sharp.rate", "rho", "upper", "ρ(t) ≤ ψ(Ψ⁻¹(Ψ(L0) + at))",
              of_time(lambda t: loss.psi(instance.curve("sharp.rate", "bound", {"t": t}))), False),
        Curve("sharp.logistic", "rho", "upper", "ρ(t) ≤ logistic bound", curve("sharp.logistic"), False),
        Curve("sharp.length", "length", "upper", "ℓ(t) ≤ S⁻¹((ρ0 − ρ)/σF)", observed("sharp.length"), False),
        Curve("sharp.length", "length", "upper", "ℓ(t) ≤ ℓ*", constant(ell_star)),
        Curve("sharp.tail", "tail_length", "upper", "ℓ(∞) − ℓ(t) ≤ ℓ* − S⁻¹((ρ0 − ρ)/σF)", observed("sharp.tail")),
    ]  # fmt: skip
    if constants["Lambda"].as_upper() > 0:  # else the Jacobian is constant, and σ_min equal to its bound for ever
        curves += [
            Curve("sharp.sigma", "sigma", "lower", "σ_min ≥ √(σ0² − 2Λ(ρ0 − ρ)/σF)", observed("sharp.sigma"), False),
            Curve("sharp.sigma", "sigma", "lower", "σ_min ≥ σ0√(1 − 2h)", constant(floor)),
        ]
    stop = level = None
    if "eps" in constants and constants["eps"].value > 0:
        level = constants["eps"].as_upper()
        stop = instance.upper("sharp.stop", "t_star", eps=level)
        quantities["t_star"] = stop
        curves += stopping_curves("sharp.stop", stop, level, level)
    return Guarantee(
        "sharp.condition", TITLE, "in_force", f"h = {h:.4g} < 1/2", margin, quantities, True, rate, stop, level,
        tuple(curves),
    )  # fmt: skip
