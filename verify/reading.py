"""An item of the theory told to a reader: as text for a terminal, and as data for JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import sympy as sp

from theory.ledger import registry
from theory.reading import linear, readable, symbol_name
from theory.references import cited_by
from theory.statement import latex
from theory.status import LEVELS, used_by
from theory.symbols import SYMBOLS

if TYPE_CHECKING:
    from theory.statement import Hypothesis, Statement
    from theory.status import Status
    from theory.symbols import SymbolInfo

    Item = Hypothesis | Statement

__all__ = ["bounds_line", "item_text", "symbol_text", "symbol_to_dict", "to_dict"]

_SIDES: Final = {
    "exact": "an equality, a condition or a fact",
    "lower": "the formulas bound from below",
    "upper": "the formulas bound from above",
    "estimate": "the formulas estimate; they bound nothing",
}
_STANDIN: Final = {"exact": "exact", "lower": "lower bound", "upper": "upper bound"}


class Page:
    """Lines of at most `width` columns, in sections."""

    def __init__(self, width: int, unicode: bool, heading: Callable[[str], str]) -> None:
        self.width, self.unicode, self.heading = width, unicode, heading
        self.lines: list[str] = []

    def section(self, title: str) -> None:
        """A blank line and a heading."""
        self.lines += ["", self.heading(title)]

    def paragraph(self, text: str, indent: int = 2, hanging: int = 0) -> None:
        """Wrapped text; words are never broken, so identifiers stay whole."""
        self.lines += textwrap.wrap(
            text, self.width, initial_indent=" " * indent, subsequent_indent=" " * (indent + hanging),
            break_long_words=False, break_on_hyphens=False,
        ) or [""]  # fmt: skip

    def formula(self, expr: Any, indent: int = 6, lead: str = "") -> None:
        """A formula, `lead` before its first line."""
        text = readable(expr, width=self.width - indent, unicode=self.unicode)
        if "\n" in text:
            if lead:
                self.paragraph(lead, indent - 2)
            self.lines += [(" " * indent + line).rstrip() for line in text.splitlines()]
        else:
            self.paragraph(f"{lead} {text}".strip(), indent - 2, hanging=4)


def item_text(item: Item, status: Mapping[str, Status], page: Page, *, symbols: bool = True) -> str:
    """Everything about one item; `status` has it and the items of its proof."""
    lines = page.lines
    lines.append(page.heading(f"{item.id}: {item.title}"))
    about = f"{item.kind}, origin: {item.origin}"
    if item.kind not in ("assumption", "trusted"):
        about += f", direction: {item.direction} ({_SIDES[item.direction]})"
    lines.append(about)
    page.section("Statement")
    page.paragraph(item.text)
    if item.hypotheses:
        page.section("Hypotheses")
        for key in item.hypotheses:
            page.paragraph(f"{key}: {registry[key].text}", hanging=4)
    _relations(item, page)
    if item.formulas:
        page.section("Formulas")
        for name, expr in item.formulas.items():
            page.formula(expr, lead=f"{name} =")
            page.paragraph(f"[{item.direction_of(name)}] {item.reads[name]}", 8)
    if symbols and item.symbols:
        page.section("Symbols (name, what a number in its place has to be, domain, meaning)")
        _symbol_rows(item.symbols, page)
    if item.tight:
        page.section("How tight")
        page.paragraph(item.tight)
    if item.proof:
        page.section("Proof")
        page.paragraph(item.proof)
    if item.proof_uses:
        page.section("Steps and facts that the proof uses")
        for key in item.proof_uses:
            page.paragraph(f"{key} [{status[key].level}]: {registry[key].title}", hanging=4)
    own = status[item.id]
    if own.checks:
        page.section("Calculus of the proof, asked of SymPy")
        for check in own.checks:
            mark = ("✓" if page.unicode else "ok") if check.ok else f"{'✗ ' if page.unicode else ''}NOT PROVED"
            page.paragraph(f"{mark} {check.text}" + (f" ({check.why})" if check.why else ""), hanging=4)
    _neighbours(item, page)
    if item.cites:
        page.section("Sources")
        for reference in cited_by(item.cites):
            page.paragraph(f"[{reference.key}] {reference.text()}", hanging=4)
    page.section("Status (computed)")
    _status(own, page)
    if item.formulas:
        lines += ["", "Evaluate it:", f"  {bounds_line(item)}"]
    return "\n".join(lines) + "\n"


def _relations(item: Item, page: Page) -> None:
    if item.condition is not None:
        page.section("Condition")
        page.formula(item.condition, indent=4)
    if item.when is not None:
        page.section("Claimed when")
        page.formula(item.when, indent=4)
    if item.conclusion is not None and item.conclusion is not item.condition:
        page.section("Conclusion")
        page.formula(item.conclusion, indent=4)


def _symbol_rows(names: tuple[str, ...], page: Page) -> None:
    shown = {name: symbol_name(name) if page.unicode else name for name in names}
    signs = {name: name if sign == name else f"{name} ({sign})" for name, sign in shown.items()}
    left = max(map(len, signs.values()))
    for name in names:
        info = SYMBOLS[name]
        row = f"{signs[name]:{left}}  {_STANDIN[info.direction]:11}  {info.domain}; {info.meaning}"
        page.lines += textwrap.wrap(
            row, page.width, initial_indent="  ", subsequent_indent=" " * (left + 17), drop_whitespace=True,
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip


def _neighbours(item: Item, page: Page) -> None:
    users = used_by(item.id, registry)
    rows = [("The statement uses", item.uses)]
    rows += [("Used in the statement of", users.get("uses", ())), ("Used in the proof of", users.get("proof_uses", ()))]
    rows += [("Assumed by", users.get("hypotheses", ()))]
    if any(keys for _, keys in rows):
        page.section("Dependencies")
        for label, keys in rows:
            if keys:
                page.paragraph(f"{label}: {', '.join(keys)}", hanging=4)


def _status(own: Status, page: Page) -> None:
    if own.weakest == own.id:
        page.paragraph(f"{own.level}: {LEVELS[own.level]}.", hanging=4)
    else:
        way = (" → " if page.unicode else " -> ").join(own.chain)
        page.paragraph(
            f"{own.level}, because it rests on {own.weakest} ({way}), which is {LEVELS[own.level]}.", hanging=4
        )
        page.paragraph(f"By itself it is {own.own}: {LEVELS[own.own]}.", hanging=4)
    for check in own.failed:
        page.paragraph(f"Not proved: {check.text} ({check.why}).", hanging=4)
    if own.trusted:
        page.paragraph(f"Taken on trust: {', '.join(own.trusted)}.", hanging=4)


def symbol_text(info: SymbolInfo, page: Page) -> str:
    """A symbol: its meaning, and the items in whose formulas it occurs."""
    sign = symbol_name(info.name) if page.unicode else info.name
    page.lines.append(page.heading(f"{info.name}: {info.meaning}"))
    page.lines.append("symbol" + (f", shown as {sign}" if sign != info.name else "") + f", LaTeX {info.latex}")
    page.paragraph(f"Domain: {info.domain}", 0)
    side = {
        "exact": "Its exact value is needed.",
        "lower": "A number in its place has to be a lower bound of it, for guarantees to remain true.",
        "upper": "A number in its place has to be an upper bound of it, for guarantees to remain true.",
    }
    page.paragraph(side[info.direction], 0)
    page.section("Occurs in")
    for key, item in registry.items():
        if info.name in item.symbols:
            page.paragraph(f"{key}: {item.title}", hanging=4)
    return "\n".join(page.lines) + "\n"


def bounds_line(item: Item) -> str:
    """The command that evaluates the formulas, its values to be filled in (`dipcert bounds ID` alone gives an example)."""
    names = sorted({symbol.name for expr in item.formulas.values() for symbol in sp.sympify(expr).free_symbols})
    return " ".join([f"dipcert bounds {item.id}", *(f"--set {name}=..." for name in names)])


def to_dict(item: Item, status: Mapping[str, Status]) -> dict[str, Any]:
    """The same as data."""
    own = status[item.id]
    return {
        "id": item.id,
        "title": item.title,
        "kind": item.kind,
        "origin": item.origin,
        "direction": item.direction,
        "text": item.text,
        "hypotheses": [
            {"id": key, "title": registry[key].title, "text": registry[key].text} for key in item.hypotheses
        ],
        "condition": _expression(item.condition),
        "when": _expression(item.when),
        "conclusion": _expression(item.conclusion),
        "formulas": [
            {
                "name": name,
                "sympy": linear(expr, unicode=False),
                "latex": latex(expr),
                "direction": item.direction_of(name),
                "reads": item.reads[name],
            }
            for name, expr in item.formulas.items()
        ],
        "symbols": [symbol_to_dict(SYMBOLS[name]) for name in item.symbols],
        "proof": item.proof,
        "proof_uses": [
            {"id": key, "title": registry[key].title, "status": status[key].level} for key in item.proof_uses
        ],
        "obligations": [{"text": one.text, "proved": one.ok, "why_not": one.why or None} for one in own.checks],
        "uses": list(item.uses),
        "used_by": {field: list(keys) for field, keys in used_by(item.id, registry).items()},
        "tight": item.tight,
        "sources": [
            {"key": r.key, "authors": list(r.authors), "title": r.title, "year": r.year} for r in cited_by(item.cites)
        ],
        "status": own.level,
        "own_status": own.own,
        "weakest": own.weakest,
        "chain": list(own.chain),
        "trusted": list(own.trusted),
        "bounds": bounds_line(item) if item.formulas else None,
    }


def symbol_to_dict(info: SymbolInfo) -> dict[str, Any]:
    """A symbol as data."""
    return {
        "name": info.name,
        "latex": info.latex,
        "meaning": info.meaning,
        "direction": info.direction,
        "domain": info.domain,
    }


def _expression(expr: Any) -> dict[str, str] | None:
    return None if expr is None else {"sympy": linear(expr, unicode=False), "latex": latex(expr)}
