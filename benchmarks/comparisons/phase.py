"""A phase diagram n by k in two training modes: ours measured on all cores, torch estimated.

torch would take hours: its time is the number of iterations that the descent needs (the cap where it does not converge)
times the time of one iteration, measured in every cell's size on the spot, divided by the number of cores as if it scaled
perfectly.  Whole diagrams are not interleaved: each takes from seconds to minutes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.contest import INSTALL, Competitor, Entry, Row, Setup, enter
from benchmarks.remote import Remote, Unavailable

TITLE = "Phase diagram, 10 × 10 cells of 50 replicas, condition number 30, at most 25 000 iterations, all cores"
ERROR = "fraction of replicas with another verdict than by descent, where that was run"
ESTIMATED = "torch SGD, full model (estimated)"
CASE: dict[str, Any] = {
    "rows": list(range(10, 101, 10)),
    "ks": list(range(100, 1001, 100)),
    "replicas": 50,
    "m": 10,
    "d": 500,
    "cap": 25_000,
    "kappa": 30.0,
}
QUICK: dict[str, Any] = {**CASE, "rows": [10, 20], "ks": [50, 100], "replicas": 3, "cap": 2000}
MODES = {"both": "both layers", "W": "W only"}
_ITERATIONS = 50
_HERE = "benchmarks.contenders.phase"


def entries(train: str) -> tuple[Entry, ...]:
    """Who takes part."""
    return (
        Entry("dipcert, fused descent", f"{_HERE}:OursFused", {"train": train}),
        Entry(
            "dipcert, fastest (prediction by the flow)", f"{_HERE}:Ours", {"train": train, "method": "fastest"}, True
        ),
    )


def run(setup: Setup) -> list[Row]:
    """Both modes."""
    rows = []
    for train, name in MODES.items():
        case = {**(QUICK if setup.quick else CASE), "seed": setup.seed, "name": name}
        rows += _mode(train, case, setup)
    return rows


def _mode(train: str, case: Mapping[str, Any], setup: Setup) -> list[Row]:
    found: dict[str, dict[str, Any]] = {}
    rows = []
    for entry in entries(train):
        competitor = enter("phase", case, entry, setup)
        if competitor.alive:
            setup.say(f"phase, {case['name']}: {entry.label}")
            try:
                found[entry.label] = _measure(competitor, setup)
            except Unavailable as reason:
                competitor.drop(reason.status)
        competitor.drop()
        rows.append(competitor.row)
    taken, fastest = (found.get(entry.label) for entry in entries(train))
    if taken is not None and fastest is not None:
        rows[1].error = float(np.mean(taken["converged"] != fastest["converged"]))
    iterations = taken or fastest
    estimate = Row("phase", str(case["name"]), ESTIMATED)
    if iterations is None:
        estimate.status = "not run: the number of iterations is not known"
    else:
        setup.say(f"phase, {case['name']}: one iteration of torch in every cell")
        _estimate(estimate, train, case, iterations["iterations"], setup)
    ours = next(row for row in rows if row.ours)
    for row in [*rows, estimate]:
        if row.median is not None and ours.median is not None:
            row.ratio = row.median / ours.median
    return [*rows, estimate]


def _measure(competitor: Competitor, setup: Setup) -> dict[str, Any]:
    timeout = max(setup.timeout, 900.0)
    competitor.ask("configure", {"whole": True}, timeout=timeout)
    answer: dict[str, Any] = competitor.ask("answer", timeout=timeout)
    row = competitor.row
    row.median = row.minimum = row.q1 = row.q3 = competitor.ask("last", timeout=timeout)
    row.samples = 1
    row.setting = ", ".join(f"{count} by {who}" for who, count in sorted(answer["answers"].items()))
    row.note = f"{100 * np.mean(answer['converged']):.1f} % converged"
    return answer


def _estimate(row: Row, train: str, case: Mapping[str, Any], iterations: np.ndarray, setup: Setup) -> None:
    """Iterations of every cell times the time of one there."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    times = np.empty(iterations.shape)
    try:
        with Remote(memory_limit=setup.memory_limit) as worker:
            options = {"iterations": _ITERATIONS, "train": train}
            loaded = worker.ask("load", "benchmarks.contenders.descent:TorchSGD", options, timeout=setup.timeout)
            if loaded["missing"]:
                raise Unavailable(f"not installed: {INSTALL} ({', '.join(loaded['missing'])})")
            for i, n in enumerate(case["rows"]):
                for j, k in enumerate(case["ks"]):
                    sizes = {"n": n, "m": min(case["m"], n), "k": k, "d": case["d"], "seed": setup.seed}
                    worker.ask("prepare", sizes, timeout=setup.timeout)
                    samples = [worker.ask("time", 1, False, timeout=setup.timeout)[0] for _ in range(3)]
                    times[i, j] = np.median(samples) / _ITERATIONS
    except Unavailable as reason:
        row.status = reason.status
        return
    row.median = float(np.sum(iterations * times)) / cores
    low, high = 1e6 * times.min(), 1e6 * times.max()
    row.setting = f"estimated: {iterations.sum():.3g} iterations × {low:.0f} to {high:.0f} µs / {cores} cores"
