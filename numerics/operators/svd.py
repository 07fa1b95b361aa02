"""Compact singular value decomposition with a certified distance of its basis from Im T' (`dip2.range_restriction`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from scipy.linalg import svd

from numerics import rigorous
from numerics.bound import Bound, lower, upper
from numerics.operators.base import (
    RANK_TOLERANCE,
    Array,
    ForwardOperator,
    RankDeficient,
    as_operator,
    numerical_rank,
    rank_deficient,
)
from numerics.operators.compose import ScaledIsometry
from numerics.operators.fourier import FourierOperator
from numerics.operators.identity import IdentityOperator
from numerics.operators.periodic import PeriodicOperator
from numerics.operators.subsample import SubsampleOperator


@dataclass(frozen=True, eq=False)
class CompactSVD:
    """T = P diag(sigma) U' (m x n) of rank r, in floating point, with what is certain about it.

    P (m x r) and U (n x r) have orthonormal columns up to rounding; None stands for an orthonormal basis of the whole
    space, taken to be the identity: P = U = None for square invertible operators that need no decomposition (then
    `core` is T itself). sin_angle: some exactly orthonormal basis Q of Im T' has ||U - Q|| <= sin_angle, so that for
    any matrix J |sigma_i(Q'J) - sigma_i(U'J)| <= sin_angle ||J||, and ||Q'v|| <= ||U'v|| + sin_angle ||v||. sigma_min,
    opnorm: of `operator`, which is the truncated operator where `truncated`.
    """

    P: Array | None
    sigma: Array
    U: Array | None
    rank: int
    sin_angle: float
    sigma_min: Bound
    opnorm: Bound
    operator: ForwardOperator = field(repr=False)
    truncated: bool = False
    notes: tuple[str, ...] = ()

    def core(self) -> Array:
        """C (m x r) with T = C U': P diag(sigma), or the matrix of T where U is the identity."""
        if self.U is None:
            return self.operator.matrix
        assert self.P is not None
        return self.P * self.sigma

    def coordinates(self, x: Array) -> Array:
        """U' x for a vector or a matrix of columns."""
        return x if self.U is None else self.U.T @ x

    def project(self, y: Array) -> Array:
        """Orthogonal projection of a data vector on Im T."""
        return np.array(y, dtype=np.float64) if self.P is None else self.P @ (self.P.T @ y)


class TruncatedOperator(ForwardOperator):
    """x -> C (U' x): the truncated singular value decomposition as an operator of its own, defined by these doubles."""

    def __init__(self, C: Array, U: Array, input_shape: Sequence[int], output_shape: Sequence[int], what: str):
        self._C, self._U, self._what = C, U, what
        defect = Fraction(rigorous.orthonormality_defect(U))
        small, large = Fraction(rigorous.sigma_min_lower(C)), Fraction(rigorous.opnorm_upper(C))
        # sqrt(1 - d) >= 1 - d and sqrt(1 + d) <= 1 + d bracket the singular values of U.
        how = "extreme kept singular value times that of the basis"
        self._smallest = lower(max(0.0, rigorous.below(small * (1 - defect))), how)
        self._largest = upper(rigorous.above(large * (1 + defect)), how)
        super().__init__(input_shape, output_shape)

    def _matvec(self, x: Array) -> Array:
        return self._C @ (self._U.T @ x.reshape(-1))

    def _rmatvec(self, y: Array) -> Array:
        return self._U @ (self._C.T @ y.reshape(-1))

    def toarray(self) -> Array:
        """C U', rounded."""
        self.check_dense()
        return self._C @ self._U.T

    def array_error(self) -> float:
        """Rounding of that product."""
        return rigorous.matmul_error(self._C, self._U.T)

    def sigma_min(self) -> Bound:
        """sigma_min(C U') >= sigma_min(C) sigma_min(U) on Im U."""
        return self._smallest

    def opnorm(self) -> Bound:
        """||C U'|| <= ||C|| ||U||."""
        return self._largest

    def rank(self) -> int:
        """The number of singular values kept."""
        return self._C.shape[1]

    def describe(self) -> str:
        """One line for reports."""
        return f"{self._what}, truncated to rank {self.rank()}"


def compact_svd(T: Any, rank: str = "full", rtol: float = RANK_TOLERANCE) -> CompactSVD:
    """Compact SVD of a ForwardOperator (or a matrix, or anything SciPy can apply).

    rank = "full" insists that no singular value lies below rtol times the largest, and raises RankDeficient otherwise;
    rank = "truncate" replaces T by the operator of the singular values above it, and says so in `notes`.
    Periodic convolutions without small singular values need no decomposition, whatever their size: P = U = None.
    """
    if rank not in ("full", "truncate"):
        raise ValueError(f'rank must be "full" or "truncate", got {rank!r}')
    if not 0 <= rtol < 1:
        raise ValueError(f"rtol must lie in [0, 1), got {rtol}")
    T = as_operator(T)
    if _diagonal(T):
        sigma = T.singular_values() if isinstance(T, PeriodicOperator) else np.full(T.shape[0], T.opnorm().value)
        if numerical_rank(sigma, rtol) == sigma.size:
            try:
                return CompactSVD(None, sigma, None, sigma.size, 0.0, T.sigma_min(), T.opnorm(), T)
            except RankDeficient:
                if rank == "full":
                    raise
        elif rank == "full":
            raise rank_deficient(T, sigma, rtol)
    T.check_dense()
    M = T.matrix
    inner, scale = (T.factors[0], T.scale) if isinstance(T, ScaledIsometry) else (T, 1.0)
    if isinstance(inner, SubsampleOperator):  # rows of the identity are a basis as they stand
        m, rows = T.shape[0], inner.matrix
        P, sigma = np.eye(m) * math.copysign(1.0, scale), np.full(m, abs(scale))
        return CompactSVD(P, sigma, np.ascontiguousarray(rows.T), m, 0.0, T.sigma_min(), T.opnorm(), T)
    if isinstance(inner, FourierOperator):  # its rows are orthonormal, the doubles within array_error of them
        m, rows = T.shape[0], inner.matrix
        P, sigma = np.eye(m) * math.copysign(1.0, scale), np.full(m, abs(scale))
        U = np.ascontiguousarray(rows.T)
        return CompactSVD(P, sigma, U, m, inner.array_error(), T.sigma_min(), T.opnorm(), T)
    P, sigma, Ut = svd(M, full_matrices=False, check_finite=False)
    r = numerical_rank(sigma, rtol)
    if r == 0:
        raise RankDeficient(f"{T.describe()} is zero: nothing is observed")
    if r == sigma.size:
        try:
            smallest = T.sigma_min()
        except RankDeficient:
            if rank == "full":
                raise
            r = max(1, numerical_rank(sigma, max(rtol, 10 * RANK_TOLERANCE)))  # too close to zero to be proved positive
        else:
            U = np.ascontiguousarray(Ut.T)
            return CompactSVD(P, sigma, U, r, _sin_angle(T, U, smallest), smallest, T.opnorm(), T)
    if rank == "full":
        raise rank_deficient(T, sigma, rtol)
    P, U, kept = np.ascontiguousarray(P[:, :r]), np.ascontiguousarray(Ut[:r].T), sigma[:r].copy()
    small = TruncatedOperator(P * kept, U, T.input_shape, T.output_shape, T.describe())
    lost = sigma[r] if r < sigma.size else 0.0
    note = (
        f"{T.describe()} was replaced by its truncated singular value decomposition of rank {r} (of {min(T.shape)}): "
        f"singular values from {kept[0]:.3g} to {kept[-1]:.3g} are kept, those from {lost:.3g} down are set to zero; "
        "everything below is about the truncated operator"
    )
    angle = rigorous.orthonormality_defect(U)  # Im T_r' = span U exactly, as C has full column rank
    if small.sigma_min().value <= 0.0:
        raise RankDeficient(f"{small.describe()}: its smallest singular value could not be proved positive; raise rtol")
    return CompactSVD(P, kept, U, r, angle, small.sigma_min(), small.opnorm(), small, True, (note,))


def _diagonal(T: ForwardOperator) -> bool:
    inner = T.factors[0] if isinstance(T, ScaledIsometry) else T
    return isinstance(inner, PeriodicOperator | IdentityOperator)


def _sin_angle(T: ForwardOperator, U: Array, smallest: Bound) -> float:
    """Bound of ||U - Q|| for the best orthonormal basis Q of Im T'.

    (1) The polar factor U^ of U has ||U - U^|| <= d, d = ||U'U - I|| < 1 (singular values of U between sqrt(1 - d) and
    sqrt(1 + d)). (2) Let s = sin of the largest angle between span U and Im T', both of dimension r. With T = M Q',
    sigma_min(M) = sigma+_min(T): ||T (I - Pi_U)|| >= sigma+_min(T) ||Q'(I - Pi_U)|| = sigma+_min(T) s, and
    T (I - Pi_U) = T (I - UU')(I - Pi_U), so s <= ||T - T U U'|| / sigma+_min(T). (3) The best Q has ||U^ - Q|| =
    2 sin(angle/2) <= sqrt(2) s. Sum: d + sqrt(2) s. If r = n, Im T' is the whole space and s = 0.
    The computed residual: W = fl(T U), Z = fl(W U'), D = fl(T - Z) gives ||T - TUU'|| <= ||D||_F (1 + 2u) +
    ||W U' - Z|| + ||T U - W|| ||U|| with ||U|| <= 1 + d, and (2 + d) times the error of the matrix of T.
    """
    d = Fraction(rigorous.orthonormality_defect(U))
    if d >= 1:
        return math.inf
    if U.shape[1] == U.shape[0]:
        return rigorous.above(d)
    M, miss = T.matrix, Fraction(T.array_error())
    W = M @ U
    Z = W @ U.T
    residual = Fraction(rigorous.norm_upper(M - Z)) * (1 + 2 * rigorous.UNIT)
    residual += Fraction(rigorous.matmul_error(W, U.T)) + Fraction(rigorous.matmul_error(M, U)) * (1 + d)
    residual += miss * (2 + d)
    s = residual / Fraction(smallest.as_lower())
    return rigorous.above(d + Fraction(141422, 100000) * s)
