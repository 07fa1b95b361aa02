"""A run told to a person (tables) and to the disk (JSON, arrays, figures with the CSV behind them)."""

from __future__ import annotations

import csv
import json
import math
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from .cli import strict_json
from .verdict import Verdict

if TYPE_CHECKING:
    from .run import RunResult

_MAX_STATE_BYTES = 2e8
_STATUS = {"in_force": "in force", "not_met": "not met", "not_evaluable": "not evaluable", "vacuous": "vacuous"}
_COLOURS = {
    "holds": "green", "in force": "green", "violated": "bold red", "fails": "red", "undecided": "yellow", "unknown": "yellow",
    "hypothesis_not_met": "yellow", "not met": "yellow", "not evaluable": "dim", "vacuous": "yellow",
}  # fmt: skip


def print_report(result: RunResult, console: Console) -> None:
    """Assumptions, constants, guarantees, verdicts and the conclusion, as tables."""
    problem = result.problem
    console.print(Text(problem.title or "dipcert run", style="bold"))
    console.print(Text(_setting(result)))
    for note in problem.notes:
        console.print(Text(f"note: {note}", style="yellow"))
    for table in (_assumptions(result), _constants(result), _guarantees(result), _recovery(result), _checks(result)):
        console.print()
        console.print(table)
    console.print()
    for line in conclusion(result):
        console.print(Text(line))


def conclusion(result: RunResult) -> list[str]:
    """What a user wants to know, in sentences: does it converge, when to stop, how wrong can it be."""
    lines = []
    strongest, restart = result.strongest, result.restart.first
    if strongest is not None:
        promise = "the loss goes to zero" if strongest.zero_loss else "the residual reaches the noise level"
        lines.append(
            f"Guarantee in force from t = 0: {promise} by {strongest.statement} ({strongest.title}; {strongest.reason})."
        )
    else:
        lines.append(
            "No a-priori guarantee of convergence is in force (hypotheses not met: see the table of guarantees)."
        )
    if restart is not None and (restart.t > 0 or strongest is None):
        text = (
            f"Restart certificate: from t = {restart.t:.4g} (ρ = {restart.rho:.3g}) the rest of the flow provably "
            f"reaches zero loss, by {restart.certified_by} at that checkpoint"
        )
        lines.append(f"{text}, with ρ decaying at rate {restart.rate:.3g} or faster, within {restart.ell:.3g} of it.")
    elif restart is None and strongest is None:
        lines.append("No checkpoint of the run is certified either: train longer, or widen the network.")
    lines += _stopping(result)
    lines += _quality(result)
    if result.scale is not None:
        lines += _scale_line(result)
    counts = {str(v): sum(c.verdict is v for c in result.checks) for v in Verdict}
    counted = ", ".join(f"{n} {word}" for word, n in counts.items() if n)
    lines.append(f"Comparisons of the run with the bounds in force: {counted or 'none'}. Verdict: {result.verdict}.")
    return lines


def _setting(result: RunResult) -> str:
    problem = result.problem
    network, (m, n_x) = problem.network, problem.operator.shape
    trained = "both layers trained" if network.train == "both" else "W only trained"
    synthesis = "" if problem.synthesis is None else f", synthesis {problem.synthesis.describe()}"
    scale = "" if problem.output_scale == 1 else f", output scale {problem.output_scale:g}"
    return (
        f"{problem.operator.describe()} (m = {m}, n = {n_x}){synthesis}; network of width k = {network.k}, "
        f"{network.activation.name}, {trained}{scale}; seed {problem.seed}; problem {problem.spec.hash()[:12]}"
    )


def _stopping(result: RunResult) -> list[str]:
    strongest, constants = result.strongest, result.instance.constants
    timed = [g for g in result.convergence if g.in_force and g.stop_time is not None]
    if not timed:
        if "eps" not in constants:
            return ["Stopping time: not evaluable, the noise level is not known."]
        return [] if constants["eps"].value == 0 else ["Stopping time: none is guaranteed."]
    best = strongest if strongest is not None and strongest.stop_time is not None else timed[0]
    assert best.stop_time is not None
    assert best.stop_level is not None
    eps = constants["eps"].value
    lines = [
        f"When to stop: at t = {best.stop_time:.4g} the residual is guaranteed to be below {best.stop_level:.4g} = "
        f"{best.stop_level / eps:.3g}‖ε‖, so ‖y(t) − ȳ‖ ≤ {1 + best.stop_level / eps:.3g}‖ε‖ ({best.statement})."
    ]
    reached = {level: t for level, t in result.trajectory.events.items() if level <= best.stop_level * (1 + 1e-12)}
    if reached:
        level = max(reached)
        if reached[level] > 0:
            lines.append(
                f"The run itself got there at t = {reached[level]:.4g}: the guarantee comes "
                f"{best.stop_time / reached[level]:.3g} × later."
            )
    return lines


def _quality(result: RunResult) -> list[str]:
    rows = result.quality()
    lines = []
    for name, row in rows.items():
        parts = [f"relative error {row['relative_error']:.4g}"]
        if "psnr_db" in row:
            parts.append(f"PSNR {row['psnr_db']:.2f} dB")
        if "ssim" in row:
            parts.append(f"SSIM {row['ssim']:.3f}")
        if "psnr_db" in row:
            parts.append(f"data range {row['data_range']:.3g}")
        if "snr_db" in row:
            parts.append(f"SNR {row['snr_db']:.2f} dB")
        at = f" at t = {row['time']:.4g}" if "time" in row else ""
        lines.append(f"{name.capitalize()}{at}: {', '.join(parts)}.")
    bounds = _signal_bounds(result)
    if bounds:
        lines.append(bounds)
    return lines


def _signal_bounds(result: RunResult) -> str | None:
    """Error of the reconstruction next to the tightest recovery bound in force at that time."""
    from . import quality

    if "signal_error" not in result.observed:
        return None
    series = result.observed["signal_error"]
    index = quality.reconstruction_index(result)
    best: tuple[float, str] | None = None
    for guarantee in result.recovery:
        for curve in guarantee.curves if guarantee.in_force else ():
            if curve.quantity == "signal_error":
                bound = float(curve.evaluate(result.observed)[1][index])
                if math.isfinite(bound) and (best is None or bound < best[0]):
                    best = (bound, curve.statement)
    assert result.problem.truth is not None
    size = float(np.linalg.norm(result.problem.truth))
    error = float(series.value[index])
    if best is None:
        return f"How wrong: ‖x − x̄‖ = {error:.4g} ({error / size:.1%} of ‖x̄‖); no recovery bound is in force."
    vacuous = " (vacuous: above ‖x̄‖)" if best[0] > size else ""
    return (
        f"How wrong: ‖x − x̄‖ = {error:.4g} ({error / size:.1%} of ‖x̄‖), bound {best[0]:.4g} ({best[0] / size:.1%}) "
        f"by {best[1]}{vacuous}."
    )


def _scale_line(result: RunResult) -> list[str]:
    scale = result.scale
    assert scale is not None
    if not scale.applies:
        return [f"Output scale: {scale.reason} (dip2.output_scale)."]
    parts = [f"sharp.condition from s = {scale.sharp:.4g}"] if math.isfinite(scale.sharp) else []
    if scale.amgm is not None and math.isfinite(scale.amgm):
        parts.append(f"dip2.amgm from s = {scale.amgm:.4g}")
    if not parts:
        return ["Output scale: none certifies this instance (σF > 0 or σ0 > 0 is not proved)."]
    return [
        f"Output scale: this instance is certified a priori by {', by '.join(parts)} (now s = {scale.current:.4g})."
    ]


def _word(text: str) -> Text:
    return Text(text, style=_COLOURS.get(text, ""))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _assumptions(result: RunResult) -> Table:
    table = Table("assumption", "answer", "evidence", title="Assumptions", title_justify="left")
    for item in result.assumptions:
        table.add_row(item.id, _word(item.answer), escape(item.evidence))
    return table


def _constants(result: RunResult) -> Table:
    from theory.symbols import SYMBOLS

    meaning = {"residual_0": "‖y(0) − y‖", "rank": "rank of the operator"}
    table = Table("constant", "value", "direction", "meaning", "how", title="Constants at t = 0", title_justify="left")
    for name, bound in result.instance.constants.items():
        what = meaning.get(name) or SYMBOLS[name].meaning
        table.add_row(name, f"{bound.value:.6g}", bound.direction, what, escape(bound.how))
    return table


def _guarantees(result: RunResult) -> Table:
    columns = ("statement", "status", "margin", "rate of ρ", "stop at t", "why")
    table = Table(*columns, title="Guarantees of convergence, strongest first", title_justify="left")
    for item in result.convergence:
        table.add_row(
            f"{item.statement}\n{item.title}", _word(_STATUS[item.status]), _number(item.margin),
            _number(item.rate) if item.rate > 0 else "", _number(item.stop_time),
            escape(item.reason),
        )  # fmt: skip
    return table


def _recovery(result: RunResult) -> Table:
    table = Table("statement", "status", "why", title="Recovery of the signal", title_justify="left")
    for item in result.recovery:
        table.add_row(f"{item.statement}\n{item.title}", _word(_STATUS[item.status]), escape(item.reason))
    return table


def _checks(result: RunResult) -> Table:
    columns = ("statement", "claim", "verdict", "times", "closest at t", "value", "bound", "relative slack", "budget")
    table = Table(*columns, title="The run against every bound in force", title_justify="left")
    for check in result.checks:
        table.add_row(
            check.statement, escape(check.note), _word(str(check.verdict)), str(check.n_times),
            _number(check.t), _number(check.value), _number(check.bound), _number(check.relative), _number(check.budget),
        )  # fmt: skip
    return table


# ------------------------------------------------------------------------------------------------------------- to disk
def write(result: RunResult, out_dir: Path) -> None:
    """result.json, report.txt, trajectory.npz, and figures (SVG, the reconstruction also as PNG) with curves.csv."""
    content = strict_json(result.to_json())
    (out_dir / "result.json").write_text(
        json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
    )
    text = StringIO()
    print_report(result, Console(file=text, width=160))
    (out_dir / "report.txt").write_text(text.getvalue(), encoding="utf-8")
    np.savez_compressed(out_dir / "trajectory.npz", **_arrays(result))
    _write_curves(result, out_dir / "curves.csv")
    _write_figures(result, out_dir)


def _arrays(result: RunResult) -> dict[str, Any]:
    """Series of the run and its states (a, and V in the coordinates of Im Tᵀ unless that is over 200 MB)."""
    trajectory = result.trajectory
    arrays: dict[str, Any] = {"t": trajectory.t, "a": trajectory.a}
    if trajectory.V is not None and trajectory.V.nbytes <= _MAX_STATE_BYTES:
        arrays["V_reduced"] = trajectory.V
    for name, series in result.observed.items():
        arrays[f"{name}_t"], arrays[name], arrays[f"{name}_budget"] = series.t, series.value, series.budget
    return arrays


def _write_curves(result: RunResult, path: Path) -> None:
    from .figures import tables

    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["quantity", "curve", "t", "value", "error_budget"])
        for quantity, rows in tables(result).items():
            for name, t, value, budget in rows:
                for i, at in enumerate(t):
                    writer.writerow([quantity, name, repr(float(at)), repr(float(value[i])),
                                     "" if budget is None else repr(float(budget[i]))])  # fmt: skip


def _write_figures(result: RunResult, out_dir: Path) -> None:
    from matplotlib import rc_context

    from . import figures

    drawn = {
        "loss": figures.loss_figure(result),
        "sigma": figures.sigma_figure(result),
        "distance": figures.distance_figure(result),
        "signal_error": figures.signal_figure(result),
        "reconstruction": figures.reconstruction_figure(result),
    }
    # A fixed salt and no date make the same run give the same bytes.
    with rc_context({"svg.hashsalt": result.problem.spec.hash()}):
        for name, figure in drawn.items():
            if figure is not None:
                figure.savefig(out_dir / f"{name}.svg", metadata={"Date": None})
                if name == "reconstruction":
                    figure.savefig(out_dir / f"{name}.png", dpi=150)
