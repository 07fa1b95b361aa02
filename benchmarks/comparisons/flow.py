"""Gradient flow until the loss is 1e-7 of what it was, trajectory error at most 1e-6 of the displacement.

The reference is DOP853 on the displacement at tight tolerance; it also gives the end time T.  Every contender's tolerance
is the loosest of a ladder with an error of at most 1e-6 at T/100, T/10 and T, each reached by a run of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from benchmarks import problems
from benchmarks.contest import Competitor, Entry, Row, Setup, compare
from benchmarks.remote import Unavailable

TITLE = "Gradient flow to 1e-7 of the initial loss"
ERROR = "largest error at T/100, T/10, T, relative to the displacement, against DOP853 at rtol 1e-12"
GOAL = 1e-6
DECREASE = 1e-7
FRACTIONS = (0.01, 0.1, 1.0)
_SMALL = {"n": 10, "m": 5, "k": 200, "d": 50}
_MIDDLE = {"n": 60, "m": 10, "k": 1000, "d": 500}
CASES: tuple[dict[str, Any], ...] = (
    {"name": "10 gauss", **_SMALL},
    {"name": "10 ill", **_SMALL, "cond": 30.0},
    {"name": "60 gauss", **_MIDDLE},
    {"name": "60 ill", **_MIDDLE, "cond": 30.0},
    {"name": "100 gauss", "n": 100, "m": 50, "k": 2000, "d": 1000},
    {"name": "256 gauss", "n": 256, "m": 128, "k": 4000, "d": 1000},
)
QUICK = 1
HALVES = tuple(float(f"{a}e-{b}") for b in range(3, 13) for a in (3, 1))
DECADES = tuple(float(f"1e-{b}") for b in range(3, 13))
_HERE = "benchmarks.contenders.flow"
_DENSE = 2000  # a dense Jacobian of a larger order is not worth an attempt


def entries(case: Mapping[str, Any]) -> list[Entry]:
    """Who takes part."""
    order = int(case["k"]) * (min(int(case["m"]), int(case["n"])) + 1)
    dense = "" if order <= _DENSE else f"dense Jacobian of order {order} ({8e-9 * order**2:.1f} GB)"
    huge = "" if int(case["n"]) < 256 else "minutes a run; see the smaller cases"
    return [
        Entry("dipcert, exponential", f"{_HERE}:Ours", ours=True, ladder=HALVES),
        Entry("dipcert, exponential, reduction included", f"{_HERE}:Ours", {"reduce": True}, ladder=HALVES),
        Entry("dipcert, exponential, error estimate", f"{_HERE}:Ours", {"error_estimate": True}, ladder=HALVES),
        Entry("dipcert, DOP853", f"{_HERE}:Ours", {"method": "DOP853"}, ladder=HALVES),
        Entry("SciPy DOP853, reduced state", f"{_HERE}:Scipy", {"method": "DOP853"}, ladder=HALVES),
        Entry("SciPy LSODA, reduced state", f"{_HERE}:Scipy", {"method": "LSODA"}, ladder=DECADES, excluded=dense),
        Entry("SciPy BDF, reduced state", f"{_HERE}:Scipy", {"method": "BDF"}, ladder=DECADES, excluded=dense),
        Entry("CVODE BDF + GMRES, reduced state", f"{_HERE}:Sundae", ladder=HALVES),
        Entry("diffrax Tsit5, reduced state", f"{_HERE}:Diffrax", {"state": "reduced"}, ladder=HALVES),
        Entry("diffrax Tsit5, full state", f"{_HERE}:Diffrax", ladder=DECADES),
        Entry("diffrax Dopri8, full state", f"{_HERE}:Diffrax", {"solver": "Dopri8"}, ladder=DECADES),
        Entry("torchdiffeq dopri5, full state", f"{_HERE}:Torchdiffeq", ladder=DECADES, excluded=huge),
    ]


class Reference:
    """The end time T and the displacements at the fractions of it."""

    def __init__(self, case: Mapping[str, Any], rtol: float = 1e-12) -> None:
        reduced = problems.reduce(problems.make(case))
        start, k = problems.pack(reduced), reduced.a.size
        stop = DECREASE * problems.value(reduced, reduced.a, reduced.V)

        def velocity(t: float, displacement: NDArray[np.float64]) -> NDArray[np.float64]:
            return problems.packed_velocity(reduced, start + displacement)

        def excess(t: float, displacement: NDArray[np.float64]) -> float:
            state = start + displacement
            now = problems.value(reduced, state[:k], state[k:].reshape(reduced.V.shape))
            return float(np.log(max(now, 1e-300) / stop))

        excess.terminal = True  # type: ignore[attr-defined]
        speed = float(np.linalg.norm(velocity(0.0, np.zeros_like(start))))
        atol = rtol * stop / DECREASE / speed / np.sqrt(start.size)
        first = solve_ivp(
            velocity, (0.0, 1e9), np.zeros_like(start), "DOP853", rtol=1e-9, atol=1e3 * atol, events=excess
        )
        self.t_end = float(first.t_events[0][0])
        self.at: dict[float, NDArray[np.float64]] = {}
        t, displacement = 0.0, np.zeros_like(start)
        for fraction in FRACTIONS:  # steps end there: the dense output is less accurate than the steps
            end = fraction * self.t_end
            done = solve_ivp(velocity, (t, end), displacement, "DOP853", rtol=rtol, atol=atol)
            t, displacement = end, done.y[:, -1]
            self.at[fraction] = displacement

    def error(self, fraction: float, displacement: NDArray[np.float64]) -> float:
        """Relative to the displacement there."""
        exact = self.at[fraction]
        return float(np.linalg.norm(displacement - exact) / np.linalg.norm(exact))


def achieved(competitor: Competitor, reference: Reference, tolerance: float, timeout: float) -> float:
    """The largest error over the fractions; stops at the first that is beyond the goal."""
    worst = 0.0
    for fraction in FRACTIONS:
        settings = {"tolerance": tolerance, "t_end": fraction * reference.t_end}
        competitor.ask("configure", settings, timeout=timeout)
        worst = max(worst, reference.error(fraction, competitor.ask("answer", timeout=timeout)))
        if worst > GOAL:
            break
        # of the runs that will be timed, not of a tolerance that is tried and rejected afterwards
        competitor.expected = competitor.ask("last", timeout=timeout)
        competitor.row.note = str(competitor.ask("about", timeout=timeout))
    return worst


def tune(competitor: Competitor, reference: Reference, timeout: float) -> float:
    """Set the loosest tolerance of the ladder that meets the goal, and give the error achieved with it.

    From the middle of the ladder towards looser ones while they do, towards tighter ones until one does.
    """
    ladder = competitor.entry.ladder
    at = len(ladder) // 3
    error = achieved(competitor, reference, ladder[at], timeout)
    if error <= GOAL:
        while at > 0 and (looser := achieved(competitor, reference, ladder[at - 1], timeout)) <= GOAL:
            at, error = at - 1, looser
    else:
        while error > GOAL:
            at += 1
            if at == len(ladder):
                raise Unavailable(f"no tolerance down to {ladder[-1]:.0e} reaches an error of {GOAL:.0e}: {error:.1e}")
            error = achieved(competitor, reference, ladder[at], timeout)
    competitor.row.setting = f"rtol {ladder[at]:.0e}"
    competitor.ask("configure", {"tolerance": ladder[at], "t_end": reference.t_end}, timeout=timeout)
    return error


def run(setup: Setup) -> list[Row]:
    """Every case."""
    rows = []
    for case in filter(setup.wanted, CASES[:QUICK] if setup.quick else CASES):
        case = {**case, "seed": setup.seed}
        setup.say(f"flow, {case['name']}: reference")
        reference = Reference(case)
        case["t_end"] = reference.t_end

        def judge(competitor: Competitor, reference: Reference = reference) -> float:
            setup.say(f"flow, {competitor.row.case}: tuning {competitor.entry.label}")
            return tune(competitor, reference, setup.timeout)

        rows += compare("flow", case, entries(case), setup, judge)
    return rows
