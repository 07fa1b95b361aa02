"""What a replica of a phase diagram is made of, and its draw in the reduced variables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from numerics.activations import activation
from numerics.descent.engine import Kernel
from numerics.door import integer, number
from numerics.initialization import Train, entry_distribution, initialize
from numerics.losses import loss
from numerics.reduced import ReducedProblem

__all__ = ["CLOCKS", "METHODS", "Clock", "Experiment", "Method", "draw", "frame", "operator_and_data"]

Array = NDArray[np.float64]
Method = Literal["descent", "flow", "predict", "fastest"]
METHODS: tuple[Method, ...] = ("descent", "flow", "predict", "fastest")
Clock = Literal["steps", "scaled", "limit"]
CLOCKS: tuple[Clock, ...] = ("steps", "scaled", "limit")


@dataclass(frozen=True)
class Experiment:
    """What is drawn and when it counts as converged; see :func:`convergence`.

    One with another operator or further parameters is a subclass (a frozen dataclass) that says what its `operator` is.
    """

    n: int
    m: int
    k: int
    train: Train = "both"
    cap: int = 25_000
    gamma: float | Literal["stable"] = "stable"
    tolerance: float = 1e-7
    kappa: float | None = None
    noise: float = 0.0
    activation: str = "tanh"
    V: str = "uniform"
    method: Method = "descent"
    kernel: Kernel = "auto"
    clock: Clock = "steps"
    horizon: float = 20.0
    limit_cap: float = 1e12

    def __post_init__(self) -> None:
        for name in ("n", "m", "k", "cap"):
            integer(name, getattr(self, name), 1)
        for name in ("tolerance", "noise", "horizon", "limit_cap"):
            number(name, getattr(self, name))
        if self.kappa is not None:
            number("kappa", self.kappa)
        if self.train not in ("both", "W"):
            raise ValueError(f"train = {self.train!r}; it must be 'both' (a and V move) or 'W' (only a moves)")
        if self.method not in METHODS:
            raise ValueError(f"method = {self.method!r}; choose one of {', '.join(METHODS)}")
        if self.clock not in CLOCKS:
            raise ValueError(f"clock = {self.clock!r}; choose one of {', '.join(CLOCKS)}")
        if self.clock != "steps" and self.method not in ("descent", "flow"):
            raise ValueError(
                f"method = {self.method!r} counts steps, and clock = {self.clock!r} integrates the flow; leave method out"
            )
        for name in ("horizon", "limit_cap"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} = {getattr(self, name)}; a flow time in units of 1/σ_F² is positive")
        if self.gamma != "stable" and not (isinstance(self.gamma, int | float) and 0 < self.gamma < math.inf):
            raise ValueError(
                f"gamma = {self.gamma!r}; it is a positive number, or 'stable' for 1/λmax(JJᵀ) at each start"
            )
        if not 0 < self.tolerance < 1:
            raise ValueError(f"tolerance = {self.tolerance}; it is relative to the initial loss, between 0 and 1")
        if self.kappa is not None and not 1 <= self.kappa < math.inf:
            raise ValueError(
                f"kappa = {self.kappa}; a condition number is at least 1, None stands for a Gaussian operator"
            )
        if not 0 <= self.noise < math.inf:
            raise ValueError(f"noise = {self.noise}; a standard deviation is nonnegative")
        activation(self.activation)
        entry_distribution(self.V)

    @property
    def operator(self) -> str:
        """What A is, for the captions of figures; of a subclass that does not say it, no more than the class that draws it.

        >>> Experiment(4, 2, 8).operator, Experiment(4, 2, 8, kappa=10.0).operator
        ('Gaussian A', 'A of condition number 10')
        """
        if type(self) is not Experiment:
            return f"A of {type(self).__name__}"
        return "Gaussian A" if self.kappa is None else f"A of condition number {self.kappa:g}"


def draw(experiment: Experiment, rng: np.random.Generator) -> ReducedProblem:
    """A random instance in the reduced variables, C the singular values where m ≤ n.

    The distribution is that of the full model, W u being N(0, I_k) (`speed.sampling`); V is drawn in full and rotated, as
    only a Gaussian V could be drawn rotated.
    """
    n, m, k = experiment.n, experiment.m, experiment.k
    data, network = rng.spawn(2)
    left, s, right, y = operator_and_data(experiment, data)
    a0, V0 = initialize(n, k, network, train=experiment.train, V=experiment.V)
    C, y = (s, left.T @ y) if m <= n else (left * s, y)
    return ReducedProblem(
        C, y, loss("least_squares"), activation(experiment.activation), experiment.train, a0, right @ V0
    )


def operator_and_data(experiment: Experiment, rng: np.random.Generator) -> tuple[Array, Array, Array, Array]:
    """A = left diag(s) right, shapes (m, r), (r,), (r, n) with r = min(m, n), and y, shape (m,)."""
    n, m = experiment.n, experiment.m
    rank = min(m, n)
    if experiment.kappa is None:
        left, s, right = np.linalg.svd(rng.standard_normal((m, n)) / math.sqrt(n), full_matrices=False)
    else:
        left, right = frame(rng, m, rank), frame(rng, n, rank).T
        s = np.logspace(0.0, -math.log10(experiment.kappa), rank)
    y = left @ (s * (right @ rng.standard_normal(n)))
    if experiment.noise:
        y = y + experiment.noise * rng.standard_normal(m)
    return left, s, right, y


def frame(rng: np.random.Generator, rows: int, columns: int) -> Array:
    """A uniformly distributed orthonormal frame."""
    Q, R = np.linalg.qr(rng.standard_normal((rows, columns)))
    return Q * np.sign(np.diag(R))
