"""Gradient descent, which is the object of its theorem: no integrator, only rounding."""

from collections.abc import Iterator

import hypothesis.strategies as st
from hypothesis.strategies import SearchStrategy

from verify.engine import Engine
from verify.properties.instances import networks, quadratics, tight
from verify.properties.suite import Sample, Suite
from verify.strategies.parts import margins
from verify.strategies.worlds import quadratic, two_layer

_RATIOS = (0.5, 0.25, 0.75, 0.9)

_TIGHT = (
    "descent on theta, gamma M = 0.6",
    "descent on theta, gamma M = 1.8",
    "descent on E, h/nu = 0.2, gamma M = 0.6",
    "descent on E, h/nu = 0.49, gamma M = 0.6",
    "descent, diag(1, 0.5)",
    "descent, log_cosh",
    "descent on theta, gamma M = 2.2",
    "descent on E(0.4), small steps",
    "descent, A = (1, 0)^T, y = (1, 1)",
    "descent, one neuron near balance",
    "descent, W only, identity",
)
"""In the pool of an audit: where the bounds are attained, or nearly, or die with a hypothesis that is dropped."""


def _strategy() -> SearchStrategy[Sample]:
    def at(c: float) -> SearchStrategy[Sample]:
        worlds = st.one_of(
            quadratic("descent", margin=margins(), c=c),
            two_layer("descent", margin=margins(), c=c),
            two_layer("descent", margin=margins(), c=c, train=st.just("W"), operator="linear"),
        )
        return st.builds(lambda world: Sample(world, Engine("descent", c=c, steps=300)), worlds)

    return st.sampled_from(_RATIOS).flatmap(at)


def _cover() -> Iterator[Sample]:
    for c in (0.5, 0.9):
        engine = Engine("descent", c=c, steps=200)
        yield from networks("descent", engine=engine, c=c, noises=(0.0, 0.3))
        yield from quadratics("descent", count=4, engine=engine, c=c, curvatures=(1.0, 0.0))
    yield from tight(*_TIGHT)


SUITE = Suite(
    name="descent",
    title="gradient descent: decrease, length and rate, mirror distance",
    prefixes=("gd.", "wonly.descent"),
    strategy=_strategy,
    cover=_cover,
)
