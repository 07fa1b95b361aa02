"""`dipcert sweep`: what it prints and writes; whatever is wrong with the input is one line and exit code 2."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from verify.cli import main
from verify.sweep import parse_plan
from verify.tables import ProblemError

GOOD = {
    "kind": "phase",
    "replicas": 2,
    "fixed": {"m": 2, "cap": 60, "kernel": "numpy"},
    "grid": {"n": [2, 3], "k": [4, 8]},
}


def write(path: Path, data) -> Path:
    """TOML of a dictionary: values as JSON, tables inline."""

    def value(x):
        if isinstance(x, dict):
            return "{" + ", ".join(f"{k} = {value(v)}" for k, v in x.items()) + "}"
        return "[" + ", ".join(map(value, x)) + "]" if isinstance(x, list) else json.dumps(x)

    path.write_text("".join(f"{k} = {value(v)}\n" for k, v in data.items()), encoding="utf-8")
    return path


def run(*arguments):
    return CliRunner().invoke(main, ["sweep", *map(str, arguments)])


def test_a_sweep_its_files_and_going_on(tmp_path: Path):
    file = write(tmp_path / "e.toml", GOOD)
    out = tmp_path / "out"
    first = run(file, "--out", out, "--jobs", 1, "--max-time", 0)
    assert first.exit_code == 3, first.output
    assert "time is up; 0 of 8 replicas are kept: go on with --resume" in first.stderr
    done = run(file, "--out", out, "--jobs", 1, "--resume", "--export", tmp_path / "r.csv")
    assert done.exit_code == 0, done.output
    assert "4 cells, 2 replicas each: 8 of 8 there, 8 computed now" in done.stdout
    names = {"store.sqlite", "results.csv", "cells.csv", "phase-n.svg", "phase-n.csv", ".dipcert"}
    assert {p.name for p in out.iterdir()} == names
    assert (tmp_path / "r.csv").read_bytes() == (out / "results.csv").read_bytes()
    with (out / "results.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [(r["n"], r["k"], r["replica"]) for r in rows] == [(n, k, i) for n in "23" for k in "48" for i in "01"]
    files = {name: (out / name).read_bytes() for name in names - {"store.sqlite"}}
    again = run(file, "--out", out, "--resume")
    assert "0 computed now" in again.stdout
    assert files == {name: (out / name).read_bytes() for name in files}
    refused = run(file, "--out", out)
    assert refused.exit_code == 2
    assert "has 8 of the 8 replicas of this experiment already; add --resume" in refused.stderr
    more = run(write(tmp_path / "e.toml", {**GOOD, "replicas": 3}), "--out", out, "--resume", "--jobs", 1)
    assert "12 of 12 there, 4 computed now" in more.stdout


def test_a_store_of_ones_own_name(tmp_path: Path):
    done = run(write(tmp_path / "e.toml", GOOD), "--out", tmp_path / "mine.sqlite", "--jobs", 1)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "mine.sqlite").is_file()
    assert (tmp_path / "mine" / "results.csv").is_file()


def test_parquet_has_the_same_table(tmp_path: Path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    file = write(tmp_path / "e.toml", {**GOOD, "grid": {"n": [2], "k": [4], "gamma": ["stable", 0.1]}})
    done = run(file, "--out", tmp_path / "o", "--jobs", 1, "--export", tmp_path / "r.parquet")
    assert done.exit_code == 0, done.output
    columns = parquet.read_table(tmp_path / "r.parquet").to_pydict()
    with (tmp_path / "o" / "results.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert list(columns) == list(rows[0])
    assert [repr(x) for x in columns["sigma_F"]] == [row["sigma_F"] for row in rows]
    assert [str(x) for x in columns["converged"]] == [row["converged"] for row in rows]
    assert columns["gamma"] == ["0.1", "0.1", "stable", "stable"]  # numbers and texts: as texts


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "phse"}, "kind = 'phse' is unknown; did you mean 'phase'?"),
        ({"kind": None}, "has no kind"),
        ({"replicas": None}, "has no replicas; add replicas = 50"),
        ({"replicas": 0}, "replicas = 0"),
        ({"replicas": 2.0}, "replicas = 2.0"),
        ({"seed": -1}, "seed = -1"),
        ({"repplicas": 3}, "unknown key 'repplicas'; did you mean 'replicas'?"),
        ({"fixed": 3}, "fixed = 3 is not a table"),
        ({"fixed": {"m": 2, "capp": 3}}, "[fixed] has 'capp', which is no parameter of phase; did you mean 'cap'?"),
        ({"grid": {"n": [2], "widht": [2]}}, "[grid] has 'widht', which is no parameter of phase"),
        ({"grid": [{"n": [2], "k": [3]}, {"nn": 3}]}, "[grid 2] has 'nn'"),
        ({"grid": []}, "grid = [] has no grid"),
        ({"grid": {"n": [], "k": [3]}}, "[grid] n = [] has no values"),
        ({"grid": {"n": [2, 3, 2], "k": [3]}}, "[grid] n has 2 twice"),
        ({"grid": {"n": [2], "k": [3], "m": [4]}}, "m is in [fixed] and in [grid]"),
        ({"grid": {"n": [2]}}, "[grid] at n = 2: has no k"),
        ({"grid": {"n": [2], "k": [0]}}, "[grid] at n = 2, k = 0: k = 0; it must be an integer of at least 1"),
        ({"grid": {"n": [2], "k": ["a"]}}, "[grid] at n = 2, k = 'a': k = 'a'"),
        ({"grid": {"n": [2], "k": [3], "train": ["V"]}}, "train = 'V' is unknown"),
        ({"grid": {"n": [2], "k": [3], "activation": ["thanh"]}}, "unknown activation"),
        ({"grid": {"n": [2], "k": {"to": 3, "points": 2}}}, "[grid.k] has no from"),
        ({"grid": {"n": [2], "k": {"from": 3, "points": 2}}}, "[grid.k] has no to"),
        ({"grid": {"n": [2], "k": {"from": 3, "to": 9}}}, "[grid.k] needs either points or step"),
        ({"grid": {"n": [2], "k": {"from": 9, "to": 3, "points": 2}}}, "to has to be the larger one"),
        ({"grid": {"n": [2], "k": {"from": 0, "to": 3, "points": 2, "spacing": "log"}}}, "begins above 0"),
        ({"grid": {"n": [2], "k": {"from": 1, "to": 3, "step": 1, "spacing": "log"}}}, "spacing belongs to points"),
        ({"grid": {"n": [2], "k": {"from": 1, "to": 3, "pionts": 3}}}, "did you mean 'points'?"),
        ({"grid": {"n": [2], "k": [3], "train": {"from": 1, "to": 3, "step": 1}}}, "train is no number"),
        ({"grid": {"n": {"from": 1, "to": 1000, "step": 1}, "k": {"from": 1, "to": 1000, "step": 1}}}, "1000000 cells"),
    ],
)
def test_bad_experiment_files(tmp_path: Path, changes, words):
    data = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    file = write(tmp_path / "e.toml", data)
    done = run(file, "--out", tmp_path / "out")
    assert done.exit_code == 2, done.output
    assert words in done.stderr
    assert done.stderr.startswith(f"dipcert: {file}")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_ranges():
    def ks(table):
        return [cell.config.k for cell in parse_plan({**GOOD, "grid": {"n": [2], "k": table}}).cells]

    assert ks({"from": 10, "to": 30, "step": 10}) == [10, 20, 30]
    assert ks({"from": 1, "to": 4, "points": 10}) == [1, 2, 3, 4]  # whole numbers, each once
    assert ks({"from": 1, "to": 64, "points": 7, "spacing": "log"}) == [1, 2, 4, 8, 16, 32, 64]
    noise = parse_plan({**GOOD, "grid": {"n": 2, "k": 3, "noise": {"from": 0.1, "to": 0.3, "points": 3}}}).cells
    assert [cell.config.noise for cell in noise] == [0.1, 0.2, 0.3]
    twice = parse_plan({**GOOD, "grid": [{"n": [2, 3], "k": [4]}, {"n": [3, 5], "k": [4]}]})
    assert [cell.config.n for cell in twice.cells] == [2, 3, 5]


def test_bad_arguments(tmp_path: Path, monkeypatch):
    file = write(tmp_path / "e.toml", GOOD)
    assert "give one of them" in run(file, "--jobs", 1, "--dask", "tcp://x:1").stderr
    assert "a nonnegative number" in run(file, "--max-time", -1).stderr
    assert "unknown kind of file '.xlsx'" in run(file, "--export", tmp_path / "a.xlsx").stderr
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x", encoding="utf-8")
    held = run(file, "--out", tmp_path / "mine")
    assert (held.exit_code, "is not empty and holds no sweep, so it is left alone" in held.stderr) == (2, True)
    assert "did you mean" in run(tmp_path / "ee.toml").stderr
    # a missing library
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    without = run(file, "--out", tmp_path / "o", "--export", tmp_path / "a.parquet")
    assert (without.exit_code, 'pip install "dipcert[parquet]"' in without.stderr) == (2, True)
    monkeypatch.setitem(sys.modules, "distributed", None)
    without = run(file, "--out", tmp_path / "o", "--dask", "tcp://x:1")
    assert (without.exit_code, 'pip install "dipcert[dask]"' in without.stderr) == (2, True)


def test_the_examples_are_valid():
    from verify.sweep import load_plan

    examples = Path(__file__).parents[3] / "examples" / "sweeps"
    assert load_plan(examples / "phase_small.toml").total == 1568
    paper = load_plan(examples / "phase_paper.toml")
    assert (len(paper.cells), paper.replicas) == (380, 50)  # the maps share n = 60, m = 10
    assert max(cell.config.n for cell in paper.cells) == 60
    assert max(cell.config.k for cell in paper.cells) == 1000
    with pytest.raises(ProblemError, match="does not exist"):
        load_plan(examples / "phase_smal.toml")
