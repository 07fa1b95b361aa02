"""Singular vectors of what follows a periodic convolution: every e-th sample of it, or part of its spectrum.

A = R K, K periodic with transfer function t on the grid of the signal, N_1 x N_2.

Decimation: R keeps every e_i-th sample, e_i | N_i.  A A' is a periodic convolution on the coarse grid, with transfer
function s(w)^2 = sum |t|^2 over the e_1 e_2 frequencies that alias to w, divided by e_1 e_2 (M. Vetterli, J. Kovacevic,
Wavelets and Subband Coding, 1995, section 3.2).  So U is the Hartley basis of the coarse grid, sigma = s.
Part of the spectrum: R = rows of the Hartley transform H.  H K H' is |t| times a rotation of each pair w, -w, so A A' is
diagonal: U = I, sigma(w) = s(w) = |t(w)|.

Either way Q' = diag(1/s) U'A = U' R K_1, where K_1 has the transfer function t/s: the division takes place frequency by
frequency, so Q is orthonormal to rounding whatever the condition number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from numerics.operators.base import RANK_TOLERANCE, Array, ForwardOperator
from numerics.operators.fourier import FourierOperator
from numerics.operators.periodic import PeriodicOperator
from numerics.operators.spectral import Factorization, SelectionFactorization, TransformFactorization
from numerics.operators.subsample import SubsampleOperator
from numerics.operators.transforms import TRANSFORMS

__all__ = ["FilteredFactorization", "filtered"]


class FilteredFactorization:
    """Q' = U' R K_1 for rows R with the right vectors `rows`, U with the right vectors `left` (None: the identity)."""

    def __init__(
        self,
        spectrum: NDArray[np.complex128],
        signal: Sequence[int],
        rows: Factorization,
        left: TransformFactorization | None,
        sigma: Array,
        what: str,
    ):
        self._spectrum, self.signal, self._rows, self._left = spectrum, tuple(signal), rows, left
        self._sigma, self._what = sigma, what
        self.shape = rows.shape
        self.sign: float | None = 1.0 if left is None else None

    def _filter(self, X: Array, spectrum: NDArray[np.complex128]) -> Array:
        batch = X.T.reshape(-1, *self.signal)
        axes = tuple(range(1, batch.ndim))
        out = fft.irfftn(fft.rfftn(batch, axes=axes) * spectrum, s=self.signal, axes=axes)
        return np.asarray(out).reshape(X.T.shape).T

    def singular_values(self) -> Array:
        """s, in the order of the frequencies."""
        return self._sigma

    def analyze(self, X: Array) -> Array:
        """U' R K_1 X."""
        return self.left_adjoint(self._rows.analyze(self._filter(np.asarray(X, dtype=np.float64), self._spectrum)))

    def synthesize(self, Z: Array) -> Array:
        """K_1' R' U Z."""
        return self._filter(self._rows.synthesize(self.left(Z)), np.conj(self._spectrum))

    def left(self, Z: Array) -> Array:
        """U Z."""
        return Z if self._left is None else self._left.synthesize(Z)

    def left_adjoint(self, v: Array) -> Array:
        """U'v."""
        return v if self._left is None else self._left.analyze(v)

    def describe(self) -> str:
        """One line for reports."""
        return f"{self._sigma.size} vectors of {self.shape[1]}: {self._what}"


def filtered(first: ForwardOperator, convolution: PeriodicOperator) -> Factorization | None:
    """The factorization of `first` after a convolution where it has structure, else None.

    >>> from numerics.operators import from_mapping
    >>> rng = np.random.default_rng(0)
    >>> blur = from_mapping({"kind": "blur", "std": 1.0}).build((16,), rng)
    >>> found = filtered(from_mapping({"kind": "subsample", "every": 2}).build((16,), rng), blur)
    >>> found.describe()
    '8 vectors of 16: Fourier on 8 of 16, filtered'
    """
    half, shape = convolution.transfer(), convolution.input_shape
    if isinstance(first, FourierOperator) and first.transform.name == "fourier":
        size = np.abs(half)
        sigma = _whole(size, shape).reshape(-1)[first.indices]
        if not sigma.min() > RANK_TOLERANCE * float(size.max()):
            return None
        unit = np.divide(half, size, out=np.zeros_like(half), where=size > 0)
        rows = TransformFactorization(first.transform, shape, first.indices)
        return FilteredFactorization(unit, shape, rows, None, sigma, "Fourier, filtered")
    if isinstance(first, SubsampleOperator) and (coarse := _regular(first)) is not None:
        return _decimated(first, half, coarse)
    return None


def _decimated(
    first: SubsampleOperator, half: NDArray[np.complex128], coarse: tuple[int, ...]
) -> FilteredFactorization | None:
    shape = first.input_shape
    steps = tuple(size // c for size, c in zip(shape, coarse, strict=True))
    powers = _whole(np.abs(half), shape) ** 2
    split = powers.reshape([i for step, c in zip(steps, coarse, strict=True) for i in (step, c)])
    s = np.sqrt(split.sum(axis=tuple(range(0, 2 * len(shape), 2))) / math.prod(steps))
    kept = np.flatnonzero(s > RANK_TOLERANCE * float(s.max()))
    if kept.size == 0:
        return None
    every = np.tile(s, steps)[..., : half.shape[-1]]
    unit = np.divide(half, every, out=np.zeros_like(half), where=every > 0)
    rows = SelectionFactorization(first.indices, first.shape[1])
    left = TransformFactorization(TRANSFORMS["fourier"], coarse, kept)
    grids = ["x".join(map(str, grid)) for grid in (coarse, shape)]
    return FilteredFactorization(
        unit, shape, rows, left, s.reshape(-1)[kept], f"Fourier on {grids[0]} of {grids[1]}, filtered"
    )


def _regular(T: SubsampleOperator) -> tuple[int, ...] | None:
    """The coarse grid where T keeps every e_i-th sample from the first on and e_i divides the side; else None."""
    shape, coarse = T.input_shape, T.output_shape
    if len(coarse) != len(shape) or any(size % c for size, c in zip(shape, coarse, strict=True)):
        return None
    steps = tuple(slice(None, None, size // c) for size, c in zip(shape, coarse, strict=True))
    grid = np.arange(math.prod(shape)).reshape(shape)[steps]
    return coarse if np.array_equal(grid.reshape(-1), T.indices) else None


def _whole(half: Array, shape: tuple[int, ...]) -> Array:
    """A symmetric function of the frequency on the whole grid, from the layout of `rfftn`."""
    out = np.empty(shape)
    kept = half.shape[-1]
    out[..., :kept] = half
    mirrored = half[..., 1 : shape[-1] - kept + 1][..., ::-1]
    if len(shape) == 2:
        mirrored = mirrored[(-np.arange(shape[0])) % shape[0]]
    out[..., kept:] = mirrored
    return out
