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

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Literal

import sympy as sp

__all__ = ["ORDER", "SYMBOLS", "Psi", "Psi_inv", "SymbolInfo", "dpsi", "psi", "psi_inv", "sym"]

Side = Literal["exact", "lower", "upper"]


@dataclass(frozen=True)
class Domain:
    """What a symbol may be: the SymPy assumptions, the test for a number, and how to ask for one.

    The assumptions are the coarser of the two: SymPy knows no symbol between 0 and 1.
    """

    assumptions: Mapping[str, bool]
    contains: Callable[[Any], bool]
    ask: str


_DOMAINS: dict[str, Domain] = {
    "real": Domain({"real": True}, lambda value: True, "a real number"),
    "> 0": Domain({"positive": True}, lambda value: value > 0, "a number > 0"),
    ">= 0": Domain({"nonnegative": True}, lambda value: value >= 0, "a number >= 0"),
    ">= 2": Domain({"positive": True}, lambda value: value >= 2, "a number >= 2"),
    "> 1": Domain({"positive": True}, lambda value: value > 1, "a number > 1"),
    "in (0, 1)": Domain({"positive": True}, lambda value: 0 < value < 1, "a number strictly between 0 and 1"),
    "integer >= 1": Domain(
        {"positive": True, "integer": True}, lambda value: value >= 1 and value == int(value), "a whole number >= 1"
    ),
    "integer >= 0": Domain(
        {"nonnegative": True, "integer": True}, lambda value: value >= 0 and value == int(value), "a whole number >= 0"
    ),
}


@dataclass(frozen=True)
class SymbolInfo:
    """One symbol: its SymPy object, its LaTeX form, what it stands for, and on which side a stand-in must err.

    `domain` is a phrase for readers (``"> 0"``) that :meth:`check` enforces on numbers; the SymPy assumptions of
    `symbol` say the same to the computer, as far as SymPy can.
    """

    name: str
    symbol: sp.Symbol
    latex: str
    meaning: str
    direction: Side
    domain: str

    @property
    def ask(self) -> str:
        """What to give for it, in words.

        >>> SYMBOLS["delta"].ask
        'a number strictly between 0 and 1'
        """
        return _DOMAINS[self.domain].ask

    def check(self, value: Any, text: str | None = None) -> None:
        """ValueError in words if a real number is no value for this symbol; `text` is what the user wrote for it.

        Any number that compares with integers will do (int, float, Fraction, mpf).

        >>> SYMBOLS["tau"].check(2)
        >>> SYMBOLS["tau"].check(0.5)
        Traceback (most recent call last):
            ...
        ValueError: tau = 0.5 has to be > 1 (factor of the discrepancy principle); give a number > 1
        >>> SYMBOLS["t"].check(float("1e400"), "1e400")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        ValueError: t = 1e400 overflows: the largest double is 1.8e308 ...
        """
        shown = f"{self.name} = {value if text is None else text}"
        if value != value:
            raise ValueError(f"{shown} is not a number ({self.meaning}); give {self.ask}")
        if abs(value) == float("inf"):
            if text is not None and any(character.isdigit() for character in text):
                raise ValueError(
                    f"{shown} overflows: the largest double is 1.8e308 ({self.meaning}); give a smaller number, or "
                    "choose the backend mpmath or arb, which take it as it is written"
                )
            raise ValueError(f"{shown} is infinite ({self.meaning}); give {self.ask} that is finite")
        if not _DOMAINS[self.domain].contains(value):
            needed = "a whole number" + self.domain.removeprefix("integer") if "integer" in self.domain else self.domain
            raise ValueError(f"{shown} has to be {needed} ({self.meaning}); give {self.ask}")


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
    ("tau", r"\tau", "exact", "> 1", "factor of the discrepancy principle"),
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
    (
        "M4",
        "M_4",
        "upper",
        ">= 0",
        "largest sum over the neurons of phi'(a_i)^2 <b_i, q>^4, |q| = 1, at initialization",
    ),
    ("D_V", "D_V", "upper", "> 0", "bound of the entries of V at initialization"),
    ("c_V", "c_V", "upper", ">= 0", "largest norm of a column of V at initialization (projected on Im A^T if linear)"),
    ("f_0", "f_0", "lower", ">= 0", "initial hidden norm |phi(a_0)| / sqrt(k)"),
    ("f_a", "f", "lower", ">= 0", "current hidden norm |phi(a)| / sqrt(k)"),
    ("f_lo", "f_{lo}", "lower", ">= 0", "probable lower bound of the initial hidden norm"),
    ("f_hi", "f_{hi}", "upper", ">= 0", "probable upper bound of the initial hidden norm"),
    ("t_dev", "t_{dev}", "upper", ">= 0", "relative deviation of V D^2 V^T / k from its mean"),
    ("sigma_factor", r"\sigma(V D_a/\sqrt{k})", "lower", ">= 0", "a singular value of the factor V D_a / sqrt(k)"),
    ("delta", r"\delta", "exact", "in (0, 1)", "probability that the claim fails"),
    ("prob", r"P", "lower", "in (0, 1)", "probability that one neuron is unbalanced the right way"),
    ("T_log", "T", "exact", "> 0", "logarithm of the inverse failure probability of one event"),
    ("s_star", "s_\\star", "lower", ">= 0", "lower bound of the hidden norm (or of sigma_min) for all time"),
    ("ell_a_star", r"\ell_a^\star", "upper", ">= 0", "a-priori bound of the path length of the pre-activations"),
    ("gap", "g", "lower", "real", "gap of a neuron: sinh(a_i)^2 - |v_i|^2 at initialization"),
    ("c", "c", "exact", "> 0", "a constant (of the Lojasiewicz family, of an order)"),
    ("C", "C", "exact", "> 0", "an unspecified constant of a width in order form"),
    # how wide is wide enough
    ("i", "i", "exact", "integer >= 1", "rank of a neuron among |a_1|, ..., |a_k| in ascending order"),
    ("eps_k", r"\epsilon_k", "upper", "> 0", "deviation of the empirical distribution of k samples, on one side"),
    ("c_1", "c_1", "lower", "in (0, 1)", "lower bound of E|<v, p>| over unit vectors p, v a column of V"),
    ("phi_sup", r"\sup|\varphi|", "lower", "> 0", "half width of the interval phi(I_i)"),
    ("x_plus", r"\|A^+y\|", "upper", ">= 0", "norm of the least-norm preimage A^+ y of the data"),
    # first layer only
    ("D_0", "D_0", "upper", ">= 0", "Bregman distance of the comparison point from the initialization"),
    ("dphi_min", r"\min\phi'", "lower", "> 0", "smallest phi' over the sublevel set of the Bregman distance"),
    ("sigma_B", r"\sigma_B", "lower", "> 0", "smallest nonzero singular value of B = A V / sqrt(k)"),
    ("eta", r"\eta", "exact", "> 0", "level of the residual at which to stop"),
    ("residual_h", r"\|Bh-y\|", "upper", ">= 0", "norm of the residual of the comparison point h"),
    # gradient descent
    ("gamma", r"\gamma", "exact", "> 0", "step of gradient descent"),
    ("M", "M", "upper", "> 0", "Lipschitz constant of the gradient of the objective"),
    ("nu", r"\nu", "lower", "in (0, 1)", "descent factor 1 - gamma M / 2"),
    ("loss_next", r"L_{+}", "upper", ">= 0", "loss after one more step of gradient descent"),
    ("steps", r"j", "exact", ">= 0", "number of steps of gradient descent"),
    ("D_now", "D", "upper", ">= 0", "Bregman distance of the comparison point from the current activations"),
    ("a_star", r"a_\star", "exact", "real", "pre-activation of the comparison point"),
    ("D_slope", r"\sup D''", "upper", "> 0", "largest second derivative of the Bregman distance in one pre-activation"),
    # several layers
    ("h_prev", r"\|h_{l-1}\|", "upper", ">= 0", "norm of the input of layer l at the initialization"),
    ("bias", r"\beta", "exact", ">= 0", "1 if the layers have trained biases, else 0"),
    ("w_l", r"w_l", "upper", ">= 0", "spectral norm of the weights of layer l at the initialization"),
    ("r_l", r"r_l", "upper", ">= 0", "how far the parameters of layer l may move"),
    ("w_next", r"w_{l+1}", "upper", ">= 0", "spectral norm of the weights of layer l+1 at the initialization"),
    ("r_next", r"r_{l+1}", "upper", ">= 0", "how far the parameters of layer l+1 may move"),
    ("e_prev", r"e_{l-1}", "upper", ">= 0", "bound of the change of the input of layer l"),
    ("zeta", r"\zeta_l", "upper", ">= 0", "bound of the change of the pre-activation of layer l"),
    ("M_l", r"\|M_l\|", "upper", ">= 0", "norm of the derivative of the output by the pre-activation of layer l"),
    ("M_next", r"\|M_{l+1}\|", "upper", ">= 0", "norm of the derivative of the output by the next pre-activation"),
    ("mu_l", r"\mu_l", "upper", ">= 0", "bound of the change of M_l"),
    ("mu_next", r"\mu_{l+1}", "upper", ">= 0", "bound of the change of M_{l+1}"),
    ("P_col", r"\mathrm{colmax}(P_l)", "upper", ">= 0", "largest column norm of P_l = M_{l+1} W_{l+1}"),
    ("pi_l", r"\pi_l", "upper", ">= 0", "bound of the change of P_l"),
    ("block", r"\beta_l", "upper", ">= 0", "bound of the change of the block of layer l in the Jacobian"),
    ("block_norm", r"\|J_l\|", "exact", ">= 0", "spectral norm of the block of layer l in the Jacobian, one input"),
    # measured along a run: sides of conclusions, evaluated by numerics.measured
    ("grad_norm", r"\|\nabla L_y\|", "exact", ">= 0", "norm of the gradient of the loss, grad L_y(y(t))"),
    ("grad_theta", r"\|\nabla_\theta\|", "exact", ">= 0", "norm of the gradient of the objective by the parameters"),
    (
        "chain_gap",
        r"\|\nabla_\theta-J_g^\top J_F^\top\nabla L_y\|",
        "exact",
        ">= 0",
        "distance of the gradient of the objective from J_g^T J_F^T grad L_y",
    ),
    ("dloss", r"\dot L", "exact", "real", "derivative of the loss in time"),
    ("drho", r"\dot\rho", "exact", "real", "derivative of rho = psi(loss) in time"),
    ("dPsi", r"\frac{d}{dt}\Psi(L)", "exact", "real", "derivative of Psi(loss) in time"),
    ("dE", r"\dot E", "exact", "real", "derivative of the kernel energy in time"),
    ("sigma_t", r"\sigma_{\min}(J_g(t))", "exact", ">= 0", "smallest singular value of J_g at time t"),
    ("sigma_theta", r"\sigma_{\min}(J_g(\theta))", "exact", ">= 0", "smallest singular value of J_g at theta"),
    ("sigma_g", r"\sigma(J_g)", "exact", ">= 0", "a singular value of J_g"),
    ("J_change", r"\|J_g(\theta)-J_g(\theta_0)\|", "exact", ">= 0", "spectral norm of the change of J_g from theta_0"),
    ("Jf_change", r"\|J_f(\theta)-J_f(\theta_0)\|", "exact", ">= 0", "the same for the composed Jacobian J_F J_g"),
    ("J_pair", r"\|J_g(\theta_1)-J_g(\theta_2)\|", "exact", ">= 0", "spectral norm of J_g(theta_1) - J_g(theta_2)"),
    ("pair_dist", r"\|\theta_1-\theta_2\|", "exact", ">= 0", "distance of the two points theta_1 and theta_2"),
    ("theta_dist", r"\|\theta-\theta_0\|", "exact", ">= 0", "distance of the parameters from their initial values"),
    ("a_dist", r"\|a-a_0\|", "exact", ">= 0", "distance of the pre-activations from their initial values"),
    ("V_dist", r"\|V-V_0\|_F", "exact", ">= 0", "distance of the second layer from its initial value"),
    ("theta_tail", r"\|\theta(t)-\theta_\infty\|", "exact", ">= 0", "distance of theta(t) from its limit"),
    ("ell_tail", r"\ell_\infty-\ell(t)", "exact", ">= 0", "length of the path after t"),
    ("ell_a", r"\ell_a", "exact", ">= 0", "length of the path of the pre-activations up to now"),
    ("q_norm", r"\|q\|", "exact", ">= 0", "norm of q = J_F^T grad L_y(y(t))"),
    ("ell_a_dot", r"\dot\ell_a", "exact", ">= 0", "speed of the pre-activations"),
    ("x_err", r"\|x(t)-\bar x\|", "exact", ">= 0", "error of the signal"),
    ("y_err", r"\|y(t)-\bar y\|", "exact", ">= 0", "error of the observation, against the clean one"),
    ("g_err", r"\|g-\bar g\|", "exact", ">= 0", "error of the output of the network, before a synthesis operator"),
    ("S_norm", r"\|S\|", "upper", ">= 0", "spectral norm of the synthesis operator S"),
    (
        "sigma_A",
        r"\sigma_{\min}(A)",
        "lower",
        ">= 0",
        "infimum of |A z| over unit vectors z (0 if m < n)",
    ),
    (
        "reach",
        r"r_\Sigma",
        "lower",
        ">= 0",
        "radius of the largest ball around g(theta_0) in the image under g of a ball",
    ),
    ("T_stop", r"T", "exact", ">= 0", "first time at which the residual is at most tau times the noise level"),
    ("conserved", r"\frac{1}{2}\|v_i\|^2-G(a_i)", "exact", "real", "the conserved quantity of one neuron, now"),
    (
        "conserved_0",
        r"\frac{1}{2}\|v_i(0)\|^2-G(a_i(0))",
        "exact",
        "real",
        "the conserved quantity of one neuron, at the start",
    ),
    (
        "mirror_gap",
        r"\|\frac{d}{dt}H(a)+B^\top\nabla L_y\|",
        "exact",
        ">= 0",
        "distance of d/dt H(a) from -B^T grad L_y(Bh)",
    ),
    ("loss_limit", r"L_\infty", "exact", ">= 0", "limit of the loss along the run"),
    # audits
    ("dial", "c", "exact", "> 0", "a constant of a statement that an audit turns"),
    # losses
    ("p", "p", "exact", ">= 2", "exponent of a power loss"),
    ("huber", r"\delta_H", "exact", "> 0", "residual at which the pseudo-Huber loss turns from quadratic to linear"),
    ("sigma", r"\sigma", "lower", "> 0", "constant of the dissipation L' <= -sigma^2/psi'(L)^2"),
    ("alpha", r"\alpha", "exact", "in (0, 1)", "exponent of the Lojasiewicz family psi(s) = c s^alpha (< 1)"),
)


def _build() -> dict[str, SymbolInfo]:
    out: dict[str, SymbolInfo] = {}
    for name, latex, direction, domain, meaning in _TABLE:
        if name in out:
            raise ValueError(f"symbol {name!r} is listed twice in theory.symbols")
        out[name] = SymbolInfo(name, sp.Symbol(name, **_DOMAINS[domain].assumptions), latex, meaning, direction, domain)
    return out


SYMBOLS: Mapping[str, SymbolInfo] = MappingProxyType(_build())
"""Name → :class:`SymbolInfo`, in the order of the theory."""


def sym(name: str) -> sp.Symbol:
    """The one symbol called `name`; KeyError with the nearest names for anything else.

    >>> sym("rho_0")
    rho_0
    >>> sym("rho0")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    KeyError: "no symbol 'rho0' in theory.symbols; nearest: rho_0, ..."
    """
    try:
        return SYMBOLS[name].symbol
    except KeyError:
        near = get_close_matches(name, SYMBOLS, n=3) or sorted(SYMBOLS)
        raise KeyError(f"no symbol {name!r} in theory.symbols; nearest: {', '.join(near)}") from None


ORDER: tuple[Any, ...] = tuple(
    kind(sym(low), sym(high), evaluate=False)
    for kind, low, high in (
        (sp.Le, "rho", "rho_0"),
        (sp.Le, "loss", "loss_0"),
        (sp.Lt, "residual_h", "eta"),
        (sp.Lt, "loss_star", "loss"),
    )
)
"""What the constants of one run owe each other: nothing grows along it, and levels lie above what can be reached."""


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
