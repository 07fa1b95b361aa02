"""The pages made from the results: everything (results.md), and the few lines that the README shows (readme.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import figures, tables
from benchmarks.comparisons import COMPARISONS
from benchmarks.comparisons.phase import ESTIMATED
from benchmarks.contest import Row
from benchmarks.machine import sentence

BEGIN, END = "<!-- benchmarks -->\n", "<!-- /benchmarks -->"


@dataclass(frozen=True)
class Line:
    """A line of the README's table: a task, a case, peers of which the fastest is shown, ours if not the one in bold."""

    task: str
    comparison: str
    case: str
    peers: tuple[str, ...]
    name: str
    mine: str = ""


_NTK = tuple(f"neural-tangents, {how}" for how in ("NTK-vector products", "contraction", "structured"))
_MIDDLE = "(60,10,1000,500)"
LINES = (
    Line("σ_min of the Jacobian", "sigma_min", _MIDDLE, _NTK, "neural-tangents, best of three"),
    Line("", "sigma_min", _MIDDLE, ("torch.func.jacrev + SVD",), "torch.func.jacrev + SVD"),
    Line("flow, Gaussian A", "flow", "60 gauss", ("diffrax Tsit5, full state",), "diffrax Tsit5, full state"),
    Line("", "flow", "60 gauss", ("torchdiffeq dopri5, full state",), "torchdiffeq dopri5, full state"),
    Line("", "flow", "60 gauss", ("SciPy DOP853, reduced state",), "SciPy DOP853, reduced state"),
    Line("flow, condition 30", "flow", "60 ill", ("diffrax Tsit5, full state",), "diffrax Tsit5, full state"),
    Line("", "flow", "60 ill", ("SciPy DOP853, reduced state",), "SciPy DOP853, reduced state"),
    Line("", "flow", "60 ill", ("CVODE BDF + GMRES, reduced state",), "CVODE BDF + GMRES, reduced state"),
    Line("descent, an iteration", "descent", _MIDDLE, ("torch SGD, full model",), "torch SGD, float64"),
    Line("without numba", "descent", _MIDDLE, ("torch SGD, full model",), "torch SGD, float64", "dipcert, NumPy"),
    Line("", "descent", _MIDDLE, ("jax, compiled loop, full model",), "jax, compiled loop"),
    Line("phase diagram, both layers", "phase", "both layers", (ESTIMATED,), ESTIMATED),
    Line("phase diagram, W only", "phase", "W only", (ESTIMATED,), ESTIMATED),
)


def load(folder: Path) -> tuple[dict[str, list[Row]], dict[str, Any]]:
    """Results and machines by comparison, as far as they are there."""
    results = {
        name: tables.read_csv(folder / f"{name}.csv") for name in COMPARISONS if (folder / f"{name}.csv").exists()
    }
    path = folder / "machine.json"
    return results, json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def whole(results: Mapping[str, Sequence[Row]], machines: Mapping[str, Any]) -> str:
    """All tables, the machine above the first that was made on it."""
    parts = ["# Benchmarks\n\nMade by `python -m benchmarks`; what is measured and how: [README.md](../README.md).\n"]
    last = None
    for name, rows in results.items():
        module, made = COMPARISONS[name], machines.get(name, {})
        parts.append(f"\n## {module.TITLE}\n\n")
        head = (sentence(made["machine"]), made["machine"]["commit"], made["date"]) if made else None
        if head is not None and head != last:
            parts.append(f"Made on {head[0]}; commit {head[1]}, {head[2]}.\n\n")
        last = head
        if module.ERROR:
            parts.append(f"Error: {module.ERROR}.\n\n")
        parts.append(tables.markdown(rows))
    return "".join(parts)


def short(results: Mapping[str, Sequence[Row]], machines: Mapping[str, Any]) -> str:
    """The README's table: ours, the peer, the ratio, both errors; the machine below."""
    lines = [
        "| task, (n, m, k, d) = (60, 10, 1000, 500) | dipcert | peer | its time | ratio [95 %] | error: dipcert, peer |",
        "|---|---:|---|---:|---:|---:|",
    ]
    for line in LINES:
        rows = [row for row in results.get(line.comparison, ()) if row.case == line.case]
        ours = next((row for row in rows if (row.contender == line.mine if line.mine else row.ours)), None)
        peers = [row for row in rows if row.contender in line.peers]
        if ours is None or not peers:
            continue
        timed = [row for row in peers if row.median is not None]
        best = min(timed, key=lambda row: row.median or 0.0) if timed else peers[0]
        mine = tables.seconds(ours.median) or ours.status
        if best.median is None:
            lines.append(f"| {line.task} | {mine} | {line.name} | {best.status} | | |")
            continue
        errors = ", ".join(f"{row.error:.0e}" for row in (ours, best) if row.error is not None)
        cells = [line.task, mine, line.name, tables.seconds(best.median), _ratio(best, ours), errors]
        lines.append("| " + " | ".join(cells) + " |")
    made = machines.get("flow") or next(iter(machines.values()), None)
    foot = f"\nMade by `python -m benchmarks` on {sentence(made['machine'])}; one thread each.\n" if made else ""
    return "\n".join(lines) + "\n" + foot


def _ratio(peer: Row, ours: Row) -> str:
    """With the interval where ours is the one that the intervals were made for."""
    if ours.ours or peer.median is None or ours.median is None:
        return tables.ratio(peer)
    return tables.digits(peer.median / ours.median)


def write(folder: Path) -> None:
    """Make both pages and both plots anew from the CSV files of a folder."""
    results, machines = load(folder)
    (folder / "results.md").write_text(whole(results, machines), encoding="utf-8")
    (folder / "readme.md").write_text(short(results, machines), encoding="utf-8")
    figures.ratios(results, folder / "ratios.svg")
    figures.growth(results.get("scaling", ()), folder / "scaling.svg")


def into(readme: str, block: str) -> str:
    """The README with the block between its markers replaced.

    >>> into("a\\n<!-- benchmarks -->\\nold\\n<!-- /benchmarks -->\\nb", "new\\n")
    'a\\n<!-- benchmarks -->\\nnew\\n<!-- /benchmarks -->\\nb'
    """
    if BEGIN not in readme or END not in readme:
        raise ValueError(f"the README has no block between {BEGIN.strip()} and {END}")
    start = readme.index(BEGIN) + len(BEGIN)
    return readme[:start] + block + readme[readme.index(END) :]
