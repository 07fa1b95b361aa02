"""How each bound of an obligation is derived from the raw data, and the table of all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flint import arb, fmpq

from .activations import sup
from .derived import Problem
from .matrices import (
    Fix, around, ceiling, floor_by_shift, floor_by_whitening, lower_norm, norm_of, off_identity, positive, spectral,
)  # fmt: skip
from .strict import need

Params = dict[str, fmpq]


def one(P: Problem, q: Params) -> Any:
    """A factor that is absent is the identity."""
    return arb(1)


def nothing(P: Problem, q: Params) -> Any:
    """Without R there is no kernel."""
    return arb(0)


def sigma_F(P: Problem, q: Params) -> Any:
    """sigma+_min(C R) >= sigma_min(C) sigma_min(R): C has full column rank, R full row rank (both by whitening)."""
    bound = arb(1)
    if P.R:
        need(P.delta < 1, "R is not whitened")
        bound *= floor_by_whitening(P.basis_gap, P.witness("N"), q["mu"], P.witness("L_N"))
    if P.C:
        N = P.witness("N_C")  # |N_C w| is bounded through |N_C'| = |N_C|
        bound *= floor_by_whitening(P.range_gap, N, q["mu_C"], P.witness("L_N_C"))
    return bound.lower()


def sigma_F_above(P: Problem, q: Params) -> Any:
    """R has full row rank since delta < 1 (N): then sigma_F = min |R'z|/|z| over all z."""
    need(P.delta < 1, "the rank of R is not established")
    z = P.witness("z_F")
    return ((P.fix("R").T @ z).size / lower_norm(z)).upper()


def _gram_floor(P: Problem, q: Params, name: str, tag: str) -> Any:
    """sigma_min(U'X) >= (sigma_min(S) - |B X - S|_F)/sqrt(1 + delta), X = V D or V; S S' = K exactly, S = B~ S0.

    |B X - B~ S0| <= |B| |X - S0| + |B - B~| |S0|.
    """
    K, miss, size = P.gram(name)
    if P.B is not None:
        K, miss = P.B.exact @ K @ P.B.exact.T, P.B_norm * miss + P.B.err * size
    if "shift" in q:
        low = floor_by_shift(K, q["shift"], P.witness("L_" + tag))
    else:
        N = P.witness("N_" + tag)
        low = floor_by_whitening(off_identity(N @ K @ N.T), N, q["mu"], P.witness("L_N_" + tag))
    need(low > miss, "the error of the rounding exceeds the smallest singular value")
    return ((low - miss) / (1 + P.delta).sqrt()).lower()


def sigma_0(P: Problem, q: Params) -> Any:
    """sigma_0^2 = ([both] f^2) + sigma_min(U'V D)^2/k."""
    square = _gram_floor(P, q, "VD", "sigma0") ** 2 / P.k
    return (square + positive(P.f) ** 2 if P.both else square).sqrt().lower()


def V_sigma(P: Problem, q: Params) -> Any:
    """sigma_min(U'V)."""
    return _gram_floor(P, q, "V1", "V")


def sigma_0_above(P: Problem, q: Params) -> Any:
    """sigma_0 <= |J_g'x|/|x| for x = B'w in Im T': |J_g'x|^2 = ([both] f^2 |x|^2) + |D V'x|^2/k; |D V'x| <= |S'x| + e|x|."""
    M, e, _ = P.gram("VD")
    w = P.witness("w_sigma0")
    x = w if P.B is None else P.B.T @ w
    quadratic, low = (x.T @ M @ x).size, lower_norm(x)  # |S'x|^2
    ratio = (quadratic.sqrt() / low + e * x.size / low) ** 2 / P.k
    return (ratio + P.f * P.f if P.both else ratio).sqrt().upper()


def c_V(P: Problem, q: Params) -> Any:
    """Ball from |B v|/sqrt(1 + delta) to |B v|/sqrt(1 - delta), v the column with the longest B v (see Basis)."""
    c = P.swept["c_B"]
    return (c / (1 + P.delta).sqrt()).union(c / (1 - P.delta).sqrt())


def c_full(P: Problem, q: Params) -> Any:
    """max|v_i|: c_V without R."""
    return P.swept["c_full"]


def f(P: Problem, q: Params) -> Any:
    """|phi(a)|/sqrt(k); sigma_0 >= f if both layers are trained."""
    return P.f


def rho_0(P: Problem, q: Params) -> Any:
    """The residual at the start."""
    return P.rho


def B1(P: Problem, q: Params) -> Any:
    """sup|phi'|."""
    return sup(P.activation)[0]


def B2(P: Problem, q: Params) -> Any:
    """sup|phi''|."""
    return sup(P.activation)[1]


def J_norm(P: Problem, q: Params) -> Any:
    """|J_g(0)|^2 = ([both] f^2) + |V D|^2/k, |V D| <= |S| + e, |S| <= |S|_F or by mu and L (S S' = M)."""
    M, e, size = P.gram("VD")
    if "mu" in q:
        size = ceiling(M, q["mu"], P.witness("L_J"))
    square = (size + e) ** 2 / P.k
    return (square + P.f * P.f if P.both else square).sqrt().upper()


def PKQ(P: Problem, q: Params) -> Any:
    """|P K_0 Q| <= |P Z|/(k sqrt(1 - delta)), Z = V D^2 V'B' (f^2 I drops out: P Q = 0); |P Z| <= |Z - B'B Z|.

    S S' = M is off V D^2 V' by at most (2|S| + e) e, since X X' - S S' = (X - S) X' + S (X - S)'.
    """
    M, e, size = P.gram("VD")
    assert P.B is not None
    moved = Fix(M.M, M.q, ((2 * size + e) * e).upper())
    X = P.off(moved @ P.B.T).T
    outside = spectral(X, q["mu"], P.witness("L_PKQ")) if "mu" in q else X.size
    return (outside / P.k / (1 - P.delta).sqrt()).upper()


def ker_0(P: Problem, q: Params) -> Any:
    """|P z| <= |z - B'B z|, z = g(0) - xbar/s; what z is off by is projected too."""
    entries, err = P.start_error
    return (P.off(Fix.column(entries)).size + err).upper()


def start_distance(P: Problem, q: Params) -> Any:
    """|g(0) - xbar/s|."""
    entries, err = P.start_error
    return around(norm_of(entries), err)


def eps(P: Problem, q: Params) -> Any:
    """|T xbar/s - y| (projected on Im T if C is present)."""
    return P.length(*P.misfit(P.fix("signal"), arb(P.scale)))


def T_norm(P: Problem, q: Params) -> Any:
    """|C| (R absent): Frobenius, or by mu and L for C'C."""
    C = P.fix("C")
    return spectral(C.T, q["mu"], P.witness("L_T")) if "mu" in q else C.size


def gap(P: Problem, q: Params) -> Any:
    """The distance of hbar from the ends of phi(R)."""
    return P.box[3]


def hbar_residual(P: Problem, q: Params) -> Any:
    """|T V hbar/sqrt(k) - y|."""
    need(P.box[3] > 0, "hbar is not inside the box")
    return P.length(*P.misfit(P.swept["images"]["h"], arb(P.k).sqrt()))


# (kind, method): (what has to be present (!: absent), parameters, witnesses, what the sweep has to collect, the bound).
# "mu?R" and "N?R" are needed only if R is present. A lower bound is the lower end of what the function returns.
Bound = tuple[str, str, str, str, Callable[[Problem, Params], Any]]
BOUNDS: dict[tuple[str, str], Bound] = {
    ("sigma_F_lower", "identity"): ("!R !C", "", "", "", one),
    ("sigma_F_lower", "whitening"): ("", "mu?R mu_C?C", "N?R L_N?R N_C?C L_N_C?C", "", sigma_F),
    ("sigma_F_upper", "identity"): ("!R !C", "", "", "", one),
    ("sigma_F_upper", "vector"): ("R !C", "", "z_F N", "", sigma_F_above),
    ("sigma_0_lower", "hidden"): ("both", "", "", "", f),
    ("sigma_0_lower", "shift"): ("", "shift", "L_sigma0 N?R", "VD", sigma_0),
    ("sigma_0_lower", "whitening"): ("", "mu", "N_sigma0 L_N_sigma0 N?R", "VD", sigma_0),
    ("sigma_0_upper", "vector"): ("", "", "w_sigma0 N?R", "VD", sigma_0_above),
    ("c_V_upper", "projected"): ("R", "", "N", "cV", c_V),
    ("c_V_lower", "projected"): ("R", "", "N", "cV", c_V),
    ("c_V_upper", "columns"): ("!R", "", "", "", c_full),
    ("c_V_lower", "columns"): ("!R", "", "", "", c_full),
    ("c_full_upper", "columns"): ("", "", "", "", c_full),
    ("f_lower", "balls"): ("", "", "", "", f),
    ("f_upper", "balls"): ("", "", "", "", f),
    ("rho_0_upper", "balls"): ("", "", "N_C?C", "", rho_0),
    ("rho_0_lower", "balls"): ("!C", "", "", "", rho_0),
    ("B1_upper", "table"): ("", "", "", "", B1),
    ("B2_upper", "table"): ("", "", "", "", B2),
    ("J_norm_upper", "frobenius"): ("", "", "", "VD", J_norm),
    ("J_norm_upper", "gram"): ("", "mu", "L_J", "VD", J_norm),
    ("PKQ_upper", "identity"): ("!R", "", "", "", nothing),
    ("PKQ_upper", "frobenius"): ("R", "", "N", "VD", PKQ),
    ("PKQ_upper", "gram"): ("R", "mu", "L_PKQ N", "VD", PKQ),
    ("ker_0_upper", "identity"): ("!R signal", "", "", "", nothing),
    ("ker_0_upper", "projected"): ("R signal", "", "N", "", ker_0),
    ("eps_upper", "balls"): ("signal", "", "N_C?C", "", eps),
    ("T_norm_upper", "identity"): ("!R !C", "", "", "", one),
    ("T_norm_upper", "frobenius"): ("!R C", "", "", "", T_norm),
    ("T_norm_upper", "gram"): ("!R C", "mu", "L_T", "", T_norm),
    ("start_distance_upper", "balls"): ("signal", "", "", "", start_distance),
    ("V_sigma_lower", "shift"): ("!both !C", "shift", "L_V N?R", "V1", V_sigma),
    ("V_sigma_lower", "whitening"): ("!both !C", "mu", "N_V L_N_V N?R", "V1", V_sigma),
    ("gap_lower", "box"): ("!both !C", "", "hbar", "", gap),
    ("hbar_residual_upper", "balls"): ("!both !C", "", "hbar", "h", hbar_residual),
}
