"""First layer only: mirror flow against the points of the box."""

from collections.abc import Iterator

from hypothesis.strategies import SearchStrategy

from numerics.worlds import World
from verify import making
from verify.properties.instances import FLOW, LOSS_CYCLE, operator_for, tight
from verify.properties.suite import Sample, Suite, sampled, varied
from verify.strategies.parts import SMOOTH
from verify.strategies.worlds import engines, wonly

_TIGHT = (
    "W only, v = 0",
    "W only, one neuron",
    "W only, identity",
    "W only, three neurons",
    "W only, v = 1, a = -4, y = 20",
    "W only, v = 1, y = 2",
)
"""In the pool of an audit: where the bounds are attained, or nearly, or die with a hypothesis that is dropped."""


def _strategy() -> SearchStrategy[Sample]:
    return sampled(wonly(), engines())


def _cover() -> Iterator[Sample]:
    def make(seed: int, loss: tuple[str, dict[str, float]], activation: str, noise: float, n: int) -> World:
        operator = operator_for(("values", "identity", "deficient")[seed % 3], n, seed)
        return making.wonly(
            activation=activation,
            loss=loss[0],
            parameters=loss[1],
            n=n,
            k=n + 2,
            noise=noise,
            seed=seed,
            operator=operator,
        )

    yield from varied(make, FLOW, 8, loss=LOSS_CYCLE, activation=SMOOTH, noise=(0.1, 0.0), n=(1, 2))
    yield from varied(make, FLOW, 3, loss=LOSS_CYCLE[:1], activation=SMOOTH, noise=(0.1, 0.2), n=(1, 2))
    yield from tight(*_TIGHT)


SUITE = Suite(
    name="wonly",
    title="first layer only: mirror flow, rates against every point of the box",
    prefixes=("wonly.",),
    without=("wonly.descent",),
    strategy=_strategy,
    cover=_cover,
)
