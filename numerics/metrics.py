"""How far a reconstruction is from the truth: relative error, PSNR and SSIM (images), SNR (series).

Every function takes the reconstruction first and the truth second, in any shape, and compares float64 values entry by
entry. None of these numbers enters a guarantee; they are what a practitioner reads.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter

#: Constants of Wang, Bovik, Sheikh, Simoncelli (IEEE Trans. Image Process. 13(4), 2004): K1, K2, the Gaussian's width
#: and where it is cut (3.5 widths: an 11 × 11 window).
_K1, _K2, _SIGMA, _TRUNCATE = 0.01, 0.03, 1.5, 3.5
_HALF_WINDOW = int(_TRUNCATE * _SIGMA + 0.5)


def relative_error(x: ArrayLike, truth: ArrayLike) -> float:
    """‖x − truth‖ / ‖truth‖ in the Euclidean norm; ValueError for a zero truth.

    >>> relative_error([3.0, 4.0], [3.0, 0.0])
    1.3333333333333333
    """
    left, right = _pair(x, truth)
    scale = np.linalg.norm(right)
    if scale == 0.0:
        raise ValueError("the truth is zero, so no error is relative to it; use the absolute error")
    return float(np.linalg.norm(left - right) / scale)


def psnr(x: ArrayLike, truth: ArrayLike, data_range: float) -> float:
    """Peak signal-to-noise ratio 10 log10(data_range² / mean squared error) in decibels; inf for equal inputs.

    `data_range` is the difference between the largest and smallest value an image may take (1 for images in [0, 1]).

    >>> round(psnr([[0.1, 0.0]], [[0.0, 0.0]], data_range=1.0), 10)
    23.0102999566
    """
    left, right = _pair(x, truth)
    return _decibels(_positive(data_range) ** 2, float(np.mean((left - right) ** 2)))


def snr(x: ArrayLike, truth: ArrayLike) -> float:
    """Signal-to-noise ratio 10 log10(‖truth‖² / ‖x − truth‖²) in decibels; inf for equal inputs.

    >>> round(snr([1.0, 0.1], [1.0, 0.0]), 10)
    20.0
    """
    left, right = _pair(x, truth)
    power = float(np.sum(right**2))
    if power == 0.0:
        raise ValueError("the truth is zero, so its signal-to-noise ratio is not defined; use the absolute error")
    return _decibels(power, float(np.sum((left - right) ** 2)))


def ssim(x: ArrayLike, truth: ArrayLike, data_range: float) -> float:
    """Mean structural similarity of two images (h × w, both sides at least 11) with an 11 × 11 Gaussian window.

    The definition of Wang, Bovik, Sheikh, Simoncelli (2004), windows that leave the image excluded: what scikit-image
    computes with ``gaussian_weights=True, sigma=1.5, use_sample_covariance=False``.

    >>> image = np.add.outer(np.arange(16.0), np.arange(16.0)) / 30
    >>> ssim(image, image, data_range=1.0)
    1.0
    """
    left, right = _pair(x, truth)
    side = 2 * _HALF_WINDOW + 1
    if left.ndim != 2 or min(left.shape) < side:
        raise ValueError(f"SSIM needs an image of at least {side} × {side} pixels, got shape {left.shape}")
    c1, c2 = (_K1 * _positive(data_range)) ** 2, (_K2 * data_range) ** 2

    def mean(image: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(gaussian_filter(image, _SIGMA, truncate=_TRUNCATE, mode="reflect"), dtype=np.float64)

    mean_l, mean_r = mean(left), mean(right)
    # The products are formed before the filter, as in the reference implementation: both cancel alike.
    variance_l, variance_r = mean(left * left) - mean_l * mean_l, mean(right * right) - mean_r * mean_r
    covariance = mean(left * right) - mean_l * mean_r
    luminance = (2 * mean_l * mean_r + c1) / (mean_l**2 + mean_r**2 + c1)
    structure = (2 * covariance + c2) / (variance_l + variance_r + c2)
    inner = slice(_HALF_WINDOW, -_HALF_WINDOW)
    return float(np.mean((luminance * structure)[inner, inner]))


def _pair(x: ArrayLike, truth: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    left, right = np.asarray(x, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if left.shape != right.shape:
        raise ValueError(f"the reconstruction has shape {left.shape} but the truth has shape {right.shape}")
    if left.size == 0:
        raise ValueError("there is nothing to compare: both arrays are empty")
    return left, right


def _positive(data_range: float) -> float:
    if not (math.isfinite(data_range) and data_range > 0):
        raise ValueError(f"data_range must be positive and finite, got {data_range}")
    return float(data_range)


def _decibels(signal: float, noise: float) -> float:
    return math.inf if noise == 0.0 else 10.0 * math.log10(signal / noise)
