"""``dipcert graph``: what rests on what, drawn."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from pathlib import Path
from typing import Final

import click

from verify.commands.guard import TRACE, InputError, complain, guarded, quiet_warnings
from verify.commands.theory_ import fresh_option, get_statuses, known

SUFFIXES: Final = (".svg", ".png", ".pdf", ".dot")


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE",
              help="Where to: FILE.svg, .png, .pdf, or .dot for Graphviz.")  # fmt: skip
@click.option("--root", metavar="ID", help="Only ID and what it rests on.")
@click.option("--prefix", default="", metavar="P", help="Only identifiers that begin with P, such as sharp.")
@click.option("--statement-only", is_flag=True, help="Only what statements use; not what only proofs use.")
@click.option("--all-edges", is_flag=True, help="Draw also the edges that a longer way implies.")
@fresh_option
@click.option("--debug", is_flag=True, help=f"After an internal error, write its trace to {TRACE}.")
def command(
    out: Path, root: str | None, prefix: str, statement_only: bool, all_edges: bool, fresh: bool, debug: bool
) -> None:
    """Draw what rests on what: an arrow goes from an item to those that use it.

    Solid: used in the statement; dashed: used in its proof only. The fill is the status with everything below, the
    border that of the item by itself, the shape its kind. FILE is replaced if it exists.
    """

    def body() -> int:
        with quiet_warnings():
            return execute(out, root, prefix, statement_only=statement_only, all_edges=all_edges, fresh=fresh)

    sys.exit(guarded(body, debug=debug))


def execute(
    out: Path, root: str | None = None, prefix: str = "", *, statement_only: bool = False, all_edges: bool = False,
    fresh: bool = False,
) -> int:  # fmt: skip
    """Write the file; the exit code."""
    from theory.ledger import registry
    from verify.graphs import dependencies, make, to_dot

    suffix = out.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"--out {out} has no suffix that says how to draw; use one of {', '.join(SUFFIXES)}")
    if out.is_dir() or not out.parent.is_dir():
        what = "is a directory" if out.is_dir() else f"is in a directory that does not exist ({out.parent})"
        raise InputError(f"--out {out} {what}; choose a file in an existing directory")
    if root is not None:
        known([root])
    used = dependencies(registry, root=root, prefix=prefix, statement_only=statement_only)
    if not used:
        raise InputError(f"no item begins with {prefix!r}; `dipcert list` has them all")
    graph = make(registry, used, get_statuses(used, fresh=fresh), reduce=not all_edges)
    partial = out.with_name(f".{secrets.token_hex(4)}{suffix}")
    try:
        if suffix == ".dot":
            partial.write_text(to_dot(graph), encoding="utf-8")
        else:
            from verify.graph_drawing import write

            write(graph, partial)
        os.replace(partial, out)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"--out {out} cannot be written ({reason}); choose another file") from None
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    complain(f"{len(graph.items)} items and {len(graph.edges)} edges drawn to {out}")
    return 0
