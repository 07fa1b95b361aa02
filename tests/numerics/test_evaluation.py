"""Statements at constants: what is derived, decided, withheld and refused."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import event, given
from hypothesis import strategies as st

from numerics.activations import activation
from numerics.compile import HypothesisNotMet
from numerics.evaluation import BallEnclosure, Evaluation, accepted_symbols, desingularizer, evaluate_item
from numerics.evaluation.conditions import relations
from numerics.evaluation.derive import PAIRS, Resolver
from theory import registry
from theory.statement import Statement
from theory.symbols import SYMBOLS, sym

GOOD = {"sigma_F": 0.5, "sigma_0": 0.9, "Lambda": 0.1, "rho_0": 1.0}
H = 0.1 / (0.5 * 0.81)
FAILS = {**GOOD, "Lambda": 0.5}


def by_id(answer: Evaluation, key: str):
    (found,) = [condition for condition in answer.conditions if condition.id == key]
    return found


# --- values -----------------------------------------------------------------------------------------------------------


def test_values_against_the_formulas_by_hand():
    answer = evaluate_item("sharp.rate", {**GOOD, "t": 3})
    a = 0.25 * 0.81 * (1 - 2 * H)
    assert answer.verdict == "holds"
    assert answer["a"] == pytest.approx(a, rel=1e-14)
    assert answer["rate"] == pytest.approx(a, rel=1e-14)
    assert answer["bound"] == pytest.approx(0.5 * math.exp(-2 * a * 3), rel=1e-14)
    assert list(answer.values) == ["a", "bound", "rate"]
    assert answer.derived["loss_0"].value == 0.5
    assert answer.derived["h"].value == pytest.approx(H, rel=1e-15)
    assert {name: item.source.split()[0] for name, item in answer.derived.items()} == {
        "h": "sharp.condition.h",
        "loss_0": "rho_0",
        "w_min": "the",
    }


def test_the_three_backends_agree():
    written = {"sigma_F": "1/2", "sigma_0": "0.9", "Lambda": "1e-1", "rho_0": 1, "t": "3"}
    many = evaluate_item("sharp.rate", written, backend="mpmath", digits=60)
    ball = evaluate_item("sharp.rate", written, backend="arb", digits=60)
    with mpmath.workdps(80):
        exact = mpmath.exp(-6 * mpmath.mpf(41) / 400) / 2  # a = 0.1025 exactly
        assert abs(many["bound"] / exact - 1) < mpmath.mpf(10) ** -59
    assert isinstance(ball["bound"], BallEnclosure)
    assert ball["bound"].lower <= exact <= ball["bound"].upper
    assert ball["bound"].upper <= math.nextafter(math.nextafter(ball["bound"].lower, 1), 1)
    assert ball["bound"].ball.rel_accuracy_bits() >= 60 * 3.3
    assert evaluate_item("sharp.rate", written)["bound"] == pytest.approx(float(exact), rel=1e-15)


def test_texts_are_exact_where_the_backend_is():
    for text, exact in (("0.1", Fraction(1, 10)), ("1/3", Fraction(1, 3)), ("2.5e-3", Fraction(1, 400))):
        values = {"sigma_F": 1, "sigma_0": 1, "Lambda": text, "rho_0": 1}
        value = evaluate_item("sharp.condition", values, backend="mpmath", digits=40)["h"]
        with mpmath.workdps(40):
            assert value == mpmath.mpf(exact.numerator) / exact.denominator
    # a double is taken for the number that it is
    value = evaluate_item("sharp.condition", {**values, "Lambda": 0.1}, backend="mpmath", digits=60)["h"]
    with mpmath.workdps(60):
        assert value != mpmath.mpf("0.1")
        assert value == mpmath.mpf(0.1)


@pytest.mark.parametrize("given", [{"rho_0": 3.0}, {"loss_0": 4.5}])
def test_rho_and_loss_follow_from_each_other(given):
    answer = evaluate_item("sharp.rate", {"sigma_F": 1, "sigma_0": 2, "Lambda": 0.1, "t": 0, **given})
    assert answer["bound"] == pytest.approx(4.5, rel=1e-14)
    assert answer["a"] == pytest.approx(4 - 2 * 0.1 * 3, rel=1e-14)


def test_weights_scale_psi():
    values = {"sigma_F": 1, "sigma_0": 2, "Lip": 0.1, "loss_0": 4.5, "t": 0}
    answer = evaluate_item("baseline.loss_rate", {**values, "w_min": 4}, loss="weighted_least_squares")
    assert answer.derived["rho_0"].value == pytest.approx(1.5, rel=1e-15)
    assert answer["rate"] == pytest.approx(4.0, rel=1e-15)
    same = evaluate_item("baseline.loss_rate", values, loss="weighted_least_squares", loss_parameters={"w_min": 4})
    assert same.values == answer.values
    waits = evaluate_item("baseline.loss_rate", values, loss="weighted_least_squares")
    assert "w_min" in waits.missing
    assert waits.values == {}
    assert desingularizer("weighted_least_squares", {"w_min": "1/4"}).psi(sym("s")) == 2 * sp.sqrt(2) * sp.sqrt(
        sym("s")
    )


def test_the_activation_gives_its_constants_on_the_safe_side():
    values = {"k": 100000, "n": 3, "D_V": 1, "delta": 0.1}
    tanh = activation("tanh")
    low = evaluate_item("dip2.sigma0", values, activation="tanh")
    assert low.derived["C_phi"].value == tanh.C_phi.lower
    high = evaluate_item(
        "dip2.output0", values | {"F0_norm": 0, "L_F": 1, "x0_norm": 0, "y_norm": 1}, activation="tanh"
    )
    assert high.derived["C_phi"].value == tanh.C_phi.upper
    ball = evaluate_item("dip2.sigma0", values, activation="tanh", backend="arb", digits=30)
    for name, value in low.values.items():
        assert value == pytest.approx(ball[name].lower, rel=1e-13)
    gelu = evaluate_item("dip2.modulus", {"k": 10, "c_V": 1}, activation="gelu")
    assert (gelu.derived["B1"].value, gelu.derived["B2"].value) == (
        activation("gelu").B1.value,
        activation("gelu").B2.value,
    )
    with pytest.raises(ValueError, match="depends on no activation"):
        evaluate_item("sharp.condition", GOOD, activation="tanh")
    relu = evaluate_item("dip2.modulus", {"k": 10, "c_V": 1}, activation="relu")
    assert relu.formulas["Lambda_W"].missing == ("B2",)


def test_formulas_of_used_items_complete_a_statement():
    answer = evaluate_item("recover.kernel", {**GOOD, "PKQ": 0.1, "J_norm": 1, "ker_0": 0.1, "eps": 0.1, "rho": 0.1})
    ell_star = 2 * 1 / (0.5 * (0.9 + math.sqrt(0.81 - 2 * 0.1 / 0.5)))
    assert answer.derived["ell_star"].value == pytest.approx(ell_star, rel=1e-14)
    assert answer.derived["ell_star"].source == "sharp.length.ell_star"
    assert answer["drift"] == pytest.approx(answer["drift_integral"], rel=1e-12)
    given = evaluate_item("recover.kernel", {**GOOD, "PKQ": 0.1, "J_norm": 1, "ell_star": 3.0})
    assert "ell_star" not in given.derived
    assert given["drift_coarse"] > answer["drift_coarse"]


def test_a_bound_on_the_wrong_side_is_no_stand_in():
    """dip2.two_sided bounds rho from below; its length needs rho from above."""
    values = {"rho_0": 1.0, "Jf_norm": 1.0, "Lambda_f": 0.1, "ell_star": 1.0, "t": 1.0}
    answer = evaluate_item("dip2.two_sided", values)
    assert answer["rho"] > 0
    assert answer.formulas["length"].missing == ("rho",)


def test_every_derivation_errs_on_the_side_of_its_symbol():
    pairs = set()
    for key in registry:
        resolver = Resolver(registry[key], desingularizer("least_squares"), "least_squares", frozenset(), {})
        for name in accepted_symbols(key):
            for _, source in resolver.routes(name):
                owner, _, formula = source.rpartition(".")
                if owner in registry:
                    pairs.add((name, owner))
                    assert registry[owner].direction_of(formula) in ("exact", SYMBOLS[name].direction)
    assert {("h", "sharp.condition"), ("R_prime", "baseline.condition"), ("E_bar", "illposed.discrepancy")} <= pairs
    assert len(pairs) >= 8
    assert ("rho", "dip2.two_sided") not in pairs
    assert ("gamma", "baseline.loss_rate") not in pairs  # the step of gradient descent is another gamma


def test_cycles_end():
    answer = evaluate_item("step.growth", {})
    assert answer.formulas["rhs"].missing == ("loss",)
    assert answer.verdict == "holds"  # nothing but the loss decides
    for one, other in PAIRS.items():
        assert PAIRS[other] == one


# --- conditions -------------------------------------------------------------------------------------------------------


def test_a_failing_condition_says_by_how_much_and_no_bound_is_reported():
    answer = evaluate_item("sharp.rate", {**FAILS, "t": 3})
    assert answer.verdict == "hypothesis_not_met"
    assert answer.values == {}
    condition = by_id(answer, "sharp.condition")
    assert condition.verdict == "hypothesis_not_met"
    assert condition.slack == pytest.approx(0.5 - 5 * H, rel=1e-14)
    assert condition.relative == pytest.approx(condition.slack / (5 * H), rel=1e-14)
    assert condition.why == "h = 1.23457 is not below 1/2 = 0.5: exceeds it by 0.734568"
    for name in ("a", "bound", "rate"):
        with pytest.raises(
            HypothesisNotMet, match=r"sharp\.rate\.\w+ claims nothing here: sharp.condition: h = 1.23457"
        ):
            answer[name]


@pytest.mark.parametrize("backend", ["float64", "mpmath", "arb"])
def test_the_condition_itself_keeps_its_numbers(backend):
    answer = evaluate_item("sharp.condition", FAILS, backend=backend)
    value = answer["h"]
    assert float(value.lower if backend == "arb" else value) == pytest.approx(5 * H, rel=1e-14)
    assert answer.verdict == "hypothesis_not_met"


@pytest.mark.parametrize(
    "key", ["sharp.length", "sharp.sigma", "sharp.tail", "sharp.logistic", "sharp.stop", "dip2.amgm"]
)
@pytest.mark.parametrize("backend", ["float64", "mpmath", "arb"])
def test_no_theorem_reports_a_bound_outside_its_condition(key, backend):
    values = {**FAILS, "rho": 0.5, "t": 1, "eps": 0.1, "k": 1, "f_0": 0.1, "B1": 1}
    accepted = accepted_symbols(key)
    answer = evaluate_item(key, {n: v for n, v in values.items() if n in accepted}, backend=backend)
    assert answer.verdict == "hypothesis_not_met"
    assert set(answer.values) <= {"capacity"}


@pytest.mark.parametrize(
    ("Lambda", "verdict"),
    [
        ("1/6", "hypothesis_not_met"),  # equality, which no enclosure can show
        ("0.16666666666666666666666666666666666666666666666666", "holds"),
        ("0.16666666666666666666666666666666666666666666666667", "hypothesis_not_met"),
    ],
)
@pytest.mark.parametrize("backend", ["mpmath", "arb"])
def test_the_boundary_is_decided_exactly(Lambda, verdict, backend):
    values = {"sigma_F": "1/3", "sigma_0": 1, "Lambda": Lambda, "rho_0": 1}
    answer = evaluate_item("sharp.condition", values, backend=backend, digits=20)
    assert by_id(answer, "sharp.condition").verdict == verdict
    if Lambda == "1/6":
        assert "they are equal" in by_id(answer, "sharp.condition").why


@given(seed=st.integers(0, 2**32 - 1), ulps=st.integers(-3, 3))
def test_float64_decides_the_boundary_as_fractions_do(seed, ulps):
    rng = np.random.default_rng(seed)
    sigma_F, sigma_0, rho_0 = (float(10 ** rng.uniform(-1, 1)) for _ in range(3))
    Lambda = 0.5 * sigma_F * sigma_0**2 / rho_0
    for _ in range(abs(ulps)):
        Lambda = math.nextafter(Lambda, math.inf if ulps > 0 else 0)
    exact = Fraction(Lambda) * Fraction(rho_0) / (Fraction(sigma_F) * Fraction(sigma_0) ** 2)
    answer = evaluate_item(
        "sharp.condition", {"sigma_F": sigma_F, "sigma_0": sigma_0, "Lambda": Lambda, "rho_0": rho_0}
    )
    verdict = by_id(answer, "sharp.condition").verdict
    event(verdict)
    assert verdict == ("holds" if exact < Fraction(1, 2) else "hypothesis_not_met")
    many = {"sigma_F": sigma_F, "sigma_0": sigma_0, "Lambda": np.array([Lambda, 0.5 * Lambda]), "rho_0": rho_0}
    holds = by_id(evaluate_item("sharp.condition", many), "sharp.condition").holds
    assert holds.tolist() == [exact < Fraction(1, 2), True]


def test_equality_in_doubles_is_not_met():
    answer = evaluate_item("sharp.sigma", {"sigma_F": 1, "sigma_0": 1, "Lambda": 1, "rho_0": 0.5})
    assert by_id(answer, "sharp.condition").why == "h = 0.5 is not below 1/2 = 0.5: they are equal"
    assert answer.formulas["floor"].status == "hypothesis_not_met"


def test_conditions_without_constants_are_undecided_and_say_what_they_need():
    answer = evaluate_item("sharp.tail", {"sigma_F": 1, "rho": 0.1})
    condition = by_id(answer, "sharp.condition")
    assert (condition.verdict, condition.missing) == ("undecided", ("Lambda", "rho_0", "sigma_0"))
    assert condition in answer.unchecked
    assert answer.verdict == "undecided"
    assert "slope of a linear centre modulus" in answer.missing["Lambda"]
    assert "or give loss_0" in answer.missing["rho_0"]


def test_a_threshold_is_reported_whether_or_not_it_is_passed():
    answer = evaluate_item("dip2.output_scale", FAILS)
    assert answer["scale_sharp"] == pytest.approx(2 * 5 * H, rel=1e-14)
    assert answer.verdict == "holds"
    width = evaluate_item("dip2.width_sharp", {"sigma_F": 0.1, "sigma_0": 0.9, "rho_0": 9, "c_V": 2}, activation="tanh")
    assert width["k_min"] > 1e4
    composed = evaluate_item("sharp.composed", {"Lambda": 1, "rho_0": 1, "sigma_J": 1})
    assert composed["h"] == 1.0  # its own h, with sigma_J
    assert by_id(composed, "sharp.condition").verdict == "hypothesis_not_met"


def test_a_length_counts_only_within_the_modulus():
    values = {
        "G_L": 0.5,
        "L": 50,
        "E_0": 0.4,
        "t_1": 0.1,
        "T_1": 10,
        "Phi_0": 0.2,
        "Lambda": 0.1,
        "sigma_0": 1,
        "sigma_F": 0.1,
    }
    answer = evaluate_item("dip2.energy", values)  # the last term would be negative: Lambda L > sigma_0
    assert answer.values == {}
    assert "L*Lambda = 5 is not below sigma_0 = 1" in answer.formulas["length"].why
    assert evaluate_item("dip2.energy", {**values, "L": 9.5})["length"] > 9.5


def test_the_loss_can_fail_a_hypothesis():
    values = {"sigma_F": 0.5, "sigma_0": 0.9, "Lip": 0.1, "rho_0": 0.1, "t": 1}
    assert evaluate_item("baseline.mse_rate", values).verdict == "holds"
    answer = evaluate_item("baseline.mse_rate", values, loss="weighted_least_squares")
    assert answer.values == {}
    assert by_id(answer, "A.loss.plain_least_squares").verdict == "hypothesis_not_met"


def test_items_without_formulas_evaluate_too():
    assert registry["A.init"].evaluate(sigma_0=0.5).verdict == "holds"
    assert registry["A.stop.tau"].evaluate().missing == {"tau": SYMBOLS["tau"].meaning}
    assert repr(registry["A.activation"].evaluate()).startswith("A.activation: ")


def test_every_condition_of_the_registry_is_examined():
    """No shape of relation is passed over in silence."""
    seen = 0
    for key, item in registry.items():
        if item.condition is not None:
            own = [relation for owner, relation in relations(item) if owner.id == key]
            assert own == list(dict.fromkeys(sp.And.make_args(item.condition))), key
            seen += len(own)
    assert seen >= 10


# --- arrays -----------------------------------------------------------------------------------------------------------


def test_arrays_are_masked_where_nothing_is_claimed():
    Lambda = np.array([0.1, 0.2, 0.2025, 0.3])
    answer = evaluate_item("sharp.rate", {**GOOD, "Lambda": Lambda, "t": np.array([[1.0], [2.0]])})
    bound = answer["bound"]
    assert bound.shape == (2, 4)
    assert bound.mask.tolist() == [[False, False, True, True]] * 2
    assert np.isfinite(bound.data).all()
    for i, t in enumerate((1.0, 2.0)):
        for j in range(2):
            alone = evaluate_item("sharp.rate", {**GOOD, "Lambda": float(Lambda[j]), "t": t})["bound"]
            assert bound[i, j] == pytest.approx(alone, rel=1e-13)
    assert answer.formulas["bound"].why == "4 of 8: hypothesis not met"
    assert answer.verdict == "hypothesis_not_met"
    assert by_id(answer, "sharp.condition").holds.sum() == 4
    entry = json.loads(json.dumps(answer.to_json()))["formulas"][1]
    assert entry["value"][0][3] is None


def test_arrays_without_any_claim_and_with_overflow():
    none = evaluate_item("sharp.rate", {**GOOD, "Lambda": np.array([0.4, 0.5])})
    assert none.formulas["a"].status == "hypothesis_not_met"
    assert none.formulas["a"].value is None
    late = evaluate_item("sharp.rate", {**GOOD, "t": np.array([1.0, 1e6])})
    assert late["bound"].mask.tolist() == [False, True]
    assert late.formulas["bound"].why == "1 of 2: underflow"


# --- range ------------------------------------------------------------------------------------------------------------


def test_overflow_and_underflow_are_reported_and_the_other_backends_have_the_value():
    late = {**GOOD, "t": 1e6}
    answer = evaluate_item("sharp.rate", late)
    assert answer.formulas["bound"].status == "underflow"
    assert "use the backend mpmath" in answer.formulas["bound"].why
    with pytest.raises(OverflowError, match="underflows float64"):
        answer["bound"]
    assert 0 < evaluate_item("sharp.rate", late, backend="mpmath")["bound"] < mpmath.mpf("1e-80000")
    assert evaluate_item("sharp.rate", late, backend="arb")["bound"].ball > 0
    huge = {"sigma_F": 1e-150, "sigma_0": 1e-150, "rho_0": 1.0, "Lambda": 1e-3}
    answer = evaluate_item("sharp.condition", huge)
    assert answer.formulas["h"].status == "overflow"
    assert "about 1.0000e+447" in answer.formulas["h"].why
    assert by_id(answer, "sharp.condition").verdict == "hypothesis_not_met"
    assert evaluate_item("sharp.condition", huge, backend="mpmath")["h"] > mpmath.mpf("1e440")


def test_an_intermediate_overflow_costs_nothing():
    answer = evaluate_item("baseline.condition", {"sigma_F": 1e200, "sigma_0": 1e200, "rho_0": 1e300, "Lip": 1e100})
    assert answer["R_prime"] == pytest.approx(2e-100, rel=1e-15)  # sigma_F sigma_0 is beyond the doubles
    assert answer.verdict == "holds"


def test_digits_that_float64_loses_come_from_the_enclosure():
    values = {**GOOD, "rho_0": 1.0, "Lambda": 0.2025 * (1 - 2**-52)}
    number, ball = evaluate_item("sharp.rate", values), evaluate_item("sharp.rate", values, backend="arb")
    assert ball["a"].lower <= number["a"] * (1 + 1e-10)
    assert number["a"] * (1 - 1e-10) <= ball["a"].upper


def test_zero_stays_zero():
    values = {"sigma_F": 1, "sigma_0": 1, "Lambda": 0.1, "rho_0": 0.1, "eps": 1.0}
    assert evaluate_item("sharp.stop", values)["t_star"] == 0.0  # the level is met from the start
    assert evaluate_item("sharp.length", {**GOOD, "rho": 1.0})["bound"] == 0.0


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sigma_F": 0}, r"sigma_F = 0 has to be > 0 \(smallest nonzero singular value of J_F.*give a number > 0"),
        ({"sigma_F": "-1e-3"}, "sigma_F = -1e-3 has to be > 0"),
        ({"sigma_F": math.nan}, "sigma_F = nan is not a number"),
        ({"sigma_F": "nan"}, "sigma_F = nan is not a number"),
        ({"sigma_F": math.inf}, "sigma_F = inf is infinite"),
        ({"sigma_F": "1e400"}, "sigma_F = 1e400 overflows.*backend mpmath"),
        ({"sigma_F": 10**400}, "overflows"),
        ({"sigma_F": "1e-400"}, "sigma_F = 1e-400 underflows"),
        ({"sigma_F": "1e999999999"}, "out of range"),
        ({"sigma_F": "half"}, "sigma_F = 'half' is not a number; give one such as"),
        ({"sigma_F": "1/0"}, "divides by zero"),
        ({"sigma_F": 1j}, "complex, no real number"),
        ({"sigma_F": True}, "truth value"),
        ({"sigma_F": None}, "no real number"),
        ({"sigma_F": np.array([1.0, np.nan])}, "sigma_F = nan is not a number"),
        ({"sigma_F": np.array([1.0, -2.0])}, "sigma_F = -2.0 has to be > 0"),
        ({"sigma_F": []}, "empty array"),
        ({"sigma_F": [1, 2], "sigma_0": [1, 2, 3]}, r"do not broadcast.*sigma_F \(2,\), sigma_0 \(3,\)"),
        ({"sigma0": 1.0}, "does not depend on sigma0; did you mean sigma_0"),
        ({"mu": 1.0}, r"does not depend on mu \(restricted injectivity"),
    ],
)
def test_bad_values_are_met_at_the_door(change, message):
    with pytest.raises(ValueError, match=message):
        evaluate_item("sharp.condition", {**GOOD, **change})


@pytest.mark.parametrize(
    ("key", "values", "message"),
    [
        ("dip2.sigma0", {"delta": 1}, r"delta = 1 has to be in \(0, 1\).*strictly between 0 and 1"),
        ("dip2.sigma0", {"delta": 0.0}, r"delta = 0.0 has to be in \(0, 1\)"),
        ("dip2.sigma0", {"k": 10.5}, "k = 10.5 has to be a whole number >= 1"),
        ("dip2.sigma0", {"k": "0"}, "k = 0 has to be a whole number >= 1"),
        ("dip2.sigma0", {"k": np.array([10.0, 10.5])}, "k = 10.5 has to be a whole number"),
        ("wonly.stop", {"tau": 1}, "tau = 1 has to be > 1"),
        ("dip2.balanced", {"prob": 1.0}, "prob = 1.0 has to be in"),
    ],
)
@pytest.mark.parametrize("backend", ["float64", "mpmath"])
def test_domains(key, values, message, backend):
    if backend == "mpmath" and any(isinstance(value, np.ndarray) for value in values.values()):
        message = "only the backend float64 takes arrays"
    elif backend == "mpmath":
        message = message.replace("0.0 has", "0 has").replace("10.5 has", "21/2 has").replace("1.0 has", "1 has")
    with pytest.raises(ValueError, match=message):
        evaluate_item(key, values, backend=backend)


def test_other_refusals():
    with pytest.raises(KeyError, match=r"nearest: sharp\.rate"):
        evaluate_item("sharp.rat", {})
    with pytest.raises(ValueError, match="did you mean least_squares"):
        evaluate_item("sharp.rate", GOOD, loss="least_square")
    with pytest.raises(ValueError, match="has no parameter 'p'"):
        evaluate_item("sharp.rate", GOOD, loss_parameters={"p": 3})
    with pytest.raises(ValueError, match="unknown activation 'tanhh'; did you mean tanh"):
        evaluate_item("dip2.sigma0", {}, activation="tanhh")
    with pytest.raises(ValueError, match="unknown backend"):
        evaluate_item("sharp.rate", GOOD, backend="float32")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="digits"):
        evaluate_item("sharp.rate", GOOD, digits=0)
    with pytest.raises(ValueError, match="has no formula 'bund'; did you mean bound"):
        evaluate_item("sharp.rate", GOOD, formulas=["bund"])
    with pytest.raises(ValueError, match=r"bound also needs t \(time of the gradient flow"):
        evaluate_item("sharp.rate", GOOD, formulas=["bound"])
    with pytest.raises(KeyError, match="it has a, bound, rate"):
        evaluate_item("sharp.rate", GOOD)["zzz"]
    with pytest.raises(ValueError, match="needs t"):
        evaluate_item("sharp.rate", GOOD)["bound"]
    with pytest.raises(ValueError, match="given twice"):
        registry["sharp.rate"].evaluate(GOOD, sigma_F=1)
    with pytest.raises(ValueError, match="given twice"):
        evaluate_item("baseline.loss_rate", {"w_min": 1}, loss="weighted_least_squares", loss_parameters={"w_min": 2})


def test_float32_is_widened():
    answer = evaluate_item("sharp.condition", {**GOOD, "Lambda": np.array([0.25, 0.5], dtype=np.float32)})
    assert answer["h"].dtype == np.float64
    whole = evaluate_item("sharp.condition", {**GOOD, "rho_0": np.array([1, 2])})
    assert whole["h"][1] == pytest.approx(2 * H)


# --- the method and the record ----------------------------------------------------------------------------------------


def test_the_method_takes_symbols_as_keywords():
    statement = registry["sharp.rate"]
    assert isinstance(statement, Statement)
    answer = statement.evaluate(sigma_F=0.5, sigma_0=0.9, Lambda=0.1, rho_0=1, t=3, loss="least_squares", backend="arb")
    assert isinstance(answer["bound"], BallEnclosure)
    mixed = statement.evaluate({"sigma_F": 0.5, "sigma_0": 0.9}, Lambda=0.1, rho_0=1, t=3)
    assert mixed["bound"] == pytest.approx(answer["bound"].lower, rel=1e-14)
    # a number is the value of the loss, a text that is none its kind
    level = registry["wonly.rate"].evaluate(D_0=1, loss="0.5", loss_star=0.25)
    assert level["T_level"] == 4.0


def test_the_record_is_frozen_and_readable():
    answer = evaluate_item("sharp.rate", {**GOOD, "t": 3})
    with pytest.raises(AttributeError):
        answer.loss = "other"
    text = repr(answer)
    assert "bound = 0.27032" in text
    assert "h = 0.246914 is below 1/2" in text
    html = answer._repr_html_()
    assert "<table>" in html
    assert "0.27032" in html
    assert r"\begin{aligned}" in answer._repr_latex_()
    for backend in ("float64", "mpmath", "arb"):
        data = evaluate_item("sharp.rate", {**GOOD, "t": 3}, backend=backend).to_json()
        again = json.loads(json.dumps(data, allow_nan=False))
        assert again["verdict"] == "holds"
        assert [entry["name"] for entry in again["formulas"]] == ["a", "bound", "rate"]


@pytest.mark.parametrize("key", list(registry))
def test_every_item_answers_without_constants(key):
    """Nothing crashes, and every formula either has a value or says what it needs."""
    answer = registry[key].evaluate()
    for entry in answer.formulas.values():
        assert entry.status == "value" or entry.missing, entry
        assert set(entry.missing) <= set(answer.missing)
    assert all(answer.missing.values())
    assert repr(answer)
    assert isinstance(answer._repr_html_(), str)
    json.dumps(answer.to_json(), allow_nan=False)


@given(data=st.data())
def test_random_constants_never_give_a_number_outside_the_conditions(data):
    key = data.draw(
        st.sampled_from(
            ["sharp.rate", "sharp.length", "sharp.logistic", "sharp.tail", "dip2.amgm", "baseline.loss_rate"]
        )
    )
    numbers = st.floats(1e-3, 1e3)
    names = {"rho", "rho_0", "t", "Lambda", "Lip", "sigma_F", "sigma_0", "f_0", "B1", "k"} & set(accepted_symbols(key))
    values = {name: data.draw(numbers if name != "k" else st.integers(1, 1000), label=name) for name in sorted(names)}
    answer = evaluate_item(key, values)
    condition = next(c for c in answer.conditions if not c.id.startswith("A."))
    event(f"{key}: {condition.verdict}")
    for name, value in answer.values.items():
        assert math.isfinite(value)
        assert condition.verdict == "holds" or name == "capacity"
