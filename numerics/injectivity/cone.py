"""The smallest conic singular value of a matrix on the descent cone of the l1 norm (`recover.mu_linear`).

T = {z : sum over S of sign(xbar_i) z_i + |z off S|_1 <= 0}, S the support of xbar: the directions in which the l1 norm does
not increase. lambda_min(A; T) = inf |A z|/|z| over T is the restricted injectivity constant at xbar of {x : |x|_1 <=
|xbar|_1}, a polytope, which near xbar is T. It is positive if and only if l1 minimization recovers xbar and nothing else
[1]_, and then the error with noise eps is at most 2 eps/lambda_min. To compute it is hard [2]_; here it is enclosed.

From above: any z of T. From below: sigma_min(A), or a dual vector q with v = A'q, |v_i - sign_i| <= eta on S and |v_j| <=
theta < 1 off S. For z in T, with N = |A z|, u = |z_S|, w = |z off S|_1 >= |z off S|:

    <q, A z> = <v, z> <= -w + eta sqrt(|S|) u + theta w    so    w <= tau N + eta' u,  tau = |q|/(1 - theta),
    |A_S z_S| <= N + c w, c the longest column off S        so    u <= (N + c w)/sigma,  sigma = sigma_min(A_S),

hence u <= (1 + c tau)/(sigma - c eta') N =: U N, w <= (tau + eta' U) N, and lambda_min >= 1/sqrt(U^2 + (tau + eta' U)^2),
with eta' = eta sqrt(|S|)/(1 - theta) the size of rounding.  (The argument is that of [3]_.)

References
----------
.. [1] V. Chandrasekaran, B. Recht, P. A. Parrilo, A. S. Willsky, "The convex geometry of linear inverse problems", Found.
   Comput. Math. 12 (2012), 805-849 (Propositions 2.1 and 2.2).
.. [2] A. M. Tillmann, M. E. Pfetsch, "The computational complexity of the restricted isometry property, the nullspace
   property, and related concepts in compressed sensing", IEEE Trans. Inform. Theory 60 (2014), 1248-1259.
.. [3] M. Grasmair, O. Scherzer, M. Haltmeier, "Necessary and sufficient conditions for linear convergence of
   l1-regularization",
   Comm. Pure Appl. Math. 64 (2011), 161-182.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.bound import Bound, lower, upper
from numerics.injectivity.interval import Interval, checked, quotient_upper
from numerics.injectivity.l1 import basis_pursuit, dual_vectors
from numerics.rigorous import matvec, norm_upper, sigma_min_lower
from numerics.rigorous.arrays import doubles
from numerics.rigorous.outward import root_above, sqrt_below

__all__ = ["conic_injectivity", "in_descent_cone", "project"]

Array = NDArray[np.float64]
_STEPS, _STARTS = 300, 12


def project(z: ArrayLike, x: ArrayLike) -> Array:
    """The nearest points of the descent cone at x. z: (N, n), x: (n,), not 0.

    By Moreau z minus its projection on the polar cone, {tau v : v in the subdifferential, tau >= 0}: there tau minimizes a
    convex function whose derivative s tau - sum over S of sign z - sum of (|z off S| - tau)_+ is piecewise linear.

    >>> project([[1.0, 1.0], [-1.0, 0.5]], [3.0, 0.0]).tolist()
    [[0.0, 0.0], [-1.0, 0.5]]
    """
    rows, xbar = np.asarray(z, dtype=np.float64), np.asarray(x, dtype=np.float64)
    on = xbar != 0
    sign, s = np.sign(xbar[on]), int(on.sum())
    off = np.sort(np.abs(rows[:, ~on]), axis=1)[:, ::-1]
    pull = rows[:, on] @ sign
    # with the j largest entries above tau: (s + j) tau = pull + their sum; the largest such tau over j solves the equation
    sums = np.concatenate([np.zeros((len(rows), 1)), np.cumsum(off, axis=1)], axis=1)
    tau = np.maximum(0.0, np.max((pull[:, None] + sums) / (s + np.arange(sums.shape[1])), axis=1))[:, None]
    out = np.empty_like(rows)
    out[:, on] = rows[:, on] - tau * sign
    out[:, ~on] = np.sign(rows[:, ~on]) * np.maximum(0.0, np.abs(rows[:, ~on]) - tau)
    return out


def in_descent_cone(z: Array, x: Array) -> bool:
    """Whether the doubles z lie in the cone: math.fsum has the sign of the exact sum.

    >>> x = np.array([2.0, 0.0])
    >>> in_descent_cone(np.array([-1.0, 1.0]), x), in_descent_cone(np.array([-1.0, 1.1]), x)
    (True, False)
    """
    return _excess(z, x) <= 0


def conic_injectivity(A: ArrayLike, x: ArrayLike) -> Interval:
    """lambda_min(A; T) for the descent cone at x, enclosed. A: (m, n), x: (n,), not 0.

    A positive lower end proves that l1 minimization recovers x from A x. `complete` is False: the ends need not be close.

    >>> found = conic_injectivity(np.eye(2), [1.0, 0.0])
    >>> found.contains(1.0), found.lower.value > 0.99
    (True, True)
    """
    a, xbar = checked(A), np.ascontiguousarray(doubles("the signal", x))
    if xbar.shape != (a.shape[1],) or not xbar.any():
        raise ValueError(f"the signal is a nonzero vector of {a.shape[1]} entries, given shape {xbar.shape}")
    return Interval(_from_below(a, xbar), _from_above(a, xbar), False)


def _excess(z: Array, x: Array) -> float:
    on = x != 0
    return math.fsum([*(np.sign(x[on]) * z[on]).tolist(), *np.abs(z[~on]).tolist()])


def _from_above(A: Array, x: Array) -> Bound:
    """Projected gradient steps on |A z|^2 over the unit vectors of the cone, from fixed starts and what l1 finds instead."""
    n = x.size
    rng = np.random.default_rng(0)  # a search; every direction is a proof
    starts = [*rng.standard_normal((_STARTS, n)), *np.linalg.svd(A)[2][::-1][:2]]
    other = basis_pursuit(A, A @ x)
    if other is not None and np.linalg.norm(other - x) > 1e-6 * np.linalg.norm(x):
        starts.append(other - x)
    z = project(np.array(starts), x)
    step = 1 / np.linalg.norm(A, 2) ** 2
    for _ in range(_STEPS):
        size = np.linalg.norm(z, axis=1)
        z = z[size > 1e-12] / size[size > 1e-12][:, None]
        if not len(z):
            break
        z = project(z - step * (z @ A.T) @ A, x)
    i = int(np.argmax(np.abs(x)))
    shrink = np.zeros(n)
    shrink[i] = -np.sign(x[i])  # always in the cone
    candidates = [shrink]
    for row in z:
        if np.linalg.norm(row) > 1e-12:
            row = row / np.linalg.norm(row)
            row[i] -= np.sign(x[i]) * 2 * max(0.0, _excess(row, x))  # rounding may have left the cone
            if in_descent_cone(row, x):
                candidates.append(row)
    best = min(candidates, key=lambda c: float(np.linalg.norm(A @ c) / np.linalg.norm(c)))
    return upper(quotient_upper(A, best), "a direction of the cone")


def _from_below(A: Array, x: Array) -> Bound:
    m, n = A.shape
    on = x != 0
    best = lower(0.0, "nothing proved")
    if m >= n and (whole := sigma_min_lower(A)) > 0:
        best = lower(whole, "sigma_min(A)")
    if m < on.sum():
        return best
    sigma = Fraction(sigma_min_lower(np.ascontiguousarray(A[:, on])))
    if sigma == 0:
        return best
    c = max((Fraction(norm_upper(column)) for column in A[:, ~on].T), default=Fraction(0))
    # floating point chooses, one vector is proved
    vectors = [(q, theta) for q, theta in dual_vectors(A, x) if theta < 1]
    if vectors:
        q = min(vectors, key=lambda item: float(np.linalg.norm(item[0])) / (1 - item[1]))[0]
        value = _by_dual(A, x, q, sigma, c)
        if value > best.value:
            best = lower(value, "dual vector")
    return best


def _by_dual(A: Array, x: Array, q: Array, sigma: Fraction, c: Fraction) -> float:
    """The bound of the module from this q, in rational arithmetic rounded outward; 0 if q proves nothing."""
    v, error = matvec(np.ascontiguousarray(A.T), q)
    if not np.isfinite(error).all():
        return 0.0
    on = x != 0
    reach = [Fraction(float(e)) for e in error]
    eta = max(abs(Fraction(float(v[i])) - int(np.sign(x[i]))) + reach[i] for i in np.flatnonzero(on))
    theta = max((abs(Fraction(float(v[j]))) + reach[j] for j in np.flatnonzero(~on)), default=Fraction(0))
    if theta >= 1:
        return 0.0
    tau = Fraction(norm_upper(q)) / (1 - theta)
    slack = eta * root_above(Fraction(int(on.sum()))) / (1 - theta)
    if sigma <= c * slack:
        return 0.0
    U = (1 + c * tau) / (sigma - c * slack)
    return sqrt_below(1 / (U * U + (tau + slack * U) ** 2))
