"""Sigmoid linear unit (swish), x/(1 + e^{−x})."""

import sympy as sp

from theory.activations.base import Activation, ZeroSet
from theory.functions import ImplicitRoot, expit
from theory.symbols import sym

x = sym("x")

x_peak = ImplicitRoot("x_silu", x * sp.tanh(x / 2) - 2, x, 2, 3)
"""The positive root 2.3994 of x tanh(x/2) = 2, unique because the left side increases on x > 0."""

x_star = -1 - sp.LambertW(sp.exp(-1))
"""The zero −1.2785 of φ' = σ(x)(1 + x σ(−x)): 1 + e^x + x = 0, and with u = −1 − x that is u e^u = 1/e (u > 0)."""

silu = Activation(
    name="silu",
    title="sigmoid linear unit",
    phi=x * expit(x),
    dphi=expit(x) * (1 + x * expit(-x)),
    ddphi=expit(x) * expit(-x) * (2 - x * sp.tanh(x / 2)),
    smooth=True,
    B1=sp.Rational(1, 2) + x_peak / 4,
    B1_argument=(
        "φ'' = σ(x)σ(−x)(2 − x tanh(x/2)) vanishes at ±x₀ only, x₀ tanh(x₀/2) = 2; φ'(−x) = 1 − φ'(x), so the value at "
        "x₀, which exceeds 1, is the larger in modulus. "
        "There σ(x₀) = 1/2 + 1/x₀, hence φ'(x₀) = σ + x₀σ(1 − σ) = 1/2 + x₀/4."
    ),
    B2=sp.Rational(1, 2),
    B2_argument=(
        "φ''(0) = 1/2. For |x| ≤ x₀: 0 ≤ φ'' ≤ 2·(1/4). Beyond: |φ''| ≤ |x|σ(x)σ(−x) ≤ |x|e^{−|x|} ≤ 1/e < 1/2."
    ),
    zeros=ZeroSet((x_star,), None, "one zero: x + 1 + e^x increases from −∞ to ∞"),
    H=None,
    G=None,
    odd=False,
    star_shaped=False,
    star_shaped_argument="|φ| is not monotone on the left.",
)
