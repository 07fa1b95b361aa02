"""The activations of :mod:`theory.activations` as float64 functions of arrays, with certified errors on demand."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from functools import cached_property, lru_cache

import numpy as np
from flint import arb
from numpy.typing import ArrayLike, NDArray

from numerics.bound import Bound, upper
from numerics.compile import Enclosure, constant_upper, elementwise
from numerics.primitives import quadrature_primitive
from numerics.rigorous.elementwise import certified
from theory.activations import ACTIVATIONS, Activation
from theory.balls import enclose, lower_float, precision, upper_float

__all__ = ["CompiledActivation", "activation"]

Array = NDArray[np.float64]


class CompiledActivation:
    """An activation φ with its derivatives and primitives, elementwise on float64 arrays of any shape.

    `theory` is the :class:`theory.activations.Activation` with the exact expressions and the arguments.
    """

    def __init__(self, theory: Activation) -> None:
        self.theory = theory
        self.name = theory.name
        self._phi, self._dphi, self._ddphi = (elementwise(e) for e in (theory.phi, theory.dphi, theory.ddphi))

    def __repr__(self) -> str:
        return f"CompiledActivation({self.name!r})"

    def phi(self, x: ArrayLike) -> Array:
        """φ(x)."""
        return self._phi(x)

    def dphi(self, x: ArrayLike) -> Array:
        """φ'(x), with full relative accuracy in the tails."""
        return self._dphi(x)

    def ddphi(self, x: ArrayLike) -> Array:
        """φ''(x)."""
        return self._ddphi(x)

    def H(self, x: ArrayLike) -> Array:
        """A primitive of 1/φ' on each interval between zeros of φ' (`wonly.mirror`); inf where it overflows.

        Only differences within one interval mean something.  ValueError for ReLU.
        """
        return self._primitive("H")(x)

    def G(self, x: ArrayLike) -> Array:
        """A primitive of φ/φ' on each interval between zeros of φ' (`dip2.conservation`); inf where it overflows.

        Only differences within one interval mean something.  ValueError for ReLU.
        """
        return self._primitive("G")(x)

    def _primitive(self, which: str) -> Callable[[ArrayLike], Array]:
        expression = getattr(self.theory, which)
        if expression is not None:
            return elementwise(expression)
        if not self.theory.smooth:
            raise ValueError(
                f"{self.name} is outside the assumptions: φ' vanishes on a half line, so {which} does not exist"
            )
        return quadrature_primitive(self.name, which)

    @cached_property
    def B1(self) -> Bound:
        """An upper bound of sup|φ'|, one ulp from the exact number."""
        return upper(constant_upper(self.theory.B1), f"B1 of {self.name}: {self.theory.B1_argument}")

    @cached_property
    def B2(self) -> Bound:
        """An upper bound of the Lipschitz constant of φ'; ValueError for ReLU, which has none."""
        if self.theory.B2 is None:
            raise ValueError(
                f"{self.name} is outside the assumptions (`A.activation`): {self.theory.B2_argument} Choose a smooth "
                "activation, such as softplus or gelu"
            )
        return upper(constant_upper(self.theory.B2), f"B2 of {self.name}: {self.theory.B2_argument}")

    @cached_property
    def C_phi(self) -> Enclosure:
        """Doubles around C_φ = (E φ(ζ)²)^{1/2}."""
        return _outward(self.theory.C_phi())

    @cached_property
    def C_dphi(self) -> Enclosure:
        """Doubles around C_φ' = (E φ'(ζ)²)^{1/2}."""
        return _outward(self.theory.C_dphi())

    def enclose_phi(self, a: ArrayLike, radius: ArrayLike = 0.0) -> tuple[Array, Array]:
        """(value, error): |value − φ(x)| ≤ error for every real x within `radius` of the exact doubles `a`, by Arb.

        About 3 to 10 µs an entry.  ValueError if an entry is not finite.
        """
        return certified(self._phi, self.theory.phi, a, radius)

    def enclose_dphi(self, a: ArrayLike, radius: ArrayLike = 0.0) -> tuple[Array, Array]:
        """The same for φ'."""
        return certified(self._dphi, self.theory.dphi, a, radius)

    def enclose_ddphi(self, a: ArrayLike, radius: ArrayLike = 0.0) -> tuple[Array, Array]:
        """The same for φ''; ValueError for ReLU, which has none at 0."""
        if not self.theory.smooth:
            raise ValueError(f"{self.name} is outside the assumptions: it has no second derivative")
        return certified(self._ddphi, self.theory.ddphi, a, radius)

    def interval(self, a: ArrayLike) -> tuple[Array, Array]:
        """The intervals I_i between zeros of φ' that hold the entries of `a`: (low, high), elementwise.

        Finite ends are rounded inward: each is a double of I_i next to a zero (or the zero itself, if a double).
        ValueError if an entry of `a` is itself a zero.
        """
        x = np.asarray(a, dtype=np.float64)
        if not np.all(np.isfinite(x)):
            raise ValueError("the entries must be finite")
        zeros = self.theory.zeros
        if not zeros.points:
            return np.full(x.shape, -np.inf), np.full(x.shape, np.inf)
        with precision(256):
            if zeros.period is None:
                balls = [enclose(point, 256) for point in zeros.points]
            else:
                start, step = enclose(zeros.points[0], 256), enclose(zeros.period, 256)
                guess = np.floor((x - float(start)) / float(step))
                balls = (
                    [start + int(j) * step for j in range(int(guess.min()) - 1, int(guess.max()) + 3)] if x.size else []
                )
            after = np.array([upper_float(ball) for ball in balls])  # first double that is not below the zero
            before = np.array([lower_float(ball) for ball in balls])
        if np.isin(x, before[before == after]).any():
            raise ValueError(f"an entry is a zero of the derivative of {self.name}: its interval is empty")
        index = np.searchsorted(after, x, side="right")
        return np.concatenate([[-np.inf], after])[index], np.concatenate([before, [np.inf]])[index]


def _outward(ball: arb) -> Enclosure:
    with precision(192):
        return Enclosure(lower_float(ball), upper_float(ball))


@lru_cache(maxsize=32)
def activation(name: str) -> CompiledActivation:
    """The activation called `name`; ValueError with the nearest names otherwise.

    >>> tanh = activation("tanh")
    >>> tanh.B2.value
    0.769800358919501
    >>> value, error = tanh.enclose_phi(np.array([0.5, -3.0]))
    >>> bool(np.all(error < 1e-15))
    True
    """
    if name not in ACTIVATIONS:
        near = get_close_matches(str(name), ACTIVATIONS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(sorted(ACTIVATIONS))}"
        raise ValueError(f"unknown activation {name!r}; {hint}")
    return CompiledActivation(ACTIVATIONS[name])
