"""The functions of the fused kernel against the theory's expressions; the numbers behind them against mpmath."""

from __future__ import annotations

import math
import warnings
from types import SimpleNamespace

import mpmath
import numpy as np
import pytest
import sympy as sp

from numerics.activations import activation
from numerics.descent import coefficients, gradient_descent, kernels, unrolled
from numerics.descent.coefficients import HALF_PI, LN2, POLYNOMIALS, SIN_LIMIT
from numerics.descent.formulas import CODE_NAMES, NUMPY_FUNCTIONS, NotExpressible, formula, numpy_pair
from numerics.flow import ReducedProblem
from numerics.losses import loss
from theory.activations import ACTIVATIONS
from theory.symbols import sym

EPS = np.finfo(np.float64).eps


# --- the numbers
def original(name):
    centre = mpmath.mpf(coefficients.ERFCX_CENTRE)

    def erfcx(z):
        x = centre * (1 + z) / (1 - z)
        return mpmath.exp(x * x) * mpmath.erfc(x)

    return {
        "exp": mpmath.exp,
        "atanh": lambda z: mpmath.atanh(mpmath.sqrt(z)) / mpmath.sqrt(z) if z else mpmath.mpf(1),
        "sin": lambda z: mpmath.sin(mpmath.sqrt(z)) / mpmath.sqrt(z) if z else mpmath.mpf(1),
        "cos": lambda z: mpmath.cos(mpmath.sqrt(z)),
        "erfcx": erfcx,
    }[name]


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_polynomials_are_as_good_as_doubles(name):
    polynomial, f = POLYNOMIALS[name], original(name)
    with mpmath.workdps(40):
        points = [
            mpmath.mpf(polynomial.low) + (mpmath.mpf(polynomial.high) - polynomial.low) * i / 60 for i in range(61)
        ]
        exact = [f(z) for z in points]
        found = [mpmath.polyval([mpmath.mpf(c) for c in polynomial.coefficients[::-1]], z) for z in points]
        largest = max(abs(v) for v in exact)
        assert max(abs(v - w) for v, w in zip(exact, found, strict=True)) < 1.2e-16 * largest


def test_intervals_reach_as_far_as_the_reductions_need():
    assert POLYNOMIALS["exp"].high > math.log(2) / 2 * (1 + 1e-9)
    assert POLYNOMIALS["sin"].high > (math.pi / 4) ** 2 * (1 + 1e-9)
    assert POLYNOMIALS["atanh"].high >= 1 / 9
    with mpmath.workdps(30):
        assert mpmath.erfc(coefficients.ERFCX_END) < 2.0**-55


@pytest.mark.parametrize(("parts", "number"), [(LN2, "ln2"), (HALF_PI, "pi")])
def test_split_constants(parts, number):
    with mpmath.workdps(50):
        exact = mpmath.ln2 if number == "ln2" else mpmath.pi / 2
        tail = abs(sum((mpmath.mpf(part) for part in parts), mpmath.mpf(0)) - exact)
        assert tail < 2.0**-53 * abs(parts[-1])
        for part in parts[:-1]:  # 33 bits: times an integer below 2^20 is exact
            mantissa, _ = math.frexp(part)
            assert (mantissa * 2.0**33).is_integer()
        if number == "pi":
            assert SIN_LIMIT / float(exact) < 2**20
            assert tail * SIN_LIMIT < 1e-16


# --- the formulas
def test_every_name_has_a_meaning_everywhere():
    assert set(CODE_NAMES.values()) == set(NUMPY_FUNCTIONS)
    pytest.importorskip("numba")
    from numerics.descent.elementary import NUMBA_FUNCTIONS

    assert set(CODE_NAMES.values()) == set(NUMBA_FUNCTIONS)


def sample(name):
    rng = np.random.default_rng(5)
    wide = [-1e3, -750.0, -745.0, -709.5, -40.0, -6.0, -1e-9, -0.0, 0.0, 1e-300, 6.0, 9.0, 40.0, 709.5, 1e3]
    far = [*np.linspace(-0.99 * SIN_LIMIT, 0.99 * SIN_LIMIT, 64)] if name == "sin" else []
    points = np.concatenate([rng.standard_normal(300) * 2, rng.uniform(-40, 40, 300), wide, far])
    multiples = np.arange(-20, 21) * math.pi / 4  # where the quadrant changes
    return np.concatenate([points, multiples, np.nextafter(multiples, np.inf)])


def against_the_theory(name, values, slopes, x, ulp):
    phi = activation(name)
    for found, enclosed in ((values, phi.enclose_phi(x)), (slopes, phi.enclose_dphi(x))):
        exact, error = enclosed
        assert np.max((np.abs(found - exact) + error) / np.maximum(1.0, np.abs(exact))) < ulp * EPS


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_numpy_formulas_are_the_theory(name):
    x = sample(name)
    values, slopes = numpy_pair(activation(name))(x)
    against_the_theory(name, values, slopes, x, 4)
    assert values.shape == slopes.shape == x.shape


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_fused_functions_are_the_theory(name):
    pytest.importorskip("numba")
    from numerics.descent.fused import tile_function

    activate = tile_function(activation(name))
    x = sample(name)
    padded = np.zeros(-(-x.size // kernels.TILE) * kernels.TILE)
    padded[: x.size] = x
    values, slopes = np.empty_like(padded), np.empty_like(padded)
    for tile in range(0, padded.size, kernels.TILE):
        part = slice(tile, tile + kernels.TILE)
        activate(padded[part], values[part], slopes[part])
    against_the_theory(name, values[: x.size], slopes[: x.size], x, 6)
    phi = activation(name)
    bulk = np.abs(x) <= 40
    np.testing.assert_allclose(values[: x.size][bulk], phi.phi(x[bulk]), rtol=4 * EPS, atol=4 * EPS)
    np.testing.assert_allclose(slopes[: x.size][bulk], phi.dphi(x[bulk]), rtol=4 * EPS, atol=4 * EPS)
    padded[:] = math.nan
    activate(padded[: kernels.TILE], values[: kernels.TILE], slopes[: kernels.TILE])
    assert np.isnan(values[: kernels.TILE]).all()


@pytest.mark.parametrize(("name", "limits"), [("tanh", (-1, 1)), ("sigmoid", (0, 1)), ("erf", (-1, 1))])
def test_fused_functions_have_their_limits(name, limits):
    pytest.importorskip("numba")
    from numerics.descent.fused import tile_function

    x, values, slopes = np.full(kernels.TILE, -math.inf), np.empty(kernels.TILE), np.empty(kernels.TILE)
    x[1::2] = math.inf
    tile_function(activation(name))(x, values, slopes)
    np.testing.assert_allclose(values[:2], limits, rtol=0, atol=EPS)
    np.testing.assert_allclose(slopes, 0.0, rtol=0, atol=EPS)


def test_an_activation_without_code_is_run_by_numpy():
    class Own(SimpleNamespace):
        __hash__ = object.__hash__

    x = sym("x")
    theory = Own(name="arctan", phi=sp.atan(x), dphi=1 / (1 + x**2))
    own = Own(theory=theory, name="arctan", phi=np.arctan, dphi=lambda z: 1 / (1 + z * z))
    with pytest.raises(NotExpressible, match="arctan contains atan"):
        formula(own)
    values, slopes = numpy_pair(own)(np.array([0.0, 1.0]))
    assert values.tolist() == [0.0, math.pi / 4]
    assert slopes.tolist() == [1.0, 0.5]


# --- the kernel
def test_sine_beyond_its_range_goes_on_in_numpy():
    pytest.importorskip("numba")
    rng = np.random.default_rng(0)
    a = rng.standard_normal(30)
    args = (np.eye(2), rng.standard_normal(2), loss("least_squares"), activation("sin"), "both")
    V = rng.uniform(-1.7, 1.7, (2, 30))
    far = ReducedProblem(*args, a + 2e5, V)
    run = gradient_descent(far, 0.1, max_steps=50)
    assert run.kernel == "numpy"
    assert "1e5" in run.kernel_reason
    near = ReducedProblem(*args, a + 99_990.0, 300 * V)
    run, plain = (
        gradient_descent(near, 0.1, max_steps=4, levels=[1.0], kernel=kernel) for kernel in ("fused", "numpy")
    )
    assert run.length_a[-1] > 10.0
    assert run.kernel == "numpy"
    np.testing.assert_allclose(run.a, plain.a, rtol=1e-13)
    np.testing.assert_allclose(run.loss, plain.loss, rtol=1e-9)
    inside = gradient_descent(ReducedProblem(*args, a, V), 0.1, max_steps=4)
    assert inside.kernel == "fused"


def test_the_kernel_is_kept_under_a_name_that_changes_with_what_is_in_it(monkeypatch):
    pytest.importorskip("numba")
    from numerics.descent import fused

    names = [fused.tile_function(activation(name)).__name__ for name in ACTIVATIONS]
    assert len(set(names)) == len(names)  # numba would mix them up when they come from disk
    before = fused._digest(activation("tanh"))
    assert before in names[0]
    assert before != fused._digest(activation("gelu"))
    monkeypatch.setattr(fused, "formula", lambda _: "value = x\nslope = 1.0")
    assert fused._digest(activation("tanh")) != before


def test_where_nothing_can_be_written_it_compiles_all_the_same(monkeypatch):
    numba = pytest.importorskip("numba")
    from numerics.descent import fused

    real = numba.njit

    def njit(*args, **options):
        if options.get("cache"):
            raise RuntimeError("no locator available")
        return real(*args, **options)

    monkeypatch.setattr(fused.numba, "njit", njit)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fused.compiled.__wrapped__(activation("identity"), True).descend is not None


# --- the step written out for the number of rows
@pytest.mark.parametrize("train", ["both", "W"])
@pytest.mark.parametrize("neurons", [1, kernels.TILE, 129])
@pytest.mark.parametrize("rows", [1, unrolled.BLOCK + 1, unrolled.LIMIT, unrolled.LIMIT + 1])
def test_written_out_or_in_loops_the_iterates_are_those_of_numpy(rows, neurons, train):
    pytest.importorskip("numba")
    rng = np.random.default_rng(rows + neurons)
    a, V = rng.standard_normal(neurons), rng.standard_normal((rows, neurons))
    # a sigmoid: its value at the neurons that pad the last tile is not 0
    args = (rng.uniform(0.5, 1.5, rows), rng.standard_normal(rows), loss("least_squares"), activation("sigmoid"), train)
    problem = ReducedProblem(*args, a, V)
    store = [1, 2, 40]
    run, plain = (
        gradient_descent(problem, 0.2, max_steps=100, store=store, states=True, kernel=kernel)
        for kernel in ("fused", "numpy")
    )
    assert run.kernel == "fused"
    for name in ("loss", "residual", "length", "length_a", "a", "V"):
        found, expected = getattr(run, name), getattr(plain, name)
        if name == "V" and train == "W":
            assert found is None
            continue
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)


def test_state_in_one_array():
    rng = np.random.default_rng(1)
    a, phi, slope = rng.standard_normal((3, 70))
    V = rng.standard_normal((5, 70))
    S = unrolled.pack(a, V, phi, slope)
    assert S.ctypes.data % 64 == 0
    tiles = S.reshape(3, 5 + unrolled.EXTRA, unrolled.TILE)
    np.testing.assert_array_equal(tiles[1, 5:8, :6], [a[64:], phi[64:], slope[64:]])
    assert not tiles[1, :, 6:].any()
    assert not tiles[2].any()
    for found, expected in zip(unrolled.unpack(S, 5, 70), (a, V), strict=True):
        np.testing.assert_array_equal(found, expected)
    d = rng.standard_normal(5)
    found_a, found_V = unrolled.unpack(S, 5, 70, d)  # a step that is held back
    np.testing.assert_array_equal(found_a, a)
    np.testing.assert_allclose(found_V, V - np.outer(d, phi), rtol=0, atol=1e-15)
    np.testing.assert_array_equal(unrolled.unpack(S, 5, 70)[1], V)


def test_pieces_of_any_length_make_the_same_run():
    pytest.importorskip("numba")
    rng = np.random.default_rng(3)
    args = (np.ones(3), rng.standard_normal(3), loss("least_squares"), activation("tanh"), "both")
    problem = ReducedProblem(*args, rng.standard_normal(70), rng.standard_normal((3, 70)))
    whole = gradient_descent(problem, 0.2, max_steps=41, store=(), kernel="fused")
    parts = gradient_descent(problem, 0.2, max_steps=41, store=[1, 4, 5, 18], states=True, kernel="fused")
    assert whole.loss[-1] == parts.loss[-1]  # a step that is held back stays so from one piece to the next
    np.testing.assert_array_equal(whole.V[-1], parts.V[-1])
    np.testing.assert_array_equal(whole.a[-1], parts.a[-1])


def test_memory_begins_at_a_cache_line():
    for size in (1, 7, 1000):
        array = unrolled.aligned((size, 3))
        assert array.ctypes.data % 64 == 0
        assert array.shape == (size, 3)
        assert array.flags.c_contiguous
        assert not array.any()
