"""Operators of small worlds: matrices, and a nonlinear family whose constants are known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from numerics.worlds.generators import Array, array

__all__ = ["Linear", "Operator", "Sine"]

_RANK = 1e-13  # singular values below this fraction of the largest count as zero


class Operator(Protocol):
    """F: R^n → R^m with the constants of the theory."""

    @property
    def A(self) -> Any:
        """The matrix (m, n) that it is made of."""

    @property
    def kind(self) -> str:
        """Name of the kind, as in a case file."""

    @property
    def linear(self) -> bool:
        """Whether F(x) = A x."""

    def __call__(self, x: Array) -> Array:
        """F(x), shape (m,)."""

    def jacobian(self, x: Array) -> Array:
        """J_F(x), shape (m, n)."""

    @property
    def sigma_F(self) -> float:
        """A lower bound, over all x, of the smallest nonzero singular value of J_F."""

    @property
    def opnorm(self) -> float:
        """A bound of ‖J_F‖ over all x."""

    @property
    def curvature(self) -> float:
        """A Lipschitz constant of J_F."""

    @property
    def mu(self) -> float:
        """A lower bound of ‖F(x) − F(x')‖/‖x − x'‖; 0 if F is not injective."""

    @property
    def onto(self) -> bool:
        """Whether J_F has full row rank everywhere."""

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""


@dataclass(frozen=True, eq=False)
class Linear:
    """F(x) = A x.

    >>> Linear([[3.0, 0.0], [0.0, 0.0]]).sigma_F
    3.0
    """

    A: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "A", array(self.A, (None, None), "A"))
        if not np.any(self.A):
            raise ValueError("A is zero: an operator needs a nonzero singular value")

    @property
    def kind(self) -> str:
        """ "linear"."""
        return "linear"

    @property
    def linear(self) -> bool:
        """True."""
        return True

    def __call__(self, x: Array) -> Array:
        """A x."""
        return np.asarray(self.A @ x)

    def jacobian(self, x: Array) -> Array:
        """A."""
        return np.asarray(self.A)

    @cached_property
    def singular(self) -> Array:
        """Nonzero singular values, descending."""
        values = np.linalg.svd(self.A, compute_uv=False)
        return np.asarray(values[values > _RANK * values[0]])

    @property
    def sigma_F(self) -> float:
        """The smallest nonzero singular value."""
        return float(self.singular[-1])

    @property
    def opnorm(self) -> float:
        """The largest singular value."""
        return float(self.singular[0])

    @property
    def curvature(self) -> float:
        """0."""
        return 0.0

    @property
    def mu(self) -> float:
        """The smallest singular value if A is injective, else 0."""
        return self.sigma_F if self.singular.size == self.A.shape[1] else 0.0

    @property
    def onto(self) -> bool:
        """Whether the rank is m."""
        return bool(self.singular.size == self.A.shape[0])

    def to_json(self) -> dict[str, Any]:
        """kind and A."""
        return {"kind": self.kind, "A": self.A.tolist()}


@dataclass(frozen=True, eq=False)
class Sine:
    """F(x) = A (x + β sin x), sin entrywise, |β| < 1, A of full row rank m ≤ n.

    J_F = A diag(1 + β cos x), so σ_min(J_F) ≥ (1 − |β|) σ_min(A), ‖J_F‖ ≤ (1 + |β|)‖A‖, Lip J_F ≤ |β|‖A‖, and
    ‖x + β sin x − x' − β sin x'‖ ≥ (1 − |β|)‖x − x'‖.
    """

    A: Any
    beta: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "A", array(self.A, (None, None), "A"))
        if not abs(self.beta) < 1:
            raise ValueError(f"beta = {self.beta}; |beta| must be below 1, else J_F may be singular")
        if not self._linear.onto:
            raise ValueError("A must have full row rank: otherwise nothing is known of the singular values of J_F")

    @cached_property
    def _linear(self) -> Linear:
        return Linear(self.A)

    @property
    def kind(self) -> str:
        """ "sine"."""
        return "sine"

    @property
    def linear(self) -> bool:
        """False."""
        return False

    def __call__(self, x: Array) -> Array:
        """A (x + β sin x)."""
        return np.asarray(self.A @ (x + self.beta * np.sin(x)))

    def jacobian(self, x: Array) -> Array:
        """A diag(1 + β cos x)."""
        return np.asarray(self.A * (1 + self.beta * np.cos(x)))

    @property
    def sigma_F(self) -> float:
        """(1 − |β|) σ_min(A)."""
        return (1 - abs(self.beta)) * self._linear.sigma_F

    @property
    def opnorm(self) -> float:
        """(1 + |β|)‖A‖."""
        return (1 + abs(self.beta)) * self._linear.opnorm

    @property
    def curvature(self) -> float:
        """|β|‖A‖."""
        return abs(self.beta) * self._linear.opnorm

    @property
    def mu(self) -> float:
        """(1 − |β|) σ_min(A) if A is injective, else 0."""
        return (1 - abs(self.beta)) * self._linear.mu

    @property
    def onto(self) -> bool:
        """True."""
        return True

    def to_json(self) -> dict[str, Any]:
        """kind, A, beta."""
        return {"kind": self.kind, "A": self.A.tolist(), "beta": self.beta}
