"""Feedforward networks: Jacobian layer by layer, centre modulus, output bias; with the sharp theorem on their runs."""

from collections.abc import Iterator

from hypothesis.strategies import SearchStrategy

from numerics.worlds import World
from verify import making
from verify.properties.instances import FLOW, LOSS_CYCLE, tight
from verify.properties.suite import Sample, Suite, sampled, varied
from verify.strategies.parts import SMOOTH
from verify.strategies.worlds import deep, engines

_TIGHT = (
    "deep 0: bias False, 1 inputs",
    "deep 0: bias True, 2 inputs",
    "deep line, identity",
    "deep zero with biases",
)
"""In the pool of an audit: where the bounds are attained, or nearly, or die with a hypothesis that is dropped."""


def _strategy() -> SearchStrategy[Sample]:
    return sampled(deep("sharp"), engines())


def _cover() -> Iterator[Sample]:
    def make(seed: int, loss: tuple[str, dict[str, float]], activation: str, biases: bool, inputs: int) -> World:
        return making.deep(
            "sharp", 0.75, activation=activation, widths=(3,), inputs=inputs, biases=biases, loss=loss[0],
            parameters=loss[1], seed=seed,
        )  # fmt: skip

    yield from varied(make, FLOW, 8, loss=LOSS_CYCLE, activation=SMOOTH, biases=(True, False), inputs=(1, 1, 2))
    yield from tight(*_TIGHT)


SUITE = Suite(
    name="deep",
    title="feedforward networks: Jacobian, centre modulus, the sharp theorem on their runs",
    prefixes=("deep.", "sharp.length", "sharp.rate"),
    strategy=_strategy,
    cover=_cover,
)
