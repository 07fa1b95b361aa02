"""Gradient descent with a fixed step, both layers, least squares: so many iterations a run."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import problems
from benchmarks.contenders.base import Contender
from benchmarks.contenders.flow import full_displacement


class _Descent(Contender):
    """Keeps the instance and the step size.  Option: iterations in a run."""

    def __init__(self, iterations: int) -> None:
        self.per_run = self.iterations = iterations

    def prepare(self, case: dict[str, Any]) -> None:
        """The instance and its reduction."""
        self.full = problems.make(case)
        self.reduced = problems.reduce(self.full)
        self.gamma = problems.step_size(self.full)
        self.make()

    def make(self) -> None:
        """What else is not part of the task."""


class Ours(_Descent):
    """numerics.descent.gradient_descent on the reduced state.  Options: kernel "numpy" or "fused"."""

    def __init__(self, iterations: int, kernel: str) -> None:
        super().__init__(iterations)
        self.kernel = kernel

    def make(self) -> None:
        """Compile the activation, the loss and (first call) the kernel."""
        from numerics.activations import activation
        from numerics.losses import loss
        from numerics.reduced import ReducedProblem

        reduced, items = self.reduced, (loss("least_squares"), activation("tanh"))
        try:
            self.problem = ReducedProblem(reduced.S, reduced.y, *items, "both", reduced.a, reduced.V)
        except ValueError:  # versions that take no diagonal
            self.problem = ReducedProblem(np.diag(reduced.S), reduced.y, *items, "both", reduced.a, reduced.V)

    def run(self) -> Any:
        """So many steps, nothing stored in between."""
        from numerics.descent import gradient_descent

        return gradient_descent(self.problem, self.gamma, max_steps=self.iterations, store=(), kernel=self.kernel)

    def answer(self, result: Any) -> np.ndarray:
        """The displacement."""
        return np.concatenate((result.a[-1] - self.reduced.a, (result.V[-1] - self.reduced.V).ravel()))


class OursFused(Ours):
    """The fused kernel, which needs numba."""

    needs = ("numba",)

    def __init__(self, iterations: int) -> None:
        super().__init__(iterations, "fused")


class TorchSGD(_Descent):
    """torch.optim.SGD on the full model in float64, gradients by autograd, one thread.

    Options: compiled (the loss by torch.compile); train "both" or "W".
    """

    needs = ("torch",)

    def __init__(self, iterations: int, compiled: bool = False, train: str = "both") -> None:
        super().__init__(iterations)
        self.compiled, self.train = compiled, train

    def make(self) -> None:
        """Tensors; compile the loss if asked for."""
        import torch

        torch.set_num_threads(1)
        full = self.full
        A, u, y = (torch.from_numpy(x) for x in (full.A, full.u, full.y))
        root = float(np.sqrt(full.W.shape[0]))

        def loss(W: Any, V: Any) -> Any:
            r = A @ (V @ torch.tanh(W @ u)) / root - y
            return 0.5 * (r @ r)

        self.loss = torch.compile(loss) if self.compiled else loss

    def run(self) -> Any:
        """So many steps of the optimizer, from the start."""
        import torch

        W = torch.from_numpy(self.full.W.copy()).requires_grad_()
        V = torch.from_numpy(self.full.V.copy()).requires_grad_(self.train == "both")
        optimizer = torch.optim.SGD([W, V] if self.train == "both" else [W], lr=self.gamma)
        for _ in range(self.iterations):
            optimizer.zero_grad()
            self.loss(W, V).backward()
            optimizer.step()
        return W.detach().numpy(), V.detach().numpy()

    def answer(self, result: Any) -> np.ndarray:
        """The displacement, reduced."""
        return full_displacement(self.full, self.reduced, *result)


class JaxFull(_Descent):
    """jax on the full model in float64, gradients by jax.grad, all steps in one compiled loop."""

    needs = ("jax",)

    def make(self) -> None:
        """Compile."""
        import jax

        jax.config.update("jax_enable_x64", True)
        import jax.numpy as jnp

        full = self.full
        A, u, y = jnp.asarray(full.A), jnp.asarray(full.u), jnp.asarray(full.y)
        root = float(np.sqrt(full.W.shape[0]))
        self.start = (jnp.asarray(full.W), jnp.asarray(full.V))

        def loss(state: Any) -> Any:
            r = A @ (state[1] @ jnp.tanh(state[0] @ u)) / root - y
            return 0.5 * (r @ r)

        gradient, gamma = jax.grad(loss), self.gamma

        def step(_: int, state: Any) -> Any:
            dW, dV = gradient(state)
            return state[0] - gamma * dW, state[1] - gamma * dV

        self.steps = jax.jit(lambda start: jax.lax.fori_loop(0, self.iterations, step, start))

    def run(self) -> Any:
        """So many steps."""
        import jax

        return jax.block_until_ready(self.steps(self.start))

    def answer(self, result: Any) -> np.ndarray:
        """The displacement, reduced."""
        return full_displacement(self.full, self.reduced, *(np.asarray(part) for part in result))
