"""``dipcert sweep EXPERIMENT.toml``: an experiment on a grid, resumable, on one machine or a cluster."""

from __future__ import annotations

import math
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from verify.commands.guard import (
    HOLDS,
    INTERRUPTED,
    NOT_MET,
    TRACE,
    InputError,
    check_place,
    complain,
    emit,
    guarded,
    quiet_warnings,
    replace_file,
)
from verify.terminal import Progress

if TYPE_CHECKING:
    from verify.sweep import Outcome, Plan, Store
    from verify.sweep.executors import Workers
    from verify.sweep.kind import Summary


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="EXPERIMENT.toml")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="PLACE",
    help="Directory for store and results, or the file of a store (.sqlite) [results/<name of EXPERIMENT>].",
)
@click.option("--resume", is_flag=True, help="Go on with what is in the store; nothing is computed twice.")
@click.option("--jobs", type=click.IntRange(1, 4096), metavar="N", help="Worker processes [as many as processors].")
@click.option("--dask", metavar="ADDRESS", help="Use the Dask cluster of the scheduler at ADDRESS instead.")
@click.option("--max-time", type=float, metavar="SECONDS", help="Begin no replica after so long; keep what is done.")
@click.option(
    "--export",
    "export_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write the replicas here (.csv or .parquet).",
)
@click.option("--debug", is_flag=True, help=f"After an internal error, write its trace to {TRACE}.")
def command(
    file: Path,
    out: Path | None,
    resume: bool,
    jobs: int | None,
    dask: str | None,
    max_time: float | None,
    export_file: Path | None,
    debug: bool,
) -> None:
    """Run the experiment in EXPERIMENT.toml: every cell of its grid, so many replicas each.

    Every finished replica is kept at once, in an SQLite file: whatever ends the program, --resume goes on from there and ends
    with the same table. Numbers depend on nothing but the configuration of their cell.

    \b
    dipcert sweep examples/sweeps/phase_small.toml
    dipcert sweep examples/sweeps/phase_small.toml --resume --export phase.csv
    dipcert sweep examples/sweeps/phase_paper.toml --dask tcp://host:8786

    \b
    Exit codes: 0 complete, 2 bad input or a store that cannot be written,
    3 time is up or some replicas failed, 130 interrupted, 70 internal error.
    Whatever it is, finished replicas are kept.
    """
    kept = "interrupted; what was finished is kept: go on with --resume"
    run = lambda: execute(file, out, resume, jobs, dask, max_time, export_file)  # noqa: E731
    sys.exit(guarded(run, debug=debug, interrupted=kept))


def execute(
    file: Path,
    out: Path | None,
    resume: bool,
    jobs: int | None,
    dask: str | None,
    max_time: float | None,
    export_file: Path | None,
) -> int:
    """The exit code; everything that goes wrong with the input is raised."""
    if dask is not None and jobs is not None:
        raise InputError("--jobs and --dask both say who works; give one of them")
    if max_time is not None and not 0 <= max_time < math.inf:
        raise InputError(f"--max-time {max_time:g}: seconds, a nonnegative number")
    from verify.sweep import Store, code_version, load_plan
    from verify.sweep.export import SUFFIXES, arrow
    from verify.sweep.present import Place, write

    plan = load_plan(file)
    if export_file is not None:
        check_place(export_file, SUFFIXES)
        if export_file.suffix == ".parquet":
            arrow()
    place = Place(out if out is not None else Path("results") / file.stem)
    place.prepare()
    code = code_version(plan.kind)
    with quiet_warnings(), Store.open(place.store) as store:
        there = store.count(plan, code)
        if there and not resume:
            raise InputError(
                f"{place.store} has {there} of the {plan.total} replicas of this experiment already; add --resume to go on "
                "with them, or choose another place with --out"
            )
        outcome = _run(plan, store, there, jobs, dask, max_time)
        summary = None
        if outcome.status != "interrupted":
            if outcome.present:
                summary = write(plan, store, code, place)
            if export_file is not None:
                _export(plan, store, code, export_file)
        emit(lambda: _text(plan, outcome, summary, store.seconds(plan, code)), "the summary")
    if outcome.failures:
        complain(f"{len(outcome.failures)} replicas failed, the first: {outcome.failures[0]}")
    where = place.directory if summary is not None else place.store
    click.echo(f"{'Results' if summary is not None else 'Kept'}: {where}", err=True)
    if outcome.status == "interrupted":
        complain(f"interrupted; {outcome.present} of {outcome.total} replicas are kept: go on with --resume")
    elif outcome.status == "time":
        complain(f"time is up; {outcome.present} of {outcome.total} replicas are kept: go on with --resume")
    return {"complete": HOLDS, "interrupted": INTERRUPTED}.get(outcome.status, NOT_MET)


def _run(plan: Plan, store: Store, there: int, jobs: int | None, dask: str | None, max_time: float | None) -> Outcome:
    from verify.sweep import Outcome, sweep

    if there == plan.total:  # no workers for nothing
        return Outcome("complete", 0, there, there, 0.0)
    # a cluster's scheduler ends a job that is out of time with SIGTERM: as good as Ctrl-C
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        with _workers(plan, jobs, dask) as workers, Progress.on(sys.stderr) as bar:

            def progress(done: int, total: int, left: float) -> None:
                if bar is not None:
                    bar.count("sweep" if math.isnan(left) else f"sweep, {_duration(left)} left", done, total)

            return sweep(plan, store, workers, max_time=max_time, progress=progress)
    finally:
        signal.signal(signal.SIGTERM, before)


def _workers(plan: Plan, jobs: int | None, dask: str | None) -> Workers:
    from verify.sweep.executors import Cluster, Processes, Serial

    if dask is not None:
        return Cluster(dask)
    count = jobs or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    return Serial() if count == 1 else Processes(min(count, plan.total), plan.kind.replica.__module__)


def _export(plan: Plan, store: Store, code: str, path: Path) -> None:
    from verify.sweep.export import export, replica_table

    table = replica_table(plan.kind, store.results(plan, code))
    replace_file(path, lambda beside: export(table, beside, path.suffix))
    click.echo(f"Written: {path}", err=True)


def _text(plan: Plan, outcome: Outcome, summary: Summary | None, seconds: float) -> str:
    lines = [
        plan.title,
        f"{len(plan.cells)} cells, {plan.replicas} replicas each: {outcome.present} of {outcome.total} there, "
        f"{outcome.computed} computed now in {_duration(outcome.seconds)} ({_duration(seconds)} of computing altogether)",
        *(summary.lines if summary is not None else ()),
    ]
    return "".join(f"{line}\n" for line in lines)


def _duration(seconds: float) -> str:
    """In words of two figures or so.

    >>> _duration(0.31), _duration(75), _duration(7300)
    ('0.3 s', '75 s', '2.0 h')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
