"""A store that cannot be written, or is none: one line, exit code 2, and what is in it is kept."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from verify.cli import main
from verify.sweep import Store, StoreError, sweep
from verify.sweep.store import Finished

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _foreign(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE cells (a)")
    db.execute("INSERT INTO cells VALUES (1)")
    db.commit()
    db.close()


def _newer(path: Path) -> None:
    Store.open(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 7")
    db.close()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_text("n,m,k\n" * 40, encoding="utf-8"), "is no SQLite file; it is left untouched"),
        (lambda path: path.write_bytes(b"SQLite"), "is no SQLite file"),
        (_foreign, "is an SQLite file of something else than a sweep; it is left untouched"),
        (_newer, "is a store of schema 7, this version of dipcert reads 1; it is left untouched"),
    ],
)
def test_what_is_no_store_is_left_untouched(quick, command, tmp_path: Path, make, words):
    path = tmp_path / "x.sqlite"
    make(path)
    before = digest(path)
    with pytest.raises(StoreError, match=words):
        Store.open(path)
    assert digest(path) == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.sqlite"]


def test_a_damaged_store_is_told(quick, tmp_path: Path):
    path = tmp_path / "x.sqlite"
    with Store.open(path) as store:
        sweep(quick.plan, store)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(bytes(content))
    words = r"the store .*x\.sqlite cannot be used .*restore it from a copy"
    with pytest.raises(StoreError, match=words), Store.open(path) as store:
        store.count(quick.plan, "x")


def test_places_where_no_store_can_be(tmp_path: Path):
    with pytest.raises(StoreError, match="is a directory"):
        Store.open(tmp_path)
    with pytest.raises(StoreError, match="there is no directory"):
        Store.open(tmp_path / "a" / "b.sqlite")


def test_a_locked_store_is_waited_for_and_then_told(tmp_path: Path):
    path = tmp_path / "s.sqlite"
    with Store.open(path, busy_seconds=0.2) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match=r"database is locked.*wait for it and go on with --resume"):
            store.add([Finished("a", 0, (1.0,), 0.1)], "c")
        other.execute("COMMIT")
        other.close()
        assert store.add([Finished("a", 0, (1.0,), 0.1)], "c") == 1
        assert store.add([Finished("a", 0, (2.0,), 0.1), Finished("a", 1, (3.0,), 0.1)], "c") == 1  # never replaced


# --- read-only
@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Makes `tmp_path/disk` read-only: the superuser, who writes where nobody may, by mounting it so."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not ROOT:
        yield lambda: [path.chmod(0o555 if path.is_dir() else 0o444) for path in (*disk.rglob("*"), disk)]
        for path in (disk, *disk.rglob("*")):
            path.chmod(0o755)
    else:
        _mounted(disk, "4m")
        yield lambda: subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        subprocess.run(["umount", str(disk)], check=True)


def _mounted(disk: Path, size: str) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)]
    if not ROOT or shutil.which("mount") is None or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no right to mount a small disk")


def test_a_read_only_store(quick, read_only, tmp_path: Path):
    place = tmp_path / "disk" / "out"
    place.mkdir()
    with Store.open(place / "store.sqlite") as store:
        assert sweep(quick.plan, store, max_time=0).status == "time"
        assert sweep(dataclasses.replace(quick.plan, replicas=1), store).status == "complete"
    whole = tmp_path / "disk" / "whole.sqlite"
    with Store.open(whole) as store:
        sweep(quick.plan, store)
    before = digest(place / "store.sqlite")
    read_only()
    done = CliRunner().invoke(main, ["sweep", str(quick.file), "--out", str(place), "--resume", "--jobs", "1"])
    assert done.exit_code == 2, done.output
    assert "readonly database" in done.stderr
    assert "what it holds is kept: make it writable and go on with --resume, or choose another place" in done.stderr
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)
    assert digest(place / "store.sqlite") == before
    with Store.open(whole) as store:  # to read is no problem, and nothing is to be computed
        assert sweep(quick.plan, store).status == "complete"
        assert quick.at(whole) == quick.expected
    new = CliRunner().invoke(main, ["sweep", str(quick.file), "--out", str(place / "new")])
    assert new.exit_code == 2
    assert "choose another place" in new.stderr


# --- disk full
def _resumed(many, place: Path) -> None:
    """After somebody has made room."""
    before = len(many.at(place).splitlines()) - 1
    assert 0 <= before < many.plan.total
    with Store.open(place) as store:
        assert sweep(many.plan, store).computed == many.plan.total - before
    assert many.at(place) == many.expected


def test_a_file_that_may_not_grow_is_a_full_disk(many, command, tmp_path: Path):
    """Without any privilege: the limit of the size of a file."""
    place = tmp_path / "s.sqlite"
    limit = 45_000
    code, _, err = command(
        many.file,
        "--out",
        place,
        "--jobs",
        1,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    ).wait()
    assert code == 2, err
    assert f"the store {place} cannot be used (" in err
    assert "what it holds is kept" in err
    assert "go on with --resume" in err
    assert f"of {many.plan.total} replicas are in it" in err
    assert "Traceback" not in err
    kept = len(many.at(place).splitlines()) - 1
    assert 0 < kept < many.plan.total
    assert f"({kept} of {many.plan.total} replicas are in it)" in err
    _resumed(many, place)


def test_a_full_disk(many, command, tmp_path: Path):
    """A disk of 64 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    _mounted(disk, "64k")  # the limit of file sizes is tested in any case
    try:
        place = disk / "s.sqlite"
        code, _, err = command(many.file, "--out", place, "--jobs", 1).wait()
        assert code == 2, err
        assert "database or disk is full" in err or "disk I/O error" in err
        assert "make room and go on with --resume" in err or "mend that and go on with --resume" in err
        assert "Traceback" not in err
        kept = len(many.at(place).splitlines()) - 1
        assert 0 < kept < many.plan.total
        assert f"({kept} of {many.plan.total} replicas are in it)" in err
        subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
        _resumed(many, place)
    finally:
        subprocess.run(["umount", str(disk)], check=True)
