"""Feedforward networks of any depth in float64: values, and the Jacobian through its layers (`deep.gram`).

h_0 = u, z_l = W_l h_{l−1} + b_l, h_l = φ(z_l) for l < L, g = z_L.  The block of layer l in the Jacobian is
[h_{l−1}, 1] ⊗ M_l, M_l = ∂g/∂z_l: Gram matrices need the h and the M only, never the Jacobian itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numerics.activations import CompiledActivation

__all__ = ["FeedForward", "Layer"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Layer:
    """What one layer contributes at one input: `h` = h_{l−1}, `M` = ∂g/∂z_l, `P` = M_{l+1} W_{l+1} (None for the last)."""

    h: Array
    M: Array
    P: Array | None


@dataclass(frozen=True, eq=False)
class FeedForward:
    """A feedforward network at one point of its parameters.

    Parameters
    ----------
    activation: a compiled activation φ, after every layer but the last.
    weights: W_1, …, W_L, each (n_l, n_{l−1}).
    biases: b_1, …, b_L, each (n_l,), all trained; None for a network without.

    >>> from numerics.activations import activation
    >>> net = FeedForward(activation("identity"), (np.eye(2), np.ones((1, 2))))
    >>> net.output(np.array([3.0, 4.0]))
    array([7.])
    >>> net.gram([np.array([3.0, 4.0])])  # |u|²·‖W_2‖² + |h_1|²
    array([[75.]])
    """

    activation: CompiledActivation
    weights: tuple[Array, ...]
    biases: tuple[Array, ...] | None = None

    def __post_init__(self) -> None:
        if not self.weights:
            raise ValueError("a network needs at least one layer")
        for before, after in zip(self.weights, self.weights[1:], strict=False):
            if after.ndim != 2 or before.ndim != 2 or after.shape[1] != before.shape[0]:
                raise ValueError(f"layers of shapes {before.shape} and {after.shape} do not follow each other")
        arrays = [*self.weights, *(self.biases or ())]
        if any(array.dtype != np.float64 or not np.isfinite(array).all() for array in arrays):
            raise ValueError("weights and biases must be float64 without NaN or infinity")
        if self.biases is not None and [b.shape for b in self.biases] != [W.shape[:1] for W in self.weights]:
            raise ValueError("there must be one bias a layer, of as many entries as the layer has outputs")

    @property
    def depth(self) -> int:
        """Number of layers L."""
        return len(self.weights)

    def _forward(self, u: Array) -> tuple[list[Array], list[Array]]:
        """h_0 … h_{L−1} and z_1 … z_L."""
        h, z = [np.asarray(u, dtype=np.float64)], []
        for i, W in enumerate(self.weights):
            z.append(W @ h[-1] + (0.0 if self.biases is None else self.biases[i]))
            if i < self.depth - 1:
                h.append(self.activation.phi(z[-1]))
        return h, z

    def output(self, u: Array) -> Array:
        """g(u), shape (n_L,)."""
        return self._forward(u)[1][-1]

    def layers(self, u: Array) -> list[Layer]:
        """h_{l−1}, M_l and P_l of every layer at the input u, first layer first."""
        h, z = self._forward(u)
        M: Array = np.eye(self.weights[-1].shape[0])
        found = [Layer(h[-1], M, None)]
        for i in range(self.depth - 2, -1, -1):
            P = M @ self.weights[i + 1]
            M = P * self.activation.dphi(z[i])
            found.append(Layer(h[i], M, P))
        return found[::-1]

    def jacobian(self, inputs: Sequence[Array]) -> Array:
        """J_g by (W_1 row by row, b_1, W_2, …), inputs stacked: for tests and small networks; gram needs far less."""
        rows = []
        for u in inputs:
            blocks = []
            for layer in self.layers(u):
                blocks.append(np.einsum("ij,k->ijk", layer.M, layer.h).reshape(layer.M.shape[0], -1))
                if self.biases is not None:
                    blocks.append(layer.M)
            rows.append(np.hstack(blocks))
        return np.vstack(rows)

    def gram(self, inputs: Sequence[Array]) -> Array:
        """J_g J_gᵀ by `deep.gram`: block (i, j) is Σ_l (⟨h_i, h_j⟩ + 1[bias]) M_i M_jᵀ."""
        beta = 0.0 if self.biases is None else 1.0
        layers = [self.layers(u) for u in inputs]

        def block(first: list[Layer], second: list[Layer]) -> Array:
            terms = [(a.h @ b.h + beta) * a.M @ b.M.T for a, b in zip(first, second, strict=True)]
            return np.asarray(np.sum(terms, axis=0))

        return np.block([[block(first, second) for second in layers] for first in layers])

    def moved(self, steps: Sequence[Array]) -> FeedForward:
        """The network whose parameters have moved by `steps`: W_1, …, W_L and then, with biases, b_1, …, b_L."""
        weights = tuple(W + step for W, step in zip(self.weights, steps[: self.depth], strict=True))
        if self.biases is None:
            return FeedForward(self.activation, weights)
        biases = tuple(b + step for b, step in zip(self.biases, steps[self.depth :], strict=True))
        return FeedForward(self.activation, weights, biases)
