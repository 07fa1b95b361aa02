"""``dipcert replay CASE.json``: a saved counterexample, run again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from verify.commands.guard import (
    HOLDS,
    NOT_MET,
    TRACE,
    VIOLATED,
    InputError,
    as_json,
    emit,
    guarded,
    quiet_warnings,
)

if TYPE_CHECKING:
    from theory.claim import Claim
    from verify.replay import Recorded, Replayed


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="CASE.json")
@click.option("--tighter", is_flag=True, help="With the smallest tolerance, or twice the digits.")
@click.option("--theorem", type=click.Path(path_type=Path), metavar="FILE.py", help="Declares a statement of your own.")
@click.option("--json", "json_", is_flag=True, help="Print the result as JSON, and nothing else, to stdout.")
@click.option("--debug", is_flag=True, help=f"After an internal error, write its trace to {TRACE}.")
def command(file: Path, tighter: bool, theorem: Path | None, json_: bool, debug: bool) -> None:
    """Run a saved case again, exactly, and compare with what it recorded.

    A case is what `dipcert falsify`, `dipcert audit --mutants` and the suites save: a
    claim, an instance, and the verdict with both sides. A statement of your own is not in
    the file: give the Python file that declares it with --theorem (which runs that file).

    \b
    Exit codes: 0 the recorded verdict is reproduced, 1 it differs, 2 the file is
    no case or names what does not exist, 3 now undecided.
    """

    def body() -> int:
        with quiet_warnings():
            return execute(file, tighter=tighter, theorem=theorem, json_=json_)

    sys.exit(guarded(body, debug=debug))


def execute(file: Path, *, tighter: bool = False, theorem: Path | None = None, json_: bool = False) -> int:
    """The exit code; everything that goes wrong with the input is raised."""
    from verify.replay import replay

    try:
        found = replay(file, tighter=tighter, own=None if theorem is None else _own(theorem))
    except ValueError as error:
        raise InputError(str(error)) from None
    emit(lambda: as_json(found.to_json()) if json_ else text(found, tighter))
    return {"reproduced": HOLDS, "differs": VIOLATED, "undecided": NOT_MET}[found.outcome]


def _own(theorem: Path) -> Callable[[str], Claim]:
    from verify.own import claim_in

    return lambda identifier: claim_in(theorem, identifier)


_ENDINGS = {
    "reproduced": "The recorded verdict is reproduced.",
    "differs": "The verdict is not the recorded one.",
    "undecided": "The finding is undecided now: its error budget is larger than its slack.",
}


def text(found: Replayed, tighter: bool) -> str:
    """What is printed."""
    lines = [found.claim, *([f"  {found.note}"] if found.note else []), ""]
    lines.append(f"{'':8}{'verdict':20}{'left side':26}{'right side':26}{'budget':10}")
    lines += [_row("then", found.then), _row("now", found.now), ""]
    if found.now.why and found.now.why != found.then.why:
        lines.append(f"now: {found.now.why}")
    same = "Both sides agree bit for bit." if found.identical else _difference(found)
    lines += [f"{_ENDINGS[found.outcome]} {same}".rstrip()]
    if tighter:
        lines.append("The run was made with the smallest tolerance.")
    if found.changed:
        changes = ", ".join(f"{name} {then} -> {now}" for name, (then, now) in found.changed.items())
        lines.append(f"Versions that differ: {changes}")
    return "\n".join(lines) + "\n"


def _row(when: str, found: Recorded) -> str:
    return f"{when:8}{found.verdict:20}{_number(found.lhs):26}{_number(found.rhs):26}{_number(found.budget, '.1e'):10}".rstrip()


def _number(value: Any, form: str = ".17g") -> str:
    return format(value, form) if isinstance(value, float) else str(value)


def _difference(found: Replayed) -> str:
    sides = [(found.then.lhs, found.now.lhs), (found.then.rhs, found.now.rhs)]
    if not all(isinstance(side, float) for pair in sides for side in pair):
        return ""
    return f"The sides moved by {abs(sides[0][1] - sides[0][0]):.1e} and {abs(sides[1][1] - sides[1][0]):.1e}."
