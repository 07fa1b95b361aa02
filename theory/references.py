"""The sources that statements cite, read from ``references.bib``.

>>> entries()["buskulic2024"].year
'2024'
>>> entries()["bolte2010"].text().split(" (2010)")[0]
'Jérôme Bolte, Aris Daniilidis, Olivier Ley, Laurent Mazet'
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

__all__ = ["Reference", "cited_by", "entries", "unicode_text"]

_FILE: Final = Path(__file__).resolve().parent / "references.bib"
_ACCENTS: Final = {
    "'": "\u0301",
    "`": "\u0300",
    "^": "\u0302",
    '"': "\u0308",
    "~": "\u0303",
    "c": "\u0327",
    "v": "\u030c",
}
_LETTERS: Final = {"ss": "ß", "L": "Ł", "l": "ł", "o": "ø", "O": "Ø", "ae": "æ", "aa": "å", "i": "ı"}


def unicode_text(tex: str) -> str:
    r"""BibTeX's text as Unicode: accents composed, braces gone.

    >>> unicode_text(r"H{\"a}u{\ss}ler and {\L}ojasiewicz, Gon{\c c}alves, {K}antorovich-type, 1--2")
    'Häußler and Łojasiewicz, Gonçalves, Kantorovich-type, 1–2'
    """

    def accent(match: re.Match[str]) -> str:
        return unicodedata.normalize("NFC", match[2] + _ACCENTS[match[1]])

    tex = re.sub(r"""\{?\\(['`^"~])\s*\{?\\?([A-Za-z])\}?\}?""", accent, tex)
    tex = re.sub(r"\{?\\([cv])[\s{]+([A-Za-z])\}?\}?", accent, tex)
    tex = re.sub(r"\{?\\(ss|ae|aa|[LloOi])\b\s*\}?", lambda match: _LETTERS[match[1]], tex)
    return tex.replace("{", "").replace("}", "").replace("--", "–").replace("~", " ").replace(r"\&", "&")


@dataclass(frozen=True)
class Reference:
    """One entry: its key, its kind (article, book, ...), its fields as written, and its BibTeX source."""

    key: str
    kind: str
    fields: Mapping[str, str]
    bibtex: str

    def __getitem__(self, name: str) -> str:
        """A field as Unicode text; empty if the entry lacks it."""
        return unicode_text(self.fields.get(name, ""))

    @property
    def authors(self) -> tuple[str, ...]:
        """The authors, given name first."""
        names = self["author"].split(" and ")
        return tuple(" ".join(reversed(name.split(", ", 1))) for name in names)

    @property
    def title(self) -> str:
        """The title."""
        return self["title"]

    @property
    def year(self) -> str:
        """The year, as text."""
        return self["year"]

    def text(self) -> str:
        """Readable: authors (year): title. Where it appeared."""
        volume = f" {self['volume']}" if self["volume"] else ""
        pages = f", {self['pages']}" if self["pages"] else ""
        where = self["journal"] or self["booktitle"]
        parts = [where + volume + pages if where else "", self["publisher"]]
        parts += [f"doi:{self['doi']}" if self["doi"] else "", f"arXiv:{self['eprint']}" if self["eprint"] else ""]
        tail = ". ".join(part for part in parts if part)
        return f"{', '.join(self.authors)} ({self.year}): {self.title}." + (f" {tail}." if tail else "")

    def __str__(self) -> str:
        return self.text()


@cache
def entries() -> Mapping[str, Reference]:
    """Key → entry, in the order of the file."""
    found: dict[str, Reference] = {}
    for match in re.finditer(r"@(\w+)\{(\w+),\n(.*?)\n\}", _FILE.read_text(encoding="utf-8"), re.DOTALL):
        fields = dict(re.findall(r"^\s*(\w+) = \{(.*?)\},?$", match[3], re.MULTILINE | re.DOTALL))
        found[match[2]] = Reference(match[2], match[1].lower(), MappingProxyType(fields), match[0])
    return MappingProxyType(found)


def cited_by(keys: tuple[str, ...]) -> tuple[Reference, ...]:
    """The entries of citation keys; KeyError for one that is not in the file."""
    known = entries()
    missing = [key for key in keys if key not in known]
    if missing:
        raise KeyError(f"no entry {missing[0]!r} in theory/references.bib; add it there")
    return tuple(known[key] for key in keys)
