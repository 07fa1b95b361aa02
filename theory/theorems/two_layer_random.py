"""The two-layer network at random initialization (`dip2.*`): how large sigma_0 and the output are, and hence the width."""

from __future__ import annotations

from typing import Final

import sympy as sp

from theory.mutants.two_layer_random import CONSTANTS, MUTANTS
from theory.statement import Obligation, Statement
from theory.symbols import sym
from theory.theorems.assumptions import FLOW, TWO_LAYER
from theory.theorems.two_layer import SMOOTH, Lambda_both, Lambda_W, Lip_both, Lip_coarse

B1, B2, c_V, k, n, D_V = sym("B1"), sym("B2"), sym("c_V"), sym("k"), sym("n"), sym("D_V")
s0, sF, rho_0, delta, T = sym("sigma_0"), sym("sigma_F"), sym("rho_0"), sym("delta"), sym("T_log")
C_phi, C_dphi, f_lo, f_hi, t_dev = sym("C_phi"), sym("C_dphi"), sym("f_lo"), sym("f_hi"), sym("t_dev")
A_norm, AF_norm, AAt_F, Aty_norm, y_norm = sym("A_norm"), sym("AF_norm"), sym("AAt_F"), sym("Aty_norm"), sym("y_norm")
L_F, F0_norm, x0_norm, C, r = sym("L_F"), sym("F0_norm"), sym("x0_norm"), sym("C"), sym("r")

RANDOM: Final = (
    TWO_LAYER
    + "At initialization u is uniform on the sphere, W has independent standard Gaussian entries (a is a standard "
    "Gaussian vector), V is independent of W with independent identically distributed centred columns of identity "
    "covariance and entries bounded by D_V. C_phi^2 = E phi(zeta)^2, C_dphi^2 = E phi'(zeta)^2, zeta standard "
    "Gaussian; |phi'| <= B1. "
)
HYPOTHESES: Final = (*SMOOTH, "A.network.random")

_log4 = sp.log(4 / delta)
_t_dev = sp.sqrt(2 * B1**2 * n * D_V**2 * sp.log(4 * n / delta) / (C_dphi**2 * k))
_f_lo = sp.sqrt(sp.Max(0, C_phi**2 - B1**2 / k)) - B1 * sp.sqrt(2 * _log4 / k)
_f_hi = C_phi + B1 * sp.sqrt(2 * _log4 / k)
_f_hi_T = C_phi + B1 * sp.sqrt(2 * T / k)
_sigma_W = sp.Max(0, 1 - _t_dev) * C_dphi**2
_output0 = _f_hi * sp.sqrt(n) * (1 + D_V * sp.sqrt(2 * _log4))
_sub_gaussian_f = (
    f_hi**2 * (AF_norm**2 + 2 * AAt_F * sp.sqrt(T) + 2 * A_norm**2 * T)
    + y_norm**2
    + 2 * f_hi * Aty_norm * sp.sqrt(2 * T)
)
_sub_gaussian = _sub_gaussian_f.subs(f_hi, _f_hi_T)
_R_prime = 2 * rho_0 / (sF * s0)
_k_baseline = (4 * sp.Max(B1, B2) * (1 + 2 * sp.sqrt(n) * D_V + 4 * rho_0 / (sF * s0)) * rho_0 / (sF * s0**2)) ** 2
_k_baseline_fine = (
    2 * rho_0 / (sF * s0**2) * (B2 * (c_V + _R_prime) + sp.sqrt(B2**2 * (c_V + _R_prime) ** 2 + 4 * B1**2))
) ** 2
_k_baseline_W = (4 * B2 * c_V * rho_0 / (sF * s0**2)) ** 2
_k_sharp_W = (2 * B2 * c_V * rho_0 / (sF * s0**2)) ** 2
_k_sharp = ((B2 * c_V + sp.sqrt(B2**2 * c_V**2 + 4 * B1**2)) * rho_0 / (sF * s0**2)) ** 2

EXPECTATION = Statement(
    id="dip2.expectation",
    kind="lemma",
    origin="explicit",
    title="Mean of the tangent kernel",
    text=RANDOM + "E J_g J_g^T = (C_phi^2 + C_dphi^2) I (both layers), C_dphi^2 I (W only).",
    hypotheses=HYPOTHESES,
    formulas={"both": C_phi**2 + C_dphi**2, "W": C_dphi**2},
    reads={"both": "eigenvalue of the mean kernel, both layers trained", "W": "the same, only W trained"},
    proof_uses=("dip2.gram",),
    cites=("buskulic2024",),
    proof="Take expectations in dip2.gram: E f^2 = C_phi^2, and E phi'(a_i)^2 v_i v_i^T = C_dphi^2 I by independence.",
)

SIGMA0 = Statement(
    id="dip2.sigma0",
    kind="lemma",
    origin="explicit",
    title="sigma_0 is of order one with high probability",
    text=RANDOM
    + "For 0 < delta < 1 let t_dev = sqrt(2 B1^2 n D_V^2 ln(4n/delta)/(C_dphi^2 k)) and f_lo = sqrt(max(0, C_phi^2 - "
    "B1^2/k)) - B1 sqrt(2 ln(4/delta)/k). With probability at least 1 - delta/2: sigma_0^2 >= max(0, f_lo)^2 + "
    "max(0, 1 - t_dev) C_dphi^2 if both layers are trained. If only W is: sigma_0^2 >= max(0, 1 - t_dev) C_dphi^2 "
    "with probability at least 1 - delta/4. (The positive parts matter.)",
    hypotheses=HYPOTHESES,
    conclusion=sp.Ge(s0**2, sp.Max(0, _f_lo) ** 2 + _sigma_W, evaluate=False),
    direction="lower",
    directions={"t_dev": "upper"},
    formulas={
        "t_dev": _t_dev,
        "f_lo": _f_lo,
        "sigma_0_squared_both": sp.Max(0, _f_lo) ** 2 + _sigma_W,
        "sigma_0_squared_W": _sigma_W,
    },
    reads={
        "t_dev": "relative deviation of the smallest eigenvalue of V D^2 V^T/k below its mean",
        "f_lo": "lower bound of the hidden norm f",
        "sigma_0_squared_both": "lower bound of sigma_0^2, both layers trained",
        "sigma_0_squared_W": "lower bound of sigma_0^2, only W trained",
    },
    uses=("dip2.gram",),
    proof_uses=(
        "dip2.expectation",
        "trusted.matrix_chernoff",
        "trusted.gaussian_concentration",
        "trusted.gaussian_poincare",
    ),
    cites=("buskulic2024", "tropp2012", "song2019"),
    proof="V D^2 V^T/k is a sum of k independent positive semidefinite matrices of norm at most B1^2 n D_V^2/k with "
    "mean C_dphi^2 I in total: matrix Chernoff gives failure probability n exp(-t_dev^2 C_dphi^2 k/(2 B1^2 n D_V^2)) "
    "= delta/4 (trivial for t_dev >= 1). f is a B1/sqrt k-Lipschitz function of a: below its mean by B1 sqrt(2 "
    "ln(4/delta)/k) with probability at most delta/4, and (E f)^2 = C_phi^2 - Var f >= C_phi^2 - B1^2/k by Poincare. "
    "Union of two events.",
    obligations=(
        Obligation(
            "the Chernoff exponent at t_dev is ln(4n/delta)",
            _t_dev**2 * C_dphi**2 * k / (2 * B1**2 * n * D_V**2) - sp.log(4 * n / delta),
        ),
        Obligation("n exp(-ln(4n/delta)) = delta/4", n * sp.exp(-sp.log(4 * n / delta)) - delta / 4),
        Obligation(
            "the Gaussian tail at B1 sqrt(2 ln(4/delta)/k) is delta/4",
            sp.exp(-((B1 * sp.sqrt(2 * _log4 / k)) ** 2) / (2 * (B1 / sp.sqrt(k)) ** 2)) - delta / 4,
        ),
    ),
    mutants=MUTANTS["dip2.sigma0"],
)

OUTPUT0 = Statement(
    id="dip2.output0",
    kind="lemma",
    origin="explicit",
    title="Size of the initial output",
    text=RANDOM + "With probability at least 1 - delta/2: |x(0)| <= (C_phi + B1 sqrt(2 ln(4/delta)/k)) sqrt n (1 + "
    "D_V sqrt(2 ln(4/delta))). Hence |y(0) - y| <= L_F |x(0)| + |F(0)| + |y|, L_F a Lipschitz constant of F on the "
    "segment from 0 to x(0).",
    hypotheses=HYPOTHESES,
    conclusion=sp.Le(x0_norm, _output0, evaluate=False),
    direction="upper",
    formulas={"bound": _output0, "residual": L_F * x0_norm + F0_norm + y_norm},
    reads={"bound": "bound of |x(0)|", "residual": "bound of |y(0) - y| from |x(0)|"},
    proof_uses=("trusted.gaussian_concentration", "trusted.bounded_differences"),
    cites=("buskulic2024", "boucheron2013"),
    proof="f <= C_phi + B1 sqrt(2 ln(4/delta)/k) except with probability delta/4, as E f <= C_phi. Given a, |x(0)| is "
    "a function of the independent columns of V, of mean at most f sqrt n; replacing v_i changes it by at most 2 "
    "sqrt n D_V |phi(a_i)|/sqrt k. By bounded differences it exceeds its mean by f sqrt n D_V sqrt(2 ln(4/delta)) "
    "with probability at most delta/4.",
    obligations=(
        Obligation(
            "2 s^2/sum of squared differences = ln(4/delta) at s = f sqrt(n) D_V sqrt(2 ln(4/delta)), the sum being 4 "
            "n D_V^2 f^2",
            2 * (sym("f_0") * sp.sqrt(n) * D_V * sp.sqrt(2 * _log4)) ** 2 / (4 * n * D_V**2 * sym("f_0") ** 2) - _log4,
        ),
    ),
    mutants=MUTANTS["dip2.output0"],
)

OUTPUT_SUB_GAUSSIAN = Statement(
    id="dip2.output_sub_gaussian",
    kind="lemma",
    origin="explicit",
    title="Size of the initial residual, sub-Gaussian second layer",
    text=RANDOM
    + "Let moreover the entries of V be independent and sub-Gaussian with variance proxy 1, F = A linear, plain least "
    "squares (rho_0 = |y(0) - y|), y independent of V and W, T > 0 and f_hi = C_phi + B1 sqrt(2T/k). With probability at "
    "least 1 - 3 exp(-T): rho_0^2 <= f_hi^2 (|A|_F^2 + 2 |A A^T|_F sqrt T + 2 |A|^2 T) + |y|^2 + 2 f_hi |A^T y| sqrt(2T). "
    "T = ln(4/delta): three events of delta/4 each; together with dip2.sigma0 for total failure probability delta use T "
    "= ln(6/delta). Any other bound f_hi of the hidden norm serves, with its own event in place of the first.",
    hypotheses=(*HYPOTHESES, "A.network.sub_gaussian", "A.operator.linear", "A.loss.plain_least_squares"),
    conclusion=sp.Le(rho_0**2, _sub_gaussian, evaluate=False),
    direction="upper",
    directions={"T": "exact", "T_with_sigma0": "exact"},
    formulas={
        "f_hi": _f_hi_T,
        "rho_0_squared": _sub_gaussian,
        "rho_0_squared_of_f": _sub_gaussian_f,
        "T": _log4,
        "T_with_sigma0": sp.log(6 / delta),
        "failure": 3 * sp.exp(-T),
    },
    reads={
        "f_hi": "upper bound of the hidden norm f",
        "rho_0_squared": "upper bound of rho_0^2",
        "rho_0_squared_of_f": "the same from any upper bound f_hi of the hidden norm",
        "T": "T for three events of probability delta/4",
        "T_with_sigma0": "T for three events of probability delta/6, so that dip2.sigma0 (delta/2) can be added",
        "failure": "probability that one of the three events fails",
    },
    proof_uses=("trusted.gaussian_concentration", "trusted.hsu_kakade_zhang", "trusted.hoeffding"),
    cites=("hsu2012",),
    proof="Given a, x(0) = f xi with xi = V phi(a)/|phi(a)|, whose entries are independent and sub-Gaussian with "
    "proxy 1. |A x(0) - y|^2 = f^2 |A xi|^2 - 2 f <A^T y, xi> + |y|^2. Hsu-Kakade-Zhang bounds |A xi|^2 by tr + 2 "
    "sqrt(tr of the square) sqrt T + 2 norm T of A^T A, and <-A^T y, xi> <= |A^T y| sqrt(2T); f <= f_hi. Each fails "
    "with probability at most exp(-T).",
    obligations=(
        Obligation("3 exp(-T) = 3 delta/4 at T = ln(4/delta)", 3 * sp.exp(-_log4) - 3 * delta / 4),
        Obligation("with dip2.sigma0 the total is delta", 3 * sp.exp(-sp.log(6 / delta)) + delta / 2 - delta),
    ),
    mutants=MUTANTS["dip2.output_sub_gaussian"],
)

WIDTH_BASELINE = Statement(
    id="dip2.width_baseline",
    kind="remark",
    origin="paper",
    title="Width for the baseline",
    text=FLOW
    + RANDOM
    + "Order form of the source: with probability at least 1 - 2/n - 1/d the baseline condition holds for k >= C n "
    "rho_0^4/sigma_F^4 (both layers) or C n rho_0^2/sigma_F^2 (V fixed), where rho_0 stands for psi of its a-priori "
    "bound and C depends only on phi and D_V. With explicit constants: on the events of dip2.sigma0 and "
    "dip2.output0, R' < R with the coarse Lipschitz constant of dip2.lipschitz is k > (4 B (1 + 2 sqrt n D_V + 4 "
    "rho_0/(sigma_F sigma_0)) rho_0/(sigma_F sigma_0^2))^2, B = max(B1, B2). So its order is (sqrt n rho_0/sigma_F + "
    "rho_0^2/sigma_F^2)^2: the printed order over-counts. With the fine Lipschitz constant of dip2.lipschitz it is k > (2 "
    "rho_0/(sigma_F sigma_0^2))^2 (X + sqrt(X^2 + 4 B1^2))^2, X = B2 (c_V + R'); for W only k > (4 B2 c_V rho_0/(sigma_F "
    "sigma_0^2))^2. In all of them c_V <= sqrt n D_V.",
    hypotheses=HYPOTHESES,
    condition=sp.Gt(k, _k_baseline, evaluate=False),
    unconditional=("order_both", "order_W", "k_min", "k_min_fine", "k_min_W", "c_V"),
    conclusion=sp.Lt(sym("R_prime"), sym("R"), evaluate=False),
    direction="upper",
    formulas={
        "order_both": C * n * rho_0**4 / sF**4,
        "order_W": C * n * rho_0**2 / sF**2,
        "k_min": _k_baseline,
        "k_min_fine": _k_baseline_fine,
        "k_min_W": _k_baseline_W,
        "c_V": sp.sqrt(n) * D_V,
    },
    reads={
        "order_both": "width in order form, both layers trained; C unspecified",
        "order_W": "width in order form, V fixed",
        "k_min": "every larger k satisfies R' < R, given lower bounds of sigma_0, sigma_F and an upper one of rho_0",
        "k_min_fine": "the same with the fine Lipschitz constant",
        "k_min_W": "the same, only W trained",
        "c_V": "bound of the column norms",
    },
    uses=("baseline.condition", "dip2.sigma0", "dip2.output0"),
    requires=(),  # it says from which width on it holds
    proof_uses=("dip2.lipschitz",),
    cites=("buskulic2024",),
    proof="R Lip(R) = sigma_0/2 at the largest R and r Lip(r) is increasing, so R' < R is R' Lip(R') < sigma_0/2.",
    obligations=(
        Obligation(
            "at k_min, R' Lip(R') = sigma_0/2 with the coarse constant",
            _R_prime * Lip_coarse.subs(r, _R_prime) - s0 / 2,
            where={k: _k_baseline},
        ),
        Obligation(
            "at k_min_fine, R' Lip(R') = sigma_0/2 with the fine constant",
            _R_prime * Lip_both.subs(r, _R_prime) - s0 / 2,
            where={k: _k_baseline_fine},
        ),
        Obligation(
            "at k_min_W, R' Lip = sigma_0/2, only W trained", _R_prime * Lambda_W - s0 / 2, where={k: _k_baseline_W}
        ),
    ),
    mutants=MUTANTS["dip2.width_baseline"],
)

WIDTH_SHARP = Statement(
    id="dip2.width_sharp",
    kind="theorem",
    origin="explicit",
    title="Width for the sharp theorem",
    text=FLOW
    + RANDOM
    + "Both layers trained: h = Lambda rho_0/(sigma_F sigma_0^2) < 1/2 with the slope Lambda of dip2.modulus is k > "
    "((B2 c_V + sqrt(B2^2 c_V^2 + 4 B1^2)) rho_0/(sigma_F sigma_0^2))^2, c_V <= sqrt n D_V; for W only it is k > (2 B2 "
    "c_V rho_0/(sigma_F sigma_0^2))^2. On the events of "
    "dip2.sigma0 and dip2.output0 this is k = O(n rho_0^2/sigma_F^2): powers 4 become 2. For linear A with sub-Gaussian "
    "entries of V and y independent of V and W, the events may be: matrix Chernoff of dip2.sigma0, both sides of "
    "dip2.order_statistics for f_lo and f_hi, and the two that are left of dip2.output_sub_gaussian, delta/5 each (W only "
    "needs no f_lo: four of delta/4; with x(0) = 0 neither rho_0 nor f_hi spends an event).",
    hypotheses=HYPOTHESES,
    condition=sp.Gt(k, _k_sharp, evaluate=False),
    unconditional=("k_min", "k_min_W", "c_V", "order"),
    conclusion=sp.Lt(sym("h"), sp.Rational(1, 2), evaluate=False),
    direction="upper",
    formulas={"k_min": _k_sharp, "k_min_W": _k_sharp_W, "c_V": sp.sqrt(n) * D_V, "order": C * n * rho_0**2 / sF**2},
    reads={
        "k_min": "every larger k satisfies h < 1/2, given lower bounds of sigma_0, sigma_F and an upper one of rho_0",
        "k_min_W": "the same, only W trained",
        "c_V": "bound of the column norms",
        "order": "order form; C unspecified",
    },
    uses=("sharp.condition", "dip2.modulus", "dip2.sigma0", "dip2.output0"),
    requires=(),  # it says from which width on it holds
    proof_uses=("dip2.modulus", "dip2.sigma0", "dip2.output0"),
    proof="Solve for k: Lambda is proportional to 1/sqrt k.",
    obligations=(
        Obligation(
            "at k_min, h = 1/2",
            Lambda_both * rho_0 / (sF * s0**2) - sp.Rational(1, 2),
            where={k: _k_sharp},
        ),
        Obligation(
            "at k_min_W, h = 1/2, only W trained",
            Lambda_W * rho_0 / (sF * s0**2) - sp.Rational(1, 2),
            where={k: _k_sharp_W},
        ),
    ),
    mutants=MUTANTS["dip2.width_sharp"],
    constants=CONSTANTS["dip2.width_sharp"],
)

ITEMS: Final = (EXPECTATION, SIGMA0, OUTPUT0, OUTPUT_SUB_GAUSSIAN, WIDTH_BASELINE, WIDTH_SHARP)
