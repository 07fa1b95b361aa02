"""φ and φ' of an activation as a few lines of code, written from the expressions of :mod:`theory.activations`.

The same lines run on NumPy arrays and, one entry at a time, inside the fused kernel: what the names in them mean is in two
tables, :data:`NUMPY_FUNCTIONS` and `NUMBA_FUNCTIONS` of :mod:`numerics.descent.elementary`.  φ and φ' share what they
have in common; φ' is put in the form that shares most (1 − tanh² for sech²), which has full accuracy relative to sup|φ'|
but not in its tails: a step of descent asks for no more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.special
import sympy as sp
from numpy.typing import NDArray

from numerics.activations import CompiledActivation
from theory.symbols import sym

__all__ = ["CODE_NAMES", "NUMPY_FUNCTIONS", "NotExpressible", "formula", "numpy_pair"]

Array = NDArray[np.float64]
Pair = Callable[[Array], tuple[Array, Array]]

CODE_NAMES: Mapping[str, str] = {
    "exp": "exp",
    "tanh": "tanh",
    "expit": "expit",
    "softplus": "softplus",
    "erf": "erf",
    "normal_cdf": "normal_cdf",
    "sin": "sin",
    "cos": "cos",
    "Max": "maximum",
    "Heaviside": "step",
}
"""Class of a SymPy function → its name in the code."""

NUMPY_FUNCTIONS: Mapping[str, Any] = {
    "exp": np.exp,
    "tanh": np.tanh,
    "expit": scipy.special.expit,
    "softplus": lambda x: np.logaddexp(0.0, x),
    "erf": scipy.special.erf,
    "normal_cdf": scipy.special.ndtr,
    "sin": np.sin,
    "cos": np.cos,
    "maximum": np.maximum,
    "step": np.heaviside,
}
"""Name in the code → NumPy function."""


class NotExpressible(ValueError):
    """An expression has a function that the tables do not know."""


def _shared(expression: Any) -> Any:
    """sech² = 1 − tanh²: φ' of tanh in terms of what φ needs anyway."""
    return expression.replace(
        lambda e: isinstance(e, sp.Pow) and isinstance(e.base, sp.sech) and e.exp == 2,
        lambda e: 1 - sp.tanh(e.base.args[0]) ** 2,
    )


@lru_cache(maxsize=64)
def formula(activation: CompiledActivation) -> str:
    """Lines that assign `value` = φ(x) and `slope` = φ'(x); :class:`NotExpressible` if a function has no code.

    >>> from numerics.activations import activation
    >>> print(formula(activation("tanh")))
    x0 = tanh(x)
    value = x0
    slope = 1.0 - x0*x0
    """
    theory = activation.theory
    expressions = [sp.sympify(_shared(theory.phi)), sp.sympify(_shared(theory.dphi))]
    for expression in expressions:
        for part in sp.preorder_traversal(expression):
            name = type(part).__name__
            if part.is_Function and part.has(sym("x")) and name not in CODE_NAMES:
                known = ", ".join(sorted(CODE_NAMES))
                raise NotExpressible(f"{theory.name} contains {name}, which has no code here (there is: {known})")
    common, results = sp.cse([_numbers(e) for e in expressions])
    lines = [f"{symbol} = {_code(part)}" for symbol, part in common]
    return "\n".join([*lines, f"value = {_code(results[0])}", f"slope = {_code(results[1])}"])


def _numbers(expression: Any) -> Any:
    """Constants such as √2/(2√π) as one double each."""
    if expression.is_Mul or expression.is_Add:
        fixed, free = expression.as_independent(sym("x"))
        if free.has(sym("x")) and not fixed.is_Integer:
            return expression.func(sp.Float(fixed.evalf(30), 17), _numbers(free))
    return expression if expression.is_Atom else expression.func(*map(_numbers, expression.args))


def _code(expression: Any) -> str:
    """Python for an expression in the functions of the table."""
    if expression.is_Symbol:
        return str(expression)
    if expression.is_Number:
        return repr(float(expression))
    if expression.is_Add:
        terms = sorted(expression.args, key=lambda e: not e.is_Number)
        text = _code(terms[0])
        for term in terms[1:]:
            negative = term.could_extract_minus_sign()
            text += f" - {_code(-term)}" if negative else f" + {_code(term)}"
        return text
    if expression.is_Mul:
        return "*".join(f"({_code(e)})" if e.is_Add else _code(e) for e in expression.args)
    if expression.is_Pow and expression.exp == 2:
        base = _code(expression.base)
        return f"{base}*{base}" if expression.base.is_Symbol else f"({base})*({base})"
    if type(expression).__name__ in CODE_NAMES:
        return f"{CODE_NAMES[type(expression).__name__]}({', '.join(map(_code, expression.args))})"
    raise NotExpressible(f"no code for {expression}")


@lru_cache(maxsize=32)
def numpy_pair(activation: CompiledActivation) -> Pair:
    """x → (φ(x), φ'(x)) for arrays; from :class:`CompiledActivation` where the formula has no code here.

    >>> from numerics.activations import activation
    >>> [v.tolist() for v in numpy_pair(activation("relu"))(np.array([-1.0, 2.0]))]
    [[0.0, 2.0], [0.0, 1.0]]
    """
    try:
        lines = formula(activation).splitlines()
    except NotExpressible:
        return lambda x: (activation.phi(x), activation.dphi(x))
    if "x" not in lines[-1].split("=", 1)[1]:  # a constant slope
        lines[-1] += " + 0.0*x"
    source = "def pair(x):\n    " + "\n    ".join([*lines, "return value, slope"])
    scope: dict[str, Any] = dict(NUMPY_FUNCTIONS)
    exec(compile(source, __file__, "exec"), scope)
    pair: Pair = scope["pair"]
    return pair
