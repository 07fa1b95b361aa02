"""Exponents of empirical thresholds: known thresholds, the theory's orders by hand, and what there is no threshold in."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from numerics.phase import Experiment
from verify.sweep.experiments import phase
from verify.sweep.experiments.exponents import EXPERIMENT, exponents
from verify.sweep.kind import CellResult, Results
from verify.sweep.kinds import get_kind


def results(*cells):
    """Cells (experiment, how many of ten converged)."""
    made = [CellResult(e, 10, {i: SimpleNamespace(converged=i < good) for i in range(10)}) for e, good in cells]
    return Results("made", tuple(made))


def jump(train, axis, factor, exponent, **fixed):
    """Convergence from k = factor * size^exponent on."""
    for size in (4, 8, 16):
        for k in (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024):
            e = Experiment(**{"n": 8, "m": 3, "k": k, "train": train, "kappa": 1, **fixed, axis: size})
            edge = factor * size**exponent
            yield e, 10 if k > 1.3 * edge else 0 if k < edge / 1.3 else 5


def test_every_axis_and_way_of_training_has_its_exponent():
    found = exponents(
        results(
            *jump("both", "n", 4, 1),
            *jump("W", "n", 16, 0),
            *jump("W", "m", 4, 1, n=9),
            *jump("W", "kappa", 2, 2, n=10),
        )
    )
    by = {(g.shared["train"], g.axis, g.shared.get("n")): g for g in found}
    assert len(by) == len(found) == 4
    for key, exponent in {("both", "n", None): 1, ("W", "n", None): 0, ("W", "m", 9): 1, ("W", "kappa", 10): 2}.items():
        s = by[key].scaling
        assert s.exponent == pytest.approx(exponent, abs=0.05)
        assert s.low < exponent < s.high
        assert s.high - s.low < 0.7
    assert by["both", "n", None].thresholds[8.0].k == pytest.approx(32, rel=0.05)


def test_the_orders_by_hand():
    found = exponents(
        results(*jump("both", "n", 4, 1), *jump("both", "m", 4, 1, n=20), *jump("W", "kappa", 4, 1, n=9, m=2))
    )
    n, m, kappa = (next(g.orders for g in found if g.axis == axis) for axis in ("n", "m", "kappa"))
    # n rho_0^2/sigma_F^2 and its relatives with rho_0^2 proportional to m, sigma_F = 1
    assert n == pytest.approx({"baseline": 1, "sharp": 1, "sharp_linear": 0, "amgm": 0}, abs=1e-9)
    assert m == pytest.approx({"baseline": 2, "sharp": 1, "sharp_linear": 2, "amgm": 1}, abs=1e-9)
    assert kappa["wonly"] == pytest.approx(0, abs=1e-9)
    # m = 2: the energy is 1 + 1/kappa^2, at 4, 8, 16 (the middle one does not count)
    assert kappa["sharp"] == pytest.approx(2 + math.log((1 + 1 / 256) / (1 + 1 / 16)) / math.log(4))


def test_no_threshold_is_said():
    cells = [(Experiment(8, 2, k, kappa=kappa), 10) for k in (1, 4) for kappa in (1, 10)]
    (growth,) = exponents(results(*cells))
    assert growth.all_converged
    assert math.isnan(growth.scaling.exponent)
    nearly = results(*((e, 9 if e.k == 4 else 10) for e, _ in cells))
    assert not exponents(nearly)[0].all_converged
    summary = EXPERIMENT.summary(results(*cells))
    assert "all instances converge" in summary.lines[0]


def test_where_no_size_shows_its_threshold_the_exponent_is_bounded_and_no_line_is_drawn():
    # all converge at size 4, none at size 16: whatever lies between is on the grid's side
    cells = [
        (Experiment(n=20, m=3, k=k, train="both", kappa=size), good)
        for size, good in ((4, 10), (16, 0))
        for k in (2, 64)
    ]
    found = results(*cells)
    (growth,) = exponents(found)
    assert math.isnan(growth.scaling.exponent)
    assert growth.scaling.low > math.log(32) / math.log(4) - 0.2
    summary = EXPERIMENT.summary(found)
    assert "no size has its threshold within these widths; exponent in kappa above 2." in summary.lines[0]
    above = summary.pictures[0].figure.axes[0]
    markers = {line.get_marker(): line.get_xdata()[0] for line in above.lines if len(line.get_xdata()) == 1}
    assert (markers["v"], markers["^"]) == (4, 16)
    assert not any(len(line.get_xdata()) > 1 for line in above.lines)


def test_bounds_of_two_runs_at_one_size_are_both_seen():
    summary = EXPERIMENT.summary(
        results(
            *((Experiment(8, 2, k, kappa=kappa, cap=cap), 10) for cap in (20, 60) for k in (1, 4) for kappa in (1, 10))
        )
    )
    above, below = summary.pictures[0].figure.axes
    here = [line for line in above.lines if line.get_marker() == "v" and list(line.get_xdata()) == [1]]
    larger, smaller = sorted(here, key=lambda line: line.get_zorder())
    assert larger.get_color() != smaller.get_color()
    assert larger.get_markersize() > smaller.get_markersize()
    assert [text.get_text() for text in below.texts] == ["no threshold"] * 2


def test_the_summary_shows_what_was_found():
    summary = EXPERIMENT.summary(results(*jump("both", "n", 4, 1), *jump("W", "m", 4, 1, n=9)))
    (picture,) = summary.pictures
    assert picture.table.name == "exponents"
    at = {name: i for i, name in enumerate(picture.table.header)}
    assert [(row[at["train"]], row[at["axis"]]) for row in picture.table.rows] == [("both", "n"), ("W", "m")]
    assert picture.table.rows[0][at["exponent"]] == pytest.approx(1, abs=0.05)
    assert {row[at["until"]] for row in picture.table.rows} == {"25000 steps"}
    assert len(summary.tables[0].rows) == 6
    assert "no cells" in EXPERIMENT.summary(results((Experiment(8, 2, 4), 3))).lines[0]


def test_the_replicas_are_those_of_phase():
    kind = get_kind("exponents")
    assert kind.replica is phase.EXPERIMENT.replica
    assert kind.columns == phase.EXPERIMENT.columns
    assert kind.decided == phase.EXPERIMENT.decided
