"""Metrics against scikit-image, against definitions written out, and at the door."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from numerics.metrics import psnr, relative_error, snr, ssim
from numerics.signals import Mri


def _images(seed, height, width, scale):
    rng = np.random.default_rng(seed)
    truth = scale * rng.random((height, width))
    return truth + 0.1 * scale * rng.standard_normal((height, width)), truth


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(11, 40),
    width=st.integers(11, 40),
    scale=st.sampled_from([1e-3, 1.0, 255.0]),
)
def test_ssim_is_that_of_scikit_image(seed, height, width, scale):
    x, truth = _images(seed, height, width, scale)
    expected = structural_similarity(
        x, truth, data_range=scale, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert abs(ssim(x, truth, data_range=scale) - expected) <= 1e-10


def test_ssim_is_that_of_scikit_image_on_the_mri_slice():
    truth = Mri(size=64).load()
    x = truth + 0.05 * np.random.default_rng(0).standard_normal(truth.shape)
    expected = structural_similarity(
        x, truth, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert abs(ssim(x, truth, data_range=1.0) - expected) <= 1e-10
    assert ssim(x, truth, data_range=1.0) < 0.99 < ssim(truth, truth, data_range=1.0)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), data_range=st.sampled_from([1.0, 255.0]))
def test_psnr_is_that_of_scikit_image(seed, data_range):
    x, truth = _images(seed, 7, 9, data_range)
    assert psnr(x, truth, data_range) == pytest.approx(
        peak_signal_noise_ratio(truth, x, data_range=data_range), rel=1e-12
    )


def test_snr_and_relative_error_are_two_readings_of_one_number():
    x, truth = np.array([1.0, 2.0, 2.5]), np.array([1.0, 2.0, 2.0])
    assert relative_error(x, truth) == pytest.approx(0.5 / 3.0, rel=1e-15)
    assert snr(x, truth) == pytest.approx(-20 * math.log10(relative_error(x, truth)), rel=1e-14)
    assert snr(truth, truth) == math.inf
    assert psnr(truth, truth, 1.0) == math.inf
    assert relative_error(truth, truth) == 0.0


@pytest.mark.parametrize("metric", [relative_error, snr])
def test_nothing_is_relative_to_zero(metric):
    with pytest.raises(ValueError, match="the truth is zero"):
        metric([1.0], [0.0])


def test_shapes_ranges_and_small_images_are_refused():
    with pytest.raises(ValueError, match=r"\(2,\).*\(3,\)"):
        relative_error([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="both arrays are empty"):
        snr([], [])
    for bad in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="data_range"):
            psnr([1.0], [2.0], bad)
    with pytest.raises(ValueError, match="at least 11 × 11 pixels, got shape \\(10, 11\\)"):
        ssim(np.ones((10, 11)), np.ones((10, 11)), 1.0)
