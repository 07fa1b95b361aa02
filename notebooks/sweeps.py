"""The small sweeps that the notebooks read: run them all, or check that what is kept is what the code computes.

    python notebooks/sweeps.py                     # every examples/sweeps/*_small.toml, into notebooks/kept (minutes)
    python notebooks/sweeps.py phase_small         # this one
    python notebooks/sweeps.py --check 6           # compute 6 replicas of each anew and compare

A sweep that was interrupted goes on where it was (results/small).
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path

import numpy as np

from verify.sweep import Store, Sweep, code_version, load_plan, read_sweep, sweep
from verify.sweep.executors import Processes
from verify.sweep.export import csv_text, replica_table
from verify.sweep.identity import cell_key, stream

HERE = Path(__file__).resolve().parent
EXPERIMENTS = HERE.parent / "examples" / "sweeps"
RESULTS = HERE / "kept"
STORES = HERE.parent / "results" / "small"
# other machines round otherwise, and a path of many steps carries that along
RTOL = 1e-6


def names() -> list[str]:
    """The small sweeps."""
    return sorted(path.stem for path in EXPERIMENTS.glob("*_small.toml"))


def kept(name: str) -> Sweep:
    """What is kept of one."""
    return read_sweep(EXPERIMENTS / f"{name}.toml", RESULTS / f"{name}.csv")


def run(name: str) -> None:
    """Run one and keep its replicas."""
    plan = load_plan(EXPERIMENTS / f"{name}.toml")
    STORES.mkdir(parents=True, exist_ok=True)
    RESULTS.mkdir(exist_ok=True)
    began = time.perf_counter()
    with Store.open(STORES / f"{name}.sqlite") as store, Processes(2, plan.kind.replica.__module__) as workers:
        outcome = sweep(plan, store, workers)
        if outcome.status != "complete":
            raise SystemExit(f"{name}: {outcome.status}; {'; '.join(outcome.failures[:1])}")
        table = replica_table(plan.kind, store.results(plan, code_version(plan.kind)))
    beside = RESULTS / f".{name}.part"
    beside.write_bytes(csv_text(table.header, table.rows).encode())
    beside.replace(RESULTS / f"{name}.csv")
    print(f"{name}: {outcome.computed} of {outcome.total} replicas computed in {time.perf_counter() - began:.1f} s")


def differences(name: str, count: int, seed: int = 0) -> list[str]:
    """Entries of `count` replicas, drawn from all, that are not what the code computes."""
    found = kept(name)
    kind, cells = found.kind, found.results.cells
    rng = np.random.default_rng(seed)
    wrong = []
    for index in rng.choice(len(cells), size=min(count, len(cells)), replace=False):
        cell = cells[index]
        replica = int(rng.choice(sorted(cell.records)))
        key = cell_key(kind.name, found.plan.seed, cell.config)
        anew = kind.values(kind.replica(cell.config, stream(key, replica)))
        there = kind.values(cell.records[replica])
        for (entry, _), a, b in zip(kind.columns, anew, there, strict=True):
            if not _same(a, b):
                wrong.append(f"{name}, {cell.config}, replica {replica}: {entry} is {a!r}, kept is {b!r}")
    return wrong


def _same(a: object, b: object) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return (math.isnan(a) and math.isnan(b)) or a == b or math.isclose(a, b, rel_tol=RTOL)
    return a == b


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="*", help=f"of {', '.join(names())} [all]")
    parser.add_argument("--check", type=int, metavar="N", help="compare N replicas of each with what is kept")
    given = parser.parse_args()
    unknown = sorted(set(given.name) - set(names()))
    if unknown:
        parser.error(f"no experiment {', '.join(unknown)} in {EXPERIMENTS}; there are {', '.join(names())}")
    if given.check is not None and given.check < 1:
        parser.error("--check N compares at least one replica")
    wrong: list[str] = []
    for name in given.name or names():
        if given.check is None:
            run(name)
        else:
            found = differences(name, given.check)
            print(f"{name}: {'as kept' if not found else 'differs'}")
            wrong += found
    print("".join(f"{line}\n" for line in wrong), end="")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
