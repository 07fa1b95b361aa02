"""Four answers, one rule."""

import numpy as np
from hypothesis import event, given
from hypothesis import strategies as st

from verify.verdict import Verdict, check_series, judge

TIMES = np.array([0.0, 1.0, 2.0, 3.0])
finite = st.floats(-1e3, 1e3)


def check(value, bound, budget, side="upper"):
    return check_series("id", "q", side, TIMES[: len(value)], np.array(value), np.array(bound), np.array(budget))


@given(
    st.lists(st.tuples(finite, finite, st.floats(0, 10)), min_size=1, max_size=4), st.sampled_from(["upper", "lower"])
)
def test_the_worst_time_decides(rows, side):
    value, bound, budget = (list(column) for column in zip(*rows, strict=True))
    found = check(value, bound, budget, side)
    slack = [(b - v if side == "upper" else v - b) for v, b in zip(value, bound, strict=True)]
    wrong = [s < -e for s, e in zip(slack, budget, strict=True)]
    right = [s > e for s, e in zip(slack, budget, strict=True)]
    expected = Verdict.VIOLATED if any(wrong) else Verdict.HOLDS if all(right) else Verdict.UNDECIDED
    event(str(expected))
    assert found.verdict is expected
    assert sum(found.counts.values()) == found.n_times == len(rows)
    assert found.counts.get("violated", 0) == sum(wrong)
    assert found.counts.get("holds", 0) == sum(right)
    # the time that is named gave the verdict
    i = int(np.flatnonzero(found.t == TIMES)[0])
    assert (found.value, found.bound, found.slack) == (value[i], bound[i], slack[i])
    assert {Verdict.VIOLATED: wrong[i], Verdict.HOLDS: right[i]}.get(expected, True)


def test_equality_is_undecided_whatever_the_budget():
    for budget in (0.0, 1e-12):
        assert check([1.0], [1.0], [budget]).verdict is Verdict.UNDECIDED
    assert judge(np.array([0.1, -0.1, 0.1]), np.array([0.1, 0.1, 0.05])).tolist() == ["undecided", "undecided", "holds"]


def test_an_unknown_error_decides_nothing():
    found = check([1.0, 2.0], [10.0, 1.0], [np.inf, np.inf])
    assert found.verdict is Verdict.UNDECIDED
    assert found.counts == {"undecided": 2}


def test_infinite_bounds_do_not_count_and_nothing_left_is_no_proof():
    found = check([1.0, 1.0], [np.inf, 2.0], [0.0, 0.0])
    assert (found.verdict, found.n_times, found.t) == (Verdict.HOLDS, 1, 1.0)
    empty = check([1.0], [np.inf], [0.0])
    assert (empty.verdict, empty.n_times, empty.counts) == (Verdict.UNDECIDED, 0, None)
    assert "no stored time" in empty.note


def test_both_slacks_are_kept_and_the_verdict_is_text_in_json():
    found = check([1.0, 3.0], [2.0, 3.5], [0.0, 0.0])
    assert (found.slack, found.relative) == (0.5, 0.5 / 3.5)
    assert found.to_json()["verdict"] == "holds"
    assert check([0.0], [0.0], [1.0]).relative == 0.0


def test_the_budget_counts_once_on_either_side():
    slack, budget = np.array([-0.15, -0.05, 0.05, 0.15]), np.full(4, 0.1)
    assert judge(slack, budget).tolist() == ["violated", "undecided", "undecided", "holds"]


def test_a_bound_that_is_nan_or_infinite_on_the_wrong_side_is_not_left_out() -> None:
    t, value, budget = np.arange(1.0, 5.0), np.ones(4), np.full(4, 0.1)

    def verdict(side: str, *bound: float) -> str:
        return str(check_series("x", "q", side, t, value, np.array(bound), budget).verdict)  # type: ignore[arg-type]

    assert verdict("upper", 2, np.nan, 2, 2) == "undecided"
    assert verdict("upper", 2, -np.inf, 2, 2) == "violated"
    assert verdict("lower", 0, np.inf, 0, 0) == "violated"
    assert verdict("upper", 2, np.inf, 2, 2) == "holds"
    assert verdict("lower", 0, -np.inf, 0, 0) == "holds"
    assert verdict("upper", *[np.inf] * 4) == "undecided"
