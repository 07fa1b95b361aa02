"""Pseudo-Huber: L_y(v) = δ² Σ (√(1 + (v_i − y_i)²/δ²) − 1), quadratic below the residual δ and linear above."""

import sympy as sp

from theory.losses.base import Loss, Parameter
from theory.symbols import sym

_d, _r, _s = sym("huber"), sym("r"), sym("s")

pseudo_huber = Loss(
    name="pseudo_huber",
    title="pseudo-Huber",
    entry=_r**2 / (1 + sp.sqrt(1 + _r**2 / _d**2)),  # δ²(√(1 + r²/δ²) − 1) without the cancellation
    psi=sp.sqrt(_s**2 + 2 * _d**2 * _s) / _d,
    kl_argument=(
        "Each entry has f'² = h(f) with h(s) = δ²(1 − (1 + s/δ²)^{-2}), concave with h(0) = 0, hence subadditive: "
        "‖∇L‖² = Σ h(f_i) ≥ h(L), and ψ' = h^{-1/2}. Equality for a single nonzero entry."
    ),
    smooth=True,
    convex=True,
    unique=True,
    gradient_lipschitz=sp.S.One,
    range_radial=True,
    range_radial_argument=(
        "ψ inverts the entry: |r_i| = ψ(f_i), and r_i f'(r_i) = g(f_i), g = ψ/ψ'. With w = s/δ², g = δ²(1 + w − "
        "1/(1 + w)) is concave and g(0) = 0, so ψ'(L)⟨r, ∇L⟩ = ψ'(L) Σ g(f_i) ≥ ψ'(L) g(L) = ψ(L). And ψ² = δ²(w² + "
        "2w) is convex and vanishes at 0, so ψ(L)² ≥ Σ ψ(f_i)² = ‖r‖²."
    ),
    parameters=(Parameter("huber", sp.Interval.open(0, sp.oo), 1),),
    cites=("bolte2010",),
    largest_at="diagonal",
    largest_argument="entry(sqrt(u)) has the derivative 1/(2 sqrt(1 + u/huber^2)), decreasing: concave.",
)
