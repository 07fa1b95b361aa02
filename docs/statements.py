"""Write docs/statements.md from the registry: every identifier that a report names, to be looked up.

python docs/statements.py          write the page
python docs/statements.py --check  fail if the page is not what the registry says
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from theory.ledger import registry
from theory.statement import latex
from theory.symbols import SYMBOLS

PAGE = Path(__file__).resolve().parent / "statements.md"
GROUPS = (
    ("A.", "Assumptions"),
    ("baseline.", "Baseline theorem"),
    ("step.", "Steps of its proof"),
    ("sharp.", "Sharp theorem"),
    ("illposed.", "Bounds that do not die with the condition number"),
    ("dip2.", "Two-layer network"),
    ("wonly.", "First layer only: the exact theory"),
    ("recover.", "Recovery of the signal"),
    ("gd.", "Gradient descent"),
    ("deep.", "Feedforward networks of any depth"),
    ("kl.", "Kurdyka–Łojasiewicz inequality"),
    ("trusted.", "Trusted facts (published, not proved here)"),
)


def entry(item: Any) -> list[str]:
    """One item as Markdown lines: title, text, relation, formulas, proof, dependencies, sources."""
    origin = getattr(item, "origin", "")
    lines = [
        f"### `{item.id}` {item.title}",
        "",
        f"*{item.kind}{f', {origin}' if origin else ''}.* {plain(item.text)}",
        "",
    ]
    if item.condition is not None:
        lines += [f"**Condition.** ${latex(item.condition)}$", ""]
    if item.when is not None:
        lines += [f"**Claimed when** ${latex(item.when)}$", ""]
    if item.conclusion is not None and item.conclusion is not item.condition:
        lines += [f"**Conclusion.** ${latex(item.conclusion)}$", ""]
    for name, formula in getattr(item, "formulas", {}).items():
        reads = getattr(item, "reads", {}).get(name, "")
        side = {"lower": " (a lower bound)", "upper": " (an upper bound)"}.get(item.direction_of(name), "")
        lines += [f"- `{name}` $= {latex(formula)}$" + (f": {plain(reads)}" if reads else "") + side]
    if getattr(item, "formulas", {}):
        lines.append("")
    if item.tight:
        lines += [f"**How tight.** {plain(item.tight)}", ""]
    if getattr(item, "proof", ""):
        lines += [f"**Proof.** {plain(item.proof)}", ""]
    for label, ids in (
        ("Hypotheses", "hypotheses"),
        ("Uses", "uses"),
        ("Proof uses", "proof_uses"),
        ("Sources", "cites"),
    ):
        names = getattr(item, ids, ())
        if names:
            lines += [f"{label}: " + ", ".join(f"`{name}`" for name in names), ""]
    return lines


def plain(text: str) -> str:
    """Plain text in Markdown: characters that it would read as markup are escaped."""
    for character in "\\`*_{}[]<>|#$":
        text = text.replace(character, "\\" + character)
    return text


def in_table(formula: str) -> str:
    r"""LaTeX without the character that separates the columns of a table: \| becomes \Vert, | becomes \vert."""
    return formula.replace(r"\|", r"\Vert ").replace("|", r"\vert ")


def page() -> str:
    """The whole page."""
    lines = [
        "# Statements",
        "",
        "Made by `python docs/statements.py` from `theory/`: do not edit. Sources are keys of `theory/references.bib`.",
        "",
        "| symbol | | needed from | meaning |",
        "|---|---|---|---|",
        *(f"| `{s.name}` | ${in_table(s.latex)}$ | {s.direction} | {plain(s.meaning)} |" for s in SYMBOLS.values()),
        "",
    ]
    listed: set[str] = set()
    for prefix, title in GROUPS:
        lines += [f"## {title}", ""]
        for identifier, item in registry.items():
            if identifier.startswith(prefix):
                listed.add(identifier)
                lines += entry(item)
    missing = sorted(set(registry) - listed)
    if missing:
        raise SystemExit(f"no group for {', '.join(missing)}: add its prefix to GROUPS in docs/statements.py")
    return "\n".join(lines).rstrip() + "\n"


def main(arguments: list[str]) -> int:
    """Write or check; the exit code."""
    fresh = page()
    if arguments == ["--check"]:
        if not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != fresh:
            print("docs/statements.md is not what theory/ says; run: python docs/statements.py")
            return 1
        return 0
    PAGE.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
