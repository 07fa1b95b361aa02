"""Budgets of `dip2.energy`: what is returned is a proof, and the search finds what another one finds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from numerics.chosen import zero_loss_budget
from numerics.zero_loss import zero_loss


def growth_exponent(along, sigma_0, modulus, L):
    return quad(lambda r: 2 * along(r) / (sigma_0 - modulus * r), 0, L)[0]


def test_a_budget_satisfies_the_inequality_and_is_found_where_there_is_one():
    rng = np.random.default_rng(0)
    outcomes = {True: 0, False: 0}
    for _ in range(30):
        E_0, Phi_0, sigma_0 = rng.uniform(0.2, 5), 10 ** rng.uniform(-1, 1), rng.uniform(0.4, 1.5)
        modulus, sigma_F = 10 ** rng.uniform(-2.5, -0.5), 10 ** rng.uniform(-4, 0)
        growth = rng.uniform(0, 0.3) * modulus

        def along(r, modulus=modulus, growth=growth):
            return modulus + growth * r

        found = zero_loss(E_0, Phi_0, sigma_0, modulus, along, sigma_F)
        outcomes[found is not None] += 1
        if found is not None:
            L = found.L
            G = growth_exponent(along, sigma_0, modulus, L)
            energy = E_0 * math.exp(G)
            total = math.sqrt(found.t_1 * Phi_0) + math.sqrt(energy * math.log(found.T_1 / found.t_1) / 2)
            total += math.sqrt(energy / found.T_1) / (sigma_F * (sigma_0 - modulus * L))
            assert 0 < found.t_1 < found.T_1
            assert total < found.length < L < sigma_0 / modulus
        else:
            with pytest.raises(LookupError):  # nor with a tenth more of everything to spare
                zero_loss_budget(1.1 * E_0, Phi_0, sigma_0, modulus, along, sigma_F)
    assert min(outcomes.values()) > 5


def test_the_condition_number_hardly_counts():
    def largest(sigma_F):
        grid = np.geomspace(1e-2, 1, 60)
        return max(x for x in grid if zero_loss(1.0, 1.0, 1.0, float(x), lambda r, x=x: float(x), sigma_F) is not None)

    assert 1 < largest(1e-1) / largest(1e-4) < 3  # sharp.condition loses a factor of a thousand


def test_nothing_rests_on_the_search(monkeypatch):
    import numerics.zero_loss as module

    given = (0.5, 0.5, 1.0, 0.2, lambda r: 0.2, 0.1)
    assert zero_loss(*given) is None
    search = module._path
    monkeypatch.setattr(module, "_path", lambda q: tuple(0.1 * x for x in search(q)))  # finds what is none
    assert zero_loss(*given) is None


def test_numbers_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="sigma_F must be finite and positive"):
        zero_loss(1.0, 1.0, 1.0, 0.1, lambda r: 0.1, 0.0)
