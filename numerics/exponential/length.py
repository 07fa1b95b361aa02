"""The path length inside a step: the speed as polynomials on panels, integrated up to any time.

Where the speed is smooth over the step its values at the Lobatto nodes do.  A stiff component that dies out inside the
step is no polynomial: then the speed is evaluated at Gauss points of panels that double away from the start of the step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

Array = NDArray[np.float64]
_POINTS, _PANELS, _DEPTH, _MOST = 10, 40, 24, 120


@lru_cache(maxsize=32)
def _fit(points: tuple[float, ...]) -> Array:
    """Values at points of [−1, 1] → coefficients, by Legendre polynomials, of the integral of their interpolant from −1."""
    inverse = np.linalg.inv(legendre.legvander(np.array(points), len(points) - 1))
    return np.asarray(np.array([legendre.legint(column, lbnd=-1) for column in inverse.T]).T)


@lru_cache(maxsize=8)
def _series(points: tuple[float, ...]) -> Array:
    """Values at points of [−1, 1] → Legendre coefficients of their interpolant."""
    return np.asarray(np.linalg.inv(legendre.legvander(np.array(points), len(points) - 1)))


@dataclass(frozen=True, eq=False)
class SpeedPieces:
    """∫_0^τ of two speeds over a step of size h; τ in [0, 1].

    edges: (N + 1,) of the panels.  coefficients: (N, ·, 2) of the integral on each, by Legendre polynomials.
    """

    h: float
    edges: Array
    coefficients: Array
    doubt: float = 0.0
    """What was left open where the panels ran out."""

    def upto(self, tau: float) -> Array:
        """(ℓ, ℓ_a) from the start of the step to τ, shape (2,)."""
        total = np.zeros(2)
        for left, right, piece in zip(self.edges[:-1], self.edges[1:], self.coefficients, strict=True):
            if tau <= left:
                break
            half = 0.5 * (right - left)
            end = min((tau - left) / half - 1.0, 1.0)
            total += half * self.h * legendre.legval(end, piece)
        return np.asarray(total)


def at_nodes(h: float, tau: Array, values: Array) -> SpeedPieces:
    """From the speeds at nodes in [0, 1], 0 included: tau (q,), values (q, 2)."""
    fit = _fit(tuple((2.0 * tau - 1.0).tolist()))
    return SpeedPieces(h, np.array([0.0, 1.0]), (fit @ values)[None])


def on_panels(
    h: float, fastest: float, speeds: Callable[[float], tuple[float, float]], tolerance: float
) -> SpeedPieces:
    """From `speeds` at Gauss points; the first panel is as short as the fastest rate asks.

    A panel is halved until the last Legendre coefficients of the speed say that it is a polynomial to `tolerance`: a
    speed has a kink where a lone parameter turns round.
    """
    count = min(_PANELS, 3 + math.ceil(math.log2(max(h * fastest, 1.0))))
    edges = np.concatenate(([0.0], 2.0 ** np.arange(-count + 1, 1)))
    points = legendre.leggauss(_POINTS)[0]
    key = tuple(points.tolist())
    integral, series = _fit(key), _series(key)
    waiting = [(float(left), float(right), 0) for left, right in pairwise(edges)][::-1]
    done, pieces, left_open = [0.0], [], 0.0
    while waiting:
        left, right, depth = waiting.pop()
        half = 0.5 * (right - left)
        values = np.array([speeds(left + half * (1.0 + point)) for point in points])
        doubt = h * half * float(np.max(np.abs(series[-2:] @ values)))
        if doubt > tolerance and depth < _DEPTH and len(done) + len(waiting) < _MOST:
            middle = left + half
            waiting += [(middle, right, depth + 1), (left, middle, depth + 1)]
            continue
        left_open += max(doubt - tolerance, 0.0)
        done.append(right)
        pieces.append(integral @ values)
    return SpeedPieces(h, np.array(done), np.array(pieces), left_open)
