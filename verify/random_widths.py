"""The widths of the theory, tested at the smallest width that they allow: does the condition hold for what is drawn?

The a-priori constants are those of the lemmas on the initialization, at the configuration's delta.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from numerics.compile import formula as expression
from numerics.wonly.threshold import threshold
from theory.claim import Claim
from theory.symbols import sym
from verify.random_cases import (
    LAWS,
    Case,
    Family,
    condition_holds,
    narrowest,
    one_event,
    own_condition,
    side_values,
    stated,
    with_T,
)
from verify.random_draws import Configuration as Conf
from verify.random_draws import Start, Values, constants, problem, value

__all__ = ["WIDTH_AMGM", "WIDTH_BASELINE", "WIDTH_SHARP", "WIDTH_W"]

Array = NDArray[np.float64]
Generator = np.random.Generator
Draw = Callable[[Conf, Generator, int], Values]
Measure = Callable[[Conf, dict[str, Any]], dict[str, Any]]
_SUB_GAUSSIAN = "dip2.output_sub_gaussian"


def _root(number: float) -> float:
    return math.sqrt(max(number, 0.0)) or 1e-30  # no bound: a number so small that no width suffices


def _a_priori(c: Conf) -> Values:
    """sigma_0 and rho_0 of least squares on the events of dip2.sigma0 and dip2.output0, delta in all."""
    known = constants(c)
    sigma = value("dip2.sigma0", f"sigma_0_squared_{c.train}", known)
    known["x0_norm"] = value("dip2.output0", "bound", known)
    rho = value("dip2.output0", "residual", known)
    return {"sigma_0": _root(sigma), "rho_0": rho, "c_V": value("dip2.width_sharp", "c_V", known)}


def _drawn_constants(start: Start) -> dict[str, Any]:
    return {
        **constants(start.c),
        "sigma_0": np.maximum(start.sigma_0(), 1e-30),
        "rho_0": start.residual(),
        "c_V": start.column(),
        "f_0": start.hidden(),
    }


def _sharp(c: Conf, found: dict[str, Any]) -> dict[str, Any]:
    """h from what is drawn."""
    found = {**found, "Lambda": value("dip2.modulus", f"Lambda_{c.train}", found)}
    return {**found, "h": value("sharp.condition", "h", found)}


def _largest_radius(known: Values) -> Array:
    """The largest R with R Lip(R) <= sigma_0/2, Lip the coarse Lipschitz constant (increasing), from below."""
    half = known["sigma_0"] / 2
    low, high = np.zeros_like(half), half / value("dip2.lipschitz", "Lip_coarse", {**known, "r": 0.0})
    for _ in range(60):
        middle = 0.5 * (low + high)
        inside = middle * value("dip2.lipschitz", "Lip_coarse", {**known, "r": middle}) <= half
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return np.asarray(low)


def _coarse(c: Conf, found: dict[str, Any]) -> dict[str, Any]:
    """R' and R of the baseline, R with the coarse Lipschitz constant."""
    return {**found, "R_prime": value("baseline.condition", "R_prime", found), "R": _largest_radius(found)}


def _fine(c: Conf, found: dict[str, Any]) -> dict[str, Any]:
    """R' and R of the baseline, R with the fine Lipschitz constant."""
    R = value("dip2.lipschitz", f"R_{c.train}", found)
    return {**found, "R_prime": value("baseline.condition", "R_prime", found), "R": R}


def _hidden(c: Conf, found: dict[str, Any]) -> dict[str, Any]:
    """The hidden norm as drawn in the place of its lower bound."""
    return {**found, "f_lo": found["f_0"]}


def _as_drawn(measure: Measure) -> Draw:
    """What is measured at the drawn constants, the data those of the configuration."""
    return lambda c, rng, draws: measure(c, _drawn_constants(Start.draw(c, rng, draws)))


def _at_the_edge(statement: str, measure: Measure) -> Draw:
    """The same with rho_0 near the edge of the conclusion, above and below it by factors exp(10^-u), 0.5 > -u > -6.

    (rho_0 is at our disposal through y.  The left side of the conclusion is proportional to it.)
    """

    def draw(c: Conf, rng: Generator, draws: int) -> Values:
        found = _drawn_constants(Start.draw(c, rng, draws))
        at_one = measure(c, {**found, "rho_0": np.ones(draws)})
        left, right = (side_values(side, at_one) for side in stated(statement).args)
        factor = np.exp(rng.choice([-1.0, 1.0], draws) * 10 ** rng.uniform(-6.0, 0.5, draws))
        return measure(c, {**found, "rho_0": right / left * factor})

    return draw


def _hidden_a_priori(c: Conf) -> Values:
    """f_lo and rho_0 on the four events of dip2.width_amgm."""
    known = {**constants(c), **with_T("dip2.width_amgm")(c)}
    rho = value(_SUB_GAUSSIAN, "rho_0_squared", known)
    return {"f_lo": max(value("dip2.sigma0", "f_lo", known), 1e-30), "rho_0": _root(rho), "T_log": known["T_log"]}


_FAMILY = Family(n=(1,), kappa=(1.0,), delta=(0.3, 0.7), activations=("tanh", "erf", "sin"), laws=("rademacher",))
_NARROW = replace(_FAMILY, y_norm=(0.0, 0.5))  # the widths of the baseline grow with the fourth power of rho_0


def _width(
    statement: str,
    name: str,
    measure: Measure,
    configurations: tuple[Conf, ...],
    *,
    known: Callable[[Conf], Values] = _a_priori,
    family: Family = _FAMILY,
    formula: str = "",
) -> tuple[Case, Case]:
    """Two cases: at the smallest width of the a-priori constants, and near the edge of the condition at the drawn ones."""
    condition = sp.Gt(sym("k"), expression(statement, formula), evaluate=False) if formula else None
    a_priori = Case(
        name,
        "the conclusion holds for what is drawn, at the smallest width that the a-priori constants ask for",
        stated(statement),
        _as_drawn(measure),
        configurations,
        family,
        promised=lambda c: 1 - c.delta,
        known=known,
        fit=narrowest,
        conditional=True,
        condition=condition,
        primary=not formula,
    )
    edge = replace(
        a_priori,
        name=f"{name}, edge",
        text="the conclusion holds at the drawn constants wherever the condition does, rho_0 near its edge",
        draw=_at_the_edge(statement, measure),
        family=replace(family, n=(1, 2, 3), kappa=(1.0, 3.0), laws=("rademacher", "uniform", "truncated_normal")),
        promised=lambda c: 1.0,  # nothing is left to chance
        known=lambda c: {},
        fit=lambda case, c, claim: c,
        gated=True,
    )
    return a_priori, edge


_W_FAMILY = replace(_FAMILY, train="W")
_W = (Conf(n=1, train="W"),)
_SHARP, _BASELINE, _AMGM = (f"dip2.width_{name}" for name in ("sharp", "baseline", "amgm"))

WIDTH_SHARP = (
    *_width(_SHARP, "both", _sharp, (Conf(n=1), Conf(n=2, m=2, V="uniform"))),
    *_width(_SHARP, "W", _sharp, _W, family=_W_FAMILY, formula="k_min_W"),
)
WIDTH_BASELINE = (
    *_width(_BASELINE, "coarse", _coarse, (Conf(n=1),), family=_NARROW),
    *_width(_BASELINE, "fine", _fine, (Conf(n=1),), family=_NARROW, formula="k_min_fine"),
    *_width(_BASELINE, "W", _fine, _W, family=_W_FAMILY, formula="k_min_W"),
)
WIDTH_AMGM = _width(
    _AMGM,
    "linear",
    _hidden,
    (Conf(n=1, delta=0.3), Conf(n=3, m=2, delta=0.5, V="gaussian", kappa=2.0)),
    known=_hidden_a_priori,
    family=replace(_FAMILY, n=(1, 2, 3), laws=LAWS, activations=("tanh", "erf", "sin", "identity")),
)


# --- W only ----------------------------------------------------------------------------------------------------------


def _furthest(relation: Any, c: Conf, known: Values) -> float | None:
    """The largest x_plus = |A^+ y| that meets the condition (1e-6 below the edge); None if none does."""

    def meets(x: float) -> bool:
        return condition_holds(relation, {**known, "x_plus": x})

    if not meets(1e-3):
        return None
    low, high = 1e-3, 1e-3
    while meets(high):
        low, high = high, 2 * high
        if high > 1e6:
            return None
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if meets(middle) else (low, middle)
    return low * (1 - 1e-6)


def _box_known(c: Conf) -> Values:
    return {**one_event(c), "phi_sup": float(c.phi.theory.phi_sup), "x_plus": c.y_norm}


def _box_edge(case: Case, c: Conf, claim: Claim) -> Conf | None:
    """y_norm, which is |A^+ y| here, as large as the condition that is claimed allows; wider where there is none."""
    relation = own_condition(claim)
    if relation is None:  # no longer asked for: beyond what any box reaches
        return replace(c, y_norm=2 * c.n * math.sqrt(c.k))
    while c.k <= 2**10:
        edge = _furthest(relation, c, case.values(c))
        if edge is not None:
            return replace(c, y_norm=edge)
        c = replace(c, k=2 * c.k)
    return None


def _box(c: Conf, rng: Generator, draws: int) -> Values:
    """The limit of the loss: 0 if the box reaches y, positive if certified not, NaN undecided.  A^+ y = y_norm q."""
    target = c.y_norm * (problem(c).U.T @ problem(c).q)
    limits = []
    for B in Start.draw(c, rng, draws).seen() / math.sqrt(c.k):
        found = threshold(B, target, -1.0, 1.0)
        limits.append({True: 0.0, False: 0.5 * found.inf_gap**2, None: math.nan}[found.feasible])
    return {"loss_limit": np.array(limits)}


WIDTH_W = (
    Case(
        "box",
        "the box of W alone reaches the data (the limit of the loss is 0) with |A^+ y| at the edge of the condition",
        sp.Le(sym("loss_limit"), 0, evaluate=False),
        _box,
        (
            Conf(n=2, m=2, k=64, train="W", delta=0.9),
            Conf(n=3, m=2, k=96, train="W", V="uniform", delta=0.5, seed=1),
            Conf(n=5, m=5, k=1, train="W"),  # fewer neurons than data, if the condition allows it
        ),
        Family(train="W", activations=("tanh", "erf", "sin"), laws=LAWS, n=(1, 2, 3), k=(16, 48)),
        promised=lambda c: 1 - c.delta,
        known=_box_known,
        fit=_box_edge,
        conditional=True,
    ),
)
