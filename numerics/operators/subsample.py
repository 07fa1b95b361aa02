"""Missing samples: some entries of the signal are observed, the others are not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from numerics.bound import Bound, exact
from numerics.operators.base import Array, ForwardOperator, describe_shape
from numerics.operators.spec import OperatorSpec, doc, is_integer, is_number
from numerics.operators.spectral import Factorization, SelectionFactorization


class SubsampleOperator(ForwardOperator):
    """x -> x[indices]: distinct rows of the identity, so every singular value is 1."""

    def __init__(self, indices: ArrayLike, input_shape: Sequence[int], output_shape: Sequence[int] | None = None):
        n, raw = math.prod(input_shape), np.asarray(indices)
        if raw.ndim != 1 or raw.size == 0 or raw.dtype.kind not in "iu":
            raise ValueError("the indices of a subsampling must be a nonempty list of integers")
        if raw.min() < 0 or raw.max() >= n:
            raise ValueError(
                f"indices of a signal of shape {describe_shape(input_shape)} run from 0 to {n - 1}, "
                f"got {raw.min()} to {raw.max()}"
            )
        unique = np.unique(raw)
        if unique.size != raw.size:
            raise ValueError(f"{raw.size - unique.size} indices of the subsampling are repeated: list each one once")
        self.indices = raw.astype(np.intp)
        self.indices.setflags(write=False)
        super().__init__(input_shape, output_shape or (raw.size,))

    def _matvec(self, x: Array) -> Array:
        return np.asarray(x, dtype=np.float64).reshape(-1)[self.indices]

    def _rmatvec(self, y: Array) -> Array:
        x = np.zeros(self.shape[1])
        x[self.indices] = y.reshape(-1)
        return x

    def _matmat(self, X: Array) -> Array:
        return np.asarray(X, dtype=np.float64)[self.indices]

    def toarray(self) -> Array:
        """The chosen rows of the identity."""
        self.check_dense()
        out = np.zeros(self.shape)
        out[np.arange(self.shape[0]), self.indices] = 1.0
        return out

    def left_multiply(self, M: Array) -> tuple[Array, float]:
        """The chosen rows of M, without error."""
        return M[self.indices], 0.0

    def sigma_min(self) -> Bound:
        """1, exactly."""
        return exact(1.0, "distinct rows of the identity")

    def opnorm(self) -> Bound:
        """1, exactly."""
        return exact(1.0, "distinct rows of the identity")

    def factorization(self) -> Factorization:
        """U = I, sigma = 1, Q' = A."""
        return SelectionFactorization(self.indices, self.shape[1])

    def describe(self) -> str:
        """One line for reports."""
        return f"{self.shape[0]} of {self.shape[1]} samples of {describe_shape(self.input_shape)}"


@dataclass(frozen=True)
class Subsample(OperatorSpec):
    """Keeps a random fraction, a list of flat indices (C order), or every e-th sample along each axis."""

    kind: ClassVar[str] = "subsample"
    fraction: float | None = field(default=None, metadata=doc("share of samples kept, drawn at random, in (0, 1]"))
    indices: list[int] | None = field(default=None, metadata=doc("flat indices of the samples kept, C order"))
    every: int | None = field(default=None, metadata=doc("keep every e-th sample along each axis, from the first on"))

    def __post_init__(self) -> None:
        if sum(x is not None for x in (self.fraction, self.indices, self.every)) != 1:
            raise ValueError("a subsampling needs exactly one of fraction, indices and every")
        if self.fraction is not None and not (is_number(self.fraction) and 0 < self.fraction <= 1):
            raise ValueError(f"fraction of a subsampling must lie in (0, 1], got {self.fraction!r}")
        if self.every is not None and not (is_integer(self.every) and self.every >= 1):
            raise ValueError(f"every of a subsampling must be an integer >= 1, got {self.every!r}")

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> SubsampleOperator:
        """The operator; a fraction keeps round(fraction n) samples (at least one) drawn with `rng`."""
        n = math.prod(input_shape)
        if self.indices is not None:
            return SubsampleOperator(self.indices, input_shape)
        if self.every is not None:
            grid = np.arange(n).reshape(input_shape)[tuple(slice(None, None, self.every) for _ in input_shape)]
            return SubsampleOperator(grid.reshape(-1), input_shape, grid.shape)
        m = max(1, round(float(self.fraction or 0.0) * n))
        return SubsampleOperator(np.sort(rng.choice(n, size=m, replace=False)), input_shape)
