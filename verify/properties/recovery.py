"""Recovery in signal space, with and without injectivity."""

from collections.abc import Iterator

import hypothesis.strategies as st
from hypothesis.strategies import SearchStrategy

from verify import making
from verify.properties.instances import FLOW, networks, quadratics, tight
from verify.properties.suite import Sample, Suite, sampled
from verify.strategies.worlds import engines, extremal, quadratic, two_layer

_TIGHT = (
    "E(0.2), noise 0.01",
    "E(0.2), noise -0.01",
    "E(0.45), noise 0.01",
    "diag(1, 0.1), residual e2",
    "diag(1, 0.3), both",
    "linear, m < n",
    "theta, sigma = 1",
    "A = (1, 0), g = (1 t1, t1 + t2)",
    "A = (1, 0), g = (0.1 t1, t1 + t2)",
)
"""In the pool of an audit: where the bounds are attained, or nearly, or die with a hypothesis that is dropped."""


def _strategy() -> SearchStrategy[Sample]:
    worlds = st.one_of(
        extremal(),
        quadratic("baseline", operator="injective"),
        two_layer("baseline", operator="linear"),
        quadratic("sharp", operator="wide", n=st.integers(2, 3)),
    )
    return sampled(worlds, engines())


def _cover() -> Iterator[Sample]:
    yield from networks("baseline", operators=("values", "tall", "deficient"))
    yield from quadratics("sharp", count=4, operators=("deficient", "tall"), noises=(0.3, 0.0))
    for h in (0.25, 0.1, 0.45):
        yield Sample(making.extremal(h, noise=0.2), FLOW)
    yield from tight(*_TIGHT)


SUITE = Suite(
    name="recovery",
    title="bounds of the signal error: injective operators, kernels, synthesis",
    prefixes=("recover.",),
    strategy=_strategy,
    cover=_cover,
)
