"""W only: what the exact theory says of an instance before it is trained (`wonly.threshold`).

The hidden vector h = φ(a) never leaves the box ∏ φ(I_i), whatever moves a, so the loss never falls below the optimum over the
box; and the flow tends to that optimum.  Two answers that share nothing but the matrix: a certificate that y is, or is not, in
the image of the box, and the optimum itself in floating point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.linalg
import scipy.optimize
from numpy.typing import NDArray

from numerics.reduced import InnerLayer, ReducedProblem
from numerics.wonly import box, threshold

__all__ = ["Prediction", "Verdict", "box_optimum", "prediction"]

Array = NDArray[np.float64]
Verdict = Literal["feasible", "infeasible", "boundary", "none"]

# What the change to coordinates of the range may have added to the distance of y from it, relative to ‖y‖.
_RANGE_ROUNDING = 1e-12


@dataclass(frozen=True)
class Prediction:
    """What is proved of an instance.

    verdict: "feasible": y is the image of an interior point of the box: the flow reaches zero loss in the limit.
        "infeasible": no h of the box has a loss down to the level at which a run counts as converged, so no run of any kind
        gets there.  "boundary": neither is proved: y lies so close to the boundary of the image, on either side, that rounding
        or the positive level leave it open.  "none": both layers are trained, or the activation has no mirror map.
    margin: feasible: lower bound of the distance of an exact solution from the walls of the box in units of the halfwidth.
    gap: lower bound of the residual over the box, relative to the initial residual; 0 if feasible.
    """

    verdict: Verdict
    margin: float = math.nan
    gap: float = math.nan


def prediction(problem: ReducedProblem, tolerance: float) -> Prediction:
    """The verdict on least squares, W only, for runs that count as converged at `tolerance` times the initial loss.

    It is proved for the stored matrix B = C V̂/√k, as products in floating point left it.  More data than unknowns: decided in an
    orthonormal basis of the range of C, whose rounding is not enclosed.

    >>> from numerics.phase import Experiment, draw
    >>> narrow, wide = (draw(Experiment(6, 3, k, train="W"), np.random.default_rng(0)) for k in (2, 200))
    >>> prediction(narrow, 1e-7).verdict, prediction(wide, 1e-7).verdict
    ('infeasible', 'feasible')
    """
    system = problem.system()
    if not isinstance(system, InnerLayer) or not problem.activation.theory.smooth:
        return Prediction("none")
    lo, hi = box(problem.activation, problem.a0)
    B, y, outside = _in_range(problem, system.B)
    found = threshold(B, y, lo, hi)
    initial = float(np.linalg.norm(system.B @ problem.activation.phi(problem.a0) - problem.y))
    gap = math.hypot(found.inf_gap, outside) / initial
    # ½ gap² is a lower bound of loss over initial loss; the last digits of the division do not decide
    if gap * gap > tolerance * (1 + 1e-9):
        return Prediction("infeasible", gap=gap)
    if found.feasible and outside == 0:
        return Prediction("feasible", found.margin, 0.0)
    return Prediction("boundary", found.margin if found.feasible else math.nan, gap)


def box_optimum(problem: ReducedProblem) -> float:
    """min ½‖B h − y‖² over the closed box by an active set method; NaN if it does not end or there is no box.

    An estimate, exact up to rounding: nothing is certified, and no certificate is used.
    """
    system = problem.system()
    if not isinstance(system, InnerLayer) or not problem.activation.theory.smooth:
        return math.nan
    bounds = box(problem.activation, problem.a0)
    found = scipy.optimize.lsq_linear(
        system.B, problem.y, bounds, method="bvls", tol=1e-14, max_iter=10 * problem.k + 100
    )
    return float(found.cost) if found.success else math.nan


def _in_range(problem: ReducedProblem, B: Array) -> tuple[Array, Array, float]:
    """(B, y) with as many rows as the rank of the operator, and how far y is from its range, from below."""
    if problem.C.ndim == 1:
        return B, problem.y, 0.0
    Q, _ = scipy.linalg.qr(problem.C, mode="economic")
    inside = Q.T @ problem.y
    size = float(np.linalg.norm(problem.y))
    outside = float(np.linalg.norm(problem.y - Q @ inside))
    return Q.T @ B, inside, max(0.0, outside - _RANGE_ROUNDING * size)
