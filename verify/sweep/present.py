"""The files of a result: replicas, summary, figures with their numbers, beside the store."""

from __future__ import annotations

import os
from pathlib import Path

from verify.output import MANIFEST
from verify.sweep.export import csv_text, replica_table
from verify.sweep.kind import Summary
from verify.sweep.plan import Plan
from verify.sweep.store import Store
from verify.tables import ProblemError

__all__ = ["STORE", "Place", "write"]

STORE = "store.sqlite"
_SUFFIXES = (".sqlite", ".sqlite3", ".db")


class Place:
    """Where a sweep is kept: `store`, a file, and `directory`, for everything that is made of it."""

    def __init__(self, out: Path) -> None:
        """From --out: a directory, or the file of the store (.sqlite, .sqlite3, .db), with the directory beside it."""
        alone = out.suffix in _SUFFIXES and not out.is_dir()
        self.directory = out.with_suffix("") if alone else out
        self.store = out if alone else out / STORE

    def prepare(self) -> None:
        """Make the directory; ProblemError, and nothing changed, if it holds other things or cannot be made."""
        directory = self.directory
        if directory.exists() and not directory.is_dir():
            raise ProblemError(f"--out {directory} is a file; choose a directory, or a store that ends in .sqlite")
        try:
            names = {entry.name for entry in directory.iterdir()} if directory.exists() else set()
            if names and not names & {STORE, MANIFEST}:
                raise ProblemError(
                    f"--out {directory} is not empty and holds no sweep, so it is left alone; choose another directory"
                )
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise ProblemError(f"--out {directory} cannot be used ({reason}); choose another place") from None


def write(plan: Plan, store: Store, code: str, place: Place) -> Summary:
    """Replicas, tables and figures into the directory, each file whole or not at all; the summary."""
    import matplotlib

    results = store.results(plan, code)
    summary = plan.kind.summary(results)
    every = [replica_table(plan.kind, results), *summary.tables, *(picture.table for picture in summary.pictures)]
    written = []
    try:
        for table in every:
            _put(place.directory / f"{table.name}.csv", csv_text(table.header, table.rows).encode())
            written.append(f"{table.name}.csv")
        with matplotlib.rc_context({"svg.hashsalt": "dipcert"}):
            for picture in summary.pictures:
                path = place.directory / f"{picture.table.name}.svg"
                beside = _beside(path)
                picture.figure.savefig(beside, format="svg", metadata={"Date": None})
                beside.replace(path)
                written.append(path.name)
        _put(place.directory / MANIFEST, "".join(f"{name}\n" for name in sorted(written)).encode())
    except OSError as error:
        raise ProblemError(
            f"results could not be written to {place.directory} ({(error.strerror or str(error)).lower()}); every replica is "
            f"kept in {store.path}: mend that and run the command again with --resume"
        ) from None
    return summary


def _put(path: Path, content: bytes) -> None:
    beside = _beside(path)
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.part")
