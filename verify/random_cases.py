"""What is tested of a statement with a probability: records, and how a claim is made true or false on draws.

A :class:`Case` is one sentence of a statement: a relation between what is drawn and constants, and what is promised of it.
An *event* is promised with a probability: the relation holds in at least that share of all draws.  A *mean* has a number on
the right side, and the expectation of the left side over the draws is compared with it (a frequency is the mean of zeros and
ones).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from numerics import compile as compiled
from theory.claim import Claim, claim_of
from theory.ledger import registry
from theory.mutant import Mutant
from theory.statement import Statement
from theory.symbols import sym
from verify.random_draws import Configuration, Start, Values, constants, value

__all__ = ["LAWS", "Case", "Experiment", "Family", "claim_about", "condition_holds", "side_values"]

Array = NDArray[np.float64]
MOST_NEURONS = 2**18
"""Wider networks than this are not drawn."""
LAWS = ("rademacher", "uniform", "truncated_normal", "gaussian")
"""Laws of the entries of V, where they need not be bounded."""


@dataclass(frozen=True)
class Family:
    """Ranges from which configurations are drawn; `delta` and `y_norm` are intervals, the others are lists of choices."""

    train: Literal["both", "W"] = "both"
    activations: tuple[str, ...] = ("tanh", "erf", "sin", "sigmoid", "softplus", "gelu", "silu", "identity")
    laws: tuple[str, ...] = ("rademacher", "uniform", "truncated_normal")
    n: tuple[int, ...] = (1, 2, 3, 5)
    k: tuple[int, ...] = (4, 16, 48)
    delta: tuple[float, float] = (0.3, 0.9)
    kappa: tuple[float, ...] = (1.0, 3.0)
    y_norm: tuple[float, float] = (0.0, 2.0)

    def draw(self, rng: np.random.Generator) -> Configuration:
        """A configuration of the family."""
        n = int(rng.choice(self.n))
        return Configuration(
            n=n,
            k=int(rng.choice(self.k)),
            m=int(rng.integers(1, n + 1)),
            train=self.train,
            activation=str(rng.choice(self.activations)),
            V=str(rng.choice(self.laws)),
            delta=float(rng.uniform(*self.delta)),
            kappa=float(rng.choice(self.kappa)),
            y_norm=float(rng.uniform(*self.y_norm)),
            seed=int(rng.integers(1, 2**31)),
        )


@dataclass(frozen=True)
class Case:
    """One sentence of a statement, as something to draw.

    name: unique within the statement.  text: what is counted or averaged.
    relation: between symbols of the theory, the drawn ones on the left.
    draw: (configuration, generator, N) → values of symbols, arrays with the N draws first (further axes: for all of them).
    promised: of an event, the probability in the statement, from the configuration; None for a mean.
    spread: of a mean, bounds (low, high) of what is averaged; None for zeros and ones.
    known: what is known before the draw besides :func:`verify.random_draws.constants`.
    fit: a configuration near the given one at which the claim says something (None: none is found).
    condition: the relation between constants that puts the sentence in force, in place of the statement's.
    conditional: whether the condition matters: `fit` goes to where it holds, or it is `gated`.
    gated: whether the condition is about what is drawn; then only the draws that meet it count.
    defined: symbols of the relation that the statement defines by formulas; a mutant that replaces symbols does so there, too.
    repeat: how many draws are made where one is asked for: numbers of a mean, events that are cheap and rarely fail.
    primary: whether a mutant that brings its own conclusion or condition speaks of this case.
    """

    name: str
    text: str
    relation: Any
    draw: Callable[[Configuration, np.random.Generator, int], Values]
    configurations: tuple[Configuration, ...]
    family: Family
    promised: Callable[[Configuration], float] | None = None
    spread: Callable[[Configuration], tuple[float, float]] | None = None
    known: Callable[[Configuration], Values] = lambda c: {}
    fit: Callable[[Case, Configuration, Claim], Configuration | None] = lambda case, c, claim: c
    condition: Any = None
    conditional: bool = False
    gated: bool = False
    defined: Mapping[str, Any] = field(default_factory=dict)
    repeat: int = 1
    primary: bool = True

    def values(self, c: Configuration) -> dict[str, Any]:
        """All that is known before the draw."""
        return {**constants(c), **self.known(c)}


@dataclass(frozen=True)
class Experiment:
    """A statement with a probability and its sentences."""

    statement: str
    cases: tuple[Case, ...]


def claim_about(statement: str, case: Case, mutant: Mutant | None = None) -> Claim | None:
    """The claim of a case, changed by a mutant; None if the mutant leaves what the case tests as it is.

    A conclusion that a mutant brings is taken by the primary cases that draw what it speaks of (of a mean: with the same
    left side); a condition by the cases that are `conditional`.
    """
    item = registry[statement]
    assert isinstance(item, Statement)
    condition = item.condition if case.condition is None else case.condition
    items = {**registry, statement: replace(item, conclusion=case.relation, condition=condition)}
    true = _defined(claim_of(statement, items), case, {})
    if mutant is None:
        return true
    if (statement in {*mutant.conditions, *mutant.drop} or mutant.conclusion is not None) and not case.primary:
        return None
    if mutant.conclusion is not None and not _speaks_of(case, mutant.conclusion):
        return None
    changed = _defined(claim_of(statement, items, mutant), case, mutant.substitute)
    same = changed.conclusion == true.conclusion and not (case.conditional and changed.conditions != true.conditions)
    return None if same else changed


def _speaks_of(case: Case, relation: Any) -> bool:
    """Whether a relation is about what the case draws, and about nothing that it does not know."""
    c = case.configurations[0]
    drawn = set(case.draw(c, np.random.default_rng(0), 1))
    names = {str(symbol) for symbol in relation.free_symbols}
    return (
        bool(names & drawn)
        and names <= drawn | set(case.values(c)) | set(case.defined)
        and (case.promised is not None or relation.lhs == case.relation.lhs)
    )


def _defined(claim: Claim, case: Case, substitute: Mapping[Any, Any]) -> Claim:
    """The claim with the formulas in the place of the symbols that they define."""
    sides = list(claim.conclusion.args)
    for name, expression in case.defined.items():
        pairs = {sym(name): sp.sympify(expression).subs(dict(substitute), simultaneous=True)}
        sides = [side.subs(pairs, simultaneous=True) for side in sides]
    return replace(claim, conclusion=type(claim.conclusion)(*sides, evaluate=False))


def side_values(expression: Any, values: Values) -> Array:
    """A side of a relation at the values; NaN where it has none.  LookupError names what the experiment does not have."""
    expression = sp.sympify(expression)
    symbols = tuple(sorted(expression.free_symbols, key=str))
    missing = [str(symbol) for symbol in symbols if str(symbol) not in values]
    if missing:
        raise LookupError(f"the experiment knows nothing called {', '.join(missing)}")
    return compiled.with_nan(expression, symbols)(*(values[str(symbol)] for symbol in symbols))


def slack_of(relation: Any, values: Values) -> tuple[Array, Array]:
    """(slack, scale): slack >= 0 where a relation holds (minus the distance for an equation), and the size of its sides."""
    lhs, rhs = side_values(relation.lhs, values), side_values(relation.rhs, values)
    with np.errstate(invalid="ignore"):
        above, scale = lhs - rhs, np.abs(lhs) + np.abs(rhs)
    if isinstance(relation, sp.Eq):
        return -np.abs(above), scale
    return (-above if isinstance(relation, sp.Le | sp.Lt) else above), scale


def condition_holds(relation: Any, values: Values) -> bool:
    """Whether an inequality between constants holds clearly (by more than rounding)."""
    slack, scale = slack_of(relation, values)
    return bool(slack > 1e-12 * scale)


def own_condition(claim: Claim) -> Any:
    """The condition of the statement itself, None if the claim has none (left)."""
    return dict(claim.conditions).get(claim.id)


def positive_bound(case: Case, c: Configuration, claim: Claim) -> Configuration | None:
    """The first of k, 2k, 4k, ... at which the lower bound that is claimed is positive."""
    while c.k <= MOST_NEURONS:
        if bool(np.all(side_values(claim.conclusion.rhs, case.values(c)) > 0)):
            return c
        c = replace(c, k=2 * c.k)
    return None


def narrowest(case: Case, c: Configuration, claim: Claim) -> Configuration | None:
    """The smallest width for which the condition that is claimed holds at the a-priori constants (doubling, bisection)."""
    relation = own_condition(claim)

    def enough(k: int) -> bool:
        return relation is None or condition_holds(relation, case.values(replace(c, k=k)))

    high = 1
    while not enough(high):
        high *= 2
        if high > MOST_NEURONS:
            return None
    low = high // 2  # not enough, or zero
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return replace(c, k=high)


def frequency(occurred: NDArray[np.bool_]) -> Mapping[str, Array]:
    """Zeros and ones under the name of a probability."""
    return {"prob": occurred.astype(np.float64)}


def measured(**measure: Callable[[Start], Array]) -> Callable[[Configuration, np.random.Generator, int], Values]:
    """A `draw` of a case: initializations, and symbols measured on them."""

    def draw(c: Configuration, rng: np.random.Generator, draws: int) -> Values:
        start = Start.draw(c, rng, draws)
        return {name: of(start) for name, of in measure.items()}

    return draw


def stated(statement: str) -> Any:
    """The conclusion of a statement."""
    return registry[statement].conclusion


def at_least(lhs: Any, statement: str, name: str) -> Any:
    """The relation that a formula of a statement is a lower bound."""
    return sp.Ge(lhs, compiled.formula(statement, name), evaluate=False)


def with_T(statement: str) -> Callable[[Configuration], Values]:
    """T for the events of a statement that share the configuration's delta."""
    return lambda c: {"T_log": value(statement, "T", constants(c))}


def one_event(c: Configuration) -> Values:
    """T for one event of probability delta."""
    return {"T_log": value("wonly.width", "T", {"delta": c.delta})}
