"""Rows as CSV and as Markdown."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from benchmarks.contest import Row

_UNITS = {
    "median": "median_s",
    "minimum": "minimum_s",
    "q1": "q1_s",
    "q3": "q3_s",
    "prepare": "prepare_s",
    "first": "first_run_s",
}


def write_csv(rows: Sequence[Row], path: Path) -> None:
    """One line a row, times in seconds."""
    names = [field.name for field in fields(Row)]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([_UNITS.get(name, name) for name in names])
        for row in rows:
            values = asdict(row)
            writer.writerow([_cell(values[name]) for name in names])


def read_csv(path: Path) -> list[Row]:
    """What :func:`write_csv` wrote."""
    back = {shown: name for name, shown in _UNITS.items()}
    rows = []
    with path.open(newline="", encoding="utf-8") as stream:
        for line in csv.DictReader(stream):
            values: dict[str, object] = {}
            for shown, text in line.items():
                name = back.get(shown, shown)
                kind = Row.__dataclass_fields__[name].type
                if kind == "str":
                    values[name] = text
                elif kind == "bool":
                    values[name] = text == "True"
                elif kind == "int":
                    values[name] = int(text)
                else:
                    values[name] = float(text) if text else None
            rows.append(Row(**values))  # type: ignore[arg-type]
    return rows


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def seconds(value: float | None) -> str:
    """Three digits with the unit that suits.

    >>> seconds(0.00123), seconds(2.5e-6), seconds(None)
    ('1.23 ms', '2.5 µs', '')
    """
    if value is None:
        return ""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size:
            return f"{digits(value / size)} {unit}"
    return f"{digits(value / 1e-9)} ns"


def digits(value: float) -> str:
    """Three significant digits without an exponent.

    >>> digits(1234.5), digits(12.345), digits(0.5)
    ('1230', '12.3', '0.5')
    """
    if value >= 100:
        digits = len(str(int(value))) - 3
        return str(int(round(value, -digits)))
    return f"{value:.3g}"


def ratio(row: Row) -> str:
    """Ratio to ours with its interval."""
    if row.ratio is None:
        return ""
    if row.ours:
        return "1"
    if row.ratio_low is None or row.ratio_high is None:
        return digits(row.ratio)
    return f"{digits(row.ratio)} [{digits(row.ratio_low)}, {digits(row.ratio_high)}]"


def markdown(rows: Iterable[Row]) -> str:
    """A table; a row without figures says why across the columns of figures."""
    rows = list(rows)
    lines = [
        "| case | contender | median | minimum | samples | × ours [95 %] | error | first run | setting |",
        "|---|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    last = None
    for row in rows:
        case = row.case if row.case != last else ""
        last = row.case
        name = f"**{row.contender}**" if row.ours else row.contender
        told = "; ".join(filter(None, [row.setting, row.note]))
        if row.status != "ok":
            lines.append(f"| {case} | {name} | | | | | | | {row.status} |")
            continue
        error = "" if row.error is None else f"{row.error:.1e}"
        cells = [case, name, seconds(row.median), seconds(row.minimum), str(row.samples or ""), ratio(row), error]
        lines.append("| " + " | ".join([*cells, seconds(row.first), told]) + " |")
    return "\n".join(lines) + "\n"
