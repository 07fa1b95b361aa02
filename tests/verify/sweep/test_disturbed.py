"""Killed, interrupted, run twice at once: nothing is lost but replicas in flight, and the table is the same."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from numerics.phase import Experiment
from verify.sweep import Kind, Store, SweepError, plan_of, sweep
from verify.sweep.executors import Processes
from verify.sweep.kind import Summary

KILLS = 20 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 5
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")


@linux
def test_kill_9_at_random_moments(slow, command, tmp_path: Path):
    place = tmp_path / "out"
    store, total = place / "store.sqlite", slow.plan.total
    chance = random.Random()
    moments = sorted(
        chance.sample(range(1, total - 10), KILLS)
    )  # by rows in the store: in the middle of work on any machine
    rows, killed = 0, 0
    for i, moment in enumerate(moments):
        running = command(slow.file, "--out", place, "--resume", "--jobs", 2 - i % 2)
        if i % 3 == 2:  # also while it starts
            time.sleep(chance.uniform(0, 2))
        else:
            running.until(store, moment)
            time.sleep(chance.uniform(0, 0.05))
        running.kill()
        killed += running.process.wait(60) == -signal.SIGKILL
        assert running.orphans() == []
        running.wait()
        if store.exists() and store.stat().st_size:
            lines = slow.at(store).splitlines()
            assert set(lines) <= set(slow.expected.splitlines())
            assert len(lines) - 1 >= rows  # what was there stays there
            rows = len(lines) - 1
    assert killed == KILLS
    last = command(slow.file, "--out", place, "--resume", "--jobs", 1)
    assert last.computed() == total - rows  # nothing is repeated
    assert slow.at(store) == slow.expected
    assert (place / "results.csv").read_bytes() == slow.expected


@linux
def test_two_sweeps_at_once_share_the_work(slow, command, tmp_path: Path):
    place = tmp_path / "out"
    both = [command(slow.file, "--out", place, "--resume", "--jobs", 1) for _ in range(2)]
    assert sum(running.computed() for running in both) == slow.plan.total
    assert slow.at(place / "store.sqlite") == slow.expected
    assert (place / "results.csv").read_bytes() == slow.expected


@dataclass(frozen=True)
class Number:
    x: float


def _kind(replica):
    return Kind("numbers", "", Experiment, Number, replica, lambda results: Summary(), version="1")


def test_each_skips_what_the_other_has_finished(tmp_path: Path):
    calls = []

    def replica(config, rng):
        calls.append(config.k)
        time.sleep(0.008)
        return Number(rng.standard_normal())

    plan = plan_of(_kind(replica), [Experiment(1, 1, k) for k in range(1, 6)], 40)

    def drive():
        with Store.open(tmp_path / "s.sqlite") as store, ThreadPoolExecutor(1) as pool:
            outcomes.append(sweep(plan, store, pool))

    outcomes: list = []
    threads = [threading.Thread(target=drive) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [o.status for o in outcomes] == ["complete", "complete"]
    assert sum(o.computed for o in outcomes) == 200
    assert len(calls) < 330  # not twice 200; batches are taken some time ahead


@linux
@pytest.mark.parametrize(("number", "jobs"), [(signal.SIGINT, 2), (signal.SIGTERM, 1)])
def test_an_interrupt_ends_cleanly(slow, command, tmp_path: Path, number, jobs):
    place = tmp_path / "out"
    running = command(slow.file, "--out", place, "--jobs", jobs)
    assert running.until(place / "store.sqlite", 10)
    running.kill(number)
    code, out, err = running.wait()
    assert code == 130
    assert "Traceback" not in err
    assert "replicas are kept: go on with --resume" in err
    assert f"of {slow.plan.total} there" in out
    assert running.orphans() == []
    lines = slow.at(place / "store.sqlite").splitlines()
    assert 10 < len(lines) <= slow.plan.total


def test_ctrl_c_in_this_process_keeps_whole_replicas_and_a_second_one_drops_the_half(tmp_path: Path):
    pressed = []

    def replica(config, rng):
        if config.k == 3 and not pressed:
            pressed.append(1)
            signal.raise_signal(signal.SIGINT)
            if twice:
                try:
                    signal.raise_signal(signal.SIGINT)
                except KeyboardInterrupt:
                    return Number(-1.0)
        return Number(1.0)

    plan = plan_of(_kind(replica), [Experiment(1, 1, k) for k in range(1, 6)], 3)
    for twice in (False, True):
        pressed.clear()
        with Store.open(tmp_path / f"{twice}.sqlite") as store:
            outcome = sweep(plan, store)
            assert outcome.status == "interrupted"
            assert outcome.present == store.count(plan, "1") < 15
            found = [r.x for cell in store.results(plan, "1").cells for r in cell.records.values()]
            assert set(found) <= {1.0}
            assert sweep(plan, store).status == "complete"


def test_time_is_up(quick, tmp_path: Path):
    with Store.open(tmp_path / "s.sqlite") as store:
        assert sweep(quick.plan, store, max_time=0).status == "time"
        assert store.count(quick.plan, "x") == 0
        began = time.monotonic()

        def replica(config, rng):
            time.sleep(0.05)
            return Number(0.0)

        plan = plan_of(_kind(replica), [Experiment(1, 1, 1)], 1000)
        outcome = sweep(plan, store, max_time=0.5)
        assert outcome.status == "time"
        assert 0 < outcome.present < 20
        assert time.monotonic() - began < 3


def test_a_worker_that_is_killed_is_replaced(slow, tmp_path: Path, read):
    with Store.open(tmp_path / "s.sqlite") as store, Processes(2) as two:
        killed = []

        def progress(done, total, left):
            if done > 5 and len(killed) < 2 and done > 20 * len(killed):
                killed.append(next(iter(two.executor._processes)))
                os.kill(killed[-1], signal.SIGKILL)

        outcome = sweep(slow.plan, store, two, progress=progress)
        assert (outcome.status, len(killed)) == ("complete", 2)
        assert read(slow.plan, store) == slow.expected


DEADLY = """
import os, signal, sys
sys.path.insert(0, os.path.dirname(__file__))
from dataclasses import dataclass
from numerics.phase import Experiment
from verify.sweep import Kind, Store, Summary, SweepError, plan_of, sweep
from verify.sweep.executors import Processes

@dataclass(frozen=True)
class Number:
    x: float

def replica(config, rng):
    if config.k == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return Number(1.0)

def say(results):
    return Summary()

def main():
    import deadly
    plan = plan_of(deadly.KIND, [Experiment(1, 1, k) for k in (1, 2, 3)], 1)
    with Store.open(sys.argv[1]) as store, Processes(1) as one:
        try:
            sweep(plan, store, one)
        except SweepError as error:
            print(error)

KIND = Kind("deadly", "", Experiment, Number, replica, say, version="1")
if __name__ == "__main__":
    main()
"""


def test_a_replica_that_kills_its_worker_ends_the_sweep_in_words(tmp_path: Path):
    program = tmp_path / "deadly.py"
    program.write_text(DEADLY, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path / "s.sqlite")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "workers died 3 times while replica 0 of Experiment(n=1, m=1, k=2" in done.stdout, done.stderr
    assert "finished are kept in" in done.stdout


def test_a_replica_that_raises_is_told_and_tried_again(tmp_path: Path):
    bad = [True]

    def replica(config, rng):
        if config.k == 2 and bad[0]:
            raise ZeroDivisionError("no such thing")
        return Number(1.0)

    plan = plan_of(_kind(replica), [Experiment(1, 1, k) for k in (1, 2, 3)], 4)
    with Store.open(tmp_path / "s.sqlite") as store:
        outcome = sweep(plan, store)
        assert (outcome.status, outcome.present, len(outcome.failures)) == ("failed", 8, 4)
        assert "of Experiment(n=1, m=1, k=2" in outcome.failures[0]
        assert "ZeroDivisionError: no such thing (line" in outcome.failures[0]
        bad[0] = False
        assert sweep(plan, store).computed == 4


def test_a_worker_with_other_sources_is_refused(quick, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("verify.sweep.work.code_version", lambda kind: "0123")
    with Store.open(tmp_path / "s.sqlite") as store:
        with pytest.raises(SweepError, match="install the same version of dipcert"):
            sweep(quick.plan, store)
        assert store.count(quick.plan, "0123") == 0
