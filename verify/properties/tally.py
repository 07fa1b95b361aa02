"""What a suite has found: per statement how often it was in force, the verdicts, and where it came nearest to failing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numerics.worlds import World
from verify.claims import Finding, Summary
from verify.verdict import Verdict

__all__ = ["Coverage", "Line", "Tally"]


@dataclass
class Line:
    """One statement.

    examples: samples in which it was asked for; in_force: those in which it was in force at one stored time or more;
    counts: stored times by verdict; attained: undecided ones whose two sides agree to six digits or more;
    tightest: the finding with the least slack relative to its sides, and the world it was found in;
    cases: files of violations.
    """

    statement: str
    examples: int = 0
    in_force: int = 0
    counts: Counter[Verdict] = field(default_factory=Counter)
    attained: int = 0
    tightest: Finding | None = None
    where: str = ""
    why: str = ""
    cases: list[str] = field(default_factory=list)

    @property
    def open(self) -> int:
        """Stored times that stayed undecided without being attained."""
        return self.counts[Verdict.UNDECIDED] - self.attained

    def add(self, summary: Summary, world: World) -> None:
        """Count a summary of one run."""
        self.examples += 1
        self.in_force += summary.in_force > 0
        self.attained += summary.attained
        for verdict, n in summary.counts.items():
            self.counts[verdict] += n
        self.why = self.why or summary.why
        worst = summary.worst
        if worst is not None and _tightness(worst) > _tightness(self.tightest):
            self.tightest, self.where = worst, describe(world)

    def verdict(self, minimum: int) -> str:
        """violated, vacuous (in force in fewer than `minimum` examples), undecided (never decided nor attained), or holds."""
        if self.counts[Verdict.VIOLATED] or self.cases:
            return "violated"
        if self.in_force < minimum:
            return "vacuous"
        if not self.counts[Verdict.HOLDS] and not self.attained:
            return "undecided"
        return "holds"

    def to_json(self, minimum: int) -> dict[str, Any]:
        """A plain dictionary."""
        return {
            "statement": self.statement,
            "verdict": self.verdict(minimum),
            "examples": self.examples,
            "in_force": self.in_force,
            "counts": {str(key): n for key, n in self.counts.items() if n},
            "attained": self.attained,
            "undecided": self.open,
            "tightest": None if self.tightest is None else self.tightest.to_json(),
            "slack": None if self.tightest is None else 1.0 - _tightness(self.tightest),
            "where": self.where,
            "not_in_force": self.why,
            "cases": list(self.cases),
        }


def _tightness(finding: Finding | None) -> float:
    if finding is None or not math.isfinite(finding.tightness):
        return -math.inf
    return finding.tightness


def describe(world: World) -> str:
    """A world in a few words."""
    generator: Any = world.generator
    parts = [world.label or generator.kind]
    if hasattr(generator, "activation"):
        parts.append(generator.activation.name)
    if hasattr(generator, "train"):
        parts.append(generator.train)
    return ", ".join([*parts, world.loss.name, f"n = {generator.n}, m = {world.y.size}, p = {world.size}"])


@dataclass
class Coverage:
    """In how many examples with something in force each loss, activation, training mode and kind of operator occurred."""

    losses: Counter[str] = field(default_factory=Counter)
    activations: Counter[str] = field(default_factory=Counter)
    trains: Counter[str] = field(default_factory=Counter)
    operators: Counter[str] = field(default_factory=Counter)
    generators: Counter[str] = field(default_factory=Counter)

    def add(self, world: World) -> None:
        """Count a world."""
        generator: Any = world.generator
        self.losses[world.loss.name] += 1
        self.generators[generator.kind] += 1
        self.operators[world.operator.kind] += 1
        if hasattr(generator, "activation"):
            self.activations[generator.activation.name] += 1
        if hasattr(generator, "train"):
            self.trains[generator.train] += 1

    def to_json(self) -> dict[str, dict[str, int]]:
        """A plain dictionary."""
        return {name: dict(sorted(counter.items())) for name, counter in self.__dict__.items() if counter}


@dataclass
class Tally:
    """All statements of a suite."""

    suite: str
    minimum: int = 3
    examples: int = 0
    lines: dict[str, Line] = field(default_factory=dict)
    coverage: Coverage = field(default_factory=Coverage)
    interrupted: bool = False
    note: str = ""

    def line(self, statement: str) -> Line:
        """The line of a statement, made when it is first asked for."""
        return self.lines.setdefault(statement, Line(statement))

    def add(self, summaries: Mapping[str, Summary], world: World) -> None:
        """Count one example."""
        self.examples += 1
        for statement, summary in summaries.items():
            self.line(statement).add(summary, world)
        if any(summary.in_force for summary in summaries.values()):
            self.coverage.add(world)

    def having(self, verdict: str) -> list[str]:
        """The statements with this verdict."""
        return [key for key, line in sorted(self.lines.items()) if line.verdict(self.minimum) == verdict]

    @property
    def verdict(self) -> str:
        """The worst of the statements; "undecided" too if the suite was interrupted before anything was in force."""
        for word in ("violated", "vacuous", "undecided"):
            if self.having(word):
                return word
        return "holds" if self.lines else "undecided"

    def cases(self) -> list[Path]:
        """Files of all violations."""
        return [Path(name) for line in self.lines.values() for name in line.cases]

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {
            "suite": self.suite,
            "verdict": self.verdict,
            "examples": self.examples,
            "minimum_in_force": self.minimum,
            "interrupted": self.interrupted,
            "note": self.note,
            "coverage": self.coverage.to_json(),
            "statements": [line.to_json(self.minimum) for _, line in sorted(self.lines.items())],
        }
