"""Who recovers a signal from moduli of its measurements: gradient descent, and an exhaustive search that cannot be beaten.

References
----------
.. [1] E. J. Candès, X. Li, M. Soltanolkotabi, "Phase retrieval via Wirtinger flow: theory and algorithms", IEEE Trans. Inform.
   Theory 61 (2015), 1985-2007 (intensities; spectral initialization).
.. [2] H. Zhang, Y. Zhou, Y. Liang, Y. Chi, "A nonconvex approach for phase retrieval: reshaped Wirtinger flow and incremental
   algorithms", J. Mach. Learn. Res. 18 (2017), 1-35 (moduli).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.injectivity.phase import LIMIT

__all__ = ["LOSSES", "STARTS", "best_fit", "descend", "spectral_start"]

Array = NDArray[np.float64]
Loss = Literal["amplitude", "intensity"]
LOSSES: tuple[Loss, ...] = ("amplitude", "intensity")
STARTS = ("spectral", "random")


def spectral_start(A: ArrayLike, y: ArrayLike) -> Array:
    """The leading eigenvector of sum y_i^2 a_i a_i', with the length sqrt(n) |y|/|A|_F that Gaussian rows suggest [1]_.

    A: (m, n), y: (m,), moduli.

    >>> spectral_start([[1.0, 0.0], [0.0, 1.0]], [2.0, 0.0]).round(12).tolist() in ([2.0, 0.0], [-2.0, 0.0])
    True
    """
    a, data = np.asarray(A, dtype=np.float64), np.asarray(y, dtype=np.float64)
    direction = np.linalg.eigh((a * (data * data)[:, None]).T @ a)[1][:, -1]
    return np.asarray(np.sqrt(a.shape[1]) * np.linalg.norm(data) / np.linalg.norm(a) * direction)


def descend(A: ArrayLike, y: ArrayLike, starts: ArrayLike, loss: Loss, steps: int) -> tuple[Array, Array]:
    """Gradient descent from every start: (signals, residuals ||A x| - y|), shapes (N, n) and (N,).

    A: (m, n), y: (m,), starts: (N, n).  loss "amplitude": ||A x| - y|^2/2, step 1/|A|^2, with which it never rises (a
    subgradient of [2]_, where a modulus is 0).  "intensity": |(A x)^2 - y^2|^2/4 [1]_, step 1/(3 |A|^2 R^2), R the largest
    of |y_i| and |A x|_i at the start: its Hessian A' diag(3 (A x)^2 - y^2) A is below |A|^2 3 R^2 while moduli stay
    below R.

    >>> x, residual = descend([[1.0], [2.0]], [3.0, 6.0], [[1.0]], "amplitude", 200)
    >>> round(float(x[0, 0]), 9), float(residual[0]) < 1e-8
    (3.0, True)
    """
    if loss not in LOSSES:
        raise ValueError(f"loss = {loss!r}; choose one of {', '.join(LOSSES)}")
    a, data, x = (np.array(values, dtype=np.float64) for values in (A, y, starts))
    norm = float(np.linalg.norm(a, 2))
    largest = np.maximum(np.abs(data).max(), np.abs(x @ a.T).max(axis=1, keepdims=True))
    size = float(np.linalg.norm(data)) or 1.0
    for count in range(steps):
        image = x @ a.T
        if loss == "amplitude":
            x -= (image - data * np.sign(image)) @ a / norm**2
        else:
            x -= (image * image - data * data) * image @ a / (3 * norm**2 * largest**2)
        if count % 50 == 49 and np.linalg.norm(np.abs(x @ a.T) - data, axis=1).min() < 1e-12 * size:
            break
    return x, np.asarray(np.linalg.norm(np.abs(x @ a.T) - data, axis=1))


def best_fit(A: ArrayLike, y: ArrayLike, limit: int = LIMIT) -> Array | None:
    """A global minimizer of ||A x| - y| over all x, shape (n,), by all signs of the data; None if m > limit.

    For y >= 0 the minimum over x of ||A x| - y| is that over signs and x of |A x - sign y|: a projection for each sign.
    (For y_i < 0 it is not; noisy moduli below 0 are best replaced by 0, which is nearer to every modulus.)  ValueError for
    a negative entry.

    >>> best_fit([[1.0], [2.0]], [3.0, 6.0]).round(12).tolist() in ([3.0], [-3.0])
    True
    """
    a, data = np.asarray(A, dtype=np.float64), np.asarray(y, dtype=np.float64)
    m = len(data)
    if (data < 0).any():
        raise ValueError("moduli are nonnegative: replace noisy ones below 0 by 0")
    if m > limit:
        return None
    masks = (np.arange(2 ** (m - 1))[:, None] >> np.arange(m)) & 1  # the last sign is fixed: -x is as good as x
    signed = (1.0 - 2.0 * masks) * data
    Q = np.linalg.qr(a)[0]
    missed = np.linalg.norm(signed - (signed @ Q) @ Q.T, axis=1)
    return np.asarray(np.linalg.lstsq(a, signed[int(np.argmin(missed))], rcond=None)[0])
