"""Gradient descent with steps, or claims about them, that the theory excludes."""

from __future__ import annotations

from numerics.worlds import Linear, Quadratic, Understated, World, least_squares
from numerics.worlds.outside import FlatLoss
from verify.engine import Engine
from verify.violations.base import Choice, Family, Number

__all__ = ["FAMILIES"]


def _diagonal(second: float) -> World:
    return World(
        Quadratic([[1.0, 0.0], [0.0, 1.0]]),
        Linear([[1.0, 0.0], [0.0, second]]),
        least_squares(),
        [1.0, second],
    )


def _long(second: float, c: float) -> tuple[World, Engine]:
    return _diagonal(second), Engine("descent", c=c, steps=20, claim=1.0)


def _small_M(second: float, c: float, claim: float) -> tuple[World, Engine]:
    return _diagonal(second), Engine("descent", c=c, steps=20, claim=claim)


def _understated(y: float, factor: float, c: float, second: float) -> tuple[World, Engine]:
    true = Quadratic([[1.0, second]], [[[-1.0, 0.0], [0.0, 0.0]]])
    world = World(Understated(true, factor), Linear([[1.0]]), least_squares(), [y])
    return world, Engine("descent", c=c, steps=400)


def _out_of_range(y1: float, y2: float, c: float) -> tuple[World, Engine]:
    world = World(Quadratic([[1.0]]), Linear([[1.0], [0.0]]), least_squares(), [y1, y2])
    return world, Engine("descent", c=c, steps=60)


def _flat(y: float, c: float) -> tuple[World, Engine]:
    return World(Quadratic([[1.0]]), Linear([[1.0]]), FlatLoss(), [y]), Engine("descent", c=c, steps=400)


_C = Number(10, 1, 9, (0.5, 0.1, 0.9))

FAMILIES = (
    Family(
        "long_step",
        ("A.step",),
        "g(θ) = θ, A = diag(1, {second}), least squares, y = A(1, 1), 20 steps of gradient descent with γM/2 = {c}",
        {"second": Choice((0.1, 0.5)), "c": Number(10, 10, 30, (1.1, 1.5))},
        _long,
    ),
    Family(
        "small_M",
        ("A.gradient_lipschitz",),
        "g(θ) = θ, A = diag(1, {second}), least squares, y = A(1, 1), 20 steps of gradient descent with γM/2 = {c}, where M "
        "is claimed to be {claim} times the true constant",
        {"second": Choice((0.1, 0.5)), "c": _C, "claim": Choice((0.5, 0.1))},
        _small_M,
    ),
    Family(
        "understated_descent",
        ("A.generator.lipschitz",),
        "g(s, w) = s − s²/2 + {second} w, of whose modulus 1 only {factor} is claimed; F = id, least squares, y = {y}, "
        "gradient descent with γM/2 = {c}",
        {
            "y": Number(100, 1, 150, (0.45, 0.8)),
            "factor": Choice((0.1, 0.5)),
            "c": _C,
            "second": Choice((0.0, 0.2)),
        },
        _understated,
    ),
    Family(
        "out_of_range_descent",
        ("A.operator.range",),
        "g(s) = s, A = (1, 0)ᵀ, least squares, y = ({y1}, {y2}), gradient descent with γM/2 = {c}",
        {"y1": Number(10, 1, 20, (1.0,)), "y2": Number(10, 1, 20, (1.0,)), "c": _C},
        _out_of_range,
    ),
    Family(
        "flat_descent",
        ("A.loss.KL",),
        "g(s) = s, F = id, loss |r|⁴/4 with the ψ of least squares, y = {y}, gradient descent with γM/2 = {c}",
        {"y": Number(10, 1, 20, (0.5, 1.0)), "c": _C},
        _flat,
    ),
)
"""Families of runs of gradient descent."""
