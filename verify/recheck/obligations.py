"""Obligations: the form of a declared bound, and its comparison with what is derived."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flint import arb, fmpq

from .bounds import BOUNDS
from .derived import Problem
from .matrices import positive
from .strict import Rejected, keys, need, number, text, texts


@dataclass
class Outcome:
    """An obligation or a claim: what the file says, what was derived, and whether it is confirmed."""

    id: str
    kind: str
    claim: str
    derived: str
    ok: bool
    why: str = ""


@dataclass
class Obligation:
    """A declared bound, its form checked but not yet its content."""

    id: str
    kind: str
    method: str
    claim: fmpq
    text: str
    params: dict[str, fmpq]

    @classmethod
    def read(cls, item: Any, P: Problem, used: set[str]) -> Obligation:
        """Check the form; tells P what its sweep has to collect and adds the witnesses to `used`."""
        item = keys(item, "an obligation", "id kind relation claim method params witnesses")
        name, kind, method = (text(item[key], key) for key in ("id", "kind", "method"))
        need(re.fullmatch(r"[A-Za-z0-9_.-]+", name) is not None, "an id has to consist of letters, digits and . _ -")
        need((kind, method) in BOUNDS, f"{name}: unknown kind or method {kind}/{method}")
        present, params, witnesses, wants, _ = BOUNDS[kind, method]
        fits = all(P.has[word.lstrip("!")] != word.startswith("!") for word in present.split())
        need(fits, f"{name}: {kind}/{method} does not fit this problem (it needs: {present})")
        need(item["relation"] == (">=" if kind.endswith("lower") else "<="), f"{name}: wrong relation")
        given, wanted = texts(item["witnesses"], f"{name}: witnesses"), P.needed(witnesses)
        need(sorted(given) == sorted(wanted), f"{name}: the witnesses have to be {wanted}")
        need(set(wanted) <= set(P.witnesses), f"{name}: a witness is not declared")
        used.update(wanted)
        P.wants.update(wants.split())
        values = keys(item["params"], f"{name}: params", " ".join(P.needed(params)))
        values = {key: number(value, f"{name}: {key}") for key, value in values.items()}
        return cls(name, kind, method, number(item["claim"], name), item["claim"], values)

    def derive(self, P: Problem) -> Outcome:
        """Derive the bound from the data and compare: >= needs derived lower end >= claim, <= the upper end <= claim."""
        found = Outcome(self.id, self.kind, self.text, "none", False)
        try:
            bound, claim = BOUNDS[self.kind, self.method][-1](P, self.params), arb(self.claim)
            lower = self.kind.endswith("lower")
            bound = positive(bound) if lower else bound.upper()
            found.derived = bound.str(17, radius=False)
            need(bound >= claim if lower else bound <= claim, "the claim is not proved")
            found.ok = True
        except (Rejected, ArithmeticError, ValueError) as error:
            found.why = str(error)
        return found
