"""Functions of formulas that mpmath does not have, or that would hide a value that is not real.

:mod:`numerics.special` has those of float64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import mpmath

from theory.functions import acosh_exp, asinh_exp, expit, expm1, log1p, log_cosh, normal_cdf, softplus

__all__ = ["MP_FUNCTIONS"]


def _erfcinv(p: Any) -> Any:
    """mpmath has erfinv only; 1 − p is formed with the digits that a small p costs."""
    lost = max(0, -int(mpmath.floor(mpmath.log(p, 2)))) if p > 0 else 0
    with mpmath.extraprec(2 * lost + 10):
        return mpmath.erfinv(1 - p)


def _chosen(choose: Callable[..., Any]) -> Callable[..., Any]:
    """max or min that lets NaN through, as NumPy's do: Python's max(0, NaN) is 0."""
    return lambda *values: mpmath.nan if any(map(mpmath.isnan, values)) else choose(values)


def _heaviside(x: Any, at_zero: Any) -> Any:
    if mpmath.isnan(x):
        return x
    return 1 if x > 0 else (0 if x < 0 else at_zero)


def _abs(x: Any) -> Any:
    """|x| of a real number, NaN of a complex one: a modulus would hide that a root has left the reals."""
    return mpmath.nan if isinstance(x, mpmath.mpc) and x.imag != 0 else abs(x)


MP_FUNCTIONS: Mapping[str, Any] = MappingProxyType(
    {
        "erfcinv": _erfcinv,
        **{f.__name__: f._mp for f in (acosh_exp, asinh_exp, expit, expm1, log1p, log_cosh, normal_cdf, softplus)},
        "_step": _heaviside,
        "max": _chosen(max),
        "min": _chosen(min),
        "abs": _abs,
    }
)
"""Name in generated code → function; "max", "min" and "abs" take the place of the built-in ones."""
