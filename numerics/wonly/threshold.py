"""Does the image of the box contain y? Certified both ways (`wonly.threshold`).

Zero loss is reached in the limit iff y lies in the closure of B prod phi(I_i) (tanh: a zonotope). The decision is a
linear program, but its answer in floating point proves nothing, and it is slow for thousands of neurons. So cheap
candidates come first and the program last, and nothing counts until a certificate confirms it:

feasible    a float point h in the open box with residual e = |B h - y| (rounding included). If B has full row rank,
            some h' with B h' = y lies within e/sigma_min(B) of h; if that is less than the distance to the walls, h' is
            inside.
infeasible  a float vector p with p^T y > max over the box of p^T B h, rounding included; then every h of the box has
            |B h - y| >= (p^T y - max)/|p|, a positive lower bound of the residual for ever.

Candidates: the weighted least-norm solution; the analytic centre by Newton's method on the dual of a self-concordant
barrier, whose iterates diverge along a separating vector if y is outside; the linear program.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
import scipy.optimize
import scipy.sparse
from numpy.typing import ArrayLike, NDArray

from numerics.rigorous import norm_upper, sigma_min_lower

Array = NDArray[np.float64]
_U = 2.0**-53
#: A wall such as phi(x*) of GELU is a rounded number: walls are only believed up to this, relative to their size.
_WALL = 2.0**-40


@dataclass(frozen=True)
class Threshold:
    """The decision, with its proof.

    Attributes
    ----------
    feasible : True (an interior solution exists), False (y is at a positive distance from the image), None (undecided).
    h : (k,) a float point within the margin of an exact interior solution, or None.
    margin : feasible: lower bound of min_i dist(h_i, walls)/halfwidth_i over an exact solution (halfwidth 1 for an
        unbounded side); otherwise NaN.
    inf_gap : infeasible: lower bound of |B h - y| over the box, > 0; otherwise 0.
    witness : (m,) the separating vector p of an infeasible y, or None. (Fewer neurons than data and an unbounded side:
        the residual of y on the range of B; the certificate is then sigma_min([B, y]) > 0.)
    how : which candidate was certified, or why none was.
    """

    feasible: bool | None
    h: Array | None
    margin: float
    inf_gap: float
    witness: Array | None
    how: str


class _Instance:
    """The data, the walls, and the two certificates."""

    def __init__(self, B: ArrayLike, y: ArrayLike, lo: ArrayLike, hi: ArrayLike, sigma_B: float | None = None) -> None:
        self.B = np.ascontiguousarray(B, dtype=np.float64)
        self.y = np.asarray(y, dtype=np.float64)
        if self.B.ndim != 2 or 0 in self.B.shape or self.y.shape != (self.B.shape[0],):
            raise ValueError(f"B must be m x k and y of length m, not {self.B.shape} and {self.y.shape}")
        self.m, self.k = self.B.shape
        self.lo = np.broadcast_to(np.asarray(lo, dtype=np.float64), (self.k,))
        self.hi = np.broadcast_to(np.asarray(hi, dtype=np.float64), (self.k,))
        if not (np.isfinite(self.B).all() and np.isfinite(self.y).all()):
            raise ValueError("B and y must be finite")
        if not (self.lo < self.hi).all():
            raise ValueError("every wall lo must lie strictly below hi")
        self.below, self.above = np.isfinite(self.lo), np.isfinite(self.hi)
        both = self.below & self.above
        # Centre and halfwidth; for unbounded sides a unit scale one unit away from the wall.
        with np.errstate(invalid="ignore"):
            self.c = np.where(both, (self.lo + self.hi) / 2, 0.0)
            self.w = np.where(both, (self.hi - self.lo) / 2, 1.0)
        self.c = np.where(self.below & ~self.above, self.lo + 1, self.c)
        self.c = np.where(~self.below & self.above, self.hi - 1, self.c)
        self._sigma = sigma_B
        self.absB = np.abs(self.B)

    def sigma(self) -> float:
        """Lower bound of sigma_min(B) as an m x k matrix of full row rank; 0 if not proved (or k < m)."""
        if self._sigma is None:
            self._sigma = sigma_min_lower(self.B) if self.k >= self.m else 0.0
        return self._sigma

    def residual_upper(self, h: Array) -> float:
        """Upper bound of |B h - y| for the float vector h: gamma_{k+1} |B||h| + u |y| for the rounding."""
        gamma = (self.k + 4) * _U / (1 - (self.k + 4) * _U)
        r = self.B @ h - self.y
        slack = gamma * (self.absB @ np.abs(h)) * (1 + 2 * gamma) + 4 * _U * (np.abs(self.y) + np.abs(r)) + 1e-300
        return norm_upper((np.abs(r) + slack) * (1 + 4 * _U))

    def distance(self, h: Array) -> Array:
        """Distance to the walls in units of the halfwidth, from below."""
        wall = np.full(self.k, math.inf)
        with np.errstate(invalid="ignore"):
            low = h - self.lo - _WALL * np.abs(self.lo) - 4 * _U * (np.abs(h) + np.abs(self.lo))
            high = self.hi - h - _WALL * np.abs(self.hi) - 4 * _U * (np.abs(h) + np.abs(self.hi))
        wall = np.where(self.below, low, wall)
        return np.where(self.above, np.minimum(wall, high), wall)

    def feasible(self, h: Array, how: str) -> Threshold | None:
        """The certificate of the inside, or None."""
        if not np.isfinite(h).all():
            return None
        wall = self.distance(h)
        if not (wall > 0).all() or self.sigma() <= 0:
            return None
        repair = self.residual_upper(h) / self.sigma() * (1 + 8 * _U)
        margin = float(np.min((wall - repair) / self.w)) * (1 - 8 * _U)
        return Threshold(True, h, min(margin, 1.0), 0.0, None, how) if margin > 0 else None

    def infeasible(self, p: Array, how: str) -> Threshold | None:
        """The certificate of the outside, or None: p^T y - sum_i max(lo_i g_i, hi_i g_i) > rounding, g = B^T p."""
        size = float(np.max(np.abs(p), initial=0.0))
        if not (np.isfinite(size) and size > 0):
            return None
        p = p / size
        g = p @ self.B
        gamma_m = (self.m + 4) * _U / (1 - (self.m + 4) * _U)
        gerr = gamma_m * (np.abs(p) @ self.absB) * (1 + 2 * gamma_m) + 1e-300
        if (g[~self.above] + gerr[~self.above] > 0).any() or (g[~self.below] - gerr[~self.below] < 0).any():
            return None  # the maximum over an unbounded side would be infinite
        lo, hi = np.where(self.below, self.lo, 0.0), np.where(self.above, self.hi, 0.0)
        low, high = lo * g, hi * g
        # On an unbounded side the proved sign of g puts the maximum at the finite wall (free coordinates: g = 0 only).
        top = np.where(self.above & self.below, np.maximum(low, high), np.where(self.below, low, high))
        reach = np.maximum(np.abs(lo), np.abs(hi))
        gap = math.fsum([*(p * self.y).tolist(), *(-top).tolist()])
        error = math.fsum((reach * (gerr + (_WALL + 4 * _U) * np.abs(g))).tolist())
        error += 4 * _U * math.fsum(np.abs(p * self.y).tolist()) + 4 * _U * abs(gap) + 1e-300
        gap -= error * (1 + 16 * _U)
        if not gap > 0:
            return None
        return Threshold(False, None, math.nan, gap / norm_upper(p) * (1 - 4 * _U), p, how)


def threshold(
    B: ArrayLike,
    y: ArrayLike,
    lo: ArrayLike,
    hi: ArrayLike,
    *,
    time_limit: float = 60.0,
    program: bool = True,
    sigma_B: float | None = None,
) -> Threshold:
    """Decide whether y = B h for some h in the open box, with a certificate (`wonly.threshold`).

    Parameters
    ----------
    B : (m, k), full row rank for a proof of feasibility. (Feasibility is invariant under an invertible matrix from the
        left, and under dropping redundant rows: for rank-deficient or ill-conditioned operators pass U^T V/sqrt(k) and
        the coordinates diag(1/sigma) P^T y of `numerics.operators.compact_svd` instead of A V/sqrt(k) and y.)
    y : (m,).
    lo, hi : scalars or (k,): the walls phi(I_i), see `numerics.wonly.box`; infinite allowed.
    time_limit : seconds granted to the linear program.
    program : False leaves the linear program out (then hard cases come back undecided).
    sigma_B : a proved lower bound of sigma_min(B), where the caller has one; otherwise it is computed where needed.

    Raises ValueError for wrong shapes, non-finite data, empty boxes.

    >>> threshold([[1.0, 1.0]], [1.5], -1, 1).feasible, threshold([[1.0, 1.0]], [2.5], -1, 1).feasible
    (True, False)
    """
    problem = _Instance(B, y, lo, hi, sigma_B)
    found = _decide(problem, time_limit, program)
    return _sharpen(problem, found) if found.feasible is False else found


def _decide(problem: _Instance, time_limit: float, program: bool) -> Threshold:
    if problem.k < problem.m:
        # |B h - y| = |[B, y] (h, -1)| >= sigma_min([B, y]) for every h at all
        gap = sigma_min_lower(np.column_stack([problem.B, problem.y]))
        h, *_ = np.linalg.lstsq(problem.B, problem.y)
        p = problem.y - problem.B @ h
        how = "y is not in the range of B (fewer neurons than data)"
        found = problem.infeasible(p, how)
        if found is not None:
            return found
        if gap > 0:
            return Threshold(False, None, math.nan, gap, p, how)
    else:
        found = _least_norm(problem) or _centre(problem)
        if found is not None:
            return found
    if not program:
        return Threshold(
            None, None, math.nan, 0.0, None, "the cheap certificates do not decide, and no linear program was asked for"
        )
    return _program(problem, time_limit)


def _least_norm(problem: _Instance) -> Threshold | None:
    """h = c + W^2 B^T (B W^2 B^T)^{-1} (y - B c), refined twice."""
    Bw = problem.B * problem.w
    try:
        factor = scipy.linalg.cho_factor(Bw @ Bw.T, lower=True, check_finite=False)
    except np.linalg.LinAlgError:
        return None
    h = problem.c.copy()
    for _ in range(3):
        h = h + problem.w * (scipy.linalg.cho_solve(factor, problem.y - problem.B @ h, check_finite=False) @ Bw)
    return problem.feasible(h, "least-norm solution") if (problem.distance(h) > 0).all() else None


def _respond(problem: _Instance, s: Array) -> tuple[Array, Array]:
    """(h, dh/ds): the maximizer of s h - barrier(h), in units of the halfwidth, in closed form.

    Bounded: barrier -ln(1 - eta^2), eta = s/(1 + sqrt(1 + s^2)). One wall: -ln x + x^2/2, x = (s + sqrt(s^2 + 4))/2.
    None: h^2/2.
    """
    R = np.hypot(1.0, s)
    h, dh = s / (1 + R), 1 / (R * (1 + R))
    if not (problem.below & problem.above).all():
        S = np.hypot(s, 2.0)
        low, high = problem.below & ~problem.above, ~problem.below & problem.above
        x = np.where(s > 0, (s + S) / 2, 2 / (S - np.minimum(s, 0.0)))
        z = np.where(s < 0, (S - s) / 2, 2 / (S + np.maximum(s, 0.0)))
        h, dh = np.where(low, x - 1, h), np.where(low, x / S, dh)
        h, dh = np.where(high, 1 - z, h), np.where(high, z / S, dh)
        free = ~problem.below & ~problem.above
        h, dh = np.where(free, s, h), np.where(free, 1.0, dh)
    return problem.c + problem.w * h, dh


def _newton_step(hessian: Array, gradient: Array) -> Array | None:
    """-hessian^{-1} gradient by Cholesky; None where the Hessian is not positive definite to working precision."""
    if not np.isfinite(hessian).all():
        return None
    try:
        factor = scipy.linalg.cho_factor(hessian, lower=True, check_finite=False)
    except np.linalg.LinAlgError:
        return None
    step = -scipy.linalg.cho_solve(factor, gradient, check_finite=False)
    return step if np.isfinite(step).all() else None


def _centre(problem: _Instance, iterations: int = 80) -> Threshold | None:
    """Newton's method on the dual of the barrier, in coordinates where B W has orthonormal rows.

    With (B W)^T = Q R the constraint reads Q^T eta = R^{-T}(y - B c): the condition number of B is gone.
    """
    Q, R = scipy.linalg.qr((problem.B * problem.w).T, mode="economic", check_finite=False)
    diagonal = np.abs(np.diagonal(R))
    if diagonal.min() <= 1e-13 * diagonal.max():
        return None
    b = scipy.linalg.solve_triangular(R, problem.y - problem.B @ problem.c, trans="T", check_finite=False)
    q = np.zeros(problem.m)

    def point(q: Array) -> tuple[Array, Array, Array]:
        h, dh = _respond(problem, Q @ q)
        return h, dh, ((h - problem.c) / problem.w) @ Q - b

    h, dh, gradient = point(q)
    for _ in range(iterations):
        size = float(np.linalg.norm(gradient))
        if size < 0.5 * float(np.min(problem.distance(h) / problem.w)):
            # Close enough: repair the residual by a least-norm step in the metric of the barrier's scale, then prove.
            fixed = h
            for _ in range(2):
                miss = problem.y - problem.B @ fixed
                fixed = fixed + problem.w * (Q @ scipy.linalg.solve_triangular(R, miss, trans="T", check_finite=False))
            found = problem.feasible(fixed, "analytic centre of the box section")
            if found is not None:
                return found
        found = problem.infeasible(
            scipy.linalg.solve_triangular(R, q, check_finite=False),
            "direction in which the dual of the barrier diverges",
        )
        if found is not None:
            return found
        hessian = (Q.T * dh) @ Q
        step = _newton_step(hessian, gradient)
        if step is None:
            return None
        slope = float(gradient @ step)
        if not slope < 0:
            return None
        alpha = 1.0
        for _ in range(40):
            trial = point(q + alpha * step)
            if float(trial[2] @ step) <= 0.5 * abs(slope):
                break
            alpha *= 0.5
        else:
            return None
        q = q + alpha * step
        h, dh, gradient = trial
    return None


def _sharpen(problem: _Instance, found: Threshold, goal: float = 0.95) -> Threshold:
    """A larger certified gap: the residual p of min |B h - y|^2/2 + barrier(h)/t is the best witness as t grows."""
    w = problem.w
    scale = float(np.sum((problem.B * w) ** 2)) / problem.m
    p, t = np.zeros(problem.m), 100.0 / max(scale, 1e-300)
    iterations = 60 if problem.m <= 300 else 16  # seconds, not minutes, for a thousand observations

    def point(p: Array) -> tuple[Array, Array, Array]:
        h, dh = _respond(problem, (p @ problem.B) * w)
        return h, dh, problem.B @ h - problem.y + p / t

    h, dh, gradient = point(p)
    for _ in range(iterations):
        hessian = (problem.B * (w * w * dh)) @ problem.B.T
        hessian[np.diag_indices(problem.m)] += 1 / t
        step = _newton_step(hessian, gradient)
        if step is None:
            break
        slope, alpha = float(gradient @ step), 1.0
        if not slope < 0:
            break
        for _ in range(40):
            trial = point(p + alpha * step)
            if float(trial[2] @ step) <= 0.5 * abs(slope):
                break
            alpha *= 0.5
        p = p + alpha * step
        h, dh, gradient = trial
        residual = problem.y - problem.B @ h
        size = float(np.linalg.norm(residual))
        if float(np.linalg.norm(gradient)) > 0.02 * size:
            continue
        better = problem.infeasible(residual, found.how)
        if better is not None and better.inf_gap > found.inf_gap:
            found = better
        if found.inf_gap >= goal * size:
            break
        t *= 30
        h, dh, gradient = point(p)
    return found


def _program(problem: _Instance, time_limit: float) -> Threshold:
    """max s such that B h = y and h stays s halfwidths away from the walls, s <= 1: HiGHS, then the certificates."""
    m, k = problem.m, problem.k
    rows: list[Any] = []
    right: list[Array] = []
    for present, sign, wall in ((problem.below, -1.0, -problem.lo), (problem.above, 1.0, problem.hi)):
        index = np.flatnonzero(present)
        if index.size:
            block = scipy.sparse.csr_array((np.full(index.size, sign), (np.arange(index.size), index)), (index.size, k))
            rows.append(scipy.sparse.hstack([block, scipy.sparse.csr_array(problem.w[index][:, None])]))
            right.append(np.asarray(wall)[index])
    objective = np.zeros(k + 1)
    objective[-1] = -1.0
    result = scipy.optimize.linprog(
        objective,
        A_ub=scipy.sparse.vstack(rows) if rows else None,
        b_ub=np.concatenate(right) if right else None,
        A_eq=np.hstack([problem.B, np.zeros((m, 1))]),
        b_eq=problem.y,
        bounds=[(None, None)] * k + [(None, 1.0)],
        method="highs",
        options={"time_limit": time_limit},
    )
    if result.status == 0:
        x: Any = result.x
        p = np.asarray(result.eqlin.marginals)
        found = (
            problem.feasible(x[:-1], "linear program")
            or problem.infeasible(p, "linear program")
            or problem.infeasible(-p, "linear program")
        )
        if found is None and x[-1] < 0 and (problem.below | problem.above).all():
            found = _cone(problem, time_limit)
        if found is not None:
            return found
        how = f"the linear program's margin is {x[-1]:.3g}, and rounding leaves no room for a certificate"
    else:
        how = f"the linear program ended with: {result.message}"
    if problem.k >= problem.m and problem.sigma() <= 0:
        how += "; B is not proved to have full row rank (pass a whitened or reduced B, see the documentation)"
    return Threshold(None, None, math.nan, 0.0, None, how)


def _cone(problem: _Instance, time_limit: float) -> Threshold | None:
    """One-sided boxes (softplus, GELU): a separating vector p, |p_j| <= 1, whose signs g = B^T p survive rounding.

    max p^T y - sum_one-sided wall_i g_i - sum_bounded u_i with u_i >= lo_i g_i, u_i >= hi_i g_i, and g_i <= -delta where
    hi is infinite, g_i >= delta where lo is.
    """
    both = problem.below & problem.above
    one, two = np.flatnonzero(~both), np.flatnonzero(both)
    low = problem.below[one]
    wall = np.where(low, problem.lo[one], problem.hi[one])
    signed = (problem.B[:, one] * np.where(low, 1.0, -1.0)).T
    rows = [np.hstack([signed, np.zeros((one.size, two.size))])]
    rows += [np.hstack([(problem.B[:, two] * w[two]).T, -np.eye(two.size)]) for w in (problem.lo, problem.hi)]
    objective = np.concatenate([problem.B[:, one] @ wall - problem.y, np.ones(two.size)])
    for delta in (1e-4, 1e-7):
        result = scipy.optimize.linprog(
            objective,
            A_ub=np.vstack(rows),
            b_ub=np.concatenate([np.full(one.size, -delta * float(np.max(problem.absB))), np.zeros(2 * two.size)]),
            bounds=[(-1.0, 1.0)] * problem.m + [(None, None)] * two.size,
            method="highs",
            options={"time_limit": time_limit},
        )
        if result.status == 0:
            found = problem.infeasible(
                np.asarray(result.x)[: problem.m], "linear program for a separating vector with strict signs"
            )
            if found is not None:
                return found
    return None
