"""Error function."""

import sympy as sp

from theory.activations.base import NO_ZEROS, Activation
from theory.symbols import sym

x = sym("x")

erf = Activation(
    name="erf",
    title="error function",
    phi=sp.erf(x),
    dphi=2 * sp.exp(-(x**2)) / sp.sqrt(sp.pi),
    ddphi=-4 * x * sp.exp(-(x**2)) / sp.sqrt(sp.pi),
    smooth=True,
    B1=2 / sp.sqrt(sp.pi),
    B1_argument="φ' = (2/√π) e^{−x²}, largest at 0.",
    B2=2 * sp.sqrt(2) / sp.sqrt(sp.pi * sp.E),
    B2_argument="|φ''| = (4/√π)|x|e^{−x²}, with the derivative (4/√π)(1 − 2x²)e^{−x²} on x > 0: largest at 1/√2.",
    zeros=NO_ZEROS,
    H=sp.pi * sp.erfi(x) / 4,
    G=x**2 * sp.hyper((1, 1), (sp.Rational(3, 2), 2), x**2) / 2,
    odd=True,
    star_shaped=True,
    star_shaped_argument="concave on [0, ∞) with φ(0) = 0, so φ(x)/x decreases there; increasing and odd.",
    phi_sup=sp.S.One,
    C_phi_squared=2 * sp.asin(sp.Rational(2, 3)) / sp.pi,
    C_dphi_squared=4 / (sp.pi * sp.sqrt(5)),
)
