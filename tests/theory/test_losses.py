"""Laws of every registered loss: the KL inequality, the radial inequality, convexity, the printed arguments."""

from __future__ import annotations

import pkgutil

import mpmath
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


def parameters(name, rng, m):
    """Values over the whole domain of each parameter; the special ones (p = 2, α = ½) now and then."""
    drawn = {
        "p": float(rng.choice([2.0, rng.uniform(2, 12)], p=[0.1, 0.9])),
        "m": m,
        "huber": float(10.0 ** rng.uniform(-4, 4)),
        "alpha": float(rng.choice([0.5, rng.uniform(0.08, 0.95)], p=[0.1, 0.9])),
        "c": float(10.0 ** rng.uniform(-2, 2)),
    }
    return {item.name: drawn[item.name] for item in LOSSES[name].parameters}


def instance(name, seed, m=None):
    """A loss with random weights (over six orders of magnitude) and parameters, and v, y at a random scale."""
    rng = np.random.default_rng(seed)
    m = int(rng.integers(1, 21)) if m is None else m
    weights = 10.0 ** rng.uniform(-3, 3, m) if LOSSES[name].weighted else None
    scale = 10.0 ** rng.uniform(-4, 4)
    return loss(name, weights, **parameters(name, rng, m)), scale * rng.normal(size=m), scale * rng.normal(size=m)


def dpsi(item, value):
    """ψ' at a loss value, the parameters as arguments."""
    given = {"w_min": item.w_min, **item.parameters}
    return function(LOSSES[item.name].kl.dpsi(sym("s")), ["s", *given])(value, *given.values())


def sharp(item, v, y):
    """v moved to where KL is an equality for this loss."""
    kind = LOSSES[item.name].sharp_at
    if kind == "axis":
        axis = 0 if item.weights is None else int(np.argmin(item.weights))
        return y + (v - y) * (np.arange(v.size) == axis)
    return y + np.sign(v - y) * np.abs(v - y).max() if kind == "diagonal" else v


def test_every_file_is_registered():
    assert {m.name for m in pkgutil.iter_modules(package.__path__)} - {"base"} == set(LOSSES)
    assert all(name == item.name for name, item in LOSSES.items())


@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 2**32 - 1), j=st.integers(0, 4))
@settings(deadline=None, max_examples=50)
def test_kl_and_radial_inequalities(name, seed, j):
    """ψ'(L)‖∇L‖ ≥ 1 and ψ'(L)⟨r, ∇L⟩ ≥ ψ(L) ≥ ‖r‖, up to rounding; equality where the loss says so."""
    item, v, y = instance(name, seed)
    if j == 0:  # where the constant is sharp
        v = sharp(item, v, y)
    r, gradient = v - y, item.grad(v, y)
    slope = dpsi(item, item.value(v, y))
    rounding = 40 * np.finfo(float).eps
    if {"p", "alpha"} & set(item.parameters):
        # x^e is off by e relative roundings of x and by |log x| relative ones of e
        exponent = max(item.parameters.get("p", 1.0), 1 / item.parameters.get("alpha", 1.0))
        rounding += (2 * exponent + abs(np.log(item.value(v, y)))) * np.finfo(float).eps
    assert slope * np.linalg.norm(gradient) >= 1 - rounding
    if j == 0 or item.theory.sharp_at == "everywhere":
        assert slope * np.linalg.norm(gradient) == pytest.approx(1, rel=rounding)
    event("sharp direction" if j == 0 else "generic")
    assert LOSSES[name].range_radial
    assert slope * (r @ gradient) >= item.rho(v, y) * (1 - rounding)  # stronger than ‖r‖, and true of every loss here
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
def test_gradient_by_differences_and_lipschitz(name, seed):
    item, v, y = instance(name, seed)
    direction = np.random.default_rng(seed + 1).normal(size=v.size)
    step = 1e-6 * np.linalg.norm(v - y) / np.linalg.norm(direction)
    difference = (item.value(v + step * direction, y) - item.value(v - step * direction, y)) / (2 * step)
    scale = np.linalg.norm(item.grad(v, y)) * np.linalg.norm(direction)
    assert abs(difference - item.grad(v, y) @ direction) <= 1e-7 * scale
    if item.theory.gradient_lipschitz is None:
        assert not item.theory.smooth
        return
    radius = max(np.linalg.norm(v - y), np.linalg.norm(v[::-1] - y))
    top = 1.0 if item.weights is None else item.weights.max()
    bound = function(item.theory.gradient_lipschitz, ["r"])(radius) * top
    for other in (y, v[::-1], y + (v - y) * 0.999):  # far, across, and nearly the second derivative
        change = np.linalg.norm(item.grad(v, y) - item.grad(other, y))
        assert change <= bound * np.linalg.norm(v - other) * (1 + 1e-11)


def test_entries_are_even_smooth_expressions_of_the_residual():
    for item in LOSSES.values():
        assert item.entry.free_symbols <= {sym("r"), sym("w"), *(sym(p.name) for p in item.parameters)}
        assert item.entry.subs(sym("r"), 0) == 0
        assert sp.powsimp(item.entry.diff(sym("r"))).subs({sym("r"): 0, sym("p"): 3}) == 0


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
        (("log_cosh", [1.0]), "takes no weights"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        loss(*arguments)


@pytest.mark.parametrize(
    ("name", "given_parameters", "message"),
    [
        ("p_power", {"p": 1.5}, r"p = 1\.5 is outside \[2, oo\) \(exponent of a power loss\)"),
        ("p_power", {"p": np.nan}, "p = nan is outside"),
        ("p_power", {"p": np.inf}, "p = inf is outside"),
        ("p_power", {"p": "3"}, "p = '3' is not a number"),
        ("p_power", {"p": True}, "p = True is not a number"),
        ("p_power", {"q": 3.0}, "no parameter 'q'; it has p"),
        ("lp", {"p": 3.0}, r"lp needs m \(number of entries of the observation y\)"),
        ("lp", {"p": 3.0, "m": 0}, "m = 0 is outside 1, 2, 3"),
        ("lp", {"p": 3.0, "m": 2.5}, "m = 2.5 is outside 1, 2, 3"),
        ("pseudo_huber", {"huber": 0.0}, r"huber = 0\.0 is outside \(0, oo\)"),
        ("pseudo_huber", {"huber": -1.0}, "outside"),
        ("pseudo_huber", {"hubert": 1.0}, "did you mean 'huber'"),
        ("lojasiewicz", {"alpha": 1.0}, r"alpha = 1\.0 is outside \(0, 1\)"),
        ("lojasiewicz", {"alpha": 0.0}, "outside"),
        ("lojasiewicz", {"c": 0.0}, "outside"),
        ("log_cosh", {"p": 2.0}, "no parameter 'p'; it has none"),
    ],
)
def test_bad_parameters(name, given_parameters, message):
    with pytest.raises(ValueError, match=message):
        loss(name, **given_parameters)
    with pytest.raises(ValueError, match=message):
        LOSSES[name].desingularizer(**given_parameters)


def test_a_residual_of_another_length():
    with pytest.raises(ValueError, match="m = 2 entries"):
        loss("lp", p=3.0, m=2).value(np.zeros(3), np.zeros(3))


@given(huber=st.floats(-4, 4), residual=st.floats(-150, 6))
@settings(deadline=None, max_examples=60)
def test_entries_keep_their_digits(huber, residual):
    """Residuals from 1e-150 to 1e6: the values written so that nothing cancels, against 400 digits of the plain ones."""
    d, r = 10.0**huber, 10.0**residual
    with mpmath.workdps(400):
        exact = {
            "pseudo_huber": mpmath.mpf(d) ** 2 * (mpmath.sqrt(1 + (mpmath.mpf(r) / mpmath.mpf(d)) ** 2) - 1),
            "log_cosh": mpmath.log(mpmath.cosh(mpmath.mpf(r))),
        }
        for name, given_parameters in (("pseudo_huber", {"huber": d}), ("log_cosh", {})):
            item = loss(name, **given_parameters)
            assert abs(item.value([r], [0.0]) / exact[name] - 1) < 1e-14
            if r > 1e-140:
                assert abs(item.rho([r], [0.0]) / mpmath.mpf(r) - 1) < 1e-14  # ψ inverts the entry


def test_smoothness_is_decided_by_the_exponent():
    """α > ½ is outside A.loss.smooth (kl.alpha_half), and the gradient of its loss is not Lipschitz at the minimum."""
    assert [loss("lojasiewicz", alpha=a).theory.smooth for a in (0.1, 0.5, 0.500001, 0.9)] == [True, True, False, False]
    assert loss("lojasiewicz", alpha=0.75).theory.gradient_lipschitz is None
    item = loss("lojasiewicz", alpha=0.75)
    assert np.linalg.norm(item.grad([1e-12], [0.0])) / 1e-12 > 1e6
    assert not item.grad([0.0], [0.0]).any()


def test_a_power_is_the_canonical_loss_of_its_exponent():
    rng = np.random.default_rng(0)
    v, y = rng.normal(size=(2, 4))
    power, family = loss("p_power", p=3), loss("lojasiewicz", alpha=1 / 3, c=3 ** (1 / 3))
    assert power.value(v, y) == pytest.approx(family.value(v, y), rel=1e-14)
    np.testing.assert_allclose(power.grad(v, y), family.grad(v, y), rtol=1e-14)


def test_weights_of_another_length():
    with pytest.raises(ValueError, match="2 weights"):
        loss("weighted_least_squares", [1.0, 2.0]).value(np.zeros(3), np.zeros(3))
