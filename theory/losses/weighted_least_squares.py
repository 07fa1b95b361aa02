"""Weighted least squares: L_y(v) = ½ Σ w_i (v_i − y_i)², the weights w_i > 0 being inverse noise variances."""

import sympy as sp

from theory.losses.base import Loss
from theory.symbols import sym

weighted_least_squares = Loss(
    name="weighted_least_squares",
    title="weighted least squares",
    entry=sym("w") * sym("r") ** 2 / 2,
    psi=sp.sqrt(2 * sym("s") / sym("w_min")),
    kl_argument=(
        "‖∇L‖² = Σ w_i² r_i² ≥ w_min Σ w_i r_i² = 2 w_min L, and ψ' = (2 w_min s)^{-1/2}; equality along an entry of "
        "smallest weight."
    ),
    smooth=True,
    convex=True,
    unique=True,
    gradient_lipschitz=sp.S.One,
    range_radial=True,
    range_radial_argument=(
        "⟨r, ∇L⟩ = Σ w_i r_i² = 2L and ψ'(L) = (2 w_min L)^{-1/2}, so ψ'(L)⟨r, ∇L⟩ = √(Σ w_i r_i² / w_min) ≥ ‖r‖."
    ),
    weighted=True,
    cites=("buskulic2024",),
)
