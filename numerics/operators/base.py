"""What every forward operator offers: SciPy's LinearOperator plus shapes and singular values from the safe side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import svdvals
from scipy.sparse.linalg import LinearOperator

from numerics import rigorous
from numerics.bound import Bound, lower, upper

if TYPE_CHECKING:
    from numerics.operators.spectral import Factorization

Array = NDArray[np.float64]

MAX_DENSE = 40_000_000  # entries of a matrix that is formed without being asked for: 320 MB
RANK_TOLERANCE = 1e-12  # below this multiple of the norm a singular value cannot be told from zero in double precision


class RankDeficient(ValueError):
    """The smallest nonzero singular value cannot be told from zero; the message says what to do."""


def describe_shape(shape: Sequence[int]) -> str:
    """A shape as a reader writes it.

    >>> describe_shape((32, 16))
    '32 x 16'
    """
    return " x ".join(str(i) for i in shape)


def check_shape(shape: Sequence[int] | int, what: str) -> tuple[int, ...]:
    """A nonempty tuple of positive integers, or a ValueError in the caller's words."""
    entries = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
    if not entries or any(isinstance(i, bool) or not isinstance(i, int | np.integer) or i < 1 for i in entries):
        raise ValueError(f"{what} must be one or more positive integers, got {shape!r}")
    return tuple(int(i) for i in entries)


class ForwardOperator(LinearOperator):
    """A linear operator R^n -> R^m in float64 that knows its singular values with their direction.

    Vectors are flat (C order); `input_shape` and `output_shape` say which images they stand for. A subclass supplies
    `_matvec` and `_rmatvec`, and better `toarray`, `sigma_min`, `opnorm` than the dense ones inherited from here.
    """

    remedy: ClassVar[str] = "use an operator that is better conditioned"

    def __init__(self, input_shape: Sequence[int], output_shape: Sequence[int]):
        self.input_shape = check_shape(input_shape, "the input shape of an operator")
        self.output_shape = check_shape(output_shape, "the output shape of an operator")
        initialize = cast(Any, super()).__init__  # SciPy's stubs only know the factory
        initialize(np.dtype(np.float64), (math.prod(self.output_shape), math.prod(self.input_shape)))

    def describe(self) -> str:
        """One line for reports."""
        return f"{type(self).__name__}, {self.shape[0]} x {self.shape[1]}"

    def check_dense(self) -> None:
        """ValueError where the matrix has more than MAX_DENSE entries."""
        m, n = self.shape
        if m * n > MAX_DENSE:
            raise ValueError(
                f"{self.describe()}: its singular values need the {m} x {n} matrix, {m * n:.2g} entries, "
                f"but at most {MAX_DENSE:.2g} are formed; reduce the size of the signal or the number of measurements"
            )

    def toarray(self) -> Array:
        """The m x n matrix, by applying the operator to the identity in blocks; `array_error` bounds what it misses."""
        self.check_dense()
        m, n = self.shape
        out = np.empty((m, n))
        block = max(1, min(n, 4_000_000 // max(m, n)))
        for j in range(0, n, block):
            unit = np.zeros((n, min(block, n - j)))
            unit[np.arange(j, j + unit.shape[1]), np.arange(unit.shape[1])] = 1.0
            out[:, j : j + unit.shape[1]] = self.matmat(unit)
        return out

    def array_error(self) -> float:
        """Upper bound of ||toarray() - operator|| (spectral norm). 0: the matrix defines the operator."""
        return 0.0

    @cached_property
    def matrix(self) -> Array:
        """`toarray()`, computed once, read-only."""
        matrix = np.ascontiguousarray(self.toarray())
        matrix.setflags(write=False)
        return matrix

    def left_multiply(self, M: Array) -> tuple[Array, float]:
        """(fl(A M), e) with ||fl(A M) - A M||_F <= e for a matrix M (n x j)."""
        A, miss = self.matrix, self.array_error()
        error = rigorous.matmul_error(A, M)
        if miss:
            error = rigorous.up(error + rigorous.up(miss * rigorous.norm_upper(M)))
        return A @ M, error

    @cached_property
    def _opnorm(self) -> Bound:
        self.check_dense()
        return upper(rigorous.opnorm_upper(self.matrix, self.array_error()), "shifted Cholesky of the Gram matrix")

    @cached_property
    def _sigma_min(self) -> Bound:
        self.check_dense()
        value = rigorous.sigma_min_lower(self.matrix, self.array_error())
        if value <= RANK_TOLERANCE * self.opnorm().value:
            raise rank_deficient(self, svdvals(self.matrix))
        return lower(value, "shifted Cholesky of the Gram matrix, or QR where that loses too much")

    def opnorm(self) -> Bound:
        """The largest singular value: exact, or an upper bound."""
        return self._opnorm

    def sigma_min(self) -> Bound:
        """The smallest nonzero singular value: exact, or a lower bound.

        Raises RankDeficient where it cannot be told from zero, ValueError where the matrix would be too large to form.
        """
        return self._sigma_min

    def rank(self) -> int:
        """min(m, n) where `sigma_min` proves it, else the number of singular values above RANK_TOLERANCE (estimate)."""
        try:
            self.sigma_min()
        except RankDeficient:
            return numerical_rank(svdvals(self.matrix))
        return min(self.shape)

    def factorization(self) -> Factorization:
        """A = U diag(sigma) Q' by products: from the dense decomposition, unless a subclass has structure to offer."""
        from numerics.operators.spectral import DenseFactorization

        return DenseFactorization.of(self)


def numerical_rank(sigma: Array, rtol: float = RANK_TOLERANCE) -> int:
    """Number of singular values (descending) above rtol times the largest."""
    return int(np.count_nonzero(sigma > rtol * sigma[0])) if sigma.size and sigma[0] > 0 else 0


def rank_deficient(T: ForwardOperator, sigma: Array, rtol: float = RANK_TOLERANCE) -> RankDeficient:
    """The error, with the numbers and the remedy. `sigma`: singular values, descending."""
    r = numerical_rank(sigma, rtol)
    gap = f"sigma_{r} = {sigma[r - 1]:.3g}, " if r else ""
    rest = f"sigma_{r + 1} = {sigma[r]:.3g}" if r < sigma.size else f"no proof that sigma_{r} > 0"
    return RankDeficient(
        f"{T.describe()} is rank deficient in double precision: rank {r} of {min(T.shape)} ({gap}{rest}, "
        f'norm {sigma[0]:.3g}); {T.remedy}, or set rank = "truncate" to replace it by its truncated '
        "singular value decomposition (the problem solved is then that of the truncated operator)"
    )


def adjoint_test(op: LinearOperator, rng: np.random.Generator, trials: int = 3, tolerance: float = 1e-11) -> float:
    """Largest relative defect |<A x, y> - <x, A' y>| / (||A x|| ||y|| + ||x|| ||A' y||) over Gaussian x and y.

    Raises ValueError with the measured defect where it exceeds `tolerance` (rounding leaves about 1e-15), and where the
    adjoint is missing, complex, of the wrong shape or not finite.
    """
    if np.dtype(op.dtype).kind == "c":
        raise ValueError("the operator is complex; stack real and imaginary parts to make it real")
    m, n = op.shape
    worst = 0.0
    for _ in range(trials):
        x, y = rng.standard_normal(n), rng.standard_normal(m)
        try:
            ax, aty = np.asarray(op.matvec(x)), np.asarray(op.rmatvec(y))
        except NotImplementedError:
            raise ValueError("the operator has no adjoint: give it rmatvec (gradients need it)") from None
        for name, v in (("matvec", ax), ("rmatvec", aty)):
            if v.dtype.kind == "c" or not np.isfinite(v).all():
                raise ValueError(f"{name} of the operator returned complex, infinite or NaN values")
        scale = float(np.linalg.norm(ax) * np.linalg.norm(y) + np.linalg.norm(x) * np.linalg.norm(aty))
        defect = abs(float(ax @ y) - float(x @ aty)) / scale if scale > 0 else 0.0
        worst = max(worst, defect)
    if worst > tolerance:
        hint = "does it compute in single precision?" if worst < 1e-5 else "rmatvec is not the transpose of matvec"
        limit = f"at most {tolerance:.0e} is allowed"
        raise ValueError(f"adjoint test failed: relative defect {worst:.2g}, {limit}; {hint}")
    return worst


def real_matrix(values: ArrayLike, what: str) -> Array:
    """A finite float64 matrix (integers, booleans and float32 are converted exactly), or a ValueError naming `what`."""
    try:
        a = np.asarray(values)
    except ValueError:
        raise ValueError(f"{what} is not a matrix: its rows have different lengths") from None
    if a.dtype.kind not in "fiub":
        raise ValueError(f"{what} must hold real numbers, got dtype {a.dtype}")
    if a.ndim != 2 or a.size == 0:
        raise ValueError(f"{what} must be a nonempty matrix, got shape {a.shape}")
    a = np.ascontiguousarray(a, dtype=np.float64)
    if not np.isfinite(a).all():
        raise ValueError(f"{what} contains {np.count_nonzero(~np.isfinite(a))} NaN or infinite entries")
    return a


def as_operator(T: Any) -> ForwardOperator:
    """A ForwardOperator as it is, anything else through `dense` or `linear_operator`."""
    from numerics.operators.dense import DenseOperator
    from numerics.operators.linear_operator import WrappedOperator

    if isinstance(T, ForwardOperator):
        return T
    return WrappedOperator(T) if hasattr(T, "matvec") or hasattr(T, "tocsr") else DenseOperator(T)
