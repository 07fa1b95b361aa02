"""Confidence limits: exact ones against SciPy, and what looking again and again does to them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from numerics.confidence import bounded_mean, clopper_pearson, mixture, mixture_log_evidence


@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (1, 1), (0, 30), (7, 30), (30, 30), (499, 500)])
@pytest.mark.parametrize("alpha", [0.05, 1e-6])
def test_clopper_pearson_is_that_of_scipy(successes, trials, alpha):
    expected = binomtest(successes, trials).proportion_ci(1 - alpha, method="exact")
    lower, upper = clopper_pearson(successes, trials, alpha)
    assert lower == pytest.approx(expected.low, abs=1e-9)
    assert upper == pytest.approx(expected.high, abs=1e-9)


@pytest.mark.parametrize("p", [0.01, 0.3, 0.5, 0.93])
def test_clopper_pearson_covers_at_one_look(p):
    trials, alpha = 60, 0.05
    counts = np.arange(trials + 1)
    lower, upper = clopper_pearson(counts, trials, alpha)
    law = binom(trials, p)
    assert law.pmf(counts[lower > p]).sum() <= alpha / 2
    assert law.pmf(counts[upper < p]).sum() <= alpha / 2


def ever_wrong(limits, p, trials, every, alpha):
    """The exact probability that limits, looked at after every `every` trials, exclude p at one of the looks."""
    alive = np.ones(1)  # alive[s]: probability of s successes and no exclusion so far
    for t in range(1, trials + 1):
        alive = np.append(alive * (1 - p), 0.0) + np.append(0.0, alive * p)
        if t % every == 0:
            lower, upper = limits(np.arange(t + 1), t, alpha)
            alive[(lower > p) | (upper < p)] = 0.0
    return 1 - alive.sum()


@pytest.mark.parametrize("p", [0.5, 0.7, 0.9, 0.99])
def test_peeking_spoils_exact_limits_and_not_those_of_the_mixture(p):
    exact = ever_wrong(clopper_pearson, p, 400, 10, 0.05)
    anytime = ever_wrong(mixture, p, 200, 1, 0.05)  # a look after every single trial
    assert exact > 2 * 0.05
    assert 0 < anytime <= 0.05
    assert ever_wrong(clopper_pearson, p, 400, 400, 0.05) <= 0.05  # one look is what they are made for


def test_peeking_simulated():
    """1000 experiments of 1000 draws, a look after every ten: the exact 95% limits miss the truth in a quarter of them."""
    p, looks = 0.5, np.arange(10, 1001, 10)
    paths = np.cumsum(np.random.default_rng(4).random((1000, 1000)) < p, axis=1)[:, looks - 1]
    missed = {}
    for limits in (clopper_pearson, mixture):
        lower, upper = limits(paths, looks, 0.05)
        missed[limits] = int(((lower > p) | (upper < p)).any(axis=1).sum())
    assert clopper_pearson(missed[clopper_pearson], 1000, 1e-6).lower > 0.15
    assert clopper_pearson(missed[mixture], 1000, 1e-6).upper < 0.05


@given(st.integers(1, 2000), st.floats(0, 1), st.sampled_from([0.3, 0.05, 1e-6]))
def test_mixture_limits_are_where_the_evidence_reaches_the_level(trials, share, alpha):
    successes = round(share * trials)
    lower, upper = (float(x) for x in mixture(successes, trials, alpha))
    level = math.log(1 / alpha)
    assert lower <= successes / trials <= upper
    assert (lower > 0) == (successes > 0)
    assert (upper < 1) == (successes < trials)
    for end in (lower, upper):
        if 0 < end < 1:
            # the evidence is steep near 0 and 1: the limit itself, to 1e-9, is what is claimed
            nearby = [end - 1e-9 * min(end, 1 - end), end, end + 1e-9 * min(end, 1 - end)]
            found = [float(mixture_log_evidence(successes, trials, one)) for one in nearby]
            assert min(found) - 1e-6 <= level <= max(found) + 1e-6


@pytest.mark.parametrize("p", [0.05, 0.2, 0.7])
def test_evidence_against_the_truth_has_mean_one(p):
    counts = np.arange(41)
    evidence = np.exp(mixture_log_evidence(counts, 40, p))
    weights = binom(40, p).pmf(counts)
    assert (evidence[weights > 0] * weights[weights > 0]).sum() == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("horizon", [None, 50, 400])
@pytest.mark.parametrize("law", ["coin", "rare", "uniform", "narrow"])
def test_limits_of_a_bounded_mean_survive_every_look(law, horizon):
    runs, N, alpha = 400, 400, 0.2
    rng = np.random.default_rng(5)
    draw, mean = {
        "coin": (lambda: rng.integers(0, 2, N).astype(float), 0.5),
        "rare": (lambda: (rng.random(N) < 0.02).astype(float), 0.02),
        "uniform": (lambda: rng.random(N), 0.5),
        "narrow": (lambda: 0.8 + 0.01 * rng.random(N), 0.805),
    }[law]
    wrong, width = 0, []
    for _ in range(runs):
        lower, upper = bounded_mean(2 * draw() - 3, -3.0, -1.0, alpha, horizon=horizon)
        wrong += bool(((lower > 2 * mean - 3) | (upper < 2 * mean - 3)).any())
        width.append(upper[-1] - lower[-1])
    assert clopper_pearson(wrong, runs, 1e-6).lower <= alpha
    assert np.median(width) < (0.1 if law in ("rare", "narrow") else 0.35)  # the spread counts, not the range alone


def test_a_wrong_mean_is_excluded():
    x = np.random.default_rng(1).random(3000)
    lower, upper = bounded_mean(x, 0.0, 1.0, 1e-6, horizon=3000)
    assert lower[-1] > 0.45
    assert upper[-1] < 0.55


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: clopper_pearson(3, 2), "successes <= trials"),
        (lambda: mixture(-1, 2), "successes <= trials"),
        (lambda: mixture(0.5, 2), "whole numbers"),
        (lambda: mixture(1, 2, 0.0), "between 0 and 1"),
        (lambda: bounded_mean([0.5], 0, 1, 1.0), "between 0 and 1"),
        (lambda: bounded_mean([1.5], 0, 1), "not all within"),
        (lambda: bounded_mean([float("nan")], 0, 1), "not all within"),
        (lambda: bounded_mean([[0.5]], 0, 1), "list of numbers"),
        (lambda: bounded_mean([0.5], 1, 0), "low < high"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_nothing_is_known_before_the_first_draw():
    assert tuple(float(x) for x in mixture(0, 0)) == (0.0, 1.0)
    assert tuple(float(x) for x in clopper_pearson(0, 0)) == (0.0, 1.0)
