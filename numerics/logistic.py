"""The size at which a probability passes one half: a logistic curve in the logarithm of the size, with an interval.

P(success at size k) = 1/(1 + (c/k)^b), b ≥ 0, is fitted by maximum likelihood; c is the threshold.  Its interval is that of
the profile likelihood: all c at which the best b is not significantly worse than the best of all.  Unlike an interval from the
curvature it is meaningful where the data are separated (no success up to some size, nothing but successes from there on), which
makes b infinite and every c in the gap equally likely, and where the data say on one side only where the threshold is.

References
----------
.. [1] D. J. Venzon, S. H. Moolgavkar, "A method for computing profile-likelihood-based confidence intervals", J. R. Stat. Soc.
   C 37 (1988), 87-94.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expit, log_expit, xlogy
from scipy.stats import chi2

__all__ = ["Jump", "Threshold", "threshold"]

Array = NDArray[np.float64]

_STEEPEST = 100.0  # per step of the sizes: beyond, the likelihood is that of a jump
_BEYOND = 20.0  # log sizes outside the data that are looked at


@dataclass(frozen=True)
class Threshold:
    """Where the fitted probability is one half.

    k: the threshold; NaN if the data do not say that there is one between the smallest and the largest size.
    low, high: its interval; 0 and inf where the data set no bound on that side.
    slope: b (inf: the data are separated); NaN with k.
    """

    k: float
    low: float
    high: float
    slope: float


def threshold(sizes: ArrayLike, successes: ArrayLike, trials: ArrayLike, alpha: float = 0.05) -> Threshold:
    """The threshold in `sizes` from so many successes in so many trials at each.

    >>> found = threshold([10, 20, 40], [2, 10, 18], [20, 20, 20])
    >>> round(found.k, 6), round(found.slope, 3), found.low < 20 < found.high
    (20.0, 3.17, True)
    >>> threshold([10, 20], [0, 0], [5, 5]).high
    inf
    """
    k, s, t = (np.asarray(values, dtype=np.float64) for values in (sizes, successes, trials))
    if k.ndim != 1 or k.shape != s.shape or k.shape != t.shape:
        raise ValueError(
            f"sizes, successes and trials are vectors of one length, not of {k.shape}, {s.shape}, {t.shape}"
        )
    if not (np.all(k > 0) and np.all(s >= 0) and np.all(s <= t)):
        raise ValueError("sizes are positive, and 0 <= successes <= trials")
    k, s, t = (values[t > 0] for values in (k, s, t))
    if np.unique(k).size < 2:
        return Threshold(math.nan, 0.0, math.inf, math.nan)
    data = _Data(np.log(k), s, t)
    lo, hi = float(data.x.min()), float(data.x.max())
    best, top = data.best(lo, hi)
    cut = top - 0.5 * float(chi2.ppf(1 - alpha, 1))
    slope = data.slope(best)
    inside = lo <= best <= hi and slope > 0
    return Threshold(
        math.exp(best) if inside else math.nan,
        data.end(cut, best, lo - _BEYOND, 0.0),
        data.end(cut, best, hi + _BEYOND, math.inf),
        (math.inf if slope >= 0.5 * data.steepest else slope) if inside else math.nan,
    )


@dataclass(frozen=True)
class Jump:
    """The curve of infinite slope that is most likely for data that a jump explains best.

    place: where it jumps.  spread: of the logarithm of the odds that it leaves open at the one place where both happen, and
    0 without one.  likelihood: its logarithm, without the constant.
    """

    place: float
    spread: float
    likelihood: float

    @classmethod
    def of(cls, x: Array, successes: Array, trials: Array) -> Jump | None:
        """None if successes and failures overlap in x, so that the slope is finite.

        >>> Jump.of(np.array([1.0, 2.0]), np.array([0.0, 3.0]), np.array([3.0, 3.0]))
        Jump(place=1.5, spread=0.0, likelihood=0.0)
        """
        first, last = float(np.min(x[successes > 0])), float(np.max(x[successes < trials]))
        if last < first:  # separated: a jump, anywhere in the gap
            return cls(0.5 * (first + last), 0.0, 0.0)
        if last > first:
            return None
        here = x == first  # but for one size: a jump beside it, where its fraction is met
        s, f = float(successes[here].sum()), float((trials - successes)[here].sum())
        return cls(first, math.log(s / f), float(xlogy(s, s / (s + f)) + xlogy(f, f / (s + f))))


@dataclass(frozen=True)
class _Data:
    """Logarithms of the sizes, successes, trials."""

    x: Array
    s: Array
    t: Array

    @property
    def steepest(self) -> float:
        return _STEEPEST / float(np.min(np.diff(np.unique(self.x))))

    def likelihood(self, c: float, b: float) -> float:
        """Log likelihood, without the constant."""
        z = b * (self.x - c)
        return float(self.s @ log_expit(z) + (self.t - self.s) @ log_expit(-z))

    def slope(self, c: float) -> float:
        """The best b for threshold c: the likelihood is concave in b."""

        def gradient(b: float) -> float:
            return float((self.s - self.t * expit(b * (self.x - c))) @ (self.x - c))

        steepest = self.steepest
        if gradient(0.0) <= 0:
            return 0.0
        return steepest if gradient(steepest) >= 0 else float(brentq(gradient, 0.0, steepest, xtol=1e-12))

    def profile(self, c: float) -> float:
        """The largest log likelihood with threshold c.

        It has one hill: the likelihood is concave in (b c, b), and a threshold is a ray there.
        """
        return self.likelihood(c, self.slope(c))

    def best(self, lo: float, hi: float) -> tuple[float, float]:
        """The most likely threshold, and the log likelihood there."""
        if not np.any(self.s > 0):
            return hi + _BEYOND, 0.0
        if not np.any(self.s < self.t):
            return lo - _BEYOND, 0.0
        jump = Jump.of(self.x, self.s, self.t)
        if jump is not None:
            return jump.place - jump.spread / self.steepest, jump.likelihood
        wide = hi - lo
        found = minimize_scalar(
            lambda c: -self.profile(c), bounds=(lo - wide, hi + wide), method="bounded", options={"xatol": 1e-9}
        )
        return float(found.x), -float(found.fun)

    def end(self, cut: float, best: float, far: float, none: float) -> float:
        """The size between `best` and `far` from which on the likelihood is below the cut; `none` if it never is."""
        if self.profile(far) >= cut:
            return none
        if self.profile(best) <= cut:
            return math.exp(best)
        return math.exp(float(brentq(lambda c: self.profile(c) - cut, best, far, xtol=1e-9)))
