"""Stopping times free of the condition number: the algebra of the search, and runs that keep every promise."""

import math

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.optimize import minimize_scalar

from numerics.activations import activation
from numerics.bound import upper
from numerics.illposed import discrepancy, path_constant, path_lipschitz, zero_noise_rate


def exact_G(L, sigma_0, modulus, lipschitz):
    return quad(lambda r: 2 * lipschitz(r) / (sigma_0 - modulus * r), 0, L, limit=200)[0]


def test_the_path_constant_is_the_minimum():
    for q in (0.3, 1.0, 2.0, math.e, 3.0, 5.0, 10.0, 1e3, 1e9, 1e200):
        c, u = path_constant(q)
        assert math.sqrt(u) + math.sqrt(max(0.0, math.log(q / u))) == pytest.approx(c, rel=1e-12)
        grid = np.concatenate([np.geomspace(min(q, 1) * 1e-6, q, 20001), [q]])
        values = np.sqrt(grid) + np.sqrt(np.maximum(np.log(q / grid), 0))
        assert c <= values.min() * (1 + 1e-12)
        assert c >= values.min() * (1 - 1e-5)


def test_the_certificate_is_true_and_the_search_finds_what_there_is():
    """Against an independent search: certified iff max L e^{-G/2} exceeds what is needed, apart from the last percent."""
    rng = np.random.default_rng(0)
    outcomes = {True: 0, False: 0}
    for _ in range(60):
        E_0, sigma_0, tau = float(rng.uniform(0.5, 20)), float(rng.uniform(0.5, 2)), float(rng.uniform(1.1, 3))
        Phi_0, eps = float(10 ** rng.uniform(-2, 1)), float(10 ** rng.uniform(-3, -1))
        if Phi_0 <= 0.5 * (tau * eps) ** 2:
            continue
        modulus = float(10 ** rng.uniform(-3, -0.5))
        growth = float(rng.uniform(0, 1)) * modulus

        def lipschitz(r, modulus=modulus, growth=growth):
            return modulus + growth * r * 0.1

        d = discrepancy(E_0, Phi_0, eps, tau, sigma_0, modulus, lipschitz)
        half = E_0 / (2 * (1 - 1 / tau))
        c = path_constant(2 * Phi_0 / (tau * eps) ** 2)[0]
        grid = np.linspace(1e-4, 0.999, 400) * sigma_0 / modulus
        room = max(L * math.exp(-exact_G(L, sigma_0, modulus, lipschitz) / 2) for L in grid)
        if d.certified:
            G = exact_G(d.L, sigma_0, modulus, lipschitz)
            assert d.G_L >= G * (1 - 1e-9)
            assert d.G_L <= G * 1.05 + 1e-3
            assert d.energy_bound >= E_0 * math.exp(G) * (1 - 1e-9)
            assert d.T_hat == pytest.approx(d.energy_bound / (tau * (tau - 1) * eps**2), rel=1e-12)
            assert d.E_bar == pytest.approx(d.energy_bound / (2 * (1 - 1 / tau)), rel=1e-12)
            length = math.sqrt(d.t_1 * Phi_0) + math.sqrt(d.E_bar * math.log(d.T_hat / d.t_1))
            assert length < d.L
            assert sigma_0 / modulus > d.L
            assert c * math.sqrt(half) < room * (1 + 1e-3)
        else:
            assert c * math.sqrt(half) > room * 0.97
            assert math.isnan(d.T_hat)
            assert "no path budget" in d.reason
        outcomes[d.certified] += 1
    assert min(outcomes.values()) >= 10


def test_a_fixed_jacobian_gives_the_classical_time():
    d = discrepancy(2.0, 1.0, 0.1, 1.5, 1.0, 0.0, lambda r: upper(0.0, "constant"))
    assert d.certified
    assert d.T_hat == pytest.approx(2.0 / (1.5 * 0.5 * 0.01), rel=1e-12)
    assert discrepancy(2.0, 1e-4, 0.1, 1.5, 1.0, 0.1, lambda r: 0.1).T_hat == 0.0  # already below


def test_the_zero_noise_horizon():
    def lipschitz(r):
        return 0.02 + 0.002 * r

    longest = zero_noise_rate(5.0, 1.0, 0.9, 0.02, lipschitz)
    assert longest.certified
    assert 1e3 < longest.T_1 < math.inf
    assert not zero_noise_rate(5.0, 1.0, 0.9, 0.02, lipschitz, T_1=longest.T_1 * 1.1).certified
    short = zero_noise_rate(5.0, 1.0, 0.9, 0.02, lipschitz, T_1=100.0)
    assert short.certified
    assert short.L < longest.L
    assert short.energy_bound < longest.energy_bound
    half = 0.5 * short.energy_bound
    best = minimize_scalar(
        lambda s: math.sqrt(math.exp(s)) + math.sqrt(half * max(0.0, math.log(100.0) - s)),
        bounds=(-9, 4),
        method="bounded",
    ).fun
    assert best <= math.sqrt(short.t_1) + math.sqrt(half * math.log(100.0 / short.t_1)) < short.L
    with pytest.raises(ValueError, match="certified for"):
        short.residual_bound(101.0)
    assert not zero_noise_rate(5.0, 1.0, 0.9, 0.9, lambda r: 0.9, T_1=100.0).certified


def test_bad_input():
    good = {"E_0": 1.0, "Phi_0": 1.0, "eps": 0.1, "tau": 2.0, "sigma_0": 1.0, "modulus": 0.1}
    for name, value in (("E_0", -1.0), ("tau", 1.0), ("eps", 0.0), ("sigma_0", 0.0), ("Phi_0", math.nan)):
        with pytest.raises(ValueError, match=r"must|needs"):
            discrepancy(**{**good, name: value}, lipschitz=lambda r: 0.1)
    with pytest.raises(ValueError, match="Lipschitz"):
        discrepancy(**good, lipschitz=lambda r: math.inf)
    with pytest.raises(ValueError, match="T_1"):
        zero_noise_rate(1.0, 1.0, 1.0, 0.1, lambda r: 0.1, T_1=0.0)


class Network:
    """tanh, both layers, Rademacher V: the constants of dip2 in closed form, and the flow with the length as a state."""

    def __init__(self, n, k, kappa, noise, seed):
        rng = np.random.default_rng(seed)
        self.n, self.k, self.phi = n, k, activation("tanh")
        left, right = (np.linalg.qr(rng.standard_normal((n, n)))[0] for _ in range(2))
        self.A = left * np.geomspace(1, 1 / kappa, n) @ right.T
        self.a0, self.V0 = rng.standard_normal(k), rng.choice([-1.0, 1.0], (n, k))
        self.truth = rng.standard_normal(n)
        eps = rng.standard_normal(n)
        self.eps = noise * eps / np.linalg.norm(eps)
        self.y = self.A @ self.truth + self.eps
        self.x0 = self.signal(self.a0, self.V0)
        f0 = np.linalg.norm(np.tanh(self.a0)) / math.sqrt(k)
        factor = np.linalg.svd(self.V0 * self.phi.dphi(self.a0), compute_uv=False) / math.sqrt(k)
        self.sigma_0 = math.hypot(f0, factor[-1])

    def modulus_of(self, c):
        b = 4 / (3 * math.sqrt(3)) * c
        return (b + math.sqrt(b * b + 4)) / (2 * math.sqrt(self.k))

    def lipschitz(self, r):
        return self.modulus_of(math.sqrt(self.n) + r)

    def along_the_path(self):
        f_0 = float(np.linalg.norm(np.tanh(self.a0))) / math.sqrt(self.k)
        return path_lipschitz(self.modulus_of, math.sqrt(self.n), f_0, self.k, 1.0, 1.0, 1.0)

    def signal(self, a, V):
        return V @ np.tanh(a) / math.sqrt(self.k)

    def energy(self, a, V, truth):
        K = (np.sum(np.tanh(a) ** 2) * np.eye(self.n) + (V * self.phi.dphi(a) ** 2) @ V.T) / self.k
        z = self.signal(a, V) - truth
        return 0.5 * float(z @ np.linalg.solve(K, z))

    def run(self, t_end, level=0.0, steps=8000):
        n, k = self.n, self.k

        def field(t, s):
            a, V = s[:k], s[k:-1].reshape(n, k)
            h = np.tanh(a)
            q = self.A.T @ (self.A @ (V @ h) / math.sqrt(k) - self.y)
            da = -(1 - h * h) * (V.T @ q) / math.sqrt(k)
            speed = math.hypot(np.linalg.norm(da), np.linalg.norm(q) * np.linalg.norm(h) / math.sqrt(k))
            return np.concatenate([da, -np.outer(q, h / math.sqrt(k)).ravel(), [speed]])

        def reached(t, s):
            return np.linalg.norm(self.A @ self.signal(s[:k], s[k:-1].reshape(n, k)) - self.y) - level

        reached.terminal = level > 0
        start = np.concatenate([self.a0, self.V0.ravel(), [0.0]])
        sol = solve_ivp(
            field, (0, t_end), start, method="DOP853", rtol=1e-8, atol=1e-10, events=reached, max_step=t_end / steps
        )
        states = [(s[:k], s[k:-1].reshape(n, k), s[-1]) for s in sol.y.T]
        return sol.t, states


def test_a_run_with_condition_number_1e6_keeps_every_promise():
    net = Network(4, 6000, 1e6, 0.1, 1)
    tau = 2.0
    E_0 = net.energy(net.a0, net.V0, net.truth)
    crude = float(np.sum((net.x0 - net.truth) ** 2)) / (2 * net.sigma_0**2)
    assert crude * (1 + 1e-12) >= E_0
    Phi_0 = 0.5 * float(np.sum((net.A @ net.x0 - net.y) ** 2))
    lipschitz = net.along_the_path()
    d = discrepancy(crude, Phi_0, 0.1, tau, net.sigma_0, net.lipschitz(0.0), lipschitz)
    assert d.certified
    assert d.T_hat < 1e4  # the baseline's sigma_F = 1e-6 gives 1e12
    t, states = net.run(d.T_hat, tau * 0.1)
    a, V, length = states[-1]
    assert 0 < t[-1] <= d.T_hat
    assert length < d.L
    assert net.energy(a, V, net.truth) <= d.energy_bound
    assert np.linalg.norm(net.A @ net.signal(a, V) - net.A @ net.truth) <= (1 + tau) * 0.1 * (1 + 1e-9)
    # E e^{-G(l)} never increases up to T (illposed.semiconvergence)
    scaled = [
        net.energy(a, V, net.truth) * math.exp(-exact_G(length, net.sigma_0, net.lipschitz(0.0), lipschitz))
        for a, V, length in states[:: max(1, len(states) // 25)]
    ]
    assert len(scaled) > 8
    assert np.all(np.diff(scaled) <= 1e-9 * scaled[0])


def test_the_rate_without_noise():
    net = Network(4, 6000, 1e6, 0.0, 2)
    E_0 = net.energy(net.a0, net.V0, net.truth)
    Phi_0 = 0.5 * float(np.sum((net.A @ net.x0 - net.y) ** 2))
    bound = zero_noise_rate(E_0, Phi_0, net.sigma_0, net.lipschitz(0.0), net.lipschitz, T_1=2e3)
    assert bound.certified
    t, states = net.run(2e3, steps=400)
    residual = np.array([np.linalg.norm(net.A @ net.signal(a, V) - net.y) for a, V, _ in states])
    limits = np.array([bound.residual_bound(s) for s in t[1:]])
    assert np.all(residual[1:] <= limits * (1 + 1e-9))
    assert np.max(residual[1:] / limits) > 0.1  # not vacuous
    assert states[-1][2] < bound.L


def test_the_evaluation_quoted_in_the_theory():
    """tanh, n = m = 8, k = 20000, kappa = 1e6, |eps| = 0.1, tau = 2: a bound of about 500.

    The quoted one put Lambda for Lip. With the Lipschitz constant of the ball nothing is certified; with the one along the
    path (path_lipschitz) the bound is the quoted one, now proved.
    """
    for seed in range(3):
        net = Network(8, 20000, 1e6, 0.1, seed)
        Phi_0 = 0.5 * float(np.sum((net.A @ net.x0 - net.y) ** 2))
        E_0 = net.energy(net.a0, net.V0, net.truth)
        quoted, ball, path = (
            discrepancy(E_0, Phi_0, 0.1, 2.0, net.sigma_0, net.lipschitz(0.0), lip)
            for lip in (lambda r, net=net: net.lipschitz(0.0), net.lipschitz, net.along_the_path())
        )
        assert path.certified
        assert not ball.certified
        assert 400 < quoted.T_hat <= path.T_hat < 600
        assert path.T_hat < 1.02 * quoted.T_hat


def test_the_columns_grow_as_slowly_as_the_path_constant_says():
    """c_V + r |phi|/(sqrt(k) f) along a run, for one wide and one narrow network; the bound is not vacuous."""
    for k, shortfall in ((12, 3.0), (400, 1.5)):
        net = Network(4, k, 3.0, 0.0, 5)
        f_0 = float(np.linalg.norm(np.tanh(net.a0))) / math.sqrt(k)
        columns = path_lipschitz(lambda c: c, 2.0, f_0, k, 1.0, float(np.max(np.abs(np.tanh(net.a0)))), 1.0)
        _, states = net.run(30.0, steps=400)
        compared = 0
        for _, V, length in states:
            bound = columns(length)
            if math.isfinite(bound):
                largest = float(np.max(np.linalg.norm(V, axis=0)))
                assert largest <= bound * (1 + 1e-7)
                assert bound <= max(2.0, largest) * shortfall * 3
                compared += 1
        assert compared >= 5
    assert path_lipschitz(lambda c: c, 1.0, 0.1, 4, 1.0, 1.0)(10.0) == math.inf


def test_the_energy_itself_may_grow():
    """Mutant E(T) <= E_0: g = (th1, th2 (1 - 0.05 th1)), A = diag(1, 1e-6), x_bar = (0.02, 1), eps = (-0.001, 0), tau = 2."""
    A, truth, eps = np.diag([1.0, 1e-6]), np.array([0.02, 1.0]), np.array([-0.001, 0.0])
    y = A @ truth + eps

    def parts(th):
        g = np.array([th[0], th[1] * (1 - 0.05 * th[0])])
        return g, np.array([[1.0, 0.0], [-0.05 * th[1], 1 - 0.05 * th[0]]])

    def energy(th):
        g, J = parts(th)
        z = g - truth
        return 0.5 * float(z @ np.linalg.solve(J @ J.T, z))

    def reached(t, th):
        return np.linalg.norm(A @ parts(th)[0] - y) - 0.002

    reached.terminal = True
    sol = solve_ivp(
        lambda t, th: -parts(th)[1].T @ A.T @ (A @ parts(th)[0] - y),
        (0, 100),
        [0.0, 0.0],
        rtol=1e-11,
        atol=1e-14,
        events=reached,
    )
    E_0 = energy(np.zeros(2))
    Phi_0 = 0.5 * float(y @ y)
    d = discrepancy(E_0, Phi_0, 0.001, 2.0, 1.0, 0.05, lambda r: 0.05)
    assert d.certified
    assert sol.t[-1] <= d.T_hat
    assert energy(sol.y[:, -1]) > E_0 * 1.0005  # the mutant is dead
    assert energy(sol.y[:, -1]) <= d.energy_bound
