"""Gradient descent in NumPy: every loss, every activation; the reference for the fused kernel."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dger
from threadpoolctl import ThreadpoolController

from numerics.descent.formulas import numpy_pair
from numerics.descent.objective import General, Quadratic
from numerics.interrupt import Request

__all__ = ["PlainStepper", "Stepper"]

Array = NDArray[np.float64]


_SMALL = 1_000_000  # entries of V below which waking a second BLAS thread costs more than it brings


@lru_cache(maxsize=1)
def _controller() -> Any:
    return ThreadpoolController()


def _blas_threads(size: int) -> AbstractContextManager[Any]:
    """One thread for small products: on a busy machine those of BLAS wait for each other, a hundred times as long."""
    return nullcontext() if size >= _SMALL else _controller().limit(limits=1, user_api="blas")


class Stepper(Protocol):
    """A descent in progress, at one step."""

    @property
    def step(self) -> int:
        """Steps taken."""

    @property
    def loss(self) -> float:
        """L here."""

    @property
    def residual(self) -> float:
        """‖v − y‖ here."""

    @property
    def length(self) -> float:
        """Path length of all parameters."""

    @property
    def length_a(self) -> float:
        """Path length of a."""

    @property
    def crossed(self) -> list[int]:
        """First steps at or below the levels passed so far, in the order of the levels (descending)."""

    @property
    def unfit(self) -> bool:
        """Whether it has come to where it is not to be trusted, so that a :class:`PlainStepper` has to go on."""

    def advance(self, count: int, request: Request) -> bool:
        """Up to `count` steps: fewer if the loss is reached or not finite (then True), or Ctrl-C is pressed."""

    def state(self) -> tuple[Array, Array]:
        """a (k,) and V of the objective (p, k): copies."""


class PlainStepper:
    """x = V φ(a)·root;  q = ∇L;  a ← a − γ root φ'(a)∘(Vᵀq),  V ← V − γ root q φ(a)ᵀ (both layers)."""

    unfit = False

    def __init__(
        self,
        target: Quadratic | General,
        gamma: float,
        loss_stop: float,
        levels: list[float],
        start: Stepper | None = None,
    ) -> None:
        problem = target.problem
        self._target, self._gamma, self._loss_stop, self._levels = target, gamma, loss_stop, levels
        self._both = problem.train == "both"
        self._pair = numpy_pair(problem.activation)
        self._a, V = (problem.a0.copy(), target.V0) if start is None else start.state()
        # Fortran order of the transpose: BLAS adds a product of vectors in place, in one pass over V
        self._transposed = np.array(V.T, order="F")
        self._V = self._transposed.T
        self.step = 0 if start is None else start.step
        self.length = 0.0 if start is None else start.length
        self.length_a = 0.0 if start is None else start.length_a
        self.crossed: list[int] = [] if start is None else list(start.crossed)
        with np.errstate(over="ignore", invalid="ignore"):
            self._observe()

    def _observe(self) -> bool:
        """Loss and gradient here; whether to stop."""
        self._phi, self._slope = self._pair(self._a)
        self.loss, self.residual, self._q = self._target.evaluate(self._V.dot(self._phi) * self._target.root)
        if not self.loss < math.inf:
            return True
        while len(self.crossed) < len(self._levels) and self.residual <= self._levels[len(self.crossed)]:
            self.crossed.append(self.step)
        return self.loss <= self._loss_stop

    def advance(self, count: int, request: Request) -> bool:
        """See :class:`Stepper`."""
        gamma, root, V = self._gamma, self._target.root, self._V
        with _blas_threads(V.size), np.errstate(over="ignore", invalid="ignore"):
            for _ in range(count):
                pull = self._q.dot(V)
                pull *= self._slope
                pull *= root
                inner = float(pull.dot(pull))
                outer = 0.0
                if self._both:
                    outer = root * root * float(self._q.dot(self._q)) * float(self._phi.dot(self._phi))
                    dger(-gamma * root, self._phi, self._q, a=self._transposed, overwrite_a=1)
                pull *= gamma
                self._a -= pull
                self.step += 1
                self.length_a += gamma * math.sqrt(inner)
                self.length += gamma * math.sqrt(inner + outer)
                if self._observe():
                    return True
                if request.made:
                    return False
        return False

    def state(self) -> tuple[Array, Array]:
        """See :class:`Stepper`."""
        return self._a.copy(), np.array(self._V, order="C")
