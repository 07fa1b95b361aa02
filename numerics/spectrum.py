"""Smallest singular value of a p × k factor in floating point, with its accuracy: along a run, where certified bounds at
every stored time would cost more than they tell.

The Gram matrix is several times faster than the SVD but loses half of the digits: σ_min comes out with an error of about
eps·σ_max²/σ_min instead of eps·σ_max. So it is used where that error is negligible, and the SVD where it is not.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from numerics.bound import Bound, estimate

Array = NDArray[np.float64]

_EPS = float(np.finfo(np.float64).eps)
# Below this ratio σ_min/σ_max the Gram matrix would leave fewer than about eight correct digits.
_GRAM_RATIO = 1e-4


def smallest(S: Array) -> tuple[Bound, float]:
    """σ_min of S (p × k; 0 if k < p, in exact arithmetic) and an estimate of its error, which names the method in `how`.

    The error estimates are the usual backward-error bounds with the larger dimension as constant (Golub, Van Loan,
    Matrix Computations, 8.1 and 8.6); they are estimates, the certified counterpart is
    :func:`numerics.rigorous.sigma_min_lower`.

    >>> value, error = smallest(np.array([[3.0, 0.0, 0.0], [0.0, 4.0, 0.0]]))
    >>> value.value, error < 1e-13
    (3.0, True)
    """
    p, k = S.shape
    if k < p:
        return estimate(0.0, "fewer columns than rows"), 0.0
    if p * p * k >= 1_000_000:  # small factors go to the SVD at once
        eigenvalues = scipy.linalg.eigvalsh(S @ S.T, overwrite_a=True, check_finite=False)
        low, high = float(eigenvalues[0]), float(eigenvalues[-1])
        if low > _GRAM_RATIO**2 * high:
            sigma = math.sqrt(low)
            return estimate(sigma, "eigenvalues of the Gram matrix"), max(p, 64) * _EPS * high / sigma
    values = scipy.linalg.svdvals(S)
    return estimate(float(values[-1]), "singular value decomposition"), max(p, 64) * _EPS * float(values[0])
