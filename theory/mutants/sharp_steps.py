"""Of the steps of the sharp theorem and of `dip2.amgm` (:mod:`theory.theorems.sharp_steps`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sympy as sp

from theory.mutant import DIAL, Constant, Mutant
from theory.mutants.build import FAMILY, eq, false, le, turned
from theory.mutants.expressions import sigma_now
from theory.symbols import dpsi, sym

sF, s0, Lam, ell, ell_dot, drho = (sym(s) for s in ("sigma_F", "sigma_0", "Lambda", "ell", "ell_dot", "drho"))
loss, f_a, f_0, ell_a_dot, q_norm = sym("loss"), sym("f_a"), sym("f_0"), sym("ell_a_dot"), sym("q_norm")

_ANY: Final = f"{FAMILY} at h = 0.3: at any t > 0"
_EQUAL: Final = "equality at all times on the scalar family of sharp.optimal"


def _majorant(slope: Any) -> Any:
    return le(drho, -sF * (s0 - slope * Lam * ell) * ell_dot)


def _rate(inside: Any) -> Any:
    return le(drho, -(sF**2) * sigma_now(inside) ** 2 / dpsi(loss))


def _amgm(factor: Any, hidden: Any = f_a) -> Any:
    return le(drho, -factor * sF * hidden * ell_a_dot)


MUTANTS: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "step.majorant": (
        false("halved", "Lambda becomes Lambda/2", _ANY, conclusion=_majorant(sp.Rational(1, 2))),
        false("frozen", "sigma_min(J_g) stays sigma_0", _ANY, conclusion=_majorant(0)),
    ),
    "step.majorant_rate": (
        false("one", "the 2 in front of Lambda becomes 1", _ANY, conclusion=_rate(1)),
        false("frozen", "sigma_min(J_g) stays sigma_0", _ANY, conclusion=_rate(0)),
    ),
    "step.speed_split": (
        false(
            "sum-squared",
            "|theta'| = f |q| + |a'|: the layers add without squares",
            "any run of both layers",
            conclusion=eq(ell_dot**2, (f_a * q_norm + ell_a_dot) ** 2),
        ),
        false(
            "frozen",
            "the hidden norm f stays that of the start",
            "any run of both layers at t > 0",
            conclusion=eq(ell_dot**2, f_0**2 * q_norm**2 + ell_a_dot**2),
        ),
    ),
    "step.amgm": (
        false(
            "more-than-two",
            "the factor 2 becomes 2.02",
            "n = m = k = 1, phi the identity, a_0 = v_0: f |q| = |a'| at all times",
            conclusion=_amgm(sp.Rational(101, 50)),
        ),
        false(
            "first-layer",
            "for W alone",
            "tanh, n = k = 1, v = 0.1, a = 1, y = 0: -rho' = |a'|^2/rho = 0.1 phi'(a) |a'|, and 2 f |a'| = 1.5 |a'|",
            drop=("A.network.both",),
        ),
        false(
            "norm-of-operator",
            "sigma_F becomes the norm of A",
            "A = diag(1, 0.1), phi the identity, k = 1, a = 1, v(0) = (0, 0.1), y = (0, -1): q is along the weak direction",
            substitute={sF: sym("A_norm")},
        ),
    ),
}

CONSTANTS: Final[Mapping[str, tuple[Constant, ...]]] = {
    "step.majorant": (turned("slope", "the factor 1 of Lambda", 1, "down", 1, _EQUAL, conclusion=_majorant(DIAL)),),
    "step.majorant_rate": (
        turned("majorant", "the 2 in front of Lambda", 2, "down", 2, _EQUAL, conclusion=_rate(DIAL)),
    ),
    "step.amgm": (
        turned(
            "two",
            "the factor 2",
            2,
            "up",
            2,
            "dip2.amgm: f |q| = |a'| at all times for n = m = k = 1, phi the identity, a_0 = v_0",
            conclusion=_amgm(DIAL),
        ),
    ),
}
