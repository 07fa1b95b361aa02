"""The figures of a run: theory as lines, simulation as markers, a slack panel, stopping times and levels marked.

Every function draws on axes that it is given or on a figure of its own and returns it, so that the same picture serves a
file, a notebook and a paper. :func:`tables` gives the numbers behind a figure, which are written beside it as CSV.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from . import drawing, quality
from .guarantees import Curve, Guarantee
from .observables import Observables, Series

if TYPE_CHECKING:
    from .run import RunResult

Floats = NDArray[np.float64]

_MEASURED = "measured split, uses the truth"
_MISSING = "#BFD7EA"
_FEW = 30


def curves_for(result: RunResult, quantities: tuple[str, ...]) -> list[tuple[Guarantee, Curve]]:
    """The bounds that hold on any of these quantities, in one order for all figures; stopping claims are drawn as times."""
    found = [
        (guarantee, curve)
        for guarantee in result.convergence + result.recovery
        if guarantee.checked
        for curve in guarantee.curves
        if curve.quantity in quantities and curve.quantity in result.observed and curve.later is None
    ]
    return sorted(found, key=lambda pair: drawing.rank(*pair))


def draw_bounds(
    ax: Axes, result: RunResult, quantities: tuple[str, ...], slack: Axes | None = None, until: float = 0.0
) -> Axes:
    """Series of the run as markers and every bound on them as a line; the ratio of the two, at least 1, on `slack`.

    The frame contains the time `until`, and a bound that is a function of time alone is drawn to the end of the frame,
    also where the run has ended before.
    """
    both = [ax] if slack is None else [ax, slack]
    end = drawing.time_axis(both, result.trajectory.t, until)
    values: list[Floats] = []
    for name in quantities:
        if name not in result.observed or (name == "residual" and result.problem.loss.weights is None):
            continue
        series = result.observed[name]
        shown = _shown(series.t)
        style = drawing.RUN if name == quantities[0] else drawing.RUN_TOO
        ax.plot(series.t[shown], series.value[shown], label=f"run: {series.meaning}", **style)
        values.append(series.value[shown])
    ratios: list[Floats] = [np.ones(1)]
    for guarantee, curve in curves_for(result, quantities):
        series, bound, _ = curve.evaluate(result.observed)
        t, line = _extended(curve, series, bound, end)
        live = np.isfinite(line) & _shown(t) & (line > 0)
        if not live.any():
            continue
        style = drawing.look(guarantee, curve, bound).line()
        ax.plot(t[live], line[live], label=_label(guarantee, curve), **style)
        values.append(line[live])
        good = np.isfinite(bound) & _shown(series.t) & (bound > 0) & (series.value > 0)
        if slack is not None and good.any():
            ratio = bound[good] / series.value[good] if curve.side == "upper" else series.value[good] / bound[good]
            slack.plot(series.t[good], ratio, **style)
            ratios.append(ratio)
    drawing.value_axis(ax, np.concatenate(values) if values else np.zeros(0), linear_at_zero=quantities[0] == "sigma")
    drawing.after_the_run(both, float(result.trajectory.t[-1]))
    both[-1].set_xlabel("t")
    if slack is not None:
        slack.axhline(1.0, color="black", lw=0.8)
        drawing.value_axis(slack, np.concatenate(ratios))
        slack.set_ylabel("slack (ratio)")
        ax.tick_params(labelbottom=False)
    return ax


def _shown(t: Floats) -> NDArray[np.bool_]:
    """Times that a logarithmic axis has room for; all of them if it would have none."""
    return t > 0 if (t > 0).any() else np.ones(t.shape, dtype=bool)


def _extended(curve: Curve, series: Series, bound: Floats, until: float) -> tuple[Floats, Floats]:
    """The bound at the stored times and, if it needs nothing but the time, after them up to `until`."""
    end = float(series.t[-1])
    if not 0 < end < until:
        return series.t, bound
    later = np.geomspace(end, until, 49)[1:]
    try:
        more, _ = curve.bound(later, Observables({}))
    except KeyError:  # it is made of what was observed
        return series.t, bound
    return np.append(series.t, later), np.append(bound, more)


def _label(guarantee: Guarantee, curve: Curve) -> str:
    words = re.sub(r"e\^\{(.*?)\}", r"exp(\1)", curve.label)
    return f"{curve.statement}: {words if guarantee.in_force else _MEASURED}"


def guaranteed_stop(result: RunResult) -> float:
    """The stopping time of the strongest guarantee in force; 0 if there is none, or it is not finite."""
    strongest = result.strongest
    t = None if strongest is None else strongest.stop_time
    return t if t is not None and math.isfinite(t) else 0.0


def mark_times(ax: Axes, result: RunResult) -> Axes:
    """Vertical lines: the guaranteed stopping time of the strongest guarantee, the run's own discrepancy time, restart."""
    if ax.get_xscale() != "log":
        return ax
    marks: list[tuple[float, str, str]] = []
    stop = guaranteed_stop(result)
    if stop > 0 and result.strongest is not None:
        marks.append((stop, f"guaranteed stop: t = {stop:.3g}", drawing.look(result.strongest).color))
    for level, t in result.trajectory.events.items():
        words = drawing.multiple(level / result.instance.constants["eps"].value)
        marks.append((t, f"run at {words}: t = {t:.3g}", "black"))
    if result.restart.first is not None:
        t = result.restart.first.t
        marks.append((t, f"restart certificate: t = {t:.3g}", "tab:brown"))
    lo, hi = ax.get_xlim()
    ax.set_xlim(lo, max(hi, 1.6 * stop))
    drawing.times(ax, [mark for mark in marks if lo < mark[0] < ax.get_xlim()[1]])
    return ax


def loss_figure(result: RunResult) -> Figure:
    """‖y(t) − y‖ (as ρ) against every bound in force, up to the guaranteed stopping time."""
    figure, top = _panels("Residual against its bounds", result, ("rho", "residual"), guaranteed_stop(result))
    plain = result.problem.loss.weights is None
    top.set_ylabel("ρ(t) = ‖y(t) − y‖" if plain else "ρ(t) = ψ(loss), ‖y(t) − y‖")
    run = result.observed["rho"].value
    positive = run[run > 0]
    if positive.size and top.get_yscale() == "log":
        top.set_ylim(0.4 * positive.min(), 3 * positive.max())
    drawing.levels(top, _noise_levels(result))
    _mark_stops(top, result)
    mark_times(top, result)
    drawing.legend(figure, top)
    return figure


def _noise_levels(result: RunResult) -> list[tuple[float, str, str]]:
    constants, tau = result.instance.constants, result.problem.tau
    if "eps" not in constants or not constants["eps"].value > 0:
        return []
    eps = constants["eps"].value
    found = [(eps, "‖ε‖", "0.35")]
    return found if abs(tau - 1) < 1e-6 else [*found, (tau * eps, f"τ‖ε‖, τ = {tau:.3g}", "0.35")]


def _mark_stops(ax: Axes, result: RunResult) -> None:
    """Where each guarantee promises that the residual is below its level, as a diamond, if that is inside the frame."""
    label = "from here on the residual is guaranteed below the level"
    hi = ax.get_xlim()[1]
    for guarantee in result.convergence:
        t, level = guarantee.stop_time, guarantee.stop_level
        if guarantee.in_force and t is not None and level is not None and 0 < t < hi:
            color = drawing.look(guarantee).color
            ax.plot([t], [level], "D", ms=5, color=color, mec="white", mew=0.6, zorder=6, label=label)
            label = "_stop"


def sigma_figure(result: RunResult) -> Figure:
    """σ_min of the Jacobian along the run and its lower bounds."""
    both = result.problem.network.train == "both"
    quantities = ("sigma", "hidden") if both else ("sigma",)
    figure, top = _panels("Smallest singular value of the Jacobian", result, quantities)
    top.set_ylabel("σ_min(UᵀJ_g), ‖φ(a)‖/√k" if both else "σ_min(UᵀJ_g)")
    drawing.legend(figure, top)
    return figure


def distance_figure(result: RunResult) -> Figure:
    """Distance from the initialization and path length against R', ℓ*, and the radius R."""
    figure, top = _panels("Distance from the initialization", result, ("length", "distance"))
    top.set_ylabel("ℓ(t), ‖θ(t) − θ(0)‖")
    drawing.levels(top, _radii(result))
    drawing.legend(figure, top)
    return figure


def _radii(result: RunResult) -> list[tuple[float, str, str]]:
    """R' and R of the baseline, in force or not, and ℓ* of the sharp theorem."""
    marked: list[tuple[float, str, str]] = []
    constants = result.instance.constants
    if "R" in constants:
        marked.append((constants["R"].value, "R", drawing.LOOKS["baseline"].color))
    for guarantee in result.convergence:
        if guarantee.statement == "baseline.condition" and "R_prime" in guarantee.quantities:
            words = "R'" if guarantee.in_force else "R' (baseline\nnot in force)"
            marked.append((guarantee.quantities["R_prime"], words, drawing.LOOKS["baseline"].color))
        if guarantee.in_force and "ell_star" in guarantee.quantities:
            marked.append((guarantee.quantities["ell_star"], "ℓ*", drawing.LOOKS["sharp"].color))
    return [mark for mark in marked if math.isfinite(mark[0]) and mark[0] > 0]


def signal_figure(result: RunResult) -> Figure | None:
    """Error of the signal against the recovery bounds; None without a true signal."""
    if "signal_error" not in result.observed:
        return None
    stop = guaranteed_stop(result)
    figure, top = _panels("Error of the recovered signal", result, ("signal_error",), stop)
    assert result.problem.truth is not None
    norm = float(np.linalg.norm(result.problem.truth))
    if norm > 0:
        drawing.levels(top, [(norm, "‖x̄‖", "0.35")])
    top.set_ylabel("‖x(t) − x̄‖")
    mark_times(top, result)
    drawing.legend(figure, top)
    return figure


def _panels(title: str, result: RunResult, quantities: tuple[str, ...], until: float = 0.0) -> tuple[Figure, Axes]:
    """A figure with these quantities drawn, and a slack panel under it if there is any bound to show slack of."""
    count = len(curves_for(result, quantities))
    figure = Figure(figsize=(7.2, 5.2 + 0.08 * count), layout="constrained")
    if count:
        top, low = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        draw_bounds(top, result, quantities, low, until)
    else:
        top = figure.subplots()
        draw_bounds(top, result, quantities, until=until)
    figure.suptitle(title, fontsize=10.5)
    return figure, top


# -------------------------------------------------------------------------------------------------------- reconstruction
def reconstruction_figure(result: RunResult) -> Figure | None:
    """Truth, observation and reconstruction side by side (images) or on one axis (1-D); None for other shapes."""
    shape = result.problem.signal_shape
    if len(shape) > 2:
        return None
    index = quality.reconstruction_index(result)
    found = result.instance.signal(result.trajectory, index)
    return _images(result, index, found) if len(shape) == 2 else _series(result, index, found)


def observed_at(result: RunResult) -> NDArray[np.intp] | None:
    """Where on the signal's axis each of the data sits; None if they are something else than (blurred) samples of it.

    The operator is only applied, never written out: on a mask, A v = v[places] with places = A (0, 1, 2, …).
    """
    problem = result.problem
    operator, n = problem.operator, problem.operator.shape[1]
    if problem.spec.operator.kind in ("blur", "identity") and problem.observation_shape == problem.signal_shape:
        return np.arange(n, dtype=np.intp)
    raw = np.asarray(operator.matvec(np.arange(n, dtype=np.float64)))
    if not np.isfinite(raw).all() or (raw < -0.5).any() or (raw > n - 0.5).any():
        return None
    places = np.rint(raw).astype(np.intp)
    probe = np.sin(1.0 + np.arange(n, dtype=np.float64) ** 2)
    return places if np.allclose(operator.matvec(probe), probe[places], rtol=0, atol=1e-9) else None


def _series(result: RunResult, index: int, found: Floats) -> Figure:
    problem, rows = result.problem, result.quality()
    n = problem.signal_shape[0]
    places = observed_at(result)
    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    if places is None:
        ax, other = figure.subplots(1, 2, width_ratios=(3, 2))
    else:
        ax, other = figure.subplots(), None
    grid = np.arange(n, dtype=np.float64)
    few = n <= _FEW
    if problem.truth is not None:
        _samples(ax, grid, problem.truth, few, "o", "black", "truth x̄", 1.0)
    if places is not None:
        style: dict[str, Any] = {"color": "#D55E00", "label": "observation y", "zorder": 3}
        if few or len(places) < n:
            ax.plot(grid[places], problem.y, "o", ms=5.5 if few else 3.5, mfc="none", mew=0.9, **style)
        else:
            ax.plot(grid[places], problem.y, lw=0.9, alpha=0.8, **style)
    if "least_norm" in rows:
        label = f"least-norm inverse R y{_merit(rows['least_norm'], ': ')}"
        _samples(ax, grid - 0.14 * few, quality.least_norm(result), few, "^", "0.55", label, 0.9)
    label = f"reconstruction, t = {result.trajectory.t[index]:.3g}{_merit(rows.get('reconstruction'), ': ')}"
    _samples(ax, grid + 0.14 * few, found, few, "s", "#0072B2", label, 1.3)
    _index(ax, n, "sample", "signal")
    if other is not None:
        y, fit = problem.y, np.asarray(problem.operator.matvec(found))
        at = np.arange(y.size, dtype=np.float64)
        _samples(other, at, y, y.size <= _FEW, "o", "#D55E00", "observation y", 1.0)
        style = {"ms": 3.5, "mfc": "none"} if y.size <= _FEW else {"ms": 2.0}
        other.plot(at, fit, "s", color="#0072B2", zorder=4, label="A x, x the reconstruction", **style)
        _index(other, y.size, "measurement", "data")
    figure.suptitle(problem.title, fontsize=10)
    drawing.legend(figure, *figure.axes)
    return figure


def _samples(ax: Axes, t: Floats, values: Floats, few: bool, marker: str, color: str, label: str, width: float) -> None:
    """A signal: stems if it has few samples, else a curve."""
    if few:
        ax.vlines(t, 0.0, values, color=color, lw=0.8 * width)
        ax.plot(t, values, marker, ms=4.0, color=color, label=label)
    else:
        ax.plot(t, values, color=color, lw=width, label=label)


def _index(ax: Axes, n: int, name: str, quantity: str) -> None:
    if n <= _FEW:
        ax.axhline(0.0, color="black", lw=0.6)
    drawing.index_axis(ax, n)
    ax.set_xlabel(name)
    ax.set_ylabel(quantity)


def _images(result: RunResult, index: int, found: Floats) -> Figure:
    problem, rows = result.problem, result.quality()
    shape = problem.signal_shape
    panels: list[tuple[str, Any]] = [] if problem.truth is None else [("truth\n\n", problem.truth)]
    places, seen = observed_at(result), quality.as_seen(result)
    if places is not None and places.size < problem.operator.shape[1]:
        zeros = "\nwith zeros there: "
        shown = np.ma.masked_all(problem.operator.shape[1])
        shown[places] = problem.y
        panels.append((f"observation (blue: missing){_merit(rows.get('observation'), zeros)}", shown))
    elif seen is not None:
        panels.append((f"observation{_merit(rows.get('observation'))}", seen))
    if "least_norm" in rows:
        panels.append((f"least-norm inverse R y{_merit(rows['least_norm'])}", quality.least_norm(result)))
    title = f"reconstruction, t = {result.trajectory.t[index]:.3g}{_merit(rows.get('reconstruction'))}"
    panels.append((title, found))
    height, width = shape
    across = min(3.0, max(1.9, 2.2 * width / height))
    figure = Figure(figsize=(across * len(panels) + 0.8, min(4.5, across * height / width) + 0.75), layout="compressed")
    reference = problem.truth if problem.truth is not None else found
    lo, hi = float(reference.min()), float(reference.max())
    gray = colormaps["gray"].with_extremes(bad=_MISSING)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for ax, (title, values) in zip(axes, panels, strict=True):
        image = ax.imshow(values.reshape(shape), cmap=gray, interpolation="nearest", vmin=lo, vmax=hi)
        ax.set_title(title, fontsize=drawing.FONT)
        ax.set_axis_off()
    below = any(values.min() < lo for _, values in panels)
    above = any(values.max() > hi for _, values in panels)
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}[below, above]
    bar = figure.colorbar(image, ax=list(axes), extend=extend, shrink=0.85, aspect=18, pad=0.02)
    bar.ax.tick_params(labelsize=drawing.FONT)
    bar.set_label(
        "range of the truth" if problem.truth is not None else "range of the reconstruction", size=drawing.FONT
    )
    return figure


def _merit(row: dict[str, float] | None, before: str = "\n") -> str:
    """The figures of merit in words: on two lines under a title, or on one after a colon."""
    if not row:
        return ""
    parts = [f"PSNR {row['psnr_db']:.1f} dB"] if "psnr_db" in row else []
    if "ssim" in row:
        parts.append(f"SSIM {row['ssim']:.2f}")
    error = f"{before}error {row['relative_error']:.1%}"
    return error + ("\n" if before[0] == "\n" else ", " if parts else "") + ", ".join(parts)


def tables(result: RunResult) -> dict[str, list[tuple[str, Floats, Floats, Floats | None]]]:
    """The numbers behind the figures: per quantity, rows (name, t, value, budget or None)."""
    out: dict[str, list[tuple[str, Floats, Floats, Floats | None]]] = {}
    for name, series in result.observed.items():
        rows: list[tuple[str, Floats, Floats, Floats | None]] = [("run", series.t, series.value, series.budget)]
        for _, curve in curves_for(result, (name,)):
            at, bound, _ = curve.evaluate(result.observed)
            rows.append((f"{curve.side} bound {curve.statement}: {curve.label}", at.t, bound, None))
        out[name] = rows
    return out
