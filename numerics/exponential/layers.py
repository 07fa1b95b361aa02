"""Exponential collocation for a two-layer network: no node ever holds a p × k matrix.

x = c V φ(a), c = 1/√k, with J Jᵀ = c²(V D² Vᵀ + ‖φ(a)‖² I) (`dip2.gram`; without the second term for W only, where V is
fixed).  Inside a step V moves by multiples of the rows φ(a + δa) at the nodes,

    δV_i = L_i φ(a)ᵀ − c Σ_j hw_ij q_j φ(a + δa_j)ᵀ,

so that a sweep costs four products of matrices of p rows with q − 1 rows, and memory stays O(pk).  What is multiplied
by the same rows lies in one array, so that one product does for both: V above φ(a) and φ(a + δa_j) (the frame), and the
Jacobian J = V diag(slopes) above the velocities ȧ_j (the tangent).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from numerics.activations import CompiledActivation
from numerics.exponential.collocation import Collocation
from numerics.exponential.head import Head
from numerics.exponential.piece import Outer, Piece
from numerics.exponential.tables import ORDERS, Table
from numerics.exponential.weights import Weights
from numerics.gradient_system import Observation, norm, squares

Array = NDArray[np.float64]


_COSTLY = 200  # rank from which a decomposition is kept for as long as it serves
_MOST = ORDERS[-1]  # nodes


class LayersKernel(Collocation):
    """Both layers (`outer`), or the inner one alone.

    Parameters
    ----------
    head: the outer half of the objective.
    activation: φ.
    a, V: shapes (k,), (p, k): the start.
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
        if outer:
            self._spare: Array | None = None  # a second frame: dense output needs the one of the step's start
            self._frame = np.empty((self.p + _MOST, self.k))
            self.V = self._frame[: self.p]
            self.V[...] = V
            self.weights = Weights(self.V)
        else:
            self.weights = Weights(V, paired=True) if weights is None else weights
        # opposite columns of V save half of every product with V, and J has none
        self._tangent = None if self.weights.paired else np.empty((self.p + _MOST, self.k))
        self._room = np.empty((_MOST, self.k))  # what is added up or compared in passing
        self.freeze()

    # ------------------------------------------------------------------------------------------ start of a step
    def freeze(self, refresh: bool = True) -> None:
        """Everything that is kept fixed during a step, at the present point.

        Without `refresh` the linear part (J, its eigendecomposition, the model's R) stays as it was: any will do, and the
        decomposition is the costly piece where the rank is large.  For W only.
        """
        c = self.scale
        self.hidden = self.activation.phi(self.a)
        self.hidden2 = float(squares(self.hidden))
        self.x = self.weights.push(self.hidden) * c
        slopes = self.activation.dphi(self.a) * c
        self.f2 = self.hidden2 * c * c if self.outer else 0.0
        if refresh:
            model = self.head.model(self.x)
            self.slopes, self.drift = slopes, None
            theta = self._linearize(slopes)
            if self.outer:
                theta.flat[:: self.p + 1] += self.f2
            self.decompose(model, theta)
            velocity = self._pull(model.q)
            q2 = float(squares(model.q))
        else:
            q = self.head.gradient(self.x)
            velocity = -self.weights.pull(q) * slopes
            image = self._push(velocity)
            self.drift = (velocity, image, image @ self.RZ)
            q2 = float(squares(q))
        self.speed_leading = math.sqrt(float(squares(velocity)))
        self.speed = math.hypot(self.speed_leading, math.sqrt(self.f2 * q2))

    def _linearize(self, slopes: Array) -> Array:
        """Take over J = V diag(slopes); J Jᵀ."""
        if self._tangent is None:
            return self.weights.gram(slopes)
        J = self._tangent[: self.p]
        np.multiply(self.weights.V, slopes, out=J)
        return np.asarray(J @ J.T)

    def _push(self, rows: Array) -> Array:
        """rows Jᵀ: (*, k) → (*, p)."""
        if self._tangent is None:
            return self.weights.push(rows * self.slopes)
        return np.asarray(rows @ self._tangent[: self.p].T)

    def _pull(self, rows: Array) -> Array:
        """rows J: (*, p) → (*, k)."""
        if self._tangent is None:
            return self.weights.pull(rows) * self.slopes
        return np.asarray(rows @ self._tangent[: self.p])

    def _combine(self, hw: Array, combined: Array) -> Array:
        """hw ȧ + combined J at the nodes: (q − 1, k)."""
        if self._tangent is None:
            return np.asarray(hw @ self.force + self._pull(combined))
        return np.asarray(np.concatenate((combined, hw), axis=1) @ self._tangent[: self.p + len(hw)])

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
        self.da = self._pull(b)
        if self.drift is not None:
            self.da += (self.h * self.tau)[:, None] * self.drift[0]
        self.lead = b * self.scale if self.outer else b
        self.JD = b @ self.theta
        if self.drift is not None:
            self.JD += (self.h * self.tau)[:, None] * self.drift[1]
        self.q: Array | None = None
        self.along = self.lead
        if self.outer:
            start = self.p + 1
            self._frame[self.p] = self.hidden
            self.nodes = self._frame[start : start + len(b)]  # φ(a + δa), from the second sweep on

    def _output(self, hw: Array, new: Array) -> tuple[Array, Array]:
        """x at rows `new` = φ(a + δa), and their products with φ(a)."""
        c, p = self.scale, self.p
        if not self.outer:
            return self.weights.push(new) * c, np.zeros(len(new))
        known = p + 1 if self.q is None else p + 1 + len(new)
        products = new @ self._frame[:known].T
        along = products[:, p]
        x = products[:, :p] + along[:, None] * self.lead
        if self.q is not None:
            x -= (c * hw * products[:, p + 1 :]) @ self.q
        x *= c
        return x, along

    def _force(self, hw: Array, q: Array, argument: Array) -> Array:
        """ȧ at rows of a + δa, V + δV."""
        slopes = self.activation.dphi(argument)
        if self.outer:
            along = np.vecdot(self.lead, q)[:, None]
            parts = (q, along) if self.q is None else (q, along, (-self.scale * hw) * (q @ self.q.T))
            weights = np.concatenate(parts, axis=1)
            weights *= -self.scale
            pulled = np.asarray(weights @ self._frame[: weights.shape[1]])
        else:
            pulled = self.weights.pull(q * -self.scale)
        if self._tangent is None:
            pulled *= slopes
            return pulled
        return np.multiply(pulled, slopes, out=self._tangent[self.p : self.p + len(q)])

    def remainder(self, hw: Array, linear: Array) -> Array:
        """J N at the nodes."""
        argument = self.a + self.da  # a new array: φ may hand it back as it is (identity)
        new = self.activation.phi(argument)
        x, along = self._output(hw, new)
        self.node_x = x
        q = self.head.gradient(x)
        self.force = self._force(hw, q, argument)
        if self.drift is not None:
            self.force -= self.drift[0]
        image = self._push(self.force)
        image += linear @ self.theta
        if self.outer:
            image -= q * (along * (self.scale * self.scale))[:, None]
            self.shares = along / self.hidden2 if self.hidden2 > 0 else along
            self.crossing = self._crossing(q, new)
            self.nodes[...] = new
        self.q = q
        return image

    def _crossing(self, q: Array, new: Array) -> Array:
        """From above, how much q_j n_jᵀ changes from one sweep to the next, n_j the part of φ(a + δa_j) across φ(a):
        ‖Δq_j‖‖n_j‖ + ‖q_j‖‖Δφ_j‖, (q − 1,).
        """
        across = np.maximum(squares(new) - self.shares**2 * self.hidden2, 0.0)
        if self.q is None:
            return np.asarray(np.sqrt(squares(q) * across))
        turned = np.subtract(new, self.nodes, out=self._room[: len(new)])
        return np.asarray(np.sqrt(squares(q - self.q) * across) + np.sqrt(squares(self.q) * squares(turned)))

    def update(self, hw: Array, b: Array) -> float:
        """The nodes anew; how far they moved."""
        combined = hw @ self.rc + b
        new = self._combine(hw, combined)
        if self.drift is not None:
            new += (self.h * self.tau)[:, None] * self.drift[0]
        change = float(squares(np.subtract(new, self.da, out=self._room[: len(new)])).max())
        if self.outer:
            # δV along φ(a), and across it from above
            assert self.q is not None
            self.lead = combined * self.scale
            along = self.lead - (self.scale * hw) @ (self.q * self.shares[:, None])
            change += float(squares(along - self.along).max()) * self.hidden2
            change += (self.scale * float((np.abs(hw) @ self.crossing).max())) ** 2
            self.along = along
        self.da = new
        return math.sqrt(change)

    def spread(self, hd: Array, bd: Array) -> float:
        """The error estimate of the quadrature."""
        combined = hd @ self.rc + bd
        total = squares(self._combine(hd, combined))
        if self.outer:
            assert self.q is not None
            # split along and across φ(a): the two large terms of δV nearly cancel, which the norm of their sum,
            # taken from Gram matrices, would see with half of the digits only
            c = self.scale
            along = c * (combined - hd @ (self.q * self.shares[:, None]))
            across = self.nodes - self.shares[:, None] * self.hidden
            gram = (across @ across.T) * (self.q @ self.q.T)
            total += squares(along) * self.hidden2
            total += (c * c) * np.maximum(np.vecdot(hd @ gram, hd), 0.0)
        return math.sqrt(float(total.max()))

    def step_length(self) -> float:
        """‖δ‖ at the end, δV along φ(a) only: a few per cent short at the most, which makes tolerances smaller."""
        square = float(squares(self.da[-1]))
        if self.outer:
            square += float(squares(self.along[-1])) * self.hidden2
        return math.sqrt(square)

    # -------------------------------------------------------------------------------------------- end of a step
    def accept(self, h: float, table: Table, refresh: bool = True) -> None:
        """Move to the end of the step, and keep what its dense output needs; `refresh` as in :meth:`freeze`."""
        c, p = self.scale, self.p
        outer = None
        if self.outer:
            assert self.q is not None
            rows = self._frame[p : p + 1 + len(self.q)]
            outer = Outer(c, self.q, rows)
        self._passed = self.node_x
        # the next step writes its own velocities where these are
        force = self.force if self._tangent is None else self.force.copy()
        self.piece = Piece(
            h, table, self.displacement, self.RZ, self.rates, self.zs, self.z, self.rc, force, self.weights,
            self.slopes, outer, self.drift,
        )  # fmt: skip
        self.displacement = displacement = self.displacement.copy()
        displacement[: self.k] += self.da[-1]
        self._a_before = self.a
        self.a = self.a0 + displacement[: self.k]
        if self.outer:
            assert self.q is not None
            factor = np.concatenate((self.lead[-1:], (-c * h * table.weights[-1])[:, None] * self.q))
            moved = displacement[self.k :].reshape(p, self.k)
            moved += factor.T @ rows
            last = self._frame
            self._frame = np.empty_like(last) if self._spare is None else self._spare
            self._spare = None if self.keep else last
            self.V = np.add(self.V0, moved, out=self._frame[:p])
            self.weights = Weights(self.V)
        self.freeze(refresh)

    def node_speeds(self) -> tuple[Array, Array]:
        """‖θ̇‖ and ‖ȧ‖ at the nodes of the step just tried, without the one at its start."""
        force = self.force if self.drift is None else self.force + self.drift[0]
        inner = squares(force)
        if not self.outer:
            return np.sqrt(inner), np.sqrt(inner)
        assert self.q is not None
        outer = squares(self.q) * squares(self.nodes) * self.scale**2
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
