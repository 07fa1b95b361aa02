"""Losses, psi and the desingularized loss at a vector that is known up to an error, enclosed by Arb.

The expressions are those of :mod:`theory.losses`, with the parameters of the loss as the exact numbers that they are. Every
loss is L_y(v) = outer(sum_i entry(|v_i - y_i|, w_i)), convex with its minimum at v = y: so `entry` does not decrease in
|v_i - y_i| (it is even and convex), nor does `outer` in the sum, nor psi in the loss. Enclosures are therefore taken at
the two ends of |v_i - y_i|, where balls are thin, and not over the whole range, where a power of a ball around 0 says
nothing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import arb
from numpy.typing import ArrayLike

from numerics.bound import Bound, lower, upper
from theory.balls import ball_function, lower_float, precision, upper_float
from theory.stable import stable
from theory.symbols import sym

if TYPE_CHECKING:
    from numerics.losses import CompiledLoss

__all__ = ["enclose_loss", "enclose_psi", "enclose_rho"]

_BITS = 128


@lru_cache(maxsize=256)
def _balls(expression: Any, names: tuple[str, ...]) -> Any:
    return ball_function(stable(expression), [sym(name) for name in names])


def enclose_loss(loss: CompiledLoss, v: ArrayLike, y: ArrayLike, error: ArrayLike = 0.0) -> tuple[Bound, Bound]:
    """Bounds of L_y(x), from below and above, over all x with |x_i - v_i| <= error_i; v, y: (m,).

    `error` is one number for every entry, or a vector; a bound of the 2-norm of x - v will do, being larger.
    ValueError where anything is not finite or the shapes do not fit the loss.

    >>> from numerics.losses import loss
    >>> low, high = enclose_loss(loss("least_squares"), [3.0, 0.0], [0.0, 4.0])
    >>> low.value, high.value
    (12.5, 12.5)
    >>> low, high = enclose_loss(loss("log_cosh"), [1.0], [0.0], error=0.5)
    >>> bool(abs(np.log(np.cosh(0.5)) - low.value) < 1e-15 and abs(high.value - np.log(np.cosh(1.5))) < 1e-15)
    True
    """
    a, b = (np.asarray(x, dtype=np.float64) for x in (v, y))
    if a.ndim != 1 or a.shape != b.shape or a.size == 0:
        raise ValueError(f"v and y must be vectors of one length, got shapes {a.shape} and {b.shape}")
    try:
        around = np.broadcast_to(np.asarray(error, dtype=np.float64), a.shape)
    except ValueError:
        raise ValueError(f"the error has shape {np.shape(error)}, the vector {a.shape}") from None
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("v and y must be finite: some entries are inf or NaN")
    loss.value(a, b)  # its own complaints about the number of entries
    if not (np.isfinite(around).all() and (around >= 0).all()):
        raise ValueError("the error of v must be finite and not negative")
    weights = np.ones(a.size) if loss.weights is None else loss.weights
    entry, outer = _balls(loss.theory.entry, ("r", "w")), _balls(loss.theory.outer, ("z",))
    how = f"{loss.name}, enclosed by Arb at the ends of the residuals"
    with precision(_BITS):
        low, high = arb(0), arb(0)
        for p, q, e, w in zip(a.tolist(), b.tolist(), around.tolist(), weights.tolist(), strict=True):
            size = abs(arb(p) - arb(q))
            near, far = (size - arb(e)).lower(), (size + arb(e)).upper()
            low += entry(near if near > 0 else arb(0), arb(w))
            high += entry(far, arb(w))
        low, high = low.lower(), high.upper()  # thin balls: an exact 0 stays 0, which powers need
        bottom = lower_float(outer(low if low > 0 else arb(0)))
        return lower(max(0.0, bottom), how), upper(upper_float(outer(high)), how)


def enclose_psi(loss: CompiledLoss, low: float, high: float) -> tuple[Bound, Bound]:
    """Bounds of psi(L) for every L with low <= L <= high, 0 <= low; inf for an infinite `high`.

    >>> from numerics.losses import loss
    >>> low, high = enclose_psi(loss("least_squares"), 2.0, 8.0)
    >>> low.value, high.value
    (1.9999999999999998, 4.000000000000001)
    """
    if not 0 <= low <= high or np.isinf(low):
        raise ValueError(f"an interval of losses needs 0 <= low <= high, low finite, got [{low}, {high}]")
    psi, w_min = _balls(loss.theory.psi, ("s", "w_min")), arb(loss.w_min)
    how = f"psi of {loss.name}, enclosed by Arb"
    with precision(_BITS):
        bottom = lower_float(psi(arb(low), w_min))
        top = upper_float(psi(arb(high), w_min)) if np.isfinite(high) else np.inf
    return lower(max(0.0, bottom), how), upper(top, how)


def enclose_rho(loss: CompiledLoss, v: ArrayLike, y: ArrayLike, error: ArrayLike = 0.0) -> tuple[Bound, Bound]:
    """Bounds of rho = psi(L_y(x)) over all x with |x_i - v_i| <= error_i: see `enclose_loss`.

    >>> from numerics.losses import loss
    >>> low, high = enclose_rho(loss("least_squares"), [3.0, 0.0], [0.0, 4.0])
    >>> low.value, high.value
    (4.999999999999999, 5.000000000000001)
    """
    low, high = enclose_loss(loss, v, y, error)
    return enclose_psi(loss, low.value, high.value)
