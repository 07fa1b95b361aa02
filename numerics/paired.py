"""Columns in pairs of opposite sign: what an antisymmetric start leaves of the output weights, and half of the work.

With M = [N, −N] (m × k, exactly, as doubles) every product is one with N: M h = N(h₁ − h₂), pᵀM = (pᵀN, −pᵀN) and
M diag(w) Mᵀ = N diag(w₁ + w₂) Nᵀ. W only keeps the output weights, so that this lasts for a whole run
(`dip2.antisymmetric`), although the pre-activations of a pair part at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def half(matrix: Array) -> Array | None:
    """N, shape (m, k/2) and contiguous, if `matrix` (m × k) is exactly [N, −N]; None otherwise.

    >>> half(np.array([[1.0, 2.0, -1.0, -2.0]]))
    array([[1., 2.]])
    >>> half(np.array([[1.0, 2.0, -1.0, -2.0], [1.0, 2.0, -1.0, 2.0]])) is None
    True
    """
    middle, odd = divmod(matrix.shape[1], 2)
    if odd or middle == 0:
        return None
    left, right = matrix[:, :middle], matrix[:, middle:]
    # the first row tells most matrices apart at no cost
    if not np.array_equal(left[0], -right[0]) or not np.array_equal(left, -right):
        return None
    return np.ascontiguousarray(left)
