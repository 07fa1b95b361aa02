"""Does the flow engine reach the tolerance that was asked for, and is its error estimate on the safe side?

    python -m benchmarks.accuracy --instances 500

Random two-layer problems: rank 1 to 15, width 2 to 400, condition of A from 1 to 10^4, every smooth activation, both training
modes, data from a tenth to ten times the size of the operator (nearly linear to far from it), stopped anywhere from one to
κ time constants.  Each run by exponential collocation is held, at every stored time, against DOP853 at rtol 1e-12; where
that would take too long (stiff), against exponential collocation at rtol 1e-12 with more nodes.  The reference's own
uncertainty is granted to the run.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from rich.progress import track
from threadpoolctl import threadpool_limits

from numerics.activations import activation
from numerics.flow import ReducedProblem, Trajectory, gradient_flow
from numerics.losses import loss
from theory.activations import ACTIVATIONS

SMOOTH = sorted(name for name, item in ACTIVATIONS.items() if item.smooth)
PATIENCE = 4.0  # seconds for a reference by DOP853


@dataclass(frozen=True)
class Row:
    """What one instance showed; the last four are largest ratios over the stored times, 1 or less where all is well."""

    seed: int
    activation: str
    train: str
    rank: int
    width: int
    kappa: float
    reference: str
    status: str
    steps: int
    times: int
    error_over_tolerance: float
    """‖θ(t) − reference‖ / (rtol × path length), what the reference may be wrong by deducted."""
    error_over_estimate: float
    length_over_estimate: float
    residual_over_estimate: float


def instance(seed: int) -> tuple[ReducedProblem, float, float]:
    """The problem, κ(A) and the end of the interval."""
    rng = np.random.default_rng([seed, 2309])
    rank, width = int(rng.integers(1, 16)), int(10 ** rng.uniform(0.3, 2.6))
    kappa = 10 ** rng.uniform(0, 4)
    S = np.logspace(0, -math.log10(kappa), rank) if rank > 1 else np.ones(1)
    name, train = SMOOTH[seed % len(SMOOTH)], ("both", "W")[(seed // len(SMOOTH)) % 2]
    y = S * rng.standard_normal(rank) * 10 ** rng.uniform(-1, 1)
    a, V = rng.standard_normal(width), rng.uniform(-(3**0.5), 3**0.5, (rank, width))
    problem = ReducedProblem(S, y, loss("least_squares"), activation(name), train, a, V)  # type: ignore[arg-type]
    system = problem.system()
    start = np.zeros(system.size)
    speed2 = float(np.sum(system.velocity(start) ** 2))
    return problem, kappa, 100 * system.observe(start).loss / speed2 * kappa ** rng.uniform()


def examine(seed: int, rtol: float) -> Row:
    """One instance."""
    with threadpool_limits(limits=1):
        problem, kappa, end = instance(seed)
        system = problem.system()
        stop = 1e-10 * system.observe(np.zeros(system.size)).loss
        run = gradient_flow(problem, t_max=end, loss_stop=stop, rtol=rtol, atol=1e-3 * rtol, method="exponential")
        times = run.t[1:-1]
        how = {"t_max": float(run.t[-1]), "times": times, "rtol": 1e-12, "atol": 1e-16}
        reference = gradient_flow(problem, **how, method="DOP853", max_seconds=PATIENCE)  # type: ignore[arg-type]
        if reference.status not in ("t_max", "stationary") or len(reference) != len(run):
            reference = gradient_flow(problem, **how, method="exponential")  # type: ignore[arg-type]
        count = min(len(run), len(reference))
        return Row(
            seed, problem.activation.name, problem.train, problem.p, problem.k, kappa, reference.method, run.status,
            run.steps, count, *_ratios(run, reference, count, rtol),
        )  # fmt: skip


def _ratios(run: Trajectory, reference: Trajectory, count: int, rtol: float) -> tuple[float, float, float, float]:
    kept = slice(1, count)
    square = np.sum((run.a[kept] - reference.a[kept]) ** 2, axis=1)
    if run.V is not None and reference.V is not None:
        square = square + np.sum((run.V[kept] - reference.V[kept]) ** 2, axis=(1, 2))

    def worst(apart: np.ndarray, granted: np.ndarray, allowed: np.ndarray) -> float:
        excess = np.maximum(apart - granted, 0.0)
        return float(np.max(np.where(excess > 0, excess / np.maximum(allowed, 1e-300), 0.0), initial=0.0))

    error, own = np.sqrt(square), reference.error_theta[kept]
    length = np.abs(run.length[kept] - reference.length[kept]), reference.error_length[kept]
    residual = np.abs(run.residual[kept] - reference.residual[kept]), reference.error_residual[kept]
    return (
        worst(error, own, rtol * run.length[kept]),
        worst(error, own, run.error_theta[kept]),
        worst(*length, run.error_length[kept]),
        worst(*residual, run.error_residual[kept]),
    )


def summary(rows: list[Row], rtol: float) -> str:
    """The shares and the largest ratios, in words."""
    ratio = np.array([row.error_over_tolerance for row in rows])
    lines = [
        f"{len(rows)} instances at rtol = {rtol:g}; reference DOP853 on "
        f"{sum(row.reference == 'DOP853' for row in rows)}, exponential at 1e-12 on the others",
        f"error within the tolerance: {np.mean(ratio <= 1):.1%}; median ratio {np.median(ratio):.2g}, "
        f"99th percentile {np.quantile(ratio, 0.99):.2g}, largest {ratio.max():.2g}",
    ]
    for name in ("error", "length", "residual"):
        seen = np.array([getattr(row, f"{name}_over_estimate") for row in rows])
        lines.append(f"estimate on the safe side, {name}: {np.mean(seen <= 1):.1%}; largest ratio {seen.max():.2g}")
    return "\n".join(lines)


def main(arguments: Iterable[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__.split("\n")[0])
    parser.add_argument("--instances", type=int, default=500, help="how many (default 500)")
    parser.add_argument("--first", type=int, default=0, help="first seed (default 0)")
    parser.add_argument("--rtol", type=float, default=1e-6, help="tolerance asked for (default 1e-6)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: all cores)")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/accuracy.csv"), help="CSV file")
    given = parser.parse_args(None if arguments is None else list(arguments))
    if given.instances < 1 or given.jobs < 1:
        parser.error("--instances and --jobs are at least 1")
    seeds = range(given.first, given.first + given.instances)
    with ProcessPoolExecutor(given.jobs) as pool:
        found = pool.map(examine, seeds, [given.rtol] * len(seeds))
        rows = list(track(found, "instances", total=len(seeds), disable=not sys.stderr.isatty()))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    with given.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    print(summary(rows, given.rtol))
    return 0


if __name__ == "__main__":
    sys.exit(main())
