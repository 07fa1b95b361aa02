"""The losses of :mod:`theory.losses` as float64 functions of vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike, NDArray

from numerics.compile import function
from theory.kl import Desingularizer
from theory.losses import LOSSES, Loss
from theory.symbols import sym

__all__ = ["CompiledLoss", "loss"]


class CompiledLoss:
    """A loss L_y(v) = outer(Σ_i entry(|v_i − y_i|, w_i)) with its weights and parameters fixed.

    `theory` is the :class:`theory.losses.Loss` at these parameters, `kl` its desingularizer with parameters and smallest
    weight filled in (doubles taken as exact), `w_min` that weight, `weights` the vector (None: all one), `parameters`
    the values by name.  Vectors may carry leading axes: v of shape (..., m) against y of shape (m,).
    """

    def __init__(self, theory: Loss, weights: NDArray[np.float64] | None, parameters: Mapping[str, Any] | None = None):
        exact = theory.exact(parameters or {})
        self.theory = theory.at(**exact)
        self.name = theory.name
        self.weights = weights
        self.w_min = 1.0 if weights is None else float(weights.min())
        self.parameters: Mapping[str, float] = {name: float(value) for name, value in exact.items()}
        self._exact = exact
        entry, outer, names = theory.entry, theory.outer, list(exact)
        self._separable = outer == sym("z")
        self._entry = function(entry, ["r", "w", *names])
        self._slope = function(sp.powsimp(entry.diff(sym("r"))), ["r", "w", *names])
        self._outer = function(outer, ["z", *names])
        self._outer_slope = function(outer.diff(sym("z")), ["z", *names])
        # the parameters stay arguments: one compilation serves all of their values
        self._psi = function(theory.psi, ["s", "w_min", *names])
        self._arguments = tuple(self.parameters.values())
        self._base = theory

    @cached_property
    def kl(self) -> Desingularizer:
        """The desingularizer at the parameters and the smallest weight."""
        filled = {**self._exact, "w_min": self.w_min} if self.theory.weighted else self._exact
        return self._base.desingularizer(**filled)

    def __repr__(self) -> str:
        given = "".join(f", {name}={value!r}" for name, value in self.parameters.items())
        return f"CompiledLoss({self.name!r}, w_min={self.w_min!r}{given})"

    def _residual(self, v: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], Any]:
        r = np.asarray(v, dtype=np.float64) - np.asarray(y, dtype=np.float64)
        m = self.parameters.get("m")
        if m is not None and r.shape[-1:] != (m,):
            raise ValueError(f"the residual has shape {r.shape}, but the loss was made for m = {m:g} entries")
        if self.weights is None:
            return r, 1.0
        if r.shape[-1:] != self.weights.shape:
            raise ValueError(f"the residual has shape {r.shape}, but there are {self.weights.size} weights")
        return r, self.weights

    def value(self, v: ArrayLike, y: ArrayLike) -> Any:
        """L_y(v): shape (..., m) → (...); a float for one vector."""
        r, w = self._residual(v, y)
        total = self._outer(np.sum(self._entry(np.abs(r), w, *self._arguments), axis=-1), *self._arguments)
        return float(total) if np.ndim(total) == 0 else total

    def grad(self, v: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
        """∇L_y(v), of the shape of v − y."""
        r, w = self._residual(v, y)
        gradient = np.asarray(np.sign(r) * self._slope(np.abs(r), w, *self._arguments))
        if self._separable:
            return gradient
        total = np.sum(self._entry(np.abs(r), w, *self._arguments), axis=-1, keepdims=True)
        # at the minimum the outer slope may be 0^{negative}, but the gradient is 0
        slope = self._outer_slope(np.where(total > 0, total, 1.0), *self._arguments)
        return np.asarray(gradient * np.where(total > 0, slope, 0.0))

    def psi(self, value: ArrayLike) -> Any:
        """ψ at loss values ≥ 0, elementwise."""
        return self._psi(value, self.w_min, *self._arguments)

    def rho(self, v: ArrayLike, y: ArrayLike) -> Any:
        """The desingularized loss ρ = ψ(L_y(v)); for least squares ‖v − y‖."""
        return self.psi(self.value(v, y))


def loss(name: str, weights: Sequence[float] | ArrayLike | None = None, **parameters: Any) -> CompiledLoss:
    """The loss called `name`, with positive finite weights if it takes them, and its parameters by name.

    >>> loss("least_squares").value([3.0, 0.0], [0.0, 4.0])
    12.5
    >>> loss("weighted_least_squares", [4.0, 1.0]).value([1.0, 1.0], [0.0, 0.0])
    2.5
    >>> loss("lp", p=4, m=2)
    CompiledLoss('lp', w_min=1.0, p=4.0, m=2.0)
    >>> loss("pseudo_huber", hubr=1.0)
    Traceback (most recent call last):
        ...
    ValueError: pseudo_huber has no parameter 'hubr'; did you mean 'huber'?
    """
    if name not in LOSSES:
        near = get_close_matches(name, LOSSES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(sorted(LOSSES))}"
        raise ValueError(f"unknown loss {name!r}; {hint}")
    theory = LOSSES[name]
    if weights is None:
        return CompiledLoss(theory, None, parameters)
    array = np.asarray(weights, dtype=np.float64)
    if not theory.weighted:
        offer = ", ".join(sorted(key for key, item in LOSSES.items() if item.weighted))
        raise ValueError(f"{name} takes no weights; use {offer}, or leave them out")
    if array.ndim != 1 or array.size == 0 or not np.all(np.isfinite(array)) or not np.all(array > 0):
        raise ValueError("weights must be a non-empty vector of positive finite numbers (inverse noise variances)")
    array = array.copy()
    array.setflags(write=False)
    return CompiledLoss(theory, array, parameters)
