"""Gradient descent: time an iteration, agreement of the iterates after 200 steps.

Ours are timed over 2000 steps at a time, so that what a call costs once does not count; the peers over 200, of which
the same is true, their steps being slower.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import problems
from benchmarks.contest import Competitor, Entry, Row, Setup, compare

TITLE = "Gradient descent, one iteration"
ERROR = "error of the displacement after 200 steps, relative to it, against extended precision"
CASES = (
    {"name": "(60,10,1000,500)", "n": 60, "m": 10, "k": 1000, "d": 500},
    {"name": "(10,5,200,50)", "n": 10, "m": 5, "k": 200, "d": 50},
)
CHECKED = 200
_HERE = "benchmarks.contenders.descent"
_STEPS, _MANY = {"iterations": CHECKED}, {"iterations": 10 * CHECKED}
ENTRIES = (
    Entry("dipcert, fused (extra fast)", f"{_HERE}:OursFused", _MANY, ours=True),
    Entry("dipcert, NumPy", f"{_HERE}:Ours", {**_MANY, "kernel": "numpy"}),
    Entry("torch SGD, full model", f"{_HERE}:TorchSGD", _STEPS),
    Entry("torch SGD, compiled loss", f"{_HERE}:TorchSGD", {**_STEPS, "compiled": True}),
    Entry("jax, compiled loop, full model", f"{_HERE}:JaxFull", _STEPS),
)


def reference(case: Mapping[str, Any], iterations: int = CHECKED) -> NDArray[np.float64]:
    """The displacement after so many steps on the reduced state, in extended precision where the machine has it."""
    full = problems.make(case)
    reduced, gamma = problems.reduce(full), np.longdouble(problems.step_size(full))
    S, y, a, V = (np.asarray(x, dtype=np.longdouble) for x in (reduced.S, reduced.y, reduced.a, reduced.V))
    a, V = a.copy(), V.copy()
    root = np.sqrt(np.longdouble(a.size))
    for _ in range(iterations):
        t = np.tanh(a)
        q = S * (S * (V @ t) / root - y) * (gamma / root)
        a -= (1 - t * t) * (q @ V)
        V -= np.multiply.outer(q, t)
    return np.concatenate((a - reduced.a, (V - reduced.V).ravel())).astype(np.float64)


def run(setup: Setup) -> list[Row]:
    """Every case."""
    rows = []
    for case in CASES[1:] if setup.quick else CASES:
        case = {**case, "seed": setup.seed}
        exact = reference(case)

        def judge(competitor: Competitor, exact: NDArray[np.float64] = exact) -> float:
            timed = dict(competitor.entry.options)["iterations"]
            competitor.ask("configure", {"iterations": CHECKED}, timeout=setup.timeout)
            found = competitor.ask("answer", timeout=setup.timeout)
            competitor.ask("configure", {"iterations": timed}, timeout=setup.timeout)
            return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))

        rows += compare("descent", case, ENTRIES, setup, judge)
    return rows
