"""`solve_flow`: SciPy's `solve_ivp` for gradient flows, with every method of this project behind it.

:func:`numerics.flow.gradient_flow` is the same engine for two-layer networks, with lengths and error estimates along the
run; this is the plain door, for any gradient system and for comparing methods.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.exponential.piece import Piece
from numerics.gradient_system import GradientSystem, Settings
from numerics.integrator import integrate
from numerics.methods import METHODS, choose

__all__ = ["DenseFlow", "Solution", "solve_flow"]

Array = NDArray[np.float64]
_STATUS = {"t_max": 0, "loss_stop": 1, "stationary": 1}


@dataclass(frozen=True, eq=False)
class DenseFlow:
    """The displacement at any time of a run: its steps' own interpolants.  Memory: one V and one state a step."""

    ends: Array
    pieces: tuple[Piece, ...]
    size: int

    def __call__(self, t: ArrayLike) -> Array:
        """Displacements at times in [0, end]: shape (size,) for one, (size, N) for N, as SciPy has it."""
        times = np.atleast_1d(np.asarray(t, dtype=np.float64))
        end = float(self.ends[-1]) if self.ends.size else 0.0
        if times.size and not (times.min() >= 0 and times.max() <= end):
            raise ValueError(f"times from {times.min():.6g} to {times.max():.6g}; the run covers 0 <= t <= {end:.6g}")
        columns = [self._one(float(time)) for time in times]
        return columns[0] if np.ndim(t) == 0 else np.array(columns).T

    def _one(self, t: float) -> Array:
        if t == 0 or not self.pieces:
            return np.zeros(self.size)
        i = min(int(np.searchsorted(self.ends, t)), len(self.pieces) - 1)
        start = float(self.ends[i - 1]) if i else 0.0
        return self.pieces[i](min((t - start) / self.pieces[i].h, 1.0))


@dataclass(frozen=True, eq=False)
class Solution:
    """What SciPy's `OdeResult` has, and what is known of a gradient flow besides.

    t: (N,).  y: (size, N) displacements θ(t) − θ(0).  sol: :class:`DenseFlow`, or None.  t_events: residual level → time.
    loss, residual, error: (N,); `error` estimates ‖·‖ of the error of y from above (NaN without an error estimate).
    nfev, nsteps; method; status: 0 end of the interval, 1 an end condition was met, −1 stopped before; message; success.
    """

    t: Array
    y: Array
    sol: DenseFlow | None
    t_events: dict[float, float]
    loss: Array
    residual: Array
    error: Array
    nfev: int
    nsteps: int
    method: str
    status: int
    message: str
    success: bool = field(default=True)


def solve_flow(
    system: GradientSystem,
    t_span: tuple[float, float],
    *,
    method: str = "auto",
    t_eval: Sequence[float] | None = None,
    dense_output: bool = False,
    events: Sequence[float] = (),
    loss_stop: float = 0.0,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    max_steps: int | None = None,
    max_seconds: float | None = None,
    error_estimate: bool = False,
) -> Solution:
    """Integrate the gradient flow of `system` over t_span = (0, T).

    Parameters
    ----------
    system: a :class:`numerics.gradient_system.GradientSystem`, for instance `ReducedProblem(...).system()` or a world.
    method: "auto" or a name of :data:`numerics.methods.METHODS`.
    t_eval: times to store; None: a log grid.
    dense_output: keep the steps' interpolants (exponential method only): memory for one V and one state a step.
    events: residual norms whose first crossing, as seen at the ends of steps, is located inside the step.
    loss_stop: ends the run where the loss reaches it; then T may be infinite.
    rtol, atol: as in :func:`numerics.flow.gradient_flow`.

    Raises
    ------
    ValueError: t_span that does not begin at 0, settings out of range, a method that does not suit.

    >>> from numerics.worlds import Linear, Quadratic, World, least_squares
    >>> world = World(Quadratic([[2.0]], [[[0.0]]]), Linear([[1.0]]), least_squares(), [1.0])
    >>> found = solve_flow(world, (0.0, 1.0), dense_output=True)  # d(t) = (1 − exp(−4 t))/2
    >>> found.method, bool(abs(found.sol(0.3)[0] - (1 - np.exp(-1.2)) / 2) < 1e-9)
    ('exponential', True)
    """
    start, end = (float(t) for t in t_span)
    if start != 0 or not end > 0:
        raise ValueError(f"t_span = {tuple(t_span)}; a flow starts at 0 and runs forwards: give (0, T) with T > 0")
    times = None
    if t_eval is not None:
        times = [float(t) for t in t_eval]
        if any(not 0 <= t <= end for t in times):
            raise ValueError(f"t_eval must lie in [0, {end:.6g}]")
    settings = Settings(
        t_max=end, loss_stop=loss_stop, levels=events, times=times, rtol=rtol, atol=atol, max_steps=max_steps,
        max_seconds=max_seconds, error_estimate=error_estimate, method=method, lengths=False,
    )  # fmt: skip
    pieces: list[tuple[float, Piece]] = []
    watch: Callable[[float, Piece], None] | None = None
    if dense_output:
        if choose(system, settings) is not METHODS["exponential"]:
            raise ValueError("dense_output is offered by the exponential method; give t_eval for the times you need")

        def watch(t: float, piece: Piece) -> None:
            pieces.append((t, piece))

    run = integrate(system, settings, watch)
    sol = (
        DenseFlow(np.array([t for t, _ in pieces]), tuple(piece for _, piece in pieces), system.size)
        if dense_output
        else None
    )
    chosen = slice(None) if times is None else np.isin(run.t, times)
    status = _STATUS.get(run.status, -1)
    return Solution(
        run.t[chosen], run.displacement[chosen].T, sol, dict(run.events), run.loss[chosen], run.residual[chosen],
        run.error_theta[chosen], run.nfev, run.steps, run.method, status, run.message, status >= 0,
    )  # fmt: skip
