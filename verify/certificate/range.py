"""Whether the bounds of a problem can be computed at all: products of its numbers have to stay in the range of doubles."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from verify.tables import ProblemError

from .subject import Subject

Array = NDArray[np.float64]

# Powers of two beyond which a product may overflow, sums and rounding terms included (doubles end at 2^1024).
_LARGEST = 960.0


def in_range(subject: Subject) -> None:
    """ProblemError if a derived array (V V', T g - y, weights/min, x̄/s, ...) may overflow. All sizes are powers of two."""
    s = subject
    v, y = _size(s.V), _size(s.y)
    r, c = (0.0 if M is None else _size(M) for M in (s.R, s.C))
    phi = max(0.0, _size(s.a)) + 3  # |phi(a)| <= 1.2 |a| + 1 for every activation
    spread = 0.0 if s.weights is None else math.log2(s.weights.max()) - math.log2(s.weights.min())
    x = 0.0 if s.signal is None else _size(s.signal) - math.log2(s.scale)
    coupled = s.signal is not None and s.R is not None
    products = {
        "V V'": (4 if coupled else 2) * v,
        "R R'": 2 * r,
        "C'C": 2 * c,
        "weights/min(weights)": spread,
        "the square of y": 2 * y + spread,
        "the square of T g": 2 * (r + c + v + phi) + spread,
        "the square of signal/scale": 2 * x,
        "the square of T signal/scale": 2 * (r + c + x),
    }
    name, worst = max(products.items(), key=lambda item: item[1])
    if worst > _LARGEST:
        raise ProblemError(
            f"the problem has numbers whose products leave the range of doubles ({name} may reach 2^{worst:.0f}): rescale "
            "by a power of two (V, the operator, y, the weights, or the signal with its scale)"
        )


def _size(array: Array) -> float:
    """log2 of a bound of the Euclidean norm."""
    largest = float(np.abs(array).max())
    return math.log2(largest) + 0.5 * math.log2(array.size) + 1 if largest > 0 else 0.0
