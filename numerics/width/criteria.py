"""One criterion a theorem: is every instance of this width certified, but for a failure probability δ?

A criterion is a function (setting, k, delta, arithmetic) → :class:`Assessment`; :data:`CRITERIA` lists them.  What a
criterion cannot speak about raises :class:`NotApplicable` with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from numerics.activations import CompiledActivation
from numerics.amgm import AmgmDual, dual
from numerics.compile import HypothesisNotMet
from numerics.width import probable
from numerics.width.arithmetic import Arithmetic
from numerics.width.setting import Setting

__all__ = ["CRITERIA", "Assessment", "Criterion", "NotApplicable"]


class NotApplicable(ValueError):
    """The criterion does not speak about this setting; the message says why."""


@dataclass(frozen=True)
class Assessment:
    """What a criterion says about one width.

    certified    whether the condition holds but for probability δ
    need, have   the two sides of the condition: certified iff need < have (inf: nothing is known)
    rho_0        bound of ψ(L_y(y(0))); h the Hadamard–Kantorovich number where there is one
    rate         lower bound of the rate factor, in the role of σ_F²σ0²/4 in baseline.loss_rate (0 if none is promised)
    length       bound of the length of the path (inf if none is promised)
    """

    certified: bool
    need: float
    have: float
    rho_0: float = math.inf
    h: float | None = None
    rate: float = 0.0
    length: float = math.inf
    stop: tuple[str, str] | None = None
    inputs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Criterion:
    """A name for the command line, what it is, the statement behind it, its formula in order form, and what decides."""

    name: str
    title: str
    statement: str
    order: str | None
    assess: Callable[[Setting, int, float, Arithmetic], Assessment]


def _both(setting: Setting) -> None:
    if setting.train != "both":
        raise NotApplicable("both layers have to be trained")


def _bounded(setting: Setting) -> None:
    if not math.isfinite(setting.law.D_V):
        raise NotApplicable(f"needs bounded entries of V; those of {setting.V} are not")


def _linear(setting: Setting) -> None:
    if not setting.linear:
        raise NotApplicable("needs a linear operator")


def _column(setting: Setting, statement: str, do: Arithmetic) -> float:
    return do("c_V", statement, "c_V", "upper", n=setting.n, D_V=setting.law.D_V)


def _start(setting: Setting, k: int, delta: float, do: Arithmetic) -> tuple[float, float]:
    """(σ0, ρ0) on the events of dip2.sigma0 (δ/2; W only δ/4) and dip2.output0 (δ/2), as the statements split them."""
    alone = probable.deterministic_residual(setting)
    event = delta / 4
    if alone:
        event = delta if setting.train == "W" else delta / 2
    f_lo = None
    if setting.train == "both":
        c = probable.constants(setting)
        f_lo = do(
            "f_lo",
            "dip2.sigma0",
            "f_lo",
            "lower",
            B1=c["B1"],
            C_phi=c["C_phi_lower"],
            k=probable.samples(setting, k),
            delta=4 * event,
        )
    sigma = probable.sigma_0(setting, k, event, f_lo, do)
    return sigma, probable.rho_0(setting, probable.residual(setting, k, event, None, do), do)


def _start_linear(setting: Setting, k: int, delta: float, do: Arithmetic) -> tuple[float, float]:
    """(σ0, ρ0) for linear A: order statistics, sub-Gaussian output; δ is shared equally among the events used."""
    both, alone = setting.train == "both", probable.deterministic_residual(setting)
    event = delta / (1 + both + (0 if alone else 3))
    f_lo = probable.hidden_lower(setting, k, -math.log(event), do) if both else None
    sigma = probable.sigma_0(setting, k, event, f_lo, do)
    f_hi = None if alone else probable.hidden_upper(setting, k, -math.log(event), do)
    return sigma, probable.rho_0(setting, probable.residual(setting, k, event, f_hi, do), do)


_NOTHING = Assessment(False, math.inf, 0.0)


def _baseline(coarse: bool) -> Callable[[Setting, int, float, Arithmetic], Assessment]:
    def assess(setting: Setting, k: int, delta: float, do: Arithmetic) -> Assessment:
        _bounded(setting)
        if coarse:
            _both(setting)
        sigma, rho_0 = _start(setting, k, delta, do)
        if not sigma > 0:
            return _NOTHING
        c, sF = probable.constants(setting), setting.s_sigma_F
        known = {"rho_0": rho_0, "sigma_0": sigma, "sigma_F": sF, "B2": c["B2"]}
        if coarse:
            formula, more = "k_min", {"B1": c["B1"], "n": setting.n, "D_V": setting.law.D_V}
        else:
            more = {"c_V": _column(setting, "dip2.width_baseline", do)}
            formula = "k_min_W"
            if setting.train == "both":
                formula, more = "k_min_fine", {"B1": c["B1"], **more}
        need = do("k_min", "dip2.width_baseline", formula, "upper", **known, **more)
        if not need < k:
            return Assessment(False, need, float(k), rho_0)
        rate = do("rate", "baseline.loss_rate", "rate", "lower", sigma_F=sF, sigma_0=sigma, w_min=1.0)
        length = do("R'", "baseline.condition", "R_prime", "upper", sigma_F=sF, sigma_0=sigma, rho_0=rho_0)
        return Assessment(True, need, float(k), rho_0, None, rate, length, ("baseline.early_stop", "t_stop"),
                          {"sigma_F": sF, "sigma_0": sigma})  # fmt: skip

    return assess


def _sharp(refined: bool) -> Callable[[Setting, int, float, Arithmetic], Assessment]:
    def assess(setting: Setting, k: int, delta: float, do: Arithmetic) -> Assessment:
        _bounded(setting)
        if refined:
            _linear(setting)
        sigma, rho_0 = (_start_linear if refined else _start)(setting, k, delta, do)
        if not sigma > 0:
            return _NOTHING
        c, sF = probable.constants(setting), setting.s_sigma_F
        column = _column(setting, "dip2.width_sharp", do)
        if setting.train == "both":
            slope = do("Lambda", "dip2.modulus", "Lambda_both", "upper", B1=c["B1"], B2=c["B2"], c_V=column, k=k)
        else:
            slope = do("Lambda", "dip2.modulus", "Lambda_W", "upper", B2=c["B2"], c_V=column, k=k)
        start = {"Lambda": slope, "rho_0": rho_0, "sigma_F": sF, "sigma_0": sigma}
        h = do("h", "sharp.condition", "h", "upper", **start)
        if not h < 0.5:
            return Assessment(False, h, 0.5, rho_0, h)
        rate = do("rate", "sharp.rate", "rate", "lower", w_min=1.0, **start)
        length = do("ell_star", "sharp.length", "ell_star", "upper", **start)
        stop = ("sharp.stop", "t_star") if setting.loss == "least_squares" else ("sharp.general", "time_bound")
        return Assessment(rate > 0, h, 0.5, rho_0, h, max(rate, 0.0), length, stop, start)

    return assess


@lru_cache(maxsize=256)
def _dual(phi: CompiledActivation, independent: int, T: float, rho: float, sigma: float) -> AmgmDual:
    return dual(phi, probable.quantiles(independent, T, "lower"), rho, sigma)


def _amgm(by_duality: bool) -> Callable[[Setting, int, float, Arithmetic], Assessment]:
    def assess(setting: Setting, k: int, delta: float, do: Arithmetic) -> Assessment:
        _both(setting)
        if by_duality and not probable.usable_quantiles(setting):
            raise NotApplicable(
                f"the dual choice needs a star-shaped activation; {setting.activation} is not (or not proved to be)"
            )
        alone = probable.deterministic_residual(setting)
        if setting.linear and not alone and not setting.law.sub_gaussian:
            raise NotApplicable(f"needs sub-Gaussian entries of V; those of {setting.V} are not")
        if not setting.linear and not alone:
            _bounded(setting)
        event = delta / (1 if alone else 4 if setting.linear else 3)
        T, sF, c = -math.log(event), setting.s_sigma_F, probable.constants(setting)
        f_hi = probable.hidden_upper(setting, k, T, do) if setting.linear and not alone else None
        rho_0 = probable.rho_0(setting, probable.residual(setting, k, event, f_hi, do), do)
        if by_duality:
            return _by_duality(setting, k, T, rho_0, do)
        f_lo = probable.hidden_lower(setting, k, T, do)
        if not f_lo > 0:
            return _NOTHING
        known = {"B1": c["B1"], "k": k, "f_0": f_lo, "sigma_F": sF}
        capacity = do("capacity", "dip2.amgm", "capacity", "lower", **known)
        if not rho_0 < capacity:
            return Assessment(False, rho_0, capacity, rho_0)
        try:
            s_star = do("s_star", "dip2.amgm", "s_star", "lower", rho_0=rho_0, **known)
        except HypothesisNotMet:  # within rounding of the boundary
            return Assessment(False, rho_0, capacity, rho_0)
        return _promise(setting, s_star, rho_0, capacity, do)

    return assess


def _by_duality(setting: Setting, k: int, T: float, rho_0: float, do: Arithmetic) -> Assessment:
    """The dual capacity at the worst order statistics; J quantiles stand for k neurons, F_k(r) = F_J(r √(J/k))."""
    T = max(T, math.log(2))  # the inequality starts there; an event may be rarer than it has to be
    independent = probable.samples(setting, k)
    J = probable.quantiles(independent, T, "lower").size
    stretch = math.nextafter(math.sqrt(k / J), 0)
    found = _dual(setting.phi, independent, T, rho_0 / stretch * (1 + 2.0**-50), setting.s_sigma_F)
    capacity = do.note("capacity", found.capacity * stretch * (1 - 2.0**-50), "lower", "dip2.order_statistics",
                       "dual capacity of dip2.amgm at the lower bounds of |a|_(i)", k=independent, T_log=T,
                       sigma_F=setting.s_sigma_F)  # fmt: skip
    if not found.certified:
        return Assessment(False, rho_0, capacity, rho_0)
    s_star = do.note("s_star", found.s_star, "lower", "dip2.amgm", "F(ell_a_star) of the dual choice")
    return _promise(setting, s_star, rho_0, capacity, do)


def _promise(setting: Setting, s_star: float, rho_0: float, capacity: float, do: Arithmetic) -> Assessment:
    """Rate and length of dip2.amgm from s_star."""
    sF = setting.s_sigma_F
    rate = do("rate", "dip2.amgm", "rate", "lower", sigma_F=sF, s_star=s_star)
    length = (
        do("length", "dip2.amgm", "length", "upper", rho_0=rho_0, sigma_F=sF, s_star=s_star) if s_star > 0 else math.inf
    )
    return Assessment(s_star > 0, rho_0, capacity, rho_0, None, rate, length, ("dip2.amgm", "t_stop"),
                      {"sigma_F": sF, "s_star": s_star})  # fmt: skip


def _balanced(jensen: bool) -> Callable[[Setting, int, float, Arithmetic], Assessment]:
    def assess(setting: Setting, k: int, delta: float, do: Arithmetic) -> Assessment:
        _both(setting)
        if setting.activation != "tanh":
            raise NotApplicable("the width is worked out for tanh (dip2.balanced says what holds for the others)")
        if not jensen:
            _bounded(setting)
        independent = probable.samples(setting, k)
        if jensen:
            rank = setting.q
            p = do("p", "dip2.balanced", "probability_linear", "lower", rank=rank)
        else:
            rank = setting.n  # columns of norm at most sqrt(n) D_V
            p = do("p", "dip2.balanced", "probability", "lower", n=rank, D_V=setting.law.D_V)
        need = do("k_min", "dip2.balanced", "width", "upper", prob=p, delta=delta)
        if not need <= independent:
            return Assessment(False, need, float(independent))
        one = do("p(gap)", "dip2.balanced_rate", "prob", "upper", delta=delta, k=independent)
        # with bounded columns |v|² <= n D_V² takes the place of the rank
        base = rank if jensen else math.ceil(rank * setting.law.D_V**2)
        gap = do("gap", "dip2.balanced_rate", "gap", "lower", prob=one, rank=base)
        square = do("s_star²", "dip2.balanced_rate", "s_star_squared", "lower", gap=max(gap, 0.0), k=k)
        s_star = math.nextafter(math.sqrt(square), 0) if square > 0 else 0.0
        sF = setting.s_sigma_F
        rate = do("rate", "dip2.amgm", "rate", "lower", sigma_F=sF, s_star=s_star)
        rho_0 = math.inf
        if probable.deterministic_residual(setting):
            rho_0 = probable.rho_0(setting, probable.residual(setting, k, delta, None, do), do)
        return Assessment(True, need, float(independent), rho_0, None, rate, math.inf, ("dip2.amgm", "t_stop"),
                          {"sigma_F": sF, "s_star": s_star})  # fmt: skip

    return assess


_BOX = {"tanh", "erf", "sin"}


def _wonly(setting: Setting, k: int, delta: float, do: Arithmetic) -> Assessment:
    if setting.train != "W":
        raise NotApplicable("the first layer alone has to be trained")
    _linear(setting)
    if setting.activation not in _BOX:
        raise NotApplicable(f"worked out for {', '.join(sorted(_BOX))}, whose intervals phi(I_i) are (-1, 1)")
    T = do("T", "wonly.width", "T", "upper", delta=delta)
    name = "capacity_paired" if setting.antisymmetric else "capacity"
    capacity = do(
        "capacity", "wonly.width", name, "lower", c_1=setting.law.c_1, phi_sup=1.0, rank=setting.q, k=k, T_log=T
    )
    return Assessment(setting.preimage < capacity, setting.preimage, capacity)


_PAPER, _SHARP, _HIDDEN = (f"dip2.width_{name}" for name in ("baseline", "sharp", "amgm"))
_LINEAR = "sharp theorem, linear A: sub-Gaussian output, order statistics"
_ALL = (
    Criterion("baseline_coarse", "baseline, coarse Lipschitz constant", _PAPER, "order_both", _baseline(True)),
    Criterion("baseline", "baseline, fine Lipschitz constant", _PAPER, "order_both", _baseline(False)),
    Criterion("sharp", "sharp theorem", _SHARP, "order", _sharp(False)),
    Criterion("sharp_linear", _LINEAR, _SHARP, "order", _sharp(True)),
    Criterion("amgm", "hidden activations, linear choice", _HIDDEN, "order", _amgm(False)),
    Criterion("amgm_dual", "hidden activations, dual choice", _HIDDEN, "order", _amgm(True)),
    Criterion("balanced", "balance, every y, any F", "dip2.balanced", None, _balanced(False)),
    Criterion("balanced_linear", "balance, every y (identity covariance)", "dip2.balanced", None, _balanced(True)),
    Criterion("wonly", "first layer only, by ‖A⁺y‖ alone", "wonly.width", "order", _wonly),
)

CRITERIA: Mapping[str, Criterion] = MappingProxyType({criterion.name: criterion for criterion in _ALL})
"""Name → criterion, from the published condition to the sharpest."""
