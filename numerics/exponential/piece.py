"""Dense output: a step's own interpolant, as accurate between its nodes as at them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numerics.exponential.collocation import at
from numerics.exponential.tables import Table
from numerics.exponential.weights import Weights

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Outer:
    """How V moved inside a step: c, q at the nodes (q − 1, p), φ(a) and φ(a + δa) at the nodes (q, k)."""

    scale: float
    q: Array
    rows: Array


@dataclass(frozen=True, eq=False)
class Piece:
    """The displacement inside one step of size h, as a function of τ in [0, 1].

    before: the displacement at its start (size,).  RZ, rates, zs, z: the frozen linear part in its eigenbasis.  rc: the
    linear model of q at the nodes.  force: the inner velocity there.  J = V diag(slopes): Jacobian of x by the inner
    parameters.  outer: None where those are all.  drift: see :class:`numerics.exponential.collocation.Collocation`.
    """

    h: float
    table: Table
    before: Array
    RZ: Array
    rates: Array
    zs: Array
    z: Array
    rc: Array
    force: Array
    weights: Weights
    slopes: Array | float
    outer: Outer | None = None
    drift: tuple[Array, Array, Array] | None = None

    @property
    def fastest(self) -> float:
        """The largest rate of the linear part."""
        return float(self.rates[-1]) if self.rates.size else 0.0

    def inner(self, tau: float) -> tuple[Array, Array]:
        """δ of the inner parameters (k,) at τ, and the factor (q, p) of δV = factorᵀ rows (empty without `outer`)."""
        moved = None if self.drift is None else self.drift[2]
        b, hw = at(self.rates, self.zs, self.h, self.table, np.array([tau]), self.z, moved)
        combined = hw @ self.rc + b @ self.RZ.T
        inner = (hw @ self.force + self.weights.pull(combined) * self.slopes)[0]
        if self.drift is not None:
            inner += self.h * tau * self.drift[0]
        if self.outer is None:
            return inner, np.empty((0, 0))
        c = self.outer.scale
        return inner, np.concatenate((combined * c, (-c * hw[0])[:, None] * self.outer.q))

    def __call__(self, tau: float) -> Array:
        """The displacement at τ: a new array (size,)."""
        inner, factor = self.inner(tau)
        out = self.before.copy()
        k = inner.size
        out[:k] += inner
        if self.outer is not None:
            out[k:].reshape(factor.shape[1], k)[...] += factor.T @ self.outer.rows
        return out
