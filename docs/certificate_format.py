"""The tables of docs/certificate_format.md, from those of the checker: `python docs/certificate_format.py [--check]`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace

from flint import arb

from verify.recheck import BOUNDS, RULES
from verify.recheck.problem import ARRAYS, WITNESSES
from verify.recheck.statements import TIMED

PAGE = Path(__file__).with_name("certificate_format.md")
Row = list[str]


def code(words: str) -> str:
    """`word`, `word` if R, ..."""
    split = (word.partition("?") for word in words.split())
    return ", ".join(f"`{word}`" + (f" if {condition}" if condition else "") for word, _, condition in split) or "–"


def arrays() -> list[Row]:
    """Names and shapes."""
    sides: dict[str, list[str]] = {}
    for name, shape in (ARRAYS | {"w_" + name: shape for name, shape in WITNESSES.items()}).items():
        sides.setdefault(" × ".join(shape), []).append(name)
    return [["shape", "members"], *([shape, code(" ".join(names))] for shape, names in sides.items())]


def bounds() -> list[Row]:
    """Kinds and methods."""
    present = {
        "both": "train both",
        "!both": "train W",
        "injective": "R absent or square",
        "one-factor": "R or C, not both",
    }
    rows = [["kind", "method", "only if", "parameters", "witnesses"]]
    for (kind, method), (needs, params, witnesses, _, _) in BOUNDS.items():
        words = (present.get(word, "no " + word[1:] if word[0] == "!" else word) for word in needs.split())
        rows.append([f"`{kind}`", method, ", ".join(words) or "–", code(params), code(witnesses)])
    return rows


def claims() -> list[Row]:
    """Statements and verdicts, with the conclusions that their rules give for some numbers."""
    names = (
        "sigma_F sigma_0 c_V c_full rho_0 B1 B2 f J_norm PKQ ker_0 eps T_norm start_distance V_sigma gap hbar_residual"
    )
    good = {name: arb(1) for name in names.split()} | {"rho_0": arb("0.01"), "hbar_residual": arb(0)}
    rows = [["statement", "verdict", "uses", "conclusions"]]
    for (statement, verdict), (kinds, rule) in RULES.items():
        bad = {"rho_0": arb(1000)} if verdict == "REFUTED" else {}
        has = {"injective": statement == "baseline.recovery"}
        P = SimpleNamespace(both=True, R=True, has=has, k=1, w_min=arb(1), scale=1, activation="tanh")
        found = [key.split() for key in rule(P, good | bad, None) if key != "time <"]
        given = [f"{name} {'≤' if sign == '<' else '≥'}" for name, sign in found]
        given += ["vacuous"] if ["limit", "<"] in found else []
        given += ["[stop: time ≤]"] if verdict == "PROVED" and statement in TIMED else []
        rows.append([f"`{statement}`", verdict, code(kinds), ", ".join(given) or "none"])
    return rows


def render(page: str) -> str:
    """The page with its tables."""
    for name, rows in (("arrays", arrays()), ("bounds", bounds()), ("claims", claims())):
        head, *body = ("| " + " | ".join(row) + " |" for row in rows)
        table = "\n".join([head, "|" + "---|" * len(rows[0]), *body])
        pattern, text = rf"<!-- {name} -->\n(.*\n)?<!-- /{name} -->", f"<!-- {name} -->\n{table}\n<!-- /{name} -->"
        page, count = re.subn(pattern, lambda _, text=text: text, page, flags=re.DOTALL)
        if count != 1:
            raise SystemExit(f"{PAGE.name} has no place for the table of {name}")
    return page


def main(arguments: list[str]) -> int:
    """Write the page, or say whether it is that of the checker."""
    page = PAGE.read_text(encoding="utf-8")
    if "--check" in arguments:
        if render(page) != page:
            print(f"{PAGE.name} does not show the tables of the checker; run: python docs/certificate_format.py")
            return 1
        return 0
    PAGE.write_text(render(page), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
