"""Wrong variants of statements, and constants that can be turned: what a check must be able to tell from the truth.

A :class:`Mutant` says how one claim is changed: symbols replaced in its conclusion, another relation, a condition that is
weaker, a hypothesis no longer asked for.  Most mutants are false, and an audit has to find an instance that refutes them;
some are true because the statement has slack, and say why.

A :class:`Constant` is a number of a statement with a direction in which the claim gets stronger.  How far it can be turned
before an instance refutes the claim is its *critical* value; where the optimum is proved, both can be compared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from theory.symbols import sym

__all__ = ["DIAL", "Constant", "Mutant"]

DIAL = sym("dial")
"""The symbol that stands for the constant to be turned in the relations of a :class:`Constant`."""

_EMPTY: Mapping[Any, Any] = MappingProxyType({})
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Mutant:
    """A changed claim.

    Parameters
    ----------
    name: unique within the statement: lower case, digits, hyphens.
    text: what is changed into what, to be read alone.
    truth: "false" if the mutant is wrong and has to be refuted; "true" if it holds because the statement has slack.
    why: of a true one, its proof or evidence; of a false one, where it dies, if that is known.
    substitute: symbols → expressions, applied at once to `conclusion` and `when` of the statement.
    conclusion, when: relations in the place of the statement's.
    conditions: identifier of a condition → the relation asked for in its place; the statement's own condition goes by the
        identifier of the statement.
    drop: identifiers of hypotheses and conditions that are no longer asked for ("when": at all times).
    add: identifiers of assumptions that are asked for besides (a variant that is true for linear operators, say).
    """

    name: str
    text: str
    truth: Literal["false", "true"] = "false"
    why: str = ""
    substitute: Mapping[Any, Any] = field(default_factory=lambda: _EMPTY)
    conclusion: Any = None
    when: Any = None
    conditions: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    drop: tuple[str, ...] = ()
    add: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"mutant {self.name!r}: a name has lower-case letters, digits and single hyphens")
        if not self.text:
            raise ValueError(f"mutant {self.name}: say in `text` what is changed")
        if self.truth == "true" and not self.why:
            raise ValueError(f"mutant {self.name}: a mutant that is true says in `why` how that is known")
        if self.substitute and self.conclusion is not None:
            raise ValueError(f"mutant {self.name}: give `substitute` or a `conclusion`, not both")
        if not (
            self.substitute or self.conclusion is not None or self.when is not None or self.conditions or self.drop
        ):
            raise ValueError(f"mutant {self.name}: nothing is changed")


@dataclass(frozen=True)
class Constant:
    """A number of a statement that can be turned, and the claim that it then makes.

    Parameters
    ----------
    name: unique within the statement, like the name of a mutant.
    text: which constant it is.
    stated: its value in the statement, a SymPy number.
    stronger: "up" if the claim gets stronger as it grows, "down" if as it falls.
    claim: the claim with :data:`DIAL` in the place of the constant; its `truth` says nothing.
    optimum: the best value for which the claim is true, where that is proved, else None.
    source: how the optimum is known: an identifier or a sentence.
    """

    name: str
    text: str
    stated: Any
    stronger: Literal["up", "down"]
    claim: Mutant
    optimum: Any = None
    source: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"constant {self.name!r}: a name has lower-case letters, digits and single hyphens")
        if (self.optimum is None) != (not self.source):
            raise ValueError(f"constant {self.name}: an optimum needs its source, and a source its optimum")
