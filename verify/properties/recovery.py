"""Recovery in signal space, with and without injectivity."""

from collections.abc import Iterator

import hypothesis.strategies as st
from hypothesis.strategies import SearchStrategy

from verify import making
from verify.properties.instances import FLOW, networks, quadratics
from verify.properties.suite import Sample, Suite, sampled
from verify.strategies.worlds import engines, extremal, quadratic, two_layer


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


SUITE = Suite(
    name="recovery",
    title="bounds of the signal error: injective operators, kernels, synthesis",
    prefixes=("recover.",),
    strategy=_strategy,
    cover=_cover,
)
