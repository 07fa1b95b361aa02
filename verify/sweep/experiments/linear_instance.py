"""An instance with a linear operator given as a matrix, as `dipcert run` would build it: what experiments on recovery share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numerics.activations import activation as activation_named
from numerics.door import integer, number
from numerics.flow import Trajectory, gradient_flow
from numerics.initialization import entry_distribution
from verify.instance import Instance
from verify.problem import build, parse

__all__ = ["check_network", "flow", "linear_instance"]

Floats = NDArray[np.float64]

MAX_STEPS = 1500
"""Accepted steps after which a run ends: where the data cannot be fitted a flow would go on for ever."""


def check_network(n: int, m: int, k: int, train: str, activation: str, V: str, output_scale: float) -> None:
    """ValueError unless these describe a problem that the theorems can be asked about."""
    integer("n", n, 1)
    integer("m", m, 1)
    if integer("k", k, 2) % 2:
        raise ValueError(f"k = {k}; the neurons are paired (x(0) = 0), so it must be even")
    if train not in ("both", "W"):
        raise ValueError(f'train = {train!r}; it must be "both" or "W"')
    activation_named(activation)
    entry_distribution(V)
    positive("output_scale", output_scale)


def positive(name: str, value: float) -> None:
    """ValueError unless `value` is a positive, finite number."""
    number(name, value)
    if not 0 < value < float("inf"):
        raise ValueError(f"{name} = {value!r}; it must be positive and finite")


def linear_instance(config: Any, A: Floats, truth: Floats, noise: Floats | None, seed: int, tau: float) -> Instance:
    """The instance of y = A x̄ + ε for these arrays; network from k, train, activation, V, output_scale of `config`.

    Neurons are paired, x(0) = 0 (`dip2.antisymmetric`).  A (m, n), truth (n,), noise (m,) or None for data without noise.
    """
    table: dict[str, Any] = {
        "seed": seed,
        "signal": {"source": "values", "values": truth.tolist()},
        "operator": {"kind": "dense", "values": A.tolist()},
        "network": {
            "width": config.k,
            "train": config.train,
            "activation": config.activation,
            "antisymmetric": True,
            "output_scale": float(config.output_scale),
            "init": {"V": config.V},
        },
        "stop": {"tau": tau},
    }
    if noise is not None:
        table["noise"] = {"values": noise.tolist()}
    return Instance.of(build(parse(table)))


def flow(
    instance: Instance, loss_stop: float, t_max: float, rtol: float = 1e-8, max_steps: int = MAX_STEPS
) -> Trajectory:
    """The gradient flow until the loss is at `loss_stop`, or `t_max`, or so many steps."""
    return gradient_flow(
        instance.reduced,
        t_max=t_max,
        loss_stop=loss_stop,
        rtol=rtol,
        atol=1e-3 * rtol,
        points_per_decade=3,
        max_steps=max_steps,
    )
