"""Instances with a prescribed margin, and their runs, each built once a session."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from verify import guarantees
from verify.instance import Instance
from verify.problem import Problem, build, parse
from verify.run import RunResult, run
from verify.scale import smallest_scale


class Lab:
    """Makes problems; `run` remembers what it ran."""

    def __init__(self) -> None:
        self._runs: dict[str, RunResult] = {}

    @staticmethod
    def matrix(m: int, n: int, seed: int, low: float = 0.5, high: float = 1.0) -> list[list[float]]:
        """An m × n matrix of full rank with singular values evenly spaced in [low, high]."""
        rng = np.random.default_rng(seed)
        P = np.linalg.qr(rng.standard_normal((m, m)))[0]
        U = np.linalg.qr(rng.standard_normal((n, n)))[0]
        r = min(m, n)
        return ((P[:, :r] * np.linspace(high, low, r)) @ U[:, :r].T).tolist()

    def table(self, m: int = 3, n: int = 3, seed: int = 0, **changes: Any) -> dict[str, Any]:
        """A small problem as a dictionary; `changes` are merged table by table, None removes one."""
        rng = np.random.default_rng(seed + 1000)
        truth = rng.standard_normal(n)
        data: dict[str, Any] = {
            "seed": seed,
            "signal": {"source": "values", "values": (0.7 * truth / np.linalg.norm(truth)).tolist()},
            "operator": {"kind": "dense", "values": self.matrix(m, n, seed)},
            "noise": {"relative": 0.1},
            "network": {"width": 64, "antisymmetric": True},
            "flow": {"loss_tol": 1e-7},
        }
        for name, value in changes.items():
            if value is None:
                data.pop(name, None)
            elif isinstance(value, dict) and name in ("network", "flow", "stop"):
                data[name] = {**data.get(name, {}), **value}
            else:
                data[name] = value
        return data

    def problem(self, *args: Any, **changes: Any) -> Problem:
        return build(parse(self.table(*args, **changes)))

    def instance(self, *args: Any, **changes: Any) -> Instance:
        return Instance.of(self.problem(*args, **changes))

    def with_margin(self, condition: str, fraction: float, *args: Any, **changes: Any) -> dict[str, Any]:
        """The table whose output scale makes the condition hold with need/capacity = fraction (< 1: it holds).

        "sharp": h = fraction/2.  "baseline": R'/R = fraction.  "amgm": ρ0/capacity = fraction (dual).
        """
        data = self.table(*args, **changes)
        data["network"]["output_scale"] = 1.0
        start = Instance.of(build(parse(data)))
        advice = smallest_scale(start)
        assert advice is not None
        if condition == "baseline":
            need = start.upper("baseline.condition", "R_prime") / start.constants["R"].as_lower()
        else:
            found = {"sharp": advice.sharp, "amgm": advice.amgm}[condition]
            assert found is not None
            need = found / (1 + 1e-9)
        data["network"]["output_scale"] = need / fraction
        return data

    def run(self, data: dict[str, Any]) -> RunResult:
        key = json.dumps(data, sort_keys=True)
        if key not in self._runs:
            self._runs[key] = run(build(parse(data)))
        return self._runs[key]


def by_id(items: list[guarantees.Guarantee], statement: str, title: str = "") -> guarantees.Guarantee:
    """The guarantee of this statement (whose title contains `title`)."""
    return next(item for item in items if item.statement == statement and title in item.title)


@pytest.fixture(scope="session")
def lab() -> Lab:
    return Lab()


@pytest.fixture(scope="session")
def find():
    return by_id


@pytest.fixture(scope="session")
def _cache_path(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def cache(monkeypatch, _cache_path):
    """A cache directory of the tests' own, warm after the first test that needs the statuses."""
    monkeypatch.setattr("verify.cache.directory", lambda: _cache_path)
    return _cache_path
