"""How sure one can be of a probability or a mean after some draws: exact limits, and limits that survive every look.

:func:`clopper_pearson` is exact for a number of draws that was fixed in advance.  Who looks again and again and stops
when the interval pleases has another event: :func:`mixture` bounds the probability that its interval is *ever* wrong,
at whichever of infinitely many looks, and so allows to stop when enough is known.  :func:`bounded_mean` does the same
for the mean of bounded numbers.

References
----------
.. [1] C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
   Biometrika 26 (1934), 404-413.
.. [2] H. Robbins, "Statistical methods related to the law of the iterated logarithm", Ann. Math. Statist. 41 (1970),
   1397-1409 (mixtures of likelihood ratios and Ville's inequality).
.. [3] S. R. Howard, A. Ramdas, J. McAuliffe, J. Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence
   sequences", Ann. Statist. 49 (2021), 1055-1080.
.. [4] I. Waudby-Smith, A. Ramdas, "Estimating means of bounded random variables by betting", J. R. Stat. Soc. B 86
   (2024), 1-27 (the predictable plug-in empirical Bernstein sequence).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln, xlog1py, xlogy
from scipy.stats import beta

__all__ = ["Limits", "bounded_mean", "clopper_pearson", "mixture", "mixture_log_evidence"]

Array = NDArray[np.float64]
PRIOR = (0.5, 0.5)
"""Parameters of the Beta law over which likelihood ratios are mixed: Jeffreys', good at 0 and 1 as well as between."""


class Limits(NamedTuple):
    """Lower and upper confidence limits, arrays of one shape."""

    lower: Array
    upper: Array


def _counts(successes: ArrayLike, trials: ArrayLike, alpha: float) -> tuple[Array, Array]:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha, the probability of being wrong, lies strictly between 0 and 1; given {alpha!r}")
    s, t = np.broadcast_arrays(np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64))
    whole = (s == np.floor(s)) & (t == np.floor(t))
    if not (whole & (s >= 0) & (s <= t)).all():
        raise ValueError("successes and trials are whole numbers with 0 <= successes <= trials")
    return s, t


def clopper_pearson(successes: ArrayLike, trials: ArrayLike, alpha: float = 0.05) -> Limits:
    """Limits of a probability that are wrong with probability at most `alpha`, at one number of trials fixed before [1]_.

    Each side errs with probability at most alpha/2.  Arrays broadcast; no trials give (0, 1).

    >>> lower, upper = clopper_pearson(8, 10)
    >>> round(float(lower), 6), round(float(upper), 6)
    (0.443905, 0.974789)
    """
    s, t = _counts(successes, trials, alpha)
    with np.errstate(all="ignore"):  # Beta laws with a parameter 0 are put in by hand
        low = np.where(s > 0, beta.ppf(alpha / 2, s, t - s + 1), 0.0)
        high = np.where(s < t, beta.isf(alpha / 2, s + 1, t - s), 1.0)
    return Limits(low, high)


def mixture_log_evidence(successes: ArrayLike, trials: ArrayLike, p: ArrayLike) -> Array:
    """Logarithm of the mixed likelihood ratio against success probability `p`: inf where p cannot be.

    With b = :data:`PRIOR` it is ln[B(s + b_1, t - s + b_2)/B(b_1, b_2)] - s ln p - (t - s) ln(1 - p).  If p is the true
    probability, its exponential is a nonnegative martingale in t that starts at 1 (at p = 0 and p = 1 a supermartingale):
    a mixture of likelihood ratios is one.

    >>> float(mixture_log_evidence(0, 0, 0.3)), float(mixture_log_evidence(3, 3, 0.0))
    (0.0, inf)
    """
    s, t = _counts(successes, trials, 0.5)
    p = np.asarray(p, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(_mixed(s, t) - xlogy(s, p) - xlog1py(t - s, -p))


def mixture(successes: ArrayLike, trials: ArrayLike, alpha: float = 0.05) -> Limits:
    """Limits of a probability that are wrong at *any* number of trials with probability at most `alpha` altogether [2]_, [3]_.

    All p with mixed evidence below 1/alpha: by Ville's inequality the evidence against the true p ever reaches 1/alpha
    with probability at most alpha.  The evidence is convex in p with its minimum, at most 1, at successes/trials, so this is
    an interval; its ends are found by bisection and returned on the outer side.  Arrays broadcast.

    >>> lower, upper = mixture(8, 10)
    >>> round(float(lower), 6), round(float(upper), 6)
    (0.342479, 0.990606)
    >>> [bool(clopper_pearson(s, 50).lower > mixture(s, 50).lower) for s in (1, 25, 50)]  # the price of looking
    [True, True, True]
    """
    s, t = _counts(successes, trials, alpha)
    level = math.log(1 / alpha) + 1e-9 - _mixed(s, t)  # 1e-9 is above the rounding of the evidence
    inside = np.divide(s, t, out=np.full(s.shape, 0.5), where=t > 0)
    inside = np.stack([inside, inside])
    outside = np.stack([np.zeros(s.shape), np.ones(s.shape)])
    with np.errstate(divide="ignore"):
        for _ in range(54):
            p = 0.5 * (outside + inside)
            excluded = -xlogy(s, p) - xlog1py(t - s, -p) >= level
            outside, inside = np.where(excluded, p, outside), np.where(excluded, inside, p)
    return Limits(outside[0], outside[1])


def _mixed(s: Array, t: Array) -> Array:
    """Logarithm of the likelihood of one sequence of s successes in t trials, p drawn from the prior."""
    return np.asarray(betaln(s + PRIOR[0], t - s + PRIOR[1]) - betaln(*PRIOR))


def bounded_mean(x: ArrayLike, low: float, high: float, alpha: float = 0.05, *, horizon: int | None = None) -> Limits:
    """Limits of the mean after each of the numbers `x`, wrong at *any* of them with probability at most `alpha` [4]_.

    Parameters
    ----------
    x: shape (N,), independent with one mean (or with one conditional mean given those before), all in [low, high].
    low, high: bounds that are known, not read off from `x`.
    horizon: number of draws for which the limits are made narrow (None: for none in particular).  They hold at all others.

    Returns
    -------
    Limits of shape (N,): entry i uses x[:i + 1].

    Why they hold: scale to [0, 1]; let m be the mean, m_i a guess made before x_i, d = m_i - m, l in (0, 1) chosen before
    x_i and c = -ln(1 - l) - l.  For y = x_i - m_i >= -1, exp(l y - c y^2) <= 1 + l y (Fan, Grama, Liu 2015), so
    E exp(l (x_i - m) - c y^2) <= exp(l d) (1 - l d) <= 1: the products over i are a supermartingale, and so are those for
    1 - x_i.  Ville's inequality with alpha/2 each.

    >>> lower, upper = bounded_mean(np.tile([0.0, 1.0], 500), 0.0, 1.0)
    >>> bool(lower[-1] < 0.5 < upper[-1]), round(float(upper[-1] - lower[-1]), 3)
    (True, 0.126)
    """
    values = np.asarray(x, dtype=np.float64)
    if not 0 < alpha < 1:
        raise ValueError(f"alpha, the probability of being wrong, lies strictly between 0 and 1; given {alpha!r}")
    if values.ndim != 1 or not low < high:
        raise ValueError(f"a list of numbers and low < high are needed; given shape {values.shape}, {low!r}, {high!r}")
    if not ((values >= low) & (values <= high)).all():
        raise ValueError(
            f"the numbers lie between {values.min()} and {values.max()}, not all within [{low!r}, {high!r}]"
        )
    unit = (values - low) / (high - low)
    count = np.arange(1.0, values.size + 1)
    guess = np.concatenate([[0.5], (0.5 + np.cumsum(unit)) / (count + 1)])  # guess[i] knows x[:i]
    spread = np.concatenate([[0.25], (0.25 + np.cumsum((unit - guess[1:]) ** 2)) / (count + 1)])[:-1]
    draws = count * np.log(count + 1) if horizon is None else np.maximum(count, horizon)
    need = math.log(2 / alpha)
    bet = np.minimum(0.5, np.sqrt(2 * need / (spread * draws)))
    cost = np.cumsum((-np.log1p(-bet) - bet) * (unit - guess[:-1]) ** 2)
    weight = np.cumsum(bet)
    centre, half = np.cumsum(bet * unit) / weight, (need + cost) / weight * (1 + 1e-9)
    return Limits(
        low + (high - low) * np.clip(centre - half, 0.0, 1.0), low + (high - low) * np.clip(centre + half, 0.0, 1.0)
    )
