"""One large preactivation certifies every observation: conservation, the floor of f, zero loss for wild y."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from numerics.activations import activation
from numerics.balanced import balanced, gaps
from theory.activations import ACTIVATIONS

SMOOTH = [name for name in ACTIVATIONS if ACTIVATIONS[name].smooth]


def run(phi, A, y, a0, V0, t_end):
    n, k = V0.shape

    def field(t, state):
        a, V = state[:k], state[k:].reshape(n, k)
        h = phi.phi(a) / math.sqrt(k)
        q = A.T @ (A @ V @ h - y)
        return np.concatenate([-phi.dphi(a) * (V.T @ q) / math.sqrt(k), -np.outer(q, h).ravel()])

    sol = solve_ivp(field, (0, t_end), np.concatenate([a0, V0.ravel()]), method="LSODA", rtol=1e-11, atol=1e-12)
    return sol.t, sol.y[:k].T, sol.y[k:].T.reshape(-1, n, k)


def start_of(name):
    """Preactivations on several branches, some of which certify."""
    return {"gelu": [-1.6, -0.4, 1.5, 0.3], "silu": [-2.0, -0.9, 1.5, 0.3], "sin": [0.9, 2.4, -1.2, 4.0]}.get(
        name, [1.8, -0.3, -1.5, 0.2]
    )


@pytest.mark.parametrize("name", SMOOTH)
def test_gaps_are_conserved_and_f_stays_up_for_wild_observations(name):
    phi, rng = activation(name), np.random.default_rng(0)
    k, n, m = 4, 3, 2
    a0 = np.array(start_of(name))
    V0 = 0.4 * rng.standard_normal((n, k))
    A = rng.standard_normal((m, n))
    U = np.linalg.svd(A, full_matrices=False)[2].T
    norms = np.linalg.norm(U.T @ V0, axis=0) * (1 + 1e-14)
    result = balanced(phi, a0, norms)
    assert result.certified
    assert result.n_positive >= 1
    # sin: a larger y drives a_i so close to the zeros of the cosine that doubles cannot tell G
    for scale in (0.5, 1.0 if name == "sin" else 8.0):
        y = scale * rng.standard_normal(m)
        _, a, V = run(phi, A, y, a0, V0, 2000.0)
        for norm_of in (lambda V: np.linalg.norm(V, axis=0), lambda V: np.linalg.norm(U.T @ V, axis=0)):
            start = norm_of(V0) ** 2 - 2 * phi.G(a0)
            drift = max(np.max(np.abs(norm_of(Vi) ** 2 - 2 * phi.G(ai) - start)) for ai, Vi in zip(a, V, strict=True))
            assert drift < 1e-6 * (1 + float(np.max(np.abs(2 * phi.G(a))))) + 1e-6
        f2 = np.mean(phi.phi(a) ** 2, axis=1)
        assert np.all(f2 >= result.s_star**2 * (1 - 1e-7))
        residual = np.linalg.norm(A @ V[-1] @ phi.phi(a[-1]) / math.sqrt(k) - y)
        assert residual < 1e-6


@pytest.mark.parametrize("name", SMOOTH)
def test_the_floor_is_attained_by_a_neuron_that_loses_its_weights(name):
    """k = 1, n = m = 1: the run that passes v = 0 reaches exactly the smallest |phi| that the theorem allows."""
    phi = activation(name)
    for a0 in start_of(name)[:1]:
        v0 = 0.3
        result = balanced(phi, [a0], [v0])
        assert result.certified
        x0 = v0 * float(phi.phi(np.array([a0]))[0])
        y = np.array([-5.0 * x0])  # the other sign: v has to cross zero
        _, a, V = run(phi, np.ones((1, 1)), y, np.array([a0]), np.array([[v0]]), 4000.0)
        smallest = float(np.min(np.abs(phi.phi(a[:, 0]))))
        assert V[-1, 0, 0] * v0 < 0
        # the stored steps straddle the crossing; the envelope of phi^2 there is flat in v (quadratic)
        assert result.s_star <= smallest * (1 + 1e-8)
        assert result.s_star >= smallest * (1 - 0.02)


def test_the_formula_of_the_theory_for_tanh():
    rng = np.random.default_rng(1)
    a, v = 2 * rng.standard_normal(50), np.abs(rng.standard_normal(50))
    gap = np.sinh(a) ** 2 - v**2
    positive = np.maximum(gap, 0.0)
    result = balanced(activation("tanh"), a, v)
    assert np.allclose(result.gaps, gap, rtol=1e-12, atol=1e-12)
    expected = math.sqrt(np.mean(positive / (1 + positive)))
    assert result.n_positive == int((gap > 0).sum()) > 5
    assert expected * (1 - 1e-9) <= result.s_star <= expected * (1 + 1e-14)


def test_a_zero_gap_certifies_nothing_and_rightly_so():
    """v = sinh a, y < 0 (mutant 'balanced with >='): the run ends at a = v = 0 with the loss still positive."""
    phi, a0 = activation("tanh"), np.array([0.8])
    v0 = np.sinh(a0)
    assert not balanced(phi, a0, v0 * (1 + 1e-15)).certified
    _, a, V = run(phi, np.ones((1, 1)), np.array([-0.3]), a0, v0[None, :], 300.0)
    # exactly balanced up to rounding: it lingers at the saddle for as long as rounding allows
    closest = np.min(np.abs(a) + np.abs(V[:, 0, :]))
    assert closest < 1e-3
    assert not balanced(phi, [0.5, -0.5], [5.0, 5.0]).certified
    with pytest.raises(ValueError, match="does not cover relu"):
        balanced(activation("relu"), [1.0], [1.0])


@pytest.mark.parametrize("name", ["sigmoid", "softplus"])
def test_every_neuron_certifies_when_phi_has_no_zero(name):
    phi = activation(name)
    a, v = np.array([-1.0, 0.5, 1.0]), np.array([4.0, 4.0, 4.0])
    result = balanced(phi, a, v)
    assert np.all(np.isinf(result.gaps))
    assert result.n_positive == 3
    assert 0 < result.s_star < 0.1


@pytest.mark.parametrize(("name", "star"), [("gelu", -0.7517915247), ("silu", -1.2784645428)])
def test_neurons_left_of_the_minimum_certify_whatever_their_weights(name, star):
    phi = activation(name)
    assert np.isinf(gaps(phi, [star - 0.1], [10.0])[0])
    assert balanced(phi, [star - 0.1], [2.0]).certified
    assert not balanced(phi, [star + 0.1], [10.0]).certified
    # many neurons: the number of quadratures is capped, the bound stays a bound
    a = np.full(900, star - 0.3)
    few, many = balanced(phi, a[:10], np.full(10, 0.5)), balanced(phi, a, np.full(900, 0.5))
    assert 0 < many.s_star <= few.s_star


def test_bad_input():
    phi = activation("tanh")
    for a, v in (([1.0], [1.0, 2.0]), ([], []), ([math.nan], [1.0]), ([1.0], [-1.0])):
        with pytest.raises(ValueError, match="must be"):
            balanced(phi, a, v)
