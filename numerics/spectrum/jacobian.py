"""σ_min of the Jacobian of a two-layer network from (a, V), the Jacobian never formed (`dip2.gram`)."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from numerics.networks.two_layer import TwoLayer
from numerics.paired import half
from numerics.spectrum.record import Smallest
from numerics.spectrum.smallest import Method, smallest_singular_value

_EPS = float(np.finfo(np.float64).eps)


def jacobian_sigma_min(network: TwoLayer, *, method: Method = "auto", rtol: float = 1e-8) -> Smallest:
    """σ_min of the n × (nk + kd) Jacobian (n × kd for W only) of a network with any number d of inputs of unit norm.

    The estimate, with its error, of what :meth:`numerics.networks.two_layer.TwoLayer.sigma_min` bounds from below; some
    ten times cheaper, since nothing is enclosed. Arguments as in
    :func:`numerics.spectrum.smallest_singular_value`.

    >>> from numerics.activations import activation
    >>> net = TwoLayer(activation("identity"), "both", np.array([3.0, 4.0]), np.eye(2))
    >>> round(jacobian_sigma_min(net).value ** 2, 12)  # (‖a‖² + 1)/k
    13.0
    """
    root = math.sqrt(network.k)
    slopes = network.activation.dphi(network.a) / root
    shift = 0.0
    if network.train == "both":
        shift = float(np.linalg.norm(network.activation.phi(network.a))) / root
    V = half(network.V)
    if V is None:
        V = network.V
    else:  # [N, −N] diag(s₁, s₂): the Gram matrix N diag(s₁² + s₂²) Nᵀ is that of a factor of half the width
        slopes = np.hypot(slopes[: V.shape[1]], slopes[V.shape[1] :])
    factor = V * slopes
    found = smallest_singular_value(factor, shift=shift, method=method, rtol=rtol)
    # φ' and f are right to a few ulp: S diag(1 + δ) has σ_min within max|δ| of that of S, relatively (Ostrowski); the
    # rounding of each product adds a matrix of norm at most eps‖S‖_F
    size = math.sqrt(float(np.vdot(factor, factor)))
    return replace(found, error=found.error + _EPS * (size + 8 * found.value))
