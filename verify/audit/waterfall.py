"""Where along its proof the looseness of a final bound enters: one declared table.

A :class:`Waterfall` takes two sides of a bound, measured at one time of a run, and writes how far they are apart as a
product of factors ≥ 1, or as a sum of terms ≥ 0, each of which one step of the proof throws away.  The decomposition is
an identity, which :meth:`Waterfall.identity` states as an obligation: nothing is lost between total and parts, so a share
of a part is a share of the whole.  Parts that are identities of the proof (`step.energy`) are in the table too, equal to
1 or 0 up to the error of measurement.

Bounds that are integrals in time are taken apart before they are integrated: the bound L ≤ Ψ^{-1}(γ(t)), for instance, says
that Ψ(L) grows faster than γ, and how much faster is what is thrown away at every time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import sympy as sp

from theory.ledger import registry
from theory.statement import Obligation
from theory.symbols import Psi_inv, dpsi, psi, sym

__all__ = ["WATERFALLS", "Part", "Waterfall"]


@dataclass(frozen=True)
class Part:
    """What one step throws away: a factor ≥ 1 or a term ≥ 0; `step` is an identifier of the registry.

    `identity`: it is 1 (or 0) by the proof, and measured only to see that.
    """

    label: str
    step: str
    value: Any
    identity: bool = False


@dataclass(frozen=True)
class Waterfall:
    """The looseness `total` of a statement, and its parts: their product, or their sum.

    `scale` is what a sum is measured against (the bound); `reads` says in words what total is.
    """

    statement: str
    reads: str
    kind: Literal["product", "sum"]
    total: Any
    parts: tuple[Part, ...]
    scale: Any = sp.S.One

    def identity(self) -> Obligation:
        """The total is exactly the product, or the sum, of the parts."""
        values = [part.value for part in self.parts]
        if self.kind == "product":
            return Obligation(f"{self.statement}: the factors make up the total", sp.Mul(*values) / self.total - 1)
        return Obligation(f"{self.statement}: the terms make up the total", sp.Add(*values) - self.total)


def _ratio(statement: str) -> Any:
    """larger side / smaller side of the conclusion of a registered statement."""
    relation = registry[statement].conclusion
    low, high = relation.args if isinstance(relation, sp.Le | sp.Lt) else relation.args[::-1]
    return high / low


def _sides(statement: str) -> tuple[Any, Any]:
    relation = registry[statement].conclusion
    return relation.lhs, relation.rhs


sF, s0, sigma, Lam, Lip = sym("sigma_F"), sym("sigma_0"), sym("sigma_t"), sym("Lambda"), sym("Lip")
loss, loss_0, rho, rho_0, residual = sym("loss"), sym("loss_0"), sym("rho"), sym("rho_0"), sym("residual")
ell, speed, grad, q, dPsi, drho = (sym(s) for s in ("ell", "ell_dot", "grad_norm", "q_norm", "dPsi", "drho"))
eps, mu, dist, y_err, x_err, t = sym("eps"), sym("mu"), sym("dist"), sym("y_err"), sym("x_err"), sym("t")
f_a, a_speed, nu = sym("f_a"), sym("ell_a_dot"), sym("nu")

_majorant: Final = s0 - Lam * ell
"""s(ℓ), linear modulus."""
_now: Final = registry["sharp.sigma"].formulas["bound"]
_floor: Final = registry["sharp.sigma"].formulas["floor"]
_baseline: Final = psi(Psi_inv(registry["baseline.loss_rate"].formulas["gamma"]))


def _flow(power: int, *rest: Part) -> tuple[Part, ...]:
    """−ρ' against ℓ' (power 1), or against ρ (power 2): energy, loss, operator, then what `rest` says of σ_min."""
    return (
        Part("the loss falls by the squared speed", "step.energy", -drho / (dpsi(loss) * speed**2), identity=True),
        Part("the loss: 1 for psi'|grad L|", "step.kl", (dpsi(loss) * grad) ** power),
        Part("directions: smallest singular values for those of the gradient", "step.gradient_lower",
             (speed / (sigma * sF * grad)) ** power),
        *rest,
    )  # fmt: skip


def _psi_flow(*rest: Part) -> tuple[Part, ...]:
    """d/dt Ψ(L) against a constant."""
    return (
        Part("the loss falls by the squared speed", "step.energy", dPsi / (dpsi(loss) * speed) ** 2, identity=True),
        Part("the loss: 1 for psi'|grad L|", "step.kl", (dpsi(loss) * grad) ** 2),
        Part("directions: smallest singular values for those of the gradient", "step.gradient_lower",
             (speed / (sigma * sF * grad)) ** 2),
        *rest,
    )  # fmt: skip


def _half(power: int) -> tuple[Part, ...]:
    """σ_min(J_g(t)) against σ0/2."""
    line = s0 - Lip * ell
    return (
        Part("Weyl along the path: sigma_0 - Lip ell for sigma_min", "trusted.weyl", (sigma / line) ** power),
        Part("the ball: sigma_0/2 for sigma_0 - Lip ell", "step.jacobian_ball", (line / (s0 / 2)) ** power),
    )


def _weyl(power: int) -> Part:
    return Part("Weyl along the path: s(ell) for sigma_min", "trusted.weyl", (sigma / _majorant) ** power)


def _path(power: int) -> Part:
    return Part("the path: its bound for its length ell", "sharp.length", (_majorant / _now) ** power)


def _baseline_residual(scale: Any, step: str) -> tuple[Part, ...]:
    """ψ(Ψ^{-1}(γ)) → ρ → |y(t) − y| → |y(t) − ȳ|, as terms."""
    return (
        Part("the rate", "baseline.loss_rate", (_baseline - psi(loss)) / scale),
        Part("rho for the residual", "step.growth", (psi(loss) - residual) / scale),
        Part("noise and residual added up", step, (residual + eps - y_err) / scale),
    )


_step_now: Final = sp.sqrt(s0**2 - 2 * Lam * (rho_0 - rho) / (nu * sF))
_step_floor: Final = registry["gd.rate"].formulas["s_star"]
_hidden: Final = f_a, sym("f_0"), sym("B1"), sym("k"), sym("ell_a")
_hidden_line: Final = sym("f_0") - sym("B1") * sym("ell_a") / sp.sqrt(sym("k"))
_hidden_now: Final = sp.sqrt(sym("f_0") ** 2 - sym("B1") * (rho_0 - rho) / (sp.sqrt(sym("k")) * sF))
_tail_root: Final = sp.sqrt(_majorant**2 - 2 * Lam * rho / sF)
_tail_here: Final = 2 * rho / (sF * (_majorant + _tail_root))
_logistic: Final = registry["sharp.logistic"].formulas["bound"]
_kernel: Final = (rho + eps) ** 2 / sF**2 + (sym("ker_0") + sym("drift")) ** 2

WATERFALLS: Final = (
    Waterfall(
        "baseline.loss_rate", "how many times faster Psi(L) grows than sigma_0^2 sigma_F^2/4", "product",
        _ratio("step.time_change"), _psi_flow(*_half(2)),
    ),
    Waterfall(
        "step.confinement", "how many times more rho falls than (sigma_0 sigma_F/2) times the path grows", "product",
        -drho / (s0 * sF * speed / 2), _flow(1, *_half(1)),
    ),
    Waterfall(
        "baseline.param_rate", "bound of |theta(t) - theta_inf| over its value", "product",
        _ratio("baseline.param_rate"),
        (
            Part("the path for the distance", "baseline.param_rate", sym("ell_tail") / sym("theta_tail")),
            Part("the remaining path", "step.tail_length", 2 * psi(loss) / (s0 * sF) / sym("ell_tail")),
            Part("the rate", "baseline.loss_rate", _baseline / psi(loss)),
        ),
    ),
    Waterfall(
        "baseline.early_stop", "2 eps over |y(t) - ybar|, after the stopping time", "product",
        _ratio("baseline.early_stop"),
        (
            Part("time gone by since the stopping time", "baseline.early_stop", 2 * eps / (eps + _baseline)),
            Part("the rate", "baseline.loss_rate", (eps + _baseline) / (eps + psi(loss))),
            Part("rho for the residual", "step.growth", (eps + psi(loss)) / (eps + residual)),
            Part("noise and residual added up", "step.triangle_obs", (eps + residual) / y_err),
        ),
    ),
    Waterfall(
        "baseline.recovery", "bound of |x(t) - xbar| minus its value, as a share of the bound", "sum",
        _sides("baseline.recovery")[1] - x_err,
        (
            *_baseline_residual(mu, "step.triangle_sig"),
            Part("mu for the direction of the error, and dist added", "step.triangle_sig",
                 (y_err + sym("L_F") * dist) / mu + dist - x_err),
        ),
        scale=_sides("baseline.recovery")[1],
    ),
    Waterfall(
        "recover.linear", "bound of |x(t) - xbar| minus its value, as a share of the bound", "sum",
        _sides("recover.linear")[1] - x_err,
        (
            *_baseline_residual(mu, "recover.linear"),
            Part("mu for the direction of the error, |A| dist added", "recover.linear",
                 (y_err + sym("A_norm") * dist) / mu - x_err),
        ),
        scale=_sides("recover.linear")[1],
    ),
    Waterfall(
        "sharp.rate", "how many times faster Psi(L) grows than a = sigma_F^2 sigma_0^2 (1 - 2h)", "product",
        dPsi / registry["sharp.rate"].formulas["a"],
        _psi_flow(_weyl(2), _path(2), Part("the floor for all time", "sharp.rate", (_now / _floor) ** 2)),
    ),
    Waterfall(
        "sharp.logistic", "how many times faster rho falls than -rho' = (a + b rho)/psi'", "product",
        _ratio("step.majorant_rate") ** -1, _flow(2, _weyl(2), _path(2)),
    ),
    Waterfall(
        "sharp.length", "how many times more rho falls than sigma_F S(ell) grows", "product",
        _ratio("step.majorant") ** -1, _flow(1, _weyl(1)),
    ),
    Waterfall(
        "sharp.sigma", "sigma_min(J_g(t)) over its lower bound", "product",
        _ratio("sharp.sigma"), (_weyl(1), _path(1)),
    ),
    Waterfall(
        "sharp.tail", "bound of |theta(t) - theta_inf| over its value", "product",
        _ratio("sharp.tail"),
        (
            Part("the path for the distance", "sharp.tail", sym("ell_tail") / sym("theta_tail")),
            Part("the remaining path, from s(ell)", "sharp.length", _tail_here / sym("ell_tail")),
            Part("the bound of the path for its length ell", "sharp.tail", _sides("sharp.tail")[1] / _tail_here),
        ),
    ),
    Waterfall(
        "sharp.stop", "2 eps over |y(t) - ybar|, after the stopping time", "product",
        _ratio("sharp.stop"),
        (
            Part("time gone by since the stopping time", "sharp.stop", 2 * eps / (eps + _logistic)),
            Part("the logistic bound", "sharp.logistic", (eps + _logistic) / (eps + rho)),
            Part("rho for the residual", "step.growth", (eps + rho) / (eps + residual)),
            Part("noise and residual added up", "step.triangle_obs", (eps + residual) / y_err),
        ),
    ),
    Waterfall(
        "dip2.amgm", "hidden norm f over its lower bound", "product",
        _ratio("dip2.amgm"),
        (
            Part("the path: f_0 - B1 ell_a/sqrt k for f", "dip2.amgm", f_a / _hidden_line),
            Part("the bound of the path for its length ell_a", "dip2.amgm", _hidden_line / _hidden_now),
            Part("the floor for all time", "dip2.amgm", _hidden_now / _sides("dip2.amgm")[1]),
        ),
    ),
    Waterfall(
        "step.amgm", "how many times more rho falls than 2 sigma_F f times the path of a grows", "product",
        _ratio("step.amgm") ** -1,
        (
            Part("the loss falls by the squared speed", "step.energy", -drho / (dpsi(loss) * speed**2), identity=True),
            Part("the speed of both layers", "step.speed_split", speed**2 / (f_a**2 * q**2 + a_speed**2), identity=True),
            Part("2xy for x^2 + y^2", "step.amgm", (f_a**2 * q**2 + a_speed**2) / (2 * f_a * q * a_speed)),
            Part("directions: sigma_F for that of the gradient", "A.operator.range", q / (sF * grad)),
            Part("the loss: 1 for psi'|grad L|", "step.kl", dpsi(loss) * grad),
        ),
    ),
    Waterfall(
        "recover.kernel", "bound of |x(t) - xbar|^2 minus its value, as a share of the bound", "sum",
        _sides("recover.kernel")[1] ** 2 - x_err**2,
        (
            Part("rho for the residual", "step.growth", ((rho + eps) ** 2 - (residual + eps) ** 2) / sF**2),
            Part("noise and residual added up", "recover.kernel", ((residual + eps) ** 2 - y_err**2) / sF**2),
            Part("sigma_F for the direction of the error", "A.operator.linear",
                 y_err**2 / sF**2 - (x_err**2 - sym("unseen") ** 2)),
            Part("drift in the kernel", "recover.kernel", (sym("ker_0") + sym("drift")) ** 2 - sym("unseen") ** 2),
        ),
        scale=_kernel,
    ),
    Waterfall(
        "gd.rate", "how many times more one step gains than nu gamma sigma_F^2 s_star^2/psi'^2", "product",
        (loss - sym("loss_next")) / (loss - _sides("gd.rate")[1]),
        (
            Part("the step: nu gamma |grad|^2 for what it gains", "gd.descent",
                 (loss - sym("loss_next")) / (nu * sym("gamma") * sym("grad_theta") ** 2)),
            Part("the loss: 1 for psi'|grad L|", "step.kl", (dpsi(loss) * grad) ** 2),
            Part("directions: smallest singular values for those of the gradient", "step.gradient_lower",
                 (sym("grad_theta") / (sigma * sF * grad)) ** 2),
            _weyl(2),
            Part("the path: its bound for its length ell", "gd.length", (_majorant / _step_now) ** 2),
            Part("the floor for all iterates", "gd.rate", (_step_now / _step_floor) ** 2),
        ),
    ),
    Waterfall(
        "gd.length", "bound of the whole length over the length so far", "product",
        _ratio("gd.length"),
        (
            Part("the bound of the length so far", "gd.length", registry["gd.length"].formulas["bound"] / ell),
            Part("what is left of rho", "gd.length", _sides("gd.length")[1] / registry["gd.length"].formulas["bound"]),
        ),
    ),
)  # fmt: skip
"""The waterfalls of the final bounds, in the order of the theory."""
