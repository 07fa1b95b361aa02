"""The kind `widths`: its records, its summary on a tiny sweep, its refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from numerics.activations import activation
from numerics.phase import Experiment
from numerics.phase import draw as phase_draw
from numerics.scaling import width_scaling
from verify.nested_widths import CRITERIA, smallest
from verify.sweep import Store, code_version, parse_plan, sweep
from verify.sweep.experiments.widths import EXPERIMENT, Config, Record, draw, replica
from verify.sweep.experiments.widths_summary import Series, exponent_words, order, panels
from verify.sweep.identity import stream
from verify.sweep.kind import CellResult, Results


@pytest.mark.parametrize("kappa", [None, 3.0])
def test_operator_and_data_are_those_of_the_phase_diagrams(kappa):
    config = Config(6, 3, kappa, noise=0.2)
    found = draw(config, stream("ab", 1))
    other = phase_draw(Experiment(6, 3, 5, kappa=kappa, noise=0.2), stream("ab", 1))
    assert np.array_equal(found.s, other.C)
    assert np.array_equal(found.y, other.y)
    assert found.frame @ found.frame.T == pytest.approx(np.eye(3), abs=1e-14)


@pytest.mark.parametrize("train", ["both", "W"])
def test_a_record_is_what_every_theorem_says_of_the_instance(train):
    config = Config(5, 2, 2.0, train, most=600)
    record = replica(config, stream("cd", 0))
    instance = draw(config, stream("cd", 0))
    for name in ("baseline", "sharp", "sharp_linear", "energy", "amgm", "balanced", "saturated", "wonly"):
        width = getattr(record, name)
        if name not in CRITERIA[train]:
            assert math.isnan(width)
        elif name == "baseline":
            assert width >= record.sharp
        else:
            assert width == smallest(instance, name, 600)
    assert record.sigma_F == 0.5
    assert record.x_plus == pytest.approx(np.linalg.norm(instance.y / instance.s))
    assert math.isfinite(record.amgm if train == "both" else record.wonly)


def test_the_order_is_the_formula_of_the_statement():
    record = Record(*[math.nan] * 8, sigma_F=0.5, A_frobenius=3.0, y_norm=2.0, x_plus=1.5)
    square = 4 + activation("tanh").C_phi.upper ** 2 * 9
    both, alone = Config(7, 3), Config(7, 3, train="W")
    assert order("sharp", both, record) == pytest.approx(7 * square / 0.25)
    assert order("sharp_linear", both, record) == pytest.approx(3 * square / 0.25)
    assert order("amgm", both, record) == pytest.approx(square / 0.25)
    assert order("baseline", both, record) == pytest.approx(7 * square**2 / 0.0625)
    assert order("baseline", alone, record) == pytest.approx(7 * square / 0.25)
    assert order("wonly", alone, record) == pytest.approx(3 + 2.25)
    assert math.isnan(order("energy", both, record))
    assert math.isnan(order("amgm", alone, record))


def test_exponents_along_each_axis(monkeypatch):
    """Records that are powers of the size: the summary finds the powers, and what lies beyond the order."""
    cells = []
    for n in (4, 8, 16):
        config = Config(n, 2, 1.0)
        records = {
            i: Record(math.inf, 50.0 * n**1.5, 60.0, 9.0 * n, 5.0, 3.0, math.nan, math.nan, 1.0, 1.0, 1.0, 1.0)
            for i in range(3)
        }
        records[0] = Record(math.inf, math.inf, 60.0, 9.0 * n, 5.0, 3.0, math.nan, math.nan, 1.0, 1.0, 1.0, 1.0)
        cells.append(CellResult(config, 3, records))
    (panel,) = panels(Results("", tuple(cells)))
    assert panel.axis == "n"
    series = {item.criterion: item for item in panel.series}
    assert series["sharp"].scaling.exponent == pytest.approx(1.5)
    assert series["sharp"].order.exponent == pytest.approx(1.0)
    assert series["sharp"].beyond.sizes == 0  # one instance is not certified
    assert series["sharp_linear"].beyond.exponent == pytest.approx(0.0)
    assert series["energy"].order is None
    assert math.isnan(series["baseline"].scaling.exponent)
    assert series["sharp"].quartiles()[4.0] == (400.0, 400.0, math.inf)


@pytest.mark.parametrize(("beyond", "cut_off"), [(0, False), (5, False), (6, True), (12, True)])
def test_an_exponent_that_the_largest_width_decides_is_said_to_be_cut_off(beyond, cut_off):
    # of 20 at the larger size: 15 certified are sure (95 %) to be more than half of all instances, 14 are not
    widths = np.concatenate([np.full(20, 8.0), np.full(20 - beyond, 32.0), np.full(beyond, math.inf)])
    sizes = np.repeat([2.0, 4.0], 20)
    series = Series("sharp", sizes, widths, width_scaling(sizes, widths), None, None)
    assert series.cut_off is cut_off
    words = exponent_words(series, 99)
    assert ("cut off at 99: " in words) == (cut_off and beyond < 10)
    assert words.startswith("no exponent: 28 of 40 certified" if beyond == 12 else "2.00 ")


def test_what_is_certified_of_every_instance_is_not_cut_off_however_few_they_are():
    assert not Series(
        "sharp", np.array([1.0, 2.0]), np.array([3.0, 5.0]), width_scaling([1, 2], [3, 5]), None, None
    ).cut_off


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    plan = parse_plan(
        {
            "kind": "widths",
            "replicas": 3,
            "fixed": {"m": 1, "kappa": 1.0, "most": 100},
            "grid": {"n": [1, 2], "train": ["both", "W"]},
        }
    )
    with Store.open(tmp_path_factory.mktemp("widths") / "s.sqlite") as store:
        sweep(plan, store)
        return store.results(plan, code_version(plan.kind))


def test_the_summary_has_a_figure_for_each_way_of_training(results):
    summary = EXPERIMENT.summary(results)
    assert [picture.table.name for picture in summary.pictures] == ["widths-both", "widths-W"]
    (table,) = summary.tables
    at = {name: i for i, name in enumerate(table.header)}
    assert {(row[at["train"]], row[at["criterion"]]) for row in table.rows} == {
        (t, c) for t in CRITERIA for c in CRITERIA[t]
    }
    widths = summary.pictures[1].table
    at = {name: i for i, name in enumerate(widths.header)}
    for row in widths.rows:
        (cell,) = (c for c in results.cells if c.config.train == "W" and c.config.n == row[at["size"]])
        values = sorted(getattr(record, row[at["criterion"]]) for record in cell.records.values())
        assert row[at["median"]] == values[1]
        assert row[at["certified"]] == sum(math.isfinite(v) for v in values)
    assert len(summary.lines) == 3  # one for each way of training, and what the signs mean
    assert all(f"{name} " in summary.lines[0] for name in CRITERIA["W"])
    for picture in summary.pictures:
        labels = [text.get_text() for ax in picture.figure.axes for text in ax.get_legend().get_texts()]
        assert any("sharp, any F" in text for text in labels)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="m = 4 is more than n = 3"):
        Config(3, 4)
    with pytest.raises(ValueError, match="most = 0"):
        Config(3, 2, most=0)
    with pytest.raises(ValueError, match="continuous derivative"):
        Config(3, 2, activation="relu")
    with pytest.raises(ValueError, match="kappa"):
        Config(3, 2, kappa=0.5)
