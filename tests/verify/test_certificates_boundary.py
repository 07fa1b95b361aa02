"""Certificates against the truth: problems whose numbers are known to 60 digits, on and on either side of every boundary."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import arb

from benchmarks.certificates import PUSHES, Tally, survey
from tests.verify.certificate_cases import FAMILIES, cases, exact
from tests.verify.certificate_files import Files, honest
from tests.verify.certificate_truth import SUP, Truth, X, rational
from verify import recheck
from verify.certificate import certify

SEED = 6


def some(family: str, count: int) -> Any:
    return (FAMILIES[family](np.random.default_rng([SEED, i])) for i in range(count))


@pytest.mark.parametrize(
    ("family", "count", "least"),
    [
        ("exact", 60, {"PROVED": 25, "REFUTED": 25, "UNKNOWN": 25}),
        ("zero", 50, {"PROVED": 12, "REFUTED": 25, "UNKNOWN": 25}),
        ("general", 130, {"PROVED": 70, "REFUTED": 70, "UNKNOWN": 70}),
    ],
)
def test_nothing_false_is_proved_and_what_is_true_by_a_percent_is_found(family, count, least):
    tally = survey(some(family, count))
    assert not tally.wrong, tally.wrong[:5]
    assert tally.passed(), tally.missed[:5]
    assert tally.counts["claims that are false"] >= count
    for verdict, number in least.items():
        assert tally.of(verdict) >= number, (verdict, tally.verdicts)
    assert tally.counts["pushed bounds"] >= 10 * count
    assert tally.counts["bounds"] >= 4 * count


def test_every_kind_of_instance_occurs():
    """The general family has every activation, shape, weights, a signal, and both sides of every condition."""
    found = list(some("general", 130))
    assert {case.subject.activation for case in found} == set(SUP) - {"identity"}
    assert {(case.subject.R is None, case.subject.C is None) for case in found} == {
        (x, y) for x in (0, 1) for y in (0, 1)
    }
    assert sum(case.subject.weights is not None for case in found) >= 10
    assert sum(case.subject.signal is not None for case in found) >= 30
    assert {(case.target, case.eta > 0) for case in found} == {
        (name, side) for name in ("sharp.condition", "baseline.condition", "dip2.amgm") for side in (False, True)
    }
    assert min(abs(case.eta) for case in found) == 1e-15


def test_a_wrong_verdict_would_be_noticed(monkeypatch):
    """The survey reports what it is there to report: a certifier that claims too much, a checker that believes it."""
    from verify.certificate import claims

    original = claims.formulas.modulus
    monkeypatch.setattr(claims.formulas, "modulus", lambda *numbers: 0.9 * original(*numbers))
    tally = survey(some("general", 40))
    assert any("sharp.condition PROVED, but" in line for line in tally.wrong)
    assert any("an honest certificate is rejected" in line for line in tally.wrong)
    monkeypatch.undo()
    monkeypatch.setattr(recheck.Fix, "norm", 0 * arb(1))  # every matrix is taken for zero
    tally = survey(some("general", 10))
    assert any("past the truth" in line for line in tally.wrong)


def test_on_the_boundary_itself():
    """h = 1/2, R' Lip(R') = sigma_0/2 or rho = sigma_F sqrt(k) f²/B1 exactly: never proved, and one step beyond neither."""
    seen = set()
    for i in range(200):
        case = exact(np.random.default_rng([SEED, 1, i]))
        if not 0 <= case.eta <= 4 * 2.0**-52:
            continue
        ratio = Truth(case.subject).ratio(case.target)
        # as the construction says; y (1 + eta) is rounded
        assert abs(ratio - 1) < X.mpf(10) ** -40 if case.eta == 0 else 0 < ratio - 1 < 3 * case.eta
        claim = certify(case.subject, at="start").claim(case.target)
        assert claim is not None
        assert claim.verdict != "PROVED"
        seen.add((case.target, case.subject.activation, case.subject.train, case.eta == 0))
    assert len(seen) >= 8


# --- the checker with hostile witnesses -----------------------------------------------------------------------------------------
def _root(matrix: np.ndarray) -> np.ndarray:
    """L with L L' the part of a symmetric matrix that is positive semidefinite."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return vectors * np.sqrt(np.maximum(values, 0))


def _scaled(files: Files, item: dict[str, Any], key: str, factor: float, matrix: np.ndarray, sign: int) -> None:
    """A parameter times a factor, and the witness L that is best for it: L L' = sign (matrix - parameter I), as far as it can."""
    value = float.fromhex(item["params"][key]) * factor
    item["params"][key] = value.hex()
    name = next(
        w
        for w in item["witnesses"]
        if w.startswith("L_") and (key != "mu_C" or w == "L_N_C") and (key != "mu" or w != "L_N_C")
    )
    files.arrays[f"w_{name}"] = _root(sign * (matrix - value * np.eye(len(matrix))))


def _gram(truth: Truth) -> np.ndarray:
    S = np.array((truth.U.T * truth.VD).tolist(), dtype=float)
    return S @ S.T


def hostile(files: Files, truth: Truth, rng: np.random.Generator) -> None:
    """Each witness and parameter is turned into one that would prove more, if anything about it were trusted."""
    reach = float(rng.choice([1e-14, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 0.3]))
    for item in files.document["obligations"]:
        if item["kind"] == "sigma_0_lower" and "shift" in item["params"]:
            _scaled(files, item, "shift", 1 + reach, _gram(truth), 1)
        if item["kind"] == "sigma_F_lower":
            for key, name in (("mu", "w_N"), ("mu_C", "w_N_C")):
                if key in item["params"]:
                    N = files.arrays[name]
                    N = (
                        N * (1 - reach)
                        if rng.random() < 0.5
                        else N + reach * np.abs(N).max() * rng.standard_normal(N.shape)
                    )
                    files.arrays[name] = N
                    _scaled(files, item, key, 1 - reach, N @ N.T, -1)
        if item["kind"] == "J_norm_upper" and "mu" in item["params"]:
            VD = np.array(truth.VD.tolist(), dtype=float)
            _scaled(files, item, "mu", 1 - reach, VD @ VD.T, -1)
        if item["kind"] == "T_norm_upper" and "mu" in item["params"]:
            C = files.arrays["C"]
            _scaled(files, item, "mu", 1 - reach, C.T @ C, -1)
        for name in ("w_z_F", "w_w_sigma0"):
            if name[2:] in item["witnesses"]:
                x = files.arrays[name]
                files.arrays[name] = x * 2.0**-40 if rng.random() < 0.5 else x + reach * rng.standard_normal(x.shape)
    files.fix()


def test_whatever_the_witnesses_are_nothing_false_follows(tmp_path):
    """Hostile witnesses: what the checker derives from them stays on its side of the truth, and nothing past it is confirmed."""
    derived = moved = 0
    for i in range(60):
        rng = np.random.default_rng([SEED, 2, i])
        case = FAMILIES["general" if i % 3 else "zero"](rng)
        truth, files = Truth(case.subject), Files.of(certify(case.subject, at="start"))
        before = files.report
        hostile(files, truth, rng)
        for push in PUSHES:
            lie = files.copy()
            sides = {}
            for item in lie.document["obligations"]:
                if not hasattr(truth, item["kind"].rsplit("_", 1)[0]):
                    continue
                true, sign = truth.of_kind(item["kind"])
                if true > 1e-40:
                    item["claim"] = rational(true * (1 - sign * X.mpf(push)))
                    sides[item["id"]] = (true, sign)
            report = recheck.check(str(lie.write(tmp_path)))
            assert len(report.obligations) == len(before.obligations), report.reason
            for old, outcome in zip(before.obligations, report.obligations, strict=True):
                if outcome.id not in sides:
                    continue
                assert not outcome.ok, (i, push, outcome)
                if outcome.derived in ("none", "nan"):
                    continue
                true, sign = sides[outcome.id]
                value = X.mpf(outcome.derived) if "inf" not in outcome.derived else X.inf
                assert sign * (value - true) >= -(X.mpf(10) ** -15) * true, (i, outcome)
                derived += 1
                moved += outcome.derived != old.derived
    assert derived >= 800
    assert moved >= 150  # the witnesses did change what is derived


@pytest.mark.parametrize("push", PUSHES)
@pytest.mark.parametrize("name", ["kernel", "truncated", "recovery"])
def test_a_limit_below_what_follows_is_refused(tmp_path, name, push):
    """recover.kernel with a limit just below that of the true numbers, alone and with every bound claimed as sharp as proved."""
    files = honest()[name].copy()
    truth = Truth(_subject_of(files))
    limit = truth.conclusions("recover.kernel")["limit"][0]
    conclusions = files.claim("recover.kernel")["conclusions"]
    assert X.mpf(float.fromhex(conclusions["limit"])) > limit
    report = files.report
    for sharp in (False, True):
        lie = files.copy()
        lie.claim("recover.kernel")["conclusions"]["limit"] = rational(limit * (1 - X.mpf(push)))
        if sharp:  # the bounds derived by the checker, a few parts in 1e17 weaker
            for item, outcome in zip(lie.document["obligations"], report.obligations, strict=True):
                factor = 1 - Fraction(1, 10**15) if item["relation"] == ">=" else 1 + Fraction(1, 10**15)
                item["claim"] = str(Fraction(outcome.derived) * factor)
        found = recheck.check(str(lie.write(tmp_path)))
        outcome = next(item for item in found.claims if item.id == "recover.kernel")
        assert found.code == 1
        assert outcome.why == "limit is not proved"
        assert all(item.ok for item in found.obligations)


def _subject_of(files: Files) -> Any:
    from verify.certificate import Subject

    arrays, problem = files.arrays, files.problem
    return Subject(
        arrays["a"],
        arrays["V"],
        arrays.get("R"),
        arrays.get("C"),
        arrays["y"],
        arrays.get("weights"),
        arrays.get("signal"),
        problem["activation"],
        problem["train"],
        float.fromhex(problem["scale"]),
    )


def test_a_share_that_is_missed_is_said():
    tally = Tally()
    tally.verdicts.update(
        {("general", "sharp.condition", "holds", "PROVED"): 98, ("general", "sharp.condition", "holds", "UNKNOWN"): 2}
    )
    assert not tally.passed()
    tally.verdicts["general", "sharp.condition", "holds", "PROVED"] += 200
    assert tally.passed()
    tally.wrong.append("something")
    assert not tally.passed()


def test_instances_are_the_same_every_time():
    first, second = ([case.subject.problem_id for case in cases(10, seed=3)] for _ in range(2))
    assert first == second
    assert len(set(first)) == 10
