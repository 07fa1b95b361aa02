"""Where l1 minimization stops to work: the statistical dimension of its descent cone, and Gordon's bound.

For a cone T and a standard Gaussian g, delta(T) = E |proj_T g|^2. A random subspace of codimension m meets T in 0 alone with
probability near 1 for m > delta(T), near 0 for m < delta(T); the transition is some sqrt(n) wide (Theorem I of [1]_).

References
----------
.. [1] D. Amelunxen, M. Lotz, M. B. McCoy, J. A. Tropp, "Living on the edge: phase transitions in convex programs with random
   data", Information and Inference 3 (2014), 224-294 (Proposition 4.5: the l1 norm; Proposition 10.2: the Gaussian width).
.. [2] V. Chandrasekaran, B. Recht, P. A. Parrilo, A. S. Willsky, "The convex geometry of linear inverse problems", Found.
   Comput. Math. 12 (2012), 805-849 (Corollary 3.3).
.. [3] Y. Gordon, "On Milman's inequality and random subspaces which escape through a mesh in R^n", Geometric Aspects of
   Functional Analysis, Lecture Notes in Mathematics 1317, Springer (1988), 84-106.
"""

from __future__ import annotations

import math

from scipy.optimize import minimize_scalar
from scipy.special import gammaln, ndtr

from numerics.door import integer

__all__ = ["gordon", "statistical_dimension", "tail"]


def tail(tau: float) -> float:
    """E (|g| - tau)_+^2 for g ~ N(0, 1): sqrt(2/pi) times the integral of (u - tau)^2 exp(-u^2/2) from tau on [1]_.

    >>> tail(0.0)
    1.0
    """
    density = math.exp(-0.5 * tau * tau) / math.sqrt(2 * math.pi)
    return 2 * ((1 + tau * tau) * float(ndtr(-tau)) - tau * density)


def statistical_dimension(n: int, s: int) -> float:
    """Of the descent cone of the l1 norm at a vector of R^n with s nonzero entries: inf over tau of s(1 + tau^2) + (n-s) tail.

    In exact arithmetic an upper bound of delta, above it by at most 2 sqrt(n/s) (Proposition 4.5 of [1]_); n for s = n.

    >>> round(statistical_dimension(100, 10), 3)
    32.879
    """
    integer("n", n, 1)
    if integer("s", s, 1) > n:
        raise ValueError(f"s = {s} nonzero entries of n = {n}")
    if s == n:
        return float(n)

    def bound(tau: float) -> float:
        return s * (1 + tau * tau) + (n - s) * tail(tau)

    highest = 2 + math.sqrt(2 * math.log(n / s))  # the minimizer is about sqrt(2 ln(n/s))
    return float(minimize_scalar(bound, bounds=(0.0, highest), method="bounded", options={"xatol": 1e-10}).fun)


def gordon(m: int, dimension: float, failure: float = 0.05) -> float:
    """A number below which |A z| over unit z of T falls with probability at most `failure` (0: nothing is said).

    A has m rows of independent N(0, 1/m) entries, delta(T) <= `dimension`. E|g_m| - w - t over sqrt(m), t^2 = 2 ln(1/failure),
    with the Gaussian width w <= sqrt(delta) [1]_ and Gordon's inequality [2]_, [3]_: probability over A, not a fact about one A.

    >>> gordon(100, 25.0) > 0.2, gordon(20, 25.0)
    (True, 0.0)
    """
    if not 0 < failure < 1:
        raise ValueError(f"failure = {failure!r}; it is a probability between 0 and 1")
    length = math.sqrt(2) * math.exp(float(gammaln((m + 1) / 2) - gammaln(m / 2)))
    return max(0.0, (length - math.sqrt(dimension) - math.sqrt(2 * math.log(1 / failure))) / math.sqrt(m))
