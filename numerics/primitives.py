"""Primitives of 1/φ' and φ/φ' by quadrature, where there is no closed form (GELU, SiLU).

Both integrands have one simple pole, at the zero x* of φ'.  Subtracting c/(x − x*), c the residue, leaves a smooth
function, which composite Gauss–Legendre (20 nodes on panels of width ½, wider far out on the left where the integrands
vary on the scale of x) integrates to rounding; the pole contributes c ln|x − x*|.  Right of 40, φ' = 1 and φ(x) = x to
double precision, and the primitives continue as x and x²/2.  Normalization: the smooth part vanishes at 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import scipy.special
from numpy.typing import ArrayLike, NDArray

from numerics.compile import elementwise
from theory.activations import ACTIVATIONS
from theory.balls import enclose

__all__ = ["quadrature_primitive"]

Array = NDArray[np.float64]
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)
_FAR = 40.0
_WIDTH = 0.5


def _gelu_ratio(x: Array) -> Array:
    """φ/φ' = xΦ/(Φ + x n) = x/(1 + x/M) with Mills' ratio M = Φ/n; no underflow on the left, M = ∞ is harmless."""
    return x / (1 + x / (np.sqrt(np.pi / 2) * scipy.special.erfcx(-x / np.sqrt(2))))


def _silu_ratio(x: Array) -> Array:
    return x / (1 + x * scipy.special.expit(-x))


_RATIOS: dict[str, Callable[[Array], Array]] = {"gelu": _gelu_ratio, "silu": _silu_ratio}


@dataclass(frozen=True)
class _Primitive:
    """c ln|x − x*| + ∫_0^x (f − c/(· − x*)), f the integrand, elementwise."""

    integrand: Callable[[Array], Array]
    pole: float
    residue: float
    grows: bool  # right of 40 the integrand is x (True) or 1 (False)
    _near: list[tuple[Array, Array]] = field(default_factory=list, init=False, repr=False, compare=False)

    def _smooth(self, x: Array) -> Array:
        return self.integrand(x) - self.residue / (x - self.pole)

    def _panels(self, left: Array, right: Array) -> Array:
        """Integrals of the smooth part over [left_i, right_i]."""
        half = (right - left) / 2
        nodes = (left + right)[..., None] / 2 + half[..., None] * _NODES
        return np.asarray((self._smooth(nodes) @ _WEIGHTS) * half)

    def _table(self, lowest: float) -> tuple[Array, Array]:
        """(edges, integrals of the smooth part from 0 to them); kept as long as `lowest` is above −40."""
        if lowest >= -_FAR and self._near:
            return self._near[0]
        edges = _edges(lowest)
        zero = int(np.searchsorted(edges, 0.0))
        # accumulate away from 0, so that a panel that overflows on the left leaves the right side alone
        steps = self._panels(edges[:-1], edges[1:])
        right, left = np.cumsum(steps[zero:]), np.cumsum(steps[:zero][::-1])
        table = edges, np.concatenate([-left[::-1], [0.0], right])
        if lowest >= -_FAR:
            self._near.append(table)
        return table

    def __call__(self, x: ArrayLike) -> Array:
        a = np.asarray(x, dtype=np.float64)
        near = np.minimum(a, _FAR)
        with np.errstate(all="ignore"):
            edges, total = self._table(float(np.nanmin(near, initial=0.0)))
            panel = np.clip(np.searchsorted(edges, near, side="right") - 1, 0, edges.size - 2)
            start = np.where(near >= 0, panel, panel + 1)  # from the edge on the side of 0
            value = total[start] + self._panels(edges[start], near) + self.residue * np.log(np.abs(near - self.pole))
            beyond = (a - _FAR) * (a + _FAR) / 2 if self.grows else a - _FAR
        return np.where(a > _FAR, value + beyond, value)


def _edges(lowest: float) -> Array:
    """Panel edges from below `lowest` to 40: width ½ down to −40, then growing by a half each."""
    edges = np.arange(-_FAR, _FAR + _WIDTH / 2, _WIDTH)
    far = []
    edge = -_FAR
    while edge > lowest:
        edge *= 1.5
        far.append(edge)
    return np.concatenate([far[::-1], edges])


@lru_cache(maxsize=8)
def quadrature_primitive(name: str, which: str) -> Callable[[ArrayLike], Array]:
    """The primitive of 1/φ' (`which` = "H") or φ/φ' ("G") of GELU or SiLU; relative accuracy about 1e-13.

    Valid on either side of the zero of φ' (the two sides have unrelated constants); −inf or inf where it overflows.
    """
    theory = ACTIVATIONS[name]
    (root,) = theory.zeros.points
    pole = float(enclose(root))
    curvature = float(elementwise(theory.ddphi)(pole))
    if which == "G":
        return _Primitive(_RATIOS[name], pole, float(elementwise(theory.phi)(pole)) / curvature, True)
    slope = elementwise(theory.dphi)
    return _Primitive(lambda x: 1 / slope(x), pole, 1 / curvature, False)
