"""One sweep over blocks of neurons: V is read in streams, and what is kept of it has n rows at most."""

from __future__ import annotations

import sys
import time
from operator import mul
from typing import TYPE_CHECKING, Any

from flint import arb, fmpz_mat

from .files import BLOCK
from .matrices import Fix, around, exponent, flat, integers, squares, two
from .problem import BITS
from .strict import need

if TYPE_CHECKING:
    from .derived import Problem


def sweep(P: Problem) -> dict[str, Any]:
    """Everything that needs V; P.wants says what.

    Always: "c_full", ball for max|v_i|; "images"/"g", V phi(a). Wanted: "cV": "c_B", ball for max|B v_i|; "h": "images"/"h",
    V hbar; "VD", "V1": in "M", (S S' exactly, bound of |V D - S|_F or |V - S|_F). Below, v is V cut 80 bits under its largest
    entry: off by less than u = 2^q per entry.
    """
    n, k, p, q = P.n, P.k, P.p, exponent(P.tops["V"], 80) if P.tops["V"] else -2000
    phi, qP, D, qD = P.neurons
    factors = {name: row for name, row in (("VD", D), ("V1", [1 << 80] * k)) if name in P.wants}
    # flint ends the process if there is no memory: a small file must not ask for a large matrix
    fits = not factors or n <= max(4096, min(16 * k, 8192))
    need(fits, f"an n x n matrix, n = {n}, is too large for {k} neurons")
    weights = {"g": (phi, qP, (P.f * arb(k).sqrt()).upper())} | ({"h": P.box[:3]} if "h" in P.wants else {})
    B = P.B.cut(BITS) if "cV" in P.wants and P.B is not None else None
    sums, grams = {name: [0] * n for name in weights}, {name: fmpz_mat(n, n) for name in factors}
    largest = square = largest_B = at = 0
    half, started = 1 << 98, time.time()
    for values in P.arrays.rows("V", max(1, BLOCK // n)):
        v = integers(values, q)
        count = len(v) // n
        norms = [squares(v[i : i + n]) for i in range(0, len(v), n)]
        largest, square = max(largest, *norms), square + sum(norms)
        for name, (row, *_) in weights.items():  # sums over neurons of phi_i v_i
            near = row[at : at + count]
            sums[name] = [old + sum(map(mul, near, v[j::n])) for j, old in enumerate(sums[name])]
        for name, row in factors.items():  # rows d_i v_i, rounded to 61 bits
            part = enumerate(row[at : at + count])
            S = fmpz_mat(count, n, [(x * d + half) >> 99 for i, d in part for x in v[i * n : i * n + n]])
            grams[name] += S.transpose() * S
        if B is not None:
            Y = flat(fmpz_mat(count, n, [x >> 20 for x in v]) * B.M.transpose())
            largest_B = max(largest_B, *(squares(Y[i : i + p]) for i in range(0, len(Y), p)))
        at += count
        if sys.stderr.isatty() and time.time() - started > 5:
            print(f"\r{at}/{k} neurons", end="\r" if at < k else "\n", file=sys.stderr)
    cut, size = (arb(n * k).sqrt() * two(q)).upper(), (arb(square).sqrt() * two(q)).upper()
    found: dict[str, Any] = {"images": {}, "M": {}}
    for name, (_, qw, norm) in weights.items():  # V w - v w~ = (V - v) w + v (w - w~), the w_i off by at most 2 units
        err = cut * norm + size * 2 * arb(k).sqrt() * two(qw)
        found["images"][name] = Fix(fmpz_mat(n, 1, sums[name]), q + qw, err.upper())
    # |V_ij d_i - S_ij| <= half a unit + u|d_i| + 2 units |v_ij| 2^qD: in units 2^(q + qD + 99) below 1/2 + 2^-19 + 2^-18
    for name, gram in grams.items():
        qS = q + (qD if name == "VD" else -80) + 99
        found["M"][name] = (Fix(gram, 2 * qS, arb(0)), (arb(0.51) * arb(n * k).sqrt() * two(qS)).upper())
    found["c_full"] = around(arb(largest).sqrt() * two(q), arb(n).sqrt() * two(q))
    if B is not None:  # |B v_i - B~ v~_i| <= |B| |v_i - v~_i| + |B - B~| |v~_i|, v~_i cut 60 bits under the largest
        slack = arb(1.01) * arb(n).sqrt() * two(q + 20)
        err = (1 + P.delta).sqrt() * slack + B.err * (found["c_full"].upper() + slack)
        found["c_B"] = around(arb(largest_B).sqrt() * two(q + 20 + B.q), err)
    return found
