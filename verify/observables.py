"""What a run shows: every quantity that some statement bounds, at the stored times, each with its error budget.

The budgets come from the integrator's error estimate of the parameters, carried to each quantity by the Lipschitz
constants of the network (so that a quantity cannot be known better than the parameters it is made of), plus rounding.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numerics.networks.two_layer import TwoLayer
from numerics.spectrum import jacobian_sigma_min, largest_singular_value
from numerics.trajectory import Trajectory

from .instance import Instance

Floats = NDArray[np.float64]

_EPS = float(np.finfo(np.float64).eps)
# σ_min is a Gram matrix of a p × k factor: on large problems it is taken at fewer times than the rest, such that the work
# stays below this many multiply-adds in all, about two seconds.
_SIGMA_BUDGET = 7.5e10


@dataclass(frozen=True)
class Series:
    """One quantity along a run: times, values and error budgets, arrays of one shape (N,)."""

    name: str
    meaning: str
    t: Floats
    value: Floats
    budget: Floats

    def __post_init__(self) -> None:
        if not (self.t.shape == self.value.shape == self.budget.shape):
            raise ValueError(f"{self.name}: times, values and budgets must have one shape")


@dataclass(frozen=True)
class Observables(Mapping[str, Series]):
    """All series of a run by name; iteration in the order in which they are reported."""

    series: dict[str, Series]

    def __getitem__(self, name: str) -> Series:
        return self.series[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.series)

    def __len__(self) -> int:
        return len(self.series)


def sigma_times(n_stored: int, p: int, k: int) -> NDArray[np.int64]:
    """Indices of the stored times at which σ_min is computed: all if that is cheap, else evenly spread."""
    affordable = int(_SIGMA_BUDGET / max(1.0, float(p) * p * k))
    count = max(2, min(n_stored, max(8, affordable)))
    return np.unique(np.linspace(0, n_stored - 1, count).round().astype(np.int64))


def observe(instance: Instance, trajectory: Trajectory) -> Observables:
    """Series of a finished run.

    rho, residual, obs_error (‖y(t) − ȳ‖, noise known), length, length_a, tail_length (ℓ(T) − ℓ(t): the part of the path
    after t that the run has seen), distance (‖θ(t) − θ(0)‖), hidden (‖φ(a)‖/√k), sigma (σ_min(UᵀJ_g)), signal_error
    (‖x(t) − x̄‖, truth known), unseen_error (‖(I − RA)(x(t) − x̄)‖, `recover.split`).
    """
    problem, constants = instance.problem, instance.constants
    t = trajectory.t
    out: dict[str, Series] = {}

    def add(name: str, meaning: str, value: Floats, budget: Floats, at: Floats = t) -> None:
        out[name] = Series(name, meaning, at, np.asarray(value, dtype=float), np.asarray(budget, dtype=float))

    e_theta, e_length, e_residual = _known(trajectory)
    k = problem.network.k
    hidden_values = np.asarray(problem.network.activation.phi(trajectory.a)) / math.sqrt(k)

    # ρ = ‖Γ^{-1/2} r‖/√w_min is Lipschitz in r with √(w_max/w_min), 1 for least squares.
    weights = problem.loss.weights
    stretch = 1.0 if weights is None else float(np.sqrt(weights.max() / weights.min()))
    add("rho", "ρ(t) = ψ(loss)", trajectory.rho, stretch * e_residual)
    add("residual", "‖y(t) − y‖", trajectory.residual, e_residual)
    if problem.noise is not None:
        clean = problem.y - problem.noise
        reduced = instance.reduced
        outputs = _outputs(trajectory, hidden_values)
        add("obs_error", "‖y(t) − ȳ‖", np.linalg.norm(outputs @ reduced.C.T - clean, axis=1), e_residual)
    add("length", "ℓ(t)", trajectory.length, e_length)
    if problem.network.train == "both":
        add("length_a", "ℓ_a(t)", trajectory.length_a, e_length)
    total = trajectory.length[-1]
    add("tail_length", "ℓ(T) − ℓ(t)", total - trajectory.length, e_length + e_length[-1] + 4 * _EPS * total)
    add("distance", "‖θ(t) − θ(0)‖", trajectory.distance, e_theta)

    b1 = constants["B1"].as_upper()
    hidden = np.linalg.norm(hidden_values, axis=1)
    add("hidden", "‖φ(a(t))‖/√k", hidden, b1 * e_theta / np.sqrt(k) + 8 * _EPS * np.sqrt(k) * hidden)

    index = sigma_times(len(t), trajectory.problem.p, k)
    found = [jacobian_sigma_min(trajectory.state(i)) for i in index]
    sigma = np.array([one.value for one in found])
    sigma_error = np.array([one.error for one in found])
    # Weyl: σ_min moves by at most the motion of the Jacobian, Lip per unit of motion of the parameters.
    lip, full_lip = _lipschitz(instance, trajectory)
    add("sigma", "σ_min(UᵀJ_g(t))", sigma, _product(lip, e_theta[index]) + sigma_error, t[index])

    if problem.truth is not None:
        errors, unseen = _signal_errors(instance, trajectory, hidden_values)
        # what g is the sum of: rounding is a few ulp of it, also where the terms cancel
        terms = (float(np.linalg.norm(problem.network.V)) + trajectory.distance) * hidden * instance.signal_norm_bound
        # x moves by at most ‖sS‖ sup‖J_g‖ per unit of motion of the parameters
        reach = float(np.max(trajectory.distance))
        slope = instance.signal_norm_bound * (_jacobian_norm(problem.network) + full_lip * reach)
        move = _product(slope, e_theta) + 64 * _EPS * (float(np.linalg.norm(problem.truth)) + errors)
        move += 4 * _EPS * terms
        add("signal_error", "‖x(t) − x̄‖", errors, move)
        add("unseen_error", "‖(I − RA)(x(t) − x̄)‖", unseen, instance.unseen_norm * move)
    return Observables(out)


def _outputs(trajectory: Trajectory, hidden: Floats) -> Floats:
    """V̂(t) φ(a(t))/√k at all stored times, shape (N, p), from hidden = φ(a)/√k of shape (N, k)."""
    if trajectory.V is None:
        return hidden @ trajectory.problem.V0.T
    return np.matmul(trajectory.V, hidden[:, :, None])[:, :, 0]


def _signal_errors(instance: Instance, trajectory: Trajectory, hidden: Floats) -> tuple[Floats, Floats]:
    """‖x(t) − x̄‖ and ‖(I − RA)(x(t) − x̄)‖ at all stored times, each of shape (N,).

    W only: all outputs V0 φ(a(t))/√k in one product, which reads V0 (n × k) once instead of N times.
    """
    truth = instance.problem.truth
    assert truth is not None
    at_once = hidden @ instance.problem.network.V.T if trajectory.V is None else None
    errors, unseen = np.empty(len(hidden)), np.empty(len(hidden))
    for i in range(len(hidden)):
        x = instance.signal(trajectory, i) if at_once is None else instance.to_signal(at_once[i])
        errors[i] = np.linalg.norm(x - truth)
        unseen[i] = np.linalg.norm(instance.unseen(x - truth))
    return errors, unseen


def _jacobian_norm(network: TwoLayer) -> float:
    """‖J_g‖ of the whole network, from above except with a probability that :func:`largest_singular_value` states.

    It scales an error that is an estimate itself; the certified norm costs a Gram matrix of order n and its eigenvalues.
    """
    root = math.sqrt(network.k)
    slopes = network.activation.dphi(network.a) / root
    largest = largest_singular_value(lambda z: network.V @ (slopes * z), lambda x: slopes * (x @ network.V), network.n)
    f = float(np.linalg.norm(network.activation.phi(network.a))) / root if network.train == "both" else 0.0
    return math.hypot(f, largest)


def _lipschitz(instance: Instance, trajectory: Trajectory) -> tuple[float, float]:
    """Lipschitz constants, restricted and whole, of the Jacobian on the ball that the run has visited; ∞ if there is none."""
    if "Lambda" not in instance.constants:
        return math.inf, math.inf
    reach = float(np.max(trajectory.distance))
    problem = instance.problem
    return problem.network.lipschitz(reach, instance.U, problem.svd.sin_angle).as_upper(), instance.full_lipschitz(
        reach
    )


def _product(factor: float, errors: Floats) -> Floats:
    """factor·errors with 0·∞ = ∞: an error that is not known stays so."""
    unknown = np.isinf(errors) | math.isinf(factor)
    return np.where(unknown, np.inf, (0.0 if math.isinf(factor) else factor) * np.where(unknown, 0.0, errors))


def _known(trajectory: Trajectory) -> tuple[Floats, Floats, Floats]:
    """The error estimates, infinite where the integrator could not give one: nothing is decided there."""
    return tuple(
        np.where(np.isnan(error), np.inf, error)
        for error in (trajectory.error_theta, trajectory.error_length, trajectory.error_residual)
    )  # type: ignore[return-value]
