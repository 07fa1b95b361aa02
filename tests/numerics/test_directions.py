"""Directions: a formula that bounds from above must grow when a constant that may err upwards does, and so on.

The vocabulary says on which side a stand-in for each symbol must err, and every formula on which side of the truth it lies.
Both together are a claim: stand-ins on their safe sides keep the formula on its side.  It is tested by moving one symbol at
a time.  Where a formula needs a stand-in on the other side, that is listed, with the reason that its statement gives.
"""

from __future__ import annotations

import numpy as np
import pytest

from numerics.compile import HypothesisNotMet, evaluate, formula
from tests.numerics.test_compile import draw
from theory.ledger import registry
from theory.losses import LOSSES
from theory.symbols import SYMBOLS

KL = LOSSES["least_squares"].kl

EXCEPTIONS = {
    # lower bounds of lengths and residuals: what is travelled at least needs rho_0 from below
    "dip2.two_sided.length": {"rho_0"},
    "dip2.two_sided.rho": {"rho_0"},
    # bounds in terms of the current rho or loss that decrease in it: the statements ask for a lower bound of it
    "gd.length.bound": {"rho"},
    "sharp.length.bound": {"rho"},
    "step.confinement.bound": {"rho"},
    "sharp.sigma.bound": {"rho"},
    "step.dissipation.rhs": {"loss"},
    "step.majorant_rate.rhs": {"loss", "rho"},
    "wonly.descent.bound": {"loss"},
    # levels that are asked for, not bounds: the loss, residual, radius or probability of the question
    "sharp.general.time_bound": {"rho"},
    "wonly.rate.T_level": {"loss"},
    "illposed.energy.bound": {"residual"},
    "recover.reach.radius": {"r"},
    "dip2.balanced_rate.probability": {"gap"},
    "dip2.balanced_rate.gap": {"prob"},
}
# Where a draw at random would hardly ever be in force.
PLACED = {
    "wonly.width": {"c_1": 0.7, "k": 10_000.0, "rank": 5.0},
    "sharp.general": {"z": 0.01, "rho": 0.01, "rho_0": 0.02, "Lambda": 0.1},
    "dip2.balanced_rate": {"rank": 2.0, "prob": 0.05},
    "kl.lojasiewicz": {"alpha": 0.7, "t": 0.01, "loss_0": 1.0, "sigma": 1.0, "c": 1.0},
}
CASES = [
    (key, name)
    for key, item in registry.items()
    for name in item.formulas
    if item.direction_of(name) != "exact"
]  # fmt: skip


def inside(key, name, values):
    """Whether the draw is where the formula is meant to be used."""
    if {"eps", "rho_0"} <= set(values) and values["eps"] >= values["rho_0"]:
        return False  # stopping times: the level is not reached yet
    if {"ell", "Lambda", "sigma_0"} <= set(values) and values["Lambda"] * values["ell"] >= values["sigma_0"]:
        return False
    if {"Omega", "sigma_0"} <= set(values) and values["Omega"] >= values["sigma_0"]:
        return False
    if {"loss_star", "loss"} <= set(values) and values["loss"] <= values["loss_star"]:
        return False
    if {"residual_h", "eta"} <= set(values) and values["eta"] <= values["residual_h"]:
        return False
    if key == "dip2.saturated_modulus" and name == "S_total":
        wanted = {symbol.name for symbol in formula(key, "crossing").free_symbols}
        crossing = evaluate(key, "crossing", {symbol: values[symbol] for symbol in wanted})
        return crossing < values["sigma_0"] * np.sqrt(values["k"]) / (values["B2"] * values["c_V"])
    if key == "gd.rate":
        factor = evaluate(key, "factor", {s.name: values.get(s.name, 1.0) for s in formula(key, "factor").free_symbols})
        return factor > 0.3  # a step that is small enough for its bound to increase in the loss
    return True


@pytest.mark.parametrize(("key", "name"), CASES)
def test_safe_stand_ins_keep_the_formula_on_its_side(key, name):
    side = registry[key].direction_of(name)
    names = sorted(symbol.name for symbol in formula(key, name, KL).free_symbols)
    excused = EXCEPTIONS.get(f"{key}.{name}", set())
    wrong: dict[str, int] = {}
    moved = 0
    for seed in range(30):
        values = draw(names, np.random.default_rng(seed))
        values |= {symbol: value for symbol, value in PLACED.get(key, {}).items() if symbol in names}
        if not inside(key, name, values):
            continue
        for symbol in names:
            info = SYMBOLS[symbol]
            if info.direction == "exact" or info.domain.startswith("integer"):
                continue
            step = 1e-3 * max(abs(values[symbol]), 1e-6) * (1 if info.direction == "upper" else -1)
            try:
                here = evaluate(key, name, values, kl=KL)
                there = evaluate(key, name, {**values, symbol: values[symbol] + step}, kl=KL)
            except (HypothesisNotMet, ValueError):
                continue
            moved += 1
            if (there - here if side == "upper" else here - there) < -1e-9 * abs(here):
                wrong[symbol] = wrong.get(symbol, 0) + 1
    assert set(wrong) == excused, f"{key}.{name} ({side}): {wrong}"
    directed = [s for s in names if SYMBOLS[s].direction != "exact" and not SYMBOLS[s].domain.startswith("integer")]
    assert moved > 0 or not directed


def test_exceptions_are_of_formulas_that_exist():
    assert {name.rpartition(".")[0] for name in EXCEPTIONS} <= set(registry)
    assert len(CASES) > 60
