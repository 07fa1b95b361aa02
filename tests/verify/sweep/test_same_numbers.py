"""The same numbers to the last bit: in whatever order, by whomever, with whatever else in the grid."""

from __future__ import annotations

import dataclasses
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from numerics.phase import Experiment
from verify.sweep import Kind, Store, code_version, parse_plan, plan_of, sweep
from verify.sweep.executors import Processes
from verify.sweep.identity import stream
from verify.sweep.kind import Summary
from verify.sweep.sources import closure, essence


class Disorder(ThreadPoolExecutor):
    """Somebody else's executor, which returns batches in an order of its own."""

    def submit(self, function, /, *arguments):
        return super().submit(self.later, function, *arguments)

    @staticmethod
    def later(function, *arguments):
        found = function(*arguments)
        time.sleep(random.uniform(0, 0.05))
        return found


def test_serial_processes_and_a_strange_executor_give_equal_bytes(quick, tmp_path: Path, read):
    with Store.open(tmp_path / "p.sqlite") as store, Processes(2) as two:
        done = sweep(quick.plan, store, two)
        assert (done.status, done.computed, done.present) == ("complete", 24, 24)
        assert read(quick.plan, store) == quick.expected
    with Store.open(tmp_path / "t.sqlite") as store, ThreadPoolExecutor(3) as pool:
        assert sweep(quick.plan, store, pool).status == "complete"
        assert read(quick.plan, store) == quick.expected
        pool.submit(int).result()  # left open
    assert quick.expected.count(b"\n") == 25
    assert len(set(quick.expected.splitlines())) == 25


def test_the_order_of_the_cells_and_of_the_answers_has_no_influence(quick, tmp_path: Path, read):
    cells = list(quick.plan.cells)
    for i in range(3):
        random.shuffle(cells)
        plan = dataclasses.replace(quick.plan, cells=tuple(cells))
        with Store.open(tmp_path / f"{i}.sqlite") as store:
            with Disorder(6) as pool:
                assert sweep(plan, store, pool).status == "complete"
            assert read(plan, store) == quick.expected
            assert read(quick.plan, store) == quick.expected


def test_a_subset_of_the_grid_gives_those_rows(quick, tmp_path: Path, read):
    plan = dataclasses.replace(quick.plan, cells=quick.plan.cells[3:5], replicas=2)
    with Store.open(tmp_path / "s.sqlite") as store:
        assert sweep(plan, store).computed == 4
        lines = read(plan, store).splitlines()
        assert set(lines) < set(quick.expected.splitlines())
        assert len(lines) == 5
        assert sweep(quick.plan, store).computed == 20  # the rest of the whole grid, in the same store
        assert read(quick.plan, store) == quick.expected


def test_a_cell_is_what_it_contains():
    def plan(**changes):
        return parse_plan(
            {
                "kind": "phase",
                "replicas": 1,
                "fixed": {"m": 2, "n": 3, "kernel": "numpy"},
                "grid": {"k": [4]},
                **changes,
            }
        )

    key = plan().cells[0].key
    same = plan(fixed={"m": 2, "kernel": "numpy", "train": "both", "tolerance": 1e-7}, grid={"n": [3, 8], "k": 4})
    assert same.cells[0].key == key  # a default written out, another place in another grid
    assert plan(fixed={"m": 2, "n": 3, "kernel": "numpy", "noise": 0}).cells[0].key == key
    others = [
        plan(seed=1),
        plan(grid={"k": [5]}),
        plan(fixed={"m": 2, "n": 3, "kernel": "numpy", "noise": 0.1}),
    ]
    assert len({key, *(other.cells[0].key for other in others)}) == 4
    assert plan(fixed={"m": 2, "n": 3}).cells[0].config.kernel in ("fused", "numpy")  # not "auto"


def test_replicas_draw_from_streams_of_their_own():
    drawn = {stream(key, replica).standard_normal() for key in ("0a", "0b") for replica in range(50)}
    assert len(drawn) == 100
    direct = np.random.default_rng(np.random.SeedSequence(10, spawn_key=(3,))).standard_normal()
    assert stream("0a", 3).standard_normal() == direct


# --- version of the code
def test_the_version_covers_what_the_numbers_rest_on():
    found = closure("verify.sweep.experiments.phase")
    for name in (
        "numerics.phase.answers",
        "numerics.descent.kernels",
        "numerics.initialization",
        "theory.activations.tanh",
    ):
        assert name in found
    for name in (
        "verify.sweep.experiments.phase_summary",
        "verify.sweep.engine",
        "verify.sweep.kind",
        "numerics.width",
    ):
        assert name not in found


def test_words_do_not_change_the_version_and_code_does():
    before = 'def f(x):\n    """Größe."""  # c\n    return x + 1  # one\n'
    assert essence(before) == essence("def f(x):\n    '''Other\n    words'''\n\n    return x + 1\n# end\n")
    assert essence(before) != essence(before.replace("+ 1", "+ 2"))
    assert essence('x = "# no comment"\n') == 'x = "# no comment"'
    assert essence('x = 1\n"kept: no docstring"\n') == 'x = 1\n"kept: no docstring"'


@dataclass(frozen=True)
class Number:
    x: float
    word: str = "a"


def draw(config, rng):
    return Number(float(rng.standard_normal()))


def test_another_version_is_computed_anew_beside_the_old_one(tmp_path: Path, read):
    def kind(version):
        return Kind("numbers", "", Experiment, Number, draw, lambda results: Summary(), version=version)

    configs = [Experiment(1, 1, k) for k in (1, 2)]
    one, two = (plan_of(kind(version), configs, 3) for version in ("1", "2"))
    assert code_version(one.kind) == "1"
    with Store.open(tmp_path / "s.sqlite") as store:
        assert sweep(one, store).computed == 6
        assert sweep(one, store).computed == 0
        assert sweep(two, store).computed == 6
        assert read(one, store) == read(two, store)


def test_a_record_has_the_types_that_it_declares(tmp_path: Path):
    kind = Kind("n", "", Experiment, Number, draw, lambda results: Summary(), version="1")
    assert kind.values(Number(np.float64(2.0), "b")) == (2.0, "b")
    assert type(kind.values(Number(3))[0]) is float
    with pytest.raises(TypeError, match=r"word = 3 of a record is no str"):
        kind.values(Number(1.0, 3))
    with pytest.raises(TypeError, match="use bool, int, float or str"):
        Kind("n", "", Experiment, dataclasses.make_dataclass("R", [("x", list)]), draw, lambda results: Summary())
    with pytest.raises(TypeError, match="k of the record has a name that is taken"):
        Kind("n", "", Experiment, dataclasses.make_dataclass("R", [("k", int)]), draw, lambda results: Summary())
    extreme = [float("nan"), float("inf"), -float("inf"), -0.0, 5e-324, 0.1]
    plan = plan_of(
        dataclasses.replace(kind, replica=lambda config, rng: Number(extreme[config.k])),
        [Experiment(1, 1, k) for k in range(1, 6)],
        1,
    )
    with Store.open(tmp_path / "s.sqlite") as store:
        sweep(plan, store)
        back = [cell.records[0].x for cell in store.results(plan, "1").cells]
    assert list(map(repr, back)) == list(map(repr, extreme[1:]))
