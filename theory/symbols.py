"""The vocabulary: every symbol that occurs in a formula, created here and nowhere else.

Two SymPy symbols of the same name but with different assumptions are different symbols that print alike, and
``diff`` by the wrong one silently returns zero.  So formulas are written with :func:`sym`, which hands out the one
symbol of that name, with its assumptions (positive, nonnegative, integer) set once.

Each symbol carries a *direction*: the side on which a numerical stand-in for it must err for the guarantees to remain
true.  A lower bound of ``sigma_0`` keeps every guarantee true, an upper bound of it does not.  Where a formula is not
monotone in the usual sense, its statement says so.

>>> sym("sigma_0").is_positive
True
>>> SYMBOLS["Lambda"].direction
'upper'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Literal

import sympy as sp

__all__ = ["SYMBOLS", "Psi", "Psi_inv", "SymbolInfo", "dpsi", "psi", "psi_inv", "sym"]

Side = Literal["exact", "lower", "upper"]


@dataclass(frozen=True)
class SymbolInfo:
    """One symbol: its SymPy object, its LaTeX form, what it stands for, and on which side a stand-in must err.

    `domain` is a phrase for readers (``"> 0"``); the SymPy assumptions of `symbol` say the same to the computer.
    """

    name: str
    symbol: sp.Symbol
    latex: str
    meaning: str
    direction: Side
    domain: str


_DOMAINS: dict[str, dict[str, bool]] = {
    "real": {"real": True},
    "> 0": {"positive": True},
    ">= 0": {"nonnegative": True},
    "integer >= 1": {"positive": True, "integer": True},
    "integer >= 0": {"nonnegative": True, "integer": True},
}

# name, LaTeX, direction, domain, meaning: data, one line a symbol, grouped by the section of the theory that needs it.
_TABLE: tuple[tuple[str, str, Side, str, str], ...] = (
    # sizes
    ("n", "n", "exact", "integer >= 1", "number of entries of the signal x"),
    ("m", "m", "exact", "integer >= 1", "number of entries of the observation y"),
    ("k", "k", "exact", "integer >= 1", "width of the two-layer network"),
    ("d", "d", "exact", "integer >= 1", "number of entries of the fixed input u"),
    ("rank", "q", "exact", "integer >= 1", "rank of the linear operator A"),
    # operator
    ("sigma_F", r"\sigma_F", "lower", "> 0", "smallest nonzero singular value of J_F over the visited set"),
    ("L_F", "L_F", "upper", ">= 0", "Lipschitz constant of F where it is used (linear: the norm of A)"),
    ("A_norm", r"\|A\|", "upper", ">= 0", "spectral norm of the linear operator A"),
    ("AF_norm", r"\|A\|_F", "upper", ">= 0", "Frobenius norm of A"),
    ("AAt_F", r"\|AA^\top\|_F", "upper", ">= 0", "Frobenius norm of A A^T"),
    ("Aty_norm", r"\|A^\top y\|", "upper", ">= 0", "norm of A^T y"),
    ("F0_norm", r"\|F(0)\|", "upper", ">= 0", "norm of F(0)"),
    ("kappa", r"\kappa", "upper", "> 0", "condition number of A: largest over smallest nonzero singular value"),
    ("JF_norm", r"\|J_F(x_0)\|", "upper", ">= 0", "spectral norm of the Jacobian of F at x(0)"),
    ("Lip_F", r"\mathrm{Lip}(J_F)", "upper", ">= 0", "Lipschitz constant of the Jacobian of F"),
    ("mu", r"\mu", "lower", "> 0", "restricted injectivity constant of F on the reachable set"),
    ("w_min", r"w_{\min}", "lower", "> 0", "smallest eigenvalue of the weight matrix (1 for plain least squares)"),
    # network at its initialization
    ("sigma_0", r"\sigma_0", "lower", "> 0", "smallest singular value of J_g at the initialization"),
    ("sigma_J", r"\sigma_J", "lower", "> 0", "smallest singular value of the composed Jacobian J_F J_g at 0"),
    ("J_norm", r"\|J_g(0)\|", "upper", ">= 0", "spectral norm of J_g at the initialization"),
    ("Jf_norm", r"\|J_f(0)\|", "upper", "> 0", "spectral norm of the composed Jacobian J_F J_g at the initialization"),
    ("Lambda_f", r"\Lambda_f", "upper", "> 0", "slope of a linear centre modulus of the composed Jacobian J_F J_g"),
    ("Lip", r"\mathrm{Lip}", "upper", "> 0", "Lipschitz constant of J_g on the ball in question"),
    ("Lambda", r"\Lambda", "upper", "> 0", "slope of a linear centre modulus: |J_g(theta)-J_g(theta_0)| <= Lambda r"),
    ("Omega", r"\Omega", "upper", ">= 0", "value of the centre modulus of J_g at a radius"),
    ("x0_norm", r"\|x(0)\|", "upper", ">= 0", "norm of the initial signal x(0) = g(theta_0)"),
    ("y_norm", r"\|y\|", "upper", ">= 0", "norm of the observation y"),
    # loss and time
    ("loss", r"L", "upper", ">= 0", "current loss L_y(y(t))"),
    ("loss_0", r"L_0", "upper", "> 0", "initial loss L_y(y(0))"),
    ("loss_star", r"L_\star", "upper", ">= 0", "loss L_y(B h) at a comparison point h of the box"),
    ("rho", r"\rho", "upper", ">= 0", "current desingularized loss psi(L_y(y(t))) (least squares: the residual norm)"),
    ("rho_0", r"\rho_0", "upper", "> 0", "initial desingularized loss psi(L_y(y(0)))"),
    ("eps", r"\|\varepsilon\|", "exact", "> 0", "norm of the noise"),
    ("tau", r"\tau", "exact", "> 0", "factor of the discrepancy principle (> 1)"),
    ("t", "t", "exact", ">= 0", "time of the gradient flow"),
    ("s", "s", "exact", ">= 0", "argument of the desingularizing function (a loss value)"),
    ("x", "x", "exact", "real", "argument of the activation"),
    ("w", "w", "exact", "> 0", "a weight of one entry of the residual"),
    ("residual", r"\|y(t)-y\|", "upper", ">= 0", "norm of the residual y(t) - y"),
    # trajectory
    ("r", "r", "upper", ">= 0", "a radius around the initialization"),
    ("z", "z", "exact", ">= 0", "an auxiliary nonnegative variable (integration)"),
    ("ell", r"\ell", "upper", ">= 0", "length of the path of the parameters up to now"),
    ("ell_star", r"\ell_\star", "upper", ">= 0", "a-priori bound of the length of the whole path"),
    ("R", "R", "lower", "> 0", "radius of the ball on which sigma_min(J_g) >= sigma_0/2"),
    ("R_prime", "R'", "upper", ">= 0", "baseline bound of the length of the path"),
    ("h", "h", "upper", ">= 0", "Hadamard-Kantorovich number Lambda rho_0 / (sigma_F sigma_0^2)"),
    ("a", "a", "lower", "> 0", "linear rate of the logistic bound, sigma_F^2 sigma_0^2 (1 - 2h)"),
    ("b", "b", "exact", ">= 0", "curvature of the logistic bound, 2 sigma_F Lambda"),
    # condition-free bounds
    ("L", r"\mathcal{L}", "exact", "> 0", "a path budget"),
    ("t_1", "t_1", "exact", "> 0", "a splitting time"),
    ("T_hat", r"\hat T", "upper", "> 0", "bound of the stopping time of the discrepancy principle"),
    ("T_1", "T_1", "exact", "> 0", "horizon up to which the noiseless rate is claimed"),
    ("E_0", "E_0", "upper", "> 0", "initial kernel energy (x(0)-xbar)^T K^{-1} (x(0)-xbar) / 2"),
    ("E_bar", r"\bar E", "upper", "> 0", "bound of the time-weighted energy of the path"),
    ("G_L", r"G(\mathcal{L})", "upper", ">= 0", "growth exponent of the kernel energy over the path budget"),
    ("Phi_0", r"\Phi_0", "upper", "> 0", "initial half squared residual |y(0)-y|^2 / 2"),
    ("E", "E", "upper", ">= 0", "current kernel energy"),
    ("ell_dot", r"\dot\ell", "exact", ">= 0", "speed of the parameters"),
    ("dist0", r"\|x(0)-\bar x\|", "upper", ">= 0", "distance of the initial signal from the true one"),
    # recovery
    ("dist", r"\mathrm{dist}", "upper", ">= 0", "distance of the true signal from the reachable set"),
    ("PKQ", r"\|P K_0 Q\|", "upper", ">= 0", "coupling of kernel and range of A by the tangent kernel at 0"),
    ("ker_0", r"\|P(x(0)-\bar x)\|", "upper", ">= 0", "initial error in the kernel of A"),
    ("drift", r"\delta_P", "upper", ">= 0", "bound of the motion of the signal in the kernel of A"),
    ("scale", "s_{out}", "exact", "> 0", "output scale: x = scale * g(theta)"),
    ("R_norm", r"\|R\|", "upper", ">= 0", "spectral norm of a reconstruction matrix R (any matrix of size n x m)"),
    ("unseen", r"\|(I-RA)(x-\bar x)\|", "upper", ">= 0", "error that the data do not see, (I - R A)(x - xbar)"),
    ("kernel_c", "c_K", "exact", "> 0", "limit of the tangent kernel: K_0 -> kernel_c times the identity"),
    # two-layer network
    ("B1", "B_1", "upper", "> 0", "sup |phi'|"),
    ("B2", "B_2", "upper", ">= 0", "Lipschitz constant of phi'"),
    ("C_phi", r"C_\phi", "exact", "> 0", "sqrt(E phi(zeta)^2), zeta standard Gaussian"),
    ("C_dphi", r"C_{\phi'}", "exact", "> 0", "sqrt(E phi'(zeta)^2), zeta standard Gaussian"),
    ("D_V", "D_V", "upper", "> 0", "bound of the entries of V at initialization"),
    ("c_V", "c_V", "upper", ">= 0", "largest norm of a column of V at initialization (projected on Im A^T if linear)"),
    ("f_0", "f_0", "lower", ">= 0", "initial hidden norm |phi(a_0)| / sqrt(k)"),
    ("f_a", "f", "lower", ">= 0", "current hidden norm |phi(a)| / sqrt(k)"),
    ("f_lo", "f_{lo}", "lower", ">= 0", "probable lower bound of the initial hidden norm"),
    ("f_hi", "f_{hi}", "upper", ">= 0", "probable upper bound of the initial hidden norm"),
    ("t_dev", "t_{dev}", "upper", ">= 0", "relative deviation of V D^2 V^T / k from its mean"),
    ("sigma_factor", r"\sigma(V D_a/\sqrt{k})", "lower", ">= 0", "a singular value of the factor V D_a / sqrt(k)"),
    ("delta", r"\delta", "exact", "> 0", "probability that the claim fails (< 1)"),
    ("prob", r"P", "lower", "> 0", "probability that one neuron is unbalanced the right way (< 1)"),
    ("T_log", "T", "exact", "> 0", "logarithm of the inverse failure probability of one event"),
    ("s_star", "s_\\star", "lower", ">= 0", "lower bound of the hidden norm (or of sigma_min) for all time"),
    ("ell_a_star", r"\ell_a^\star", "upper", ">= 0", "a-priori bound of the path length of the pre-activations"),
    ("gap", "g", "lower", "real", "gap of a neuron: sinh(a_i)^2 - |v_i|^2 at initialization"),
    ("c", "c", "exact", "> 0", "a constant (of the Lojasiewicz family, of an order)"),
    ("C", "C", "exact", "> 0", "an unspecified constant of a width in order form"),
    # first layer only
    ("D_0", "D_0", "upper", ">= 0", "Bregman distance of the comparison point from the initialization"),
    ("dphi_min", r"\min\phi'", "lower", "> 0", "smallest phi' over the sublevel set of the Bregman distance"),
    ("sigma_B", r"\sigma_B", "lower", "> 0", "smallest nonzero singular value of B = A V / sqrt(k)"),
    ("eta", r"\eta", "exact", "> 0", "level of the residual at which to stop"),
    ("residual_h", r"\|Bh-y\|", "upper", ">= 0", "norm of the residual of the comparison point h"),
    # gradient descent
    ("gamma", r"\gamma", "exact", "> 0", "step of gradient descent"),
    ("M", "M", "upper", "> 0", "Lipschitz constant of the gradient of the objective"),
    ("nu", r"\nu", "lower", "> 0", "descent factor 1 - gamma M / 2"),
    # losses
    ("p", "p", "exact", "> 0", "exponent of a power loss"),
    ("huber", r"\delta_H", "exact", "> 0", "residual at which the pseudo-Huber loss turns from quadratic to linear"),
    ("sigma", r"\sigma", "lower", "> 0", "constant of the dissipation L' <= -sigma^2/psi'(L)^2"),
    ("alpha", r"\alpha", "exact", "> 0", "exponent of the Lojasiewicz family psi(s) = c s^alpha (< 1)"),
)


def _build() -> dict[str, SymbolInfo]:
    out: dict[str, SymbolInfo] = {}
    for name, latex, direction, domain, meaning in _TABLE:
        if name in out:
            raise ValueError(f"symbol {name!r} is listed twice in theory.symbols")
        out[name] = SymbolInfo(name, sp.Symbol(name, **_DOMAINS[domain]), latex, meaning, direction, domain)
    return out


SYMBOLS: Mapping[str, SymbolInfo] = MappingProxyType(_build())
"""Name → :class:`SymbolInfo`, in the order of the theory."""


def sym(name: str) -> sp.Symbol:
    """The one symbol called `name`; KeyError with the nearest names for anything else.

    >>> sym("rho_0")
    rho_0
    >>> sym("rho0")
    Traceback (most recent call last):
        ...
    KeyError: "no symbol 'rho0' in theory.symbols; nearest: rho_0, rho"
    """
    try:
        return SYMBOLS[name].symbol
    except KeyError:
        near = get_close_matches(name, SYMBOLS, n=3) or sorted(SYMBOLS)
        raise KeyError(f"no symbol {name!r} in theory.symbols; nearest: {', '.join(near)}") from None


def _function(name: str, **assumptions: bool) -> Any:
    """An undefined function of one argument (typed Any: SymPy makes the class at run time)."""
    return sp.Function(name, nargs=1, **assumptions)


psi = _function("psi", nonnegative=True)
"""The desingularizing function ψ of the loss, undefined until a loss is chosen."""
dpsi = _function("dpsi", positive=True)
"""Its derivative ψ'."""
psi_inv = _function("psi_inv", nonnegative=True)
"""Its inverse ψ^{-1}."""
Psi = _function("Psi", real=True)
"""A primitive Ψ of −(ψ')², decreasing."""
Psi_inv = _function("Psi_inv", nonnegative=True)
"""The inverse of Ψ."""
