"""The identity: denoising."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from numerics.bound import Bound, exact
from numerics.operators.base import Array, ForwardOperator, describe_shape
from numerics.operators.spec import OperatorSpec
from numerics.operators.spectral import Factorization, IdentityFactorization


class IdentityOperator(ForwardOperator):
    """x -> x."""

    def __init__(self, shape: Sequence[int]):
        super().__init__(shape, shape)

    def _matvec(self, x: Array) -> Array:
        return np.array(x, dtype=np.float64).reshape(-1)

    def _rmatvec(self, y: Array) -> Array:
        return np.array(y, dtype=np.float64).reshape(-1)

    def _matmat(self, X: Array) -> Array:
        return np.array(X, dtype=np.float64)

    def toarray(self) -> Array:
        """The identity matrix."""
        self.check_dense()
        return np.eye(self.shape[0])

    def left_multiply(self, M: Array) -> tuple[Array, float]:
        """M itself, without error."""
        return M, 0.0

    def sigma_min(self) -> Bound:
        """1, exactly."""
        return exact(1.0, "identity")

    def opnorm(self) -> Bound:
        """1, exactly."""
        return exact(1.0, "identity")

    def factorization(self) -> Factorization:
        """Q = U = I, sigma = 1."""
        return IdentityFactorization(self.shape[1])

    def describe(self) -> str:
        """One line for reports."""
        return f"identity on {describe_shape(self.input_shape)}"


@dataclass(frozen=True)
class Identity(OperatorSpec):
    """The signal itself is observed."""

    kind: ClassVar[str] = "identity"

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> IdentityOperator:
        """The identity on signals of that shape."""
        return IdentityOperator(input_shape)
