"""How a world is run, as a value that can be saved: gradient flow or gradient descent with its settings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from numerics.scene import Scene
from numerics.worlds import World, claimed_step, descend, flow, step_for

__all__ = ["Engine", "simulate"]


@dataclass(frozen=True)
class Engine:
    """The settings of a run.

    `kind` is "flow" or "descent"; `loss_ratio` ends both.  Flow: `t_max` (None: none), `rtol`, `points_per_decade`, stored
    `times` (None: a log grid), `max_steps`.  Descent: γM = 2c, `steps`; with a `claim`, M is this many times the known
    constant and c need not be below 1 (:func:`numerics.worlds.claimed_step`).
    """

    kind: Literal["flow", "descent"] = "flow"
    loss_ratio: float = 1e-12
    t_max: float | None = None
    rtol: float = 1e-10
    points_per_decade: int = 6
    times: tuple[float, ...] | None = None
    max_steps: int = 20_000
    c: float = 0.5
    steps: int = 400
    claim: float | None = None

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary of the settings that this kind has."""
        ours = {
            "flow": ("c", "steps", "claim"),
            "descent": ("t_max", "rtol", "points_per_decade", "times", "max_steps"),
        }
        return {name: value for name, value in asdict(self).items() if name not in ours[self.kind]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Engine:
        """The engine of such a dictionary; ValueError for unknown settings."""
        given = dict(data)
        if given.get("times") is not None:
            given["times"] = tuple(given["times"])
        try:
            engine = cls(**given)
        except TypeError as error:
            raise ValueError(f"an engine: {error}") from None
        if engine.kind not in ("flow", "descent"):
            raise ValueError(f"unknown engine {engine.kind!r}; choose flow or descent")
        return engine

    @property
    def tighter(self) -> Engine | None:
        """The same with the smallest tolerance of double precision; None if it has it already, or has none."""
        return replace(self, rtol=1e-13) if self.kind == "flow" and self.rtol > 1e-13 else None


def simulate(world: World, engine: Engine) -> Scene:
    """The run of a world.  Raises LookupError if it has no step of gradient descent (`numerics.worlds.step_for`)."""
    if engine.kind == "descent":
        step = step_for(world, engine.c) if engine.claim is None else claimed_step(world, engine.c, engine.claim)
        return Scene(descend(world, step, steps=engine.steps, loss_ratio=engine.loss_ratio))
    t_max = math.inf if engine.t_max is None else engine.t_max
    record = flow(
        world,
        loss_ratio=engine.loss_ratio,
        t_max=t_max,
        times=engine.times,
        points_per_decade=engine.points_per_decade,
        rtol=engine.rtol,
        max_steps=engine.max_steps,
    )
    return Scene(record)
