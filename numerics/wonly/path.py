"""Newton's method on the dual, along the regularization path of one problem (see :mod:`numerics.wonly.dual`).

What several questions about one problem share is kept: points of the path as starts, the last Cholesky factor as a
preconditioner, and the half of the columns that paired neurons leave.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray

from numerics.paired import half
from numerics.rigorous import norm_upper
from numerics.wonly.bregman import bregman
from numerics.wonly.domain import inverse_H, require_smooth

Array = NDArray[np.float64]
_U = 2.0**-53
#: Up to this m the Hessian is always formed; beyond, conjugate gradients come first, preconditioned by a stale factor.
_DIRECT = 250
#: A new factor costs as much as some 25 steps of conjugate gradients (m = 1152, k = 4608: 150 ms against 6 ms a step) and
#: serves several directions: it is due when a direction took more steps than this for each digit, and at once beyond
#: _GIVE_UP steps in all.
_STALE, _GIVE_UP = 8, 30
#: R^{-T} B has orthonormal rows up to kappa(B)^2 eps if R is the Cholesky factor of B B^T: below this kappa (estimated by
#: the diagonal of R) the Householder factorization, five times as expensive, gains nothing.
_WELL = 1e4


@dataclass(frozen=True)
class Regularized:
    """A point of the regularization path: as :class:`Limit`, with its time t and loss = residual^2/2 (upper bound).

    Guaranteed for the flow: L(s) <= loss + D_0/s for every s > 0; best (on the path) at s = t. For least squares
    `residual_bound` is sharper.
    """

    t: float
    a: Array
    h: Array
    D_0: float
    p: Array
    residual: float
    loss: float

    def residual_bound(self, s: float) -> float:
        """Upper bound of |y(s) - y| for s > 0: from s rho (rho - R*) <= D_0 for rho = |y(s) - y|, which is monotone."""
        if not s > 0:
            raise ValueError(f"a positive time is needed, not {s}")
        return 0.5 * (self.residual + math.hypot(self.residual, 2 * math.sqrt(self.D_0 / s))) * (1 + 16 * _U)


class Path:
    """The regularization path of one (B, y, a_0) by Newton's method: every call starts from the nearest point found before.

    Parameters
    ----------
    activation: a smooth compiled activation.
    B: shape (m, k).  y: shape (m,).  a0: shape (k,).
    residual_upper: a -> upper bound of |B phi(a) - y|, if the caller has one of its own; enclosed here otherwise.

    Where the columns of B come in pairs of opposite sign (:mod:`numerics.paired`), only half of them are used.

    Raises
    ------
    ValueError: shapes that do not fit, NaN or infinity, an activation without mirror map, H(a0) beyond doubles.
    """

    def __init__(
        self,
        activation: Any,
        B: ArrayLike,
        y: ArrayLike,
        a0: ArrayLike,
        residual_upper: Callable[[Array], float] | None = None,
    ) -> None:
        require_smooth(activation)
        self.activation = activation
        self.B = np.ascontiguousarray(B, dtype=np.float64)
        self.y, self.a0 = np.asarray(y, dtype=np.float64), np.asarray(a0, dtype=np.float64)
        if self.B.ndim != 2 or self.y.shape != (self.B.shape[0],) or self.a0.shape != (self.B.shape[1],):
            raise ValueError(
                "B must be m x k with y of length m and a0 of length k, "
                f"not {self.B.shape}, {self.y.shape}, {self.a0.shape}"
            )
        if not (np.isfinite(self.B).all() and np.isfinite(self.y).all()):
            raise ValueError("B and y must be finite")
        self.m, self.k = self.B.shape
        self._half = half(self.B)
        self.H0 = np.asarray(activation.H(self.a0), dtype=np.float64)
        if not np.isfinite(self.H0).all():
            raise ValueError("H(a0) overflows: some preactivation is saturated beyond the range of doubles")
        self.factor: Any = None
        self._stale = False
        self._residual_upper = residual_upper
        self._seen: dict[float, tuple[Array, Array, bool]] = {}  # log t -> (p, a, converged)

    def at(self, log_t: float, tol: float, iterations: int = 100) -> tuple[Array, Array, bool]:
        """(p, a, converged) at t = e^{log_t}, from the nearest point of the path seen so far (p is about linear in t)."""
        start = None
        if self._seen:
            near = min(self._seen, key=lambda s: abs(s - log_t))
            p, a, _ = self._seen[near]
            start = (p * math.exp(min(0.0, log_t - near)), a)
        self._seen[log_t] = self.solve(math.exp(-log_t), tol, start, iterations)
        return self._seen[log_t]

    def times(self, h: Array) -> Array:
        """B h."""
        if self._half is None:
            return self.B @ h
        middle = self.k // 2
        return self._half @ (h[:middle] - h[middle:])

    def back(self, p: Array) -> Array:
        """B^T p."""
        if self._half is None:
            return p @ self.B
        g = p @ self._half
        return np.concatenate([g, -g])

    def gram(self, weights: Array) -> Array:
        """B diag(weights) B^T, weights >= 0: half the work of a product, since BLAS sees a matrix times its transpose."""
        middle = self.k // 2
        columns, weights = (
            (self.B, weights) if self._half is None else (self._half, weights[:middle] + weights[middle:])
        )
        root = columns * np.sqrt(weights)
        return root @ root.T

    def point(self, p: Array, a: Array, inv_t: float) -> tuple[Array, Array, Array]:
        """(a, h, gradient) at p; `a` is a nearby guess."""
        a = inverse_H(self.activation, self.H0 + self.back(p), a)
        h = np.asarray(self.activation.phi(a))
        return a, h, self.times(h) - self.y + p * inv_t

    def direction(self, weights: Array, inv_t: float, gradient: Array, forcing: float) -> Array | None:
        """-(B diag(weights) B^T + I/t)^{-1} gradient, by preconditioned conjugate gradients if that is quick."""
        if self.factor is not None and self.m > _DIRECT and not self._stale:
            step = self._conjugate_gradients(weights, inv_t, gradient, forcing)
            if step is not None:
                return step
        hessian = self.gram(weights)
        scale = float(np.trace(hessian)) / self.m
        index = np.diag_indices(self.m)
        hessian[index] += inv_t
        for ridge in (0.0, 1e-14, 1e-11):
            try:
                if ridge:
                    hessian[index] += ridge * scale
                self.factor = scipy.linalg.cho_factor(hessian, lower=True, check_finite=False)
                self._stale = False
            except np.linalg.LinAlgError:
                continue
            step = -scipy.linalg.cho_solve(self.factor, gradient, check_finite=False)
            return step if np.isfinite(step).all() else None
        return None

    def _conjugate_gradients(self, weights: Array, inv_t: float, gradient: Array, forcing: float) -> Array | None:
        x, r = np.zeros(self.m), -gradient
        goal = forcing * float(np.linalg.norm(r))
        z = scipy.linalg.cho_solve(self.factor, r, check_finite=False)
        d, rz = z, float(r @ z)
        for step in range(_GIVE_UP):
            q = self.times(weights * self.back(d)) + d * inv_t
            curvature = float(d @ q)
            if not (curvature > 0 and rz > 0 and math.isfinite(curvature)):
                return None
            alpha = rz / curvature
            x, r = x + alpha * d, r - alpha * q
            if float(np.linalg.norm(r)) <= goal:
                self._stale = step >= _STALE * max(1.0, -math.log10(forcing))
                return x
            z = scipy.linalg.cho_solve(self.factor, r, check_finite=False)
            new = float(r @ z)
            d, rz = z + (new / rz) * d, new
        return None

    def solve(
        self, inv_t: float, tol: float, start: tuple[Array, Array] | None = None, iterations: int = 100
    ) -> tuple[Array, Array, bool]:
        """(p, a, converged): converged means |gradient| <= tol * max(|y|, |B h_0 - y|, tiny)."""
        p, a = start if start is not None else (np.zeros(self.m), self.a0)
        a, h, gradient = self.point(p, a, inv_t)
        scale = max(float(np.linalg.norm(self.y)), float(np.linalg.norm(gradient)), 1e-300)
        for _ in range(iterations):
            size = float(np.linalg.norm(gradient))
            if size <= tol * scale:
                return p, a, True
            weights = np.asarray(self.activation.dphi(a)) ** 2
            step = self.direction(weights, inv_t, gradient, min(0.1, math.sqrt(size / scale)))
            if step is None:
                break
            with np.errstate(over="ignore", invalid="ignore"):  # next to infeasible data the step has no bound
                slope = float(gradient @ step)
            if not (slope < 0 and math.isfinite(slope)):
                break
            alpha = 1.0
            for _ in range(50):
                trial_a, trial_h, trial = self.point(p + alpha * step, a, inv_t)
                if float(trial @ step) <= 0.3 * abs(slope) or float(np.linalg.norm(trial)) < 0.5 * size:
                    break
                alpha *= 0.5
            else:
                break
            p, a, h, gradient = p + alpha * step, trial_a, trial_h, trial
        del h
        return p, a, False

    def residual_upper(self, a: Array) -> float:
        """Upper bound of |B phi(a) - y|: enclosed phi, gamma_{k+1} |B||h| + u |y| for the rounding."""
        if self._residual_upper is not None:
            return self._residual_upper(a)
        h, error = self.activation.enclose_phi(a)
        absB = np.abs(self.B)
        gamma = (self.k + 4) * _U / (1 - (self.k + 4) * _U)
        r = self.B @ h - self.y
        slack = absB @ (gamma * np.abs(h) + error) * (1 + 2 * gamma) + 4 * _U * (np.abs(self.y) + np.abs(r)) + 1e-300
        return norm_upper((np.abs(r) + slack) * (1 + 4 * _U))

    def finish(self, p: Array, a: Array, t: float) -> Regularized:
        """The point with its certified numbers."""
        residual = self.residual_upper(a)
        D_0 = bregman(self.activation, a, self.a0)
        h = np.asarray(self.activation.phi(a))
        return Regularized(t, a, h, D_0, p, residual, 0.5 * residual * residual * (1 + 4 * _U))


def orthonormal_rows(path: Path) -> tuple[Array, Array]:
    """(R, R^{-T} B) with R upper triangular, R^{-T} B orthonormal up to rounding where B is well conditioned.

    Whatever R is, R^{-T}(B h - y) = 0 has the solutions of B h = y: its accuracy matters for the speed of Newton's method.
    """
    factor, info = scipy.linalg.lapack.dpotrf(path.gram(np.ones(path.k)), lower=0, clean=1)
    diagonal = np.abs(np.diagonal(factor))
    if info == 0 and diagonal.min() * _WELL > diagonal.max():
        columns = path.B if path._half is None else path._half
        rows = np.asarray(scipy.linalg.solve_triangular(factor, columns, trans="T", check_finite=False))
        return factor, rows if path._half is None else np.hstack([rows, -rows])
    Q, R = scipy.linalg.qr(path.B.T, mode="economic", check_finite=False)
    return np.asarray(R, dtype=np.float64), np.ascontiguousarray(Q.T)
