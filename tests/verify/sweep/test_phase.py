"""The phase experiment: its records, its exact limits, its thresholds, the widths beside them, and its figure."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from numerics.confidence import clopper_pearson
from numerics.logistic import threshold
from numerics.phase import Experiment, answer, draw
from numerics.width import Setting, smallest_width
from verify.sweep import Store, code_version, parse_plan, sweep
from verify.sweep.experiments.phase import EXPERIMENT, replica
from verify.sweep.experiments.phase_summary import CRITERIA, maps
from verify.sweep.identity import stream
from verify.sweep.kind import CellResult, Results


@pytest.mark.parametrize(("n", "m"), [(5, 3), (3, 5)])
def test_a_record_is_the_answer_and_the_constants_of_the_instance(n, m):
    config = Experiment(n, m, 12, cap=80, kernel="numpy")
    record = replica(config, stream("ab", 1))
    problem, found = draw(config, stream("ab", 1)), answer(config, 1, stream("ab", 1))
    assert repr((record.converged, record.answer, record.steps, record.time, record.step_size, record.status)) == repr(
        (found.converged, found.answer, found.steps, found.time, found.gamma, found.status)
    )
    C = np.diag(problem.C) if problem.C.ndim == 1 else problem.C
    s = np.linalg.svd(C, compute_uv=False)
    assert (record.A_norm, record.sigma_F) == (pytest.approx(s[0]), pytest.approx(s[-1]))
    assert record.y_norm == pytest.approx(np.linalg.norm(problem.y))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    plan = parse_plan(
        {
            "kind": "phase",
            "replicas": 8,
            "fixed": {"cap": 120, "kernel": "numpy"},
            "grid": [
                {"n": [6, 12], "m": 3, "k": [2, 8, 32], "train": ["both", "W"]},
                {"n": 12, "m": [3, 4], "k": [2, 8, 32], "train": "W"},
            ],
        }
    )
    with Store.open(tmp_path_factory.mktemp("phase") / "s.sqlite") as store:
        sweep(plan, store)
        return store.results(plan, code_version(plan.kind))


def test_maps_are_found_by_what_varies(results):
    found = {(item.axis, item.experiment.train): item for item in maps(results)}
    assert set(found) == {("n", "both"), ("n", "W"), ("m", "W")}
    assert [row.size for row in found["n", "W"].rows] == [6, 12]
    assert [row.size for row in found["m", "W"].rows] == [3, 4]
    shared = found["m", "W"].rows[0], found["n", "W"].rows[1]  # n = 12, m = 3 belongs to both
    assert shared[0].converged == shared[1].converged
    assert shared[0].ks == (2, 8, 32)


def test_tables_say_what_was_counted(results):
    summary = EXPERIMENT.summary(results)
    (cells,) = summary.tables
    at = {name: i for i, name in enumerate(cells.header)}
    assert len(cells.rows) == 15
    fractions = set()
    for row in cells.rows:
        config = [row[at[name]] for name in EXPERIMENT.parameters]
        (cell,) = (c for c in results.cells if [getattr(c.config, name) for name in EXPERIMENT.parameters] == config)
        converged = sum(r.converged for r in cell.records.values())
        lower, upper = clopper_pearson(converged, 8)
        assert row[at["replicas"] : at["upper_95"] + 1] == (8, converged, converged / 8, float(lower), float(upper))
        fractions.add(converged)
    assert min(fractions) == 0
    assert max(fractions) == 8
    names = {picture.table.name for picture in summary.pictures}
    assert names == {"phase-n", "phase-m"}
    (n_map,) = (item for item in maps(results) if (item.axis, item.experiment.train) == ("n", "W"))
    table = next(p.table for p in summary.pictures if p.table.name == "phase-n")
    entries = [dict(zip(table.header, row, strict=True)) for row in table.rows]
    for row in n_map.rows:
        (entry,) = (e for e in entries if e["train"] == "W" and e["n"] == row.size)
        fit = threshold(row.ks, row.converged, row.trials)
        assert repr((entry["threshold_k"], entry["low_95"], entry["high_95"])) == repr((fit.k, fit.low, fit.high))
        setting = Setting(
            row.size, 3, "W", V="uniform", sigma_F=entry["sigma_F"], L_F=entry["A_norm"], y_norm=entry["y_norm"]
        )
        assert entry["width_wonly"] == smallest_width(setting, 0.5, "wonly").value
        assert math.isnan(entry["width_balanced"])  # a theorem about both layers
        sigma = [r.sigma_F for c in results.cells for r in c.records.values() if _is(c, row.size)]
        assert entry["sigma_F"] == np.median(sigma)
    assert len(summary.lines) == 6
    assert any(
        line.startswith("W only, n = 12, m = 3: half of the instances converge from k = ") for line in summary.lines
    )


def _is(cell: CellResult, n: int) -> bool:
    return (cell.config.n, cell.config.m, cell.config.train) == (n, 3, "W")


def test_the_figure_shows_the_fractions_and_the_theory_as_lines(results, tmp_path: Path):
    figures = {picture.table.name: picture.figure for picture in EXPERIMENT.summary(results).pictures}
    figure = figures["phase-n"]
    maps_ = [ax for ax in figure.axes if ax.get_xlabel() == "width k (neurons)"]
    thresholds = [ax for ax in figure.axes if ax.get_ylabel() == "width k (neurons)"]
    assert (len(maps_), len(thresholds)) == (2, 2)
    assert [ax.get_title(loc="left") for ax in maps_] == ["both layers trained", "W only trained"]
    w_only = next(item for item in maps(results) if (item.axis, item.experiment.train) == ("n", "W"))
    drawn = maps_[1].collections[0].get_array().reshape(2, 3)
    assert drawn.tolist() == [[c / t for c, t in zip(r.converged, r.trials, strict=True)] for r in w_only.rows]
    lines = {line.get_label(): line.get_ydata().tolist() for line in thresholds[1].lines}
    assert lines["W only (wonly.width)"] == [row.widths[CRITERIA.index("wonly")] for row in w_only.rows]
    figure.savefig(tmp_path / "f.svg")


def test_an_activation_outside_the_assumptions_has_no_certified_widths():
    config = Experiment(4, 2, 5, activation="relu")
    from verify.sweep.experiments.phase_summary import certified_width

    assert math.isnan(certified_width(4, 2, "both", config.activation, "uniform", 0.5, 1.0, 1.0, "sharp"))
