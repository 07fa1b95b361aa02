"""What the commands that read the theory share: identifiers, statuses with a progress bar, and what stdout can show."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from verify.commands.guard import InputError
from verify.terminal import Progress

if TYPE_CHECKING:
    from theory.status import Status

F = TypeVar("F", bound=Callable[..., Any])


def fresh_option(function: F) -> F:
    """The option that makes SymPy answer again."""
    return click.option(
        "--fresh", "--no-cache", "fresh", is_flag=True, help="Check the calculus again instead of remembering it."
    )(function)


def get_statuses(keys: Iterable[str] | None = None, *, fresh: bool = False) -> dict[str, Status]:
    """The statuses of `keys` and no others (default: all), with a bar on stderr while SymPy is asked."""
    from theory.ledger import registry
    from verify.cache import known_statuses

    # The bar appears with the first question that SymPy is asked: with a warm cache there is nothing to wait for.
    shown: list[Progress] = []

    def progress(done: int, total: int) -> None:
        if not shown and sys.stderr is not None and sys.stderr.isatty():
            shown.append(Progress(sys.stderr))
        for bar in shown:
            bar.count("checking the calculus", done, total)

    try:
        return known_statuses(registry, keys, fresh=fresh, progress=progress)
    finally:
        for bar in shown:
            bar.close()


def known(keys: Iterable[str], *, symbols: bool = False) -> None:
    """InputError, with the nearest names, for an identifier that nobody registered; `symbols` are names too if asked."""
    from difflib import get_close_matches

    from theory.ledger import registry
    from theory.symbols import SYMBOLS

    names = [*registry, *(SYMBOLS if symbols else ())]
    for key in keys:
        if key in names:
            continue
        folded = {name.lower(): name for name in names}
        near = [folded[name] for name in get_close_matches(key.lower(), folded, n=3, cutoff=0.5)]
        inside = [name for name in names if len(key) > 2 and key.lower() in name.lower() and name not in near]
        close = [*near, *inside][:4]
        what = "no statement, assumption or symbol" if symbols else "no statement or assumption"
        hint = f"did you mean {', '.join(close)}? " if close else ""
        raise InputError(f"{what} is called {key!r}; {hint}`dipcert list` has them all")


def columns(limit: int = 100) -> int:
    """How many columns to write: those of the terminal, at most `limit`; `limit` in a pipe unless COLUMNS says."""
    terminal = sys.stdout is not None and sys.stdout.isatty()
    if not terminal and "COLUMNS" not in os.environ:
        return limit
    return max(40, min(limit, shutil.get_terminal_size((limit, 24)).columns))


def shows_mathematics() -> bool:
    """Whether stdout can write the characters that formulas are built of."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        "ρ₀²√⎛─⎟⌠⋅′⁻⋆".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def heading(text: str) -> str:
    """A heading: bold on a terminal."""
    terminal = sys.stdout is not None and sys.stdout.isatty() and "NO_COLOR" not in os.environ
    return click.style(text, bold=True) if terminal else text
