"""The proof of the baseline theorem, one evaluable step at a time (`step.*`).

Each step is an identity or an inequality lhs <= rhs between quantities that can be measured along a run; the formulas
``lhs`` and ``rhs`` are given where they are scalar expressions of named constants.
"""

from __future__ import annotations

from typing import Final

import sympy as sp

from theory.mutants.baseline_steps import CONSTANTS, MUTANTS
from theory.statement import Obligation, Statement
from theory.symbols import Psi, dpsi, psi, sym
from theory.theorems.assumptions import FLOW

sF, s0, loss, rho_0, rho = sym("sigma_F"), sym("sigma_0"), sym("loss"), sym("rho_0"), sym("rho")
ell_dot, residual, eps, mu = sym("ell_dot"), sym("residual"), sym("eps"), sym("mu")
L_F, dist, Lip, r = sym("L_F"), sym("dist"), sym("Lip"), sym("r")
dloss, drho, grad_norm, y_err = sym("dloss"), sym("drho"), sym("grad_norm"), sym("y_err")

z, c = sym("z"), sym("c")
# any speed that step.gradient_lower, step.kl and step.jacobian_ball allow: sigma_min = sigma_0/2 + c, psi'|grad L| = 1 + z
_speed: Final = (s0 / 2 + c) * sF * (1 + z) / dpsi(loss)

_FLOW_HYPOTHESES: Final = ("A.loss.smooth", "A.operator.smooth", "A.generator.smooth")
_IN_BALL: Final = sp.Le(sym("theta_dist"), sym("R"), evaluate=False)
_BALL: Final = "While theta(t) is in the ball of radius R around theta_0, R Lip <= sigma_0/2 (baseline.condition): "


def _step(name: str, title: str, text: str, proof: str, **fields: object) -> Statement:
    return Statement(
        id=f"step.{name}",
        kind="step",
        origin="paper",
        title=title,
        text=FLOW + text,
        proof=proof,
        **{"cites": ("buskulic2024",), **fields},  # type: ignore[arg-type]
    )


ITEMS: Final = (
    _step(
        "chain_rule",
        "Gradient by the chain rule",
        "The gradient of the objective is grad_theta = J_g^T J_F^T grad L_y(y(t)).",
        "The chain rule, applied to L_y o F o g and written with transposed Jacobians.",
        conclusion=sp.Eq(sym("chain_gap"), 0, evaluate=False),
        hypotheses=_FLOW_HYPOTHESES,
        mutants=MUTANTS["step.chain_rule"],
    ),
    _step(
        "energy",
        "The loss is dissipated at the squared speed",
        "d/dt L_y(y(t)) = -|theta'(t)|^2.",
        "d/dt L_y(y(t)) = <grad_theta, theta'> = -|theta'|^2, since theta' = -grad_theta.",
        conclusion=sp.Eq(dloss, -(ell_dot**2), evaluate=False),
        hypotheses=_FLOW_HYPOTHESES,
        formulas={"rhs": -(ell_dot**2)},
        reads={"rhs": "the derivative of the loss, from the speed"},
        proof_uses=("step.chain_rule",),
        mutants=MUTANTS["step.energy"],
    ),
    _step(
        "jacobian_ball",
        "The Jacobian keeps half of its smallest singular value",
        "If |theta - theta_0| <= R and R Lip <= sigma_0/2, Lip a Lipschitz constant of J_g on that ball, then "
        "sigma_min(J_g(theta)) >= sigma_0/2.",
        "Singular values move by at most the norm of the perturbation (Weyl), here Lip |theta - theta_0| <= sigma_0/2.",
        when=_IN_BALL,
        conclusion=sp.Ge(sym("sigma_theta"), s0 / 2, evaluate=False),
        tight="Attained on the sphere of radius R by g(r) = sigma_0 r - Lip r^2/2.",
        hypotheses=("A.generator.lipschitz", "A.init"),
        direction="lower",
        formulas={"lower": s0 - Lip * r, "rhs": s0 / 2},
        reads={"lower": "lower bound of sigma_min(J_g) at distance r", "rhs": "its value on the whole ball"},
        proof_uses=("trusted.weyl",),
        obligations=(
            Obligation.inequality(
                "sigma_0 - Lip r >= sigma_0/2 for r = R z/(1+z) <= R, R = sigma_0/(2 Lip)",
                s0 / 2,
                s0 - Lip * r,
                s0 / (2 * (1 + sym("z"))),
                where={r: s0 / (2 * Lip) * sym("z") / (1 + sym("z"))},
            ),
        ),
        mutants=MUTANTS["step.jacobian_ball"],
        constants=CONSTANTS["step.jacobian_ball"],
    ),
    _step(
        "gradient_lower",
        "The speed controls the gradient of the loss",
        "|theta'| >= sigma_min(J_g(t)) sigma_F |grad L_y(y(t))|.",
        "theta' = -J_g^T J_F^T grad L_y. J_g has at least as many columns as rows, so |J_g^T v| >= sigma_min(J_g) |v|. "
        "grad L_y is in the image of J_F, the orthogonal complement of the kernel of J_F^T, on which |J_F^T v| >= "
        "sigma_F |v|.",
        conclusion=sp.Ge(ell_dot, sym("sigma_t") * sF * grad_norm, evaluate=False),
        tight="Attained at all times for n = m = p = 1.",
        hypotheses=(*_FLOW_HYPOTHESES, "A.operator.range", "A.operator.nondegenerate", "A.init"),
        direction="lower",
        proof_uses=("step.chain_rule",),
        mutants=MUTANTS["step.gradient_lower"],
        constants=CONSTANTS["step.gradient_lower"],
    ),
    _step(
        "kl",
        "Kurdyka-Lojasiewicz inequality along the run",
        "While 0 < L_y(y(t)): psi'(L_y(y(t))) |grad L_y(y(t))| >= 1.",
        "A.loss.KL at v = y(t); the loss does not increase (step.energy), so it stays below r0.",
        conclusion=sp.Ge(dpsi(loss) * grad_norm, 1, evaluate=False),
        tight="Equality for plain least squares.",
        hypotheses=("A.loss.KL",),
        direction="lower",
        proof_uses=("step.energy",),
        mutants=MUTANTS["step.kl"],
        constants=CONSTANTS["step.kl"],
    ),
    _step(
        "length_rate",
        "The desingularized loss pays for the length of the path",
        _BALL + "d/dt psi(L_y(y(t))) <= -(sigma_0 sigma_F/2) |theta'|.",
        "d/dt psi(L) = -psi'(L) |theta'|^2 <= -psi'(L) |theta'| sigma_min(J_g) sigma_F |grad L| <= "
        "-(sigma_0/2) sigma_F |theta'| by step.energy, step.gradient_lower, step.kl and step.jacobian_ball.",
        when=_IN_BALL,
        conclusion=sp.Le(drho, -s0 * sF * ell_dot / 2, evaluate=False),
        hypotheses=("A.loss.KL", "A.operator.range", "A.operator.nondegenerate", "A.init", "A.generator.lipschitz"),
        direction="upper",
        formulas={"rhs": -s0 * sF * ell_dot / 2},
        reads={"rhs": "upper bound of the derivative of rho"},
        proof_uses=("step.energy", "step.gradient_lower", "step.kl", "step.jacobian_ball"),
        obligations=(
            Obligation.inequality(
                "-psi' |theta'|^2 <= -(sigma_0 sigma_F/2)|theta'| for psi'|grad L| = 1 + z and |theta'| at least as in "
                "step.gradient_lower",
                -dpsi(loss) * _speed**2,
                -s0 * sF * _speed / 2,
                _speed * sF * (c * (1 + z) + s0 * z / 2),
            ),
        ),
        mutants=MUTANTS["step.length_rate"],
        constants=CONSTANTS["step.length_rate"],
    ),
    _step(
        "confinement",
        "The run never leaves the ball",
        "If R' = 2 rho_0/(sigma_F sigma_0) < R: |theta(t) - theta_0| <= ell(t) <= R' < R for all t.",
        "As long as the run is in the ball, step.length_rate integrates to (sigma_0 sigma_F/2) ell(t) <= rho_0 - "
        "rho(t) <= rho_0, so ell(t) <= R' < R; the set of times up to which this holds is open and closed.",
        conclusion=sp.Le(sym("ell"), 2 * (rho_0 - rho) / (sF * s0), evaluate=False),
        tight="Not attained: 4 - 2 sqrt 2 could stand for the 2 in R' (proved, sharp.length at h = 1/4).",
        hypotheses=("A.loss.KL", "A.operator.range", "A.operator.nondegenerate", "A.init", "A.generator.lipschitz"),
        direction="upper",
        formulas={"bound": 2 * (rho_0 - rho) / (sF * s0), "rhs": 2 * rho_0 / (sF * s0)},
        reads={"bound": "bound of the length up to now, from the current rho", "rhs": "bound of the whole length, R'"},
        uses=("baseline.condition",),
        proof_uses=("step.length_rate",),
        obligations=(
            Obligation(
                "the bound grows as step.length_rate allows",
                sp.diff(2 * (rho_0 - rho) / (sF * s0), rho) + 2 / (s0 * sF),
            ),
            Obligation("at rho = 0 it is R'", (2 * (rho_0 - rho) / (sF * s0)).subs(rho, 0) - 2 * rho_0 / (sF * s0)),
        ),
        mutants=MUTANTS["step.confinement"],
        constants=CONSTANTS["step.confinement"],
    ),
    _step(
        "dissipation",
        "The loss decreases at a rate set by itself",
        _BALL + "d/dt L_y(y(t)) <= -(sigma_0^2 sigma_F^2/4) / psi'(L_y(y(t)))^2.",
        "L' = -|theta'|^2 <= -sigma_min(J_g)^2 sigma_F^2 |grad L|^2 and |grad L| >= 1/psi'(L).",
        when=_IN_BALL,
        conclusion=sp.Le(dloss, -(s0**2) * sF**2 / (4 * dpsi(loss) ** 2), evaluate=False),
        hypotheses=("A.loss.KL", "A.operator.range", "A.operator.nondegenerate", "A.init", "A.generator.lipschitz"),
        direction="upper",
        formulas={"rhs": -(s0**2) * sF**2 / (4 * dpsi(loss) ** 2)},
        reads={"rhs": "upper bound of the derivative of the loss"},
        proof_uses=("step.energy", "step.gradient_lower", "step.kl", "step.jacobian_ball"),
        obligations=(
            Obligation.inequality(
                "-|theta'|^2 <= -(sigma_0^2 sigma_F^2/4)/psi'^2 for psi'|grad L| = 1 + z and |theta'| at least as in "
                "step.gradient_lower",
                -(_speed**2),
                -(s0**2) * sF**2 / (4 * dpsi(loss) ** 2),
                sF**2 / dpsi(loss) ** 2 * (c * (1 + z) + s0 * z / 2) * (c * (1 + z) + s0 * (2 + z) / 2),
            ),
        ),
        mutants=MUTANTS["step.dissipation"],
        constants=CONSTANTS["step.dissipation"],
    ),
    _step(
        "time_change",
        "Time measured by Psi",
        _BALL + "d/dt Psi(L_y(y(t))) >= sigma_0^2 sigma_F^2/4, Psi a primitive of -(psi')^2; Psi is decreasing.",
        "d/dt Psi(L) = -psi'(L)^2 L' and step.dissipation.",
        when=_IN_BALL,
        conclusion=sp.Ge(sym("dPsi"), s0**2 * sF**2 / 4, evaluate=False),
        hypotheses=("A.loss.KL", "A.operator.range", "A.operator.nondegenerate", "A.init", "A.generator.lipschitz"),
        direction="lower",
        directions={"value": "exact"},
        formulas={"rhs": s0**2 * sF**2 / 4, "value": Psi(loss)},
        reads={"rhs": "lower bound of the derivative of Psi(L)", "value": "the quantity Psi(L)"},
        proof_uses=("step.dissipation",),
        obligations=(
            Obligation(
                "-psi'^2 times the bound of step.dissipation is the constant",
                -(dpsi(loss) ** 2) * (-(s0**2) * sF**2 / (4 * dpsi(loss) ** 2)) - s0**2 * sF**2 / 4,
            ),
        ),
        mutants=MUTANTS["step.time_change"],
        constants=CONSTANTS["step.time_change"],
    ),
    _step(
        "tail_length",
        "The remaining path is short",
        "If R' < R: the length of the path from t on is at most (2/(sigma_0 sigma_F)) psi(L_y(y(t))).",
        "Integrate step.length_rate from t to infinity; psi >= 0.",
        conclusion=sp.Le(sym("ell_tail"), 2 * psi(loss) / (s0 * sF), evaluate=False),
        hypotheses=("A.loss.KL", "A.operator.range", "A.operator.nondegenerate", "A.init", "A.generator.lipschitz"),
        direction="upper",
        formulas={"rhs": 2 * psi(loss) / (s0 * sF)},
        reads={"rhs": "bound of the length of the path after t"},
        uses=("baseline.condition",),
        proof_uses=("step.length_rate", "step.confinement"),
        mutants=MUTANTS["step.tail_length"],
        constants=CONSTANTS["step.tail_length"],
    ),
    _step(
        "growth",
        "The desingularized loss bounds the residual",
        "For every v with L_y(v) < r0: |v - y| <= psi(L_y(v)).",
        "Follow the flow v' = -grad L_y(v) of the loss itself: d/dt psi(L) = -psi'(L) |grad L|^2 <= -|v'|, so its "
        "length is at most psi(L_y(v)). It converges to a critical point of loss < r0, which by A.loss.KL has loss "
        "0, hence to y.",
        conclusion=sp.Le(residual, psi(loss), evaluate=False),
        tight="Equality for plain least squares.",
        hypotheses=("A.loss.smooth", "A.loss.min", "A.loss.unique", "A.loss.KL"),
        direction="upper",
        formulas={"rhs": psi(loss)},
        reads={"rhs": "bound of |v - y| for a v of loss L"},
        cites=("buskulic2024", "bolte2017"),
        obligations=(
            Obligation.inequality(
                "-psi' |grad|^2 <= -|grad|, the speed of the flow of the loss, for psi'|grad| = 1 + z",
                -dpsi(loss) * ((1 + z) / dpsi(loss)) ** 2,
                -(1 + z) / dpsi(loss),
                z * (1 + z) / dpsi(loss),
            ),
        ),
        mutants=MUTANTS["step.growth"],
        constants=CONSTANTS["step.growth"],
    ),
    _step(
        "triangle_obs",
        "Noise in observation space",
        "|y(t) - ybar| <= |y(t) - y| + eps.",
        "The triangle inequality; y - ybar is the noise.",
        conclusion=sp.Le(y_err, residual + eps, evaluate=False),
        tight="Attained when the residual and the noise point the same way.",
        direction="upper",
        formulas={"rhs": residual + eps},
        reads={"rhs": "bound of |y(t) - ybar|"},
        mutants=MUTANTS["step.triangle_obs"],
        constants=CONSTANTS["step.triangle_obs"],
    ),
    _step(
        "triangle_sig",
        "From observations to signals",
        "With mu the restricted injectivity constant on a set Sigma' that contains x(t), xbar' a nearest point of "
        "Sigma' to xbar, dist = |xbar - xbar'| and L_F a Lipschitz constant of F on the segment between them: |x(t) "
        "- xbar| <= (|y(t) - y| + eps + L_F dist)/mu + dist.",
        "|x(t) - xbar| <= |x(t) - xbar'| + dist and mu |x(t) - xbar'| <= |F(x(t)) - F(xbar')| <= |y(t) - y| + "
        "|y - F(xbar)| + |F(xbar) - F(xbar')|.",
        conclusion=sp.Le(sym("x_err"), (residual + eps + L_F * dist) / mu + dist, evaluate=False),
        hypotheses=("A.injective",),
        direction="upper",
        formulas={"rhs": (residual + eps + L_F * dist) / mu + dist},
        reads={"rhs": "bound of |x(t) - xbar|"},
        obligations=(
            Obligation(
                "mu |x - xbar'| = |y(t) - y| + eps + L_F dist gives the bound",
                mu * ((residual + eps + L_F * dist) / mu + dist - dist) - (residual + eps + L_F * dist),
            ),
        ),
        mutants=MUTANTS["step.triangle_sig"],
        constants=CONSTANTS["step.triangle_sig"],
    ),
)
"""The steps, in the order of the proof."""
