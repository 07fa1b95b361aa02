"""Claims: conditions and conclusions of the theorems, in balls, from the claimed values of the obligations alone.

A rule takes the problem, the values v of the obligations by name (sigma_F, rho_0, ...) and the level of a stop; it rejects if
the condition is not proved, and gives the conclusions, each with the direction in which the claimed number may be off.
"""

from collections.abc import Callable
from typing import Any

from flint import arb

from .activations import sup
from .derived import Problem
from .matrices import positive
from .strict import need

Values = dict[str, Any]


def slope(P: Problem, v: Values, c: Any) -> Any:
    """Lambda(c): sqrt(k) Lambda is the larger root of x^2 - B2 c x - B1^2 (both), or B2 c (W); increasing in all."""
    X = v["B2"] * c
    return ((X + (X * X + 4 * v["B1"] ** 2).sqrt()) / 2 if P.both else X) / arb(P.k).sqrt()


def _h(P: Problem, v: Values, c: Any) -> tuple[Any, Any]:
    """Lambda and h."""
    Lam = slope(P, v, c)
    return Lam, Lam * v["rho_0"] / (v["sigma_F"] * v["sigma_0"] ** 2)


def _kantorovich(P: Problem, v: Values, c: Any) -> tuple[Any, Any, Any, Any]:
    """(Lambda, h, ell_star, sigma_0 sqrt(1 - 2h)) ; ell_star without cancellation."""
    Lam, h = _h(P, v, c)
    need(h < arb(1) / 2, "the condition h < 1/2 is not proved")
    end = v["sigma_0"] * (1 - 2 * h).sqrt()
    return Lam, h, 2 * v["rho_0"] / (v["sigma_F"] * (v["sigma_0"] + end)), end


def _radius(P: Problem, v: Values) -> tuple[Any, Any]:
    """R' = 2 rho_0/(sigma_F sigma_0) and R' Lip(R')."""
    radius = 2 * v["rho_0"] / (v["sigma_F"] * v["sigma_0"])
    return radius, radius * slope(P, v, v["c_V"] + radius if P.both else v["c_V"])


def _proved_radius(P: Problem, v: Values) -> Any:
    """R' if R' Lip(R') < sigma_0/2."""
    radius, product = _radius(P, v)
    need(product < v["sigma_0"] / 2, "the condition R' Lip(R') < sigma_0/2 is not proved")
    return radius


def _timed(P: Problem, v: Values, a: Any, b: Any, level: Any) -> Values:
    """rho' <= -w_min (a + b rho) rho: rate a w_min, and rho <= level from some time on.

    The time is (1/(a w_min)) ln(rho_0 (a + b level)/(level (a + b rho_0))).
    """
    rate, start = a * P.w_min, v["rho_0"]
    if level is None:
        return {"rate >": rate, "time <": None}
    late = (start * (a + b * level) / (level * (a + b * start))).log() / rate
    return {"rate >": rate, "time <": arb(0) if start <= level else late}


def sharp(P: Problem, v: Values, level: Any) -> Values:
    """sharp.condition."""
    Lam, h, ell, end = _kantorovich(P, v, v["c_V"])
    a, b = v["sigma_F"] ** 2 * end**2, 2 * v["sigma_F"] * Lam
    return {"h <": h, "ell_star <": ell} | _timed(P, v, a, b, level)


def baseline(P: Problem, v: Values, level: Any) -> Values:
    """baseline.condition."""
    a = v["sigma_F"] ** 2 * v["sigma_0"] ** 2 / 4
    return {"R_prime <": _proved_radius(P, v)} | _timed(P, v, a, arb(0), level)


def amgm(P: Problem, v: Values, level: Any) -> Values:
    """dip2.amgm."""
    need(P.both, "the theorem is about training both layers")
    square = v["f"] ** 2 - v["B1"] * v["rho_0"] / (v["sigma_F"] * arb(P.k).sqrt())
    need(square > 0, "the condition rho_0 < sigma_F sqrt(k) f^2/B1 is not proved")
    s, a = square.sqrt(), v["sigma_F"] ** 2 * square
    return {"s_star >": s, "length <": v["rho_0"] / (v["sigma_F"] * s)} | _timed(P, v, a, arb(0), level)


def drift(v: Values, Lam: Any, ell: Any) -> Any:
    """Integral over [0, ell] of (K + Lam r (2J + Lam r))/(s - Lam r): the primitive, or ell times its largest value (at ell).

    With z = Lam r: (K + z (2J + z))/(s - z) = (K + 2 J s + s^2)/(s - z) - (2J + s) - z.
    """
    K, J, s, z = v["PKQ"], v["J_norm"], v["sigma_0"], Lam * ell
    coarse = (ell * (K + z * (2 * J + z)) / (s - z)).upper()
    if not Lam > 0:
        return coarse
    exact = (-(K + 2 * J * s + s * s) / Lam * (1 - z / s).log() - (2 * J + s) * ell - z * ell / 2).upper()
    return exact if exact < coarse else coarse


def kernel(P: Problem, v: Values, level: Any) -> Values:
    """recover.kernel."""
    Lam, h, ell, _ = _kantorovich(P, v, v["c_full"])
    moved = drift(v, Lam, ell) if P.R else arb(0)  # P = 0 without R
    limit = arb(P.scale) * ((v["eps"] / v["sigma_F"]) ** 2 + (v["ker_0"] + moved) ** 2).sqrt()
    return {"h_full <": h, "ell <": ell, "drift <": moved, "limit <": limit}


def recovery(P: Problem, v: Values, level: Any) -> Values:
    """baseline.recovery: the signals within R' fill a ball around g(0), and |T z| >= sigma_F |z|."""
    need(P.has["injective"], "the theorem needs an injective operator (R absent, or square and C absent)")
    radius = _proved_radius(P, v)
    dist = v["start_distance"] - (v["sigma_0"] * radius - slope(P, v, v["c_V"]) * radius**2 / 2)
    need(dist.is_finite(), "the distance from the signals that are reached is not bounded")
    dist = positive(dist.upper())
    limit = arb(P.scale) * ((1 + v["T_norm"] / v["sigma_F"]) * dist + v["eps"] / v["sigma_F"])
    return {"dist <": dist, "limit <": limit}


def threshold(P: Problem, v: Values, level: Any) -> Values:
    """T V d/sqrt k = y - T V hbar/sqrt k has a solution |d| <= |y - ...|/sigma_min(T V/sqrt k) < gap: hbar + d is in the box."""
    smallest = v["sigma_F"] * v["V_sigma"] / arb(P.k).sqrt()
    need(v["hbar_residual"] < smallest * v["gap"], "no point of the open box is proved to fit y")
    return {}


def _exact(P: Problem, v: Values) -> Values:
    """The values with the exact B1 and B2."""
    return v | dict(zip(("B1", "B2"), sup(P.activation), strict=True))


def not_sharp(P: Problem, v: Values, level: Any) -> Values:
    """The condition of sharp.condition is false."""
    _, h = _h(P, _exact(P, v), v["c_V"])
    need(h >= arb(1) / 2, "h >= 1/2 is not proved")
    return {"h >": h}


def not_baseline(P: Problem, v: Values, level: Any) -> Values:
    """The condition of baseline.condition is false."""
    radius, product = _radius(P, _exact(P, v))
    need(product >= v["sigma_0"] / 2, "R' Lip(R') >= sigma_0/2 is not proved")
    return {"R_prime >": radius}


def not_amgm(P: Problem, v: Values, level: Any) -> Values:
    """The condition of dip2.amgm is false."""
    need(P.both, "the theorem is about training both layers")
    capacity = v["sigma_F"] * arb(P.k).sqrt() * v["f"] ** 2
    need(v["rho_0"] * _exact(P, v)["B1"] >= capacity, "rho_0 >= sigma_F sqrt(k) f^2/B1 is not proved")
    return {}


_BASE = "sigma_F_lower sigma_0_lower c_V_upper rho_0_upper B1_upper?both B2_upper"
_BACK = "sigma_F_upper sigma_0_upper c_V_lower rho_0_lower"
_FAR = _BASE.replace("c_V_upper", "c_full_upper")
# (statement, verdict): (kinds of the obligations that are used, one of each; the rule)
RULES: dict[tuple[str, str], tuple[str, Callable[[Problem, Values, Any], Values]]] = {
    ("sharp.condition", "PROVED"): (_BASE, sharp),
    ("baseline.condition", "PROVED"): (_BASE, baseline),
    ("dip2.amgm", "PROVED"): ("sigma_F_lower f_lower rho_0_upper B1_upper", amgm),
    ("recover.kernel", "PROVED"): (_FAR + " J_norm_upper PKQ_upper ker_0_upper eps_upper", kernel),
    ("baseline.recovery", "PROVED"): (_BASE + " T_norm_upper start_distance_upper eps_upper", recovery),
    ("wonly.threshold", "PROVED"): ("sigma_F_lower V_sigma_lower gap_lower hbar_residual_upper", threshold),
    ("sharp.condition", "REFUTED"): (_BACK, not_sharp),
    ("baseline.condition", "REFUTED"): (_BACK, not_baseline),
    ("dip2.amgm", "REFUTED"): ("sigma_F_upper f_upper rho_0_lower", not_amgm),
}
