"""The Kurdyka-Lojasiewicz inequality of every loss, at the states of a run."""

from collections.abc import Iterator

import hypothesis.strategies as st
from hypothesis.strategies import SearchStrategy

from verify.properties.instances import quadratics, tight
from verify.properties.suite import Sample, Suite, sampled
from verify.strategies.worlds import engines, quadratic


def _strategy() -> SearchStrategy[Sample]:
    worlds = quadratic("free", margin=st.sampled_from((1.0, 0.1, 10.0, 1e-3)), operator="linear", noise=st.just(0.1))
    return sampled(worlds, engines())


def _cover() -> Iterator[Sample]:
    for fraction in (1.0, 10.0, 1e-3):
        yield from quadratics(
            "free", fractions=(fraction,), operators=("identity", "values"), sizes=(1, 2, 3), curvatures=(0.0, 0.1)
        )
    yield from tight("theta, lp, equal entries")


SUITE = Suite(
    name="losses",
    title="psi'(L) |grad L| >= 1 for every loss, and the exponent one half",
    prefixes=("kl.",),
    strategy=_strategy,
    cover=_cover,
)
