"""The statements about losses (kl.*): broken variants of each are refuted, and the decay is the one of the equation."""

from __future__ import annotations

import subprocess
import sys

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from numerics.compile import enclose, evaluate, function
from theory.ledger import registry
from theory.losses import LOSSES
from theory.statement import Obligation
from theory.symbols import sym
from theory.theorems import losses as module

s, t, p, m, alpha, c, huber = (sym(name) for name in ("s", "t", "p", "m", "alpha", "c", "huber"))
sigma, loss_0, w_min = sym("sigma"), sym("loss_0"), sym("w_min")
q = sp.Dummy("q", positive=True)
POWER, BELOW, ABOVE = {p: 2 + q}, {alpha: 1 / (2 + q)}, {alpha: (1 + q) / (2 + q)}

BROKEN = [
    ("least_squares", sp.sqrt(s), {}),
    ("least_squares", 2 * sp.sqrt(s), {}),
    ("weighted_least_squares", sp.sqrt(2 * s * w_min), {}),
    ("weighted_least_squares", sp.sqrt(2 * s), {}),
    ("p_power", (s) ** (1 / p), POWER),
    ("p_power", p * s ** (1 / p), POWER),
    ("p_power", (p * s) ** ((p - 1) / p), POWER),
    ("lp", s ** (1 / p), POWER),
    ("lp", (p * s) ** (1 / (p - 1)), POWER),
    ("pseudo_huber", sp.sqrt(s**2 + huber**2 * s) / huber, {}),
    ("pseudo_huber", sp.sqrt(s**2 + 2 * huber**2 * s), {}),
    ("pseudo_huber", sp.sqrt(2 * s), {}),
    ("log_cosh", sp.asinh(sp.exp(s)), {}),
    ("log_cosh", sp.acosh(sp.exp(2 * s)), {}),
    ("lojasiewicz", s**alpha, BELOW),
    ("lojasiewicz", c * s ** (1 - alpha), ABOVE),
    ("lojasiewicz", c * s ** (2 * alpha), BELOW),
]


@pytest.mark.parametrize(("name", "psi", "where"), BROKEN)
def test_a_wrong_psi_is_refuted(name, psi, where):
    """The claim that ψ belongs to the loss, with a factor or an exponent off, is not proved; the true one is."""
    assert not Obligation("broken", module.attained(LOSSES[name], psi), where).check()
    assert Obligation("true", module.attained(LOSSES[name]), where).check()


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_a_wrong_primitive_is_refuted(name):
    where = {**POWER, **BELOW}
    Psi = LOSSES[name].kl.Psi(s)
    assert Obligation("true", module.primitive(LOSSES[name], Psi), where).check()
    for broken in (-Psi, 2 * Psi, Psi + s):
        assert not Obligation("broken", module.primitive(LOSSES[name], broken), where).check()


def test_wrong_powers_of_m_are_refuted():
    for exponent in ((p - 2) / p, (p - 2) / (4 * p), (2 - p) / (2 * p), sp.Integer(0), (p - 1) / (2 * p)):
        assert not Obligation("broken", module.power_mean(exponent), POWER).check()
    assert Obligation("true", module.power_mean((p - 2) / (2 * p)), POWER).check()


@given(seed=st.integers(0, 2**32 - 1), power=st.floats(2.5, 12))
@settings(deadline=None, max_examples=20)
def test_without_the_power_of_m_the_inequality_is_false(seed, power):
    """A counterexample for every p > 2 and m ≥ 2: entries of equal size."""
    size = 2 + seed % 19
    r = np.full(size, 10.0 ** np.random.default_rng(seed).uniform(-2, 2))
    value, gradient = np.sum(r**power) / power, np.linalg.norm(r ** (power - 1))
    bare = (power * value) ** (1 / power - 1)
    assert bare * gradient == pytest.approx(size ** (1 / power - 0.5), rel=1e-10)
    assert bare * gradient < 0.95
    assert bare * (r @ r ** (power - 1)) < 0.95 * np.linalg.norm(r)


def test_wrong_curvatures_are_refuted():
    pseudo, cosh = LOSSES["pseudo_huber"], LOSSES["log_cosh"]
    assert not Obligation("broken", module.concave_slope(pseudo, 3 * huber**6 / (s + huber**2) ** 4)).check()
    assert not Obligation("broken", module.concave_slope(cosh, 2 * sp.exp(-2 * s))).check()


@pytest.mark.parametrize(
    ("name", "broken", "where"),
    [
        ("least_squares", loss_0 * sp.exp(-(sigma**2) * t), {}),
        ("weighted_least_squares", loss_0 * sp.exp(-2 * sigma**2 * t / w_min), {}),
        ("p_power", LOSSES["p_power"].kl.Psi_inv(2 * sigma**2 * t), POWER),
        ("lojasiewicz", loss_0 * sp.exp(-2 * sigma**2 * t / c**2), {alpha: sp.Rational(1, 2)}),
    ],
)
def test_wrong_decays_are_refuted(name, broken, where):
    assert not Obligation("broken", module.decay(LOSSES[name], broken), where).check()


def test_wrong_extinction_times_are_refuted():
    true = registry["kl.lojasiewicz"].formulas["t_extinct"]
    assert Obligation("true", module.finite_time(true), ABOVE).check()
    for broken in (2 * true, true * (2 * alpha - 1), true / alpha, true * sigma):
        assert not Obligation("broken", module.finite_time(broken), ABOVE).check()


def drawn(name, rng, exponent=None):
    """Values of the symbols of a bound; α on the side of ½ that is asked for."""
    values = {
        "sigma": 10.0 ** rng.uniform(-1, 0.5),
        "loss_0": 10.0 ** rng.uniform(-3, 1.5),
        "w_min": rng.uniform(0.2, 5),
    }
    values |= {"p": rng.uniform(2.2, 8), "m": float(rng.integers(1, 20)), "huber": 10.0 ** rng.uniform(-1, 1)}
    values |= {"alpha": rng.uniform(0.15, 0.45) if exponent is None else exponent, "c": 10.0 ** rng.uniform(-0.5, 0.5)}
    return {key: value for key, value in values.items() if key in {"sigma", "loss_0", *LOSSES[name].kl.symbols}}


@pytest.mark.parametrize("name", sorted(LOSSES))
@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=8)
def test_the_bound_solves_the_equation(name, seed):
    """The second route: an ODE solver on log L, from large to small losses, against the derived formula."""
    values = drawn(name, np.random.default_rng(seed))
    kl = LOSSES[name].kl
    others = {key: value for key, value in values.items() if key not in ("sigma", "loss_0")}
    slope = function(kl.dpsi(s), ["s", *others])
    speed = values["sigma"] ** 2

    def rhs(_, x):
        return [-speed / (slope(np.exp(x[0]), *others.values()) ** 2 * np.exp(x[0]))]

    start = values["loss_0"]
    end = 3.0 / abs(rhs(0.0, [np.log(start)])[0])
    while evaluate(f"kl.{name}", "bound", {**values, "t": end}) < 1e-100:  # the solver has to stay within doubles
        end *= 0.7
    run = solve_ivp(rhs, (0, end), [np.log(start)], method="DOP853", rtol=1e-11, atol=1e-11, t_eval=[end / 3, end])
    bound = evaluate(f"kl.{name}", "bound", {**values, "t": run.t})
    np.testing.assert_allclose(np.log(bound), run.y[0], rtol=0, atol=1e-8)
    box = enclose(f"kl.{name}", "bound", {**values, "t": float(run.t[1])})
    assert box.lower * (1 - 1e-12) <= bound[1] <= box.upper * (1 + 1e-12)


@given(seed=st.integers(0, 2**32 - 1), exponent=st.floats(0.55, 0.95))
@settings(deadline=None, max_examples=20)
def test_above_one_half_the_loss_vanishes_at_the_time_given(seed, exponent):
    """Monotone to 0 at the time of extinction, and no sooner."""
    values = drawn("lojasiewicz", np.random.default_rng(seed), exponent)
    end = evaluate("kl.lojasiewicz", "t_extinct", values)
    times = end * np.array([0.0, 0.5, 0.9, 0.999])
    bound = evaluate("kl.lojasiewicz", "bound", {**values, "t": times})
    np.testing.assert_allclose(bound, values["loss_0"] * (1 - times / end) ** (1 / (2 * exponent - 1)), rtol=1e-9)
    assert (np.diff(bound) < 0).all()


def test_exponential_at_one_half_is_what_the_formula_of_the_loss_says():
    kl = LOSSES["lojasiewicz"].desingularizer(alpha=0.5, c=3)
    bound = registry["kl.lojasiewicz"].formulas["bound_half"].subs(c, 3)
    assert sp.simplify(kl.Psi_inv(kl.Psi(loss_0) + sigma**2 * t) - bound) == 0


def test_no_loss_with_lipschitz_gradient_vanishes_in_finite_time():
    """kl.alpha_half, seen on the registry: where `smooth` holds, Ψ(0+) = ∞."""
    for name, item in LOSSES.items():
        kl = item.desingularizer(**({"m": 3} if name == "lp" else {}))
        filled = kl.substitute({w_min: 1}) if kl.symbols else kl
        assert item.at(**({"m": 3} if name == "lp" else {})).smooth
        with mpmath.workdps(30):
            values = [function(filled.Psi(s), ["s"], "mpmath")(mpmath.mpf(10) ** -e) for e in (20, 200, 2000)]
        assert values[0] < values[1] < values[2]
        assert values[2] > 1000
    kl = LOSSES["lojasiewicz"].desingularizer(alpha=0.75)
    assert kl.Psi(sp.S.Zero) == 0


def test_importing_the_theory_derives_nothing():
    code = "import theory.ledger, theory.kl, theory.losses.base as b; print(b._derived.cache_info().currsize)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "0"
