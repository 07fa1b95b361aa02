"""Softplus, log(1 + e^x)."""

import sympy as sp

from theory.activations.base import NO_ZEROS, Activation
from theory.functions import expit
from theory.functions import softplus as softplus_function
from theory.symbols import sym

x = sym("x")

softplus = Activation(
    name="softplus",
    title="softplus",
    phi=softplus_function(x),
    dphi=expit(x),
    ddphi=expit(x) * expit(-x),
    smooth=True,
    B1=sp.S.One,
    B1_argument="φ' is the logistic function, below 1 and tending to 1 as x → ∞ (a supremum, not attained).",
    B2=sp.Rational(1, 4),
    B2_argument="φ'' is the derivative of the logistic function: at most 1/4, attained at 0.",
    zeros=NO_ZEROS,
    H=x - sp.exp(-x),
    # φ/φ' = (1 + e^{−x}) log(1 + e^x); the last term is (1 + e^{−x}) log(1 + e^x) again, as a quotient without overflow
    G=x - sp.polylog(2, -sp.exp(x)) - softplus_function(x) / expit(x),
    odd=False,
    star_shaped=False,
    star_shaped_argument="φ(0) = log 2 ≠ 0.",
)
