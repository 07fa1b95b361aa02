"""Every step of the proofs, as an identity or an inequality along a run."""

from collections.abc import Iterator

import hypothesis.strategies as st
from hypothesis.strategies import SearchStrategy

from verify.properties.instances import networks, quadratics, tight
from verify.properties.suite import Sample, Suite, sampled
from verify.strategies.worlds import engines, quadratic, two_layer

_TIGHT = (
    "E(0.2), noise 0.01",
    "E(0.2), sigma_F sigma_0 = 0.1",
    "E(0.4), sigma_F sigma_0 = 1.5",
    "diag(1, 0.1), residual e2",
    "diag(1, 0.1), residual e1",
    "a = v, rho_0 = 0.5 a0^2",
    "A = (1, 0)^T, y = (1, 1)",
    "a = v, weak observation",
)
"""In the pool of an audit: where the bounds are attained, or nearly, or die with a hypothesis that is dropped."""


def _strategy() -> SearchStrategy[Sample]:
    return sampled(
        st.one_of(quadratic("baseline"), two_layer("baseline"), two_layer("amgm", train=st.just("both"))), engines()
    )


def _cover() -> Iterator[Sample]:
    yield from networks("baseline", noises=(0.1, 0.3))
    yield from networks("amgm", count=2, trains=("both",), noises=(0.3,))
    yield from quadratics("baseline", count=3, operators=("identity", "tall"), noises=(0.3,))
    yield from tight(*_TIGHT)


SUITE = Suite(
    name="steps",
    title="the steps of the proofs: energy, confinement, dissipation, triangles",
    prefixes=("step.",),
    strategy=_strategy,
    cover=_cover,
)
