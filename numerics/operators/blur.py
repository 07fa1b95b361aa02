"""Blur: periodic convolution with a Gaussian or a given kernel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy import fft

from numerics.operators.base import Array, describe_shape
from numerics.operators.periodic import PeriodicOperator
from numerics.operators.spec import OperatorSpec, doc, is_integer, is_number
from numerics.rigorous.dft import convolution_moduli


class BlurOperator(PeriodicOperator):
    """Periodic convolution with `taps`, whose centre is the entry q // 2 of each axis; the taps define it exactly."""

    remedy = "blur less: take a smaller std"

    def __init__(self, taps: ArrayLike, shape: Sequence[int], what: str = "blur"):
        k = np.array(taps, dtype=np.float64)
        if k.ndim != len(shape):
            signal = describe_shape(shape)
            raise ValueError(f"a signal of shape {signal} needs a {len(shape)}-D kernel, got a {k.ndim}-D one")
        if k.size == 0 or not np.isfinite(k).all() or not k.any():
            raise ValueError("the taps of a blur must be finite numbers, not all zero")
        if any(q > n for q, n in zip(k.shape, shape, strict=True)):
            raise ValueError(
                f"the blur kernel has {describe_shape(k.shape)} taps, more than the signal, {describe_shape(shape)}: "
                "a smaller radius or a larger signal is needed"
            )
        self.taps, self._what = k, what
        self._offsets = tuple(np.arange(q) - q // 2 for q in k.shape)
        grid = np.zeros(tuple(shape))
        grid[np.ix_(*(o % n for o, n in zip(self._offsets, shape, strict=True)))] = k
        self._grid = grid
        super().__init__(shape, fft.rfftn(grid))

    def kernel(self) -> tuple[Array, float]:
        """The taps on the grid, exactly."""
        return self._grid, 0.0

    @cached_property
    def _moduli(self) -> tuple[Array, Array]:
        return convolution_moduli(self.taps, self._offsets, self.input_shape)

    def moduli(self) -> tuple[Array, Array]:
        """Direct Fourier sums over the taps, enclosed."""
        return self._moduli

    def describe(self) -> str:
        """One line for reports."""
        return f"{self._what}, {describe_shape(self.taps.shape)} taps, periodic, on {describe_shape(self.input_shape)}"


@dataclass(frozen=True)
class Blur(OperatorSpec):
    """Periodic convolution, 1-D or 2-D: a Gaussian of given standard deviation (pixels), or explicit taps."""

    kind: ClassVar[str] = "blur"
    std: float | None = field(default=None, metadata=doc("standard deviation of the Gaussian, in samples"))
    radius: int | None = field(default=None, metadata=doc("Gaussian taps from -radius to radius; default ceil(4 std)"))
    taps: Any = field(default=None, metadata=doc("kernel: list (1-D) or list of rows (2-D), centre at entry q // 2"))
    normalise: bool = field(default=True, metadata=doc("divide the taps by their sum, so that constants are kept"))

    def __post_init__(self) -> None:
        if (self.std is None) == (self.taps is None):
            raise ValueError("a blur needs either std (Gaussian) or taps, not both")
        if self.std is not None and not (is_number(self.std) and self.std > 0):
            raise ValueError(f"std of a blur must be a positive number, got {self.std!r}")
        if self.radius is not None and (self.std is None or not is_integer(self.radius) or self.radius < 0):
            raise ValueError(f"radius of a Gaussian blur must be an integer >= 0, got {self.radius!r}")

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> BlurOperator:
        """The operator on signals of that shape (1-D or 2-D)."""
        if len(input_shape) not in (1, 2):
            raise ValueError(f"a blur acts on 1-D and 2-D signals, got shape {describe_shape(input_shape)}")
        if self.std is not None:
            radius = math.ceil(4 * self.std) if self.radius is None else self.radius
            if 2 * radius + 1 > min(input_shape):
                raise ValueError(
                    f"the blur kernel has {2 * radius + 1} taps an axis, more than the signal, "
                    f"{describe_shape(input_shape)}: set a radius <= {(min(input_shape) - 1) // 2}, or a smaller std"
                )
            line = np.exp(-0.5 * (np.arange(-radius, radius + 1) / self.std) ** 2)
            taps = line if len(input_shape) == 1 else np.outer(line, line)
            what = f"Gaussian blur, std {self.std:g}"
        else:
            try:
                taps = np.asarray(self.taps, dtype=np.float64)
            except (TypeError, ValueError):
                raise ValueError("the taps of a blur must be a list of numbers or of rows of equal length") from None
            what = "blur"
        if self.normalise:
            total = math.fsum(taps.reshape(-1).tolist())
            if not abs(total) > 1e-12 * float(np.abs(taps).sum()):
                raise ValueError("the taps sum to zero, so they cannot be normalised: set normalise = false")
            taps = taps / total
        return BlurOperator(taps, input_shape, what)
