"""Critical constants: each proved optimum is found to 1e-6, on the family that attains it; true statements survive."""

import json

import mpmath
import pytest
import sympy as sp

from numerics.compile import HypothesisNotMet
from numerics.exact import (
    Balanced,
    Diagonal,
    DiagonalDescent,
    Extremal,
    ExtremalDescent,
    Scalar,
    exact_sides,
    from_json,
)
from theory import registry
from theory.claim import claim_of
from theory.mutant import DIAL, Constant, Mutant
from theory.symbols import Psi, Psi_inv, psi, psi_inv, sym
from theory.theorems.baseline import _loss as BASELINE_LOSS
from theory.theorems.sharp import logistic, rate, sigma_end, sigma_now, t_star
from verify.critical import critical, refuted
from verify.critical_spaces import SPACES, Axis, Space

sF, s0, Lam, Lip, w_min = sym("sigma_F"), sym("sigma_0"), sym("Lambda"), sym("Lip"), sym("w_min")
rho, rho_0, ell, t, h, eps = sym("rho"), sym("rho_0"), sym("ell"), sym("t"), sym("h"), sym("eps")
loss, loss_0, nu, gamma, M = sym("loss"), sym("loss_0"), sym("nu"), sym("gamma"), sym("M")
ZERO_LOSS = sp.Eq(sym("loss_limit"), 0, evaluate=False)


def le(low, high):
    return sp.Le(low, high, evaluate=False)


def lt(low, high):
    return sp.Lt(low, high, evaluate=False)


def since(time):
    return sp.Ge(t, time, evaluate=False)


def root(factor):
    return sp.sqrt(s0**2 - factor * Lam * (rho_0 - rho) / sF)


def energy(square, noise, growth):
    r = sym("residual")
    motion = growth * Lip / (s0 - sym("Omega")) * sym("ell_dot") * sym("E")
    return le(sym("dE"), -square * r**2 + noise * eps * r + motion)


def amgm(two):
    floor = sp.sqrt(sym("f_0") ** 2 - 2 / two * sym("B1") * rho_0 / (sp.sqrt(sym("k")) * sF))
    return sp.Ge(sym("f_a"), floor, evaluate=False)


HALF, TWO = sp.Rational(1, 2), sp.Integer(2)
BETTER_TWO = 4 - 2 * sp.sqrt(2)
_stop = DIAL * sp.log(rho_0 / eps) / (sF**2 * s0**2)
_gd_rate = le(sym("loss_next"), (1 - DIAL * nu * gamma * sF**2 * s0**2 * (1 - 2 * h / nu) * w_min) * loss)
_gd_length = le(
    ell, 2 * rho_0 / ((1 - DIAL * gamma * M / 2) * sF * (s0 + sigma_end.subs(sF, (1 - DIAL * gamma * M / 2) * sF)))
)
_b = rate * rho_0 * sp.exp(-rate * w_min * t) / (rate + DIAL * sF * Lam * rho_0 * (1 - sp.exp(-rate * w_min * t)))

# statement, stated, direction, optimum, what is changed, where
CASES = {
    "half": (
        "sharp.condition",
        HALF,
        "up",
        HALF,
        {"conclusion": ZERO_LOSS, "conditions": {"sharp.condition": lt(h, DIAL)}},
        "extremal",
    ),
    "length": (
        "sharp.length",
        TWO,
        "down",
        TWO,
        {"conclusion": le(ell, DIAL * (rho_0 - rho) / (sF * (s0 + sigma_now)))},
        "extremal",
    ),
    "length-curvature": (
        "sharp.length",
        TWO,
        "down",
        TWO,
        {"conclusion": le(ell, 2 * (rho_0 - rho) / (sF * (s0 + root(DIAL))))},
        "extremal",
    ),
    "sigma": (
        "sharp.sigma",
        TWO,
        "down",
        TWO,
        {"conclusion": sp.Ge(sym("sigma_t"), root(DIAL), evaluate=False)},
        "extremal",
    ),
    "rate": (
        "sharp.rate",
        sp.Integer(1),
        "up",
        sp.Integer(1),
        {"conclusion": le(loss, Psi_inv(Psi(loss_0) + DIAL * rate * t))},
        "extremal",
    ),
    "rate-curvature": (
        "sharp.rate",
        TWO,
        "down",
        TWO,
        {"conclusion": le(loss, Psi_inv(Psi(loss_0) + (sF**2 * s0**2 - DIAL * sF * Lam * rho_0) * t))},
        "extremal",
    ),
    "logistic": ("sharp.logistic", TWO, "up", TWO, {"conclusion": le(rho, _b)}, "extremal"),
    "stop": ("sharp.stop", sp.Integer(1), "down", sp.Integer(1), {"when": since(DIAL * t_star)}, "noise-faint"),
    "tail": (
        "sharp.tail",
        TWO,
        "down",
        TWO,
        {"conclusion": le(sym("theta_tail"), DIAL * rho / (sF * (sigma_now + sigma_end)))},
        "extremal",
    ),
    "amgm": ("dip2.amgm", TWO, "up", TWO, {"conclusion": amgm(DIAL)}, "balanced"),
    "amgm-capacity": (
        "dip2.amgm",
        TWO,
        "up",
        TWO,
        {
            "conclusion": ZERO_LOSS,
            "conditions": {"dip2.amgm": lt(rho_0, DIAL / 2 * sF * sp.sqrt(sym("k")) * sym("f_0") ** 2 / sym("B1"))},
        },
        "balanced",
    ),
    "quarter": (
        "baseline.loss_rate",
        HALF / 2,
        "up",
        HALF,
        {"conclusion": le(loss, Psi_inv(Psi(loss_0) + DIAL * sF**2 * s0**2 * t))},
        "extremal",
    ),
    "two-in-radius": (
        "step.confinement",
        TWO,
        "down",
        BETTER_TWO,
        {"conclusion": le(ell, DIAL * (rho_0 - rho) / (sF * s0))},
        "extremal",
    ),
    "parameters": (
        "baseline.param_rate",
        TWO,
        "down",
        BETTER_TWO,
        {"conclusion": le(sym("theta_tail"), DIAL * psi(BASELINE_LOSS) / (sF * s0))},
        "extremal",
    ),
    "stop-factor": ("baseline.mse_stop", sp.Integer(4), "down", TWO, {"when": since(sp.Max(0, _stop))}, "noise-faint"),
    "radius": (
        "baseline.loss_rate",
        sp.Integer(1),
        "up",
        3 * HALF,
        {"conditions": {"baseline.condition": lt(sym("R_prime"), DIAL * sym("R"))}},
        "extremal",
    ),
    "three-eighths": (
        "sharp.implies_baseline",
        3 * HALF / 4,
        "up",
        3 * HALF / 4,
        {"conditions": {"sharp.implies_baseline": lt(Lip * rho_0 / (sF * s0**2), DIAL)}},
        "extremal",
    ),
    "energy-growth": ("illposed.energy", TWO, "down", TWO, {"conclusion": energy(1, 1, DIAL)}, "noise-opposite"),
    "energy-square": (
        "illposed.energy",
        sp.Integer(1),
        "up",
        sp.Integer(1),
        {"conclusion": energy(DIAL, 1, 2)},
        "noise-opposite",
    ),
    "energy-noise": (
        "illposed.energy",
        sp.Integer(1),
        "down",
        sp.Integer(1),
        {"conclusion": energy(1, DIAL, 2)},
        "noise-opposite",
    ),
    "descent-length": ("gd.length", sp.Integer(1), "down", sp.Integer(1), {"conclusion": _gd_length}, "descent"),
    "descent-rate": ("gd.rate", TWO, "up", TWO, {"conclusion": _gd_rate}, "descent"),
}


@pytest.mark.parametrize("name", CASES)
def test_optimum_is_found(name):
    """The value found is the optimum to 1e-6, the statement itself is never refuted, and the deciding point replays."""
    statement, stated, stronger, optimum, changed, where = CASES[name]
    constant = Constant("dial", "turned", stated, stronger, Mutant("dial", "turned", **changed), optimum, "proved")
    found = critical(statement, constant, [SPACES[where]])
    assert not found.stated_refuted
    assert found.in_force > 0
    assert found.difference < 1e-6
    better = found.refuted - found.stated
    assert (better >= 0) if stronger == "up" else (better <= 0)
    # what is refuted at the value found is not refuted just before it, and the case file is enough to see it
    case = json.loads(json.dumps(found.to_json()))
    if "when" not in changed:
        point = from_json(case["point"])
        claim = claim_of(statement, registry, constant.claim)
        assert refuted(claim, point, found.refuted)
        assert not refuted(claim, point, found.kept)


def test_a_false_constant_is_reported_as_refuted_where_stated():
    """The stopping time without its 4 (1 in its place) is false as it stands: the value found is weaker."""
    claim = Mutant("dial", "4 → c", when=since(sp.Max(0, _stop)))
    space = Space(lambda h: Extremal(h=h, noise="-1/1000"), (Axis("h", 0.02, 0.24),))
    found = critical("baseline.mse_stop", Constant("dial", "c", sp.Integer(1), "down", claim), [space])
    assert found.stated_refuted
    assert found.refuted > 1.7


def test_nothing_in_force_is_no_evidence():
    """h ≥ 1/2 everywhere: nothing is refuted, and the count says why."""
    space = Space(lambda h: Extremal(h=h), (Axis("h", 0.6, 0.9),), (1,))
    claim = Mutant("dial", "c", conclusion=le(ell, DIAL * (rho_0 - rho) / (sF * (s0 + sigma_now))))
    found = critical("sharp.length", Constant("dial", "c", TWO, "down", claim), [space])
    assert found.refuted is None
    assert found.in_force == 0
    assert found.visited > 0


def test_a_late_death_needs_late_times():
    """0.51 in place of 1/4: not refuted before t = 60, refuted later (ln(1/(1 − 2h))/(rate difference) at h → 1/4)."""
    claim = claim_of(
        "baseline.loss_rate",
        registry,
        Mutant("rate", "0.51", conclusion=le(loss, Psi_inv(Psi(loss_0) + sp.Rational(51, 100) * sF**2 * s0**2 * t))),
    )
    member = Extremal(h="0.2499")
    assert not refuted(claim, member.at(60))
    assert refuted(claim, member.at(75))


MEMBERS = [
    Extremal(h="1/10"),
    Extremal(h="0.2499999999", sigma_F="1/3", sigma_0=2, Lambda=3),
    Extremal(h="1/3", noise="-1/50"),
    Extremal(h="1/3", noise="1/50", sigma_F=3),
    Extremal(h="0.499999999999"),
    Extremal(h="1/2"),
    Extremal(h=2, noise="1/2"),
    Extremal(h="1/5", weight=3),
    Balanced(fill="1/3"),
    Balanced(fill="0.999999", noise="1/10"),
    Balanced(fill="3/2"),
    Balanced(fill=-3, noise="-1/10", a_0=2, sigma_F="1/2"),
    Diagonal((1, "1/10"), (1, 1), truth=("1.1", 9)),
    Diagonal((1,), (1, 1)),
    Diagonal((1, 1), (1, 1), w=(1, 0)),
    Diagonal((1, 2, "1/2"), (1, -1, 3), w=(1, 2, "1/2"), q=(1, 2, 3)),
    Diagonal(("0.1",), (100,), truth=(1010,)),
    Scalar("log_cosh", rho_0=20, noise="1/100"),
    Scalar("pseudo_huber", (("huber", "1/2"),), rho_0=3, noise="-1/10"),
    Scalar("p_power", (("p", 3),)),
    DiagonalDescent(step="1.8"),
    DiagonalDescent((1, "1/2"), (1, -3), step="1.5", slack="1.1"),
    ExtremalDescent(h="1/10", step="1/2"),
    ExtremalDescent(h="0.24", step=1),
]
# Claims about one instance, which no hypothesis names: not about these members.
ELSEWHERE = {"sharp.optimal", "dip2.antisymmetric", "recover.mu_linear"}


def test_every_statement_holds_on_every_exact_member():
    """No statement is refuted where it is in force, and many are in force."""
    spoken: dict[str, int] = {}
    claims = [
        claim_of(key, registry)
        for key, item in registry.items()
        if item.conclusion is not None and item.kind not in ("assumption", "condition") and key not in ELSEWHERE
    ]
    for member in MEMBERS:
        for time in (0, 7) if member.dynamics == "descent" else (0, 1, "1e8"):
            point = member.at(time, 20)
            for claim in claims:
                assert not refuted(claim, point), (claim.id, point.to_json())
                if all(point.holds(name) for name in claim.hypotheses):
                    try:
                        exact_sides(claim.conclusion, point)
                    except (LookupError, HypothesisNotMet):
                        continue
                    spoken[claim.id] = spoken.get(claim.id, 0) + 1
    assert len(spoken) >= 40
    for key in ("sharp.stop", "baseline.early_stop", "dip2.amgm", "illposed.energy", "gd.length", "recover.linear"):
        assert spoken[key] >= 5, key


def test_known_counterexamples():
    """Wrong readings of the theorems, each refuted at the instance where it was found."""

    def dies(statement, point, **changed):
        return refuted(claim_of(statement, registry, Mutant("wrong", "wrong", **changed)), point)

    # the bracket of the stopping time moved: t = 16.7 where 166 is right
    start = 4 * Psi(psi_inv(eps)) / (sF**2 * s0**2) - Psi(loss_0)
    member = Diagonal(("1/3",), (100,), truth=(303,))
    assert dies("baseline.early_stop", member.at("16.8"), when=since(start))
    assert not dies("baseline.early_stop", member.at(170), when=since(start))
    # the range condition dropped: A = (1, 0)^T, y = (1, 1)
    tall = Diagonal((1,), (1, 1)).at(10)
    assert dies("baseline.mse_rate", tall, drop=("A.operator.range",))
    assert not dies("baseline.mse_rate", tall, when=since(0))
    # a loss that does not see one entry
    assert dies("step.growth", Diagonal((1, 1), (1, 1), w=(1, 0)).at(10), drop=("A.loss.unique",))
    # sigma_max for sigma_min
    late = Diagonal((1, "1/10"), (0, 1)).at(5)
    assert dies("baseline.mse_rate", late, substitute={sF: sym("A_norm")})
    # the flow's length bound for the iterates
    assert dies("gd.length", DiagonalDescent(step="1.8").at(100), substitute={nu: sp.Integer(1)})


def test_rounding_is_no_refutation():
    """h = 0.98, t = 200: sigma_0 − Lambda ℓ = 1e-42 has lost its digits, so the two sides differ; that refutes nothing."""
    claim = claim_of("illposed.energy", registry)
    point = Extremal(h="0.98").at(200)
    low, high = exact_sides(claim.conclusion, point)
    assert abs(low - high) > mpmath.mpf("1e-45") * abs(high)  # rounding alone
    assert not refuted(claim, point)
    early = Extremal(h="0.98").at(1)
    assert refuted(claim_of("illposed.energy", registry, Mutant("w", "w", conclusion=energy(2, 1, 2))), early)


def test_condition_of_descent():
    """1/2 for gradient descent as well, as the step goes to 0."""
    conditions = {"gd.condition": lt(h / nu, DIAL)}
    claim = Mutant("dial", "c", conclusion=ZERO_LOSS, conditions=conditions, drop=("sharp.condition",))
    constant = Constant("dial", "c", HALF, "up", claim, HALF, "sharp.condition")
    assert critical("gd.condition", constant, [SPACES["extremal-descent"]]).difference < 1e-6


def test_numbers_keep_their_digits():
    """17 digits in JSON, more in the record."""
    claim = Mutant("dial", "c", conclusion=le(ell, DIAL * (rho_0 - rho) / (sF * s0)))
    found = critical("step.confinement", Constant("dial", "c", TWO, "down", claim), [Extremal(h="1/8").at("1e6")])
    with mpmath.workdps(30):
        assert abs(found.refuted - 8 * (1 - mpmath.sqrt(mpmath.mpf(3) / 4))) < mpmath.mpf("1e-12")
    assert float(found.to_json()["refuted"]) == float(found.refuted)


def test_logistic_of_the_theory_is_the_one_turned():
    """At 2 the turned curvature is the theory's own bound."""
    assert sp.simplify(_b.subs(DIAL, 2) - logistic) == 0
