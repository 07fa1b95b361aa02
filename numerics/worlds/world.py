"""A small world: generator, operator, loss and data, as one value that can be simulated, saved, and read back exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from numerics.exponential.head import Model, model_of
from numerics.exponential.vector import VectorKernel
from numerics.gradient_system import Observation
from numerics.losses import CompiledLoss
from numerics.losses import loss as compiled_loss
from numerics.worlds.claimed import Power, Understated
from numerics.worlds.deep import DeepGenerator
from numerics.worlds.generators import Array, Generator, Quadratic, array
from numerics.worlds.operators import Linear, Operator, Sine
from numerics.worlds.outside import OUTSIDE
from numerics.worlds.two_layer import TwoLayerGenerator

__all__ = ["GENERATORS", "OPERATORS", "World", "generator_from", "least_squares", "operator_from"]

_EPS = float(np.finfo(np.float64).eps)
GENERATORS: Mapping[str, Callable[..., Any]] = {
    "quadratic": Quadratic,
    "two_layer": TwoLayerGenerator,
    "deep": DeepGenerator,
    "understated": Understated,
    "power": Power,
}
"""Kind → class of generators that a case file may name."""
OPERATORS: Mapping[str, Callable[..., Any]] = {"linear": Linear, "sine": Sine}
"""Kind → class of operators."""


@dataclass(frozen=True, eq=False)
class World:
    """Minimize L_y(F(g(θ))) from d = 0.

    Parameters
    ----------
    generator, operator, loss: see :mod:`numerics.worlds`.
    y: the observation (m,).
    clean: ȳ = F(x̄) (m,), or None if there is no truth to compare with.
    truth: x̄ (n,), or None.
    label: a few words for readers.

    >>> world = World(Quadratic([[1.0]], [[[-1.0]]]), Linear([[1.0]]), compiled_loss("least_squares"), [0.25])
    >>> World.from_json(world.to_json()).velocity(np.zeros(1))
    array([0.25])
    """

    generator: Generator
    operator: Operator
    loss: Any
    y: Any
    clean: Any = None
    truth: Any = None
    label: str = ""

    def __post_init__(self) -> None:
        m, n = self.operator.A.shape
        if n != self.generator.n:
            raise ValueError(f"the operator takes {n} numbers, the generator makes {self.generator.n}; they must agree")
        object.__setattr__(self, "y", array(self.y, (m,), "y"))
        if self.clean is not None:
            object.__setattr__(self, "clean", array(self.clean, (m,), "clean"))
        if self.truth is not None:
            object.__setattr__(self, "truth", array(self.truth, (n,), "truth"))
        if self.truth is not None and self.clean is not None:
            gap = float(np.linalg.norm(self.operator(self.truth) - self.clean))
            if gap > 1e-9 * (
                float(np.linalg.norm(self.clean)) + self.operator.opnorm * float(np.linalg.norm(self.truth))
            ):
                raise ValueError(f"clean is not F(truth): they are {gap:.3g} apart; leave one of them out")

    # ------------------------------------------------------------------------------------------------- the flow
    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.generator.size

    @property
    def leading(self) -> int:
        """How many, at the front, count for ℓ_a."""
        return self.generator.leading

    def observation(self, d: Array) -> Array:
        """F(g(θ)), shape (m,)."""
        return self.operator(self.generator.output(d))

    def objective(self, d: Array) -> float:
        """L_y(F(g(θ)))."""
        return float(self.loss.value(self.observation(d), self.y))

    def q(self, d: Array) -> Array:
        """J_Fᵀ∇L_y at g(θ), shape (n,)."""
        x = self.generator.output(d)
        return np.asarray(self.operator.jacobian(x).T @ self.loss.grad(self.operator(x), self.y))

    def velocity(self, d: Array) -> Array:
        """−∇_θ L_y(F(g(θ))), shape (size,)."""
        return np.asarray(-self.generator.jacobian(d).T @ self.q(d))

    @property
    def exponential(self) -> str:
        """Why exponential collocation does not suit; empty: it does."""
        return "" if isinstance(self.loss, CompiledLoss) else f"the loss {self.loss.name} has no model of its Hessian"

    def kernel(self) -> VectorKernel:
        """For exponential collocation."""
        return VectorKernel(self)

    def linearize(self, d: Array) -> tuple[Array, Model]:
        """J_F J_g (m, size) and the model of ∇L_y at d."""
        x = self.generator.output(d)
        J = np.asarray(self.operator.jacobian(x) @ self.generator.jacobian(d))
        return J, model_of(self.loss, self.operator(x), self.y)

    def observe(self, d: Array) -> Observation:
        """Loss, ρ, residual, and a few ulp of the terms that F(g) is the sum of."""
        x = self.generator.output(d)
        v = self.operator(x)
        loss = float(self.loss.value(v, self.y))
        terms = self.operator.opnorm * float(np.linalg.norm(x)) + float(np.linalg.norm(self.y))
        return Observation(loss, float(self.loss.psi(loss)), v - self.y, 4 * _EPS * terms)

    def sensitivity(self, d: Array) -> float:
        """‖J_F J_g‖."""
        x = self.generator.output(d)
        return float(np.linalg.norm(self.operator.jacobian(x) @ self.generator.jacobian(d), 2))

    # --------------------------------------------------------------------------------------------- its constants
    @cached_property
    def start(self) -> Array:
        """d = 0."""
        return np.zeros(self.size)

    @cached_property
    def J_0(self) -> Array:
        """J_g(0)."""
        return self.generator.jacobian(self.start)

    @cached_property
    def sigma_0(self) -> float:
        """The smallest of the n singular values of J_g(0); 0 if there are fewer than n parameters."""
        values = np.linalg.svd(self.J_0, compute_uv=False)
        return float(values[-1]) if self.J_0.shape[1] >= self.J_0.shape[0] else 0.0

    @cached_property
    def rho_0(self) -> float:
        """ψ(L_y(y(0)))."""
        return self.observe(self.start).rho

    @property
    def w_max(self) -> float:
        """The largest weight of the loss."""
        return 1.0 if self.loss.weights is None else float(self.loss.weights.max())

    @cached_property
    def attainable(self) -> bool:
        """Whether y is in the range of A, up to rounding: by projection."""
        A = self.operator.A
        nearest = A @ np.linalg.lstsq(A, self.y, rcond=1e-13)[0]
        return bool(np.linalg.norm(nearest - self.y) <= 1e-12 * max(float(np.linalg.norm(self.y)), 1e-300))

    def with_(self, **changes: Any) -> World:
        """A copy with other fields."""
        return replace(self, **changes)

    # ------------------------------------------------------------------------------------------------------ files
    def to_json(self) -> dict[str, Any]:
        """A plain dictionary; floats keep all their digits."""
        loss: dict[str, Any] = {"name": self.loss.name, **self.loss.parameters}
        if self.loss.weights is not None:
            loss["weights"] = self.loss.weights.tolist()

        def listed(value: Any) -> Any:
            return None if value is None else value.tolist()

        return {
            "label": self.label,
            "generator": self.generator.to_json(),
            "operator": self.operator.to_json(),
            "loss": loss,
            "y": self.y.tolist(),
            "clean": listed(self.clean),
            "truth": listed(self.truth),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> World:
        """The world of such a dictionary; ValueError, in the user's words, for what is off."""
        needed = ("generator", "operator", "loss", "y")
        if not isinstance(data, Mapping):
            raise ValueError(
                f"a world is not what it should be: an object with {', '.join(needed)}, not {type(data).__name__}"
            )
        missing = [name for name in needed if name not in data]
        if missing:
            raise ValueError(f"a world needs {', '.join(missing)}")
        for name in needed[:3]:
            if not isinstance(data[name], Mapping):
                raise ValueError(f"the {name} of a world is an object, not {type(data[name]).__name__}")
            _only_numbers(data[name], f"the {name} of a world")
        for name in ("y", "clean", "truth"):
            if name == "y" or data.get(name) is not None:
                _only_numbers([data[name]], f"{name} of a world")
        label = data.get("label", "")
        if not isinstance(label, str):
            raise ValueError(f"the label of a world is text, not {type(label).__name__}")
        try:
            given = dict(data["loss"])
            name = given.pop("name", None)
            loss = OUTSIDE[name]() if name in OUTSIDE else compiled_loss(name, **given)
            return cls(
                generator_from(data["generator"]),
                operator_from(data["operator"]),
                loss,
                data["y"],
                data.get("clean"),
                data.get("truth"),
                label,
            )
        except (TypeError, AttributeError, LookupError, ArithmeticError) as error:
            raise ValueError(
                f"an entry of the world is not what it should be ({type(error).__name__}: {error})"
            ) from None


def _only_numbers(data: Any, what: str) -> None:
    """ValueError if a list in `data`, however deep, has an entry that is no number, or a number is too large."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            if isinstance(value, Mapping | list | tuple):
                _only_numbers(value, f"{what}, {key}")
            elif isinstance(value, bool):
                raise ValueError(f"{what}, {key}: a number is needed, not {value!r}")
    elif isinstance(data, list | tuple):
        for value in data:
            if isinstance(value, list | tuple):
                _only_numbers(value, what)
            elif isinstance(value, bool | str | Mapping) or value is None:
                raise ValueError(f"{what}: a number is needed, not {value!r}")
            elif isinstance(value, int):
                try:
                    float(value)
                except OverflowError:
                    raise ValueError(f"{what}: a number is too large for double precision") from None


def generator_from(data: Mapping[str, Any]) -> Any:
    """The generator of a dictionary with its kind."""
    return _made(data, GENERATORS, "generator")


def operator_from(data: Mapping[str, Any]) -> Any:
    """The operator of a dictionary with its kind."""
    return _made(data, OPERATORS, "operator")


def _made(data: Mapping[str, Any], table: Mapping[str, Callable[..., Any]], what: str) -> Any:
    given = dict(data)
    kind = given.pop("kind", None)
    if kind not in table:
        raise ValueError(f"unknown kind of {what} {kind!r}; choose one of {', '.join(table)}")
    try:
        return table[kind](**given)
    except TypeError as error:
        raise ValueError(f"the {kind} {what}: {error}") from None


def least_squares() -> CompiledLoss:
    """The plain one."""
    return compiled_loss("least_squares")
