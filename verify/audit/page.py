"""An audit as a page to read: one HTML file with its figures inside, which needs no network, for light and dark screens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, Final

from verify.audit.evidence import EVIDENCE
from verify.audit.figures import INKS, waterfall_svg
from verify.audit.status import LEVELS
from verify.audit.tables import LETTERS, amount, ancestry, closest, died, score_line, summary

__all__ = ["page"]

Data = Mapping[str, Any]

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1b1d21; --dim: #62666d; --line: #d9dce1; --paper: #ffffff; --soft: #f4f5f7;
  --good: #1c7a4a; --bad: #b3261e; --warn: #8a6100; --link: #2457a8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e6ea; --dim: #9aa0a8; --line: #363a41; --paper: #16181c;
  --soft: #1f2227; --good: #63c794; --bad: #ff8a80; --warn: #e0b252; --link: #8ab4f8; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 72rem;
  margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.25rem; margin: 2.4rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.8rem 0 .2rem; }
a { color: var(--link); } code { font: .88em ui-monospace, monospace; overflow-wrap: anywhere; }
.dim { color: var(--dim); } .wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .86rem; } th, td { text-align: left; padding: .3rem .6rem;
  border-bottom: 1px solid var(--line); vertical-align: top; } th { background: var(--soft); position: sticky; top: 0; }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.holds, .not-refuted, .killed, .checked { color: var(--good); }
.violated, .open, .survived, .fails, .error { color: var(--bad); font-weight: 600; }
.vacuous, .undecided { color: var(--warn); } .not-measured, .asked { color: var(--dim); }
summary { cursor: pointer; } details p { margin: .3rem 0; max-width: 60rem; }
.swatch { display: inline-block; width: 1.35em; text-align: center; color: #fff; border-radius: 3px; font-size: .8em; }
svg { width: 100%; height: auto; max-width: 54rem; display: block; margin: .4rem 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; } dt { font-weight: 600; } dd { margin: 0; }
"""


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, *children: Any, **attributes: Any) -> Html:
    """An element; children that are not HTML are escaped, lists are put one after the other; ``class_`` is the class.

    >>> tag("p", "a < b ", tag("b", "c"), class_="x")
    '<p class="x">a &lt; b <b>c</b></p>'
    """
    given = "".join(f' {key.rstrip("_")}="{escape(str(value))}"' for key, value in attributes.items() if value)
    return Html(f"<{name}{given}>{joined(children)}</{name}>")


def joined(parts: Iterable[Any]) -> Html:
    """Everything one after the other; None is nothing."""
    texts = []
    for part in parts:
        if isinstance(part, Html):
            texts.append(str(part))
        elif isinstance(part, list | tuple):
            texts.append(str(joined(part)))
        elif part is not None:
            texts.append(escape(str(part)))
    return Html("".join(texts))


def page(data: Data) -> str:
    """The whole page of an audit (the content of audit.json)."""
    parts = [
        tag("h1", "Audit of the proofs"),
        tag("p", summary(data), class_="dim"),
        tag("p", "Interrupted: this is what was found until then.", class_="fails") if data["interrupted"] else None,
        _intro(data),
        _findings(data),
        _statements(data),
        _waterfalls(data),
        _mutants(data),
        _constants(data),
        _instances(data),
    ]
    head = joined([tag("meta", charset="utf-8"), tag("title", "dipcert audit"), tag("style", Html(_STYLE)),
                   tag("meta", name_="viewport", content="width=device-width, initial-scale=1")])  # fmt: skip
    head = Html(head.replace("></meta>", ">"))
    return "<!doctype html>\n" + tag("html", tag("head", head), tag("body", *parts), lang="en") + "\n"


def _intro(data: Data) -> Html:
    asked = data["asked"]
    what = f"{len(asked)} statements" if len(asked) > 8 else ", ".join(asked)
    return joined(
        [
            tag(
                "p",
                f"An audit holds {what}, and every proof step they rest on, against small instances of which everything "
                "can be measured: each is run once, and at every stored time both sides of every conclusion are "
                "evaluated from the run, with a bound of their errors. A claim is tested only where its hypotheses and "
                "conditions hold. That nothing is violated is evidence, not proof; the column “proof” says what the "
                "written proofs and SymPy give.",
            ),
            tag("p", "Sections: ", [[tag("a", key, href=f"#{key}"), " "] for key in _SECTIONS]),
        ]
    )


_SECTIONS: Final = ("findings", "statements", "waterfalls", "mutants", "constants", "instances")


def _table(head: Iterable[str], rows: Iterable[Any]) -> Html:
    return tag(
        "div",
        tag("table", tag("thead", tag("tr", [tag("th", name) for name in head])), tag("tbody", *rows)),
        class_="wide",
    )


def _cell(word: str) -> Html:
    return tag("td", word, class_=word.replace(" ", "-"))


def _case(name: str | None) -> Html | None:
    return None if not name else tag("a", "case", href=f"cases/{name}")


def _findings(data: Data) -> Html:
    rows = [
        tag(
            "tr",
            tag("td", row["kind"], class_="fails" if row["fails"] or row["kind"] == "error" else ""),
            tag("td", tag("a", row["statement"], href=f"#{row['statement']}")),
            tag("td", row["text"]),
            tag("td", row["evidence"], " " if row["case"] else "", _case(row["case"])),
        )
        for row in data["findings"]
    ]
    said = (
        "Nothing is violated." if not any(row["fails"] for row in data["findings"]) else "Something fails: see below."
    )
    return joined(
        [
            tag("h2", "Findings", id="findings"),
            tag("p", said, " Cases are small files; ", tag("code", "dipcert replay FILE"), " runs one again."),
            _table(("kind", "statement", "finding", "evidence"), rows),
        ]
    )


def _statements(data: Data) -> Html:
    present = {row["evidence"] for row in data["statements"]}
    legend = [[tag("dt", word, class_=word.replace(" ", "-")), tag("dd", text)] for word, text in EVIDENCE.items()
              if word in present]  # fmt: skip
    return joined(
        [
            tag("h2", "Statements, each after what it rests on", id="statements"),
            tag("p", f"“With ancestors” is the weakest among a statement and all it rests on, in the order "
                f"{' < '.join(LEVELS)}. Times: stored times at which it holds / is attained (equal to six digits) / is "
                "undecided / is violated. Tightness 1: attained; 0: far from it."),
            tag("dl", *legend),
            _table(("statement", "proof", "evidence", "with ancestors", "in force", "times", "tightness", "closest to failing"),
                   [_statement(row) for row in data["statements"]]),
        ]
    )  # fmt: skip


def _statement(row: Data) -> Html:
    counts = " / ".join(str(row["counts"][name]) for name in ("holds", "attained", "undecided", "violated"))
    found = row["tightest"]
    tightness = "" if found is None or row["equation"] else f"{float(found['tightness']):.5g}"
    neutral = row["status"] in ("asked", "nothing")
    return tag(
        "tr",
        tag(
            "td",
            tag(
                "details",
                tag("summary", tag("code", row["id"])),
                tag("p", tag("b", row["title"]), f" ({row['kind']})"),
                tag("p", row["text"]),
                tag("p", tag("code", row["conclusion"])) if row["conclusion"] else None,
                tag("p", row["tight"], class_="dim") if row["tight"] else None,
            ),
            id=row["id"],
        ),
        _cell(row["proof"] or ""),
        _cell(row["evidence"]),
        tag("td", tag("span", "" if neutral else row["status"], class_=row["status"].replace(" ", "-")),
            tag("div", ancestry(row).partition(", ")[2], class_="dim") if ancestry(row) else None),
        tag("td", f"{row['non_vacuous']} of {row['instances']}" if row["instances"] else "", class_="n"),
        tag("td", counts if row["non_vacuous"] else "", class_="n"),
        tag("td", tightness, class_="n"),
        tag("td", closest(row), " " if found else "", _case(found["case"]) if found else None),
    )  # fmt: skip


def _waterfalls(data: Data) -> Html:
    falls = [fall for fall in data["waterfalls"] if fall["mean"] is not None]
    return joined(
        [
            tag("h2", "Where bounds are loose", id="waterfalls"),
            tag("p", "Each bound is taken apart along its proof: what one step gives away is a factor, and their product is "
                "exactly how loose the bound is (sums: terms, as shares of the bound). Bars are drawn on a logarithmic "
                "scale, so that their lengths add up; one bar is the average over the time of the runs of one kind of "
                "instance. “On average” counts every kind once."),
            [_waterfall(fall) for fall in falls],
        ]
    )  # fmt: skip


def _waterfall(fall: Data) -> Html:
    loosest, mean = fall["loosest"], fall["mean"]
    rows = [
        tag("tr",
            tag("td", tag("span", LETTERS[i], class_="swatch", style=f"background:{INKS[i]}")),
            tag("td", part["label"]),
            tag("td", tag("code", part["step"])),
            tag("td", amount(fall, mean["parts"][i]), class_="n"),
            tag("td", f"{100 * float(mean['shares'][i]):.0f} %", class_="n"),
            tag("td", amount(fall, loosest["parts"][i]), class_="n"))
        for i, part in enumerate(fall["parts"])
    ]  # fmt: skip
    where = f"{loosest['instance']}, t = {float(loosest['t']):.4g}"
    rows.append(
        tag("tr", tag("td"), tag("td", tag("b", "all of it")), tag("td"), tag("td", amount(fall, mean["total"]), class_="n"),
            tag("td"), tag("td", amount(fall, loosest["total"]), class_="n"))
    )  # fmt: skip
    return joined(
        [
            tag("h3", tag("code", fall["statement"]), f": {fall['reads']}"),
            tag(
                "p", f"{fall['instances']} instances, {fall['points']} stored times; loosest on {where}.", class_="dim"
            ),
            Html(waterfall_svg(fall)),
            _table(("", "what is given away", "by", "on average", "share", "at the loosest time"), rows),
        ]
    )


def _mutants(data: Data) -> Html:
    heading = tag("h2", "Mutants", id="mutants")
    if data["mutants"] is None:
        return joined([heading, tag("p", "Not hunted: add ", tag("code", "--mutants"), " to the audit.")])
    rows = [
        tag("tr",
            tag("td", tag("code", row["name"])), tag("td", row["text"]), tag("td", row["truth"]),
            tag("td", row["verdict"], class_="fails" if (row["truth"] == "false") != (row["verdict"] == "killed") else "holds"),
            tag("td", f"{row['non_vacuous']} of {row['instances']}", class_="n"),
            tag("td", died(row), " " if row["case"] else "", _case(row["case"])))
        for row in data["mutants"]["rows"]
    ]  # fmt: skip
    return joined(
        [
            heading,
            tag("p", "A mutant is a wrong variant that a statement declares: a check that cannot tell it from the statement "
                "is worth nothing. False ones have to be killed by a counterexample; those that are true because the "
                "statement has slack have to survive. ", tag("b", score_line(data["mutants"]["score"])), "."),
            _table(("mutant", "what is changed", "is", "hunted", "in force", "counterexample, or why it is true"), rows),
        ]
    )  # fmt: skip


def _constants(data: Data) -> Html:
    heading = tag("h2", "Critical constants", id="constants")
    if not data["constants"]:
        return joined([heading, tag("p", "Not turned: add ", tag("code", "--mutants"), " to the audit.")])
    rows = [
        tag("tr",
            tag("td", tag("code", row["statement"])), tag("td", row["text"] or row["constant"]),
            tag("td", _digits(row["stated"]), class_="n"), tag("td", row["stronger"]),
            tag("td", _digits(row["refuted"]) or "nowhere", class_="n"), tag("td", _digits(row["optimum"]), class_="n"),
            tag("td", _digits(row["relative_difference"], 2), class_="n"))
        for row in data["constants"]
    ]  # fmt: skip
    return joined(
        [
            heading,
            tag("p", "Each constant is turned in the direction in which the claim gets stronger, on families of runs that are "
                "known in closed form at fifty digits, until one of them refutes it."),
            _table(("statement", "constant", "stated", "stronger", "first refuted at", "proved optimum", "off by"), rows),
        ]
    )  # fmt: skip


def _digits(text: Any, digits: int = 10) -> str:
    return "" if text is None else f"{float(text):.{digits}g}"


def _instances(data: Data) -> Html:
    families: dict[str, list[str]] = {}
    for row in data["instances"]:
        families.setdefault(row["family"], []).append(row["name"])
    listed = [
        [tag("dt", f"{family} ({len(names)})"), tag("dd", "; ".join(names))] for family, names in families.items()
    ]
    skipped = [tag("li", f"{row['name']}: {row['why']}") for row in data["skipped"]]
    return joined(
        [
            tag("h2", "Instances", id="instances"),
            tag("dl", *listed),
            [tag("p", "Could not be run:"), tag("ul", *skipped)] if skipped else None,
        ]
    )
