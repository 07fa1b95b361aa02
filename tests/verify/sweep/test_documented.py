"""docs/sweeps.md and the README say of every experiment what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from verify.sweep.kinds import KINDS, get_kind

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
FILES = {path.stem for path in (ROOT / "examples" / "sweeps").glob("*.toml")}


@pytest.mark.parametrize("name", KINDS)
def test_an_experiment_is_described_with_all_its_parameters(name):
    (paragraph,) = re.findall(rf"^\*\*`{name}`\.\*\*.*?(?=\n\n)", TEXT, re.S | re.M)
    if "Parameters and replicas of `phase`" in paragraph:
        assert get_kind(name).config is get_kind("phase").config
        return
    assert "Parameters:" in paragraph
    named = set(re.findall(r"`(\w+)`", paragraph[paragraph.index("Parameters:") :]))
    assert set(get_kind(name).parameters) <= named, set(get_kind(name).parameters) - named


def test_every_experiment_file_is_named():
    table = TEXT[TEXT.index("## The experiments") : TEXT.index("Times are those of")]
    assert set(re.findall(r"`(\w+_(?:small|full|paper))`", table)) == FILES
    rows = re.findall(r"^\| `(\w+)` \|", table, re.M)
    assert sorted(rows) == sorted(KINDS)


def test_every_experiment_is_in_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme[readme.index("## Sweeps") : readme.index("## Fast engines")]
    asked = set(re.findall(r"`(\w+)`", section))
    assert {name.removesuffix("_small") for name in FILES if name.endswith("_small")} <= asked
