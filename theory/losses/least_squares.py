"""Least squares: L_y(v) = ½‖v − y‖²."""

import sympy as sp

from theory.losses.base import Loss
from theory.symbols import sym

least_squares = Loss(
    name="least_squares",
    title="least squares",
    entry=sym("r") ** 2 / 2,
    psi=sp.sqrt(2 * sym("s")),
    kl_argument="‖∇L‖ = ‖r‖ = √(2L), so ψ' = (2s)^{-1/2} gives ψ'(L)‖∇L‖ = 1 with equality.",
    smooth=True,
    convex=True,
    unique=True,
    gradient_lipschitz=sp.S.One,
    range_radial=True,
    range_radial_argument="⟨r, ∇L⟩ = ‖r‖² and ψ'(L) = 1/‖r‖: equality.",
    sharp_at="everywhere",
    cites=("buskulic2024",),
)
