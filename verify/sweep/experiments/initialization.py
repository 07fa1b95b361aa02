"""How initialization and activation decide whether training converges, and how long it takes.

One replica: A (m × n, m ≤ n) Gaussian, or with singular values spread evenly in the logarithm from 1 to 1/kappa; y = A x̄,
x̄ ~ N(0, I_n); a two-layer network whose scales, law and symmetry are those of :func:`numerics.initialization.initialize`.
What the theorems promise is asked before anything runs (:mod:`verify.sweep.experiments.initialization_start`).  Then the
instance is trained twice: by gradient descent, at most `cap` steps of 1/λmax(JJᵀ) or of `gamma`, and by the gradient flow, up to
time `horizon`.  Activations outside the assumptions (ReLU) have no flow here: they are trained by descent alone, and the
record says "outside".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from numerics.activations import activation
from numerics.descent import Descent, gradient_descent, kernel_spectrum
from numerics.descent.engine import Kernel
from numerics.door import integer, number
from numerics.flow import gradient_flow
from numerics.initialization import Train, entry_distribution, initialize
from numerics.losses import loss
from numerics.networks.two_layer import TwoLayer
from numerics.reduced import ReducedProblem
from numerics.spectrum import jacobian_sigma_min
from verify.sweep.experiments.initialization_start import OUTSIDE, Promise, promised
from verify.sweep.experiments.phase import with_kernel
from verify.sweep.kind import Kind

__all__ = ["EXPERIMENT", "Config", "Record", "draw"]

Array = NDArray[np.float64]

# With 1e-6 the time at which the flow reaches the tolerance is right to some six digits.
_FLOW_RTOL = 1e-6
# So many steps of the exponential method: flows that converge take some dozens, those that creep are given up.
_FLOW_STEPS = 2000

# Beyond, squares overflow.  A diverging descent need not have an infinite loss: the sine is bounded.
_FAR = 1e100


@dataclass(frozen=True)
class Config:
    """What is drawn, how it starts, and when it counts as converged.

    n, m, k: entries of signal and data (m ≤ n), width.  train: "both" layers or "W" only.  activation: its name.
    W_std: standard deviation of the entries of W, hence of a = W u.  V_scale: that of the entries of V, whose law is `V`, a
    name of :data:`numerics.initialization.ENTRY_DISTRIBUTIONS`.  antisymmetric: neurons in pairs of opposite sign (k even).
    kappa: condition number of A, None: Gaussian A of variance 1/n.  tolerance: relative to the initial loss.
    cap: steps of gradient descent, of size gamma, "stable" for 1/λmax(JJᵀ) at each start; horizon: flow time.  kernel: of
        the descent, "auto" for the fastest.
    """

    n: int = 20
    m: int = 6
    k: int = 40
    train: Train = "both"
    activation: str = "tanh"
    W_std: float = 1.0
    V_scale: float = 1.0
    V: str = "rademacher"
    antisymmetric: bool = False
    kappa: float | None = None
    tolerance: float = 1e-7
    cap: int = 1000
    gamma: float | Literal["stable"] = "stable"
    horizon: float = 10_000.0
    kernel: Kernel = "auto"

    def __post_init__(self) -> None:
        for name in ("n", "m", "k", "cap"):
            integer(name, getattr(self, name), 1)
        for name in ("W_std", "V_scale", "horizon"):
            value = getattr(self, name)
            number(name, value)
            if not 0 < value < math.inf:
                raise ValueError(f"{name} = {value}; it must be finite and greater than 0")
        if self.m > self.n:
            raise ValueError(f"m = {self.m} data of a signal with n = {self.n} entries; this experiment needs m ≤ n")
        if self.train not in ("both", "W"):
            raise ValueError(f"train = {self.train!r}; it must be 'both' (a and V move) or 'W' (only a moves)")
        activation(self.activation)
        entry_distribution(self.V)
        if not isinstance(self.antisymmetric, bool):
            raise ValueError(f"antisymmetric = {self.antisymmetric!r}; it is true or false")
        if self.antisymmetric and self.k % 2:
            raise ValueError(f"antisymmetric = true pairs the neurons: the width k must be even, it is {self.k}")
        number("tolerance", self.tolerance)
        if not 0 < self.tolerance < 1:
            raise ValueError(f"tolerance = {self.tolerance}; it is relative to the initial loss, between 0 and 1")
        if self.kappa is not None:
            number("kappa", self.kappa)
            if not 1 <= self.kappa < math.inf:
                raise ValueError(
                    f"kappa = {self.kappa}; a condition number is at least 1, without it the operator is Gaussian"
                )
        if self.gamma != "stable" and not (isinstance(self.gamma, int | float) and 0 < self.gamma < math.inf):
            raise ValueError(
                f"gamma = {self.gamma!r}; it is a positive number, or 'stable' for 1/λmax(JJᵀ) at each start"
            )
        if self.kernel not in ("auto", "numpy", "fused"):
            raise ValueError(f"kernel = {self.kernel!r}; choose 'auto', 'numpy' or 'fused'")


@dataclass(frozen=True)
class Record(Promise):
    """One instance.

    theory to sigma_F: what was known before the run, see `Promise`.
    time_linear: time in which the slowest mode of the linearization at the start decays as far (an estimate).
    converged, steps, step_size, status: of gradient descent; NaN steps where it did not converge.  "diverged": the step
        that is stable at the start is not so later, as near the saddle at zero, where the Jacobian is small at the start.
    sigma_0, sigma_end: σ_min of the Jacobian, restricted to the range of Aᵀ, at the start and at the end of the descent.
    length, distance: of the descent: Σ‖θ_{j+1} − θ_j‖ and ‖θ_end − θ_0‖.
    kernel_change: ‖K_end − K_0‖/‖K_0‖, K = J Jᵀ restricted likewise: small for lazy training.
    flow_converged, flow_time, flow_status: of the gradient flow; NaN where it did not converge.
    """

    time_linear: float
    converged: bool
    steps: float
    step_size: float
    status: str
    sigma_0: float
    sigma_end: float
    length: float
    distance: float
    kernel_change: float
    flow_converged: bool
    flow_time: float
    flow_status: str


def draw(config: Config, rng: np.random.Generator) -> ReducedProblem:
    """A random instance in the reduced variables (`dip2.reduction`), C the singular values of A, shape (m,).

    The singular vectors of a Gaussian matrix are uniformly distributed, so one decomposition serves both kinds of A; those
    on the left turn y and change nothing.
    """
    n, m, k = config.n, config.m, config.k
    data, network = rng.spawn(2)
    _, s, right = np.linalg.svd(data.standard_normal((m, n)) / math.sqrt(n), full_matrices=False)
    if config.kappa is not None:
        s = np.logspace(0.0, -math.log10(config.kappa), m)
    y = s * (right @ data.standard_normal(n))
    a0, V0 = initialize(
        n, k, network, train=config.train, W_std=config.W_std, V=config.V, V_scale=config.V_scale,
        antisymmetric=config.antisymmetric,
    )  # fmt: skip
    if config.antisymmetric:  # pairs stay exact pairs, whatever order a product sums in
        half = right @ V0[:, : k // 2]
        V0 = np.concatenate([half, -half], axis=1)
    else:
        V0 = right @ V0
    return ReducedProblem(
        s, y, loss("least_squares"), activation(config.activation), config.train, a0, np.ascontiguousarray(V0)
    )


def replica(config: Config, rng: np.random.Generator) -> Record:
    """Draw an instance, ask the theorems, train by descent and by the flow."""
    problem = draw(config, rng)
    start = TwoLayer(problem.activation, problem.train, problem.a0, problem.V0)
    stop = config.tolerance * float(problem.loss.value(problem.forward(start.output()), problem.y))
    before = promised(problem, math.sqrt(2 * stop))
    spectrum = kernel_spectrum(problem)
    slowest, fastest = float(spectrum[0]), float(spectrum[-1])
    step = config.gamma if config.gamma != "stable" else 1.0 / fastest if fastest > 0 else math.inf
    flow_status, flow_time = _flow(config, problem, stop)
    run = _descend(config, problem, stop, step) if fastest > 0 else None
    steps = float(run.steps[-1]) if run is not None and run.converged else math.nan
    return Record(
        **vars(before),
        time_linear=0.5 * math.log(1 / config.tolerance) / slowest if slowest > 0 else math.inf,
        converged=run is not None and run.converged,
        steps=steps,
        step_size=step,
        status="at rest" if run is None else run.status,
        sigma_0=jacobian_sigma_min(start).value,
        **_end(start, run),
        flow_converged=flow_status == "loss_stop",
        flow_time=flow_time,
        flow_status=flow_status,
    )


def _descend(config: Config, problem: ReducedProblem, stop: float, step: float) -> Descent:
    return gradient_descent(problem, step, max_steps=config.cap, loss_stop=stop, store=(), kernel=config.kernel)


def _end(start: TwoLayer, run: Descent | None) -> dict[str, Any]:
    """How far descent went, and what has become of the Jacobian; NaN where that overflows.

    No run: the Jacobian vanishes at the start (every ReLU neuron is off), and no step moves anything.
    """
    if run is None:
        sigma = jacobian_sigma_min(start).value
        return {"sigma_end": sigma, "length": 0.0, "distance": 0.0, "kernel_change": 0.0}
    if not run.length[-1] < _FAR:
        return dict.fromkeys(("sigma_end", "length", "distance", "kernel_change"), math.nan)
    end = run.state()
    before, after = _kernel(start), _kernel(end)
    return {
        "sigma_end": jacobian_sigma_min(end).value,
        "length": float(run.length[-1]),
        "distance": math.hypot(float(np.linalg.norm(end.a - start.a)), float(np.linalg.norm(end.V - start.V))),
        "kernel_change": float(np.linalg.norm(after - before, 2) / np.linalg.norm(before, 2)),
    }


def _kernel(network: TwoLayer) -> Array:
    """J Jᵀ, shape (p, p) (`dip2.gram`)."""
    slopes = network.V * (network.activation.dphi(network.a) / math.sqrt(network.k))
    kernel = slopes @ slopes.T
    if network.train == "both":
        phi = network.activation.phi(network.a)
        kernel += float(phi @ phi) / network.k * np.eye(network.n)
    return np.asarray(kernel, dtype=np.float64)


def _flow(config: Config, problem: ReducedProblem, stop: float) -> tuple[str, float]:
    """How the flow ends, and when it reaches the loss `stop` (NaN if it does not)."""
    if not problem.activation.theory.smooth:
        return OUTSIDE, math.nan
    run = gradient_flow(
        problem,
        t_max=config.horizon,
        loss_stop=stop,
        times=(),
        rtol=_FLOW_RTOL,
        method="exponential",
        error_estimate=False,
        lengths=False,
        max_steps=_FLOW_STEPS,
    )
    return run.status, float(run.t[-1]) if run.status == "loss_stop" else math.nan


def resolve(config: Config) -> Config:
    """With the kernel of this machine."""
    found: Config = with_kernel(config, draw, antisymmetric=False)
    return found


EXPERIMENT = Kind(
    name="initialization",
    about="How initialization and activation decide convergence and its time",
    config=Config,
    record=Record,
    replica=replica,
    resolve=resolve,
    decided=("kernel",),
    summarize="verify.sweep.experiments.initialization_summary:summarize",
)
