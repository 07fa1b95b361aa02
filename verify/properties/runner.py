"""Suites run to a depth: the cover, then what Hypothesis draws; violations shrunk and saved as cases; nothing lost on Ctrl-C."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import hypothesis
from hypothesis import HealthCheck, Phase, event, given, settings, target
from hypothesis.database import ExampleDatabase

from verify.case import Case
from verify.claims import Finding, Summary
from verify.properties.confirm import confirmed, left_open
from verify.properties.suite import Sample, Suite, run
from verify.properties.tally import Tally
from verify.verdict import Verdict

__all__ = ["DEPTHS", "Depth", "Violation", "check_sample", "run_suite"]


@dataclass(frozen=True)
class Depth:
    """How long is looked: samples drawn a suite, how undecided points are treated, how often a statement must be in force."""

    examples: int
    thorough: bool
    minimum: int = 3
    draws: int = 2000  # of random instances, a configuration of a statement with a probability


DEPTHS: Final = {
    "dev": Depth(4, False, draws=400),
    "ci": Depth(30, False, draws=4000),
    "deep": Depth(1000, True, draws=100_000),
}

Say = Callable[[str, int, int], None]

_NOTE = "found by a property suite"


class Violation(AssertionError):
    """A statement is violated on a run, also after a second look: the case says on which, and can be replayed."""

    def __init__(self, case: Case, directory: Path | None) -> None:
        self.case, self.directory = case, directory
        finding = case.finding
        where = "" if directory is None else f"; replay it with: dipcert replay {directory / case.name}"
        super().__init__(
            f"{finding.claim} is violated at t = {finding.t:.6g}: {finding.lhs:.12g} against {finding.rhs:.12g}, slack "
            f"{finding.slack:.3g} with an error budget of {finding.budget:.3g}{where}"
        )

    def save(self) -> Path | None:
        """Write the case to the directory."""
        return None if self.directory is None else self.case.save(self.directory)


class _TimeUp(BaseException):
    """The minutes are over; no exception that Hypothesis would take for a failure."""


def check_sample(
    suite: Suite, sample: Sample, *, thorough: bool = False, only: frozenset[str] | None = None
) -> dict[str, Summary]:
    """All summaries of one sample, after second looks; `only` these statements if given."""
    wanted = suite.statements if only is None else [key for key in suite.statements if key in only]
    return confirmed(suite, sample, suite.check(*sample, wanted), thorough=thorough)


def violation_of(sample: Sample, summaries: dict[str, Summary], directory: Path | None) -> Violation | None:
    """The first violated statement as an exception; None if none is."""
    for key, summary in sorted(summaries.items()):
        if summary.verdict is Verdict.VIOLATED and summary.worst is not None:
            return Violation(_case(key, sample, summary.worst), directory)
    return None


def _case(key: str, sample: Sample, worst: Finding) -> Case:
    """The case of a violation: at the stored time of the most accurate run in doubles, if that sees it there.

    Where only the run in mpmath sees it, the time is stored on purpose, and the finding is the one of that run.
    """
    engine = sample.engine.tighter or sample.engine
    scene = run(sample.world, engine)
    i = int(abs(scene.record.t - worst.t).argmin())
    if i > 0 and abs(scene.record.t[i] - worst.t) <= 1e-9 * worst.t:
        case = Case(key, sample.world, engine, replace(worst, i=i), note=_NOTE)
        found = case.replay()[1]
        if found.verdict is Verdict.VIOLATED:
            return replace(case, finding=found)
    if engine.kind == "flow":
        engine = replace(engine, times=(worst.t,), t_max=1.5 * worst.t)
    return Case(key, sample.world, engine, replace(worst, i=1 if engine.kind == "flow" else i), note=_NOTE)


@dataclass
class _Hunt:
    """The body of a Hypothesis test of a suite, and what it has counted."""

    suite: Suite
    depth: Depth
    tally: Tally
    directory: Path | None
    deadline: float
    say: Say | None
    total: int
    excused: set[str]
    hunted: str = ""

    def __call__(self, sample: Sample) -> None:
        if time.monotonic() > self.deadline:
            raise _TimeUp
        only = frozenset({self.hunted}) if self.hunted else frozenset(self.suite.statements) - self.excused
        summaries = check_sample(self.suite, sample, thorough=self.depth.thorough, only=only)
        if not self.hunted:  # while a failure is being shrunk nothing is counted
            self.tally.add(summaries, sample.world)
            if self.say is not None:
                self.say(self.suite.name, self.tally.examples, self.total)
        found = violation_of(sample, summaries, self.directory)
        if found is not None:
            self.hunted = found.case.statement
            raise found
        if hypothesis.currently_in_test_context():
            _report(summaries)


def _report(summaries: dict[str, Summary]) -> None:
    """What Hypothesis is to aim at, and to count."""
    tightest, label = -math.inf, ""
    for key, summary in summaries.items():
        if summary.in_force:
            event(f"{key}: {summary.verdict}{' (attained)' if summary.attained and not left_open(summary) else ''}")
        worst = summary.worst
        if worst is not None and math.isfinite(worst.tightness) and worst.tightness > tightest:
            tightest, label = worst.tightness, key
    if label:
        target(tightest, label=label)


def run_suite(
    suite: Suite,
    depth: Depth,
    *,
    seed: int = 0,
    directory: Path | None = Path("dipcert-cases"),
    examples: ExampleDatabase | None = None,
    minutes: float = math.inf,
    say: Say | None = None,
) -> Tally:
    """The tally of a suite: its cover, then `depth.examples` samples drawn from the seed, for at most so many minutes.

    A violated statement is shrunk to a small sample, saved as a case in `directory` (None: not saved), left out, and the
    others go on.  An interrupt ends the suite; the tally says so.
    """
    deadline = time.monotonic() + 60 * minutes
    tally = Tally(suite.name, depth.minimum)
    for key in suite.statements:
        tally.line(key)
    try:
        cover = list(suite.cover())
        total = len(cover) + depth.examples
        hunt = _Hunt(suite, depth, tally, directory, deadline, say, total, set())
        for sample in cover:
            _tolerant(hunt, sample)
        while _drawn(hunt, seed, examples):
            pass
    except KeyboardInterrupt:
        tally.interrupted = True
    except _TimeUp:
        tally.note = f"ended after {minutes:g} minutes"
    return tally


def _tolerant(hunt: _Hunt, sample: Sample) -> None:
    """A sample of the cover, again without what is violated on it."""
    while True:
        try:
            hunt(sample)
            return
        except Violation as found:
            _keep(hunt, found)


def _keep(hunt: _Hunt, found: Violation) -> None:
    line = hunt.tally.line(found.case.statement)
    path = found.save()
    line.cases.append(str(path) if path else found.case.name)
    line.counts[Verdict.VIOLATED] += 0 if line.counts[Verdict.VIOLATED] else 1
    line.tightest, line.where = found.case.finding, found.case.world.label
    hunt.excused.add(found.case.statement)
    hunt.hunted = ""


def _drawn(hunt: _Hunt, seed: int, examples: ExampleDatabase | None) -> bool:
    """Draw; True if a violation was found and the rest is to be drawn again without it."""
    left = hunt.total - hunt.tally.examples
    if left <= 0 or hunt.excused >= set(hunt.suite.statements):
        return False

    @hypothesis.seed(seed)
    @settings(
        max_examples=left,
        deadline=None,
        database=examples,
        derandomize=False,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.reuse, Phase.generate, Phase.target, Phase.shrink),
    )
    @given(hunt.suite.strategy())
    def test(sample: Sample) -> None:
        hunt(sample)

    named: Any = test
    inner = named.hypothesis.inner_test
    inner.__name__ = inner.__qualname__ = f"suite_{hunt.suite.name}"  # the key of the example database
    try:
        named()
    except Violation as found:
        _keep(hunt, found)
        return True
    return False
