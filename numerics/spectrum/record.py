"""What a computation of σ_min returns."""

from __future__ import annotations

from dataclasses import dataclass

from numerics.bound import Bound


@dataclass(frozen=True)
class Smallest:
    """A smallest singular value with the side of the truth it lies on, and how far off it may be.

    Attributes
    ----------
    bound: value, direction and method in words. "estimate" unless asked otherwise; "lower" if certified; "upper" from
        Lanczos on a matrix (any Rayleigh quotient is one, its rounding accounted for).
    error: estimate of |value − truth|. An estimate from a model of rounding, not a certificate; for Lanczos it supposes
        that the smallest singular value is the one that was found, which a residual cannot prove.
    method: "gram", "gram, refined", "svd", "lanczos", "certified", "none" (fewer columns than rows).
    """

    bound: Bound
    error: float
    method: str

    @property
    def value(self) -> float:
        """The number itself."""
        return self.bound.value
