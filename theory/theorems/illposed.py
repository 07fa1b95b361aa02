"""Bounds that do not die with the condition number of the operator (`illposed.*`): linear operator, least squares.

The error is measured in the metric of the tangent kernel, E = (x - xbar)^T K^{-1} (x - xbar)/2, whose growth is driven
by the length of the path alone; the smallest singular value of A enters nowhere.
"""

from __future__ import annotations

from typing import Final

import sympy as sp

from theory.mutants.illposed import CONSTANTS, MUTANTS
from theory.statement import Obligation, Statement
from theory.symbols import sym
from theory.theorems.assumptions import FLOW

residual, eps, Lip, s0, Lam = sym("residual"), sym("eps"), sym("Lip"), sym("sigma_0"), sym("Lambda")
Omega, ell_dot, E, E_0, G_L = sym("Omega"), sym("ell_dot"), sym("E"), sym("E_0"), sym("G_L")
tau, t, t_1, T_1, T_hat, E_bar = sym("tau"), sym("t"), sym("t_1"), sym("T_1"), sym("T_hat"), sym("E_bar")
Phi_0, L, J_norm, dist0, z, r = sym("Phi_0"), sym("L"), sym("J_norm"), sym("dist0"), sym("z"), sym("r")

HYPOTHESES: Final = (
    "A.operator.linear",
    "A.loss.plain_least_squares",
    "A.generator.smooth",
    "A.generator.modulus",
    "A.init",
)

KERNEL: Final = (
    "F = A is linear, the loss plain least squares. K = J_g J_g^T, E = (x(t) - xbar)^T K^{-1} (x(t) - xbar)/2, E_0 "
    "its initial value, Phi_0 = |y(0) - y|^2/2. Omega is a centre modulus of J_g (slope Lambda if linear), s(r) = "
    "sigma_0 - Omega(r), Lip(r) a Lipschitz constant of J_g on the ball of radius r around theta_0, and G(L) the "
    "integral of 2 Lip(r)/s(r) over [0, L], for a path budget L with Omega(L) < sigma_0. (If A is not injective: U^T "
    "J_g and U^T(x - xbar) in place of J_g and x - xbar, U an orthonormal basis of the image of A^T; "
    "dip2.range_restriction.) "
)

_E_dot = -(residual**2) + eps * residual + 2 * Lip / (s0 - Omega) * ell_dot * E
_growth = E_0 * sp.exp(G_L)
_T_hat = _growth / (tau * (tau - 1) * eps**2)
_E_bar = _growth / (2 * (1 - 1 / tau))
_G_upper = -2 * Lip / Lam * sp.log(1 - Lam * L / s0)
_stability = (J_norm + Lam * L) * sp.sqrt(2 * _growth)


def _attained() -> sp.Expr:
    """dE/dt minus the bound along the scalar family, started at r = 0 and moving up: residual = xbar + eps - g > 0."""
    g, slope = s0 * r - Lam * r**2 / 2, s0 - Lam * r
    energy = (g - z) ** 2 / (2 * slope**2)  # z is xbar
    speed = slope * residual
    gap = sp.diff(energy, r) * speed - _E_dot.subs({E: energy, Lip: Lam, Omega: Lam * r, ell_dot: speed})
    return sp.factor(gap.subs(z, residual - eps + g))


ENERGY = Statement(
    id="illposed.energy",
    kind="lemma",
    origin="new",
    title="Growth of the kernel energy",
    text=FLOW + KERNEL + "As long as ell(t) < L: E' <= -|r|^2 + eps |r| + (2 Lip(ell)/s(ell)) ell' E, where "
    "r = y(t) - y and eps = |y - A xbar|. The constants 2, 1, 1 are optimal.",
    hypotheses=HYPOTHESES,
    condition=sp.Lt(Omega, s0, evaluate=False),
    conclusion=sp.Le(sym("dE"), _E_dot, evaluate=False),
    direction="upper",
    formulas={"bound": _E_dot},
    reads={"bound": "upper bound of dE/dt (residual = |y(t) - y|, Omega and Lip at the radius ell(t))"},
    uses=(),
    proof_uses=("step.chain_rule", "trusted.weyl"),
    cites=("engl1996", "jahn2024"),
    proof="With e = x - xbar: e' = -K A^T r and r = A e - noise, so E' = -<A e, r> - e^T K^{-1} J' J^T K^{-1} e "
    "(J' the derivative of J_g in time, which exists almost everywhere). The first term is -|r|^2 - <noise, r>. In the "
    "second put w = K^{-1/2} e, |w|^2 = 2E: it is at most |w|^2 |K^{-1/2} J'| |J^T K^{-1/2}|, with "
    "|J^T K^{-1/2}| = 1 and |K^{-1/2} J'| <= |J'|/sigma_min(J) <= Lip ell'/s.",
    obligations=(
        Obligation(
            "n = m = p = 1, g = sigma_0 r - Lambda r^2/2, noise opposite to the residual: equality, with Lip = Lambda",
            _attained,
        ),
        Obligation(
            "the second term: |w|^2 = 2E times Lip ell'/s",
            2 * E * Lip * ell_dot / (s0 - Omega) - (_E_dot + residual**2 - eps * residual),
        ),
    ),
    tight="The constants 2, 1, 1 are attained by the family of sharp.optimal with the noise opposite to the residual (proved).",
    mutants=MUTANTS["illposed.energy"],
    constants=CONSTANTS["illposed.energy"],
)

SEMICONVERGENCE = Statement(
    id="illposed.semiconvergence",
    kind="theorem",
    origin="new",
    title="The discounted kernel energy decreases until the noise level",
    text=FLOW
    + KERNEL
    + "As long as |y(t) - y| >= eps and ell(t) < L, E(t) exp(-G(ell(t))) does not increase. (E itself may.)",
    hypotheses=HYPOTHESES,
    when=sp.Ge(residual, eps, evaluate=False),
    conclusion=sp.Le(E, _growth, evaluate=False),
    direction="upper",
    formulas={"bound": _growth},
    reads={"bound": "bound of E(t), G_L being G at the length travelled so far"},
    uses=("illposed.energy",),
    proof_uses=("illposed.energy",),
    proof="d/dt(E exp(-G(ell))) <= (-|r|^2 + eps |r|) exp(-G(ell)) by illposed.energy, since G' = 2 Lip/s.",
    obligations=(
        Obligation(
            "the growth term cancels against the derivative of the discount",
            _E_dot - 2 * Lip / (s0 - Omega) * ell_dot * E - (-(residual**2) + eps * residual),
        ),
        Obligation.inequality(
            "eps |r| <= |r|^2 for |r| = eps + z",
            eps * (eps + z),
            (eps + z) ** 2,
            z * (eps + z),
        ),
    ),
    mutants=MUTANTS["illposed.semiconvergence"],
    constants=CONSTANTS["illposed.semiconvergence"],
)

_length_discrepancy = sp.sqrt(t_1 * Phi_0) + sp.sqrt(E_bar * sp.log(T_hat / t_1))

DISCREPANCY = Statement(
    id="illposed.discrepancy",
    kind="theorem",
    origin="new",
    title="Stopping by the discrepancy principle, free of the condition number",
    text=FLOW + KERNEL + "Let eps = |y - A xbar| > 0, tau > 1 and T the first time with |y(t) - y| <= tau eps. With "
    "T_hat = E_0 exp(G(L))/(tau (tau-1) eps^2) and E_bar = E_0 exp(G(L))/(2 (1 - 1/tau)): if for some L and some 0 < "
    "t_1 <= T_hat, sqrt(t_1 Phi_0) + sqrt(E_bar ln(T_hat/t_1)) < L, then T <= T_hat, ell(T) < L, |y(T) - A xbar| <= "
    "(1 + tau) eps, E(T) <= E_0 exp(G(L)), and |x(T) - xbar| <= |J_g(T)| sqrt(2 E_0 exp(G(L))). The last is a "
    "stability bound: it does not vanish with eps. E_0 <= |x(0) - xbar|^2/(2 sigma_0^2). For a linear modulus G(L) "
    "<= -2 (Lip(L)/Lambda) ln(1 - Lambda L/sigma_0).",
    hypotheses=(*HYPOTHESES, "A.noise.positive", "A.stop.tau"),
    condition=sp.Lt(_length_discrepancy, L, evaluate=False),
    conclusion=sp.Le(sym("T_stop"), _T_hat, evaluate=False),
    direction="upper",
    unconditional=("E_0", "G_upper"),
    formulas={
        "T_hat": _T_hat,
        "E_bar": _E_bar,
        "length": _length_discrepancy,
        "stability": _stability,
        "E_0": dist0**2 / (2 * s0**2),
        "G_upper": _G_upper,
        "energy": _growth,
        "observation": (1 + tau) * eps,
    },
    reads={
        "T_hat": "bound of the stopping time",
        "E_bar": "bound of the integral of t |theta'|^2 up to the stopping time",
        "length": "bound of the length up to the stopping time; the condition is that it is below L",
        "stability": "bound of |x(T) - xbar| for a linear modulus, |J_g(T)| <= |J_g(0)| + Lambda L",
        "E_0": "bound of the initial kernel energy",
        "G_upper": "bound of G(L) for a linear modulus; Lip is its value at the radius L",
        "energy": "bound of E(T)",
        "observation": "bound of |y(T) - A xbar|",
    },
    uses=("illposed.energy",),
    proof_uses=("illposed.energy", "illposed.semiconvergence", "step.energy", "trusted.picard"),
    cites=("engl1996", "heckel2020", "jahn2024"),
    proof="Let T' be the smaller of T and the first time with ell = L. Before T', |r| >= tau eps, so illposed.energy "
    "gives (E e^{-G})' <= -(1 - 1/tau)|r|^2 e^{-G}, hence the integral of |r|^2 is at most E_0 e^{G(L)}/(1 - 1/tau) "
    "and E <= E_0 e^{G(L)}. As |r| >= tau eps, tau^2 eps^2 T' <= that, so T' <= T_hat. By parts, the integral of "
    "t|theta'|^2 is -T' Phi(T') + (integral of |r|^2)/2 <= E_bar, Phi = |r|^2/2, Phi' = -|theta'|^2. Cauchy-Schwarz "
    "on [0, t_1] and on [t_1, T'] bounds ell(T') by the length formula, so ell(T') < L and T' = T. Finally |x - "
    "xbar|^2 <= 2 |K| E.",
    obligations=(
        Obligation(
            "eps |r| = |r|^2/tau on the level |r| = tau eps, and E_0 e^G/(1 - 1/tau) = tau^2 eps^2 T_hat",
            _growth / (1 - 1 / tau) - tau**2 * eps**2 * _T_hat,
        ),
        Obligation("E_bar is half of that integral", _E_bar - _growth / (1 - 1 / tau) / 2),
        Obligation.inequality(
            "-|r|^2 + eps|r| <= -(1 - 1/tau)|r|^2 for |r| = tau eps + z",
            -((tau * eps + z) ** 2) + eps * (tau * eps + z),
            -(1 - 1 / tau) * (tau * eps + z) ** 2,
            z * (tau * eps + z) / tau,
        ),
        Obligation(
            "G_upper is the integral of 2 Lip/(sigma_0 - Lambda r): its derivative is, and it vanishes at 0",
            (sp.diff(_G_upper, L) - 2 * Lip / (s0 - Lam * L)) ** 2 + _G_upper.subs(L, 0) ** 2,
        ),
    ),
    mutants=MUTANTS["illposed.discrepancy"],
)

_length_noiseless = sp.sqrt(t_1 * Phi_0) + sp.sqrt(_growth * sp.log(T_1 / t_1) / 2)

RATE = Statement(
    id="illposed.rate",
    kind="theorem",
    origin="new",
    title="Rate without noise, free of the condition number",
    text=FLOW
    + KERNEL
    + "Let y = A xbar (no noise; or any xbar with that property). If for some L and some 0 < t_1 <= T_1, sqrt(t_1 "
    "Phi_0) + sqrt(E_0 exp(G(L)) ln(T_1/t_1)/2) < L, then |y(t) - y|^2 <= E_0 exp(G(L))/t for all t <= T_1. (For a "
    "constant kernel the sharp constant is 1/e in place of 1.)",
    hypotheses=(*HYPOTHESES, "A.noise.none"),
    condition=sp.Lt(_length_noiseless, L, evaluate=False),
    when=sp.Le(t, sym("T_1"), evaluate=False),
    conclusion=sp.Le(residual, sp.sqrt(_growth / t), evaluate=False),
    direction="upper",
    formulas={
        "bound": sp.sqrt(_growth / t),
        "bound_squared": _growth / t,
        "length": _length_noiseless,
    },
    reads={
        "bound": "bound of |y(t) - y| for t <= T_1",
        "bound_squared": "its square",
        "length": "bound of the length up to T_1; the condition is that it is below L",
    },
    uses=("illposed.energy",),
    proof_uses=("illposed.energy", "step.energy"),
    cites=("engl1996",),
    proof="illposed.energy with eps = 0: (E e^{-G})' <= -|r|^2 e^{-G}, so the integral of |r|^2 up to t is at most "
    "E_0 e^{G(L)} while ell < L, and |r| does not increase: t |r(t)|^2 <= E_0 e^{G(L)}. The integral of t|theta'|^2 "
    "is at most half of it, and Cauchy-Schwarz as in illposed.discrepancy keeps ell < L up to T_1. Constant kernel: "
    "max over x of x exp(-2 x t) is 1/(2 e t).",
    obligations=(
        Obligation(
            "x exp(-2xt) is stationary at x = 1/(2t), with value 1/(2et)",
            sp.diff(z * sp.exp(-2 * z * t), z).subs(z, 1 / (2 * t)) ** 2
            + ((z * sp.exp(-2 * z * t)).subs(z, 1 / (2 * t)) - 1 / (2 * sp.E * t)) ** 2,
        ),
    ),
    tight="For a constant kernel the constant 1 could be 1/e, and not less.",
    mutants=MUTANTS["illposed.rate"],
    constants=CONSTANTS["illposed.rate"],
)

_length_zero_loss = _length_noiseless + sp.sqrt(_growth / T_1) / (sym("sigma_F") * (s0 - Lam * L))

ZERO_LOSS = Statement(
    id="dip2.energy",
    kind="theorem",
    origin="new",
    title="Zero loss, with the condition number in the tail only",
    text=FLOW
    + KERNEL
    + "Let y = A xbar for some xbar and sigma_F > 0. If for some L and 0 < t_1 < T_1, sqrt(t_1 Phi_0) + sqrt(E_0 "
    "exp(G(L)) ln(T_1/t_1)/2) + sqrt(E_0 exp(G(L))/T_1)/(sigma_F s(L)) < L, then the flow reaches zero loss in the "
    "limit and ell(t) < L for all t. T_1 is free: the larger it is, the less sigma_F matters.",
    hypotheses=(*HYPOTHESES, "A.generator.linear_modulus", "A.noise.none", "A.operator.nondegenerate"),
    # beyond sigma_0/Lambda the last term of the length would be negative
    condition=sp.And(sp.Lt(Lam * L, s0, evaluate=False), sp.Lt(_length_zero_loss, L, evaluate=False), evaluate=False),
    conclusion=sp.Lt(sym("ell"), L, evaluate=False),
    direction="upper",
    requires=(),
    formulas={"length": _length_zero_loss},
    reads={"length": "bound of the whole length, linear modulus; the condition is that it is below L"},
    uses=("illposed.rate",),
    proof_uses=("illposed.rate", "step.gradient_lower", "step.energy", "trusted.weyl"),
    cites=("arora2019",),
    proof="Let T' be the first time with ell = L. Up to min(T_1, T') illposed.rate bounds the length by the first two "
    "terms; so T' > T_1, and there |y(T_1) - y| <= sqrt(E_0 exp(G(L))/T_1). From then on, as long as ell < L, the "
    "residual pays for the length: its derivative is at most -sigma_F s(L) |theta'|, so the rest is at most the "
    "third term and ell stays below L. Since sigma_min(J_g) >= s(L) for all time, the residual decays at least as "
    "exp(-sigma_F^2 s(L)^2 t).",
    obligations=(
        Obligation(
            "the third term is the residual bound at T_1 over sigma_F s(L)",
            _length_zero_loss
            - sp.sqrt(t_1 * Phi_0)
            - sp.sqrt(_growth * sp.log(T_1 / t_1) / 2)
            - sp.sqrt(_growth / t).subs(t, T_1) / (sym("sigma_F") * (s0 - Lam * L)),
        ),
    ),
    mutants=MUTANTS["dip2.energy"],
)

ITEMS: Final = (ENERGY, SEMICONVERGENCE, DISCREPANCY, RATE, ZERO_LOSS)
