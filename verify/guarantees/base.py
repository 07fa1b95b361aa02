"""What every evaluated theorem reports: does it apply here, by how much, what does it promise, and what can be checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..observables import Observables, Series
from ..verdict import Check, Side, Verdict, check_series

Floats = NDArray[np.float64]
Status = Literal["in_force", "measured", "not_met", "not_evaluable", "vacuous"]

# Formulas are evaluated along a run in float64; a few dozen operations, none of them cancelling, stay well below this
# relative error, which is added to the budget of every comparison.
FORMULA_ROUNDING = 1e-12


# (time of the claim, bound, a value that the quantity cannot exceed from the end of the run on, its error budget)
Later = Callable[[Observables], tuple[float, float, float, float]]


@dataclass(frozen=True)
class Curve:
    """A bound to be held against one quantity of the run.

    `bound(t, observables)` returns the bound at the times of the series and how uncertain it is (because it depends on
    other observed quantities), two arrays. `from_zero=False` leaves out t = 0 where bound and quantity agree by
    definition: equality proves nothing there. `later`: for a claim about late times
    only, in case the run ended before them.
    """

    statement: str
    quantity: str
    side: Side
    label: str
    bound: Callable[[Floats, Observables], tuple[Floats, Floats]]
    from_zero: bool = True
    later: Later | None = None

    def evaluate(self, observed: Observables) -> tuple[Series, Floats, Floats]:
        """The series, the bound at its times and the uncertainty of the bound."""
        series = observed[self.quantity]
        value, extra = self.bound(series.t, observed)
        return series, value, extra

    def check(self, observed: Observables) -> Check:
        """Verdict over all stored times."""
        series, value, extra = self.evaluate(observed)
        finite = np.isfinite(value)
        budget = series.budget + extra + FORMULA_ROUNDING * np.where(finite, np.abs(value), 0.0)
        keep = slice(None) if self.from_zero else series.t > 0
        if self.later is not None and not finite.any():
            at, claimed, reached, unsure = self.later(observed)
            if not reached + unsure < claimed:
                note = f"{self.label}: the run ended at t = {series.t[-1]:.4g}, before {at:.4g}"
                return Check(self.statement, self.quantity, self.side, Verdict.UNDECIDED, note=note)
            return check_series(
                self.statement, self.quantity, self.side, np.array([at]), np.array([reached]), np.array([claimed]),
                np.array([unsure + FORMULA_ROUNDING * claimed]), self.label + " (at the end of the run)",
            )  # fmt: skip
        return check_series(
            self.statement, self.quantity, self.side, series.t[keep], series.value[keep], value[keep], budget[keep],
            self.label,
        )  # fmt: skip


def constant(value: float) -> Callable[[Floats, Observables], tuple[Floats, Floats]]:
    """A bound that is the same at all times."""
    return lambda t, _: (np.full(t.shape, value), np.zeros(t.shape))


def of_time(function: Callable[[Floats], Floats]) -> Callable[[Floats, Observables], tuple[Floats, Floats]]:
    """A bound that is a function of time."""
    return lambda t, _: (function(t), np.zeros(t.shape))


def of_rho(
    function: Callable[[Floats], Floats], rho_max: float
) -> Callable[[Floats, Observables], tuple[Floats, Floats]]:
    """A bound that depends on the observed ρ(t) ≤ rho_max; its uncertainty is its change over ρ's own error budget."""

    def bound(t: Floats, observed: Observables) -> tuple[Floats, Floats]:
        rho = observed["rho"]
        index = np.searchsorted(rho.t, t)
        value, budget = rho.value[index], rho.budget[index]
        centre = function(np.clip(value, 0.0, rho_max))
        low = function(np.clip(value - budget, 0.0, rho_max))
        high = function(np.clip(value + budget, 0.0, rho_max))
        return centre, np.maximum(np.abs(low - centre), np.abs(high - centre))

    return bound


def stopping_curves(statement: str, t_stop: float, level: float, eps: float | None) -> list[Curve]:
    """ρ(t) ≤ level from t_stop on, and, where the noise is known, ‖y(t) − ȳ‖ ≤ level + ‖ε‖ (`step.triangle_obs`).

    The loss never increases (`step.energy`), so a run that ended before t_stop keeps the claim if it ended below the level;
    if it did not, nothing is decided.
    """

    def from_then(value: float) -> Callable[[Floats, Observables], tuple[Floats, Floats]]:
        return lambda t, _: (np.where(t >= t_stop, value, np.inf), np.zeros(t.shape))

    def at_end(value: float, noise: float) -> Later:
        def later(observed: Observables) -> tuple[float, float, float, float]:
            rho = observed["rho"]
            return t_stop, value, float(rho.value[-1]) + noise, float(rho.budget[-1])

        return later

    curves = [
        Curve(statement, "rho", "upper", "ρ(t) ≤ level, t ≥ t_stop", from_then(level),
              later=at_end(level, 0.0)),
    ]  # fmt: skip
    if eps is not None:
        curves.append(
            Curve(statement, "obs_error", "upper", "‖y(t) − ȳ‖ ≤ level + ‖ε‖, t ≥ t_stop",
                  from_then(level + eps), later=at_end(level + eps, eps))
        )  # fmt: skip
    return curves


@dataclass(frozen=True)
class Guarantee:
    """One theorem, evaluated on one instance.

    Attributes
    ----------
    statement: identifier of the condition in the registry.
    title: in words.
    status: "in_force" (its hypotheses hold, proved for the given doubles), "measured" (it holds, but part of its bound is
        read off the run and the truth: a comparison, not a promise), "not_met", "not_evaluable" (something that it needs
        is not known), "vacuous" (it holds and says nothing).
    reason: one line: why, with the numbers.
    margin: how far the condition is from failing, as a ratio (> 1 iff it holds); None if not evaluable.
    quantities: what the theorem gives (ell_star, a, t_star, …), by name.
    zero_loss: whether it promises that the loss goes to zero.
    rate: guaranteed exponential rate of ρ(t), 0 if none.
    stop_time: time from which ‖y(t) − y‖ ≤ stop_level is guaranteed; None if there is none.
    curves: the bounds that can be held against a run.
    """

    statement: str
    title: str
    status: Status
    reason: str
    margin: float | None = None
    quantities: Mapping[str, float] = field(default_factory=dict)
    zero_loss: bool = False
    rate: float = 0.0
    stop_time: float | None = None
    stop_level: float | None = None
    curves: tuple[Curve, ...] = ()

    @property
    def in_force(self) -> bool:
        """Whether its hypotheses are proved and what it promises is known before the run."""
        return self.status == "in_force"

    @property
    def checked(self) -> bool:
        """Whether its curves are held against the run."""
        return self.status in ("in_force", "measured")

    def strength(self) -> tuple[bool, bool, float, float]:
        """Sort key, strongest first when sorted in descending order: in force, zero loss, early stop, fast rate."""
        stop = -math.inf if self.stop_time is None else -self.stop_time
        return (self.in_force, self.zero_loss, stop, self.rate)

    def to_json(self) -> dict[str, Any]:
        """Plain data, without the curves."""
        plain = {k: v for k, v in self.__dict__.items() if k != "curves"}
        return {**plain, "quantities": dict(self.quantities)}


def ratio(capacity: float, need: float) -> float:
    """capacity/need, ∞ if nothing is needed: the margin of a condition need < capacity."""
    return capacity / need if need > 0 else math.inf


def not_met(statement: str, title: str, reason: str, margin: float | None = None, **quantities: float) -> Guarantee:
    """The hypotheses fail on this instance."""
    return Guarantee(statement, title, "not_met", reason, margin, quantities)


def not_evaluable(statement: str, title: str, reason: str) -> Guarantee:
    """Something that the theorem needs is not known."""
    return Guarantee(statement, title, "not_evaluable", reason)
