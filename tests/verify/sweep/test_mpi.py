"""The same sweep on the processes of an MPI job: the lines of docs/sweeps.md, run as they stand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from verify.sweep import Store

pytest.importorskip("mpi4py", reason='mpi4py is not installed: pip install "dipcert[mpi]"')
DOCUMENT = Path(__file__).parents[3] / "docs" / "sweeps.md"


def test_an_mpi_job_gives_equal_bytes(quick, tmp_path: Path, read):
    beside = Path(sys.executable).with_name("mpiexec")
    mpiexec = str(beside) if beside.exists() else shutil.which("mpiexec")
    if mpiexec is None:
        pytest.skip("there is no mpiexec: install an MPI, for example with pip install mpich")
    (program,) = [
        block
        for block in re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.S)
        if "MPI" in block
    ]
    script = tmp_path / "phase.py"
    script.write_text(program.replace("examples/sweeps/phase_paper.toml", str(quick.file)), encoding="utf-8")
    done = subprocess.run(
        [mpiexec, "-n", "3", sys.executable, "-m", "mpi4py.futures", str(script)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [os.getcwd(), os.environ.get("PYTHONPATH")]))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"computed={quick.plan.total}" in done.stdout
    with Store.open(tmp_path / "phase.sqlite") as store:
        assert read(quick.plan, store) == quick.expected
