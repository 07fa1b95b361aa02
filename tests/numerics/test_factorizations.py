"""Factorizations by fast transforms against the dense matrix; the operator that samples a spectrum."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import svdvals

from numerics.operators import RankDeficient, compact_svd, factorization_test, from_mapping, product
from numerics.operators.filtered import FilteredFactorization, filtered
from numerics.operators.fourier import FourierOperator, choose
from numerics.operators.spectral import (
    DenseFactorization,
    PeriodicFactorization,
    SelectionFactorization,
    TransformFactorization,
)
from numerics.operators.transforms import TRANSFORMS

SHAPES = [(12,), (15,), (4, 6), (5, 9), (6, 3)]
LOPSIDED = {1: [0.5, 0.3, 0.2], 2: [[0.6, 0.1, 0.05], [0.1, 0.1, 0.05]]}


def build(shape):
    """Operators with structure on signals of a shape, by name, with the class of their factorization."""
    rng, axes = np.random.default_rng(1), len(shape)
    made = {
        name: from_mapping(spec).build(shape, rng)
        for name, spec in {
            "blur": {"kind": "blur", "taps": LOPSIDED[axes]},
            "synthesis": {"kind": "fourier_synthesis", "omega0": 1.0, "power": 2.0},
            "pixels": {"kind": "subsample", "fraction": 0.4},
            "fourier": {"kind": "fourier", "fraction": 0.4, "lowest": 0.3},
            "spectrum": {"kind": "fourier", "fraction": 1.0},
            "cosine": {"kind": "fourier", "fraction": 0.6, "transform": "cosine"},
            "third": {"kind": "subsample", "every": 3},
            "dense": {"kind": "gaussian", "m": 5},
        }.items()
    }
    out = {
        "blur": (made["blur"], PeriodicFactorization),
        "synthesis": (made["synthesis"], PeriodicFactorization),
        "both": (product(made["blur"], made["synthesis"]), PeriodicFactorization),
        "pixels": (made["pixels"], SelectionFactorization),
        "fourier": (made["fourier"], TransformFactorization),
        "cosine": (made["cosine"], TransformFactorization),
        "fourier after blur": (product(made["fourier"], made["blur"]), FilteredFactorization),
        "spectrum after both": (product(made["spectrum"], made["blur"], made["synthesis"]), FilteredFactorization),
        "pixels after blur": (product(made["pixels"], made["blur"]), DenseFactorization),
        "cosine after blur": (product(made["cosine"], made["blur"]), DenseFactorization),
        "dense": (made["dense"], DenseFactorization),
    }
    if all(size % 3 == 0 for size in shape):
        out["third after both"] = (
            product(made["third"], made["blur"], made["synthesis"], scale=-2.0),
            FilteredFactorization,
        )
    return out


@pytest.mark.parametrize("shape", SHAPES)
def test_laws_singular_values_and_range(shape):
    rng = np.random.default_rng(2)
    for name, (T, kind) in build(shape).items():
        F, M = T.factorization(), T.toarray()
        assert isinstance(F, kind), name
        assert factorization_test(F, T, rng) < 1e-14, name
        sigma = svdvals(M)
        np.testing.assert_allclose(np.sort(F.singular_values())[::-1], sigma, rtol=0, atol=1e-14 * sigma[0])
        Q, U = F.synthesize(np.eye(sigma.size)), F.left(np.eye(sigma.size))
        np.testing.assert_allclose(Q.T @ Q, np.eye(sigma.size), rtol=0, atol=1e-14, err_msg=name)
        np.testing.assert_allclose((U * F.singular_values()) @ Q.T, M, rtol=0, atol=1e-14 * sigma[0], err_msg=name)
        if F.sign is not None:
            np.testing.assert_array_equal(U, F.sign * np.eye(sigma.size))
        assert "vectors" in F.describe()


def test_orthonormal_whatever_the_condition_number():
    """Weights down to 1e-10: a right vector A'u/sigma would be off by 1e-6; these are not."""
    S = from_mapping({"kind": "fourier_synthesis", "omega0": 0.1, "power": 2.2}).build((64,), np.random.default_rng(0))
    assert S.opnorm().value / S.sigma_min().value > 1e11
    for T in (product(FourierOperator(np.arange(64), (64,)), S), S):
        F = T.factorization()
        assert not isinstance(F, DenseFactorization)
        Q = F.synthesize(np.eye(64))
        np.testing.assert_allclose(Q.T @ Q, np.eye(64), rtol=0, atol=1e-14)


def test_what_has_no_structure_is_dense_and_what_passes_nothing_is_refused():
    rng = np.random.default_rng(0)
    blur = from_mapping({"kind": "blur", "std": 0.8}).build((10,), rng)
    for indices, coarse in (([0, 3, 6, 9], (4,)), ([0, 4, 2, 6, 8], (5,)), ([1, 3, 5, 7, 9], (5,))):
        T = from_mapping({"kind": "subsample", "indices": indices}).build((10,), rng)
        T.output_shape = coarse
        assert filtered(T, blur) is None
    half = from_mapping({"kind": "blur", "taps": [0.5, 0.5]}).build((10,), rng)
    F = half.factorization()
    assert F.singular_values().size == 9
    assert filtered(FourierOperator([5], (10,)), half) is None  # that frequency does not pass
    with pytest.raises(RankDeficient, match="nothing is observed"):
        DenseFactorization.of(from_mapping({"kind": "dense", "values": [[0.0, 0.0]]}).build((2,), rng))


def test_a_wrong_factorization_is_found():
    rng = np.random.default_rng(3)
    T = from_mapping({"kind": "gaussian", "m": 4}).build((7,), rng)
    F = T.factorization()
    for bad in (
        DenseFactorization(F.U, 1.01 * F.sigma, F.Q),
        DenseFactorization(1.01 * F.U, F.sigma / 1.01, F.Q),
        DenseFactorization(F.U, F.sigma / 1.01, 1.01 * F.Q),
    ):
        with pytest.raises(ValueError, match=r"factorization test failed: .* is off by 0\.0"):
            factorization_test(bad, T, rng)
    with pytest.raises(ValueError, match="does not fit"):
        factorization_test(F, from_mapping({"kind": "identity"}).build((7,), rng), rng)
    with pytest.raises(ValueError, match=r"must be \(m, p\)"):
        DenseFactorization(F.U, F.sigma[:2], F.Q)


# --- the operator
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_the_matrix_is_certified_and_orthonormal(transform, shape):
    n = int(np.prod(shape))
    T = FourierOperator(np.arange(n), shape, transform)
    M, bound = T.toarray(), T.array_error()
    assert np.linalg.norm(M @ M.T - np.eye(n)) <= 2.1 * bound
    np.testing.assert_allclose(T.matmat(np.eye(n)), M, rtol=0, atol=1e-15)
    assert bound < 1e-13
    svd = compact_svd(product(T, scale=-3.0))
    assert svd.sin_angle == bound
    assert svd.sigma_min.direction == svd.opnorm.direction == "exact"
    assert svd.sigma_min.value == 3.0


def test_hartley_entries_are_fourier_coefficients():
    """A second route: the entries at w and -w give Re and Im of numpy's transform."""
    shape, x = (6, 5), np.random.default_rng(4).standard_normal(30)
    h = FourierOperator(np.arange(30), shape).matvec(x)
    F = np.fft.fftn(x.reshape(shape), norm="ortho").reshape(-1)
    opposite = TRANSFORMS["fourier"].partner(shape)
    np.testing.assert_allclose((h + h[opposite]) / 2, F.real, atol=1e-14)
    np.testing.assert_allclose((h[opposite] - h) / 2, F.imag, atol=1e-14)


def test_whole_frequencies_the_lowest_first():
    transform, shape, rng = TRANSFORMS["fourier"], (16, 16), np.random.default_rng(5)
    partner, size = transform.partner(shape), transform.frequency(shape)
    for m, lowest in ((37, 1.0), (60, 0.5), (101, 0.0), (256, 0.2), (1, 0.0)):
        chosen = choose(transform, shape, m, lowest, rng)
        assert chosen.size == np.unique(chosen).size == m
        split = [i for i in chosen if partner[i] not in chosen]
        assert len(split) <= 1
        low = np.sort(size)[: round(lowest * m)]
        if low.size:  # every frequency strictly below the last of the lowest ones is there
            assert np.isin(np.flatnonzero(size < low[-1] - 1e-9), chosen).all()
    # ... and no more of the lowest than were asked for: 30 of 60 here, the others are drawn
    chosen = choose(transform, shape, 60, 0.5, rng)
    assert 30 <= np.count_nonzero(size[chosen] <= np.sort(size)[59]) < 50
    with pytest.raises(ValueError, match="257 coefficients cannot be chosen"):
        choose(transform, shape, 257, 0.0, rng)
    with pytest.raises(ValueError, match="did you mean 'fourier'"):
        FourierOperator([0], (4,), "fourrier")
