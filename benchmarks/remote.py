"""The driver's end of a worker: start it with one thread, ask with a time limit, tell what went wrong in plain words."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ONE_THREAD = {
    **dict.fromkeys(
        ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
    ),
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
    "JAX_ENABLE_X64": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


class Unavailable(Exception):
    """The contender has no figure to show; `status` says why, in the words of the table."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class Remote:
    """One worker process.

    Parameters
    ----------
    interpreter: the Python that runs it; the present one by default.
    memory_limit: bytes of data it may allocate; 0 for no limit.
    environment: variables besides those that ask for one thread.
    """

    def __init__(
        self, interpreter: str | None = None, memory_limit: int = 0, environment: Mapping[str, str] | None = None
    ) -> None:
        self.memory_limit = memory_limit
        self._log = tempfile.TemporaryFile(mode="w+")  # noqa: SIM115 - closed with the worker
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        self._process = subprocess.Popen(
            [interpreter or sys.executable, "-m", "benchmarks.worker", str(memory_limit)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, **ONE_THREAD, **(environment or {}), "PYTHONPATH": path},
        )

    def ask(self, command: str, *arguments: Any, timeout: float = 600.0) -> Any:
        """The worker's answer; :class:`Unavailable` if it fails, takes longer than `timeout` seconds, or dies."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            pickle.dump((command, arguments), process.stdin, protocol=4)
            process.stdin.flush()
            if not select.select([process.stdout], [], [], timeout)[0]:
                self.close()
                raise Unavailable(f"time-out after {timeout:.0f} s ({command})")
            status, value = pickle.load(process.stdout)
        except (EOFError, BrokenPipeError):
            raise Unavailable(self._obituary()) from None
        if status == "ok":
            return value
        if status == "out of memory":
            raise Unavailable(f"out of memory (limit {self.memory_limit / 1e9:.1f} GB)")
        raise Unavailable(f"failed: {value}".splitlines()[0][:200])

    def _obituary(self) -> str:
        code = self._process.wait()
        self._log.seek(0)
        tail = self._log.read().strip().splitlines()[-1:]
        if code == -signal.SIGKILL:
            return "out of memory (the worker was killed)"
        if any("alloc" in line.lower() for line in tail):
            return f"out of memory (limit {self.memory_limit / 1e9:.1f} GB)"
        return f"failed: the worker ended with code {code}: {' '.join(tail)[:160]}"

    def close(self) -> None:
        """End the worker."""
        process = self._process
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        self._log.close()

    def __enter__(self) -> Remote:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def spawn_seconds(command: list[str], timeout: float = 600.0) -> tuple[float, float]:
    """Wall and processor seconds of a command from start to end; :class:`Unavailable` if it does not end well."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    before, start = os.times(), time.perf_counter()
    try:
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, "PYTHONPATH": path},
            cwd=ROOT,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"time-out after {timeout:.0f} s") from None
    wall, after = time.perf_counter() - start, os.times()
    if done.returncode not in (0, 3):  # 3: the command worked, and has no guarantee to give
        raise Unavailable(f"failed: exit code {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu
