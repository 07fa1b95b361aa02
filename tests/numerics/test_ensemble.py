"""Ensembles: the same numbers whoever runs them, nothing lost, nobody in the other's way."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from numerics.ensemble import run, seeds
from numerics.phase import Experiment, answer


def noise(i, rng):
    return i, rng.standard_normal(3).tolist(), rng.spawn(1)[0].standard_normal()


# --- seeds
def test_streams_are_the_children_of_the_seed():
    for replica, stream in enumerate(seeds(12, 3)):
        child = np.random.SeedSequence(12).spawn(3)[replica]
        assert np.array_equal(stream.generate_state(4), child.generate_state(4))
    parent = np.random.SeedSequence(5, spawn_key=(7,))
    again = [s.generate_state(2).tolist() for s in seeds(parent, 2)]
    assert again == [s.generate_state(2).tolist() for s in seeds(parent, 2)]
    assert again == [s.generate_state(2).tolist() for s in parent.spawn(2)]
    assert again != [s.generate_state(2).tolist() for s in seeds(5, 2)]
    with pytest.raises(ValueError, match="replicas"):
        seeds(1, -1)
    with pytest.raises(ValueError, match="replicas"):
        seeds(1, 2.5)


# --- the same wherever it runs
class Backwards(ThreadPoolExecutor):
    """An executor of somebody else, which finishes the batches in reverse order, when the last one is known."""

    def __init__(self, batches):
        super().__init__(1)
        self.batches, self.waiting, self.closed = batches, [], False

    def submit(self, function, /, *args):
        future = Future()
        self.waiting.append((future, function, args))
        if len(self.waiting) == self.batches:
            for held, work, arguments in reversed(self.waiting):
                held.set_result(work(*arguments))
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.closed = True
        super().shutdown(wait=wait, cancel_futures=cancel_futures)


def test_results_do_not_depend_on_who_runs_them():
    streams = seeds(3, 37)
    alone = [noise(i, np.random.default_rng(stream)) for i, stream in enumerate(seeds(3, 37))]
    foreign = Backwards(19)  # 37 replicas in batches of ⌈37/(8·3)⌉ = 2
    for options in (
        {},
        {"where": "threads", "workers": 3},
        {"where": "threads", "workers": 1},
        {"where": foreign, "workers": 3},
    ):
        outcome = run(noise, streams, **options)
        assert list(outcome.results) == alone
        assert outcome.status == "complete"
        assert outcome.done.all()
        assert outcome.completed() == alone
    assert not foreign.closed


def test_processes_give_the_same_to_the_last_bit():
    task = partial(answer, Experiment(6, 3, 30, cap=60, kernel="numpy"))
    streams = seeds(0, 6)
    serial = run(task, streams)
    pooled = run(task, streams, where="processes", workers=2)
    assert pooled.workers == 2
    assert repr(pooled.results) == repr(serial.results)  # NaN among them


def test_blas_has_one_thread_a_replica_and_gets_its_threads_back():
    def threads(i, rng):
        return max((pool["num_threads"] for pool in threadpool_info()), default=1)

    with threadpool_limits(limits=2):
        for where in ("serial", "threads", Backwards(4)):
            outcome = run(threads, seeds(0, 4), where=where, workers=2)
            assert set(outcome.completed()) == {1}
            assert threads(0, None) == 2


# --- nothing is lost
def test_progress_is_told():
    told = []
    run(noise, seeds(0, 20), where="threads", workers=2, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (20, 20)
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    told.clear()
    run(noise, seeds(0, 3), progress=lambda done, total: told.append(done))
    assert told == [1, 2, 3]


def test_ctrl_c_in_series_finishes_the_replica_and_keeps_it():
    def task(i, rng):
        if i == 4:
            signal.raise_signal(signal.SIGINT)
        return i

    outcome = run(task, seeds(0, 10))
    assert outcome.status == "interrupted"
    assert outcome.completed() == [0, 1, 2, 3, 4]
    assert outcome.results[5:] == (None,) * 5
    assert outcome.done.tolist() == [True] * 5 + [False] * 5


def test_a_second_ctrl_c_in_series_drops_the_replica():
    def task(i, rng):
        if i == 2:
            signal.raise_signal(signal.SIGINT)
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                return "half"
        return i

    outcome = run(task, seeds(0, 10))
    assert outcome.status == "interrupted"
    assert outcome.completed() == [0, 1]


def test_ctrl_c_with_threads_keeps_what_is_done():
    begun = threading.Event()

    def task(i, rng):
        begun.set()
        threading.Event().wait(0.02)
        return i

    def press():
        begun.wait()
        signal.pthread_kill(main, signal.SIGINT)

    main = threading.get_ident()
    finger = threading.Thread(target=press)
    finger.start()
    outcome = run(task, seeds(0, 400), where="threads", workers=2)
    finger.join()
    assert outcome.status == "interrupted"
    assert 0 < len(outcome.completed()) < 25  # of 400, in batches of 25
    assert all(result == i for i, result in enumerate(outcome.results) if outcome.done[i])


def test_an_interrupt_while_results_are_gathered_loses_none():
    def stop(done, total):
        raise KeyboardInterrupt

    pool = Backwards(4)
    outcome = run(noise, seeds(0, 4), where=pool, workers=1, progress=stop)
    assert outcome.status == "interrupted"
    assert len(outcome.completed()) == 4


@pytest.mark.parametrize("where", ["serial", "threads"])
def test_an_error_of_a_task_is_passed_on(where):
    def task(i, rng):
        if i == 3:
            raise ZeroDivisionError("in replica 3")
        return i

    with pytest.raises(ZeroDivisionError, match="replica 3"):
        run(task, seeds(0, 40), where=where)


def test_arguments_are_met_at_the_door():
    with pytest.raises(ValueError, match="'processes' or give an Executor"):
        run(noise, seeds(0, 2), where="cluster")
    with pytest.raises(ValueError, match="workers = 0"):
        run(noise, seeds(0, 2), where="threads", workers=0)
    assert run(noise, []).results == ()
    assert run(noise, [], where="threads").status == "complete"
