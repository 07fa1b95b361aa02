"""Obligations: how each bound is derived from the data, the table of them, and the comparison with what is claimed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flint import arb, fmpq

from .activations import sup
from .derived import Problem
from .matrices import (
    Fix,
    around,
    ceiling,
    floor_by_shift,
    floor_by_whitening,
    lower_norm,
    norm_of,
    off_identity,
    positive,
    spectral,
)
from .strict import Rejected, keys, need, number, text, texts

Params = dict[str, fmpq]


def sigma_F(P: Problem, q: Params) -> Any:
    """sigma+_min(C R) >= sigma_min(C) sigma_min(R): C has full column rank, R full row rank (both by whitening)."""
    bound = arb(1)
    if P.R:
        need(P.delta < 1, "R is not whitened")
        bound *= floor_by_whitening(P.basis_gap, P.witness("N"), q["mu"], P.witness("L_N"))
    if P.C:
        N = P.witness("N_C")  # |N_C w| is bounded through |N_C'| = |N_C|
        bound *= floor_by_whitening(P.image[1], N, q["mu_C"], P.witness("L_N_C"))
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
        K, miss = P.B.exact @ K @ P.B.exact.T, (1 + P.delta).sqrt() * miss + P.B.err * size
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


def T_norm(P: Problem, q: Params) -> Any:
    """|T| of T = C or of a square T = R: Frobenius, or by mu and L for C'C, R R'."""
    X = P.fix("C").T if P.C else P.fix("R")
    return spectral(X, q["mu"], P.witness("L_T")) if "mu" in q else X.size


def hbar_residual(P: Problem, q: Params) -> Any:
    """|T V hbar/sqrt(k) - y|."""
    need(P.box[3] > 0, "hbar is not inside the box")
    return P.length(*P.misfit(P.swept["images"]["h"], arb(P.k).sqrt()))


# (kind, method): (what has to be present (!: absent), parameters, witnesses, what the sweep has to collect, the bound).
# "mu?R" and "N?R" are needed only if R is present. A lower bound is the lower end of what the function returns.
Bound = tuple[str, str, str, str, Callable[[Problem, Params], Any]]
BOUNDS: dict[tuple[str, str], Bound] = {
    ("sigma_F_lower", "identity"): ("!R !C", "", "", "", lambda P, q: arb(1)),
    ("sigma_F_lower", "whitening"): ("", "mu?R mu_C?C", "N?R L_N?R N_C?C L_N_C?C", "", sigma_F),
    ("sigma_F_upper", "identity"): ("!R !C", "", "", "", lambda P, q: arb(1)),
    ("sigma_F_upper", "vector"): ("R !C", "", "z_F N", "", sigma_F_above),
    ("sigma_0_lower", "hidden"): ("both", "", "", "", lambda P, q: P.f),
    ("sigma_0_lower", "shift"): ("", "shift", "L_sigma0 N?R", "VD", sigma_0),
    ("sigma_0_lower", "whitening"): ("", "mu", "N_sigma0 L_N_sigma0 N?R", "VD", sigma_0),
    ("sigma_0_upper", "vector"): ("", "", "w_sigma0 N?R", "VD", sigma_0_above),
    ("c_V_upper", "projected"): ("R", "", "N", "cV", c_V),
    ("c_V_lower", "projected"): ("R", "", "N", "cV", c_V),
    ("c_V_upper", "columns"): ("!R", "", "", "", lambda P, q: P.swept["c_full"]),
    ("c_V_lower", "columns"): ("!R", "", "", "", lambda P, q: P.swept["c_full"]),
    ("c_full_upper", "columns"): ("", "", "", "", lambda P, q: P.swept["c_full"]),
    ("f_lower", "balls"): ("", "", "", "", lambda P, q: P.f),
    ("f_upper", "balls"): ("", "", "", "", lambda P, q: P.f),
    ("rho_0_upper", "balls"): ("", "", "N_C?C", "", lambda P, q: P.rho),
    ("rho_0_lower", "balls"): ("!C", "", "", "", lambda P, q: P.rho),
    ("B1_upper", "table"): ("", "", "", "", lambda P, q: sup(P.activation)[0]),
    ("B2_upper", "table"): ("", "", "", "", lambda P, q: sup(P.activation)[1]),
    ("J_norm_upper", "frobenius"): ("", "", "", "VD", J_norm),
    ("J_norm_upper", "gram"): ("", "mu", "L_J", "VD", J_norm),
    ("PKQ_upper", "identity"): ("!R", "", "", "", lambda P, q: arb(0)),
    ("PKQ_upper", "frobenius"): ("R", "", "N", "VD", PKQ),
    ("PKQ_upper", "gram"): ("R", "mu", "L_PKQ N", "VD", PKQ),
    ("ker_0_upper", "identity"): ("!R signal", "", "", "", lambda P, q: arb(0)),
    ("ker_0_upper", "projected"): ("R signal", "", "N", "", ker_0),
    ("eps_upper", "balls"): (
        "signal",
        "",
        "N_C?C",
        "",
        lambda P, q: P.length(*P.misfit(P.fix("signal"), arb(P.scale))),
    ),
    ("T_norm_upper", "identity"): ("!R !C", "", "", "", lambda P, q: arb(1)),
    ("T_norm_upper", "frobenius"): ("injective one-factor", "", "", "", T_norm),
    ("T_norm_upper", "gram"): ("injective one-factor", "mu", "L_T", "", T_norm),
    ("start_distance_upper", "balls"): ("signal", "", "", "", start_distance),
    ("V_sigma_lower", "shift"): ("!both !C", "shift", "L_V N?R", "V1", lambda P, q: _gram_floor(P, q, "V1", "V")),
    ("V_sigma_lower", "whitening"): (
        "!both !C",
        "mu",
        "N_V L_N_V N?R",
        "V1",
        lambda P, q: _gram_floor(P, q, "V1", "V"),
    ),
    ("gap_lower", "box"): ("!both !C", "", "hbar", "", lambda P, q: P.box[3]),
    ("hbar_residual_upper", "balls"): ("!both !C", "", "hbar", "h", hbar_residual),
}


@dataclass
class Outcome:
    """An obligation or a claim: what the file says, what was derived, and whether it is confirmed."""

    id: str
    kind: str
    claim: str
    derived: str
    ok: bool
    why: str = ""


@dataclass
class Obligation:
    """A declared bound, its form checked but not yet its content."""

    id: str
    kind: str
    method: str
    claim: fmpq
    text: str
    params: dict[str, fmpq]

    @classmethod
    def read(cls, item: Any, P: Problem, used: set[str]) -> Obligation:
        """Check the form; tells P what its sweep has to collect and adds the witnesses to `used`."""
        item = keys(item, "an obligation", "id kind relation claim method params witnesses")
        name, kind, method = (text(item[key], key) for key in ("id", "kind", "method"))
        need(re.fullmatch(r"[A-Za-z0-9_.-]+", name) is not None, "an id has to consist of letters, digits and . _ -")
        need((kind, method) in BOUNDS, f"{name}: unknown kind or method {kind}/{method}")
        present, params, witnesses, wants, _ = BOUNDS[kind, method]
        fits = all(P.has[word.lstrip("!")] != word.startswith("!") for word in present.split())
        need(fits, f"{name}: {kind}/{method} does not fit this problem (it needs: {present})")
        need(item["relation"] == (">=" if kind.endswith("lower") else "<="), f"{name}: wrong relation")
        given, wanted = texts(item["witnesses"], f"{name}: witnesses"), P.needed(witnesses)
        need(sorted(given) == sorted(wanted), f"{name}: the witnesses have to be {wanted}")
        need(set(wanted) <= set(P.witnesses), f"{name}: a witness is not declared")
        used.update(wanted)
        P.wants.update(wants.split())
        values = keys(item["params"], f"{name}: params", " ".join(P.needed(params)))
        values = {key: number(value, f"{name}: {key}") for key, value in values.items()}
        return cls(name, kind, method, number(item["claim"], name), item["claim"], values)

    def derive(self, P: Problem) -> Outcome:
        """Derive the bound from the data and compare: >= needs derived lower end >= claim, <= the upper end <= claim."""
        found = Outcome(self.id, self.kind, self.text, "none", False)
        try:
            bound, claim = BOUNDS[self.kind, self.method][-1](P, self.params), arb(self.claim)
            lower = self.kind.endswith("lower")
            bound = positive(bound) if lower else bound.upper()
            found.derived = bound.str(17, radius=False)
            need(bound >= claim if lower else bound <= claim, "the claim is not proved")
            found.ok = True
        except (Rejected, ArithmeticError, ValueError) as error:
            found.why = str(error)
        return found
