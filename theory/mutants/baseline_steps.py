"""Of the steps of the baseline's proof (:mod:`theory.theorems.baseline_steps`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sympy as sp

from theory.mutant import DIAL, Constant, Mutant
from theory.mutants.build import FAMILY, eq, false, ge, le, lt, true, turned
from theory.symbols import dpsi, psi, sym

sF, s0, loss, rho, rho_0, R = (sym(s) for s in ("sigma_F", "sigma_0", "loss", "rho", "rho_0", "R"))
ell, ell_dot, ell_tail, grad_norm, q_norm = (sym(s) for s in ("ell", "ell_dot", "ell_tail", "grad_norm", "q_norm"))
dloss, drho, dPsi, grad_theta = sym("dloss"), sym("drho"), sym("dPsi"), sym("grad_theta")
sigma_t, sigma_g, sigma_theta, theta_dist = sym("sigma_t"), sym("sigma_g"), sym("sigma_theta"), sym("theta_dist")
residual, eps, mu, L_F, dist, A_norm = (sym(s) for s in ("residual", "eps", "mu", "L_F", "dist", "A_norm"))
y_err, x_err = sym("y_err"), sym("x_err")

_half = sp.Rational(1, 2)
_SPHERE: Final = (
    "the scalar family of sharp.optimal reaches the sphere of radius R = sigma_0/(2 Lip), where sigma_min is sigma_0/2, at h = "
    "3/8 in the limit and at every larger h"
)
_OUTSIDE: Final = f"{FAMILY} at h = 0.45: beyond r = 1/2 sigma_min is below sigma_0/2"
_TALL: Final = "A = (1, 0)^T, y = (1, 1): grad L_y is not in the image of A"
_ANISOTROPIC: Final = "g = diag(1, 0.1) theta, the residual along the weak direction"


def _paid(front: Any) -> Any:
    return le(ell, front * (rho_0 - rho) / (sF * s0))


def _dissipated(factor: Any, scale: Any = s0**2 * sF**2) -> Any:
    return le(dloss, -factor * scale / dpsi(loss) ** 2)


def _signal(separate: Any, constant: Any = mu, noise: Any = 1) -> Any:
    return le(x_err, (residual + noise * eps + L_F * dist) / constant + separate * dist)


MUTANTS: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "step.chain_rule": (
        false(
            "smallest-singular-value",
            "the gradient is as small as sigma_min(J_g) allows: |grad_theta| = sigma_min(J_g) |J_F^T grad L_y|",
            "g = diag(1, 0.1) theta, the residual along the strong direction",
            conclusion=eq(grad_theta, sigma_t * q_norm),
        ),
        false(
            "operator-forgotten",
            "J_F is missing: |grad_theta| <= |J_g| |grad L_y|",
            "F = 10, g = theta",
            conclusion=le(grad_theta, sigma_g * grad_norm),
        ),
    ),
    "step.energy": (
        false(
            "square-lost",
            "d/dt L_y(y(t)) = -|theta'|",
            "any run, wherever |theta'| is not 1",
            conclusion=eq(dloss, -ell_dot),
        ),
        false("halved", "half of the squared speed", "any run", conclusion=eq(dloss, -(ell_dot**2) / 2)),
    ),
    "step.jacobian_ball": (
        false(
            "six-tenths",
            "sigma_0/2 becomes 0.6 sigma_0",
            f"{FAMILY} at h = 0.37: sigma_min tends to 0.51",
            conclusion=ge(sigma_theta, sp.Rational(3, 5) * s0),
        ),
        false(
            "twice-the-ball",
            "on the ball of twice the radius",
            f"{FAMILY} at h = 0.49: r tends to 0.86, sigma_min to 0.14",
            when=le(theta_dist, 2 * R),
        ),
    ),
    "step.gradient_lower": (
        false(
            "largest-singular-value",
            "sigma_min(J_g) becomes the norm of J_g",
            _ANISOTROPIC,
            conclusion=ge(ell_dot, sigma_g * sF * grad_norm),
        ),
        false(
            "norm-of-operator",
            "sigma_F becomes the norm of A",
            "A = diag(1, 0.1), g = theta, the residual along the weak direction",
            substitute={sF: A_norm},
        ),
        false(
            "frozen",
            "sigma_min(J_g(t)) becomes its value at the start",
            f"{FAMILY} at h = 0.4, t = 1",
            conclusion=ge(ell_dot, s0 * sF * grad_norm),
        ),
        false("range-dropped", "without the range condition", _TALL, drop=("A.operator.range",)),
    ),
    "step.kl": (
        false(
            "psi-halved",
            "psi becomes psi/2",
            "plain least squares at any time",
            conclusion=ge(dpsi(loss) * grad_norm / 2, 1),
        ),
        false(
            "least-squares-for-all",
            "psi(s) = sqrt(2 s) for every loss",
            "log-cosh or pseudo-Huber with a large residual, where |grad L| stays bounded",
            conclusion=ge(grad_norm / sp.sqrt(2 * loss), 1),
        ),
    ),
    "step.length_rate": (
        false(
            "whole",
            "sigma_0/2 becomes sigma_0",
            f"{FAMILY} at h = 0.2: at any t > 0",
            conclusion=le(drho, -s0 * sF * ell_dot),
        ),
        false("outside-the-ball", "at all times, in the ball or not", _OUTSIDE, drop=("when",)),
        false(
            "norm-of-operator",
            "sigma_F becomes the norm of A",
            "A = diag(1, 0.1), g = theta, the residual along the weak direction",
            substitute={sF: A_norm},
        ),
    ),
    "step.confinement": (
        false(
            "one", "the factor 2 becomes 1", f"{FAMILY} at h = 0.2: length 1.127 times the bound", conclusion=_paid(1)
        ),
        true(
            "best",
            "the factor 2 becomes 4 - 2 sqrt 2",
            "sharp.length: 2/(1 + s_t/sigma_0) with s_t > sigma_0/sqrt 2, as h < 1/4 (sharp.implies_baseline)",
            conclusion=_paid(4 - 2 * sp.sqrt(2)),
        ),
        true(
            "condition-1-5",
            "R' < R becomes R' < 1.5 R",
            "sharp.implies_baseline and sharp.length: h < 3/8 gives 2/(1 + 1/2) = 4/3 < 2",
            conditions={"baseline.condition": lt(sym("R_prime"), sp.Rational(3, 2) * R)},
        ),
        false(
            "condition-dropped",
            "without R' < R",
            "tanh, W only, n = k = 1, v = 1, a = 0, y = 2: the length is infinite, rho falls by less than 1",
            drop=("baseline.condition",),
        ),
    ),
    "step.dissipation": (
        false("whole", "1/4 becomes 1", f"{FAMILY} at h = 0.2: at any t > 0", conclusion=_dissipated(1)),
        false(
            "square-lost",
            "sigma_0 sigma_F in the place of its square",
            "only where sigma_F sigma_0 < 1/4: g = 0.1 theta, F the identity",
            conclusion=_dissipated(sp.Rational(1, 4), s0 * sF),
        ),
        false("outside-the-ball", "at all times, in the ball or not", _OUTSIDE, drop=("when",)),
    ),
    "step.time_change": (
        false("whole", "1/4 becomes 1", f"{FAMILY} at h = 0.2: at any t > 0", conclusion=ge(dPsi, s0**2 * sF**2)),
        false("outside-the-ball", "at all times, in the ball or not", _OUTSIDE, drop=("when",)),
    ),
    "step.tail_length": (
        false(
            "one",
            "the factor 2 becomes 1",
            f"{FAMILY} at h = 0.2: the ratio grows from 1.127 to 1.291",
            conclusion=le(ell_tail, psi(loss) / (s0 * sF)),
        ),
        true(
            "root-two",
            "the factor 2 becomes sqrt 2",
            "sharp.tail bounds the remaining length by rho/(sigma_F sigma_0 sqrt(1 - 2h)), and h < 1/4",
            conclusion=le(ell_tail, sp.sqrt(2) * psi(loss) / (s0 * sF)),
        ),
    ),
    "step.growth": (
        false("psi-halved", "psi becomes psi/2", "plain least squares", conclusion=le(residual, psi(loss) / 2)),
        false(
            "unique-dropped",
            "without uniqueness of the minimizer",
            "L_y(v) = v_1^2/2 with psi(s) = sqrt(2 s), v - y along the second entry",
            drop=("A.loss.unique",),
        ),
    ),
    "step.triangle_obs": (
        false(
            "orthogonal",
            "residual and noise add in squares",
            "the noise along the residual",
            conclusion=le(y_err, sp.sqrt(residual**2 + eps**2)),
        ),
        false(
            "noise-forgotten", "the noise is missing", "at the end of a run with noise", conclusion=le(y_err, residual)
        ),
    ),
    "step.triangle_sig": (
        false(
            "norm-for-mu",
            "mu becomes the norm of A",
            "A = diag(1, 0.1), g = theta, x - xbar along the weak direction, no noise",
            conclusion=_signal(1, A_norm),
        ),
        false(
            "noise-forgotten",
            "the noise is missing",
            "g = theta, F the identity, x(0) = 0, xbar = 1, y = 1.1: xbar is reachable (dist = 0), the error tends to 0.1",
            conclusion=_signal(1, noise=0),
        ),
    ),
}

CONSTANTS: Final[Mapping[str, tuple[Constant, ...]]] = {
    "step.jacobian_ball": (
        turned("half", "the 1/2", _half, "up", _half, _SPHERE, conclusion=ge(sigma_theta, DIAL * s0)),
    ),
    "step.gradient_lower": (
        turned(
            "front", "the factor 1", 1, "up", 1, "equality for n = m = p = 1",
            conclusion=ge(ell_dot, DIAL * sigma_t * sF * grad_norm),
        ),
    ),
    "step.kl": (
        turned(
            "one", "the 1", 1, "up", 1, "equality for plain least squares", conclusion=ge(dpsi(loss) * grad_norm, DIAL)
        ),
    ),
    "step.length_rate": (
        turned("half", "the 1/2", _half, "up", _half, _SPHERE, conclusion=le(drho, -DIAL * s0 * sF * ell_dot)),
    ),
    "step.confinement": (
        turned(
            "front", "the factor 2 of R'", 2, "down", 4 - 2 * sp.sqrt(2),
            "sharp.length and sharp.implies_baseline; not less: the scalar family of sharp.optimal as h tends to 1/4",
            conclusion=_paid(DIAL),
        ),
    ),
    "step.dissipation": (
        turned("quarter", "the 1/4", _half**2, "up", _half**2, _SPHERE, conclusion=_dissipated(DIAL)),
    ),
    "step.time_change": (
        turned("quarter", "the 1/4", _half**2, "up", _half**2, _SPHERE, conclusion=ge(dPsi, DIAL * s0**2 * sF**2)),
    ),
    "step.tail_length": (
        turned(
            "front", "the factor 2", 2, "down", sp.sqrt(2),
            "sharp.tail and sharp.implies_baseline; not less: the scalar family of sharp.optimal as h tends to 1/4 and t to "
            "infinity",
            conclusion=le(ell_tail, DIAL * psi(loss) / (s0 * sF)),
        ),
    ),
    "step.growth": (
        turned(
            "front", "the factor 1", 1, "down", 1, "equality for plain least squares",
            conclusion=le(residual, DIAL * psi(loss)),
        ),
    ),
    "step.triangle_obs": (
        turned(
            "noise", "the factor 1 of the noise", 1, "down", 1, "equality where the noise is along the residual",
            conclusion=le(y_err, residual + DIAL * eps),
        ),
    ),
    "step.triangle_sig": (
        turned(
            "separate", "the factor 1 of the separate dist", 1, "down", 1,
            "F: R -> R^2, F(x) = x (cos w(x), sin w(x)) with a smooth w, 0 for x <= 0 and pi for x >= 1, xbar = -dist, "
            "xbar' = 0, x >= 1: mu = L_F = 1, and equality if residual + eps = x - dist (for linear F it is 0: recover.linear)",
            conclusion=_signal(DIAL),
        ),
    ),
}  # fmt: skip
