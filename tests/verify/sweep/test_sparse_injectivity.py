"""The experiment on sparse signals: its record, its bound, its table and figure."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linprog

from numerics.confidence import clopper_pearson
from numerics.injectivity import sparse_injectivity, sparse_injectivity_at, statistical_dimension
from numerics.logistic import threshold
from verify.sweep import Results, Store, code_version, parse_plan, sweep
from verify.sweep.experiments.sparse_injectivity import EXPERIMENT, Config, draw, replica
from verify.sweep.identity import stream


def test_a_record_is_what_its_instance_gives():
    config = Config(8, 5, 2, noise=0.05, tolerance=0.2, k=16)
    for number in range(4):
        record = replica(config, stream("ab", number))
        A, x, eps = draw(config, stream("ab", number).spawn(2)[0])
        assert np.linalg.norm(eps) == pytest.approx(0.05 * np.linalg.norm(A @ x))
        assert np.count_nonzero(x) == 2
        y, size = A @ x + eps, np.linalg.norm(x)
        pairs, mu = sparse_injectivity(A, 2), sparse_injectivity_at(A, x, 2)
        assert (record.pairs_high, record.mu_low, record.mu_high) == (pairs.upper.value, mu.lower.value, mu.upper.value)
        noise = np.abs(eps).max()
        found = linprog(
            np.ones(16), A_ub=np.vstack([np.hstack([A, -A]), np.hstack([-A, A])]), b_ub=np.r_[y + noise, noise - y]
        ).x
        other = found[:8] - found[8:]
        assert record.l1_error == pytest.approx(np.linalg.norm(other - x) / size, rel=1e-6)
        assert (record.l1, record.sparse) == (record.l1_error <= 0.2, record.sparse_error <= 0.2)
        residual = np.linalg.norm(A @ other - y)
        if record.cone_low > 0:
            bound = (residual + np.linalg.norm(eps)) / record.cone_low / size
            assert record.l1_bound == pytest.approx(bound, rel=1e-6)
            assert record.l1_error < record.l1_bound
        else:
            assert record.l1_bound == math.inf
        assert record.sparse_error < record.sparse_bound
        kernel = np.linalg.svd(A)[2][5:]
        assert record.unseen == pytest.approx(np.linalg.norm(kernel @ x) / size)
        assert max(record.both_error, record.W_error) > 0.3  # no prior


def test_enough_measurements_make_everybody_succeed():
    config = Config(6, 12, 2, k=64, tolerance=0.01, law="rademacher")
    record = replica(config, stream("cd", 0))
    assert record.l1 and record.sparse and record.both and record.W  # noqa: PT018
    assert (record.l1_error, record.unseen) == (0.0, 0.0)
    assert 0 < record.cone_low <= record.cone_high
    assert record.theta < 1
    assert math.isnan(record.l1_bound)
    A, _, _ = draw(config, stream("cd", 0).spawn(2)[0])
    assert set(np.abs(A).ravel()) == {1 / math.sqrt(12)}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    plan = parse_plan(
        {
            "kind": "sparse_injectivity",
            "replicas": 6,
            "fixed": {"n": 8, "s": 1},
            "grid": [{"m": [2, 4, 8]}, {"m": [4, 6], "noise": 0.1, "tolerance": 0.3}],
        }
    )
    with Store.open(tmp_path_factory.mktemp("sparse") / "s.sqlite") as store:
        assert sweep(plan, store).status == "complete"
        return store.results(plan, code_version(plan.kind))


def test_the_table_counts_and_the_figure_shows_it(results, tmp_path: Path):
    summary = EXPERIMENT.summary(results)
    ((picture),) = summary.pictures
    table = [dict(zip(picture.table.header, row, strict=True)) for row in picture.table.rows]
    assert [(row["noise"], row["m"]) for row in table] == [(0.0, 2), (0.0, 4), (0.0, 8), (0.1, 4), (0.1, 6)]
    counts = []
    for row in table:
        (cell,) = (c for c in results.cells if (c.config.noise, c.config.m) == (row["noise"], row["m"]))
        records = list(cell.records.values())
        successes = sum(r.l1 for r in records)
        limits = clopper_pearson(successes, 6)
        assert (row["l1_fraction"], row["l1_lower_95"], row["l1_upper_95"]) == (successes / 6, *limits)
        assert row["proved"] == sum(r.cone_low > 0 for r in records)
        assert sorted(r.mu_low for r in records)[2] == row["median_mu_low"]
        assert math.isnan(row["W_fraction"])
        assert row["statistical_dimension"] == statistical_dimension(8, 1)
        counts.append(successes)
    assert counts[0] < counts[2] == 6
    fit = threshold([2, 4, 8], counts[:3], [6] * 3)
    assert f"from m = {fit.k:.3g} on" in summary.lines[0]
    assert any("0 of " in line and "errors above" in line for line in summary.lines)
    left = picture.figure.axes[0]
    drawn = next(c for c in left.containers if c.get_label() == "ℓ1 minimization")
    assert drawn.lines[0].get_ydata().tolist() == [c / 6 for c in counts[:3]]
    assert any(line.get_xdata()[0] == statistical_dimension(8, 1) for line in left.lines)
    xs = drawn.lines[0].get_xdata()
    assert 0 < np.abs(xs - np.array([2, 4, 8])).max() < 0.25
    assert all(float(tick).is_integer() for ax in picture.figure.axes for tick in ax.get_xticks())
    picture.figure.savefig(tmp_path / "f.svg")


def test_an_error_above_its_bound_is_counted(results):
    cells = tuple(
        dataclasses.replace(c, records={i: dataclasses.replace(r, sparse_bound=1e-6) for i, r in c.records.items()})
        for c in results.cells
    )
    lines = EXPERIMENT.summary(Results("", cells)).lines
    assert any("best s-sparse fit: 12 of 12 errors above" in line for line in lines)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"s": 9}, "s = 9 nonzero entries of a signal of n = 8"),
        ({"k": 3}, "neurons come in pairs"),
        ({"law": "cauchy"}, "choose one of gaussian, rademacher"),
        ({"noise": -1.0}, "nonnegative"),
        ({"tolerance": 1.0}, "between 0 and 1"),
        ({"m": 0}, "an integer of at least 1"),
    ],
)
def test_configurations_are_refused_in_the_users_words(given, words):
    with pytest.raises(ValueError, match=words):
        Config(**{"n": 8, "m": 4, "s": 1, **given})
