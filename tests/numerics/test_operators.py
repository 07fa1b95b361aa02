"""Every operator of the registry: adjoint, matrix, singular values on the right side, compact SVD."""

import dataclasses
import json
import math

import flint
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import svdvals
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from numerics import rigorous
from numerics.operators import OPERATORS, RankDeficient, adjoint_test, as_operator, compact_svd, from_mapping, product
from numerics.operators.blur import BlurOperator
from numerics.rigorous.dft import direct_dft, modulus, twiddles

RNG = np.random.default_rng(0)
MATRIX = RNG.standard_normal((9, 30))
SPARSE = scipy.sparse.random_array((12, 30), density=0.4, rng=np.random.default_rng(1), format="coo")
SHAPES = ((30,), (5, 6))


def examples(tmp_path):
    """One or more specifications of every kind, on signals of 30 entries."""
    np.savez(tmp_path / "a.npz", matrix=MATRIX)
    np.save(tmp_path / "a.npy", MATRIX.astype(np.float32))
    scipy.sparse.save_npz(tmp_path / "s.npz", SPARSE)
    gaussian, synthesis = {"kind": "gaussian", "m": 12}, {"kind": "fourier_synthesis", "omega0": 3.0}
    return {
        "blur": [{"kind": "blur", "std": 0.6, "radius": 2}],
        "compose": [
            {"kind": "compose", "parts": [{"kind": "blur", "std": 0.5, "radius": 2}, synthesis]},
            {"kind": "compose", "parts": [{"kind": "subsample", "fraction": 0.5}, synthesis]},
            {"kind": "compose", "parts": [gaussian, {"kind": "identity"}, synthesis]},
            {"kind": "compose", "parts": [{"kind": "identity"}]},
        ],
        "dense": [
            {"kind": "dense", "values": MATRIX.tolist()},
            {"kind": "dense", "file": str(tmp_path / "a.npz"), "key": "matrix"},
            {"kind": "dense", "file": str(tmp_path / "a.npy")},
        ],
        "fourier": [
            {"kind": "fourier", "fraction": 0.4, "lowest": 0.5},
            {"kind": "fourier", "indices": [3, 0, 17], "transform": "cosine"},
            {"kind": "fourier", "fraction": 1.0},
        ],
        "fourier_synthesis": [synthesis, {"kind": "fourier_synthesis", "omega0": 1.5, "power": 0.0}],
        "gaussian": [gaussian, {"kind": "gaussian", "m": 40, "scale": "m"}, {"kind": "gaussian", "m": 1, "scale": "1"}],
        "identity": [{"kind": "identity"}],
        "linear_operator": [{"kind": "linear_operator", "operator": aslinearoperator(MATRIX)}],
        "sparse": [{"kind": "sparse", "file": str(tmp_path / "s.npz")}],
        "subsample": [
            {"kind": "subsample", "fraction": 0.4},
            {"kind": "subsample", "indices": [3, 1, 17]},
            {"kind": "subsample", "every": 2},
        ],
    }


@pytest.fixture
def built(tmp_path):
    """Every example on a 1-D and a 2-D signal, and scaled by 30."""
    out = []
    for specs in examples(tmp_path).values():
        for spec in specs:
            for shape in SHAPES:
                T = from_mapping(spec).build(shape, np.random.default_rng(7))
                out += [T, product(T, scale=-30.0)]
    return out


def test_every_kind_has_examples(tmp_path):
    assert set(examples(tmp_path)) == set(OPERATORS)
    assert all(cls.kind == name and cls.__doc__ for name, cls in OPERATORS.items())
    for cls in OPERATORS.values():
        assert all(f.metadata.get("doc") for f in dataclasses.fields(cls)), cls


def test_specifications_are_json(tmp_path):
    for specs in examples(tmp_path).values():
        for spec in specs:
            made = from_mapping(spec)
            assert json.loads(json.dumps(made.to_dict()))["kind"] == spec["kind"]
            assert from_mapping(made) is made


def test_laws(built):
    """Adjoint, linearity, matrix against action, directions of the singular values, compact SVD."""
    rng = np.random.default_rng(3)
    for T in built:
        m, n = T.shape
        name = T.describe()
        assert adjoint_test(T, rng) < 1e-13, name
        assert math.prod(T.input_shape) == n, name
        assert math.prod(T.output_shape) == m, name
        M, X = T.toarray(), rng.standard_normal((n, 3))
        assert M.shape == (m, n)
        assert M.dtype == np.float64
        tolerance = 1e-13 * T.opnorm().value * np.linalg.norm(X) + T.array_error()
        np.testing.assert_allclose(T @ X, M @ X, rtol=0, atol=tolerance, err_msg=name)
        np.testing.assert_allclose(
            T.T @ (M @ X), M.T @ (M @ X), rtol=0, atol=1e-12 * T.opnorm().value * np.abs(M @ X).sum()
        )
        sigma = svdvals(M)
        assert T.rank() == np.count_nonzero(sigma > 1e-10 * sigma[0]) == min(m, n), name
        low, high = T.sigma_min().as_lower(), T.opnorm().as_upper()
        assert low <= sigma[-1] * (1 + 1e-12), name
        assert high >= sigma[0] * (1 - 1e-13), name
        assert low >= sigma[-1] * (1 - 1e-8), name
        assert high <= sigma[0] * (1 + 1e-9), name


def test_compact_svd_reproduces_and_knows_its_basis(built):
    rng = np.random.default_rng(4)
    for T in built:
        svd, name = compact_svd(T), T.describe()
        M = T.toarray()
        U = np.eye(T.shape[1]) if svd.U is None else svd.U
        scale = T.opnorm().value
        np.testing.assert_allclose(svd.core() @ U.T, M, rtol=0, atol=1e-13 * scale, err_msg=name)
        np.testing.assert_allclose(np.sort(svd.sigma)[::-1], svdvals(M)[: svd.rank], rtol=0, atol=1e-13 * scale)
        assert not svd.truncated
        assert svd.sin_angle < 1e-10, name
        assert (svd.U is None) == (svd.P is None)
        # singular values of U'J against those of Q'J for a basis Q of Im T' found by another route (QR of T')
        J = rng.standard_normal((T.shape[1], 50))
        Q = np.linalg.qr(M.T)[0][:, : svd.rank]
        gap = np.abs(svdvals(Q.T @ J) - svdvals(svd.coordinates(J))).max()
        assert gap <= (svd.sin_angle + 1e-13) * np.linalg.norm(J), name
        y = M @ rng.standard_normal(T.shape[1])
        np.testing.assert_allclose(svd.project(y), y, rtol=0, atol=1e-12 * np.linalg.norm(y), err_msg=name)


def test_sin_angle_sees_a_wrong_basis():
    """The certificate is not a constant: a basis that is off by 1e-4 is reported as such."""
    from numerics.operators.svd import _sin_angle

    T = as_operator(MATRIX)
    U = compact_svd(T).U
    turned = U.copy()
    away = np.linalg.svd(MATRIX)[2][-1]
    turned[:, 0] = math.cos(1e-4) * U[:, 0] + math.sin(1e-4) * away
    assert 0.99e-4 < _sin_angle(T, turned, T.sigma_min()) < 1e-2
    assert _sin_angle(T, 1.001 * U, T.sigma_min()) > 1e-3


@pytest.mark.parametrize("shape", [(1,), (2,), (7,), (16,), (1, 1), (1, 6), (4, 4), (5, 8), (9, 6)])
def test_fourier_synthesis_is_symmetric_with_exactly_known_singular_values(shape):
    for omega0, power in ((2.0, 1.0), (0.7, 2.5), (3.0, 0.0)):
        S = from_mapping({"kind": "fourier_synthesis", "omega0": omega0, "power": power}).build(shape, RNG)
        M = S.toarray()
        assert np.abs(M - M.T).max() <= S.array_error()
        F = np.fft.fftn(np.eye(S.shape[0]).reshape(-1, *shape), axes=tuple(range(1, 1 + len(shape))))
        F = F.reshape(S.shape[0], -1) / math.sqrt(S.shape[0])  # unitary, symmetric
        np.testing.assert_allclose(F.conj().T @ np.diag(S.weights.reshape(-1)) @ F, M, rtol=0, atol=1e-14)
        np.testing.assert_allclose(np.sort(S.weights.reshape(-1))[::-1], svdvals(M), rtol=1e-11, atol=1e-15)
        assert S.opnorm().direction == S.sigma_min().direction == "exact"
        frequencies = [np.arange(n) - n * (np.arange(n) > n // 2) for n in shape]  # another way to number them
        square = sum(g**2 for g in np.meshgrid(*frequencies, indexing="ij"))
        np.testing.assert_allclose(S.weights, (1 + square / omega0**2) ** -power, rtol=1e-15)


@pytest.mark.parametrize("shape", [(12,), (13,), (64,), (8, 9)])
def test_transfer_function_is_enclosed(shape):
    """Enclosures of |t| from floating point against Arb sums at 200 bits, every frequency."""
    rng = np.random.default_rng(sum(shape))
    missed = 0
    for taps in (
        rng.standard_normal((3,) * len(shape)),
        np.ones((5,) * len(shape)),
        1e-200 * rng.random((4,) * len(shape)),
    ):
        A = BlurOperator(taps, shape)
        lo, hi = A.moduli()
        with flint.ctx.workprec(200):
            for w in np.ndindex(*shape):
                z = flint.acb(0)
                for j in np.ndindex(*taps.shape):
                    turn = sum(
                        (flint.fmpq(-2 * w[i] * (j[i] - taps.shape[i] // 2), shape[i]) for i in range(len(shape))),
                        flint.fmpq(0),
                    )
                    z += flint.acb(taps[j]) * flint.acb(turn).exp_pi_i()
                size = abs(z)
                missed += not (flint.arb(lo[w]) <= size.upper() and flint.arb(hi[w]) >= size.lower())
        assert missed == 0
        assert (hi - lo).max() <= 1e-13 * np.abs(taps).sum()


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 24), st.integers(1, 24), st.integers(0, 2**32 - 1))
def test_direct_dft_agrees_with_fft(n1, n2, seed):
    rng = np.random.default_rng(seed)
    q1, q2 = int(rng.integers(1, n1 + 1)), int(rng.integers(1, n2 + 1))
    values = rng.standard_normal((q1, q2))
    grid = np.zeros((n1, n2))
    grid[:q1, :q2] = values
    re, im, e = direct_dft(values, (np.arange(q1), np.arange(q2)), (n1, n2))
    fast = np.fft.fft2(grid)
    assert np.abs(re - fast.real).max() <= e + 1e-13
    assert np.abs(im - fast.imag).max() <= e + 1e-13
    assert e <= 1e-13 * np.abs(values).sum()
    lo, hi = modulus(re, im, e)
    assert (lo <= np.hypot(re, im)).all()
    assert (np.hypot(re, im) <= hi).all()


def test_twiddles_are_nearest():
    import mpmath

    with mpmath.workdps(40):
        for n in (1, 2, 7, 64, 360):
            cos, sin = twiddles(n)
            for j in range(n):
                angle = 2 * mpmath.pi * j / n
                assert abs(mpmath.cos(angle) - cos[j]) <= mpmath.mpf(2) ** -53
                assert abs(mpmath.sin(angle) - sin[j]) <= mpmath.mpf(2) ** -53


def test_gaussian_blur_taps_and_action():
    A = from_mapping({"kind": "blur", "std": 1.5, "radius": 4}).build((20, 31), RNG)
    x = RNG.standard_normal((20, 31))
    from scipy.ndimage import gaussian_filter

    reference = gaussian_filter(x, 1.5, mode="wrap", radius=4)
    np.testing.assert_allclose(A.matvec(x.reshape(-1)).reshape(20, 31), reference, rtol=0, atol=1e-14)
    assert A.taps.sum() == pytest.approx(1.0, abs=1e-15)
    raw = from_mapping({"kind": "blur", "taps": [1.0, 2.0, 5.0], "normalise": False}).build((6,), RNG)
    np.testing.assert_allclose(raw.matvec(np.eye(6)[2]), [0, 1, 2, 5, 0, 0], atol=1e-14)


def test_rank_deficient_blur_is_told_with_its_remedy():
    A = from_mapping({"kind": "blur", "taps": [1.0, 1.0]}).build((8,), RNG)  # zero at the Nyquist frequency
    with pytest.raises(RankDeficient, match=r"rank 7 of 8.*smaller std.*truncate"):
        A.sigma_min()
    assert A.rank() == 7
    with pytest.raises(RankDeficient):
        compact_svd(A)
    svd = compact_svd(A, rank="truncate")
    assert (svd.rank, svd.truncated) == (7, True)
    assert "rank 7" in svd.notes[0]
    T = svd.operator
    assert adjoint_test(T, RNG) < 1e-13
    assert T.rank() == 7
    sigma = svdvals(T.toarray())
    assert sigma[6] * (1 - 1e-8) <= svd.sigma_min.as_lower() <= sigma[6] * (1 + 1e-13)
    assert sigma[0] * (1 - 1e-13) <= svd.opnorm.as_upper() <= sigma[0] * (1 + 1e-10)
    assert np.abs(T.toarray() - A.toarray()).max() < 1e-14
    wide = from_mapping({"kind": "blur", "std": 2.0, "radius": 14}).build((30, 30), RNG)
    with pytest.raises(RankDeficient):
        wide.sigma_min()


def test_rank_deficient_matrices():
    M = np.vstack([MATRIX[:4], MATRIX[0] + MATRIX[1]])
    T = as_operator(M)
    with pytest.raises(RankDeficient, match="rank 4 of 5"):
        T.sigma_min()
    with pytest.raises(RankDeficient):
        compact_svd(M)
    assert T.rank() == 4
    svd = compact_svd(M, rank="truncate")
    assert svd.rank == 4
    assert svd.sin_angle < 1e-12
    y = np.arange(5.0)
    np.testing.assert_allclose(svd.project(y), M @ np.linalg.pinv(M) @ y, atol=1e-13)
    with pytest.raises(RankDeficient, match="zero"):
        compact_svd(np.zeros((2, 3)), rank="truncate")
    severe = compact_svd(np.diag([1.0, 1e-3, 1e-8]), rank="truncate", rtol=1e-6)
    assert severe.rank == 2
    assert severe.sigma_min.as_lower() == pytest.approx(1e-3, rel=1e-10)


def test_dense_product_accounts_for_its_rounding():
    """The stored matrix of a composition is within the stated error of the exact product."""
    from fractions import Fraction

    def exact(M):
        flat = [flint.fmpq(f.numerator, f.denominator) for f in map(Fraction, M.ravel().tolist())]
        return flint.fmpq_mat(*M.shape, flat)

    rng = np.random.default_rng(8)
    A, B, C = (rng.standard_normal(s) for s in ((6, 9), (9, 20), (20, 25)))
    T = product(as_operator(A), as_operator(B), as_operator(C), scale=0.3)
    scale = Fraction(0.3)
    difference = exact(T.toarray()) - exact(A) * exact(B) * exact(C) * flint.fmpq(scale.numerator, scale.denominator)
    size = math.sqrt(sum(float(x.p) ** 2 / float(x.q) ** 2 for x in difference.entries()))
    assert 0 < size <= T.array_error() < 1e-11
    assert T.sigma_min().as_lower() <= rigorous.sigma_min_lower(T.toarray())


def test_products_are_simplified():
    blur = from_mapping({"kind": "blur", "std": 0.5}).build((16, 16), RNG)
    S = from_mapping({"kind": "fourier_synthesis"}).build((16, 16), RNG)
    T = product(product(blur, scale=2.0), S, scale=3.0)
    moduli = np.abs(np.fft.fft2(blur.kernel()[0])) * S.weights * 6.0
    assert T.sigma_min().as_lower() == pytest.approx(moduli.min(), rel=1e-12)
    assert T.opnorm().as_upper() == pytest.approx(moduli.max(), rel=1e-12)
    svd = compact_svd(T)
    assert svd.U is None
    assert svd.P is None
    assert svd.sin_angle == 0.0
    assert product(blur) is blur
    half = from_mapping({"kind": "subsample", "every": 2}).build((16, 16), RNG)
    assert half.output_shape == (8, 8)
    assert product(half, scale=5.0).sigma_min().value == product(half, scale=-5.0).opnorm().value == 5.0
    big = from_mapping({"kind": "blur", "std": 0.5}).build((256, 256), RNG)  # no matrix of 4e9 entries
    assert compact_svd(product(big, scale=2.0)).rank == 256**2
    with pytest.raises(ValueError, match="entries"):
        product(from_mapping({"kind": "subsample", "fraction": 0.5}).build((256, 256), RNG), big).sigma_min()
    with pytest.raises(ValueError, match=r"cannot be composed.*256"):
        product(half, big)
    with pytest.raises(ValueError, match="scale"):
        product(half, scale=0.0)


def test_parts_have_independent_generators():
    parts = [{"kind": "gaussian", "m": 5}, {"kind": "subsample", "fraction": 0.5}]
    one = from_mapping({"kind": "compose", "parts": parts}).build((20,), np.random.default_rng(1))
    parts[0] = {"kind": "gaussian", "m": 7}
    two = from_mapping({"kind": "compose", "parts": parts}).build((20,), np.random.default_rng(1))
    np.testing.assert_array_equal(one.factors[1].indices, two.factors[1].indices)


def test_random_operators_depend_on_the_seed_alone():
    for spec in ({"kind": "gaussian", "m": 5}, {"kind": "subsample", "fraction": 0.3}):
        a, b, c = (from_mapping(spec).build((40,), np.random.default_rng(s)).toarray() for s in (1, 1, 2))
        assert (a == b).all()
        assert (a != c).any()
    G = from_mapping({"kind": "gaussian", "m": 200, "scale": "n"}).build((300,), RNG).toarray()
    assert G.var() == pytest.approx(1 / 300, rel=0.03)


@pytest.mark.parametrize(
    ("factor", "hint"), [(1.5, "not the transpose"), (1 + 1e-7, "single precision")], ids=["wrong", "rounded"]
)
def test_adjoint_test_finds_defects(factor, hint):
    op = LinearOperator(MATRIX.shape, matvec=lambda x: MATRIX @ x, rmatvec=lambda y: factor * (MATRIX.T @ y))
    with pytest.raises(ValueError, match=f"adjoint test failed: relative defect.*{hint}"):
        adjoint_test(op, np.random.default_rng(0))


def test_adjoint_test_meets_operators_without_one():
    with pytest.raises(ValueError, match="no adjoint"):
        adjoint_test(LinearOperator(MATRIX.shape, matvec=lambda x: MATRIX @ x), RNG)
    bad = LinearOperator((2, 2), matvec=lambda x: x * math.nan, rmatvec=lambda y: y)
    with pytest.raises(ValueError, match="NaN"):
        adjoint_test(bad, RNG)
    with pytest.raises(ValueError, match="complex"):
        adjoint_test(aslinearoperator(1j * np.eye(3)), RNG)


def test_matrix_free_operators_are_materialized_in_blocks():
    op = LinearOperator(MATRIX.shape, matvec=lambda x: MATRIX @ x, rmatvec=lambda y: MATRIX.T @ y, dtype=float)
    T = as_operator(op)
    np.testing.assert_allclose(T.toarray(), MATRIX, rtol=1e-15)
    assert T.sigma_min().as_lower() == pytest.approx(svdvals(MATRIX)[-1], rel=1e-9)


def test_sparse_norm_without_a_dense_matrix(monkeypatch):
    from numerics.operators import sparse

    T = sparse.SparseOperator(SPARSE)
    tight = T.opnorm().value
    monkeypatch.setattr(sparse, "MAX_DENSE", 10)
    loose = sparse.SparseOperator(SPARSE).opnorm()
    assert loose.direction == "upper"
    assert tight <= loose.value <= 3 * tight
