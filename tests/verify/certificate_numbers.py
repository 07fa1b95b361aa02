"""Lies about numbers: bounds past the truth, conclusions past what follows, texts that are no numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np

from tests.verify.certificate_files import Attempt, Files, attempt, changed, identity, pack, place
from tests.verify.certificate_truth import SUP, Truth, X

BAD_NUMBERS: tuple[Any, ...] = (
    "NaN",
    "nan",
    "Infinity",
    "-Infinity",
    "inf",
    "1e400",
    "0x1p+99999",
    "0x1.0p+99999",
    "0x1.0p+9999",
    "-0x1.0000000000000p-3",
    "-1",
    "1/0",
    "1/-2",
    "0/0",
    "",
    " 1",
    "1 ",
    "1\n",
    "+1",
    "1.5",
    "1e-3",
    "1_0",
    "\uff11",
    "\u0661",
    "0x",
    "9" * 401,
    "1/" + "9" * 401,
    "9" * 10**6,
    "1/" + "3" * 10**6,
    "1/2/3",
    "1 / 2",
    "0x1.8P-3",
    True,
    False,
    1,
    0,
    None,
    [],
    ["1"],
    {},
    {"value": "1"},
    [[["1"]]],
)
RAW_NUMBERS = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "-1e400",
    "0.5",
    "1E5",
    "9" * 5000,
    "01",
    ".5",
    "0x1",
    "'1'",
    "nan",
    "tru",
)


def bounds(files: Files) -> Iterator[Attempt]:
    """Every obligation a hair beyond what the checker itself derives."""
    for item, outcome in zip(files.document["obligations"], files.report.obligations, strict=True):
        derived = Fraction(outcome.derived)
        if derived == 0:
            continue  # nothing is below an upper bound 0
        for past in (Fraction(1, 10**15), Fraction(1, 10**9), Fraction(1, 10), Fraction(9, 10)):
            factor = 1 + past if item["relation"] == ">=" else 1 - past
            lie = {**item, "claim": _short(derived * factor)}
            yield changed(
                files, f"{item['kind']} {float(past):g} past", lambda f, name=item["id"], lie=lie: _put(f, name, lie)
            )


def _short(x: Fraction) -> str:
    x = Fraction(x.numerator * 10**60 // x.denominator, 10**60) if len(str(x)) > 700 else x
    return f"{x.numerator}/{x.denominator}"


def _put(files: Files, name: str, item: Any) -> None:
    files.document["obligations"] = [item if old["id"] == name else old for old in files.document["obligations"]]


def _number(text: str) -> Any:
    return (
        X.mpf(float.fromhex(text))
        if text.startswith("0x")
        else X.mpf(Fraction(text).numerator) / Fraction(text).denominator
    )


def followed(files: Files, claim: dict[str, Any]) -> dict[str, tuple[Any, int]]:
    """What follows from the *claimed* obligations, to 60 digits; 1: an upper bound, -1: a lower bound."""
    problem = files.problem
    items = {item["id"]: item for item in files.document["obligations"]}
    k, w = problem["arrays"]["a"]["shape"][0], files.arrays.get("weights", np.ones(1))
    claimed = Truth.__new__(Truth)  # its formulas, with other numbers
    claimed.__dict__.update(
        subject=SimpleNamespace(scale=float.fromhex(problem["scale"])),
        both=problem["train"] == "both",
        k=k,
        root=X.sqrt(k),
        R=files.arrays.get("R"),
        w_min=X.mpf(float(w.min())),
        B1=SUP[problem["activation"]][0],
        B2=SUP[problem["activation"]][1],
    )
    claimed.__dict__.update(
        {items[use]["kind"].rsplit("_", 1)[0]: _number(items[use]["claim"]) for use in claim["uses"]}
    )
    name = claim["statement"]
    if claim["verdict"] == "REFUTED":
        found = {"sharp.condition": ("h", "h"), "baseline.condition": ("R_prime", "R_prime")}.get(name)
        return {found[0]: (getattr(claimed, found[1]), -1)} if found else {}
    stop = claim["conclusions"].get("stop")
    return claimed.conclusions(name, float.fromhex(stop["level"]) if stop else None) if claim["conclusions"] else {}


def neighbours(value: Any, sign: int) -> tuple[float, float]:
    """(the last double on the wrong side of an upper (1) or lower (-1) bound, the first one on the right side)."""
    wrong = float(value)
    while sign * (X.mpf(wrong) - value) >= 0:
        wrong = float(np.nextafter(wrong, -sign * np.inf))
    right = float(np.nextafter(wrong, sign * np.inf))
    while sign * (X.mpf(right) - value) < 0:
        wrong, right = right, float(np.nextafter(right, sign * np.inf))
    return wrong, right


def concluded(files: Files, right: bool = False) -> Iterator[Attempt]:
    """Every conclusion one ulp past what follows from the claimed obligations (right: on the right side of it)."""
    for i, claim in enumerate(files.document["claims"]):
        if claim["verdict"] == "UNKNOWN":
            continue
        for key, (value, sign) in followed(files, claim).items():
            pair = neighbours(value, sign)
            if pair[right] < 0 or (right and pair[0] < 0):
                continue  # the bound is 0: there is nothing below

            def put(f: Files, i: int = i, key: str = key, number: float = pair[right]) -> None:
                where = f.document["claims"][i]["conclusions"]
                (where["stop"] if key == "time" else where)[key] = number.hex()

            yield changed(files, f"{claim['statement']}: {key} by an ulp", put)


def spelled(files: Files) -> Iterator[Attempt]:
    """Numbers that are none, in a claim, a parameter, a conclusion and the scale."""
    item = files.document["obligations"][0]
    places: list[tuple[Any, ...]] = [("obligations", 0, "claim"), ("problem", "scale")]
    places += [("obligations", 0, "params", key) for key in item["params"]]
    concluded = next(i for i, claim in enumerate(files.document["claims"]) if claim.get("conclusions"))
    places += [
        ("claims", concluded, "conclusions", key)
        for key in list(files.document["claims"][concluded]["conclusions"])[:1]
    ]
    for where in places:
        for bad in BAD_NUMBERS:
            other = files.copy()
            place(other.document, where[:-1])[where[-1]] = bad
            other.document["problem_id"] = identity(other.problem)
            yield attempt(f"{where}: {str(bad)[:20]!r}", other)
        for raw in RAW_NUMBERS:
            other = files.copy()
            place(other.document, where[:-1])[where[-1]] = "@@"
            yield Attempt(
                f"{where}: {raw[:20]}",
                json.dumps(other.document).replace('"@@"', raw).encode(),
                pack(list(other.members().items())),
            )
