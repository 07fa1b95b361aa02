"""The arithmetic of a width, step by step: every number with the formula it comes from and the side on which it errs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from numerics.compile import enclose, evaluate

__all__ = ["Arithmetic", "Step"]

Side = Literal["lower", "upper"]


@dataclass(frozen=True)
class Step:
    """`symbol` = formula `name` of `statement` at `inputs`, the result being a `side` bound.

    `name` is empty where no formula of the registry is evaluated; then `how` says what was done.
    """

    symbol: str
    value: float
    side: Side
    statement: str
    name: str
    inputs: Mapping[str, float]
    how: str = ""


@dataclass
class Arithmetic:
    """Evaluates formulas of the registry and keeps the record.

    With `certified`, every formula is enclosed in ball arithmetic at the doubles that enter it and rounded to the side
    asked for, so that a chain of safe steps ends in a safe result; without, in float64 (fast: for searching).
    """

    certified: bool = False
    steps: list[Step] = field(default_factory=list)

    def __call__(self, symbol: str, statement: str, name: str, side: Side, **inputs: float) -> float:
        """The value of formula `name` of `statement`, recorded as `symbol`."""
        if self.certified:
            box = enclose(statement, name, inputs)
            value = box.lower if side == "lower" else box.upper
        else:
            value = float(evaluate(statement, name, inputs))
        self.steps.append(Step(symbol, value, side, statement, name, dict(inputs)))
        return value

    def note(self, symbol: str, value: float, side: Side, statement: str, how: str, **inputs: float) -> float:
        """Record a number that an algorithm computed."""
        self.steps.append(Step(symbol, value, side, statement, "", dict(inputs), how))
        return value
