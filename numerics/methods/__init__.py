"""Integration methods behind one interface: a method is data plus a small stepper.

Adding one is one file and one line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

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
_COSTLY = 3000  # rank beyond which one eigendecomposition a step costs more than a stiff problem gains
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
    """The method of the settings; "auto": exponential collocation where the system offers it, DOP853 otherwise.

    Raises
    ------
    ValueError: an unknown name, or a method that does not suit the system.
    """
    if settings.method == "auto":
        exponential = METHODS["exponential"]
        rank = getattr(system, "rank", 0)
        if exponential.suits(system) == "" and settings.rtol >= _FINEST and rank <= _COSTLY:
            return exponential
        return METHODS["DOP853"]
    if settings.method not in METHODS:
        raise ValueError(f"unknown method {settings.method!r}; choose auto or one of {', '.join(METHODS)}")
    method = METHODS[settings.method]
    reason = method.suits(system)
    if reason:
        raise ValueError(f"{method.name} does not suit this problem: {reason}; choose auto or DOP853")
    return method
