"""Declared hypotheses and guarantees in force are tied together: none without the other."""

import ast
from pathlib import Path

import pytest

from theory.ledger import registry
from verify import assumptions, guarantees
from verify.assumptions import PREDICATES, Assumption, all_of, answer, check_all, lacking

FOLDER = Path(guarantees.__file__).parent


def statements():
    """Every identifier of a statement that a module of guarantees names."""
    named = {
        node.value
        for path in [*FOLDER.glob("*.py"), FOLDER.parent / "restart.py", FOLDER.parent / "scale.py"]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in registry
    }
    return sorted(name for name in named if not name.startswith("A."))


def evaluated(instance):
    loss, signal = guarantees.evaluate(instance)
    return loss + signal


def test_every_hypothesis_of_every_statement_behind_a_guarantee_has_a_predicate():
    names = statements()
    assert len(names) > 20
    needed = {name for key in names for name in registry[key].hypotheses}
    assert needed <= set(PREDICATES)
    assert {"A.init", "A.noise.positive", "A.network.regular_start", "A.operator.range.radial"} <= needed
    assert set(PREDICATES) <= {key for key in registry if key.startswith("A.")}


CASES = {
    "both": ("sharp", 0.02, (3, 3), {"seed": 14}),
    "both, baseline": ("baseline", 0.5, (3, 3), {"seed": 1}),
    "no noise": ("sharp", 0.02, (3, 3), {"seed": 14, "noise": None}),
    "W": ("baseline", 0.5, (3, 3), {"seed": 9, "network": {"train": "W"}}),
    "kernel": ("sharp", 0.02, (2, 4), {"seed": 19}),
    "weights, m > n": (
        "baseline", 0.5, (4, 3), {"seed": 3, "loss": {"kind": "weighted_least_squares", "weights": [1.0, 2.0, 3.0, 0.5]}},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def instances(lab):
    from verify.instance import Instance
    from verify.problem import build, parse

    return {
        name: Instance.of(build(parse(lab.with_margin(condition, fraction, *shape, **changes))))
        for name, (condition, fraction, shape, changes) in CASES.items()
    }


@pytest.mark.parametrize("name", CASES)
def test_what_is_in_force_has_all_its_hypotheses(instances, name):
    instance = instances[name]
    live = [g for g in evaluated(instance) if g.checked]
    assert len(live) >= 4
    for guarantee in live:
        assert lacking(instance, registry[guarantee.statement].hypotheses) is None
    assert {a.id for a in all_of(instance)} == set(PREDICATES)
    assert all(a.evidence and a.answer in ("holds", "fails", "unknown") for a in all_of(instance))
    assert 10 <= len(check_all(instance)) <= 13


@pytest.fixture(scope="module")
def before(instances):
    return {name: evaluated(instance) for name, instance in instances.items()}


@pytest.mark.parametrize("hypothesis", sorted(PREDICATES))
def test_a_hypothesis_that_does_not_hold_takes_its_guarantees_away(instances, before, monkeypatch, hypothesis):
    """On the first instance with a guarantee that declares it; fails and unknown alike."""
    live = {
        k: [g for g in found if g.checked and hypothesis in guarantees.hypotheses(g)] for k, found in before.items()
    }
    name = next((k for k, found in live.items() if found), None)
    if name is None:
        assert hypothesis not in {h for key in statements() for h in registry[key].hypotheses} - {"A.injective"}
        return
    verdict = "fails" if len(hypothesis) % 2 else "unknown"
    monkeypatch.setitem(
        assumptions.PREDICATES, hypothesis, lambda _: Assumption(hypothesis, verdict, "denied for the test")
    )
    after = {(g.statement, g.title): g for g in evaluated(instances[name])}
    for g in live[name]:
        now = after[g.statement, g.title]
        if hypothesis == "A.operator.range":  # A.operator.range.radial takes its place
            assert now.checked
            continue
        assert now.status == "not_met"
        if not now.reason.startswith("the baseline condition"):  # recovery goes with the condition it rests on
            assert hypothesis in now.reason
            assert "denied for the test" in now.reason
        assert (now.curves, now.zero_loss, now.stop_time) == ((), False, None)


def test_the_range_condition_has_a_substitute_and_only_that(instances, monkeypatch):
    weighted = instances["weights, m > n"]
    assert PREDICATES["A.operator.range"](weighted).answer == "fails"
    assert answer(weighted, "A.operator.range").id == "A.operator.range.radial"
    assert "A.operator.range.radial" in {a.id for a in check_all(weighted)}
    monkeypatch.setitem(
        assumptions.PREDICATES,
        "A.operator.range.radial",
        lambda _: Assumption("A.operator.range.radial", "unknown", "denied"),
    )
    assert answer(weighted, "A.operator.range").answer == "fails"
    assert not [g for g in evaluated(weighted) if g.in_force and g.zero_loss]


def test_answers_follow_the_instance(lab, instances):
    def said(instance, name):
        return PREDICATES[name](instance).answer

    assert (said(instances["both"], "A.network.both"), said(instances["both"], "A.network.W")) == ("holds", "fails")
    assert (said(instances["W"], "A.network.both"), said(instances["W"], "A.network.W")) == ("fails", "holds")
    assert (said(instances["both"], "A.noise.positive"), said(instances["both"], "A.noise.none")) == ("holds", "fails")
    assert said(instances["no noise"], "A.noise.none") == "holds"
    assert said(instances["kernel"], "A.injective") == "unknown"
    assert said(instances["weights, m > n"], "A.loss.plain_least_squares") == "fails"
    relu = lab.instance(seed=1, network={"activation": "relu", "train": "W"})
    for name in ("A.activation", "A.generator.smooth", "A.generator.lipschitz", "A.generator.modulus",
                 "A.network.regular_start"):  # fmt: skip
        assert said(relu, name) == "fails"
    narrow = lab.instance(3, 3, seed=1, network={"train": "W", "width": 2, "antisymmetric": False})
    assert (said(narrow, "A.init"), said(narrow, "A.generator.lipschitz")) == ("unknown", "unknown")
    unknown = lab.instance(3, 3, signal=None, observation={"values": [0.3, -0.2, 0.1]}, noise=None)
    assert (said(unknown, "A.noise.positive"), said(unknown, "A.noise.none")) == ("unknown", "unknown")
