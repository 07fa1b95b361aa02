"""Both sides of the conclusions of the theory, measured along a run of a small world.

A symbol of :mod:`theory.symbols` is a name for something that a run has: :data:`MEASURED` says how it is measured at a
stored time, and how far that may be off.  :func:`sides` evaluates the two sides of a relation from these, with the loss
filled in, and :func:`budget` carries the errors over to their difference.

What lies beyond the end of the run (a limit, a remaining length) is replaced by what the run has seen of it, from below.
Derivatives in time are difference quotients along the velocity, independent of the chain rule that the steps are about.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy as sp

from numerics import compile as compiled
from numerics.measured_more import MORE, least_by_balance, least_in_box
from numerics.scene import Array, Point, Scene, jacobian, norm
from numerics.wonly.bregman import bregman_terms
from theory.symbols import sym

__all__ = ["MEASURED", "Measure", "Point", "Scene", "budget", "error_of", "jacobian", "measure", "sides"]

_ROUNDING = 1e-12  # of what is computed by a few matrix products
_DIFFERENCES = 2e-7  # of a difference quotient of order four

Value = Callable[[Point], float]
Error = Callable[[Point, float], float]


@dataclass(frozen=True)
class Measure:
    """How a symbol is measured at a stored time, and an estimate from above of how far the value may be off."""

    value: Value
    error: Error


# ------------------------------------------------------------------------------------------------------ errors
def _exact(point: Point, value: float) -> float:
    return 0.0


def _rounded(point: Point, value: float) -> float:
    return _ROUNDING * abs(value)


def _theta(point: Point) -> float:
    return point.series("error_theta")


def _by_theta(sensitivity: Value) -> Error:
    """Of a function of the parameters with this Lipschitz constant."""
    return lambda p, value: _ROUNDING * abs(value) + sensitivity(p) * _theta(p)


def _of_jacobian(point: Point, value: float) -> float:
    return _ROUNDING * (abs(value) + norm(point.world.J_0)) + 2 * point.world.generator.modulus * _theta(point)


def _of_residual(power: float) -> Error:
    """Of a quantity that grows like this power of the residual."""
    return lambda p, value: abs(value) * (_ROUNDING + power * p.relative)


def _rate(quantity: Callable[[Point], Callable[[float], float]]) -> Measure:
    """d/dt f(L) = −f'(L)|θ'|² by differences: off by truncation, the speed, rounding of the losses, and f' itself."""

    def error(p: Point, value: float) -> float:
        if not p.time_step > 0:
            return math.inf
        f, loss = quantity(p), p.series("loss")
        slope = abs(f(loss * (1 + 1e-4)) - f(loss * (1 - 1e-4))) / (2e-4 * loss)
        noise = loss * (1e-15 + 4 * p.rounding) / p.time_step
        return slope * (p.speed**2 * (_DIFFERENCES + 8 * p.relative) + 2 * p.speed * p.speed_error + noise)

    return Measure(lambda p: p.rate(quantity(p)), error)


def _of_speed(p: Point, value: float) -> float:
    return _ROUNDING * abs(value) + p.speed_error


def _of_energy_rate(p: Point, value: float) -> float:
    """Truncation relative to what the rate is made of, rounding of E over the step, the state."""
    energy = p.value("E")
    scale = abs(value) + norm(p.v - p.world.y) ** 2 + energy * p.speed
    return (_DIFFERENCES + 8 * p.relative) * scale + 1e-13 * energy * p.speed / p.reach


def _of_length(p: Point, value: float) -> float:
    return _ROUNDING * abs(value) + p.series("error_length")


def _of_tail(p: Point, value: float) -> float:
    return _of_length(p, value) + 2 * p.scene.end.series("error_theta") + 2 * _theta(p) + p.scene.remaining


def _of_observation(p: Point, value: float) -> float:
    return _ROUNDING * abs(value) + p.series("error_residual")


# ------------------------------------------------------------------------------------------------------ values
def _known(value: Array | None, what: str) -> Array:
    if value is None:
        raise LookupError(f"{what} is not known for this run")
    return value


def _dist(point: Point) -> float:
    """Distance of the truth from the reachable set, from above: 0 within the ball of `recover.reach`, else from the run."""
    truth, scene = _known(point.scene.truth, "the truth"), point.scene
    world = point.world
    away, Lambda = norm(truth - scene.at(0).x), world.generator.modulus
    radius = min(point.value("R_prime"), world.sigma_0 / Lambda if Lambda > 0 else math.inf)
    if radius < world.generator.reach and away < world.sigma_0 * radius - Lambda * radius**2 / 2:
        return 0.0
    return min(norm(truth - other.x) for other in scene.points())


def _mu(point: Point) -> float:
    found = point.world.operator.mu
    if not found > 0:
        raise LookupError("the operator has a kernel: no restricted injectivity constant is known")
    return found


def _apart(point: Point, other: Point) -> float:
    return norm(point.d - other.d)


def _neighbour(point: Point) -> Point:
    return point.scene.at(max(0, point.i - 1))


def _hidden(point: Point) -> float:
    return norm(point.net.activation.phi(point.net.a)) / math.sqrt(point.net.k)


def _initial(name: str) -> Value:
    return lambda point: point.scene.at(0).value(name)


def _formula(statement: str, name: str) -> Value:
    """A constant that the theory defines by a formula of others."""
    return lambda point: _evaluated(compiled.formula(statement, name), point)


def _parameter(name: str) -> Value:
    """A parameter of the loss."""

    def value(point: Point) -> float:
        if name not in point.scene.loss.parameters:
            raise LookupError(f"the loss {point.scene.loss.name} has no parameter {name}")
        return point.scene.loss.parameters[name]

    return value


def _activation(point: Point) -> Any:
    return point.scene.neurons.activation


def _B2(point: Point) -> float:
    activation = _activation(point)
    if not activation.theory.smooth:
        raise LookupError(f"{activation.name} has no bound B2")
    return float(activation.B2.as_upper())


def _energy(point: Point, d: Array) -> float:
    """(x − x̄)ᵀ K^{-1} (x − x̄)/2."""
    generator = point.world.generator
    error = generator.output(d) - _known(point.scene.truth, "the truth")
    white, *_ = np.linalg.lstsq(generator.jacobian(d), error, rcond=None)  # J^+ e, of norm e^T (J J^T)^{-1} e
    return norm(white) ** 2 / 2


def _growth(point: Point) -> float:
    """An upper bound of G at the length travelled (`illposed.discrepancy`, G_upper)."""
    ell, Lambda, sigma_0 = point.series("length"), point.world.generator.modulus, point.world.sigma_0
    if ell == 0 or Lambda == 0:
        return 0.0
    if Lambda * ell >= sigma_0:
        return math.inf
    given = {"Lip": point.world.generator.lipschitz(ell), "Lambda": Lambda, "L": ell, "sigma_0": sigma_0}
    return float(compiled.evaluate("illposed.discrepancy", "G_upper", given))


def _with_primitives(net: Any) -> Any:
    """The network, if H and G of its activation exist; LookupError else."""
    if not net.activation.theory.smooth:
        raise LookupError(f"{net.activation.name} has no primitives of 1/φ' and φ/φ'")
    return net


def _conserved_all(net: Any) -> Array:
    net = _with_primitives(net)
    return np.asarray(0.5 * np.sum(net.V**2, axis=0) - net.activation.G(net.a))


def _worst(point: Point) -> int:
    """The neuron whose conserved quantity has changed most since the start."""
    return int(np.argmax(np.abs(_conserved_all(point.net) - _conserved_all(point.scene.neurons))))


def _of_conserved(p: Point, value: float) -> float:
    i, net = _worst(p), p.net
    steep = norm(net.V[:, i]) + abs(float(net.activation.phi(net.a[i]) / net.activation.dphi(net.a[i])))
    parts = 0.5 * norm(net.V[:, i]) ** 2 + abs(float(net.activation.G(net.a[i])))
    return 1e-11 * parts + steep * _theta(p)


def _gap(point: Point) -> float:
    """The largest sinh²a_i − ‖v_i‖² at the start; for a linear operator only the part of v_i that it sees."""
    net = point.scene.neurons
    if net.activation.name != "tanh":
        raise LookupError("dip2.balanced is stated for tanh")
    V = net.V
    if point.world.operator.linear:
        U, s, _ = np.linalg.svd(point.world.operator.A.T, full_matrices=False)
        V = U[:, s > 1e-13 * s[0]].T @ V
    return float(np.max(np.sinh(net.a) ** 2 - np.sum(V**2, axis=0)))


def _B(point: Point) -> Array:
    if not point.world.operator.linear:
        raise LookupError("B = A V/√k needs a linear operator")
    return np.asarray(point.world.operator.A @ point.scene.neurons.V / math.sqrt(point.net.k))


def _mirror_gap(point: Point) -> float:
    """‖d/dt H(a) + Bᵀ∇L_y(B h)‖, the derivative by differences."""
    _with_primitives(point.net)
    rate = point.rate_of(lambda d: point.net.activation.H(point.scene.network(d).a))
    return norm(rate + _B(point).T @ point.gradient)


def _of_mirror(p: Point, value: float) -> float:
    # displacements are sums of doubles: next to rest a move of `reach` may be no more than their rounding
    rounded = 4 * np.finfo(float).eps * (norm(p.d) + norm(p.net.a)) * p.speed / p.reach if p.reach > 0 else math.inf
    return (_DIFFERENCES + 8 * p.relative) * norm(_B(p).T @ p.gradient) + _DIFFERENCES * p.speed * 1e-3 + rounded


def _at_rest(end: Point) -> bool:
    """Whether ten times as many steps at the present speed would take away less than 1e-9 of the loss."""
    step = end.scene.record.step
    gone = 10 * end.series("t") * (0.0 if step is None else step.gamma) * end.speed**2
    return gone <= 1e-9 * end.series("loss")


def _loss_limit(point: Point) -> float:
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
    if record.engine == "flow" and math.isinf(generator.reach) and h < 0.499:
        return 0.0
    raise LookupError("the end of the run is neither certified nor at rest: the limit of the loss is not known")


def _successor(point: Point) -> Point:
    record = point.scene.record
    if record.engine != "descent" or point.i + 1 >= len(record) or record.t[point.i + 1] != record.t[point.i] + 1:
        raise LookupError("the next iterate is not stored")
    return point.scene.at(point.i + 1)


def _step(name: str) -> Value:
    def value(point: Point) -> float:
        step = point.scene.record.step
        if step is None:
            raise LookupError("a flow has no step")
        return float(getattr(step, name))

    return value


def _range_split(point: Point) -> tuple[Array, Array]:
    """Projectors on the kernel of A and on its complement."""
    if not point.world.operator.linear:
        raise LookupError("only a linear operator has a kernel")
    _, s, Vt = np.linalg.svd(point.world.operator.A)
    rows = Vt[: int(np.sum(s > 1e-13 * s[0]))]
    Q = rows.T @ rows
    return np.eye(Q.shape[0]) - Q, Q


def _drift(point: Point) -> float:
    if point.world.generator.modulus == 0:  # the closed form divides by it
        given = {"ell_star": point.value("ell_star"), "PKQ": point.value("PKQ"), "sigma_0": point.world.sigma_0,
                 "Lambda": 0.0, "J_norm": norm(point.world.J_0, 2)}  # fmt: skip
        return float(compiled.evaluate("recover.kernel", "drift_coarse", given))
    return _formula("recover.kernel", "drift")(point)


def _ker_0(point: Point) -> float:
    return norm(_range_split(point)[0] @ (point.scene.at(0).x - _known(point.scene.truth, "the truth")))


def _PKQ(point: Point) -> float:
    P, Q = _range_split(point)
    return norm(P @ point.world.J_0 @ point.world.J_0.T @ Q, 2)


def _psi_of(point: Point) -> Callable[[float], float]:
    return lambda loss: float(point.scene.loss.psi(loss))


def _Psi_of(point: Point) -> Callable[[float], float]:
    Psi = compiled.function(point.kl.Psi(sym("s")), ["s"])
    return lambda loss: float(Psi(loss))


def _chain_gap(point: Point) -> float:
    return norm(point.gradient_by_differences - point.J.T @ point.q)


def _of_chain(p: Point, value: float) -> float:
    """Truncation and rounding of difference quotients whose steps move v by a thousandth of the residual."""
    size = p.world.sensitivity(p.d) * norm(p.gradient)
    moved = p.rounding * p.series("residual") * norm(p.gradient)
    noise = (1e-15 * p.series("loss") + 2 * moved) / p.coordinate_step
    return _DIFFERENCES * size + math.sqrt(p.world.size) * (1e4 * p.rounding * size + noise)


def _of_energy(p: Point, value: float) -> float:
    """E is quadratic in J^+(x − x̄): relatively, twice the errors of x and of J over σ_min."""
    sigma = float(np.linalg.svd(p.J, compute_uv=False)[-1])
    if not sigma > 0:
        return math.inf
    bent = (norm(p.J, 2) / math.sqrt(2 * value) if value > 0 else 0.0) + p.world.generator.modulus
    return value * (_ROUNDING * norm(p.J, 2) / sigma + 4 * bent * _theta(p) / sigma)


def _table() -> dict[str, Measure]:
    g: Callable[[Point], Any] = lambda p: p.world.generator  # noqa: E731
    F: Callable[[Point], Any] = lambda p: p.world.operator  # noqa: E731
    noise: Callable[[Point], Array] = lambda p: p.world.y - _known(p.scene.clean, "ȳ")  # noqa: E731
    part: Callable[[Point, str], Array] = lambda p, w: getattr(p.net, w) - getattr(p.scene.neurons, w)  # noqa: E731
    J_norm: Value = lambda p: norm(p.J, 2)  # noqa: E731
    theta: Error = lambda p, value: _ROUNDING * abs(value) + 2 * _theta(p)  # noqa: E731
    constants: dict[str, Value] = {
        "k": lambda p: float(p.scene.neurons.k),
        "n": lambda p: float(p.world.generator.n),
        "B1": lambda p: _activation(p).B1.as_upper(),
        "B2": _B2,
        "c_V": lambda p: float(np.max(np.linalg.norm(p.scene.neurons.V, axis=0))),
        "w_min": lambda p: p.scene.loss.w_min,
        "m": lambda p: float(p.world.y.size),
        **{name: _parameter(name) for name in ("p", "alpha", "c", "huber")},
        "sigma_F": lambda p: F(p).sigma_F,
        "L_F": lambda p: F(p).opnorm,
        "A_norm": lambda p: F(p).opnorm,
        "JF_norm": lambda p: norm(F(p).jacobian(p.scene.at(0).x), 2),
        "Lip_F": lambda p: F(p).curvature,
        "mu": _mu,
        "dist": _dist,
        "eps": lambda p: norm(noise(p)),
        "sigma_0": lambda p: p.world.sigma_0,
        "Jf_norm": lambda p: norm(F(p).jacobian(p.scene.at(0).x) @ p.world.J_0, 2),
        "Lambda_f": lambda p: F(p).opnorm * g(p).modulus,
        "J_norm": lambda p: norm(p.world.J_0, 2),
        "Lambda": lambda p: g(p).modulus,
        "R": lambda p: p.scene.radius,
        "R_prime": _formula("baseline.condition", "R_prime"),
        "h": _formula("sharp.condition", "h"),
        "ell_star": _formula("sharp.length", "ell_star"),
        "f_0": lambda p: _hidden(p.scene.at(0)),
        "gap": _gap,
        "loss_0": _initial("loss"),
        "rho_0": _initial("rho"),
        "E_0": lambda p: _energy(p, p.world.start),
        "D_0": lambda p: float(
            np.sum(bregman_terms(_with_primitives(p.net).activation, p.scene.end.net.a, p.scene.neurons.a))
        ),
        "loss_star": lambda p: float(p.scene.record.loss[-1]),
        "residual_h": lambda p: float(p.scene.record.residual[-1]),
        "M4": _formula("dip2.saturated_modulus", "M4_upper"),
        "gamma": _step("gamma"),
        "M": _step("M"),
        "nu": _step("nu"),
        "PKQ": _PKQ,
        "ker_0": _ker_0,
        "drift": _drift,
        "R_norm": lambda p: 1.0 / F(p).sigma_F,
    }
    measured = {name: Measure(value, _rounded) for name, value in constants.items()} | {
        "t": Measure(lambda p: p.series("t"), _exact),
        "steps": Measure(lambda p: p.series("t"), _exact),
        "Lip": Measure(lambda p: g(p).lipschitz(max(p.scene.radius, p.series("length"))), _rounded),
        "loss": Measure(lambda p: p.series("loss"), _of_residual(4)),
        "loss_next": Measure(lambda p: _successor(p).series("loss"), _of_residual(4)),
        "loss_limit": Measure(_loss_limit, _of_residual(4)),
        "rho": Measure(lambda p: p.series("rho"), _of_residual(1)),
        "residual": Measure(lambda p: norm(p.v - p.world.y), _of_observation),
        "y_err": Measure(lambda p: norm(p.v - _known(p.scene.clean, "ȳ")), _of_observation),
        "x_err": Measure(lambda p: norm(p.x - _known(p.scene.truth, "the truth")), _by_theta(J_norm)),
        "unseen": Measure(
            lambda p: norm(_range_split(p)[0] @ (p.x - _known(p.scene.truth, "the truth"))), _by_theta(J_norm)
        ),
        # lengths
        "ell": Measure(lambda p: p.series("length"), _of_length),
        "ell_a": Measure(lambda p: p.series("length_a"), _of_length),
        "ell_tail": Measure(lambda p: p.scene.end.series("length") - p.series("length"), _of_tail),
        "theta_tail": Measure(lambda p: _apart(p, p.scene.end), _of_tail),
        "theta_dist": Measure(lambda p: norm(p.d), theta),
        "r": Measure(lambda p: norm(p.d), theta),
        "pair_dist": Measure(lambda p: _apart(p, _neighbour(p)), theta),
        "a_dist": Measure(lambda p: norm(part(p, "a")), theta),
        "V_dist": Measure(lambda p: norm(part(p, "V")), theta),
        # speeds and gradients
        "ell_dot": Measure(lambda p: p.speed, _of_speed),
        "ell_a_dot": Measure(lambda p: norm(p.velocity[: g(p).leading]), _of_speed),
        "grad_norm": Measure(lambda p: norm(p.gradient), _of_residual(4)),
        "q_norm": Measure(lambda p: norm(p.q), _of_residual(4)),
        "grad_theta": Measure(lambda p: p.speed, _of_speed),
        "chain_gap": Measure(_chain_gap, _of_chain),
        "dloss": _rate(lambda p: lambda loss: loss),
        "drho": _rate(_psi_of),
        "dPsi": _rate(_Psi_of),
        # the Jacobian
        "f_a": Measure(_hidden, _by_theta(lambda p: _activation(p).B1.as_upper())),
        "sigma_t": Measure(lambda p: float(np.linalg.svd(p.J, compute_uv=False)[-1]), _of_jacobian),
        "sigma_theta": Measure(lambda p: float(np.linalg.svd(p.J, compute_uv=False)[-1]), _of_jacobian),
        "sigma_g": Measure(lambda p: norm(p.J, 2), _of_jacobian),
        "sigma_factor": Measure(lambda p: norm(p.net.factor().matrix, 2), _of_jacobian),
        "J_change": Measure(lambda p: norm(p.J - p.world.J_0, 2), _of_jacobian),
        "Jf_change": Measure(
            lambda p: norm(F(p).jacobian(p.x) @ p.J - F(p).jacobian(p.scene.at(0).x) @ p.world.J_0, 2),
            lambda p, value: (F(p).opnorm + F(p).curvature * J_norm(p)) * (_of_jacobian(p, value) + _theta(p)),
        ),
        "J_pair": Measure(lambda p: norm(p.J - _neighbour(p).J, 2), _of_jacobian),
        "Omega": Measure(lambda p: g(p).modulus_at(norm(p.d)), _of_jacobian),
        # the kernel energy
        "E": Measure(lambda p: _energy(p, p.d), _of_energy),
        "dE": Measure(lambda p: float(p.rate_of(lambda d: _energy(p, d))), _of_energy_rate),
        "G_L": Measure(_growth, _of_length),
        # one neuron: that whose conserved quantity has moved most
        "conserved": Measure(lambda p: float(_conserved_all(p.net)[_worst(p)]), _of_conserved),
        "conserved_0": Measure(lambda p: float(_conserved_all(p.scene.neurons)[_worst(p)]), _of_conserved),
        # W only: the end of the run is the point of the box to compare with
        "mirror_gap": Measure(_mirror_gap, _of_mirror),
    }
    return measured | {name: Measure(*both) for name, both in MORE.items()}


MEASURED: Mapping[str, Measure] = MappingProxyType(_table())
"""Name of a symbol → how it is measured at a stored time of a run."""


def measure(name: str, point: Point) -> float:
    """The value of a symbol at a point, kept there; LookupError, naming the symbol, where it is not known."""
    if name not in point.kept:
        if name not in MEASURED:
            raise LookupError(f"nothing measures {name}")
        point.kept[name] = float(MEASURED[name].value(point))
    return point.kept[name]


def error_of(name: str, point: Point) -> float:
    """An estimate from above of the error of :func:`measure`."""
    return float(MEASURED[name].error(point, measure(name, point)))


@lru_cache(maxsize=4096)
def _compiled(expression: Any, kl: Any) -> tuple[Any, tuple[str, ...]]:
    expression = kl.apply(expression)
    names = tuple(sorted(str(symbol) for symbol in expression.free_symbols))
    return compiled.function(expression, names), names


def _evaluated(expression: Any, point: Any) -> float:
    function, names = _compiled(sp.sympify(expression), point.kl)
    return float(function(*(point.value(name) for name in names)))


def sides(relation: Any, point: Any) -> tuple[float, float]:
    """Left and right side of a relation (a conclusion, a condition) at a point.

    Raises LookupError, naming the symbol, if something in it is not measured or not known for this run.
    """
    return _evaluated(relation.lhs, point), _evaluated(relation.rhs, point)


def budget(relation: Any, point: Any) -> float:
    """How far the difference of the two sides may be off: every symbol moved by its error, one at a time, summed.

    To first order this bounds the effect of all errors together.  Rounding of the sides themselves is added.
    """
    total = 0.0
    for side in relation.args:
        function, names = _compiled(sp.sympify(side), point.kl)
        values = [point.value(name) for name in names]
        here = float(function(*values))
        total += 4 * np.finfo(float).eps * abs(here)
        for i, name in enumerate(names):
            error = point.error(name)
            if error == 0:
                continue
            if not math.isfinite(error):
                return math.inf
            moves = []
            for sign in (-1.0, 1.0):
                moved = [*values[:i], values[i] + sign * error, *values[i + 1 :]]
                try:
                    there = float(function(*moved))
                except (ValueError, compiled.HypothesisNotMet):
                    there = math.nan  # out of the domain on that side: the other side speaks
                if math.isfinite(there):
                    moves.append(abs(there - here))
            total += max(moves, default=math.inf)
    return total
