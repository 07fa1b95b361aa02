"""Who does the work: this process, processes on this machine, a Dask cluster, or any executor that is given."""

from __future__ import annotations

import logging
import time
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor
from contextlib import suppress
from typing import Any

from numerics.ensemble import process_pool
from verify.tables import ProblemError

_OFTEN = 1.0  # seconds between two questions to a cluster

__all__ = ["Cluster", "Given", "Processes", "Serial", "Workers"]


class Workers:
    """An executor, and what can be done with it."""

    executor: Executor

    def count(self) -> int:
        """How many batches run at once."""
        raise NotImplementedError

    def window(self) -> int:
        """How many batches should be known to it, so that nobody waits for work."""
        return 2 * self.count()

    def died(self, error: BaseException) -> bool:
        """Whether an exception of a batch says that its worker died, so that it may be tried again."""
        return isinstance(error, BrokenExecutor | CancelledError)

    def renew(self) -> bool:
        """Working executor after deaths; False if there is none."""
        return False

    def cancel(self, future: Future[Any]) -> bool:
        """Take back a batch that nobody has begun."""
        return future.cancel()

    def close(self, *, now: bool = False) -> None:
        """Let go; `now`: without waiting for batches at work."""

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Here(Executor):
    """Everything in the calling thread."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The future of a call that is over."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Serial(Workers):
    """This process."""

    def __init__(self) -> None:
        self.executor = _Here()

    def count(self) -> int:
        """One."""
        return 1

    def window(self) -> int:
        """One: it is over when it is submitted."""
        return 1


class Processes(Workers):
    """Processes on this machine, started afresh when one of them dies."""

    def __init__(self, count: int, *modules: str) -> None:
        """Imported in advance: `modules`."""
        self._count = count
        self._modules = modules
        self.executor: ProcessPoolExecutor = process_pool(count, "verify.sweep.work", *modules)

    def count(self) -> int:
        """The number of processes."""
        return self._count

    def renew(self) -> bool:
        """A new pool: the executor of a process that died takes no more work."""
        self.close(now=True)
        self.executor = process_pool(self._count, "verify.sweep.work", *self._modules)
        return True

    def close(self, *, now: bool = False) -> None:
        """End the processes."""
        processes = list((getattr(self.executor, "_processes", None) or {}).values()) if now else []
        for process in processes:  # ProcessPoolExecutor.terminate_workers, of Python 3.14
            process.terminate()
        self.executor.shutdown(wait=True, cancel_futures=True)


class Given(Workers):
    """An executor of the caller's, which is left open."""

    def __init__(self, executor: Executor, count: int | None) -> None:
        self.executor = executor
        self._count = count or int(getattr(executor, "_max_workers", 1))

    def count(self) -> int:
        """What the caller said, or what the executor seems to have."""
        return self._count


class Cluster(Workers):
    """A Dask cluster."""

    def __init__(self, address: str, patience: float = 10.0) -> None:
        """ProblemError if nobody answers at `address` within `patience` seconds."""
        try:
            from distributed import Client
        except ImportError:
            raise ProblemError('--dask needs Dask, which is not installed: pip install "dipcert[dask]"') from None
        for name in (
            "distributed",
            "distributed.client",
            "tornado",
            "tornado.application",
        ):  # they log what is raised here, with its trace
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            self._client = Client(address, timeout=patience, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise ProblemError(
                f"--dask {address}: no Dask scheduler answers there ({' '.join(str(error).split())}); start one with `dask "
                "scheduler`, and give the address that it prints, such as tcp://host:8786"
            ) from None
        self.executor = self._client.get_executor(pure=False)
        self._asked, self._threads = -_OFTEN, 1

    def count(self) -> int:
        """The threads that the cluster has now (a cluster may grow and shrink), at least one."""
        if time.monotonic() - self._asked > _OFTEN:
            self._asked = time.monotonic()
            with suppress(OSError):  # nobody answers: what happens to the batches decides
                self._threads = max(1, sum(self._client.nthreads().values()))
        return self._threads

    def died(self, error: BaseException) -> bool:
        """Also Dask's own word for a batch whose workers died several times."""
        from distributed import KilledWorker

        return isinstance(error, KilledWorker) or super().died(error)

    def renew(self) -> bool:
        """Dask starts dead workers again by itself; it is not there any more if its scheduler is gone."""
        return bool(self._client.status == "running")

    def cancel(self, future: Future[Any]) -> bool:
        """No batch is taken back: of one at Dask nobody here knows whether it has begun."""
        return False

    def close(self, *, now: bool = False) -> None:
        """Leave the cluster; it goes on for others."""
        self.executor.shutdown(wait=not now)
        self._client.close()
