"""Integration methods behind one interface: a method is data plus a small stepper.

Adding one is one file and one line here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

import numpy as np

from numerics.exponential.stepper import ExponentialStepper
from numerics.gradient_system import GradientSystem, Observation, Progress, Settings, norm
from numerics.methods.base import Method, Stepper
from numerics.methods.scipy_steppers import ScipyStepper

__all__ = [
    "METHODS",
    "GradientSystem",
    "Method",
    "Observation",
    "Progress",
    "Settings",
    "Stepper",
    "choose",
    "norm",
]

_DENSE = 2000  # parameters beyond which an implicit SciPy method would form too large a Jacobian
_COSTLY = 300  # rank from which the cost of eigendecompositions is weighed against that of explicit steps
_FINEST = 1e-12  # the exponential method is not asked for more than this


def _linear(system: GradientSystem) -> str:
    ready = getattr(system, "exponential", None)
    if ready is None or not hasattr(system, "kernel"):
        return "the system has no kernel for it"
    return str(ready)


def _any(_system: GradientSystem) -> str:
    return ""


def _small(system: GradientSystem) -> str:
    if system.size <= _DENSE:
        return ""
    return f"it forms a {system.size} x {system.size} Jacobian; at most {_DENSE} parameters"


_ALL = (
    Method(
        "exponential", "exponential collocation, adaptive steps and order", 0, True, ExponentialStepper, _linear,
        "Hochbruck, Ostermann, Acta Numerica 19 (2010)",
    ),
    Method(
        "DOP853", "explicit Runge-Kutta of order 8", 8, False, partial(ScipyStepper, solver="DOP853"), _any,
        "Hairer, Nørsett, Wanner, Solving Ordinary Differential Equations I, II.5",
    ),
    Method(
        "Radau", "implicit Runge-Kutta of order 5", 5, True, partial(ScipyStepper, solver="Radau"), _small,
        "Hairer, Wanner, Solving Ordinary Differential Equations II, IV.8",
    ),
    Method(
        "BDF", "backward differentiation formulas of order 1 to 5", 0, True, partial(ScipyStepper, solver="BDF"), _small,
        "Shampine, Reichelt, SIAM J. Sci. Comput. 18 (1997)",
    ),
    Method(
        "LSODA", "Adams and BDF, switching", 0, True, partial(ScipyStepper, solver="LSODA"), _small,
        "Petzold, SIAM J. Sci. Stat. Comput. 4 (1983)",
    ),
)  # fmt: skip

METHODS: Mapping[str, Method] = MappingProxyType({method.name: method for method in _ALL})
"""Name → method."""


def choose(system: GradientSystem, settings: Settings) -> Method:
    """The method of the settings; "auto": exponential collocation where the system offers it and where, at large ranks, it
    is not dearer than DOP853 by an estimate from the spectrum at the start; DOP853 otherwise.

    Raises
    ------
    ValueError: an unknown name, or a method that does not suit the system.
    """
    if settings.method == "auto":
        exponential = METHODS["exponential"]
        if exponential.suits(system) or settings.rtol < _FINEST:
            return METHODS["DOP853"]
        dear = getattr(system, "rank", 0) >= _COSTLY and _explicit_is_cheaper(system, settings)
        return METHODS["DOP853"] if dear else exponential
    if settings.method not in METHODS:
        raise ValueError(f"unknown method {settings.method!r}; choose auto or one of {', '.join(METHODS)}")
    method = METHODS[settings.method]
    reason = method.suits(system)
    if reason:
        raise ValueError(f"{method.name} does not suit this problem: {reason}; choose auto or DOP853")
    return method


# For the estimate: steps that the exponential method takes, and sweeps, rows of products each; evaluations a step of
# DOP853, and how far its step reaches on the negative axis; bytes and flop a second, measured to a factor of two.
_STEPS, _SWEEPS, _ROWS = 30, 4, 9
_STAGES, _REACH = 12, 6.0
_BANDWIDTH, _FLOPS = 1.2e10, 4e10
_NEARBY = 3e3  # a loss goal within this factor


def _explicit_is_cheaper(system: GradientSystem, settings: Settings) -> bool:
    """Seconds of both methods, from sizes alone and two numbers: the fastest rate, by the power method,
    and the time to go: t_max, or less where the loss has not far to fall.
    """
    start = np.zeros(system.size)
    fastest = float(system.fastest_rate())  # type: ignore[attr-defined]
    seen = system.observe(start)
    velocity = system.velocity(start)
    speed2 = float(velocity @ velocity)
    horizon = settings.t_max
    if settings.loss_stop and seen.loss < _NEARBY * settings.loss_stop and speed2 > 0:
        # a goal nearby is reached at about the present rate; a far one has to wait for the slowest directions
        horizon = min(horizon, 5 * math.log(max(seen.loss / settings.loss_stop, math.e)) * seen.loss / speed2)
    if math.isinf(horizon):
        return False
    rank, entries = float(system.rank), float(system.matrix_entries)  # type: ignore[attr-defined]
    explicit = max(horizon * fastest / _REACH, 10.0) * _STAGES * 2 * 8 * entries / _BANDWIDTH
    decompositions = _STEPS / 4 if system.size < entries else _STEPS  # W only: each serves several steps
    step = (rank * entries + 9 * rank**3) / _FLOPS
    sweeps = _STEPS * _SWEEPS * 4 * _ROWS * 2 * entries / _FLOPS
    return explicit < decompositions * step + sweeps
