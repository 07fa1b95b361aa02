"""Of gradient descent (:mod:`theory.theorems.descent`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sympy as sp

from theory.mutant import DIAL, Constant, Mutant
from theory.mutants.build import FAMILY, ZERO_LOSS, false, le, lt, true, turned
from theory.mutants.expressions import sigma_end, star_length
from theory.symbols import dpsi, sym

sF, s0, h, nu, gamma, M = (sym(s) for s in ("sigma_F", "sigma_0", "h", "nu", "gamma", "M"))
loss, loss_0, loss_next, grad_theta, rho_0, ell = (
    sym(s) for s in ("loss", "loss_0", "loss_next", "grad_theta", "rho_0", "ell")
)
conserved, conserved_0 = sym("conserved"), sym("conserved_0")

_half = sp.Rational(1, 2)
_TWO_LAYERS: Final = ("A.network.two_layer", "A.network.both", "A.activation.star_shaped")
_QUADRATIC: Final = "g = theta, F the identity, least squares: l_{j+1} = (1 - gamma)^2 l_j, M = 1"
_SMALL: Final = "with steps gamma M = 0.01"


_slope = dpsi(loss)


def _descent(factor: Any, squared: Any = grad_theta**2) -> Any:
    return le(loss_next, loss - factor * gamma * squared)


def _rate(factor: Any = 1, smallest: Any = None, slope: Any = _slope) -> Any:
    s_star = sigma_end(2, nu * sF) if smallest is None else smallest
    return le(loss_next, loss - factor * nu * gamma * sF**2 * s_star**2 / slope**2)


MUTANTS: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "gd.descent": (
        false("nu-lost", "nu becomes 1", f"{_QUADRATIC}: any step", conclusion=_descent(1)),
        false(
            "quarter",
            "nu = 1 - gamma M/2 becomes 1 - gamma M/4",
            f"{_QUADRATIC}: any step",
            conclusion=_descent(1 - gamma * M / 4),
        ),
        false(
            "any-step-descends",
            "l_{j+1} <= l_j for every step",
            f"{_QUADRATIC}: gamma = 2.1",
            conclusion=le(loss_next, loss),
            drop=("A.step",),
        ),
        true(
            "any-step",
            "for every gamma > 0, with nu = 1 - gamma M/2 of either sign",
            "the Taylor bound of the objective along the segment does not ask for gamma < 2/M",
            drop=("A.step",),
        ),
        false(
            "gap-never-falls",
            "sinh(a_i)^2 - |v_i|^2 (in dip2.conservation twice G less |v_i|^2) does not decrease under descent either",
            "tanh, n = 2, k = 1, a = arcsinh(1) + 0.001, v = (1, 0), y = (tanh a, 1), gamma = 0.3",
            conclusion=le(conserved, conserved_0),
            add=_TWO_LAYERS,
        ),
        true(
            "gap-falls-little",
            "sinh(a_i)^2 - |v_i|^2 decreases by at most gamma L_0/nu under descent",
            "the linear terms of twice G less |v_i|^2 cancel in a step (dip2.conservation), G is convex for tanh, erf and the "
            "identity (phi phi'' <= 0), so it loses at most |v_i(j+1) - v_i(j)|^2; in sum gamma L_0/nu (gd.descent)",
            conclusion=le(conserved, conserved_0 + gamma * loss_0 / (2 * nu)),
            add=_TWO_LAYERS,
        ),
    ),
    "gd.condition": (
        false(
            "six-tenths",
            "zero loss is promised for h/nu < 0.6",
            f"{FAMILY} at h = 0.55 {_SMALL}: the residual tends to 0.05",
            conclusion=ZERO_LOSS,
            conditions={"gd.condition": lt(h / nu, sp.Rational(3, 5)), "sharp.condition": lt(h, sp.Rational(3, 5))},
        ),
        false(
            "range-dropped",
            "zero loss without the range condition",
            "A = (1, 0)^T, g = theta, y = (1, 1)",
            conclusion=ZERO_LOSS,
            drop=("A.operator.range",),
        ),
    ),
    "gd.length": (
        false(
            "nu-lost",
            "nu becomes 1: the length of the flow",
            f"{_QUADRATIC}: gamma = 1.8 travels 9 times as far",
            substitute={nu: 1},
        ),
        false(
            "half",
            "the factor 2 in front becomes 1",
            f"{_QUADRATIC}: gamma = 0.01",
            conclusion=le(ell, star_length(1, 2, nu * sF)),
        ),
        false(
            "majorant-forgotten",
            "sigma_min(J_g) stays sigma_0: ell <= rho_0/(nu sigma_F sigma_0)",
            f"{FAMILY} at h = 0.4 {_SMALL}: 1.38 times as far",
            conclusion=le(ell, rho_0 / (nu * sF * s0)),
        ),
    ),
    "gd.rate": (
        false("nu-lost", "the nu of the gain becomes 1", f"{_QUADRATIC}: any step", conclusion=_rate(1 / nu)),
        false(
            "frozen",
            "s_star becomes sigma_0",
            f"{FAMILY} at h = 0.4 {_SMALL}: once r > 0.1",
            conclusion=_rate(smallest=s0),
        ),
        false(
            "psi-halved",
            "psi becomes psi/2",
            f"{_QUADRATIC}: gamma = 0.1, any step",
            conclusion=_rate(slope=dpsi(loss) / 2),
        ),
        false(
            "range-dropped",
            "without the range condition",
            "A = (1, 0)^T, g = theta, y = (1, 1): the loss stays above 1/2",
            drop=("A.operator.range",),
        ),
    ),
}

CONSTANTS: Final[Mapping[str, tuple[Constant, ...]]] = {
    "gd.descent": (
        turned(
            "gain",
            "the factor 1 of nu gamma |grad l|^2",
            1,
            "up",
            1,
            f"equality: {_QUADRATIC}",
            conclusion=_descent(DIAL * nu),
        ),
    ),
    "gd.condition": (
        turned(
            "threshold",
            "the threshold 1/2 of h/nu, for zero loss in the limit",
            _half,
            "up",
            _half,
            "sharp.optimal: with small steps nu tends to 1, and beyond 1/2 the loss of the family does not tend to 0",
            conclusion=ZERO_LOSS,
            # nu < 1: h/nu below the dial puts h below it
            conditions={"gd.condition": lt(h / nu, DIAL), "sharp.condition": lt(h, DIAL)},
        ),
    ),
    "gd.length": (
        turned(
            "front",
            "the factor 2 in front",
            2,
            "down",
            2,
            "g = theta: the length is rho_0 and nu tends to 1 as gamma M tends to 0",
            conclusion=le(ell, star_length(DIAL, 2, nu * sF)),
        ),
    ),
    "gd.rate": (
        turned(
            "gain", "the factor 1 of the gain", 1, "up", 1, f"gd.rate, equality: {_QUADRATIC}", conclusion=_rate(DIAL)
        ),
    ),
}
