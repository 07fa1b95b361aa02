"""A generator of the user's own: a function, its Jacobian, and a bound of how fast the Jacobian changes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from numerics.door import integer, number
from numerics.worlds.generators import Array, array

__all__ = ["OwnGenerator"]

_DIRECTIONS = 8  # tried at the door, from a fixed seed: so many at random, and so many along a parameter
_STEP = 1e-4  # of the difference quotient that the Jacobian is held against
_PARTS = (0.01, 0.1, 0.5, 0.9, 1.0)  # of the reach (of 1, if it is infinite): radii that are looked at
_ROUNDING = 1e-14  # of J, relative
_WRONG = 1e-4  # relative; a forgotten factor is far above it, rounding and truncation far below


def _bound(name: str, value: Any) -> float:
    """`value` as a float; ValueError unless it is a number of at least 0."""
    number(name, value)
    if not 0 <= value < math.inf:
        raise ValueError(f"{name} = {value!r}; a bound of a change is a finite number of at least 0")
    return float(value)


@dataclass(frozen=True, eq=False)
class OwnGenerator:
    """Any g: R^size → R^n, with what the theorems need to know of it, around its start d = 0.

    Parameters
    ----------
    g: displacement (size,) → output (n,).  J: displacement (size,) → Jacobian (n, size).
    Lambda: ‖J(d) − J(0)‖ ≤ Λ‖d‖ for ‖d‖ ≤ `reach`; or else
    Omega: Ω(r) ≥ ‖J(d) − J(0)‖ for ‖d‖ ≤ r ≤ `reach`, such that Ω(r)/r does not decrease; `reach` is finite then.
    Lip: a Lipschitz constant of J on the ball of radius `reach`, which only the baseline asks for; None: not known.
    reach: the radius up to which all this is promised.

    The promises are the user's: they are proved on paper.  What a few differences refute is refused here (ValueError): a J
    that is not the derivative of g, a modulus or a Lipschitz constant that is too small.

    >>> product = OwnGenerator(lambda d: [(1 + d[0]) * (1 + d[1])], lambda d: [[1 + d[1], 1 + d[0]]], 2, Lambda=1.0)
    >>> product.n, product.modulus
    (1, 1.0)
    """

    g: Callable[[Array], ArrayLike]
    J: Callable[[Array], ArrayLike]
    size: int
    Lambda: float | None = None
    Omega: Callable[[float], float] | None = None
    Lip: float | None = None
    reach: float = math.inf

    def __post_init__(self) -> None:
        integer("size", self.size, 1)
        if (self.Lambda is None) == (self.Omega is None):
            raise ValueError("give Lambda, the slope of a linear modulus, or the function Omega: one of the two")
        for name in ("Lambda", "Lip"):
            if getattr(self, name) is not None:
                _bound(name, getattr(self, name))
        if not self.reach > 0:
            raise ValueError(f"reach = {self.reach}; a positive radius is needed")
        if self.Omega is not None and math.isinf(self.reach):
            raise ValueError("Omega needs a finite reach: Omega(reach)/reach is the slope that the theorems take")
        top = self.reach if math.isfinite(self.reach) else 1.0
        self.look(sorted({part * top for part in _PARTS} | {min(top, 1.0)}))

    def look(self, radii: Sequence[float]) -> None:
        """ValueError for what points at these distances from the start refute, in a few directions: evidence, no proof."""
        rng = np.random.default_rng(0)
        start = self.jacobian(np.zeros(self.size))
        slopes = [self.modulus_at(r) / r for r in radii]
        for (r, slope), (further, next_slope) in pairwise(zip(radii, slopes, strict=True)):
            if next_slope < slope * (1 - 1e-9):
                raise ValueError(
                    f"Omega(r)/r decreases, from {slope:.6g} at r = {r:.3g} to {next_slope:.6g} at r = {further:.3g}; give a "
                    "modulus for which it does not"
                )
        axes = rng.choice(self.size, size=min(_DIRECTIONS, self.size), replace=False)
        unit = np.zeros((axes.size, self.size))
        unit[np.arange(axes.size), axes] = 1.0
        for way in (*rng.standard_normal((_DIRECTIONS, self.size)), *unit, *-unit):
            way = way / np.linalg.norm(way)
            short = _STEP * min(radii[-1], 1.0)
            quotient = (self.output(short * way) - self.output(-short * way)) / (2 * short)
            gap = float(np.linalg.norm(quotient - start @ way))
            if gap > _WRONG * float(np.linalg.norm(start)):
                raise ValueError(
                    f"J is not the Jacobian of g: along one direction their slopes at 0 differ by {gap:.3g}"
                )
            for r in radii:
                change = float(np.linalg.norm(self.jacobian(r * way) - start, 2))
                for name, bound in (
                    ("modulus", self.modulus_at(r)),
                    ("Lipschitz constant Lip", math.inf if self.Lip is None else self.Lip * r),
                ):
                    if change > bound * (1 + 1e-9) + _ROUNDING * float(np.linalg.norm(start)):
                        raise ValueError(
                            f"the {name} is too small: at a point {r:.3g} from the start J has changed by {change:.6g}, "
                            f"which is more than {bound:.6g}"
                        )

    @property
    def kind(self) -> str:
        """ "own"."""
        return "own"

    @cached_property
    def n(self) -> int:
        """Number of outputs."""
        return int(array(self.g(np.zeros(self.size)), (None,), "g at the start").size)

    @property
    def leading(self) -> int:
        """All parameters."""
        return self.size

    def output(self, d: Array) -> Array:
        """g, shape (n,)."""
        return array(self.g(d), (self.n,), "g")

    def jacobian(self, d: Array) -> Array:
        """J, shape (n, size)."""
        return array(self.J(d), (self.n, self.size), "J")

    @cached_property
    def modulus(self) -> float:
        """Λ; with Ω it is Ω(reach)/reach."""
        return float(self.Lambda) if self.Lambda is not None else self.modulus_at(self.reach) / self.reach

    def modulus_at(self, r: float) -> float:
        """Ω(r); infinite beyond `reach`, where nothing is promised."""
        if r > self.reach:
            return math.inf
        if self.Omega is not None:
            return _bound(f"Omega({r:.6g})", self.Omega(r))
        return self.modulus * r

    def lipschitz(self, r: float) -> float:
        """Lip on a ball within `reach`; LookupError if it is not known."""
        if self.Lip is None or r > self.reach:
            raise LookupError(
                f"no Lipschitz constant of J is known on the ball of radius {r:.3g}: give Lip (and reach)"
            )
        return float(self.Lip)

    def radius(self, sigma_0: float) -> float:
        """σ0/(2 Lip), within `reach`; LookupError without Lip."""
        lip = self.lipschitz(0.0)
        return self.reach if lip == 0 else min(self.reach, sigma_0 / (2 * lip))

    def to_json(self) -> dict[str, Any]:
        """What it is; functions are not written to files, so that no case with it can be run again from one."""
        return {"kind": self.kind, "n": self.n, "size": self.size}
