"""``dipcert show ID...``: statements and symbols, to be read."""

from __future__ import annotations

import sys

import click

from verify.commands.guard import TRACE, InputError, as_json, emit, guarded, quiet_warnings
from verify.commands.theory_ import columns, fresh_option, get_statuses, heading, known, shows_mathematics


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="ID...")
@click.option("--latex", "latex_", is_flag=True, help="Print a LaTeX fragment instead: theorem, formulas, proof.")
@click.option("--standalone", is_flag=True, help="With --latex: a whole document, with its bibliography.")
@click.option("--json", "json_", is_flag=True, help="Print JSON to stdout: an object for one ID, a list for several.")
@click.option("--symbols/--no-symbols", default=True, show_default=True, help="Explain the symbols of the formulas.")
@fresh_option
@click.option("--debug", is_flag=True, help=f"After an internal error, write its trace to {TRACE}.")
def command(
    names: tuple[str, ...], latex_: bool, standalone: bool, json_: bool, symbols: bool, fresh: bool, debug: bool
) -> None:
    """Show statements, assumptions or symbols by their identifiers (see `dipcert list`).

    For a statement: its text, hypotheses, condition, conclusion and formulas with their symbols, its proof with what
    SymPy says about its calculus, how tight it is, what it rests on and what rests on it, its sources and its status.
    For a symbol (say rho_0): its meaning and the statements in which it occurs.
    """

    def body() -> int:
        if latex_ and json_:
            raise InputError("--latex and --json exclude each other; choose one")
        if standalone and not latex_:
            raise InputError("--standalone is an option of --latex; add --latex")
        with quiet_warnings():
            text = shown(names, latex=latex_, standalone=standalone, json_=json_, symbols=symbols, fresh=fresh)
            emit(lambda: text)
        return 0

    sys.exit(guarded(body, debug=debug))


def shown(
    names: tuple[str, ...], *, latex: bool = False, standalone: bool = False, json_: bool = False,
    symbols: bool = True, fresh: bool = False,
) -> str:  # fmt: skip
    """What is printed."""
    from theory.ledger import registry

    known(names, symbols=not latex)
    items = [registry[name] for name in names if name in registry]
    if latex:
        from theory.typeset import document, fragment

        return document(items, registry) if standalone else "\n".join(fragment(item, registry) for item in items)
    from theory.symbols import SYMBOLS
    from verify.reading import Page, item_text, symbol_text, symbol_to_dict, to_dict

    # An identifier has a dot or not as its author liked; where a name is both, it is the statement.
    needed = dict.fromkeys(key for item in items for key in (item.id, *item.proof_uses))
    status = get_statuses(needed, fresh=fresh)
    if json_:
        data = [
            to_dict(registry[name], status)
            if name in registry
            else symbol_to_dict(SYMBOLS[name]) | {"occurs_in": [k for k, i in registry.items() if name in i.symbols]}
            for name in names
        ]
        return as_json(data[0] if len(data) == 1 else data)

    def page() -> Page:
        return Page(columns(), shows_mathematics(), heading)

    texts = [
        item_text(registry[name], status, page(), symbols=symbols)
        if name in registry
        else symbol_text(SYMBOLS[name], page())
        for name in names
    ]
    return f"\n{'-' * columns()}\n\n".join(texts)
