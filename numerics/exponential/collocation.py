"""One step of exponential collocation, for any gradient flow whose stiff part has low rank.

At the start of a step θ̇ = f(θ) is written f(θ_0 + δ) = f_0 + L δ + N(δ) with L = −Jᵀ H J the frozen Gauss-Newton matrix
(J: r × size the Jacobian of x, H = R Rᵀ the model of :mod:`numerics.exponential.head`), N(0) = 0.  By variation of constants

    δ(t) = t φ_1(tL) f_0 + ∫_0^t e^{(t−s)L} N(δ(s)) ds.

N is interpolated at q Lobatto nodes, and the nodes are found by Picard sweeps.  Since e^{tL} is the identity off the rows
of J, only the eigendecomposition M = RᵀJJᵀR = ZΛZᵀ is needed: with b(t) ∈ R^r,

    δ(t) = ∫_0^t N + Jᵀ b(t),   b(t) = RZ [ −t φ_1(−tΛ) Zᵀs_0 − Σ_l t^{l+2} φ_{l+2}(−tΛ) (RZ)ᵀ J c_l ],

c_l the coefficients of t^l/l! in N and f_0 = −Jᵀ R s_0.  Where J, H are older than the step (:attr:`Collocation.drift`), f_0 is
no such vector: then t f_0 is added to δ, and the first term of b is −RZ t² φ_2(−tΛ) (RZ)ᵀJ f_0.

A stiff eigenvalue costs nothing; the step is bounded by how much f deviates from its frozen linear part.  Exponential
Rosenbrock collocation: Hochbruck, Ostermann, Acta Numerica 19 (2010); sweeps as in spectral deferred correction (Dutt,
Greengard, Rokhlin, BIT 40, 2000).  Freezing the Gauss-Newton part only keeps all order, since the rest of the Jacobian is
treated by the sweeps (a Rosenbrock W-method would lose order here).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from numerics.exponential.head import Model, left, right
from numerics.exponential.phi import phi_functions
from numerics.exponential.tables import Table

Array = NDArray[np.float64]

MAX_SWEEPS = 10
# Picard sweeps end when what is left, by their rate of contraction, is below this fraction of the tolerance.
_LEFT = 0.1
# No better contraction is believed of what is left: while a fast component dies out the first ratios are much smaller than
# the last (0.01 and then 0.7 was seen; with 0.1 in place of 0.3 errors beyond the estimate remained).
_BEST = 0.3
_SLOW = 0.6  # contraction above which a step is given up
_NOISE = 32 * float(np.finfo(np.float64).eps)  # sweeps that stagnate at this fraction of the step have converged


@dataclass(frozen=True)
class Attempt:
    """A trial step: whether the sweeps converged, the error estimate (`quadrature`: its part that a shorter step mends, the
    rest is what the sweeps left) and the length of the step, in ‖·‖ of θ.
    """

    converged: bool
    error: float
    quadrature: float
    length: float
    sweeps: int
    contraction: float


class Collocation:
    """What both kernels share: everything in the r-dimensional space of x.

    A kernel supplies `predict`, `remainder`, `update`, `spread`, and the rest of its own state.
    """

    model: Model
    theta: Array  # J Jᵀ (r, r)
    rates: Array  # eigenvalues of M, ascending: rates of the frozen linear flow
    RZ: Array
    zs: Array
    rc: Array  # the linear model of q at the nodes (q − 1, r)
    JD: Array  # J δ at the nodes (q − 1, r)
    z: Array  # (RZ)ᵀ J N there
    h: float  # of the step being tried
    tau: Array  # its nodes

    drift: tuple[Array, Array, Array] | None = None
    """For a linear part that is older than the step: f_0 (size,), J f_0 (r,) and (RZ)ᵀJ f_0.  None: f_0 = −Jᵀ R s_0."""

    def decompose(self, model: Model, theta: Array) -> None:
        """Eigendecomposition of M at the start of a step."""
        self.model, self.theta = model, theta
        R = model.R
        M = R[:, None] * theta * R if R.ndim == 1 else R.T @ theta @ R
        rates, Z = np.linalg.eigh(M)
        self.rates = np.maximum(rates, 0.0)
        self.RZ = R[:, None] * Z if R.ndim == 1 else R @ Z
        self.zs = model.s @ Z

    # ------------------------------------------------------------------------------------- what a kernel supplies
    def predict(self, b: Array) -> None:
        """δ = Jᵀb at the nodes: the frozen linear flow; b: (q − 1, r)."""
        raise NotImplementedError

    def remainder(self, hw: Array, linear: Array) -> Array:
        """J N at the nodes (q − 1, r), N from the present δ; `linear`: the model of q there, R Rᵀ Jδ + q_0."""
        raise NotImplementedError

    def update(self, hw: Array, b: Array) -> float:
        """δ = hw N + Jᵀ b at the nodes; returns how much it changed: the largest ‖·‖ over the nodes."""
        raise NotImplementedError

    def spread(self, hd: Array, bd: Array) -> float:
        """The largest ‖hd N + Jᵀ bd‖ over the nodes."""
        raise NotImplementedError

    def step_length(self) -> float:
        """‖δ‖ at the end of the step."""
        raise NotImplementedError

    # ---------------------------------------------------------------------------------------------------- the step
    def attempt(self, h: float, table: Table, path: float, rtol: float, atol: float) -> Attempt:
        """A trial step of size h.  Tolerance: rtol·(path so far + ‖δ‖) + atol."""
        moved = None if self.drift is None else self.drift[2]
        first, nodes, ends = coefficients(self.rates, self.zs, h, table, moved)
        hw = h * table.weights
        self.h, self.tau = h, table.tau
        self.predict(first @ self.RZ.T)
        before, contraction, length, error = math.inf, 0.0, 0.0, math.inf
        for sweep in range(1, MAX_SWEEPS + 1):
            self.rc = left(right(self.JD, self.model.R), self.model.R)
            if self.drift is None:
                self.rc += self.model.q
            image = self.remainder(hw, self.rc)
            self.z = z = image @ self.RZ
            b = (_contract(nodes, z) + first) @ self.RZ.T
            change = self.update(hw, b)
            self.JD = hw @ image + b @ self.theta
            if self.drift is not None:
                self.JD += (h * table.tau)[:, None] * self.drift[1]
            if not math.isfinite(change):
                break
            length = self.step_length()
            tolerance = rtol * (path + length) + atol
            remaining = change
            if sweep > 1:
                ratio = change / before if before > 0 else 0.0
                contraction = max(ratio, 0.5 * contraction)  # for the next step: the worst of late
                believed = max(ratio, _BEST)
                remaining = change * believed / (1.0 - believed) if believed < 1 else math.inf
            if remaining <= _LEFT * tolerance or (sweep > 2 and change <= _NOISE * (path + length)):
                quadrature = self.spread(h * table.spread_weights, _contract(ends, z) @ self.RZ.T)
                # sweeps that stagnate in rounding have no contraction to judge by
                tried = quadrature + (remaining if remaining <= _LEFT * tolerance else change)
                # what the nodes still lack shows in the spread as well: another sweep is cheaper than another step
                good = tried <= (tolerance if sweep > 2 else 0.1 * tolerance)
                if good or tried > 0.5 * error or sweep == MAX_SWEEPS:
                    return Attempt(math.isfinite(tried), tried, quadrature, length, sweep, contraction)
                error = tried
            elif sweep > 2 and contraction > _SLOW:
                break
            before = change
        return Attempt(False, math.inf, math.inf, length, sweep, max(contraction, _SLOW))


def _first(phis: Array, reach: Array, zs: Array, moved: Array | None) -> Array:
    """b of the frozen linear flow in the eigenbasis (*, r'), reach = τh (*, 1): −τh φ_1(−τhΛ) Zᵀs_0 for f_0 = −JᵀR s_0;
    for a linear part older than the step, −(τh)² φ_2(−τhΛ) (RZ)ᵀJ f_0, `moved` = (RZ)ᵀJ f_0.

    In the second form δ = τh f_0 + Jᵀb, two terms that nearly cancel for large rates: it loses as many digits as τhΛ has
    (the stepper allows 3e3).
    """
    return np.asarray(-reach * phis[1] * zs if moved is None else -(reach**2) * phis[2] * moved)


def coefficients(
    rates: Array, zs: Array, h: float, table: Table, moved: Array | None = None
) -> tuple[Array, Array, Array]:
    """The linear flow at the nodes in the eigenbasis (q − 1, r'), and the weights (r', q − 1, q − 1) that turn (RZ)ᵀJN at
    the nodes into the rest of b: of the interpolant and of its spread.
    """
    phis = phi_functions(-(table.tau[:, None] * (h * rates)), table.q + 1)
    first = _first(phis, h * table.tau[:, None], zs, moved)
    scaled = (-h * h) * _tau_powers(table.q) * phis[2 : table.q + 2]  # (l, i, r')
    by_rate = scaled.transpose(2, 1, 0)
    return first, by_rate @ table.taylor, by_rate @ table.spread


@lru_cache(maxsize=16)
def _tau_powers(q: int) -> Array:
    from numerics.exponential.tables import table

    return np.asarray(table(q).tau[:, None] ** (np.arange(q)[:, None, None] + 2))


def _contract(weights: Array, z: Array) -> Array:
    """Σ_j weights[p, i, j] z[j, p]: (i, p)."""
    return np.asarray(np.matmul(weights, z.T[:, :, None])[:, :, 0].T)


def at(
    rates: Array, zs: Array, h: float, table: Table, tau: Array, z: Array, moved: Array | None = None
) -> tuple[Array, Array]:
    """b(τh)(RZ)^{-T} in the eigenbasis (*, r') and the integration weights (*, q − 1) at any τ in [0, 1].

    moved: (RZ)ᵀJ f_0 where the linear part is older than the step.
    """
    column = np.asarray(tau, dtype=np.float64)[:, None]
    phis = phi_functions(-(column * (h * rates)), table.q + 1)
    exponents = np.arange(table.q)[:, None, None] + 2
    scaled = (-h * h) * column**exponents * phis[2 : table.q + 2]
    b = _first(phis, column * h, zs, moved) + np.einsum("lip,lp->ip", scaled, table.taylor @ z)
    return b, h * table.weights_at(column[:, 0])
