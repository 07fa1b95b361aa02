"""The Lipschitz constant of the Jacobian along the path of the flow (`illposed.energy` with `dip2.modulus`)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

__all__ = ["number", "path_lipschitz"]


def number(value: Any) -> float:
    """A float, or the upper side of a Bound."""
    return float(value.as_upper()) if hasattr(value, "as_upper") else float(value)


def path_lipschitz(
    modulus_of: Callable[[float], Any],
    c_V: float,
    f_0: float,
    k: int,
    B1: float,
    phi_start: float,
    phi_sup: float = math.inf,
) -> Callable[[float], float]:
    """r -> upper bound of |J_g'|/|theta'| along any flow of a two-layer network, both layers, up to path length r.

    `illposed.energy` needs |J_g'| along the path only, not on the ball B(theta_0, r), where a single column of V may
    grow by r. Along the flow all columns share the growth: v_i' = -phi(a_i) q/sqrt(k) and |theta'| >= f |q|, hence
    |v_i'| <= |phi(a_i)| |theta'|/(sqrt(k) f), with f >= f_0 - B1 r/sqrt(k) and |phi(a_i)| <= min(phi_sup, |phi(a_i(0))|
    + B1 r). So c_V + r |phi|/(sqrt(k) f) replaces the c_V + r of `dip2.lipschitz`: nearly Lambda itself. The same for
    U^T v_i and U^T q (`dip2.range_restriction`). W only: V is fixed, Lambda serves for every r.

    Parameters
    ----------
    modulus_of : c -> upper bound of Lambda for column norms c (`dip2.modulus`, both layers), nondecreasing.
    c_V : upper bound of max |v_i(0)|.  f_0 : lower bound of |phi(a_0)|/sqrt(k).  k : width.  B1 : upper bound.
    phi_start : upper bound of max |phi(a_i(0))|.  phi_sup : upper bound of sup|phi| (inf if there is none).

    The value is inf where f may vanish.
    """
    root = math.sqrt(k)

    def bound(r: float) -> float:
        f = (f_0 - B1 * r / root * (1 + 1e-14)) * (1 - 1e-14)
        if f <= 0:
            return math.inf
        c = c_V + r * min(phi_sup, (phi_start + B1 * r) * (1 + 1e-14)) / (root * f) * (1 + 1e-14)
        return number(modulus_of(c * (1 + 1e-15)))

    return bound
