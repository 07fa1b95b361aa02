"""Where V(0) comes from: an array, or a seed from which its columns are made again whenever they are needed.

The second needs no n x k array: QᵀV(0) is accumulated and V(0)h summed over blocks of columns.  Each column has a
counter-based generator of its own (Philox: Salmon, Moraes, Dror, Shaw, SC'11), keyed by the seed and its number, so the
entries do not depend on how they are blocked, nor on the order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from numerics.activations import CompiledActivation
from numerics.initialization import entry_distribution
from numerics.networks.two_layer import Train, TwoLayer
from numerics.operators.base import MAX_DENSE
from numerics.operators.spectral import Factorization

__all__ = ["Law", "Stored", "Streamed"]

Array = NDArray[np.float64]
_BLOCK = 1_000_000  # entries of V(0) made at a time: 8 MB, a few times that in a transform


class Law(Protocol):
    """A network at θ(0) as the reduction needs it."""

    @property
    def n(self) -> int:
        """Number of outputs."""

    @property
    def k(self) -> int:
        """Width."""

    @property
    def activation(self) -> CompiledActivation:
        """φ."""

    @property
    def train(self) -> Train:
        """Both layers, or W only."""

    @property
    def a0(self) -> Array:
        """Pre-activations, shape (k,)."""

    def project(self, basis: Factorization) -> Array:
        """QᵀV(0), shape (p, k), a new array."""

    def output(self, hidden: Array) -> Array:
        """V(0) h for h of shape (k,): shape (n,)."""

    def columns(self, start: int, stop: int) -> Array:
        """V(0)[:, start:stop]."""


@dataclass(frozen=True, eq=False)
class Stored:
    """A network whose V(0) is an array."""

    network: TwoLayer

    @property
    def n(self) -> int:
        """Number of outputs."""
        return self.network.n

    @property
    def k(self) -> int:
        """Width."""
        return self.network.k

    @property
    def activation(self) -> CompiledActivation:
        """φ."""
        return self.network.activation

    @property
    def train(self) -> Train:
        """Both layers, or W only."""
        return self.network.train

    @property
    def a0(self) -> Array:
        """Pre-activations, shape (k,)."""
        return self.network.a

    def project(self, basis: Factorization) -> Array:
        """QᵀV(0)."""
        return np.array(basis.analyze(self.network.V), order="C")

    def output(self, hidden: Array) -> Array:
        """V(0) h."""
        return self.network.V @ hidden

    def columns(self, start: int, stop: int) -> Array:
        """V(0)[:, start:stop]."""
        return self.network.V[:, start:stop]


@dataclass(frozen=True, eq=False)
class Streamed:
    """A random network of n outputs and width k that is remembered by its seed.

    The law is that of :func:`numerics.initialization.initialize` (a(0) ~ N(0, W_std²), V(0) of independent entries of the
    law `V`, times V_scale; `antisymmetric`: V(0) = [V', −V'], a(0) = [a', a']), drawn from other random numbers.

    Raises
    ------
    ValueError: sizes, scales, law or seed out of range, or an odd width of an antisymmetric network.

    >>> from numerics.activations import activation
    >>> law = Streamed(3, 4, seed=0, activation=activation("tanh"))
    >>> bool((law.columns(1, 3) == law.columns(0, 4)[:, 1:3]).all())
    True
    """

    n: int
    k: int
    seed: int
    activation: CompiledActivation
    train: Train = "both"
    V: str = "rademacher"
    V_scale: float = 1.0
    W_std: float = 1.0
    antisymmetric: bool = False

    def __post_init__(self) -> None:
        for value, name, least in ((self.n, "n", 1), (self.k, "k", 1), (self.seed, "seed", 0)):
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise ValueError(f"{name} must be an integer >= {least}, got {value!r}")
        if self.train not in ("both", "W"):
            raise ValueError(f'train must be "both" or "W", got {self.train!r}')
        for scale, name in ((self.W_std, "W_std"), (self.V_scale, "V_scale")):
            if not (math.isfinite(scale) and scale > 0):
                raise ValueError(f"{name} must be a finite number > 0, got {scale!r}")
        if self.antisymmetric and self.k % 2:
            raise ValueError(f"an antisymmetric network pairs the neurons: the width k must be even, got {self.k}")
        entry_distribution(self.V)

    def _generator(self, *key: int) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(np.random.SeedSequence(self.seed, spawn_key=key)))

    @property
    def drawn(self) -> int:
        """Number of independent columns: k, or k/2 where the neurons come in pairs."""
        return self.k // 2 if self.antisymmetric else self.k

    @cached_property
    def a0(self) -> Array:
        """Pre-activations, shape (k,)."""
        half = self.W_std * self._generator(0).standard_normal(self.drawn)
        return np.concatenate([half, half]) if self.antisymmetric else half

    def _block(self, start: int, stop: int) -> Array:
        """Independent columns start..stop, shape (n, stop − start), each contiguous in memory."""
        law = entry_distribution(self.V)
        rows = np.empty((stop - start, self.n))
        for j in range(start, stop):
            rows[j - start] = law.draw(self._generator(1, j), (self.n, 1))[:, 0]
        rows *= self.V_scale
        return rows.T

    def _blocks(self) -> list[tuple[int, int]]:
        width = max(1, _BLOCK // self.n)
        return [(start, min(start + width, self.drawn)) for start in range(0, self.drawn, width)]

    def columns(self, start: int, stop: int) -> Array:
        """V(0)[:, start:stop]; ValueError for more than MAX_DENSE entries."""
        if not 0 <= start <= stop <= self.k:
            raise ValueError(f"columns {start} to {stop} of a network of width {self.k}")
        if (stop - start) * self.n > MAX_DENSE:
            raise ValueError(
                f"{stop - start} columns of {self.n} entries are more than {MAX_DENSE:.2g} numbers: ask for fewer at a time"
            )
        inner = self._block(min(start, self.drawn), min(stop, self.drawn))
        if stop <= self.drawn:
            return inner
        return np.hstack([inner, -self._block(max(start, self.drawn) - self.drawn, stop - self.drawn)])

    def project(self, basis: Factorization) -> Array:
        """QᵀV(0), accumulated over blocks of columns."""
        out = np.empty((basis.singular_values().size, self.k))
        for start, stop in self._blocks():
            out[:, start:stop] = basis.analyze(self._block(start, stop))
        if self.antisymmetric:
            np.negative(out[:, : self.drawn], out=out[:, self.drawn :])
        return out

    def output(self, hidden: Array) -> Array:
        """V(0) h, summed over blocks of columns; exactly 0 for equal halves of an antisymmetric network."""
        h = hidden[: self.drawn] - hidden[self.drawn :] if self.antisymmetric else hidden
        out = np.zeros(self.n)
        if h.any():
            for start, stop in self._blocks():
                out += self._block(start, stop) @ h[start:stop]
        return out
