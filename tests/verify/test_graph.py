"""``dipcert graph``: the edges of the registry, the same bytes twice, and nothing on top of anything."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from itertools import combinations

import pytest
from click.testing import CliRunner

from theory.ledger import Registry, registry
from theory.statement import Statement
from theory.status import LEVELS, ancestors
from verify.cli import main
from verify.commands.theory_ import get_statuses
from verify.graphs import COLOURS, SHAPES, dependencies, make, to_dot

pytestmark = pytest.mark.usefixtures("cache")


def dipcert(*arguments):
    return CliRunner().invoke(main, ["graph", *map(str, arguments)])


def graph_of(**options):
    reduce = options.pop("reduce", True)
    used = dependencies(registry, **options)
    return make(registry, used, get_statuses(used), reduce=reduce)


def edges(graph):
    return {(edge.source, edge.target): edge.role for edge in graph.edges}


def test_all_edges_are_those_declared():
    expected = {}
    for key, item in registry.items():
        expected |= {(other, key): "proof" for other in item.proof_uses}
        expected |= {(other, key): "statement" for other in (*item.uses, *item.hypotheses)}
    assert edges(graph_of(reduce=False)) == expected


def reachable(pairs):
    below = {}
    for source, target in pairs:
        below.setdefault(target, set()).add(source)

    def visit(key, seen):
        for other in below.get(key, ()):
            if other not in seen:
                seen.add(other)
                visit(other, seen)
        return seen

    return {key: visit(key, set()) for key in registry}


def test_reduction_changes_nothing_that_can_be_reached():
    full, reduced = edges(graph_of(reduce=False)), edges(graph_of())
    assert reduced.items() < full.items()
    assert reachable(full) == reachable(reduced)
    for pair in reduced:  # each one is needed
        assert reachable(set(reduced) - {pair}) != reachable(reduced)


def test_root_prefix_and_statement_only():
    items = {item.id for item in graph_of(root="sharp.stop").items}
    rests = {"sharp.stop", *ancestors("sharp.stop", registry)}
    assert items == rests | {hypothesis for key in rests for hypothesis in registry[key].hypotheses}
    assert {item.id for item in graph_of(prefix="dip2.").items} == {key for key in registry if key.startswith("dip2.")}
    only = graph_of(statement_only=True)
    assert {edge.role for edge in only.edges} == {"statement"}
    assert "step.energy" not in {item.id for item in graph_of(root="sharp.stop", statement_only=True).items}


def test_every_kind_and_level_can_be_drawn():
    from theory.statement import Kind

    assert set(SHAPES) == set(Kind.__args__)
    assert set(COLOURS) == set(LEVELS)


def test_dot_says_the_same():
    graph = graph_of(root="sharp.stop")
    text = to_dot(graph)
    assert set(re.findall(r'^  "([^"]+)" \[shape', text, re.MULTILINE)) == {item.id for item in graph.items}
    drawn = re.findall(r'^  "([^"]+)" -> "([^"]+)"( \[style="dashed"\])?;', text, re.MULTILINE)
    assert {(a, b): "proof" if dashed else "statement" for a, b, dashed in drawn} == edges(graph)
    assert text.count("{") == text.count("}") == 1


def test_dot_survives_quotes():
    thing = Statement("x.y", "remark", "new", 'a "quoted\\ title', "text", proof="words")
    items = Registry((thing,))
    from theory.status import statuses

    text = to_dot(make(items, dependencies(items), statuses(items)))
    assert r"a \"quoted\\ title" in text


def test_dot_needs_no_layout(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "igraph", None)
    assert dipcert("--out", tmp_path / "g.dot").exit_code == 0
    done = dipcert("--out", tmp_path / "g.svg")
    assert done.exit_code == 2
    assert "pip install 'dipcert[graph]'" in done.stderr
    assert done.stderr.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["g.dot"]


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf", "dot"])
def test_the_same_bytes_twice(suffix, tmp_path):
    if suffix != "dot":
        pytest.importorskip("igraph")
    for name in ("a", "b"):
        done = dipcert("--out", tmp_path / f"{name}.{suffix}", "--root", "sharp.rate")
        assert done.exit_code == 0, done.output
        assert "drawn to" in done.stderr
    content = (tmp_path / f"a.{suffix}").read_bytes()
    assert content == (tmp_path / f"b.{suffix}").read_bytes()
    assert content.startswith({"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF", "dot": b"//"}[suffix])
    assert len(list(tmp_path.iterdir())) == 2


def test_the_svg_of_everything_names_every_item(tmp_path):
    pytest.importorskip("igraph")
    assert dipcert("--out", tmp_path / "all.svg").exit_code == 0
    text = (tmp_path / "all.svg").read_text(encoding="utf-8")
    ET.fromstring(text)
    written = re.findall(r"<!-- (.*?) -->", text)  # matplotlib leaves the text beside its outlines
    assert set(registry) <= set(written)


@pytest.mark.parametrize(
    "options", [{}, {"root": "sharp.stop"}, {"prefix": "trusted."}, {"reduce": False}, {"root": "A.init"}]
)
def test_nothing_overlaps_and_nothing_is_cut_off(options):
    pytest.importorskip("igraph")
    from verify.graph_drawing import _HEIGHT, _MARGIN, _box_width, _Layout, draw

    graph = graph_of(**options)
    layout = _Layout(graph)
    boxes = {}
    for item in graph.items:
        x, y = layout.at[item.id]
        half = _box_width(item.id) / 2
        boxes[item.id] = (x - half, x + half, y - _HEIGHT / 2, y + _HEIGHT / 2)
        assert boxes[item.id][0] >= -1e-6
        assert boxes[item.id][1] <= layout.width + 1e-6
        assert boxes[item.id][2] >= -1e-6
        assert boxes[item.id][3] <= layout.height + 1e-6
    for (a, (l1, r1, t1, b1)), (b, (l2, r2, t2, b2)) in combinations(boxes.items(), 2):
        assert r1 < l2 or r2 < l1 or b1 + 3 < t2 or b2 + 3 < t1, f"{a} overlaps {b}"
    for edge in graph.edges:  # edges pass the layers between, never through a box
        for (x0, y0), (x1, _) in list(zip(layout.route(edge), layout.route(edge)[1:], strict=False))[2:-1:2]:
            for name, (left, right, top, bottom) in boxes.items():
                if left < x1 and right > x0 and name not in (edge.source, edge.target):
                    assert not top - 1 < y0 < bottom + 1, f"{edge} crosses {name}"
    figure = draw(graph)
    ax = figure.axes[0]
    renderer = figure.canvas.get_renderer() if hasattr(figure.canvas, "get_renderer") else None
    if renderer is None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        renderer = FigureCanvasAgg(figure).get_renderer()
    page = figure.bbox
    for text in ax.texts:
        box = text.get_window_extent(renderer)
        assert box.x0 >= page.x0
        assert box.x1 <= page.x1
        assert box.y0 >= page.y0
        assert box.y1 <= page.y1
    scale = figure.dpi / 72
    for text in ax.texts:
        if text.get_text() in boxes:
            left, right, *_ = boxes[text.get_text()]
            assert text.get_window_extent(renderer).width <= (right - left) * scale - 6
    assert figure.get_size_inches()[0] * 72 >= layout.width + 2 * _MARGIN - 1e-6


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--out", "g.gif"], ".svg"),
        (["--out", "g"], ".svg"),
        (["--out", "no/such/g.svg"], "does not exist"),
        (["--out", "dir.svg"], "is a directory"),
        (["--out", "g.svg", "--root", "sharp.stpo"], "sharp.stop"),
        (["--out", "g.svg", "--prefix", "nope"], "dipcert list"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dir.svg").mkdir()
    done = dipcert(*arguments)
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert expected in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["dir.svg"]


def test_out_is_required():
    assert dipcert().exit_code == 2


def test_a_failing_disk_keeps_the_earlier_file(tmp_path, monkeypatch):
    (tmp_path / "g.dot").write_text("mine", encoding="utf-8")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("verify.commands.graph.os.replace", full)
    done = dipcert("--out", tmp_path / "g.dot")
    assert done.exit_code == 2
    assert "no space left on device" in done.stderr
    assert (tmp_path / "g.dot").read_text(encoding="utf-8") == "mine"
    assert len(list(tmp_path.iterdir())) == 1
