"""The experiment on phase retrieval: its record, its bound, its table and figure."""

from __future__ import annotations

import dataclasses
import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from numerics.confidence import clopper_pearson
from numerics.injectivity import phase_injectivity
from verify.sweep import Results, Store, code_version, parse_plan, sweep
from verify.sweep.experiments.phase_retrieval import EXPERIMENT, Config, draw, replica
from verify.sweep.identity import stream


def test_a_record_is_what_its_instance_gives():
    config = Config(3, 7, noise=0.02, tolerance=0.1, attempts=5)
    for number in range(3):
        record = replica(config, stream("ab", number))
        A, x, eps = draw(config, stream("ab", number).spawn(2)[0])
        y, size = np.maximum(0, np.abs(A @ x) + eps), np.linalg.norm(x)
        mu = phase_injectivity(A)
        assert (record.mu_low, record.mu_high) == (mu.lower.value, mu.upper.value)
        signs = itertools.product((1, -1), repeat=7)
        best = min((np.linalg.lstsq(A, sign * y, rcond=None) for sign in signs), key=lambda found: found[1][0])
        fit, residual = best[0], math.sqrt(best[1][0])
        error = min(np.linalg.norm(fit - x), np.linalg.norm(fit + x)) / size
        assert record.fit_error == pytest.approx(error)
        assert record.fitted == (error <= 0.1)
        assert record.fit_bound == pytest.approx((residual + 0.02 * np.linalg.norm(A @ x)) / mu.lower.value / size)
        assert record.fit_error < record.fit_bound
        assert record.descent_residual >= residual / np.linalg.norm(y) * (1 - 1e-9)
        assert record.recovered == (record.descent_error <= 0.1)


def test_the_start_and_the_attempts_matter():
    records = [
        replica(Config(3, 8, start=s, attempts=a, steps=300), stream("ef", 0))
        for s in ("spectral", "random")
        for a in (1, 9)
    ]
    assert len({r.mu_low for r in records}) == 1
    residuals = [r.descent_residual for r in records]
    assert residuals[1] <= residuals[0]
    assert residuals[3] <= residuals[2]
    assert all(math.isnan(r.fit_bound) for r in records)  # no noise
    far = replica(Config(3, 8, limit=4), stream("ef", 0))
    assert (far.mu_low, math.isnan(far.fit_error), far.fitted) == (0.0, True, False)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    plan = parse_plan(
        {
            "kind": "phase_retrieval",
            "replicas": 8,
            "fixed": {"n": 2, "steps": 400},
            "grid": [{"m": [2, 3, 8], "loss": ["amplitude", "intensity"]}, {"m": [4, 6], "noise": 0.05}],
        }
    )
    with Store.open(tmp_path_factory.mktemp("phase") / "s.sqlite") as store:
        assert sweep(plan, store).status == "complete"
        return store.results(plan, code_version(plan.kind))


def test_the_table_counts_and_the_figure_shows_it(results, tmp_path: Path):
    summary = EXPERIMENT.summary(results)
    ((picture),) = summary.pictures
    table = [dict(zip(picture.table.header, row, strict=True)) for row in picture.table.rows]
    assert len(table) == 8
    for row in table:
        (cell,) = (
            c for c in results.cells if all(getattr(c.config, name) == row[name] for name in ("m", "loss", "noise"))
        )
        records = list(cell.records.values())
        for name in ("recovered", "fitted"):
            count = sum(getattr(r, name) for r in records)
            limits = clopper_pearson(count, 8)
            if name == "fitted" and row["m"] == 2:  # every sign pattern fits: no best one
                assert math.isnan(row["fitted_fraction"])
                continue
            assert (row[f"{name}_fraction"], row[f"{name}_lower_95"], row[f"{name}_upper_95"]) == (count / 8, *limits)
        assert row["median_mu_high"] == sorted(r.mu_high for r in records)[3]
        assert (row["median_mu_high"] == 0) == (row["m"] == 2)  # 2n - 2
        if not row["noise"] and row["m"] > 2:  # n + 1
            assert row["fitted_fraction"] == 1
    left, middle, _ = picture.figure.axes
    fits = [c for c in left.containers if c.get_label() == "best fit, all signs"]
    assert len(fits) == 1
    assert fits[0].lines[0].get_ydata().tolist() == [1.0, 1.0]  # m = 3 and 8
    assert {1.5} == {line.get_xdata()[0] for line in left.lines if "2n − 1" in str(line.get_label())}
    assert middle.get_yscale() == "log"
    assert left.get_xlabel() == "measurements per unknown m/n"
    assert not any(ax.get_legend() for ax in picture.figure.axes)
    (legend,) = picture.figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert len(set(names)) == len(names)
    assert {"best fit, all signs", "best fit, noise 0.05", "μ, lower end: median"} < set(names)
    picture.figure.savefig(tmp_path / "f.svg")


def test_an_error_above_its_bound_is_counted(results):
    lines = EXPERIMENT.summary(results).lines
    assert any("0 of 16 errors of the best fit above" in line for line in lines)
    cells = tuple(
        dataclasses.replace(c, records={i: dataclasses.replace(r, fit_bound=1e-6) for i, r in c.records.items()})
        for c in results.cells
    )
    assert any("16 of 16 errors of the best fit above" in line for line in EXPERIMENT.summary(Results("", cells)).lines)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"loss": "modulus"}, "choose one of amplitude, intensity"),
        ({"start": "zero"}, "choose one of spectral, random"),
        ({"attempts": 0}, "an integer of at least 1"),
        ({"limit": 30}, "do not fit into memory"),
        ({"noise": math.nan}, "nonnegative"),
        ({"tolerance": 0.0}, "between 0 and 1"),
    ],
)
def test_configurations_are_refused_in_the_users_words(given, words):
    with pytest.raises(ValueError, match=words):
        Config(**{"n": 3, "m": 5, **given})
