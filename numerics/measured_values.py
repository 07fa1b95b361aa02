"""The value functions of :mod:`numerics.measured`: what a symbol is at a stored time, where that takes more than a line.

A function raises LookupError where its quantity makes no sense or is not known.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from numerics import compile as compiled
from numerics.measured_more import B_of, Value, activation_of, least_by_balance, least_in_box
from numerics.scene import Array, Point, norm
from theory.symbols import sym

__all__ = [
    "B2_of",
    "Psi_of",
    "apart",
    "at_start",
    "balance_gap",
    "chain_gap",
    "conserved",
    "coupling",
    "distance",
    "drift",
    "energy_at",
    "evaluated",
    "filled",
    "formula",
    "growth",
    "hidden_norm",
    "injectivity",
    "kernel_error_0",
    "known",
    "loss_limit",
    "loss_parameter",
    "mirror_gap",
    "neighbour",
    "of_step",
    "psi_of",
    "range_split",
    "successor",
    "with_primitives",
    "worst_neuron",
]


@lru_cache(maxsize=4096)
def filled(expression: Any, kl: Any) -> tuple[Any, tuple[str, ...]]:
    """The function of an expression with the loss filled in, and the names of its arguments."""
    expression = kl.apply(expression)
    names = tuple(sorted(str(symbol) for symbol in expression.free_symbols))
    return compiled.function(expression, names), names


def evaluated(expression: Any, point: Any) -> float:
    """An expression in symbols of the theory at a point; LookupError, naming the symbol, for what is not measured."""
    function, names = filled(sp.sympify(expression), point.kl)
    return float(function(*(point.value(name) for name in names)))


def known(value: Array | None, what: str) -> Array:
    """The value, if there is one; LookupError, naming what it is, else."""
    if value is None:
        raise LookupError(f"{what} is not known for this run")
    return value


def distance(point: Point) -> float:
    """Distance of the truth from the reachable set, from above: 0 within the ball of `recover.reach`, else from the run."""
    truth, scene = known(point.scene.truth, "the truth"), point.scene
    world = point.world
    away, Lambda = norm(truth - scene.at(0).x), world.generator.modulus
    radius = min(point.value("R_prime"), world.sigma_0 / Lambda if Lambda > 0 else math.inf)
    if radius < world.generator.reach and away < world.sigma_0 * radius - Lambda * radius**2 / 2:
        return 0.0
    return min(norm(truth - other.x) for other in scene.points())


def injectivity(point: Point) -> float:
    """μ of the operator; LookupError if it has a kernel."""
    found = point.world.operator.mu
    if not found > 0:
        raise LookupError("the operator has a kernel: no restricted injectivity constant is known")
    return found


def apart(point: Point, other: Point) -> float:
    """How far the parameters are apart."""
    return norm(point.d - other.d)


def neighbour(point: Point) -> Point:
    """The stored time before this one; the start is its own."""
    return point.scene.at(max(0, point.i - 1))


def hidden_norm(point: Point) -> float:
    """f = ‖φ(a)‖/√k."""
    return norm(point.net.activation.phi(point.net.a)) / math.sqrt(point.net.k)


def at_start(name: str) -> Value:
    """The value that a symbol has at the start."""
    return lambda point: point.scene.at(0).value(name)


def formula(statement: str, name: str) -> Value:
    """A constant that the theory defines by a formula of others."""
    return lambda point: evaluated(compiled.formula(statement, name), point)


def loss_parameter(name: str) -> Value:
    """A parameter of the loss."""

    def value(point: Point) -> float:
        if name not in point.scene.loss.parameters:
            raise LookupError(f"the loss {point.scene.loss.name} has no parameter {name}")
        return point.scene.loss.parameters[name]

    return value


def B2_of(point: Point) -> float:
    """The bound of φ''; LookupError for an activation that has none."""
    activation = activation_of(point)
    if not activation.theory.smooth:
        raise LookupError(f"{activation.name} has no bound B2")
    return float(activation.B2.as_upper())


def energy_at(point: Point, d: Array) -> float:
    """(x − x̄)ᵀ K^{-1} (x − x̄)/2."""
    generator = point.world.generator
    error = generator.output(d) - known(point.scene.truth, "the truth")
    white, *_ = np.linalg.lstsq(generator.jacobian(d), error, rcond=None)  # J^+ e, of norm e^T (J J^T)^{-1} e
    return norm(white) ** 2 / 2


def growth(point: Point) -> float:
    """An upper bound of G at the length travelled (`illposed.discrepancy`, G_upper)."""
    ell, Lambda, sigma_0 = point.series("length"), point.world.generator.modulus, point.world.sigma_0
    if ell == 0 or Lambda == 0:
        return 0.0
    if Lambda * ell >= sigma_0:
        return math.inf
    given = {"Lip": point.world.generator.lipschitz(ell), "Lambda": Lambda, "L": ell, "sigma_0": sigma_0}
    return float(compiled.evaluate("illposed.discrepancy", "G_upper", given))


def with_primitives(net: Any) -> Any:
    """The network, if H and G of its activation exist; LookupError else."""
    if not net.activation.theory.smooth:
        raise LookupError(f"{net.activation.name} has no primitives of 1/φ' and φ/φ'")
    return net


def conserved(net: Any) -> Array:
    """½‖v_i‖² − G(a_i) for every neuron."""
    net = with_primitives(net)
    return np.asarray(0.5 * np.sum(net.V**2, axis=0) - net.activation.G(net.a))


def worst_neuron(point: Point) -> int:
    """The neuron whose conserved quantity has changed most since the start."""
    return int(np.argmax(np.abs(conserved(point.net) - conserved(point.scene.neurons))))


def balance_gap(point: Point) -> float:
    """The largest sinh²a_i − ‖v_i‖² at the start; for a linear operator only the part of v_i that it sees."""
    net = point.scene.neurons
    if net.activation.name != "tanh":
        raise LookupError("dip2.balanced is stated for tanh")
    V = net.V
    if point.world.operator.linear:
        U, s, _ = np.linalg.svd(point.world.operator.A.T, full_matrices=False)
        V = U[:, s > 1e-13 * s[0]].T @ V
    return float(np.max(np.sinh(net.a) ** 2 - np.sum(V**2, axis=0)))


def mirror_gap(point: Point) -> float:
    """‖d/dt H(a) + Bᵀ∇L_y(B h)‖, the derivative by differences."""
    with_primitives(point.net)
    rate = point.rate_of(lambda d: point.net.activation.H(point.scene.network(d).a))
    return norm(rate + B_of(point).T @ point.gradient)


def _at_rest(end: Point) -> bool:
    """Whether ten times as many steps at the present speed would take away less than 1e-9 of the loss."""
    step = end.scene.record.step
    gone = 10 * end.series("t") * (0.0 if step is None else step.gamma) * end.speed**2
    return gone <= 1e-9 * end.series("loss")


_CONVERGENCE = (
    "A.loss.smooth", "A.loss.min", "A.loss.unique", "A.loss.KL", "A.operator.smooth", "A.operator.nondegenerate",
    "A.generator.smooth", "A.generator.linear_modulus",
)  # fmt: skip


def _convergent(point: Point) -> bool:
    """Whether the hypotheses of `sharp.restart` hold; those on the range, or on the range along the residual."""
    from numerics.assumed import assumed  # here: it needs the scene as well

    scene = point.scene
    reached = assumed("A.operator.range", scene) or assumed("A.operator.range.radial", scene)
    return bool(reached) and all(assumed(name, scene) for name in _CONVERGENCE)


def loss_limit(point: Point) -> float:
    """What the loss cannot fall below, if that is positive; else 0 if `sharp.restart` is in force at the end of the run.

    That is the least loss over the closed box of hidden activations (W alone), the one of an invariant curve, or the loss at
    rest.
    """
    record, end = point.scene.record, point.scene.end
    least = max(least_in_box(point.scene), least_by_balance(point.scene))
    if least > 0:
        return least
    if record.status == "stationary" or (record.engine == "descent" and _at_rest(end)):
        return end.series("loss")
    generator, sigma = point.world.generator, float(np.linalg.svd(end.J, compute_uv=False)[-1])
    Lambda = point.scene.network(end.d).modulus().as_upper() if generator.kind == "two_layer" else generator.modulus
    h = Lambda * end.series("rho") / (point.world.operator.sigma_F * sigma**2) if sigma > 0 else math.inf
    if record.engine == "flow" and math.isinf(generator.reach) and h < 0.499 and _convergent(point):
        return 0.0
    raise LookupError("the end of the run is neither certified nor at rest: the limit of the loss is not known")


def successor(point: Point) -> Point:
    """The next iterate; LookupError if it is not stored."""
    record = point.scene.record
    if record.engine != "descent" or point.i + 1 >= len(record) or record.t[point.i + 1] != record.t[point.i] + 1:
        raise LookupError("the next iterate is not stored")
    return point.scene.at(point.i + 1)


def of_step(name: str) -> Value:
    """A number that belongs to the step of gradient descent; LookupError for a flow."""

    def value(point: Point) -> float:
        step = point.scene.record.step
        if step is None:
            raise LookupError("a flow has no step")
        return float(getattr(step, name))

    return value


def range_split(point: Point) -> tuple[Array, Array]:
    """Projectors on the kernel of A and on its complement."""
    if not point.world.operator.linear:
        raise LookupError("only a linear operator has a kernel")
    _, s, Vt = np.linalg.svd(point.world.operator.A)
    rows = Vt[: int(np.sum(s > 1e-13 * s[0]))]
    Q = rows.T @ rows
    return np.eye(Q.shape[0]) - Q, Q


def drift(point: Point) -> float:
    """The drift of `recover.kernel`, by its coarse form for a linear generator."""
    if point.world.generator.modulus == 0:  # the closed form divides by it
        given = {"ell_star": point.value("ell_star"), "PKQ": point.value("PKQ"), "sigma_0": point.world.sigma_0,
                 "Lambda": 0.0, "J_norm": norm(point.world.J_0, 2)}  # fmt: skip
        return float(compiled.evaluate("recover.kernel", "drift_coarse", given))
    return formula("recover.kernel", "drift")(point)


def kernel_error_0(point: Point) -> float:
    """‖P(x(0) − x̄)‖, P the projector on the kernel of A."""
    return norm(range_split(point)[0] @ (point.scene.at(0).x - known(point.scene.truth, "the truth")))


def coupling(point: Point) -> float:
    """‖P J_g(0) J_g(0)ᵀ Q‖: how the kernel of A moves with its complement."""
    P, Q = range_split(point)
    return norm(P @ point.world.J_0 @ point.world.J_0.T @ Q, 2)


def psi_of(point: Point) -> Callable[[float], float]:
    """ψ of the loss, as a function of numbers."""
    return lambda loss: float(point.scene.loss.psi(loss))


def Psi_of(point: Point) -> Callable[[float], float]:
    """Ψ of the loss, as a function of numbers."""
    Psi = compiled.function(point.kl.Psi(sym("s")), ["s"])
    return lambda loss: float(Psi(loss))


def chain_gap(point: Point) -> float:
    """‖∇_θ by differences − J_gᵀ q‖."""
    return norm(point.gradient_by_differences - point.J.T @ point.q)
