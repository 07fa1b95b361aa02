"""The phase experiment: its records, its exact limits, its thresholds, the widths beside them, and its figure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from numerics.confidence import clopper_pearson
from numerics.logistic import threshold
from numerics.phase import Experiment, answer, draw, prediction
from numerics.width import Setting, smallest_width
from verify.sweep import Store, code_version, parse_plan, sweep
from verify.sweep.experiments.phase import EXPERIMENT, Record, replica
from verify.sweep.experiments.phase_clocks import panels
from verify.sweep.experiments.phase_prediction import compared
from verify.sweep.experiments.phase_summary import CRITERIA, maps
from verify.sweep.groups import parameters
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
    assert record.loss == pytest.approx(found.loss, rel=1e-5)
    assert record.prediction == "none"


def test_bounds_are_cut_off_downwards():
    for k in (3, 40):
        config = Experiment(6, 3, k, train="W", clock="limit")
        record, proved = replica(config, stream("cd", 0)), prediction(draw(config, stream("cd", 0)), config.tolerance)
        assert record.prediction == proved.verdict == ("infeasible" if k == 3 else "feasible")
        bound, recorded = (proved.gap, record.gap) if k == 3 else (proved.margin, record.margin)
        assert 0 < bound - recorded < 1e-5 * bound


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
    cells, predicted = summary.tables
    assert (cells.name, predicted.name, len(predicted.rows)) == ("cells", "prediction", 9)
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
        verdicts = [
            [r.prediction for r in c.records.values()]
            for k in row.ks
            for c in results.cells
            if _is(c, row.size) and c.config.k == k
        ]
        exact = threshold(row.ks, [v.count("feasible") for v in verdicts], [8 - v.count("boundary") for v in verdicts])
        assert repr((entry["exact_k"], entry["exact_low_95"])) == repr((exact.k, exact.low))
    assert len(summary.lines) == 4  # one for each map, one about the predictions
    (line,) = (line for line in summary.lines if line.startswith("W only, m = 3: half of the instances converge"))
    fit = n_map.rows[1].threshold
    assert f"n = 12: from k = {fit.k:.3g} on ({fit.low:.3g} to {fit.high:.3g})" in line


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
    band = thresholds[1].collections[0].get_paths()[0].vertices[:, 1]
    exact = [row.exact for row in w_only.rows]
    assert all(math.isfinite(x.k) for x in exact)
    for x in exact:  # the interval of the fit, within the widths of the map
        assert (band == max(x.low, 1.0)).any()
        assert (band == min(x.high, 64.0)).any()
    assert "1/λmax(JJᵀ) at the start" in figure.get_suptitle()
    figure.savefig(tmp_path / "f.svg")


@dataclass(frozen=True)
class Blurred(Experiment):
    """An experiment of one's own."""

    blur: float = 0.0


@dataclass(frozen=True)
class Named(Blurred):
    """That says what its operator is."""

    @property
    def operator(self) -> str:
        return f"blur by {self.blur:g}"


@pytest.fixture(scope="module")
def blurred() -> Results:
    configs = [
        Named(n, 2, k, cap=40, train=train, kernel="numpy", blur=blur)
        for blur in (1.0, 2.0)
        for n in (3, 4)
        for k in (2, 30)
        for train in ("both", "W")
    ]
    cells = [
        CellResult(c, 2, {i: replica(c, stream(f"{place:x}", i)) for i in range(2)}) for place, c in enumerate(configs)
    ]
    return Results("mine", tuple(cells))


def test_a_parameter_of_a_subclass_is_one_in_every_table_and_map(blurred):
    found = list(maps(blurred))
    assert len(found) == len({(item.experiment.blur, item.experiment.train) for item in found}) == 4
    assert {row.trials for item in found for row in item.rows} == {(2, 2)}
    summary = EXPERIMENT.summary(blurred)
    cells, predicted = summary.tables
    for table, rows in ((cells, 16), (predicted, 8)):
        at = [table.header.index(name) for name in (*EXPERIMENT.parameters, "blur")]
        assert len({tuple(row[i] for i in at) for row in table.rows}) == len(table.rows) == rows
    said = [line.split(", m = 2:")[0] for line in summary.lines if "half of the instances" in line]
    assert said == [f"{layers}, blur = {blur}" for layers in ("both layers", "W only") for blur in (1.0, 2.0)]
    assert [picture.table.name for picture in summary.pictures] == ["phase-n-1", "phase-n-2"]
    for picture in summary.pictures:
        blur = picture.table.name[-1]
        assert f"m = 2, blur by {blur}, tanh" in " ".join(picture.figure.get_suptitle().split())


def test_the_clocks_of_two_operators_are_two_panels_with_their_names():
    cells = [
        CellResult(Named(3, 2, k, clock=clock, blur=blur), 1, {0: record(True, "loss_stop", "none")})
        for k in (2, 8)
        for clock in ("steps", "limit")
        for blur in (1.0, 2.0)
    ]
    (picture,) = EXPERIMENT.summary(Results("", tuple(cells))).pictures
    assert [ax.get_title(loc="left") for ax in picture.figure.axes] == [f"both layers, blur = {b}" for b in (1.0, 2.0)]
    assert "blur by" not in picture.figure.get_suptitle()


def test_cells_that_differ_in_nothing_are_refused(blurred):
    cells = blurred.cells
    with pytest.raises(ValueError, match="two cells have the parameters Named"):
        list(maps(Results("mine", (*cells, cells[0]))))
    other = CellResult(Experiment(3, 2, 2), 2, cells[0].records)
    with pytest.raises(ValueError, match="not the same parameters"):
        parameters(Results("mine", (*cells, other)))


def test_a_subclass_that_does_not_name_its_operator_is_not_called_gaussian():
    assert Experiment(3, 2, 4).operator == "Gaussian A"
    assert Experiment(3, 2, 4, kappa=2.0).operator == "A of condition number 2"
    assert Blurred(3, 2, 4).operator == "A of Blurred"


@pytest.mark.parametrize(
    ("converged", "words"),
    [
        ((0, 0, 0), "no width of the sweep"),
        ((40, 40, 40), "every width of the sweep"),
        ((20, 20, 20), "from a k that these widths do not show"),
    ],
)
def test_a_threshold_outside_the_widths_is_said_once_for_all_sizes(converged, words):
    cells = []
    for n in (5, 6):
        for k, count in zip((2, 8, 32), converged, strict=True):
            records = {i: record(i < count, "max_steps", "none") for i in range(40)}
            cells.append(CellResult(Experiment(n, 3, k), 40, records))
    (line,) = EXPERIMENT.summary(Results("", tuple(cells))).lines
    assert line == f"both layers, m = 3: half of the instances converge (95 %) at n = 5, 6: {words}"


def test_an_activation_outside_the_assumptions_has_no_certified_widths():
    config = Experiment(4, 2, 5, activation="relu")
    from verify.sweep.experiments.phase_summary import certified_width

    assert math.isnan(certified_width(4, 2, "both", config.activation, "uniform", 0.5, 1.0, 1.0, "sharp"))


def record(converged, status, verdict):
    """A record of which only these three entries matter."""
    return Record(converged, "flow", math.nan, math.nan, 1.0, status, 1.0, 1.0, 1.0, 0.1, math.nan, verdict, 0.5, 0.0)


@pytest.mark.parametrize(
    ("converged", "status", "verdict", "word"),
    [
        (True, "loss_stop", "feasible", "agrees"),
        (False, "floor", "infeasible", "agrees"),
        (True, "loss_stop", "infeasible", "disagrees"),
        (False, "floor", "feasible", "disagrees"),
        (False, "max_steps", "feasible", "not finished"),
        (False, "t_max", "infeasible", "not finished"),
        (True, "loss_stop", "boundary", "boundary"),
        (True, "loss_stop", "none", ""),
    ],
)
def test_a_run_that_was_cut_short_neither_agrees_nor_disagrees(converged, status, verdict, word):
    assert compared(record(converged, status, verdict)) == word


@pytest.fixture(scope="module")
def clocks(tmp_path_factory: pytest.TempPathFactory) -> Results:
    plan = parse_plan(
        {
            "kind": "phase",
            "replicas": 6,
            "fixed": {"cap": 60, "kernel": "numpy", "n": 6, "kappa": 5.0, "horizon": 20.0},
            "grid": {"m": [2, 3], "k": [1, 40], "train": ["both", "W"], "clock": ["steps", "scaled", "limit"]},
        }
    )
    with Store.open(tmp_path_factory.mktemp("clocks") / "s.sqlite") as store:
        sweep(plan, store)
        return store.results(plan, code_version(plan.kind))


def test_clocks_are_compared_with_the_theory_of_the_limit(clocks):
    found = panels(clocks)
    assert [(p.experiment.train, p.experiment.m) for p in found] == [("both", 2), ("both", 3), ("W", 2), ("W", 3)]
    for panel in found:
        assert [s.clock for s in panel.series] == ["steps", "scaled", "limit"]
        cells = [
            c for c in clocks.cells if (c.config.train, c.config.m) == (panel.experiment.train, panel.experiment.m)
        ]
        for s in panel.series:
            for k, converged, lower in zip(s.ks, s.converged, s.lower, strict=True):
                (cell,) = (c for c in cells if (c.config.clock, c.config.k) == (s.clock, k))
                assert converged == sum(r.converged for r in cell.records.values())
                assert lower == clopper_pearson(converged, 6).lower
        if panel.experiment.train == "both":
            assert panel.exact == (1.0, 1.0)
            assert panel.series[-1].converged == (6, 6)  # dip2.no_threshold
            assert panel.series[0].converged != (6, 6)
        else:
            assert panel.to_the_limit
            assert panel.exact == (0.0, 1.0)


def shares(clocks):
    """Of ten replicas each at k = 2, 8 on these clocks, as many feasible as said."""
    cells = []
    for clock, counts in clocks.items():
        for k, count in zip((2, 8), counts, strict=True):
            verdicts = ("feasible" if i < count else "infeasible" for i in range(10))
            records = {i: record(False, "max_steps", verdict) for i, verdict in enumerate(verdicts)}
            cells.append(CellResult(Experiment(5, 3, k, train="W", clock=clock), 10, records))
    (panel,) = panels(Results("", tuple(cells)))
    return panel.exact, panel.to_the_limit


def test_the_certified_share_is_that_of_the_draws_beside_it():
    assert shares({"steps": (0, 10), "scaled": (1, 9), "limit": (5, 7)}) == ((0.5, 0.7), True)
    assert shares({"steps": (0, 10), "scaled": (1, 8)}) == ((0.05, 0.9), False)


def test_tables_lines_and_figures_of_several_clocks(clocks, tmp_path: Path):
    summary = EXPERIMENT.summary(clocks)
    pictures = {picture.table.name: picture for picture in summary.pictures}
    assert set(pictures) == {"phase-m-steps", "phase-m-scaled", "phase-m-limit", "phase-clocks"}
    predicted = next(table for table in summary.tables if table.name == "prediction")
    entries = [dict(zip(predicted.header, row, strict=True)) for row in predicted.rows]
    assert len(entries) == 12
    assert {e["feasible"] + e["infeasible"] + e["boundary"] for e in entries} == {6}
    assert {e["disagrees"] for e in entries} == {0}
    limit = [e for e in entries if e["clock"] == "limit"]
    assert all(e["agrees"] == 6 - e["boundary"] for e in limit)
    narrow = [e for e in entries if e["k"] == 1 and e["clock"] != "limit"]
    assert [(e["agrees"], e["not_finished"]) for e in narrow] == [(0, 6)] * 4
    total = sum(e["agrees"] for e in limit)
    line = f"W only, clock limit: prediction (wonly.threshold) and run: {total} agrees, 0 disagrees, 0 not finished"
    assert any(found.startswith(line) for found in summary.lines)
    assert any(found.startswith("both layers, runs that reach zero loss (95 %): ") for found in summary.lines)

    assert any("24 of 24 on the clock limit (0.858 to 1)" in found for found in summary.lines)
    assert len(summary.lines) == 6 + 2 + 3
    figure = pictures["phase-clocks"].figure
    both, w_only = figure.axes[0], figure.axes[2]
    assert [ax.get_title(loc="left") for ax in figure.axes] == [
        f"{layers}, m = {m}" for layers in ("both layers", "W only") for m in (2, 3)
    ]
    drawn = {line.get_label(): line.get_ydata().tolist() for line in both.lines}
    assert drawn["limit, every width: dip2.no_threshold"] == [1.0, 1.0]
    markers = {c.get_label(): c.lines[0].get_ydata().tolist() for c in w_only.containers}
    (panel, *_) = (p for p in panels(clocks) if p.experiment.train == "W")
    assert list(markers) == ["within 60 steps", "within flow time 20/σ_F²", "in the limit (to flow time 1e+12/σ_F²)"]
    line = next(line for line in w_only.lines if line.get_label().startswith("limit, certified share of\nthese draws"))
    at = next(c for c in w_only.containers if c.get_label().startswith("in the limit")).lines[0].get_xdata()
    assert (line.get_xdata() == at).all()
    assert list(markers.values()) == [[c / 6 for c in s.converged] for s in panel.series]
    figure.savefig(tmp_path / "f.svg")
