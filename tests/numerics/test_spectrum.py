"""Both routes to σ_min, and their error estimates, against exactly known singular values."""

import numpy as np
import pytest
from scipy.linalg import hadamard

from numerics.rigorous import sigma_min_lower
from numerics.spectrum import smallest


def known(ratio: float, p: int = 64, k: int = 256) -> tuple[np.ndarray, float]:
    """S = P diag(s) Q with Hadamard P and Q: entries exact to an ulp, singular values known; s from 1 down to `ratio`."""
    s = np.ones(p)
    s[-1] = ratio
    left = hadamard(p) / np.sqrt(p)
    right = hadamard(k)[:p] / np.sqrt(k)
    return (left * s) @ right, ratio


@pytest.mark.parametrize(
    ("ratio", "method"),
    [(2.0**-3, "Gram"), (2.0**-9, "Gram"), (2.0**-20, "decomposition"), (2.0**-40, "decomposition")],
)
def test_value_within_its_error_estimate(ratio: float, method: str) -> None:
    S, sigma = known(ratio)
    value, error = smallest(S)
    assert method in value.how
    assert abs(value.value - sigma) <= error
    assert error <= 1e-8 * sigma or ratio < 1e-6
    assert sigma_min_lower(S) <= sigma


def test_small_and_wide_factors() -> None:
    value, error = smallest(np.diag([5.0, 0.25]))
    assert value.value == pytest.approx(0.25, abs=error)
    assert smallest(np.ones((3, 2)))[0].value == 0.0
    assert value.direction == "estimate"
