"""The pool and the hunt: mutants die on it with cases that replay, true variants survive, nothing true is violated."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import sympy as sp

from numerics.assumed import assumed
from theory.claim import claim_of
from theory.ledger import registry
from theory.losses import LOSSES
from theory.mutant import Mutant
from theory.symbols import sym
from verify.case import Case
from verify.claims import check_scene
from verify.hunt import Stage, _hunt_one, _order, confirmed
from verify.pool import ACTIVATIONS, DEPTHS, instances
from verify.verdict import Verdict


@pytest.fixture(scope="module")
def stage():
    found = Stage("dev", 0)
    list(found.scenes())
    return found


def test_the_pool_is_what_it_says():
    pool = list(instances("dev", 0))
    names = [instance.name for instance in pool]
    assert len(set(names)) == len(names)
    assert {instance.world.loss.name for instance in pool} >= set(LOSSES)
    networks = [i.world.generator for i in pool if i.world.generator.kind == "two_layer"]
    assert {network.activation.name for network in networks} == set(ACTIVATIONS)
    assert {network.train for network in networks} == {"both", "W"}
    assert {i.world.generator.kind for i in pool} == {"quadratic", "two_layer", "deep"}
    assert {i.engine.kind for i in pool} == {"flow", "descent"}
    assert len(list(instances("ci", 0))) > len(pool)
    with pytest.raises(ValueError, match="unknown depth"):
        list(instances("shallow"))
    assert DEPTHS == ("dev", "ci", "deep")


def test_the_pool_is_drawn_from_its_seed():
    def data(seed):
        return [instance.world.to_json() for instance in instances("dev", seed)]

    assert data(0) == data(0)
    assert data(0) != data(1)


def test_every_instance_of_the_pool_can_be_run(stage):
    assert not stage.failed
    assert len(list(stage.scenes())) == len(list(instances("dev", 0)))


def test_the_pool_violates_hypotheses_on_purpose(stage):
    failing = Counter(
        name
        for _, scene in stage.scenes()
        for name in ("A.operator.range", "A.loss.unique", "A.loss.min", "A.loss.KL")
        if assumed(name, scene) is False
    )
    assert all(failing[name] for name in ("A.operator.range", "A.loss.unique", "A.loss.min", "A.loss.KL"))


def test_no_statement_is_violated_on_the_pool(stage):
    """The one test of this file that looks at the theory: every statement at every stored time of every instance."""
    counts: Counter[Verdict] = Counter()
    in_force: Counter[str] = Counter()
    settled: Counter[str] = Counter()
    attained = 0
    for key, item in registry.items():
        if item.conclusion is None or item.kind in ("assumption", "trusted"):
            continue
        claim = claim_of(key, registry)
        for instance, scene in stage.scenes():
            summary = check_scene(claim, scene)
            in_force[key] += summary.in_force > 0
            attained += summary.attained
            settled[key] += summary.counts.get(Verdict.HOLDS, 0) + summary.attained
            for verdict, n in summary.counts.items():
                counts[verdict] += n
            assert summary.verdict is not Verdict.VIOLATED, (instance.name, summary.worst)
    assert counts[Verdict.HOLDS] > 50_000
    # what is neither decided nor attained: late times of runs at rest, sides that agree to fewer than six digits
    assert counts[Verdict.UNDECIDED] - attained < 0.1 * (counts[Verdict.HOLDS] + counts[Verdict.UNDECIDED])
    assert not [key for key, n in in_force.items() if n and not settled[key]], "never decided and never attained"
    for key in (
        "baseline.early_stop",
        "sharp.stop",
        "dip2.amgm",
        "dip2.balanced",
        "gd.rate",
        "wonly.stop",
        "deep.modulus",
    ):
        assert in_force[key] > 0, key


FALSE = {
    "baseline.mse_rate": Mutant("rate", "1/4 -> 0.6", substitute={sym("t"): sp.Rational(12, 5) * sym("t")}),
    "sharp.condition": Mutant(
        "half", "h < 0.6 is enough", conclusion=sp.Eq(sym("loss_limit"), 0, evaluate=False),
        conditions={"sharp.condition": sp.Lt(sym("h"), sp.Rational(3, 5), evaluate=False)},
    ),
    "step.gradient_lower": Mutant("norm", "sigma_min -> sigma_max", substitute={sym("sigma_t"): sym("sigma_g")}),
    "gd.length": Mutant("nu", "without nu", substitute={sym("nu"): 1}),
    "dip2.amgm": Mutant("both", "for W only as well", drop=("A.network.both",)),
    "baseline.loss_rate": Mutant("range", "range condition dropped", drop=("A.operator.range",)),
}  # fmt: skip


@pytest.mark.parametrize("key", FALSE)
def test_a_false_mutant_is_killed_and_its_case_replays(key, stage, tmp_path, monkeypatch):
    mutant = FALSE[key]
    found = _hunt_one(key, mutant, _order(key, stage), "dev", 0)
    assert found.verdict == "killed", found
    assert found.expected
    assert found.case is not None
    assert found.non_vacuous > 0
    # the case names a declared mutant: declare this one
    declared = {**registry._items, key: replace(registry[key], mutants=(mutant,), constants=())}
    monkeypatch.setattr(registry, "_items", declared)
    scene, finding = Case.load(found.case.save(tmp_path)).replay()
    assert finding == found.finding
    assert finding.verdict is Verdict.VIOLATED
    assert scene.world.label


def test_a_true_variant_survives_with_its_tightness(stage):
    """The baseline's rate 1/4 may be 1/2: proved by sharp.implies_baseline."""
    half = Mutant("half", "1/4 -> 1/2", "true", "sharp.implies_baseline", substitute={sym("t"): 2 * sym("t")})
    found = _hunt_one("baseline.mse_rate", half, _order("baseline.mse_rate", stage), "dev", 0)
    assert found.verdict == "survived"
    assert found.expected
    assert found.non_vacuous > 20
    assert 0.9 < found.tightness < 1.0
    assert found.case is None


def test_a_violation_that_goes_away_with_the_tolerance_is_not_believed(stage, monkeypatch):
    instance, scene = next(stage.scenes())
    claim = claim_of("step.growth", registry)
    summary = check_scene(claim, scene)
    fake = replace(summary.worst, verdict=Verdict.VIOLATED)
    summary.counts = {Verdict.VIOLATED: 1}
    summary.worst = fake
    assert confirmed(claim, instance, summary) is None


def test_a_stage_can_be_broken_off_and_taken_up():
    stage = Stage(pool=list(instances("dev", 0))[:3])
    first = next(stage.scenes())
    assert len(list(stage.scenes())) == 3
    assert next(stage.scenes())[1] is first[1]
