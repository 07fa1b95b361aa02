"""The claims of convergence: `sharp.condition`, `baseline.condition`, `dip2.amgm`, each with its verdict.

PROVED: the condition holds for the claimed numbers, so for the truth. REFUTED: bounds from the other side show that it
fails. UNKNOWN: neither, and what would help.
"""

from __future__ import annotations

import math
from typing import Any

from numerics.compile import enclose

from . import advice, formulas
from .book import Book
from .digits import apart, down, up
from .parts import Claim, Obligation

CONVERGENCE = ("sharp.condition", "baseline.condition", "dip2.amgm", "wonly.threshold")

# More than the few roundings of a printed quotient.
_ROUNDING = 2.0**-48


def _more(x: float) -> float:
    return x * (1 + _ROUNDING)


def _stop(conclusions: dict[str, Any], level: float, time: float) -> None:
    """A stopping time, where it is in the range of doubles."""
    if math.isfinite(time):
        conclusions["stop"] = {"level": level, "time": time}


def convergence(book: Book, level: float | None) -> list[Claim]:
    """The three claims at this point; `level`: a residual for which a stopping time is wanted."""
    found = [sharp(book, level), baseline(book, level)]
    if book.subject.train == "both":
        found.append(amgm(book, level))
    return found


def _ids(*items: Obligation | None) -> tuple[str, ...]:
    return tuple(item.id for item in items if item is not None)


def _common(book: Book, statement: str) -> Claim | tuple[dict[str, float], tuple[str, ...]]:
    """The numbers of `sharp.condition` and the obligations behind them, or the claim that says why there are none."""
    evidence, both = book.evidence, book.subject.train == "both"
    if not evidence.smooth:
        return Claim(
            statement, "UNKNOWN", reason=f"{book.subject.activation} has no Lipschitz derivative, which the theorem needs",
            failed="B2", help="use a smooth activation, such as softplus or gelu",
        )  # fmt: skip
    sigma_F = book.sigma_F()
    if sigma_F is None:
        return advice.no_rank(book, statement)
    sigma_0 = book.sigma_0()
    if sigma_0 is None:
        return advice.no_sigma(book, statement)
    B1 = book.B1() if both else None
    B2, c, rho = book.B2(), book.c_V(), book.rho_0()
    assert B2 is not None  # the activation is smooth
    Lambda = formulas.modulus(book.subject, None if B1 is None else B1.claim, B2.claim, c.claim)
    numbers = {"sigma_F": sigma_F.claim, "sigma_0": sigma_0.claim, "Lambda": Lambda, "rho_0": rho.claim}
    return numbers, _ids(sigma_F, sigma_0, c, rho, B1, B2)


def _reverse(book: Book) -> tuple[dict[str, float], tuple[str, ...]] | None:
    """The same from the other side: for a proof that a condition fails."""
    items = [make() for make in (book.sigma_F_above, book.sigma_0_above, book.c_V_below, book.rho_0_below)]
    if any(item is None for item in items):
        return None
    sigma_F, sigma_0, c, rho = (item.claim for item in items if item is not None)
    Lambda = formulas.modulus_below(book.subject, c)
    return {"sigma_F": sigma_F, "sigma_0": sigma_0, "Lambda": Lambda, "rho_0": rho}, _ids(*items)


def _degenerate(book: Book) -> bool:
    """Whether ρ is so small that formulas lose their meaning (zero loss: nothing left to prove)."""
    return not book.evidence.rho[1] > 0


def sharp(book: Book, level: float | None) -> Claim:
    """`sharp.condition`: h = Λρ/(σ_F σ_0²) < 1/2."""
    statement = "sharp.condition"
    found = _common(book, statement)
    if isinstance(found, Claim):
        return _refuted_sharp(book, found.help) or found
    numbers, uses = found
    h = formulas.h(**numbers)[1]
    if not h < 0.5:
        return _refuted_sharp(book) or advice.too_large(
            book, statement, f"h = {up(h)} is not below 1/2", numbers, 0.5 / h
        )
    rate = formulas.sharp_rate(book.subject, **numbers)
    conclusions: dict[str, Any] = {"h": h, "ell_star": formulas.ell_star(**numbers), "rate": rate}
    if level is not None:
        if book.subject.weights is None:
            time = formulas.sharp_stop(book.subject, **numbers, level=level)
        else:
            time = formulas.exponential_stop(numbers["rho_0"], rate, level)
        _stop(conclusions, level, time)
    return Claim(statement, "PROVED", uses, conclusions, f"h <= {up(h, under=0.5)} < 1/2")


def _refuted_sharp(book: Book, better: str = "") -> Claim | None:
    found = _reverse(book) if book.evidence.smooth else None
    if found is None or not found[0]["sigma_0"] > 0:
        return None
    h = formulas.h(**found[0])[0]
    if not h >= 0.5:
        return None
    return Claim("sharp.condition", "REFUTED", found[1], {"h": h}, f"h >= {down(h)}, and h < 1/2 is needed",
                 help=better or advice.training(book, 0.5 / h))  # fmt: skip


def baseline(book: Book, level: float | None) -> Claim:
    """`baseline.condition`: R' Lip(R') < σ_0/2 with R' = 2ρ/(σ_F σ_0)."""
    statement = "baseline.condition"
    found = _common(book, statement)
    if isinstance(found, Claim):
        return _refuted_baseline(book, found.help) or found
    numbers, uses = found
    three = {name: numbers[name] for name in ("sigma_F", "sigma_0", "rho_0")}
    R_prime = formulas.baseline(**three)[1]
    B1 = book.value("B1") if book.subject.train == "both" else 0.0
    Lip = formulas.lipschitz(book.subject, B1, book.value("B2"), book.value("c_V"), R_prime, upper=True)
    ratio = R_prime * Lip / (0.5 * three["sigma_0"])
    if not ratio < 1 - 2.0**-40:
        return _refuted_baseline(book) or advice.too_large(
            book, statement, f"R' Lip(R') = {up(ratio / 2)} sigma_0 is not below sigma_0/2", numbers, 1 / ratio
        )
    rate = formulas.baseline_rate(book.subject, three["sigma_F"], three["sigma_0"])
    conclusions: dict[str, Any] = {"R_prime": R_prime, "rate": rate}
    if level is not None:
        _stop(conclusions, level, formulas.exponential_stop(three["rho_0"], rate, level))
    return Claim(
        statement, "PROVED", uses, conclusions, f"R' Lip(R') <= {up(_more(ratio / 2), under=0.5)} sigma_0 < sigma_0/2"
    )


def _refuted_baseline(book: Book, better: str = "") -> Claim | None:
    found = _reverse(book) if book.evidence.smooth else None
    if found is None or not found[0]["sigma_0"] > 0:
        return None
    numbers, uses = found
    R_prime = formulas.baseline(numbers["sigma_F"], numbers["sigma_0"], numbers["rho_0"])[0]
    theory = book.subject.phi
    B1, B2 = (bound.as_upper() * (1 - 2.0**-48) for bound in (theory.B1, theory.B2))
    Lip = formulas.lipschitz(book.subject, B1, B2, book.value("c_V_below"), R_prime, upper=False)
    ratio = R_prime * Lip / (0.5 * numbers["sigma_0"])
    if not ratio >= 1 + 2.0**-40:
        return None
    return Claim("baseline.condition", "REFUTED", uses, {"R_prime": R_prime},
                 f"R' Lip(R') >= {down(ratio / 2 * (1 - _ROUNDING))} sigma_0, and less than sigma_0/2 is needed",
                 help=better or advice.training(book, 1 / ratio))  # fmt: skip


def amgm(book: Book, level: float | None) -> Claim:
    """`dip2.amgm`, linear form: ρ < σ_F √k f²/B1."""
    statement = "dip2.amgm"
    sigma_F = book.sigma_F()
    if sigma_F is None:
        unknown = advice.no_rank(book, statement)
        return _refuted_amgm(book, unknown.help) or unknown
    f, rho, B1 = book.f(), book.rho_0(), book.B1()
    if f is None:
        return _refuted_amgm(book) or Claim(
            statement, "UNKNOWN", reason="the hidden layer is zero at this point, as far as can be proved",
            failed="f_lower", help="other initial parameters",
        )  # fmt: skip
    given = {"sigma_F": sigma_F.claim, "k": float(book.subject.k), "f_0": f.claim, "B1": B1.claim}
    capacity = enclose(statement, "capacity", given).lower
    if not rho.claim < capacity * (1 - 2.0**-30):
        return _refuted_amgm(book) or advice.too_large(
            book, statement, f"rho = {up(rho.claim)} is not below sigma_F sqrt(k) f^2/B1 = {down(capacity)}",
            {"sigma_F": sigma_F.claim, "sigma_0": f.claim}, capacity / rho.claim,
        )  # fmt: skip
    s_star = formulas.lower(enclose(statement, "s_star", {**given, "rho_0": rho.claim}).lower)
    rest = {"sigma_F": sigma_F.claim, "s_star": s_star}
    rate = formulas.lower(enclose(statement, "rate_rho", {**rest, "w_min": book.subject.w_min}).lower)
    length = formulas.higher(enclose(statement, "length", {**rest, "rho_0": rho.claim}).upper)
    conclusions: dict[str, Any] = {"s_star": s_star, "rate": rate, "length": length}
    if level is not None:
        _stop(conclusions, level, formulas.exponential_stop(rho.claim, rate, level))
    above, below = apart(rho.claim, capacity)
    return Claim(statement, "PROVED", _ids(sigma_F, f, rho, B1), conclusions,
                 f"rho <= {above} < {below} <= sigma_F sqrt(k) f^2/B1")  # fmt: skip


def _refuted_amgm(book: Book, better: str = "") -> Claim | None:
    sigma_F, f, rho = book.sigma_F_above(), book.f_above(), book.rho_0_below()
    if sigma_F is None or rho is None:
        return None
    B1 = book.subject.phi.B1.as_upper() * (1 - 2.0**-48)
    given = {"sigma_F": sigma_F.claim, "k": float(book.subject.k), "f_0": f.claim, "B1": B1}
    capacity = enclose("dip2.amgm", "capacity", given).upper
    if not rho.claim >= capacity * (1 + 2.0**-30):
        return None
    above, below = apart(capacity, rho.claim)
    return Claim("dip2.amgm", "REFUTED", _ids(sigma_F, f, rho), {},
                 f"rho >= {below}, and less than sigma_F sqrt(k) f^2/B1 <= {above} is needed (linear form)",
                 help=better or advice.training(book, capacity / rho.claim))  # fmt: skip
