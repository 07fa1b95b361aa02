"""Mirror flow of the hidden layer: the distance, the rate, the predicted limit, the stopping time, along simulated runs."""

import math
import time

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.optimize import minimize

from numerics.activations import activation
from numerics.wonly import (
    box,
    bregman,
    dphi_floor,
    interval,
    inverse_H,
    limit,
    rate_time,
    regularized,
    stopping_time,
)
from numerics.wonly.bregman import bregman_terms
from theory.activations import ACTIVATIONS

SMOOTH = [name for name in ACTIVATIONS if ACTIVATIONS[name].smooth]


def instance(name, seed, m=3, n=6, k=14, noise=0.1):
    """B, y, a0, eps: an interior observation (of moderate preactivations in the same intervals as a0) plus noise."""
    phi, rng = activation(name), np.random.default_rng(seed)
    A = rng.standard_normal((m, n)) / math.sqrt(n)
    B = A @ rng.choice([-1.0, 1.0], (n, k)) / math.sqrt(k) * 2
    a0 = rng.normal(0, 0.6, k)
    lo, hi = interval(phi, a0)
    lo, hi = np.maximum(lo, -8.0), np.minimum(hi, 8.0)
    truth = np.clip(a0 + 0.5 * rng.standard_normal(k), lo + 0.3 * (a0 - lo), hi - 0.3 * (hi - a0))
    eps = rng.standard_normal(m)
    eps *= noise / np.linalg.norm(eps)
    return phi, B, B @ phi.phi(truth) + eps, a0, truth, eps


def run(phi, B, y, a0, times, rtol=1e-11):
    """a(t) at the given times, shape (len, k)."""

    def field(t, a):
        return -phi.dphi(a) * (B.T @ (B @ phi.phi(a) - y))

    sol = solve_ivp(field, (0, times[-1]), a0, method="LSODA", rtol=rtol, atol=1e-13, t_eval=times)
    assert sol.success
    return sol.y.T


def potential_distance(phi, a_star, a):
    """sum of the integrals of the definition, by adaptive quadrature: the independent route to D."""
    total = 0.0
    for s, t in zip(a_star, a, strict=True):
        top = float(phi.phi(np.array([s]))[0])
        total += quad(
            lambda x, top=top: float((top - phi.phi(np.array([x]))[0]) / phi.dphi(np.array([x]))[0]), t, s, epsabs=1e-13
        )[0]
    return total


@pytest.mark.parametrize("name", SMOOTH)
def test_the_inverse_of_H(name):
    phi, rng = activation(name), np.random.default_rng(0)
    a = rng.normal(0, 1.5, 400)
    guess = np.clip(a + rng.normal(0, 1.0, 400), *(w for w in interval(phi, a)))
    lo, hi = interval(phi, a)
    width = np.minimum(hi - lo, 2.0)
    guess = np.clip(guess, lo + 1e-3 * width, hi - 1e-3 * width)
    back = inverse_H(phi, phi.H(a), guess)
    assert np.all((back > lo) & (back < hi))
    # conditioning: an error of an ulp of H moves a by u |H| |phi'|
    # (GELU, SiLU: H by quadrature, whose noise next to its pole reaches 2e-9)
    noise = 1e-10 if phi.theory.H is None else 0.0
    slack = noise + 1e-12 * (1 + np.abs(a)) + 1e-13 * np.abs(phi.H(a) * phi.dphi(a))
    assert np.all(np.abs(back - a) <= slack)
    far = inverse_H(phi, phi.H(a) + np.sign(phi.dphi(a)) * 1e3, a)
    assert np.all((np.abs(phi.phi(far) - phi.phi(a)) > 0)[np.abs(a) < 2])


@pytest.mark.parametrize("name", SMOOTH)
def test_the_box_is_the_image_of_the_intervals(name):
    phi, rng = activation(name), np.random.default_rng(1)
    a = rng.normal(0, 2, 50)
    lo, hi = box(phi, a)
    left, right = (np.clip(w, -300, 300) for w in interval(phi, a))
    inside = phi.phi(left + (right - left) * np.linspace(1e-6, 1 - 1e-6, 501)[:, None])
    assert np.all((inside >= lo - 1e-12) & (inside <= hi + 1e-12))
    finite = np.isfinite(lo)
    assert np.all(np.abs(inside.min(axis=0) - lo)[finite] < 1e-2)
    finite = np.isfinite(hi)
    assert np.all(np.abs(inside.max(axis=0) - hi)[finite] < 1e-2)


def test_the_relu_is_refused():
    for call in (
        lambda phi: box(phi, [1.0]),
        lambda phi: bregman(phi, [1.0], [2.0]),
        lambda phi: limit(phi, [[1.0]], [1.0], [1.0]),
    ):
        with pytest.raises(ValueError, match="outside the assumptions"):
            call(activation("relu"))


@pytest.mark.parametrize("name", SMOOTH)
def test_the_distance_is_the_integral(name):
    phi, _, _, a0, truth, _ = instance(name, 2)
    expected = potential_distance(phi, truth, a0)
    value = bregman(phi, truth, a0)
    assert expected > 0
    assert value == pytest.approx(expected, rel=1e-9)
    assert float(np.sum(bregman_terms(phi, truth, a0))) == pytest.approx(expected, rel=1e-9)
    assert bregman(phi, a0, a0) == 0.0
    # nearby points: D -> |dh|^2/(2 phi'^2), where the closed form cancels and the enclosure does not
    step = 1e-7
    near = bregman(phi, a0 + step, a0)
    assert near == pytest.approx(0.5 * step**2 * len(a0), rel=1e-5)
    if name in ("gelu", "silu", "sin"):
        with pytest.raises(ValueError, match="interval"):
            bregman(phi, np.array([-5.0]), np.array([1.0]))


@pytest.mark.parametrize("name", SMOOTH)
def test_the_identities_of_mirror_flow_along_a_run(name):
    phi, B, y, a0, truth, _ = instance(name, 3)
    times = np.concatenate([[0.0], np.geomspace(1e-2, 200.0, 30)])
    a = run(phi, B, y, a0, times)
    # wonly.mirror: H(a) - H(a0) in the range of B^T, so orthogonal to ker B
    null = np.linalg.svd(B)[2][B.shape[0] :].T
    drift = (phi.H(a) - phi.H(a0)) @ null
    assert np.max(np.abs(drift)) < 1e-7 * (1 + np.max(np.abs(phi.H(a) - phi.H(a0))))
    r = phi.phi(a) @ B.T - y
    assert np.all(np.diff(np.sum(r * r, axis=1)) <= 1e-10)
    # D' = <r, r* - r> for three kinds of h*, by a derivative of D along the exact field
    best = limit(phi, B, y, a0)
    for a_star in (best.a, truth, regularized(phi, B, y, a0, 3.0).a):
        r_star = B @ phi.phi(a_star) - y
        for i in (0, 5, 15):
            velocity = -phi.dphi(a[i]) * (B.T @ r[i])
            # dD/da_i = -(phi(a*) - phi(a))/phi'(a)
            slope = float(np.sum(-(phi.phi(a_star) - phi.phi(a[i])) / phi.dphi(a[i]) * velocity))
            h = 1e-4 / (1 + np.linalg.norm(velocity))
            numerical = (
                potential_distance(phi, a_star, a[i] + h * velocity)
                - potential_distance(phi, a_star, a[i] - h * velocity)
            ) / (2 * h)
            assert numerical == pytest.approx(slope, rel=1e-4, abs=1e-6)
            assert slope == pytest.approx(float(r[i] @ (r_star - r[i])), rel=1e-9, abs=1e-12)
            assert slope <= 0.5 * float(r_star @ r_star - r[i] @ r[i]) + 1e-12


@pytest.mark.parametrize("name", SMOOTH)
def test_the_rate_holds_for_every_point_of_the_box(name):
    phi, B, y, a0, truth, _ = instance(name, 4)
    times = np.concatenate([[0.0], np.geomspace(1e-2, 1e3, 40)])
    r = phi.phi(run(phi, B, y, a0, times)) @ B.T - y
    loss = 0.5 * np.sum(r * r, axis=1)
    rng = np.random.default_rng(5)
    lo, hi = interval(phi, a0)
    points = [limit(phi, B, y, a0).a, truth, a0]
    points += [
        np.clip(
            truth + 0.1 * rng.standard_normal(len(a0)),
            0.9 * truth + 0.1 * np.maximum(lo, -9),
            0.9 * truth + 0.1 * np.minimum(hi, 9),
        )
        for _ in range(3)
    ]
    for a_star in points:
        star = 0.5 * float(np.sum((B @ phi.phi(a_star) - y) ** 2))
        assert np.all(loss[1:] <= star + bregman(phi, a_star, a0) / times[1:] + 1e-12)
    tightness = []
    for t in (0.1, 1.0, 10.0, 100.0):
        point = regularized(phi, B, y, a0, t)
        assert np.all(loss[1:] <= point.loss + point.D_0 / times[1:] + 1e-12)
        bounds = np.array([point.residual_bound(s) for s in times[1:]])
        assert np.all(np.linalg.norm(r[1:], axis=1) <= bounds + 1e-9)
        # the least-squares form is never worse than the general rate at the same point
        assert np.all(0.5 * bounds**2 <= point.loss + point.D_0 / times[1:] + 1e-12)
        here = np.linalg.norm(phi.phi(run(phi, B, y, a0, np.array([0.0, t])))[-1] @ B.T - y)
        tightness.append(here / point.residual_bound(t))
    assert max(tightness) <= 1 + 1e-9
    assert max(tightness) > 0.4


def test_the_regularized_point_is_the_minimizer():
    phi, B, y, a0, *_ = instance("tanh", 6)
    for t in (0.3, 30.0):
        point = regularized(phi, B, y, a0, t)

        def objective(a, t=t):
            return 0.5 * float(np.sum((B @ phi.phi(a) - y) ** 2)) + float(np.sum(bregman_terms(phi, a, a0))) / t

        other = minimize(objective, a0, method="BFGS", options={"gtol": 1e-9})
        assert objective(point.a) <= other.fun + 1e-9
        assert np.allclose(phi.phi(point.a), phi.phi(other.x), atol=1e-4)
        assert np.allclose(point.p, -t * (B @ point.h - y), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", SMOOTH)
def test_the_limit_is_predicted(name):
    phi, B, y, a0, *_ = instance(name, 7)
    predicted = limit(phi, B, y, a0)
    assert predicted.residual < 1e-10
    floor = dphi_floor(phi, predicted.a, predicted.D_0)
    # GELU, SiLU: the wall at x* is reached logarithmically in D, the floor may underflow; it is a bound all the same
    assert floor > 0 or name in ("gelu", "silu")
    times = np.concatenate([[0.0], np.geomspace(0.1, 4e3, 60)])
    a = run(phi, B, y, a0, times)
    assert np.max(np.abs(phi.phi(a[-1]) - predicted.h)) < 1e-6
    # the floor and the linear rate it gives, |r(t)| <= |r(0)| exp(-floor^2 sigma^2 t)
    assert np.min(np.abs(phi.dphi(a))) >= floor * (1 - 1e-9)
    sigma = float(np.linalg.svd(B, compute_uv=False)[-1])
    r = np.linalg.norm(phi.phi(a) @ B.T - y, axis=1)
    assert np.all(r <= r[0] * np.exp(-((floor * sigma) ** 2) * times) * (1 + 1e-7) + 1e-9)


@pytest.mark.parametrize("name", SMOOTH)
def test_the_floor_is_the_minimum_over_the_sublevel_set(name):
    """One neuron: the whole sublevel set can be scanned."""
    phi = activation(name)
    for start in (0.3, -0.2):
        for D_0 in (0.05, 1.0):
            floor = dphi_floor(phi, [start], D_0)
            lo, hi = interval(phi, [start])
            x = np.linspace(max(float(lo[0]), start - 12), min(float(hi[0]), start + 12), 20002)[1:-1]
            inside = x[bregman_terms(phi, np.full(x.size, start), x) <= D_0]
            lowest = float(np.min(np.abs(phi.dphi(inside))))
            assert floor <= lowest * (1 + 1e-12)
            assert floor >= lowest * 0.93 - 5e-3  # the grid resolves the steep ends only so far


def test_an_ill_conditioned_limit():
    phi, B, _, a0, truth, _ = instance("tanh", 8)
    scale = np.geomspace(1, 1e-6, 3)
    predicted = limit(phi, scale[:, None] * B, scale * (B @ phi.phi(truth)), a0)
    assert np.allclose(predicted.h, limit(phi, B, B @ phi.phi(truth), a0).h, atol=1e-8)


def test_no_limit_is_invented():
    phi, B, y, a0, *_ = instance("tanh", 9)
    for wrong in ((B, 100 * y), (np.vstack([B, B[:1]]), np.append(y, y[0] + 1)), (B[:, :2], y)):
        with pytest.raises(ValueError, match="limit was not found"):
            limit(phi, *wrong, a0[: wrong[0].shape[1]])
    far = regularized(phi, B, 100 * y, a0, 50.0)  # the path exists nevertheless
    assert far.residual > 1
    assert np.max(np.abs(far.h)) < 1


def blurred(name, seed, m=16, k=64, kappa=1e4, relative=0.05):
    """An ill-conditioned instance with 5 % noise, as deblurring has them: (phi, B, y, a0, truth, |eps|)."""
    phi, rng = activation(name), np.random.default_rng(seed)
    q = np.linalg.qr(rng.standard_normal((m, m)))[0]
    B = (q * np.geomspace(1, 1 / kappa, m)) @ q.T @ rng.choice([-1.0, 1.0], (m, k)) / math.sqrt(k)
    a0 = rng.standard_normal(k)
    lo, hi = interval(phi, a0)
    lo, hi = np.maximum(lo, -9.0), np.minimum(hi, 9.0)
    truth = np.clip(a0 + rng.standard_normal(k), a0 + 0.6 * (lo - a0), a0 + 0.6 * (hi - a0))
    clean = B @ phi.phi(truth)
    eps = rng.standard_normal(m)
    eps *= relative * np.linalg.norm(clean) / np.linalg.norm(eps)
    return phi, B, clean + eps, a0, truth, float(np.linalg.norm(eps))


@pytest.mark.parametrize("name", SMOOTH)
def test_the_stopping_time_is_guaranteed_and_useful(name):
    """Guaranteed on every instance; within a factor 5 to 15 of the run, where wonly.stop with the known truth has 50 to 300."""
    ratios, gains = [], []
    for seed in range(3):
        phi, B, y, a0, truth, noise = blurred(name, seed)
        for tau in (1.2, 2.0):
            level = tau * noise
            found = stopping_time(phi, B, y, a0, level)
            assert found.point is not None
            if found.T == 0.0:
                continue

            def field(t, a, phi=phi, B=B, y=y):
                return -phi.dphi(a) * (B.T @ (B @ phi.phi(a) - y))

            def reached(t, a, phi=phi, B=B, y=y, level=level):
                return float(np.linalg.norm(B @ phi.phi(a) - y)) - level

            reached.terminal = True
            sol = solve_ivp(field, (0, found.T), a0, method="LSODA", rtol=1e-8, atol=1e-10, events=reached)
            assert sol.status == 1  # the level is reached before T
            ratios.append(found.T / sol.t[-1])
            gains.append(bregman(phi, truth, a0) / (tau * (tau - 1) * noise**2) / found.T)
    assert len(ratios) >= 4
    assert min(ratios) >= 1
    assert np.median(ratios) < 15
    assert np.median(gains) > 5


def test_times_from_numbers():
    assert rate_time(0.5, 1.0) == 2.0
    assert rate_time(0.5, 1.0, 0.5) == math.inf
    assert rate_time(0.5, 1.0, 0.125, least_squares=True) == 2.0  # 1/(1 (1 - 1/2))
    assert rate_time(0.5, 1.0, 0.125) > 2.6
    for bad in ((-1.0, 1.0, 0.0), (1.0, math.nan, 0.0)):
        with pytest.raises(ValueError, match="nonnegative"):
            rate_time(*bad)
    phi, B, y, a0, *_ = instance("tanh", 0)
    assert stopping_time(phi, B, y, a0, 100.0).T == 0.0
    assert math.inf == stopping_time(phi, B, 100 * y, a0, 0.1).T
    with pytest.raises(ValueError, match="positive"):
        stopping_time(phi, B, y, a0, 0.0)
    with pytest.raises(ValueError, match="positive"):
        regularized(phi, B, y, a0, math.inf)
    with pytest.raises(ValueError, match="must be m x k"):
        regularized(phi, B, y[:-1], a0, 1.0)


def test_a_thousand_observations_and_four_thousand_neurons_take_seconds():
    phi, rng = activation("tanh"), np.random.default_rng(10)
    m, k = 1000, 4000
    B = np.geomspace(1, 1e-3, m)[:, None] * rng.choice([-1.0, 1.0], (m, k)) / math.sqrt(k)
    a0 = rng.standard_normal(k)
    noise = rng.standard_normal(m)
    clean = B @ np.tanh(0.3 * rng.standard_normal(k))
    noise *= 0.05 * np.linalg.norm(clean) / np.linalg.norm(noise)
    start = time.process_time()
    point = regularized(phi, B, clean + noise, a0, 100.0)
    stop = stopping_time(phi, B, clean + noise, a0, 1.5 * float(np.linalg.norm(noise)))
    assert point.residual < np.linalg.norm(B @ np.tanh(a0) - clean - noise)
    assert 0 < stop.T < 1e6
    assert time.process_time() - start < 60


def test_a_level_out_of_reach_is_given_up_soon():
    """One neuron against a wall of SiLU: the path ends where Newton's method does, not eighty e-foldings later."""
    phi, rng = activation("silu"), np.random.default_rng(1)
    B, a0, y = rng.choice([-1.0, 1.0], (8, 1)), rng.standard_normal(1), 2 * rng.standard_normal(8)
    start = time.process_time()
    found = stopping_time(phi, B, y, a0, 0.05 * float(np.linalg.norm(B @ phi.phi(a0) - y)))
    assert math.isinf(found.T)
    assert time.process_time() - start < 5  # 0.2 seconds; 20 without
