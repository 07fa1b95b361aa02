"""The compact factor against explicit Jacobians, and every certified bound against the truth it bounds."""

from __future__ import annotations

import math
from types import SimpleNamespace

import flint
import mpmath
import numpy as np
import pytest
import scipy.linalg

from numerics.activations import activation
from numerics.networks import TwoLayer
from theory.activations import ACTIVATIONS

SMOOTH = sorted(name for name, item in ACTIVATIONS.items() if item.smooth)
CURVED = sorted(name for name in SMOOTH if ACTIVATIONS[name].B2 != 0)
MODES = ("both", "W")


def draw(name, train, n=4, k=9, seed=0, V_scale=1.0):
    rng = np.random.default_rng(seed)
    return TwoLayer(activation(name), train, rng.standard_normal(k), V_scale * rng.standard_normal((n, k)))


def exact_jacobian(net, train="both"):
    """[V D/√k, φ(a) blocks] in the coordinates (a, V), for d = 1: an explicit matrix."""
    act = net.activation
    inner = net.V * act.dphi(net.a) / math.sqrt(net.k)
    if train == "W":
        return inner
    return np.hstack([inner, np.kron(np.eye(net.n), act.phi(net.a)[None, :]) / math.sqrt(net.k)])


def differentiated_jacobian(name, W, u, V, train):
    """J_g by central differences of g(W, V) = V φ(W u)/√k in ball arithmetic with 300 bits and a step of 2^-80.

    Shares nothing with the code under test but the expression of φ: neither φ', nor the reduction to a = W u.
    """
    phi = ACTIVATIONS[name].arb_phi
    step = flint.arb(2) ** -80

    def g(theta):
        inner = theta[: W.size].reshape(W.shape)
        outer = theta[W.size :].reshape(V.shape)
        hidden = np.array([phi(z) for z in inner @ np.array([flint.arb(x) for x in u])])
        return outer @ hidden / flint.arb(W.shape[0]).sqrt()

    theta = np.array([flint.arb(x) for x in np.concatenate([W.ravel(), V.ravel()]).tolist()])
    moving = range(theta.size if train == "both" else W.size)
    columns = []
    for i in moving:
        ahead, behind = theta.copy(), theta.copy()
        ahead[i], behind[i] = theta[i] + step, theta[i] - step
        columns.append([float(x.mid()) for x in (g(ahead) - g(behind)) / (2 * step)])
    return np.array(columns).T


@pytest.mark.parametrize("train", MODES)
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_singular_values_agree_with_an_explicit_jacobian_for_every_d(name, train):
    rng = np.random.default_rng(5)
    n, k = 3, 5
    V = rng.standard_normal((n, k))
    a = rng.standard_normal(k)
    net = TwoLayer(activation(name), train, a, V)
    previous, flint.ctx.prec = flint.ctx.prec, 300
    try:
        for d in (1, 2, 4):
            u = rng.standard_normal(d)
            u /= np.linalg.norm(u)
            W = rng.standard_normal((k, d))
            W += np.outer(a - W @ u, u)  # any W with W u = a: d and W enter through a alone
            explicit = differentiated_jacobian(name, W, u, V, train)
            assert explicit.shape == (n, k * d + (n * k if train == "both" else 0))
            sigma = np.linalg.svd(explicit, compute_uv=False)
            np.testing.assert_allclose(net.singular_values(), sigma, rtol=1e-10, atol=1e-10)
            basis = np.linalg.qr(rng.standard_normal((n, 2)))[0]
            restricted = np.linalg.svd(basis.T @ explicit, compute_uv=False)
            np.testing.assert_allclose(net.singular_values(basis), restricted, rtol=1e-10, atol=1e-10)
    finally:
        flint.ctx.prec = previous


@pytest.mark.parametrize("train", MODES)
def test_fewer_neurons_than_outputs_keep_the_zeros_of_the_factor(train):
    net = draw("tanh", train, n=6, k=3)
    explicit = np.linalg.svd(exact_jacobian(net, train), compute_uv=False)
    sigma = net.singular_values()
    assert sigma.shape == (6,)
    np.testing.assert_allclose(sigma[: explicit.size], explicit, atol=1e-12)
    if train == "W":  # J is 6 × 3: no full row rank, so σ0 of `A.init` is zero
        assert net.sigma_min().value == 0.0
        assert np.all(sigma[3:] == 0)
    else:
        assert 0.999999 * explicit[-1] < net.sigma_min().value <= explicit[-1]


def precise_sigma(net, U=None):
    """Singular values of UᵀJ to 40 digits, φ and φ' from balls."""
    with mpmath.workdps(60):
        item = net.activation.theory

        def enclosed(function):
            previous, flint.ctx.prec = flint.ctx.prec, 260
            try:
                return [mpmath.mpf(function(flint.arb(x)).str(60, radius=False)) for x in net.a.tolist()]
            finally:
                flint.ctx.prec = previous

        phi, dphi = enclosed(item.arb_phi), enclosed(item.arb_dphi)
        V = mpmath.matrix(net.V.tolist())
        S = V * mpmath.diag(dphi) / mpmath.sqrt(net.k)
        if U is not None:
            S = U.T * S
        gram = S * S.T
        eigenvalues = mpmath.eigsy(gram, eigvals_only=True)
        shift = sum(x * x for x in phi) / net.k if net.train == "both" else 0
        return sorted(mpmath.sqrt(max(0, x + shift)) for x in eigenvalues)


@pytest.mark.parametrize("train", MODES)
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_certified_bounds_enclose_the_truth_tightly(name, train):
    for seed in range(3):
        net = draw(name, train, n=3, k=7, seed=seed, V_scale=10.0 ** (2 * seed - 2))
        sigma = precise_sigma(net)
        low, high = net.sigma_min(), net.opnorm()
        assert (low.direction, high.direction) == ("lower", "upper")
        assert sigma[0] * (1 - 1e-9) <= low.value <= sigma[0]
        assert sigma[-1] <= high.value <= sigma[-1] * (1 + 1e-2)
        with mpmath.workdps(40):
            columns = [mpmath.sqrt(sum(mpmath.mpf(x) ** 2 for x in column)) for column in net.V.T.tolist()]
        norms = net.column_norms()
        assert all(c <= b <= c * (1 + mpmath.mpf(2) ** -45) for c, b in zip(columns, norms.tolist(), strict=True))
        assert max(columns) <= net.column_norm().value
        hidden = mpmath.sqrt(sum(mpmath.mpf(x) ** 2 for x in net.activation.phi(net.a).tolist()) / net.k)
        assert net.hidden_norm().value <= hidden * (1 + 1e-15)
        assert net.hidden_norm_upper().value >= hidden * (1 - 1e-15)
        assert net.hidden_norm_upper().value - net.hidden_norm().value < 1e-13 * float(hidden)


@pytest.mark.parametrize("train", MODES)
def test_the_bounds_survive_the_worst_activation_that_its_enclosure_allows(train):
    """Replace φ' by values off by δ with a stated error δ: the bounds must cover all that the enclosure covers."""
    delta = 1e-4
    true = draw("tanh", train, n=3, k=8, seed=1)
    act = true.activation
    sigma = precise_sigma(true)
    for sign in (-1.0, 1.0):
        shifted = SimpleNamespace(
            enclose_phi=lambda a, s=sign: (act.phi(a) + s * delta, np.full(a.shape, delta * (1 + 1e-9))),
            enclose_dphi=lambda a, s=sign: (act.dphi(a) + s * delta, np.full(a.shape, delta * (1 + 1e-9))),
            phi=act.phi,
            dphi=act.dphi,
        )
        net = TwoLayer(shifted, train, true.a, true.V)
        assert net.sigma_min().value <= sigma[0]
        assert net.opnorm().value >= sigma[-1]
        exact = true.V * act.dphi(true.a) / math.sqrt(true.k)
        factor = net.factor()
        assert 0.5 * factor.error <= np.linalg.norm(factor.matrix - exact) <= factor.error


def test_the_error_of_the_factor_covers_its_rounding():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        net = draw("erf", "W", n=6, k=40, seed=seed)
        U = np.linalg.qr(rng.standard_normal((6, 3)))[0]
        factor = net.factor(U)
        with mpmath.workdps(40):
            previous, flint.ctx.prec = flint.ctx.prec, 200
            dphi = [
                mpmath.mpf(net.activation.theory.arb_dphi(flint.arb(x)).str(50, radius=False)) for x in net.a.tolist()
            ]
            flint.ctx.prec = previous
            exact = mpmath.matrix(U.T.tolist()) * mpmath.matrix(net.V.tolist()) * mpmath.diag(dphi) / mpmath.sqrt(net.k)
            distance = mpmath.norm(exact - mpmath.matrix(factor.matrix.tolist()), 2)
        assert 0 < distance <= factor.error < 1e-13 * np.linalg.norm(factor.matrix) * 10


@pytest.mark.parametrize("train", MODES)
def test_a_tilted_basis_is_paid_for(train):
    """U spans a subspace at angle α from the true one: with sin_angle = sin α the bounds hold for the true one."""
    n, p, k = 6, 3, 12
    killed = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        q = np.linalg.qr(rng.standard_normal((n, n)))[0]
        net = draw("tanh", train, n=n, k=k, seed=seed)
        alpha = 0.02
        tilted = q[:, :p].copy()
        for j in range(p):  # every direction tilts by α into its own new direction
            tilted[:, j] = math.cos(alpha) * q[:, j] + math.sin(alpha) * q[:, p + j]
        s = math.sin(alpha) * (1 + 1e-12)
        true = mpmath.matrix(q[:, :p].tolist())
        sigma = precise_sigma(net, true)
        assert net.sigma_min(tilted, s).value <= sigma[0] * (1 + 1e-13)
        assert net.opnorm(tilted, s).value >= sigma[-1] * (1 - 1e-13)
        exact_columns = np.linalg.norm(q[:, :p].T @ net.V, axis=0)
        assert np.all(net.column_norms(tilted, s) >= exact_columns * (1 - 1e-13))
        killed += net.sigma_min(tilted).value > sigma[0] or net.opnorm(tilted).value < sigma[-1]
        # without a tilt the price is nothing
        assert net.sigma_min(q[:, :p]).value >= sigma[0] * (1 - 1e-9)
    assert killed > 0, "forgetting the tilt was never wrong: the test has no teeth"


def test_what_is_not_a_basis_is_refused():
    net = draw("tanh", "both")
    with pytest.raises(ValueError, match="orthonormal"):
        net.sigma_min(np.ones((4, 2)))
    with pytest.raises(ValueError, match="shape"):
        net.sigma_min(np.eye(3))


@pytest.mark.parametrize("train", MODES)
@pytest.mark.parametrize("name", SMOOTH)
def test_the_modulus_and_the_lipschitz_constant_are_never_exceeded(name, train):
    examined = 0
    for seed in range(4):
        rng = np.random.default_rng(seed)
        net = draw(name, train, n=3, k=6, seed=seed)
        jacobian = exact_jacobian(net, train)
        modulus = net.modulus().as_upper()
        assert modulus <= net.lipschitz(0.0).as_upper() * (1 + 1e-14)

        def moved(direction, size, net=net):
            step = direction * (size / np.linalg.norm(direction))
            V = net.V + step[net.k :].reshape(net.V.shape) if train == "both" else net.V
            return TwoLayer(net.activation, train, net.a + step[: net.k], V)

        dimension = net.k * (1 + (net.n if train == "both" else 0))
        for r in (1e-3, 0.1, 1.0, 5.0, 40.0):
            lip = net.lipschitz(r).as_upper()
            assert lip >= modulus * (1 - 1e-14)
            for _ in range(8):
                radius = r * rng.uniform()
                one = moved(rng.standard_normal(dimension) * rng.uniform(size=dimension) ** 4, radius)
                two = moved(rng.standard_normal(dimension) * rng.uniform(size=dimension) ** 4, r)
                change = np.linalg.norm(exact_jacobian(one, train) - jacobian, 2)
                assert change <= modulus * radius * (1 + 1e-12) + 1e-14
                apart = np.linalg.norm(np.append((one.V - two.V).ravel(), one.a - two.a))
                change = np.linalg.norm(exact_jacobian(one, train) - exact_jacobian(two, train), 2)
                assert change <= lip * apart * (1 + 1e-12) + 1e-14
                examined += 1
    assert examined == 160


@pytest.mark.parametrize("name", CURVED)
def test_the_modulus_of_one_layer_is_attained(name):
    """One neuron at the steepest point of φ': Λ is reached to 1e-6 as r → 0, so no smaller constant is true."""
    act = activation(name)
    grid = np.linspace(-4, 4, 80001)
    steepest = grid[np.argmax(np.abs(act.ddphi(grid)))]
    V = np.array([[3.0, 0.1], [4.0, 0.2]])
    net = TwoLayer(act, "W", np.array([steepest, 0.3]), V)
    r = 1e-4
    best = 0.0
    for sign in (-1.0, 1.0):
        other = TwoLayer(act, "W", net.a + np.array([sign * r, 0.0]), V)
        best = max(best, np.linalg.norm(exact_jacobian(other, "W") - exact_jacobian(net, "W"), 2))
    assert 1 - 1e-3 < best / (r * net.modulus().value) <= 1 + 1e-9


def test_the_modulus_of_both_layers_is_nearly_attained():
    """First order: δV = x·(unit) along v_1, δa on neuron 1 with B1 and B2 both met is impossible; identity meets B1."""
    net = draw("identity", "both", n=3, k=4)
    step = 0.1 * np.outer(np.eye(3)[0], np.eye(4)[0])
    other = TwoLayer(net.activation, "both", net.a, net.V + step)
    change = np.linalg.norm(exact_jacobian(other) - exact_jacobian(net), 2)
    assert change / 0.1 == pytest.approx(net.modulus().value, rel=1e-12)
    # tanh with a large column: the term B2 c dominates and is met
    act = activation("tanh")
    V = np.array([[1e3, 0.0], [0.0, 1.0]])
    inflection = math.atanh(1 / math.sqrt(3))
    net = TwoLayer(act, "both", np.array([inflection, 0.0]), V)
    other = TwoLayer(act, "both", net.a + np.array([1e-5, 0.0]), V)
    change = np.linalg.norm(exact_jacobian(other) - exact_jacobian(net), 2)
    assert 0.999 < change / (1e-5 * net.modulus().value) <= 1.0


@pytest.mark.parametrize("train", MODES)
@pytest.mark.parametrize("name", SMOOTH)
def test_the_baseline_radius_solves_its_equation(name, train):
    net = draw(name, train, n=3, k=20, seed=3)
    for sigma in (net.sigma_min().value, 1e-3, 7.0):
        radius = net.baseline_radius(sigma)
        assert radius.direction == "lower"
        if train == "W" and ACTIVATIONS[name].B2 == 0:
            assert math.isinf(radius.value)
            continue
        product = radius.value * net.lipschitz(radius.value).value
        assert product == pytest.approx(sigma / 2, rel=1e-12)
        # the largest one: a slightly larger radius breaks the condition
        larger = radius.value * (1 + 1e-9)
        assert larger * net.lipschitz(larger).value > sigma / 2
    assert net.baseline_radius(0.0).value == 0.0


def test_relu_is_outside_the_assumptions():
    net = draw("relu", "both")
    assert net.sigma_min().value > 0
    for ask in (net.modulus, lambda: net.lipschitz(1.0), lambda: net.baseline_radius(1.0)):
        with pytest.raises(ValueError, match="outside the assumptions"):
            ask()


def test_ill_conditioned_factors_keep_a_positive_bound():
    rng = np.random.default_rng(0)
    left, right = scipy.linalg.qr(rng.standard_normal((4, 4)))[0], np.linalg.qr(rng.standard_normal((12, 4)))[0]
    V = left @ np.diag([1.0, 1e-2, 1e-5, 1e-9]) @ right.T
    net = TwoLayer(activation("identity"), "W", np.ones(12), V)
    true = precise_sigma(net)[0]
    assert 0 < net.sigma_min().value <= true
    assert net.sigma_min().value > 0.5 * true
    assert net.singular_values()[-1] == pytest.approx(float(true), rel=1e-5)


def test_wide_networks_are_certified_too():
    net = draw("gelu", "both", n=5, k=100_000)
    sigma = net.singular_values()
    assert sigma[-1] * (1 - 1e-7) < net.sigma_min().value <= sigma[-1] * (1 + 1e-12)
    assert net.opnorm().value >= sigma[0] * (1 - 1e-12)


def test_bad_input_is_met_at_the_door():
    act = activation("tanh")
    a, V = np.zeros(3), np.zeros((2, 3))
    with pytest.raises(ValueError, match="'both'"):
        TwoLayer(act, "V", a, V)
    with pytest.raises(ValueError, match="float64"):
        TwoLayer(act, "W", a.astype(np.float32), V)
    with pytest.raises(ValueError, match="NaN"):
        TwoLayer(act, "W", a + np.nan, V)
    with pytest.raises(ValueError, match="shape"):
        TwoLayer(act, "W", a, V.T.copy())
    with pytest.raises(ValueError, match="radius"):
        TwoLayer(act, "W", a, V).lipschitz(-1.0)
    with pytest.raises(ValueError, match="sigma_0"):
        TwoLayer(act, "W", a, V).baseline_radius(-1.0)
