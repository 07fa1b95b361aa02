"""More of what a run has, in the terms of :mod:`numerics.measured`: mirror flow, layers of a deep network, reachable signals.

Each entry is a pair of functions: the value at a point, and an estimate from above of its error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy.optimize import lsq_linear

from numerics.scene import Array, Point, Scene, norm
from numerics.wonly.bregman import bregman_terms, dphi_floor
from numerics.wonly.domain import interval

__all__ = [
    "MORE",
    "B_of",
    "activation_of",
    "cancelling",
    "comparison",
    "descent_slope",
    "least_by_balance",
    "least_in_box",
]

Value = Callable[[Point], float]
Error = Callable[[Point, float], float]

_ROUNDING = 1e-12
_STENCIL = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))
_STEP = 1e-3  # of difference quotients of order four: truncation 1e-12 times a fifth derivative, rounding 1e-13
_DIFFERENCES = 1e-10
_INTERIOR = (
    1e-9  # how near to the data, relatively, the activations of a run must have come to be corrected to y = B h*
)
_CELLS = 400


def _rounded(point: Point, value: float) -> float:
    return _ROUNDING * abs(value)


# ------------------------------------------------------------------------------------------ W only, one input, linear A
def B_of(point: Point) -> Array:
    """B = A V/√k; LookupError for a nonlinear operator."""
    if not point.world.operator.linear:
        raise LookupError("B = A V/√k is that of a linear operator")
    net = point.scene.neurons
    return np.asarray(point.world.operator.A @ net.V) / math.sqrt(net.k)


def _kept(scene: Scene, name: str, make: Callable[[], Any]) -> Any:
    """What has been computed for a scene, kept with its first point."""
    store: dict[str, Any] = scene.at(0).kept
    if name not in store:
        store[name] = make()
    return store[name]


def comparison(point: Point) -> Array:
    """a* in the open box with B φ(a*) = y to the last digits: the end of the run, corrected by Newton's method.

    LookupError if the run has not come near enough for that: then y is not known to be in the image of the open box.
    """
    found: Array = _kept(point.scene, "a_star", lambda: _corrected(point))
    return found


def _corrected(point: Point) -> Array:
    scene, B, y = point.scene, B_of(point), point.world.y
    net, a = scene.neurons, scene.end.net.a
    lo, hi = interval(net.activation, net.a)
    scale = max(norm(y), norm(B @ net.activation.phi(net.a) - y))
    for _ in range(12):
        r = B @ net.activation.phi(a) - y
        if norm(r) <= 1e-14 * scale:
            return np.asarray(a)
        slope = net.activation.dphi(a)
        step = slope * (B.T @ np.linalg.lstsq((B * slope**2) @ B.T, r, rcond=1e-13)[0])
        a = a - step
        if not (np.all(a > lo) and np.all(a < hi) and norm(step) < math.sqrt(_INTERIOR) * max(1.0, norm(a))):
            break
    if norm(B @ net.activation.phi(a) - y) <= 1e-12 * scale and np.all(a > lo) and np.all(a < hi):
        return np.asarray(a)
    raise LookupError("the run has not reached the data: no point of the open box is known with B h = y")


def least_in_box(scene: Scene) -> float:
    """The least loss over the closed box of hidden activations, W alone, plain least squares, bounded φ; 0 otherwise.

    No run can fall below it (`wonly.threshold` says that runs tend to it).
    """
    world = scene.world
    if world.generator.kind != "two_layer" or not world.operator.linear or scene.loss.name != "least_squares":
        return 0.0
    net = scene.neurons
    ends = net.activation.phi(np.array([-40.0, 40.0]))
    if net.train != "W" or net.activation.name not in ("tanh", "erf", "sigmoid"):
        return 0.0
    found = lsq_linear(B_of(scene.at(0)), world.y, bounds=(ends[0], ends[1]), tol=1e-12)
    least = float(found.cost)
    return least if least > 1e-9 * float(world.y @ world.y) else 0.0


def least_by_balance(scene: Scene) -> float:
    """The least loss on the invariant curve v = sinh a of one tanh neuron, both layers, plain least squares; 0 elsewhere.

    By `dip2.conservation` a start with v = ± sinh a stays on it; it cannot pass (0, 0), which is at rest, so the output
    v tanh a keeps its sign.  In floating point a run leaves the curve near (0, 0): what it does then says nothing.
    """
    world, generator = scene.world, scene.world.generator
    if generator.kind != "two_layer" or generator.size != 2 or world.y.size != 1 or not world.operator.linear:
        return 0.0
    net = scene.neurons
    plain = net.activation.name == "tanh" and net.train == "both" and scene.loss.name == "least_squares"
    if not plain or abs(net.V[0, 0]) != np.sinh(abs(net.a[0])):
        return 0.0
    away = float(world.operator.A[0, 0] * net.V[0, 0] * net.a[0] * world.y[0]) <= 0
    return 0.5 * float(world.y[0]) ** 2 if away else 0.0


def _dphi_min(point: Point) -> float:
    def make() -> float:
        net = point.scene.neurons
        a_star = comparison(point)
        D_0 = float(np.sum(bregman_terms(net.activation, a_star, net.a)))
        return dphi_floor(net.activation, a_star, D_0 * (1 + 1e-9))

    return float(_kept(point.scene, "dphi_min of the run", make))


def _sigma_B(point: Point) -> float:
    values = np.linalg.svd(B_of(point), compute_uv=False)
    return float(values[values > 1e-13 * values[0]][-1])


def _D_now(point: Point) -> float:
    return float(np.sum(bregman_terms(activation_of(point), point.scene.end.net.a, point.net.a)))


def activation_of(point: Point) -> Any:
    """The activation of the two layers; LookupError for other generators."""
    return point.scene.neurons.activation


def _of_D(point: Point, value: float) -> float:
    """|∂D/∂a_i| = |φ(a_i*) − φ(a_i)|/|φ'(a_i)|."""
    phi, a, end = activation_of(point), point.net.a, point.scene.end.net.a
    slope = norm((phi.phi(end) - phi.phi(a)) / phi.dphi(a))
    moved = point.series("error_theta") + point.scene.end.series("error_theta")
    return 1e-10 * abs(value) + slope * moved + moved**2


def _D_slope(point: Point) -> float:
    return float(_kept(point.scene, "D_slope of the run", lambda: descent_slope(point.scene)))


def descent_slope(scene: Scene) -> float:
    """sup D'' over {D(h*, ·) ≤ N} for an N that satisfies `wonly.descent`, h* the end of the run; LookupError if none is found.

    N and the supremum depend on each other: N is raised until it exceeds D_0 + D_slope γL_0/(2ν).
    """
    step = scene.record.step
    if step is None:
        raise LookupError("a flow has no step")
    net, a_star = scene.neurons, scene.end.net.a
    D_0 = float(np.sum(bregman_terms(net.activation, a_star, net.a)))
    loss_0 = float(scene.record.loss[0])
    N = D_0 * 1.01 + 1e-300
    for _ in range(60):
        slope = _slope_over(net.activation, a_star, net.a, N)
        needed = D_0 + slope * step.gamma * loss_0 / (2 * step.nu)
        if needed < N:
            return slope
        N = 1.05 * needed
        if not math.isfinite(N):
            break
    raise LookupError("no level N of the Bregman distance exceeds D_0 + D_slope γL_0/(2ν) for this step")


def _slope_over(activation: Any, a_star: Array, a0: Array, level: float) -> float:
    lo, hi = interval(activation, a0)
    greatest = 1.0
    with np.errstate(all="ignore"):
        for wall in (lo, hi):

            def place(u: Array, wall: Array = wall) -> Array:
                out = np.where(wall > a_star, 1.0, -1.0) * u / (1 - u)
                return np.asarray(a_star + np.where(np.isfinite(wall), (wall - a_star) * u, out))

            inside, outside = np.zeros_like(a_star), np.full_like(a_star, 1 - 1e-9)
            for _ in range(50):
                mid = 0.5 * (inside + outside)
                within = bregman_terms(activation, a_star, place(mid)) <= level
                inside, outside = np.where(within, mid, inside), np.where(within, outside, mid)
            a = place(np.linspace(0.0, 1.0, _CELLS)[:, None] * outside)
            slopes = 1 + (activation.phi(a_star) - activation.phi(a)) * activation.ddphi(a) / activation.dphi(a) ** 2
            if not np.all(np.isfinite(slopes)):
                return math.inf
            greatest = max(greatest, float(np.max(slopes)))
    # the grid may miss the top: raised by a hundredth, so that the bound of `wonly.descent` errs upwards
    return 1.01 * greatest


# ---------------------------------------------------------------------------------------------- feedforward, layer by layer
def _layers(point: Point) -> dict[str, float]:
    """The layer, at the first input, whose block differs most from `deep.gram`; the block by differences of the output."""
    generator: Any = point.world.generator
    if generator.kind != "deep":
        raise LookupError(f"a {generator.kind} generator has no layers")
    network, u = generator.network(point.d), generator.inputs[0]
    beta = 0.0 if generator.biases is None else 1.0
    rows, at = network.weights[-1].shape[0], 0
    worst: dict[str, float] = {}
    for layer, W in zip(network.layers(u), network.weights, strict=True):
        width = W.size + (W.shape[0] if beta else 0)
        block = np.zeros((rows, width))
        for j in range(width):
            step = np.zeros(generator.size)
            step[at + j] = _STEP
            block[:, j] = sum(w * generator.network(point.d + i * step).output(u) for i, w in _STENCIL) / _STEP
        at += width
        found = {"block_norm": norm(block, 2), "h_prev": norm(layer.h), "M_l": norm(layer.M, 2), "bias": beta}
        gap = abs(found["block_norm"] - math.hypot(found["h_prev"], math.sqrt(beta)) * found["M_l"])
        if not worst or gap > worst["gap"]:
            worst = {**found, "gap": gap}
    return worst


def _layer(name: str) -> Value:
    def value(point: Point) -> float:
        for key, number in _layers(point).items():
            point.kept[key] = number
        return point.kept[name]

    return value


# -------------------------------------------------------------------------------------------------- signals that are reached
def _reach(point: Point) -> float:
    """The radius of the largest ball around g(0) in the image of the ball of radius r = ‖d‖: linear g, or one parameter."""
    generator: Any = point.world.generator
    r = norm(point.d)
    if generator.kind != "quadratic":
        raise LookupError("the image of a ball is known for quadratic maps only")
    if generator.modulus == 0:
        return float(point.world.sigma_0 * r)
    if generator.size != 1 or generator.n != 1:
        raise LookupError("the image of a ball is known for linear maps and for one parameter only")
    slope, bend = float(generator.J[0, 0]), float(generator.H[0, 0, 0])
    places = [-r, r] + ([-slope / bend] if abs(slope / bend) < r else [])
    moved = [slope * s + 0.5 * bend * s * s for s in (*places, 0.0)]
    return min(max(moved), -min(moved))


def _sigma_A(point: Point) -> float:
    """inf |A z|/|z|: the smallest singular value, 0 if A has more columns than rows."""
    if not point.world.operator.linear:
        raise LookupError("only a linear operator has singular values")
    m, n = point.world.operator.A.shape
    return float(np.linalg.svd(point.world.operator.A, compute_uv=False)[-1]) if m >= n else 0.0


def _of_block(point: Point, value: float) -> float:
    return _DIFFERENCES * (abs(value) + norm(point.J, 2))


def cancelling(point: Point) -> float:
    """The size of the terms that x(0) is the sum of: (1/√k)‖ |V| |φ(a)| ‖ for a two-layer network."""
    net = point.scene.neurons
    return norm(np.abs(net.V) @ np.abs(net.activation.phi(net.a))) / math.sqrt(net.k)


def _x0(point: Point) -> float:
    return norm(point.scene.at(0).x)


def _of_x0(point: Point, value: float) -> float:
    if point.world.generator.kind != "two_layer":
        return _ROUNDING * abs(value)
    return _ROUNDING * abs(value) + 2.0**-52 * point.scene.neurons.k * cancelling(point)


MORE: Mapping[str, tuple[Value, Error]] = MappingProxyType(
    {
        "dphi_min": (_dphi_min, _rounded),
        "sigma_B": (_sigma_B, _rounded),
        "D_now": (_D_now, _of_D),
        "D_slope": (_D_slope, _rounded),
        "block_norm": (_layer("block_norm"), _of_block),
        "M_l": (_layer("M_l"), _rounded),
        "h_prev": (_layer("h_prev"), _rounded),
        "bias": (_layer("bias"), lambda point, value: 0.0),
        "reach": (_reach, lambda point, value: _ROUNDING * abs(value)),
        "x0_norm": (_x0, _of_x0),
        "sigma_A": (_sigma_A, _rounded),
    }
)
"""Name of a symbol → (value, error)."""
