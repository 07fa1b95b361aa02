"""Verdicts: the four answers that a check can give, and the one rule that turns slack into an answer.

A simulated quantity is known up to an error budget (integrator and rounding). A bound is said to hold only where its
slack exceeds that budget, to be violated only where the slack is below minus the budget, and anything in between is
undecided: neither of the last two is ever folded into "holds".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Side = Literal["upper", "lower"]


class Verdict(StrEnum):
    """The four answers of a check."""

    HOLDS = "holds"
    VIOLATED = "violated"
    HYPOTHESIS_NOT_MET = "hypothesis_not_met"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Check:
    """One statement held against one run.

    `slack` is bound − value for an upper bound and value − bound for a lower one, at the time where it is smallest
    relative to the error budget; `relative` divides it by the bound (both gaps are kept: relative ones blow up at
    zero). `counts` says how many stored times gave each verdict.
    """

    statement: str
    quantity: str
    side: Side
    verdict: Verdict
    n_times: int = 0
    t: float | None = None
    value: float | None = None
    bound: float | None = None
    slack: float | None = None
    relative: float | None = None
    budget: float | None = None
    counts: dict[str, int] | None = None
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary with the verdict as text."""
        return {**self.__dict__, "verdict": str(self.verdict)}


def judge(slack: Floats, budget: Floats) -> NDArray[np.str_]:
    """Verdict word for every entry; slack and budget have one shape, budget ≥ 0.

    >>> judge(np.array([1.0, -1.0, 1e-3]), np.array([0.1, 0.1, 0.1])).tolist()
    ['holds', 'violated', 'undecided']
    """
    words = np.full(slack.shape, str(Verdict.UNDECIDED), dtype="<U18")
    words[slack > budget] = str(Verdict.HOLDS)
    words[slack < -budget] = str(Verdict.VIOLATED)
    return words


def check_series(
    statement: str,
    quantity: str,
    side: Side,
    t: Floats,
    value: Floats,
    bound: Floats,
    budget: Floats,
    note: str = "",
) -> Check:
    """Hold a bound against a quantity at every stored time; arrays of one shape (N,), budget ≥ 0.

    The verdict of the series is violated if it is at one time, else undecided if it is at one time, else holds. A bound
    that is +∞ (upper) or −∞ (lower) says nothing there, and such times are left out of the count. With no time left the
    check is undecided: an empty comparison proves nothing. A bound that is NaN is undecided, one that is infinite on the
    wrong side is violated.

    >>> t = np.array([1.0, 2.0])
    >>> check_series("x", "q", "upper", t, t, 2 * t, 0.1 * t).verdict
    <Verdict.HOLDS: 'holds'>
    """
    sign = 1.0 if side == "upper" else -1.0
    live = bound != sign * np.inf  # a bound that is NaN, or infinite on the wrong side, is not left out
    if not live.any():
        return Check(statement, quantity, side, Verdict.UNDECIDED, note=note or "no stored time to compare at")
    t, value, bound, budget = t[live], value[live], bound[live], budget[live]
    with np.errstate(invalid="ignore"):
        slack = sign * (bound - value)
    words = judge(slack, budget)
    names, numbers = np.unique(words, return_counts=True)
    counts = {str(a): int(b) for a, b in zip(names, numbers, strict=True)}
    for verdict in (Verdict.VIOLATED, Verdict.UNDECIDED, Verdict.HOLDS):
        if str(verdict) in counts:
            break
    # The time that decides: the smallest margin slack − budget among those that gave the verdict, relative to the
    # bound, so that a bound that decays over many decades is not judged by its last entry alone.
    scale = np.maximum(np.abs(bound), np.finfo(float).tiny)
    with np.errstate(over="ignore", invalid="ignore"):  # next to a bound of zero; NaN
        margin = np.nan_to_num((slack - budget) / scale, nan=-np.inf)
    i = int(np.argmin(np.where(words == str(verdict), margin, np.inf)))
    # Python floats: a quotient beyond their range is ±∞, without a warning
    relative = float(slack[i]) / float(scale[i])
    return Check(
        statement, quantity, side, verdict, len(t), float(t[i]), float(value[i]), float(bound[i]), float(slack[i]),
        relative, float(budget[i]), counts, note,
    )  # fmt: skip
