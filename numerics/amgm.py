r"""The width-free convergence condition of a two-layer network: the hidden activations only (`dip2.amgm`).

With f = |phi(a)|/sqrt(k), both layers trained, -rho' >= 2 sigma_F f |a'|, so for any nonincreasing F(r) below
min_{|z| <= r} |phi(a_0 + z)|/sqrt(k) the sum rho + 2 sigma_F int_0^{l_a} F never grows. If rho_0 < 2 sigma_F int F =:
capacity, then l_a <= l_a^*, f >= s_* = F(l_a^*) for all time and the loss reaches zero at the rate sigma_F^2 s_*^2.

How F is bounded here. Let kappa_i be a *falling slope* of |phi| at a_i: |phi(x)| >= |phi(a_i)| - kappa_i |x - a_i| for
every x. For any direction d >= 0, Cauchy-Schwarz gives, as soon as |z| <= r,

    |phi(a_0 + z)| |d| >= <(|phi(a_0)| - kappa |z|)_+, d> >= <|phi(a_0)|, d> - r |kappa d|,

that is: F(r) sqrt(k) >= max_d (<|phi|, d> - r |kappa d|)/|d|, a maximum of straight lines. The best directions are
d_i = |phi_i|/(kappa_i^2 + lambda), lambda in [0, infinity], and give THEORY's dual
F(r)^2 = max_lambda (1/k) [sum phi_i^2 lambda/(kappa_i^2 + lambda) - lambda r^2]_+ exactly, with tau_i = kappa_i^2. But
*every* d proves its own line, so the float64 choice of d needs no justification; only the two sums of each line are
rounded to the safe side. The integral of the envelope is then exact algebra: quadratics on the cells of any partition.

Falling slopes. Lipschitz: kappa = B1, always (all lines coincide: the linear choice of `dip2.amgm`). Star-shaped phi
(phi(0) = 0, |phi| nondecreasing, |phi(x)/x| nonincreasing in |x|): kappa_i = |phi(a_i)/a_i|, the chord to the origin
(for 0 <= x <= a, |phi(x)| >= |phi(a)| x/a; elsewhere |phi(x)| is larger than the line). sin: |sin| is concave between
its zeros, so the chord to the nearest zero. softplus: convex and increasing, so the tangent, kappa_i = phi'(a_i).
sigmoid: the tangent for a_i <= 0 (convex there, increasing everywhere), B1 otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

#: Number of directions (lines of the envelope). The loss against the continuum is O(LINES^-2).
LINES = 128
_U = 2.0**-53


@dataclass(frozen=True)
class Envelope:
    """F(r) >= max_j (height_j - slope_j r)_+ for r >= 0: a certified lower bound of the hidden norm on a ball.

    Attributes
    ----------
    height : (J,) lower bounds, nonincreasing in j.
    slope : (J,) upper bounds.
    breaks : (J + 1,) increasing from 0; cell j uses line j alone.
    """

    height: Array
    slope: Array
    breaks: Array

    def __call__(self, r: float) -> float:
        """Lower bound of min over |z| <= r of |phi(a + z)|/sqrt(k); r >= 0."""
        if not r >= 0:
            raise ValueError(f"a radius is nonnegative, not {r}")
        # two roundings in each line, relative to its height
        return max(0.0, float(np.max(self.height * (1 - 4 * _U) - self.slope * r * (1 + 4 * _U))))


@dataclass(frozen=True)
class AmgmDual:
    """What `dip2.amgm` gives on an instance; every number errs on the safe side.

    Attributes
    ----------
    capacity : lower bound of 2 sigma_F int_0^inf F; the condition is rho_0 < capacity.
    certified : whether it holds.
    ell_a_star : upper bound of the length of a(t) (inf if not certified).
    s_star : lower bound of f(t) = |phi(a(t))|/sqrt(k) for all t, > 0 if certified, else 0.
    margin : 1 - rho_0/capacity, positive iff certified (-inf for a zero capacity).
    envelope : the lower bound F itself.
    """

    capacity: float
    certified: bool
    ell_a_star: float
    s_star: float
    margin: float
    envelope: Envelope = field(repr=False)


def falling_slopes(activation: Any, a: ArrayLike) -> Array:
    """kappa (k,): certified |phi(x)| >= |phi(a_i)| - kappa_i |x - a_i| for all x. See the module's text for why."""
    a = np.asarray(a, dtype=np.float64)
    lipschitz = np.full_like(a, activation.B1.as_upper())
    name = activation.name
    if activation.theory.star_shaped or name == "sin":
        value, error = activation.enclose_phi(a)
        if activation.theory.star_shaped:
            distance = np.abs(a)
        else:  # distance to the nearest multiple of pi, from below (|j| pi carries a relative error below 2^-51)
            j = np.rint(a / math.pi)
            distance = np.abs(a - j * math.pi) - 8 * _U * (1 + np.abs(j) * math.pi)
        top = np.abs(value) + error
        safe = distance > 1e-150
        chord = np.divide(top, distance, out=np.full_like(a, math.inf), where=safe) * (1 + 4 * _U)
        return np.minimum(chord, lipschitz)
    if name in ("softplus", "sigmoid"):
        value, error = activation.enclose_dphi(a)
        tangent = (np.abs(value) + error) * (1 + 2 * _U)
        convex = np.ones_like(a, dtype=bool) if name == "softplus" else a <= 0
        return np.minimum(np.where(convex, tangent, lipschitz), lipschitz)
    return lipschitz


def envelope(activation: Any, a: ArrayLike) -> Envelope:
    """The certified envelope of F at the hidden preactivations `a` (k,).

    Raises ValueError for an empty or non-finite `a`, or when the activation has no global Lipschitz constant.
    """
    a = np.asarray(a, dtype=np.float64)
    if a.ndim != 1 or a.size == 0 or not np.isfinite(a).all():
        raise ValueError(f"a must be a nonempty vector of finite numbers, not of shape {a.shape}")
    value, error = activation.enclose_phi(a)
    # |phi| from below: one rounding in the difference, hence the factor.
    phi = np.maximum(np.abs(value) - error, 0.0) * (1 - 2 * _U)
    phi[phi < 1e-150] = 0.0  # lowering a lower bound is sound, and the squares below do not underflow
    kappa = falling_slopes(activation, a)
    k = a.size
    if not phi.any():
        return Envelope(np.zeros(1), np.zeros(1), np.array([0.0, 0.0]))
    return _envelope(phi, kappa, k)


def _envelope(phi: Array, kappa: Array, k: int) -> Envelope:
    """Lines from the directions d = phi/(kappa^2 + lambda), rounded to the safe side."""
    used = phi > 0
    phi, kappa = phi[used], kappa[used]
    tau = kappa * kappa
    top, bottom = float(tau.max()), max(float(tau.min()), 1e-300)
    if top <= bottom * (1 + 1e-12):
        directions = [math.inf]  # all lines coincide
    else:
        directions = [math.inf, *np.geomspace(1e4 * top, 1e-6 * bottom, LINES - 2).tolist(), 0.0]
    # Sums of k nonnegative terms, in any order: relative error <= gamma_k; 8 covers the products, roots, the division
    # and this inflation itself; exact underflow of a term is impossible for phi >= 1e-150 scaled by max(d) = 1.
    gamma = (phi.size + 16) * _U / (1 - (phi.size + 16) * _U)
    down, up = 1 - 2 * gamma, 1 + 2 * gamma
    heights, slopes = [], []
    for lam in directions:
        d = phi.copy() if lam == math.inf else phi / np.maximum(tau + lam, 1e-300)
        d /= d.max()
        norm = float(np.sqrt(np.dot(d, d)))
        heights.append(float(np.dot(phi, d)) / norm / math.sqrt(k) * down)
        slopes.append(float(np.sqrt(np.dot(kappa * d, kappa * d))) / norm / math.sqrt(k) * up + 1e-150)
    height, slope = np.array(heights), np.array(slopes)
    return _cells(height, slope)


def _cells(height: Array, slope: Array) -> Envelope:
    """The upper envelope of the lines by the convex-hull trick: drop lines that are never highest, and cut the axis."""
    order = np.lexsort((slope, -height))
    kept: list[int] = []
    starts: list[float] = []
    for j in order:
        begin = 0.0
        hidden = False
        while kept:
            i = kept[-1]
            if slope[j] >= slope[i]:
                hidden = True  # not higher at 0 and not flatter: below line i for all r >= 0
                break
            begin = (height[i] - height[j]) / (slope[i] - slope[j])
            if begin > starts[-1] or len(kept) == 1:
                break
            kept.pop()
            starts.pop()
        if not hidden:
            starts.append(max(begin, 0.0) if kept else 0.0)
            kept.append(int(j))
    height, slope = height[kept], slope[kept]
    # A line ends where the next one overtakes it; the last one ends at its zero. Cells beyond a line's zero are empty.
    zero = height / np.maximum(slope, 1e-300) * (1 - 4 * _U)
    breaks = np.maximum.accumulate(np.array([0.0, *starts[1:], zero[-1]]))
    breaks = np.minimum(breaks, max(zero[-1], 0.0))
    return Envelope(height, slope, breaks)


def dual(activation: Any, a: ArrayLike, rho_0: float, sigma_F: float) -> AmgmDual:
    """Evaluate `dip2.amgm` at the start (or at any checkpoint).

    Parameters
    ----------
    activation : a `numerics.activations.CompiledActivation`.
    a : (k,) hidden preactivations W u.
    rho_0 : upper bound of psi(L_y(y(0))) (least squares: |y(0) - y|).
    sigma_F : lower bound of sigma_min^+ of the forward operator (everywhere on the set visited, if nonlinear), > 0.

    Raises
    ------
    ValueError : non-finite or negative numbers, sigma_F = 0, an empty `a`.

    The identity with k = 1 attains the condition: capacity = sigma_F a^2.

    >>> from numerics.activations import activation
    >>> result = dual(activation("identity"), [3.0], 8.9, 1.0)
    >>> result.certified, dual(activation("identity"), [3.0], 9.0, 1.0).certified
    (True, False)
    """
    if not (math.isfinite(rho_0) and rho_0 >= 0):
        raise ValueError(f"rho_0 must be finite and nonnegative, not {rho_0}")
    if not (math.isfinite(sigma_F) and sigma_F > 0):
        raise ValueError(f"sigma_F must be finite and positive, not {sigma_F}; a forward operator of rank 0?")
    F = envelope(activation, a)
    # Area of each cell under its own line: width * (height - slope * midpoint). Six roundings relative to the terms
    # before cancellation (height and slope * midpoint <= height), so an absolute allowance of 16 u width height.
    left, right = F.breaks[:-1], F.breaks[1:]
    width = right - left
    area = width * (F.height - F.slope * (left + right) / 2) - 16 * _U * width * F.height
    area = np.maximum(area, 0.0)  # F >= 0
    total = np.concatenate([[0.0], np.cumsum(area)]) * (1 - (len(area) + 4) * _U)
    capacity = float(2 * sigma_F * total[-1] * (1 - 4 * _U))
    if not rho_0 < capacity:
        margin = 1 - rho_0 / capacity if capacity > 0 else -math.inf
        return AmgmDual(capacity, False, math.inf, 0.0, min(margin, 0.0), F)
    ell = _invert(F, total, rho_0 / (2 * sigma_F) * (1 + 4 * _U))
    s_star = F(ell)
    if not s_star > 0:  # the last ulp of the capacity
        return AmgmDual(capacity, False, math.inf, 0.0, 0.0, F)
    return AmgmDual(capacity, True, ell, s_star, 1 - rho_0 / capacity, F)


def _invert(F: Envelope, total: Array, need: float) -> float:
    """An upper bound of the smallest r with int_0^r F >= need (need < total[-1], up to rounding)."""
    j = int(np.searchsorted(total, need, side="left"))
    j = min(max(j, 1), len(total) - 1) - 1
    left, right = float(F.breaks[j]), float(F.breaks[j + 1])
    h, s = float(F.height[j] - F.slope[j] * left), float(F.slope[j])
    rest = max(need - float(total[j]), 0.0)
    # h w - s w^2/2 = rest in the form without cancellation; the allowances are those of `dual` above
    allowance = 32 * _U * max(need, float(F.height[j]) * max(right, 1e-300))
    rest += allowance
    square = h * h - 2 * s * rest
    if square <= 0:
        return right
    return min(left + 2 * rest / (h + math.sqrt(square)) * (1 + 8 * _U), right) * (1 + 4 * _U)
