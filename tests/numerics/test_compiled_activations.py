"""Compiled activations: floats against mpmath, certified errors, primitives without closed form, no warnings."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.activations import activation
from numerics.compile import function
from theory.activations import ACTIVATIONS
from theory.balls import enclose

NAMES = sorted(ACTIVATIONS)
SMOOTH = [name for name in NAMES if ACTIVATIONS[name].smooth]
NUMERICAL = [name for name in SMOOTH if ACTIVATIONS[name].G is None]
EXTREME = np.array([-1e150, -1e4, -800.0, -745.0, -38.0, -1e-300, 0.0, 1e-300, 38.0, 710.0, 800.0, 1e4, 1e150])
doubles = st.floats(-700, 700, allow_subnormal=False)


def reference(expr, points):
    f = function(expr, ["x"], "mpmath")
    with mpmath.workdps(400):  # enough for the cancellation in the left tail of GELU, φ ~ e^{−x²/2}
        return [f(point) for point in points]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("which", ["phi", "dphi"])
@given(points=st.lists(st.one_of(doubles, st.floats(-5, 5)), min_size=1, max_size=4))
@settings(deadline=None, max_examples=25)
def test_certified_error_holds(name, which, points):
    """|value − φ(a)| ≤ error, in 400 digits; and the error is that of a handful of roundings, not vacuous."""
    item = activation(name)
    value, error = getattr(item, f"enclose_{which}")(np.array(points))
    for point, v, e in zip(points, value, error, strict=True):
        with mpmath.workdps(400):
            gap = abs(mpmath.mpf(float(v)) - reference(getattr(ACTIVATIONS[name], which), [point])[0])
            assert gap <= mpmath.mpf(float(e))
        assert e <= 16 * np.finfo(float).eps * max(abs(v), 1.0) * max(1.0, min(abs(point), 4.0))


@pytest.mark.parametrize("name", NAMES)
def test_enclosure_is_vectorized_and_keeps_the_shape(name):
    a = np.random.default_rng(0).normal(size=(3, 4))
    value, error = activation(name).enclose_phi(a)
    assert value.shape == error.shape == (3, 4)
    assert (error > 0).all()
    np.testing.assert_array_equal(value, activation(name).phi(a))
    with pytest.raises(ValueError, match="finite"):
        activation(name).enclose_phi([np.nan])


@pytest.mark.parametrize("name", NAMES)
def test_extreme_arguments_neither_warn_nor_give_nan(name):
    item = activation(name)
    for f in (item.phi, item.dphi, item.ddphi):
        assert np.isfinite(f(EXTREME)).all(), f
        assert f(0.5).shape == ()
    if name in SMOOTH:
        for f in (item.G, item.H):
            assert not np.isnan(f(EXTREME[np.abs(EXTREME) <= 710])).any(), f


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("which", ["dphi", "ddphi"])
def test_derivatives_keep_relative_accuracy_in_the_tails(name, which):
    points = np.array([-36.0, -25.0, -12.0, -3.0, -0.1, 0.2, 2.0, 11.0, 25.0, 36.0])
    value = getattr(activation(name), which)(points)
    for v, exact in zip(value, reference(getattr(ACTIVATIONS[name], which), points.tolist()), strict=True):
        if abs(exact) > mpmath.mpf(10) ** -300:
            # e^{−x²} magnifies the rounding of x² by x² ≤ 1300
            assert abs(mpmath.mpf(float(v)) / exact - 1) < (5e-13 if name in ("erf", "gelu") else 2e-14)


@pytest.mark.parametrize("name", [n for n in SMOOTH if n not in NUMERICAL])
@pytest.mark.parametrize("which", ["G", "H"])
def test_closed_primitives_against_mpmath(name, which):
    points = np.array([-40.0, -20.0, -5.0, -4.0, -1.0, -1e-3, 1e-3, 0.5, 1.0, 4.99, 5.01, 6.0, 20.0, 26.0, 40.0])
    value = getattr(activation(name), which)(points)
    for v, exact in zip(value, reference(getattr(ACTIVATIONS[name], which), points.tolist()), strict=True):
        if abs(exact) < mpmath.mpf(10) ** 308:
            # sin: log|tan| and log|cos| have an absolute accuracy (their zeros are conditioned like that)
            assert abs(mpmath.mpf(float(v)) - exact) <= 3e-14 * (abs(exact) + (1 if name == "sin" else 0))


@pytest.mark.parametrize("name", NUMERICAL)
@pytest.mark.parametrize("which", ["G", "H"])
@given(data=st.data())
@settings(deadline=None, max_examples=25)
def test_numerical_primitives_against_mpmath(name, which, data):
    """Differences on either side of the zero x* of φ' against adaptive quadrature in 30 digits."""
    theory, item = ACTIVATIONS[name], activation(name)
    pole = float(enclose(theory.zeros.points[0]))
    distances = st.floats(1e-3, 30.0)
    side = data.draw(st.sampled_from([-1, 1]))
    a, b = (pole + side * data.draw(distances) for _ in range(2))
    phi, dphi = (function(e, ["x"], "mpmath") for e in (theory.phi, theory.dphi))
    with mpmath.workdps(30):
        cuts = [pole + side * 10.0**j for j in (-2.5, -2, -1.5, -1, -0.5, 0, 0.3, 0.6, 0.9, 1.2)]
        path = [a, *sorted((c for c in cuts if min(a, b) < c < max(a, b)), reverse=a > b), b]
        exact = mpmath.quad(lambda x: (phi(x) if which == "G" else 1) / dphi(x), path)
    f = getattr(item, which)
    if abs(exact) < 1e300:
        scale = max(abs(float(f(a))), abs(float(f(b))), 1.0)
        assert abs(float(f(b) - f(a)) - float(exact)) <= 1e-11 * max(abs(float(exact)), scale)


@pytest.mark.parametrize("name", NUMERICAL)
def test_conserved_quantity_blows_up_at_the_zero_of_the_derivative(name):
    """G → +∞ on both sides of x* (`dip2.conservation`), logarithmically."""
    theory, item = ACTIVATIONS[name], activation(name)
    pole = float(enclose(theory.zeros.points[0]))
    for side in (-1, 1):
        values = item.G(pole + side * 10.0 ** -np.arange(1.0, 12.0))
        steps = np.diff(values)
        assert (steps > 0).all()
        np.testing.assert_allclose(steps[-4:], steps[-1], rtol=1e-3)


@pytest.mark.parametrize("name", SMOOTH)
def test_constants_are_rounded_upward(name):
    item, theory = activation(name), ACTIVATIONS[name]
    for bound, exact in ((item.B1, theory.B1), (item.B2, theory.B2)):
        ball = enclose(exact, 200)
        assert bound.direction == "upper"
        assert bound.value >= float(ball.lower())
        assert not bound.value < ball.upper()
        assert bound.value <= np.nextafter(float(ball.mid()), np.inf)
    for enclosure, ball in ((item.C_phi, theory.C_phi()), (item.C_dphi, theory.C_dphi())):
        assert enclosure.lower <= ball.lower()
        assert enclosure.upper >= ball.upper()
        assert enclosure.width <= 4.5e-16


@pytest.mark.parametrize("name", NAMES)
def test_intervals_between_zeros(name):
    item = activation(name)
    a = np.array([-9.0, -2.0, -1.0, -0.2, 0.3, 1.5, 1.6, 7.0])
    low, high = item.interval(a)
    assert (low <= a).all()
    assert (a <= high).all()
    if not ACTIVATIONS[name].zeros.points:
        assert np.isinf(low).all()
        assert np.isinf(high).all()
        return
    if name != "relu":
        middle = np.where(np.isinf(low), high - 0.1, np.where(np.isinf(high), low + 0.1, (low + high) / 2))
        np.testing.assert_array_equal(np.sign(item.dphi(middle)), np.sign(item.dphi(a)))
    if name == "sin":
        np.testing.assert_allclose(high - low, np.pi, rtol=1e-15)
        at = np.pi / 2  # the double below π/2: inside the central interval, of which it is the last one
        assert item.interval(at)[1] == at
        assert item.interval(np.nextafter(at, 2))[0] == np.nextafter(at, 2)


def test_interval_of_a_zero():
    with pytest.raises(ValueError, match="zero of the derivative"):
        activation("relu").interval([1.0, 0.0])


def test_relu_is_outside_the_assumptions():
    relu = activation("relu")
    assert relu.phi([-1.0, 0.0, 2.0]).tolist() == [0.0, 0.0, 2.0]
    assert relu.dphi([-1.0, 0.0, 2.0]).tolist() == [0.0, 0.0, 1.0]
    with pytest.raises(ValueError, match="outside the assumptions"):
        _ = relu.B2
    for f in (relu.G, relu.H):
        with pytest.raises(ValueError, match="outside the assumptions"):
            f(1.0)


@pytest.mark.parametrize(("name", "message"), [("tanhh", "did you mean 'tanh'"), ("zzz", "choose one of")])
def test_unknown_name(name, message):
    with pytest.raises(ValueError, match=message):
        activation(name)
