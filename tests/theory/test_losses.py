"""Laws of every registered loss: the KL inequality, the radial inequality, convexity, the printed arguments."""

from __future__ import annotations

import pkgutil

import numpy as np
import pytest
import sympy as sp
from hypothesis import event, given, settings
from hypothesis import strategies as st

import theory.losses as package
from numerics.compile import function
from numerics.losses import loss
from theory.losses import LOSSES
from theory.symbols import sym

NAMES = sorted(LOSSES)


def instance(name, seed, m=5):
    """A loss with random weights (over six orders of magnitude), and v, y at a random scale."""
    rng = np.random.default_rng(seed)
    weights = 10.0 ** rng.uniform(-3, 3, m) if LOSSES[name].weighted else None
    scale = 10.0 ** rng.uniform(-4, 4)
    return loss(name, weights), scale * rng.normal(size=m), scale * rng.normal(size=m)


def test_every_file_is_registered():
    assert {m.name for m in pkgutil.iter_modules(package.__path__)} - {"base"} == set(LOSSES)
    assert all(name == item.name for name, item in LOSSES.items())


@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 2**32 - 1), j=st.integers(0, 4))
@settings(deadline=None, max_examples=50)
def test_kl_and_radial_inequalities(name, seed, j):
    """ψ'(L)‖∇L‖ ≥ 1 and ψ'(L)⟨r, ∇L⟩ ≥ ‖r‖, up to rounding; equality along the worst axis."""
    item, v, y = instance(name, seed)
    dpsi = function(item.kl.dpsi(sym("s")), ["s"])
    if j == 0:  # the direction of the smallest weight, where the constant is sharp
        axis = 0 if item.weights is None else int(np.argmin(item.weights))
        v = y + (v - y) * (np.arange(v.size) == axis)
    r, gradient = v - y, item.grad(v, y)
    slope = dpsi(item.value(v, y))
    rounding = 40 * np.finfo(float).eps
    assert slope * np.linalg.norm(gradient) >= 1 - rounding
    if j == 0:
        assert slope * np.linalg.norm(gradient) == pytest.approx(1, rel=rounding)
    event("sharp direction" if j == 0 else "generic")
    assert LOSSES[name].range_radial
    assert slope * (r @ gradient) >= np.linalg.norm(r) * (1 - rounding)
    assert np.linalg.norm(r) <= item.rho(v, y) * (1 + rounding)  # step.growth


@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 2**32 - 1), lam=st.floats(0, 1))
@settings(deadline=None, max_examples=30)
def test_convex_with_minimum_zero_at_y_only(name, seed, lam):
    item, v, y = instance(name, seed)
    w = y[::-1].copy()
    middle = item.value(lam * v + (1 - lam) * w, y)
    chord = lam * item.value(v, y) + (1 - lam) * item.value(w, y)
    assert LOSSES[name].convex
    assert middle <= chord + 1e-13 * (item.value(v, y) + item.value(w, y))
    assert item.value(y, y) == 0
    assert item.value(v, y) > 0
    assert not item.grad(y, y).any()


@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_gradient_by_complex_free_differences_and_lipschitz(name, seed):
    item, v, y = instance(name, seed)
    direction = np.random.default_rng(seed + 1).normal(size=v.size)
    step = 1e-6 * np.linalg.norm(v - y) / np.linalg.norm(direction)
    difference = (item.value(v + step * direction, y) - item.value(v - step * direction, y)) / (2 * step)
    scale = np.linalg.norm(item.grad(v, y)) * np.linalg.norm(direction)
    assert abs(difference - item.grad(v, y) @ direction) <= 1e-7 * scale
    top = 1.0 if item.weights is None else item.weights.max()
    bound = float(LOSSES[name].gradient_lipschitz) * top * np.linalg.norm(v - y)
    assert np.linalg.norm(item.grad(v, y) - item.grad(y, y)) <= bound * (1 + 1e-14)


def test_entries_are_even_smooth_expressions_of_the_residual():
    for item in LOSSES.values():
        assert item.entry.free_symbols <= {sym("r"), sym("w")}
        assert item.entry.subs(sym("r"), 0) == 0
        assert item.entry.diff(sym("r")).subs(sym("r"), 0) == 0


def test_values_by_hand_and_batches():
    weighted = loss("weighted_least_squares", [4.0, 1.0])
    assert weighted.w_min == 1.0
    v = np.array([[1.0, 1.0], [0.0, 2.0]])
    assert weighted.value(v, np.zeros(2)).tolist() == [2.5, 2.0]
    assert weighted.grad(v, np.zeros(2)).tolist() == [[4.0, 1.0], [0.0, 2.0]]
    np.testing.assert_allclose(weighted.rho(v, np.zeros(2)), np.sqrt([5.0, 4.0]), rtol=1e-15)
    assert weighted.kl.psi(sym("s")) == sp.sqrt(2) * sp.sqrt(sym("s"))
    assert loss("least_squares").psi(0.0) == 0.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("least_square",), "did you mean 'least_squares'"),
        (("zzz",), "choose one of"),
        (("least_squares", [1.0]), "takes no weights"),
        (("weighted_least_squares", [1.0, 0.0]), "positive finite"),
        (("weighted_least_squares", [1.0, np.nan]), "positive finite"),
        (("weighted_least_squares", [[1.0]]), "positive finite"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        loss(*arguments)


def test_weights_of_another_length():
    with pytest.raises(ValueError, match="2 weights"):
        loss("weighted_least_squares", [1.0, 2.0]).value(np.zeros(3), np.zeros(3))
