"""The median of some draws, with exact limits: they are order statistics, whatever the law is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy.stats import binom

__all__ = ["Median", "median"]


class Median(NamedTuple):
    """value: of the sample.  low, high: limits of the law's median (95 %), infinite for too few draws.  draws: how many."""

    value: float
    low: float
    high: float
    draws: int


def median(values: Iterable[float]) -> Median:
    """Median of the draws that are not NaN; they may be infinite.

    The value is a draw (the lower of the two in the middle), so that infinite ones need no arithmetic.  The j-th smallest of N
    draws is above the law's median with probability P(Bin(N, ½) < j) at most, however the law is: the largest j for which that
    is below 2.5 % is the lower limit, and counted from the other end the upper one.

    >>> median([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, math.inf, math.nan])
    Median(value=4.0, low=1.0, high=inf, draws=7)
    >>> median([1.0, 2.0])
    Median(value=1.0, low=-inf, high=inf, draws=2)
    """
    x = np.sort(np.array([v for v in values if not math.isnan(v)], dtype=np.float64))
    if x.size == 0:
        return Median(math.nan, -math.inf, math.inf, 0)
    j = int(binom.ppf(0.025, x.size, 0.5))
    low, high = (float(x[j - 1]), float(x[-j])) if j > 0 else (-math.inf, math.inf)
    return Median(float(x[(x.size - 1) // 2]), low, high, int(x.size))
