"""Critical constants: how far a number of a statement can be turned before an exact run refutes the claim.

A :class:`theory.mutant.Constant` is a claim with a dial and a direction in which it gets stronger.  A point refutes it at a
setting of the dial if hypotheses, conditions and `when` hold there and the conclusion does not; what is refuted at one
setting is refuted at every stronger one.  :func:`critical` looks for the point that refutes it earliest: over points that
are given, and over *spaces*, families with parameters and time as axes, by a coarse grid and a pattern search.

A claim that starts at a time (``when`` is t ≥ a formula) is held against every member at that very time.  What is found is
evidence from below: no member visited refutes the claim before the value found, and one does right after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from numerics.compile import HypothesisNotMet
from numerics.exact import ExactPoint, Member, exact_sides
from theory.claim import Claim, claim_of
from theory.ledger import registry
from theory.mutant import DIAL, Constant
from theory.symbols import sym
from verify.critical_spaces import SPACES, Axis, Space

__all__ = ["SPACES", "Axis", "Critical", "Space", "critical", "refuted", "speaks"]

_FINE = mpmath.mpf(10) ** -13
"""Relative width of the interval around the critical value of one point."""
_BETTER = mpmath.mpf(10) ** -10
"""What the search calls an improvement, relative."""
_REACH = 12
"""Settings tried are within a factor 10^3 of the stated one: 1 ± 4^{-k} and 4^k."""

_MORE = 25
"""Digits added to confirm a refutation."""
_SMALLEST = 2.0**-40
"""The step of the pattern search, relative to an axis, at which it ends."""
_GRIDS = 3
"""Grids tried, each twice as fine, until one of their points refutes some setting."""


@dataclass(frozen=True)
class Critical:
    """What was found: the claim is refuted at `refuted` (None: nowhere), and at `kept` by no point that was visited.

    `stated_refuted`: the statement itself is refuted.  `point` is the JSON of the point that decides, `visited` how many
    members (or points) were tried, `in_force` how many of them the claim speaks about as it is stated.
    """

    statement: str
    constant: str
    stated: Any
    stronger: str
    kept: Any
    refuted: Any
    stated_refuted: bool
    point: Mapping[str, Any] | None
    visited: int
    in_force: int
    optimum: Any = None

    @property
    def difference(self) -> Any:
        """Of the value found from the proved optimum, relative; None without an optimum or a refutation."""
        if self.optimum is None or self.refuted is None:
            return None
        return abs(self.refuted - self.optimum) / abs(self.optimum)

    def to_json(self) -> dict[str, Any]:
        """Numbers as text of 17 digits."""

        def text(value: Any) -> str | None:
            return None if value is None else str(mpmath.nstr(value, 17))

        return {
            "statement": self.statement,
            "constant": self.constant,
            "stated": text(self.stated),
            "stronger": self.stronger,
            "kept": text(self.kept),
            "refuted": text(self.refuted),
            "stated_refuted": self.stated_refuted,
            "optimum": text(self.optimum),
            "relative_difference": text(self.difference),
            "point": None if self.point is None else dict(self.point),
            "visited": self.visited,
            "in_force": self.in_force,
        }


# --- one point ----------------------------------------------------------------------------------------------------------


def _gap(relation: Any, sides: tuple[Any, Any], dps: int) -> Any:
    """By how much the relation fails, beyond the rounding error: > 0 if it fails, < 0 if it holds."""
    lhs, rhs = sides
    error = mpmath.mpf(10) ** (5 - dps) * max(abs(lhs), abs(rhs))
    if isinstance(relation, sp.Eq):
        return abs(lhs - rhs) - error
    gap = lhs - rhs if isinstance(relation, sp.Le | sp.Lt) else rhs - lhs
    return gap - error if gap > 0 else gap


def _holds(relation: Any, point: ExactPoint, given: Mapping[str, Any]) -> bool:
    """Whether a condition holds; one that has no value there, or makes no sense, does not."""
    if isinstance(relation, sp.And):
        return all(_holds(part, point, given) for part in relation.args)
    try:
        lhs, rhs = exact_sides(relation, point, given)
    except (HypothesisNotMet, LookupError):
        return False
    if isinstance(relation, sp.Lt | sp.Gt):
        return bool(lhs < rhs if isinstance(relation, sp.Lt) else lhs > rhs)
    return bool(_gap(relation, (lhs, rhs), point.dps) <= 0)


def _assumed(claim: Claim, point: ExactPoint) -> bool:
    """Whether the claim is about such a run, and every hypothesis known to hold.

    `A.operator.range.radial` serves for `A.operator.range` where `A.loss.KL` is assumed as well.
    """
    if claim.id.startswith("gd.") != (point.dynamics == "descent"):
        return False
    radial = "A.loss.KL" in claim.hypotheses and point.holds("A.operator.range.radial")
    return all(point.holds(name) or (name == "A.operator.range" and radial) for name in claim.hypotheses)


def _in_force(claim: Claim, point: ExactPoint, given: Mapping[str, Any]) -> bool:
    conditions = [relation for _, relation in claim.conditions]
    conditions += [] if claim.when is None else [claim.when]
    return _assumed(claim, point) and all(_holds(relation, point, given) for relation in conditions)


def speaks(claim: Claim, point: ExactPoint) -> bool:
    """Whether the claim is in force at a point, and its conclusion has a value there."""
    if not _in_force(claim, point, {}):
        return False
    try:
        exact_sides(claim.conclusion, point)
    except (HypothesisNotMet, LookupError):
        return False
    return True


def refuted(claim: Claim, point: ExactPoint, setting: Any = None) -> bool:
    """Whether a point refutes a claim (with the dial at `setting`): in force there, and the conclusion fails.

    A conclusion without a real value there, or about what the point does not have, claims nothing.

    >>> from numerics.exact import Extremal
    >>> claim = claim_of("sharp.length", registry)
    >>> refuted(claim, Extremal(h="1/3").at(5))
    False
    """
    given = {} if setting is None else {DIAL.name: setting}
    gap = _violation(claim, point, given)
    if gap is None:
        return False
    # what a difference of nearly equal numbers has made up changes with the digits; what is true does not
    finer = _violation(claim, point.member.at(point.time, point.dps + _MORE), given)
    return finer is not None and bool(abs(gap - finer) <= abs(gap) / 1000)


def _violation(claim: Claim, point: ExactPoint, given: Mapping[str, Any]) -> Any:
    """By how much the conclusion fails where the claim is in force; None if it is not, or does not fail."""
    if not _in_force(claim, point, given):
        return None
    try:
        gap = _gap(claim.conclusion, exact_sides(claim.conclusion, point, given), point.dps)
    except (HypothesisNotMet, LookupError):
        return None
    return gap if gap > 0 else None


@lru_cache(maxsize=256)
def _start(claim: Claim) -> Any:
    """The formula of the time from which the claim is made, or None."""
    when = claim.when
    return when.rhs if isinstance(when, sp.Ge) and when.lhs == sym("t") else None


class _Trial:
    """One member at its times (or one point), as a question: is the claim refuted at this setting of the dial?"""

    def __init__(self, claim: Claim, points: Iterable[ExactPoint], member: Member | None = None, dps: int = 50) -> None:
        self.claim, self.points, self.member, self.dps = claim, tuple(points), member, dps
        self.decided: ExactPoint | None = None

    def _all(self, setting: Any) -> Iterable[ExactPoint]:
        yield from self.points
        start = _start(self.claim)
        if self.member is not None and start is not None and self.member.dynamics == "flow":
            origin = self.member.at(0, self.dps)
            try:
                assumed = _assumed(self.claim, origin)
                time = exact_sides(self.claim.when, origin, {DIAL.name: setting})[1] if assumed else mpmath.inf
            except (HypothesisNotMet, LookupError):
                return
            if not mpmath.isfinite(time):
                return
            with mpmath.workdps(self.dps + 20):  # just after it, not rounded to before it
                yield self.member.at(time * (1 + mpmath.mpf(10) ** -(self.dps + 10)), self.dps)

    def __call__(self, setting: Any) -> bool:
        for point in self._all(setting):
            if refuted(self.claim, point, setting):
                self.decided = point
                return True
        return False

    @property
    def assumed(self) -> bool:
        """Whether the hypotheses hold for the member."""
        points = self.points or (() if self.member is None else (self.member.at(0, self.dps),))
        return any(_assumed(self.claim, point) for point in points)

    def in_force(self, setting: Any) -> bool:
        """Whether the claim speaks about one of the points."""
        return any(_in_force(self.claim, point, {DIAL.name: setting}) for point in self._all(setting))


# --- one dial -----------------------------------------------------------------------------------------------------------


class _Search:
    """The earliest refutation so far; `sign` is +1 if the claim gets stronger upwards."""

    def __init__(self, constant: Constant) -> None:
        self.sign = 1 if constant.stronger == "up" else -1
        with mpmath.workdps(60):
            self.stated = mpmath.mpf(sp.N(constant.stated, 60)._to_mpmath(200))
        self.kept: Any = None
        self.best: Any = None
        self.point: ExactPoint | None = None
        self.stated_refuted = False
        self.visited = self.spoken = self.assumed = 0

    def turned(self, setting: Any, factor: Any) -> Any:
        """The setting, stronger by a factor > 1 (weaker: < 1)."""
        return setting * factor**self.sign

    def offer(self, trial: _Trial) -> bool:
        """Whether the trial refutes the claim earlier than all before it."""
        self.visited += 1
        self.spoken += trial.in_force(self.stated)
        self.assumed += trial.assumed
        if self.best is not None:
            limit = self.turned(self.best, 1 - _BETTER)
            if not trial(limit):
                return False
            weak, strong = self._bracket(trial, limit)
        else:
            found = self._first(trial)
            if found is None:
                return False
            weak, strong = self._bracket(trial, found)
        trial(strong)
        self.kept, self.best, self.point = weak, strong, trial.decided
        return True

    def _first(self, trial: _Trial) -> Any:
        """The first setting refuted among the stated one and stronger and stronger ones."""
        steps = [mpmath.mpf(0), *(mpmath.mpf(4) ** k for k in range(-2 * _REACH, 6))]
        settings = [self.turned(self.stated, 1 + step) for step in steps]
        if not (trial.assumed and any(trial(setting) for setting in settings[::-4])):
            return None
        return next((setting for setting in settings if trial(setting)), None)

    @property
    def done(self) -> bool:
        """Whether the stated value itself is critical: nothing can be earlier."""
        return (
            self.best is not None
            and not self.stated_refuted
            and abs(self.best - self.stated) <= _FINE * abs(self.stated)
        )

    def take(self, other: _Search) -> None:
        """The earlier of two refutations, the counts of both."""
        self.visited, self.spoken = self.visited + other.visited, self.spoken + other.spoken
        self.stated_refuted |= other.stated_refuted
        if other.best is not None and (self.best is None or (other.best - self.best) * self.sign < 0):
            self.kept, self.best, self.point = other.kept, other.best, other.point

    def _bracket(self, trial: _Trial, strong: Any) -> tuple[Any, Any]:
        """Bisection between a setting that is refuted and a weaker one that is not."""
        weak, step = self.stated, mpmath.mpf(1)
        if (strong - weak) * self.sign <= 0 or trial(weak):
            self.stated_refuted = self.stated_refuted or bool(trial(self.stated))
            weak = self.turned(strong, mpmath.mpf(1) / 2)
            while trial(weak):
                strong, step = weak, step + 1
                if step > _REACH * 2:
                    return weak, strong
                weak = self.turned(weak, mpmath.mpf(1) / 2)
        while abs(strong - weak) > _FINE * abs(strong):
            middle = (weak + strong) / 2
            weak, strong = (weak, middle) if trial(middle) else (middle, strong)
        return weak, strong


class _Exploration:
    """The search of one space: a grid over the axes, then a pattern search from its best point."""

    def __init__(self, claim: Claim, space: Space, constant: Constant) -> None:
        # each space from its own best point: a coarse grid rarely beats the result of another space
        self.claim, self.space, self.search = claim, space, _Search(constant)
        self.best: Any = None

    def offer(self, u: Any) -> bool:
        """Whether the member at u, in the unit cube of the axes, refutes the claim earlier than those before it."""
        where = {axis.name: axis.value(float(v)) for axis, v in zip(self.space.axes, u, strict=True)}
        made = None if self.search.done else self.space.member(where)
        if made is None:
            return False
        member, times = made
        points = [member.at(t, self.space.dps) for t in times]
        if not self.search.offer(_Trial(self.claim, points, member, self.space.dps)):
            return False
        self.best = np.array(u)
        return True

    def grid(self, finer: int) -> None:
        """All points of the grid, `finer` times halved."""
        for u in product(*(np.linspace(0, 1, ((axis.grid - 1) << finer) + 1) for axis in self.space.axes)):
            self.offer(u)

    def climb(self, rng: np.random.Generator, sweeps: int) -> None:
        """Along the axes and along random directions, with steps that halve when nothing is better."""
        if self.best is None:
            return
        n = len(self.space.axes)
        first = step = 1.0 / (max(axis.grid for axis in self.space.axes) - 1)
        for _ in range(sweeps):
            random = rng.standard_normal((2 * n, n))
            improved = False
            for direction in (*np.eye(n), *-np.eye(n), *random / np.linalg.norm(random, axis=1)[:, None]):
                move = np.clip(self.best + step * direction, 0, 1)
                improved |= bool(np.any(move != self.best)) and self.offer(move)
            step = min(first, 2 * step) if improved else step / 2
            if step < _SMALLEST or self.search.done:
                return


def critical(
    statement: str,
    constant: Constant,
    where: Iterable[ExactPoint | Space] | None = None,
    *,
    seed: int = 0,
    sweeps: int = 150,
) -> Critical:
    """The critical value of a constant of a registered statement, over points and spaces (None: all of SPACES).

    >>> from theory.mutant import Mutant
    >>> from numerics.exact import Extremal
    >>> rho, rho_0, slope = sym("rho"), sym("rho_0"), sym("sigma_F") * sym("sigma_0")
    >>> claim = Mutant("dial", "2 → c", conclusion=sp.Le(sym("ell"), DIAL * (rho_0 - rho) / slope, evaluate=False))
    >>> constant = Constant("two", "the 2 in R'", sp.Integer(2), "down", claim)
    >>> found = critical("step.confinement", constant, [Extremal(h="1/8").at(1000)])
    >>> print(mpmath.nstr(found.refuted, 10), mpmath.nstr(8 * (1 - mpmath.sqrt(0.75)), 10))
    1.07179677 1.07179677
    """
    claim = claim_of(statement, registry, constant.claim)
    search, rng = _Search(constant), np.random.default_rng(seed)
    with mpmath.workdps(60):
        explorations = []
        for item in SPACES.values() if where is None else where:
            if isinstance(item, Space):
                explorations.append(_Exploration(claim, item, constant))
            else:
                search.offer(_Trial(claim, [item], dps=item.dps))
        for finer in range(_GRIDS):  # finer where nothing has been refuted anywhere, and something could be
            for exploration in explorations:
                if not any(other.search.done for other in explorations):
                    exploration.grid(finer)
            if search.best is not None or any(exploration.best is not None for exploration in explorations):
                break
            for exploration in explorations:
                if not exploration.search.assumed:
                    search.take(exploration.search)
            explorations = [exploration for exploration in explorations if exploration.search.assumed]
        for exploration in explorations:
            if not any(other.search.done for other in explorations):
                exploration.climb(rng, sweeps)
            search.take(exploration.search)
        optimum = None if constant.optimum is None else mpmath.mpf(sp.N(constant.optimum, 50)._to_mpmath(180))
        return Critical(
            statement, constant.name, search.stated, constant.stronger, search.kept, search.best, search.stated_refuted,
            None if search.point is None else search.point.to_json(), search.visited, search.spoken, optimum,
        )  # fmt: skip
