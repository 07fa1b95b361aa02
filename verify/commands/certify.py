"""``dipcert certify FILE.toml | CHECKPOINT.npz``: a certificate of convergence that anyone can recheck."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from verify.commands.guard import (
    INTERRUPTED,
    NOT_MET,
    TRACE,
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
    from verify.certificate.certificate import Certificate

_INTERNAL = 70


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option(
    "--at", metavar="TIME|start|best", help="Where along the flow [best for a .toml file, start for a .npz file]."
)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), metavar="cert.json", help="The file to write [cert.json]."
)
@click.option(
    "--max-time", type=float, default=300.0, show_default=True, metavar="SECONDS", help="Budget for the flow."
)
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Use this seed instead of the file's.")
@click.option("--json", "json_", is_flag=True, help="Print the result as JSON, and nothing else, to stdout.")
@click.option(
    "--check/--no-check", default=None, help="Recheck what was written [if that takes less than about a minute]."
)
@click.option("--debug", is_flag=True, help=f"After an internal error, write its trace to {TRACE}.")
def command(
    file: Path,
    at: str | None,
    out: Path | None,
    max_time: float,
    seed: int | None,
    json_: bool,
    check: bool | None,
    debug: bool,
) -> None:
    """Prove that gradient flow converges, at what rate and how far from the signal, and write the proof to cert.json.

    FILE is a problem file (.toml), or the arrays of a network and a problem
    (.npz: a, V, T, y; see docs/certificates.md). By default the certificate is
    about the start if a theorem holds there, else about the first point of the
    flow at which one does. cert.npz beside cert.json holds the arrays;
    `dipcert recheck cert.json` confirms both without trusting this program.

    \b
    Exit codes: 0 PROVED, 2 bad input, 3 REFUTED or UNKNOWN, 130 interrupted,
    70 internal error.
    """
    sys.exit(
        guarded(
            lambda: execute(file, at, out, max_time=max_time, seed=seed, json_=json_, check=check), debug=debug
        )
    )  # fmt: skip


def execute(
    file: Path, at: str | None, out: Path | None, *, max_time: float, seed: int | None, json_: bool, check: bool | None
) -> int:
    """The exit code; everything that goes wrong with the input is raised."""
    from verify.certificate.certificate import check_place
    from verify.certificate.making import certify

    checkpoint = file.suffix.lower() == ".npz"
    where = moment(at, checkpoint)
    if not (max_time > 0 and math.isfinite(max_time)):
        raise InputError(f"--max-time {max_time}: give a positive number of seconds")
    target = Path("cert.json") if out is None else out
    check_place(target)
    if target.with_suffix(".npz").absolute() == file.absolute():
        raise InputError(f"{target}: its arrays would replace {file}; choose another name with --out")
    with quiet_warnings(), Progress.on(sys.stderr) as progress:
        if progress:
            progress.stage("reading the problem")
        source: Any
        if checkpoint:
            if seed is not None:
                raise InputError("--seed belongs to a problem file (.toml); a checkpoint draws nothing")
            from verify.certificate.checkpoint import read_checkpoint

            source = read_checkpoint(file)
        else:
            from verify.problem import build, load

            source = build(load(file), seed)
            for note in source.notes:
                click.echo(f"note: {note}", err=True)
        certificate = certify(source, where, max_time=max_time, progress=progress)
        if progress:
            progress.stage("writing the certificate")
        files = [str(path) for path in certificate.write(target)]
        said, report = _checked(certificate, target, check, progress)
    emit(lambda: _text(certificate, files, said, report, json_), "the certificate")
    if report["done"] and not report["ok"]:
        complain(
            f"the checker rejected the certificate ({report['reason']}); this is a defect of dipcert: please report it"
        )
        return _INTERNAL
    if report.get("why") == "interrupted":
        return INTERRUPTED
    return 0 if certificate.verdict == "PROVED" else NOT_MET


def moment(at: str | None, checkpoint: bool) -> Any:
    """The value of --at."""
    if at is None:
        return "start" if checkpoint else "best"
    if at in ("start", "best"):
        return at
    try:
        time = float(at)
    except ValueError:
        time = math.nan
    if not 0 <= time < math.inf:
        raise InputError(f"--at {at}: give a time of at least 0, start, or best")
    return time


def _checked(certificate: Certificate, path: Path, wanted: bool | None, progress: Any) -> tuple[str, dict[str, Any]]:
    """What is said about the recheck, and the same as data."""
    from verify.certificate import cost

    estimate = cost.seconds(certificate)
    command = f"dipcert recheck {path}"
    if wanted is False or (wanted is None and estimate > cost.SOON):
        why = "--no-check" if wanted is False else f"it would take about {max(1, round(estimate / 60))} min"
        return f"Not rechecked ({why}): {command}", {"done": False, "why": why, "estimate": estimate}
    if progress:
        progress.stage("rechecking what was written")
    from verify.recheck import check

    try:
        report = check(str(path))
    except KeyboardInterrupt:
        said = f"The recheck was interrupted; the certificate is written: {command}"
        return said, {"done": False, "why": "interrupted", "estimate": estimate}
    said = f"Rechecked by the independent checker in {report.seconds:.1f} s: {'confirmed' if report.ok else 'REJECTED'}"
    if report.ok:
        said += f". Again, or elsewhere: {command}"
    return said, {"done": True, "ok": report.ok, "reason": report.reason, "seconds": report.seconds}


def _text(certificate: Certificate, files: list[str], said: str, report: dict[str, Any], json_: bool) -> str:
    from verify.certificate.wording import print_certificate, to_json

    if json_:
        return as_json(to_json(certificate, files, report))
    return rendered(lambda console: print_certificate(certificate, console, files, said))
