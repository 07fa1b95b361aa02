"""How the widths grow: tables against n, m, κ(A), …, and fitted exponents beside those of the claimed orders."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import linregress
from scipy.stats import t as student

from numerics.compile import evaluate, formula
from numerics.width.criteria import CRITERIA
from numerics.width.search import Answer, smallest_width
from numerics.width.setting import Setting

__all__ = ["VARIABLES", "Exponent", "Growth", "changed", "fit", "growth"]

VARIABLES = ("n", "m", "kappa", "noise", "y_norm", "delta")
"""What can be varied."""


@dataclass(frozen=True)
class Exponent:
    """Slope of log k against the log of the variable: least squares, with a 95% interval; `points` entered."""

    value: float
    low: float
    high: float
    points: int


@dataclass(frozen=True)
class Growth:
    """The smallest widths of one criterion along a variable.

    answers    one per value; `order` the formula in order form with C = 1 at the same constants (NaN: there is none)
    exponent   of the widths; `claimed` that of `order` (None: fewer than three points)
    """

    criterion: str
    variable: str
    values: tuple[float, ...]
    answers: tuple[Answer, ...]
    order: tuple[float, ...]
    exponent: Exponent | None
    claimed: Exponent | None


def changed(setting: Setting, delta: float, variable: str, value: float) -> tuple[Setting, float]:
    """The setting and δ with one variable put to `value`; κ changes σ_F at fixed ‖A‖."""
    if variable not in VARIABLES:
        raise ValueError(f"{variable!r} cannot be varied; choose one of {', '.join(VARIABLES)}")
    if variable == "delta":
        return setting, value
    given = [field for field in ("x_plus", "residual", "Aty_norm") if getattr(setting, field) is not None]
    if variable in ("noise", "y_norm", "m") and given:
        raise ValueError(f"{', '.join(given)} belong to one set of data: leave them out to vary {variable}")
    if variable in ("n", "m"):
        return setting.with_(**{variable: round(value)}), delta
    if variable == "kappa":
        if value < 1:
            raise ValueError(f"a condition number is at least 1, not {value!r}")
        return setting.with_(sigma_F=setting.L_F / value), delta
    return setting.with_(**{variable: value}), delta


def fit(x: Sequence[float], y: Sequence[float]) -> Exponent | None:
    """The exponent in y ∝ x^e by least squares on logarithms; None with fewer than three usable points.

    >>> round(fit([1, 2, 4, 8], [3, 12, 48, 192]).value, 12)
    2.0
    """
    pairs = [(math.log(a), math.log(b)) for a, b in zip(x, y, strict=True) if a > 0 and b > 0 and math.isfinite(b)]
    if len(pairs) < 3 or len({a for a, _ in pairs}) < 3:
        return None
    found = linregress(*np.array(pairs).T)
    half = 0.0 if len({b for _, b in pairs}) == 1 else float(student.ppf(0.975, len(pairs) - 2)) * float(found.stderr)
    return Exponent(float(found.slope), float(found.slope) - half, float(found.slope) + half, len(pairs))


def growth(setting: Setting, delta: float, variable: str, values: Sequence[float], name: str) -> Growth:
    """The smallest width at each value, with the exponent of its growth and that of the claimed order."""
    answers, orders = [], []
    for value in values:
        here, failure = changed(setting, delta, variable, value)
        answer = smallest_width(here, failure, name)
        answers.append(answer)
        orders.append(_order(here, answer))
    widths = [math.nan if answer.value is None else answer.value for answer in answers]
    return Growth(
        name, variable, tuple(values), tuple(answers), tuple(orders), fit(values, widths), fit(values, orders)
    )


def _order(setting: Setting, answer: Answer) -> float:
    """The order form of the criterion's statement at the constants of the answer, with C = 1."""
    criterion = CRITERIA[answer.criterion.name]
    if criterion.order is None or answer.assessment is None:
        return math.nan
    name = "order_W" if criterion.order == "order_both" and setting.train == "W" else criterion.order
    known = {
        "C": 1.0,
        "n": float(setting.n),
        "rho_0": answer.assessment.rho_0,
        "sigma_F": setting.s_sigma_F,
        "rank": float(setting.q),
        "x_plus": setting.preimage,
    }
    wanted = {symbol.name for symbol in formula(criterion.statement, name).free_symbols}
    return float(evaluate(criterion.statement, name, {key: known[key] for key in wanted}))
