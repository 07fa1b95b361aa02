"""From formula to number: the only place where expressions of :mod:`theory` become functions.

Three backends come from one expression:

``float64``   NumPy and scipy.special, vectorized; no overflow warnings, never NaN
``mpmath``    any number of digits
``arb``       balls that contain the value (:mod:`theory.balls`), for certificates

:func:`function` compiles any expression, :func:`evaluate` and :func:`enclose` a formula of the registry by its
identifier and name.  Wherever the formula has no real value, for instance √(1 − 2h) with h > ½,
:class:`HypothesisNotMet` says so: outside its hypothesis a formula claims nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Literal

import mpmath
import numpy as np
import sympy as sp
from flint import acb, arb
from scipy.integrate import quad

from numerics.inverse import inverse_float, inverse_mpmath
from numerics.special import FLOAT_FUNCTIONS
from numerics.special_mpmath import MP_FUNCTIONS
from theory import symbols
from theory.balls import ball_function, lower_float, precision, upper_float
from theory.balls import enclose as enclose_number
from theory.functions import Given, ImplicitRoot
from theory.kl import Desingularizer, MonotoneInverse
from theory.stable import stable
from theory.symbols import SYMBOLS, sym

__all__ = [
    "Enclosure",
    "HypothesisNotMet",
    "constant_upper",
    "elementwise",
    "enclose",
    "evaluate",
    "formula",
    "function",
    "with_nan",
]

Backend = Literal["float64", "mpmath", "arb"]
_UNDEFINED = (symbols.psi, symbols.dpsi, symbols.psi_inv, symbols.Psi, symbols.Psi_inv)
_MAX_BITS = 4096


class HypothesisNotMet(ValueError):
    """The formula has no real value here: a hypothesis of the statement that it belongs to fails."""


@dataclass(frozen=True)
class Enclosure:
    """Two doubles with lower ≤ value ≤ upper for the real number in question."""

    lower: float
    upper: float

    @property
    def width(self) -> float:
        """upper − lower."""
        return self.upper - self.lower


# what Python and mpmath say when a complex number is compared
_UNORDERED = ("no ordering relation", "not supported between instances of")


def _prepare(expr: Any, backend: Backend) -> tuple[Any, dict[str, Any]]:
    """Replace what no printer knows (implicit roots, numerical inverses, Heaviside) by named functions."""
    extra: dict[str, Any] = {}
    for i, inverse in enumerate(sorted(expr.atoms(MonotoneInverse), key=str)):
        name = f"_inverse_{i}"
        body, argument = inverse.args
        parameters = tuple(sorted(body.free_symbols, key=str))
        variable = body.variables[0]
        arguments = (variable, *parameters)
        if backend == "float64":
            slope = _float64_raw(body.expr.diff(variable), arguments)
            extra[name] = partial(inverse_float, _float64_raw(body.expr, arguments), slope)
        else:
            extra[name] = partial(inverse_mpmath, _mpmath(body.expr, arguments))
        expr = expr.xreplace({inverse: sp.Function(name)(argument, *parameters)})
    for i, root in enumerate(sorted(expr.atoms(ImplicitRoot, Given), key=str)):
        name = f"_root_{i}"
        extra[name] = (
            (lambda value: lambda: value)(np.float64(float(root.n(20)))) if backend == "float64" else _mp_root(root)
        )
        expr = expr.xreplace({root: sp.Function(name)()})
    return expr.replace(sp.Heaviside, sp.Function("_step")), extra


def _mp_root(root: ImplicitRoot | Given) -> Callable[[], Any]:
    return lambda: root.mpmath_value(mpmath.mp.prec)


def _outside(expr: Any, how: str) -> HypothesisNotMet:
    text = str(expr)
    text = text if len(text) < 200 else text[:197] + "..."
    return HypothesisNotMet(f"{text} has no real value here ({how}): a hypothesis fails")


# SciPy's default asks for an absolute 1.5e-8, which says nothing about a small integral.
def _quadrature(integrand: Callable[[Any], Any], low: float, high: float) -> Any:
    """SciPy's quadrature of a NumPy function: a Python float would raise where it overflows."""
    # full_output: what it doubts is found by the enclosure, not told as a warning
    found = quad(lambda z: integrand(np.float64(z)), low, high, epsabs=0.0, epsrel=1e-13, limit=200, full_output=1)
    return found if len(found) == 3 else (math.nan,)


@lru_cache(maxsize=1024)
def _float64_raw(expr: Any, args: tuple[Any, ...]) -> Callable[..., Any]:
    """The printed function, NaN where it has no value."""
    ready, extra = _prepare(stable(expr), "float64")
    modules = [{**FLOAT_FUNCTIONS, **extra, "_step": np.heaviside, "quad": _quadrature}, "scipy", "numpy"]
    raw = sp.lambdify(args, ready, modules=modules, cse=not expr.has(sp.Integral))  # cse would leak the dummy
    if expr.has(sp.Integral):
        raw = np.vectorize(raw, otypes=[np.float64])
    return raw


@lru_cache(maxsize=1024)
def with_nan(expr: Any, args: tuple[Any, ...]) -> Callable[..., np.ndarray]:
    """The float64 function of arrays, NaN where there is no real value: for callers that mask what they ask for."""
    raw = _float64_raw(expr, args)

    def compiled(*values: Any) -> np.ndarray:
        arrays = [np.asarray(value, dtype=np.float64) for value in values]
        # overflow to inf and underflow to 0 are the right limits; what is invalid becomes NaN, for the caller to catch
        with np.errstate(all="ignore"):
            result = np.asarray(raw(*arrays), dtype=np.float64)
        shape = np.broadcast_shapes(*(a.shape for a in arrays), result.shape)
        return result if result.shape == shape else np.broadcast_to(result, shape).copy()

    return compiled


@lru_cache(maxsize=1024)
def _float64(expr: Any, args: tuple[Any, ...]) -> Callable[..., Any]:
    raw = with_nan(expr, args)

    def compiled(*values: Any) -> Any:
        result = raw(*values)
        if np.isnan(result).any():
            bad = int(np.isnan(result).sum())
            raise _outside(expr, f"{bad} of {result.size} values" if result.size > 1 else "NaN in float64")
        return result if result.shape else float(result)

    return compiled


@lru_cache(maxsize=1024)
def _mpmath(expr: Any, args: tuple[Any, ...]) -> Callable[..., Any]:
    ready, extra = _prepare(stable(expr), "mpmath")
    raw = sp.lambdify(args, ready, modules=[{**MP_FUNCTIONS, **extra}, "mpmath"])

    def compiled(*values: Any) -> Any:
        try:
            result = mpmath.mpmathify(raw(*(mpmath.mpmathify(_plain(value)) for value in values)))
        except ZeroDivisionError:
            raise _outside(expr, "a division by zero in mpmath") from None
        except TypeError as error:
            if not any(words in str(error) for words in _UNORDERED):
                raise
            raise _outside(expr, "a complex number is compared in mpmath") from None
        if isinstance(result, mpmath.mpc):
            # a root of a negative number may leave through a later real part: any imaginary part is a refusal
            if result.imag != 0:
                raise _outside(expr, "complex in mpmath")
            result = result.real
        if mpmath.isnan(result):
            raise _outside(expr, "NaN in mpmath")
        return result

    return compiled


@lru_cache(maxsize=256)
def elementwise(expr: Any) -> Callable[[Any], np.ndarray]:
    """The float64 function of one array for an expression in ``sym("x")``: lean, for inner loops.

    NaN in, NaN out (:func:`function` refuses instead); overflow gives inf, without warnings.

    >>> from theory.functions import softplus
    >>> elementwise(softplus(sym("x")))(np.array([-800.0, 800.0]))
    array([  0., 800.])
    """
    ready, extra = _prepare(expr, "float64")
    raw = sp.lambdify(
        [sym("x")], ready, modules=[{**FLOAT_FUNCTIONS, **extra, "_step": np.heaviside}, "scipy", "numpy"]
    )
    constant = not expr.free_symbols

    def apply(x: Any) -> np.ndarray:
        x = np.asarray(x, dtype=np.float64)
        with np.errstate(all="ignore"):
            result = raw(x)
        return np.full(x.shape, float(result)) if constant else np.asarray(result, dtype=np.float64)

    return apply


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic | np.ndarray) else value


@lru_cache(maxsize=1024)
def _balls(expr: Any, args: tuple[Any, ...]) -> Callable[..., Any]:
    compiled = ball_function(stable(expr), args)

    def apply(*values: Any, analytic: bool = False) -> Any:
        balls = [value if isinstance(value, arb | acb) else arb(_plain(value)) for value in values]
        return compiled(*balls, analytic=analytic)

    return apply


def function(expr: Any, args: Sequence[Any], backend: Backend = "float64") -> Callable[..., Any]:
    """Compile an expression into a function of its symbols, given by name or as symbols, in that order.

    ``float64``: arrays broadcast against each other, a float is returned for scalars; :class:`HypothesisNotMet` instead
    of NaN.  ``mpmath``: scalars, at the working precision in force.  ``arb``: balls (doubles are taken as exact), at
    python-flint's precision in force; undefined operations give a NaN ball.

    >>> f = function(sp.sqrt(1 - 2 * sym("h")), ["h"])
    >>> f(0.375)
    0.5
    >>> f(0.6)
    Traceback (most recent call last):
        ...
    numerics.compile.HypothesisNotMet: sqrt(1 - 2*h) has no real value here (NaN in float64): a hypothesis fails
    """
    expr = sp.sympify(expr)
    names = tuple(sym(a) if isinstance(a, str) else a for a in args)
    free = expr.free_symbols - set(names)
    if free:
        raise ValueError(f"the expression also contains {_describe(free)}; list them among the arguments")
    undefined = sorted({str(f.func) for f in expr.atoms(sp.core.function.AppliedUndef)})
    if undefined:
        raise ValueError(f"{', '.join(undefined)} depend on the loss: apply a desingularizer (kl=...) first")
    makers: dict[str, Callable[[Any, tuple[Any, ...]], Callable[..., Any]]] = {
        "float64": _float64,
        "mpmath": _mpmath,
        "arb": _balls,
    }
    if backend not in makers:
        raise ValueError(f"unknown backend {backend!r}; choose one of {', '.join(makers)}")
    return makers[backend](expr, names)


# --- formulas of the registry ----------------------------------------------------------------------------------------


def _describe(free: Any) -> str:
    return "; ".join(
        f"{name} ({SYMBOLS[name].meaning})" if name in SYMBOLS else name for name in sorted(str(s) for s in free)
    )


@lru_cache(maxsize=1024)
def formula(statement_id: str, name: str, kl: Desingularizer | None = None) -> Any:
    """The expression of a statement's formula, the loss filled in; ValueError with the choices for an unknown name."""
    from theory.ledger import registry  # on first use: compiling an activation needs no theorems

    formulas = registry[statement_id].formulas
    if name not in formulas:
        offer = ", ".join(sorted(formulas)) or "none"
        raise ValueError(f"{statement_id} has no formula {name!r}; it has: {offer}")
    expr = sp.sympify(formulas[name])
    if kl is None and expr.has(*_UNDEFINED):
        raise ValueError(f"{statement_id}.{name} depends on the loss: pass its desingularizer as kl=...")
    return expr if kl is None else kl.apply(expr)


@lru_cache(maxsize=1024)
def _signature(statement_id: str, name: str, kl: Desingularizer | None) -> tuple[Any, tuple[Any, ...], frozenset[str]]:
    """The formula, the symbols that it needs, and the names that may be given (those that the loss removes included)."""
    from theory.ledger import registry

    expr = formula(statement_id, name, kl)
    bare = sp.sympify(registry[statement_id].formulas[name])
    accepted = {s.name for s in expr.free_symbols | bare.free_symbols} | (set() if kl is None else {"w_min"})
    return expr, tuple(sorted(expr.free_symbols, key=str)), frozenset(accepted)


def _inputs(
    statement_id: str, name: str, values: Mapping[str, Any], kl: Desingularizer | None
) -> tuple[Any, tuple[Any, ...], list[Any]]:
    """The formula, its symbols and their values, every one of them given, finite or infinite but not NaN."""
    expr, wanted, known = _signature(statement_id, name, kl)
    missing = [s for s in wanted if s.name not in values]
    if missing:
        raise ValueError(f"{statement_id}.{name} also needs {_describe(missing)}")
    extra = [key for key in values if key not in known]
    if extra:
        raise ValueError(
            f"{statement_id}.{name} does not depend on {', '.join(sorted(extra))}; "
            f"it needs {_describe(wanted) or 'nothing'}"
        )
    given = [values[s.name] for s in wanted]
    for symbol, value in zip(wanted, given, strict=True):
        array = np.asarray(value, dtype=np.float64)
        if np.isnan(array).any():
            raise ValueError(f"{symbol.name} is NaN ({_describe([symbol])})")
        if symbol.is_nonnegative and (array < 0).any():
            raise ValueError(f"{_describe([symbol])} cannot be negative; given {array.min()}")
    return expr, wanted, given


def evaluate(
    statement_id: str,
    name: str,
    values: Mapping[str, Any],
    *,
    kl: Desingularizer | None = None,
    backend: Backend = "float64",
    digits: int = 50,
) -> Any:
    """The value of a formula of the registry, e.g. ``evaluate("sharp.condition", "h", {...})``.

    `values` maps symbol names to floats or (float64 only) arrays that broadcast; `kl` is the loss' desingularizer,
    where the formula needs one; `digits` applies to mpmath.  Raises ValueError for missing or superfluous values, NaN,
    and negative values of what cannot be negative (naming what each symbol means), and :class:`HypothesisNotMet`
    where there is no real value.
    """
    expr, wanted, given = _inputs(statement_id, name, values, kl)
    if backend == "mpmath":
        with mpmath.workdps(digits):
            return +function(expr, wanted, backend)(*given)
    if backend == "arb":
        with precision(max(64, int(digits * 3.33))):
            return function(expr, wanted, backend)(*given)
    return function(expr, wanted, backend)(*given)


def enclose(
    statement_id: str,
    name: str,
    values: Mapping[str, float],
    *,
    kl: Desingularizer | None = None,
    bits: int = 128,
) -> Enclosure:
    """Two doubles around the exact real value of a formula at the given doubles, taken as exact.

    The precision is doubled (up to 4096 bits) until the ball is finite; :class:`HypothesisNotMet` if it never is, which
    happens outside the hypothesis and on its very boundary.  The result is rounded outward once, at the end.
    """
    expr, wanted, given = _inputs(statement_id, name, values, kl)
    infinite = [s.name for s, value in zip(wanted, given, strict=True) if not np.isfinite(_plain(value))]
    if infinite:
        raise ValueError(f"an enclosure needs finite numbers; {', '.join(infinite)} is infinite")
    compiled = function(expr, wanted, "arb")
    while bits <= _MAX_BITS:
        with precision(bits):
            ball = compiled(*given)
            if ball.is_finite():
                return Enclosure(lower_float(ball), upper_float(ball))
        bits *= 2
    raise _outside(expr, "no finite enclosure")


def constant_upper(number: Any) -> float:
    """The smallest double found that is proved ≥ an exact number, such as B2 of an activation.

    >>> constant_upper(4 / (3 * sp.sqrt(3)))
    0.769800358919501
    """
    with precision(192):
        return upper_float(enclose_number(number, 160))
