"""Certificates of every kind of problem, confirmed by the independent checker; what is claimed is what the doubles say."""

from __future__ import annotations

import json
import math
from decimal import Decimal

import numpy as np
import pytest

from verify.certificate import Certificate, Subject, certify
from verify.certificate.digits import apart, down, up
from verify.certificate.evidence import Evidence
from verify.certificate.subject import of_problem
from verify.certificate.wording import sentences
from verify.problem import build, parse
from verify.recheck import check
from verify.tables import ProblemError

SHAPES = {"wide": (3, 3), "onto": (3, 5), "injective": (5, 3), "tall": (6, 2)}


def subject(m=3, n=5, k=2000, seed=0, *, y=0.05, **changes) -> Subject:
    rng = np.random.default_rng(seed)
    given = {
        "a": rng.standard_normal(k), "V": rng.standard_normal((n, k)), "T": rng.standard_normal((m, n)),
        "y": y * rng.standard_normal(m),
    } | changes  # fmt: skip
    # paired neurons: the network starts at zero
    half = k // 2
    given["a"][half:], given["V"][:, half:] = given["a"][:half], -given["V"][:, :half]
    return Subject.of(**given)


def confirmed(certificate: Certificate, path) -> None:
    certificate.write(path / "cert.json")
    report = check(str(path / "cert.json"))
    assert report.ok, report.reason
    assert report.verdict == certificate.verdict
    assert report.problem_id == certificate.problem_id


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("train", ["both", "W"])
def test_every_shape_of_operator_is_proved_and_confirmed(shape, train, tmp_path):
    m, n = SHAPES[shape]
    s = subject(m, n, train=train, signal=np.full(n, 0.01))
    certificate = certify(s, "start")
    assert certificate.verdict == "PROVED"
    assert certificate.claim("sharp.condition").verdict == "PROVED"
    assert certificate.claim("recover.kernel").verdict == "PROVED"
    confirmed(certificate, tmp_path)


def test_injective_operators_have_the_recovery_claim_of_the_baseline(tmp_path):
    certificate = certify(subject(5, 3, 20000, y=0.01, signal=np.full(3, 0.01)), "start")
    claim = certificate.claim("baseline.recovery")
    assert claim.verdict == "PROVED"
    assert claim.conclusions["dist"] >= 0
    confirmed(certificate, tmp_path)


def test_both_factors_and_weights(tmp_path):
    rng = np.random.default_rng(1)
    k, n = 2000, 5
    a, V = rng.standard_normal(k), rng.standard_normal((n, k))
    R, C, y = rng.standard_normal((2, n)), rng.standard_normal((4, 2)), 0.05 * rng.standard_normal(4)
    factors = certify(Subject.of(a, V, y, R=R, C=C), "start")
    confirmed(factors, tmp_path)
    weighted = subject(3, 5, weights=np.array([1.0, 2.0, 4.0]))
    certificate = certify(weighted, "start")
    assert certificate.verdict == "PROVED"
    assert weighted.w_min == 1.0
    confirmed(certificate, tmp_path)


def test_identity_operator(tmp_path):
    rng = np.random.default_rng(2)
    half_a, half_V = rng.standard_normal(1000), rng.standard_normal((4, 1000))
    s = Subject.of(np.concatenate([half_a, half_a]), np.hstack([half_V, -half_V]), 0.05 * rng.standard_normal(4))
    certificate = certify(s, "start")
    assert certificate.verdict == "PROVED"
    confirmed(certificate, tmp_path)


@pytest.mark.parametrize("activation", ["tanh", "erf", "sigmoid", "softplus", "sin", "identity", "gelu", "silu"])
def test_every_activation_that_the_checker_knows(activation, tmp_path):
    certificate = certify(subject(2, 3, 4000, activation=activation, y=0.02), "start")
    assert certificate.verdict == "PROVED"
    confirmed(certificate, tmp_path)


def test_bounds_lie_on_their_side_of_the_truth():
    s = subject(3, 5, 300, seed=4)
    e = Evidence(s)
    U = np.linalg.svd(s.R, full_matrices=False)[2]
    sigma = np.linalg.svd(s.R, compute_uv=False)[-1]
    D = 1 - np.tanh(s.a) ** 2
    f2 = np.sum(np.tanh(s.a) ** 2) / s.k
    K = (U @ s.V.T * D) @ (U @ s.V.T * D).T / s.k
    truth = np.sqrt(f2 + np.linalg.eigvalsh(K)[0])
    assert sigma * (1 - 1e-8) < e.sigma_F <= sigma * (1 + 1e-13)
    assert truth * (1 - 1e-8) < e.sigma_0 <= truth * (1 + 1e-13)
    assert sigma * (1 - 1e-13) <= e.smallest_direction[1] < sigma * (1 + 1e-8)
    assert truth * (1 - 1e-13) <= e.weak_direction[1] < truth * (1 + 1e-8)
    longest = np.linalg.norm(U @ s.V.T, axis=0).max()
    assert e.c_V_below <= longest <= e.c_V
    rho = np.linalg.norm(s.R @ (s.V.T @ np.tanh(s.a)) / np.sqrt(s.k) - s.y)
    assert e.rho[0] <= rho * (1 + 1e-13)
    assert rho * (1 - 1e-13) <= e.rho[1]


def test_refuted_with_witnesses_and_advice(tmp_path):
    certificate = certify(subject(3, 5, 60, y=5.0), "start")  # both layers: wonly.threshold is about something else
    assert certificate.verdict == "REFUTED"
    for claim in certificate.claims:
        assert claim.verdict == "REFUTED"
        assert "more training: rho has to fall from" in claim.help
        assert "more width" in claim.help
    assert {"w_sigma0", "z_F", "N"} == set(certificate.witnesses)
    assert certificate.claim("sharp.condition").conclusions["h"] >= 0.5
    certificate.write(tmp_path / "cert.json")
    report = check(str(tmp_path / "cert.json"))
    assert (report.code, report.verdict) == (3, "REFUTED")


def test_unknown_says_which_obligation_failed(tmp_path):
    few = certify(subject(5, 3, 2, train="W"), "start")
    claim = few.claim("sharp.condition")
    assert (few.verdict, claim.failed) == ("UNKNOWN", "sigma_0_lower")
    assert "k = 2 is below the rank p = 3" in claim.reason
    assert "more width" in claim.help
    confirmed(few, tmp_path)
    T = np.ones((2, 3))  # of rank one
    flat = certify(subject(2, 3, 100, T=T), "start")
    assert {c.failed for c in flat.claims} == {"sigma_F_lower"}
    assert all("better conditioning" in c.help for c in flat.claims)
    confirmed(flat, tmp_path)
    # the factor C only allows upper bounds of rho: a failing condition is not refuted
    open_ = certify(subject(5, 3, 60, y=50.0), "start")
    assert {c.verdict for c in open_.claims} == {"UNKNOWN"}
    assert all(c.failed == "condition" for c in open_.claims)
    assert all("more training" in c.help for c in open_.claims)
    confirmed(open_, tmp_path)


def test_recovery_is_unknown_where_the_condition_is():
    certificate = certify(subject(3, 5, 60, y=5.0, signal=np.ones(5)), "start")
    assert certificate.claim("recover.kernel").failed == "sharp.condition"
    assert "the operator is not injective" in certificate.claim("baseline.recovery").reason


def test_a_vacuous_bound_of_the_signal_is_called_so(tmp_path):
    certificate = certify(subject(3, 5, signal=np.full(5, 1e-6)), "start")
    claim = certificate.claim("recover.kernel")
    assert claim.conclusions["vacuous"] is True
    assert "vacuous" in claim.reason
    confirmed(certificate, tmp_path)


def small(**changes):
    table = {
        "signal": {"source": "gaussian", "size": 12},
        "operator": {"kind": "gaussian", "m": 6},
        "noise": {"relative": 0.1},
        "network": {"width": 24, "train": "W"},
        "seed": 3,
    }
    return build(parse(table | changes))


@pytest.mark.parametrize("train", ["both", "W"])
def test_small_width_is_certified_along_the_flow(train, tmp_path):
    problem = small(network={"width": 24, "train": train})
    assert not rated(certify(problem, "start"))
    certificate = certify(problem)
    assert certificate.verdict == "PROVED"
    t = float(certificate.origin["at"])
    assert t > 0
    confirmed(certificate, tmp_path)
    # V̂ moves within Im T': the part of V in ker T stays, to rounding
    before, after = of_problem(problem), certificate.subject
    assert (after.problem_id == before.problem_id) is False
    P = np.eye(12) - np.linalg.pinv(before.R) @ before.R
    assert np.abs((after.V - before.V) @ P).max() < 1e-12
    assert np.array_equal(before.V, after.V) is (train == "W")
    # much later the same flow is certified as well, with a better rate
    later = certify(problem, 3 * t)
    assert later.verdict == "PROVED"
    assert best_rate(later) > best_rate(certificate)
    assert not rated(certify(problem, 0.01 * t))


def rated(certificate):
    return [c for c in certificate.claims if "rate" in c.conclusions]


def best_rate(certificate):
    return max(c.conclusions["rate"] for c in certificate.claims if "rate" in c.conclusions)


def test_the_budget_of_time_ends_the_search():
    certificate = certify(small(network={"width": 24, "train": "both"}), max_time=1e-3)
    assert certificate.verdict in ("REFUTED", "UNKNOWN")
    assert "--max-time" in certificate.origin["ended"]


@pytest.mark.parametrize("activation", ["tanh", "erf", "sigmoid", "softplus", "identity"])
def test_the_threshold_is_proved_where_no_rate_is(activation, tmp_path):
    rng = np.random.default_rng(5)
    a, V = rng.standard_normal(30), rng.standard_normal((6, 30))
    h = {"tanh": 0.0, "erf": 0.0, "sigmoid": 0.5, "softplus": 1.0, "identity": 0.0}[activation] + 0.2 * rng.uniform(
        -1, 1, 30
    )
    T = rng.standard_normal((4, 6))
    y = T @ V @ h / np.sqrt(30)
    certificate = certify(Subject.of(3 * a, V, y, T, activation=activation, train="W"), "start")
    claim = certificate.claim("wonly.threshold")
    assert claim.verdict == certificate.verdict == "PROVED"
    confirmed(certificate, tmp_path)
    assert certify(Subject.of(a, V, y, T, activation=activation), "start").claim("wonly.threshold") is None


def test_data_outside_the_box_are_not_claimed_to_fit(tmp_path):
    rng = np.random.default_rng(5)
    a, V = rng.standard_normal(30), rng.standard_normal((6, 30))
    certificate = certify(Subject.of(a, V, np.full(6, 100.0), train="W"), "start")
    claim = certificate.claim("wonly.threshold")
    assert claim.verdict == "UNKNOWN"
    assert "at a distance from what the box can produce" in claim.reason
    confirmed(certificate, tmp_path)


def test_the_start_is_certified_where_only_the_threshold_is_proved(tmp_path):
    certificate = certify(small(network={"width": 24, "train": "W"}), max_time=1e-3)
    assert (certificate.verdict, certificate.origin["at"]) == ("PROVED", "0")
    assert not rated(certificate)
    confirmed(certificate, tmp_path)


def test_below_the_rank_only_width_helps():
    """Width below the rank, W only: sigma_0 = 0 along the whole flow."""
    certificate = certify(small(network={"width": 4, "train": "W"}), max_time=5.0)
    claim = certificate.claim("sharp.condition")
    assert certificate.verdict == claim.verdict == "REFUTED"
    assert claim.help == "more width: at least 12 neurons"
    assert float(certificate.origin["at"]) == 0


def test_start_is_taken_where_a_theorem_holds_there():
    problem = build(parse({
        "signal": {"source": "values", "values": [0.3, -0.2, 0.1]}, "operator": {"kind": "identity"},
        "network": {"width": 3000, "antisymmetric": True}, "noise": {"relative": 0.05},
    }))  # fmt: skip
    certificate = certify(problem)
    assert float(certificate.origin["at"]) == 0.0
    subject_ = certificate.subject
    assert np.array_equal(subject_.a, problem.network.a)
    assert np.array_equal(subject_.V.T, problem.network.V)
    stop = certificate.claim("sharp.condition").conclusions["stop"]
    assert stop["level"] == problem.noise_norm.value


def test_problems_with_a_synthesis_operator_claim_nothing_about_the_signal(tmp_path):
    problem = build(parse({
        "signal": {"source": "gaussian", "size": 16}, "operator": {"kind": "subsample", "every": 2},
        "synthesis": {"kind": "fourier_synthesis", "omega0": 2.0, "power": 1.0},
        "network": {"width": 400, "antisymmetric": True, "output_scale": 20.0},
    }))  # fmt: skip
    certificate = certify(problem)
    assert certificate.subject.signal is None
    assert {c.statement for c in certificate.claims} <= {"sharp.condition", "baseline.condition", "dip2.amgm"}
    confirmed(certificate, tmp_path)


def test_truncated_operators_have_both_factors(tmp_path):
    matrix = np.diag([1.0, 0.5, 1e-15]) @ np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    problem = build(parse({
        "signal": {"source": "values", "values": [0.1, 0.2, 0.1]},
        "operator": {"kind": "dense", "values": matrix.tolist(), "rank": "truncate"},
        "network": {"width": 4000, "antisymmetric": True},
    }))  # fmt: skip
    certificate = certify(problem, "start")
    assert (certificate.subject.R.shape, certificate.subject.C.shape) == ((2, 3), (3, 2))
    assert certificate.verdict == "PROVED"
    confirmed(certificate, tmp_path)


def test_the_file_says_what_the_object_says(tmp_path):
    certificate = certify(subject(), "start")
    certificate.write(tmp_path / "cert.json")
    data = json.loads((tmp_path / "cert.json").read_text())
    assert data["verdict"] == certificate.verdict
    with np.load(tmp_path / "cert.npz") as arrays:
        for name, array in certificate.subject.arrays():
            assert np.array_equal(arrays[name], array)
        assert set(arrays.files) == set(data["problem"]["arrays"]) | {f"w_{name}" for name in data["witnesses"]}
    claimed = {item["id"]: float.fromhex(item["claim"]) for item in data["obligations"]}
    assert claimed == {item.id: item.claim for item in certificate.obligations}


# --- what is said
def test_with_more_data_than_unknowns_only_the_part_in_the_range_is_spoken_of():
    """|T g - y| stays large: the sentences are about its projection."""
    rng = np.random.default_rng(3)
    T = rng.standard_normal((5, 3))
    outside = np.linalg.qr(T, mode="complete")[0][:, -1]
    certificate = certify(subject(5, 3, T=T, y=T @ np.full(3, 0.01) + 5 * outside), "start")
    assert certificate.verdict == "PROVED"
    words = " ".join(sentences(certificate))
    assert "tends to the least possible loss" in words
    assert "the part of the residual in the range of T is at most" in words
    assert "zero loss" not in words
    assert ", the residual is at most" not in words
    onto = " ".join(sentences(certify(subject(), "start")))
    assert "tends to zero loss" in onto
    assert ", the residual is at most" in onto


def test_bounds_are_printed_outward():
    assert (up(0.0186324), down(0.0186324)) == ("0.01864", "0.01863")
    assert (up(0.499999), up(0.499999, under=0.5)) == ("0.5", "0.4999991")  # the double is a little more than that
    assert (down(math.inf), up(-0.0)) == ("1.797e+308", "0")
    assert (up(0.5), down(0.5), up(0.0), down(1e-320, 2), up(math.inf)) == ("0.5", "0.5", "0", "9.9e-321", "inf")
    assert (up(149500.01), down(1.49999e-7), up(1234567.0)) == ("149600", "1.499e-07", "1.235e+06")
    assert apart(0.12341, 0.12348) == ("0.12342", "0.12348")
    rng = np.random.default_rng(0)
    for x in rng.standard_normal(300) * 10.0 ** rng.integers(-300, 300, 300):
        assert Decimal(down(x)) <= Decimal(x) <= Decimal(up(x))
        assert float(up(x)) - float(down(x)) <= 1.1e-3 * abs(x)
        y = math.nextafter(x, math.inf)
        above, below = apart(x, y)
        assert Decimal(x) <= Decimal(above) < Decimal(below) <= Decimal(y)


def test_the_printed_rho_is_a_bound():
    for seed in range(8):
        certificate = certify(subject(seed=seed), "start")
        claimed = next(item.claim for item in certificate.obligations if item.kind == "rho_0_upper")
        printed = sentences(certificate)[0].split("rho(t) <= ")[1].split()[0]
        assert Decimal(printed) >= Decimal(claimed)


def test_two_factors_are_not_called_not_injective(tmp_path):
    rng = np.random.default_rng(1)
    k, n = 2000, 3
    R, C, y = rng.standard_normal((n, n)), rng.standard_normal((4, n)), 0.05 * rng.standard_normal(4)
    a, V = rng.standard_normal(k), rng.standard_normal((n, k))
    certificate = certify(Subject.of(a, V, y, R=R, C=C, signal=np.ones(n)), "start")
    assert certificate.claim("baseline.recovery").reason == "the operator is given as two factors: not claimed"
    confirmed(certificate, tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"V": np.outer([1e300, 2e300, 3e300], np.ones(200))},
        {"weights": np.array([1e-300, 1e300])},
        {"signal": np.full(3, 1e300), "scale": 1e-10},
        {"y": np.full(2, 1e200)},
        {"T": 1e200 * np.eye(2, 3)},
        {"a": np.full(200, 1e300), "activation": "identity"},
    ],
    ids=["V", "weights", "signal", "y", "T", "a"],
)
@pytest.mark.parametrize("at", ["start", "best"])
def test_products_beyond_the_range_of_doubles_are_refused_in_words(changes, at):
    with pytest.raises(ProblemError, match=r"leave the range of doubles .* rescale by a power of two"):
        certify(subject(2, 3, 200, **changes), at, max_time=2.0)


@pytest.mark.parametrize(
    "changes",
    [
        {"V": np.full((3, 200), 1e-300)},
        {"weights": np.array([1e-300, 1e-290])},
        {"T": 1e-160 * np.eye(2, 3)},
        {"y": np.full(2, 1e-300)},
        {"signal": np.full(3, 1e-300), "scale": 1e300},
    ],
    ids=["V", "weights", "T", "y", "signal"],
)
def test_tiny_numbers_are_no_error(changes, tmp_path):
    confirmed(certify(subject(2, 3, 200, **changes), "start"), tmp_path)


@pytest.mark.parametrize("size", [0.0, 1e-300, 1e-170])
def test_output_weights_too_small_to_be_squared_are_bounded_from_below_by_no_more_than_they_are(size, tmp_path):
    rng = np.random.default_rng(0)
    a, V = rng.standard_normal(50), size * rng.standard_normal((2, 50))
    certificate = certify(Subject.of(a, V, np.array([100.0, 2.0]), rng.standard_normal((2, 2))), "start")
    below = [item for item in certificate.obligations if item.kind == "c_V_lower"]
    assert below  # the conditions are refuted, so the bound is there
    for item in below:
        assert item.claim <= max(math.hypot(*column) for column in V.T)
    confirmed(certificate, tmp_path)
