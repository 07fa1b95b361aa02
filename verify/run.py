"""One real run, end to end: constants, guarantees, simulation, comparison at every stored time, restart."""

from __future__ import annotations

import math
import platform
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Protocol

import numpy as np
from threadpoolctl import threadpool_limits

from numerics.flow import Trajectory, gradient_flow
from numerics.methods import Settings, choose

from . import assumptions, guarantees
from .guarantees import Guarantee
from .instance import Instance
from .observables import Observables, observe
from .problem import Problem
from .restart import Restart, along, from_start, is_costly
from .scale import ScaleAdvice, smallest_scale
from .tables import ProblemError
from .verdict import Check, Verdict

SCHEMA = "dipcert.run/1"
# An undecided comparison is repeated once with the integrator this much tighter (float64 allows no more than 1e-13).
TIGHTER = 1e-2
_MIN_RTOL = 1e-13
HOLDS, VIOLATED, UNDECIDED, INTERRUPTED = 0, 1, 3, 130
# Entries of the p × k matrix below which a second BLAS thread slows the flow down (measured: 12 × at 10 × 1000).
_SMALL = 500_000


class Progress(Protocol):
    """What the command line shows while a run goes on."""

    def stage(self, text: str) -> None:
        """Name what is being done."""

    def __call__(self, t: float, loss: float, loss_stop: float) -> None:
        """Time and loss of the flow."""


@dataclass(frozen=True, eq=False)
class RunResult:
    """Everything that a run found. `status` is that of the integrator; `exit_code` 0 holds, 1 violated, 3 undecided or
    no guarantee of convergence in force."""

    instance: Instance
    assumptions: list[assumptions.Assumption]
    convergence: list[Guarantee]
    recovery: list[Guarantee]
    trajectory: Trajectory
    observed: Observables
    checks: list[Check]
    restart: Restart
    scale: ScaleAdvice | None
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def problem(self) -> Problem:
        """The problem that was run."""
        return self.instance.problem

    @property
    def status(self) -> str:
        """How the integrator ended."""
        return self.trajectory.status

    @property
    def strongest(self) -> Guarantee | None:
        """The strongest guarantee of convergence in force from the start, or None."""
        return guarantees.strongest([g for g in self.convergence if g.zero_loss or g.stop_time is not None])

    @property
    def verdict(self) -> Verdict:
        """All comparisons in one word, and hypothesis_not_met if nothing guarantees convergence."""
        words = {check.verdict for check in self.checks}
        if Verdict.VIOLATED in words:
            return Verdict.VIOLATED
        if self.strongest is None and self.restart.first is None:
            return Verdict.HYPOTHESIS_NOT_MET
        if Verdict.UNDECIDED in words:
            return Verdict.UNDECIDED
        return Verdict.HOLDS

    @property
    def exit_code(self) -> int:
        """0 holds, 1 violated, 3 undecided or hypothesis not met."""
        return {Verdict.HOLDS: HOLDS, Verdict.VIOLATED: VIOLATED}.get(self.verdict, UNDECIDED)

    def to_json(self) -> dict[str, Any]:
        """The result as plain data: resolved configuration and its hash, constants, guarantees, verdicts, versions."""
        problem, trajectory = self.problem, self.trajectory
        return {
            "dipcert": version("dipcert"),
            "schema": SCHEMA,
            "title": problem.title,
            "problem": problem.spec.resolved(),
            "problem_hash": problem.spec.hash(),
            "seed": problem.seed,
            "versions": {name: version(name) for name in ("numpy", "scipy", "sympy", "mpmath", "python-flint")}
            | {"python": platform.python_version()},
            "verdict": str(self.verdict),
            "exit_code": INTERRUPTED if trajectory.status == "interrupted" else self.exit_code,
            "notes": list(problem.notes),
            "assumptions": [item.to_json() for item in self.assumptions],
            "constants": {name: bound.to_json() for name, bound in self.instance.constants.items()},
            "guarantees": [item.to_json() for item in self.convergence],
            "recovery": [item.to_json() for item in self.recovery],
            "strongest": None if self.strongest is None else self.strongest.statement,
            "output_scale_advice": None if self.scale is None else self.scale.to_json(),
            "run": {
                "status": trajectory.status,
                "message": trajectory.message,
                "t_end": float(trajectory.t[-1]),
                "loss_start": float(trajectory.loss[0]),
                "loss_end": float(trajectory.loss[-1]),
                "method": trajectory.method,
                "steps": trajectory.steps,
                "nfev": trajectory.nfev,
                "events": {repr(level): t for level, t in trajectory.events.items()},
                "conserved_drift": trajectory.conserved_drift,
                "error_theta": float(trajectory.error_theta[-1]),
            },
            "checks": [check.to_json() for check in self.checks],
            "restart": self.restart.to_json(),
            "quality": self.quality(),
            "conclusion": self.conclusion(),
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }

    def conclusion(self) -> list[str]:
        """What a user wants to know, in sentences; see :mod:`verify.conclusion`."""
        from .conclusion import conclusion

        return conclusion(self)

    def quality(self) -> dict[str, dict[str, float]]:
        """Relative error, PSNR and SSIM of observation and reconstruction; see :mod:`verify.quality`."""
        from .quality import compare

        return compare(self)


def run(problem: Problem, *, progress: Progress | None = None) -> RunResult:
    """Evaluate the theorems on `problem`, simulate the flow, compare, and look for restart certificates.

    >>> from verify.problem import build, parse
    >>> spec = parse({"signal": {"source": "values", "values": [1.0, 2.0]}, "operator": {"kind": "identity"},
    ...               "network": {"width": 64, "antisymmetric": True}})
    >>> result = run(build(spec))
    >>> str(result.verdict), result.strongest is not None
    ('holds', True)
    """
    with threadpool_limits(limits=_threads(problem), user_api="blas"):
        return _run(problem, progress)


def _threads(problem: Problem) -> int | None:
    """BLAS threads: one where the matrices of the flow are small (waking a second costs more than it brings)."""
    return 1 if problem.svd.rank * problem.network.k < _SMALL else None


def _run(problem: Problem, progress: Progress | None) -> RunResult:
    clock = _Clock(progress)
    clock.stage("evaluating constants")
    instance = Instance.of(problem)
    clock.stage("evaluating guarantees")
    convergence, recovery = guarantees.evaluate(instance)
    scale = smallest_scale(instance)
    clock.stage("gradient flow")
    trajectory = simulate(instance, convergence, progress, problem.spec.flow.rtol)
    clock.stage("comparing the run with every bound")
    observed = observe(instance, trajectory)
    checks = compare(instance, convergence + recovery, observed)
    if _worth_repeating(checks, trajectory, problem, clock):
        clock.stage("undecided: once more, tighter")
        finer = simulate(instance, convergence, progress, max(_MIN_RTOL, problem.spec.flow.rtol * TIGHTER))
        if finer.status == trajectory.status:
            seen = observe(instance, finer)
            again = compare(instance, convergence + recovery, seen)
            if _undecided(again) <= _undecided(checks):
                trajectory, observed, checks = finer, seen, again
    clock.stage("restart certificates along the run")
    restart = _restart(instance, trajectory, convergence)
    clock.stage("")
    return RunResult(
        instance, assumptions.check_all(instance), convergence, recovery, trajectory, observed, checks, restart, scale,
        clock.seconds,
    )  # fmt: skip


def _restart(instance: Instance, trajectory: Trajectory, convergence: list[Guarantee]) -> Restart:
    """Certificates along the run, where there is something to find: the theorems may hold from the start already."""
    if trajectory.status == "interrupted":  # Ctrl-C means: now
        return Restart((), None)
    best = guarantees.strongest([guarantee for guarantee in convergence if guarantee.zero_loss])
    if best is not None and is_costly(instance):
        return from_start(instance, best.statement, best.rate)
    return along(instance, trajectory)


def simulate(instance: Instance, convergence: list[Guarantee], progress: Progress | None, rtol: float) -> Trajectory:
    """The flow of the instance until its loss or time limit, with the noise levels located as events."""
    problem = instance.problem
    flow = problem.spec.flow
    levels = []
    if "eps" in instance.constants and instance.constants["eps"].value > 0:
        eps = instance.constants["eps"].value
        levels = [problem.tau * eps, eps]
    system = instance.reduced.system()
    try:
        choose(system, Settings(t_max=flow.t_max, method=flow.method))
    except ValueError as error:
        raise ProblemError(f"[flow] method: {error}") from None
    start = system.observe(np.zeros(system.size))
    # Below its own rounding error a residual means nothing.
    w_max = 1.0 if problem.loss.weights is None else float(problem.loss.weights.max())
    floor = 0.5 * w_max * start.rounding**2
    return gradient_flow(
        instance.reduced,
        t_max=flow.t_max,
        loss_stop=max(flow.loss_tol * start.loss, floor),
        levels=levels,
        points_per_decade=flow.points_per_decade,
        rtol=rtol,
        atol=1e-3 * rtol,
        method=flow.method,
        max_seconds=flow.max_seconds,
        progress=progress,
    )


def compare(instance: Instance, items: list[Guarantee], observed: Observables) -> list[Check]:
    """Every bound of every guarantee whose hypotheses hold, held against the run."""
    return [
        curve.check(observed)
        for guarantee in items
        if guarantee.checked
        for curve in guarantee.curves
        if curve.quantity in observed
    ]


def _undecided(checks: list[Check]) -> int:
    """How many comparisons accuracy could decide (not those for which the run ended too early)."""
    return sum(check.verdict is Verdict.UNDECIDED and check.n_times > 0 for check in checks)


def _worth_repeating(checks: list[Check], trajectory: Trajectory, problem: Problem, clock: _Clock) -> bool:
    if not _undecided(checks) or trajectory.status not in ("loss_stop", "t_max", "stationary"):
        return False
    limit = problem.spec.flow.max_seconds
    # An order-8 method needs about twice the steps for two digits more.
    affordable = limit is None or 3 * clock.elapsed("gradient flow") < limit
    return affordable and problem.spec.flow.rtol > _MIN_RTOL


class _Clock:
    """Names the stages for whoever watches, and keeps how long each took."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress, self._name, self._since = progress, "", time.perf_counter()
        self.seconds: dict[str, float] = {}

    def stage(self, name: str) -> None:
        now = time.perf_counter()
        if self._name:
            self.seconds[self._name] = self.seconds.get(self._name, 0.0) + now - self._since
        self._name, self._since = name, now
        if self._progress is not None and name:
            self._progress.stage(name)

    def elapsed(self, name: str) -> float:
        return self.seconds.get(name, math.inf)
