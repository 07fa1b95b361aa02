"""How a world is run, as a value that can be saved: gradient flow or gradient descent with its settings."""

from __future__ import annotations

import math
import reprlib
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from numerics.methods import METHODS
from numerics.scene import Scene
from numerics.worlds import World, claimed_step, descend, flow, step_for

__all__ = ["Engine", "simulate"]


_WHOLE: Mapping[str, tuple[int, int]] = {
    "points_per_decade": (1, 1000),
    "max_steps": (1, 10_000_000),
    "steps": (1, 10_000_000),
}
_NUMBERS = ("loss_ratio", "t_max", "rtol", "c", "claim")
_OPTIONAL = ("t_max", "times", "claim")


def _number(value: Any) -> bool:
    """Whether it is a number that double precision has, no bool."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _short(value: Any) -> str:
    return reprlib.repr(value)


@dataclass(frozen=True)
class Engine:
    """The settings of a run.

    `kind` is "flow" or "descent"; `loss_ratio` ends both.  Flow: `t_max` (None: none), `rtol`, `points_per_decade`, stored
    `times` (None: a log grid), `max_steps`, `method` (auto or a name of `numerics.methods.METHODS`).
    Descent: γM = 2c, `steps`; with a `claim`, M is this many times the known constant and c need not be below 1
    (:func:`numerics.worlds.claimed_step`).
    """

    kind: Literal["flow", "descent"] = "flow"
    loss_ratio: float = 1e-12
    t_max: float | None = None
    rtol: float = 1e-10
    points_per_decade: int = 6
    times: tuple[float, ...] | None = None
    max_steps: int = 20_000
    method: str = "auto"
    c: float = 0.5
    steps: int = 400
    claim: float | None = None

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary of the settings that this kind has."""
        ours = {
            "flow": ("c", "steps", "claim"),
            "descent": ("t_max", "rtol", "points_per_decade", "times", "max_steps", "method"),
        }
        left_out = (
            ours[self.kind] if self.method != "auto" else (*ours[self.kind], "method")
        )  # as before it could be named
        return {name: value for name, value in asdict(self).items() if name not in left_out}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Engine:
        """The engine of such a dictionary; ValueError for unknown settings and for values that no run can have."""
        if not isinstance(data, Mapping):
            raise ValueError(f"an engine is an object with its settings, not {type(data).__name__}")
        given = dict(data)
        kind = given.get("kind", "flow")
        if kind not in ("flow", "descent"):
            raise ValueError(f"unknown engine {kind!r}; choose flow or descent")
        for name, value in given.items():
            if name in _OPTIONAL and value is None:
                continue
            if name in _WHOLE and not (type(value) is int and _WHOLE[name][0] <= value <= _WHOLE[name][1]):
                low, high = _WHOLE[name]
                raise ValueError(f"an engine: {name} is a whole number from {low} to {high}, not {_short(value)}")
            if name in _NUMBERS and not (_number(value) and value >= 0):
                raise ValueError(f"an engine: {name} is a number that is not negative, not {_short(value)}")
        if given.get("method", "auto") not in ("auto", *METHODS):
            raise ValueError(f"an engine: method is auto or one of {', '.join(METHODS)}, not {_short(given['method'])}")
        times = given.get("times")
        if times is not None:
            if not isinstance(times, list | tuple) or not all(_number(one) and one >= 0 for one in times):
                raise ValueError(f"an engine: times is a list of numbers that are not negative, not {_short(times)}")
            given["times"] = tuple(times)
        try:
            return cls(**given)
        except TypeError as error:
            raise ValueError(f"an engine: {error}") from None

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
        method=engine.method,
    )
    return Scene(record)
