"""What an audit has seen of one statement: on how many instances, with which verdicts, how close it came to failing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import sympy as sp

from numerics.chosen import CHOSEN
from numerics.measured import MEASURED
from theory.claim import Claim, claim_of
from verify.audit.order import BACKGROUND
from verify.case import Case
from verify.claims import Finding, Summary
from verify.verdict import Verdict

if TYPE_CHECKING:
    from theory.statement import Hypothesis, Statement
    from verify.pool import Instance
    from verify.random_claims import RandomOutcome

    Item = Hypothesis | Statement

__all__ = ["EVIDENCE", "Evidence", "Word", "auditable"]

Word = Literal["violated", "vacuous", "not measured", "undecided", "not refuted", "holds", "asked", "nothing"]

EVIDENCE: Final[Mapping[Word, str]] = {
    "violated": "fails on an instance, beyond the error budget",
    "vacuous": "could be measured, but no instance of the pool puts it in force: nothing was tested",
    "not measured": "no instance measures what it speaks of",
    "undecided": "in force, but every slack is within its error budget",
    "not refuted": "a claim with a probability: draws neither refute nor confirm it (at a confidence of 1 - 1e-6)",
    "holds": "in force on instances, and holds there beyond the error budget or with equality to six digits",
    "asked": "a condition: instances satisfy it or not",
    "nothing": "an assumption, a definition or a published fact: nothing to measure",
}
"""Evidence of an item by itself → its meaning."""

_KEPT = 5  # violations kept with their worlds, for each statement


def auditable(key: str, registry: Mapping[str, Item]) -> tuple[Claim | None, str]:
    """The claim of a statement that can be held against a run, or None and why not."""
    item = registry[key]
    if item.kind in BACKGROUND:
        return None, "nothing to measure"
    if item.conclusion is None:
        return None, "it has no conclusion with two sides"
    claim = claim_of(key, registry)
    relations = [claim.conclusion] if claim.when is None else [claim.conclusion, claim.when]
    unknown = sorted({s.name for relation in relations for s in relation.free_symbols} - set(MEASURED))
    if unknown and key not in CHOSEN:  # what a statement lets its reader choose is chosen for the run
        return None, f"nothing along a run measures {', '.join(unknown)}"
    return claim, ""


@dataclass
class Evidence:
    """What was seen of one statement so far.

    `instances`: on how many it was tried; `non_vacuous`: on how many of them it was in force at some stored time;
    `counts`: verdicts over stored times ("attained" apart from "undecided"); `tightest`: the finding nearest to failure
    among those that are decided or attained, with its instance; `violations`: the worst finding of each instance on which
    it fails; `reasons`: why it was not in force, how often; `errors`: instances on which checking raised; `drawn`: what
    random draws say of its part with a probability (:mod:`verify.random_claims`).
    """

    id: str
    claim: Claim | None
    unmeasured: str = ""
    condition: bool = False
    instances: int = 0
    non_vacuous: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    tightest: Finding | None = None
    where: Instance | None = None
    violated: int = 0
    violations: list[tuple[Instance, Finding, bool | None]] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    errors: list[tuple[str, str]] = field(default_factory=list)
    drawn: RandomOutcome | None = None

    @property
    def equation(self) -> bool:
        """Whether the conclusion is an equation: its slack is then minus the distance of the sides."""
        return self.claim is not None and isinstance(self.claim.conclusion, sp.Eq)

    @property
    def word(self) -> Word:
        """The evidence in one word: the weaker of what runs and what draws say, if both say something."""
        of_runs, of_draws = self._of_runs, self._of_draws
        if of_draws is None or of_runs == "violated":
            return of_runs
        silent = of_runs in ("vacuous", "not measured", "nothing", "asked")
        return of_draws if silent or of_draws != "holds" else of_runs

    @property
    def _of_runs(self) -> Word:
        if self.claim is None:
            return "nothing" if self.unmeasured == "nothing to measure" else "not measured"
        if self.condition:
            return "asked"
        if self.counts["violated"]:
            return "violated"
        if self.counts["holds"] or self.counts["attained"]:
            return "holds"
        if self.counts["undecided"]:
            return "undecided"
        return "vacuous" if self.instances else "not measured"

    @property
    def _of_draws(self) -> Word | None:
        words: dict[Verdict, Word] = {
            Verdict.VIOLATED: "violated",
            Verdict.HOLDS: "holds",
            Verdict.UNDECIDED: "not refuted",
            Verdict.HYPOTHESIS_NOT_MET: "vacuous",
        }
        return None if self.drawn is None else words[self.drawn.verdict]

    @property
    def why(self) -> str:
        """What is behind "not measured", "vacuous" and "undecided", or what the draws were, in words."""
        if self.drawn is not None:
            return self.drawn.text
        if self.word == "not measured":
            return self.unmeasured or "no instance was run"
        if self.word == "vacuous":
            return "; ".join(f"{reason} ({times} x)" for reason, times in self.reasons.most_common(2))
        return EVIDENCE["undecided"] if self.word == "undecided" else ""

    def add(self, instance: Instance, summary: Summary, confirmed: bool | None = None) -> None:
        """Count a claim over a run; `confirmed`: whether a violation is still there in a tighter run (None: not asked)."""
        self.instances += 1
        for verdict, times in summary.counts.items():
            self.counts[str(verdict)] += times
        self.counts["undecided"] -= summary.attained
        self.counts["attained"] += summary.attained
        if not summary.in_force:
            self.reasons[summary.why or "not in force"] += 1
            return
        self.non_vacuous += 1
        worst = summary.worst
        if worst is None:
            return
        if worst.verdict is Verdict.VIOLATED:
            self.violated += 1
            self.violations.append((instance, worst, confirmed))
            self.violations.sort(key=lambda entry: -entry[1].tightness)
            del self.violations[_KEPT:]
        if self.tightest is None or closeness(worst) > closeness(self.tightest):
            self.tightest, self.where = worst, instance

    def case(self, instance: Instance, finding: Finding) -> Case:
        """The case that shows a finding again."""
        return Case(self.id, instance.world, instance.engine, finding, note=instance.name)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary; worlds are in the cases that it names."""
        return {
            "evidence": self.word,
            "evidence_why": self.why,
            "equation": self.equation,
            "instances": self.instances,
            "non_vacuous": self.non_vacuous,
            "counts": {name: self.counts[name] for name in ("holds", "attained", "undecided", "violated")},
            "tightest": None if self.tightest is None or self.where is None else self._found(self.where, self.tightest),
            "draws": None if self.drawn is None else self.drawn.to_json(),
            "violated_instances": self.violated,
            "violations": [
                self._found(where, finding) | {"confirmed": confirmed} for where, finding, confirmed in self.violations
            ],
            "errors": [{"instance": name, "error": error} for name, error in self.errors],
        }

    def _found(self, instance: Instance, finding: Finding) -> dict[str, Any]:
        return {
            "instance": instance.name,
            "family": instance.family,
            "case": self.case(instance, finding).name,
            "tightness": finding.tightness,
            **finding.to_json(),
        }


def closeness(finding: Finding) -> tuple[bool, bool, float]:
    """The order of findings by how near to failure they are: violated first, then decided or attained, then tightness."""
    tightness = finding.tightness
    sure = finding.verdict is not Verdict.UNDECIDED or finding.attained
    return finding.verdict is Verdict.VIOLATED, sure, tightness if math.isfinite(tightness) else -math.inf
