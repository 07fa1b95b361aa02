"""The error rules of :mod:`numerics.measured`: estimates from above of how far a measured value may be off.

A rule is a function of the point and of the value; where it depends on more, a function of that returns the rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from numerics.measured_more import B_of, Error, Value
from numerics.measured_values import worst_neuron
from numerics.scene import Point, norm

__all__ = [
    "by_theta",
    "exact",
    "of_chain",
    "of_conserved",
    "of_energy",
    "of_energy_rate",
    "of_jacobian",
    "of_length",
    "of_mirror",
    "of_observation",
    "of_rate",
    "of_residual",
    "of_speed",
    "of_tail",
    "rounded",
    "theta_error",
    "twice_theta",
]

_ROUNDING = 1e-12  # of what is computed by a few matrix products
_DIFFERENCES = 2e-7  # of a difference quotient of order four


def exact(point: Point, value: float) -> float:
    """Of what is no measurement: 0."""
    return 0.0


def rounded(point: Point, value: float) -> float:
    """Of what is computed by a few matrix products."""
    return _ROUNDING * abs(value)


def theta_error(point: Point) -> float:
    """How far the parameters themselves may be off."""
    return point.series("error_theta")


def by_theta(sensitivity: Value) -> Error:
    """Of a function of the parameters with this Lipschitz constant."""
    return lambda p, value: _ROUNDING * abs(value) + sensitivity(p) * theta_error(p)


def twice_theta(point: Point, value: float) -> float:
    """Of a distance of parameters."""
    return _ROUNDING * abs(value) + 2 * theta_error(point)


def of_jacobian(point: Point, value: float) -> float:
    """Of a norm or a singular value of the Jacobian."""
    return _ROUNDING * (abs(value) + norm(point.world.J_0)) + 2 * point.world.generator.modulus * theta_error(point)


def of_residual(power: float) -> Error:
    """Of a quantity that grows like this power of the residual."""
    return lambda p, value: abs(value) * (_ROUNDING + power * p.relative)


def of_rate(quantity: Callable[[Point], Callable[[float], float]]) -> Error:
    """Of d/dt f(L) = −f'(L)|θ'|² by differences: truncation, the speed, rounding of the losses, and f' itself."""

    def error(p: Point, value: float) -> float:
        if not p.time_step > 0:
            return math.inf
        f, loss = quantity(p), p.series("loss")
        slope = abs(f(loss * (1 + 1e-4)) - f(loss * (1 - 1e-4))) / (2e-4 * loss)
        noise = loss * (1e-15 + 4 * p.rounding) / p.time_step
        return slope * (p.speed**2 * (_DIFFERENCES + 8 * p.relative) + 2 * p.speed * p.speed_error + noise)

    return error


def of_speed(p: Point, value: float) -> float:
    """Of the speed, or a part of it."""
    return _ROUNDING * abs(value) + p.speed_error


def of_energy_rate(p: Point, value: float) -> float:
    """Truncation relative to what the rate is made of, rounding of E over the step, the state."""
    energy = p.value("E")
    scale = abs(value) + norm(p.v - p.world.y) ** 2 + energy * p.speed
    move = p.energy_reach
    size = math.sqrt(2 * energy) + 2 * move  # of J⁺(x − x̄) at the ends of the stencil
    sigma = float(np.linalg.svd(p.J, compute_uv=False)[-1])
    cancelled = 4 * np.finfo(float).eps * norm(p.x) / sigma if sigma > 0 else math.inf
    noise = (1e-13 * size + cancelled) * size * p.speed / move
    return (_DIFFERENCES + 8 * p.relative) * scale + noise


def of_length(p: Point, value: float) -> float:
    """Of a length travelled."""
    return _ROUNDING * abs(value) + p.series("error_length")


def of_tail(p: Point, value: float) -> float:
    """Of what is left of the path: as far as the run has seen it, and beyond."""
    return of_length(p, value) + 2 * p.scene.end.series("error_theta") + 2 * theta_error(p) + p.scene.remaining


def of_observation(p: Point, value: float) -> float:
    """Of a distance of observations."""
    return _ROUNDING * abs(value) + p.series("error_residual")


def of_conserved(p: Point, value: float) -> float:
    """Of the conserved quantity of the neuron that has moved most."""
    i, net = worst_neuron(p), p.net
    steep = norm(net.V[:, i]) + abs(float(net.activation.phi(net.a[i]) / net.activation.dphi(net.a[i])))
    parts = 0.5 * norm(net.V[:, i]) ** 2 + abs(float(net.activation.G(net.a[i])))
    return 1e-11 * parts + steep * theta_error(p)


def of_mirror(p: Point, value: float) -> float:
    """Of :func:`numerics.measured_values.mirror_gap`."""
    # displacements are sums of doubles: next to rest a move of `reach` may be no more than their rounding
    noise = 4 * np.finfo(float).eps * (norm(p.d) + norm(p.net.a)) * p.speed / p.reach if p.reach > 0 else math.inf
    return (_DIFFERENCES + 8 * p.relative) * norm(B_of(p).T @ p.gradient) + _DIFFERENCES * p.speed * 1e-3 + noise


def of_chain(p: Point, value: float) -> float:
    """Truncation and rounding of difference quotients whose steps move v by a thousandth of the residual."""
    size = p.world.sensitivity(p.d) * norm(p.gradient)
    moved = p.rounding * p.series("residual") * norm(p.gradient)
    noise = (1e-15 * p.series("loss") + 2 * moved) / p.coordinate_step
    return _DIFFERENCES * size + math.sqrt(p.world.size) * (1e4 * p.rounding * size + noise)


def of_energy(p: Point, value: float) -> float:
    """E is quadratic in J^+(x − x̄): relatively, twice the errors of x and of J over σ_min."""
    sigma = float(np.linalg.svd(p.J, compute_uv=False)[-1])
    if not sigma > 0:
        return math.inf
    bent = (norm(p.J, 2) / math.sqrt(2 * value) if value > 0 else 0.0) + p.world.generator.modulus
    return value * (_ROUNDING * norm(p.J, 2) / sigma + 4 * bent * theta_error(p) / sigma)
