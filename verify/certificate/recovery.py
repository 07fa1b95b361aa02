"""The claims about the signal: `recover.kernel` and `baseline.recovery`, where the true signal is part of the problem."""

from __future__ import annotations

import math
from typing import Any

from numerics.compile import enclose
from numerics.rigorous import norm_lower

from . import formulas
from .book import Book
from .digits import up
from .parts import Claim, Obligation

_CANCELS = 1e-12


def recovery(book: Book, found: list[Claim]) -> list[Claim]:
    """Both claims, given the claims of convergence; none without a signal."""
    if book.subject.signal is None:
        return []
    by_name = {claim.statement: claim for claim in found}
    return [_kernel(book, by_name["sharp.condition"]), _baseline(book, by_name["baseline.condition"])]


def _missing(statement: str, other: str) -> Claim:
    return Claim(statement, "UNKNOWN", reason=f"it rests on {other}, which is not proved here", failed=other,
                 help=f"what helps {other}")  # fmt: skip


def _beyond(statement: str) -> Claim:
    return Claim(statement, "UNKNOWN", reason="the bound leaves the range of doubles", failed="condition",
                 help="rescale the signal and its scale by a power of two")  # fmt: skip


def _vacuous(book: Book, limit: float) -> bool:
    signal = book.subject.signal
    assert signal is not None
    return not limit < norm_lower(signal)


def _kernel(book: Book, sharp: Claim) -> Claim:
    statement = "recover.kernel"
    if sharp.verdict != "PROVED":
        return _missing(statement, "sharp.condition")
    s = book.subject
    B1, c = (book.value("B1") if s.train == "both" else None), book.c_full()
    Lambda = formulas.modulus(s, B1, book.value("B2"), c.claim)
    numbers = {
        "sigma_F": book.value("sigma_F"), "sigma_0": book.value("sigma_0"), "Lambda": Lambda, "rho_0": book.value("rho_0"),
    }  # fmt: skip
    h = formulas.h(**numbers)[1]
    if not h < 0.5:
        reason = f"with the modulus of the whole Jacobian h = {up(h)} is not below 1/2"
        return Claim(statement, "UNKNOWN", reason=reason, failed="condition", help="more training or more width")
    ell = formulas.ell_star(**numbers)
    J, PKQ, ker_0, eps = book.J_norm(), book.PKQ(), book.ker_0(), book.eps()
    drift = 0.0 if s.R is None else _drift(numbers, J.claim, PKQ.claim, ell)
    given = {"rho": 0.0, "eps": eps.claim, "sigma_F": numbers["sigma_F"], "ker_0": ker_0.claim, "drift": drift}
    limit = formulas.higher(s.scale * enclose(statement, "bound", given).upper)
    if not math.isfinite(limit):
        return _beyond(statement)
    names = ("sigma_F", "sigma_0", "c_full", "rho_0", *(("B1",) if B1 is not None else ()), "B2")
    uses = (*names, J.id, PKQ.id, ker_0.id, eps.id)
    conclusions: dict[str, Any] = {
        "h_full": h, "ell": ell, "drift": drift, "limit": limit, "vacuous": _vacuous(book, limit),
    }  # fmt: skip
    return Claim(statement, "PROVED", uses, conclusions, _said(book, limit))


def _drift(numbers: dict[str, float], J: float, PKQ: float, ell: float) -> float:
    """The integral from above. Where Λℓ is tiny against σ_0 the checker's closed form cancels: there the simpler bound."""
    given = {"PKQ": PKQ, "J_norm": J, "Lambda": numbers["Lambda"], "ell_star": ell, "sigma_0": numbers["sigma_0"]}
    name = "drift" if numbers["Lambda"] * ell > _CANCELS * numbers["sigma_0"] else "drift_coarse"
    return formulas.higher(enclose("recover.kernel", name, given).upper)


def _said(book: Book, limit: float) -> str:
    signal = book.subject.signal
    assert signal is not None
    size = norm_lower(signal)
    percent = 100 * (limit / size) * (1 + 2.0**-48) if size > 0 else math.inf
    share = f" ({up(percent, 3)}% of |xbar|)" if math.isfinite(percent) else ""
    note = ": vacuous: it says no more than zero would" if _vacuous(book, limit) else ""
    return f"the limit of x(t) is within {up(limit)} of the signal{share}{note}"


def _baseline(book: Book, baseline: Claim) -> Claim:
    statement = "baseline.recovery"
    s = book.subject
    if s.R is not None and s.C is not None and s.p == s.n:
        return Claim(
            statement, "UNKNOWN", reason="the operator is given as two factors: not claimed",
            failed="T_norm_upper", help="see recover.kernel, or give the operator as one matrix",
        )  # fmt: skip
    if s.R is not None and s.p < s.n:
        return Claim(
            statement, "UNKNOWN", reason="the operator is not injective, and the theorem says nothing about its kernel",
            failed="T_norm_upper", help="see recover.kernel, or measure at least n numbers",
        )  # fmt: skip
    if baseline.verdict != "PROVED":
        return _missing(statement, "baseline.condition")
    items: list[Obligation | None] = [book.T_norm(), book.start_distance(), book.eps()]
    T_norm, start, eps = (item.claim for item in items if item is not None)
    sigma_F, sigma_0, rho = book.value("sigma_F"), book.value("sigma_0"), book.value("rho_0")
    B1 = book.value("B1") if s.train == "both" else None
    Lambda = formulas.modulus(s, B1, book.value("B2"), book.value("c_V"))
    # the checker takes R' = 2 rho/(sigma_F sigma_0) itself: the reach is taken at both of its ends
    ends = formulas.baseline(sigma_F, sigma_0, rho)
    reach = min(enclose("recover.reach", "radius", {"sigma_0": sigma_0, "Lambda": Lambda, "r": r}).lower for r in ends)
    missing = start - max(0.0, reach) * (1 - 2.0**-40)
    dist = formulas.higher(missing * (1 + 2.0**-40) + math.ulp(start)) if missing > 0 else 0.0
    limit = formulas.higher(s.scale * ((1 + T_norm / sigma_F) * dist + eps / sigma_F))
    if not math.isfinite(limit):
        return _beyond(statement)
    uses = (*baseline.uses, *(item.id for item in items if item is not None))
    conclusions: dict[str, Any] = {"dist": dist, "limit": limit, "vacuous": _vacuous(book, limit)}
    return Claim(statement, "PROVED", uses, conclusions, _said(book, limit))
