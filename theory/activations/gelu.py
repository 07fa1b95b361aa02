"""Gaussian error linear unit, x Φ(x)."""

import sympy as sp

from theory.activations.base import Activation, ZeroSet
from theory.functions import ImplicitRoot, normal_cdf, normal_pdf
from theory.symbols import sym

x = sym("x")

_dphi = normal_cdf(x) + x * normal_pdf(x)

x_star = ImplicitRoot("x_gelu", _dphi, x, -1, sp.Rational(-1, 2))
"""The zero −0.7518 of φ': φ'' = (2 − x²)n(x) is positive on (−√2, √2) and negative outside, φ'(−∞) = 0 and
φ'(−√2) < 0 < φ'(0), so φ' is negative on (−∞, −√2], increases through one zero, and is positive beyond."""

gelu = Activation(
    name="gelu",
    title="Gaussian error linear unit (exact form)",
    phi=x * normal_cdf(x),
    dphi=_dphi,
    ddphi=(2 - x**2) * normal_pdf(x),
    smooth=True,
    B1=normal_cdf(sp.sqrt(2)) + sp.sqrt(2) * normal_pdf(sp.sqrt(2)),
    B1_argument=(
        "φ'' = (2 − x²)n(x) vanishes at ±√2 only, where φ' has its extrema; φ'(−x) = 1 − φ'(x), so the value at √2, "
        "which exceeds 1, is the larger in modulus of the two (the limits are 0 and 1)."
    ),
    B2=sp.sqrt(2 / sp.pi),
    B2_argument=(
        "φ'' = (2 − x²)n(x) has derivative x(x² − 4)n(x): extrema 2n(0) = 2/√(2π) at 0 and −2n(2) at ±2, the first "
        "larger."
    ),
    zeros=ZeroSet((x_star,), None, "one zero: see x_star"),
    H=None,
    G=None,
    odd=False,
    star_shaped=False,
    star_shaped_argument="|φ| is not monotone on the left.",
)
