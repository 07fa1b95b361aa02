"""The threshold: certificates both ways, against the linear program and against the flow itself."""

import math
import time
from collections import Counter

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import linprog, lsq_linear

from numerics.activations import activation
from numerics.wonly import box, threshold


def program(B, y):
    """min |h|_inf s.t. B h = y, straight from the statement."""
    m, k = B.shape
    eye, one = np.eye(k), np.ones((k, 1))
    result = linprog(
        np.append(np.zeros(k), 1.0),
        A_ub=np.vstack([np.hstack([eye, -one]), np.hstack([-eye, -one])]),
        b_ub=np.zeros(2 * k),
        A_eq=np.hstack([B, np.zeros((m, 1))]),
        b_eq=y,
        bounds=[(None, None)] * k + [(0, None)],
    )
    return result.x[-1] if result.status == 0 else math.inf


def instance(rng, n, m, k):
    A = rng.standard_normal((m, n)) / math.sqrt(n)
    return A @ rng.choice([-1.0, 1.0], (n, k)) / math.sqrt(k), rng.standard_normal(m)


def final_residual(phi, B, y, a0, t_end):
    def field(t, a):
        return -phi.dphi(a) * (B.T @ (B @ phi.phi(a) - y))

    sol = solve_ivp(field, (0, t_end), a0, method="LSODA", rtol=1e-8, atol=1e-10)
    assert sol.success
    return float(np.linalg.norm(B @ phi.phi(sol.y[:, -1]) - y))


def test_program_flow_and_certificate_agree_around_the_threshold():
    rng, phi = np.random.default_rng(0), activation("tanh")
    outcomes: Counter[bool] = Counter()
    for i in range(60):
        B, y = instance(rng, 6, 3, int(rng.integers(5, 11)))
        k = B.shape[1]
        if i % 2:  # placed near the boundary: the wall at a drawn distance
            y = y / program(B, y) * rng.uniform(0.8, 1.25)
        size = float(program(B, y))
        if abs(size - 1) < 0.03:
            continue
        found = threshold(B, y, *box(phi, np.zeros(k)))
        assert found.feasible is (size < 1)
        residual = final_residual(phi, B, y, 0.5 * rng.standard_normal(k), 1e5)
        assert (residual < 1e-3) is found.feasible  # near the boundary the rate phi'^2 is tiny: no smaller at 1e5
        if found.feasible:
            assert 0 < found.margin <= 1 - size + 1e-9
            assert np.max(np.abs(found.h)) < 1
            assert np.linalg.norm(B @ found.h - y) < 1e-8
        else:
            best = lsq_linear(B, y, (-1, 1), tol=1e-12)
            distance = math.sqrt(2 * best.cost)
            assert 5e-3 < found.inf_gap <= distance * (1 + 1e-6)
            assert found.inf_gap >= 0.9 * distance
            assert residual >= found.inf_gap
            p = found.witness
            assert p @ y > np.sum(np.abs(p @ B))
            # the loss tends to the optimum over the box
            assert residual == pytest.approx(distance, abs=3e-2)
        outcomes[found.feasible] += 1
    assert min(outcomes[True], outcomes[False]) >= 15
    assert sum(outcomes.values()) >= 40


def test_the_phase_transition_of_the_theory():
    """(10, 5): the feasible share passes 0.72 around k = 16 (A with entries N(0, 1/m), y = A x of a Gaussian signal)."""
    shares = []
    for k in (6, 16, 48):
        rng, count = np.random.default_rng(k), 0
        for _ in range(60):
            A = rng.standard_normal((5, 10)) / math.sqrt(5)
            B = A @ rng.choice([-1.0, 1.0], (10, k)) / math.sqrt(k)
            found = threshold(B, A @ rng.standard_normal(10) / math.sqrt(2), -1, 1)
            assert found.feasible is not None
            count += found.feasible
        shares.append(count / 60)
    assert shares[0] < 0.3 < shares[1] < 0.98 < shares[2] + 0.03


@pytest.mark.parametrize("margin", [1e-3, 1e-6])
def test_close_to_the_boundary_it_decides_or_says_undecided(margin):
    rng = np.random.default_rng(3)
    counts: Counter[bool | None] = Counter()
    for _ in range(12):
        B, y = instance(rng, 10, 4, 12)
        y = y / program(B, y)
        inside, outside = threshold(B, y * (1 - margin), -1, 1), threshold(B, y * (1 + margin), -1, 1)
        assert inside.feasible is not False
        assert outside.feasible is not True
        counts[inside.feasible] += 1
        counts[outside.feasible] += 1
    assert counts[True] >= 11
    assert counts[False] >= 11


def test_on_the_boundary_nothing_is_claimed():
    """y = B h with h at a vertex of the square, exactly: neither inside nor at a positive distance."""
    found = threshold(np.eye(2), [1.0, 1.0], -1, 1)
    assert found.feasible is None
    assert "margin" in found.how
    assert not found.how.startswith("undecided")  # the caller says that
    assert threshold(np.eye(2), [1.0 - 1e-9, 0.5], -1, 1).feasible
    assert threshold(np.eye(2), [1.0 + 1e-9, 0.5], -1, 1).feasible is False


def test_ill_conditioned_rows_do_not_matter():
    rng = np.random.default_rng(4)
    counts: Counter[bool | None] = Counter()
    for _ in range(10):
        B, y = instance(rng, 8, 4, 12)
        y /= program(B, y)
        scale = np.geomspace(1, 1e-6, 4)
        for factor in (0.9, 1.1):
            found = threshold(scale[:, None] * B, scale * y * factor, -1, 1)
            assert found.feasible is (factor < 1)
            counts[found.feasible] += 1
    assert counts == {True: 10, False: 10}


@pytest.mark.parametrize("name", ["softplus", "identity", "gelu", "sigmoid", "sin"])
def test_other_boxes(name):
    phi, rng = activation(name), np.random.default_rng(5)
    a0 = rng.standard_normal(12)
    lo, hi = box(phi, a0)
    assert np.all(phi.phi(a0) > lo)
    assert np.all(phi.phi(a0) < hi)
    B = rng.standard_normal((4, 12)) / 3
    reachable = threshold(B, B @ phi.phi(a0 + 0.1 * (a0 > 0)), lo, hi)
    assert reachable.feasible
    # all weights positive: a negative observation is out of reach of positive neurons, and of bounded ones if it is large
    far = threshold(np.abs(B), np.full(4, -50.0), lo, hi)
    assert far.feasible is (name == "identity")
    if name != "identity":
        assert far.inf_gap > 1.0


def test_fewer_neurons_than_data():
    B = np.array([[1.0], [1.0]])
    found = threshold(B, [1.0, 0.0], -1, 1)
    assert found.feasible is False
    assert 0.5 < found.inf_gap <= math.sqrt(0.5)
    unbounded = threshold(B, [1.0, 0.0], -np.inf, np.inf)
    assert unbounded.feasible is False
    assert 0 < unbounded.inf_gap <= math.sqrt(0.5)
    assert threshold(B, [0.5, 0.5], -1, 1).feasible is None  # feasible, but not stably: no proof in floating point


def test_bad_input():
    for B, y, lo, hi in (
        ([[1.0]], [1.0, 2.0], -1, 1),
        ([[math.nan]], [1.0], -1, 1),
        ([[1.0]], [1.0], 1, 1),
        ([1.0], [1.0], -1, 1),
    ):
        with pytest.raises(ValueError, match="must"):
            threshold(B, y, lo, hi)


def test_a_thousand_observations_and_four_thousand_neurons_take_seconds():
    rng = np.random.default_rng(6)
    m, k = 1000, 4000
    B = rng.choice([-1.0, 1.0], (m, k)) / math.sqrt(k)
    start = time.process_time()
    inside = threshold(B, 0.6 * rng.standard_normal(m), -1, 1, program=False)
    outside = threshold(B, 1.5 * rng.standard_normal(m), -1, 1, program=False)
    assert inside.feasible
    assert inside.margin > 0.05
    assert outside.feasible is False
    assert outside.inf_gap > 1.0
    assert time.process_time() - start < 60  # 3 seconds on two idle cores


def test_nearly_singular_hessians_warn_nobody():
    """Warnings are errors here: data on the wall, and rows of very different size."""
    rng = np.random.default_rng(8)
    for i in range(40):
        B, y = instance(rng, 8, 4, 12)
        y *= (1 + 10.0 ** -rng.uniform(1, 12)) / program(B, y)
        grade = np.geomspace(1, 10.0 ** -rng.uniform(0, 10), 4)
        lo, hi = [(-1, 1), (-0.1, np.inf), (-1, np.where(np.arange(12) % 2, 1, np.inf))][i % 3]
        assert not threshold(grade[:, None] * B, grade * y, lo, hi, program=i % 2 == 0).how.startswith("undecided")
