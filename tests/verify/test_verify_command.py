"""``dipcert verify``: exit codes, JSON, bad input, interrupts."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from theory.claim import claim_of
from theory.ledger import registry
from theory.mutant import Mutant
from theory.symbols import sym
from verify import making
from verify.cli import main
from verify.properties import SUITES
from verify.properties.instances import FLOW
from verify.properties.runner import DEPTHS
from verify.properties.suite import Sample, Suite


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setitem(DEPTHS, "dev", replace(DEPTHS["dev"], examples=1, draws=20))


def only(monkeypatch, **suites: Suite) -> None:
    """Nothing but these suites."""
    import verify.properties as properties

    monkeypatch.setattr(properties, "SUITES", suites)


def small(h: float = 0.25, prefixes: tuple[str, ...] = ("sharp.length",)) -> Suite:
    return replace(
        SUITES["sharp"],
        prefixes=prefixes,
        cover=lambda: [Sample(making.extremal(h * share), FLOW) for share in (1.0, 0.9, 0.8)],
    )


def call(*arguments: str):
    return CliRunner().invoke(main, ["verify", *arguments])


def test_all_hold(monkeypatch):
    only(monkeypatch, sharp=small())
    result = call("--suite", "sharp")
    assert result.exit_code == 0
    assert "sharp.length" in result.stdout
    assert "least slack" in result.stdout
    said = " ".join(result.stdout.split())
    assert "at some stored time the slack exceeds the error budget, and at none is the claim violated" in said
    assert "Attained: undecided with both sides equal to six digits" in said
    assert "losses: least_squares" in result.stdout


def test_a_least_slack_within_its_error_budget_is_printed_with_it():
    from verify.claims import Finding
    from verify.properties.report import _slack
    from verify.properties.tally import Line
    from verify.verdict import Verdict

    line = Line("sharp.length")
    assert _slack(line) == ""
    line.tightest = Finding("sharp.length", Verdict.UNDECIDED, 1, 1.0, lhs=2.0, rhs=2.0, slack=0.0, budget=4e-5)
    assert _slack(line) == "0.0e+00 ± 2e-05"
    line.tightest = Finding("sharp.length", Verdict.HOLDS, 1, 1.0, lhs=1.0, rhs=2.0, slack=1.0, budget=4e-5)
    assert _slack(line) == "5.0e-01"


def test_json_is_strict_and_complete(monkeypatch):
    only(monkeypatch, sharp=small())
    result = call("--suite", "sharp", "--json", "--seed", "3")
    found = json.loads(result.stdout)
    assert found["verdict"] == "holds"
    assert found["seed"] == 3
    (suite,) = found["suites"]
    (line,) = suite["statements"]
    assert line["statement"] == "sharp.length"
    assert line["in_force"] == line["examples"] == 4
    assert line["attained"] > 0
    assert suite["coverage"]["losses"]["least_squares"] >= 3


def test_a_violation_ends_with_1_and_a_case(monkeypatch, tmp_path):
    import verify.case

    mutant = Mutant("half", "half the bound", substitute={sym("sigma_0"): 2 * sym("sigma_0")})
    claim = claim_of("sharp.length", registry, mutant)
    suite = small()
    suite.__dict__["claims"] = {"sharp.length": claim}
    monkeypatch.setattr(verify.case, "claim_named", lambda *_: claim)
    only(monkeypatch, sharp=suite)
    result = call("--suite", "sharp", "--cases", "found")
    assert result.exit_code == 1
    (case,) = (tmp_path / "found").iterdir()
    assert f"dipcert replay found/{case.name}" in " ".join(result.stdout.split())


def test_vacuous_ends_with_3(monkeypatch):
    only(monkeypatch, sharp=small(0.9))
    result = call("--suite", "sharp")
    assert result.exit_code == 3
    assert "vacuous" in result.stdout
    assert "3 are needed" in result.stdout


def test_an_interrupt_prints_what_was_found_and_ends_with_130(monkeypatch):
    suite = small()
    times = iter(range(100))
    original = Suite.check

    def check(self, world, engine, wanted=None):
        if next(times) == 2:
            raise KeyboardInterrupt
        return original(self, world, engine, wanted)

    monkeypatch.setattr(Suite, "check", check)
    only(monkeypatch, sharp=suite, other=replace(suite, name="other"))
    result = call("--suite", "sharp", "--suite", "other")
    assert result.exit_code == 130
    assert "sharp.length" in result.stdout
    assert "interrupted: what was found until then is printed; not finished: sharp, other" in result.stderr


def test_an_interrupt_between_suites_keeps_the_earlier_ones(monkeypatch):
    import verify.properties.runner as runner

    real = runner.run_suite

    def run_suite(suite, *arguments, **options):
        if suite.name == "other":
            raise KeyboardInterrupt
        return real(suite, *arguments, **options)

    monkeypatch.setattr(runner, "run_suite", run_suite)
    only(monkeypatch, sharp=small(), other=replace(small(), name="other"))
    result = call("--suite", "sharp", "--suite", "other", "--json")
    assert result.exit_code == 130
    found = json.loads(result.stdout)
    assert [suite["interrupted"] for suite in found["suites"]] == [False, True]
    assert found["suites"][0]["statements"][0]["in_force"] == 4
    assert "not finished: other" in result.stderr


def test_an_interrupt_while_a_cover_is_built_keeps_the_earlier_suites(monkeypatch):
    def cover():
        raise KeyboardInterrupt

    only(monkeypatch, sharp=small(), other=replace(small(), name="other", cover=cover))
    result = call("--suite", "sharp", "--suite", "other")
    assert result.exit_code == 130
    assert "sharp.length" in result.stdout
    assert "not finished: other" in result.stderr


def test_attained_is_printed_as_such(monkeypatch):
    from verify.claims import Summary
    from verify.verdict import Verdict

    def attained(self, world, engine, wanted=None):
        summary = Summary("sharp.length")
        summary.counts[Verdict.UNDECIDED] = summary.attained = 5
        return {"sharp.length": summary}

    monkeypatch.setattr(Suite, "check", attained)
    only(monkeypatch, sharp=small())
    result = call("--suite", "sharp")
    assert result.exit_code == 0
    assert "attained" in next(line for line in result.stdout.splitlines() if "sharp.length" in line)


def test_nothing_is_left_in_the_current_directory(monkeypatch, tmp_path):
    from hypothesis import configuration

    monkeypatch.delenv("HYPOTHESIS_STORAGE_DIRECTORY", raising=False)
    before = configuration.storage_directory(intent_to_write=False).path
    try:
        only(monkeypatch, sharp=small())
        assert call("--suite", "sharp").exit_code == 0
        home = configuration.storage_directory(intent_to_write=False).path
    finally:
        configuration.set_hypothesis_home_dir(before)
    assert home == tmp_path / "cache" / "dipcert" / "hypothesis"
    assert {path.name for path in tmp_path.iterdir()} <= {"cache"}


def test_list():
    result = call("--list")
    assert result.exit_code == 0
    assert "    sharp.logistic\n" in result.stdout
    found = json.loads(call("--list", "--json", "--suite", "losses").stdout)
    assert list(found["suites"]) == ["losses"]
    assert "kl.lp" in found["suites"]["losses"]["statements"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--suite", "shapr"], "did you mean sharp"),
        (["--depth", "deep"], "--minutes"),
        (["--minutes", "0"], "minutes"),
        (["--minutes", "nan"], "--minutes nan"),
        (["--minutes", "inf"], "--minutes inf"),
        (["--depth", "deeper"], "deeper"),
        (["--seed", "-1"], "seed"),
    ],
)
def test_bad_input_ends_with_2(arguments, words):
    result = call(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr


def test_cases_that_are_a_file_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for below in ("file", "file/sub", "file/sub/deeper"):
        result = call("--suite", "losses", "--cases", below)
        assert result.exit_code == 2
        assert "is a file" in result.stderr


def test_minutes_end_the_suites(monkeypatch):
    only(monkeypatch, sharp=small())
    result = call("--suite", "sharp", "--depth", "deep", "--minutes", "0.02")
    assert result.exit_code in (0, 3)
    assert "ended after" in result.stdout
