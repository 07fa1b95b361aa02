"""Instances chosen against single mutants: each is a counterexample, worked out by hand, to one wrong variant of a statement.

The comment says to which.  They are ordinary instances otherwise, and every true statement is checked on them as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from numerics.losses import loss
from numerics.worlds import DeepGenerator, Linear, Quadratic, Sine, TwoLayerGenerator, World, least_squares
from verify.engine import Engine

__all__ = ["counterexamples"]

_REST = Engine(loss_ratio=1e-20)  # to rest, or to the end of what double precision sees
Row = tuple[str, str, World, Engine]


def counterexamples() -> Iterator[Row]:
    """Name, family, world and engine of each."""
    yield from _thresholds()
    yield from _linear()
    yield from _networks()
    yield from _first_layer()
    yield from _deep()
    yield from _steps()


def _scalar(y: float, sigma_0: float = 1.0, noise: float = 0.0) -> World:
    """E(h): g(s) = σ0 s − s²/2, F = id."""
    clean = y * (1 - noise)
    return World(Quadratic([[sigma_0]], [[[-1.0]]]), Linear([[1.0]]), least_squares(), [y], [clean], [clean])


def _bent(first: float, second: float, A: Any, y: Any) -> World:
    """g = (first θ1, second θ2 − θ2²/2)."""
    H = np.zeros((2, 2, 2))
    H[1, 1, 1] = -1.0
    return World(Quadratic(np.diag([first, second]), H), Linear(A), least_squares(), y)


def _thresholds() -> Iterator[Row]:
    for h in (0.54, 0.55):  # sharp.condition, sharp.restart, baseline.condition beyond their thresholds
        yield f"E({h:g}), to rest", "extremal, beyond 1/2", _scalar(h), _REST
    yield "E(0.8), sigma_0 = 1/2", "extremal, beyond 1/2", _scalar(0.2, 0.5), _REST  # a square lost in h
    yield "E(0.399)", "extremal", _scalar(0.399), _REST  # R' < 1.6 R
    # the factor of baseline.param_rate for power losses: late, with little of the path left
    steep = _scalar(0.2499).with_(loss=loss("p_power", p=10))
    yield "E(0.2499), p_power", "extremal", steep, Engine(loss_ratio=1e-50, points_per_decade=2)
    for noise in (1e-4, -1e-4):  # common logarithm in the stopping time
        yield f"E(0.2499), noise {noise:g}", "extremal", _scalar(0.2499, 1.0, noise), Engine(loss_ratio=1e-22)
    # sigma_max of J_g, and the norm of A, in h
    yield "bent, weak second output", "quadratic", _bent(1.0, 0.5, np.eye(2), [0.0, 0.2]), _REST
    yield "bent, weak second observation", "quadratic", _bent(1.0, 1.0, np.diag([1.0, 0.1]), [0.0, 0.008]), _REST
    tall = World(Quadratic([[1.0]]), Linear([[1.0], [0.0]]), least_squares(), [1.0, 1.0], [1.0, 0.0], [1.0])
    yield "A = (1, 0)^T, y = (1, 1), to rest", "outside the range", tall, _REST


def _affine(J: Any, A: Any, y: Any, noise: Any = None, the_loss: Any = None, truth: Any = None) -> World:
    """g = J θ; truth with A truth = y − noise."""
    y = np.asarray(y, dtype=float)
    clean = y - (np.zeros_like(y) if noise is None else np.asarray(noise, dtype=float))
    A = np.asarray(A, dtype=float)
    if truth is None:
        truth = np.linalg.lstsq(A, clean, rcond=None)[0]
    return World(Quadratic(J), Linear(A), the_loss or least_squares(), y, clean, truth)


def _linear() -> Iterator[Row]:
    run = Engine(loss_ratio=1e-16)
    weak = np.diag([1.0, 0.1])
    # sigma_max of J_g in rates and stopping times
    yield "g = diag(1, 0.1) theta, residual e2", "linear", _affine(weak, np.eye(2), [0, 1], [0, 0.01]), run
    # noise forgotten: xbar = 1 is reachable, y = 1.1
    yield "theta, y beyond xbar", "linear", _affine([[1.0]], [[1.0]], [1.1], [0.1]), run
    yield (
        "theta, no noise",
        "linear",
        _affine([[1.0]], [[1.0]], [1.0]),
        Engine(loss_ratio=1e-10, times=(0.25, 0.5, 1.0, 2.0)),
    )
    yield "0.1 theta, no noise, late", "linear", _affine([[1.0]], [[0.1]], [0.1]), Engine(times=(10.0, 50.0, 200.0))
    slow = _affine(np.eye(2), np.diag([1.0, 0.1]), [0.0, 0.1])  # the norm of A in dip2.energy
    yield "diag(1, 0.1), residual e2, no noise", "linear", slow, Engine(loss_ratio=1e-10)
    out = World(Quadratic([[1.0]]), Linear([[1.0], [0.0]]), least_squares(), [0.0, 1.0], [0.0, 0.0], [0.0])
    yield "A = (1, 0)^T, y = (0, 1)", "outside the range", out, Engine(t_max=30.0)
    # the energy below the noise level; discrepancy with small noise
    yield "theta, noise larger than the error", "linear", _affine([[1.0]], [[1.0]], [1.0], [0.9]), run
    yield "theta, eps = 0.01", "linear", _affine([[1.0]], [[1.0]], [0.04], [0.01]), run
    yield "theta, noise opposite, eps = 0.01", "linear", _affine([[1.0]], [[1.0]], [0.02], [-0.01]), run
    # weights on either side of 1, residual along the smallest
    for low, high in ((0.1, 1.0), (3.0, 5.0)):
        weighted = loss("weighted_least_squares", weights=[low, high])
        world = _affine(np.eye(2), np.eye(2), [1.0, 0.0], [0.1, 0.0], weighted)
        yield f"theta, weights {low:g} and {high:g}", "linear", world, run
    # recover.kernel: coupling of seen and unseen, and a small sigma_min
    for slope in (1.0, 0.1):
        world = _affine([[slope, 0.0], [1.0, 1.0]], [[1.0, 0.0]], [0.5], truth=[0.5, 0.0])
        yield f"A = (1, 0), g = ({slope:g} t1, t1 + t2)", "linear", world, run
    # sharp.composed: the bending of F alone
    operator = Sine([[1.0]], 0.5)
    clean = operator(np.array([0.8]))
    bent = World(Quadratic([[1.0]]), operator, least_squares(), clean, clean, [0.8])
    yield "theta, sine operator", "nonlinear", bent, run


def _network(activation: str, train: Any, a0: Any, V0: Any, y: Any, A: Any = None, noise: float = 0.0) -> World:
    """y − ȳ = `noise` in the first entry."""
    generator = TwoLayerGenerator(activation, train, np.atleast_1d(a0), np.atleast_2d(V0))
    y = np.atleast_1d(np.asarray(y, dtype=float))
    matrix = np.eye(y.size) if A is None else np.asarray(A, dtype=float)
    clean = y - noise * np.eye(y.size)[0]
    truth = np.linalg.lstsq(matrix, clean, rcond=None)[0]
    return World(generator, Linear(matrix), least_squares(), y, clean, truth)


def _networks() -> Iterator[Row]:
    both: Any = "both"
    # beyond the capacity of dip2.amgm: 2 -> 2.02, a square lost, k for its root, the norm of A
    yield "a = v = 1, y = -0.005", "a = v", _network("identity", both, 1.0, 1.0, -0.005), _REST
    yield "a = v = 0.5, y = -0.15", "a = v", _network("identity", both, 0.5, 0.5, -0.15), _REST
    yield "a = v = 1, k = 4, y = -1", "a = v", _network("identity", both, np.ones(4), np.ones((1, 4)), -1.0), _REST
    weak = _network("identity", both, 1.0, [[0.0], [1.0]], [0.0, -0.01], np.diag([1.0, 0.1]))
    yield "a = v, weak observation", "a = v", weak, _REST
    # a gap of zero
    yield "v = sinh a, a = 0.5, y = -0.5", "balance", _network("tanh", both, 0.5, np.sinh(0.5), -0.5), _REST
    # neighbouring points far from the start
    yield "one neuron, y = 20", "network, both", _network("tanh", both, 0.5, 0.1, 20.0), Engine(loss_ratio=1e-10)
    antisymmetric = TwoLayerGenerator(
        "tanh", both, [0.4, -0.9, 0.4, -0.9], [[0.8, -0.5, -0.8, 0.5], [0.3, 1.1, -0.3, -1.1]]
    )
    world = World(antisymmetric, Linear(np.eye(2)), least_squares(), [0.2, -0.1], [0.2, -0.1], [0.2, -0.1])
    yield "antisymmetric", "network, both", world, Engine(loss_ratio=1e-12)


def _first_layer() -> Iterator[Row]:
    for name, a0, v0, y in (
        ("v = 0.01, y = 0.1", 1.0, 0.01, 0.1),  # dip2.amgm for W alone: out of reach
        ("v = 0.1, y = 0", 1.0, 0.1, 0.0),  # the hidden norm of dip2.amgm for W alone
        ("v = 0.1, y = -0.05", 1.0, 0.1, -0.05),  # that of dip2.balanced
        ("v = 1, y = 2", 0.0, 1.0, 2.0),  # outside the zonotope
        ("v = 1, y = 0.9", 0.0, 1.0, 0.9),  # the slope at the end
        ("v = 1, a = 1, y = 0.9", 1.0, 1.0, 0.9),
    ):
        engine = Engine(loss_ratio=1e-14, t_max=300.0)
        yield f"W only, {name}", "W only", _network("tanh", "W", a0, v0, y, noise=0.01), engine
    saturated = _network("tanh", "W", -4.0, 1.0, 20.0, noise=0.01)  # wonly.rate and wonly.stop nearly attained
    times = (5.0, 10.0, 15.0, 17.0, *np.arange(18.0, 21.0, 0.1).tolist(), 25.0, 60.0)
    yield "W only, v = 1, a = -4, y = 20", "W only", saturated, Engine(times=times, t_max=300.0)


def _deep() -> Iterator[Row]:
    line = DeepGenerator("identity", [[[1.0]], [[1.0]]], None, [[1.0]], reach=0.1)
    world = World(line, Linear([[1.0]]), least_squares(), [1.02], [1.02], [1.02])
    yield "deep line, identity", "deep", world, Engine(loss_ratio=1e-12)  # half of the modulus
    zero = DeepGenerator("tanh", [[[0.0]], [[0.0]]], [[0.0], [0.0]], [[1.0]], reach=0.1)
    world = World(zero, Linear([[1.0]]), least_squares(), [0.02], [0.02], [0.02])
    yield "deep zero with biases", "deep", world, Engine(loss_ratio=1e-12)  # sigma_min above 1


def _steps() -> Iterator[Row]:
    line = _affine([[1.0]], [[1.0]], [1.0], [0.02])
    # l_{j+1} <= l_j for every step
    yield "descent on theta, gamma M = 2.2", "descent", line, Engine("descent", 1e-20, c=1.1, steps=20, claim=1.0)
    # the majorant forgotten in gd.length
    yield "descent on E(0.4), small steps", "descent", _scalar(0.4), Engine("descent", 1e-12, c=0.005, steps=20000)
    # thresholds and range of gd.condition: to rest
    yield (
        "descent on E(0.55), to rest",
        "descent",
        _scalar(0.55),
        Engine("descent", 1e-20, c=0.05, steps=20000, claim=1.0),
    )
    tall = World(Quadratic([[1.0]]), Linear([[1.0], [0.0]]), least_squares(), [1.0, 1.0], [1.0, 0.0], [1.0])
    yield "descent, A = (1, 0)^T, y = (1, 1)", "outside the range", tall, Engine("descent", 1e-20, c=0.5, steps=200)
    one = _network("identity", "W", 0.3, 1.0, 0.9)
    yield "descent, W only, identity", "descent", one, Engine("descent", 1e-18, c=0.95, steps=400)
    # the gap falls under descent
    fall = _network("tanh", "both", math.asinh(1.0) + 1e-3, [[1.0], [0.0]], [math.tanh(math.asinh(1.0) + 1e-3), 0.2])
    yield "descent, one neuron near balance", "descent", fall, Engine("descent", 1e-10, c=0.1, steps=60, claim=1.0)
