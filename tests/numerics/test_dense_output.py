"""The state at any time of a run: `numerics.flow.state_at`."""

import numpy as np
import pytest

from numerics.activations import activation
from numerics.flow import ReducedProblem, gradient_flow, state_at
from numerics.losses import loss


def problem(train: str) -> ReducedProblem:
    rng = np.random.default_rng(3)
    return ReducedProblem(
        rng.standard_normal((3, 4)) / 2,
        rng.standard_normal(3),
        loss("least_squares"),
        activation("tanh"),
        train,
        rng.standard_normal(40),
        rng.standard_normal((4, 40)),
    )


@pytest.mark.parametrize("train", ["both", "W"])
def test_between_stored_times_it_agrees_with_a_run_that_stops_there(train: str) -> None:
    run = gradient_flow(problem(train), t_max=5.0, points_per_decade=2)
    for t in (0.0, 1e-6, 0.0123, 0.777, 4.9, 5.0):
        found = state_at(run, t)
        if t == 0:
            assert np.array_equal(found.a, run.problem.a0)
            continue
        reference = gradient_flow(problem(train), t_max=t, times=(), rtol=1e-12, atol=1e-15).state(-1)
        # the run's own tolerance is 1e-9 of how far the parameters have moved
        moved = np.linalg.norm(reference.a - run.problem.a0) + np.linalg.norm(reference.V - run.problem.V0)
        assert np.linalg.norm(found.a - reference.a) <= 1e-8 * moved
        assert np.linalg.norm(found.V - reference.V) <= 1e-8 * moved


def test_stored_times_are_returned_as_they_are_and_others_refused() -> None:
    run = gradient_flow(problem("both"), t_max=2.0)
    assert np.array_equal(state_at(run, float(run.t[7])).a, run.a[7])
    for t in (-1.0, 2.5, float("nan")):
        with pytest.raises(ValueError, match="the run covers 0 ≤ t ≤ 2"):
            state_at(run, t)


def test_events_are_stored() -> None:
    first = gradient_flow(problem("both"), t_max=5.0)
    level = float(0.5 * first.residual[0])
    run = gradient_flow(problem("both"), t_max=5.0, levels=[level])
    at = run.events[level]
    assert at in run.t
    assert run.residual[list(run.t).index(at)] == pytest.approx(level, rel=1e-12)
    assert np.all(np.diff(run.t) > 0)
