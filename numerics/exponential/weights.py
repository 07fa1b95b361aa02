"""The three products of a matrix that the flow needs, at half of the cost where its columns come in opposite pairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from numerics.paired import half

Array = NDArray[np.float64]


class Weights:
    """V (p, k), with the products V applies to rows.

    paired: look whether V = [N, −N] exactly (`dip2.antisymmetric`): then every product is one with N.

    >>> weights = Weights(np.array([[1.0, 2.0, -1.0, -2.0]]), paired=True)
    >>> weights.push(np.array([1.0, 1.0, 0.0, 1.0])), weights.pull(np.array([3.0]))
    (array([1.]), array([ 3.,  6., -3., -6.]))
    """

    def __init__(self, V: Array, paired: bool = False) -> None:
        self.V = V
        self._half = half(V) if paired else None

    @property
    def paired(self) -> bool:
        """Whether V = [N, −N]."""
        return self._half is not None

    def push(self, rows: Array) -> Array:
        """rows Vᵀ: (*, k) → (*, p)."""
        if self._half is None:
            return np.asarray(rows @ self.V.T)
        k = self._half.shape[1]
        return np.asarray((rows[..., :k] - rows[..., k:]) @ self._half.T)

    def pull(self, rows: Array) -> Array:
        """rows V: (*, p) → (*, k), a new array."""
        if self._half is None:
            return np.asarray(rows @ self.V)
        k = self._half.shape[1]
        out = np.empty((*rows.shape[:-1], 2 * k))
        out[..., :k] = rows @ self._half
        np.negative(out[..., :k], out=out[..., k:])
        return out

    def gram(self, slopes: Array) -> Array:
        """V diag(slopes²) Vᵀ (p, p)."""
        if self._half is None:
            scaled = self.V * slopes
        else:
            k = self._half.shape[1]
            scaled = self._half * np.hypot(slopes[:k], slopes[k:])
        return np.asarray(scaled @ scaled.T)
