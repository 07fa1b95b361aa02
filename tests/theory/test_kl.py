"""Desingularizers: every member follows from ψ; closed forms against the table, numerical inverses against them."""

from __future__ import annotations

import mpmath
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory import symbols
from theory.kl import MonotoneInverse, derive
from theory.losses import LOSSES
from theory.symbols import sym

s = sym("s")
FAMILY = {
    "least squares": sp.sqrt(2 * s),
    "weighted": sp.sqrt(2 * s / 3),
    "cubic": (3 * s) ** sp.Rational(1, 3),
    "log-cosh": sp.acosh(sp.exp(s)),
    "pseudo-Huber": sp.sqrt(s**2 + 2 * s),
    "Lojasiewicz 1/4": 5 * s ** sp.Rational(1, 4),
    "Lojasiewicz 3/4": 5 * s ** sp.Rational(3, 4),
}
DERIVED = {name: derive(psi) for name, psi in FAMILY.items()}


@pytest.mark.parametrize("name", sorted(FAMILY))
def test_derivative_and_primitive(name):
    d = DERIVED[name]
    positive = d.psi.variables[0]
    assert sp.simplify(d.psi.expr.diff(positive) - d.dpsi.expr) == 0
    assert sp.simplify(d.Psi(positive).diff(positive) + d.dpsi(positive) ** 2) == 0


@pytest.mark.parametrize("name", sorted(FAMILY))
@given(exponent=st.integers(-60, 30))
@settings(deadline=None, max_examples=15)
def test_inverses_undo(name, exponent):
    d, value = DERIVED[name], sp.Rational(2) ** exponent
    for function, inverse in ((d.psi, d.psi_inv), (d.Psi, d.Psi_inv)):
        back = sp.N(inverse(sp.N(function(value), 60)), 40)
        assert abs(back / value - 1) < sp.Float(10) ** -15  # Ψ of a power is flat: digits are lost, 15 remain


def test_closed_form_says_so():
    assert {name for name, d in DERIVED.items() if not d.closed_form} == {"pseudo-Huber"}


def test_table_of_known_results():
    """Rows of the table of losses: Ψ up to a constant, Ψ^{-1} of the log-cosh loss, exponential and algebraic rates."""
    t = sp.Symbol("t", positive=True)
    p = sp.Dummy(positive=True)
    assert sp.simplify(DERIVED["log-cosh"].Psi(p) + sp.log(sp.exp(2 * p) - 1) / 2) == 0
    assert sp.simplify(DERIVED["log-cosh"].Psi_inv(t) - sp.log(1 + sp.exp(-2 * t)) / 2) == 0
    huber = DERIVED["pseudo-Huber"].Psi(p) + p + sp.log(p / (p + 2)) / 2
    assert sp.simplify(huber.diff(p)) == 0
    assert DERIVED["least squares"].Psi_inv(t) == sp.exp(-2 * t)
    assert DERIVED["cubic"].Psi_inv(t) == 1 / (3 * t**3)  # t^{−p/(p−2)}, p = 3
    assert sp.simplify(DERIVED["Lojasiewicz 1/4"].Psi_inv(t) * t**2).is_number  # t^{−1/(1−2α)}
    assert DERIVED["Lojasiewicz 3/4"].Psi(sp.S.Zero) == 0  # α > ½: Ψ(0+) finite, zero loss in finite time


def test_rate_of_least_squares_by_the_general_formula():
    d = derive(sp.sqrt(2 * s))
    bound = d.apply(symbols.Psi_inv(symbols.Psi(sym("loss_0")) + sym("sigma_F") ** 2 * sym("t")))
    assert sp.simplify(bound - sym("loss_0") * sp.exp(-2 * sym("sigma_F") ** 2 * sym("t"))) == 0


def test_apply_leaves_nothing_undefined():
    f = symbols.psi(s) + symbols.dpsi(s) + symbols.psi_inv(s) + symbols.Psi(s) + symbols.Psi_inv(symbols.Psi(s))
    for d in DERIVED.values():
        assert not d.apply(f).atoms(sp.core.function.AppliedUndef)


def test_substitute_takes_doubles_as_exact():
    d = LOSSES["weighted_least_squares"].kl
    assert d.symbols == ("w_min",)
    filled = d.substitute({sym("w_min"): 0.1})
    assert filled.symbols == ()
    assert filled.psi_inv(sp.S.One) == sp.Rational(0.1) / 2
    assert filled.psi_inv(sp.S.One) != sp.Rational(1, 20)


def test_numerical_inverse_agrees_with_the_closed_one():
    d = DERIVED["log-cosh"]
    for value in (sp.Rational(1, 1000), sp.Rational(7, 3), sp.Integer(20)):
        numeric = MonotoneInverse(d.psi, value).n(30)
        assert abs(numeric / sp.N(d.psi_inv(value), 40) - 1) < sp.Float(10) ** -25


def test_numerical_inverse_has_the_right_derivative():
    d, y = DERIVED["pseudo-Huber"], sp.Symbol("y", positive=True)
    slope = sp.N(d.psi_inv(y).diff(y).subs(y, 2), 20)
    with mpmath.workdps(30):
        reference = mpmath.diff(lambda v: mpmath.sqrt(v**2 + 1) - 1, 2)  # ψ^{-1}(v) = √(1+v²) − 1
    assert abs(float(slope) - float(reference)) < 1e-12


def test_what_is_no_desingularizer():
    with pytest.raises(ValueError, match="vanishes at 0"):
        derive(1 + s)
