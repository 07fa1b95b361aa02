"""Exponents of power laws: against arithmetic by hand, by coverage, and where the data say little."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, log_expit
from scipy.stats import binom

from numerics.scaling import threshold_scaling, width_scaling


def flat(*arrays):
    return [np.asarray(a, dtype=float).ravel() for a in np.broadcast_arrays(*arrays)]


def test_two_widths_at_two_sizes_are_met_exactly():
    found = threshold_scaling([10, 40, 20, 80], [1, 1, 4, 4], [4, 16, 4, 16], [20] * 4)
    assert found.exponent == pytest.approx(0.5, abs=1e-6)  # thresholds 20 and 40
    assert found.factor == pytest.approx(20, rel=1e-6)
    assert found.at([1, 4]).tolist() == pytest.approx([20, 40], rel=1e-5)


def test_the_likelihood_drops_by_the_quantile_at_the_ends():
    rng = np.random.default_rng(3)
    k, s = flat([4, 8, 16, 32, 64], [[1], [2], [4]])
    good = rng.binomial(15, expit(2.5 * np.log(k / (9 * s**0.7))))
    found = threshold_scaling(k, s, good, np.full(15, 15))

    def best(exponent):
        x = np.log(k) - exponent * np.log(s)

        def lost(b):
            u = b[0] + b[1] * x
            return -float(good @ log_expit(u) + (15 - good) @ log_expit(-u))

        return -minimize(lost, [-5.0, 2.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-11}).fun

    top = best(found.exponent)
    for end in (found.low, found.high):
        assert top - best(end) == pytest.approx(3.841459 / 2, abs=1e-4)
    assert all(best(found.exponent + d) < top for d in (-0.02, 0.02))


def test_the_interval_contains_the_exponent_as_often_as_it_says():
    rng = np.random.default_rng(0)
    k, s = flat(np.geomspace(2, 128, 7), [[4], [8], [16], [32]])
    p = expit(3 * np.log(k / (1.5 * s**0.8)))
    found = [threshold_scaling(k, s, rng.binomial(12, p), np.full(28, 12)) for _ in range(30)]
    hits = sum(f.low <= 0.8 <= f.high for f in found)
    assert binom.cdf(hits, 30, 0.95) > 1e-3
    assert np.median([f.exponent for f in found]) == pytest.approx(0.8, abs=0.08)
    assert np.median([f.high - f.low for f in found]) < 0.8


def test_separated_data_leave_a_range():
    k, s = flat([10, 20, 40, 80], [[1], [2], [4]])
    found = threshold_scaling(k, s, np.where(k >= 15 * s, 20, 0), np.full(12, 20))
    # a jump at c s^x between 10 and 20, 20 and 40, 40 and 80: all x from 1/2 to 3/2
    assert found.exponent == pytest.approx(1.0, abs=1e-3)
    assert found.low == pytest.approx(0.5, abs=0.02)
    assert found.high == pytest.approx(1.5, abs=0.02)


def test_data_on_one_side_bound_one_side():
    k, s = flat([10, 20, 40, 80], [[1], [2], [4]])
    found = threshold_scaling(k, s, np.where(k >= 15 * s**3, 20, 0), np.full(12, 20))  # beyond 80 from s = 2 on
    assert found.high == math.inf
    assert 1.9 < found.low < 2.1  # 20 at s = 1 at the most, above 80 at s = 2
    steep = threshold_scaling(k, s, np.where(s < 2, 10, 0), np.full(12, 20))  # the size decides, not the width
    assert math.isnan(steep.exponent)
    assert steep.high == math.inf
    for good in (0, 20):
        none = threshold_scaling(k, s, np.full(12, good), np.full(12, 20))
        assert math.isnan(none.exponent)
        assert (none.low, none.high) == (-math.inf, math.inf)


def test_wider_that_is_worse_has_no_threshold():
    k, s = flat([10, 20, 40, 80], [[1], [2], [4]])
    found = threshold_scaling(k, s, 18 - 4 * np.log2(k / 10), np.full(12, 20))
    assert math.isnan(found.exponent)
    assert (found.low, found.high) == (-math.inf, math.inf)


def test_what_is_no_data_is_refused():
    with pytest.raises(ValueError, match="one length"):
        threshold_scaling([1, 2], [1], [0, 1], [1, 1])
    with pytest.raises(ValueError, match="0 <= successes"):
        threshold_scaling([1, 2], [1, 1], [0, 2], [1, 1])
    with pytest.raises(ValueError, match="one length"):
        width_scaling([1, 2], [1])
    with pytest.raises(ValueError, match="inf"):
        width_scaling([1, 2], [1, math.nan])


def test_widths_on_a_line_have_its_exponent():
    s = np.repeat([1.0, 2.0, 4.0], 5)
    found = width_scaling(s, 5 * s**1.25)
    assert (found.exponent, found.low, found.high) == pytest.approx((1.25, 1.25, 1.25))
    assert (found.factor, found.sizes) == (pytest.approx(5), 3)
    few = width_scaling(s[1:], 5 * s[1:] ** 1.25)
    assert (few.low, few.high) == (-math.inf, math.inf)


def test_censored_widths_are_neither_dropped_nor_believed():
    rng = np.random.default_rng(5)
    s = np.repeat([2.0, 4.0, 8.0, 16.0], 41)
    w = 3 * s**2 * np.exp(rng.normal(0, 0.8, s.size))
    seen = np.where(w <= 900, w, math.inf)  # the median at 16 is about 770
    whole, cut = width_scaling(s, w), width_scaling(s, seen)
    assert cut.exponent == whole.exponent  # of known medians nothing is lost
    assert cut.low < 2 < cut.high
    kept = np.isfinite(seen)
    naive = width_scaling(s[kept], seen[kept])
    assert naive.exponent < whole.exponent - 0.15  # what dropping them would do
    low = width_scaling(s, np.where(w <= 300, w, math.inf))
    assert low.sizes == 3
    assert math.isnan(width_scaling(s, np.full(s.size, math.inf)).exponent)
    assert cut.high > whole.high or cut.high == math.inf


def test_the_median_of_an_even_number():
    s, w = np.repeat([1.0, 4.0], 6), np.array([1, 1, 1, 4, 4, 4, 2, 2, 8, 8, 9, 9.0])
    assert width_scaling(s, w).exponent == pytest.approx(1.0)  # from 2, the middle of 1 and 4 in logarithms, to 8
    w[9:] = math.inf  # of six, three are known: the median is not
    assert width_scaling(s, w).sizes == 1


def test_the_bootstrap_covers():
    rng = np.random.default_rng(1)
    s = np.repeat([4.0, 8.0, 16.0, 32.0], 20)
    found = [width_scaling(s, 7 * s**1.5 * rng.lognormal(0, 0.5, 80)) for _ in range(100)]
    hits = sum(f.low <= 1.5 <= f.high for f in found)
    assert hits >= 90
    assert np.median([f.high - f.low for f in found]) < 0.5
