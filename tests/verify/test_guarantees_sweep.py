"""Every activation, both modes, with and without noise and data: a run raises nothing and no bound is violated."""

import pytest

from theory.activations import ACTIVATIONS
from verify.verdict import Verdict

NAMES = sorted(ACTIVATIONS)


def test_all_nine_are_swept():
    assert len(NAMES) == 9
    assert {"identity", "relu", "gelu", "silu"} <= set(NAMES)


@pytest.mark.parametrize("data", ["data", "zero"])
@pytest.mark.parametrize("noise", [{"norm": 0.05}, None], ids=["noise", "exact"])
@pytest.mark.parametrize("train", ["both", "W"])
@pytest.mark.parametrize("name", NAMES)
def test_a_run_never_raises_and_never_violates(lab, name, train, noise, data):
    values = [0.6, -0.3, 0.2] if data == "data" else [0.0, 0.0, 0.0]
    table = lab.table(
        2, 3, seed=5, signal={"source": "values", "values": values}, noise=noise,
        network={"activation": name, "train": train, "width": 16, "output_scale": 12.0},
        flow={"loss_tol": 1e-4, "max_seconds": 0.2, "points_per_decade": 3, "rtol": 1e-8},
    )  # fmt: skip
    result = lab.run(table)
    violated = [(c.statement, c.note, c.slack) for c in result.checks if c.verdict is Verdict.VIOLATED]
    assert not violated
    assert all(g.status in ("in_force", "measured", "not_met", "not_evaluable", "vacuous")
               for g in result.convergence + result.recovery)  # fmt: skip
