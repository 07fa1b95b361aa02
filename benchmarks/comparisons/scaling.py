"""How time grows with n, m and k: σ_min, the flow to 1e-7 of the initial loss, one step of gradient descent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.contest import Entry, Row, Setup, compare
from benchmarks.summary import exponent

TITLE = "Growth with the sizes, and fitted exponents"
ERROR = ""
# n well above every m: a square Gaussian A is ill-conditioned by chance, and its flow long
BASE = {"n": 256, "m": 16, "k": 1000, "d": 20}
TASKS: Mapping[str, Entry] = {
    "σ_min": Entry("σ_min", "benchmarks.contenders.sigma_min:Ours", ours=True),
    "flow": Entry("flow", "benchmarks.contenders.flow:OursToLoss", ours=True, seconds=10.0),
    "descent step, fused": Entry(
        "descent step, fused", "benchmarks.contenders.descent:OursFused", {"iterations": 1000}, ours=True
    ),
    "descent step, NumPy": Entry(
        "descent step, NumPy", "benchmarks.contenders.descent:Ours", {"iterations": 1000, "kernel": "numpy"}, ours=True
    ),
}
# task → size that varies → its values, the others as in BASE
_OUTPUTS, _WIDE = (16, 32, 64, 128, 256), (500, 1000, 2000, 4000, 8000)
_STEP = {"m": (8, 16, 32, 64), "k": _WIDE}
GRID: Mapping[str, Mapping[str, Sequence[int]]] = {
    "σ_min": {"n": _OUTPUTS, "k": _WIDE},
    "flow": {"n": (64, 128, 256, 512), "m": (8, 16, 32, 64), "k": (500, 1000, 2000, 4000)},
    "descent step, fused": _STEP,
    "descent step, NumPy": _STEP,
}


def run(setup: Setup) -> list[Row]:
    """Every task and size; after each series a row with the exponent that fits it."""
    rows: list[Row] = []
    for task, series in GRID.items():
        for name, sizes in series.items():
            sizes = sizes[:3] if setup.quick else sizes
            some: list[Row] = []
            for size in sizes:
                case: dict[str, Any] = {**BASE, name: size, "seed": setup.seed, "name": f"{name} = {size}"}
                some += compare("scaling", case, [TASKS[task]], setup)
            rows += some
            rows.append(_fit(task, name, sizes, some))
    return rows


def _fit(task: str, name: str, sizes: Sequence[int], rows: Sequence[Row]) -> Row:
    row = Row("scaling", f"{name}, fitted", task)
    times = [row.median for row in rows]
    if any(time is None for time in times):
        row.status = "not run: a size of the series has no time"
        return row
    fit = exponent([float(size) for size in sizes], [float(time) for time in times if time is not None])
    row.setting = f"{name}^{fit.value:.2f} [{fit.low:.2f}, {fit.high:.2f}]"
    row.note = f"{len(sizes)} sizes, {sizes[0]} to {sizes[-1]}; 95 % interval"
    return row
