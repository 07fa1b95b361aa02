"""The claim `wonly.threshold`: W only, the data are the image of a point of the open box phi(R)^k.

For an activation with phi' > 0 the loss tends to its infimum over the box, whatever the stored pre-activations are. A point hbar
of the box with |T V hbar/sqrt k - y| < sigma_min(T V/sqrt k) gap, gap its distance from the walls, has an exact solution beside
it that is still inside: the loss tends to zero. No rate follows.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from numerics.rigorous import below, norm_upper
from numerics.wonly import box
from numerics.wonly import threshold as decide
from verify.recheck import RANGE

from . import linear
from .book import Book
from .digits import apart, down, up
from .linear import higher, lower
from .parts import Claim, Obligation
from .sweep import Gram, blocks, loss_of, restricted

Array = NDArray[np.float64]

_TINY = 2.0**-1022
_UP = 1 + 2.0**-44
# Neurons up to which a linear program is solved where the cheap candidates do not decide.
_PROGRAM = 500
# Multiply-adds of the checker up to which the claim is made beside others that say more.
_CHEAP = 2e8
#: What the checker takes for a box without walls is far larger.
_NO_WALL = 2.0**900

_NAME = "wonly.threshold"


def threshold(book: Book, others: list[Claim]) -> list[Claim]:
    """The claim, in a list; none where the theorem is about something else, or where it would cost much and say less."""
    s = book.subject
    if s.train != "W" or s.C is not None or s.activation not in RANGE:
        return []
    rated = any(claim.verdict == "PROVED" for claim in others)
    if rated and float(s.n) * s.n * s.k > _CHEAP:
        return []
    if not book.evidence.full_rank:
        return [Claim(_NAME, "UNKNOWN", reason="the operator is not proved to have full rank", failed="sigma_F_lower",
                      help='better conditioning, or [operator] rank = "truncate"')]  # fmt: skip
    if s.k < s.p:
        return [Claim(_NAME, "UNKNOWN", reason=f"the width k = {s.k} is below the rank p = {s.p}", failed="V_sigma_lower",
                      help=f"more width: at least {2 * s.p} neurons")]  # fmt: skip
    return [_claim(book)]


def _claim(book: Book) -> Claim:
    s, white = book.subject, book.evidence.whitening
    root = math.sqrt(s.k)
    B = np.ascontiguousarray(restricted(s.V, white)[0].T) / root
    y = s.y if white is None else white.N @ s.y
    lo, hi = box(s.phi, s.a[:1])
    found = decide(B, y, float(lo[0]), float(hi[0]), program=s.k <= _PROGRAM, time_limit=20.0)
    if not found.feasible or found.h is None:
        far = f"y is at a distance from what the box can produce ({found.how})"
        reason = far if found.feasible is False else f"no point of the box that fits y was found ({found.how})"
        return Claim(_NAME, "UNKNOWN", reason=reason, failed="hbar_residual_upper", help="more width, or smaller data")
    h = found.h
    V_sigma, gap, residual = _smallest(book), _gap(h, *RANGE[s.activation]), _residual(book, h)
    sigma_F = book.sigma_F()
    if V_sigma is None or sigma_F is None:
        return Claim(
            _NAME, "UNKNOWN", reason="sigma_min(U'V) > 0 is not proved", failed="V_sigma_lower", help="more width"
        )
    smallest = sigma_F.claim * V_sigma.claim / root
    needed = smallest * lower(max(gap, 0.0)) * (1 - 2.0**-40)
    if not (gap > 0 and higher(residual) < needed):
        reason = f"a point of the box fits y to {up(residual)}, and less than {down(needed)} is needed"
        return Claim(_NAME, "UNKNOWN", reason=reason, failed="condition", help="more width, or better conditioning")
    names = book.keep(hbar=h)
    book.obligations["V_sigma"] = V_sigma
    book.obligations["gap"] = Obligation("gap", "gap_lower", lower(gap), "box", {}, names)
    book.obligations["fit"] = Obligation("fit", "hbar_residual_upper", higher(residual), "balls", {}, names)
    fit, allowed = apart(higher(residual), needed)
    reason = f"a point of the box, {down(gap)} from its walls, fits y to {fit}, less than {allowed}"
    return Claim(_NAME, "PROVED", (sigma_F.id, "V_sigma", "gap", "fit"), {}, reason)


def _smallest(book: Book) -> Obligation | None:
    """sigma_min(U'V) from below."""
    s, white = book.subject, book.evidence.whitening
    gram = Gram(s.p)
    for at in blocks(s.k):
        gram.add(*restricted(s.V[at], white))
    found = linear.smallest_eigenvalue(gram.K, gram.error())
    if found.L is None:
        return None
    value = math.sqrt(below(found.floor) / (1 + book.evidence.delta)) * (1 - 2.0**-44)
    names = book.keep(L_V=found.L, **({} if white is None else {"N": white.N}))
    return Obligation("V_sigma", "V_sigma_lower", lower(value), "shift", {"shift": found.shift}, names)


def _gap(h: Array, low: int | None, high: int | None) -> float:
    """Distance of every entry from the ends of phi(R), from below."""
    ends = [_NO_WALL]
    if low is not None:
        ends.append(float(h.min()) - low)
    if high is not None:
        ends.append(high - float(h.max()))
    return min(ends) - 2.0**-52


def _residual(book: Book, h: Array) -> float:
    """|T V h/sqrt k - y| from above."""
    s = book.subject
    g, size = np.zeros(s.n), np.zeros(s.n)
    count = 0
    for at in blocks(s.k):
        g += s.V[at].T @ h[at]
        size += np.abs(s.V[at]).T @ np.abs(h[at])
        count += 1
    root = math.sqrt(s.k)
    terms = loss_of(2 * len(h[next(blocks(s.k))]) + count + 16)
    image, error = book.evidence.image(g / root, size * (2 * terms) / root * _UP + s.k * _TINY)
    r = image - s.y
    return norm_upper(np.abs(r) * (1 + 2.0**-50) + error) * _UP
