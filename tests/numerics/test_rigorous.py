"""Bounds on the right side of exactly known numbers, and close to them."""

import math
from fractions import Fraction

import flint
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.linalg import hadamard, svdvals

from numerics import rigorous
from numerics.rigorous import matmul_error, norm_lower, norm_upper, opnorm_upper, sigma_min_lower
from numerics.rigorous.cholesky import exceeds


def exact(S):
    """The matrix of doubles as a matrix of rationals."""
    S = np.asarray(S, dtype=float)
    flat = [flint.fmpq(f.numerator, f.denominator) for f in map(Fraction, S.ravel().tolist())]
    return flint.fmpq_mat(*S.shape, flat)


def fraction(q):
    return Fraction(int(q.p), int(q.q))


def positive_definite(M):
    """Sylvester's criterion in rational arithmetic."""
    n = M.nrows()
    return all(flint.fmpq_mat(j, j, [M[a, b] for a in range(j) for b in range(j)]).det() > 0 for j in range(1, n + 1))


def shifted_gram(S, s):
    """SS' - s^2 I, exactly."""
    M, q = exact(S), Fraction(s)
    G = M * M.transpose()
    square = flint.fmpq(q.numerator, q.denominator) ** 2
    for i in range(G.nrows()):
        G[i, i] -= square
    return G


def known(rng):
    """Matrices of exactly known singular values: (matrix, sigma_min^2, sigma_max^2, loss allowed on sigma_min^2).

    Rows of different size cost nothing, whatever the grading; columns of different size (square, transposed) are
    truly ill-conditioned: beyond 1e6 the proof by QR may give away 1%, then ball arithmetic takes over.
    """
    for p, k in ((1, 1), (1, 64), (2, 2), (3, 8), (5, 9), (7, 32), (11, 16), (16, 16), (20, 128), (64, 64), (128, 512)):
        N = 1 << (k - 1).bit_length()
        H = hadamard(N).astype(float)[:p]  # orthogonal rows of norm sqrt(N)
        for scale in (0, -500, 480, -1050, 1000) if p < 100 else (0,):
            for grade in (0, 6, 18, 40) if p < 60 else (0, 18):
                d = np.ldexp(1.0, rng.integers(-grade, grade + 1, p))
                with np.errstate(over="ignore", under="ignore"):
                    S = np.ldexp(d[:, None] * H, scale)
                low, high = Fraction(d.min()) * Fraction(2) ** scale, Fraction(d.max()) * Fraction(2) ** scale
                entries = {abs(Fraction(x)) for x in S[:, 0].tolist()} if np.isfinite(S).all() else set()
                if entries != {Fraction(x) * Fraction(2) ** scale for x in d.tolist()}:
                    continue  # rounded: no longer known
                if high**2 * N > Fraction(2) ** 2046:
                    continue  # the norm is no double
                yield S, low**2 * N, high**2 * N, 3e-4
                yield S.T, low**2 * N, high**2 * N, 2.5e-2 if p == k else 3e-4
    for q in (1, 2, 3, 4, 5, 6):  # two-sided: H1 diag(d) H2 with integer d
        p = 1 << q
        H = hadamard(p).astype(float)
        for top in (3, 1000, 10**6, 10**9, 10**12):
            d = rng.integers(1, top, p).astype(float)
            d[0] = 1.0
            S = H @ np.diag(d) @ H  # integers below 2^53: exact
            assert np.abs(H).sum() * d.max() < 2**53
            yield S, Fraction(1) * p * p, Fraction(int(d.max())) ** 2 * p * p, 2.5e-2


def test_known_singular_values_are_never_missed_and_closely_met():
    count = wrong = naive_wrong = 0
    for S, low, high, loss in known(np.random.default_rng(0)):
        count += 1
        bound, top = Fraction(sigma_min_lower(S)), Fraction(opnorm_upper(S))
        wrong += bound**2 > low or top**2 < high
        naive_wrong += Fraction(float(svdvals(S)[-1])) ** 2 > low
        spacing = Fraction(1, 2**1073)  # of the doubles themselves, in the subnormal range
        assert (top - spacing) ** 2 <= high * Fraction(1.0 + 1e-9), (S.shape, float(high))
        assert (bound + spacing) ** 2 >= low * Fraction(1 - loss), (S.shape, float(low), float(high))
    assert wrong == 0
    assert count > 350
    assert naive_wrong > 20  # the instances are sharp: plain floating point is often on the wrong side


@pytest.mark.parametrize("kind", ["random", "graded", "nearly_singular", "integer", "tiny", "huge"])
def test_small_matrices_against_rational_arithmetic(kind):
    rng = np.random.default_rng(sum(map(ord, kind)))
    positive = 0
    for _ in range(60):
        p = int(rng.integers(1, 6))
        k = int(rng.integers(p, 8))
        S = rng.standard_normal((p, k))
        if kind == "graded":
            S *= 10.0 ** rng.integers(-12, 12, (p, 1))
        if kind == "nearly_singular" and p > 1:
            S[-1] = S[:-1].sum(axis=0) + 10.0 ** -rng.integers(3, 25) * S[-1]
        if kind == "integer":
            S = rng.integers(-3, 4, (p, k)).astype(float)
        S = np.ldexp(S, {"tiny": -1060, "huge": 1015}.get(kind, 0))
        bound, top = sigma_min_lower(S), opnorm_upper(S)
        if bound > 0:
            positive += 1
            # strictly below: SS' - b^2 I may be singular when b is exact
            assert positive_definite(shifted_gram(S, Fraction(bound) * (1 - Fraction(1, 10**25))))
            # within 1%: where the proof by QR gives away more, ball arithmetic takes over
            slack = Fraction(bound) * Fraction(1.0102) + Fraction(1, 2**1074)
            assert not positive_definite(shifted_gram(S, slack))
        elif kind != "tiny":
            assert not positive_definite(shifted_gram(S, norm_lower(S) * 1e-40))
        if top > 0:
            assert positive_definite(-1 * shifted_gram(S, Fraction(top) * (1 + Fraction(1, 10**25))))
            assert top <= norm_upper(S)
    assert positive >= 30


def test_condition_beyond_the_gram_matrix():
    rng = np.random.default_rng(1)
    for p, k in ((30, 40), (150, 200)):
        left, right = np.linalg.qr(rng.standard_normal((p, p)))[0], np.linalg.qr(rng.standard_normal((k, p)))[0]
        for decades in (4, 8, 10, 12):
            S = (left * np.logspace(0, -decades, p)) @ right.T
            bound, true = sigma_min_lower(S), svdvals(S)[-1]  # the SVD is right to 1e-16 ||S||
            assert bound <= true + 1e-14
            assert bound >= 0.9 * true, (p, decades)


def test_exactly_singular_is_never_certified():
    rng = np.random.default_rng(2)
    for _ in range(40):
        p = int(rng.integers(2, 40))
        S = rng.integers(-9, 10, (p, 2 * p)).astype(float)
        S[-1] = S[0]
        assert sigma_min_lower(S) == 0.0
        assert sigma_min_lower(S[[0, 0]] * 2.0 ** rng.integers(-900, 900)) == 0.0
    assert sigma_min_lower(np.zeros((3, 5))) == 0.0
    assert opnorm_upper(np.zeros((3, 5))) == 0.0


def test_a_perturbation_is_accounted_for():
    rng = np.random.default_rng(3)
    for _ in range(30):
        S, E = rng.standard_normal((12, 30)), rng.standard_normal((12, 30))
        # worst direction as well as a random one
        u, s, vt = np.linalg.svd(S, full_matrices=False)
        for direction in (E / np.linalg.norm(E), -np.outer(u[:, -1], vt[-1]), np.outer(u[:, 0], vt[0])):
            size = float(rng.uniform(0, s[-1]))
            error = norm_upper(size * direction)
            moved = svdvals(S + size * direction)
            assert sigma_min_lower(S, error) <= moved[-1] * (1 + 1e-12) + 1e-14
            assert opnorm_upper(S, error) >= moved[0] * (1 - 1e-12)
    assert sigma_min_lower(S, math.inf) == 0.0
    assert opnorm_upper(S, math.inf) == math.inf
    assert sigma_min_lower(S, 1e9) == 0.0


@settings(deadline=None, max_examples=50)
@given(hnp.arrays(float, hnp.array_shapes(min_dims=1, max_dims=2, max_side=9), elements=st.floats(-1e308, 1e308)))
def test_norms_enclose(v):
    square = sum((Fraction(x) ** 2 for x in v.ravel().tolist()), Fraction(0))
    low, high = norm_lower(v), norm_upper(v)
    assert Fraction(low) ** 2 <= square
    assert high == math.inf or Fraction(high) ** 2 >= square
    if square > Fraction(1, 2**1900):
        assert math.isinf(high) or high <= low * (1 + 1e-12)


def test_norms_of_long_vectors_stay_tight():
    v = np.random.default_rng(4).standard_normal(200_001)
    square = sum((Fraction(x) ** 2 for x in v.tolist()), Fraction(0))
    low, high = norm_lower(v), norm_upper(v)
    assert Fraction(low) ** 2 <= square <= Fraction(high) ** 2
    assert high / low - 1 < 1e-13
    assert norm_upper([3.0, 4.0], 1.0) >= 6.0
    assert 0.0 == norm_lower([3.0, 4.0], 6.0) < norm_lower([3.0, 4.0], 1.0) <= 4.0


def test_product_error():
    rng = np.random.default_rng(5)
    nonzero = 0
    for _ in range(30):
        m, k, n = rng.integers(1, 13, 3)
        A = rng.standard_normal((m, k)) * 10.0 ** rng.integers(-150, 150)
        B = rng.standard_normal((k, n)) * 10.0 ** rng.integers(-150, 140)
        A[rng.random((m, k)) < 0.2] = 0.0
        difference = exact(A @ B) - exact(A) * exact(B)
        square = sum((fraction(x) ** 2 for x in difference.entries()), Fraction(0))
        assert square <= Fraction(matmul_error(A, B)) ** 2
        nonzero += square > 0
    assert nonzero > 15
    A, B = rng.standard_normal((40, 300)), rng.standard_normal((300, 50))
    fair = float(rigorous.gamma(300)) * np.linalg.norm(np.abs(A) @ np.abs(B))
    assert fair <= matmul_error(A, B) <= 1.7 * fair
    assert matmul_error(np.zeros((2, 3)), np.ones((3, 2))) < 1e-290


def test_nan_never_passes_cholesky():
    K = np.eye(4)
    K[2, 1] = math.nan
    assert not exceeds(K, Fraction(0))
    assert not exceeds(np.eye(3), Fraction(-1))
    assert exceeds(np.eye(3), Fraction(1, 2))
    assert not exceeds(np.eye(3), Fraction(1))


def test_rounding_outward():
    for x in (Fraction(1, 3), Fraction(-1, 3), Fraction(1), Fraction(1, 2**1080), Fraction(10) ** 400):
        assert rigorous.above(x) == math.inf or Fraction(rigorous.above(x)) >= x
        assert rigorous.below(x) == -math.inf or Fraction(rigorous.below(x)) <= x
    assert rigorous.above(Fraction(1)) == rigorous.below(Fraction(1)) == 1.0
    assert rigorous.below(Fraction(10) ** 400) == np.finfo(float).max
    assert rigorous.down(1.0) < 1.0 < rigorous.up(1.0)


@pytest.mark.parametrize("function", [sigma_min_lower, opnorm_upper, norm_upper, norm_lower])
def test_bad_input_is_met_at_the_door(function):
    for bad in ([[math.nan, 1.0]], [[math.inf]], [[1j]], np.zeros((0, 3)), np.ones((2, 2), np.longdouble)):
        with pytest.raises(ValueError, match=r"NaN|real numbers|empty"):
            function(bad)
    with pytest.raises(ValueError, match="error"):
        function([[1.0]], -1.0)
    with pytest.raises(ValueError, match="error"):
        function([[1.0]], math.nan)
    if function in (sigma_min_lower, opnorm_upper):
        with pytest.raises(ValueError, match="matrix"):
            function([1.0, 2.0])
    assert function(np.array([[3, 0], [0, 3]], dtype=np.float32)) > 0


def test_product_of_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="product"):
        matmul_error(np.ones((2, 3)), np.ones((2, 3)))


def degenerate(rng):
    """Rank one with huge spread, graded, tiny and subnormal, huge, wild, two-sided graded, sparse entries."""
    p, k = int(rng.integers(1, 6)), int(rng.integers(1, 9))
    S = rng.standard_normal((p, k))
    yield np.outer(rng.standard_normal(p) * 10.0 ** rng.uniform(-3, 8, p), rng.standard_normal(k))
    yield np.array([[23.7], [1.99e7], [2206.0], [1.22e6]]) * np.outer(rng.standard_normal(4), rng.standard_normal(8))
    with np.errstate(under="ignore"):
        yield S * 10.0 ** rng.uniform(-300, 300, (p, 1))
        yield S * 10.0 ** rng.uniform(-307, -300) * 1e-15
        yield S * 10.0 ** rng.uniform(200, 307)
        yield S * 10.0 ** rng.uniform(-308, 305, (p, k))
        yield S * 10.0 ** rng.uniform(-30, 30, (p, 1)) * 10.0 ** rng.uniform(-30, 30, (1, k))
    yield np.round(2 * S) * (rng.random(S.shape) < 0.6)


def test_degenerate_matrices_raise_nothing_and_bounds_stay_on_their_side():
    rng = np.random.default_rng(0)
    little = Fraction(1, 2**60)
    for _ in range(20):
        for S in degenerate(rng):
            low, high = sigma_min_lower(S), opnorm_upper(S)
            wide = S if S.shape[0] <= S.shape[1] else S.T
            if low > 0:
                assert positive_definite(shifted_gram(wide, Fraction(low) * (1 - little)))
            if math.isfinite(high) and high > 0:
                assert positive_definite(-1 * shifted_gram(wide, Fraction(high) * (1 + little)))


def test_where_subnormal_numbers_are_read_as_zero_they_are_not_relied_on(monkeypatch):
    """A thread that flushes, as some libraries make it: entries below the normal range may be anything up to it."""
    from numerics.rigorous import arrays

    S = np.ldexp(np.eye(3) + 1.0, -1060)
    here = sigma_min_lower(S), opnorm_upper(S), norm_lower(S), norm_upper(S)
    assert here[0] == pytest.approx(2.0**-1060, rel=1e-3)
    monkeypatch.setattr(arrays, "_reads_subnormals_as_zero", lambda: True)
    there = sigma_min_lower(S), opnorm_upper(S), norm_lower(S), norm_upper(S)
    assert there[0] == there[2] == 0.0
    assert min(there[1], there[3]) >= 9 * 2.0**-1022
    S = np.ldexp(np.eye(3) + 1.0, 200)  # nothing is subnormal on either side of the scaling
    assert sigma_min_lower(S) == pytest.approx(2.0**200, rel=1e-9)


def test_dot_products_and_intervals_at_the_door_and_when_they_overflow():
    from numerics.rigorous import dot, interval_dot, interval_sum, matvec

    for call in (
        lambda: dot([1.0], [1.0, 2.0]),
        lambda: dot([[1.0]], [[1.0]]),
        lambda: matvec([[1.0, 2.0]], [1.0]),
        lambda: interval_sum([1.0], [1.0, 2.0]),
    ):
        with pytest.raises(ValueError, match="shapes"):
            call()
    with pytest.raises(ValueError, match="NaN"):
        dot([math.nan], [1.0])
    with pytest.raises(ValueError, match="empty"):
        interval_dot([1.0], [0.0], [1.0])
    with pytest.raises(ValueError, match="2\\^53"):
        dot(np.array([2**60]), [1.0])
    value, error = dot([1e300, 1.0], [1e300, 1.0])
    assert (error == math.inf and value == 0.0) or error >= 1e300
    value, error = matvec([[1e300, 1e300], [1.0, 1.0]], [1e10, 1.0])
    assert error[0] == math.inf
    assert abs(value[1] - (1e10 + 1)) <= error[1] < 1e-4
    assert interval_sum([1e308] * 3, [1e308] * 3)[1] == math.inf
    assert interval_sum([-1e308] * 3, [1.0] * 3)[0] <= -1.7e308
    assert interval_dot([-1e308], [1e308], [3.0]) == (-math.inf, math.inf)
    rng = np.random.default_rng(0)
    A, x = rng.standard_normal((40, 300)), rng.standard_normal(300)
    value, error = matvec(A, x)
    assert (error <= 1.1 * float(rigorous.gamma(300)) * (np.abs(A) @ np.abs(x))).all()  # and no looser than that
