"""Bounds in which the condition number does not occur: linear operators up to condition 1e8, plain least squares."""

from collections.abc import Iterator
from typing import Any

import hypothesis.strategies as st
from hypothesis.strategies import SearchStrategy

from verify.properties.instances import LOSS_CYCLE, networks, quadratics
from verify.properties.suite import Sample, Suite, sampled
from verify.strategies.worlds import engines, quadratic, two_layer

_LS = LOSS_CYCLE[:1]
_FRACTIONS = (0.05, 0.1, 0.02)


def _strategy() -> SearchStrategy[Sample]:
    margin = st.sampled_from((0.1, 0.05, 0.2, 0.01))
    noise = st.sampled_from((0.3, 0.0, 0.1, 0.5))
    options: dict[str, Any] = {"margin": margin, "noise": noise, "loss": ("least_squares",), "operator": "linear"}
    return sampled(st.one_of(quadratic("sharp", **options), two_layer("sharp", **options)), engines())


def _cover() -> Iterator[Sample]:
    for noise in (0.3, 0.0):
        yield from networks(
            "sharp",
            count=4,
            losses=_LS,
            operators=("values", "ill"),
            noises=(noise,),
            fractions=_FRACTIONS,
            sizes=(2, 1),
        )
        yield from quadratics(
            "sharp", count=3, losses=_LS, operators=("values", "ill"), noises=(noise,), fractions=_FRACTIONS
        )


SUITE = Suite(
    name="illposed",
    title="discrepancy principle and rates free of the condition number",
    prefixes=("illposed.", "dip2.energy"),
    strategy=_strategy,
    cover=_cover,
)
