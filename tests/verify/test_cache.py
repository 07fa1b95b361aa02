"""What SymPy said, kept between calls: never wrong, never in the way."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest

import verify.cache
from theory import status
from theory.ledger import Registry, registry
from theory.statement import Obligation
from theory.symbols import sym
from verify.cache import CheckCache, known_statuses

KEYS = ("step.jacobian_ball", "kl.alpha_half", "dip2.modulus")
ITEMS = [registry[key] for key in KEYS]


@pytest.fixture
def asked(monkeypatch):
    """The items that SymPy was asked about."""
    seen = []
    real = status.check

    def counting(item):
        if item.obligations:
            seen.append(item.id)
        return real(item)

    monkeypatch.setattr(status, "check", counting)
    return seen


def fill(path, **options):
    with CheckCache(path, **options) as memory:
        return [memory(item) for item in ITEMS]


def the_file(path):
    (file,) = path.glob("obligations-*.json")
    return file


def test_the_second_time_nothing_is_asked(tmp_path, asked):
    first = fill(tmp_path / "new" / "deep")
    assert asked == list(KEYS)
    assert fill(tmp_path / "new" / "deep") == first
    assert asked == list(KEYS)
    assert [p.name for p in (tmp_path / "new" / "deep").iterdir()] == [the_file(tmp_path / "new" / "deep").name]


def test_fresh_asks_again_and_remembers(tmp_path, asked):
    fill(tmp_path)
    fill(tmp_path, fresh=True)
    assert asked == [*KEYS, *KEYS]
    fill(tmp_path)
    assert len(asked) == 6


def test_another_theory_is_another_key(tmp_path, asked, monkeypatch):
    fill(tmp_path)
    monkeypatch.setattr(verify.cache, "theory_hash", lambda: "0" * 64)
    fill(tmp_path)
    assert asked == [*KEYS, *KEYS]
    assert len(list(tmp_path.glob("obligations-*.json"))) == 2


def test_old_files_do_not_pile_up(tmp_path, monkeypatch):
    for i in range(15):
        monkeypatch.setattr(verify.cache, "theory_hash", lambda i=i: f"{i:064d}"[::-1])
        fill(tmp_path)
    assert len(list(tmp_path.iterdir())) == verify.cache._KEEP + 1


def test_the_hash_follows_the_sources(tmp_path, monkeypatch):
    import theory

    (tmp_path / "a.py").write_text("x = 1", encoding="utf-8")
    monkeypatch.setattr(theory, "__file__", str(tmp_path / "a.py"))
    fresh = verify.cache.theory_hash.__wrapped__
    before = fresh()
    assert before == fresh()
    (tmp_path / "a.py").write_text("x = 2", encoding="utf-8")
    assert fresh() != before
    monkeypatch.setattr(verify.cache, "version", lambda name: "0")
    changed = fresh()
    (tmp_path / "b.py").write_text("", encoding="utf-8")
    assert fresh() != changed


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: "[" * 100_000,
        lambda text: text.replace('"theory": "', '"theory": "x'),
        lambda text: json.dumps(json.loads(text) | {"checks": 3}),
        lambda text: json.dumps(json.loads(text) | {"checks": {key: [["a", True, ""]] for key in KEYS}}),
        lambda text: json.dumps(json.loads(text) | {"checks": {key: [] for key in KEYS}}),
        lambda text: text.replace("true", "1"),
        lambda text: text.replace("true", '"yes"'),
        lambda text: text.replace("true", "false"),  # not proved, without a reason
        lambda text: text.replace("true", "null"),
    ],
)
def test_a_damaged_file_is_as_good_as_none(damage, tmp_path, asked):
    first = fill(tmp_path)
    file = the_file(tmp_path)
    file.write_text(damage(file.read_text(encoding="utf-8")), encoding="utf-8")
    assert fill(tmp_path) == first
    assert asked == [*KEYS, *KEYS]


def test_a_file_that_is_no_text_is_as_good_as_none(tmp_path, asked):
    fill(tmp_path)
    the_file(tmp_path).write_bytes(b"\xff\xfe\x00")
    fill(tmp_path)
    assert asked == [*KEYS, *KEYS]


@pytest.mark.parametrize("place", ["a file", "/dev/null", "/proc/none"])
def test_a_directory_that_cannot_be_written_costs_time_only(place, tmp_path, asked):
    path = tmp_path / "file"
    path.write_text("mine", encoding="utf-8")
    where = path if place == "a file" else type(path)(place)
    assert all(one.ok for checks in fill(where) for one in checks)
    assert all(one.ok for checks in fill(where) for one in checks)
    assert asked == [*KEYS, *KEYS]
    assert path.read_text(encoding="utf-8") == "mine"


def test_a_write_that_fails_leaves_no_debris_and_the_earlier_file(tmp_path, monkeypatch):
    with CheckCache(tmp_path) as memory:
        memory(ITEMS[0])
    before = the_file(tmp_path).read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(verify.cache.os, "replace", full)
    fill(tmp_path)
    assert the_file(tmp_path).read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_an_interrupt_keeps_what_was_checked(tmp_path, asked, monkeypatch):
    counting = status.check

    def interrupted(item):
        if item.id == KEYS[2]:
            raise KeyboardInterrupt
        return counting(item)

    with monkeypatch.context() as patch:
        patch.setattr(status, "check", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fill(tmp_path)
    assert asked == list(KEYS[:2])
    fill(tmp_path)
    assert asked == list(KEYS)


def test_items_of_ones_own_are_not_remembered(tmp_path, asked):
    broken = replace(ITEMS[0], obligations=(Obligation(ITEMS[0].obligations[0].text, sym("r")),))
    with CheckCache(tmp_path) as memory:
        memory(ITEMS[0])
    with CheckCache(tmp_path) as memory:
        assert not memory(broken)[0].ok
    with CheckCache(tmp_path) as memory:
        assert memory(ITEMS[0])[0].ok
    assert asked == [KEYS[0]] * 2


def test_failures_are_remembered_with_their_reason(tmp_path, monkeypatch, asked):
    broken = replace(ITEMS[0], obligations=(Obligation("bad", sym("r")),))
    monkeypatch.setattr("theory.ledger.registry", Registry((broken,)))
    with CheckCache(tmp_path) as memory:
        first = memory(broken)
    with CheckCache(tmp_path) as memory:
        assert memory(broken) == first
    assert first[0].why
    assert asked == [KEYS[0]]


def test_progress_counts_what_sympy_is_asked(tmp_path, monkeypatch):
    monkeypatch.setattr("verify.cache.directory", lambda: tmp_path)
    seen = []
    known_statuses(registry, KEYS, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] >= 3
    seen.clear()
    known_statuses(registry, KEYS, progress=lambda done, total: seen.append((done, total)))
    assert seen == []


@pytest.mark.skipif(sys.platform != "linux", reason="each platform has its own place")
def test_the_cache_is_where_the_user_wants_it(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert verify.cache.directory() == tmp_path / "dipcert"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert verify.cache.directory() == tmp_path / ".cache" / "dipcert"
