"""The store: one SQLite file with every replica that has ever been finished, by content.

A row is found by (key of the cell, replica, version of the code), so that a store may serve many experiments, sweeps that
overlap and programs that run at once; what is there already is never replaced.  Every batch is one transaction with
SQLite's rollback journal: a store survives kill -9 and a power cut with all that was committed.  There is no write-ahead log,
which network file systems do not bear.
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from verify.sweep.kind import CellResult, Kind, Results
from verify.sweep.plan import Plan
from verify.tables import ProblemError

__all__ = ["Finished", "Job", "Store", "StoreError"]

_APPLICATION = 0x64697077  # "dipw", in the header of the file
_SCHEMA = 1
_BUSY_SECONDS = 60.0
_TABLES = """
CREATE TABLE IF NOT EXISTS cells (cell TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS results (
    cell TEXT NOT NULL, replica INTEGER NOT NULL, code TEXT NOT NULL,
    record TEXT NOT NULL, seconds REAL NOT NULL, finished TEXT NOT NULL,
    PRIMARY KEY (cell, replica, code)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sweeps (begun TEXT NOT NULL, title TEXT NOT NULL, code TEXT NOT NULL, environment TEXT NOT NULL);
"""

Job = tuple[str, int]
"""Key of a cell, replica."""


class StoreError(ProblemError):
    """The store cannot be used or written; what it holds is untouched."""


@dataclass(frozen=True)
class Finished:
    """A replica: its record as plain values, and how long it took."""

    cell: str
    replica: int
    values: tuple[bool | int | float | str, ...]
    seconds: float


class Store:
    """An open store; use it as a context manager."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._db = connection

    @classmethod
    def open(cls, path: str | Path, busy_seconds: float = _BUSY_SECONDS) -> Store:
        """The store in that file, made if there is none; StoreError, and nothing touched, if it is something else."""
        path = Path(path)
        known = _look(path)
        with _told(path):
            db = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None)
            store = cls(path, db)
            try:
                db.execute("PRAGMA synchronous = FULL")
                if not known or db.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
                    with store._transaction():
                        for statement in _TABLES.split(";"):
                            db.execute(statement)
                        db.execute(f"PRAGMA application_id = {_APPLICATION}")
                        db.execute(f"PRAGMA user_version = {_SCHEMA}")
                db.execute("SELECT count(*) FROM sweeps").fetchone()
            except BaseException:
                db.close()
                raise
        return store

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------------------------------------------------ write
    def register(self, plan: Plan, code: str, environment: dict[str, str]) -> None:
        """Note that a sweep begins, and what its cells are: fails where a store cannot be written, before anything ran."""
        with _told(self.path), self._transaction():
            self._db.execute(
                "INSERT INTO sweeps VALUES (?, ?, ?, ?)",
                (_now(), plan.title, code, json.dumps(environment, sort_keys=True)),
            )
            self._db.executemany(
                "INSERT OR IGNORE INTO cells VALUES (?, ?)", [(cell.key, cell.content) for cell in plan.cells]
            )

    def add(self, finished: Iterable[Finished], code: str) -> int:
        """Keep these replicas, all of them or, where the disk refuses, none; how many were new."""
        now = _now()
        rows = [(f.cell, f.replica, code, _written(f.values), f.seconds, now) for f in finished]
        with _told(self.path), self._transaction():
            before = self._db.total_changes
            self._db.executemany("INSERT OR IGNORE INTO results VALUES (?, ?, ?, ?, ?, ?)", rows)
            return self._db.total_changes - before

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    # ------------------------------------------------------------------------------------------------------------- read
    def missing(self, jobs: Sequence[Job], code: str) -> list[Job]:
        """Those that are not there, in their order."""
        query = "SELECT 1 FROM results WHERE cell = ? AND replica = ? AND code = ?"
        with _told(self.path):
            return [job for job in jobs if self._db.execute(query, (*job, code)).fetchone() is None]

    def open_jobs(self, plan: Plan, code: str) -> list[Job]:
        """The replicas of the experiment that are not there."""
        query = "SELECT replica FROM results WHERE cell = ? AND code = ? AND replica < ?"
        found: list[Job] = []
        with _told(self.path):
            for cell in plan.cells:
                there = {row[0] for row in self._db.execute(query, (cell.key, code, plan.replicas))}
                found += [(cell.key, replica) for replica in range(plan.replicas) if replica not in there]
        return found

    def count(self, plan: Plan, code: str) -> int:
        """How many replicas of the experiment are there."""
        query = "SELECT count(*) FROM results WHERE cell = ? AND code = ? AND replica < ?"
        with _told(self.path):
            return sum(self._db.execute(query, (cell.key, code, plan.replicas)).fetchone()[0] for cell in plan.cells)

    def results(self, plan: Plan, code: str) -> Results:
        """The replicas of the experiment that are there, cell by cell."""
        query = "SELECT replica, record FROM results WHERE cell = ? AND code = ? AND replica < ? ORDER BY replica"
        cells = []
        with _told(self.path):
            for cell in plan.cells:
                rows = self._db.execute(query, (cell.key, code, plan.replicas)).fetchall()
                records = {replica: plan.kind.restored(_read(plan.kind, text)) for replica, text in rows}
                cells.append(CellResult(cell.config, plan.replicas, records))
        return Results(plan.title, tuple(cells))

    def seconds(self, plan: Plan, code: str) -> float:
        """Computing time of the replicas of the experiment that are there."""
        query = "SELECT total(seconds) FROM results WHERE cell = ? AND code = ? AND replica < ?"
        with _told(self.path):
            return math.fsum(
                self._db.execute(query, (cell.key, code, plan.replicas)).fetchone()[0] for cell in plan.cells
            )


def _look(path: Path) -> bool:
    """Whether the file is there, and a store; StoreError if it is anything else. Nothing is opened for writing."""
    if path.is_dir():
        raise StoreError(f"{path} is a directory; give the name of a file")
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except FileNotFoundError:
        if not path.absolute().parent.is_dir():
            raise StoreError(f"{path}: there is no directory {path.parent}; make it, or choose another place") from None
        if not os.access(path.absolute().parent, os.W_OK):
            raise StoreError(f"{path}: the directory {path.parent} is not writable; choose another place") from None
        return False
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({(error.strerror or str(error)).lower()})") from None
    if not head:
        return False  # another sweep is about to make it
    alone = "it is left untouched; choose another place for the store"
    if len(head) < 100 or not head.startswith(b"SQLite format 3\0"):
        raise StoreError(f"{path} is no SQLite file; {alone}")
    application, schema = (int.from_bytes(head[at : at + 4], "big") for at in (68, 60))
    if application != _APPLICATION:
        raise StoreError(f"{path} is an SQLite file of something else than a sweep; {alone}")
    if schema != _SCHEMA:
        raise StoreError(
            f"{path} is a store of schema {schema}, this version of dipcert reads {_SCHEMA}; it is left untouched: use the "
            "version that made it, or choose another place for the store"
        )
    return True


_REMEDIES = {
    sqlite3.SQLITE_FULL: "make room and go on with --resume",
    sqlite3.SQLITE_IOERR: "the disk refuses, for example because it is full or over quota: mend that and go on with --resume",
    sqlite3.SQLITE_READONLY: "make it writable and go on with --resume, or choose another place",
    sqlite3.SQLITE_CANTOPEN: "make file and directory readable and writable and go on with --resume",
    sqlite3.SQLITE_BUSY: "another program keeps it locked: wait for it and go on with --resume",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: restore it from a copy, or begin another store",
    sqlite3.SQLITE_NOTADB: "the file is damaged: restore it from a copy, or begin another store",
}


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What SQLite refuses, in one line with a remedy."""
    try:
        yield
    except sqlite3.Error as error:
        primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
        remedy = _REMEDIES.get(primary, "choose another place for the store")
        raise StoreError(f"the store {path} cannot be used ({error}); what it holds is kept: {remedy}") from error


def _written(values: Sequence[bool | int | float | str]) -> str:
    """A record as strict JSON: what no JSON number is becomes a text, which the type of its column tells apart."""
    return json.dumps(
        [str(v) if isinstance(v, float) and not math.isfinite(v) else v for v in values], separators=(",", ":")
    )


def _read(kind: Kind, text: str) -> list[Any]:
    return [
        float(value) if wanted is float else value
        for (_, wanted), value in zip(kind.columns, json.loads(text), strict=True)
    ]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
