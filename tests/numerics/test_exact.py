"""The exact families: derivatives, limits and iterations by another route, digits kept late and next to a threshold."""

import json
from itertools import pairwise

import mpmath
import numpy as np
import pytest

from numerics.compile import HypothesisNotMet
from numerics.exact import (
    FAMILIES,
    Balanced,
    Diagonal,
    DiagonalDescent,
    Extremal,
    ExtremalDescent,
    Scalar,
    exact_sides,
    from_json,
    rational,
)
from numerics.extremal import ExtremalFamily
from theory import registry
from theory.symbols import SYMBOLS

FLOWS = [
    Extremal(h="1/3", sigma_F=2, sigma_0="3/2", Lambda="1/5", noise="1/7"),
    Extremal(h="0.7", noise="-1/7", sigma_F="1/2"),
    Extremal(h="1/5", weight=3),
    Extremal(h="1/2"),
    Balanced(fill="1/2", noise="1/5", sigma_F=2, a_0="3/2"),
    Balanced(fill="1.3"),
    Balanced(fill=1),
    Balanced(fill=-2, noise="-1/5"),
    Diagonal((1, "1/3"), (1, -2, 1), (2, 3), truth=(1, 1)),
    Diagonal((1,), (1,), (1, 2), truth=(1, 3)),
    Diagonal((1, 2), (1, -1), w=(2, "1/3")),
    Scalar("log_cosh", noise="1/5", sigma_F=2),
    Scalar("pseudo_huber", (("huber", "1/2"),), rho_0=3),
    Scalar("p_power", (("p", 3),)),
    Scalar("lojasiewicz", (("alpha", "1/4"), ("c", 2))),
]
DESCENTS = [
    DiagonalDescent(step="1.8"),
    DiagonalDescent((1, "1/2"), (1, -3, 2), step="1.5", slack="1.1"),
    DiagonalDescent((1, 2), (1, 1), w=(1, 3), step="1/10"),
    ExtremalDescent(h="1/10", step="1/2"),
    ExtremalDescent(h="0.24", step=1),
]
ALL = [
    *((member, t) for member in FLOWS for t in ("1/1000", "3/2", "1e8")),
    *((m, t) for m in DESCENTS for t in (0, 7)),
]


@pytest.mark.parametrize("member", FLOWS, ids=lambda member: member.family)
def test_speeds_are_derivatives(member):
    """d/dt of the closed forms by differences at 60 digits; Plain identities of the flow besides."""
    point = member.at("3/2", dps=30)
    pairs = {"loss": "dloss", "rho": "drho", "ell": "ell_dot", "ell_a": "ell_a_dot"}
    pairs |= {"E": "dE"} if point.holds("A.loss.plain_least_squares") else {}
    found = 0
    with mpmath.workdps(60):
        for name, speed in pairs.items():
            if {name, speed} <= set(point.names):
                slope = mpmath.diff(lambda t: member.at(t, 60).value(name), 1.5, h=mpmath.mpf("1e-20"))  # noqa: B023
                assert abs(slope - point.value(speed)) < mpmath.mpf("1e-25") * abs(slope)
                found += 1
        assert abs(point.value("dloss") + point.value("ell_dot") ** 2) < mpmath.mpf("1e-40")
    assert found >= 3


@pytest.mark.parametrize("member", FLOWS, ids=lambda member: member.family)
def test_length_and_its_rest_add_up(member):
    """ell + ell_tail is one number, at the start, on the way and very late."""
    totals = [point.value("ell") + point.value("ell_tail") for point in (member.at(t, 20) for t in (0, "1/2", 9))]
    assert max(totals) - min(totals) < mpmath.mpf("1e-14") * max(totals)


@pytest.mark.parametrize(("member", "t"), ALL)
def test_digits_are_those_promised(member, t):
    """A point at 25 digits and one at 60 differ by no more than the error bound."""
    coarse, fine = member.at(t, 25), member.at(t, 60)
    compared = 0
    for name in coarse.names:
        assert name in SYMBOLS
        try:
            low, high = coarse.value(name), fine.value(name)
        except LookupError:
            continue
        assert low == high or abs(low - high) <= coarse.error(name), name
        compared += 1
    assert compared > 40


@pytest.mark.parametrize(("member", "t"), ALL)
def test_json_makes_the_point_again(member, t):
    point = member.at(t, 30)
    again = from_json(json.loads(json.dumps(point.to_json())))
    assert again.to_json() == point.to_json()
    assert again.value("rho") == point.value("rho")
    assert FAMILIES[member.family] is type(again.member)


@pytest.mark.parametrize("h", [0.1, 0.499, 0.5, 0.8])
def test_agrees_with_the_family_in_float64(h):
    other = ExtremalFamily.with_h(h, 2.0, 0.5, 3.0)
    member = Extremal(h=h, sigma_F=2, sigma_0=0.5, Lambda=3)
    for t in (0.0, 0.3, 10.0, 200.0):
        point = member.at(t)
        assert float(point.value("rho")) == pytest.approx(float(other.residual(t)), rel=1e-12)
        assert float(point.value("ell")) == pytest.approx(float(other.length(t)), rel=1e-12)


def test_a_flow_integrated_by_taylor_series():
    """The extremal member of weight 3 and the balanced one, by mpmath's own integrator."""
    with mpmath.workdps(25):
        path = mpmath.odefun(lambda t, s: 3 * (1 - s) * (mpmath.mpf("0.2") - s + s * s / 2), 0, mpmath.mpf(0))
        assert abs(path(1) - Extremal(h="1/5", weight=3).at(1).value("ell")) < mpmath.mpf("1e-20")
        path = mpmath.odefun(lambda t, a: -a * (a * a + mpmath.mpf("0.3")), 0, mpmath.mpf(1))
        assert abs(path(1) - Balanced(fill="1.3").at(1).value("f_a")) < mpmath.mpf("1e-20")


def test_power_loss_by_hand():
    """ρ^{2−p} = ρ0^{2−p} + (p − 2) σ² t."""
    point = Scalar("p_power", (("p", 5),), sigma_F=2, rho_0=3).at(7)
    with mpmath.workdps(60):
        assert abs(point.value("rho") ** -3 - (mpmath.mpf(1) / 27 + 3 * 4 * 7)) < mpmath.mpf("1e-45")


def test_descent_by_iteration():
    """The closed form against the iteration, and the length 9 of γM = 1.8 (nine times the distance)."""
    point = DiagonalDescent((1, "1/2"), (1, -3), step="1.5").at(6)
    theta, path = np.zeros(2), [np.zeros(2)]
    for _ in range(7):
        theta = theta - 1.5 * np.array([1, 0.5]) * (np.array([1, 0.5]) * theta - np.array([1, -3]))
        path.append(theta)
    length = sum(float(np.linalg.norm(b - a)) for a, b in pairwise(path[:7]))
    assert float(point.value("ell")) == pytest.approx(length, rel=1e-13)
    losses = [0.5 * float(np.sum((np.array([1, 0.5]) * v - np.array([1, -3])) ** 2)) for v in path]
    assert float(point.value("loss")) == pytest.approx(losses[6], rel=1e-13)
    assert float(point.value("loss_next")) == pytest.approx(losses[7], rel=1e-13)
    assert float(DiagonalDescent(step="1.8").at(10**6).value("ell")) == pytest.approx(9, rel=1e-15)


@pytest.mark.parametrize("h", ["0.499999999999", "1/2", "0.500000000001"])
@pytest.mark.parametrize("t", ["1e-8", 1, "1e8"])
def test_next_to_the_threshold(h, t):
    """ρ + σ_F S(ℓ) = ρ0 to 40 digits on either side of h = 1/2, however late; the loss stays positive only above."""
    point = Extremal(h=h).at(t)
    with mpmath.workdps(60):
        ell = point.value("ell")
        assert abs(point.value("rho") + ell - ell**2 / 2 - point.value("rho_0")) < mpmath.mpf("1e-40")
        assert abs(point.value("sigma_t") - (1 - ell)) < mpmath.mpf("1e-40")
    assert (point.value("loss_limit") > 0) == (rational(h) > rational("1/2"))


@pytest.mark.parametrize("key", ["sharp.length", "sharp.sigma", "sharp.logistic", "sharp.tail", "sharp.general"])
@pytest.mark.parametrize("t", [1, "1e8"])
def test_the_sharp_theorem_is_attained(key, t):
    """Equality to 45 digits at all times; with h = 1/2 − 1e-12 too."""
    for h in ("1/3", "0.499999999999"):
        low, high = exact_sides(registry[key].conclusion, Extremal(h=h, sigma_F=3).at(t))
        assert abs(low - high) < mpmath.mpf("1e-45") * abs(high)


def test_kernel_energy_is_attained_with_the_noise_opposite_only():
    conclusion = registry["illposed.energy"].conclusion
    low, high = exact_sides(conclusion, Extremal(h="1/3", noise="1/10").at(2))
    assert abs(low - high) < mpmath.mpf("1e-45")
    low, high = exact_sides(conclusion, Extremal(h="1/3", noise="-1/10").at(2))
    assert low < high - mpmath.mpf("1e-3")


def test_restart_is_the_same_run():
    """From s(t) on, residual and length are those of the first run."""
    member = Extremal(h="1/3", noise="1/10")
    first, later = member.at(2, 60), member.at(5, 60)
    again = member.restarted(first.value("ell")).at(3, 60)
    with mpmath.workdps(60):
        assert abs(again.value("rho") - later.value("rho")) < mpmath.mpf("1e-50")
        assert abs(again.value("ell") + first.value("ell") - later.value("ell")) < mpmath.mpf("1e-50")
        assert abs(again.value("y_err") - later.value("y_err")) < mpmath.mpf("1e-50")


def test_hypotheses():
    assert Diagonal((1,), (1, 1)).at(1).holds("A.operator.range") is False
    assert Diagonal((1, 1), (1, 1), w=(1, 0)).at(1).holds("A.loss.unique") is False
    assert Extremal(noise="1/10").at(1).holds("A.noise.positive") is True
    assert Balanced().at(1).holds("A.network.both") is True
    assert Extremal().at(1).holds("A.step") is None
    assert ExtremalDescent(h="0.4", step="1/10", radius="1/2").at(1).holds("A.gradient_lipschitz") is False


def test_descent_constant_is_a_lipschitz_constant():
    """The second derivative of the objective on the ball, on a grid, is at most M, and M is attained."""
    member = ExtremalDescent(h="1/5", radius="0.6")
    s = np.linspace(-0.6, 0.6, 2001)
    second = (1 - s) ** 2 + (0.2 - s + s**2 / 2)
    assert np.abs(second).max() == pytest.approx(float(member.M), rel=1e-12)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Extremal(h=0), "h = 0: .* needs a positive number"),
        (lambda: Extremal(h="a"), "'a' is not an exact rational"),
        (lambda: Extremal(h=float("nan")), "nan is not an exact rational"),
        (lambda: Extremal().at(-1), "times are nonnegative"),
        (lambda: DiagonalDescent().at("1/2"), "whole numbers of steps"),
        (lambda: DiagonalDescent(step=2), r"gamma M in \(0, 2\)"),
        (lambda: Diagonal((1, 1), (1,)), "sizes do not fit"),
        (lambda: Scalar("lojasiewicz", (("alpha", "3/4"), ("c", 1))), "not smooth"),
        (lambda: Scalar("nothing"), "unknown loss"),
        (lambda: Balanced(fill=0), "rests from the start"),
        (lambda: Extremal(h="1/3").restarted(2), "not on the way"),
        (lambda: from_json({"family": "none", "parameters": {}, "t": "0", "dps": 30}), "unknown family"),
    ],
)
def test_what_is_refused(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_what_makes_no_sense():
    with pytest.raises(LookupError, match="f_0 makes no sense"):
        Extremal().at(1).value("f_0")
    with pytest.raises(LookupError, match="no real value"):
        Extremal(h="0.6").at(1).value("ell_star")
    with pytest.raises(HypothesisNotMet):
        exact_sides(registry["sharp.tail"].conclusion, Extremal(h="0.6").at(1))
    with pytest.raises(LookupError, match="does not reach"):
        Diagonal((1, "1e-8"), (1, 1)).at(1).value("ell_tail")
