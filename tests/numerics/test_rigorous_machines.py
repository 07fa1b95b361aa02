"""Machines that the model allows and that are as bad as it allows; here: that they are legal, and what they spoil."""

import importlib
from fractions import Fraction

import numpy as np
import pytest

ETA = 2.0**-1022


def flushed(z, tiny):
    z = np.asarray(z, dtype=float)
    return np.where(np.abs(z) < tiny, 0.0, z)


def machine(order="sequential", unit=2.0**-53, tiny=0.0, side=0, real_tiny=ETA):
    """Primitives by the name of the field of `Machine`, evaluated term by term, without fused multiply-add.

    order      sequential, reversed, descending (largest terms first: what follows is lost), or nested (one term at a time
               in the middle of two halves)
    unit       u; where that is not 2^-53, every result r of more than -log2 u bits is moved by u |r| to `side` (+1, -1,
               or 0: to either side in turn)
    tiny       everything below it, inputs too, counts as zero; 0: gradual underflow as it is
    """
    low_precision = unit != 2.0**-53
    state = [1]

    def rounded(z):
        z = np.asarray(z, dtype=float)
        if low_precision:
            state[0] = -state[0]
            mantissa = np.frexp(z)[0] / unit
            moved = z + (side or state[0]) * unit * (1 - 2.0**-30) * np.abs(z)
            z = np.where(mantissa == np.rint(mantissa), z, moved)  # a number of this precision is returned as it is
        return flushed(z, tiny) if tiny else z

    def accumulate(terms):
        """Sum over the first axis."""
        if order == "descending":
            terms = np.take_along_axis(terms, np.argsort(-np.abs(terms), axis=0, kind="stable"), axis=0)
        if order == "reversed":
            terms = terms[::-1]
        total = terms[0]
        if order == "nested" and len(terms) > 2:
            half = len(terms) // 2
            return rounded(accumulate(terms[:half]) + accumulate(terms[half:][::-1]))
        for term in terms[1:]:
            total = rounded(total + term)
        return total

    def products(a, b):
        a, b = (flushed(x, tiny) if tiny else x for x in (a, b))
        return rounded(a * b)

    def dot(x, y):
        return float(accumulate(products(x, y))) if x.size else 0.0

    def rows(a, b):
        return accumulate(products(a.T, b.T)) if a.size else np.zeros(len(a))

    def matmul(a, b):
        if b.ndim == 1:
            return accumulate(products(a.T, b[:, None]))
        return accumulate(products(a.T[:, :, None], b[:, None, :]))

    def add(a, b):
        return rounded(a + b)

    def cholesky(a):
        """Column by column, the terms of every sum subtracted one after the other, times a rounded reciprocal."""
        n, L, pessimist = len(a), np.zeros_like(a), low_precision

        def adverse(z, sign):  # rounded so that pivots come out large: the remainder up, what is subtracted down
            return z + sign * unit * (1 - 2.0**-30) * np.abs(z) if pessimist else z

        def vanish(z):
            return flushed(z, tiny) if tiny else np.asarray(z)

        for j in range(n):
            pivot = a[j, j]
            for k in range(j):
                pivot = vanish(adverse(pivot - vanish(adverse(L[j, k] ** 2, -1)), 1))
            if not pivot > 0:
                return L, j + 1
            L[j, j] = adverse(np.sqrt(pivot), 1)
            x = a[j + 1 :, j].copy()
            for k in range(j):
                term = vanish(L[j + 1 :, k] * L[j, k])
                term = adverse(term, -np.sign(term * x) * np.sign(term)) if pessimist else term
                x = vanish(adverse(x - term, -np.sign(x - term)))
            factor = adverse(1.0 / L[j, j], -1)
            L[j + 1 :, j] = vanish(adverse(x * factor, -np.sign(x)))
        return L, 0

    return {
        "matmul": matmul,
        "dot": dot,
        "rows": rows,
        "add": add,
        "cholesky": cholesky,
        "unit": Fraction(unit),
        "tiny": Fraction(tiny) if tiny else Fraction(real_tiny),
    }


def coarse(side, bits=11, tiny=None, **more):
    return machine(unit=2.0**-bits, side=side, tiny=tiny or 0.0, **more)


def double(*args, **more):
    """A machine whose u and eta are those of the package: it may have been told wrong ones."""
    return {key: value for key, value in machine(*args, **more).items() if key not in ("unit", "tiny")}


FLUSH = double(tiny=2.0**-1022)
PLAIN = double()


def fractions(a):
    return [Fraction(x) for x in np.ravel(a).tolist()]


def square(a):
    return sum((x * x for x in fractions(a)), Fraction(0))


def leading(n, small, first=1 + 2.0**-40):
    """One entry that all later roundings hit, and n - 1 that hardly change the sum."""
    v = np.full(n, small)
    v[0] = first
    return v


class Modules:
    """The modules of a package as attributes."""

    def __init__(self, name):
        self._name = name

    def __getattr__(self, stem):
        return importlib.import_module(f"{self._name}.{stem}")

    def using(self, **primitives):
        m = self.machine
        return m.using(m.Machine(**primitives)) if primitives else m.using(m.BLAS)


ORDERS = ("sequential", "reversed", "descending", "nested")
DOUBLE = {f"{order}{', flushed' if tiny else ''}": machine(order, tiny=tiny) for order in ORDERS for tiny in (0.0, ETA)}
COARSE = {f"u = 2^-20, side {side}": machine(unit=2.0**-20, side=side, real_tiny=ETA) for side in (1, -1, 0)}


@pytest.mark.parametrize("name", DOUBLE)
def test_orders_are_legal_and_differ_from_blas(name):
    m, rng, differ = DOUBLE[name], np.random.default_rng(0), 0
    for _ in range(20):
        A, B = rng.standard_normal((5, 40)), rng.standard_normal((40, 3))
        P, R = m["matmul"](A, B), m["rows"](A, A)
        gamma = 40 * 2.0**-53 / (1 - 40 * 2.0**-53)
        exact = [
            [sum((Fraction(x) * Fraction(y) for x, y in zip(a, b, strict=True)), Fraction(0)) for b in B.T] for a in A
        ]
        size = np.abs(A) @ np.abs(B)
        off = [[float(abs(Fraction(P[i, j]) - exact[i][j])) for j in range(3)] for i in range(5)]
        assert (np.array(off) <= gamma * size).all()
        np.testing.assert_allclose(R, np.einsum("ij,ij->i", A, A), rtol=1e-13)
        assert m["dot"](A[0], B[:, 1]) == P[0, 1]
        np.testing.assert_array_equal(m["matmul"](A, B[:, 0]), P[:, 0])
        differ += not np.array_equal(P, A @ B)
        K = A @ A.T + np.eye(5)
        L, info = m["cholesky"](K.copy())
        assert info == 0
        np.testing.assert_allclose(L @ L.T, K, rtol=0, atol=1e-13)
    assert differ > 10


def test_flushing_flushes_and_low_precision_is_low():
    m = DOUBLE["sequential, flushed"]
    assert m["dot"](np.full(3, 2.0**-600), np.full(3, 2.0**-600)) == 0.0
    assert m["dot"](np.array([2.0**-1060]), np.array([2.0**1000])) == 0.0
    assert m["cholesky"](np.array([[1.0, 2.0**-512], [2.0**-512, 2.0**-1000]]))[0][1, 1] == 2.0**-500
    ones = np.full(100, 1 + 2.0**-40)  # no number of 20 bits
    up, down = (COARSE[f"u = 2^-20, side {s}"]["dot"](ones, ones) for s in (1, -1))
    assert down < 100 - 40 * 100 * 2.0**-20 < 100 + 40 * 100 * 2.0**-20 < up
