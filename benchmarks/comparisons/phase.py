"""The phase diagram (to be filled in when numerics.phase has landed)."""

from __future__ import annotations

from benchmarks.contest import Row, Setup

TITLE = "Phase diagram, 10 × 10 cells of 50 replicas, at most 25 000 iterations"
ERROR = ""


def run(setup: Setup) -> list[Row]:
    """Nothing yet."""
    return [Row("phase", "both layers", "dipcert", status="not run: numerics.phase is not part of this version")]
