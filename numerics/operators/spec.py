"""Operator specifications: frozen records of what a user wrote, which build the operator once the signal is known."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from numerics.operators.base import ForwardOperator


@dataclasses.dataclass(frozen=True)
class OperatorSpec:
    """Base of the specifications. A subclass is a frozen dataclass with a `kind` and a `build`."""

    kind: ClassVar[str] = ""

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> ForwardOperator:
        """The operator on signals of shape `input_shape`; `rng` serves random operators. ValueError if they misfit."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """Kind and fields, nested specifications included: what goes into the resolved configuration."""
        return {"kind": self.kind, **dataclasses.asdict(self)}


def nearest(name: object, names: list[str]) -> str:
    """', did you mean ...?' or the list of what there is."""
    close = difflib.get_close_matches(str(name), names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}"


def from_mapping(mapping: Mapping[str, Any] | OperatorSpec) -> OperatorSpec:
    """The specification that a table such as {"kind": "blur", "std": 1.0} describes; errors name the nearest key."""
    from numerics.operators import OPERATORS

    if isinstance(mapping, OperatorSpec):
        return mapping
    if not isinstance(mapping, Mapping):
        raise ValueError(f"an operator is a table with a kind, got {mapping!r}")
    if "kind" not in mapping:
        raise ValueError(f"an operator needs a kind; known: {', '.join(OPERATORS)}")
    if mapping["kind"] not in OPERATORS:
        raise ValueError(f"unknown operator kind {mapping['kind']!r}; {nearest(mapping['kind'], list(OPERATORS))}")
    cls = OPERATORS[mapping["kind"]]
    fields = {f.name: f for f in dataclasses.fields(cls)}
    given = {key: value for key, value in mapping.items() if key != "kind"}
    for key in given:
        if key not in fields:
            raise ValueError(f"unknown key {key!r} of operator {cls.kind!r}; {nearest(key, list(fields))}")
    for name, f in fields.items():
        required = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if required and name not in given:
            raise ValueError(f"operator {cls.kind!r} needs {name}: {f.metadata.get('doc', '')}")
    return cls(**given)


def doc(text: str) -> dict[str, str]:
    """Metadata of a field: what it means."""
    return {"doc": text}


def is_number(value: object) -> bool:
    """A finite real number, not a boolean."""
    ok = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return ok and bool(np.isfinite(value))  # type: ignore[call-overload]


def is_integer(value: object) -> bool:
    """An integer, not a boolean."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
