"""Instances on which exactly one hypothesis fails, each with everything else as the theorems want it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

import hypothesis.strategies as st
import numpy as np
from hypothesis.strategies import SearchStrategy

from numerics.worlds import DeepGenerator, Linear, Quadratic, TwoLayerGenerator, World
from numerics.worlds.outside import FlatLoss, LiftedLoss, PartialLoss
from verify import making
from verify.strategies.parts import seeds
from verify.strategies.worlds import deep, extremal, quadratic, two_layer

__all__ = ["VIOLATED", "violating"]

_ABOVE = st.sampled_from((2.0, 1.1, 1.5, 1.01))  # fractions of a bound that is exceeded


def _lost(world: World) -> World:
    """y moved out of the range of A, along the left singular vector of a zero singular value."""
    A = world.operator.A
    away = np.linalg.svd(A)[0][:, -1]
    size = max(float(np.linalg.norm(world.y - world.observation(world.start))), 1e-3)
    return world.with_(y=world.y + size * away, label=world.label + ", y outside the range")


def _tall(seed: int, fraction: float) -> World:
    """A = (1, 0)ᵀ."""
    made = making.quadratic("sharp", fraction, n=1, operator=Linear([[1.0], [0.0]]), seed=seed)
    return _lost(made)


def _with_loss(loss: Any) -> Callable[[int, float], World]:
    def make(seed: int, fraction: float) -> World:
        plain = making.quadratic("sharp", fraction, n=2, seed=seed)
        return plain.with_(loss=loss, label=f"{plain.label}, the loss {loss.name}")

    return make


def _singular(seed: int, fraction: float) -> World:
    """J_g(0) of rank 1 for two outputs; y is reachable in the direction that it has."""
    plain = making.quadratic("sharp", fraction, n=2, size=3, seed=seed)
    made: Any = plain.generator
    J = made.J.copy()
    J[1] = 0.0
    return plain.with_(generator=Quadratic(J, made.H), label="sigma_0 = 0")


def _short(seed: int, fraction: float) -> World:
    """A network whose linear modulus is known on half of the radius that would be needed."""
    plain = making.deep("sharp", fraction, widths=(3,), seed=seed)
    made: Any = plain.generator
    # a shorter reach has a smaller slope: halved until what is left of the length bound does not fit in
    reach = made.reach
    for _ in range(60):
        reach /= 2
        short = DeepGenerator(made.activation, made.weights, made.biases, made.inputs, reach)
        h = short.modulus * plain.rho_0 / (plain.operator.sigma_F * plain.sigma_0**2)
        if h < 0.5 and plain.sigma_0 / short.modulus * (1 - math.sqrt(1 - 2 * h)) > reach:
            break
    return plain.with_(generator=short, label="the modulus is not known as far as the run goes")


def _flat_start(seed: int, fraction: float) -> World:
    """sin with one pre-activation at π/2, where its derivative vanishes."""
    plain = making.two_layer("free", fraction, activation="sin", train="W", k=3, seed=seed)
    made: Any = plain.generator
    a0 = made.a0.copy()
    a0[0] = math.pi / 2
    return plain.with_(generator=TwoLayerGenerator("sin", "W", a0, made.V0), label="a start where phi' = 0")


def _unbalanced_nowhere(seed: int, fraction: float) -> World:
    """Every neuron with sinh² a < ‖v‖²."""
    plain = making.two_layer("free", fraction, k=3, seed=seed)
    made: Any = plain.generator
    top = math.asinh(0.9 * float(np.min(np.linalg.norm(made.V0, axis=0))))
    scale = top / float(np.max(np.abs(made.a0)))
    return plain.with_(generator=TwoLayerGenerator("tanh", "both", scale * made.a0, made.V0), label="no gap")


def _seeded(make: Callable[[int, float], World]) -> SearchStrategy[World]:
    return st.builds(make, seeds(), st.sampled_from((0.5, 0.25, 0.75)))


_LS = ("least_squares",)

VIOLATED: Mapping[str, Callable[[], SearchStrategy[World]]] = MappingProxyType(
    {
        "A.operator.range": lambda: _seeded(_tall),
        "A.loss.unique": lambda: _seeded(_with_loss(PartialLoss())),
        "A.loss.min": lambda: _seeded(_with_loss(LiftedLoss())),
        "A.loss.KL": lambda: _seeded(_with_loss(FlatLoss())),
        "A.loss.smooth": lambda: st.builds(
            lambda f, s: making.quadratic(
                "sharp", f, loss=making.loss_of("lojasiewicz", 1, alpha=0.75), curvature=1.0, seed=s
            ),
            st.sampled_from((0.5, 0.25)),
            seeds(),
        ),
        "A.loss.plain_least_squares": lambda: quadratic(loss=("p_power", "log_cosh"), operator="identity"),
        "A.loss.least_squares": lambda: quadratic(loss=("log_cosh", "pseudo_huber"), operator="identity"),
        "A.init": lambda: _seeded(_singular),
        "A.network.both": lambda: two_layer("free", train=st.just("W"), loss=_LS, operator="identity"),
        "A.network.W": lambda: two_layer("free", train=st.just("both"), loss=_LS, operator="identity"),
        "A.network.two_layer": lambda: quadratic(loss=_LS, operator="identity"),
        "A.network.feedforward": lambda: quadratic(loss=_LS, operator="identity"),
        "A.network.regular_start": lambda: _seeded(_flat_start),
        "A.activation": lambda: two_layer("free", activation=("relu",), loss=_LS, operator="identity"),
        "A.generator.linear_modulus": lambda: _seeded(_short),
        "A.generator.lipschitz": lambda: deep(loss=_LS, operator="identity"),
        "A.operator.linear": lambda: quadratic(loss=_LS, operator="sine"),
        "A.injective": lambda: quadratic(loss=_LS, operator="wide", n=st.integers(2, 3)),
        "A.noise.positive": lambda: quadratic(loss=_LS, noise=st.just(0.0), operator="identity"),
        "A.noise.none": lambda: quadratic(loss=_LS, noise=st.just(0.1), operator="identity"),
        "sharp.condition": lambda: st.one_of(
            extremal(unit=True, margin=_ABOVE),
            quadratic(margin=_ABOVE, loss=_LS, operator="identity"),
        ),
        "baseline.condition": lambda: two_layer("baseline", margin=_ABOVE, loss=_LS, operator="identity"),
        "dip2.amgm": lambda: two_layer("amgm", margin=_ABOVE, train=st.just("both"), loss=_LS, operator="identity"),
        "dip2.balanced": lambda: _seeded(_unbalanced_nowhere),
    }
)
"""Hypothesis or condition → a strategy of worlds on which it fails, and no other that the statements around it ask for."""


def violating(hypothesis: str) -> SearchStrategy[World]:
    """Worlds on which exactly this hypothesis, or condition, fails.

    KeyError, naming the nearest, for one that no world is made to violate.

    >>> from hypothesis import find
    >>> find(violating("A.operator.range"), lambda world: True).attainable
    False
    """
    if hypothesis not in VIOLATED:
        near = get_close_matches(hypothesis, VIOLATED, n=3) or sorted(VIOLATED)
        raise KeyError(f"no world is made to violate {hypothesis!r}; there are worlds for {', '.join(near)}")
    return VIOLATED[hypothesis]()
