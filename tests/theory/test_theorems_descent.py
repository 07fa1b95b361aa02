"""Gradient descent and the one-sided modulus in numbers: the objects of `gd.*`, `wonly.descent`, `dip2.saturated_modulus`."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq

from numerics.compile import evaluate
from theory.ledger import registry
from theory.symbols import sym

B2 = 4 / (3 * math.sqrt(3))  # of tanh


def value(key, name, **values):
    return evaluate(key, name, values)


# --- gradient descent -----------------------------------------------------------------------------------------------------


def scalar_family(h_nu, c, s0=1.3, Lam=0.7):
    """g(θ) = σ0θ − Λθ²/2, F = id, least squares, γM = 2c, h/ν = h_nu: what the theorem needs, and the iterates."""
    nu = 1 - c
    rho_0 = h_nu * nu * s0**2 / Lam
    given = {"sigma_F": 1.0, "sigma_0": s0, "Lambda": Lam, "rho_0": rho_0, "nu": nu}
    radius = value("gd.length", "ell_star", **given)
    theta = np.linspace(-radius, radius, 4001)
    hessian = (s0 - Lam * theta) ** 2 - Lam * (s0 * theta - Lam * theta**2 / 2 - rho_0)
    M = np.abs(hessian).max() * (1 + 1e-6)
    return given, M, 2 * c / M, (lambda th: s0 * th - Lam * th**2 / 2 - rho_0), (lambda th: s0 - Lam * th)


@pytest.mark.parametrize("h_nu", [0.05, 0.3, 0.49])
@pytest.mark.parametrize("c", [0.05, 0.5, 0.9])
def test_gd_on_the_scalar_family(h_nu, c):
    given, M, gamma, residual, slope = scalar_family(h_nu, c)
    nu = given["nu"]
    start = {name: given[name] for name in ("sigma_F", "sigma_0", "Lambda", "rho_0")}
    h = value("gd.condition", "h", **start)
    assert value("gd.condition", "nu", gamma=gamma, M=M) == pytest.approx(nu)
    assert value("gd.condition", "h_nu", **start, nu=nu) == pytest.approx(h_nu)
    assert gamma < value("gd.condition", "step_bound", h=h, M=M)
    ell_star = value("gd.length", "ell_star", **given)
    s_star = value("gd.rate", "s_star", **given)
    factor = value("gd.rate", "factor", nu=nu, gamma=gamma, sigma_F=1, s_star=s_star, w_min=1)
    assert 0 <= factor < 1
    theta, length, steps = 0.0, 0.0, 0
    level = 1e-3 * given["rho_0"]
    needed = value("gd.rate", "steps", rho_0=given["rho_0"], eps=level, nu=nu, gamma=gamma, sigma_F=1, s_star=s_star,
                   w_min=1)  # fmt: skip
    while abs(residual(theta)) > level:
        r, g = residual(theta), residual(theta) * slope(theta)
        new = theta - gamma * g
        loss, after = r * r / 2, residual(new) ** 2 / 2
        assert after <= value("gd.descent", "bound", loss=loss, nu=nu, gamma=gamma, grad_theta=abs(g)) + 1e-15
        assert after <= factor * loss + 1e-15
        length += abs(new - theta)
        now = value("gd.length", "bound", **given, rho=min(given["rho_0"], abs(residual(new))))
        assert length <= now + 1e-12
        assert now <= ell_star + 1e-12
        theta, steps = new, steps + 1
        assert steps < 1e6
    assert steps <= math.ceil(needed)
    assert steps > 0


def test_gd_on_a_two_layer_network():
    """M bounded on the ball by |A|²(|J| + Λr)² + Lip |A| (ρ0 + |A| r (|J| + Λr)); every conclusion at every step."""
    from numerics.activations import activation
    from numerics.networks import TwoLayer
    from numerics.worlds import TwoLayerGenerator

    rng = np.random.default_rng(0)
    n, k, checked = 3, 300, 0
    for train in ("both", "W"):
        net = TwoLayer(activation("tanh"), train, rng.standard_normal(k), rng.choice([-1.0, 1.0], (n, k)))
        A = np.linalg.qr(rng.standard_normal((n, n)))[0] * np.array([1.0, 0.9, 0.8])
        y = A @ net.output() + 0.1 * rng.standard_normal(n)
        generator = TwoLayerGenerator(net.activation, train, net.a, net.V)
        J, sF, A_norm = generator.jacobian(np.zeros(generator.size)), 0.8, 1.0
        assert np.linalg.svd(A, compute_uv=False)[-1] == pytest.approx(sF)
        s0, J_norm = np.linalg.svd(J, compute_uv=False)[[-1, 0]]
        rho_0, Lam = float(np.linalg.norm(A @ net.output() - y)), net.modulus().as_upper()
        for c in (0.3, 0.8):
            given = {"sigma_F": sF, "sigma_0": s0, "Lambda": Lam, "rho_0": rho_0, "nu": 1 - c}
            assert Lam * rho_0 / (sF * s0**2) / (1 - c) < 0.5
            radius = value("gd.length", "ell_star", **given)
            reach = J_norm + Lam * radius
            M = (A_norm * reach) ** 2 + net.lipschitz(radius).as_upper() * A_norm * (rho_0 + A_norm * radius * reach)
            gamma = 2 * c / M
            s_star = value("gd.rate", "s_star", **given)
            factor = value("gd.rate", "factor", nu=1 - c, gamma=gamma, sigma_F=sF, s_star=s_star, w_min=1)
            here, length = net, 0.0
            for _ in range(40):
                r = A @ here.output() - y
                q, root = A.T @ r, math.sqrt(k)
                da = -gamma * here.activation.dphi(here.a) * (here.V.T @ q) / root
                dV = -gamma * np.outer(q, here.activation.phi(here.a)) / root * (train == "both")
                step = math.hypot(np.linalg.norm(da), np.linalg.norm(dV))
                new = TwoLayer(net.activation, train, here.a + da, here.V + dV)
                loss, after = r @ r / 2, np.sum((A @ new.output() - y) ** 2) / 2
                assert after <= loss - (1 - c) * step**2 / gamma + 1e-14
                assert after <= factor * loss + 1e-14
                length += step
                assert length <= value("gd.length", "bound", **given, rho=math.sqrt(2 * after)) + 1e-9
                here, checked = new, checked + 1
    assert checked == 160


def test_gd_length_without_nu_is_false_and_the_rate_is_attained():
    """g = θ, γM = 1.8: nine times the length that ν = 1 would allow, and (1 − γM)² a step."""
    rho_0, gamma = 1.0, 1.8
    given = {"sigma_F": 1.0, "sigma_0": 1.0, "Lambda": 1e-9, "rho_0": rho_0}
    theta, length, losses = 0.0, 0.0, []
    for _ in range(200):
        step = -gamma * (theta - rho_0)
        losses.append((theta - rho_0) ** 2)
        theta, length = theta + step, length + abs(step)
    assert length == pytest.approx(9 * value("gd.length", "ell_star", **given, nu=1.0), rel=1e-6)
    assert length <= value("gd.length", "ell_star", **given, nu=0.1)
    factor = value("gd.rate", "factor", nu=0.1, gamma=gamma, sigma_F=1, s_star=1, w_min=1)
    assert losses[1] / losses[0] == pytest.approx(factor)


def test_gd_rate_mutants_fail_on_the_family():
    """ν lost, or σ0 for s_*: the family near the boundary refutes both."""
    given, _, gamma, residual, slope = scalar_family(0.49, 0.9)
    s_star = value("gd.rate", "s_star", **given)
    theta, ratios = 0.0, []
    for _ in range(5000):
        new = theta - gamma * residual(theta) * slope(theta)
        ratios.append((residual(new) / residual(theta)) ** 2)
        theta = new
        if abs(residual(theta)) < 1e-9:
            break
    true = value("gd.rate", "factor", nu=given["nu"], gamma=gamma, sigma_F=1, s_star=s_star, w_min=1)
    assert max(ratios) <= true
    mutants = [
        value("gd.rate", "factor", nu=1.0, gamma=gamma, sigma_F=1, s_star=given["sigma_0"], w_min=1),
        value("gd.rate", "factor", nu=given["nu"], gamma=gamma, sigma_F=1, s_star=10 * given["sigma_0"], w_min=1),
    ]
    assert all(max(ratios) > mutant for mutant in mutants)


# --- first layer only -------------------------------------------------------------------------------------------------------


def _H(a):
    return a / 2 + np.sinh(2 * a) / 4


def bregman(a_star, a):
    """D of every neuron, tanh, in closed form."""
    return np.tanh(a_star) * (_H(a_star) - _H(a)) - (np.sinh(a_star) ** 2 - np.sinh(a) ** 2) / 2


def curvature(a_star, N):
    """The supremum of D'' over {D ≤ N}: the largest over the neurons and over the interval of each."""
    worst = 0.0
    for star in a_star:
        ends = []
        for side in (-1, 1):
            far = 1.0
            while bregman(star, star + side * far) < N:
                far *= 2
            ends.append(
                star + side * brentq(lambda d, side=side, star=star: bregman(star, star + side * d) - N, 0, far)
            )
        grid = np.linspace(*ends, 801)
        second = evaluate("wonly.descent", "slope_tanh", {"x": grid, "a_star": np.full_like(grid, star)})
        worst = max(worst, float(second.max()))
    return worst * (1 + 1e-5)


def wonly_instances(count, rng):
    """(B, y, a0, a*, γ, ν, K, N) with N > D_0 + KγL_0/(2ν), as the statement asks."""
    found = 0
    while found < count:
        m, k = 3, 6
        B, a0 = rng.standard_normal((m, k)) / math.sqrt(k), rng.standard_normal(k)
        a_bar = rng.standard_normal(k)
        y = B @ np.tanh(a_bar) + rng.standard_normal(m) * rng.choice([0, 0.05])
        a_star = a_bar + rng.standard_normal(k) * rng.choice([0, 0.3])
        L_0 = np.sum((B @ np.tanh(a0) - y) ** 2) / 2
        D_0 = bregman(a_star, a0).sum()
        opnorm = np.linalg.norm(B, 2)
        M = opnorm**2 + B2 * np.linalg.norm(B, axis=0).max() * (opnorm * math.sqrt(k) + np.linalg.norm(y))
        c = float(rng.choice([0.02, 0.1, 0.4]))
        gamma, nu, N = 2 * c / M, 1 - c, 2 * D_0
        K = curvature(a_star, N)
        for _ in range(20):
            N = 1.001 * value("wonly.descent", "budget", D_0=D_0, D_slope=K, gamma=gamma, nu=nu, loss_0=L_0)
            K = curvature(a_star, N)
            if 1.0005 * value("wonly.descent", "budget", D_0=D_0, D_slope=K, gamma=gamma, nu=nu, loss_0=L_0) < N:
                found += 1
                yield B, y, a0, a_star, gamma, nu, K, N
                break
            if N > 1e6:
                break


def test_wonly_descent_along_gradient_descent():
    rng = np.random.default_rng(1)
    checked, increases, tight = 0, 0, 0.0
    for B, y, a0, a_star, gamma, nu, K, N in wonly_instances(12, rng):
        own = np.sum((B @ np.tanh(a_star) - y) ** 2) / 2
        D_0, L_0 = bregman(a_star, a0).sum(), np.sum((B @ np.tanh(a0) - y) ** 2) / 2
        a, paid, before = a0.copy(), 0.0, D_0
        given = {"D_0": D_0, "D_slope": K, "gamma": gamma, "nu": nu, "loss_0": L_0}
        for j in range(1, 400):
            r = B @ np.tanh(a) - y
            paid += gamma * (r @ r / 2 - own)
            a = a - gamma * (B.T @ r) / np.cosh(a) ** 2
            loss = np.sum((B @ np.tanh(a) - y) ** 2) / 2
            if loss < own:
                break
            D = bregman(a_star, a).sum()
            assert value("wonly.descent", "bound", **given, loss=loss) - paid + 1e-12 >= D
            assert D < N
            assert loss <= value("wonly.descent", "loss", **given, loss_star=own, steps=j) + 1e-12
            increases += before + 1e-13 < D
            tight = max(tight, D / value("wonly.descent", "bound", **given, loss=loss))
            before, checked = D, checked + 1
    assert checked > 500
    assert tight > 0.3


def test_wonly_descent_d_may_increase_and_the_extra_term_is_needed():
    """With a large step D grows although every loss is above that of h*: 'D does not increase' is a mutant that dies."""
    rng = np.random.default_rng(5)
    grown = 0
    for _ in range(3000):
        B, a, a_star = rng.standard_normal((2, 2)), rng.standard_normal(2) * 1.5, rng.standard_normal(2)
        y = B @ np.tanh(a_star)
        opnorm = np.linalg.norm(B, 2)
        r = B @ np.tanh(a) - y
        M = opnorm**2 + B2 * np.linalg.norm(B, axis=0).max() * np.linalg.norm(r)  # the loss does not increase
        new = a - 1.9 / M * (B.T @ r) / np.cosh(a) ** 2
        grown += bregman(a_star, new).sum() > bregman(a_star, a).sum() * (1 + 1e-6)
    assert grown > 0


def test_wonly_descent_bounds_d_only_while_the_loss_is_above_that_of_h_star():
    """k = 1, B = 1, y = 2 out of reach, a0 = a* = 0: the loss falls below that of h*, and D tends to infinity."""
    a_star, gamma, L_0, N = np.zeros(1), 0.02, 2.0, 1.0
    K, M = curvature(a_star, N), 1 + 3 * B2  # |l''| <= phi'^2 + |phi''| |phi - y|
    budget = value("wonly.descent", "budget", D_0=0.0, D_slope=K, gamma=gamma, nu=1 - gamma * M / 2, loss_0=L_0)
    assert budget < N
    a = 0.0
    for _ in range(5000):
        a -= gamma * (math.tanh(a) - 2) / math.cosh(a) ** 2
    assert bregman(a_star, np.array([a])).sum() > 10 * N


# --- one-sided modulus ------------------------------------------------------------------------------------------------------


def _fourth_moment(B, slope):
    """M4 for two rows, on a fine grid of directions (and what the grid may miss)."""
    angle = np.linspace(0, math.pi, 4001)
    q = np.stack([np.cos(angle), np.sin(angle)])
    return float(np.max(slope**2 @ (B.T @ q) ** 4)) * (1 + 1e-4)


def test_saturated_modulus_bounds_the_fall_of_sigma_min():
    rng = np.random.default_rng(3)
    worst, second_wins, seen = 0.0, 0, 0
    for trial in range(300):
        k = int(rng.choice([4, 8, 40]))
        B = rng.standard_normal((2, k)) * rng.choice([0.3, 1, 4], k)
        a = rng.standard_normal(k)
        slope = 1 / np.cosh(a) ** 2
        M4, c = _fourth_moment(B, slope), float(np.linalg.norm(B, axis=0).max())
        J = B * slope / math.sqrt(k)
        sigma_0, J_norm = np.linalg.svd(J, compute_uv=False)[[-1, 0]]
        assert value("dip2.saturated_modulus", "M4_upper", c_V=c, k=k, J_norm=J_norm) * (1 + 2e-4) >= M4
        crossing = value("dip2.saturated_modulus", "crossing", M4=M4, B2=B2, c_V=c)
        u, _, _ = np.linalg.svd(J)
        for r in (0.01, 0.3, 1.0, 3.0, 10.0):
            if trial % 2:  # away from zero, neurons that carry σ_min first
                weight = np.abs(u[:, -1] @ B) * slope * (rng.random(k) < 0.7)
                da = np.sign(a) * weight
            else:
                da = rng.standard_normal(k)
            da *= r / max(float(np.linalg.norm(da)), 1e-12)
            sigma = np.linalg.svd(B / np.cosh(a + da) ** 2 / math.sqrt(k), compute_uv=False)[-1]
            bound = value("dip2.saturated_modulus", "Omega_s", B2=B2, c_V=c, k=k, r=r, M4=M4)
            assert sigma_0 - sigma <= bound + 1e-12
            linear = B2 * c * r / math.sqrt(k)
            assert (bound < linear * (1 - 1e-9)) == (r > crossing * (1 + 1e-9))
            second_wins += bound < linear and bound < sigma_0
            worst = max(worst, (sigma_0 - sigma) / bound)
            seen += sigma < sigma_0
    assert seen > 300
    assert second_wins > 10, "the second term never matters before σ0 is used up"
    assert worst > 0.3


def test_saturated_modulus_is_one_sided():
    """A saturated neuron with a large column: waking it changes J by far more than Ω_s, but raises σ_min."""
    B = np.array([[1.0, 0.0, 30.0], [0.0, 1.0, 30.0]])
    a, moved = np.array([0.0, 0.0, 8.0]), np.array([0.0, 0.0, 0.0])
    slope = 1 / np.cosh(a) ** 2
    J, K = (B / np.cosh(x) ** 2 / math.sqrt(3) for x in (a, moved))
    bound = value(
        "dip2.saturated_modulus", "Omega_s", B2=B2, c_V=30 * math.sqrt(2), k=3, r=8.0, M4=_fourth_moment(B, slope)
    )
    assert np.linalg.norm(K - J, 2) > 5 * bound
    sigma = [np.linalg.svd(matrix, compute_uv=False)[-1] for matrix in (J, K)]
    assert sigma[0] - sigma[1] <= bound


def test_saturated_modulus_third_term_never_helps():
    """‖B‖ B2 r is at least the first term, max‖b_i‖ B2 r."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        B = rng.standard_normal((rng.integers(1, 5), rng.integers(1, 9)))
        assert np.linalg.norm(B, 2) >= np.linalg.norm(B, axis=0).max() * (1 - 1e-12)


def test_statements_on_descent_are_about_descent():
    assert registry["gd.rate"].conclusion.has(sym("nu"))
    assert registry["wonly.descent"].slack == registry["wonly.descent"].conclusion.rhs - sym("D_now")
