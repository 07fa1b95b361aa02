"""Pages made from the registry are current; every identifier that the README or a guarantee names exists."""

import re
import runpy
import tomllib
from pathlib import Path

import pytest

from theory.ledger import registry

ROOT = Path(__file__).resolve().parent.parent
IDENTIFIER = re.compile(r"`((?:A|baseline|step|sharp|illposed|dip2|wonly|recover|kl|gd|deep)\.[A-Za-z0-9_.]+)`")


def test_the_page_of_statements_is_what_the_theory_says() -> None:
    page = runpy.run_path(str(ROOT / "docs" / "statements.py"))["page"]
    assert (ROOT / "docs" / "statements.md").read_text(encoding="utf-8") == page(), "run: python docs/statements.py"


def test_the_widths_of_the_page_are_what_the_calculators_say() -> None:
    assert runpy.run_path(str(ROOT / "docs" / "widths.py"))["check"]() == 0, "run: python docs/widths.py"


def test_the_readme_shows_what_its_commands_print(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "110")  # put back afterwards
    page = runpy.run_path(str(ROOT / "docs" / "commands.py"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(page["BLOCK"].findall(readme)) >= 2
    assert page["fresh"](readme) == readme, "run: python docs/commands.py"


@pytest.mark.parametrize(
    "path", ["README.md", "CHANGELOG.md", *(str(p.relative_to(ROOT)) for p in ROOT.glob("verify/**/*.py"))]
)
def test_identifiers_exist(path: str) -> None:
    for name in IDENTIFIER.findall((ROOT / path).read_text(encoding="utf-8")):
        assert name in registry, f"{path} names {name}"


def test_guarantees_name_statements() -> None:
    """The identifiers that verify.guarantees puts into results, found as string literals."""
    found = set()
    for path in (ROOT / "verify" / "guarantees").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r'"((?:baseline|step|sharp|illposed|dip2|wonly|recover)\.[a-z0-9_]+)"', text))
    assert len(found) >= 15
    assert found <= set(registry)


def test_the_problem_file_of_the_readme_is_valid() -> None:
    from verify import build, parse

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = text[text.index("```toml") + 8 :]
    problem = build(parse(tomllib.loads(block[: block.index("```")])))
    assert problem.forward.shape == (64, 128)
    assert problem.noise_norm is not None


def test_the_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
