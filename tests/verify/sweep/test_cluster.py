"""The same sweep on a real Dask cluster of processes, also when a worker is killed."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from verify.cli import main
from verify.sweep import Store, sweep
from verify.sweep.executors import Cluster

distributed = pytest.importorskip("distributed", reason='Dask is not installed: pip install "dipcert[dask]"')
pytestmark = pytest.mark.filterwarnings("ignore")  # those of Dask and of what it imports are not ours


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as found:
        yield found


def test_a_cluster_gives_equal_bytes_also_when_a_worker_is_killed(slow, cluster, tmp_path: Path, read):
    killed: list[int] = []
    with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
        workers = list(client.run(os.getpid).values())

    def progress(done: int, total: int, left: float) -> None:
        if done > 8 and not killed:
            killed.append(workers[0])
            os.kill(workers[0], signal.SIGKILL)

    with Store.open(tmp_path / "s.sqlite") as store, Cluster(cluster.scheduler_address) as team:
        outcome = sweep(slow.plan, store, team, progress=progress)
        assert (outcome.status, outcome.computed, len(killed)) == ("complete", slow.plan.total, 1)
        assert read(slow.plan, store) == slow.expected


def test_the_command_on_a_cluster(quick, cluster, tmp_path: Path):
    place = tmp_path / "out"
    done = CliRunner().invoke(
        main, ["sweep", str(quick.file), "--out", str(place), "--dask", cluster.scheduler_address]
    )
    assert done.exit_code == 0, done.output
    assert (place / "results.csv").read_bytes() == quick.expected
    assert cluster.scheduler.workers  # it goes on for others


def test_any_executor_of_dask_will_do(quick, cluster, tmp_path: Path, read):
    with (
        distributed.Client(cluster.scheduler_address, set_as_default=False) as client,
        Store.open(tmp_path / "s") as store,
    ):
        assert sweep(quick.plan, store, client.get_executor(pure=False), workers=2).status == "complete"
        assert read(quick.plan, store) == quick.expected


def test_a_scheduler_that_does_not_answer(quick, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(Cluster.__init__, "__defaults__", (0.5,))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for address in (f"tcp://127.0.0.1:{port}", "nonsense://x"):
        done = CliRunner().invoke(main, ["sweep", str(quick.file), "--out", str(tmp_path / "o"), "--dask", address])
        assert done.exit_code == 2, done.output
        assert f"--dask {address}: no Dask scheduler answers there" in done.stderr
