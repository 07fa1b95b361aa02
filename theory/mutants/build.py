"""Short ways to write mutants and constants."""

from __future__ import annotations

from typing import Any, Literal

import sympy as sp

from theory.mutant import Constant, Mutant
from theory.symbols import sym

__all__ = ["FAMILY", "ZERO_LOSS", "eq", "false", "ge", "gt", "le", "lt", "true", "turned"]

FAMILY = "the scalar family of sharp.optimal"
"""n = m = p = 1, F the identity, g(r) = σ0 r − Λ r²/2, least squares; σ0 = Λ = 1 and ρ0 = h unless said otherwise."""


def le(lhs: Any, rhs: Any) -> Any:
    """lhs <= rhs, not evaluated."""
    return sp.Le(lhs, rhs, evaluate=False)


def lt(lhs: Any, rhs: Any) -> Any:
    """lhs < rhs, not evaluated."""
    return sp.Lt(lhs, rhs, evaluate=False)


def ge(lhs: Any, rhs: Any) -> Any:
    """lhs >= rhs, not evaluated."""
    return sp.Ge(lhs, rhs, evaluate=False)


def gt(lhs: Any, rhs: Any) -> Any:
    """lhs > rhs, not evaluated."""
    return sp.Gt(lhs, rhs, evaluate=False)


def eq(lhs: Any, rhs: Any) -> Any:
    """lhs = rhs, not evaluated."""
    return sp.Eq(lhs, rhs, evaluate=False)


ZERO_LOSS = eq(sym("loss_limit"), 0)
"""The loss tends to zero along the run: what a condition of convergence promises."""


def false(name: str, text: str, why: str, **change: Any) -> Mutant:
    """A wrong variant, with where it dies."""
    return Mutant(name, text, "false", why, **change)


def true(name: str, text: str, why: str, **change: Any) -> Mutant:
    """A variant that holds because the statement has slack, with the proof."""
    return Mutant(name, text, "true", why, **change)


def turned(
    name: str,
    text: str,
    stated: Any,
    stronger: Literal["up", "down"],
    optimum: Any = None,
    source: str = "",
    **change: Any,
) -> Constant:
    """A constant: `change` has the dial in its place."""
    claim = Mutant(name, text, "true", "the statement at the stated value", **change)
    value = None if optimum is None else sp.sympify(optimum)
    return Constant(name, text, sp.sympify(stated), stronger, claim, value, source)
