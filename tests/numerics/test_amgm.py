"""The hidden-norm condition: F is a lower bound and nearly attained, the condition implies convergence, it is optimal."""

import math

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.optimize import minimize, minimize_scalar

from numerics.activations import activation
from numerics.amgm import dual, envelope, falling_slopes
from theory.activations import ACTIVATIONS

LIPSCHITZ = [name for name in ACTIVATIONS if ACTIVATIONS[name].smooth]
STAR = [name for name in LIPSCHITZ if ACTIVATIONS[name].star_shaped]


def theory_dual(phi, a, r):
    """THEORY's closed form, maximized over lambda by a bounded scalar search: an independent route."""
    p, tau = phi.phi(a) ** 2, (phi.phi(a) / a) ** 2

    def value(log_lam):
        lam = math.exp(log_lam)
        return -(np.sum(p * lam / (tau + lam)) - lam * r * r)

    best = min((minimize_scalar(value, bounds=b).fun for b in ((-25.0, -5.0), (-5.0, 5.0), (5.0, 35.0))), default=0.0)
    return math.sqrt(max(0.0, -best) / len(a))


def true_minimum(phi, a, r, rng):
    """min over |z| <= r of |phi(a + z)|/sqrt(k): SLSQP from many starts (an upper bound of the minimum)."""
    best = math.inf
    for _ in range(12):
        z = rng.standard_normal(len(a))
        z *= r * rng.random() / np.linalg.norm(z)
        found = minimize(
            lambda z: float(np.sum(phi.phi(a + z) ** 2)),
            z,
            jac=lambda z: 2 * phi.phi(a + z) * phi.dphi(a + z),
            constraints={"type": "ineq", "fun": lambda z: r * r - z @ z, "jac": lambda z: -2 * z},
            method="SLSQP",
        )
        z = found.x * min(1.0, r / max(np.linalg.norm(found.x), 1e-300))
        best = min(best, float(np.sum(phi.phi(a + z) ** 2)))
    return math.sqrt(best / len(a))


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_the_falling_slopes_are_slopes(name):
    phi, rng = activation(name), np.random.default_rng(0)
    a = np.concatenate([rng.normal(0, 2, 60), [0.0, 1e-8, -1e-8, math.pi, 3.0, -7.0]])
    kappa = falling_slopes(phi, a)
    x = np.concatenate([np.linspace(-30, 30, 4001), rng.normal(0, 1, 500)])
    floor = np.abs(phi.phi(a))[:, None] - kappa[:, None] * np.abs(x - a[:, None])
    assert np.all(np.abs(phi.phi(x)) >= floor - 1e-14)


@pytest.mark.parametrize("name", ["tanh", "erf", "identity", "sin", "softplus"])
def test_the_slopes_are_the_smallest_possible(name):
    """Shrunk by a percent they fail: the chords and tangents are attained."""
    phi, rng = activation(name), np.random.default_rng(1)
    a = rng.normal(0, 1.5, 40)
    kappa = 0.99 * falling_slopes(phi, a)
    x = np.concatenate([np.linspace(-20, 20, 20001), np.arange(-6, 7) * math.pi, a - 1e-6, a + 1e-6])
    floor = np.abs(phi.phi(a))[:, None] - kappa[:, None] * np.abs(x - a[:, None])
    broken = np.any(np.abs(phi.phi(x)) < floor - 1e-12, axis=1)
    assert broken.all()


@pytest.mark.parametrize("name", LIPSCHITZ)
def test_F_is_below_the_true_minimum(name):
    phi, rng = activation(name), np.random.default_rng(2)
    ratios = []
    for _ in range(6):
        k = int(rng.integers(1, 4))
        a = rng.normal(0, 0.6, k)  # moderate: for saturated neurons the chord relaxation is looser
        F = envelope(phi, a)
        for share in (0.2, 0.5, 0.8):
            r = share * float(np.linalg.norm(a))
            best = true_minimum(phi, a, r, rng)
            assert F(r) <= best * (1 + 1e-9) + 1e-7  # SLSQP stops at about 1e-8
            if best > 1e-2:
                ratios.append(F(r) / best)
    assert len(ratios) >= 4
    if name in STAR:
        assert np.median(ratios) > 0.8
    if name == "identity":
        assert min(ratios) > 1 - 1e-6


@pytest.mark.parametrize("name", STAR)
def test_the_lines_give_the_dual_of_the_theory(name):
    phi, a = activation(name), np.random.default_rng(3).standard_normal(40)
    F = envelope(phi, a)
    for r in np.linspace(0, 0.95, 9) * np.linalg.norm(a):
        value = theory_dual(phi, a, r)
        assert F(r) <= value * (1 + 1e-9)
        assert F(r) >= value * (1 - 1e-3)


@pytest.mark.parametrize("name", STAR)
def test_the_capacity_is_the_integral(name):
    phi, a = activation(name), np.random.default_rng(4).standard_normal(25)
    expected = 2 * 0.7 * quad(lambda r: theory_dual(phi, a, r), 0, float(np.linalg.norm(a)), limit=200)[0]
    result = dual(phi, a, 0.5, 0.7)
    assert result.capacity <= expected * (1 + 1e-9)
    assert result.capacity >= expected * (1 - 2e-4)
    # s_star and the length against the same integral
    for rho in (0.1, 0.5, 0.9):
        part = dual(phi, a, rho * result.capacity, 0.7)
        inner = quad(lambda r: theory_dual(phi, a, r), 0, part.ell_a_star, limit=200)[0]
        assert 2 * 0.7 * inner >= rho * result.capacity * (1 - 1e-9)
        assert 2 * 0.7 * inner <= rho * result.capacity * (1 + 2e-3)
        assert part.s_star <= theory_dual(phi, a, part.ell_a_star) * (1 + 1e-9)


@pytest.mark.parametrize("name", ["gelu", "silu"])
def test_the_linear_choice_is_recovered(name):
    phi, a = activation(name), np.random.default_rng(5).standard_normal(30)
    f0 = float(np.linalg.norm(phi.phi(a))) / math.sqrt(30)
    expected = 0.3 * math.sqrt(30) * f0**2 / phi.B1.value
    result = dual(phi, a, 0.5 * expected, 0.3)
    assert expected * (1 - 1e-12) <= result.capacity <= expected
    # l_a = (f0 - sqrt(f0^2 - B1 rho0/(sigma sqrt k))) sqrt(k)/B1
    assert result.ell_a_star == pytest.approx(f0 * math.sqrt(30) / phi.B1.value * (1 - math.sqrt(0.5)), rel=1e-10)
    assert result.s_star == pytest.approx(f0 * math.sqrt(0.5), rel=1e-10)
    assert result.s_star <= f0 * math.sqrt(0.5)


@pytest.mark.parametrize("name", LIPSCHITZ)
def test_the_dual_never_loses_to_the_linear_choice(name):
    phi, a = activation(name), np.random.default_rng(6).standard_normal(50)
    linear = math.sqrt(50) * float(np.mean(phi.phi(a) ** 2)) / phi.B1.value
    assert dual(phi, a, 0.0, 1.0).capacity >= linear * (1 - 1e-12)


def run(phi, A, y, a0, V0, t_end):
    """(t, a(t), residual, l_a, l): the flow of both layers with the lengths as further states, tight tolerances."""
    n, k = V0.shape

    def field(t, state):
        a, V = state[:k], state[k : k + n * k].reshape(n, k)
        h = phi.phi(a) / math.sqrt(k)
        q = A.T @ (A @ V @ h - y)
        da = -phi.dphi(a) * (V.T @ q) / math.sqrt(k)
        dV = -np.outer(q, h)
        return np.concatenate(
            [da, dV.ravel(), [np.linalg.norm(da), math.hypot(np.linalg.norm(da), np.linalg.norm(dV))]]
        )

    start = np.concatenate([a0, V0.ravel(), [0.0, 0.0]])
    sol = solve_ivp(field, (0, t_end), start, method="LSODA", rtol=1e-10, atol=1e-12)
    a = sol.y[:k].T
    V = sol.y[k : k + n * k].T.reshape(-1, n, k)
    residual = np.array([np.linalg.norm(A @ Vi @ phi.phi(ai) / math.sqrt(k) - y) for ai, Vi in zip(a, V, strict=True)])
    return sol.t, a, residual, sol.y[-2], sol.y[-1]


@pytest.mark.parametrize("name", LIPSCHITZ)
def test_the_condition_implies_convergence_up_to_the_boundary(name):
    phi, rng = activation(name), np.random.default_rng(7)
    n, m, k = 4, 3, 9
    for share in (0.3, 0.9, 0.999):
        A = rng.standard_normal((m, n))
        sigma_F = float(np.linalg.svd(A, compute_uv=False)[-1])
        a0, V0 = rng.standard_normal(k), rng.choice([-1.0, 1.0], (n, k))
        y0 = A @ V0 @ phi.phi(a0) / math.sqrt(k)
        rho_0 = share * dual(phi, a0, 0.0, sigma_F).capacity
        # pull the output towards zero and beyond: the direction that empties the hidden layer
        y = y0 - rho_0 * y0 / np.linalg.norm(y0)
        result = dual(phi, a0, rho_0, sigma_F)
        assert result.certified
        rate = (sigma_F * result.s_star) ** 2
        t, a, residual, length_a, length = run(phi, A, y, a0, V0, min(30 / rate, 1e5))
        f = np.linalg.norm(phi.phi(a), axis=1) / math.sqrt(k)
        assert np.all(f >= result.s_star - 1e-8)
        assert np.all(length_a <= result.ell_a_star + 1e-7)
        assert np.all(length <= rho_0 / (sigma_F * result.s_star) + 1e-7)
        assert np.all(residual <= rho_0 * np.exp(-rate * t) + 1e-7)
        assert residual[-1] < 1e-6 * rho_0 + 1e-8


def test_the_constant_is_optimal():
    """n = m = k = 1, identity, a0 = v0 = 1, y = 1 - rho0: certified iff rho0 < 1, and false beyond."""
    phi = activation("identity")
    one = np.ones((1, 1))
    for rho_0, certified in ((0.9, True), (1 - 1e-9, True), (1.0, False), (1.01, False)):
        assert dual(phi, [1.0], rho_0, 1.0).certified is certified
    capacity = dual(phi, [1.0], 0.0, 1.0).capacity
    assert 1 - 1e-12 <= capacity <= 1.0

    # the run attains f_inf^2 = a^2 = y = 1 - rho0, the theorem says s_*^2 = 1 - rho0: equality
    _, a, residual, length_a, _ = run(phi, one, np.array([0.1]), np.ones(1), one, 200.0)
    result = dual(phi, [1.0], 0.9, 1.0)
    assert residual[-1] < 1e-8
    assert float(a[-1, 0]) == pytest.approx(result.s_star, rel=1e-7)
    assert float(length_a[-1]) == pytest.approx(result.ell_a_star, rel=1e-7)

    # rho0 = 1: zero loss only in the limit of an empty hidden layer; rho0 > 1: a^2 = v^2 for ever, the loss stays positive
    _, a, residual, *_ = run(phi, one, np.zeros(1), np.ones(1), one, 1e4)
    assert abs(a[-1, 0]) < 0.02
    _, a, residual, *_ = run(phi, one, np.array([-0.01]), np.ones(1), one, 1e4)
    assert residual[-1] > 0.01 * (1 - 1e-6)


def test_large_widths_are_quick_and_finite():
    a = np.random.default_rng(8).standard_normal(20000)
    result = dual(activation("tanh"), a, 3.0, 0.5)
    assert result.certified
    assert 0 < result.s_star < 1
    assert result.margin == pytest.approx(1 - 3.0 / result.capacity)


def test_degenerate_and_bad_input():
    phi = activation("tanh")
    empty = dual(phi, np.zeros(3), 1.0, 1.0)
    assert (empty.certified, empty.capacity, empty.s_star) == (False, 0.0, 0.0)
    assert dual(phi, np.array([0.0, 1e-200, 2.0]), 0.1, 1.0).certified
    for a, rho, sigma in (
        ([], 1.0, 1.0),
        ([math.nan], 1.0, 1.0),
        ([1.0], -1.0, 1.0),
        ([1.0], math.inf, 1.0),
        ([1.0], 1.0, 0.0),
    ):
        with pytest.raises(ValueError, match="must be"):
            dual(phi, a, rho, sigma)
    with pytest.raises(ValueError, match="nonnegative"):
        envelope(phi, [1.0])(-1.0)
