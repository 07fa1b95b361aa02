"""Part of a signal's spectrum: chosen coefficients of a real orthonormal transform, as in magnetic resonance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from numerics.bound import Bound, exact
from numerics.operators.base import Array, ForwardOperator, describe_shape
from numerics.operators.spec import OperatorSpec, doc, is_number, nearest
from numerics.operators.spectral import Factorization, TransformFactorization
from numerics.operators.subsample import SubsampleOperator
from numerics.operators.transforms import TRANSFORMS, Transform


class FourierOperator(ForwardOperator):
    """x -> (O x)[indices] for an orthonormal transform O: orthonormal rows, so every singular value is 1.

    >>> A = FourierOperator([0, 1, 7], (8,))
    >>> A.matvec(np.ones(8)).round(12) + 0.0  # the mean, times sqrt 8
    array([2.82842712, 0.        , 0.        ])
    """

    def __init__(self, indices: ArrayLike, input_shape: Sequence[int], transform: str = "fourier"):
        if transform not in TRANSFORMS:
            raise ValueError(f"unknown transform {transform!r}; {nearest(transform, list(TRANSFORMS))}")
        self.transform: Transform = TRANSFORMS[transform]
        self.indices = SubsampleOperator(indices, input_shape).indices
        super().__init__(input_shape, (self.indices.size,))

    def _matvec(self, x: Array) -> Array:
        return self.transform.analyze(np.asarray(x).reshape(-1), self.input_shape)[self.indices]

    def _rmatvec(self, y: Array) -> Array:
        z = np.zeros(self.shape[1])
        z[self.indices] = np.asarray(y).reshape(-1)
        return self.transform.synthesize(z, self.input_shape)

    def _matmat(self, X: Array) -> Array:
        return self.transform.analyze(X, self.input_shape)[self.indices]

    def toarray(self) -> Array:
        """The chosen rows, from certified sines and cosines."""
        self.check_dense()
        return self.transform.rows(self.input_shape, self.indices)

    def array_error(self) -> float:
        """Their rounding."""
        return self.transform.error(self.input_shape, self.shape[0])

    def sigma_min(self) -> Bound:
        """1, exactly."""
        return exact(1.0, "distinct rows of an orthonormal transform")

    def opnorm(self) -> Bound:
        """1, exactly."""
        return exact(1.0, "distinct rows of an orthonormal transform")

    def factorization(self) -> Factorization:
        """U = I, sigma = 1, Q' = A by the fast transform."""
        return TransformFactorization(self.transform, self.input_shape, self.indices)

    def describe(self) -> str:
        """One line for reports."""
        return (
            f"{self.shape[0]} of {self.shape[1]} coefficients of the {self.transform.title} transform of "
            f"{describe_shape(self.input_shape)}"
        )


@dataclass(frozen=True)
class Fourier(OperatorSpec):
    """Keeps coefficients of the orthonormal Fourier transform (real Hartley form) or cosine transform of the signal.

    A fraction keeps the lowest frequencies first, as many as `lowest` says, and draws the others at random. Both
    coefficients of a frequency, w and -w (its real and imaginary part), are kept together, up to an odd one out.
    """

    kind: ClassVar[str] = "fourier"
    fraction: float | None = field(default=None, metadata=doc("share of coefficients kept, in (0, 1]"))
    lowest: float = field(default=0.0, metadata=doc("share of those kept that are the lowest frequencies, in [0, 1]"))
    indices: list[int] | None = field(default=None, metadata=doc("flat indices of the coefficients kept, C order"))
    transform: str = field(default="fourier", metadata=doc("fourier (periodic) or cosine (reflected at the borders)"))

    def __post_init__(self) -> None:
        if (self.fraction is None) == (self.indices is None):
            raise ValueError("a Fourier sampling needs exactly one of fraction and indices")
        if self.fraction is not None and not (is_number(self.fraction) and 0 < self.fraction <= 1):
            raise ValueError(f"fraction of a Fourier sampling must lie in (0, 1], got {self.fraction!r}")
        if not (is_number(self.lowest) and 0 <= self.lowest <= 1):
            raise ValueError(f"lowest of a Fourier sampling must lie in [0, 1], got {self.lowest!r}")
        if self.indices is not None and self.lowest:
            raise ValueError("lowest goes with fraction: with indices the coefficients are already chosen")
        if self.transform not in TRANSFORMS:
            raise ValueError(
                f"unknown transform {self.transform!r} of a Fourier sampling; "
                f"{nearest(self.transform, list(TRANSFORMS))}"
            )

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> FourierOperator:
        """The operator; a fraction keeps round(fraction n) coefficients, at least one."""
        if self.indices is not None:
            return FourierOperator(self.indices, input_shape, self.transform)
        m = max(1, round(float(self.fraction or 0.0) * math.prod(input_shape)))
        chosen = choose(TRANSFORMS[self.transform], input_shape, m, float(self.lowest), rng)
        return FourierOperator(chosen, input_shape, self.transform)


def choose(
    transform: Transform, shape: Sequence[int], m: int, lowest: float, rng: np.random.Generator
) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """m coefficients, ascending flat indices: round(lowest m) of lowest frequency, the others drawn; whole frequencies.

    >>> choose(TRANSFORMS["fourier"], (8,), 3, 1.0, np.random.default_rng(0)).tolist()
    [0, 1, 7]
    """
    n = math.prod(shape)
    if not 1 <= m <= n:
        raise ValueError(f"{m} coefficients cannot be chosen among the {n} of a signal of {describe_shape(shape)}")
    partner, index = transform.partner(tuple(shape)), np.arange(n)
    first = index[index <= partner]
    # rounded, so that equal frequencies stay in the order of their indices
    first = first[np.argsort(transform.frequency(tuple(shape))[first].round(12), kind="stable")]
    count = np.cumsum(np.where(first == partner[first], 1, 2))
    low = int(np.searchsorted(count, round(lowest * m), side="left")) + 1 if round(lowest * m) else 0
    order = np.concatenate([first[:low], rng.permutation(first[low:])])
    both = np.stack([order, partner[order]], axis=1).reshape(-1)
    kept = both[np.concatenate([[True], both[1:] != both[:-1]])][:m]
    return np.sort(kept).astype(np.intp)
