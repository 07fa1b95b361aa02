"""Strategies for whole worlds, built so that the condition asked for holds with a drawn margin, and for engines."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final, Literal, get_args

import hypothesis.strategies as st
from hypothesis.strategies import SearchStrategy

from numerics.worlds import World
from theory.losses import LOSSES
from verify import making
from verify.engine import Engine
from verify.placing import BUDGETS
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
    noise: SearchStrategy[float] | None = None,
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
        noise=draw(noises() if noise is None else noise),
        seed=draw(seeds()),
    )


@st.composite
def extremal(
    draw: Any,
    condition: making.Condition = "sharp",
    *,
    unit: bool = False,
    margin: SearchStrategy[float] | None = None,
    noise: SearchStrategy[float] | None = None,
    c: float = 0.5,
) -> World:
    """The scalar family on which the sharp theorem holds with equality; `unit`: only with F = id.

    `margin` is the fraction of what the condition allows: h < 1/2 for "sharp", h < 1/4 for "baseline", h < (1 - c)/2 for
    "descent"; for "free" it is rho_0 itself.  ValueError for a condition that says nothing of this family.

    >>> from hypothesis import find
    >>> find(extremal(), lambda world: True).y  # h = 1/4, sigma_F = sigma_0 = Lambda = 1
    array([0.25])
    >>> find(extremal("baseline"), lambda world: True).y
    array([0.125])
    """
    scales = st.sampled_from((1.0, 0.5, 2.0))
    fraction = draw(margins() if margin is None else margin)
    sigma_F = 1.0 if unit else draw(st.sampled_from((1.0, 0.5, 2.0, 0.1, 10.0)))
    sigma_0, Lambda = draw(scales), draw(scales)
    allowed = {
        "sharp": 1 / 2,
        "baseline": 1 / 4,  # R' = 2 rho_0/(sigma_F sigma_0) < R = sigma_0/(2 Lambda)
        "descent": (1.0 - c) / 2,
        "free": Lambda / (sigma_F * sigma_0**2),
    }
    if condition not in allowed:
        raise ValueError(f"the extremal family is made for {', '.join(allowed)}, not for {condition!r}")
    return making.extremal(
        fraction * allowed[condition],
        sigma_F=sigma_F,
        sigma_0=sigma_0,
        Lambda=Lambda,
        noise=draw(st.sampled_from((0.0, 0.25, 0.01, -0.25)) if noise is None else noise),
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


_KINDS: Final[dict[str, Callable[..., SearchStrategy[World]]]] = {
    "extremal": extremal,
    "quadratic": quadratic,
    "two_layer": two_layer,
    "deep": deep,
    "wonly": wonly,
}
_MET: Final[dict[str, tuple[str, ...]]] = {
    "extremal": ("sharp", "baseline", "descent", "free"),
    "quadratic": ("sharp", "baseline", "descent", "free", *BUDGETS),
    "two_layer": get_args(making.Condition),
    "deep": ("sharp", "free"),  # a centre modulus only: no Lipschitz constant of J_g is known
    "wonly": (),
}
"""Kind → the conditions that its worlds can be made to meet."""

_OF_EVERY_WORLD: Final = ("margin", "loss", "operator", "noise", "n", "c")
"""Options about what every world has: a kind that has no say in one of them cannot give what is asked for."""


def worlds(
    kind: Literal["any", "two_layer", "quadratic", "deep", "extremal", "wonly"] = "any",
    condition: making.Condition | None = None,
    **options: Any,
) -> SearchStrategy[World]:
    """Worlds of one kind that meet a condition (None: "sharp") with a drawn margin; "wonly" is made for no condition.

    "any" is one of the extremal family, quadratic, two-layer and deep, as far as they can meet the condition: deep networks
    have no known Lipschitz constant of the Jacobian, which "baseline", "descent" and the path budgets need.

    Options go to the strategy of the kind.  With "any", each kind is given those that it takes; a kind without `margin`,
    `loss`, `operator`, `noise`, `n` or `c` is left out if that is given (the extremal family has one loss), while
    `activation`, `train`, `width`, … only say how networks are drawn.

    Raises ValueError for an unknown kind, or a condition that the kind is not made for, TypeError for options that no kind
    takes.

    >>> worlds("quadratic", width=3)
    Traceback (most recent call last):
    TypeError: worlds('quadratic') takes no width; quadratic takes margin, loss, operator, noise, n, c
    """
    if kind != "any" and kind not in _KINDS:
        raise ValueError(f"unknown kind of world {kind!r}; choose any, {', '.join(_KINDS)}")
    if condition is not None and condition not in get_args(making.Condition):
        raise ValueError(f"unknown condition {condition!r}; choose {', '.join(get_args(making.Condition))}")
    asked = "sharp" if condition is None else condition
    if kind == "any":
        chosen = [name for name in _KINDS if asked in _MET[name]]
    elif (kind == "wonly" and condition is None) or asked in _MET[kind]:
        chosen = [kind]
    else:
        made = f"made for {', '.join(_MET[kind])}" if _MET[kind] else "made for no condition: leave it out"
        raise ValueError(f"{kind} worlds cannot be asked to meet {asked!r}; they are {made}")
    taken = {name: _options(_KINDS[name]) for name in chosen}
    nobody = [option for option in options if not any(option in names for names in taken.values())]
    fixed = [option for option in options if option in _OF_EVERY_WORLD]
    able = [name for name, names in taken.items() if all(option in names for option in fixed)]
    if nobody or not able:
        told = "; ".join(f"{name} takes {', '.join(names)}" for name, names in taken.items())
        raise TypeError(f"worlds({kind!r}) takes no {', '.join(nobody) or ' with '.join(fixed)}; {told}")
    found = []
    for name in able:
        ours = {option: value for option, value in options.items() if option in taken[name]}
        found.append(_KINDS[name](**ours) if name == "wonly" else _KINDS[name](asked, **ours))
    # an option that is about some kind only must reach one
    lost = [option for option in options if not any(option in taken[name] for name in able)]
    if lost:
        raise TypeError(f"no kind of world takes {', '.join(lost)} together with {', '.join(fixed)}")
    return st.one_of(*found)


def _options(strategy: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(strategy).parameters.values()
    return [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]


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
