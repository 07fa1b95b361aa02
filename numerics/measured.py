"""Both sides of the conclusions of the theory, measured along a simulated flow of a two-layer network.

A symbol of :mod:`theory.symbols` is a name for something that a run has: :data:`MEASURED` says how it is measured at a
stored time.  :func:`sides` evaluates the two sides of a conclusion from these, with the loss filled in, and
:func:`in_force` says whether its hypotheses on the network, its own condition, and the conditions that it uses hold.

Everything is in the coordinates of the reduced flow (`dip2.reduction`, `dip2.range_restriction`): the generator is
Uᵀg, the operator C = TU.  Derivatives in time are difference quotients along the velocity, independent of the chain
rule that the steps are about.  What lies beyond the end of the run (a limit, a remaining length) is replaced by what
the run has seen of it, from below.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from numerics import compile as compiled
from numerics.networks.two_layer import TwoLayer
from numerics.trajectory import Trajectory
from theory.ledger import registry
from theory.symbols import sym

__all__ = ["MEASURED", "Point", "Scene", "in_force", "jacobian", "sides"]

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


def _norm(array: Array, order: int | None = None) -> float:
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
        return math.hypot(_norm(self.velocity[0]), _norm(self.velocity[1]))

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


def _psi_derivative(point: Point) -> float:
    psi = point.scene.trajectory.problem.loss.psi
    return point.rate(lambda loss: float(psi(loss)))


def _Psi_derivative(point: Point) -> float:
    kl = point.scene.trajectory.problem.loss.kl
    Psi = compiled.function(kl.Psi(sym("s")), ["s"])
    return point.rate(lambda loss: float(Psi(loss)))


def _known(value: Array | None, what: str) -> Array:
    if value is None:
        raise LookupError(f"{what} is not known for this run")
    return value


def _dist(point: Point) -> float:
    """Distance of the truth from a signal of the run: any point of the reachable set serves in the place of x̄_Σ."""
    return _norm(_known(point.scene.truth, "the truth") - point.scene.end.output())


def _mu(point: Point) -> float:
    """σ_min of the operator, a lower bound of the restricted injectivity constant; 0 if it has a kernel."""
    return float(point.scene.singular[-1]) if point.scene.injective else 0.0


def _theta(point: Point, other: TwoLayer) -> float:
    return math.hypot(_norm(point.net.a - other.a), _norm(point.net.V - other.V))


def _neighbour(point: Point) -> TwoLayer:
    return point.scene.trajectory.state(max(0, point.i - 1))


def _hidden(network: TwoLayer) -> float:
    return _norm(network.activation.phi(network.a)) / math.sqrt(network.k)


def _initial(name: str) -> Callable[[Point], float]:
    return lambda point: replace(point, i=0).series(name)


def _formula(statement: str, name: str) -> Callable[[Point], float]:
    """A constant that the theory defines by a formula of others."""

    def value(point: Point) -> float:
        loss = point.scene.trajectory.problem.loss
        return _value(compiled.formula(statement, name), loss.kl, point)

    return value


def _table() -> dict[str, Callable[[Point], float]]:
    problem: Callable[[Point], Any] = lambda p: p.scene.trajectory.problem  # noqa: E731
    noise: Callable[[Point], Array] = lambda p: problem(p).y - _known(p.scene.clean, "ȳ")  # noqa: E731
    return {
        # constants
        "k": lambda p: float(p.net.k),
        "B1": lambda p: p.net.activation.B1.as_upper(),
        "B2": lambda p: p.net.activation.B2.as_upper(),
        "c_V": lambda p: _norm(p.scene.start.V[:, np.argmax(np.linalg.norm(p.scene.start.V, axis=0))]),
        "w_min": lambda p: problem(p).loss.w_min,
        "sigma_F": lambda p: float(p.scene.singular[-1]),
        "L_F": lambda p: float(p.scene.singular[0]),
        "A_norm": lambda p: float(p.scene.singular[0]),
        "JF_norm": lambda p: float(p.scene.singular[0]),
        "Lip_F": lambda p: 0.0,
        "mu": _mu,
        "dist": _dist,
        "eps": lambda p: _norm(noise(p)),
        "sigma_0": lambda p: p.scene.sigma_0,
        "Jf_norm": lambda p: _norm(problem(p).C @ p.scene.J_0, 2),
        "Lambda_f": lambda p: float(p.scene.singular[0]) * p.scene.start.modulus().as_upper(),
        "J_norm": lambda p: _norm(p.scene.J_0, 2),
        "Lambda": lambda p: p.scene.start.modulus().as_upper(),
        "R": lambda p: p.scene.radius,
        "Lip": lambda p: p.scene.start.lipschitz(p.scene.radius).as_upper(),
        "R_prime": _formula("baseline.condition", "R_prime"),
        "h": _formula("sharp.condition", "h"),
        "ell_star": _formula("sharp.length", "ell_star"),
        "f_0": lambda p: _hidden(p.scene.start),
        "loss_0": _initial("loss"),
        "rho_0": _initial("rho"),
        # the state
        "t": lambda p: p.series("t"),
        "loss": lambda p: p.series("loss"),
        "rho": lambda p: p.series("rho"),
        "residual": lambda p: _norm(p.v - problem(p).y),
        "ell": lambda p: p.series("length"),
        "ell_a": lambda p: p.series("length_a"),
        "ell_dot": lambda p: p.speed,
        "ell_a_dot": lambda p: _norm(p.velocity[0]),
        "ell_tail": lambda p: float(p.scene.trajectory.length[-1]) - p.series("length"),
        "theta_tail": lambda p: _theta(p, p.scene.end),
        "theta_dist": lambda p: _theta(p, p.scene.start),
        "r": lambda p: _theta(p, p.scene.start),
        "a_dist": lambda p: _norm(p.displacement[0]),
        "V_dist": lambda p: _norm(p.displacement[1]),
        "grad_norm": lambda p: _norm(p.gradient),
        "q_norm": lambda p: _norm(p.q),
        "grad_theta": lambda p: _norm(p.gradient_by_differences),
        "chain_gap": lambda p: _norm(p.gradient_by_differences - p.J.T @ p.q),
        "dloss": lambda p: p.rate(lambda loss: loss),
        "drho": _psi_derivative,
        "dPsi": _Psi_derivative,
        "f_a": lambda p: _hidden(p.net),
        "sigma_t": lambda p: float(p.net.singular_values()[-1]),
        "sigma_theta": lambda p: float(p.net.singular_values()[-1]),
        "sigma_g": lambda p: _norm(p.J, 2),
        "sigma_factor": lambda p: _norm(p.net.factor().matrix, 2),
        "J_change": lambda p: _norm(p.J - p.scene.J_0, 2),
        "Jf_change": lambda p: _norm(problem(p).C @ (p.J - p.scene.J_0), 2),
        "J_pair": lambda p: _norm(p.J - jacobian(_neighbour(p)), 2),
        "pair_dist": lambda p: _theta(p, _neighbour(p)),
        "Omega": lambda p: p.scene.start.modulus().as_upper() * _theta(p, p.scene.start),
        "y_err": lambda p: _norm(p.v - _known(p.scene.clean, "ȳ")),
        "x_err": lambda p: _norm(p.x - _known(p.scene.truth, "the truth")),
    }


MEASURED: Mapping[str, Callable[[Point], float]] = MappingProxyType(_table())
"""Name of a symbol → how it is measured at a stored time of a run."""


@lru_cache(maxsize=512)
def _compiled(expression: Any, kl: Any) -> tuple[Any, tuple[str, ...]]:
    expression = kl.apply(expression)
    names = tuple(sorted(str(symbol) for symbol in expression.free_symbols))
    return compiled.function(expression, names), names


def _value(expression: Any, kl: Any, point: Point) -> float:
    function, names = _compiled(sp.sympify(expression), kl)
    missing = [name for name in names if name not in MEASURED]
    if missing:
        raise LookupError(f"nothing measures {', '.join(missing)}")
    return float(function(*(MEASURED[name](point) for name in names)))


def sides(relation: Any, point: Point) -> tuple[float, float]:
    """Left and right side of a relation (a conclusion, a condition) at a stored time.

    Raises LookupError, naming the symbol, if something in it is not measured or not known for this run.
    """
    kl = point.scene.trajectory.problem.loss.kl
    return _value(relation.lhs, kl, point), _value(relation.rhs, kl, point)


def _true(relation: Any, point: Point) -> bool:
    lhs, rhs = sides(relation, point)
    return {sp.Le: lhs <= rhs, sp.Lt: lhs < rhs, sp.Ge: lhs >= rhs, sp.Gt: lhs > rhs}[type(relation)]


@lru_cache(maxsize=256)
def _conditions(identifier: str) -> tuple[Any, ...]:
    """Relations of the statements of kind "condition" that this one uses, directly or through others."""
    found: list[Any] = []
    for name in registry[identifier].uses:
        found += [registry[name].condition] if registry[name].kind == "condition" else []
        found += [relation for relation in _conditions(name) if relation not in found]
    return tuple(found)


def in_force(identifier: str, point: Point) -> bool:
    """Whether the statement claims something here: loss, network and noise as assumed, every condition true.

    Assumptions that every run of a two-layer network with a smooth activation satisfies are not asked for.
    """
    item = registry[identifier]
    scene = point.scene
    loss = scene.trajectory.problem.loss
    answers = {
        "A.network.both": point.net.train == "both",
        "A.network.W": point.net.train == "W",
        "A.loss.plain_least_squares": loss.name == "least_squares",
        "A.init": scene.sigma_0 > 0,
        "A.injective": scene.injective,
    }
    if not all(answers.get(name, True) for name in item.hypotheses):
        return False
    # those of other statements first: where they fail, the statement's own may have no value
    conditions = [*_conditions(identifier), item.condition]
    return all(_true(relation, point) for relation in conditions if relation is not None)
