"""A sparse matrix from a scipy.sparse file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from scipy import sparse

from numerics import rigorous
from numerics.bound import Bound, upper
from numerics.operators.base import MAX_DENSE, Array, ForwardOperator, describe_shape
from numerics.operators.spec import OperatorSpec, doc


class SparseOperator(ForwardOperator):
    """x -> A x for a scipy.sparse matrix, converted to CSR in float64 (duplicates summed)."""

    def __init__(self, matrix: Any, input_shape: Sequence[int] | None = None, what: str = "sparse matrix"):
        known: bool = sparse.issparse(matrix)
        if not known:
            raise ValueError(f"{what}: a scipy.sparse matrix is needed, got {type(matrix).__name__}")
        if matrix.dtype.kind not in "fiub":
            raise ValueError(f"{what} must hold real numbers, got dtype {matrix.dtype}")
        A = sparse.csr_array(matrix, dtype=np.float64, copy=True)
        A.sum_duplicates()
        if A.ndim != 2 or 0 in A.shape:
            raise ValueError(f"{what} must be a nonempty matrix, got shape {A.shape}")
        if not np.isfinite(A.data).all():
            raise ValueError(f"{what} contains NaN or infinite entries")
        if input_shape is not None and math.prod(input_shape) != A.shape[1]:
            raise ValueError(
                f"{what} has shape {describe_shape(A.shape)}, so it acts on {A.shape[1]} numbers, but the signal has "
                f"shape {describe_shape(input_shape)}: {math.prod(input_shape)} numbers"
            )
        self._what, self._csr, self._csr_t = what, A, A.T.tocsr()
        super().__init__(input_shape or (A.shape[1],), (A.shape[0],))

    def _matvec(self, x: Array) -> Array:
        return self._csr @ x.reshape(-1)

    def _rmatvec(self, y: Array) -> Array:
        return self._csr_t @ y.reshape(-1)

    def _matmat(self, X: Array) -> Array:
        return self._csr @ X

    def toarray(self) -> Array:
        """The matrix itself, dense."""
        self.check_dense()
        return self._csr.toarray()

    @cached_property
    def _opnorm(self) -> Bound:
        if self.shape[0] * self.shape[1] <= MAX_DENSE:
            return upper(rigorous.opnorm_upper(self.matrix), "shifted Cholesky of the Gram matrix")
        # ||A||^2 <= ||A||_1 ||A||_inf; a sum of at most m (n) numbers >= 0 carries gamma_m (gamma_n).
        size = abs(self._csr)
        one, infinity = float(size.sum(axis=0).max()), float(size.sum(axis=1).max())
        square = Fraction(one) * Fraction(infinity) / (1 - rigorous.gamma(2 * sum(self.shape)))
        return upper(rigorous.up(math.sqrt(rigorous.above(square))), "largest row and column sums")

    def describe(self) -> str:
        """One line for reports."""
        return f"{self._what}, {self.shape[0]} x {self.shape[1]}, {self._csr.nnz} nonzeros"


@dataclass(frozen=True)
class Sparse(OperatorSpec):
    """A matrix stored by scipy.sparse.save_npz."""

    kind: ClassVar[str] = "sparse"
    file: str = field(metadata=doc(".npz file written by scipy.sparse.save_npz"))

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> SparseOperator:
        """The matrix as an operator; its number of columns must be the number of entries of the signal."""
        try:
            matrix = sparse.load_npz(Path(self.file))
        except FileNotFoundError:
            raise ValueError(f"file {self.file} does not exist") from None
        except Exception as error:  # zip, key and value errors: whatever the file is, it is not what was asked for
            raise ValueError(f"file {self.file} was not written by scipy.sparse.save_npz ({error})") from None
        return SparseOperator(matrix, input_shape, f"sparse matrix of {Path(self.file).name}")
