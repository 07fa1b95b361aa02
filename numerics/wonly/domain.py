"""The intervals on which mirror flow lives, their images, and the inverse of H."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def require_smooth(activation: Any) -> None:
    """ValueError for an activation outside the assumptions (ReLU): H = int 1/phi' does not exist."""
    if not activation.theory.smooth:
        raise ValueError(
            f"{activation.name} is outside the assumptions (its derivative is not continuous): mirror flow is "
            "undefined; use a smooth activation such as gelu or softplus"
        )


def interval(activation: Any, a: ArrayLike) -> tuple[Array, Array]:
    """(lo, hi), each of the shape of a: the ends (doubles, inward) of the interval between zeros of phi' around a_i.

    Raises ValueError where a_i is itself such a zero, and for an activation outside the assumptions.

    >>> from numerics.activations import activation
    >>> lo, hi = interval(activation("sin"), [0.0, 2.0])
    >>> hi.round(4).tolist()
    [1.5708, 4.7124]
    """
    require_smooth(activation)
    return activation.interval(a)


def box(activation: Any, a0: ArrayLike) -> tuple[Array, Array]:
    """(lo, hi), each (k,): the box prod phi(I_i) of `wonly.threshold`; infinite where phi is unbounded.

    Walls at zeros of phi' (GELU, SiLU) are rounded numbers, off by rounding only: phi is flat there.

    >>> from numerics.activations import activation
    >>> [w.tolist() for w in box(activation("sigmoid"), [0.3])]
    [[0.0], [1.0]]
    """
    lo, hi = interval(activation, a0)
    ends = [_limit(activation, lo), _limit(activation, hi)]
    return np.minimum(*ends), np.maximum(*ends)


def _limit(activation: Any, end: Array) -> Array:
    """phi at an end of an interval. At infinity every activation has either saturated or passed 1000 by |x| = 10^4."""
    value = np.asarray(activation.phi(np.clip(end, -1e4, 1e4)), dtype=np.float64)
    return np.where(np.isinf(end) & (np.abs(value) > 1e3), np.copysign(math.inf, value), value)


def inverse_H(activation: Any, s: ArrayLike, a: ArrayLike) -> Array:
    """The a' in the interval of a_i with H(a') = s_i, elementwise; `a` (same shape) is also the starting point.

    Newton's method on asinh(H) = asinh(s), which is nearly linear where H grows exponentially, safeguarded by a bracket
    that starts as the whole interval. Where s lies beyond what doubles of the interval reach (close to a zero of phi'),
    the nearest interior double is returned.

    >>> from numerics.activations import activation
    >>> phi = activation("tanh")
    >>> bool(np.allclose(inverse_H(phi, phi.H(np.array([1.5])), [0.0]), 1.5, rtol=1e-14))
    True
    """
    a = np.array(a, dtype=np.float64)
    s = np.asarray(s, dtype=np.float64)
    low, high = interval(activation, a)
    sign = np.sign(activation.dphi(a))
    target = np.arcsinh(s)
    reach = np.ones_like(a)
    with np.errstate(all="ignore"):
        for _ in range(200):
            H = np.asarray(activation.H(a))
            error = np.arcsinh(H) - target
            right = sign * error < 0  # the root lies to the right of a (an infinite H counts with its sign)
            low, high = np.where(right, a, low), np.where(right, high, a)
            step = -error * np.sqrt(1 + H * H) * np.asarray(activation.dphi(a))
            trial = a + step
            small = np.abs(step) <= 4e-16 * np.maximum(np.abs(a), 1e-3)
            bad = ~np.isfinite(trial) | (trial <= low) | (trial >= high)
            reach = np.where(bad, 2 * reach, reach)
            fallback = np.where(
                np.isfinite(low) & np.isfinite(high), 0.5 * (low + high), np.where(right, a + reach, a - reach)
            )
            fallback = np.clip(fallback, low, high)
            done = small | (error == 0) | (high - low <= 4e-16 * np.maximum(np.abs(a), 1e-300))
            new = np.where(done, a, np.where(bad, fallback, trial))
            if done.all():
                break
            a = new
    return a
