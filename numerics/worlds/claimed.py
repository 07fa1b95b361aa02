"""Generators that promise too much or too little room: for showing that the hypotheses on J_g are needed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from numerics.worlds.generators import Array, Generator, Quadratic

__all__ = ["Power", "Understated"]


@dataclass(frozen=True, eq=False)
class Understated:
    """A quadratic map that claims `factor` < 1 times its Lipschitz constant and its centre modulus: both claims are false.

    >>> Understated(Quadratic([[1.0]], [[[-1.0]]]), 0.5).modulus
    0.5
    """

    true: Any
    factor: float

    def __post_init__(self) -> None:
        if not isinstance(self.true, Quadratic):
            given = dict(self.true)
            if given.pop("kind", "quadratic") != "quadratic":
                raise ValueError("an understated generator is made of a quadratic one, whose constants are known")
            object.__setattr__(self, "true", Quadratic(**given))
        if not 0 < self.factor < 1:
            raise ValueError(f"factor = {self.factor}; a claim that is too small needs 0 < factor < 1")
        if self.true.modulus == 0:
            raise ValueError("a linear generator has the constants 0: nothing smaller can be claimed")

    violates = ("A.generator.lipschitz", "A.generator.modulus", "A.generator.linear_modulus")
    """The hypotheses that the claimed constants break: those of the map are attained on its own ball."""

    @property
    def kind(self) -> str:
        """ "understated"."""
        return "understated"

    @property
    def n(self) -> int:
        """Number of outputs."""
        return int(self.true.n)

    @property
    def size(self) -> int:
        """Number of parameters."""
        return int(self.true.size)

    @property
    def leading(self) -> int:
        """All of them."""
        return self.size

    def output(self, d: Array) -> Array:
        """g, shape (n,)."""
        return np.asarray(self.true.output(d))

    def jacobian(self, d: Array) -> Array:
        """J_g, shape (n, size)."""
        return np.asarray(self.true.jacobian(d))

    @property
    def modulus(self) -> float:
        """The claimed Λ."""
        return float(self.factor * self.true.modulus)

    @property
    def reach(self) -> float:
        """Claimed to be infinite."""
        return math.inf

    def modulus_at(self, r: float) -> float:
        """The claimed Λ r."""
        return self.modulus * r

    def lipschitz(self, r: float) -> float:
        """The claimed Λ."""
        return self.modulus

    def radius(self, sigma_0: float) -> float:
        """σ0/(2Λ) with the claimed Λ."""
        return sigma_0 / (2 * self.modulus)

    def to_json(self) -> dict[str, Any]:
        """kind, true, factor."""
        return {"kind": self.kind, "true": self.true.to_json(), "factor": self.factor}


@dataclass(frozen=True, eq=False)
class Power:
    """g(s) = σ s − κ s^{q+1}/(q + 1), one parameter and one output: Ω(r) = |κ| r^q, linear only for q = 1.

    Λ = |κ| reach^{q−1} serves for r ≤ reach, and no further.

    >>> Power(1.0, 1.0, 2, 0.1).modulus, Power(1.0, 1.0, 2, 0.1).modulus_at(0.5)
    (0.1, 0.25)
    """

    slope: float
    kappa: float
    q: int
    reach: float

    def __post_init__(self) -> None:
        if not (self.slope > 0 and self.kappa != 0 and self.reach > 0 and self.q >= 1 and self.q == int(self.q)):
            raise ValueError("slope and reach must be positive, kappa not zero, q a positive integer")

    n = 1
    """One output."""
    size = 1
    """One parameter."""
    leading = 1
    """It is all there is."""

    @property
    def kind(self) -> str:
        """ "power"."""
        return "power"

    def output(self, d: Array) -> Array:
        """g, shape (1,)."""
        return np.asarray(self.slope * d - self.kappa * d ** (self.q + 1) / (self.q + 1))

    def jacobian(self, d: Array) -> Array:
        """g', shape (1, 1)."""
        return np.asarray(self.slope - self.kappa * d**self.q).reshape(1, 1)

    @property
    def modulus(self) -> float:
        """|κ| reach^{q−1}."""
        return float(abs(self.kappa) * self.reach ** (self.q - 1))

    def modulus_at(self, r: float) -> float:
        """|κ| r^q."""
        return float(abs(self.kappa) * r**self.q)

    def lipschitz(self, r: float) -> float:
        """|κ| q r^{q−1}."""
        return float(abs(self.kappa) * self.q * r ** (self.q - 1))

    def radius(self, sigma_0: float) -> float:
        """The R with R·lipschitz(R) = σ0/2, rounded down."""
        return float((sigma_0 / (2 * abs(self.kappa) * self.q)) ** (1 / self.q)) * (1 - 1e-12)

    def to_json(self) -> dict[str, Any]:
        """kind, slope, kappa, q, reach."""
        return {"kind": self.kind, "slope": self.slope, "kappa": self.kappa, "q": self.q, "reach": self.reach}


def claims(generator: Generator, name: str) -> bool:
    """False if the generator says of itself that it violates the hypothesis."""
    return name not in getattr(generator, "violates", ())
