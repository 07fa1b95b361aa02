"""The two-layer network, deterministic part (`dip2.*`): Jacobian, reduced flow, how fast the Jacobian can change."""

from __future__ import annotations

from typing import Any, Final

import sympy as sp

from theory.mutants.two_layer import CONSTANTS, MUTANTS
from theory.statement import Obligation, Statement
from theory.symbols import sym
from theory.theorems.assumptions import FLOW, TWO_LAYER

B1, B2, c_V, k, n, r, D_V = sym("B1"), sym("B2"), sym("c_V"), sym("k"), sym("n"), sym("r"), sym("D_V")
s0, sF, rho_0, f_0, s_factor, x, z, c = (
    sym("sigma_0"), sym("sigma_F"), sym("rho_0"), sym("f_0"), sym("sigma_factor"), sym("x"), sym("z"), sym("c"),
)  # fmt: skip

_TEXT: Final = TWO_LAYER
SMOOTH: Final = ("A.network.two_layer", "A.activation")


def slope(column: sp.Expr) -> sp.Expr:
    """Λ for both layers when the columns of V have norm at most `column`: a 2 x 2 eigenvalue in closed form."""
    return (B2 * column + sp.sqrt(B2**2 * column**2 + 4 * B1**2)) / (2 * sp.sqrt(k))


Lambda_both: Final = slope(c_V)
Lambda_W: Final = B2 * c_V / sp.sqrt(k)
Lip_both: Final = slope(c_V + r)
R_both: Final = (
    s0 * sp.sqrt(k) / (B2 * c_V + sp.sqrt(B2**2 * c_V**2 + 2 * B2 * s0 * sp.sqrt(k) + 4 * B1**2))
)  # the root without cancellation
R_W: Final = s0 * sp.sqrt(k) / (2 * B2 * c_V)
Lip_coarse: Final = sp.Max(B1, B2) * (1 + 2 * (sp.sqrt(n) * D_V + r)) / sp.sqrt(k)

_X = B2 * c_V
_matrix = sp.Matrix([[B1**2, B1 * _X], [B1 * _X, B1**2 + _X**2]])
_lam = k * Lambda_both**2


def _small_network(part: str) -> Any:
    """What has to vanish for `dip2.gram` or `dip2.reduction`, for n = k = d = 2 and an undefined activation."""
    phi = sp.Function("phi", real=True)
    angle = sp.Dummy(real=True)
    u = sp.Matrix([(1 - angle**2) / (1 + angle**2), 2 * angle / (1 + angle**2)])  # every unit vector but one
    W, V = (sp.Matrix(2, 2, lambda i, j: sp.Dummy(real=True)) for _ in range(2))
    q = sp.Matrix([sp.Dummy(real=True), sp.Dummy(real=True)])
    a = W * u
    g = V * a.applyfunc(phi) / sp.sqrt(2)
    D = sp.diag(*(sp.diff(phi(x), x).subs(x, z).subs(z, a_i) for a_i in a))
    if part == "gram":
        J = g.jacobian([*W, *V]).doit()
        gap = J * J.T - (sum(phi(a_i) ** 2 for a_i in a) * sp.eye(2) + V * D**2 * V.T) / 2
    else:
        along = (q.T * g)[0]
        of_W = sp.Matrix(2, 2, [sp.diff(along, w) for w in W]).doit() - D * V.T * q * u.T / sp.sqrt(2)
        of_V = sp.Matrix(2, 2, [sp.diff(along, v) for v in V]).doit() - q * a.applyfunc(phi).T / sp.sqrt(2)
        gap = of_W.row_join(of_V)
    return sum(sp.simplify(entry.doit()) ** 2 for entry in gap)


GRAM = Statement(
    id="dip2.gram",
    kind="lemma",
    origin="explicit",
    title="Singular values of the Jacobian from an n x k factor",
    text=_TEXT
    + "With respect to (V, W) or W, J_g J_g^T = (both: f^2 I_n) + (V D_a)(V D_a)^T/k. So the n singular values of the "
    "Jacobian are sqrt(f^2 + sigma_i^2) (both) or sigma_i (W only), sigma_i those of V D_a/sqrt(k), with zeros if k "
    "< n.",
    hypotheses=("A.network.two_layer",),
    conclusion=sp.Eq(sym("sigma_g"), sp.sqrt(sym("f_a") ** 2 + s_factor**2), evaluate=False),
    formulas={"sigma_both": sp.sqrt(f_0**2 + s_factor**2), "sigma_W": s_factor},
    reads={
        "sigma_both": "singular value of J_g, both layers trained, from the hidden norm and that of the factor",
        "sigma_W": "singular value of J_g, only W trained",
    },
    cites=("buskulic2024",),
    proof="The block of V is (phi(a)^T/sqrt k) tensor I_n, whose Gram matrix is f^2 I_n; that of W is V D_a tensor "
    "u^T/sqrt k, with Gram matrix V D_a^2 V^T |u|^2/k and |u| = 1.",
    obligations=(
        Obligation(
            "J_g J_g^T = f^2 I + V D^2 V^T/k, written out for n = k = d = 2, any phi", lambda: _small_network("gram")
        ),
    ),
    mutants=MUTANTS["dip2.gram"],
)

REDUCTION = Statement(
    id="dip2.reduction",
    kind="lemma",
    origin="explicit",
    title="The flow is one of the pre-activations",
    text=FLOW
    + _TEXT
    + "Along the flow W moves only along u: W(t) = W(0) + (a(t) - a(0)) u^T. With q = J_F^T grad L_y(y(t)): a' = -D_a "
    "V^T q/sqrt(k) and, if V is trained, V' = -q phi(a)^T/sqrt(k). Distances in (W, V) equal distances in (a, V), so "
    "the dimension d of the input enters nowhere.",
    hypotheses=("A.network.two_layer", "A.loss.smooth", "A.operator.smooth"),
    conclusion=sp.Eq(sym("theta_dist"), sp.sqrt(sym("a_dist") ** 2 + sym("V_dist") ** 2), evaluate=False),
    proof_uses=("step.chain_rule",),
    cites=("buskulic2024",),
    proof="grad_W = (D_a V^T q/sqrt k) u^T and |u| = 1: apply W' to u. W(t) - W(0) = (a(t) - a(0)) u^T has Frobenius "
    "norm |a(t) - a(0)|.",
    obligations=(
        Obligation(
            "the gradient of <q, g> is (D V^T q u^T, q phi(a)^T)/sqrt k, written out for n = k = d = 2, any phi",
            lambda: _small_network("gradient"),
        ),
    ),
    mutants=MUTANTS["dip2.reduction"],
)

MODULUS = Statement(
    id="dip2.modulus",
    kind="lemma",
    origin="sharp",
    title="Centre modulus of the Jacobian",
    text=_TEXT + "Let c_V be the largest norm of a column of V(0), |phi'| <= B1 and phi' Lipschitz with constant B2. "
    "For every theta: |J_g(theta) - J_g(theta_0)| <= Lambda |theta - theta_0|, with Lambda = (B2 c_V + sqrt(B2^2 "
    "c_V^2 + 4 B1^2))/(2 sqrt k) if both layers are trained, Lambda = B2 c_V/sqrt k if only W. The slope does not "
    "grow with the radius.",
    hypotheses=SMOOTH,
    conclusion=sp.Le(sym("J_change"), Lambda_both * sym("theta_dist"), evaluate=False),
    direction="upper",
    formulas={"Lambda_both": Lambda_both, "Lambda_W": Lambda_W},
    reads={"Lambda_both": "slope of the modulus, both layers trained", "Lambda_W": "slope, only W trained"},
    proof="Put alpha = |a - a_0|, beta = |V - V_0|_F. The block of V changes by at most B1 alpha/sqrt k. In V D - V_0 "
    "D_0 = (V - V_0) D + V_0 (D - D_0) the first term has norm at most B1 beta, the second at most its Frobenius "
    "norm, B2 c_V alpha. So the change is at most sqrt(B1^2 alpha^2 + (B1 beta + B2 c_V alpha)^2)/sqrt k, a "
    "quadratic form in (beta, alpha) with matrix [[B1^2, B1 X], [B1 X, B1^2 + X^2]], X = B2 c_V; Lambda^2 k is its "
    "largest eigenvalue. For W alone beta = 0 and the block of V is absent.",
    obligations=(
        Obligation(
            "k Lambda^2 is an eigenvalue of the matrix",
            _lam**2 - _matrix.trace() * _lam + _matrix.det(),
        ),
        Obligation.inequality(
            "it is the larger one: at least half of the trace",
            _matrix.trace() / 2,
            _lam,
            _X * sp.sqrt(_X**2 + 4 * B1**2) / 2,
        ),
        Obligation(
            "the quadratic form is that of the matrix",
            (lambda al, be: B1**2 * al**2 + (B1 * be + _X * al) ** 2
             - (sp.Matrix([[be, al]]) * _matrix * sp.Matrix([be, al]))[0])(x, z),
        ),
    ),
    tight="Measured: near r = 0 the change reaches 0.85 to 0.99 of the bound; at r about 40 the bound is 2.5 to 6 "
    "times too large (W only).",
    mutants=MUTANTS["dip2.modulus"],
    constants=CONSTANTS["dip2.modulus"],
)  # fmt: skip

LIPSCHITZ = Statement(
    id="dip2.lipschitz",
    kind="lemma",
    origin="explicit",
    title="Lipschitz constant of the Jacobian on a ball, and the baseline radius",
    text=_TEXT + "On the ball of radius r around theta_0 the Jacobian J_g has the Lipschitz constant Lip(r) = (B2 "
    "(c_V + r) + sqrt(B2^2 (c_V + r)^2 + 4 B1^2))/(2 sqrt k) (both) or B2 c_V/sqrt k (W only), c_V the largest norm "
    "of a column of V(0). The largest R with R Lip(R) <= sigma_0/2 is R = sigma_0 sqrt k/(B2 c_V + sqrt(B2^2 c_V^2 + "
    "2 B2 sigma_0 sqrt k + 4 B1^2)) (both) or sigma_0 sqrt k/(2 B2 c_V) (W only). If the entries of V(0) are at most "
    "D_V, Lip(r) is at most max(B1, B2)(1 + 2(sqrt n D_V + r))/sqrt k, the coarse form of the published scaling.",
    hypotheses=SMOOTH,
    conclusion=sp.Le(sym("J_pair"), Lip_both * sym("pair_dist"), evaluate=False),
    direction="upper",
    directions={"R_both": "lower", "R_W": "lower"},
    formulas={"Lip_both": Lip_both, "Lip_W": Lambda_W, "R_both": R_both, "R_W": R_W, "Lip_coarse": Lip_coarse},
    reads={
        "Lip_both": "Lipschitz constant on the ball of radius r, both layers trained",
        "Lip_W": "Lipschitz constant everywhere, only W trained",
        "R_both": "largest R with R Lip(R) <= sigma_0/2, both layers trained (a lower bound is needed)",
        "R_W": "the same, only W trained",
        "Lip_coarse": "the coarse form",
    },
    proof_uses=("dip2.modulus",),
    cites=("buskulic2024",),
    proof="As dip2.modulus, between two points of the ball: V_1 D_1 - V_2 D_2 = (V_1 - V_2) D_1 + V_2 (D_1 - D_2), "
    "and the columns of V_2 have norm at most c_V + r. sqrt(k) Lip(R) = x solves x^2 - B2 (c_V + R) x - B1^2 = 0; "
    "with x = sigma_0 sqrt(k)/(2R) this is quadratic in R. sqrt(X^2 + 4 B1^2) <= X + 2 B1 and c_V <= sqrt n D_V give "
    "the coarse form (with 1 + sqrt n D_V + r even).",
    obligations=(
        Obligation(
            "x = sigma_0 sqrt(k)/(2R) solves x^2 - B2 (c_V + R) x - B1^2 = 0 at R = R_both",
            (s0 * sp.sqrt(k) / (2 * R_both)) ** 2 - B2 * (c_V + R_both) * (s0 * sp.sqrt(k) / (2 * R_both)) - B1**2,
        ),
        Obligation(
            "so does sqrt(k) Lip(R) at any R (the positive root)",
            (sp.sqrt(k) * Lip_both) ** 2 - B2 * (c_V + r) * (sp.sqrt(k) * Lip_both) - B1**2,
        ),
        Obligation("W only: R Lip = sigma_0/2", R_W * Lambda_W - s0 / 2),
        Obligation("at r = 0 the Lipschitz constant is the centre slope", Lip_both.subs(r, 0) - Lambda_both),
        Obligation.inequality(
            "sqrt(X^2 + 4 B1^2) <= X + 2 B1, squared",
            z**2 + 4 * B1**2,
            (z + 2 * B1) ** 2,
            4 * z * B1,
        ),
        Obligation.inequality(
            "B1 + B2 Y <= B (1 + 2Y) when B = B1 + c = B2 + r is at least both",
            (sym("s") - c_V) + (sym("s") - r) * z,
            sym("s") * (1 + 2 * z),
            c_V + r * z + sym("s") * z,
        ),
    ),
    mutants=MUTANTS["dip2.lipschitz"],
    constants=CONSTANTS["dip2.lipschitz"],
)

_Jf, _Lf, _rho = sym("Jf_norm"), sym("Lambda_f"), sym("rho")
_length = 2 * (rho_0 - _rho) / (_Jf + sp.sqrt(_Jf**2 + 2 * _Lf * (rho_0 - _rho)))

TWO_SIDED = Statement(
    id="dip2.two_sided",
    kind="theorem",
    origin="sharp",
    title="How fast and how far at least",
    text=FLOW
    + "Linear operator A, plain least squares. Let Jf = |A J_g(0)| and Lf = |A| times a slope of the centre modulus "
    "of J_g. Then ell(t) >= 2 (rho_0 - rho)/(Jf + sqrt(Jf^2 + 2 Lf (rho_0 - rho))), and rho(t) >= rho_0 exp(-(Jf + "
    "Lf ell_star)^2 t) as long as ell(t) <= ell_star.",
    hypotheses=("A.operator.linear", "A.loss.plain_least_squares", "A.generator.linear_modulus"),
    conclusion=sp.Ge(sym("ell"), _length, evaluate=False),
    direction="lower",
    formulas={"length": _length, "rho": rho_0 * sp.exp(-((_Jf + _Lf * sym("ell_star")) ** 2) * sym("t"))},
    reads={"length": "lower bound of the length up to now, from the current rho", "rho": "lower bound of the residual"},
    proof_uses=("step.energy", "step.chain_rule", "trusted.weyl"),
    proof="|theta'| = |(A J_g)^T (y(t) - y)| <= (Jf + Lf ell) rho, and -rho' = |theta'|^2/rho. So -rho' <= (Jf + Lf "
    "ell) ell', which integrates to rho_0 - rho <= Jf ell + Lf ell^2/2, and -rho' <= (Jf + Lf ell)^2 rho.",
    obligations=(
        Obligation(
            "at the bound, Jf ell + Lf ell^2/2 = rho_0 - rho",
            _Jf * _length + _Lf * _length**2 / 2 - (rho_0 - _rho),
            where={_rho: rho_0 - (c**2 - _Jf**2) / (2 * _Lf)},
        ),
    ),
    tight="The length is attained by n = m = p = 1, A = 1, g(r) = Jf r + Lf r^2/2.",
    mutants=MUTANTS["dip2.two_sided"],
    constants=CONSTANTS["dip2.two_sided"],
)

RANGE = Statement(
    id="dip2.range_restriction",
    kind="theorem",
    origin="sharp",
    title="Linear operators see only the image of their transpose",
    text=FLOW
    + "Let F = A be linear and U an orthonormal basis of the image of A^T (q columns, q = rank A). Then every "
    "statement on convergence holds with U^T J_g in place of J_g (q rows), U^T v_i in place of the columns v_i of V, "
    "U^T x in place of signals; sigma_F is unchanged, and A.init is needed for q rows only (only W trained: width k "
    ">= q instead of k >= n).",
    hypotheses=("A.operator.linear",),
    uses=("sharp.condition", "baseline.condition"),
    proof="A = (A U) U^T: the objective is that of the operator A U and the generator U^T g, with Jacobian U^T J_g = "
    "that of U^T V phi(a)/sqrt k for the two-layer network. A U is injective and its singular values are the nonzero "
    "ones of A.",
)

ANTISYMMETRIC = Statement(
    id="dip2.antisymmetric",
    kind="lemma",
    origin="known",
    title="Antisymmetric initialization",
    text=_TEXT
    + "If k is even, V(0) = [V', -V'] and a(0) = [a', a'], then x(0) = 0 exactly, so rho_0 = psi(L_y(F(0))), and J_g "
    "J_g^T is that of the network (V', a') of width k/2.",
    hypotheses=("A.network.two_layer",),
    conclusion=sp.Eq(sym("x0_norm"), 0, evaluate=False),
    formulas={"x0_norm": sp.Integer(0)},
    reads={"x0_norm": "norm of x(0)"},
    uses=("dip2.gram",),
    proof_uses=("dip2.gram",),
    cites=("chizat2019",),
    proof="V(0) phi(a(0)) = V' phi(a') - V' phi(a') = 0. In dip2.gram both terms are sums over neurons, in which "
    "every neuron of the half network occurs twice with the factor 1/k = (1/2)(1/(k/2)).",
    obligations=(Obligation("two copies over k are one copy over k/2", 2 / k - 1 / (k / 2)),),
)

_s = sym("scale")

OUTPUT_SCALE = Statement(
    id="dip2.output_scale",
    kind="theorem",
    origin="known",
    title="Output scale",
    text=FLOW
    + _TEXT
    + "Let the signal be x = scale * g(theta), scale > 0. The flow is that of g with the operator F(scale * .), whose "
    "sigma_F is scale times as large. With x(0) = 0 (dip2.antisymmetric) rho_0 does not depend on the scale, so "
    "every a-priori condition holds once the scale is large enough; the formulas give the smallest one for each "
    "(strict inequality needed). Signals and their errors in the statements are divided by the scale.",
    hypotheses=("A.network.two_layer",),
    when=sp.Gt(_s, 2 * sym("Lambda") * rho_0 / (sF * s0**2), evaluate=False),
    conclusion=sp.Lt(sym("Lambda") * rho_0 / (_s * sF * s0**2), sp.Rational(1, 2), evaluate=False),
    direction="upper",
    directions={"sigma_F_scaled": "exact", "E_0_scaled": "exact"},
    formulas={
        "sigma_F_scaled": _s * sF,
        "scale_sharp": 2 * sym("Lambda") * rho_0 / (sF * s0**2),
        "scale_amgm": rho_0 * B1 / (sF * sp.sqrt(k) * f_0**2),
        "scale_baseline": 2 * rho_0 / (sF * s0 * sym("R")),
        "E_0_scaled": sym("E_0") / _s**2,
    },
    reads={
        "sigma_F_scaled": "sigma_F of the scaled problem",
        "scale_sharp": "sharp.condition holds for every larger scale (sigma_F that of F)",
        "scale_amgm": "the linear condition of dip2.amgm holds for every larger scale",
        "scale_baseline": "baseline.condition holds for every larger scale (R does not depend on it)",
        "E_0_scaled": "initial kernel energy (illposed.*) when x(0) - xbar is divided by the scale",
    },
    uses=("dip2.antisymmetric", "sharp.condition", "dip2.amgm", "baseline.condition"),
    requires=(),  # it says from which scale on they hold
    cites=("chizat2019",),
    proof="The Jacobian of F(scale * .) is scale * J_F. Each condition is a bound of rho_0/sigma_F in quantities of g "
    "alone. The price: the larger the scale, the more the network acts as plain gradient flow on the signal "
    "(recover.no_prior).",
    obligations=(
        Obligation(
            "at scale_sharp, h = 1/2",
            sym("Lambda") * rho_0 / (_s * sF * s0**2) - sp.Rational(1, 2),
            where={_s: 2 * sym("Lambda") * rho_0 / (sF * s0**2)},
        ),
        Obligation(
            "at scale_amgm, rho_0 equals the capacity sigma_F sqrt(k) f_0^2/B1",
            _s * sF * sp.sqrt(k) * f_0**2 / B1 - rho_0,
            where={_s: rho_0 * B1 / (sF * sp.sqrt(k) * f_0**2)},
        ),
        Obligation(
            "at scale_baseline, R' = R",
            2 * rho_0 / (_s * sF * s0) - sym("R"),
            where={_s: 2 * rho_0 / (sF * s0 * sym("R"))},
        ),
    ),
    mutants=MUTANTS["dip2.output_scale"],
    constants=CONSTANTS["dip2.output_scale"],
)

ITEMS: Final = (GRAM, REDUCTION, MODULUS, LIPSCHITZ, TWO_SIDED, RANGE, ANTISYMMETRIC, OUTPUT_SCALE)
