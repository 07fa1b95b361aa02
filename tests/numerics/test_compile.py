"""One expression, three backends: they agree on every formula of the registry, and refuse outside the hypotheses."""

from __future__ import annotations

import ast
import math
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy as sp
from flint import arb
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

import numerics
import theory
from numerics.compile import HypothesisNotMet, constant_upper, elementwise, enclose, evaluate, formula, function
from numerics.special import dilogarithm, erf_series
from theory.balls import lower_float, precision, upper_float
from theory.functions import expit, normal_cdf, softplus
from theory.kl import MonotoneInverse, derive
from theory.ledger import registry
from theory.losses import LOSSES
from theory.symbols import SYMBOLS, sym

FORMULAS = [(key, name) for key in registry for name in sorted(registry[key].formulas)]
SMALL = {
    "Lambda",
    "rho_0",
    "ell_star",
    "r",
    "L",
    "Omega",
    "B1",
    "B2",
    "Lip",
    "s_star",
    "eps",
    "t_1",
    "loss_0",
    "c_1",
    "eps_k",
}


def draw(names, rng):
    """Values inside the hypotheses more often than not: moduli, radii and residuals small, singular values not."""
    values = {}
    for name in names:
        info = SYMBOLS[name]
        if info.domain.startswith("integer"):
            values[name] = float(rng.integers(1, 200))
        elif name in ("delta", "prob"):
            values[name] = float(rng.uniform(0.01, 0.99))
        elif name == "p":
            values[name] = float(rng.uniform(2.2, 8))
        elif name == "alpha":
            values[name] = float(rng.choice([rng.uniform(0.1, 0.45), rng.uniform(0.55, 0.9)]))
        elif name == "tau":
            values[name] = float(rng.uniform(1.1, 3))
        elif info.domain == "real":
            values[name] = float(rng.normal())
        else:
            low, high = (-3.0, -0.5) if name in SMALL else (-0.5, 1.0)
            values[name] = float(10 ** rng.uniform(low, high))
    for part, whole in (("rho", "rho_0"), ("loss", "loss_0")):
        if part in values and whole in values:
            values[part] = values[whole] * float(rng.uniform(0.01, 0.99))
    if "i" in values and "k" in values:
        values["i"] = float(rng.integers(1, 2 + values["k"] // 2))
    return values


def case(key, name, seed):
    """(values, kl): drawn for one formula, with any loss."""
    rng = np.random.default_rng(seed)
    kl = LOSSES[sorted(LOSSES)[seed % len(LOSSES)]].kl
    expr = formula(key, name, kl)
    return draw(sorted(s.name for s in expr.free_symbols), rng), kl


def inside(key, name, values, kl):
    """The enclosure, or None outside the hypotheses of the formula."""
    try:
        return enclose(key, name, values, kl=kl)
    except HypothesisNotMet:
        return None


@pytest.mark.parametrize(("key", "name"), FORMULAS)
def test_most_draws_are_inside(key, name):
    """The next test is not vacuous: of 12 draws for each formula at least four have a value."""
    assert sum(inside(key, name, *case(key, name, seed)) is not None for seed in range(12)) >= 4


@pytest.mark.parametrize(("key", "name"), FORMULAS)
@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=10)
def test_backends_agree(key, name, seed):
    """mpmath lies in the enclosure, the enclosure is tight, and the float in the image of inputs moved by 2^-46."""
    values, kl = case(key, name, seed)
    box = inside(key, name, values, kl)
    event("inside" if box else "outside")
    assume(box is not None)
    exact = evaluate(key, name, values, kl=kl, backend="mpmath", digits=60)
    assert mpmath.mpf(box.lower) <= exact <= mpmath.mpf(box.upper)
    if not formula(key, name, kl).has(sp.Integral):
        assert box.upper <= math.nextafter(math.nextafter(box.lower, math.inf), math.inf)
    assert confirmed(key, name, values, kl) is not False


def confirmed(key, name, values, kl):
    """Whether the float is as near to the value as the condition of the formula allows.

    The condition is measured, one input at a time, by exact values at inputs moved by 2^-48: a ball of inputs would
    count every occurrence of a symbol apart, and forgive any cancellation.  None if a moved input leaves the hypotheses.
    The argument of a numerical inverse is a double on the way, so it counts as an input, and so does the exponent of a
    power: x^e costs |e log x| roundings.
    A double may overflow, or underflow, only where the value does (or the numerical inverse on the way to it).
    """
    expr = formula(key, name, kl)
    inverses = expr.atoms(MonotoneInverse)
    values = {**values, "_shift": 1.0} if inverses else values
    shift = sp.Dummy("_shift", positive=True)
    moving = expr.xreplace({inverse: MonotoneInverse(inverse.args[0], shift * inverse.args[1]) for inverse in inverses})
    wanted = sorted(moving.free_symbols, key=str)
    compiled = function(moving, wanted, "arb")
    with precision(400):
        here = compiled(*(arb(values[s.name]) for s in wanted))
        powers = any(power.exp.free_symbols for power in expr.atoms(sp.Pow))
        size = max((abs(math.log(values[s.name])) for s in wanted if powers and values[s.name] > 0), default=0.0)
        allowed = abs(here).upper() * (1 + size) * arb(2) ** -48 + arb(2) ** -1000
        for symbol in wanted:
            changes = []
            for side in (-1, 1):
                moved = [arb(values[s.name]) * (1 + side * arb(2) ** -48 * (s == symbol)) for s in wanted]
                there = compiled(*moved)
                if there.is_finite():
                    changes.append(abs(there - here).upper())
            if not changes:
                return None
            allowed += max(changes, key=float)
        number = evaluate(key, name, {k: v for k, v in values.items() if k != "_shift"}, kl=kl)
        if inverses and number == 0:
            return None
        if math.isinf(number):
            return bool(abs(here) > np.finfo(float).max) and bool(here > 0) == (number > 0)
        return bool(abs(arb(number) - here) <= allowed)


# --- the ends of the ranges -------------------------------------------------------------------------------------------


def at_the_edge(values, side, gap, capacity):
    """h, or rho_0 over the capacity of the hidden norm, within `gap` of its limit: by the choice of one symbol."""
    out = dict(values)
    if "h" in out:
        out["h"] = 0.5 + side * gap
    elif {"sigma_J", "Lambda", "rho_0"} <= set(out):
        out["Lambda"] = 0.5 * out["sigma_J"] ** 2 / out["rho_0"] * (1 + side * gap)
    elif {"sigma_0", "Lambda", "rho_0"} <= set(out):
        out["Lambda"] = 0.5 * out.get("sigma_F", 1.0) * out["sigma_0"] ** 2 / out["rho_0"] * (1 + side * gap)
    elif capacity and {"f_0", "B1", "rho_0", "k", "sigma_F"} <= set(out):
        out["rho_0"] = out["f_0"] ** 2 * math.sqrt(out["k"]) * out["sigma_F"] / out["B1"] * (1 + side * gap)
    else:
        return None
    return out


EXTREMES = {
    "h from below": lambda v: at_the_edge(v, -1, 1e-12, True),
    "h from above": lambda v: at_the_edge(v, 1, 1e-12, True),
    "tiny loss": lambda v: (
        {**v, **{name: v[name] * 1e-300 for name in ("loss", "loss_0") if name in v}}
        if {"loss", "loss_0"} & set(v)
        else None
    ),
    "tiny residual": lambda v: (
        {**v, **{name: v[name] * 1e-150 for name in ("rho", "rho_0", "eps") if name in v}}
        if {"rho", "rho_0", "eps"} & set(v)
        else None
    ),
    "kappa 1e8": lambda v: (
        {**v, "sigma_F": 1e-8, **{name: v[name] * 1e-8 for name in ("rho", "rho_0") if name in v}}
        if "sigma_F" in v
        else None
    ),
    "wide": lambda v: {**v, "k": 1e12} if "k" in v else None,
    "tiny modulus": lambda v: {**v, "Lambda": v["Lambda"] * 1e-9} if "Lambda" in v else None,
    "late": lambda v: {**v, "t": 1e6} if "t" in v else None,
    "sure": lambda v: {**v, "delta": 1e-12} if "delta" in v else None,
}


def extreme(key, name, how, seed):
    """(values, kl) at one end of the ranges.

    Where the loss is not quadratic, formulas contain powers, quadratures and inverses whose intermediate values leave the
    range of doubles long before the result does (then `dipcert bounds` takes the enclosure): there the ends are nearer.
    Late is late for runs that converge: beyond h = 1/2 a late bound is the quotient of two overflows and claims nothing.
    """
    values, kl = case(key, name, seed)
    quadratic = formula(key, name, kl) == formula(key, name, LOSSES["least_squares"].kl) or kl.symbols in (
        (),
        ("w_min",),
    )
    quadratic = quadratic and kl.psi_inv(sym("rho")).is_polynomial(sym("rho"))
    if how == "late" and {"sigma_0", "Lambda", "rho_0"} <= set(values):
        values["Lambda"] = min(
            values["Lambda"], 0.4 * values.get("sigma_F", 1.0) * values["sigma_0"] ** 2 / values["rho_0"]
        )
    if quadratic or how not in NEARER:
        return EXTREMES[how](values), kl
    return NEARER[how](values), kl


NEARER = {
    "tiny loss": lambda v: {**v, **{name: v[name] * 1e-60 for name in ("loss", "loss_0") if name in v}},
    "tiny residual": lambda v: {**v, **{name: v[name] * 1e-20 for name in ("rho", "rho_0", "eps") if name in v}},
}
APPLICABLE = [
    (key, name, how)
    for key, name in FORMULAS
    for how, change in EXTREMES.items()
    if change(case(key, name, 0)[0]) is not None
]


@pytest.mark.parametrize(("key", "name", "how"), APPLICABLE)
@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=6)
def test_backends_agree_at_the_ends(key, name, how, seed):
    """As above, where it is hardest: at h = 1/2 on either side, losses of 1e-300, widths of 1e12, and so on."""
    values, kl = extreme(key, name, how, seed)
    box = inside(key, name, values, kl)
    event("inside" if box else "outside")
    if box is None:
        with pytest.raises(HypothesisNotMet):
            evaluate(key, name, values, kl=kl, backend="mpmath", digits=80)
        return
    exact = evaluate(key, name, values, kl=kl, backend="mpmath", digits=80)
    assert mpmath.mpf(box.lower) <= exact <= mpmath.mpf(box.upper)
    assert confirmed(key, name, values, kl) is not False


def test_the_ends_are_inside_often_enough():
    """The test above is not vacuous: every kind of extreme meets formulas, most of them with a value on both routes."""
    for how in EXTREMES:
        keys = [(key, name) for key, name, kind in APPLICABLE if kind == how]
        met = [
            confirmed(key, name, values, kl)
            for key, name in keys
            for values, kl in (extreme(key, name, how, 1), extreme(key, name, how, 2))
            if inside(key, name, values, kl) is not None
        ]
        assert len(keys) >= 3, how
        assert sum(answer is True for answer in met) >= len(keys) // 2, (how, len(keys), met)


@pytest.mark.parametrize(("key", "name"), FORMULAS)
def test_arrays_give_what_scalars_give(key, name):
    cases = [case(key, name, seed) for seed in range(0, 24, len(LOSSES))]
    cases = [values for values, kl in cases if inside(key, name, values, kl) is not None]
    kl = LOSSES[sorted(LOSSES)[0]].kl
    columns = {symbol: np.array([values[symbol] for values in cases]) for symbol in cases[0]}
    together = evaluate(key, name, columns, kl=kl)
    apart = [evaluate(key, name, values, kl=kl) for values in cases]
    np.testing.assert_allclose(np.broadcast_to(together, (len(cases),)), apart, rtol=1e-12)


# --- refusals -------------------------------------------------------------------------------------------------------

GOOD = {"rho_0": 0.3, "sigma_F": 1.0, "sigma_0": 1.0, "Lambda": 1.0}
BAD = {**GOOD, "rho_0": 0.5000001}  # h > ½


@pytest.mark.parametrize("backend", ["float64", "mpmath"])
def test_beyond_the_hypothesis_there_is_no_number(backend):
    assert float(evaluate("sharp.length", "ell_star", GOOD, backend=backend)) == pytest.approx(1 - math.sqrt(0.4))
    with pytest.raises(HypothesisNotMet, match="hypothesis"):
        evaluate("sharp.length", "ell_star", BAD, backend=backend)
    with pytest.raises(HypothesisNotMet):
        enclose("sharp.length", "ell_star", BAD)
    if backend == "float64":
        with pytest.raises(HypothesisNotMet, match="1 of 2 values"):
            evaluate("sharp.length", "ell_star", {**GOOD, "rho_0": np.array([0.3, 0.6])})


@pytest.mark.parametrize("backend", ["float64", "mpmath"])
def test_a_maximum_does_not_hide_that_there_is_no_number(backend):
    """max(0, √−1), max(0, NaN), and the modulus of a complex number: Python would refuse, say 0, and say 1."""
    stop = {**GOOD, "eps": 0.01, "w_min": 1.0}
    assert evaluate("sharp.stop", "t_star", stop, backend=backend) > 0
    with pytest.raises(HypothesisNotMet, match="hypothesis"):
        evaluate("sharp.stop", "t_star", {**stop, "rho_0": 0.6}, backend=backend)
    root, difference = sp.sqrt(1 - sym("h")), sym("h") - sym("eps")
    for expression in (sp.Max(0, root), sp.Min(1, root), sp.Abs(root), sp.Heaviside(root)):
        function(expression, ["h"], backend)(0.5)
        with pytest.raises(HypothesisNotMet):
            function(expression, ["h"], backend)(2.0)
    for expression in (sp.Max(0, difference), sp.Min(1, difference), sp.Heaviside(difference)):
        function(expression, ["h", "eps"], backend)(0.5, 0.25)
        with pytest.raises(HypothesisNotMet):
            function(expression, ["h", "eps"], backend)(math.inf, math.inf)


def test_a_wrong_call_is_not_taken_for_a_hypothesis():
    with pytest.raises(TypeError, match="argument"):
        function(sp.Max(0, sym("h")), ["h"], "mpmath")(1, 2)


def test_on_the_boundary_the_enclosure_is_a_point():
    box = enclose("sharp.sigma", "floor", {**GOOD, "rho_0": 0.5})
    assert (box.lower, box.upper) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({k: v for k, v in GOOD.items() if k != "Lambda"}, r"also needs Lambda \(slope"),
        ({**GOOD, "mu": 1.0}, "does not depend on mu"),
        ({**GOOD, "sigma_0": math.nan}, "sigma_0 is NaN"),
        ({**GOOD, "sigma_0": -1.0}, "cannot be negative"),
    ],
)
def test_inputs_are_checked(values, message):
    for call in (evaluate, enclose):
        with pytest.raises(ValueError, match=message):
            call("sharp.length", "ell_star", values)


def test_other_refusals():
    with pytest.raises(ValueError, match="it has: ell_0, h"):
        evaluate("sharp.condition", "hh", {})
    with pytest.raises(KeyError, match=r"nearest: sharp\.length"):
        evaluate("sharp.lenght", "ell_star", GOOD)
    with pytest.raises(ValueError, match=r"pass its desingularizer as kl"):
        evaluate("baseline.loss_rate", "bound", {})
    with pytest.raises(ValueError, match="infinite"):
        enclose("sharp.condition", "h", {**GOOD, "rho_0": math.inf})
    with pytest.raises(ValueError, match=r"also contains h \(Hadamard"):
        function(sym("h") + 1, [])
    with pytest.raises(ValueError, match="unknown backend"):
        function(sym("h"), ["h"], "float32")


# --- rounding and special cases ------------------------------------------------------------------------------------


@given(p=st.integers(-(10**30), 10**30), q=st.integers(1, 10**30))
@settings(deadline=None, max_examples=50)
def test_outward_rounding_is_tight(p, q):
    """Around a rational: at most one ulp apart, on either side, checked by exact fractions."""
    with precision(400):
        ball = arb(p) / q
        low, high = lower_float(ball), upper_float(ball)
    assert Fraction(low) <= Fraction(p, q) <= Fraction(high)
    assert high <= math.nextafter(low, math.inf)


def test_rounding_at_the_ends_of_the_range():
    with precision(64):
        assert upper_float(arb(10) ** 400) == math.inf
        assert lower_float(arb(10) ** 400) == np.finfo(float).max
        assert upper_float(arb(10) ** -400) == 5e-324
        assert lower_float(arb(10) ** -400) == 0.0
        # a ball that says nothing is bounded by ±∞, never by NaN: max(0.0, nan) is 0.0
        assert upper_float(arb(-1).sqrt()) == math.inf
        assert lower_float(arb(-1).sqrt()) == -math.inf


def test_stable_functions_do_not_warn():
    x = np.array([-1e4, -800.0, 0.0, 800.0, 1e4])
    assert elementwise(softplus(sym("x")))(x).tolist() == [0.0, 0.0, math.log(2), 800.0, 1e4]
    assert elementwise(expit(sym("x")))(x).tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]
    assert function(expit(sym("x")), ["x"])(-1000.0) == 0.0
    assert function(softplus(sym("x")), ["x"])(800.0) == 800.0
    assert np.isnan(elementwise(expit(sym("x")))(np.nan))


@pytest.mark.parametrize("f", [expit, softplus, normal_cdf])
@given(value=st.floats(-300, 300, allow_subnormal=False))
@settings(deadline=None, max_examples=25)
def test_functions_of_our_own_in_every_backend(f, value):
    x = sym("x")
    with mpmath.workdps(400):
        exact = function(f(x), ["x"], "mpmath")(value)
        plain = {
            expit: lambda v: 1 / (1 + mpmath.exp(-v)),
            softplus: lambda v: mpmath.log(1 + mpmath.exp(v)),
            normal_cdf: mpmath.ncdf,
        }[f](mpmath.mpf(value))
        assert abs(exact - plain) <= mpmath.mpf(10) ** -250 * (1 + abs(plain))
    with precision(128):
        ball = function(f(x), ["x"], "arb")(value)
        assert lower_float(ball) <= exact <= upper_float(ball)
    symbolic = sp.N(f(sp.Float(value, 30)), 30)
    assert abs(float(symbolic) - float(exact)) <= 1e-14 * abs(float(exact))
    # relative accuracy in both tails; e^{−x²/2} magnifies the rounding of x²
    if exact > mpmath.mpf(10) ** -290:
        assert abs(function(f(x), ["x"])(value) / exact - 1) < (1e-12 if f is normal_cdf else 1e-15)


def test_special_functions_against_mpmath():
    z = np.concatenate([np.linspace(0, 60, 121), [24.999, 25.001, 100.0, 400.0, 700.0]])
    exact = [float(mpmath.hyper([1, 1], [1.5, 2], v)) for v in z]
    np.testing.assert_allclose(erf_series(z), exact, rtol=2e-13)
    z = np.array([-1e300, -1e10, -7.0, -1.0001, -1.0, -0.5, -1e-3, -1e-5, -1e-200, 0.0, 1e-4, 0.5, 0.999, 1.0])
    exact = [float(mpmath.polylog(2, v)) for v in z]
    np.testing.assert_allclose(dilogarithm(2, z), exact, rtol=2e-12)


def test_numerical_inverse_in_float_and_mpmath():
    s = sym("s")
    d = derive(sp.sqrt(s**2 + 2 * s))
    inverse = function(d.psi_inv(sym("rho")), ["rho"])
    values = np.array([1e-3, 1.0, 30.0])
    np.testing.assert_allclose(inverse(values), values**2 / (1 + np.sqrt(1 + values**2)), rtol=1e-12)
    with mpmath.workdps(40):
        high = function(d.psi_inv(sym("rho")), ["rho"], "mpmath")(3)
        assert abs(high - (mpmath.sqrt(10) - 1)) < mpmath.mpf(10) ** -30


def test_constant_upper_of_irrational_numbers():
    with precision(200):
        for number in (sp.pi, sp.sqrt(2), -sp.E, sp.Rational(1, 3)):
            value = constant_upper(number)
            assert sp.Rational(value) >= number
            assert sp.Rational(math.nextafter(value, -math.inf)) < number


def test_this_is_the_only_lambdify():
    files = [p for package in (theory, numerics) for p in Path(package.__file__).parent.rglob("*.py")]
    users = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(node, "attr", getattr(node, "id", getattr(node, "name", "")))
            if name in ("lambdify", "lambdastr"):
                users.add(path.name)
    assert users == {"compile.py"}
