"""The baseline theorem (Buskulic, Fadili, Quéau, arXiv 2309.12128) on an instance: R', R, rate, early stopping."""

from __future__ import annotations

from ..instance import Instance
from .base import Curve, Guarantee, constant, not_met, of_time, ratio, stopping_curves

TITLE = "baseline theorem (R' < R)"


def evaluate(instance: Instance) -> Guarantee:
    """`baseline.condition` with σ0 and Lip restricted to Im Tᵀ (`dip2.range_restriction`)."""
    constants, loss = instance.constants, instance.problem.loss
    if "R" not in constants:
        return not_met("baseline.condition", TITLE, f"the activation {instance.problem.network.activation.name} has no "
                       "Lipschitz derivative (A.activation)")  # fmt: skip
    sigma_0, R = constants["sigma_0"].as_lower(), constants["R"].as_lower()
    if sigma_0 <= 0:
        return not_met("baseline.condition", TITLE, "σ0 > 0 could not be proved: the width is too small (A.init)")
    R_prime = instance.upper("baseline.condition", "R_prime")
    margin = ratio(R, R_prime)
    if not R_prime < R:
        return not_met("baseline.condition", TITLE, f"R' = {R_prime:.4g} is not below R = {R:.4g}",
                       margin, R_prime=R_prime, R=R)  # fmt: skip
    rate = instance.lower("baseline.loss_rate", "rate")

    curves = [
        Curve("baseline.loss_rate", "rho", "upper", "ρ(t) ≤ ψ(Ψ⁻¹(γ(t)))",
              of_time(lambda t: loss.psi(instance.curve("baseline.loss_rate", "bound", {"t": t}))), False),
        Curve("baseline.param_rate", "tail_length", "upper", "ℓ(∞) − ℓ(t) ≤ 2ψ(Ψ⁻¹(γ(t)))/(σFσ0)",
              of_time(lambda t: instance.curve("baseline.param_rate", "bound", {"t": t}))),
        Curve("step.confinement", "length", "upper", "ℓ(t) ≤ R'", constant(R_prime)),
        Curve("step.jacobian_ball", "sigma", "lower", "σ_min ≥ σ0/2", constant(instance.lower("step.jacobian_ball", "rhs"))),
    ]  # fmt: skip
    quantities = {"R_prime": R_prime, "R": R, "rate": rate}
    stop = level = None
    if "eps" in constants and constants["eps"].value > 0:
        level = constants["eps"].as_upper()
        stop = instance.upper("baseline.early_stop", "t_stop", eps=level)
        quantities["t_stop"] = stop
        curves += stopping_curves("baseline.early_stop", stop, level, level)
    return Guarantee(
        "baseline.condition", TITLE, "in_force", f"R' = {R_prime:.4g} < R = {R:.4g}", margin, quantities, True, rate,
        stop, level, tuple(curves),
    )  # fmt: skip
