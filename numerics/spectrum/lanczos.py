"""Lanczos' method for one end of the spectrum of a symmetric operator, with the residual that goes with it.

A Ritz pair (θ, x), ‖x‖ = 1, with r = A x − θ x proves that *some* eigenvalue lies within ‖r‖ of θ, and that the largest
one is at least θ; that θ is near the largest is likely, for a random start, but not proved. Full reorthogonalization
keeps the basis orthogonal to rounding; it costs as much as two products with the basis, and the basis is kept.

Parlett, The Symmetric Eigenvalue Problem, chapter 13; Kuczyński, Woźniakowski, Estimating the largest eigenvalue by the
power and Lanczos algorithms with a random start, SIAM J. Matrix Anal. Appl. 13 (1992).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

Array = NDArray[np.float64]

_EPS = float(np.finfo(np.float64).eps)
# Steps between two looks at the Ritz values: a look costs little more than nothing beside a product with a large matrix.
_EVERY = 5


@dataclass(frozen=True)
class Ritz:
    """The largest Ritz value with its unit vector (n,), the norm of its residual, and the products that it took."""

    value: float
    vector: Array
    residual: float
    products: int
    converged: bool


def extreme(
    apply: Callable[[Array], Array],
    n: int,
    *,
    smallest: bool = False,
    rtol: float = 1e-10,
    steps: int = 300,
    restarts: int = 0,
    seed: int = 0,
) -> Ritz:
    """The largest eigenvalue (the smallest, if asked) of a symmetric operator on ℝⁿ.

    Parameters
    ----------
    apply: x ↦ A x, shape (n,) to (n,).
    rtol: relative accuracy of the value, judged by ‖r‖²/gap where the next Ritz value shows a gap, else by ‖r‖.
    steps: length of the basis, which is kept: n × steps numbers.
    restarts: how often to start again from the Ritz vector found.
    seed: of the random start.

    >>> ritz = extreme(lambda x: np.array([1.0, 2.0, 5.0]) * x, 3)
    >>> round(ritz.value, 12), ritz.products
    (5.0, 3)
    """
    if n < 1 or steps < 1 or restarts < 0:
        raise ValueError(f"n = {n} and steps = {steps} must be at least 1, restarts = {restarts} at least 0")
    sign = -1.0 if smallest else 1.0
    start = np.random.default_rng(seed).standard_normal(n)
    products = 0
    for _ in range(restarts + 1):
        ritz = _sweep(lambda x: sign * apply(x), start, rtol, min(steps, n))
        products += ritz.products
        start = ritz.vector
        if ritz.converged:
            break
    return Ritz(sign * ritz.value, ritz.vector, ritz.residual, products, ritz.converged)


def _sweep(apply: Callable[[Array], Array], start: Array, rtol: float, steps: int) -> Ritz:
    n = len(start)
    basis = np.empty((min(steps, 32), n))  # grows as needed
    alpha: list[float] = []
    beta: list[float] = []
    basis[0] = start / np.linalg.norm(start)
    for j in range(steps):
        w = np.asarray(apply(basis[j]), dtype=np.float64)
        alpha.append(float(basis[j] @ w))
        for _ in range(2):  # twice is enough (Parlett, 6.9)
            w = w - (basis[: j + 1] @ w) @ basis[: j + 1]
        beta.append(float(np.linalg.norm(w)))
        scale = max(abs(a) + b for a, b in zip(alpha, beta, strict=True))
        exhausted = not beta[-1] > 4 * _EPS * scale
        if exhausted or j + 1 == steps or (j + 1) % _EVERY == 0:
            theta, coefficients, residual, error = _ritz(alpha, beta)
            done = exhausted or error <= rtol * abs(theta)
            if done or j + 1 == steps:
                vector = coefficients @ basis[: j + 1]
                return Ritz(theta, vector / np.linalg.norm(vector), residual, j + 1, bool(done))
        if j + 1 == len(basis):
            basis = np.concatenate([basis, np.empty((min(len(basis), steps - len(basis)), n))])
        basis[j + 1] = w / beta[-1]
    raise AssertionError("unreachable: the last step returns")


def _ritz(alpha: list[float], beta: list[float]) -> tuple[float, Array, float, float]:
    """(largest Ritz value, its coefficients, ‖residual‖, estimate of its error) of the tridiagonal matrix."""
    j = len(alpha)
    if j == 1:
        return alpha[0], np.ones(1), beta[0], beta[0]
    values, vectors = scipy.linalg.eigh_tridiagonal(
        np.array(alpha), np.array(beta[:-1]), select="i", select_range=(j - 2, j - 1), check_finite=False
    )
    residual = abs(beta[-1] * float(vectors[-1, 1]))
    gap = float(values[1] - values[0]) - residual
    error = min(residual, residual * residual / gap) if gap > 0 else residual
    return float(values[1]), np.asarray(vectors[:, 1], dtype=np.float64), residual, error


def largest_singular_value(
    matvec: Callable[[Array], Array], rmatvec: Callable[[Array], Array], p: int, *, steps: int = 30, seed: int = 0
) -> float:
    """‖S‖, S of shape (p, k), from above with probability at least 1 − 1.65√p e^{−√(1/20)(2·steps−1)} over the start.

    Kuczyński and Woźniakowski, theorem 4.2: after `steps` steps the Ritz value of S Sᵀ is within 5 % of its largest
    eigenvalue with that probability (1 − 1.5e−4 for p = 2304 and 30 steps); the value is raised by as much. It serves
    error budgets; the certified bound is :func:`numerics.rigorous.opnorm_upper`.

    >>> S = np.diag([1.0, 3.0])
    >>> 3.0 <= largest_singular_value(lambda x: S @ x, lambda x: S.T @ x, 2) <= 3.0 + 1e-11
    True
    """
    ritz = extreme(lambda x: matvec(rmatvec(x)), p, rtol=1e-6, steps=steps, seed=seed)
    # exact up to rounding if the whole space has been searched
    return math.sqrt(max(ritz.value, 0.0) / (1.0 - 1e-12 if ritz.products >= p else 0.95))


def operator_products(S: Any) -> tuple[Callable[[Array], Array], Callable[[Array], Array], tuple[int, int]]:
    """(x ↦ S x, y ↦ Sᵀy, shape) of a matrix or of anything that `aslinearoperator` accepts."""
    if isinstance(S, np.ndarray):
        return lambda x: S @ x, lambda y: y @ S, (int(S.shape[0]), int(S.shape[1]))
    from scipy.sparse.linalg import aslinearoperator

    operator = aslinearoperator(S)
    return operator.matvec, operator.rmatvec, (int(operator.shape[0]), int(operator.shape[1]))
