"""What a suite has found: per statement how often it was in force, the verdicts, and where it came nearest to failing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sympy as sp

from numerics.worlds import World
from theory.ledger import registry
from verify.claims import Finding, Summary
from verify.verdict import Verdict

__all__ = ["Coverage", "Line", "Tally"]


@dataclass
class Line:
    """One statement.

    examples: samples in which it was asked for; in_force: those in which it was in force at one stored time or more;
    counts: stored times by verdict; attained: undecided ones whose two sides agree to six digits or more;
    tightest: the finding with the least slack relative to its sides, and the world it was found in;
    cases: files of violations; drawn: whether the counts are of experiments, whose draws may decide nothing.
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
    drawn: bool = False

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
        if worst is not None and (self.tightest is None or self._closeness(worst) > self._closeness(self.tightest)):
            self.tightest, self.where = worst, describe(world)

    @property
    def equation(self) -> bool:
        """Whether the statement is an equation: then what counts is the gap of its sides relative to the error budget."""
        return isinstance(registry[self.statement].conclusion, sp.Eq)

    @property
    def slack(self) -> float:
        """Of the tightest finding: slack relative to the larger side; of an equation, gap relative to the budget; NaN: none."""
        if self.tightest is None:
            return math.nan
        close = self._closeness(self.tightest)
        return close if self.equation else 1.0 - close

    def _closeness(self, finding: Finding) -> float:
        if self.equation:
            return -finding.slack / finding.budget if finding.budget > 0 else -math.inf
        return finding.tightness if math.isfinite(finding.tightness) else -math.inf

    def verdict(self, minimum: int) -> str:
        """The word for what was found.

        violated; vacuous (in force in fewer than `minimum` examples); holds (decided somewhere); attained (never decided, but
        both sides agree somewhere); not refuted (experiments whose draws decide nothing); or undecided.
        """
        if self.counts[Verdict.VIOLATED] or self.cases:
            return "violated"
        if self.in_force < minimum:
            return "vacuous"
        if self.counts[Verdict.HOLDS]:
            return "holds"
        if self.attained:
            return "attained"
        return "not refuted" if self.drawn else "undecided"

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
            "slack": None if self.tightest is None else self.slack,
            "slack_is": "gap over error budget" if self.equation else "relative to the larger side",
            "where": self.where,
            "not_in_force": self.why,
            "cases": list(self.cases),
        }


def describe(world: World) -> str:
    """A world in a few words: condition and margin, activation, training mode, loss, sizes n → m, number of parameters.

    >>> from verify.making import two_layer
    >>> describe(two_layer())
    'sharp at 0.5, tanh both least_squares, 1 to 1, p = 8'
    """
    generator: Any = world.generator
    parts = [getattr(getattr(generator, "activation", None), "name", generator.kind), getattr(generator, "train", "")]
    label = world.label.removeprefix(f"{generator.kind}, ")
    what = " ".join([*filter(None, parts), world.loss.name])
    return ", ".join([*filter(None, [label]), what, f"{generator.n} to {world.y.size}", f"p = {world.size}"])


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
        words = ("holds", "attained", "not refuted")
        return next((word for word in words if self.having(word)), "undecided")

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
