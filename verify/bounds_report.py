"""An evaluation told to a person (tables), and to the disk (CSV)."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from numerics.evaluation import BallEnclosure, Evaluation, show
from numerics.evaluation.derive import without_pairs
from verify.bounds import Crossing, Query

__all__ = ["print_answer", "sweep_columns", "to_csv"]

_ENDS = 10  # rows shown at either end of a long sweep
_COLOURS = {
    "holds": "green",
    "hypothesis_not_met": "bold red",
    "undecided": "yellow",
    "not checked": "yellow",
    "holds in part": "yellow",
}
_SIDES = {"upper": "upper bound", "lower": "lower bound", "exact": "exact", "estimate": "estimate"}


def print_answer(query: Query, answer: Evaluation, found: Sequence[Crossing], console: Console) -> None:
    """Title, formulas (or the sweep), conditions, derived symbols, and the choices that were made."""
    console.print(Text(f"{answer.id}: {answer.title}", style="bold"))
    parts = [_formulas(answer)] if query.sweep is None else [_sweep(query, answer)]
    parts += [_conditions(answer), _derived(answer)]
    for table in parts:
        if table.row_count:
            console.print()
            console.print(table)
    console.print()
    for crossing in found:
        console.print(Text(str(crossing)))
    default = " (unless --loss says otherwise)" if answer.loss == "least_squares" else ""
    digits = "" if answer.backend == "float64" else f", {answer.digits} digits"
    console.print(Text(f"loss: {answer.loss.replace('_', ' ')}{default}; backend: {answer.backend}{digits}"))
    waiting = without_pairs(name for entry in answer.formulas.values() for name in entry.missing)
    if waiting:
        console.print(Text("still needed:", style="yellow"))
        for name in sorted(waiting):
            console.print(Text(f"  {name}: {answer.missing[name]}"))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(name, overflow="fold")  # never an ellipsis: what it would cut may be an exponent
    return table


def _formulas(answer: Evaluation) -> Table:
    table = _table("Formulas", "formula", "value", "direction", "meaning")
    digits = 6 if answer.backend == "float64" else answer.digits
    for entry in answer.formulas.values():
        value = show(entry.value, digits) if entry.status == "value" else entry.why
        if entry.status == "value" and entry.why:
            value += f" ({entry.why})"
        style = "" if entry.status == "value" else "yellow"
        table.add_row(entry.name, Text(value, style=style), _SIDES[entry.direction], escape(entry.reads))
    return table


def _conditions(answer: Evaluation) -> Table:
    table = _table("Conditions", "condition", "verdict", "slack", "relative", "why")
    for item in answer.conditions:
        word: str = "not checked" if item.missing else item.verdict
        slack, relative = show(item.slack, 4), show(item.relative, 3)
        if item.holds is not None and item.holds.any() and not item.holds.all():
            word = "holds in part"
        if isinstance(item.slack, np.ndarray):
            slack, relative = f"{np.ma.min(item.slack):.4g} at least", ""
        style = _COLOURS.get(word, "")
        table.add_row(item.id, Text(word.replace("_", " "), style=style), slack, relative, escape(item.why))
    return table


def _derived(answer: Evaluation) -> Table:
    table = _table("Derived symbols", "symbol", "value", "from")
    for name, item in answer.derived.items():
        table.add_row(name, show(item.value) or "no value", escape(item.source))
    return table


def sweep_columns(query: Query, answer: Evaluation) -> dict[str, np.ma.MaskedArray[Any, Any]]:
    """Column → values along the sweep: the swept symbol, the formulas (masked where they claim nothing), the slacks."""
    assert query.sweep is not None
    x = query.sweep.values
    columns = {query.sweep.name: np.ma.masked_array(x, np.zeros(x.shape, dtype=bool))}
    for entry in answer.formulas.values():
        if entry.status == "value":
            value = np.ma.masked_array(entry.value)
            mask = np.broadcast_to(np.ma.getmaskarray(value), x.shape)
            columns[entry.name] = np.ma.masked_array(np.broadcast_to(value.data, x.shape), mask)
        elif entry.status != "missing":
            columns[entry.name] = np.ma.masked_array(np.zeros(x.shape), np.ones(x.shape, dtype=bool))
    for item in answer.conditions:
        if isinstance(item.slack, np.ndarray):
            columns[f"slack of {item.id}: {item.relation}"] = np.ma.masked_array(item.slack)
    return columns


def _sweep(query: Query, answer: Evaluation) -> Table:
    columns = sweep_columns(query, answer)
    table = _table(f"Sweep of {next(iter(columns))}", *(escape(name) for name in columns))
    n = len(next(iter(columns.values())))
    rows = list(range(n)) if n <= 2 * _ENDS + 4 else [*range(_ENDS), -1, *range(n - _ENDS, n)]
    for row in rows:
        if row < 0:
            table.add_row(*["..."] * len(columns))
            continue
        values = [column[row] for column in columns.values()]
        table.add_row(*("not met" if value is np.ma.masked else f"{value:.6g}" for value in values))
    return table


def to_csv(query: Query, answer: Evaluation) -> str:
    """A sweep with one row a point (nothing where a formula claims nothing), or one row a formula."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if query.sweep is not None:
        columns = sweep_columns(query, answer)
        writer.writerow(columns)
        for row in zip(*columns.values(), strict=True):
            writer.writerow("" if value is np.ma.masked else repr(float(value)) for value in row)
        return text.getvalue()
    writer.writerow(["formula", "value", "lower", "upper", "status", "direction", "meaning"])
    for entry in answer.formulas.values():
        value, low, high = entry.value, "", ""
        if isinstance(value, BallEnclosure):
            value, low, high = value.ball.str(answer.digits), repr(value.lower), repr(value.upper)
        elif value is not None:
            value = repr(value) if isinstance(value, float) else show(value, answer.digits)
        writer.writerow([entry.name, value or "", low, high, entry.status, entry.direction, entry.reads])
    return text.getvalue()
