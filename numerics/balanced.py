r"""Convergence for every observation from one large preactivation (`dip2.conservation`, `dip2.balanced`).

Both layers trained, one input: |v_i|^2/2 - G(a_i) is constant along the flow, G' = phi/phi'. Hence, whatever the
observation does to v_i,

    G(a_i(t)) >= c_i := G(a_i(0)) - |v_i(0)|^2/2        (linear operator: |U^T v_i(0)|, which is smaller),

and a neuron for which G(x) >= c_i keeps phi(x) away from zero *certifies*: f(t)^2 = |phi(a(t))|^2/k >= s_*^2 =
(1/k) sum_i phi_i^2, phi_i the smallest |phi| allowed. Two shapes of G occur on an interval I between zeros of phi':

two-sided  phi vanishes at one point z of I: G has its minimum there and grows to +infinity at both ends. The neuron
           certifies iff gap_i = 2(G(a_i) - G(z)) - |v_i|^2 > 0; then a_i(t) stays on its side of z, beyond x_i with
           G(x_i) - G(z) = gap_i/2. (tanh: sinh^2 x_i = gap_i, phi^2 = gap/(1 + gap).) tanh, erf, sin, identity; GELU,
           SiLU right of x*.
one-sided  phi has no zero on I and G is monotone, onto R: every neuron certifies, whatever its gap. sigmoid, softplus;
           GELU, SiLU left of x*.

In both cases |phi| grows in the direction in which G grows, since G' = phi/phi' = (phi^2)'/(2 phi'^2); so
|phi(a_i(t))| >= |phi(x_i)| with x_i the point of I between a_i(0) and the zero (or the end where G -> -infinity) where
int_{x_i}^{a_i(0)} phi/phi' = |v_i|^2/2. It is found in float64 and moved until Arb proves that the integral is at least
|v_i|^2/2: nothing rests on the search.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import ArrayLike, NDArray

from numerics.wonly.bregman import primitive_difference
from theory.balls import precision

Array = NDArray[np.float64]
_BITS = 128
#: Neurons without a closed form of G (GELU, SiLU: a quadrature each) beyond this many are left out of s_star: sound, as
#: s_*^2 is a sum of nonnegative terms, and those with the largest estimated contribution are kept.
_QUADRATURES = 400


@dataclass(frozen=True)
class Balanced:
    """What `dip2.balanced` gives.

    Attributes
    ----------
    gaps : (k,) estimates of the gaps, see :func:`gaps`.
    n_positive : number of neurons proved to certify, among those that enter s_star.
    s_star : lower bound of f(t) = |phi(a(t))|/sqrt(k) for all time.
    certified : s_star > 0: zero loss is reached for every observation at the rate sigma_F^2 s_star^2.
    """

    gaps: Array
    n_positive: int
    s_star: float
    certified: bool


def _zero(activation: Any, a: Array) -> Array:
    """The zero of phi in the interval of a_i, NaN where there is none (the one-sided case).

    The zeros of the activations here are 0 (and multiples of pi for sin); for sin the *double* nearest j pi stands in,
    which is only used for estimates.
    """
    lo, hi = activation.interval(a)
    if activation.name == "sin":
        return 0.5 * (lo + hi)
    if float(activation.phi(np.zeros(1))[0]) != 0.0:
        return np.full_like(a, math.nan)
    return np.where((lo < 0) & (hi > 0), 0.0, math.nan)


def _check(activation: Any, a: ArrayLike, column_norms_upper: ArrayLike) -> tuple[Array, Array]:
    if not activation.theory.smooth:
        raise ValueError(
            f"dip2.balanced does not cover {activation.name}: its neurons die (phi = phi' = 0 on a half line), and the "
            "argument needs a continuous phi'; use gelu, silu or softplus"
        )
    a, v = np.asarray(a, dtype=np.float64), np.asarray(column_norms_upper, dtype=np.float64)
    if a.ndim != 1 or a.shape != v.shape or a.size == 0:
        raise ValueError(f"a and the column norms must be nonempty vectors of one length, not {a.shape} and {v.shape}")
    if not (np.isfinite(a).all() and np.isfinite(v).all() and (v >= 0).all()):
        raise ValueError("a and the column norms must be finite, the norms nonnegative")
    return a, v


def gaps(activation: Any, a: ArrayLike, column_norms_upper: ArrayLike) -> Array:
    """gap_i = 2 (G(a_i) - G(z_i)) - |v_i|^2 in float64, (k,): estimates; inf for a neuron that certifies in any case.

    tanh: sinh^2 a_i - |v_i|^2. Raises ValueError for ReLU, mismatched shapes, non-finite numbers, a zero of phi' in a.

    >>> from numerics.activations import activation
    >>> gaps(activation("identity"), [2.0, 0.5], [1.0, 1.0]).tolist()
    [3.0, -0.75]
    """
    a, v = _check(activation, a, column_norms_upper)
    zero = _zero(activation, a)
    one_sided = np.isnan(zero)
    with np.errstate(over="ignore", invalid="ignore"):
        value = 2 * (activation.G(a) - activation.G(np.where(one_sided, a, zero))) - v * v
    return np.where(one_sided, math.inf, value)


def _targets(activation: Any, a: Array, v: Array, zero: Array) -> Array:
    """x_i between a_i and its zero (or -infinity) with int_{x_i}^{a_i} phi/phi' = |v_i|^2/2, bisected in float64."""
    with np.errstate(all="ignore"):
        need = activation.G(a) - v * v / 2
        far = np.where(np.isnan(zero), a - 1.0, zero)
        reach = 1.0
        for _ in range(60):  # one-sided: go left until G is small enough
            short = np.isnan(zero) & (activation.G(far) > need)
            if not short.any():
                break
            reach *= 2
            far = np.where(short, a - reach, far)
        near = a.copy()
        for _ in range(80):
            mid = 0.5 * (near + far)
            enough = activation.G(mid) <= need
            far, near = np.where(enough, mid, far), np.where(enough, near, mid)
    return far


def balanced(activation: Any, a: ArrayLike, column_norms_upper: ArrayLike) -> Balanced:
    """Evaluate `dip2.balanced` at the start (or at any checkpoint of a run).

    Parameters
    ----------
    activation : a `numerics.activations.CompiledActivation`; not ReLU.
    a : (k,) preactivations.
    column_norms_upper : (k,) upper bounds of |v_i| (linear operator: of |U^T v_i|, U an orthonormal basis of Im A^T).

    >>> from numerics.activations import activation
    >>> result = balanced(activation("tanh"), [2.0, 0.1], [1.0, 1.0])
    >>> gap = math.sinh(2.0) ** 2 - 1
    >>> result.n_positive, abs(result.s_star / math.sqrt(gap / (1 + gap) / 2) - 1) < 1e-9
    (1, True)
    """
    a, v = _check(activation, a, column_norms_upper)
    estimate = gaps(activation, a, v)
    zero = _zero(activation, a)
    index = np.flatnonzero(estimate > 0)
    if index.size == 0:
        return Balanced(estimate, 0, 0.0, False)
    x = _targets(activation, a[index], v[index], zero[index])
    alive = np.abs(activation.phi(x)) > 1e-150  # below, the contribution underflows (GELU far on the left)
    index, x = index[alive], x[alive]
    if activation.theory.G is None and index.size > _QUADRATURES:
        order = np.argsort(-np.abs(activation.phi(x)), kind="stable")[:_QUADRATURES]
        index, x = index[order], x[order]
    proved = [
        (y, i)
        for i, y in ((i, _prove(activation, float(a[i]), float(v[i]), float(z))) for i, z in zip(index, x, strict=True))
        if y is not None
    ]
    if not proved:
        return Balanced(estimate, 0, 0.0, False)
    value, error = activation.enclose_phi(np.array([y for y, _ in proved]))
    low = np.maximum(np.abs(value) - error, 0.0) * (1 - 2.0**-51)
    low = np.where(low < 1e-150, 0.0, low)
    total = math.fsum((low * low).tolist()) * (1 - 2.0**-50)
    s_star = math.sqrt(total / a.size) * (1 - 2.0**-50)
    return Balanced(estimate, len(proved), s_star, s_star > 0)


def _prove(activation: Any, a: float, v: float, x: float) -> float | None:
    """x moved towards the zero (or to the left) until int_x^a phi/phi' >= v^2/2 is proved; None if it never is.

    The sign of phi must be the same at x and a: no zero in between (|phi| is monotone on the way).
    """
    theory = activation.theory
    with precision(_BITS):
        half = arb(v) ** 2 / 2
        sign = theory.arb_phi(arb(a))
        scale = max(abs(x), abs(a - x), 1e-12)
        for shift in (0.0, 1e-14, 1e-12, 1e-10, 1e-8, 1e-5):
            # one-sided cases go left (phi keeps its sign there); two-sided ones towards the zero, which lies beyond x
            y = x + math.copysign(shift * scale, x - a) if x != a else x - math.copysign(shift * scale, a)
            phi = theory.arb_phi(arb(y))
            if not (phi * sign > 0):
                return None
            if primitive_difference(activation, "G", y, a) >= half:
                # nothing below needs y itself to be exact: it is a double, and |phi(y)| is enclosed at it
                return y
    return None
