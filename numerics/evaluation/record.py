"""What an evaluation returns: values, conditions with their slack, what was derived and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal

import mpmath
import numpy as np

from numerics.compile import Enclosure, HypothesisNotMet

__all__ = ["BallEnclosure", "Condition", "Derived", "Evaluation", "FormulaValue", "Status", "show"]

Verdict = Literal["holds", "hypothesis_not_met", "undecided"]
Status = Literal["value", "hypothesis_not_met", "missing", "overflow", "underflow", "undecided"]


@dataclass(frozen=True)
class BallEnclosure(Enclosure):
    """An enclosure by doubles together with the Arb ball that it was rounded from, which may hold many more digits."""

    ball: Any = None
    digits: int = 50

    def __str__(self) -> str:
        return str(self.ball.str(self.digits))

    def __repr__(self) -> str:
        return f"BallEnclosure({self})"


def show(value: Any, digits: int = 6) -> str:
    """A value for people: about `digits` digits of a number, the ball of an enclosure, the ends of an array.

    >>> show(1 / 3), show(np.array([1.0, 2.0, 3.0])), show(None)
    ('0.333333', '[1 ... 3] (3 values)', '')
    """
    if value is None:
        return ""
    if isinstance(value, BallEnclosure):
        return str(value.ball.str(max(digits, 6)))
    if isinstance(value, Enclosure):
        return f"[{value.lower:.17g}, {value.upper:.17g}]"
    if isinstance(value, np.ndarray):
        if value.size == 1:
            return show(value.reshape(-1)[0], digits)
        kept = np.ma.masked_array(value).compressed()
        return f"[{kept[0]:.{digits}g} ... {kept[-1]:.{digits}g}] ({kept.size} values)" if kept.size else "no value"
    if isinstance(value, mpmath.mpf):
        return str(mpmath.nstr(value, digits))
    return f"{float(value):.{digits}g}" if isinstance(value, float) else str(value)


def _json(value: Any, digits: int) -> Any:
    if isinstance(value, BallEnclosure):
        return {"lower": value.lower, "upper": value.upper, "ball": value.ball.str(digits)}
    if isinstance(value, mpmath.mpf):
        return mpmath.nstr(value, digits, strip_zeros=False)
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value if value is None or isinstance(value, float | int | str) else str(value)


@dataclass(frozen=True)
class FormulaValue:
    """One formula at the constants: its value, or why there is none.

    `value` is a float, mpf, :class:`BallEnclosure`, or a masked array (masked where the formula claims nothing); `holds`
    is then the array of what is kept.  `missing` are the symbols that it waits for.
    """

    name: str
    status: Status
    value: Any
    reads: str
    latex: str
    direction: str
    why: str = ""
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Condition:
    """A relation that decides whether the statement is in force, at the constants.

    `slack` is positive if the relation holds with room (and its negative says by how much it fails), `relative` is the
    slack as a fraction of the larger side.  With arrays `holds` is elementwise, and `verdict` is that of the worst.
    `missing` are the constants for lack of which it could not be checked.
    """

    id: str
    relation: str
    verdict: Verdict
    why: str
    lhs: Any = None
    rhs: Any = None
    slack: Any = None
    relative: Any = None
    missing: tuple[str, ...] = ()
    holds: Any = None
    undecided: Any = None


@dataclass(frozen=True)
class Derived:
    """A symbol that was not given: its value and where it came from."""

    value: Any
    source: str


@dataclass(frozen=True, repr=False)
class Evaluation:
    """A statement of the registry at given constants.

    ``evaluation["bound"]`` is the value of a formula, or raises what stands in its way: :class:`HypothesisNotMet`,
    OverflowError, or ValueError naming the symbols that are missing.
    """

    id: str
    title: str
    kind: str
    direction: str
    backend: str
    digits: int
    loss: str
    activation: str | None
    given: Mapping[str, Any]
    derived: Mapping[str, Derived]
    formulas: Mapping[str, FormulaValue]
    conditions: tuple[Condition, ...]
    missing: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def values(self) -> dict[str, Any]:
        """Name → value of the formulas that have one."""
        return {name: item.value for name, item in self.formulas.items() if item.status == "value"}

    @property
    def unchecked(self) -> tuple[Condition, ...]:
        """The conditions that wait for constants."""
        return tuple(item for item in self.conditions if item.missing)

    @property
    def verdict(self) -> Verdict:
        """`holds` if every condition was checked and holds; the worst that was found otherwise."""
        found = {item.verdict for item in self.conditions} | {
            item.status for item in self.formulas.values() if item.status in ("hypothesis_not_met", "undecided")
        }
        if "hypothesis_not_met" in found:
            return "hypothesis_not_met"
        return "undecided" if "undecided" in found else "holds"

    def __getitem__(self, name: str) -> Any:
        if name not in self.formulas:
            from numerics.evaluation.inputs import nearest

            raise KeyError(f"{self.id} has no formula {name!r}; {nearest(name, self.formulas, 'it has')}")
        item = self.formulas[name]
        if item.status == "value":
            return item.value
        kind: type[Exception] = ValueError
        if item.status == "hypothesis_not_met":
            kind = HypothesisNotMet
        elif item.status in ("overflow", "underflow"):
            kind = OverflowError
        raise kind(f"{self.id}.{name} {item.why}")

    def to_json(self) -> dict[str, Any]:
        """Plain data: numbers of many digits as texts, arrays as lists with null where a formula claims nothing."""

        def plain(value: Any) -> Any:
            return _json(value, self.digits)

        return {
            "id": self.id,
            "title": self.title,
            "kind": self.kind,
            "direction": self.direction,
            "verdict": self.verdict,
            "backend": self.backend,
            "digits": self.digits if self.backend != "float64" else None,
            "loss": self.loss,
            "activation": self.activation,
            "given": {name: plain(value) for name, value in self.given.items()},
            "derived": {
                name: {"value": plain(item.value), "source": item.source} for name, item in self.derived.items()
            },
            "formulas": [
                {
                    "name": item.name,
                    "status": item.status,
                    "value": plain(item.value),
                    "reads": item.reads,
                    "why": item.why,
                    "missing": list(item.missing),
                }
                for item in self.formulas.values()
            ],
            "conditions": [
                {
                    "id": item.id,
                    "relation": item.relation,
                    "verdict": item.verdict,
                    "lhs": plain(item.lhs),
                    "rhs": plain(item.rhs),
                    "slack": plain(item.slack),
                    "relative_slack": plain(item.relative),
                    "why": item.why,
                    "missing": list(item.missing),
                }
                for item in self.conditions
            ],
            "missing": dict(self.missing),
            "notes": list(self.notes),
        }

    # --- for people ---------------------------------------------------------------------------------------------------

    def _shown_digits(self) -> int:
        return 6 if self.backend == "float64" else self.digits

    def __repr__(self) -> str:
        lines = [f"{self.id}: {self.title} ({self.verdict.replace('_', ' ')})"]
        digits = self._shown_digits()
        width = max((len(name) for name in self.formulas), default=0)
        for item in self.formulas.values():
            value = show(item.value, digits) if item.status == "value" else f"no value: {item.why}"
            also = f" [{item.why}]" if item.status == "value" and item.why else ""
            lines.append(f"  {item.name:{width}} = {value}  ({item.reads}){also}")
        lines += [f"  condition {item.id}: {item.why}" for item in self.conditions]
        lines += [f"  {name} = {show(item.value)} from {item.source}" for name, item in self.derived.items()]
        lines += [f"  needs {name}: {meaning}" for name, meaning in self.missing.items()]
        lines += [f"  {note}" for note in self.notes]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        digits = self._shown_digits()

        def row(*cells: str) -> str:
            return "<tr>" + "".join(f'<td style="text-align:left">{cell}</td>' for cell in cells) + "</tr>"

        rows = [
            row(
                f"<code>{escape(item.name)}</code>",
                f"${escape(item.latex)}$",
                escape(show(item.value, digits) if item.status == "value" else f"no value: {item.why}"),
                escape(item.reads),
            )
            for item in self.formulas.values()
        ]
        checks = [
            row(escape(item.id), escape(item.verdict.replace("_", " ")), escape(item.why)) for item in self.conditions
        ]
        sources = [
            row(f"<code>{escape(name)}</code>", escape(show(item.value)), escape(item.source))
            for name, item in self.derived.items()
        ]
        tables = [f"<table>{''.join(part)}</table>" for part in (rows, checks, sources) if part]
        return f"<p><b>{escape(self.id)}</b>: {escape(self.title)} ({escape(self.direction)})</p>{''.join(tables)}"

    def _repr_latex_(self) -> str:
        digits = self._shown_digits()
        lines = []
        for item in self.formulas.values():
            shown = show(item.value, digits) if item.status == "value" else item.status.replace("_", " ")
            latex = item.latex if len(item.latex) < 400 else rf"\text{{{item.name}}}".replace("_", r"\_")
            lines.append(rf"{latex} &= \text{{{shown}}}")
        return r"$\begin{aligned}" + r" \\ ".join(lines) + r"\end{aligned}$" if lines else ""
