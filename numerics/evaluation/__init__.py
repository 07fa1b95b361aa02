"""Statements of the theory at given constants: values, conditions with their slack, and what is missing.

:func:`evaluate_item` completes what it can (:mod:`.derive`), decides every condition rigorously (:mod:`.decide`), and
gives a value only to formulas that claim something at these constants.

>>> result = evaluate_item("sharp.condition", {"sigma_F": 0.5, "sigma_0": 0.9, "Lambda": 0.1, "rho_0": 1})
>>> result
sharp.condition: Hadamard-Kantorovich condition for the flow (holds)
  h     = 0.246914  (the number that has to be below 1/2)
  ell_0 = 9  (radius at which the majorant of sigma_min vanishes)
  condition sharp.condition: h = 0.246914 is below 1/2 = 0.5, by 0.253086
  condition A.operator.nondegenerate: sigma_F = 0.5 is above 0, by 0.5
  condition A.init: sigma_0 = 0.9 is above 0, by 0.9
  h = 0.246914 from sharp.condition.h
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import mpmath
import numpy as np
import sympy as sp

from numerics.compile import Backend
from numerics.evaluation.conditions import (
    consistency,
    examine,
    relations,
    requirement_of_loss,
    requirement_of_weights,
)
from numerics.evaluation.decide import Numbers
from numerics.evaluation.derive import (
    ACTIVATION_CONSTANTS,
    Resolver,
    activation_constants,
    desingularizer,
)
from numerics.evaluation.inputs import as_mpf, is_number, nearest, numbers, pick
from numerics.evaluation.record import BallEnclosure, Condition, Derived, Evaluation, FormulaValue, Status, show
from theory.activations import ACTIVATIONS
from theory.kl import Desingularizer
from theory.ledger import Item, registry
from theory.losses import LOSSES
from theory.statement import latex
from theory.symbols import SYMBOLS

__all__ = [
    "BallEnclosure",
    "Condition",
    "Derived",
    "Evaluation",
    "FormulaValue",
    "accepted_symbols",
    "desingularizer",
    "evaluate_item",
    "evaluate_keywords",
    "show",
]

_OPTIONS = ("loss_parameters", "activation", "backend", "digits", "formulas")


def evaluate_item(
    item: str | Item,
    values: Mapping[str, Any],
    *,
    loss: str = "least_squares",
    loss_parameters: Mapping[str, Any] | None = None,
    activation: str | None = None,
    backend: Backend = "float64",
    digits: int = 50,
    formulas: Sequence[str] | None = None,
) -> Evaluation:
    """Everything that an item of the registry says at the given constants.

    `values` maps symbols of :data:`theory.symbols.SYMBOLS` to numbers, texts ("1e-3", "1/3": exact in mpmath and arb),
    or, for float64, arrays that broadcast against each other (float32 is widened).  Symbols that follow from others are
    completed: rho_0 from loss_0 by the loss' psi and back, B1 and its like from `activation`, and any symbol that a
    formula of the item or of what it uses computes.  `formulas` asks for some formulas by name; then a missing symbol is
    a ValueError, while otherwise the formula waits and :attr:`Evaluation.missing` says for what.

    A formula outside its hypotheses has no value: the entry says what fails, and by how much.  Conditions are decided by
    enclosures at the exact inputs in every backend.  A single double is confirmed by an enclosure, too; arrays are what
    float64 arithmetic gives, except where that over- or underflows.
    """
    if isinstance(item, str):
        item = registry[item]
    if not isinstance(values, Mapping):
        raise ValueError(f"the constants are a mapping from symbols to numbers, or keywords; given {values!r}")
    formulas = [formulas] if isinstance(formulas, str) else formulas
    if backend not in get_args(Backend):
        raise ValueError(f"unknown backend {backend!r}; choose one of {', '.join(get_args(Backend))}")
    if isinstance(digits, bool) or not isinstance(digits, int) or not 1 <= digits <= 1000:
        raise ValueError(f"digits = {digits!r} has to be a whole number from 1 to 1000")
    pick(loss, LOSSES, "loss")
    if activation is not None:
        pick(activation, ACTIVATIONS, "activation")
    for name in formulas or ():
        if name not in item.formulas:
            offer = nearest(name, item.formulas, "it has") if item.formulas else "it has none"
            raise ValueError(f"{item.id} has no formula {name!r}; {offer}")
    values, loss_parameters = _loss_parameters(values, loss_parameters or {}, loss)
    kl = desingularizer(loss, loss_parameters)
    values = _with_parameters(values, loss_parameters, item, loss, kl)
    constants = {} if activation is None else activation_constants(activation, item.direction)
    constants = {name: constant for name, constant in constants.items() if name not in values}
    resolver = Resolver(item, kl, loss, frozenset(values), constants)
    asked = list(relations(item))
    accepted = _accepted(resolver, asked)
    given = numbers(values, accepted, item.id, backend)
    if activation is not None and not set(ACTIVATION_CONSTANTS) & set(accepted):
        raise ValueError(f"{item.id} depends on no activation; leave out activation={activation!r}")
    work = _Work(item, resolver, Numbers(given, constants, backend, digits))
    wrong_loss = list(requirement_of_loss(item, loss, loss_parameters))
    examined = [(relation, examine(owner, relation, resolver, work.numbers)) for owner, relation in asked]
    owed = [
        (relation, examine(owner, relation, resolver, work.numbers)) for owner, relation in consistency(item, given)
    ]
    examined += [(relation, condition) for relation, condition in owed if not condition.missing]
    names = list(item.formulas) if formulas is None else list(dict.fromkeys(formulas))
    results = {name: work.formula(name, wrong_loss, examined) for name in names}
    conditions = (*wrong_loss, *(condition for _, condition in examined))
    missing = _missing(resolver, results, conditions)
    if formulas is not None:
        lacking = sorted({symbol for entry in results.values() for symbol in entry.missing})
        if lacking:
            listed = "; ".join(f"{name} ({resolver.ask(name)})" for name in lacking)
            raise ValueError(f"{item.id}: {', '.join(names)} also needs {listed}")
    return Evaluation(
        id=item.id,
        title=item.title,
        kind=item.kind,
        direction=item.direction,
        backend=backend,
        digits=digits,
        loss=loss,
        activation=activation,
        given=_given(given, backend, digits),
        derived=work.derived(),
        formulas=results,
        conditions=conditions,
        missing=missing,
    )


def evaluate_keywords(item: Item, values: Mapping[str, Any] | None, keywords: Mapping[str, Any]) -> Evaluation:
    """:func:`evaluate_item` with symbols among the keywords; `loss` is a kind of loss if it is a text and no number."""
    options = {name: value for name, value in keywords.items() if name in _OPTIONS}
    symbols = {name: value for name, value in keywords.items() if name not in _OPTIONS}
    if isinstance(symbols.get("loss"), str) and not is_number(symbols["loss"]):
        options["loss"] = symbols.pop("loss")
    if values is not None and not isinstance(values, Mapping):
        raise ValueError(f"the constants are a mapping from symbols to numbers, or keywords; given {values!r}")
    twice = sorted(set(symbols) & set(values or {}))
    if twice:
        raise ValueError(f"{', '.join(twice)} is given twice, in the mapping and as a keyword")
    return evaluate_item(item, {**(values or {}), **symbols}, **options)


def accepted_symbols(item: str | Item, loss: str = "least_squares") -> dict[str, str]:
    """Name → meaning of every symbol that an item takes, directly or to derive another.

    >>> list(accepted_symbols("sharp.condition"))
    ['Lambda', 'h', 'loss_0', 'rho_0', 'sigma_0', 'sigma_F']
    """
    item = registry[item] if isinstance(item, str) else item
    resolver = Resolver(item, desingularizer(loss), loss, frozenset(), {})
    return _accepted(resolver, list(relations(item)))


def _accepted(resolver: Resolver, asked: Sequence[tuple[Item, Any]]) -> dict[str, str]:
    sides = [side for _, relation in asked for side in relation.args]
    return resolver.accepted([resolver.fill(expr) for expr in (*resolver.item.formulas.values(), *sides)])


def _loss_parameters(
    values: Mapping[str, Any], parameters: Mapping[str, Any], loss: str
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The values and the parameters of the loss, a parameter given as a symbol moved to its place (p = 2 is no p = 3)."""
    own = {item.name for item in LOSSES[loss].parameters}
    moved = {name: value for name, value in values.items() if name in own and np.ndim(value) == 0}
    twice = sorted(set(moved) & set(parameters))
    if twice:
        raise ValueError(f"{', '.join(twice)} is given twice, as a symbol and as a parameter of the loss {loss}")
    return {name: value for name, value in values.items() if name not in moved}, {**parameters, **moved}


def _with_parameters(
    values: Mapping[str, Any], parameters: Mapping[str, Any], item: Item, loss: str, kl: Desingularizer
) -> Mapping[str, Any]:
    """The values, with parameters of the loss that are symbols of the item as well (w_min in a rate)."""
    twice = sorted(set(values) & set(parameters))
    if twice:
        raise ValueError(f"{', '.join(twice)} is given twice, as a symbol and as a parameter of the loss {loss}")
    # what is put into psi is gone from the formulas; only w_min occurs in them besides
    accepted = _accepted(Resolver(item, kl, loss, frozenset(), {}), list(relations(item)))
    return {**values, **{name: value for name, value in parameters.items() if name in accepted}}


def _given(given: Mapping[str, Any], backend: Backend, digits: int) -> dict[str, Any]:
    """The numbers as they are shown: doubles, or mpmath numbers of the digits asked for."""
    if backend == "float64":
        return dict(given)
    with mpmath.workdps(digits):
        return {name: as_mpf(value) for name, value in given.items()}


def _missing(
    resolver: Resolver, results: Mapping[str, FormulaValue], conditions: Sequence[Condition]
) -> dict[str, str]:
    names = {name for entry in results.values() for name in entry.missing}
    names |= {name for condition in conditions for name in condition.missing}
    return {name: resolver.ask(name) for name in sorted(names)}


@dataclass
class _Work:
    """One evaluation under way."""

    item: Item
    resolver: Resolver
    numbers: Numbers

    def derived(self) -> dict[str, Derived]:
        """The symbols that were completed, with their values where they have one."""
        out = {}
        for name, (expr, source) in sorted(self.resolver.derived.items()):
            value = self._values(expr)[1]
            out[name] = Derived(value, source)
        used = _accepted(self.resolver, list(relations(self.item)))
        for name, constant in self.numbers.constants.items():
            if name in used:
                out[name] = Derived(self.numbers.scalar(SYMBOLS[name].symbol)[1], constant.source)
        return out

    def formula(
        self, name: str, wrong_loss: Sequence[Condition], examined: Sequence[tuple[Any, Condition]]
    ) -> FormulaValue:
        """The entry of one formula."""
        bare = sp.sympify(self.item.formulas[name])

        def entry(status: Status, value: Any, why: str, missing: frozenset[str] = frozenset()) -> FormulaValue:
            side = self.item.direction_of(name)
            return FormulaValue(
                name, status, value, self.item.reads[name], latex(bare), side, why, tuple(sorted(missing))
            )

        weights = requirement_of_weights(name, bare, self.resolver.loss)
        for gate in (*weights, *self._gates(name, wrong_loss, ())):
            return entry("hypothesis_not_met", None, f"claims nothing here: {gate.id}: {gate.why}")
        expr, missing = self.resolver.expression(bare)
        if missing:
            return entry("missing", None, f"needs {', '.join(sorted(missing))}", missing)
        keep: Any = True
        for gate in self._gates(name, wrong_loss, examined):
            if gate.holds is not None:
                keep = keep & gate.holds
            elif gate.verdict == "hypothesis_not_met":
                return entry(gate.verdict, None, f"claims nothing here: {gate.id}: {gate.why}")
            elif gate.verdict == "undecided" and not gate.missing:
                return entry(gate.verdict, None, f"is withheld: {gate.id}: {gate.why}")
        for symbol in self.resolver.ingredients(bare):
            reason = self._misfit(symbol)
            if reason:
                return entry("hypothesis_not_met", None, reason)
        status, value, why = self._values(expr, keep)
        if status == "hypothesis_not_met" and not why.startswith("claims"):
            why = f"{why}: a hypothesis fails"
        return entry(status, value, why)

    def _gates(
        self, name: str, wrong_loss: Sequence[Condition], examined: Sequence[tuple[Any, Condition]]
    ) -> list[Condition]:
        """The conditions without which the formula claims nothing: not those that it decides itself."""
        item = self.item
        if item.kind in ("condition", "definition", "assumption") or name in item.unconditional:
            return []
        bare = sp.sympify(item.formulas[name])
        return [
            *wrong_loss,
            *(
                condition
                for relation, condition in examined
                if not any(side == bare or (side.is_Symbol and side.name == name) for side in relation.args)
            ),
        ]

    def _misfit(self, symbol: str) -> str:
        """Why a derived symbol is no value for what it stands for; an empty text if it is one (or is an array)."""
        value = self._values(self.resolver.derived[symbol][0])[1]
        if value is None or isinstance(value, np.ndarray):
            return ""
        try:
            SYMBOLS[symbol].check(value.upper if isinstance(value, BallEnclosure) else value)
        except ValueError as error:
            return f"claims nothing here: {error}"
        return ""

    def _values(self, expr: Any, keep: Any = True) -> tuple[Status, Any, str]:
        """(status, value, why) in this backend; arrays come masked where `keep` is False or there is no value."""
        numbers = self.numbers
        if not any(np.shape(numbers.given.get(s.name, 0.0)) for s in expr.free_symbols) and np.ndim(keep) == 0:
            return numbers.scalar(expr)
        shape = numbers.shape
        raw = np.broadcast_to(numbers.float64(expr), shape).copy()
        keep = np.broadcast_to(np.asarray(keep, dtype=bool), shape)
        with np.errstate(all="ignore"):
            odd = keep & ~(np.isfinite(raw) & (np.abs(raw) >= np.finfo(np.float64).tiny))
        counts: dict[Status, int]
        mask, counts = ~keep, {"hypothesis_not_met": int((~keep).sum())}
        for index in np.flatnonzero(odd):
            status, value, _ = numbers.at(int(index)).scalar(expr)
            raw.flat[index] = np.nan if value is None else value
            mask.flat[index] = value is None
            if value is None:
                counts[status] = counts.get(status, 0) + 1
        why = "; ".join(f"{n} of {raw.size}: {status.replace('_', ' ')}" for status, n in counts.items() if n)
        if mask.all():
            worst = max(counts, key=lambda status: counts[status])
            return worst, None, f"claims nothing here ({why})"
        return "value", np.ma.masked_array(np.where(mask, 0.0, raw), mask), why
