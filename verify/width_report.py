"""What ``dipcert width`` computes and prints: tables of widths, what a width promises, the arithmetic behind a number."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numerics.compile import formula
from numerics.width import (
    CRITERIA,
    Answer,
    NotApplicable,
    Setting,
    assess,
    largest_noise,
    largest_residual,
    smallest_scale,
    smallest_sigma_F,
    smallest_width,
    stopping_time,
    success_probability,
)
from numerics.width.arithmetic import Step
from numerics.width.tables import Growth, growth
from theory.reading import linear

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Report", "forward", "save", "smallest", "solve", "vary"]

Say = Callable[[str], object]


@dataclass(frozen=True)
class Report:
    """A table with a caption, the notes under it, the arithmetic of each row, and all of it as data.

    `certified`: whether any theorem certifies what was asked.  `growths`: of a table along a variable, for CSV and figure.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    data: dict[str, Any]
    certified: bool
    steps: tuple[tuple[str, tuple[Step, ...]], ...] = ()
    growths: tuple[Growth, ...] = field(default=(), repr=False)

    def show(self, console: Console, explain: bool = False) -> None:
        """Print the table, the arithmetic if asked for, and the notes."""
        from rich.table import Table

        console.print(self.caption, highlight=False, markup=False)
        table = Table(box=None, pad_edge=False, show_edge=False)
        for i, name in enumerate(self.header):
            left = name in ("criterion", "theorem", "remark", "statement")
            table.add_column(
                name, justify="left" if left else "right", no_wrap=i == 0, overflow="fold", min_width=len(name)
            )
        for row in self.rows:
            table.add_row(*(cell.replace("[", r"\[") for cell in row))
        console.print(table)
        if explain:
            for title, steps in self.steps:
                console.print(f"\n{title}", highlight=False, markup=False)
                for step in steps:
                    console.print(explained(step), highlight=False, markup=False, soft_wrap=True)
        for note in self.notes:
            console.print(f"\n{note}", highlight=False, markup=False)


def explained(step: Step) -> str:
    """One step as a line: the number, the formula with its source, and what entered it."""
    sign = {"lower": "≥", "upper": "≤"}[step.side]
    inputs = ", ".join(f"{key} = {number(value)}" for key, value in step.inputs.items())
    if step.name:
        source = f"{linear(formula(step.statement, step.name))}   [{step.statement}, {step.name}]"
    else:
        source = step.how + (f"   [{step.statement}]" if step.statement else "")
    return f"  {step.symbol} {sign} {number(step.value)} = {source}" + (f"\n      with {inputs}" if inputs else "")


def number(value: float | None, digits: int = 6) -> str:
    """A number for a table: integers whole, others to a few digits, nothing as a dash."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value)}"
    return f"{value:.{digits}g}"


def chance(probability: float) -> str:
    """A probability; close to 1, what is missing from it."""
    return number(probability) if probability < 0.9999 else f"1 − {1 - probability:.1e}"


def _solved(answer: Answer, what: str) -> str:
    """The value that was asked for; "any" where the search met no limit."""
    if answer.why and answer.value is not None:
        return "any"
    return chance(answer.value or 0.0) if what == "probability" else number(answer.value)


def _loss(setting: Setting) -> str:
    """The loss and its parameters; nothing for least squares."""
    if setting.loss == "least_squares":
        return ""
    given = ", ".join(f"{name} = {number(value)}" for name, value in setting.loss_parameters)
    return f"{setting.loss} ({given})" if given else setting.loss


def about(setting: Setting, delta: float | None, varied: str = "") -> str:
    """The setting in one line, but for what varies."""
    A = "‖A‖" if setting.linear else "L_F"
    parts = {
        "n": f"n = {setting.n}",
        "m": f"m = {setting.m}",
        "network": f"{setting.activation}, {'both layers' if setting.train == 'both' else 'W only'}, V {setting.V}",
        "A": f"linear A of rank {setting.q}" if setting.linear else "Lipschitz F",
        "kappa": f"σF = {number(setting.sigma_F)}",
        "L_F": f"{A} = {number(setting.L_F)}",
        "y_norm": f"‖y‖ ≤ {number(setting.y_total)}",
        "loss": _loss(setting),
        "x_plus": f"‖A⁺y‖ ≤ {number(setting.preimage)}" if setting.train == "W" and setting.linear else "",
        "noise": f"‖ε‖ = {number(setting.noise)}" if setting.noise else "",
        "antisymmetric": "antisymmetric" if setting.antisymmetric else "",
        "scale": f"output scale {number(setting.scale)}" if setting.scale != 1 else "",
        "residual": "" if setting.residual is None else f"‖y(0) − y‖ ≤ {number(setting.residual)}",
        "delta": "" if delta is None else f"δ = {number(delta)}",
    }
    if varied in ("m", "noise", "y_norm", "kappa") and setting.x_plus is None:
        parts |= {"x_plus": ""}
    if varied in ("n", "m", "noise"):  # what follows them
        parts |= {"A": "linear A" if setting.linear and setting.rank is None else parts["A"]}
        parts |= {"y_norm": "" if varied == "noise" or setting.y_norm is None else parts["y_norm"]}
    return ", ".join(text for name, text in parts.items() if text and name != varied)


def _base(setting: Setting, delta: float | None) -> dict[str, Any]:
    return {"setting": dataclasses.asdict(setting), "delta": delta}


def _answer(answer: Answer) -> dict[str, Any]:
    found = answer.assessment
    return {
        "criterion": answer.criterion.name,
        "statement": answer.criterion.statement,
        "value": answer.value,
        "why": answer.why,
        "assessment": None if found is None else {k: v for k, v in dataclasses.asdict(found).items() if k != "stop"},
        "steps": [dataclasses.asdict(step) for step in answer.steps],
    }


def _steps(answers: Sequence[Answer]) -> tuple[tuple[str, tuple[Step, ...]], ...]:
    return tuple(
        (
            f"{answer.criterion.name}: {answer.criterion.title}"
            + ("" if answer.value is None else f", {number(answer.value)}"),
            answer.steps,
        )
        for answer in answers
        if answer.steps
    )


_SIDES = "Every number errs on the safe side: formulas are enclosed in ball arithmetic and rounded outward."


def smallest(
    setting: Setting, delta: float, names: Sequence[str], instances: int | None, seed: int, say: Say
) -> Report:
    """The smallest width by every criterion, beside the median of drawn instances if there are any."""
    answers = []
    for name in names:
        say(f"smallest width: {name}")
        answers.append(smallest_width(setting, delta, name))
    drawn = {} if not instances else _drawn(setting, names, instances, seed, say)
    header = ("criterion", "k", *(("median",) if drawn else ()), "theorem", "statement")
    rows, refused = [], []
    for answer in answers:
        name = answer.criterion.name
        median = _median(drawn.get(name)) if drawn else ""
        if answer.value is None and not (drawn and name in drawn):
            refused.append(f"{name}: {answer.why}")
            continue
        rows.append(
            (
                name,
                number(answer.value),
                *((median,) if drawn else ()),
                answer.criterion.title,
                answer.criterion.statement,
            )
        )
    rows += [(name, "–", _median(drawn[name]), *_ONLY_DRAWN[name]) for name in _ONLY_DRAWN if name in drawn]
    data = {
        **_base(setting, delta),
        "widths": [_answer(answer) for answer in answers],
        "instances": {name: {"widths": list(item.widths), "median": item.median, "most": item.most, "seed": seed}
                      for name, item in drawn.items()},
    }  # fmt: skip
    notes = [
        "balanced*: for every y at once; the others: for data of the norm given (independent of the initialization, unless "
        "antisymmetric or wonly). `-k K` says how fast and when to stop at a width, `--explain` shows the arithmetic.",
        _SIDES,
    ]
    if drawn:
        notes.append(
            f"median: the width from which at least half of {instances} drawn instances (seeds {seed} to "
            f"{seed + (instances or 1) - 1}) are certified, each with its own constants (bisection to half a percent, a new "
            "draw of the seed at each width)."
        )
    if refused:
        notes.append("Not applicable here:\n" + "\n".join(f"  {line}" for line in refused))
    caption = (
        f"Smallest width k at which gradient flow reaches zero loss with probability at least 1 − δ = {chance(1 - delta)}: "
        f"{about(setting, delta)}"
    )
    return Report(
        caption, header, tuple(rows), tuple(notes), data, any(a.value is not None for a in answers), _steps(answers)
    )


# What is evaluated on drawn instances only: there is no explicit a-priori bound.
_ONLY_DRAWN = {
    "sharp_saturated": ("sharp theorem with the one-sided modulus", "dip2.saturated_modulus"),
    "flow": ("the flow itself reaches 1e-7 of its initial loss", "dip2.no_threshold"),
}


def _median(item: Any) -> str:
    if item is None:
        return "–"
    return f"> {item.most}" if item.median is None else number(item.median)


def _drawn(setting: Setting, names: Sequence[str], instances: int, seed: int, say: Say) -> dict[str, Any]:
    from verify.instance_widths import EVALUATORS, drawn_widths

    out = {}
    wanted = [name for name in names if name in EVALUATORS and _applies(setting, CRITERIA[name])]
    wanted += ["flow"] if setting.train == "both" else ["sharp_saturated"]
    for name in wanted:
        say(f"{instances} drawn instances: {name}")
        out[name] = drawn_widths(setting, name, instances, seed)
    return out


def _applies(setting: Setting, criterion: Any) -> bool:
    try:
        assess(setting, 1000, 0.1, criterion.name, certified=False)
    except NotApplicable:
        return False
    return True


def forward(setting: Setting, k: int, delta: float, names: Sequence[str], say: Say) -> Report:
    """What every criterion says about one width."""
    level = setting.noise if setting.noise else None
    header = (
        "criterion",
        "certified",
        "probability",
        "need",
        "have",
        "h",
        "rate",
        "length",
        *(("t_stop",) if level else ()),
    )
    rows, entries, answers, refused, any_certified = [], [], [], [], False
    for name in names:
        say(f"width {k}: {name}")
        try:
            found, steps = assess(setting, k, delta, name)
        except NotApplicable as reason:
            refused.append(f"{name}: {reason}")
            continue
        success = success_probability(setting, k, name)
        stop = stopping_time(setting, found, level) if level else None
        any_certified |= found.certified
        answer = Answer(CRITERIA[name], None, found, steps)
        answers.append(answer)
        entries.append({**_answer(answer), "success_probability": success.value, "t_stop": stop})
        cells = [found.need, found.have, found.h, found.rate or None, found.length if found.certified else None]
        cells += [stop] if level else []
        sure = "yes" if found.certified else "no"
        rows.append(
            (name, sure, chance(success.value or 0.0), *(number(None if cell == math.inf else cell) for cell in cells))
        )
    notes = [
        "certified: need < have with probability 1 − δ; probability: the largest 1 − δ at which this width is certified; rate: "
        "the factor σ² in L' ≤ −σ²/ψ'(L)², for least squares the exponent of ρ(t); length: bound of the path of the parameters."
        + ("" if not level else f" t_stop: from then on the residual is at most ‖ε‖ = {number(level)}."),
        _SIDES,
    ]
    if refused:
        notes.append("Not applicable here:\n" + "\n".join(f"  {line}" for line in refused))
    data = {**_base(setting, delta), "k": k, "widths": entries}
    caption = f"Width k = {k}: {about(setting, delta)}"
    return Report(caption, header, tuple(rows), tuple(notes), data, any_certified, _steps(answers))


_SOLVERS: dict[str, tuple[Callable[..., Answer], str]] = {
    "noise": (largest_noise, "largest ‖ε‖ tolerated"),
    "residual": (largest_residual, "largest ‖y(0) − y‖ tolerated"),
    "sigma_F": (smallest_sigma_F, "smallest σF tolerated"),
    "scale": (smallest_scale, "smallest output scale"),
}


def solve(setting: Setting, k: int, delta: float, names: Sequence[str], what: str, say: Say) -> Report:
    """Inverse design at a given width."""
    answers = []
    for name in names:
        say(f"{what}: {name}")
        if what == "probability":
            answers.append(success_probability(setting, k, name))
        else:
            answers.append(_SOLVERS[what][0](setting, k, delta, name))
    title = "largest probability 1 − δ" if what == "probability" else _SOLVERS[what][1]
    rows = [
        (a.criterion.name, _solved(a, what), a.criterion.title, a.why)
        for a in answers
        if a.value is not None or a.assessment
    ]
    refused = [f"  {a.criterion.name}: {a.why}" for a in answers if a.value is None]
    notes = [_SIDES, *(["None for:\n" + "\n".join(refused)] if refused else [])]
    data = {
        **_base(setting, None if what == "probability" else delta),
        "k": k,
        "solve": what,
        "answers": [_answer(a) for a in answers],
    }
    caption = f"Width k = {k}, {title}: {about(setting, None if what == 'probability' else delta)}"
    header = ("criterion", what, "theorem", "remark")
    return Report(caption, header, tuple(rows), tuple(notes), data, bool(rows), _steps(answers))


def vary(
    setting: Setting, delta: float, names: Sequence[str], variable: str, values: Sequence[float], say: Say
) -> Report:
    """Smallest widths along a variable, with fitted exponents."""
    found = []
    for name in names:
        say(f"smallest widths along {variable}: {name}")
        found.append(growth(setting, delta, variable, values, name))
    shown = [g for g in found if any(a.value is not None for a in g.answers)]
    rows = [(number(value), *(number(g.answers[i].value) for g in shown)) for i, value in enumerate(values)]
    rows.append(("exponent", *(_exponent(g.exponent) for g in shown)))
    rows.append(("claimed", *(_exponent(g.claimed) for g in shown)))
    refused = [f"  {g.criterion}: {g.answers[0].why}" for g in found if g not in shown]
    notes = [
        f"exponent: of the widths in {variable} (least squares on logarithms, 95% interval); claimed: of the statement's order "
        "form at the same constants. What is below the claimed one confirms it as an upper bound and shows what it over-counts.",
        _SIDES,
        *(["Not applicable here:\n" + "\n".join(refused)] if refused else []),
    ]
    data = {
        **_base(setting, delta),
        "variable": variable,
        "values": list(values),
        "widths": {g.criterion: [a.value for a in g.answers] for g in shown},
        "exponents": {g.criterion: None if g.exponent is None else dataclasses.asdict(g.exponent) for g in shown},
        "claimed": {g.criterion: None if g.claimed is None else dataclasses.asdict(g.claimed) for g in shown},
    }
    caption = f"Smallest width k along {variable}: {about(setting, delta, variable)}"
    return Report(
        caption,
        (variable, *(g.criterion for g in shown)),
        tuple(rows),
        tuple(notes),
        data,
        bool(shown),
        (),
        tuple(shown),
    )


def _exponent(fit: Any) -> str:
    return "–" if fit is None else f"{fit.value:.2f} ± {fit.high - fit.value:.2f}"


def as_csv(report: Report) -> str:
    """The table of :func:`vary` as CSV: the variable and one column a criterion, exponents left out."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(report.header)
    first = report.growths[0]
    for i, value in enumerate(first.values):
        writer.writerow(
            [repr(value), *("" if g.answers[i].value is None else repr(g.answers[i].value) for g in report.growths)]
        )
    return text.getvalue()


def save(report: Report, csv_file: Path | None, plot: Path | None) -> None:
    """Write the table and the figure where the user says."""
    from verify.commands.guard import InputError, replace_file

    if not report.growths:
        raise InputError("no criterion applies to this setting: there is nothing to tabulate")
    if plot is not None:
        from verify.width_figure import draw

        figure = draw(report.growths, report.caption)
        kind = plot.suffix[1:].lower()
        metadata = {"Date": None} if kind == "svg" else None
        replace_file(plot, lambda path: figure.savefig(path, format=kind, metadata=metadata))
    if csv_file is not None:
        replace_file(csv_file, lambda path: path.write_text(as_csv(report), encoding="utf-8"))
