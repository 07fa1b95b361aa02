"""The median of some draws, with exact limits: they are order statistics, whatever the law is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy.stats import quantile_test

__all__ = ["Median", "median"]


class Median(NamedTuple):
    """value: the sample's.  low, high: limits of the law's median (95 %), −∞ and ∞ where too few draws say nothing.  count: of draws."""

    value: float
    low: float
    high: float
    count: int


def median(values: Iterable[float]) -> Median:
    """Median of the draws that are not NaN; they may be infinite.

    The value is a draw (the lower of the two in the middle), so that infinite ones need no arithmetic.

    >>> median([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, math.inf, math.nan])
    Median(value=4.0, low=1.0, high=inf, count=7)
    >>> median([])
    Median(value=nan, low=-inf, high=inf, count=0)
    """
    x = np.sort(np.array([v for v in values if not math.isnan(v)], dtype=np.float64))
    if x.size == 0:
        return Median(math.nan, -math.inf, math.inf, 0)
    # the limits are two of the draws: those of their ranks, because infinities do not pass through quantile_test
    ranks = quantile_test(np.arange(x.size), q=0.0, p=0.5).confidence_interval(0.95)
    low = -math.inf if math.isnan(ranks.low) else float(x[int(ranks.low)])
    high = math.inf if math.isnan(ranks.high) else float(x[int(ranks.high)])
    return Median(float(x[(x.size - 1) // 2]), low, high, int(x.size))
