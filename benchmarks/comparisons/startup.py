"""What a user waits for: the command's help, and the whole of the MRI example.  Threads as they are by default."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from benchmarks.contest import Row, Setup
from benchmarks.remote import ROOT, Unavailable, spawn_seconds
from benchmarks.summary import spread

TITLE = "Start-up, and the MRI example from start to end"
ERROR = ""
_DIPCERT = [sys.executable, "-c", "import sys; sys.argv[0] = 'dipcert'; from verify.cli import main; sys.exit(main())"]


def run(setup: Setup) -> list[Row]:
    """Interpreter alone, help, example; in turn."""
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "mri")
        mri = [*_DIPCERT, "run", str(ROOT / "examples" / "mri.toml"), "--out", out]
        commands = {
            "python -c pass": ([sys.executable, "-c", "pass"], 9),
            "dipcert --help": ([*_DIPCERT, "--help"], 9),
            "dipcert run examples/mri.toml": (mri, 0 if setup.quick else 3),
        }
        rows = {name: Row("startup", "command line", name, ours=name == "dipcert --help") for name in commands}
        walls: dict[str, list[float]] = {name: [] for name in commands}
        cpus: dict[str, list[float]] = {name: [] for name in commands}
        for turn in range(setup.rounds):
            for name, (command, most) in commands.items():
                if turn >= most or rows[name].status != "ok":
                    continue
                setup.say(f"startup: {name}")
                start = time.perf_counter()
                try:
                    wall, cpu = spawn_seconds(command, setup.timeout)
                except Unavailable as reason:
                    rows[name].status = reason.status
                    continue
                if turn == 0:  # byte code and file cache
                    rows[name].first = time.perf_counter() - start
                    if most > 3:
                        continue
                walls[name].append(wall)
                cpus[name].append(cpu)
    for name, row in rows.items():
        if walls[name]:
            seen = spread(walls[name])
            row.median, row.minimum, row.q1, row.q3 = seen.median, seen.minimum, seen.q1, seen.q3
            row.samples, row.cpu_per_wall = seen.samples, sum(cpus[name]) / sum(walls[name])
        elif row.status == "ok":
            row.status = "not run: --quick"
    return list(rows.values())
