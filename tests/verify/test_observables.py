"""What is read off a run, against independent recomputation, with budgets that cover the integrator's error."""

import math

import numpy as np
import pytest

from verify.observables import Series, _jacobian_norm, observe, sigma_times
from verify.problem import build, parse
from verify.run import simulate


@pytest.fixture(scope="module", params=["both", "W"])
def result(request, lab):
    weights = {"kind": "weighted_least_squares", "weights": [0.5, 2.0]}
    network = {"train": request.param, "antisymmetric": False, "width": 30, "output_scale": 3.0}
    return lab.run(lab.table(2, 4, seed=5, loss=weights, network=network, synthesis={"kind": "fourier_synthesis"}))


def full_network(result, i):
    """(a, V in R^{n×k}) at a stored time, the part of V outside Im Tᵀ unmoved."""
    state, start, U = result.trajectory.state(i), result.problem.network, result.instance.U
    moved = state.V - result.instance.reduced.V0
    return state.a, start.V + (moved if U is None else U @ moved)


def jacobian(a, V, both):
    """The explicit Jacobian of g in (a, V), n × (k + nk)."""
    n, k = V.shape
    blocks = [V * (1 - np.tanh(a) ** 2)]
    if both:
        blocks.append(np.kron(np.eye(n), np.tanh(a)))
    return np.hstack(blocks) / math.sqrt(k)


def test_every_series_is_what_it_is_called(result):
    problem, observed = result.problem, result.observed
    w, both = problem.loss.weights, problem.network.train == "both"
    T, k = problem.forward, problem.network.k
    U = np.linalg.svd(T)[2][:2].T
    clean = problem.operator.matvec(problem.truth)
    a0, V0 = full_network(result, 0)
    for i in (0, 7, len(result.trajectory) - 1):
        a, V = full_network(result, i)
        g = V @ np.tanh(a) / math.sqrt(k)
        r = T @ g - problem.y
        x = problem.synthesis.matvec(problem.output_scale * g)
        expected = {
            "rho": math.sqrt(np.sum(w * r**2) / w.min()),
            "residual": np.linalg.norm(r),
            "obs_error": np.linalg.norm(T @ g - clean),
            "hidden": np.linalg.norm(np.tanh(a)) / math.sqrt(k),
            "distance": math.hypot(np.linalg.norm(a - a0), np.linalg.norm(V - V0)),
            "sigma": np.linalg.svd(U.T @ jacobian(a, V, both))[1][1],
            "signal_error": np.linalg.norm(x - problem.truth),
        }
        for name, value in expected.items():
            series = observed[name]
            at = int(np.flatnonzero(series.t == result.trajectory.t[i])[0])
            assert series.value[at] == pytest.approx(value, rel=1e-8, abs=1e-11), name
        A = problem.operator.toarray()
        seen = x - problem.truth - result.instance.unseen(x - problem.truth)
        kernel = np.linalg.svd(A)[2][2:]
        assert np.linalg.norm(A @ result.instance.unseen(x - problem.truth)) < 1e-10
        assert np.linalg.norm(kernel @ x) > 0
        assert (
            np.linalg.norm(seen) <= result.instance.right_inverse_norm * np.linalg.norm(A @ (x - problem.truth)) + 1e-12
        )


def test_lengths_are_consistent(result):
    observed = result.observed
    length, distance = observed["length"].value, observed["distance"].value
    assert (np.diff(length) > 0).all()
    assert (distance <= length * (1 + 1e-9) + 1e-12).all()
    assert observed["tail_length"].value + length == pytest.approx(np.full(len(length), length[-1]))
    if "length_a" in observed:
        assert (observed["length_a"].value <= length * (1 + 1e-12)).all()
    # ∫‖θ̇‖² = L(0) − L(t), so by Cauchy–Schwarz ℓ² ≤ t (L(0) − L(t))
    t, loss = result.trajectory.t, result.trajectory.loss
    assert (length[1:] ** 2 <= t[1:] * (loss[0] - loss[1:]) * (1 + 1e-6)).all()


@pytest.mark.parametrize("train", ["both", "W"])
def test_budgets_cover_the_error_of_a_loose_run(lab, train):
    """The run at rtol 1e-5 differs from one at 1e-12 by less than its budgets say, for every quantity."""
    data = lab.table(2, 4, seed=5, network={"train": train, "width": 30, "output_scale": 3.0})
    result = lab.run(data)
    loose = observe(result.instance, simulate(result.instance, [], None, 1e-5))
    tight = observe(result.instance, simulate(result.instance, [], None, 1e-12))
    compared = 0
    for name, series in loose.items():
        reference = tight[name]
        common, i, j = np.intersect1d(series.t, reference.t, return_indices=True)
        error = np.abs(series.value[i] - reference.value[j])
        slack = 1e-13 * np.abs(reference.value[j])
        if name == "tail_length":  # both are up to the end of their own run
            error = np.maximum(error - abs(loose["length"].value[-1] - tight["length"].value[-1]), 0)
        assert (error <= series.budget[i] + reference.budget[j] + slack).all(), name
        assert np.isfinite(series.budget).all()
        compared += len(common)
    assert compared > 200
    assert float(np.max(loose["rho"].budget)) > 1e3 * float(np.max(tight["rho"].budget))


def test_what_is_not_known_is_not_observed(lab):
    data = {
        "operator": {"kind": "identity"},
        "observation": {"values": [0.3, 0.1]},
        "network": {"width": 8, "train": "W"},
    }
    observed = lab.run(data).observed
    assert not {"obs_error", "signal_error", "unseen_error", "length_a"} & set(observed)


def test_relu_has_budgets_that_decide_nothing_about_sigma(lab):
    result = lab.run(lab.table(seed=1, network={"activation": "relu", "output_scale": 30.0}))
    budget = result.observed["sigma"].budget
    assert np.isinf(budget[1:]).all()


def test_sigma_is_sampled_at_fewer_times_when_it_is_expensive():
    assert len(sigma_times(60, 3, 100)) == 60
    few = sigma_times(200, 1152, 9216)
    assert 8 <= len(few) < 60
    assert (few[0], few[-1]) == (0, 199)


@pytest.mark.parametrize("train", ["both", "W"])
def test_the_norm_that_scales_the_budgets_is_above_the_truth_and_close(lab, train):
    network = build(parse(lab.table(40, 60, seed=2, network={"train": train, "width": 90}))).network
    certified = network.opnorm().as_upper()
    assert certified * (1 - 1e-9) <= _jacobian_norm(network) <= 1.03 * certified


def test_a_series_has_one_shape():
    with pytest.raises(ValueError, match="one shape"):
        Series("x", "x", np.zeros(3), np.zeros(3), np.zeros(2))


def test_paired_neurons_do_not_fake_a_signal_error(lab):
    """With x̄ = 0 and x(0) = 0 the signal is rounding noise: its budget has to be at least as large."""
    problem = build(
        parse(lab.table(seed=1, signal={"source": "values", "values": [0.0, 0.0, 0.0]}, noise={"norm": 0.1}))
    )
    from verify.instance import Instance

    instance = Instance.of(problem)
    error = observe(instance, simulate(instance, [], None, 1e-9))["signal_error"]
    assert 0 <= error.value[0] <= error.budget[0]
