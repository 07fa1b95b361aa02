"""The small sweeps that the notebooks read are what the code computes."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from verify.sweep import Results, Sweep

NOTEBOOKS = Path(__file__).parents[3] / "notebooks"


def _sweeps() -> ModuleType:
    spec = importlib.util.spec_from_file_location("notebooks_sweeps", NOTEBOOKS / "sweeps.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SWEEPS = _sweeps()


def test_every_small_sweep_is_kept_and_nothing_else():
    assert {path.stem for path in (NOTEBOOKS / "kept").iterdir()} == set(SWEEPS.names()) != set()


@pytest.mark.parametrize("name", SWEEPS.names())
def test_kept_replicas_are_what_the_code_computes(name):
    assert SWEEPS.differences(name, 2, seed=1) == []


def test_a_replica_that_is_not_is_found(monkeypatch: pytest.MonkeyPatch):
    found = SWEEPS.kept("phase_small")
    cells = tuple(
        dataclasses.replace(
            cell, records={i: dataclasses.replace(r, time=1.0001 * r.time) for i, r in cell.records.items()}
        )
        for cell in found.results.cells
        if all(r.converged for r in cell.records.values())
    )
    altered = Sweep(found.plan, Results(found.results.title, cells))
    monkeypatch.setattr(SWEEPS, "kept", lambda name: altered)
    (wrong,) = SWEEPS.differences("phase_small", 1)
    assert "time is" in wrong
