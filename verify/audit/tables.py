"""An audit told to a person on a terminal, from its JSON: statements in dependency order, waterfalls, findings, mutants."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from verify.audit.evidence import EVIDENCE
from verify.audit.status import LEVELS

__all__ = ["COLOURS", "LETTERS", "print_audit", "segments", "summary"]

Data = Mapping[str, Any]

COLOURS: Final = {
    "violated": "bold red", "open": "red", "vacuous": "yellow", "not measured": "dim",
    "not refuted": "green", "undecided": "yellow",
    "holds": "green", "checked": "green", "written": "cyan", "survived": "bold red", "killed": "green",
    "step fails": "bold red", "mutant": "bold red", "error": "red", "constant": "cyan", "improvable": "cyan",
    "needed": "cyan",
}  # fmt: skip
LETTERS: Final = "ABCDEFGHIJ"
"""Names of the parts of a waterfall, in bars."""
_INKS: Final = ("blue", "magenta", "cyan", "yellow", "green", "red", "bright_blue", "bright_magenta", "white", "white")
_BAR: Final = 40


def print_audit(data: Data, console: Console) -> None:
    """All of it."""
    console.print(Text("Audit of the proofs", style="bold"))
    console.print(Text(summary(data)))
    console.print()
    _statements(data, console)
    console.print(Text(_legend(data), style="dim"))
    for fall in data["waterfalls"]:
        if fall["mean"] is not None:
            console.print()
            _waterfall(fall, console)
    if data["mutants"] is not None:
        console.print()
        console.print(_mutants(data["mutants"]))
        console.print(Text(score_line(data["mutants"]["score"]), style="bold"))
    if data["constants"]:
        console.print()
        console.print(_constants(data["constants"]))
    console.print()
    console.print(_findings(data["findings"]))
    if data["interrupted"]:
        console.print(Text(f"interrupted after {len(data['instances'])} instances: this is what they showed", "bold"))


def summary(data: Data) -> str:
    """One line: how many statements, on how many instances, with which evidence."""
    words = Counter(row["evidence"] for row in data["statements"])
    told = ", ".join(f"{words[word]} {word}" for word in EVIDENCE if words[word])
    skipped = f" ({len(data['skipped'])} could not be run)" if data["skipped"] else ""
    return (
        f"{len(data['statements'])} statements and proof steps in dependency order on {len(data['instances'])} instances"
        f"{skipped}, depth {data['depth']}, seed {data['seed']}, {data['seconds']:.0f} s: {told}"
    )


def score_line(score: Mapping[str, int]) -> str:
    """The mutation score in words."""
    rate = f"{100 * score['killed'] / score['false']:.0f} %" if score["false"] else "none"
    return (
        f"mutation score: {score['killed']} of {score['false']} false mutants killed ({rate}); {score['survived']} of "
        f"{score['true']} true ones survived, as they have to"
    )


def _statements(data: Data, console: Console) -> None:
    """Two lines a statement: numbers in columns, then where it came closest to failing and what it rests on."""
    width = max((len(row["id"]) for row in data["statements"]), default=0)
    console.print(Text("Statements, each after what it rests on", style="italic"))
    head = f"{'statement':{width}}  {'proof':8}{'evidence':14}{'in force':>9}{'times h/a/u/v':>18}  tightness"
    console.print(Text(head, style="bold"))
    for row in data["statements"]:
        counts = "/".join(str(row["counts"][name]) for name in ("holds", "attained", "undecided", "violated"))
        found = row["tightest"]
        console.print(
            Text.assemble(
                f"{row['id']:{width}}  ",
                (f"{row['proof'] or '':8}", COLOURS.get(row["proof"], "")),
                (f"{row['evidence']:14}", COLOURS.get(row["evidence"], "")),
                f"{row['non_vacuous']}/{row['instances']}".rjust(9) if row["instances"] else " " * 9,
                f"{counts if row['non_vacuous'] else '':>18}",
                f"  {_tightness(found)}" if found and not row["equation"] else "",
            )
        )
        below = "; ".join(filter(None, (closest(row), ancestry(row))))
        if below:
            console.print(Padding(Text(below, style="dim"), (0, 0, 0, 4)))


def ancestry(row: Data) -> str:
    """What weakens a statement, if that is another one.

    >>> ancestry({"id": "a", "weakest": "b", "status": "vacuous"})
    'with ancestors: vacuous, because of b'
    """
    return "" if row["weakest"] == row["id"] else f"with ancestors: {row['status']}, because of {row['weakest']}"


def _word(word: str) -> Text:
    return Text(word, style=COLOURS.get(word, ""))


def closest(row: Data) -> str:
    """The finding nearest to failure: slack (of an equation, the distance of its sides), instance and time.

    >>> closest({"tightest": None, "evidence_why": "nothing along a run measures delta"})
    'nothing along a run measures delta'
    """
    found = row["tightest"]
    if found is None:
        return str(row["evidence_why"])
    if row["equation"]:
        how = f"sides {_short(found['slack'], -1)} apart, allowed {_short(found['budget'])}"
    else:
        how = f"closest: slack {_short(found['slack'])}"
    return f"{how} on {found['instance']}, t = {_short(found['t'])}"


def _tightness(found: Data) -> str:
    value = float(found["tightness"])
    if abs(value - 1) < 1e-6:
        return "1"
    return f"{value:.4g}" if abs(1 - value) > 1e-3 else f"1 - {1 - value:.1e}"


def _short(value: Any, sign: int = 1) -> str:
    """Four digits; the JSON has infinities and NaN as texts."""
    number = sign * float(value)
    return f"{number:.4g}" if math.isfinite(number) else str(number)


def _legend(data: Data) -> str:
    present = {row["evidence"] for row in data["statements"]}
    lines = [f"{word}: {text}" for word, text in EVIDENCE.items() if word in present]
    return "\n".join([
        "proof: what SymPy and the written proofs give, with ancestors (`dipcert show ID`); in force: of how many instances; "
        "times h/a/u/v: stored times that hold (the slack exceeds the error budget), are attained (within the budget, both "
        "sides equal to six digits or more: no precision tells equality from a tiny slack), undecided (within the budget, "
        "not attained: late, at rest), violated; tightness 1: attained, 0: far from it.",
        f"with ancestors: the weakest of what a statement rests on, in the order {' < '.join(LEVELS)}.", *lines,
    ])  # fmt: skip


def segments(shares: list[float], width: int = _BAR) -> list[int]:
    """Lengths of the parts of a bar: rounded so that they add up to `width` (all 0 if nothing is lost).

    >>> segments([0.5, 0.26, 0.24], 10)
    [5, 3, 2]
    """
    if not sum(shares) > 0:
        return [0] * len(shares)
    exact = [width * share / sum(shares) for share in shares]
    lengths = [int(value) for value in exact]
    for i in sorted(range(len(exact)), key=lambda i: lengths[i] - exact[i])[: width - sum(lengths)]:
        lengths[i] += 1
    return lengths


def amount(fall: Data, value: float) -> str:
    """A factor, or a share of the bound."""
    if fall["kind"] == "sum":
        return f"{100 * float(value):.1f} %"
    return f"x {float(value):.4g}"


def _waterfall(fall: Data, console: Console) -> None:
    table = Table(title=f"Looseness of {fall['statement']}: {fall['reads']}", title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("", "what is given away", "by", "on average", "share", "at the loosest time"):
        table.add_column(name, overflow="fold", justify="right" if name in ("on average", "share") else "left")
    mean, loosest = fall["mean"], fall["loosest"]
    for i, part in enumerate(fall["parts"]):
        table.add_row(
            Text(LETTERS[i], style=_INKS[i]), escape(part["label"]), part["step"], amount(fall, mean["parts"][i]),
            f"{100 * mean['shares'][i]:.0f} %" if _lost(fall, mean) else "", amount(fall, loosest["parts"][i]),
        )  # fmt: skip
    where = f"{loosest['instance']}, t = {_short(loosest['t'])}"
    table.add_row("", "all of it", "", amount(fall, mean["total"]), "", f"{amount(fall, loosest['total'])} ({where})")
    console.print(table)
    bars = Table(box=None, show_header=False, padding=(0, 1))
    for row in fall["families"]:
        bars.add_row(f"  {row['family']} ({row['instances']})", amount(fall, row["total"]), _bar(fall, row))
    console.print(bars)


def _lost(fall: Data, row: Data) -> bool:
    """Whether the total reads as more than nothing: a factor above 1, or above 0 %."""
    return amount(fall, row["total"]) != amount(fall, 0.0 if fall["kind"] == "sum" else 1.0)


def _bar(fall: Data, row: Data) -> Text:
    """Nothing for a total that reads as nothing: its shares are shares of a rounding error.

    >>> _bar({"kind": "product"}, {"total": 1 + 1e-12, "shares": [1.0, 0.0]}).plain
    'nothing'
    >>> _bar({"kind": "product"}, {"total": 1.5, "shares": [0.75, 0.25]}).plain
    'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAABBBBBBBBBB'
    """
    bar = Text()
    for i, length in enumerate(segments(row["shares"]) if _lost(fall, row) else ()):
        bar.append(LETTERS[i] * length, style=_INKS[i])
    return bar if bar.plain else Text("nothing", style="dim")


def _mutants(mutants: Data) -> Table:
    table = Table(title="Mutants", title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("mutant", "what is changed", "is", "hunted", "tried", "counterexample, or why it is true"):
        table.add_column(name, overflow="fold")
    for row in mutants["rows"]:
        wrong = (row["truth"] == "false") != (row["verdict"] == "killed")
        table.add_row(
            row["name"], escape(row["text"]), row["truth"],
            Text(row["verdict"], style="bold red" if wrong else "green"), f"{row['non_vacuous']}/{row['instances']}",
            Text(died(row)),
        )  # fmt: skip
    return table


def died(row: Data) -> str:
    """Where a mutant died, or why it could not."""
    if row["verdict"] != "killed" or row["finding"] is None:
        return str(row["why"])
    found = row["finding"]
    sides = f"{_short(found['lhs'])} against {_short(found['rhs'])}"
    return f"{row['instance']}, t = {_short(found['t'])}: {sides}"


def _constants(rows: list[Data]) -> Table:
    table = Table(title="Critical constants", title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("statement", "constant", "stated", "stronger", "first refuted at", "proved optimum", "off by"):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(
            row["statement"], escape(row["text"] or row["constant"]), _digits(row["stated"]), row["stronger"],
            Text(_digits(row["refuted"]) or "nowhere", style="cyan" if row["better"] else ""),
            _digits(row["optimum"]), _digits(row["relative_difference"], 2),
        )  # fmt: skip
    return table


def _digits(text: Any, digits: int = 10) -> str:
    return "" if text is None else f"{float(text):.{digits}g}"


def _findings(rows: list[Data]) -> Table:
    table = Table(title="Findings", title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("kind", "statement", "finding", "evidence"):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(_word(row["kind"]), row["statement"], Text(row["text"]), Text(row["evidence"]))
    if not rows:
        table.add_row("none", "", "", "")
    return table
