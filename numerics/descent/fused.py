"""The kernels of :mod:`numerics.descent.kernels` compiled by numba for one activation and one training mode.

The loop over a tile that evaluates φ and φ' is written from the formula of the activation; kernel functions are given it,
and are otherwise the same for all.  Up to :data:`numerics.descent.unrolled.LIMIT` rows of V, `descend` is written for that
number of rows.  Machine code is kept on disk by numba, under a name that holds a digest of everything
that goes into it, so that a change of any of these files is a change of name.

This module imports numba: load it through :func:`numerics.descent.engine.fused_reason`.
"""

from __future__ import annotations

import hashlib
import math
import re
from functools import lru_cache
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from numerics.activations import CompiledActivation
from numerics.descent import coefficients, elementary, kernels, unrolled
from numerics.descent.coefficients import SIN_LIMIT
from numerics.descent.formulas import formula
from numerics.descent.kernels import TILE
from numerics.descent.objective import Quadratic
from numerics.descent.unrolled import aligned
from numerics.interrupt import Request

__all__ = ["FusedStepper", "compiled", "tile_function"]

Array = NDArray[np.float64]
_CHUNK = 2e7  # entries of V touched between two looks at Ctrl-C: some ten milliseconds
# No nnan and no ninf: a loss that is not finite has to be seen.
_REDUCTIONS = {"contract", "nsz", "reassoc"}


class Kernels(NamedTuple):
    """`begin` and `descend` of :mod:`numerics.descent.kernels`, compiled; or `descend` of :mod:`numerics.descent.unrolled`."""

    begin: Any
    descend: Any


def _source(activation: CompiledActivation, name: str = "activate") -> str:
    body = "\n".join(f"        {line}" for line in formula(activation).splitlines())
    return (
        f"def {name}(a, values, slopes):\n    for j in range({TILE}):\n        x = a[j]\n{body}\n"
        "        values[j] = value\n        slopes[j] = slope\n"
    )


def tile_function(activation: CompiledActivation) -> Any:
    """activate(a, values, slopes), arrays of shape (TILE,): φ and φ' of `a` into the other two.

    Its name is its own.  numba makes the names of symbols from that of the function and a number that it counts in each process
    anew: kernels that were compiled in different processes and kept on disk would take each other's `activate`.
    """
    name = f"activate_{activation.name}_{_digest(activation)}"
    scope = dict(elementary.NUMBA_FUNCTIONS)
    exec(compile(_source(activation, name), kernels.__file__, "exec"), scope)
    return numba.njit(fastmath={"contract", "nsz"}, error_model="numpy", nogil=True)(scope[name])


def _digest(activation: CompiledActivation) -> str:
    text = hashlib.sha256(_source(activation).encode())
    for file in (coefficients.__file__, elementary.__file__, kernels.__file__, unrolled.__file__, __file__):
        text.update(Path(file).read_bytes())
    return text.hexdigest()[:12]


@lru_cache(maxsize=64)
def compiled(activation: CompiledActivation, both: bool, p: int = 0) -> Kernels:
    """The kernels for an activation and a training mode; about two seconds the first time ever, then from disk.

    p: rows of V for which `descend` is written out; 0: any number of them.
    """
    scope = {**elementary.NUMBA_FUNCTIONS, **vars(kernels), "BOTH": both, "activate": tile_function(activation)}
    scope["observe"] = numba.njit(error_model="numpy", forceinline=True)(kernels.observe)
    ending = f"{activation.name}_{'both' if both else 'W'}_{_digest(activation)}"

    def build(function: Any, ending: str) -> Any:
        own = FunctionType(function.__code__, scope, f"{function.__name__}_{ending}")
        own.__qualname__, own.__module__ = own.__name__, kernels.__name__
        options: dict[str, Any] = {"fastmath": _REDUCTIONS, "error_model": "numpy", "nogil": True}
        try:
            return numba.njit(cache=True, **options)(own)
        except RuntimeError:  # nowhere to write
            return numba.njit(**options)(own)

    begin = build(kernels.begin, ending)
    if p == 0:
        return Kernels(begin, build(kernels.descend, ending))
    made: dict[str, Any] = {}
    exec(compile(unrolled.source(p, both, formula(activation)), kernels.__file__, "exec"), made)
    return Kernels(begin, build(made["descend"], f"{p}_{ending}"))


class FusedStepper:
    """:class:`numerics.descent.plain.Stepper` for quadratic losses; numba releases the lock of the interpreter meanwhile."""

    def __init__(self, target: Quadratic, gamma: float, loss_stop: float, levels: list[float]) -> None:
        problem = target.problem
        k, p = problem.k, target.s.size
        tiles = -(-k // TILE)
        self._shape = (tiles, p, k)
        self._gamma, self._root, self._loss_stop = gamma, target.root, loss_stop
        rows = p if p <= unrolled.LIMIT else 0
        self._kernels = compiled(problem.activation, problem.train == "both", rows)
        a, V = aligned((tiles, TILE)), aligned((tiles, p, TILE))
        a.reshape(-1)[:k] = problem.a0
        padded = np.zeros((p, tiles * TILE))
        padded[:, :k] = target.V0
        V[...] = padded.reshape(p, tiles, TILE).transpose(1, 0, 2)
        phi, slope, self._g = aligned(a.shape), aligned(a.shape), np.zeros(p)
        self._fixed = (target.s, target.y)
        self._residual = (target.form, target.tilt)
        self._levels2 = np.square(np.array(levels, dtype=np.float64))
        self._first = np.zeros(len(levels), dtype=np.int64)
        self._whole = np.array([0, 0, k, 0], dtype=np.int64)
        self._reals = np.zeros(7)
        self._reals[kernels.LOSS_OFFSET] = target.loss_offset
        self._reals[kernels.RESIDUAL2_OFFSET] = target.residual2_offset
        # no pre-activation is farther out than it was plus the length of its path
        limited = re.search(r"\b(sin|cos)\(", formula(problem.activation))
        self._reals[kernels.REACH] = SIN_LIMIT - float(np.max(np.abs(problem.a0))) if limited else math.inf
        self.unfit = bool(self._reals[kernels.REACH] < 0)
        self._chunk = max(1, int(_CHUNK / (tiles * TILE * (p + 8))))
        self._kernels.begin(self._root, a, V, phi, slope, self._g, self._whole)
        self._state: tuple[Array, ...] = (a, V, phi, slope)
        if rows:
            packed = unrolled.pack(problem.a0, target.V0, phi.reshape(-1)[:k], slope.reshape(-1)[:k])
            self._state = (packed, np.zeros(p))
        kernels.observe(
            loss_stop,
            *self._fixed,
            self._g,
            *self._residual,
            self._levels2,
            self._first,
            self._whole,
            self._reals,
        )

    def advance(self, count: int, request: Request) -> bool:
        """See :class:`numerics.descent.plain.Stepper`."""
        while count > 0 and not self.unfit and not request.made:
            steps = min(count, self._chunk)
            code = self._kernels.descend(
                steps,
                self._gamma,
                self._root,
                self._loss_stop,
                *self._state,
                *self._fixed,
                self._g,
                *self._residual,
                self._levels2,
                self._first,
                self._whole,
                self._reals,
            )
            self.unfit = code == kernels.UNFIT
            if code in (kernels.REACHED, kernels.NOT_FINITE):
                return True
            count -= steps
        return False

    @property
    def step(self) -> int:
        """Steps taken."""
        return int(self._whole[kernels.STEP])

    @property
    def loss(self) -> float:
        """Loss here."""
        return float(self._reals[kernels.LOSS])

    @property
    def residual(self) -> float:
        """‖v − y‖ here."""
        return math.sqrt(self._reals[kernels.RESIDUAL2])

    @property
    def length(self) -> float:
        """Path length of all parameters."""
        return float(self._reals[kernels.LENGTH])

    @property
    def length_a(self) -> float:
        """Path length of a."""
        return float(self._reals[kernels.LENGTH_A])

    @property
    def crossed(self) -> list[int]:
        """First steps below the levels passed."""
        return [int(step) for step in self._first[: self._whole[kernels.LEVEL]]]

    def state(self) -> tuple[Array, Array]:
        """See :class:`numerics.descent.plain.Stepper`."""
        tiles, p, k = self._shape
        if len(self._state) == 2:
            packed, held = self._state
            return unrolled.unpack(packed, p, k, held if self._whole[kernels.HELD] else None)
        a, V, _, _ = self._state
        V = V.transpose(1, 0, 2).reshape(p, tiles * TILE)[:, :k]
        return a.reshape(-1)[:k].copy(), np.array(V, order="C")
