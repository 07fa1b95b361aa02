"""``dipcert verify``: the property suites, outside pytest."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from verify.commands.guard import (
    HOLDS,
    INTERRUPTED,
    NOT_MET,
    TRACE,
    VIOLATED,
    InputError,
    as_json,
    complain,
    emit,
    guarded,
    quiet_warnings,
    rendered,
)
from verify.terminal import Progress

if TYPE_CHECKING:
    from verify.properties.tally import Tally

CASES: Final = Path("dipcert-cases")


@click.command()
@click.option("--suite", "names", multiple=True, metavar="NAME", help="Only this suite; may be repeated [all].")
@click.option(
    "--depth",
    type=click.Choice(("dev", "ci", "deep")),
    default="dev",
    show_default=True,
    help="dev: under 2 minutes; ci: under 8; deep: until --minutes are over.",
)
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), metavar="M", help="Stop after M minutes.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="N", help="Draw from this seed."
)
@click.option(
    "--cases",
    type=click.Path(path_type=Path, file_okay=False),
    default=CASES,
    show_default=True,
    metavar="DIR",
    help="Where violations are saved, one JSON file each.",
)
@click.option("--list", "list_", is_flag=True, help="Say which suites there are, and which statements they check.")
@click.option("--json", "json_", is_flag=True, help="Print the result as JSON, and nothing else, to stdout.")
@click.option("--debug", is_flag=True, help=f"After an internal error, write its trace to {TRACE}.")
def command(debug: bool, **options: Any) -> None:
    """Hold the statements of the theory against simulated runs of small random instances.

    Instances are built so that the hypotheses hold, with margins drawn up to the
    boundary. A statement that is in force in fewer than three examples fails as
    vacuous. What seems violated or undecided is run again more accurately before it
    is believed; a violation is shrunk to a small instance and saved, to be replayed
    with `dipcert replay FILE`. Examples found earlier are tried first.

    A statement whose sides agree wherever they were compared is "attained"; one whose
    draws decide nothing is "not refuted".

    \b
    Exit codes: 0 all hold, are attained or not refuted, 1 something is violated,
    2 bad input, 3 vacuous or undecided only, 130 interrupted (what was found is
    printed), 70 internal error.
    """
    sys.exit(guarded(lambda: execute(**options), debug=debug, interrupted="interrupted before anything was found"))


def execute(
    *,
    names: tuple[str, ...] = (),
    depth: str = "dev",
    minutes: float | None = None,
    seed: int = 0,
    cases: Path = CASES,
    list_: bool = False,
    json_: bool = False,
) -> int:
    """The exit code; bad input is raised."""
    from verify.properties import SUITES, UNMEASURED, report
    from verify.properties.random import NAME, missing

    wanted = _wanted(names, (*SUITES, NAME))
    if list_:
        emit(lambda: _listing(wanted, json_))
        return HOLDS
    if depth == "deep" and minutes is None:
        raise InputError("--depth deep looks as long as it is asked to: say how long with --minutes")
    if minutes is not None and not math.isfinite(minutes):
        raise InputError(f"--minutes {minutes:g} is no length of time; give a number above 0")
    there = next((path for path in (cases, *cases.parents) if path.exists()), cases)
    if there.exists() and not there.is_dir():
        what = "a file" if there == cases else f"inside {there}, which is a file"
        raise InputError(f"--cases {cases} is {what}; choose a directory")
    unmeasured = {**UNMEASURED, **(missing() if NAME in wanted else {})}
    with quiet_warnings(), Progress.on(sys.stderr) as progress:
        say = progress.count if progress else None
        tallies = _run(wanted, depth, minutes, seed, cases, say)
    interrupted = any(tally.interrupted for tally in tallies)
    settings = {"depth": depth, "seed": seed, "minutes": minutes, "interrupted": interrupted}
    emit(
        lambda: (
            as_json(report.to_json(tallies, unmeasured, **settings))
            if json_
            else rendered(lambda console: report.show(tallies, unmeasured, console))
        ),
        "the summary",
    )
    if interrupted:
        left = [name for name in wanted if name not in {tally.suite for tally in tallies if not tally.interrupted}]
        complain(f"interrupted: what was found until then is printed; not finished: {', '.join(left)}")
        return INTERRUPTED
    return {"holds": HOLDS, "violated": VIOLATED}.get(report.overall(tallies), NOT_MET)


def _run(wanted: list[str], depth: str, minutes: float | None, seed: int, cases: Path, say: Any) -> list[Tally]:
    """One suite after the other, until one is interrupted; each gets an equal share of the minutes that are left.

    An interrupt between two suites, too, keeps what was found: the next one counts as interrupted.
    """
    import time
    from dataclasses import replace

    from verify.database import database
    from verify.properties import SUITES
    from verify.properties.random import NAME, run_random
    from verify.properties.runner import DEPTHS, run_suite
    from verify.properties.tally import Tally

    level = DEPTHS[depth]
    if depth == "deep":
        level = replace(level, examples=10**6)
    end = math.inf if minutes is None else time.monotonic() + 60 * minutes
    tallies: list[Tally] = []
    examples = database()
    try:
        for i, name in enumerate(wanted):
            share = math.inf if minutes is None else max(0.0, end - time.monotonic()) / 60 / (len(wanted) - i)
            if name == NAME:
                tallies.append(run_random(level, seed=seed, minutes=share, say=say))
            else:
                suite = SUITES[name]
                tallies.append(
                    run_suite(suite, level, seed=seed, directory=cases, examples=examples, minutes=share, say=say)
                )
            if tallies[-1].interrupted:
                break
    except KeyboardInterrupt:
        if len(tallies) < len(wanted):
            tallies.append(Tally(wanted[len(tallies)], level.minimum))
        tallies[-1].interrupted = True
    return tallies


def _wanted(names: tuple[str, ...], known: tuple[str, ...]) -> list[str]:
    from difflib import get_close_matches

    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=2)
            hint = f"did you mean {' or '.join(near)}?" if near else f"choose among {', '.join(known)}"
            raise InputError(f"--suite {name} is unknown; {hint}")
    return list(dict.fromkeys(names)) or list(known)


def _listing(wanted: list[str], json_: bool) -> str:
    from verify.properties import SUITES, UNMEASURED
    from verify.properties.random import NAME, TITLE, experiments, missing

    rows: dict[str, dict[str, Any]] = {
        name: {"title": suite.title, "statements": list(suite.statements)}
        for name, suite in SUITES.items()
        if name in wanted
    }
    if NAME in wanted:
        rows[NAME] = {"title": TITLE, "statements": sorted(experiments())}
    unmeasured = {**UNMEASURED, **(missing() if NAME in wanted else {})}
    if json_:
        return as_json({"suites": rows, "unmeasured": unmeasured})
    lines = []
    for name, row in rows.items():
        lines.append(f"{name}: {row['title']}")
        lines += [f"    {key}" for key in row["statements"]]
    lines += [f"not checked: {key}: {why}" for key, why in sorted(unmeasured.items())]
    return "\n".join(lines) + "\n"
