"""A run told to a person (tables) and to the disk (JSON, arrays, figures with the CSV behind them)."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from .conclusion import conclusion
from .output import strict_json

if TYPE_CHECKING:
    from .guarantees import Guarantee
    from .run import RunResult

_MAX_STATE_BYTES = 2e8
_STATUS = {
    "in_force": "in force",
    "measured": "measured",
    "not_met": "not met",
    "not_evaluable": "not evaluable",
    "vacuous": "vacuous",
}
_COLOURS = {
    "holds": "green", "in force": "green", "violated": "bold red", "fails": "red", "undecided": "yellow", "unknown": "yellow",
    "hypothesis_not_met": "yellow", "not met": "yellow", "not evaluable": "dim", "vacuous": "yellow", "measured": "cyan",
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

    # T = s A S is what the network sees: output scale, synthesis and operator in one matrix
    meaning = {
        "residual_0": "‖y(0) − y‖",
        "rank": "rank of T",
        "n": "outputs of the network",
        "m": "entries of the data",
        "sigma_F": "smallest nonzero singular value of T = s·A·S",
        "A_norm": "norm of T",
        "kappa": "condition number of T",
        "sigma_0": "smallest singular value of UᵀJ_g(0), U a basis of Im Tᵀ",
        "J_norm": "norm of UᵀJ_g(0)",
        "c_V": "largest norm of a column of UᵀV",
        "Lambda": "slope of the centre modulus of UᵀJ_g",
    }
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
            _number(item.rate) if item.rate > 0 else "", _stop(item, result),
            escape(item.reason),
        )  # fmt: skip
    return table


def _stop(item: Guarantee, result: RunResult) -> str:
    """Guaranteed stopping time and the level that it is about."""
    if item.stop_time is None or item.stop_level is None:
        return ""
    factor = item.stop_level / result.instance.constants["eps"].value
    return f"{item.stop_time:.4g}\n(ρ ≤ {'' if abs(factor - 1) < 1e-6 else f'{factor:.3g}'}‖ε‖)"


def _recovery(result: RunResult) -> Table:
    table = Table("statement", "status", "why", title="Recovery of the signal", title_justify="left")
    for item in result.recovery:
        table.add_row(f"{item.statement}\n{item.title}", _word(_STATUS[item.status]), escape(item.reason))
    return table


def _checks(result: RunResult) -> Table:
    columns = ("statement", "claim", "verdict", "times", "closest at t", "value", "bound", "relative slack", "budget")
    table = Table(*columns, title="The run against every bound", title_justify="left")
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
                    figure.set_layout_engine("none")  # the layout has been made
                    figure.savefig(out_dir / f"{name}.png", dpi=150)
