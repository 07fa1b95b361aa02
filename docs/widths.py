"""Write docs/widths.md: the smallest widths of two reference settings by every theorem, beside drawn instances.

python docs/widths.py           write the page (a few minutes: instances are drawn)
python docs/widths.py --check   fail if the a-priori columns are not what the calculators say (seconds)
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from numerics.width import CRITERIA, Setting, smallest_width
from numerics.width.tables import growth

PAGE = Path(__file__).resolve().parent / "widths.md"
SIZES = ((10, 5), (60, 10))
DELTA, INSTANCES, SEED = 0.1, 9, 0
FIXED = {
    "n": "m = 10",
    "m": "n = 400",
    "kappa": "n = 20, m = 10, ‖A‖ = 1, ‖A⁺y‖ ≤ 4 whatever κ (by default ‖A⁺y‖ ≤ ‖y‖/σF, which grows with κ)",
}
GROWTH = {"n": (400.0, 800.0, 1600.0, 3200.0), "m": (10.0, 20.0, 40.0, 80.0), "kappa": (4.0, 8.0, 16.0, 32.0)}

HEAD = f"""# How wide is wide enough

Made by `python docs/widths.py`: do not edit. Setting: tanh, Rademacher V, a linear A with orthonormal rows (σF = ‖A‖ = 1),
‖y‖ = √m. "1 − δ" is the smallest width certified with probability {1 - DELTA:g} before anything is drawn
(`dipcert width -n N -m M`); "median" the smallest width at which at least half of {INSTANCES} drawn instances are certified,
each with its own constants (`dipcert width -n N -m M --instances {INSTANCES}`). `dipcert width … --explain` shows the arithmetic.
"""


def number(value: float | None) -> str:
    """An integer with thin groups, or a dash."""
    return "–" if value is None else f"{int(value):,}".replace(",", " ")


def a_priori(train: str, name: str, *, first: bool = False) -> list[str]:
    """The width at each size; `first`: without order statistics."""
    return [
        number(smallest_width(Setting(n, m, train=train, order_statistics=not first), DELTA, name).value)  # type: ignore[arg-type]
        for n, m in SIZES
    ]


def rows(train: str) -> list[tuple[str, str, list[str]]]:
    """(title, criterion, a-priori widths) for every criterion that applies."""
    out = []
    for name, criterion in CRITERIA.items():
        if smallest_width(Setting(10, 5, train=train), DELTA, name).value is None:  # type: ignore[arg-type]
            continue
        if name == "amgm":
            out.append((f"{criterion.title}, Gaussian concentration only", "", a_priori(train, name, first=True)))
        out.append((criterion.title, name, a_priori(train, name)))
    return out


def medians(train: str, name: str) -> list[str]:
    """The median of drawn instances at each size; a dash where a theorem is not evaluated on instances."""
    from verify.instance_widths import EVALUATORS, drawn_widths

    if name not in EVALUATORS:
        return ["–"] * len(SIZES)
    found = [drawn_widths(Setting(n, m, train=train), name, INSTANCES, SEED) for n, m in SIZES]  # type: ignore[arg-type]
    return [f"> {number(item.most)}" if item.median is None else number(item.median) for item in found]


def widths_table(train: str) -> list[str]:
    """The table of one training mode."""
    sizes = [f"({n}, {m})" for n, m in SIZES]
    head = [f"{size} {what}" for size in sizes for what in ("1 − δ", "median")]
    lines = ["| criterion | " + " | ".join(head) + " |", "|---|" + "---:|" * len(head)]
    entries = rows(train)
    drawn_only = {
        "both": ("the flow converges", "flow"),
        "W": ("sharp theorem, one-sided modulus (`dip2.saturated_modulus`)", "sharp_saturated"),
    }
    entries.append((*drawn_only[train], ["–"] * len(SIZES)))
    for title, name, prior in entries:
        cells = [cell for pair in zip(prior, medians(train, name), strict=True) for cell in pair]
        lines.append(f"| {title}{f' (`{name}`)' if name in CRITERIA else ''} | " + " | ".join(cells) + " |")
    return lines


def growth_table(train: str, variable: str) -> list[str]:
    """Fitted exponents of the widths and of the claimed orders along one variable."""
    # as m grows ‖y‖ = √m does; as κ grows ‖A⁺y‖ stays
    base = {"n": Setting(400, 10), "m": Setting(400, 10), "kappa": Setting(20, 10, x_plus=4.0)}[variable].with_(
        train=train
    )
    lines = ["| criterion | widths | exponent | of the claimed order |", "|---|---|---:|---:|"]
    for name in CRITERIA:
        found = growth(base, DELTA, variable, GROWTH[variable], name)
        if found.answers[0].value is None:
            continue
        cells = [", ".join(number(answer.value) for answer in found.answers)]
        cells += ["–" if e is None else f"{e.value:.2f}" for e in (found.exponent, found.claimed)]
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return lines


def page() -> str:
    """The whole page."""
    lines = [HEAD]
    for train, title in (("both", "Both layers trained"), ("W", "First layer only")):
        lines += [f"## {title}", "", *widths_table(train), ""]
        for variable, values in GROWTH.items():
            where = ", ".join(f"{value:g}" for value in values)
            lines += [f"Along {variable} = {where}; {FIXED[variable]}:", "", *growth_table(train, variable), ""]
    return "\n".join(lines).rstrip() + "\n"


def check() -> int:
    """Whether the a-priori columns of the page are what the calculators say."""
    text = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
    parts = re.split(r"^## .*$", text, flags=re.MULTILINE)[1:]
    for train, part in zip(("both", "W"), parts, strict=True):
        for title, name, prior in rows(train):
            start = f"| {title}{f' (`{name}`)' if name in CRITERIA else ''} | "
            line = next((line for line in part.splitlines() if line.startswith(start)), "")
            if [cell.strip() for cell in line[len(start) :].split("|")][0:4:2] != prior:
                print(f"docs/widths.md is not what the calculators say of {title!r}; run: python docs/widths.py")
                return 1
    return 0


def main(arguments: list[str]) -> int:
    """Write or check; the exit code."""
    if arguments == ["--check"]:
        return check()
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
