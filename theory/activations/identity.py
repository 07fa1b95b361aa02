"""Identity: the linear network."""

import sympy as sp

from theory.activations.base import NO_ZEROS, Activation
from theory.symbols import sym

x = sym("x")

identity = Activation(
    name="identity",
    title="identity (linear network)",
    phi=x,
    dphi=sp.S.One,
    ddphi=sp.S.Zero,
    smooth=True,
    B1=sp.S.One,
    B1_argument="φ' = 1.",
    B2=sp.S.Zero,
    B2_argument="φ'' = 0.",
    zeros=NO_ZEROS,
    H=x,
    G=x**2 / 2,
    odd=True,
    star_shaped=True,
    star_shaped_argument="φ(x)/x = 1 is constant.",
    C_phi_squared=sp.S.One,
    C_dphi_squared=sp.S.One,
)
