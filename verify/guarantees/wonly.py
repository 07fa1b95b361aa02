"""W only, one input, linear A (`wonly.*`): convergence decided exactly, rates free of σF and κ, the limit predicted.

The hidden vector h = φ(a) follows a mirror flow of ½‖B h − y‖², B = T V/√k. What is proved here is about the stored
matrix B and the stored data taken exactly; with weights Γ⁻¹ about Γ^{-1/2}B and Γ^{-1/2}y. Where T is not onto (and y in its
range, up to rounding) the threshold and the linear rate are about QᵀB and Qᵀy, Q the computed basis of the range.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from numerics.rigorous import norm_upper, sigma_min_lower
from numerics.wonly import (
    Limit,
    Path,
    Regularized,
    box,
    dphi_floor,
    limit_of,
    regularized_on,
    stopping_time_on,
    threshold,
)

from ..instance import Instance
from .base import Curve, Guarantee, not_met, of_time, stopping_curves

Floats = NDArray[np.float64]

_TITLES = {
    "wonly.threshold": "W only: y inside the image of the box",
    "wonly.rate": "W only: decay free of σF and κ",
    "wonly.linear_rate": "W only: linear rate and limit",
}
# Every point h of the box gives a valid bound of the residual at all times. Besides the one that minimizes the stopping
# time, points of the regularization path at these multiples of its time keep the lower envelope useful early and late.
_ENVELOPE = (0.003, 0.05, 20.0)
# A guaranteed relative decay of the residual over the whole run below which a linear rate says nothing.
_NOTICEABLE = 0.01


@dataclass(frozen=True)
class _Mirror:
    """The whitened problem ½‖B h − y‖² over the box."""

    instance: Instance
    B: Floats
    y: Floats
    root: Floats | None = None
    """Γ^{-1/2} as a vector; None for least squares."""

    def weigh(self, rows: Floats) -> Floats:
        """Γ^{-1/2} times a matrix or a vector."""
        return rows if self.root is None else (self.root * rows.T).T

    @property
    def root_w_min(self) -> float:
        """A lower bound of √w_min."""
        return 1.0 if self.root is None else float(self.root.min()) * (1 - 2.0**-50)

    def residual_upper(self, a: Floats) -> float:
        """Upper bound of ‖B φ(a) − y‖ for the stored B and y, and for the exact products with the roots of the weights."""
        h, error = self.activation.enclose_phi(a)
        ulps = (h.size + 16) * 2.0**-53
        r = self.B @ h - self.y
        slack = self.sizes @ (np.abs(h) * (2 * ulps) + error * (1 + 4 * ulps)) + 2.0**-50 * (np.abs(self.y) + np.abs(r))
        return norm_upper((np.abs(r) + slack) * (1 + 2.0**-50))

    @cached_property
    def sizes(self) -> Floats:
        """|B|, entry by entry."""
        return np.abs(self.B)

    @cached_property
    def sigma_B(self) -> float:
        """σ_min(B) from below."""
        return sigma_min_lower(self.B)

    def path(self) -> Path:
        """Newton's method on the dual of this problem."""
        return Path(self.activation, self.B, self.y, self.a0, self.residual_upper)

    @property
    def activation(self):
        return self.instance.problem.network.activation

    @property
    def a0(self) -> Floats:
        return self.instance.problem.network.a


def evaluate(instance: Instance) -> list[Guarantee]:
    """The three guarantees, or one that says why they do not apply."""
    network = instance.problem.network
    if network.train != "W":
        return [
            not_met(
                "wonly.threshold", _TITLES["wonly.threshold"], "both layers are trained; the theorem is about W only"
            )
        ]
    if not network.activation.theory.smooth:
        return [
            not_met(
                "wonly.threshold",
                _TITLES["wonly.threshold"],
                f"{network.activation.name} has no mirror map (A.activation)",
            )
        ]
    mirror = _whitened(instance)
    core = _in_range(mirror)
    try:
        path = Path(mirror.activation, core.B, core.y, mirror.a0, mirror.residual_upper)
        end: Limit | None = limit_of(path)
    except ValueError:
        end = None
    plain = mirror if mirror.root is None else _Mirror(instance, instance.inner_matrix, instance.problem.y)
    decided = _threshold(core if plain is mirror else _in_range(plain))
    return [decided, _rate(mirror, end, decided), _linear(mirror, core, end, decided.in_force)]


def _whitened(instance: Instance) -> _Mirror:
    weights = instance.problem.loss.weights
    plain = _Mirror(instance, instance.inner_matrix, instance.problem.y)
    if weights is None:
        return plain
    root = np.sqrt(weights)
    return _Mirror(instance, (root * plain.B.T).T, root * plain.y, root)


def _in_range(mirror: _Mirror) -> _Mirror:
    """The same problem in an orthonormal basis of the range of B, where T is not onto; else as it is."""
    instance = mirror.instance
    if instance.problem.svd.rank == instance.problem.y.size:
        return mirror
    Q, _ = scipy.linalg.qr(mirror.weigh(instance.reduced.C), mode="economic")
    return replace(mirror, B=Q.T @ mirror.B, y=Q.T @ mirror.y)


def _threshold(mirror: _Mirror) -> Guarantee:
    statement, title = "wonly.threshold", _TITLES["wonly.threshold"]
    lo, hi = box(mirror.activation, mirror.a0)
    k, m = mirror.B.shape[1], mirror.B.shape[0]
    result = threshold(mirror.B, mirror.y, lo, hi, sigma_B=mirror.sigma_B if k >= m else None)
    if result.feasible:
        reason = f"an exact solution lies inside the box, {result.margin:.3g} of the half-width from its walls ({result.how})"
        return Guarantee(statement, title, "in_force", reason, None, {"margin": result.margin}, True)
    if result.feasible is False:
        reason = (
            f"y is at distance at least {result.inf_gap:.4g} from what the box can produce: the loss cannot reach zero"
        )
        return not_met(statement, title, reason, None, inf_gap=result.inf_gap)
    return Guarantee(statement, title, "not_evaluable", f"undecided: {result.how}")


def _rate(mirror: _Mirror, end: Limit | None, decided: Guarantee) -> Guarantee:
    statement, title = "wonly.rate", _TITLES["wonly.rate"]
    constants = mirror.instance.constants
    points: list[Regularized] = []
    stop = level = None
    quantities: dict[str, float] = {}
    path = mirror.path()
    horizon = 1.0
    if "eps" in constants and constants["eps"].as_upper() > 0:
        level = constants["tau"].value * constants["eps"].as_upper()
        goal = level * mirror.root_w_min * (1 - 2.0**-50)
        quantities["level"] = level
        # no search where the threshold proves that the level is never reached
        unreachable = decided.quantities.get("inf_gap", 0.0) >= level
        found = None if unreachable else stopping_time_on(path, goal)
        if found is not None and found.point is not None:
            point = found.point
            points.append(point)
            horizon = point.t or 1.0
            if found.T == 0:
                stop = 0.0
            elif goal > point.residual:
                stop = mirror.instance.upper(
                    "wonly.stop", "T_level", D_0=point.D_0, eta=goal, residual_h=point.residual
                )
            if stop is not None:
                quantities["T"] = stop
    for factor in _ENVELOPE:
        points.append(regularized_on(path, factor * horizon))
    if end is not None:
        points.append(Regularized(math.inf, end.a, end.h, end.D_0, end.p, end.residual, 0.5 * end.residual**2))
        quantities["D_0"] = end.D_0

    rho_0 = constants["rho_0"].as_upper()

    def bound(t: Floats) -> Floats:
        out = np.full(t.shape, rho_0)
        live = t > 0
        values = [
            mirror.instance.curve(
                "wonly.stop", "residual_bound", {"t": t[live], "D_0": point.D_0, "residual_h": point.residual}
            )
            for point in points
        ]
        out[live] = np.minimum(np.min(values, axis=0) / mirror.root_w_min, rho_0)
        return out

    curves = [Curve(statement, "rho", "upper", "ρ(t) ≤ lower envelope over points h", of_time(bound), False)]
    if stop is not None and level is not None:
        curves += stopping_curves(statement, stop, level, constants["eps"].as_upper())
        reason = f"residual below τ‖ε‖ = {level:.4g} from T = {stop:.4g} on, whatever the conditioning"
    else:
        reason = (
            "the residual is bounded by √(D0/t) along the run"
            if end is not None
            else "bounds the residual along the run"
        )
    return Guarantee(
        statement, title, "in_force", reason, None, quantities, decided.in_force, 0.0, stop, level, tuple(curves)
    )


def _linear(mirror: _Mirror, core: _Mirror, end: Limit | None, zero_loss: bool) -> Guarantee:
    statement, title = "wonly.linear_rate", _TITLES["wonly.linear_rate"]
    if end is None:
        return not_met(statement, title, "no interior point of the box fits the data exactly (see wonly.threshold)")
    instance = mirror.instance
    slope = dphi_floor(mirror.activation, end.a, end.D_0)
    sigma_B = core.sigma_B
    if slope <= 0 or sigma_B <= 0:
        return not_met(statement, title, "min φ' > 0 or σ_min(B) > 0 could not be proved")
    rate = instance.lower(statement, "rate", dphi_min=slope, sigma_B=sigma_B)
    # The comparison point fits the data up to end.residual; the argument (D decreases) lasts until the run is as close.
    floor = end.residual / mirror.root_w_min
    if core is not mirror:  # what is not in the range of B is rounding, and stays
        floor += 1e-12 * norm_upper(mirror.y) / mirror.root_w_min
    rho_0 = instance.constants["rho_0"].as_upper()
    quantities = {"rate": rate, "dphi_min": slope, "sigma_B": sigma_B, "D_0": end.D_0, "valid_down_to": floor}
    # B is whitened: the weights are in sigma_B already.
    given = {"dphi_min": slope, "sigma_B": sigma_B, "rho_0": rho_0, "w_min": 1.0}

    def bound(t: Floats) -> Floats:
        return np.maximum(instance.curve(statement, "residual", {"t": t, **given}), floor)

    curve = Curve(statement, "rho", "upper", "ρ(t) ≤ ρ0 exp(−rate·t)", of_time(bound), False)
    reason = f"rate ≥ (min φ')² σ_min(B)² = {rate:.3g}"
    truth = instance.problem.truth
    if truth is not None:
        network = instance.problem.network
        predicted = instance.to_signal(network.V @ end.h / math.sqrt(network.k))
        quantities["limit_error"] = float(np.linalg.norm(predicted - truth))
        reason += f"; the limit is predicted, with ‖x(∞) − x̄‖ = {quantities['limit_error']:.4g} (it fits the noise too)"
    t_max = instance.problem.spec.flow.t_max
    decay = 1 - float(bound(np.array([t_max]))[0]) / rho_0
    if decay < _NOTICEABLE:
        reason += f": over the whole run (t ≤ {t_max:.4g}) it guarantees a decay of {decay:.1g}, which says nothing"
        return Guarantee(statement, title, "vacuous", reason, None, quantities)
    return Guarantee(statement, title, "in_force", reason, None, quantities, zero_loss, rate, None, None, (curve,))
