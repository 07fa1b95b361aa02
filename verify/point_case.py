"""A claim at an exact point of a family in closed form, saved with the digits of both sides."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import mpmath

from numerics.exact import ExactPoint, exact_sides, from_json
from verify.case import SCHEMA, checked, claim_named, write
from verify.critical import refuted

__all__ = ["PointCase"]

_DIGITS = 30


@dataclass(frozen=True, eq=False)
class PointCase:
    """A statement, or its mutant, at a point, and what was found there: see :func:`PointCase.of`.

    >>> from numerics.exact import Extremal
    >>> case = PointCase.of("sharp.length", Extremal(h="1/3").at(5))
    >>> case.found["verdict"], case.replay() == case.found
    ('holds', True)
    """

    statement: str
    point: ExactPoint
    mutant: str = ""
    drop: tuple[str, ...] = ()
    note: str = ""
    found: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, statement: str, point: ExactPoint, mutant: str = "", drop: tuple[str, ...] = (), note: str = ""
    ) -> PointCase:
        """The case with what is found now.  Raises KeyError or ValueError for names that are not there."""
        case = cls(statement, point, mutant, drop, note)
        return replace(case, found=case.replay())

    def replay(self, *, tighter: bool = False) -> dict[str, Any]:
        """Verdict and sides; with twice the digits if `tighter`."""
        claim = claim_named(self.statement, self.mutant, self.drop)
        point = self.point.member.at(self.point.time, 2 * self.point.dps) if tighter else self.point
        try:
            lhs, rhs = exact_sides(claim.conclusion, point)
        except (LookupError, ValueError) as error:
            return {"verdict": "hypothesis_not_met", "why": str(error)}
        text = {"lhs": mpmath.nstr(lhs, _DIGITS), "rhs": mpmath.nstr(rhs, _DIGITS)}
        return {"verdict": "violated" if refuted(claim, point) else "holds", **text}

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {
            "schema": SCHEMA, "sort": "point", "statement": self.statement, "mutant": self.mutant, "drop": list(self.drop),
            "point": self.point.to_json(), "found": dict(self.found), "note": self.note,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Any) -> PointCase:
        """The case of such a dictionary; ValueError, in the user's words, for what is off."""
        data = checked(data, ("statement", "point", "found"))
        try:
            point = from_json(data["point"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"the point of the case is not what it should be: {error}") from None
        drop = tuple(data.get("drop", ()))
        return cls(data["statement"], point, data.get("mutant", ""), drop, data.get("note", ""), data["found"])

    @property
    def name(self) -> str:
        """A file name: the claim and a hash of the point."""
        text = json.dumps(self.point.to_json(), sort_keys=True)
        what = f"{self.statement}--{self.mutant or '-'.join(self.drop) or 'statement'}"
        return f"{what}-point-{hashlib.sha256(text.encode()).hexdigest()[:8]}.json"

    def save(self, directory: Path) -> Path:
        """Write it to the directory; the path."""
        return write(self.to_json(), self.name, directory)
