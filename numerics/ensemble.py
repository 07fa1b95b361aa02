"""Many replicas of one random experiment: one stream of random numbers each, so that nothing depends on who runs them.

Replica i draws from the i-th child of the seed.  Its result is the same, bit for bit, whether it runs alone, in whatever
order, in how many processes or threads; for that, and so that workers do not get into each other's way, BLAS has one
thread a replica throughout.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from numerics.door import integer
from numerics.interrupt import deferred

__all__ = ["Ensemble", "process_pool", "run", "seeds"]

T = TypeVar("T")
Task = Callable[[int, np.random.Generator], T]
Jobs = Sequence[tuple[int, np.random.SeedSequence]]
Where = Literal["serial", "threads", "processes"]

_BATCHES = 8  # a worker gets about so many batches: the last ones even out the load
_LOOK = 0.1  # seconds after which an interrupt is noticed at the latest


@dataclass(frozen=True, eq=False)
class Ensemble(Generic[T]):
    """What the replicas returned.

    results: one entry a replica, in their order; None where an interrupt came first.  done: shape (N,), whether it is there.
    status: "complete" or "interrupted".  seconds: wall time.  workers: how many ran at once (0: those of a given executor).
    """

    results: tuple[T | None, ...]
    done: np.ndarray
    status: str
    seconds: float
    workers: int

    def completed(self) -> list[T]:
        """The results that are there."""
        return [result for result, done in zip(self.results, self.done, strict=True) if done]  # type: ignore[misc]


def seeds(seed: int | np.random.SeedSequence, replicas: int) -> list[np.random.SeedSequence]:
    """The children of a seed, one a replica (`SeedSequence.spawn`); the same ones at every call with a SeedSequence too.

    >>> first, second = seeds(7, 2)
    >>> bool(np.array_equal(first.generate_state(2), seeds(7, 5)[0].generate_state(2)))
    True
    """
    integer("replicas", replicas, 0)
    parent = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    # not parent.spawn: it counts, and would give others the next time
    key = parent.spawn_key
    return [
        np.random.SeedSequence(parent.entropy, spawn_key=(*key, i), pool_size=parent.pool_size) for i in range(replicas)
    ]


def run(
    task: Task[T],
    streams: Sequence[np.random.SeedSequence],
    *,
    where: Where | Executor = "serial",
    workers: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Ensemble[T]:
    """task(i, rng) for every replica i, rng being made from streams[i].

    Parameters
    ----------
    task: the experiment; for processes it is pickled (a function of a module, or a `functools.partial` of one).
    streams: one seed sequence a replica: :func:`seeds`.
    where: "serial"; "threads", for tasks that leave the interpreter's lock most of the time, as the fused kernel of
        :mod:`numerics.descent` does; "processes", for all others; or any `concurrent.futures.Executor`, which is left open.
    workers: how many at once; by default as many as there are processors.
    progress: progress(done, total) after every batch of replicas.

    Returns
    -------
    Ensemble.  On Ctrl-C no further replicas begin, those at work are finished, and status is "interrupted"; a second Ctrl-C
    does not wait for them.  An exception of a task ends the ensemble and is passed on.

    >>> outcome = run(lambda i, rng: i + rng.integers(1), seeds(0, 3))
    >>> [int(result) for result in outcome.completed()], outcome.status
    ([0, 1, 2], 'complete')
    """
    began = time.perf_counter()
    jobs = list(enumerate(streams))
    if isinstance(where, str) and where not in ("serial", "threads", "processes"):
        raise ValueError(f"where = {where!r}; choose 'serial', 'threads', 'processes' or give an Executor")
    if workers is not None:
        integer("workers", workers, 1)
    count = 1 if where == "serial" else min(workers or _processors(), max(len(jobs), 1))
    gathered = _Gathered[T](len(jobs), progress)
    if where == "serial":
        complete = _serial(task, jobs, gathered)
    elif where == "threads":
        stop = threading.Event()
        with threadpool_limits(limits=1), ThreadPoolExecutor(count) as pool:
            complete = _pooled(pool, lambda part: _some(task, part, stop), _split(jobs, count), gathered, stop)
    elif where == "processes":
        with _processes(count, task) as pool:
            complete = _pooled(pool, _Batch(task), _split(jobs, count), gathered, None)
    else:
        assert isinstance(where, Executor)
        count = workers or 0
        complete = _pooled(where, _Batch(task), _split(jobs, workers or _processors()), gathered, None)
    done = np.array(gathered.done, dtype=bool)
    status = "complete" if complete else "interrupted"
    return Ensemble(tuple(gathered.results), done, status, time.perf_counter() - began, count)


class _Gathered(Generic[T]):
    """The results so far."""

    def __init__(self, total: int, progress: Callable[[int, int], object] | None) -> None:
        self.results: list[T | None] = [None] * total
        self.done = [False] * total
        self._progress = progress

    def keep(self, batch: Sequence[tuple[int, T]]) -> None:
        for i, result in batch:
            self.results[i], self.done[i] = result, True

    def add(self, batch: Sequence[tuple[int, T]]) -> None:
        self.keep(batch)
        if self._progress is not None:
            self._progress(sum(self.done), len(self.done))


class _Batch(Generic[T]):
    """A few replicas in a worker process, one BLAS thread for all."""

    def __init__(self, task: Task[T]) -> None:
        self.task = task

    def __call__(self, jobs: Jobs) -> list[tuple[int, T]]:
        with threadpool_limits(limits=1):
            return _some(self.task, jobs, None)


def _some(task: Task[T], jobs: Jobs, stop: threading.Event | None) -> list[tuple[int, T]]:
    found: list[tuple[int, T]] = []
    for i, stream in jobs:
        if stop is not None and stop.is_set():
            break
        found.append((i, task(i, _generator(stream))))
    return found


def _generator(stream: np.random.SeedSequence) -> np.random.Generator:
    """A generator of a copy of the stream, which counts the children that a task spawns: used again it would give others."""
    copy = np.random.SeedSequence(stream.entropy, spawn_key=stream.spawn_key, pool_size=stream.pool_size)
    return np.random.default_rng(copy)


def _serial(task: Task[T], jobs: Jobs, gathered: _Gathered[T]) -> bool:
    try:
        with threadpool_limits(limits=1):
            for i, stream in jobs:
                with deferred(breakable=True) as request:
                    result = task(i, _generator(stream))
                    if not request.forced:  # else the task may have caught it and returned half of its result
                        gathered.add([(i, result)])
    except KeyboardInterrupt:
        return False
    return True


def _pooled(
    pool: Executor,
    work: Callable[[Jobs], list[tuple[int, T]]],
    batches: Sequence[Jobs],
    gathered: _Gathered[T],
    stop: threading.Event | None,
) -> bool:
    futures: list[Future[list[tuple[int, T]]]] = []
    try:
        with deferred(breakable=True):  # else a batch could be at work already and not yet be known here
            for batch in batches:
                futures.append(pool.submit(work, batch))
        pending = set(futures)
        while pending:
            # a signal that comes just before the wait is noticed only when it ends
            ready, pending = wait(pending, timeout=_LOOK, return_when=FIRST_COMPLETED)
            for future in ready:
                gathered.add(future.result())
    except BaseException as error:
        if stop is not None:
            stop.set()
        started = [future for future in futures if not future.cancel()]
        if not isinstance(error, KeyboardInterrupt):
            raise
        for future in wait(started).done:
            gathered.keep(future.result())
        return False
    return True


def _split(jobs: Jobs, workers: int) -> list[Jobs]:
    size = max(1, -(-len(jobs) // (_BATCHES * workers)))
    return [jobs[i : i + size] for i in range(0, len(jobs), size)]


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _processes(count: int, task: object) -> Iterator[ProcessPoolExecutor]:
    home = getattr(getattr(task, "func", task), "__module__", None)
    with process_pool(count, *([home] if home not in (None, "__main__") else [])) as pool:
        yield pool


def process_pool(count: int, *modules: str) -> ProcessPoolExecutor:
    """Fresh processes, which end when this one dies: a fork of a process with threads (those of BLAS, say) may deadlock.

    What takes a second to import, `modules`, is imported once, before the workers part, where there is a server for that.
    """
    server = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if server else "spawn")
    if server:
        context.set_forkserver_preload([__name__, *modules])
    return ProcessPoolExecutor(count, mp_context=context, initializer=_begin_worker)


def _begin_worker() -> None:
    """Ctrl-C reaches all processes of a terminal: the parent decides what becomes of it. Nobody works for a dead parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:  # a worker that waits for work holds both ends of its queue: it would wait for ever
        parent.join()
        os._exit(1)
