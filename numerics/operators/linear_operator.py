"""Any operator that SciPy knows how to apply (PyLops, user classes, sparse matrices): Python only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from scipy.sparse.linalg import aslinearoperator

from numerics.operators.base import Array, ForwardOperator, check_shape, describe_shape
from numerics.operators.spec import OperatorSpec, doc


class WrappedOperator(ForwardOperator):
    """A scipy LinearOperator, or anything `aslinearoperator` accepts.

    Singular values are those of the matrix that it returns on the identity, in floating point: `toarray()` is by
    definition the operator that the guarantees are about.
    """

    def __init__(
        self, operator: Any, input_shape: Sequence[int] | None = None, output_shape: Sequence[int] | None = None
    ):
        try:
            inner = aslinearoperator(operator)
        except (TypeError, ValueError):
            raise ValueError(f"{type(operator).__name__} is not a linear operator that SciPy can apply") from None
        if inner.dtype is not None and np.dtype(inner.dtype).kind == "c":
            raise ValueError("the operator is complex; stack real and imaginary parts to make it real")
        m, n = (int(i) for i in inner.shape)
        for given, size, what in ((input_shape, n, "signal"), (output_shape, m, "observation")):
            if given is not None and math.prod(check_shape(given, f"the {what} shape")) != size:
                raise ValueError(
                    f"the operator has shape {m} x {n}, but the {what} has shape {describe_shape(given)}: "
                    f"{math.prod(given)} numbers where {size} are needed"
                )
        self._inner = inner
        super().__init__(input_shape or (n,), output_shape or (m,))

    def _matvec(self, x: Array) -> Array:
        return np.asarray(self._inner.matvec(x.reshape(-1)), dtype=np.float64)

    def _rmatvec(self, y: Array) -> Array:
        return np.asarray(self._inner.rmatvec(y.reshape(-1)), dtype=np.float64)

    def _matmat(self, X: Array) -> Array:
        return np.asarray(self._inner.matmat(X), dtype=np.float64)

    def describe(self) -> str:
        """One line for reports."""
        return f"{type(self._inner).__name__}, {self.shape[0]} x {self.shape[1]}"


@dataclass(frozen=True)
class FromLinearOperator(OperatorSpec):
    """A scipy LinearOperator made in Python."""

    kind: ClassVar[str] = "linear_operator"
    operator: Any = field(metadata=doc("scipy LinearOperator, sparse matrix or array (from Python only)"))
    output_shape: tuple[int, ...] | None = field(default=None, metadata=doc("shape of the observation, if an image"))

    def __post_init__(self) -> None:
        if isinstance(self.operator, str | int | float | dict):
            raise ValueError('kind "linear_operator" takes a Python object: use it from Python, or store the matrix')

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> WrappedOperator:
        """The operator, its shapes checked against those of the signal."""
        return WrappedOperator(self.operator, input_shape, self.output_shape)

    def to_dict(self) -> dict[str, Any]:
        """The operator is described by its type and shape only."""
        inner = aslinearoperator(self.operator)
        what = f"{type(self.operator).__name__} {inner.shape[0]} x {inner.shape[1]}"
        return {"kind": self.kind, "operator": what, "output_shape": self.output_shape}
