"""How a width grows with a size: exponents of a power law, with intervals.

Two kinds of data.  *Successes* at widths k and sizes s: logit P = b (ln k - c - x ln s) is fitted by maximum likelihood, so that
the threshold of width, at which P is one half, is e^c s^x.  The interval of x is that of the profile likelihood, as in
:mod:`numerics.logistic`: meaningful under separation too, and infinite on a side on which the data set no bound.

*Widths* that were found for single instances, some of them only known to be beyond the largest one that was looked at (inf): the
line through the medians of ln width.  A median is known as soon as more than half of the instances are, whatever the others
are, and no law is assumed of the widths; a regression on all of them would have to assume one, since widths without a value
cannot be left out (those that are left are the small ones).  The interval is from the bootstrap, instances redrawn within each
size; where a redrawn median is unknown the interval is infinite.  A size whose median is unknown is left out, and one just below
the largest width stays if its sample happens to be small: near the cap the exponent is too low.  In a simulation with 20 to 5
instances a size, 30 to 50 % of those of the largest one below the cap: by 1 to 6 % where ln width scatters by 0.5 (standard
deviation), by 5 to 22 % where it scatters by 1.

References
----------
.. [1] D. J. Venzon, S. H. Moolgavkar, "A method for computing profile-likelihood-based confidence intervals", J. R. Stat. Soc.
   C 37 (1988), 87-94.
.. [2] J. L. Powell, "Least absolute deviations estimation for the censored regression model", J. Econometrics 25 (1984),
   303-325 (medians under censoring).
.. [3] B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall (1993), ch. 13 (percentile intervals).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expit, log_expit
from scipy.stats import chi2

from numerics.logistic import Jump

__all__ = ["Scaling", "threshold_scaling", "width_scaling"]

Array = NDArray[np.float64]

_LARGEST = 10.0  # exponents beyond are not distinguished: the size decides, whatever the width
_FAR = 20.0  # where an interval that reaches it has no end
_REDRAWN = 2000
_FEW = 5  # instances of a size; fewer say too little of their spread for an interval


@dataclass(frozen=True)
class Scaling:
    """width = factor * size^exponent.

    exponent: NaN if the data do not say it.  low, high: its interval, -inf and inf where the data set no bound on that side.
    factor: the width at size 1 (NaN with the exponent).  sizes: how many sizes are in the fit.
    """

    exponent: float
    low: float
    high: float
    factor: float
    sizes: int

    def at(self, size: ArrayLike) -> Array:
        """The width on the fitted line."""
        return np.asarray(self.factor * np.asarray(size, dtype=np.float64) ** self.exponent)

    def __str__(self) -> str:
        """The exponent and its interval.

        >>> print(Scaling(1.234, 1.1, math.inf, 2.0, 3))
        1.23 (1.10 to ?)
        >>> print(Scaling(math.nan, 1.1, math.inf, math.nan, 3))
        above 1.10
        """
        if math.isnan(self.exponent):
            known = [f"{word} {x:.2f}" for word, x in (("above", self.low), ("below", self.high)) if math.isfinite(x)]
            return " and ".join(known) or "not known"
        low, high = (f"{x:.2f}" if math.isfinite(x) else "?" for x in (self.low, self.high))
        return f"{self.exponent:.2f} ({low} to {high})"


_UNKNOWN = (math.nan, -math.inf, math.inf, math.nan)


def threshold_scaling(
    widths: ArrayLike, sizes: ArrayLike, successes: ArrayLike, trials: ArrayLike, alpha: float = 0.05
) -> Scaling:
    """The exponent of the threshold of width in the size, from so many successes in so many trials at each (width, size).

    Under separation every exponent in a range explains the data; the middle of the range is returned, and an interval
    around all of it.  ValueError for vectors of several lengths, sizes that are not positive, impossible counts.

    >>> k, s = np.meshgrid([10, 20, 40, 80], [1, 2, 4])
    >>> good = np.round(100 * expit(4 * np.log(k / (15 * s))))
    >>> found = threshold_scaling(k.ravel(), s.ravel(), good.ravel(), np.full(12, 100))
    >>> print(found.low < 1 < found.high, found.high - found.low < 0.2, round(found.factor))
    True True 15
    """
    k, s, good, all_ = (np.asarray(v, dtype=np.float64) for v in (widths, sizes, successes, trials))
    if k.ndim != 1 or not k.shape == s.shape == good.shape == all_.shape:
        raise ValueError("widths, sizes, successes and trials are vectors of one length")
    if not (np.all(k > 0) and np.all(s > 0) and np.all(good >= 0) and np.all(good <= all_)):
        raise ValueError("widths and sizes are positive, and 0 <= successes <= trials")
    k, s, good, all_ = (v[all_ > 0] for v in (k, s, good, all_))
    count = np.unique(s).size
    if count < 2 or np.unique(k).size < 2 or not np.any(good > 0) or not np.any(good < all_):
        return Scaling(*_UNKNOWN, count)
    data = _Successes(np.log(k), np.log(s), good, all_)
    best, top = data.best()
    c, slope, _ = data.at(best)
    cut = top - 0.5 * float(chi2.ppf(1 - alpha, 1))
    low, high = data.end(cut, best, -_FAR), data.end(cut, best, _FAR)
    if slope <= 0 or abs(best) > _LARGEST - 1e-3:
        return Scaling(math.nan, low, high, math.nan, count)
    return Scaling(best, low, high, math.exp(c), count)


@dataclass(frozen=True, eq=False)
class _Successes:
    """Logarithms of widths and sizes, successes, trials."""

    k: Array
    s: Array
    good: Array
    all_: Array

    def at(self, exponent: float) -> tuple[float, float, float]:
        """Threshold c, slope b and log likelihood, the most likely ones with that exponent.

        With the exponent fixed it is a logistic curve in ln k - x ln s.  The likelihood is concave in (b, bc, bx) and an
        exponent is a half plane there: as a function of the exponent it has one hill, and intervals are intervals.
        """
        x = self.k - exponent * self.s
        jump = Jump.of(x, self.good, self.all_)
        if jump is not None:
            return jump.place, math.inf, jump.likelihood
        return _curve(x, self.good, self.all_)

    def best(self) -> tuple[float, float]:
        """The most likely exponent, and the log likelihood there."""

        @cache
        def lost(exponent: float) -> float:
            return -self.at(exponent)[2]

        grid = np.linspace(-_LARGEST, _LARGEST, 41)
        at = int(np.argmin([lost(x) for x in grid.tolist()]))
        low, high = grid[max(at - 1, 0)], grid[min(at + 1, grid.size - 1)]
        found = minimize_scalar(lost, bounds=(low, high), method="bounded", options={"xatol": 1e-7})
        x = float(found.x) if found.fun <= lost(float(grid[at])) else float(grid[at])
        top = -lost(x)
        if top < -1e-9:
            return x, top
        # separated: the middle of all exponents that explain everything
        ends = [self.end(-1e-9, x, far) for far in (-_FAR, _FAR)]
        return (0.5 * sum(ends), 0.0) if all(map(math.isfinite, ends)) else (x, 0.0)

    def end(self, cut: float, best: float, far: float) -> float:
        """The exponent between `best` and `far` from which on the likelihood is below the cut; infinite if it never is."""
        if self.at(far)[2] >= cut:
            return math.copysign(math.inf, far)
        if self.at(best)[2] <= cut:
            return best
        return float(brentq(lambda x: self.at(x)[2] - cut, best, far, xtol=1e-7))


def _curve(x: Array, good: Array, all_: Array) -> tuple[float, float, float]:
    """c, b >= 0 and log likelihood of the logistic curve in x: Newton's method, halved where it overshoots.

    The maximum exists: successes and failures overlap in x (no :class:`~numerics.logistic.Jump`).
    """
    middle = float(np.mean(x))
    z = x - middle
    share = float(good.sum() / all_.sum())
    beta = np.array([math.log(share / (1 - share)), 0.0])

    def likelihood(b: Array) -> float:
        u = b[0] + b[1] * z
        return float(good @ log_expit(u) + (all_ - good) @ log_expit(-u))

    flat = value = likelihood(beta)
    for _ in range(60):
        p = expit(beta[0] + beta[1] * z)
        miss, weight = good - all_ * p, all_ * p * (1 - p)
        gradient = np.array([miss.sum(), miss @ z])
        hessian = np.array([[weight.sum(), weight @ z], [weight @ z, weight @ (z * z)]])
        step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        size = 1.0
        while likelihood(beta + size * step) < value and size > 1e-8:
            size *= 0.5
        beta = beta + size * step
        value, before = likelihood(beta), value
        if value - before <= 1e-11 * (1 + abs(value)):
            break
    if beta[1] <= 0:  # falling: the best that does not fall is flat
        return middle, 0.0, flat
    return middle - float(beta[0] / beta[1]), float(beta[1]), value


def width_scaling(sizes: ArrayLike, widths: ArrayLike, alpha: float = 0.05, seed: int = 0) -> Scaling:
    """The exponent of the median width in the size, from the width of each instance (inf: beyond what was looked at).

    sizes, widths: shape (N,), one entry an instance; several instances of each size.  Sizes at which the median is not known
    are left out of the fit (and not counted in `sizes` of the result); with fewer than five instances of a size there is no
    interval.  seed: of the bootstrap.  ValueError for other shapes, NaN, what is not positive.

    >>> rng = np.random.default_rng(1)
    >>> s = np.repeat([4.0, 8.0, 16.0, 32.0], 25)
    >>> w = 7 * s**1.5 * np.exp(rng.normal(0, 0.4, 100))
    >>> found = width_scaling(s, np.where(w < 3000, w, math.inf))
    >>> print(found.sizes, found.low < 1.5 < found.high, found.high - found.low < 0.5)
    4 True True
    """
    s, w = np.asarray(sizes, dtype=np.float64), np.asarray(widths, dtype=np.float64)
    if s.ndim != 1 or s.shape != w.shape:
        raise ValueError(f"sizes and widths are vectors of one length, not of {s.shape} and {w.shape}")
    if not (np.all(s > 0) and np.all(np.isfinite(s)) and np.all(w > 0)):
        raise ValueError("sizes and widths are positive; a width beyond what was looked at is inf")
    rng = np.random.default_rng(seed)
    places, medians, redrawn, fewest = [], [], [], math.inf
    for size in np.unique(s):
        logs = np.log(w[s == size])
        middle = _median(logs[None, :])[0]
        if math.isfinite(middle):
            places.append(math.log(size))
            fewest = min(fewest, logs.size)
            medians.append(middle)
            redrawn.append(_median(rng.choice(logs, size=(_REDRAWN, logs.size))))
    if len(places) < 2:
        return Scaling(*_UNKNOWN, len(places))
    x, y = np.array(places), np.array(medians)
    weights = (x - x.mean()) / np.sum((x - x.mean()) ** 2)
    slope = float(weights @ y)
    weights = np.where(np.abs(weights) < 1e-12, 0.0, weights)
    with np.errstate(invalid="ignore"):
        # a median beyond everything times weight 0 does not matter
        terms = np.where(weights[:, None] == 0, 0.0, weights[:, None] * np.array(redrawn))
        slopes = terms.sum(axis=0)
    low, high = (np.where(np.isnan(slopes), end, slopes) for end in (-math.inf, math.inf))
    ends = [_quantile(values, q) for values, q in ((low, alpha / 2), (high, 1 - alpha / 2))]
    if fewest < _FEW:
        ends = [-math.inf, math.inf]
    return Scaling(slope, ends[0], ends[1], math.exp(float(y.mean() - slope * x.mean())), len(places))


def _quantile(values: Array, q: float) -> float:
    return float(np.quantile(values, q, method="inverted_cdf"))


def _median(rows: Array) -> Array:
    """Medians of the rows; inf where one of the two entries in the middle is."""
    ordered = np.sort(rows, axis=1)
    n = ordered.shape[1]
    return np.asarray(0.5 * (ordered[:, (n - 1) // 2] + ordered[:, n // 2]))
