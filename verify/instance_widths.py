"""At which width are drawn instances certified, each with its own constants? (`dipcert width --instances`)

The a-priori widths of :mod:`numerics.width` hold for nearly all instances.  Here instances are drawn, and every theorem
is evaluated on each with certified constants, exactly as ``dipcert run`` does; the width from which half of them are
certified shows what the union bounds cost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from numerics.balanced import balanced
from numerics.compile import enclose
from numerics.flow import gradient_flow
from numerics.width import Setting

from .guarantees import baseline, hidden, sharp, wonly
from .instance import Instance
from .problem import build, parse

__all__ = ["EVALUATORS", "Share", "draw", "median_width", "share"]


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
        "wonly": _threshold,
        "flow": _converges,
    }
)
"""Criterion (:data:`numerics.width.CRITERIA`) → whether its theorem is in force on an instance; "flow": whether it converges."""


@dataclass(frozen=True)
class Share:
    """At width k, `certified` of `drawn` instances."""

    k: int
    certified: int
    drawn: int


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


def share(setting: Setting, k: int, name: str, instances: int, seed: int) -> Share:
    """How many of `instances` draws (seeds seed, seed + 1, …) the theorem certifies at width k."""
    certified = sum(EVALUATORS[name](draw(setting, k, seed + j)) for j in range(instances))
    return Share(k, certified, instances)


def median_width(
    setting: Setting, name: str, instances: int = 9, seed: int = 0, most: int = 2**17
) -> tuple[int | None, list[Share]]:
    """The smallest width at which at least half of the draws are certified, by bisection, and every width looked at.

    None if there is none up to `most`.  Draws of different widths are independent, so that close to the median the
    answer is a matter of chance, as it is for any finite number of instances.
    """
    seen: dict[int, Share] = {}
    step = 2 if setting.antisymmetric else 1

    def half(j: int) -> bool:
        k = j * step
        if k not in seen:
            seen[k] = share(setting, k, name, instances, seed)
        return 2 * seen[k].certified >= instances

    high = 1
    while not half(high):
        high *= 2
        if high * step > most:
            return None, sorted(seen.values(), key=lambda item: item.k)
    low = high // 2
    while high - low > max(1, high // 200):
        middle = (low + high) // 2
        low, high = (low, middle) if half(middle) else (middle, high)
    return high * step, sorted(seen.values(), key=lambda item: item.k)
