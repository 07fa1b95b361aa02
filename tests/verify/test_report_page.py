"""``dipcert report``: a page that is whole, needs nothing from outside, and says what the audit found."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
from click.testing import CliRunner

from theory.ledger import registry
from verify.audit import WATERFALLS, audit
from verify.audit.figures import waterfall_svg
from verify.audit.markdown import markdown
from verify.audit.mutants import hunted_rows, turned_row
from verify.audit.page import page, tag
from verify.audit.tables import amount, closest, segments
from verify.cli import main
from verify.engine import Engine
from verify.making import extremal
from verify.output import strict_json
from verify.pool import Instance, diagonal

pytestmark = pytest.mark.usefixtures("cache")

RUN = Engine(loss_ratio=1e-8, points_per_decade=3)
EXTREMAL = Instance("E(0.2) <&>", "extremal", extremal(0.2, noise=0.01), RUN)
STEEP = Instance("diag(1, 0.1), residual e1", "linear", diagonal([1, 0.1], [1, 0], [0.01, 0]), RUN)
VOID = {"meta", "br", "hr", "img"}


class Caught:
    """A hunted mutant."""

    def __init__(self, mutant, truth="false", verdict="killed"):
        self.mutant, self.truth, self.verdict = mutant, truth, verdict
        self.text, self.why, self.tried, self.non_vacuous = "1/4 -> <1/2>", "slack", 3, 2
        self.case = self.finding = None
        self.instance = "E(0.2)"


class Dial:
    stronger = "up"

    def to_json(self):
        return {"statement": "sharp.rate", "constant": "rate", "stated": "1", "refuted": "2", "kept": "2", "optimum": None,
                "relative_difference": None, "visited": 5, "in_force": 5, "stated_refuted": False, "stronger": "up"}  # fmt: skip


@pytest.fixture(scope="module")
def data():
    """What audit.json holds of everything on two instances, with mutants and a constant."""
    result = audit(registry, [EXTREMAL, STEEP])
    result.mutants, _ = hunted_rows([Caught("sharp.rate/a"), Caught("sharp.rate/b", verdict="survived")])
    result.constants = [turned_row(Dial(), "the factor 1")]
    return json.loads(json.dumps(strict_json(result.to_json()), allow_nan=False))


class Reader(HTMLParser):
    """Checks that elements are closed in order, and collects what a page refers to."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links, self.text, self.tags = [], [], [], [], set()

    def handle_starttag(self, name, attributes):
        self.tags.add(name)
        given = dict(attributes)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given[key] for key in ("href", "src", "xlink:href") if key in given]
        if name not in VOID:
            self.open.append(name)

    def handle_startendtag(self, name, attributes):
        self.handle_starttag(name, attributes)
        if name not in VOID:
            self.open.pop()

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, text):
        self.text.append(text)


def read(text):
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert not reader.open
    return reader


def test_the_page_is_whole_and_needs_nothing_from_outside(data):
    text = page(data)
    found = read(text)
    assert len(set(found.ids)) == len(found.ids)
    assert not found.tags & {"script", "link", "img", "iframe"}
    for link in found.links:
        assert link.startswith(("#", "cases/")), link
        assert not link.startswith("#") or link[1:] in found.ids, link
    outside = set(re.findall(r"https?://[^\s\"'<>)]+", text))
    assert outside <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "prefers-color-scheme: dark" in text


def test_every_statement_and_waterfall_is_on_the_page(data):
    found = read(page(data))
    assert {row["id"] for row in data["statements"]} <= set(found.ids)
    drawn = [fall["statement"] for fall in data["waterfalls"] if fall["mean"] is not None]
    assert len(drawn) >= 10
    text = "".join(found.text)
    assert all(fall["reads"] in text for fall in data["waterfalls"] if fall["statement"] in drawn)
    assert "E(0.2) <&>" in text  # escaped, and read back
    assert "1/4 -> <1/2>" in text
    assert "mutation score: 1 of 2 false mutants killed (50 %)" in text
    assert "the false mutant sharp.rate/b survived" in text
    assert "the factor 1" in text


def test_figures_take_the_colour_of_the_page(data):
    for fall in data["waterfalls"]:
        if fall["mean"] is None:
            continue
        svg = waterfall_svg(fall)
        root = ET.fromstring(svg)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "currentColor" in svg
        assert not re.search(
            r"(fill|stroke): ?#(000000|ffffff)", svg.replace("fill: #ffffff", "", svg.count("fill: #ffffff"))
        )
        texts = ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]
        assert any("extremal (1)" in text or "linear (1)" in text for text in texts)


def test_the_same_audit_makes_the_same_bytes(data):
    assert page(data) == page(data)


def test_bars_show_the_parts():
    """The baseline on a residual along the largest singular value: 100 of directions, 4 of the ball."""
    result = audit(registry, [STEEP], ["baseline.loss_rate"])
    fall = strict_json(result.looseness["baseline.loss_rate"].to_json())
    shares = dict(zip([part["step"] for part in fall["parts"]], fall["mean"]["shares"], strict=True))
    assert shares["step.gradient_lower"] == pytest.approx(0.7687, abs=1e-3)  # ln 100/ln 400
    assert shares["step.jacobian_ball"] == pytest.approx(0.2313, abs=1e-3)
    svg = waterfall_svg(fall)
    widths = {colour: float(right) - float(left) for left, right, colour in re.findall(
        r'<path d="M ([\d.]+) [\d.]+ \nL ([\d.]+) [^"]*" clip-path="[^"]*" style="fill: (#\w+)"', svg)}  # fmt: skip
    assert widths["#3f9b72"] / widths["#c0504d"] == pytest.approx(0.7687 / 0.2313, rel=1e-2)


def test_bars_of_text_add_up():
    assert sum(segments([0.333, 0.333, 0.334], 40)) == 40
    assert segments([0.0, 0.0]) == [0, 0]
    assert amount({"kind": "sum"}, 0.5) == "50.0 %"
    assert amount({"kind": "product"}, 1.25) == "x 1.25"


def test_infinities_and_gaps_are_told(data):
    row = {"tightest": {"slack": "inf", "budget": "nan", "instance": "x", "t": 1.0, "tightness": "nan"},
           "equation": False, "evidence_why": ""}  # fmt: skip
    assert closest(row) == "closest: slack inf on x, t = 1"
    bare = {
        **data,
        "waterfalls": [],
        "findings": [],
        "mutants": None,
        "constants": [],
        "statements": [],
        "instances": [],
    }
    text = "".join(read(page(bare)).text)
    assert "Not hunted" in text
    assert "Nothing is violated" in text
    assert markdown(bare).startswith("# Audit of the proofs")


def test_markdown_has_every_statement(data):
    text = markdown(data)
    for row in data["statements"]:
        assert f"| `{row['id']}` |" in text
    for line in text.splitlines():  # as many cells as the head of its table
        if line.startswith("| `sharp.length` | ") and "written" in line:
            assert len(re.findall(r"(?<!\\)\|", line)) == 7
    assert "## Mutants" in text
    assert "## Critical constants" in text


def test_tags_escape():
    assert tag("a", "x < y", href='"') == '<a href="&quot;">x &lt; y</a>'


# --- the command --------------------------------------------------------------------------------------------------------


def dipcert(*arguments):
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def result(monkeypatch, tmp_path):
    """A directory that the audit wrote."""
    monkeypatch.setattr("verify.pool.instances", lambda depth, seed: iter([EXTREMAL]))
    assert dipcert("audit", "sharp.length", "--out", str(tmp_path / "a")).exit_code == 0
    return tmp_path / "a"


def test_the_command_writes_both(result):
    done = dipcert("report", str(result))
    assert done.exit_code == 0, done.output
    assert "report.html" in done.stderr
    links = [link for link in read((result / "report.html").read_text()).links if link.startswith("cases/")]
    assert links
    assert all((result / link).is_file() for link in links)
    assert (result / "report.md").read_text().startswith("# Audit of the proofs")


def test_another_audit_to_the_same_place_replaces_the_page(result, monkeypatch):
    assert dipcert("report", str(result)).exit_code == 0
    (result / "notes.txt").write_text("mine")
    assert dipcert("audit", "sharp.length", "--out", str(result)).exit_code == 0
    assert not (result / "report.html").exists()  # it spoke of the earlier one
    assert (result / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "has no audit.json"),
        ("{", "cannot be read"),
        ('{"schema": "x"}', "has the schema 'x'"),
        ("[]", "schema 'list'"),
    ],
)
def test_what_is_no_audit_is_refused(tmp_path, content, said):
    if content is not None:
        (tmp_path / "audit.json").write_text(content)
    done = dipcert("report", str(tmp_path))
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert dipcert("report", str(tmp_path / "nowhere")).exit_code == 2


def test_waterfalls_have_letters_and_colours():
    from verify.audit.figures import INKS
    from verify.audit.tables import LETTERS

    assert max(len(fall.parts) for fall in WATERFALLS) <= min(len(INKS), len(LETTERS))
