"""Of the recovery in signal space (:mod:`theory.theorems.recovery`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sympy as sp

from theory.mutant import DIAL, Constant, Mutant
from theory.mutants.build import FAMILY, false, ge, le, true, turned
from theory.mutants.expressions import gamma_of
from theory.symbols import psi, sym

residual, eps, A_norm, dist, mu, rho = (sym(s) for s in ("residual", "eps", "A_norm", "dist", "mu", "rho"))
sF, s0, Lam, PKQ, J, ell_star = (sym(s) for s in ("sigma_F", "sigma_0", "Lambda", "PKQ", "J_norm", "ell_star"))
ker_0, drift, x_err, r, reach = sym("ker_0"), sym("drift"), sym("x_err"), sym("r"), sym("reach")
R_norm, unseen, S_norm, g_err = sym("R_norm"), sym("unseen"), sym("S_norm"), sym("g_err")

_recovered = psi(gamma_of(sF**2 * s0**2 / 4))


def _linear(front: Any, constant: Any = mu, noise: Any = 1) -> Any:
    return le(x_err, (_recovered + noise * eps + front * A_norm * dist) / constant)


def _kernel(moved: Any = drift, start: Any = ker_0, noise: Any = 1, seen: Any = sF) -> Any:
    return le(x_err, sp.sqrt(((rho + noise * eps) / seen) ** 2 + (start + moved) ** 2))


# the integral of 1/s over [0, ell_star], -log(1 - u)/Lambda, in a form that has a value for Lambda = 0
_logarithm = ell_star / s0 * sp.hyper((1, 1), (2,), Lam * ell_star / s0)
# the integral of (PKQ + Omega (2J + Omega))/J
_over_norm = (PKQ * ell_star + J * Lam * ell_star**2 + Lam**2 * ell_star**3 / 3) / J
_omega_only = drift - PKQ * _logarithm


MUTANTS: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "recover.linear": (
        false(
            "norm-for-mu",
            "mu becomes the norm of A",
            "A = diag(1, 0.1), g = theta, x(0) - xbar along the weak direction, no noise, t = 0",
            conclusion=_linear(1, A_norm),
        ),
        false(
            "noise-forgotten",
            "the noise is missing",
            "g = theta, F the identity, x(0) = 0, xbar = 1, y = 1.1: xbar is reachable (dist = 0), the error tends to 0.1",
            conclusion=_linear(1, noise=0),
        ),
    ),
    "recover.kernel": (
        false(
            "drift-forgotten",
            "nothing moves in the kernel",
            "A = (1, 0), g = (theta_1, theta_1 + theta_2), xbar = (y, 0): the second entry moves by as much as the first",
            conclusion=_kernel(0),
        ),
        false(
            "start-kernel-only",
            "the drift without the change of the kernel, omega",
            "A = (1, 0), g = (theta_1, theta_2 + theta_1^2/4), xbar = (y, 0), y = 0.5: K_0 is the identity, x_2 tends to 1/16",
            conclusion=_kernel(PKQ * _logarithm),
        ),
        false(
            "coupling-forgotten",
            "the drift without |P K_0 Q|",
            "A = (1, 0), g = (theta_1, theta_1 + theta_2), xbar = (y, 0)",
            conclusion=_kernel(_omega_only),
        ),
        false(
            "norm-for-smallest",
            "|J_g(0)| in the place of s(r) in the drift",
            "A = (1, 0), g = (0.1 theta_1, theta_1 + theta_2), xbar = (y, 0): x_2 moves 10 times as far as x_1",
            conclusion=_kernel(_over_norm),
        ),
        false(
            "kernel-of-the-start-forgotten",
            "the initial error in the kernel is missing",
            "A = (1, 0), g = theta, x(0) - xbar = (0, 1)",
            conclusion=_kernel(start=0),
        ),
        false(
            "noise-forgotten",
            "the noise is missing",
            "A = (1, 0), g = theta, xbar = (1, 0), y = 1.1: the error tends to 0.1",
            conclusion=_kernel(noise=0),
        ),
        false(
            "norm-of-operator",
            "sigma_F becomes the norm of A",
            "A = diag(1, 0.1), g = theta, x(0) - xbar = (0, 1), t = 0",
            conclusion=_kernel(seen=A_norm),
        ),
        true(
            "sum",
            "the two parts of the error add without squares",
            "the root of a sum of squares is at most the sum",
            conclusion=le(x_err, (rho + eps) / sF + ker_0 + drift),
        ),
    ),
    "recover.mu_linear": (
        false("norm", "mu is at least the norm of A", "A = diag(1, 0.1), g = theta", conclusion=ge(mu, A_norm)),
    ),
    "recover.reach": (
        false(
            "modulus-forgotten",
            "a ball of radius sigma_0 r",
            f"{FAMILY}: g reaches r - r^2/2 upwards",
            conclusion=ge(reach, s0 * r),
        ),
        false(
            "largest-of-jacobian",
            "sigma_0 becomes the norm of J_g(0)",
            "g = diag(1, 0.1) theta",
            substitute={s0: J},
        ),
    ),
    "recover.split": (
        false(
            "unseen-forgotten",
            "what the data do not see is missing",
            "A = (1, 0), R = A^T, x - xbar = (0, 1)",
            conclusion=le(x_err, R_norm * (residual + eps)),
        ),
        false(
            "noise-forgotten",
            "the noise is missing",
            "A the identity, R the identity, x = y",
            conclusion=le(x_err, R_norm * residual + unseen),
        ),
        false(
            "inverse-norm",
            "the norm of R becomes 1/|A|",
            "A = diag(1, 0.1), R its inverse, x - xbar along the weak direction",
            conclusion=le(x_err, (residual + eps) / A_norm + unseen),
        ),
    ),
    "recover.synthesis": (false("norm-forgotten", "|S| is missing", "S = 2", conclusion=le(x_err, g_err)),),
}

CONSTANTS: Final[Mapping[str, tuple[Constant, ...]]] = {
    "recover.linear": (
        turned(
            "distance",
            "the factor 1 of |A| dist; the inequality between vectors is attained, with A (x - xbar) = 0",
            1,
            "down",
            conclusion=_linear(DIAL),
        ),
    ),
    "recover.kernel": (
        turned(
            "drift",
            "the factor 1 of the drift",
            1,
            "down",
            1,
            "A = (1, 0), g = (theta_1, c theta_1 + theta_2), xbar = (y, 0), c -> 0: x_2 moves by c y, and the drift is c y up to "
            "terms of second order in c",
            conclusion=_kernel(DIAL * drift),
        ),
    ),
    "recover.reach": (
        turned(
            "modulus",
            "the 1/2 of Lambda r^2/2",
            sp.Rational(1, 2),
            "down",
            sp.Rational(1, 2),
            "sharp.optimal: the family reaches sigma_0 r - Lambda r^2/2 upwards",
            conclusion=ge(reach, s0 * r - DIAL * Lam * r**2),
        ),
    ),
    "recover.split": (
        turned(
            "reconstruction",
            "the factor 1 of |R|",
            1,
            "down",
            1,
            "n = m = 1, R = 1/A: equality where A x - y has the direction of the noise",
            conclusion=le(x_err, DIAL * R_norm * (residual + eps) + unseen),
        ),
    ),
    "recover.synthesis": (
        turned(
            "front",
            "the factor 1 of |S|",
            1,
            "down",
            1,
            "S a number: equality",
            conclusion=le(x_err, DIAL * S_norm * g_err),
        ),
    ),
}
