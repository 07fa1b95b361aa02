"""What to do about a condition that is not proved, in words and numbers. Estimates: nothing is proved with them.

The conditions are all of the form "ρ is small against a capacity of the network", and ρ falls along the flow: what is
missing is a factor, and the time that training takes to gain it follows from the rate of the flow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from .book import Book
from .parts import Claim

_ROUNDING = 2.0**-44


def no_rank(book: Book, statement: str) -> Claim:
    """σ_F > 0 could not be proved."""
    return Claim(
        statement, "UNKNOWN", reason="the operator is not proved to have full rank: its smallest singular value is too close "
        "to rounding", failed="sigma_F_lower",
        help='better conditioning: fewer or better measurements, or truncate the operator ([operator] rank = "truncate")',
    )  # fmt: skip


def no_sigma(book: Book, statement: str) -> Claim:
    """σ_0 > 0 could not be proved."""
    s = book.subject
    if s.k < s.p:
        why = f"the width k = {s.k} is below the rank p = {s.p} of the operator, so sigma_0 = 0"
        return Claim(
            statement, "UNKNOWN", reason=why, failed="sigma_0_lower", help=f"more width: at least {2 * s.p} neurons"
        )
    estimate = book.evidence.smallest.estimate / s.k
    what = f"sigma_0 > 0 is not proved (its square is about {max(estimate, 0.0):.3g})"
    return Claim(statement, "UNKNOWN", reason=what, failed="sigma_0_lower",
                 help="more width, or an activation whose derivative does not vanish at the stored pre-activations")  # fmt: skip


def too_large(book: Book, statement: str, reason: str, numbers: Mapping[str, float], factor: float) -> Claim:
    """The condition is not met by the proved bounds: ρ has to shrink by `factor` < 1 (σ_F and σ_0 as they are)."""
    sigma_F, sigma_0 = numbers["sigma_F"], numbers["sigma_0"]
    return Claim(statement, "UNKNOWN", reason=reason, failed="condition",
                 help=training(book, factor, sigma_F * sigma_0))  # fmt: skip


def training(book: Book, factor: float, slope: float | None = None) -> str:
    """How much training is missing: ρ falls at about w_min (σ_F σ_0)² or faster."""
    evidence, s = book.evidence, book.subject
    rho = evidence.rho[1]
    if not 0 < factor < 1 or not rho > 0:
        return "the bounds are too coarse by rounding alone: better conditioning"
    target = rho * factor
    text = f"more training: rho has to fall from {rho:.3g} to about {target:.3g}"
    slope = evidence.sigma_F * evidence.sigma_0 if slope is None else slope
    rate, whose = (book.rate, "the run") if book.rate > 0 else (s.w_min * slope * slope, "this point")
    if rate > 0:
        text += f", which takes about t = {math.log(1 / factor) / rate:.3g} at the rate {rate:.3g} of {whose}"
    noise = 64 * _ROUNDING * float(abs(s.y).max()) * math.sqrt(s.m)
    if target < noise:
        return (f"rho would have to fall to {target:.3g}, below rounding: more width (every condition is easier by the root "
                "of it) or better conditioning")  # fmt: skip
    return text + "; or more width (twice the width allows about 1.4 times the rho); or better conditioning"
