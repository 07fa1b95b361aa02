"""The baseline theorem along gradient flow, with R'/R drawn up to 1."""

from collections.abc import Iterator

import hypothesis.strategies as st
from hypothesis.strategies import SearchStrategy

from verify.properties.instances import networks, quadratics, tight
from verify.properties.suite import Sample, Suite, sampled
from verify.strategies.worlds import engines, quadratic, two_layer

_TIGHT = (
    "E(0.2), noise 0",
    "E(0.2), noise 0.01",
    "E(0.2), noise -0.01",
    "E(0.2499), noise 0",
    "E(0.2), sigma_F sigma_0 = 0.1",
    "diag(1, 0.1), residual e2",
    "theta, sigma^2 = 0.1, rho_0 = 100, eps = 1",
    "theta, sigma = 1",
    "E(0.399)",
    "E(0.2499), noise -0.0001",
    "E(0.2499), p_power",
    "g = diag(1, 0.1) theta, residual e2",
    "quadratic 1: n=3, m=2",
    "A = (1, 0)^T, y = (1, 1), to rest",
)
"""In the pool of an audit: where the bounds are attained, or nearly, or die with a hypothesis that is dropped."""


def _strategy() -> SearchStrategy[Sample]:
    return sampled(st.one_of(quadratic("baseline"), two_layer("baseline")), engines())


def _cover() -> Iterator[Sample]:
    yield from networks("baseline")
    yield from quadratics("baseline", count=4, losses=(("least_squares", {}),), operators=("identity", "tall"))
    yield from tight(*_TIGHT)


SUITE = Suite(
    name="baseline",
    title="rates, stopping times and recovery of the baseline theorem, R' < R",
    prefixes=("baseline.",),
    strategy=_strategy,
    cover=_cover,
)
