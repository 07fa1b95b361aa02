"""From a criterion to a design: the smallest width, the success probability, the largest noise, the smallest scale.

Searches run in float64 and end in a certified evaluation (ball arithmetic rounded to the safe side), so that the value
returned satisfies the condition, not nearly so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from flint import arb

from numerics.compile import HypothesisNotMet, enclose, formula, function
from numerics.width.arithmetic import Arithmetic, Step
from numerics.width.criteria import CRITERIA, Assessment, Criterion, NotApplicable
from numerics.width.setting import MOST, Setting
from theory.balls import upper_float
from theory.symbols import sym

__all__ = [
    "MAX_WIDTH",
    "Answer",
    "assess",
    "largest_noise",
    "largest_residual",
    "smallest_scale",
    "smallest_sigma_F",
    "smallest_width",
    "stopping_time",
    "success_probability",
]

MAX_WIDTH = MOST
"""Beyond this a width is not worth a number (and k + 1 = k in float64 is near)."""
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Answer:
    """The value that was asked for (None: there is none, `why` says so), what holds there, and the arithmetic."""

    criterion: Criterion
    value: float | None
    assessment: Assessment | None
    steps: tuple[Step, ...]
    why: str = ""


def assess(
    setting: Setting, k: int, delta: float, name: str, *, certified: bool = True
) -> tuple[Assessment, tuple[Step, ...]]:
    """What criterion `name` says about the width k, and its arithmetic.

    ValueError for a k that is no positive integer (an even one, if antisymmetric) or a δ outside (0, 1);
    :class:`~numerics.width.criteria.NotApplicable` if the criterion does not speak about the setting.
    """
    if name not in CRITERIA:
        raise ValueError(f"unknown criterion {name!r}; choose one of {', '.join(CRITERIA)}")
    if isinstance(k, bool) or not math.isfinite(k) or int(k) != k or k < 1:
        raise ValueError(f"k, the width, has to be an integer >= 1, not {k!r}")
    if k > MAX_WIDTH:
        raise ValueError(f"k = {k} is beyond {MAX_WIDTH:.0e}, where float64 stops telling integers apart")
    if setting.antisymmetric and k % 2:
        raise ValueError(f"an antisymmetric initialization pairs the neurons: the width has to be even, not {k}")
    if not 0 < delta < 1:
        raise ValueError(f"delta, the probability of failure, has to lie strictly between 0 and 1, not be {delta!r}")
    do = Arithmetic(certified)
    try:
        found = CRITERIA[name].assess(setting, int(k), delta, do)
    except HypothesisNotMet:  # a formula has no value there, for instance on the boundary of its hypothesis
        found = Assessment(False, math.inf, 0.0)
    return found, tuple(do.steps)


def _certified(setting: Setting, k: int, delta: float, name: str) -> bool:
    return assess(setting, k, delta, name, certified=False)[0].certified


def smallest_width(setting: Setting, delta: float, name: str) -> Answer:
    """The smallest k that the criterion certifies with probability 1 − δ, by bisection.

    Criteria are monotone in k but for a step of about one part in a thousand where quantiles begin to stand for blocks of
    neurons; the width returned is certified in any case.
    """
    step = 2 if setting.antisymmetric else 1

    def ok(j: int) -> bool:
        return _certified(setting, j * step, delta, name)

    try:
        high = 1
        while not ok(high):
            high *= 2
            if high > MAX_WIDTH:
                return Answer(CRITERIA[name], None, None, (), f"no width up to {MAX_WIDTH:.0e} is certified")
    except NotApplicable as reason:
        return Answer(CRITERIA[name], None, None, (), str(reason))
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if ok(middle) else (middle, high)
    for _ in range(64):  # float64 may have stopped a hair early
        found, steps = assess(setting, high * step, delta, name)
        if found.certified:
            return Answer(CRITERIA[name], high * step, found, steps)
        high = max(high + 1, math.ceil(high * (1 + 2.0**-44)))
    return Answer(CRITERIA[name], None, None, (), "the condition could not be certified in ball arithmetic")


def success_probability(setting: Setting, k: int, name: str) -> Answer:
    """The largest 1 − δ at which the criterion certifies the width k."""

    def ok(log_delta: float) -> Setting | None:
        return setting if _certified(setting, k, math.exp(log_delta), name) else None

    def check(log_delta: float) -> tuple[Assessment, tuple[Step, ...]]:
        return assess(setting, k, math.exp(log_delta), name)

    def value(log_delta: float) -> float:
        return min(math.nextafter(-math.expm1(log_delta), 0.0), 1 - 2.0**-53)  # rounded down, and never certainty

    return _bisect(name, ok, check, good=-1e-9, bad=-690.0, value=value, none="no probability > 0")


def _design(
    setting: Setting,
    k: int,
    delta: float,
    name: str,
    change: Callable[[float], Setting],
    good: float,
    bad: float,
    none: str,
) -> Answer:
    """The value nearest to `bad` (on a logarithmic scale) at which the criterion still certifies the changed setting."""

    def ok(x: float) -> Setting | None:
        try:
            return setting if _certified(change(math.exp(x)), k, delta, name) else None
        except NotApplicable:
            raise
        except ValueError:  # such a setting cannot be (sigma_F > ‖A‖)
            return None

    def check(x: float) -> tuple[Assessment, tuple[Step, ...]]:
        return assess(change(math.exp(x)), k, delta, name)

    return _bisect(name, ok, check, good=math.log(good), bad=math.log(bad), value=math.exp, none=none)


def _bisect(
    name: str,
    ok: Callable[[float], Setting | None],
    check: Callable[[float], tuple[Assessment, tuple[Step, ...]]],
    *,
    good: float,
    bad: float,
    value: Callable[[float], float],
    none: str,
) -> Answer:
    criterion = CRITERIA[name]
    try:
        if ok(good) is None:
            return Answer(criterion, None, None, (), f"{none} is certified at this width")
        if ok(bad) is not None:
            found, steps = check(bad)
            if found.certified:
                return Answer(criterion, value(bad), found, steps, "certified over the whole range searched")
        while abs(bad - good) > _TOLERANCE * max(1.0, abs(good)) / 4:
            middle = (good + bad) / 2
            good, bad = (middle, bad) if ok(middle) is not None else (good, middle)
        for _ in range(8):
            found, steps = check(good)
            if found.certified:
                return Answer(criterion, value(good), found, steps)
            good -= 2 * (bad - good)
    except NotApplicable as reason:
        return Answer(criterion, None, None, (), str(reason))
    return Answer(criterion, None, None, (), f"{none} is certified at this width")


def largest_noise(setting: Setting, k: int, delta: float, name: str) -> Answer:
    """The largest ‖ε‖ (added to ‖ȳ‖) that the criterion tolerates at the width k."""
    given = [field for field in ("x_plus", "residual", "Aty_norm") if getattr(setting, field) is not None]
    if given:
        raise ValueError(
            f"{', '.join(given)} bound data of one noise level: leave them out to ask for the largest noise"
        )
    return _design(setting, k, delta, name, lambda x: setting.with_(noise=x), 1e-12, 1e12, "no noise level above 1e-12")


def largest_residual(setting: Setting, k: int, delta: float, name: str) -> Answer:
    """The largest ‖y(0) − y‖ that the criterion tolerates at the width k."""
    return _design(
        setting,
        k,
        delta,
        name,
        lambda x: setting.with_(residual=x, x_plus=None),
        1e-12,
        1e12,
        "no residual above 1e-12",
    )


def smallest_sigma_F(setting: Setting, k: int, delta: float, name: str) -> Answer:
    """The smallest σ_F (with ‖A‖ as it is) that the criterion tolerates at the width k."""
    return _design(
        setting,
        k,
        delta,
        name,
        lambda x: setting.with_(sigma_F=x),
        setting.L_F,
        1e-15 * setting.L_F,
        "no sigma_F up to L_F",
    )


def smallest_scale(setting: Setting, k: int, delta: float, name: str) -> Answer:
    """The smallest output scale certified at the width k (`dip2.output_scale`; antisymmetric, so that x(0) = 0)."""
    if not setting.antisymmetric:
        raise ValueError("an output scale helps only if x(0) = 0: ask for an antisymmetric initialization")
    return _design(setting, k, delta, name, lambda x: setting.with_(scale=x), 1e15, 1e-15, "no scale up to 1e15")


def stopping_time(setting: Setting, found: Assessment, level: float) -> float | None:
    """Upper bound of the time from which ‖y(t) − y‖ ≤ ρ(t) ≤ level; None if the criterion promises no rate or no ρ0."""
    if not found.certified or found.stop is None or not found.rate > 0 or not math.isfinite(found.rho_0):
        return None
    if level >= found.rho_0:
        return 0.0
    statement, name = found.stop
    wanted = {symbol.name for symbol in formula(statement, name, setting.kl).free_symbols}
    # loss_0 = psi^{-1}(rho_0), rounded up
    loss_0 = upper_float(function(setting.kl.psi_inv(sym("rho")), ["rho"], "arb")(arb(found.rho_0)))
    known = {"eps": level, "rho": level, "rho_0": found.rho_0, "loss_0": loss_0, "w_min": 1.0, **found.inputs}
    return enclose(statement, name, {key: known[key] for key in known if key in wanted}, kl=setting.kl).upper
