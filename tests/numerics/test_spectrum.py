"""Every route to σ_min, its direction and its error estimate, against exactly known singular values and mpmath."""

import math

import mpmath
import numpy as np
import pytest
from scipy.linalg import hadamard, qr
from scipy.sparse.linalg import LinearOperator

from numerics.activations import activation
from numerics.networks.two_layer import TwoLayer
from numerics.rigorous import opnorm_upper, sigma_min_lower
from numerics.spectrum import (
    dense,
    extreme,
    jacobian_sigma_min,
    largest_singular_value,
    smallest,
    smallest_singular_value,
)

EPS = float(np.finfo(np.float64).eps)


def known(s: np.ndarray, k: int) -> np.ndarray:
    """S = P diag(s) Q with Hadamard P and Q: singular values s to an ulp of the largest."""
    p = len(s)
    return (hadamard(p) / np.sqrt(p) * s) @ (hadamard(k)[:p] / np.sqrt(k))


def values(shape: str, ratio: float, p: int) -> np.ndarray:
    """All ones but one; spread evenly in the logarithm; two equal small ones (no gap)."""
    s = np.geomspace(1.0, ratio, p) if shape == "spread" else np.ones(p)
    s[-1] = ratio
    if shape == "double":
        s[-2] = ratio
    return s


def exact_sigma_min(S: np.ndarray) -> float:
    """σ_min of the doubles in S, to all digits: 60-digit eigenvalues of S Sᵀ."""
    with mpmath.workdps(60):
        A = mpmath.matrix(S.tolist())
        return float(mpmath.sqrt(min(mpmath.eigsy(A * A.T, eigvals_only=True))))


@pytest.mark.parametrize("shape", ["single", "spread", "double"])
@pytest.mark.parametrize(
    ("p", "k", "exponent"),
    [(p, k, e) for p, k, step in ((4, 8, 1), (64, 256, 1), (512, 512, 4)) for e in range(0, 15, step)],
)
def test_the_error_estimate_covers_the_error_over_all_conditions(p: int, k: int, exponent: int, shape: str) -> None:
    ratio = 10.0**-exponent
    S = known(values(shape, ratio, p), k)
    methods = ("auto", "gram", "svd") if p <= 64 else ("auto", "gram")
    for method in methods:
        found = smallest_singular_value(S, method=method)
        # the construction itself is off by a few ulp of σ_max
        assert abs(found.value - ratio) <= found.error + 8 * EPS, (method, found)
        assert found.bound.direction == "estimate"
        if method == "auto":
            assert found.error <= max(1e-8 * ratio, 4 * max(p, 64) * EPS), found


def test_automatic_choice_goes_by_the_error() -> None:
    routes = [smallest_singular_value(known(values("single", 10.0**-e, 64), 256)).method for e in (0, 2, 5, 9)]
    assert routes == ["gram", "gram", "gram, refined", "svd"]
    # no gap, no refinement
    assert smallest_singular_value(known(values("double", 1e-5, 64), 256)).method == "svd"
    loose = smallest_singular_value(known(values("double", 1e-5, 64), 256), rtol=1e-3)
    assert loose.method == "gram"


def test_refinement_has_the_accuracy_of_the_svd() -> None:
    S = known(values("single", 1e-6, 64), 256)
    plain = dense.root(dense.gram(S))
    better, doubt = dense.refined(S, dense.gram(S))
    assert doubt < 1e-4 * plain[1]
    assert abs(better - 1e-6) <= doubt + 8 * EPS


def test_random_matrices_against_mpmath() -> None:
    rng = np.random.default_rng(1)
    ratios = []
    for i in range(60):
        p = 1 + i % 5
        k = p + int(rng.integers(0, 6))
        S = rng.standard_normal((p, k))
        S = S * 10.0 ** -rng.uniform(0, 1.5 * (i % 7), (p, 1)) @ qr(rng.standard_normal((k, k)))[0]
        truth = exact_sigma_min(S)
        for method in ("auto", "gram", "svd"):
            found = smallest_singular_value(S, method=method)
            assert abs(found.value - truth) <= found.error, (i, method)
            ratios.append(found.error / truth)
    assert min(ratios) < 1e-13  # not bought with a huge estimate


def test_both_layers_shift() -> None:
    """hypot(f, σ): with f > 0 the Gram matrix suffices at every condition, and a large one at Cholesky's."""
    for p, k in ((64, 128), (512, 512)):
        for ratio in (1e-1, 1e-6, 1e-13):
            for f in (0.6, 1e-4):
                found = smallest_singular_value(known(values("single", ratio, p), k), shift=f)
                truth = math.hypot(f, ratio)
                assert abs(found.value - truth) <= found.error + 8 * EPS
                if f == 0.6:
                    assert found.method == "gram"
    narrow = smallest_singular_value(np.ones((3, 2)), shift=0.25)
    assert (narrow.value, narrow.method) == (0.25, "none")


def test_certified_bound_is_below_and_close() -> None:
    S = known(values("spread", 1e-3, 64), 256)
    for f in (0.0, 1e-3):
        found = smallest_singular_value(S, shift=f, certify=True)
        truth = math.hypot(f, 1e-3)
        assert found.bound.direction == "lower"
        assert truth * (1 - 1e-6) <= found.bound.as_lower() <= truth + 8 * EPS
        assert truth - found.value <= found.error + 8 * EPS
    assert smallest_singular_value(S, certify=True).value == pytest.approx(sigma_min_lower(S), rel=1e-14)
    assert smallest_singular_value(np.ones((3, 2)), shift=0.5, certify=True).value == 0.5


def test_lanczos_on_a_matrix_is_an_upper_bound() -> None:
    rng = np.random.default_rng(3)
    S = rng.standard_normal((300, 900)) / 30
    truth = float(np.linalg.svd(S, compute_uv=False)[-1])
    found = smallest_singular_value(S, method="lanczos")
    assert found.bound.direction == "upper"
    assert truth * (1 - 1e-14) <= found.bound.as_upper() <= truth * (1 + 1e-6)
    assert found.value - truth <= found.error
    assert "not proved" in found.bound.how
    # also when it is cut short, and with a shift
    few = smallest_singular_value(S, method="lanczos", rtol=0.3, shift=0.5)
    assert math.hypot(0.5, truth) <= few.value
    assert abs(few.value - math.hypot(0.5, truth)) <= few.error


def test_lanczos_on_an_operator_is_an_estimate() -> None:
    d = np.linspace(1.0, 3.0, 5000)
    S = LinearOperator((5000, 5000), matvec=lambda x: d * np.ravel(x), rmatvec=lambda x: d * np.ravel(x), dtype=float)
    found = smallest_singular_value(S, method="lanczos", rtol=1e-5)
    assert found.bound.direction == "estimate"
    assert found.value == pytest.approx(1.0, rel=1e-4)
    assert abs(found.value - 1.0) <= found.error
    with pytest.raises(ValueError, match="certified bound needs S as an array"):
        smallest_singular_value(S, method="lanczos", certify=True)
    with pytest.raises(ValueError, match="method 'lanczos'"):
        smallest_singular_value(S)


def test_lanczos_restarts_and_says_whether_it_converged() -> None:
    d = np.concatenate([[0.5], np.linspace(1.0, 2.0, 400)])
    short = extreme(lambda x: d * x, 401, smallest=True, steps=4, rtol=1e-12)
    long = extreme(lambda x: d * x, 401, smallest=True, steps=12, restarts=30, rtol=1e-12)
    assert not short.converged
    assert short.products == 4
    assert long.converged
    assert long.products < 12 * 30  # it stops there
    assert long.value == pytest.approx(0.5, abs=1e-11)
    assert np.linalg.norm(d * long.vector - long.value * long.vector) == pytest.approx(long.residual, abs=1e-12)
    assert extreme(lambda x: 0 * x, 3).value == 0
    with pytest.raises(ValueError, match="at least 1"):
        extreme(lambda x: x, 0)


def test_norm_from_above() -> None:
    rng = np.random.default_rng(5)
    for p, k in ((1, 4), (20, 50), (400, 900)):
        S = rng.standard_normal((p, k))
        found = largest_singular_value(lambda x, S=S: S @ x, lambda x, S=S: x @ S, p)
        truth = opnorm_upper(S)
        assert truth * (1 - 1e-11) <= found <= 1.03 * truth


@pytest.mark.parametrize("train", ["both", "W"])
@pytest.mark.parametrize("name", ["tanh", "softplus"])
def test_jacobian_against_the_explicit_matrix(train: str, name: str) -> None:
    rng = np.random.default_rng(7)
    phi = activation(name)
    for n, k in ((1, 3), (5, 40), (30, 20)):
        a, V = rng.standard_normal(k), rng.standard_normal((n, k))
        blocks = [V * phi.dphi(a)] + ([np.kron(np.eye(n), phi.phi(a))] if train == "both" else [])
        truth = np.linalg.svd(np.hstack(blocks) / math.sqrt(k), compute_uv=False)
        sigma = float(truth[n - 1]) if len(truth) >= n else 0.0
        found = jacobian_sigma_min(TwoLayer(phi, train, a, V))
        assert abs(found.value - sigma) <= found.error + 100 * EPS * float(truth[0])
        half = np.hstack([V, -V])  # paired neurons: a factor of half the width
        wide = TwoLayer(phi, train, np.concatenate([a, a + 0.1]), half)
        again = jacobian_sigma_min(wide)
        assert abs(again.value - float(wide.singular_values()[-1])) <= again.error + 100 * EPS * float(truth[0])
        if n < k:
            certified = TwoLayer(phi, train, a, V).sigma_min().as_lower()
            assert certified <= found.value + found.error


def test_extreme_sizes() -> None:
    """Squares that overflow or vanish go to the SVD, which scales."""
    S = known(values("spread", 1e-2, 16), 32)
    for scale in (1e-160, 1e-30, 1e30, 1e160):
        found = smallest_singular_value(scale * S)
        assert found.value == pytest.approx(1e-2 * scale, rel=1e-8)
        assert found.error <= 1e-8 * found.value
    zero = smallest_singular_value(np.zeros((3, 5)))
    assert zero.value == 0 == zero.error


def test_a_search_by_index_that_fails_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """LAPACK's dsyevr finds none of the eigenvalues asked for (info = 2) of some matrices that split exactly."""
    lost = np.zeros(64), np.zeros((64, 2)), 0, None, 2
    monkeypatch.setattr(dense.lapack, "dsyevr", lambda *args, **options: lost)
    for ratio, method in ((1e-2, "gram"), (1e-4, "gram, refined")):
        found = smallest_singular_value(known(values("single", ratio, 64), 128))
        assert abs(found.value - ratio) <= found.error + 8 * EPS
        assert found.method == method


def test_old_name_and_small_factors() -> None:
    value, error = smallest(np.diag([5.0, 0.25]))
    assert value.value == pytest.approx(0.25, abs=error)
    assert smallest(np.ones((3, 2)))[0].value == 0.0
    assert value.direction == "estimate"


@pytest.mark.parametrize(
    ("S", "options", "message"),
    [
        (np.ones(3), {}, "float64 matrix"),
        (np.ones((2, 3), dtype=np.float32), {}, "convert it before"),
        (np.array([[1.0, math.nan]]), {}, "NaN"),
        (np.array([[1.0, math.inf]]), {}, "infinity"),
        (np.ones((2, 3)), {"method": "qr"}, "choose one of"),
        (np.ones((2, 3)), {"shift": -1.0}, "shift"),
        (np.ones((2, 3)), {"rtol": 0.0}, "rtol"),
        (np.ones((2, 3)), {"certify": True, "method": "lanczos"}, "direct method"),
    ],
)
def test_errors_at_the_door(S, options, message) -> None:
    with pytest.raises(ValueError, match=message):
        smallest_singular_value(S, **options)
