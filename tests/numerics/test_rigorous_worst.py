"""Known smallest singular values under the worst legal primitives: every bound holds, by every method."""

import math
from fractions import Fraction

import flint
import numpy as np
import pytest
from scipy.linalg import hadamard, svdvals

from numerics.rigorous import opnorm_upper, orthonormality_defect, sigma_min_lower
from numerics.rigorous.machine import BLAS, Machine, using
from tests.numerics.test_rigorous_machines import COARSE, DOUBLE

METHODS = ("cholesky", "residual", "qr", "auto")


def two_sided(p, k, d):
    """H1 diag(d) [p rows of H2], p <= k powers of two, integer d: integers, singular values exactly d sqrt(p k)."""
    S = (hadamard(p) * np.asarray(d, dtype=float)) @ hadamard(k)[:p].astype(float)
    assert np.abs(d).sum() < 2**53  # no partial sum was rounded
    return S


def hilbert(n):
    """The Hilbert matrix times the least common multiple of its denominators: integers."""
    scale = math.lcm(*range(1, 2 * n))
    return np.array([[float(Fraction(scale, i + j + 1)) for j in range(n)] for i in range(n)])


def exact(S):
    entries = [flint.fmpq(f.numerator, f.denominator) for f in map(Fraction, S.ravel().tolist())]
    return flint.fmpq_mat(*S.shape, entries)


def at_most(S, sigma):
    """sigma <= sigma_min(S), decided in rational arithmetic: all leading minors of SS' - sigma^2 (1 - 1e-30) I > 0."""
    M = exact(S if S.shape[0] <= S.shape[1] else S.T)
    G, q = M * M.transpose(), Fraction(sigma) ** 2 * (1 - Fraction(1, 10**30))
    for i in range(G.nrows()):
        G[i, i] -= flint.fmpq(q.numerator, q.denominator)
    n = G.nrows()
    return all(flint.fmpq_mat(j, j, [G[a, b] for a in range(j) for b in range(j)]).det() > 0 for j in range(1, n + 1))


def families(rng):
    """(matrix, exact sigma_min^2, exact sigma_max^2): two-sided Hadamard, a I + b J, block companions, graded."""
    for p, k in ((2, 2), (4, 8), (8, 8), (16, 32), (32, 32)):
        for top in (1, 3, 10**3, 10**5):
            d = rng.integers(1, top + 1, p)
            d[0], d[-1] = 1, top
            yield two_sided(p, k, d), Fraction(p * k), Fraction(top * top * p * k)
    for n in (2, 5, 12, 24):  # eigenvalues a and a + n b
        for a, b in ((1, 1), (3, 7), (1, 1000), (5, 10**6)):
            yield a * np.eye(n) + b * np.ones((n, n)), Fraction(a * a), Fraction((a + n * b) ** 2)
    for n in (2, 6, 10):  # the same with entries that are no small integers: multiplied by a double
        for factor in (1 + 2.0**-52, 1 / 3, 0.1, math.pi):
            c = Fraction(factor)
            S = two_sided(n - n % 2, 8, np.ones(n - n % 2)) if n == 2 else np.eye(n) * 2 + np.ones((n, n))
            low, high = (Fraction(16), Fraction(16)) if n == 2 else (Fraction(4), Fraction((2 + n) ** 2))
            S = np.where(S == 0, 0.0, S) * factor
            if all(Fraction(x) / c == round(Fraction(x) / c) for x in S.ravel().tolist()):
                yield S, low * c * c, high * c * c


def test_families_are_known():
    for S, low, high in families(np.random.default_rng(0)):
        if min(S.shape) <= 6:
            assert at_most(S, Fraction(math.isqrt(int(low * 4**40))) / 2**40)
        assert svdvals(S)[0] ** 2 == pytest.approx(float(high), rel=1e-9)


@pytest.mark.parametrize("name", ["BLAS", *DOUBLE, *COARSE])
def test_no_method_is_on_the_wrong_side(name):
    machine = BLAS if name == "BLAS" else Machine(**{**DOUBLE, **COARSE}[name])
    count = wrong = useful = naive = 0
    for S, low, high in families(np.random.default_rng(1)):
        naive += Fraction(float(svdvals(S)[-1])) ** 2 > low
        naive += Fraction(max(0.0, float(np.linalg.eigvalsh(S @ S.T)[0]))) > low
        with using(machine):
            bounds = [
                Fraction(sigma_min_lower(S, method=method)) for method in METHODS if name == "BLAS" or method != "auto"
            ]
            top = Fraction(opnorm_upper(S))
        count += len(bounds) + 1
        wrong += sum(bound**2 > low for bound in bounds) + (top**2 < high)
        useful += sum(bound**2 > low * Fraction(9, 10) for bound in bounds)
    assert wrong == 0
    assert count >= 160
    assert useful >= (100 if name not in COARSE else 20)
    assert naive > 15  # plain floating point is on the wrong side more often than that


def test_hilbert_matrices_by_every_method_and_machine():
    """Exactly known through rational minors: sigma is on the right side, and 5% more is not (qr)."""
    close = cases = 0
    for n in (2, 3, 4, 5, 6, 7, 8):
        S = hilbert(n)
        for name, primitives in {"BLAS": {}, **DOUBLE}.items():
            with using(Machine(**primitives)):
                for method in METHODS[:3]:
                    bound = sigma_min_lower(S, method=method)
                    cases += 1
                    assert bound == 0 or at_most(S, bound), (n, name, method)
                    close += bound > 0 and not at_most(S, bound * 1.05)
    assert cases == 7 * 9 * 3
    assert close > 110


@pytest.mark.parametrize(("p", "k"), [(4, 4), (16, 16), (32, 64), (64, 64), (128, 128), (256, 256), (256, 512)])
def test_condition_two_to_the_forty_at_five_percent(p, k):
    """Integer matrices with sigma_min = sqrt(p k) and sigma_max = 2^40 sqrt(p k), exactly."""
    rng = np.random.default_rng(p)
    for spread in ("geometric", "one small", "one large"):
        d = {
            "geometric": np.floor(np.logspace(0, 40, p, base=2.0)),
            "one small": np.full(p, 2.0**40),
            "one large": np.ones(p),
        }[spread]
        d[0], d[-1] = 1.0, 2.0**40
        S = two_sided(p, k, rng.permutation(d))
        bound, true = Fraction(sigma_min_lower(S, method="qr")), Fraction(p * k)
        assert bound**2 <= true
        assert bound**2 >= true * Fraction(95, 100) ** 2, (spread, float(bound) / math.sqrt(p * k))
        assert sigma_min_lower(S, method="cholesky") == 0.0  # the Gram matrix has lost it


@pytest.mark.parametrize("name", DOUBLE)
def test_condition_two_to_the_forty_under_the_worst_primitives(name):
    S = two_sided(32, 32, np.floor(np.logspace(0, 40, 32, base=2.0)))
    with using(Machine(**DOUBLE[name])):
        bound = Fraction(sigma_min_lower(S, method="qr"))
    assert Fraction(95, 100) ** 2 * 32**2 <= bound**2 <= 32**2


def test_methods_agree_and_residual_trusts_no_factorization():
    """The proof by residual confirms the proof by shift; and no factor, however wrong, makes it lie."""
    rng, agreed = np.random.default_rng(2), 0
    for p, k in ((3, 5), (20, 50), (60, 200), (150, 400)):
        S = rng.standard_normal((p, k))
        one, two = sigma_min_lower(S, method="cholesky"), sigma_min_lower(S, method="residual")
        assert one == pytest.approx(two, rel=1e-9)
        assert two > 0.999 * svdvals(S)[-1]
        agreed += 1
    assert agreed == 4
    lies = honest = 0
    for S, low, _ in families(rng):
        for kind in ("larger", "noise", "zero", "diagonal", "overflow"):

            def broken(a, kind=kind):
                n = len(a)
                if kind == "larger":
                    return np.linalg.cholesky(np.tril(a) + np.tril(a, -1).T + 1e3 * np.eye(n)) * 1.001, 0
                table = {
                    "noise": rng.standard_normal((n, n)),
                    "zero": np.zeros((n, n)),
                    "overflow": np.full((n, n), 1e200),
                }
                return table.get(kind, np.diag(np.sqrt(np.maximum(np.diagonal(a), 0.0)))), 0

            with using(Machine(cholesky=broken)):
                lies += Fraction(sigma_min_lower(S, method="residual")) ** 2 > low
                honest += 1
    assert lies == 0
    assert honest > 150


def test_exact_special_cases_are_exact():
    rng = np.random.default_rng(3)
    for n in (1, 2, 7, 40):
        assert sigma_min_lower(np.eye(n)) == 1.0
        assert opnorm_upper(3.0 * np.eye(n)) >= 3.0
        rows = rng.permutation(n)[: max(1, n // 2)]
        chosen = np.eye(n)[rows]
        for S in (chosen, chosen.T, -chosen, chosen * 2.0**-1000):
            scale = float(np.abs(S).max())
            low, high = sigma_min_lower(S), opnorm_upper(S)
            assert (low, high) == (scale, scale) or len(rows) == 1
            assert low <= scale <= high
        d = np.ldexp(rng.uniform(0.5, 1, n), rng.integers(-300, 300, n))
        signed = np.eye(n)[rng.permutation(n)] * d * rng.choice([-1.0, 1.0], n)
        assert sigma_min_lower(signed) == d.min() or n == 1
        assert opnorm_upper(signed) == d.max() or n == 1
        assert sigma_min_lower(signed, error=float(d.min()) / 2) == d.min() / 2 or n == 1
    for p, k in ((2, 4), (8, 16), (64, 64)):  # sqrt(k) is a double, and so is the bound
        H = hadamard(k).astype(float)[:p]
        for scale in (1.0, 3.0, 2.0**500, 2.0**-700):
            assert sigma_min_lower(scale * H) <= scale * math.sqrt(k) <= opnorm_upper(scale * H)
            if k in (4, 16, 64):
                assert sigma_min_lower(scale * H) == scale * math.sqrt(k) == opnorm_upper(scale * H)
    doubled = np.eye(3)[[0, 0, 1]]
    assert sigma_min_lower(doubled) == 0.0  # a row taken twice
    assert sigma_min_lower(doubled, method="exact") == 0.0
    gap = np.eye(4)
    gap[2, 2] = 0.0
    assert sigma_min_lower(gap) == 0.0
    assert sigma_min_lower(np.ones((2, 2)) + np.eye(2), method="exact") == 0.0  # not recognized: nothing proved
    with pytest.raises(ValueError, match="unknown method 'svd'"):
        sigma_min_lower(np.eye(2), method="svd")


def test_nearly_orthogonal_rows_are_not_taken_for_orthogonal():
    for tiny in (2.0**-1060, 2.0**-600, 2.0**-60, 2.0**-30):
        S = np.array([[1.0, 1.0], [1.0, -1.0 + tiny], [0.0, 0.0]])[:2]
        S[1, 1] = -1.0
        S[0, 0] = 1.0
        S = np.hstack([S, [[tiny], [tiny]]])
        low = sigma_min_lower(S)
        assert Fraction(low) ** 2 <= 2
        assert at_most(S, low)
        assert low > 1.41


def test_orthonormality_under_the_worst_primitives():
    for name, primitives in DOUBLE.items():
        with using(Machine(**primitives)):
            for n in (2, 8, 64):
                Y = hadamard(n)[:, : max(1, n // 2)] / math.sqrt(n)
                M = exact(Y.T)
                G = M * M.transpose()
                off = sum(
                    (Fraction(int(x.p), int(x.q)) - (i % (G.nrows() + 1) == 0)) ** 2 for i, x in enumerate(G.entries())
                )
                defect = Fraction(orthonormality_defect(Y))
                assert defect**2 * G.nrows() >= off, name  # Frobenius <= sqrt(rank) spectral
                assert defect < Fraction(1, 10**12)
