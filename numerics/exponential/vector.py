"""Exponential collocation for any gradient flow whose Jacobian is formed: small worlds, any network, nonlinear operators."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from numerics.exponential.collocation import Collocation
from numerics.exponential.head import Model
from numerics.exponential.piece import Piece
from numerics.exponential.tables import Table
from numerics.exponential.weights import Weights
from numerics.gradient_system import GradientSystem, Observation

Array = NDArray[np.float64]


class Linearizable(GradientSystem, Protocol):
    """A gradient system that can say how its velocity is made: −Jᵀq with q ≈ q_0 + H J δ."""

    def linearize(self, displacement: Array) -> tuple[Array, Model]:
        """J (r, size) and the model of q: (R, s_0, q_0) with velocity = −Jᵀq_0."""


class VectorKernel(Collocation):
    """Nodes are displacements, rows of shape (q − 1, size)."""

    def __init__(self, system: Linearizable) -> None:
        self.system = system
        self.displacement = np.zeros(system.size)
        self.piece: Piece | None = None
        self.keep = False
        self.freeze()

    def freeze(self, refresh: bool = True) -> None:
        """Jacobian and model at the present point, always anew."""
        self.J, model = self.system.linearize(self.displacement)
        self.decompose(model, self.J @ self.J.T)
        velocity = -(model.q @ self.J)
        lead = velocity[: self.system.leading]
        self.speed = math.sqrt(float(velocity @ velocity))
        self.speed_leading = math.sqrt(float(lead @ lead))

    def predict(self, b: Array) -> None:
        """The frozen linear flow."""
        self.delta = b @ self.J
        self.JD = b @ self.theta

    def remainder(self, hw: Array, linear: Array) -> Array:
        """J N at the nodes."""
        self.force = np.array([self.system.velocity(self.displacement + row) for row in self.delta])
        return np.asarray(self.force @ self.J.T + linear @ self.theta)

    def update(self, hw: Array, b: Array) -> float:
        """The nodes anew; how far they moved."""
        new = hw @ self.force + (hw @ self.rc + b) @ self.J
        difference = new - self.delta
        self.delta = new
        return math.sqrt(float(np.max(np.einsum("ik,ik->i", difference, difference))))

    def spread(self, hd: Array, bd: Array) -> float:
        """The error estimate of the quadrature."""
        difference = hd @ self.force + (hd @ self.rc + bd) @ self.J
        return math.sqrt(float(np.max(np.einsum("ik,ik->i", difference, difference))))

    def step_length(self) -> float:
        """‖δ‖ at the end."""
        return math.sqrt(float(self.delta[-1] @ self.delta[-1]))

    stale = False

    def decomposition_is_costly(self) -> bool:
        """Never: small worlds."""
        return False

    def accept(self, h: float, table: Table, refresh: bool = True) -> None:
        """Move to the end of the step, and keep what its dense output needs."""
        self._passed = self.displacement + self.delta
        self.piece = Piece(
            h, table, self.displacement, self.RZ, self.rates, self.zs, self.z, self.rc, self.force, Weights(self.J), 1.0
        )  # fmt: skip
        self.displacement = self.displacement + self.delta[-1]
        self.freeze()

    def node_speeds(self) -> tuple[Array, Array]:
        """‖θ̇‖ and that of the leading parameters at the nodes of the step just tried, without the one at its start."""
        lead = self.force[:, : self.system.leading]
        return (
            np.sqrt(np.einsum("ik,ik->i", self.force, self.force)),
            np.sqrt(np.einsum("ik,ik->i", lead, lead)),
        )

    def observe(self) -> Observation:
        """What is seen at the present point."""
        return self.system.observe(self.displacement)

    def observe_within(self, tau: float) -> Observation:
        """What is seen at a fraction τ of the last step."""
        assert self.piece is not None
        return self.system.observe(self.piece(tau))

    def node_residuals(self) -> Array:
        """‖v − y‖ at the nodes of the last step, without the one at its start."""
        return np.array([self.system.observe(row).residual for row in self._passed])
