"""Log-cosh: L_y(v) = Σ log cosh(v_i − y_i), quadratic for small residuals and linear for large ones."""

import sympy as sp

from theory.functions import log_cosh as log_cosh_function
from theory.losses.base import Loss
from theory.symbols import sym

log_cosh = Loss(
    name="log_cosh",
    title="log-cosh",
    entry=log_cosh_function(sym("r")),
    psi=sp.acosh(sp.exp(sym("s"))),
    kl_argument=(
        "Each entry has f'² = tanh² r = 1 − e^{−2f} = h(f), concave with h(0) = 0, hence subadditive: ‖∇L‖² = "
        "Σ h(f_i) ≥ h(L), and ψ' = h^{-1/2}. Equality for a single nonzero entry."
    ),
    smooth=True,
    convex=True,
    unique=True,
    gradient_lipschitz=sp.S.One,
    range_radial=True,
    range_radial_argument=(
        "ψ inverts the entry: |r_i| = ψ(f_i), and r_i f'(r_i) = g(f_i), g = ψ/ψ'. At s = log cosh r, g' = 1 + "
        "2r/sinh 2r decreases in r, so g is concave and g(0) = 0: ψ'(L)⟨r, ∇L⟩ = ψ'(L) Σ g(f_i) ≥ ψ'(L) g(L) = ψ(L). "
        "And (ψ²)' = 2r/tanh r increases, so ψ² is convex and vanishes at 0: ψ(L)² ≥ Σ ψ(f_i)² = ‖r‖²."
    ),
    cites=("bolte2010",),
    largest_at="diagonal",
    largest_argument="entry(sqrt(u)) has the derivative tanh(x)/(2x), x = sqrt(u), decreasing: concave.",
)
