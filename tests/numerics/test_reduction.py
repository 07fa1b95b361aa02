"""The reduction against a naive simulation that knows nothing of it, and what it does with data outside Im A."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from numerics.activations import activation
from numerics.losses import loss
from numerics.networks import TwoLayer
from numerics.operators import from_mapping, product
from numerics.operators.dense import DenseOperator
from numerics.reduction import Streamed, complete, radial, reduce
from theory.activations import ACTIVATIONS
from theory.losses import LOSSES

MODES = ("both", "W")
N, K, D = 6, 5, 3
STEP, STEPS = 0.01, 500


def make_loss(name, m, weighted=True):
    item = LOSSES[name]
    rng = np.random.default_rng(5)
    missing = {parameter.name: m for parameter in item.parameters if parameter.default is None}
    return loss(name, rng.uniform(0.5, 2.0, m) if item.weighted and weighted else None, **missing)


def matrix(m, rank, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((m, rank)) @ rng.standard_normal((rank, N)) / N


def start(seed=1):
    rng = np.random.default_rng(seed)
    u = rng.standard_normal(D)
    u /= np.linalg.norm(u)
    return rng.standard_normal((K, D)), u, rng.choice([-1.0, 1.0], (N, K))


def naive(A, y, L, phi, train, W, u, V, steps):
    """Forward Euler on all of (W, V), nothing reduced: what gradient descent with step STEP does."""
    W, V, values = W.copy(), V.copy(), []
    for _ in range(steps):
        z = W @ u
        hidden = phi.phi(z)
        v = A @ (V @ hidden) / math.sqrt(K)
        values.append(L.value(v, y))
        q = A.T @ L.grad(v, y)
        dW = np.outer(phi.dphi(z) * (V.T @ q), u) / math.sqrt(K)
        dV = np.outer(q, hidden) / math.sqrt(K)
        W -= STEP * dW
        if train == "both":
            V -= STEP * dV
    return W, V, np.array(values)


def reduced(problem, steps=STEPS):
    system = problem.system()
    displacement, values = np.zeros(system.size), []
    for _ in range(steps):
        values.append(system.observe(displacement).loss)
        displacement = displacement + STEP * system.velocity(displacement)
    a, V = problem.a0 + displacement[: problem.k], None
    if problem.train == "both":
        V = problem.V0 + displacement[problem.k :].reshape(problem.V0.shape)
    return a, V, np.array(values)


def agree(A, y, L, name, train, operator=None, form="auto", steps=STEPS):
    W, u, V = start()
    phi = activation(name)
    full_W, full_V, values = naive(A, y, L, phi, train, W, u, V, steps)
    r = reduce(A if operator is None else operator, y, TwoLayer(phi, train, W @ u, V), L, form=form)
    a, Vr, reduced_values = reduced(r.problem, steps)
    close = {"rtol": 0, "atol": 2e-13}
    x = full_V @ phi.phi(full_W @ u) / math.sqrt(K)
    np.testing.assert_allclose(a, full_W @ u, **close)
    np.testing.assert_allclose(r.inner(a, W, u), full_W, **close)
    np.testing.assert_allclose(r.signal(a, Vr), x, **close)
    np.testing.assert_allclose(r.data(a, Vr), A @ x, **close)
    np.testing.assert_allclose(reduced_values + r.offset, values, rtol=1e-11, atol=2e-13)
    assert r.value(a, Vr) == pytest.approx(L.value(A @ x, y), rel=1e-10)
    if train == "both":
        np.testing.assert_allclose(r.weights(Vr), full_V, **close)
    moved = math.hypot(np.linalg.norm(full_W - W), np.linalg.norm(full_V - V))
    assert r.distance(a, Vr) == pytest.approx(moved, rel=1e-11)
    assert moved > 1e-2  # something happened
    return r


# --- against the naive simulation
@pytest.mark.parametrize("train", MODES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation(name, train):
    A = matrix(4, 4)
    agree(A, np.random.default_rng(2).standard_normal(4), make_loss("least_squares", 4), name, train)


@pytest.mark.parametrize("train", MODES)
@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_with_data_outside_the_image(name, train):
    """Rank 3 of 5 × 6: the rotated form where the expression allows it, the reduced one otherwise; both exact."""
    A, y, L = matrix(5, 3), np.random.default_rng(3).standard_normal(5), make_loss(name, 5)
    r = agree(A, y, L, "tanh", train)
    assert r.form == ("rotated" if radial(L) else "reduced")
    assert r.problem.p == 3 + r.frozen
    assert r.problem.C.ndim == (1 if r.form == "rotated" else 2)
    assert r.outside > 0.1
    if radial(L):
        with_reduced = agree(A, y, L, "tanh", train, form="reduced")
        assert with_reduced.form == "reduced"
        assert with_reduced.offset == 0.0
        assert (r.offset > 0) == radial(L).additive == (not r.frozen)
    else:
        assert L.name in r.reason


@pytest.mark.parametrize("shape", [(4, 4), (9, 6), (6, 6), (3, 1)])
@pytest.mark.parametrize("name", ["least_squares", "weighted_least_squares", "p_power", "log_cosh"])
def test_wide_tall_square_and_rank_one(name, shape):
    m, rank = shape
    y = np.random.default_rng(m + 50).standard_normal(m)
    r = agree(matrix(m, rank, seed=m), y, make_loss(name, m), "softplus", "both")
    assert r.basis.singular_values().size == rank
    assert (r.outside > 0) == (m > rank)


STRUCTURED = [
    {"kind": "identity"},
    {"kind": "subsample", "indices": [5, 0, 2]},
    {"kind": "blur", "taps": [0.5, 0.3, 0.2]},
    {"kind": "fourier", "indices": [0, 1, 5]},
    {"kind": "fourier", "indices": [0, 3, 2, 5], "transform": "cosine"},
    {"kind": "fourier_synthesis"},
    {"kind": "compose", "parts": [{"kind": "subsample", "every": 2}, {"kind": "blur", "taps": [0.5, 0.3, 0.2]}]},
    {"kind": "compose", "parts": [{"kind": "fourier", "indices": [0, 1, 5]}, {"kind": "fourier_synthesis"}]},
]


@pytest.mark.parametrize("name", ["least_squares", "weighted_least_squares", "lojasiewicz", "lp", "pseudo_huber"])
@pytest.mark.parametrize("spec", STRUCTURED, ids=lambda spec: spec["kind"])
@pytest.mark.parametrize("scale", [1.0, -1.5])
def test_structured_operators(spec, name, scale):
    T = product(from_mapping(spec).build((N,), np.random.default_rng(0)), scale=scale)
    m = T.shape[0]
    y = np.random.default_rng(4).standard_normal(m)
    r = agree(T.toarray(), y, make_loss(name, m), "tanh", "both", operator=T, steps=100)
    own = T.factorization().sign is not None
    assert own == (spec["kind"] in ("identity", "subsample", "fourier") or "fourier" in str(spec.get("parts")))
    assert (r.form == "rotated") == (own or radial(r.loss) is not None)
    assert r.whitening is None or not own  # data in the operator's own coordinates keep their weights


def test_a_blur_that_loses_frequencies_keeps_the_others():
    """Taps (1/2, 1/2) on six samples remove the fastest frequency: rank 5, and the loss is off by a constant."""
    T = from_mapping({"kind": "blur", "taps": [0.5, 0.5]}).build((N,), np.random.default_rng(0))
    y = np.random.default_rng(6).standard_normal(N)
    r = agree(T.toarray(), y, loss("least_squares"), "tanh", "both", operator=T)
    assert r.problem.p == 5
    fastest = np.array([1.0, -1.0] * 3) / math.sqrt(6)
    assert r.offset == pytest.approx(0.5 * (fastest @ y) ** 2, rel=1e-12)


# --- which losses may be rotated
def test_the_losses_that_may_be_rotated_are_those_that_are_invariant():
    """Derived from the expression; checked on random rotations of the residual."""
    rng = np.random.default_rng(7)
    rotation, _ = np.linalg.qr(rng.standard_normal((5, 5)))
    for name in LOSSES:
        L, residual = make_loss(name, 5, weighted=False), rng.standard_normal(5)
        turned = L.value(rotation @ residual, np.zeros(5))
        invariant = turned == pytest.approx(L.value(residual, np.zeros(5)), rel=1e-12)
        assert invariant == (radial(L) is not None), name
    assert {name for name in LOSSES if radial(make_loss(name, 5))} >= {"least_squares", "weighted_least_squares"}
    assert not radial(loss("p_power", p=3)).additive
    assert radial(loss("p_power", p=2)).additive
    assert radial(loss("lojasiewicz", alpha=0.5)).additive
    assert not radial(loss("lojasiewicz", alpha=0.4)).additive


def test_whitening_of_equal_weights_is_a_factor():
    whitening = radial(loss("weighted_least_squares", [4.0, 4.0])).whitening(np.array([4.0, 4.0]))
    np.testing.assert_array_equal(whitening, [2.0, 2.0])
    assert radial(loss("weighted_least_squares", [1.0, 1.0])).whitening(np.ones(2)) is None


# --- levels of stopping
def test_levels_of_stopping():
    A, y = matrix(5, 3), np.random.default_rng(3).standard_normal(5)
    W, u, V = start()
    net = TwoLayer(activation("tanh"), "both", W @ u, V)
    r = reduce(A, y, net, loss("least_squares"))
    v = r.data(net.a)
    inner = r.problem.system().observe(np.zeros(r.problem.system().size))
    assert r.loss_level(r.value(net.a)) == pytest.approx(inner.loss, rel=1e-13)
    assert r.residual_level(float(np.linalg.norm(v - y))) == pytest.approx(inner.residual, rel=1e-13)
    assert r.loss_level(0.0) == r.residual_level(0.0) == 0.0
    with pytest.raises(ValueError, match="cannot come down"):
        r.loss_level(r.offset)
    with pytest.raises(ValueError, match="cannot come down"):
        r.residual_level(r.outside)
    power = reduce(A, y, net, loss("p_power"))
    assert power.residual_level(5.0) == 5.0


# --- a network that is remembered by its seed
@pytest.mark.parametrize("antisymmetric", [False, True])
@pytest.mark.parametrize("train", MODES)
def test_a_streamed_network_is_the_stored_one(train, antisymmetric, monkeypatch):
    law = Streamed(N, 8, 3, activation("tanh"), train, V_scale=0.5, antisymmetric=antisymmetric)
    V0 = law.columns(0, 8)
    for start in range(8):  # columns do not depend on how they are asked for
        np.testing.assert_array_equal(law.columns(start, start + 1)[:, 0], V0[:, start])
    np.testing.assert_array_equal(law.columns(3, 7), V0[:, 3:7])
    A, y = matrix(4, 4), np.random.default_rng(8).standard_normal(4)
    stored = reduce(A, y, TwoLayer(law.activation, train, law.a0, np.ascontiguousarray(V0)), loss("least_squares"))
    a, V, _ = reduced(stored.problem)
    signals = []
    for block in (1, 3 * N, 10**6):
        monkeypatch.setattr("numerics.reduction.laws._BLOCK", block)
        streamed = reduce(A, y, law, loss("least_squares"))
        np.testing.assert_allclose(streamed.problem.V0, stored.problem.V0, rtol=0, atol=1e-14)
        np.testing.assert_array_equal(streamed.problem.a0, stored.problem.a0)
        signals.append(streamed.signal(a, V))
        if V is not None:
            np.testing.assert_allclose(streamed.weights(V, 2, 7), stored.weights(V)[:, 2:7], atol=1e-14)
    np.testing.assert_allclose(signals, [stored.signal(a, V)] * 3, rtol=0, atol=1e-13)
    if antisymmetric:
        np.testing.assert_array_equal(law.output(law.activation.phi(law.a0)), 0.0)


def test_a_streamed_network_has_the_law_it_says():
    law = Streamed(400, 300, 11, activation("tanh"), V="uniform", V_scale=2.0, W_std=3.0)
    V = law.columns(0, 300)
    assert np.abs(V).max() <= 2.0 * math.sqrt(3.0)
    assert V.mean() == pytest.approx(0.0, abs=0.03)
    assert V.var() == pytest.approx(4.0, rel=0.02)
    assert np.abs(np.corrcoef(V.T) - np.eye(300)).max() < 0.3  # columns are independent, 400 rows each
    assert law.a0.std() == pytest.approx(3.0, rel=0.15)
    other = replace(law, seed=12)
    assert abs(np.corrcoef(V[:, 0], other.columns(0, 1)[:, 0])[0, 1]) < 0.2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n": 0}, "n must be an integer >= 1"),
        ({"k": 2.0}, "k must be an integer"),
        ({"seed": -1}, "seed must be an integer >= 0"),
        ({"train": "V"}, 'must be "both" or "W"'),
        ({"V": "normal"}, "unknown distribution"),
        ({"V_scale": 0.0}, "V_scale must be a finite number > 0"),
        ({"k": 7, "antisymmetric": True}, "must be even, got 7"),
    ],
)
def test_bad_streamed_networks(change, message):
    with pytest.raises(ValueError, match=message):
        Streamed(**{"n": 4, "k": 6, "seed": 0, "activation": activation("tanh"), **change})


def test_too_many_columns_at_once():
    law = Streamed(10**6, 100, 0, activation("tanh"))
    with pytest.raises(ValueError, match="ask for fewer"):
        law.columns(0, 100)
    with pytest.raises(ValueError, match="columns 5 to 101"):
        law.columns(5, 101)


# --- W afterwards
def test_the_completed_inner_weights_have_their_law():
    """Given W u = a0 the rest is that of an independent copy: with a0 ~ N(0, s²) all entries are independent."""
    rng, u = np.random.default_rng(13), np.array([0.6, 0.0, 0.8])
    a0 = 2.0 * rng.standard_normal(20_000)
    W = complete(a0, u, rng, W_std=2.0)
    np.testing.assert_allclose(W @ u, a0, atol=1e-13)
    np.testing.assert_allclose(W.T @ W / a0.size, 4.0 * np.eye(3), atol=0.15)
    with pytest.raises(ValueError, match="norm 1"):
        complete(a0, 2 * u, rng)
    with pytest.raises(ValueError, match="W_std"):
        complete(a0, u, rng, W_std=0.0)


# --- at the door
def test_bad_input():
    A, y, L = matrix(4, 4), np.zeros(4), loss("least_squares")
    W, u, V = start()
    net = TwoLayer(activation("tanh"), "both", W @ u, V)
    for bad in (np.zeros(3), np.full(4, np.nan), np.zeros(4, dtype=np.float32), [0.0] * 4):
        with pytest.raises(ValueError, match=r"y must be a float64 array of shape \(4,\)"):
            reduce(A, bad, net, L)
    with pytest.raises(ValueError, match="the network has 6 outputs, but the operator acts on 5"):
        reduce(A[:, :5], y, net, L)
    with pytest.raises(ValueError, match="2 weights for 4 data"):
        reduce(A, y, net, loss("weighted_least_squares", [1.0, 2.0]))
    with pytest.raises(ValueError, match="log_cosh acts on every datum"):
        reduce(A, y, net, loss("log_cosh"), form="rotated")
    with pytest.raises(ValueError, match='must be "auto"'):
        reduce(A, y, net, L, form="diagonal")
    r = reduce(A, y, net, L)
    with pytest.raises(ValueError, match="a has shape"):
        r.signal(np.zeros(3))
    with pytest.raises(ValueError, match="V has shape"):
        r.signal(net.a, V)
    with pytest.raises(ValueError, match="W0 u = a"):
        r.inner(net.a, 2 * W, u)
    basis = DenseOperator(A).factorization()
    assert reduce(basis, y, net, L).form == "rotated"
    weighted = reduce(basis, y, net, loss("weighted_least_squares", [1.0, 2.0, 3.0, 4.0]))
    assert "a factorization does not have" in weighted.reason
    big = from_mapping({"kind": "blur", "std": 0.5}).build((10_000,), np.random.default_rng(0))
    law = Streamed(10_000, 2, 0, activation("tanh"))
    with pytest.raises(ValueError, match=r"reduced form needs C = U S, 10000 × 10000"):
        reduce(big, np.zeros(10_000), law, loss("log_cosh"))
