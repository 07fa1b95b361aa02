"""Random initializations drawn many at once, and what is measured on them, for the statements with a probability.

Arrays have the draws on their first axis: N draws of k pre-activations are (N, k), of V they are (N, n, k).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numerics import compile as compiled
from numerics.activations import CompiledActivation, activation
from numerics.initialization import entry_distribution

__all__ = ["Configuration", "Problem", "Start", "constants", "value"]

Array = NDArray[np.float64]
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Configuration:
    """What an experiment fixes before it draws.

    n, k, m: entries of the signal, neurons, entries of the data (rank A = m, so m <= n).
    train, activation, V: as in `numerics.initialization`.
    delta: failure probability that is granted.
    kappa: condition number of A, whose largest singular value is 1; y_norm: norm of the data.
    seed: of A, the data and the direction that is looked at (0: A the first m coordinates, the direction (1, 1, 0, ...)).
    """

    n: int = 2
    k: int = 8
    m: int = 1
    train: Literal["both", "W"] = "both"
    activation: str = "tanh"
    V: str = "rademacher"
    delta: float = 0.5
    kappa: float = 1.0
    y_norm: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.m <= self.n or self.k < 1:
            raise ValueError(f"1 <= m <= n and k >= 1 are needed; given m = {self.m}, n = {self.n}, k = {self.k}")
        if not 0 < self.delta < 1:
            raise ValueError(f"delta is a probability strictly between 0 and 1; given {self.delta!r}")

    @property
    def phi(self) -> CompiledActivation:
        """The activation."""
        return activation(self.activation)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary; ``Configuration(**d)`` makes it again."""
        return asdict(self)

    def __str__(self) -> str:
        layers = "both layers" if self.train == "both" else "W only"
        sizes = ", ".join(f"{name} = {getattr(self, name)}" for name in ("n", "m", "k"))
        return f"{layers}, {self.activation}, {self.V}, {sizes}, delta = {self.delta:.4g}"


class Problem(NamedTuple):
    """The deterministic part of an instance: A = diag(sigma) Uᵀ of rank m, data y, a unit direction q of R^n in Im Aᵀ.

    A is given in coordinates in which its left singular vectors are the unit vectors.
    """

    sigma: Array
    U: Array
    y: Array
    q: Array

    @property
    def A(self) -> Array:
        """The operator, shape (m, n)."""
        return self.sigma[:, None] * self.U.T


@lru_cache(maxsize=256)
def problem(c: Configuration) -> Problem:
    """Operator, data and direction of a configuration, always the same for the same one."""
    sigma = c.kappa ** -(np.arange(c.m) / max(1, c.m - 1))
    if c.seed == 0:
        U = np.eye(c.n, c.m)
        q = U[:, : min(2, c.m)].sum(axis=1)
    else:
        rng = np.random.default_rng([c.seed, c.n, c.m])
        U = np.linalg.qr(rng.standard_normal((c.n, c.m)))[0]
        q = U @ rng.standard_normal(c.m)
    q = q / np.linalg.norm(q)
    y = sigma * (U.T @ q)
    return Problem(sigma, U, c.y_norm * y / np.linalg.norm(y), q)


@dataclass(frozen=True)
class Start:
    """N random initializations: pre-activations a (N, k) and second layers V (N, n, k)."""

    c: Configuration
    a: Array
    V: Array

    @classmethod
    def draw(cls, c: Configuration, rng: np.random.Generator, draws: int) -> Start:
        """From `rng`, independent of each other; a first, then V."""
        a = rng.standard_normal((draws, c.k))
        V = entry_distribution(c.V).draw(rng, (draws * c.n, c.k))
        return cls(c, a, V.reshape(draws, c.n, c.k))

    def hidden(self) -> Array:
        """f = |phi(a)|/sqrt k, shape (N,)."""
        return np.linalg.norm(self.c.phi.phi(self.a), axis=1) / math.sqrt(self.c.k)

    def sigma_0(self) -> Array:
        """Smallest of the n singular values of J_g (`dip2.gram`), shape (N,)."""
        n, k = self.c.n, self.c.k
        factor = self.V * (self.c.phi.dphi(self.a) / math.sqrt(k))[:, None, :]
        small = np.linalg.svd(factor, compute_uv=False)[:, -1] if k >= n else np.zeros(len(self.a))
        return np.asarray(np.hypot(self.hidden(), small) if self.c.train == "both" else small)

    def row(self, q: Array) -> Array:
        """|J_g^T q| for a unit vector q of R^n, shape (N,)."""
        seen = np.einsum("Njk,j->Nk", self.V, q) * self.c.phi.dphi(self.a)
        square = np.sum(seen**2, axis=1) / self.c.k
        return np.asarray(np.sqrt(square + self.hidden() ** 2 if self.c.train == "both" else square))

    def output(self) -> Array:
        """x(0) = V phi(a)/sqrt k, shape (N, n)."""
        return np.einsum("Njk,Nk->Nj", self.V, self.c.phi.phi(self.a)) / math.sqrt(self.c.k)

    def residual(self) -> Array:
        """|A x(0) - y|, which is rho_0 of least squares, shape (N,)."""
        world = problem(self.c)
        return np.linalg.norm(self.output() @ world.A.T - world.y, axis=1)

    def column(self) -> Array:
        """Largest norm of a column of V, shape (N,)."""
        return np.sqrt(np.max(np.sum(self.V**2, axis=1), axis=1))

    def seen(self) -> Array:
        """Uᵀ V, shape (N, m, k)."""
        return np.einsum("nm,Nnk->Nmk", problem(self.c).U, self.V)

    def gaps(self) -> Array:
        """2 G(a_i) - |U^T v_i|^2, for tanh sinh(a_i)^2 - |U^T v_i|^2 (`dip2.balanced`), shape (N, k)."""
        return 2 * self.c.phi.G(self.a) - np.sum(self.seen() ** 2, axis=1)


def constants(c: Configuration) -> dict[str, float]:
    """Everything that is known before the draw, by the names of the symbols of the theory."""
    world, law, phi = problem(c), entry_distribution(c.V), c.phi
    A = world.A
    return {
        "n": float(c.n), "k": float(c.k), "m": float(c.m), "rank": float(c.m), "delta": c.delta,
        "D_V": law.D_V, "c_1": law.c_1,
        "B1": phi.B1.as_upper(), "B2": phi.B2.as_upper(), "C_phi": phi.C_phi.upper, "C_dphi": phi.C_dphi.lower,
        "sigma_F": float(world.sigma[-1]), "L_F": float(world.sigma[0]), "A_norm": float(world.sigma[0]),
        "AF_norm": float(np.linalg.norm(world.sigma)), "AAt_F": float(np.linalg.norm(world.sigma**2)),
        "Aty_norm": float(np.linalg.norm(A.T @ world.y)), "y_norm": float(np.linalg.norm(world.y)), "F0_norm": 0.0,
    }  # fmt: skip


def value(statement: str, name: str, known: Values) -> Any:
    """A formula of the registry at what is known (more may be known than it asks for)."""
    expression = compiled.formula(statement, name)
    return compiled.evaluate(statement, name, {str(symbol): known[str(symbol)] for symbol in expression.free_symbols})
