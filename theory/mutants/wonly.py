"""Of the first layer alone (:mod:`theory.theorems.wonly`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sympy as sp

from theory.mutant import DIAL, Constant, Mutant
from theory.mutants.build import ZERO_LOSS, false, le, turned
from theory.symbols import Psi, Psi_inv, sym

loss, loss_star, loss_0, D_0, t = (sym(s) for s in ("loss", "loss_star", "loss_0", "D_0", "t"))
residual, residual_h, dphi_min, sigma_B = sym("residual"), sym("residual_h"), sym("dphi_min"), sym("sigma_B")
D_now, K, gamma, nu = sym("D_now"), sym("D_slope"), sym("gamma"), sym("nu")

_SATURATED: Final = "tanh, n = m = k = 1, v = 1, a(0) = -4, y = 20, h* the end of the run near 1"
_OUTSIDE: Final = "tanh, n = m = k = 1, v = 1, a(0) = 0, y = 2: |y(t) - y| > 1"


def _rate(front: Any, level: Any = loss_star) -> Any:
    return le(loss, level + front * D_0 / t)


def _level(factor: Any, distance: Any = residual_h) -> Any:
    return le(residual, (distance + sp.sqrt(distance**2 + factor * D_0 / t)) / 2)


def _linear(rate: Any) -> Any:
    return le(loss, Psi_inv(Psi(loss_0) + rate * t))


def _bregman(factor: Any) -> Any:
    return le(D_now, D_0 + factor * K * gamma * (loss_0 - loss) / (2 * nu))


MUTANTS: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "wonly.mirror": (
        false(
            "both-layers",
            "for both layers",
            "any run of both layers with a(0), V(0) != 0, at t > 0",
            drop=("A.network.W",),
        ),
    ),
    "wonly.threshold": (false("every-observation", "zero loss for every y", _OUTSIDE, conclusion=ZERO_LOSS),),
    "wonly.rate": (
        false(
            "half",
            "D_0 becomes D_0/2",
            f"{_SATURATED}: t (L - L*) reaches 0.91 D_0",
            conclusion=_rate(sp.Rational(1, 2)),
        ),
        false("without-distance", "the Bregman distance is missing: L <= L*", _SATURATED, conclusion=_rate(0)),
        false("every-observation", "L* becomes 0", _OUTSIDE, conclusion=_rate(1, 0)),
    ),
    "wonly.linear_rate": (
        false(
            "slope-forgotten",
            "phi' becomes 1: the rate sigma_B^2",
            "tanh, n = m = k = 1, v = 1, y = 0.9: the rate tends to 0.036",
            conclusion=_linear(sigma_B**2),
        ),
        false(
            "square-lost",
            "dphi_min in the place of its square",
            "tanh, n = m = k = 1, v = 1, y = 0.9, a(0) = 1: the rate tends to 0.036, dphi_min is above 0.1",
            conclusion=_linear(dphi_min * sigma_B**2),
        ),
    ),
    "wonly.stop": (
        false(
            "half",
            "4 D_0/t becomes 2 D_0/t",
            f"{_SATURATED}: t |r| (|r| - |B h* - y|) reaches 0.96 D_0",
            conclusion=_level(2),
        ),
        false("every-observation", "|B h* - y| becomes 0", _OUTSIDE, conclusion=_level(4, 0)),
    ),
    "wonly.descent": (
        false(
            "sign",
            "D falls by what it may grow",
            "phi the identity, n = m = k = 1, v = 1, M = 1, gamma = 1.9: D falls by 0.095 of the squared distance in the first "
            "step, not by 1.8",
            conclusion=_bregman(-1),
        ),
    ),
}

CONSTANTS: Final[Mapping[str, tuple[Constant, ...]]] = {
    "wonly.rate": (
        turned(
            "front",
            "the factor 1 of D_0/t",
            1,
            "down",
            1,
            "tanh, n = m = k = 1, v = 1, a(0) -> -infinity, y -> infinity: L - L* hardly moves while a crosses the saturated "
            "part, and D falls to nothing at the rate y (h* - h), which L - L* is",
            conclusion=_rate(DIAL),
        ),
    ),
    "wonly.stop": (
        turned(
            "front",
            "the 4 of 4 D_0/t",
            4,
            "down",
            4,
            "tanh, n = m = k = 1, v = 1, a(0) -> -infinity: |r| hardly moves while D falls to nothing at the rate |r| (|r| - "
            "|h* - y|)",
            conclusion=_level(DIAL),
        ),
    ),
}
