"""A feedforward network, at one or several inputs, as the generator of a small world."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from numerics.activations import CompiledActivation
from numerics.activations import activation as compiled_activation
from numerics.deep_modulus import deep_modulus
from numerics.networks.feedforward import FeedForward
from numerics.worlds.generators import Array, array

__all__ = ["DeepGenerator"]


@dataclass(frozen=True, eq=False)
class DeepGenerator:
    """The stacked outputs of a feedforward network; d = changes of W_1 (row by row), b_1, W_2, …

    Parameters
    ----------
    activation: name of the activation, or a compiled one.
    weights: W_1, …, W_L.  biases: b_1, …, b_L, all trained, or None.  inputs: u_1, …, u_N.
    reach: the radius on which the linear modulus Λ = Ω(reach)/reach is taken: Ω(r)/r does not decrease.
    """

    activation: Any
    weights: Any
    biases: Any
    inputs: Any
    reach: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.activation, CompiledActivation):
            object.__setattr__(self, "activation", compiled_activation(self.activation))
        weights = tuple(array(W, (None, None), f"weights of layer {i}") for i, W in enumerate(self.weights, 1))
        object.__setattr__(self, "weights", weights)
        if self.biases is not None:
            found = tuple(array(b, (W.shape[0],), "biases") for b, W in zip(self.biases, weights, strict=True))
            object.__setattr__(self, "biases", found)
        inputs = tuple(array(u, (weights[0].shape[1],), "an input") for u in self.inputs)
        object.__setattr__(self, "inputs", inputs)
        if not self.reach > 0 or not inputs:
            raise ValueError(f"reach = {self.reach}, {len(inputs)} inputs; a positive radius and an input are needed")
        self.start  # noqa: B018 - checks that the layers fit

    @property
    def kind(self) -> str:
        """ "deep"."""
        return "deep"

    @cached_property
    def start(self) -> FeedForward:
        """The network at d = 0."""
        return FeedForward(self.activation, self.weights, self.biases)

    @property
    def n(self) -> int:
        """Outputs of all inputs together."""
        return int(self.weights[-1].shape[0] * len(self.inputs))

    @property
    def size(self) -> int:
        """Number of weights and biases."""
        return sum(W.size for W in self.weights) + sum(b.size for b in self.biases or ())

    @property
    def leading(self) -> int:
        """All parameters."""
        return self.size

    def network(self, d: Array) -> FeedForward:
        """The network at d."""
        weights, biases, at = [], [], 0
        for i, W in enumerate(self.weights):
            weights.append(W + d[at : at + W.size].reshape(W.shape))
            at += W.size
            if self.biases is not None:
                biases.append(self.biases[i] + d[at : at + W.shape[0]])
                at += W.shape[0]
        return FeedForward(self.activation, tuple(weights), None if self.biases is None else tuple(biases))

    def output(self, d: Array) -> Array:
        """g of every input, stacked."""
        network = self.network(d)
        return np.concatenate([network.output(u) for u in self.inputs])

    def jacobian(self, d: Array) -> Array:
        """J_g, inputs stacked."""
        return self.network(d).jacobian(self.inputs)

    def at(self, d: Array) -> DeepGenerator:
        """The generator that starts where this one is at d: a checkpoint (`sharp.restart`)."""
        there = self.network(d)
        return replace(self, weights=there.weights, biases=there.biases)

    @cached_property
    def modulus(self) -> float:
        """Ω(reach)/reach."""
        return self.modulus_at(self.reach) / self.reach

    def modulus_at(self, r: float) -> float:
        """`deep.modulus`, every layer with the whole budget; float64, with 1e-12 to spare."""
        return deep_modulus(self.start, self.inputs, r) * (1 + 1e-12)

    def lipschitz(self, r: float) -> float:
        """Not known: the modulus is one from the centre."""
        raise LookupError("no Lipschitz constant of J_g is known for a feedforward network, only a centre modulus")

    def radius(self, sigma_0: float) -> float:
        """Not known."""
        return self.lipschitz(0.0)

    def to_json(self) -> dict[str, Any]:
        """kind, activation, weights, biases, inputs, reach."""
        return {
            "kind": self.kind,
            "activation": self.activation.name,
            "weights": [W.tolist() for W in self.weights],
            "biases": None if self.biases is None else [b.tolist() for b in self.biases],
            "inputs": [u.tolist() for u in self.inputs],
            "reach": self.reach,
        }
