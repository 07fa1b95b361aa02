"""An audit as Markdown, for a repository or a message: what the page says, without its figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from verify.audit.evidence import EVIDENCE
from verify.audit.tables import amount, ancestry, closest, died, score_line, summary

__all__ = ["markdown"]

Data = Mapping[str, Any]


def markdown(data: Data) -> str:
    """The whole of it."""
    parts = [
        "# Audit of the proofs",
        summary(data) + ".",
        "Interrupted: this is what was found until then." if data["interrupted"] else "",
        "## Findings",
        _table(
            ("kind", "statement", "finding", "evidence"),
            ((row["kind"], f"`{row['statement']}`", row["text"], row["evidence"]) for row in data["findings"]),
        ),
        "## Statements, each after what it rests on",
        "\n".join(f"- {word}: {text}" for word, text in EVIDENCE.items()),
        _table(
            (
                "statement",
                "proof",
                "evidence",
                "in force",
                "times holds/attained/undecided/violated",
                "closest to failing",
            ),
            (_statement(row) for row in data["statements"]),
        ),
        "## Where bounds are loose",
        *(_waterfall(fall) for fall in data["waterfalls"] if fall["mean"] is not None),
        *_mutants(data),
        *_constants(data),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """A pipe table.

    >>> print(_table(("a",), [("x | y",)]))
    | a |
    | --- |
    | x \\| y |
    """
    names = list(head)
    lines = [names, ["---"] * len(names), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _statement(row: Data) -> tuple[str, ...]:
    counts = "/".join(str(row["counts"][name]) for name in ("holds", "attained", "undecided", "violated"))
    return (
        f"`{row['id']}`",
        row["proof"] or "",
        row["evidence"],
        f"{row['non_vacuous']} of {row['instances']}" if row["instances"] else "",
        counts if row["non_vacuous"] else "",
        "; ".join(filter(None, (closest(row), ancestry(row)))),
    )


def _waterfall(fall: Data) -> str:
    mean, loosest = fall["mean"], fall["loosest"]
    rows = [
        (part["label"], f"`{part['step']}`", amount(fall, mean["parts"][i]), f"{100 * float(mean['shares'][i]):.0f} %",
         amount(fall, loosest["parts"][i]))
        for i, part in enumerate(fall["parts"])
    ]  # fmt: skip
    rows.append(("all of it", "", amount(fall, mean["total"]), "", amount(fall, loosest["total"])))
    head = ("what is given away", "by", "on average", "share", f"loosest: {loosest['instance']}")
    return f"### `{fall['statement']}`: {fall['reads']}\n\n" + _table(head, rows)


def _mutants(data: Data) -> list[str]:
    if data["mutants"] is None:
        return []
    rows = (
        (f"`{row['name']}`", row["text"], row["truth"], row["verdict"], died(row)) for row in data["mutants"]["rows"]
    )
    table = _table(("mutant", "what is changed", "is", "hunted", "counterexample, or why it is true"), rows)
    return ["## Mutants", f"{score_line(data['mutants']['score'])}.", table]


def _constants(data: Data) -> list[str]:
    if not data["constants"]:
        return []
    names = ("statement", "text", "stated", "stronger", "refuted", "optimum", "relative_difference")
    rows = (tuple("" if row[name] is None else row[name] for name in names) for row in data["constants"])
    head = ("statement", "constant", "stated", "stronger", "first refuted at", "proved optimum", "off by")
    return ["## Critical constants", _table(head, rows)]
