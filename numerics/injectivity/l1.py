"""l1 minimization as linear programs: the signal of least l1 norm that explains the data, and the dual that proves it.

References
----------
.. [1] S. S. Chen, D. L. Donoho, M. A. Saunders, "Atomic decomposition by basis pursuit", SIAM Review 43 (2001), 129-159.
.. [2] J.-J. Fuchs, "On sparse representations in arbitrary redundant bases", IEEE Trans. Inform. Theory 50 (2004), 1341-1344.
.. [3] Q. Huangfu, J. A. J. Hall, "Parallelizing the dual revised simplex method", Math. Program. Comput. 10 (2018), 119-142
   (HiGHS).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linprog

__all__ = ["basis_pursuit", "dual_vectors", "l1_minimizer"]

Array = NDArray[np.float64]


def basis_pursuit(A: ArrayLike, y: ArrayLike) -> Array | None:
    """argmin |x|_1 over A x = y [1]_, to the accuracy of HiGHS (1e-7 in the constraints, mostly far better).

    A: (m, n), y: (m,). None where the solver finds no solution (for example y outside the range of A).

    >>> basis_pursuit([[1.0, 2.0]], [2.0]).round(9).tolist()
    [0.0, 1.0]
    """
    return l1_minimizer(A, y, 0.0)


def l1_minimizer(A: ArrayLike, y: ArrayLike, noise: float) -> Array | None:
    """argmin |x|_1 over |A x - y|_inf <= noise: where the noise is within that, no longer than the truth in the l1 norm.

    >>> np.abs(l1_minimizer(np.eye(2), [2.0, 0.5], 0.5)).round(9).tolist()
    [1.5, 0.0]
    """
    a, data = np.asarray(A, dtype=np.float64), np.asarray(y, dtype=np.float64)
    both, ones = np.hstack([a, -a]), np.ones(2 * a.shape[1])
    if noise > 0:
        found = linprog(ones, A_ub=np.vstack([both, -both]), b_ub=np.concatenate([data + noise, noise - data]))
    else:
        found = linprog(ones, A_eq=both, b_eq=data)
    if found.x is None:
        return None
    plus, minus = np.split(found.x, 2)
    return np.asarray(plus - minus)


def dual_vectors(A: ArrayLike, x: ArrayLike) -> list[tuple[Array, float]]:
    """Vectors q with (A'q)_i = sign x_i on the support S of x, each with its largest |(A'q)_j| off S, best last.

    Where the last is below 1 and A_S is injective, x is the only vector of its l1 norm or less with its data [2]_; where it is
    above, or there is no q at all, it is not. The last solves a linear program for the least such number, the first is the
    shortest q, others lie between.  Floating point: :func:`numerics.injectivity.cone.conic_injectivity` proves.
    """
    a, xbar = np.asarray(A, dtype=np.float64), np.asarray(x, dtype=np.float64)
    m = a.shape[0]
    on = xbar != 0
    sign, inside, off = np.sign(xbar[on]), a[:, on], a[:, ~on]
    if not off.shape[1] or not inside.shape[1] or m < inside.shape[1]:
        return []
    shortest = np.linalg.pinv(inside.T) @ sign
    ones = np.ones((off.shape[1], 1))
    found = linprog(
        np.r_[np.zeros(m), 1.0],
        A_ub=np.vstack([np.hstack([off.T, -ones]), np.hstack([-off.T, -ones])]),
        b_ub=np.zeros(2 * off.shape[1]),
        A_eq=np.hstack([inside.T, np.zeros((len(sign), 1))]),
        b_eq=sign,
        bounds=[(None, None)] * m + [(0, None)],
    )
    if found.x is None:
        return []
    best = found.x[:m]
    # the program meets its equations to 1e-9 or so; the projection to rounding
    best = best + np.linalg.pinv(inside.T) @ (sign - inside.T @ best)
    vectors = [shortest + t * (best - shortest) for t in np.linspace(0.0, 1.0, 9)]
    return [(q, float(np.abs(off.T @ q).max(initial=-math.inf))) for q in vectors]
