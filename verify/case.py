"""A case: one claim, one world, one run, and what was found, in a small JSON file that can be run again exactly.

The claim is that of a registered statement, of one of its mutants, of it without some hypotheses, or of a statement of the
user's own, which the file only names: the Python file that declares it has to be there to run the case again.
"""

from __future__ import annotations

import hashlib
import json
import math
import platform
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.metadata import PackageNotFoundError, version
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

__all__ = ["SCHEMA", "Case", "checked", "claim_named", "sealed", "versions", "write"]

SCHEMA = "dipcert-case/1"
_PACKAGES = ("dipcert", "numpy", "scipy", "sympy", "mpmath")


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


# ----------------------------------------------------------------------------------------------------- any file
@cache
def versions() -> Mapping[str, str]:
    """What a number may depend on: Python, and the packages that compute."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _digest(data: Mapping[str, Any]) -> str:
    content = {key: value for key, value in data.items() if key != "digest"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def sealed(data: dict[str, Any]) -> dict[str, Any]:
    """The dictionary with the versions, and a digest of all of it."""
    whole = {**data, "versions": dict(versions())}
    return {**whole, "digest": _digest(whole)}


def checked(data: Any, needed: tuple[str, ...]) -> Mapping[str, Any]:
    """`data`, if it is a case with these entries that has not been changed since it was written; else ValueError.

    A file without a digest is taken as it is: it was written, or changed, by hand and says so.
    """
    if not isinstance(data, Mapping) or data.get("schema") != SCHEMA:
        found = data.get("schema") if isinstance(data, Mapping) else type(data).__name__
        raise ValueError(f"this is no case: its schema is {found!r}, {SCHEMA!r} is needed")
    missing = [name for name in needed if name not in data]
    if missing:
        raise ValueError(f"a case needs {', '.join(missing)}")
    if "digest" in data and data["digest"] != _digest(data):
        raise ValueError(
            "its contents do not match its digest: something was changed after it was written; make it again, or remove the "
            "entry 'digest' to replay it as it is now"
        )
    for name in ("statement", "mutant", "note", "theorem", "sort"):
        if not isinstance(data.get(name, ""), str):
            raise ValueError(f"{name} of a case is text, not {type(data[name]).__name__}")
    drop, made_with = data.get("drop", []), data.get("versions", {})
    if not isinstance(drop, list | tuple) or not all(isinstance(one, str) for one in drop):
        raise ValueError(f"drop of a case: a list of identifiers is needed, not {reprlib.repr(drop)}")
    if not isinstance(made_with, Mapping) or not all(isinstance(one, str) for one in made_with.values()):
        raise ValueError("versions of a case: an object that gives each package its version as text is needed")
    return data


def write(data: dict[str, Any], name: str, directory: Path) -> Path:
    """A file of this name in the directory, which is made if it is missing; the path."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    path.write_text(json.dumps(sealed(data), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


# ------------------------------------------------------------------------------------------------ a run of a world
@dataclass(frozen=True, eq=False)
class Case:
    """A claim (`statement`, and `mutant` or `drop`) at one stored time of one run, with the finding there.

    `theorem` names the file and the object that declare a statement of the user's own, ``file.py:name``; `own` is its claim.
    """

    statement: str
    world: World
    engine: Engine
    finding: Finding
    mutant: str = ""
    drop: tuple[str, ...] = ()
    note: str = ""
    theorem: str = ""
    own: Claim | None = None
    made_with: Mapping[str, str] | None = None

    @property
    def claim(self) -> Claim:
        """The claim; ValueError if it is the user's own and its file was not given."""
        if self.own is not None:
            return self.own
        if self.theorem:
            raise ValueError(
                f"this case is about a statement of your own, {self.theorem}; give its file with --theorem FILE"
            )
        return claim_named(self.statement, self.mutant, self.drop)

    def replay(self, *, tighter: bool = False) -> tuple[Scene, Finding]:
        """Run it again: the scene, and what is found at the stored time of the finding (of that very time if `tighter`)."""
        claim = self.claim
        scene = simulate(self.world, (self.engine.tighter or self.engine) if tighter else self.engine)
        why = hypotheses_met(claim, scene)
        i, points, stored = self.finding.i, points_of(self.statement, scene), len(scene.record)
        if tighter and math.isfinite(self.finding.t) and stored:
            # of the same way to choose what the statement leaves open, the stored time next to that of the finding
            way = min(i // stored, len(points) // stored - 1)
            i = way * stored + int(abs(scene.record.t - self.finding.t).argmin())
        if i >= len(points):
            why = f"the run has only {stored} stored times now"
        if not why:
            point = points[i]
            why = in_force(claim, point)
        if why:
            return scene, Finding(claim.name, Verdict.HYPOTHESIS_NOT_MET, i, why=why)
        return scene, check_point(claim, point)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        data = {
            "schema": SCHEMA,
            "sort": "run",
            "statement": self.statement,
            "mutant": self.mutant,
            "drop": list(self.drop),
            "world": self.world.to_json(),
            "engine": self.engine.to_json(),
            "finding": _written(self.finding),
            "note": self.note,
        }
        return {**data, "theorem": self.theorem} if self.theorem else data

    @classmethod
    def from_json(cls, data: Any, own: Claim | None = None) -> Case:
        """The case of such a dictionary, and the claim if it is the user's own; ValueError, in the user's words, for what is off.

        A name that the registry does not know is found when the claim is asked for.
        """
        data = checked(data, ("statement", "world", "engine", "finding"))
        if data.get("sort", "run") != "run":
            raise ValueError(f"this is a case of the sort {data['sort']!r}, not a run of a world")
        try:
            return cls(
                data["statement"],
                World.from_json(data["world"]),
                Engine.from_json(data["engine"]),
                _read(data["finding"]),
                data.get("mutant", ""),
                tuple(data.get("drop", ())),
                data.get("note", ""),
                data.get("theorem", ""),
                own,
                data.get("versions"),
            )
        except (LookupError, TypeError, AttributeError, ArithmeticError) as error:
            raise ValueError(
                f"an entry of the case is not what it should be ({type(error).__name__}: {error})"
            ) from None

    @property
    def name(self) -> str:
        """A file name: the claim and a hash of the world and the run."""
        text = json.dumps([self.world.to_json(), self.engine.to_json()], sort_keys=True)
        change = self.mutant or (f"without-{'-'.join(self.drop)}" if self.drop else "")
        what = f"{self.statement}/{change}" if change else self.statement
        return f"{what.replace('/', '--')}-{hashlib.sha256(text.encode()).hexdigest()[:8]}.json"

    def save(self, directory: Path) -> Path:
        """Write it to the directory, which is made if it is missing; the path."""
        return write(self.to_json(), self.name, directory)

    @classmethod
    def load(cls, path: Path) -> Case:
        """Read a file; ValueError, with its name, if it is none."""
        try:
            return cls.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{path} is no JSON file: {error}") from None


def _written(finding: Finding) -> dict[str, Any]:
    """Numbers that JSON does not have are written as text."""
    return {
        name: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in finding.to_json().items()
    }


def _read(data: Any) -> Finding:
    if not isinstance(data, Mapping):
        raise ValueError(f"the finding of a case is an object with a verdict, not {type(data).__name__}")
    names = {field.name: field.type for field in fields(Finding)}
    stray = sorted(set(data) - set(names))
    if stray or "verdict" not in data:
        raise ValueError(f"a finding has a verdict and {', '.join(names)}; check {', '.join(stray) or 'verdict'}")
    i = data.get("i", 0)
    if type(i) is not int or i < 0:
        raise ValueError(f"i of a finding is a whole number that is not negative, not {reprlib.repr(i)}")
    for name in ("claim", "verdict", "why"):
        if not isinstance(data.get(name, ""), str):
            raise ValueError(f"{name} of a finding is text, not {type(data[name]).__name__}")
    given: dict[str, Any] = {
        name: _float(value, name) if names[name] == "float" else value for name, value in data.items()
    }
    given["verdict"] = Verdict(given["verdict"])
    return Finding(**given)


def _float(value: Any, name: str) -> float:
    """A number of the file; those that JSON does not have are text."""
    try:
        if isinstance(value, int | float | str) and not isinstance(value, bool):
            return float(value)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"{name} of a finding is a number, or inf or nan as text, not {reprlib.repr(value)}")
