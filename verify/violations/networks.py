"""Two-layer networks with one or two neurons: the wrong layers trained, and the hypotheses of the balanced statements."""

from __future__ import annotations

from typing import Any

import numpy as np

from numerics.losses import loss
from numerics.worlds import Linear, Sine, TwoLayerGenerator, World, least_squares
from numerics.worlds.outside import BowedLoss, FlatLoss, PartialLoss
from verify.engine import Engine
from verify.violations.base import Choice, Family, Number

__all__ = ["FAMILIES"]

_RUN = Engine(loss_ratio=1e-9, t_max=200.0)
_A0 = Number(10, -20, 20, (1.0, 2.0))
_V0 = Number(10, -20, 20, (0.1, 1.0))
_Y = Number(100, -200, 200, (0.0, -0.5, 0.5, 1.0))


def _neuron(train: str, activation: str, a0: float, v0: float, y: float) -> tuple[World, Engine]:
    """One neuron, one output."""
    generator = TwoLayerGenerator(activation, train, [a0], [[v0]])  # type: ignore[arg-type]
    return World(generator, Linear([[1.0]]), least_squares(), [y], [y - 0.01], [y - 0.01]), _RUN


def _first_layer(activation: str, a0: float, v0: float, y: float) -> tuple[World, Engine]:
    return _neuron("W", activation, a0, v0, y)


def _both_layers(activation: str, a0: float, v0: float, y: float) -> tuple[World, Engine]:
    return _neuron("both", activation, a0, v0, y)


def _outside(
    name: str, activation: str, train: Any, a0: float, v0: float, y: float, other: float
) -> tuple[World, Engine]:
    """A loss outside the assumptions, or an operator that does not reach y; two outputs where it needs them."""
    if name == "partial":
        generator = TwoLayerGenerator(activation, train, [a0], [[v0], [v0]])
        return World(generator, Linear([[1.0, 0.0], [0.0, 1.0]]), PartialLoss(), [y, other]), _RUN
    generator = TwoLayerGenerator(activation, train, [a0], [[v0]])
    if name == "range":
        return World(generator, Linear([[1.0], [0.0]]), least_squares(), [y, other]), _RUN
    return World(generator, Linear([[1.0]]), FlatLoss(), [y]), _RUN


def _kinked(train: str, a0: float, v0: float, y: float) -> tuple[World, Engine]:
    generator = TwoLayerGenerator("relu", train, [a0], [[v0]])  # type: ignore[arg-type]
    return World(generator, Linear([[1.0]]), least_squares(), [y], [y], [y]), _RUN


def _curved(train: str, activation: str, a0: float, v0: float, target: float) -> tuple[World, Engine]:
    """A nonlinear operator."""
    operator = Sine([[1.0]], 0.9)
    generator = TwoLayerGenerator(activation, train, [a0], [[v0]])  # type: ignore[arg-type]
    clean = operator(np.array([target]))
    return World(generator, operator, least_squares(), clean + 0.01, clean, [target]), _RUN


def _bowed(a0: float, v0: float, y: float) -> tuple[World, Engine]:
    generator = TwoLayerGenerator("tanh", "W", [a0], [[v0]])
    return World(generator, Linear([[1.0]]), BowedLoss(), [y], [y], [y]), _RUN


def _huber(train: str, a0: float, v0: float, y: float) -> tuple[World, Engine]:
    generator = TwoLayerGenerator("tanh", train, [a0], [[v0]])  # type: ignore[arg-type]
    return World(generator, Linear([[1.0]]), loss("pseudo_huber", huber=1.0), [y], [y - 0.01], [y - 0.01]), _RUN


def _outside_of(name: str, breaks: tuple[str, ...], text: str) -> Family:
    return Family(
        f"neuron_{name}",
        breaks,
        f"one neuron {{activation}}, {{train}} trained, a0 = {{a0}}, v0 = {{v0}}; {text}",
        {
            "train": Choice(("both", "W")),
            "activation": Choice(("identity", "tanh")),
            "a0": Number(10, -20, 20, (1.0,)),
            "v0": Number(10, -20, 20, (1.0, 0.1)),
            "y": Number(100, -200, 200, (0.5, 1.5)),
            "other": Number(10, -20, 20, (1.0,)),
        },
        lambda **numbers: _outside(name, **numbers),
    )


FAMILIES = (
    Family(
        "first_layer_only",
        ("A.network.both",),
        "one neuron {activation}, W alone trained, a0 = {a0}, v0 = {v0}; F = id, least squares, y = {y}, noise 0.01",
        {"activation": Choice(("identity", "tanh")), "a0": _A0, "v0": _V0, "y": _Y},
        _first_layer,
    ),
    Family(
        "both_layers",
        ("A.network.W", "dip2.amgm", "dip2.balanced"),
        "one neuron {activation}, both layers trained, a0 = {a0}, v0 = {v0}; F = id, least squares, y = {y}, noise 0.01",
        {"activation": Choice(("identity", "tanh")), "a0": _A0, "v0": _V0, "y": _Y},
        _both_layers,
    ),
    _outside_of("flat", ("A.loss.KL",), "F = id, loss |r|⁴/4 with the ψ of least squares, y = {y} (unused: {other})"),
    _outside_of("partial", ("A.loss.unique",), "two equal outputs, F = id, loss r1²/2, y = ({y}, {other})"),
    _outside_of("range", ("A.operator.range",), "A = (1, 0)ᵀ, least squares, y = ({y}, {other})"),
    Family(
        "relu",
        ("A.activation", "A.generator.smooth"),
        "one ReLU neuron at its kink, {train} trained, a0 = {a0}, v0 = {v0}; F = id, least squares, y = {y}",
        {
            "train": Choice(
                ("both", "W")
            ),  # at the kink and nowhere near it: next to it the difference quotients are wrong, not the chain rule
            "a0": Choice((0.0,)),
            "v0": _V0,
            "y": _Y,
        },
        _kinked,
    ),
    Family(
        "curved",
        ("A.operator.linear",),
        "one neuron {activation}, {train} trained, a0 = {a0}, v0 = {v0}; "
        "F(x) = x + 0.9 sin x, least squares, x̄ = {target}, noise 0.01",
        {
            "train": Choice(("W", "both")),
            "activation": Choice(("tanh",)),
            "a0": Number(10, -20, 20, (0.1, 1.0)),
            "v0": Number(10, -60, 60, (5.0, 1.0)),
            "target": Number(10, -40, 40, (4.0, 0.5)),
        },
        _curved,
    ),
    Family(
        "bowed_neuron",
        ("A.loss.convex",),
        "one neuron tanh, W trained, a0 = {a0}, v0 = {v0}; F = id, loss log(1 + r²)/2, y = {y}",
        {
            "a0": Number(10, -20, 20, (0.0, -1.0)),
            "v0": Number(1, 1, 100, (100.0, 20.0)),
            "y": Number(1, 1, 100, (50.0, 10.0)),
        },
        _bowed,
    ),
    Family(
        "huber_neuron",
        ("A.loss.plain_least_squares", "A.loss.least_squares"),
        "one neuron tanh, {train} trained, a0 = {a0}, v0 = {v0}; F = id, pseudo-Huber loss, y = {y}, noise 0.01",
        {
            "train": Choice(("W", "both")),
            "a0": Number(10, -20, 20, (0.1, 1.0)),
            "v0": Number(10, 1, 90, (5.0, 1.0)),
            "y": Number(10, -40, 40, (4.0, 0.5)),
        },
        _huber,
    ),
)
"""Families of small two-layer networks under gradient flow."""
