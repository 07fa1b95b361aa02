"""Mutants that were hunted and constants that were turned, as rows for tables, pages and files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from verify.case import Case
    from verify.claims import Finding

__all__ = ["Hunted", "Turned", "hunted_rows", "score", "turn", "turned_row"]

_SWEEPS = {"dev": 40, "ci": 150, "deep": 400}  # of the pattern search for a critical constant
_NEAR = 1e-6  # relative: how well a proved optimum has to be met, and how far it must not be missed on the wrong side


class Hunted(Protocol):
    """What a hunt says of one mutant (:class:`verify.hunt.Hunted`)."""

    @property
    def mutant(self) -> str:
        """``statement/name``."""

    @property
    def text(self) -> str:
        """What is changed into what."""

    @property
    def truth(self) -> str:
        """ "false" or "true", as declared."""

    @property
    def verdict(self) -> str:
        """ "killed" or "survived"."""

    @property
    def why(self) -> str:
        """How its truth is known."""

    @property
    def tried(self) -> int:
        """On how many instances."""

    @property
    def non_vacuous(self) -> int:
        """On how many of them it was in force."""

    @property
    def case(self) -> Case | None:
        """The counterexample."""

    @property
    def finding(self) -> Finding | None:
        """What was found there."""

    @property
    def instance(self) -> str:
        """Its name."""


class Turned(Protocol):
    """What a search says of one constant (:class:`verify.critical.Critical`)."""

    @property
    def stronger(self) -> str:
        """ "up" or "down"."""

    def to_json(self) -> dict[str, Any]:
        """Among others stated, kept, refuted, stated_refuted, optimum, relative_difference, visited, in_force."""


def hunted_rows(found: Iterable[Hunted]) -> tuple[dict[str, Any], dict[str, Case]]:
    """Rows and score of a hunt, and its counterexamples by file name."""
    rows: list[dict[str, Any]] = []
    cases: dict[str, Case] = {}
    for one in found:
        if one.case is not None:
            cases[one.case.name] = one.case
        rows.append(
            {
                "name": one.mutant,
                "text": one.text,
                "truth": one.truth,
                "why": one.why,
                "verdict": one.verdict,
                "case": None if one.case is None else one.case.name,
                "finding": None if one.finding is None else one.finding.to_json(),
                "instance": one.instance,
                "instances": one.tried,
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


def turn(
    keys: Iterable[str], depth: str, seed: int, progress: Callable[[str, int, int], None] | None = None
) -> Iterator[dict[str, Any]]:
    """Rows of the critical values of every declared constant of `keys`; one whose search raises says why in `error`."""
    from theory.ledger import registry
    from verify.critical import critical

    pairs = [(key, constant) for key in keys for constant in registry[key].constants]
    for done, (key, constant) in enumerate(pairs):
        if progress is not None:
            progress(f"{key}: {constant.text}", done, len(pairs))
        try:
            found: Turned = critical(key, constant, seed=seed, sweeps=_SWEEPS.get(depth, 150))
        except (LookupError, ArithmeticError, ValueError) as error:
            yield {
                "statement": key, "constant": constant.name, "text": constant.text, "stated": str(float(constant.stated)),
                "stronger": constant.stronger, "kept": None, "refuted": None, "optimum": None, "relative_difference": None,
                "visited": 0, "in_force": 0, "better": False, "wrong": False,
                "error": " ".join(f"{type(error).__name__}: {error}".split()),
            }  # fmt: skip
        else:
            yield turned_row(found, constant.text)


def turned_row(found: Turned, text: str = "") -> dict[str, Any]:
    """The row of a constant.

    `better`: no point refutes it until more than a thousandth beyond the stated value.  `wrong`: the statement itself, or
    the optimum that is said to be proved, is refuted.
    """
    data = found.to_json()
    stated, refuted, optimum = float(data["stated"]), data["refuted"], data["optimum"]
    sign = 1 if found.stronger == "up" else -1
    beyond = None if refuted is None else sign * (float(refuted) - stated)
    missed = (
        refuted is not None
        and optimum is not None
        and sign * (float(optimum) - float(refuted)) > _NEAR * abs(float(optimum))
    )
    return {
        **data,
        "text": text,
        "better": beyond is not None and beyond > 1e-3 * abs(stated),
        "wrong": bool(data["stated_refuted"] or missed),
        "error": "",
    }
