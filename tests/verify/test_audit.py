"""The audit: order, evidence, status, waterfalls, findings, and the command."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
import sympy as sp
from click.testing import CliRunner

from numerics.worlds import Linear, TwoLayerGenerator, World, least_squares
from theory.ledger import registry
from theory.statement import Statement
from theory.status import ancestors, statuses
from theory.symbols import sym
from verify.audit import WATERFALLS, Evidence, audit, audited, walk
from verify.audit.evidence import auditable
from verify.audit.findings import HERE, replayed, written
from verify.audit.looseness import Looseness, watch
from verify.audit.mutants import hunted_rows, turned_row
from verify.audit.run import _checked
from verify.case import Case, claim_named
from verify.claims import Finding
from verify.cli import main
from verify.engine import Engine, simulate
from verify.hunt import Stage
from verify.making import extremal
from verify.pool import Instance, diagonal
from verify.verdict import Verdict

pytestmark = pytest.mark.usefixtures("cache")

RUN = Engine(loss_ratio=1e-10, points_per_decade=4)
EXTREMAL = Instance("E(0.2)", "extremal", extremal(0.2, noise=0.01), RUN)
STEEP = Instance("diag(1, 0.1), residual e1", "linear", diagonal([1, 0.1], [1, 0], [0.01, 0]), RUN)
STEPS = Instance(
    "descent on theta", "descent", diagonal([1.0], [1.0], [0.02]), Engine("descent", 1e-12, c=0.3, steps=60)
)


def networks():
    rng = np.random.default_rng(3)
    for train in ("both", "W"):
        generator = TwoLayerGenerator("tanh", train, rng.standard_normal(30), rng.choice([-1.0, 1.0], (2, 30)))
        x0 = generator.output(np.zeros(generator.size))
        A = np.array([[1, 0.2], [0, 0.8]])
        truth = x0 + np.array([0.02, 0.05])
        clean = A @ truth
        world = World(generator, Linear(A), least_squares(), clean + np.array([0.005, 0.003]), clean, truth)
        yield Instance(f"tanh, {train}", f"network, {train}", world, RUN)


SMALL = [EXTREMAL, STEEP, STEPS, *networks()]


@pytest.fixture(scope="module")
def small():
    """Everything on a handful of instances, with the symbolic statuses left out."""
    return audit(registry, SMALL)


# --- order and status ---------------------------------------------------------------------------------------------------


def test_ancestors_come_first():
    order = walk(registry, registry)
    place = {key: i for i, key in enumerate(order)}
    assert len(order) == sum(item.kind not in ("assumption", "trusted", "definition") for item in registry.values())
    for key in order:
        assert all(place[name] < place[key] for name in ancestors(key, registry) if name in place), key


def statement(key, conclusion, *, proof_uses=(), uses=(), kind="lemma", **fields):
    given = {"proof": "By inspection.", "title": key, "text": key, "origin": "new"}
    return Statement(id=key, kind=kind, conclusion=conclusion, proof_uses=proof_uses, uses=uses, **{**given, **fields})


def test_statements_that_rest_on_each_other_are_refused():
    a = statement("own.a", None, proof_uses=("own.b",))
    b = statement("own.b", None, proof_uses=("own.a",))
    with pytest.raises(ValueError, match=r"rest on each other: own\.. -> own\.. -> own\.."):
        walk(["own.a"], {"own.a": a, "own.b": b})


def test_a_status_is_that_of_the_weakest_ancestor():
    words = {"own.top": "holds", "own.middle": "holds", "own.base": "vacuous", "own.other": "undecided"}
    uses = {"own.top": ("own.middle", "own.other"), "own.middle": ("own.base",)}
    items = {key: statement(key, None, proof_uses=uses.get(key, ())) for key in words}
    evidence = {key: SimpleNamespace(word=word) for key, word in words.items()}
    found = audited(items, evidence, {})
    assert (found["own.top"].own, found["own.top"].level, found["own.top"].weakest) == ("holds", "vacuous", "own.base")
    assert found["own.top"].chain == ("own.top", "own.middle", "own.base")
    open_ = audited(items, evidence, {"own.base": SimpleNamespace(own="open")})
    assert open_["own.top"].level == "open"


# --- evidence -----------------------------------------------------------------------------------------------------------


def test_a_small_audit_finds_nothing_wrong_and_much_that_holds(small):
    words = {key: evidence.word for key, evidence in small.evidence.items()}
    assert "violated" not in words.values()
    assert sum(word == "holds" for word in words.values()) >= 45
    assert words["sharp.condition"] == "asked"
    assert words["dip2.range_restriction"] == words["wonly.threshold"] == "not measured"
    assert words["dip2.sigma0"] == "not refuted"
    assert words["deep.modulus"] == "vacuous"
    assert small.evidence["deep.modulus"].why == "A.network.feedforward fails (5 x)"
    assert small.levels["deep.output_bias"].level == "vacuous"
    assert small.exit_code == 0
    assert len(small.instances) == 5
    assert not small.skipped


def test_counts_are_those_of_the_runs(small):
    length = small.evidence["sharp.length"]
    assert length.instances == 5
    assert length.non_vacuous == 4  # not on the descent
    assert length.counts["attained"] >= 10  # on the extremal family
    assert sum(length.counts[word] for word in ("holds", "attained", "undecided", "violated")) > 40
    assert small.evidence["gd.rate"].non_vacuous == 1


def test_the_tightest_finding_replays(small):
    cases = small.cases
    assert len(cases) >= 45
    for key in ("sharp.rate", "step.confinement", "gd.rate", "dip2.amgm"):
        evidence = small.evidence[key]
        case = evidence.case(evidence.where, evidence.tightest)
        assert case.name in cases
        assert Case.from_json(json.loads(json.dumps(case.to_json()))).replay()[1] == evidence.tightest


def wrong(**fields):
    """ℓ ≤ ρ0/(2 σ_F σ0): half of what a straight path needs."""
    return statement(
        "own.wrong",
        sp.Le(sym("ell"), sym("rho_0") / (2 * sym("sigma_F") * sym("sigma_0")), evaluate=False),
        hypotheses=("A.init",),
        **fields,
    )


def test_a_wrong_statement_is_violated_and_takes_down_what_rests_on_it():
    follows = statement("own.follows", sp.Ge(sym("ell"), 0, evaluate=False), proof_uses=("own.wrong",))
    items = {**registry, "own.wrong": wrong(), "own.follows": follows}
    result = audit(items, [EXTREMAL, STEEP], ["own.follows"], statuses=statuses(items, ["own.follows", "own.wrong"]))
    assert list(result.evidence) == ["own.wrong", "own.follows"]
    assert result.evidence["own.wrong"].word == "violated"
    assert result.levels["own.follows"].level == "violated"
    assert result.levels["own.follows"].weakest == "own.wrong"
    assert result.exit_code == 1
    first = result.findings[0]
    assert (first.kind, first.statement, first.fails) == ("violated", "own.wrong", True)
    assert "on 1 of 2 instances" in first.text
    assert first.evidence == "confirmed by a tighter run"
    assert first.case in result.cases
    assert first.case.startswith("own.wrong-")


def test_a_violation_that_a_tighter_run_does_not_show_is_not_confirmed():
    claim = auditable("own.wrong", {"own.wrong": wrong()})[0]
    never = simulate(EXTREMAL.world, Engine(t_max=1e-5))  # hardly moved: it holds there
    summary, confirmed = _checked(claim, simulate(EXTREMAL.world, RUN), lambda: never)
    assert summary.verdict is Verdict.VIOLATED
    assert confirmed is False
    assert _checked(claim, simulate(EXTREMAL.world, RUN), lambda: None)[1] is None


def test_undecided_is_asked_again_of_a_tighter_run():
    loose = Engine(loss_ratio=1e-6, rtol=1e-3)
    claim = claim_named("step.majorant")
    asked = []

    def tighter():
        asked.append(1)
        return simulate(EXTREMAL.world, RUN)

    before, _ = _checked(claim, simulate(EXTREMAL.world, loose), lambda: None)
    after, _ = _checked(claim, simulate(EXTREMAL.world, loose), tighter)
    assert before.verdict is Verdict.UNDECIDED
    assert before.attained < before.counts[Verdict.UNDECIDED]
    assert asked
    assert after.attained > before.attained


def test_a_check_that_raises_is_reported_and_stops_nothing(monkeypatch):
    from verify.audit import run

    real = run.check_scene

    def broken(claim, scene):
        if claim.id == "step.growth":
            raise ValueError("a contains NaN")
        return real(claim, scene)

    monkeypatch.setattr(run, "check_scene", broken)
    result = audit(registry, [EXTREMAL], ["step.growth", "step.kl"])
    assert result.evidence["step.growth"].errors == [("E(0.2)", "ValueError: a contains NaN")]
    assert result.evidence["step.kl"].word == "holds"
    assert [found.kind for found in result.findings if found.statement == "step.growth" and found.kind == "error"]
    assert result.evidence["step.growth"].word == "not measured"


def test_an_instance_that_cannot_be_run_is_named(monkeypatch):
    bad = Instance("no step", "descent", extremal(0.7), Engine("descent", steps=5))
    result = audit(registry, [bad, EXTREMAL], ["step.kl"])
    assert [name for name, _ in result.skipped] == ["no step"]
    assert len(result.instances) == 1
    stage = audit(registry, Stage(pool=[bad, EXTREMAL]), ["step.kl"])
    assert [name for name, _ in stage.skipped] == ["no step"]
    assert stage.evidence["step.kl"].counts == result.evidence["step.kl"].counts


def test_equations_are_told_from_inequalities(small):
    assert small.evidence["step.energy"].equation
    assert not small.evidence["step.kl"].equation
    assert Evidence("x", None, "nothing to measure").word == "nothing"


# --- waterfalls ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fall", WATERFALLS, ids=lambda fall: fall.statement)
def test_parts_make_up_the_total_exactly(fall):
    assert fall.identity().check()
    for i in range(len(fall.parts)):  # without one of them, or with one changed, they do not
        assert not replace(fall, parts=fall.parts[:i] + fall.parts[i + 1 :]).identity().check()
    spoilt = replace(fall.parts[-1], value=fall.parts[-1].value * sp.Rational(101, 100))
    assert not replace(fall, parts=(*fall.parts[:-1], spoilt)).identity().check()


@pytest.mark.parametrize("fall", WATERFALLS, ids=lambda fall: fall.statement)
def test_steps_of_a_waterfall_belong_to_the_proof(fall):
    behind = {fall.statement, *ancestors(fall.statement, registry)}
    assumed = {name for key in behind for name in registry[key].hypotheses}
    for part in fall.parts:
        assert part.step in behind | assumed, part


def test_the_final_bounds_have_waterfalls():
    wanted = {
        "baseline.loss_rate", "baseline.param_rate", "baseline.early_stop", "baseline.recovery", "sharp.rate",
        "sharp.logistic", "sharp.length", "dip2.amgm", "step.amgm", "gd.rate", "recover.kernel",
    }  # fmt: skip
    assert wanted <= {fall.statement for fall in WATERFALLS}
    assert len({fall.statement for fall in WATERFALLS}) == len(WATERFALLS)


def seen(key, instance):
    fall = next(fall for fall in WATERFALLS if fall.statement == key)
    return fall, watch(fall, instance, simulate(instance.world, instance.engine))


@pytest.mark.parametrize("key", ["sharp.length", "sharp.logistic", "sharp.sigma"])
def test_the_extremal_family_throws_nothing_away(key):
    _, view = seen(key, EXTREMAL)
    assert view.points >= 10
    assert np.allclose(view.worst, 0, atol=3e-6)
    assert not view.failures


def test_on_the_extremal_family_the_baseline_loses_by_its_ball_alone():
    # σ_min(t) = σ0 − Λℓ, so the factor is 4(1 − Λℓ/σ0)², from 4 down to 4(1 − 2h)
    fall, view = seen("baseline.loss_rate", EXTREMAL)
    parts = {part.step: value for part, value in zip(fall.parts, view.worst, strict=True)}
    assert math.exp(parts["step.jacobian_ball"]) == pytest.approx(4, rel=1e-2)
    assert abs(sum(value for step, value in parts.items() if step != "step.jacobian_ball")) < 1e-5
    total = math.exp(view.mean.sum())
    assert 4 * 0.6 < total < 4 * 0.72


def test_a_residual_along_the_largest_singular_value_is_a_loss_of_directions():
    fall, view = seen("baseline.loss_rate", STEEP)  # σ_F = 0.1, the gradient sees 1
    parts = {part.step: math.exp(value) for part, value in zip(fall.parts, view.mean, strict=True)}
    assert parts["step.gradient_lower"] == pytest.approx(100, rel=1e-6)
    assert parts["step.jacobian_ball"] == pytest.approx(4, rel=1e-9)


def test_linear_descent_attains_its_rate():
    _, view = seen("gd.rate", STEPS)
    assert np.allclose(view.mean, 0, atol=1e-9)


def test_terms_of_a_sum_are_shares_of_the_bound():
    _, view = seen("recover.linear", EXTREMAL)
    assert np.all(view.mean >= -1e-9)
    assert 0 < view.mean.sum() < 1
    assert view.gap < 1e-12


def test_products_and_totals_agree_at_every_point(small):
    watched = [found for found in small.looseness.values() if found.views]
    assert len(watched) >= 15
    for found in watched:
        assert max(view.gap for view in found.views) < 1e-10
        assert not found.failures


def test_a_step_that_does_not_hold_fails_along_the_run():
    fall = next(fall for fall in WATERFALLS if fall.statement == "sharp.length")
    # half of the factor of the modulus moved into that of the loss: still an identity, but no proof
    parts = list(fall.parts)
    parts[1], parts[3] = replace(parts[1], value=parts[1].value * 2), replace(parts[3], value=parts[3].value / 2)
    wrong_fall = replace(fall, parts=tuple(parts))
    assert wrong_fall.identity().check()
    found = Looseness(wrong_fall)
    found.add(watch(wrong_fall, EXTREMAL, simulate(EXTREMAL.world, EXTREMAL.engine)))
    assert {failure.step for failure in found.failures} == {"trusted.weyl"}
    result = audit(registry, [EXTREMAL], ["sharp.length"])
    result.looseness[fall.statement] = found
    kinds = [one.kind for one in result.findings if one.fails]
    assert kinds == ["step fails"]
    assert result.exit_code == 1


def test_the_time_average_is_the_bound_itself():
    """The mean of d/dt Ψ(L) over the run, against a, is how far Ψ(L) is ahead of the bound at its end."""
    from numerics.measured import sides

    scene = simulate(EXTREMAL.world, replace(RUN, points_per_decade=40))
    points = [point for point in scene.points()[1:] if point.error("dPsi") < 1e-3]
    rate = registry["sharp.rate"].formulas["a"]
    t = np.array([point.value("t") for point in points])
    faster = np.array([sides(sp.Eq(sym("dPsi") / rate, 0, evaluate=False), point)[0] for point in points])
    ahead = [-math.log(point.value("loss")) / 2 for point in (points[0], points[-1])]  # Ψ of least squares
    a = sides(sp.Eq(rate, 0, evaluate=False), points[0])[0]
    assert np.trapezoid(faster, t) == pytest.approx((ahead[1] - ahead[0]) / a, rel=1e-3)


# --- findings -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("found", written(), ids=lambda found: f"{found.statement}: {found.text[:30]}")
def test_written_findings_have_evidence(found, small):
    assert found.statement in registry
    assert not found.fails
    if found.case:
        case, verdict = replayed(found)
        assert case.statement == found.statement
        assert case.drop or case.mutant, "a case of a true statement shows nothing"
        assert verdict is Verdict.VIOLATED
    else:
        proof = found.evidence.removeprefix("proved: ")
        assert registry[proof].proof
        assert statuses(registry, [proof])[proof].level != "open"
        assert small.evidence[proof].word != "violated"


def test_every_case_file_has_its_finding():
    assert {path.name for path in (HERE / "cases").iterdir()} == {found.case for found in written() if found.case}


# --- mutants and constants ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Caught:
    mutant: str
    truth: str = "false"
    verdict: str = "killed"
    text: str = "4 -> 1"
    why: str = "it dies"
    tried: int = 7
    non_vacuous: int = 3
    case: Case | None = None
    finding: Finding | None = None
    instance: str = "E(0.2)"


class Dial:
    def __init__(self, stronger="up", **fields):
        self.statement, self.constant, self.stronger = "baseline.loss_rate", "rate", stronger
        given = {"stated": "0.25", "refuted": "0.5", "kept": "0.5", "optimum": "0.5", "relative_difference": "1e-9"}
        self.data = {"statement": self.statement, "constant": "rate", "stronger": stronger, "visited": 9, "in_force": 3,
                     "stated_refuted": False, **given, **fields}  # fmt: skip

    def to_json(self):
        return self.data


def with_mutants(*caught):
    result = audit(registry, [EXTREMAL], ["baseline.loss_rate"])
    result.mutants, _ = hunted_rows(caught)
    return result


def test_mutants_on_the_right_side_are_no_failure():
    finding = Finding("baseline.loss_rate/a", Verdict.VIOLATED, 3, 1.0, 2.0, 1.0, -1.0, 1e-9)
    case = Case("baseline.loss_rate", EXTREMAL.world, RUN, finding, drop=("A.init",))
    rows, cases = hunted_rows([Caught("baseline.loss_rate/a", case=case, finding=finding)])
    assert list(cases) == [case.name] == [rows["rows"][0]["case"]]
    result = with_mutants(Caught("baseline.loss_rate/a"), Caught("baseline.loss_rate/b", "true", "survived"))
    assert result.mutants["score"] == {"false": 1, "killed": 1, "true": 1, "survived": 1}
    assert result.exit_code == 0
    assert any(found.kind == "improvable" and "4 -> 1" in found.text for found in result.findings)


@pytest.mark.parametrize(("truth", "verdict"), [("false", "survived"), ("true", "killed")])
def test_mutants_on_the_wrong_side_fail(truth, verdict):
    result = with_mutants(Caught("baseline.loss_rate/a", truth, verdict))
    assert result.exit_code == 1
    assert [found.kind for found in result.findings if found.fails] == ["mutant"]


def test_constants_that_could_be_better_or_are_wrong():
    assert turned_row(Dial())["better"]
    assert not turned_row(Dial())["wrong"]
    attained = turned_row(Dial(stated="0.5"))
    assert not attained["better"]
    assert not attained["wrong"]
    assert not turned_row(Dial(refuted=None))["better"]
    assert turned_row(Dial(refuted="0.4"))["wrong"]  # before what is said to be proved
    assert turned_row(Dial("down", stated="2", refuted="1.5", optimum="1.4"))["wrong"]
    assert not turned_row(Dial("down", stated="2", refuted="1.4", optimum="1.4"))["wrong"]
    assert turned_row(Dial(stated_refuted=True))["wrong"]
    result = audit(registry, [EXTREMAL], ["baseline.loss_rate"])
    result.constants = [turned_row(Dial(), "the 1/4")]
    assert any(found.kind == "constant" and found.text.startswith("the 1/4") for found in result.findings)
    assert result.exit_code == 0
    result.constants = [turned_row(Dial(refuted="0.4"), "the 1/4")]
    assert result.exit_code == 1


# --- the command --------------------------------------------------------------------------------------------------------


@pytest.fixture
def pool(monkeypatch):
    """The command on two instances."""
    chosen = [EXTREMAL, STEEP]
    monkeypatch.setattr("verify.pool.instances", lambda depth, seed: iter(chosen))
    monkeypatch.setattr("verify.hunt.instances", lambda depth, seed: iter(chosen))
    return chosen


def dipcert(*arguments):
    return CliRunner().invoke(main, ["audit", *arguments])


def test_the_command_prints_tables(pool):
    done = dipcert("sharp.length", "step.confinement")
    assert done.exit_code == 0, done.output
    assert "on 2 instances, depth dev, seed 0" in " ".join(done.stdout.split())  # wherever lines are broken
    for word in ("sharp.length", "step.gradient_lower", "Looseness of sharp.length", "Findings", "extremal (1)"):
        assert word in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 120


def test_json_is_strict_and_has_the_cases(pool):
    done = dipcert("sharp.length", "--json")
    data = json.loads(done.stdout, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    row = next(row for row in data["statements"] if row["id"] == "sharp.length")
    assert row["evidence"] == "holds"
    assert row["proof"] in ("written", "checked")
    assert Case.from_json(data["cases"][row["tightest"]["case"]]).statement == "sharp.length"
    assert data["exit_code"] == done.exit_code == 0


def test_out_writes_a_directory(pool, tmp_path):
    done = dipcert("sharp.length", "--out", str(tmp_path / "a"))
    assert done.exit_code == 0
    data = json.loads((tmp_path / "a" / "audit.json").read_text())
    row = next(row for row in data["statements"] if row["id"] == "sharp.length")
    case = Case.load(tmp_path / "a" / "cases" / row["tightest"]["case"])
    assert case.replay()[1].verdict is Verdict(row["tightest"]["verdict"])
    assert "dipcert report" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sharp.lenght"], "did you mean sharp.length"),
        (["A.init"], "A.init is an assumption"),
        (["trusted.weyl"], "trusted.weyl is a trusted fact"),
        (["--depth", "deepest"], "deepest"),
    ],
)
def test_bad_input_is_met_at_the_door(pool, arguments, said):
    done = dipcert(*arguments)
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_directory_of_somebody_else_is_left_alone(pool, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    done = dipcert("step.kl", "--out", str(tmp_path))
    assert done.exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_exit_codes(pool, monkeypatch):
    assert dipcert("deep.modulus").exit_code == 3  # nothing puts it in force
    assert dipcert("wonly.threshold").exit_code == 3  # nothing measures it
    pool.clear()
    assert dipcert("step.kl").exit_code == 3


def test_an_interrupt_keeps_what_was_found(pool, monkeypatch, tmp_path):
    def interrupted(depth, seed):
        yield EXTREMAL
        raise KeyboardInterrupt

    monkeypatch.setattr("verify.pool.instances", interrupted)
    done = dipcert("sharp.length", "--out", str(tmp_path / "a"))
    assert done.exit_code == 130
    assert "interrupted after 1 instances" in done.stdout
    assert "interrupted; what was found until then is kept" in done.stderr
    data = json.loads((tmp_path / "a" / "audit.json").read_text())
    assert data["interrupted"] is True
    assert [row["name"] for row in data["instances"]] == ["E(0.2)"]
    assert next(row for row in data["statements"] if row["id"] == "sharp.length")["non_vacuous"] == 1


def test_an_interrupt_within_an_instance_counts_none_of_it(monkeypatch):
    from verify.audit import run

    real, calls = run.watch, []

    def impatient(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(run, "watch", impatient)
    result = audit(registry, [EXTREMAL, STEEP], ["sharp.tail", "sharp.stop"])
    assert result.interrupted
    assert {evidence.instances for evidence in result.evidence.values() if evidence.claim} == {0}


def test_mutants_and_constants_by_the_command(pool, monkeypatch):
    def hunt(keys, depth, seed, progress, stage):
        assert "sharp.length" in keys
        assert list(stage.scenes())  # the runs of the audit
        progress("sharp.length/x", 0, 2)
        yield Caught("sharp.length/x")
        yield Caught("sharp.length/y", verdict="survived")

    monkeypatch.setattr("verify.hunt.hunt", hunt)
    monkeypatch.setattr("verify.critical.critical", lambda *arguments, **options: Dial())
    done = dipcert("sharp.length", "--mutants")
    assert done.exit_code == 1
    assert "mutation score: 1 of 2 false mutants killed (50 %)" in done.stdout
    assert "Critical constants" in done.stdout
    assert re.search(r"mutant +sharp\.length +the false mutant", done.stdout)


def test_an_interrupted_hunt_keeps_what_was_caught(pool, monkeypatch):
    def hunt(*_):
        yield Caught("sharp.length/x")
        raise KeyboardInterrupt

    monkeypatch.setattr("verify.hunt.hunt", hunt)
    done = dipcert("sharp.length", "--mutants", "--json")
    assert done.exit_code == 130
    assert json.loads(done.stdout)["mutants"]["score"]["killed"] == 1


def test_the_hunt_itself_runs_from_the_audit(pool, monkeypatch):
    monkeypatch.setattr("verify.critical.critical", lambda *arguments, **options: Dial())
    done = dipcert("step.triangle_obs", "--mutants", "--json")
    rows = json.loads(done.stdout)["mutants"]["rows"]
    assert {row["name"].partition("/")[0] for row in rows} == {"step.triangle_obs"}
    assert any(row["verdict"] == "killed" for row in rows)


def test_a_search_that_raises_is_a_row_with_its_reason(pool, monkeypatch):
    def broken(*arguments, **options):
        raise ValueError("+inf is not finite")

    monkeypatch.setattr("verify.hunt.hunt", lambda *_: iter(()))
    monkeypatch.setattr("verify.critical.critical", broken)
    data = json.loads(dipcert("sharp.length", "--mutants", "--json").stdout)
    assert {row["error"] for row in data["constants"]} == {"ValueError: +inf is not finite"}
    assert any(row["kind"] == "error" and "could not be turned" in row["text"] for row in data["findings"])
