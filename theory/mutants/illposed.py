"""Of the bounds without the condition number (:mod:`theory.theorems.illposed`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sympy as sp

from theory.mutant import DIAL, Constant, Mutant
from theory.mutants.build import FAMILY, false, ge, le, lt, turned
from theory.mutants.expressions import energy_growth
from theory.symbols import sym

E, E_0, G_L, dE, residual, eps, tau = (sym(s) for s in ("E", "E_0", "G_L", "dE", "residual", "eps", "tau"))
t, t_1, T_1, L, Phi_0, Lam, s0, sF = (sym(s) for s in ("t", "t_1", "T_1", "L", "Phi_0", "Lambda", "sigma_0", "sigma_F"))

_growth = E_0 * sp.exp(G_L)
_OPPOSITE: Final = (
    f"{FAMILY} with xbar = 0.3 and the noise opposite to the residual, y = xbar + 0.05: equality in the statement"
)
_EQUAL: Final = "illposed.energy: the scalar family with the noise opposite to the residual"
_TWO_TERMS: Final = sp.sqrt(t_1 * Phi_0) + sp.sqrt(_growth * sp.log(T_1 / t_1) / 2)


def _stop(bound: Any) -> Any:
    return le(sym("T_stop"), bound)


def _rate(factor: Any) -> Any:
    return le(residual, sp.sqrt(factor * _growth / t))


def _budget(third: Any) -> Any:
    """The condition of `dip2.energy` with another last term."""
    return sp.And(lt(Lam * L, s0), lt(_TWO_TERMS + third, L), evaluate=False)


MUTANTS: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "illposed.energy": (
        false(
            "growth-halved", "the 2 in front of Lip becomes 1", _OPPOSITE, conclusion=le(dE, energy_growth(growth=1))
        ),
        false("noise-forgotten", "the term eps |r| is missing", _OPPOSITE, conclusion=le(dE, energy_growth(noise=0))),
        false(
            "residual-more",
            "-|r|^2 becomes -1.1 |r|^2",
            _OPPOSITE,
            conclusion=le(dE, energy_growth(residual=sp.Rational(11, 10))),
        ),
        false(
            "frozen",
            "s(ell) stays sigma_0",
            f"{_OPPOSITE}; at any t > 0",
            conclusion=le(dE, energy_growth(Omega=0)),
        ),
    ),
    "illposed.semiconvergence": (
        false(
            "never-increases",
            "E itself does not increase",
            f"{FAMILY} with xbar = y = 2: E' has the sign of Lambda (xbar - g) - s^2 > 0",
            conclusion=le(E, E_0),
        ),
        false(
            "growth-halved",
            "G becomes G/2",
            f"{FAMILY} with xbar = y = 20: E/E_0 = ((20 - g)/20)^2/s^2 against 1/s",
            conclusion=le(E, E_0 * sp.exp(G_L / 2)),
        ),
        false(
            "at-all-times",
            "below the noise level too",
            "g = theta, F the identity, x(0) - xbar = 0.1, y - xbar = 1: E tends to 1/2",
            drop=("when",),
        ),
    ),
    "illposed.discrepancy": (
        false(
            "tau-squared",
            "tau (tau - 1) becomes tau^2 in T_hat",
            "g = theta, F the identity, tau = 1.1, x(0) - xbar = eps/2 opposite to the noise: T = 0.31, bound 0.103",
            conclusion=_stop(_growth / (tau**2 * eps**2)),
        ),
        false(
            "square-lost",
            "eps in the place of its square in T_hat",
            "only where eps < 1: g = theta, F the identity, eps = 0.01, tau = 2, x(0) - xbar = 3 eps",
            conclusion=_stop(_growth / (tau * (tau - 1) * eps)),
        ),
        false(
            "energy-never-increases",
            "E <= E_0 up to the stopping time",
            "g = (theta_1, theta_2 (1 - theta_1/20)) from 0, A = diag(1, 1e-6), xbar = (0.02, 1), noise (-0.001, 0), tau = 2, "
            "L = 3: E = 0.50086 at T = 2.25, E_0 = 0.5002",
            conclusion=le(E, E_0),
            when=ge(residual, tau * eps),
        ),
    ),
    "illposed.rate": (
        false(
            "below-one-over-e",
            "E_0 exp(G(L)) becomes 0.3 E_0 exp(G(L))",
            "g = theta, F the identity, t = 1/2: |y(t) - y|^2 t = E_0/e",
            conclusion=_rate(sp.Rational(3, 10)),
        ),
        false(
            "time-squared",
            "|y(t) - y|^2 <= E_0 exp(G(L))/t^2",
            "only for t > 1: g = theta, F = 0.1, t = 50",
            conclusion=_rate(1 / t),
        ),
        false(
            "noise",
            "with noise as well",
            "A = (1, 0)^T, g = theta, y = (0, 1): |y(t) - y| >= 1 for ever",
            drop=("A.noise.none",),
        ),
    ),
    "dip2.energy": (
        false(
            "tail-forgotten",
            "the length beyond T_1 is missing in the condition",
            "g = theta, F the identity, y - y(0) = 1, T_1 = t_1 = 0.01, L = 0.08: the length tends to 1",
            conditions={"dip2.energy": _budget(0)},
        ),
        false(
            "norm-of-operator",
            "sigma_F becomes the norm of A in the last term",
            "A = diag(1, 0.1), g = theta, x(0) - xbar = (0, 1), t_1 = T_1 = 10, L = 0.5: budget 0.447, the length tends to 1",
            conditions={"dip2.energy": _budget(sp.sqrt(_growth / T_1) / (sym("A_norm") * (s0 - Lam * L)))},
        ),
    ),
}

CONSTANTS: Final[Mapping[str, tuple[Constant, ...]]] = {
    "illposed.energy": (
        turned(
            "residual", "the factor 1 of -|r|^2", 1, "up", 1, _EQUAL,
            conclusion=le(dE, energy_growth(residual=DIAL)),
        ),
        turned(
            "noise", "the factor 1 of eps |r|", 1, "down", 1, _EQUAL,
            conclusion=le(dE, energy_growth(noise=DIAL)),
        ),
        turned(
            "growth", "the 2 in front of Lip", 2, "down", 2, _EQUAL,
            conclusion=le(dE, energy_growth(growth=DIAL)),
        ),
    ),
    "illposed.semiconvergence": (
        turned(
            "growth", "the factor 1 of G", 1, "down", 1,
            "the scalar family of sharp.optimal with xbar = y: E/E_0 = (1 - g/y)^2/s^2, which tends to exp(G) = 1/s^2 as y "
            "grows at a fixed r",
            conclusion=le(E, E_0 * sp.exp(DIAL * G_L)),
        ),
    ),
    "illposed.rate": (
        turned(
            "front", "the factor 1 of E_0 exp(G(L)); not below 1/e, the best for a constant kernel", 1, "down",
            conclusion=_rate(DIAL),
        ),
    ),
}  # fmt: skip
