"""Entrywise ℓ_p: L_y(v) = Σ |v_i − y_i|^p / p, p ≥ 2."""

import sympy as sp

from theory.losses.base import Loss, Parameter
from theory.symbols import sym

_p, _m, _r, _s = sym("p"), sym("m"), sym("r"), sym("s")

lp = Loss(
    name="lp",
    title="entrywise p-th power",
    entry=_r**_p / _p,
    psi=_m ** ((_p - 2) / (2 * _p)) * (_p * _s) ** (1 / _p),
    kl_argument=(
        "Each entry has f'² = (pf)^q with q = 2(p−1)/p ≥ 1, which is convex, so the mean of (p f_i)^q is at least the "
        "q-th power of the mean: ‖∇L‖² = Σ (p f_i)^q ≥ m^{1−q}(pL)^q, and ψ'(s)² = m^{q−1}(ps)^{−q} with q − 1 = "
        "(p−2)/p. Equality for entries of equal size. (For p > 2 the inequality without the power of m is false.)"
    ),
    smooth=True,
    convex=True,
    unique=True,
    gradient_lipschitz=(_p - 1) * _r ** (_p - 2),
    range_radial=True,
    range_radial_argument=(
        "⟨r, ∇L⟩ = Σ|r_i|^p = pL and ψ'(L) = m^{1/2−1/p}(pL)^{1/p−1}, so ψ'(L)⟨r, ∇L⟩ = m^{1/2−1/p}‖r‖_p ≥ ‖r‖ "
        "(means of order 2 and p)."
    ),
    parameters=(Parameter("p", sp.Interval(2, sp.oo), 4), Parameter("m", sp.S.Naturals)),
    sharp_at="diagonal",
    cites=("bolte2010",),
)
