"""What the machine can do at most, and our kernels to hold against it."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import problems
from benchmarks.contenders.base import Contender


class Limit(Contender):
    """One elementary operation on arrays of the case's shape.

    Option: what, one of "gemv" (V t and q V, V of shape p × k), "gemm" (square, order 1000), "gram" (V Vᵀ), "tanh" (of k
    numbers), "copy" (of 256 MB).
    """

    def __init__(self, what: str) -> None:
        self.what = what

    def prepare(self, case: dict[str, Any]) -> None:
        """Arrays, output included."""
        rng = np.random.default_rng(int(case["seed"]))
        rows, columns = int(case["rows"]), int(case["k"])
        self.V, self.t, self.q = rng.standard_normal((rows, columns)), rng.standard_normal(columns), np.ones(rows)
        self.down, self.across, self.square = np.empty(rows), np.empty(columns), np.empty((rows, rows))
        if self.what == "gemm":
            self.X = rng.standard_normal((1000, 1000))
            self.Y = np.empty_like(self.X)
        if self.what == "copy":
            self.X = np.ones(2**25)
            self.Y = np.empty_like(self.X)

    def run(self) -> None:
        """Once."""
        if self.what == "gemv":
            np.dot(self.V, self.t, out=self.down)
            np.dot(self.q, self.V, out=self.across)
        elif self.what == "gemm":
            np.dot(self.X, self.X, out=self.Y)
        elif self.what == "gram":
            np.dot(self.V, self.V.T, out=self.square)
        elif self.what == "tanh":
            np.tanh(self.t, out=self.across)
        else:
            np.copyto(self.Y, self.X)


class RightHandSide(Contender):
    """One velocity of the reduced flow by numerics.reduced."""

    def prepare(self, case: dict[str, Any]) -> None:
        """The system."""
        from numerics.activations import activation
        from numerics.losses import loss
        from numerics.reduced import ReducedProblem

        reduced = problems.reduce(problems.make(case))
        items = (loss("least_squares"), activation("tanh"))
        try:
            problem = ReducedProblem(reduced.S, reduced.y, *items, "both", reduced.a, reduced.V)
        except ValueError:  # versions that take no diagonal
            problem = ReducedProblem(np.diag(reduced.S), reduced.y, *items, "both", reduced.a, reduced.V)
        self.system = problem.system()
        self.displacement = np.zeros(self.system.size)

    def run(self) -> Any:
        """Once."""
        return self.system.velocity(self.displacement)
