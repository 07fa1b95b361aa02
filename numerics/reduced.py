"""The gradient flow of a two-layer network as a flow of (a, V̂), or of a alone (`dip2.reduction`).

With T the operator applied to g(θ) = V φ(a)/√k and U an orthonormal basis of Im Tᵀ (`dip2.range_restriction`), put
C = T U (m × p), V̂ = UᵀV (p × k).
Then v(t) = T g = C V̂ φ(a)/√k, and with q = Cᵀ∇L(v) the flow of θ = (W, V) is exactly

    ȧ = −D_a V̂ᵀq/√k,    V̂' = −q φ(a)ᵀ/√k   (both layers; the part of V outside Im Tᵀ never moves),
    ȧ = −D_a Bᵀ∇L(v),   B = C V̂/√k          (W only),

W moving along u only.  Distances in θ are distances in (a, V̂): the cost depends neither on n nor on d.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from numerics.activations import CompiledActivation
from numerics.exponential.head import Head
from numerics.exponential.layers import LayersKernel
from numerics.exponential.weights import Weights
from numerics.gradient_system import norm
from numerics.integrator import Observation
from numerics.losses import CompiledLoss
from numerics.networks.two_layer import Train, TwoLayer

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ReducedProblem:
    """Minimize L_y(C V φ(a)/√k) from (a0, V0).

    Parameters
    ----------
    C: shape (m, p), or (p,): the diagonal of a square one (`speed.reduction`: the singular values).
    y: shape (m,).
    loss, activation: compiled items of the registries.
    train: "both" or "W".
    a0: shape (k,).
    V0: shape (p, k).

    Raises
    ------
    ValueError: shapes that do not fit, NaN or infinity, a dtype other than float64.
    """

    C: Array
    y: Array
    loss: CompiledLoss
    activation: CompiledActivation
    train: Train
    a0: Array
    V0: Array

    def __post_init__(self) -> None:
        TwoLayer(self.activation, self.train, self.a0, self.V0)  # checks a0, V0, train
        m, p = self.y.shape[0] if self.y.ndim == 1 else -1, self.V0.shape[0]
        if self.C.shape not in ((m, p), (p,) if m == p else (m, p)):
            raise ValueError(
                f"C has shape {self.C.shape}; with y {self.y.shape} and V0 {self.V0.shape} it must be (m, p), or (p,) "
                "for a diagonal one if m = p"
            )
        for name, array in (("C", self.C), ("y", self.y)):
            if array.dtype != np.float64 or not np.all(np.isfinite(array)):
                raise ValueError(f"{name} must be float64 without NaN or infinity")

    @classmethod
    def restrict(cls, network: TwoLayer, C: Array, U: Array, y: Array, loss: CompiledLoss) -> ReducedProblem:
        """The problem for `network` (V of shape n × k) when T = C Uᵀ: C (m × p), U (n × p) orthonormal."""
        return cls(C, y, loss, network.activation, network.train, network.a, U.T @ network.V)

    @property
    def k(self) -> int:
        """Width."""
        return int(self.a0.shape[0])

    @property
    def p(self) -> int:
        """Rank of the operator: rows of V̂."""
        return int(self.V0.shape[0])

    def forward(self, x: Array) -> Array:
        """C x, for x of shape (p,) or (p, j)."""
        if self.C.ndim == 1:
            return self.C * x if x.ndim == 1 else self.C[:, None] * x
        return self.C @ x

    def adjoint(self, q: Array) -> Array:
        """Cᵀ q, shape (p,)."""
        return self.C * q if self.C.ndim == 1 else self.C.T @ q

    def head(self) -> Head:
        """x → L_y(C x)."""
        return Head(self.C, self.y, self.loss)

    def system(self) -> BothLayers | InnerLayer:
        """The gradient system to be integrated, made once."""
        return self._system

    @cached_property
    def _system(self) -> BothLayers | InnerLayer:
        return BothLayers(self) if self.train == "both" else InnerLayer(self)


class _Reduced:
    """What both systems make of u → J Jᵀu, J = ∂v/∂(parameters)."""

    problem: ReducedProblem
    size: int

    def observe(self, displacement: Array) -> Observation:
        """Loss, ρ and residual."""
        raise NotImplementedError

    def _gram(self, displacement: Array) -> tuple[Callable[[Array], Array], float]:
        """u → J Jᵀu and ‖J‖_F or more."""
        raise NotImplementedError

    def sensitivity(self, displacement: Array) -> float:
        """‖J‖ from above."""
        gram, frobenius = self._gram(displacement)
        return min(2.0 * _power(gram, self.problem.y.size, frobenius), frobenius)

    def fastest_rate(self) -> float:
        """An estimate of the largest rate of the flow at its start: ‖J‖² times the curvature of the loss."""
        start = np.zeros(self.size)
        gram, frobenius = self._gram(start)
        return _curvature(self, start) * _power(gram, self.problem.y.size, frobenius) ** 2


class BothLayers(_Reduced):
    """:class:`numerics.integrator.GradientSystem` of (a, V̂): displacement = [a − a0, (V̂ − V̂0) row by row]."""

    exponential = ""
    """Why :mod:`numerics.exponential` does not suit; empty: it does."""

    def __init__(self, problem: ReducedProblem) -> None:
        self.problem = problem
        self.rank = problem.p
        self.matrix_entries = problem.p * problem.k
        self.leading = problem.k
        self.size = problem.k * (problem.p + 1)
        self._root = math.sqrt(problem.k)
        self._V = np.empty_like(problem.V0)  # work space: V̂0 + displacement
        self._head = problem.head()
        self._scale = self._head.scale

    def kernel(self) -> LayersKernel:
        """For exponential collocation."""
        problem = self.problem
        return LayersKernel(self._head, problem.activation, problem.a0, problem.V0, 1 / self._root, outer=True)

    def _unpack(self, displacement: Array) -> tuple[Array, Array]:
        k = self.leading
        np.add(self.problem.V0, displacement[k:].reshape(self._V.shape), out=self._V)
        return self.problem.a0 + displacement[:k], self._V

    def velocity(self, displacement: Array) -> Array:
        """(ȧ, V̂') as one vector."""
        problem, k = self.problem, self.leading
        a, V = self._unpack(displacement)
        hidden = problem.activation.phi(a) / self._root
        q = problem.adjoint(problem.loss.grad(problem.forward(V @ hidden), problem.y))
        out = np.empty(self.size)
        np.multiply(problem.activation.dphi(a), q @ V, out=out[:k])
        out[:k] /= -self._root
        np.multiply(-q[:, None], hidden, out=out[k:].reshape(V.shape))
        return out

    def observe(self, displacement: Array) -> Observation:
        """Loss, ρ and residual."""
        a, V = self._unpack(displacement)
        hidden = self.problem.activation.phi(a) / self._root
        x = V @ hidden
        return self._head.observe(x, norm(V) * norm(hidden))

    def _gram(self, displacement: Array) -> tuple[Callable[[Array], Array], float]:
        """u → J Jᵀu and ‖J‖_F or more."""
        problem = self.problem
        a, V = self._unpack(displacement)
        outer = norm(problem.activation.phi(a)) / self._root
        slopes = problem.activation.dphi(a) / self._root

        def gram(u: Array) -> Array:
            q = problem.adjoint(u)
            return problem.forward(V @ (slopes * slopes * (q @ V)) + outer * outer * q)

        return gram, self._scale * math.hypot(norm(V * slopes), outer)


class InnerLayer(_Reduced):
    """:class:`numerics.integrator.GradientSystem` of a alone: displacement = a − a0; B = C V̂/√k is formed once."""

    exponential = ""

    def __init__(self, problem: ReducedProblem) -> None:
        self.problem = problem
        self.rank = min(problem.y.size, problem.k)
        self.matrix_entries = problem.y.size * problem.k
        self.leading = self.size = problem.k
        self.B = problem.forward(problem.V0) / math.sqrt(problem.k)
        self.weights = Weights(self.B, paired=True)
        self._columns = np.einsum("ij,ij->j", self.B, self.B)
        self._scale = math.sqrt(float(np.sum(self._columns)))
        self._head = Head(None, problem.y, problem.loss)

    def kernel(self) -> LayersKernel:
        """For exponential collocation."""
        problem = self.problem
        return LayersKernel(self._head, problem.activation, problem.a0, self.B, 1.0, outer=False, weights=self.weights)

    def velocity(self, displacement: Array) -> Array:
        """ȧ."""
        problem = self.problem
        a = problem.a0 + displacement
        gradient = problem.loss.grad(self.weights.push(problem.activation.phi(a)), problem.y)
        return -problem.activation.dphi(a) * self.weights.pull(gradient)

    def observe(self, displacement: Array) -> Observation:
        """Loss, ρ and residual."""
        hidden = self.problem.activation.phi(self.problem.a0 + displacement)
        return self._head.observe(self.weights.push(hidden), self._scale * norm(hidden))

    def _gram(self, displacement: Array) -> tuple[Callable[[Array], Array], float]:
        """u → J Jᵀu and ‖J‖_F."""
        slopes = self.problem.activation.dphi(self.problem.a0 + displacement)

        def gram(u: Array) -> Array:
            return self.weights.push(slopes * slopes * self.weights.pull(u))

        return gram, math.sqrt(float(self._columns @ (slopes * slopes)))


def _curvature(system: _Reduced, displacement: Array) -> float:
    """The largest eigenvalue of ∇²L_y there, or more."""
    y = system.problem.y
    root = system.problem.loss.curvature_root(y + system.observe(displacement).difference, y)
    return float(np.max(root.root)) ** 2 * max(1.0, (1.0 + root.gamma) ** 2)


def _power(gram: Callable[[Array], Array], m: int, frobenius: float) -> float:
    """What the power method finds of ‖J‖, given u → J Jᵀu on ℝ^m (‖J‖_F, `frobenius`, where it finds nothing).

    After q steps from a random unit vector it finds ‖J‖ m^{-1/(4q)} or so, hence at least half of ‖J‖ up to m = 10^6.
    """
    steps = 5
    u = np.random.default_rng(0).standard_normal(m)
    found = 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            size = norm(u)
            if not 0 < size < math.inf:
                return frobenius
            u = gram(u / size)
            found = math.sqrt(norm(u))
    return found if found > 0 else frobenius
