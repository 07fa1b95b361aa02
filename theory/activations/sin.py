"""Sine."""

import sympy as sp

from theory.activations.base import Activation, ZeroSet
from theory.symbols import sym

x = sym("x")

sin = Activation(
    name="sin",
    title="sine",
    phi=sp.sin(x),
    dphi=sp.cos(x),
    ddphi=-sp.sin(x),
    smooth=True,
    B1=sp.S.One,
    B1_argument="|cos| ≤ 1, attained at 0.",
    B2=sp.S.One,
    B2_argument="|sin| ≤ 1, attained at π/2.",
    zeros=ZeroSet((-sp.pi / 2,), sp.pi, "cos vanishes at π/2 + jπ"),
    # the forms that keep their digits both at 0 and near the zeros of the cosine
    H=sp.log(sp.Abs(sp.tan(x / 2 + sp.pi / 4))),
    G=sp.log(1 + sp.tan(x) ** 2) / 2,  # −ln|cos x|
    odd=True,
    star_shaped=False,
    star_shaped_argument="|sin| is not monotone.",
    phi_sup=sp.S.One,
    C_phi_squared=(1 - sp.exp(-2)) / 2,
    C_dphi_squared=(1 + sp.exp(-2)) / 2,
)
