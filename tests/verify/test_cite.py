"""``dipcert cite``: the software, its paper, and the sources of statements; texts without a trace of TeX."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from theory.ledger import registry
from theory.references import cited_by, entries, unicode_text
from theory.status import ancestors
from verify.cli import main
from verify.commands.cite import PAPER, software, sources

ROOT = Path(__file__).resolve().parents[2]


def dipcert(*arguments):
    return CliRunner().invoke(main, ["cite", *arguments])


def test_the_file_is_read_entirely():
    text = (ROOT / "theory" / "references.bib").read_text(encoding="utf-8")
    assert list(entries()) == re.findall(r"^@\w+\{(\w+),", text, re.MULTILINE)
    for entry in entries().values():
        assert set(entry.fields) == set(re.findall(r"^  (\w+) =", entry.bibtex, re.MULTILINE))
        assert entry.bibtex in text


@pytest.mark.parametrize("key", list(entries()))
def test_texts_are_unicode(key):
    entry = entries()[key]
    text = entry.text()
    assert not set("\\{}~") & set(text)
    assert entry.year in text
    assert all(author in text for author in entry.authors)
    assert len(entry.authors) == entry.fields["author"].count(" and ") + 1


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"Qu{\'e}au", "Quéau"), (r"Qu\'eau", "Quéau"), (r"Qu\'{e}au", "Quéau"), (r"{\L}ojasiewicz", "Łojasiewicz"),
        (r"Stanis{\l}aw", "Stanisław"), (r"L{\'e}na{\"i}c", "Lénaïc"), (r"na{\"\i}ve", "naïve"),
        (r"{\v c}", "č"), ("A & {B}--C", "A & B–C"),
    ],
)  # fmt: skip
def test_accents(tex, text):
    assert unicode_text(tex) == text


def test_without_identifier_the_software_and_its_paper():
    text = " ".join(dipcert().stdout.split())
    assert software()["title"] in text
    assert software()["version"] in text
    assert entries()[PAPER].title in text
    bibtex = dipcert("--format", "bibtex").stdout
    assert re.findall(r"^@(\w+)\{(\w+),", bibtex, re.MULTILINE) == [("software", "dipcert"), ("article", PAPER)]
    assert bibtex.count("{") == bibtex.count("}")


def test_the_software_is_that_of_the_citation_file():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    made = software()
    assert f'title: "{made["title"]}"' in text
    assert f"date-released: {made['year']}-" in text
    assert f'- name: "{made["authors"]}"' in text
    assert f"license: {made['license']}" in text
    assert f"doi: {entries()[PAPER].fields['doi']}" in text
    assert entries()[PAPER].title in text


def test_the_wheel_has_both_files():
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"][
        "wheel"
    ]
    assert wheel["force-include"] == {"CITATION.cff": "verify/CITATION.cff"}
    assert "theory" in wheel["packages"]


def test_sources_are_those_of_the_item_its_ancestors_and_its_hypotheses():
    found = sources(("sharp.stop",))
    assert set(found) >= {"horn2013", "hartman2002", "haussler1986", "buskulic2024"}
    assert "tropp2012" not in found
    assert list(found) == [key for key in entries() if key in found]
    for key, users in found.items():
        assert all(key in registry[user].cites for user in users)
    assert set(registry["sharp.length"].cites) <= set(found)
    assert "sharp.length" in ancestors("sharp.stop", registry)


@pytest.mark.parametrize("key", list(registry))
def test_every_item_can_be_cited(key):
    found = list(sources((key,)))
    bibtex = dipcert(key, "--format", "bibtex")
    assert bibtex.exit_code == 0
    assert re.findall(r"^@\w+\{(\w+),", bibtex.stdout, re.MULTILINE) == found
    text = dipcert(key).stdout
    assert re.findall(r"^\[(\w+)\]", text, re.MULTILINE) == found
    assert found or "no source is cited" in text
    data = json.loads(dipcert(key, "--json").stdout)
    assert [entry["key"] for entry in data["references"]] == found
    assert "software" not in data


def test_json_of_the_software():
    data = json.loads(dipcert("--json").stdout)
    assert data["software"] == software()
    assert [entry["key"] for entry in data["references"]] == [PAPER]


@pytest.mark.parametrize("arguments", [["sharp.stpo"], ["rho_0"]])
def test_bad_input_is_one_line_and_exit_code_2(arguments):
    done = dipcert(*arguments)
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert "no statement or assumption" in done.stderr


def test_an_unknown_format_is_wrong_usage():
    assert dipcert("--format", "ris").exit_code == 2


def test_a_key_without_entry_says_what_to_do():
    with pytest.raises(KeyError, match=r"nobody1999.*add it"):
        cited_by(("nobody1999",))
