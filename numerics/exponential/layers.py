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
from numerics.exponential.weights import Weights
from numerics.gradient_system import Observation, norm

Array = NDArray[np.float64]


_COSTLY = 200  # rank from which a decomposition is kept for as long as it serves


class LayersKernel(Collocation):
    """Both layers (`outer`), or the inner one alone.

    Parameters
    ----------
    head: the outer half of the objective.
    activation: φ.
    a, V: shapes (k,), (p, k): the start.  V is not copied.
    scale: c of x = c V φ(a).
    outer: whether V moves.
    weights: the products of V, if they are at hand.
    """

    def __init__(
        self,
        head: Head,
        activation: CompiledActivation,
        a: Array,
        V: Array,
        scale: float,
        outer: bool,
        weights: Weights | None = None,
    ) -> None:
        self.head, self.activation, self.scale, self.outer = head, activation, scale, outer
        self.a0, self.V0 = a, V
        self.p, self.k = V.shape
        self.displacement = np.zeros(self.k * (self.p + 1) if outer else self.k)
        self.piece: Piece | None = None
        self._a_before = a
        self.keep = False
        self.a, self.V = a, V
        self.weights = Weights(V, paired=not outer) if weights is None else weights
        self._spare: Array | None = None  # a second buffer for V: dense output needs the one of the step's start
        self.freeze()

    # ------------------------------------------------------------------------------------------ start of a step
    def freeze(self, refresh: bool = True) -> None:
        """Everything that is kept fixed during a step, at the present point.

        Without `refresh` the linear part (J, its eigendecomposition, the model's R) stays as it was: any will do, and the
        decomposition is the costly piece where the rank is large.  For W only.
        """
        c = self.scale
        self.hidden = self.activation.phi(self.a)
        self.hidden2 = float(self.hidden @ self.hidden)
        self.x = self.weights.push(self.hidden) * c
        slopes = self.activation.dphi(self.a) * c
        self.f2 = self.hidden2 * c * c if self.outer else 0.0
        if refresh:
            model = self.head.model(self.x)
            self.slopes, self.drift = slopes, None
            theta = self.weights.gram(slopes)
            if self.outer:
                theta[np.diag_indices(self.p)] += self.f2
            self.decompose(model, theta)
            velocity = self.weights.pull(model.q) * slopes
            q2 = float(model.q @ model.q)
        else:
            q = self.head.gradient(self.x)
            velocity = -self.weights.pull(q) * slopes
            image = self.weights.push(velocity * self.slopes)
            self.drift = (velocity, image, image @ self.RZ)
            q2 = float(q @ q)
        self.speed_leading = math.sqrt(float(velocity @ velocity))
        self.speed = math.hypot(self.speed_leading, math.sqrt(self.f2 * q2))

    @property
    def stale(self) -> bool:
        """Whether the linear part is older than the present point."""
        return self.drift is not None

    def decomposition_is_costly(self) -> bool:
        """Whether an eigendecomposition costs more than several sweeps, and may be used for more than one step."""
        return not self.outer and len(self.rates) >= _COSTLY

    # ------------------------------------------------------------------------------------------------- the sweeps
    def predict(self, b: Array) -> None:
        """The frozen linear flow."""
        self.da = self.weights.pull(b) * self.slopes
        if self.drift is not None:
            self.da += (self.h * self.tau)[:, None] * self.drift[0]
        self.lead = b * self.scale if self.outer else b
        self.JD = b @ self.theta
        if self.drift is not None:
            self.JD += (self.h * self.tau)[:, None] * self.drift[1]
        self.q: Array | None = None
        self.along = self.lead
        if self.outer:
            self.rows = np.empty((len(b) + 1, self.k))
            self.rows[0] = self.hidden

    def _output(self, hw: Array, new: Array) -> tuple[Array, Array]:
        """x at rows `new` = φ(a + δa), and their products with φ(a)."""
        c = self.scale
        x = self.weights.push(new)
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
        pulled = self.weights.pull(q)
        if self.outer:
            if self.q is None:
                pulled += np.einsum("ip,ip->i", self.lead, q)[:, None] * self.hidden
            else:
                weights = np.empty((len(q), len(self.rows)))
                weights[:, 0] = np.einsum("ip,ip->i", self.lead, q)
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
        self.node_x = x
        q = self.head.gradient(x)
        self.force = self._force(hw, q, argument)
        if self.drift is not None:
            self.force -= self.drift[0]
        image = self.weights.push(self.force * self.slopes) + linear @ self.theta
        if self.outer:
            image -= q * (along * (self.scale * self.scale))[:, None]
            self.shares = along / self.hidden2 if self.hidden2 > 0 else along
            self.crossing = self._crossing(q, new)
            self.rows[1:] = new
        self.q = q
        return image

    def _crossing(self, q: Array, new: Array) -> Array:
        """From above, how much q_j n_jᵀ changes from one sweep to the next, n_j the part of φ(a + δa_j) across φ(a):
        ‖Δq_j‖‖n_j‖ + ‖q_j‖‖Δφ_j‖, (q − 1,).
        """
        squares = np.einsum("ik,ik->i", new, new) - self.shares**2 * self.hidden2
        across = np.sqrt(np.maximum(squares, 0.0))
        if self.q is None:
            return np.asarray(np.sqrt(np.einsum("ip,ip->i", q, q)) * across)
        moved, turned = q - self.q, new - self.rows[1:]
        size = np.einsum("ip,ip->i", self.q, self.q) * np.einsum("ik,ik->i", turned, turned)
        return np.asarray(np.sqrt(np.einsum("ip,ip->i", moved, moved)) * across + np.sqrt(size))

    def update(self, hw: Array, b: Array) -> float:
        """The nodes anew; how far they moved."""
        combined = hw @ self.rc + b
        new = hw @ self.force
        new += self.weights.pull(combined) * self.slopes
        if self.drift is not None:
            new += (self.h * self.tau)[:, None] * self.drift[0]
        difference = new - self.da
        change = float(np.max(np.einsum("ik,ik->i", difference, difference)))
        if self.outer:
            # δV along φ(a), and across it from above
            assert self.q is not None
            self.lead = combined * self.scale
            along = self.lead - (self.scale * hw) @ (self.q * self.shares[:, None])
            moved = along - self.along
            change += float(np.max(np.einsum("ip,ip->i", moved, moved))) * self.hidden2
            change += float(np.max(self.scale * (np.abs(hw) @ self.crossing))) ** 2
            self.along = along
        self.da = new
        return math.sqrt(change)

    def spread(self, hd: Array, bd: Array) -> float:
        """The error estimate of the quadrature."""
        combined = hd @ self.rc + bd
        inner = hd @ self.force
        inner += self.weights.pull(combined) * self.slopes
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
            squares += (c * c) * np.maximum(np.einsum("ij,ij->i", hd @ gram, hd), 0.0)
        return math.sqrt(float(np.max(squares)))

    def step_length(self) -> float:
        """‖δ‖ at the end, δV along φ(a) only: a few per cent short at the most, which makes tolerances smaller."""
        square = float(self.da[-1] @ self.da[-1])
        if self.outer:
            square += float(self.along[-1] @ self.along[-1]) * self.hidden2
        return math.sqrt(square)

    # -------------------------------------------------------------------------------------------- end of a step
    def accept(self, h: float, table: Table, refresh: bool = True) -> None:
        """Move to the end of the step, and keep what its dense output needs; `refresh` as in :meth:`freeze`."""
        c = self.scale
        outer = None
        if self.outer:
            assert self.q is not None
            outer = Outer(c, self.q, self.rows)
        self._passed = self.node_x
        self.piece = Piece(
            h, table, self.displacement, self.RZ, self.rates, self.zs, self.z, self.rc, self.force, self.weights,
            self.slopes,
            outer, self.drift,
        )  # fmt: skip
        self.displacement = displacement = self.displacement.copy()
        displacement[: self.k] += self.da[-1]
        self._a_before = self.a
        self.a = self.a0 + displacement[: self.k]
        if self.outer:
            assert self.q is not None
            factor = np.concatenate((self.lead[-1:], (-c * h * table.weights[-1])[:, None] * self.q))
            moved = displacement[self.k :].reshape(self.p, self.k)
            moved += factor.T @ self.rows
            start = self.V
            self.V = np.add(self.V0, moved, out=self._spare)
            self._spare = None if start is self.V0 or self.keep else start
            self.weights = Weights(self.V)
        self.freeze(refresh)

    def node_speeds(self) -> tuple[Array, Array]:
        """‖θ̇‖ and ‖ȧ‖ at the nodes of the step just tried, without the one at its start."""
        force = self.force if self.drift is None else self.force + self.drift[0]
        inner = np.einsum("ik,ik->i", force, force)
        if not self.outer:
            return np.sqrt(inner), np.sqrt(inner)
        assert self.q is not None
        new = self.rows[1:]
        outer = np.einsum("ip,ip->i", self.q, self.q) * np.einsum("ik,ik->i", new, new) * self.scale**2
        return np.sqrt(inner + outer), np.sqrt(inner)

    def observe(self) -> Observation:
        """What is seen at the present point; `reach` as :meth:`numerics.exponential.head.Head.observe` wants it."""
        return self.head.observe(self.x, self.scale * norm(self.V) * math.sqrt(self.hidden2))

    def observe_within(self, tau: float) -> Observation:
        """What is seen at a fraction τ of the last step, without forming V there."""
        piece = self.piece
        assert piece is not None
        inner, factor = piece.inner(tau)
        new = self.activation.phi(self._a_before + inner)
        x = piece.weights.push(new)
        if piece.outer is not None:
            x = x + factor.T @ (piece.outer.rows @ new)
        return self.head.observe(self.scale * x, self.scale * norm(piece.weights.V) * math.sqrt(float(new @ new)))

    def node_residuals(self) -> Array:
        """‖v − y‖ at the nodes of the last step, without the one at its start."""
        return np.asarray(np.linalg.norm(self.head.observation(self._passed) - self.head.y, axis=1))
