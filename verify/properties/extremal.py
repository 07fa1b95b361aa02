"""The extremal family: the sharp theorem with equality, which no other instance comes near to."""

from collections.abc import Iterator

import hypothesis.strategies as st
from hypothesis.strategies import SearchStrategy

from verify import making
from verify.engine import Engine
from verify.properties.instances import tight
from verify.properties.suite import Sample, Suite, sampled
from verify.strategies.worlds import extremal

_PARTS = ("sharp.optimal", "sharp.length", "sharp.logistic", "sharp.sigma", "sharp.tail", "sharp.general", "sharp.rate",
          "step.majorant", "recover.reach", "dip2.two_sided")  # fmt: skip

# far down, so that next to nothing of a tail lies beyond the end
_FLOW = Engine(loss_ratio=1e-18, points_per_decade=4)

_TIGHT = (
    "E(0.2), noise -0.01",
    "E(0.2), sigma_F sigma_0 = 0.1",
    "E(0.4), sigma_F sigma_0 = 1.5",
    "diag(1, 0.1), residual e2",
    "theta, sigma = 1",
)
"""In the pool of an audit: where the bounds are attained, or nearly, or die with a hypothesis that is dropped."""


def _strategy() -> SearchStrategy[Sample]:
    return sampled(extremal(), st.just(_FLOW))


def _cover() -> Iterator[Sample]:
    for h in (0.25, 0.45, 0.499, 0.05):
        yield Sample(making.extremal(h, noise=0.1), _FLOW)
    yield Sample(making.extremal(0.3, sigma_F=0.1), _FLOW)
    yield Sample(making.extremal(0.3, sigma_F=10.0, sigma_0=0.5, Lambda=2.0), _FLOW)
    yield from tight(*_TIGHT)


SUITE = Suite(
    name="extremal",
    title="the scalar family on which the sharp theorem holds with equality",
    prefixes=_PARTS,
    strategy=_strategy,
    cover=_cover,
)
