"""What every command shares: exit codes, errors as one line, and printing that survives a reader who leaves."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from rich.console import Console

HOLDS: Final = 0
VIOLATED: Final = 1
USAGE: Final = 2
NOT_MET: Final = 3
INTERNAL: Final = 70
INTERRUPTED: Final = 130
TRACE: Final = "dipcert-trace.txt"


class InputError(ValueError):
    """The input of a command is at fault: what was given, what was needed, what to do."""


class NotMet(Exception):
    """A hypothesis of the statement fails on these constants: by how much is said."""


def guarded(
    body: Callable[[], int], *, debug: bool = False, interrupted: str = "interrupted; nothing was written"
) -> int:
    """The exit code of `body`, with every exception turned into one line on stderr."""
    try:
        return body()
    except KeyboardInterrupt:
        complain(interrupted)
        return INTERRUPTED
    except Exception as error:
        from verify.tables import ProblemError, one_line

        if isinstance(error, InputError | ProblemError):
            complain(one_line(error))
            return USAGE
        if isinstance(error, NotMet):
            complain(one_line(error))
            return NOT_MET
        internal(error, debug)
        return INTERNAL


def complain(message: str) -> None:
    """One line on stderr."""
    click.echo(f"dipcert: {message}", err=True)


def internal(error: Exception, debug: bool) -> None:
    """One line about a defect of dipcert itself; the trace goes to a file, and only if asked for."""
    import traceback

    what = " ".join(f"{type(error).__name__}: {error}".split())
    hint = f"run again with --debug and report the file {TRACE} that it writes"
    if debug:
        try:
            Path(TRACE).write_text("".join(traceback.format_exception(error)), encoding="utf-8")
            hint = f"please report it with the file {TRACE}"
        except OSError as failure:
            hint = f"its trace could not be written to {TRACE} ({failure.strerror})"
    complain(f"internal error ({what}); this is a defect of dipcert: {hint}")


@contextmanager
def quiet_warnings() -> Iterator[None]:
    """Python's warnings as one line each on stderr, without the source code that they come from."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        complain(f"warning: {' '.join(str(message).split())}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def emit(produce: Callable[[], str], what: str = "the result") -> None:
    """Write the text that `produce` makes to stdout; a reader who has left, or a full disk, is no reason to fail."""
    if sys.stdout is None:  # closed by the caller
        return
    try:
        sys.stdout.write(produce())
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader left (`dipcert … | head`): not an error. What is still buffered goes nowhere, lest Python complain
        # about it on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        complain(f"{what} could not be printed ({(error.strerror or str(error)).lower()}); the results are complete")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        complain("interrupted while printing; the results are complete")


def as_json(data: Any) -> str:
    """`data` as strict JSON (infinities and NaN as strings), ending in a newline."""
    from verify.output import strict_json

    return json.dumps(strict_json(data), indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def rendered(draw: Callable[[Console], None]) -> str:
    """What `draw` prints on a Rich console, as one text: Rich would end the whole program when a pipe breaks."""
    import io

    from rich.console import Console

    # In a pipe or a file nothing says how wide lines may be; 80 columns would break the tables.
    terminal = sys.stdout is not None and sys.stdout.isatty()
    width = None if terminal or "COLUMNS" in os.environ else 120
    text = io.StringIO()
    draw(Console(file=text, width=width, force_terminal=terminal))
    return text.getvalue()


def check_place(path: Path, suffixes: tuple[str, ...] = ()) -> None:
    """InputError, before anything is computed, if a file could not be written there."""
    if suffixes and path.suffix.lower() not in suffixes:
        raise InputError(f"{path}: unknown kind of file {path.suffix!r}; use one of {', '.join(suffixes)}")
    if path.is_dir():
        raise InputError(f"{path} is a directory; give the name of a file")
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is no ordinary file (a device or a pipe); give the name of a file")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: there is no directory {path.parent}; make it, or choose another place")
    if not os.access(path.absolute().parent, os.W_OK):
        raise InputError(f"{path}: the directory {path.absolute().parent} is not writable; choose another place")


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Write to a file beside it and put that in its place: an earlier file is replaced whole or not at all."""
    path = path.resolve()  # through a link, the file that it names is replaced and not the link
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(beside)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise InputError(f"{path} could not be written ({(error.strerror or str(error)).lower()})") from None
