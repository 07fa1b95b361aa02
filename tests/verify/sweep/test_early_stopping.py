"""The early-stopping experiment: times and errors against formulas by hand, and promises that would be seen to break."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from scipy.optimize import brentq

import verify.sweep.experiments.early_stopping as experiment
from numerics.flow import gradient_flow
from verify.guarantees import Guarantee, convergence
from verify.guarantees.base import stopping_curves
from verify.sweep.experiments.drawn import drawn
from verify.sweep.experiments.early_stopping import EXPERIMENT, RULES, Config, replica
from verify.sweep.identity import stream
from verify.sweep.kind import CellResult, Results

SCALED = Config(3, 3, 40, 0.1, kappa=5.0, output_scale=200.0)
KEY = "ab"


@pytest.fixture(scope="module")
def record():
    return replica(SCALED, stream(KEY, 0))


@pytest.fixture(scope="module")
def instance():
    return drawn(SCALED, stream(KEY, 0), antisymmetric=True, output_scale=200.0)


def at(instance, t):
    """(y(t), x(t)), from an integration of its own."""
    problem = instance.problem
    run = gradient_flow(instance.reduced, t_max=t, times=(), rtol=1e-10, error_estimate=False)
    x = 200.0 * run.state(len(run) - 1).output()
    return problem.operator.matvec(x), x


def test_the_instance_is_the_one_that_was_asked_for(instance):
    problem = instance.problem
    s = np.linalg.svd(problem.operator.matrix, compute_uv=False)
    assert s == pytest.approx([1.0, 5**-0.5, 0.2])
    clean = problem.operator.matvec(problem.truth)
    assert problem.y - clean == pytest.approx(problem.noise, abs=1e-12)
    assert np.linalg.norm(problem.noise) == pytest.approx(0.1 * np.linalg.norm(clean))
    other = drawn(SCALED, stream(KEY, 1), antisymmetric=True, output_scale=200.0).problem
    assert not np.allclose(other.truth, problem.truth)
    assert not np.allclose(other.network.a, problem.network.a)


def test_guaranteed_times_by_hand(record, instance):
    network, problem = instance.problem.network, instance.problem
    k, B2 = network.k, 4 / (3 * math.sqrt(3))
    f = np.linalg.norm(np.tanh(network.a)) / math.sqrt(k)
    sigma = math.hypot(f, np.linalg.svd(network.V * (1 - np.tanh(network.a) ** 2) / math.sqrt(k))[1][-1])
    c, sigma_F = math.sqrt(3), 200.0 * 0.2  # Rademacher columns of three entries
    Lambda = (B2 * c + math.sqrt(B2**2 * c**2 + 4)) / (2 * math.sqrt(k))
    rho, eps = np.linalg.norm(problem.y), np.linalg.norm(problem.noise)
    assert record.baseline_time == pytest.approx(4 / (sigma_F * sigma) ** 2 * math.log(rho / eps), rel=1e-6)
    h = Lambda * rho / (sigma_F * sigma**2)
    a, b = (sigma_F * sigma) ** 2 * (1 - 2 * h), 2 * sigma_F * Lambda

    def excess(t):
        return a * rho * math.exp(-a * t) / (a + b * rho * (1 - math.exp(-a * t))) - eps

    assert record.sharp_time == pytest.approx(brentq(excess, 0.0, 10 / a), rel=1e-6)
    assert record.strongest_time == min(
        g.stop_time for g in convergence(instance) if g.in_force and g.zero_loss and g.stop_time is not None
    )
    assert (record.sigma_F, record.T_norm) == (pytest.approx(40.0), pytest.approx(200.0))


@pytest.mark.parametrize("rule", ["baseline", "sharp", "discrepancy", "oracle_signal"])
def test_errors_at_the_time_of_a_rule(record, instance, rule):
    problem = instance.problem
    y, x = at(instance, getattr(record, f"{rule}_time"))
    clean = problem.y - problem.noise
    observation, signal = getattr(record, f"{rule}_observation"), getattr(record, f"{rule}_signal")
    assert observation == pytest.approx(np.linalg.norm(y - clean) / np.linalg.norm(clean), rel=1e-5)
    assert signal == pytest.approx(np.linalg.norm(x - problem.truth) / np.linalg.norm(problem.truth), rel=1e-5)
    if rule == "discrepancy":
        assert np.linalg.norm(y - problem.y) == pytest.approx(1.5 * np.linalg.norm(problem.noise), rel=1e-5)


def test_oracles_are_the_best_and_the_limit_fits_the_noise(record):
    for rule in RULES:
        assert record.oracle_observation_observation <= getattr(record, f"{rule}_observation")
        assert record.oracle_signal_signal <= getattr(record, f"{rule}_signal")
    assert record.limit_observation == pytest.approx(record.noise_level, rel=1e-6)
    assert record.noise_level == pytest.approx(0.1)
    assert record.oracle_signal_signal < 0.97 * record.limit_signal  # semi-convergence
    assert record.status == "loss_stop"


def test_promises_are_held_against_the_run(record):
    assert record.checks >= 3
    assert (record.violated, record.undecided) == (0, 0)
    for rule in ("baseline", "sharp"):
        assert getattr(record, f"{rule}_observation") <= 2 * record.noise_level


def promised_at(time):
    """The sharp theorem alone, its level ‖ε‖ promised from another time on."""

    def promised(instance):
        (g,) = (g for g in convergence(instance) if g.statement == "sharp.condition")
        return [
            dataclasses.replace(
                g, stop_time=time, curves=tuple(stopping_curves("sharp.stop", time, g.stop_level, g.stop_level))
            )
        ]

    return promised


def test_a_broken_promise_is_counted(record, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(experiment, "convergence", promised_at(record.sharp_time / 50))
    early = replica(SCALED, stream(KEY, 0))
    assert (early.checks, early.violated) == (1, 1)
    assert early.sharp_observation > 2 * record.noise_level
    assert math.isnan(early.baseline_time)


def test_what_is_promised_of_the_data_is_what_is_counted(record, monkeypatch: pytest.MonkeyPatch):
    """Where the residual is τ‖ε‖ > ‖ε‖ the error of the data is below 2‖ε‖ all the same."""
    monkeypatch.setattr(experiment, "convergence", promised_at(record.discrepancy_time))
    early = replica(SCALED, stream(KEY, 0))
    assert record.discrepancy_observation < 2 * record.noise_level
    assert (early.checks, early.violated) == (1, 0)


def test_the_strongest_of_two_guarantees_of_one_theorem_is_taken():
    first, second, free = (
        Guarantee(name, "", "in_force", "", stop_time=time)
        for name, time in (("dip2.amgm", 1.0), ("dip2.amgm", 2.0), ("illposed.discrepancy", 0.5))
    )
    times = experiment._guaranteed([first, second, free])
    assert (times["strongest"], times["kappa_free"]) == (1.0, 0.5)
    assert math.isnan(times["sharp"])
    assert all(math.isnan(t) for t in experiment._guaranteed([]).values())


def test_a_rule_that_gives_no_time_is_nan():
    record = replica(dataclasses.replace(SCALED, train="W", k=12, kappa=100.0, output_scale=1.0), stream(KEY, 0))
    for entry in ("time", "observation", "signal"):
        assert math.isnan(getattr(record, f"baseline_{entry}"))
        assert math.isnan(getattr(record, f"sharp_{entry}"))
    assert record.by == "wonly.rate"
    assert record.kappa_free_time == record.strongest_time > 0


@pytest.fixture
def results(record) -> Results:
    """Records with other numbers, and without the baseline's time at the scale 1."""
    rng = np.random.default_rng(0)
    cells = []
    for scale in (1.0, 300.0):
        for noise in (0.1, 0.4):
            records = {}
            for i in range(7):
                entries = {
                    f"{rule}_{what}": rng.uniform() for rule in RULES for what in ("time", "observation", "signal")
                }
                if scale == 1.0:
                    entries |= dict.fromkeys(
                        (f"baseline_{what}" for what in ("time", "observation", "signal")), math.nan
                    )
                records[i] = dataclasses.replace(record, **entries, noise_level=noise, checks=int(rng.integers(1, 4)))
            cells.append(CellResult(Config(2, 2, 20, noise, kappa=5.0, output_scale=scale), 7, records))
    return Results("", tuple(cells))


def test_the_table_and_the_figure_say_what_was_found(results, tmp_path):
    summary = EXPERIMENT.summary(results)
    (picture,) = summary.pictures
    table = picture.table
    rows = [dict(zip(table.header, row, strict=True)) for row in table.rows]
    assert len(rows) == 2 * 2 * len(RULES)
    assert {row["in_force"] for row in rows if row["rule"] == "baseline"} == {0, 7}
    for row in rows:
        (cell,) = (
            c for c in results.cells if (c.config.noise, c.config.output_scale) == (row["noise"], row["output_scale"])
        )
        records, rule = list(cell.records.values()), row["rule"]
        times = sorted(getattr(r, f"{rule}_time") * r.T_norm**2 for r in records if getattr(r, f"{rule}_time") >= 0)
        assert row["in_force"] == len(times)
        if times:
            assert row["time"] == times[(len(times) - 1) // 2]
            signals = sorted(s for s in (getattr(r, f"{rule}_signal") for r in records) if s >= 0)
            assert row["signal"] == signals[(len(signals) - 1) // 2]
    checks = {
        s: sum(r.checks for c in results.cells if c.config.output_scale == s for r in c.records.values())
        for s in (1.0, 300.0)
    }
    assert {(row["output_scale"], row["checks"]) for row in rows} == set(checks.items())
    assert any(f"{checks[300.0]} promises held against the runs, 0 broken" in line for line in summary.lines)
    picture.figure.savefig(tmp_path / "f.svg")
    time = picture.figure.axes[3]  # the second row, of the large scale
    assert time.get_title(loc="left") == "both layers, κ(A) = 5, output scale 300"
    sharp = [r["time"] for r in rows if (r["rule"], r["output_scale"]) == ("sharp", 300.0)]
    assert sharp in [list(line.get_ydata()) for line in time.lines]


def test_a_median_of_few_runs_is_neither_drawn_nor_printed_as_one(results):
    def last(seen):
        cells = []
        for c in results.cells:
            records = {
                i: dataclasses.replace(r, kappa_free_time=1.0 if i < seen else math.nan,
                                       kappa_free_signal=0.1234 if i < seen else math.nan)
                for i, r in c.records.items()
            }  # fmt: skip
            cells.append(CellResult(c.config, c.requested, records))
        return [text for text in EXPERIMENT.summary(Results("", tuple(cells))).lines if "median" in text]

    runs = len(results.cells[0].records)
    assert runs > 2
    assert all(f"kappa free (1 of {runs})" in text and "0.12" not in text for text in last(1))
    assert all(f"kappa free 0.12 ({runs - 1} of {runs})" in text for text in last(runs - 1))
    assert all("kappa free 0.12," in text for text in last(runs))


def test_the_strongest_guarantee_is_drawn_where_it_is_another_one(results):
    def words(cells):
        figure = EXPERIMENT.summary(Results("", cells)).pictures[0].figure
        return {text for ax in figure.axes for text in ax.get_legend_handles_labels()[1]}

    def with_strongest(rule):
        names = ("time", "observation", "signal")
        return tuple(
            CellResult(c.config, c.requested, {
                i: dataclasses.replace(r, **{f"strongest_{n}": getattr(r, f"{rule}_{n}") for n in names})
                for i, r in c.records.items()
            })
            for c in results.cells if c.config.output_scale == 300.0
        )  # fmt: skip

    assert not any("strongest" in text for text in words(with_strongest("sharp")))
    assert "at that time: strongest in force, if another one" in words(with_strongest("discrepancy"))


def test_a_sweep_that_checks_nothing_says_so(results):
    bare = tuple(
        CellResult(c.config, c.requested, {i: dataclasses.replace(r, checks=0) for i, r in c.records.items()})
        for c in results.cells
    )
    lines = EXPERIMENT.summary(Results("", bare)).lines
    assert sum("NOTHING WAS CHECKED" in line for line in lines) == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"noise": 0.0}, "nothing to stop early for"),
        ({"noise": "much"}, "noise = 'much'; it must be a number"),
        ({"tau": 1.0}, "tau > 1"),
        ({"output_scale": 0.0}, "output_scale = 0.0; it is positive"),
        ({"k": 7}, "k = 7 is odd; use k = 8"),
        ({"antisymmetric": 1}, "true or false"),
        ({"V": "cauchy"}, "cauchy"),
    ],
)
def test_what_cannot_be_is_refused_in_words(changes, words):
    with pytest.raises(ValueError, match=words):
        Config(**({"n": 2, "m": 2, "k": 8, "noise": 0.1} | changes))
