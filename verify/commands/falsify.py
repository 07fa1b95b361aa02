"""``dipcert falsify ID --drop HYPOTHESIS``: is a hypothesis needed?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from verify.commands.guard import HOLDS, NOT_MET, TRACE, InputError, as_json, emit, guarded, quiet_warnings

if TYPE_CHECKING:
    from verify.falsify import Falsification


@click.command()
@click.argument("identifier", metavar="ID")
@click.option(
    "--drop", "drops", multiple=True, required=True, metavar="HYPOTHESIS", help="What is no longer asked for."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the random search.")
@click.option("--max", "maximum", type=click.IntRange(min=1), default=400, show_default=True, help="Instances to try.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("cases"), show_default=True, metavar="DIR",
              help="Where the counterexample goes.")  # fmt: skip
@click.option("--json", "json_", is_flag=True, help="Print the result as JSON, and nothing else, to stdout.")
@click.option("--debug", is_flag=True, help=f"After an internal error, write its trace to {TRACE}.")
def command(
    identifier: str, drops: tuple[str, ...], seed: int, maximum: int, out: Path, json_: bool, debug: bool
) -> None:
    """Search for an instance that shows a hypothesis of the statement ID to be needed.

    A hypothesis is an assumption (A.*), a condition (baseline.condition), or "when":
    when along a run the conclusion is claimed. The instance satisfies every other
    hypothesis and violates the conclusion by more than the error budget, at the
    tightest tolerance as well. It is shrunk to small numbers and saved.

    \b
    dipcert falsify baseline.loss_rate --drop baseline.condition
    dipcert falsify sharp.length --drop A.operator.range

    \b
    Exit codes: 0 a counterexample was found and saved, 2 bad input, 3 none was
    found (which proves nothing), 130 interrupted.
    """

    def body() -> int:
        with quiet_warnings():
            return execute(identifier, drops, seed=seed, maximum=maximum, out=out, json_=json_)

    sys.exit(guarded(body, debug=debug, interrupted="interrupted; no counterexample was saved"))


def execute(
    identifier: str,
    drops: tuple[str, ...],
    *,
    seed: int = 0,
    maximum: int = 400,
    out: Path = Path("cases"),
    json_: bool,
) -> int:
    """The exit code; everything that goes wrong with the input is raised."""
    check(identifier, drops)
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file; choose a directory")
    from verify.database import database
    from verify.falsify import falsify

    with counter(maximum) as count:
        found = falsify(identifier, drops, seed=seed, maximum=maximum, kept=database(), progress=count)
    path = None
    if found.case is not None:
        try:
            path = found.case.save(out)
        except OSError as error:
            raise InputError(f"--out {out} cannot be written ({(error.strerror or str(error)).lower()})") from None
    if json_:
        emit(lambda: as_json({**found.to_json(), "case": None if path is None else str(path)}))
    else:
        emit(lambda: text(found, path))
    return HOLDS if found.found else NOT_MET


@contextmanager
def counter(total: int) -> Iterator[Callable[[int], None] | None]:
    """What shows how many instances were tried, on a terminal; None elsewhere."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=total, label="instances", file=sys.stderr, show_eta=False) as bar:
        yield lambda done: bar.update(max(0, min(done, total) - bar.pos))


def check(identifier: str, drops: tuple[str, ...]) -> None:
    """InputError for a statement that cannot be falsified, or a hypothesis that it does not have."""
    from difflib import get_close_matches

    from theory.statement import Statement
    from verify.bounds import find
    from verify.falsify import requirements, unmeasured

    item = find(identifier)
    if not isinstance(item, Statement) or item.conclusion is None:
        raise InputError(
            f"{identifier} has no conclusion with two sides, so there is nothing to violate; choose another"
        )
    if item.kind in ("condition", "trusted"):
        raise InputError(f"{identifier} is a {item.kind}: it claims nothing of a run; choose a statement that uses it")
    have = requirements(identifier)
    for name in drops:
        if name not in have:
            near = get_close_matches(name, have, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise InputError(f"{identifier} does not ask for {name}; {hint}it asks for {', '.join(have) or 'nothing'}")
    missing = unmeasured(identifier)
    if missing:
        raise InputError(f"{identifier} cannot be held against a run: nothing measures or answers {missing}")


def text(found: Falsification, path: Path | None) -> str:
    """What is printed."""
    from theory.ledger import registry

    dropped = ", ".join(found.drop)
    lines = [f"{found.statement} without {dropped}", f"  claimed: {registry[found.statement].conclusion}", ""]
    if found.case is None:
        lines.append(
            f"No counterexample among {found.tried} instances, on {found.broken} of which what was dropped fails alone."
        )
        if found.reason is not None:
            lines.append(f"There can be none ({found.reason.kind}): {found.reason.text}.")
        elif not found.tried:
            lines.append("No family of instances violates it alone. That is no proof that it is not needed.")
        else:
            lines.append("That is no proof that it is not needed.")
        return "\n".join(lines) + "\n"
    finding = found.case.finding
    lines += [
        "Counterexample: " + found.case.world.label,
        f"  fails: {', '.join(found.failing)}; everything else that the statement asks for holds",
        f"  at {_when(found)}: left side {finding.lhs:.6g}, right side {finding.rhs:.6g}",
        f"  slack {finding.slack:.3g}, error budget {finding.budget:.1e}, at the tightest tolerance",
        f"  {found.tried} instances tried, {found.seconds:.1f} s",
        "",
        f"Saved: {path}",
        f"Again: dipcert replay {path}",
    ]
    return "\n".join(lines) + "\n"


def _when(found: Falsification) -> str:
    assert found.case is not None
    descent = found.case.engine.kind == "descent"
    return f"step {found.case.finding.t:g}" if descent else f"t = {found.case.finding.t:.4g}"
