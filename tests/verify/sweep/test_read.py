"""A sweep read back from its CSV: the same results, and a word for every file that is not one of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from verify.sweep import Store, code_version, load_plan, read_sweep, sweep
from verify.sweep.export import csv_text, replica_table
from verify.sweep.groups import families, fraction
from verify.tables import ProblemError

EXPERIMENT = """
kind = "phase"
title = "Small"
replicas = {replicas}
[fixed]
m = 2
cap = 60
tolerance = 0.01
kernel = "numpy"
[grid]
n = [3, 4]
k = [3, 30]
train = ["both", "W"]
gamma = ["stable", 0.25]
kappa = [10.0]
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory):
    place = tmp_path_factory.mktemp("read")
    file = place / "e.toml"
    file.write_text(EXPERIMENT.format(replicas=3), encoding="utf-8")
    plan = load_plan(file)
    with Store.open(place / "s.sqlite") as store:
        sweep(plan, store)
        results = store.results(plan, code_version(plan.kind))
    table = replica_table(plan.kind, results)
    csv = place / "results.csv"
    csv.write_text(csv_text(table.header, table.rows), encoding="utf-8")
    return file, csv, results


def test_what_is_read_is_what_was_computed(done):
    file, csv, results = done
    found = read_sweep(file, csv)
    assert found.results.title == "Small"
    computed = {cell.config: cell.records for cell in results.cells}
    assert {cell.config for cell in found.results.cells} == set(computed)
    for cell in found.results.cells:
        assert repr(sorted(cell.records.items())) == repr(sorted(computed[cell.config].items()))  # nan is nan
    again = replica_table(found.kind, found.results)
    assert csv_text(again.header, again.rows) == csv.read_text(encoding="utf-8")
    assert found.columns["gamma"].tolist().count("stable") == 24
    assert found.columns["converged"].dtype == bool


def test_tables_and_pictures_are_found_by_name(done):
    found = read_sweep(*done[:2])
    cells = found.table("cells")
    assert cells["replicas"].tolist() == [3] * 16
    name = found.summary.pictures[0].table.name
    assert found.figure(name) is found.summary.pictures[0].figure
    with pytest.raises(ValueError, match=r"no table 'cell'; did you mean 'cells'"):
        found.table("cell")
    with pytest.raises(ValueError, match="no picture 'cells'"):
        found.figure("cells")


def test_families_have_all_cells_once(done):
    results = done[2]
    assert {r.converged for cell in results.cells for r in cell.records.values()} == {True, False}
    found = list(families(results, "k", "train"))
    assert len(found) == 4  # n by gamma
    assert sum(len(family.cells) for family in found) == len(results.cells)
    for family in found:
        assert list(family.cells) == [(3, "W"), (3, "both"), (30, "W"), (30, "both")]
        for (k, train), cell in family.cells.items():
            assert (cell.config.k, cell.config.train) == (k, train)
            assert all(getattr(cell.config, name) == value for name, value in family.shared.items())
            successes, trials, low, high = fraction(cell, "converged")
            assert (successes, trials) == (sum(r.converged for r in cell.records.values()), 3)
            assert low <= successes / 3 <= high
            assert (low == 0) == (successes == 0)


def test_the_kernel_of_another_machine_is_no_other_sweep(done, tmp_path: Path):
    file, csv, _ = done
    other = tmp_path / "fused.csv"
    other.write_text(csv.read_text(encoding="utf-8").replace(",numpy,", ",fused,"), encoding="utf-8")
    assert {cell.config.kernel for cell in read_sweep(file, other).results.cells} == {"fused"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("converged", "reached", 1), r"not the columns of phase \(converged, reached\)"),
        (lambda text: "", "not the columns of phase"),
        (lambda text: text.rpartition("\n")[0].rpartition("\n")[0] + "\n", "not replicas 0 to 2 of every cell"),
        (lambda text: re.sub(r"^(3,2,3,both,60,0.25.*\n)", "", text, flags=re.M), r"not the same cells \(n = 3, m = 2, k = 3"),
        (lambda text: text.replace("\n3,2,", "\n-3,2,", 1), "line 2: n = -3"),
        (lambda text: text.replace("\n3,", "\nthree,", 1), "line 2: 'three' is no int"),
        (lambda text: text.replace("True", "yes", 1), "'yes' is no bool"),
        (lambda text: text.replace("\n3,2,", "\n2,", 1), "line 2: 30 entries, and there are 31 columns"),
    ],
)  # fmt: skip
def test_another_file_is_refused(done, tmp_path, change, message):
    file, csv, _ = done
    wrong = tmp_path / "wrong.csv"
    wrong.write_text(change(csv.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ProblemError, match=message):
        read_sweep(file, wrong)


def test_nothing_counts_twice(done, tmp_path):
    file, csv, _ = done
    header, *rows = csv.read_text(encoding="utf-8").splitlines(keepends=True)
    both = tmp_path / "both.csv"
    both.write_text(header + "".join(rows) + "".join(rows).replace(",numpy,", ",fused,"), encoding="utf-8")
    with pytest.raises(ProblemError, match=r"different machines \(kernel = 'fused', kernel = 'numpy'\)"):
        read_sweep(file, both)
    both.write_text(header + "".join(rows) + rows[0].replace("False", "True", 1), encoding="utf-8")
    with pytest.raises(ProblemError, match=r"replica 0 of this cell is there twice"):
        read_sweep(file, both)


def test_another_experiment_file_is_refused(done, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text(EXPERIMENT.format(replicas=2).replace("m = 2", "m = 1"), encoding="utf-8")
    with pytest.raises(ProblemError, match="have not the same cells"):
        read_sweep(other, done[1])
    with pytest.raises(ProblemError, match="cannot be read"):
        read_sweep(done[0], tmp_path / "nothing.csv")
