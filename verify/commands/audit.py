"""``dipcert audit [ID...]``: the statements and proof steps, held against a pool of instances in dependency order."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from verify.commands.guard import (
    INTERRUPTED,
    TRACE,
    USAGE,
    InputError,
    as_json,
    complain,
    emit,
    guarded,
    quiet_warnings,
    rendered,
)
from verify.commands.theory_ import fresh_option, get_statuses, known
from verify.terminal import Progress

if TYPE_CHECKING:
    from verify.audit import Audit
    from verify.case import Case
    from verify.hunt import Stage
    from verify.output import Destination
    from verify.pool import Depth


@click.command()
@click.argument("names", nargs=-1, metavar="[ID]...")
@click.option(
    "--depth", type=click.Choice(["dev", "ci", "deep"]), default="dev", show_default=True, help="How many instances."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the drawn instances.")
@click.option("--mutants", is_flag=True, help="Hunt the wrong variants that they declare, and turn their constants.")
@click.option("--json", "json_", is_flag=True, help="Print the result as JSON, and nothing else, to stdout.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Write audit.json and cases/ there.")
@fresh_option
@click.option("--debug", is_flag=True, help=f"After an internal error, write its trace to {TRACE}.")
def command(
    names: tuple[str, ...],
    depth: Depth,
    seed: int,
    mutants: bool,
    json_: bool,
    out: Path | None,
    fresh: bool,
    debug: bool,
) -> None:
    """Hold the statements ID and all they rest on (default: everything) against a pool of instances.

    Every instance is simulated once and every claim is checked at every stored time. The report says on how many
    instances each was in force, how close it came to failing and where, what follows for the statements that rest on it,
    and where along the proofs the looseness of the final bounds enters. `dipcert report DIR` makes a page of it.

    \b
    Exit codes: 0 nothing is violated, 1 a violation (or a mutant on the wrong
    side), 2 bad input, 3 nothing of what was asked for could be decided,
    130 interrupted (what was found is kept).
    """
    sys.exit(
        guarded(lambda: execute(names, depth, seed, mutants=mutants, json_=json_, out=out, fresh=fresh), debug=debug)
    )


def execute(
    names: tuple[str, ...], depth: Depth, seed: int, *, mutants: bool, json_: bool, out: Path | None, fresh: bool
) -> int:
    """The exit code; everything that goes wrong with the input is raised."""
    from theory.ledger import registry
    from verify.audit import audit
    from verify.audit.order import needed
    from verify.hunt import Stage
    from verify.output import Destination
    from verify.pool import instances

    known(names)
    for name in names:
        if registry[name].kind in ("assumption", "trusted"):
            raise InputError(f"{name} is {_a(registry[name].kind)}: nothing to audit; name a statement or a proof step")
    destination = None if out is None else Destination(out)
    if destination is not None:
        destination.check()
    keys = names or None
    with quiet_warnings():
        statuses = get_statuses(needed(names or registry, registry), fresh=fresh)
        with Progress.on(sys.stderr) as bar:

            def progress(name: str, done: int) -> None:
                if bar is not None:
                    bar.stage(f"{done} instances done, now {name}")

            # a stage keeps its runs: the hunt needs them again
            stage = Stage(depth, seed) if mutants else None
            pool = instances(depth, seed) if stage is None else stage
            result = audit(registry, pool, keys, statuses=statuses, depth=depth, seed=seed, progress=progress)
            cases = result.cases
            if stage is not None and not result.interrupted:
                cases |= _hunt(result, stage, bar)
        data = result.to_json()
        failure = None if destination is None else _write(destination, data, cases)
        emit(lambda: _text(data, cases, json_), "the report")
    if failure is not None:
        complain(f"results could not be written to {out} ({failure}); choose another directory with --out")
        return USAGE
    if out is not None:
        click.echo(f"Results: {out} (make a page of them: dipcert report {out})", err=True)
    if result.interrupted:
        complain("interrupted; what was found until then is kept")
        return INTERRUPTED
    return result.exit_code


def _a(kind: str) -> str:
    return "an assumption" if kind == "assumption" else "a trusted fact"


def _text(data: dict[str, Any], cases: dict[str, Case], json_: bool) -> str:
    if json_:
        return as_json(data | {"cases": {name: case.to_json() for name, case in sorted(cases.items())}})
    from verify.audit.tables import print_audit

    return rendered(lambda console: print_audit(_strict(data), console))


def _strict(data: dict[str, Any]) -> dict[str, Any]:
    """As it is in the file: infinities and NaN as texts."""
    from verify.output import strict_json

    plain: dict[str, Any] = strict_json(data)
    return plain


def _write(destination: Destination, data: dict[str, Any], cases: dict[str, Case]) -> str | None:
    """Write the result; the reason if the disk refuses."""
    try:
        with destination.open() as directory:
            (directory / "audit.json").write_text(as_json(data), encoding="utf-8")
            for case in cases.values():
                case.save(directory / "cases")
            destination.publish()
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return None


def _hunt(result: Audit, stage: Stage, bar: Progress | None) -> dict[str, Case]:
    """Mutants and constants into the result; their counterexamples. An interrupt keeps those that are done."""
    from verify.audit.mutants import hunted_rows, turn
    from verify.hunt import hunt

    def progress(text: str, done: int, total: int) -> None:
        if bar is not None:
            bar.count(text, done, total)

    keys = result.asked  # what they rest on is audited as well, but has its own hunt
    found, complete = _kept(hunt(keys, stage.depth, stage.seed, progress, stage))
    result.mutants, cases = hunted_rows(found)
    if complete:
        result.constants, complete = _kept(turn(keys, stage.depth, stage.seed, progress))
    result.interrupted = not complete
    return cases


def _kept(found: Iterator[Any]) -> tuple[list[Any], bool]:
    """What an iterator gave until it ended, and whether it did by itself and not by an interrupt."""
    kept: list[Any] = []
    try:
        for one in found:
            kept.append(one)  # one by one: an interrupt must not lose those that are done
    except KeyboardInterrupt:
        return kept, False
    return kept, True
