"""The losses of :mod:`theory.losses` as float64 functions of vectors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike, NDArray

from numerics.compile import function, with_nan
from theory.kl import Desingularizer
from theory.losses import LOSSES, Loss
from theory.symbols import sym

__all__ = ["CompiledLoss", "CurvatureRoot", "loss"]


# Second derivatives below these fractions of the secant slope and of the largest one are replaced by them.
_SECANT, _LARGEST = 1e-8, 1e-14


@dataclass(frozen=True, eq=False)
class CurvatureRoot:
    """Q = diag(root) (I + gamma u uᵀ), with Q Qᵀ = ∇²L where that is positive; u of unit length, or None for diag(root)."""

    root: NDArray[np.float64]
    u: NDArray[np.float64] | None = None
    gamma: float = 0.0

    @classmethod
    def of(cls, diagonal: Any, slope: Any, size: Any, rank_one: tuple[float, Any] | None) -> CurvatureRoot:
        """From the diagonal, the slopes and sizes of the residuals, and (c, e) of a term c e eᵀ."""
        with np.errstate(all="ignore"):
            secant = np.where(size > 0, slope / size, 0.0)
        d = np.where(np.isfinite(diagonal), diagonal, 0.0)
        secant = np.where(np.isfinite(secant), secant, 0.0)
        d = np.maximum(d, _SECANT * secant)
        d = np.maximum(d, max(_LARGEST * float(d.max(initial=0.0)), 1e-300))
        root = np.sqrt(d)
        if rank_one is None or not np.isfinite(rank_one[0]) or not np.any(rank_one[1]):
            return cls(root)
        scaled = rank_one[1] / root
        length = float(np.linalg.norm(scaled))
        stretch = math.sqrt(max(1.0 + rank_one[0] * length * length, 1e-4))
        return cls(root, scaled / length, stretch - 1.0)

    def solve(self, g: NDArray[np.float64]) -> NDArray[np.float64]:
        """Q⁻¹g."""
        s = g / self.root
        return s if self.u is None else s - self.gamma / (1.0 + self.gamma) * (self.u @ s) * self.u

    def matrix(self) -> NDArray[np.float64]:
        """Q: its diagonal (m,), or the matrix (m, m)."""
        if self.u is None:
            return self.root
        return np.diag(self.root) + self.gamma * np.outer(self.root * self.u, self.u)


class CompiledLoss:
    """A loss L_y(v) = outer(Σ_i entry(|v_i − y_i|, w_i)) with its weights and parameters fixed.

    `quadratic`: whether the gradient is linear (derived from the expression).
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
        self._entry_curvature = with_nan(
            sp.powsimp(entry.diff(sym("r"), 2)), tuple(sym(name) for name in ("r", "w", *names))
        )
        self._outer_curvature = with_nan(outer.diff(sym("z"), 2), tuple(sym(name) for name in ("z", *names)))
        self.quadratic = (
            self._separable and not entry.diff(sym("r"), 2).has(sym("r")) and not entry.has(*map(sym, names))
        )
        # of a quadratic loss: the weights, so that inner loops need no compiled call
        self._bend = self._entry_curvature(0.0, 1.0 if weights is None else weights) if self.quadratic else None
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
        if self._bend is not None:
            half = 0.5 * np.sum(self._bend * r * r, axis=-1)
            return float(half) if np.ndim(half) == 0 else half
        total = self._outer(np.sum(self._entry(np.abs(r), w, *self._arguments), axis=-1), *self._arguments)
        return float(total) if np.ndim(total) == 0 else total

    def grad(self, v: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
        """∇L_y(v), of the shape of v − y."""
        r, w = self._residual(v, y)
        if self._bend is not None:
            return np.asarray(self._bend * r)
        gradient = np.asarray(np.sign(r) * self._slope(np.abs(r), w, *self._arguments))
        if self._separable:
            return gradient
        total = np.sum(self._entry(np.abs(r), w, *self._arguments), axis=-1, keepdims=True)
        # at the minimum the outer slope may be 0^{negative}, but the gradient is 0
        slope = self._outer_slope(np.where(total > 0, total, 1.0), *self._arguments)
        return np.asarray(gradient * np.where(total > 0, slope, 0.0))

    def curvature_root(self, v: ArrayLike, y: ArrayLike) -> CurvatureRoot:
        """A square root of ∇²L_y at v (m,), made safely positive: see :class:`CurvatureRoot`.

        ∇²L = outer'·diag(entry'') + outer''·e eᵀ with e = sign(r) entry'.  Where a second derivative is negative, much
        smaller than the slope over r, or not defined (a power at r = 0), a small positive number stands for it: this is for
        preconditioners and exponential integrators, which any positive model of the Hessian leaves exact.
        """
        r, w = self._residual(v, y)
        if self._bend is not None:
            return CurvatureRoot(np.sqrt(np.broadcast_to(self._bend, r.shape)))
        size = np.abs(r)
        diagonal = np.broadcast_to(self._entry_curvature(size, w, *self._arguments), size.shape)
        slope = np.asarray(self._slope(size, w, *self._arguments))
        if self._separable:
            return CurvatureRoot.of(diagonal, slope, size, None)
        total = max(float(np.sum(self._entry(size, w, *self._arguments))), 1e-300)
        outer = float(self._outer_slope(total, *self._arguments))
        bend = float(self._outer_curvature(total, *self._arguments))
        return CurvatureRoot.of(outer * diagonal, outer * slope, size, (bend, np.sign(r) * slope))

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
