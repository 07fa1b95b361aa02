"""Figures draw the numbers that they say they draw."""

import csv

import numpy as np
import pytest
from matplotlib.figure import Figure

from verify import figures
from verify.report import write


@pytest.fixture(scope="module")
def both(lab):
    return lab.run(lab.with_margin("baseline", 0.6, seed=3))


@pytest.fixture(scope="module")
def inner(lab):
    return lab.run(lab.with_margin("baseline", 0.6, 2, 4, seed=17, network={"train": "W"}))


def lines(ax):
    """label → (x, y) of the labelled lines."""
    return {
        line.get_label(): (np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float))
        for line in ax.get_lines()
        if not line.get_label().startswith("_")
    }


FIGURES = {
    figures.loss_figure: ("rho", "residual"),
    figures.sigma_figure: ("sigma", "hidden"),
    figures.distance_figure: ("length", "distance"),
    figures.signal_figure: ("signal_error",),
}


@pytest.mark.parametrize("draw", FIGURES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("which", ["both", "inner"])
def test_every_curve_in_force_is_a_line_and_the_run_is_markers(request, which, draw):
    result = request.getfixturevalue(which)
    figure = draw(result)
    assert isinstance(figure, Figure)
    top, low = figure.axes
    drawn = lines(top)
    names = [name for name in FIGURES[draw] if name in result.observed]
    if result.problem.network.train == "W" and "hidden" in names:
        names.remove("hidden")  # nothing bounds it
    for name in names:
        series = result.observed[name]
        label = f"run: {series.meaning}"
        if name == "residual":  # the same as ρ for least squares
            assert label not in drawn
            continue
        x, y = drawn.pop(label)
        assert np.array_equal(x, series.t[1:])
        assert np.array_equal(y, series.value[1:])
        (line,) = [ln for ln in top.get_lines() if ln.get_label() == label]
        assert line.get_marker() == "o"
        assert line.get_linewidth() == 0
    expected = {}
    for guarantee, curve in figures.curves_for(result, tuple(names)):
        assert guarantee.in_force
        assert curve.later is None
        series, bound, _ = curve.evaluate(result.observed)
        live = np.isfinite(bound) & (series.t > 0) & (bound > 0)
        expected[f"{curve.statement}: {curve.label}"] = (series.t[live], bound[live])
    assert len(expected) >= (1 if draw is figures.signal_figure else 3 if which == "both" else 2)
    assert set(drawn) == set(expected)
    for label, (x, y) in expected.items():
        assert np.array_equal(drawn[label][0], x)
        assert np.array_equal(drawn[label][1], y)
    entries = {text.get_text() for text in top.get_legend().get_texts()}
    assert set(expected) <= entries
    assert (top.get_xscale(), top.get_yscale(), low.get_xscale()) == ("log", "log", "log")
    assert top.get_ylabel()
    assert low.get_xlabel() == "t"
    assert "slack" in low.get_ylabel()
    # the slack panel: ratios, all above one since every bound holds
    ratios = [line for line in low.get_lines() if len(line.get_xdata()) > 2]
    assert len(ratios) == len(expected)
    assert all(np.min(line.get_ydata()) > 1 - 1e-9 for line in ratios)


def test_colours_and_dashes_tell_the_bounds_of_one_figure_apart(both):
    top = figures.loss_figure(both).axes[0]
    styles = [(line.get_color(), str(line._dash_pattern)) for line in top.get_lines() if ":" in line.get_label()][1:]
    assert len(styles) == len(set(styles)) >= 5


def test_stopping_times_and_the_noise_level_are_marked(both):
    top = figures.loss_figure(both).axes[0]
    notes = {note.get_text(): note.xy for note in top.texts}
    assert notes["guaranteed stop"][0] == both.strongest.stop_time
    found = sorted(x for label, (x, _) in notes.items() if label.startswith("run: "))
    assert found == sorted(both.trajectory.events.values())
    eps = both.instance.constants["eps"].value
    assert notes["‖ε‖"][1] == eps
    assert any(np.allclose(line.get_ydata(), eps) for line in top.get_lines())
    verticals = {line.get_xdata()[0] for line in top.get_lines() if len(set(line.get_xdata())) == 1}
    assert verticals >= {both.strongest.stop_time, *both.trajectory.events.values()}


def test_the_radius_and_the_truth_are_marked(both):
    distance = figures.distance_figure(both).axes[0]
    assert {n.get_text(): n.xy[1] for n in distance.texts}["R (baseline)"] == both.instance.constants["R"].value
    signal = figures.signal_figure(both).axes[0]
    assert {n.get_text(): n.xy[1] for n in signal.texts}["‖x̄‖"] == np.linalg.norm(both.problem.truth)


def test_a_restart_certificate_is_marked(lab):
    network = {"train": "W", "width": 40, "antisymmetric": False}
    late = lab.run(lab.table(2, 3, seed=3, signal={"source": "values", "values": [0.5, -0.5, 0.4]}, network=network))
    assert late.restart.first.t > 0
    notes = {n.get_text(): n.xy[0] for n in figures.loss_figure(late).axes[0].texts}
    assert notes["restart certificate"] == late.restart.first.t


def test_without_the_truth_there_is_no_signal_figure(lab):
    data = {
        "operator": {"kind": "identity"},
        "observation": {"values": [0.3, 0.1]},
        "network": {"width": 8, "train": "W"},
    }
    result = lab.run(data)
    assert figures.signal_figure(result) is None
    assert figures.reconstruction_figure(result) is not None


def test_the_reconstruction_of_a_series(both):
    ax = figures.reconstruction_figure(both).axes[0]
    drawn = lines(ax)
    index = next(
        i
        for i, r in enumerate(both.trajectory.residual)
        if r <= 1.5 * both.instance.constants["eps"].value * (1 + 1e-9)
    )
    assert np.array_equal(drawn["truth x̄"][1], both.problem.truth)
    (label,) = [name for name in drawn if name.startswith("reconstruction")]
    assert np.allclose(drawn[label][1], both.instance.signal(both.trajectory, index), rtol=1e-12)
    assert "error" in label


def test_the_reconstruction_of_an_image(lab):
    data = {
        "signal": {"source": "mri", "size": 16}, "operator": {"kind": "subsample", "fraction": 0.6},
        "synthesis": {"kind": "fourier_synthesis", "omega0": 3.0}, "noise": {"relative": 0.05},
        "network": {"width": 400, "train": "W", "antisymmetric": True, "output_scale": 4.0},
        "flow": {"t_max": 50.0, "rtol": 1e-6},
    }  # fmt: skip
    result = lab.run(data)
    axes = figures.reconstruction_figure(result).axes
    assert [ax.get_title().split("\n")[0].split(",")[0] for ax in axes] == ["truth", "observation", "reconstruction"]
    shown = [np.asarray(ax.get_images()[0].get_array()) for ax in axes]
    assert np.array_equal(shown[0], result.problem.truth.reshape(16, 16))
    assert "SSIM" in axes[2].get_title()
    quality = result.quality()
    assert f"{quality['reconstruction']['relative_error']:.1%}" in axes[2].get_title()


def test_the_csv_holds_the_numbers_drawn(both, tmp_path):
    write(both, tmp_path)
    with (tmp_path / "curves.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    header, body = rows[0], rows[1:]
    assert len(header) == len(body[0])
    tables = figures.tables(both)
    seen = {}
    for row in body:
        seen.setdefault((row[0], row[1]), []).append((float(row[2]), float(row[3])))
    for quantity, entries in tables.items():
        for name, t, value, _ in entries:
            kept = np.isfinite(value)
            found = np.array(seen[quantity, name])
            found = found[np.isfinite(found[:, 1])]
            assert np.array_equal(found[:, 0], t[kept])
            assert np.array_equal(found[:, 1], value[kept])
    for draw, quantities in FIGURES.items():
        for label, (x, y) in lines(draw(both).axes[0]).items():
            if label.startswith("run: "):
                continue
            quantity, key = next((q, n) for q, n in seen if n.endswith(label) and q in quantities)
            drawn = set(zip(x.tolist(), y.tolist(), strict=True))
            assert drawn <= set(seen[quantity, key])
    for name in ("loss", "sigma", "distance", "signal", "reconstruction"):
        assert list(tmp_path.glob(f"{name}*.svg")), name
