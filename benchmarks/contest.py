"""One comparison of one case: start the contenders, warm them up, run them in turn, tell each one's figures in a row."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.remote import Remote, Unavailable
from benchmarks.summary import ratio, spread

INSTALL = "pip install 'dipcert[peers]'"
NEURAL_TANGENTS = "neural-tangents"
# A sample of a quick contender averages over so many runs that it lasts this long; slower ones are run once a sample.
_SAMPLE_SECONDS = 0.02
_SLOW_SECONDS = 0.1


@dataclass(frozen=True)
class Entry:
    """A contender in a comparison.

    Attributes
    ----------
    label: its name in the table.
    path: `module:Class` of :mod:`benchmarks.contenders`.
    options: of the class.
    ours: the one that ratios are taken to (one a case).
    interpreter: "main", or the name of an environment of its own (`NEURAL_TANGENTS`).
    environment: variables of its process besides those that ask for one thread.
    excluded: why it is not run on this case, if it is not; the row says so.
    ladder: tolerances to choose from, loosest first (comparisons that tune them).
    seconds: share of the time; once it is used up the contender is not run again (every one is run at least once).
    """

    label: str
    path: str
    options: Mapping[str, Any] = field(default_factory=dict)
    ours: bool = False
    interpreter: str = "main"
    environment: Mapping[str, str] = field(default_factory=dict)
    excluded: str = ""
    ladder: tuple[float, ...] = ()
    seconds: float = 20.0


@dataclass
class Row:
    """What the tables hold of one contender on one case.  Times in seconds a task; NaN-free: None where unknown."""

    comparison: str
    case: str
    contender: str
    ours: bool = False
    status: str = "ok"
    median: float | None = None
    minimum: float | None = None
    q1: float | None = None
    q3: float | None = None
    samples: int = 0
    cpu_per_wall: float | None = None
    prepare: float | None = None
    first: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    error: float | None = None
    setting: str = ""
    note: str = ""


@dataclass(frozen=True)
class Setup:
    """How thorough a run is, and what the machine offers.

    Attributes
    ----------
    rounds: samples of each contender, taken in turn.
    interpreters: environment name → path of its Python.
    memory_limit: bytes a worker may allocate (0: no limit).
    timeout: seconds that a single run may take.
    quick: small cases only.
    cases: names of the cases to run (empty: all).
    say: where progress goes.
    """

    rounds: int = 11
    interpreters: Mapping[str, str] = field(default_factory=dict)
    memory_limit: int = 0
    timeout: float = 300.0
    quick: bool = False
    seed: int = 0
    say: Callable[[str], None] = lambda line: None
    cases: tuple[str, ...] = ()

    def wanted(self, case: Mapping[str, Any]) -> bool:
        """Whether a case is to be run."""
        return not self.cases or str(case["name"]) in self.cases


@dataclass
class Competitor:
    """An entry with its worker, its row and its samples."""

    entry: Entry
    row: Row
    worker: Remote | None = None
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    spent: float = 0.0
    per_run: int = 1
    expected: float = 0.0  # seconds of a run, where known before the race

    @property
    def alive(self) -> bool:
        """Whether it still takes part."""
        return self.worker is not None

    def ask(self, command: str, *arguments: Any, timeout: float) -> Any:
        """The worker's answer; a failure ends the contender's part, and its row says why."""
        assert self.worker is not None
        try:
            return self.worker.ask(command, *arguments, timeout=timeout)
        except Unavailable as reason:
            self.drop(reason.status)
            raise

    def drop(self, status: str | None = None) -> None:
        """End the worker; with a status, the row shows it."""
        if status is not None:
            self.row.status = status
        if self.worker is not None:
            self.worker.close()
            self.worker = None


def enter(comparison: str, case: Mapping[str, Any], entry: Entry, setup: Setup) -> Competitor:
    """Start the worker of an entry and warm it up on the case; what prevents it is written into its row."""
    competitor = Competitor(entry, Row(comparison, str(case["name"]), entry.label, entry.ours))
    row = competitor.row
    if entry.excluded:
        row.status = f"not run: {entry.excluded}"
        return competitor
    interpreter = None
    if entry.interpreter != "main":
        interpreter = setup.interpreters.get(entry.interpreter)
        if not interpreter:
            row.status = f"not installed: needs an environment of its own, --{entry.interpreter}-python PATH"
            return competitor
    setup.say(f"{comparison}, {case['name']}: preparing {entry.label}")
    competitor.worker = Remote(interpreter, setup.memory_limit, entry.environment)
    try:
        loaded = competitor.ask("load", entry.path, dict(entry.options), timeout=setup.timeout)
        if loaded["missing"]:
            missing = ", ".join(loaded["missing"])
            competitor.drop(f"not installed: {INSTALL} ({missing})")
            return competitor
        if entry.ladder:
            competitor.ask("configure", {"tolerance": entry.ladder[-1]}, timeout=setup.timeout)
        warmed = competitor.ask("prepare", dict(case), timeout=setup.timeout)
    except Unavailable:
        return competitor
    row.prepare, row.first = warmed["prepare"], warmed["first"]
    competitor.per_run = warmed["per_run"]
    return competitor


def race(competitors: Sequence[Competitor], setup: Setup) -> None:
    """Samples in turn, A B C, B C A, …: no contender always follows the same one; then the figures of every row."""
    plans: dict[int, tuple[int, bool]] = {}
    for number, competitor in enumerate(competitors):
        if competitor.alive:
            try:
                # a slow one is not run once more only to learn that it is slow
                once = competitor.expected
                if once < _SLOW_SECONDS:
                    once, _ = competitor.ask("time", 1, False, timeout=setup.timeout)
            except Unavailable:
                continue
            plans[number] = (max(1, round(_SAMPLE_SECONDS / max(once, 1e-7))), once < _SLOW_SECONDS)
    for turn in range(setup.rounds):
        order = [(turn + shift) % len(competitors) for shift in range(len(competitors))]
        for number in order:
            competitor = competitors[number]
            if not competitor.alive or competitor.spent > competitor.entry.seconds:
                continue
            start = time.perf_counter()
            try:
                wall, cpu = competitor.ask("time", *plans[number], timeout=setup.timeout)
            except Unavailable:
                continue
            competitor.spent += time.perf_counter() - start
            competitor.wall.append(wall / competitor.per_run)
            competitor.cpu.append(cpu / competitor.per_run)
    conclude(competitors, setup)


def conclude(competitors: Sequence[Competitor], setup: Setup) -> None:
    """Fill in medians, spreads, ratios; end the workers."""
    ours = next((c.wall for c in competitors if c.entry.ours and c.wall), None)
    for competitor in competitors:
        row = competitor.row
        if competitor.wall and row.status == "ok":
            seen = spread(competitor.wall)
            row.median, row.minimum, row.q1, row.q3 = seen.median, seen.minimum, seen.q1, seen.q3
            row.samples = seen.samples
            row.cpu_per_wall = sum(competitor.cpu) / sum(competitor.wall)
            if ours:
                row.ratio, row.ratio_low, row.ratio_high = ratio(competitor.wall, ours, setup.seed)
        if competitor.alive and not row.note:
            with contextlib.suppress(Unavailable):
                row.note = competitor.ask("about", timeout=setup.timeout)
        competitor.drop()


def compare(
    comparison: str,
    case: Mapping[str, Any],
    entries: Sequence[Entry],
    setup: Setup,
    judge: Callable[[Competitor], float] | None = None,
) -> list[Row]:
    """All of it for one case: enter, judge each answer against the reference, race.

    `judge` gets a warmed-up competitor and returns its error (asking the worker for what it needs); it may write the
    row's setting.
    """
    competitors = [enter(comparison, case, entry, setup) for entry in entries]
    try:
        for competitor in competitors:
            if competitor.alive and judge is not None:
                try:
                    competitor.row.error = judge(competitor)
                    if not competitor.expected:
                        competitor.expected = competitor.ask("last", timeout=setup.timeout)
                except Unavailable as reason:
                    competitor.drop(reason.status)
        setup.say(f"{comparison}, {case['name']}: racing")
        race(competitors, setup)
    finally:
        for competitor in competitors:
            competitor.drop()
    return [competitor.row for competitor in competitors]
