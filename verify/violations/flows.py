"""Quadratic maps under gradient flow: what goes wrong without the conditions, and without each hypothesis on loss, operator,
generator and noise.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from numerics.losses import loss
from numerics.worlds import Linear, Power, Quadratic, Sine, Understated, World, least_squares
from numerics.worlds.outside import FlatLoss, PartialLoss
from verify.engine import Engine
from verify.violations.base import Choice, Family, Number

__all__ = ["FAMILIES"]

#: Long enough for rates that are a tenth of σ0²; relative losses of 1e-9 keep the residual far above rounding.
_RUN = Engine(loss_ratio=1e-9, t_max=200.0)


def _with_noise(world: World, noise: float) -> World:
    """y = F(x̄) + noise in the first entry; the truth is a solution of F(x̄) = ȳ for A = 1."""
    clean = world.y.copy()
    clean[0] -= noise
    return world.with_(clean=clean, truth=clean if clean.size == world.generator.n else None)


def _bent(slope: float, ledge: float) -> Quadratic:
    """g(s, w) = slope s − s²/2 + ledge w."""
    return Quadratic([[slope, ledge]], [[[-1.0, 0.0], [0.0, 0.0]]])


def _extremal(y: float, noise: float) -> tuple[World, Engine]:
    world = World(Quadratic([[1.0]], [[[-1.0]]]), Linear([[1.0]]), least_squares(), [y])
    return _with_noise(world, noise), _RUN


def _ledge(y: float, ledge: float, noise: float) -> tuple[World, Engine]:
    world = World(_bent(1.0, ledge), Linear([[1.0]]), least_squares(), [y])
    return _with_noise(world, noise), _RUN


def _understated(y: float, factor: float, ledge: float, noise: float) -> tuple[World, Engine]:
    true = _bent(1.0, ledge) if ledge else Quadratic([[1.0]], [[[-1.0]]])
    world = World(Understated(true, factor), Linear([[1.0]]), least_squares(), [y])
    return _with_noise(world, noise), _RUN


def _beyond(y: float, reach: float, kappa: float, noise: float) -> tuple[World, Engine]:
    world = World(Power(1.0, kappa, 2, reach), Linear([[1.0]]), least_squares(), [y])
    return _with_noise(world, noise), _RUN


def _flat(y: float, noise: float) -> tuple[World, Engine]:
    world = World(Quadratic([[1.0]]), Linear([[1.0]]), FlatLoss(), [y])
    return _with_noise(world, noise), _RUN


def _partial(y1: float, y2: float, noise: float, bend: float) -> tuple[World, Engine]:
    H = None if not bend else [[[-bend, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]]
    world = World(Quadratic([[1.0, 0.0], [0.0, 1.0]], H), Linear([[1.0, 0.0], [0.0, 1.0]]), PartialLoss(), [y1, y2])
    return _with_noise(world, noise), _RUN


def _out_of_range(y1: float, y2: float, bend: float) -> tuple[World, Engine]:
    H = None if not bend else [[[-bend]]]
    world = World(Quadratic([[1.0]], H), Linear([[1.0], [0.0]]), least_squares(), [y1, y2])
    return world.with_(clean=[y1, 0.0], truth=[y1]), _RUN


def _other(name: str, y: float, slope: float, noise: float) -> tuple[World, Engine]:
    made: dict[str, Any] = {
        "p_power": lambda: loss("p_power", p=4.0),
        "log_cosh": lambda: loss("log_cosh"),
        "pseudo_huber": lambda: loss("pseudo_huber", huber=1.0),
        "weighted_least_squares": lambda: loss("weighted_least_squares", [0.1]),
    }
    world = World(Quadratic([[slope]]), Linear([[1.0]]), made[name](), [y])
    return _with_noise(world, noise), _RUN


def _sine(x0: float, target: float, noise: float, beta: float) -> tuple[World, Engine]:
    operator = Sine([[1.0]], beta)
    clean = operator(np.array([target]))
    world = World(Quadratic([[1.0]], None, [x0]), operator, least_squares(), clean + noise, clean, [target])
    return world, _RUN


def _too_few(y1: float, y2: float, noise: float) -> tuple[World, Engine]:
    world = World(Quadratic([[1.0], [1.0]]), Linear([[1.0, 0.0], [0.0, 1.0]]), least_squares(), [y1, y2])
    return _with_noise(world, noise), _RUN


def _kernel(y: float, bend: float, factor: float) -> tuple[World, Engine]:
    H = [[[0.0, 0.0], [0.0, 0.0]], [[bend, 0.0], [0.0, 0.0]]]
    true = Quadratic([[1.0, 0.0], [0.0, 1.0]], H)
    return World(Understated(true, factor), Linear([[1.0, 0.0]]), least_squares(), [y], [y], [y, 0.0]), _RUN


def _overfit(target: float, noise: float) -> tuple[World, Engine]:
    world = World(Quadratic([[1.0]]), Linear([[1.0]]), least_squares(), [target + noise], [target], [target])
    return world, _RUN


def _weighted(x1: float, x2: float, noise: float, weight: float) -> tuple[World, Engine]:
    generator = Quadratic([[1.0, 0.0], [0.0, 1.0]], None, [x1, x2])
    weights = loss("weighted_least_squares", [1.0, weight])
    return World(generator, Linear([[1.0, 0.0], [0.0, 1.0]]), weights, [noise, 0.0], [0.0, 0.0], [0.0, 0.0]), _RUN


def _sines(x1: float, z2: float, beta: float) -> tuple[World, Engine]:
    operator = Sine([[1.0, -1.0]], beta)
    clean = operator(np.array([0.0, -z2]))
    generator = Quadratic([[1.0, 0.0], [0.0, 1.0]], None, [x1, 0.0])
    return World(generator, operator, least_squares(), clean, clean, [0.0, -z2]), _RUN


_NOISE = Choice((0.0, 0.001, -0.001))

FAMILIES = (
    Family(
        "extremal",
        ("baseline.condition", "sharp.condition", "sharp.implies_baseline", "when"),
        "g(s) = s − s²/2, F = id, least squares, y = {y}, noise {noise}",
        {"y": Number(100, 1, 150, (0.45, 0.2, 0.49, 0.3, 0.75, 1.0)), "noise": _NOISE},
        _extremal,
    ),
    Family(
        "ledge",
        ("baseline.condition", "sharp.condition", "when"),
        "g(s, w) = s − s²/2 + {ledge} w, F = id, least squares, y = {y}, noise {noise}",
        {"y": Number(100, 1, 200, (0.8, 0.6, 1.0)), "ledge": Number(100, 5, 40, (0.2, 0.1)), "noise": _NOISE},
        _ledge,
    ),
    Family(
        "understated",
        ("A.generator.lipschitz", "A.generator.modulus"),
        "g(s, w) = s − s²/2 + {ledge} w, of whose Lipschitz constant 1 only {factor} is claimed; F = id, least squares, "
        "y = {y}, noise {noise}",
        {
            "y": Number(100, 1, 150, (0.45, 0.8)),
            "factor": Choice((0.1, 0.5)),
            "ledge": Choice((0.0, 0.2)),
            "noise": _NOISE,
        },
        _understated,
    ),
    Family(
        "beyond_reach",
        ("A.generator.linear_modulus",),
        "g(s) = s − {kappa} s³/3 with the modulus {reach} r, valid for r ≤ {reach} only; F = id, "
        "least squares, y = {y}, noise {noise}",
        {
            "y": Number(100, 1, 66, (0.6, 0.5)),
            "reach": Choice((0.1, 0.05)),
            "kappa": Choice((1.0, -1.0)),
            "noise": _NOISE,
        },
        _beyond,
    ),
    Family(
        "flat",
        ("A.loss.KL",),
        "g(s) = s, F = id, loss |r|⁴/4 with the ψ of least squares, y = {y}, noise {noise}",
        {"y": Number(10, 1, 20, (1.0, 0.5, 2.0)), "noise": _NOISE},
        _flat,
    ),
    Family(
        "partial",
        ("A.loss.unique",),
        "g(θ) = (θ1 − {bend} θ1²/2, θ2), F = id, loss r1²/2, y = ({y1}, {y2}), noise {noise}",
        {
            "y1": Number(10, 1, 10, (0.2, 0.5)),
            "y2": Number(10, -20, 20, (1.0,)),
            "noise": Choice((0.0, 0.1, -0.1)),
            "bend": Choice((0.0, 1.0)),
        },
        _partial,
    ),
    Family(
        "out_of_range",
        ("A.operator.range",),
        "g(s) = s − {bend} s²/2, A = (1, 0)ᵀ, least squares, y = ({y1}, {y2}), of which (0, {y2}) is noise",
        {
            "y1": Number(100, 1, 100, (1.0, 0.1)),
            "y2": Number(100, 1, 100, (1.0, 0.1)),
            "bend": Choice((0.0, 1.0)),
        },
        _out_of_range,
    ),
    Family(
        "other_loss",
        ("A.loss.least_squares", "A.loss.plain_least_squares"),
        "g(s) = {slope} s, F = id, loss {name}, y = {y}, noise {noise}",
        {
            "name": Choice(("weighted_least_squares", "p_power", "log_cosh", "pseudo_huber")),
            "y": Number(10, 1, 50, (1.0, 4.0)),
            "slope": Choice((1.0, 0.5)),
            "noise": _NOISE,
        },
        _other,
    ),
    Family(
        "sine",
        ("A.operator.linear",),
        "g(s) = {x0} + s, F(x) = x + {beta} sin x, least squares, x̄ = {target}, noise {noise}",
        {
            "x0": Number(10, -40, 40, (3.1, 0.0)),
            "target": Number(10, -40, 40, (0.0, 3.1, 1.5)),
            "noise": _NOISE,
            "beta": Choice((0.9, -0.9)),
        },
        _sine,
    ),
    Family(
        "understated_kernel",
        ("A.generator.modulus",),
        "g(s, w) = (s, w + {bend} s²/2), of whose modulus {bend} only {factor} times as much is claimed; A = (1, 0), least "
        "squares, y = {y}, x̄ = (y, 0)",
        {"y": Number(10, 1, 20, (0.5, 1.0)), "bend": Number(10, 1, 10, (1.0,)), "factor": Choice((0.1, 0.5))},
        _kernel,
    ),
    Family(
        "overfit",
        ("when", "A.noise.none"),
        "g(s) = s, F = id, least squares, x̄ = {target}, noise {noise}",
        {"target": Number(10, 0, 10, (0.1, 0.5)), "noise": Number(10, 1, 20, (1.0,))},
        _overfit,
    ),
    Family(
        "weighted",
        ("A.loss.plain_least_squares",),
        "g(θ) = ({x1}, {x2}) + θ, F = id, loss (r1² + {weight} r2²)/2, x̄ = 0, noise ({noise}, 0)",
        {
            "x1": Number(10, -20, 20, (0.5, 1.0)),
            "x2": Number(10, -20, 20, (2.0, 0.0)),
            "noise": Number(10, -20, 20, (1.0, 0.1)),
            "weight": Choice((0.01, 0.1)),
        },
        _weighted,
    ),
    Family(
        "sines",
        ("A.operator.linear",),
        "g(θ) = ({x1}, 0) + θ, F(x) = x1 + {beta} sin x1 − x2 − {beta} sin x2, least squares, x̄ = (0, −{z2}), no noise",
        {
            "x1": Number(10, -40, 40, (3.1,)),
            "z2": Number(10, -40, 40, (2.8, 2.5)),
            "beta": Choice((0.9, 0.5)),
        },
        _sines,
    ),
    Family(
        "too_few_parameters",
        ("A.init",),
        "g(s) = (s, s), F = id, least squares, y = ({y1}, {y2}), noise {noise}",
        {"y1": Number(10, -20, 20, (1.0,)), "y2": Number(10, -20, 20, (-0.5, 0.5)), "noise": _NOISE},
        _too_few,
    ),
)
"""Families of quadratic maps under gradient flow."""
