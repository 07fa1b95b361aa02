"""The statements of the registry that hold with a probability, as experiments: what is drawn, and what is promised of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from numerics.compile import formula as expression
from theory.claim import Claim
from theory.ledger import registry
from theory.symbols import sym
from verify.random_cases import (
    LAWS,
    Case,
    Experiment,
    Family,
    at_least,
    frequency,
    measured,
    one_event,
    positive_bound,
    stated,
    with_T,
)
from verify.random_draws import Configuration as Conf
from verify.random_draws import Start, Values, constants, problem, value
from verify.random_widths import WIDTH_AMGM, WIDTH_BASELINE, WIDTH_SHARP, WIDTH_W

__all__ = ["EXPERIMENTS"]

Array = NDArray[np.float64]
Generator = np.random.Generator
BOUNDED = ("tanh", "erf", "sin", "sigmoid")


# --- sigma_0 and the output ------------------------------------------------------------------------------------------

SIGMA_0 = (
    Case(
        "both",
        "sigma_0^2 of both layers is at least the bound",
        stated("dip2.sigma0"),
        measured(sigma_0=Start.sigma_0),
        (
            Conf(n=1, k=16, delta=0.9),
            Conf(n=1, k=400, delta=0.9),  # both deviations are small
            Conf(n=10, k=24, delta=0.9),  # more neurons than the signal has entries, but not many
            Conf(n=64, k=128, delta=0.9),  # f_lo is near C_phi, the smallest singular value far below C_dphi
            Conf(n=2, k=64, V="uniform", activation="softplus"),
            Conf(n=1, k=5, delta=1e-6),
        ),
        Family(),
        promised=lambda c: 1 - c.delta / 2,
        fit=positive_bound,
    ),
    Case(
        "W",
        "sigma_0^2 of W alone is at least the bound",
        at_least(sym("sigma_0") ** 2, "dip2.sigma0", "sigma_0_squared_W"),
        measured(sigma_0=Start.sigma_0),
        (
            Conf(n=1, k=8, train="W", delta=0.9),
            Conf(n=3, k=32, train="W", V="uniform"),
            Conf(n=16, k=16, train="W", delta=0.9),
        ),
        Family(train="W"),
        promised=lambda c: 1 - c.delta / 4,
        fit=positive_bound,
        primary=False,
    ),
)

OUTPUT = (
    Case(
        "output",
        "|x(0)| is at most the bound",
        stated("dip2.output0"),
        measured(x0_norm=lambda start: np.linalg.norm(start.output(), axis=1)),
        (
            Conf(n=1, k=1, delta=0.3, activation="identity"),  # a heavy hidden norm
            Conf(n=1, k=64, delta=0.3),
            Conf(n=1, k=400, delta=0.1),
            Conf(n=100, k=100, delta=0.1),
            Conf(n=1, k=2000, delta=0.001, activation="sigmoid"),  # far out in a Gaussian tail
            Conf(n=4, k=16, delta=0.9, V="uniform", activation="sigmoid"),
        ),
        Family(),
        promised=lambda c: 1 - c.delta / 2,
        repeat=4,
    ),
)


_SUB_GAUSSIAN = "dip2.output_sub_gaussian"
OUTPUT_SUB_GAUSSIAN = (
    Case(
        "residual",
        "rho_0^2 of least squares is at most the bound",
        stated(_SUB_GAUSSIAN),
        measured(rho_0=Start.residual),
        (
            Conf(n=1, k=64, delta=0.3, y_norm=0.0, V="gaussian"),
            Conf(n=1, k=1000, delta=0.07, y_norm=0.0),
            Conf(n=1, k=1000, delta=0.0013, y_norm=1000.0),  # the term of A^T y alone, far out in its tail
            Conf(n=4, m=3, k=32, delta=0.3, kappa=5.0, V="uniform"),
            Conf(n=3, m=2, k=1, delta=0.9, activation="identity", y_norm=0.5),
        ),
        Family(laws=LAWS),
        promised=lambda c: 1 - value(_SUB_GAUSSIAN, "failure", with_T(_SUB_GAUSSIAN)(c)),
        known=with_T(_SUB_GAUSSIAN),
    ),
)


# --- the mean kernel -------------------------------------------------------------------------------------------------


def _spread(c: Conf) -> tuple[float, float]:
    """phi^2 + phi'^2 <v, q>^2 lies between 0 and sup phi^2 + B1^2 n D_V^2."""
    known = constants(c)
    high = known["B1"] ** 2 * c.n * known["D_V"] ** 2
    if c.train == "both":
        assert c.phi.theory.phi_sup is not None, f"{c.activation} is unbounded"
        high += float(c.phi.theory.phi_sup) ** 2
    return 0.0, high * (1 + 1e-12)


def _mean_kernel(train: Any, configurations: tuple[Conf, ...], family: Family) -> Case:
    return Case(
        train,
        "the mean of |J_g^T q|^2, q a unit vector (sigma_g stands for |J_g^T q|), is the eigenvalue",
        sp.Eq(sym("sigma_g") ** 2, expression("dip2.expectation", train), evaluate=False),
        measured(sigma_g=lambda start: start.row(problem(start.c).q)),
        configurations,
        family,
        spread=_spread,
        repeat=64,
        primary=train == "both",
    )


EXPECTATION = (
    _mean_kernel(
        "both",
        (Conf(n=1, k=1), Conf(n=2, m=2, k=2, V="uniform"), Conf(n=3, m=3, k=2, activation="sigmoid", seed=5)),
        Family(activations=BOUNDED, k=(1, 2, 4), n=(1, 2, 3)),
    ),
    _mean_kernel(
        "W",
        (Conf(n=1, k=1, train="W", activation="gelu"), Conf(n=2, m=2, k=2, train="W", activation="erf", V="uniform")),
        Family(train="W", k=(1, 2, 4), n=(1, 2, 3)),
    ),
)


# --- order statistics ------------------------------------------------------------------------------------------------

_ORDER = "dip2.order_statistics"


def _order_promised(c: Conf) -> float:
    return 1 - float(value(_ORDER, "failure", one_event(c)))


def _ordered(side: str) -> Callable[[Conf, Generator, int], Values]:
    def draw(c: Conf, rng: Generator, draws: int) -> Values:
        sizes = np.sort(np.abs(rng.standard_normal((draws, c.k))), axis=1)
        rank = np.arange(1.0, c.k + 1)
        if side == "upper":  # where (i - 1)/k + eps_k >= 1 nothing is claimed
            claimed = (rank - 1) / c.k + value(_ORDER, "eps_k", {**one_event(c), "k": c.k}) < 1
            sizes, rank = sizes[:, claimed], rank[claimed]
        return {"z": sizes, "i": rank}

    return draw


_ORDER_CONFIGURATIONS = (Conf(k=300, delta=0.3), Conf(k=40, delta=0.5), Conf(k=3000, delta=0.1))
ORDER_STATISTICS = tuple(
    Case(
        side,
        f"every |a|_(i), which z stands for, is {words} its bound",
        kind(sym("z"), expression(_ORDER, side), evaluate=False),
        _ordered(side),
        _ORDER_CONFIGURATIONS,
        Family(k=(4, 16, 48, 300), delta=(0.1, 0.5)),
        promised=_order_promised,
        known=one_event,
        defined={"eps_k": expression(_ORDER, "eps_k")},
        primary=side == "lower",
    )
    for side, kind, words in (("lower", sp.Ge, "at least"), ("upper", sp.Le, "at most"))
)


# --- balance ---------------------------------------------------------------------------------------------------------


def _unbalanced(above: Callable[[Conf], float], *, any_F: bool = False) -> Callable[[Conf, Generator, int], Values]:
    """Whether a neuron has a gap above the given one; of the whole column of V for any F."""

    def draw(c: Conf, rng: Generator, draws: int) -> Values:
        gaps = Start.draw(replace(c, k=1, m=c.n if any_F else c.m), rng, draws).gaps()
        return frequency(gaps[:, 0] > above(c))

    return draw


def _balanced_width(case: Case, c: Conf, claim: Claim) -> Conf | None:
    """The smallest width of the statement at which some gap is positive with probability 1 - delta."""
    width = math.ceil(value("dip2.balanced", "width_linear", constants(c)))
    return replace(c, k=max(1, width)) if width <= 2**12 else None


_TANH = Family(activations=("tanh",), n=(1, 2, 3))
BALANCED = (
    Case(
        "some",
        "some gap is positive at the width for linear A",
        registry["dip2.balanced"].condition,
        measured(gap=lambda start: start.gaps().max(axis=1)),
        (Conf(n=1, delta=0.5), Conf(n=3, m=2, delta=0.3, V="uniform", seed=3)),
        replace(_TANH, laws=LAWS),
        promised=lambda c: 1 - c.delta,
        fit=_balanced_width,
    ),
    Case(
        "one, any F",
        "a neuron has a positive gap with the probability from n D_V^2",
        at_least(sym("prob"), "dip2.balanced", "probability"),
        _unbalanced(lambda c: 0.0, any_F=True),
        (Conf(n=1), Conf(n=2, m=2)),
        replace(_TANH, laws=("rademacher", "uniform", "truncated_normal")),
        repeat=16,
    ),
    Case(
        "one, linear A",
        "a neuron has a positive gap with the probability from rank A",
        at_least(sym("prob"), "dip2.balanced", "probability_linear"),
        _unbalanced(lambda c: 0.0),
        (Conf(n=1), Conf(n=3, m=2, V="uniform", seed=4)),
        replace(_TANH, laws=LAWS),
        repeat=16,
    ),
)


def _hidden_for_ever(start: Start) -> Array:
    """s_star of dip2.balanced from all the gaps."""
    terms = value("dip2.balanced", "s_star_squared_term", {"gap": start.gaps()})
    return np.sqrt(np.mean(terms, axis=1))


BALANCED_RATE = (
    Case(
        "rate",
        "s_star^2 from the gaps is at least the bound",
        stated("dip2.balanced_rate"),
        measured(s_star=_hidden_for_ever),
        (Conf(n=1, k=1), Conf(n=2, m=2, k=16, delta=0.3), Conf(n=3, m=1, k=8, V="gaussian", seed=2)),
        replace(_TANH, laws=LAWS),
        promised=lambda c: 1 - c.delta,
        defined={name: expression("dip2.balanced_rate", name) for name in ("gap", "prob")},
        fit=positive_bound,
    ),
    Case(
        "one",
        "a neuron has a gap above g with the probability from rank A + g",
        at_least(sym("prob"), "dip2.balanced_rate", "probability"),
        _unbalanced(lambda c: c.delta),
        (Conf(n=1, delta=0.4), Conf(n=3, m=2, V="uniform", delta=0.7, seed=4)),
        replace(_TANH, laws=LAWS),
        known=lambda c: {"gap": c.delta},  # any g >= 0 serves
        repeat=16,
    ),
)


EXPERIMENTS: Mapping[str, Experiment] = MappingProxyType(
    {
        statement: Experiment(statement, cases)
        for statement, cases in sorted(
            {
                "dip2.balanced": BALANCED,
                "dip2.balanced_rate": BALANCED_RATE,
                "dip2.expectation": EXPECTATION,
                "dip2.order_statistics": ORDER_STATISTICS,
                "dip2.output0": OUTPUT,
                "dip2.output_sub_gaussian": OUTPUT_SUB_GAUSSIAN,
                "dip2.sigma0": SIGMA_0,
                "dip2.width_amgm": WIDTH_AMGM,
                "dip2.width_baseline": WIDTH_BASELINE,
                "dip2.width_sharp": WIDTH_SHARP,
                "wonly.width": WIDTH_W,
            }.items()
        )
    }
)
"""Identifier of a statement → its experiment."""
