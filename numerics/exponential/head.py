"""The outer half of the objective, x → L_y(C x), and its linear model at a point.

With x the reduced output of the network, the flow only sees q(x) = Cᵀ∇L_y(Cx).  At the start x_0 of a step q is modelled
by q_0 + H (x − x_0), H = R Rᵀ ⪰ 0 with q_0 = R s_0: for (weighted) least squares exactly, else by the (positive part of the)
Hessian of the loss.  The model decides how long a step may be, never what its result converges to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numerics.gradient_system import Observation, norm
from numerics.losses import CompiledLoss

Array = NDArray[np.float64]
_EPS = float(np.finfo(np.float64).eps)

__all__ = ["Head", "Model", "left", "model_of", "right"]


@dataclass(frozen=True, eq=False)
class Model:
    """q ≈ q_0 + R Rᵀ(x − x_0), q_0 = R s_0.  R: (p, r), or its diagonal (p,); s_0: (r,); q_0: (p,)."""

    R: Array
    s: Array
    q: Array


def right(rows: Array, R: Array) -> Array:
    """rows R: (*, p) → (*, r)."""
    return rows * R if R.ndim == 1 else rows @ R


def left(rows: Array, R: Array) -> Array:
    """rows Rᵀ: (*, r) → (*, p)."""
    return rows * R if R.ndim == 1 else rows @ R.T


def model_of(loss: CompiledLoss, v: Array, y: Array) -> Model:
    """The model with C = I."""
    gradient = loss.grad(v, y)
    root = loss.curvature_root(v, y)
    return Model(root.matrix(), root.solve(gradient), gradient)


class Head:
    """L_y(C x) for rows of x: C (m, p), or the diagonal (p,) of a square one, or None for the identity."""

    def __init__(self, C: Array | None, y: Array, loss: CompiledLoss) -> None:
        self.C, self.y, self.loss = C, y, loss
        self.scale = 1.0 if C is None else norm(C)
        self._size = norm(y)

    def observation(self, x: Array) -> Array:
        """v = C x for rows of x."""
        if self.C is None:
            return x
        return x * self.C if self.C.ndim == 1 else x @ self.C.T

    def gradient(self, x: Array) -> Array:
        """q(x) for rows of x: (*, p) → (*, p)."""
        v = self.observation(x)
        g = self.loss.grad(v, self.y)
        if self.C is None:
            return g
        return g * self.C if self.C.ndim == 1 else g @ self.C

    def model(self, x: Array) -> Model:
        """The linear model of q at one x (p,)."""
        inner = model_of(self.loss, self.observation(x), self.y)
        if self.C is None:
            return inner
        if self.C.ndim == 1:
            R = self.C * inner.R if inner.R.ndim == 1 else self.C[:, None] * inner.R
            return Model(R, inner.s, inner.q * self.C)
        R = self.C.T * inner.R if inner.R.ndim == 1 else self.C.T @ inner.R
        return Model(R, inner.s, inner.q @ self.C)

    def observe(self, x: Array, reach: float) -> Observation:
        """Loss, ρ and residual at one x (p,).

        `reach` bounds the size of the terms that x is the sum of: a few ulp of it are the typical rounding error.
        """
        v = self.observation(x)
        loss = float(self.loss.value(v, self.y))
        rounding = 4 * _EPS * (self.scale * reach + self._size)
        return Observation(loss, float(self.loss.psi(loss)), v - self.y, rounding)
