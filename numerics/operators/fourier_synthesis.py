"""Smooth signals from white coefficients: the synthesis operator behind `recover.synthesis`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import ClassVar

import numpy as np

from numerics.bound import Bound, exact
from numerics.operators.base import RANK_TOLERANCE, Array, describe_shape, rank_deficient
from numerics.operators.periodic import PeriodicOperator
from numerics.operators.spec import OperatorSpec, doc, is_number
from numerics.rigorous import above
from numerics.rigorous.dft import direct_dft


class FourierSynthesisOperator(PeriodicOperator):
    """S = F' diag(w) F with w > 0 symmetric: real, symmetric, positive definite; its singular values are w, exactly."""

    remedy = "take a smaller power or a larger omega0"

    def __init__(self, shape: Sequence[int], omega0: float, power: float):
        shape = tuple(shape)
        # Integer frequencies -N/2 .. (N-1)/2 of each axis. One evaluation for each distinct |w|^2 makes the weights
        # symmetric bit for bit, whatever a vectorized power does.
        axes = [np.rint(np.fft.fftfreq(n) * n) for n in shape]
        grids = np.meshgrid(*axes, indexing="ij")
        squares, where = np.unique(np.sum([g * g for g in grids], axis=0), return_inverse=True)
        with np.errstate(under="ignore"):
            self.weights: Array = ((1.0 + squares / omega0**2) ** -power)[where].reshape(shape)
        self._omega0, self._power = omega0, power
        super().__init__(shape, self.weights[..., : shape[-1] // 2 + 1])

    def moduli(self) -> tuple[Array, Array]:
        """The weights, which define the operator."""
        return self.weights, self.weights

    @cached_property
    def _kernel(self) -> tuple[Array, float]:
        n = self.weights.size
        re, _, e = direct_dft(self.weights, tuple(np.arange(i) for i in self.input_shape), self.input_shape)
        # Each of the n entries is wrong by e/n and by the rounding of the division, at most 2^-53 of its modulus (2^-52
        # covers the rounding of the sum).
        return re / n, above(Fraction(e) + Fraction(float(np.abs(re).sum())) / 2**52 / n)

    def kernel(self) -> tuple[Array, float]:
        """Direct Fourier sum of the weights, with its error."""
        return self._kernel

    def opnorm(self) -> Bound:
        """The largest weight."""
        return exact(float(self.weights.max()), "largest Fourier weight")

    def sigma_min(self) -> Bound:
        """The smallest weight."""
        value = float(self.weights.min())
        if value <= RANK_TOLERANCE * float(self.weights.max()):
            raise rank_deficient(self, self.singular_values())
        return exact(value, "smallest Fourier weight")

    def describe(self) -> str:
        """One line for reports."""
        weights = f"(1 + |w|^2/{self._omega0:g}^2)^-{self._power:g}"
        return f"Fourier synthesis, weights {weights}, on {describe_shape(self.input_shape)}"


@dataclass(frozen=True)
class FourierSynthesis(OperatorSpec):
    """Fourier multiplier (1 + |w|^2/omega0^2)^(-power), w the integer frequencies of the grid (1-D or 2-D)."""

    kind: ClassVar[str] = "fourier_synthesis"
    omega0: float = field(default=2.0, metadata=doc("frequency (cycles per signal) up to which nothing is damped"))
    power: float = field(default=1.0, metadata=doc("decay: amplitude falls as |w|^(-2 power)"))

    def __post_init__(self) -> None:
        if not (is_number(self.omega0) and self.omega0 > 0):
            raise ValueError(f"omega0 of a Fourier synthesis must be a positive number, got {self.omega0!r}")
        if not (is_number(self.power) and self.power >= 0):
            raise ValueError(f"power of a Fourier synthesis must be a number >= 0, got {self.power!r}")

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> FourierSynthesisOperator:
        """The operator on signals of that shape."""
        return FourierSynthesisOperator(input_shape, float(self.omega0), float(self.power))
