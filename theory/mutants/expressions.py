"""The expressions of the statements, with the numbers in them as arguments."""

from __future__ import annotations

from typing import Any

import sympy as sp

from theory.symbols import Psi, Psi_inv, dpsi, psi, psi_inv, sym

__all__ = [
    "baseline_tail",
    "energy_growth",
    "gamma_of",
    "length_now",
    "level_time",
    "logistic",
    "sharp_rate",
    "sigma_end",
    "sigma_now",
    "slope_both",
    "star_length",
    "stop_time",
    "tail",
    "time_integral",
]

sF, s0, Lam, rho, rho_0 = sym("sigma_F"), sym("sigma_0"), sym("Lambda"), sym("rho"), sym("rho_0")
t, loss_0, eps, w_min, z = sym("t"), sym("loss_0"), sym("eps"), sym("w_min"), sym("z")
B1, B2, Omega = sym("B1"), sym("B2"), sym("Omega")


# --- the baseline ---------------------------------------------------------------------------------------------------------
def gamma_of(rate: Any) -> Any:
    """Ψ^{-1}(rate·t + Ψ(L_0)), the bound of the loss at a rate."""
    return Psi_inv(rate * t + Psi(loss_0))


def level_time(factor: Any, scale: Any = sF**2 * s0**2) -> Any:
    """The time from which the loss bound at the rate scale/factor gives a residual of at most ε, any loss."""
    return sp.Max(0, factor * (Psi(psi_inv(eps)) - Psi(loss_0)) / scale)


def baseline_tail(front: Any) -> Any:
    """front·ψ(bound of the loss)/(σ_Fσ0)."""
    return front * psi(gamma_of(sF**2 * s0**2 / 4)) / (sF * s0)


# --- the majorant, linear modulus -----------------------------------------------------------------------------------------
def sigma_now(inside: Any = 2) -> Any:
    """√(σ0² − inside·Λ(ρ0 − ρ)/σ_F)."""
    return sp.sqrt(s0**2 - inside * Lam * (rho_0 - rho) / sF)


def sigma_end(inside: Any = 2, gain: Any = sF) -> Any:
    """The same at ρ = 0, `gain` in the place of σ_F."""
    return sp.sqrt(s0**2 - inside * Lam * rho_0 / gain)


def length_now(front: Any = 2, inside: Any = 2) -> Any:
    """front·(ρ0 − ρ)/(σ_F(σ0 + σ_now))."""
    return front * (rho_0 - rho) / (sF * (s0 + sigma_now(inside)))


def star_length(front: Any = 2, inside: Any = 2, gain: Any = sF) -> Any:
    """ℓ*, `gain` in the place of σ_F."""
    return front * rho_0 / (gain * (s0 + sigma_end(inside, gain)))


def sharp_rate(twice: Any = 2) -> Any:
    """σ_F²σ0²(1 − twice·h)."""
    return sF**2 * s0**2 - twice * sF * Lam * rho_0


def logistic(twice: Any = 2, curvature: Any = 2) -> Any:
    """The logistic bound with a = σ_F²σ0²(1 − twice·h) and b = curvature·σ_FΛ."""
    a, decay = sharp_rate(twice), sp.exp(-sharp_rate(twice) * w_min * t)
    return a * rho_0 * decay / (a + curvature * sF * Lam * rho_0 * (1 - decay))


def stop_time(factor: Any = 1, rate: Any = None, weight: Any = w_min) -> Any:
    """factor times the time at which the logistic bound is ε; `rate` in the place of a in the denominator."""
    beyond_one = sharp_rate() * (rho_0 - eps) / (eps * sF**2 * s0**2)
    return factor * sp.Max(0, sp.log(1 + beyond_one) / ((sharp_rate() if rate is None else rate) * weight))


def tail(front: Any = 2) -> Any:
    """front·ρ/(σ_F(σ_now + σ_end))."""
    return front * rho / (sF * (sigma_now() + sigma_end()))


def time_integral(inside: Any = 2) -> Any:
    """∫ ψ'(ψ^{-1}(z))/(σ_F²(σ0² − inside·Λ(ρ0 − z)/σ_F)) dz from ρ to ρ0."""
    integrand = dpsi(psi_inv(z)) / (sF**2 * (s0**2 - inside * Lam * (rho_0 - z) / sF))
    return sp.Integral(integrand, (z, rho, rho_0))


# --- two layers, kernel energy --------------------------------------------------------------------------------------------
def slope_both(column: Any, B1: Any = B1) -> Any:
    """Λ of both layers for columns of norm at most `column`."""
    return (B2 * column + sp.sqrt(B2**2 * column**2 + 4 * B1**2)) / (2 * sp.sqrt(sym("k")))


def energy_growth(residual: Any = 1, noise: Any = 1, growth: Any = 2, Omega: Any = Omega) -> Any:
    """−residual·‖r‖² + noise·ε‖r‖ + growth·Lip/(σ0 − Ω)·ℓ'·E."""
    r = sym("residual")
    last = growth * sym("Lip") / (s0 - Omega) * sym("ell_dot") * sym("E")
    return -residual * r**2 + noise * eps * r + last
