"""Special functions that SciPy lacks, elementwise in float64, and the table of stable versions of those it has."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special

__all__ = ["FLOAT_FUNCTIONS", "acosh_exp", "asinh_exp", "dilogarithm", "erf_series", "log_cosh"]


def erf_series(z: Any) -> np.ndarray:
    """₂F₂(1,1; 3/2,2; z) for real z = a² ≥ 0, elementwise, to about 1e-14 relative; inf where it overflows (z > 708).

    For z ≤ 25 the series Σ z^n/((3/2)_n (n+1)), all of whose terms are positive.  Beyond, integration by parts
    gives (a²/2)₂F₂ = (π/4) erf(a) erfi(a) − ∫_0^a D (D: Dawson's function), and
    ∫_0^a D = ½ ln a + (γ + ln 4)/4 − Σ_{n≥1} (2n−1)!!/(2^{n+2} n a^{2n}) (asymptotic; there its
    last term relative to the first is below 1e-17).
    """
    z = np.asarray(z, dtype=np.float64)
    small = np.minimum(z, 25.0)
    term = np.ones_like(small)
    total = np.ones_like(small)
    for n in range(1, 120):
        term = term * small / (n + 0.5)
        total = total + term / (n + 1)
    large = np.maximum(z, 25.0)
    a = np.sqrt(large)
    dawson_integral = 0.5 * np.log(a) + (np.euler_gamma + np.log(4.0)) / 4
    power = np.ones_like(a)
    for n in range(1, 13):
        power = power * (2 * n - 1) / (2 * large)
        dawson_integral = dawson_integral - power / (4 * n)
    big = (np.pi / 4 * scipy.special.erf(a) * scipy.special.erfi(a) - dawson_integral) * 2 / large
    return np.where(z <= 25.0, total, big)


def _hyper(upper: Any, lower: Any, z: Any) -> Any:
    if tuple(upper) == (1, 1) and tuple(lower) == (1.5, 2):
        return erf_series(z)
    if len(upper) == 2 and len(lower) == 1:
        (a, b), (c,) = map(float, upper), map(float, lower)
        return scipy.special.hyp2f1(a, b, c, z)
    raise NotImplementedError(f"no float64 rule for the hypergeometric function with parameters {upper}, {lower}")


def dilogarithm(order: Any, z: Any) -> Any:
    """Li₂ on (−∞, 1], to a few units in the last place (SciPy's spence is off by ten near −1).

    z < −1 by inversion, Li₂(z) = −π²/6 − ½ ln²(−z) − Li₂(1/z); −1 ≤ z < 0 by Landen's transformation, Li₂(z) = −Li₂(z/(z − 1)) −
    ½ ln²(1 − z); on [0, ½] the power series; beyond, SciPy's spence.
    """
    if order != 2:
        raise NotImplementedError(f"no float64 rule for the polylogarithm of order {order}")
    z = np.asarray(z, dtype=np.float64)
    far = z < -1.0
    inside = np.where(far, 1 / np.where(far, z, -1.0), z)
    negative = inside < 0
    w = np.where(negative, inside / (np.where(negative, inside, 0.0) - 1), inside)
    small = np.minimum(w, 0.5)
    series = np.zeros_like(small)
    for j in range(52, 0, -1):
        series = (series + 1 / j**2) * small
    value = np.where(w <= 0.5, series, scipy.special.spence(1.0 - w))
    value = np.where(negative, -value - 0.5 * np.log1p(-np.where(negative, inside, 0.0)) ** 2, value)
    return np.where(far, -(np.pi**2) / 6 - 0.5 * np.log(np.where(far, -z, 1.0)) ** 2 - value, value)


def log_cosh(x: Any) -> Any:
    """log cosh x without cancellation near 0 and without overflow."""
    x = np.abs(np.asarray(x, dtype=np.float64))
    near = np.log1p(2 * np.sinh(np.minimum(x, 1.0) / 2) ** 2)
    return np.where(x < 1.0, near, x + np.log1p(np.exp(-2 * x)) - np.log(2.0))


def acosh_exp(x: Any) -> Any:
    """arcosh(e^x) for x ≥ 0 without cancellation near 0 and without overflow."""
    return x + np.log1p(np.sqrt(-np.expm1(-2 * np.asarray(x, dtype=np.float64))))


def asinh_exp(x: Any, p: Any) -> Any:
    """arsinh(e^x √p) for p > 0 and e^x of any size."""
    x, root = np.asarray(x, dtype=np.float64), np.sqrt(np.asarray(p, dtype=np.float64))
    far = x + np.log(root + np.sqrt(p + np.exp(-2 * np.maximum(x, 300.0))))
    return np.where(x > 300.0, far, np.arcsinh(np.exp(np.minimum(x, 300.0)) * root))


FLOAT_FUNCTIONS: dict[str, Any] = {
    "expit": scipy.special.expit,
    "sech": lambda x: 1 / np.cosh(x),
    "softplus": lambda x: np.logaddexp(0.0, x),
    "normal_cdf": scipy.special.ndtr,
    "hyper": _hyper,
    "polylog": dilogarithm,
    "Heaviside": np.heaviside,
    "log1p": np.log1p,
    "expm1": np.expm1,
    "log_cosh": log_cosh,
    "acosh_exp": acosh_exp,
    "asinh_exp": asinh_exp,
}
"""Name in a printed expression → NumPy function."""
