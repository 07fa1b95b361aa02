"""Figures draw the numbers that they say they draw."""

import csv
import time
import warnings
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from verify import drawing, figures, quality
from verify.guarantees import Guarantee
from verify.observables import Observables
from verify.report import write


@pytest.fixture(scope="module")
def both(lab):
    return lab.run(lab.with_margin("baseline", 0.6, seed=3))


@pytest.fixture(scope="module")
def inner(lab):
    return lab.run(lab.with_margin("baseline", 0.6, 2, 4, seed=17, network={"train": "W"}))


STOP = "from here on the residual is guaranteed below the level"


def lines(ax):
    """label → (x, y) of the labelled lines."""
    return {
        line.get_label(): (np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float))
        for line in ax.get_lines()
        if not line.get_label().startswith("_") and line.get_label() != STOP
    }


def notes(ax):
    """words → (x, y) in data or axes coordinates of what is written beside an axis."""
    return {note.get_text().replace("\n", " "): note.xy for note in ax.texts}


def legend_entry(guarantee, curve):
    words = curve.label if guarantee.in_force else "measured split, uses the truth"
    return f"{curve.statement}: {words}"


def paint(figure):
    """Draw to pixels; the renderer that knows where everything is."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return canvas.get_renderer()


def all_figures(result):
    drawn = [draw(result) for draw in (*FIGURES, figures.reconstruction_figure)]
    return [figure for figure in drawn if figure is not None]


def render(result):
    """Draw everything, also to pixels; warnings are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for figure in all_figures(result):
            paint(figure)


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
    end = result.trajectory.t[-1]
    for guarantee, curve in figures.curves_for(result, tuple(names)):
        assert guarantee.checked
        assert curve.later is None
        series, bound, _ = curve.evaluate(result.observed)
        live = np.isfinite(bound) & (series.t > 0) & (bound > 0)
        expected[legend_entry(guarantee, curve)] = (series.t[live], bound[live])
    assert len(expected) >= (1 if draw is figures.signal_figure else 3 if which == "both" else 2)
    assert set(drawn) == set(expected)
    for words, (x, y) in expected.items():
        during = drawn[words][0] <= end
        assert np.array_equal(drawn[words][0][during], x)
        assert np.array_equal(drawn[words][1][during], y)
    assert top.get_legend() is None
    entries = {text.get_text() for text in figure.legends[0].get_texts()}
    assert set(expected) <= entries
    assert (top.get_xscale(), low.get_xscale()) == ("log", "log")
    shown = np.concatenate([y for _, y in lines(top).values()])
    assert top.get_yscale() == ("log" if shown.max() > 3 * shown.min() else "linear")
    assert top.get_ylabel()
    assert low.get_xlabel() == "t"
    assert "slack" in low.get_ylabel()
    # the slack panel: ratios, all above one since every bound holds
    ratios = [line for line in low.get_lines() if len(line.get_xdata()) > 2]
    assert len(ratios) == len(expected)
    assert all(np.min(line.get_ydata()) > 1 - 1e-9 for line in ratios)


def test_colours_and_dashes_tell_the_bounds_of_one_figure_apart(both):
    for draw in FIGURES:
        top = draw(both).axes[0]
        styles = [
            (line.get_color(), str(line._dash_pattern))
            for line in top.get_lines()
            if line.get_label() in lines(top) and not line.get_label().startswith("run")
        ]
        assert len(styles) == len(set(styles)) >= (2 if draw is figures.signal_figure else 5)


def test_a_variant_looks_the_same_in_every_figure_whatever_else_is_in_force(both):
    looks = drawing.LOOKS
    assert len({(look.color, str(look.dash)) for look in looks.values()}) == len(looks)
    weaker = replace(both, convergence=both.convergence[::-1], recovery=both.recovery[::-1])
    for draw in FIGURES:
        one, other = (
            {line.get_label(): (line.get_color(), line._dash_pattern) for line in draw(r).axes[0].get_lines()}
            for r in (both, weaker)
        )
        one, other = ({k: v for k, v in d.items() if ": " in k} for d in (one, other))
        assert one == other
        assert list(one) == list(other)  # and so does the order of the legend
    colors = {
        line.get_color() for f in FIGURES for line in f(both).axes[0].get_lines() if "amgm: dual" in line.get_label()
    }
    assert colors == {looks["amgm dual"].color}
    known = {
        "sharp",
        "sharp.logistic",
        "amgm dual",
        "amgm linear",
        "balanced",
        "baseline",
        "illposed",
        "recover.kernel",
    }
    assert known <= set(looks)
    new = Guarantee("new.statement", "not in the table", "in_force", "")
    assert drawing.look(new) == drawing.look(new)


def test_what_is_measured_says_so(both):
    measured = [line for line in figures.signal_figure(both).axes[0].get_lines() if "recover.split" in line.get_label()]
    assert [line.get_label() for line in measured] == ["recover.split: measured split, uses the truth"]
    assert measured[0].get_color() == drawing.LOOKS["recover.split"].color


def test_stopping_times_and_the_noise_levels_are_marked(both):
    figure = figures.loss_figure(both)
    top = figure.axes[0]
    written = notes(top)
    stop = both.strongest.stop_time
    assert written[f"guaranteed stop: t = {stop:.3g}"][0] == stop
    found = sorted(x for words, (x, _) in written.items() if words.startswith("run at "))
    assert found == sorted(both.trajectory.events.values())
    assert any(words.startswith("run at ‖ε‖") for words in written)  # not 1‖ε‖
    eps = both.instance.constants["eps"].value
    assert written["‖ε‖"][1] == eps
    assert written["τ‖ε‖, τ = 1.5"][1] == 1.5 * eps
    for level in (eps, 1.5 * eps):
        assert any(np.allclose(line.get_ydata(), level) for line in top.get_lines())
    verticals = {line.get_xdata()[0] for line in top.get_lines() if line.get_label() == "_time"}
    assert verticals == {stop, *both.trajectory.events.values()}
    assert top.get_xlim()[0] < stop < top.get_xlim()[1]


def test_what_is_written_lies_outside_the_axes_and_nothing_overlaps(both):
    for draw in (figures.loss_figure, figures.signal_figure, figures.distance_figure):
        figure = draw(both)
        renderer = paint(figure)
        top = figure.axes[0]
        frame = top.get_window_extent(renderer)
        boxes = [text.get_tightbbox(renderer).padded(-1) for text in (figure.legends[0], figure._suptitle)]
        boxes += [super(type(note), note).get_window_extent(renderer).padded(-1) for note in top.texts]
        for i, box in enumerate(boxes):
            assert not box.overlaps(frame)
            assert not any(box.overlaps(other) for other in boxes[:i])
            assert figure.bbox.x0 <= box.x0
            assert box.x1 <= figure.bbox.x1


def test_bounds_of_time_alone_cross_the_level_at_the_guaranteed_stop(lab):
    short = lab.run(lab.table(3, 3, seed=3, network={"output_scale": 40.0}, flow={"loss_tol": 1e-3}))
    stop, end = short.strongest.stop_time, short.trajectory.t[-1]
    assert stop > end
    top = figures.loss_figure(short).axes[0]
    strongest = next(g for g in short.convergence if g is short.strongest)
    drawn = lines(top)
    crossings = []
    for curve in strongest.curves:
        if curve.quantity == "rho" and curve.later is None:
            t, value = drawn[legend_entry(strongest, curve)]
            assert t[-1] == pytest.approx(top.get_xlim()[1])
            crossings.append(np.exp(np.interp(-np.log(strongest.stop_level), -np.log(value), np.log(t))))
    assert min(crossings) == pytest.approx(stop, rel=0.02)
    (diamond,) = [line for line in top.get_lines() if line.get_label() == STOP]
    assert (diamond.get_xdata()[0], diamond.get_ydata()[0]) == (stop, strongest.stop_level)
    # what is made of the run ends with it
    split = lines(figures.signal_figure(short).axes[0])["recover.split: measured split, uses the truth"]
    assert split[0][-1] == end


def test_the_radii_and_the_truth_are_marked(lab, both):
    distance = figures.distance_figure(both).axes[0]
    sharp, baseline = (
        next(g for g in both.convergence if g.statement == name) for name in ("sharp.condition", "baseline.condition")
    )
    written = {words: y for words, (_, y) in notes(distance).items()}
    assert written == {
        "R": both.instance.constants["R"].value,
        "R'": baseline.quantities["R_prime"],
        "ℓ*": sharp.quantities["ell_star"],
    }
    lo, hi = distance.get_ylim()
    assert all(lo < y < hi for y in written.values())
    signal = figures.signal_figure(both).axes[0]
    assert notes(signal)["‖x̄‖"][1] == np.linalg.norm(both.problem.truth)
    idle = lab.run(lab.table(seed=3, network={"width": 12}))
    (baseline,) = (g for g in idle.convergence if g.statement == "baseline.condition")
    assert not baseline.in_force
    top = figures.distance_figure(idle).axes[0]
    assert notes(top)["R' (baseline not in force)"][1] == baseline.quantities["R_prime"]
    assert top.get_ylim()[0] < notes(top)["R"][1] < baseline.quantities["R_prime"] < top.get_ylim()[1]


def test_a_restart_certificate_is_marked(lab):
    network = {"train": "W", "width": 40, "antisymmetric": False}
    late = lab.run(lab.table(2, 3, seed=3, signal={"source": "values", "values": [0.5, -0.5, 0.4]}, network=network))
    first = late.restart.first
    if first is None or first.t == 0:  # a theorem holds from the start: say otherwise
        point = late.trajectory.t[5]
        late = replace(late, restart=replace(late.restart, first=replace(late.restart.first, t=float(point))))
        first = late.restart.first
    assert notes(figures.loss_figure(late).axes[0])[f"restart certificate: t = {first.t:.3g}"][0] == first.t


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
    index = quality.reconstruction_index(both)
    assert np.array_equal(drawn["truth x̄"][1], both.problem.truth)
    (words,) = [name for name in drawn if name.startswith("reconstruction")]
    assert np.allclose(drawn[words][1], both.instance.signal(both.trajectory, index), rtol=1e-12)
    assert "error" in words
    (words,) = [name for name in drawn if name.startswith("least-norm")]
    assert np.array_equal(drawn[words][1], quality.least_norm(both))
    assert list(ax.get_xticks()) == [0, 1, 2]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("sample", "signal")
    # a dense operator's data are not samples of the signal: they have an axis of their own
    assert "observation y" not in drawn
    own = figures.reconstruction_figure(both).axes[1]
    assert np.array_equal(lines(own)["observation y"][1], both.problem.y)
    assert own.get_xlabel() == "measurement"


@pytest.mark.parametrize(
    ("operator", "places"),
    [
        ({"kind": "subsample", "indices": [6, 1, 4]}, [6, 1, 4]),
        ({"kind": "blur", "std": 0.5}, range(8)),
        ({"kind": "identity"}, range(8)),
        ({"kind": "gaussian", "m": 8}, None),
        ({"kind": "gaussian", "m": 3}, None),
    ],
)
def test_data_are_drawn_where_they_live(lab, monkeypatch, operator, places):
    result = lab.run(lab.table(8, 8, seed=2, operator=operator, network={"train": "W"}, flow={"t_max": 1.0}))
    # without writing the operator out
    monkeypatch.setattr(type(result.problem.operator), "toarray", lambda self: pytest.fail("a dense matrix for a plot"))
    found = figures.observed_at(result)
    axes = figures.reconstruction_figure(result).axes
    if places is None:
        assert found is None
        assert len(axes) == 2
        return
    assert list(found) == list(places)
    assert len(axes) == 1
    x, y = lines(axes[0])["observation y"]
    assert list(x) == list(places)
    assert np.array_equal(y, result.problem.y)


def test_the_reconstruction_of_an_image(lab):
    data = {
        "signal": {"source": "mri", "size": 16}, "operator": {"kind": "subsample", "fraction": 0.6},
        "synthesis": {"kind": "fourier_synthesis", "omega0": 3.0}, "noise": {"relative": 0.05},
        "network": {"width": 400, "train": "W", "antisymmetric": True, "output_scale": 4.0},
        "flow": {"t_max": 50.0, "rtol": 1e-6},
    }  # fmt: skip
    result = lab.run(data)
    axes = figures.reconstruction_figure(result).axes
    axes, bar = axes[:-1], axes[-1]
    kinds = [ax.get_title().split("\n")[0].split(",")[0].split(" ")[0] for ax in axes]
    assert kinds == ["truth", "observation", "least-norm", "reconstruction"]
    shown = [ax.get_images()[0].get_array() for ax in axes]
    assert np.array_equal(shown[0], result.problem.truth.reshape(16, 16))
    places = figures.observed_at(result)
    assert np.array_equal(shown[1].ravel()[places], result.problem.y)
    assert shown[1].mask.sum() == 256 - places.size
    assert np.array_equal(shown[2].ravel(), quality.least_norm(result))
    assert "SSIM" in axes[3].get_title()
    merit = result.quality()
    for ax, name in zip(axes[1:], ("observation", "least_norm", "reconstruction"), strict=True):
        assert f"{merit[name]['relative_error']:.1%}" in ax.get_title()
    assert {ax.get_images()[0].get_clim() for ax in axes} == {(result.problem.truth.min(), result.problem.truth.max())}
    assert "truth" in bar.get_ylabel()
    figure = axes[0].get_figure()
    renderer = paint(figure)
    boxes = [ax.title.get_window_extent(renderer) for ax in axes]
    for i, box in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1
        assert not any(box.overlaps(other) for other in boxes[:i])


def shortened(result, n):
    """The run as if it had stored n times only, with nothing known of its errors (as after an interruption)."""
    series = {
        name: replace(s, t=s.t[:n], value=s.value[:n], budget=np.full(s.t[:n].shape, np.inf))
        for name, s in result.observed.items()
    }
    names = ("t", "a", "V", "loss", "rho", "residual", "length", "length_a", "distance",
             "error_theta", "error_length", "error_residual")  # fmt: skip
    old = result.trajectory
    cut = {name: None if getattr(old, name) is None else getattr(old, name)[:n] for name in names}
    return replace(result, observed=Observables(series), trajectory=replace(old, events={}, **cut))


@pytest.mark.parametrize("n", [1, 2, 20])
@pytest.mark.parametrize("which", ["both", "inner"])
def test_a_run_cut_short_is_drawn(request, which, n):
    render(shortened(request.getfixturevalue(which), n))


def test_series_without_a_positive_value_are_drawn(both):
    series = {name: replace(s, value=np.zeros_like(s.value)) for name, s in both.observed.items()}
    render(replace(both, observed=Observables(series)))
    render(replace(both, observed=Observables(series), convergence=[], recovery=[]))


def test_a_network_too_narrow_is_drawn(lab):
    result = lab.run(lab.table(6, 6, seed=1, network={"width": 4, "train": "W"}, flow={"t_max": 10.0}))
    assert result.instance.constants["sigma_0"].as_lower() == 0
    render(result)
    assert figures.sigma_figure(result).axes[0].get_yscale() == "linear"


def test_a_zero_truth_is_drawn(lab):
    data = lab.table(seed=1, signal={"source": "values", "values": [0.0, 0.0, 0.0]}, noise={"norm": 0.1})
    result = lab.run(data)
    render(result)
    assert "‖x̄‖" not in notes(figures.signal_figure(result).axes[0])


def test_an_infinite_stopping_time_is_not_drawn(both):
    never = [replace(g, stop_time=np.inf) if g.stop_time is not None else g for g in both.convergence]
    result = replace(both, convergence=never)
    render(result)
    assert not any("guaranteed" in words for words in notes(figures.loss_figure(result).axes[0]))


def test_marks_close_together_and_at_the_left_edge_stay_apart():
    figure = Figure(figsize=(7.2, 5.0), layout="constrained")
    ax = figure.subplots()
    ax.set_xscale("log")
    ax.set_xlim(1e-3, 1e3)
    at = [1.1e-3, 1.2e-3, 1.0, 1.01, 900.0]
    drawing.times(ax, [(t, f"a mark with some words at {t:g}", "black") for t in at])
    ax.set_ylim(0.0, 1.0)
    drawing.levels(
        ax, [(0.5, "one", "red"), (0.51, "two\nlines", "blue"), (0.9, "three", "green"), (np.inf, "no", "red")]
    )
    assert "no" not in notes(ax)
    renderer = paint(figure)
    boxes = [super(type(note), note).get_window_extent(renderer).padded(-1) for note in ax.texts]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])


def test_numbers_on_the_axes_are_readable():
    assert [drawing._power(v) for v in (1e-12, 1e-3, 0.1, 1.0, 10.0, 100.0, 50.0, 0.02)] == [
        "10⁻¹²", "10⁻³", "0.1", "1", "10", "10²", "50", "0.02",
    ]  # fmt: skip
    assert [drawing.multiple(r) for r in (1.0, 1 + 1e-12, 1.5)] == ["‖ε‖", "‖ε‖", "1.5‖ε‖"]


def test_drawing_is_quick(both):
    started = time.process_time()
    for figure in all_figures(both):
        paint(figure)
    assert time.process_time() - started < 6.0  # about one second; machines differ


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
        for words, (x, y) in lines(draw(both).axes[0]).items():
            if words.startswith("run: "):
                continue
            statement = words.split(":")[0]
            during = x <= both.trajectory.t[-1]
            drawn = set(zip(x[during].tolist(), y[during].tolist(), strict=True))
            candidates = [set(seen[q, n]) for q, n in seen if f" {statement}:" in n and q in quantities]
            assert any(drawn <= numbers for numbers in candidates)
    for name in ("loss", "sigma", "distance", "signal", "reconstruction"):
        assert list(tmp_path.glob(f"{name}*.svg")), name
