"""``dipcert run FILE.toml``: from a problem file to a guarantee with a verdict."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from verify.commands.guard import INTERRUPTED, TRACE, USAGE, as_json, complain, emit, guarded, quiet_warnings, rendered
from verify.terminal import Progress

if TYPE_CHECKING:
    from verify.problem import Problem
    from verify.run import RunResult


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.toml")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Where results go [results/<name of FILE>]."
)
@click.option("--json", "json_", is_flag=True, help="Print the result as JSON, and nothing else, to stdout.")
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Use this seed instead of the file's.")
@click.option("--debug", is_flag=True, help=f"After an internal error, write its trace to {TRACE}.")
def command(file: Path, out: Path | None, json_: bool, seed: int | None, debug: bool) -> None:
    """Build the problem in FILE.toml, state what is guaranteed for it, run it, and compare.

    \b
    Exit codes: 0 holds, 1 violated, 2 bad input, 3 undecided or a hypothesis
    is not met, 130 interrupted, 70 internal error.
    """
    sys.exit(guarded(lambda: execute(file, out, json_=json_, seed=seed), debug=debug))


def execute(file: Path, out: Path | None, *, json_: bool, seed: int | None) -> int:
    """The exit code; everything that goes wrong with the input is raised."""
    from verify.output import Destination
    from verify.problem import build, load

    spec = load(file)
    destination = Destination(out if out is not None else Path("results") / file.stem)
    destination.check()
    failure = None
    with quiet_warnings(), Progress.on(sys.stderr) as progress:
        if progress:
            progress.stage("building the problem")
        problem = build(spec, seed)
        _say_notes(problem)
        with destination.open() as directory:
            from verify.report import write
            from verify.run import run as run_problem

            result = run_problem(problem, progress=progress)
            if progress:
                progress.stage("writing results")
            try:
                write(result, directory)
                destination.publish()
            except OSError as error:
                # A full disk must not cost the results of a long run: they are still printed.
                failure = (error.strerror or str(error)).lower()
    emit(lambda: _text(result, json_), "the report")
    if failure is not None:
        complain(f"results could not be written to {destination.path} ({failure}); choose another directory with --out")
        return USAGE
    click.echo(f"Results: {destination.path}", err=True)
    return INTERRUPTED if result.status == "interrupted" else int(result.exit_code)


def _text(result: RunResult, json_: bool) -> str:
    """The report, or its JSON."""
    if json_:
        return as_json(result.to_json())
    from verify.report import print_report

    return rendered(lambda console: print_report(result, console))


def _say_notes(problem: Problem) -> None:
    for note in problem.notes:
        click.echo(f"note: {note}", err=True)
