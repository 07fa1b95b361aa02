"""Statements with a probability: the true ones survive their draws, wrong ones are refuted with confidence 1 - 1e-6."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
from hypothesis import event, given, settings
from hypothesis import strategies as st

from numerics import compile as compiled
from numerics.activations import activation
from numerics.initialization import initialize
from numerics.networks.two_layer import TwoLayer
from theory.ledger import registry
from theory.mutant import Mutant
from theory.symbols import sym
from verify.random_cases import Case, claim_about, condition_holds, own_condition, side_values
from verify.random_claims import ALPHA, EXPERIMENTS, check_claim, outcomes, run_experiment
from verify.random_draws import Configuration, Start, constants, problem
from verify.verdict import Verdict

s0, k, n, gap, prob, delta, T = (sym(x) for x in ("sigma_0", "k", "n", "gap", "prob", "delta", "T_log"))
C_phi, C_dphi, eps_k, x_plus = sym("C_phi"), sym("C_dphi"), sym("eps_k"), sym("x_plus")


def formula(statement, name):
    return registry[statement].formulas[name]


def looser(statement, name, factor):
    """The condition k > formula/factor of a width, asked for in place of k > formula."""
    return {"conditions": {statement: sp.Gt(k, formula(statement, name) / factor, evaluate=False)}}


f_lo, t_dev = formula("dip2.sigma0", "f_lo"), formula("dip2.sigma0", "t_dev")
FALSE = [
    ("dip2.sigma0", "no-deviation", {"conclusion": sp.Ge(s0**2, sp.Max(0, f_lo) ** 2 + C_dphi**2, evaluate=False)}),
    ("dip2.sigma0", "mean", {"conclusion": sp.Ge(s0**2, C_phi**2 + C_dphi**2, evaluate=False)}),
    (
        "dip2.sigma0",
        "no-positive-parts",  # at n = 1, k = 5, delta = 1e-6 it claims sigma_0^2 >= 2.9 where it is at most 2
        {"conclusion": sp.Ge(s0**2, f_lo**2 + (1 - t_dev) * C_dphi**2, evaluate=False)},
    ),
    ("dip2.sigma0", "no-dimension", {"substitute": {n: sp.Integer(1)}}),
    (
        "dip2.sigma0",
        "no-dimension-both",
        {
            "conclusion": sp.Ge(
                s0**2, sp.Max(0, f_lo) ** 2 + sp.Max(0, 1 - t_dev.subs(n, 1)) * C_dphi**2, evaluate=False
            )
        },
    ),
    ("dip2.output0", "no-deviation-of-v", {"substitute": {sym("D_V"): sp.Integer(0)}}),
    ("dip2.output0", "no-logarithm", {"substitute": {delta: sp.Integer(4)}}),
    ("dip2.output_sub_gaussian", "no-t", {"substitute": {T: sp.Integer(0)}}),
    ("dip2.expectation", "five-percent", {"substitute": {C_phi: C_phi * sp.sqrt(sp.Rational(11, 10))}}),
    (
        "dip2.expectation",
        "five-percent-less",
        {"conclusion": sp.Eq(sym("sigma_g") ** 2, sp.Rational(19, 20) * (C_phi**2 + C_dphi**2), evaluate=False)},
    ),
    ("dip2.order_statistics", "quarter", {"substitute": {T: T / 4}}),
    ("dip2.order_statistics", "half", {"substitute": {T: T / 2}}),
    ("dip2.order_statistics", "no-deviation", {"substitute": {eps_k: sp.Integer(0)}}),
    (
        "dip2.balanced",
        "twice-as-likely",
        {"conclusion": sp.Ge(prob, 2 * formula("dip2.balanced", "probability_linear"), evaluate=False)},
    ),
    (
        "dip2.balanced",
        "a-tenth-more-likely",
        {"conclusion": sp.Ge(prob, 1.1 * formula("dip2.balanced", "probability"), evaluate=False)},
    ),
    ("dip2.balanced_rate", "three-times-the-gap", {"substitute": {gap: 3 * gap}}),
    ("dip2.width_sharp", "a-thousandth-less", looser("dip2.width_sharp", "k_min", sp.Rational(1001, 1000))),
    ("dip2.width_sharp", "smaller-h", {"conclusion": sp.Lt(sym("h"), sp.Rational(1, 100), evaluate=False)}),
    ("dip2.width_sharp", "no-condition", {"drop": ("dip2.width_sharp",)}),
    ("dip2.width_baseline", "a-thousandth-less", looser("dip2.width_baseline", "k_min", sp.Rational(1001, 1000))),
    ("dip2.width_amgm", "a-thousandth-less", looser("dip2.width_amgm", "k_min", sp.Rational(1001, 1000))),
    ("dip2.width_amgm", "no-condition", {"drop": ("dip2.width_amgm",)}),
    (
        "wonly.width",
        "mean-and-no-deviation",
        {"conditions": {"wonly.width": sp.Lt(x_plus, sym("phi_sup") * sp.sqrt(k), evaluate=False)}},
    ),
    ("wonly.width", "no-condition", {"drop": ("wonly.width",)}),
    (
        "wonly.width",
        "no-deviation",
        {
            "conclusion": sp.Eq(sym("loss_limit"), 0, evaluate=False),
            "conditions": {"wonly.width": sp.Lt(x_plus, sym("c_1") * sp.sqrt(k) * sym("phi_sup"), evaluate=False)},
        },
    ),
]


# --- the truth -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("statement", EXPERIMENTS)
def test_statements_are_not_refuted(statement):
    found = list(outcomes(statement, seed=7, draws=600))
    for outcome in found:
        assert outcome.verdict in (Verdict.HOLDS, Verdict.UNDECIDED), outcome.text
        assert outcome.draws >= 16
        assert 10 * outcome.unsure <= outcome.draws
        assert outcome.lower <= outcome.upper
        assert json.loads(json.dumps(outcome.to_json()))["verdict"] == str(outcome.verdict)
    assert len(found) == sum(len(case.configurations) + 1 for case in EXPERIMENTS[statement].cases)


def test_most_statements_are_confirmed():
    """Not refuted is not enough: with enough draws the probability is seen to be what is promised, where it is more."""
    confirmed = {s for s in EXPERIMENTS if any(o.verdict is Verdict.HOLDS for o in outcomes(s, seed=3, draws=400))}
    assert confirmed >= set(EXPERIMENTS) - {"dip2.expectation", "dip2.order_statistics"}


def test_every_statement_with_a_probability_has_an_experiment():
    told = {
        key
        for key, item in registry.items()
        if key.startswith(("dip2.", "wonly.")) and {"A.network.random", "A.network.symmetric"} & set(item.hypotheses)
    }
    assert told <= set(EXPERIMENTS)
    assert set(EXPERIMENTS) - told == {"dip2.balanced"}  # its probability is in the text alone


def test_the_failures_are_seen_where_the_bound_is_sharp():
    """Empirical failure against delta: the order statistics use up their delta, sigma_0 leaves nearly all of it."""
    for outcome in outcomes("dip2.order_statistics", seed=1, draws=1500):
        assert 0.6 * outcome.delta < outcome.failure < 1.15 * outcome.delta, outcome.text
    for outcome in outcomes("dip2.sigma0", seed=1, draws=100):
        assert outcome.failure < 0.2 * outcome.delta or outcome.delta < 1e-3, outcome.text
    sharp = Configuration(n=1)  # |v|^2 = 1: the probability of dip2.balanced is exact
    case = next(c for c in EXPERIMENTS["dip2.balanced"].cases if c.name == "one, any F")
    exact = check_claim(EXPERIMENTS["dip2.balanced"], case, sharp, seed=2, draws=2000)
    assert exact.successes / exact.draws == pytest.approx(exact.promised, rel=0.03)
    assert exact.verdict is Verdict.UNDECIDED


@settings(max_examples=10)
@given(st.sampled_from(sorted(EXPERIMENTS)), st.integers(0, 2**31))
def test_drawn_configurations_are_within_the_hypotheses_and_say_something(statement, seed):
    for case in EXPERIMENTS[statement].cases:
        c = case.family.draw(np.random.default_rng(seed))
        claim = claim_about(statement, case)
        fitted = case.fit(case, c, claim)
        assert fitted is not None, (case.name, c)
        assert activation(fitted.activation).theory.smooth
        if case.promised is not None:
            assert 0 < case.promised(fitted) < 1 or case.gated
        values = {**case.values(fitted), **case.draw(fitted, np.random.default_rng(seed), 3)}
        bound = side_values(claim.conclusion.rhs, values)
        assert np.isfinite(bound).all()
        if isinstance(claim.conclusion, sp.Ge) and statement != "dip2.order_statistics":
            assert (bound > 0).all()  # a bound by zero says nothing
        if case.conditional and not case.gated:
            assert condition_holds(own_condition(claim), case.values(fitted))
        outcome = check_claim(EXPERIMENTS[statement], case, c, seed=seed, draws=100)
        event(f"{statement}: {outcome.verdict}")
        assert outcome.verdict is not Verdict.VIOLATED, outcome.text


# --- what is false ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("statement", "name", "change"), FALSE, ids=[f"{s}/{name}" for s, name, _ in FALSE])
def test_wrong_claims_are_refuted(statement, name, change):
    mutant = Mutant(name, "changed", **change)
    outcome = run_experiment(statement, seed=11, draws=1000, mutant=mutant)
    assert outcome.verdict is Verdict.VIOLATED, outcome.text
    assert outcome.alpha <= ALPHA
    assert outcome.mutant == name
    assert "refuted" in outcome.text


def test_a_refutation_replays():
    statement, name, change = FALSE[0]
    mutant = Mutant(name, "changed", **change)
    outcome = run_experiment(statement, seed=11, draws=1000, mutant=mutant)
    case = next(c for c in EXPERIMENTS[statement].cases if c.name == outcome.case)
    again = check_claim(
        EXPERIMENTS[statement],
        case,
        Configuration(**outcome.configuration),
        seed=outcome.seed,
        draws=1000,
        mutant=mutant,
        alpha=outcome.alpha,
    )
    assert again == outcome
    assert again.configuration == outcome.configuration


def test_mutants_that_weaken_a_bound_survive():
    weaker = Mutant("weaker", "half of sigma_0 as the bound", substitute={s0: 2 * s0})
    assert run_experiment("dip2.sigma0", seed=5, draws=500, mutant=weaker).verdict is not Verdict.VIOLATED


def test_a_mutant_of_something_else_is_refused():
    flow = Mutant("flow", "about the flow", conclusion=sp.Ge(sym("f_a"), sp.sqrt(2 * gap / k), evaluate=False))
    with pytest.raises(LookupError, match="changes nothing"):
        run_experiment("dip2.balanced", seed=0, draws=10, mutant=flow)
    elsewhere = Mutant("elsewhere", "gamma halved", substitute={sym("gamma"): sym("gamma") / 2})
    with pytest.raises(LookupError, match="changes nothing"):
        run_experiment("dip2.sigma0", seed=0, draws=10, mutant=elsewhere)
    case = EXPERIMENTS["dip2.sigma0"].cases[0]
    with pytest.raises(LookupError, match="changes nothing"):
        check_claim(EXPERIMENTS["dip2.sigma0"], case, Configuration(), seed=0, draws=10, mutant=elsewhere)


def test_a_claim_that_says_nothing_is_not_met():
    hopeless = Mutant("hopeless", "k > infinity", **looser("dip2.width_sharp", "k_min", sp.Rational(1, 10**12)))
    outcome = run_experiment("dip2.width_sharp", seed=0, draws=10, mutant=hopeless)
    assert outcome.verdict is Verdict.HYPOTHESIS_NOT_MET
    assert outcome.draws == 0
    assert "nothing is claimed" in outcome.text
    assert math.isnan(outcome.failure)


# --- the machinery ---------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_outcome_and_another_one_other_draws():
    one, two, other = (run_experiment("dip2.balanced", seed=s, draws=50) for s in (1, 1, 2))
    assert one == two
    assert one.seed != other.seed


def test_stopping_keeps_what_was_found():
    asked = []

    def stop():
        asked.append(1)
        return len(asked) > 4

    outcome = run_experiment("dip2.order_statistics", seed=1, draws=10**6, stop=stop)
    assert outcome.verdict is Verdict.UNDECIDED
    assert 0 < outcome.draws < 1000
    with pytest.raises(LookupError, match="stopped before"):
        run_experiment("dip2.sigma0", seed=1, draws=10, stop=lambda: True)


def test_unknown_statements_are_named():
    with pytest.raises(KeyError, match=r"sharp.rate has no experiment; there is one for dip2.balanced"):
        run_experiment("sharp.rate", seed=0, draws=1)


@pytest.mark.parametrize("change", [{"m": 3}, {"k": 0}, {"delta": 1.0}])
def test_impossible_configurations_are_refused(change):
    with pytest.raises(ValueError, match=r"needed|strictly between"):
        Configuration(**change)


@pytest.mark.parametrize("train", ["both", "W"])
@pytest.mark.parametrize("law", ["rademacher", "uniform", "gaussian"])
def test_what_is_measured_at_once_is_what_a_network_says(train, law):
    """The vectorized draws against numerics.networks, one network at a time."""
    c = Configuration(n=3, m=2, k=7, train=train, V=law, kappa=3.0, y_norm=0.7, seed=9)
    start = Start.draw(c, np.random.default_rng(0), 5)
    world = problem(c)
    for i in range(5):
        net = TwoLayer(activation("tanh"), train, start.a[i].copy(), start.V[i].copy())
        assert start.sigma_0()[i] == pytest.approx(net.singular_values()[-1], rel=1e-12)
        assert start.output()[i] == pytest.approx(net.output(), rel=1e-12)
        assert start.residual()[i] == pytest.approx(np.linalg.norm(world.A @ net.output() - world.y), rel=1e-12)
        assert start.column()[i] == pytest.approx(net.column_norm().value, rel=1e-12)
        J = net.factor().matrix  # the block of the first layer
        square = np.linalg.norm(J.T @ world.q) ** 2 + (start.hidden()[i] ** 2 if train == "both" else 0)
        assert start.row(world.q)[i] ** 2 == pytest.approx(square, rel=1e-12)
        projected = np.linalg.norm(world.U.T @ start.V[i], axis=0) ** 2
        assert start.gaps()[i] == pytest.approx(np.sinh(start.a[i]) ** 2 - projected, rel=1e-9, abs=1e-12)


def test_the_law_of_the_draws_is_that_of_the_initialization():
    """Mean, covariance and bounds of the entries as for numerics.initialization, with the same generator of laws."""
    c = Configuration(n=2, m=2, k=4, V="uniform")
    start = Start.draw(c, np.random.default_rng(3), 20000)
    _, V = initialize(2, 40000, np.random.default_rng(3), V="uniform")
    assert np.abs(start.V).max() <= constants(c)["D_V"]
    assert np.abs(V).max() <= constants(c)["D_V"]
    columns = start.V.transpose(1, 0, 2).reshape(2, -1)
    assert np.cov(columns) == pytest.approx(np.eye(2), abs=0.02)
    assert np.mean(start.a**2) == pytest.approx(1, abs=0.02)
    assert abs(np.mean(start.a[:, :2] * start.V[:, 0, :2])) < 0.02


def test_operator_and_data_of_a_configuration():
    c = Configuration(n=5, m=3, kappa=4.0, y_norm=2.0, seed=1)
    world, known = problem(c), constants(c)
    assert np.linalg.svd(world.A, compute_uv=False) == pytest.approx([1, 0.5, 0.25])
    assert known["sigma_F"] == pytest.approx(0.25)
    assert known["AAt_F"] == pytest.approx(np.linalg.norm(world.A @ world.A.T))
    assert known["Aty_norm"] == pytest.approx(np.linalg.norm(world.A.T @ world.y))
    assert known["y_norm"] == pytest.approx(2.0)
    assert np.linalg.norm(world.U.T @ world.q) == pytest.approx(1)
    assert pytest.approx(np.diag([1, 0.5, 0.25]) @ np.eye(3, 5)) == problem(replace(c, seed=0)).A


def test_draws_too_close_to_call_count_on_neither_side():
    """A relation with equal sides in half of the draws: never confirmed, never refuted."""

    def draw(c, rng, draws):
        z = np.ones(draws)
        z[::2] = 2.0
        return {"z": z}

    base = EXPERIMENTS["dip2.sigma0"].cases[0]
    case = replace(base, draw=draw, relation=sp.Ge(sym("z"), 1, evaluate=False), fit=lambda case, c, claim: c)
    outcome = check_claim(EXPERIMENTS["dip2.sigma0"], case, Configuration(delta=0.5), seed=0, draws=400)
    assert outcome.unsure == outcome.successes == outcome.draws // 2 == 200
    assert outcome.lower < 0.5 < outcome.upper == 1
    assert outcome.verdict is Verdict.UNDECIDED
    assert "too close to call" in outcome.text


@pytest.mark.parametrize(("z", "verdict"), [(1.0, Verdict.UNDECIDED), (1.5, Verdict.VIOLATED), (0.5, Verdict.VIOLATED)])
def test_an_equation_may_be_an_event(z, verdict):
    """Equal floats are within rounding of an equation, which is no answer; exact zeros are."""
    base = EXPERIMENTS["dip2.sigma0"].cases[0]
    case = replace(
        base,
        draw=lambda c, rng, draws: {"z": np.full(draws, z)},
        relation=sp.Eq(sym("z"), 1, evaluate=False),
        fit=lambda case, c, claim: c,
    )
    assert check_claim(EXPERIMENTS["dip2.sigma0"], case, Configuration(), seed=0, draws=200).verdict is verdict
    zero = replace(case, draw=lambda c, rng, draws: {"z": np.zeros(draws)}, relation=sp.Eq(sym("z"), 0, evaluate=False))
    assert check_claim(EXPERIMENTS["dip2.sigma0"], zero, Configuration(), seed=0, draws=200).verdict is Verdict.HOLDS


def test_events_hold_for_all_further_axes():
    base = EXPERIMENTS["dip2.sigma0"].cases[0]
    assert isinstance(base, Case)

    def draw(c, rng, draws):
        z = np.full((draws, 3), 2.0)
        z[:, 1] = 0.5  # one of three fails in every draw
        return {"z": z}

    case = replace(base, draw=draw, relation=sp.Ge(sym("z"), 1, evaluate=False), fit=lambda case, c, claim: c)
    outcome = check_claim(EXPERIMENTS["dip2.sigma0"], case, Configuration(delta=0.5), seed=0, draws=400)
    assert outcome.verdict is Verdict.VIOLATED
    assert outcome.successes == 0


def test_errors_of_the_verdicts_are_rare():
    """Of a claim that is true without any slack, 200 runs with alpha = 0.2 refute or confirm at most a fifth."""
    case = next(c for c in EXPERIMENTS["dip2.balanced"].cases if c.name == "one, any F")
    runs = [
        check_claim(EXPERIMENTS["dip2.balanced"], case, Configuration(n=1), seed=i, draws=20, alpha=0.2)
        for i in range(200)
    ]
    wrong = sum(o.verdict is not Verdict.UNDECIDED for o in runs)
    assert 0 < wrong <= 0.2 * 200


def test_the_promises_of_the_lemmas_come_from_their_formulas():
    c = Configuration(delta=0.4)
    sub_gaussian = EXPERIMENTS["dip2.output_sub_gaussian"].cases[0]
    assert sub_gaussian.promised(c) == pytest.approx(1 - 3 * 0.4 / 4)
    assert compiled.evaluate("dip2.output_sub_gaussian", "T", {"delta": 0.4}) == sub_gaussian.known(c)["T_log"]
    assert EXPERIMENTS["dip2.order_statistics"].cases[0].promised(c) == pytest.approx(0.6)
