"""What the generator of a small world has to offer, and the simplest ones: quadratic maps, whose constants are exact.

Parameters are displacements d = θ − θ(0), vectors of shape (size,).  Small worlds are for checking statements: Jacobians
are formed as matrices here, which the engines for real networks never do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Generator", "Quadratic", "array"]

Array = NDArray[np.float64]
_UP = 1 + 1e-12  # far above the rounding of the small norms below


class Generator(Protocol):
    """A generator g with what the statements need to know of it, at and around its start d = 0."""

    @property
    def kind(self) -> str:
        """Name of the kind, as in a case file."""

    @property
    def n(self) -> int:
        """Number of outputs."""

    @property
    def size(self) -> int:
        """Number of parameters."""

    @property
    def leading(self) -> int:
        """How many of them, at the front, count for the length ℓ_a."""

    def output(self, d: Array) -> Array:
        """g, shape (n,)."""

    def jacobian(self, d: Array) -> Array:
        """J_g, shape (n, size)."""

    @property
    def modulus(self) -> float:
        """Λ with ‖J_g(d) − J_g(0)‖ ≤ Λ‖d‖ for ‖d‖ ≤ `reach`, from above."""

    @property
    def reach(self) -> float:
        """The radius on which `modulus` is valid."""

    def modulus_at(self, r: float) -> float:
        """Ω(r) ≥ ‖J_g(d) − J_g(0)‖ for ‖d‖ ≤ r."""

    def lipschitz(self, r: float) -> float:
        """A Lipschitz constant of J_g on the ball of radius r; LookupError if none is known."""

    def radius(self, sigma_0: float) -> float:
        """A radius R with R·lipschitz(R) ≤ σ0/2, as large as is known; LookupError if none is."""

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary from which :func:`numerics.worlds.world.generator_from` makes it again."""


def array(value: Any, shape: tuple[int | None, ...], what: str) -> Array:
    """`value` as a finite float64 array whose axes have the lengths in `shape` (None: any, at least 1)."""
    found = np.array(value, dtype=np.float64)
    fits = found.ndim == len(shape) and all(w in (None, s) and s > 0 for w, s in zip(shape, found.shape, strict=True))
    if not fits:
        wanted = tuple("any" if w is None else w for w in shape)
        raise ValueError(f"{what} has shape {found.shape}; it must have shape {wanted}")
    if not np.all(np.isfinite(found)):
        raise ValueError(f"{what} contains NaN or infinity")
    found.setflags(write=False)
    return found


@dataclass(frozen=True, eq=False)
class Quadratic:
    """g(d) = x0 + J d + ½ H[d, d], H symmetric in its last two axes.

    Parameters
    ----------
    J: (n, size).  H: (n, size, size), or None for a linear generator.  x0: (n,), or None for 0.

    >>> extremal = Quadratic([[1.0]], [[[-1.0]]])  # g(s) = s − s²/2
    >>> extremal.output(np.array([0.5])), extremal.modulus
    (array([0.375]), 1.0)
    """

    J: Any
    H: Any = None
    x0: Any = None

    def __post_init__(self) -> None:
        J = array(self.J, (None, None), "J")
        n, size = J.shape
        H = np.zeros((n, size, size)) if self.H is None else array(self.H, (n, size, size), "H")
        if not np.array_equal(H, np.swapaxes(H, 1, 2)):
            raise ValueError("H must be symmetric in its last two axes: use (H + Hᵀ)/2")
        for name, value in (("J", J), ("H", H), ("x0", array(np.zeros(n) if self.x0 is None else self.x0, (n,), "x0"))):
            object.__setattr__(self, name, value)

    @property
    def kind(self) -> str:
        """ "quadratic"."""
        return "quadratic"

    @property
    def n(self) -> int:
        """Number of outputs."""
        return int(self.J.shape[0])

    @property
    def size(self) -> int:
        """Number of parameters."""
        return int(self.J.shape[1])

    @property
    def leading(self) -> int:
        """All of them: there is no distinguished part."""
        return self.size

    def output(self, d: Array) -> Array:
        """g, shape (n,)."""
        return np.asarray(self.x0 + self.J @ d + 0.5 * (self.H @ d) @ d)

    def jacobian(self, d: Array) -> Array:
        """J + H[·, d]."""
        return np.asarray(self.J + self.H @ d)

    @cached_property
    def modulus(self) -> float:
        """The norm of d → H[·, d] from ‖·‖ to the Frobenius norm: exact for one output and one parameter."""
        if not np.any(self.H):
            return 0.0
        unfolded = self.H.reshape(self.n * self.size, self.size)
        found = float(np.linalg.norm(unfolded, 2))
        return found if unfolded.size == 1 else found * _UP

    @property
    def reach(self) -> float:
        """Infinite."""
        return math.inf

    def modulus_at(self, r: float) -> float:
        """Λ r."""
        return self.modulus * r

    def lipschitz(self, r: float) -> float:
        """Λ on every ball."""
        return self.modulus

    def radius(self, sigma_0: float) -> float:
        """σ0/(2Λ)."""
        return math.inf if self.modulus == 0 else sigma_0 / (2 * self.modulus)

    def to_json(self) -> dict[str, Any]:
        """kind, J, H, x0."""
        return {"kind": self.kind, "J": self.J.tolist(), "H": self.H.tolist(), "x0": self.x0.tolist()}
