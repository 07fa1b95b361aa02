"""A = U diag(sigma) Q' as an object that multiplies by U and Q: by a fast transform where there is one.

This is what the exact reduction of a flow needs of an operator (`dip2.reduction`, `dip2.range_restriction`): p = rank,
Q (n x p) an orthonormal basis of Im A', U (m x p) one of Im A. Neither is stored unless it has no structure.
`ForwardOperator.factorization()` returns one; a user's own object with these methods will do wherever one is taken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.linalg import svd

from numerics.operators.base import RANK_TOLERANCE, Array, ForwardOperator, RankDeficient, describe_shape
from numerics.operators.transforms import TRANSFORMS, Transform

if TYPE_CHECKING:
    from numerics.operators.periodic import PeriodicOperator

__all__ = [
    "DenseFactorization",
    "Factorization",
    "IdentityFactorization",
    "PeriodicFactorization",
    "ScaledFactorization",
    "SelectionFactorization",
    "TransformFactorization",
    "factorization_test",
]


class Factorization(Protocol):
    """A = U diag(sigma) Q' of shape (m, n) and rank p; X, Z, v may be vectors or matrices of columns."""

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n)."""

    @property
    def sign(self) -> float | None:
        """+1 or -1 where U is that multiple of the identity (m = p), None otherwise."""

    def singular_values(self) -> Array:
        """sigma > 0, shape (p,), in the order of the coordinates."""

    def analyze(self, X: Array) -> Array:
        """Q'X: (n, ...) -> (p, ...)."""

    def synthesize(self, Z: Array) -> Array:
        """Q Z: (p, ...) -> (n, ...)."""

    def left(self, Z: Array) -> Array:
        """U Z: (p, ...) -> (m, ...)."""

    def left_adjoint(self, v: Array) -> Array:
        """U'v: (m, ...) -> (p, ...)."""

    def describe(self) -> str:
        """One line for reports."""


class _OwnCoordinates:
    """U = I: every coordinate is a datum."""

    sign: float | None = 1.0

    def left(self, Z: Array) -> Array:
        """Z itself."""
        return Z

    def left_adjoint(self, v: Array) -> Array:
        """v itself."""
        return v


class DenseFactorization:
    """From arrays: U (m x p), sigma (p,), Q (n x p)."""

    sign: float | None = None

    def __init__(self, U: Array, sigma: Array, Q: Array):
        if U.ndim != 2 or Q.ndim != 2 or sigma.shape != (U.shape[1],) or Q.shape[1] != sigma.size:
            raise ValueError(f"U {U.shape}, sigma {sigma.shape} and Q {Q.shape} must be (m, p), (p,) and (n, p)")
        self.U, self.sigma, self.Q = U, sigma, Q
        self.shape = (U.shape[0], Q.shape[0])

    @classmethod
    def of(cls, T: ForwardOperator) -> DenseFactorization:
        """By the singular value decomposition of the matrix; what is below RANK_TOLERANCE times the norm counts as 0.

        Raises ValueError where the matrix is too large to be formed, RankDeficient where it is zero.
        """
        T.check_dense()
        U, sigma, Qt = svd(T.matrix, full_matrices=False, check_finite=False)
        p = int(np.count_nonzero(sigma > RANK_TOLERANCE * sigma[0]))
        if p == 0:
            raise RankDeficient(f"{T.describe()} is zero: nothing is observed")
        return cls(np.ascontiguousarray(U[:, :p]), sigma[:p].copy(), np.ascontiguousarray(Qt[:p].T))

    def singular_values(self) -> Array:
        """Descending."""
        return self.sigma

    def analyze(self, X: Array) -> Array:
        """Q'X."""
        return self.Q.T @ X

    def synthesize(self, Z: Array) -> Array:
        """Q Z."""
        return self.Q @ Z

    def left(self, Z: Array) -> Array:
        """U Z."""
        return self.U @ Z

    def left_adjoint(self, v: Array) -> Array:
        """U'v."""
        return self.U.T @ v

    def describe(self) -> str:
        """One line for reports."""
        return f"dense singular vectors, rank {self.sigma.size}"


class IdentityFactorization(_OwnCoordinates):
    """Q = U = I."""

    def __init__(self, n: int):
        self.shape = (n, n)

    def singular_values(self) -> Array:
        """Ones."""
        return np.ones(self.shape[1])

    def analyze(self, X: Array) -> Array:
        """X itself."""
        return X

    def synthesize(self, Z: Array) -> Array:
        """Z itself."""
        return Z

    def describe(self) -> str:
        """One line for reports."""
        return f"identity on {self.shape[0]} entries"


class SelectionFactorization(_OwnCoordinates):
    """Rows of the identity: Q'X = X[indices]."""

    def __init__(self, indices: NDArray[np.intp], n: int):
        self.indices = indices
        self.shape = (int(indices.size), n)

    def singular_values(self) -> Array:
        """Ones."""
        return np.ones(self.indices.size)

    def analyze(self, X: Array) -> Array:
        """The chosen entries."""
        return X[self.indices]

    def synthesize(self, Z: Array) -> Array:
        """Zero elsewhere."""
        out = np.zeros((self.shape[1], *Z.shape[1:]))
        out[self.indices] = Z
        return out

    def describe(self) -> str:
        """One line for reports."""
        return f"{self.shape[0]} unit vectors of {self.shape[1]}"


class TransformFactorization(_OwnCoordinates):
    """Rows of a real orthonormal transform: Q'X = (O X)[indices]."""

    def __init__(self, transform: Transform, signal: Sequence[int], indices: NDArray[np.intp]):
        self.transform, self.signal, self.indices = transform, tuple(signal), indices
        self._rows = SelectionFactorization(indices, math.prod(self.signal))
        self.shape = self._rows.shape

    def singular_values(self) -> Array:
        """Ones."""
        return self._rows.singular_values()

    def analyze(self, X: Array) -> Array:
        """The chosen coefficients."""
        return self._rows.analyze(self.transform.analyze(X, self.signal))

    def synthesize(self, Z: Array) -> Array:
        """The signal with these coefficients, the others zero."""
        return self.transform.synthesize(self._rows.synthesize(Z), self.signal)

    def describe(self) -> str:
        """One line for reports."""
        return f"{self.shape[0]} {self.transform.title} vectors of {self.shape[1]}"


class PeriodicFactorization:
    """A periodic convolution with transfer function t: Q the Hartley basis of the frequencies that pass, sigma = |t|.

    A Q diag(1/|t|) = U: the convolution with transfer function t/|t| is orthogonal, and U is it times Q.
    """

    sign: float | None = None

    def __init__(self, operator: PeriodicOperator):
        lo, hi = operator.moduli()
        modulus = 0.5 * (lo + hi).reshape(-1)
        kept = np.flatnonzero(modulus > RANK_TOLERANCE * float(modulus.max()))
        if kept.size == 0:
            raise RankDeficient(f"{operator.describe()} is zero: nothing is observed")
        self.signal = operator.input_shape
        self.shape = (modulus.size, modulus.size)
        self._sigma = modulus[kept]
        self._basis = TransformFactorization(TRANSFORMS["fourier"], self.signal, kept)
        spectrum = operator.transfer()
        size = np.abs(spectrum)
        self._phase = np.divide(spectrum, size, out=np.ones_like(spectrum), where=size > 0)

    def _rotate(self, X: Array, phase: NDArray[np.complex128]) -> Array:
        batch = X.T.reshape(-1, *self.signal)
        axes = tuple(range(1, batch.ndim))
        turned = fft.irfftn(fft.rfftn(batch, axes=axes) * phase, s=self.signal, axes=axes)
        return np.asarray(turned).reshape(X.T.shape).T

    def singular_values(self) -> Array:
        """Moduli of the transfer function, in the order of the frequencies."""
        return self._sigma

    def analyze(self, X: Array) -> Array:
        """The Hartley coefficients that pass."""
        return self._basis.analyze(X)

    def synthesize(self, Z: Array) -> Array:
        """The signal with these coefficients."""
        return self._basis.synthesize(Z)

    def left(self, Z: Array) -> Array:
        """Q Z, turned."""
        return self._rotate(self.synthesize(Z), self._phase)

    def left_adjoint(self, v: Array) -> Array:
        """Q' of v, turned back."""
        return self.analyze(self._rotate(np.asarray(v, dtype=np.float64), np.conj(self._phase)))

    def describe(self) -> str:
        """One line for reports."""
        return f"{self._sigma.size} Fourier (Hartley form) vectors of {describe_shape(self.signal)}"


class ScaledFactorization:
    """s A for a scalar s other than 0: sigma times |s|, U times the sign of s."""

    def __init__(self, inner: Factorization, scale: float):
        self.inner, self.scale = inner, float(scale)
        self.shape = inner.shape
        self._sign = math.copysign(1.0, scale)
        self.sign = None if inner.sign is None else self._sign * inner.sign

    def singular_values(self) -> Array:
        """|s| times those of A."""
        return abs(self.scale) * self.inner.singular_values()

    def analyze(self, X: Array) -> Array:
        """As for A."""
        return self.inner.analyze(X)

    def synthesize(self, Z: Array) -> Array:
        """As for A."""
        return self.inner.synthesize(Z)

    def left(self, Z: Array) -> Array:
        """As for A, with the sign of s."""
        return self._sign * self.inner.left(Z)

    def left_adjoint(self, v: Array) -> Array:
        """As for A, with the sign of s."""
        return self._sign * self.inner.left_adjoint(v)

    def describe(self) -> str:
        """One line for reports."""
        return f"{self.scale:g} times ({self.inner.describe()})"


def factorization_test(
    F: Factorization, T: ForwardOperator, rng: np.random.Generator, tolerance: float = 1e-11
) -> float:
    """Largest relative defect of the laws A x = U sigma Q'x, Q'Q = U'U = I, and the adjoints, on Gaussian vectors.

    Raises ValueError where it exceeds `tolerance` (rounding leaves about 1e-15), naming the law.

    >>> from numerics.operators import from_mapping
    >>> T = from_mapping({"kind": "blur", "taps": [0.5, 0.3, 0.2]}).build((16,), np.random.default_rng(0))
    >>> factorization_test(T.factorization(), T, np.random.default_rng(1)) < 1e-14
    True
    """
    (m, n), sigma = F.shape, F.singular_values()
    if T.shape != (m, n) or not (sigma.ndim == 1 and np.all(sigma > 0)):
        raise ValueError(f"a factorization of shape {(m, n)} with sigma {sigma.shape} > 0 does not fit {T.describe()}")
    x, v, z, w = (rng.standard_normal(i) for i in (n, m, sigma.size, sigma.size))
    both, top = np.stack([z, w], axis=1), float(sigma.max())
    laws: list[tuple[str, Array, Array]] = [
        ("A x = U sigma Q'x", T.matvec(x) / top, F.left(sigma / top * F.analyze(x))),
        ("A'v = Q sigma U'v", T.rmatvec(v) / top, F.synthesize(sigma / top * F.left_adjoint(v))),
        ("Q'Q = I", F.analyze(F.synthesize(both)), both),
        ("U'U = I", F.left_adjoint(F.left(both)), both),
        ("Q by columns", F.synthesize(both)[:, 1], F.synthesize(w)),
        ("U by columns", F.left(both)[:, 1], F.left(w)),
        ("<Q z, x> = <z, Q'x>", np.array([F.synthesize(z) @ x]), np.array([z @ F.analyze(x)])),
        ("<U z, v> = <z, U'v>", np.array([F.left(z) @ v]), np.array([z @ F.left_adjoint(v)])),
    ]
    size = float(np.linalg.norm(np.concatenate([x, v, z])))
    worst, law = max((float(np.linalg.norm(one - other)) / size, law) for law, one, other in laws)
    if not worst <= tolerance:
        raise ValueError(f"factorization test failed: {law} is off by {worst:.2g}, at most {tolerance:.0e} is allowed")
    return worst
