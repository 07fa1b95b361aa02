"""The flow engine's promise on a handful of the random instances; `python -m benchmarks.accuracy` looks at 500."""

import os

import pytest

from benchmarks import accuracy

SEEDS = range(500) if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else range(0, 48, 6)


@pytest.mark.parametrize("rtol", [1e-4, 1e-7])
def test_tolerance_and_estimates_hold(rtol):
    rows = [accuracy.examine(seed, rtol) for seed in SEEDS]
    assert {row.train for row in rows} == {"both", "W"}
    assert max(row.error_over_tolerance for row in rows) <= 3
    assert sum(row.error_over_tolerance > 1 for row in rows) <= 0.01 * len(rows)
    for name in ("error", "length", "residual"):
        beyond = [row for row in rows if getattr(row, f"{name}_over_estimate") > 1]
        assert len(beyond) <= 0.01 * len(rows), beyond


def test_the_command_writes_its_rows(tmp_path, capsys):
    out = tmp_path / "found.csv"
    assert accuracy.main(["--instances", "2", "--jobs", "1", "--rtol", "1e-3", "--out", str(out)]) == 0
    assert len(out.read_text().splitlines()) == 3
    assert "2 instances at rtol = 0.001" in capsys.readouterr().out
