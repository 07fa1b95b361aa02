"""Tables of a problem file against dataclasses and models: strict values, and one line for whatever is wrong.

`validate` checks a table against a pydantic model, `item` against the dataclass that a registry holds under the table's
``kind``. Every complaint is a `ProblemError` whose message is one line: cause; remedy.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import typing
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model


class ProblemError(ValueError):
    """Something is wrong with the user's problem; the message is one line: cause; remedy."""


class Table(BaseModel):
    """A table of the problem file: unknown keys are refused, NaN and infinity too."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


T = TypeVar("T", bound=Table)


# --- items of registries ---------------------------------------------------------------------------------------------


def item(data: Any, registry: Mapping[str, Any], key: str, where: str) -> Any:
    """An instance of the dataclass ``registry[data[key]]`` with the other entries of `data` as its fields."""
    if type(data) in registry.values():  # from Python, ready made
        return data
    table = as_table(data, where)
    if key not in table:
        raise ProblemError(f"[{where}] has no {key}; add {key} = one of {', '.join(sorted(registry))}")
    cls = registry[one_of(table.pop(key), registry, f"[{where}] {key}")]
    for field in dataclasses.fields(cls):
        if field.name == "parts" and "parts" in table:
            parts = table.pop("parts")
            if not isinstance(parts, list) or not parts:
                raise ProblemError(f"[{where}] parts must be a list of tables; write [[{where}.parts]] once per part")
            made = tuple(item(part, registry, key, f"{where}.parts") for part in parts)
            return cls(**_fields(validate(_model(cls, without="parts"), table, where)), parts=made)
    return make(cls, table, where)


def make(cls: Any, table: Mapping[str, Any], where: str) -> Any:
    """An instance of the dataclass `cls` with the entries of a table as its fields."""
    try:
        return cls(**_fields(validate(_model(cls), table, where)))
    except ProblemError:
        raise
    except (ValueError, TypeError) as error:
        raise ProblemError(with_remedy(one_line(error), where)) from None


def item_to_dict(thing: Any, key: str) -> dict[str, Any] | None:
    """The inverse of `item`: kind (or source) and fields, JSON-able."""
    if thing is None:
        return None
    if hasattr(thing, "to_dict"):
        values = thing.to_dict()
    else:
        values = {field.name: getattr(thing, field.name) for field in dataclasses.fields(thing) if field.init}
    plain: dict[str, Any] = json.loads(json.dumps(values, default=_plain))
    return plain | {key: getattr(thing, key)}


def _plain(value: Any) -> Any:
    """Arrays and paths as JSON knows them; an object that has no text of its own is named by its type."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value) if isinstance(value, Path) else f"<{type(value).__name__}>"


@cache
def _model(cls: type, without: str | None = None) -> type[Table]:
    """A strict table with the fields of a dataclass."""
    hints = typing.get_type_hints(cls, include_extras=True)
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        if not field.init or field.name == without:
            continue
        default: Any = ...
        if field.default is not dataclasses.MISSING:
            default = field.default
        elif field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        info = Field(default, description=field.metadata.get("doc"))
        fields[field.name] = (hints[field.name], info)
    return create_model(cls.__name__, __base__=Table, **fields)


def _fields(table: Table) -> dict[str, Any]:
    return {name: getattr(table, name) for name in type(table).model_fields}


# --- one line of cause and remedy ------------------------------------------------------------------------------------


def validate(model: type[T], data: Mapping[str, Any], where: str) -> T:
    """`data` as a `model`; the first thing that is wrong with it as a ProblemError."""
    known_keys(data, model.model_fields, f"[{where}]" if where else "the problem file")
    try:
        # Through JSON: strict about numbers, yet a list is accepted where a tuple is meant.
        return model.model_validate_json(json.dumps(data, default=_refuse), strict=True)
    except ValidationError as error:
        raise ProblemError(_explain(error, data, model, where)) from None
    except (TypeError, RecursionError) as error:
        raise ProblemError(with_remedy(one_line(error), where)) from None


def _refuse(value: Any) -> Any:
    """NumPy's arrays and numbers as the lists and numbers that they hold; TypeError for anything else."""
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "fiub":
        return value.tolist()
    raise TypeError(f"has a value of type {type(value).__name__} ({value}); numbers, texts and lists are understood")


def _explain(error: ValidationError, data: Mapping[str, Any], model: type[Table], where: str) -> str:
    """The first complaint of pydantic in the words of the problem file."""
    first = error.errors(include_url=False)[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    field = model.model_fields.get(key)
    table = f"[{where}] " if where else ""
    if field is None:
        return f"{table}{one_line(first['msg'])}; correct the table"
    inner = field.annotation
    if isinstance(inner, type) and issubclass(inner, Table):
        name = f"{where}.{key}" if where else key
        try:
            validate(inner, as_table(data[key], name), name)
        except ProblemError as deeper:
            return str(deeper)
    doc = one_line(field.description or field.annotation).rstrip(".")
    doc = doc[0].lower() + doc[1:]
    if first["type"] == "missing":
        return f"{table}has no {key}; add {key} = ...: {doc}"
    value = data.get(key)
    names = _literals(field.annotation)
    if names and isinstance(value, str):
        return f"{table}{key} = {value!r} is unknown; {suggest(value, names)}"
    shown = _short(repr(first["input"] if isinstance(value, (list, tuple)) else value))
    at = next((f" (entry {part})" for part in first["loc"][1:] if isinstance(part, int)), "")
    cause = one_line(first["msg"]).replace("Input should be", "must be").replace("Field required", "is incomplete")
    return f"{table}{key} = {shown}{at} {cause[0].lower() + cause[1:]}; {key} is: {doc}"


def _literals(annotation: Any) -> list[str]:
    found = [a for a in typing.get_args(annotation) if isinstance(a, str)]
    for inner in typing.get_args(annotation):
        found += _literals(inner)
    return found


def _short(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else text[: limit - 2] + ".."


def known_keys(data: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    """ProblemError, with the nearest valid key, if `data` has a key that is not `known`."""
    for key in data:
        if key not in known:
            raise ProblemError(f"{where} has an unknown key {key!r}; {suggest(str(key), known)}")


def as_table(data: Any, where: str) -> dict[str, Any]:
    """A copy of `data` if it is a table; ProblemError otherwise."""
    if not isinstance(data, Mapping):
        raise ProblemError(f"{where} = {_short(repr(data))} is not a table; write [{where}] and its keys below it")
    return dict(data)


def one_of(name: Any, known: Iterable[str], what: str) -> str:
    """`name` if it is among `known`; ProblemError with the nearest valid name otherwise."""
    if not isinstance(name, str) or name not in known:
        raise ProblemError(f"{what} = {_short(repr(name))} is unknown; {suggest(str(name), known)}")
    return name


def suggest(name: str, known: Iterable[str]) -> str:
    """The remedy for an unknown name: the nearest valid one if there is one, and the list.

    >>> suggest("widht", ["width", "train"])
    "did you mean 'width'? (valid: train, width)"
    """
    names = sorted(known)
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}? (valid: {', '.join(names)})" if near else f"use one of {', '.join(names)}"


def with_remedy(message: str, where: str) -> str:
    """A message of another package under the name of its table; one that names no remedy gets the obvious one."""
    return f"[{where}] {message}" if ";" in message else f"[{where}] {message}; correct [{where}] in the problem file"


def one_line(text: object) -> str:
    """A message without line breaks."""
    return " ".join(str(text).split())
