"""Collocation tables: Lobatto nodes on [0, 1], integration weights, and an embedded interpolant of one degree less.

The nonlinear remainder N of a step vanishes at its beginning (the linear part is the exact derivative of its model
there), and is interpolated at the q Lobatto nodes 0 = τ_0 < … < τ_{q−1} = 1.  Only the columns of the q − 1 nodes with
τ > 0 are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import factorial
from typing import Any

import mpmath
import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

Array = NDArray[np.float64]
ORDERS = (4, 6, 8, 10, 12)
"""Numbers of nodes to choose from."""


@dataclass(frozen=True, eq=False)
class Table:
    """One collocation rule with q nodes.

    tau: (q − 1,) nodes without 0.  taylor: (q, q − 1), values at the nodes → coefficients of τ^l/l! of the interpolant
    (the value at 0 is zero).  weights: (q − 1, q − 1), ∫_0^{τ_i} of the interpolant.  spread, spread_weights: the same for
    the difference to the interpolant that leaves out a middle node: the error estimate.  ends: (q,) quadrature weights on
    [0, 1] with the node 0; ends_spread: (q − 1, q), of ∫_0^{τ_i}, their difference to the rule without the middle node.
    """

    q: int
    tau: Array
    taylor: Array
    weights: Array
    spread: Array
    spread_weights: Array
    ends: Array
    ends_spread: Array

    def weights_at(self, tau: Array) -> Array:
        """∫_0^τ of the interpolant at any τ in [0, 1]: shape (*, q − 1)."""
        return powers(tau, self.q) @ self.taylor


def lobatto(q: int) -> Array:
    """The q Lobatto nodes on [0, 1]: 0, 1 and the zeros of P'_{q−1}(2τ − 1).

    >>> lobatto(4).round(6)
    array([0.      , 0.276393, 0.723607, 1.      ])
    """
    series = np.zeros(q)
    series[-1] = 1.0
    inner = np.sort(legendre.legroots(legendre.legder(series)))
    return np.asarray((np.concatenate(([-1.0], inner, [1.0])) + 1.0) / 2.0)


def powers(tau: Array, q: int) -> Array:
    """∫_0^τ s^l/l! ds = τ^{l+1}/(l+1)! for l < q: shape (*, q)."""
    level = np.arange(1, q + 1)
    return np.asarray(np.asarray(tau)[..., None] ** level / np.array([factorial(int(i)) for i in level], float))


@lru_cache(maxsize=16)
def table(q: int) -> Table:
    """The rule with q ≥ 4 nodes, computed with 60 digits and rounded once: monomials are badly conditioned."""
    with mpmath.workdps(60):
        nodes = _nodes(q)
        taylor = _taylor(nodes, range(q))
        spread = taylor - _taylor(nodes, [i for i in range(q) if i != q // 2])
        integral = mpmath.matrix(q, q)
        for i, tau in enumerate(nodes):
            for level in range(q):
                integral[i, level] = tau ** (level + 1) / mpmath.factorial(level + 1)
        weights, spread_weights = _rounded(integral * taylor), _rounded(integral * spread)
        tau = np.array([float(node) for node in nodes])
    kept = (slice(1, None), slice(1, None))
    return Table(
        q,
        tau[1:].copy(),
        np.ascontiguousarray(_rounded(taylor)[:, 1:]),
        np.ascontiguousarray(weights[kept]),
        np.ascontiguousarray(_rounded(spread)[:, 1:]),
        np.ascontiguousarray(spread_weights[kept]),
        weights[-1].copy(),
        spread_weights[1:].copy(),
    )


def _nodes(q: int) -> list[Any]:
    """The Lobatto nodes on [0, 1] to the working precision: Newton's method for P'_{q−1} from the float64 ones."""
    degree = q - 1

    def derivatives(x: Any) -> tuple[Any, Any]:
        value, before = mpmath.legendre(degree, x), mpmath.legendre(degree - 1, x)
        first = degree * (before - x * value) / (1 - x * x)
        return first, (2 * x * first - degree * (degree + 1) * value) / (1 - x * x)

    out = [mpmath.mpf(0)]
    for guess in lobatto(q)[1:-1]:
        x = 2 * mpmath.mpf(float(guess)) - 1
        for _ in range(4):
            first, second = derivatives(x)
            x -= first / second
        out.append((x + 1) / 2)
    return [*out, mpmath.mpf(1)]


def _taylor(nodes: list[Any], kept: Iterable[int]) -> Any:
    """Values at all nodes → coefficients of τ^l/l! of the interpolant through the nodes in `kept` (q, q)."""
    chosen = list(kept)
    matrix = mpmath.matrix(len(chosen), len(chosen))
    for row, i in enumerate(chosen):
        for level in range(len(chosen)):
            matrix[row, level] = nodes[i] ** level / mpmath.factorial(level)
    inverse = mpmath.inverse(matrix)
    out = mpmath.zeros(len(nodes))
    for column, i in enumerate(chosen):
        for level in range(len(chosen)):
            out[level, i] = inverse[level, column]
    return out


def _rounded(matrix: Any) -> Array:
    return np.array(matrix.tolist(), dtype=np.float64)
