"""W only, one input, linear operator: the exact theory (`wonly.*`).

Only the first layer moves, so the hidden vector h = phi(a) follows the mirror flow d/dt H(a) = -B^T (B h - y) of a
*convex* function over the box prod phi(I_i), with B = A V/sqrt(k) (m x k), H' = 1/phi' and I_i the interval between
zeros of phi' that holds a_i(0). Whether zero loss is reached, how fast, and which point is reached are therefore
questions of finite-dimensional convex optimization, answered here with certificates.

`domain`     the intervals, the box, the inverse of H
`bregman`    the distance D of the mirror flow, enclosed; rates and floors that follow from it
`path`       Newton's method on the dual, with what several questions about one problem share
`dual`       the limit point, points of the regularization path, stopping times
`threshold`  is y in the image of the box: certified both ways

Everything is for least squares; for weights Gamma^{-1} pass Gamma^{-1/2} B and Gamma^{-1/2} y.
"""

from numerics.wonly.bregman import bregman, dphi_floor, rate_time
from numerics.wonly.domain import box, interval, inverse_H
from numerics.wonly.dual import (
    Limit,
    StoppingTime,
    limit,
    limit_of,
    regularized,
    regularized_on,
    stopping_time,
    stopping_time_on,
)
from numerics.wonly.path import Path, Regularized
from numerics.wonly.threshold import Threshold, threshold

__all__ = [
    "Limit",
    "Path",
    "Regularized",
    "StoppingTime",
    "Threshold",
    "box",
    "bregman",
    "dphi_floor",
    "interval",
    "inverse_H",
    "limit",
    "limit_of",
    "rate_time",
    "regularized",
    "regularized_on",
    "stopping_time",
    "stopping_time_on",
    "threshold",
]
