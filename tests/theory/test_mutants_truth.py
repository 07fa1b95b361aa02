"""Mutants and constants: as true, as false and as sharp as they say, where a closed form decides, in 40 digits.

The wrong variant fails at the point that it names, the statement does not, and no true variant fails anywhere on the
scalar family of `sharp.optimal`.
"""

from __future__ import annotations

from typing import Any

import mpmath
import pytest
import sympy as sp

from theory.claim import Claim, claim_of
from theory.ledger import registry
from theory.losses import LOSSES
from theory.mutant import DIAL, Constant, Mutant
from theory.mutants.build import ZERO_LOSS
from theory.symbols import SYMBOLS, sym

MP = mpmath.MPContext()  # its own: the precision of other tests is not ours to change
MP.dps = 40

MUTANTS = [(key, mutant) for key, item in registry.items() for mutant in item.mutants]
CONSTANTS = [(key, constant) for key, item in registry.items() for constant in item.constants]
FALSE = {f"{key}/{mutant.name}" for key, mutant in MUTANTS if mutant.truth == "false"}


def _id(pair: tuple[str, Mutant | Constant]) -> str:
    return f"{pair[0]}/{pair[1].name}"


def _parts(claim: Claim) -> list[Any]:
    relations = [claim.conclusion, claim.when, *(relation for _, relation in claim.conditions)]
    return [relation for relation in relations if relation is not None]


LEAST_SQUARES = LOSSES["least_squares"].kl


def mpf(value: Any) -> Any:
    """The decimal that is written, in 40 digits: 0.1 is a tenth."""
    return MP.mpf(str(value) if isinstance(value, float) else value)


def family(
    h: Any, t: Any, *, s: Any = 1, gain: Any = 1, eps: Any = 0, xbar: Any = None, **other: Any
) -> dict[str, Any]:
    """The scalar family at a time, σ0 = s, σ_F = gain, Λ = 1 (unless given): the values of its symbols, `other` on top.

    The noise is along the residual; with `xbar` it is y − gain·xbar, opposite to it.
    """
    Lam = mpf(other.pop("Lambda", 1))
    h, t, s, gain, eps = mpf(h), mpf(t), mpf(s), mpf(gain), mpf(eps)
    rho_0 = h * gain * s**2 / Lam
    a, b = gain**2 * s**2 * (1 - 2 * h), 2 * gain * Lam
    decay = MP.exp(-a * t)
    rho = a * rho_0 * decay / (a + b * rho_0 * (1 - decay))
    now = MP.sqrt(s**2 - 2 * Lam * (rho_0 - rho) / gain)
    end = MP.sqrt(s**2 * (1 - 2 * h)) if 2 * h < 1 else mpf(0)
    ell, whole = 2 * (rho_0 - rho) / (gain * (s + now)), 2 * rho_0 / (gain * (s + end))
    tail = 2 * rho / (gain * (now + end))
    speed, loss = gain * now * rho, rho**2 / 2
    limit = max(mpf(0), rho_0 * (1 - 1 / (2 * h))) ** 2 / 2
    values: dict[str, Any] = {
        "sigma_F": gain, "A_norm": gain, "L_F": gain, "sigma_0": s, "J_norm": s, "Lambda": Lam, "Lip": Lam, "w_min": 1,
        "rho_0": rho_0, "loss_0": rho_0**2 / 2, "rho": rho, "loss": loss, "residual": rho, "t": t, "h": h, "eps": eps,
        "R": s / (2 * Lam), "R_prime": 2 * rho_0 / (gain * s), "ell": ell, "ell_star": whole, "ell_tail": tail,
        "theta_tail": tail, "theta_dist": ell, "r": ell, "Omega": Lam * ell, "J_change": Lam * ell,
        "sigma_t": now, "sigma_theta": now, "sigma_g": now, "ell_dot": speed, "grad_norm": rho, "q_norm": gain * rho,
        "grad_theta": speed, "chain_gap": 0, "dloss": -(speed**2), "drho": -(speed**2) / rho,
        "dPsi": speed**2 / (2 * loss), "y_err": rho + eps, "loss_limit": limit,
    }  # fmt: skip
    if xbar is not None:
        g, x = s * ell - Lam * ell**2 / 2, mpf(xbar)
        noise = rho + gain * g - gain * x  # y − gain·xbar
        energy = (x - g) ** 2 / (2 * now**2)
        # d/dr of the energy times dr/dt
        slope = -(x - g) / now + (x - g) ** 2 * Lam / now**3
        values |= {"eps": abs(noise), "E": energy, "E_0": x**2 / (2 * s**2), "dE": slope * speed,
                   "G_L": 2 * MP.log(s / now)}  # fmt: skip
    return values | other


def linear(sigma: Any, t: Any, rho_0: Any = 1, **other: Any) -> dict[str, Any]:
    """g = sigma·theta, F the identity."""
    return family(mpf(rho_0) * mpf("1e-60") / mpf(sigma) ** 2, t, s=sigma, Lambda=mpf("1e-60"), **other)


def evaluate(expression: Any, values: dict[str, Any]) -> Any:
    """The value in 30 digits."""
    filled = LEAST_SQUARES.apply(sp.sympify(expression))
    point = {sym(name): sp.Float(MP.nstr(mpf(value), 45), 40) for name, value in values.items()}
    return filled.subs(point).evalf(30)


def slack(relation: Any, values: dict[str, Any]) -> Any:
    """What is >= 0 if the relation holds."""
    if isinstance(relation, sp.Eq):
        return -abs(evaluate(relation.lhs - relation.rhs, values))
    sign = 1 if isinstance(relation, sp.Ge | sp.Gt) else -1
    return sign * (evaluate(relation.lhs, values) - evaluate(relation.rhs, values))


def in_force(claim: Claim, values: dict[str, Any]) -> bool:
    """Whether the conditions hold, strictly, and so does `when`."""
    for _, relation in claim.conditions:
        room = slack(relation, values)
        if room < 0 or (room == 0 and isinstance(relation, sp.Lt | sp.Gt)):
            return False
    return claim.when is None or bool(slack(claim.when, values) >= -sp.Float("1e-25"))


# Wrong variants and the point of a closed form at which they die.
_E = family(0.3, 1)
_NOISY = family(0.3, 1, xbar=0.25)
_WEAK = {"A_norm": 1}
_STOP = MP.log(100)
DEATHS: dict[str, dict[str, Any]] = {
    "baseline.condition/beyond-twice": family(0.54, 1),
    "baseline.loss_rate/rate-0-6": family(0.2499, 6.8),
    "baseline.loss_rate/rate-0-51": family(0.2499, 71),
    "baseline.loss_rate/square-lost": linear(0.1, 1),
    "baseline.loss_rate/largest-of-jacobian": linear(0.1, 1, J_norm=1),
    "baseline.loss_rate/norm-of-operator": linear(1, 1, gain=0.1, A_norm=1),
    "baseline.loss_rate/psi-halved": family(0.2, 1),
    "baseline.loss_rate/start-forgotten": linear(1, 0, 10),
    "baseline.loss_rate/condition-dropped": family(0.45, 14),
    "baseline.loss_rate/condition-1-6": family(0.399, 34),
    "baseline.mse_rate/rate-0-6": family(0.2499, 6.8),
    "baseline.mse_rate/square-lost": linear(0.1, 1),
    "baseline.mse_rate/largest-of-jacobian": linear(0.1, 1, J_norm=1),
    "baseline.param_rate/one": family(0.2, 0),
    "baseline.param_rate/sigma-0-lost": linear(0.1, 0),
    "baseline.early_stop/factor-one": family(0.2, _STOP, eps=0.002),
    "baseline.early_stop/bracket-moved": linear(1, 18.2, 100, gain=MP.sqrt(0.1), eps=1),
    "baseline.early_stop/square-lost": linear(0.1, 40 * _STOP, eps=0.01),
    "baseline.early_stop/noise-once": family(0.2, 0, eps=0.2),
    "baseline.early_stop/at-all-times": family(0.2, 0, eps=0.05),
    "baseline.mse_stop/factor-one": family(0.2, _STOP, eps=0.002),
    "baseline.mse_stop/common-logarithm": family(0.2499, 16, eps=0.2499e-4),
    "baseline.mse_stop/largest-of-jacobian": linear(0.1, 4 * _STOP, eps=0.01, J_norm=1),
    "step.energy/square-lost": _E,
    "step.energy/halved": _E,
    "step.jacobian_ball/six-tenths": family(0.37, 60),
    "step.jacobian_ball/twice-the-ball": family(0.49, 60),
    "step.gradient_lower/largest-singular-value": linear(0.1, 1, sigma_g=1),
    "step.gradient_lower/norm-of-operator": linear(1, 1, gain=0.1, A_norm=1),
    "step.gradient_lower/frozen": family(0.4, 1),
    "step.kl/psi-halved": _E,
    "step.length_rate/whole": _E,
    "step.length_rate/outside-the-ball": family(0.45, 10),
    "step.length_rate/norm-of-operator": linear(1, 1, gain=0.1, A_norm=1),
    "step.confinement/one": family(0.2, 30),
    "step.dissipation/whole": _E,
    "step.dissipation/square-lost": linear(0.1, 1),
    "step.dissipation/outside-the-ball": family(0.45, 10),
    "step.time_change/whole": _E,
    "step.time_change/outside-the-ball": family(0.45, 10),
    "step.tail_length/one": family(0.2, 1),
    "step.growth/psi-halved": _E,
    "step.triangle_obs/orthogonal": family(0.3, 1, eps=0.1),
    "step.triangle_obs/noise-forgotten": family(0.3, 1, eps=0.1),
    "sharp.condition/six-tenths": family(0.55, 1),
    "sharp.condition/square-lost": family(0.8, 1, s=0.5),
    "sharp.condition/largest-of-jacobian": family(0.8, 1, s=0.5, J_norm=1),
    "sharp.condition/norm-of-operator": family(0.8, 1, gain=0.1, A_norm=1),
    "sharp.length/half": _E,
    "sharp.length/majorant-halved": _E,
    "sharp.length/majorant-forgotten": _E,
    "sharp.length/largest-of-jacobian": linear(0.1, 1, J_norm=1),
    "sharp.length/norm-of-operator": linear(1, 1, gain=0.1, A_norm=1),
    "sharp.sigma/halved": _E,
    "sharp.sigma/linearized": _E,
    "sharp.rate/one-minus-h": family(0.3, 3),
    "sharp.rate/rate-of-the-start": _E,
    "sharp.rate/norm-of-operator": linear(1, 1, gain=0.1, A_norm=1),
    "sharp.logistic/one-minus-h": _E,
    "sharp.logistic/three-b": _E,
    "sharp.stop/earlier": family(0.3, 3.5, eps=0.03),
    "sharp.stop/rate-of-the-start": family(0.3, 2.5, eps=0.03),
    "sharp.stop/noise-once": family(0.3, 3.82, eps=0.03),
    "sharp.tail/half": _E,
    "sharp.tail/singular-value-of-the-start": _E,
    "sharp.general/earlier": _E,
    "sharp.general/majorant-halved": _E,
    "sharp.implies_baseline/two-fifths": family(0.39, 1),
    "sharp.optimal/one-minus-h": _E,
    "sharp.restart/majorant-forgotten": family(0.3, 30),
    "sharp.restart/convergence-beyond": family(0.55, 1),
    "step.majorant/halved": _E,
    "step.majorant/frozen": _E,
    "step.majorant_rate/one": _E,
    "step.majorant_rate/frozen": _E,
    "illposed.energy/growth-halved": _NOISY,
    "illposed.energy/noise-forgotten": _NOISY,
    "illposed.energy/residual-more": _NOISY,
    "illposed.energy/frozen": _NOISY,
    "illposed.semiconvergence/never-increases": family(2, 0.3, xbar=2),
    "illposed.semiconvergence/growth-halved": family(20, 0.1, xbar=20),
    "recover.reach/modulus-forgotten": family(0.3, 1, reach=evaluate(sym("r") - sym("r") ** 2 / 2, _E)),
    "gd.descent/nu-lost": {"loss": 1, "loss_next": 0.81, "gamma": 0.1, "M": 1, "nu": 0.95, "grad_theta": MP.sqrt(2)},
    "gd.descent/quarter": {"loss": 1, "loss_next": 0.81, "gamma": 0.1, "M": 1, "nu": 0.95, "grad_theta": MP.sqrt(2)},
    "gd.length/nu-lost": linear(1, 0, nu=0.1, ell=9),
    "gd.length/half": linear(1, 0, nu=0.995, ell=1),
    "gd.length/majorant-forgotten": family(0.4, 0, nu=0.995, ell=0.55),
    "gd.rate/nu-lost": linear(1, 0, 2, nu=0.95, gamma=0.1, loss_next=1.62),
    "gd.rate/psi-halved": linear(1, 0, 2, nu=0.95, gamma=0.1, loss_next=1.62),
    "dip2.balanced/width-forgotten": {"gap": MP.sinh(2) ** 2, "k": 4, "f_a": MP.tanh(2) / 2},
    "dip2.balanced/saturation-forgotten": {"gap": MP.sinh(2) ** 2, "k": 1, "f_a": MP.tanh(2)},
    "dip2.balanced/with-equality": {"gap": 0, "loss_limit": 0.125},
    "dip2.amgm/more-than-two": {"rho_0": 1.005, "sigma_F": 1, "k": 1, "f_0": 1, "B1": 1, "loss_limit": 1.25e-5},
    "dip2.amgm/square-lost": {"rho_0": 0.4, "sigma_F": 1, "k": 1, "f_0": 0.5, "B1": 1, "loss_limit": 0.01125},
    "dip2.amgm/width-for-its-root": {"rho_0": 3, "sigma_F": 1, "k": 4, "f_0": 1, "B1": 1, "loss_limit": 0.5},
    "dip2.amgm/half-spent": {"rho_0": 0.9, "sigma_F": 1, "k": 1, "f_0": 1, "B1": 1, "f_a": MP.sqrt(0.1001)},
    "dip2.sigma0/positive-parts-dropped": {
        "sigma_0": MP.sqrt(2), "C_phi": 0.62788, "C_dphi": 0.68131, "B1": 1, "D_V": 1, "n": 1, "k": 5, "delta": 1e-6,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", DEATHS)
def test_a_wrong_variant_dies_where_it_says(name: str) -> None:
    """In force there and violated, by more than rounding; the statement is not."""
    key, _, mutant_name = name.partition("/")
    mutant = next(mutant for mutant in registry[key].mutants if mutant.name == mutant_name)
    assert mutant.truth == "false"
    claim, values = claim_of(key, registry, mutant), DEATHS[name]
    assert in_force(claim, values)
    size = abs(evaluate(claim.conclusion.lhs, values)) + abs(evaluate(claim.conclusion.rhs, values))
    assert slack(claim.conclusion, values) < -sp.Float("1e-6") * size
    own = claim_of(key, registry)
    if own.conclusion is not None and claim.conclusion != ZERO_LOSS and in_force(own, values):
        assert slack(own.conclusion, values) >= -sp.Float("1e-20")


def test_the_closed_forms_know_most_of_the_wrong_variants() -> None:
    """Names are those of wrong variants."""
    assert set(DEATHS) <= FALSE
    assert len(DEATHS) >= 90


GRID = [
    *(family(h, t, eps=e) for h in (0.1, 0.2499, 0.36, 0.49) for t, e in ((0, 0.05), (1, 0.05), (9, 1e-4), (40, 1e-6))),
    *(
        family(h, t, s=s, gain=g, eps=0.01)
        for h, t in ((0.2, 3), (0.37, 30), (0.7, 5))
        for s, g in ((0.1, 1), (3, 0.5))
    ),
]


def _on_the_family(pair: tuple[str, Mutant]) -> bool:
    """Whether the family has a value for everything in the claim."""
    parts = _parts(claim_of(pair[0], registry, pair[1]))
    return {symbol.name for part in parts for symbol in part.free_symbols} <= set(GRID[0])


TRUE = [pair for pair in MUTANTS if pair[1].truth == "true"]
ELSEWHERE = """
baseline.recovery/linear-without-one recover.kernel/sum dip2.amgm/spent-so-far dip2.sigma0/second-positive-part-dropped
gd.descent/any-step gd.descent/gap-falls-little
"""


def test_true_variants_that_the_family_does_not_know() -> None:
    """Those of signals, of two layers and of descent; all others are tried below."""
    assert {_id(pair) for pair in TRUE if not _on_the_family(pair)} == set(ELSEWHERE.split())


@pytest.mark.parametrize("pair", [pair for pair in TRUE if _on_the_family(pair)], ids=_id)
def test_no_true_variant_fails_on_the_family(pair: tuple[str, Mutant]) -> None:
    """At every point of the grid where it is in force."""
    key, mutant = pair
    claim = claim_of(key, registry, mutant)
    met = [values for values in GRID if in_force(claim, values)]
    assert met
    for values in met:
        assert slack(claim.conclusion, values) >= -sp.Float("1e-20")


def test_the_gap_falls_by_no_more_than_the_loss_pays_for() -> None:
    """Descent of both layers, tanh, n = 2, k = 1: the quantity of dip2.conservation grows, by less than gamma L_0/(2 nu)."""
    a, v, gamma = MP.asinh(1) + mpf(0.001), (mpf(1), mpf(0)), mpf(0.3)
    y = (MP.tanh(a), mpf(1))
    # residual (0, -1): a does not move, v_2 grows by gamma tanh(a)
    after = (v[0], v[1] + gamma * MP.tanh(a))
    growth = (after[0] ** 2 + after[1] ** 2 - v[0] ** 2 - v[1] ** 2) / 2
    loss_0 = ((v[0] * MP.tanh(a) - y[0]) ** 2 + (v[1] * MP.tanh(a) - y[1]) ** 2) / 2
    assert 0 < growth < gamma * loss_0 / 2


# A point at which every expression has a value, and is not constant in its dial.
POINT = {symbol.name: mpf(0.5) + mpf(0.01) * i / len(SYMBOLS) for i, symbol in enumerate(map(sym, SYMBOLS))}
POINT |= {
    "Lambda": 0.1,
    "rho": 0.2,
    "residual": 0.2,
    "loss": 0.02,
    "eps": 0.05,
    "k": 3,
    "n": 2,
    "m": 3,
    "p": 4,
    "Omega": 0.1,
}
POINT |= {"f_0": 0.9, "loss_0": 0.2, "residual_h": 0.1, "B1": 0.9, "B2": 0.7, "nu": 0.8, "w_min": 0.9, "t": 2}


@pytest.mark.parametrize("pair", CONSTANTS, ids=_id)
def test_the_claim_gets_stronger_on_the_side_that_it_says(pair: tuple[str, Constant]) -> None:
    """A little further the conclusion has less slack, or what it asks for has more."""
    key, constant = pair
    claim = claim_of(key, registry, constant.claim)
    step = sp.Rational(1, 50) * (1 if constant.stronger == "up" else -1)
    at, beyond = (claim.with_constant(value) for value in (constant.stated, constant.stated * (1 + step)))
    gains = []
    if DIAL in claim.conclusion.free_symbols:
        gains.append(slack(at.conclusion, POINT) - slack(beyond.conclusion, POINT))
    asked = [(at.when, beyond.when)] if claim.when is not None and DIAL in claim.when.free_symbols else []
    asked += [(dict(at.conditions)[name], relation) for name, relation in beyond.conditions
              if DIAL in dict(claim.conditions)[name].free_symbols]  # fmt: skip
    gains += [slack(further, POINT) - slack(relation, POINT) for relation, further in asked]
    assert gains
    assert all(gain > 0 for gain in gains)


# Constants whose optimum a closed form attains: the point at which one part in a million more is refuted.
ATTAINED: dict[str, dict[str, Any]] = {
    "baseline.loss_rate/radius": family(mpf("0.3750003"), 3e7),
    "baseline.early_stop/level": family(0.2, 0, eps=0.2),
    "step.gradient_lower/front": _E,
    "step.kl/one": _E,
    "step.jacobian_ball/half": family(0.375, 300),
    "step.length_rate/half": family(0.375, 300),
    "step.dissipation/quarter": family(0.375, 300),
    "step.time_change/quarter": family(0.375, 300),
    "step.growth/front": _E,
    "step.triangle_obs/noise": family(0.3, 1, eps=0.1),
    "step.confinement/front": family(mpf("0.249999999"), 300),
    "step.tail_length/front": family(mpf("0.249999999"), 300),
    "baseline.param_rate/front-least-squares": family(mpf("0.249999999"), 0),
    "baseline.loss_rate/rate": family(mpf("0.2499999"), 3e6),
    "baseline.mse_rate/rate": family(mpf("0.2499999"), 3e6),
    "sharp.condition/threshold": family(mpf("0.5000001"), 1),
    "sharp.length/front": _E,
    "sharp.length/majorant": _E,
    "sharp.sigma/majorant": _E,
    "sharp.rate/majorant": family(0.3, 1e7),
    "sharp.logistic/a": _E,
    "sharp.logistic/b": _E,
    "sharp.tail/front": _E,
    "sharp.general/front": _E,
    "sharp.restart/front": family(0.3, 200),
    "sharp.implies_baseline/threshold": family(mpf("0.37500001"), 1),
    "step.majorant/slope": _E,
    "step.majorant_rate/majorant": _E,
    "illposed.energy/residual": _NOISY,
    "illposed.energy/noise": _NOISY,
    "illposed.energy/growth": _NOISY,
    "illposed.semiconvergence/growth": family(mpf("1e9"), mpf("1e-9"), xbar=mpf("1e9")),
    "gd.descent/gain": {"loss": 1, "loss_next": mpf("0.81"), "gamma": mpf("0.1"), "M": 1, "nu": mpf("0.95"),
                        "grad_theta": MP.sqrt(2)},
    "gd.rate/gain": linear(1, 0, 2, nu=mpf("0.95"), gamma=mpf("0.1"), loss_next=mpf("1.62")),
    "dip2.amgm/hidden": {"rho_0": mpf("0.5"), "sigma_F": 1, "k": 1, "f_0": 1, "B1": 1, "f_a": MP.sqrt(mpf("0.5"))},
    "dip2.amgm/capacity": {"rho_0": mpf("1.0000001"), "sigma_F": 1, "k": 1, "f_0": 1, "B1": 1, "loss_limit": 5e-15},
    "dip2.balanced/front": {"gap": MP.sinh(2) ** 2, "k": 1, "f_a": MP.tanh(2)},
}  # fmt: skip


@pytest.mark.parametrize("name", ATTAINED)
def test_an_optimum_cannot_be_passed(name: str) -> None:
    """One part in a million beyond the optimum the claim is in force and fails; at the optimum it does not."""
    key, _, constant_name = name.partition("/")
    constant = next(constant for constant in registry[key].constants if constant.name == constant_name)
    claim, values = claim_of(key, registry, constant.claim), ATTAINED[name]
    step = sp.Rational(1, 10**6) * (1 if constant.stronger == "up" else -1)
    beyond = claim.with_constant(constant.optimum * (1 + step))
    assert in_force(beyond, values)
    assert slack(beyond.conclusion, values) < 0
    best = claim.with_constant(constant.optimum)
    if in_force(best, values):
        assert slack(best.conclusion, values) >= -sp.Float("1e-18")


def test_the_tail_of_the_parameters_tends_to_root_two() -> None:
    """|v − y|^p/p on the family: the best constant of baseline.param_rate at t = 0, 4 − 2√2, fails later for p = 10."""
    p, h, q = 10, mpf("0.2499"), mpf("1e-6")
    rho_0, rho, end = h, h * q, MP.sqrt(1 - 2 * h)
    # rho' = −(1 − 2(rho_0 − rho)) rho^{p−1}; the bound obeys b' = −b^{p−1}/4
    time = MP.quad(lambda u: MP.exp(u * (2 - p)) / (1 - 2 * h + 2 * MP.exp(u)),
                       MP.linspace(MP.log(rho), MP.log(rho_0), 20))  # fmt: skip
    bound = (rho_0 ** (2 - p) + (p - 2) * time / 4) ** (mpf(1) / (2 - p))
    ratio = 2 * rho / (MP.sqrt(1 - 2 * (rho_0 - rho)) + end) / bound
    assert 4 - 2 * MP.sqrt(2) < mpf("1.29") < ratio < MP.sqrt(2)
