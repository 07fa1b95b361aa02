"""The ball on which `sharp.condition` is decided for a generator whose modulus is not linear.

Λ = Ω(r)/r holds on the ball of radius r, and the theorem needs it as far as ell_star, which depends on Λ.  So r is looked
for with ell_star(Ω(r)/r) ≤ r.  Both Ω(r)/r and ell_star do not decrease: from below, the first such r is the best.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from numerics import compile as compiled
from numerics.worlds.own import OwnGenerator
from numerics.worlds.world import World

__all__ = ["Ball", "sharp_ball"]

_SPARE = 1 + 1e-3  # the next radius is this much above ell_star, which ends the search
_TURNS = 200


@dataclass(frozen=True, eq=False)
class Ball:
    """A ball around the start with h < 1/2 and ell_star ≤ radius, in floating point: evidence, not a certificate.

    radius, Lambda = Ω(radius)/radius, h, ell_star.  world: the same world, its modulus taken on this ball.
    """

    radius: float
    Lambda: float
    h: float
    ell_star: float
    world: World


def sharp_ball(world: World) -> Ball | None:
    """The smallest ball (to a thousandth) on which `sharp.condition` holds at the start; None if there is none.

    For an :class:`OwnGenerator`, ValueError if points of that ball refute its modulus.

    For a network at a checkpoint, move the start there (`DeepGenerator.at`): that is `sharp.restart`.

    >>> from numerics.worlds import Linear, Quadratic, least_squares
    >>> ball = sharp_ball(World(Quadratic([[1.0]], [[[-1.0]]]), Linear([[1.0]]), least_squares(), [0.375]))
    >>> ball.h, ball.ell_star
    (0.375, 0.5)
    """
    generator: Any = world.generator
    given = {"sigma_F": world.operator.sigma_F, "sigma_0": world.sigma_0, "rho_0": world.rho_0}
    if not (given["sigma_0"] > 0 and given["rho_0"] > 0):
        return None
    r = given["rho_0"] / (given["sigma_F"] * given["sigma_0"])  # ell_star for Λ = 0
    for _ in range(_TURNS):
        slope = generator.modulus_at(r) / r
        if not math.isfinite(slope):
            return None
        values = {**given, "Lambda": slope}
        h = float(compiled.evaluate("sharp.condition", "h", values))
        if not h < 0.5:
            return None
        ell = float(compiled.evaluate("sharp.length", "ell_star", values))
        if ell <= r:
            if isinstance(generator, OwnGenerator):
                generator.look(
                    [0.5 * r, r]
                )  # what is relied on is looked at: its promises may have been seen nearer only
            on_it = replace(generator, reach=r) if math.isfinite(generator.reach) else generator
            return Ball(r, slope, h, ell, world.with_(generator=on_it))
        r = ell * _SPARE
    return None
