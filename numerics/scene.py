"""A simulated flow of a two-layer network, and what can be seen of it at a stored time: see :mod:`numerics.measured`.

Derivatives in time are difference quotients along the velocity, independent of the chain rule that the proofs are about.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numerics.networks.two_layer import TwoLayer
from numerics.trajectory import Trajectory

__all__ = ["Point", "Scene", "jacobian", "norm"]

Array = NDArray[np.float64]

# Five-point difference quotients: the step is this fraction of the time in which the loss would vanish at its present
# speed, so that truncation (h^4) and rounding (2^-53/h) are both below 1e-9 of the derivative.
_FRACTION = 4e-3
_COORDINATE = 1e-3
_STENCIL = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))


def jacobian(network: TwoLayer) -> Array:
    """J_g by (V row by row, a), or by a: for small networks."""
    root = math.sqrt(network.k)
    of_a = network.V * (network.activation.dphi(network.a) / root)
    if network.train == "W":
        return of_a
    return np.hstack([np.kron(np.eye(network.n), network.activation.phi(network.a)[None, :] / root), of_a])


def norm(array: NDArray[Any], order: int | None = None) -> float:
    """Euclidean or Frobenius norm; order 2: spectral."""
    return float(np.linalg.norm(array, order))


@dataclass(frozen=True, eq=False)
class Scene:
    """A run and what belongs to it.

    Parameters
    ----------
    trajectory: the run.
    clean: ȳ, the data without noise, (m,); None if not known.
    truth: x̄ in the coordinates of the generator of the reduced problem, (p,); None if not known.
    """

    trajectory: Trajectory
    clean: Array | None = None
    truth: Array | None = None

    @cached_property
    def start(self) -> TwoLayer:
        """The network at t = 0."""
        return self.trajectory.state(0)

    @cached_property
    def end(self) -> TwoLayer:
        """The network at the end of the run."""
        return self.trajectory.state(len(self.trajectory) - 1)

    @cached_property
    def singular(self) -> Array:
        """The nonzero singular values of the operator, descending."""
        values = np.linalg.svd(self.trajectory.problem.C, compute_uv=False)
        return np.asarray(values[values > 1e-12 * values[0]])

    @cached_property
    def injective(self) -> bool:
        """Whether the operator determines its argument."""
        return bool(self.singular.size == self.trajectory.problem.p)

    @cached_property
    def sigma_0(self) -> float:
        """σ_min(J_g(0))."""
        return float(self.start.singular_values()[-1])

    @cached_property
    def radius(self) -> float:
        """The largest R with R·Lip(R) ≤ σ0/2."""
        return self.start.baseline_radius(self.sigma_0).as_lower()

    @cached_property
    def modulus(self) -> float:
        """Λ, the slope of the centre modulus."""
        return self.start.modulus().as_upper()

    @cached_property
    def J_0(self) -> Array:
        """J_g(0)."""
        return jacobian(self.start)

    def at(self, i: int) -> Point:
        """The i-th stored time."""
        return Point(self, i)

    def points(self) -> list[Point]:
        """All stored times."""
        return [self.at(i) for i in range(len(self.trajectory))]


@dataclass(frozen=True, eq=False)
class Point:
    """A stored time of a run."""

    scene: Scene
    i: int

    @cached_property
    def net(self) -> TwoLayer:
        """The network."""
        return self.scene.trajectory.state(self.i)

    def series(self, name: str) -> float:
        """A series of the trajectory at this time."""
        return float(getattr(self.scene.trajectory, name)[self.i])

    @cached_property
    def x(self) -> Array:
        """The signal g(θ)."""
        return self.net.output()

    @cached_property
    def v(self) -> Array:
        """The observation C g(θ)."""
        return np.asarray(self.scene.trajectory.problem.C @ self.x)

    @cached_property
    def gradient(self) -> Array:
        """∇L_y(v)."""
        problem = self.scene.trajectory.problem
        return problem.loss.grad(self.v, problem.y)

    @cached_property
    def q(self) -> Array:
        """J_Fᵀ∇L_y(v)."""
        return np.asarray(self.scene.trajectory.problem.C.T @ self.gradient)

    @cached_property
    def displacement(self) -> tuple[Array, Array]:
        """(a − a0, V − V0)."""
        return self.net.a - self.scene.start.a, self.net.V - self.scene.start.V

    @cached_property
    def velocity(self) -> tuple[Array, Array]:
        """(ȧ, V̇), V̇ = 0 if only W is trained: from the system that was integrated."""
        problem = self.scene.trajectory.problem
        a, V = self.displacement
        flat = a if problem.train == "W" else np.concatenate([a, V.ravel()])
        speed = problem.system().velocity(flat)
        if problem.train == "W":
            return speed, np.zeros_like(V)
        return speed[: problem.k], speed[problem.k :].reshape(V.shape)

    @cached_property
    def speed(self) -> float:
        """|θ'|."""
        return math.hypot(norm(self.velocity[0]), norm(self.velocity[1]))

    @cached_property
    def J(self) -> Array:
        """J_g at this time."""
        return jacobian(self.net)

    def moved(self, a: Array, V: Array) -> TwoLayer:
        """The network with parameters moved by (a, V)."""
        return TwoLayer(self.net.activation, self.net.train, self.net.a + a, self.net.V + V)

    def loss_of(self, network: TwoLayer) -> float:
        """The objective at another network."""
        problem = self.scene.trajectory.problem
        return float(problem.loss.value(problem.C @ network.output(), problem.y))

    def rate(self, quantity: Callable[[float], float]) -> float:
        """The derivative in time of a function of the loss, by differences along the velocity; NaN at rest."""
        loss = self.series("loss")
        if not (self.speed > 0 and loss > 0):
            return math.nan
        h = min(_FRACTION * loss / self.speed**2, 1e-2 / self.speed)
        da, dV = self.velocity
        terms = [w * quantity(self.loss_of(self.moved(j * h * da, j * h * dV))) for j, w in _STENCIL]
        return math.fsum(terms) / h

    def rate_of(self, quantity: Callable[[TwoLayer], Any]) -> Any:
        """The derivative in time of a function of the network, by differences along the velocity."""
        h = 1e-3 / self.speed if self.speed > 0 else math.nan
        da, dV = self.velocity
        return sum(w * quantity(self.moved(j * h * da, j * h * dV)) for j, w in _STENCIL) / h

    @cached_property
    def gradient_by_differences(self) -> Array:
        """∇_θ of the objective, coordinate by coordinate: (V row by row, a), or a."""
        columns = []
        shapes = [np.zeros_like(self.net.a), np.zeros_like(self.net.V)]
        for which in (1, 0) if self.net.train == "both" else (0,):
            for index in np.ndindex(shapes[which].shape):
                total = 0.0
                for j, w in _STENCIL:
                    step = [np.zeros_like(s) for s in shapes]
                    step[which][index] = j * _COORDINATE
                    total += w * self.loss_of(self.moved(*step))
                columns.append(total / _COORDINATE)
        return np.array(columns)
