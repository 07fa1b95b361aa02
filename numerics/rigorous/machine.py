"""The model of the machine, and the primitives that are trusted to obey it.

IEEE double precision, round to nearest, unit roundoff u = 2^-53: fl(x op y) = (x op y)(1 + d) + z with |d| <= u and
|z| <= eta. eta = 2^-1022, the smallest normal number, so that gradual underflow and flush-to-zero (which other
libraries may switch on) are both covered. Sums and products of matrices may be evaluated in any order, blocked,
threaded and with or without fused multiply-add; not by Strassen-like schemes nor in reduced precision. With gamma_k =
k u / (1 - k u), a product of k factors (1 + d_i)^(+-1) is 1 + t with |t| <= gamma_k (N. J. Higham, Accuracy and
Stability of Numerical Algorithms, 2nd ed., Lemma 3.1), and any dot product of length k obeys

    |fl(x'y) - x'y| <= gamma_k |x|'|y| + 4 k eta (1 + max|x| + max|y|).

Underflow in detail: k products and k - 1 sums lose eta each, a subnormal x_i read as zero loses eta |y_i|, likewise
y_i: together at most 2 k eta (1 + max|x| + max|y|), and later roundings multiply it by 1 + gamma_k <= 2 at most.

The primitives are the only code that is not ours; they are called through a :class:`Machine`, so that tests can put in
their place the worst ones that the model allows (:func:`using`), and even a machine with another u and eta.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

__all__ = ["BLAS", "ETA", "UNIT", "Array", "Machine", "current", "exact_bits", "gamma", "underflow", "using"]

Array = NDArray[np.float64]

UNIT = Fraction(1, 2**53)
ETA = Fraction(1, 2**1022)


def _add(a: Array, b: Array) -> Array:
    return np.add(a, b, out=a)


def _rows(a: Array, b: Array) -> Array:
    return np.asarray(np.einsum("ij,ij->i", a, b))


def _dot(x: Array, y: Array) -> float:
    return float(x @ y)


def _cholesky(a: Array) -> tuple[Array, int]:
    factor, info = lapack.dpotrf(a, lower=1, overwrite_a=1, clean=0)
    return factor, int(info)


@dataclass(frozen=True, eq=False)
class Machine:
    """Floating-point primitives with a unit roundoff and an underflow threshold that they obey.

    matmul     (m, k), (k, n) or (k,) -> their product; every entry is a dot product in some order
    dot        (k,), (k,) -> number
    rows       (m, k), (m, k) -> (m,), the dot products of corresponding rows
    add        a, b -> a + b entrywise; `a` may be overwritten
    cholesky   lower triangle of a symmetric matrix, which may be overwritten -> (L, info): info 0 if it ran to the end
    """

    matmul: Callable[[Array, Array], Array] = np.matmul
    dot: Callable[[Array, Array], float] = _dot
    rows: Callable[[Array, Array], Array] = _rows
    add: Callable[[Array, Array], Array] = _add
    cholesky: Callable[[Array], tuple[Array, int]] = _cholesky
    unit: Fraction = UNIT
    tiny: Fraction = ETA


BLAS = Machine()
_CURRENT: ContextVar[Machine] = ContextVar("machine", default=BLAS)


def current() -> Machine:
    """The machine in force: BLAS and LAPACK through NumPy and SciPy, unless :func:`using` says otherwise."""
    return _CURRENT.get()


@contextmanager
def using(machine: Machine) -> Iterator[Machine]:
    """Within the block every primitive is taken from `machine`, and u and eta are its own.

    >>> with using(Machine(unit=Fraction(1, 2**24))):
    ...     gamma(2) == Fraction(2, 2**24 - 2)
    True
    """
    token = _CURRENT.set(machine)
    try:
        yield machine
    finally:
        _CURRENT.reset(token)


def gamma(k: int) -> Fraction:
    """k u / (1 - k u): what k roundings may add up to, relatively (Higham, Lemma 3.1).

    >>> gamma(2) == 2 * UNIT / (1 - 2 * UNIT)
    True
    """
    part = k * current().unit
    if part >= 1:
        raise ArithmeticError(f"{k} roundings in a row leave nothing of a number in this precision")
    return part / (1 - part)


def underflow(k: int, top_x: float, top_y: float) -> Fraction:
    """4 k eta (1 + max|x| + max|y|): what underflow may add to a dot product of length k (see the module)."""
    return 4 * k * (1 + Fraction(top_x) + Fraction(top_y)) * current().tiny


def exact_bits(k: int) -> int:
    """The largest b with k 4^b <= 1/(2u): dot products of k integers of at most b bits are exact, in any order.

    Every product and every partial sum is an integer below 1/u, which is a floating-point number; so, beyond the model
    above, all that is used is that an operation whose result is such a number returns it.

    >>> exact_bits(16)
    24
    """
    return (current().unit.denominator.bit_length() - 2 - (k - 1).bit_length()) // 2
