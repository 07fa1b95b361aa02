"""A small experiment, its table as it should be, and the command as a process."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from verify.sweep import Plan, Store, code_version, load_plan, sweep
from verify.sweep.export import csv_text, replica_table

# W only and square: no replica converges, so that each takes all of its steps
SLOW = """
kind = "phase"
replicas = {replicas}
seed = 5
[fixed]
cap = {cap}
train = "W"
kernel = "numpy"
[grid]
n = [5, 6]
m = 6
k = {{ from = 5, to = 9, step = 2 }}
"""


def table(plan: Plan, store: Store) -> bytes:
    """The replicas as canonical CSV."""
    found = replica_table(plan.kind, store.results(plan, code_version(plan.kind)))
    return csv_text(found.header, found.rows).encode()


def count(path: Path) -> int:
    """Rows in a store, looked at from outside; 0 as long as there is none."""
    try:
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    except sqlite3.Error:
        return 0
    try:
        return int(db.execute("SELECT count(*) FROM results").fetchone()[0])
    except sqlite3.Error:
        return 0
    finally:
        db.close()


class Command:
    """`dipcert sweep` in a process group of its own."""

    def __init__(self, *arguments: object, **options: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "verify.cli", "sweep", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **options,  # type: ignore[call-overload]
        )

    def wait(self) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        out, err = self.process.communicate(timeout=180)
        return self.process.returncode, out, err

    def computed(self) -> int:
        """How many replicas it says to have computed; it must have ended well."""
        code, out, err = self.wait()
        assert code == 0, err
        found = re.search(r"(\d+) computed now", out)
        assert found is not None
        return int(found.group(1))

    def until(self, path: Path, rows: int) -> bool:
        """Wait for so many rows in the store; whether the process is still running."""
        while self.process.poll() is None and count(path) < rows:
            time.sleep(0.01)
        return self.process.poll() is None

    def kill(self, number: int = signal.SIGKILL) -> None:
        """A signal to the driver alone."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    def orphans(self, seconds: float = 20.0) -> list[str]:
        """What is left of the group, once it had time to end."""
        end = time.monotonic() + seconds
        while (left := self._group()) and time.monotonic() < end:
            time.sleep(0.05)
        return left

    def _group(self) -> list[str]:
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != self.process.pid:
                with contextlib.suppress(OSError):
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                    if int(fields[2]) == self.process.pid and fields[0] != "Z":
                        found.append((entry / "cmdline").read_text().replace("\0", " "))
        return found


class Small:
    """An experiment file, its plan, and the bytes that every way to run it has to end with."""

    def __init__(self, directory: Path, replicas: int, cap: int) -> None:
        self.file = directory / "small.toml"
        self.file.write_text(SLOW.format(replicas=replicas, cap=cap), encoding="utf-8")
        self.plan = load_plan(self.file)
        with Store.open(directory / "reference.sqlite") as store:
            assert sweep(self.plan, store).status == "complete"
            self.expected = table(self.plan, store)

    def at(self, path: Path) -> bytes:
        """The table in that store, which has to be whole."""
        with contextlib.closing(sqlite3.connect(path)) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        with Store.open(path) as store:
            return table(self.plan, store)


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """A few milliseconds a replica: 24 of them."""
    return Small(tmp_path_factory.mktemp("quick"), 4, 50)


@pytest.fixture(scope="session")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """Some 15 ms a replica, 84 of them: there is time to disturb it."""
    return Small(tmp_path_factory.mktemp("slow"), 14, 1200)


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """A millisecond a replica, 240 of them: they fill a small disk."""
    return Small(tmp_path_factory.mktemp("many"), 40, 10)


@pytest.fixture
def command() -> type[Command]:
    return Command


@pytest.fixture
def read() -> Callable[[Plan, Store], bytes]:
    return table


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [os.getcwd(), os.environ.get("PYTHONPATH")])))
