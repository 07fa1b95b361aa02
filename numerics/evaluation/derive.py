"""Which symbols follow from which: the loss' psi, the constants of an activation, the formulas of the theory.

Everything is resolved symbolically, to expressions in what was given.  So each backend computes from one expression,
and an intermediate value is never rounded to a double on the way to fifty digits.

A formula stands in for a symbol of its name only if it errs on the symbol's side: the lower bound of rho in
`dip2.two_sided` is no stand-in for rho, of which an upper bound is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from numerics.activations import activation as compiled_activation
from numerics.evaluation.inputs import as_fraction, nearest, number, pick
from theory.balls import enclose as enclose_number
from theory.kl import Desingularizer, ExceptionalParameter
from theory.ledger import Item, registry
from theory.losses import LOSSES
from theory.symbols import SYMBOLS, sym

__all__ = [
    "ACTIVATION_CONSTANTS",
    "Constant",
    "Resolver",
    "activation_constants",
    "desingularizer",
    "used_items",
    "without_pairs",
]

PAIRS = {"rho_0": "loss_0", "loss_0": "rho_0", "rho": "loss", "loss": "rho"}
ACTIVATION_CONSTANTS = ("B1", "B2", "C_phi", "C_dphi")


def desingularizer(loss: str, parameters: Mapping[str, Any] | None = None) -> Desingularizer:
    """The desingularizer of the loss called `loss`, its parameters put in where they are given.

    >>> desingularizer("weighted_least_squares", {"w_min": 1}).psi(sym("s"))
    sqrt(2)*sqrt(s)
    """
    item = pick(loss, LOSSES, "loss")
    kl = item.kl
    for name in parameters or {}:
        if name not in kl.symbols:
            raise ValueError(f"the loss {loss} has no parameter {name!r}; {nearest(name, kl.symbols, 'it has')}")
    exact = {name: as_fraction(number(name, value, "mpmath")) for name, value in (parameters or {}).items()}
    values = {name: sp.Rational(value.numerator, value.denominator) for name, value in exact.items()}
    own = {parameter.name for parameter in item.parameters}
    if own and own <= set(values):  # the domain is checked, and exceptional values (p = 2) have their own formulas
        return item.desingularizer(**values)
    try:
        return kl.substitute({sym(name): value for name, value in values.items()})
    except ExceptionalParameter as reason:
        raise ValueError(
            f"the loss {loss} with {', '.join(values)} alone: {reason}; give all of {', '.join(own)}"
        ) from None


def without_pairs(names: Iterable[str]) -> frozenset[str]:
    """The names, without a loss whose desingularized value is among them: either gives the other.

    >>> sorted(without_pairs({"t", "loss_0", "rho_0"}))
    ['rho_0', 't']
    """
    found = set(names)
    return frozenset(name for name in found if name.startswith("rho") or PAIRS.get(name) not in found)


@dataclass(frozen=True)
class Constant:
    """A number that an option gives: a float on the safe side, and a ball around the exact value."""

    value: float
    ball: Any
    source: str


def activation_constants(name: str, direction: str) -> dict[str, Constant]:
    """B1, B2, C_phi and C_dphi of the activation called `name`; B2 is left out where there is none (ReLU).

    B1 and B2 are rounded up.  C_phi and C_dphi go up in upper bounds and down otherwise.
    """
    compiled = compiled_activation(name)
    theory = compiled.theory
    out = {"B1": Constant(compiled.B1.value, lambda bits: enclose_number(theory.B1, bits), f"activation {name}")}
    if theory.B2 is not None:
        out["B2"] = Constant(compiled.B2.value, lambda bits: enclose_number(theory.B2, bits), f"activation {name}")
    up = direction == "upper"
    for symbol, ball in (("C_phi", theory.C_phi), ("C_dphi", theory.C_dphi)):
        box = getattr(compiled, symbol)
        rounded = "" if box.lower == box.upper else f", rounded {'up' if up else 'down'} in float64"
        out[symbol] = Constant(box.upper if up else box.lower, ball, f"activation {name}{rounded}")
    return out


def used_items(item: Item, required: bool = False) -> Iterator[Item]:
    """The item and all that its statement uses, nearest first; `required`: only those whose conditions it requires."""
    seen, queue = {item.id}, [item]
    while queue:
        now = queue.pop(0)
        yield now
        below = now.uses if not required or now.requires is None else now.requires
        for key in below:
            if key not in seen and key in registry:
                seen.add(key)
                queue.append(registry[key])


@dataclass
class Resolver:
    """Completes the symbols of one item from what is given; see the module's text for the rules."""

    item: Item
    kl: Desingularizer
    loss: str
    given: frozenset[str]
    constants: Mapping[str, Constant]
    derived: dict[str, tuple[Any, str]] = field(default_factory=dict)
    instead: dict[str, set[str]] = field(default_factory=dict)
    """Missing symbol → the symbols that it would serve to compute."""

    def __post_init__(self) -> None:
        self._formulas: dict[str, list[tuple[Any, str]]] = {}
        for owner in used_items(self.item):
            for name, expr in owner.formulas.items():
                if name in SYMBOLS and owner.direction_of(name) in ("exact", SYMBOLS[name].direction):
                    self._formulas.setdefault(name, []).append((self.fill(expr), f"{owner.id}.{name}"))

    def fill(self, expr: Any) -> Any:
        """The expression with the loss' psi and what follows from it put in."""
        return self.kl.apply(sp.sympify(expr))

    def routes(self, name: str) -> list[tuple[Any, str]]:
        """(expression, source) of every way to compute the symbol from others."""
        routes = list(self._formulas.get(name, ()))
        if name in PAIRS:
            other = sym(PAIRS[name])
            which = self.kl.psi if name.startswith("rho") else self.kl.psi_inv
            how = "psi" if name.startswith("rho") else "the inverse of psi"
            routes.append((which(other), f"{other.name} by {how} of the loss {self.loss}"))
        if name == "w_min" and self.loss == "least_squares":
            routes.append((sp.S.One, "the loss least_squares: every weight is 1"))
        return routes

    def accepted(self, exprs: Any) -> dict[str, str]:
        """Name → meaning of every symbol that the expressions, or a derivation of one of their symbols, contain."""
        found: set[str] = set()
        queue = [s.name for expr in exprs for s in expr.free_symbols]
        while queue:
            name = queue.pop()
            if name not in found:
                found.add(name)
                queue += [s.name for expr, _ in self.routes(name) for s in expr.free_symbols]
        return {name: SYMBOLS[name].meaning for name in sorted(found)}

    def resolve(self, name: str, path: frozenset[str] = frozenset()) -> tuple[Any, frozenset[str]]:
        """(expression in given symbols, missing symbols): exactly one of them says something."""
        if name in self.given or name in self.constants:
            return sym(name), frozenset()
        if name in self.derived:
            return self.derived[name][0], frozenset()
        best = frozenset({name})
        asked: frozenset[str] | None = None
        for expr, source in self.routes(name):
            if any(s.name in path | {name} for s in expr.free_symbols):
                continue
            ready, missing = self._substitute(expr, path | {name})
            if not missing:
                self.derived[name] = (ready, source)
                return ready, missing
            if PAIRS.get(name) not in missing and (asked is None or len(missing) < len(asked)):
                asked = missing
        for leaf in asked or ():
            self.instead.setdefault(leaf, set()).add(name)
        return None, asked or best

    def _substitute(self, expr: Any, path: frozenset[str]) -> tuple[Any, frozenset[str]]:
        values: dict[Any, Any] = {}
        missing: set[str] = set()
        for symbol in expr.free_symbols:
            ready, absent = self.resolve(symbol.name, path)
            missing |= absent
            if not absent and ready != symbol:
                values[symbol] = ready
        if missing:
            return None, without_pairs(missing)
        return expr.xreplace(values), frozenset()

    def expression(self, expr: Any) -> tuple[Any, frozenset[str]]:
        """An expression in given symbols, or None and the symbols that are missing for it."""
        return self._substitute(self.fill(expr), frozenset())

    def ingredients(self, expr: Any) -> tuple[str, ...]:
        """The derived symbols that enter the expression, directly or through one another."""
        found: list[str] = []
        queue = [s.name for s in self.fill(expr).free_symbols]
        while queue:
            name = queue.pop()
            if name in self.derived and name not in found:
                found.append(name)
                source = self.derived[name][1]
                queue += [s.name for route, text in self.routes(name) if text == source for s in route.free_symbols]
        return tuple(sorted(found))

    def ask(self, name: str) -> str:
        """What a missing symbol means, and which option would give it."""
        text = SYMBOLS[name].meaning
        if name in ACTIVATION_CONSTANTS:
            text += "; an activation gives it (activation tanh)"
        if name in PAIRS:
            text += f"; or give {PAIRS[name]} ({SYMBOLS[PAIRS[name]].meaning})"
        if name == "w_min":
            text += "; the loss least_squares has 1"
        if name in self.instead:
            text += f"; it serves to compute {', '.join(sorted(self.instead[name]))}"
        return text
