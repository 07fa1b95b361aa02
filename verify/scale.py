"""`dip2.output_scale`: the smallest output scale with which an a-priori condition would hold on this instance.

x = s g(θ) with an antisymmetric start leaves ρ0 as it is and multiplies σ_F by s, so every condition that asks for
ρ0 < σ_F·(something of the initialization) holds once s is large enough.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from numerics.amgm import dual
from numerics.rigorous import up

from .guarantees.base import ratio
from .instance import Instance


@dataclass(frozen=True)
class ScaleAdvice:
    """Smallest certified output scale for each condition (∞ if no scale does), and whether the start is antisymmetric.

    Without an antisymmetric start x(0) grows with s and the numbers would be wrong: `applies` is False then.
    """

    current: float
    applies: bool
    sharp: float
    amgm: float | None
    reason: str = ""

    @property
    def smallest(self) -> float:
        """The smallest scale with which some condition holds."""
        return min(self.sharp, math.inf if self.amgm is None else self.amgm)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**self.__dict__, "smallest": self.smallest}


def smallest_scale(instance: Instance) -> ScaleAdvice | None:
    """The scales from which `sharp.condition` and `dip2.amgm` hold; None for activations outside the assumptions.

    Both conditions are monotone in σ_F = s σ_F(1). The formulas of `dip2.output_scale`, evaluated at the current σ_F, give
    the smallest scale in units of the current one; so does the margin of the dual choice of `dip2.amgm`. One part in 10⁹
    is added so that the strict inequality survives rounding.
    """
    problem, constants = instance.problem, instance.constants
    if "Lambda" not in constants:
        return None
    current = problem.output_scale
    if not problem.spec.network.antisymmetric:
        reason = "set [network] antisymmetric = true: then x(0) = 0 and an output scale can certify any width"
        return ScaleAdvice(current, False, math.inf, None, reason)
    sigma_F, rho_0 = constants["sigma_F"].as_lower(), constants["rho_0"].as_upper()
    sharp = math.inf
    amgm = math.inf if problem.network.train == "both" else None
    if sigma_F > 0:
        if constants["sigma_0"].as_lower() > 0:
            sharp = up(current * instance.upper("dip2.output_scale", "scale_sharp") * (1 + 1e-9))
        if amgm is not None:
            capacity = dual(problem.network.activation, problem.network.a, rho_0, sigma_F).capacity
            amgm = up(current / ratio(capacity, rho_0) * (1 + 1e-9)) if capacity > 0 else math.inf
    return ScaleAdvice(current, True, sharp, amgm)
