"""The figures of a run: theory as lines, simulation as markers, log axes, a slack panel, stopping times marked.

Every function draws on axes that it is given and returns them, so that the same picture serves a file, a notebook and a
paper. :func:`tables` gives the numbers behind a figure, which are written beside it as CSV.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from . import quality
from .guarantees import Curve, Guarantee

if TYPE_CHECKING:
    from .run import RunResult

Floats = NDArray[np.float64]

_RUN: dict[str, Any] = {"marker": "o", "ms": 3.0, "lw": 0.0, "color": "black", "zorder": 5}
_STATEMENT_COLORS = {
    "baseline": "tab:red", "step": "tab:red", "sharp": "tab:blue", "dip2": "tab:green", "illposed": "tab:orange",
    "wonly": "tab:purple", "recover": "tab:cyan",
}  # fmt: skip
_STYLES = ("-", "--", ":", "-.", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1, 1, 1)))


def curves_for(result: RunResult, quantities: tuple[str, ...]) -> list[tuple[Guarantee, Curve]]:
    """The bounds in force on any of these quantities, in the order of strength; stopping claims are drawn as times."""
    return [
        (guarantee, curve)
        for guarantee in result.convergence + result.recovery
        if guarantee.in_force
        for curve in guarantee.curves
        if curve.quantity in quantities and curve.quantity in result.observed and curve.later is None
    ]


def draw_bounds(ax: Axes, result: RunResult, quantities: tuple[str, ...], slack: Axes | None = None) -> Axes:
    """Series of the run as markers and every bound on them as a line; the ratio bound/value on `slack`."""
    for name in quantities:
        if name in result.observed and not (name == "residual" and result.problem.loss.weights is None):
            series = result.observed[name]
            shown = series.t > 0
            style = {**_RUN, "mec": "black", "mfc": "black" if name == quantities[0] else "white"}
            ax.plot(series.t[shown], series.value[shown], label=f"run: {series.meaning}", **style)
    used: dict[str, int] = {}
    for _guarantee, curve in curves_for(result, quantities):
        series, bound, _ = curve.evaluate(result.observed)
        live = np.isfinite(bound) & (series.t > 0) & (bound > 0)
        if not live.any():
            continue
        family = curve.statement.split(".")[0]
        dash = _STYLES[used.get(family, 0) % len(_STYLES)]
        used[family] = used.get(family, 0) + 1
        colour = _STATEMENT_COLORS.get(family, "tab:gray")
        label = f"{curve.statement}: {curve.label}"
        ax.plot(series.t[live], bound[live], ls=dash, color=colour, lw=1.3, label=label)
        if slack is not None:
            value = series.value[live]
            good = value > 0
            ratio = bound[live][good] / value[good] if curve.side == "upper" else value[good] / bound[live][good]
            slack.plot(series.t[live][good], ratio, ls=dash, color=colour, lw=1.0)
    ax.set_xscale("log")
    ax.set_yscale("log")
    if slack is not None:
        slack.axhline(1.0, color="black", lw=0.8)
        slack.set_xscale("log")
        slack.set_yscale("log")
        slack.set_ylabel("slack (ratio)")
        slack.set_xlabel("t")
        ax.tick_params(labelbottom=False)
    else:
        ax.set_xlabel("t")
    ax.legend(fontsize=6.5, loc="best", framealpha=0.85)
    return ax


def mark_times(ax: Axes, result: RunResult) -> Axes:
    """Vertical lines: the guaranteed stopping time of the strongest guarantee, the run's own discrepancy time, restart."""
    strongest = result.strongest
    lo, hi = ax.get_xlim()
    marks: list[tuple[float, str, str]] = []
    if strongest is not None and strongest.stop_time is not None:
        marks.append((strongest.stop_time, "guaranteed stop", "tab:gray"))
    for level, t in result.trajectory.events.items():
        eps = result.instance.constants["eps"].value
        marks.append((t, f"run: ‖y(t)−y‖ = {level / eps:.3g}‖ε‖", "black"))
    if result.restart.first is not None and result.restart.first.t > 0:
        marks.append((result.restart.first.t, "restart certificate", "tab:brown"))
    for t, label, colour in marks:
        if lo < t < hi * 10:
            ax.axvline(t, color=colour, lw=0.9, ls=(0, (2, 2)))
            ax.annotate(label, (t, 0.98), xycoords=("data", "axes fraction"), rotation=90, fontsize=6, color=colour,
                        ha="right", va="top", bbox={"fc": "white", "alpha": 0.75, "lw": 0, "pad": 0.3})  # fmt: skip
    return ax


def loss_figure(result: RunResult) -> Figure:
    """‖y(t) − y‖ (as ρ) against every bound in force."""
    figure, top = _panels("Residual against its bounds", result, ("rho", "residual"))
    constants = result.instance.constants
    if "eps" in constants and constants["eps"].value > 0:
        top.axhline(constants["eps"].value, color="tab:gray", lw=0.8)
        top.annotate(
            "‖ε‖", (0.005, constants["eps"].value), xycoords=("axes fraction", "data"), fontsize=7, va="bottom"
        )
    positive = result.observed["rho"].value[result.observed["rho"].value > 0]
    top.set_ylim(0.3 * positive.min(), 8 * positive.max())
    top.set_ylabel("ρ(t) = ψ(loss)")
    mark_times(top, result)
    return figure


def sigma_figure(result: RunResult) -> Figure:
    """σ_min of the Jacobian along the run and its lower bounds."""
    both = result.problem.network.train == "both"
    quantities = ("sigma", "hidden") if both else ("sigma",)
    figure, top = _panels("Smallest singular value of the Jacobian", result, quantities)
    top.set_ylabel("σ_min(J_g(t)), ‖φ(a)‖/√k" if both else "σ_min(J_g(t))")
    return figure


def distance_figure(result: RunResult) -> Figure:
    """Distance from the initialization and path length against R', ℓ*, and the radius R."""
    figure, top = _panels("Distance from the initialization", result, ("length", "distance"))
    constants = result.instance.constants
    if "R" in constants and np.isfinite(constants["R"].value) and constants["R"].value > 0:
        top.axhline(constants["R"].value, color="tab:red", lw=0.8, ls=":")
        top.annotate(
            "R (baseline)", (0.005, constants["R"].value), xycoords=("axes fraction", "data"), fontsize=7, va="bottom"
        )
    top.set_ylabel("ℓ(t), ‖θ(t) − θ(0)‖")
    return figure


def signal_figure(result: RunResult) -> Figure | None:
    """Error of the signal against the recovery bounds; None without a true signal."""
    if "signal_error" not in result.observed:
        return None
    figure, top = _panels("Error of the recovered signal", result, ("signal_error",))
    assert result.problem.truth is not None
    top.axhline(float(np.linalg.norm(result.problem.truth)), color="tab:gray", lw=0.8)
    top.annotate("‖x̄‖", (0.005, float(np.linalg.norm(result.problem.truth))), xycoords=("axes fraction", "data"),
                 fontsize=7, va="bottom")  # fmt: skip
    top.set_ylabel("‖x(t) − x̄‖")
    mark_times(top, result)
    return figure


def reconstruction_figure(result: RunResult) -> Figure | None:
    """Truth, observation and reconstruction side by side (images) or on one axis (1-D); None for other shapes."""
    problem = result.problem
    shape = problem.signal_shape
    if len(shape) > 2:
        return None
    index = quality.reconstruction_index(result)
    found = result.instance.signal(result.trajectory, index)
    seen = quality.as_seen(result)
    figures = result.quality()
    if len(shape) == 2:
        return _images(result, index, found, seen, figures)
    figure = Figure(figsize=(8.0, 3.2), layout="constrained")
    ax = figure.subplots()
    grid = np.arange(shape[0])
    if problem.truth is not None:
        ax.plot(grid, problem.truth, color="black", lw=1.0, label="truth x̄")
    observed = _observed_samples(result)
    if observed is not None:
        ax.plot(*observed, "o", ms=3.5, color="tab:red", mfc="none", label="observation y")
    ax.plot(grid, found, color="tab:blue", lw=1.2, label=f"reconstruction{_merit(figures.get('reconstruction'))}")
    ax.legend(fontsize=7)
    ax.set_xlabel("sample")
    ax.set_title(problem.title, fontsize=9)
    return figure


def _observed_samples(result: RunResult) -> tuple[Floats, Floats] | None:
    """Where the data sit on the signal's axis, if each of them is one of its samples."""
    operator, y = result.problem.operator, result.problem.y
    matrix = operator.toarray()
    one_each = (np.count_nonzero(matrix, axis=1) == 1).all() and np.allclose(matrix.sum(axis=1), 1.0)
    return (matrix.argmax(axis=1).astype(float), y) if one_each else None


def _images(result: RunResult, index: int, found: Floats, seen: Floats | None, figures: dict[str, Any]) -> Figure:
    problem = result.problem
    panels: list[tuple[str, Floats]] = []
    if problem.truth is not None:
        panels.append(("truth", problem.truth))
    if seen is not None:
        panels.append((f"observation{_merit(figures.get('observation'))}", seen))
    panels.append(
        (f"reconstruction, t = {result.trajectory.t[index]:.3g}{_merit(figures.get('reconstruction'))}", found)
    )
    figure = Figure(figsize=(2.9 * len(panels), 3.3), layout="constrained")
    reference = problem.truth if problem.truth is not None else found
    limits = {"vmin": float(reference.min()), "vmax": float(reference.max())}
    for ax, (title, values) in zip(np.atleast_1d(figure.subplots(1, len(panels))), panels, strict=True):
        ax.imshow(values.reshape(problem.signal_shape), cmap="gray", interpolation="nearest", **limits)
        ax.set_title(title, fontsize=7.5)
        ax.set_axis_off()
    return figure


def _merit(row: dict[str, float] | None) -> str:
    if not row:
        return ""
    parts = [f"error {row['relative_error']:.1%}"]
    if "psnr_db" in row:
        parts.append(f"PSNR {row['psnr_db']:.1f} dB")
    if "ssim" in row:
        parts.append(f"SSIM {row['ssim']:.2f}")
    return "\n" + ", ".join(parts)


def _panels(title: str, result: RunResult, quantities: tuple[str, ...]) -> tuple[Figure, Axes]:
    """A figure with these quantities drawn, and a slack panel under it if there is any bound to show slack of."""
    figure = Figure(figsize=(7.2, 5.2), layout="constrained")
    if curves_for(result, quantities):
        top, low = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        draw_bounds(top, result, quantities, low)
    else:
        top = figure.subplots()
        draw_bounds(top, result, quantities)
    top.set_title(title, fontsize=10)
    return figure, top


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
