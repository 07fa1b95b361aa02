"""What a simulated gradient flow leaves behind: stored states, path lengths, errors, events; the signal along it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from numerics.integrator import Run
from numerics.networks.two_layer import TwoLayer
from numerics.reduced import ReducedProblem

Array = NDArray[np.float64]
_CONSERVATION_SAMPLES = 16


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A gradient flow at N stored times.

    Attributes
    ----------
    problem: what was integrated.
    t: shape (N,), from 0 to the end of the run.
    a: shape (N, k).  V: shape (N, p, k), or None for W only, where it stays `problem.V0`.
    loss, rho, residual: L, ψ(L) and ‖v − y‖, shape (N,).
    length, length_a: ℓ = ∫‖θ̇‖ and ℓ_a = ∫‖ȧ‖, shape (N,).  distance: ‖θ(t) − θ(0)‖, shape (N,).
    error_theta, error_length, error_residual: estimates, from above, of the error of θ(t) (Euclidean norm; it covers
        `distance` too), of both lengths, and of v(t) (hence of `residual`), shape (N,); NaN where they are not known
        (no error estimate asked for, or no time left for it).  See :mod:`numerics.integrator`.
    events: residual level → first time at which ‖v − y‖ ≤ level; event_errors: level → estimate of its error.
    status: "loss_stop", "t_max", "stationary", "max_seconds", "max_steps", "interrupted" or "failed"; message: the same in words.
    method: name of the integration method (:data:`numerics.methods.METHODS`).
    nfev, steps: evaluations of the gradient (companion run included), accepted steps.
    """

    problem: ReducedProblem
    t: Array
    a: Array
    V: Array | None
    loss: Array
    rho: Array
    residual: Array
    length: Array
    length_a: Array
    distance: Array
    error_theta: Array
    error_length: Array
    error_residual: Array
    events: Mapping[float, float]
    event_errors: Mapping[float, float]
    status: str
    message: str
    nfev: int
    steps: int
    method: str = ""

    @cached_property
    def conserved_drift(self) -> float | None:
        """Max over neurons and stored times of the change of ‖v̂_i‖²/2 − G(a_i), which the exact flow keeps
        (`dip2.conservation`); None for W only and for ReLU, which has no G.  Computed when first asked for.
        """
        return None if self.V is None else _drift(self.problem, self.a, self.V)

    def __len__(self) -> int:
        return int(self.t.size)

    def state(self, i: int) -> TwoLayer:
        """The reduced network (a(t_i), V̂(t_i)), V̂ of shape (p, k)."""
        V = self.problem.V0 if self.V is None else np.ascontiguousarray(self.V[i])
        return TwoLayer(self.problem.activation, self.problem.train, np.ascontiguousarray(self.a[i]), V)


def from_run(problem: ReducedProblem, run: Run) -> Trajectory:
    """Read a run of `problem.system()`; the displacements are turned into states in place, without a copy."""
    k = problem.k
    distance = np.linalg.norm(run.displacement, axis=1)
    states = run.displacement
    states[:, :k] += problem.a0
    V = None
    if problem.train == "both":
        V = states[:, k:].reshape(len(run.t), problem.p, k)
        V += problem.V0
    a = states[:, :k]
    return Trajectory(
        problem=problem,
        t=run.t,
        a=a,
        V=V,
        loss=run.loss,
        rho=run.rho,
        residual=run.residual,
        length=run.length,
        length_a=run.length_a,
        distance=distance,
        error_theta=run.error_theta,
        error_length=run.error_length,
        error_residual=run.error_residual,
        events=run.events,
        event_errors=run.event_errors,
        status=run.status,
        message=run.message,
        nfev=run.nfev,
        steps=run.steps,
        method=run.method,
    )


def _drift(problem: ReducedProblem, a: Array, V: Array) -> float | None:
    """Change of the conserved quantities at up to 16 stored times, the last one included."""
    if not problem.activation.theory.smooth:
        return None
    count = min(len(a), _CONSERVATION_SAMPLES)
    chosen = np.unique(np.linspace(0, len(a) - 1, count).round().astype(int))

    def quantity(i: int) -> Array:
        return 0.5 * np.einsum("ij,ij->j", V[i], V[i]) - problem.activation.G(a[i])

    with np.errstate(over="ignore", invalid="ignore"):  # G overflows in saturated neurons: they are passed over
        first = quantity(0)
        moved = np.abs(np.array([quantity(i) - first for i in chosen]))
    return float(np.max(moved[np.isfinite(moved)], initial=0.0)) if np.isfinite(moved).any() else None


def signal(trajectory: Trajectory, i: int, network: TwoLayer, U: Array | None = None) -> Array:
    """g(θ(t_i)) ∈ R^n from the reduced state, exactly: [V0 + U(V̂(t_i) − V̂(0))] φ(a(t_i))/√k.

    Parameters
    ----------
    trajectory: of the reduced problem.
    i: index of a stored time.
    network: the full network at θ(0), whose V0 (n × k) keeps its part outside Im Tᵀ.
    U: shape (n, p), the basis that the problem was restricted with; None if it was not (p = n).

    Returns
    -------
    shape (n,).  Synthesis and output scale are applied by the caller: x = S (s g).
    """
    p = trajectory.problem.p
    if network.k != trajectory.problem.k or (network.n != p if U is None else U.shape != (network.n, p)):
        shape = None if U is None else U.shape
        raise ValueError(
            f"network (n = {network.n}, k = {network.k}) and U {shape} do not fit V̂ ({p} × {trajectory.problem.k})"
        )
    hidden = trajectory.problem.activation.phi(trajectory.a[i]) / math.sqrt(network.k)
    value = network.V @ hidden
    if trajectory.V is not None:
        moved = (trajectory.V[i] - trajectory.problem.V0) @ hidden
        value += moved if U is None else U @ moved
    return value
