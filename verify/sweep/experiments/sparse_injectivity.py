"""Sparse signals: how injective the operator is on them, who recovers them, and what happens as injectivity fails.

A replica draws A and an s-sparse signal, encloses three constants (all pairs of s-sparse signals; s-sparse signals against
this one; the l1 ball against this one: :mod:`numerics.injectivity`), and recovers by l1 minimization, by the best s-sparse
fit, and by gradient flow of two-layer networks, W only and both layers, which know nothing of sparsity
(`recover.no_prior`).  Errors stand beside their bound (|A x - y| + |eps|)/mu (`recover.linear`; both estimators lie in the
set that their constant is of).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numerics.activations import activation
from numerics.compile import enclose
from numerics.door import integer, number
from numerics.flow import gradient_flow, signal
from numerics.initialization import Train, initialize
from numerics.injectivity import (
    best_sparse_fit,
    conic_injectivity,
    dual_vectors,
    l1_minimizer,
    sparse_injectivity,
    sparse_injectivity_at,
)
from numerics.losses import loss
from numerics.networks.two_layer import TwoLayer
from numerics.reduced import ReducedProblem
from numerics.rigorous import matvec, norm_upper
from verify.sweep.kind import Kind

__all__ = ["EXPERIMENT", "LAWS", "Config", "Record", "draw"]

Array = NDArray[np.float64]

LAWS = ("gaussian", "rademacher")
"""Of the entries of A, independent with variance 1/m."""

_FIT = 1e-4  # without noise a network is trained to this relative residual, with noise to the noise level
_LONGEST, _MOST = 1e8, 400  # flow time, steps
# What is below is rounding, which differs between machines: recorded as 0 (errors, lower ends), or as this (upper ends).
_NOUGHT, _LEAST_LOWER = 1e-9, 1e-4


@dataclass(frozen=True)
class Config:
    """n entries of the signal, s of them not zero and N(0, 1); m measurements with entries of variance 1/m.

    noise: |eps|/|A xbar|.  k: width of the networks (even, 0: none).  tolerance: relative error that counts as recovery.
    limit: supports that are looked at, all of them or by a search; with more of them the constants are bounded.
    """

    n: int
    m: int
    s: int
    law: str = "gaussian"
    noise: float = 0.0
    k: int = 0
    tolerance: float = 1e-4
    limit: int = 20_000

    def __post_init__(self) -> None:
        for name in ("n", "m", "s", "limit"):
            integer(name, getattr(self, name), 1)
        if self.s > self.n:
            raise ValueError(f"s = {self.s} nonzero entries of a signal of n = {self.n}")
        if integer("k", self.k, 0) % 2:
            raise ValueError(f"k = {self.k}; neurons come in pairs (x(0) = 0), so the width is even, 0 for no network")
        if self.law not in LAWS:
            raise ValueError(f"law = {self.law!r}; choose one of {', '.join(LAWS)}")
        for name in ("noise", "tolerance"):
            number(name, getattr(self, name))
        if not 0 <= self.noise < math.inf:
            raise ValueError(f"noise = {self.noise}; it is relative to the data, and nonnegative")
        if not 0 < self.tolerance < 1:
            raise ValueError(f"tolerance = {self.tolerance}; it is a relative error between 0 and 1")


@dataclass(frozen=True)
class Record:
    """One instance. Errors and bounds are relative to |xbar|; NaN where there is none. Errors below 1e-9 are recorded as 0,
    lower ends below 1e-4 as 0, upper ends below 1e-9 as 1e-9.

    pairs_low, pairs_high    the constant over all pairs of s-sparse signals
    mu_low, mu_high          of s-sparse signals against xbar
    cone_low, cone_high      of {|x|_1 <= |xbar|_1} against xbar; a positive lower end proves recovery by l1
    theta                    least max |v_j| off the support over dual vectors v (floating point; inf: none)
    l1, sparse, W, both      whether recovered: by l1 minimization, best s-sparse fit, network with W only, with both layers
    *_error                  their errors
    *_bound                  `recover.linear` with the lower end of the constant (inf for 0), with noise
    unseen                   |P xbar|/|xbar|, P the projection on the kernel of A: the error of the shortest solution
    """

    pairs_low: float
    pairs_high: float
    mu_low: float
    mu_high: float
    cone_low: float
    cone_high: float
    theta: float
    l1: bool
    l1_error: float
    l1_bound: float
    sparse: bool
    sparse_error: float
    sparse_bound: float
    W: bool
    W_error: float
    both: bool
    both_error: float
    unseen: float


def draw(config: Config, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """(A, xbar, eps)."""
    n, m = config.n, config.m
    operator, truth, noise = rng.spawn(3)
    entries = (
        operator.standard_normal((m, n)) if config.law == "gaussian" else 2.0 * operator.integers(0, 2, (m, n)) - 1
    )
    x = np.zeros(n)
    x[truth.choice(n, config.s, replace=False)] = truth.standard_normal(config.s)
    A: Array = np.asarray(entries / math.sqrt(m))
    eps = noise.standard_normal(m)
    eps *= config.noise * float(np.linalg.norm(A @ x)) / float(np.linalg.norm(eps))
    return A, x, eps


def replica(config: Config, rng: np.random.Generator) -> Record:
    """Draw, enclose, recover."""
    data, network = rng.spawn(2)
    A, x, eps = draw(config, data)
    y, size = A @ x + eps, float(np.linalg.norm(x))
    pairs = sparse_injectivity(A, config.s, config.limit)
    mu = sparse_injectivity_at(A, x, config.s, config.limit)
    cone = conic_injectivity(A, x)
    duals = dual_vectors(A, x)
    by_l1 = l1_minimizer(A, y, float(np.abs(eps).max()))
    by_fit = best_sparse_fit(A, y, config.s, config.limit)

    def error(found: Array | None) -> float:
        return math.nan if found is None else _seen(float(np.linalg.norm(found - x)) / size)

    def bound(found: Array | None, low: float) -> float:
        return math.nan if found is None or not config.noise else _recovery_bound(A, y, found, eps, low) / size

    errors = {"l1": error(by_l1), "sparse": error(by_fit), "W": math.nan, "both": math.nan}
    _, _, rows = np.linalg.svd(A, full_matrices=False)
    if config.k:
        ways: tuple[Train, ...] = ("W", "both")
        for train, stream in zip(ways, network.spawn(2), strict=True):
            errors[train] = error(_by_network(A, y, float(np.linalg.norm(eps)), config.k, train, stream))
    ends: dict[str, Any] = {}
    for name, found in (("pairs", pairs), ("mu", mu), ("cone", cone)):
        ends[f"{name}_low"] = found.lower.value if found.lower.value >= _LEAST_LOWER else 0.0
        ends[f"{name}_high"] = max(found.upper.value, _NOUGHT) if found.upper.value > 0 else 0.0
    success: dict[str, Any] = {name: bool(value <= config.tolerance) for name, value in errors.items()}
    named: dict[str, Any] = {f"{name}_error": value for name, value in errors.items()}
    return Record(
        **ends,
        theta=_seen(duals[-1][1]) if duals else math.inf,
        l1_bound=bound(by_l1, ends["cone_low"]),
        sparse_bound=bound(by_fit, ends["mu_low"]),
        unseen=_seen(float(np.linalg.norm(x - rows.T @ (rows @ x))) / size),
        **success,
        **named,
    )


def _seen(value: float) -> float:
    return 0.0 if value < _NOUGHT else value


def _recovery_bound(A: Array, y: Array, x: Array, eps: Array, mu: float) -> float:
    """`recover.linear` from the residual, for xbar in the set (dist = 0); inf for mu = 0."""
    if mu == 0:
        return math.inf
    value, error = matvec(A, x)
    gap = np.abs(value - y)
    residual = norm_upper(np.nextafter(np.nextafter(gap, np.inf) + error, np.inf))
    # y = A xbar + eps was rounded too: at most a few units of each entry, which joins the noise
    rounding = norm_upper(8 * A.shape[1] * 2.0**-53 * (np.abs(A) @ np.abs(x) + np.abs(y)))
    given = {"residual": residual, "eps": norm_upper(eps) + rounding, "A_norm": 0.0, "dist": 0.0, "mu": mu}
    return float(enclose("recover.linear", "bound_of_residual", given).upper)


def _by_network(A: Array, y: Array, noise: float, k: int, train: Train, rng: np.random.Generator) -> Array:
    """Signal of a two-layer network (tanh, Gaussian V, x(0) = 0) once the flow has fitted the data to the noise level."""
    a0, V0 = initialize(A.shape[1], k, rng, train=train, V="gaussian", antisymmetric=True)
    network = TwoLayer(activation("tanh"), train, a0, V0)
    left, s, right = np.linalg.svd(A, full_matrices=False)
    basis = np.ascontiguousarray(right.T)
    problem = ReducedProblem.restrict(network, left * s, basis, y, loss("least_squares"))
    run = gradient_flow(
        problem,
        t_max=_LONGEST,
        loss_stop=0.5 * max(noise, _FIT * float(np.linalg.norm(y))) ** 2,
        times=(),
        rtol=1e-5,
        max_steps=_MOST,
        method="exponential",
        error_estimate=False,
        lengths=False,
    )
    return signal(run, len(run) - 1, network, basis)


EXPERIMENT = Kind(
    name="sparse_injectivity",
    about="Restricted injectivity and recovery of sparse signals",
    config=Config,
    record=Record,
    replica=replica,
    summarize="verify.sweep.experiments.sparse_injectivity_summary:summarize",
)
