"""The covers of the suites: every loss, activation and training mode once or more, in a handful of instances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from numerics.worlds import Linear, World
from theory.losses import LOSSES
from verify import making
from verify.engine import Engine
from verify.pool import Instance, instances
from verify.properties.suite import Sample, varied
from verify.strategies.parts import PARAMETERS, SMOOTH

__all__ = ["FLOW", "LOSS_CYCLE", "networks", "operator_for", "quadratics", "tight"]

FLOW = Engine(loss_ratio=1e-10, points_per_decade=4, max_steps=1500)
"""The flow of the covers."""

LOSS_CYCLE = tuple((name, PARAMETERS[name][0]) for name in LOSSES)


def operator_for(kind: str, n: int, seed: int) -> Any:
    """An operator for a cover: "identity", "values", "deficient", "ill" (condition 1e4), "sine", "tall"."""
    if kind == "identity":
        return making.operator_of("identity", n, n)
    if kind == "sine":
        return making.operator_of("sine", n, n, seed=seed, values=[1.0, 0.7, 0.5][:n])
    if kind == "tall":
        return making.operator_of("values", n, n + 1, seed=seed, values=[1.0, 0.7, 0.5][:n])
    if kind == "ill":
        return making.operator_of("values", n, n, seed=seed, values=[1.0, 1e-2, 1e-4][:n])
    if kind == "deficient":
        return making.operator_of("values", n, n, seed=seed, values=[1.0, 0.7][: max(1, n - 1)])
    return making.operator_of("values", n, n, seed=seed, values=[1.0, 0.7, 0.5][:n])


def networks(
    condition: making.Condition,
    *,
    count: int = 8,
    trains: tuple[Any, ...] = ("both", "W"),
    losses: tuple[Any, ...] = LOSS_CYCLE,
    activations: tuple[str, ...] = SMOOTH,
    operators: tuple[str, ...] = ("identity", "values", "sine", "tall", "deficient"),
    fractions: tuple[float, ...] = (0.5, 0.9, 0.25),
    noises: tuple[float, ...] = (0.3, 0.1, 0.0),
    sizes: tuple[int, ...] = (1, 2),
    engine: Engine = FLOW,
    c: float = 0.5,
) -> Iterator[Sample]:
    """Two-layer networks that meet the condition."""

    def make(seed: int, train: Any, loss: Any, activation: str, operator: str, **drawn: Any) -> World:
        n = drawn["n"]
        return making.two_layer(
            condition,
            drawn["fraction"],
            activation=activation,
            train=train,
            loss=loss[0],
            parameters=loss[1],
            n=n,
            k=n + 2,
            operator=operator_for(operator, n, seed),
            noise=drawn["noise"],
            c=c,
            seed=seed,
        )

    return varied(
        make, engine, count, train=trains, loss=losses, activation=activations, operator=operators, fraction=fractions,
        noise=noises, n=sizes,
    )  # fmt: skip


def quadratics(
    condition: making.Condition,
    *,
    count: int = 7,
    losses: tuple[Any, ...] = LOSS_CYCLE,
    operators: tuple[str, ...] = ("identity", "values", "sine", "tall", "deficient"),
    fractions: tuple[float, ...] = (0.5, 0.9, 0.25),
    noises: tuple[float, ...] = (0.3, 0.1, 0.0),
    sizes: tuple[int, ...] = (1, 2, 3),
    curvatures: tuple[float, ...] = (1.0, 0.5),
    engine: Engine = FLOW,
    c: float = 0.5,
) -> Iterator[Sample]:
    """Quadratic generators that meet the condition."""

    def make(seed: int, loss: Any, operator: str, **drawn: Any) -> World:
        n = drawn["n"]
        return making.quadratic(
            condition,
            drawn["fraction"],
            loss=loss[0],
            parameters=loss[1],
            n=n,
            size=n + seed % 2,
            curvature=drawn["curvature"],
            operator=operator_for(operator, n, seed),
            noise=drawn["noise"],
            c=c,
            seed=seed,
        )

    return varied(
        make, engine, count, loss=losses, operator=operators, fraction=fractions, noise=noises, n=sizes,
        curvature=curvatures,
    )  # fmt: skip


@cache
def _pool() -> Mapping[str, Instance]:
    return {instance.name: instance for instance in instances("dev", 0)}


def tight(*names: str) -> Iterator[Sample]:
    """Instances of the pool of an audit, by name: on these a bound is attained, or nearly, so that a wrong one fails.

    >>> next(tight("E(0.2), noise 0")).world.label
    'extremal, h = 0.2'
    """
    for name in names:
        instance = _pool()[name]
        yield Sample(instance.world, instance.engine)


def column(*values: float) -> Linear:
    """The operator with one column."""
    return Linear([[value] for value in values])
