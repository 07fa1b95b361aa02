"""``dipcert cite``: the software and its paper, or the sources of a statement and of all it rests on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import click

from verify.commands.guard import TRACE, as_json, emit, guarded, quiet_warnings
from verify.commands.theory_ import columns, known

PAPER: Final = "buskulic2024"
"""The paper whose theorems dipcert makes executable; a test compares it with CITATION.cff."""


@click.command()
@click.argument("names", nargs=-1, metavar="[ID...]")
@click.option("--format", "format_", type=click.Choice(("text", "bibtex")), default="text", show_default=True)
@click.option("--json", "json_", is_flag=True, help="Print JSON to stdout.")
@click.option("--debug", is_flag=True, help=f"After an internal error, write its trace to {TRACE}.")
def command(names: tuple[str, ...], format_: str, json_: bool, debug: bool) -> None:
    """How to cite dipcert and its paper; with IDs, the sources of these statements and of all that they rest on."""

    def body() -> int:
        with quiet_warnings():
            text = cited(names, format_=format_, json_=json_)
            emit(lambda: text)
        return 0

    sys.exit(guarded(body, debug=debug))


def cited(names: tuple[str, ...], *, format_: str = "text", json_: bool = False) -> str:
    """What is printed."""
    from theory.references import entries

    known(names)
    keys = sources(names) if names else {PAPER: ("dipcert",)}
    rows = [(entries()[key], users) for key, users in keys.items()]
    if json_:
        data: dict[str, Any] = {} if names else {"software": software()}
        data["references"] = [
            {"key": r.key, "kind": r.kind, "authors": list(r.authors), "title": r.title, "year": r.year, "text": r.text(),
             "bibtex": r.bibtex} | ({"cited_by": list(users)} if names else {})
            for r, users in rows
        ]  # fmt: skip
        return as_json(data)
    if format_ == "bibtex":
        parts = [] if names else [_software_bibtex()]
        return "\n\n".join([*parts, *(reference.bibtex for reference, _ in rows)]) + "\n"
    return _text(names, rows)


def sources(names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Citation key → the items that cite it: `names`, their hypotheses and their ancestors; in the order of the file."""
    from theory.ledger import registry
    from theory.references import entries
    from theory.status import ancestors

    reached = dict.fromkeys(key for name in names for key in (name, *ancestors(name, registry)))
    reached |= dict.fromkeys(hypothesis for key in list(reached) for hypothesis in registry[key].hypotheses)
    users = {key: tuple(item for item in reached if key in registry[item].cites) for key in entries()}
    return {key: items for key, items in users.items() if items}


def software() -> dict[str, str]:
    """The fields of CITATION.cff that a citation of the software needs, with the version that is installed."""
    from importlib.metadata import version

    fields = _cff()
    return {
        "authors": fields["authors"],
        "title": fields["title"],
        "version": version("dipcert"),
        "year": fields["date-released"][:4],
        "license": fields["license"],
    }


def _cff() -> dict[str, str]:
    """Top-level texts of CITATION.cff, which lies beside this package or, when installed, in it."""
    here = Path(__file__).resolve().parents[1]
    places = (here / "CITATION.cff", here.parent / "CITATION.cff")
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise FileNotFoundError("CITATION.cff is not part of this installation")
    fields: dict[str, str] = {}
    section, names = "", []
    for line in path.read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if not line.startswith((" ", "-")):
            section = key
            fields[key] = value.strip().strip('"')
        elif section == "authors" and key.strip().lstrip("- ") == "name":
            names.append(value.strip().strip('"'))
    return fields | {"authors": " and ".join(names)}


def _software_bibtex() -> str:
    made = software()
    rows = [("author", f"{{{made['authors']}}}"), ("title", made["title"]), ("version", made["version"])]
    body = "".join(f"  {name} = {{{value}}},\n" for name, value in [*rows, ("year", made["year"])])
    return f"@software{{dipcert,\n{body}}}"


def _text(names: tuple[str, ...], rows: list[Any]) -> str:
    from textwrap import wrap

    def paragraph(text: str) -> str:
        width = columns()
        return "\n".join(wrap(text, width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False))

    if not names:
        made = software()
        return "\n".join(
            [
                "Please cite the software and the paper whose theorems it makes executable:",
                "",
                paragraph(f"{made['authors']} ({made['year']}): {made['title']}. Version {made['version']}."),
                paragraph(rows[0][0].text()),
                "",
                "`dipcert cite --format bibtex` has both as BibTeX; `dipcert cite ID` the sources of a statement.",
                "",
            ]
        )
    if not rows:
        return f"{', '.join(names)}: no source is cited, neither there nor by what it rests on.\n"
    lines = []
    for reference, users in rows:
        lines += [paragraph(f"[{reference.key}] {reference.text()}"), paragraph(f"    cited by {', '.join(users)}")]
    return "\n".join(lines) + "\n"
