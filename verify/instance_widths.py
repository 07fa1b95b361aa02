"""At which width are drawn instances certified, each with its own constants? (`dipcert width --instances`)

The a-priori widths of :mod:`numerics.width` hold for nearly all instances.  Here instances are drawn, and every theorem
is evaluated on each with certified constants, exactly as ``dipcert run`` does; the width from which half of them are
certified shows what the union bounds cost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from numerics.balanced import balanced
from numerics.bound import Bound
from numerics.compile import enclose
from numerics.flow import gradient_flow
from numerics.networks.two_layer import TwoLayer
from numerics.rigorous import opnorm_upper
from numerics.width import Setting

from .guarantees import baseline, hidden, sharp, wonly
from .instance import Instance
from .problem import build, parse

__all__ = ["EVALUATORS", "Drawn", "draw", "drawn_widths", "threshold_width"]


def _threshold(instance: Instance) -> bool:
    return any(
        item.statement == "wonly.threshold" and item.in_force and item.zero_loss for item in wonly.evaluate(instance)
    )


def _sharp_any(instance: Instance) -> bool:
    """h < 1/2 without the restriction to Im Aᵀ, as for an operator that is not linear."""
    network, known = instance.problem.network, instance.constants
    sigma_0 = network.sigma_min().as_lower()
    if sigma_0 <= 0:
        return False
    values = {
        "Lambda": network.modulus().as_upper(),
        "rho_0": known["rho_0"].as_upper(),
        "sigma_F": known["sigma_F"].as_lower(),
        "sigma_0": sigma_0,
    }
    return enclose("sharp.condition", "h", values).upper < 0.5


def _sharp_saturated(instance: Instance) -> bool:
    """`sharp.condition` with the one-sided modulus of `dip2.saturated_modulus` where it is smaller (W only)."""
    known = instance.constants
    return saturated(instance.reduced_network(), {name: known[name] for name in SATURATED})


def saturated(network: TwoLayer, known: Mapping[str, Bound]) -> bool:
    """Whether `sharp.condition` holds with the modulus of `dip2.saturated_modulus`, or the linear one.

    network: in the coordinates of Im Aᵀ (V of shape rank × k).  known: :data:`SATURATED` of it.
    """
    sigma_0 = known["sigma_0"].as_lower()
    if sigma_0 <= 0:
        return False
    linear = {key: known[key].value for key in ("Lambda", "rho_0", "sigma_F")} | {"sigma_0": sigma_0}
    if enclose("sharp.condition", "h", linear).upper < 0.5:
        return True
    q, k = network.V.shape
    value, error = network.activation.enclose_dphi(network.a)
    # M4 is the largest value of a quartic form; the norm of its matrix on symmetric tensors is above it
    squares = np.einsum("ik,jk->ijk", network.V, network.V).reshape(q * q, k) * (np.abs(value) + error)
    M4 = opnorm_upper(squares) ** 2 * (1 + 1e-12)
    values = {"B2": network.activation.B2.as_upper(), "c_V": known["c_V"].as_upper(), "k": float(k), "M4": M4}
    crossing = enclose("dip2.saturated_modulus", "crossing", {key: values[key] for key in ("B2", "c_V", "M4")})
    if not crossing.upper < sigma_0 / known["Lambda"].as_upper() * (1 - 1e-15):
        return False
    total = enclose("dip2.saturated_modulus", "S_total", {**values, "sigma_0": sigma_0}).lower
    return known["rho_0"].as_upper() < known["sigma_F"].as_lower() * total * (1 - 1e-15)


SATURATED = ("sigma_0", "Lambda", "rho_0", "sigma_F", "c_V")
"""The constants that :func:`saturated` needs, restricted to Im Aᵀ."""


def _balanced_any(instance: Instance) -> bool:
    network = instance.problem.network
    return balanced(network.activation, network.a, network.column_norms()).certified


def _converges(instance: Instance) -> bool:
    """The flow itself, followed until the loss has fallen to 1e-7 of its initial value (the published experiment)."""
    reduced = instance.reduced
    if reduced.train == "W":
        raise ValueError(
            "with W alone the flow of infeasible data never ends; wonly.threshold decides convergence exactly"
        )
    start = float(instance.constants["loss_0"].as_upper())
    run = gradient_flow(
        reduced, t_max=1e9, loss_stop=1e-7 * start, rtol=1e-6, atol=1e-9, max_seconds=20.0, error_estimate=False
    )
    return bool(run.status == "loss_stop")


EVALUATORS: Mapping[str, Callable[[Instance], bool]] = MappingProxyType(
    {
        "baseline": lambda instance: baseline.evaluate(instance).in_force,
        "sharp_linear": lambda instance: sharp.evaluate(instance).in_force,
        "sharp": _sharp_any,
        "amgm": lambda instance: hidden.linear(instance).in_force,
        "amgm_dual": lambda instance: hidden.by_duality(instance).in_force,
        "balanced": _balanced_any,
        "balanced_linear": lambda instance: hidden.by_balance(instance).in_force,
        "sharp_saturated": _sharp_saturated,
        "wonly": _threshold,
        "flow": _converges,
    }
)
"""Criterion (:data:`numerics.width.CRITERIA`) → whether its theorem is in force on an instance; "flow": whether it converges."""


def draw(setting: Setting, k: int, seed: int) -> Instance:
    """An instance of the setting: A with singular values from σ_F to ‖A‖ (geometric), ‖A x̄‖ = y_norm, no noise.

    ValueError for a nonlinear setting: there is no single nonlinear operator to draw.
    """
    if not setting.linear:
        raise ValueError("instances are drawn for linear operators only")
    rng = np.random.default_rng([seed, setting.n, setting.m])
    q = setting.q
    left = np.linalg.qr(rng.standard_normal((setting.m, setting.m)))[0][:, :q]
    right = np.linalg.qr(rng.standard_normal((setting.n, setting.n)))[0][:, :q]
    A = (left * np.geomspace(setting.L_F, setting.sigma_F, q)) @ right.T
    truth = right @ rng.standard_normal(q)
    truth *= setting.y_total / np.linalg.norm(A @ truth)
    return Instance.of(
        build(
            parse(
                {
                    "seed": seed,
                    "signal": {"source": "values", "values": truth.tolist()},
                    "operator": {"kind": "dense", "values": A.tolist()},
                    "noise": {"level": 0.0},
                    "network": {
                        "width": k,
                        "activation": setting.activation,
                        "init": {"V": setting.V},
                        "train": setting.train,
                        "antisymmetric": setting.antisymmetric,
                        "output_scale": setting.scale,
                    },
                }
            )
        )
    )


def threshold_width(setting: Setting, name: str, seed: int, most: int = 2**17) -> int | None:
    """The width from which instance `seed` is certified by criterion `name`, by bisection to half a percent; None: none.

    Each width has its own draw (of the same seed), so the answer carries the chance of one draw.
    """
    step = 2 if setting.antisymmetric else 1
    ok = EVALUATORS[name]

    def certified(j: int) -> bool:
        return ok(draw(setting, j * step, seed))

    high = 1
    while not certified(high):
        high *= 2
        if high * step > most:
            return None
    low = high // 2
    while high - low > max(1, high // 200):
        middle = (low + high) // 2
        low, high = (low, middle) if certified(middle) else (middle, high)
    return high * step


@dataclass(frozen=True)
class Drawn:
    """`widths` from which the drawn instances are certified (None: beyond `most`), in ascending order, and their median."""

    widths: tuple[int | None, ...]
    most: int

    @property
    def median(self) -> int | None:
        """The smallest width at which at least half of the instances are certified; None if that is beyond `most`."""
        return self.widths[(len(self.widths) - 1) // 2]


def drawn_widths(setting: Setting, name: str, instances: int = 9, seed: int = 0, most: int = 2**17) -> Drawn:
    """:func:`threshold_width` of the seeds seed, seed + 1, …"""
    found = [threshold_width(setting, name, seed + j, most) for j in range(instances)]
    return Drawn(tuple(sorted(found, key=lambda k: math.inf if k is None else k)), most)
