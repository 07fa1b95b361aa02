"""Laws of the initial state: moments, bounds, symmetry, independence of the two layers."""

import math

import numpy as np
import pytest
from scipy import stats

from numerics.initialization import D_V, ENTRY_DISTRIBUTIONS, entry_distribution, initialize

NAMES = sorted(ENTRY_DISTRIBUTIONS)


@pytest.mark.parametrize("name", NAMES)
def test_entries_are_centred_bounded_and_of_variance_one(name):
    _, V = initialize(300, 400, np.random.default_rng(0), V=name)
    count = V.size
    fourth = float((V**4).mean())
    assert abs(V.mean()) < 5 / math.sqrt(count)
    assert abs((V**2).mean() - 1) <= 5 * math.sqrt(max(fourth - 1, 1e-12) / count)
    assert np.abs(V).max() <= D_V(name)
    if math.isfinite(D_V(name)):
        assert np.abs(V).max() >= 0.999 * D_V(name)  # the bound is attained, not merely safe
    second = np.random.default_rng(1).standard_normal(300)
    rows = V @ V.T / V.shape[1]  # identity covariance of the columns
    assert abs(second @ rows @ second / (second @ second) - 1) < 0.5
    assert np.abs(rows - np.diag(np.diag(rows))).max() < 6 / math.sqrt(V.shape[1])


@pytest.mark.parametrize("name", NAMES)
def test_variance_proxy_one(name):
    """E exp(s v) <= exp(s^2/2), by the exact moment generating function of each law."""
    law = entry_distribution(name)
    s = np.linspace(0.01, 6, 60)
    if name == "truncated_normal":
        c, std = 2.0, 2.0 / D_V(name)  # v = x/std; E exp(s x/std) for x ~ N(0,1) given |x| <= c
        q, mass = s / std, 2 * stats.norm.cdf(c) - 1
        mgf = np.exp(q**2 / 2) * (stats.norm.cdf(c - q) - stats.norm.cdf(-c - q)) / mass
        assert stats.truncnorm(-c, c).std() == pytest.approx(std, rel=1e-12)
    else:
        root = math.sqrt(3.0)
        mgf = {"rademacher": np.cosh(s), "uniform": np.sinh(root * s) / (root * s), "gaussian": np.exp(s**2 / 2)}[name]
    assert (mgf <= np.exp(s**2 / 2) * (1 + 1e-12)).all() == law.sub_gaussian


@pytest.mark.parametrize("d", [None, 1, 7])
def test_hidden_preactivations_are_normal(d):
    """Drawn directly or as W u: for one draw of u, N(0, W_std^2)."""
    a, _ = initialize(1, 20_000, np.random.default_rng(5), W_std=3.0, d=d)
    assert stats.kstest(a / 3.0, "norm").pvalue > 1e-3


def test_antisymmetric_output_vanishes():
    a, V = initialize(5, 12, np.random.default_rng(0), antisymmetric=True, V="uniform")
    assert all(math.fsum((row * np.tanh(a)).tolist()) == 0.0 for row in V)  # exact sum of the rounded products
    assert (V[:, :6] == -V[:, 6:]).all()
    assert (a[:6] == a[6:]).all()
    with pytest.raises(ValueError, match="even, got 7"):
        initialize(5, 7, np.random.default_rng(0), antisymmetric=True)


def test_layers_draw_independently():
    a, V = initialize(4, 6, np.random.default_rng(1))
    b, U = initialize(4, 6, np.random.default_rng(1), V="gaussian", W_std=2.0, d=None)
    np.testing.assert_array_equal(2 * a, b)
    assert (U != V).any()
    _, scaled = initialize(4, 6, np.random.default_rng(1), V_scale=0.5, d=3)
    np.testing.assert_array_equal(0.5 * V, scaled)
    assert a.dtype == V.dtype == np.float64
    assert a.shape == (6,)
    assert V.shape == (4, 6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n": 0}, "outputs"),
        ({"k": 0}, "width"),
        ({"k": 2.5}, "width"),
        ({"train": "V"}, "train"),
        ({"V": "normal"}, "known: rademacher"),
        ({"V": ["uniform"]}, "known: rademacher"),
        ({"W_std": 0.0}, "W_std"),
        ({"V_scale": math.nan}, "V_scale"),
        ({"V_scale": "1"}, "V_scale = '1'; it must be a number"),
        ({"W_std": True}, "W_std = True; it must be a number"),
        ({"antisymmetric": "no"}, "antisymmetric = 'no'; it is True or False"),
        ({"d": 0}, "input"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        initialize(**{"n": 3, "k": 4, "rng": np.random.default_rng(0), **change})
