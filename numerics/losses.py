"""The losses of :mod:`theory.losses` as float64 functions of vectors."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.compile import function
from theory.kl import Desingularizer
from theory.losses import LOSSES, Loss
from theory.symbols import sym

__all__ = ["CompiledLoss", "loss"]


class CompiledLoss:
    """A loss L_y(v) = Σ_i entry(|v_i − y_i|, w_i) with its weights fixed.

    `theory` is the :class:`theory.losses.Loss`, `kl` its desingularizer with the smallest weight filled in (the double
    taken as exact), `w_min` that weight, `weights` the vector (None: all one).  Vectors may carry leading
    axes: v of shape (..., m) against y of shape (m,).
    """

    def __init__(self, theory: Loss, weights: NDArray[np.float64] | None) -> None:
        self.theory = theory
        self.name = theory.name
        self.weights = weights
        self.w_min = 1.0 if weights is None else float(weights.min())
        self.kl: Desingularizer = theory.kl.substitute({sym("w_min"): self.w_min})
        entry, args = theory.entry, ["r", "w"]
        self._entry = function(entry, args)
        self._slope = function(entry.diff(sym("r")), args)
        self._psi = function(self.kl.psi(sym("s")), ["s"])

    def __repr__(self) -> str:
        return f"CompiledLoss({self.name!r}, w_min={self.w_min!r})"

    def _residual(self, v: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], Any]:
        r = np.asarray(v, dtype=np.float64) - np.asarray(y, dtype=np.float64)
        if self.weights is None:
            return r, 1.0
        if r.shape[-1:] != self.weights.shape:
            raise ValueError(f"the residual has shape {r.shape}, but there are {self.weights.size} weights")
        return r, self.weights

    def value(self, v: ArrayLike, y: ArrayLike) -> Any:
        """L_y(v): shape (..., m) → (...); a float for one vector."""
        r, w = self._residual(v, y)
        total = np.sum(self._entry(np.abs(r), w), axis=-1)
        return float(total) if np.ndim(total) == 0 else total

    def grad(self, v: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
        """∇L_y(v), of the shape of v − y."""
        r, w = self._residual(v, y)
        return np.asarray(np.sign(r) * self._slope(np.abs(r), w))

    def psi(self, value: ArrayLike) -> Any:
        """ψ at loss values ≥ 0, elementwise."""
        return self._psi(value)

    def rho(self, v: ArrayLike, y: ArrayLike) -> Any:
        """The desingularized loss ρ = ψ(L_y(v)); for least squares ‖v − y‖."""
        return self._psi(self.value(v, y))


def loss(name: str, weights: Sequence[float] | ArrayLike | None = None) -> CompiledLoss:
    """The loss called `name`, with positive finite weights if it takes them.

    >>> loss("least_squares").value([3.0, 0.0], [0.0, 4.0])
    12.5
    >>> loss("weighted_least_squares", [4.0, 1.0]).value([1.0, 1.0], [0.0, 0.0])
    2.5
    """
    if name not in LOSSES:
        near = get_close_matches(name, LOSSES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(sorted(LOSSES))}"
        raise ValueError(f"unknown loss {name!r}; {hint}")
    theory = LOSSES[name]
    if weights is None:
        return CompiledLoss(theory, None)
    array = np.asarray(weights, dtype=np.float64)
    if not theory.weighted:
        offer = ", ".join(sorted(key for key, item in LOSSES.items() if item.weighted))
        raise ValueError(f"{name} takes no weights; use {offer}, or leave them out")
    if array.ndim != 1 or array.size == 0 or not np.all(np.isfinite(array)) or not np.all(array > 0):
        raise ValueError("weights must be a non-empty vector of positive finite numbers (inverse noise variances)")
    array = array.copy()
    array.setflags(write=False)
    return CompiledLoss(theory, array)
