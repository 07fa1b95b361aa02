"""Real orthonormal transforms of signals: the Hartley form of the Fourier transform, and the cosine transform.

Hartley: H x = Re F x - Im F x, F the unitary discrete Fourier transform, kernel cas(t) = cos t + sin t. It is real,
orthonormal, symmetric and its own inverse (R. N. Bracewell, The Hartley Transform, 1986), in any number of axes. One
complex Fourier coefficient of a real signal is the pair of entries at w and -w: Re F x(w) = (H x(w) + H x(-w))/2 and
Im F x(w) = (H x(-w) - H x(w))/2.
Cosine: the orthonormal DCT-II along every axis (W.-H. Chen, C. Smith, S. Fralick, IEEE Trans. Commun. 25, 1977).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from numerics.operators.base import Array
from numerics.rigorous import UNIT, above
from numerics.rigorous.dft import twiddles

__all__ = ["TRANSFORMS", "Transform"]

Indices = NDArray[np.intp]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Transform:
    """A real orthonormal matrix O on signals of any shape, by fast products.

    forward, inverse    (batch, *shape) -> (batch, *shape): O and O' on every signal of the batch
    rows                (shape, indices) -> chosen rows of O, (m, n), from certified sines and cosines
    error               (shape, m) -> bound of the Frobenius norm of the error of m such rows
    frequency           shape -> size of the frequency of every coefficient, cycles per sample, (n,)
    partner             shape -> the coefficient that completes the frequency of each (itself: nothing to complete), (n,)
    """

    name: str
    title: str
    forward: Callable[[Array], Array]
    inverse: Callable[[Array], Array]
    rows: Callable[[Shape, Indices], Array]
    error: Callable[[Shape, int], float]
    frequency: Callable[[Shape], Array]
    partner: Callable[[Shape], Indices]

    def analyze(self, X: Array, shape: Sequence[int]) -> Array:
        """O X for X of shape (n,) or (n, j)."""
        return self._apply(self.forward, X, tuple(shape))

    def synthesize(self, Z: Array, shape: Sequence[int]) -> Array:
        """O' Z for Z of shape (n,) or (n, j)."""
        return self._apply(self.inverse, Z, tuple(shape))

    @staticmethod
    def _apply(function: Callable[[Array], Array], X: Array, shape: Shape) -> Array:
        X = np.asarray(X, dtype=np.float64)
        # signals along the first axis: where X has its columns one after the other in memory nothing is copied
        out = function(X.T.reshape(-1, *shape)).reshape(X.T.shape)
        return out.T


def _axes(batch: Array) -> tuple[int, ...]:
    return tuple(range(1, batch.ndim))


def _hartley(batch: Array) -> Array:
    z: NDArray[np.complex128] = fft.fftn(batch, axes=_axes(batch), norm="ortho")
    return z.real - z.imag


def _hartley_rows(shape: Shape, indices: Indices) -> Array:
    """cas(2 pi sum_i w_i j_i / N_i)/sqrt(n), the angle as one multiple of 2 pi over the common multiple of the N_i."""
    common = math.lcm(*shape)
    cos, sin = twiddles(common)
    root = math.sqrt(math.prod(shape))
    out = np.empty((indices.size, math.prod(shape)))
    waves = np.unravel_index(indices, shape)
    block = max(1, 2_000_000 // out.shape[1])
    for start in range(0, indices.size, block):
        turns = np.zeros((min(block, indices.size - start), 1), dtype=np.int64)
        for w, size in zip(waves, shape, strict=True):
            steps = np.outer(w[start : start + block], np.arange(size)) * (common // size)
            turns = ((turns[:, :, None] + steps[:, None, :]) % common).reshape(turns.shape[0], -1)
        out[start : start + block] = (cos[turns] + sin[turns]) / root
    return out


def _hartley_error(shape: Shape, m: int) -> float:
    """Each of cos and sin is within u, their sum (at most 2) is rounded once: cas is within 4u of a number <= sqrt 2.

    The root and the division are 2 roundings: an entry is within (4u + 2.5u(sqrt 2 + 4u))/sqrt n <= 8u/sqrt n.
    """
    return above(8 * UNIT * Fraction(math.isqrt(m) + 1))


def _hartley_partner(shape: Shape) -> Indices:
    waves = np.unravel_index(np.arange(math.prod(shape)), shape)
    opposite = tuple((-w) % size for w, size in zip(waves, shape, strict=True))
    return np.asarray(np.ravel_multi_index(opposite, shape), dtype=np.intp)


def _size(parts: list[Array]) -> Array:
    grids: Any = np.meshgrid(*parts, indexing="ij", sparse=True)
    return np.sqrt(sum(g * g for g in grids)).reshape(-1)


def _cosine(batch: Array) -> Array:
    return np.asarray(fft.dctn(batch, axes=_axes(batch), norm="ortho"))


def _cosine_inverse(batch: Array) -> Array:
    return np.asarray(fft.idctn(batch, axes=_axes(batch), norm="ortho"))


def _cosine_rows(shape: Shape, indices: Indices) -> Array:
    """Products over the axes of s_w cos(pi (2j + 1) w/(2N)), s_0 = sqrt(1/N), s_w = sqrt(2/N)."""
    out = np.ones((indices.size, 1))
    for w, size in zip(np.unravel_index(indices, shape), shape, strict=True):
        cos, _ = twiddles(4 * size)
        line = cos[np.outer(w, 2 * np.arange(size) + 1) % (4 * size)]
        line *= np.where(w == 0, math.sqrt(1 / size), math.sqrt(2 / size))[:, None]
        out = (out[:, :, None] * line[:, None, :]).reshape(indices.size, -1)
    return out


def _cosine_error(shape: Shape, m: int) -> float:
    """An entry of one axis is within 5u sqrt(2/N) (cosine u, scale 2u, product u), the products over d axes within
    7du times the product of those bounds; m n of them."""
    d = len(shape)
    return above(7 * d * UNIT * 2 ** ((d + 1) // 2) * Fraction(math.isqrt(m) + 1))


_ALL = (
    Transform(
        "fourier",
        "Fourier (Hartley form)",
        _hartley,
        _hartley,
        _hartley_rows,
        _hartley_error,
        lambda shape: _size([np.fft.fftfreq(size).astype(np.float64) for size in shape]),
        _hartley_partner,
    ),
    Transform(
        "cosine",
        "cosine (DCT-II)",
        _cosine,
        _cosine_inverse,
        _cosine_rows,
        _cosine_error,
        lambda shape: _size([0.5 * np.arange(size) / size for size in shape]),
        lambda shape: np.arange(math.prod(shape), dtype=np.intp),
    ),
)

TRANSFORMS: Mapping[str, Transform] = MappingProxyType({item.name: item for item in _ALL})
"""Name -> :class:`Transform`."""
