"""The loop of a sweep: hand out batches, keep what comes back at once, end when nothing is missing or it is time."""

from __future__ import annotations

import math
import platform
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from numerics.interrupt import Request, deferred
from verify.sweep.executors import Given, Serial, Workers
from verify.sweep.jobs import Jobs
from verify.sweep.plan import Plan
from verify.sweep.sources import code_version
from verify.sweep.store import Finished, Job, Store, StoreError
from verify.sweep.work import Failed, OtherSources, Task, work
from verify.tables import ProblemError

__all__ = ["Outcome", "Progress", "SweepError", "sweep"]

Progress = Callable[[int, int, float], object]
"""Replicas that are there, replicas asked for, seconds left (NaN: not known yet)."""

Pending = dict[Future[list[Finished | Failed]], list[Job]]

_POLL_SECONDS = 0.1
_BATCH_SECONDS = 2.0  # after that a batch comes back, whatever is left of it
_FAILURES = 20
_DEATHS = 3


class SweepError(ProblemError):
    """A sweep cannot go on; what was finished is in the store."""


@dataclass(frozen=True)
class Outcome:
    """How a sweep ended.

    status: "complete", "interrupted" (Ctrl-C), "time" (is up), "failed" (some replicas raised: `failures`, in words).
    computed: how many replicas this call added; present, total: how many are there now, and should be.
    """

    status: Literal["complete", "interrupted", "time", "failed"]
    computed: int
    present: int
    total: int
    seconds: float
    failures: tuple[str, ...] = ()


def sweep(
    plan: Plan,
    store: Store,
    executor: Executor | Workers | None = None,
    *,
    workers: int | None = None,
    max_time: float | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Compute what is missing of the experiment, and keep it in the store as it comes.

    Parameters
    ----------
    plan, store: :func:`verify.sweep.load_plan`, :meth:`verify.sweep.Store.open`.
    executor: any `concurrent.futures.Executor`, which is left open, or a `Workers` of :mod:`verify.sweep.executors`;
        None: this process.  Nothing that is stored depends on it.
    workers: how many calls an executor runs at once, if it does not tell.
    max_time: seconds after which no replica begins; those at work are finished and kept.
    progress: called with every batch that comes back.

    On Ctrl-C no further replica begins and those at work are finished and kept; a second one does not wait for them.

    Raises
    ------
    StoreError: the store cannot be written.  SweepError: workers die again and again, or have other sources.
    """
    began = time.monotonic()
    code = code_version(plan.kind)
    jobs = store.open_jobs(plan, code)
    state = _State(plan, store, code, jobs, progress)
    status: Literal["complete", "interrupted", "time", "failed"] = "complete"
    if jobs:
        store.register(plan, code, environment())
        team = executor if isinstance(executor, Workers) else Given(executor, workers) if executor else Serial()
        until = None if max_time is None else began + max_time
        with deferred(breakable=True) as request:
            try:
                state.drive(team, request, until)
                asked = request.made
            except KeyboardInterrupt:
                asked = True
                team.close(now=True)
            request.made = False
        if state.present < plan.total:
            status = "interrupted" if asked else "failed" if state.failures else "time"
    return Outcome(
        status,
        state.computed,
        state.present,
        plan.total,
        time.monotonic() - began,
        tuple(map(state.words, state.failures)),
    )


@dataclass
class _State:
    plan: Plan
    store: Store
    code: str
    missing: list[Job]
    progress: Progress | None
    computed: int = 0
    failures: list[Failed] = field(default_factory=list)

    def __post_init__(self) -> None:
        plan = self.plan
        self.configs = {cell.key: cell.config for cell in plan.cells}
        self.jobs = Jobs(self.missing)
        self.present = plan.total - len(self.missing)
        self.seconds = 0.0
        self.began: float | None = None  # when the first result was begun: workers take a while to start
        self.deaths: Counter[Job] = Counter()
        self._tell()

    def drive(self, team: Workers, request: Request, until: float | None) -> None:
        """Until nothing is left, or it is to end."""
        pending: Pending = {}
        try:
            self._drive(team, request, until, pending)
        finally:  # nothing is left there if all went well
            for future in pending:
                future.cancel()

    def _drive(self, team: Workers, request: Request, until: float | None, pending: Pending) -> None:
        while True:
            left = _BATCH_SECONDS if until is None else min(_BATCH_SECONDS, until - time.monotonic())
            ending = request.made or left <= 0 or len(self.failures) >= _FAILURES
            if ending:
                for future in [future for future in pending if team.cancel(future)]:
                    del pending[future]
            elif self._room(team, pending):
                batch = self._next(team.count())
                if batch:
                    tasks = [Task(self.configs[cell], cell, replica) for cell, replica in batch]
                    try:
                        pending[team.executor.submit(work, self.plan.kind, self.code, tasks, left)] = batch
                    except BrokenExecutor:
                        self._lost(team, batch, pending)
                    if len(self.jobs):
                        continue
            if not pending:
                return
            ready, _ = wait(pending, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
            if request.forced:  # a replica in this process may have caught it and returned half of its result
                raise KeyboardInterrupt
            self._collect(team, {future: pending.pop(future) for future in ready}, pending)

    def _room(self, team: Workers, pending: Pending) -> bool:
        """Whether a batch may be handed out: who died twice is tried alone, so that one knows whose fault it is."""
        if any(self.deaths[job] >= _DEATHS - 1 for batch in pending.values() for job in batch if self.deaths):
            return False
        again = self.jobs.again
        return not pending if again and self.deaths[again] >= _DEATHS - 1 else len(pending) < team.window()

    def _next(self, workers: int) -> list[Job]:
        """The next batch, without what another sweep has put into the store meanwhile."""
        while batch := self.jobs.take(workers):
            missing = self.store.missing(batch, self.code)
            if len(missing) < len(batch):
                for cell, _ in set(batch) - set(missing):
                    self.jobs.done(cell)
                self.present += len(batch) - len(missing)
            if missing:
                return missing
        return []

    def _collect(
        self,
        team: Workers,
        ready: Pending,
        pending: Pending,
    ) -> None:
        finished: list[Finished] = []
        lost: list[Job] = []
        for future, batch in ready.items():
            error = None if future.cancelled() else future.exception()
            if future.cancelled() or (error is not None and team.died(error)):
                lost += batch
            elif error is not None:
                raise self._refused(error) from error
            else:
                finished += self._sorted(batch, future.result())
        if finished:
            self.computed += self._kept(finished)
            self._count(finished)
        if lost:
            self._lost(team, lost, pending)

    def _sorted(self, batch: list[Job], found: list[Finished | Failed]) -> list[Finished]:
        """The replicas of a batch that are finished; what failed is noted, what was not begun goes back."""
        finished = [result for result in found if isinstance(result, Finished)]
        failed = [result for result in found if isinstance(result, Failed)]
        self.failures += failed
        seen = {(f.cell, f.replica) for f in finished} | {(f.task.cell, f.task.replica) for f in failed}
        self.jobs.put_back(job for job in batch if job not in seen)
        return finished

    def _lost(self, team: Workers, lost: list[Job], pending: Pending) -> None:
        """Workers died over these: they are tried again one by one, unless one of them has been there several times."""
        kept = f"the {self.present} replicas that are finished are kept in {self.store.path}"
        if not team.renew():
            raise SweepError(f"the workers have died; {kept}: start others and go on with --resume")
        for future in list(pending):  # an executor that broke has broken all its batches at once
            if future.done() and (future.cancelled() or ((error := future.exception()) and team.died(error))):
                lost = [*lost, *pending.pop(future)]
        self.deaths.update(lost)
        job, times = max(((job, self.deaths[job]) for job in lost), key=lambda pair: pair[1])
        if times >= _DEATHS:
            raise SweepError(
                f"workers died {times} times while replica {job[1]} of {self.configs[job[0]]} was among their work (killed, "
                f"or out of memory?); {kept}: use fewer workers with --jobs and go on with --resume"
            )
        self.jobs.put_back(lost, alone=True)

    def _kept(self, finished: list[Finished]) -> int:
        try:
            return self.store.add(finished, self.code)
        except StoreError as error:
            raise StoreError(f"{error} ({self.present} of {self.plan.total} replicas are in it)") from error

    def _refused(self, error: BaseException) -> SweepError:
        if isinstance(error, OtherSources):
            return SweepError(str(error))
        return SweepError(
            f"the workers cannot run the experiment ({type(error).__name__}: {error}); the {self.present} replicas that are "
            f"finished are kept in {self.store.path}: mend that and go on with --resume"
        )

    def _count(self, finished: list[Finished]) -> None:
        if self.began is None:
            self.began = time.monotonic() - max(result.seconds for result in finished)
        for result in finished:
            self.jobs.done(result.cell, result.seconds)
            self.seconds += result.seconds
        self.present += len(finished)
        self._tell()

    def _tell(self) -> None:
        if self.progress is not None:
            left = math.nan
            if self.began is not None:
                speed = self.seconds / max(time.monotonic() - self.began, 1e-9)  # seconds of work a second
                left = self.jobs.left / max(speed, 1e-9)
            self.progress(self.present, self.plan.total, left)

    def words(self, failed: Failed) -> str:
        """A failure and how to see it again."""
        return f"replica {failed.task.replica} of {failed.task.config}: {failed.error}"


def environment() -> dict[str, str]:
    """Versions of what may influence the last digits: kept with the results, no part of their key."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in ("dipcert", "numpy", "scipy", "numba"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
