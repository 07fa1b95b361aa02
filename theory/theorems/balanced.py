"""What the flow of both layers conserves, and what follows for every observation (`dip2.conservation`, `dip2.balanced`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import sympy as sp

from theory.mutants.balanced import CONSTANTS, MUTANTS
from theory.statement import Obligation, Statement
from theory.symbols import sym
from theory.theorems.amgm import HYPOTHESES
from theory.theorems.assumptions import FLOW, TWO_LAYER

n, k, D_V, delta, prob, rank = sym("n"), sym("k"), sym("D_V"), sym("delta"), sym("prob"), sym("rank")
gap, x, z = sym("gap"), sym("x"), sym("z")

_term = sp.Max(0, gap) / (1 + sp.Max(0, gap))
_probability = sp.erfc(sp.asinh(sp.sqrt(n) * D_V) / sp.sqrt(2))
_probability_linear = sp.erfc(sp.asinh(sp.sqrt(rank)) / sp.sqrt(2))


def _width(probability: Any) -> Any:
    return sp.log(delta) / sp.log(1 - probability)


def _conserved(G: Any, phi: Any) -> Callable[[], Any]:
    """G' φ' − φ, which has to vanish."""
    return lambda: sp.diff(G, x) * sp.diff(phi, x) - phi


_exp = sp.exp(x)
_sigmoid = 1 / (1 + sp.exp(-x))
_softplus = sp.log(1 + _exp)


def _erf_equation() -> Any:
    """y = φ/φ' for φ = erf solves y' = 1 + 2xy, y(0) = 0; so does the power series of G' (first 8 coefficients)."""
    y = sp.sqrt(sp.pi) / 2 * sp.exp(x**2) * sp.erf(x)
    quotient = sp.erf(x) / sp.diff(sp.erf(x), x) - y
    equation = sp.diff(y, x) - 1 - 2 * x * y
    coefficient = [sp.rf(1, j) ** 2 / (sp.rf(sp.Rational(3, 2), j) * sp.rf(2, j) * sp.factorial(j)) for j in range(8)]
    G = sum(c * x ** (2 * j + 2) / 2 for j, c in enumerate(coefficient))
    dG = sp.diff(G, x)
    series = sp.expand(sp.diff(dG, x) - 1 - 2 * x * dG)
    return sp.simplify(quotient) ** 2 + sp.simplify(equation) ** 2 + sum(series.coeff(x, j) ** 2 for j in range(14))


CONSERVATION = Statement(
    id="dip2.conservation",
    kind="theorem",
    origin="known",
    title="A conserved quantity for every neuron",
    text=FLOW
    + TWO_LAYER
    + "Both layers are trained. Let phi'(a_i(0)) != 0 and G' = phi/phi' on the interval between zeros of phi' that "
    "contains a_i(0). Then a_i stays in that interval and |v_i|^2/2 - G(a_i) is constant along the flow. For linear "
    "A so is |U^T v_i|^2/2 - G(a_i), U an orthonormal basis of the image of A^T. G is sinh(a)^2/2 for tanh, a + e^a "
    "for the sigmoid, a^2/2 for the identity, -ln|cos a| for the sine, -Li_2(-e^a) + a - (1 + e^{-a}) ln(1 + e^a) "
    "for softplus, (a^2/2) 2F2(1,1; 3/2,2; a^2) for erf; for GELU and SiLU it tends to infinity at the zero of phi'.",
    hypotheses=("A.network.two_layer", "A.network.both", "A.network.regular_start"),
    conclusion=sp.Eq(sym("conserved"), sym("conserved_0"), evaluate=False),
    formulas={
        "G_tanh": sp.sinh(x) ** 2 / 2,
        "G_sigmoid": x + _exp,
        "G_identity": x**2 / 2,
        "G_sin": sp.log(1 + sp.tan(x) ** 2) / 2,
        "G_erf": x**2 / 2 * sp.hyper((1, 1), (sp.Rational(3, 2), 2), x**2),
        "G_softplus": -sp.polylog(2, -_exp) + x - (1 + sp.exp(-x)) * _softplus,
    },
    reads={
        f"G_{name}": f"primitive of phi/phi' for {name}"
        for name in ("tanh", "sigmoid", "identity", "sin", "erf", "softplus")
    },
    proof_uses=("dip2.reduction", "trusted.picard"),
    cites=("zhao2023", "marcotte2023", "du2018"),
    proof="By dip2.reduction d/dt |v_i|^2/2 = -phi(a_i) <v_i, q>/sqrt k and a_i' = -phi'(a_i) <v_i, q>/sqrt k, so "
    "d/dt G(a_i) = (phi/phi') a_i' is the same. a_i solves a scalar equation that rests at the zeros of phi', hence "
    "crosses none (uniqueness). For linear A, q is in the image of A^T, so <v_i, q> = <U^T v_i, U^T q>.",
    obligations=(
        Obligation(
            "tanh: G' phi' = phi",
            lambda: (sp.diff(sp.sinh(x) ** 2 / 2, x) * sp.diff(sp.tanh(x), x) - sp.tanh(x)).rewrite(sp.exp),
        ),
        Obligation("sigmoid: G' phi' = phi", _conserved(x + _exp, _sigmoid)),
        Obligation("identity: G' phi' = phi", _conserved(x**2 / 2, x)),
        Obligation("sine: G' phi' = phi", _conserved(-sp.log(sp.cos(x)), sp.sin(x))),
        Obligation(
            "softplus: G' phi' = phi (d/da Li_2(-e^a) = -ln(1 + e^a))",
            (_softplus + sp.diff(x - (1 + sp.exp(-x)) * _softplus, x)) * sp.diff(_softplus, x) - _softplus,
        ),
        Obligation(
            "the derivative of Li_2(-e^a)", lambda: sp.expand_func(sp.diff(sp.polylog(2, -_exp), x)) + _softplus
        ),
        Obligation(
            "erf: the coefficients of G' and of (sqrt(pi)/2) e^{x^2} erf(x) obey the same recursion, y' = 1 + 2 x y",
            _erf_equation,
        ),
    ),
    mutants=MUTANTS["dip2.conservation"],
)


_s = sp.sinh(x) ** 2

BALANCED = Statement(
    id="dip2.balanced",
    kind="theorem",
    origin="new",
    title="Unbalanced neurons certify every observation",
    text=FLOW
    + TWO_LAYER
    + "Both layers are trained and phi = tanh. gap_i = sinh(a_i(0))^2 - |v_i(0)|^2 (linear A: U^T v_i(0) in place of "
    "v_i(0), U an orthonormal basis of the image of A^T). If some gap_i > 0, the gradient flow reaches zero loss for "
    "EVERY y and every loss with a global Kurdyka-Lojasiewicz inequality, provided sigma_F > 0 on the ball of radius "
    "rho_0/(sigma_F s_star) and the range condition there; f^2 >= s_star^2 = (1/k) sum_i max(0, gap_i)/(1 + max(0, "
    "gap_i)) for all time, and rate, length and stopping time are those of dip2.amgm with this s_star. At random "
    "initialization (a standard Gaussian, columns of V independent of a, entries at most D_V) some gap is positive "
    "with probability at least 1 - delta if k >= ln(delta)/ln(1 - p), p = P(|zeta| > arcsinh(sqrt n D_V)). If "
    "moreover the columns are centred with identity covariance, p = P(|zeta| > arcsinh sqrt(rank A)) will do for "
    "linear A and p "
    "= P(|zeta| > arcsinh sqrt n) for any F. Other activations, G as in dip2.conservation: sigmoid and softplus keep "
    "a_i bounded below, so every k >= 1 works; for GELU and SiLU a neuron that starts below the zero of phi' stays "
    "there and bounded, with phi(a_i) away from 0, so one such neuron works for every y.",
    hypotheses=HYPOTHESES,
    condition=sp.Gt(gap, 0, evaluate=False),
    conclusion=sp.Ge(sym("f_a"), sp.sqrt(_term / k), evaluate=False),
    direction="lower",
    directions={"width": "upper", "width_general": "upper", "width_linear": "upper"},
    formulas={
        "s_star_squared_term": _term,
        "probability": _probability,
        "probability_linear": _probability_linear,
        "width": _width(prob),
        "width_general": _width(_probability),
        "width_linear": _width(_probability_linear),
    },
    reads={
        "s_star_squared_term": "what one neuron contributes to k s_star^2",
        "probability": "p for one neuron, any F",
        "probability_linear": "p for one neuron, linear A of the given rank (rank = n: any F), identity covariance",
        "width": "width from p",
        "width_general": "width that suffices with probability 1 - delta, any F",
        "width_linear": "the same for linear A of the given rank",
    },
    uses=("dip2.conservation", "dip2.amgm"),
    requires=(),  # its own hidden norm, whatever rho_0
    proof_uses=("dip2.conservation", "dip2.gram", "dip2.range_restriction", "step.kl", "step.energy", "trusted.jensen"),
    cites=("min2021", "dana2025"),
    proof="sinh(a_i)^2 - |v_i|^2 is constant (dip2.conservation), so sinh(a_i)^2 >= gap_i, and tanh^2 = sinh^2/(1 + "
    "sinh^2) is increasing in sinh^2. So f >= s_star, sigma_min(J_g) >= f, and as in dip2.amgm -rho' >= sigma_F "
    "s_star |theta'| and -L' >= sigma_F^2 s_star^2/psi'^2. Width: the neurons are independent, and all gaps are <= 0 "
    "with probability at most (1 - p)^k. |v_i|^2 <= n D_V^2 gives the first p. For the second put Q(s) = P(|zeta| > "
    "arcsinh sqrt s): the probability of a positive gap is E Q(|U^T v_i|^2), with E |U^T v_i|^2 = rank A, and Q is "
    "convex because -Q'(s) = density(arcsinh sqrt s)/sqrt(s(1+s)) decreases; Jensen. Others: G(a_i) >= G(a_i(0)) - "
    "|v_i(0)|^2/2, and G(a) tends to minus infinity as a does, since phi/phi' tends to 1 (sigmoid, softplus, SiLU) "
    "or behaves like 1/|a| (GELU).",
    obligations=(
        Obligation("tanh^2 = sinh^2/(1 + sinh^2)", lambda: (sp.tanh(x) ** 2 - _s / (1 + _s)).rewrite(sp.exp)),
        Obligation.inequality(
            "z/(1+z) is increasing: at gap + z it is at least its value at gap (gap >= 0, here a hidden square)",
            x**2 / (1 + x**2),
            (x**2 + z) / (1 + x**2 + z),
            z / ((1 + x**2) * (1 + x**2 + z)),
        ),
        Obligation(
            "P(|zeta| > c) = erfc(c/sqrt 2): the derivative is minus twice the Gaussian density",
            sp.diff(sp.erfc(x / sp.sqrt(2)), x) + 2 * sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi),
        ),
        Obligation(
            "-Q'(s) = density(arcsinh sqrt s)/sqrt(s (1+s)) (both factors decrease, so Q is convex)",
            sp.diff(sp.erfc(sp.asinh(sp.sqrt(rank)) / sp.sqrt(2)), rank)
            + sp.exp(-(sp.asinh(sp.sqrt(rank)) ** 2) / 2) / sp.sqrt(2 * sp.pi) / sp.sqrt(rank * (1 + rank)),
        ),
        Obligation(
            "(1 - p)^k = delta at the width, in logarithms",
            _width(prob) * sp.log(1 - prob) - sp.log(delta),
        ),
    ),
    mutants=MUTANTS["dip2.balanced"],
    constants=CONSTANTS["dip2.balanced"],
)

NO_THRESHOLD = Statement(
    id="dip2.no_threshold",
    kind="theorem",
    origin="new",
    title="With both layers trained there is no threshold in width",
    text=FLOW
    + TWO_LAYER
    + "Both layers are trained; phi is tanh, erf, the identity, sine, GELU or SiLU; loss, F and phi are real "
    "analytic, the Kurdyka-Lojasiewicz inequality is global, sigma_F > 0 and the range condition holds everywhere. "
    "Let q0 = J_F(0)^T grad L_y(F(0)) != 0. Then for EVERY V(0) and almost every a(0), every width k >= 1 reaches "
    "zero loss in the limit. (For no a(0) is this claimed at finite precision or in bounded time: the time may be "
    "long.)",
    hypotheses=(*HYPOTHESES, "A.loss.analytic"),
    uses=("dip2.conservation",),
    proof_uses=(
        "dip2.conservation",
        "dip2.amgm",
        "trusted.lojasiewicz",
        "trusted.normally_hyperbolic",
        "trusted.analytic_zero_set",
    ),
    cites=("yu1995", "ding2019", "lee2016"),
    proof="(Written for tanh; phi(0) = 0, phi'(0) != 0 is what is used.) (1) Where the loss is positive, q = J_F^T "
    "grad L_y != 0; a rest point then has phi(a) = 0 and V^T q = 0, so a = 0, x = 0 and q = q0: the bad rest points "
    "are C = {a = 0, V^T q0 = 0}, all of the same loss L_C = L_y(F(0)). (2) The run is bounded: while max|a_i| >= 1, "
    "f >= tanh(1)/sqrt k and the length spent there is at most rho_0 sqrt k/(sigma_F tanh 1); elsewhere |v_i|^2 is "
    "bounded by dip2.conservation. A bounded gradient flow of an analytic function converges to one rest point "
    "(Lojasiewicz): to zero loss, or to a point of C. (3) At a point of C the Hessian is, on a and the components w "
    "= V^T q0/|q0|, [[V^T H V/k + diagonal terms with factor V^T q0 = 0, |q0| phi'(0) I/sqrt k], [., 0]], H the "
    "Hessian of L_y o F at 0: nondegenerate, with k positive and k negative eigenvalues, so C is normally hyperbolic "
    "and the points that converge to C without leaving a neighbourhood form an analytic manifold of codimension k. A "
    "run that leaves the neighbourhood has loss below L_C (as long as the loss is above L_C, the remaining length is "
    "at most a constant times (L - L_C)^{1/2}), so it never returns. (4) For fixed V(0) the set Z of bad a(0) is "
    "closed, because runs to zero loss form an open set (their limit has x != 0, so f > 0, and dip2.amgm holds "
    "nearby), and bounded: a run to C has |v_i|^2 - sinh(a_i)^2 >= 0, so |a_i(0)| <= arcsinh|v_i(0)|. (5) Near each "
    "of its points Z is the zero set of analytic functions (those of the manifold, composed with the analytic flow "
    "for a fixed time). If Z had positive measure these would vanish near some point of Z, so Z would have interior; "
    "at a boundary point of the interior they vanish on an open set, hence around the point: the interior would be "
    "all of R^k, but Z is bounded.",
    obligations=(
        Obligation(
            "the eigenvalues of [[p, b], [b, 0]] have product -b^2 < 0: one of each sign",
            sp.Matrix([[sym("p"), sym("b")], [sym("b"), 0]]).det() + sym("b") ** 2,
        ),
    ),
    mutants=MUTANTS["dip2.no_threshold"],
)

ITEMS: Final = (CONSERVATION, BALANCED, NO_THRESHOLD)
