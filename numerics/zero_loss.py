"""Zero loss from a budget of the path in which the condition number hardly counts (`dip2.energy`), certified.

The statement asks for a budget L and times t_1 < T_1 that satisfy one inequality; any that do are a proof.  So they are looked
for in float64 on a grid, and the first ones that do are put into the formula of the statement with outward rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import lambertw

from numerics.compile import HypothesisNotMet, enclose

__all__ = ["Budget", "zero_loss"]

Array = NDArray[np.float64]

_BUDGETS, _HORIZONS = 48, 97


@dataclass(frozen=True)
class Budget:
    """L bounds the length of the whole path, t_1 and T_1 are the times of the proof, `length` < L is what it amounts to."""

    L: float
    t_1: float
    T_1: float
    length: float


def zero_loss(
    E_0: float, Phi_0: float, sigma_0: float, modulus: float, lipschitz: Callable[[float], float], sigma_F: float
) -> Budget | None:
    """A budget that proves zero loss by `dip2.energy`; None if none is found.

    Parameters
    ----------
    E_0, Phi_0: upper bounds of the kernel energy and of |y(0) - y|^2/2, positive.
    sigma_0, sigma_F: lower bounds of the smallest singular values of the Jacobian and of the operator, positive.
    modulus: upper bound of the linear centre modulus Lambda > 0 of the Jacobian.
    lipschitz: r -> upper bound of the Lipschitz constant of the Jacobian along the path up to length r, nondecreasing.

    ValueError for numbers that are not finite and positive.

    >>> found = zero_loss(0.5, 0.5, 1.0, 0.01, lambda r: 0.01, 0.1)
    >>> found is not None and 1.5 < found.length < found.L < 3.0
    True
    >>> zero_loss(0.5, 0.5, 1.0, 0.2, lambda r: 0.2, 0.1) is None
    True
    """
    given = {"E_0": E_0, "Phi_0": Phi_0, "sigma_0": sigma_0, "modulus": modulus, "sigma_F": sigma_F}
    for name, value in given.items():
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be finite and positive, not {value}")
    # the first two terms alone are at least sqrt(E_0/2), and s(L) has to stay positive
    least = math.sqrt(E_0 / 2) * modulus / sigma_0
    if not least < 0.95:
        return None
    L = np.geomspace(least, 0.95, _BUDGETS) * (sigma_0 / modulus)
    lip = np.array([lipschitz(float(r)) for r in L])
    with np.errstate(over="ignore", invalid="ignore"):
        G = -2 * lip / modulus * np.log1p(-modulus * L / sigma_0)
        energy = (E_0 * np.exp(np.minimum(G, 600.0)))[:, None]
        # T_1 is the larger, the worse the operator is conditioned; in units of energy/Phi_0 the first two terms need one search
        horizons = np.geomspace(1e-2, 1e14, _HORIZONS)
        path, u = _path(2 * horizons)
        T_1 = energy / Phi_0 * horizons
        tail = np.sqrt(energy / T_1) / (sigma_F * (sigma_0 - modulus * L[:, None]))
        total = path * np.sqrt(energy / 2) + tail
    slack = np.where(np.isfinite(G)[:, None], total / L[:, None], np.inf)
    enough = slack.min(axis=1) < 1 - 1e-9  # a little room, so that the strict inequality survives the proof
    if not enough.any():
        return None
    i = int(np.argmax(enough))  # the smallest budget
    j = int(np.argmin(slack[i]))
    budget, horizon = float(L[i]), float(T_1[i, j])
    start = min(float(u[j] * energy[i, 0] / 2 / Phi_0), horizon * (1 - 1e-9))
    try:
        growth = enclose(
            "illposed.discrepancy",
            "G_upper",
            {"Lip": float(lip[i]), "Lambda": modulus, "L": budget, "sigma_0": sigma_0},
        ).upper
        length = enclose(
            "dip2.energy",
            "length",
            {"t_1": start, "T_1": horizon, "Phi_0": Phi_0, "E_0": E_0, "G_L": growth, "sigma_F": sigma_F,
             "sigma_0": sigma_0, "Lambda": modulus, "L": budget},
        ).upper  # fmt: skip
    except HypothesisNotMet:
        return None
    return Budget(budget, start, horizon, length) if length < budget else None


def _path(q: Array) -> tuple[Array, Array]:
    """min over 0 < u <= q of sqrt(u) + sqrt(ln(q/u)) and where: u = q, or u ln(q/u) = 1, that is 1/u = -W_{-1}(-1/q)."""
    far = np.maximum(q, math.e)
    u = -1 / np.real(lambertw(-1 / far, -1))
    inner = np.sqrt(u) + np.sqrt(np.maximum(np.log(far / u), 0.0))
    better = (q > math.e) & (inner < np.sqrt(q))
    return np.where(better, inner, np.sqrt(q)), np.where(better, u, q)
