"""Of the random initialization and the widths (:mod:`theory.theorems.two_layer_random`, :mod:`theory.theorems.width`).

The claims hold with a probability that the statement names; a wrong one fails more often.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sympy as sp

from theory.mutant import DIAL, Constant, Mutant
from theory.mutants.build import ZERO_LOSS, false, ge, gt, le, lt, true, turned
from theory.symbols import sym

B1, B2, c_V, k, n, D_V = (sym(s) for s in ("B1", "B2", "c_V", "k", "n", "D_V"))
s0, sF, rho_0, delta, T, gap, rank = (sym(s) for s in ("sigma_0", "sigma_F", "rho_0", "delta", "T_log", "gap", "rank"))
C_phi, C_dphi, f_lo, x0_norm, s_star = (sym(s) for s in ("C_phi", "C_dphi", "f_lo", "x0_norm", "s_star"))
A_norm, AF_norm, AAt_F, Aty_norm, y_norm = (sym(s) for s in ("A_norm", "AF_norm", "AAt_F", "Aty_norm", "y_norm"))

_log = sp.log(4 / delta)


def _t_dev(dimension: Any = n) -> Any:
    return sp.sqrt(2 * B1**2 * dimension * D_V**2 * sp.log(4 * n / delta) / (C_dphi**2 * k))


_lower = sp.sqrt(sp.Max(0, C_phi**2 - B1**2 / k)) - B1 * sp.sqrt(2 * _log / k)
_hidden = sp.Max(0, _lower)


def _sigma(value: Any) -> Any:
    return ge(s0**2, value)


def _output(logarithm: Any = _log, spread: Any = 1, dimension: Any = n) -> Any:
    f_hi = C_phi + B1 * sp.sqrt(2 * logarithm / k)
    return le(x0_norm, f_hi * sp.sqrt(dimension) * (1 + spread * D_V * sp.sqrt(2 * logarithm)))


def _residual(quadratic: Any = 1, cross: Any = 1, level: Any = T) -> Any:
    f_hi = C_phi + B1 * sp.sqrt(2 * level / k)
    square = AF_norm**2 + quadratic * (2 * AAt_F * sp.sqrt(level) + 2 * A_norm**2 * level)
    return le(rho_0**2, f_hi**2 * square + y_norm**2 + cross * 2 * f_hi * Aty_norm * sp.sqrt(2 * level))


_GAUSSIAN: Final = "large k, where x(0) is close to C_phi times a standard Gaussian"
_k_sharp = ((B2 * c_V + sp.sqrt(B2**2 * c_V**2 + 4 * B1**2)) * rho_0 / (sF * s0**2)) ** 2
_k_amgm = (B1 * rho_0 / (sF * f_lo**2)) ** 2
_k_baseline = (4 * sp.Max(B1, B2) * (1 + 2 * sp.sqrt(n) * D_V + 4 * rho_0 / (sF * s0)) * rho_0 / (sF * s0**2)) ** 2
_c_1, _phi_sup, _x_plus = sym("c_1"), sym("phi_sup"), sym("x_plus")

MUTANTS: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "dip2.sigma0": (
        false(
            "positive-parts-dropped",
            "both positive parts are missing",
            "tanh, n = 1, k = 5, D_V = 1, delta = 1e-6: claims 2.9, and sigma_0^2 <= 2 always",
            conclusion=_sigma(_lower**2 + (1 - _t_dev()) * C_dphi**2),
        ),
        true(
            "second-positive-part-dropped",
            "1 - t_dev in the place of its positive part",
            "it claims less than the statement",
            conclusion=_sigma(_hidden**2 + (1 - _t_dev()) * C_dphi**2),
        ),
        false(
            "no-deviation",
            "the mean C_phi^2 + C_dphi^2",
            "n = k = 20: the smallest eigenvalue of the mean is hardly ever reached",
            conclusion=_sigma(C_phi**2 + C_dphi**2),
        ),
        false(
            "square-lost",
            "f_lo in the place of its square",
            "tanh, n = 1, k = 10000: claims above 1, the mean is 0.86",
            conclusion=_sigma(_hidden + sp.Max(0, 1 - _t_dev()) * C_dphi**2),
        ),
        false(
            "largest-slope",
            "C_dphi^2 becomes B1^2 in the last term",
            "tanh, n = 1, k = 10000: claims above 1, the mean is 0.86",
            conclusion=_sigma(_hidden**2 + sp.Max(0, 1 - _t_dev()) * B1**2),
        ),
        false(
            "dimension-forgotten",
            "t_dev without the n in front of D_V^2",
            "tanh, Rademacher, n = k = 400, delta = 0.1: a square factor has almost no smallest singular value",
            conclusion=_sigma(_hidden**2 + sp.Max(0, 1 - _t_dev(1)) * C_dphi**2),
        ),
    ),
    "dip2.output0": (
        false(
            "spread-forgotten",
            "the factor of V's deviation becomes 1",
            f"n = 1, {_GAUSSIAN}",
            conclusion=_output(spread=0),
        ),
        false(
            "dimension-forgotten",
            "sqrt n is missing",
            "tanh, n = 100, delta = 0.1, large k: claims 2.4, and |x(0)| is about 6.3",
            conclusion=_output(dimension=1),
        ),
        false(
            "logarithm-forgotten",
            "ln(4/delta) becomes 1",
            f"n = 1, delta = 0.000001, {_GAUSSIAN}: fails with probability 0.007 at k = 400",
            conclusion=_output(sp.Integer(1)),
        ),
    ),
    "dip2.output_sub_gaussian": (
        false(
            "no-deviation",
            "|A x(0)|^2 is bounded by its mean",
            f"n = m = 1, y = 0, T = 4, {_GAUSSIAN}: fails with probability 0.3 instead of 0.055",
            conclusion=_residual(quadratic=0),
        ),
        false(
            "cross-term-dropped",
            "the term of |A^T y| is missing",
            "n = m = 1, y = 1000: fails for one sign of x(0)",
            conclusion=_residual(cross=0),
        ),
        false(
            "level-quartered",
            "T becomes T/4 in the bound",
            f"n = m = 1, y = 1000, T = 8, {_GAUSSIAN}: fails with probability 0.023 instead of 0.001",
            conclusion=_residual(level=T / 4),
        ),
    ),
    "dip2.width_baseline": (
        false(
            "hundredth",
            "a hundredth of the width",
            "tanh, Rademacher: Lip is at least 0.37 of its coarse form, and the width enters by its root",
            conditions={"dip2.width_baseline": gt(k, _k_baseline / 100)},
        ),
    ),
    "dip2.width_sharp": (
        false(
            "half",
            "half of the width",
            "any constants with k = 0.6 k_min: h = 0.65",
            conditions={"dip2.width_sharp": gt(k, _k_sharp / 2)},
        ),
        false(
            "square-lost",
            "the width without its square",
            "only where k_min > 1: k = 1.1 sqrt(k_min)",
            conditions={"dip2.width_sharp": gt(k, sp.sqrt(_k_sharp))},
        ),
    ),
    "dip2.width_amgm": (
        false(
            "half",
            "half of the width",
            "any constants with k = 0.6 k_min",
            conditions={"dip2.width_amgm": gt(k, _k_amgm / 2)},
        ),
    ),
    "dip2.balanced_rate": (
        false(
            "rank-forgotten",
            "q is not subtracted: sinh(.)^2 in the place of the gap",
            "tanh, n = q = 1, Rademacher, k = 5, delta = 0.1: fails with probability 0.21; q = 10, k = 37: 0.23",
            substitute={gap: gap + rank},
        ),
        false(
            "width-forgotten",
            "1/k is missing in s_star^2",
            "k = 100: hardly any neuron has a positive gap, and s_star^2 is their mean",
            conclusion=ge(s_star**2, gap / (1 + gap)),
        ),
    ),
    "wonly.width": (
        false(
            "deviation-forgotten",
            "zero loss if only x_plus < phi_sup sqrt(k) c_1",
            "tanh, n = m = 5, k = 1, A the identity, |y| = 0.1: y is not a multiple of v",
            conclusion=ZERO_LOSS,
            conditions={"wonly.width": lt(_x_plus, _phi_sup * sp.sqrt(k) * _c_1)},
        ),
    ),
}

CONSTANTS: Final[Mapping[str, tuple[Constant, ...]]] = {
    "dip2.width_sharp": (
        turned(
            "width", "the factor 1 of k_min", 1, "down", 1, "h = 1/2 at k_min",
            conditions={"dip2.width_sharp": gt(k, DIAL * _k_sharp)},
        ),
    ),
    "dip2.width_amgm": (
        turned(
            "width", "the factor 1 of k_min", 1, "down", 1, "rho_0 is the capacity at k_min",
            conditions={"dip2.width_amgm": gt(k, DIAL * _k_amgm)},
        ),
    ),
}  # fmt: skip
