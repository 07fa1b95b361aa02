"""``dipcert report DIR``: a page to read of what ``dipcert audit --out DIR`` found."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from verify.commands.guard import HOLDS, TRACE, InputError, guarded, quiet_warnings, replace_file


@click.command()
@click.argument("directory", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--debug", is_flag=True, help=f"After an internal error, write its trace to {TRACE}.")
def command(directory: Path, debug: bool) -> None:
    """Make report.html (one file, no network needed) and report.md of the audit in DIR.

    \b
    dipcert audit --out audit
    dipcert report audit
    """
    sys.exit(guarded(lambda: execute(directory), debug=debug, interrupted="interrupted; no page was written"))


def execute(directory: Path) -> int:
    """The exit code; everything that goes wrong with the input is raised."""
    data = read(directory)
    with quiet_warnings():
        from verify.audit.markdown import markdown
        from verify.audit.page import page

        try:
            made = {"report.html": page(data), "report.md": markdown(data)}
        except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
            raise InputError(
                f"{directory / 'audit.json'} is not what `dipcert audit --out DIR` writes "
                f"({type(error).__name__}: {error}); run the audit again"
            ) from None
    for name, text in made.items():
        replace_file(directory / name, partial(_save, text))
        click.echo(f"{directory / name}", err=True)
    _enlist(directory, made)
    return HOLDS


def _save(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")


def read(directory: Path) -> dict[str, Any]:
    """The audit in a directory; InputError for anything else."""
    from verify.audit.run import SCHEMA

    path = directory / "audit.json"
    remedy = "give a directory that `dipcert audit --out DIR` wrote"
    if not directory.is_dir():
        raise InputError(f"{directory} is no directory; {remedy}")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{directory} has no audit.json; {remedy}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read ({error}); run the audit again") from None
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        found = data.get("schema") if isinstance(data, dict) else type(data).__name__
        raise InputError(f"{path} has the schema {found!r}, this version reads {SCHEMA!r}; run the audit again")
    return data


def _enlist(directory: Path, names: Any) -> None:
    """The pages belong to the result: another audit to the same place replaces them."""
    from verify.output import MANIFEST

    manifest = directory / MANIFEST
    if manifest.is_file():
        listed = manifest.read_text(encoding="utf-8").splitlines()
        manifest.write_text("".join(f"{name}\n" for name in sorted({*listed, *names})), encoding="utf-8")
