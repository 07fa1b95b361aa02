"""The instances: seeded, made anew in every worker from a few numbers; NumPy only, so that any environment can.

The formulas of the reduced flow are written here once more, on purpose: references and peers must not rest on the code
that is being measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Full:
    """minimize ‖A V tanh(W u)/√k − y‖²/2: A (m × n), V (n × k), W (k × d), u (d,), y (m,)."""

    A: Array
    V: Array
    W: Array
    u: Array
    y: Array


@dataclass(frozen=True)
class Reduced:
    """The same in (a, V̂): minimize ‖S V̂ tanh(a)/√k − y‖²/2, S (p,) the singular values; Q (n × p), V̂ = QᵀV."""

    S: Array
    y: Array
    a: Array
    V: Array
    Q: Array


def make(case: Mapping[str, Any]) -> Full:
    """The instance of a case: n, m, k, d, seed and cond (None: A Gaussian/√n, else log-spaced singular values).

    >>> make({"n": 6, "m": 2, "k": 20, "d": 3, "seed": 0}).A.shape
    (2, 6)
    """
    n, m, k, d = (int(case[name]) for name in "nmkd")
    cond = case.get("cond")
    rng = np.random.default_rng(int(case.get("seed", 0)))
    u = rng.standard_normal(d)
    u /= np.linalg.norm(u)
    W = rng.standard_normal((k, d))
    V = rng.uniform(-np.sqrt(3.0), np.sqrt(3.0), (n, k))
    if cond is None:
        A = rng.standard_normal((m, n)) / np.sqrt(n)
    else:
        left, _ = np.linalg.qr(rng.standard_normal((m, m)))
        right, _ = np.linalg.qr(rng.standard_normal((n, m)))
        A = (left * np.logspace(0.0, -np.log10(cond), m)) @ right.T
    return Full(A, V, W, u, A @ rng.standard_normal(n))


def reduce(full: Full) -> Reduced:
    """The exact reduction (`dip2.reduction`): A = U S Qᵀ, a = W u, V̂ = QᵀV, ŷ = Uᵀy."""
    U, S, Qt = np.linalg.svd(full.A, full_matrices=False)
    return Reduced(S, U.T @ full.y, full.W @ full.u, Qt @ full.V, Qt.T)


def velocity(reduced: Reduced, a: Array, V: Array) -> tuple[Array, Array]:
    """−∇ at (a, V̂)."""
    root = np.sqrt(a.size)
    t = np.tanh(a)
    q = reduced.S * (reduced.S * (V @ t) / root - reduced.y)
    return -(1 - t * t) * (q @ V) / root, np.multiply.outer(-q / root, t)


def value(reduced: Reduced, a: Array, V: Array) -> float:
    """The loss at (a, V̂)."""
    r = reduced.S * (V @ np.tanh(a)) / np.sqrt(a.size) - reduced.y
    return float(0.5 * (r @ r))


def packed_velocity(reduced: Reduced, state: Array) -> Array:
    """−∇ at [a, V̂ row by row], as one vector: the right-hand side that SciPy and CVODE get."""
    k = reduced.a.size
    a, V = state[:k], state[k:].reshape(reduced.V.shape)
    root = np.sqrt(k)
    t = np.tanh(a)
    q = reduced.S * (reduced.S * (V @ t) / root - reduced.y)
    out = np.empty_like(state)
    out[:k] = (t * t - 1) * (q @ V) / root
    np.multiply.outer(-q / root, t, out=out[k:].reshape(V.shape))
    return out


def pack(reduced: Reduced) -> Array:
    """[a, V̂] as one vector."""
    return np.concatenate((reduced.a, reduced.V.ravel()))


def sigma_min(full: Full) -> float:
    """σ_min of the Jacobian in (W, V), both layers, in extended precision where the machine has it.

    The left singular vector of the factor V diag(φ')/√k comes from the SVD in float64; its Rayleigh quotient in extended
    precision is then right to the square of the vector's error.
    """
    wide = np.longdouble
    a = full.W.astype(wide) @ full.u.astype(wide)
    t = np.tanh(a)
    factor = full.V.astype(wide) * ((1 - t * t) / np.sqrt(wide(a.size)))
    vector = np.linalg.svd(factor.astype(np.float64), full_matrices=False)[0][:, -1].astype(wide)
    image = vector @ factor
    smallest = (image @ image) / (vector @ vector)
    return float(np.sqrt(smallest + (t @ t) / a.size))


def step_size(full: Full) -> float:
    """Half of 1/‖J_g‖²‖A‖² at the start: gradient descent with it is stable, and not timid."""
    reduced = reduce(full)
    t = np.tanh(reduced.a)
    factor = reduced.S[:, None] * (reduced.V * (1 - t * t))
    kernel = (factor @ factor.T + np.diag(reduced.S**2) * (t @ t)) / t.size
    return float(0.5 / np.linalg.eigvalsh(kernel)[-1])
