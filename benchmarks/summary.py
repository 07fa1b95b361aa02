"""Medians, spreads, and the ratio of two medians with an interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

_RESAMPLES = 4000


@dataclass(frozen=True)
class Spread:
    """Seconds: median, minimum, quartiles, and how many samples they rest on."""

    median: float
    minimum: float
    q1: float
    q3: float
    samples: int


def spread(samples: Sequence[float]) -> Spread:
    """What is told of a list of timings.

    >>> spread([3.0, 1.0, 2.0]).median
    2.0
    """
    q1, median, q3 = np.quantile(samples, [0.25, 0.5, 0.75])
    return Spread(float(median), float(np.min(samples)), float(q1), float(q3), len(samples))


def ratio(samples: Sequence[float], ours: Sequence[float], seed: int = 0) -> tuple[float, float, float]:
    """The ratio of the medians and its 95 % percentile bootstrap interval, both lists resampled.

    With a single sample on a side, that side contributes nothing to the interval.

    >>> ratio([2.0, 2.0], [1.0, 1.0])
    (2.0, 2.0, 2.0)
    """
    rng = np.random.default_rng(seed)

    def medians(values: Sequence[float]) -> np.ndarray:
        drawn = rng.choice(np.asarray(values), size=(_RESAMPLES, len(values)))
        return np.median(drawn, axis=1)

    low, high = np.quantile(medians(samples) / medians(ours), [0.025, 0.975])
    return float(np.median(samples) / np.median(ours)), float(low), float(high)


@dataclass(frozen=True)
class Exponent:
    """time ≈ constant · size^value, with the 95 % interval of the value by Student's t."""

    value: float
    low: float
    high: float
    constant: float


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> Exponent:
    """Least squares of log(seconds) on log(size); at least three sizes.

    >>> fit = exponent([1.0, 2.0, 4.0], [3.0, 12.0, 48.0])
    >>> round(fit.value, 12), round(fit.constant, 12)
    (2.0, 3.0)
    """
    if len(sizes) < 3:
        raise ValueError(f"{len(sizes)} sizes; a fit with an interval needs at least three")
    fit = stats.linregress(np.log(sizes), np.log(seconds))
    half = float(stats.t.ppf(0.975, len(sizes) - 2) * fit.stderr)
    slope = float(fit.slope)
    return Exponent(slope, slope - half, slope + half, float(np.exp(fit.intercept)))
