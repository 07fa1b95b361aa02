"""What a worker does: a few replicas, one BLAS thread for all of them."""

from __future__ import annotations

import platform
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from threadpoolctl import threadpool_limits

from verify.sweep.identity import stream
from verify.sweep.kind import Kind
from verify.sweep.sources import code_version
from verify.sweep.store import Finished

__all__ = ["Failed", "OtherSources", "Task", "work"]


@dataclass(frozen=True)
class Task:
    """One replica to be computed."""

    config: Any
    cell: str
    replica: int


@dataclass(frozen=True)
class Failed:
    """A replica that raised: what, and where."""

    task: Task
    error: str


class OtherSources(RuntimeError):
    """A worker has another version of the code than the driver: its numbers would go under a wrong name."""


def work(kind: Kind, code: str, tasks: Sequence[Task], seconds: float) -> list[Finished | Failed]:
    """The replicas, one after the other; after `seconds` none begins any more (the first always does)."""
    if code_version(kind) != code:
        raise OtherSources(
            f"the worker on {platform.node()} has other sources of {kind.name} ({code_version(kind)}) than this program "
            f"({code}); install the same version of dipcert there"
        )
    found: list[Finished | Failed] = []
    end = time.perf_counter() + seconds
    with _one_thread():
        for task in tasks:
            began = time.perf_counter()
            if found and began > end:
                break
            try:
                values = kind.values(kind.replica(task.config, stream(task.cell, task.replica)))
            except Exception as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                text = f"{type(error).__name__}: {error} (line {where.lineno} of {where.filename.rpartition('/')[2]})"
                found.append(Failed(task, " ".join(text.split())))
            else:
                found.append(Finished(task.cell, task.replica, values, time.perf_counter() - began))
    return found


_lock = threading.Lock()
_inside = 0
_limit: Any = None


@contextmanager
def _one_thread() -> Iterator[None]:
    """One BLAS thread while any thread of this process is inside (limits belong to the process, not to a thread)."""
    global _inside, _limit  # noqa: PLW0603
    with _lock:
        if _inside == 0:
            _limit = threadpool_limits(limits=1)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _limit.restore_original_limits()
