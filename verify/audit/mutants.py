"""Mutants that were hunted and constants that were turned, as rows for tables, pages and files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from verify.case import Case
from verify.claims import Finding

__all__ = ["Hunted", "Turned", "hunted_rows", "score", "turned_row"]


class Hunted(Protocol):
    """What a hunt says of one mutant."""

    @property
    def name(self) -> str:
        """``statement/mutant``."""

    @property
    def text(self) -> str:
        """What is changed into what."""

    @property
    def truth(self) -> str:
        """ "false" or "true": what the statement declares it to be."""

    @property
    def why(self) -> str:
        """How that is known."""

    @property
    def verdict(self) -> str:
        """ "killed" or "survived"."""

    @property
    def case(self) -> Case | None:
        """The counterexample."""

    @property
    def finding(self) -> Finding | None:
        """What was found there."""

    @property
    def instances(self) -> int:
        """How many were tried."""

    @property
    def non_vacuous(self) -> int:
        """On how many the mutant was in force."""


class Turned(Protocol):
    """What a search says of one constant (:class:`verify.critical.Critical`)."""

    statement: str
    constant: str
    stronger: str

    def to_json(self) -> dict[str, Any]:
        """Among others stated, kept, refuted, optimum, relative_difference, visited, in_force, as texts and numbers."""


def hunted_rows(found: Iterable[Hunted]) -> tuple[dict[str, Any], dict[str, Case]]:
    """Rows and score of a hunt, and its counterexamples by file name."""
    rows: list[dict[str, Any]] = []
    cases: dict[str, Case] = {}
    for one in found:
        if one.case is not None:
            cases[one.case.name] = one.case
        rows.append(
            {
                "name": one.name,
                "text": one.text,
                "truth": one.truth,
                "why": one.why,
                "verdict": one.verdict,
                "case": None if one.case is None else one.case.name,
                "finding": None if one.finding is None else one.finding.to_json(),
                "instance": None if one.case is None else one.case.note or one.case.world.label,
                "instances": one.instances,
                "non_vacuous": one.non_vacuous,
            }
        )
    return {"rows": rows, "score": score(rows)}, cases


def score(rows: Iterable[dict[str, Any]]) -> dict[str, int]:
    """How many false mutants there are and were killed, how many true ones there are and survived.

    >>> score([{"truth": "false", "verdict": "killed"}, {"truth": "false", "verdict": "survived"}])
    {'false': 2, 'killed': 1, 'true': 0, 'survived': 0}
    """
    counted = {"false": 0, "killed": 0, "true": 0, "survived": 0}
    for row in rows:
        counted[row["truth"]] += 1
        counted["killed"] += row["truth"] == "false" and row["verdict"] == "killed"
        counted["survived"] += row["truth"] == "true" and row["verdict"] == "survived"
    return counted


def turned_row(found: Turned, text: str = "") -> dict[str, Any]:
    """The row of a constant; `better`: no point refutes it until well beyond the stated value."""
    data = found.to_json()
    stated, refuted = float(data["stated"]), data["refuted"]
    better = refuted is not None and abs(float(refuted) - stated) > 1e-3 * abs(stated) and not data["stated_refuted"]
    return {**data, "text": text, "better": better}
