"""First layer only: how little sigma_min can fall when a few neurons cannot carry it (`dip2.saturated_modulus`)."""

from __future__ import annotations

from typing import Final

import sympy as sp

from theory.mutants.two_layer import CONSTANTS, MUTANTS
from theory.statement import Obligation, Statement
from theory.symbols import sym
from theory.theorems.assumptions import TWO_LAYER
from theory.theorems.two_layer import SMOOTH, Lambda_W

B2, c_V, k, r, M4, J_norm = sym("B2"), sym("c_V"), sym("k"), sym("r"), sym("M4"), sym("J_norm")
s0, z, c, x = sym("sigma_0"), sym("z"), sym("c"), sym("x")

_second = sp.sqrt(B2 * r) * M4 ** sp.Rational(1, 4) / sp.sqrt(k)
_Omega_s = sp.Min(Lambda_W * r, _second)
_M4_upper = c_V**2 * k * J_norm**2
_crossing = sp.sqrt(M4) / (B2 * c_V**2)
_slope = sp.sqrt(B2) * M4 ** sp.Rational(1, 4) / sp.sqrt(k)
_end = s0**2 / _slope**2
_S_total = (
    s0 * _end
    - Lambda_W * _crossing**2 / 2
    - sp.Rational(2, 3) * _slope * (_end ** sp.Rational(3, 2) - _crossing ** sp.Rational(3, 2))
)

SATURATED = Statement(
    id="dip2.saturated_modulus",
    kind="lemma",
    origin="new",
    title="One-sided modulus of the smallest singular value, W only",
    text=TWO_LAYER
    + "Only W is trained. b_i are the columns of V (linear operator A: of U^T V, U an orthonormal basis of "
    "the image of A^T, and J = U^T J_g; else J = J_g), |b_i| <= c_V, phi' is B2-Lipschitz, and M4 is the largest value of "
    "sum_i phi'(a_i(0))^2 <b_i, q>^4 over unit vectors q. For |theta - theta_0| <= r: sigma_0 - sigma_min(J(theta)) <= "
    "Omega_s(r) = min(B2 c_V r, sqrt(B2 r) M4^{1/4})/sqrt k. Only the fall of sigma_min is bounded: Omega_s serves in s(r) "
    "= sigma_0 - Omega_s(r) of sharp.*, not as a bound of |J - J_0| (so neither in Lip nor in sharp.composed). M4 <= c_V^2 "
    "k |J(0)|^2.",
    hypotheses=(*SMOOTH, "A.network.W"),
    conclusion=sp.Ge(sym("sigma_theta"), s0 - _Omega_s, evaluate=False),
    direction="upper",
    directions={"crossing": "exact", "S_total": "lower"},
    formulas={"Omega_s": _Omega_s, "crossing": _crossing, "M4_upper": _M4_upper, "S_total": _S_total},
    reads={
        "Omega_s": "bound of sigma_0 - sigma_min(J(theta)) within r of theta_0",
        "crossing": "radius from which on the second term is the smaller one",
        "M4_upper": "an upper bound of M4 from the norm of J(0), J_norm",
        "S_total": "integral of s(r) = sigma_0 - Omega_s(r) up to its zero, where the crossing is below sigma_0/Lambda: "
        "sharp.condition is rho_0 < sigma_F S_total",
    },
    uses=("dip2.gram",),
    proof_uses=("dip2.gram",),
    proof="sqrt k J^T q has norm |(d~_i p_i)_i| with p_i = <b_i, q>, d~_i = |phi'(a_i)|; d_i are the values at theta_0 and "
    "delta_i = |phi'(a_i) - phi'(a_i(0))| <= B2 |a_i - a_i(0)|. As d~_i >= max(0, d_i - delta_i) = d_i - min(d_i, "
    "delta_i), the triangle inequality gives |(d_i p_i)| - |(d~_i p_i)| <= |(min(d_i, delta_i) p_i)|. With min <= delta_i "
    "and |p_i| <= c_V that is at most B2 c_V r. With min^2 <= d_i delta_i its square is at most B2 sum_i |a_i - a_i(0)| "
    "d_i p_i^2 <= B2 r sqrt(M4) (Cauchy-Schwarz). Take q with |J(theta)^T q| = sigma_min(J(theta)). A third term, |B| B2 r "
    "with B = (b_i), bounds the same by the largest delta_i: never smaller than the first, as |B| >= max|b_i|. M4: p_i^2 "
    "<= c_V^2.",
    obligations=(
        Obligation.inequality("min(d, delta)^2 <= d delta, delta <= d", c**2, c * (c + z), c * z),
        Obligation.inequality(
            "min(d, delta)^2 <= d delta, d <= delta: the smaller one is c again", c**2, (c + z) * c, z * c
        ),
        Obligation(
            "beyond the crossing (r = crossing (1 + z)) the second term is the smaller one, in fourth powers",
            ((Lambda_W * r) ** 4 - _second**4).subs(r, _crossing * (1 + z))
            - M4**2 / (c_V**4 * k**2) * ((1 + z) ** 4 - (1 + z) ** 2),
            nonnegative=(sp.expand((1 + z) ** 4 - (1 + z) ** 2),),
        ),
        Obligation(
            "with M4_upper the crossing is J_norm/Lambda: not before sigma_0/Lambda, where the first term has used up "
            "sigma_0",
            _crossing.subs(M4, _M4_upper) - J_norm / Lambda_W,
        ),
        Obligation("beyond the crossing s ends at the radius used in S_total", _second.subs(r, _end) - s0),
        Obligation(
            "S_total is the integral of both pieces: primitives of Lambda r and of the second term",
            (sp.diff(Lambda_W * r**2 / 2, r) - Lambda_W * r) ** 2
            + (sp.diff(sp.Rational(2, 3) * _slope * r ** sp.Rational(3, 2), r) - _second) ** 2,
            where={r: sym("w")},
        ),
        Obligation.inequality(
            "a third term with |B| = c_V + z never helps", B2 * c_V * r, (c_V + z) * B2 * r, z * B2 * r
        ),
    ),
    tight="It improves on the linear modulus before sigma_0 is used up only if M4 < c_V^2 k sigma_0^2 (the crossing lies "
    "below sigma_0/Lambda); M4 is of order k + q^2 for random b_i of q entries. The bound M4_upper never shows that: "
    "M4 itself has to "
    "be bounded better.",
    mutants=MUTANTS["dip2.saturated_modulus"],
    constants=CONSTANTS["dip2.saturated_modulus"],
)

ITEMS: Final = (SATURATED,)
