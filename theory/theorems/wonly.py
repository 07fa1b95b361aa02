"""First layer only, one input, linear operator: the exact theory (`wonly.*`). The flow is a mirror flow of a convex "
"function."""

from __future__ import annotations

from typing import Final

import sympy as sp

from theory.mutants.wonly import CONSTANTS, MUTANTS
from theory.statement import Obligation, Statement
from theory.symbols import Psi, Psi_inv, sym

loss_star, D_0, t, tau, eps, rho = sym("loss_star"), sym("D_0"), sym("t"), sym("tau"), sym("eps"), sym("rho")
dphi_min, sigma_B, loss_0, eta, residual_h = (
    sym("dphi_min"),
    sym("sigma_B"),
    sym("loss_0"),
    sym("eta"),
    sym("residual_h"),
)
residual, x, z = sym("residual"), sym("x"), sym("z")

HYPOTHESES: Final = (
    "A.network.two_layer",
    "A.network.W",
    "A.network.regular_start",
    "A.activation",
    "A.operator.linear",
    "A.loss.smooth",
    "A.loss.min",
    "A.loss.unique",
    "A.loss.convex",
)

MIRROR_TEXT: Final = (
    "Network V phi(a)/sqrt k, V fixed, a = W u, |u| = 1, linear operator A, convex loss L_y with minimum 0 at y only, "
    "gradient flow of W. Put B = A V/sqrt k, h = phi(a), so the observation is y(t) = B h(t) and its loss L(t) = "
    "L_y(B h(t)). phi'(a_i(0)) != 0; I_i is the open interval between zeros of phi' that contains a_i(0), and the "
    "box is the product of the open intervals phi(I_i). H' = 1/phi' on I_i. For a* in the product of the I_i with h* "
    "= phi(a*), D(h*, h) = sum_i of the integral from a_i to a_i* of (phi(a_i*) - phi(s))/phi'(s) ds >= 0 is the "
    "Bregman distance, D_0 its value at t = 0. "
)

_rate = dphi_min**2 * sigma_B**2

MIRROR = Statement(
    id="wonly.mirror",
    kind="theorem",
    origin="new",
    title="Mirror flow in the hidden activations",
    text=MIRROR_TEXT
    + "Then d/dt H(a) = -B^T grad L_y(B h) = -grad_h (L_y o B)(h): a mirror flow of a convex function of h over the "
    "box. a_i never leaves I_i, the flow exists for all t >= 0, and H(a) - H(a(0)) stays in the image of B^T (k - "
    "rank B invariants).",
    hypotheses=HYPOTHESES,
    conclusion=sp.Eq(sym("mirror_gap"), 0, evaluate=False),
    formulas={"H_tanh": x / 2 + sp.sinh(2 * x) / 4, "H_identity": x},
    reads={"H_tanh": "primitive of 1/phi' for tanh", "H_identity": "primitive of 1/phi' for the identity"},
    uses=("dip2.reduction",),
    proof_uses=("dip2.reduction", "trusted.picard"),
    cites=("li2022",),
    proof="dip2.reduction: a' = -D_a B^T grad L_y(B h); divide by phi'(a_i), which vanishes for no time since a_i "
    "solves a scalar equation that rests at the zeros of phi'. The loss does not increase and is coercive (convex "
    "with a unique minimizer), so grad L_y and |a'| stay bounded. The mirror map H o phi^{-1} is increasing: its "
    "derivative is 1/phi'^2.",
    obligations=(
        Obligation(
            "tanh: H' phi' = 1",
            lambda: (sp.diff(x / 2 + sp.sinh(2 * x) / 4, x) * sp.diff(sp.tanh(x), x) - 1).rewrite(sp.exp),
        ),
    ),
    mutants=MUTANTS["wonly.mirror"],
)

THRESHOLD = Statement(
    id="wonly.threshold",
    kind="theorem",
    origin="new",
    title="Zero loss exactly when a linear program is feasible",
    text=MIRROR_TEXT
    + "The loss tends to its infimum over the box, for every width and every linear A. So zero loss is reached in the "
    "limit if and only if y is in the closure of B times the box; for tanh, if and only if the least max norm of an "
    "h with B h = y is at most 1 (a linear program).",
    hypotheses=HYPOTHESES,
    formulas={},
    uses=("wonly.mirror",),
    proof_uses=("wonly.rate",),
    proof="wonly.rate gives limsup L(t) <= L_y(B h) for every h of the open box, hence at most the infimum, and B "
    "h(t) is in B times the box at all times. If the loss tends to 0, y(t) tends to y (coercive, unique minimizer), "
    "so y is in the closure; conversely the infimum over the box is then 0 by continuity.",
    mutants=MUTANTS["wonly.threshold"],
)


def _bregman_tanh() -> sp.Expr:
    """∂_a of ω(h*) − ω(h) − H(a)(h* − h), ω the primitive of H over h = tanh a, plus (h* − h)/φ'(a)."""
    h_star = sp.tanh(z)
    H = x / 2 + sp.sinh(2 * x) / 4
    # d/da ω(tanh a) = H(a) φ'(a): only derivatives are needed
    derivative = -H * sp.diff(sp.tanh(x), x) - sp.diff(H, x) * (h_star - sp.tanh(x)) + H * sp.diff(sp.tanh(x), x)
    return (derivative + (h_star - sp.tanh(x)) / sp.diff(sp.tanh(x), x)).rewrite(sp.exp)


RATE = Statement(
    id="wonly.rate",
    kind="theorem",
    origin="new",
    title="Rate 1/t against every point of the box",
    text=MIRROR_TEXT
    + "For EVERY h* in the open box (optimal or not) and every t > 0: L(t) <= L_y(B h*) + D(h*, h(0))/t. No singular "
    "value, condition number, modulus or width enters. Moreover D(h*, h(t)) does not increase while L(t) >= L_y(B "
    "h*).",
    hypotheses=HYPOTHESES,
    conclusion=sp.Le(sym("loss"), loss_star + D_0 / t, evaluate=False),
    direction="upper",
    formulas={"bound": loss_star + D_0 / t, "T_level": D_0 / (sym("loss") - loss_star)},
    reads={
        "bound": "bound of the loss at time t > 0, from the loss and the Bregman distance of any point of the box",
        "T_level": "time from which the loss is at most a given one above L_y(B h*)",
    },
    uses=("wonly.mirror",),
    proof_uses=("wonly.mirror", "step.energy"),
    cites=("li2022",),
    proof="d/dt D(h*, h(t)) = -sum_i (h_i* - h_i) a_i'/phi'(a_i) = <B h* - B h, grad L_y(B h)> <= L_y(B h*) - L(t) by "
    "convexity. Integrate; L does not increase, so t L(t) is at most the integral of L; D >= 0, since phi is "
    "monotone on I_i with the sign of phi'.",
    obligations=(
        Obligation(
            "D is the Bregman distance of the mirror map (one neuron, tanh): its derivative in a is -(phi(a*) - "
            "phi(a)) H'(a)",
            _bregman_tanh,
        ),
        Obligation(
            "T_level is when the bound is that loss",
            loss_star + D_0 / t - sym("loss"),
            where={t: D_0 / (sym("loss") - loss_star)},
        ),
    ),
    mutants=MUTANTS["wonly.rate"],
    constants=CONSTANTS["wonly.rate"],
)


def _squares() -> sp.Expr:
    from theory.kl import derive  # here, so that importing the theory integrates nothing

    w_min, rho_0 = sym("w_min"), sym("rho_0")
    bound = (
        derive(sp.sqrt(2 * sym("s") / w_min)).apply(Psi_inv(Psi(loss_0) + _rate * t)).subs(loss_0, w_min * rho_0**2 / 2)
    )
    return bound - w_min * (rho_0 * sp.exp(-_rate * w_min * t)) ** 2 / 2


LINEAR_RATE = Statement(
    id="wonly.linear_rate",
    kind="theorem",
    origin="new",
    title="Linear rate for interior data, and the limit",
    text=MIRROR_TEXT
    + "Let y = B h* for some h* of the open box and let the loss satisfy A.loss.KL with A.operator.range.radial for B "
    "(least squares: always). Then a stays in the compact set {D(h*, phi(a)) <= D_0}; with dphi_min the least "
    "|phi'(a_i)| over it and sigma_B the smallest nonzero singular value of B, L(t) <= Psi^{-1}(Psi(L(0)) + "
    "dphi_min^2 sigma_B^2 t); for least squares of smallest weight w_min, rho(t) <= rho_0 exp(-dphi_min^2 sigma_B^2 "
    "w_min t). The limit is the unique minimizer of D(h, h(0)) over the h of the open box with B h = y.",
    hypotheses=(*HYPOTHESES, "A.loss.KL", "A.operator.range.radial"),
    conclusion=sp.Le(sym("loss"), Psi_inv(Psi(loss_0) + _rate * t), evaluate=False),
    direction="upper",
    directions={"rate": "lower"},
    formulas={
        "rate": _rate,
        "bound": Psi_inv(Psi(loss_0) + _rate * t),
        "residual": sym("rho_0") * sp.exp(-_rate * sym("w_min") * t),
    },
    reads={
        "rate": "the rate, in the role of sigma_F^2 sigma_0^2/4 in baseline.loss_rate",
        "bound": "bound of the loss at time t",
        "residual": "bound of rho(t) for least squares",
    },
    uses=("wonly.mirror", "wonly.rate"),
    proof_uses=("wonly.mirror", "wonly.rate", "step.energy"),
    cites=("li2022",),
    proof="L_y(B h*) = 0, so D does not increase (wonly.rate). D tends to infinity at the ends of I_i: at an infinite "
    "end |phi(a*) - phi| stays away from 0 and 1/|phi'| >= 1/B1; at a finite one |phi'| <= B2 times the distance "
    "from it, so the integral diverges. Hence the compact set. -L' = |D_a B^T grad L_y|^2 >= dphi_min^2 |B^T grad "
    "L_y|^2 >= dphi_min^2 sigma_B^2/psi'^2, y(t) - y being in the image of B. The path has finite length, so a "
    "converges to some a_inf with B phi(a_inf) = y, and H(a_inf) - H(a(0)) is in the image of B^T (wonly.mirror): "
    "these are the optimality conditions of the strictly convex problem, as grad_h D(h, h(0)) = H(a) - H(a(0)).",
    obligations=(
        Obligation("least squares: the bound of the loss is half of the squared bound of rho, times w_min", _squares),
    ),
    mutants=MUTANTS["wonly.linear_rate"],
)


_residual_bound = (residual_h + sp.sqrt(residual_h**2 + 4 * D_0 / t)) / 2

STOP = Statement(
    id="wonly.stop",
    kind="theorem",
    origin="new",
    title="Stopping by the discrepancy principle, free of every singular value",
    text=MIRROR_TEXT
    + "Plain least squares. For every h* of the open box with |B h* - y| <= eps, tau > 1 and T the first time with "
    "|y(t) - y| <= tau eps: T <= D(h*, h(0))/(tau (tau - 1) eps^2), and D(h*, h(t)) does not increase as long as "
    "|y(t) - y| >= eps. It is the observation that has to be reproducible, not the signal: any h* with B h* = ybar = "
    "A xbar serves (eps the noise level), whether or not xbar = V h*/sqrt k. More generally, for every h* of the "
    "open box and every level eta > |B h* - y|, |y(t) - y| <= eta from the time D(h*, h(0))/(eta (eta - |B h* - y|)) "
    "on.",
    hypotheses=(*HYPOTHESES, "A.loss.plain_least_squares", "A.noise.positive", "A.stop.tau"),
    conclusion=sp.Le(residual, _residual_bound, evaluate=False),
    direction="upper",
    formulas={
        "T": D_0 / (tau * (tau - 1) * eps**2),
        "T_level": D_0 / (eta * (eta - residual_h)),
        "residual_bound": _residual_bound,
    },
    reads={
        "T": "bound of the time at which the residual falls to tau eps",
        "T_level": "bound of the time at which it falls to eta > residual_h",
        "residual_bound": "bound of |y(t) - y| at time t > 0: the level eta with T_level = t",
    },
    uses=("wonly.mirror", "wonly.rate"),
    proof_uses=("wonly.rate", "step.energy"),
    cites=("jahn2024",),
    proof="With r = B h - y, d/dt D(h*, h) = <B h* - B h, r> = -|r|^2 + <B h* - y, r> <= -|r| (|r| - |B h* - y|). As "
    "long as |r| >= eta this is at most -eta (eta - |B h* - y|), and D >= 0; the residual does not increase. Put eta "
    "= tau eps. (This time is shorter than the one that wonly.rate gives, 2 D/(eta^2 - |B h* - y|^2).)",
    obligations=(
        Obligation(
            "T is T_level at eta = tau eps, |B h* - y| = eps",
            D_0 / (eta * (eta - residual_h)) - D_0 / (tau * (tau - 1) * eps**2),
            where={eta: tau * eps, residual_h: eps},
        ),
        Obligation("T_level at the residual bound is t", _residual_bound * (_residual_bound - residual_h) - D_0 / t),
        Obligation.inequality(
            "|r|(|r| - d) increases in |r| >= eta > d: |r| = eta + z, eta = d + x^2",
            (residual_h + x**2) * x**2,
            (residual_h + x**2 + z) * (x**2 + z),
            z * (residual_h + 2 * x**2 + z),
        ),
        Obligation.inequality(
            "T_level is at most the time from wonly.rate, eta = d + x^2: 1/(eta (eta - d)) <= 2/(eta^2 - d^2)",
            1 / ((residual_h + x**2) * x**2),
            2 / ((residual_h + x**2) ** 2 - residual_h**2),
            1 / ((residual_h + x**2) * (2 * residual_h + x**2)),
            where={x: sym("w")},
        ),
    ),
    mutants=MUTANTS["wonly.stop"],
    constants=CONSTANTS["wonly.stop"],
)

a_star = sym("a_star")
gamma, nu, loss, K, steps = sym("gamma"), sym("nu"), sym("loss"), sym("D_slope"), sym("steps")
_total = D_0 + K * gamma * (loss_0 - loss) / (2 * nu)
_budget = D_0 + K * gamma * loss_0 / (2 * nu)
_second = 1 + (sp.tanh(a_star) - sp.tanh(x)) * sp.diff(sp.tanh(x), x, 2) / sp.diff(sp.tanh(x), x) ** 2


def _bregman_second() -> sp.Expr:
    """The second derivative of D in a, tanh, minus 1 + (phi(a*) - phi(a)) phi''(a)/phi'(a)^2."""
    slope = -(sp.tanh(a_star) - sp.tanh(x)) / sp.diff(sp.tanh(x), x)
    return (sp.diff(slope, x) - _second).rewrite(sp.exp)


DESCENT = Statement(
    id="wonly.descent",
    kind="theorem",
    origin="new",
    title="Gradient descent against every point of the box",
    text=MIRROR_TEXT
    + "Now gradient descent a_{j+1} = a_j - gamma grad l(a_j) on l(a) = L_y(B phi(a)), l_j = l(a_j), l_0 = L_0. For h* = "
    "phi(a*) in the open box and a level N let the region be the a with a_i in I_i and D(h*, phi(a)) <= N, D_slope the "
    "supremum over it of the second derivative of D in one a_i, which is 1 + (phi(a_i*) - phi(a_i)) phi''(a_i)/phi'(a_i)^2, "
    "and M a Lipschitz constant of grad l along every segment in it. Let 0 < gamma < 2/M, nu = 1 - gamma M/2 and N > D_0 "
    "+ D_slope gamma L_0/(2 nu). Then as long as l_j >= L_y(B h*) (for ever if L_y(B h*) = 0) no step leaves the region, "
    "and D(h*, h_j) <= D_0 + D_slope gamma (L_0 - l_j)/(2 nu) - gamma sum over i < j of (l_i - L_y(B h*)). Hence for "
    "all j >= 1 the "
    "least of l_0, ..., l_j is at most L_y(B h*) + (D_0 + D_slope gamma L_0/(2 nu))/(gamma j), and so is l_j itself as long "
    "as no earlier loss was below L_y(B h*) (for ever if L_y(B h*) = 0). (D itself may increase; nothing is claimed of it, "
    "or of later losses, once l_j < L_y(B h*): the iterates may leave the region. For several inputs or nonlinear F there "
    "is no such h.)",
    hypotheses=(*HYPOTHESES, "A.step"),
    conclusion=sp.Le(sym("D_now"), _total, evaluate=False),
    direction="upper",
    directions={"slope_tanh": "exact"},
    formulas={"bound": _total, "budget": _budget, "loss": loss_star + _budget / (gamma * steps), "slope_tanh": _second},
    reads={
        "bound": "bound of D(h*, h_j), from the current loss l_j >= L_y(B h*)",
        "budget": "the level that N has to exceed",
        "loss": "bound of the least loss after so many steps (of the last one if no loss was below L_y(B h*))",
        "slope_tanh": "second derivative of D in one pre-activation x for tanh, comparison point tanh(a_star)",
    },
    uses=("wonly.mirror", "wonly.rate"),
    proof_uses=("wonly.rate", "gd.descent", "dip2.reduction"),
    cites=("li2022",),
    proof="D is a sum over neurons, with first derivative -(phi(a_i*) - phi(a_i))/phi'(a_i) in a_i, and a_{j+1} - a_j = "
    "-gamma D_a B^T G, G = grad L_y(B h_j). If the segment is in the region, Taylor gives D_{j+1} <= D_j + gamma <B h* - B "
    "h_j, G> + D_slope |a_{j+1} - a_j|^2/2, and the middle term is at most gamma (L_y(B h*) - l_j) by convexity. By "
    "gd.descent on the segment gamma^2 |grad l|^2 <= gamma (l_j - l_{j+1})/nu; sum over the steps. The segment stays in "
    "the region: for the part of it up to a_j - s grad l, s <= gamma, the same bound holds with s for gamma in the last "
    "step, and s^2 |grad l|^2 <= gamma (l_j - l(s))/nu, so D <= D_0 + D_slope gamma L_0/(2 nu) < N up to there, and D is "
    "continuous and tends to N or more towards the boundary of the region (infinity at the ends of the I_i). Rate: while the "
    "losses stay above L_y(B h*), l does not increase and D >= 0, so gamma j (l_j - L_y(B h*)) is at most the sum; and if "
    "some l_i < L_y(B h*) with i <= j, the least of them is below it.",
    obligations=(
        Obligation("the second derivative of D in a (one neuron, tanh)", _bregman_second),
        Obligation("at a = a* it is 1, so D_slope >= 1", lambda: sp.simplify(_second.subs(x, a_star)) - 1),
        Obligation(
            "the squared steps, gamma (l_i - l_{i+1})/nu each, add up: two steps",
            K / 2 * (gamma * (loss_0 - x) / nu + gamma * (x - loss) / nu) - (_total - D_0),
        ),
        Obligation.inequality(
            "with the loss at least 0 the total is at most the budget", _total, _budget, K * gamma * loss / (2 * nu)
        ),
    ),
    tight="As gamma tends to 0 with gamma j = t it tends to wonly.rate.",
    mutants=MUTANTS["wonly.descent"],
)

ITEMS: Final = (MIRROR, THRESHOLD, RATE, LINEAR_RATE, STOP, DESCENT)
