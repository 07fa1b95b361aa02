"""Cases run again exactly; what is no case, or is not the case that was written, is refused with the reason."""

import json

import pytest
from click.testing import CliRunner

from numerics.exact import Extremal
from verify.case import Case
from verify.cli import main
from verify.experiment_case import ExperimentCase
from verify.falsify import falsify
from verify.point_case import PointCase
from verify.replay import SORTS, replay


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    found = falsify("baseline.mse_rate", ("baseline.condition",), shrink=False)
    return found.case.save(tmp_path_factory.mktemp("cases"))


def run(*arguments):
    return CliRunner().invoke(main, ["replay", *map(str, arguments)])


def changed(path, tmp_path, change, digest=False):
    data = json.loads(path.read_text())
    change(data)
    if not digest:
        data.pop("digest")
    other = tmp_path / "changed.json"
    other.write_text(json.dumps(data))
    return other


def test_a_case_is_reproduced_bit_for_bit(path):
    found = replay(path)
    assert found.outcome == "reproduced"
    assert found.identical
    assert not found.changed
    assert found.claim == "baseline.mse_rate without baseline.condition"
    result = run(path, "--json")
    assert result.exit_code == 0
    assert json.loads(result.output)["identical"] is True


def test_tighter_reproduces_the_verdict_at_the_same_time(path, tmp_path):
    """Made with a loose tolerance, so that the tight run has other digits."""

    def loosen(data):
        data["engine"]["rtol"] = 1e-7

    loose = changed(path, tmp_path, loosen)
    assert not replay(loose).identical
    result = run(loose, "--tighter")
    assert result.exit_code == 0
    assert "smallest tolerance" in result.output


def test_a_verdict_that_differs_is_exit_code_1(path, tmp_path):
    def weaken(data):
        data["world"]["y"] = [0.2]
        data["world"]["clean"] = data["world"]["truth"] = [0.2]
        data["drop"] = ["A.operator.range"]

    result = run(changed(path, tmp_path, weaken))
    assert result.exit_code == 1
    assert "not the recorded one" in result.output


def test_a_finding_that_is_undecided_now_is_exit_code_3(path, tmp_path):
    """At the start of the run both sides are equal: no precision decides."""

    def early(data):
        data["finding"]["i"] = 0

    result = run(changed(path, tmp_path, early))
    assert result.exit_code == 3
    assert "undecided" in result.output


def test_versions_that_differ_are_named(path, tmp_path):
    def older(data):
        data["versions"]["numpy"] = "1.0"

    result = run(changed(path, tmp_path, older))
    assert result.exit_code == 0
    assert "numpy 1.0 ->" in result.output


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(schema="other/9"), "its schema is 'other/9'"),
        (
            lambda d: d.update(statement="baseline.mse_rat"),
            "no item 'baseline.mse_rat' in the registry; nearest: baseline.mse_rate",
        ),
        (lambda d: d.update(mutant="no-such"), "has no mutant 'no-such'"),
        (lambda d: d.update(drop=["A.stop.tau"]), "A.stop.tau: the statement does not ask for it"),
        (lambda d: d.update(sort="dream"), "unknown sort of case 'dream'"),
        (lambda d: d.pop("world"), "a case needs world"),
        (lambda d: d["world"].pop("y"), "a world needs y"),
        (lambda d: d["world"].update(y=["many"]), "y of a world: a number is needed, not 'many'"),
        (lambda d: d["world"].update(y=[True]), "a number is needed, not True"),
        (lambda d: d["world"].update(y=[10**400, 1]), "too large for double precision"),
        (lambda d: d["world"].update(y=None), "a number is needed, not None"),
        (lambda d: d["world"]["generator"].update(J=[["1"]]), "a number is needed, not '1'"),
        (lambda d: d["world"]["generator"].update(kind=[]), "not what it should be"),
        (lambda d: d.update(statement=5), "statement of a case is text, not int"),
        (lambda d: d.update(mutant=["x"]), "mutant of a case is text, not list"),
        (lambda d: d.update(sort=[]), "sort of a case is text"),
        (lambda d: d.update(note={}), "note of a case is text"),
        (lambda d: d.update(theorem=1), "theorem of a case is text"),
        (lambda d: d.update(drop="A.init"), "a list of identifiers is needed, not 'A.init'"),
        (lambda d: d.update(drop=[1]), "a list of identifiers is needed"),
        (lambda d: d.update(drop=5), "a list of identifiers is needed, not 5"),
        (lambda d: d.update(versions=[]), "versions of a case"),
        (lambda d: d.update(versions={"numpy": 1}), "versions of a case"),
        (lambda d: d.update(engine=[]), "an engine is an object with its settings, not list"),
        (lambda d: d["engine"].update(kind=[]), "unknown engine []"),
        (lambda d: d["engine"].update(points_per_decade=10**9), "from 1 to 1000"),
        (lambda d: d["engine"].update(points_per_decade=1e9), "from 1 to 1000"),
        (lambda d: d["engine"].update(points_per_decade=True), "from 1 to 1000"),
        (lambda d: d["engine"].update(rtol="small"), "rtol is a number"),
        (lambda d: d["engine"].update(t_max=10**400), "t_max is a number"),
        (lambda d: d["engine"].update(times=5), "times is a list of numbers"),
        (lambda d: d["engine"].update(times=["a"]), "times is a list of numbers"),
        (lambda d: d.update(finding=[]), "the finding of a case is an object"),
        (lambda d: d["finding"].update(i=-1), "i of a finding is a whole number that is not negative"),
        (lambda d: d["finding"].update(i="3"), "i of a finding is a whole number"),
        (lambda d: d["finding"].update(lhs=[1]), "lhs of a finding is a number"),
        (lambda d: d["finding"].update(lhs=10**400), "lhs of a finding is a number"),
        (lambda d: d["finding"].update(verdict=[]), "verdict of a finding is text"),
        (lambda d: d["finding"].update(why=5), "why of a finding is text"),
        (lambda d: d["world"]["loss"].update(name="least_square"), "unknown loss 'least_square'; did you mean"),
        (lambda d: d["world"]["generator"].update(kind="cubic"), "unknown kind of generator 'cubic'"),
        (lambda d: d["engine"].update(kind="walk"), "unknown engine 'walk'"),
        (lambda d: d["finding"].update(verdict="maybe"), "'maybe' is not a valid Verdict"),
        (lambda d: d["finding"].update(colour="red"), "check colour"),
        (lambda d: d.update(world=5), "not what it should be"),
    ],
)
def test_what_is_no_case_is_refused_in_words(path, tmp_path, change, said):
    other = changed(path, tmp_path, change)
    result = run(other)
    assert result.exit_code == 2, result.output
    assert said in result.output
    assert str(other) in result.output
    assert "Traceback" not in result.output
    assert len(result.output.splitlines()) == 1


@pytest.mark.parametrize(
    "found", [5, {}, {"verdict": []}, {"verdict": "holds", "lhs": []}, {"verdict": "holds", "colour": 1}]
)
def test_what_a_point_has_not_found_is_refused_in_words(tmp_path, found):
    path = PointCase.of("sharp.length", Extremal(h="1/3").at(5)).save(tmp_path)
    result = run(changed(path, tmp_path, lambda data: data.update(found=found)))
    assert result.exit_code == 2
    assert "found of a case" in result.output


def test_numbers_changed_after_the_file_was_written_are_noticed(path, tmp_path):
    def tamper(data):
        data["finding"]["lhs"] *= 1.0000001

    result = run(changed(path, tmp_path, tamper, digest=True))
    assert result.exit_code == 2
    assert "do not match its digest" in result.output


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", "null", '"text"', "1" * 5000])
def test_what_is_no_json_object_is_refused(content, tmp_path):
    path = tmp_path / "case.json"
    path.write_text(content)
    assert run(path).exit_code == 2
    assert run(tmp_path / "nowhere.json").exit_code == 2
    assert run(tmp_path).exit_code == 2


def test_exact_points_are_replayed_with_all_digits(tmp_path):
    case = PointCase.of("baseline.loss_rate", Extremal(h="9/20").at(40), drop=("baseline.condition",))
    assert case.found["verdict"] == "violated"
    path = case.save(tmp_path)
    found = replay(path)
    assert (found.sort, found.outcome, found.identical) == ("point", "reproduced", True)
    tight = replay(path, tighter=True)
    assert tight.outcome == "reproduced"
    data = json.loads(path.read_text())
    data.pop("digest")
    data["point"]["family"] = "nobody"
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match="unknown family 'nobody'"):
        replay(path)


def test_random_experiments_are_replayed_with_the_same_draws(tmp_path):
    case = ExperimentCase.of("dip2.output0", seed=3, draws=200)
    found = replay(case.save(tmp_path))
    assert (found.sort, found.outcome, found.identical) == ("experiment", "reproduced", True)


def test_every_sort_is_replayed_above():
    assert set(SORTS) == {"run", "point", "experiment"}


def test_infinite_numbers_survive_the_file(path, tmp_path):
    case = Case.load(path)
    data = json.loads(path.read_text())
    data["finding"]["rhs"] = "inf"
    data.pop("digest")
    other = tmp_path / "infinite.json"
    other.write_text(json.dumps(data))
    assert Case.load(other).finding.rhs == float("inf")
    assert case.finding.rhs < 1
