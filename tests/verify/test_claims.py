"""Claims held against runs: the four verdicts, hypotheses that are asked for, budgets, and what a case keeps."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

from numerics.assumed import ANSWERS, SUBJECTS, assumed
from numerics.measured import MEASURED, budget, sides
from numerics.scene import Scene
from numerics.worlds import flow
from theory.claim import claim_of
from theory.ledger import registry
from theory.mutant import DIAL, Mutant
from theory.symbols import SYMBOLS, sym
from verify.case import Case, claim_named
from verify.claims import Finding, check_point, check_scene, engine_of, hypotheses_met
from verify.engine import Engine, simulate
from verify.making import extremal
from verify.pool import diagonal, scalar_network
from verify.verdict import Verdict

LINEAR = diagonal([1.0, 0.5], [0.8, -0.6], [0.05, 0.02])


@pytest.fixture(scope="module")
def scene():
    return simulate(extremal(0.2, noise=0.01), Engine())


def mutant(key, **changes):
    return claim_of(key, registry, Mutant("changed", "changed for a test", **changes))


def test_the_extremal_family_attains_the_sharp_theorem(scene):
    for key in ("sharp.logistic", "sharp.length", "sharp.sigma", "step.majorant_rate"):
        summary = check_scene(claim_of(key, registry), scene)
        assert summary.verdict is Verdict.UNDECIDED, key  # no precision tells equality from a tiny slack
        assert summary.attained > 10, key
        assert summary.worst is not None
        assert abs(summary.worst.tightness - 1) < 1e-6 or summary.worst.t > 10


def test_looser_theorems_hold_with_their_slack(scene):
    summary = check_scene(claim_of("baseline.loss_rate", registry), scene)
    assert summary.verdict is Verdict.HOLDS
    assert summary.counts == {Verdict.HOLDS: len(scene.record) - 1}
    assert summary.worst is not None
    assert summary.worst.slack > 1e3 * summary.worst.budget


def test_one_part_in_a_hundred_thousand_is_seen(scene):
    """The budget is small enough to tell the extremal run from a constant that is off by 1e-5."""
    rho = sym("rho")
    for factor, verdict in ((1 - 1e-5, Verdict.VIOLATED), (1 + 1e-5, Verdict.HOLDS)):
        wrong = sp.Le(rho, sp.Float(factor) * registry["sharp.logistic"].conclusion.rhs, evaluate=False)
        point = scene.at(len(scene.record) // 2)
        found = check_point(mutant("sharp.logistic", conclusion=wrong), point)
        assert found.verdict is verdict, found


def test_every_hypothesis_of_every_statement_on_a_run_is_answered():
    """A statement whose assumption nobody answers could never be checked, or would be checked on instances not its own."""
    for key, item in registry.items():
        if item.conclusion is not None and item.kind not in ("assumption", "trusted"):
            for name in claim_of(key, registry).hypotheses:
                assert name in ANSWERS, f"{key} assumes {name}"
    assert set(ANSWERS) <= set(registry)
    assert set(SUBJECTS) <= set(registry)
    assert set(MEASURED) <= set(SYMBOLS)


def test_an_assumption_that_nobody_answers_is_an_error(scene):
    with pytest.raises(LookupError, match=r"nobody answers.*A\.unheard_of"):
        assumed("A.unheard_of", scene)


def test_a_claim_is_not_checked_where_a_hypothesis_fails():
    claim = claim_of("baseline.mse_rate", registry)
    weighted = simulate(diagonal([1.0, 0.5], [1.0, 0.5], the_loss=_loss("log_cosh")), Engine(loss_ratio=1e-6))
    summary = check_scene(claim, weighted)
    assert summary.verdict is Verdict.HYPOTHESIS_NOT_MET
    assert "A.loss.plain_least_squares fails" in summary.why
    assert summary.in_force == 0


def test_a_hypothesis_that_is_not_known_is_not_met(scene):
    """None is no yes: a run cannot tell whether its start was drawn at random."""
    growth = claim_of("step.growth", registry)
    claim = replace(growth, hypotheses=(*growth.hypotheses, "A.network.random"))
    assert assumed("A.network.random", scene) is None
    assert "A.network.random is not known" in hypotheses_met(claim, scene)
    assert check_scene(claim, scene).in_force == 0
    assert check_scene(growth, scene).in_force > 10


def test_a_claim_is_not_checked_where_its_condition_fails():
    beyond = simulate(extremal(0.3), Engine())  # R' > R
    summary = check_scene(claim_of("baseline.loss_rate", registry), beyond)
    assert summary.verdict is Verdict.HYPOTHESIS_NOT_MET
    assert "baseline.condition" in summary.why
    dropped = check_scene(mutant("baseline.loss_rate", drop=("baseline.condition",)), beyond)
    assert dropped.verdict is Verdict.HOLDS  # the rate survives up to R' = 1.5 R: h = 0.375


def test_dropping_the_condition_of_the_baseline_is_refuted_late():
    summary = check_scene(mutant("baseline.loss_rate", drop=("baseline.condition",)),
                          simulate(extremal(0.45), Engine(loss_ratio=1e-16)))  # fmt: skip
    assert summary.verdict is Verdict.VIOLATED
    assert summary.worst is not None
    assert summary.worst.t > 13  # not before ln(1/(1-2h))/(1/4 - (1-2h)), about 13.6


def test_claims_on_flows_are_not_asked_of_descent():
    run = simulate(LINEAR, Engine("descent", c=0.45))
    assert "speaks of a flow" in hypotheses_met(claim_of("sharp.rate", registry), run)
    assert not hypotheses_met(claim_of("gd.rate", registry), run)
    assert check_scene(claim_of("gd.rate", registry), run).verdict in (Verdict.HOLDS, Verdict.UNDECIDED)
    kinds = {key: engine_of(claim_of(key, registry)) for key in
             ("gd.length", "wonly.descent", "step.kl", "dip2.gram", "dip2.amgm", "step.energy", "sharp.length")}  # fmt: skip
    assert kinds == {"gd.length": "descent", "wonly.descent": "descent", "step.kl": "any", "dip2.gram": "any",
                     "dip2.amgm": "flow", "step.energy": "flow", "sharp.length": "flow"}  # fmt: skip


def test_an_equation_is_violated_by_a_small_factor(scene):
    """step.energy with 1.0001 in front: wrong wherever the flow moves, and seen to be."""
    wrong = sp.Eq(sym("dloss"), -sp.Rational(10001, 10000) * sym("ell_dot") ** 2, evaluate=False)
    summary = check_scene(mutant("step.energy", conclusion=wrong), scene)
    assert summary.counts[Verdict.VIOLATED] > 20
    assert check_scene(claim_of("step.energy", registry), scene).verdict is Verdict.HOLDS


def test_the_budget_covers_the_error_of_a_loose_run():
    """The residual of a run with a loose tolerance differs from the closed form by less than the budget, and not by 0."""
    world = extremal(0.3)
    conclusion = registry["sharp.logistic"].conclusion
    seen = 0
    for rtol in (1e-4, 1e-6, 1e-8):
        for point in Scene(flow(world, rtol=rtol)).points()[1:]:
            lhs, rhs = sides(conclusion, point)
            assert abs(lhs - rhs) <= budget(conclusion, point)
            seen += abs(lhs - rhs) > 1e-9 * rhs
    assert seen > 10


def test_the_loss_at_rest_is_a_limit_and_a_certified_end_has_limit_zero():
    beyond = simulate(scalar_network("identity", "both", 1.0, 1.0, -0.01), Engine(t_max=1e5))
    certified = simulate(extremal(0.2), Engine())
    claim = mutant("sharp.condition", conclusion=sp.Eq(sym("loss_limit"), 0, evaluate=False))
    assert certified.end.value("loss_limit") == 0.0
    assert check_point(claim, certified.end).verdict is not Verdict.VIOLATED
    if beyond.record.status == "stationary":
        assert beyond.end.value("loss_limit") > 0
    early = simulate(extremal(0.7), Engine(t_max=0.5))
    with pytest.raises(LookupError, match="neither certified nor at rest"):
        early.end.value("loss_limit")


def test_a_constant_is_put_for_the_dial():
    claim = mutant("baseline.mse_rate", conclusion=sp.Le(sym("residual"), sym("rho_0") * sp.exp(-DIAL * sym("t"))))
    assert DIAL in claim.conclusion.free_symbols
    assert DIAL not in claim.with_constant(sp.Rational(1, 4)).conclusion.free_symbols


def test_a_case_replays_exactly(tmp_path, scene):
    claim = mutant("baseline.early_stop", conclusion=sp.Le(sym("y_err"), sym("eps") / 2, evaluate=False))
    finding = check_scene(claim, scene).worst
    assert finding is not None
    case = Case("baseline.early_stop", scene.world, Engine(), finding)
    path = case.save(tmp_path / "cases")
    again = Case.load(path)
    assert again.to_json() == case.to_json()
    replayed, found = again.replay()
    assert found == check_point(claim_named("baseline.early_stop"), scene.at(finding.i))
    np.testing.assert_array_equal(replayed.record.d, scene.record.d)
    assert json.loads(path.read_text())["schema"] == "dipcert-case/1"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "other"}, "this is no case"),
        ({"world": None}, None),
        ({"engine": {"kind": "magic"}}, "unknown engine"),
        ({"engine": {"kind": "flow", "speed": 3}}, "an engine"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, scene, change, message):
    finding = Finding("baseline.early_stop", Verdict.HOLDS, 1, 0.1, 1.0, 2.0, 1.0, 0.0)
    data = {**Case("baseline.early_stop", scene.world, Engine(), finding).to_json(), **change}
    if message is None:
        del data["world"]
        message = "needs world"
    with pytest.raises(ValueError, match=message):
        Case.from_json(data)


def test_tightness_says_how_near_a_bound_is():
    assert Finding("x", Verdict.HOLDS, lhs=1.0, rhs=2.0, slack=1.0).tightness == 0.5
    assert Finding("x", Verdict.VIOLATED, lhs=2.0, rhs=1.0, slack=-1.0).tightness == 1.5
    assert math.isnan(Finding("x", Verdict.HOLDS).tightness)


def _loss(name, **parameters):
    from numerics.losses import loss

    return loss(name, **parameters)
