"""The threshold of a probability: against arithmetic by hand, by coverage, and where the data say little."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binom

from numerics.logistic import threshold


def test_two_sizes_are_met_exactly():
    found = threshold([10, 40], [4, 16], [20, 20])
    assert found.k == pytest.approx(20)
    assert found.slope == pytest.approx(math.log(4) / math.log(2))  # logit 0.8 over half of the distance in log k


def test_the_likelihood_drops_by_the_quantile_at_the_ends():
    k, s, t = np.array([10.0, 20, 40, 80]), np.array([1.0, 4, 9, 10]), np.full(4, 10.0)
    found = threshold(k, s, t)

    def best(c):
        b = np.linspace(0, 60, 60001)[:, None]
        p = np.clip(expit(b * (np.log(k) - math.log(c))), 1e-300, 1 - 1e-16)
        return float(np.max(np.sum(s * np.log(p) + (t - s) * np.log1p(-p), axis=1)))

    for end in (found.low, found.high):
        assert best(found.k) - best(end) == pytest.approx(3.841459 / 2, abs=1e-4)


def test_the_interval_contains_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    k = np.geomspace(5, 100, 7)
    p = expit(3.0 * np.log(k / 23.0))
    found = [threshold(k, rng.binomial(20, p), np.full(7, 20)) for _ in range(300)]
    hits = sum(f.low <= 23.0 <= f.high for f in found)
    assert binom.cdf(hits, 300, 0.95) > 1e-4
    assert binom.sf(hits - 1, 300, 0.95) > 1e-4
    assert np.median([f.k for f in found]) == pytest.approx(23.0, rel=0.03)


def test_separated_data_leave_the_gap():
    found = threshold([10, 20, 40, 80], [0, 0, 20, 20], [20] * 4)
    assert found.k == pytest.approx(math.sqrt(800))
    assert found.slope == math.inf
    assert found.low < 21
    assert found.high > 38
    one = threshold([10, 20, 40], [0, 7, 20], [20] * 3)  # all but one size decided
    assert one.k == pytest.approx(20, rel=0.01)
    assert one.low < one.k < one.high


def test_data_on_one_side_bound_one_side():
    never = threshold([10, 20], [0, 0], [9, 9])
    assert math.isnan(never.k)
    assert 20 < never.low < 21
    assert never.high == math.inf
    always = threshold([10, 20], [9, 9], [9, 9])
    assert (always.low, math.isnan(always.k)) == (0.0, True)
    assert 9 < always.high < 10
    falling = threshold([10, 20, 40], [18, 10, 2], [20] * 3)
    assert math.isnan(falling.k)
    mostly = threshold([1, 2, 4], [18, 20, 20], [20] * 3)  # the smallest size is above one half already
    assert math.isnan(mostly.k)
    assert mostly.high < 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1, 2], [1], [1, 1]), "one length"),
        (([0, 1], [0, 0], [1, 1]), "positive"),
        (([1, 2], [2, 0], [1, 1]), "trials"),
    ],
)
def test_arguments_are_met_at_the_door(arguments, words):
    with pytest.raises(ValueError, match=words):
        threshold(*arguments)
