"""Cells and grids of replicas: the entry points."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from numerics.confidence import Limits, clopper_pearson
from numerics.descent import choose_kernel
from numerics.descent.engine import Kernel
from numerics.door import integer
from numerics.ensemble import Ensemble, Where, run, seeds
from numerics.initialization import Train
from numerics.phase.answers import Answer, answer
from numerics.phase.experiment import Clock, Experiment, Method, draw

__all__ = ["Cell", "Diagram", "convergence", "diagram"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cell:
    """The replicas of one experiment, those that an interrupt cut off left out.

    converged: shape (R,).  steps, time, gamma: shape (R,), see :class:`Answer`.  answers: how many were answered how.
    """

    experiment: Experiment
    replicas: tuple[Answer, ...]
    requested: int

    @property
    def converged(self) -> NDArray[np.bool_]:
        """Which replicas converged."""
        return np.array([r.converged for r in self.replicas], dtype=bool)

    @property
    def steps(self) -> Array:
        """Steps, taken or predicted; NaN where there are none."""
        return np.array([r.steps for r in self.replicas], dtype=np.float64)

    @property
    def time(self) -> Array:
        """Times of convergence."""
        return np.array([r.time for r in self.replicas], dtype=np.float64)

    @property
    def gamma(self) -> Array:
        """Step sizes."""
        return np.array([r.gamma for r in self.replicas], dtype=np.float64)

    @property
    def answers(self) -> dict[str, int]:
        """How many replicas were answered by "descent", by "flow", by prediction ("predicted")."""
        return dict(Counter(r.answer for r in self.replicas))

    @property
    def fraction(self) -> float:
        """Fraction that converged; NaN without replicas."""
        return float(np.mean(self.converged)) if self.replicas else math.nan

    def limits(self, alpha: float = 0.05) -> Limits:
        """Exact confidence limits of the probability to converge (Clopper and Pearson)."""
        return clopper_pearson(int(self.converged.sum()), len(self.replicas), alpha)


@dataclass(frozen=True, eq=False)
class Diagram:
    """A grid of cells: cells[i][j] has rows[i] for the size `axis` ("n" or "m") and width ks[j].

    status: "complete" or "interrupted"; seconds: wall time.
    """

    axis: str
    rows: tuple[int, ...]
    ks: tuple[int, ...]
    cells: tuple[tuple[Cell, ...], ...]
    status: str
    seconds: float

    @property
    def fraction(self) -> Array:
        """Fractions that converged, shape (len(rows), len(ks)); NaN where no replica was finished."""
        return np.array([[cell.fraction for cell in row] for row in self.cells])

    def limits(self, alpha: float = 0.05) -> Limits:
        """Exact confidence limits of every cell, each on its own, of the shape of `fraction`."""
        counts = [[(int(cell.converged.sum()), len(cell.replicas)) for cell in row] for row in self.cells]
        successes, trials = np.moveaxis(np.array(counts), -1, 0)
        return clopper_pearson(successes, trials, alpha)

    @property
    def answers(self) -> dict[str, int]:
        """How many replicas were answered by "descent", by "flow", by prediction ("predicted")."""
        total: Counter[str] = Counter()
        for row in self.cells:
            for cell in row:
                total.update(cell.answers)
        return dict(total)


def convergence(
    n: int,
    m: int,
    k: int,
    replicas: int,
    *,
    train: Train = "both",
    cap: int = 25_000,
    gamma: float | Literal["stable"] = "stable",
    tolerance: float = 1e-7,
    kappa: float | None = None,
    noise: float = 0.0,
    activation: str = "tanh",
    V: str = "uniform",
    method: Method = "descent",
    kernel: Kernel = "auto",
    clock: Clock = "steps",
    horizon: float = 20.0,
    limit_cap: float = 1e12,
    seed: int = 0,
    where: Where | Executor | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Cell:
    """Which of `replicas` random instances converge.

    Parameters
    ----------
    n, m, k: signal, observation, width of the network.
    train: "both" layers or "W" only.
    cap: how many steps of descent are allowed (the flow: time gamma·cap).
    gamma: step size; "stable": half of the largest that is stable at the start of the replica, 1/λmax(JJᵀ).
    tolerance: converged when the loss is at most this times the initial loss.
    kappa: condition number of A, singular values evenly spaced in the logarithm; None: Gaussian A of variance 1/n.
    noise: standard deviation of the entries of the noise.
    activation, V: names of the activation and of the law of the entries of V.
    method: "descent" (default: the object of the statements); "flow"; "predict"; "fastest": for whoever only wants to know
        whether it converges: descent where few steps are expected, prediction elsewhere.  Every answer carries its label.
    kernel: for descent, see :func:`numerics.descent.gradient_descent`.
    clock: how long a run may take: "steps" (`cap` of them), "scaled" (the flow up to time horizon/σ_F²), "limit" (the flow
        until it is decided, given up at limit_cap/σ_F²).
    horizon, limit_cap: flow times in units of 1/σ_F², σ_F the smallest singular value of the replica's operator.
    seed: replica i of the sizes (n, m, k) draws from the child (n, m, k, i) of it, here and in :func:`diagram`.
    where, workers, progress: see :func:`numerics.ensemble.run`; by default threads for the fused kernel, else processes.

    >>> cell = convergence(4, 2, 40, 3, cap=400, kernel="numpy", where="serial")
    >>> cell.fraction, cell.answers
    (1.0, {'descent': 3})
    """
    experiment = Experiment(n, m, k, train, cap, gamma, tolerance, kappa, noise, activation, V, method, kernel,
                            clock, horizon, limit_cap)  # fmt: skip
    cells, _ = _ensemble([experiment], replicas, seed, where, workers, progress)
    return cells[0]


def diagram(
    axis: Literal["n", "m"],
    rows: Sequence[int],
    ks: Sequence[int],
    replicas: int,
    *,
    seed: int = 0,
    where: Where | Executor | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], object] | None = None,
    **experiment: Any,
) -> Diagram:
    """:func:`convergence` on a grid of sizes: `axis` ("n" or "m") by width.

    Parameters
    ----------
    axis, rows: which size varies along the rows, and its values; the other one is among the keyword arguments.
    ks: widths along the columns.
    experiment: the remaining arguments of :func:`convergence`, the same for all cells.

    >>> grid = diagram("n", [2, 4], [10, 40], 2, m=2, cap=300, kernel="numpy", where="serial")
    >>> grid.fraction.shape, grid.cells[1][1].experiment.k
    ((2, 2), 40)
    """
    if axis not in ("n", "m"):
        raise ValueError(f"axis = {axis!r}; the rows vary 'n' or 'm'")
    other = "m" if axis == "n" else "n"
    if axis in experiment or "k" in experiment or other not in experiment:
        raise ValueError(
            f"along the rows {axis} varies and along the columns k: give {other}, and neither {axis} nor k"
        )
    if not rows or not ks:
        raise ValueError("a diagram needs at least one row and one column")
    grid = [[Experiment(**{**experiment, axis: row, "k": k}) for k in ks] for row in rows]
    # the large cells first: they must not be what everybody waits for at the end
    flat = sorted(((i, j) for i in range(len(rows)) for j in range(len(ks))), key=lambda ij: -rows[ij[0]] * ks[ij[1]])
    found, outcome = _ensemble([grid[i][j] for i, j in flat], replicas, seed, where, workers, progress)
    cells = dict(zip(flat, found, strict=True))
    table = tuple(tuple(cells[i, j] for j in range(len(ks))) for i in range(len(rows)))
    return Diagram(axis, tuple(rows), tuple(ks), table, outcome.status, outcome.seconds)


@dataclass(frozen=True)
class _Task:
    """Replica i of the cells laid end to end."""

    experiments: tuple[Experiment, ...]
    replicas: int

    def __call__(self, i: int, rng: np.random.Generator) -> Answer:
        return answer(self.experiments[i // self.replicas], i % self.replicas, rng)


def _ensemble(
    experiments: Sequence[Experiment],
    replicas: int,
    seed: int,
    where: Where | Executor | None,
    workers: int | None,
    progress: Callable[[int, int], object] | None,
) -> tuple[list[Cell], Ensemble[Answer]]:
    integer("seed", seed, 0)
    streams = [
        stream
        for e in experiments
        for stream in seeds(np.random.SeedSequence(seed, spawn_key=(e.n, e.m, e.k)), replicas)
    ]
    if where is None:
        fused = all(e.clock == "steps" and e.method == "descent" and _is_fused(e) for e in experiments)
        where = "threads" if fused else "processes"
    outcome = run(_Task(tuple(experiments), replicas), streams, where=where, workers=workers, progress=progress)
    cells = []
    for index, experiment in enumerate(experiments):
        part = slice(index * replicas, (index + 1) * replicas)
        there = [r for r, done in zip(outcome.results[part], outcome.done[part], strict=True) if done and r is not None]
        cells.append(Cell(experiment, tuple(there), replicas))
    return cells, outcome


def _is_fused(experiment: Experiment) -> bool:
    """Whether descent would take the fused kernel; an impossible kernel="fused" is met here, before anything runs."""
    tiny = replace(experiment, n=1, m=1, k=1)
    return choose_kernel(draw(tiny, np.random.default_rng(0)), experiment.kernel)[0] == "fused"
