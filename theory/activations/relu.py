"""Rectified linear unit: outside the assumptions, kept to be simulated and to be told so."""

import sympy as sp

from theory.activations.base import Activation, ZeroSet
from theory.symbols import sym

x = sym("x")

relu = Activation(
    name="relu",
    title="rectified linear unit (outside the assumptions: φ is not differentiable at 0)",
    phi=sp.Max(x, 0),
    dphi=sp.Heaviside(x, 0),
    ddphi=sp.S.Zero,
    smooth=False,
    B1=sp.S.One,
    B1_argument="φ' is 0 or 1 where it exists (convention: φ'(0) = 0).",
    B2=None,
    B2_argument="none: φ' jumps at 0, so φ' is not Lipschitz and `A.activation` fails.",
    zeros=ZeroSet((sp.S.Zero,), None, "φ' vanishes on the whole half line x ≤ 0"),
    H=None,
    G=None,
    odd=False,
    star_shaped=False,
    star_shaped_argument="φ vanishes on the left; the item is outside the assumptions anyway.",
    C_phi_squared=sp.Rational(1, 2),
    C_dphi_squared=sp.Rational(1, 2),
)
