"""Of the convergence from the hidden activations (:mod:`theory.theorems.amgm`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sympy as sp

from theory.mutant import DIAL, Constant, Mutant
from theory.mutants.build import ZERO_LOSS, false, ge, lt, true, turned
from theory.symbols import sym

sF, rho_0, rho, k, B1, f_0, f_a = (sym(s) for s in ("sigma_F", "rho_0", "rho", "k", "B1", "f_0", "f_a"))

_FAMILY: Final = "n = m = k = 1, phi the identity, a_0 = v_0 = 1"


def _hidden(spent: Any, path: Any = rho_0) -> Any:
    """The claim f >= √(f0² − spent·B1·path/(√k·σ_F))."""
    return ge(f_a, sp.sqrt(f_0**2 - spent * B1 * path / (sp.sqrt(k) * sF)))


def _capacity(value: Any) -> dict[str, Any]:
    return {"dip2.amgm": lt(rho_0, value)}


MUTANTS: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "dip2.amgm": (
        false(
            "more-than-two",
            "the 2 of the capacity becomes 2.02",
            f"{_FAMILY}, y = -0.005: the loss tends to y^2/2",
            conclusion=ZERO_LOSS,
            conditions=_capacity(sp.Rational(101, 100) * sF * sp.sqrt(k) * f_0**2 / B1),
        ),
        false(
            "square-lost",
            "f_0 in the place of its square in the capacity",
            "only where f_0 < 1: n = m = k = 1, phi the identity, a_0 = v_0 = 0.5, y = -0.15",
            conclusion=ZERO_LOSS,
            conditions=_capacity(sF * sp.sqrt(k) * f_0 / B1),
        ),
        false(
            "width-for-its-root",
            "sqrt k becomes k in the capacity",
            "n = m = 1, k = 4, phi the identity, a_i = v_i = 1, y = -1: capacity 2, rho_0 = 3",
            conclusion=ZERO_LOSS,
            conditions=_capacity(sF * k * f_0**2 / B1),
        ),
        false(
            "norm-of-operator",
            "sigma_F becomes the norm of A in the capacity",
            "A = diag(1, 0.1), n = m = 2, k = 1, phi the identity, a_0 = 1, v_0 = (0, 1), y = (0, -0.1): y(t) tends to 0",
            conclusion=ZERO_LOSS,
            conditions=_capacity(sym("A_norm") * sp.sqrt(k) * f_0**2 / B1),
        ),
        false(
            "first-layer",
            "zero loss for W alone",
            "tanh, n = m = k = 1, v = 0.01, a = 1, y = 0.1: |y(t)| stays below 0.01",
            conclusion=ZERO_LOSS,
            drop=("A.network.both",),
        ),
        false(
            "first-layer-hidden",
            "the hidden norm for W alone",
            "tanh, n = m = k = 1, v = 0.1, a = 1, y = 0: a tends to 0, and f with it",
            drop=("A.network.both",),
        ),
        false(
            "half-spent",
            "the hidden norm loses half as much",
            f"{_FAMILY}, y = 0.1: f^2 tends to y, the bound is 1 - 0.9/2",
            conclusion=_hidden(sp.Rational(1, 2)),
        ),
        true(
            "spent-so-far",
            "rho_0 - rho(t) in the place of rho_0",
            "rho + 2 sigma_F (integral of F over [0, ell_a]) does not increase, so the integral is at most (rho_0 - rho)/(2 "
            "sigma_F) up to now",
            conclusion=_hidden(1, path=rho_0 - rho),
        ),
    ),
}

CONSTANTS: Final[Mapping[str, tuple[Constant, ...]]] = {
    "dip2.amgm": (
        turned(
            "capacity",
            "the 2 of the capacity 2 sigma_F (integral of F), for zero loss in the limit",
            2,
            "up",
            2,
            "dip2.amgm: n = m = k = 1, phi the identity, a_0 = v_0 reaches zero loss only below the capacity",
            conclusion=ZERO_LOSS,
            conditions=_capacity(DIAL / 2 * sF * sp.sqrt(k) * f_0**2 / B1),
        ),
        turned(
            "hidden",
            "the factor 1 of B1 rho_0/(sqrt(k) sigma_F) in the bound of f^2",
            1,
            "down",
            1,
            "dip2.amgm: for n = m = k = 1, phi the identity, a_0 = v_0, f^2 = a^2 tends to y = f_0^2 - rho_0",
            conclusion=_hidden(DIAL),
        ),
    ),
}
