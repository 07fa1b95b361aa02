"""Sweeps: an experiment on a grid of configurations, many replicas each, resumable and the same wherever it runs.

`kind` what an experiment is, `kinds` which there are, `experiments` the experiments; `plan` and `grid` the experiment file;
`identity` and `sources` keys, random numbers, version of the code; `store` SQLite; `work` a batch of replicas in a worker,
`jobs` which batch is next, `executors` who works, `engine` the loop; `export` CSV and Parquet, `present` the files of a
result, `read` a sweep from its CSV, `groups` and `figure` what summaries have in common.

>>> from verify.sweep import parse_plan
>>> plan = parse_plan({"kind": "phase", "replicas": 2, "fixed": {"m": 2, "kernel": "numpy"}, "grid": {"n": [2, 3], "k": [5]}})
>>> len(plan.cells), plan.total
(2, 4)
"""

from verify.sweep.engine import Outcome, SweepError, sweep
from verify.sweep.kind import Kind, Results, Summary
from verify.sweep.plan import Plan, load_plan, parse_plan, plan_of
from verify.sweep.read import Sweep, read_sweep
from verify.sweep.sources import code_version
from verify.sweep.store import Store, StoreError

__all__ = [
    "Kind",
    "Outcome",
    "Plan",
    "Results",
    "Store",
    "StoreError",
    "Summary",
    "Sweep",
    "SweepError",
    "code_version",
    "load_plan",
    "parse_plan",
    "plan_of",
    "read_sweep",
    "sweep",
]
