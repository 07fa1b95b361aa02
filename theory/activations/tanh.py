"""Hyperbolic tangent."""

import sympy as sp

from theory.activations.base import NO_ZEROS, Activation
from theory.symbols import sym

x = sym("x")

tanh = Activation(
    name="tanh",
    title="hyperbolic tangent",
    phi=sp.tanh(x),
    dphi=sp.sech(x) ** 2,
    ddphi=-2 * sp.tanh(x) * sp.sech(x) ** 2,
    smooth=True,
    B1=sp.S.One,
    B1_argument="φ' = 1 − tanh² ≤ 1, attained at 0.",
    B2=4 / (3 * sp.sqrt(3)),
    B2_argument="|φ''| = 2u(1 − u²) with u = |tanh x| ∈ [0, 1); its derivative 2 − 6u² vanishes at u = 1/√3 only.",
    zeros=NO_ZEROS,
    H=x / 2 + sp.sinh(2 * x) / 4,
    G=sp.sinh(x) ** 2 / 2,
    odd=True,
    star_shaped=True,
    star_shaped_argument="concave on [0, ∞) with φ(0) = 0, so φ(x)/x decreases there; increasing and odd.",
    phi_sup=sp.S.One,
)
