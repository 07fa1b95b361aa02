"""Restricted injectivity: every interval holds what brute force finds, and is not what a near miss would give."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import hadamard, orth
from scipy.stats import chi

from numerics.bound import lower, upper
from numerics.injectivity import (
    Interval,
    basis_pursuit,
    best_sparse_fit,
    conic_injectivity,
    dual_vectors,
    gordon,
    l1_minimizer,
    phase_injectivity,
    sparse_injectivity,
    sparse_injectivity_at,
    statistical_dimension,
)
from numerics.injectivity.cone import in_descent_cone, project
from numerics.injectivity.dimension import tail
from numerics.injectivity.phase import distance, modulus_quotient
from numerics.injectivity.phase_recovery import best_fit, descend, spectral_start
from numerics.injectivity.stack import eigenvalues_lower


def _sigma(M):
    return float(np.linalg.svd(M, compute_uv=False)[-1]) if M.shape[0] >= M.shape[1] else 0.0


def _instance(seed, m, n, s):
    rng = np.random.default_rng(seed)
    x = np.zeros(n)
    x[rng.choice(n, s, replace=False)] = rng.standard_normal(s)
    return rng.standard_normal((m, n)) / math.sqrt(m), x


def _near(found: Interval, value: float) -> bool:
    return found.lower.value <= value * (1 + 1e-12) and value <= found.upper.value * (1 + 1e-12)


@pytest.mark.parametrize(("m", "n", "s"), [(5, 7, 2), (6, 6, 2), (4, 6, 1), (8, 7, 3), (3, 3, 2)])
def test_all_pairs_of_sparse_signals_against_every_support(m, n, s):
    A, _ = _instance(m + n, m, n, s)
    size = min(2 * s, n)
    truth = min(_sigma(A[:, list(S)]) for S in combinations(range(n), size))
    found = sparse_injectivity(A, s)
    assert found.complete
    assert _near(found, truth)
    assert found.upper.value - found.lower.value < 1e-9
    if size < n:  # one column too few or too many is another number
        assert not found.contains(min(_sigma(A[:, list(S)]) for S in combinations(range(n), size - 1)))
        assert not found.contains(min(_sigma(A[:, list(S)]) for S in combinations(range(n), size + 1)))


def _at(A, x, s):
    """By an orthonormal basis of the differences that end on each support."""
    n, values = len(x), []
    for T in combinations(range(n), s):
        outside = x.copy()
        outside[list(T)] = 0
        columns = [np.eye(n)[:, list(T)]] + ([outside[:, None]] if outside.any() else [])
        values.append(_sigma(A @ orth(np.hstack(columns))))
    return min(values)


@pytest.mark.parametrize(("m", "n", "s"), [(3, 7, 2), (5, 7, 2), (4, 6, 3), (6, 6, 2), (2, 5, 1)])
def test_sparse_signals_against_one(m, n, s):
    A, x = _instance(3 * m + n, m, n, s)
    found, pairs = sparse_injectivity_at(A, x, s), sparse_injectivity(A, s)
    truth = _at(A, x, s)
    assert found.complete
    assert _near(found, truth)
    assert found.upper.value - found.lower.value < 1e-9
    assert pairs.lower.value <= found.upper.value
    union = min(_sigma(A[:, sorted({*T, *np.flatnonzero(x)})]) for T in combinations(range(n), s))
    assert union < found.lower.value or s == 1  # all signals of the support of x: another, smaller number
    rng = np.random.default_rng(0)
    for _ in range(300):  # the definition: no sparse signal is closer
        z = np.zeros(n)
        z[rng.choice(n, s, replace=False)] = rng.standard_normal(s) * 10 ** rng.uniform(-2, 2)
        assert np.linalg.norm(A @ (z - x)) >= found.lower.value * np.linalg.norm(z - x) * (1 - 1e-12)


def test_the_upper_end_is_attained_by_sparse_signals():
    A, x = _instance(5, 4, 6, 2)
    found = sparse_injectivity_at(A, x, 2)
    best = math.inf
    for T in combinations(range(6), 2):
        outside = x.copy()
        outside[list(T)] = 0
        if outside.any():  # minimize over c (outside) + w: generalized eigenvector, scaled to c = -1
            basis = np.column_stack([np.eye(6)[:, list(T)], outside / np.linalg.norm(outside)])
            w = np.linalg.svd(A @ basis)[2][-1]
            y = np.zeros(6)
            y[list(T)] = x[list(T)] - w[:2] * np.linalg.norm(outside) / w[2]
            best = min(best, np.linalg.norm(A @ (y - x)) / np.linalg.norm(y - x))
    assert best == pytest.approx(found.upper.value, rel=1e-9)


def test_fewer_measurements_than_directions():
    A, x = _instance(1, 3, 8, 2)
    pairs, at = sparse_injectivity(A, 2), sparse_injectivity_at(A, x, 2)
    assert (pairs.lower.value, pairs.upper.value) == (0.0, 0.0)
    assert at.lower.value > 5e-4  # s + 1 measurements tell x from every other sparse signal
    assert sparse_injectivity_at(A[:2], x, 2).upper.value == 0.0


@pytest.mark.parametrize(("m", "n", "s"), [(6, 12, 2), (12, 12, 2)])
def test_what_is_not_enumerated_is_bounded(m, n, s):
    A, x = _instance(m, m, n, s)
    for function, arguments, limit in ((sparse_injectivity, (A, s), 490), (sparse_injectivity_at, (A, x, s), 60)):
        full, part = function(*arguments), function(*arguments, limit=limit)
        assert not part.complete
        assert part.lower.value <= full.upper.value
        assert full.lower.value <= part.upper.value
        assert part.upper.value <= 2 * full.upper.value  # the search is of use
        assert (part.lower.value > 0) == (m >= n)
        assert full.upper.value <= function(*arguments, limit=1).upper.value * (1 + 1e-12)


def test_constants_scale_with_the_operator():
    A, x = _instance(4, 6, 8, 2)
    for found, small in (
        (sparse_injectivity_at(A, x, 2), sparse_injectivity_at(2.0**-40 * A, 2.0**20 * x, 2)),
        (sparse_injectivity(A, 2), sparse_injectivity(2.0**-40 * A, 2)),
        (conic_injectivity(A, x), conic_injectivity(2.0**-40 * A, 2.0**20 * x)),
    ):
        assert small.upper.value == pytest.approx(2.0**-40 * found.upper.value, rel=1e-4)
        assert small.lower.value == pytest.approx(2.0**-40 * found.lower.value, rel=1e-4)


def test_gershgorin_is_sharp_where_coherence_is():
    A = np.hstack([np.eye(16), hadamard(16) / 4.0])
    found = sparse_injectivity(A, 1, limit=1)
    assert "Gershgorin" in found.lower.how
    assert found.lower.value == pytest.approx(math.sqrt(0.75), rel=1e-12)
    assert found.upper.value == pytest.approx(math.sqrt(0.75), rel=1e-12)
    assert sparse_injectivity(A, 2, limit=1).lower.value == pytest.approx(0.5)  # 1 - 3/4


def test_eigenvalues_of_a_stack_are_proved_from_below():
    K = np.array(
        [[[2.0, 1.0], [1.0, 2.0]], [[5.0, 0.0], [0.0, 0.25]], [[1.0, 1.0], [1.0, 1.0]], [[1.0, 2.0], [2.0, 1.0]]]
    )
    truth = [1.0, 0.25, 0.0, 0.0]
    proved, _ = eigenvalues_lower(K, Fraction(0))
    assert all(t * (1 - 1e-12) - 1e-13 <= p <= t for p, t in zip(proved, truth, strict=True))
    moved, _ = eigenvalues_lower(K, Fraction(1, 8))
    assert all(p <= max(0.0, t - 0.125) for p, t in zip(moved, truth, strict=True))
    assert moved[0] > 0.874


def test_a_wrong_estimate_proves_nothing_wrong(monkeypatch: pytest.MonkeyPatch):
    solver = np.linalg.eigvalsh
    monkeypatch.setattr(np.linalg, "eigvalsh", lambda K: solver(K) + 0.5)
    proved, estimated = eigenvalues_lower(np.array([[[2.0, 1.0], [1.0, 2.0]], [[5.0, 0.0], [0.0, 0.25]]]), Fraction(0))
    assert (estimated > [1.4, 0.7]).all()
    assert (proved <= [1.0, 0.25]).all()


def test_best_sparse_fit_is_the_best_of_all_supports():
    A, x = _instance(2, 5, 8, 2)
    y = A @ x + 0.1 * np.random.default_rng(3).standard_normal(5)
    fits = [np.linalg.lstsq(A[:, list(T)], y, rcond=None)[1][0] for T in combinations(range(8), 2)]
    found = best_sparse_fit(A, y, 2)
    assert found is not None
    assert np.linalg.norm(A @ found - y) ** 2 == pytest.approx(min(fits))
    assert np.count_nonzero(found) == 2
    assert best_sparse_fit(A, y, 2, limit=5) is None


def test_projection_on_the_descent_cone_satisfies_moreau():
    rng = np.random.default_rng(4)
    x = np.array([2.0, -1.0, 0.0, 0.0, 0.0])
    sign = np.sign(x)
    z = rng.standard_normal((40, 5))
    p = project(z, x)
    assert np.abs(np.sum(p * (z - p), axis=1)).max() < 1e-13
    assert (p @ sign + np.abs(p[:, 2:]).sum(axis=1)).max() < 1e-13
    generators = [-sign[i] * np.eye(5)[i] for i in (0, 1)]
    generators += [sign[i] * np.eye(5)[i] - sign[j] * np.eye(5)[j] for i, j in ((0, 1), (1, 0))]
    generators += [t * np.eye(5)[j] - sign[i] * np.eye(5)[i] for t in (-1, 1) for j in (2, 3, 4) for i in (0, 1)]
    assert ((z - p) @ np.array(generators).T).max() < 1e-13
    assert 0 < sum(np.linalg.norm(q) > 1e-9 for q in p) < 41


def test_the_conic_constant_in_the_plane():
    angles = np.linspace(0, 2 * np.pi, 20_001)
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    cone = circle[circle[:, 0] + np.abs(circle[:, 1]) <= 1e-12]
    rng = np.random.default_rng(6)
    ratios = []
    for rows in (2, 1, 1, 2):
        A = rng.standard_normal((rows, 2))
        truth = float(np.linalg.norm(cone @ A.T, axis=1).min())
        found = conic_injectivity(A, [1.5, 0.0])
        assert found.lower.value <= truth
        assert truth - 1e-3 <= found.upper.value <= truth + 1e-3
        ratios.append(found.lower.value / found.upper.value)
    assert max(ratios) > 0.3
    found = conic_injectivity([[1.0, 0.0], [0.0, 0.01]], [1.0, 0.0])  # the part off the support matters most
    assert found.contains(math.sqrt(1.0001 / 2))
    assert found.lower.value > 0.69


def test_a_positive_conic_constant_is_recovery_by_l1():
    outcomes = set()
    for seed in range(12):
        A, x = _instance(seed, 6, 12, 2)
        found = conic_injectivity(A, x)
        recovered = bool(np.linalg.norm(basis_pursuit(A, A @ x) - x) < 1e-6)
        assert (found.lower.value > 0) == recovered == (dual_vectors(A, x)[-1][1] < 1)
        assert recovered or found.upper.value < 1e-6
        outcomes.add(recovered)
        rng = np.random.default_rng(seed)
        z = project(rng.standard_normal((200, 12)), x)
        z = z[np.linalg.norm(z, axis=1) > 1e-6]
        assert (np.linalg.norm(z @ A.T, axis=1) / np.linalg.norm(z, axis=1)).min() >= found.lower.value
        # with noise the minimizer of the l1 norm stays in the cone, and the error below its bound
        noise = 0.01 * rng.standard_normal(6)
        other = l1_minimizer(A, A @ x + noise, float(np.abs(noise).max()))
        assert np.abs(other).sum() <= np.abs(x).sum() * (1 + 1e-7)
        residual = np.linalg.norm(A @ (other - x))
        assert found.lower.value * np.linalg.norm(other - x) <= residual * (1 + 1e-7)
    assert outcomes == {True, False}


def test_membership_is_decided_exactly():
    x = np.array([1.0, 0.0, 0.0])
    assert in_descent_cone(np.array([-1.0, 1.0, 0.0]), x)
    assert not in_descent_cone(np.array([-1.0, 1.0, 1e-300]), x)


def test_statistical_dimension_by_quadrature_and_by_simulation():
    for tau in (0.0, 0.7, 2.0):
        integral = quad(lambda u, t=tau: (u - t) ** 2 * math.exp(-u * u / 2), tau, np.inf)[0]
        assert tail(tau) == pytest.approx(math.sqrt(2 / math.pi) * integral, rel=1e-8)
    n, s = 40, 4
    x = np.zeros(n)
    x[:s] = 1.0
    seen = np.sum(project(np.random.default_rng(7).standard_normal((20_000, n)), x) ** 2, axis=1)
    mean, error = seen.mean(), 5 * seen.std() / math.sqrt(len(seen))
    assert mean - error < statistical_dimension(n, s) < mean + error + 2 * math.sqrt(n / s)
    assert statistical_dimension(n, s) < mean + 1.0
    assert statistical_dimension(n, n) == n


def test_gordon_is_below_what_is_seen():
    n, s, m = 12, 1, 40
    bound = gordon(m, statistical_dimension(n, s))
    assert bound > 0.2
    found = [conic_injectivity(*_instance(seed, m, n, s)) for seed in range(5)]
    assert min(f.upper.value for f in found) > bound
    assert gordon(m, 9.0, 0.1) == pytest.approx((chi.mean(m) - 3.0 - math.sqrt(2 * math.log(10))) / math.sqrt(m))
    # E|g_m|, not less: between m/sqrt(m + 1) and sqrt(m)
    length = gordon(m, 0.0, 1 - 1e-12) * math.sqrt(m)
    assert m / math.sqrt(m + 1) < length < math.sqrt(m)


@pytest.mark.parametrize(("m", "n"), [(3, 2), (5, 3), (6, 3), (7, 2)])
def test_moduli_against_every_split_of_the_rows(m, n):
    rng = np.random.default_rng(m)
    A = rng.standard_normal((m, n))
    truth = math.inf
    for size in range(m + 1):
        for rows in combinations(range(m), size):
            others = [i for i in range(m) if i not in rows]
            parts = [_sigma(A[list(part)]) if len(part) >= n else 0.0 for part in (rows, others)]
            truth = min(truth, math.hypot(*parts))
    found, searched = phase_injectivity(A), phase_injectivity(A, limit=0)
    assert found.complete
    assert _near(found, truth)
    assert found.upper.value - found.lower.value < 1e-9
    assert searched.lower.value == 0.0
    assert found.lower.value <= searched.upper.value <= 1.5 * found.upper.value
    pairs = rng.standard_normal((500, 2, n))
    ratios = [modulus_quotient(A, one, two) for one, two in pairs]
    assert min(ratios) >= found.lower.value
    assert min(ratios) < _sigma(A)  # not the linear constant
    assert modulus_quotient(A, pairs[0, 0], -pairs[0, 0], up_to_sign=False) == 0.0  # why signs are divided out


def test_two_signals_attain_the_constant_of_moduli():
    A = np.random.default_rng(8).standard_normal((5, 3))
    found = phase_injectivity(A)
    best = math.inf
    for mask in range(32):
        rows = np.array([(mask >> i) & 1 for i in range(5)], dtype=bool)
        if 0 < mask < 31:
            u, v = (np.linalg.svd(A[part])[2][-1] for part in (rows, ~rows))
            best = min(best, modulus_quotient(A, (u + v) / 2, (v - u) / 2))
    assert best == pytest.approx(found.upper.value, rel=1e-9)


def test_moduli_are_not_injective_below_2n_minus_1_measurements():
    A = np.random.default_rng(9).standard_normal((4, 3))
    found = phase_injectivity(A)
    assert (found.lower.direction, found.upper.value) == ("exact", 0.0)
    assert phase_injectivity(np.vstack([A, [[1.0, 2.0, 0.5]]])).lower.value > 0


def test_recovery_from_moduli():
    rng = np.random.default_rng(10)
    A, x = rng.standard_normal((5, 4)), rng.standard_normal(4)
    y = np.abs(A @ x)
    assert distance(best_fit(A, y), x) < 1e-12  # n + 1 measurements are enough for this signal
    for other in rng.standard_normal((8, 4)):  # and for others, whatever their signs
        assert distance(best_fit(A, np.abs(A @ other)), other) < 1e-10
    noisy = np.maximum(0.0, y + 0.05 * rng.standard_normal(5))
    best = np.linalg.norm(np.abs(A @ best_fit(A, noisy)) - noisy)
    for start in (spectral_start(A, noisy)[None], rng.standard_normal((6, 4))):
        for loss in ("amplitude", "intensity"):
            before = np.linalg.norm(np.abs(start @ A.T) - noisy, axis=1)
            found, residual = descend(A, noisy, start, loss, 500)
            assert residual.min() >= best * (1 - 1e-12)
            assert np.allclose(residual, np.linalg.norm(np.abs(found @ A.T) - noisy, axis=1))
            if loss == "amplitude":
                assert (residual <= before * (1 + 1e-12)).all()
    A = rng.standard_normal((40, 4)) / math.sqrt(40)
    y = np.abs(A @ x)
    start = spectral_start(A, y)
    assert distance(start, x) < 0.8 * np.linalg.norm(x)
    for loss in ("amplitude", "intensity"):
        assert distance(descend(A, y, [start], loss, 2000)[0][0], x) < 1e-6
    assert best_fit(A, y) is None
    with pytest.raises(ValueError, match="nonnegative"):
        best_fit(A, -y)


def test_errors_at_the_door():
    A = np.eye(3)
    with pytest.raises(ValueError, match="s = 4 nonzero entries of 3"):
        sparse_injectivity(A, 4)
    with pytest.raises(ValueError, match="2 nonzero entries; s = 1"):
        sparse_injectivity_at(A, [1.0, 1.0, 0.0], 1)
    with pytest.raises(ValueError, match="scale the problem"):
        sparse_injectivity_at(A, [1e-200, 1.0, 0.0], 2)
    with pytest.raises(ValueError, match="A has 3 columns"):
        sparse_injectivity_at(A, [1.0, 0.0], 1)
    with pytest.raises(ValueError, match="a nonzero vector of 3 entries"):
        conic_injectivity(A, [0.0, 0.0, 0.0])
    with pytest.raises(ValueError, match="scale the problem"):
        phase_injectivity(1e40 * A)
    with pytest.raises(ValueError, match="choose one of amplitude, intensity"):
        descend(A, [1.0, 1.0, 1.0], [[1.0, 0.0, 0.0]], "modulus", 3)
    with pytest.raises(ValueError, match="a probability"):
        gordon(3, 1.0, 0.0)
    with pytest.raises(ArithmeticError, match="is above"):
        Interval(lower(2.0, "a"), upper(1.0, "b"), True)
