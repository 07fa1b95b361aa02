"""The command ``dipcert``.

Exit codes: 0 every guarantee that could be checked holds, 1 one is violated, 2 the input is at fault, 3 undecided or a
hypothesis is not met, 130 interrupted (what was computed is kept), 70 a defect of dipcert. Results go to a directory
that appears only when it is complete. Everything heavy is imported inside the command that needs it.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

from verify.commands import COMMANDS
from verify.terminal import make_printable


class LazyGroup(click.Group):
    """The commands of :data:`verify.commands.COMMANDS`, each imported when it is called."""

    def list_commands(self, context: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The click command called `name`; None if there is none."""
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[name][0]).command
        command.name = name
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Like click's; an unknown command is answered with the nearest ones."""
        from difflib import get_close_matches

        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            near = get_close_matches(args[0], COMMANDS, n=2)
            hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"choose one of {', '.join(COMMANDS)}"
            context.fail(f"No such command {args[0]!r}; {hint}")
        return super().resolve_command(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


def _version(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"dipcert {version('dipcert')}")
        context.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def main() -> None:
    """Evaluate convergence theorems on your inverse problem and network, and check a run against them."""
    for stream in (sys.stdout, sys.stderr):
        make_printable(stream)


if __name__ == "__main__":
    main()
