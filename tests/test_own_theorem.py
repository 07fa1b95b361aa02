"""A user's own statement: the example file, and what is refused."""

import json
import math
import runpy
from pathlib import Path

import pytest
import sympy as sp
from click.testing import CliRunner
from hypothesis import strategies as st

from theory.statement import Statement
from theory.symbols import sym
from verify.cli import main
from verify.own import check_statement, claim_in
from verify.strategies import extremal
from verify.verdict import Verdict

EXAMPLE = Path(__file__).parents[1] / "examples" / "own_theorem.py"


@pytest.fixture(scope="module")
def example():
    return runpy.run_path(str(EXAMPLE))


def statement(conclusion, **changes):
    given = {
        "id": "own.test", "kind": "theorem", "origin": "new", "title": "a test", "text": "a test",
        "hypotheses": ("A.loss.KL", "A.operator.range", "A.init", "A.generator.linear_modulus"),
        "uses": ("sharp.condition",), "conclusion": conclusion,
    }  # fmt: skip
    return Statement(**{**given, **changes})


def test_the_wrong_rate_is_refuted_and_replays(example, tmp_path):
    result = check_statement(example["fast"], examples=30, declared_in=str(EXAMPLE))
    assert result.verdict is Verdict.VIOLATED
    finding = result.case.finding
    assert finding.lhs > finding.rhs + finding.budget
    assert "smallest counterexample: extremal" in str(result)
    path = result.case.save(tmp_path)
    refused = CliRunner().invoke(main, ["replay", str(path)])
    assert refused.exit_code == 2
    assert "--theorem" in refused.output
    again = CliRunner().invoke(main, ["replay", str(path), "--theorem", str(EXAMPLE)])
    assert again.exit_code == 0, again.output
    assert "bit for bit" in again.output


def test_the_corrected_rate_passes_on_instances_on_which_it_is_in_force(example):
    result = check_statement(example["right"], examples=15)
    assert result.verdict is Verdict.HOLDS
    assert result.case is None
    assert result.non_vacuous >= 10
    assert result.times > 100


def test_a_wrong_bound_of_the_length_is_shrunk_to_the_smallest_instance():
    """ℓ ≤ ρ0/(σ_F σ0) is false as soon as the generator bends: the first of the family, h = 1/4, is enough."""
    short = statement(sp.Le(sym("ell"), sym("rho_0") / (sym("sigma_F") * sym("sigma_0"))))
    result = check_statement(short, extremal(unit=True), examples=30)
    assert result.verdict is Verdict.VIOLATED
    world = result.case.world
    assert world.y == 0.25
    assert math.isclose(result.case.finding.lhs, 1 - math.sqrt(0.5), rel_tol=1e-3)


def test_a_statement_that_is_never_in_force_is_not_said_to_hold():
    nowhere = statement(sp.Le(sym("ell"), sym("rho_0")), condition=sp.Lt(sym("sigma_0"), 0))
    result = check_statement(nowhere, extremal(unit=True), examples=5)
    assert result.verdict is Verdict.HYPOTHESIS_NOT_MET
    assert result.non_vacuous == 0
    assert "nothing was tested" in str(result)


def test_a_statement_about_gradient_descent_is_run_with_it():
    right = sp.Le(sym("loss_next"), sym("loss"))
    assert check_statement(statement(right, id="gd.own"), extremal(unit=True), examples=5).verdict is Verdict.HOLDS


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"conclusion": None}, "has no conclusion"),
        ({"hypotheses": ("A.nothing",)}, "names A.nothing"),
        ({"conclusion": sp.Le(sym("ell"), sym("delta"))}, "speaks of delta, which nobody measures"),
        ({"id": "sharp.length"}, "is registered already"),
        ({"conclusion": sp.true}, "SymPy has evaluated to True: write it with evaluate=False, as one of Le, Lt"),
        ({"conclusion": False}, "SymPy has evaluated to False: write it with evaluate=False"),
        ({"conclusion": sp.Ne(sym("ell"), 0)}, "evaluate=False, as one of Le, Lt, Ge, Gt, Eq"),
        ({"conclusion": sp.And(sym("ell") < 1, sym("rho_0") < 1)}, "evaluate=False, as one of Le, Lt, Ge, Gt, Eq"),
        ({"conclusion": sym("ell")}, "evaluate=False, as one of Le, Lt, Ge, Gt, Eq"),
        ({"conclusion": "ell <= 1"}, "evaluate=False, as one of Le, Lt, Ge, Gt, Eq"),
    ],
)
def test_statements_that_cannot_be_checked_are_refused(changes, said):
    given = {"conclusion": sp.Le(sym("ell"), sym("rho_0")), **changes}
    with pytest.raises(ValueError, match=said):
        check_statement(statement(given.pop("conclusion"), **given))


def test_files_that_declare_nothing_of_the_kind_are_refused(tmp_path):
    with pytest.raises(ValueError, match="there is no such file"):
        claim_in(tmp_path / "nowhere.py", "own.test")
    (tmp_path / "empty.py").write_text("x = 1\n")
    with pytest.raises(ValueError, match="declares no statement"):
        claim_in(tmp_path / "empty.py", "own.test")
    (tmp_path / "broken.py").write_text("1/0\n")
    with pytest.raises(ValueError, match="ZeroDivisionError"):
        claim_in(tmp_path / "broken.py", "own.test")
    (tmp_path / "leaves.py").write_text("import sys\nsys.exit(0)\n")
    with pytest.raises(ValueError, match=r"ended the program, with sys.exit\(0\)"):
        claim_in(tmp_path / "leaves.py", "own.test")
    (tmp_path / "odd.py").write_text("raise GeneratorExit\n")
    with pytest.raises(ValueError, match="GeneratorExit"):
        claim_in(tmp_path / "odd.py", "own.test")


def test_a_file_that_ends_the_program_or_prints_does_not_spoil_replay(example, tmp_path):
    path = check_statement(example["fast"], examples=30, declared_in=str(EXAMPLE)).case.save(tmp_path)
    leaves, prints = tmp_path / "leaves.py", tmp_path / "prints.py"
    leaves.write_text("raise SystemExit(0)\n")
    result = CliRunner().invoke(main, ["replay", str(path), "--theorem", str(leaves)])
    assert result.exit_code == 2
    assert "ended the program" in result.output
    prints.write_text("print('a word')\n" + EXAMPLE.read_text(encoding="utf-8").replace("from __future__", "#"))
    result = CliRunner().invoke(main, ["replay", str(path), "--theorem", str(prints), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["outcome"] == "reproduced"
    assert "a word" in result.stderr


def test_searches_that_cannot_be_made_are_refused():
    right = statement(sp.Le(sym("ell"), sym("rho_0")))
    for examples in (0, -1, 2.5, True):
        with pytest.raises(ValueError, match="at least 1"):
            check_statement(right, examples=examples)
    with pytest.raises(TypeError, match="the strategy is a list"):
        check_statement(right, [1], examples=5)
    with pytest.raises(TypeError, match="the strategy has drawn a int"):
        check_statement(right, st.integers(), examples=5)
