"""Phase diagrams: on which fraction of random instances does training reach zero loss, as a function of the sizes.

One replica: A (m × n) Gaussian, or with singular values spread evenly in the logarithm from 1 to 1/kappa along random
directions; y = A x̄ + noise, x̄ ~ N(0, I_n); a two-layer network of width k (:mod:`numerics.initialization`), of which
a(0) = W u and V̂ = QᵀV are all that matters (`dip2.reduction`).  It *converges* if gradient descent with step γ brings the
loss to `tolerance` times the initial one within `cap` steps.

Three ways to find out, and every record says which one answered (`Cell.answers`):

descent     the steps are taken: the definition itself.
flow        the gradient flow is integrated up to time γ cap, and its own convergence is reported.
predicted   the number of steps is taken to be the flow's crossing time divided by γ, rounded up.  It is a prediction: descent
            is not the flow.  Measured at (n, m, k) = (60, 10, 500) with γ = 1/λmax(JJᵀ): right within 1% with kappa = 30
            (some 3000 steps), within 9% with kappa = 3, within 20% for a Gaussian operator (some 25 steps).  Where γ is
            not below 2/λmax(JJᵀ) at the start, the steps are taken instead.

Refer to :mod:`numerics.confidence` for what a fraction of replicas says about the probability: :meth:`Cell.limits`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from numerics.activations import activation
from numerics.confidence import Limits, clopper_pearson
from numerics.descent import choose_kernel, gradient_descent, kernel_spectrum
from numerics.descent.engine import Kernel
from numerics.ensemble import Ensemble, Where, run, seeds
from numerics.flow import gradient_flow
from numerics.initialization import Train, entry_distribution, initialize
from numerics.losses import loss
from numerics.reduced import ReducedProblem

__all__ = ["Answer", "Cell", "Diagram", "Experiment", "convergence", "diagram", "draw"]

Array = NDArray[np.float64]
Method = Literal["descent", "flow", "predict", "fastest"]
METHODS: tuple[Method, ...] = ("descent", "flow", "predict", "fastest")

# Tolerance of the flow: its own convergence is to be right to six digits; a prediction is off by a percent or so anyway, and
# with 1e-3 the crossing time is right to 1e-4 (measured).
_FLOW_RTOL, _PREDICT_RTOL = 1e-6, 1e-3
# With "fastest": descent where the steps ahead are less work than a flow, which takes some ten milliseconds at these
# sizes.  Work of a step: (p + 3) k entries, a third of a nanosecond each in the fused kernel, and what a step costs at least.
_FLOW_WORK = 3e7
_STEP_WORK = {"fused": 600.0, "numpy": 40_000.0}


@dataclass(frozen=True)
class Experiment:
    """What is drawn and when it counts as converged; see :func:`convergence`."""

    n: int
    m: int
    k: int
    train: Train = "both"
    cap: int = 25_000
    gamma: float | Literal["stable"] = "stable"
    tolerance: float = 1e-7
    kappa: float | None = None
    noise: float = 0.0
    activation: str = "tanh"
    V: str = "uniform"
    method: Method = "descent"
    kernel: Kernel = "auto"

    def __post_init__(self) -> None:
        for name in ("n", "m", "k", "cap"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise ValueError(f"{name} = {value!r}; it must be an integer of at least 1")
        if self.train not in ("both", "W"):
            raise ValueError(f"train = {self.train!r}; it must be 'both' (a and V move) or 'W' (only a moves)")
        if self.method not in METHODS:
            raise ValueError(f"method = {self.method!r}; choose one of {', '.join(METHODS)}")
        if self.gamma != "stable" and not (isinstance(self.gamma, int | float) and 0 < self.gamma < math.inf):
            raise ValueError(
                f"gamma = {self.gamma!r}; it is a positive number, or 'stable' for 1/λmax(JJᵀ) at each start"
            )
        if not 0 < self.tolerance < 1:
            raise ValueError(f"tolerance = {self.tolerance}; it is relative to the initial loss, between 0 and 1")
        if self.kappa is not None and not 1 <= self.kappa < math.inf:
            raise ValueError(
                f"kappa = {self.kappa}; a condition number is at least 1, None stands for a Gaussian operator"
            )
        if not 0 <= self.noise < math.inf:
            raise ValueError(f"noise = {self.noise}; a standard deviation is nonnegative")
        activation(self.activation)
        entry_distribution(self.V)


@dataclass(frozen=True)
class Answer:
    """One replica.

    converged: whether the loss went below the tolerance in time.  answer: "descent", "flow" or "predicted": who says so.
    steps: first step there, taken or predicted; NaN for "flow", and where it did not converge.
    time: flow time of the crossing, γ·steps for "descent"; NaN where it did not converge.
    gamma: the step size.  status: how the run ended.
    """

    converged: bool
    answer: str
    steps: float
    time: float
    gamma: float
    status: str


def draw(experiment: Experiment, rng: np.random.Generator) -> ReducedProblem:
    """A random instance in the reduced variables, C the singular values where m ≤ n.

    The distribution is that of the full model, W u being N(0, I_k) (`speed.sampling`); V is drawn in full and rotated, as
    only a Gaussian V could be drawn rotated.
    """
    n, m, k = experiment.n, experiment.m, experiment.k
    data, network = rng.spawn(2)
    rank = min(m, n)
    if experiment.kappa is None:
        left, s, right = np.linalg.svd(data.standard_normal((m, n)) / math.sqrt(n), full_matrices=False)
    else:
        left, right = _orthonormal(data, m, rank), _orthonormal(data, n, rank).T
        s = np.logspace(0.0, -math.log10(experiment.kappa), rank)
    y = left @ (s * (right @ data.standard_normal(n)))
    if experiment.noise:
        y = y + experiment.noise * data.standard_normal(m)
    a0, V0 = initialize(n, k, network, train=experiment.train, V=experiment.V)
    C, y = (s, left.T @ y) if m <= n else (left * s, y)
    return ReducedProblem(
        C, y, loss("least_squares"), activation(experiment.activation), experiment.train, a0, right @ V0
    )


def _orthonormal(rng: np.random.Generator, rows: int, columns: int) -> Array:
    """A uniformly distributed orthonormal frame."""
    Q, R = np.linalg.qr(rng.standard_normal((rows, columns)))
    return Q * np.sign(np.diag(R))


def answer(experiment: Experiment, _replica: int, rng: np.random.Generator) -> Answer:
    """Draw one instance and find out."""
    problem = draw(experiment, rng)
    spectrum = kernel_spectrum(problem)
    top = float(spectrum[-1])
    gamma = float(1.0 / top if experiment.gamma == "stable" else experiment.gamma)
    x = problem.V0 @ problem.activation.phi(problem.a0) / math.sqrt(problem.k)
    stop = experiment.tolerance * float(problem.loss.value(problem.forward(x), problem.y))
    method: str = experiment.method
    if method == "fastest":
        floor = _STEP_WORK[choose_kernel(problem, experiment.kernel)[0]]
        ahead = min(_steps_ahead(experiment, spectrum, gamma), experiment.cap)
        work = ahead * max((problem.p + 3) * problem.k, floor)
        method = "descent" if work <= _FLOW_WORK else "predict"
    if method == "predict" and not gamma * top < 2.0:
        method = "descent"
    if method == "descent":
        run = gradient_descent(
            problem, gamma, max_steps=experiment.cap, loss_stop=stop, store=(), kernel=experiment.kernel
        )
        steps = float(run.steps[-1]) if run.converged else math.nan
        return Answer(run.converged, "descent", steps, gamma * steps, gamma, run.status)
    rtol = _FLOW_RTOL if method == "flow" else _PREDICT_RTOL
    status, time = _crossing(problem, gamma * experiment.cap, stop, rtol)
    if method == "flow":
        return Answer(status == "loss_stop", "flow", math.nan, time, gamma, status)
    steps = math.ceil(time / gamma) if status == "loss_stop" else math.nan
    return Answer(status == "loss_stop", "predicted", steps, time, gamma, status)


def _steps_ahead(experiment: Experiment, spectrum: Array, gamma: float) -> float:
    """Steps until the slowest mode of the linearization has decayed as far as the loss is to."""
    slowest = gamma * float(spectrum[0])
    if not slowest > 0:
        return math.inf
    return 0.5 * math.log(1 / experiment.tolerance) / min(slowest, 1.0)


def _crossing(problem: ReducedProblem, t_max: float, stop: float, rtol: float) -> tuple[str, float]:
    """How the flow ends, and when it reaches the loss `stop` (NaN if it does not)."""
    run = gradient_flow(
        problem,
        t_max=t_max,
        loss_stop=stop,
        times=(),
        rtol=rtol,
        method="exponential",
        error_estimate=False,
        lengths=False,
    )
    return run.status, float(run.t[-1]) if run.status == "loss_stop" else math.nan


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
    seed: replica i of the sizes (n, m, k) draws from the child (n, m, k, i) of it, here and in :func:`diagram`.
    where, workers, progress: see :func:`numerics.ensemble.run`; by default threads for the fused kernel, else processes.

    >>> cell = convergence(4, 2, 40, 3, cap=400, kernel="numpy", where="serial")
    >>> cell.fraction, cell.answers
    (1.0, {'descent': 3})
    """
    experiment = Experiment(n, m, k, train, cap, gamma, tolerance, kappa, noise, activation, V, method, kernel)
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
    streams = [
        stream
        for e in experiments
        for stream in seeds(np.random.SeedSequence(seed, spawn_key=(e.n, e.m, e.k)), replicas)
    ]
    if where is None:
        fused = all(e.method == "descent" and _is_fused(e) for e in experiments)
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
