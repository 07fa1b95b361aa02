"""Strict reading: whatever is not exactly what is expected is refused, in one line."""

import json
import re
from typing import Any

from flint import fmpq


class Rejected(Exception):
    """What is wrong with the certificate, in one line."""


class Unreadable(Rejected):
    """The file is not a certificate at all."""


def need(condition: Any, message: str) -> None:
    """Reject unless `condition` is True (a ball comparison is True only if it is certain)."""
    if condition is not True:
        raise Rejected(message)


def text(value: Any, what: str, limit: int = 80) -> str:
    """A string of bounded length."""
    need(isinstance(value, str) and len(value) <= limit, f"{what} has to be a text of at most {limit} characters")
    return str(value)


def texts(value: Any, what: str) -> list[str]:
    """A list of strings."""
    need(isinstance(value, list) and all(isinstance(item, str) for item in value), f"{what} has to be a list of texts")
    return list(value)


def keys(value: Any, what: str, must: str, may: str = "") -> dict[str, Any]:
    """The dictionary `value` if it has all keys of `must` and no others but those of `may`."""
    need(isinstance(value, dict), f"{what} has to be an object")
    missing, extra = set(must.split()) - set(value), set(value) - set((must + " " + may).split())
    need(not missing and not extra, f"{what}: missing keys {sorted(missing)}, unknown keys {sorted(extra)[:5]}"[:300])
    return dict(value)


_HEX, _RATIO = re.compile(r"0x[01]\.[0-9a-f]{1,13}p[+-][0-9]{1,4}"), re.compile(r"([0-9]{1,400})(?:/([0-9]{1,400}))?")


def number(value: Any, what: str) -> fmpq:
    """A nonnegative rational from "0x1.8000000000000p-3" (as float.hex() writes it), "3/16" or "3"."""
    written = text(value, f"{what}: a number", 801)
    if _HEX.fullmatch(written):
        double = float.fromhex(written)
        need(
            double.hex() == written, f"{what}: {written} is not written as float.hex() writes a double"
        )  # no underflow: it would be read as 0
        return fmpq(*double.as_integer_ratio())
    match = _RATIO.fullmatch(written)
    if match is None or int(match[2] or 1) == 0:
        raise Rejected(f"{what}: {written[:40]!r} is not a nonnegative number")
    return fmpq(int(match[1]), int(match[2] or 1))


def parse_json(raw: bytes) -> Any:
    """Strict JSON: no duplicate keys, no floats, no NaN, short integers."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        need(len({key for key, _ in pairs}) == len(pairs), "duplicate key in the JSON")
        return dict(pairs)

    def short(token: str) -> int:
        fits = len(token) <= 9 and re.fullmatch("-?[0-9]+", token) is not None
        need(fits, f"the number {token[:20]} in the JSON has to be a string")
        return int(token)

    return json.loads(raw.decode(), object_pairs_hook=once, parse_float=short, parse_constant=short, parse_int=short)
