"""Which losses survive a rotation of the data space, read off the expression of the loss.

L_y(v) = outer(sum_i entry(|v_i - y_i|, w_i)) with entry(r, w) = g(w) r^2 is a function of ||D(v - y)||, D = diag of
sqrt(g(w_i)/g(1)): after whitening A and y by D it is invariant under orthogonal maps. No other entry will do: if the
sum of e(|r_i|) is a function of the norm alone then e(sqrt(s + t)) = e(sqrt s) + e(sqrt t) (two entries against one,
e(0) = 0), so e(sqrt s) is linear in s by Cauchy's equation, e being continuous.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from numerics.compile import function
from numerics.losses import CompiledLoss
from theory.symbols import sym

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Radial:
    """A loss that depends on ||D(v - y)|| only.

    weight      g(w)/g(1), an expression in ``sym("w")``
    additive    outer is affine: the part of y outside Im A adds a constant to the loss (otherwise it acts on the speed)
    """

    weight: Any
    additive: bool

    def whitening(self, weights: Array | None) -> Array | None:
        """The diagonal of D, shape (m,); None for the identity."""
        if weights is None:
            return None
        scale = np.broadcast_to(np.asarray(function(self.weight, ["w"])(weights), dtype=np.float64), weights.shape)
        return None if np.all(scale == 1.0) else np.sqrt(scale)


def radial(loss: CompiledLoss) -> Radial | None:
    """What makes a loss invariant under rotations once it is whitened, at its parameters; None for entrywise losses.

    >>> from numerics.losses import loss
    >>> radial(loss("weighted_least_squares", [1.0, 2.0]))
    Radial(weight=w, additive=True)
    >>> radial(loss("p_power", p=4))
    Radial(weight=1, additive=False)
    >>> radial(loss("log_cosh")) is None
    True
    >>> radial(loss("lp", p=2, m=3)), radial(loss("lp", p=4, m=3))
    (Radial(weight=1, additive=True), None)
    """
    return _radial(loss.theory.entry, loss.theory.outer)


@lru_cache(maxsize=256)
def _radial(entry: Any, outer: Any) -> Radial | None:
    r, w, z = sym("r"), sym("w"), sym("z")
    quotient = sp.simplify(entry / r**2)
    if quotient.has(r):
        return None
    return Radial(sp.simplify(quotient / quotient.subs(w, 1)), not sp.simplify(outer.diff(z)).has(z))
