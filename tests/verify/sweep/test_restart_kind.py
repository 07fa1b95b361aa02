"""The restart experiment: certificates found on the way are those of `dipcert run`, as early as they are, and counted rightly."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from scipy.stats import binom

from numerics.activations import activation
from numerics.confidence import clopper_pearson
from numerics.flow import ReducedProblem, gradient_flow, state_at
from numerics.losses import loss
from numerics.width import Setting, smallest_width
from verify.restart import along
from verify.sweep.experiments.drawn import drawn
from verify.sweep.experiments.restart import EXPERIMENT, Config, first_certified, replica
from verify.sweep.experiments.restart_summary import relative
from verify.sweep.identity import stream
from verify.sweep.kind import CellResult, Results
from verify.sweep.medians import median


def followed(config, number):
    """The instance of a replica and its flow, anew."""
    instance = drawn(config, stream("ab", number))
    run = gradient_flow(
        instance.reduced,
        t_max=config.horizon / instance.reduced_sigma_F**2,
        loss_stop=config.end * instance.constants["loss_0"].value,
        rtol=1e-9,
        atol=1e-12,
        error_estimate=False,
    )
    return instance, run


def h_by_hand(instance, state):
    """Λρ/(σ_F σ²) in floating point."""
    k, both = state.k, state.train == "both"
    sigma = np.linalg.svd(state.V * (1 - np.tanh(state.a) ** 2) / math.sqrt(k))[1][-1]
    f = np.linalg.norm(np.tanh(state.a)) / math.sqrt(k) if both else 0.0
    B2, c = 4 / (3 * math.sqrt(3)), np.linalg.norm(state.V, axis=0).max()
    modulus = (B2 * c + math.sqrt(B2**2 * c**2 + 4)) / (2 * math.sqrt(k)) if both else B2 * c / math.sqrt(k)
    C = instance.reduced.C
    rho = np.linalg.norm(C @ state.output() - instance.reduced.y)
    return modulus * rho / (np.linalg.svd(C)[1][-1] * (sigma**2 + f**2)), rho


@pytest.mark.parametrize(("train", "k", "number"), [("both", 4, 0), ("W", 24, 1)])
def test_the_first_certificate_is_the_one_of_a_run_and_is_as_early_as_it_can_be(train, k, number):
    config = Config(4, 2, k, train, kappa=3.0)
    record = replica(config, stream("ab", number))
    instance, run = followed(config, number)
    assert 0 < record.sharp < record.reached < record.ended
    # where the reported time is, by hand
    h, rho = h_by_hand(instance, state_at(run, record.sharp))
    assert (h, rho) == (pytest.approx(record.sharp_h, rel=1e-4), pytest.approx(record.sharp_rho, rel=1e-4))
    assert 0.49 < h < 0.5
    assert h_by_hand(instance, state_at(run, 0.99 * record.sharp))[0] >= 0.5
    left = math.log(rho**2 / 2 / (1e-7 * run.loss[0])) / math.log(1e7)
    assert record.sharp_left == pytest.approx(left, rel=1e-4)
    # no stored time before is certified, and none after is not
    stored = [h_by_hand(instance, run.state(i))[0] < 0.5 for i in range(len(run))]
    assert stored == [t >= record.sharp for t in run.t]
    assert stored[0] < stored[-1]
    # the first of both, as `dipcert run` finds it at stored times
    first, found = along(instance, run).first, min(t for t in (record.sharp, record.amgm) if not math.isnan(t))
    assert first.index > 0
    assert run.t[first.index - 1] < found * 1.006
    assert found <= first.t
    if train == "both":
        assert 1 < record.amgm_margin < 1.02
        assert record.amgm < record.sharp
    reached = next(t for t, L in zip(run.t, run.loss, strict=True) if 1e-7 * run.loss[0] >= L)
    assert run.t[list(run.t).index(reached) - 1] <= record.reached <= reached
    assert (record.in_time, record.sharp_in_time, record.amgm_in_time) == (True, True, train == "both")


def test_a_certificate_after_convergence_is_not_in_time():
    config = Config(4, 2, 24, "W", kappa=3.0)
    record = replica(config, stream("ab", 1))
    there = 1e-7 ** (1 - record.sharp_left)  # of the loss
    late = replica(dataclasses.replace(config, tolerance=1.2 * there), stream("ab", 1))
    assert late.sharp == pytest.approx(record.sharp, rel=0.006)
    assert 0.5 * late.sharp < late.reached < late.sharp
    assert not late.sharp_in_time
    assert not late.in_time
    assert -0.2 < late.sharp_left < 0


def test_a_certificate_at_once_and_none_at_all():
    record = replica(Config(1, 1, 600, kappa=1.0), stream("ab", 0))
    assert (record.sharp, record.amgm) == (0.0, 0.0)
    assert (record.sharp_left, record.amgm_left) == (pytest.approx(1.0), pytest.approx(1.0))
    assert record.sharp_h < 0.5
    record = replica(Config(5, 4, 3, "W", horizon=10.0), stream("ab", 0))  # k < m: the Jacobian has no full rank
    assert (record.sharp, record.reached, record.in_time) == (math.inf, math.inf, False)
    assert math.isnan(record.amgm)
    assert math.isnan(record.sharp_h)
    assert math.isinf(relative(record, "sharp"))


def test_times_are_found_to_half_a_percent():
    one = np.ones((1, 1))
    problem = ReducedProblem(one, np.ones(1), loss("least_squares"), activation("identity"), "W", np.zeros(1), one)
    run = gradient_flow(problem, t_max=20.0, error_estimate=False)  # a(t) = 1 − exp(−t)
    for t in (0.004, 0.3, 7.0):
        found, network = first_certified(run, lambda state, t=t: state.a[0] >= 1 - math.exp(-t))
        assert t <= found * (1 + 1e-6)
        assert found < 1.006 * t
        assert network.a[0] == pytest.approx(1 - math.exp(-found), rel=1e-6)
    assert first_certified(run, lambda state: False) == (math.inf, None)
    assert first_certified(run, lambda state: True)[0] == 0.0


@pytest.mark.parametrize("draws", [5, 6, 9, 12, 40])
def test_the_limits_of_a_median_are_the_narrowest_exact_ones(draws):
    found = median(range(draws))
    assert found.value == (draws - 1) // 2
    if draws < 6:
        assert (found.low, found.high) == (-math.inf, math.inf)
        return
    assert found.low + found.high == draws - 1
    # P(every draw up to this one is above the median) is small, and that of the next one is not
    assert binom.cdf(found.low, draws, 0.5) < 0.025 <= binom.cdf(found.low + 1, draws, 0.5)


@pytest.fixture(scope="module")
def results() -> Results:
    """Records with other times; W only at one width alone, without a certificate in some runs."""
    rng = np.random.default_rng(0)
    record = replica(Config(3, 2, 4), stream("ab", 0))
    cells = []
    for k, train in ((2, "both"), (40, "both"), (40, "W")):
        records = {}
        for i in range(6):
            reached, sharp, amgm = rng.uniform(1, 2), rng.uniform(0, 2), rng.uniform(0, 1 / k)
            if train == "W":
                sharp, amgm = (math.inf if i % 3 == 0 else sharp), math.nan
            elif i == 5:
                amgm = 0.0
            records[i] = dataclasses.replace(
                record,
                reached=reached,
                ended=3.0,
                sharp=sharp,
                sharp_in_time=sharp <= reached,
                sharp_left=rng.uniform(),
                amgm=amgm,
                amgm_in_time=amgm <= reached,
                amgm_left=rng.uniform(),
                balanced=bool(rng.uniform() < 0.5),
                sigma_F=rng.uniform(0.5, 1.0),
                A_norm=rng.uniform(1.0, 2.0),
                y_norm=rng.uniform(1.0, 2.0),
            )
        cells.append(CellResult(Config(3, 2, k, train), 6, records))
    return Results("", tuple(cells))


def test_the_table_says_what_was_counted(results):
    summary = EXPERIMENT.summary(results)
    (picture,) = summary.pictures
    table = picture.table
    assert table.name == "restart"
    rows = {
        (r["train"], r["k"], r["theorem"]): r for r in (dict(zip(table.header, row, strict=True)) for row in table.rows)
    }
    assert set(rows) == {("both", k, t) for k in (2, 40) for t in ("sharp", "amgm")} | {("W", 40, "sharp")}
    sigma, norm, y = (
        np.median([getattr(r, name) for c in results.cells for r in c.records.values() if c.config.train == "both"])
        for name in ("sigma_F", "A_norm", "y_norm")
    )
    setting = Setting(3, 2, "both", V="uniform", sigma_F=sigma, L_F=norm, y_norm=y)
    assert rows["both", 2, "sharp"]["width_a_priori"] == smallest_width(setting, 0.5, "sharp_linear").value
    assert rows["both", 2, "amgm"]["width_a_priori"] == smallest_width(setting, 0.5, "amgm_dual").value
    for cell in results.cells:
        records = list(cell.records.values())
        for theorem in ("sharp", "amgm") if cell.config.train == "both" else ("sharp",):
            row = rows[cell.config.train, cell.config.k, theorem]
            times = [getattr(r, theorem) for r in records]
            good = sum(t <= r.reached and t < math.inf for t, r in zip(times, records, strict=True))
            assert (row["in_time"], row["in_time_low_95"]) == (good / 6, float(clopper_pearson(good, 6).lower))
            assert row["at_once"] == sum(t == 0 for t in times) / 6
            assert row["balanced"] == sum(r.balanced for r in records) / 6
            ratios = sorted(t / r.reached if t < math.inf else t for t, r in zip(times, records, strict=True))
            assert (row["time"], row["time_low_95"], row["time_high_95"]) == (ratios[2], ratios[0], ratios[5])
    assert rows["both", 40, "amgm"]["time"] < rows["both", 2, "amgm"]["time"]
    assert any(line.startswith("W only, Gaussian A, sharp: ") for line in summary.lines)


def test_the_figure_has_theory_as_lines_and_medians_as_markers(results, tmp_path):
    (picture,) = EXPERIMENT.summary(results).pictures
    picture.figure.savefig(tmp_path / "f.svg")
    time, left, share = picture.figure.axes[:3]
    rows = [dict(zip(picture.table.header, row, strict=True)) for row in picture.table.rows]
    amgm = [r for r in rows if (r["train"], r["theorem"]) == ("both", "amgm")]
    drawn_at = {tuple(c.lines[0].get_ydata()) for c in left.containers}
    assert tuple(np.clip([r["left"] for r in amgm], -0.02, 1.0)) in drawn_at
    width = amgm[0]["width_a_priori"]
    assert width in [line.get_xdata()[0] for line in time.lines]
    assert len(share.containers) == 5


def test_most_runs_without_a_certificate_are_a_marker_at_the_edge(results):
    def hollow(cells):
        (picture,) = EXPERIMENT.summary(Results("", cells)).pictures
        found = []
        for ax in picture.figure.axes[:2]:
            lines = [line for line in ax.lines if "without a certificate" in line.get_label()]
            found.append([(*line.get_xdata(), *line.get_ydata(), ax.get_ylim()) for line in lines])
        return found

    (cell,) = (c for c in results.cells if c.config.train == "W")
    assert hollow((cell,)) == [[], []]  # 2 runs of 6
    none = {i: dataclasses.replace(r, sharp=math.inf if i < 4 else r.sharp) for i, r in cell.records.items()}
    ((x, top, limits),), ((_, bottom, below),) = hollow((dataclasses.replace(cell, records=none),))
    assert x == pytest.approx(40, rel=0.1)
    assert (top, bottom) == (limits[1], below[0])


def test_a_run_without_convergence_counts_with_its_length(results):
    record = next(iter(results.cells[0].records.values()))
    late = dataclasses.replace(record, sharp=2.0, reached=math.inf, ended=8.0)
    assert relative(late, "sharp") == 0.25


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"k": 0}, "k = 0; it must be an integer of at least 1"),
        ({"kappa": 0.5}, "a condition number is at least 1"),
        ({"train": "V"}, "it must be 'both'"),
        ({"noise": -1.0}, "nonnegative"),
        ({"activation": "relu"}, "continuous derivative"),
        ({"tolerance": 1e-13}, "0 < end <= tolerance < 1"),
        ({"horizon": 0.0}, "horizon = 0.0"),
    ],
)
def test_what_cannot_be_is_refused_in_words(changes, words):
    with pytest.raises(ValueError, match=words):
        Config(**({"n": 4, "m": 2, "k": 8} | changes))
