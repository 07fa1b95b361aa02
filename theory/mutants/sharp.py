"""Of the sharp theorem (:mod:`theory.theorems.sharp`, :mod:`theory.theorems.sharp_more`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sympy as sp

from theory.mutant import DIAL, Constant, Mutant
from theory.mutants.build import FAMILY, ZERO_LOSS, eq, false, ge, le, lt, true, turned
from theory.mutants.expressions import (
    gamma_of,
    length_now,
    logistic,
    sharp_rate,
    sigma_end,
    sigma_now,
    star_length,
    stop_time,
    tail,
    time_integral,
)
from theory.symbols import sym

sF, s0, Lam, h, t, rho, rho_0 = (sym(s) for s in ("sigma_F", "sigma_0", "Lambda", "h", "t", "rho", "rho_0"))
ell, loss, sigma_t, theta_tail, eps = sym("ell"), sym("loss"), sym("sigma_t"), sym("theta_tail"), sym("eps")
J_norm, A_norm, y_err, Lip, w_min = sym("J_norm"), sym("A_norm"), sym("y_err"), sym("Lip"), sym("w_min")
Omega, JF_norm, Lip_F, r, z = sym("Omega"), sym("JF_norm"), sym("Lip_F"), sym("r"), sym("z")
Jf_change: Final = sym("Jf_change")

_half = sp.Rational(1, 2)
_h_lip = Lip * rho_0 / (sF * s0**2)
_ATTAINED: Final = "sharp.optimal: equality at all times"
_ALL_TIMES: Final = f"{FAMILY} at h = 0.3: at any t > 0"
_TALL: Final = "A = (1, 0)^T, y = (1, 1): half of the squared distance of y from the image of A is left"
_BEYOND: Final = (
    "sigma_min(J_g)^2 >= sigma_0^2 - 2 Lambda (rho_0 - rho)/sigma_F holds for every h (beyond ell_0 the right side is not "
    "positive), so rho' <= -w_min (a + b rho) rho does, which the formula solves for either sign of a"
)


def _composed(operator: Any, nonlinear: Any) -> Any:
    return le(Jf_change, operator * Omega + nonlinear * Lip_F * r * (sym("J_norm") + Omega) ** 2)


MUTANTS: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "sharp.condition": (
        false(
            "six-tenths",
            "the threshold 1/2 becomes 0.6",
            f"{FAMILY} at h = 0.55: the residual tends to 0.05",
            conclusion=ZERO_LOSS,
            conditions={"sharp.condition": lt(h, sp.Rational(3, 5))},
        ),
        false(
            "square-lost",
            "sigma_0 in the place of its square in h",
            f"{FAMILY}, only where sigma_0 < 1: sigma_0 = 0.5, rho_0 = 0.2, h = 0.8, the residual tends to 0.075",
            conclusion=ZERO_LOSS,
            conditions={"sharp.condition": lt(Lam * rho_0 / (sF * s0), _half)},
        ),
        false(
            "largest-of-jacobian",
            "sigma_0 becomes the norm of J_g(0) in h",
            "g = (theta_1, 0.5 theta_2 - theta_2^2/2), y - y(0) = (0, 0.2)",
            conclusion=ZERO_LOSS,
            conditions={"sharp.condition": lt(Lam * rho_0 / (sF * J_norm**2), _half)},
        ),
        false(
            "norm-of-operator",
            "sigma_F becomes the norm of A in h",
            "A = diag(1, 0.1), g = (theta_1, theta_2 - theta_2^2/2), y - y(0) = (0, 0.08): h = 0.8",
            conclusion=ZERO_LOSS,
            conditions={"sharp.condition": lt(Lam * rho_0 / (A_norm * s0**2), _half)},
        ),
        false(
            "range-dropped",
            "zero loss without the range condition",
            _TALL,
            conclusion=ZERO_LOSS,
            drop=("A.operator.range",),
        ),
    ),
    "sharp.length": (
        false("half", "the factor 2 in front becomes 1", _ALL_TIMES, conclusion=le(ell, length_now(1))),
        false("majorant-halved", "1 - 2h becomes 1 - h", _ALL_TIMES, conclusion=le(ell, length_now(2, 1))),
        false(
            "majorant-forgotten",
            "sigma_min(J_g) stays sigma_0: ell <= (rho_0 - rho)/(sigma_F sigma_0)",
            _ALL_TIMES,
            conclusion=le(ell, (rho_0 - rho) / (sF * s0)),
        ),
        false(
            "largest-of-jacobian",
            "sigma_0 becomes the norm of J_g(0)",
            "g = diag(1, 0.1) theta, F the identity, the residual along the weak direction",
            substitute={s0: J_norm},
        ),
        false(
            "norm-of-operator",
            "sigma_F becomes the norm of A",
            "A = diag(1, 0.1), g = theta, the residual along the weak direction",
            substitute={sF: A_norm},
        ),
        true(
            "whole-length",
            "the bound of the whole length at every time",
            "it is the bound of the statement at rho = 0, which decreases in rho",
            conclusion=le(ell, star_length()),
        ),
    ),
    "sharp.sigma": (
        false("halved", "the 2 in front of Lambda becomes 1", _ALL_TIMES, conclusion=ge(sigma_t, sigma_now(1))),
        false(
            "linearized",
            "sqrt(1 - 2u) becomes 1 - u, u = Lambda (rho_0 - rho)/(sigma_F sigma_0^2)",
            _ALL_TIMES,
            conclusion=ge(sigma_t, s0 - Lam * (rho_0 - rho) / (sF * s0)),
        ),
        true(
            "floor",
            "the floor sigma_0 sqrt(1 - 2h) at every time",
            "it is the bound of the statement at rho = 0, which increases in rho",
            conclusion=ge(sigma_t, sigma_end()),
        ),
    ),
    "sharp.rate": (
        false(
            "one-minus-h",
            "1 - 2h becomes 1 - h",
            f"{FAMILY} at h = 0.3: from t = 2.01 on",
            conclusion=le(loss, gamma_of(sharp_rate(1))),
        ),
        false(
            "rate-of-the-start",
            "the rate sigma_F^2 sigma_0^2, as if sigma_min(J_g) stayed",
            _ALL_TIMES,
            conclusion=le(loss, gamma_of(sF**2 * s0**2)),
        ),
        false(
            "norm-of-operator",
            "sigma_F becomes the norm of A in the rate",
            "A = diag(1, 0.1), g = theta, the residual along the weak direction",
            substitute={sF: A_norm},
        ),
        false("range-dropped", "without the range condition", _TALL, drop=("A.operator.range",)),
        true(
            "condition-dropped",
            "without h < 1/2, in the formula for a linear modulus",
            "beyond 1/2 the rate is not positive: the bound is at least L_y(y(0)), and the loss does not increase",
            drop=("sharp.condition",),
        ),
    ),
    "sharp.logistic": (
        false("one-minus-h", "1 - 2h becomes 1 - h", _ALL_TIMES, conclusion=le(rho, logistic(1))),
        false(
            "three-b", "b = 2 sigma_F Lambda becomes 3 sigma_F Lambda", _ALL_TIMES, conclusion=le(rho, logistic(2, 3))
        ),
        false(
            "weight-forgotten",
            "w_min becomes 1",
            "only where w_min < 1: one residual of weight 0.1, g = theta",
            substitute={w_min: 1},
        ),
        true("condition-dropped", "without h < 1/2 (but h = 1/2)", _BEYOND, drop=("sharp.condition",)),
    ),
    "sharp.stop": (
        false(
            "earlier",
            "0.9 times the stopping time",
            f"{FAMILY} at h = 0.3, eps = rho_0/10 along the residual, at that time",
            when=ge(t, stop_time(sp.Rational(9, 10))),
        ),
        false(
            "rate-of-the-start",
            "a becomes sigma_F^2 sigma_0^2 in front of the logarithm",
            f"{FAMILY} at h = 0.3, eps = rho_0/10 along the residual, at that time",
            when=ge(t, stop_time(1, sF**2 * s0**2)),
        ),
        false(
            "weight-forgotten",
            "w_min becomes 1",
            "only where w_min < 1: one residual of weight 0.1, g = theta, eps = rho_0/10 along it",
            when=ge(t, stop_time(1, weight=1)),
        ),
        false(
            "noise-once",
            "the error is at most 1.5 eps",
            f"{FAMILY} at h = 0.3, the noise along the residual, at t_star",
            conclusion=le(y_err, sp.Rational(3, 2) * eps),
        ),
    ),
    "sharp.tail": (
        false(
            "half", "the factor 2 becomes 1", f"{FAMILY} at h = 0.3: at all times", conclusion=le(theta_tail, tail(1))
        ),
        false(
            "singular-value-of-the-start",
            "rho/(sigma_F sigma_0)",
            f"{FAMILY} at h = 0.3: at all times",
            conclusion=le(theta_tail, rho / (sF * s0)),
        ),
        true(
            "coarse",
            "rho/(sigma_F sigma_0 sqrt(1 - 2h))",
            "sharp.tail: both singular values in its denominator are at least sigma_0 sqrt(1 - 2h)",
            conclusion=le(theta_tail, rho / (sF * sigma_end())),
        ),
    ),
    "sharp.general": (
        false("earlier", "0.9 times the integral", _ALL_TIMES, conclusion=le(t, sp.Rational(9, 10) * time_integral())),
        false(
            "majorant-halved",
            "2 Lambda becomes Lambda in the integrand",
            _ALL_TIMES,
            conclusion=le(t, time_integral(1)),
        ),
    ),
    "sharp.implies_baseline": (
        false(
            "two-fifths",
            "h < 3/8 becomes h < 0.4",
            "any constants with h = 0.39: ell_star = 1.06 R",
            conditions={"sharp.implies_baseline": lt(_h_lip, sp.Rational(2, 5))},
        ),
    ),
    "sharp.optimal": (
        false(
            "one-minus-h",
            "1 - 2h becomes 1 - h in the residual of the family",
            "the family itself: at any t > 0",
            conclusion=eq(rho, logistic(1).subs({sF: 1, w_min: 1})),
        ),
    ),
    "sharp.composed": (
        false(
            "linear-part-only",
            "the term of Lip(J_F) is missing",
            "g = theta, F(x) = x^2/2, n = m = p = 1: J_f = theta, while Omega = 0",
            conclusion=_composed(JF_norm, 0),
        ),
        false(
            "smallest-of-operator",
            "the norm of J_F becomes sigma_F",
            "A = diag(1, 0.1), g = (theta_1 - theta_1^2/2, theta_2), y - y(0) = (0.3, 0)",
            conclusion=_composed(sF, 1),
        ),
    ),
    "sharp.restart": (
        false(
            "majorant-forgotten",
            "ell <= rho_0/(sigma_F sigma_0)",
            f"{FAMILY} at h = 0.3: the length tends to 1.225 times that",
            conclusion=le(ell, rho_0 / (sF * s0)),
        ),
        false(
            "convergence-beyond",
            "zero loss is promised for h < 0.6",
            f"{FAMILY} at h = 0.55: the residual tends to 0.05",
            conclusion=ZERO_LOSS,
            conditions={"sharp.restart": lt(h, sp.Rational(3, 5)), "sharp.condition": lt(h, sp.Rational(3, 5))},
        ),
    ),
}

CONSTANTS: Final[Mapping[str, tuple[Constant, ...]]] = {
    "sharp.condition": (
        turned(
            "threshold",
            "the threshold 1/2 of h, for zero loss in the limit",
            _half,
            "up",
            _half,
            "sharp.optimal: beyond 1/2 the loss of the family does not tend to 0",
            conclusion=ZERO_LOSS,
            conditions={"sharp.condition": lt(h, DIAL)},
        ),
    ),
    "sharp.length": (
        turned("front", "the factor 2 in front", 2, "down", 2, _ATTAINED, conclusion=le(ell, length_now(DIAL))),
        turned("majorant", "the 2 under the root", 2, "down", 2, _ATTAINED, conclusion=le(ell, length_now(2, DIAL))),
    ),
    "sharp.sigma": (
        turned("majorant", "the 2 under the root", 2, "down", 2, _ATTAINED, conclusion=ge(sigma_t, sigma_now(DIAL))),
    ),
    "sharp.rate": (
        turned(
            "majorant",
            "the 2 in the rate factor 1 - 2h",
            2,
            "down",
            2,
            "sharp.optimal: the rate of the family tends to 1 - 2h as t grows",
            conclusion=le(loss, gamma_of(sharp_rate(DIAL))),
        ),
    ),
    "sharp.logistic": (
        turned(
            "a",
            "the 2 in a = sigma_F^2 sigma_0^2 (1 - 2h)",
            2,
            "down",
            2,
            _ATTAINED,
            conclusion=le(rho, logistic(DIAL)),
        ),
        turned("b", "the 2 in b = 2 sigma_F Lambda", 2, "up", 2, _ATTAINED, conclusion=le(rho, logistic(2, DIAL))),
    ),
    "sharp.stop": (
        turned(
            "time",
            "the factor 1 of t_star",
            1,
            "down",
            1,
            "sharp.optimal: the residual is eps at t_star, and the error 2 eps if the noise is along the residual",
            when=ge(t, stop_time(DIAL)),
        ),
    ),
    "sharp.tail": (
        turned(
            "front",
            "the factor 2",
            2,
            "down",
            2,
            "sharp.optimal: its path is a segment",
            conclusion=le(theta_tail, tail(DIAL)),
        ),
    ),
    "sharp.general": (
        turned(
            "front",
            "the factor 1 of the integral",
            1,
            "down",
            1,
            "sharp.optimal, with every loss on the line that has psi'(L)|L'| = 1: equality at all times",
            conclusion=le(t, DIAL * time_integral()),
        ),
    ),
    "sharp.implies_baseline": (
        turned(
            "threshold",
            "the 3/8",
            sp.Rational(3, 8),
            "up",
            sp.Rational(3, 8),
            "sharp.implies_baseline: ell_star = R at h = 3/8",
            conditions={"sharp.implies_baseline": lt(_h_lip, DIAL)},
        ),
    ),
    "sharp.restart": (
        turned(
            "front",
            "the factor 2 of ell_star",
            2,
            "down",
            2,
            "sharp.optimal, as t grows",
            conclusion=le(ell, star_length(DIAL)),
        ),
    ),
}
