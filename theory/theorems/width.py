"""How wide is wide enough, beyond the published order (`dip2.order_statistics`, `dip2.width_amgm`, `wonly.width`)."""

from __future__ import annotations

from typing import Final

import sympy as sp

from theory.mutants.two_layer_random import CONSTANTS, MUTANTS
from theory.statement import Obligation, Statement
from theory.symbols import sym
from theory.theorems.amgm import HYPOTHESES as AMGM_HYPOTHESES
from theory.theorems.assumptions import FLOW
from theory.theorems.two_layer_random import RANDOM
from theory.theorems.wonly import HYPOTHESES as MIRROR_HYPOTHESES
from theory.theorems.wonly import MIRROR_TEXT

k, T, i, eps_k, rank, delta = sym("k"), sym("T_log"), sym("i"), sym("eps_k"), sym("rank"), sym("delta")
B1, sF, rho_0, f_lo, C, gap = sym("B1"), sym("sigma_F"), sym("rho_0"), sym("f_lo"), sym("C"), sym("gap")
c_1, phi_sup, x_plus, z, x = sym("c_1"), sym("phi_sup"), sym("x_plus"), sym("z"), sym("x")


def _quantile(p: sp.Expr) -> sp.Expr:
    """The p-quantile of |zeta|, zeta standard Gaussian."""
    return sp.sqrt(2) * sp.erfinv(p)


ORDER_STATISTICS = Statement(
    id="dip2.order_statistics",
    kind="lemma",
    origin="explicit",
    title="All hidden pre-activations at once",
    text="Let a be a standard Gaussian vector of R^k, |a|_(1) <= ... <= |a|_(k) its moduli in order, q(p) = sqrt 2 "
    "erfinv(p) the quantile function of |zeta|, zeta standard Gaussian (q(0) = 0, q(1) = infinity), T >= ln 2 and "
    "eps_k = sqrt(T/(2k)). With probability at least 1 - exp(-T): |a|_(i) >= q(max(0, i/k - eps_k)) for all i at "
    "once. With probability at least 1 - exp(-T): |a|_(i) <= q(min(1, (i-1)/k + eps_k)) for all i at once. So what is "
    "a symmetric function of the |a_i|, monotone in each, is bounded by its value at these k numbers: for an even "
    "|phi| that is "
    "nondecreasing in |x| the hidden norm f = |phi(a)|/sqrt k, and for an odd star-shaped phi the capacity of the dual "
    "choice of dip2.amgm.",
    hypotheses=("A.network.random",),
    direction="lower",
    directions={"eps_k": "exact", "upper": "upper", "failure": "upper"},
    formulas={
        "eps_k": sp.sqrt(T / (2 * k)),
        "lower": _quantile(sp.Max(0, i / k - eps_k)),
        "upper": _quantile((i - 1) / k + eps_k),
        "failure": sp.exp(-T),
    },
    reads={
        "eps_k": "deviation of the empirical distribution function, on one side",
        "lower": "lower bound of the i-th smallest |a_j|",
        "upper": "upper bound of the i-th smallest |a_j| (none where (i-1)/k + eps_k >= 1)",
        "failure": "probability that one of the two sides fails",
    },
    proof_uses=("trusted.dkw",),
    cites=("massart1990",),
    proof="Let F be the distribution function of |zeta| and F_k the empirical one of the |a_j|. With probability at "
    "least 1 - exp(-2 k eps_k^2) = 1 - exp(-T), F_k <= F + eps_k everywhere; at the i-th smallest modulus F_k >= i/k, "
    "so F there is at least i/k - eps_k. Just below it F_k <= (i-1)/k, and on the other event F <= F_k + eps_k. The "
    "dual choice of F(r) in dip2.amgm is increasing in phi(a_i)^2 and decreasing in tau_i, and for star-shaped phi "
    "both move the right way with |a_i|.",
    obligations=(
        Obligation("2 k eps_k^2 = T", 2 * k * sp.sqrt(T / (2 * k)) ** 2 - T),
        Obligation("P(|zeta| <= q(p)) = erf(q(p)/sqrt 2) = p", lambda: sp.erf(_quantile(z) / sp.sqrt(2)) - z),
        Obligation(
            "one term of the dual choice, P lambda/(tau + lambda) with P = phi^2: it grows when P grows by z and tau "
            "falls from tau + x^2 to tau (c is lambda, f_lo is P, gap^2 is tau)",
            sp.together((f_lo + z) * sym("c") / (gap**2 + sym("c")) - f_lo * sym("c") / (gap**2 + x**2 + sym("c")))
            - (
                z * sym("c") * (gap**2 + x**2 + sym("c")) + f_lo * sym("c") * x**2
            ) / ((gap**2 + sym("c")) * (gap**2 + x**2 + sym("c"))),
            nonnegative=(z * sym("c") * (gap**2 + x**2 + sym("c")) + f_lo * sym("c") * x**2,),
        ),
    ),
    tight="the constant 2 in the exponent cannot be improved (Massart)",
)  # fmt: skip

_k_amgm = (B1 * rho_0 / (sF * f_lo**2)) ** 2

WIDTH_AMGM = Statement(
    id="dip2.width_amgm",
    kind="theorem",
    origin="new",
    title="Width from the hidden activations alone",
    text=FLOW
    + RANDOM
    + "Both layers are trained. Let f_lo be a lower bound of the initial hidden norm f and rho_0 an upper bound of "
    "psi(L_y(y(0))). The condition of dip2.amgm in its linear choice, rho_0 < sigma_F sqrt k f^2/B1, holds for k > (B1 "
    "rho_0/(sigma_F f_lo^2))^2. Neither n nor a singular value of V enters: k = O(rho_0^2/sigma_F^2). On the events of "
    "dip2.sigma0 for f_lo (one of probability delta/4) and dip2.output_sub_gaussian for rho_0 (T = ln(4/delta), three "
    "of delta/4) this fails with probability at most delta. For star-shaped phi, f_lo and the capacity of the dual "
    "choice are those of the lower bounds in dip2.order_statistics with T = ln(4/delta), the upper ones give f_hi, "
    "and the two events of dip2.output_sub_gaussian that are left have probability delta/4 each. (That lemma asks for "
    "linear A, sub-Gaussian entries and y independent of V and W; bounded entries are not needed. For Lipschitz F with "
    "bounded entries dip2.output0 gives rho_0: three events of delta/3. If x(0) = 0 by dip2.antisymmetric, or rho_0 is "
    "known, the event of f_lo alone has probability delta.)",
    hypotheses=(*AMGM_HYPOTHESES, "A.network.random"),
    condition=sp.Gt(k, _k_amgm, evaluate=False),
    requires=(),
    unconditional=("k_min", "order", "T"),
    conclusion=sp.Lt(rho_0, sF * sp.sqrt(k) * f_lo**2 / B1, evaluate=False),
    direction="upper",
    directions={"T": "exact", "order": "exact"},
    formulas={"k_min": _k_amgm, "order": C * rho_0**2 / sF**2, "T": sp.log(4 / delta)},
    reads={
        "k_min": "every larger k satisfies the condition of dip2.amgm, given lower bounds of f and sigma_F and an upper "
        "one of rho_0",
        "order": "order form; C unspecified",
        "T": "T for four events of probability delta/4",
    },
    uses=("dip2.amgm", "dip2.sigma0", "dip2.output_sub_gaussian", "dip2.order_statistics"),
    proof_uses=("dip2.amgm", "dip2.sigma0", "dip2.output_sub_gaussian", "dip2.order_statistics"),
    proof="Solve the condition for k. The dual capacity is nondecreasing in every |a_i| (dip2.order_statistics), so it "
    "is at least its value at the lower bounds of the order statistics.",
    obligations=(
        Obligation(
            "at k_min, rho_0 is the capacity sigma_F sqrt k f_lo^2/B1",
            sF * sp.sqrt(k) * f_lo**2 / B1 - rho_0,
            where={k: _k_amgm},
        ),
        Obligation("four events of probability exp(-T)", 4 * sp.exp(-sp.log(4 / delta)) - delta),
    ),
    mutants=MUTANTS["dip2.width_amgm"],
    constants=CONSTANTS["dip2.width_amgm"],
)

_p_gap = sp.erfc(sp.asinh(sp.sqrt(rank + gap)) / sp.sqrt(2))
_largest_p = 1 - delta ** (1 / k)
_gap_at = sp.sinh(sp.sqrt(2) * sp.erfcinv(sym("prob"))) ** 2 - rank

BALANCED_RATE = Statement(
    id="dip2.balanced_rate",
    kind="lemma",
    origin="new",
    title="How large a gap to expect, and the rate that follows",
    text=FLOW
    + RANDOM
    + "Both layers are trained, phi = tanh, A linear of rank q (rank = n for any F), the columns of V centred with identity "
    "covariance. For g >= 0 one neuron has gap > g "
    "(dip2.balanced) with probability at least p(g) = P(|zeta| > arcsinh sqrt(q + g)), so some neuron of k has it with "
    "probability at least 1 - (1 - p(g))^k. This is 1 - delta for g = sinh(erfcinv(1 - delta^{1/k}) sqrt 2)^2 - q; if "
    "that is positive, s_star^2 >= g/(k (1 + g)).",
    hypotheses=("A.network.two_layer", "A.network.both", "A.network.random"),
    requires=(),
    conclusion=sp.Ge(sym("s_star") ** 2, gap / (k * (1 + gap)), evaluate=False),
    direction="lower",
    directions={"prob": "exact"},
    formulas={"probability": _p_gap, "prob": _largest_p, "gap": _gap_at, "s_star_squared": gap / (k * (1 + gap))},
    reads={
        "probability": "lower bound of the probability that one neuron has a larger gap",
        "prob": "the p with (1 - p)^k = delta",
        "gap": "gap that some neuron exceeds with probability 1 - (1 - prob)^k (if positive)",
        "s_star_squared": "lower bound of the squared hidden norm for all time, from one gap",
    },
    uses=("dip2.balanced",),
    proof_uses=("dip2.balanced", "trusted.jensen"),
    proof="As in dip2.balanced with |U^T v_i|^2 + g in place of |U^T v_i|^2: Q(s + g) is convex in s too.",
    obligations=(
        Obligation(
            "the gap solves arcsinh sqrt(q + g) = c for q + g = sinh(c)^2",
            sp.sinh(sp.asinh(sp.sqrt(rank + gap))) ** 2 - rank - gap,
        ),
        Obligation("P(|zeta| > c) = erfc(c/sqrt 2) is p at c = sqrt 2 erfcinv(p)", sp.erfc(sp.erfcinv(z)) - z),
        Obligation("(1 - (1 - delta^{1/k}))^k = delta", (1 - _largest_p) ** k - delta),
        Obligation("g = 0 is the width of dip2.balanced", _p_gap.subs(gap, 0) - sp.erfc(sp.asinh(sp.sqrt(rank)) / sp.sqrt(2))),
    ),
    mutants=MUTANTS["dip2.balanced_rate"],
)  # fmt: skip

_z0 = 2 * sp.sqrt(rank / k)
_Z = _z0 + sp.sqrt(2 * T * (1 - c_1**2 + 2 * _z0) / k) + T / (3 * k)
_capacity = phi_sup * sp.sqrt(k) * (c_1 - _Z)
# A closed form that suffices: Z <= 2 z0 + sqrt(2T (1 - c_1^2)/k) + 4T/(3k).
_b = (4 * sp.sqrt(rank) + sp.sqrt(2 * T * (1 - c_1**2)) + x_plus / phi_sup) / c_1
_root = (_b + sp.sqrt(_b**2 + 16 * T / (3 * c_1))) / 2

WIDTH_W = Statement(
    id="wonly.width",
    kind="theorem",
    origin="new",
    title="Width for the first layer alone, free of the condition number",
    text=MIRROR_TEXT
    + "Let moreover phi(I_i) = (-phi_sup, phi_sup) for almost every start (tanh, erf, sine: phi_sup = 1), y in the image "
    "of A (for plain least squares: else its projection takes its place, and the loss of the projected problem vanishes), "
    "x_plus = |A^+ y| the norm of the least-norm preimage, q = rank A, "
    "and V random with independent, identically distributed, centred columns of identity covariance and E|<v, p>| >= "
    "c_1 for every unit vector p (centred, "
    "symmetric, independent entries: c_1 = E|v_ij|/sqrt 2 by Khinchine; Rademacher 1/sqrt 2; Gaussian sqrt(2/pi)). Put "
    "z0 = 2 sqrt(q/k) and Z = z0 + sqrt(2T (1 - c_1^2 + 2 z0)/k) + T/(3k). With probability at least 1 - exp(-T), if "
    "x_plus < phi_sup sqrt k (c_1 - Z), the flow reaches zero loss (in the limit). So k = O(rank A + |A^+ y|^2) "
    "suffices, with no condition number: sqrt k > (b + sqrt(b^2 + 16T/(3 c_1)))/2 will do, b = (4 sqrt q + sqrt(2T (1 - "
    "c_1^2)) + x_plus/phi_sup)/c_1. If V = [V', -V'], the events are those of k/2 columns: Z at k/2, sqrt k at k.",
    hypotheses=(*MIRROR_HYPOTHESES, "A.network.symmetric"),
    condition=sp.Lt(x_plus, _capacity, evaluate=False),
    unconditional=("capacity", "deviation", "capacity_paired", "k_sufficient", "order", "T"),
    direction="lower",
    directions={"deviation": "upper", "k_sufficient": "upper", "order": "exact", "T": "exact"},
    formulas={
        "capacity": _capacity,
        "deviation": _Z,
        "capacity_paired": phi_sup * sp.sqrt(k) * (c_1 - _Z.subs(k, k / 2)),
        "k_sufficient": _root**2,
        "order": C * (rank + x_plus**2),
        "T": sp.log(1 / delta),
    },
    reads={
        "capacity": "|A^+ y| has to be below it",
        "deviation": "Z: uniform deviation of the mean of |<v_i, p>| below its expectation",
        "capacity_paired": "the same for V = [V', -V']",
        "k_sufficient": "a width in closed form; every larger k satisfies the condition",
        "order": "order form; C unspecified",
        "T": "T for failure probability delta",
    },
    uses=("wonly.threshold",),
    proof_uses=(
        "wonly.threshold", "trusted.khinchine", "trusted.bousquet", "trusted.symmetrization", "trusted.contraction",
    ),
    cites=("szarek1976", "bousquet2002", "ledoux1991"),
    proof="By wonly.threshold the loss tends to 0 if y is in the closure of B times the box, a symmetric convex body "
    "whose support function at p is phi_sup/sqrt k times the sum of |<v_i, A^T p>|. With y = A A^+ y, <y, p> = <A^+ y, "
    "A^T p> <= x_plus |A^T p|, so it is enough that N(p) = (1/k) sum_i |<v_i, p>| >= x_plus/(phi_sup sqrt k) for all "
    "unit p in the image of A^T. N(p) has mean at least c_1. Let D be the supremum over these p of E N(p) - N(p). "
    "Symmetrization and contraction (|.| is 1-Lipschitz and vanishes at 0) give E D <= 2 E|(1/k) sum_i e_i U^T v_i| <= 2 "
    "sqrt(q/k) = z0. The summands E|<v, p>| - |<v_i, p>| are at most 1 (E|<v, p>| <= 1), centred, with variance at most "
    "1 - c_1^2: Bousquet's inequality gives D <= Z with probability 1 - exp(-T). Khinchine: given the moduli, E|sum_j "
    "e_j p_j |v_j|| >= (sum p_j^2 v_j^2)^{1/2}/sqrt 2, whose mean is at least (sum p_j^2 (E|v_j|)^2)^{1/2}/sqrt 2.",
    obligations=(
        Obligation.inequality(
            "Z in closed form: 2 sqrt(uv) <= u + v splits the root (sqrt(4T z0/k) <= z0 + T/k)",
            2 * sp.sqrt(z) * x,
            z + x**2,
            (sp.sqrt(z) - x) ** 2,
        ),
        Obligation(
            "so the condition follows from c_1 k - b c_1 sqrt k - 4T/3 > 0, whose root is the closed form",
            c_1 * _root**2 - _b * c_1 * _root - 4 * T / 3,
        ),
        Obligation("T/k + T/(3k) = 4T/(3k)", T / k + T / (3 * k) - 4 * T / (3 * k)),
        Obligation("exp(-ln(1/delta)) = delta", sp.exp(-sp.log(1 / delta)) - delta),
        Obligation("doubling every column doubles the support function over sqrt k: 2 (k/2)/sqrt k = sqrt k",
                   2 * (k / 2) / sp.sqrt(k) - sp.sqrt(k)),
    ),
    tight="the order cannot be improved: k >= rank A is necessary for almost every y, and x_plus <= phi_sup sqrt k N(p) is, "
    "p the direction of A^+ y, where N(p) concentrates at E|<v, p>| <= 1; the constants are not sharp (wonly.threshold "
    "decides an instance exactly)",
    mutants=MUTANTS["wonly.width"],
)  # fmt: skip

ITEMS: Final = (ORDER_STATISTICS, WIDTH_AMGM, BALANCED_RATE, WIDTH_W)
