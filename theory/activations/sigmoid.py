"""Logistic sigmoid."""

import sympy as sp

from theory.activations.base import NO_ZEROS, Activation
from theory.functions import expit
from theory.symbols import sym

x = sym("x")

sigmoid = Activation(
    name="sigmoid",
    title="logistic sigmoid",
    phi=expit(x),
    dphi=expit(x) * expit(-x),
    ddphi=-expit(x) * expit(-x) * sp.tanh(x / 2),
    smooth=True,
    B1=sp.Rational(1, 4),
    B1_argument="φ' = φ(1 − φ) ≤ 1/4, attained at 0 where φ = 1/2.",
    B2=1 / (6 * sp.sqrt(3)),
    B2_argument="φ(x) = (1 + tanh(x/2))/2, so sup|φ''| is 1/8 of that of tanh: 4/(3√3)/8 = 1/(6√3).",
    zeros=NO_ZEROS,
    H=2 * x + 2 * sp.sinh(x),
    G=x + sp.exp(x),
    odd=False,
    star_shaped=False,
    star_shaped_argument="φ(0) = 1/2 ≠ 0.",
    phi_sup=sp.S.One,
)
