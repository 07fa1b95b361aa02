"""Is a hypothesis needed?  A search for an instance on which every other one holds, it fails, and the conclusion is violated.

The coarse grids of :mod:`verify.violations` come first; what they find, or else the whole families, goes through
:func:`hypothesis.find`, which shrinks it to round numbers and keeps it in the example database.  A violation counts only
if it is there at the tightest tolerance as well.  Finding nothing is no proof that a hypothesis is not needed; where
there is a proof, :mod:`verify.violations.reasons` has it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import islice
from random import Random
from typing import Any

import hypothesis
import sympy as sp
from hypothesis.database import ExampleDatabase
from hypothesis.errors import NoSuchExample, Unsatisfiable

from numerics.assumed import UNANSWERED, assumed
from numerics.chosen import CHOSEN, points_of
from numerics.compile import HypothesisNotMet
from numerics.measured import MEASURED, sides
from numerics.scene import Scene
from theory.claim import Claim, claim_of
from theory.ledger import registry
from theory.statement import Statement
from verify.case import Case, claim_named
from verify.claims import Finding, check_point, hypotheses_met, in_force, relation_holds
from verify.clearest import clearer
from verify.database import remember, remembered
from verify.engine import simulate
from verify.verdict import Verdict
from verify.violations import FAMILIES, Family, Numbers, families_for
from verify.violations.reasons import Reason, reason_for

__all__ = [
    "Falsification",
    "Row",
    "about_runs",
    "aliases",
    "examine",
    "falsifiable",
    "falsify",
    "requirements",
    "unmeasured",
]

_QUIET = tuple(hypothesis.HealthCheck)


@dataclass(frozen=True)
class Falsification:
    """What a search found: the case, or how many instances were tried and why there may be none.

    `tried`: instances; `broken`: those on which what was dropped fails and everything else holds.
    """

    statement: str
    drop: tuple[str, ...]
    case: Case | None = None
    failing: tuple[str, ...] = ()
    family: str = ""
    numbers: Numbers = field(default_factory=dict)
    tried: int = 0
    broken: int = 0
    reason: Reason | None = None
    seconds: float = 0.0

    @property
    def found(self) -> bool:
        """Whether there is a counterexample."""
        return self.case is not None

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {
            "statement": self.statement,
            "drop": list(self.drop),
            "found": self.found,
            "failing": list(self.failing),
            "family": self.family,
            "numbers": dict(self.numbers),
            "instance": self.case.world.label if self.case else "",
            "finding": self.case.finding.to_json() if self.case else None,
            "tried": self.tried,
            "broken": self.broken,
            "reason": None if self.reason is None else {"kind": self.reason.kind, "text": self.reason.text},
            "seconds": self.seconds,
        }


@cache
def requirements(statement: str) -> tuple[str, ...]:
    """What a statement asks for and can be dropped: its hypotheses, its conditions, and "when"; ValueError without a
    conclusion that has two sides.
    """
    claim = claim_of(statement, registry)
    when = () if claim.when is None else ("when",)
    return (*claim.hypotheses, *(name for name, _ in claim.conditions), *when)


def aliases(statement: str, name: str) -> tuple[str, ...]:
    """The conditions of a statement that ask for the same relation as the one called `name`, with itself."""
    conditions = dict(claim_of(statement, registry).conditions)
    if name not in conditions:
        return (name,)
    return tuple(key for key, relation in conditions.items() if relation == conditions[name])


# -------------------------------------------------------------------------------------------------- one instance
@dataclass(frozen=True)
class Examined:
    """`failing`: what was dropped and fails where the rest holds (empty: the instance says nothing); the worst finding."""

    failing: tuple[str, ...] = ()
    finding: Finding | None = None

    @property
    def refutes(self) -> bool:
        """Whether the conclusion is violated."""
        return self.finding is not None and self.finding.verdict is Verdict.VIOLATED


def examine(statement: str, drop: tuple[str, ...], scene: Scene) -> Examined:
    """A statement without what was dropped, at every stored time at which something that was dropped fails."""
    claim = claim_named(statement, drop=drop)
    if hypotheses_met(claim, scene):
        return Examined()
    full = claim_of(statement, registry)
    failing = {name for name in drop if name in full.hypotheses and assumed(name, scene) is False}
    relations = {name: relation for name, relation in full.conditions if name in drop}
    if "when" in drop:
        relations["when"] = full.when
    if not failing and not relations:
        return Examined()
    worst, everywhere = None, frozenset(failing)
    for point in points_of(statement, scene)[1:]:
        here = {name for name, relation in relations.items() if _fails(relation, point)}
        if (everywhere or here) and not in_force(claim, point):
            failing |= here
            found = check_point(claim, point) if _doubtful(claim, point) else _fine(claim, point)
            if worst is None or clearer(found, worst):
                worst = found
    spoken = worst is not None and worst.verdict is not Verdict.HYPOTHESIS_NOT_MET
    return Examined(tuple(name for name in drop if name in failing) if spoken else (), worst)


def _doubtful(claim: Claim, point: Any) -> bool:
    """False where the two sides alone show that there is no violation, so that no error budget is needed."""
    try:
        lhs, rhs = sides(claim.conclusion, point)
    except (LookupError, HypothesisNotMet):
        return True
    if isinstance(claim.conclusion, sp.Le | sp.Lt):
        return bool(lhs > rhs)
    return bool(lhs < rhs) if isinstance(claim.conclusion, sp.Ge | sp.Gt) else True


def _fine(claim: Claim, point: Any) -> Finding:
    lhs, rhs = sides(claim.conclusion, point)
    return Finding(claim.name, Verdict.HOLDS, point.i, float(point.value("t")), lhs, rhs, abs(rhs - lhs))


def _fails(relation: Any, point: Any) -> bool:
    """Whether it is known to fail there."""
    try:
        return not relation_holds(relation, point)
    except (LookupError, HypothesisNotMet):
        return False


def _run(family: Family, numbers: Numbers, tight: bool = False) -> Scene | None:
    """The run of an instance, None where the family has none; the last ones are kept."""
    return _kept(family, tuple(numbers.items()), tight)


@lru_cache(maxsize=8)
def _kept(family: Family, numbers: tuple[tuple[str, Any], ...], tight: bool) -> Scene | None:
    try:
        world, engine = family.instance(dict(numbers))
        return simulate(world, (engine.tighter or engine) if tight else engine)
    except (ValueError, LookupError, HypothesisNotMet):
        return None


# ---------------------------------------------------------------------------------------------------- the search
@dataclass
class _Search:
    """Tries instances, counts them, and remembers what they said."""

    statement: str
    drop: tuple[str, ...]
    progress: Callable[[int], None] | None = None
    seen: dict[tuple[str, tuple[Any, ...]], Examined] = field(default_factory=dict)

    def __call__(self, family: Family, numbers: Numbers) -> Examined:
        key = (family.name, tuple(numbers.values()))
        if key not in self.seen:
            scene = _run(family, numbers)
            self.seen[key] = Examined() if scene is None else examine(self.statement, self.drop, scene)
            if self.progress is not None:
                self.progress(len(self.seen))
        return self.seen[key]

    @property
    def broken(self) -> int:
        """How many were broken in what was dropped alone."""
        return sum(bool(one.failing) for one in self.seen.values())

    def on_grids(self, families: tuple[Family, ...], maximum: int) -> tuple[Family, Numbers] | None:
        """The first of the grids, in turn, that refutes."""
        for family, numbers in _in_turn(families):
            if len(self.seen) >= maximum:
                return None
            if self(family, numbers).refutes:
                return family, numbers
        return None

    def again(self, families: tuple[Family, ...], kept: list[Any]) -> tuple[Family, Numbers] | None:
        """The first of the instances that earlier searches have kept that still refutes."""
        by_name = {family.name: family for family in families}
        for entry in kept:
            family, numbers = by_name.get(entry.get("family")), entry.get("numbers", {})
            if family is not None and set(numbers) == set(family.parameters):
                ordered = {name: numbers[name] for name in family.parameters}
                if self(family, ordered).refutes:
                    return family, ordered
        return None

    def with_hypothesis(self, family: Family, maximum: int, seed: int) -> tuple[Family, Numbers] | None:
        """Found and shrunk by Hypothesis."""
        settings = hypothesis.settings(
            max_examples=maximum, deadline=None, database=None, suppress_health_check=_QUIET,
            phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
        )  # fmt: skip
        try:
            numbers = hypothesis.find(
                family.strategy(),
                lambda numbers: self(family, numbers).refutes,
                settings=settings,
                random=Random(seed),
            )
        except (NoSuchExample, Unsatisfiable):
            return None
        return family, numbers


def _in_turn(families: tuple[Family, ...]) -> Iterator[tuple[Family, Numbers]]:
    """One of each grid, then the next of each, and so on."""
    grids = [(family, family.grid()) for family in families]
    while grids:
        for entry in list(grids):
            numbers = next(entry[1], None)
            if numbers is None:
                grids.remove(entry)
            else:
                yield entry[0], numbers


def falsify(
    statement: str,
    drop: tuple[str, ...],
    *,
    seed: int = 0,
    maximum: int = 400,
    kept: ExampleDatabase | None = None,
    shrink: bool = True,
    progress: Callable[[int], None] | None = None,
) -> Falsification:
    """Search at most about `maximum` instances; KeyError for an unknown statement, ValueError for what it does not ask for.

    >>> falsify("baseline.loss_rate", ("baseline.condition",), shrink=False).case.world.label
    'g(s) = s − s²/2, F = id, least squares, y = 0.45, noise 0'
    """
    start = time.perf_counter()
    dropped = tuple(dict.fromkeys(other for name in drop for other in aliases(statement, name)))
    claim_named(statement, drop=dropped)  # complains about what the statement does not ask for
    families = tuple(dict.fromkeys(family for name in dropped for family in families_for(name)))
    search = _Search(statement, dropped, progress)
    key = f"falsify {statement} {' '.join(dropped)}"
    hit = search.again(families, remembered(kept, key)) or search.on_grids(families, maximum)
    if hit is not None and shrink:
        with suppress(KeyboardInterrupt):  # what was found is kept, as it was found
            hit = search.with_hypothesis(hit[0], maximum, seed) or hit
    elif hit is None and shrink:
        each = (maximum - len(search.seen)) // max(1, len(families))
        hits = (search.with_hypothesis(family, each, seed) for family in families if each > 0)
        hit = next((one for one in hits if one is not None), None)
    case, failing = (None, ()) if hit is None else _confirmed(statement, dropped, *hit)
    if hit is not None and case is not None:
        remember(kept, key, {"family": hit[0].name, "numbers": dict(hit[1])})
    reasons = [reason_for(statement, name) for name in dropped] if case is None else []
    return Falsification(
        statement, dropped, case, failing, hit[0].name if hit and case else "", dict(hit[1]) if hit and case else {},
        len(search.seen), search.broken, next(filter(None, reasons), None), time.perf_counter() - start,
    )  # fmt: skip


def _confirmed(
    statement: str, drop: tuple[str, ...], family: Family, numbers: Numbers
) -> tuple[Case | None, tuple[str, ...]]:
    """The case of the run at the tightest tolerance, if that refutes as well."""
    scene = _run(family, numbers, tight=True)
    if scene is None:
        return None, ()
    found = examine(statement, drop, scene)
    if not found.refutes or found.finding is None:
        return None, ()
    world, engine = family.instance(numbers)
    tight = engine.tighter or engine
    return Case(statement, world, tight, found.finding, drop=drop, note=family.words(numbers)), found.failing


# ----------------------------------------------------------------------------------------------------- the table
@dataclass(frozen=True)
class Row:
    """A statement and one of its hypotheses: whether the grids hold a counterexample, and what is proved if not.

    `outcome`: "found"; else the kind of the reason ("implied", "unused", "undefined"), or "open".
    """

    statement: str
    hypothesis: str
    outcome: str
    family: str = ""
    numbers: Numbers = field(default_factory=dict)
    finding: Finding | None = None
    tried: int = 0
    broken: int = 0
    text: str = ""


@cache
def about_runs() -> tuple[str, ...]:
    """Statements that can be held against a run: all of their symbols are measured, all of their hypotheses answered.

    A statement of kind "condition" claims nothing of a run; one about random networks is a matter of frequencies.
    """
    items = (
        item for item in registry.values() if isinstance(item, Statement) and item.kind not in ("trusted", "condition")
    )
    return tuple(item.id for item in items if item.conclusion is not None and not unmeasured(item.id))


def unmeasured(statement: str) -> str:
    """What of a statement nobody measures or answers on a run; empty if there is nothing of the kind."""
    claim = claim_of(statement, registry)
    relations = [claim.conclusion, claim.when, *(relation for _, relation in claim.conditions)]
    symbols = {str(symbol) for relation in relations if relation is not None for symbol in relation.free_symbols}
    missing = [] if statement in CHOSEN else sorted(symbols - set(MEASURED))
    missing += [name for name in claim.hypotheses if name in UNANSWERED]
    return ", ".join(missing)


def falsifiable(per_family: int | None = None, progress: Callable[[int, int], None] | None = None) -> tuple[Row, ...]:
    """Every pair of a statement about runs and something that it asks for, held against the grids of all families.

    `per_family` limits the instances of each.  Violations are confirmed at the tightest tolerance.  `progress` is called
    with (done, total) instances.
    """
    pairs = {(key, name): [0, 0] for key in about_runs() for name in requirements(key)}
    found: dict[tuple[str, str], tuple[Family, Numbers, Finding]] = {}
    grids = [(family, numbers) for family in FAMILIES for numbers in islice(family.grid(), per_family)]
    for done, (family, numbers) in enumerate(grids):
        wanted = [pair for pair in pairs if pair[1] in family.breaks and pair not in found]
        scene = _run(family, numbers) if wanted else None
        for pair in wanted if scene is not None else ():
            drop = aliases(*pair)
            examined = examine(pair[0], drop, scene)  # type: ignore[arg-type]
            pairs[pair][0] += 1
            pairs[pair][1] += bool(examined.failing)
            if examined.refutes:
                case, _ = _confirmed(pair[0], drop, family, numbers)
                if case is not None:
                    found[pair] = (family, numbers, case.finding)
        if progress is not None:
            progress(done + 1, len(grids))
    return tuple(_row(pair, counts, found.get(pair)) for pair, counts in pairs.items())


def _row(pair: tuple[str, str], counts: list[int], hit: tuple[Family, Numbers, Finding] | None) -> Row:
    if hit is not None:
        family, numbers, finding = hit
        return Row(*pair, "found", family.name, dict(numbers), finding, counts[0], counts[1], family.words(numbers))
    reason = reason_for(*pair)
    return Row(*pair, "open" if reason is None else reason.kind, tried=counts[0], broken=counts[1],
               text="" if reason is None else reason.text)  # fmt: skip
