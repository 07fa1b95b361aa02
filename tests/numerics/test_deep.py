"""Feedforward networks: the Gram matrix, and the centre modulus against sampled changes of the Jacobian."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import sympy as sp

from numerics import compile as compiled
from numerics import deep_modulus as module
from numerics.activations import activation
from numerics.deep_modulus import deep_modulus, layer_norms, modulus_of_norms
from numerics.networks.feedforward import FeedForward
from theory.ledger import registry
from theory.symbols import sym

CASES = [(sizes, bias) for sizes in ([3, 2], [3, 5, 2], [2, 6, 4, 3], [3, 4, 5, 4, 2]) for bias in (False, True)]


def draw(sizes, bias, rng, name="tanh", scale=1.0):
    weights = tuple(rng.standard_normal((b, a)) * scale / math.sqrt(a) for a, b in pairwise(sizes))
    biases = tuple(0.5 * rng.standard_normal(b) for b in sizes[1:]) if bias else None
    return FeedForward(activation(name), weights, biases)


def direction(net, rng):
    """A random point of the unit sphere of the parameters; sometimes in one layer only, sometimes of rank one."""
    shapes = [W.shape for W in net.weights] + [b.shape for b in net.biases or ()]
    steps = [rng.standard_normal(shape) for shape in shapes]
    if rng.random() < 0.5:
        steps = [
            np.outer(rng.standard_normal(s.shape[0]), rng.standard_normal(s.shape[1])) if s.ndim == 2 else s
            for s in steps
        ]
    if rng.random() < 0.4:
        only = rng.integers(net.depth)
        steps = [s * (i % net.depth == only) for i, s in enumerate(steps)]
    size = math.sqrt(sum(float(np.sum(s * s)) for s in steps))
    return [s / size for s in steps]


def changes(net, inputs, rng, count, radii=(1e-4, 0.05, 0.3, 1.0, 4.0)):
    """Pairs (budgets, ‖J(θ) − J(θ0)‖) for random θ: the distance of θ from θ0, or how far each layer has moved."""
    start = net.jacobian(inputs)
    for _ in range(count):
        r = float(rng.choice(radii))
        steps = [r * s for s in direction(net, rng)]
        change = float(np.linalg.norm(net.moved(steps).jacobian(inputs) - start, 2))
        yield r, change
        squares = [sum(float(np.sum(s * s)) for s in steps[layer :: net.depth]) for layer in range(net.depth)]
        yield [math.sqrt(square) for square in squares], change


def largest_ratio(omega, count=120, seed=0):
    """The largest ‖J(θ) − J(θ0)‖/ω(net, inputs, r) over networks, inputs and points."""
    rng, worst = np.random.default_rng(seed), 0.0
    for sizes, bias in CASES:
        for n_inputs in (1, 3):
            net = draw(sizes, bias, rng)
            inputs = [rng.standard_normal(sizes[0]) for _ in range(n_inputs)]
            for r, change in changes(net, inputs, rng, count // 4):
                if change > 1e-12:  # one layer: J does not depend on W
                    worst = max(worst, change / max(omega(net, inputs, r), 1e-300))
    return worst


@pytest.mark.parametrize(("sizes", "bias"), CASES)
def test_gram_is_that_of_the_jacobian_by_differences(sizes, bias):
    rng = np.random.default_rng(len(sizes) + 10 * bias)
    net = draw(sizes, bias, rng)
    inputs = [rng.standard_normal(sizes[0]) for _ in range(3)]
    shapes = [array.shape for array in (*net.weights, *(net.biases or ()))]

    def stacked(flat):
        pieces, at = [], 0
        for shape in shapes:
            size = math.prod(shape)
            pieces.append(flat[at : at + size].reshape(shape))
            at += size
        moved = net.moved(pieces)
        return np.concatenate([moved.output(u) for u in inputs])

    p, h = sum(math.prod(shape) for shape in shapes), 1e-3
    eye = np.eye(p) * h
    columns = [(8 * (stacked(e) - stacked(-e)) - stacked(2 * e) + stacked(-2 * e)) / (12 * h) for e in eye]
    J = np.array(columns).T
    gram = net.gram(inputs)
    assert np.allclose(J @ J.T, gram, rtol=0, atol=1e-9 * np.abs(gram).max())
    explicit = net.jacobian(inputs)
    assert np.allclose(explicit @ explicit.T, gram, rtol=0, atol=1e-13 * np.abs(gram).max())
    if bias:  # deep.output_bias: one input only
        one = net.gram(inputs[:1])
        assert np.linalg.eigvalsh(one)[0] >= 1 - 1e-12
    without = FeedForward(net.activation, net.weights)
    assert not np.allclose(without.gram(inputs), gram) or not bias


def test_output_bias_says_nothing_for_several_inputs():
    net = FeedForward(activation("tanh"), (np.zeros((4, 2)), np.zeros((2, 4))), (np.zeros(4), np.zeros(2)))
    inputs = [np.array([1.0, 0.0]), np.array([0.0, 1.0])]
    assert np.linalg.eigvalsh(net.gram(inputs))[0] == pytest.approx(0, abs=1e-12)
    assert np.linalg.eigvalsh(net.gram(inputs[:1]))[0] == pytest.approx(1)  # and the bound 1 is attained


def test_block_norm_formula_is_the_norm_of_the_block():
    rng = np.random.default_rng(4)
    net = draw([3, 4, 2], True, rng)
    u = rng.standard_normal(3)
    at = 0
    J = net.jacobian([u])
    expression = registry["deep.gram"].formulas["block_norm"]
    for W, layer in zip(net.weights, net.layers(u), strict=True):
        block = J[:, at : at + W.size + W.shape[0]]
        at += block.shape[1]
        value = compiled.function(expression, ["h_prev", "bias", "M_l"])(
            np.linalg.norm(layer.h), 1.0, np.linalg.norm(layer.M, 2)
        )
        assert value == pytest.approx(np.linalg.norm(block, 2))


def test_sampled_changes_of_the_jacobian_never_exceed_the_modulus():
    """Also not vacuous: the bound is within a factor of 200 of what is attained somewhere, 0.005 to 1."""
    worst = largest_ratio(deep_modulus, count=240)
    assert 0.1 < worst <= 1 + 1e-9, worst


@pytest.mark.parametrize("name", ["sigmoid", "softplus", "sin"])
def test_other_activations(name):
    rng, seen = np.random.default_rng(3), 0
    for sizes in ([2, 3, 2], [2, 4, 3, 2]):
        net = draw(sizes, True, rng, name)
        inputs = [rng.standard_normal(2)]
        for r, change in changes(net, inputs, rng, 60):
            assert change <= deep_modulus(net, inputs, r) * (1 + 1e-9) + 1e-13
            seen += change > 1e-6
    assert seen > 60


def test_modulus_starts_at_zero_and_increases_in_every_budget():
    rng = np.random.default_rng(1)
    net = draw([2, 4, 3, 2], True, rng)
    inputs = [rng.standard_normal(2)]
    assert deep_modulus(net, inputs, 0.0) == 0
    base = [0.1, 0.2, 0.3]
    value = deep_modulus(net, inputs, base)
    for layer in range(3):
        assert deep_modulus(net, inputs, [b + 0.05 * (i == layer) for i, b in enumerate(base)]) > value
    assert deep_modulus(net, inputs, 0.3) > value
    with pytest.raises(ValueError, match="budgets"):
        deep_modulus(net, inputs, [0.1, 0.1])


_E, _R, _INPUT = sym("e_prev"), sym("r_l"), sp.sqrt(sym("h_prev") ** 2 + sym("bias"))
MUTANTS = {
    "zeta without its own motion": ("zeta", sym("w_l") * _E),
    "pi without the motion of M": ("pi", sym("M_next") * sym("r_next")),
    "pi without the motion of W": ("pi", sym("mu_next") * sym("w_next")),
    "mu without the motion of phi'": ("mu", sym("B1") * sym("pi_l")),
    "mu without the motion of P": ("mu", sym("B2") * sym("P_col") * sym("zeta")),
    "block without the motion of M": ("beta", _E * (sym("M_l") + sym("mu_l"))),
    "block without the motion of h": ("beta", _INPUT * sym("mu_l")),
    "only the largest block": ("Omega", sym("block")),
}


@pytest.mark.parametrize("mutant", sorted(MUTANTS))
def test_a_recursion_with_a_term_dropped_is_caught(mutant, monkeypatch):
    """Each term of the recursion is needed: without it some change of some Jacobian exceeds the bound."""
    name, expression = MUTANTS[mutant]
    true = module.compiled.formula
    monkeypatch.setattr(module.compiled, "formula", lambda key, n: expression if n == name else true(key, n))
    module._compiled.cache_clear()
    try:
        assert caught(name)
    finally:
        monkeypatch.undo()
        module._compiled.cache_clear()


def caught(name):
    """Whether some small network, drawn where the terms matter, exceeds the (patched) bound."""
    rng = np.random.default_rng(7)
    for trial in range(400):
        sizes = [[1, 1, 1], [1, 1, 1, 1], [1, 2, 1], [2, 1, 1, 2]][trial % 4]
        scale = float(rng.choice([0.02, 0.3, 1.0, 3.0]))
        net = draw(sizes, bool(rng.integers(2)), rng, scale=scale)
        inputs = [rng.standard_normal(sizes[0]) * rng.choice([0.01, 0.3, 3.0])]
        for r, change in changes(net, inputs, rng, 12, (1e-3, 0.1, 1.0)):
            if change > deep_modulus(net, inputs, r) * (1 + 1e-9) + 1e-13:
                return True
    return False


def test_the_true_recursion_is_not_caught_by_the_same_search():
    assert not caught("none")


def test_norms_and_modulus_agree_with_the_recursion_written_out():
    """Two layers, one input, by hand."""
    rng = np.random.default_rng(2)
    net = draw([2, 3, 2], True, rng)
    u, r = rng.standard_normal(2), 0.2
    one, two = layer_norms(net, u)
    B1, B2 = net.activation.B1.as_upper(), net.activation.B2.as_upper()
    zeta_1 = r * math.hypot(np.linalg.norm(u), 1)
    mu_1 = B1 * r + B2 * np.linalg.norm(net.weights[1], axis=0).max() * zeta_1
    block_1 = math.hypot(np.linalg.norm(u), 1) * mu_1
    block_2 = B1 * zeta_1
    assert two.P_col == 0
    found = modulus_of_norms([[one, two]], r, B1=B1, B2=B2, bias=True)
    assert found == pytest.approx(math.hypot(block_1, block_2), rel=1e-12)


def test_shapes_are_checked():
    phi = activation("tanh")
    with pytest.raises(ValueError, match="follow"):
        FeedForward(phi, (np.ones((2, 2)), np.ones((2, 3))))
    with pytest.raises(ValueError, match="bias"):
        FeedForward(phi, (np.ones((2, 2)),), (np.ones(3),))
    with pytest.raises(ValueError, match="float64"):
        FeedForward(phi, (np.ones((2, 2), dtype=np.float32),))
    with pytest.raises(ValueError, match="layer"):
        FeedForward(phi, ())
