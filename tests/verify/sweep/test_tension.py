"""The tension experiment: its bounds of the injectivity constant are bounds, and its points are where they have to be."""

from __future__ import annotations

import math
from dataclasses import replace

import mpmath
import numpy as np
import pytest

from numerics.networks.two_layer import TwoLayer
from verify.sweep.experiments import tension
from verify.sweep.experiments.tension import Config, ratio_upper, replica
from verify.sweep.experiments.tension_summary import rows, summarize
from verify.sweep.kind import CellResult, Results


@pytest.fixture(scope="module")
def results() -> Results:
    cells = []
    for m in (2, 5, 6):
        for train in ("both", "W"):
            config = Config(5, m, 30, train=train, reach=0.02)
            cells.append(CellResult(config, 3, {i: replica(config, np.random.default_rng((m, i))) for i in range(3)}))
    return Results("tension", tuple(cells))


def test_a_kernel_makes_the_constant_zero_and_an_injective_operator_does_not(results):
    seen = 0
    for cell in results.cells:
        for record in cell.records.values():
            assert record.inside
            assert record.fitted
            seen += record.condition
            if cell.config.m < 5:
                assert record.mu_lower == 0
                assert record.mu_upper < 1e-10
                assert record.run_ratio < 1e-5
                assert record.run_error > 0.1
            else:
                assert 0 < record.mu_lower <= record.mu_upper < record.mu_lower + 1e-9
                assert record.run_error < 1e-4
                assert record.unseen == 0
    assert seen > 6


def test_the_ratio_is_above_the_true_one():
    rng = np.random.default_rng(3)
    A = rng.standard_normal((2, 3))
    first = TwoLayer(tension.activation("tanh"), "both", rng.standard_normal(4), rng.standard_normal((3, 4)))
    second = TwoLayer(first.activation, "both", first.a + 1e-6, first.V - 1e-6)
    with mpmath.workdps(50):

        def output(network: TwoLayer) -> mpmath.matrix:
            return mpmath.matrix(network.V.tolist()) * mpmath.matrix([mpmath.tanh(x) for x in network.a.tolist()]) / 2

        d = output(first) - output(second)
        true = mpmath.norm(mpmath.matrix(A.tolist()) * d) / mpmath.norm(d)
        bound = ratio_upper(A, first, second)
        assert true <= bound < true * (1 + 1e-7)
    assert ratio_upper(A, first, first) == math.inf


def test_what_is_only_rounding_is_bounded_too():
    # A sees nothing of the difference but its rounding: the bound is that of the error, and the true ratio is below it
    rng = np.random.default_rng(5)
    A = np.array([[1.0, 0.0, 0.0]])
    first = TwoLayer(tension.activation("tanh"), "both", rng.standard_normal(4), rng.standard_normal((3, 4)))
    V = first.V.copy()
    V[1:] += 1e-3
    assert 0 < ratio_upper(A, first, TwoLayer(first.activation, "both", first.a, V)) < 1e-10
    turned = TwoLayer(
        first.activation, "both", first.a[::-1].copy(), V[:, ::-1].copy()
    )  # the same sums in another order
    assert ratio_upper(A, first, turned) > 1e-16


def test_a_point_beyond_the_radius_is_not_inside(monkeypatch):
    found = tension._reach
    config = Config(5, 2, 30, reach=0.02)
    radius = replica(config, np.random.default_rng(0)).radius

    def away(network, x):
        near = found(network, x)
        return TwoLayer(near.activation, near.train, near.a + 1.1 * radius / math.sqrt(30), near.V)

    monkeypatch.setattr(tension, "_reach", away)
    assert not replica(config, np.random.default_rng(0)).inside


def test_the_signal_asked_for_is_produced():
    rng = np.random.default_rng(0)
    for train in ("both", "W"):
        network = TwoLayer(tension.activation("tanh"), train, rng.standard_normal(20), rng.standard_normal((4, 20)))
        wanted = network.output() + 1e-3 * rng.standard_normal(4)
        found = tension._reach(network, wanted)
        assert np.linalg.norm(found.output() - wanted) < 1e-14
        assert (found.V == network.V).all() == (train == "W")


def test_points_outside_the_ball_do_not_count(results):
    cell = results.cells[0]
    away = {i: replace(r, inside=False, mu_upper=1.0) for i, r in cell.records.items() if i == 0}
    (row,) = rows(Results("", (CellResult(cell.config, 3, {**cell.records, **away}),)))
    assert (row.instances, row.inside, row.tension) == (3, 2, sum(cell.records[i].condition for i in (1, 2)))
    assert row.highest < 1e-10


def test_summary_says_what_the_cells_say(results):
    summary = summarize(results)
    assert len(summary.lines) == 4  # layers × kernel or none, whatever the number of m
    first, second = summary.lines[:2]
    records = [list(c.records.values()) for c in results.cells if c.config.train == "W"]
    assert "W only, k = 30, n = 5, A with a kernel (m = 2): mu = 0; mu <= " in first
    assert f"on 3 of 3 instances (R' < R on {sum(r.condition for r in records[0])})" in first
    highest = float(first.split("mu <= ")[1].split()[0])
    assert highest == pytest.approx(max(r.mu_upper for r in records[0]), rel=0.5)
    assert "injective A (m = 5 to 6): mu = " in second
    low, _, high = second.split("mu = ")[1].split()[:3]
    medians = sorted(np.median([r.mu_upper for r in group]) for group in records[1:])
    assert [float(low), float(high)] == pytest.approx(medians, rel=0.05)
    (picture,) = summary.pictures
    assert picture.table.name == "tension"
    assert len(picture.table.rows) == 6
    assert all(len(row) == len(picture.table.header) for row in picture.table.rows)
    shapes = {container[0].get_marker() for container in picture.figure.axes[0].containers}
    assert len(shapes) == 2  # series are told apart without colour


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"reach": 1.0}, "reach = 1; it is a share"),
        ({"train": "V"}, "train = 'V'"),
        ({"k": 3, "train": "W"}, "k = 3 and n = 5"),
        ({"activation": "relu"}, "not Lipschitz"),
        ({"m": 0}, "m = 0"),
    ],
)
def test_cells_that_make_no_sense_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Config(**{"n": 5, "m": 2, "k": 30, **values})
