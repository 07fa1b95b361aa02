"""The sharp theorem along gradient flow, with h drawn up to 1/2; its extremal family has a suite of its own."""

from collections.abc import Iterator

import hypothesis.strategies as st
from hypothesis.strategies import SearchStrategy

from verify import making
from verify.properties.instances import FLOW, networks, quadratics, tight
from verify.properties.suite import Sample, Suite, sampled
from verify.strategies.worlds import deep, engines, extremal, quadratic, two_layer

_TIGHT = (
    "E(0.05), noise -0.01",
    "E(0.3), noise 0.01",
    "E(0.45), noise 0",
    "E(0.4), sigma_F sigma_0 = 1.5",
    "diag(1, 0.1), residual e2",
    "diag(1, 0.1), residual e1",
    "theta, sigma^2 = 0.1, rho_0 = 100, eps = 1",
    "theta, sigma = 1",
    "A = (1, 0)^T, y = (1, 1)",
)
"""In the pool of an audit: where the bounds are attained, or nearly, or die with a hypothesis that is dropped."""


def _strategy() -> SearchStrategy[Sample]:
    worlds = st.one_of(
        extremal(), quadratic("sharp"), two_layer("sharp"), deep("sharp"), two_layer("baseline", operator="values")
    )
    return sampled(worlds, engines())


def _cover() -> Iterator[Sample]:
    yield from networks("sharp")
    yield from quadratics("sharp", count=3, losses=(("least_squares", {}), ("weighted_least_squares", {})))
    # far inside, so that the run is long enough after the stopping time
    yield from quadratics("baseline", count=2, losses=(("least_squares", {}),), noises=(0.3,))
    yield Sample(making.deep("sharp", 0.5, widths=(3,)), FLOW)
    yield from tight(*_TIGHT)


SUITE = Suite(
    name="sharp",
    title="length, singular value, rate, stop and tail of the sharp theorem, h < 1/2",
    prefixes=("sharp.",),
    without=("sharp.optimal",),
    strategy=_strategy,
    cover=_cover,
)
