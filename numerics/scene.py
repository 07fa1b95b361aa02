"""A run of a small world, and what can be seen of it at a stored time: see :mod:`numerics.measured`.

Derivatives in time are difference quotients along the velocity, independent of the chain rule that the proofs are about.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numerics.losses import CompiledLoss
from numerics.networks.two_layer import TwoLayer
from numerics.worlds import Linear, Record, TwoLayerGenerator, World

__all__ = ["Point", "Scene", "norm"]

Array = NDArray[np.float64]

# Five-point difference quotients: the step is this fraction of the time in which the loss would vanish at its present
# speed, so that truncation (h^4) and rounding (2^-53/h) are both below 1e-9 of the derivative.
_FRACTION = 4e-3
_COORDINATE = 1e-3
_STENCIL = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))


def norm(array: NDArray[Any], order: int | None = None) -> float:
    """Euclidean or Frobenius norm; order 2: spectral."""
    return float(np.linalg.norm(array, order))


@dataclass(frozen=True, eq=False)
class Scene:
    """A run, and what of it does not depend on the time."""

    record: Record

    @classmethod
    def of(cls, trajectory: Any, clean: Array | None = None, truth: Array | None = None) -> Scene:
        """The scene of a :class:`numerics.trajectory.Trajectory`, in the coordinates of the reduced flow."""
        problem = trajectory.problem
        generator = TwoLayerGenerator(problem.activation, problem.train, problem.a0, problem.V0)
        world = World(generator, Linear(problem.C), problem.loss, problem.y, clean, truth)
        d = trajectory.a - problem.a0
        if trajectory.V is not None:
            d = np.hstack([d, (trajectory.V - problem.V0).reshape(len(trajectory), -1)])
        record = Record(
            world, "flow", trajectory.t, d, trajectory.loss, trajectory.rho, trajectory.residual, trajectory.length,
            trajectory.length_a, trajectory.error_theta, trajectory.error_length, trajectory.error_residual,
            trajectory.status,
        )  # fmt: skip
        return cls(record)

    @property
    def world(self) -> World:
        """The world that was run."""
        return self.record.world

    @property
    def loss(self) -> CompiledLoss:
        """Its loss."""
        loss: CompiledLoss = self.world.loss
        return loss

    def network(self, d: Array) -> TwoLayer:
        """The two-layer network at d; LookupError for another kind of generator."""
        generator = self.world.generator
        if not isinstance(generator, TwoLayerGenerator):
            raise LookupError(f"a {generator.kind} generator has no neurons")
        return generator.network(d)

    @cached_property
    def neurons(self) -> TwoLayer:
        """The two-layer network at the start."""
        return self.network(self.world.start)

    @property
    def truth(self) -> Array | None:
        """x̄, or None."""
        found: Array | None = self.world.truth
        return found

    @property
    def clean(self) -> Array | None:
        """ȳ, or None."""
        found: Array | None = self.world.clean
        return found

    @cached_property
    def radius(self) -> float:
        """A radius R with R·Lip(R) ≤ σ0/2."""
        return self.world.generator.radius(self.world.sigma_0)

    @cached_property
    def remaining(self) -> float:
        """An estimate of the length that lies beyond the end of the run: 2ρ/(σ_F σ_min) there, infinite at rest."""
        end = self.at(len(self.record) - 1)
        sigma = float(np.linalg.svd(end.J, compute_uv=False)[-1])
        if self.record.status == "stationary" or not sigma > 0:
            return math.inf
        return 2 * end.series("rho") / (self.world.operator.sigma_F * sigma)

    def at(self, i: int) -> Point:
        """The i-th stored time."""
        return self._points[i]

    @cached_property
    def _points(self) -> list[Point]:
        return [Point(self, i) for i in range(len(self.record))]

    @property
    def end(self) -> Point:
        """The last stored time."""
        return self._points[-1]

    def points(self) -> list[Point]:
        """All stored times."""
        return list(self._points)


@dataclass(frozen=True, eq=False)
class Point:
    """A stored time of a run; what :mod:`numerics.measured` has measured of it is kept."""

    scene: Scene
    i: int
    kept: dict[str, float] = field(default_factory=dict, repr=False)

    dps = None
    """Decimal digits of mpmath numbers; None: doubles."""

    def value(self, name: str) -> float:
        """The value of a symbol here; LookupError where it is not known."""
        from numerics.measured import measure  # here: it needs this module

        return measure(name, self)

    def error(self, name: str) -> float:
        """How far, by estimate from above, `value(name)` may be off."""
        from numerics.measured import error_of

        return error_of(name, self)

    @property
    def kl(self) -> Any:
        """The desingularizer of the loss."""
        return self.scene.loss.kl

    @property
    def world(self) -> World:
        """The world."""
        return self.scene.world

    def series(self, name: str) -> float:
        """A series of the record at this time."""
        return float(getattr(self.scene.record, name)[self.i])

    @cached_property
    def d(self) -> Array:
        """The displacement θ − θ(0)."""
        return np.asarray(self.scene.record.d[self.i])

    @cached_property
    def net(self) -> TwoLayer:
        """The two-layer network; LookupError for another kind of generator."""
        return self.scene.network(self.d)

    @cached_property
    def x(self) -> Array:
        """The signal g(θ)."""
        return self.world.generator.output(self.d)

    @cached_property
    def v(self) -> Array:
        """The observation F(g(θ))."""
        return self.world.operator(self.x)

    @cached_property
    def gradient(self) -> Array:
        """∇L_y(v)."""
        return np.asarray(self.scene.loss.grad(self.v, self.world.y))

    @cached_property
    def q(self) -> Array:
        """J_Fᵀ∇L_y(v)."""
        return np.asarray(self.world.operator.jacobian(self.x).T @ self.gradient)

    @cached_property
    def velocity(self) -> Array:
        """−∇_θ of the objective: of the system that was integrated."""
        return self.world.velocity(self.d)

    @cached_property
    def speed(self) -> float:
        """|θ'|."""
        return norm(self.velocity)

    @cached_property
    def J(self) -> Array:
        """J_g."""
        return self.world.generator.jacobian(self.d)

    @cached_property
    def relative(self) -> float:
        """How far, relatively, quantities proportional to the residual may be off.

        What counts is the part of the residual that changes: a loss may not see all of it (ρ below the residual), and the
        flow cannot move what is outside the range of J_F.
        """
        residual = min(self.series("residual"), self.series("rho"))
        if not self.world.operator.onto:
            r = self.v - self.world.y
            A = self.world.operator.jacobian(self.x)
            residual = min(residual, norm(A @ np.linalg.lstsq(A, r, rcond=1e-13)[0]))
        return min(1.0, self.series("error_residual") / residual) if residual > 0 else 1.0

    @cached_property
    def speed_error(self) -> float:
        """How far, by estimate from above, `speed` may be off: from v, from the Jacobian, and by rounding."""
        j, a = norm(self.J, 2), self.world.operator.opnorm
        gradient = norm(self.gradient)
        theta = self.series("error_theta")
        bent = self.world.operator.curvature * j * j + a * self.world.generator.modulus
        return j * a * 4 * gradient * self.relative + bent * gradient * theta + 1e-14 * j * a * gradient

    @cached_property
    def rounding(self) -> float:
        """How far, relatively, rounding of F(g) moves the residual."""
        residual = self.series("residual")
        return min(1.0, self.world.observe(self.d).rounding / residual) if residual > 0 else 1.0

    @cached_property
    def time_step(self) -> float:
        """The step of :meth:`rate`; NaN at rest.

        The loss has to stay nearly what it is over the stencil, for functions of it are differenced: to first order, and to
        second, which counts where the run creeps along next to a steep direction.
        """
        loss = self.series("loss")
        if not (self.speed > 0 and loss > 0):
            return math.nan
        slope = self.world.sensitivity(self.d)
        bent = _COORDINATE * 10 * self.series("residual") / slope if slope > 0 else math.inf
        return min(_FRACTION * loss / self.speed, 1e-2, bent) / self.speed

    def rate(self, quantity: Callable[[float], float]) -> float:
        """The derivative in time of a function of the loss, by differences along the velocity; NaN at rest."""
        h = self.time_step
        if not h > 0:
            return math.nan
        terms = [w * quantity(self.world.objective(self.d + j * h * self.velocity)) for j, w in _STENCIL]
        return math.fsum(terms) / h

    def rate_of(self, quantity: Callable[[Array], Any], move: float | None = None) -> Any:
        """The derivative in time of a function of the displacement, by differences along the velocity.

        The parameters move by `move`; by default 1e-3 at most, and a hundredth of what may take σ_min(J_g) to zero.
        LookupError at rest.
        """
        if not self.speed > 0:
            raise LookupError("the run is at rest: derivatives along it have no direction")
        h = (self.reach if move is None else move) / self.speed
        return sum(w * quantity(self.d + j * h * self.velocity) for j, w in _STENCIL) / h

    @cached_property
    def reach(self) -> float:
        """The largest move of the parameters in a difference quotient of a function of the Jacobian."""
        modulus = self.world.generator.modulus
        sigma = float(np.linalg.svd(self.J, compute_uv=False)[-1])
        return min(1e-3, 1e-2 * sigma / modulus) if modulus * sigma > 0 else 1e-3

    @cached_property
    def energy_reach(self) -> float:
        """The same for E = ½‖J⁺(x − x̄)‖²: next to x̄ a move that is large against ‖J⁺(x − x̄)‖ would see the terms of
        higher order, not the derivative.
        """
        return min(self.reach, max(math.sqrt(2 * self.value("E")), 1e-5))

    @cached_property
    def coordinate_step(self) -> float:
        """The step of :attr:`gradient_by_differences`: v moves by a thousandth of the residual or less."""
        slope = self.world.sensitivity(self.d)
        return _COORDINATE * min(1.0, self.series("residual") / slope) if slope > 0 else _COORDINATE

    @cached_property
    def gradient_by_differences(self) -> Array:
        """∇_θ of the objective, coordinate by coordinate."""
        found, h = np.zeros(self.world.size), self.coordinate_step
        if not h > 0:
            raise LookupError("the residual is zero: there is nothing to differ from")
        for index in range(self.world.size):
            step = np.zeros(self.world.size)
            step[index] = h
            found[index] = math.fsum(w * self.world.objective(self.d + j * step) for j, w in _STENCIL) / h
        return found
