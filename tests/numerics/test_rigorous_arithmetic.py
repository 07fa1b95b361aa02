"""Roundings, norms and products at instances that need every constant of their bounds.

A check returns (cases, violations) for a package: none for numerics.rigorous, some for the mutants that are named with it
in :mod:`.test_rigorous_mutants`. Truths are exact: rationals, or integers in floating point.
"""

import math
from fractions import Fraction

import numpy as np
import pytest

from tests.numerics.test_rigorous_machines import (
    FLUSH,
    PLAIN,
    Modules,
    coarse,
    double,
    fractions,
    leading,
    square,
)

F = Fraction
INF = math.inf


def outward(p):
    """Rationals between two doubles, roots."""
    o, bad, cases = p.outward, 0, 0
    rng = np.random.default_rng(0)
    values = [F(int(a), int(b)) for a, b in rng.integers(1, 10**6, (100, 2))] + [F(10) ** 400, F(1, 10**400)]
    for x in [y for v in values for y in (v, -v)]:
        cases += 1
        a, b = o.above(x), o.below(x)
        bad += not (a == INF or F(a) >= x) or not (b == -INF or (b < INF and F(b) <= x))
        if 0 < x < 10**300 and x > F(1, 10**300):
            bad += F(o.sqrt_above(x)) ** 2 < x or F(o.sqrt_below(x)) ** 2 > x
            bad += o.root_above(x) ** 2 < x or o.root_below(x) ** 2 > x
    return cases, bad


def norms(p):
    """Directed roundings after a leading entry; squares that all vanish; perturbations in line."""
    bad = cases = 0
    vectors = [leading(n, 2.0**-40) for n in (2, 5, 200, 256, 257)] + [np.full(n, 1.1) for n in (3, 256, 1000)]
    settings = [(coarse(side, bits), vectors) for side in (1, -1, 0) for bits in (11, 20)]
    settings += [(coarse(1, 40, tiny=2.0**-30), [np.full(n, 2.0**-16) for n in (1, 7, 300)])]
    settings += [(m, [leading(n, 2.0**-26.5, 1.0) for n in (50, 255)]) for m in (PLAIN, FLUSH, {})]
    settings += [(m, [np.full(5, 2.0**-1060), np.full(5, 2.0**1020), np.zeros(3)]) for m in (FLUSH, {})]
    for m, vs in settings:
        for v in vs:
            with p.using(**m), np.errstate(all="ignore"):
                low, high = p.norms.norm_lower(v), p.norms.norm_upper(v)
                moved = (
                    p.norms.norm_lower(v, float(np.abs(v).max()) / 4),
                    p.norms.norm_upper(v, float(np.abs(v).max()) / 4),
                )
            s = square(v)
            reach = F(float(np.abs(v).max())) / 4
            cases += 1
            bad += F(low) ** 2 > s or (high < INF and F(high) ** 2 < s)
            # ||v|| -+ reach, squared and rearranged, without a root
            bad += moved[0] > 0 and (F(moved[0]) + reach) ** 2 > s
            bad += (moved[1] < INF and F(moved[1]) - reach < 0) or (moved[1] < INF and (F(moved[1]) - reach) ** 2 < s)
    return cases, bad


def products(p):
    """Sums that lose every later term; products that are flushed; subnormal factors read as zero; ends of intervals."""
    bad = cases = 0
    P = p.products
    pairs = [(leading(n, 2.0**-53, 1.0), np.ones(n)) for n in (2, 3, 30, 1000)]
    pairs += [(np.full(n, 2.0**-600), np.full(n, 2.0**-600)) for n in (1, 9)]
    pairs += [(np.full(n, 2.0**-1040), np.full(n, 2.0**900)) for n in (1, 9)]
    pairs += [(np.full(n, 2.0**900), np.full(n, 2.0**-1040)) for n in (1, 9)]
    pairs += [(np.full(4, 1e300), np.full(4, 1e300)), (np.full(3, 2.0**-1074), np.ones(3))]
    for m in (PLAIN, double("reversed"), FLUSH, {}):
        for x, y in pairs:
            truth = sum((a * b for a, b in zip(fractions(x), fractions(y), strict=True)), F(0))
            with p.using(**m), np.errstate(all="ignore"):
                value, error = P.dot(x, y)
                vector, errors = P.matvec(np.vstack([x, -x]), y)
                ends = P.interval_dot(-x, x, y)
                total = P.interval_sum(-x, x)
            cases += 1
            bad += error < INF and abs(F(value) - truth) > F(error)
            for sign, v, e in zip((1, -1), vector.tolist(), errors.tolist(), strict=True):
                bad += e < INF and abs(F(v) - sign * truth) > F(e)
            bad += not (ends[0] == -INF or F(ends[0]) <= -truth) or not (ends[1] == INF or F(ends[1]) >= truth)
            whole = sum(fractions(x), F(0))
            bad += F(total[0]) > -whole or F(total[1]) < whole
    return cases, bad


def matmul(p):
    """Products whose every entry errs as far as it can; norms that come out small; columns that vanish."""
    bad = cases = 0
    u = 2.0**-53
    instances = [(PLAIN, np.tile(leading(k, u, 1.0), (3, 1)), np.ones((k, 2))) for k in (2, 10, 300)]
    instances += [(FLUSH, np.full((2, k), 2.0**-600), np.full((k, 3), 2.0**-600)) for k in (1, 5)]
    instances += [(FLUSH, np.full((2, 4), 2.0**-1040), np.full((4, 3), 2.0**900))]
    instances += [(FLUSH, np.full((2, 4), 2.0**900), np.full((4, 3), 2.0**-1040))]
    tall = leading(4, 2.0**-40) * (1 - np.arange(64) * 2.0**-30)[:, None]
    instances += [(coarse(-1, 20), tall, np.ones((4, 1)) * (1 - np.arange(64) * 2.0**-30))]
    hidden = leading(16, 2.0**-16)[None, :], leading(16, 1.0, 0.0)[:, None] * (1 + 2.0**-40)
    instances += [(coarse(side, 11, tiny=2.0**-30), *hidden) for side in (1, -1)]
    for m, A, B in instances:
        with p.using(**m), np.errstate(all="ignore"):
            error = F(p.matmul.matmul_error(A, B))
        with np.errstate(all="ignore"):
            P = m["matmul"](A, B)
        rows, columns = [fractions(r) for r in A], [fractions(c) for c in B.T]
        off = sum(
            (F(float(P[i, j])) - sum((x * y for x, y in zip(r, c, strict=True)), F(0))) ** 2
            for i, r in enumerate(rows)
            for j, c in enumerate(columns)
        )
        cases += 1
        bad += off > error**2
    return cases, bad


def sharp(p):
    """Integer products with cancellation, compared in integers."""
    rng, bad, cases = np.random.default_rng(0), 0, 0
    for m in (PLAIN, double("descending"), {}):
        for k, both in ((2, True), (16, True), (100, True), (4, False)):
            A = np.ldexp(np.rint(np.ldexp(rng.uniform(0.9, 1.0, (2, k)), 50)), -50)
            A = np.hstack([A, -A])
            B = np.ldexp(np.rint(np.ldexp(rng.uniform(0.9, 1.0, (k, 2)), 50)), -50)
            B = np.vstack([B, B + np.ldexp(rng.integers(-8, 9, B.shape).astype(float), -50)])
            if not both:  # nothing cancels: the last sum rounds most
                A, B = A[:, :k], B[:k]
            with p.using(**m):
                Y, error = p.matmul.sharp_product(A, B)
            rows, columns = [fractions(r) for r in A], [fractions(c) for c in B.T]
            off = sum(
                (F(float(Y[i, j])) - sum((x * y for x, y in zip(r, c, strict=True)), F(0))) ** 2
                for i, r in enumerate(rows)
                for j, c in enumerate(columns)
            )
            cases += 1
            bad += off > F(error) ** 2
    return cases, bad


def gram(p):
    """Rows that all round the same way, many chunks, underflow."""
    bad = cases = 0
    rows = [(coarse(side, 20), np.tile(leading(k, 2.0**-45), (2, 1))) for side in (1, -1) for k in (5, 256, 2560)]
    rows += [(PLAIN, np.tile(leading(k, 2.0**-26.5, 1.0), (3, 1))) for k in (40, 256)]
    rows += [(coarse(1, 40, tiny=2.0**-30), np.full((3, k), 2.0**-16)) for k in (2, 300)]
    for m, S in rows:
        with p.using(**m):
            K, error = p.gram.gram(S)
        cases += 1
        truth = square(S[0])
        bad += sum(((x - truth) ** 2 for x in fractions(K)), F(0)) > error**2
    return cases, bad


CHECKS = [outward, norms, products, matmul, sharp, gram]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_package_is_never_wrong(check):
    cases, violations = check(Modules("numerics.rigorous"))
    assert violations == 0
    assert cases >= 3
