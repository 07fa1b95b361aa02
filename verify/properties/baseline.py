"""The baseline theorem along gradient flow, with R'/R drawn up to 1."""

from collections.abc import Iterator

import hypothesis.strategies as st
from hypothesis.strategies import SearchStrategy

from verify.properties.instances import networks, quadratics
from verify.properties.suite import Sample, Suite, sampled
from verify.strategies.worlds import engines, quadratic, two_layer


def _strategy() -> SearchStrategy[Sample]:
    return sampled(st.one_of(quadratic("baseline"), two_layer("baseline")), engines())


def _cover() -> Iterator[Sample]:
    yield from networks("baseline")
    yield from quadratics("baseline", count=4, losses=(("least_squares", {}),), operators=("identity", "tall"))


SUITE = Suite(
    name="baseline",
    title="rates, stopping times and recovery of the baseline theorem, R' < R",
    prefixes=("baseline.",),
    strategy=_strategy,
    cover=_cover,
)
