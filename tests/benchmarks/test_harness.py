"""The benchmark harness with toy contenders: nothing that it could not run goes missing, and turns are taken."""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
import textwrap
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import page, summary, tables
from benchmarks.__main__ import main
from benchmarks.comparisons import COMPARISONS
from benchmarks.contest import NEURAL_TANGENTS, Entry, Row, Setup, compare
from benchmarks.remote import Remote, Unavailable

ROOT = Path(__file__).resolve().parent.parent.parent

TOYS = """
import os, signal, time
from benchmarks.contenders.base import Contender

class Toy(Contender):
    def __init__(self, name="toy", seconds=0.0, log=None):
        self.name, self.seconds, self.log, self.tolerance = name, seconds, log, None
    def prepare(self, case): pass
    def run(self):
        if self.log:
            with open(self.log, "a") as stream: stream.write(self.name)
        time.sleep(self.seconds)
        return 1.0
    def note(self): return "noted"

class Missing(Toy): needs = ("a_module_that_nobody_has",)
class Failing(Toy):
    def run(self): raise ArithmeticError("overflow of the toy")
class Greedy(Toy):
    def run(self): raise MemoryError
class Worded(Toy):
    def run(self): raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 10 bytes")
class Large(Toy):
    def run(self): bytearray(10**9)
class Killed(Toy):
    def run(self): os.kill(os.getpid(), signal.SIGKILL)
class Exits(Toy):
    def run(self): os._exit(7)
class Chatty(Toy):
    per_run = 4
    def run(self): print("to the standard output"); time.sleep(0.04)
"""


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "toys.py").write_text(TOYS)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    return "toys"


CASE = {"name": "case"}


def test_what_cannot_run_says_why(toys: str) -> None:
    entries = [
        Entry("ours", "toys:Toy", ours=True),
        Entry("missing", "toys:Missing"),
        Entry("failing", "toys:Failing"),
        Entry("greedy", "toys:Greedy"),
        Entry("worded", "toys:Worded"),
        Entry("large", "toys:Large"),
        Entry("killed", "toys:Killed"),
        Entry("exits", "toys:Exits"),
        Entry("hanging", "toys:Toy", {"seconds": 60.0}),
        Entry("elsewhere", "toys:Toy", interpreter=NEURAL_TANGENTS),
        Entry("excluded", "toys:Toy", excluded="dense Jacobian"),
    ]
    limit = 500_000_000
    rows = {row.contender: row for row in compare("toys", CASE, entries, Setup(2, timeout=8.0, memory_limit=limit))}
    assert list(rows) == [entry.label for entry in entries]
    assert rows["ours"].status == "ok"
    assert rows["missing"].status == "not installed: pip install 'dipcert[peers]' (a_module_that_nobody_has)"
    assert rows["failing"].status == "failed: ArithmeticError: overflow of the toy"
    for name in ("greedy", "worded", "large"):
        assert rows[name].status == "out of memory (limit 0.5 GB)"
    assert rows["killed"].status == "out of memory (the worker was killed)"
    assert rows["exits"].status.startswith("failed: the worker ended with code 7")
    assert rows["hanging"].status == "time-out after 8 s (prepare)"
    assert "--neural-tangents-python" in rows["elsewhere"].status
    assert rows["excluded"].status == "not run: dense Jacobian"
    text = tables.markdown(rows.values())
    for name, row in rows.items():
        assert (row.median is None) == (name != "ours")
        assert row.status == "ok" or row.status in text


def test_turns_are_taken_and_rotate(toys: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    entries = [Entry(name, "toys:Toy", {"name": name, "seconds": 0.1, "log": str(log)}, name == "A") for name in "ABC"]
    rows = compare("toys", CASE, entries, Setup(3))
    # warm-up, then a look at how long a run takes; slow runs are not repeated within a sample
    assert log.read_text() == "ABC" + "ABC" + "ABC" + "BCA" + "CAB"
    for row in rows:
        assert row.samples == 3
        assert row.median is not None
        assert 0.1 <= row.median < 0.2  # a busy machine sleeps longer, never shorter
        assert row.minimum is not None
        assert row.minimum <= row.median
        assert row.ratio == pytest.approx(1.0, rel=0.5)
        assert row.note == "noted"
        assert row.cpu_per_wall is not None
        assert row.cpu_per_wall < 0.5  # it sleeps


def test_the_budget_ends_a_slow_contender_but_never_before_one_sample(toys: str) -> None:
    entries = [
        Entry("ours", "toys:Toy", {"seconds": 0.05}, ours=True),
        Entry("slow", "toys:Toy", {"seconds": 0.2}, seconds=0.1),
    ]
    ours, slow = compare("toys", CASE, entries, Setup(4))
    assert (ours.samples, slow.samples) == (4, 1)
    assert slow.ratio == pytest.approx(4.0, rel=0.5)
    assert slow.ratio_low is not None
    assert slow.ratio_high is not None
    assert slow.ratio_low <= slow.ratio <= slow.ratio_high


def test_iterations_of_a_run_are_divided_out_and_prints_do_no_harm(toys: str) -> None:
    (row,) = compare("toys", CASE, [Entry("chatty", "toys:Chatty", ours=True)], Setup(1))
    assert row.median is not None
    assert 0.01 <= row.median < 0.02


def test_a_judge_that_gives_up_leaves_a_row(toys: str) -> None:
    def judge(competitor: object) -> float:
        raise Unavailable("no tolerance reaches it")

    (row,) = compare("toys", CASE, [Entry("toy", "toys:Toy", ours=True)], Setup(1), judge)
    assert (row.status, row.median) == ("no tolerance reaches it", None)


def test_workers_have_one_thread(toys: str) -> None:
    with Remote() as worker:
        for pool in worker.ask("load", "benchmarks.contenders.limits:Limit", {"what": "gemv"})["threads"]:
            assert pool["num_threads"] == 1


def test_tables_survive_a_round_trip(tmp_path: Path) -> None:
    rows = [
        Row("flow", "10 gauss", "ours, with commas", True, median=1e-3, minimum=9e-4, samples=3, ratio=1.0, error=1e-7),
        Row("flow", "10 gauss", "peer", status="not installed: pip install 'dipcert[peers]' (torch)"),
    ]
    tables.write_csv(rows, tmp_path / "flow.csv")
    assert tables.read_csv(tmp_path / "flow.csv") == rows
    assert "median_s" in (tmp_path / "flow.csv").read_text()
    page.write(tmp_path)
    assert "not installed" in (tmp_path / "results.md").read_text()


def test_the_figures_are_drawn(tmp_path: Path) -> None:
    rows = [
        Row("flow", "10 gauss", name, name == "ours", median=t, ratio=t, ratio_low=0.9 * t, ratio_high=1.1 * t)
        for name, t in (("ours", 1.0), ("peer", 50.0))
    ]
    tables.write_csv(rows, tmp_path / "flow.csv")
    sizes = [Row("scaling", f"k = {k}", "flow", median=1e-6 * k) for k in (100, 200, 400)]
    tables.write_csv(sizes, tmp_path / "scaling.csv")
    page.write(tmp_path)
    assert "<svg" in (tmp_path / "ratios.svg").read_text()
    assert "<svg" in (tmp_path / "scaling.svg").read_text()


def test_ratio_and_its_interval() -> None:
    rng = np.random.default_rng(0)
    ours, peer = 1 + 0.1 * rng.random(11), 5 + 0.5 * rng.random(11)
    value, low, high = summary.ratio(list(peer), list(ours))
    assert value == np.median(peer) / np.median(ours)
    assert low < value < high
    assert 4.5 < low < high < 5.6
    assert summary.ratio(list(peer), list(ours)) == (value, low, high)


def test_exponent_of_a_power_and_the_interval_of_a_noisy_one() -> None:
    sizes = [1.0, 2.0, 4.0, 8.0, 16.0]
    noise = [1.1, 0.9, 1.1, 0.9, 1.1]
    fit = summary.exponent(sizes, [3 * s**1.5 * z for s, z in zip(sizes, noise, strict=True)])
    assert fit.low < 1.5 < fit.high
    assert 0.05 < fit.high - fit.low < 1.0
    with pytest.raises(ValueError, match="at least three"):
        summary.exponent([1.0, 2.0], [1.0, 2.0])


def test_every_contender_exists_without_its_peer_installed() -> None:
    from benchmarks.comparisons import descent, flow, limits, scaling, sigma_min

    entries = [*sigma_min.ENTRIES, *descent.ENTRIES, *limits.ENTRIES, *scaling.TASKS.values()]
    entries += [entry for case in flow.CASES for entry in flow.entries(case)]
    for entry in entries:
        module, name = entry.path.split(":")
        getattr(import_module(module), name)(**entry.options)
    for case in flow.CASES:
        assert sum(entry.ours for entry in flow.entries(case)) == 1


def test_the_worker_needs_nothing_but_numpy() -> None:
    """It has to run in environments that have none of our dependencies."""
    code = """
        import sys
        for name in ("scipy", "sympy", "threadpoolctl", "click", "matplotlib", "numerics", "theory", "verify"):
            sys.modules[name] = None
        import benchmarks.worker, benchmarks.problems, benchmarks.contenders.sigma_min
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_doctests() -> None:
    for name in ("summary", "problems", "tables", "page"):
        assert doctest.testmod(import_module(f"benchmarks.{name}")).failed == 0


def test_command_line() -> None:
    done = CliRunner().invoke(main, ["--list"])
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.output.splitlines()] == list(COMPARISONS)
    assert CliRunner().invoke(main, ["--quick"]).exit_code == 2
    assert CliRunner().invoke(main, ["--only", "nonsense"]).exit_code == 2


def test_the_readme_shows_the_committed_table() -> None:
    committed = ROOT / "benchmarks" / "results" / "readme.md"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    if page.BEGIN not in readme:
        pytest.skip("the README has no block of benchmarks yet")
    block = committed.read_text(encoding="utf-8")
    assert page.into(readme, block) == readme, "run: python -m benchmarks --readme"
    results, machines = page.load(committed.parent)
    assert page.short(results, machines) == block, "readme.md is not what the CSV files say"
    assert page.whole(results, machines) == (committed.parent / "results.md").read_text(encoding="utf-8")


def test_the_short_table_takes_the_fastest_peer_and_says_what_is_missing() -> None:
    case = "(60,10,1000,500)"
    rows = [
        Row("sigma_min", case, "ours", True, median=1e-3, ratio=1.0, error=1e-16),
        Row("sigma_min", case, "neural-tangents, contraction", median=0.5, ratio=500.0, error=2e-16),
        Row("sigma_min", case, "neural-tangents, structured", median=0.04, ratio=40.0, ratio_low=39.0, ratio_high=42.0),
        Row("sigma_min", case, "torch.func.jacrev + SVD", status="not installed: pip install 'dipcert[peers]' (torch)"),
    ]
    steps = [
        Row("descent", case, "dipcert, fused (extra fast)", True, status="failed: no numba"),
        Row("descent", case, "dipcert, NumPy", median=2e-5),
        Row("descent", case, "torch SGD, full model", median=1e-3),
    ]
    text = page.short({"sigma_min": rows, "descent": steps}, {})
    assert "| σ_min of the Jacobian | 1 ms | neural-tangents, best of three | 40 ms | 40 [39, 42] | 1e-16 |" in text
    assert "not installed" in text
    assert "| without numba | 20 µs | torch SGD, float64 | 1 ms | 50 |" in text
    assert "failed: no numba" in text
