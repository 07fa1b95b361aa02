"""``dipcert recheck cert.json``: the independent checker :mod:`verify.recheck`, as a command."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from verify.commands.guard import TRACE, USAGE, VIOLATED, InputError, as_json, complain, emit, guarded

if TYPE_CHECKING:
    from verify.recheck import Report


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="cert.json")
@click.option("--expect", metavar="ID", help="The problem id (64 hex digits) that it has to be about.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="FILE.npz",
    help="Your own arrays, which have to be the same bits: a checkpoint as for `dipcert certify` (V as n x k; T or R, C; "
    "the texts and the scale are compared too), or else arrays as in a certificate (V as k x n, uncompressed).",
)
@click.option(
    "--problem",
    type=click.Path(path_type=Path),
    metavar="FILE.toml",
    help="Rebuild this problem and compare all arrays.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), metavar="N", help="The seed for --problem, if it was not the file's."
)
@click.option("--json", "json_", is_flag=True, help="Print the report as JSON, and nothing else, to stdout.")
@click.option("--debug", is_flag=True, help=f"After an internal error, write its trace to {TRACE}.")
def command(
    file: Path, expect: str | None, data: Path | None, problem: Path | None, seed: int | None, json_: bool, debug: bool
) -> None:
    """Confirm a certificate from its raw data with exact arithmetic, trusting nothing that made it.

    The same as `python recheck cert.json` with a copy of the directory
    verify/recheck, which needs only Python and python-flint. Without --expect, --data or --problem it certifies
    the problem in the file, whatever that is.

    \b
    Exit codes: 0 everything claimed is confirmed and the verdict is PROVED,
    1 rejected, 2 not readable as a certificate, 3 confirmed, but the verdict is
    REFUTED or UNKNOWN, 130 interrupted.
    """

    def body() -> int:
        return execute(file, expect, data, problem, seed, json_)

    sys.exit(guarded(body, debug=debug, interrupted="interrupted: nothing is confirmed"))


def execute(
    file: Path, expect: str | None, data: Path | None, problem: Path | None, seed: int | None, json_: bool
) -> int:
    """The exit code of the checker; 1 if --data or --problem gives other arrays."""
    from verify.recheck import Report
    from verify.recheck.command import describe
    from verify.tables import ProblemError, one_line

    try:
        report, mismatch = examine(file, expect, data, problem, seed)
    except (InputError, ProblemError) as error:
        if json_:
            _print_json(Report(code=USAGE, reason=one_line(error)))
        raise
    if json_:
        _print_json(report)
    if report.code == USAGE:
        complain(_plain(f"NOT READABLE: {report.reason}"))
    elif mismatch:
        complain(f"REJECTED: {report.reason}")
    elif not json_:
        emit(lambda: describe(report) + "\n", "the report")
    return report.code


def _print_json(report: Report) -> None:
    from dataclasses import asdict

    emit(lambda: as_json(asdict(report) | {"ok": report.ok}), "the report")


def _plain(text: str) -> str:
    """Without control characters: some of it may be text from the file."""
    return "".join(c if c.isprintable() else "?" for c in text)


def examine(
    file: Path, expect: str | None, data: Path | None, problem: Path | None, seed: int | None
) -> tuple[Report, bool]:
    """The report, and whether --problem is what the certificate is rejected for.

    The strict checker comes first: only what it has confirmed is read again, to be compared with the user's own files.
    """
    from verify import recheck
    from verify.tables import ProblemError, one_line

    if seed is not None and problem is None:
        raise InputError("--seed belongs to --problem FILE.toml")
    if expect is not None and not re.fullmatch("[0-9a-fA-F]{64}", expect):
        raise InputError(f"--expect {_plain(expect)}: a problem id has 64 hexadecimal digits")
    _is_file(file, "")
    mine: dict[str, Any] | None = None
    checkpoint: dict[str, Any] | None = None
    unlike = ""  # why --data is no checkpoint
    if data is not None:
        from verify.certificate.checkpoint import read_checkpoint

        _is_file(data, "--data ")
        try:
            checkpoint = read_checkpoint(data).to_json()
        except ProblemError as error:
            unlike = one_line(error)
    if problem is not None:
        from verify.certificate.subject import of_problem
        from verify.problem import build, load

        mine = of_problem(build(load(problem), seed)).to_json()
    own = str(data) if data is not None and checkpoint is None else None
    report = recheck.check(str(file), expect if expect is None else expect.lower(), own)
    if report.code == USAGE:
        report.reason = _unreadable(file, report.reason)
    elif not report.ok and own is not None and not report.obligations:
        report.reason += f" (--data was compared as arrays of a certificate; it is no checkpoint: {unlike})"
    if not report.ok or (checkpoint is None and mine is None):
        return report, False
    top = _again(file, report)
    if top is None:
        return report, False
    if checkpoint is not None:
        wrong = compare(checkpoint, top["problem"], set())
        if wrong:
            _reject(
                report, f"{file} is about other arrays or another setting than {data}: {wrong}{_hint(top, checkpoint)}"
            )
            return report, False
        names = ", ".join(checkpoint["arrays"])
        tie = f"{names} and activation, train, loss, scale are those of {data}"
        report.tied = f"{report.tied}; {tie}" if report.tied else tie
    if mine is None:
        return report, False
    moved = _moved(top, mine["train"])
    wrong = compare(mine, top["problem"], moved)
    if wrong:
        _reject(report, f"{file} is about another problem than {problem}: {wrong}")
        return report, True
    if not moved:
        same = f"the arrays are those of {problem}, bit for bit"
    else:
        same = (
            f"operator and data are those of {problem}, bit for bit; {'a is' if moved == {'a'} else 'a and V are'} not: the "
            "file says that the flow has led there, which is not checked and need not be"
        )
    report.tied = f"{report.tied}; {same}" if report.tied else same
    return report, False


def _is_file(path: Path, option: str) -> None:
    # unlike those of Path, these raise nothing for a name that is too long or not accessible
    if not os.path.isfile(path):
        raise InputError(f"{option}{path} is not a file" if os.path.exists(path) else f"{option}{path} does not exist")


def _unreadable(file: Path, reason: str) -> str:
    """Why a file is no certificate, and which one to give."""
    import zipfile

    if file.suffix.lower() == ".npz" or zipfile.is_zipfile(file):
        return f"{file} is not readable as a certificate: it is a file of arrays; give the .json file beside it"
    return f"{file} is not readable as a certificate: {reason}"


def _reject(report: Report, reason: str) -> None:
    report.code, report.reason, report.verdict, report.tied = VIOLATED, reason, "none", ""


def _again(file: Path, report: Report) -> dict[str, Any] | None:
    """The document that has been confirmed; None, and the report rejects it, if the file is no longer the same."""
    from verify.certificate.subject import identity
    from verify.recheck.files import document

    try:
        top = document(str(file))
        if identity(top["problem"]) == report.problem_id and isinstance(top["origin"], dict):
            return dict(top)
    except Exception:  # whatever is there now is not what has been checked
        pass
    _reject(report, f"{file} has changed while it was checked")
    return None


def _moved(top: dict[str, Any], train: str) -> set[str]:
    """The parameters that are others than at the start, by what the certificate says about where it is on the flow.

    What is no positive finite number there counts as the start, where everything is compared.
    """
    at = top["origin"].get("at", "0")
    try:
        later = isinstance(at, str | int) and 0 < float(at) < float("inf")
    except (ValueError, OverflowError):
        later = False
    if not later:
        return set()
    return {"a"} if train == "W" else {"a", "V"}


def _hint(top: dict[str, Any], checkpoint: dict[str, Any]) -> str:
    """What may explain that a checkpoint is not the one of the certificate."""
    if _moved(top, checkpoint["train"]):
        return "; the certificate says that it is about a later point of the flow, where the parameters are others"
    rows, columns = checkpoint["arrays"]["V"]["shape"]
    return "; a checkpoint holds V as n x k, and a square V is read so" if rows == columns else ""


def compare(mine: dict[str, Any], theirs: dict[str, Any], moved: set[str]) -> str:
    """What differs between two tables "problem", "" if nothing does; parameters that have moved need the same shape only.

    The parameters a and V are compared where the certificate says that it is about the start; further along the flow they
    are other numbers (V stays where only W is trained), and the certificate is about these, whatever produced them.
    """
    wrong = [
        f"{name} ({theirs[name]} in the certificate, {mine[name]} here)" if name != "network" else name
        for name in mine
        if name != "arrays" and theirs[name] != mine[name]
    ]
    for name in sorted(set(theirs["arrays"]) | set(mine["arrays"])):
        here, there = mine["arrays"].get(name), theirs["arrays"].get(name)
        if name in moved and here is not None and there is not None and here["shape"] == there["shape"]:
            continue
        if here != there:
            wrong.append(name)
    return ", ".join(wrong)
