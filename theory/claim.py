"""What a statement claims about a run, as one record: relations, conditions and hypotheses, or those of a mutant of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from theory.mutant import Mutant

if TYPE_CHECKING:
    from theory.statement import Hypothesis, Statement

    Item = Hypothesis | Statement

__all__ = ["Claim", "claim_of"]


@dataclass(frozen=True)
class Claim:
    """`conclusion` wherever `when` holds (None: always), if the conditions and the hypotheses do.

    `conditions` are pairs (identifier, relation): of the items of kind "condition" that the statement uses, directly or
    through others, and its own (by its own identifier).  `mutant` is the name of the change, empty for the statement.
    """

    id: str
    conclusion: Any
    when: Any = None
    conditions: tuple[tuple[str, Any], ...] = ()
    hypotheses: tuple[str, ...] = ()
    mutant: str = ""

    @property
    def name(self) -> str:
        """``identifier`` or ``identifier/mutant``."""
        return f"{self.id}/{self.mutant}" if self.mutant else self.id

    def with_constant(self, value: Any) -> Claim:
        """The claim with a number for the constant that can be turned."""
        from theory.mutant import DIAL

        def put(relation: Any) -> Any:
            return None if relation is None else _substituted(relation, {DIAL: value})

        conditions = tuple((key, put(relation)) for key, relation in self.conditions)
        return Claim(self.id, put(self.conclusion), put(self.when), conditions, self.hypotheses, self.mutant)


def claim_of(key: str, registry: Mapping[str, Item], mutant: Mutant | None = None) -> Claim:
    """The claim of a registered statement, changed by `mutant`.

    Raises ValueError if the statement has no conclusion and the mutant gives none, if the mutant changes or drops what
    the statement does not ask for, or if it adds what is no assumption of the registry or is asked for already.

    >>> from theory.ledger import registry
    >>> claim = claim_of("baseline.loss_rate", registry)
    >>> claim.conditions
    (('baseline.condition', R_prime < R),)
    >>> "A.init" in claim.hypotheses
    True
    """
    item = registry[key]
    conditions = dict(_conditions(key, registry))
    if item.condition is not None:
        conditions[key] = item.condition
    conclusion, when, hypotheses, name = item.conclusion, item.when, tuple(_hypotheses(key, registry)), ""
    if mutant is not None:
        stray = [*(set(mutant.conditions) - set(conditions)), *(set(mutant.drop) - {*conditions, *hypotheses, "when"})]
        if stray:
            raise ValueError(f"{key}/{mutant.name}: {', '.join(sorted(stray))}: the statement does not ask for it")
        odd = [
            one for one in mutant.add if one in hypotheses or one not in registry or registry[one].kind != "assumption"
        ]
        if odd:
            raise ValueError(f"{key}/{mutant.name}: {', '.join(odd)}: no assumption, or one that is asked for already")
        conclusion = mutant.conclusion if mutant.conclusion is not None else conclusion
        when = mutant.when if mutant.when is not None else when
        if mutant.substitute:
            conclusion = _substituted(conclusion, mutant.substitute)
            when = None if when is None else _substituted(when, mutant.substitute)
        when = None if "when" in mutant.drop else when
        conditions.update(mutant.conditions)
        conditions = {name: relation for name, relation in conditions.items() if name not in mutant.drop}
        hypotheses = (*(name for name in hypotheses if name not in mutant.drop), *mutant.add)
        name = mutant.name
    if conclusion is None:
        raise ValueError(f"{key} has no conclusion with two sides")
    return Claim(key, conclusion, when, tuple(conditions.items()), hypotheses, name)


def _substituted(relation: Any, pairs: Mapping[Any, Any]) -> Any:
    """Without evaluation: a relation that is always true must not collapse."""
    sides = (side.subs(dict(pairs), simultaneous=True) for side in relation.args)
    return type(relation)(*sides, evaluate=False)


def _conditions(key: str, registry: Mapping[str, Item]) -> dict[str, Any]:
    """Conditions among the items that `key` uses, directly or through others; `requires` narrows the first step."""
    item = registry[key]
    found: dict[str, Any] = {}
    for name in item.uses if item.requires is None else item.requires:
        if registry[name].kind == "condition" and registry[name].condition is not None:
            found[name] = registry[name].condition
        found.update(_conditions(name, registry))
    return found


def _hypotheses(key: str, registry: Mapping[str, Item]) -> dict[str, None]:
    """Assumptions of the statement and of the conditions that it uses, in order."""
    found = dict.fromkeys(registry[key].hypotheses)
    for name in _conditions(key, registry):
        found.update(dict.fromkeys(registry[name].hypotheses))
    return found
