"""What the suites have found, as a table to read and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from verify.properties.tally import Line, Tally

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["overall", "show", "to_json"]

COLUMNS = (
    ("statement", "left"), ("verdict", "left"), ("in force", "right"), ("holds/undecided/attained", "right"),
    ("least slack", "right"), ("where", "left"),
)  # fmt: skip
"""In force: in so many of the examples; the three counts are of stored times."""

LEGEND = """\
Holds: at some stored time the slack exceeds the error budget, and at none is the claim violated.  Undecided times (both sides
nearer to each other than the budget: late, at rest) are counted beside it; what is undecided at every time was looked at a
second time, more accurately.  Attained: undecided with both sides equal to six digits or more.
Least slack: relative to the larger side, 0 where the two agree, over all times; one within its error budget has the budget,
relative too, beside it (±).  Of an equation: the gap of its sides relative to the error budget.
"""

# "attained" and "not refuted" say less than "holds" and are no failure
_STYLE = {
    "holds": "green", "attained": "green", "not refuted": "green", "violated": "bold red", "vacuous": "yellow",
    "undecided": "yellow",
}  # fmt: skip


def overall(tallies: Iterable[Tally]) -> str:
    """violated if one is, else the first of vacuous and undecided that occurs, else holds."""
    words = [tally.verdict for tally in tallies]
    return next(
        (word for word in ("violated", "vacuous", "undecided") if word in words), "holds" if words else "undecided"
    )


def to_json(tallies: list[Tally], unmeasured: Mapping[str, str], **settings: Any) -> dict[str, Any]:
    """A plain dictionary."""
    return {
        "verdict": overall(tallies),
        **settings,
        "suites": [tally.to_json() for tally in tallies],
        "unmeasured": dict(unmeasured),
        "cases": [str(path) for tally in tallies for path in tally.cases()],
    }


def show(tallies: list[Tally], unmeasured: Mapping[str, str], console: Console) -> None:
    """The table of statements, suite by suite, what was covered, and what could not be checked."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in COLUMNS:
        table.add_column(name, justify=justify, no_wrap=name != "where")  # type: ignore[arg-type]
    for tally in tallies:
        table.add_row(f"[bold]{tally.suite}[/]", _word(tally.verdict), str(tally.examples))
        for key, line in sorted(tally.lines.items()):
            table.add_row(*_row(key, line, tally.minimum))
    console.print(table)
    console.print(LEGEND, highlight=False)
    _say_coverage(tallies, console)
    for key, why in sorted(unmeasured.items()):
        console.print(f"not checked: {key}: {why}", highlight=False)
    for tally in tallies:
        if tally.note:
            console.print(f"{tally.suite}: {tally.note}", highlight=False)
        for key in tally.having("vacuous"):
            line = tally.lines[key]
            console.print(
                f"{tally.suite}: {key} was in force in {line.in_force} of {line.examples} examples, {tally.minimum} are "
                f"needed{': ' + line.why if line.why else ''}",
                highlight=False,
                markup=False,
            )
        for line in tally.lines.values():
            for case in line.cases:
                text = f"dipcert replay {case}" if case.endswith(".json") else case
                console.print(f"violated: {line.statement}: {text}", highlight=False, markup=False, style="bold red")


def _word(verdict: str) -> str:
    return f"[{_STYLE[verdict]}]{verdict}[/]"


def _row(key: str, line: Line, minimum: int) -> list[str]:
    from verify.verdict import Verdict

    found = line.tightest
    return [
        f"  {key}",
        _word(line.verdict(minimum)),
        f"{line.in_force} of {line.examples}",
        f"{line.counts[Verdict.HOLDS]}/{line.open}/{line.attained}",
        _slack(line),
        "" if found is None else f"{line.where}, t = {found.t:.3g}",
    ]


def _slack(line: Line) -> str:
    """The least slack, with the error budget beside it where it is within it; of an equation the gap over the budget."""
    found = line.tightest
    if found is None:
        return ""
    if line.equation:
        return f"gap {line.slack:.1e}"
    scale = max(abs(found.lhs), abs(found.rhs))
    within = scale > 0 and abs(found.slack) <= found.budget
    return f"{line.slack:.1e}" + (f" ± {found.budget / scale:.0e}" if within else "")


def _say_coverage(tallies: list[Tally], console: Console) -> None:
    total: dict[str, Counter[str]] = {}
    for tally in tallies:
        for name, counts in tally.coverage.to_json().items():
            total.setdefault(name, Counter()).update(counts)
    for name, counter in total.items():
        text = ", ".join(f"{key} {n}" for key, n in sorted(counter.items()))
        console.print(f"{name}: {text}", highlight=False)
