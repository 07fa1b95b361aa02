"""Bounds in which the condition number does not occur: linear operators up to condition 1e8, plain least squares."""

from collections.abc import Iterator
from typing import Any

import hypothesis.strategies as st
from hypothesis.strategies import SearchStrategy

from numerics.worlds import World
from verify.making import Condition
from verify.properties.instances import LOSS_CYCLE, networks, quadratics, tight
from verify.properties.suite import Sample, Suite, sampled
from verify.strategies.worlds import engines, quadratic, two_layer

_CONDITIONS: tuple[tuple[Condition, float], ...] = (("discrepancy", 0.3), ("rate", 0.0), ("energy", 0.0))
"""Condition and size of the noise, for which the residual starts above twice the noise level."""

_TIGHT = (
    "diag(1, 0.1), residual e2",
    "diag(1, 0.1), residual e1",
    "theta, sigma^2 = 0.1, rho_0 = 100, eps = 1",
    "theta, sigma = 1",
    "twisted, A = diag(1, 1e-6)",
)
"""In the pool of an audit: where the bounds are attained, or nearly, or die with a hypothesis that is dropped."""


def _strategy() -> SearchStrategy[Sample]:
    def under(pair: tuple[Condition, float]) -> SearchStrategy[World]:
        condition, noise = pair
        options: dict[str, Any] = {"loss": ("least_squares",), "operator": "linear"}
        options["noise"] = st.just(0.0) if noise == 0 else st.sampled_from((0.3, 0.1, 0.2))
        return st.one_of(quadratic(condition, **options), two_layer(condition, width=5, **options))

    return sampled(st.sampled_from(_CONDITIONS).flatmap(under), engines())


def _cover() -> Iterator[Sample]:
    for condition, noise in _CONDITIONS:
        options: dict[str, Any] = {"losses": LOSS_CYCLE[:1], "operators": ("values", "ill"), "noises": (noise,)}
        yield from networks(condition, count=3, sizes=(2, 1), **options)
        yield from quadratics(condition, count=2, **options)
    yield from tight(*_TIGHT)


SUITE = Suite(
    name="illposed",
    title="discrepancy principle and rates free of the condition number",
    prefixes=("illposed.", "dip2.energy"),
    strategy=_strategy,
    cover=_cover,
)
