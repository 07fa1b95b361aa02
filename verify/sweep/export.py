"""The replicas of a sweep as a table, in one canonical order: equal results are equal bytes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from verify.sweep.kind import Kind, Results, Table
from verify.tables import ProblemError

__all__ = ["SUFFIXES", "csv_text", "export", "order", "replica_table"]

SUFFIXES = (".csv", ".parquet")


def replica_table(kind: Kind, results: Results) -> Table:
    """One row a replica: parameters of its cell, its number, its record; sorted by the parameters and the number."""
    rows = []
    for cell in sorted(results.cells, key=lambda cell: [order(getattr(cell.config, p)) for p in kind.parameters]):
        parameters = [getattr(cell.config, name) for name in kind.parameters]
        for replica, record in sorted(cell.records.items()):
            rows.append((*parameters, replica, *kind.values(record)))
    return Table("results", (*kind.parameters, "replica", *(name for name, _ in kind.columns)), tuple(rows))


def order(value: Any) -> tuple[int, Any]:
    """None before numbers before texts: parameters may be of several types."""
    if value is None:
        return (0, 0)
    return (1, value) if isinstance(value, bool | int | float) else (2, str(value))


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    r"""The table as CSV: floats by repr, so that they are read back as they were; None is empty.

    >>> csv_text(("x", "y"), [(0.1, None), (True, "a, b")])
    'x,y\n0.1,\nTrue,"a, b"\n'
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([repr(v) if isinstance(v, float) else v for v in row] for row in rows)
    return text.getvalue()


def export(table: Table, path: Path, suffix: str) -> None:
    """Write a table as CSV or Parquet, as `suffix` says; ProblemError where Parquet cannot be written here."""
    if suffix == ".csv":
        path.write_bytes(csv_text(table.header, table.rows).encode())
        return
    pa, parquet = arrow()
    columns = list(zip(*table.rows, strict=True)) or [()] * len(table.header)
    # a parameter that is a number or a text (gamma) has no type of its own in Parquet
    plain = [[None if v is None else str(v) for v in column] if _mixed(column) else list(column) for column in columns]
    parquet.write_table(pa.table(dict(zip(table.header, plain, strict=True))), path)


def _mixed(column: Sequence[Any]) -> bool:
    return len({type(v) for v in column if v is not None}) > 1


def arrow() -> tuple[Any, Any]:
    """pyarrow and its Parquet part; ProblemError if it is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ProblemError('.parquet needs pyarrow, which is not installed: pip install "dipcert[parquet]"') from None
    return pyarrow, pyarrow.parquet
