"""The sharp theorem (`sharp.*`): a scalar majorant along the path instead of half of sigma_0 on a ball.

Only the distance of J_g from its value at the start enters, through a modulus Omega.  The Hadamard–Kantorovich number
h = Λ ρ0/(σ_F σ0²) decides: h < 1/2 gives convergence, and neither 1/2 nor the logistic bound can be improved.
"""

from __future__ import annotations

from typing import Final

import sympy as sp

from theory.mutants.sharp import CONSTANTS, MUTANTS
from theory.statement import Obligation, Statement
from theory.symbols import Psi, Psi_inv, dpsi, psi_inv, sym
from theory.theorems.assumptions import FLOW

sF, s0, Lam, h, t, z = sym("sigma_F"), sym("sigma_0"), sym("Lambda"), sym("h"), sym("t"), sym("z")
rho, rho_0, loss_0, eps, r, w_min = sym("rho"), sym("rho_0"), sym("loss_0"), sym("eps"), sym("r"), sym("w_min")
a, b, c = sym("a"), sym("b"), sym("c")

HYPOTHESES: Final = (
    "A.loss.smooth",
    "A.loss.min",
    "A.loss.unique",
    "A.loss.KL",
    "A.operator.smooth",
    "A.operator.nondegenerate",
    "A.operator.range",
    "A.generator.smooth",
    "A.generator.modulus",
    "A.init",
)
LINEAR: Final = (*HYPOTHESES, "A.generator.linear_modulus")
LEAST_SQUARES: Final = (*LINEAR, "A.loss.least_squares")

MODULUS: Final = (
    "Omega is a centre modulus of J_g: |J_g(theta) - J_g(theta_0)| <= Omega(|theta - theta_0|), nondecreasing, "
    "Omega(0) = 0. Put s(r) = max(0, sigma_0 - Omega(r)), S(r) the integral of s over [0, r], and ell_0 = sup{r : "
    "Omega(r) < sigma_0}. The condition (sharp.condition) is rho_0 < sigma_F S(ell_0), and ell_star = "
    "S^{-1}(rho_0/sigma_F). If Omega(r) = Lambda r, the condition is h = Lambda rho_0/(sigma_F sigma_0^2) < 1/2; "
    "formulas in Lambda assume such a modulus. "
)

# --- the majorant, for Omega(r) = Lambda r -----------------------------------------------------------------------------
h_of = Lam * rho_0 / (sF * s0**2)
S_of_r = s0 * r - Lam * r**2 / 2
"""S(r) for r <= sigma_0/Lambda."""
sigma_now = sp.sqrt(s0**2 - 2 * Lam * (rho_0 - rho) / sF)
"""s at S^{-1}((rho_0 - rho)/sigma_F)."""
sigma_end = sp.sqrt(s0**2 - 2 * Lam * rho_0 / sF)
"""s at ell_star, equal to sigma_0 sqrt(1 - 2h)."""
# Written without the difference of nearly equal numbers, so that they stay accurate as Lambda -> 0.
length_now = 2 * (rho_0 - rho) / (sF * (s0 + sigma_now))
ell_star = 2 * rho_0 / (sF * (s0 + sigma_end))
rate = sF**2 * s0**2 - 2 * sF * Lam * rho_0
"""The linear rate a = sigma_F^2 sigma_0^2 (1 - 2h)."""
curvature = 2 * sF * Lam
logistic = rate * rho_0 * sp.exp(-rate * w_min * t) / (rate + curvature * rho_0 * (1 - sp.exp(-rate * w_min * t)))
# rho_0 (a + b eps)/(eps (a + b rho_0)) is 1 plus this, which vanishes with a: ln(1 + u)/a keeps its digits as h -> 1/2.
_beyond_one = rate * (rho_0 - eps) / (eps * sF**2 * s0**2)
time_to_eps = sp.log(1 + _beyond_one) / (rate * w_min)
t_star = sp.Max(0, time_to_eps)
tail = 2 * rho / (sF * (sigma_now + sigma_end))

# sqrt(sigma_0^2 - 2 Lambda rho_0/sigma_F) = c and sqrt(sigma_0^2 - 2 Lambda (rho_0 - rho)/sigma_F) = z cover all cases:
# the first gives rho_0, then the second rho. After it, the identities below are rational.
_ENDS: Final = {rho_0: sF * (s0**2 - c**2) / (2 * Lam), rho: sF * (z**2 - c**2) / (2 * Lam)}
_LOG: Final = sp.log(rho_0 * (a + b * eps) / (eps * (a + b * rho_0))) / (a * w_min)
_AB: Final = a * rho_0 * sp.exp(-a * w_min * t) / (a + b * rho_0 * (1 - sp.exp(-a * w_min * t)))


def _inverse_slope() -> object:
    from theory.kl import derive  # here, so that importing the theory integrates nothing

    return derive(sp.sqrt(2 * sym("s") / w_min)).apply(dpsi(psi_inv(rho))) - 1 / (w_min * rho)


CONDITION = Statement(
    id="sharp.condition",
    kind="condition",
    origin="sharp",
    title="Hadamard-Kantorovich condition for the flow",
    text=FLOW + MODULUS,
    hypotheses=LINEAR,
    conclusion=sp.Lt(h, sp.Rational(1, 2), evaluate=False),
    formulas={"h": h_of, "ell_0": s0 / Lam},
    reads={"h": "the number that has to be below 1/2", "ell_0": "radius at which the majorant of sigma_min vanishes"},
    cites=("haussler1986", "chatterjee2022", "bartlett2021", "gutu2015"),
    proof="S(ell_0) = sigma_0^2/(2 Lambda) for Omega(r) = Lambda r, so rho_0 < sigma_F S(ell_0) is h < 1/2. "
    "Conditions of this kind are Kantorovich's for Newton's method and Hadamard's for global inverses; for the "
    "gradient flow an equivalent of h < 1/4 is known (Chatterjee; Bartlett, Montanari and Rakhlin).",
    obligations=(
        Obligation(
            "S(ell_0) = sigma_0^2/(2 Lambda), where rho_0 = sigma_F S(ell_0) gives h = 1/2",
            h_of.subs(rho_0, sF * S_of_r.subs(r, s0 / Lam)) - sp.Rational(1, 2),
        ),
        Obligation(
            "S is a primitive of s with S(0) = 0", (sp.diff(S_of_r, r) - (s0 - Lam * r)) ** 2 + S_of_r.subs(r, 0) ** 2
        ),
    ),
    tight="Optimal: for every h > 1/2 the family of sharp.optimal does not reach zero loss (proved).",
    mutants=MUTANTS["sharp.condition"],
    constants=CONSTANTS["sharp.condition"],
)

LENGTH = Statement(
    id="sharp.length",
    kind="theorem",
    origin="sharp",
    title="Length of the path",
    text=FLOW + MODULUS + "Under it, for all t: ell(t) <= S^{-1}((rho_0 - rho(t))/sigma_F) <= ell_star. For Omega(r) "
    "= Lambda r: ell_star = (sigma_0/Lambda)(1 - sqrt(1 - 2h)). The bound in terms of rho(t) decreases in rho(t): a "
    "stand-in for rho(t) has to be a lower bound there.",
    hypotheses=LINEAR,
    conclusion=sp.Le(sym("ell"), length_now, evaluate=False),
    direction="upper",
    formulas={"bound": length_now, "ell_star": ell_star},
    reads={"bound": "bound of the length up to now, from the current rho", "ell_star": "bound of the whole length"},
    uses=("sharp.condition",),
    proof_uses=("step.energy", "step.gradient_lower", "step.kl", "trusted.weyl", "trusted.picard"),
    cites=("haussler1986", "goncalves2012", "polyak2017"),
    proof="rho' = -psi'(L)|theta'|^2 <= -sigma_F sigma_min(J_g) |theta'| by step.energy, step.gradient_lower and "
    "step.kl, and sigma_min(J_g(t)) >= s(|theta(t) - theta_0|) >= s(ell(t)) (Weyl; s nonincreasing). So rho + "
    "sigma_F S(ell) does not increase: sigma_F S(ell(t)) <= rho_0 - rho(t) as long as ell <= ell_star. At the first "
    "time with ell = ell_star this gives rho <= rho_0 - sigma_F S(ell_star) = 0, where the flow rests; so ell <= "
    "ell_star always, the parameters stay bounded and the flow exists for all time. S is increasing on [0, ell_0), "
    "hence the bound.",
    obligations=(
        Obligation(
            "S(ell_star) = rho_0/sigma_F",
            S_of_r.subs(r, ell_star) - rho_0 / sF,
            where=_ENDS,
        ),
        Obligation(
            "S of the bound in rho is (rho_0 - rho)/sigma_F",
            S_of_r.subs(r, length_now) - (rho_0 - rho) / sF,
            where=_ENDS,
        ),
        Obligation(
            "ell_star = (sigma_0/Lambda)(1 - sqrt(1 - 2h))",
            ell_star - s0 / Lam * (1 - sp.sqrt(1 - 2 * h_of)),
            where={rho_0: sF * s0**2 * (1 - c**2) / (2 * Lam)},
        ),
        Obligation("at rho = 0 the bound is ell_star", length_now.subs(rho, 0) - ell_star),
    ),
    tight="Attained at all times by the family of sharp.optimal (proved).",
    mutants=MUTANTS["sharp.length"],
    constants=CONSTANTS["sharp.length"],
)

SIGMA = Statement(
    id="sharp.sigma",
    kind="theorem",
    origin="sharp",
    title="Smallest singular value along the run",
    text=FLOW + MODULUS + "Under it, for all t: sigma_min(J_g(t)) >= s(ell(t)). For Omega(r) = Lambda r: "
    "sigma_min(J_g(t)) >= sqrt(sigma_0^2 - 2 Lambda (rho_0 - rho(t))/sigma_F) >= sigma_0 sqrt(1 - 2h).",
    hypotheses=LINEAR,
    conclusion=sp.Ge(sym("sigma_t"), sigma_now, evaluate=False),
    direction="lower",
    formulas={"bound": sigma_now, "floor": sigma_end},
    reads={
        "bound": "lower bound of sigma_min(J_g(t)) from the current rho (increasing in rho: use a lower bound of it)",
        "floor": "lower bound for all time, sigma_0 sqrt(1 - 2h)",
    },
    uses=("sharp.condition",),
    proof_uses=("sharp.length", "trusted.weyl"),
    proof="Weyl's inequality and the modulus; s is nonincreasing and ell(t) <= S^{-1}((rho_0 - rho)/sigma_F). For a "
    "linear modulus s(S^{-1}(z))^2 = sigma_0^2 - 2 Lambda z.",
    obligations=(
        Obligation(
            "s(r)^2 = sigma_0^2 - 2 Lambda S(r)",
            (s0 - Lam * r) ** 2 - (s0**2 - 2 * Lam * S_of_r),
        ),
        Obligation(
            "s at the bound of the length is the bound",
            s0 - Lam * length_now - sigma_now,
            where=_ENDS,
        ),
        Obligation(
            "the floor is sigma_0 sqrt(1 - 2h)",
            sigma_end**2 - s0**2 * (1 - 2 * h_of),
        ),
    ),
    tight="The bound in rho is attained at all times by the family of sharp.optimal (proved).",
    mutants=MUTANTS["sharp.sigma"],
    constants=CONSTANTS["sharp.sigma"],
)

RATE = Statement(
    id="sharp.rate",
    kind="theorem",
    origin="sharp",
    title="Rate of the loss",
    text=FLOW + MODULUS + "Under it, with Psi a primitive of -(psi')^2: "
    "L_y(y(t)) <= Psi^{-1}(Psi(L_y(y(0))) + sigma_F^2 s(ell_star)^2 t). For Omega(r) = Lambda r the factor is "
    "a = sigma_F^2 sigma_0^2 (1 - 2h), in place of sigma_F^2 sigma_0^2/4 in baseline.loss_rate.",
    hypotheses=LINEAR,
    conclusion=sp.Le(sym("loss"), Psi_inv(Psi(loss_0) + rate * t), evaluate=False),
    direction="upper",
    directions={"a": "lower", "rate": "lower"},
    formulas={"a": rate, "bound": Psi_inv(Psi(loss_0) + rate * t), "rate": rate * w_min},
    reads={
        "a": "the rate, sigma_F^2 s(ell_star)^2",
        "bound": "bound of the loss L_y(y(t))",
        "rate": "exponential rate of the bound of rho(t) for least squares of smallest weight w_min",
    },
    uses=("sharp.condition",),
    proof_uses=("sharp.sigma", "sharp.length", "step.energy", "step.gradient_lower", "step.kl"),
    proof="L' = -|theta'|^2 <= -sigma_F^2 s(ell)^2/psi'(L)^2 <= -sigma_F^2 s(ell_star)^2/psi'(L)^2, so Psi(L) grows "
    "at least at the rate sigma_F^2 s(ell_star)^2, and Psi is decreasing.",
    obligations=(
        Obligation("the rate is sigma_F^2 times the square of the floor of sharp.sigma", rate - sF**2 * sigma_end**2),
        Obligation("the rate is sigma_F^2 sigma_0^2 (1 - 2h)", rate - sF**2 * s0**2 * (1 - 2 * h_of)),
    ),
    mutants=MUTANTS["sharp.rate"],
    constants=CONSTANTS["sharp.rate"],
)

_LOGISTIC_ODE: Final = sp.diff(logistic, t) + w_min * sF**2 * (s0**2 - 2 * Lam * (rho_0 - logistic) / sF) * logistic

LOGISTIC = Statement(
    id="sharp.logistic",
    kind="theorem",
    origin="sharp",
    title="Logistic bound for least squares",
    text=FLOW
    + MODULUS
    + "Let L_y(v) = (v-y)^T W (v-y)/2, W symmetric positive definite with smallest eigenvalue w_min "
    "(1 for plain least squares), psi(s) = sqrt(2 s/w_min), Omega(r) = Lambda r and h < 1/2. With "
    "a = sigma_F^2 sigma_0^2 (1 - 2h), b = 2 sigma_F Lambda and q = exp(-a w_min t): "
    "|y(t) - y| <= rho(t) <= a rho_0 q/(a + b rho_0 (1 - q)).",
    hypotheses=LEAST_SQUARES,
    conclusion=sp.Le(rho, logistic, evaluate=False),
    direction="upper",
    directions={"a": "lower", "b": "exact"},
    formulas={"a": rate, "b": curvature, "bound": logistic},
    reads={"a": "final linear rate", "b": "curvature", "bound": "bound of rho(t), hence of |y(t) - y|"},
    uses=("sharp.condition",),
    proof_uses=("sharp.sigma", "step.gradient_lower", "step.kl", "step.energy", "step.growth"),
    proof="rho' = -psi'|theta'|^2 <= -sigma_F^2 sigma_min(J_g)^2/psi' with psi'(L) = 1/(w_min rho), so rho' <= -w_min "
    "sigma_F^2 (sigma_0^2 - 2 Lambda (rho_0 - rho)/sigma_F) rho by sharp.sigma. The bound solves this with equality "
    "from rho_0, and the right-hand side is locally Lipschitz in rho, so the bound dominates.",
    obligations=(
        Obligation("the bound solves the differential equation", _LOGISTIC_ODE),
        Obligation("the bound starts at rho_0", logistic.subs(t, 0) - rho_0),
        Obligation(
            "the right-hand side is -w_min (a + b rho) rho",
            sF**2 * (s0**2 - 2 * Lam * (rho_0 - rho) / sF) - (rate + curvature * rho),
        ),
        Obligation(
            "psi(s) = sqrt(2 s/w_min) gives psi'(psi^{-1}(rho)) = 1/(w_min rho)",
            _inverse_slope,
        ),
        Obligation.inequality(
            "the logistic bound is at most rho_0 exp(-a w_min t), q = z/(1+z)",
            a * rho_0 * (z / (1 + z)) / (a + b * rho_0 * (1 - z / (1 + z))),
            rho_0 * z / (1 + z),
            b * rho_0**2 * z / ((1 + z) * (a * (1 + z) + b * rho_0)),
        ),
    ),
    tight="Attained at all times by the family of sharp.optimal (proved).",
    mutants=MUTANTS["sharp.logistic"],
    constants=CONSTANTS["sharp.logistic"],
)


STOP = Statement(
    id="sharp.stop",
    kind="theorem",
    origin="sharp",
    title="Early stopping for least squares",
    text=FLOW + MODULUS + "In the setting of sharp.logistic (least squares of smallest weight w_min, linear modulus, "
    "h < 1/2, a = sigma_F^2 sigma_0^2 (1 - 2h), b = 2 sigma_F Lambda) and with eps = |y - ybar| > 0: for every "
    "t >= t_star = max(0, ln(rho_0 (a + b eps)/(eps (a + b rho_0)))/(a w_min)) the residual is at most eps and "
    "|y(t) - ybar| <= 2 eps. For another level put it in place of eps in t_star.",
    hypotheses=(*LEAST_SQUARES, "A.noise.positive"),
    when=sp.Ge(t, t_star, evaluate=False),
    conclusion=sp.Le(sym("y_err"), 2 * eps, evaluate=False),
    direction="upper",
    formulas={"t_star": t_star},
    reads={"t_star": "time from which |y(t) - y| <= eps (decreasing in eps: use a lower bound of it)"},
    uses=("sharp.logistic",),
    proof_uses=("sharp.logistic", "step.triangle_obs"),
    proof="Solve the logistic bound for the level eps; it decreases in time. Then step.triangle_obs.",
    obligations=(
        Obligation("the logistic bound at t_star equals eps", _AB.subs(t, _LOG) - eps),
        Obligation(
            "t_star is that time with the constants filled in",
            time_to_eps - _LOG.subs({a: rate, b: curvature}),
        ),
        Obligation("so is the bound", logistic - _AB.subs({a: rate, b: curvature})),
    ),
    tight="The time from which |y(t) - y| <= eps is attained by the family of sharp.optimal (proved).",
    mutants=MUTANTS["sharp.stop"],
    constants=CONSTANTS["sharp.stop"],
)

TAIL = Statement(
    id="sharp.tail",
    kind="theorem",
    origin="sharp",
    title="Distance from the limit",
    text=FLOW + MODULUS + "Under it theta(t) converges to some theta_inf of zero loss, and |theta(t) - theta_inf| <= "
    "ell_star - S^{-1}((rho_0 - rho(t))/sigma_F) <= rho(t)/(sigma_F s(ell_star)). For Omega(r) = Lambda r the first "
    "bound is 2 rho/(sigma_F (s_t + s_star)) with s_t = sqrt(sigma_0^2 - 2 Lambda (rho_0 - rho)/sigma_F), s_star = "
    "sigma_0 sqrt(1 - 2h). It increases in rho(t).",
    hypotheses=LINEAR,
    conclusion=sp.Le(sym("theta_tail"), tail, evaluate=False),
    direction="upper",
    formulas={"bound": tail, "coarse": rho / (sF * sigma_end)},
    reads={"bound": "bound of |theta(t) - theta_inf| from the current rho", "coarse": "the simpler bound"},
    uses=("sharp.condition",),
    proof_uses=("sharp.length", "sharp.rate"),
    proof="rho + sigma_F S(ell) does not increase from t on, so S(ell_inf) <= S(ell(t)) + rho(t)/sigma_F: the tail is "
    "at most S^{-1}(S(ell) + rho/sigma_F) - ell, which increases in ell because s is nonincreasing; put the bound of "
    "sharp.length for ell. The tail is an integral of length rho/sigma_F of 1/s(S^{-1}) <= 1/s(ell_star).",
    obligations=(
        Obligation("the bound is the difference of the lengths", tail - (ell_star - length_now), where=_ENDS),
        Obligation.inequality(
            "it is at most rho/(sigma_F s_star), with s_t = s_star + z",
            2 * rho / (sF * (2 * c + z)),
            rho / (sF * c),
            rho * z / (sF * c * (2 * c + z)),
        ),
        Obligation(
            "increasing in ell: d/dl [S^{-1}(S(l) + x) - l] = s(l)/s(l') - 1 with s(l') = c <= s(l) = c + z",
            (c + z) / c - 1 - z / c,
            nonnegative=(z / c,),
        ),
    ),
    tight="Attained at all times by the family of sharp.optimal, where the path is a segment (proved).",
    mutants=MUTANTS["sharp.tail"],
    constants=CONSTANTS["sharp.tail"],
)

_GENERAL: Final = dpsi(psi_inv(z)) / (sF**2 * (s0**2 - 2 * Lam * (rho_0 - z) / sF))


def _least_squares_integrand() -> sp.Expr:
    from theory.kl import derive  # here, so that importing the theory integrates nothing

    return derive(sp.sqrt(2 * sym("s") / w_min)).apply(_GENERAL)


GENERAL = Statement(
    id="sharp.general",
    kind="theorem",
    origin="sharp",
    title="Time to reach a level, any loss",
    text=FLOW + MODULUS + "For Omega(r) = Lambda r and h < 1/2: t <= integral over z from rho(t) to rho_0 of "
    "psi'(psi^{-1}(z))/(sigma_F^2 (sigma_0^2 - 2 Lambda (rho_0 - z)/sigma_F)) dz. So the integral down to a level "
    "bounds the time after which rho is below that level. For least squares it is sharp.logistic.",
    hypotheses=LINEAR,
    conclusion=sp.Le(t, sp.Integral(_GENERAL, (z, rho, rho_0)), evaluate=False),
    direction="upper",
    formulas={"time_bound": sp.Integral(_GENERAL, (z, rho, rho_0)), "integrand": _GENERAL},
    reads={"time_bound": "time by which rho has fallen to the level rho", "integrand": "the integrand, in z"},
    uses=("sharp.condition",),
    proof_uses=("sharp.sigma", "step.energy", "step.gradient_lower", "step.kl"),
    proof="rho' = -psi'|theta'|^2 <= -sigma_F^2 sigma_min^2/psi'(psi^{-1}(rho)) and sharp.sigma; separate variables.",
    obligations=(
        Obligation(
            "for least squares the derivative of the logistic stopping time by the level is minus the integrand",
            lambda: sp.diff(_LOG.subs({a: rate, b: curvature}), eps) + (_least_squares_integrand()).subs(z, eps),
        ),
    ),
    tight="Attained at all times by the family of sharp.optimal, for every loss on the line with psi'(L)|L'| = 1.",
    mutants=MUTANTS["sharp.general"],
    constants=CONSTANTS["sharp.general"],
)


ITEMS: Final = (CONDITION, LENGTH, SIGMA, RATE, LOGISTIC, STOP, TAIL, GENERAL)
