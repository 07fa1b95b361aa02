"""Of the two-layer network, deterministic part (:mod:`theory.theorems.two_layer`, :mod:`theory.theorems.saturated`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sympy as sp

from theory.mutant import DIAL, Constant, Mutant
from theory.mutants.build import eq, false, ge, gt, le, turned
from theory.mutants.expressions import slope_both
from theory.symbols import sym

B1, B2, c_V, k, r, M4, s0, sF = (sym(s) for s in ("B1", "B2", "c_V", "k", "r", "M4", "sigma_0", "sigma_F"))
sigma_g, f_a, f_0, s_factor, sigma_theta = (sym(s) for s in ("sigma_g", "f_a", "f_0", "sigma_factor", "sigma_theta"))
J_change, theta_dist, J_pair, pair_dist = sym("J_change"), sym("theta_dist"), sym("J_pair"), sym("pair_dist")
ell, rho, rho_0, Jf, Lf = sym("ell"), sym("rho"), sym("rho_0"), sym("Jf_norm"), sym("Lambda_f")
scale, Lam = sym("scale"), sym("Lambda")

_IDENTITY: Final = "phi the identity, n = k = 1: J_g = (a, v) changes by as much as (a, v) moves, and B1 = 1, B2 = 0"


def _modulus(slope: Any) -> Any:
    return le(J_change, slope * theta_dist)


def _lipschitz(slope: Any) -> Any:
    return le(J_pair, slope * pair_dist)


def _length(front: Any = 2, inside: Any = 2, norm: Any = Jf) -> Any:
    gone = rho_0 - rho
    return ge(ell, front * gone / (norm + sp.sqrt(norm**2 + inside * Lf * gone)))


def _scaled(factor: Any) -> Any:
    return gt(scale, factor * Lam * rho_0 / (sF * s0**2))


def _saturated(first: Any = 1, second: Any = 1) -> Any:
    linear = B2 * c_V / sp.sqrt(k) * r
    root = sp.sqrt(B2 * r) * M4 ** sp.Rational(1, 4) / sp.sqrt(k)
    return ge(sigma_theta, s0 - sp.Min(first * linear, second * root))


_half = sp.Rational(1, 2)

MUTANTS: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "dip2.gram": (
        false(
            "squares-lost",
            "f and the factor's singular value add",
            "both layers, f > 0",
            conclusion=eq(sigma_g, f_a + s_factor),
        ),
        false("frozen", "f stays that of the start", "any run of both layers at t > 0", substitute={f_a: f_0}),
        false("first-layer-only", "the term of V is missing", "both layers, f > 0", conclusion=eq(sigma_g, s_factor)),
    ),
    "dip2.reduction": (
        false(
            "squares-lost",
            "the distances of a and V add",
            "any run of both layers at t > 0",
            conclusion=eq(sym("theta_dist"), sym("a_dist") + sym("V_dist")),
        ),
        false(
            "second-layer-forgotten",
            "only the distance of a counts",
            "any run of both layers at t > 0",
            conclusion=eq(sym("theta_dist"), sym("a_dist")),
        ),
    ),
    "dip2.modulus": (
        false("halved", "half of the slope", _IDENTITY, conclusion=_modulus(slope_both(c_V) / 2)),
        false(
            "columns-forgotten",
            "c_V becomes 0: the slope B1/sqrt k",
            "tanh, n = k = 1, v = 10, a = 0.66: phi'' = B2 there, y = 0",
            conclusion=_modulus(B1 / sp.sqrt(k)),
        ),
        false(
            "slope-of-first-layer",
            "the slope B2 c_V/sqrt k of W alone, for both layers",
            _IDENTITY,
            conclusion=_modulus(B2 * c_V / sp.sqrt(k)),
        ),
        false(
            "root-without-four",
            "4 B1^2 becomes B1^2 under the root",
            _IDENTITY,
            conclusion=_modulus(slope_both(c_V, B1=B1 / 2)),
        ),
    ),
    "dip2.lipschitz": (
        false("halved", "half of the constant", _IDENTITY, conclusion=_lipschitz(slope_both(c_V + r) / 2)),
        false(
            "columns-forgotten",
            "the columns of V are left out: B1/sqrt k",
            "tanh, n = k = 1, v = 10, a = 0.66, y = 0: between neighbouring points the Jacobian changes 7 times as fast",
            conclusion=_lipschitz(B1 / sp.sqrt(k)),
        ),
        false(
            "slope-of-first-layer",
            "B2 (c_V + r)/sqrt k, the part of W alone, for both layers",
            _IDENTITY,
            conclusion=_lipschitz(B2 * (c_V + r) / sp.sqrt(k)),
        ),
    ),
    "dip2.two_sided": (
        false(
            "growth-forgotten",
            "|J_f| stays its value at the start: ell >= (rho_0 - rho)/Jf",
            "n = m = p = 1, F the identity, g(r) = r + r^2/2, y > 0: the Jacobian grows",
            conclusion=ge(ell, (rho_0 - rho) / Jf),
        ),
        false(
            "smallest-for-norm",
            "the norm of J_f(0) becomes sigma_F sigma_0",
            "g = diag(1, 0.1) theta, F the identity, the residual along the strong direction",
            conclusion=_length(norm=sF * s0),
        ),
        false(
            "more-than-two",
            "the factor 2 becomes 2.1",
            "n = m = p = 1, F the identity, g(r) = r + r^2/2 from 0, y > 0: equality in the statement",
            conclusion=_length(sp.Rational(21, 10)),
        ),
    ),
    "dip2.output_scale": (
        false(
            "half",
            "half of the scale is enough for h < 1/2",
            "any constants with the scale 1.5 Lambda rho_0/(sigma_F sigma_0^2): h = 2/3",
            when=_scaled(1),
        ),
        false(
            "square-lost",
            "sigma_0 in the place of its square in the scale",
            "only where sigma_0 < 1: sigma_0 = 0.1, the scale 3 Lambda rho_0/(sigma_F sigma_0)",
            when=gt(scale, 2 * Lam * rho_0 / (sF * s0)),
        ),
    ),
    "dip2.saturated_modulus": (
        false(
            "first-halved",
            "the first term is halved",
            "W alone, tanh, n = k = 1, a = 0.6585, where |phi''| = B2, y above y(0): small r",
            conclusion=_saturated(_half),
        ),
        false(
            "second-halved",
            "the second term is halved",
            "W alone, tanh, n = k = 1, v = 1, a = 0.3, y = 2: at r = 1.25 sigma_min has fallen by 0.8 of the second term",
            conclusion=_saturated(1, _half),
        ),
    ),
}

CONSTANTS: Final[Mapping[str, tuple[Constant, ...]]] = {
    "dip2.modulus": (
        turned("slope", "the factor 1 of Lambda", 1, "down", 1, _IDENTITY, conclusion=_modulus(DIAL * slope_both(c_V))),
    ),
    "dip2.lipschitz": (
        turned("slope", "the factor 1 of Lip", 1, "down", 1, _IDENTITY, conclusion=_lipschitz(DIAL * slope_both(c_V + r))),
    ),
    "dip2.two_sided": (
        turned(
            "front", "the factor 2 in front", 2, "up", 2, "n = m = p = 1, F the identity, g(r) = Jf r + Lf r^2/2: equality",
            conclusion=_length(DIAL),
        ),
        turned(
            "growth", "the 2 under the root", 2, "down", 2, "n = m = p = 1, F the identity, g(r) = Jf r + Lf r^2/2: equality",
            conclusion=_length(2, DIAL),
        ),
    ),
    "dip2.output_scale": (
        turned("scale", "the factor 2 of the scale", 2, "down", 2, "h = 1/2 at that scale", when=_scaled(DIAL)),
    ),
    "dip2.saturated_modulus": (
        turned(
            "front", "the factor 1 of Omega_s", 1, "down", 1,
            "n = k = 1, |phi''(a)| = B2 at the start: sigma_min falls by B2 |v| r, up to terms of order r^2",
            conclusion=ge(
                sigma_theta,
                s0
                - DIAL
                * sp.Min(B2 * c_V / sp.sqrt(k) * r, sp.sqrt(B2 * r) * M4 ** sp.Rational(1, 4) / sp.sqrt(k)),
            ),
        ),
    ),
}  # fmt: skip
