"""The functions φ_l of exponential integrators on the negative half line.

φ_0(x) = e^x and φ_l(x) = ∫_0^1 e^{(1−s)x} s^{l−1}/(l−1)! ds, so that ∫_0^t e^{−(t−s)λ} s^l/l! ds = t^{l+1} φ_{l+1}(−tλ).
They satisfy φ_l = 1/l! + x φ_{l+1} (Hochbruck, Ostermann, Exponential integrators, Acta Numerica 19, 2010, section 2.1).

For x ≤ −6 the recursion is run upwards from e^x.  Nearer to zero it would cancel; there the Taylor series is summed at
x/4, and the argument doubled twice by φ_l(2z) = 2^{−l}(e^z φ_l(z) + Σ_{j=1}^{l} φ_j(z)/(l−j)!), a sum of positive terms.
The largest relative error for l ≤ 16 is a few hundred ulp, near x = −6 (tested).
"""

from __future__ import annotations

from functools import lru_cache
from math import factorial

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_SWITCH = -6.0
_TERMS = 22  # 1.5^22/22! < 1e-17


@lru_cache(maxsize=32)
def _tables(top: int) -> tuple[Array, Array, Array, Array]:
    """1/(j + l)! (top + 1, terms), the doubling matrix (top + 1, top + 1), 2^−l (top + 1, 1), 1/l! (top + 1,)."""
    series: Array = np.array([[1 / factorial(j + level) for j in range(_TERMS)] for level in range(top + 1)])
    doubling: Array = np.array(
        [[1 / factorial(to - j) if 1 <= j <= to else 0.0 for j in range(top + 1)] for to in range(top + 1)]
    )
    halves: Array = 0.5 ** np.arange(top + 1, dtype=np.float64)[:, None]
    return series, doubling, halves, series[:, 0].copy()


def phi_functions(x: Array, top: int) -> Array:
    """φ_0, …, φ_top at every entry of x ≤ 0: shape (top + 1, *x.shape).

    >>> phi_functions(np.array([0.0, -1.0]), 2).round(6)
    array([[1.      , 0.367879],
           [1.      , 0.632121],
           [0.5     , 0.367879]])
    """
    flat = x.reshape(-1)
    far = flat <= _SWITCH
    if not far.any():  # nothing to sort
        return _near(flat, top).reshape(top + 1, *x.shape)
    out = np.empty((top + 1, flat.size))
    out[:, far] = _far(flat[far], top)
    if not far.all():
        near = ~far
        out[:, near] = _near(flat[near], top)
    return out.reshape(top + 1, *x.shape)


def _near(x: Array, top: int) -> Array:
    """For −6 < x ≤ 0, by the series: (top + 1, x.size)."""
    series, doubling, halves, _ = _tables(top)
    powers = np.empty((_TERMS, x.size))
    powers[0] = 1.0
    np.multiply(x, 0.25, out=powers[1])
    # z^{n+1}, …, z^{2n} from z, …, z^n: a few products of many rows rather than many of one
    known = 2
    while known < _TERMS:
        more = min(known - 1, _TERMS - known)
        np.multiply(powers[1 : more + 1], powers[known - 1], out=powers[known : known + more])
        known += more
    values = series @ powers
    for _ in range(2):
        values = halves * (values[0] * values + doubling @ values)
    return np.asarray(values)


def _far(x: Array, top: int) -> Array:
    """For x ≤ −6, by the recursion."""
    inverse = _tables(top)[3]
    inverted = 1.0 / x
    out = np.empty((top + 1, x.size))
    np.exp(x, out=out[0])
    for i in range(top):
        np.subtract(out[i], inverse[i], out=out[i + 1])
        out[i + 1] *= inverted
    return out
