"""What a reader of an audit has to know: failures, checks that could not fail, constants that could be better.

Most findings are collected from what was measured.  Those of ``findings.toml`` are written by hand: each names its
evidence, a saved case (replayed), a registered statement or one of its mutants, and a test goes through all of it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from verify.case import Case
from verify.verdict import Verdict

if TYPE_CHECKING:
    from verify.audit.run import Audit

__all__ = ["HERE", "Found", "found_in", "written"]

HERE: Final = Path(__file__).parent
"""Directory of ``findings.toml`` and of its cases."""

Kind = Literal["violated", "step fails", "mutant", "constant", "error", "needed", "improvable", "vacuous"]

_FAILS: Final = ("violated", "step fails", "mutant")


@dataclass(frozen=True)
class Found:
    """One finding: about which statement, of which kind, what was seen, and where to see it again.

    `case` is the name of a case file, `evidence` says in words what carries the finding.
    """

    kind: Kind
    statement: str
    text: str
    evidence: str
    case: str = ""

    @property
    def fails(self) -> bool:
        """Whether something that is claimed is not so."""
        return self.kind in _FAILS

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return asdict(self) | {"fails": self.fails}


def found_in(audit: Audit) -> list[Found]:
    """All findings of an audit, failures first."""
    found = [*_violated(audit), *_steps(audit), *_mutants(audit), *_constants(audit), *_errors(audit)]
    return [*found, *(one for one in written() if one.statement in audit.evidence), *_vacuous(audit)]


def _violated(audit: Audit) -> Iterator[Found]:
    for key, evidence in audit.evidence.items():
        if evidence.drawn is not None and evidence.drawn.verdict is Verdict.VIOLATED:
            yield Found(
                "violated", key, evidence.drawn.text, f"{evidence.drawn.draws} draws, seed {evidence.drawn.seed}"
            )
        if evidence.condition or not evidence.violations:
            continue
        instance, finding, confirmed = evidence.violations[0]
        said = {True: "confirmed by a tighter run", False: "NOT confirmed by a tighter run", None: "no tighter run"}
        yield Found(
            "violated",
            key,
            f"fails on {evidence.violated} of {evidence.non_vacuous} instances on which it is in force; worst on "
            f"{instance.name} at t = {finding.t:.4g}: {finding.lhs:.6g} against {finding.rhs:.6g}, error budget "
            f"{finding.budget:.1e}",
            said[confirmed],
            evidence.case(instance, finding).name,
        )


def _steps(audit: Audit) -> Iterator[Found]:
    for found in audit.looseness.values():
        for failure in sorted(found.failures, key=lambda one: one.value - one.least)[:1]:
            yield Found(
                "step fails",
                found.waterfall.statement,
                f"along its proof, {failure.label}: {failure.value:.6g} where at least {failure.least:g} is needed, on "
                f"{failure.instance} at t = {failure.t:.4g} (error {failure.error:.1e})",
                f"waterfall {found.waterfall.statement}, step {failure.step}, {len(found.failures)} times",
            )


def _mutants(audit: Audit) -> Iterator[Found]:
    for row in (audit.mutants or {}).get("rows", ()):
        statement = row["name"].partition("/")[0]
        if row["truth"] == "false" and row["verdict"] != "killed":
            yield Found("mutant", statement, f"the false mutant {row['name']} survived: {row['text']}", _tried(row))
        if row["truth"] == "true" and row["verdict"] == "killed":
            text = f"the mutant {row['name']} is declared true ({row['why']}) and was refuted: {row['text']}"
            yield Found("mutant", statement, text, _tried(row), row["case"] or "")
        if row["truth"] == "true" and row["verdict"] != "killed":
            text = f"more is true than it says: {row['text']}"
            yield Found("improvable", statement, text, f"{row['why']}; survived, {_tried(row)}")


def _tried(row: dict[str, Any]) -> str:
    return f"{row['instances']} instances, {row['non_vacuous']} of them in force"


def _constants(audit: Audit) -> Iterator[Found]:
    for row in audit.constants:
        what, visited = row["text"] or row["constant"], f"{row['visited']} exact points searched"
        if row["wrong"]:
            text = f"{what}: refuted at {row['refuted']}, before the stated {row['stated']}" + (
                f" or the optimum {row['optimum']}" if row["optimum"] else ""
            )
            yield Found("mutant", row["statement"], text, visited)
        elif row["better"]:
            text = f"{what}: stated {row['stated']}, no point refutes it before {row['refuted']}"
            optimum = f"; the proved optimum is {row['optimum']}" if row["optimum"] else ""
            yield Found("constant", row["statement"], text, visited + optimum)


def _errors(audit: Audit) -> Iterator[Found]:
    for row in audit.constants:
        if row["error"]:
            yield Found("error", row["statement"], f"{row['text']}: could not be turned: {row['error']}", "")
    for key, evidence in audit.evidence.items():
        if evidence.errors:
            name, error = evidence.errors[0]
            yield Found("error", key, f"could not be checked on {name}: {error}", f"{len(evidence.errors)} instances")


def _vacuous(audit: Audit) -> Iterator[Found]:
    for key, evidence in audit.evidence.items():
        if evidence.word == "vacuous":
            yield Found("vacuous", key, f"in force on none of {evidence.instances} instances", evidence.why)


# --- written by hand ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Written:
    kind: Kind
    statement: str
    text: str
    case: str = ""
    rests_on: str = ""


@cache
def _entries() -> tuple[_Written, ...]:
    data = tomllib.loads((HERE / "findings.toml").read_text(encoding="utf-8"))
    return tuple(_Written(**entry) for entry in data["finding"])


def written() -> tuple[Found, ...]:
    """The findings of ``findings.toml``; each has a `case` (a file in ``cases/``) or `rests_on` (a statement)."""
    return tuple(
        Found(
            one.kind, one.statement, one.text, f"case {one.case}" if one.case else f"proved: {one.rests_on}", one.case
        )
        for one in _entries()
    )


def case_of(found: Found) -> Case:
    """The case of a written finding."""
    return Case.load(HERE / "cases" / found.case)


def replayed(found: Found) -> tuple[Case, Verdict]:
    """A written finding's case, run again, and what is found now."""
    case = case_of(found)
    return case, case.replay()[1].verdict
