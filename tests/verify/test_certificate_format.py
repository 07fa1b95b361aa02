"""The page on the format of certificates shows the tables of the checker."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from verify.recheck import BOUNDS, RULES

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "certificate_format.py"


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("certificate_format", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_shows_the_tables_of_the_checker(script):
    assert script.main(["--check"]) == 0
    rows = [
        line.split(" | ")[:2] for line in script.PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")
    ]
    assert {(kind.strip("| `"), method) for kind, method in rows} >= {*BOUNDS, *RULES}


def test_a_page_that_is_behind_is_noticed(script, tmp_path, monkeypatch, capsys):
    page = script.PAGE.read_text(encoding="utf-8")
    monkeypatch.setattr(script, "PAGE", tmp_path / "certificate_format.md")
    script.PAGE.write_text(page.replace("h ≤, ell_star ≤", "h ≤"), encoding="utf-8")
    assert script.main(["--check"]) == 1
    assert "python docs/certificate_format.py" in capsys.readouterr().out
    assert script.main([]) == 0
    assert script.PAGE.read_text(encoding="utf-8") == page
    script.PAGE.write_text(re.sub("<!-- bounds -->", "", page), encoding="utf-8")
    with pytest.raises(SystemExit, match="bounds"):
        script.main([])
