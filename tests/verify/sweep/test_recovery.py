"""Experiments on recovery: operators near singularity, predicted signals."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from verify.sweep.experiments import near_singular, predicted_signal
from verify.sweep.experiments.near_singular_summary import curves
from verify.sweep.experiments.near_singular_summary import summarize as summarize_near
from verify.sweep.experiments.predicted_signal_summary import beyond_accuracy
from verify.sweep.experiments.predicted_signal_summary import summarize as summarize_predicted
from verify.sweep.kind import CellResult, Results


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("spread", ["one", "log"])
def test_the_operator_has_the_singular_values_asked_for(spread):
    config = near_singular.Config(1e-3, n=5, m=3, spread=spread)
    s = np.linalg.svd(near_singular.operator(config, rng()), compute_uv=False)
    assert s == pytest.approx([1, 1 if spread == "one" else 10**-1.5, 1e-3])


@pytest.fixture(scope="module")
def near():
    config = near_singular.Config(0.1, n=3, m=3, k=64)
    return config, near_singular.replica(config, rng(3))


def test_bounds_near_singularity_are_above_the_errors(near):
    _, r = near
    assert r.violated == 0
    assert r.compared == 9
    for when, error in (("stop", r.error_stop), ("end", r.error_end)):
        for short in ("baseline", "linear", "kernel", "split"):
            assert getattr(r, f"{short}_{when}") >= error
    assert r.stability_stop > r.seen_stop == pytest.approx(r.error_stop)
    # the closed form of recover.linear with x̄ ∈ Σ' and no residual is the least that it can be at any time
    assert r.linear_stop > r.linear_end > 0.05 * 0.1 / 0.1


def test_the_error_of_the_pseudo_inverse_is_that_of_the_noise(near):
    config, r = near
    A = near_singular.operator(config, generator := rng(3))
    truth = generator.standard_normal(3)
    truth /= np.linalg.norm(truth)
    noise = generator.standard_normal(3)
    noise *= 0.05 * np.linalg.norm(A @ truth) / np.linalg.norm(noise)
    assert r.error_pinv == pytest.approx(np.linalg.norm(np.linalg.solve(A, noise)))
    assert r.error_end == pytest.approx(r.error_pinv, rel=0.1)  # the run has fitted the data


def test_without_noise_the_run_ends_where_the_data_are_fitted():
    r = near_singular.replica(near_singular.Config(0.3, n=3, m=2, k=64, noise=0.0), rng(3))
    assert r.error_stop == r.error_end
    assert r.loss_end == pytest.approx(1e-7, rel=1e-3)
    assert math.isnan(r.stability_stop)
    assert (r.status_illposed, r.violated) == ("not_met", 0)
    assert r.seen_stop < 0.01 < r.error_stop  # what the data see is fitted, what they do not is not


def test_summary_near_singularity(near):
    config, r = near
    broken = dataclasses.replace(r, violated=1, kernel_stop=math.nan)
    cells = (
        CellResult(config, 1, {0: r}),
        CellResult(dataclasses.replace(config, sigma_min=0.01), 2, {0: r, 1: broken}),
    )
    (item,) = curves(Results("t", cells))
    assert item.sigma == (0.01, 0.1)
    assert math.isnan(item.values["kernel_stop"][0][1])
    assert item.values["kernel_stop"][1] == (r.kernel_stop,) * 3
    summary = summarize_near(Results("t", cells))
    assert "27 bounds held against runs, 1 below the error" in summary.lines[0]
    assert summary.tables[0].rows[0][summary.tables[0].header.index("violated")] == 1


def test_runs_that_did_not_fit_the_data_are_drawn_hollow(near):
    config, r = near
    assert (r.end, r.time_stop < math.inf) == ("loss_stop", True)
    late = dataclasses.replace(r, end="t_max")
    cells = [CellResult(config, 2, {0: r, 1: r})]
    cells.append(CellResult(dataclasses.replace(config, sigma_min=0.01), 2, {0: r, 1: late}))
    results = Results("t", tuple(cells))
    (item,) = curves(results)
    assert (item.reached_stop, item.reached_end) == ((2, 2), (1, 2))
    summary = summarize_near(results)
    hollow = [
        [box[0].get_xdata().tolist() for box in ax.containers if box[0].get_markerfacecolor() == "white"]
        for ax in summary.pictures[0].figure.axes
    ]
    assert hollow == [[], [[0.01]]]
    assert len(summary.tables[0].rows[0]) == len(summary.tables[0].header)
    assert summary.tables[0].rows[0][summary.tables[0].header.index("reached_end")] == 1


def test_a_bound_that_says_nothing_is_not_called_in_force(near):
    config, r = near
    vacuous = dataclasses.replace(r, status_kernel="vacuous")
    gone = dataclasses.replace(r, status_kernel="not_met", kernel_stop=math.nan, kernel_end=math.nan)
    records = {1.0: r, 0.1: vacuous, 0.01: gone, 0.001: r}  # the last is beyond the gap
    cells = tuple(CellResult(dataclasses.replace(config, sigma_min=s), 1, {0: x}) for s, x in records.items())
    (line,) = (x for x in summarize_near(Results("t", cells)).lines if "recover.kernel" in x)
    assert line.endswith("in force and not vacuous down to sigma_min = 1, a bound down to sigma_min = 0.1")


def test_the_prediction_for_w_only_is_where_the_flow_ends():
    config = predicted_signal.Config(k=40, n=3, m=2)
    r = predicted_signal.replica(config, rng(1))
    assert r.where == "inside"
    assert r.end == "loss_stop"
    assert r.from_bregman <= r.accuracy < 1e-5
    assert r.from_wide > 1e-3 > r.accuracy  # so that the other prediction is told from it
    cells = [CellResult(config, 1, {0: r, 1: dataclasses.replace(r, from_bregman=1.0)})]
    assert beyond_accuracy(cells) == (2, 1, 0, 0)
    assert (
        "2 instances, prediction off by more than the run is accurate: 1"
        in summarize_predicted(Results("t", tuple(cells))).lines[0]
    )


def test_data_outside_the_image_of_the_box_are_labelled():
    config = predicted_signal.Config(k=4, n=3, m=2, output_scale=0.01)
    r = predicted_signal.replica(config, rng(1))
    assert r.where == "outside"
    assert math.isnan(r.from_bregman)
    assert r.loss_end > 0.1


def test_the_drift_bounds_the_distance_from_the_wide_limit():
    r = predicted_signal.replica(predicted_signal.Config(k=512, n=3, m=2, output_scale=20.0, train="both"), rng(2))
    assert 0 < 10 * r.from_wide < r.drift < 5  # a bound, and not a tight one


@pytest.mark.parametrize(
    ("config", "given", "words"),
    [
        (near_singular.Config, {"sigma_min": 0.0}, "sigma_min"),
        (near_singular.Config, {"sigma_min": 0.1, "k": 3}, "even"),
        (near_singular.Config, {"sigma_min": 0.1, "m": 9}, "at most as many data"),
        (near_singular.Config, {"sigma_min": 0.1, "tau": 1.0}, "tau"),
        (near_singular.Config, {"sigma_min": 0.1, "noise": -1.0}, "noise"),
        (near_singular.Config, {"sigma_min": 0.1, "spread": "two"}, "spread"),
        (predicted_signal.Config, {"k": 8, "train": "V"}, "train"),
        (predicted_signal.Config, {"k": 8, "output_scale": 0}, "output_scale"),
    ],
)
def test_errors_at_the_door(config, given, words):
    with pytest.raises(ValueError, match=words):
        config(**given)
