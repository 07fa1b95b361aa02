"""W is never drawn: the flow sees a(0) = W(0) u only, and W(0) can be completed afterwards, with the right law.

W (k x d) with independent N(0, s^2) entries and a unit vector u independent of it: a(0) = W u ~ N(0, s^2 I_k) exactly,
and given a(0) the rest of W is that of an independent copy: W = a(0) u' + Z (I - u u'), because the entries of Z u and
Z (I - u u') are jointly Gaussian and uncorrelated. :func:`numerics.initialization.initialize` draws a(0) this way, and
with W(0) the flow of W follows as W(t) = W(0) + (a(t) - a(0)) u' (`dip2.reduction`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def complete(a0: Array, u: Array, rng: np.random.Generator, W_std: float = 1.0) -> Array:
    """W(0), shape (k, d), drawn from its law given W(0) u = a0.

    Parameters
    ----------
    a0: shape (k,), the pre-activations, of standard deviation W_std.
    u: shape (d,), the input, of norm 1.

    Raises
    ------
    ValueError: u is not a unit vector, or W_std is not positive.

    >>> W = complete(np.array([1.0, -2.0]), np.array([0.6, 0.8]), np.random.default_rng(0))
    >>> W.shape, bool(np.allclose(W @ [0.6, 0.8], [1.0, -2.0], rtol=1e-14))
    ((2, 2), True)
    """
    check_input(u)
    if not W_std > 0:
        raise ValueError(f"W_std must be positive, got {W_std!r}")
    Z = W_std * rng.standard_normal((a0.size, u.size))
    return Z + np.outer(a0 - Z @ u, u)


def check_input(u: Array) -> None:
    """ValueError unless u is a vector of norm 1, up to rounding."""
    size = float(np.linalg.norm(u))
    if u.ndim != 1 or not abs(size - 1.0) < 1e-12:
        raise ValueError(f"the input u must be a vector of norm 1, got shape {u.shape}, norm {size:.6g}: divide by it")
