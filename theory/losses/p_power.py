"""Power of the norm: L_y(v) = ‖v − y‖^p / p, p ≥ 2."""

import sympy as sp

from theory.losses.base import Loss, Parameter
from theory.symbols import sym

_p, _r, _s, _z = sym("p"), sym("r"), sym("s"), sym("z")

p_power = Loss(
    name="p_power",
    title="p-th power of the norm",
    entry=_r**2,
    outer=_z ** (_p / 2) / _p,
    psi=(_p * _s) ** (1 / _p),
    kl_argument="‖∇L‖ = ‖r‖^{p−1} = (pL)^{(p−1)/p} and ψ'(s) = (ps)^{−(p−1)/p}: equality; ψ(L) = ‖r‖.",
    smooth=True,
    convex=True,
    unique=True,
    gradient_lipschitz=(_p - 1) * _r ** (_p - 2),
    range_radial=True,
    range_radial_argument="⟨r, ∇L⟩ = ‖r‖^p and ψ'(L) = ‖r‖^{1−p}: equality.",
    parameters=(Parameter("p", sp.Interval(2, sp.oo), 4),),
    sharp_at="everywhere",
    cites=("bolte2010",),
)
