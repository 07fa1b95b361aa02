"""Numbers given by an equation: three backends for inverses, and desingularizers accurate from 1e-300 to 1e12."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import sympy as sp
from flint import arb
from hypothesis import event, given, settings
from hypothesis import strategies as st

from numerics.compile import HypothesisNotMet, function
from theory import implicit
from theory.balls import lower_float, precision, upper_float
from theory.functions import Given
from theory.kl import MonotoneInverse
from theory.losses import LOSSES
from theory.symbols import sym

HUBER = LOSSES["pseudo_huber"].kl
INVERSE = HUBER.Psi_inv(sym("x"))
ARGUMENTS = ["x", "huber"]
LEAST, MOST = 1e-307, 1e300


def exactly(number):
    """An mpf as a ball without radius."""
    sign, mantissa, exponent, _ = number._mpf_
    with precision(2048):
        return arb(int(mantissa) * (-1 if sign else 1)) * arb(2) ** int(exponent)


def values():
    """Ψ-values that lead to losses from 1e-300 to 1e12 and beyond: large, near 0, very negative."""
    size = st.floats(-12, 20).map(lambda e: -(10.0**e))
    return st.one_of(size, st.floats(-5, 5), st.floats(0, 340), st.just(0.0))


@given(y=values(), huber=st.floats(-4, 4).map(lambda e: 10.0**e))
@settings(deadline=None, max_examples=150)
def test_three_backends_agree(y, huber):
    with mpmath.workdps(50):
        exact = function(INVERSE, ARGUMENTS, "mpmath")(y, huber)
        residual = function(HUBER.Psi(sym("s")), ["s", "huber"], "mpmath")(exact, huber) - mpmath.mpf(y)
        assert abs(residual) <= mpmath.mpf(10) ** -46 * (20 + abs(y))
    with precision(128):
        ball = function(INVERSE, ARGUMENTS, "arb")(y, huber)
        assert ball.is_finite()
        assert ball.overlaps(exactly(exact))
        assert ball.rad() < ball * arb(2) ** -110
        assert mpmath.mpf(lower_float(ball)) <= exact <= mpmath.mpf(upper_float(ball))
    number = function(INVERSE, ARGUMENTS)(y, huber)
    if LEAST < exact < MOST:
        # the exact inverse of a value moved by eight roundings of the terms of Ψ: |y| and ½ log(2δ²), at most 10
        unit = 8 * 2.0**-53
        with precision(128):
            moved = function(INVERSE, ARGUMENTS, "arb")(arb(y, unit * (abs(y) + 10)), huber)
            slack = moved * arb(unit)
            assert (moved - slack).lower() <= arb(number) <= (moved + slack).upper()
        assert abs(number / exact - 1) < 1e-13 + 8 * 2.0**-53 * abs(y) * (y > 0)
        event("regular")


@given(y=st.floats(-50, 300), spread=st.floats(-30, -1), huber=st.floats(0.01, 100), where=st.floats(0, 1))
@settings(deadline=None, max_examples=60)
def test_a_ball_of_values_is_enclosed(y, spread, huber, where):
    """Every value of the ball, and every parameter of the ball of parameters, has its inverse in the enclosure."""
    radius = 10.0**spread
    inside = y + (2 * where - 1) * radius * 0.999
    other = huber * (1 + 0.999e-6 * (2 * where - 1))
    with precision(128):
        box = function(INVERSE, ARGUMENTS, "arb")(arb(y, radius), arb(huber, huber * 1e-6))
        assert box.is_finite()
        assert box.contains(function(INVERSE, ARGUMENTS, "arb")(inside, other))


def test_a_value_outside_the_range_gives_nan_and_never_a_number():
    s = HUBER.psi.variables[0]
    bounded = MonotoneInverse(sp.Lambda(s, s / (1 + s)), sym("x"))
    with precision(64):
        assert function(bounded, ["x"], "arb")(2.0).is_nan()
        assert function(bounded, ["x"], "arb")(arb(0.5, 0.6)).is_nan()  # reaches past the range
        assert function(bounded, ["x"], "arb")(0.5).contains(1)
        assert function(INVERSE, ARGUMENTS, "arb")(arb("nan"), 1.0).is_nan()
    with pytest.raises(ValueError, match="outside the range"):
        function(bounded, ["x"], "mpmath")(2.0)


def test_the_bracket_is_proved_not_trusted():
    """A function that is not monotone where the search lands on a wrong sign must not yield a number.

    −1 has no preimage under s + 1/s − 3: the midpoints find no sign change.
    """
    s = HUBER.psi.variables[0]
    with precision(64):
        assert function(MonotoneInverse(sp.Lambda(s, s + 1 / s), sym("x")), ["x"], "arb")(1.0).is_nan()


@pytest.mark.parametrize("error", [1e-30, 1e-3, -0.5, 3.0])
def test_a_wrong_guess_costs_width_not_truth(error, monkeypatch):
    """The search only proposes: with its answer moved, the enclosure still contains the inverse."""
    with precision(128):
        right = function(INVERSE, ARGUMENTS, "arb")(1.5, 2.0)
        guess = implicit._guess

        def wrong(*arguments):
            x, rising = guess(*arguments)
            return x + error, rising

        monkeypatch.setattr(implicit, "_guess", wrong)
        box = function(INVERSE, ARGUMENTS, "arb")(1.5, 2.0)
        assert box.contains(right)
        assert box.rad() > abs(error) * right / 10
        # ... and with the direction mistaken there is no proof, hence no number
        monkeypatch.setattr(implicit, "_guess", lambda *a: (guess(*a)[0], not guess(*a)[1]))
        assert function(INVERSE, ARGUMENTS, "arb")(1.5, 2.0).is_nan()


def test_float_arrays_and_the_ends_of_the_range():
    f = function(INVERSE, ARGUMENTS)
    y = np.array([400.0, np.inf, -np.inf, -1e20, 345.0])
    assert f(y, 1.0)[:3].tolist() == [0.0, 0.0, np.inf]
    assert f(y, 1.0)[3] == pytest.approx(1e20, rel=1e-15)
    assert f(y, 1e-4)[3] == pytest.approx(1e12, rel=1e-14)
    grid = f(y[:, None], np.array([1.0, 2.0]))
    assert grid.shape == (5, 2)
    assert grid[4, 1] == pytest.approx(4 * f(345.0, 1.0), rel=1e-13)
    with pytest.raises(HypothesisNotMet):
        f(np.nan, 1.0)


@pytest.mark.parametrize("name", ["psi", "dpsi", "psi_inv"])
@pytest.mark.parametrize("loss", sorted(LOSSES))
@given(exponent=st.floats(-300, 6), seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=25)
def test_desingularizers_keep_their_digits(loss, name, exponent, seed):
    """Relative accuracy 1e-13 in float64 and 45 digits in mpmath at arguments from 1e-300 to 1e6."""
    rng = np.random.default_rng(seed)
    drawn = {"p": rng.uniform(2, 12), "m": float(rng.integers(1, 20)), "huber": 10.0 ** rng.uniform(-4, 4)}
    drawn |= {"alpha": rng.uniform(0.1, 0.95), "c": 10.0 ** rng.uniform(-2, 2), "w_min": 10.0 ** rng.uniform(-3, 3)}
    kl = LOSSES[loss].kl
    names = list(kl.symbols)
    given_values = [drawn[key] for key in names]
    expr = getattr(kl, name)(sym("s"))
    argument = 10.0**exponent
    with precision(256):
        ball = function(expr, ["s", *names], "arb")(argument, *given_values)
    with mpmath.workdps(60):
        exact = function(expr, ["s", *names], "mpmath")(argument, *given_values)
    with precision(256):
        assert ball.rad() < abs(ball) * arb(2) ** -200
        assert ball.overlaps(exactly(exact) * arb(1, 1e-50))
    number = function(expr, ["s", *names])(argument, *given_values)
    if LEAST < exact < MOST:
        # ρ^e has the condition number |e log ρ| in the rounded exponent e
        power = max(drawn["p"], 1 / drawn["alpha"]) if name == "psi_inv" and {"p", "alpha"} & set(names) else 1.0
        assert abs(number / exact - 1) < 1e-13 * power


def test_given_numbers_are_exact_in_every_backend():
    third = Given(sp.Rational(1, 3))
    x = sym("s") ** third
    assert function(x, ["s"])(8.0) == 8.0 ** (1 / 3)
    with mpmath.workdps(40):
        assert abs(function(x, ["s"], "mpmath")(8) - 2) < mpmath.mpf(10) ** -38
    with precision(200):
        assert function(x, ["s"], "arb")(8).contains(2)
    with pytest.raises(ValueError, match="positive"):
        Given(-1)


@given(excess=st.floats(-9, 1), tau=st.floats(0.1, 10))
@settings(deadline=None, max_examples=30)
def test_exponents_near_two(excess, tau):
    """p = 2 + 1e-9 would make SymPy expand numbers of millions of digits; a desingularizer comes out at once and right."""
    p = 2 + 10.0**excess
    kl = LOSSES["p_power"].desingularizer(p=p)
    with mpmath.workdps(60):
        big = function(kl.Psi(sym("s")), ["s"], "mpmath")(mpmath.mpf(tau))
        back = function(kl.Psi_inv(sym("t")), ["t"], "mpmath")(big)
        assert abs(back / mpmath.mpf(tau) - 1) < mpmath.mpf(10) ** -40
