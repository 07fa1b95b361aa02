"""Products of operators: blur after a synthesis, samples of a blurred signal, an output scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from scipy.linalg import svdvals

from numerics import rigorous
from numerics.bound import Bound, lower, upper
from numerics.operators.base import (
    MAX_DENSE,
    RANK_TOLERANCE,
    Array,
    ForwardOperator,
    RankDeficient,
    describe_shape,
    rank_deficient,
)
from numerics.operators.identity import IdentityOperator
from numerics.operators.periodic import PeriodicOperator
from numerics.operators.spec import OperatorSpec, doc, from_mapping, is_number
from numerics.operators.spectral import Factorization, ScaledFactorization


class PeriodicProduct(PeriodicOperator):
    """s T_1 ... T_r of periodic convolutions: one transfer function, the product of theirs."""

    def __init__(self, factors: Sequence[PeriodicOperator], scale: float = 1.0):
        self.factors, self.scale = tuple(factors), float(scale)
        spectrum = math.prod((f._spectrum for f in self.factors[1:]), start=self.factors[0]._spectrum) * self.scale
        self.remedy = self.factors[0].remedy  # type: ignore[misc]
        super().__init__(self.factors[0].input_shape, spectrum)

    @cached_property
    def _moduli(self) -> tuple[Array, Array]:
        lo, hi = np.full(self.input_shape, abs(self.scale)), np.full(self.input_shape, abs(self.scale))
        with np.errstate(under="ignore"):
            for a, b in (f.moduli() for f in self.factors):
                # lo is a product of numbers >= 0 rounded to nearest, then one step down: never above the truth.
                lo, hi = np.maximum(0.0, np.nextafter(lo * a, -np.inf)), np.nextafter(hi * b, np.inf)
        return lo, hi

    def moduli(self) -> tuple[Array, Array]:
        """Products of the factors' enclosures, rounded outward."""
        return self._moduli

    @cached_property
    def _dense(self) -> tuple[Array, float]:
        return dense_product(self.factors, self.scale)

    def toarray(self) -> Array:
        """Product of the factors' matrices."""
        self.check_dense()
        return self._dense[0]

    def array_error(self) -> float:
        """Rounding of that product and the factors' own errors."""
        return self._dense[1]

    def describe(self) -> str:
        """One line for reports."""
        return describe_product(self.factors, self.scale)


class ComposedOperator(ForwardOperator):
    """s A_1 A_2 ... A_r, applied right to left.

    Singular values are certified on the dense product, whose rounding errors are accounted for.
    """

    remedy = "use factors that are better conditioned"

    def __init__(self, factors: Sequence[ForwardOperator], scale: float = 1.0):
        self.factors, self.scale = tuple(factors), float(scale)
        super().__init__(self.factors[-1].input_shape, self.factors[0].output_shape)

    def _matvec(self, x: Array) -> Array:
        for f in reversed(self.factors):
            x = f.matvec(x.reshape(-1))
        return self.scale * x

    def _rmatvec(self, y: Array) -> Array:
        for f in self.factors:
            y = f.rmatvec(y.reshape(-1))
        return self.scale * y

    @cached_property
    def _dense(self) -> tuple[Array, float]:
        return dense_product(self.factors, self.scale)

    def toarray(self) -> Array:
        """Product of the factors' matrices."""
        self.check_dense()
        return self._dense[0]

    def array_error(self) -> float:
        """Rounding of that product and the factors' own errors."""
        return self._dense[1]

    @cached_property
    def _opnorm(self) -> Bound:
        norms = [f.opnorm().as_upper() for f in self.factors]
        product = rigorous.above(math.prod((Fraction(x) for x in norms), start=abs(Fraction(self.scale))))
        if self.shape[0] * self.shape[1] > MAX_DENSE:
            return upper(product, "product of the norms of the factors")
        value = rigorous.opnorm_upper(self.matrix, self.array_error())
        return upper(min(value, product), "shifted Cholesky of the Gram matrix of the product")

    @cached_property
    def _sigma_min(self) -> Bound:
        self.check_dense()
        value = rigorous.sigma_min_lower(self.matrix, self.array_error())
        if value <= RANK_TOLERANCE * self.opnorm().value:
            raise rank_deficient(self, svdvals(self.matrix))
        return lower(value, "shifted Cholesky of the Gram matrix of the product, its rounding accounted for")

    def factorization(self) -> Factorization:
        """Structured for samples or part of the spectrum of a periodic convolution, dense otherwise."""
        from numerics.operators.filtered import filtered

        first, *rest = self.factors
        convolutions = [f for f in rest if isinstance(f, PeriodicOperator)]
        if convolutions and len(convolutions) == len(rest):
            found = filtered(first, PeriodicProduct(convolutions, self.scale))
            if found is not None:
                return found
        return super().factorization()

    def describe(self) -> str:
        """One line for reports."""
        return describe_product(self.factors, self.scale)


def describe_product(factors: Sequence[ForwardOperator], scale: float) -> str:
    """The factors in the order in which they are applied."""
    text = ", then ".join(f.describe() for f in reversed(factors))
    return text if scale == 1.0 else f"{scale:g} times ({text})"


def dense_product(factors: Sequence[ForwardOperator], scale: float) -> tuple[Array, float]:
    """(M, e): the matrix of s A_1 ... A_r in floating point and a bound of ||M - s A_1 ... A_r||.

    Right to left: if ||X - X~|| <= e then ||A X - fl(A X~)|| <= ||A|| e + (error of the product). A multiplication by s
    rounds every entry: 2^-53 |s| ||X~||_F.
    """
    last = factors[-1]
    M, e = last.matrix, Fraction(last.array_error())
    for f in reversed(factors[:-1]):
        norm = Fraction(f.opnorm().as_upper()) if e else Fraction(0)
        M, error = f.left_multiply(M)
        e = norm * e + Fraction(error)
    if scale != 1.0:
        s = abs(Fraction(scale))
        e = s * e + s * Fraction(rigorous.norm_upper(M)) * rigorous.UNIT + M.size * rigorous.ETA
        M = scale * M
    return M, rigorous.above(e)


def product(*operators: ForwardOperator, scale: float = 1.0) -> ForwardOperator:
    """s A_1 A_2 ... A_r, the simplest operator that represents it; ValueError where neighbours do not fit.

    >>> product(IdentityOperator((4,)), scale=3.0).sigma_min().value
    3.0
    """
    if not operators:
        raise ValueError("a product of operators needs at least one factor")
    if not (is_number(scale) and scale != 0):
        raise ValueError(f"the scale of an operator must be a finite number other than 0, got {scale!r}")
    flat: list[ForwardOperator] = []
    for op in operators:
        if isinstance(op, ComposedOperator | PeriodicProduct):
            flat.extend(op.factors)
            scale *= op.scale
        else:
            flat.append(op)
    for left, right in pairwise(flat):
        if left.shape[1] != right.shape[0]:
            raise ValueError(
                f"operators cannot be composed: {right.describe()} returns {describe_shape(right.output_shape)} "
                f"({right.shape[0]} numbers), but {left.describe()} takes {describe_shape(left.input_shape)} "
                f"({left.shape[1]} numbers)"
            )
    kept = [f for f in flat if not isinstance(f, IdentityOperator)] or flat[:1]
    if len(kept) == 1 and scale == 1.0:
        return kept[0]
    if len(kept) == 1 and isinstance(kept[0], IdentityOperator):
        return ScaledIsometry(kept[0], scale)
    shapes = {f.input_shape for f in kept}
    if len(shapes) == 1 and all(isinstance(f, PeriodicOperator) for f in kept):
        return PeriodicProduct([f for f in kept if isinstance(f, PeriodicOperator)], scale)
    if len(kept) == 1 and _is_isometry(kept[0]):
        return ScaledIsometry(kept[0], scale)
    return ComposedOperator(kept, scale)


def _is_isometry(operator: ForwardOperator) -> bool:
    """Whether all nonzero singular values are known to be 1. A rank-deficient operator may be scaled: truncation follows."""
    try:
        smallest = operator.sigma_min()
    except RankDeficient:
        return False
    return smallest.direction == "exact" and smallest.value == 1.0


class ScaledIsometry(ComposedOperator):
    """s Q for an operator Q whose nonzero singular values are all 1: those of s Q are |s|, exactly."""

    def __init__(self, factor: ForwardOperator, scale: float):
        super().__init__((factor,), scale)

    def sigma_min(self) -> Bound:
        """|s|, exactly."""
        return Bound(abs(self.scale), "exact", f"{self.factors[0].sigma_min().how}, scaled")

    def opnorm(self) -> Bound:
        """|s|, exactly."""
        return self.sigma_min()

    def factorization(self) -> Factorization:
        """That of Q, scaled."""
        return ScaledFactorization(self.factors[0].factorization(), self.scale)


@dataclass(frozen=True)
class Compose(OperatorSpec):
    """Several operators, applied right to left: the last part acts on the signal first."""

    kind: ClassVar[str] = "compose"
    parts: tuple[Any, ...] = field(metadata=doc("list of operators; the last one acts on the signal first"))

    def __post_init__(self) -> None:
        if isinstance(self.parts, str | dict) or not isinstance(self.parts, Sequence) or not self.parts:
            raise ValueError("compose needs parts, a nonempty list of operators")
        object.__setattr__(self, "parts", tuple(from_mapping(p) for p in self.parts))

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> ForwardOperator:
        """Builds from the last part to the first, each on the output of the one before, each with its own generator."""
        built: list[ForwardOperator] = []
        shape = tuple(input_shape)
        for part, child in zip(reversed(self.parts), rng.spawn(len(self.parts)), strict=True):
            built.insert(0, part.build(shape, child))
            shape = built[0].output_shape
        return product(*built)

    def to_dict(self) -> dict[str, Any]:
        """Kind and the parts' own dictionaries."""
        return {"kind": self.kind, "parts": [p.to_dict() for p in self.parts]}
