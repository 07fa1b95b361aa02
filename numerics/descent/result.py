"""What gradient descent leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numerics.networks.two_layer import TwoLayer
from numerics.reduced import ReducedProblem

__all__ = ["Descent"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Descent:
    """Gradient descent θ_{j+1} = θ_j − γ∇L(θ_j) at N stored steps.

    Attributes
    ----------
    problem, gamma: what was minimized and the step size γ.
    steps: shape (N,), integers: the stored steps, 0 and the last one included.
    loss, residual: L(θ_j) and ‖v_j − y‖ there, shape (N,).
    length, length_a: path lengths Σ‖θ_{i+1} − θ_i‖ and Σ‖a_{i+1} − a_i‖ up to there, shape (N,) (`gd.length`).
    a: shape (N, k).  V: shape (N, p, k), or None for W only, where it stays `problem.V0`.  Without stored states they hold
        the last one only (N = 1 there).
    crossings: residual level → first step j with ‖v_j − y‖ ≤ level, for the levels that were reached.
    status: "loss_stop", "max_steps", "hook", "interrupted" or "diverged"; message: the same in words, with the step sizes
        that would be stable where that is of interest.
    kernel: "fused" or "numpy"; kernel_reason: why that one.
    seconds: wall time, compilation included.
    """

    problem: ReducedProblem
    gamma: float
    steps: NDArray[np.int64]
    loss: Array
    residual: Array
    length: Array
    length_a: Array
    a: Array
    V: Array | None
    crossings: Mapping[float, int]
    status: str
    message: str
    kernel: str
    kernel_reason: str
    seconds: float

    def __len__(self) -> int:
        return int(self.steps.size)

    @property
    def converged(self) -> bool:
        """Whether the loss asked for was reached."""
        return self.status == "loss_stop"

    def state(self, i: int = -1) -> TwoLayer:
        """The reduced network at the i-th stored step (the last one by default).

        IndexError if states were not stored (`states=True` does so) and i is not the last; ValueError if it has
        overflowed, after a divergence.
        """
        index = range(len(self))[i]
        if len(self.a) != len(self):
            if index != len(self) - 1:
                raise IndexError(f"state {i} was not stored: pass states=True to gradient_descent")
            index = 0
        V = self.problem.V0 if self.V is None else np.ascontiguousarray(self.V[index])
        return TwoLayer(self.problem.activation, self.problem.train, np.ascontiguousarray(self.a[index]), V)
