"""``dipcert recheck cert.json``: the independent checker :mod:`verify.recheck`, as a command."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from verify.commands.guard import TRACE, USAGE, InputError, complain, emit, guarded


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="cert.json")
@click.option("--expect", metavar="ID", help="The problem id that the certificate has to be about.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="FILE.npz",
    help="Your own arrays: they have to be the same bits.",
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
    """The exit code of the checker; 1 if --problem gives other arrays."""
    if seed is not None and problem is None:
        raise InputError("--seed belongs to --problem FILE.toml")
    if not file.is_file():
        raise InputError(f"{file} does not exist" if not file.exists() else f"{file} is not a file")
    if data is not None and not data.is_file():
        raise InputError(f"--data {data} does not exist")
    if problem is not None:
        different = compare(file, problem, seed)
        if different is None:
            complain(f"{file} is not readable as a certificate")
            return USAGE
        if different:
            complain(f"REJECTED: {file} is about another problem than {problem}: {different}")
            return 1
    arguments = [str(file)]
    for name, value in (("--expect", expect), ("--data", data)):
        if value is not None:
            arguments += [name, str(value)]
    text, code = _captured(arguments + (["--json"] if json_ else []))
    if problem is not None and not json_:
        text += _same(file, problem)
    emit(lambda: text, "the report")
    return code


def _same(file: Path, problem: Path) -> str:
    """What has been compared with the problem file: not the parameters, where the certificate says that they have moved."""
    import json

    top = json.loads(file.read_text(encoding="utf-8"))
    if float(top["origin"].get("at", "0")) == 0:
        return f"the arrays are those of {problem}, bit for bit\n"
    moved = "a is" if top["problem"]["train"] == "W" else "a and V are"
    return (
        f"operator and data are those of {problem}, bit for bit; {moved} not: the file says that the flow has led there, "
        "which is not checked and need not be\n"
    )


def _captured(arguments: list[str]) -> tuple[str, int]:
    """What the checker prints, and its exit status."""
    import io
    from contextlib import redirect_stdout

    from verify import recheck

    text = io.StringIO()
    with redirect_stdout(text):
        code = recheck.main(arguments)
    return text.getvalue(), code


def compare(file: Path, problem: Path, seed: int | None) -> str | None:
    """How the problem of the certificate differs from that of the file, "" if it does not; None if it is no certificate.

    The parameters a and V are compared where the certificate says that it is about the start; further along the flow they
    are other numbers (V stays where only W is trained), and the certificate is about these, whatever produced them.
    """
    import json

    from verify.certificate.subject import of_problem
    from verify.problem import build, load

    mine = of_problem(build(load(problem), seed)).to_json()
    try:
        top = json.loads(file.read_text(encoding="utf-8"))
        theirs, at = top["problem"], float(top["origin"].get("at", "0"))
        names = {name: theirs[name] for name in mine if name != "arrays"}
        arrays = dict(theirs["arrays"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    moved = set() if at == 0 else ({"a"} if mine["train"] == "W" else {"a", "V"})
    wrong = [name for name in names if names[name] != mine[name]]
    for name in sorted(set(arrays) | set(mine["arrays"])):
        here, there = mine["arrays"].get(name), arrays.get(name)
        if name in moved and here is not None and there is not None and here["shape"] == there["shape"]:
            continue
        if here != there:
            wrong.append(name)
    return ", ".join(wrong)
