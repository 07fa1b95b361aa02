"""Of networks of any depth (:mod:`theory.theorems.deep`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sympy as sp

from theory.mutant import DIAL, Constant, Mutant
from theory.mutants.build import eq, false, ge, le, turned
from theory.symbols import sym

h_prev, bias, M_l, block_norm = sym("h_prev"), sym("bias"), sym("M_l"), sym("block_norm")
J_change, Omega, sigma_theta = sym("J_change"), sym("Omega"), sym("sigma_theta")

_LINEAR: Final = (
    "two layers of one neuron, phi the identity, no biases: J_g = (w_2 u, w_1 u) changes by |u| sqrt(r_1^2 + r_2^2)"
)


def _modulus(factor: Any) -> Any:
    return le(J_change, factor * Omega)


MUTANTS: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "deep.gram": (
        false(
            "bias-forgotten",
            "beta is missing",
            "any network with trained biases",
            conclusion=eq(block_norm, h_prev * M_l),
        ),
        false(
            "root-forgotten",
            "|h|^2 + beta in the place of its root",
            "any network, unless |h|^2 + beta is 0 or 1",
            conclusion=eq(block_norm, (h_prev**2 + bias) * M_l),
        ),
    ),
    "deep.modulus": (
        false(
            "halved",
            "half of the modulus",
            f"{_LINEAR}, 0.71 of Omega for r_l = r and all of it for budgets equal to the changes",
            conclusion=_modulus(sp.Rational(1, 2)),
        ),
        false(
            "squared",
            "the modulus grows like the square of the radius: Omega^2 in the place of Omega",
            f"only where Omega < 1: {_LINEAR}",
            conclusion=le(J_change, Omega**2),
        ),
    ),
    "deep.output_bias": (
        false(
            "above-one",
            "1 becomes 1.1",
            "theta = 0, phi = tanh: J_g J_g^T is the identity",
            conclusion=ge(sigma_theta, sp.Rational(11, 10)),
        ),
    ),
}

CONSTANTS: Final[Mapping[str, tuple[Constant, ...]]] = {
    "deep.modulus": (
        turned(
            "front",
            "the factor 1 of Omega",
            1,
            "down",
            1,
            f"{_LINEAR}: equality for budgets equal to the changes",
            conclusion=_modulus(DIAL),
        ),
    ),
    "deep.output_bias": (
        turned(
            "floor",
            "the 1",
            1,
            "up",
            1,
            "deep.output_bias: attained at theta = 0 if phi(0) = 0",
            conclusion=ge(sigma_theta, DIAL),
        ),
    ),
}
