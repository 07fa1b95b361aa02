"""A saved case run again: the same verdict or not, the sides then and now, and with which versions.

There are three sorts of cases: a run of a world (:class:`verify.case.Case`), an exact point of a family in closed form, and
a random experiment.  The file says which; each is read by its own module, imported when it is needed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from theory.claim import Claim
from verify.case import Case, checked, claim_named, versions

__all__ = ["SORTS", "Recorded", "Replayed", "replay"]

Outcome = Literal["reproduced", "differs", "undecided"]


@dataclass(frozen=True)
class Recorded:
    """What was found, then or now; numbers are text where a double does not hold them."""

    verdict: str
    lhs: Any = math.nan
    rhs: Any = math.nan
    slack: Any = math.nan
    budget: Any = math.nan
    why: str = ""


@dataclass(frozen=True)
class Replayed:
    """A case and what became of it."""

    sort: str
    claim: str
    note: str
    then: Recorded
    now: Recorded
    versions_then: Mapping[str, str]
    versions_now: Mapping[str, str]
    t: float = math.nan

    @property
    def outcome(self) -> Outcome:
        """The same verdict again; undecided now; or another one."""
        if self.now.verdict == self.then.verdict:
            return "reproduced"
        return "undecided" if self.now.verdict == "undecided" else "differs"

    @property
    def identical(self) -> bool:
        """Whether both sides are the same numbers, bit for bit."""
        pairs = ((self.then.lhs, self.now.lhs), (self.then.rhs, self.now.rhs))
        return all(a == b or (a != a and b != b) for a, b in pairs)

    @property
    def changed(self) -> dict[str, tuple[str, str]]:
        """Versions that are not the same: name → (then, now)."""
        names = sorted({*self.versions_then, *self.versions_now})
        pairs = {name: (self.versions_then.get(name, "not said"), self.versions_now.get(name, "")) for name in names}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {
            "sort": self.sort,
            "claim": self.claim,
            "note": self.note,
            "outcome": self.outcome,
            "identical": self.identical,
            "t": self.t,
            "then": dict(self.then.__dict__),
            "now": dict(self.now.__dict__),
            "versions": {"then": dict(self.versions_then), "now": dict(self.versions_now)},
        }


def _run(data: Mapping[str, Any], tighter: bool, own: Claim | None) -> Replayed:
    case = Case.from_json(data, own)
    _, found = case.replay(tighter=tighter)
    then, now = (
        Recorded(str(one.verdict), one.lhs, one.rhs, one.slack, one.budget, one.why) for one in (case.finding, found)
    )
    return Replayed("run", _named(data), case.note, then, now, case.made_with or {}, versions(), case.finding.t)


def _point(data: Mapping[str, Any], tighter: bool, own: Claim | None) -> Replayed:
    from verify.point_case import PointCase

    case = PointCase.from_json(data)
    return Replayed(
        "point", _named(data), case.note, _recorded(case.found), Recorded(**case.replay(tighter=tighter)),
        data.get("versions", {}), versions(),
    )  # fmt: skip


def _experiment(data: Mapping[str, Any], tighter: bool, own: Claim | None) -> Replayed:
    from verify.experiment_case import ExperimentCase

    case = ExperimentCase.from_json(data)
    return Replayed(
        "experiment", _named(data), case.note, _recorded(case.found), Recorded(**case.replay()),
        data.get("versions", {}), versions(),
    )  # fmt: skip


SORTS: Mapping[str, Callable[[Mapping[str, Any], bool, Claim | None], Replayed]] = {
    "run": _run,
    "point": _point,
    "experiment": _experiment,
}
"""Sort of a case → what runs it again."""


def _recorded(found: Any) -> Recorded:
    """What a file says was found; ValueError if that is something else."""
    if not isinstance(found, Mapping) or not isinstance(found.get("verdict"), str):
        raise ValueError("found of a case is an object with a verdict")
    names = [field.name for field in fields(Recorded)]
    stray = sorted(set(found) - set(names))
    odd = [name for name, value in found.items() if isinstance(value, bool) or not isinstance(value, int | float | str)]
    if stray or odd:
        raise ValueError(
            f"found of a case has {', '.join(names)}, all of them numbers or text; check {', '.join(stray + odd)}"
        )
    return Recorded(**found)


def _named(data: Mapping[str, Any]) -> str:
    name = f"{data['statement']}/{data['mutant']}" if data.get("mutant") else str(data["statement"])
    return f"{name} without {', '.join(data['drop'])}" if data.get("drop") else name


def replay(path: Path, *, tighter: bool = False, own: Callable[[str], Claim] | None = None) -> Replayed:
    """The case of a file, run again; with the smallest tolerance if `tighter`.

    `own` gives the claim of a statement of the user's own by its identifier.  Raises ValueError, in the user's words, for
    a file that is no case, and for one that names what is not there.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ValueError(f"{path} cannot be read as a case: {why}; give a file that dipcert has written") from None
    try:
        data = checked(data, ("statement",))
        sort = data.get("sort", "run")
        if sort not in SORTS:
            raise ValueError(f"unknown sort of case {sort!r}; there are {', '.join(SORTS)}")
        theirs = bool(data.get("theorem"))
        if not theirs:
            claim_named(data["statement"], data.get("mutant", ""), tuple(data.get("drop", ())))
        claim = own(data["statement"]) if theirs and own is not None else None
        return SORTS[sort](data, tighter, claim)
    except (ValueError, LookupError) as error:
        raise ValueError(f"{path}: {error.args[0] if error.args else error}") from None
    except (TypeError, AttributeError, ArithmeticError) as error:
        raise ValueError(
            f"{path}: an entry of the case is not what it should be ({type(error).__name__}: {error})"
        ) from None
