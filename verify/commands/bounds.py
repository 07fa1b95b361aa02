"""``dipcert bounds ID --set k=v ...``: the formulas and conditions of a statement at given constants."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from verify.commands.guard import (
    HOLDS,
    NOT_MET,
    TRACE,
    USAGE,
    InputError,
    as_json,
    check_place,
    complain,
    emit,
    guarded,
    rendered,
    replace_file,
)

if TYPE_CHECKING:
    from numerics.evaluation import Evaluation
    from verify.bounds import Crossing, Query

_PLOTS = (".svg", ".png", ".pdf")


@click.command()
@click.argument("identifier", metavar="ID")
@click.option("--set", "sets", multiple=True, metavar="NAME=VALUE", help="A constant: sigma_F=0.5, t=1e3, Lambda=1/3.")
@click.option("--formula", metavar="NAME", help="This formula only.")
@click.option("--loss", default="least_squares", show_default=True, metavar="NAME", help="The loss.")
@click.option("--loss-param", "loss_params", multiple=True, metavar="NAME=VALUE", help="A parameter of the loss.")
@click.option("--activation", metavar="NAME", help="Gives B1, B2, C_phi and C_dphi.")
@click.option(
    "--backend",
    type=click.Choice(["float64", "mpmath", "arb"]),
    default="float64",
    show_default=True,
    help="Doubles, many digits, or enclosures.",
)
@click.option("--digits", type=click.IntRange(1, 1000), default=50, show_default=True, help="For mpmath and arb.")
@click.option("--sweep", "sweeps", multiple=True, metavar="NAME=LOW:HIGH:log50", help="Also lin20, or NAME=V1,V2,...")
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Draw the sweep (.svg, .png, .pdf), with its .csv.",
)
@click.option("--csv", "table", type=click.Path(path_type=Path), metavar="FILE", help="Write the numbers.")
@click.option("--json", "json_", is_flag=True, help="Print the result as JSON, and nothing else, to stdout.")
@click.option("--debug", is_flag=True, help=f"After an internal error, write its trace to {TRACE}.")
def command(
    identifier: str,
    sets: tuple[str, ...],
    formula: str | None,
    loss: str,
    loss_params: tuple[str, ...],
    activation: str | None,
    backend: str,
    digits: int,
    sweeps: tuple[str, ...],
    plot: Path | None,
    table: Path | None,
    json_: bool,
    debug: bool,
) -> None:
    """Evaluate the formulas of the statement ID at given constants, and check its conditions.

    What follows from other constants is derived: rho_0 from loss_0, ell_star from
    Lambda, and so on. A missing constant is answered with what is needed.

    \b
    dipcert bounds sharp.rate --set sigma_F=0.5 --set sigma_0=0.9 \\
        --set Lambda=0.1 --set rho_0=1 --set t=3
    dipcert bounds dip2.sigma0 --activation tanh --set n=3 --set D_V=1 \\
        --set delta=0.1 --sweep k=1e2:1e6:log50 --plot sigma0.svg

    \b
    Exit codes: 0 in force (a sweep: somewhere), 2 bad input, 3 a condition
    fails or cannot be decided, or a value does not fit into a double.
    """

    def body() -> int:
        from verify.bounds import Query, find, parse_pairs, parse_sweep

        item = find(identifier)
        if len(sweeps) > 1:
            raise InputError("only one symbol can be swept; give the others with --set")
        options = {
            "loss": loss,
            "loss_parameters": parse_pairs(loss_params, "--loss-param"),
            "activation": activation,
            "backend": backend,
            "digits": digits,
        }
        sweep = parse_sweep(sweeps[0]) if sweeps else None
        query = Query(item, parse_pairs(sets, "--set"), options, formula, sweep)
        return execute(query, plot=plot, table=table, json_=json_)

    sys.exit(guarded(body, debug=debug))


def execute(query: Query, *, plot: Path | None, table: Path | None, json_: bool) -> int:
    """The exit code; everything that goes wrong with the input is raised."""
    from verify.bounds import Needed, ask, crossings
    from verify.bounds_report import to_csv

    if plot is not None:
        _check_plot(plot, query)
    if plot is not None and table is None:
        table = plot.with_suffix(".csv")  # the numbers behind the figure, next to it
    if plot is not None and table is not None and plot.resolve() == table.resolve():
        raise InputError(f"--plot and --csv are both {plot}: give two names")
    for path in filter(None, (plot, table)):
        check_place(path)
    try:
        answer = ask(query)
    except Needed as error:
        complain(str(error))  # several lines: a list to read and a line to paste
        return USAGE
    found = crossings(query, answer) if query.sweep is not None else []
    if plot is not None:
        from verify.bounds_figure import draw

        figure = draw(query, answer, found)
        replace_file(plot, lambda path: figure.savefig(path, format=plot.suffix[1:].lower(), dpi=150))
    if table is not None:
        replace_file(table, lambda path: path.write_text(to_csv(query, answer), encoding="utf-8"))
    emit(lambda: _text(query, answer, found, json_), "the answer")
    for path in filter(None, (plot, table)):
        click.echo(f"Written: {path}", err=True)
    return _verdict(query, answer)


def _text(query: Query, answer: Evaluation, found: list[Crossing], json_: bool) -> str:
    """The tables, or the JSON."""
    if json_:
        from dataclasses import asdict

        return as_json({**answer.to_json(), "crossings": [asdict(crossing) for crossing in found]})
    from verify.bounds_report import print_answer

    return rendered(lambda console: print_answer(query, answer, found, console))


def _verdict(query: Query, answer: Evaluation) -> int:
    """The exit code, and a line on stderr about what was not checked."""
    if answer.unchecked:
        names = sorted({name for condition in answer.unchecked for name in condition.missing})
        n = len(answer.unchecked)
        complain(f"{n} condition{'s were' if n > 1 else ' was'} not checked: give {', '.join(names)}")
    bad = ("hypothesis_not_met", "undecided", "overflow", "underflow")
    if any(entry.status in bad for entry in answer.formulas.values()):
        return NOT_MET
    for condition in answer.conditions:
        if condition.missing or condition.verdict == "holds":
            continue
        if query.sweep is None or condition.holds is None or not condition.holds.any():
            return NOT_MET
    return HOLDS


def _check_plot(plot: Path, query: Query) -> None:
    if query.sweep is None:
        raise InputError("--plot draws a sweep; add one, for instance --sweep t=0:10:lin50")
    if plot.suffix.lower() not in _PLOTS:
        raise InputError(f"--plot {plot}: unknown kind of file {plot.suffix!r}; use one of {', '.join(_PLOTS)}")
