"""σ_min of a factor S (p × k), shifted or not: which route, in which direction, with which error."""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from numerics.bound import Bound, estimate, lower, upper
from numerics.rigorous import down, matmul_error, norm_lower, norm_upper, sigma_min_lower, up
from numerics.spectrum import dense
from numerics.spectrum.lanczos import extreme, operator_products
from numerics.spectrum.record import Smallest

Array = NDArray[np.float64]
Method = Literal["auto", "gram", "svd", "lanczos"]

_EPS = float(np.finfo(np.float64).eps)
#: Beyond this order "auto" is Lanczos: a hundred passes over S at the speed of memory (12 GB/s) cost less than p²k
#: operations (50 GFlop/s), and the Gram matrix and its Cholesky factor would take a gigabyte.
_TOO_LARGE = 8_000
# Lanczos: numbers in the basis (half a gigabyte at the most), and how often it may start again.
_BASIS, _LONGEST, _RESTARTS = 6e7, 400, 4


def smallest_singular_value(
    S: Any, *, shift: float = 0.0, certify: bool = False, method: Method = "auto", rtol: float = 1e-8
) -> Smallest:
    """The smallest of the p singular values of [S, shift·I]: hypot(shift, σ_min(S)), σ_min(S) = 0 where k < p.

    Parameters
    ----------
    S: float64 array of shape (p, k), or, with method "lanczos", anything `scipy.sparse.linalg.aslinearoperator` accepts.
    shift: f ≥ 0 of `dip2.gram`: ‖φ(a)‖/√k where both layers are trained, 0 for W only.
    certify: a proved lower bound of what the doubles in S and `shift` define, instead of an estimate.
    method: "gram" (refined where that is needed for rtol and possible), "svd", "lanczos", or "auto": Gram if the estimate
        of its error is at most rtol × value, else SVD; Lanczos where the Gram matrix would not fit into memory.
    rtol: relative accuracy that "auto" and "gram" are content with, and that "lanczos" iterates for.

    Returns
    -------
    Smallest: bound (direction "estimate"; "lower" if certified; "upper" from Lanczos on an array), error, method.

    Raises
    ------
    ValueError: another dtype or shape, NaN or infinity, an unknown method, certify with "lanczos" or with an operator.

    >>> found = smallest_singular_value(np.array([[3.0, 0.0, 0.0], [0.0, 4.0, 0.0]]), shift=4.0)
    >>> round(found.value, 12), found.bound.direction, found.method
    (5.0, 'estimate', 'gram')
    """
    if method not in get_args(Method):
        raise ValueError(f"method = {method!r}; choose one of {', '.join(get_args(Method))}")
    if not (0 <= shift < math.inf and 0 < rtol < 1):
        raise ValueError(f"shift = {shift} must be finite and at least 0, rtol = {rtol} between 0 and 1")
    is_array = isinstance(S, np.ndarray)
    if is_array:
        _check(S)
    elif method != "lanczos":
        raise ValueError(
            f"method {method!r} needs a float64 array, not {type(S).__name__}; an operator: method 'lanczos'"
        )
    if certify:
        if not is_array or method == "lanczos":
            raise ValueError("a certified bound needs S as an array and a direct method ('auto', 'gram' or 'svd')")
        return _certified(S, shift, method, rtol)
    p, k = S.shape
    if k < p:
        return Smallest(estimate(shift, "fewer columns than rows: σ_min(S) = 0"), 0.0, "none")
    if method == "lanczos" or (method == "auto" and p > _TOO_LARGE):
        return _lanczos(S, shift, rtol)
    return _direct(S, shift, method, rtol)


def smallest(S: Array) -> tuple[Bound, float]:
    """σ_min of S (p × k; 0 if k < p, in exact arithmetic) and an estimate of its error, which names the method in `how`.

    >>> value, error = smallest(np.array([[3.0, 0.0, 0.0], [0.0, 4.0, 0.0]]))
    >>> round(value.value, 12), error < 1e-12
    (3.0, True)
    """
    found = smallest_singular_value(S)
    return found.bound, found.error


def _check(S: Array) -> None:
    if S.ndim != 2 or 0 in S.shape or S.dtype != np.float64:
        raise ValueError(f"S must be a float64 matrix, not {S.dtype} of shape {S.shape}; convert it before")
    # the sum of squares is finite in one pass without a temporary; it may also be infinite for entries beyond 1e154
    if not math.isfinite(float(np.vdot(S, S))) and not np.isfinite(S).all():
        raise ValueError("S contains NaN or infinity")


def _shifted(sigma: float, error: float, shift: float) -> tuple[float, float]:
    """hypot(shift, σ) and its error: the slope is σ/hypot at the far end of the interval of σ."""
    if shift == 0:
        return sigma, error
    value = math.hypot(shift, sigma)
    slope = (sigma + error) / math.hypot(shift, sigma + error) if math.isfinite(error) else 1.0
    return value, error * slope + _EPS * value


def _direct(S: Array, shift: float, method: Method, rtol: float) -> Smallest:
    # squares beyond these sizes overflow or vanish; the SVD scales by itself
    if method != "svd" and (method == "gram" or 1e-100 < float(np.vdot(S, S)) < 1e100):
        found = dense.gram(S, shift)
        value, error = dense.root(found, shift)
        if error <= rtol * value:
            return Smallest(estimate(value, "eigenvalue of the Gram matrix"), error, "gram")
        better, doubt = _shifted(*dense.refined(S, found), shift)
        if doubt <= rtol * better or (method == "gram" and doubt < error):
            how = "Rayleigh quotient of an eigenvector of the Gram matrix"
            return Smallest(estimate(better, how), doubt, "gram, refined")
        if method == "gram":
            return Smallest(estimate(value, "eigenvalue of the Gram matrix"), error, "gram")
    value, error = _shifted(*dense.svd(S), shift)
    return Smallest(estimate(value, "singular value decomposition"), error, "svd")


def _certified(S: Array, shift: float, method: Method, rtol: float) -> Smallest:
    """Lower bound, and how far the floating-point value (with its error) lies above it."""
    p, k = S.shape
    proved = sigma_min_lower(S) if k >= p else 0.0
    near = _direct(S, shift, method, rtol) if k >= p else Smallest(estimate(shift, ""), 0.0, "none")
    value = max(shift, down(math.hypot(shift, proved) * (1 - 4 * _EPS))) if proved > 0 else shift
    error = max(0.0, near.value - value) + near.error
    return Smallest(lower(value, "shifted Cholesky of the Gram matrix, rounding accounted for"), error, "certified")


def _lanczos(S: Any, shift: float, rtol: float) -> Smallest:
    """Smallest Ritz value of S Sᵀ. The operator is taken as it is: its spectrum should not reach up far."""
    matvec, rmatvec, (p, _) = operator_products(S)
    steps = max(2, min(_LONGEST, p, int(_BASIS / p)))
    ritz = extreme(lambda x: matvec(rmatvec(x)), p, smallest=True, rtol=2 * rtol, steps=steps, restarts=_RESTARTS)
    x = ritz.vector
    z = np.asarray(rmatvec(x), dtype=np.float64)
    sigma = float(np.linalg.norm(z)) / float(np.linalg.norm(x))
    # some eigenvalue of S Sᵀ is within ‖r‖ of σ², hence some singular value within ‖r‖/σ of σ
    error = min(ritz.residual / sigma, math.sqrt(ritz.residual)) if sigma > 0 else math.sqrt(ritz.residual)
    value, error = _shifted(sigma, error + 16 * _EPS * sigma, shift)
    state = "converged" if ritz.converged else "not converged"
    how = f"Lanczos, {state} after {ritz.products} products; not proved to be the smallest"
    if not isinstance(S, np.ndarray):
        return Smallest(estimate(value, how), error, "lanczos")
    over = norm_upper(z, matmul_error(x[None, :], S)) / norm_lower(x) * (1 + 4 * _EPS)
    value = up(math.hypot(shift, over) * (1 + 4 * _EPS)) if shift else over
    return Smallest(upper(value, f"Rayleigh quotient: {how}"), error + (over - sigma), "lanczos")
