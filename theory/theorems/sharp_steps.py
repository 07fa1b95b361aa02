"""The proof of the sharp theorem and of `dip2.amgm`, one evaluable step at a time (`step.*`), linear modulus."""

from __future__ import annotations

from typing import Final

import sympy as sp

from theory.mutants.sharp_steps import CONSTANTS, MUTANTS
from theory.statement import Obligation, Statement
from theory.symbols import dpsi, sym
from theory.theorems.amgm import HYPOTHESES as AMGM
from theory.theorems.assumptions import FLOW, TWO_LAYER
from theory.theorems.sharp import LINEAR, MODULUS, sigma_now

sF, s0, Lam, ell, ell_dot, drho = (sym(s) for s in ("sigma_F", "sigma_0", "Lambda", "ell", "ell_dot", "drho"))
loss, f_a, ell_a_dot, q_norm = sym("loss"), sym("f_a"), sym("ell_a_dot"), sym("q_norm")
rho, rho_0, z, c = sym("rho"), sym("rho_0"), sym("z"), sym("c")

_majorant = -sF * (s0 - Lam * ell) * ell_dot
_rate = -(sF**2) * sigma_now**2 / dpsi(loss)
_amgm = -2 * sF * f_a * ell_a_dot

MAJORANT = Statement(
    id="step.majorant",
    kind="step",
    origin="sharp",
    title="The desingularized loss pays for the length, at the price of the majorant",
    text=FLOW
    + MODULUS
    + "While ell(t) <= ell_star, for Omega(r) = Lambda r: d/dt rho(t) <= -sigma_F (sigma_0 - Lambda "
    "ell(t)) ell'(t). So rho + sigma_F S(ell) does not increase.",
    hypotheses=LINEAR,
    when=sp.Le(ell, sym("ell_star"), evaluate=False),
    conclusion=sp.Le(drho, _majorant, evaluate=False),
    direction="upper",
    formulas={"rhs": _majorant},
    reads={"rhs": "upper bound of the derivative of rho"},
    uses=("sharp.condition",),
    proof_uses=("step.energy", "step.gradient_lower", "step.kl", "trusted.weyl"),
    proof="rho' = -psi'(L) |theta'|^2 <= -psi'(L) |theta'| sigma_min(J_g) sigma_F |grad L| <= -sigma_F sigma_min(J_g) "
    "|theta'| (step.energy, step.gradient_lower, step.kl), and sigma_min(J_g) >= sigma_0 - Lambda ell (Weyl).",
    obligations=(
        Obligation(
            "the bound is minus sigma_F times the derivative of S(ell)",
            -sF * sp.diff(s0 * ell - Lam * ell**2 / 2, ell) * ell_dot - _majorant,
        ),
    ),
    tight="Attained at all times by the family of sharp.optimal (proved).",
    mutants=MUTANTS["step.majorant"],
    constants=CONSTANTS["step.majorant"],
)

MAJORANT_RATE = Statement(
    id="step.majorant_rate",
    kind="step",
    origin="sharp",
    title="The desingularized loss decreases at a rate set by itself",
    text=FLOW + MODULUS + "Under it, for Omega(r) = Lambda r: d/dt rho(t) <= -sigma_F^2 (sigma_0^2 - 2 Lambda (rho_0 - "
    "rho(t))/sigma_F)/psi'(L_y(y(t))).",
    hypotheses=LINEAR,
    conclusion=sp.Le(drho, _rate, evaluate=False),
    direction="upper",
    formulas={"rhs": _rate},
    reads={"rhs": "upper bound of the derivative of rho"},
    uses=("sharp.condition",),
    proof_uses=("sharp.sigma", "step.energy", "step.gradient_lower", "step.kl"),
    proof="rho' = -psi'(L) |theta'|^2 <= -psi'(L) sigma_min(J_g)^2 sigma_F^2 |grad L|^2 <= -sigma_F^2 sigma_min(J_g)^2/"
    "psi'(L); sharp.sigma.",
    tight="Attained at all times by the family of sharp.optimal (proved).",
    mutants=MUTANTS["step.majorant_rate"],
    constants=CONSTANTS["step.majorant_rate"],
)

SPEED_SPLIT = Statement(
    id="step.speed_split",
    kind="step",
    origin="new",
    title="The speed splits into the two layers",
    text=FLOW + TWO_LAYER + "Both layers are trained; q = J_F^T grad L_y(y(t)). Then |theta'|^2 = f^2 |q|^2 + |a'|^2.",
    hypotheses=("A.network.two_layer", "A.network.both", "A.loss.smooth", "A.operator.smooth"),
    conclusion=sp.Eq(ell_dot**2, f_a**2 * q_norm**2 + ell_a_dot**2, evaluate=False),
    formulas={"rhs": f_a**2 * q_norm**2 + ell_a_dot**2},
    reads={"rhs": "the squared speed, from the hidden norm f, |q| and the speed of the pre-activations"},
    uses=("dip2.reduction",),
    proof_uses=("dip2.reduction",),
    proof="By dip2.reduction V' = -q phi(a)^T/sqrt k, of Frobenius norm f |q|, and |W'| = |a'|.",
    mutants=MUTANTS["step.speed_split"],
)

AMGM_STEP = Statement(
    id="step.amgm",
    kind="step",
    origin="new",
    title="The desingularized loss pays for the motion of the pre-activations",
    text=FLOW + TWO_LAYER + "Both layers are trained and ell_a is the length of the path of a. Then d/dt rho(t) <= -2 "
    "sigma_F f(t) ell_a'(t).",
    hypotheses=AMGM,
    conclusion=sp.Le(drho, _amgm, evaluate=False),
    direction="upper",
    formulas={"rhs": _amgm},
    reads={"rhs": "upper bound of the derivative of rho"},
    proof_uses=("step.speed_split", "step.energy", "step.kl"),
    proof="-rho' = psi'(L) (f^2 |q|^2 + |a'|^2) >= 2 psi'(L) f |q| |a'|, and psi'(L) |q| >= sigma_F psi'(L) |grad L| >= "
    "sigma_F.",
    obligations=(
        Obligation.inequality(
            "arithmetic and geometric mean",
            2 * f_a * q_norm * ell_a_dot,
            f_a**2 * q_norm**2 + ell_a_dot**2,
            (f_a * q_norm - ell_a_dot) ** 2,
        ),
    ),
    tight="Equality for n = m = k = 1, phi the identity and a_0 = v_0, where f |q| = |a'| at all times (proved).",
    mutants=MUTANTS["step.amgm"],
    constants=CONSTANTS["step.amgm"],
)

ITEMS: Final = (MAJORANT, MAJORANT_RATE, SPEED_SPLIT, AMGM_STEP)
