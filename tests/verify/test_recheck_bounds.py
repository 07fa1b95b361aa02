"""The derivations of :mod:`verify.recheck` against high-precision references: never on the wrong side, and close.

Mutants of the checker that these tests and those of the claims kill (each was run): sqrt(1 - delta) and sqrt(1 + delta)
exchanged or dropped, in the basis and in the projection of the residual; the error left out of `Fix.__matmul__` (either
half), `Fix.cut`, `Fix.of`; the remainder left out of mu or shift; sqrt(1 - delta) left out of whitening; f^2 left out of
sigma_0 or J, or put in where only W is trained; sqrt(k) for k; the error of V D left out of sigma_0, from below and from
above, and the cut of V out of c_V, c_full and rho_0; ker_0 without its projection; sigma_F from a vector without the
rank; Lambda without the factor 4; drift with J for 2J; the time without b or without w_min; the weights out of rho_0 or its
error; h < 1, R' Lip < sigma_0, h >= 1/20; the hash, NaN, the flag `vacuous` and failed obligations ignored.
"""

from __future__ import annotations

import contextlib
import math
import random
from array import array
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from flint import arb, ctx, fmpq, fmpz_mat

from tests.verify.recheck_making import CASES, Maker, cholesky
from verify import recheck
from verify.recheck import Fix, activations, bounds, matrices, strict, theorems


@pytest.fixture(autouse=True)
def _precision():
    with ctx.workprec(recheck.PREC), mp.workdps(60):
        yield


def mpf(x: Any) -> Any:
    """An exact ball as an mpmath number."""
    man, exp = x.man_exp()
    return mp.mpf(int(man)) * mp.mpf(2) ** int(exp)


def inside(x: Any, truth: Any) -> bool:
    return mpf(x.lower()) <= truth <= mpf(x.upper())


REFERENCE = {
    "tanh": (mp.tanh, lambda x: mp.sech(x) ** 2),
    "erf": (mp.erf, lambda x: 2 * mp.exp(-x * x) / mp.sqrt(mp.pi)),
    "sigmoid": (lambda x: 1 / (1 + mp.exp(-x)), lambda x: 1 / (2 + mp.exp(x) + mp.exp(-x))),
    "softplus": (lambda x: mp.log(1 + mp.exp(x)), lambda x: 1 / (1 + mp.exp(-x))),
    "sin": (mp.sin, mp.cos),
    "identity": (lambda x: x, lambda x: mp.mpf(1)),
    "gelu": (lambda x: x * mp.ncdf(x), lambda x: mp.ncdf(x) + x * mp.npdf(x)),
    "silu": (lambda x: x / (1 + mp.exp(-x)), lambda x: 1 / (1 + mp.exp(-x)) + x / (2 + mp.exp(x) + mp.exp(-x))),
}


@pytest.mark.parametrize("name", recheck.ACTIVATIONS)
def test_activations(name):
    phi, dphi = REFERENCE[name]
    for x in (0.0, 1e-300, 0.3, -0.7, 2.5, -3.25, 9.0, -9.0, 35.5, -35.5):
        with mp.workdps(120):
            truth = phi(mp.mpf(x)), dphi(mp.mpf(x))
            for found, value in zip(activations.pair(name, arb(x)), truth, strict=True):
                assert abs(mpf(found.mid()) - value) <= mpf(found.rad()) + mp.mpf(10) ** -110 * (1 + abs(value))
                assert found.rad() < 1e-40
    for x in (1e300, -1e300, 5e-324, -5e-324, 1e17, -800.0):
        assert all(found.is_finite() for found in activations.pair(name, arb(x)))


@pytest.mark.parametrize("name", recheck.ACTIVATIONS)
def test_suprema(name):
    """The largest |phi'| and |phi''| on a fine grid, polished: at most the bound, and equal to it within 1e-6."""
    _, dphi = REFERENCE[name]
    B1, B2 = activations.sup(name)
    grid = [mp.mpf(i) / 64 for i in range(-400, 401)]
    first = max(abs(dphi(x)) for x in [*grid, mp.mpf(40)])
    second = max(abs(mp.diff(dphi, x)) for x in grid)
    assert mpf(B1.upper()) * (1 + mp.mpf(10) ** -15) >= first >= mpf(B1.upper()) * (1 - mp.mpf(10) ** -3)
    assert mpf(B2.upper()) + mp.mpf(10) ** -15 >= second >= mpf(B2.upper()) * (1 - mp.mpf(10) ** -3)
    assert B1.rad() < 1e-30
    assert B2.rad() < 1e-30


def test_suprema_of_gelu_and_silu_to_many_digits():
    peak = mp.findroot(lambda x: x * mp.tanh(x / 2) - 2, 2.4)
    assert abs(mpf(activations.sup("silu")[0].mid()) - (mp.mpf(1) / 2 + peak / 4)) < mp.mpf(10) ** -30
    root = mp.sqrt(2)
    assert abs(mpf(activations.sup("gelu")[0].mid()) - (mp.ncdf(root) + root * mp.npdf(root))) < mp.mpf(10) ** -40


# --- fixed point ---------------------------------------------------------------------------------------------------------
def exact(matrix: np.ndarray) -> list[list[Fraction]]:
    return [[Fraction(float(x)) for x in row] for row in matrix]


def distance(X: Fix, truth: list[list[Fraction]]) -> Any:
    """|X - truth|_F."""
    two = Fraction(2) ** X.q
    gaps = [int(X.M[i, j]) * two - x for i, row in enumerate(truth) for j, x in enumerate(row)]
    total = sum(gap * gap for gap in gaps)
    return mp.sqrt(mp.mpf(total.numerator) / mp.mpf(total.denominator))


def product(A: list[list[Fraction]], B: list[list[Fraction]]) -> list[list[Fraction]]:
    return [[sum(a * b for a, b in zip(row, column, strict=True)) for column in zip(*B, strict=True)] for row in A]


def of(matrix: np.ndarray, bits: int = 60) -> Fix:
    return Fix.of(array("d", np.ascontiguousarray(matrix).ravel().tolist()), *matrix.shape, bits)


@pytest.mark.parametrize("scale", [1.0, 1e-300, 1e300, 2.0**-1060])
@pytest.mark.parametrize("seed", range(5))
def test_fixed_point_matrices_know_their_error(scale, seed):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((4, 5)) * 10.0 ** rng.uniform(-12, 0, (4, 5)) * scale
    B = rng.standard_normal((5, 3)) * 10.0 ** rng.uniform(-12, 0, (5, 3))
    for bits in (20, 60, 400):
        X, Y = of(A, bits), of(B, bits)
        for fix, truth in (
            (X, exact(A)),
            (X @ Y, product(exact(A), exact(B))),
            (X.cut(15), exact(A)),
            ((X @ Y).cut(17), product(exact(A), exact(B))),
            (X - X.cut(13), [[Fraction(0)] * 5] * 4),
        ):
            gap = distance(fix, truth)
            assert gap <= mpf(fix.err)
            assert mpf(fix.err) <= 40 * max(gap, mpf(fix.norm) * mp.mpf(2) ** (-bits))
        assert (X.err == 0) is (bits == 400 or distance(X, exact(A)) == 0)


def test_the_error_of_a_product_is_not_forgotten():
    """Every entry is cut by nearly one unit, so the bound is nearly attained."""
    A = np.array([[1.0, 2.0**-19 - 2.0**-59]])
    X = of(A, 20)
    assert mpf(X.err) >= distance(X, exact(A)) > mpf(X.err) / 2
    Y = X @ of(np.array([[1.0], [1.0]]))
    assert mpf(Y.err) >= distance(Y, [[Fraction(1) + Fraction(2.0**-19 - 2.0**-59)]]) > 0


def test_integers_are_cut_by_less_than_one():
    values = [1.0, -1.0, 1e-310, -3e-5, 5e-324, 0.75, -0.999]
    for q in (-1100, -1001, -60, -1, 0, 3, 1001):
        if q < -1022:
            values = [5e-324, -1e-310]
        for x, n in zip(values, matrices.integers(array("d", values), q), strict=True):
            assert abs(Fraction(x) / Fraction(2) ** q - n) < 1


def test_numbers_are_read_exactly():
    for x in (0.0, 5e-324, 0.1, 1.7e308, 3.0):
        assert strict.number(x.hex(), "x") == fmpq(*x.as_integer_ratio())
    assert strict.number("3/16", "x") == fmpq(3, 16)


def test_balls_become_integers_within_the_error():
    rng = random.Random(1)
    for scale in (1, 10**-40, 10**300):
        balls = [arb(fmpq(rng.randint(-(10**9), 10**9), rng.randint(1, 10**9))) * scale for _ in range(50)]
        X, q, error = matrices.to_integers(balls, 40)
        assert max(map(abs, X)).bit_length() in (39, 40)
        for x, n in zip(balls, X, strict=True):
            gap = abs(x - arb(n) * matrices.two(q))
            assert gap.upper() <= error
    assert matrices.to_integers([arb(0), arb(10) ** -(10**6)], 40)[0] == [0, 0]


# --- bounds by witnesses: close with a good witness, valid with any ------------------------------------------------------
@pytest.mark.parametrize("seed", range(6))
def test_norms_and_floors_by_witnesses(seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((4, 7)) * 10.0 ** rng.uniform(-3, 0, (4, 1))
    with mp.workdps(60):
        s = mp.svd_r(mp.matrix(X.tolist()), compute_uv=False)
    top, bottom = s[0], s[3]
    K, F = X @ X.T, of(X, 400)
    mu = float(top**2 * (1 + mp.mpf(10) ** -9))
    bound = mpf(matrices.spectral(F, fmpq(*mu.as_integer_ratio()), of(cholesky(mu * np.eye(4) - K))))
    assert top <= bound <= top * (1 + mp.mpf(10) ** -8)
    shift = float(bottom**2 * (1 - mp.mpf(10) ** -6))
    low = mpf(matrices.floor_by_shift(F @ F.T, fmpq(*shift.as_integer_ratio()), of(cholesky(K - shift * np.eye(4)))))
    assert bottom * (1 - mp.mpf(10) ** -5) <= low <= bottom
    N = np.linalg.inv(np.linalg.cholesky(K))
    gap = of(N) @ (F @ F.T) @ of(N).T - matrices.multiple(fmpq(1), 4)[0]
    mu = float(np.linalg.norm(N, 2) ** 2 * (1 + 1e-9))
    low = mpf(
        matrices.floor_by_whitening(gap, of(N), fmpq(*mu.as_integer_ratio()), of(cholesky(mu * np.eye(4) - N @ N.T)))
    )
    assert bottom * (1 - mp.mpf(10) ** -7) <= low <= bottom
    for _ in range(20):  # nothing about the witnesses is trusted
        L = of(rng.standard_normal((4, 4)) * 10.0 ** rng.uniform(-4, 1))
        q = fmpq(int(rng.integers(1, 10**6)), 10**5)
        assert mpf(matrices.spectral(F, q, L)) >= top
        with contextlib.suppress(recheck.Rejected):
            assert mpf(matrices.floor_by_shift(F @ F.T, q, L)) <= bottom
        M = of(N * rng.uniform(0.7, 1.3))
        with contextlib.suppress(recheck.Rejected):
            assert (
                mpf(matrices.floor_by_whitening(M @ (F @ F.T) @ M.T - matrices.multiple(fmpq(1), 4)[0], M, q, L))
                <= bottom
            )


# --- every number of a problem against mpmath ------------------------------------------------------------------------------
def truths(maker: Maker) -> dict[str, Any]:
    """Every bounded quantity with 60 digits, from the definitions (SVD, pseudo-inverse) and not from whitening."""
    M = {name: mp.matrix(np.atleast_2d(x).tolist()) for name, x in maker.arrays.items()}
    k, V, y = maker.k, M["V"].T, M["y"].T
    n = V.rows
    R, C = M.get("R", mp.eye(n)), M.get("C")
    T = C * R if C is not None else R
    phi, dphi = REFERENCE[maker.activation]
    h = mp.matrix([phi(mp.mpf(float(x))) for x in maker.arrays["a"]])
    D = mp.diag([dphi(mp.mpf(float(x))) for x in maker.arrays["a"]])
    U = mp.matrix(mp.qr(R.T, mode="skinny")[0])
    g = V * h / mp.sqrt(k)
    norm = lambda x: mp.sqrt(sum(t * t for t in x))  # noqa: E731
    top = lambda A: mp.svd_r(A, compute_uv=False)[0]  # noqa: E731
    bottom = lambda A: mp.svd_r(A, compute_uv=False)[min(A.rows, A.cols) - 1]  # noqa: E731
    Pi = mp.eye(len(y))
    if C is not None:
        W = mp.matrix(mp.qr(C, mode="skinny")[0])
        Pi = W * W.T
    xbar = M["signal"].T / mp.mpf(maker.scale)
    w = [mp.mpf(float(x)) for x in maker.arrays.get("weights", np.ones(len(y)))]
    r = Pi * (T * g - y)
    f, VD = norm(h) / mp.sqrt(k), V * D
    both = f**2 if maker.train == "both" else 0
    P = mp.eye(n) - U * U.T
    zF = bottom(R) * (bottom(C) if C is not None else 1)  # what the method can reach: sigma_min(C) sigma_min(R)
    return {
        "sigma_F": zF, "sigma_0": mp.sqrt(both + bottom(U.T * VD) ** 2 / k), "f": f,
        "c_V": max(norm((U.T * V)[:, i]) for i in range(k)), "c_full": max(norm(V[:, i]) for i in range(k)),
        "rho_0": mp.sqrt(sum(a * b * b for a, b in zip(w, r, strict=True)) / min(w)),
        "J_norm": mp.sqrt(both + sum(x * x for x in VD) / k), "J_true": mp.sqrt(both + top(VD) ** 2 / k),
        "PKQ": top(P * VD * VD.T * U) / k if maker.R is not None else mp.mpf(0),
        "ker_0": norm(P * (g - xbar)) if maker.R is not None else mp.mpf(0), "eps": norm(Pi * (T * xbar - y)),
        "T_norm": mp.sqrt(sum(x * x for x in C)) if C is not None else mp.mpf(1), "start_distance": norm(g - xbar),
        "sigma_F_true": bottom(T) if maker.C is None or maker.R is None else mp.svd_r(T, compute_uv=False)[R.rows - 1],
    }  # fmt: skip


@pytest.mark.parametrize("off", [1e-3, -1e-3])
@pytest.mark.parametrize("case", CASES)
def test_every_bound_is_on_its_side_and_close(case, off, tmp_path):
    options = CASES[case] | {"k": 40}
    maker = Maker(**options)
    maker.arrays["y"] = maker.arrays["y"] + 0.1  # so that C has something to project away
    maker = shaken(maker, off)
    truth = truths(maker)
    exactly = {"sigma_F_upper": truth["sigma_F_true"]}
    # how close: the witnesses decide for sigma (they are shaken by 1e-4, so delta is not negligible), else nothing is lost
    loose = {"c_V_upper", "c_V_lower", "sigma_0_lower", "sigma_F_lower", "rho_0_upper", "eps_upper", "ker_0_upper", "PKQ_upper",
             "sigma_0_upper", "sigma_F_upper"}  # fmt: skip
    P = problem(maker, tmp_path)
    seen = set()
    for item in maker.obligations:
        obligation = recheck.Obligation.read(item, P, set())
        bound = recheck.BOUNDS[obligation.kind, obligation.method][-1](P, obligation.params)
        name, side = obligation.kind.rsplit("_", 1) if obligation.kind[0] != "B" else ("", "")
        if not name:
            continue
        value, seen = exactly.get(obligation.kind, truth[name]), seen | {obligation.kind}
        found = mpf(bound.lower() if side == "lower" else bound.upper())
        assert (found <= value) if side == "lower" else (found >= value), (obligation.kind, found, value)
        slack = (mp.mpf(10) ** -2 if obligation.kind in loose else mp.mpf(10) ** -13) * value
        assert abs(found - value) <= slack + mp.mpf(10) ** -3 * (obligation.kind in ("ker_0_upper", "PKQ_upper")), (
            obligation.kind, found, value,
        )  # fmt: skip
    assert {"sigma_F_lower", "sigma_0_lower", "c_V_upper", "rho_0_upper", "eps_upper"} <= seen


def shaken(maker: Maker, off: float) -> Maker:
    """Witnesses that are off by 1e-3, to both sides, so that every delta counts (mutants that drop a delta die of this)."""
    rng = np.random.default_rng(7)
    for name in ("N", "N_C"):
        if name in maker.witnesses:
            N = maker.witnesses[name]
            maker.witnesses[name] = N * (1 + off) + 1e-4 * abs(off) * np.abs(N).max() * rng.standard_normal(N.shape)
    for name, N in (("L_N", "N"), ("L_N_C", "N_C")):
        if N in maker.witnesses:
            N, key = maker.witnesses[N], {"L_N": "mu", "L_N_C": "mu_C"}[name]
            mu = float(np.linalg.norm(N, 2) ** 2) * (1 + 1e-9)
            maker.witnesses[name] = cholesky(mu * np.eye(len(N)) - N @ N.T)
            next(item for item in maker.obligations if item["kind"] == "sigma_F_lower")["params"][key] = mu.hex()
    if "N" not in maker.witnesses:
        return maker
    B = maker.witnesses["N"] @ maker.R
    VD = maker.arrays["V"].T * maker.D
    S = B @ VD
    shift = float(np.linalg.svd(S, compute_uv=False)[-1] ** 2) * (1 - 1e-9)
    maker.witnesses["L_sigma0"] = cholesky(S @ S.T - shift * np.eye(len(B)))
    next(item for item in maker.obligations if item["kind"] == "sigma_0_lower")["params"]["shift"] = shift.hex()
    Z = VD @ VD.T @ B.T
    Z = Z - B.T @ (B @ Z)
    mu = float(np.linalg.norm(Z, 2) ** 2) * (1 + 1e-9)
    maker.witnesses["L_PKQ"] = cholesky(mu * np.eye(len(B)) - Z.T @ Z)
    next(item for item in maker.obligations if item["kind"] == "PKQ_upper")["params"]["mu"] = mu.hex()
    return maker


def problem(maker: Maker, folder: Path) -> recheck.Problem:
    maker.claims = []
    maker.put("sharp.condition", "UNKNOWN", reason="", failed="", help="")
    maker.claims[0]["uses"] = [item["id"] for item in maker.obligations]  # so that all witnesses are written
    document = maker.document()
    maker.write(folder, document)
    P = recheck.Problem(document["problem"], document["witnesses"])
    for item in maker.obligations:
        recheck.Obligation.read(item, P, set())
    P.open(str(folder / "cert.npz"))
    return P


def test_sigma_of_an_ill_conditioned_factor_is_close(tmp_path):
    """Condition number 1e6: a claim 1e-9 under the truth is proved, by whitening."""
    maker = Maker(5, 5, 5, 60, train="W")
    rng = np.random.default_rng(4)
    Q = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    W = np.linalg.qr(rng.standard_normal((60, 5)))[0]
    maker.arrays["V"] = np.ascontiguousarray(((Q * np.logspace(0, -6, 5)) @ W.T / maker.D).T)
    V = mp.matrix(maker.arrays["V"].T.tolist())
    D = mp.diag([mp.sech(mp.mpf(float(x))) ** 2 for x in maker.arrays["a"]])
    truth = mp.svd_r(V * D, compute_uv=False)[4] / mp.sqrt(60)
    N, mu = maker.whiten(maker.arrays["V"].T * maker.D, "N_sigma0", "L_N_sigma0")
    value = float(truth * (1 - mp.mpf(10) ** -9))
    maker.obligations = [item for item in maker.obligations if item["kind"] != "sigma_0_lower"]
    maker.witnesses.pop("L_sigma0")
    mu *= 1 - 0.99e-8  # the margin of the maker is too wide here
    maker.witnesses["L_N_sigma0"] = cholesky(mu * np.eye(5) - N @ N.T)
    maker.add("sigma_0_lower", "whitening", value, {"mu": mu.hex()}, ["N_sigma0", "L_N_sigma0"])
    maker.obligations[-1]["claim"] = value.hex()
    P = problem(maker, tmp_path)
    found = recheck.Obligation.read(maker.obligations[-1], P, set()).derive(P)
    assert found.ok, (found, truth)
    assert mp.mpf(found.derived) <= truth * (1 + mp.mpf(10) ** -16)


def test_the_rank_of_R_is_not_taken_on_trust(tmp_path):
    """R of rank 3 instead of 4: z in the kernel of R' would 'show' sigma_F <= 1e-9, and N cannot whiten."""
    maker = Maker(4, 4, 6, 50)
    U, s, W = np.linalg.svd(maker.arrays["R"], full_matrices=False)
    s[-1] = 0.0
    maker.arrays["R"] = (U * s) @ W
    maker.witnesses["z_F"] = U[:, -1].copy()
    P = problem(maker, tmp_path)
    for item in maker.obligations:
        if item["kind"] in ("sigma_F_upper", "sigma_F_lower", "c_V_upper", "sigma_0_upper"):
            assert not recheck.Obligation.read(item, P, set()).derive(P).ok


# --- data at which the rounding decides: entries between the units of the fixed point --------------------------------------
def tiny(
    V: list[list[float]], R: list[list[float]] | None, folder: Path, **witnesses: list[list[float]]
) -> recheck.Problem:
    """phi the identity, a = 0, so that V D = V."""
    maker = Maker(2, 2, 2, 2, train="W") if R is None else Maker(1, 1, 2, 2, train="W")
    maker.activation, maker.obligations = "identity", []
    maker.arrays |= {"V": np.array(V), "a": np.zeros(2)}
    if R is not None:
        maker.arrays["R"] = np.array(R)
    maker.witnesses = {name: np.array(x) for name, x in witnesses.items()}
    maker.add("c_full_upper", "columns", 0.0)
    if R is not None:
        maker.add("c_V_upper", "projected", 0.0, {}, ["N"])
    else:
        maker.add("sigma_0_lower", "shift", 0.0, {"shift": "0"}, ["L_sigma0"])
        maker.add("sigma_0_upper", "vector", 0.0, {}, ["w_sigma0"])
    return problem(maker, folder)


def test_the_cut_of_V_counts(tmp_path):
    P = tiny([[1.0, 2.0**-80], [0.0, 0.0]], [[0.0, 1.0]], tmp_path, N=[[1.0]])
    assert mpf(P.swept["c_full"].upper()) >= mp.sqrt(1 + mp.mpf(2) ** -160)
    P = tiny([[1.0, 2.0**-60], [0.0, 0.0]], [[0.0, 1.0]], tmp_path, N=[[1.0]])
    assert mp.mpf(2) ** -60 <= mpf(bounds.c_V(P, {}).upper()) <= mp.mpf(2) ** -57


@pytest.mark.parametrize("units", [0.6, 1.4, 1.6, 2.4, 2.6])
def test_the_rounding_of_V_D_counts(tmp_path, units):
    """The smaller singular value is `units` units of S: it is rounded to the next integer."""
    smallest = units * 2.0**-59
    L = [[1.0, 0.0], [0.0, round(units) * 2.0**-59]]
    P = tiny([[1.0, 0.0], [0.0, smallest]], None, tmp_path, L_sigma0=L, w_sigma0=[0.0, 1.0])
    assert P.gram("VD")[0].q == -118
    upper = mpf(bounds.sigma_0_above(P, {})) * mp.sqrt(2)
    assert smallest <= upper <= (round(units) + 1.03) * 2.0**-59
    _, e, _ = P.gram("VD")
    assert abs(round(units) - units) * 2.0**-59 <= mpf(e)
    largest = 2.0**59 / round(units)
    mu = largest**2 * (1 + 1e-12)
    P.fixed |= {
        "w_N_sigma0": of(np.diag([1.0, largest])),
        "w_L_N_sigma0": of(np.diag([math.sqrt(mu - 1), largest * 1e-6])),
    }
    if round(units) > 1:  # beyond the error
        lower = mpf(bounds.sigma_0(P, {"mu": fmpq(*mu.as_integer_ratio())})) * mp.sqrt(2)
        assert (round(units) - 1.03) * 2.0**-59 <= lower <= smallest
    else:
        with pytest.raises(recheck.Rejected, match="rounding"):
            bounds.sigma_0(P, {"mu": fmpq(*mu.as_integer_ratio())})


# --- conclusions -----------------------------------------------------------------------------------------------------------
def instance(both: bool = True, R: bool = True, k: int = 100) -> Any:
    return SimpleNamespace(
        both=both, R=R, k=k, w_min=arb(1), scale=fmpq(2), activation="tanh", has={"injective": not R}
    )


def values(**changes: float) -> dict[str, Any]:
    base = {
        "sigma_F": 0.5,
        "sigma_0": 0.75,
        "c_V": 1.25,
        "c_full": 1.5,
        "rho_0": 0.25,
        "B1": 1.0,
        "B2": 0.75,
        "f": 0.625,
    }
    base |= {"J_norm": 1.5, "PKQ": 0.125, "ker_0": 0.1, "eps": 0.01, "T_norm": 1.0, "start_distance": 0.5}
    return {key: arb(x) for key, x in (base | changes).items()}


def close(ball: Any, truth: Any, relative: float = 1e-25) -> bool:
    return abs(mpf(ball.mid()) - truth) <= mp.mpf(relative) * (1 + abs(truth)) and ball.rad() < 1e-20


@pytest.mark.parametrize("both", [True, False])
def test_slope_is_that_of_the_quadratic_form(both):
    """k Lambda^2 is the largest eigenvalue of [[B1^2, B1 X], [B1 X, B1^2 + X^2]] (both), X^2 (W)."""
    B1, X = mp.mpf(1), mp.mpf("0.75") * mp.mpf("1.25")
    A = mp.matrix([[B1**2, B1 * X], [B1 * X, B1**2 + X**2]])
    truth = mp.sqrt(max(mp.eigsy(A, eigvals_only=True)) / 100) if both else X / 10
    assert close(theorems.slope(instance(both), values(), arb(1.25)), truth)


def test_sharp_conclusions_solve_the_majorant():
    P, v = instance(), values()
    Lam = mpf(theorems.slope(P, v, v["c_V"]).mid())
    found = theorems.sharp(P, v, arb(1) / 64)
    ell = mpf(found["ell_star <"].mid())
    assert (
        abs(mp.mpf("0.75") * ell - Lam * ell**2 / 2 - mp.mpf("0.5")) < mp.mpf(10) ** -30
    )  # sigma_0 l - Lambda l^2/2 = rho_0/sigma_F
    slope = mp.mpf("0.75") - Lam * ell
    assert close(found["rate >"], slope**2 / 4)
    # the time: the integral of d rho/((a + b rho) rho) from the level to rho_0
    a, b = slope**2 / 4, Lam
    time = mp.quad(lambda rho: 1 / ((a + b * rho) * rho), [mp.mpf(1) / 64, mp.mpf(1) / 16, mp.mpf(1) / 4])
    assert close(found["time <"], time, 1e-15)
    assert mpf(theorems.sharp(P, v, arb(1))["time <"]) == 0
    P.w_min = arb(2)
    assert close(theorems.sharp(P, v, arb(1) / 64)["time <"], time / 2, 1e-15)
    assert close(theorems.sharp(P, v, None)["rate >"], slope**2 / 2)
    assert theorems.sharp(P, v, None)["time <"] is None


def test_conditions_at_their_edge():
    P = instance()
    v = values()
    Lam = theorems.slope(P, v, v["c_V"])
    edge = v["sigma_F"] * v["sigma_0"] ** 2 / (2 * Lam)
    for factor, holds in ((1 - 1e-12, True), (1 + 1e-12, False)):
        w = v | {"rho_0": edge * factor}
        if holds:
            theorems.sharp(P, w, None)
        else:
            with pytest.raises(recheck.Rejected):
                theorems.sharp(P, w, None)
    radius = mp.findroot(lambda r: r * mpf(theorems.slope(P, v, v["c_V"] + arb(str(r))).mid()) - mp.mpf("0.375"), 0.5)
    for factor, holds in ((1 - 1e-12, True), (1 + 1e-12, False)):
        w = v | {"rho_0": arb(str(radius * mp.mpf("0.5") * mp.mpf("0.75") / 2 * factor))}
        if holds:
            assert close(theorems.baseline(P, w, None)["R_prime <"], radius, 1e-10)
        else:
            with pytest.raises(recheck.Rejected):
                theorems.baseline(P, w, None)
    capacity = v["sigma_F"] * 10 * v["f"] ** 2
    theorems.amgm(P, v | {"rho_0": capacity * (1 - 1e-12)}, None)
    with pytest.raises(recheck.Rejected):
        theorems.amgm(P, v | {"rho_0": capacity * (1 + 1e-12)}, None)
    with pytest.raises(recheck.Rejected):
        theorems.amgm(instance(both=False), v, None)


def test_amgm_and_baseline_conclusions():
    found = theorems.amgm(instance(), values(), arb(1) / 8)
    square = mp.mpf("0.625") ** 2 - mp.mpf("0.25") / (mp.mpf("0.5") * 10)
    assert close(found["s_star >"], mp.sqrt(square))
    assert close(found["rate >"], square / 4)
    assert close(found["length <"], mp.mpf("0.5") / mp.sqrt(square))
    assert close(found["time <"], mp.log(2) / (square / 4))
    found = theorems.baseline(instance(k=10**4), values(), arb(1) / 8)
    assert close(found["rate >"], mp.mpf("0.75") ** 2 / 16)
    assert close(found["R_prime <"], mp.mpf("0.5") / (mp.mpf("0.5") * mp.mpf("0.75")))


@pytest.mark.parametrize("Lam", [0.0, 1e-300, 1e-30, 1e-6, 0.1, 1.0])
def test_drift_is_the_integral(Lam):
    v, ell = values(), arb(0.5)
    found = mpf(theorems.drift(v, arb(Lam), ell).upper())
    L = mp.mpf(Lam)
    truth = mp.quad(lambda r: (mp.mpf("0.125") + L * r * (3 + L * r)) / (mp.mpf("0.75") - L * r), [0, 0.25, 0.5])
    assert truth * (1 - mp.mpf(10) ** -40) <= found <= truth * (1 + mp.mpf(10) ** (-20 if Lam > 1e-6 else -5))


def test_recovery_conclusions():
    P, v = instance(), values()
    found = theorems.kernel(P, v, None)
    drift = mpf(found["drift <"].mid())
    assert close(found["limit <"], 2 * mp.sqrt(mp.mpf(0.01) ** 2 * 4 + (mp.mpf(0.1) + drift) ** 2))
    assert mpf(theorems.kernel(instance(R=False), v, None)["drift <"]) == 0
    assert theorems.kernel(P, v, None)["h_full <"] > theorems.sharp(P, v, None)["h <"]
    P = instance(R=False, k=10**4)
    found = theorems.recovery(P, v | {"start_distance": arb(1.25)}, None)
    radius, Lam = mp.mpf(4) / 3, mpf(theorems.slope(P, v, v["c_V"]).mid())
    dist = mp.mpf("1.25") - (radius * mp.mpf("0.75") - Lam * radius**2 / 2)
    assert close(found["dist <"], dist, 1e-20)
    assert close(found["limit <"], 2 * (3 * dist + mp.mpf(0.01) * 2), 1e-20)
    assert mpf(theorems.recovery(P, v, None)["dist <"]) == 0
    with pytest.raises(recheck.Rejected):
        theorems.recovery(instance(R=True, k=10**4), v, None)


def test_zero_or_undecided_values_prove_nothing():
    P = instance()
    for name in ("sigma_F", "sigma_0"):
        for rule in (theorems.sharp, theorems.baseline):
            with pytest.raises((recheck.Rejected, ArithmeticError)):
                rule(P, values(**{name: 0.0}), None)
    with pytest.raises(recheck.Rejected):
        theorems.threshold(P, values() | {"V_sigma": arb(1), "gap": arb(0), "hbar_residual": arb(0)}, None)
    with pytest.raises(recheck.Rejected):
        strict.need(arb(0, 1) < arb(0.5), "undecided")


def test_a_matrix_of_zeros_is_no_division():
    zero = of(np.zeros((2, 2)))
    assert mpf(zero.size) == 0
    assert (fmpz_mat(2, 2) == zero.M) is True
    with pytest.raises(recheck.Rejected):
        matrices.lower_norm(zero)
    assert math.isfinite(matrices.exponent(1e308, 60))


@pytest.mark.parametrize("both", [True, False])
def test_refutations_at_their_edge(both):
    P, v = instance(both=both), values()
    B1, B2 = activations.sup("tanh")
    Lam = theorems.slope(P, v | {"B1": B1, "B2": B2}, v["c_V"])
    edge = v["sigma_F"] * v["sigma_0"] ** 2 / (2 * Lam)
    assert theorems.not_sharp(P, v | {"rho_0": edge * (1 + 1e-12)}, None)["h >"] > arb(0.5)
    with pytest.raises(recheck.Rejected):
        theorems.not_sharp(P, v | {"rho_0": edge * (1 - 1e-12)}, None)
    for rho, false in ((2 * edge, True), (edge / 10, False)):
        if false:
            theorems.not_baseline(P, v | {"rho_0": rho}, None)
        else:
            with pytest.raises(recheck.Rejected):
                theorems.not_baseline(P, v | {"rho_0": rho}, None)
    capacity = v["sigma_F"] * 10 * v["f"] ** 2
    for factor in (1 + 1e-12, 1 - 1e-12):
        if factor > 1 and both:
            theorems.not_amgm(P, v | {"rho_0": capacity * factor}, None)
        else:
            with pytest.raises(recheck.Rejected):
                theorems.not_amgm(P, v | {"rho_0": capacity * factor}, None)


@pytest.mark.parametrize(
    ("activation", "hbar", "gap"),
    [("tanh", [-0.875, 0.5], 0.125), ("tanh", [0.75, -0.5], 0.25), ("sigmoid", [0.125, 0.5], 0.125),
     ("sigmoid", [0.5, 0.75], 0.25), ("softplus", [3.0, 0.5], 0.5), ("tanh", [1.5, 0.0], -0.5)],
)  # fmt: skip
def test_the_gap_of_a_box(tmp_path, activation, hbar, gap):
    maker = Maker(2, 2, 2, 2, train="W")
    maker.activation, maker.obligations = activation, []
    maker.witnesses["hbar"] = np.array(hbar)
    maker.add("gap_lower", "box", 0.0, {}, ["hbar"])
    P = problem(maker, tmp_path)
    assert mpf(P.box[3].lower()) == gap


def test_weights_in_the_error_of_rho(tmp_path):
    """One weight 10^40 times the other: what the misfit is off by counts with that factor."""
    maker = Maker(2, 2, 2, 2, train="W", weighted=True)
    maker.arrays["weights"] = np.array([1.0, 1e40])
    P = problem(maker, tmp_path)
    entries, err = P.misfit(P.swept["images"]["g"], arb(2).sqrt())
    assert P.rho.rad() >= err * arb(10) ** 20 * 0.9
    assert len(entries) == 2
