"""Exponential collocation for a two-layer network: no node ever holds a p × k matrix.

x = c V φ(a), c = 1/√k, with J Jᵀ = c²(V D² Vᵀ + ‖φ(a)‖² I) (`dip2.gram`; without the second term for W only, where V is
fixed).  Inside a step V moves by multiples of the rows φ(a + δa) at the nodes,

    δV_i = L_i φ(a)ᵀ − c Σ_j hw_ij q_j φ(a + δa_j)ᵀ,

so that a sweep costs four products of the stored V with q − 1 rows, and memory stays O(pk).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from numerics.activations import CompiledActivation
from numerics.exponential.collocation import Collocation
from numerics.exponential.head import Head
from numerics.exponential.piece import Outer, Piece
from numerics.exponential.tables import Table
from numerics.gradient_system import Observation, norm

Array = NDArray[np.float64]


class LayersKernel(Collocation):
    """Both layers (`outer`), or the inner one alone.

    Parameters
    ----------
    head: the outer half of the objective.
    activation: φ.
    a, V: shapes (k,), (p, k): the start.  V is not copied.
    scale: c of x = c V φ(a).
    outer: whether V moves.
    """

    def __init__(
        self, head: Head, activation: CompiledActivation, a: Array, V: Array, scale: float, outer: bool
    ) -> None:
        self.head, self.activation, self.scale, self.outer = head, activation, scale, outer
        self.a0, self.V0 = a, V
        self.p, self.k = V.shape
        self.displacement = np.zeros(self.k * (self.p + 1) if outer else self.k)
        self.piece: Piece | None = None
        self.keep = False
        self.a, self.V = a, V
        self._spare: Array | None = None  # a second buffer for V: dense output needs the one of the step's start
        self.freeze()

    # ------------------------------------------------------------------------------------------ start of a step
    def freeze(self) -> None:
        """Everything that is kept fixed during a step, at the present point."""
        c = self.scale
        self.hidden = self.activation.phi(self.a)
        self.slopes = self.activation.dphi(self.a) * c
        self.x = (self.V @ self.hidden) * c
        model = self.head.model(self.x)
        self.VD = self.V * self.slopes
        theta = self.VD @ self.VD.T
        self.hidden2 = float(self.hidden @ self.hidden)
        self.f2 = self.hidden2 * c * c if self.outer else 0.0
        if self.outer:
            theta[np.diag_indices(self.p)] += self.f2
        self.decompose(model, theta)
        head = (model.q @ self.V) * self.slopes
        self.speed_leading = math.sqrt(float(head @ head))
        self.speed = math.hypot(self.speed_leading, math.sqrt(self.f2 * float(model.q @ model.q)))

    # ------------------------------------------------------------------------------------------------- the sweeps
    def predict(self, b: Array) -> None:
        """The frozen linear flow."""
        self.da = (b @ self.V) * self.slopes
        self.lead = b * self.scale if self.outer else b
        self.JD = b @ self.theta
        self.q: Array | None = None
        self.along = self.lead
        if self.outer:
            self.rows = np.empty((len(b) + 1, self.k))
            self.rows[0] = self.hidden

    def _output(self, hw: Array, new: Array) -> tuple[Array, Array]:
        """x at rows `new` = φ(a + δa), and their products with φ(a)."""
        c = self.scale
        x = new @ self.V.T
        if not self.outer:
            return x * c, np.zeros(len(new))
        if self.q is None:
            along = new @ self.hidden
            return (x + along[:, None] * self.lead) * c, along
        gram = new @ self.rows.T
        along = gram[:, 0]
        return (x + along[:, None] * self.lead - (c * hw * gram[:, 1:]) @ self.q) * c, along

    def _force(self, hw: Array, q: Array, argument: Array) -> Array:
        """ȧ at rows of a + δa, V + δV."""
        pulled = q @ self.V
        if self.outer:
            if self.q is None:
                pulled += np.sum(self.lead * q, axis=1)[:, None] * self.hidden
            else:
                weights = np.empty((len(q), len(self.rows)))
                weights[:, 0] = np.sum(self.lead * q, axis=1)
                weights[:, 1:] = (-self.scale * hw) * (q @ self.q.T)
                pulled += weights @ self.rows
        slopes = self.activation.dphi(argument)
        slopes *= -self.scale
        pulled *= slopes
        return pulled

    def remainder(self, hw: Array, linear: Array) -> Array:
        """J N at the nodes."""
        argument = self.a + self.da
        new = self.activation.phi(argument)
        x, along = self._output(hw, new)
        q = self.head.gradient(x)
        self.force = self._force(hw, q, argument)
        image = self.force @ self.VD.T + linear @ self.theta
        if self.outer:
            image -= q * (along * (self.scale * self.scale))[:, None]
            self.rows[1:] = new
            self.shares = along / self.hidden2 if self.hidden2 > 0 else along
        self.q = q
        return image

    def update(self, hw: Array, b: Array) -> float:
        """The nodes anew; how far they moved."""
        combined = hw @ self.rc + b
        new = hw @ self.force
        new += (combined @ self.V) * self.slopes
        difference = new - self.da
        change = float(np.max(np.einsum("ik,ik->i", difference, difference)))
        if self.outer:
            # δV along φ(a); across it the change is of second order
            assert self.q is not None
            self.lead = combined * self.scale
            along = self.lead - (self.scale * hw) @ (self.q * self.shares[:, None])
            moved = along - self.along
            change += float(np.max(np.einsum("ip,ip->i", moved, moved))) * self.hidden2
            self.along = along
        self.da = new
        return math.sqrt(change)

    def spread(self, hd: Array, bd: Array) -> float:
        """The error estimate of the quadrature."""
        combined = hd @ self.rc + bd
        inner = hd @ self.force
        inner += (combined @ self.V) * self.slopes
        squares = np.einsum("ik,ik->i", inner, inner)
        if self.outer:
            assert self.q is not None
            # split along and across φ(a): the two large terms of δV nearly cancel, which the norm of their sum,
            # taken from Gram matrices, would see with half of the digits only
            c = self.scale
            along = c * (combined - hd @ (self.q * self.shares[:, None]))
            across = self.rows[1:] - self.shares[:, None] * self.hidden
            gram = (across @ across.T) * (self.q @ self.q.T)
            squares += np.einsum("ip,ip->i", along, along) * self.hidden2
            squares += (c * c) * np.maximum(np.einsum("ij,jl,il->i", hd, gram, hd), 0.0)
        return math.sqrt(float(np.max(squares)))

    def step_length(self) -> float:
        """‖δ‖ at the end."""
        square = float(self.da[-1] @ self.da[-1])
        if self.outer:
            square += float(self.along[-1] @ self.along[-1]) * self.hidden2
        return math.sqrt(square)

    # -------------------------------------------------------------------------------------------- end of a step
    def accept(self, h: float, table: Table) -> None:
        """Move to the end of the step, and keep what its dense output needs."""
        c = self.scale
        outer = None
        if self.outer:
            assert self.q is not None
            outer = Outer(c, self.q, self.rows)
        self.piece = Piece(
            h, table, self.displacement, self.RZ, self.rates, self.zs, self.z, self.rc, self.force, self.V, self.slopes,
            outer,
        )  # fmt: skip
        self.displacement = displacement = self.displacement.copy()
        displacement[: self.k] += self.da[-1]
        self.a = self.a0 + displacement[: self.k]
        if self.outer:
            assert self.q is not None
            factor = np.concatenate((self.lead[-1:], (-c * h * table.weights[-1])[:, None] * self.q))
            moved = displacement[self.k :].reshape(self.p, self.k)
            moved += factor.T @ self.rows
            start = self.V
            self.V = np.add(self.V0, moved, out=self._spare)
            self._spare = None if start is self.V0 or self.keep else start
        self.freeze()

    def node_speeds(self) -> tuple[Array, Array]:
        """‖θ̇‖ and ‖ȧ‖ at the nodes of the step just tried, without the one at its start."""
        inner = np.einsum("ik,ik->i", self.force, self.force)
        if not self.outer:
            return np.sqrt(inner), np.sqrt(inner)
        assert self.q is not None
        new = self.rows[1:]
        outer = np.einsum("ip,ip->i", self.q, self.q) * np.einsum("ik,ik->i", new, new) * self.scale**2
        return np.sqrt(inner + outer), np.sqrt(inner)

    def observe(self) -> Observation:
        """What is seen at the present point; `reach` as :meth:`numerics.exponential.head.Head.observe` wants it."""
        return self.head.observe(self.x, self.scale * norm(self.V) * math.sqrt(self.hidden2))
