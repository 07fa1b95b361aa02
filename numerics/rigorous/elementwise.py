"""Functions of one variable on vectors, enclosed by Arb: phi, phi' and phi'' of an activation, from their expressions.

A double is a float64 value plus a radius: the float comes from the compiled expression of :mod:`theory`, fast and
usually right to the last digits; the same expression in balls of 80 bits (:mod:`theory.balls`) encloses the real value,
and the distance from one to the other, rounded upward, is the error. Nothing is trusted of the float but that it is one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import ArrayLike

from numerics.rigorous.machine import Array
from theory.balls import ball_function, precision
from theory.symbols import sym

__all__ = ["certified"]

_BITS = 80  # of the balls against which floats are compared: 27 more than a double has


def certified(
    evaluate: Callable[[ArrayLike], Array], expression: Any, a: ArrayLike, radius: ArrayLike = 0.0
) -> tuple[Array, Array]:
    """(value, error): |value - f(x)| <= error for every real x with |x - a| <= radius, entrywise; about 5 us an entry.

    expression: f in ``sym("x")``; evaluate: its float64 version; radius: of the shape of `a`, or one number for all.
    ValueError where `a` or the radius is not finite, ArithmeticError where the value overflows.

    >>> import sympy as sp
    >>> value, error = certified(np.tanh, sp.tanh(sym("x")), [0.5, 1.0], 0.25)
    >>> bool(np.all(np.abs(value - np.tanh([0.25, 1.25])) <= error)), bool(np.all(error < 0.25))
    (True, True)
    """
    x = np.asarray(a, dtype=np.float64)
    around = np.broadcast_to(np.asarray(radius, dtype=np.float64), x.shape)
    if not np.all(np.isfinite(x)):
        raise ValueError("an enclosure needs finite pre-activations; some are inf or NaN")
    if not (np.all(np.isfinite(around)) and np.all(around >= 0)):
        raise ValueError("the radius of an enclosure must be finite and not negative")
    value = np.asarray(evaluate(x), dtype=np.float64)
    ball = ball_function(expression, [sym("x")])
    with precision(_BITS):
        errors = [
            float((ball(arb(point, wide) if wide else arb(point)) - number).abs_upper())
            for point, wide, number in zip(
                x.ravel().tolist(), around.ravel().tolist(), value.ravel().tolist(), strict=True
            )
        ]
    # float() rounds to nearest; one step up makes it an upper bound again
    error = np.nextafter(np.asarray(errors, dtype=np.float64), np.inf).reshape(x.shape)
    if not np.all(np.isfinite(error)):
        raise ArithmeticError("a value overflows float64: no error bound exists")
    return value, error
