"""The two-layer network g(θ) = V φ(a)/√k, a = W u, with its Jacobian known through one small factor.

`dip2.gram`: with D = diag φ'(a) and S = V D/√k, the Jacobian J_g (n × (nk + kd)) satisfies J_g J_gᵀ = f² I + S Sᵀ when
both layers are trained (f = ‖φ(a)‖/√k) and S Sᵀ when V is fixed.  Its singular values are hypot(f, σ_i(S)), or σ_i(S):
an n × k factor, never the big matrix, and d enters nowhere (`dip2.reduction`).

`dip2.range_restriction`: for a linear operator T everything may be restricted to Im Tᵀ.  Pass `U` (n × p), an
orthonormal basis of it in floating point, and J becomes UᵀJ_g.  Certified methods also take `sin_angle`, an upper bound
of the sine of the angle between span U and the true Im Tᵀ; the defect of orthonormality of U is bounded here.

Every :class:`~numerics.bound.Bound` that leaves this module holds for the real numbers behind the given doubles: the
rounding of φ and φ' (Arb, `enclose_phi`), of UᵀV, of the division by √k and of the norms is accounted for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeVar, cast

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from numerics import compile as compiled
from numerics import rigorous
from numerics.activations import CompiledActivation
from numerics.bound import Bound, lower, upper

Train = Literal["both", "W"]
Array = NDArray[np.float64]
T = TypeVar("T")

_U = 2.0**-53
_TINY = 2.0**-1022
# Scalar results below come from at most a dozen rounded operations (relative error < 12·2^-53 < 2^-49); one factor
# (1 ± 2^-48), itself rounded once, covers them all.
_UP, _DOWN = 1.0 + 2.0**-48, 1.0 - 2.0**-48


@dataclass(frozen=True)
class Factor:
    """A floating-point matrix S (p × k) and an upper bound of its Frobenius distance to the exact one."""

    matrix: Array
    error: float


@dataclass(frozen=True, eq=False)
class TwoLayer:
    """g(θ) = V φ(a)/√k at one point θ = (a, V).

    Parameters
    ----------
    activation: a compiled activation φ.
    train: "both" (a and V move) or "W" (only a moves).
    a: shape (k,), the hidden pre-activations W u, ‖u‖ = 1.
    V: shape (n, k), the output weights.

    Raises
    ------
    ValueError: wrong shapes, a dtype other than float64, NaN or infinity, unknown `train`.

    >>> import numpy as np
    >>> from numerics.activations import activation
    >>> net = TwoLayer(activation("identity"), "both", np.array([3.0, 4.0]), np.eye(2))
    >>> net.output() * np.sqrt(2)
    array([3., 4.])
    >>> net.singular_values() ** 2  # (‖a‖² + 1)/k twice
    array([13., 13.])
    """

    activation: CompiledActivation
    train: Train
    a: Array
    V: Array
    _cache: dict[str, list[tuple[object, object]]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.train not in ("both", "W"):
            raise ValueError(f"train = {self.train!r}; it must be 'both' (a and V move) or 'W' (only a moves)")
        for name, array, ndim in (("a", self.a, 1), ("V", self.V, 2)):
            if not isinstance(array, np.ndarray) or array.ndim != ndim or array.dtype != np.float64:
                raise ValueError(f"{name} must be a float64 array with {ndim} axis/axes; convert it before")
            if not np.all(np.isfinite(array)):
                raise ValueError(f"{name} contains NaN or infinity")
        if self.k < 1 or self.V.shape[0] < 1 or self.V.shape[1] != self.k:
            raise ValueError(
                f"V has shape {self.V.shape}; with a of shape {self.a.shape} it must be (n, {self.k}), n ≥ 1"
            )

    # ------------------------------------------------------------------------------------------------ plain values
    @property
    def n(self) -> int:
        """Number of outputs."""
        return int(self.V.shape[0])

    @property
    def k(self) -> int:
        """Width: number of hidden neurons."""
        return int(self.a.shape[0])

    def output(self) -> Array:
        """g(θ) = V φ(a)/√k, shape (n,)."""
        return self.V @ self.activation.phi(self.a) / math.sqrt(self.k)

    def singular_values(self, U: Array | None = None) -> Array:
        """All p singular values of UᵀJ_g (of J_g without `U`) in floating point, descending; zeros are kept.

        From the SVD of the factor, not of its Gram matrix, which would lose half of the digits of the small ones.
        """
        matrix = self.factor(U).matrix
        sigma = np.zeros(matrix.shape[0])
        values = scipy.linalg.svdvals(matrix)
        sigma[: values.size] = values
        if self.train == "both":
            sigma = np.hypot(np.linalg.norm(self.activation.phi(self.a)) / math.sqrt(self.k), sigma)
        return sigma

    # ------------------------------------------------------------------------------------------- certified pieces
    def hidden_norm(self) -> Bound:
        """f = ‖φ(a)‖/√k from below (`dip2.amgm`, `dip2.gram`)."""
        phi, error = self._phi()
        norm = rigorous.norm_lower(phi, error=rigorous.norm_upper(error))
        return lower(norm / math.sqrt(self.k) * _DOWN, "‖φ(a)‖/√k, φ enclosed by Arb, rounding accounted for")

    def hidden_norm_upper(self) -> Bound:
        """f = ‖φ(a)‖/√k from above."""
        phi, error = self._phi()
        norm = rigorous.norm_upper(phi, error=rigorous.norm_upper(error))
        return upper(norm / math.sqrt(self.k) * _UP + _TINY, "‖φ(a)‖/√k, φ enclosed by Arb, rounding accounted for")

    def factor(self, U: Array | None = None) -> Factor:
        """S = UᵀV diag(φ'(a))/√k, shape (p, k), with the Frobenius norm of its error against the exact product.

        With M̂ = fl(UᵀV), ‖M̂ − UᵀV‖_F ≤ e_M, |d̂_j − φ'(a_j)| ≤ e_j and ŵ = fl(d̂/fl(√k)):

            S − Ŝ = [M̂ diag(d̂)/√k − fl(M̂ diag(ŵ))] + M̂ diag(φ' − d̂)/√k + (UᵀV − M̂) diag(φ')/√k.

        The bracket is four roundings an entry (root, division, product, and the inverse direction): at most
        4u/(1 − 4u)|Ŝ_ij| plus underflow; the second term is at most (Σ_j e_j²‖M̂_j‖²)^{1/2}/√k; the last
        e_M max_j(|d̂_j| + e_j)/√k.
        """
        return self._cached("factor", U, lambda: self._factor(U))

    def _factor(self, U: Array | None) -> Factor:
        product, product_error = self._restricted(U)
        dphi, dphi_error = self._dphi()
        root = math.sqrt(self.k)
        matrix = product * (dphi / root)
        columns = _column_norms_upper(product)
        underflow = 4 * _TINY * (math.sqrt(matrix.size) + rigorous.norm_upper(columns))
        rounding = 5 * _U * rigorous.norm_upper(matrix) + underflow
        derivative = rigorous.norm_upper(columns * dphi_error) / root
        largest = float(np.max(np.abs(dphi) + dphi_error))
        error = (rounding + derivative + product_error * largest / root) * _UP + _TINY
        return Factor(matrix, error)

    def restricted(self, U: Array | None = None) -> Array:
        """UᵀV in floating point, shape (p, k), computed once for each basis; V itself without `U`."""
        return self._restricted(U)[0]

    def _restricted(self, U: Array | None) -> tuple[Array, float]:
        """UᵀV in floating point and a bound of its Frobenius error."""
        if U is None:
            return self.V, 0.0

        def compute() -> tuple[Array, float]:
            product = U.T @ self.V
            return product, rigorous.matmul_error(U.T, self.V)

        self._check_basis(U)
        return self._cached("restricted", U, compute)

    def _check_basis(self, U: Array) -> None:
        if U.ndim != 2 or U.shape[0] != self.n or not 1 <= U.shape[1] <= self.n:
            raise ValueError(
                f"U has shape {U.shape}; a basis of a subspace of R^{self.n} has shape ({self.n}, p), p ≤ n"
            )

    def _defect(self, U: Array) -> float:
        """An upper bound of ‖UᵀU − I‖; ValueError if U is not orthonormal to 1e-6."""

        def compute() -> float:
            defect = rigorous.orthonormality_defect(U)
            if not defect < 1e-6:
                raise ValueError(
                    f"the columns of U are not orthonormal (‖UᵀU − I‖ ≤ {defect:.1e}); pass a basis from qr or svd"
                )
            return defect

        self._check_basis(U)
        return self._cached("defect", U, compute)

    # -------------------------------------------------------------------------------------- certified spectral data
    def sigma_min(self, U: Array | None = None, sin_angle: float = 0.0) -> Bound:
        """The smallest of the p singular values of UᵀJ_g, from below (0 if W only and k < p).

        Tilt of the basis: a unit z in Im Tᵀ is cos α·w + sin α·w⊥ with w = Uc in span U, ‖c‖ ≥ (1+δ)^{-1/2},
        δ ≥ ‖UᵀU − I‖, so ‖Sᵀz‖ ≥ √(1−s²) σ_min(UᵀS)/√(1+δ) − s‖S‖_F for sin α ≤ s.  The term f² I of both layers is
        the same on every subspace.
        """
        defect = 0.0 if U is None else self._defect(U)
        factor = self.factor(U)
        rows, columns = factor.matrix.shape
        value = rigorous.sigma_min_lower(factor.matrix, error=factor.error) if columns >= rows else 0.0
        if U is not None and value > 0:
            cosine = math.sqrt(max(0.0, 1.0 - sin_angle * sin_angle))
            value = value * cosine / math.sqrt(1.0 + defect) * _DOWN - sin_angle * self._frobenius() * _UP
            value = max(0.0, value * _DOWN)
        how = "shifted Cholesky of the compact factor UᵀV diag φ'/√k" if columns >= rows else "k < p: no full rank"
        if self.train == "both":
            value = math.hypot(self.hidden_norm().value, value) * _DOWN
            how = f"hypot of ‖φ(a)‖/√k and {how}"
        return lower(value, f"σ_min of the Jacobian: {how}")

    def opnorm(self, U: Array | None = None, sin_angle: float = 0.0) -> Bound:
        """‖UᵀJ_g‖ (‖J_g‖ without `U`) from above; the tilt as in :meth:`sigma_min` with the opposite signs."""
        factor = self.factor(U)
        value = rigorous.opnorm_upper(factor.matrix, error=factor.error)
        if U is not None:
            value = value / math.sqrt(1.0 - self._defect(U)) * _UP + sin_angle * self._frobenius() * _UP
        if self.train == "both":
            value = math.hypot(self.hidden_norm_upper().value, value)
        return upper(value * _UP, "‖J_g‖ from the compact factor, rounding accounted for")

    def _frobenius(self) -> float:
        """An upper bound of ‖V diag φ'(a)‖_F/√k, without any product of matrices."""

        def compute() -> float:
            dphi, error = self._dphi()
            weighted = _column_norms_upper(self.V) * (np.abs(dphi) + error) * _UP
            return rigorous.norm_upper(weighted) / math.sqrt(self.k) * _UP

        return self._cached("frobenius", None, compute)

    def column_norms(self, U: Array | None = None, sin_angle: float = 0.0) -> Array:
        """Upper bounds of ‖Uᵀv_i‖, shape (k,), for an exact basis of Im Tᵀ within `sin_angle` of span U."""

        def compute() -> Array:
            product, error = self._restricted(U)
            norms = _column_norms_upper(product)
            if U is None:
                return norms
            # |⟨z, v⟩| ≤ ‖Uᵀv‖/√(1−δ) + s‖v‖ for every unit z of Im Tᵀ
            tilted = (norms + error) / math.sqrt(1.0 - self._defect(U)) * _UP
            return (tilted + sin_angle * _column_norms_upper(self.V)) * _UP

        return self._cached(f"columns, {sin_angle!r}", U, compute).copy()

    def column_norm(self, U: Array | None = None, sin_angle: float = 0.0) -> Bound:
        """c = max_i ‖Uᵀv_i‖ from above (`c_V` of `dip2.modulus`)."""
        return upper(float(np.max(self.column_norms(U, sin_angle))), "largest column norm of V, rounding accounted for")

    # ---------------------------------------------------------------------------------------- how fast J can change
    def _values(self, U: Array | None, sin_angle: float) -> dict[str, float]:
        """The inputs of the formulas, each on the side that keeps them true; W only has no term in B1.

        An activation outside the assumptions (ReLU) raises ValueError here: its φ' has no Lipschitz constant.
        """
        b2 = self.activation.B2.as_upper()
        values = {"B2": b2, "c_V": self.column_norm(U, sin_angle).value, "k": float(self.k)}
        return {"B1": self.activation.B1.as_upper(), **values} if self.train == "both" else values

    def modulus(self, U: Array | None = None, sin_angle: float = 0.0) -> Bound:
        """Λ with ‖J_g(θ) − J_g(θ0)‖ ≤ Λ‖θ − θ0‖ for every θ (`dip2.modulus`), from above."""
        name = f"Lambda_{self.train}"
        value = compiled.enclose("dip2.modulus", name, self._values(U, sin_angle)).upper
        return upper(value, f"dip2.modulus, {name}, from upper bounds of B1, B2 and c_V")

    def lipschitz(self, r: float, U: Array | None = None, sin_angle: float = 0.0) -> Bound:
        """Lip with ‖J_g(θ) − J_g(θ~)‖ ≤ Lip‖θ − θ~‖ for all θ, θ~ in B(θ0, r) (`dip2.lipschitz`), from above."""
        if not r >= 0:
            raise ValueError(f"r = {r}; a radius is nonnegative")
        values = self._values(U, sin_angle)
        if self.train == "both":
            if math.isinf(r):
                return upper(
                    math.inf if values["B2"] > 0 else self.modulus(U, sin_angle).value, "dip2.lipschitz, r = ∞"
                )
            values["r"] = r
        name = f"Lip_{self.train}"
        value = compiled.enclose("dip2.lipschitz", name, values).upper
        return upper(value, f"dip2.lipschitz, {name}, from upper bounds of B1, B2 and c_V")

    def baseline_radius(self, sigma_0: float, U: Array | None = None, sin_angle: float = 0.0) -> Bound:
        """The largest R with R·Lip(R) ≤ σ0/2 (`baseline`), from below.

        For both layers, with s = √k σ0/2, the largest singular value √k Lip(R) = s/R of [[B1, B2(c+R)], [0, B1]] solves
        x² − B2(c+R)x − B1² = 0; multiplied by R² this is (B2 s + B1²)R² + B2 c s R − s² = 0.  W only: σ0√k/(2 B2 c).
        It decreases in B1, B2, c and increases in σ0, for which `sigma_0` must be a lower bound.
        """
        if not 0 <= sigma_0 < math.inf:
            raise ValueError(f"sigma_0 = {sigma_0}; a lower bound of σ_min(J_g(0)) is finite and nonnegative")
        values = self._values(U, sin_angle)
        if sigma_0 == 0:
            return lower(0.0, "baseline radius: σ0 = 0")
        if self.train == "W" and values["B2"] * values["c_V"] == 0:
            return lower(math.inf, "baseline radius: the Jacobian is constant")
        name = f"R_{self.train}"
        value = compiled.enclose("dip2.lipschitz", name, {**values, "sigma_0": sigma_0}).lower
        return lower(value, f"dip2.lipschitz, {name}: the closed form of R·Lip(R) = σ0/2")

    # --------------------------------------------------------------------------------------------------- machinery
    def _phi(self) -> tuple[Array, Array]:
        """φ(a) with certified errors: microseconds an entry, hence kept."""
        return self._cached("phi", None, lambda: self.activation.enclose_phi(self.a))

    def _dphi(self) -> tuple[Array, Array]:
        return self._cached("dphi", None, lambda: self.activation.enclose_dphi(self.a))

    def _cached(self, name: str, U: Array | None, compute: Callable[[], T]) -> T:
        """Keep a result per quantity for the last two bases: a run asks for many bounds with U and without it."""
        kept = self._cache.setdefault(name, [])
        for basis, value in kept:
            if basis is U:
                return cast(T, value)
        fresh = compute()
        kept.append((U, fresh))
        del kept[:-2]
        return fresh


def _column_norms_upper(matrix: Array) -> Array:
    """Upper bounds of the Euclidean norms of the columns, shape (k,).

    A sum of n squares in any order: relative error γ_n, plus underflow; the root and the last products round upward
    through a factor of a few ulp.  Entries beyond 2^±400 are scaled by a power of two, exactly.
    """
    largest = float(np.max(np.abs(matrix), initial=0.0))
    if largest == 0.0:
        return np.zeros(matrix.shape[1])
    shift = 0 if 2.0**-400 < largest < 2.0**400 else math.frexp(largest)[1]
    scaled = np.ldexp(matrix, -shift) if shift else matrix
    n = matrix.shape[0]
    gamma = (n + 2) * _U / (1 - (n + 2) * _U)
    # row by row, as they lie in memory (einsum goes down the columns: five times slower)
    squares = np.square(scaled).sum(axis=0) * (1 + 2 * gamma) + 4 * n * _TINY
    return np.ldexp(np.sqrt(squares) * _UP, shift) + _TINY
