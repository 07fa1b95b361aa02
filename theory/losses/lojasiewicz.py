"""Łojasiewicz family ψ(s) = c s^α, attained with equality by L_y(v) = (‖v − y‖/c)^{1/α}, 0 < α < 1."""

import sympy as sp

from theory.losses.base import Loss, Parameter
from theory.symbols import sym

_alpha, _c, _r, _s, _z = sym("alpha"), sym("c"), sym("r"), sym("s"), sym("z")

lojasiewicz = Loss(
    name="lojasiewicz",
    title="Łojasiewicz family",
    entry=_r**2,
    outer=(_z / _c**2) ** (1 / (2 * _alpha)),
    psi=_c * _s**_alpha,
    kl_argument="ψ(L) = ‖r‖, so ψ'(L)‖∇L‖ = ‖∇ψ(L)‖ = ‖∇‖r‖‖ = 1: equality.",
    smooth=False,  # not for α > ½: a smooth loss has exponent at most one half (`kl.alpha_half`)
    smooth_if=sp.Le(_alpha, sp.Rational(1, 2)),
    convex=True,
    unique=True,
    gradient_lipschitz=(1 / _alpha) * (1 / _alpha - 1) * (_r / _c) ** (1 / _alpha - 2) / _c**2,
    range_radial=True,
    range_radial_argument="∇ψ(L) = r/‖r‖, so ψ'(L)⟨r, ∇L⟩ = ‖r‖: equality.",
    parameters=(
        Parameter("alpha", sp.Interval.open(0, 1), sp.Rational(1, 4)),
        Parameter("c", sp.Interval.open(0, sp.oo), 1),
    ),
    sharp_at="everywhere",
    cites=("bolte2010",),
)
