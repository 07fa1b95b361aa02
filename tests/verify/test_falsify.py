"""A hypothesis that is dropped is shown to be needed by a small instance, or it is said that none was found."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from numerics.assumed import assumed
from theory.ledger import registry
from verify.case import Case
from verify.claims import Summary, check_scene, hypotheses_met
from verify.cli import main
from verify.database import database, remembered
from verify.engine import simulate
from verify.falsify import about_runs, aliases, examine, falsifiable, falsify, requirements
from verify.verdict import Verdict
from verify.violations import FAMILIES, families_for
from verify.violations.reasons import reason_for


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_family_can_be_run_and_breaks_what_it_says(family):
    """On some instance of the grid, for some statement, what the family is made to break fails and everything else holds."""
    broken = set()
    for number, numbers in enumerate(family.grid()):
        if number == 12:
            break
        world, engine = family.instance(numbers)
        assert world.label
        assert "{" not in world.label
        scene = simulate(world, engine)
        for name in family.breaks:
            for key in about_runs():
                if name in requirements(key) and name not in broken and examine(key, aliases(key, name), scene).failing:
                    broken.add(name)
        if broken == set(family.breaks):
            return
    # the conditions of the two-layer statements make their formulas undefined where they fail: nothing is examined there
    assert broken
    assert set(family.breaks) - broken <= {
        "dip2.amgm",
        "dip2.balanced",
        "sharp.condition",
        "A.loss.least_squares",
    }


def test_the_table_of_all_pairs():
    """Most hypotheses of the steps and theorems are needed; no pair for which something is proved is refuted."""
    rows = falsifiable(per_family=3)
    pairs = {(row.statement, row.hypothesis): row for row in rows}
    assert len(pairs) == len(rows) > 400
    found = [row for row in rows if row.outcome == "found"]
    assert len(found) >= 105
    assert [(row.statement, row.hypothesis) for row in found if reason_for(row.statement, row.hypothesis)] == []
    for row in found:
        finding = row.finding
        assert finding is not None
        assert finding.verdict is Verdict.VIOLATED
        assert abs(finding.slack) > finding.budget
    for pair in (
        ("baseline.loss_rate", "baseline.condition"),
        ("baseline.loss_rate", "A.operator.range"),
        ("baseline.mse_rate", "A.loss.plain_least_squares"),
        ("sharp.length", "A.loss.KL"),
        ("sharp.logistic", "A.generator.linear_modulus"),
        ("step.growth", "A.loss.unique"),
        ("step.gradient_lower", "A.init"),
        ("step.dissipation", "when"),
        ("dip2.amgm", "A.network.both"),
        ("dip2.conservation", "A.network.both"),
        ("dip2.two_sided", "A.operator.linear"),
        ("gd.length", "A.step"),
        ("gd.descent", "A.gradient_lipschitz"),
        ("wonly.rate", "A.loss.convex"),
        ("illposed.semiconvergence", "when"),
    ):
        assert pairs[pair].outcome == "found", pair
    assert pairs["sharp.length", "A.loss.min"].outcome == "implied"
    assert pairs["sharp.length", "A.loss.unique"].outcome == "unused"
    assert pairs["dip2.amgm", "dip2.amgm"].outcome == "undefined"
    open_ones = [row for row in rows if row.outcome == "open"]
    assert all(not row.text for row in open_ones)


@pytest.mark.parametrize(
    ("statement", "drop"),
    [("baseline.mse_rate", "baseline.condition"), ("step.gradient_lower", "A.init"), ("gd.rate", "A.step")],
)
def test_a_counterexample_is_shrunk_confirmed_and_replays(statement, drop, tmp_path):
    found = falsify(statement, (drop,), maximum=60, seed=1)
    assert found.found
    assert drop in found.failing
    case = found.case
    assert case.engine.tighter is None  # the run with the tightest tolerance is the one that is saved
    scene, again = case.replay()
    assert again == case.finding
    assert hypotheses_met(case.claim, scene) == ""
    # with the hypothesis asked for, the same run refutes nothing
    assert (
        check_scene(Case(statement, case.world, case.engine, case.finding).claim, scene).verdict is not Verdict.VIOLATED
    )
    if drop in registry and registry[drop].kind == "assumption":
        assert assumed(drop, scene) is False
    path = case.save(tmp_path)
    assert path.stat().st_size < 4000
    assert Case.load(path).replay()[1] == case.finding


def test_shrinking_makes_the_numbers_smaller():
    plain = falsify("step.growth", ("A.loss.KL",), shrink=False)
    small = falsify("step.growth", ("A.loss.KL",), maximum=60)
    assert plain.found
    assert small.found
    assert small.numbers["y"] <= plain.numbers["y"]
    assert small.numbers["noise"] == 0.0


def test_what_is_not_found_is_said_with_its_count():
    found = falsify("baseline.param_rate", ("A.operator.range",), shrink=False)
    assert not found.found
    assert found.tried >= found.broken > 0
    assert found.reason is None


def test_an_instance_that_breaks_two_hypotheses_shows_nothing():
    """The statement also asks for plain least squares, which a loss with a flat minimum is not."""
    family = families_for("A.loss.KL")[0]
    world, engine = family.instance(next(family.grid()))
    scene = simulate(world, engine)
    assert examine("baseline.loss_rate", ("A.loss.KL",), scene).refutes
    assert examine("baseline.mse_rate", ("A.loss.KL",), scene).failing == ()


def test_an_instance_that_satisfies_the_hypothesis_shows_nothing():
    family = next(one for one in FAMILIES if one.name == "extremal")
    world, engine = family.instance({"y": 0.2, "noise": 0.0})
    scene = simulate(world, engine)
    assert examine("baseline.loss_rate", ("baseline.condition",), scene).failing == ()
    world, engine = family.instance({"y": 0.45, "noise": 0.0})
    assert examine("baseline.loss_rate", ("baseline.condition",), simulate(world, engine)).refutes


def test_a_condition_is_dropped_under_all_of_its_names():
    assert aliases("gd.length", "gd.condition") == ("gd.condition", "gd.length")
    assert aliases("gd.length", "A.step") == ("A.step",)


def test_counterexamples_are_kept_in_the_example_database(tmp_path):
    kept = database(tmp_path)
    found = falsify("step.kl", ("A.loss.KL",), maximum=30, kept=kept)
    assert found.found
    assert remembered(kept, "falsify step.kl A.loss.KL") == [{"family": found.family, "numbers": dict(found.numbers)}]
    again = falsify("step.kl", ("A.loss.KL",), kept=database(tmp_path), shrink=False)
    assert again.tried == 1
    assert again.numbers == found.numbers


def test_summary_of_the_statement_itself_holds_on_no_violating_family_by_accident():
    """The full statement is refuted by none of the instances that are made to break it: its hypotheses exclude them."""
    for family in FAMILIES:
        world, engine = family.instance(next(family.grid()))
        scene = simulate(world, engine)
        for key in ("baseline.loss_rate", "sharp.logistic", "step.growth", "gd.rate", "dip2.amgm", "wonly.rate"):
            summary: Summary = check_scene(Case(key, world, engine, None).claim, scene)
            assert summary.verdict is not Verdict.VIOLATED, (family.name, key)


# ------------------------------------------------------------------------------------------------------ the command
def run(*arguments):
    return CliRunner().invoke(main, ["falsify", *arguments])


def test_the_command_saves_what_replays(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    result = run("step.growth", "--drop", "A.loss.unique", "--max", "40", "--out", str(tmp_path / "cases"))
    assert result.exit_code == 0, result.output
    assert "Counterexample: " in result.output
    assert "fails: A.loss.unique" in result.output
    (path,) = (tmp_path / "cases").glob("*.json")
    assert f"dipcert replay {path}" in result.output.replace("\n", "")
    again = CliRunner().invoke(main, ["replay", str(path)])
    assert again.exit_code == 0, again.output
    assert "bit for bit" in again.output


def test_the_command_answers_in_json(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    result = run("gd.descent", "--drop", "A.gradient_lipschitz", "--max", "20", "--json", "--out", str(tmp_path))
    data = json.loads(result.output)
    assert data["found"] is True
    assert data["finding"]["verdict"] == "violated"
    assert Path(data["case"]).is_file()


def test_nothing_found_is_exit_code_3_and_no_proof():
    result = run("baseline.param_rate", "--drop", "A.operator.range", "--max", "4")
    assert result.exit_code == 3
    assert "No counterexample among " in result.output
    assert "no proof" in result.output
    result = run("sharp.length", "--drop", "A.init", "--max", "2")
    assert result.exit_code == 3
    assert "There can be none (implied)" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sharp.lenght", "--drop", "A.init"], "nearest: sharp.length"),
        (["sharp.length", "--drop", "A.loss.mn"], "did you mean A.loss.min? it asks for A.loss.smooth"),
        (["sharp.condition", "--drop", "A.init"], "claims nothing of a run"),
        (["A.init", "--drop", "A.init"], "no conclusion"),
        (["dip2.sigma0", "--drop", "A.network.random"], "cannot be held against a run"),
    ],
)
def test_usage_errors_name_what_there_is(arguments, said):
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_an_out_that_is_a_file_is_refused_before_the_search(tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    result = run("step.kl", "--drop", "A.loss.KL", "--out", str(path))
    assert result.exit_code == 2
    assert "is a file" in result.output
