"""docs/sweeps.md and the README say of every experiment what there is."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from verify.sweep.kinds import KINDS, get_kind
from verify.tables import ProblemError

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


def test_the_experiment_of_the_documentation_works(tmp_path, monkeypatch, capsys):
    section = TEXT[TEXT.index("## Adding an experiment") :]
    experiment, use = re.findall(r"```python\n(.*?)```", section, re.S)
    (tmp_path / "condition_experiment.py").write_text(experiment, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module("condition_experiment")
    exec(use, vars(module))
    assert "status='complete', computed=15" in capsys.readouterr().out
    assert (tmp_path / "condition.svg").stat().st_size > 1000
    (picture,) = vars(module)["summary"].pictures
    assert [row[:3] for row in picture.table.rows] == [(5, 5, 10.0), (10, 5, 10.0), (20, 5, 10.0)]
    assert picture.table.rows[-1][3] > 0
    with pytest.raises(ValueError, match="rows = 0"):
        module.Config(0)


def test_an_experiment_that_cannot_be_imported_is_named(tmp_path, monkeypatch):
    (tmp_path / "broken_experiment.py").write_text("@dataclass\nclass Config: pass\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(KINDS, "broken", "broken_experiment")
    with pytest.raises(ProblemError, match=r"'broken' cannot be used \(NameError: .*\); correct broken_experiment"):
        get_kind("broken")
