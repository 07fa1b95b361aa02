"""Two-layer networks: Jacobian and moduli, AM-GM, balanced starts, conservation (what holds without a probability)."""

from collections.abc import Iterator
from typing import Literal

import hypothesis.strategies as st
from hypothesis.strategies import SearchStrategy

from verify.making import antisymmetric
from verify.properties.instances import LOSS_CYCLE, networks, tight
from verify.properties.suite import Sample, Suite, sampled
from verify.strategies.worlds import engines, two_layer

_LS = LOSS_CYCLE[:1]

_TIGHT = (
    "a = v, rho_0 = 0.5 a0^2",
    "a = v, rho_0 = 0.9 a0^2",
    "a = v, rho_0 = 0.99 a0^2",
    "a = v, y = -0.01",
    "a = v, sigma_F = 0.2",
    "v = sinh a, a = 0.4, y < 0",
    "v = sinh a, a = 1, y < 0",
    "gap > 0, one neuron",
    "a = v = 1, y = -0.005",
    "a = v = 0.5, y = -0.15",
    "a = v = 1, k = 4, y = -1",
    "a = v, weak observation",
    "v = sinh a, a = 0.5, y = -0.5",
    "one neuron, y = 20",
    "W only, v = 0.01, y = 0.1",
    "W only, v = 0.1, y = 0",
    "W only, v = 0.1, y = -0.05",
)
"""In the pool of an audit: where the bounds are attained, or nearly, or die with a hypothesis that is dropped."""


def _strategy() -> SearchStrategy[Sample]:
    mode: Literal["both"] = "both"
    both = st.just(mode)
    worlds = st.one_of(
        two_layer("amgm", train=both),
        two_layer("balanced", train=both, activation=("tanh",)),
        two_layer("sharp"),
        two_layer("sharp", loss=("least_squares",), operator="linear"),
        two_layer("sharp", width=4).map(antisymmetric),
    )
    return sampled(worlds, engines())


def _cover() -> Iterator[Sample]:
    yield from networks("sharp")
    yield from networks("amgm", count=4, trains=("both",), fractions=(0.9, 0.5))
    yield from networks(
        "balanced", count=4, trains=("both",), activations=("tanh",), operators=("identity", "deficient")
    )
    for world, engine in networks("sharp", count=4, losses=_LS, operators=("values", "identity")):
        yield Sample(antisymmetric(world), engine)
    yield from tight(*_TIGHT)


SUITE = Suite(
    name="network",
    title="two-layer networks: moduli, AM-GM, balanced starts, conservation, output scale",
    prefixes=("dip2.",),
    without=("dip2.energy",),
    strategy=_strategy,
    cover=_cover,
)
