"""Laws of every registered activation: derivatives, sharp constants, Gaussian moments, primitives, zeros."""

from __future__ import annotations

import pkgutil
from itertools import pairwise

import mpmath
import pytest
import sympy as sp
from flint import arb

import theory.activations as package
from numerics.compile import function
from theory.activations import ACTIVATIONS
from theory.balls import ball_function, enclose, precision
from theory.functions import ImplicitRoot, expit, normal_cdf, softplus
from theory.ledger import registry
from theory.symbols import sym

x = sym("x")
NAMES = sorted(ACTIVATIONS)
SMOOTH = [name for name in NAMES if ACTIVATIONS[name].smooth]


def plain(expr):
    """The expression in elementary functions that SymPy can simplify."""
    expr = expr.replace(normal_cdf, lambda a: (1 + sp.erf(a / sp.sqrt(2))) / 2)
    expr = expr.replace(softplus, lambda a: sp.log(1 + sp.exp(a))).replace(expit, lambda a: sp.exp(a) / (1 + sp.exp(a)))
    return expr.rewrite(sp.exp) if expr.has(sp.tanh, sp.sech, sp.sinh, sp.cosh) else expr


def vanishes(expr):
    return sp.simplify(sp.expand(sp.expand_func(plain(expr)))) == 0 or sp.simplify(plain(expr)) == 0


def test_every_file_is_registered():
    files = {m.name for m in pkgutil.iter_modules(package.__path__)} - {"base"}
    assert files == set(ACTIVATIONS)
    assert all(name == item.name for name, item in ACTIVATIONS.items())


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives_are_those_of_phi(name):
    item = ACTIVATIONS[name]
    assert vanishes(item.phi.diff(x) - item.dphi)
    assert vanishes(item.dphi.diff(x) - item.ddphi)


@pytest.mark.parametrize("name", [n for n in SMOOTH if ACTIVATIONS[n].H is not None])
def test_H_is_a_primitive_of_the_inverse_derivative(name):
    item = ACTIVATIONS[name]
    slope = item.H.diff(x)
    if name == "sin":  # d/dx log|u| = u'/u: SymPy keeps sign(u)/|u|
        inner = sp.tan(x / 2 + sp.pi / 4)
        assert sp.log(sp.Abs(inner)) == item.H
        slope = inner.diff(x) / inner
        assert sp.simplify(sp.expand_trig((slope * item.dphi - 1).rewrite(sp.exp))) == 0
        return
    assert vanishes(slope * item.dphi - 1)


@pytest.mark.parametrize("name", [n for n in SMOOTH if ACTIVATIONS[n].G is not None])
def test_G_is_a_primitive_of_phi_over_its_derivative(name):
    item = ACTIVATIONS[name]
    if name == "erf":
        check_erf_series(item)
    else:
        if name == "sin":  # −ln|cos x|, in a form with all digits at 0 too
            assert sp.simplify(sp.exp(-2 * item.G) - sp.cos(x) ** 2) == 0
        assert vanishes(item.G.diff(x) * item.dphi - item.phi)


def check_erf_series(item):
    """G = (a²/2) 2F2: u = erf(a)(√π/2)e^{a²} is the solution of u' = 2au + 1, u(0) = 0, and so is G', coefficient by
    coefficient: G' = Σ c_n a^{2n+1} with c_0 = 1 and (2n+1) c_n = 2 c_{n−1}."""
    u = item.phi / item.dphi
    assert sp.simplify(u.diff(x) - 2 * x * u - 1) == 0
    assert u.subs(x, 0) == 0
    n = sp.Symbol("n", integer=True, positive=True)

    def g(k):  # coefficient of a^{2k+2} in G, from the definition of 2F2 (1)_k(1)_k/((3/2)_k (2)_k k!)
        return sp.rf(1, k) ** 2 / (sp.rf(sp.Rational(3, 2), k) * sp.rf(2, k) * sp.factorial(k)) / 2

    ratio = sp.combsimp(sp.gammasimp((g(n) * (2 * n + 2)) / (g(n - 1) * 2 * n)))
    assert sp.simplify(sp.expand_func(ratio) - 2 / (2 * n + 1)) == 0
    assert g(0) * 2 == 1
    assert x**2 * sp.hyper((1, 1), (sp.Rational(3, 2), 2), x**2) / 2 == item.G


# --- sup|φ'| and sup|φ''| -------------------------------------------------------------------------------------------

# Where |f| is largest, up to symmetry; None: the supremum is a limit at +∞.
ATANH = sp.log(2 + sp.sqrt(3)) / 2  # artanh(1/√3)
PEAKS = {
    ("tanh", 1): 0, ("tanh", 2): ATANH,
    ("sigmoid", 1): 0, ("sigmoid", 2): 2 * ATANH,
    ("softplus", 1): None, ("softplus", 2): 0,
    ("erf", 1): 0, ("erf", 2): 1 / sp.sqrt(2),
    ("sin", 1): 0, ("sin", 2): sp.pi / 2,
    ("gelu", 1): sp.sqrt(2), ("gelu", 2): 0,
    ("silu", 1): (ACTIVATIONS["silu"].B1 - sp.Rational(1, 2)) * 4, ("silu", 2): 0,
}  # fmt: skip
CURVED = [name for name in SMOOTH if name != "identity"]
REACH = 40  # beyond, see tail_bound


def tail_bound(name, order):
    """A number that bounds |f| on |x| ≥ 40 and is below the supremum, by hand.

    With v = e^{−|x|}: tanh' ≤ 4v², |tanh''| ≤ 8v²; σ' ≤ v, |σ''| ≤ v (softplus'' = σ'); erf' ≤ 2v, |erf''| ≤ 4|x|v
    since x² ≥ |x|; GELU and SiLU: |φ''| ≤ x²v, so φ' is within ∫_40^∞ x²e^{−x} = (40² + 2·40 + 2)e^{−40} of its
    limits 0 and 1.
    """
    v = (-arb(REACH)).exp()
    if order == 1 and name in ("gelu", "silu"):
        return 1 + (REACH**2 + 2 * REACH + 2) * v
    return 8 * REACH**2 * v  # t ↦ t²e^{−t} decreases beyond 2


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", CURVED)
def test_constants_bound_the_derivatives_everywhere(name, order):
    """Cover of the line: strictly below on boxes away from the peaks; near a peak f is concave with f' = 0 there."""
    item = ACTIVATIONS[name]
    f, constant = (item.dphi, item.B1) if order == 1 else (item.ddphi, item.B2)
    if (name, order) == ("softplus", 1):
        assert item.dphi == expit(x)  # 1/(1 + e^{−x}) < 1 because e^{−x} > 0
        return
    value, curvature = ball_function(f, [x]), ball_function(f.diff(x, 2), [x])
    top = enclose(constant, 100)
    peak = enclose(sp.sympify(PEAKS[name, order]), 100)
    even_about_zero = name not in ("gelu", "silu") or order == 2
    centres = [peak, -peak] if even_about_zero else [peak]
    low, high = (-REACH, REACH) if name != "sin" else (-3.2, 3.2)  # sin has period 2π
    if name != "sin":
        assert tail_bound(name, order) < top
    radius, boxes, near = 0.125, [(arb(low), arb(high))], 0
    with precision(100):
        if name == "sin":  # every extremum of a sine is ±1; the cover of one period settles it
            centres = [peak + j * arb.pi() for j in range(-2, 3)]
        while boxes:
            a, b = boxes.pop()
            box = a.union(b)
            if abs(value(box)) < top:
                continue
            inside = [c for c in centres if abs(box - c) < radius]
            if inside:
                # |f| = ±f is concave around its peak, at which f' = 0 (checked below): the peak value is the bound
                sign = 1 if value(inside[0]) > 0 else -1
                assert sign * curvature(inside[0].union(box)) < 0
                near += 1
                continue
            assert float(b - a) > 1e-3, f"|f| < {constant} is not proved on [{a}, {b}]"
            middle = ((a + b) / 2).mid()
            boxes += [(a, middle), (middle, b)]
    assert near > 0


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", CURVED)
def test_constants_are_attained(name, order):
    item = ACTIVATIONS[name]
    f, constant = (item.dphi, item.B1) if order == 1 else (item.ddphi, item.B2)
    peak = PEAKS[name, order]
    if peak is None:
        assert 1 - sp.N(f.subs(x, 100), 60) < 1e-40
        return
    if (name, order) == ("silu", 1):  # the peak is the root x₀ of x tanh(x/2) = 2, by enclosure
        (root,) = item.B1.atoms(ImplicitRoot)
        with precision(128):
            assert peak == root
            at_root = enclose(root, 128)
            assert ball_function(f, [x])(at_root).overlaps(enclose(constant, 128))
            assert ball_function(item.ddphi, [x])(at_root).contains(0)
            # B1 = ½ + x₀/4 exactly: substitute tanh(x₀/2) = 2/x₀ into σ = (1 + tanh)/2
            z, s = sp.symbols("z s")
            assert sp.simplify((s + z * s * (1 - s)).subs(s, (1 + 2 / z) / 2) - sp.Rational(1, 2) - z / 4) == 0
        return
    at_peak = {x: sp.sympify(peak)}
    assert sp.expand(plain(f).subs(at_peak) ** 2 - plain(constant) ** 2).equals(0)
    assert plain(f.diff(x)).subs(at_peak).equals(0)


def test_identity_and_relu_constants():
    assert (ACTIVATIONS["identity"].B1, ACTIVATIONS["identity"].B2) == (1, 0)
    relu = ACTIVATIONS["relu"]
    assert not relu.smooth
    assert relu.B2 is None
    assert "outside the assumptions" in relu.title


# --- Gaussian moments -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("which", ["phi", "dphi"])
def test_gaussian_moments_against_mpmath(name, which):
    item = ACTIVATIONS[name]
    ball = item.C_phi() if which == "phi" else item.C_dphi()
    f = function(getattr(item, which), ["x"], "mpmath")
    with mpmath.workdps(40):
        points = [-16, -8, -4, -2, 0, 2, 4, 8, 16]
        moment = mpmath.quad(lambda t: f(t) ** 2 * mpmath.npdf(t), points)
        reference = mpmath.sqrt(moment)
        assert float(ball.rad()) < 1e-36
        assert abs(mpmath.mpf(ball.mid().str(40, radius=False)) - reference) < mpmath.mpf(10) ** -30


@pytest.mark.parametrize("name", [n for n in SMOOTH if ACTIVATIONS[n].C_phi_squared is not None])
def test_gaussian_moments_against_closed_forms(name):
    item = ACTIVATIONS[name]
    with precision(200):
        for ball, closed in ((item.C_phi(), item.C_phi_squared), (item.C_dphi(), item.C_dphi_squared)):
            assert (ball**2).contains(enclose(closed, 180))


# --- zeros, symmetry, shape -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SMOOTH)
def test_zeros_of_the_derivative(name):
    item = ACTIVATIONS[name]
    f = ball_function(item.dphi, [x])
    with precision(256):
        for point in item.zeros.points:
            centre, step = enclose(point, 256), arb(2) ** -100
            assert f(centre).contains(0)
            assert f(centre - step) * f(centre + step) < 0
        # no sign change inside an interval: φ' keeps its sign on a fine sample of both sides
        for a in (-5.0, -1.6, -1.0, -0.5, 0.0, 0.7, 3.0):
            low, high = item.interval(a)
            left = arb(-30) if low is -sp.oo else enclose(low, 256)
            right = arb(30) if high is sp.oo else enclose(high, 256)
            assert left < a < right
            inner = [left + (right - left) * j / 200 for j in range(1, 200)]
            assert all(f(point) > 0 for point in inner) or all(f(point) < 0 for point in inner)


def test_an_entry_at_a_zero_has_no_interval():
    with pytest.raises(ValueError, match="cannot be told from a zero"):
        ACTIVATIONS["relu"].interval(0.0)


@pytest.mark.parametrize("name", NAMES)
def test_symmetry_and_star_shape(name):
    item = ACTIVATIONS[name]
    assert bool(sp.simplify(item.phi.subs(x, -x) + item.phi) == 0) == item.odd
    if not item.star_shaped:
        return
    phi = function(item.phi, ["x"], "mpmath")
    grid = [mpmath.mpf(j) / 16 for j in range(1, 160)]
    with mpmath.workdps(60):
        values = [phi(t) for t in grid]
        assert item.phi.subs(x, 0) == 0
        assert item.odd
        assert all(p <= q for p, q in pairwise(values))
        ratios = [v / t for v, t in zip(values, grid, strict=True)]
        assert all(p >= q for p, q in pairwise(ratios))


def test_integrals_respect_branch_cuts():
    """∫_{−1}^{2} √(x²) = 2.5: without the analytic flag the quadrature is confidently wrong."""
    u = sp.Dummy("u")  # no assumptions: SymPy must not simplify the root to |u|
    integral = sp.Integral(sp.sqrt(u**2), (u, -1, 2))
    with precision(128):
        ball = ball_function(integral, ())()
        assert ball.contains(arb(5) / 2)
        assert float(ball.rad()) < 1e-9


def test_unknown_nodes_are_rejected_by_name():
    with pytest.raises(NotImplementedError, match="zeta"):
        ball_function(sp.zeta(x), [x])


@pytest.mark.parametrize(("statement", "letter"), [("dip2.conservation", "G"), ("wonly.mirror", "H")])
def test_statements_use_the_same_primitives(statement, letter):
    """What the theorems print for single activations is what the activations say, up to a constant."""
    checked = 0
    for key, expr in registry[statement].formulas.items():
        own = getattr(ACTIVATIONS.get(key.removeprefix(f"{letter}_")), letter, None)
        if own is not None:
            f, g = (function(e, ["x"], "mpmath") for e in (expr, own))
            with mpmath.workdps(50):
                gaps = [f(mpmath.mpf(p)) - g(mpmath.mpf(p)) for p in (-1.5, -0.3, 0.7, 1.5)]
                assert max(gaps) - min(gaps) < mpmath.mpf(10) ** -45
            checked += 1
    assert checked >= 2


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_supremum_of_phi(name: str) -> None:
    """phi_sup bounds |φ| and is approached; where it is None, φ exceeds any bound that one could mean."""
    item = ACTIVATIONS[name]
    values = [abs(float(item.phi.subs(sym("x"), value).evalf())) for value in (-50.0, -1.5, 0.0, 1.5707963, 3.0, 50.0)]
    if item.phi_sup is None:
        assert max(values) >= 49.0
    else:
        assert 1 - 1e-12 <= max(values) / float(item.phi_sup) <= 1.0
