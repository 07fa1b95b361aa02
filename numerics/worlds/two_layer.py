"""The two-layer network as the generator of a small world, in the coordinates (a, V) of `dip2.reduction`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from numerics.activations import CompiledActivation
from numerics.activations import activation as compiled_activation
from numerics.networks.two_layer import Train, TwoLayer
from numerics.worlds.generators import Array, array

__all__ = ["TwoLayerGenerator"]


@dataclass(frozen=True, eq=False)
class TwoLayerGenerator:
    """g = V φ(a)/√k from (a0, V0); parameters d = (a − a0, V − V0 row by row), or a − a0 if only W is trained.

    Parameters
    ----------
    activation: name of the activation, or a compiled one.  train: "both" or "W".  a0: (k,).  V0: (n, k).

    >>> TwoLayerGenerator("identity", "both", [1.0], [[2.0]]).jacobian(np.zeros(2))
    array([[2., 1.]])
    """

    activation: Any
    train: Train
    a0: Any
    V0: Any

    def __post_init__(self) -> None:
        if not isinstance(self.activation, CompiledActivation):
            object.__setattr__(self, "activation", compiled_activation(self.activation))
        a0 = array(self.a0, (None,), "a0")
        object.__setattr__(self, "a0", a0)
        object.__setattr__(self, "V0", array(self.V0, (None, a0.size), "V0"))
        TwoLayer(self.activation, self.train, self.a0, self.V0)  # checks train

    @property
    def kind(self) -> str:
        """ "two_layer"."""
        return "two_layer"

    @property
    def n(self) -> int:
        """Number of outputs."""
        return int(self.V0.shape[0])

    @property
    def k(self) -> int:
        """Width."""
        return int(self.a0.size)

    @property
    def size(self) -> int:
        """k (W only) or k(n + 1)."""
        return self.k * (self.n + 1) if self.train == "both" else self.k

    @property
    def leading(self) -> int:
        """The pre-activations."""
        return self.k

    def split(self, d: Array) -> tuple[Array, Array]:
        """(a − a0, V − V0)."""
        if self.train == "W":
            return d, np.zeros_like(self.V0)
        return d[: self.k], d[self.k :].reshape(self.V0.shape)

    def network(self, d: Array) -> TwoLayer:
        """The network at d."""
        a, V = self.split(d)
        return TwoLayer(self.activation, self.train, self.a0 + a, self.V0 + V)

    def output(self, d: Array) -> Array:
        """g, shape (n,)."""
        a, V = self.split(d)
        return (self.V0 + V) @ self.activation.phi(self.a0 + a) / math.sqrt(self.k)

    def jacobian(self, d: Array) -> Array:
        """J_g by (a, V row by row), or by a."""
        a, V = self.split(d)
        root = math.sqrt(self.k)
        of_a = (self.V0 + V) * (self.activation.dphi(self.a0 + a) / root)
        if self.train == "W":
            return of_a
        return np.hstack([of_a, np.kron(np.eye(self.n), self.activation.phi(self.a0 + a)[None, :] / root)])

    @cached_property
    def start(self) -> TwoLayer:
        """The network at d = 0."""
        return self.network(np.zeros(self.size))

    @property
    def _bounded(self) -> TwoLayer:
        """The start, if φ' is Lipschitz; LookupError else."""
        if not self.activation.theory.smooth:
            raise LookupError(
                f"{self.activation.name} has no bound B2: no modulus and no Lipschitz constant of J_g is known"
            )
        return self.start

    @cached_property
    def modulus(self) -> float:
        """`dip2.modulus`; LookupError for an activation without B2, also below."""
        return self._bounded.modulus().as_upper()

    @property
    def reach(self) -> float:
        """Infinite."""
        return math.inf

    def modulus_at(self, r: float) -> float:
        """Λ r."""
        return self.modulus * r

    def lipschitz(self, r: float) -> float:
        """`dip2.lipschitz`."""
        return self._bounded.lipschitz(r).as_upper()

    def radius(self, sigma_0: float) -> float:
        """The largest R with R·Lip(R) ≤ σ0/2 that `dip2.lipschitz` gives."""
        return self._bounded.baseline_radius(sigma_0).as_lower()

    def to_json(self) -> dict[str, Any]:
        """kind, activation, train, a0, V0."""
        return {
            "kind": self.kind,
            "activation": self.activation.name,
            "train": self.train,
            "a0": self.a0.tolist(),
            "V0": self.V0.tolist(),
        }
