"""A case: one claim, one world, one run, and what was found, in a small JSON file that can be run again exactly."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numerics.chosen import points_of
from numerics.scene import Scene
from numerics.worlds import World
from theory.claim import Claim, claim_of
from theory.ledger import registry
from theory.mutant import Mutant
from verify.claims import Finding, check_point, hypotheses_met, in_force
from verify.engine import Engine, simulate
from verify.verdict import Verdict

__all__ = ["SCHEMA", "Case", "claim_named"]

SCHEMA = "dipcert-case/1"


def claim_named(statement: str, mutant: str = "", drop: tuple[str, ...] = ()) -> Claim:
    """The claim of a statement, of one of its declared mutants, or of it without some hypotheses.

    Raises KeyError, naming the nearest, for unknown statements and mutants; ValueError for hypotheses that it has not.
    """
    item = registry[statement]
    if mutant:
        found = {one.name: one for one in item.mutants}
        if mutant not in found:
            raise KeyError(f"{statement} has no mutant {mutant!r}; it has {', '.join(found) or 'none'}")
        return claim_of(statement, registry, found[mutant])
    if drop:
        return claim_of(statement, registry, Mutant("dropped", f"without {', '.join(drop)}", drop=drop))
    return claim_of(statement, registry)


@dataclass(frozen=True, eq=False)
class Case:
    """A claim (`statement`, and `mutant` or `drop`) at one stored time of one run, with the finding there."""

    statement: str
    world: World
    engine: Engine
    finding: Finding
    mutant: str = ""
    drop: tuple[str, ...] = ()
    note: str = ""

    @property
    def claim(self) -> Claim:
        """The claim."""
        return claim_named(self.statement, self.mutant, self.drop)

    def replay(self) -> tuple[Scene, Finding]:
        """Run it again: the scene, and what is found at the stored time of the finding."""
        scene = simulate(self.world, self.engine)
        claim = self.claim
        why = hypotheses_met(claim, scene)
        if self.finding.i >= len(scene.record):
            why = f"the run has only {len(scene.record)} stored times now"
        if not why:
            point = points_of(self.statement, scene)[self.finding.i]
            why = in_force(claim, point)
        if why:
            return scene, Finding(claim.name, Verdict.HYPOTHESIS_NOT_MET, self.finding.i, why=why)
        return scene, check_point(claim, point)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {
            "schema": SCHEMA,
            "statement": self.statement,
            "mutant": self.mutant,
            "drop": list(self.drop),
            "world": self.world.to_json(),
            "engine": self.engine.to_json(),
            "finding": self.finding.to_json(),
            "note": self.note,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Case:
        """The case of such a dictionary; ValueError, in the user's words, for what is off."""
        if not isinstance(data, Mapping) or data.get("schema") != SCHEMA:
            found = data.get("schema") if isinstance(data, Mapping) else type(data).__name__
            raise ValueError(f"this is no case: its schema is {found!r}, {SCHEMA!r} is needed")
        missing = [name for name in ("statement", "world", "engine", "finding") if name not in data]
        if missing:
            raise ValueError(f"a case needs {', '.join(missing)}")
        finding = dict(data["finding"])
        finding["verdict"] = Verdict(finding["verdict"])
        return cls(
            data["statement"],
            World.from_json(data["world"]),
            Engine.from_json(data["engine"]),
            Finding(**finding),
            data.get("mutant", ""),
            tuple(data.get("drop", ())),
            data.get("note", ""),
        )

    @property
    def name(self) -> str:
        """A file name: the claim and a hash of the world and the run."""
        text = json.dumps([self.world.to_json(), self.engine.to_json()], sort_keys=True)
        change = self.mutant or (f"without-{'-'.join(self.drop)}" if self.drop else "")
        what = f"{self.statement}/{change}" if change else self.statement
        return f"{what.replace('/', '--')}-{hashlib.sha256(text.encode()).hexdigest()[:8]}.json"

    def save(self, directory: Path) -> Path:
        """Write it to the directory, which is made if it is missing; the path."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / self.name
        path.write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")
        return path

    @classmethod
    def load(cls, path: Path) -> Case:
        """Read a file; ValueError, with its name, if it is none."""
        try:
            return cls.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{path} is no JSON file: {error}") from None
