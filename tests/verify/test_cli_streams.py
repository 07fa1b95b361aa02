"""The real command with a reader that leaves and with a full disk behind stdout."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROBLEM = """
[signal]
source = "values"
values = [1.0, 2.0]
[operator]
kind = "identity"
[noise]
relative = 0.1
[network]
width = 64
antisymmetric = true
"""
COMMAND = [sys.executable, "-m", "verify.cli", "run"]


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    path = tmp_path / "problem.toml"
    path.write_text(PROBLEM, encoding="utf-8")
    return path


def test_a_reader_that_leaves_early_does_not_change_the_verdict(problem: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*COMMAND, str(problem), "--out", str(problem.parent / "out")],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )
    os.close(writer)
    assert done.returncode == 0, done.stderr
    assert (problem.parent / "out" / "result.json").is_file()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_behind_stdout_is_one_line_and_keeps_the_results(problem: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, str(problem), "--out", str(problem.parent / "out")],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert "could not be printed" in done.stderr
    assert "Traceback" not in done.stderr
    assert (problem.parent / "out" / "result.json").is_file()
