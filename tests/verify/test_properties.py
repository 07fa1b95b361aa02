"""Every property suite, with few examples, must hold and must not be vacuous; and a suite must be able to fail."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import hypothesis.strategies as st
import pytest
import sympy as sp

from numerics.worlds import World
from theory.claim import claim_of
from theory.ledger import registry
from theory.losses import LOSSES
from theory.mutant import Mutant
from theory.symbols import sym
from verify import making
from verify.case import Case
from verify.claims import Finding, Summary, check_scene, engine_of
from verify.engine import Engine, simulate
from verify.properties import SUITES, UNMEASURED, covered, uncovered
from verify.properties.confirm import confirmed
from verify.properties.instances import FLOW
from verify.properties.random import missing, run_random
from verify.properties.report import overall
from verify.properties.runner import DEPTHS, Violation, run_suite
from verify.properties.suite import PROBABLE, Sample, Suite, speaks_of_a_run
from verify.properties.tally import Line, Tally
from verify.strategies.parts import SMOOTH
from verify.verdict import Verdict

LIGHT = replace(DEPTHS["dev"], examples=2)
COVERAGE: dict[str, Counter] = {}


@pytest.mark.parametrize("name", SUITES)
def test_the_suite_holds_and_is_not_vacuous(name, tmp_path):
    tally = run_suite(SUITES[name], LIGHT, seed=0, directory=tmp_path)
    for kind, counts in tally.coverage.to_json().items():
        COVERAGE.setdefault(f"{name} {kind}", Counter()).update(counts)
    assert tally.having("violated") == [], [line.cases for line in tally.lines.values() if line.cases]
    assert tally.having("vacuous") == []
    assert tally.having("undecided") == []
    assert not tally.interrupted
    assert set(tally.lines) == set(SUITES[name].statements)
    assert all(line.in_force >= 3 for line in tally.lines.values())


@pytest.mark.parametrize("name", ["baseline", "steps", "sharp", "network", "recovery", "descent"])
def test_the_cover_has_every_loss_activation_and_mode(name):
    cover = list(SUITES[name].cover())
    generators = [world.generator for world, _ in cover]
    assert {world.loss.name for world, _ in cover} == set(LOSSES)
    assert {made.activation.name for made in generators if hasattr(made, "activation")} >= set(SMOOTH)
    assert {made.train for made in generators if hasattr(made, "train")} == {"both", "W"}


@pytest.mark.parametrize("name", ["wonly", "deep"])
def test_covers_of_one_kind_of_network_have_every_loss_and_activation(name):
    cover = list(SUITES[name].cover())
    assert {world.loss.name for world, _ in cover} == set(LOSSES)
    assert {world.generator.activation.name for world, _ in cover} >= set(SMOOTH)


# ------------------------------------------------------------------------------------------------------- completeness
def test_every_statement_that_speaks_of_a_run_is_in_a_suite():
    assert uncovered() == ()
    known = covered()
    for key, item in registry.items():
        if item.conclusion is None or item.kind in ("assumption", "condition", "trusted"):
            continue
        if PROBABLE & set(item.hypotheses):
            assert key not in known
        else:
            assert speaks_of_a_run(key)
            assert key in known or key in UNMEASURED, key


def test_what_is_not_measured_says_why():
    assert all(registry[key].conclusion is not None and why for key, why in {**UNMEASURED, **missing()}.items())


def test_a_suite_that_forgets_a_statement_is_noticed(monkeypatch):
    import verify.properties as properties

    rest = {name: suite for name, suite in SUITES.items() if name != "losses"}
    monkeypatch.setattr(properties, "SUITES", rest)
    assert "kl.lp" in properties.uncovered()


# ---------------------------------------------------------------------------------------------------------- it can fail
def wrong(statement: str, mutant: Mutant, **changes) -> Suite:
    """The sharp suite with one statement, changed into something false."""
    suite = replace(SUITES["sharp"], prefixes=(statement,), **changes)
    suite.__dict__["claims"] = {statement: claim_of(statement, registry, mutant)}
    return suite


TWICE = Mutant("twice", "twice the rate", substitute={sym("t"): 2 * sym("t")})


def extremals() -> st.SearchStrategy[Sample]:
    margins = st.sampled_from((0.45, 0.25, 0.1, 0.3))
    return st.builds(lambda h, s: Sample(making.extremal(h, sigma_0=s), FLOW), margins, st.sampled_from((2.0, 1.0)))


def test_a_wrong_statement_is_violated_shrunk_and_saved(tmp_path, monkeypatch):
    import verify.case

    monkeypatch.setattr(verify.case, "claim_named", lambda *_: claim_of("sharp.logistic", registry, TWICE))
    suite = wrong("sharp.logistic", TWICE, strategy=extremals, cover=lambda: ())
    tally = run_suite(suite, replace(LIGHT, examples=10), seed=0, directory=tmp_path)
    line = tally.lines["sharp.logistic"]
    assert tally.verdict == "violated"
    assert len(line.cases) == 1
    case = Case.load(Path(line.cases[0]))
    assert case.world.rho_0 == pytest.approx(1.8)  # the first choices: h = 0.45, sigma_0 = 2
    assert case.replay()[1].verdict is Verdict.VIOLATED
    assert case.finding.t == pytest.approx(case.replay()[1].t, rel=1e-12)


def test_a_violation_on_the_cover_leaves_the_other_statements_in(tmp_path):
    suite = replace(SUITES["sharp"], prefixes=("sharp.logistic", "sharp.length"), strategy=extremals)
    suite = replace(suite, cover=lambda: [Sample(making.extremal(h), FLOW) for h in (0.25, 0.1, 0.4)])
    suite.__dict__["claims"] = {
        "sharp.logistic": claim_of("sharp.logistic", registry, TWICE),
        "sharp.length": claim_of("sharp.length", registry),
    }
    tally = run_suite(suite, LIGHT, directory=tmp_path)
    assert tally.having("violated") == ["sharp.logistic"]
    assert tally.lines["sharp.length"].verdict(3) == "attained"
    assert tally.lines["sharp.length"].in_force >= 5


def test_the_message_of_a_violation_says_how_to_replay_it():
    finding = Finding("sharp.length", Verdict.VIOLATED, 3, 1.0, 2.0, 1.0, -1.0, 1e-9)
    error = Violation(Case("sharp.length", making.extremal(), FLOW, finding), Path("dipcert-cases"))
    assert isinstance(error, AssertionError)
    assert "dipcert replay dipcert-cases/sharp.length-" in str(error)
    assert "slack -1" in str(error)


def test_a_suite_whose_instances_miss_the_hypotheses_is_vacuous():
    suite = replace(
        SUITES["sharp"],
        prefixes=("sharp.logistic",),
        strategy=lambda: st.just(Sample(making.extremal(0.75), Engine(t_max=5.0))),
        cover=lambda: (),
    )
    tally = run_suite(suite, LIGHT, directory=None)
    assert tally.verdict == "vacuous"
    assert "h < 1/2" in tally.lines["sharp.logistic"].why or "not known" in tally.lines["sharp.logistic"].why


# --------------------------------------------------------------------------------------------------------------- teeth
TEETH = {
    "baseline": (
        "baseline.loss_rate:rate-0-6", "baseline.loss_rate:condition-1-6", "baseline.loss_rate:norm-of-operator",
        "baseline.param_rate:one", "baseline.early_stop:factor-one", "baseline.mse_stop:factor-one",
    ),
    "steps": ("step.confinement:one", "step.dissipation:whole", "step.majorant:frozen", "step.gradient_lower:range-dropped"),
    "sharp": (
        "sharp.rate:one-minus-h", "sharp.rate:range-dropped", "sharp.length:majorant-halved", "sharp.tail:half",
        "sharp.stop:rate-of-the-start", "sharp.rate:*",
    ),
    "extremal": ("sharp.length:half", "sharp.logistic:one-minus-h", "sharp.tail:singular-value-of-the-start"),
    "network": (
        "dip2.amgm:more-than-two", "dip2.amgm:square-lost", "dip2.amgm:width-for-its-root", "dip2.amgm:first-layer",
        "dip2.balanced:first-layer", "dip2.amgm:*",
    ),
    "illposed": (
        "illposed.energy:noise-forgotten", "illposed.energy:frozen", "illposed.semiconvergence:growth-halved",
        "illposed.rate:below-one-over-e",
    ),
    "wonly": ("wonly.rate:half", "wonly.stop:half", "wonly.rate:every-observation", "wonly.linear_rate:slope-forgotten"),
    "recovery": ("recover.split:noise-forgotten", "recover.linear:norm-for-mu", "recover.kernel:norm-of-operator"),
    "descent": ("gd.rate:nu-lost", "gd.rate:frozen", "gd.length:nu-lost", "gd.rate:*", "gd.rate:range-dropped"),
    "deep": ("deep.gram:bias-forgotten", "deep.modulus:squared", "deep.modulus:halved", "deep.output_bias:above-one"),
    "losses": ("kl.least_squares:psi-halved", "kl.lp:half-the-power-of-m", "kl.lojasiewicz:exponent-twice"),
}  # fmt: skip
"""Suite → false variants that its own cover has to refute: declared ones by name, and SLIGHT ones as *."""

SLIGHT = {
    "sharp.rate": Mutant("slight", "2h becomes 1.9 h", substitute={sym("Lambda"): sp.Rational(19, 20) * sym("Lambda")}),
    "dip2.amgm": Mutant("slight", "B1 becomes 0.9 B1", substitute={sym("B1"): sp.Rational(9, 10) * sym("B1")}),
    "gd.rate": Mutant(
        "slight", "the gain grows by a fifth", substitute={sym("gamma"): sp.Rational(6, 5) * sym("gamma")}
    ),
}


def variant(text: str):
    key, name = text.split(":")
    mutant = SLIGHT[key] if name == "*" else next(m for m in registry[key].mutants if m.name == name)
    assert mutant.truth == "false"
    return claim_of(key, registry, mutant)


@pytest.mark.parametrize("name", SUITES)
def test_the_cover_refutes_what_is_false(name):
    alive = {text: variant(text) for text in TEETH[name]}
    assert len(alive) >= 3
    assert {claim.id for claim in alive.values()} <= set(SUITES[name].statements)
    for world, engine in reversed(list(SUITES[name].cover())):  # those of the pool come last, and most often refute
        scene = simulate(world, engine)
        for text, claim in list(alive.items()):
            if engine_of(claim) in ("any", engine.kind) and check_scene(claim, scene).verdict is Verdict.VIOLATED:
                del alive[text]
        if not alive:
            break
    assert list(alive) == []


# -------------------------------------------------------------------------------------------------------- second looks
def summary(verdict: Verdict, t: float = 1.0) -> Summary:
    out = Summary("sharp.length")
    slack = -1.0 if verdict is Verdict.VIOLATED else 1e-3
    out.add(Finding("sharp.length", verdict, 1, t, 1.0, 1.0 + slack, slack, 1e-2))
    return out


@pytest.mark.parametrize("verdict", [Verdict.VIOLATED, Verdict.UNDECIDED])
def test_what_a_more_accurate_run_does_not_confirm_is_not_believed(verdict):
    sample = Sample(making.quadratic("sharp", 0.5, n=1, size=2, seed=1), FLOW)
    suite = replace(SUITES["sharp"], prefixes=("sharp.length",))
    after = confirmed(suite, sample, {"sharp.length": summary(verdict)})
    assert after["sharp.length"].verdict is Verdict.HOLDS


def test_a_real_violation_survives_the_run_in_mpmath():
    sample = Sample(making.extremal(0.25), FLOW)
    suite = wrong("sharp.logistic", TWICE)
    found = suite.check(*sample)
    assert found["sharp.logistic"].verdict is Verdict.VIOLATED
    after = confirmed(suite, sample, found)["sharp.logistic"]
    assert after.verdict is Verdict.VIOLATED
    assert after.worst.budget < 1e-11


def test_a_shorter_run_is_not_asked_about_the_end():
    """In a run that ends at the point itself nothing lies beyond it: every bound of a tail would seem to hold."""
    sample = Sample(making.extremal(0.25), FLOW)
    half = Mutant(
        "half", "half the tail", conclusion=sp.Le(sym("theta_tail"), sym("rho") / sym("sigma_F") / 4, evaluate=False)
    )
    suite = wrong("sharp.tail", half)
    found = suite.check(*sample)
    assert found["sharp.tail"].verdict is Verdict.VIOLATED
    assert confirmed(suite, sample, found)["sharp.tail"].verdict is Verdict.VIOLATED


def test_a_violation_of_descent_is_looked_at_in_mpmath():
    sample = Sample(making.quadratic("descent", 0.5, n=1, curvature=0.0), Engine("descent", steps=10))
    suite = replace(SUITES["descent"], prefixes=("gd.length",))
    fake = {"gd.length": summary(Verdict.VIOLATED, t=3.0)}
    assert confirmed(suite, sample, fake)["gd.length"].verdict is Verdict.HOLDS


# -------------------------------------------------------------------------------------------------------------- ends
def test_an_interrupt_keeps_what_was_found(monkeypatch):
    calls = 0

    def cover():
        nonlocal calls
        for h in (0.25, 0.1, 0.3):
            calls += 1
            yield Sample(making.extremal(h), FLOW)

    suite = replace(SUITES["sharp"], prefixes=("sharp.length",), cover=cover)
    seen: list[World] = []
    original = Suite.check

    def check(self, world, engine, only=None):
        seen.append(world)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return original(self, world, engine, only)

    monkeypatch.setattr(Suite, "check", check)
    tally = run_suite(suite, LIGHT, directory=None)
    assert tally.interrupted
    assert tally.lines["sharp.length"].in_force == 2


def test_an_interrupt_while_the_cover_is_built_is_one_of_the_suite():
    def cover():
        yield Sample(making.extremal(), FLOW)
        raise KeyboardInterrupt

    tally = run_suite(replace(SUITES["sharp"], prefixes=("sharp.length",), cover=cover), LIGHT, directory=None)
    assert tally.interrupted
    assert tally.examples == 0


def test_an_interrupted_run_is_no_run(monkeypatch):
    import verify.properties.suite as module

    real = module.simulate

    def interrupted(world, engine):
        scene = real(world, engine)
        return replace(scene, record=replace(scene.record, status="interrupted"))

    monkeypatch.setattr(module, "simulate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        module.run(making.extremal(), FLOW)


def test_minutes_end_a_suite():
    tally = run_suite(SUITES["sharp"], LIGHT, minutes=1e-9, directory=None)
    assert tally.examples == 0
    assert "minutes" in tally.note
    assert tally.verdict == "vacuous"


def test_the_same_seed_finds_the_same():
    suite = replace(SUITES["wonly"], cover=lambda: ())
    runs = [run_suite(suite, replace(LIGHT, examples=5), seed=4, directory=None).to_json() for _ in range(2)]
    assert runs[0] == runs[1]


def line_of(**counts: int) -> Line:
    line = Line("sharp.length", examples=3, in_force=3)
    for name, n in counts.items():
        line.counts[Verdict[name.upper()]] = n
    return line


def test_attained_and_not_refuted_are_not_called_holds():
    undecided, attained, drawn = (line_of(undecided=4) for _ in range(3))
    attained.attained, drawn.drawn = 4, True
    lines = {"undecided": undecided, "attained": attained, "not refuted": drawn, "holds": line_of(holds=1, undecided=2)}
    for word, line in lines.items():
        assert line.verdict(3) == word
        tally = Tally("sharp", lines={"sharp.length": line})
        assert tally.verdict == word
        assert overall([tally]) == ("undecided" if word == "undecided" else "holds")  # only that is a failure


def test_random_suite_holds_or_says_that_there_is_none():
    tally = run_random(replace(LIGHT, draws=50), seed=1)
    assert tally.note == "no experiments are installed" or tally.having("violated") == []
