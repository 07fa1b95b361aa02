"""``dipcert list``: every item on a line of its own, whatever the terminal, and filters that filter."""

from __future__ import annotations

import json
import sys
from collections import Counter

import pytest
from click.testing import CliRunner

from theory.ledger import registry
from theory.statement import Hypothesis, Kind, Origin
from theory.status import LEVELS
from verify.cli import main
from verify.commands import list_

pytestmark = pytest.mark.usefixtures("cache")


def dipcert(*arguments, **options):
    return CliRunner().invoke(main, ["list", *arguments], **options)


def listed(*arguments):
    done = dipcert(*arguments)
    assert done.exit_code == 0, done.output
    header, *rows = done.stdout.splitlines()
    assert header.split() == list(list_.HEADER)
    assert rows[-2] == ""
    return [row.split(maxsplit=4) for row in rows[:-2]], rows[-1]


@pytest.mark.parametrize("columns", [None, "80", "40"])
def test_every_item_has_its_line(columns, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    rows, summary = listed()
    assert [row[0] for row in rows] == list(registry)
    for name, kind, direction, level, title in rows:
        assert (kind, direction, title) == (registry[name].kind, registry[name].direction, registry[name].title)
        assert level in LEVELS
    assert summary.startswith(f"{len(registry)} items: ")
    counts = Counter(row[3] for row in rows)
    assert all(f"{count} {level}" in summary for level, count in counts.items())


def test_on_a_terminal_titles_are_cut_and_identifiers_are_not(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    lines = list_.listing().splitlines()[1:-2]
    assert [line.split()[0] for line in lines] == list(registry)
    assert max(map(len, lines)) == 80
    assert sum(line.endswith("…") for line in lines) > 50


def test_json_is_strict_and_complete():
    done = dipcert("--json")
    data = json.loads(done.stdout, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert [entry["id"] for entry in data] == list(registry)
    by_id = {entry["id"]: entry for entry in data}
    stop = by_id["sharp.stop"]
    assert (stop["status"], stop["own_status"]) == ("written", "checked")
    assert stop["obligations"] == stop["obligations_proved"] == 3
    assert stop["weakest"] == "step.triangle_obs"
    assert by_id["sharp.condition"]["status"] == "checked"


def expected(keep):
    return [key for key, item in registry.items() if keep(item)]


@pytest.mark.parametrize(
    ("arguments", "keep"),
    [
        (["--kind", "lemma"], lambda i: i.kind == "lemma"),
        (["--kind", "lemma", "--kind", "remark"], lambda i: i.kind in ("lemma", "remark")),
        (["--prefix", "sharp."], lambda i: i.id.startswith("sharp.")),
        (["--origin", "paper"], lambda i: i.origin == "paper"),
        (["--quantitative"], lambda i: bool(i.formulas)),
        (["--status", "assumed"], lambda i: isinstance(i, Hypothesis)),
        (["--status", "trusted", "--status", "assumed"], lambda i: i.kind in ("trusted", "assumption")),
        (["--search", "WEYL"], lambda i: "weyl" in (i.id + i.title + i.text).lower()),
        (["--prefix", "sharp.", "--kind", "theorem", "--search", "stopping"], lambda i: i.id == "sharp.stop"),
    ],
)
def test_filters(arguments, keep):
    rows, summary = listed(*arguments)
    assert [row[0] for row in rows] == expected(keep)
    assert 0 < len(rows) < len(registry)
    assert summary.startswith("1 item: " if len(rows) == 1 else f"{len(rows)} items: ")


def test_nothing_found_is_said():
    rows, summary = listed("--prefix", "nope")
    assert rows == []
    assert "nothing matches" in summary


@pytest.mark.parametrize("arguments", [["--kind", "theorm"], ["--status", "proved"], ["--origin", "x"], ["extra"]])
def test_wrong_usage_is_exit_code_2(arguments):
    done = dipcert(*arguments)
    assert done.exit_code == 2
    assert "Traceback" not in done.output


def test_the_options_know_every_kind_origin_and_status():
    assert set(list_.KINDS) == set(Kind.__args__)
    assert set(list_.ORIGINS) == set(Origin.__args__)
    assert tuple(LEVELS) == list_.STATUSES


def test_fresh_asks_again(monkeypatch):
    seen = []
    monkeypatch.setattr("verify.cache.known_statuses", lambda *a, **k: seen.append(k["fresh"]) or {})
    for option in ("--fresh", "--no-cache"):
        dipcert(option, "--prefix", "nope")
    dipcert("--prefix", "nope")
    assert seen == [True, True, False]


def test_an_interrupt_is_130(monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("verify.cache.known_statuses", interrupted)
    done = dipcert()
    assert done.exit_code == 130
    assert done.stderr.count("\n") == 1


def test_progress_is_shown_on_a_terminal_only(monkeypatch, tmp_path, capsys):
    from verify.commands.theory_ import get_statuses

    monkeypatch.setattr("verify.cache.directory", lambda: tmp_path)
    get_statuses(["step.jacobian_ball"], fresh=True)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    get_statuses(["step.jacobian_ball"], fresh=True)
    captured = capsys.readouterr()
    assert "checking the calculus" in captured.err
    assert captured.out == ""
