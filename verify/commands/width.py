"""``dipcert width``: how wide has the network to be, by every theorem; and backwards."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from verify.commands.guard import HOLDS, NOT_MET, TRACE, InputError, as_json, check_place, emit, guarded, rendered
from verify.terminal import Progress

if TYPE_CHECKING:
    from numerics.width import Setting

_SOLVE = ("probability", "noise", "residual", "sigma_F", "scale")


class _Float(click.ParamType):
    """A finite number; 1/3 and 1e-3 are numbers too."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> float:
        """The double nearest to what was written."""
        if isinstance(value, float | int):
            return float(value)
        from fractions import Fraction

        try:
            number = float(Fraction(value)) if "/" in value else float(value)
        except (ValueError, ZeroDivisionError, OverflowError):
            self.fail(f"{value!r} is not a number", param, context)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number in double precision", param, context)
        return number


NUMBER = _Float()


@click.command()
@click.option("-n", "n", type=int, required=True, help="Entries of the signal.")
@click.option("-m", "m", type=int, required=True, help="Entries of the data.")
@click.option("-k", "k", type=int, help="Ask about this width instead of for the smallest one.")
@click.option("--delta", type=NUMBER, default=0.1, show_default=True, help="Probability of failure.")
@click.option("--train", type=click.Choice(["both", "W"]), default="both", show_default=True, help="What is trained.")
@click.option("--activation", default="tanh", show_default=True, help="The activation.")
@click.option("--V", "law", default="rademacher", show_default=True, help="Law of the entries of V.")
@click.option("--sigma-F", "sigma_F", type=NUMBER, help="Smallest nonzero singular value of F [1].")
@click.option(
    "--L-F", "L_F", type=NUMBER, default=1.0, show_default=True, help="Norm of A, or Lipschitz constant of F."
)
@click.option("--kappa", type=NUMBER, help="Condition number, instead of --sigma-F.")
@click.option("--rank", type=int, help="Rank of A [min(n, m)].")
@click.option("--nonlinear", is_flag=True, help="F is not linear.")
@click.option("--F0-norm", "F0_norm", type=NUMBER, default=0.0, help="Norm of F(0), nonlinear F [0].")
@click.option("--y-norm", type=NUMBER, help="Norm of the clean data [sqrt(m)].")
@click.option(
    "--noise", type=NUMBER, default=0.0, show_default=True, help="Norm of the noise; also the level at which to stop."
)
@click.option("--x-plus", type=NUMBER, help="Bound of |A^+ y| [|y|/sigma_F].")
@click.option("--residual", type=NUMBER, help="Bound of |y(0) - y|, if you know one.")
@click.option("--loss", default="least_squares", show_default=True, help="The loss.")
@click.option(
    "--loss-param", "loss_parameters", multiple=True, metavar="NAME=VALUE", help="A parameter of the loss, such as p=3."
)
@click.option("--antisymmetric", is_flag=True, help="V = [V', -V'], a = [a', a']: x(0) = 0.")
@click.option("--scale", type=NUMBER, default=1.0, show_default=True, help="Output scale.")
@click.option(
    "--gaussian-only", is_flag=True, help="Leave out the lemma on order statistics (as the first evaluations did)."
)
@click.option("--criterion", "criteria", multiple=True, metavar="NAME", help="Only this criterion; may be repeated.")
@click.option(
    "--solve", type=click.Choice(_SOLVE), help="With -k: the largest or smallest value that is still certified."
)
@click.option("--vary", metavar="NAME=A:B:N", help="Table along n, m, kappa, noise, y_norm or delta: N values from A to B, "
              "spaced geometrically, or NAME=A,B,C.")  # fmt: skip
@click.option(
    "--instances",
    type=click.IntRange(1, 1000),
    help="Also draw so many instances and certify each with its own constants.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the drawn instances.")
@click.option("--explain", is_flag=True, help="Show the arithmetic, formula by formula.")
@click.option(
    "--csv", "csv_file", type=click.Path(path_type=Path), metavar="FILE", help="With --vary: write the table here."
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With --vary: draw it (.svg, .png, .pdf), with its .csv.",
)
@click.option("--json", "json_", is_flag=True, help="Print JSON, and nothing else, to stdout.")
@click.option("--debug", is_flag=True, help=f"After an internal error, write its trace to {TRACE}.")
def command(debug: bool, **options: Any) -> None:
    """The smallest width that each theorem certifies with probability 1 - delta; what a given width promises; and backwards.

    \b
    dipcert width -n 60 -m 10                    smallest widths, both layers trained
    dipcert width -n 60 -m 10 --explain          with the arithmetic
    dipcert width -n 60 -m 10 -k 500 --noise 0.5 what k = 500 promises
    dipcert width -n 60 -m 10 -k 500 --solve noise          the largest noise it tolerates
    dipcert width -n 60 -m 10 --vary n=20:320:5             growth and exponents
    dipcert width -n 60 -m 10 --train W --instances 9       beside drawn instances

    Exit codes: 0, 2 bad input, 3 no theorem certifies what was asked, 130 interrupted.
    """
    sys.exit(guarded(lambda: execute(**options), debug=debug))


def execute(**options: Any) -> int:
    """The exit code; bad input is raised."""
    from verify import width_report as report

    setting, delta, names = _setting(options), options["delta"], _criteria(options["criteria"])
    if not 0 < delta < 1:
        raise InputError(f"--delta, the probability of failure, has to lie strictly between 0 and 1, not be {delta:g}")
    k, solve, vary = options["k"], options["solve"], options["vary"]
    if solve and k is None:
        raise InputError(f"--solve {solve} asks what a given width tolerates: say which with -k")
    if vary and k is not None:
        raise InputError("--vary tabulates smallest widths: leave out -k")
    for name in ("csv_file", "plot"):
        if options[name] is not None and not vary:
            raise InputError("--csv and --plot belong to a table: add --vary")
    csv_file, plot = options["csv_file"], options["plot"]
    if plot is not None:
        csv_file = plot.with_suffix(".csv") if csv_file is None else csv_file
        if csv_file.resolve() == plot.resolve():
            raise InputError(f"--plot and --csv are both {plot}: give two names")
        check_place(plot, (".svg", ".png", ".pdf"))
    if csv_file is not None:
        check_place(csv_file)
    if vary and vary.partition("=")[0] == "kappa" and options["sigma_F"] is not None:
        raise InputError("--vary kappa chooses sigma_F = L_F/kappa: leave out --sigma-F")
    if options["nonlinear"] and (options["rank"] is not None or options["x_plus"] is not None):
        raise InputError("--rank and --x-plus describe a linear operator: leave them out with --nonlinear")
    if options["instances"] and options["residual"] is not None:
        raise InputError("drawn instances have their own |y(0) - y|: leave out --residual with --instances")
    if options["instances"] and (k is not None or vary):
        raise InputError("--instances goes with the smallest widths: leave out -k and --vary")
    try:
        with Progress.on(sys.stderr) as progress:
            say = progress.stage if progress else (lambda _text: None)
            if vary:
                table: report.Report = report.vary(setting, delta, names, *_parse_vary(vary), say)
            elif k is None:
                table = report.smallest(setting, delta, names, options["instances"], options["seed"], say)
            elif solve:
                table = report.solve(setting, k, delta, names, solve, say)
            else:
                table = report.forward(setting, k, delta, names, say)
    except ValueError as error:
        raise InputError(str(error)) from None
    if csv_file is not None:
        report.save(table, csv_file, plot)
    for path in filter(None, (plot, csv_file)):
        click.echo(f"Written: {path}", err=True)
    emit(
        lambda: (
            as_json(table.data)
            if options["json_"]
            else rendered(lambda console: table.show(console, options["explain"]))
        )
    )
    return HOLDS if table.certified else NOT_MET


def _setting(options: dict[str, Any]) -> Setting:
    from numerics.width import Setting

    sigma_F, kappa, L_F = options["sigma_F"], options["kappa"], options["L_F"]
    if kappa is not None and sigma_F is not None:
        raise InputError("--kappa and --sigma-F say the same thing: give one")
    if kappa is not None:
        if kappa < 1:
            raise InputError(f"a condition number is at least 1, not {kappa:g}")
        sigma_F = L_F / kappa
    try:
        return Setting(
            n=options["n"],
            m=options["m"],
            train=options["train"],
            activation=options["activation"],
            V=options["law"],
            linear=not options["nonlinear"],
            sigma_F=min(1.0, L_F) if sigma_F is None else sigma_F,
            L_F=L_F,
            rank=options["rank"],
            y_norm=options["y_norm"],
            F0_norm=options["F0_norm"],
            noise=options["noise"],
            x_plus=options["x_plus"],
            residual=options["residual"],
            antisymmetric=options["antisymmetric"],
            scale=options["scale"],
            loss=options["loss"],
            loss_parameters=_parameters(options["loss_parameters"]),
            order_statistics=not options["gaussian_only"],
        )
    except ValueError as error:
        raise InputError(str(error)) from None


def _parameters(pairs: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    out = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"--loss-param {pair!r} should look like p=3")
        if name in out:
            raise InputError(f"--loss-param {name} is given twice")
        out[name] = NUMBER.convert(value, None, None)
    return tuple(sorted(out.items()))


def _criteria(names: tuple[str, ...]) -> tuple[str, ...]:
    from difflib import get_close_matches

    from numerics.width import CRITERIA

    for name in names:
        if name not in CRITERIA:
            near = get_close_matches(name, CRITERIA, n=2)
            hint = f"did you mean {' or '.join(near)}?" if near else f"choose among {', '.join(CRITERIA)}"
            raise InputError(f"--criterion {name} is unknown; {hint}")
    return tuple(dict.fromkeys(names)) or tuple(CRITERIA)


def _parse_vary(text: str) -> tuple[str, list[float]]:
    """NAME=A:B:N (geometric) or NAME=A,B,C."""
    import numpy as np

    form = "write --vary NAME=A:B:N, such as n=20:320:5, or NAME=A,B,C"
    name, equals, rest = text.partition("=")
    if not equals:
        raise InputError(f"--vary {text!r} cannot be read; {form}")
    try:
        if ":" in rest:
            low, high, count = rest.split(":")
            if not (0 < float(low) < float(high) < math.inf and 2 <= int(count) <= 1000):
                raise ValueError
            values = [float(value) for value in np.geomspace(float(low), float(high), int(count))]
        else:
            values = [float(part) for part in rest.split(",")]
            if not all(0 < value < math.inf for value in values):
                raise ValueError
    except ValueError:
        raise InputError(f"--vary {text!r} cannot be read (positive numbers, 2 to 1000 of them); {form}") from None
    return name, [float(round(value)) for value in values] if name in ("n", "m") else values
