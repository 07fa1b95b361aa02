"""A matrix given entry by entry or in a NumPy file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from numerics.operators.base import Array, ForwardOperator, describe_shape, real_matrix
from numerics.operators.spec import OperatorSpec, doc


class DenseOperator(ForwardOperator):
    """x -> A x for a matrix A (m x n), kept as a read-only float64 copy; the matrix is the operator, exactly."""

    def __init__(self, matrix: ArrayLike, input_shape: Sequence[int] | None = None, what: str = "dense matrix"):
        A = real_matrix(matrix, what).copy()
        A.setflags(write=False)
        if input_shape is not None and math.prod(input_shape) != A.shape[1]:
            raise ValueError(
                f"{what} has shape {describe_shape(A.shape)}, so it acts on {A.shape[1]} numbers, but the signal has "
                f"shape {describe_shape(input_shape)}: {math.prod(input_shape)} numbers"
            )
        self._what, self._array = what, A
        super().__init__(input_shape or (A.shape[1],), (A.shape[0],))

    def _matvec(self, x: Array) -> Array:
        return self._array @ x.reshape(-1)

    def _rmatvec(self, y: Array) -> Array:
        return self._array.T @ y.reshape(-1)

    def _matmat(self, X: Array) -> Array:
        return self._array @ X

    def toarray(self) -> Array:
        """The matrix itself."""
        return self._array

    def describe(self) -> str:
        """One line for reports."""
        return f"{self._what}, {self.shape[0]} x {self.shape[1]}"


def load_array(file: str, key: str | None) -> Any:
    """An array of a .npy or .npz file; ValueError says what is wrong with the file."""
    path = Path(file)
    try:
        loaded = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise ValueError(f"file {file} does not exist") from None
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"file {file} is not a readable .npy or .npz file of numbers ({error})") from None
    if isinstance(loaded, np.ndarray):
        if key is not None:
            raise ValueError(f"file {file} holds a single array: drop key = {key!r}")
        return loaded
    with loaded:
        names = list(loaded.files)
        if key is None and len(names) == 1:
            key = names[0]
        if key is None or key not in names:
            raise ValueError(f"file {file} holds {', '.join(names) or 'nothing'}: choose one with key = ...")
        return loaded[key]


@dataclass(frozen=True)
class Dense(OperatorSpec):
    """A matrix, rows listed in the problem file or stored in a .npy/.npz file (float32 is converted exactly)."""

    kind: ClassVar[str] = "dense"
    values: Any = field(default=None, metadata=doc("the rows of the matrix"))
    file: str | None = field(default=None, metadata=doc(".npy or .npz file with the matrix"))
    key: str | None = field(default=None, metadata=doc("name of the array in a .npz file that holds several"))

    def __post_init__(self) -> None:
        if (self.values is None) == (self.file is None):
            raise ValueError("a dense operator needs either values (its rows) or file, not both")

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> DenseOperator:
        """The matrix as an operator; its number of columns must be the number of entries of the signal."""
        if self.file is None:
            return DenseOperator(self.values, input_shape)
        return DenseOperator(load_array(self.file, self.key), input_shape, f"matrix of {Path(self.file).name}")
