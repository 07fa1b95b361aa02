"""``dipcert list``: the items of the theory, one a line."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import click

from verify.commands.guard import TRACE, as_json, emit, guarded, quiet_warnings
from verify.commands.theory_ import columns, fresh_option, get_statuses

if TYPE_CHECKING:
    from theory.statement import Hypothesis, Statement
    from theory.status import Status

KINDS: Final = ("assumption", "condition", "theorem", "lemma", "step", "definition", "remark", "trusted")
STATUSES: Final = ("open", "written", "checked", "trusted", "assumed", "defined")
ORIGINS: Final = ("paper", "sharp", "explicit", "new", "known")
HEADER: Final = ("id", "kind", "direction", "status", "title")


@click.command()
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Only this kind; may be repeated.")
@click.option("--prefix", default="", metavar="P", help="Only identifiers that begin with P, such as sharp.")
@click.option("--status", "levels", multiple=True, type=click.Choice(STATUSES), help="Only this status; repeatable.")
@click.option("--origin", "origins", multiple=True, type=click.Choice(ORIGINS), help="Only from there; repeatable.")
@click.option("--quantitative", is_flag=True, help="Only those with formulas.")
@click.option("--search", default="", metavar="TEXT", help="Only those with TEXT in identifier, title or text.")
@click.option("--json", "json_", is_flag=True, help="Print JSON to stdout.")
@fresh_option
@click.option("--debug", is_flag=True, help=f"After an internal error, write its trace to {TRACE}.")
def command(json_: bool, fresh: bool, debug: bool, **choice: Any) -> None:
    """List the statements of the theory: identifier, kind, direction, status, title.

    The status is computed: that of the weakest item that a statement rests on (`dipcert show ID` names it).

    \b
    open     no proof, or SymPy does not prove an obligation
    written  a proof in words, some of it without checked calculus
    checked  all declared calculus, here and below, is proved by SymPy
    trusted  a published fact        assumed  an assumption
    """

    def body() -> int:
        with quiet_warnings():
            text = listing(fresh=fresh, json_=json_, **choice)
            emit(lambda: text)
        return 0

    sys.exit(guarded(body, debug=debug))


def listing(
    *,
    kinds: tuple[str, ...] = (),
    prefix: str = "",
    levels: tuple[str, ...] = (),
    origins: tuple[str, ...] = (),
    quantitative: bool = False,
    search: str = "",
    json_: bool = False,
    fresh: bool = False,
) -> str:
    """The table, or its JSON."""
    from theory.ledger import registry

    found = search.lower()
    chosen = [
        item
        for key, item in registry.items()
        if key.startswith(prefix)
        and (not kinds or item.kind in kinds)
        and (not origins or item.origin in origins)
        and (item.formulas or not quantitative)
        and found in f"{key}\n{item.title}\n{item.text}".lower()
    ]
    statuses = get_statuses([item.id for item in chosen], fresh=fresh)
    chosen = [item for item in chosen if not levels or statuses[item.id].level in levels]
    if json_:
        return as_json([_entry(item, statuses[item.id]) for item in chosen])
    return _table(chosen, statuses)


def _entry(item: Statement | Hypothesis, status: Status) -> dict[str, Any]:
    return {
        "id": item.id,
        "kind": item.kind,
        "origin": item.origin,
        "direction": item.direction,
        "title": item.title,
        "status": status.level,
        "own_status": status.own,
        "weakest": status.weakest,
        "obligations": len(status.checks),
        "obligations_proved": len(status.checks) - len(status.failed),
        "formulas": list(item.formulas),
        "symbols": list(item.symbols),
    }


def _table(items: list[Any], statuses: dict[str, Status]) -> str:
    """Columns two spaces apart; nothing is cut but, on a terminal, the title."""
    rows = [(item.id, item.kind, item.direction, statuses[item.id].level, item.title) for item in items]
    widths = [max(map(len, column)) for column in zip(HEADER[:-1], *(row[:-1] for row in rows), strict=True)]
    lines = [
        "  ".join([*(f"{cell:{w}}" for cell, w in zip(row, widths, strict=False)), row[-1]]) for row in (HEADER, *rows)
    ]
    if sys.stdout is not None and sys.stdout.isatty():
        width, left = columns(10_000), sum(widths) + 2 * len(widths)
        if width >= left + 12:  # else cutting would leave nothing of the title: let the terminal wrap
            lines = [line if len(line) <= width else line[: width - 1] + "…" for line in lines]
    return "\n".join([*lines, "", _summary(items, statuses)]) + "\n"


def _summary(items: list[Any], statuses: dict[str, Status]) -> str:
    if not items:
        return "nothing matches; `dipcert list` without options lists everything"
    levels = Counter(statuses[item.id].level for item in items)
    kinds = Counter(item.kind for item in items)
    by_level = ", ".join(f"{levels[level]} {level}" for level in STATUSES if levels[level])
    by_kind = ", ".join(f"{kinds[kind]} {kind}" for kind in KINDS if kinds[kind])
    return f"{len(items)} {'item' if len(items) == 1 else 'items'}: {by_level} ({by_kind})"
