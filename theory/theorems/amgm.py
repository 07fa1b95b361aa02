"""Convergence from the hidden activations alone, both layers trained (`dip2.amgm`)."""

from __future__ import annotations

from typing import Final

import sympy as sp

from theory.mutants.amgm import CONSTANTS, MUTANTS
from theory.statement import Obligation, Statement
from theory.symbols import Psi, Psi_inv, psi_inv, sym
from theory.theorems.assumptions import FLOW, TWO_LAYER

sF, rho_0, k, B1, f_0, f_a, r = sym("sigma_F"), sym("rho_0"), sym("k"), sym("B1"), sym("f_0"), sym("f_a"), sym("r")
s_star, t, loss_0, eps, z, c, x = sym("s_star"), sym("t"), sym("loss_0"), sym("eps"), sym("z"), sym("c"), sym("x")

HYPOTHESES: Final = (
    "A.network.two_layer",
    "A.network.both",
    "A.activation",
    "A.loss.smooth",
    "A.loss.min",
    "A.loss.unique",
    "A.loss.KL",
    "A.operator.smooth",
    "A.operator.nondegenerate",
    "A.operator.range",
)

_capacity = sF * sp.sqrt(k) * f_0**2 / B1
_root = sp.sqrt(f_0**2 - B1 * rho_0 / (sp.sqrt(k) * sF))
_ell_a = rho_0 / (sF * (f_0 + _root))
_F = f_0 - B1 * r / sp.sqrt(k)
_rate = sF**2 * s_star**2
_t_level = (Psi(psi_inv(eps)) - Psi(loss_0)) / _rate
# f_0 and the root are independent: put the root c, which gives rho_0.
_ROOT: Final = {rho_0: sp.sqrt(k) * sF * (f_0**2 - c**2) / B1}

AMGM = Statement(
    id="dip2.amgm",
    kind="theorem",
    origin="new",
    title="Convergence from the hidden activations alone",
    text=FLOW
    + TWO_LAYER
    + "Both layers are trained, ell_a(t) is the length of the path of a, and q = J_F^T grad L_y, so that |theta'|^2 = "
    "f^2 |q|^2 + |a'|^2 exactly. Let F be nonincreasing with F(r) <= |phi(a_0 + z)|/sqrt k for all |z| <= r. "
    "Condition: rho_0 < 2 sigma_F times the integral of F over [0, infinity) (the capacity). Then ell_a(t) <= "
    "ell_a_star, where 2 sigma_F times the integral of F over [0, ell_a_star] is rho_0; f >= s_star = F(ell_a_star) "
    "> 0 for all time; the loss obeys L_y(y(t)) <= Psi^{-1}(Psi(L_y(y(0))) + sigma_F^2 s_star^2 t), tends to zero, "
    "and ell(t) <= rho_0/(sigma_F s_star). Linear choice: F(r) = max(0, f_0 - B1 r/sqrt k), with capacity sigma_F "
    "sqrt k f_0^2/B1. Dual choice: F(r)^2 = max over lambda >= 0 of (1/k) max(0, sum_i min_z (phi(a_i + z)^2 + "
    "lambda z^2) - lambda r^2); for star-shaped phi the inner minimum is at least phi(a_i)^2 lambda/(tau_i + "
    "lambda), tau_i = phi(a_i)^2/a_i^2. No sigma_min of V D and no n enter. The constant 2 is optimal.",
    hypotheses=HYPOTHESES,
    condition=sp.Lt(rho_0, _capacity, evaluate=False),
    conclusion=sp.Ge(f_a, _root, evaluate=False),
    direction="lower",
    directions={"ell_a_star": "upper", "length": "upper", "bound": "upper", "t_stop": "upper"},
    formulas={
        "capacity": _capacity,
        "ell_a_star": _ell_a,
        "s_star": _root,
        "rate": _rate,
        "rate_rho": _rate * sym("w_min"),
        "length": rho_0 / (sF * s_star),
        "bound": Psi_inv(Psi(loss_0) + _rate * t),
        "t_stop": sp.Max(0, _t_level),
    },
    reads={
        "capacity": "rho_0 has to be below it (linear choice)",
        "ell_a_star": "bound of the length of the path of a (linear choice)",
        "s_star": "lower bound of the hidden norm for all time (linear choice)",
        "rate": "the rate sigma_F^2 s_star^2, for either choice",
        "rate_rho": "exponential rate of the bound of rho(t) for least squares of smallest weight w_min",
        "length": "bound of the length of the whole path, for either choice",
        "bound": "bound of the loss L_y(y(t)), for either choice",
        "t_stop": "time from which the residual is at most eps, for either choice",
    },
    uses=("dip2.reduction", "dip2.gram"),
    proof_uses=(
        "dip2.reduction",
        "dip2.gram",
        "step.speed_split",
        "step.amgm",
        "step.kl",
        "step.energy",
        "step.growth",
        "trusted.picard",
    ),
    cites=("nguyen2020",),
    proof="By dip2.reduction |V'| = f |q| (step.speed_split). So -rho' = psi'|theta'|^2 = psi'(f^2|q|^2 + |a'|^2) >= 2 "
    "psi' f |q| |a'| >= 2 sigma_F f |a'| (step.amgm), using psi'|q| >= psi' sigma_F |grad L| >= sigma_F; hence rho "
    "+ 2 sigma_F (integral of F over [0, ell_a]) does not increase, and ell_a <= ell_a_star. F(ell_a_star) > 0: "
    "otherwise the integral would end there, at rho_0/(2 sigma_F), against the condition. Now sigma_min(J_g) >= f "
    ">= s_star (dip2.gram): -L' = |theta'|^2 >= s_star^2 |q|^2 >= s_star^2 sigma_F^2/psi'^2 and -rho' >= sigma_F "
    "s_star |theta'|. Linear: |phi(a)|/sqrt k is B1/sqrt k-Lipschitz. Dual: weak duality; star-shaped: phi(x)^2 >= "
    "tau x^2 for |x| <= |a| of the same sign, phi(x)^2 >= phi(a)^2 beyond, and for x of the other sign (x - a)^2 >= "
    "a^2. Optimal: n = m = k = 1, phi the identity, a_0 = v_0, y = a_0^2 - rho_0: the flow keeps a = v, a' = -a "
    "(a^2 - y), and reaches zero loss with f = |a| bounded below if and only if y > 0, that is rho_0 < a_0^2, the "
    "capacity.",
    obligations=(
        Obligation.inequality(
            "arithmetic and geometric mean: 2 f|q||a'| <= f^2|q|^2 + |a'|^2",
            2 * f_a * z * c,
            f_a**2 * z**2 + c**2,
            (f_a * z - c) ** 2,
        ),
        Obligation(
            "2 sigma_F times the integral of the linear F up to its zero is the capacity",
            2 * sF * sp.integrate(_F, (r, 0, sp.sqrt(k) * f_0 / B1)) - _capacity,
        ),
        Obligation(
            "2 sigma_F times the integral of the linear F up to ell_a_star is rho_0",
            2 * sF * (f_0 * _ell_a - B1 * _ell_a**2 / (2 * sp.sqrt(k))) - rho_0,
            where=_ROOT,
        ),
        Obligation("the primitive of F used above", sp.diff(f_0 * r - B1 * r**2 / (2 * sp.sqrt(k)), r) - _F),
        Obligation("s_star = F(ell_a_star)", _F.subs(r, _ell_a) - _root, where=_ROOT),
        Obligation(
            "star-shaped: min over x of tau x^2 + lambda (x - a)^2 is tau a^2 lambda/(tau + lambda), by completing "
            "the square",
            z * x**2 + c * (x - f_a) ** 2 - (z + c) * (x - c * f_a / (z + c)) ** 2 - z * f_a**2 * c / (z + c),
        ),
        Obligation.inequality(
            "and it is at most lambda a^2, the least for x of the other sign",
            z * f_a**2 * c / (z + c),
            c * f_a**2,
            c**2 * f_a**2 / (z + c),
        ),
        Obligation(
            "optimal: for n = m = k = 1 and phi = id the capacity is a_0^2",
            _capacity.subs({sF: 1, k: 1, B1: 1}) - f_0**2,
        ),
    ),
    tight="The constant 2 is optimal: n = m = k = 1, phi the identity, a_0 = v_0 reaches zero loss with f bounded "
    "below only if rho_0 is below the capacity (proved).",
    mutants=MUTANTS["dip2.amgm"],
    constants=CONSTANTS["dip2.amgm"],
)

ITEMS: Final = (AMGM,)
