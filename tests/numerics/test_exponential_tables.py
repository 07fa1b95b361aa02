"""φ-functions and collocation tables against high precision."""

import mpmath
import numpy as np
import pytest

from numerics.exponential.length import at_nodes, on_panels
from numerics.exponential.phi import phi_functions
from numerics.exponential.tables import ORDERS, lobatto, table


def exact_phi(level, x):
    if x == 0:
        return 1 / mpmath.factorial(level)
    tail = sum(mpmath.mpf(x) ** j / mpmath.factorial(j) for j in range(level))
    return (mpmath.exp(x) - tail) / mpmath.mpf(x) ** level


def test_phi_functions_against_mpmath_on_both_sides_of_every_switch():
    x = -np.concatenate(([0.0, 1e-300, 1e-8], np.logspace(-4, 9, 60), [5.999999, 6.0, 6.000001, 1.5, 3.0, 24.0]))
    found = phi_functions(x, 14)
    worst = 0.0
    with mpmath.workdps(200):
        for level in range(15):
            for i, point in enumerate(x):
                exact = exact_phi(level, float(point))
                if exact > 1e-290:
                    worst = max(worst, float(abs(found[level, i] / exact - 1)))
    assert worst < 2e-13
    assert found.shape == (15, x.size)
    assert phi_functions(x.reshape(3, -1), 2).shape == (3, 3, x.size // 3)


@pytest.mark.parametrize("q", ORDERS)
def test_tables_integrate_what_they_interpolate(q):
    rule = table(q)
    tau = rule.tau
    np.testing.assert_allclose(tau, lobatto(q)[1:], atol=1e-15)
    for degree in range(1, q):  # the value at 0 is zero: no constants
        values = tau**degree
        np.testing.assert_allclose(rule.weights @ values, tau ** (degree + 1) / (degree + 1), atol=1e-15)
        np.testing.assert_allclose(
            rule.weights_at(np.array([0.3])) @ values, 0.3 ** (degree + 1) / (degree + 1), atol=1e-13
        )
        spread = np.max(np.abs(rule.spread_weights @ values))
        assert spread < 1e-15 or degree == q - 1
    assert np.max(np.abs(rule.spread_weights @ tau ** (q - 1))) > 1e-9  # what the lower rule cannot do shows
    # with the node 0, the rule of the ends is Lobatto's: exact to degree 2q − 3
    nodes = np.concatenate(([0.0], tau))
    for degree in range(2 * q - 2):
        assert rule.ends @ nodes**degree == pytest.approx(1 / (degree + 1), abs=1e-14)
    assert abs(rule.ends @ nodes ** (2 * q - 2) * (2 * q - 1) - 1) > 1e-12


def test_speeds_are_integrated_through_transients_and_kinks():
    def speeds(tau):
        return float(np.exp(-1e4 * tau) + 0.1), abs(tau - 0.37)

    pieces = on_panels(2.0, 1e4 / 2, speeds, 1e-12)
    for tau in (1e-5, 3e-4, 0.2, 0.37, 0.5, 1.0):
        exact = 2 * (-np.expm1(-1e4 * tau) / 1e4 + 0.1 * tau)
        kink = 2 * (0.37**2 / 2 + (1 if tau > 0.37 else -1) * (tau - 0.37) ** 2 / 2)
        np.testing.assert_allclose(pieces.upto(tau), [exact, kink], rtol=1e-9)
    nodes = lobatto(8)
    smooth = at_nodes(3.0, nodes, np.column_stack([nodes**3, np.ones(8)]))
    np.testing.assert_allclose(smooth.upto(0.7), [3 * 0.7**4 / 4, 2.1], rtol=1e-13)
