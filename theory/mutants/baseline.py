"""Of the baseline theorem (:mod:`theory.theorems.baseline`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sympy as sp

from theory.mutant import DIAL, Constant, Mutant
from theory.mutants.build import FAMILY, ZERO_LOSS, false, ge, le, lt, true, turned
from theory.mutants.expressions import baseline_tail, gamma_of, level_time
from theory.symbols import Psi, Psi_inv, psi, psi_inv, sym

sF, s0, t, rho_0, loss_0 = sym("sigma_F"), sym("sigma_0"), sym("t"), sym("rho_0"), sym("loss_0")
eps, mu, A_norm, J_norm, L_F, dist = (sym(s) for s in ("eps", "mu", "A_norm", "J_norm", "L_F", "dist"))
loss, y_err, x_err, theta_tail = sym("loss"), sym("y_err"), sym("x_err"), sym("theta_tail")
R, R_prime, residual = sym("R"), sym("R_prime"), sym("residual")

_square: Final = sF**2 * s0**2
_LOGARITHM: Final = sp.log(rho_0 / eps)
_HALF: Final = (
    "R' < R is h < 1/4, so the sharp rate has the factor 1 - 2h > 1/2 (sharp.implies_baseline), and the logistic bound "
    "is at most exponential"
)
_HALF_SOURCE: Final = (
    "sharp.implies_baseline; not more: on the scalar family of sharp.optimal the rate tends to 1/2 as h tends to 1/4"
)
_WEAK_END: Final = "g = theta, F = diag(1, 0.1), y - y(0) along the weak direction"
_WEAK_START: Final = "g = diag(1, 0.1) theta, F the identity, y - y(0) along the weak direction"
_TALL: Final = "A = (1, 0)^T, y = (1, 1): half of the squared distance of y from the image of A is left"
_FLAT: Final = "L_y(v) = v_1^2/2 with psi(s) = sqrt(2 s): the second entry of the residual stays for ever"


def _mse(rate: Any) -> Any:
    return rho_0 * sp.exp(-rate * t)


def _mse_time(factor: Any, scale: Any = _square, logarithm: Any = _LOGARITHM) -> Any:
    return sp.Max(0, factor * logarithm / scale)


_recovered = psi(gamma_of(_square / 4))

MUTANTS: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "baseline.condition": (
        false(
            "beyond-twice",
            "zero loss is promised for R' < 2.2 R",
            f"{FAMILY} at h = 0.54, R'/R = 2.16: the residual tends to 0.04",
            conclusion=ZERO_LOSS,
            conditions={"baseline.condition": lt(R_prime, sp.Rational(11, 5) * R)},
        ),
        false(
            "range-dropped",
            "zero loss without the range condition",
            _TALL,
            conclusion=ZERO_LOSS,
            drop=("A.operator.range",),
        ),
    ),
    "baseline.loss_rate": (
        false(
            "rate-0-6",
            "the rate factor 1/4 becomes 0.6",
            f"{FAMILY} at h = 0.2499: from t = 6.78 on",
            conclusion=le(loss, gamma_of(sp.Rational(3, 5) * _square)),
        ),
        false(
            "rate-0-51",
            "the rate factor 1/4 becomes 0.51",
            f"{FAMILY} at h = 0.2499: from t = 70.7 on (rates 0.51 and 0.5002, and a prefactor of 0.5)",
            conclusion=le(loss, gamma_of(sp.Rational(51, 100) * _square)),
        ),
        true(
            "rate-half",
            "the rate factor 1/4 becomes 1/2",
            _HALF,
            conclusion=le(loss, gamma_of(_square / 2)),
        ),
        false(
            "square-lost",
            "sigma_F sigma_0 in the place of its square",
            "only where sigma_F sigma_0 < 1: g = 0.1 theta, F the identity (rate 0.01 against 0.025)",
            conclusion=le(loss, gamma_of(sF * s0 / 4)),
        ),
        false(
            "largest-of-jacobian",
            "sigma_0 = sigma_min(J_g(0)) becomes the norm of J_g(0)",
            _WEAK_START,
            substitute={s0: J_norm},
        ),
        false(
            "norm-of-operator",
            "sigma_F becomes the norm of A",
            _WEAK_END,
            substitute={sF: A_norm},
        ),
        false(
            "psi-halved",
            "psi becomes psi/2 in gamma, so that the factor 1/4 becomes 1",
            f"{FAMILY} at h = 0.2: rate 0.6",
            conclusion=le(loss, Psi_inv(_square * t + Psi(loss_0))),
        ),
        false(
            "start-forgotten",
            "gamma without Psi(L_y(y(0)))",
            "least squares with a loss above 1 at the start: y(0) - y of norm 10, at t = 0",
            conclusion=le(loss, Psi_inv(_square / 4 * t)),
        ),
        false(
            "condition-dropped",
            "without R' < R",
            f"{FAMILY} at h = 0.45: from t = 13.6 on",
            drop=("baseline.condition",),
        ),
        false(
            "condition-1-6",
            "R' < R becomes R' < 1.6 R",
            f"{FAMILY} at h = 0.399: from t = 33.3 on",
            conditions={"baseline.condition": lt(R_prime, sp.Rational(8, 5) * R)},
        ),
        true(
            "condition-1-5",
            "R' < R becomes R' < 1.5 R",
            "sharp.implies_baseline: h < 3/8 keeps the path inside the ball, with the factor 1 - 2h > 1/4",
            conditions={"baseline.condition": lt(R_prime, sp.Rational(3, 2) * R)},
        ),
        false(
            "range-dropped",
            "without the range condition",
            _TALL,
            drop=("A.operator.range",),
        ),
        true(
            "unique-dropped",
            "without uniqueness of the minimizer",
            "the rate of the loss rests on step.confinement and step.time_change, neither of which uses it",
            drop=("A.loss.unique",),
        ),
    ),
    "baseline.mse_rate": (
        false(
            "rate-0-6",
            "the rate factor 1/4 becomes 0.6",
            f"{FAMILY} at h = 0.2499: from t = 6.78 on",
            conclusion=le(residual, _mse(sp.Rational(3, 5) * _square)),
        ),
        true("rate-half", "the rate factor 1/4 becomes 1/2", _HALF, conclusion=le(residual, _mse(_square / 2))),
        false(
            "square-lost",
            "sigma_F sigma_0 in the place of its square",
            "only where sigma_F sigma_0 < 1: g = 0.1 theta, F the identity",
            conclusion=le(residual, _mse(sF * s0 / 4)),
        ),
        false("largest-of-jacobian", "sigma_0 becomes the norm of J_g(0)", _WEAK_START, substitute={s0: J_norm}),
        false(
            "any-loss",
            "for every loss, not only plain least squares",
            "weighted least squares with the weight 0.01, g = theta",
            drop=("A.loss.plain_least_squares",),
        ),
    ),
    "baseline.param_rate": (
        false(
            "one",
            "the factor 2 becomes 1",
            f"{FAMILY} at h = 0.2, t = 0: the tail is 1.127 times the bound",
            conclusion=le(theta_tail, baseline_tail(1)),
        ),
        true(
            "root-two",
            "the factor 2 becomes sqrt 2",
            "by sharp.tail the tail is at most rho/(sigma_F sigma_0 sqrt(1 - 2h)), 1 - 2h > 1/2, and rho is at most psi of "
            "the bound of the loss (baseline.loss_rate)",
            conclusion=le(theta_tail, baseline_tail(sp.sqrt(2))),
        ),
        false(
            "best-at-the-start",
            "the factor 2 becomes 4 - 2 sqrt 2, the best one at t = 0",
            f"{FAMILY} at h = 0.2499 with the loss |v - y|^p/p: the ratio tends to sqrt(2) 2^(-1/(p-2)) as t grows, 1.297 for "
            "p = 10, above 1.172 for p >= 6",
            conclusion=le(theta_tail, baseline_tail(4 - 2 * sp.sqrt(2))),
        ),
        true(
            "best-for-least-squares",
            "the factor 2 becomes 4 - 2 sqrt 2, for plain least squares",
            "with s_t = sigma_min's lower bound of sharp.sigma, in units sigma_F = sigma_0 = 1, the logarithm of 2 (rho/rho_0) "
            "exp(t/4)/(s_t + s_star), a bound of the ratio by sharp.tail and sharp.logistic, has the derivative 1/4 - s_t^2/2 - "
            "s_t s_star/2 < 0: it is largest at t = 0, where it is 2/(1 + sqrt(1 - 2h)) < 4 - 2 sqrt 2",
            conclusion=le(theta_tail, baseline_tail(4 - 2 * sp.sqrt(2))),
            add=("A.loss.plain_least_squares",),
        ),
        false(
            "sigma-0-lost",
            "2/sigma_F in the place of 2/(sigma_F sigma_0)",
            "only where sigma_0 < 1/2: g = 0.1 theta, F the identity, t = 0",
            conclusion=le(theta_tail, 2 * psi(gamma_of(_square / 4)) / sF),
        ),
    ),
    "baseline.early_stop": (
        false(
            "factor-one",
            "the factor 4 of the stopping time becomes 1",
            f"{FAMILY} at h = 0.2, eps = rho_0/100 along the residual: the residual is 3.88 eps at that time",
            when=ge(t, level_time(1)),
        ),
        true("factor-two", "the factor 4 of the stopping time becomes 2", _HALF, when=ge(t, level_time(2))),
        false(
            "bracket-moved",
            "Psi(L_y(y(0))) is outside the bracket",
            "g = theta, F = sqrt(0.1), |y(0) - y| = 100, eps = 1: t = 18.1 instead of 184, error 17.3",
            when=ge(t, sp.Max(0, 4 * Psi(psi_inv(eps)) / _square - Psi(loss_0))),
        ),
        false(
            "square-lost",
            "sigma_F sigma_0 in the place of its square in the stopping time",
            "only where sigma_F sigma_0 < 1: g = 0.1 theta, F the identity, eps = rho_0/100",
            when=ge(t, level_time(4, sF * s0)),
        ),
        false(
            "noise-once",
            "the error is at most 1.5 eps",
            "eps = |y(0) - y|, the noise along the residual, t = 0: the error is 2 eps",
            conclusion=le(y_err, sp.Rational(3, 2) * eps),
        ),
        false("at-all-times", "the bound 2 eps from the start", "eps < rho_0/3, t = 0", drop=("when",)),
        false("unique-dropped", "without uniqueness of the minimizer", _FLAT, drop=("A.loss.unique",)),
    ),
    "baseline.mse_stop": (
        false(
            "factor-one",
            "the factor 4 of the stopping time becomes 1",
            f"{FAMILY} at h = 0.2, eps = rho_0/100 along the residual",
            when=ge(t, _mse_time(1)),
        ),
        true("factor-two", "the factor 4 of the stopping time becomes 2", _HALF, when=ge(t, _mse_time(2))),
        false(
            "common-logarithm",
            "the logarithm to the base 10, which makes the factor 4 one of 1.737",
            f"{FAMILY} at h = 0.2499, eps = rho_0/10000 along the residual: 2 - 2 ln 2/ln(rho_0/eps) is needed",
            when=ge(t, _mse_time(4, logarithm=sp.log(rho_0 / eps) / sp.log(10))),
        ),
        false(
            "largest-of-jacobian",
            "sigma_0 becomes the norm of J_g(0) in the stopping time",
            _WEAK_START,
            when=ge(t, _mse_time(4, sF**2 * J_norm**2)),
        ),
    ),
    "baseline.recovery": (
        false(
            "norm-for-mu",
            "mu becomes the norm of A",
            "A = diag(1, 0.1), g = theta, x(0) - xbar along the weak direction, no noise, t = 0",
            substitute={mu: A_norm},
        ),
        false(
            "noise-forgotten",
            "the term eps/mu is missing",
            "g = theta, F the identity, x(0) = 0, xbar = 1, y = 1.1: xbar is reachable (dist = 0), the error tends to 0.1",
            conclusion=le(x_err, _recovered / mu + (1 + L_F / mu) * dist),
        ),
        true(
            "linear-without-one",
            "the separate dist is missing, for linear F",
            "recover.linear, the norm of A being the least L_F",
            conclusion=le(x_err, _recovered / mu + L_F / mu * dist + eps / mu),
            add=("A.operator.linear",),
        ),
    ),
}

CONSTANTS: Final[Mapping[str, tuple[Constant, ...]]] = {
    "baseline.loss_rate": (
        turned(
            "rate",
            "the factor 1/4 of the rate",
            sp.Rational(1, 4),
            "up",
            sp.Rational(1, 2),
            _HALF_SOURCE,
            conclusion=le(loss, gamma_of(DIAL * _square)),
        ),
        turned(
            "radius",
            "c in the condition R' < c R, for the rate 1/4",
            1,
            "up",
            sp.Rational(3, 2),
            "sharp.implies_baseline; not more: at R' = 1.5 R the rate of the scalar family of sharp.optimal is 1/4",
            conditions={"baseline.condition": lt(R_prime, DIAL * R)},
        ),
    ),
    "baseline.mse_rate": (
        turned(
            "rate",
            "the factor 1/4 of the rate",
            sp.Rational(1, 4),
            "up",
            sp.Rational(1, 2),
            _HALF_SOURCE,
            conclusion=le(residual, _mse(DIAL * _square)),
        ),
    ),
    "baseline.param_rate": (
        turned(
            "front",
            "the factor 2",
            2,
            "down",
            sp.sqrt(2),
            "sharp.tail and 1 - 2h > 1/2; not less: on the scalar family of sharp.optimal with |v - y|^p/p the ratio tends to "
            "sqrt(2) 2^(-1/(p-2)) as h tends to 1/4 and t to infinity (for plain least squares the best is 4 - 2 sqrt 2)",
            conclusion=le(theta_tail, baseline_tail(DIAL)),
        ),
        turned(
            "front-least-squares",
            "the factor 2, plain least squares",
            2,
            "down",
            4 - 2 * sp.sqrt(2),
            "the mutant best-for-least-squares; not less: t = 0 on the scalar family of sharp.optimal as h tends to 1/4",
            conclusion=le(theta_tail, baseline_tail(DIAL)),
            add=("A.loss.plain_least_squares",),
        ),
    ),
    "baseline.early_stop": (
        turned(
            "time",
            "the factor 4 of the stopping time",
            4,
            "down",
            2,
            "sharp.implies_baseline; not less: on the scalar family of sharp.optimal as h tends to 1/4 the factor needed is "
            "2 - 2 ln 2/ln(rho_0/eps), up to terms that vanish with eps",
            when=ge(t, level_time(DIAL)),
        ),
        turned(
            "level",
            "the factor 2 of eps",
            2,
            "down",
            2,
            "attained at t = 0 by eps = |y(0) - y| along the residual",
            conclusion=le(y_err, DIAL * eps),
        ),
    ),
    "baseline.mse_stop": (
        turned(
            "time",
            "the factor 4 of the stopping time",
            4,
            "down",
            2,
            "sharp.implies_baseline; not less: on the scalar family of sharp.optimal as h tends to 1/4 the factor needed is "
            "2 - 2 ln 2/ln(rho_0/eps), up to terms that vanish with eps",
            when=ge(t, _mse_time(DIAL)),
        ),
    ),
}
