"""phi, phi', phi'' and the losses on vectors: enclosures against mpmath at 40 digits, tight, and right under perturbation."""

import math

import mpmath
import numpy as np
import pytest
import sympy as sp

from numerics.activations import activation
from numerics.compile import function
from numerics.losses import loss
from numerics.rigorous.losses import enclose_loss, enclose_psi, enclose_rho
from theory.activations import ACTIVATIONS
from theory.losses import LOSSES

CASES = {
    "least_squares": {},
    "weighted_least_squares": {"weights": [0.3, 2.0, 1e-3, 7.0]},
    "p_power": {"p": 3.7},
    "lp": {"p": 4, "m": 4},
    "pseudo_huber": {"huber": 0.3},
    "log_cosh": {},
    "lojasiewicz": {"alpha": 0.3, "c": 0.7},
}


def exact_loss(made, v, y):
    """The loss in mpmath, from the expressions of the theory."""
    entry = function(made.theory.entry, ["r", "w"], backend="mpmath")
    outer = function(made.theory.outer, ["z"], backend="mpmath")
    weights = np.ones(len(v)) if made.weights is None else made.weights
    terms = [entry(abs(mpmath.mpf(a) - mpmath.mpf(b)), mpmath.mpf(w)) for a, b, w in zip(v, y, weights, strict=True)]
    return outer(mpmath.fsum(terms))


def exact_psi(made, value):
    return function(made.theory.psi, ["s", "w_min"], backend="mpmath")(value, mpmath.mpf(made.w_min))


def test_every_loss_of_the_theory_is_tested():
    assert set(CASES) == set(LOSSES)
    assert len(CASES) == 7


@pytest.mark.parametrize("name", CASES)
def test_losses_and_psi_are_enclosed_tightly(name):
    made, rng, sharp = loss(name, **CASES[name]), np.random.default_rng(0), 0
    for scale in (1e-12, 1e-3, 1.0, 30.0):
        for _ in range(8):
            y = rng.standard_normal(4).tolist()
            v = (np.array(y) + scale * rng.standard_normal(4)).tolist()
            v[0] = y[0]  # a residual of exactly 0
            low, high = enclose_loss(made, v, y)
            small, large = enclose_rho(made, v, y)
            with mpmath.workdps(50):
                value = exact_loss(made, v, y)
                assert low.as_lower() <= value <= high.as_upper()
                assert small.as_lower() <= exact_psi(made, value) <= large.as_upper()
                one, two = enclose_psi(made, low.value, high.value)
                assert (one.value, two.value) == (small.value, large.value)
            assert high.value - low.value <= 3e-16 * high.value
            assert large.value - small.value <= 1e-15 * large.value
            plain = made.value(v, y)
            sharp += not low.value <= plain <= high.value
    assert sharp > 0  # floating point itself is outside now and then


@pytest.mark.parametrize("name", CASES)
def test_losses_under_perturbation(name):
    made, rng = loss(name, **CASES[name]), np.random.default_rng(1)
    inside = 0
    for _ in range(10):
        v, y = rng.standard_normal((2, 4))
        error = rng.uniform(0, 0.8, 4)
        low, high = enclose_loss(made, v, y, error)
        corners = [v + error * np.where(v >= y, 1, -1), v - np.clip(v - y, -error, error)]
        moved = [v + error * rng.uniform(-1, 1, 4) for _ in range(10)]
        with mpmath.workdps(50):
            values = [exact_loss(made, x, y) for x in (*corners, *moved)]
        for value in values[2:]:
            inside += 1
            assert low.value <= value <= high.value
        assert high.value == pytest.approx(float(values[0]), rel=1e-14)  # attained: nothing is given away
        assert low.value == pytest.approx(float(values[1]), rel=1e-13, abs=1e-300)
    assert inside == 100


def test_losses_meet_bad_input_at_the_door():
    made = loss("least_squares")
    for v, y, error, words in (
        ([1.0], [1.0, 2.0], 0.0, "shapes"),
        ([[1.0]], [[2.0]], 0.0, "shapes"),
        ([math.nan], [1.0], 0.0, "finite"),
        ([1.0], [math.inf], 0.0, "finite"),
        ([1.0], [1.0], -1.0, "error"),
        ([1.0], [1.0], math.inf, "error"),
        ([1.0], [1.0], [0.0, 0.0], "shape"),
    ):
        with pytest.raises(ValueError, match=words):
            enclose_loss(made, v, y, error)
    with pytest.raises(ValueError, match="m = 4"):
        enclose_loss(loss("lp", p=4, m=4), [1.0], [0.0])
    with pytest.raises(ValueError, match="weights"):
        enclose_loss(loss("weighted_least_squares", [1.0, 2.0]), [1.0], [0.0])
    for low, high in ((-1.0, 1.0), (2.0, 1.0), (math.inf, math.inf), (math.nan, 1.0)):
        with pytest.raises(ValueError, match="interval of losses"):
            enclose_psi(made, low, high)
    assert enclose_psi(made, 0.0, math.inf)[1].value == math.inf
    assert enclose_psi(made, 0.0, 0.0)[1].value <= 5e-324


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations_and_two_derivatives_are_enclosed(name):
    made, theory = activation(name), ACTIVATIONS[name]
    a = np.concatenate([np.random.default_rng(0).normal(size=30) * 3, [0.0, -0.0, 1e-300, -40.0, 40.0]])
    kinds = [("phi", made.enclose_phi), ("dphi", made.enclose_dphi)]
    kinds += [("ddphi", made.enclose_ddphi)] if theory.smooth else []
    for which, enclose in kinds:
        expression = sp.sympify(getattr(theory, which))
        exact = function(expression, ["x"], backend="mpmath")
        value, error = enclose(a)
        assert (error <= 1e-14 * np.maximum(np.abs(value), 1e-3)).all()
        around, reach = enclose(a, 0.125)
        with mpmath.workdps(60):
            for x, v, e, w, r in zip(a, value, error, around, reach, strict=True):
                assert abs(mpmath.mpf(v) - exact(mpmath.mpf(x))) <= e
                for step in (-0.125, 0.0625, 0.125):
                    assert abs(mpmath.mpf(w) - exact(mpmath.mpf(x) + step)) <= r
        assert (reach < 1.0).all() or name == "relu"
    if not theory.smooth:
        with pytest.raises(ValueError, match="second derivative"):
            made.enclose_ddphi(a)
    for radius in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="radius"):
            made.enclose_phi(a, radius)
