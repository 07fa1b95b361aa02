"""Items and the registry as notebooks show them: HTML with formulas that MathJax typesets."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from theory.statement import latex

if TYPE_CHECKING:
    from theory.statement import Hypothesis, Statement

    Item = Hypothesis | Statement

__all__ = ["item_html", "registry_html"]


def item_html(item: Item) -> str:
    """Title, text, condition and conclusion, and a table of the formulas."""
    lines = [
        f"<div><strong>{_text(item.title)}</strong> (<code>{escape(item.id)}</code>, {item.kind})",
        f"<p>{_text(item.text)}</p>",
    ]
    if item.condition is not None:
        lines.append(f"<p>Condition: {_math(item.condition)}</p>")
    if item.when is not None:
        lines.append(f"<p>Claimed when: {_math(item.when)}</p>")
    if item.conclusion is not None and item.conclusion is not item.condition:
        lines.append(f"<p>Conclusion: {_math(item.conclusion)}</p>")
    if item.formulas:
        lines.append("<table><thead><tr><th>name</th><th>formula</th><th>what it is</th></tr></thead><tbody>")
        for name, expr in item.formulas.items():
            reading = _text(item.reads[name])
            lines.append(f"<tr><td><code>{escape(name)}</code></td><td>{_math(expr)}</td><td>{reading}</td></tr>")
        lines.append("</tbody></table>")
    if item.hypotheses:
        lines.append(f"<p>Hypotheses: {', '.join(f'<code>{escape(key)}</code>' for key in item.hypotheses)}</p>")
    return "\n".join([*lines, "</div>"])


def registry_html(items: Iterable[Item]) -> str:
    """A table of items: identifier, kind, title."""
    rows = [
        f"<tr><td><code>{escape(item.id)}</code></td><td>{item.kind}</td><td>{_text(item.title)}</td></tr>"
        for item in items
    ]
    head = "<table><thead><tr><th>id</th><th>kind</th><th>title</th></tr></thead><tbody>"
    return "\n".join([head, *rows, "</tbody></table>"])


def _math(expr: object) -> str:
    return f"$\\displaystyle {escape(latex(expr), quote=False)}$"


def _text(text: str) -> str:
    """Plain text: its dollars and backslashes are not the beginning of a formula."""
    return escape(text).replace("$", "&#36;").replace("\\", "&#92;")
