"""The command ``dipcert``.

Exit codes: 0 every guarantee that could be checked holds, 1 one is violated, 2 the input is at fault, 3 undecided or a
hypothesis is not met, 130 interrupted (what was computed is kept), 70 a defect of dipcert. Results go to a directory
that appears only when it is complete. Everything heavy is imported inside the command that needs it.
"""

from __future__ import annotations

import io
import json
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from verify.terminal import Progress, make_printable

if TYPE_CHECKING:
    from verify.problem import Problem
    from verify.run import RunResult

USAGE, INTERNAL, INTERRUPTED = 2, 70, 130
_TRACE = "dipcert-trace.txt"


def _version(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"dipcert {version('dipcert')}")
        context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def main() -> None:
    """Evaluate convergence theorems on your inverse problem and network, and check a run against them."""
    for stream in (sys.stdout, sys.stderr):
        make_printable(stream)


@main.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.toml")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Where results go [results/<name of FILE>]."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, and nothing else, to stdout.")
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Use this seed instead of the file's.")
@click.option("--debug", is_flag=True, help=f"After an internal error, write its trace to {_TRACE}.")
def run(file: Path, out: Path | None, as_json: bool, seed: int | None, debug: bool) -> None:
    """Build the problem in FILE.toml, state what is guaranteed for it, run it, and compare.

    \b
    Exit codes: 0 holds, 1 violated, 2 bad input, 3 undecided or a hypothesis
    is not met, 130 interrupted, 70 internal error.
    """
    sys.exit(_guarded(file, out, as_json=as_json, seed=seed, debug=debug))


def _guarded(file: Path, out: Path | None, *, as_json: bool, seed: int | None, debug: bool) -> int:
    """The exit code of `_run`, with every exception turned into one line."""
    try:
        return _run(file, out, as_json=as_json, seed=seed)
    except KeyboardInterrupt:
        _complain("interrupted; nothing was written")
        return INTERRUPTED
    except Exception as error:
        from verify.tables import ProblemError, one_line

        if isinstance(error, ProblemError):
            _complain(one_line(error))
            return USAGE
        _internal(error, debug)
        return INTERNAL


def _run(file: Path, out: Path | None, *, as_json: bool, seed: int | None) -> int:
    from verify.output import Destination
    from verify.problem import build, load

    spec = load(file)
    destination = Destination(out if out is not None else Path("results") / file.stem)
    destination.check()
    failure = None
    with _quiet_warnings(), Progress.on(sys.stderr) as progress:
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
    _print(result, as_json)
    if failure is not None:
        _complain(
            f"results could not be written to {destination.path} ({failure}); choose another directory with --out"
        )
        return USAGE
    click.echo(f"Results: {destination.path}", err=True)
    return INTERRUPTED if result.status == "interrupted" else int(result.exit_code)


def _print(result: RunResult, as_json: bool) -> None:
    """The report, or its JSON, to stdout."""
    if sys.stdout is None:  # closed by the caller
        return
    try:
        if as_json:
            from verify.output import strict_json

            click.echo(json.dumps(strict_json(result.to_json()), indent=2, ensure_ascii=True, allow_nan=False))
        else:
            from rich.console import Console

            from verify.report import print_report

            # In a pipe or a file nothing says how wide lines may be; 80 columns would break the tables.
            terminal = sys.stdout.isatty()
            width = None if terminal or "COLUMNS" in os.environ else 120
            # Into memory first: Rich ends the whole program when a pipe breaks.
            text = io.StringIO()
            print_report(result, Console(file=text, width=width, force_terminal=terminal))
            sys.stdout.write(text.getvalue())
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader left (`dipcert run … | head`): not an error, and results were written before. What is still
        # buffered goes nowhere, lest Python complain about it on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        _complain(
            f"the report could not be printed ({(error.strerror or str(error)).lower()}); the results are complete"
        )
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        _complain("interrupted while printing; the results are complete")


@contextmanager
def _quiet_warnings() -> Iterator[None]:
    """Python's warnings as one line each on stderr, without the source code that they come from."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        _complain(f"warning: {' '.join(str(message).split())}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def _say_notes(problem: Problem) -> None:
    for note in problem.notes:
        click.echo(f"note: {note}", err=True)


def _complain(message: str) -> None:
    click.echo(f"dipcert: {message}", err=True)


def _internal(error: Exception, debug: bool) -> None:
    """One line about a defect of dipcert itself; the trace goes to a file, and only if asked for."""
    import traceback

    what = " ".join(f"{type(error).__name__}: {error}".split())
    hint = f"run again with --debug and report the file {_TRACE} that it writes"
    if debug:
        try:
            Path(_TRACE).write_text("".join(traceback.format_exception(error)), encoding="utf-8")
            hint = f"please report it with the file {_TRACE}"
        except OSError as failure:
            hint = f"its trace could not be written to {_TRACE} ({failure.strerror})"
    _complain(f"internal error ({what}); this is a defect of dipcert: {hint}")


if __name__ == "__main__":
    main()
