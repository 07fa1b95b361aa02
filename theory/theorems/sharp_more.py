"""Around the sharp theorem: comparison with the baseline, optimality, composed maps, restarts (`sharp.*`)."""

from __future__ import annotations

from typing import Final

import sympy as sp

from theory.mutants.sharp import CONSTANTS, MUTANTS
from theory.statement import Obligation, Statement
from theory.symbols import sym
from theory.theorems.assumptions import FLOW
from theory.theorems.sharp import LINEAR, MODULUS, ell_star, h_of, logistic

sF, s0, Lam, Lip, h = sym("sigma_F"), sym("sigma_0"), sym("Lambda"), sym("Lip"), sym("h")
rho, rho_0, r, t, z, c = sym("rho"), sym("rho_0"), sym("r"), sym("t"), sym("z"), sym("c")
J_norm, JF_norm, Lip_F, s_J, Omega = sym("J_norm"), sym("JF_norm"), sym("Lip_F"), sym("sigma_J"), sym("Omega")

_R_prime = 2 * rho_0 / (sF * s0)
_R = s0 / (2 * Lip)
_h_lip = h_of.subs(Lam, Lip)

IMPLIES_BASELINE = Statement(
    id="sharp.implies_baseline",
    kind="lemma",
    origin="sharp",
    title="The sharp theorem contains the baseline",
    text=FLOW + MODULUS + "Let Lip be a Lipschitz constant of J_g on the ball of radius R = sigma_0/(2 Lip) and R' = "
    "2 rho_0/(sigma_F sigma_0). With Lambda = Lip, R'/R = 4h. So R' < R is h < 1/4, and then 1 - 2h > 1/2: the sharp "
    "rate is more than twice the baseline's 1/4. Even h < 3/8, that is R' < 1.5 R, keeps ell_star < R, where Lip is "
    "valid.",
    hypotheses=("A.generator.lipschitz", "A.init"),
    condition=sp.Lt(_h_lip, sp.Rational(3, 8), evaluate=False),
    conclusion=sp.Lt(ell_star.subs(Lam, Lip), _R, evaluate=False),
    formulas={"ratio": 4 * h, "rate_gain": 4 * (1 - 2 * h)},
    reads={"ratio": "R'/R in terms of h", "rate_gain": "sharp rate over baseline rate"},
    uses=("sharp.condition", "baseline.condition"),
    requires=("sharp.condition",),  # the ratio of the radii compares the conditions, whether or not they hold
    unconditional=("ratio",),
    proof_uses=("sharp.length",),
    cites=("buskulic2024",),
    proof="R'/R = 4 Lip rho_0/(sigma_F sigma_0^2) = 4h, and ell_star = 2R(1 - sqrt(1 - 2h)) < R if and only if "
    "1 - 2h > 1/4. A Lipschitz constant is a centre modulus.",
    obligations=(
        Obligation("R'/R = 4h", _R_prime / _R - 4 * _h_lip),
        Obligation(
            "ell_star = 2R(1 - sqrt(1 - 2h))",
            ell_star.subs(Lam, Lip) - 2 * _R * (1 - sp.sqrt(1 - 2 * _h_lip)),
            where={rho_0: sF * s0**2 * (1 - c**2) / (2 * Lip)},
        ),
        Obligation("at h = 3/8 the path bound is exactly R", 2 * (1 - sp.sqrt(1 - 2 * sp.Rational(3, 8))) - 1),
        Obligation("at h = 1/4 the gain is 2", 4 * (1 - 2 * h).subs(h, sp.Rational(1, 4)) - 2),
        Obligation.inequality(
            "ell_star <= R' for every h < 1/2: 2(1 - c) <= 2(1 - c^2) where c = sqrt(1 - 2h) = 1/(1+z)",
            2 * (1 - 1 / (1 + z)),
            2 * (1 - 1 / (1 + z) ** 2),
            2 * z / (1 + z) ** 2,
        ),
    ),
    tight="The gain 2 is the infimum, at h = 1/4.",
    mutants=MUTANTS["sharp.implies_baseline"],
    constants=CONSTANTS["sharp.implies_baseline"],
)

_g = s0 * r - Lam * r**2 / 2
_rho_family = rho_0 - _g
_ell_family = 2 * (rho_0 - rho) / (s0 + sp.sqrt(s0**2 - 2 * Lam * (rho_0 - rho)))

OPTIMAL = Statement(
    id="sharp.optimal",
    kind="theorem",
    origin="sharp",
    title="The constant 1/2 and the logistic bound are optimal",
    text="Scalar family: n = m = p = 1, F the identity, g(r) = sigma_0 r - Lambda r^2/2 started at r = 0, y = rho_0, "
    "least squares, so sigma_F = 1 and h = Lambda rho_0/sigma_0^2. If h < 1/2 the gradient flow attains "
    "sharp.logistic and sharp.length with equality at all times. If h > 1/2 the flow tends to r = sigma_0/Lambda, "
    "with the positive residual rho_0 - sigma_0^2/(2 Lambda).",
    condition=sp.Lt(Lam * rho_0 / s0**2, sp.Rational(1, 2), evaluate=False),
    conclusion=sp.Eq(rho, logistic.subs({sF: 1, sym("w_min"): 1}), evaluate=False),
    formulas={
        "g": _g,
        "dg": sp.diff(_g, r),
        "length": _ell_family,
        "residual_limit": sp.Max(0, rho_0 - s0**2 / (2 * Lam)),
    },
    reads={
        "g": "the generator of the family, in r",
        "dg": "its derivative",
        "length": "the distance travelled when the residual is rho (h < 1/2)",
        "residual_limit": "the residual at which the flow stops (0 for h <= 1/2)",
    },
    uses=("sharp.condition", "sharp.logistic", "sharp.length"),
    requires=(),  # it speaks of both sides of the threshold
    unconditional=("g", "dg", "residual_limit"),
    proof_uses=(),
    cites=("haussler1986", "oymak2019"),
    proof="The residual rho = y - g(r) obeys rho' = -g'(r)^2 rho, and g'(r)^2 = sigma_0^2 - 2 Lambda g(r) = sigma_0^2 "
    "- 2 Lambda (rho_0 - rho): the equation that sharp.logistic solves. For h < 1/2, g' stays positive, so the "
    "length is r, with S(r) = g(r) = rho_0 - rho. For h > 1/2, max g = sigma_0^2/(2 Lambda) < rho_0, so r increases "
    "to the maximizer. (The quadratic is Kantorovich's.)",
    obligations=(
        Obligation(
            "g'^2 = sigma_0^2 - 2 Lambda (rho_0 - rho) along the family",
            sp.diff(_g, r) ** 2 - (s0**2 - 2 * Lam * (rho_0 - _rho_family)),
        ),
        Obligation(
            "with sigma_F = 1 the logistic bound solves rho' = -(sigma_0^2 - 2 Lambda (rho_0 - rho)) rho with equality",
            (lambda bound: sp.diff(bound, t) + (s0**2 - 2 * Lam * (rho_0 - bound)) * bound)(
                logistic.subs({sF: 1, sym("w_min"): 1})
            ),
        ),
        Obligation(
            "g(length) = rho_0 - rho",
            _g.subs(r, _ell_family) - (rho_0 - rho),
            where={rho: rho_0 - (s0**2 - c**2) / (2 * Lam)},
        ),
        Obligation(
            "the largest value of g is sigma_0^2/(2 Lambda), at sigma_0/Lambda",
            (_g.subs(r, s0 / Lam) - s0**2 / (2 * Lam)) ** 2 + sp.diff(_g, r).subs(r, s0 / Lam) ** 2,
        ),
    ),
    mutants=MUTANTS["sharp.optimal"],
)

_X = r * (J_norm + Omega)
_Omega_f = JF_norm * Omega + Lip_F * _X * (J_norm + Omega)

COMPOSED = Statement(
    id="sharp.composed",
    kind="theorem",
    origin="sharp",
    title="The composed map, for nonlinear operators",
    text=FLOW + "All statements sharp.* hold with f = F o g and its Jacobian J_f = J_F J_g (m rows) in place of J_g, "
    "sigma_J = sigma_min(J_f(0)) in place of sigma_0, and sigma_F = 1. If Omega is a centre modulus of J_g on the "
    "ball of radius r and Lip_F a Lipschitz constant of J_F on the signals reached from it, a centre modulus of J_f "
    "is Omega_f(r) = |J_F(x_0)| Omega + Lip_F X (|J_g(0)| + Omega) with X = r (|J_g(0)| + Omega). sigma_J > 0 "
    "requires J_f to have full row rank m.",
    hypotheses=("A.loss.smooth", "A.loss.min", "A.loss.unique", "A.loss.KL", "A.operator.smooth", "A.generator.smooth"),
    conclusion=sp.Le(sym("Jf_change"), _Omega_f, evaluate=False),
    direction="upper",
    formulas={"Omega_f": _Omega_f, "X": _X, "h": Lam * rho_0 / s_J**2},
    reads={
        "Omega_f": "centre modulus of J_f at the radius r, from that of J_g",
        "X": "bound of the distance of the signal from x(0)",
        "h": "the number that has to be below 1/2, Lambda being a slope of Omega_f",
    },
    uses=("sharp.condition",),
    unconditional=("Omega_f", "X"),
    proof_uses=("sharp.length",),
    proof="J_f(theta) - J_f(theta_0) = J_F(x_0)(J_g - J_g(0)) + (J_F(x) - J_F(x_0)) J_g, |J_g| <= |J_g(0)| + Omega on "
    "the ball, and |x - x_0| <= r sup|J_g|. The flow of f with F = id has J_f in the place of J_g, and |J_f^T v| >= "
    "sigma_min(J_f)|v| needs no range condition.",
    obligations=(
        Obligation(
            "for linear F (Lip_F = 0) only |A| Omega is left",
            _Omega_f.subs(Lip_F, 0) - JF_norm * Omega,
        ),
    ),
    mutants=MUTANTS["sharp.composed"],
)

RESTART = Statement(
    id="sharp.restart",
    kind="theorem",
    origin="sharp",
    title="A guarantee from any checkpoint",
    text=FLOW
    + MODULUS
    + "Every statement sharp.* holds with any theta_1 in place of theta_0. So at any checkpoint theta_1 of any "
    "training run (gradient descent, Adam, anything), h evaluated at theta_1 below 1/2 proves that the gradient flow "
    "from theta_1 reaches zero loss, stays within ell_star of theta_1, and does so at the stated rate. Of a bounded "
    "run with rho -> 0, liminf sigma_min(J_g) > 0 and sigma_F > 0, all but finitely many checkpoints are certified, "
    "if the slope Lambda is bounded on bounded sets. (sigma_min > 0 at every time is not enough: the family of "
    "sharp.optimal with y = sigma_0^2/(2 Lambda) has h = 1/2 at all times.)",
    hypotheses=LINEAR,
    condition=sp.Lt(h, sp.Rational(1, 2), evaluate=False),
    conclusion=sp.Le(sym("ell"), ell_star, evaluate=False),
    formulas={"h": h_of},
    reads={"h": "the number at the checkpoint: rho_0, sigma_0 and Lambda are its values there"},
    uses=("sharp.condition",),
    proof_uses=("sharp.length", "sharp.rate"),
    cites=("aich2025",),
    proof="The theorem does not ask how theta_0 was obtained. Along such a run h = Lambda rho/(sigma_F sigma_min^2) "
    "tends to 0.",
    obligations=(
        Obligation(
            "on the family with rho_0 = sigma_0^2/(2 Lambda), h computed at every point r is 1/2",
            Lam * (s0**2 / (2 * Lam) - _g) / sp.diff(_g, r) ** 2 - sp.Rational(1, 2),
        ),
    ),
    mutants=MUTANTS["sharp.restart"],
    constants=CONSTANTS["sharp.restart"],
)

ITEMS: Final = (IMPLIES_BASELINE, OPTIMAL, COMPOSED, RESTART)
