"""A random experiment on a claim with a probability, saved with its seed: the same draws are made again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from theory.ledger import registry
from verify.case import SCHEMA, checked, claim_named, write
from verify.random_claims import run_experiment

__all__ = ["ExperimentCase"]


@dataclass(frozen=True, eq=False)
class ExperimentCase:
    """A statement, or its mutant, with the seed and the number of draws, and what was found."""

    statement: str
    seed: int
    draws: int
    mutant: str = ""
    note: str = ""
    found: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, statement: str, seed: int, draws: int, mutant: str = "") -> ExperimentCase:
        """The case with what is found now.  Raises KeyError, naming the nearest, for names that are not there."""
        case = cls(statement, seed, draws, mutant)
        found = case.replay()
        return replace(case, found=found, note=found.get("why", ""))

    def replay(self) -> dict[str, Any]:
        """Verdict; as sides the upper confidence limit and what is promised."""
        claim_named(self.statement, self.mutant)
        mutants = {one.name: one for one in registry[self.statement].mutants}
        try:
            outcome = run_experiment(
                self.statement, seed=self.seed, draws=self.draws, mutant=mutants[self.mutant] if self.mutant else None
            )
        except LookupError as error:
            raise ValueError(error.args[0]) from None
        return {
            "verdict": str(outcome.verdict), "lhs": outcome.upper, "rhs": outcome.promised,
            "slack": outcome.upper - outcome.promised, "why": outcome.text,
        }  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {
            "schema": SCHEMA, "sort": "experiment", "statement": self.statement, "mutant": self.mutant,
            "seed": self.seed, "draws": self.draws, "found": dict(self.found), "note": self.note,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Any) -> ExperimentCase:
        """The case of such a dictionary; ValueError, in the user's words, for what is off."""
        data = checked(data, ("statement", "seed", "draws", "found"))
        if not all(isinstance(data[name], int) and data[name] >= 0 for name in ("seed", "draws")):
            raise ValueError("seed and draws are whole numbers that are not negative")
        return cls(
            data["statement"], data["seed"], data["draws"], data.get("mutant", ""), data.get("note", ""), data["found"]
        )

    @property
    def name(self) -> str:
        """A file name: the claim and the seed."""
        return f"{self.statement}--{self.mutant or 'statement'}-experiment-{self.seed}.json"

    def save(self, directory: Path) -> Path:
        """Write it to the directory; the path."""
        return write(self.to_json(), self.name, directory)
