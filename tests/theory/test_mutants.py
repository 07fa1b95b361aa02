"""Mutants and constants: well formed, and one for every statement that speaks of a run."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

from theory.claim import Claim, claim_of
from theory.ledger import registry
from theory.losses import LOSSES
from theory.mutant import DIAL, Constant, Mutant
from theory.mutants.build import ZERO_LOSS
from theory.symbols import SYMBOLS

MUTANTS = [(key, mutant) for key, item in registry.items() for mutant in item.mutants]
CONSTANTS = [(key, constant) for key, item in registry.items() for constant in item.constants]

# Statements with a conclusion and no wrong variant of it, and why.
WITHOUT = {"dip2.antisymmetric": "x(0) = 0 by construction: there is no run to try it on"}


def _id(pair: tuple[str, Mutant | Constant]) -> str:
    return f"{pair[0]}/{pair[1].name}"


def _parts(claim: Claim) -> list[Any]:
    relations = [claim.conclusion, claim.when, *(relation for _, relation in claim.conditions)]
    return [relation for relation in relations if relation is not None]


def test_counts() -> None:
    """The whole ledger is covered, and not by one kind of error alone."""
    assert len(MUTANTS) >= 90
    assert len(CONSTANTS) >= 25
    assert sum(mutant.truth == "true" for _, mutant in MUTANTS) >= 15
    assert sum(bool(mutant.drop) for _, mutant in MUTANTS) >= 25
    assert sum(constant.optimum is not None for _, constant in CONSTANTS) >= 25


def test_every_conclusion_has_a_wrong_variant() -> None:
    """Proof steps, theorems, lemmas: whoever claims two sides has a mutant that is false."""
    claiming = {key for key, item in registry.items() if item.conclusion is not None and item.kind != "assumption"}
    bare = {key for key in claiming if not any(mutant.truth == "false" for mutant in registry[key].mutants)}
    assert bare == set(WITHOUT)


@pytest.mark.parametrize("pair", MUTANTS, ids=_id)
def test_a_mutant_changes_the_claim(pair: tuple[str, Mutant]) -> None:
    """It yields a claim in registered symbols, without the dial, and not the statement's."""
    key, mutant = pair
    claim = claim_of(key, registry, mutant)
    assert claim.name == f"{key}/{mutant.name}"
    known = {info.symbol for info in SYMBOLS.values()} - {DIAL}
    assert set().union(*(part.free_symbols for part in _parts(claim))) <= known
    if registry[key].conclusion is not None:
        own = claim_of(key, registry)
        assert (claim.conclusion, claim.when, claim.conditions, set(claim.hypotheses)) != (
            own.conclusion,
            own.when,
            own.conditions,
            set(own.hypotheses),
        )
    assert mutant.why


@pytest.mark.parametrize("pair", CONSTANTS, ids=_id)
def test_a_constant_at_its_stated_value_is_the_statement(pair: tuple[str, Constant]) -> None:
    """The claim with the dial at the stated value is the statement's; a promise of zero loss may stand for the conclusion."""
    key, constant = pair
    claim, item = claim_of(key, registry, constant.claim), registry[key]
    assert any(DIAL in part.free_symbols for part in _parts(claim))
    at = claim.with_constant(constant.stated)
    own = claim_of(key, registry)
    pairs = [(at.when, own.when)] if own.when is not None else []
    if claim.conclusion == ZERO_LOSS:
        assert item.kind == "condition" or key == "dip2.amgm"
    else:
        pairs.append((at.conclusion, own.conclusion))
    pairs += [(dict(at.conditions)[name], relation) for name, relation in own.conditions]
    assert set(dict(at.conditions)) == set(dict(own.conditions))
    kl = LOSSES[key.removeprefix("kl.")].kl if key.removeprefix("kl.") in LOSSES else None
    for mine, stated in pairs:
        assert type(mine) is type(stated)
        if mine == stated:
            continue
        gap = (mine.lhs - mine.rhs) - (stated.lhs - stated.rhs)
        if kl is None:
            assert sp.simplify(gap) == 0
        else:
            assert mine.rhs == stated.rhs == 1
            assert sp.simplify(sp.powsimp(kl.apply(mine.lhs) / kl.apply(stated.lhs), force=True)) == 1


@pytest.mark.parametrize("pair", [pair for pair in CONSTANTS if pair[1].optimum is not None], ids=_id)
def test_an_optimum_is_on_the_stronger_side(pair: tuple[str, Constant]) -> None:
    """No true claim is stronger than the best one."""
    _, constant = pair
    gain = constant.optimum - constant.stated
    assert (gain if constant.stronger == "up" else -gain).is_nonnegative


def test_identifiers_exist() -> None:
    """What looks like an identifier in a proof or a source is one."""
    prefixes = {key.split(".")[0] for key in registry}
    for _, entry in [*MUTANTS, *CONSTANTS]:
        text = entry.why if isinstance(entry, Mutant) else entry.source
        for word in (
            text.replace(",", " ").replace(";", " ").replace(":", " ").replace("(", " ").replace(")", " ").split()
        ):
            head, dot, tail = word.rstrip(".").partition(".")
            if dot and head in prefixes and tail and tail[0].isalpha():
                name = word.rstrip(".").removesuffix("'s")
                assert name in registry, f"{entry.name}: {name}"


def test_what_a_mutant_adds_is_an_assumption_that_is_new() -> None:
    """It joins the hypotheses of the claim; what is asked for already, and what is no assumption, is refused."""
    linear = Mutant("linear", "for linear F", conclusion=ZERO_LOSS, add=("A.operator.linear",))
    assert claim_of("sharp.rate", registry, linear).hypotheses[-1] == "A.operator.linear"
    for odd in ("A.init", "sharp.length", "A.nothing"):
        with pytest.raises(ValueError, match=odd):
            claim_of("sharp.rate", registry, Mutant("odd", "odd", conclusion=ZERO_LOSS, add=(odd,)))
