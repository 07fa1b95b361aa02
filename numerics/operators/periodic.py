"""Operators that the Fourier transform diagonalizes: real periodic convolutions on 1-D and 2-D grids."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.linalg import circulant

from numerics.bound import Bound, lower, upper
from numerics.operators.base import RANK_TOLERANCE, Array, ForwardOperator, rank_deficient
from numerics.operators.spectral import Factorization, PeriodicFactorization


class PeriodicOperator(ForwardOperator):
    """x -> k * x with periodic boundaries: F' diag(t) F, singular values |t|.

    spectrum: t in the layout of `rfftn`, for applying the operator. A subclass encloses |t| in `moduli`.
    """

    def __init__(self, shape: Sequence[int], spectrum: NDArray[np.complex128] | Array):
        if len(shape) not in (1, 2):
            raise ValueError(f"periodic convolutions act on 1-D and 2-D signals, got shape {tuple(shape)}")
        self._spectrum = spectrum
        super().__init__(shape, shape)

    def _apply(self, x: Array, spectrum: NDArray[np.complex128] | Array) -> Array:
        grid = np.asarray(x, dtype=np.float64).reshape(self.input_shape)
        return fft.irfftn(fft.rfftn(grid) * spectrum, s=self.input_shape).reshape(-1)

    def _matvec(self, x: Array) -> Array:
        return self._apply(x, self._spectrum)

    def _rmatvec(self, y: Array) -> Array:
        return self._apply(y, np.conj(self._spectrum))

    def transfer(self) -> NDArray[np.complex128]:
        """t in the layout of `rfftn`, in floating point."""
        return np.asarray(self._spectrum, dtype=np.complex128)

    def factorization(self) -> Factorization:
        """Q the real Fourier basis of the frequencies that pass, sigma = |t|: see `PeriodicFactorization`."""
        return PeriodicFactorization(self)

    def moduli(self) -> tuple[Array, Array]:
        """(lo, hi): certified enclosure of |t| at every frequency, arrays of the shape of the signal."""
        raise NotImplementedError

    def kernel(self) -> tuple[Array, float]:
        """(k, e): the kernel on the grid, k[0] (k[0, 0]) its centre, with ||k - exact||_1 <= e."""
        raise NotImplementedError

    def toarray(self) -> Array:
        """The (block) circulant matrix of the kernel."""
        self.check_dense()
        k, _ = self.kernel()
        if k.ndim == 1:
            return circulant(k)
        n1, n2 = k.shape
        rows = np.stack([circulant(row) for row in k])
        shift = (np.arange(n1)[:, None] - np.arange(n1)[None, :]) % n1
        return np.ascontiguousarray(rows[shift].transpose(0, 2, 1, 3)).reshape(n1 * n2, n1 * n2)

    def array_error(self) -> float:
        """||circulant(k)|| <= ||k||_1 (Young), applied to the error of the kernel."""
        return self.kernel()[1]

    def singular_values(self) -> Array:
        """Midpoints of the enclosures, descending."""
        lo, hi = self.moduli()
        return np.sort((0.5 * (lo + hi)).reshape(-1))[::-1]

    def opnorm(self) -> Bound:
        """The largest modulus of the transfer function."""
        return upper(float(self.moduli()[1].max()), "largest modulus of the transfer function, enclosed")

    def sigma_min(self) -> Bound:
        """The smallest modulus of the transfer function; RankDeficient where that cannot be told from zero."""
        lo, hi = self.moduli()
        value = float(lo.min())
        if value <= RANK_TOLERANCE * float(hi.max()):
            raise rank_deficient(self, self.singular_values())
        return lower(value, "smallest modulus of the transfer function, enclosed")

    def rank(self) -> int:
        """Number of frequencies that pass."""
        lo, hi = self.moduli()
        return int(np.count_nonzero(lo > RANK_TOLERANCE * float(hi.max())))
