"""Measure what certificates cost and write the table into docs/certificates.md; write its example as well.

python docs/certificate_costs.py            measure (half an hour) and write
python docs/certificate_costs.py --example  write the example only
python docs/certificate_costs.py --check    fail if the example is not what the command prints (seconds)
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).resolve().parent / "certificates.md"
TABLE = re.compile(r"(<!-- costs -->\n).*?(<!-- /costs -->\n)", re.DOTALL)
EXAMPLE = re.compile(r"(<!-- dipcert (certify [^>]*?) -->\n```text\n).*?(```\n)", re.DOTALL)
SIZES = [(n, k) for n in (10, 100, 300, 500, 1000) for k in (1_000, 10_000, 100_000)]
# Entries of V beyond which a problem of several gigabytes would be made, and those beyond which a recheck takes too long here.
LARGEST, RECHECKED = 60_000_000, 500
CERTIFY = """
import sys, time
import numpy as np
from verify.certificate import Subject, certify
n, k, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
rng = np.random.default_rng(0)
a, V = rng.standard_normal(k), rng.standard_normal((n, k))
T = np.linalg.qr(rng.standard_normal((n, n)))[0]
y = T @ (V @ np.tanh(a)) / np.sqrt(k) + 0.02 * np.sqrt(k / n**2) * rng.standard_normal(n) / np.sqrt(n)
subject = Subject.of(a, V, y, T)
del V
start = time.process_time()
certificate = certify(subject, "start")
certificate.write(path)
print(time.process_time() - start, certificate.verdict)
"""
RECHECK = """
import sys, time
from verify import recheck
start = time.process_time()
report = recheck.check(sys.argv[1])
print(time.process_time() - start, report.verdict if report.ok else report.reason)
"""


def measured(code: str, *arguments: str) -> tuple[float, str, float]:
    """(CPU seconds, what was found, peak MB of the process) of a Python program of its own."""
    # VmHWM is the process's own; getrusage would count what its parent held when it was forked
    wrapped = (
        code + "\nprint(next(int(x.split()[1]) / 1024 for x in open('/proc/self/status') if x.startswith('VmHWM')))"
    )
    done = subprocess.run([sys.executable, "-c", wrapped, *arguments], capture_output=True, text=True, check=True)
    first, peak = done.stdout.strip().splitlines()
    seconds, found = first.split(maxsplit=1)
    return float(seconds), found, float(peak)


def number(value: float) -> str:
    """Two digits, or an integer."""
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"


def table() -> str:
    """The rows, as they are measured."""
    rows = ["| n = m | k | certify, s | MB | recheck, s | MB | verdict |", "|---:|---:|---:|---:|---:|---:|---|"]
    with tempfile.TemporaryDirectory() as directory:
        for n, k in SIZES:
            if n * k > LARGEST:
                rows.append(f"| {n} | {k} | – | | – | | not run: V would hold {n * k:.0e} numbers |")
                continue
            path = str(Path(directory) / "cert.json")
            seconds, verdict, peak = measured(CERTIFY, str(n), str(k), path)
            row = f"| {n} | {k} | {number(seconds)} | {number(peak)} |"
            if n <= RECHECKED:
                again, found, high = measured(RECHECK, path)
                row += f" {number(again)} | {number(high)} | {verdict}{'' if found == verdict else ', ' + found} |"
            else:
                row += f" not run | | {verdict} |"
            rows.append(row)
            print(row, file=sys.stderr, flush=True)
    return "\n".join(rows) + "\n"


def printed(command: str) -> str:
    """What the command prints, in a directory of its own; times are left out."""
    from click.testing import CliRunner

    from verify.cli import main

    os.environ["COLUMNS"] = "120"
    words = [str(PAGE.parent.parent / word) if word.startswith("examples/") else word for word in command.split()]
    with tempfile.TemporaryDirectory() as directory:
        here = Path.cwd()
        os.chdir(directory)
        try:
            done = CliRunner().invoke(main, words)
        finally:
            os.chdir(here)
    if done.exit_code not in (0, 3):
        raise SystemExit(f"dipcert {command} failed: {done.output}")
    lines = [re.sub(r" in [0-9.]+ s:", ":", line.rstrip()) for line in done.stdout.splitlines()]
    # the identifier hangs on the last bits of the parameters that the flow has reached, which differ between processors
    lines = [re.sub(r"^problem [0-9a-f]{64}$", "problem <64 hexadecimal digits>", line) for line in lines]
    return "\n".join([f"$ dipcert {command}", *lines]) + "\n"


def main(arguments: list[str]) -> int:
    """Write or check; the exit code."""
    page = PAGE.read_text(encoding="utf-8")
    now = EXAMPLE.sub(lambda m: m[1] + printed(m[2]) + m[3], page)
    if arguments == ["--check"]:
        if now != page:
            print(
                "docs/certificates.md shows what its command no longer prints; run: python docs/certificate_costs.py --example"
            )
            return 1
        return 0
    if arguments != ["--example"]:
        found = table()
        now = TABLE.sub(lambda m: m[1] + found + m[2], now)
    PAGE.write_text(now, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
