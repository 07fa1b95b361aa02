"""Strategies for whole worlds, built so that the condition asked for holds with a drawn margin, and for engines."""

from __future__ import annotations

from typing import Any, Literal

import hypothesis.strategies as st
from hypothesis.strategies import SearchStrategy

from numerics.worlds import World
from theory.losses import LOSSES
from verify import making
from verify.engine import Engine
from verify.strategies.parts import SMOOTH, Kind, activations, losses, margins, noises, operators, seeds, trains

__all__ = ["deep", "engines", "extremal", "quadratic", "two_layer", "wonly", "worlds"]

_ALL = tuple(LOSSES)


@st.composite
def two_layer(
    draw: Any,
    condition: making.Condition = "sharp",
    *,
    margin: SearchStrategy[float] | None = None,
    train: SearchStrategy[Literal["both", "W"]] | None = None,
    activation: tuple[str, ...] = SMOOTH,
    loss: tuple[str, ...] = _ALL,
    operator: Kind = "any",
    noise: SearchStrategy[float] | None = None,
    n: SearchStrategy[int] | None = None,
    width: int = 8,
    c: float = 0.5,
) -> World:
    """Two-layer networks with n ≤ 2 outputs and up to `width` neurons, shrinking to n = m = k = 1.

    >>> from hypothesis import find
    >>> world = find(two_layer("sharp"), lambda world: True)
    >>> world.generator.k, world.generator.n, world.generator.activation.name, world.loss.name
    (1, 1, 'tanh', 'least_squares')
    """
    mode = draw(trains() if train is None else train)
    size = draw(st.integers(1, 2) if n is None else n)
    made = draw(operators(size, kind=operator))
    return making.two_layer(
        condition,
        draw(margins() if margin is None else margin),
        activation=draw(activations(activation)),
        train=mode,
        loss=draw(losses(made.A.shape[0], loss)),
        n=size,
        k=draw(st.integers(size if mode == "W" else 1, width)),
        operator=made,
        noise=draw(noises() if noise is None else noise),
        c=c,
        seed=draw(seeds()),
    )


@st.composite
def quadratic(
    draw: Any,
    condition: making.Condition = "sharp",
    *,
    margin: SearchStrategy[float] | None = None,
    loss: tuple[str, ...] = _ALL,
    operator: Kind = "any",
    noise: SearchStrategy[float] | None = None,
    n: SearchStrategy[int] | None = None,
    c: float = 0.5,
) -> World:
    """Quadratic generators with n ≤ 3 outputs; curvature 0 (linear) included."""
    size = draw(st.integers(1, 3) if n is None else n)
    made = draw(operators(size, kind=operator))
    return making.quadratic(
        condition,
        draw(margins() if margin is None else margin),
        loss=draw(losses(made.A.shape[0], loss)),
        n=size,
        size=size + draw(st.integers(0, 2)),
        sigma_0=draw(st.sampled_from((1.0, 0.5, 2.0))),
        curvature=draw(st.sampled_from((1.0, 0.5, 3.0, 0.0))),
        operator=made,
        noise=draw(noises() if noise is None else noise),
        c=c,
        seed=draw(seeds()),
    )


@st.composite
def deep(
    draw: Any,
    condition: making.Condition = "sharp",
    *,
    margin: SearchStrategy[float] | None = None,
    loss: tuple[str, ...] = _ALL,
    operator: Kind = "any",
    activation: tuple[str, ...] = SMOOTH,
    inputs: SearchStrategy[int] | None = None,
    biases: SearchStrategy[bool] | None = None,
) -> World:
    """Feedforward networks with one or two hidden layers of 3 to 5 neurons, with or without biases, at 1 or 2 inputs.

    The hidden layers are at least as wide as there are outputs, so that J_g has full rank.
    """
    points = draw(st.integers(1, 2) if inputs is None else inputs)
    outputs = draw(st.integers(1, 2)) if points == 1 else 1
    made = draw(operators(outputs * points, kind=operator))
    widths = draw(st.lists(st.integers(3, 5), min_size=1, max_size=2))
    return making.deep(
        condition,
        draw(margins() if margin is None else margin),
        activation=draw(activations(activation)),
        widths=widths,
        inputs=points,
        biases=draw(st.booleans() if biases is None else biases),
        loss=draw(losses(made.A.shape[0], loss)),
        n=outputs,
        operator=made,
        noise=draw(noises()),
        seed=draw(seeds()),
    )


@st.composite
def extremal(draw: Any, *, unit: bool = False, margin: SearchStrategy[float] | None = None) -> World:
    """The scalar family on which the sharp theorem holds with equality; `unit`: only with F = id.

    >>> from hypothesis import find
    >>> find(extremal(), lambda world: True).y  # h = 1/4, sigma_F = sigma_0 = Lambda = 1
    array([0.25])
    """
    scales = st.sampled_from((1.0, 0.5, 2.0))
    return making.extremal(
        draw(margins(0.5) if margin is None else margin),
        sigma_F=1.0 if unit else draw(st.sampled_from((1.0, 0.5, 2.0, 0.1, 10.0))),
        sigma_0=draw(scales),
        Lambda=draw(scales),
        noise=draw(st.sampled_from((0.0, 0.25, 0.01, -0.25))),
    )


@st.composite
def wonly(
    draw: Any,
    *,
    activation: tuple[str, ...] = SMOOTH,
    loss: tuple[str, ...] = _ALL,
    operator: Kind = "linear",
    noise: SearchStrategy[float] | None = None,
    width: int = 8,
) -> World:
    """First layer only, y in the interior of the image of the box."""
    size = draw(st.integers(1, 2))
    made = draw(operators(size, kind=operator))
    return making.wonly(
        activation=draw(activations(activation)),
        loss=draw(losses(made.A.shape[0], loss)),
        n=size,
        k=draw(st.integers(size, width)),
        operator=made,
        distance=draw(st.sampled_from((0.5, 0.25, 0.75))),
        noise=draw(st.sampled_from((0.0, 0.1, 0.2)) if noise is None else noise),
        seed=draw(seeds()),
    )


def worlds(
    kind: Literal["any", "two_layer", "quadratic", "deep", "extremal", "wonly"] = "any",
    condition: making.Condition = "sharp",
    **options: Any,
) -> SearchStrategy[World]:
    """Worlds of one kind ("any": extremal, quadratic, two-layer or deep) that meet a condition with a drawn margin.

    Options go to the strategy of the kind: `margin`, `loss`, `operator`, `noise`, …
    """
    if kind == "extremal":
        return extremal(**options)
    if kind == "wonly":
        return wonly(**options)
    made: dict[str, Any] = {"quadratic": quadratic, "two_layer": two_layer, "deep": deep}
    if kind == "any":
        return st.one_of(extremal(), *(make(condition) for make in made.values()))
    found: SearchStrategy[World] = made[kind](condition, **options)
    return found


def engines(kind: Literal["flow", "descent"] = "flow", c: float | None = None) -> SearchStrategy[Engine]:
    """Runs that end: flows after 1500 steps of the integrator, descent after 300; `c` = γM/2."""
    if kind == "descent":
        ratios = st.sampled_from((0.5, 0.25, 0.75, 0.9)) if c is None else st.just(c)
        return st.builds(lambda c: Engine("descent", c=c, steps=300), ratios)
    return st.builds(
        lambda ratio, points: Engine(loss_ratio=ratio, points_per_decade=points, max_steps=1500),
        st.sampled_from((1e-12, 1e-8)),
        st.sampled_from((4, 6)),
    )
