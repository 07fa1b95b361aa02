"""What the theorems promise of one start, before anything runs.

All bounds hold for the doubles of the reduced problem taken exactly, which are those that are simulated: σ_min from a
verified factorization, Λ and ρ(0) rounded upward, the formulas of the theory enclosed by Arb.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numerics.amgm import dual
from numerics.balanced import balanced, gaps
from numerics.compile import enclose
from numerics.networks.two_layer import TwoLayer
from numerics.reduced import InnerLayer, ReducedProblem
from numerics.wonly import box, threshold
from verify.constants import loss_upper, misfit_upper

__all__ = ["OUTSIDE", "Promise", "promised"]

Array = NDArray[np.float64]

OUTSIDE = "outside"
"""What a record says of an activation to which no theorem applies."""

# A neuron without a closed form of G costs a quadrature with balls, for GELU a quarter of a second: one is enough to certify.
_QUADRATURES = 1
# Seconds granted to a linear program that takes milliseconds: only so that a broken one ends.
_PROGRAM = 600.0
_DOWN = 1 - 1e-12


@dataclass(frozen=True)
class Promise:
    """What is known of a start.

    theory: "certified" (a theorem promises zero loss); "impossible" (W only): y is so far outside of what the box can produce
        that the flow never comes down to the level that was asked about; "open"; or "outside" the assumptions.
    sharp, amgm, balanced: which theorems certify it.
    threshold: "feasible", "infeasible", "undecided" (W only, `wonly.threshold`), "" otherwise.
    time_bound: time by which the flow has converged for certain, the smallest of the theorems; NaN without one.
    rho_0: upper bound of ‖y(0) − y‖.  sigma_F: smallest singular value of the operator.
    """

    theory: str
    sharp: bool
    amgm: bool
    balanced: bool
    threshold: str
    time_bound: float
    rho_0: float
    sigma_F: float


def promised(problem: ReducedProblem, level: float) -> Promise:
    """Which theorems promise zero loss, and from which time on ‖y(t) − y‖ ≤ `level` is certain.

    `problem` is in diagonal form (C of shape (p,), positive) with least squares: so y is in the range of the operator.
    """
    if problem.C.ndim != 1 or not np.all(problem.C > 0) or problem.loss.name != "least_squares":
        raise ValueError("promises are about least squares with a positive diagonal operator")
    network = TwoLayer(problem.activation, problem.train, problem.a0, problem.V0)
    _, rho_0 = misfit_upper(np.diag(problem.C), problem, network)
    sigma_F = float(np.min(problem.C))
    if not problem.activation.theory.smooth:
        return Promise(OUTSIDE, False, False, False, "", math.nan, rho_0, sigma_F)
    given = {"sigma_F": sigma_F, "rho_0": rho_0, "loss_0": loss_upper(rho_0, 1.0), "eps": level * _DOWN, "w_min": 1.0}
    times = {name: _time_of_hidden(problem, given, s) for name, s in _hidden_floors(problem, network, given)}
    sharp = _sharp(problem, network, given)
    if sharp is not None:
        times["sharp"] = sharp
    decided, floor = _threshold(problem) if problem.train == "W" else ("", 0.0)
    theory = "certified" if times or decided == "feasible" else "impossible" if floor > level else "open"
    return Promise(
        theory,
        "sharp" in times,
        "amgm" in times,
        "balanced" in times,
        decided,
        min(times.values(), default=math.nan),
        rho_0,
        sigma_F,
    )


def _sharp(problem: ReducedProblem, network: TwoLayer, given: dict[str, float]) -> float | None:
    """The stopping time of `sharp.stop` where h < ½ (`sharp.condition`), from above."""
    sigma_0 = network.sigma_min().as_lower()
    if not sigma_0 > 0:
        return None
    values = {**given, "sigma_0": sigma_0, "Lambda": network.modulus().as_upper()}
    if not enclose("sharp.condition", "h", _only(values, "Lambda", "rho_0", "sigma_F", "sigma_0")).upper < 0.5:
        return None
    names = ("Lambda", "rho_0", "sigma_F", "sigma_0", "eps", "w_min")
    return enclose("sharp.stop", "t_star", _only(values, *names), kl=problem.loss.kl).upper


def _hidden_floors(problem: ReducedProblem, network: TwoLayer, given: dict[str, float]) -> Iterator[tuple[str, float]]:
    """Lower bounds s_* of the hidden norm for all time, by theorem (`dip2.amgm`, `dip2.balanced`): both layers."""
    if network.train != "both":
        return
    found = dual(network.activation, network.a, given["rho_0"], given["sigma_F"])
    if found.certified:
        yield "amgm", found.s_star
    norms = network.column_norms()
    chosen = np.arange(network.k)
    if network.activation.theory.G is None:  # of the neurons with a gap those whose v_i can move them least
        gap = gaps(network.activation, network.a, norms)
        chosen = np.array([i for i in np.argsort(norms, kind="stable") if gap[i] > 0][:_QUADRATURES], dtype=np.int64)
    if chosen.size:
        kept = balanced(network.activation, network.a[chosen], norms[chosen])
        if kept.certified:  # ‖φ(a)‖² is at least the sum over the neurons chosen
            yield "balanced", kept.s_star * math.sqrt(chosen.size / network.k) * _DOWN


def _time_of_hidden(problem: ReducedProblem, given: dict[str, float], s_star: float) -> float:
    """Time from which the residual is below the level, from above, given ‖φ(a(t))‖/√k ≥ s_star (`dip2.amgm`)."""
    values = _only({**given, "s_star": s_star}, "sigma_F", "s_star", "eps", "loss_0", "w_min")
    return enclose("dip2.amgm", "t_stop", values, kl=problem.loss.kl).upper


def _threshold(problem: ReducedProblem) -> tuple[str, float]:
    """`wonly.threshold` for the matrix B that the flow uses, and what the residual can never be below (0 if not infeasible)."""
    system = problem.system()
    assert isinstance(system, InnerLayer)
    low, high = box(problem.activation, problem.a0)
    found = threshold(system.B, problem.y, low, high, time_limit=_PROGRAM)
    word = "undecided" if found.feasible is None else "feasible" if found.feasible else "infeasible"
    return word, found.inf_gap


def _only(values: dict[str, float], *names: str) -> dict[str, float]:
    return {name: values[name] for name in names}
