"""A phase diagram: which of the random instances in each cell of a grid (n by k) converge."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.contenders.base import Contender


class Ours(Contender):
    """numerics.phase.diagram, on as many cores as there are.  Options: train; method and kernel as there.

    The first call does a single replica of the smallest cell, which compiles; `configure(whole=True)` makes it the task.
    """

    whole = False
    where: str | None = None  # the default of numerics.phase

    def __init__(self, train: str, method: str, kernel: str = "auto") -> None:
        self.options = {"train": train, "method": method, "kernel": kernel}

    def prepare(self, case: dict[str, Any]) -> None:
        """Only the imports."""
        from numerics.phase import diagram

        self.case, self.diagram = case, diagram

    def run(self) -> Any:
        """The diagram."""
        case = self.case
        rows, ks, replicas = (case["rows"], case["ks"], case["replicas"]) if self.whole else ([2], [8], 1)
        return self.diagram(
            "n",
            rows,
            ks,
            replicas,
            m=case["m"],
            cap=case["cap"],
            kappa=case["kappa"],
            seed=case["seed"],
            where=self.where,
            **self.options,
        )

    def answer(self, result: Any) -> dict[str, Any]:
        """Verdicts, iterations of each cell in all (the cap where a replica did not converge), who answered."""
        cap = float(self.case["cap"])
        return {
            "converged": np.array([[cell.converged for cell in row] for row in result.cells]),
            "iterations": np.array([[np.nan_to_num(c.steps, nan=cap).sum() for c in row] for row in result.cells]),
            "answers": dict(result.answers),
        }


class OursFused(Ours):
    """The same by the fused kernel, which needs numba: every step is taken."""

    needs = ("numba",)

    def __init__(self, train: str) -> None:
        super().__init__(train, "descent", "fused")
