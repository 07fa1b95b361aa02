"""`dipcert report` of a file that `dipcert audit` did not write."""

import json

import pytest
from click.testing import CliRunner

from verify.audit.run import SCHEMA
from verify.cli import main


@pytest.mark.parametrize("rest", [{}, {"statements": 5}, {"statements": [1], "findings": None, "interrupted": []}])
def test_a_malformed_audit_is_refused_in_one_line(tmp_path, rest):
    (tmp_path / "audit.json").write_text(json.dumps({"schema": SCHEMA, **rest}))
    result = CliRunner().invoke(main, ["report", str(tmp_path)])
    assert result.exit_code == 2
    assert "is not what `dipcert audit --out DIR` writes" in result.output
    assert len(result.output.splitlines()) == 1
    assert not (tmp_path / "report.html").exists()
