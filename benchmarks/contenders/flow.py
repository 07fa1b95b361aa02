"""Gradient flow from the initialization to a given time.

Everyone gets the end time: no event location.  State-space peers integrate [W, V] as they stand ("full") or, to tell the
integrator from the reduction, the reduced state [a, V̂].  `tolerance` is the relative and the absolute tolerance.
The answer is the displacement (a(t) − a(0), V̂(t) − V̂(0)) as one vector, whatever the state was.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import problems
from benchmarks.contenders.base import Contender


class _Flow(Contender):
    """Keeps tolerance and end time; the first call goes a tiny way only, which suffices to compile."""

    tolerance = 1e-6
    t_end = 1e-6

    def prepare(self, case: dict[str, Any]) -> None:
        """The instance, and its reduction where that is not part of the task."""
        self.full = problems.make(case)
        self.reduced = problems.reduce(self.full)
        self.t_end = float(case["t_end"]) * 1e-6
        self.make()

    def make(self) -> None:
        """What else is not part of the task."""

    def _displacement(self, a: np.ndarray, V: np.ndarray) -> np.ndarray:
        """From an end state in reduced form."""
        return np.concatenate((a - self.reduced.a, (V - self.reduced.V).ravel()))


class Ours(_Flow):
    """numerics.flow.gradient_flow.

    Options: method; error_estimate; `reduce`: the reduction (a = W u, the SVD of A, QᵀV) is part of the task.
    """

    def __init__(self, method: str = "exponential", error_estimate: bool = False, reduce: bool = False) -> None:
        self.method, self.error_estimate, self.reduces = method, error_estimate, reduce
        self._seen = ""

    def make(self) -> None:
        """Compile the activation and the loss."""
        from numerics.activations import activation
        from numerics.losses import loss

        self.items = (loss("least_squares"), activation("tanh"))
        self.problem = self._problem(self.reduced)

    def _problem(self, reduced: problems.Reduced) -> Any:
        from numerics.flow import ReducedProblem

        loss, activation = self.items
        try:
            return ReducedProblem(reduced.S, reduced.y, loss, activation, "both", reduced.a, reduced.V)
        except ValueError:  # versions that take no diagonal
            return ReducedProblem(np.diag(reduced.S), reduced.y, loss, activation, "both", reduced.a, reduced.V)

    def run(self) -> Any:
        """A trajectory with two stored times."""
        from numerics.flow import gradient_flow

        problem = self._problem(problems.reduce(self.full)) if self.reduces else self.problem
        return gradient_flow(
            problem,
            t_max=self.t_end,
            rtol=self.tolerance,
            method=self.method,
            error_estimate=self.error_estimate,
            lengths=False,
            times=(),
        )

    def answer(self, result: Any) -> np.ndarray:
        """From the last stored state."""
        self._seen = f"{result.steps} steps"
        if result.status != "t_max":
            raise RuntimeError(result.message)
        if self.error_estimate:
            self._seen += f", estimate {result.error_theta[-1] / result.distance[-1]:.1e}"
        return self._displacement(result.a[-1], result.V[-1])

    def note(self) -> str:
        """Steps, and the error estimate."""
        return self._seen


class Scipy(_Flow):
    """scipy.integrate.solve_ivp on the reduced state, right-hand side in NumPy.  Option: method."""

    def __init__(self, method: str) -> None:
        self.method = method
        self._seen = ""

    def make(self) -> None:
        """The start."""
        self.start = problems.pack(self.reduced)

    def run(self) -> Any:
        """To t_end."""
        from scipy.integrate import solve_ivp

        return solve_ivp(
            lambda t, state: problems.packed_velocity(self.reduced, state),
            (0.0, self.t_end),
            self.start,
            self.method,
            t_eval=(self.t_end,),
            rtol=max(self.tolerance, 2.3e-14),
            atol=self.tolerance,
        )

    def answer(self, result: Any) -> np.ndarray:
        """The last state less the first."""
        if not result.success:
            raise RuntimeError(result.message)
        self._seen = f"{result.nfev} right-hand sides"
        return result.y[:, -1] - self.start

    def note(self) -> str:
        """Evaluations."""
        return self._seen


class Sundae(Scipy):
    """CVODE of scikit-sundae on the reduced state: BDF, GMRES with exact Jacobian products or none.

    Options: method ("BDF" or "Adams"), krylov_dim.
    """

    needs = ("sksundae",)

    def __init__(self, method: str = "BDF", krylov_dim: int = 20) -> None:
        super().__init__(method)
        self.krylov_dim = krylov_dim

    def run(self) -> Any:
        """To t_end."""
        from sksundae.cvode import CVODE

        def velocity(t: float, state: np.ndarray, out: np.ndarray) -> None:
            out[:] = problems.packed_velocity(self.reduced, state)

        solver = CVODE(
            velocity,
            method=self.method,
            linsolver="gmres",
            krylov_dim=self.krylov_dim,
            rtol=max(self.tolerance, 1e-15),
            atol=self.tolerance,
            max_num_steps=10_000_000,
        )
        return solver.solve([0.0, self.t_end], self.start)

    def answer(self, result: Any) -> np.ndarray:
        """The last state less the first."""
        if not result.success:
            raise RuntimeError(str(result.message))
        self._seen = f"{result.nfev} right-hand sides"
        return np.asarray(result.y)[-1] - self.start


class Diffrax(_Flow):
    """diffrax, compiled, gradient by jax.grad.  Options: solver by name; state "full" or "reduced"."""

    needs = ("diffrax", "jax")

    def __init__(self, solver: str = "Tsit5", state: str = "full") -> None:
        self.solver, self.state = solver, state
        self._seen = ""

    def make(self) -> None:
        """The compiled solve; end time and tolerance are arguments, so that nothing is compiled again."""
        import jax

        jax.config.update("jax_enable_x64", True)
        import diffrax
        import jax.numpy as jnp

        full, reduced = self.full, self.reduced
        root = float(np.sqrt(full.W.shape[0]))
        if self.state == "full":
            A, u, y = jnp.asarray(full.A), jnp.asarray(full.u), jnp.asarray(full.y)
            self.start = (jnp.asarray(full.W), jnp.asarray(full.V))

            def loss(state: Any) -> Any:
                r = A @ (state[1] @ jnp.tanh(state[0] @ u)) / root - y
                return 0.5 * (r @ r)
        else:
            S, y = jnp.asarray(reduced.S), jnp.asarray(reduced.y)
            self.start = (jnp.asarray(reduced.a), jnp.asarray(reduced.V))

            def loss(state: Any) -> Any:
                r = S * (state[1] @ jnp.tanh(state[0])) / root - y
                return 0.5 * (r @ r)

        gradient = jax.grad(loss)

        def velocity(t: Any, state: Any, args: Any) -> Any:
            dW, dV = gradient(state)
            return -dW, -dV

        def solve(start: Any, t_end: Any, tolerance: Any) -> Any:
            solution = diffrax.diffeqsolve(
                diffrax.ODETerm(velocity),
                getattr(diffrax, self.solver)(),
                0.0,
                t_end,
                None,
                start,
                stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
                saveat=diffrax.SaveAt(t1=True),
                max_steps=None,
                throw=False,
            )
            return solution.ys, solution.stats["num_steps"]

        self.solve = jax.jit(solve)

    def run(self) -> Any:
        """To t_end."""
        import jax

        return jax.block_until_ready(self.solve(self.start, self.t_end, self.tolerance))

    def answer(self, result: Any) -> np.ndarray:
        """The last state, reduced, less the first."""
        (first, second), steps = result
        self._seen = f"{int(steps)} steps"
        first, second = np.asarray(first)[0], np.asarray(second)[0]
        if not np.all(np.isfinite(second)):
            raise RuntimeError("not finite")
        if self.state == "full":
            return full_displacement(self.full, self.reduced, first, second)
        return self._displacement(first, second)

    def note(self) -> str:
        """Steps."""
        return self._seen


class Torchdiffeq(_Flow):
    """torchdiffeq on [W, V]; the gradient is written out, which spares it the cost of autograd.  Option: method."""

    needs = ("torch", "torchdiffeq")

    def __init__(self, method: str = "dopri5") -> None:
        self.method = method

    def make(self) -> None:
        """Tensors, one thread."""
        import torch

        torch.set_num_threads(1)
        full = self.full
        self.start = (torch.from_numpy(full.W), torch.from_numpy(full.V))
        self.A, self.u, self.y = (torch.from_numpy(x) for x in (full.A, full.u, full.y))
        self.root = float(np.sqrt(full.W.shape[0]))

    def _velocity(self, t: Any, state: Any) -> Any:
        import torch

        W, V = state
        hidden = torch.tanh(W @ self.u)
        q = self.A.T @ (self.A @ (V @ hidden) / self.root - self.y) / self.root
        return -torch.outer((1 - hidden * hidden) * (q @ V), self.u), -torch.outer(q, hidden)

    def run(self) -> Any:
        """To t_end."""
        import torch
        from torchdiffeq import odeint

        times = torch.tensor([0.0, self.t_end], dtype=torch.float64)
        with torch.no_grad():
            return odeint(
                self._velocity, self.start, times, rtol=self.tolerance, atol=self.tolerance, method=self.method
            )

    def answer(self, result: Any) -> np.ndarray:
        """The last state, reduced, less the first."""
        W, V = (part[-1].numpy() for part in result)
        return full_displacement(self.full, self.reduced, W, V)


def full_displacement(full: problems.Full, reduced: problems.Reduced, W: np.ndarray, V: np.ndarray) -> np.ndarray:
    """(a − a0, V̂ − V̂0) of a full state: differences first, which loses nothing to cancellation."""
    return np.concatenate(((W - full.W) @ full.u, (reduced.Q.T @ (V - full.V)).ravel()))


class OursToLoss(Ours):
    """The same up to a loss of 1e-7 of the initial one, located by the engine: no end time is given."""

    def prepare(self, case: dict[str, Any]) -> None:
        """The instance."""
        super().prepare({**case, "t_end": 1.0})
        self.stop = 1e-7 * problems.value(self.reduced, self.reduced.a, self.reduced.V)

    def run(self) -> Any:
        """To the loss."""
        from numerics.flow import gradient_flow

        return gradient_flow(
            self.problem,
            t_max=float("inf"),
            loss_stop=self.stop,
            rtol=self.tolerance,
            method=self.method,
            error_estimate=self.error_estimate,
            lengths=False,
            times=(),
        )

    def answer(self, result: Any) -> np.ndarray:
        """From the last stored state."""
        if result.status != "loss_stop":
            raise RuntimeError(result.message)
        return self._displacement(result.a[-1], result.V[-1])
