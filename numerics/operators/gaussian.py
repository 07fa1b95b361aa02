"""Random Gaussian measurements, as in compressed sensing."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from numerics.operators.dense import DenseOperator
from numerics.operators.spec import OperatorSpec, doc, is_integer


@dataclass(frozen=True)
class Gaussian(OperatorSpec):
    """A matrix (m x n) with independent entries N(0, 1/n), N(0, 1/m) or N(0, 1)."""

    kind: ClassVar[str] = "gaussian"
    m: int = field(metadata=doc("number of measurements (rows)"))
    scale: Literal["n", "m", "1"] = field(default="n", metadata=doc('variance of an entry: "n" 1/n, "m" 1/m, "1" 1'))

    def __post_init__(self) -> None:
        if not is_integer(self.m) or self.m < 1:
            raise ValueError(f"a Gaussian operator needs a number of measurements m >= 1, got m = {self.m!r}")
        if self.scale not in ("n", "m", "1"):
            raise ValueError(f'scale of a Gaussian operator is "n", "m" or "1", got {self.scale!r}')

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> DenseOperator:
        """Draws the matrix with `rng`."""
        n = math.prod(input_shape)
        variance = {"n": 1.0 / n, "m": 1.0 / self.m, "1": 1.0}[self.scale]
        matrix = rng.standard_normal((self.m, n)) * math.sqrt(variance)
        return DenseOperator(matrix, input_shape, "Gaussian matrix")
