"""The centre modulus Ω(r) of a feedforward network, from the norms of its layers (`deep.modulus`).

The recursion runs the formulas of the theory, one layer at a time; no formula is typed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numerics import compile as compiled
from numerics.networks.feedforward import FeedForward

__all__ = ["LayerNorms", "deep_modulus", "layer_norms", "modulus_of_norms"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LayerNorms:
    """Norms of one layer at one input, from above: ‖h_{l−1}‖, ‖W_l‖, ‖M_l‖, largest column norm of P_l (0 for the last)."""

    h: float
    w: float
    M: float
    P_col: float


def layer_norms(network: FeedForward, u: Array) -> list[LayerNorms]:
    """The norms that Ω needs, first layer first, in floating point."""
    return [
        LayerNorms(
            float(np.linalg.norm(layer.h)),
            float(np.linalg.norm(W, 2)),
            float(np.linalg.norm(layer.M, 2)),
            0.0 if layer.P is None else float(np.linalg.norm(layer.P, axis=0).max()),
        )
        for layer, W in zip(network.layers(u), network.weights, strict=True)
    ]


@lru_cache(maxsize=16)
def _compiled(name: str) -> tuple[Any, tuple[str, ...]]:
    expression = compiled.formula("deep.modulus", name)
    names = tuple(sorted(str(symbol) for symbol in expression.free_symbols))
    return compiled.function(expression, names), names


def _value(name: str, values: dict[str, float]) -> float:
    function, names = _compiled(name)
    return float(function(*(values[key] for key in names)))


def modulus_of_norms(
    inputs: Sequence[Sequence[LayerNorms]],
    budgets: float | Sequence[float],
    *,
    B1: float,
    B2: float,
    bias: bool,
) -> float:
    """Ω for budgets r_l of the layers (one number: r_l = r everywhere, valid on the whole ball of radius r).

    Parameters
    ----------
    inputs: for every input the norms of its layers, first layer first.
    budgets: r_l ≥ 0, bounds of the changes of (W_l, b_l) in Frobenius norm.
    B1, B2: upper bounds of |φ'| and of the Lipschitz constant of φ'.
    bias: whether the layers have trained biases.
    """
    depth = len(inputs[0])
    r = [float(budgets)] * depth if isinstance(budgets, int | float) else [float(b) for b in budgets]
    if len(r) != depth or min(r) < 0:
        raise ValueError(f"{len(r)} budgets for {depth} layers; one non-negative number a layer is needed")
    total = 0.0
    for norms in inputs:
        given: dict[str, float] = {"B1": B1, "B2": B2, "bias": float(bias)}
        e_prev, zeta = [0.0], []
        for i, layer in enumerate(norms):
            here = {"w_l": layer.w, "r_l": r[i], "e_prev": e_prev[i], "h_prev": layer.h}
            zeta.append(_value("zeta", given | here))
            e_prev.append(_value("e", given | {"zeta": zeta[i]}))
        mu = 0.0
        for i in range(depth - 1, -1, -1):
            if i < depth - 1:
                after = {"mu_next": mu, "w_next": norms[i + 1].w, "r_next": r[i + 1], "M_next": norms[i + 1].M}
                pi = _value("pi", given | after)
                mu = _value("mu", given | {"pi_l": pi, "P_col": norms[i].P_col, "zeta": zeta[i]})
            here = {"h_prev": norms[i].h, "mu_l": mu, "e_prev": e_prev[i], "M_l": norms[i].M}
            total = _value("Omega", {"Omega": total, "block": _value("beta", given | here)})
    return total


def deep_modulus(network: FeedForward, inputs: Sequence[Array], r: float | Sequence[float]) -> float:
    """Ω(r) ≥ ‖J_g(θ) − J_g(θ0)‖ for all θ within r of the network's parameters; the norms are those of float64.

    >>> from numerics.activations import activation
    >>> net = FeedForward(activation("tanh"), (np.eye(2), np.ones((1, 2))))
    >>> deep_modulus(net, [np.array([1.0, 0.0])], 0.0)
    0.0
    """
    return modulus_of_norms(
        [layer_norms(network, u) for u in inputs],
        r,
        B1=network.activation.B1.as_upper(),
        B2=network.activation.B2.as_upper(),
        bias=network.biases is not None,
    )
