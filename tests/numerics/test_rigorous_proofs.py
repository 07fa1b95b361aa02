"""Eigenvalues, singular values and enclosures at instances that need every constant of their proofs.

A check returns (cases, violations) for a package: none for numerics.rigorous, some for the mutants that are named with it
in :mod:`.test_rigorous_mutants`. Truths are exact: rationals, or integers in floating point.
"""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.linalg import hadamard

from tests.numerics.test_rigorous_machines import (
    FLUSH,
    PLAIN,
    Modules,
    coarse,
    double,
    fractions,
    leading,
    machine,
    square,
)

F = Fraction
INF = math.inf


def cholesky(p):
    """Indefinite matrices, by eigenvalues known to double precision, at u = 2^-12 with the worst factorization."""
    u, bad, cases, rng = 2.0**-12, 0, 0, np.random.default_rng(6)
    m = machine(unit=u)
    with p.using(**m):
        for trial in range(240):
            n = int(rng.integers(2, 12))
            B = rng.standard_normal((n, n)) if trial % 2 else np.ones((n, n)) + 0.1 * rng.standard_normal((n, n))
            K = B @ B.T
            w = np.linalg.eigvalsh(K)[0]
            for share in (-0.3, -0.1, -0.03, -0.01, -0.003):
                A = K - (w - share * n * u * np.trace(K)) * np.eye(n)  # smallest eigenvalue: share n u tr
                cases += 1
                bad += p.cholesky.exceeds(A, F(0)) and np.linalg.eigvalsh(A)[0] < -1e-12
        for t in (0.01, 0.1, 0.3):  # pivots come out 7u too large, 3.5u of an eigenvalue: the bound is 10u
            cases += 1
            bad += p.cholesky.exceeds(np.array([[1.0, 1.0], [1.0, 1.0 - t * u]]), F(0))
    with p.using(**machine(unit=2.0**-40, tiny=2.0**-12)):
        for n in (4, 8):  # the squares of the last row vanish one by one, but not their sum: an indefinite matrix
            A = np.eye(n + 1)
            A[-1, :-1] = A[:-1, -1] = 2.0**-6.6
            A[-1, -1] = 2.0**-12 * 1.1
            assert n * 2.0**-13.2 > A[-1, -1]
            cases += 1
            bad += p.cholesky.exceeds(A, F(0))
    nan, indefinite = np.eye(4), np.array([[1.0, 0.0], [2.0, 1.0]])
    nan[2, 1] = math.nan
    for K, shift in ((nan, F(0)), (np.eye(3), F(1)), (np.eye(3), F(2)), (np.eye(3), F(-1)), (indefinite, F(0))):
        cases += 1
        bad += p.cholesky.exceeds(K, shift)

    def unfinished(a):
        return np.where(np.eye(len(a)) > 0, math.nan, a), 0

    def halted(a):
        return np.eye(len(a)), 1

    for broken in (unfinished, halted):
        with p.using(cholesky=broken):
            cases += 1
            bad += p.cholesky.exceeds(np.eye(3), F(0))
    return cases, bad


def residual(p):
    """Any L: what is claimed of K = s I + fl(L L') and of diagonal matrices."""
    bad = cases = 0
    for side in (1, -1):
        m = coarse(side, 20)
        for n in (2, 5, 16):
            s = np.where(np.arange(n) % 2, -1.0, 1.0)[:, None] * (1 + 2.0**-40)
            A = m["matmul"](s, s.T)  # s s' + a multiple of ones: indefinite, by up to n u
            K = A + np.eye(n) * 0.5
            low = np.linalg.eigvalsh(K)[0]
            with p.using(**m):
                bound = p.residual.residual_bound(K, 0.5, s)
            cases += 1
            bad += float(bound) > low + 1e-12
    for d in ([1.0, 2.0], [3.0, 5.0, 9.0]):
        K = np.diag(d)
        for shift in (0.0, 0.5, 2.0, 8.0):
            for L in (np.zeros((len(d), 1)), np.eye(len(d)), 3 * np.eye(len(d)), np.sqrt(np.maximum(K - shift, 0))):
                cases += 1
                bound = p.residual.residual_bound(K, shift, L)
                bad += bound > F(d[0])
            bad += p.residual.exceeds_by_residual(K, F(d[0]))
            cases += 1
    lower = np.array([[2.0, 77.0], [-1.5, 2.0]])  # read by its lower triangle: eigenvalues 0.5 and 3.5
    bad += not p.residual.residual_bound(lower, 0.25, np.linalg.cholesky(lower - 0.25 * np.eye(2))) <= F(1, 2)
    bad += not p.residual.residual_bound(lower, 0.25, np.linalg.cholesky(lower - 0.25 * np.eye(2))) > F(1, 5)
    with p.using(cholesky=lambda a: (np.zeros_like(a), 0)):  # a factor of nothing
        bad += p.residual.exceeds_by_residual(np.eye(2), F(105, 100))
    return cases + 3, bad


def eigen(p):
    """Estimates that are wrong: the proof decides."""
    K, bad = np.diag([1.0, 2.0]), 0
    bad += p.eigen.largest_shift(K, F(0), estimate=5.0)[0] > 1
    bad += F(p.eigen.largest_shift(K, F(1, 2), estimate=1.4)[0]) > F(1, 2)
    for estimate in (0.5, 3.0, 100.0):
        real, p.largest.eigenvalue = p.largest.eigenvalue, lambda K, index, estimate=estimate: estimate
        bad += p.largest.opnorm_upper(np.array([[2.0, 1.0], [1.0, 2.0]])) < 3
        p.largest.eigenvalue = real
    return 5, bad


def orthonormal(p):
    """A column whose square comes out as 1 but is not."""
    bad = cases = 0
    for side in (1, -1):
        m = coarse(side, 20)
        for k in (4, 30, 200):
            v = leading(k, 2.0**-45, 1 - side * 0.45 * k * 2.0**-20 + 2.0**-44)
            with p.using(**m):
                defect = p.orthonormal.orthonormality_defect(v[:, None])
            cases += 1
            bad += F(defect) < abs(square(v) - 1)
    for Y, truth in (
        (2 * np.eye(3), 3),
        (np.eye(3)[:, :2], 0),
        (np.zeros((2, 1)), 1),
        (np.full((1, 1), 2.0**200), 2**398),
    ):
        cases += 1
        found = p.orthonormal.orthonormality_defect(Y)
        bad += found < truth
    return cases, bad


def extremes(p):
    """sigma_min and the norm of known matrices: directed roundings, perturbations in the worst direction."""
    bad = cases = 0
    instances = []
    for n, a, b in ((3, 1, 1), (8, 2, 5), (12, 1, 100)):
        for c in (1.0, 1 + 2.0**-44):
            S = (a * np.eye(n) + b * np.ones((n, n))) * c
            instances.append((S, F(a) * F(c), F(a + n * b) * F(c)))
    S = (hadamard(16) * np.asarray([1, 3] * 8, dtype=float)) @ hadamard(16)
    instances += [(S, F(16), F(48)), (np.diag([7.0, 1.0, 3.0]), F(1), F(7))]
    c = 1 + 2.0**-44
    instances += [(hadamard(16)[:4] * c, 4 * F(c), 4 * F(c))]
    for m in ({}, FLUSH, coarse(1, 26), coarse(-1, 26), coarse(0, 20)):
        for (S, low, high), method in itertools.product(instances, ("cholesky", "residual", "auto")):
            for scale, share in ((0, F(0)), (0, F(1, 4)), (-600, F(1, 4))):
                error = float(low * share) * 2.0**scale
                T, factor = np.ldexp(S, scale), F(2) ** scale
                with p.using(**m):
                    found = p.smallest.sigma_min_lower(T, error, method), p.largest.opnorm_upper(T, error)
                cases += 1
                bad += F(found[0]) > low * factor - F(error) or F(found[1]) < high * factor + F(error)
    return cases, bad


def qr(p):
    """Any X: products rounded up to length one, X that is no inverse."""
    bad = cases = 0
    for bits in (12, 20):
        for k in (1, 2, 5):
            s = np.full((1, k), 1 + 2.0**-40) / math.sqrt(k)
            size = square(s)
            for side in (1, -1):
                X = np.array([[(1 - side * 0.999 * 2.0**-bits) / math.sqrt(float(size))]])
                with p.using(**coarse(side, bits)):
                    found = p.qr.factor_bound(s, X)
                cases += 1
                bad += found is not None and found[0] ** 2 > size
    S = np.array([[1.0, 1.0], [1.0, 1.0 + 2.0**-6]])
    size = (square(S), F(1, 2**12))  # trace and determinant of SS'
    for side, turn, swap in itertools.product((1, -1), range(8), (1, -1)):

        def uneven(a, b, side=side):  # every other row too large, the others too small, by k u |a||b|
            return a @ b + side * 0.99 * a.shape[1] * 2.0**-20 * (-1.0) ** np.arange(len(a))[:, None] * (
                np.abs(a) @ np.abs(b)
            )

        m, angle = {**coarse(side, 20), "matmul": uneven}, turn * math.pi / 4
        Q = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]) @ np.diag([1.0, swap])
        X = np.linalg.solve(S.T, Q)
        for _ in range(3):  # X moves until its product comes out orthonormal
            X = X + np.linalg.solve(S.T, Q - m["matmul"](S.T, X))
        with p.using(**m):
            found = p.qr.factor_bound(S, X)
        cases += 1
        if found is not None:
            z = found[0] ** 2
            bad += z * z - size[0] * z + size[1] < 0 or z > size[0] / 2
    for x in (0.5, 0.9, 0.99, 1.01, 1.2, 2.0):
        found = p.qr.factor_bound(np.eye(2, 3), x * np.eye(2))
        cases += 1
        bad += found is not None and found[0] > 1
        found = p.qr.factor_bound(np.diag([1.0, 100.0]) @ np.eye(2, 3), np.diag([1.0, 0.01]))
        bad += found is None or found[0] > 1
    rotated = np.array([[3.0, 4.0], [-4.0, 3.0]]) @ np.diag([1.0, 2.0**40]) @ np.array([[3.0, 4.0], [-4.0, 3.0]])
    bound = p.qr.sigma_min_qr(rotated)[0]
    return cases + 1, bad + (not F(20) <= bound <= F(25))


def balls(p):
    """2 x 2 integer matrices with determinant 1: sigma_min = 1/sigma_max, and sigma_max^2 is a quadratic irrational."""
    bad = cases = 0
    for a in (1, 2, 10, 1000, 10**6, 2**25, 2**26 - 1):
        S = np.array([[a, a + 1], [a - 1, a]], dtype=float)  # det 1
        bound = p.balls.sigma_min_balls(S) ** 2
        trace = F(int(square(S)))
        cases += 1
        bad += bound * bound - trace * bound + 1 < 0 or bound > trace / 2  # the polynomial of the square, at the bound
        bad += bound * trace < F(999, 1000)
    return cases, bad


def structure(p):
    """Rows that are not orthogonal, but nearly, or at a glance."""
    bad = cases = 0
    e = 2.0**-40
    nearly = [
        np.array([[1.0, 1.0, e], [1.0, -1.0, e]]),
        np.array([[1.0, 1.0, 2.0**-600], [1.0, -1.0, 2.0**-600]]),
        np.array([[2.0**30, 1.0, 2.0**30], [2.0**30, 1.0, -(2.0**30)]]),
        np.array([[2.0**500, 2.0**500, 2.0**-1070], [2.0**500, -(2.0**500), 2.0**-1070]]),
        np.array([[1.5, 1.5], [1.5, -1.5 + 2.0**-50]]),
        np.eye(3)[[0, 0, 1]],
        np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]),
        np.vstack([np.array([[1.0, 1.0, 0.0, 0.0], [1.0, -1.0, 0.0, 0.0]]), [[0.0, 1.0, 1.0, 1.0]]]),
        np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0], [0.0, 1.0, 2.0]]),
    ]
    for m in (PLAIN, double("descending"), {}):
        for S in nearly:
            with p.using(**m):
                cases += 1
                bad += p.structure.orthogonal_rows(S) is not None
    gap = np.eye(3)
    gap[1, 1] = 0
    for S, want in (
        (gap, (F(0), F(1))),
        (np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]), (F(0), F(2))),
        (np.diag([3.0, -0.5, 0.1]), (F(0.1) ** 2, F(9))),
        (hadamard(8).astype(float)[:3] * 2.0**-300, (F(8, 4**300),) * 2),
        (np.diag([1.0, 3.0]) @ hadamard(2), (F(2), F(18))),
    ):
        cases += 1
        bad += p.structure.orthogonal_rows(S) != want
    return cases, bad


def dft(p):
    """Sums of cosines at frequency 0 and n/2, which are sums of the samples."""
    bad = cases = 0
    for side in (1, -1, 0):
        for bits in (12, 20):
            for q in (4, 40):
                v = leading(q, 2.0**-45)
                with p.using(**coarse(side, bits)):
                    re, im, e = p.dft.direct_dft(v, (np.arange(q),), (2 * q,))
                    lo, hi = p.dft.convolution_moduli(v, (np.arange(q),), (2 * q,))
                cases += 1
                truth = [sum(fractions(v), F(0)), sum((x * (-1) ** i for i, x in enumerate(fractions(v))), F(0))]
                for w, t in zip((0, q), truth, strict=True):
                    bad += abs(F(float(re[w])) - t) > F(e) or abs(F(float(im[w]))) > F(e)
                    bad += not F(float(lo[w])) <= abs(t) <= F(float(hi[w]))
    with p.using(**machine(unit=2.0**-40, tiny=2.0**-30)):
        v = np.full(6, 2.0**-31)
        re, im, e = p.dft.direct_dft(v, (np.arange(6),), (12,))
    cases += 1
    bad += abs(F(float(re[0])) - sum(fractions(v), F(0))) > F(e)
    return cases, bad


def enclosures(p):
    """Losses and activations at perturbed vectors, where the truth is rational."""
    from numerics.losses import loss
    from theory.activations import ACTIVATIONS

    bad = cases = 0
    v, y, e = [3.0, 0.25, -1.0], [0.0, 0.0, -1.0], 0.5
    squares = [F(x) - F(z) for x, z in zip(v, y, strict=True)]
    near = sum(max(F(0), abs(r) - F(e)) ** 2 for r in squares) / 2
    far = sum((abs(r) + F(e)) ** 2 for r in squares) / 2
    low, high = p.losses.enclose_loss(loss("least_squares"), v, y, e)
    bad += F(low.as_lower()) > near or F(high.as_upper()) < far or low.value < float(near) * (1 - 1e-15)
    low, high = p.losses.enclose_psi(loss("least_squares"), 2.0, 3.0)
    bad += F(low.as_lower()) ** 2 > 4 or F(high.as_upper()) ** 2 < 6 or low.value > high.value
    low, high = p.losses.enclose_loss(loss("weighted_least_squares", [4.0, 1.0, 0.1]), v, y)
    truth = (4 * 9 + F(1, 16)) / 2
    bad += not F(low.as_lower()) <= truth <= F(high.as_upper())
    identity = ACTIVATIONS["identity"].phi
    value, error = p.elementwise.certified(lambda x: x * 0.9, identity, [1.0, -2.0], 0.25)
    for x, a, r in zip((1.0, -2.0), value.tolist(), error.tolist(), strict=True):
        bad += any(abs(F(a) - F(x) - s * F(1, 4)) > F(r) for s in (-1, 1))
    return cases + 5, bad


CHECKS = [cholesky, residual, eigen, orthonormal, extremes, qr, balls, structure, dft, enclosures]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_package_is_never_wrong(check):
    cases, violations = check(Modules("numerics.rigorous"))
    assert violations == 0
    assert cases >= 3
