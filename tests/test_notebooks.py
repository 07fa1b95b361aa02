"""Notebooks as they are committed: titled, without outputs, checking their own numbers, and found from the README.

Nothing is executed here: `notebooks/execute.py` does that, in `.ci/run`.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
METADATA = {"cell_metadata_filter": "-all", "main_language": "python", "notebook_metadata_filter": "-all"}
PAGES = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")))

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path, kind):
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in found if cell["cell_type"] == kind]


def code(path):
    """All of it, without magics."""
    lines = "\n".join(cells(path, "code")).splitlines()
    return "\n".join(line for line in lines if not line.startswith(("%", "!")))


def test_numbers_are_unique():
    assert len(NOTEBOOKS) >= 3
    numbers = [path.stem.partition("_")[0] for path in NOTEBOOKS]
    assert all(re.fullmatch(r"\d\d[a-z]?", number) for number in numbers)
    assert not [number for number, count in Counter(numbers).items() if count > 1]


@each
def test_nothing_is_stored_but_what_was_written(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert notebook["metadata"] == {"jupytext": METADATA}
    made = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not [cell["id"] for cell in made if cell["outputs"] or cell["execution_count"] is not None]
    assert not [cell["id"] for cell in notebook["cells"] if cell["metadata"]]
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])


@each
def test_it_begins_with_a_title_and_is_found_from_the_documentation(path):
    first = json.loads(path.read_text(encoding="utf-8"))["cells"][0]
    assert first["cell_type"] == "markdown"
    assert "".join(first["source"]).startswith("# ")
    assert path.name in PAGES


@each
def test_it_asserts_what_it_shows(path):
    asserted = [node.test for node in ast.walk(ast.parse(code(path))) if isinstance(node, ast.Assert)]
    assert len(asserted) >= 3
    assert not [ast.unparse(test) for test in asserted if isinstance(test, ast.Constant)]


@each
def test_it_runs_anywhere_and_its_links_lead_somewhere(path):
    text = "\n".join(cells(path, "code") + cells(path, "markdown"))
    assert not re.findall(r"(?<![\w.])(?:/(?:home|tmp|root|work|Users|mnt)/|[A-Z]:\\)\S*", text)
    named = set(re.findall(r"\b(\d\d[a-z]?_\w+\.ipynb)\b", text))
    assert not [name for name in named if not (ROOT / "notebooks" / name).is_file()]


@each
def test_figures_are_shown(path):
    """Without pyplot nothing tells the kernel to draw a Figure: a reader would see `<Figure size ...>` and no picture."""
    source = "\n".join(cells(path, "code"))
    draws = re.search(r"\bFigure\(|figure\(|\bdraw\(", source)
    if draws:
        assert "%matplotlib inline" in source[: draws.start()]
