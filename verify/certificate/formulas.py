"""The formulas of the theory at claimed numbers: conclusions of a certificate follow from its obligations alone.

Every number that enters is what an obligation of the file claims, and every formula is the one in the registry, enclosed in
balls (:func:`numerics.compile.enclose`) and moved outward once more, so that the checker's own ball lies inside.
"""

from __future__ import annotations

import math

from numerics.compile import enclose

from .subject import Subject

_STEP = 2.0**-40


def higher(x: float) -> float:
    """A conclusion from above."""
    return x * (1 + _STEP)


def lower(x: float) -> float:
    """A conclusion from below, x >= 0."""
    return max(0.0, x * (1 - _STEP))


def modulus(subject: Subject, B1: float | None, B2: float, c: float) -> float:
    """Λ(c) from above (`dip2.modulus`); B1 only if both layers are trained."""
    given = {"B2": B2, "c_V": c, "k": float(subject.k)}
    if subject.train == "W":
        return enclose("dip2.modulus", "Lambda_W", given).upper
    assert B1 is not None
    return enclose("dip2.modulus", "Lambda_both", {**given, "B1": B1}).upper


def modulus_below(subject: Subject, c: float) -> float:
    """Λ(c) from below for the exact B1 and B2 of the activation and a lower bound c of the columns."""
    # B1, B2 of the toolkit are upper bounds one ulp from the truth
    B1, B2 = (bound.as_upper() * (1 - 2.0**-48) for bound in (subject.phi.B1, subject.phi.B2))
    given = {"B2": B2, "c_V": c, "k": float(subject.k)}
    if subject.train == "W":
        return enclose("dip2.modulus", "Lambda_W", given).lower
    return enclose("dip2.modulus", "Lambda_both", {**given, "B1": B1}).lower


def h(sigma_F: float, sigma_0: float, Lambda: float, rho_0: float) -> tuple[float, float]:
    """h from below and from above (`sharp.condition`)."""
    found = enclose("sharp.condition", "h", {"sigma_F": sigma_F, "sigma_0": sigma_0, "Lambda": Lambda, "rho_0": rho_0})
    return lower(found.lower), higher(found.upper)


def ell_star(sigma_F: float, sigma_0: float, Lambda: float, rho_0: float) -> float:
    """ℓ* from above (`sharp.length`)."""
    given = {"sigma_F": sigma_F, "sigma_0": sigma_0, "Lambda": Lambda, "rho_0": rho_0}
    return higher(enclose("sharp.length", "ell_star", given).upper)


def sharp_rate(subject: Subject, sigma_F: float, sigma_0: float, Lambda: float, rho_0: float) -> float:
    """The exponential rate of ρ from below (`sharp.rate`)."""
    given = {"sigma_F": sigma_F, "sigma_0": sigma_0, "Lambda": Lambda, "rho_0": rho_0, "w_min": subject.w_min}
    return lower(enclose("sharp.rate", "rate", given).lower)


def sharp_stop(subject: Subject, sigma_F: float, sigma_0: float, Lambda: float, rho_0: float, level: float) -> float:
    """Time from which |y(t) - y| <= level, from above (`sharp.stop`)."""
    given = {
        "sigma_F": sigma_F, "sigma_0": sigma_0, "Lambda": Lambda, "rho_0": rho_0, "eps": level, "w_min": subject.w_min,
    }  # fmt: skip
    return higher(enclose("sharp.stop", "t_star", given).upper)


def exponential_stop(rho_0: float, rate: float, level: float) -> float:
    """Time from which rho_0 exp(-rate t) <= level, from above: max(0, ln(rho_0/level)/rate).

    The quotient and the logarithm are off by less than 2^-50 together, absolutely; the division by less than 2^-52.
    """
    if rho_0 <= level:
        return 0.0
    if not rate > 0:  # it is below all doubles
        return math.inf
    return higher((math.log(rho_0 / level) * (1 + 2.0**-50) + 2.0**-50) / rate)


def baseline(sigma_F: float, sigma_0: float, rho_0: float) -> tuple[float, float]:
    """R' from below and from above (`baseline.condition`)."""
    found = enclose("baseline.condition", "R_prime", {"sigma_F": sigma_F, "sigma_0": sigma_0, "rho_0": rho_0})
    return lower(found.lower), higher(found.upper)


def lipschitz(subject: Subject, B1: float, B2: float, c: float, r: float, *, upper: bool) -> float:
    """Lip(r) of the Jacobian (`dip2.lipschitz`) from one side."""
    given = {"B2": B2, "c_V": c, "k": float(subject.k)}
    if subject.train == "W":
        found = enclose("dip2.lipschitz", "Lip_W", given)
    else:
        found = enclose("dip2.lipschitz", "Lip_both", {**given, "B1": B1, "r": r})
    return found.upper if upper else found.lower


def baseline_rate(subject: Subject, sigma_F: float, sigma_0: float) -> float:
    """The rate of ρ from below (`baseline.loss_rate`)."""
    given = {"sigma_F": sigma_F, "sigma_0": sigma_0, "w_min": subject.w_min}
    return lower(enclose("baseline.loss_rate", "rate", given).lower)
