"""One contender in a process of its own, driven over pipes: prepare, run so many times, show the answer.

Started by :mod:`benchmarks.remote`, possibly with another interpreter whose environment has little more than NumPy:
nothing here may import anything else.  Everything is timed in here, so that neither the pipes nor the driver count.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import pickle
import sys
import time
import traceback
from typing import Any, BinaryIO

# How the libraries word that an allocation has failed.
_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "unable to allocate",
    "resource_exhausted",
    "bad_alloc",
    "bad alloc",
)


class Worker:
    """The commands that a driver may send, each a method."""

    def __init__(self) -> None:
        self.contender: Any = None
        self.seconds = 0.0  # of the last single run

    def load(self, path: str, options: dict[str, Any]) -> dict[str, Any]:
        """Make the contender `module:Class` with these options; say which of the modules that it needs are missing."""
        module, name = path.split(":")
        kind = getattr(importlib.import_module(module), name)
        missing = [need for need in kind.needs if importlib.util.find_spec(need) is None]
        if not missing:
            self.contender = kind(**options)
        return {"missing": missing, "threads": _threads()}

    def prepare(self, case: dict[str, Any]) -> dict[str, Any]:
        """Make the instance of the case, run once: seconds of both (compilation included), and the iterations in a run."""
        start = time.perf_counter()
        self.contender.prepare(case)
        between = time.perf_counter()
        self.contender.run()
        end = time.perf_counter()
        return {"prepare": between - start, "first": end - between, "per_run": self.contender.per_run}

    def configure(self, settings: dict[str, Any]) -> None:
        """Change settings of the prepared contender."""
        self.contender.configure(**settings)

    def answer(self) -> Any:
        """Run once, and what is to be compared with the reference."""
        start = time.perf_counter()
        result = self.contender.run()
        self.seconds = time.perf_counter() - start
        return self.contender.answer(result)

    def last(self) -> float:
        """Seconds of the run behind the last answer."""
        return self.seconds

    def time(self, calls: int, warm: bool) -> tuple[float, float]:
        """Seconds of wall and of processor time of one run, averaged over `calls`; if `warm`, after one not counted."""
        run = self.contender.run
        if warm:
            run()
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(calls):
            run()
        wall = time.perf_counter() - wall
        return wall / calls, (time.process_time() - cpu) / calls

    def about(self) -> str:
        """What the contender says of itself after a run."""
        return str(self.contender.note())


def _threads() -> list[dict[str, Any]]:
    """The libraries with thread pools and how many threads each may use; empty where threadpoolctl is missing."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return []
    return [
        {k: info.get(k) for k in ("internal_api", "version", "num_threads", "architecture")}
        for info in threadpool_info()
    ]


def _limit_memory(limit: int) -> None:
    if limit > 0:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer messages (command, arguments) with (status, value) until the source ends."""
    worker = Worker()
    while True:
        try:
            command, arguments = pickle.load(source)
        except EOFError:
            return
        try:
            reply = ("ok", getattr(worker, command)(*arguments))
        except MemoryError as error:
            reply = ("out of memory", str(error))
        except Exception as error:
            words = f"{type(error).__name__}: {error}"
            if any(word in words.lower() for word in _MEMORY):
                reply = ("out of memory", words)
            else:
                traceback.print_exc()
                reply = ("failed", words)
        pickle.dump(reply, sink, protocol=4)
        sink.flush()


def main() -> None:
    """Keep the pipes to ourselves: whatever else writes to the standard output goes to the standard error."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    _limit_memory(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    serve(source, sink)


if __name__ == "__main__":
    main()
