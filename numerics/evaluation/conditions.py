"""The relations that decide whether a statement is in force, and by how much they hold or fail."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import sympy as sp

from numerics.evaluation.decide import Numbers, Truth
from numerics.evaluation.derive import PAIRS, Resolver, used_items
from numerics.evaluation.inputs import as_fraction, number
from numerics.evaluation.record import BallEnclosure, Condition, show
from theory.ledger import Item, registry
from theory.losses import LOSSES
from theory.symbols import ORDER, SYMBOLS, sym

__all__ = ["consistency", "examine", "relations", "requirement_of_loss", "requirement_of_weights"]

_WORDS = {
    sp.StrictLessThan: ("below", "exceeds it by"),
    sp.LessThan: ("at most", "exceeds it by"),
    sp.StrictGreaterThan: ("above", "falls short of it by"),
    sp.GreaterThan: ("at least", "falls short of it by"),
}


def relations(item: Item) -> Iterator[tuple[Item, Any]]:
    """(owner, relation) of every condition on constants: the item's, those that its statement requires, and those of
    its hypotheses; conjunctions in parts, none twice."""
    seen = set()
    owners = [*used_items(item, required=True), *(registry[key] for key in item.hypotheses if key in registry)]
    for owner in owners:
        if owner.condition is None:
            continue
        for part in sp.And.make_args(owner.condition):
            if part not in seen and type(part) in _WORDS:
                seen.add(part)
                yield owner, part


def consistency(item: Item, given: Collection[str]) -> Iterator[tuple[Item, Any]]:
    """(owner, relation) of what the constants owe each other: along a run rho and the loss do not grow, levels lie above
    what can be reached, and a number that a condition defines (h, R', nu) is not given on the wrong side of its value."""
    symbols = {symbol.name for expr in item.formulas.values() for symbol in sp.sympify(expr).free_symbols}
    known = {*given, *(PAIRS[name] for name in given if name in PAIRS)}  # rho_0 or loss_0: either gives the other
    for relation in ORDER:
        if {symbol.name for symbol in relation.free_symbols} <= symbols & known:
            yield item, relation
    for owner in used_items(item, required=True):
        for name in owner.formulas if owner.kind == "condition" else ():
            if name in given and name in SYMBOLS:
                makes = sp.GreaterThan if SYMBOLS[name].direction != "lower" else sp.LessThan
                yield owner, makes(sym(name), owner.formulas[name], evaluate=False)


def requirement_of_loss(item: Item, loss: str, parameters: Mapping[str, Any]) -> Iterator[Condition]:
    """The hypotheses on the loss that the chosen one fails, at its parameters where they are given."""
    theory = LOSSES[loss]
    own = {parameter.name for parameter in theory.parameters}
    if own and own <= set(parameters):
        exact = {name: as_fraction(number(name, parameters[name], "mpmath")) for name in own}
        theory = theory.at(**{name: sp.Rational(value.numerator, value.denominator) for name, value in exact.items()})
    failing = {
        "A.loss.smooth": not theory.smooth,
        "A.loss.convex": not theory.convex,
        "A.loss.unique": not theory.unique,
        "A.loss.plain_least_squares": loss != "least_squares",
        "A.loss.least_squares": loss not in ("least_squares", "weighted_least_squares"),
    }
    for key in item.hypotheses:
        if failing.get(key):
            why = f"the loss {loss} does not satisfy it ({registry[key].title})"
            yield Condition(key, registry[key].title, "hypothesis_not_met", why)


def requirement_of_weights(name: str, expr: Any, loss: str) -> Iterator[Condition]:
    """An exponential rate with the smallest weight w_min belongs to least squares alone."""
    if sym("w_min") in sp.sympify(expr).free_symbols and loss not in ("least_squares", "weighted_least_squares"):
        key = "A.loss.least_squares"
        why = f"{name} is the rate of least squares of smallest weight w_min, and the loss is {loss}"
        yield Condition(key, registry[key].title, "hypothesis_not_met", why)


def _phrase(owner: Item, side: Any, other: Any = None) -> str:
    """A short name for one side: the symbol, the number, or the formula of the owner that it is."""
    if side.is_Symbol or side.is_number:
        return str(side)
    if other is not None and other.is_Symbol and owner.formulas.get(other.name) == side:
        return "its value at the other constants"
    named = [name for name, expr in owner.formulas.items() if sp.sympify(expr) == side]
    text = str(side)
    return named[0] if named else text if len(text) < 60 else "the other side"


def examine(owner: Item, relation: Any, resolver: Resolver, numbers: Numbers) -> Condition:
    """One relation at the numbers: verdict, both sides, and the slack in words."""
    left, lost = resolver.expression(relation.lhs)
    right, gone = resolver.expression(relation.rhs)
    text = f"{_phrase(owner, relation.lhs)} {relation.rel_op} {_phrase(owner, relation.rhs, relation.lhs)}"
    missing = tuple(sorted(lost | gone))
    if missing:
        why = f"{text} was not checked: it needs {', '.join(missing)}"
        return Condition(owner.id, text, "undecided", why, missing=missing)
    strict = type(relation) in (sp.StrictLessThan, sp.StrictGreaterThan)
    low, high = (left, right) if type(relation) in (sp.StrictLessThan, sp.LessThan) else (right, left)
    arrays = any(np.shape(numbers.given.get(s.name, 0.0)) for s in (high - low).free_symbols)
    if arrays:
        return _over_arrays(owner, relation, text, (left, right), (low, high), strict, numbers)
    verdict = numbers.truth(high - low, strict)
    lhs, rhs, slack = (numbers.scalar(expr)[1] for expr in (left, right, high - low))
    relative = None
    if None not in (lhs, rhs, slack):
        scale = max(abs(_float(lhs)), abs(_float(rhs)))
        relative = _float(slack) / scale if 0 < scale < math.inf and math.isfinite(_float(slack)) else None
    why = _sentence(owner, relation, verdict, lhs, rhs, slack)
    return Condition(owner.id, text, verdict, why, lhs, rhs, slack, relative)


def _float(value: Any) -> float:
    return (value.lower + value.upper) / 2 if isinstance(value, BallEnclosure) else float(value)


def _sentence(owner: Item, relation: Any, verdict: Truth, lhs: Any, rhs: Any, slack: Any) -> str:
    """For instance "h = 0.62 is not below 1/2 = 0.5: exceeds it by 0.12"."""
    word, fails = _WORDS[type(relation)]

    def side(expr: Any, value: Any) -> str:
        name = _phrase(owner, expr, relation.lhs if expr is relation.rhs else None)
        number = "" if value is None or (expr.is_Integer and expr.is_number) else f" = {show(value)}"
        return f"{name}{number}"

    left, right = side(relation.lhs, lhs), side(relation.rhs, rhs)
    if verdict == "undecided":
        return f"{left} against {right} cannot be decided: closer than any precision tried tells, or no real value"
    by = "" if slack is None else show(slack).removeprefix("-").replace("[-", "[")
    if verdict == "holds":
        return f"{left} is {word} {right}, by {by}" if by else f"{left} is {word} {right}"
    if slack is not None and _float(slack) == 0:
        return f"{left} is not {word} {right}: they are equal"
    return f"{left} is not {word} {right}: {fails} {by}" if by else f"{left} is not {word} {right}"


def _over_arrays(
    owner: Item,
    relation: Any,
    text: str,
    sides: tuple[Any, Any],
    order: tuple[Any, Any],
    strict: bool,
    numbers: Numbers,
) -> Condition:
    holds, undecided = numbers.truths(*order, strict)
    lhs, rhs, low, high = (np.broadcast_to(numbers.float64(e), holds.shape) for e in (*sides, *order))
    with np.errstate(all="ignore"):
        slack = high - low
        relative = slack / np.maximum(np.abs(lhs), np.abs(rhs))
    n = holds.size
    verdict: Truth = "holds"
    if not holds.all():
        verdict = "undecided" if (holds | undecided).all() else "hypothesis_not_met"
    why = f"{text} holds at {int(holds.sum())} of {n} points"
    if undecided.any():
        why += f", undecided at {int(undecided.sum())}"
    left, right, room, fraction = (np.ma.masked_invalid(part) for part in (lhs, rhs, slack, relative))
    return Condition(owner.id, text, verdict, why, left, right, room, fraction, holds=holds, undecided=undecided)
